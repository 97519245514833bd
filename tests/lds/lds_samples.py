"""Files of a fictional chip, written by hand, one for each reader."""

from __future__ import annotations

from collections.abc import Callable

from border_agent.crypto.curves import curve_by_name
from border_agent.documents import lds
from border_agent.documents.tlv import write_tlv
from border_agent.specimens.chip import der
from border_agent.specimens.chip.signing_keys import ec_public_info

BSI = "0.4.0.127.0.7.2.2."
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"


def jpeg(width: int = 120, height: int = 160, *, frame: int = 0xC0, before: bytes = b"") -> bytes:
    sof = bytes((8,)) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x01\x01\x11\x00"
    segments = b"\xff\xe0\x00\x10JFIF" + bytes(10) + before
    return b"\xff\xd8" + segments + b"\xff" + bytes((frame,)) + (2 + len(sof)).to_bytes(2, "big") + sof + b"\xff\xd9"


def codestream(width: int = 120, height: int = 160, offset: tuple[int, int] = (0, 0)) -> bytes:
    numbers = (width + offset[0], height + offset[1], *offset)
    return bytes.fromhex("ff4fff510029 0000") + b"".join(number.to_bytes(4, "big") for number in numbers) + bytes(20)


def box(kind: bytes, content: bytes, *, long: bool = False) -> bytes:
    if long:
        return b"\0\0\0\1" + kind + (16 + len(content)).to_bytes(8, "big") + content
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def jp2(width: int = 120, height: int = 160, *, long: bool = False) -> bytes:
    header = box(b"ihdr", height.to_bytes(4, "big") + width.to_bytes(4, "big") + bytes.fromhex("000307070000"))
    signature = bytes.fromhex("0000000c6a5020200d0a870a")
    return (
        signature + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + box(b"jp2h", header, long=long) + box(b"jp2c", codestream())
    )


def face_19794(*pictures: bytes, points: int = 0, version: bytes = b"010\0") -> bytes:
    faces = b""
    for picture in pictures:
        length = 20 + 8 * points + 12 + len(picture)
        faces += (
            length.to_bytes(4, "big")
            + points.to_bytes(2, "big")
            + bytes(14)
            + bytes(8 * points)
            + bytes(12)
            + picture
        )
    return b"FAC\0" + version + (14 + len(faces)).to_bytes(4, "big") + len(pictures).to_bytes(2, "big") + faces


def face_39794(*pictures: bytes, wrapped: bool = True) -> bytes:
    blocks = b""
    for number, picture in enumerate(pictures):
        data = der.tagged(0, der.tagged(0, write_tlv(0x80, picture) + der.tagged(1, b"")))
        blocks += der.sequence(write_tlv(0x80, bytes((number,))), write_tlv(0xA1, data))
    block = write_tlv(0x65, write_tlv(0xA0, write_tlv(0x80, b"\x03")) + write_tlv(0xA1, blocks))
    return write_tlv(0xA1, block) if wrapped else block


def dg2(*records: bytes, tag: int = 0x5F2E, announced: int | None = None) -> bytes:
    number = len(records) if announced is None else announced
    templates = b"".join(
        write_tlv(0x7F60, write_tlv(0xA1, write_tlv(0x81, b"\x02")) + write_tlv(tag, record)) for record in records
    )
    return write_tlv(0x75, write_tlv(0x7F61, write_tlv(0x02, bytes((number,))) + templates))


def info(oid: str, *values: bytes) -> bytes:
    return der.sequence(der.oid(oid), *values)


def ec_info(curve: str = "brainpoolP256r1", *, explicit: bool = False) -> bytes:
    found = curve_by_name(curve)
    assert found is not None
    return ec_public_info(found, 0x1234, explicit=explicit)


