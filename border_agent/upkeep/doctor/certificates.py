"""Certificates: in their time, of our authority, for our key, in our name; and the authority's own.

An expired certificate never invalidates a journal, but no broker lets the device in with one. Half-life is when a
new one is asked for: early enough that a month without a line does no harm.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from msgspec import Struct

from border_agent.config import Config
from border_agent.upkeep.doctor.patient import Patient
from border_agent.upkeep.doctor.values import Found, found

AUTHORITY_ENDS: Final = timedelta(days=365)
_LARGEST: Final = 262_144


class _Use(Struct, frozen=True):
    """One certificate of the configuration and what it must fit."""

    certificate: Path
    key: Path
    authority: Path | None
    """None: the pages' certificate is for browsers, whose authority this device does not know."""
    names: tuple[str, ...]
    is_client: bool


def _uses(config: Config) -> Iterator[_Use]:
    device = (config.device.id,)
    for line in (config.mqtt, config.lan):
        if line is not None:
            yield _Use(
                config.path(line.certificate), config.path(line.key), config.path(line.authority), device, True
            )
    if config.console is not None:
        pages = config.console
        yield _Use(config.path(pages.certificate), config.path(pages.key), None, pages.names, False)


def check_certificates(patient: Patient) -> Iterator[Found]:
    if patient.config is None:
        return
    now = patient.machine.now()
    authorities: dict[Path, list[x509.Certificate]] = {}
    for use in dict.fromkeys(_uses(patient.config)):
        if use.authority is not None and use.authority not in authorities:
            authorities[use.authority], faults = _authority(use.authority, now)
            yield from faults
        yield _judge(use, authorities[use.authority] if use.authority is not None else None, now)


def _authority(file: Path, now: datetime) -> tuple[list[x509.Certificate], list[Found]]:
    try:
        certificates = _read(file)
    except (OSError, ValueError) as error:
        return [], [found("authority.unusable", str(file), str(error)[:200])]
    for one in certificates:
        ends = one.not_valid_after_utc
        if ends <= now:
            return certificates, [found("authority.expired", str(file), _name(one), ends=ends)]
        if ends - now < AUTHORITY_ENDS:
            return certificates, [found("authority.ends", str(file), _name(one), ends=ends)]
    return certificates, []


def _read(file: Path) -> list[x509.Certificate]:
    with file.open("rb") as opened:
        return x509.load_pem_x509_certificates(opened.read(_LARGEST))


def _judge(use: _Use, authority: list[x509.Certificate] | None, now: datetime) -> Found:
    where = str(use.certificate)
    try:
        certificate, *chain = _read(use.certificate)
    except FileNotFoundError:
        return found("certificate.missing", where)
    except (OSError, ValueError) as error:
        return found("certificate.unusable", where, str(error)[:200])
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if authority and not any(_issued(certificate, issuer) for issuer in (*chain, *authority)):
        return found("certificate.wrong_authority", where, certificate.issuer.rfc4514_string())
    if not _fits_key(certificate, use.key):
        return found("certificate.wrong_key", where, str(use.key))
    if missing := _missing_names(certificate, use):
        return found("certificate.wrong_name", where, _name(certificate), names=", ".join(missing))
    if now < begins:
        return found("certificate.not_yet", where, begins.isoformat(), begins=begins)
    if now >= ends:
        return found("certificate.expired", where, ends.isoformat(), ends=ends)
    code = "certificate.half_life" if now - begins > ends - now else "certificate.good"
    return found(code, where, ends.isoformat(), ends=ends, days=(ends - now).days)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _fits_key(certificate: x509.Certificate, file: Path) -> bool:
    """True also where the key is not ours to read: what is wrong with a key is said of the key."""
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
        return _spki(key.public_key()) == _spki(certificate.public_key())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return True


def _spki(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _missing_names(certificate: x509.Certificate, use: _Use) -> tuple[str, ...]:
    if use.is_client:
        return () if _name(certificate) in use.names else use.names
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return use.names
    names = {*held.get_values_for_type(x509.DNSName), *map(str, held.get_values_for_type(x509.IPAddress))}
    return tuple(name for name in use.names if _plain(name) not in names)


def _plain(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return name


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""
