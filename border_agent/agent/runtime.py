"""The agent, built from its configuration: every room opened in order, and closed in the opposite one."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType
from typing import Any, BinaryIO, Self

import msgspec

from border_agent.agent import clockwatch, erasing, health
from border_agent.agent.answers import Answers
from border_agent.agent.calls import Calls
from border_agent.agent.chores import Chores
from border_agent.agent.clockwatch import ClockWatch
from border_agent.agent.counter import Counter
from border_agent.agent.desk import Desk
from border_agent.agent.devices import DeviceRole, Devices
from border_agent.agent.diary import Diary, Note
from border_agent.agent.double_use import CONFLICTS, DoubleUse
from border_agent.agent.drills import DRILLS, Drills
from border_agent.agent.erasing import Erasing
from border_agent.agent.exporting import Exporting
from border_agent.agent.eyes import Eyes
from border_agent.agent.health import Health, Retention
from border_agent.agent.hub import Hub
from border_agent.agent.identity import alone, load_journal_key
from border_agent.agent.kiosk import Kiosk
from border_agent.agent.leases import Leases
from border_agent.agent.logring import KEPT, LogRing
from border_agent.agent.lookups import WatchSearch
from border_agent.agent.machine import time_zone
from border_agent.agent.maintenance import Maintenance
from border_agent.agent.mending import Mending
from border_agent.agent.metrics import Metrics
from border_agent.agent.officers import Acts, Officers
from border_agent.agent.opening import (
    SOFTWARE,
    enrolled,
    keep_authorities_warm,
    make_chip_reader,
    make_printer,
    make_readers,
    open_journal,
    reporting_settings,
    resident_bytes,
    sealing_key,
)
from border_agent.agent.post.line import PostLine
from border_agent.agent.post.state import condition_of
from border_agent.agent.post.values import line_settings
from border_agent.agent.post_calls import PostCalls
from border_agent.agent.preview import Previews
from border_agent.agent.readers import ReaderThread
from border_agent.agent.recorder import Recorder
from border_agent.agent.sessions import Sessions
from border_agent.agent.slips import Slips
from border_agent.agent.staff import StaffFile
from border_agent.agent.stored_pictures import StoredPictures
from border_agent.agent.timekeeping import Timekeeping
from border_agent.agent.verifying import JOURNAL, Verifying
from border_agent.clock import Clock
from border_agent.config import CameraRole, Config, Role
from border_agent.decoding.camera import CameraProcess
from border_agent.decoding.client import DecodingWorker
from border_agent.faces import load_calibration
from border_agent.inspection.evidence import Step
from border_agent.reporting import ReportingEvent, ReportingService, ReportingStatus
from border_agent.reporting.stick import StickReport
from border_agent.store import (
    EvidenceStore,
    Journal,
    Lists,
    Notes,
    Passages,
    VerifyReport,
    VisaUses,
    verify_journal,
)
from border_agent.store.statistics import Statistics
from border_agent.store.visa_conflicts import VisaConflicts
from border_agent.words import languages
from firmware_bridge.roles import DeviceState


class Agent:
    """Everything of one device. A context manager: entering starts it, leaving stops it in order."""

    def __init__(self, config: Config, log: LogRing | None = None) -> None:
        """`log`: the lines that the maintenance screen shows."""
        self.config = config
        self._log = log
        self.hub = Hub()
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        config = self.config
        stack.enter_context(alone(config.path(config.identity.journal_key)))
        # First, because it warms up by itself while everything else is opened.
        self._worker = stack.enter_context(DecodingWorker())
        threading.Thread(target=self._worker.wait_ready, name="decoders-warm", daemon=True).start()
        self._cameras = {
            section.role: stack.enter_context(CameraProcess(section.name, section.source))
            for section in config.devices.cameras
        }
        self._clock = Clock()
        self._journal_key = load_journal_key(config.path(config.identity.journal_key))
        self._store, journal = open_journal(config, self._journal_key, self._clock)
        stack.enter_context(self._store)
        timekeeping = Timekeeping(Notes(self._store), self._clock)
        timekeeping.resume()
        self._lists = Lists(self._store)
        self.passages = Passages(self._store)
        self.mending = Mending(journal, self.passages, self._clock)
        answers = Answers(
            self._lists, VisaUses(self._store), self.passages, self._clock, load_calibration(), self._worker
        )
        recorder = Recorder(journal, self._clock, self._store.require_room)
        self._chips = make_chip_reader(config)
        self._readers: dict[DeviceRole, ReaderThread] = {}
        self.desk = Desk(
            device=config.device.id,
            abilities=self.abilities,
            eyes=Eyes(self._worker, self._cameras),
            answers=answers,
            recorder=recorder,
            passages=self.passages,
            hub=self.hub,
            times=config.times,
            chips=self._chips,
            reader_works=self._reader_works,
            scans=config.devices.code_scanner is not None,
            room=self._store.room,
        )
        if self._chips is not None:
            stack.callback(self._chips.stop)
            self._chips.start()
            keep_authorities_warm(self.hub, answers)
        stack.callback(self.desk.stop)
        self.previews = Previews(self.desk, self._cameras.get(CameraRole.FACE))
        self._readers |= make_readers(config, self.desk)
        for reader in self._readers.values():
            stack.callback(reader.stop)
            reader.start()
        identity = enrolled(config, self._journal_key)
        self._reporting = ReportingService(
            self._store, journal, self._clock, reporting_settings(config), identity, sealing_key(config)
        )
        diary = Diary(journal, self._clock)
        self._reporting.on_event(timekeeping.on_event)
        self._reporting.on_event(diary.on_event)
        self._reporting.on_event(self._tell_installed)
        diary.note("started", {"software": SOFTWARE})
        self._start_kiosk(stack, journal, answers, diary.note)
        self._start_office(stack, journal, answers, recorder, diary.note)
        stack.callback(self._reporting.stop)
        self._reporting.start()

    def _reader_works(self) -> bool:
        """Whether a document reader stands ready: else the document camera looks for the zone."""
        thread = self._readers.get(DeviceRole.DOCUMENT_READER)
        return thread is not None and thread.reader.state is DeviceState.ready

    def _start_kiosk(self, stack: contextlib.ExitStack, journal: Journal, answers: Answers, note: Note) -> None:
        """What stands at the traveller's side: the window, calls, slips, and staff at the maintenance screen."""
        config, printer = self.config, make_printer(self.config)
        if printer is not None:
            stack.callback(printer.close)
            printer.open()
        slips = Slips(printer, self.desk)
        self.kiosk = stack.enter_context(
            Kiosk(
                config,
                worker=self._worker,
                store=self._store,
                journal=journal,
                answers=answers,
                devices=Devices(self._readers, self._cameras, slips, self._chips),
                slips=slips,
                calls=Calls(note, self._clock.now, self.hub),
                note=note,
                abilities=self.abilities,
                online=lambda: self._reporting.status().online,
            )
        )
        self.sessions = Sessions(StaffFile(config.path(config.kiosk.staff)) if config.kiosk.staff else None, note)
        self.maintenance = Maintenance(
            config,
            kiosk=self.kiosk,
            clock=self._clock,
            lists=self._lists,
            note=note,
            line=self._reporting.status,
            memory=self.memory_bytes,
            software=SOFTWARE,
            log=self._log,
        )

    def _start_office(
        self, stack: contextlib.ExitStack, journal: Journal, answers: Answers, recorder: Recorder, note: Note
    ) -> None:
        """What stands at the officers' side: who they are, the post's other devices, look-ups, drills."""
        config, store, clock, public = self.config, self._store, self._clock, self._journal_key.public_key()
        self.journal = journal
        self.evidence = EvidenceStore(store)
        self.stored_pictures = StoredPictures(self.evidence, Eyes(self._worker, {}).portrait_jpeg)
        self.policy = answers.policy
        self.acts = Acts(journal, clock)
        self.officers = Officers(
            store,
            self._lists,
            self.acts,
            answers.policy,
            post=config.device.post,
            device=config.device.id,
            sealing_key=sealing_key(config),
            clock=clock,
        )
        self.watch = stack.enter_context(WatchSearch(self._lists))
        self.visas = self._lists.visa
        self.conflicts = VisaConflicts(store)
        self.double_use = stack.enter_context(
            DoubleUse(self.conflicts, journal, clock, changed=lambda: self.hub.publish(CONFLICTS))
        )
        self.statistics = Statistics(store, time_zone())
        self.post_line = PostLine(
            line_settings(config),
            post=config.device.post,
            device=config.device.id,
            role=config.device.role,
            hall=config.kiosk,
            key=self._journal_key,
            store=store,
            clock=clock,
            hub=self.hub,
            desk=self.desk,
            recorder=recorder,
            calls=self.kiosk.calls,
            condition=lambda: condition_of(self.kiosk, self.desk, self.line().unacknowledged),
        )
        self.counter = Counter(
            device=config.device.id,
            gate=config.kiosk.gate,
            desk=self.desk,
            leases=Leases(clock.now),
            post=self.post_line,
            passages=self.passages,
            calls=PostCalls(
                self.kiosk.calls,
                self.post_line,
                device=config.device.id,
                gate=config.kiosk.gate,
                counter=config.kiosk.counter,
            ),
            policy=answers.policy,
        )
        stack.enter_context(self.post_line)  # with everybody listening who must hear of what is lost to another
        self.drills = stack.enter_context(
            Drills(
                store=store,
                key_file=config.path(config.store.key),
                journal=journal,
                public=public,
                line=self._reporting,
                clock=clock,
                note=note,
                act=self.acts.note,
                changed=lambda: self.hub.publish(DRILLS),
            )
        )
        self.exporting = Exporting(
            store=store,
            device=config.device.id,
            key=self._journal_key,
            clock=clock,
            software=SOFTWARE,
            act=self.acts.write,
        )
        self.verifying = Verifying(
            store=store,
            journal=journal,
            public=public,
            clock=clock,
            act=self.acts.note,
            changed=lambda: self.hub.publish(JOURNAL),
        )
        stack.enter_context(self._chores(journal, answers, note))
        self.metrics = Metrics(
            journal=journal,
            line=self.line,
            report=self.maintenance.report,
            decoders=self.decoder_starts,
            cases=self.desk.cases,
            signed_in=lambda: len(self.officers.sessions()),
            lan=self._lan_up,
            drill=self._drill_under_way,
        )
        if self._chips is not None:
            self._chips.on_read(self.metrics.chip_read)

    def _chores(self, journal: Journal, answers: Answers, note: Note) -> Chores:
        """What is done in idle moments."""
        store, clock, policy = self._store, self._clock, answers.policy
        chores = Chores(lambda: self.desk.collecting)
        chores.add("clock", clockwatch.EVERY_SECONDS, ClockWatch(clock, note).step)
        noted = Health(store, clock, note, self.line, self.memory_bytes)
        chores.add("health", health.EVERY_SECONDS, noted.step, first=health.FIRST_SECONDS)
        chores.add("erasure", erasing.EVERY_SECONDS, Erasing(store, policy, clock, note).step)
        chores.add("retention", health.RETENTION_SECONDS, Retention(store, journal, policy, clock).step)
        return chores

    def _tell_installed(self, event: ReportingEvent) -> None:
        """A list's name is a hub key: somebody whom the centre has suspended is out at once."""
        if event.kind == "list_installed":
            self.hub.publish(event.subject)
            self.watch.wake()
            self.double_use.wake()

    def line(self) -> ReportingStatus:
        """The line to the centre."""
        return self._reporting.status()

    def import_lists(self, file: BinaryIO) -> StickReport:
        """Lists from a stick; raises as `ReportingService.import_lists` does."""
        return self._reporting.import_lists(file)

    def log_lines(self, count: int = KEPT) -> list[str]:
        """The newest lines of the log, oldest first."""
        return self._log.last(count) if self._log is not None else []

    def decoder_starts(self) -> tuple[int, int]:
        """How often the decoders were started, and how many starts in a row have failed."""
        return self._worker.starts, self._worker.failed_starts

    def _lan_up(self) -> bool | None:
        status = self.post_line.status()
        return status.online if status.configured else None

    def _drill_under_way(self) -> str:
        drill = self.drills.current
        return drill.kind.value if drill is not None else ""

    def abilities(self) -> tuple[Step, ...]:
        """The steps this device can do at all, by its configuration."""
        devices, steps = self.config.devices, []
        if devices.document_reader is not None or CameraRole.DOCUMENT in self._cameras:
            steps.append(Step.DOCUMENT)
        if devices.chip_reader is not None:
            steps.append(Step.CHIP)
        if CameraRole.DOCUMENT in self._cameras:
            steps.append(Step.PAGE)
        if devices.code_scanner is not None or CameraRole.DOCUMENT in self._cameras:
            steps.append(Step.VISA)
        if CameraRole.FACE in self._cameras:
            steps.append(Step.FACE)
        if self.config.device.role is Role.KIOSK:
            steps.append(Step.QUESTIONS)
        return tuple(steps)

    def capabilities(self) -> dict[str, Any]:
        """What this agent can do, for a client that wants to leave out the rest."""
        device = self.config.device
        return {
            "ready": self._worker.model is not None,
            "device": device.id,
            "role": device.role,
            "post": device.post,
            "software": SOFTWARE,
            "languages": languages(),
            "steps": self.abilities(),
            "devices": self._device_states(),
        }

    def state(self) -> dict[str, Any]:
        """How the device is: nothing here is cached, so nothing here can be older than the question."""
        now, line = self._clock.read(), self._reporting.status()
        return {
            "device": self.config.device.id,
            "clock": now,
            "line": {**msgspec.to_builtins(line), "unacknowledged": line.unacknowledged},
            "lists": {info.name: info for info in self._lists.infos()},
            "devices": self._device_states(),
            "decoders": {
                "confinement": self._worker.confinement,
                "readers": self._worker.readers,
                "starts": self._worker.starts,
                "requests": self._worker.requests,
            },
            "memory_bytes": self.memory_bytes(),
            "window": self.kiosk.window.view(),
        }

    def memory_bytes(self) -> dict[str, int]:
        """Resident memory by process."""
        return {
            "agent": resident_bytes(),
            "decoders": self._worker.memory_bytes(),
            "cameras": sum(camera.memory_bytes() for camera in self._cameras.values()),
        }

    def verify_journal(self) -> VerifyReport:
        """The whole chain computed again."""
        return verify_journal(self._store, self._journal_key.public_key())

    def _device_states(self) -> list[dict[str, Any]]:
        serial = [
            {"name": thread.reader.name, "state": thread.reader.state, "problems": thread.problems}
            for thread in self._readers.values()
        ]
        if (chips := self._chips) is not None:
            serial.append({"name": chips.name, "state": chips.state, "problems": chips.problems})
        cameras = [
            {"name": camera.name, "state": camera.state, "confinement": camera.confinement}
            for camera in self._cameras.values()
        ]
        return serial + cameras
