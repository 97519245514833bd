"""What travels between the agent and its caged children.

A frame is two lengths (big-endian, 4 bytes each), a message (MessagePack) and an attachment (raw bytes: pixels or a
picture file). Both are bounded before a byte of them is read. The child's messages are read as strictly as anything
else from outside: a child whose decoder was taken over may say what it likes, and can only tell typed lies.
"""

from __future__ import annotations

import math
import struct
from typing import Annotated, Final, TypeVar

import msgspec

from border_agent.decoding.values import (
    EMBEDDING_SIZE,
    MRZ_ALPHABET,
    MRZ_SHAPES,
    Confinement,
    DecodedCode,
    EmbeddingMode,
    FaceModel,
    FoundFace,
    FoundMrz,
    SelfCheck,
)
from firmware_bridge.roles import PROBLEMS_KEPT, Fault

MAX_SIDE: Final = 8192
"""Pixels; of a picture's width and of its height."""
MAX_PIXELS: Final = 16_777_216
"""Of one picture: a 16-megapixel camera's frame, 48 MiB of raw pixels."""
MAX_ENCODED: Final = 16 * 1024 * 1024
"""Bytes of a JPEG, PNG or JPEG 2000 file."""
MAX_PORTRAIT_SIDE: Final = 1024
"""Pixels of a portrait made ready to be shown: width and height."""
MAX_PORTRAIT: Final = 2 * 1024 * 1024
"""Bytes of the same; such a portrait takes a tenth of it."""
MAX_ATTACHMENT: Final = 3 * MAX_PIXELS
MAX_MESSAGE: Final = 256 * 1024

MAX_CODES: Final = 8
"""In one picture."""
MAX_CODE_BYTES: Final = 4096
"""A QR code holds 2,953 bytes at most, Aztec and DataMatrix less."""
MAX_FACES: Final = 8
"""In one picture; each costs two runs of the network."""
MAX_UPSAMPLE: Final = 2
MAX_REACH: Final = 2 * MAX_SIDE
"""Pixels; how far from the picture's corner a face's box may lie."""

_HEADER: Final = struct.Struct(">II")
HEADER_SIZE: Final = _HEADER.size


class ProtocolError(Exception):
    """A frame that is too long, cannot be read, or says what no honest peer would say."""


class PictureShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the attachment is: raw pixels of this size, or (0 x 0) an encoded file."""

    width: int
    height: int


class FindCodes(msgspec.Struct, frozen=True, tag="codes", forbid_unknown_fields=True):
    """Read the codes in the attached picture. `seconds`: after these the child ends itself."""

    number: int
    seconds: float
    shape: PictureShape


class FindFaces(msgspec.Struct, frozen=True, tag="faces", forbid_unknown_fields=True):
    """Find the faces in the attached picture, at most `most`, the surest first."""

    number: int
    seconds: float
    shape: PictureShape
    upsample: int
    embedding: EmbeddingMode
    most: int


class DescribeFace(msgspec.Struct, frozen=True, tag="describe", forbid_unknown_fields=True):
    """Make the embedding of one face of the attached picture, found before: `box` as in `FoundFace`."""

    number: int
    seconds: float
    shape: PictureShape
    box: tuple[int, int, int, int]
    embedding: EmbeddingMode


class FindMrz(msgspec.Struct, frozen=True, tag="mrz", forbid_unknown_fields=True):
    """Read the machine readable zone in the attached picture."""

    number: int
    seconds: float
    shape: PictureShape


class MakePortrait(msgspec.Struct, frozen=True, tag="portrait", forbid_unknown_fields=True):
    """Turn the attached picture file, of any coding a chip may hold, into a JPEG to be shown."""

    number: int
    seconds: float
    shape: PictureShape


class CheckCage(msgspec.Struct, frozen=True, tag="check", forbid_unknown_fields=True):
    """Try to get out, and say what held."""

    number: int
    seconds: float


Request = FindCodes | FindFaces | DescribeFace | FindMrz | MakePortrait | CheckCage


class Hello(msgspec.Struct, frozen=True, tag="hello", forbid_unknown_fields=True):
    """The child is warm and confined."""

    confinement: Confinement
    readers: tuple[str, ...]
    """Code readers that passed their self-test: "zxing", "pyzbar", or "pyzbar-text" (text payloads only)."""
    model: FaceModel | None
    """None where the face engine is not installed."""


class CodesFound(msgspec.Struct, frozen=True, tag="codes", forbid_unknown_fields=True):
    number: int
    codes: list[DecodedCode]


class FacesFound(msgspec.Struct, frozen=True, tag="faces", forbid_unknown_fields=True):
    number: int
    faces: list[FoundFace]


class MrzFound(msgspec.Struct, frozen=True, tag="mrz", forbid_unknown_fields=True):
    number: int
    mrz: FoundMrz | None
    """None: there is no such zone in the picture."""


class PortraitMade(msgspec.Struct, frozen=True, tag="portrait", forbid_unknown_fields=True):
    """The attachment is the JPEG: the one reply that has any."""

    number: int


class Checked(msgspec.Struct, frozen=True, tag="checked", forbid_unknown_fields=True):
    number: int
    check: SelfCheck


class Refused(msgspec.Struct, frozen=True, tag="refused", forbid_unknown_fields=True):
    """The picture is not one to decode. `where` and `detail` are words of ours, never of the picture."""

    number: int
    where: str
    detail: str


Reply = Hello | CodesFound | FacesFound | MrzFound | PortraitMade | Checked | Refused


class OpenCamera(msgspec.Struct, frozen=True, tag="open", forbid_unknown_fields=True):
    """The first message to a camera's child. `source` is a device number or an address."""

    name: str
    source: str | int


