"""Each reader on files made for it: all their fields, their bounds, and what they refuse."""

from __future__ import annotations

import pytest

from border_agent.crypto.curves import PACE_PARAMETERS, curve_by_name
from border_agent.crypto.groups import ModpGroup
from border_agent.documents.lds import (
    ChipImage,
    DhKey,
    EcKey,
    FaceEncoding,
    LdsError,
    LdsMalformed,
    LdsNoFace,
    LdsTooLong,
    LdsUnsupported,
    RsaKey,
    read_card_security,
    read_com,
    read_dg1,
    read_dg2,
    read_dg7,
    read_dg11,
    read_dg12,
    read_dg14,
    read_dg15,
    read_dg16,
    read_face_record,
    read_image,
    read_public_key,
    read_security_infos,
    read_security_object,
    read_sod,
)
from border_agent.documents.lds.security_infos import (
    ActiveAuthenticationInfo,
    ChipAuthenticationInfo,
    ChipAuthenticationPublicKeyInfo,
    InfoCipher,
    KeyAgreement,
    OtherInfo,
    PaceDomainParameterInfo,
    PaceInfo,
    PaceMapping,
    TerminalAuthenticationInfo,
)
from border_agent.documents.tlv import read_all, read_only, write_tlv
from border_agent.specimens.chip import der
from border_agent.specimens.chip.signing_keys import ec_public_info
from tests.lds.lds_samples import (
    BSI,
    COM,
    DG1,
    DG2,
    DG2_NEW,
    DG7,
    DG11,
    DG12,
    DG14,
    DG15,
    DG16,
    FILES,
    INFOS,
    box,
    codestream,
    dg2,
    ec_info,
    face_19794,
    face_39794,
    info,
    jp2,
    jpeg,
)


def test_com_and_dg1() -> None:
    assert (read_com(COM).lds_version, read_com(COM).tags) == ("0107", (0x61, 0x75, 0x6E))
    first, second = read_dg1(DG1)
    assert (len(first), len(second), first[:6]) == (44, 44, "P<UTOE")


@pytest.mark.parametrize("zone", [b"A" * 89, b"A" * 87 + b"\xc3", b"A" * 87 + b"\n", b""])
def test_dg1_with_another_zone(zone: bytes) -> None:
    with pytest.raises(LdsMalformed):
        read_dg1(write_tlv(0x61, write_tlv(0x5F1F, zone)))


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_bounded_and_refused_when_cut(name: str) -> None:
    reader, good = FILES[name]
    reader(good)
    with pytest.raises(LdsError):
        reader(good[:-1])
    with pytest.raises(LdsError):
        reader(b"")
    with pytest.raises(LdsTooLong):
        reader(good + bytes(1 << 21))


@pytest.mark.parametrize("name", [name for name in FILES if "record" not in name])
def test_a_byte_behind_the_file_is_refused(name: str) -> None:
    reader, good = FILES[name]
    with pytest.raises(LdsMalformed):
        reader(good + b"\0")


def test_old_and_new_faces() -> None:
    old, new = read_dg2(DG2), read_dg2(DG2_NEW)
    assert (old.encoding, old.faces[0].format, old.faces[0].width, old.faces[0].height) == (
        "19794-5",
        "jpeg",
        120,
        160,
    )
    assert (new.encoding, new.faces[0].format, new.faces[0].width, new.faces[0].height) == (
        "39794-5",
        "jp2",
        120,
        160,
    )
    for records, content in ((old, DG2), (new, DG2_NEW)):
        image = records.faces[0]
        assert content[image.offset : image.offset + len(image.data)] == image.data


def test_several_faces_of_which_one_is_unreadable() -> None:
    records = read_dg2(dg2(face_19794(b"no picture", jpeg(), points=3), face_39794(codestream(), wrapped=False)))
    assert [image.format for image in records.faces] == ["jpeg", "j2k"]
    with pytest.raises(LdsNoFace):
        read_dg2(dg2(face_19794(b"no picture")))


