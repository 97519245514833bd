"""Machine readable zones under random values, random bytes and single misread characters."""

from __future__ import annotations

import datetime
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mrz_samples import CODES, TODAY, VALUES, lines

from border_agent.documents.mrz import Mrz, MrzError, MrzFormat, build_mrz, parse_mrz, parse_sealed_mrv
from border_agent.documents.mrz.layout import LAYOUTS
from border_agent.documents.mrz.states import STATE_CODES

ALPHABET = string.digits + string.ascii_uppercase + "<"
VALUE = {character: value for value, character in enumerate(string.digits + string.ascii_uppercase)} | {"<": 0}

words = st.lists(st.text(string.ascii_uppercase, min_size=1, max_size=9), min_size=1, max_size=3).map(" ".join)
states = st.sampled_from(sorted(STATE_CODES))
births = st.dates(datetime.date(1926, 11, 23), TODAY)
expiries = st.dates(datetime.date(1977, 1, 1), datetime.date(2075, 12, 31))
data = st.text(string.digits + string.ascii_uppercase, max_size=5)


@st.composite
def people(draw: st.DrawFn) -> tuple[MrzFormat, dict[str, object]]:
    format = draw(st.sampled_from(list(MrzFormat)))
    longest = {MrzFormat.TD1: 17, MrzFormat.TD2: 14}.get(format, 9)
    number = draw(st.text(string.digits + string.ascii_uppercase, min_size=1, max_size=longest))
    return format, {
        "document_code": CODES[format],
        "issuer": draw(states),
        "surname": draw(words),
        "given_names": draw(st.one_of(st.just(""), words)),
        "number": number,
        "nationality": draw(states),
        "birth": draw(births),
        "sex": draw(st.sampled_from("MFX")),
        "expiry": draw(expiries),
        "optional": draw(data) if format is not MrzFormat.TD2 or len(number) <= 9 else "",
        "optional2": draw(data) if format is MrzFormat.TD1 else "",
    }


@settings(deadline=None)
@given(people())
def test_what_is_written_is_read_back(person: tuple[MrzFormat, dict[str, object]]) -> None:
    format, values = person
    written = build_mrz(format, **values)  # type: ignore[arg-type]
    mrz = parse_mrz("".join(written), today=TODAY)
    assert mrz.valid and not mrz.issues and mrz.format is format
    for field in ("document_code", "issuer", "number", "nationality", "sex", "optional", "optional2"):
        assert getattr(mrz, field) == values[field], field
    assert mrz.birth.known == values["birth"] and mrz.expiry.known == values["expiry"]
    if not mrz.name_truncated:
        assert (mrz.surname, mrz.given_names) == (values["surname"], values["given_names"])
    else:
        for cut, whole in ((mrz.surname, values["surname"]), (mrz.given_names, values["given_names"])):
            assert isinstance(whole, str)
            assert all(w.startswith(c) for c, w in zip(cut.split(), whole.split(), strict=False))


def total(text: str | bytes) -> Mrz | None:
    """The zone, or None for a typed error; anything else fails the test."""
    try:
        mrz = parse_mrz(text, today=TODAY)
    except MrzError:
        return None
    assert isinstance(mrz.valid, bool)
    return mrz


@settings(deadline=None)
@given(st.binary(max_size=400))
@example(b"\xff" * 88)
@example(b"V" + b"\x80" * 71)
@example(b"\r" * 4096)
def test_bytes_give_a_zone_or_a_typed_error(raw: bytes) -> None:
    total(raw)


@settings(deadline=None)
@given(st.sampled_from([72, 88, 90]), st.data())
def test_text_of_the_right_length_gives_a_zone_or_a_typed_error(length: int, draws: st.DataObject) -> None:
    characters = st.one_of(st.sampled_from(ALPHABET), st.characters())
    total("".join(draws.draw(st.lists(characters, min_size=length, max_size=length))))


@settings(deadline=None)
@given(st.sampled_from([36, 44]), st.data(), st.dates())
def test_sealed_lines_give_a_visa(width: int, draws: st.DataObject, today: datetime.date) -> None:
    first = draws.draw(st.text(ALPHABET, min_size=width, max_size=width))
    second = draws.draw(st.text(ALPHABET, min_size=28, max_size=28))
    assert parse_sealed_mrv(first, second, today=today).format.startswith("MRV")


def covered(format: MrzFormat) -> list[tuple[int, int, str]]:
    """Every place a check digit covers, with the digit's field."""
    layout = LAYOUTS[format]
    spans = [("number", layout.number), ("birth", layout.birth), ("expiry", layout.expiry)]
    if layout.optional_check is not None:
        spans.append(("optional", layout.optional))
    spans += [("composite", span) for span in layout.composite]
    return [(span.line, place, field) for field, span in spans for place in range(span.start, span.stop)]


@pytest.mark.parametrize("format", list(MrzFormat))
def test_one_misread_character_is_found_as_far_as_the_weights_allow(format: MrzFormat) -> None:
    """All weights are prime to ten: only a character whose value differs by a multiple of ten slips through."""
    optional = {MrzFormat.TD3: "ZE184226B", MrzFormat.TD1: "ZE184226B"}.get(format, "ZE184")
    written = lines(format, optional=optional, number="L898902C3")
    slipped = 0
    for line, position, field in covered(format):
        before = written[line][position]
        for character in ALPHABET:
            changed = list(written)
            changed[line] = changed[line][:position] + character + changed[line][position + 1 :]
            mrz = parse_mrz("".join(changed), today=TODAY)
            slips = (VALUE[character] - VALUE[before]) % 10 == 0
            assert {check.field: check.ok for check in mrz.checks}[field] == slips
            assert slips or not (mrz.checks_ok or mrz.valid)
            slipped += slips and character != before and mrz.valid
    assert slipped > 0, "the weights are not perfect, and this test knows it"


def test_a_misread_name_is_seen_by_no_check_digit() -> None:
    """The reason why names are compared with the chip and with the visa."""
    upper, lower = lines(surname="SAGESSE")
    mrz = parse_mrz(upper.replace("SAGESSE", "SAGESSF") + lower, today=TODAY)
    assert mrz.valid and mrz.surname != str(VALUES["surname"]).upper()
