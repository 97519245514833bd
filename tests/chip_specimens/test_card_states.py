"""What the card allows when, and the status words it refuses with: lengths, access, secure messaging, chaining."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from card_kit import APPLICATION, opened_by_bac, opened_by_pace, say
from hypothesis import given
from hypothesis import strategies as st

from border_agent.documents.chip.apdu import CommandApdu
from border_agent.documents.chip.bac import establish_bac
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.tlv import read_all, write_tlv
from border_agent.specimens.chip.booklet import Booklet, BookletUnreadable, load_booklet
from border_agent.specimens.chip.card_apdu import Refusal, parse_command
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.personalise import with_files
from border_agent.specimens.chip.sample import ACTIVE, BAC_ONLY, MAPPED, MODERN, sample_booklet

CHALLENGE = "0084000008"
SHORT = msgspec.structs.replace(BAC_ONLY, extended=False)


@pytest.fixture(scope="module")
def modern() -> Booklet:
    return sample_booklet(MODERN)


@pytest.fixture(scope="module")
def basic() -> Booklet:
    return sample_booklet(BAC_ONLY)


@pytest.mark.parametrize(
    ("apdu", "status"),
    [
        ("00", "6700"),
        ("00A4", "6700"),
        ("00A4020C02011E00FF", "6700"),
        ("00A4020C0301", "6700"),
        ("00A4020C000000", "6A86"),
        ("80CA000000", "6E00"),
        ("00CA000000", "6D00"),
        ("00A4080C02011E", "6A86"),
        ("00A4040C07A0000002471002", "6A82"),
        ("00B0000004", "6986"),
        ("00B1000003540100", "6986"),
        ("00B100000153", "6A80"),
        ("0022C1A400", "6A80"),
        ("0022AAAA03800101", "6A86"),
        ("00860000027C00", "6985"),
        ("0086000003800100", "6A80"),
        ("0088000008000000000000000000", "6D00"),
        ("0082000028" + "00" * 40, "6985"),
        ("0CB0000004", "6987"),
        ("0C84000000", "6987"),
    ],
)
def test_what_a_chip_that_nobody_has_opened_refuses(apdu: str, status: str, modern: Booklet) -> None:
    assert say(VirtualChip(modern), apdu) == status


def test_free_files_are_free_and_others_are_not(modern: Booklet) -> None:
    chip = VirtualChip(modern)
    access = modern.files["EF.CardAccess"].hex().upper()
    assert say(chip, "00A4020C02011C") == "9000"
    assert say(chip, "00B0000000") == access + "9000"
    assert say(chip, "00B09C0000") == access + "9000"
    assert say(chip, "00A4020C022F01") == "9000"
    assert say(chip, "00A4000C023F00") == "9000"
    assert say(chip, "00A4020C02011D") == "6A82"  # no EF.CardSecurity
    assert say(chip, APPLICATION.hex()) == "9000"
    for file in ("011E", "0101", "0103", "0110"):
        assert say(chip, f"00A4020C02{file}") == "6982"
    assert say(chip, "00B09E0004") == "6982"
    assert say(chip, "00B1001E0354010000") == "6982"


def test_reading_around_the_end_of_a_file(modern: Booklet) -> None:
    chip = VirtualChip(modern)
    access = modern.files["EF.CardAccess"]
    say(chip, "00A4020C02011C")
    last = len(access) - 1
    assert say(chip, f"00B0{last:04X}01") == access[-1:].hex().upper() + "9000"
    assert say(chip, f"00B0{last:04X}02") == access[-1:].hex().upper() + "6282"
    assert say(chip, f"00B0{last:04X}00") == access[-1:].hex().upper() + "9000"
    assert say(chip, f"00B0{len(access):04X}01") == "6B00"
    assert say(chip, f"00B1000004540200{last:02X}08") == f"5301{access[-1]:02X}9000"


def test_cardsecurity_opens_to_pace_only() -> None:
    booklet = sample_booklet(msgspec.structs.replace(MAPPED, bac=True))
    _, session = opened_by_bac(booklet)
    session.send(CommandApdu(0, 0xA4, 0, 0x0C, b"\x3f\x00"))
    select = CommandApdu(0, 0xA4, 2, 0x0C, b"\x01\x1d")
    assert session.send(select).sw == 0x6982
    _, session, _ = opened_by_pace(booklet)
    session.send(CommandApdu(0, 0xA4, 0, 0x0C, b"\x3f\x00"))
    assert session.send(select).ok


def test_fingers_stay_closed_to_whoever_knows_the_password_only(basic: Booklet) -> None:
    _, session = opened_by_bac(with_files(basic, {"DG3": b"\x63\x00"}))
    assert session.send(CommandApdu(0, 0xA4, 2, 0x0C, b"\x01\x03")).sw == 0x6982
    assert session.send(CommandApdu(0, 0xA4, 2, 0x0C, b"\x01\x04")).sw == 0x6A82


def test_a_plain_command_ends_the_session(basic: Booklet) -> None:
    chip, session = opened_by_bac(basic)
    assert session.send(CommandApdu(0, 0xA4, 2, 0x0C, b"\x01\x1e")).ok
    assert say(chip, "00B0000004") == "6982"
    assert session.messaging is not None
    protected = session.messaging.protect(CommandApdu(0, 0xB0, 0, 0, ne=4)).encode()
    assert chip.transmit(protected).hex() == "6987"


def protected_read(session: ChipSession) -> bytes:
    assert session.messaging is not None
    return session.messaging.protect(CommandApdu(0, 0xB0, 0x9E, 0, ne=4)).encode()


def altered(apdu: bytes, change: str) -> bytes:
    """A protected command (short) with its data objects changed."""
    objects = read_all(apdu[5 : 5 + apdu[4]])
    match change:
        case "checksum missing":
            objects = [one for one in objects if one.tag != 0x8E]
        case "length changed":
            objects = [one._replace(value=b"\x05") if one.tag == 0x97 else one for one in objects]
        case "checksum changed":
            objects = [one._replace(value=bytes(8)) if one.tag == 0x8E else one for one in objects]
        case "unknown object":
            objects = [objects[0]._replace(tag=0x91), *objects]
        case "object twice":
            objects = [objects[0], *objects]
    body = b"".join(write_tlv(one.tag, one.value) for one in objects)
    return apdu[:4] + bytes((len(body),)) + body + b"\0"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("checksum missing", "6987"),
        ("checksum changed", "6988"),
        ("length changed", "6988"),
        ("unknown object", "6988"),
        ("object twice", "6988"),
    ],
)
def test_broken_messaging_is_refused_and_ends_the_session(change: str, status: str, basic: Booklet) -> None:
    chip, session = opened_by_bac(basic)
    assert chip.transmit(altered(protected_read(session), change)).hex() == status
    assert chip.transmit(protected_read(session)).hex() == "6987"
    assert say(chip, "00B09E0004") == "6982"


def test_a_command_replayed_or_left_out_is_refused(basic: Booklet) -> None:
    chip, session = opened_by_bac(basic)
    first = protected_read(session)
    assert chip.transmit(first)[-2:] == b"\x90\x00"
    assert chip.transmit(first).hex() == "6988"
    chip, session = opened_by_bac(basic)
    protected_read(session)
    assert chip.transmit(protected_read(session)).hex() == "6988"


def test_a_challenge_is_good_for_one_answer(basic: Booklet) -> None:
    chip = VirtualChip(basic)
    say(chip, APPLICATION.hex())
    assert len(say(chip, CHALLENGE)) == 20
    assert say(chip, "0082000028" + "00" * 40 + "28") == "6982"
    assert say(chip, "0082000028" + "00" * 40 + "28") == "6985"
    say(chip, CHALLENGE)
    assert say(chip, "0082000027" + "00" * 39 + "28") == "6700"
    establish_bac(ChipSession(chip), basic.mrz_information)


def test_pace_steps_come_in_their_order(modern: Booklet) -> None:
    chip = VirtualChip(modern)
    choose = "0022C1A412800A04007F0007020204020283010184010D"
    assert say(chip, choose) == "9000"
    assert say(chip, "10860000047C02810000") == "6A80"
    assert say(chip, "10860000027C0000") == "6985"  # the run is over
    assert say(chip, choose) == "9000"
    assert say(chip, "10860000027C0000").startswith("7C128010")
    assert say(chip, "10860000067C0481020400" + "00") == "6A80"  # no point


@pytest.mark.parametrize(
    ("objects", "status"),
    [
        ("800A04007F00070202040202830101", "9000"),
        ("800A04007F00070202040202830102", "9000"),
        ("800A04007F00070202040202830103", "6A88"),
        ("800A04007F00070202040202", "6A88"),
        ("800A04007F00070202040203830101", "6A80"),
        ("800A04007F0007020204020283010184010C", "6A80"),
        ("80", "6A80"),
    ],
)
def test_what_pace_may_be_asked_for(objects: str, status: str, modern: Booklet) -> None:
    assert say(VirtualChip(modern), f"0022C1A4{len(objects) // 2:02X}{objects}") == status


def test_proofs_need_access_first() -> None:
    chip = VirtualChip(sample_booklet(ACTIVE))
    assert say(chip, "008800000801020304050607" + "0800") == "6982"
    assert say(VirtualChip(sample_booklet(MODERN)), "002241A603910104") == "6982"


def test_extended_length_where_the_chip_has_it_and_nowhere_else(basic: Booklet) -> None:
    assert say(VirtualChip(basic), "00A4020C000002011C") == "6A82"
    short = VirtualChip(sample_booklet(SHORT))
    assert say(short, "00A4020C000002011C") == "6700"
    assert say(short, "00B09C00000000") == "6700"
    small = VirtualChip(sample_booklet(msgspec.structs.replace(BAC_ONLY, largest_command=300)))
    assert say(small, "00A4020C000140" + "00" * 0x140) == "6700"


def test_an_answer_fits_into_what_the_terminal_takes(basic: Booklet) -> None:
    """As many bytes as there is room for where it asks for as many as there are; a number that does not fit: 6700."""
    _, session = opened_by_bac(basic)
    session.send(CommandApdu(0, 0xA4, 2, 0x0C, b"\x01\x02"))
    answer = session.send(CommandApdu(0, 0xB0, 0, 0, ne=256))
    assert answer.ok
    assert answer.data == basic.files["DG2"][: len(answer.data)]
    assert len(answer.data) == 231
    assert session.send(CommandApdu(0, 0xB0, 0, 0, ne=231)).ok
    assert session.send(CommandApdu(0, 0xB0, 0, 0, ne=232)).sw == 0x6700


def test_chains_end_where_another_command_comes(basic: Booklet) -> None:
    chip = VirtualChip(basic)
    assert say(chip, "10A4020C0101") == "9000"
    assert say(chip, "00A4020C011C") == "6A82"  # whole: 011C, and this chip has no PACE
    assert say(chip, "10A4020C0101") == "9000"
    assert len(say(chip, CHALLENGE)) == 20
    assert say(chip, "00A4020C011C") == "6A86"
    assert [say(chip, "10A4020CFF" + "00" * 255) for _ in range(33)][-1] == "6700"


def test_power_off_forgets_everything(basic: Booklet) -> None:
    chip, session = opened_by_bac(basic)
    chip.power(on=False)
    chip.power(on=True)
    assert chip.transmit(protected_read(session)).hex() == "6987"
    assert say(chip, "00B09E0004") == "6A82"  # of the master file, which has no such one


@pytest.mark.parametrize("profile", [BAC_ONLY, SHORT])
def test_the_answer_to_reset_is_well_formed(profile: object) -> None:
    assert isinstance(profile, type(BAC_ONLY))
    atr = VirtualChip(sample_booklet(profile)).atr
    check = 0
    for byte in atr[1:]:
        check ^= byte
    assert check == 0
    assert len(atr) == 4 + (atr[1] & 0x0F) + 1


@given(st.binary(max_size=80))
def test_any_bytes_get_an_answer(apdu: bytes) -> None:
    chip = VirtualChip(_ANY)
    assert len(chip.transmit(apdu)) >= 2
    say(chip, APPLICATION.hex())
    assert len(chip.transmit(apdu)) >= 2


@given(st.lists(st.binary(min_size=4, max_size=40), max_size=6), st.booleans())
def test_any_bytes_get_an_answer_under_messaging(apdus: list[bytes], chain: bool) -> None:
    chip, session = opened_by_bac(_ANY)
    assert session.messaging is not None
    for apdu in apdus:
        cla = apdu[0] & 0x10 if chain else 0
        command = CommandApdu(cla, apdu[1], apdu[2], apdu[3], apdu[4:], 256)
        assert len(chip.transmit(session.messaging.protect(command).encode())) >= 2


@given(st.binary(min_size=4, max_size=600))
def test_commands_are_taken_apart_or_refused(apdu: bytes) -> None:
    try:
        command = parse_command(apdu)
    except Refusal:
        return
    assert command.header == apdu[:4]
    assert command.data in apdu
    assert 0 <= command.ne <= 65536


def test_a_booklet_survives_its_file(tmp_path, modern: Booklet) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "booklet.json"
    modern.save(file)
    assert load_booklet(file) == modern
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(BookletUnreadable):
        load_booklet(file)
    with pytest.raises(BookletUnreadable):
        load_booklet(tmp_path / "none.json")
    assert hashlib.sha256(modern.files["DG1"]).digest() in modern.files["EF.SOD"]


_ANY = sample_booklet(MODERN)
