"""Reading machine readable zones: framing, fields, dates, codes, and what is wrong with them."""

from __future__ import annotations

import datetime
import time

import pytest
from mrz_samples import TODAY, VALUES, lines, read

from border_agent.documents.mrz import (
    IssueCode,
    Mrz,
    MrzAlphabet,
    MrzError,
    MrzFormat,
    MrzTooLong,
    NotMrz,
    check_digit,
    mrz_information,
    parse_mrz,
    parse_sealed_mrv,
)


def issues(mrz: Mrz) -> set[tuple[str, IssueCode]]:
    return {(issue.field, issue.code) for issue in mrz.issues}


@pytest.mark.parametrize("format", list(MrzFormat))
def test_every_format_in_every_framing(format: MrzFormat) -> None:
    written = lines(format)
    mrz = read(written)
    assert mrz.valid and not mrz.issues and mrz.format is format and mrz.lines == written
    assert (mrz.surname, mrz.given_names, mrz.number, mrz.sex) == ("SAGESSE", "AICHA FANTA", "X4521907", "F")
    assert mrz.birth.known == VALUES["birth"] and mrz.expiry.known == VALUES["expiry"]
    has_composite = not format.startswith("MRV")
    assert any(check.field == "composite" for check in mrz.checks) == has_composite
    raw = [line.encode() for line in written]
    for framed in (
        b"\r".join(raw) + b"\r",
        b"\r\n".join(raw) + b"\r\n",
        b"".join(raw),
        b"\x02" + b"\r".join(raw) + b"\r\r\n\x03",
        b"  " + b" \n ".join(raw) + b"\x00",
    ):
        assert read(framed) == mrz


def test_ten_megabytes_are_refused_at_once() -> None:
    flood = b"P" * 10_000_000
    start = time.thread_time()
    with pytest.raises(MrzTooLong) as caught:
        read(flood)
    assert time.thread_time() - start < 0.5
    assert caught.value.code == "mrz.too_long"


@pytest.mark.parametrize("text", ["", "\r\n", "P<UTO", "A" * 87, "A" * 4096, "\n".join(["A" * 30] * 2)])
def test_other_lengths_are_no_zone(text: str) -> None:
    with pytest.raises(NotMrz):
        read(text)


def test_a_control_character_inside_is_refused() -> None:
    upper, lower = lines()
    with pytest.raises(MrzAlphabet):
        read((upper[:10] + "\x1b" + upper[11:], lower))


def test_a_letter_outside_the_alphabet_is_reported_and_kept() -> None:
    upper, lower = lines()
    mrz = read((upper[:6] + "Ä" + upper[7:] + "\n" + lower).encode("latin-1"))
    assert mrz.surname == "SÄGESSE"
    assert not mrz.valid and issues(mrz) == {("name", IssueCode.CHARACTER)}
    assert mrz.checks_ok, "no check digit covers a name"


def test_digits_have_no_place_in_names_and_states() -> None:
    upper, lower = lines()
    mrz = read(("P<UT0" + upper[5:8] + "6" + upper[9:], lower))
    assert issues(mrz) == {("issuer", IssueCode.CHARACTER), ("name", IssueCode.CHARACTER)}
    assert mrz.checks_ok and not mrz.valid


def test_states() -> None:
    germany = read(lines(issuer="D", nationality="D"))
    assert germany.lines[0].startswith("P<D<<SAGESSE") and germany.lines[1][10:13] == "D<<"
    assert (germany.issuer, germany.nationality) == ("D", "D") and not germany.issues
    assert not read(lines(nationality="XXB")).issues
    unknown = read(lines(issuer="UTQ"))
    assert issues(unknown) == {("issuer", IssueCode.STATE_UNKNOWN)} and unknown.valid


def test_document_codes() -> None:
    for format, code in ((MrzFormat.TD3, "PD"), (MrzFormat.TD1, "AC"), (MrzFormat.TD2, "ID")):
        assert read(lines(format, document_code=code)).document_code == code
    upper, lower = lines()
    assert issues(read(("Q" + upper[1:], lower))) == {("document_code", IssueCode.DOCUMENT_CODE_UNKNOWN)}
    card = lines(MrzFormat.TD2)
    assert issues(read(("IV" + card[0][2:], card[1]))) == {("document_code", IssueCode.DOCUMENT_CODE_UNKNOWN)}