def test_a_template_of_another_kind_beside_a_face() -> None:
    assert read_dg2(dg2(b"IIR\0 an iris", face_19794(jpeg()))).encoding is FaceEncoding.ISO_19794
    with pytest.raises(LdsUnsupported):
        read_dg2(dg2(b"IIR\0 an iris"))


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"FAC\0",
        b"FAC\0" + b"010\0" + (14).to_bytes(4, "big") + b"\0\1",
        face_19794(),
        face_19794(*[jpeg()] * 9),
        face_19794(jpeg())[:-5],
        face_19794(jpeg()).replace(b"\0\1\0\0", b"\0\1\0\1", 1),
        face_19794(jpeg(), version=b"030\0"),
        face_39794(),
        face_39794(*[jpeg()] * 9),
        write_tlv(0xA1, write_tlv(0x65, b"")),
        write_tlv(0x65, write_tlv(0xA1, write_tlv(0x30, write_tlv(0xA1, b"")))),
        b"\xa1\x80\x65\x80\x00\x00\x00\x00",
    ],
)
def test_records_that_do_not_hold(record: bytes) -> None:
    with pytest.raises(LdsError):
        read_face_record(record)


@pytest.mark.parametrize(
    "content", [dg2(face_19794(jpeg()), announced=2), dg2(announced=0), dg2(*[face_19794(jpeg())] * 9)]
)
def test_dg2_counts_its_templates(content: bytes) -> None:
    with pytest.raises(LdsMalformed):
        read_dg2(content)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (jpeg(300, 400), ("jpeg", 300, 400)),
        (jpeg(300, 400, frame=0xC2), ("jpeg", 300, 400)),
        (jpeg(before=b"\xff\xff\xff\xfe\x00\x04ab"), ("jpeg", 120, 160)),
        (jpeg(before=b"\xff\x01\xff\xc4\x00\x04ab"), ("jpeg", 120, 160)),
        (jp2(300, 400), ("jp2", 300, 400)),
        (jp2(300, 400, long=True), ("jp2", 300, 400)),
        (codestream(300, 400, (7, 9)), ("j2k", 300, 400)),
        (jpeg(0, 400), None),
        (jpeg(300, 20_000), None),
        (jp2(300, 1 << 31), None),
        (codestream(0, 400), None),
        (jpeg()[:20], None),
        (jpeg(frame=0xDA), None),
        (jpeg(frame=0xD9), None),
        (jpeg(before=b"\xff\xfe\x00\x01"), None),
        (jpeg(before=b"\x00\x00"), None),
        (jpeg(before=b"\xff\xfe\x00\x02" * 300), None),
        (jp2()[:40], None),
        (jp2().replace(b"ihdr", b"ihdx"), None),
        (jp2()[:12] + box(b"free", b"") * 300, None),
        (jp2()[:12] + b"\0\0\0\0free", None),
        (jp2()[:12] + b"\0\0\0\1free\0\0\0\0\0\0\0\1", None),
        (b"", None),
        (b"GIF89a", None),
        (b" " + jpeg(), None),
    ],
)
def test_pictures_by_their_own_header(data: bytes, found: tuple[str, int, int] | None) -> None:
    image = read_image(data, 7)
    if found is None:
        assert image is None
    else:
        assert isinstance(image, ChipImage)
        assert (image.format, image.width, image.height, image.offset, image.data) == (*found, 7, data)


def test_dg7() -> None:
    first, second = read_dg7(DG7)
    assert (first.format, second.format) == ("jpeg", "j2k")
    assert DG7[first.offset :].startswith(first.data)
    assert DG7[second.offset :].startswith(second.data)
    with pytest.raises(LdsUnsupported):
        read_dg7(write_tlv(0x67, write_tlv(0x02, b"\x01") + write_tlv(0x5F43, b"no picture")))
    with pytest.raises(LdsMalformed):
        read_dg7(write_tlv(0x67, write_tlv(0x02, b"\x02") + write_tlv(0x5F43, jpeg())))


