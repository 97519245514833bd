"""The twin's process: booklets laid on a reader, which here is a socket that speaks as vpcd does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from border_agent.documents.chip.passwords import MrzPassword
from border_agent.documents.chip.read import read_chip
from border_agent.documents.chip.reading import ChipAuthenticity, ChipOutcome, ChipReadPolicy
from border_agent.specimens.chip.booklet import Booklet
from border_agent.specimens.chip.faults import Fault, FaultKind
from border_agent.specimens.chip.handle import PassportTwin
from border_agent.specimens.chip.personalise import cloned, with_faults
from border_agent.specimens.chip.sample import BAC_ONLY, MODERN, sample_booklet
from firmware_bridge.errors import CardGone, TwinFailed
from firmware_bridge.framing.vpcd import Control, vpcd_frame

PATIENCE = 20.0
"""Seconds for a process on a busy machine."""
FREE = bytes.fromhex("00A4020C02011C")


class Reader:
    """The reader's end: waits for a card, switches it on, speaks to it."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(PATIENCE)
        self.port: int = self._listening.getsockname()[1]
        self._card: socket.socket | None = None

    def take(self) -> None:
        """The card that is being laid down, switched on."""
        self.let_go()
        self._card, _ = self._listening.accept()
        self._card.settimeout(PATIENCE)
        self._control(Control.power_on)

    def let_go(self) -> None:
        if self._card is not None:
            self._card.close()
        self._card = None

    def close(self) -> None:
        self.let_go()
        self._listening.close()

    @property
    def atr(self) -> bytes:
        self._control(Control.send_atr)
        return self._answer()

    def transmit(self, apdu: bytes) -> bytes:
        self._send(apdu)
        return self._answer()

    def _control(self, control: Control) -> None:
        self._send(bytes((control,)))

    def _send(self, payload: bytes) -> None:
        assert self._card is not None
        try:
            self._card.sendall(vpcd_frame(payload))
        except OSError as error:
            raise CardGone("socket", str(error)) from error

    def _answer(self) -> bytes:
        return self._exactly(int.from_bytes(self._exactly(2), "big"))

    def _exactly(self, size: int) -> bytes:
        assert self._card is not None
        out = b""
        while len(out) < size:
            try:
                piece = self._card.recv(size - len(out))
            except OSError as error:
                raise CardGone("socket", str(error)) from error
            if not piece:
                raise CardGone("socket", "closed")
            out += piece
        return out


@pytest.fixture(scope="module")
def twin() -> Iterator[tuple[PassportTwin, Reader]]:
    reader = Reader()
    with PassportTwin(reader.port) as passport:
        yield passport, reader
    reader.close()


@pytest.fixture(scope="module")
def modern() -> Booklet:
    return sample_booklet(MODERN)


def test_booklets_come_and_go(twin: tuple[PassportTwin, Reader], modern: Booklet, tmp_path: Path) -> None:
    passport, reader = twin
    passport.place(modern)
    reader.take()
    assert reader.atr[0] == 0x3B
    reading = read_chip(lambda _: reader, MrzPassword(modern.mrz_information))
    assert reading.authenticity is ChipAuthenticity.proved_ca
    assert reading.files["DG2"] == modern.files["DG2"]
    file = tmp_path / "clone.json"
    cloned(modern).save(file)
    passport.place(file)
    with pytest.raises(CardGone):
        reader.transmit(FREE)
    reader.take()
    assert read_chip(lambda _: reader, MrzPassword(modern.mrz_information)).authenticity is ChipAuthenticity.failed
    passport.remove()
    with pytest.raises(CardGone):
        reader.transmit(FREE)


def test_a_card_pulled_out_comes_back_by_itself(twin: tuple[PassportTwin, Reader]) -> None:
    passport, reader = twin
    booklet = sample_booklet(BAC_ONLY)
    passport.place(booklet)
    reader.take()
    passport.fault(Fault(kind=FaultKind.PULLED, at=25, times=1, seconds=0.05))
    opened = [False]

    def opener(_: float) -> Reader:
        if opened[0]:
            reader.take()
        opened[0] = True
        return reader

    reading = read_chip(opener, MrzPassword(booklet.mrz_information), policy=ChipReadPolicy(wait=5.0))
    assert (reading.outcome, reading.resumed) == (ChipOutcome.read, 1)
    assert reading.files["DG2"] == booklet.files["DG2"]


def test_a_silent_card_is_only_silent(twin: tuple[PassportTwin, Reader], modern: Booklet) -> None:
    passport, reader = twin
    passport.place(with_faults(modern, Fault(kind=FaultKind.SILENT, at=2, times=1)))
    reader.take()
    assert reader.transmit(FREE) == b"\x90\x00"
    assert reader._card is not None
    reader._card.settimeout(0.3)
    with pytest.raises(CardGone, match="timed out"):
        reader.transmit(FREE)


def test_a_reader_that_went_away_gets_its_card_again(twin: tuple[PassportTwin, Reader], modern: Booklet) -> None:
    passport, reader = twin
    passport.place(modern)
    reader.take()
    reader.let_go()
    reader.take()
    assert reader.transmit(FREE) == b"\x90\x00"


def test_what_cannot_be_done_is_said(twin: tuple[PassportTwin, Reader], tmp_path: Path) -> None:
    passport, _ = twin
    with pytest.raises(TwinFailed, match="booklet_unreadable"):
        passport.place(tmp_path / "none.json")
    with pytest.raises(TwinFailed, match="no booklet"):
        passport.fault(Fault(kind=FaultKind.SLOW, seconds=0.1))
    passport.stop()
    with pytest.raises(TwinFailed, match="not running"):
        passport.remove()
    with pytest.raises(TwinFailed, match="not running"):
        passport.place(sample_booklet(BAC_ONLY))


def test_no_reader_is_an_error_and_the_twin_goes_on(modern: Booklet) -> None:
    reader = Reader()
    reader.close()
    with PassportTwin(reader.port) as passport:
        with pytest.raises(TwinFailed, match="no virtual reader"):
            passport.place(modern)
        passport.remove()
