"""Readers, cameras, printer: present under their configured paths, and answering.

The agent knows best, and while it runs the ports are its own: then it is asked. Without it a reader can only be seen
to be there (it speaks when a passport is laid on it); a printer is asked for its paper.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from border_agent.config import CameraRole, Config
from border_agent.upkeep.doctor.chip_reader import ROLE as CHIP_READER
from border_agent.upkeep.doctor.chip_reader import chip_reader_found
from border_agent.upkeep.doctor.patient import Patient
from border_agent.upkeep.doctor.values import Found, found
from firmware_bridge.devices.printer_escpos import EscPosPrinter
from firmware_bridge.roles import PrinterCondition

_PRINTER: Final = {
    PrinterCondition.ready: "device.good",
    PrinterCondition.paper_low: "printer.paper_low",
    PrinterCondition.paper_out: "printer.paper_out",
    PrinterCondition.cover_open: "printer.cover_open",
    PrinterCondition.failed: "printer.silent",
}
_CAMERAS: Final = {CameraRole.DOCUMENT: "document_camera", CameraRole.FACE: "face_camera"}
_CAMERA_SECONDS: Final = 3.0


def check_devices(patient: Patient) -> Iterator[Found]:
    if patient.config is None:
        return
    config = patient.config
    told = {(one["role"], one["name"]): one for one in patient.agent.report.get("devices", ())}
    none = True
    for role, name, source in _expected(config):
        none = False
        if (role, name) in told:
            yield _of_agent(role, source, told[role, name], patient.agent.report.get("printer", ""))
        else:
            yield _look(config, role, source)
    if (chips := config.devices.chip_reader) is not None:
        none = False
        yield chip_reader_found(patient.machine, chips, told.get((CHIP_READER, chips.name)))
    if none:
        yield found("device.none", "devices")


def _expected(config: Config) -> Iterator[tuple[str, str, str]]:
    """Role, name and path or address of each device."""
    devices = config.devices
    for role, section in (
        ("document_reader", devices.document_reader),
        ("code_scanner", devices.code_scanner),
        ("printer", devices.printer),
    ):
        if section is not None:
            yield role, section.name, str(config.path(section.port))
    for camera in devices.cameras:
        source = str(camera.source)
        yield _CAMERAS[camera.role], camera.name, f"/dev/video{source}" if source.isdigit() else source


def _of_agent(role: str, source: str, told: dict[str, str], printer: str) -> Found:
    if role == "printer" and printer in _PRINTER:
        return found(_PRINTER[PrinterCondition(printer)], source, told["last_problem"], role=role)
    code = {"ready": "device.good", "absent": "device.missing"}.get(told["state"], "device.failed")
    return found(code, source, told["last_problem"], role=role)


def _look(config: Config, role: str, source: str) -> Found:
    if "://" in source:
        return _look_at_address(role, source)
    if not Path(source).exists():
        return found("device.missing", source, role=role)
    printer = config.devices.printer
    if role == "printer" and printer is not None:
        return _ask_printer(EscPosPrinter(printer.name, source, printer.baudrate, rtscts=printer.rtscts), source)
    try:
        os.close(os.open(source, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK))
    except PermissionError as error:
        return found("device.not_permitted", source, error.strerror or "", role=role)
    except OSError as error:
        return found("device.failed", source, error.strerror or str(error), role=role)
    return found("device.present", source, role=role)


def _look_at_address(role: str, source: str) -> Found:
    try:
        parts = urlsplit(source)
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=_CAMERA_SECONDS):
            return found("device.present", source, role=role)
    except (OSError, ValueError) as error:
        return found("device.missing", source, str(error), role=role)


def _ask_printer(printer: EscPosPrinter, source: str) -> Found:
    printer.open()
    try:
        problems = tuple(printer.problems)
        code = _PRINTER.get(printer.condition, "device.failed")
    finally:
        printer.close()
    return found(code, source, problems[-1].code if problems else "", role="printer")
