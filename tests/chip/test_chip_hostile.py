"""A chip that answers anything at any step: the terminal ends with a typed error or a result, and it ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.documents.chip.active_authentication import authenticate_active
from border_agent.documents.chip.apdu import read_command
from border_agent.documents.chip.bac import establish_bac
from border_agent.documents.chip.chip_authentication import authenticate_chip, verify_cam
from border_agent.documents.chip.errors import ChipError, PaceFailed, Reason
from border_agent.documents.chip.files import FileId, read_file, select_application
from border_agent.documents.chip.pace import choose_pace, establish_pace
from border_agent.documents.chip.passwords import MrzPassword
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds.keys import read_dg14, read_dg15
from border_agent.documents.lds.security_infos import read_security_infos
from border_agent.documents.lds.signed_data import read_card_security
from border_agent.documents.tlv import read_only, write_tlv
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.profile import (
    ActiveAuthenticationOffer,
    ChipAuthenticationOffer,
    ChipProfile,
    Mapping,
    PaceOffer,
)
from border_agent.specimens.chip.sample import sample_booklet

TDES, AES = SymmetricCipher.TDES, SymmetricCipher.AES256
PACES = (
    PaceOffer(mapping=Mapping.GENERIC, cipher=AES, parameter_id=9),
    PaceOffer(mapping=Mapping.GENERIC, cipher=TDES, parameter_id=0),
    PaceOffer(mapping=Mapping.INTEGRATED, cipher=AES, parameter_id=9),
    PaceOffer(mapping=Mapping.INTEGRATED, cipher=TDES, parameter_id=0),
    PaceOffer(mapping=Mapping.CHIP_AUTHENTICATION, cipher=AES, parameter_id=9),
)
PROVES = (
    ChipProfile(chip_authentication=ChipAuthenticationOffer(cipher=TDES, parameter_id=9)),
    ChipProfile(chip_authentication=ChipAuthenticationOffer(cipher=AES, parameter_id=0)),
    ChipProfile(active_authentication=ActiveAuthenticationOffer(parameter_id=9, digest="sha1")),
)
MOST_COMMANDS = 200


@lru_cache(maxsize=16)
def booklet(profile: ChipProfile) -> Booklet:
    return sample_booklet(profile)


class Tampered:
    """A chip whose answers someone changes, from `first` on for `times` answers."""

    def __init__(self, chip: Booklet, first: int, times: int, change: Callable[[bytes], bytes]) -> None:
        self.chip, self.first, self.times, self.change = VirtualChip(chip), first, times, change
        self.heard = 0

    @property
    def atr(self) -> bytes:
        return self.chip.atr

    def transmit(self, apdu: bytes) -> bytes:
        self.heard += 1
        answer = self.chip.transmit(apdu)
        return self.change(answer) if self.first <= self.heard < self.first + self.times else answer


def flip(place: int, bit: int) -> Callable[[bytes], bytes]:
    def apply(answer: bytes) -> bytes:
        changed = bytearray(answer)
        changed[place % len(changed)] ^= 1 << bit
        return bytes(changed)

    return apply


def splice(place: int, cut: int, piece: bytes) -> Callable[[bytes], bytes]:
    return lambda answer: answer[: place % (len(answer) + 1)] + piece + answer[place % (len(answer) + 1) + cut :]


changes = (
    st.builds(flip, st.integers(0, 300), st.integers(0, 7))
    | st.builds(splice, st.integers(0, 300), st.integers(0, 300), st.binary(max_size=40))
    | st.binary(max_size=60).map(lambda data: lambda answer: data)
    | st.binary(max_size=60).map(lambda data: lambda answer: data + b"\x90\x00")
    | st.sampled_from([0x6100, 0x61FF, 0x6C00, 0x6300, 0x63C1, 0x6982, 0x6A82, 0x6700, 0x6F00, 0x9000]).map(
        lambda status: lambda answer: answer[:-2] + status.to_bytes(2, "big")
    )
)


def ends(card: Tampered, run: Callable[[ChipSession], object]) -> None:
    try:
        run(ChipSession(card))
    except ChipError:
        pass
    assert card.heard <= MOST_COMMANDS


@given(st.sampled_from(PACES), st.integers(1, 9), st.sampled_from([1, 1000]), changes)
def test_pace(offer: PaceOffer, first: int, times: int, change: Callable[[bytes], bytes]) -> None:
    chip = booklet(ChipProfile(pace=(offer,)))
    info = choose_pace(read_security_infos(chip.files["EF.CardAccess"]))
    assert info is not None

    def run(session: ChipSession) -> None:
        result = establish_pace(session, info, MrzPassword(chip.mrz_information))
        if result.cam_data is not None:
            verify_cam(result.cam_data, read_card_security(chip.files["EF.CardSecurity"]))
        select_application(session)
        read_file(session, FileId.COM, largest=1_000)

    ends(Tampered(chip, first, times, change), run)


@given(st.sampled_from(PROVES), st.integers(1, 14), st.sampled_from([1, 1000]), changes)
def test_basic_access_and_proofs(
    profile: ChipProfile, first: int, times: int, change: Callable[[bytes], bytes]
) -> None:
    chip = booklet(profile)

    def run(session: ChipSession) -> None:
        select_application(session)
        establish_bac(session, chip.mrz_information)
        read_file(session, FileId.DG1, largest=1_000)
        if profile.chip_authentication is not None:
            authenticate_chip(session, read_dg14(chip.files["DG14"]))
        else:
            authenticate_active(session, read_dg15(chip.files["DG15"]).key, read_dg14(chip.files["DG14"]))
        read_file(session, FileId.COM, largest=1_000)

    ends(Tampered(chip, first, times, change), run)


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=6), st.sampled_from(PACES))
def test_a_chip_of_noise(answers: list[bytes], offer: PaceOffer) -> None:
    chip = booklet(ChipProfile(pace=(offer,)))
    info = choose_pace(read_security_infos(chip.files["EF.CardAccess"]))
    assert info is not None
    waiting = iter(answers * MOST_COMMANDS)
    card = Tampered(chip, 1, 1000, lambda answer: next(waiting))
    ends(card, lambda session: establish_pace(session, info, MrzPassword(chip.mrz_information)))


@given(st.data())
@settings(max_examples=40)
def test_a_chip_that_knows_the_protocol_and_sends_any_key(data: st.DataObject) -> None:
    """Well-formed answers with public keys of the chip's choice: off the curve, small, infinite."""
    offer = data.draw(st.sampled_from(PACES[:2]))
    chip = booklet(ChipProfile(pace=(offer,)))
    info = choose_pace(read_security_infos(chip.files["EF.CardAccess"]))
    assert info is not None
    size = 128 if offer.parameter_id == 0 else 48
    key = data.draw(
        st.sampled_from([b"", b"\x00", b"\x01", b"\x04", bytes(size), b"\x04" + bytes(size), b"\xff" * size])
        | st.binary(min_size=size, max_size=size)
        | st.binary(min_size=size, max_size=size).map(lambda tail: b"\x04" + tail)
    )
    step = data.draw(st.sampled_from([3, 4]))
    tag = {3: 0x82, 4: 0x84}[step]
    card = Tampered(chip, step, 1, lambda answer: write_tlv(0x7C, write_tlv(tag, key)) + b"\x90\x00")
    with pytest.raises(PaceFailed) as refused:
        establish_pace(ChipSession(card), info, MrzPassword(chip.mrz_information))
    assert refused.value.reason is Reason.point_not_on_curve and card.heard == step


@pytest.mark.parametrize("offer", PACES[:2] + PACES[4:], ids=lambda offer: f"{offer.mapping}-{offer.parameter_id}")
def test_the_terminals_own_key_sent_back(offer: PaceOffer) -> None:
    chip = booklet(ChipProfile(pace=(offer,)))
    info = choose_pace(read_security_infos(chip.files["EF.CardAccess"]))
    assert info is not None

    class Mirror(Tampered):
        def transmit(self, apdu: bytes) -> bytes:
            answer = super().transmit(apdu)
            if self.heard != 4:
                return answer
            key = read_only(read_only(read_command(apdu).data, 0x7C), 0x83)
            return write_tlv(0x7C, write_tlv(0x84, key)) + b"\x90\x00"

    card = Mirror(chip, 0, 0, bytes)
    with pytest.raises(PaceFailed) as refused:
        establish_pace(ChipSession(card), info, MrzPassword(chip.mrz_information))
    assert refused.value.reason is Reason.same_public_key
