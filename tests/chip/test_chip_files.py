"""Reading files piece by piece: short and long answers, resumption, and files that lie."""

from __future__ import annotations

import pytest
from chip_transports import KS_ENC, KS_MAC, Script, SecureCard, answers
from hypothesis import given
from hypothesis import strategies as st

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.documents.chip.apdu import CommandApdu, ResponseApdu, read_command
from border_agent.documents.chip.errors import AccessRefused, ChipError, ChipProtocolError, FileMissing, Reason
from border_agent.documents.chip.files import FileId, PartialFile, read_file, select_application, select_master_file
from border_agent.documents.chip.messaging import SecureMessaging
from border_agent.documents.chip.session import ChipSession
from border_agent.documents.tlv import find, write_tlv

AES, TDES = SymmetricCipher.AES128, SymmetricCipher.TDES


class FileCard:
    """A chip with one file. It refuses to give more than `most` bytes at once, and gives `gives` at most."""

    def __init__(self, content: bytes, most: int = 65_536, too_much: int = 0x6700, gives: int = 65_536) -> None:
        self.content, self.most, self.too_much, self.gives = content, most, too_much, gives
        self.reads: list[tuple[int, int]] = []

    def __call__(self, command: CommandApdu) -> ResponseApdu:
        if command.ins == 0xA4:
            return ResponseApdu(b"", 0x9000)
        ne = command.ne or 0
        if ne > self.most:
            return ResponseApdu(b"", self.too_much)
        if command.ins == 0xB0:
            assert command.p1 < 0x80
            offset = command.p1 << 8 | command.p2
            self.reads.append((offset, ne))
            return ResponseApdu(self.content[offset : offset + min(ne, self.gives)], 0x9000)
        offset = int.from_bytes(find(command.data, 0x54) or b"", "big")
        self.reads.append((offset, ne))
        room = ne - (4 if ne > 131 else 3 if ne > 129 else 2)
        return ResponseApdu(write_tlv(0x53, self.content[offset : offset + room]), 0x9000)


class Plain:
    """The card without secure messaging."""

    atr = b""

    def __init__(self, answer: FileCard) -> None:
        self.answer = answer

    def transmit(self, apdu: bytes) -> bytes:
        return self.answer(read_command(apdu)).encode()


def opened(card: FileCard, cipher: SymmetricCipher | None, answer_size: int = 256) -> ChipSession:
    if cipher is None:
        session = ChipSession(Plain(card))
    else:
        session = ChipSession(SecureCard(cipher, card))
        session.messaging = SecureMessaging(cipher, KS_ENC[: cipher.key_size], KS_MAC[: cipher.key_size])
    session.extended, session.answer_size = answer_size > 256, answer_size
    return session


