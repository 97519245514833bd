"""What distances mean: thresholds, the model and probe mode they were found with, and where they come from."""

from __future__ import annotations

import hashlib
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

import msgspec

from border_agent.decoding.values import FaceModel
from border_agent.faces.errors import CalibrationMalformed, CalibrationMismatch, CalibrationMissing

_MAX_BYTES: Final = 256 * 1024
_PROVISIONAL: Final = "dlib_provisional.json"

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Rate = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Threshold = Annotated[float, msgspec.Meta(gt=0.0, lt=2.0)]


class ProbeMode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How live frames become one embedding. Averaging moves the threshold, so it belongs to the calibration."""

    frames: Annotated[int, msgspec.Meta(ge=1, le=9)]
    """Averaged at most; fewer are allowed (their mean is farther from a stranger's face, not nearer)."""
    mirror: bool
    """Every embedding, the reference's as well, is the mean of the face and its mirror image."""
    rescaled: bool
    """Every mean is brought back to the mean length of what went in."""


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured point of the table that a threshold was taken from."""

    group: Text
    threshold: Threshold
    false_match_rate: Rate
    false_non_match_rate: Rate | None
    basis: Text
    """How many pairs, of what."""


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One calibration file. Distances up to `match_threshold` match, up to `doubt_threshold` are in doubt."""

    name: Text
    model: Text
    model_sha256: Sha256
    landmarks_sha256: Sha256
    capture: Text
    """Of the pictures it was measured on: "colour", "grey", "infrared"."""
    probe_mode: ProbeMode
    match_threshold: Threshold
    doubt_threshold: Threshold
    provisional: bool
    """Not measured on the operator's own travellers and cameras: never admits without an officer."""
    source: Text
    date: date
    figures: list[Figure]
    sha256: str = ""
    """Of the file's bytes; set by reading it, absent in it."""

    def require(self, model: FaceModel | None) -> None:
        """Raises CalibrationMismatch unless `model`, the one that is loaded, is the one this was measured with."""
        loaded = (model.sha256, model.landmarks_sha256) if model else ()
        if loaded != (self.model_sha256, self.landmarks_sha256):
            name = model.name if model else "none"
            raise CalibrationMismatch(self.name, f"made for {self.model}, loaded is {name}")


def read_calibration(raw: bytes, where: str) -> Calibration:
    """A calibration file's content. Raises CalibrationMalformed."""
    if len(raw) > _MAX_BYTES:
        raise CalibrationMalformed(where, f"{len(raw)} bytes")
    try:
        calibration = msgspec.json.decode(raw, type=Calibration)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CalibrationMalformed(where, str(error)) from error
    if calibration.sha256:
        raise CalibrationMalformed(where, "a file does not state its own hash")
    if calibration.match_threshold >= calibration.doubt_threshold:
        raise CalibrationMalformed(where, "the match threshold is not below the doubt threshold")
    return msgspec.structs.replace(calibration, sha256=hashlib.sha256(raw).hexdigest())


def load_calibration(file: Path | None = None) -> Calibration:
    """Read a calibration file; without one, the provisional one that comes with Borne.

    Raises CalibrationMissing, CalibrationMalformed.
    """
    if file is None:
        shipped = resources.files("border_agent.faces") / "calibrations" / _PROVISIONAL
        return read_calibration(shipped.read_bytes(), _PROVISIONAL)
    try:
        with file.open("rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise CalibrationMissing(str(file), error.strerror or "") from error
    return read_calibration(raw, str(file))
