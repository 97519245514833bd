"""Third-party strings, names and check digits, each with the verdict its source states."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from border_agent.documents.mrz import (
    IssueCode,
    Mrz,
    MrzAlphabet,
    MrzFormat,
    NotMrz,
    check_digit,
    mrz_information,
    parse_mrz,
)
from border_agent.documents.mrz.layout import LAYOUTS
from border_agent.documents.mrz.names import read_name, write_name

TODAY = datetime.date(2026, 11, 22)
CHECK_NAMES = {
    "document_number": "number",
    "date_of_birth": "birth",
    "date_of_expiry": "expiry",
    "optional_data": "optional",
    "composite": "composite",
}
STRUCTURAL = {
    IssueCode.CHARACTER,
    IssueCode.DATE_IMPOSSIBLE,
    IssueCode.DATE_INCOMPLETE,
    IssueCode.NAME_STRUCTURE,
}


@pytest.fixture(scope="module")
def strings(conformance: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((conformance / "mrz" / "strings.json").read_text())
    return loaded


def fields_of(mrz: Mrz) -> dict[str, str]:
    return {
        "document_code": mrz.document_code,
        "issuing_state": mrz.issuer,
        "document_number": mrz.number,
        "nationality": mrz.nationality,
        "date_of_birth": mrz.birth.raw,
        "sex": mrz.sex,
        "date_of_expiry": mrz.expiry.raw,
        "optional_data": mrz.optional,
        "optional_data_2": mrz.optional2,
        "primary_identifier": mrz.surname,
        "secondary_identifier": mrz.given_names,
    }


def bad_fields(mrz: Mrz) -> set[str]:
    back = {ours: theirs for theirs, ours in CHECK_NAMES.items()}
    failing = {back[check.field] for check in mrz.checks if not check.ok}
    return failing | {back.get(issue.field, issue.field) for issue in mrz.issues if issue.code in STRUCTURAL}


def test_every_string_gets_its_verdict(strings: dict[str, Any]) -> None:
    assert len(strings["strings"]) == 58
    for case in strings["strings"]:
        expect = case["expect"]
        if case["format"] is None:
            assert expect["reason"] == "length"
            with pytest.raises(NotMrz):
                parse_mrz("\n".join(case["lines"]), today=TODAY)
            continue
        for text in ("\r".join(case["lines"]), "\n".join(case["lines"]) + "\r\n", "".join(case["lines"])):
            mrz = parse_mrz(text.encode("ascii"), today=TODAY)
            assert mrz.lines == tuple(case["lines"]), case["id"]
        assert mrz.format == case["format"], case["id"]
        if expect["valid"] is not None:
            assert mrz.valid == expect["valid"], case["id"]
        read = fields_of(mrz)
        for field, value in expect.get("fields", {}).items():
            assert read[field] == value, (case["id"], field)
        verdicts = {check.field: check.ok for check in mrz.checks}
        stated = {CHECK_NAMES[field]: ok for field, ok in expect["check_digits"].items()}
        assert verdicts == stated, case["id"]
        if "bad_fields" in expect:
            assert bad_fields(mrz) == set(expect["bad_fields"]), case["id"]
        if expect.get("mrz_information") is not None:
            assert mrz_information(mrz) == expect["mrz_information"], case["id"]
        if case["format"].startswith("MRV"):
            assert mrz_information(mrz) is None
        if "mrz_information_usable" in expect:
            assert (mrz_information(mrz) is not None) == expect["mrz_information_usable"], case["id"]
        assert mrz.name_truncated == expect.get("name_may_be_truncated", False), case["id"]


def test_every_name_line_is_read_and_written(strings: dict[str, Any]) -> None:
    assert len(strings["names"]) == 61
    written = 0
    for case in strings["names"]:
        layout = LAYOUTS[MrzFormat(case["format"])]
        field = case["line"][layout.name.start :] if layout.format is not MrzFormat.TD1 else case["line"]
        read = read_name(field)
        expect = case["expect"]
        assert read.well_formed
        assert read.name.surname == expect["primary_identifier"], case["line"]
        assert read.name.given_names == expect["secondary_identifier"], case["line"]
        assert read.name.truncated == expect["may_be_truncated"], case["line"]
        surname, _, given = case["visual_zone"].partition(", ")
        own = write_name(surname, given, len(field))
        if not case["truncated"]:
            assert own == field
            written += 1
        else:
            # Several ways of cutting are allowed; whichever is taken, the last position shows it.
            assert len(own) == len(field) and own[-1] != "<"
    assert written > 30


def test_check_digits(strings: dict[str, Any]) -> None:
    assert len(strings["check_digits"]) == 6
    for case in strings["check_digits"]:
        if case["digit"] is None:
            with pytest.raises(MrzAlphabet):
                check_digit(case["data"])
        else:
            assert check_digit(case["data"]) == case["digit"]
