"""Files as read from chips, with what a reader must find in them; and files that must be refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from border_agent.documents.lds import (
    EcKey,
    FaceRecords,
    LdsError,
    LdsNoFace,
    read_com,
    read_dg1,
    read_dg2,
    read_dg11,
    read_dg14,
    read_dg15,
    read_dg16,
    read_face_record,
    read_image,
    read_security_infos,
)
from border_agent.documents.lds.security_infos import (
    ChipAuthenticationInfo,
    ChipAuthenticationPublicKeyInfo,
    SecurityInfo,
    TerminalAuthenticationInfo,
)

READERS: dict[str, Callable[[bytes], object]] = {
    "EF.COM": read_com,
    "EF.DG1": read_dg1,
    "EF.DG2": read_dg2,
    "EF.DG11": read_dg11,
    "EF.DG16": read_dg16,
    "EF.CardAccess": read_security_infos,
}


@pytest.fixture(scope="module")
def folder(conformance: Path) -> Path:
    return conformance / "chip"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return loaded


@pytest.fixture
def case(folder: Path, expected: dict[str, Any], request: pytest.FixtureRequest) -> tuple[bytes, dict[str, Any]]:
    name = request.param
    return (folder / name).read_bytes(), next(one["expect"] for one in expected["files"] if one["file"] == name)


def cases(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", names, indirect=True)


def hexes(tags: tuple[int, ...]) -> str:
    return "".join(f"{tag:02x}" for tag in tags)


@cases("bsi2008/EF_COM.bin", "9303-10/EF_COM_D4.bin", "9303-10/EF_COM_A1.bin", "9303-10/EF_COM_A1_v1599.bin")
def test_com(case: tuple[bytes, dict[str, Any]]) -> None:
    content, stated = case
    com = read_com(content)
    assert (com.lds_version, com.unicode_version) == (stated["lds_version"], stated["unicode_version"])
    assert hexes(com.tags) == stated["tags"].lower()


@cases("bsi2008/EF_DG1.bin", "9303-10/EF_DG1_TD1_A21.bin", "9303-10/EF_DG1_TD2.bin")
def test_dg1(case: tuple[bytes, dict[str, Any]]) -> None:
    content, stated = case
    assert list(read_dg1(content)) == stated["mrz"]


@cases(
    "bsi2008/EF_DG2.bin",
    "face/DG2_19794_text_picture.bin",
    "face/dg2_silver_mandatory_fields.bin",
    "face/dg2_silver_all_fields.bin",
)
def test_dg2(case: tuple[bytes, dict[str, Any]], folder: Path) -> None:
    content, stated = case
    records = read_dg2(content)
    assert f"ISO/IEC {records.encoding}" == stated["encoding"]
    check_faces(records, stated, folder)
    assert content[records.faces[0].offset :].startswith(records.faces[0].data)


@cases("face/ISO19794_record.bin")
def test_a_record_alone(case: tuple[bytes, dict[str, Any]], folder: Path) -> None:
    content, stated = case
    check_faces(read_face_record(content), stated, folder)


def check_faces(records: FaceRecords, stated: dict[str, Any], folder: Path) -> None:
    assert len(records.faces) == stated["faces"]
    image, said = records.faces[0], stated["image"]
    assert (image.format, image.width, image.height, image.offset) == (
        said["format"],
        said["width"],
        said["height"],
        said["offset"],
    )
    if "same_bytes_as" in said:
        assert image.data == (folder / said["same_bytes_as"]).read_bytes()


@cases("face/ISO19794_record_invalid_image.bin", "face/ISO39794_record_invalid_image.bin")
def test_a_picture_that_is_none(case: tuple[bytes, dict[str, Any]]) -> None:
    content, stated = case
    assert stated["verdict"] == "picture_unreadable"
    with pytest.raises(LdsNoFace):
        read_face_record(content)


@cases("face/ISO19794_record_image.jpg", "face/silver.jp2")
def test_a_picture_alone(case: tuple[bytes, dict[str, Any]]) -> None:
    content, stated = case
    image = read_image(content)
    assert image is not None
    assert (image.width, image.height) == (stated["width"], stated["height"])


@cases("9303-10/EF_DG11_A5.bin")
def test_dg11(case: tuple[bytes, dict[str, Any]]) -> None:
    content, stated = case
    read = read_dg11(content)
    assert hexes(read.tags) == stated["tags"]
    for field in ("full_name", "place_of_birth", "address", "telephone", "profession"):
        assert getattr(read, field) == stated[field]


@cases("bsi2008/EF_DG14.bin")
def test_dg14(case: tuple[bytes, dict[str, Any]]) -> None:
    content, stated = case
    infos = read_dg14(content)
    assert [told(info) for info in infos] == stated["security_infos"]
    key = next(info.key for info in infos if isinstance(info, ChipAuthenticationPublicKeyInfo))
    assert isinstance(key, EcKey)
    assert (
        f"{key.curve.name}, {'explicit parameters' if key.explicit else 'named'}"
        == stated["chip_authentication_curve"]
    )


def told(info: SecurityInfo) -> str:
    match info:
        case ChipAuthenticationPublicKeyInfo():
            return f"{info.oid} ChipAuthenticationPublicKeyInfo {info.agreement}"
        case ChipAuthenticationInfo():
            return f"{info.oid} ChipAuthenticationInfo version {info.version}"
        case TerminalAuthenticationInfo():
            return f"{info.oid} TerminalAuthenticationInfo version {info.version}"
        case _:
            return info.oid


@cases("bsi2008/EF_DG15.bin")
def test_dg15_whose_modulus_reads_as_negative(case: tuple[bytes, dict[str, Any]]) -> None:
    content, stated = case
    key = read_dg15(content).key
    assert f"{key}, exponent {getattr(key, 'e', 0)}" == stated["key"]


@cases("9303-10/EF_DG16_A6.bin")
def test_dg16(case: tuple[bytes, dict[str, Any]]) -> None:
    content, stated = case
    read = [
        {"recorded": one.recorded, "name": one.name, "telephone": one.telephone, "address": one.address}
        for one in read_dg16(content)
    ]
    assert read == stated["persons"]


def test_what_is_malformed_is_refused_with_a_reason(expected: dict[str, Any]) -> None:
    for one in expected["malformed"]:
        with pytest.raises(LdsError) as refused:
            READERS[one["ef"]](bytes.fromhex(one["hex"]))
        assert refused.value.detail, one
    assert len(expected["malformed"]) > 15
