"""Commands and answers: short and extended, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from border_agent.documents.chip.apdu import LARGEST_RESPONSE, CommandApdu, ResponseApdu, read_command, read_response
from border_agent.documents.chip.errors import ChipError, Reason

commands = st.builds(
    CommandApdu,
    cla=st.integers(0, 255),
    ins=st.integers(0, 255),
    p1=st.integers(0, 255),
    p2=st.integers(0, 255),
    data=st.binary(max_size=300),
    ne=st.none() | st.integers(1, 65_536),
)


@given(commands)
def test_commands_survive_their_bytes(command: CommandApdu) -> None:
    assert read_command(command.encode()) == command
    if command.data or command.ne is not None:
        assert read_command(command.encode(extended=True)) == command
    if not command.needs_extended:
        assert read_command(command.encode(extended=False)) == command


@pytest.mark.parametrize(
    ("command", "encoded"),
    [
        (CommandApdu(0, 0x84, 0, 0, ne=8), "0084000008"),
        (CommandApdu(0, 0xB0, 0, 0, ne=256), "00B0000000"),
        (CommandApdu(0, 0xB0, 0, 0, ne=65_536), "00B00000000000"),
        (CommandApdu(0, 0xB0, 0, 0, ne=257), "00B00000000101"),
        (CommandApdu(0, 0xA4, 2, 0x0C, b"\x01\x1e"), "00A4020C02011E"),
        (CommandApdu(0, 0x86, 0, 0, b"\x7c\x00", 256), "00860000027C0000"),
        (CommandApdu(0, 0x22, 1, 2), "00220102"),
    ],
)
def test_commands_as_the_standard_writes_them(command: CommandApdu, encoded: str) -> None:
    assert command.encode().hex().upper() == encoded


def test_what_no_command_carries_is_a_mistake() -> None:
    for command in (CommandApdu(0, 0, 0, 0, bytes(65_536)), CommandApdu(0, 0, 0, 0, ne=65_537)):
        with pytest.raises(ValueError):
            command.encode()
    with pytest.raises(ValueError):
        CommandApdu(0, 0, 0, 0, bytes(256)).encode(extended=False)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_command_or_a_value_error(raw: bytes) -> None:
    try:
        command = read_command(raw)
    except ValueError:
        return
    assert read_command(command.encode()) == command


@given(st.binary(max_size=40))
def test_any_bytes_are_an_answer_or_a_typed_error(raw: bytes) -> None:
    if len(raw) < 2:
        with pytest.raises(ChipError):
            read_response(raw)
        return
    response = read_response(raw)
    assert response.encode() == raw and response.sw1 == raw[-2]


def test_answers_are_bounded() -> None:
    assert read_response(bytes(LARGEST_RESPONSE)) == ResponseApdu(bytes(65_536), 0)
    with pytest.raises(ChipError) as refused:
        read_response(bytes(LARGEST_RESPONSE + 1))
    assert refused.value.reason is Reason.length
