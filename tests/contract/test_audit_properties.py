"""Whatever is done to a journal's file, an audit ends with an answer: no, unless nothing was done."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

import pytest
from audit_kit import BEGIN, Centre, Scribe, export
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqtt_schemas.audit import AuditKeys, AuditReport, FaultKind, read_keys, verify_files
from mqtt_schemas.errors import ContractError, Malformed
from mqtt_schemas.journal_file import EntryLine, FileKind, Header, JournalWriter, read_lines

SCRIBE = Scribe().many(10)
CENTRE = Centre()
KEYS = CENTRE.keys(SCRIBE)
FOLDER = Path(tempfile.mkdtemp(prefix="borne-audit-"))
GOOD = export(FOLDER / "good", SCRIBE, witnesses=[("centre", CENTRE.acknowledge(SCRIBE, 6))]).read_bytes()
LINES = GOOD.splitlines(keepends=True)


def audited(payload: bytes, keys: AuditKeys = KEYS) -> AuditReport | None:
    """None: no journal's file at all."""
    file = FOLDER / "tried"
    file.write_bytes(payload)
    try:
        return verify_files([file], keys)
    except ContractError:
        return None


@pytest.fixture(scope="module", autouse=True)
def cleared() -> object:
    yield
    for file in FOLDER.iterdir():
        file.unlink()
    FOLDER.rmdir()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(GOOD) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != GOOD[place]))
    report = audited(GOOD[:place] + bytes([byte]) + GOOD[place + 1 :])
    assert report is None or not report.ok


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_lines_taken_out_doubled_or_moved_are_found(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        one, other = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(("out", "double", "move", "exchange"))):
            case "out" if len(lines) > 1:
                del lines[one]
            case "double":
                lines.insert(other, lines[one])
            case "move":
                lines.insert(other, lines.pop(one))
            case _:
                lines[one], lines[other] = lines[other], lines[one]
    payload = b"".join(lines)
    report = audited(payload)
    assert report is None or report.ok is (payload == GOOD)
    if report is not None and payload != GOOD:
        assert not report.complete
        assert report.streams == () or report.streams[0].proven_upto <= 10


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.integers(0, len(GOOD)))
def test_any_bytes_put_in_give_an_answer(payload: bytes, place: int) -> None:
    report = audited(GOOD[:place] + payload + GOOD[place:])
    assert report is None or report.ok is (payload == b"")
    report = audited(payload)
    assert report is None or not report.ok


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.from_regex(rb'\{"v":"1\.5".*', fullmatch=True))
def test_any_bytes_as_keys_give_keys_or_a_typed_error(payload: bytes) -> None:
    try:
        keys = read_keys(payload)
    except ContractError:
        return
    assert isinstance(keys, AuditKeys)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=200) | st.text(max_size=100).map(str.encode), max_size=6))
def test_every_body_comes_back_byte_for_byte(bodies: list[bytes]) -> None:
    scribe = Scribe()
    for body in bodies:
        scribe.write(body)
    file = BytesIO()
    writer = JournalWriter(file, Header(kind=FileKind.PROOF, made_at=BEGIN))
    writer.segment(device=scribe.device, epoch=scribe.epoch, key=scribe.public, first=1, previous=Scribe(
        scribe.device, scribe.key, scribe.epoch
    ).head)  # fmt: skip
    for entry in scribe.entries:
        writer.entry(entry.sequence, body=entry.body, salt=entry.salt, head=entry.head, signature=entry.signature)
    writer.end()
    file.seek(0)
    lines = [line.value for line in read_lines(file)]
    assert [line.body for line in lines if isinstance(line, EntryLine)] == bodies
    assert not [line for line in lines if isinstance(line, Malformed)]
    report = audited(file.getvalue(), CENTRE.keys(scribe))
    assert report is not None
    strange = {fault.kind for fault in report.faults} - {FaultKind.OPENING, FaultKind.MISSING}
    assert not strange, "bodies that nobody understands prove all the same"


def test_a_thousand_foreign_entries_do_not_hold_the_audit_up() -> None:
    """Each is looked for under other numbers, but not for ever."""
    foreign = [line for line in LINES if b'"entry"' in line][0]
    report = audited(b"".join([*LINES[:2], *([foreign.replace(b'"n":1,', b'"n":2,')] * 3000)]))
    assert report is not None
    assert report.fault_count >= 3000
    assert len(report.faults) == 100
