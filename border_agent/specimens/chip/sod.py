"""EF.SOD: the hashes of all data groups, signed by a document signer (9303-10, 4.6.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from border_agent.documents.tlv import write_tlv
from border_agent.specimens.chip import der
from border_agent.specimens.chip.certificates import Signer
from border_agent.specimens.chip.oids import LDS_SECURITY_OBJECT
from border_agent.specimens.chip.signed_data import signed_data
from border_agent.specimens.chip.signing_keys import digest_algorithm


def security_object(groups: Mapping[int, bytes], signer: Signer, at: datetime, *, digest: str = "sha256") -> bytes:
    """EF.SOD over the files of these data groups; `digest` hashes them, the signer's own hash signs."""
    hashes = (
        der.sequence(der.integer(number), der.octets(hashlib.new(digest, groups[number]).digest()))
        for number in sorted(groups)
    )
    content = der.sequence(
        der.integer(1),
        digest_algorithm(digest),
        der.sequence(*hashes),
        der.sequence(der.printable("0108"), der.printable("040000")),
    )
    return write_tlv(0x77, signed_data(LDS_SECURITY_OBJECT, content, signer, at))
