"""Face records as DG2 holds them: ISO/IEC 19794-5:2005 and ISO/IEC 39794-5:2019 (9303-10, 4.7.2)."""

from __future__ import annotations

from enum import StrEnum

import cv2
import numpy as np

from border_agent.documents.tlv import write_tlv
from border_agent.errors import BorneError
from border_agent.specimens.canvas import Pixels

_FULL_FRONTAL = 1
_JPEG, _JPEG2000 = 0, 1


class FaceCoding(StrEnum):
    """How a portrait is compressed and wrapped."""

    JPEG = "jpeg"
    JPEG2000 = "jpeg2000"
    JPEG_39794 = "jpeg 39794"
    JPEG2000_39794 = "jpeg2000 39794"

    @property
    def jpeg2000(self) -> bool:
        return self.value.startswith("jpeg2000")

    @property
    def new(self) -> bool:
        """ISO/IEC 39794-5."""
        return self.value.endswith("39794")


class PortraitUnwritable(BorneError):
    """A picture that cannot be compressed to the size wanted."""

    code = "specimens.portrait_unwritable"


def compress(picture: Pixels, coding: FaceCoding, size: int = 15_000) -> bytes:
    """The picture (BGR) as a JPEG or JPEG 2000 file of at most `size` bytes, and not far below where it can be.

    Raises `PortraitUnwritable`.
    """
    suffix = ".jp2" if coding.jpeg2000 else ".jpg"
    # JPEG 2000 takes the share of the raw size that is wanted, and comes near it.
    low, high = (1, min(1000, 2000 * size // picture.size + 2)) if coding.jpeg2000 else (5, 95)
    best = b""
    while low <= high:
        quality = (low + high) // 2
        flag = cv2.IMWRITE_JPEG2000_COMPRESSION_X1000 if coding.jpeg2000 else cv2.IMWRITE_JPEG_QUALITY
        good, data = cv2.imencode(suffix, picture, [flag, quality])
        if good and len(data) <= size:
            best, low = data.tobytes(), quality + 1
        else:
            high = quality - 1
    if not best:
        raise PortraitUnwritable(coding, f"not within {size} bytes")
    return best


def scaled(picture: Pixels, width: int) -> Pixels:
    """The picture at another width, its shape kept."""
    height = round(picture.shape[0] * width / picture.shape[1])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def dg2(image: bytes, coding: FaceCoding, width: int, height: int) -> bytes:
    """The whole file: one face."""
    record = (
        _record_39794(image, coding, width, height) if coding.new else _record_19794(image, coding, width, height)
    )
    if coding.new:
        header = write_tlv(0x87, b"\x01\x01") + write_tlv(0x88, b"\x00\x2a")
        template = write_tlv(0x7F60, write_tlv(0xA1, header) + write_tlv(0x7F2E, record))
    else:
        header = (
            write_tlv(0x80, b"\x01\x01")
            + write_tlv(0x81, b"\x02")
            + write_tlv(0x87, b"\x01\x01")
            + write_tlv(0x88, b"\x00\x08")
        )
        template = write_tlv(0x7F60, write_tlv(0xA1, header) + write_tlv(0x5F2E, record))
    return write_tlv(0x75, write_tlv(0x7F61, write_tlv(0x02, b"\x01") + template))


def _record_19794(image: bytes, coding: FaceCoding, width: int, height: int) -> bytes:
    """Facial record header (14 bytes), facial information (20), image information (12), image."""
    information = (
        (32 + len(image)).to_bytes(4, "big")
        + (0).to_bytes(2, "big")  # no feature points
        + bytes((0, 0, 0))  # gender, eye and hair colour: not said
        + bytes(3)  # feature mask
        + bytes(2)  # expression
        + bytes(6)  # pose angle and its uncertainty
    )
    kind = _JPEG2000 if coding.jpeg2000 else _JPEG
    picture = (
        bytes((_FULL_FRONTAL, kind))
        + width.to_bytes(2, "big")
        + height.to_bytes(2, "big")
        + bytes((1, 2))  # sRGB, from a still camera
        + (0).to_bytes(2, "big")
        + (0).to_bytes(2, "big")  # quality
    )
    body = information + picture + image
    head = b"FAC\x00010\x00" + (14 + len(body)).to_bytes(4, "big") + (1).to_bytes(2, "big")
    return head + body


def _record_39794(image: bytes, coding: FaceCoding, width: int, height: int) -> bytes:
    """FaceImageDataBlock with one representation: what 9303-10 makes mandatory, and the picture's size."""
    kind = 3 if coding.jpeg2000 else 2  # jpeg2000Lossy, jpeg
    size = write_tlv(0x80, _number(width)) + write_tlv(0x81, _number(height))
    information = write_tlv(0xA0, write_tlv(0x80, bytes((kind,)))) + write_tlv(0xA7, size)
    image_2d = write_tlv(0x80, image) + write_tlv(0xA1, information)
    representation = write_tlv(0x80, b"\0") + write_tlv(0xA1, write_tlv(0xA0, write_tlv(0xA0, image_2d)))
    version = write_tlv(0x80, b"\x03") + write_tlv(0x81, _number(2019))
    block = write_tlv(0x65, write_tlv(0xA0, version) + write_tlv(0xA1, write_tlv(0x30, representation)))
    return write_tlv(0xA1, block)


def _number(value: int) -> bytes:
    """An INTEGER's content bytes, not negative."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")
