"""The wire to a virtual card reader: frames whatever way they are cut, and a card on a connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import CardGone, CardSilent, TwinFailed
from firmware_bridge.framing.vpcd import MOST, Control, VpcdFramer, control, vpcd_frame
from firmware_bridge.virtual.card_wire import CardWire

payloads = st.lists(st.binary(max_size=300), max_size=6)
ATR = bytes.fromhex("3b888001000000000000000009")


@given(payloads, st.lists(st.integers(1, 40), max_size=60))
def test_any_division_of_a_stream_gives_the_same_frames(sent: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(vpcd_frame, sent))
    framer = VpcdFramer()
    got: list[bytes] = []
    for cut in (*cuts, len(stream) or 1):
        got += framer.feed(stream[:cut])
        stream = stream[cut:]
    assert got == sent


@given(payloads)
def test_reading_what_is_missing_never_takes_a_byte_of_the_next_frame(sent: list[bytes]) -> None:
    stream = b"".join(map(vpcd_frame, sent))
    framer = VpcdFramer()
    got: list[bytes] = []
    while stream:
        missing = framer.missing
        assert missing >= 1
        brought = framer.feed(stream[:missing])
        stream = stream[missing:]
        assert len(brought) <= 1
        got += brought
    assert got == sent


def test_what_a_frame_cannot_hold_is_refused() -> None:
    assert len(vpcd_frame(bytes(MOST))) == MOST + 2
    with pytest.raises(ValueError, match="65536"):
        vpcd_frame(bytes(MOST + 1))


def test_only_single_octets_that_are_known_are_controls() -> None:
    assert [control(bytes((number,))) for number in range(5)] == [
        Control.power_off,
        Control.power_on,
        Control.reset,
        None,
        Control.send_atr,
    ]
    assert control(b"") is None
    assert control(b"\x00\xa4\x00\x00") is None


class Card:
    atr = ATR

    def __init__(self) -> None:
        self.said: list[str] = []

    def power(self, on: bool) -> None:
        self.said.append("on" if on else "off")

    def transmit(self, apdu: bytes) -> bytes:
        if apdu[1] == 0xEE:
            raise CardGone("card")
        if apdu[1] == 0xDD:
            raise CardSilent("card")
        return apdu[:1] + b"\x90\x00"


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        yield server


def serving(port: int, card: Card) -> threading.Thread:
    def run() -> None:
        with CardWire(port) as wire:
            while wire.serve(card):
                pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_a_card_is_powered_gives_its_atr_and_answers(listening: socket.socket) -> None:
    card = Card()
    thread = serving(listening.getsockname()[1], card)
    reader, _ = listening.accept()
    with reader:
        reader.settimeout(10)
        reader.sendall(vpcd_frame(b"\x01") + vpcd_frame(b"\x04"))
        assert reader.recv(100) == vpcd_frame(ATR)
        reader.sendall(vpcd_frame(b"\x02"))
        for octet in vpcd_frame(b"\x00\xb0\x00\x00\x00"):  # one octet at a time
            reader.sendall(bytes((octet,)))
        assert reader.recv(100) == vpcd_frame(b"\x00\x90\x00")
        reader.sendall(vpcd_frame(b"\x00\xdd\x00\x00") + vpcd_frame(b"\x00\x04\x00\x00"))
        assert reader.recv(100) == vpcd_frame(b"\x00\x90\x00")  # the silent one has no answer
    thread.join(10)
    assert not thread.is_alive()
    assert card.said == ["on", "off", "on"]


def test_a_card_that_goes_closes_the_connection(listening: socket.socket) -> None:
    thread = serving(listening.getsockname()[1], Card())
    reader, _ = listening.accept()
    with reader:
        reader.settimeout(10)
        reader.sendall(vpcd_frame(b"\x00\xee\x00\x00"))
        assert reader.recv(100) == b""
    thread.join(10)
    assert not thread.is_alive()


def test_no_reader_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(TwinFailed):
        CardWire(port, patience=0.2)
