"""One conversation: pieces fetched, commands chained, and nothing without end."""

from __future__ import annotations

import pytest
from chip_transports import KS_ENC, KS_MAC, Script, SecureCard, answers
from hypothesis import given
from hypothesis import strategies as st

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.documents.chip.apdu import CommandApdu, ResponseApdu
from border_agent.documents.chip.errors import ChipError, ChipProtocolError, MessagingError, Reason
from border_agent.documents.chip.messaging import SecureMessaging
from border_agent.documents.chip.session import MOST_PIECES, ChipSession

READ = CommandApdu(0x00, 0xB0, 0, 0, ne=256)
AES = SymmetricCipher.AES128


class Endless:
    """The same answer for ever."""

    atr = b""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.heard = answer, 0

    def transmit(self, apdu: bytes) -> bytes:
        self.heard += 1
        return self.answer


def secure(session: ChipSession) -> ChipSession:
    session.messaging = SecureMessaging(AES, KS_ENC[:16], KS_MAC[:16])
    return session


def test_pieces_of_an_answer_are_put_together() -> None:
    card = answers("01026103", "0304056101", "069000")
    assert ChipSession(card).send(READ) == ResponseApdu(bytes(range(1, 7)), 0x9000)
    assert card.sent == ["00B0000000", "00C0000003", "00C0000001"]


def test_an_error_after_a_piece_is_the_answers_status() -> None:
    assert ChipSession(answers("01026100", "6F00")).send(READ) == ResponseApdu(b"\x01\x02", 0x6F00)


def test_another_length_is_tried_once() -> None:
    card = answers("6C02", "01029000")
    assert ChipSession(card).send(READ).data == b"\x01\x02"
    assert card.sent == ["00B0000000", "00B0000002"]
    assert ChipSession(answers("6C02", "6C03")).send(READ).sw == 0x6C03
    assert ChipSession(answers("6C02")).send(CommandApdu(0, 0xA4, 0, 0)).sw == 0x6C02


@pytest.mark.parametrize("answer", ["6100", "016100", "0161FF"])
def test_endless_pieces_come_to_an_end(answer: str) -> None:
    card = Endless(bytes.fromhex(answer))
    with pytest.raises(ChipProtocolError) as refused:
        ChipSession(card).send(READ)
    assert refused.value.reason is Reason.chaining
    assert card.heard <= MOST_PIECES + 1


def test_long_pieces_come_to_an_end() -> None:
    card = Endless(bytes(65_536) + b"\x61\x00")
    with pytest.raises(ChipProtocolError):
        ChipSession(card).send(READ)
    assert card.heard == 2


@pytest.mark.parametrize("answer", ["", "90"])
def test_less_than_a_status_word_is_no_answer(answer: str) -> None:
    with pytest.raises(ChipProtocolError) as refused:
        ChipSession(answers(answer)).send(READ)
    assert refused.value.reason is Reason.length


def test_the_watch_is_asked_before_every_command() -> None:
    class Enough(Exception):
        pass

    left = [None, None]

    def watch() -> None:
        if not left:
            raise Enough
        left.pop()

    session = ChipSession(answers("016101", "016101", "9000"), watch=watch)
    with pytest.raises(Enough):
        session.send(READ)
    assert session.apdus == 2


def test_long_commands_are_chained_where_extended_length_is_not_known() -> None:
    data = bytes(range(256)) * 2
    card = answers("9000", "9000", "9000")
    assert ChipSession(card, extended=False).send(CommandApdu(0, 0x86, 0, 0, data, 65_536)).ok
    assert [sent[:2] for sent in card.sent] == ["10", "10", "00"]
    assert "".join(sent[10 : 10 + 2 * int(sent[8:10], 16)] for sent in card.sent) == data.hex().upper()
    assert card.sent[-1].endswith("00")
    stopped = answers("6884")
    assert ChipSession(stopped, extended=False).send(CommandApdu(0, 0x86, 0, 0, data)).sw == 0x6884


def test_long_commands_are_extended_where_they_may_be() -> None:
    for extended in (True, None):
        card = answers("9000")
        ChipSession(card, extended=extended).send(CommandApdu(0, 0x86, 0, 0, bytes(300), 256))
        assert card.sent[0].startswith("0086000000012C")


def test_chained_commands_are_protected_one_by_one() -> None:
    card = SecureCard(AES, lambda command: ResponseApdu(command.data[:3], 0x9000))
    session = secure(ChipSession(card, extended=False))
    assert session.send(CommandApdu(0, 0x86, 0, 0, bytes(500), 256)).ok
    assert b"".join(command.data for command in card.commands) == bytes(500)
    assert [command.cla for command in card.commands] == [0x10, 0x10, 0x00]


def test_a_command_without_an_answer_ends_secure_messaging() -> None:
    class Gone(Exception):
        pass

    class Pulled:
        atr = b""

        def transmit(self, apdu: bytes) -> bytes:
            raise Gone

    session = secure(ChipSession(Pulled()))
    with pytest.raises(Gone):
        session.send(READ)
    with pytest.raises(MessagingError) as over:
        session.send(READ)
    assert over.value.reason is Reason.dead


def test_nothing_is_sent_again_under_secure_messaging() -> None:
    card = Script([((), "6C10")])
    with pytest.raises(MessagingError):
        secure(ChipSession(card)).send(READ)
    assert len(card.sent) == 1


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.booleans(), st.sampled_from([True, False, None]))
def test_any_answers_end_in_an_answer_or_a_typed_error(
    script: list[bytes], protected: bool, extended: bool | None
) -> None:
    card = Script(((), script[place % len(script)].hex()) for place in range(400))
    session = ChipSession(card, extended=extended)
    try:
        (secure(session) if protected else session).send(CommandApdu(0, 0x86, 0, 0, bytes(600), 65_536))
    except ChipError:
        pass
    assert session.apdus <= MOST_PIECES + 6
