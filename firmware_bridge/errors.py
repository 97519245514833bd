"""Errors of devices: what (the code), which device, and the detail a technician needs."""

from __future__ import annotations

from typing import ClassVar


class DeviceError(Exception):
    """Base of every error a driver raises on purpose.

    `code` is stable and is the key of the words a person reads (`error.<code>`, French and English).
    `where` names the device or its port; `detail` is for the log.
    """

    code: ClassVar[str] = "device"

    def __init__(self, where: str, detail: str = "") -> None:
        self.where = where
        self.detail = detail
        super().__init__(f"{self.code}: {where}" + (f": {detail}" if detail else ""))


class DeviceMisconfigured(DeviceError):
    """A setting no device can have (a baud rate that does not exist, an empty port)."""

    code = "device.misconfigured"


class TwinFailed(DeviceError):
    """A virtual device did not start, or is not there any more."""

    code = "device.twin_failed"
