"""CMS SignedData as states write it into EF.SOD, EF.CardSecurity and master lists (RFC 5652; 9303-10, 4.6.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from border_agent.specimens.chip import der
from border_agent.specimens.chip.certificates import Signer, utc_time
from border_agent.specimens.chip.signing_keys import digest_algorithm

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME = (
    "1.2.840.113549.1.9.3",
    "1.2.840.113549.1.9.4",
    "1.2.840.113549.1.9.5",
)


def signed_data(
    content_type: str, content: bytes, signer: Signer, at: datetime, *, more: Sequence[bytes] = ()
) -> bytes:
    """ContentInfo with one signer, whose certificate goes with it; `more`: further certificates."""
    digest = signer.key.digest
    attributes = der.set_of(
        (
            _attribute(_CONTENT_TYPE, der.oid(content_type)),
            _attribute(_MESSAGE_DIGEST, der.octets(hashlib.new(digest, content).digest())),
            _attribute(_SIGNING_TIME, utc_time(at)),
        )
    )
    info = der.sequence(
        der.integer(1),
        der.sequence(signer.issuer, der.integer(signer.serial)),
        digest_algorithm(digest),
        b"\xa0" + attributes[1:],  # signed as a SET, stored under a context tag
        signer.key.algorithm(),
        der.octets(signer.key.sign(attributes)),
    )
    data = der.sequence(
        der.integer(3),
        der.set_of((digest_algorithm(digest),)),
        der.sequence(der.oid(content_type), der.tagged(0, der.octets(content))),
        der.tagged(0, b"".join((signer.certificate, *more))),
        der.set_of((info,)),
    )
    return der.sequence(der.oid(_SIGNED_DATA), der.tagged(0, data))


def _attribute(kind: str, value: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.set_of((value,)))
