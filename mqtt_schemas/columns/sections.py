"""A section of all rows: its distinct texts, the templates these are made of, and which row has which text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import compress

from mqtt_schemas.columns.areas import WHERE, Reader, Writer
from mqtt_schemas.columns.numbers import get_places, put_places
from mqtt_schemas.columns.streams import DERIVED, DOCUMENTS, HASH, NUMBERS, TEXTS, mark_of
from mqtt_schemas.columns.words import DICTIONARY
from mqtt_schemas.columns.zone import DOCUMENT, LAYOUTS, layout_of, rebuilt
from mqtt_schemas.entries import derived_id_of
from mqtt_schemas.errors import Malformed, TooLarge

_ENTRY = re.compile(
    rb'\{"kind":"(?P<kind>[a-z_]{1,40})","id":"(?P<id>[0-9a-f]{32})","occurred_at":"[^"]*","recorded_at":'
    rb'"(?P<recorded>[^"]*)","clock":"[a-z]*","inspection_id":"(?P<inspection>[0-9a-f]{32})"'
)
_DERIVED = re.compile(
    rb'\{"kind":"([a-z_]{1,40})","id":"\x01","occurred_at":"\x05","recorded_at":"\x06","clock":"[a-z]*",'
    rb'"inspection_id":"\x04"'
)
_HASHES = re.compile(rb'(?<=")[0-9a-f]{64}(?=")')
_KNOWN_HASHES = frozenset(_HASHES.findall(DICTIONARY))
"""They are cheaper as text."""
_MARKS = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f]")
_HASH = bytes([HASH])
_MARK = tuple(bytes([mark]) for mark in range(0x20))

_EACH, _ONE, _PLACES, _AGAIN = 0, 1, 2, 3
_BEYOND = 7

Values = dict[int, list[bytes]]
_Fill = tuple[bytes, list[Iterator[bytes]] | None, Callable[[tuple[bytes, ...]], bytes] | None]


class Section:
    """Filled from rows and written, or read back into rows; either after it was filled with what came before."""

    def __init__(self, device: bytes, *, numbers: bool) -> None:
        """`numbers`: it holds numbers that differ from entry to entry, and no such texts."""
        self._pattern = NUMBERS if numbers else TEXTS
        self._device = device
        """Whose ids follow from the rest of an entry; empty: this section has no entry's id."""
        self._texts: dict[bytes, int] = {}
        self._templates: dict[bytes, int] = {}
        self._known_texts = self._known_templates = 0
        self._of_texts: list[int] = []
        """The template of each text that is not known."""
        self._of_rows: list[int] = []

    def take(self, column: Sequence[bytes], values: Values) -> None:
        """Fill it with this section's text of each row. Values go to the ends of their streams."""
        texts = self._texts
        fresh = [text for text in dict.fromkeys(column) if text not in texts]
        for text, (layout, found) in zip(fresh, _documents(fresh), strict=True):
            template = self._template(text, layout, found, values)
            texts[text] = len(texts)
            self._of_texts.append(self._templates.setdefault(template, len(self._templates)))
        self._of_rows = [texts[text] for text in column]

    def _template(self, text: bytes, layout: int, document: re.Match[bytes] | None, values: Values) -> bytes:
        """A text with marks where its values were."""
        pieces, begin = [], 0
        if document is not None:
            mark = DOCUMENTS[layout]
            values.setdefault(mark, []).append(document[0])
            pieces += [text[: document.start()], _MARK[mark]]
            begin = document.end()
        derived = self._derived(text) if self._device else -1
        for found in self._pattern.finditer(text, begin):
            place = found.lastindex or 0
            start, stop = found.span(place)
            if start == derived:
                mark = DERIVED
            else:
                mark = mark_of(text, found)
                values.setdefault(mark, []).append(found[place])
            pieces += [text[begin:start], _MARK[mark]]
            begin = stop
        pieces.append(text[begin:])
        return b"".join(pieces)

    def _derived(self, text: bytes) -> int:
        """Where an id stands that follows from the rest of its entry; -1 where there is none."""
        entry = _ENTRY.match(text)
        if entry is None:
            return -1
        wanted = derived_id_of(self._device, entry["kind"], entry["inspection"], entry["recorded"])
        return entry.start("id") if entry["id"] == wanted else -1

    def known(self) -> None:
        """What it was filled with so far need not be written."""
        self._known_texts, self._known_templates = len(self._texts), len(self._templates)
        self._of_texts, self._of_rows = [], []

    @property
    def said(self) -> bytes:
        """The templates."""
        return b"\0".join(self._templates)

    def put(self, writer: Writer) -> None:
        """Write what is not known, and which text each row has."""
        templates = list(self._templates)
        known, fresh = templates[: self._known_templates], templates[self._known_templates :]
        texts, places = len(self._texts) - self._known_texts, self._of_rows
        again = _Again(places, self._known_texts, len(self._texts))
        if places == list(range(self._known_texts, self._known_texts + len(places))):
            form = _EACH
        elif len(set(places)) == 1:
            form = _ONE
        else:
            form = _AGAIN if again.bits < len(places) * (len(self._texts) - 1).bit_length() else _PLACES
        said = 0 if form == _EACH else texts
        writer.small.append(min(len(fresh), _BEYOND) << 5 | min(said, _BEYOND) << 2 | form)
        for number in (len(fresh), said):
            if number >= _BEYOND:
                writer.count(number)
        _put_templates(writer, fresh, known)
        put_places(writer, self._of_texts, len(self._templates))
        if form == _ONE and len(self._texts) > 1:
            writer.count(len(self._texts) - 1 - places[0])
        elif form == _PLACES:
            put_places(writer, [len(self._texts) - 1 - place for place in places], len(self._texts))
        elif form == _AGAIN:
            again.put(writer)

    def get(self, reader: Reader, sources: Sources, rows: int) -> tuple[list[bytes], int]:
        """Read this section's text of each row, and how long the longest may be."""
        head = reader.small(1)[0]
        templates, said, form = head >> 5, head >> 2 & 7, head & 3
        templates = reader.count(rows) if templates == _BEYOND else templates
        said = reader.count(rows) if said == _BEYOND else said
        fresh = rows if form == _EACH else said
        raw = [*self._templates, *_get_templates(reader, templates, list(self._templates))]
        of_texts = get_places(reader, fresh, len(raw))
        built = _build(raw, self._known_templates, of_texts, sources, self._device)
        longest = max(map(len, (*self._texts, *built)), default=0)
        if form == _EACH:
            return built, longest
        texts = [*self._texts, *built]
        if not texts:
            raise Malformed(WHERE, "rows without a text")
        last = len(texts) - 1
        if form == _ONE:
            return [texts[last - (reader.count(last) if last else 0)]] * rows, longest
        if form == _AGAIN:
            return _read_again(reader, texts, built, rows), longest
        texts.reverse()
        return list(map(texts.__getitem__, get_places(reader, rows, len(texts)))), longest


