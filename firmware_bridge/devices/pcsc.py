"""Chip card readers by PC/SC: contactless or contact, whatever the daemon `pcscd` has a driver for.

Unplugging the reader, or the death of the daemon, is a state: the card on it is gone, and the next `card()` looks for
both again. PC/SC gives a reader a name and no path; the name holds its number among those that are plugged in, so
the configured one need only be a part of it ("ACR1252").
"""

from __future__ import annotations

import logging
import math
import threading
import time

from firmware_bridge.devices.condition import Backoff, Condition
from firmware_bridge.devices.pcsc_calls import (
    CARD_IS_GONE,
    CARD_IS_MUTE,
    CARD_IS_TAKEN,
    NOT_ALLOWED,
    PLUGGING,
    PcscCalls,
    PcscError,
    Powered,
    Seen,
    Watchdog,
    may_connect,
    require_pyscard,
)
from firmware_bridge.errors import CardGone, CardSilent
from firmware_bridge.roles import CardTransport, DeviceState, Fault

PATIENCE = 5.0
"""Seconds a card may take for one answer. The slowest chips take one or two for a step of PACE."""

_MUTE_AGAIN = 1.0  # seconds until a card that did not answer is tried again: the contact may have been half made
_LOOK = 0.5  # seconds one look for a change may last: bounds what a missed wake-up costs
_RETRY = 0.2


