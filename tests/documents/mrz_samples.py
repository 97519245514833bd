"""One fictional traveller, written in any format."""

from __future__ import annotations

import datetime

from border_agent.documents.mrz import Mrz, MrzFormat, build_mrz, parse_mrz

TODAY = datetime.date(2026, 11, 22)
VALUES: dict[str, object] = {
    "issuer": "UTO",
    "surname": "Sagesse",
    "given_names": "Aïcha Fanta",
    "number": "X4521907",
    "nationality": "UTO",
    "birth": datetime.date(1991, 2, 28),
    "sex": "F",
    "expiry": datetime.date(2031, 5, 6),
}
CODES = {
    MrzFormat.TD1: "I",
    MrzFormat.TD2: "I",
    MrzFormat.TD3: "P",
    MrzFormat.MRVA: "V",
    MrzFormat.MRVB: "V",
}


def lines(format: MrzFormat = MrzFormat.TD3, **changes: object) -> tuple[str, ...]:
    return build_mrz(format, **({"document_code": CODES[format]} | VALUES | changes))  # type: ignore[arg-type]


def read(text: str | bytes | tuple[str, ...]) -> Mrz:
    return parse_mrz("\n".join(text) if isinstance(text, tuple) else text, today=TODAY)
