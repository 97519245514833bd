"""Entries by field instead of by row, and back: `pack` and `unpack`.

Each row is cut into sections where the fields of an entry begin that repeat in their own way (`CUTS`). A section's
distinct texts are written once, and for each row which one it has. What differs in every text (ids, times, hashes,
distances, the document) is taken out into streams (`streams`); what is left is a template, and those repeat too.
Wherever the cuts fall and whatever is taken out, putting it together again gives the same bytes: nothing here has to
understand JSON, and an entry of a newer minor version is only packed less well.

What entries just before the packed ones say again need not be written again: with them given, their texts and
templates are there from the beginning. Both ends must have the same ones, and have: a stream is taken contiguously.

    small area: how many streams there are, the streams (`streams.put_stream`), then for each section
        new templates << 5 | new texts << 2 | form      (7: beyond six; the number follows)
        form 0: each row has a text of its own, in order; 1: all have one, whose place follows; 2: the places of all;
        3: which texts come again, which rows have the next new text, and the others' places among those that do
        before these the hashes' table and places, where there are any in the templates, and each new text's template
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mqtt_schemas.columns.areas import LARGEST, MOST_BEFORE, WHERE, Reader, Writer, leans_on
from mqtt_schemas.columns.sections import Section, Sources
from mqtt_schemas.columns.streams import CONTROLS, KINDS, OCCURRED, TOLD_BY, Told, get_stream, put_stream, time_of
from mqtt_schemas.errors import Malformed, TooLarge

CUTS = (
    b',"document":',
    b',"visa":',
    b',"signature":',
    b',"entries":',
    b',"faces":',
    b',"findings":',
    b',"proposal":',
    b',"officer":',
    b',"regime":',
    b',"lists":',
    b',"evidence":',
    b',"second_officer":',
    b',"chip":',
    b',"access":',
    b',"authenticity":',
    b',"passive":',
    b',"agrees":',
)
SECTIONS = len(CUTS) + 1
_FACES = 1 + CUTS.index(b',"faces":')


def pack(rows: Sequence[bytes], device: str, before: Sequence[bytes] = ()) -> bytes | None:
    """Rows by columns; None where `unpack` would not give back every byte of them.

    `before`: the entries just before these in the stream, the oldest first, 64 at most; who unpacks has them too.
    """
    joined = b"".join(rows)
    if not rows or len(before) > MOST_BEFORE or len(joined.translate(None, CONTROLS)) != len(joined):
        return None
    writer = Writer()
    sections, base, said = _lean_on(before, device)
    values: dict[int, list[bytes]] = {}
    for section, column in zip(sections, zip(*map(cut, rows), strict=True), strict=True):
        section.take(column, values)
    writer.count(len(values))
    numbers: dict[int, Sequence[int] | None] = {}
    for mark in sorted(values):
        told = Told(base if mark == OCCURRED else 0, numbers.get(TOLD_BY.get(mark, 0)))
        numbers[mark] = put_stream(writer, mark, values[mark], len(rows), told)
    for section in sections:
        section.put(writer)
    packed = writer.pack(len(before), said)
    try:
        same = unpack(packed, device, len(joined), len(rows), lambda _: before) == list(rows)
    except (Malformed, TooLarge):
        return None
    return packed if same else None


def unpack(
    packed: bytes, device: str, size: int, count: int, before: Callable[[int], Sequence[bytes]] | None = None
) -> list[bytes]:
    """The rows, `count` of them, `size` bytes together. `before(n)`: the n entries just before, the oldest first.

    Never builds more than was announced. Raises UnknownVersion, TooLarge or Malformed.
    """
    wanted = leans_on(packed)
    known = before(wanted) if before is not None and wanted else ()
    if len(known) != wanted:
        raise Malformed(WHERE, f"leans on {wanted} entries before, of which {len(known)} are here")
    sections, base, said = _lean_on(known, device)
    reader = Reader(packed, said)
    streams: dict[int, list[bytes]] = {}
    numbers: dict[int, Sequence[int] | None] = {}
    for _ in range(reader.count(len(KINDS))):
        head = reader.small(1)[0]
        mark = head & 31
        if mark in streams or mark not in KINDS:
            raise Malformed(WHERE, f"stream {mark} twice, or unknown")
        told = Told(base if mark == OCCURRED else 0, numbers.get(TOLD_BY.get(mark, 0)))
        streams[mark], numbers[mark] = get_stream(reader, head, count, told)
    sources = Sources(streams, size)
    found = [section.get(reader, sources, count) for section in sections]
    columns = [column for column, _ in found]
    reader.finish()
    sources.finish()
    # Nothing is put together that could be much more than was announced.
    if sum(longest for _, longest in found) * count > LARGEST:
        _hold(sum(sum(map(len, column)) for column in columns), size)
    rows = list(map(b"".join, zip(*columns, strict=True)))
    _hold(sum(map(len, rows)), size)
    return rows


def _hold(found: int, announced: int) -> None:
    if found != announced:
        raise Malformed(WHERE, f"{announced} bytes announced, {found} found")


def _lean_on(before: Sequence[bytes], device: str) -> tuple[list[Section], int, bytes]:
    """The sections with what entries before say, the last one's time, and all their templates."""
    sections = [Section(b"" if place else device.encode(), numbers=place == _FACES) for place in range(SECTIONS)]
    if not before:
        return sections, 0, b""
    values: dict[int, list[bytes]] = {}
    for section, column in zip(sections, zip(*map(cut, before), strict=True), strict=True):
        section.take(column, values)
        section.known()
    times = values.get(OCCURRED)
    return sections, time_of(times[-1]) if times else 0, b"".join(section.said for section in sections)


def cut(row: bytes) -> list[bytes]:
    """A row's sections, in order; those whose cut is not found are empty."""
    parts, section, begin = [b""] * SECTIONS, 0, 0
    for place, mark in enumerate(CUTS, start=1):
        found = row.find(mark, begin)
        if found >= 0:
            parts[section] = row[begin:found]
            section, begin = place, found
    parts[section] = row[begin:]
    return parts
