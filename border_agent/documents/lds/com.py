"""EF.COM: which files a chip has (Doc 9303-10 section 4.6.1). It is not signed: EF.SOD's list counts."""

from __future__ import annotations

from dataclasses import dataclass

from border_agent.documents.lds.errors import LdsMalformed
from border_agent.documents.lds.templates import TAG_LIST, read_tag_list, read_template, value_of

_WHERE = "EF.COM"
_LARGEST = 1024
_TEMPLATE, _LDS_VERSION, _UNICODE_VERSION = 0x60, 0x5F01, 0x5F36


@dataclass(frozen=True)
class Com:
    """Versions as digits ("0107" for 1.7, "040000" for 4.0.0); one from the future is noted, not refused. `tags` are
    those of the files present, in their order."""

    lds_version: str
    unicode_version: str
    tags: tuple[int, ...]


def read_com(data: bytes) -> Com:
    """Raises `LdsMalformed`, `LdsTooLong`."""
    elements = read_template(data, _TEMPLATE, _WHERE, _LARGEST)
    return Com(
        lds_version=_digits(value_of(elements, _LDS_VERSION, _WHERE), 4, "LDS"),
        unicode_version=_digits(value_of(elements, _UNICODE_VERSION, _WHERE), 6, "Unicode"),
        tags=read_tag_list(value_of(elements, TAG_LIST, _WHERE), _WHERE),
    )


def _digits(value: bytes, length: int, name: str) -> str:
    if len(value) != length or not value.isdigit():
        raise LdsMalformed(_WHERE, f"{name} version is not {length} digits")
    return value.decode("ascii")
