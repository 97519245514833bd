"""The code on a slip: what is printed is found again, however a person types it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.errors import BorneError
from border_agent.inspection.slip import (
    ALPHABET,
    QR_PREFIX,
    NoSlipCode,
    id_for_slip,
    read_slip,
    read_slip_code,
    slip_code,
)

IDS = st.text("0123456789abcdef", min_size=32, max_size=32)


@pytest.mark.parametrize(
    ("start", "code"),
    [("00000000", "000000"), ("ffffffff", "ZZZZZZ"), ("00000004", "000001"), ("00000003", "000000")],
)
def test_it_is_the_first_thirty_bits_of_the_id(start: str, code: str) -> None:
    assert slip_code(start + "0" * 24) == code


@given(IDS)
def test_every_id_has_a_code_that_reads_as_itself(inspection: str) -> None:
    code = slip_code(inspection)
    assert len(code) == 6 and set(code) <= set(ALPHABET)
    assert int(inspection, 16) >> 98 == sum(ALPHABET.index(one) << 5 * n for n, one in enumerate(reversed(code)))
    misread = code.lower().replace("0", "o").replace("1", "l")
    for typed in (code, code.lower(), misread, misread.replace("l", "I"), f"{code[:3]}-{code[3:]}", f" {code} "):
        assert read_slip_code(typed) == code


@pytest.mark.parametrize("typed", ["", "K7Q2F", "K7Q2FDD", "K7Q2FU", "K7Q2F\n", "K7Q2F٣", "-" * 99, "K" * 10**6])
def test_what_is_no_code_is_a_typed_error(typed: str) -> None:
    with pytest.raises(NoSlipCode):
        read_slip_code(typed)


@given(st.text())
def test_any_text_is_a_code_or_a_typed_error(typed: str) -> None:
    try:
        assert len(read_slip_code(typed)) == 6
    except BorneError:
        pass


@given(IDS)
def test_a_scanned_slip_gives_its_id_and_a_typed_one_an_id_of_the_same_code(inspection: str) -> None:
    code = slip_code(inspection)
    assert read_slip(f" {QR_PREFIX}{inspection}\r") == (code, inspection)
    assert id_for_slip(QR_PREFIX + inspection) == inspection
    assert read_slip(code.lower()) == (code, "")
    made = id_for_slip(code)
    assert len(made) == 32 and slip_code(made) == code and made != id_for_slip(code)


@pytest.mark.parametrize("typed", ["borne:", "borne:" + "g" * 32, "borne:" + "0" * 31, "BORNE:" + "0" * 32])
def test_what_only_looks_like_a_slip_is_a_typed_error(typed: str) -> None:
    with pytest.raises(NoSlipCode):
        read_slip(typed)