def test_dg11() -> None:
    read = read_dg11(DG11)
    assert read.full_name == "ÉRIKSSON<<ANNA"
    assert read.other_names == ("ONE<<A", "TWO<<B")
    assert (read.personal_number, read.birth, read.place_of_birth) == ("12345", "19740812", "ZENITH<UTOPIA")
    assert read.proof_of_citizenship == jpeg()
    assert (read.address, read.custody) == ("", "")


def test_dg12() -> None:
    read = read_dg12(DG12)
    assert (read.authority, read.issued) == ("UTOPIA PASSPORT OFFICE", "20240301")
    assert (read.other_persons, read.personalised, read.personalised_by) == (
        ("CHILD<<A",),
        "20240301093000",
        "PERSO-7",
    )
    assert read.front == read.rear == jpeg()


def test_texts_are_cut_and_cleaned() -> None:
    content = write_tlv(0x6B, write_tlv(0x5C, b"\x5f\x0e") + write_tlv(0x5F0E, b"A\x1b[2J\n\xff" + b"B" * 5000))
    name = read_dg11(content).full_name
    assert name.startswith("A[2J\ufffdB")
    assert len(name) < 1024
    assert read_dg11(write_tlv(0x6B, write_tlv(0x5C, b"") + write_tlv(0x5F2B, b"soon"))).birth == ""


def test_dg16() -> None:
    (person,) = read_dg16(DG16)
    assert (person.recorded, person.name, person.telephone, person.address) == (
        "20240301",
        "SMITH<<CHARLES",
        "+1",
        "",
    )


def test_security_infos() -> None:
    infos = {one.oid: one for one in read_dg14(DG14)}
    assert infos[f"{BSI}4.2.2"] == PaceInfo(
        f"{BSI}4.2.2", KeyAgreement.ECDH, PaceMapping.GENERIC, InfoCipher.AES128, 2, 13
    )
    cam = infos[f"{BSI}4.6.4"]
    assert isinstance(cam, PaceInfo)
    assert (cam.mapping, cam.cipher, cam.parameter_id) == (PaceMapping.CHIP_AUTHENTICATION, InfoCipher.AES256, None)
    domain = infos[f"{BSI}4.2"]
    assert isinstance(domain, PaceDomainParameterInfo)
    assert (domain.parameter_id, domain.domain[:1]) == (14, b"\x30")
    assert infos[f"{BSI}3.2.4"] == ChipAuthenticationInfo(f"{BSI}3.2.4", KeyAgreement.ECDH, InfoCipher.AES256, 1, 5)
    key = infos[f"{BSI}1.2"]
    assert isinstance(key, ChipAuthenticationPublicKeyInfo)
    assert (str(key.key), key.key_id, key.spki) == ("brainpoolP256r1", 5, ec_info())
    assert infos[f"{BSI}2"] == TerminalAuthenticationInfo(f"{BSI}2", 1)
    assert infos["2.23.136.1.1.5"] == ActiveAuthenticationInfo("2.23.136.1.1.5", 1, "0.4.0.127.0.7.1.1.4.1.3")
    assert infos["1.2.3.4"] == OtherInfo("1.2.3.4", b"\xa5\x00", b"\x04\x01x")
    assert isinstance(infos[f"{BSI}4.9.9"], OtherInfo)
    assert len(infos) == len(read_security_infos(INFOS)) == 9


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x06\x08",
        b"\x30\x00",
        der.set_of((info(f"{BSI}4.2.2"),)),
        der.set_of((info(f"{BSI}4.2.2", der.octets(b"x")),)),
        der.set_of((info(f"{BSI}4.2.2", der.integer(2), der.octets(b"x")),)),
        der.set_of((info(f"{BSI}1.2", der.integer(1)),)),
        der.set_of((info("2.23.136.1.1.5", der.integer(1)),)),
        write_tlv(0x31, info("1.2.3", der.integer(1)) * 65),
    ],
)
def test_security_infos_that_do_not_hold(broken: bytes) -> None:
    with pytest.raises(LdsMalformed):
        read_security_infos(broken)