def test_sex() -> None:
    unspecified = lines(sex="X")
    assert unspecified[1][20] == "<"
    assert read(unspecified).sex == "X" and not read(unspecified).issues
    upper, lower = lines()
    assert issues(read((upper, lower[:20] + "X" + lower[21:]))) == {("sex", IssueCode.SEX_NONSTANDARD)}
    odd = read((upper, lower[:20] + "8" + lower[21:]))
    assert odd.sex == "X" and ("sex", IssueCode.CHARACTER) in issues(odd) and not odd.valid


@pytest.mark.parametrize(
    ("raw", "known"),
    [
        ("91<<<<", (1991, None, None)),
        ("9102<<", (1991, 2, None)),
        ("91<<28", (1991, None, 28)),
        ("<<<<<<", (None, None, None)),
        ("<<0229", (None, 2, 29)),
        ("0002<<", (2000, 2, None)),
    ],
)
def test_partial_births_are_legal(raw: str, known: tuple[int | None, int | None, int | None]) -> None:
    mrz = read(lines(birth=raw))
    assert mrz.valid and not mrz.issues
    assert (mrz.birth.year, mrz.birth.month, mrz.birth.day) == known
    assert mrz.birth.raw == raw and mrz.birth.known is None


@pytest.mark.parametrize(
    "raw", ["911301", "910230", "910001", "910200", "9102<8", "<90228", "<<0230", "910431", "91<<00", "91<<32"]
)
def test_impossible_births(raw: str) -> None:
    upper, lower = lines()
    changed = lower[:13] + raw + check_digit(raw) + lower[20:43]
    mrz = read((upper, changed + check_digit(changed[:10] + changed[13:20] + changed[21:43])))
    assert mrz.checks_ok and not mrz.valid
    assert issues(mrz) == {("birth", IssueCode.DATE_IMPOSSIBLE)} and mrz.birth.known is None


def test_an_expiry_must_be_whole() -> None:
    upper, lower = lines()
    changed = lower[:21] + "3105<<" + check_digit("3105<<") + lower[28:43]
    mrz = read((upper, changed + check_digit(changed[:10] + changed[13:20] + changed[21:43])))
    assert mrz.checks_ok and issues(mrz) == {("expiry", IssueCode.DATE_INCOMPLETE)} and not mrz.valid
    assert mrz_information(mrz) is not None, "a chip opens with what is printed"


def test_centuries() -> None:
    def births(raw: str, today: datetime.date) -> int | None:
        return parse_mrz("\n".join(lines(birth=raw)), today=today).birth.year

    assert births("261122", datetime.date(2026, 11, 22)) == 2026
    assert births("261123", datetime.date(2026, 11, 22)) == 1926
    assert births("27<<<<", datetime.date(2026, 11, 22)) == 1927
    assert births("26<<<<", datetime.date(2026, 1, 1)) == 2026
    assert births("000229", datetime.date(2026, 1, 1)) == 2000

    def expires(year: int, today: datetime.date) -> int | None:
        upper, lower = lines(expiry=datetime.date(year, 3, 1))
        return parse_mrz(upper + lower, today=today).expiry.year

    assert expires(2009, datetime.date(2026, 1, 1)) == 2009
    assert expires(2075, datetime.date(2026, 1, 1)) == 2075
    assert expires(1976, datetime.date(2026, 1, 1)) == 2076, "equally far: the later"
    assert expires(1977, datetime.date(2026, 1, 1)) == 1977
    assert expires(2001, datetime.date(1995, 1, 1)) == 2001


@pytest.mark.parametrize("today", [datetime.date.min, datetime.date.max])
def test_a_clock_at_its_end_breaks_nothing(today: datetime.date) -> None:
    for raw in ("000229", "991231", "010101"):
        parse_mrz("".join(lines(birth=raw)), today=today)


