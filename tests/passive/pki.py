"""A small fictional PKI for tests: every part of a certificate, container or list can be made wrong on purpose."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from border_agent.crypto.curves import curve_by_name
from border_agent.documents.tlv import write_tlv
from border_agent.specimens.chip import der
from border_agent.specimens.chip.signing_keys import EcKey, RsaKey, SigningKey, digest_algorithm, rsa_private

TODAY = datetime.date(2026, 11, 26)
SECURITY_OBJECT = "2.23.136.1.1.1"
MASTER_LIST = "2.23.136.1.1.2"
SIGNED_DATA = "1.2.840.113549.1.7.2"


def day(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(f"{text}T12:00:00+00:00")


def ec_key(
    curve: str = "secp256r1", private: int = 0x1234567, *, digest: str = "sha256", explicit: bool = False
) -> EcKey:
    found = curve_by_name(curve)
    assert found is not None
    return EcKey(found, private, digest, explicit)


def rsa_key(use: int = 0, *, bits: int = 2048, digest: str = "sha256", pss: bool = False) -> RsaKey:
    return RsaKey(rsa_private(bits, use), digest, pss)


def name(country: str, common: str, *, printable: bool = False) -> bytes:
    write = der.printable if printable else der.utf8
    parts = [("2.5.4.6", der.printable(country))] if country else []
    parts.append(("2.5.4.3", write(common)))
    return der.sequence(*(der.set_of((der.sequence(der.oid(kind), value),)) for kind, value in parts))


def time(at: datetime.datetime) -> bytes:
    return write_tlv(0x17, at.astimezone(datetime.UTC).strftime("%y%m%d%H%M%SZ").encode())


def extension(kind: str, value: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.octets(value))


def key_identifier(key: SigningKey) -> bytes:
    return hashlib.sha1(key.info()).digest()


AUTHORITY_USAGE = b"\x03\x02\x01\x06"
SIGNER_USAGE = b"\x03\x02\x07\x80"


@dataclass(frozen=True)
class Holder:
    """A certificate (DER) with its key and name."""

    der: bytes
    key: SigningKey = field(repr=False)
    name: bytes
    serial: int
    issuer: bytes


def certificate(
    subject: bytes,
    key: SigningKey,
    by: Holder | None = None,
    *,
    serial: int = 1,
    begins: str = "2020-01-01",
    ends: str = "2035-01-01",
    usage: bytes | None = SIGNER_USAGE,
    authority: bool | None = None,
    authority_key: bytes | None = None,
    extended: Sequence[str] = (),
    use_period: tuple[str, str] | None = None,
    version_1: bool = False,
) -> Holder:
    """Signed by `by`, or by itself."""
    signing, issuer = (by.key, by.name) if by else (key, subject)
    extensions = [
        extension("2.5.29.14", der.octets(key_identifier(key))),
        extension(
            "2.5.29.35",
            der.sequence(der.primitive(0, key_identifier(signing) if authority_key is None else authority_key)),
        ),
    ]
    if usage is not None:
        extensions.append(extension("2.5.29.15", usage))
    if authority is not None:
        extensions.append(extension("2.5.29.19", der.sequence(*([der.boolean(True)] if authority else []))))
    if extended:
        extensions.append(extension("2.5.29.37", der.sequence(*map(der.oid, extended))))
    if use_period:
        ends_of_use = (moment.replace("-", "").encode() + b"120000Z" for moment in use_period)
        extensions.append(
            extension("2.5.29.16", der.sequence(*(der.primitive(n, t) for n, t in enumerate(ends_of_use))))
        )
    body = der.sequence(
        *([] if version_1 else [der.tagged(0, der.integer(2))]),
        der.integer(serial),
        signing.algorithm(),
        issuer,
        der.sequence(time(day(begins)), time(day(ends))),
        subject,
        key.info(),
        *([] if version_1 else [der.tagged(3, der.sequence(*extensions))]),
    )
    signed = der.sequence(body, signing.algorithm(), der.bits(signing.sign(body)))
    return Holder(signed, key, subject, serial, issuer)


def csca(country: str = "UT", key: SigningKey | None = None, by: Holder | None = None, **options: object) -> Holder:
    subject = name(country, f"CSCA {country}")
    return certificate(
        subject,
        key or ec_key(private=0xCAFE),
        by,
        **{"usage": AUTHORITY_USAGE, "authority": True, "serial": 7, **options},  # type: ignore[arg-type]
    )


def dsc(by: Holder, country: str = "UT", key: SigningKey | None = None, **options: object) -> Holder:
    subject = name(country, f"Document Signer {country}")
    return certificate(subject, key or ec_key(private=0xD5C), by, **{"serial": 0x100, **options})  # type: ignore[arg-type]


def attribute(kind: str, value: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.set_of((value,)))


def container(
    content_type: str,
    content: bytes,
    signer: Holder,
    *,
    signed_at: datetime.datetime | bytes | None = None,
    certificates: Sequence[bytes] | None = None,
    digest: str = "",
    stated_type: str = "",
    stated_digest: bytes | None = None,
    attributes: bool = True,
    by_key_identifier: bool = False,
    algorithm: bytes | None = None,
    copies: int = 1,
    wrapped: bool = True,
) -> bytes:
    """ContentInfo of signed data. `stated_...` are what the signed attributes say instead of the truth."""
    used = digest or signer.key.digest
    listed = [
        attribute("1.2.840.113549.1.9.3", der.oid(stated_type or content_type)),
        attribute(
            "1.2.840.113549.1.9.4",
            der.octets(hashlib.new(used, content).digest() if stated_digest is None else stated_digest),
        ),
    ]
    if signed_at:
        listed.append(
            attribute("1.2.840.113549.1.9.5", signed_at if isinstance(signed_at, bytes) else time(signed_at))
        )
    signed = der.set_of(listed)
    identifier = (
        der.primitive(0, key_identifier(signer.key))
        if by_key_identifier
        else der.sequence(signer.issuer, der.integer(signer.serial))
    )
    info = der.sequence(
        der.integer(1),
        identifier,
        digest_algorithm(used),
        *([b"\xa0" + signed[1:]] if attributes else []),
        algorithm or signer.key.algorithm(),
        der.octets(signer.key.sign(signed if attributes else content)),
    )
    held = [signer.der] if certificates is None else certificates
    data = der.sequence(
        der.integer(3),
        der.set_of((digest_algorithm(used),)),
        der.sequence(der.oid(content_type), der.tagged(0, der.octets(content) if wrapped else content)),
        *([der.tagged(0, b"".join(held))] if held else []),
        write_tlv(0x31, info * copies),
    )
    return der.sequence(der.oid(SIGNED_DATA), der.tagged(0, data))


def hash_list(files: Mapping[int, bytes], digest: str = "sha256") -> bytes:
    hashes = (
        der.sequence(der.integer(number), der.octets(hashlib.new(digest, content).digest()))
        for number, content in files.items()
    )
    return der.sequence(der.integer(0), digest_algorithm(digest), der.sequence(*hashes))


def sod(files: Mapping[int, bytes], signer: Holder, *, hashed_with: str = "sha256", **options: object) -> bytes:
    """EF.SOD over these files."""
    content = hash_list(files, hashed_with)
    return write_tlv(0x77, container(SECURITY_OBJECT, content, signer, **options))  # type: ignore[arg-type]


def crl(
    by: Holder,
    revoked: Sequence[int] = (),
    *,
    this: str = "2026-11-01",
    following: str = "2027-01-30",
    issuer: bytes | None = None,
    reason: int = 1,
) -> bytes:
    why = der.sequence(extension("2.5.29.21", write_tlv(0x0A, bytes((reason,)))))
    entries = [der.sequence(der.integer(serial), time(day("2026-10-01")), why) for serial in revoked]
    body = der.sequence(
        der.integer(1),
        by.key.algorithm(),
        issuer or by.name,
        time(day(this)),
        time(day(following)),
        *([der.sequence(*entries)] if entries else []),
        der.tagged(0, der.sequence(extension("2.5.29.35", der.sequence(der.primitive(0, key_identifier(by.key)))))),
    )
    return der.sequence(body, by.key.algorithm(), der.bits(by.key.sign(body)))


def master_list(certificates: Sequence[bytes], signer: Holder, **options: object) -> bytes:
    content = der.sequence(der.integer(0), der.set_of(certificates))
    return container(MASTER_LIST, content, signer, **options)  # type: ignore[arg-type]
