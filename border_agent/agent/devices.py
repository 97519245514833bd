"""The devices of this appliance by what they are for, and whether each of them works: asked, not believed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from border_agent.agent.chip_reader import ChipReader
from border_agent.agent.readers import ReaderThread
from border_agent.agent.slips import Slips, SlipsError
from border_agent.config import CameraRole
from border_agent.decoding.camera import CameraProcess
from border_agent.errors import BorneError
from firmware_bridge.roles import DeviceState

FRAME_SECONDS = 2.0
"""How soon a working camera gives a fresh frame."""


class DeviceRole(StrEnum):
    DOCUMENT_READER = "document_reader"
    CHIP_READER = "chip_reader"
    CODE_SCANNER = "code_scanner"
    DOCUMENT_CAMERA = "document_camera"
    FACE_CAMERA = "face_camera"
    PRINTER = "printer"


CAMERAS = {CameraRole.DOCUMENT: DeviceRole.DOCUMENT_CAMERA, CameraRole.FACE: DeviceRole.FACE_CAMERA}


class NoSuchDevice(BorneError):
    """This appliance has no device for that."""

    code = "maintenance.no_device"


class DeviceView(Struct, frozen=True, kw_only=True):
    role: DeviceRole
    state: DeviceState


class DeviceDetails(Struct, frozen=True, kw_only=True):
    """A device for whoever mends it."""

    role: DeviceRole
    name: str
    state: DeviceState
    problems: int
    """How many it has reported since the start; of a camera, up to 64."""
    last_problem: str
    """Code of the newest; empty: none."""


class Trial(Struct, frozen=True, kw_only=True):
    """What trying a device out has shown."""

    device: DeviceRole
    passed: bool
    code: str
    """Why not: `device.absent`, `device.failed`, `device.no_frame`, or an error of the printer. Empty: it passed."""


class Devices:
    """Every device there should be, by the configuration. Calls may come from any thread."""

    def __init__(
        self,
        readers: Mapping[DeviceRole, ReaderThread],
        cameras: Mapping[CameraRole, CameraProcess],
        slips: Slips,
        chips: ChipReader | None = None,
    ) -> None:
        self._readers = readers
        self._chips = chips
        self._cameras = {CAMERAS[role]: camera for role, camera in cameras.items()}
        self._slips = slips

    def views(self) -> tuple[DeviceView, ...]:
        return tuple(DeviceView(role=one.role, state=one.state) for one in self.details())

    def details(self) -> tuple[DeviceDetails, ...]:
        readers = [
            DeviceDetails(
                role=role,
                name=thread.reader.name,
                state=thread.reader.state,
                problems=thread.problems,
                last_problem=thread.last_problem.code if thread.last_problem is not None else "",
            )
            for role, thread in self._readers.items()
        ]
        if (chips := self._chips) is not None:
            readers.append(
                DeviceDetails(
                    role=DeviceRole.CHIP_READER,
                    name=chips.name,
                    state=chips.state,
                    problems=chips.problems,
                    last_problem=chips.last_problem.code if chips.last_problem is not None else "",
                )
            )
        others = [(role, camera.name, camera.state, tuple(camera.problems)) for role, camera in self._cameras.items()]
        if (printer := self._slips.printer) is not None:
            others.append((DeviceRole.PRINTER, printer.name, printer.state, tuple(printer.problems)))
        return (
            *readers,
            *(
                DeviceDetails(
                    role=role,
                    name=name,
                    state=state,
                    problems=len(problems),
                    last_problem=problems[-1].code if problems else "",
                )
                for role, name, state, problems in others
            ),
        )

    def state(self, role: DeviceRole) -> DeviceState | None:
        """The state of one; None where there is none."""
        return next((view.state for view in self.views() if view.role is role), None)

    def try_out(self, role: DeviceRole) -> Trial:
        """Make a device do what it is for, and see. Raises NoSuchDevice."""
        if (state := self.state(role)) is None:
            raise NoSuchDevice(role)
        code = ""
        if role is DeviceRole.PRINTER:
            try:
                self._slips.print_test()
            except SlipsError as error:
                code = error.code
        elif state is not DeviceState.ready:
            code = f"device.{state.value}"
        elif role in self._cameras and not self._sees(self._cameras[role]):
            code = "device.no_frame"
        return Trial(device=role, passed=not code, code=code)

    def _sees(self, camera: CameraProcess) -> bool:
        begun = time.monotonic()
        return camera.latest(FRAME_SECONDS) is not None and time.monotonic() - begun <= FRAME_SECONDS
