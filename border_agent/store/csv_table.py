"""Tables as CSV (RFC 4180) that a spreadsheet opens as what they are: no cell of text can begin a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Final

from msgspec import Struct

_BEGIN_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_table(rows: Iterable[Struct], kind: type[Struct], headings: Mapping[str, str] | None = None) -> str:
    """Rows of one kind with a heading line: CRLF, texts quoted, numbers with a point, moments as RFC 3339.

    `headings`: other words for fields, by their name. A text that a spreadsheet would take for a formula gets an
    apostrophe before it.
    """
    names = kind.__struct_fields__
    written = io.StringIO(newline="")
    # All texts are quoted: a spreadsheet that parts cells by semicolons must not find one inside a text.
    writer = csv.writer(written, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([_cell((headings or {}).get(name, name)) for name in names])
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in names])
    return written.getvalue()


def _cell(value: object) -> str | int | float:
    match value:
        case bool():
            return int(value)
        case Enum():
            return _guarded(str(value.value))
        case int() | float():
            return value
        case datetime() | date():
            return value.isoformat()
        case None:
            return ""
        case _:
            return _guarded(str(value).replace("\x00", ""))


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_BEGIN_FORMULA) else text
