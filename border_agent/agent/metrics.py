"""Figures of the device for Prometheus: names, states and counts, never anything of a traveller.

Everything is asked for when it is scraped; only commits and chips are timed on the way. A registry of its own, so
that two agents in one process do not mix. What cannot be read is left out, and `borne_store_readable` says so.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from border_agent.agent.case import Case
from border_agent.agent.maintenance import MaintenanceReport
from border_agent.documents.chip.reading import ChipOutcome
from border_agent.errors import BorneError
from border_agent.inspection.machine import Phase
from border_agent.reporting import ReportingStatus
from border_agent.store import Journal, Receipt
from firmware_bridge.roles import DeviceState
from mqtt_schemas.entries import ClockQuality, Inspection, LateEntry, Movement, read_entry
from mqtt_schemas.errors import Malformed

_log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
COMMIT_BUCKETS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0)
"""Milliseconds."""
CHIP_BUCKETS: Final = (500.0, 1000.0, 2000.0, 3000.0, 4000.0, 6000.0, 8000.0, 12000.0, 20000.0)
"""Milliseconds."""
_PORTION: Final = 500


class Metrics:
    """The figures of one agent. Calls may come from any thread."""

    def __init__(
        self,
        *,
        journal: Journal,
        line: Callable[[], ReportingStatus],
        report: Callable[[], MaintenanceReport],
        decoders: Callable[[], tuple[int, int]],
        cases: Callable[[], Iterable[Case]],
        signed_in: Callable[[], int],
        lan: Callable[[], bool | None],
        drill: Callable[[], str],
    ) -> None:
        """`decoders`: starts, and failed ones in a row; `lan`: whether the post's network is up, None: there is none;
        `drill`: the kind of the one that runs, or empty."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._commits = Histogram(
            "borne_journal_commit_milliseconds",
            "Time of a durable commit.",
            buckets=COMMIT_BUCKETS,
            registry=self._registry,
        )
        self._chips = Counter(
            "borne_chip_readings",
            "Readings of chips since the start.",
            labelnames=("access", "outcome"),
            registry=self._registry,
        )
        self._chip_times = Histogram(
            "borne_chip_reading_milliseconds",
            "Time of a reading of a chip that was read.",
            buckets=CHIP_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Asked(journal, line, report, decoders, cases, signed_in, lan, drill))
        journal.on_commit(self._committed)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format (MEDIA_TYPE)."""
        return generate_latest(self._registry)

    def chip_read(self, access: str, outcome: ChipOutcome, milliseconds: float) -> None:
        """A reading of a chip is over; `access`: by which protocol, empty: none."""
        self._chips.labels(access, outcome.value).inc()
        if outcome is ChipOutcome.read:
            self._chip_times.observe(milliseconds)

    def _committed(self, receipt: Receipt) -> None:
        if receipt.milliseconds:
            self._commits.observe(receipt.milliseconds)


class _Asked(Collector):
    """What is read when somebody asks."""

    def __init__(
        self,
        journal: Journal,
        line: Callable[[], ReportingStatus],
        report: Callable[[], MaintenanceReport],
        decoders: Callable[[], tuple[int, int]],
        cases: Callable[[], Iterable[Case]],
        signed_in: Callable[[], int],
        lan: Callable[[], bool | None],
        drill: Callable[[], str],
    ) -> None:
        self._line = line
        self._report = report
        self._decoders = decoders
        self._cases = cases
        self._signed_in = signed_in
        self._lan = lan
        self._drill = drill
        self._decisions = _Decisions(journal)

    def collect(self) -> Iterable[Metric]:
        report = self._report()
        parts: tuple[Callable[[], Iterator[Metric]], ...] = (
            lambda: _of_device(report),
            lambda: _of_line(self._line()),
            lambda: _of_lists(report),
            self._of_decoders,
            self._of_work,
        )
        readable = report.lists is not None
        for part in parts:
            try:
                yield from list(part())
            except BorneError as error:
                _log.error("a part of the figures cannot be read: %s", error.code)
                readable = False
        yield _gauge("borne_store_readable", "Whether the store can be read.", readable)

    def _of_decoders(self) -> Iterator[Metric]:
        starts, failed = self._decoders()
        counted = CounterMetricFamily("borne_decoder_starts", "Starts of the decoding process.")
        counted.add_metric((), starts)
        yield counted
        yield _gauge("borne_decoder_failed_starts", "Starts that failed, in a row.", failed)

    def _of_work(self) -> Iterator[Metric]:
        collecting = waiting = 0
        for case in self._cases():
            collecting += case.phase is Phase.COLLECTING
            waiting += case.phase is not Phase.COLLECTING
        found = GaugeMetricFamily("borne_inspections", "Inspections that are open at this device.", labels=("phase",))
        found.add_metric(("collecting",), collecting)
        found.add_metric(("waiting",), waiting)
        yield found
        yield _gauge("borne_officers_signed_in", "People who are signed in.", self._signed_in())
        lan = self._lan()
        yield _gauge("borne_lan_configured", "Whether the post has a network of its own.", lan is not None)
        yield _gauge("borne_lan_online", "Whether it is up.", bool(lan))
        drill = GaugeMetricFamily("borne_drill_running", "A drill that runs.", labels=("drill",))
        if name := self._drill():
            drill.add_metric((name,), 1)
        yield drill
        decisions = CounterMetricFamily(
            "borne_decisions", "Decisions written since the start.", labels=("kind", "decision")
        )
        for (kind, decision), count in sorted(self._decisions.counted().items()):
            decisions.add_metric((kind, decision), count)
        yield decisions


class _Decisions:
    """Counts what the journal has taken up since this began, a portion at a time."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._counts: Counts[tuple[str, str]] = Counts()
        position = journal.position()
        self._epoch, self._sequence = position.epoch, position.sequence

    def counted(self) -> dict[tuple[str, str], int]:
        """By kind of entry and decision. Raises StoreError."""
        with self._lock:
            while segment := self._journal.entries_after(self._sequence, _PORTION, 2**24):
                if segment.epoch != self._epoch:
                    self._epoch, self._sequence = segment.epoch, 0
                    continue
                for body in segment.bodies:
                    self._count(body)
                self._sequence = segment.last
            return dict(self._counts)

    def _count(self, body: bytes) -> None:
        try:
            entry = read_entry(body)
        except Malformed:
            return
        match entry:
            case Movement():
                self._counts["movement", entry.decision.value] += 1
            case Inspection():
                self._counts["inspection", entry.outcome if entry.outcome == "cancelled" else "referred"] += 1
            case LateEntry():
                self._counts["late_entry", entry.decision.value] += 1
            case _:
                pass


