"""Who has which inspection in hand: leases in the order in which the broker delivers claims. Pure: times are given.

The broker gives every device the same claims in the same order, but not at the same moment, and each measures a lease
by its own monotonic clock. So a device counts its own lease from when it *said* the claim, and for a part of its
length only; everybody else counts the whole of it from when they *heard* it. Whoever holds therefore stops holding
before anybody else believes that it has, however long a message travels. Whose lease has run out goes to the end of
the order: it says that it has given the inspection back before it claims it again.

A device that was cut off may have missed claims. It asks for them when it comes back, and whoever holds says so again
whenever somebody new claims; should two still both believe that they hold, each hears the other keep its claim, and
the device of the lower name does.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from border_agent.agent.post.values import ClaimView

LEASE_SECONDS = 60.0
_OWN_SHARE = 0.9
"""The rest covers what lies between looking at the clock and acting upon it."""
_KEPT_EVERY = 3.0
"""Claimed again after a third of its length."""
_NEVER = float("-inf")
MOST_ENTRIES = 2000
"""Inspections of which anybody's claim is remembered."""


class Standing(StrEnum):
    """How sure this device is of what it has in hand."""

    ASKED = "asked"
    """Claimed; who was first has not been heard."""
    HELD = "held"
    """First in the broker's order."""
    ALONE = "alone"
    """In hand without an answer: the broker is away."""


class Saying(Struct, frozen=True):
    """What this device should say of an inspection now."""

    inspection: str
    claims: bool
    """False: gives it back."""
    officer: str = ""
    counter: str = ""


class _Entry(Struct):
    """A device's place in the order of one inspection."""

    device: str
    officer: str
    counter: str
    until: float
    session: bytes
    times: int = 1
    """Claims heard in this session of the device: the second one says that it believes to hold."""


class _Hand(Struct):
    """An inspection that this device has in hand, or asks for."""

    officer: str
    counter: str
    kept_until: float
    """Until then somebody at this device wants it."""
    standing: Standing = Standing.ASKED
    lease_until: float = _NEVER
    said_at: float = _NEVER
    ever_said: bool = False
    again: bool = True
    unheard: dict[int, float] = {}
    """Claims said and not heard yet: serial and moment."""