def test_a_key_that_cannot_be_used_does_not_hide_the_others() -> None:
    odd = der.sequence(der.sequence(der.oid("1.2.3.4")), der.bits(b"x"))
    read = read_security_infos(der.set_of((info(f"{BSI}1.2", odd), info(f"{BSI}3.2.4", der.integer(1)))))
    keys = [one for one in read if isinstance(one, ChipAuthenticationPublicKeyInfo)]
    assert (keys[0].key, keys[0].spki, len(read)) == (None, odd, 2)


def standardised(number: int, key: bytes) -> bytes:
    return der.sequence(der.sequence(der.oid("0.4.0.127.0.7.1.2"), der.integer(number)), der.bits(key))


def test_keys_by_number() -> None:
    curve, group = PACE_PARAMETERS[13], PACE_PARAMETERS[2]
    assert isinstance(group, ModpGroup)
    plain = read_public_key("key", ec_info())
    assert isinstance(plain, EcKey)
    assert plain.curve == curve
    assert plain.point is not None
    point = b"\4" + b"".join(number.to_bytes(32, "big") for number in plain.point)
    assert read_public_key("key", standardised(13, point)) == plain
    y = pow(group.g, 99, group.p)
    assert read_public_key("key", standardised(2, der.integer(y))) == DhKey(group.p, group.g, group.q, y)
    for number in (3, 7, 19, 1 << 70):
        with pytest.raises(LdsUnsupported):
            read_public_key("key", standardised(number, point))


def test_diffie_hellman_keys_with_their_own_numbers() -> None:
    group = PACE_PARAMETERS[0]
    assert isinstance(group, ModpGroup)
    y = pow(group.g, 99, group.p)
    x942 = der.sequence(*map(der.integer, (group.p, group.g, group.q)))
    pkcs3 = der.sequence(*map(der.integer, (group.p, group.g)))
    for oid, parameters, q in (("1.2.840.10046.2.1", x942, group.q), ("1.2.840.113549.1.3.1", pkcs3, None)):
        data = der.sequence(der.sequence(der.oid(oid), parameters), der.bits(der.integer(y)))
        assert read_public_key("key", data) == DhKey(group.p, group.g, q, y)
        for bad in (0, 1, group.p - 1, group.p):
            with pytest.raises(LdsMalformed):
                read_public_key(
                    "key", der.sequence(der.sequence(der.oid(oid), parameters), der.bits(der.integer(bad)))
                )


