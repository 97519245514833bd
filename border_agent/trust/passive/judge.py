"""Passive authentication of one chip: its security object held against its files and our authorities.

Doc 9303-11 section 5.1 and 9303-12 section 5, with the traps that real chips set: see the package's README.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from border_agent.documents.lds import (
    LdsError,
    LdsMalformed,
    SecurityObject,
    SignedData,
    read_security_object,
    read_signed_data,
    read_sod,
)
from border_agent.trust.passive.authorities import CscaStore
from border_agent.trust.passive.countries import same_state
from border_agent.trust.passive.judgement import PassiveJudgement
from border_agent.trust.passive.judging import Judging, Moment
from border_agent.trust.passive.signatures import HASHES
from border_agent.trust.passive.signer import judge_signer

_SECURITY_OBJECTS = frozenset({"2.23.136.1.1.1", "1.3.27.1.1.1", "1.2.528.1.1006.1.20.1"})
"""Content types of a security object: the one of Doc 9303, and two of before it."""
_CARD_SECURITY = "0.4.0.127.0.7.3.2.1"


@dataclass(frozen=True)
class OpenedSod:
    """A security object that could be read."""

    signed: SignedData
    hashes: SecurityObject


def open_sod(sod: bytes) -> OpenedSod:
    """Read EF.SOD (tag 77) without believing it. Raises `LdsError`."""
    signed = read_signed_data(read_sod(sod), "EF.SOD")
    if signed.content_type not in _SECURITY_OBJECTS:
        raise LdsMalformed("EF.SOD", f"content of type {signed.content_type[:60]}")
    return OpenedSod(signed, read_security_object(signed.document))


def judge_sod(
    sod: bytes,
    files: Mapping[int, bytes],
    store: CscaStore,
    *,
    at: datetime.date | datetime.datetime,
    dg1_issuer: str | None = None,
) -> PassiveJudgement:
    """Whether a chip is what its state made it. Never raises: a security object that cannot be read is `invalid`.

    `files` are the data groups that were read, by number and as they stand on the chip. `at` is the day or moment
    periods are held against. `dg1_issuer` is the issuing state of DG1's zone, None where nobody asks.
    """
    judging = Judging()
    try:
        opened = open_sod(sod)
    except LdsError as error:
        judging.find("sod.malformed", error.detail)
        return judging.done()
    judge_signer(judging, opened.signed, store, Moment.of(at))
    _judge_files(judging, opened.hashes, files)
    _judge_issuer(judging, dg1_issuer)
    return judging.done()


def judge_card_security(data: bytes, store: CscaStore, *, at: datetime.date | datetime.datetime) -> PassiveJudgement:
    """The same for EF.CardSecurity, whose key PACE with chip authentication mapping proves. Never raises."""
    judging = Judging()
    try:
        signed = read_signed_data(data, "EF.CardSecurity")
        if signed.content_type != _CARD_SECURITY:
            raise LdsMalformed("EF.CardSecurity", f"content of type {signed.content_type[:60]}")
    except LdsError as error:
        judging.find("sod.malformed", error.detail)
        return judging.done()
    judge_signer(judging, signed, store, Moment.of(at))
    return judging.done()


def _judge_files(judging: Judging, listed: SecurityObject, files: Mapping[int, bytes]) -> None:
    """Every file that was read against its signed hash."""
    judging.listed.extend(f"DG{number}" for number in sorted(listed.hashes))
    algorithm = HASHES.get(listed.hash_algorithm, "")
    if not algorithm:
        judging.find("sod.hash_algorithm", listed.hash_algorithm[:60])
        return
    if algorithm == "sha1" and not any(finding.code == "sod.weak_hash" for finding in judging.findings):
        judging.find("sod.weak_hash", "hashes of the files")
    for number in sorted(files):
        name = f"DG{number}"
        expected = listed.hashes.get(number)
        if expected is None:
            judging.find(f"sod.hash_missing.{name}")
        elif hmac.compare_digest(hashlib.new(algorithm, files[number]).digest(), expected):
            judging.checked.append(name)
        else:
            judging.find(f"sod.hash.{name}", algorithm)


def _judge_issuer(judging: Judging, dg1_issuer: str | None) -> None:
    """The state that signed is the state that the machine readable zone names."""
    signer = judging.container.certificate if judging.container else None
    if dg1_issuer is None or signer is None:
        return
    same = same_state(dg1_issuer, signer.country)
    if same is None:
        judging.find("sod.issuer_unknown", f"{dg1_issuer[:3]}, {signer.country}")
    elif not same:
        judging.find("sod.issuer_differs", f"{dg1_issuer[:3]}, {signer.country}")
