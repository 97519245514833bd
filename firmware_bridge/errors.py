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


class NotPrinted(DeviceError):
    """No slip, or none that the printer has confirmed."""

    code = "device.not_printed"

    def __init__(self, where: str, detail: str = "", begun: bool = False) -> None:
        super().__init__(where, detail)
        self.begun = begun
        """Some of the slip was sent: it may be on paper, in part or (where only the answer was lost) as a whole."""


class PaperOut(NotPrinted):
    code = "device.paper_out"


class CoverOpen(NotPrinted):
    code = "device.cover_open"


class PrinterGone(NotPrinted):
    """Not there, unplugged meanwhile, or closed."""

    code = "device.printer_gone"


class PrinterFailed(NotPrinted):
    """It reports an error of its own (cutter, mechanism, temperature), or the port is not usable."""

    code = "device.printer_failed"


class PrinterSilent(NotPrinted):
    """It did not answer, or had not confirmed the slip when the time was up."""

    code = "device.printer_silent"


class SlipTooLong(NotPrinted):
    code = "device.slip_too_long"


class SlipMalformed(NotPrinted):
    """Not as wide as the paper, no whole rows, or none."""

    code = "device.slip_malformed"


class CardLost(DeviceError):
    """The card on a reader is of no use any more; asking the reader for it again may help."""

    code = "card"


class CardGone(CardLost):
    """Taken away, contact lost, reader unplugged, or the driver closed."""

    code = "card.gone"


class CardSilent(CardLost):
    """No answer within the driver's time."""

    code = "card.silent"
