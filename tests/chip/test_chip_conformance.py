"""The worked examples of Doc 9303-11: every command as printed, every key, and every altered answer refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chip_transports import Script

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.crypto.curves import curve_by_name
from border_agent.crypto.kdf import ENC, MAC, derive
from border_agent.documents.chip.bac import bac_seed, establish_bac
from border_agent.documents.chip.errors import AccessRefused, ChipProtocolError, MessagingError, PaceFailed
from border_agent.documents.chip.files import FileId, read_file
from border_agent.documents.chip.mapping import encode_to_curve, pseudo_random
from border_agent.documents.chip.pace import PaceResult, choose_pace, establish_pace
from border_agent.documents.chip.passwords import CanPassword, MrzPassword, Password, pace_key
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds.security_infos import read_security_infos

BAC = "bac_secure_messaging_9303-11_D.json"
GENERIC = "pace_gm_ecdh_9303-11_G1.json"
INTEGRATED = "pace_im_ecdh_9303-11_H1.json"
AES = SymmetricCipher.AES128


@pytest.fixture(scope="module")
def examples(conformance: Path) -> dict[str, dict[str, Any]]:
    return {file.name: json.loads(file.read_text()) for file in (conformance / "chip").glob("*.json")}


def given(values: list[str]) -> Callable[[int], bytes]:
    """What a random source gives: these values, in order."""
    waiting = [bytes.fromhex(value) for value in values]
    return lambda size: waiting.pop(0)


def script(example: dict[str, Any], **other: str) -> Script:
    """The example's exchange; `other` gives the answers of steps that are altered, by name."""
    return Script(
        ((step["request"], *step.get("also_accept", ())), other.get(step["step"], step["response"]))
        for step in example["exchange"]
    )


def password(example: dict[str, Any]) -> Password:
    secret = example["password"]
    if secret["type"] == "mrz":
        return MrzPassword(secret["mrz_information"])
    return CanPassword(secret["value"])


def log_in_and_read(example: dict[str, Any], card: Script, randoms: list[str]) -> tuple[ChipSession, bytes]:
    session = ChipSession(card)
    establish_bac(session, example["password"]["mrz_information"], given(randoms))
    return session, read_file(session, FileId.COM, largest=100)


def pace(example: dict[str, Any], card: Script) -> tuple[ChipSession, PaceResult]:
    info = choose_pace(read_security_infos(bytes.fromhex(example["ef_card_access"])))
    assert info is not None and info.oid == example["oid"] and info.parameter_id == example["parameter_id"]
    keys = list(example.get("terminal_private_keys", {}).values()) or [example["terminal_private_key"]]
    session = ChipSession(card)
    result = establish_pace(
        session,
        info,
        password(example),
        random=given([example.get("terminal_nonce_t", "")]),
        private=lambda order: int(keys.pop(0), 16),
    )
    return session, result


def test_basic_access_and_reading_as_printed(examples: dict[str, dict[str, Any]]) -> None:
    example = examples[BAC]
    card, expect = script(example), example["expect"]
    session, content = log_in_and_read(example, card, example["terminal_randoms"])
    assert content.hex().upper() == expect["ef_com"]
    assert not card.steps
    assert session.messaging is not None and session.messaging.ssc == int(expect["ssc_after_reading"], 16)
    seed = bac_seed(example["password"]["mrz_information"])
    assert seed.hex().upper() == expect["k_seed"]
    tdes = SymmetricCipher.TDES
    assert [derive(seed, counter, tdes).hex().upper() for counter in (ENC, MAC)] == [expect["k_enc"], expect["k_mac"]]


def test_altered_answers_in_basic_access_are_refused(examples: dict[str, dict[str, Any]]) -> None:
    example = examples[BAC]
    for case in example["must_fail"]:
        card = script(example, **({case["at"]: case["response"]} if "response" in case else {}))
        if "terminal_randoms" in case:  # the terminal says something else than printed; the chip answers as printed
            card.steps = [((), response) for _, response in card.steps]
        with pytest.raises((ChipProtocolError, MessagingError)) as refused:
            log_in_and_read(example, card, case.get("terminal_randoms", example["terminal_randoms"]))
        assert refused.value.reason == case["reason"], case["change"]
        assert len(card.sent) == [step["step"] for step in example["exchange"]].index(case["at"]) + 1


@pytest.mark.parametrize("name", [GENERIC, INTEGRATED])
def test_pace_as_printed(examples: dict[str, dict[str, Any]], name: str) -> None:
    example = examples[name]
    card, expect = script(example), example["expect"]
    assert pace_key(password(example), AES).hex().upper() == expect["k_pi"]
    session, result = pace(example, card)
    assert not card.steps
    assert result.access == {GENERIC: "pace-gm", INTEGRATED: "pace-im"}[name] and result.cam_data is None
    messaging = session.messaging
    assert messaging is not None and messaging.ssc == int(expect["ssc"], 16) and messaging.cipher is AES
    assert messaging._ks_enc.hex().upper() == expect["ks_enc"]
    assert messaging._ks_mac.hex().upper() == expect["ks_mac"]


@pytest.mark.parametrize("name", [GENERIC, INTEGRATED])
def test_altered_answers_in_pace_are_refused(examples: dict[str, dict[str, Any]], name: str) -> None:
    example = examples[name]
    for case in example["must_fail"]:
        card = script(example, **{case["at"]: case["response"]})
        with pytest.raises((PaceFailed, AccessRefused)) as refused:
            pace(example, card)
        assert refused.value.reason == case["reason"], case["change"]
        assert isinstance(refused.value, AccessRefused) is (case["reason"] == "status_word")
        assert card.sent[-1] in [step["request"] for step in example["exchange"] if step["step"] == case["at"]]


def test_an_empty_answer_to_the_terminals_nonce_may_be_written_in_three_ways(
    examples: dict[str, dict[str, Any]],
) -> None:
    example = examples[INTEGRATED]
    step = next(step for step in example["exchange"] if step["step"].endswith("map nonce"))
    for answer in step["also_possible"]:
        _, result = pace(example, script(example, **{step["step"]: answer}))
        assert result.access == "pace-im"


def test_the_integrated_mapping_step_by_step(examples: dict[str, dict[str, Any]]) -> None:
    example, curve = examples[INTEGRATED], curve_by_name("brainpoolP256r1")
    assert curve is not None
    expect = example["expect"]
    field = pseudo_random(AES, bytes.fromhex(expect["nonce_s"]), bytes.fromhex(example["terminal_nonce_t"]), curve.p)
    assert field == int(expect["prf_mod_p"], 16) == int(expect["prf"], 16) % curve.p
    mapped = (int(expect["mapped_generator_x"], 16), int(expect["mapped_generator_y"], 16))
    assert encode_to_curve(curve, field) == mapped


def test_keys_from_passwords(examples: dict[str, dict[str, Any]]) -> None:
    for item in examples["key_derivation.json"]["items"]:
        secret = password(item)
        if "k" in item:
            assert secret.secret.hex().upper() == item["k"], item["source"]
        if "k_pi" in item:
            assert pace_key(secret, AES).hex().upper() == item["k_pi"], item["source"]
        if "k_seed" in item:
            seed = bac_seed(item["password"]["mrz_information"])
            assert seed.hex().upper() == item["k_seed"]
            assert derive(seed, ENC, SymmetricCipher.TDES).hex().upper() == item["k_enc_3des"]
            assert derive(seed, MAC, SymmetricCipher.TDES).hex().upper() == item["k_mac_3des"]
