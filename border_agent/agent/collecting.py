"""How the desk collects: every inspection of this device, and the one thread that collects for one of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from msgspec import structs

from border_agent.agent.adoption import usable_policy
from border_agent.agent.album import Album, warm_up
from border_agent.agent.answers import NO_POLICY, Answers
from border_agent.agent.case import Case
from border_agent.agent.chip_reader import ChipReader
from border_agent.agent.collector import Collector, Stopped
from border_agent.agent.eyes import Eyes
from border_agent.agent.hub import Hub
from border_agent.agent.inbox import Inbox, Item
from border_agent.config import CameraRole, TimesSection
from border_agent.errors import BorneError
from border_agent.inspection.events import Cancel
from border_agent.inspection.evidence import Step
from border_agent.inspection.machine import Inspection, Phase, advance
from mqtt_schemas.post import PictureKind

_log = logging.getLogger(__name__)

MOST_KEPT = 200
"""Ended inspections kept for a client that asks late; what they said is in the journal. Also the newest inspections
of which there are pictures."""

QUEUE = "queue"
"""The hub's key for changes of any inspection."""


class NoSuchInspection(BorneError):
    """No inspection of this id is known here."""

    code = "inspection.unknown"


class DeskBusy(BorneError):
    """Another traveller's inspection is still collecting."""

    code = "inspection.busy"


class Collecting:
    """The base of the desk. Calls may come from any thread; each returns a snapshot."""

    def __init__(
        self,
        *,
        device: str,
        abilities: Callable[[], tuple[Step, ...]],
        eyes: Eyes,
        answers: Answers,
        hub: Hub,
        times: TimesSection,
        chips: ChipReader | None = None,
        reader_works: Callable[[], bool] = lambda: True,
        scans: bool = False,
    ) -> None:
        """`reader_works`: whether a document reader stands ready; `scans`: whether there is a code scanner."""
        self._chips = chips
        self._reader_works = reader_works
        self._scans = scans
        self._device = device
        self._abilities = abilities
        self._eyes = eyes
        self._answers = answers
        self._hub = hub
        self._times = times
        self._album = Album(MOST_KEPT)
        if any(eyes.sees(role) for role in CameraRole):
            threading.Thread(target=warm_up, name="pictures-warm", daemon=True).start()
        self._lock = threading.RLock()
        self._cases: dict[str, Case] = {}
        self._collecting: tuple[str, Inbox, threading.Thread] | None = None

    def case(self, inspection: str) -> Case:
        """An inspection's snapshot. Raises NoSuchInspection."""
        with self._lock:
            try:
                return self._cases[inspection]
            except KeyError:
                raise NoSuchInspection(inspection[:64]) from None

    def cases(self) -> list[Case]:
        """Inspections that have not ended, the oldest first."""
        with self._lock:
            return [case for case in self._cases.values() if not case.ended]

    @property
    def collecting(self) -> bool:
        """Whether somebody is being inspected."""
        with self._lock:
            return self._collecting is not None

    def touch(self, inspection: str) -> None:
        """Tell whoever listens that something about an inspection has changed."""
        self._hub.publish(inspection)
        self._hub.publish(QUEUE)

    def _deliver(self, item: Item, inspection: str = "") -> None:
        with self._lock:
            collecting = self._collecting
        if collecting is not None and inspection in ("", collecting[0]):
            collecting[1].put(item)
        elif not inspection:
            # Never kept for the next traveller: a former one's passport must not be theirs.
            _log.info("a reading came while no inspection was collecting; it is dropped")

    def _run(self, case: Case, *items: Item) -> Case:
        """Collect for a case in a thread of its own; under the lock. Raises DeskBusy."""
        if self._collecting is not None:
            raise DeskBusy(self._device, self._collecting[0])
        inbox: Inbox = Inbox()
        for item in items:
            inbox.put(item)
        self._cases[case.id] = case
        self._album.begin(case.id)
        thread = threading.Thread(target=self._collect, args=(case.inspection, inbox), name="desk", daemon=True)
        self._collecting = (case.id, inbox, thread)
        self._forget_old()
        thread.start()
        self.touch(case.id)
        return case

    def _collect(self, inspection: Inspection, inbox: Inbox) -> None:
        def show(now: Case) -> None:
            if now.phase is not Phase.COLLECTING:
                self._release(now.id)  # before anybody hears of the proposal: the next traveller may start
            with self._lock:
                held = self._cases.get(now.id)
                if held is None or held.ended:
                    raise Stopped  # cancelled while a camera step hung: what has ended is not brought back
                since = held.proposed_at
                if now.phase is Phase.PROPOSED and since is None:
                    since = now.inspection.evidence.clock.at
                pictures = self._album.kinds(now.id)
                self._replace(structs.replace(now, origin=held.origin, proposed_at=since, pictures=pictures))

        inspection_id = inspection.id
        try:
            inspection, policy = usable_policy(inspection, self._answers)
            Collector(
                inspection,
                policy,
                inbox,
                self._eyes,
                self._answers,
                self._times,
                show,
                partial(self._album.keep, inspection.id),
                chips=self._chips,
                reader_works=self._reader_works,
                scans=self._scans,
                live=lambda: self._album.of(inspection_id).get(PictureKind.LIVE, b""),
                keep_original=partial(self._album.keep_original, inspection.id),
            ).run()
        except Stopped:
            pass
        except Exception:
            # A defect of ours must not leave the traveller before a dead screen: the officer takes over by hand.
            _log.exception("an inspection could not be collected")
            self._give_up(inspection.id)
        finally:
            self._release(inspection.id)
            self.touch(inspection.id)

    def _release(self, inspection: str) -> None:
        with self._lock:
            if self._collecting is not None and self._collecting[0] == inspection:
                self._collecting = None

    def _give_up(self, inspection: str) -> None:
        with self._lock:
            case = self._cases[inspection]
            event = Cancel(reason="agent.failed", at=self._answers.clock().at)
            if not case.ended:
                ended = advance(case.inspection, event, NO_POLICY)
                self._replace(structs.replace(case, inspection=ended, step=None, open_steps=(), guidance=None))

    def _replace(self, case: Case) -> Case:
        with self._lock:
            self._cases[case.id] = case
        self.touch(case.id)
        return case

    def _forget_old(self) -> None:
        ended = [key for key, case in self._cases.items() if case.ended]
        for key in ended[: max(0, len(ended) - MOST_KEPT)]:
            del self._cases[key]
