"""What this counter has in hand: `claims` with its officers on one side and the line on the other."""

from __future__ import annotations

import threading
from collections.abc import Callable

from border_agent.agent.post.believing import Heard
from border_agent.agent.post.claims import Claims, Standing
from border_agent.agent.post.decisions import Decisions
from border_agent.agent.post.errors import DecidedElsewhere, HeldElsewhere
from border_agent.agent.post.parts import SETTLE_SECONDS, Say
from border_agent.agent.post.values import ClaimView
from mqtt_schemas.post import Claim, Released, Wanted

ANSWER_SECONDS = 2.0
"""How long a claim waits for the broker's order before an officer goes on alone."""


class Hands:
    """A `Part`; what officers do may come from any thread."""

    def __init__(
        self,
        *,
        device: str,
        decisions: Decisions,
        changed: Callable[[str], None],
        lost: Callable[[str, ClaimView], None],
        wake: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        """`changed`: told of an inspection whose holder has changed; `lost`: of one that was in hand here, and who
        has it now. Neither must wait."""
        self._decisions = decisions
        self._changed = changed
        self._tell_lost = lost
        self._wake = wake
        self._monotonic = monotonic
        self._news = threading.Condition()
        self._claims = Claims(device)
        self._lost: dict[str, ClaimView] = {}
        self._online = False
        self._settles_at = 0.0

    def holder(self, inspection: str) -> ClaimView | None:
        """Who has it in hand, at whichever device; None: nobody."""
        with self._news:
            return self._claims.holder(inspection, self._monotonic())

    def holds(self, inspection: str) -> bool:
        """Whether this device has it in hand."""
        with self._news:
            return self._claims.standing(inspection, self._monotonic()) is not None

    def take(self, inspection: str, officer: str, counter: str) -> bool:
        """Take it in hand; True: alone, because the post's network does not answer. Waits for that up to 2 s.

        Raises HeldElsewhere, DecidedElsewhere.
        """
        with self._news:
            self._require_undecided(inspection)
            self._lost.pop(inspection, None)
            rival = self._claims.ask(inspection, officer, counter, self._monotonic())
            if rival is not None:
                raise HeldElsewhere(inspection, rival)
            self._wake()
            deadline = self._monotonic() + ANSWER_SECONDS
            while self._online and self._claims.standing(inspection, self._monotonic()) is Standing.ASKED:
                left = deadline - self._monotonic()
                if left <= 0 or not self._news.wait(left):
                    break
            if inspection in self._lost:
                raise HeldElsewhere(inspection, self._lost[inspection])
            self._require_undecided(inspection)
            self._claims.give_up_waiting(inspection)
            alone = self._claims.standing(inspection, self._monotonic()) is not Standing.HELD
        self._changed(inspection)
        return alone

    def keep(self, inspection: str) -> None:
        """Somebody still works on it. Raises HeldElsewhere where it was lost to another counter."""
        with self._news:
            if not self._claims.keep(inspection, self._monotonic()) and inspection in self._lost:
                raise HeldElsewhere(inspection, self._lost[inspection])
        self._wake()

    def release(self, inspection: str) -> None:
        """Give it back; nothing happens where it is not in hand."""
        with self._news:
            self._lost.pop(inspection, None)
            self._claims.release(inspection)
        self._wake()
        self._changed(inspection)

    def closed(self, inspection: str) -> None:
        """It is decided, or gone."""
        with self._news:
            self._lost.pop(inspection, None)
            self._claims.closed(inspection)
            self._news.notify_all()

    # The line's thread.

    def up(self, now: float) -> None:
        with self._news:
            self._online, self._settles_at = True, now + SETTLE_SECONDS
            self._claims.say_again()

    def down(self) -> None:
        with self._news:
            self._online = False
            self._claims.line_down()
            self._news.notify_all()

    def heard(self, heard: Heard, now: float) -> None:
        body = heard.body
        if isinstance(body, Claim):
            self._claimed(body, now)
        elif isinstance(body, Released) and heard.record is not None:
            with self._news:
                self._claims.released(body.device, body.inspection_id)
            self._changed(body.inspection_id)
        elif isinstance(body, Wanted) and heard.record is not None:
            with self._news:
                self._claims.say_again()

    def turn(self, say: Say, now: float) -> float | None:
        with self._news:
            settled = now >= self._settles_at
            for saying in self._claims.due(now, settled=settled):
                if not saying.claims:
                    say(Released, inspection_id=saying.inspection)
                    continue
                serial = say(
                    Claim,
                    inspection_id=saying.inspection,
                    officer=saying.officer,
                    counter=saying.counter,
                    seconds=int(self._claims.seconds),
                )
                self._claims.said(saying.inspection, serial, now)
            deadline = self._claims.deadline(now)
            return deadline if deadline is None or settled else max(deadline, self._settles_at)

    def _claimed(self, body: Claim, now: float) -> None:
        if self._decisions.known(body.inspection_id) is not None:
            return
        with self._news:
            self._claims.claimed(
                body.device,
                body.inspection_id,
                officer=body.officer,
                counter=body.counter,
                seconds=float(body.seconds),
                session=body.session,
                serial=body.serial,
                now=now,
            )
            lost = self._claims.take_lost()
            self._lost.update(lost)
            self._news.notify_all()
        for inspection, view in lost:
            self._tell_lost(inspection, view)
        self._changed(body.inspection_id)

    def _require_undecided(self, inspection: str) -> None:
        known = self._decisions.known(inspection)
        if known is not None and known.device:
            raise DecidedElsewhere(inspection, known.decision.value)
