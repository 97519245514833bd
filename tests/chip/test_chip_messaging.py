"""Secure messaging against a card side of its own, and every way an answer can be wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chip_transports import KS_ENC, KS_MAC, CardSide
from hypothesis import given
from hypothesis import strategies as st

from border_agent.crypto.ciphers import SymmetricCipher
from border_agent.documents.chip.apdu import CommandApdu, ResponseApdu, read_command, read_response
from border_agent.documents.chip.errors import MessagingError, Reason
from border_agent.documents.chip.messaging import SecureMessaging
from border_agent.documents.tlv import read_all, write_tlv

READ = CommandApdu(0x00, 0xB0, 0, 0, ne=16)
ciphers = st.sampled_from(SymmetricCipher)


def pair(cipher: SymmetricCipher, ssc: int = 0) -> tuple[SecureMessaging, CardSide]:
    return SecureMessaging(cipher, KS_ENC[: cipher.key_size], KS_MAC[: cipher.key_size], ssc), CardSide(cipher, ssc)


@given(
    ciphers,
    st.integers(0, 2**60),
    st.lists(
        st.tuples(
            st.sampled_from([0xB0, 0xB1, 0xA4, 0x86]),
            st.binary(max_size=300),
            st.none() | st.integers(1, 65_536),
            st.binary(max_size=300),
            st.integers(0, 0xFFFF),
        ),
        max_size=4,
    ),
)
def test_both_sides_understand_each_other(
    cipher: SymmetricCipher, ssc: int, exchanges: list[tuple[int, bytes, int | None, bytes, int]]
) -> None:
    terminal, card = pair(cipher, ssc)
    for ins, data, ne, answer, status in exchanges:
        command = CommandApdu(0x10, ins, 1, 2, data, ne)
        sent = terminal.protect(command)
        assert card.open(read_command(sent.encode())) == command
        response = ResponseApdu(answer, status)
        assert terminal.unprotect(read_response(card.close(response, odd=bool(ins & 1)))) == response
    assert terminal.ssc == card.ssc == ssc + 2 * len(exchanges)


@given(ciphers, st.data())
def test_as_much_as_is_promised_fits_a_short_apdu(cipher: SymmetricCipher, data: st.DataObject) -> None:
    terminal, card = pair(cipher)
    most = terminal.largest_data
    assert len(terminal.protect(CommandApdu(0, 0xA4, 0, 0, bytes(most), 256)).encode(extended=False)) <= 261
    card.ssc = terminal.ssc
    assert len(card.close(ResponseApdu(bytes(terminal.largest_answer(256)), 0x9000))) <= 258
    size = data.draw(st.integers(257, 65_536))
    assert len(card.close(ResponseApdu(bytes(terminal.largest_answer(size)), 0x9000))) <= size + 2


def wrong(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    """An answer whose data objects are changed, its outer status word kept."""

    def apply(raw: bytes) -> bytes:
        objects = [write_tlv(one.tag, one.value) for one in read_all(raw[:-2])]
        return b"".join(change(objects)) + raw[-2:]

    return apply


def flipped(data: bytes, position: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


WRONG = {
    "no protection at all": (lambda raw: raw[-2:], Reason.unprotected),
    "plain data": (lambda raw: b"Utopia" + raw[-2:], Reason.structure),
    "no checksum": (wrong(lambda o: o[:-1]), Reason.structure),
    "no status": (wrong(lambda o: [o[0], o[2]]), Reason.structure),
    "a checksum of seven bytes": (wrong(lambda o: [*o[:2], write_tlv(0x8E, o[2][2:-1])]), Reason.structure),
    "a status of one byte": (wrong(lambda o: [o[0], bytes.fromhex("990190"), o[2]]), Reason.structure),
    "another order": (wrong(lambda o: [o[1], o[0], o[2]]), Reason.structure),
    "something after the checksum": (wrong(lambda o: [*o, b"\x80\x00"]), Reason.structure),
    "data twice": (wrong(lambda o: [o[0], o[0], o[1], o[2]]), Reason.structure),
    "status twice": (wrong(lambda o: [o[0], o[1], o[1], o[2]]), Reason.structure),
    "another padding indicator": (wrong(lambda o: [flipped(o[0], 2), *o[1:]]), Reason.structure),
    "the data left out": (wrong(lambda o: o[1:]), Reason.mac),
    "a bit of the data": (wrong(lambda o: [flipped(o[0], -1), *o[1:]]), Reason.mac),
    "a bit of the status": (wrong(lambda o: [o[0], flipped(o[1], -1), o[2]]), Reason.mac),
    "a bit of the checksum": (wrong(lambda o: [*o[:2], flipped(o[2], -1)]), Reason.mac),
    "another status outside": (lambda raw: raw[:-2] + b"\x62\x82", Reason.status_word),
}


@pytest.mark.parametrize("cipher", SymmetricCipher)
@pytest.mark.parametrize("name", WRONG)
def test_one_wrong_answer_ends_the_session(cipher: SymmetricCipher, name: str) -> None:
    change, reason = WRONG[name]
    terminal, card = pair(cipher)
    card.open(terminal.protect(READ))
    good = card.close(ResponseApdu(b"Utopia", 0x9000))
    with pytest.raises(MessagingError) as refused:
        terminal.unprotect(read_response(change(good)))
    assert refused.value.reason is reason
    assert terminal.dead
    for again in (lambda: terminal.protect(READ), lambda: terminal.unprotect(read_response(good))):
        with pytest.raises(MessagingError) as over:
            again()
        assert over.value.reason is Reason.dead


@pytest.mark.parametrize("cipher", SymmetricCipher)
def test_a_replayed_answer_is_refused(cipher: SymmetricCipher) -> None:
    terminal, card = pair(cipher)
    card.open(terminal.protect(READ))
    first = card.close(ResponseApdu(b"Utopia", 0x9000))
    terminal.unprotect(read_response(first))
    card.open(terminal.protect(READ))
    with pytest.raises(MessagingError) as refused:
        terminal.unprotect(read_response(first))
    assert refused.value.reason is Reason.mac


@pytest.mark.parametrize("cipher", SymmetricCipher)
@pytest.mark.parametrize(
    ("encrypted", "reason"),
    [(b"\x01", Reason.length), (b"\x01" + bytes(7), Reason.length), (b"\x01" + bytes(32), Reason.padding)],
)
def test_what_a_chip_with_the_keys_can_still_do_wrong(
    cipher: SymmetricCipher, encrypted: bytes, reason: Reason
) -> None:
    terminal, card = pair(cipher)
    card.open(terminal.protect(READ))
    objects = write_tlv(0x87, encrypted) + bytes.fromhex("99029000")
    counter = card._count()
    with pytest.raises(MessagingError) as refused:
        terminal.unprotect(ResponseApdu(objects + write_tlv(0x8E, card._code(counter + objects)), 0x9000))
    assert refused.value.reason is reason


@given(ciphers, st.binary(max_size=120), st.integers(0, 0xFFFF))
def test_any_answer_is_refused(cipher: SymmetricCipher, data: bytes, status: int) -> None:
    terminal, _ = pair(cipher)
    terminal.protect(READ)
    with pytest.raises(MessagingError):
        terminal.unprotect(ResponseApdu(data, status))


def test_the_counter_turns_over() -> None:
    terminal, card = pair(SymmetricCipher.TDES, 2**64 - 1)
    terminal.protect(READ)
    assert terminal.ssc == 0
    card.ssc = 0
    assert terminal.unprotect(read_response(card.close(ResponseApdu(b"", 0x9000)))).ok