class _Again:
    """Rows of which many have a text of their own, in order, and the others one of a few that come again."""

    def __init__(self, places: Sequence[int], known: int, texts: int) -> None:
        fresh, others = [], []
        for place in places:
            fresh.append(place == known)
            if place == known:
                known += 1
            else:
                others.append(place)
        come = set(others)
        table = {place: number for number, place in enumerate(sorted(come))}
        self._come = [place in come for place in range(texts)]
        self._fresh = fresh
        self._others = [table[place] for place in others]
        self._table = len(table)
        self.bits = texts + len(places) + len(others) * max(len(table) - 1, 0).bit_length()
        """About so many bits it takes."""

    def put(self, writer: Writer) -> None:
        put_places(writer, self._come, 2)
        put_places(writer, self._fresh, 2)
        put_places(writer, self._others, self._table)


def _read_again(reader: Reader, texts: Sequence[bytes], built: Sequence[bytes], rows: int) -> list[bytes]:
    table = list(compress(texts, get_places(reader, len(texts), 2)))
    fresh = bytes(get_places(reader, rows, 2))
    number = fresh.count(1)
    if number != len(built):
        raise Malformed(WHERE, "texts that no row has, or rows without")
    answer, place = list(built), -1
    for other in get_places(reader, rows - number, len(table)):
        place = fresh.index(0, place + 1)
        answer.insert(place, table[other])
    return answer


class Sources:
    """What the streams still hold, and how many bytes may still be built."""

    def __init__(self, streams: Values, size: int) -> None:
        self._left = {mark: len(values) for mark, values in streams.items()}
        self._values = {mark: iter(values) for mark, values in streams.items()}
        self._room = size

    def take(self, marks: Counter[int], size: int) -> None:
        """So many values of each stream are taken, and texts of so many bytes built beside them.

        Raises Malformed where there are not so many, TooLarge beyond what was announced.
        """
        for mark, number in marks.items():
            left = self._left.get(mark, 0) - number
            if left < 0:
                raise Malformed(WHERE, "more values wanted than there are")
            self._left[mark] = left
        self._room -= size
        if self._room < 0:
            raise TooLarge(WHERE, "more than was announced")

    def of(self, marks: bytes) -> list[Iterator[bytes]]:
        """The values for these marks, one after the other."""
        return [self._values[mark] for mark in marks]

    def finish(self) -> None:
        """Raises Malformed where values are left over."""
        if any(self._left.values()):
            raise Malformed(WHERE, "values left over")


