"""Recording what goes between a reader and a chip, and playing it back without either.

    recorder = Recorder(reader.card)
    reading = read_chip(recorder.open, password, random=recorder.random, private=recorder.private)
    recording = recorder.recording
    again = Replay(recording)       # the same commands, byte for byte, get the same answers
    read_chip(again.open, password, random=again.random, private=again.private)

A recording holds the terminal's random numbers and ephemeral keys: whoever has it can read all the chip said. What is
kept as evidence is `without_keys`.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from border_agent.documents.chip.agreement import random_private
from border_agent.errors import BorneError
from firmware_bridge.errors import CardGone, CardLost
from firmware_bridge.roles import CardTransport

_EXTERNAL_AUTHENTICATE = 0x82
_LARGEST_RECORDING = 16 * 1024 * 1024


class ReplayDiffers(BorneError):
    """A command, or a wish for a random number, that the recording does not have at this place; or no recording."""

    code = "chip.replay_differs"


class Exchange(msgspec.Struct, frozen=True):
    """One command and its answer, in hexadecimal. No answer: the contact was lost."""

    request: str
    response: str | None


class Contact(msgspec.Struct, frozen=True):
    """From laying a card down to its loss, or the end."""

    atr: str
    exchange: tuple[Exchange, ...] = ()


class Recording(msgspec.Struct, frozen=True):
    contacts: tuple[Contact, ...] = ()
    randoms: tuple[str, ...] = ()
    privates: tuple[str, ...] = ()
    """Hexadecimal, in the order they were asked for."""

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @classmethod
    def decode(cls, data: bytes) -> Recording:
        """Raises `ReplayDiffers` where this is none."""
        if len(data) > _LARGEST_RECORDING:
            raise ReplayDiffers("recording", f"{len(data)} bytes")
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.DecodeError as error:
            raise ReplayDiffers("recording", str(error)) from error

    def without_keys(self) -> Recording:
        """What may be kept: without the terminal's secrets, and without BAC's cryptograms, which the document's
        lines open to give the session keys. PACE's exchange gives none without the secrets."""
        contacts = tuple(
            msgspec.structs.replace(contact, exchange=tuple(map(_without_keys, contact.exchange)))
            for contact in self.contacts
        )
        return Recording(contacts)


class Recorder:
    """Stands between a reader and whoever reads, and writes down what passes."""

    def __init__(self, open_card: Callable[[float], CardTransport | None]) -> None:
        self._open_card = open_card
        self._contacts: list[tuple[str, list[Exchange]]] = []
        self._randoms: list[str] = []
        self._privates: list[str] = []

    @property
    def recording(self) -> Recording:
        contacts = tuple(Contact(atr, tuple(exchange)) for atr, exchange in self._contacts)
        return Recording(contacts, tuple(self._randoms), tuple(self._privates))

    def open(self, seconds: float) -> CardTransport | None:
        card = self._open_card(seconds)
        if card is None:
            return None
        exchange: list[Exchange] = []
        self._contacts.append((card.atr.hex(), exchange))
        return _Recorded(card, exchange)

    def random(self, count: int) -> bytes:
        drawn = os.urandom(count)
        self._randoms.append(drawn.hex())
        return drawn

    def private(self, order: int) -> int:
        drawn = random_private(order)
        self._privates.append(f"{drawn:x}")
        return drawn


class Replay:
    """A recording in the place of a reader. Everything must be asked for as it was then, or `ReplayDiffers`."""

    def __init__(self, recording: Recording) -> None:
        self._contacts = list(recording.contacts)
        self._randoms = list(recording.randoms)
        self._privates = list(recording.privates)

    def open(self, seconds: float) -> CardTransport | None:
        return _Replayed(self._contacts.pop(0)) if self._contacts else None

    def random(self, count: int) -> bytes:
        drawn = bytes.fromhex(_next(self._randoms, "random"))
        if len(drawn) != count:
            raise ReplayDiffers("random", f"{count} bytes instead of {len(drawn)}")
        return drawn

    def private(self, order: int) -> int:
        return int(_next(self._privates, "private"), 16)


class _Recorded:
    def __init__(self, card: CardTransport, exchange: list[Exchange]) -> None:
        self._card = card
        self._exchange = exchange

    @property
    def atr(self) -> bytes:
        return self._card.atr

    def transmit(self, apdu: bytes) -> bytes:
        try:
            answer = self._card.transmit(apdu)
        except CardLost:
            self._exchange.append(Exchange(apdu.hex(), None))
            raise
        self._exchange.append(Exchange(apdu.hex(), answer.hex()))
        return answer


class _Replayed:
    def __init__(self, contact: Contact) -> None:
        self._contact = contact
        self._exchange = list(contact.exchange)

    @property
    def atr(self) -> bytes:
        return bytes.fromhex(self._contact.atr)

    def transmit(self, apdu: bytes) -> bytes:
        if not self._exchange:
            raise CardGone("recording")
        step = self._exchange.pop(0)
        if step.request != apdu.hex():
            raise ReplayDiffers("command", f"{apdu[:5].hex()} instead of {step.request[:10]}")
        if step.response is None:
            raise CardGone("recording")
        return bytes.fromhex(step.response)


def _next(values: list[str], what: str) -> str:
    if not values:
        raise ReplayDiffers(what, "one more than there was")
    return values.pop(0)


def _without_keys(step: Exchange) -> Exchange:
    """The chip's and the terminal's keying material of BAC go; the header stays, and the status word."""
    command = bytes.fromhex(step.request)
    if len(command) < 5 or command[1] != _EXTERNAL_AUTHENTICATE:
        return step
    response = step.response and step.response[-4:]
    return msgspec.structs.replace(step, request=command[:4].hex(), response=response)
