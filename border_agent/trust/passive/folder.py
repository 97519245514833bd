"""A folder of trust material: master lists (.ml), certificates (.cer, .crt, .pem, .der), revocation lists (.crl)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from border_agent.trust.passive.authorities import CscaStore
from border_agent.trust.passive.certificates import Certificate, read_certificate
from border_agent.trust.passive.errors import MasterListUnusable, TrustError, TrustFolderUnreadable
from border_agent.trust.passive.judgement import PassiveFinding
from border_agent.trust.passive.master_list import LARGEST, MasterList, read_master_list
from border_agent.trust.passive.revocation import RevocationList, read_revocation_list

MOST_FILES = 4096

_MASTER_LISTS = frozenset({".ml"})
_CERTIFICATES = frozenset({".cer", ".crt", ".pem", ".der"})
_REVOCATION_LISTS = frozenset({".crl"})
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \1-----", re.DOTALL)
_MOST_PEM = 8192


@dataclass(frozen=True)
class TrustFolder:
    """`findings` are about the folder, not about a chip: `list.not_anchored` for a master list whose signer none of
    the certificates beside it vouches for (it is used all the same: somebody put it there), and those of the list
    itself."""

    store: CscaStore
    findings: tuple[PassiveFinding, ...]


def load_folder(folder: Path) -> TrustFolder:
    """Every file of a folder, by its ending; other files are passed over. See `load_files`. Raises the same."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise TrustFolderUnreadable(str(folder), error.strerror or str(error)) from error
    return load_files(files)


def load_files(files: Iterable[Path]) -> TrustFolder:
    """Raises `TrustFolderUnreadable` for a file that cannot be read or is too long; `MasterListUnusable` for a master
    list that is none or whose signature does not hold: hundreds of states would be missing and nobody would know
    why. A certificate or revocation list that makes no sense is left out and named in the store's `unusable`."""
    certificates: list[Certificate] = []
    revocations: list[RevocationList] = []
    lists: list[tuple[str, MasterList]] = []
    unusable: list[str] = []
    for number, path in enumerate(files):
        if number == MOST_FILES:
            raise TrustFolderUnreadable(str(path.parent), f"more than {MOST_FILES} files")
        kind = path.suffix.lower()
        if kind in _MASTER_LISTS:
            lists.append((path.name, _master_list(path)))
        elif kind in _CERTIFICATES | _REVOCATION_LISTS:
            for encoded in _encoded(_read(path)):
                try:
                    if kind in _CERTIFICATES:
                        certificates.append(read_certificate(encoded))
                    else:
                        revocations.append(read_revocation_list(encoded))
                except TrustError as error:
                    unusable.append(f"{path.name}: {error.detail}")
    beside = CscaStore(certificates)
    findings: list[PassiveFinding] = []
    for name, listed in lists:
        findings += [PassiveFinding(finding.code, f"{name}: {finding.detail}") for finding in listed.findings]
        if not listed.anchored_by(beside):
            findings.append(PassiveFinding("list.not_anchored", name))
        for encoded in listed.certificates:
            try:
                certificates.append(read_certificate(encoded))
            except TrustError as error:
                unusable.append(f"{name}: {error.detail}")
    return TrustFolder(CscaStore(certificates, revocations, unusable), tuple(findings))


def _master_list(path: Path) -> MasterList:
    try:
        listed = read_master_list(_read(path))
    except MasterListUnusable as error:
        raise MasterListUnusable(path.name, error.detail) from error
    if not listed.intact:
        raise MasterListUnusable(path.name, ", ".join(finding.code for finding in listed.findings))
    return listed


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise TrustFolderUnreadable(path.name, f"more than {LARGEST} bytes")
        return path.read_bytes()
    except OSError as error:
        raise TrustFolderUnreadable(str(path), error.strerror or str(error)) from error


def _encoded(data: bytes) -> list[bytes]:
    """One DER object, or every PEM block of a text."""
    if b"-----BEGIN " not in data[:65_536]:
        return [data]
    blocks: list[bytes] = []
    for match in _PEM.finditer(data):
        if len(blocks) == _MOST_PEM:
            break
        try:
            blocks.append(base64.b64decode(b"".join(match[2].split()), validate=True))
        except binascii.Error:
            blocks.append(b"")
    return blocks