def _of_device(report: MaintenanceReport) -> Iterator[Metric]:
    info = GaugeMetricFamily("borne_info", "Which device this is.", labels=("device", "post", "role", "software"))
    info.add_metric((report.device, report.post, str(report.role), report.software), 1)
    yield info
    yield _gauge("borne_training", "Whether everything here is an exercise.", report.training)
    yield _gauge("borne_in_service", "Whether travellers can be inspected here.", report.in_service)
    quality = GaugeMetricFamily("borne_clock_quality", "How far the clock may be believed.", labels=("quality",))
    for one in ClockQuality:
        quality.add_metric((one.value,), one is report.clock.quality)
    yield quality
    state = GaugeMetricFamily("borne_device_state", "State of each device.", labels=("role", "name", "state"))
    for device in report.devices:
        for each in DeviceState:
            state.add_metric((device.role.value, device.name, each.value), each is device.state)
    yield state
    memory = GaugeMetricFamily("borne_memory_bytes", "Resident memory.", labels=("process",))
    for process, size in report.memory_bytes.items():
        memory.add_metric((process,), size)
    yield memory
    if report.disk is not None:
        yield _gauge("borne_store_free_bytes", "Room on the store's disk.", report.disk.free_bytes)


def _of_line(status: ReportingStatus) -> Iterator[Metric]:
    yield _gauge("borne_line_online", "Whether the line to the data centre is up.", status.online)
    yield _gauge("borne_line_since_timestamp_seconds", "Since when it is so.", status.since.timestamp())
    yield _gauge("borne_line_paused", "Whether it is cut for an exercise.", status.paused)
    yield _gauge("borne_journal_sequence", "Last entry of the journal.", status.last_sequence)
    yield _gauge("borne_journal_unacknowledged", "Entries the centre is not known to have.", status.unacknowledged)
    yield _gauge("borne_evidence_waiting", "Records and pictures the centre does not have.", status.evidence_pieces)
    yield _gauge("borne_evidence_waiting_bytes", "Their size.", status.evidence_bytes)
    problems = GaugeMetricFamily("borne_line_problem", "What stands in the way.", labels=("code",))
    for code in sorted({problem.code.value for problem in status.problems}):
        problems.add_metric((code,), 1)
    yield problems


def _of_lists(report: MaintenanceReport) -> Iterator[Metric]:
    version = GaugeMetricFamily("borne_list_version", "Installed version of each list.", labels=("name",))
    age = GaugeMetricFamily("borne_list_age_seconds", "How long ago it was issued.", labels=("name",))
    expiry = GaugeMetricFamily("borne_list_expiry_timestamp_seconds", "When it expires.", labels=("name",))
    for one in report.lists or ():
        version.add_metric((one.name,), one.version)
        age.add_metric((one.name,), one.age_seconds)
        expiry.add_metric((one.name,), one.expires.timestamp())
    yield from (version, age, expiry)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=float(value))
