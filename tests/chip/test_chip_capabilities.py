"""What a chip says of its buffers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.documents.chip.capabilities import Capabilities, read_atr, read_atr_info


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", Capabilities()),
        ("4703000040", Capabilities(extended=True)),
        ("4703000000", Capabilities(extended=False)),
        ("47030000407F66080202100002020800", Capabilities(extended=True, longest_answer=0x800)),
        ("47030000407F6608020210000202", Capabilities()),
        ("7F660402020800", Capabilities()),
    ],
)
def test_the_file(data: str, expected: Capabilities) -> None:
    assert read_atr_info(bytes.fromhex(data)) == expected


@pytest.mark.parametrize(
    ("capabilities", "size"),
    [
        (Capabilities(), 256),
        (Capabilities(extended=False, longest_answer=4096), 256),
        (Capabilities(extended=True), 256),
        (Capabilities(extended=True, longest_answer=4096), 4094),
        (Capabilities(extended=True, longest_answer=1 << 30), 65_536),
        (Capabilities(extended=True, longest_answer=10), 256),
    ],
)
def test_the_length_of_answers(capabilities: Capabilities, size: int) -> None:
    assert capabilities.answer_size == size


@pytest.mark.parametrize(
    ("atr", "extended"),
    [
        ("3B87800180318073800140 85", True),
        ("3B87800180318073800100 C5", False),
        ("3B80800101", None),
        ("3B8480010031807385", None),
        ("3B848001807380", None),
        ("3BFF", None),
        ("", None),
    ],
)
def test_the_answer_to_reset(atr: str, extended: bool | None) -> None:
    assert read_atr(bytes.fromhex(atr)).extended is extended


@given(st.binary(max_size=60))
def test_any_bytes_say_something_or_nothing(data: bytes) -> None:
    assert 256 <= read_atr(data).answer_size <= 65_536
    assert 256 <= read_atr_info(data).answer_size <= 65_536
