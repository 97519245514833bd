"""DG2: the portrait (Doc 9303-10 section 4.7.2), and DG7: the signature or mark as displayed (4.7.7)."""

from __future__ import annotations

from border_agent.documents.lds.asn1 import bounded, refusing
from border_agent.documents.lds.errors import LdsMalformed, LdsNoFace, LdsUnsupported
from border_agent.documents.lds.faces import LARGEST, MOST_FACES, FaceRecords, read_face_record
from border_agent.documents.lds.images import ChipImage, read_image
from border_agent.documents.lds.templates import counted, read_template
from border_agent.documents.tlv import Tlv, read_header, read_tlv

_DG2, _GROUP, _INSTANCE = 0x75, 0x7F61, 0x7F60
_DATA, _CONSTRUCTED_DATA = 0x5F2E, 0x7F2E
_DG7, _SIGNATURE = 0x67, 0x5F43
_LARGEST_SIGNATURES = 262_144
_MOST_SIGNATURES = 8


def read_dg2(data: bytes) -> FaceRecords:
    """The faces of every biometric information template that holds one we can use.

    Raises `LdsTooLong`, `LdsMalformed`; `LdsUnsupported` and `LdsNoFace` where no template holds a usable face.
    """
    where = "DG2"
    bounded(where, data, LARGEST)
    with refusing(where):
        group_start = _enter(data, 0, len(data), _DG2, where)
        inner = _enter(data, group_start, len(data), _GROUP, where)
        templates = _templates(data, inner, where)
    found: list[FaceRecords] = []
    refused: LdsNoFace | LdsUnsupported | None = None
    for record, offset in templates:
        try:
            found.append(read_face_record(record, where, offset))
        except (LdsNoFace, LdsUnsupported) as error:
            refused = refused or error
    if not found:
        raise refused or LdsNoFace(where, "no biometric data block")
    return FaceRecords(found[0].encoding, tuple(face for records in found for face in records.faces))


def _enter(data: bytes, position: int, end: int, tag: int, where: str) -> int:
    """Where the value of the one element between two positions begins. Raises `LdsMalformed` for another one."""
    if position == end:
        raise LdsMalformed(where, f"tag {tag:02X} is missing")
    header = read_header(data, position, where)
    if header.tag != tag or header.end != end:
        raise LdsMalformed(where, f"tag {header.tag:02X} of {header.length} bytes instead of tag {tag:02X}")
    return header.start


def _templates(data: bytes, position: int, where: str) -> list[tuple[bytes, int]]:
    """The biometric data block of each template, with its place in the file."""
    elements: list[tuple[Tlv, int]] = []
    while position < len(data):
        element = read_tlv(data, position, where)
        elements.append((element, element.end - len(element.value)))
        position = element.end
        if len(elements) > MOST_FACES + 1:
            raise LdsMalformed(where, "too many templates")
    announced = counted([element for element, _ in elements], where, MOST_FACES)
    instances = [(element, start) for element, start in elements if element.tag == _INSTANCE]
    if len(instances) != announced:
        raise LdsMalformed(where, f"{announced} templates announced, {len(instances)} present")
    blocks: list[tuple[bytes, int]] = []
    for instance, start in instances:
        inside = 0
        while inside < len(instance.value):
            element = read_tlv(instance.value, inside, where)
            if element.tag in (_DATA, _CONSTRUCTED_DATA):
                blocks.append((element.value, start + element.end - len(element.value)))
                break
            inside = element.end
        else:
            raise LdsMalformed(where, "template without its data")
    return blocks


def read_dg7(data: bytes) -> tuple[ChipImage, ...]:
    """The pictures of the signature. Raises `LdsTooLong`, `LdsMalformed`, `LdsUnsupported` for an unknown coding."""
    where = "DG7"
    elements = read_template(data, _DG7, where, _LARGEST_SIGNATURES)
    announced = counted(elements, where, _MOST_SIGNATURES)
    base = len(data) - elements[-1].end
    pictures: list[ChipImage] = []
    for element in elements:
        if element.tag == _SIGNATURE:
            picture = read_image(element.value, base + element.end - len(element.value))
            if picture is None:
                raise LdsUnsupported(where, "picture without a header that is known")
            pictures.append(picture)
    if len(pictures) != announced:
        raise LdsMalformed(where, f"{announced} pictures announced, {len(pictures)} present")
    return tuple(pictures)
