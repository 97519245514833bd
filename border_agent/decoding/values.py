"""What goes to the decoding worker and what comes back: pictures, codes, faces, MRZs, and what its cage holds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

EMBEDDING_SIZE = 128
"""Numbers in one embedding of dlib's face network."""


class Picture(msgspec.Struct, frozen=True):
    """Raw pixels: `height` rows of `width` pixels, three bytes each (blue, green, red), no padding."""

    width: int
    height: int
    pixels: bytes


class EncodedPicture(msgspec.Struct, frozen=True):
    """A JPEG or PNG file as it came, or, where a portrait is meant, JPEG 2000 as chips hold it (.jp2 or codestream).

    Only the worker decodes it.
    """

    data: bytes


class DecodedCode(msgspec.Struct, frozen=True):
    """One 2D code: its payload, byte for byte, and who read it."""

    data: bytes
    symbology: str
    """"qrcode", "datamatrix" or "aztec"."""
    reader: str
    """"zxing" or "pyzbar"."""


class EmbeddingMode(StrEnum):
    """What the worker computes for each face it finds."""

    none = "none"
    """Box and quality only: for guidance while the traveller finds the right place."""
    plain = "plain"
    """The network's answer for the face as it is: equal to what `face_recognition` gives."""
    mirrored = "mirrored"
    """The mean of the face and its mirror image, rescaled to the mean length of the two: what is compared."""


class FoundFace(msgspec.Struct, frozen=True):
    """One face: where, how sure the detector is, its embedding, and numbers about its quality.

    `box` is left, top, right, bottom in pixels of the picture and may reach over its border.
    """

    box: tuple[int, int, int, int]
    score: float
    """The detector's own score; above 0 is a face to it; a clear frontal one has more than 1."""
    embedding: tuple[float, ...]
    """128 numbers, or none with `EmbeddingMode.none`."""
    eye_distance: float
    """Between the centres of the eyes, in pixels of the picture."""
    sharpness: float
    """Of the face brought to 150 x 150 pixels: variance of its Laplacian over variance of its grey levels."""
    brightness: float
    """Mean grey level of the same face, 0 to 255."""
    mode: EmbeddingMode = EmbeddingMode.mirrored
    """How the embedding was made: a calibration holds for one mode only."""


MRZ_SHAPES: Final[Mapping[str, tuple[int, int]]] = {
    "TD1": (3, 30),
    "TD2": (2, 36),
    "TD3": (2, 44),
    "MRVA": (2, 44),
    "MRVB": (2, 36),
}
"""Lines and characters of each format's zone (ICAO Doc 9303-4 to -7)."""

MRZ_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
"""All that a zone can hold."""


class FoundMrz(msgspec.Struct, frozen=True):
    """A machine readable zone as it was read from a picture: nothing is repaired, nothing is interpreted.

    Check digits cover neither names nor issuing state: `confidence` says how sure the reader is of each character.
    """

    format: str
    """A key of MRZ_SHAPES: by the number of lines and characters, and V in the first place for a visa."""
    lines: tuple[str, ...]
    confidence: tuple[tuple[float, ...], ...]
    """For each character, 0 to 1: the share of characters read with this confidence that are right."""
    runner_up: tuple[str, ...]
    """For each character, the second choice. Same shape as `lines`."""
    corners: tuple[tuple[float, float], ...]
    """The zone's corners, x and y in pixels: upper left, upper right, lower right, lower left, as it is read."""

    @property
    def least(self) -> float:
        """The least sure character's confidence."""
        return min(min(line) for line in self.confidence)


class FaceModel(msgspec.Struct, frozen=True):
    """The network that makes embeddings. Embeddings of two models must never be compared."""

    name: str
    sha256: str
    """Of the network's weights, 64 hexadecimal digits."""
    landmarks_sha256: str
    """Of the landmark model that cuts the face out: it moves the embedding as well."""


class Confinement(StrEnum):
    """What holds the child once it has warmed up."""

    seccomp = "seccomp"
    none = "none"


class SelfCheck(msgspec.Struct, frozen=True):
    """What the worker found when it tried to leave its cage."""

    confinement: Confinement
    attempts: dict[str, str]
    """Attempt ("open", "socket", "exec", …) to the name of the error it met; "" where nothing stopped it."""
    descriptors: tuple[int, ...]
    """Open file descriptors: 0, 1 and 2."""
    environment: tuple[str, ...]
    """Names of its environment variables."""

    @property
    def holds(self) -> bool:
        """Every attempt was refused by the filter, and nothing but the three pipes is open."""
        return (
            self.confinement is Confinement.seccomp
            and all(error == "EPERM" for error in self.attempts.values())
            and set(self.descriptors) <= {0, 1, 2}
        )
