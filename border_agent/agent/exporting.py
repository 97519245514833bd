"""A period of the journal as a file that proves itself, for an auditor: line by line JSON, and a check of it.

    {"line": "header", "device", "epoch", "public_key", "since", "until", "software", "exported_at"}
    {"line": "stream", "epoch", "device", "first", "last", "previous"}       one for each epoch with entries
    {"line": "secret", "epoch", "first", "secret"}                          salts of the days it covers
    {"line": "entry", "epoch", "sequence", "body", "digest", "head", "signature"}
    {"line": "end", "entries", "sha256", "signature"}

Bytes are hexadecimal, `body` is the entry's exact text. The period is whole days (UTC) by when entries were
recorded; what lies between its first and last entry is all there, so the chain can be recomputed. The device signs
the SHA-256 of every line before the last, so that no byte can be changed, and a file that broke off has no end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from border_agent.clock import Clock
from border_agent.errors import BorneError
from border_agent.store import Store
from border_agent.store.sqlcipher import Connection
from mqtt_schemas import chain
from mqtt_schemas.errors import BadSignature

MOST_DAYS = 3660
PIECE_BYTES = 65536
MOST_FAULTS = 100

_STATEMENT = b"borne/v1/export\0"
_RECORDED = "CASE WHEN json_valid(CAST(body AS TEXT)) THEN json_extract(CAST(body AS TEXT), '$.recorded_at') END"

Act = Callable[[str, str, str, dict[str, str]], object]
"""Writes an officer's act: number, act, subject, details (`agent.officers.Acts.note`)."""


class WrongPeriod(BorneError):
    """A period that ends before it begins, or is longer than ten years."""

    code = "export.period"


class Exporting:
    """Exports of one device's journal. Calls may come from any thread."""

    def __init__(
        self, *, store: Store, device: str, key: Ed25519PrivateKey, clock: Clock, software: str, act: Act
    ) -> None:
        self._store = store
        self._device = device
        self._key = key
        self._clock = clock
        self._software = software
        self._act = act

    def export(self, since: date, until: date, officer: str) -> Iterator[bytes]:
        """The file in pieces, both days included; the act is in the journal before the first of them.

        Raises WrongPeriod, StoreError: at once, or between two pieces.
        """
        if not timedelta(0) <= until - since <= timedelta(days=MOST_DAYS):
            raise WrongPeriod("period", f"{since} to {until}")
        self._act(officer, "exported", "journal", {"since": since.isoformat(), "until": until.isoformat()})
        return self._pieces(since, until)

    def _pieces(self, since: date, until: date) -> Iterator[bytes]:
        hashed = sha256()
        piece = bytearray()
        entries = 0
        for line in self._lines(since, until):
            entries += line["line"] == "entry"
            written = msgspec.json.encode(line) + b"\n"
            hashed.update(written)
            piece += written
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        signature = self._key.sign(_STATEMENT + hashed.digest())
        end = {"line": "end", "entries": entries, "sha256": hashed.hexdigest(), "signature": signature.hex()}
        yield bytes(piece) + msgspec.json.encode(end) + b"\n"

    def _lines(self, since: date, until: date) -> Iterator[dict[str, Any]]:
        with self._store.opened() as connection:
            connection.execute("BEGIN")
            streams = connection.execute("SELECT id, epoch, device FROM stream ORDER BY id").fetchall()
            yield {
                "line": "header",
                "device": self._device,
                "epoch": streams[-1][1].hex() if streams else "",
                "public_key": self._key.public_key().public_bytes_raw().hex(),
                "since": since,
                "until": until,
                "software": self._software,
                "exported_at": self._clock.now(),
            }
            for stream, epoch, device in streams:
                yield from _stream_lines(connection, stream, bytes(epoch), device, since, until)


def _stream_lines(
    connection: Connection, stream: int, epoch: bytes, device: str, since: date, until: date
) -> Iterator[dict[str, Any]]:
    # Entries' times have a fixed beginning, so a day compares as text. The clock may have been set back in between:
    # the period is everything from the first to the last entry within it.
    first, last = connection.execute(
        f"SELECT min(sequence), max(sequence) FROM journal WHERE stream = ?"  # noqa: S608
        f" AND {_RECORDED} >= ? AND {_RECORDED} < ?",
        (stream, since.isoformat(), (until + timedelta(days=1)).isoformat()),
    ).fetchone()
    if first is None:
        return
    previous = connection.execute(
        "SELECT head FROM journal WHERE stream = ? AND sequence = ?", (stream, first - 1)
    ).fetchone()
    yield {
        "line": "stream",
        "epoch": epoch.hex(),
        "device": device,
        "first": first,
        "last": last,
        "previous": (bytes(previous[0]) if previous is not None else chain.genesis(device, epoch)).hex(),
    }
    for start, secret in connection.execute(
        "SELECT first, secret FROM secret WHERE stream = ? AND first <= ? AND first >="
        " (SELECT max(first) FROM secret WHERE stream = ? AND first <= ?) ORDER BY first",
        (stream, last, stream, first),
    ):
        yield {"line": "secret", "epoch": epoch.hex(), "first": start, "secret": bytes(secret).hex()}
    for sequence, body, digest, head, signature in connection.execute(
        "SELECT sequence, body, digest, head, signature FROM journal"
        " WHERE stream = ? AND sequence BETWEEN ? AND ? ORDER BY sequence",
        (stream, first, last),
    ):
        yield {
            "line": "entry",
            "epoch": epoch.hex(),
            "sequence": sequence,
            **_body(bytes(body)),
            "digest": bytes(digest).hex(),
            "head": bytes(head).hex(),
            "signature": bytes(signature).hex(),
        }


