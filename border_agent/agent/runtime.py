"""The agent, built from its configuration: every room opened in order, and closed in the opposite one."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from border_agent.agent.answers import Answers
from border_agent.agent.calls import Calls
from border_agent.agent.desk import Desk
from border_agent.agent.devices import DeviceRole, Devices
from border_agent.agent.diary import Diary, Note
from border_agent.agent.eyes import Eyes
from border_agent.agent.hub import Hub
from border_agent.agent.identity import alone, load_journal_key
from border_agent.agent.kiosk import Kiosk
from border_agent.agent.logring import LogRing
from border_agent.agent.maintenance import Maintenance
from border_agent.agent.preview import Previews
from border_agent.agent.readers import ReaderThread
from border_agent.agent.recorder import Recorder
from border_agent.agent.sessions import Sessions
from border_agent.agent.slips import Slips
from border_agent.agent.staff import StaffFile
from border_agent.agent.timekeeping import Timekeeping
from border_agent.clock import Clock
from border_agent.config import CameraRole, Config, Role
from border_agent.decoding.camera import CameraProcess
from border_agent.decoding.client import DecodingWorker
from border_agent.faces import load_calibration
from border_agent.inspection.evidence import Step
from border_agent.reporting import ReportingService, ReportingSettings
from border_agent.store import (
    Journal,
    Lists,
    Notes,
    Store,
    StoreDamaged,
    VerifyReport,
    VisaUses,
    WrongKey,
    set_aside,
    verify_journal,
)
from border_agent.words import languages
from firmware_bridge.devices.printer_escpos import EscPosPrinter
from firmware_bridge.devices.serial_mrz import SerialMrzReader
from firmware_bridge.devices.serial_scanner import SerialCodeScanner
from mqtt_schemas.entries import EpochReason

_log = logging.getLogger(__name__)

SOFTWARE = importlib.metadata.version("borne")


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
        self._store, reason = _open_or_set_aside(config)
        stack.enter_context(self._store)
        self._journal_key = load_journal_key(config.path(config.identity.journal_key))
        journal = Journal(
            self._store, config.device.id, self._journal_key, self._clock, software=SOFTWARE, reason=reason
        )
        timekeeping = Timekeeping(Notes(self._store), self._clock)
        timekeeping.resume()
        self._lists = Lists(self._store)
        answers = Answers(self._lists, VisaUses(self._store), self._clock, load_calibration(), self._worker)
        self.desk = Desk(
            device=config.device.id,
            abilities=self.abilities,
            eyes=Eyes(self._worker, self._cameras),
            answers=answers,
            recorder=Recorder(journal, self._clock),
            hub=self.hub,
            times=config.times,
        )
        stack.callback(self.desk.stop)
        self.previews = Previews(self.desk, self._cameras.get(CameraRole.FACE))
        self._readers = dict(self._make_readers())
        for reader in self._readers.values():
            stack.callback(reader.stop)
            reader.start()
        self._reporting = ReportingService(self._store, journal, self._clock, self._reporting_settings())
        diary = Diary(journal, self._clock)
        self._reporting.on_event(timekeeping.on_event)
        self._reporting.on_event(diary.on_event)
        diary.note("started", {"software": SOFTWARE})
        self._start_kiosk(stack, journal, answers, diary.note)
        stack.callback(self._reporting.stop)
        self._reporting.start()

    def _start_kiosk(self, stack: contextlib.ExitStack, journal: Journal, answers: Answers, note: Note) -> None:
        """What stands at the traveller's side: the window, calls, slips, and staff at the maintenance screen."""
        config, section = self.config, self.config.devices.printer
        printer = None
        if section is not None:
            port = str(config.path(section.port))
            printer = EscPosPrinter(section.name, port, section.baudrate, rtscts=section.rtscts)
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
                devices=Devices(self._readers, self._cameras, slips),
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

    def abilities(self) -> tuple[Step, ...]:
        """The steps this device can do at all, by its configuration."""
        devices, steps = self.config.devices, []
        if devices.document_reader is not None:
            steps.append(Step.DOCUMENT)
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
            "agent": _resident_bytes(),
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
        cameras = [
            {"name": camera.name, "state": camera.state, "confinement": camera.confinement}
            for camera in self._cameras.values()
        ]
        return serial + cameras

    def _make_readers(self) -> Iterator[tuple[DeviceRole, ReaderThread]]:
        devices = self.config.devices
        if devices.document_reader is not None:
            section = devices.document_reader
            reader = SerialMrzReader(section.name, str(self.config.path(section.port)), baudrate=section.baudrate)
            yield DeviceRole.DOCUMENT_READER, ReaderThread(reader, self.desk.document_read)
        if devices.code_scanner is not None:
            scan = devices.code_scanner
            scanner = SerialCodeScanner(scan.name, str(self.config.path(scan.port)), baudrate=scan.baudrate)
            yield DeviceRole.CODE_SCANNER, ReaderThread(scanner, self.desk.code_read)

    def _reporting_settings(self) -> ReportingSettings:
        config = self.config
        return ReportingSettings(
            role=config.device.role.value,
            software=SOFTWARE,
            root=bytes.fromhex(config.identity.root),
            brokers=config.mqtt.brokers,
            authority=config.path(config.mqtt.authority),
            certificate=config.path(config.mqtt.certificate),
            key=config.path(config.mqtt.key),
            mqtt=config.mqtt.version,
        )


def _open_or_set_aside(config: Config) -> tuple[Store, EpochReason]:
    """The store; one that cannot be read is moved aside whole, and the device goes on in a new epoch that says so."""
    path, key = config.path(config.store.path), config.path(config.store.key)
    try:
        return Store(path, key), EpochReason.FIRST_START
    except (WrongKey, StoreDamaged) as error:
        kept = set_aside(path)
        _log.error("the store cannot be read and is kept as %s: %s", kept, error)
        return Store(path, key), EpochReason.STORE_LOST


@contextlib.contextmanager
def open_store(config: Config) -> Iterator[Store]:
    """The store of a configuration, for commands that only read it. Raises StoreError."""
    with Store(config.path(config.store.path), config.path(config.store.key)) as store:
        yield store


def _resident_bytes() -> int:
    with Path("/proc/self/statm").open(encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