class WantFrame(msgspec.Struct, frozen=True, tag="want", forbid_unknown_fields=True):
    """Send the next frame that is captured."""


CameraRequest = OpenCamera | WantFrame


class CameraProblem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `firmware_bridge.roles.DeviceProblem` of the camera, whose name both sides know."""

    fault: Fault
    detail: Annotated[str, msgspec.Meta(max_length=200)]
    at: float


class Capturing(msgspec.Struct, frozen=True, tag="capturing", forbid_unknown_fields=True):
    """Sent when the first frame has come and the cage is closed, and then about every second."""

    confinement: Confinement
    problems: list[CameraProblem]
    """New since the last message, PROBLEMS_KEPT at most."""


class CapturedFrame(msgspec.Struct, frozen=True, tag="frame", forbid_unknown_fields=True):
    """The attachment is one frame, raw."""

    shape: PictureShape


CameraReply = Capturing | CapturedFrame

LOST_STATUS: Final = 3
"""A camera child's exit status: the camera is not there, or gives no frames any more."""
UNUSABLE_STATUS: Final = 4
"""A camera child's exit status: the camera is there, but cannot be used."""

_encoder: Final = msgspec.msgpack.Encoder()


def header(message: bytes, attachment_size: int) -> bytes:
    """The eight bytes before a message and its attachment. Raises ProtocolError where either is too long."""
    if len(message) > MAX_MESSAGE or attachment_size > MAX_ATTACHMENT:
        raise ProtocolError("frame too long to send")
    return _HEADER.pack(len(message), attachment_size)


def lengths(raw: bytes) -> tuple[int, int]:
    """Read a header: the message's and the attachment's length. Raises ProtocolError where out of bounds."""
    message, attachment = _HEADER.unpack(raw)
    if message > MAX_MESSAGE or attachment > MAX_ATTACHMENT:
        raise ProtocolError("frame too long")
    return message, attachment


def encode(message: Request | Reply | CameraRequest | CameraReply) -> bytes:
    """One message as MessagePack."""
    return _encoder.encode(message)


_requests: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)
_replies: Final[msgspec.msgpack.Decoder[Reply]] = msgspec.msgpack.Decoder(Reply)
_camera_requests: Final[msgspec.msgpack.Decoder[CameraRequest]] = msgspec.msgpack.Decoder(CameraRequest)
_camera_replies: Final[msgspec.msgpack.Decoder[CameraReply]] = msgspec.msgpack.Decoder(CameraReply)


_T = TypeVar("_T")


def _decode(decoder: msgspec.msgpack.Decoder[_T], message: bytes) -> _T:
    try:
        return decoder.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError("not a message of this protocol") from error


def read_request(message: bytes) -> Request:
    """In the worker. Raises ProtocolError."""
    return _decode(_requests, message)


def read_camera_request(message: bytes) -> CameraRequest:
    """In a camera's child. Raises ProtocolError."""
    return _decode(_camera_requests, message)


def read_camera_reply(message: bytes) -> CameraReply:
    """In the agent. Raises ProtocolError."""
    reply = _decode(_camera_replies, message)
    if isinstance(reply, Capturing) and len(reply.problems) > PROBLEMS_KEPT:
        raise ProtocolError("more problems than a driver keeps")
    return reply


def read_reply(message: bytes) -> Reply:
    """In the agent. Raises ProtocolError, also where a value is outside what the worker was asked for."""
    reply = _decode(_replies, message)
    if isinstance(reply, CodesFound):
        if len(reply.codes) > MAX_CODES or any(len(code.data) > MAX_CODE_BYTES for code in reply.codes):
            raise ProtocolError("more codes, or longer ones, than there can be")
    elif isinstance(reply, FacesFound):
        if len(reply.faces) > MAX_FACES or not all(_plausible(face) for face in reply.faces):
            raise ProtocolError("more faces, or stranger ones, than there can be")
    elif isinstance(reply, MrzFound) and reply.mrz is not None and not _well_formed(reply.mrz):
        raise ProtocolError("a zone of no format there is")
    return reply


def _plausible(face: FoundFace) -> bool:
    numbers = (face.score, face.eye_distance, face.sharpness, face.brightness, *face.embedding)
    near = all(-MAX_REACH <= edge <= MAX_REACH for edge in face.box)
    return near and len(face.embedding) in (0, EMBEDDING_SIZE) and all(math.isfinite(number) for number in numbers)


def _well_formed(mrz: FoundMrz) -> bool:
    if mrz.format not in MRZ_SHAPES:
        return False
    lines, width = MRZ_SHAPES[mrz.format]
    shaped = all(
        [len(line) for line in part] == [width] * lines for part in (mrz.lines, mrz.confidence, mrz.runner_up)
    )
    return (
        shaped
        and set("".join(mrz.lines + mrz.runner_up)) <= set(MRZ_ALPHABET)
        and all(0.0 <= share <= 1.0 for line in mrz.confidence for share in line)
        and len(mrz.corners) == 4
        and all(-MAX_REACH <= edge <= MAX_REACH for corner in mrz.corners for edge in corner)
    )
