"""The card's side of the standard's own worked examples, as far as they print the card's random numbers.

Basic access and secure messaging whole (9303-11, appendix D); of PACE the card's nonce and, for integrated mapping,
the generator (appendices G and H): the card's private keys are not in the set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.specimens.chip.agreement import Domain
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.card_mapping import mapped
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.profile import ChipProfile, Mapping, PaceOffer
from border_agent.specimens.chip.security_files import card_access


def example(conformance: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((conformance / "chip" / f"{name}.json").read_text())
    return loaded


def dealt(*values: str) -> Callable[[int], bytes]:
    """Random numbers that are these, in their order."""
    waiting: Iterator[str] = iter(values)

    def random(size: int) -> bytes:
        value = bytes.fromhex(next(waiting))
        assert len(value) == size
        return value

    return random


def test_basic_access_and_secure_messaging_answer_byte_for_byte(conformance: Path) -> None:
    vector = example(conformance, "bac_secure_messaging_9303-11_D")
    expect = vector["expect"]
    booklet = Booklet(
        profile=ChipProfile(),
        mrz_information=vector["password"]["mrz_information"],
        files={"EF.COM": bytes.fromhex(expect["ef_com"])},
    )
    chip = VirtualChip(booklet, random=dealt(expect["rnd_ic"], expect["k_ic"]))
    chip.transmit(bytes.fromhex("00A4040C07A0000002471001"))
    for step in vector["exchange"]:
        assert chip.transmit(bytes.fromhex(step["request"])).hex().upper() == step["response"], step["step"]


@pytest.mark.parametrize(
    ("name", "mapping"),
    [("pace_gm_ecdh_9303-11_G1", Mapping.GENERIC), ("pace_im_ecdh_9303-11_H1", Mapping.INTEGRATED)],
)
def test_pace_begins_as_printed(name: str, mapping: Mapping, conformance: Path) -> None:
    vector = example(conformance, name)
    password = vector["password"]
    profile = ChipProfile(
        pace=(PaceOffer(mapping=mapping, parameter_id=vector["parameter_id"]),), can=password.get("value", "")
    )
    assert card_access(profile).hex().upper() == vector["ef_card_access"]
    nonce = vector["expect"].get("nonce_s") or vector["expect"]["nonce"]
    booklet = Booklet(profile=profile, mrz_information=password.get("mrz_information", ""), files={})
    steps = {step["step"]: step for step in vector["exchange"]}
    choose, fetch, map_nonce = list(steps.values())[:3]
    for request in (choose["request"], *choose["also_accept"]):
        chip = VirtualChip(booklet, random=dealt(nonce))
        assert chip.transmit(bytes.fromhex(request)).hex() == "9000"
        assert chip.transmit(bytes.fromhex(fetch["request"])).hex().upper() == fetch["response"]
    if mapping is Mapping.INTEGRATED:
        assert chip.transmit(bytes.fromhex(map_nonce["request"])).hex().upper() == map_nonce["response"]


def test_integrated_mapping_finds_the_printed_generator(conformance: Path) -> None:
    vector = example(conformance, "pace_im_ecdh_9303-11_H1")
    expect = vector["expect"]
    nonce, terminal_nonce = bytes.fromhex(expect["nonce_s"]), bytes.fromhex(vector["terminal_nonce_t"])
    domain = Domain.standard(vector["parameter_id"])
    point = mapped(domain, SymmetricCipher.AES128, nonce, terminal_nonce)
    assert point == (int(expect["mapped_generator_x"], 16), int(expect["mapped_generator_y"], 16))
