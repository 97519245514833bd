"""What the centre acknowledges is kept as it came: the proof that reaches an auditor without anybody's good word."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from reporting_kit import DEVICE, Post, TrueCentre, event, wait_for

from border_agent.store import witness
from border_agent.store.export import Range, export_journal
from mqtt_schemas.audit import read_keys, verify_files
from mqtt_schemas.centre.audit_keys import keys_file


def test_a_journal_sent_over_the_line_is_witnessed_by_the_centre(
    device: Post, centre: TrueCentre, tmp_path: Path
) -> None:
    with device:
        for _ in range(30):
            device.journal.commit([event()])
        wait_for(lambda: device.journal.mark().sequence == 31)
        file = tmp_path / "journal.jsonl"
        now = datetime.now(UTC)
        exported = export_journal(device.store, device.key, file, Range(), made_at=now, software="test")
        with device.store.reading() as connection:
            (kept,) = witness.of_stream(connection, 1)
    assert exported.witnesses == 1
    assert (kept.sequence, kept.source) == (31, witness.CENTRE)
    report = verify_files([file], read_keys(keys_file(centre.folder, now)))
    assert report.ok, report.faults
    (stream,) = report.streams
    assert (stream.device, stream.witnessed_upto, stream.witnessed_by, stream.unwitnessed) == (
        DEVICE,
        31,
        "centre",
        0,
    )