class Claims:
    """The claims of one post as one device knows them. Not thread-safe."""

    def __init__(self, device: str, seconds: float = LEASE_SECONDS) -> None:
        self.seconds = seconds
        self._device = device
        self._orders: dict[str, list[_Entry]] = {}
        self._hands: dict[str, _Hand] = {}
        self._given_back: list[str] = []
        self._lost: list[tuple[str, ClaimView]] = []

    # What officers of this device do.

    def ask(self, inspection: str, officer: str, counter: str, now: float) -> ClaimView | None:
        """Take an inspection in hand, or keep it; None: asked. Else who has it, and then nothing has changed."""
        hand = self._hand(inspection, now)
        if hand is None:
            rival = self._first_other(inspection, now)
            if rival is not None:
                return _view(rival)
            self._hands[inspection] = _Hand(officer, counter, now + self.seconds)
            return None
        if (hand.officer, hand.counter) != (officer, counter):
            hand.officer, hand.counter, hand.again = officer, counter, True
        hand.kept_until = now + self.seconds
        return None

    def keep(self, inspection: str, now: float) -> bool:
        """Somebody still wants it; False: it is not in hand here."""
        hand = self._hand(inspection, now)
        if hand is not None:
            hand.kept_until = now + self.seconds
        return hand is not None

    def give_up_waiting(self, inspection: str) -> None:
        """No answer came: it is in hand all the same."""
        hand = self._hands.get(inspection)
        if hand is not None and hand.standing is Standing.ASKED:
            hand.standing = Standing.ALONE

    def release(self, inspection: str) -> None:
        """Give it back, if it is in hand."""
        hand = self._hands.pop(inspection, None)
        if hand is not None and hand.ever_said:
            self._given_back.append(inspection)
        self._leave(inspection, self._device)

    def standing(self, inspection: str, now: float) -> Standing | None:
        """How sure it is that this device has it; None: it does not have it."""
        hand = self._hand(inspection, now)
        if hand is None:
            return None
        if hand.standing is Standing.HELD and hand.lease_until <= now:
            return Standing.ALONE
        return hand.standing

    def holder(self, inspection: str, now: float) -> ClaimView | None:
        """Who has it, as far as this device knows."""
        hand = self._hand(inspection, now)
        if hand is None:
            rival = self._first_other(inspection, now)
            return _view(rival) if rival is not None else None
        standing = self.standing(inspection, now)
        return ClaimView(
            device=self._device, officer=hand.officer, counter=hand.counter, alone=standing is not Standing.HELD
        )

    # What is heard, in the broker's order.

    def claimed(
        self,
        device: str,
        inspection: str,
        *,
        officer: str,
        counter: str,
        seconds: float,
        session: bytes,
        serial: int,
        now: float,
    ) -> None:
        """A device's claim; this device's own ones too."""
        hand, own = self._hands.get(inspection), device == self._device
        until = now + seconds
        if own:
            said_at = hand.unheard.pop(serial, None) if hand is not None else None
            if hand is None or said_at is None:
                return  # given back meanwhile, or said in an earlier connection
            until = said_at + seconds * _OWN_SHARE
            if until <= now:
                hand.again = True
                return
        order = self._order(inspection, now)
        entry = next((entry for entry in order if entry.device == device), None)
        if entry is None:
            entry = _Entry(device, officer, counter, until, session)
            order.append(entry)
        else:
            entry.times = entry.times + 1 if entry.session == session else 1
            entry.officer, entry.counter, entry.session = officer, counter, session
            entry.until = max(entry.until, until)
        if hand is None:
            return
        if not own:
            self._rivalled(inspection, hand, order, entry)
        elif order[0] is entry:
            hand.standing, hand.lease_until = Standing.HELD, max(hand.lease_until, until)
        else:
            self._lose(inspection, order[0])

    def released(self, device: str, inspection: str) -> None:
        """Another device's word that it has given an inspection back."""
        if device != self._device:
            self._leave(inspection, device)

    def closed(self, inspection: str) -> None:
        """It is decided, or gone: nobody has it in hand any more."""
        self._orders.pop(inspection, None)
        self._hands.pop(inspection, None)

    def line_down(self) -> None:
        """What was on its way is lost; a lease that was heard still runs."""
        for hand in self._hands.values():
            hand.unheard.clear()
            if hand.standing is Standing.ASKED:
                hand.standing = Standing.ALONE

    def say_again(self) -> None:
        """Somebody wants to know: every claim is due."""
        for hand in self._hands.values():
            hand.again = True

    # What this device has to say.

    def due(self, now: float, *, settled: bool) -> tuple[Saying, ...]:
        """What is to be said now, in this order. `settled`: this device has heard what others hold; before that it
        only repeats what was heard to be its own."""
        for inspection in [key for key, hand in self._hands.items() if hand.kept_until <= now]:
            self.release(inspection)
        sayings = [Saying(inspection, claims=False) for inspection in self._given_back]
        self._given_back.clear()
        for inspection, hand in self._hands.items():
            fresh = hand.standing is Standing.HELD and hand.lease_until > now
            if not (hand.again or now - hand.said_at >= self.seconds / _KEPT_EVERY) or not (settled or fresh):
                continue
            if hand.ever_said and not fresh and not hand.unheard:
                # Its place may be lost at one device and not at another: to all of them it begins anew.
                self._leave(inspection, self._device)
                if hand.standing is Standing.HELD:
                    hand.standing = Standing.ALONE
                sayings.append(Saying(inspection, claims=False))
            sayings.append(Saying(inspection, True, hand.officer, hand.counter))
        return tuple(sayings)

    def said(self, inspection: str, serial: int, now: float) -> None:
        """A claim of `due` is on its way under this serial."""
        hand = self._hands.get(inspection)
        if hand is not None:
            unheard = {one: at for one, at in hand.unheard.items() if now - at < self.seconds}
            hand.unheard = {**unheard, serial: now}
            hand.said_at, hand.ever_said, hand.again = now, True, False

    def deadline(self, now: float) -> float | None:
        """When `due` should be asked next; None: when something happens."""
        if self._given_back or any(hand.again for hand in self._hands.values()):
            return now
        every = self.seconds / _KEPT_EVERY
        return min((min(hand.said_at + every, hand.kept_until) for hand in self._hands.values()), default=None)

    def take_lost(self) -> list[tuple[str, ClaimView]]:
        """Inspections that were in hand here and now are another device's, since this was last asked."""
        lost, self._lost = self._lost, []
        return lost

    def _hand(self, inspection: str, now: float) -> _Hand | None:
        """What is in hand, and still wanted."""
        hand = self._hands.get(inspection)
        if hand is not None and hand.kept_until <= now:
            self.release(inspection)
            return None
        return hand

    def _rivalled(self, inspection: str, hand: _Hand, order: list[_Entry], rival: _Entry) -> None:
        mine = next((entry for entry in order if entry.device == self._device), None)
        if mine is None or order.index(rival) < order.index(mine):
            self._lose(inspection, order[0])
        elif rival.times > 1 and rival.device < self._device:
            self._lose(inspection, rival)
        else:
            hand.again = True  # for one that was cut off when this claim was said

    def _lose(self, inspection: str, to: _Entry) -> None:
        self._lost.append((inspection, _view(to)))
        self.release(inspection)

    def _order(self, inspection: str, now: float) -> list[_Entry]:
        """The claims that still run, in order."""
        fresh = [entry for entry in self._orders.pop(inspection, ()) if entry.until > now]
        self._orders[inspection] = fresh
        if len(self._orders) > MOST_ENTRIES:
            del self._orders[next(iter(self._orders))]
        return fresh

    def _first_other(self, inspection: str, now: float) -> _Entry | None:
        order = self._orders.get(inspection, ())
        return next((entry for entry in order if entry.until > now and entry.device != self._device), None)

    def _leave(self, inspection: str, device: str) -> None:
        order = [entry for entry in self._orders.get(inspection, ()) if entry.device != device]
        if order:
            self._orders[inspection] = order
        else:
            self._orders.pop(inspection, None)


def _view(entry: _Entry) -> ClaimView:
    return ClaimView(device=entry.device, officer=entry.officer, counter=entry.counter)
