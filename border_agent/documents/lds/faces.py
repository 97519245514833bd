"""Face records of DG2, by their structure (ISO/IEC 19794-5:2005 clause 5; ISO/IEC 39794-5:2019, ASN.1 in DER).

Magic bytes are never searched for: a picture is where the record says, and only what stands there is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from border_agent.documents.lds.asn1 import bounded, refusing
from border_agent.documents.lds.errors import LdsMalformed, LdsNoFace, LdsUnsupported
from border_agent.documents.lds.images import ChipImage, read_image
from border_agent.documents.tlv import Header, read_header

LARGEST = 1 << 20
"""Longest face file looked at, in bytes."""
MOST_FACES = 8
_MOST_CHILDREN = 64
"""Elements of one level of a new record; the longest level of the standard has eleven."""

_MAGIC = b"FAC\0"
_VERSION = b"010\0"
_HEADER, _FACE, _POINT, _IMAGE = 14, 20, 8, 12
"""Bytes of the record's header, of a face's information, of a feature point, of the image information."""

_BLOCK = 0x65
"""FaceImageDataBlock, [APPLICATION 5]."""
_WRAPPED = 0xA1
"""What ICAO puts around it in a biometric data block (Doc 9303-10 section 4.7.2)."""
_REPRESENTATIONS, _REPRESENTATION = 0xA1, 0x30
_PICTURE_PATH = (0xA1, 0xA0, 0xA0, 0x80)
"""imageRepresentation, base, imageRepresentation2DBlock, representationData2D."""


class FaceEncoding(StrEnum):
    ISO_19794 = "19794-5"
    ISO_39794 = "39794-5"


@dataclass(frozen=True)
class FaceRecords:
    """The pictures of a face file that have a header we know; at least one."""

    encoding: FaceEncoding
    faces: tuple[ChipImage, ...]


def read_face_record(data: bytes, where: str = "DG2", offset: int = 0) -> FaceRecords:
    """One biometric data block, whichever of the two it is. `offset`: where it begins in its file.

    Raises `LdsTooLong`, `LdsMalformed`, `LdsUnsupported` for a record of another kind or version, `LdsNoFace` where
    no picture in it has a header we know.
    """
    bounded(where, data, LARGEST)
    with refusing(where):
        if data[:4] == _MAGIC:
            encoding, pictures = FaceEncoding.ISO_19794, _read_19794(data, where)
        elif data[:1] and data[0] in (_WRAPPED, _BLOCK):
            encoding, pictures = FaceEncoding.ISO_39794, _read_39794(data, where)
        else:
            raise LdsUnsupported(where, f"face record beginning {data[:4].hex()}")
        found = [read_image(data[start:end], offset + start) for start, end in pictures]
    faces = tuple(image for image in found if image is not None)
    if not faces:
        raise LdsNoFace(where, f"{len(found)} pictures, none with a header that is known")
    return FaceRecords(encoding, faces)


def _read_19794(data: bytes, where: str) -> list[tuple[int, int]]:
    """Where the pictures of an ISO 19794-5 record begin and end."""
    if len(data) < _HEADER:
        raise LdsMalformed(where, "face record without its header")
    if data[4:8] != _VERSION:
        raise LdsUnsupported(where, f"ISO 19794-5 version {data[4:7].hex()}")
    length, faces = int.from_bytes(data[8:12], "big"), int.from_bytes(data[12:14], "big")
    if not _HEADER < length <= len(data):
        raise LdsMalformed(where, f"face record claims {length} bytes of {len(data)}")
    if not 1 <= faces <= MOST_FACES:
        raise LdsMalformed(where, f"{faces} faces")
    pictures: list[tuple[int, int]] = []
    position = _HEADER
    for _ in range(faces):
        claimed = int.from_bytes(data[position : position + 4], "big")
        points = int.from_bytes(data[position + 4 : position + 6], "big")
        start, end = position + _FACE + points * _POINT + _IMAGE, position + claimed
        if not start < end <= length:
            raise LdsMalformed(where, f"face claims {claimed} bytes with {points} feature points")
        pictures.append((start, end))
        position = end
    return pictures


def _read_39794(data: bytes, where: str) -> list[tuple[int, int]]:
    """Where the pictures of an ISO 39794-5 block begin and end. Its other fields are stepped over unread."""
    block = _inside(data, Header(0, len(data), 0), _WRAPPED, where) if data[0] == _WRAPPED else None
    block = _inside(data, block or Header(0, len(data), 0), _BLOCK, where)
    representations = [
        child
        for child in _children(data, _inside(data, block, _REPRESENTATIONS, where), where)
        if child.tag == _REPRESENTATION
    ]
    if not 1 <= len(representations) <= MOST_FACES:
        raise LdsMalformed(where, f"{len(representations)} representations")
    pictures: list[tuple[int, int]] = []
    for representation in representations:
        element = representation
        for tag in _PICTURE_PATH:
            element = _inside(data, element, tag, where)
        pictures.append((element.start, element.end))
    return pictures


def _inside(data: bytes, parent: Header, tag: int, where: str) -> Header:
    """The first child with a tag. Raises `LdsMalformed` where there is none."""
    for child in _children(data, parent, where):
        if child.tag == tag:
            return child
    raise LdsMalformed(where, f"tag {tag:02X} is missing in tag {parent.tag:02X}")


def _children(data: bytes, parent: Header, where: str) -> list[Header]:
    children: list[Header] = []
    position = parent.start
    while position < parent.end:
        child = read_header(data, position, where)
        if child.end > parent.end:
            raise LdsMalformed(where, f"tag {child.tag:02X} goes beyond tag {parent.tag:02X}")
        if len(children) == _MOST_CHILDREN:
            raise LdsMalformed(where, f"more than {_MOST_CHILDREN} elements in tag {parent.tag:02X}")
        children.append(child)
        position = child.end
    return children