def test_optional_digit_of_an_empty_field_may_be_left_out() -> None:
    upper, lower = lines()
    assert lower[28:43] == "<" * 14 + "0"
    left_out = lower[:42] + "<" + check_digit(lower[:10] + lower[13:20] + lower[21:42] + "<")
    assert read((upper, lower)).valid and read((upper, left_out)).valid
    wrong = lower[:42] + "7" + lower[43]
    assert [check.field for check in read((upper, wrong)).checks if not check.ok] == ["optional", "composite"]
    with_data = lines(optional="AB12")
    left_out = with_data[1][:42] + "<" + with_data[1][43]
    assert "optional" in {check.field for check in read((with_data[0], left_out)).checks if not check.ok}


def test_composites_reach_to_the_last_place_they_cover() -> None:
    """Slices counted by hand from Doc 9303-5, -6 and -4, every optional field full."""
    upper, lower, _ = lines(MrzFormat.TD1, optional="A1B2C3D4E5F6G7H", optional2="Z9Y8X7W6V5T")
    assert lower[29] == check_digit(upper[5:30] + lower[0:7] + lower[8:15] + lower[18:29])
    upper, lower = lines(MrzFormat.TD2, optional="A1B2C3D")
    assert lower[35] == check_digit(lower[0:10] + lower[13:20] + lower[21:35])
    upper, lower = lines(MrzFormat.TD3, optional="A1B2C3D4E5F6G7")
    assert lower[42] == check_digit("A1B2C3D4E5F6G7")
    assert lower[43] == check_digit(lower[0:10] + lower[13:20] + lower[21:43])


@pytest.mark.parametrize("format", [MrzFormat.TD1, MrzFormat.TD2])
def test_long_numbers(format: MrzFormat) -> None:
    longest = 22 if format is MrzFormat.TD1 else 14
    for length in range(10, longest + 1):
        number = ("Z9" * 11)[:length]
        mrz = read(lines(format, number=number))
        assert mrz.valid and mrz.number == number and mrz.optional == ""
        assert mrz_information(mrz) is not None
        assert mrz_information(mrz).startswith(number + check_digit(number))  # type: ignore[union-attr]
    with_more = read(lines(format, number="Z987654321", optional="A7" if format is MrzFormat.TD2 else "A7B9"))
    assert with_more.number == "Z987654321" and with_more.optional in ("A7", "A7B9")


def test_a_number_may_hold_fillers() -> None:
    mrz = read(lines(number="AB-123 4"))
    assert mrz.lines[1].startswith("AB<123<4<") and mrz.number == "AB1234" and mrz.valid
    assert mrz_information(mrz) is not None and mrz_information(mrz).startswith("AB<123<4<")  # type: ignore[union-attr]


def test_an_empty_number_is_missing() -> None:
    upper, lower = lines()
    changed = "<<<<<<<<<0" + lower[10:43]
    mrz = read((upper, changed + check_digit(changed[:10] + changed[13:20] + changed[21:43])))
    assert mrz.checks_ok and not mrz.valid and issues(mrz) == {("number", IssueCode.MISSING)}


@pytest.mark.parametrize("format", [MrzFormat.MRVA, MrzFormat.MRVB])
def test_a_visa_from_a_signed_code(format: MrzFormat) -> None:
    upper, lower = lines(format, optional="B7")
    whole = read((upper, lower))
    sealed = parse_sealed_mrv(upper, lower[:28], today=TODAY)
    assert sealed.valid and sealed.format is format and sealed.optional == "" and whole.optional == "B7"
    assert sealed.lines == (upper, lower[:28] + "<" * (len(upper) - 28))
    assert (sealed.surname, sealed.number, sealed.expiry) == (whole.surname, whole.number, whole.expiry)
    for first, second in ((upper[1:], lower[:28]), (upper, lower), (upper, lower[:27]), ("", "")):
        with pytest.raises(NotMrz):
            parse_sealed_mrv(first, second, today=TODAY)


def test_a_passport_in_a_visas_place_is_said_to_be_none() -> None:
    upper, lower = lines()
    sealed = parse_sealed_mrv(upper, lower[:28], today=TODAY)
    assert issues(sealed) == {("document_code", IssueCode.DOCUMENT_CODE_UNKNOWN)}


def test_errors_carry_no_personal_data() -> None:
    upper, lower = lines()
    for text in (upper, upper + "\x07" + lower, (upper + lower) * 60):
        with pytest.raises(MrzError) as caught:
            read(text)
        assert "SAGESSE" not in str(caught.value)