@pytest.mark.parametrize("cipher", [None, TDES, AES])
@pytest.mark.parametrize("answer_size", [256, 1000, 4094, 65_536])
@pytest.mark.parametrize("length", [0, 1, 3, 100, 260, 15_000, 40_000, 70_000])
def test_files_of_all_lengths(cipher: SymmetricCipher | None, answer_size: int, length: int) -> None:
    content = write_tlv(0x75, bytes(range(256)) * (length // 256) + bytes(length % 256))
    card, heard = FileCard(content + b"\x00" * 50), []
    read = read_file(
        opened(card, cipher, answer_size), FileId.DG2, largest=80_000, progress=lambda *told: heard.append(told)
    )
    assert read == content
    if len(content) > 8:
        assert heard[-1] == (len(content), len(content))
    assert all(offset + ne - 4 <= len(content) + 8 for offset, ne in card.reads[2:])
    assert heard == sorted(heard)


def test_long_answers_need_few_commands() -> None:
    card = FileCard(write_tlv(0x75, bytes(15_083)))
    read_file(opened(card, AES, 4_094), FileId.DG2, largest=80_000)
    assert len(card.reads) == 5
    card = FileCard(write_tlv(0x75, bytes(15_083)))
    read_file(opened(card, AES), FileId.DG2, largest=80_000)
    assert len(card.reads) == 69


@pytest.mark.parametrize("refusal", [0x6700, 0x6C00, 0x6A86, 0x6F00])
def test_a_chip_that_takes_no_long_answers_after_all_gets_short_ones(refusal: int) -> None:
    content = write_tlv(0x75, bytes(3_000))
    card = FileCard(content, most=0xDF, too_much=refusal)
    session = opened(card, AES, 4_094)
    assert read_file(session, FileId.DG2, largest=80_000) == content
    assert session.answer_size == 256
    with pytest.raises(ChipProtocolError) as refused:
        read_file(opened(FileCard(content, most=4), AES), FileId.DG2, largest=80_000)
    assert refused.value.sw == 0x6700


def test_reading_goes_on_where_it_stopped() -> None:
    content = write_tlv(0x75, bytes(range(250)) * 4)
    kept = PartialFile()

    class Pulled(Exception):
        pass

    def pull(read: int, total: int) -> None:
        assert total == len(content)
        if read > 500:
            raise Pulled

    with pytest.raises(Pulled):
        read_file(opened(FileCard(content), AES), FileId.DG2, largest=2_000, partial=kept, progress=pull)
    assert 500 < len(kept.data) < len(content)
    card = FileCard(content)
    assert read_file(opened(card, AES), FileId.DG2, largest=2_000, partial=kept) == content
    assert card.reads[0][0] > 500
    assert read_file(opened(card, AES), FileId.DG2, largest=2_000, partial=kept) == content


@pytest.mark.parametrize(
    ("responses", "error", "reason"),
    [
        (["6A82"], FileMissing, Reason.status_word),
        (["6982"], AccessRefused, Reason.status_word),
        (["6F00"], ChipProtocolError, Reason.status_word),
        (["9000", "6982"], AccessRefused, Reason.status_word),
        (["9000", "9000"], ChipProtocolError, Reason.truncated),
        (["9000", "759000"], ChipProtocolError, Reason.truncated),
        (["9000", "75010203049000"], ChipProtocolError, Reason.length),
        (["9000", "758500009000", "000000009000"], ChipProtocolError, Reason.structure),
        (["9000", "758420009000", "000000009000"], ChipProtocolError, Reason.too_long),
        (["9000", "758203E99000"], ChipProtocolError, Reason.too_long),
        (["9000", "758203009000", "00009000"], ChipProtocolError, Reason.truncated),
        (["9000", "758203009000", "6282"], ChipProtocolError, Reason.truncated),
        (["9000", "758203009000", "6B00"], ChipProtocolError, Reason.status_word),
        (["9000", "758203009000", "6A82"], ChipProtocolError, Reason.status_word),
    ],
)
def test_files_that_lie_are_refused(responses: list[str], error: type[ChipError], reason: Reason) -> None:
    with pytest.raises(error) as refused:
        read_file(ChipSession(answers(*responses)), FileId.DG2, largest=1_000)
    assert type(refused.value) is error and refused.value.reason is reason


def test_the_end_of_a_file_may_come_with_a_warning() -> None:
    card = answers("9000", "610401029000", "03046282")
    assert read_file(ChipSession(card), FileId.COM, largest=100).hex() == "610401020304"


def test_a_chip_that_gives_little_at_a_time_is_read_and_one_that_drips_is_given_up() -> None:
    content = write_tlv(0x75, bytes(2_000))
    card = FileCard(content, gives=16)
    assert read_file(opened(card, AES), FileId.DG2, largest=80_000) == content
    with pytest.raises(ChipProtocolError) as refused:
        read_file(opened(FileCard(content, gives=15), AES), FileId.DG2, largest=80_000)
    assert refused.value.reason is Reason.truncated


@given(st.lists(st.binary(max_size=20).map(bytes.hex), min_size=1, max_size=6), st.sampled_from(FileId))
def test_any_answers_end_in_a_file_or_a_typed_error(script: list[str], file: FileId) -> None:
    card = Script(((), script[place % len(script)]) for place in range(10_000))
    try:
        read_file(ChipSession(card), file, largest=4_096)
    except ChipError:
        pass


@given(st.lists(st.tuples(st.binary(max_size=20), st.sampled_from([0x9000, 0x6282, 0x6A82, 0x6700])), min_size=1))
def test_any_answers_under_secure_messaging_end_in_a_file_or_a_typed_error(script: list[tuple[bytes, int]]) -> None:
    waiting = iter(script * 3_000)
    session = ChipSession(SecureCard(AES, lambda command: ResponseApdu(*next(waiting))))
    session.messaging = SecureMessaging(AES, KS_ENC[:16], KS_MAC[:16])
    try:
        read_file(session, FileId.DG2, largest=4_096)
    except ChipError:
        pass


def test_choosing_where_to_read() -> None:
    card = answers("6985")
    select_master_file(ChipSession(card))
    assert card.sent == ["00A4000C023F00"]
    card = answers("9000")
    select_application(ChipSession(card))
    assert card.sent == ["00A4040C07A0000002471001"]
    with pytest.raises(FileMissing):
        select_application(ChipSession(answers("6A82")))
    with pytest.raises(ChipProtocolError):
        select_application(ChipSession(answers("6985")))


def test_files_have_the_identifiers_of_doc_9303_10() -> None:
    identifiers = {file.value: file.fid.hex() for file in FileId}
    assert identifiers["EF.COM"] == "011e" and identifiers["EF.SOD"] == identifiers["EF.CardSecurity"] == "011d"
    assert (identifiers["EF.CardAccess"], identifiers["EF.ATR/INFO"]) == ("011c", "2f01")
    assert [identifiers[f"DG{number}"] for number in (1, 9, 10, 16)] == ["0101", "0109", "010a", "0110"]
    assert [file.value for file in FileId if not file.in_application] == [
        "EF.CardAccess",
        "EF.CardSecurity",
        "EF.ATR/INFO",
    ]