INFOS = der.set_of(
    (
        info(f"{BSI}4.2.2", der.integer(2), der.integer(13)),
        info(f"{BSI}4.6.4", der.integer(2)),
        info(f"{BSI}4.2", der.sequence(der.oid("0.4.0.127.0.7.1.2"), der.integer(13)), der.integer(14)),
        info(f"{BSI}3.2.4", der.integer(1), der.integer(5)),
        info(f"{BSI}1.2", ec_info(), der.integer(5)),
        info(f"{BSI}2", der.integer(1)),
        info("2.23.136.1.1.5", der.integer(1), der.oid("0.4.0.127.0.7.1.1.4.1.3")),
        info("1.2.3.4", der.tagged(5, b""), der.octets(b"x")),
        info(f"{BSI}4.9.9", der.integer(2)),
    )
)

COM = write_tlv(0x60, write_tlv(0x5F01, b"0107") + write_tlv(0x5F36, b"040000") + write_tlv(0x5C, b"\x61\x75\x6e"))
DG1 = write_tlv(0x61, write_tlv(0x5F1F, TD3.encode()))
DG2 = dg2(face_19794(jpeg()))
DG2_NEW = dg2(face_39794(jp2()), tag=0x7F2E)
DG7 = write_tlv(0x67, write_tlv(0x02, b"\x02") + write_tlv(0x5F43, jpeg()) + write_tlv(0x5F43, codestream()))
DG11 = write_tlv(
    0x6B,
    write_tlv(0x5C, bytes.fromhex("5f0e5f0f5f105f2b5f115f42"))
    + write_tlv(0x5F0E, "ÉRIKSSON<<ANNA".encode())
    + write_tlv(0xA0, write_tlv(0x02, b"\x02") + write_tlv(0x5F0F, b"ONE<<A") + write_tlv(0x5F0F, b"TWO<<B"))
    + write_tlv(0x5F10, b"12345")
    + write_tlv(0x5F2B, b"\x19\x74\x08\x12")
    + write_tlv(0x5F11, b"ZENITH<UTOPIA")
    + write_tlv(0x5F16, jpeg()),
)
DG12 = write_tlv(
    0x6C,
    write_tlv(0x5C, bytes.fromhex("5f195f265f1a5f1b5f1c5f1d5f1e5f555f56"))
    + write_tlv(0x5F19, b"UTOPIA PASSPORT OFFICE")
    + write_tlv(0x5F26, b"20240301")
    + write_tlv(0x5F1A, b"CHILD<<A")
    + write_tlv(0x5F1B, b"none")
    + write_tlv(0x5F1C, b"exit tax paid")
    + write_tlv(0x5F1D, jpeg())
    + write_tlv(0x5F1E, jpeg())
    + write_tlv(0x5F55, b"20240301093000")
    + write_tlv(0x5F56, b"PERSO-7"),
)
DG14 = write_tlv(0x6E, INFOS)
DG15 = write_tlv(0x6F, ec_info("secp384r1"))
DG16 = write_tlv(
    0x70,
    write_tlv(0x02, b"\x01")
    + write_tlv(
        0xA1, write_tlv(0x5F50, b"20240301") + write_tlv(0x5F51, b"SMITH<<CHARLES") + write_tlv(0x5F52, b"+1")
    ),
)

FILES: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "EF.COM": (lds.read_com, COM),
    "DG1": (lds.read_dg1, DG1),
    "DG2": (lds.read_dg2, DG2),
    "DG2 new": (lds.read_dg2, DG2_NEW),
    "DG7": (lds.read_dg7, DG7),
    "DG11": (lds.read_dg11, DG11),
    "DG12": (lds.read_dg12, DG12),
    "DG14": (lds.read_dg14, DG14),
    "DG15": (lds.read_dg15, DG15),
    "DG16": (lds.read_dg16, DG16),
    "EF.CardAccess": (lds.read_security_infos, INFOS),
    "face record": (lds.read_face_record, face_19794(jpeg(), jp2(), points=2)),
    "new face record": (lds.read_face_record, face_39794(jpeg(), codestream())),
}
"""Reader and a good file for each kind."""
