"""One border post of the nation: the true journal and the true reporting service, its thread replaced by events."""

from __future__ import annotations

from collections import deque
from functools import partial
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from border_agent.clock import Clock
from border_agent.reporting import ReportingEvent, ReportingService, ReportingSettings
from border_agent.reporting import evidence_up as evidence_module
from border_agent.reporting import service as service_module
from border_agent.reporting.errors import BadLine, LineDown, LineRefused
from border_agent.store import EvidenceKept, Journal, Store, VisaUsed, create_key, verify_journal
from border_agent.store.evidence import PictureKept
from border_agent.store.evidence_waiting import EvidenceWaiting
from border_agent.store.journal import MOST_AT_ONCE, Change
from mqtt_schemas.entries import Decision, Entry, Movement
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.lab.pki import LabAuthority
from tests.thirty_days.shared_line import Broker, SharedLine, SimLink
from tests.thirty_days.timeline import Timeline
from tests.traffic.travellers import Travellers, health, record

SELDOM = ((service_module, "LONGEST_WAIT", 3600.0), (evidence_module, "LOOK_SECONDS", 300.0))
"""Seconds between two looks of an idle device: it looks every five, and every two for evidence, to no effect."""
_SOONEST = 0.001


class Post:
    """A device, driven by the timeline."""

    def __init__(
        self,
        number: int,
        folder: Path,
        authority: LabAuthority,
        root: bytes,
        timeline: Timeline,
        line: SharedLine,
        broker: Broker,
        *,
        picture: int,
    ) -> None:
        """`picture`: bytes of a traveller's photo; 0: none is kept."""
        self.device = f"uto-post-{number}"
        self.key, self.sealing = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
        self.travellers = Travellers(
            number, prefix=f"{chr(65 + number // 26)}{chr(65 + number % 26)}", device=self.device
        )
        self.decided = 0
        self.delays: list[tuple[float, float]] = []
        """Of each entry: when it was committed, and after how many seconds it was known to be at the centre."""
        self.most_waiting = 0
        self._timeline = timeline
        self._picture = picture
        self._waiting: deque[tuple[int, float]] = deque()
        self._turn_at: float | None = None
        folder.mkdir(parents=True)
        create_key(folder / "store.key")
        self._clock = Clock(
            system=lambda: timeline.moment().timestamp(), monotonic=lambda: timeline.now, synchronised=lambda: True
        )
        self.store = Store(folder / "store.db", folder / "store.key", reserve_bytes=0)
        self.journal = Journal(self.store, self.device, self.key, self._clock, software="thirty-days")
        tls = authority.client(self.device)
        settings = ReportingSettings(
            brokers=("mqtts://centre.example",),
            authority=tls.ca,
            certificate=tls.certificate,
            key=tls.key,
            root=root,
        )
        made = partial(SimLink, line=line, broker=broker, woken=self.wake)
        with mock.patch.object(service_module, "Link", made):
            self.service = ReportingService(self.store, self.journal, self._clock, settings, sealing=self.sealing)
        self.service.on_event(self._heard)
        self.link: SimLink = self.service._link  # type: ignore[assignment]

    @property
    def public(self) -> bytes:
        return public_bytes(self.key)

    @property
    def sealing_public(self) -> bytes:
        return self.sealing.public_key().public_bytes_raw()

    @property
    def waiting(self) -> int:
        """Entries that are not known to be at the centre."""
        return len(self._waiting)

    def decide(self, visa: int) -> None:
        """The next traveller, with the visa of this number."""
        pictures = [PictureKept("live", self.travellers.chance.randbytes(self._picture))] if self._picture else []
        kept = EvidenceKept(record({picture.kind: picture.digest for picture in pictures}))
        entry = self.travellers.movement(self._timeline.moment(), evidence=kept.digest, number=visa)
        changes: list[Change] = [kept, *pictures]
        if isinstance(entry, Movement) and entry.decision is Decision.ADMIT and entry.visa is not None:
            changes.append(
                VisaUsed(
                    visa_id=entry.visa.visa_id,
                    movement_id=entry.id,
                    direction=entry.direction,
                    occurred_at=entry.occurred_at,
                )
            )
        self._commit(entry, changes)
        self.decided += 1

    def fill(self, entries: int) -> None:
        """So many movements at once: a backlog."""
        for begin in range(0, entries, MOST_AT_ONCE):
            count = min(MOST_AT_ONCE, entries - begin)
            receipt = self.journal.commit([self.travellers.movement(self._timeline.moment()) for _ in range(count)])
            self._waiting.append((receipt.sequence, self._timeline.now))

    def refer(self) -> None:
        """A kiosk sends a traveller on."""
        self._commit(self.travellers.referral(self._timeline.moment()), [])

    @property
    def evidence_waiting(self) -> int:
        """Pieces of which the centre has not all."""
        return EvidenceWaiting(self.store).count().pieces

    @property
    def oldest(self) -> float:
        """When the oldest of these was committed; now, where there is none."""
        return self._waiting[0][1] if self._waiting else self._timeline.now

    def say_how_it_is(self) -> None:
        """Once an hour."""
        self._commit(health(self._timeline.moment(), int(self._timeline.elapsed // 3600)), [])

    def wake(self) -> None:
        """Let reporting's thread run, at once."""
        self._turn_by(self._timeline.now)

    def verified(self) -> bool:
        return verify_journal(self.store, self.key.public_key()).ok

    def close(self) -> None:
        self.store.close()

    def _commit(self, entry: Entry, changes: list[Change]) -> None:
        receipt = self.journal.commit([entry], changes)
        self._waiting.append((receipt.sequence, self._timeline.now))
        self.most_waiting = max(self.most_waiting, len(self._waiting))

    def _heard(self, event: ReportingEvent) -> None:
        if event.kind != "acknowledged":
            return
        while self._waiting and self._waiting[0][0] <= event.version:
            _, at = self._waiting.popleft()
            self.delays.append((at, self._timeline.now - at))

    def _turn_by(self, when: float) -> None:
        if self._turn_at is None or when < self._turn_at:
            self._turn_at = when
            self._timeline.at(when, lambda: self._turn(when))

    def _turn(self, when: float) -> None:
        """What `ReportingService._run` does in one round, and when the next is due."""
        if self._turn_at != when:
            return
        self._turn_at = None
        service = self.service
        try:
            service._turn()
        except (LineDown, LineRefused, BadLine) as error:
            service._line_lost(error)
        service._publish_snapshot()
        now = self._timeline.now
        patience = service._patience(now) if self.link.connected else service._retry_at - now
        self._turn_by(now + max(_SOONEST, patience))
