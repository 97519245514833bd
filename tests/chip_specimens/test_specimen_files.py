"""What is written into a chip is read by the product's own readers, which were written apart."""

from __future__ import annotations

from datetime import date

import cv2
import msgspec
import numpy as np
import pytest

from border_agent.documents.chip.capabilities import read_atr, read_atr_info
from border_agent.documents.lds import (
    FaceEncoding,
    read_com,
    read_dg1,
    read_dg2,
    read_dg7,
    read_dg11,
    read_dg12,
    read_dg14,
    read_dg15,
    read_security_infos,
)
from border_agent.documents.lds.security_infos import ChipAuthenticationPublicKeyInfo, PaceInfo
from border_agent.documents.mrz import MrzFormat
from border_agent.documents.tlv import read_only, write_tlv
from border_agent.specimens.chip import der
from border_agent.specimens.chip.chip import VirtualChip
from border_agent.specimens.chip.faces import FaceCoding, PortraitUnwritable, compress, scaled
from border_agent.specimens.chip.profile import (
    ActiveAuthenticationOffer,
    ActiveKind,
    ChipAuthenticationOffer,
    ChipProfile,
    Written,
)
from border_agent.specimens.chip.sample import (
    ACTIVE,
    BAC_ONLY,
    FORMATS,
    HEIGHT,
    MAPPED,
    MODERN,
    WIDTH,
    sample_booklet,
    sample_holder,
    sample_image,
    sample_lines,
    sample_picture,
    today,
    years_before,
)


@pytest.mark.parametrize("format", FORMATS)
def test_lines(format: MrzFormat) -> None:
    lines = sample_lines(format)
    assert read_dg1(sample_booklet(holder=sample_holder(lines, details=False)).files["DG1"]) == lines


@pytest.mark.parametrize("coding", FaceCoding)
def test_portraits_in_both_records_and_both_codings(coding: FaceCoding) -> None:
    records = read_dg2(sample_holder(coding=coding).dg2)
    assert records.encoding is (FaceEncoding.ISO_39794 if coding.new else FaceEncoding.ISO_19794)
    (face,) = records.faces
    assert face.format == ("jp2" if coding.jpeg2000 else "jpeg")
    assert (face.width, face.height) == (WIDTH, HEIGHT)
    assert face.data == sample_image(coding)
    assert 12_000 < len(face.data) <= 15_000
    picture = cv2.imdecode(np.frombuffer(face.data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == sample_picture().shape
    assert np.abs(picture.astype(int) - sample_picture().astype(int)).mean() < 12


def test_a_portrait_that_cannot_be_small_enough_is_a_typed_error() -> None:
    for coding in (FaceCoding.JPEG, FaceCoding.JPEG2000):
        with pytest.raises(PortraitUnwritable):
            compress(sample_picture(), coding, 100)
    assert scaled(sample_picture(), 100).shape == (129, 100, 3)


def test_details_of_holder_and_document() -> None:
    files = sample_booklet().files
    holder, document = read_dg11(files["DG11"]), read_dg12(files["DG12"])
    assert holder.full_name == "SPÉCIMEN<<AMINATA<ROSE"
    assert holder.birth == f"{years_before(today(), 33, 40):%Y%m%d}"
    assert (holder.place_of_birth, holder.personal_number) == ("NOUVELLE-UTOPIE", "UT-1993-0001")
    assert (document.authority, document.issued) == ("PRÉFECTURE D’UTOPIA", f"{years_before(today(), 4):%Y%m%d}")
    (signature,) = read_dg7(files["DG7"])
    assert signature.data == sample_image(size=6_000)


def test_com_lists_what_is_there() -> None:
    for profile in (BAC_ONLY, MODERN, MAPPED, ACTIVE):
        files = sample_booklet(profile).files
        groups = {int(name[2:]) for name in files if name.startswith("DG")}
        assert len(read_com(files["EF.COM"]).tags) == len(groups)


@pytest.mark.parametrize("written", Written)
@pytest.mark.parametrize("number", [0, 2, 8, 11, 12, 14, 18])
def test_static_keys_in_all_their_spellings(number: int, written: Written) -> None:
    offer = ChipAuthenticationOffer(parameter_id=number, written=written, key_id=5)
    infos = read_dg14(sample_booklet(ChipProfile(chip_authentication=offer)).files["DG14"])
    (key,) = (info for info in infos if isinstance(info, ChipAuthenticationPublicKeyInfo))
    assert key.key is not None
    assert key.key_id == 5


def test_pace_is_offered_twice_alike() -> None:
    files = sample_booklet(MAPPED).files
    offered = {info for info in read_security_infos(files["EF.CardAccess"]) if isinstance(info, PaceInfo)}
    assert len(offered) == 2
    assert offered == {info for info in read_dg14(files["DG14"]) if isinstance(info, PaceInfo)}


def test_active_keys() -> None:
    rsa = ActiveAuthenticationOffer(kind=ActiveKind.RSA, bits=1024)
    for offer in (ActiveAuthenticationOffer(), rsa):
        files = sample_booklet(msgspec.structs.replace(ACTIVE, active_authentication=offer)).files
        assert str(read_dg15(files["DG15"]).key) == ("RSA 1024" if offer is rsa else "secp256r1")


@pytest.mark.parametrize("profile", [MODERN, msgspec.structs.replace(MODERN, extended=False)], ids=["long", "short"])
def test_capabilities_are_told_in_both_places(profile: ChipProfile) -> None:
    booklet = sample_booklet(profile)
    told = read_atr_info(booklet.files["EF.ATR/INFO"])
    assert bool(told.extended) is profile.extended
    assert bool(read_atr(VirtualChip(booklet).atr).extended) is profile.extended
    if profile.extended:
        assert told.answer_size <= profile.largest_response


def test_der_as_it_should_be() -> None:
    assert der.integer(0).hex() == "020100"
    assert der.integer(128).hex() == "02020080"
    assert der.oid("1.2.840.113549.1.1.11").hex() == "06092a864886f70d01010b"
    assert der.oid("2.23.136.1.1.1").hex() == "0606678108010101"
    assert der.set_of((b"\x02\x01\x05", b"\x02\x01\x01")).hex() == "3106020101020105"
    assert read_only(der.tagged(0, der.null()), 0xA0) == b"\x05\x00"
    assert der.bits(b"\x80") == write_tlv(3, b"\0\x80")


def test_the_sample_is_of_the_present() -> None:
    assert date.today() - today() < years_before(today(), 0) - years_before(today(), 1)
