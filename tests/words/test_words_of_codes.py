"""Codes that are no errors and no findings, but that people read all the same, have words in both languages."""

from __future__ import annotations

from enum import StrEnum

import pytest

from border_agent.inspection.evidence import Step
from border_agent.inspection.findings import SafeCode
from border_agent.inspection.verdict import Proposal
from border_agent.reporting import ProblemCode
from border_agent.words import has
from mqtt_schemas.centre.values import AlarmCode


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("alarm", AlarmCode),
        ("problem", ProblemCode),
        ("step", Step),
        ("verdict", Proposal),
        ("traveller", SafeCode),
    ],
)
def test_every_code_has_words(prefix: str, codes: type[StrEnum]) -> None:
    missing = [code for code in codes if not has(f"{prefix}.{code.value}")]
    assert not missing
