"""Fictional visas and signers."""

from __future__ import annotations

import datetime
import functools

from border_agent.documents.mrz import MrzFormat, build_mrz
from border_agent.seals import VisaContent, VisaSigner, encode_visa, make_signer

ISSUED = datetime.date(2026, 10, 1)
VALID_FROM = datetime.date(2026, 11, 1)
VALID_UNTIL = datetime.date(2027, 4, 30)
PORTRAIT = bytes(range(32))


@functools.cache
def signer() -> VisaSigner:
    return make_signer(not_before=datetime.date(2026, 1, 1), not_after=datetime.date(2036, 1, 1))


def content(format: MrzFormat = MrzFormat.MRVB, **changes: object) -> VisaContent:
    upper, lower = build_mrz(
        format,
        document_code="V",
        issuer="UTO",
        surname="Sagesse",
        given_names="Aïcha Fanta",
        number="EV0042",
        nationality="CMR",
        birth=datetime.date(1991, 2, 28),
        sex="F",
        expiry=VALID_UNTIL,
        optional="OPT",
    )
    values: dict[str, object] = {
        "issuer": "UTO",
        "issued": ISSUED,
        "mrz_lines": (upper, lower),
        "passport_number": "X4521907",
        "entries": 1,
        "duration_days": 30,
        "visa_type": "C",
        "visa_id": "00f1e2d3c4b5a697",
        "portrait_sha256": PORTRAIT,
        "valid_from": VALID_FROM,
    }
    return VisaContent(**(values | changes))  # type: ignore[arg-type]


def visa_text(format: MrzFormat = MrzFormat.MRVB, *, compress: bool = False, **changes: object) -> bytes:
    return encode_visa(content(format, **changes), signer(), compress=compress).encode("ascii")