def _documents(texts: Sequence[bytes]) -> list[tuple[int, re.Match[bytes] | None]]:
    """For each text the layout and the place of a document that follows from its lines; None where there is none."""
    answers: list[tuple[int, re.Match[bytes] | None]] = [(0, None)] * len(texts)
    by_layout: dict[int, list[tuple[int, re.Match[bytes], list[bytes]]]] = {}
    for place, text in enumerate(texts):
        found = DOCUMENT.search(text) if b'"lines"' in text else None
        if found is not None:
            lines = [line for line in found.groups() if line is not None]
            layout = layout_of(lines)
            if layout is not None:
                by_layout.setdefault(layout, []).append((place, found, lines))
    for layout, those in by_layout.items():
        again = rebuilt(LAYOUTS[layout], [lines for _, _, lines in those])
        for (place, found, _), text in zip(those, again, strict=True):
            if found[0] == text:
                answers[place] = (layout, found)
    return answers


def _hashes(templates: Sequence[bytes]) -> list[bytes]:
    return [text for text in _HASHES.findall(b"\0".join(templates)) if text not in _KNOWN_HASHES]


def _put_templates(writer: Writer, templates: Sequence[bytes], known: Sequence[bytes]) -> None:
    writer.texts([_HASHES.sub(_hidden, template) for template in templates])
    hashes, table = _hashes(templates), list(dict.fromkeys(_hashes(known)))
    if hashes:
        fresh = [text for text in dict.fromkeys(hashes) if text not in table]
        places = {text: place for place, text in enumerate((*table, *fresh))}
        writer.count(len(fresh))
        writer.raw += bytes.fromhex(b"".join(fresh).decode())
        put_places(writer, [places[text] for text in hashes], len(places))


def _hidden(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0] in _KNOWN_HASHES else _HASH


def _get_templates(reader: Reader, number: int, known: Sequence[bytes]) -> list[bytes]:
    templates = reader.texts(number)
    wanted = sum(template.count(_HASH) for template in templates)
    if not wanted:
        return templates
    fresh = reader.count()
    plain = reader.raw(32 * fresh).hex().encode()
    table = [*dict.fromkeys(_hashes(known)), *(plain[place : place + 64] for place in range(0, len(plain), 64))]
    names = iter([table[place] for place in get_places(reader, wanted, len(table))])
    return [_HASH_MARK.sub(lambda _: next(names), template) for template in templates]


_HASH_MARK = re.compile(_HASH)


def _build(
    templates: list[bytes], known: int, of_texts: Sequence[int], sources: Sources, device: bytes
) -> list[bytes]:
    """Texts from their templates and the next values of the streams."""
    used = Counter(of_texts)
    if not all(place in used for place in range(known, len(templates))):
        raise Malformed(WHERE, "a template that nothing has")
    marks = {place: b"".join(_MARKS.findall(templates[place])) for place in used}
    wanted: Counter[int] = Counter()
    size = 0
    for place, number in used.items():
        size += number * (len(templates[place]) - len(marks[place]))
        for mark in marks[place]:
            wanted[mark] += number
    wanted.pop(DERIVED, None)
    sources.take(wanted, size)
    fills = {place: _fill(templates[place], marks[place], sources, device) for place in used}
    return [
        text
        if values is None
        else text % tuple(map(next, values))
        if derive is None
        else derive(tuple(map(next, values)))
        for text, values, derive in map(fills.__getitem__, of_texts)
    ]


def _fill(template: bytes, marks: bytes, sources: Sources, device: bytes) -> _Fill:
    """How a template becomes a text: itself, or a pattern, its values, and what adds an id that follows from them."""
    if not marks:
        return template, None, None
    pattern = _MARKS.sub(b"%b", template.replace(b"%", b"%%"))
    if DERIVED not in marks:
        return pattern, sources.of(marks), None
    found = _DERIVED.match(template)
    if found is None or not device or marks.count(DERIVED) != 1:
        raise Malformed(WHERE, "an id that follows from nothing")
    kind = found[1]

    def derive(values: tuple[bytes, ...]) -> bytes:
        return pattern % (derived_id_of(device, kind, values[2], values[1]), *values)

    return pattern, sources.of(marks.replace(bytes([DERIVED]), b"")), derive