class PcscReader:
    """A reader, whether or not it is plugged in. See `firmware_bridge.roles.CardReader`."""

    def __init__(self, name: str, reader: str = "", *, patience: float = PATIENCE) -> None:
        """`reader`: a part of PC/SC's name for it, or empty for the first. Raises DeviceMisconfigured."""
        require_pyscard(name)
        self._wanted = reader
        self._patience = patience
        self._condition = Condition(name)
        self.problems = self._condition.problems
        self._backoff = Backoff()
        self._guard = threading.Lock()  # held while the reader is used
        self._closer = threading.Lock()  # held by the one who closes
        self._closing = threading.Event()
        self._closing.set()
        self._watchdog: Watchdog | None = None
        self._calls: PcscCalls | None = None
        self._card: _Card | None = None
        self._mark: int | None = None  # what the reader looked like when there was nothing to be had on it
        self._again = 0.0  # when to try all the same, `time.monotonic()`
        self._mute = False  # and it has been reported that what lies there does not answer

    @property
    def name(self) -> str:
        return self._condition.name

    @property
    def state(self) -> DeviceState:
        return self._condition.state

    def open(self) -> None:
        with self._guard:
            if self._watchdog is not None:
                return
            self._watchdog = Watchdog(f"pcsc-{self.name}")
            self._closing.clear()
            self._connect(self._watchdog)
            self._see()

    def close(self) -> None:
        with self._closer:
            self._closing.set()
            calls = self._calls
            if calls is not None:
                calls.interrupt()
            with self._guard:
                if self._watchdog is None:
                    return
                self._drop()
                self._watchdog.stop()
                self._watchdog = None
                self._condition.become(DeviceState.absent, "closed", logging.INFO)

    def card(self, timeout: float) -> CardTransport | None:
        deadline = time.monotonic() + timeout
        with self._guard:
            self._let_card_go()
            while self._watchdog is not None and not self._closing.is_set():
                left = deadline - time.monotonic()
                if self._calls is None and time.monotonic() >= self._backoff.due:
                    self._connect(self._watchdog)
                if self._calls is None:
                    self._closing.wait(max(0.0, min(left, self._backoff.due - time.monotonic())))
                elif (card := self._look(min(left, _LOOK))) is not None:
                    self._card = card
                    return card
                if time.monotonic() >= deadline:
                    break
            return None

    def look(self) -> None:
        if not self._guard.acquire(blocking=False):
            return
        try:
            if self._watchdog is None or self._closing.is_set():
                return
            if self._calls is None and time.monotonic() >= self._backoff.due:
                self._connect(self._watchdog)
            self._see()
        finally:
            self._guard.release()

    def transmit(self, card: _Card, apdu: bytes) -> bytes:
        """For the card that `card()` gave."""
        with self._guard:
            if card is not self._card or self._calls is None or self._closing.is_set():
                raise CardGone(self.name)
            try:
                return self._calls.transmit(card.powered, apdu, self._patience)
            except PcscError as error:
                if error.late and not self._closing.is_set():  # the card's fault, not the reader's
                    self._drop()
                    raise CardSilent(self.name, f"{self._patience:g} s") from None
                self._lost(error)
                raise CardGone(self.name, str(error)) from None

    def _connect(self, watchdog: Watchdog) -> None:
        self._calls = PcscCalls(watchdog)  # where whoever closes finds it
        try:
            self._calls.establish()
        except PcscError as error:
            self._drop()
            self._backoff.failed()
            if error.code in NOT_ALLOWED or not may_connect():
                self._fail(Fault.not_permitted, str(error))
            else:
                self._condition.become(DeviceState.absent, str(error))

    def _see(self) -> None:
        """Ready where the reader is found; one that had failed is ready when a card can be had on it again."""
        if self._find() is not None and self._condition.state is DeviceState.absent:
            self._condition.become(DeviceState.ready, level=logging.INFO)

    def _find(self) -> str | None:
        """PC/SC's name of the reader; the state says whether it is there."""
        if self._calls is None:
            return None
        try:
            found = next((name for name in self._calls.readers() if self._wanted in name), None)
        except PcscError as error:
            self._lost(error)
            return None
        if found is None:
            self._mark = None
            self._condition.become(DeviceState.absent, "not plugged in")
        return found

    def _look(self, seconds: float) -> _Card | None:
        """The card, if one lies there or is laid there within so many seconds."""
        reader = self._find()
        if self._calls is None:
            return None
        seconds = max(0.0, seconds)
        try:
            if reader is None:
                self._calls.look(PLUGGING, 0, seconds)
                return None
            if self._mark is not None:
                seconds = max(0.0, min(seconds, self._again - time.monotonic()))
            seen = self._calls.look(reader, self._mark, seconds if self._mark is not None else 0.0)
            if seen is None:
                if time.monotonic() >= self._again:
                    self._mark = None
                return None
            self._backoff.succeeded()
            return self._power_up(self._calls, reader, seen, seconds)
        except PcscError as error:
            self._lost(error)
            return None

    def _power_up(self, calls: PcscCalls, reader: str, seen: Seen, seconds: float) -> _Card | None:
        self._mark = None
        if seen.taken:
            self._busy(seconds)
            return None
        self._condition.become(DeviceState.ready, level=logging.INFO)
        if not seen.present:
            self._mark, self._again, self._mute = seen.mark, math.inf, False
            return None
        try:
            card = _Card(self, calls.connect(reader))
        except PcscError as error:
            if error.late or error.code not in CARD_IS_TAKEN | CARD_IS_MUTE | CARD_IS_GONE:
                raise
            if error.code in CARD_IS_TAKEN:
                self._busy(seconds)
            elif error.code in CARD_IS_MUTE:
                self._mark, self._again = seen.mark, time.monotonic() + _MUTE_AGAIN
                if not self._mute:
                    self._condition.report(Fault.card_mute, str(error))
                self._mute = True
            else:
                self._closing.wait(min(_RETRY, seconds))
            return None
        self._mute = False
        return card

    def _busy(self, seconds: float) -> None:
        self._fail(Fault.busy, "another program has the card")
        self._closing.wait(min(_RETRY, seconds))

    def _lost(self, error: PcscError) -> None:
        """The card, the reader or the daemon is gone; all are looked for again with a new context."""
        self._drop()
        self._backoff.failed()
        if error.code in CARD_IS_GONE and not error.late:
            self._backoff.due = 0.0
        else:
            self._condition.become(DeviceState.absent, f"lost: {error}")

    def _fail(self, fault: Fault, detail: str) -> None:
        if self._condition.become(DeviceState.failed, detail):
            self._condition.report(fault, detail)

    def _let_card_go(self) -> None:
        card, self._card = self._card, None
        if card is None or self._calls is None:
            return
        try:
            self._calls.disconnect(card.powered)
        except PcscError as error:
            self._lost(error)

    def _drop(self) -> None:
        self._card = self._mark = None
        calls, self._calls = self._calls, None
        if calls is not None:
            calls.release()


class _Card:
    """A card that lies there. See `firmware_bridge.roles.CardTransport`."""

    def __init__(self, reader: PcscReader, powered: Powered) -> None:
        self._reader = reader
        self.powered = powered

    @property
    def atr(self) -> bytes:
        return self.powered.atr

    def transmit(self, apdu: bytes) -> bytes:
        return self._reader.transmit(self, apdu)
