"""What a comparison of faces says, and on what it stands."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Zone(StrEnum):
    """Where the distance falls. There is never a single number that means yes or no."""

    match = "match"
    doubt = "doubt"
    no_match = "no_match"


class ReferenceKind(StrEnum):
    """Where the stored face comes from, the most trustworthy first."""

    chip = "chip"
    """DG2 of a chip whose passive authentication holds."""
    visa_record = "visa_record"
    """The portrait of the e-visa record, or its template where it has no portrait; signed by the centre."""
    chip_unvouched = "chip_unvouched"
    """A DG2 that nobody vouches for."""
    printed = "printed"
    """The portrait printed on the data page."""


class ProbeQuality(msgspec.Struct, frozen=True):
    """Quality of the live frames: the worst and the mean of each number (units as in `FoundFace`)."""

    eye_distance_worst: float
    eye_distance_mean: float
    sharpness_worst: float
    sharpness_mean: float
    brightness_worst: float
    """The one farthest from the middle of the grey scale."""
    brightness_mean: float


class FaceComparison(msgspec.Struct, frozen=True):
    """One stored face against the live one: the zone, and all that is needed to judge it again later."""

    zone: Zone
    distance: float
    """Euclidean, between the reference's embedding and the mean of the probes'."""
    reference: ReferenceKind
    match_threshold: float
    doubt_threshold: float
    calibration: str
    """Name of the calibration."""
    calibration_sha256: str
    provisional: bool
    """A provisional calibration never admits without an officer."""
    model: str
    model_sha256: str
    frames: int
    """How many live frames were averaged."""
    quality: ProbeQuality | None
