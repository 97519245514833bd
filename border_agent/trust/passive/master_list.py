"""Master lists in their original form: the authorities one state has checked, signed by it (Doc 9303-12 section
8)."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

from border_agent.documents.lds import LdsError, read_signed_data
from border_agent.documents.tlv import TlvError, read_all, read_only
from border_agent.trust.passive import der
from border_agent.trust.passive.authorities import CscaStore
from border_agent.trust.passive.certificates import Certificate
from border_agent.trust.passive.containers import open_container
from border_agent.trust.passive.errors import MasterListUnusable
from border_agent.trust.passive.judgement import PassiveFinding, found

LARGEST = 16 << 20
"""Longest master list looked at, in bytes; the German one of 2026 has 0.9 million."""
MOST_CERTIFICATES = 8192

_CONTENT = "2.23.136.1.1.2"
_SIGNER_USAGE = "2.23.136.1.1.3"
_SET = 0x31


@dataclass(frozen=True)
class MasterList:
    """`certificates` (DER) are what the list says, in its order; `intact` whether its own signature holds. Who signed
    it is for `anchored_by` to believe."""

    certificates: tuple[bytes, ...]
    intact: bool
    findings: tuple[PassiveFinding, ...]
    """Codes as a security object's, beginning with `list`; and `list.signer_usage`: the signer's certificate is not
    made for master lists."""
    signer: Certificate | None
    signed_at: datetime.datetime | None
    brought: tuple[Certificate, ...]
    """Certificates beside the list, which the signer may be signed by."""

    def anchored_by(self, store: CscaStore) -> bool:
        """Whether an authority of a store vouches for the signer. A store made of the list itself proves nothing."""
        return self.signer is not None and bool(store.vouching(self.signer, self.brought).anchors)


def read_master_list(data: bytes) -> MasterList:
    """Raises `MasterListUnusable` for bytes that are no master list. One whose signature does not hold is returned,
    not `intact`: whoever asks may want to say why."""
    where = hashlib.sha256(data).hexdigest()[:16]
    try:
        signed = read_signed_data(data, where, LARGEST)
        if signed.content_type != _CONTENT:
            raise MasterListUnusable(where, f"content of type {signed.content_type[:60]}")
        version, certificates = read_all(read_only(signed.document, der.SEQUENCE, where), where, most=2)
        if version.tag != der.INTEGER or certificates.tag != _SET:
            raise MasterListUnusable(where, "no list of certificates")
        listed = tuple(
            der.encoded(element) for element in read_all(certificates.value, where, most=MOST_CERTIFICATES)
        )
    except (LdsError, TlvError, ValueError) as error:
        raise MasterListUnusable(where, str(error)[:200]) from error
    container = open_container(signed, "list")
    findings = list(container.findings)
    signer = container.certificate
    if signer is not None and _SIGNER_USAGE not in signer.extensions.extended_usage:
        findings.append(found("list.signer_usage", signer.subject.shown))
    return MasterList(
        listed, container.intact, tuple(findings), signer, container.signer.signing_time, container.brought
    )