def _body(body: bytes) -> dict[str, str]:
    """As text; bytes that are none (somebody changed them) as hexadecimal, and the check will say so."""
    try:
        return {"body": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"body_hex": body.hex()}


class ExportFault(Struct, frozen=True):
    """One thing wrong with an export: `sequence` 0 is the file as a whole."""

    what: str
    """`line`, `key`, `order`, `digest`, `chain`, `signature`, `end`."""
    sequence: int


class ExportReport(Struct, frozen=True, kw_only=True):
    """What checking an export found. `faults` holds the first 100."""

    ok: bool
    device: str
    public_key: str
    entries: int
    faults: tuple[ExportFault, ...]


def verify_export(lines: Iterable[bytes], key: Ed25519PublicKey | None = None) -> ExportReport:
    """Recompute an export line by line. Never raises for what is in the file.

    `key`: the device's, known from elsewhere. Without it the file's own is taken, which proves that the file is
    whole, and not whose it is.
    """
    check = _ExportCheck(key)
    for line in lines:
        check.line(line)
    check.finish()
    return ExportReport(
        ok=not check.faults,
        device=check.device,
        public_key=check.public_key,
        entries=check.entries,
        faults=tuple(check.faults[:MOST_FAULTS]),
    )


class _ExportCheck:
    def __init__(self, key: Ed25519PublicKey | None) -> None:
        self._key = key
        self._hashed = sha256()
        self._epoch, self._device, self._head = b"", "", b""
        self._next, self._last = 0, 0
        self._secrets: dict[int, bytes] = {}
        self._secret = b""
        self._ended = False
        self.device = self.public_key = ""
        self.entries = 0
        self.faults: list[ExportFault] = []

    def line(self, line: bytes) -> None:
        try:
            found = msgspec.json.decode(line)
            kind = found["line"]
            if self._ended or (kind == "header") != (not self.device):
                return self._fault("order", 0)
            if kind != "end":
                self._hashed.update(line if line.endswith(b"\n") else line + b"\n")
            match kind:
                case "header":
                    self._header(found)
                case "stream":
                    self._stream(found)
                case "secret":
                    self._secrets[int(found["first"])] = bytes.fromhex(found["secret"])
                case "entry":
                    self._entry(found)
                case "end":
                    self._end(found)
                case _:
                    self._fault("line", 0)
        except (msgspec.MsgspecError, UnicodeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
            self._fault("line", 0)
        return None

    def finish(self) -> None:
        self._stream_over()
        if not self._ended:
            self._fault("end", 0)

    def _header(self, found: dict[str, Any]) -> None:
        self.device, self.public_key = str(found["device"]), str(found["public_key"])
        raw = bytes.fromhex(self.public_key)
        if self._key is None:
            self._key = Ed25519PublicKey.from_public_bytes(raw)
        elif self._key.public_bytes_raw() != raw:
            self._fault("key", 0)

    def _stream(self, found: dict[str, Any]) -> None:
        self._stream_over()
        self._epoch, self._device = bytes.fromhex(found["epoch"]), str(found["device"])
        self._head = bytes.fromhex(found["previous"])
        self._next, self._last = int(found["first"]), int(found["last"])
        self._secrets, self._secret = {}, b""
        if self._next == 1 and self._head != chain.genesis(self._device, self._epoch):
            self._fault("chain", 1)

    def _stream_over(self) -> None:
        if self._next and self._next != self._last + 1:
            self._fault("order", self._next)

    def _entry(self, found: dict[str, Any]) -> None:
        sequence = int(found["sequence"])
        if sequence != self._next or bytes.fromhex(found["epoch"]) != self._epoch:
            self._fault("order", sequence)
        self._next = sequence + 1
        self.entries += 1
        if not self._secret:
            self._secret = self._secrets[max(first for first in self._secrets if first <= sequence)]
        self._secret = self._secrets.get(sequence, self._secret)
        body = found["body"].encode() if "body" in found else bytes.fromhex(found["body_hex"])
        digest = chain.digest(chain.salt(self._secret, self._epoch, sequence), body)
        if digest != bytes.fromhex(found["digest"]):
            self._fault("digest", sequence)
        stored = bytes.fromhex(found["head"])
        if chain.link(self._head, sequence, digest) != stored:
            self._fault("chain", sequence)
        self._head = stored
        try:
            if self._key is not None:
                chain.verify_head(
                    self._key, self._device, self._epoch, sequence, stored, bytes.fromhex(found["signature"])
                )
        except BadSignature:
            self._fault("signature", sequence)

    def _end(self, found: dict[str, Any]) -> None:
        self._ended = True
        digest = self._hashed.digest()
        if found["entries"] != self.entries or found["sha256"] != digest.hex():
            self._fault("end", 0)
        try:
            if self._key is not None:
                self._key.verify(bytes.fromhex(found["signature"]), _STATEMENT + digest)
        except InvalidSignature:
            self._fault("signature", 0)

    def _fault(self, what: str, sequence: int) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(ExportFault(what, sequence))
