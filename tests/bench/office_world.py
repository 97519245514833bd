"""A post for the console's measurements: a counter's agent in a process of its own, and travellers without faces.

One true traveller passes at a true kiosk first. Whoever comes after is that one with another passport number, said
over the post's broker with the kiosk's own key: the counter weighs and shows each as it would any other, and no
camera's or decoder's work is in the figures.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import structs

from border_agent.agent.identity import load_journal_key
from border_agent.agent.opening import SOFTWARE, open_store
from border_agent.api.client import AgentClient
from border_agent.clock import Clock
from border_agent.config import load_config
from border_agent.demo.counter import arrive
from border_agent.demo.post_world import KIOSKS, Person, PostWorld
from border_agent.demo.world import POST
from border_agent.documents.mrz import Mrz, check_digit, parse_mrz
from border_agent.inspection.evidence import Evidence
from border_agent.store import Journal, PassageNoted
from mqtt_schemas.keys import public_bytes
from mqtt_schemas.messages import Signed, decode
from mqtt_schemas.post import Finished, PostChannel, open_statement
from mqtt_schemas.records import OfficerRole

sys.path.extend(str(Path(__file__).parents[1] / folder) for folder in ("post", "store"))

from passage_kit import movement
from post_kit import Impostor, Voice, wait_for

ALBUM = Path("build", "specimens")
PASSWORD = "Latérite-et-borne-1992"
MOST_AT_ONCE = 50
"""Entries of one commit."""
TRAVELLER = 14
"""Of the cast: a foreigner who needs no visa, so that an earlier passage does not stand against the next one."""


class Office:
    """A context manager: leaving ends every process."""

    def __init__(self, folder: Path, officers: int) -> None:
        people = [
            Person(number=str(1001 + n), name=f"AGENT {n + 1}", roles=(OfficerRole.OFFICER,)) for n in range(officers)
        ]
        self.world = PostWorld(folder, ALBUM, kiosks=KIOSKS[:1], people=people)
        self.numbers = tuple(person.number for person in people)
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "_lan"):
            self._lan.stop()
        self.world.__exit__(kind, error, trace)

    def start(self) -> None:
        """Start the post, and let the one true traveller pass; the kiosk stops then."""
        arrivals = self.world.start()
        (kiosk,), lan = self.world.kiosks, self.world.lan
        key = load_journal_key(kiosk.folder / "journal.key")
        ear = Impostor(self.world.national.authority, lan, "bench-ear")
        case = arrive(kiosk, arrivals[TRAVELLER - 1])
        wait_for(lambda: any(topic.endswith("/inspections") for topic, _ in ear.heard))
        payload = next(payload for topic, payload in ear.heard if topic.endswith("/inspections"))
        ear.stop()
        with AgentClient(str(kiosk.socket)) as agent:
            agent.cancel(case["id"])
        kiosk.stop_device()
        body = open_statement(decode(Signed, payload), PostChannel.INSPECTIONS, kiosk.device, public_bytes(key))
        assert isinstance(body, Finished)
        self._finished, self._evidence = body, msgspec.json.decode(body.evidence, type=Evidence)
        self._voice = Voice(kiosk.device, key)
        self._lan = Impostor(self.world.national.authority, lan, kiosk.device)

    def publish(self) -> tuple[str, float]:
        """The next traveller has finished at the kiosk; the inspection's id, and the moment at which it was said."""
        self._count += 1
        now, evidence = datetime.now(UTC), self._evidence
        inspection = f"{self._count:08x}{time.monotonic_ns():024x}"
        assert evidence.document is not None and evidence.mrz is not None
        evidence = structs.replace(
            evidence,
            inspection_id=inspection,
            started_at=now - timedelta(seconds=20),
            document=structs.replace(evidence.document, mrz=_renumbered(evidence.mrz, self._count)),
            clock=structs.replace(evidence.clock, at=now),
        )
        self._voice.at = now
        said = self._voice.say(
            Finished,
            inspection_id=inspection,
            direction=self._finished.direction,
            started_at=evidence.started_at,
            finished_at=now,
            proposal=self._finished.proposal,
            evidence=msgspec.json.encode(evidence),
            pictures=self._finished.pictures,
        )
        moment = time.monotonic()
        self._lan.publish(self._voice.topic(PostChannel.INSPECTIONS, POST), said)
        return inspection, moment

    def fall_behind(self, entries: int) -> None:
        """The agent stops, the line is cut, and the journal gets so many movements that the centre has not got."""
        counter = self.world.counter
        counter.stop_agent()
        self.world.national.broker.kill()
        config = load_config(counter.config)
        key = load_journal_key(config.path(config.identity.journal_key))
        with open_store(config) as store:
            journal = Journal(store, counter.device, key, Clock(), software=SOFTWARE)
            for _ in range(entries // MOST_AT_ONCE):
                moved = [movement(datetime.now(UTC)) for _ in range(MOST_AT_ONCE)]
                journal.commit(moved, [PassageNoted(entry=entry) for entry in moved])
        counter.start_agent()

    def agent_seconds(self) -> float:
        """Processor time the counter's agent has used, its children not included."""
        assert self.world.counter._agent is not None
        fields = Path(f"/proc/{self.world.counter._agent.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100.0

    def agent_bytes(self) -> int:
        """Memory of the counter's agent, its children not included."""
        with AgentClient(str(self.world.counter.socket)) as agent:
            return int(agent.state()["memory_bytes"]["agent"])

    def unacknowledged(self) -> int:
        """Entries of the counter that the centre has not got."""
        with AgentClient(str(self.world.counter.socket)) as agent:
            return int(agent.state()["line"]["unacknowledged"])


def _renumbered(mrz: Mrz, number: int) -> Mrz:
    upper, lower = mrz.lines
    document = f"R{number:07d}<"
    lower = document + str(check_digit(document)) + lower[10:43]
    composite = check_digit(lower[0:10] + lower[13:20] + lower[21:43])
    return parse_mrz(f"{upper}\n{lower}{composite}", today=datetime.now(UTC).date())


def quantiles(values: Sequence[float]) -> tuple[float, float]:
    """p50 and p95."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
