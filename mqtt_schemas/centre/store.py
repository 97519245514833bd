"""What the data centre keeps of its devices and their journals."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any

from mqtt_schemas.centre.database import Database, stamp
from mqtt_schemas.centre.values import Alarm, AlarmNote, Device, DeviceStatus, Judgement, Stream
from mqtt_schemas.chain import genesis

QUARANTINED_MOST = 100
"""Payloads kept for each device: what it sends beyond is counted in the alarm, so it cannot fill the disk."""

TAIL_UNKNOWN = "tail_unknown"
"""How a stream is closed when its device opens another: whether it had more entries, nobody knows."""

_LONGEST_DETAIL = 500
_DEVICE = "SELECT id, post, journal_key, certificate, state, role, sealing_key, sealed_to FROM device"
_JOURNAL = ("stream", "sequence", "body", "digest", "head", "kind", "inspection", "occurred_at", "received_at")
_STREAM = "SELECT id, device, epoch, journal_key, mark, head, closed_at IS NULL FROM stream"


class Store:
    """Devices, streams, journal, quarantine and alarms.

    It is what `ingest` judges by (`ingest.Known`), and what carries its judgements out. Raises what Database
    raises.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def device(self, name: str) -> Device | None:
        row = self.database.one(f"{_DEVICE} WHERE id = ?", [name])
        return None if row is None else _device(row)

    def devices(self) -> list[Device]:
        rows = self.database.rows(f"{_DEVICE} ORDER BY id")
        return [_device(row) for row in rows]

    def put_device(self, device: Device, at: datetime) -> None:
        """Enrol a device, or enrol it anew."""
        self.database.execute(
            "INSERT INTO device (id, post, journal_key, certificate, state, role, sealing_key, sealed_to,"
            " enrolled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET post = excluded.post,"
            " journal_key = excluded.journal_key, certificate = excluded.certificate,"
            " state = excluded.state, role = excluded.role, sealing_key = excluded.sealing_key,"
            " sealed_to = excluded.sealed_to, enrolled_at = excluded.enrolled_at, retired_at = NULL",
            [
                device.id,
                device.post,
                device.journal_key,
                device.certificate,
                device.status,
                device.role,
                device.sealing_key,
                device.sealed_to,
                stamp(at),
            ],
        )

    def retire_device(self, name: str, at: datetime) -> None:
        """From now on nothing more is taken from it; what it sent stays."""
        self.database.execute(
            "UPDATE device SET state = ?, retired_at = ? WHERE id = ?",
            [DeviceStatus.RETIRED, stamp(at), name],
        )

    def keep_state(self, name: str, payload: bytes, *, online: bool, at: datetime) -> None:
        """The newest word of an enrolled device about itself."""
        self.database.execute(
            "INSERT INTO device_state (device, online, state, received_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (device) DO UPDATE SET online = excluded.online, received_at = excluded.received_at,"
            # A last will says only that it is gone: where its journal ended is in the hello before.
            " state = CASE WHEN excluded.online = 0 THEN device_state.state ELSE excluded.state END",
            [name, int(online), payload, stamp(at)],
        )

    def stream(self, device: str, epoch: bytes) -> Stream | None:
        row = self.database.one(f"{_STREAM} WHERE device = ? AND epoch = ?", [device, epoch])
        return None if row is None else _stream(row)

    def stream_of(self, number: int) -> Stream:
        """The stream that rows of the journal name."""
        return _stream(self.database.one(f"{_STREAM} WHERE id = ?", [number]))

    def streams(self) -> list[Stream]:
        return [_stream(row) for row in self.database.rows(f"{_STREAM} ORDER BY id")]

    def open_streams(self, device: str) -> tuple[Stream, ...]:
        rows = self.database.rows(f"{_STREAM} WHERE device = ? AND closed_at IS NULL ORDER BY id", [device])
        return tuple(_stream(row) for row in rows)

    def head_at(self, stream: Stream, sequence: int) -> bytes | None:
        if sequence == 0:
            return genesis(stream.device, stream.epoch)
        if sequence == stream.mark:
            return stream.head
        row = self.database.one("SELECT head FROM journal WHERE stream = ? AND sequence = ?", [stream.id, sequence])
        return None if row is None else bytes(row[0])

    def bodies_before(self, stream: Stream, sequence: int, most: int) -> list[bytes]:
        rows = self.database.rows(
            "SELECT body FROM journal WHERE stream = ? AND sequence >= ? AND sequence < ? ORDER BY sequence",
            [stream.id, sequence - most, sequence],
        )
        return [bytes(row[0]) for row in rows]

    def secret_before(self, stream: Stream, sequence: int) -> dict[int, bytes]:
        rows = self.database.rows(
            "SELECT first, secret FROM secret WHERE stream = ? AND first < ? ORDER BY first DESC LIMIT 1",
            [stream.id, sequence],
        )
        return dict(rows)

    def apply(self, judgement: Judgement, payload: bytes, at: datetime) -> None:
        """Store what a judgement says, inside a transaction; once that is committed it may be told."""
        if judgement.entries:
            self._take(judgement, stamp(at))
        for note in judgement.alarms:
            self.raise_alarm(note, judgement.device, at)
        if judgement.quarantine:
            self._quarantine(judgement, payload, at)

    def raise_alarm(self, note: AlarmNote, device: str, at: datetime) -> None:
        """A new alarm, or one time more of the one that is open."""
        self.database.execute(
            "INSERT INTO alarm (code, device, subject, detail, latest, times, raised_at, last_at)"
            " VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5, ?5)"
            " ON CONFLICT (code, device, subject) WHERE closed_at IS NULL"
            " DO UPDATE SET times = alarm.times + 1, latest = excluded.latest, last_at = excluded.last_at",
            [note.code, device, note.subject, _detail(note), stamp(at)],
        )

    def alarms(self, *, closed_too: bool = False) -> list[Alarm]:
        """Alarms, the oldest first."""
        rows = self.database.rows(
            "SELECT id, code, device, subject, detail, latest, times, raised_at, last_at, closed_at IS NULL"
            " FROM alarm WHERE closed_at IS NULL OR ? ORDER BY id",
            [closed_too],
        )
        return [
            Alarm(
                number=row[0],
                code=row[1],
                device=row[2],
                subject=row[3],
                detail=row[4],
                latest=row[5],
                times=row[6],
                raised_at=row[7],
                last_at=row[8],
                open=bool(row[9]),
            )
            for row in rows
        ]

    def close_alarm(self, number: int, at: datetime) -> None:
        """A person has seen to it; the next time raises a new one."""
        self.database.execute(
            "UPDATE alarm SET closed_at = ? WHERE id = ? AND closed_at IS NULL", [stamp(at), number]
        )

    def _take(self, judgement: Judgement, received: str) -> None:
        stream = self._open(judgement, received) if judgement.stream is None else judgement.stream.id
        self.database.insert(
            "journal",
            _JOURNAL,
            [
                (
                    stream,
                    entry.sequence,
                    entry.body,
                    entry.digest,
                    entry.head,
                    entry.kind,
                    entry.inspection,
                    entry.occurred_at,
                    received,
                )
                for entry in judgement.entries
            ],
        )
        secrets = [(stream, item.first, item.secret) for item in judgement.secrets]
        self.database.insert("secret", ("stream", "first", "secret"), secrets)
        last = judgement.entries[-1]
        self.database.execute(
            "INSERT INTO head_signature (stream, sequence, signature) VALUES (?, ?, ?)",
            [stream, last.sequence, judgement.signature],
        )
        self.database.execute("UPDATE stream SET mark = ?, head = ? WHERE id = ?", [last.sequence, last.head, stream])

    def _open(self, judgement: Judgement, received: str) -> int:
        self.database.execute_many(
            "UPDATE stream SET closed_at = ?, closed_as = ? WHERE id = ?",
            [(received, TAIL_UNKNOWN, stream.id) for stream in judgement.closes],
        )
        (number,) = self.database.one(
            "INSERT INTO stream (device, epoch, journal_key, mark, head, opened_at)"
            " VALUES (?, ?, ?, 0, ?, ?) RETURNING id",
            [judgement.device, judgement.epoch, judgement.journal_key, b"", received],
        )
        return int(number)

    def _quarantine(self, judgement: Judgement, payload: bytes, at: datetime) -> None:
        (held,) = self.database.one("SELECT count(*) FROM quarantine WHERE device = ?", [judgement.device])
        if held < QUARANTINED_MOST:
            self.database.execute(
                "INSERT INTO quarantine (device, reason, detail, sha256, payload, received_at)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
                [
                    judgement.device,
                    judgement.quarantine,
                    _detail(judgement.alarms[0]),
                    sha256(payload).digest(),
                    payload,
                    stamp(at),
                ],
            )


def _detail(note: AlarmNote) -> str:
    # It may quote a device, and PostgreSQL keeps no NUL in a text.
    return note.detail.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_LONGEST_DETAIL]


def _device(row: Any) -> Device:
    name, post, journal_key, certificate, state, role, sealing_key, sealed_to = row
    return Device(name, post, journal_key, certificate, DeviceStatus(state), role, sealing_key, sealed_to)


def _stream(row: Any) -> Stream:
    number, device, epoch, journal_key, mark, head, is_open = row
    return Stream(number, device, epoch, journal_key, mark, head, bool(is_open))
