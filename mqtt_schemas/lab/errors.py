"""What can go wrong in the laboratory."""

from __future__ import annotations

from mqtt_schemas.errors import ContractError


class LabError(ContractError):
    """Base of the laboratory's errors."""

    code = "lab"


class MosquittoMissing(LabError):
    """No Mosquitto on this machine; Debian's package is `mosquitto`."""

    code = "lab.mosquitto_missing"


class BrokerFailed(LabError):
    """The broker did not start, or cannot be spoken to; `detail` holds the end of its log."""

    code = "lab.broker_failed"


class BadLabFiles(LabError):
    """A laboratory folder whose files cannot be read."""

    code = "lab.bad_files"