@pytest.mark.parametrize("name", ["secp192r1", "secp256r1", "secp521r1", "brainpoolP224r1", "brainpoolP320r1"])
def test_curves_written_out_are_taken_only_as_a_whole(name: str) -> None:
    curve = curve_by_name(name)
    assert curve is not None
    whole = read_public_key("key", ec_public_info(curve, 0x99, explicit=True))
    assert isinstance(whole, EcKey)
    assert (whole.curve, whole.explicit) == (curve, True)
    good = ec_public_info(curve, 0x99, explicit=True)
    for number in (curve.p, curve.a, curve.b, curve.x, curve.n):
        part = number.to_bytes((number.bit_length() + 7) // 8, "big")
        with pytest.raises(LdsError):
            read_public_key("key", good.replace(part, part[:-1] + bytes((part[-1] ^ 2,))))


def test_a_base_point_may_be_compressed() -> None:
    for name in ("secp256r1", "brainpoolP224r1", "secp521r1"):
        curve = curve_by_name(name)
        assert curve is not None
        good = ec_public_info(curve, 0x99, explicit=True)
        x, y = curve.x.to_bytes(curve.size, "big"), curve.y.to_bytes(curve.size, "big")
        assert der.octets(b"\4" + x + y) in good
        parity = 2 + (curve.y & 1)
        for first, fits in ((parity, True), (5 - parity, False), (4, False)):
            data = compressed(good, b"\4" + x + y, bytes((first,)) + x)
            if fits:
                assert read_public_key("key", data) == read_public_key("key", good)
            else:
                with pytest.raises(LdsUnsupported):
                    read_public_key("key", data)


def compressed(good: bytes, point: bytes, shorter: bytes) -> bytes:
    """The same key with another base point, its lengths put right."""
    algorithm, key = read_all(read_only(good, 0x30))
    kind, domain = read_all(algorithm.value)
    parts = read_all(domain.value)
    written = b"".join(write_tlv(part.tag, shorter if part.value == point else part.value) for part in parts)
    return der.sequence(
        der.sequence(write_tlv(kind.tag, kind.value), write_tlv(0x30, written)), write_tlv(key.tag, key.value)
    )


@pytest.mark.parametrize(
    ("n", "e", "error"),
    [
        ((1 << 1023) | 1, 65537, None),
        ((1 << 8191) | 1, 3, None),
        ((1 << 1000) | 1, 65537, LdsUnsupported),
        ((1 << 8192) | 1, 65537, LdsUnsupported),
        ((1 << 2047) | 1, (1 << 40) | 1, LdsUnsupported),
        ((1 << 2047) | 1, 1, LdsUnsupported),
        ((1 << 2047) | 1, 65536, LdsMalformed),
        (1 << 2047, 65537, LdsMalformed),
    ],
)
def test_rsa_keys_have_bounds(n: int, e: int, error: type[LdsError] | None) -> None:
    key = der.sequence(der.integer(n), der.integer(e))
    data = der.sequence(der.sequence(der.oid("1.2.840.113549.1.1.1"), der.null()), der.bits(key))
    if error is None:
        assert read_public_key("key", data) == RsaKey(n, e)
    else:
        with pytest.raises(error):
            read_public_key("key", data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(5000),
        der.sequence(der.sequence(der.oid("1.2.840.10045.2.1")), der.bits(b"\4" + bytes(64))),
        der.sequence(der.sequence(der.oid("1.2.840.10045.2.1"), der.null()), der.bits(b"\4" + bytes(64))),
        der.sequence(
            der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7")), der.bits(b"\4" + bytes(64))
        ),
        der.sequence(der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7")), der.bits(b"\0")),
        der.sequence(
            der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.3.132.0.10")), der.bits(b"\4" + bytes(64))
        ),
        der.sequence(der.sequence(der.oid("1.3.101.112")), der.bits(bytes(32))),
    ],
)
def test_keys_that_are_none(data: bytes) -> None:
    with pytest.raises(LdsError):
        read_public_key("key", data)


def test_dg15_takes_no_diffie_hellman_key() -> None:
    assert str(read_dg15(DG15).key) == "secp384r1"
    group = PACE_PARAMETERS[0]
    assert isinstance(group, ModpGroup)
    with pytest.raises(LdsUnsupported):
        read_dg15(write_tlv(0x6F, standardised(0, der.integer(pow(group.g, 9, group.p)))))


@pytest.mark.parametrize(
    "hashes",
    [
        [(1, b"a"), (1, b"b")],
        [(0, b"a")],
        [(17, b"a")],
        [(n % 16 + 1, b"a") for n in range(40)],
    ],
)
def test_hash_lists_that_do_not_hold(hashes: list[tuple[int, bytes]]) -> None:
    rows = der.sequence(*(der.sequence(der.integer(number), der.octets(value)) for number, value in hashes))
    with pytest.raises(LdsMalformed):
        read_security_object(der.sequence(der.integer(0), der.sequence(der.oid("1.2.3")), rows))


def test_a_hash_list_with_versions() -> None:
    rows = der.sequence(der.sequence(der.integer(1), der.octets(b"hash")))
    versions = der.sequence(der.printable("0108"), der.printable("040000"))
    read = read_security_object(der.sequence(der.integer(1), der.sequence(der.oid("1.2.3")), rows, versions))
    assert (read.version, read.hashes, read.lds_version, read.unicode_version) == (1, {1: b"hash"}, "0108", "040000")


def test_sod_and_card_security_are_refused_by_their_own_error() -> None:
    for broken in (b"", b"\x77\x01", b"\x30\x80" * 30_000, bytes(70_000), b"\x77\x84\xff\xff\xff\xff"):
        with pytest.raises(LdsError):
            read_sod(broken)
        with pytest.raises(LdsError):
            read_card_security(broken)
