"""The card's reading of 9303-11 against the terminal's: written apart, they must agree on every combination."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from card_kit import LARGEST, opened_by_bac, opened_by_pace, session_with

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.documents.chip.active_authentication import authenticate_active
from border_agent.documents.chip.apdu import CommandApdu
from border_agent.documents.chip.bac import establish_bac
from border_agent.documents.chip.chip_authentication import authenticate_chip, verify_cam
from border_agent.documents.chip.errors import AccessRefused, ChipCloned, PaceFailed
from border_agent.documents.chip.files import FileId, read_file, select_application
from border_agent.documents.chip.pace import choose_pace, establish_pace
from border_agent.documents.chip.passwords import CanPassword, MrzPassword
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.lds import read_card_security, read_dg1, read_dg14, read_dg15, read_security_infos
from border_agent.documents.mrz import MrzFormat, mrz_information, parse_mrz
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.personalise import cloned
from border_agent.specimens.chip.profile import (
    ActiveAuthenticationOffer,
    ActiveKind,
    ChipAuthenticationOffer,
    ChipProfile,
    Mapping,
    PaceOffer,
    Written,
)
from border_agent.specimens.chip.sample import (
    ACTIVE,
    BAC_ONLY,
    FORMATS,
    MAPPED,
    MODERN,
    sample_booklet,
    sample_holder,
    sample_lines,
    today,
)
from border_agent.specimens.chip.security_files import card_access

CAN = "314159"
CURVES, PRIME_GROUPS = range(8, 19), range(3)
SECP224R1 = 10
"""Its prime is 1 modulo 4: integrated mapping does not exist for it."""


def pace_offers() -> list[PaceOffer]:
    """Every cipher with brainpoolP256r1 and a group; every curve and group with AES-128; and what there is of CAM."""
    wide = itertools.product(Mapping, SymmetricCipher, (13, 0))
    deep = itertools.product(Mapping, [SymmetricCipher.AES128], [*CURVES, *PRIME_GROUPS])
    return [
        PaceOffer(mapping=mapping, cipher=cipher, parameter_id=number)
        for mapping, cipher, number in dict.fromkeys([*wide, *deep])
        if not (mapping is Mapping.CHIP_AUTHENTICATION and (number in PRIME_GROUPS or cipher is SymmetricCipher.TDES))
        and not (mapping is Mapping.INTEGRATED and number == SECP224R1)
    ]


def with_pace(booklet: Booklet, offer: PaceOffer) -> Booklet:
    """The booklet with this PACE alone; what is signed stays as it is."""
    profile = ChipProfile(bac=False, pace=(offer,), can=CAN)
    files = booklet.files | {"EF.CardAccess": card_access(profile)}
    return msgspec.structs.replace(booklet, profile=profile, files=files)


def test_every_pace_opens_the_chip_with_either_password() -> None:
    plain = sample_booklet(BAC_ONLY)
    for index, offer in enumerate(pace_offers()):
        booklet = with_pace(plain, offer)
        if booklet.profile.cam:
            booklet = sample_booklet(booklet.profile)
        password = MrzPassword(booklet.mrz_information) if index % 2 else CanPassword(CAN)
        _, session, result = opened_by_pace(booklet, password)
        assert result.access == f"pace-{offer.mapping}", offer
        assert read_file(session, FileId.DG1, largest=LARGEST) == booklet.files["DG1"], offer
        if booklet.profile.cam:
            infos = read_card_security(booklet.files["EF.CardSecurity"])
            assert verify_cam(result.cam_data, infos).method == "cam", offer


@pytest.mark.parametrize("cipher", SymmetricCipher)
def test_every_cipher_reads_every_file(cipher: SymmetricCipher) -> None:
    booklet = sample_booklet(ChipProfile(pace=(PaceOffer(cipher=cipher),)))
    _, session, _ = opened_by_pace(booklet)
    for name, content in booklet.files.items():
        if FileId(name).in_application:
            assert read_file(session, FileId(name), largest=LARGEST) == content


def test_basic_access_reads_every_file() -> None:
    booklet = sample_booklet(BAC_ONLY)
    _, session = opened_by_bac(booklet)
    for name, content in booklet.files.items():
        if FileId(name).in_application:
            assert read_file(session, FileId(name), largest=LARGEST) == content


@pytest.mark.parametrize("number", ["U27182818", "U2718281828459"])
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_of_page_opens_its_chip(format: MrzFormat, number: str) -> None:
    """Also with a number too long for its field; TD3 has no room for one."""
    if format is MrzFormat.TD3:
        number = number[:9]
    lines = sample_lines(format, number=number)
    booklet = sample_booklet(BAC_ONLY, holder=sample_holder(lines, details=False))
    assert booklet.mrz_information == mrz_information(parse_mrz("\n".join(lines), today=today()))
    _, session = opened_by_bac(booklet)
    read = read_file(session, FileId.DG1, largest=LARGEST)
    assert read_dg1(read) == lines


@pytest.mark.parametrize("written", Written)
@pytest.mark.parametrize("cipher", SymmetricCipher)
@pytest.mark.parametrize("number", [13, 12, 1])
def test_chip_authentication_gives_new_keys(number: int, cipher: SymmetricCipher, written: Written) -> None:
    offer = ChipAuthenticationOffer(cipher=cipher, parameter_id=number, written=written, key_id=number % 2 or None)
    booklet = sample_booklet(ChipProfile(pace=(PaceOffer(),), chip_authentication=offer))
    _, session, _ = opened_by_pace(booklet)
    proof = authenticate_chip(session, read_dg14(booklet.files["DG14"]))
    assert proof.method == "ca"
    assert read_file(session, FileId.DG2, largest=LARGEST) == booklet.files["DG2"]


def test_chip_authentication_with_a_long_key_and_short_commands() -> None:
    """A public key of 256 bytes does not fit into one short command: it comes in a chain."""
    for cipher in (SymmetricCipher.TDES, SymmetricCipher.AES128):
        offer = ChipAuthenticationOffer(parameter_id=2, cipher=cipher)
        booklet = sample_booklet(ChipProfile(chip_authentication=offer, extended=False))
        _, session = opened_by_bac(booklet)
        assert authenticate_chip(session, read_dg14(booklet.files["DG14"])).method == "ca"
        assert read_file(session, FileId.DG1, largest=LARGEST) == booklet.files["DG1"]


ACTIVE_OFFERS = [
    *(ActiveAuthenticationOffer(digest=digest) for digest in ("sha1", "sha224", "sha256", "sha384", "sha512")),
    *(ActiveAuthenticationOffer(parameter_id=number) for number in (11, 13, 15, 18)),
    *(
        ActiveAuthenticationOffer(kind=ActiveKind.RSA, bits=1024, digest=digest)
        for digest in ("sha1", "sha224", "sha256", "sha384", "sha512")
    ),
]


@pytest.mark.parametrize("offer", ACTIVE_OFFERS, ids=str)
def test_active_authentication(offer: ActiveAuthenticationOffer) -> None:
    booklet = sample_booklet(msgspec.structs.replace(ACTIVE, active_authentication=offer))
    key = read_dg15(booklet.files["DG15"]).key
    infos = read_dg14(booklet.files["DG14"]) if "DG14" in booklet.files else ()
    _, session = opened_by_bac(booklet)
    assert authenticate_active(session, key, infos).method == "aa"
    _, session = opened_by_bac(cloned(booklet))
    with pytest.raises(ChipCloned):
        authenticate_active(session, key, infos)


def test_a_clone_is_told_by_each_of_its_proofs() -> None:
    clone = cloned(sample_booklet(MODERN))
    _, session, _ = opened_by_pace(clone)
    with pytest.raises(ChipCloned):
        authenticate_chip(session, read_dg14(clone.files["DG14"]))
    clone = cloned(sample_booklet(MAPPED))
    _, session, result = opened_by_pace(clone)
    with pytest.raises(ChipCloned):
        verify_cam(result.cam_data, read_card_security(clone.files["EF.CardSecurity"]))


def test_wrong_passwords_are_refused_and_right_ones_taken_afterwards() -> None:
    booklet = sample_booklet(MODERN)
    wrong = booklet.mrz_information.replace("U", "V", 1)
    chip = VirtualChip(booklet)
    session = session_with(chip)
    info = choose_pace(read_security_infos(booklet.files["EF.CardAccess"]))
    assert info is not None
    for password in (MrzPassword(wrong), CanPassword("000000")):
        with pytest.raises(AccessRefused):
            establish_pace(session, info, password)
    select_application(session)
    with pytest.raises(AccessRefused):
        establish_bac(session, wrong)
    establish_bac(session, booklet.mrz_information)
    assert read_file(session, FileId.DG1, largest=LARGEST) == booklet.files["DG1"]


def test_a_chip_without_a_can_knows_none() -> None:
    booklet = sample_booklet(msgspec.structs.replace(MODERN, can=""))
    with pytest.raises(PaceFailed):
        opened_by_pace(booklet, CanPassword("271828"))


@pytest.mark.parametrize("size", [1, 2])
def test_one_key_is_named_where_the_chip_has_several(size: int) -> None:
    """Whatever number its key has: bytes of one or two."""
    offer = ChipAuthenticationOffer(key_id=200 * size)
    booklet = sample_booklet(ChipProfile(pace=(PaceOffer(),), chip_authentication=offer))
    _, session, _ = opened_by_pace(booklet)
    assert authenticate_chip(session, read_dg14(booklet.files["DG14"])).method == "ca"


@pytest.mark.parametrize(
    "profile", [BAC_ONLY, msgspec.structs.replace(BAC_ONLY, extended=False)], ids=["long", "short"]
)
def test_a_portrait_beyond_32_kib_needs_the_odd_instruction(profile: ChipProfile) -> None:
    holder = msgspec.structs.replace(sample_holder(details=False), dg2=b"\x75\x82\xc0\x00" + bytes(range(256)) * 192)
    booklet = sample_booklet(profile, holder=holder)
    chip, session = opened_by_bac(booklet)
    assert read_file(session, FileId.DG2, largest=LARGEST) == holder.dg2
    assert chip.wrongs.apdus < (40 if profile.extended else 260)


def test_two_chips_in_one_process_know_nothing_of_each_other() -> None:
    booklet = sample_booklet(BAC_ONLY)
    first, session = opened_by_bac(booklet)
    second = VirtualChip(booklet)
    assert ChipSession(second).send(CommandApdu(0, 0xB0, 0x9E, 0, ne=4)).sw != 0x9000
    assert read_file(session, FileId.DG1, largest=LARGEST) == booklet.files["DG1"]
    first.power(on=True)
    assert not first.selected
