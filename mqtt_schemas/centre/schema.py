"""The data centre's tables. Additive only: a new version appends one script to `MIGRATIONS`.

What a device said and what was published can neither be changed nor erased by a mistake in code: triggers
refuse it, and the connection's `recursive_triggers` makes REPLACE fire them too. A stream's mark never goes
back.
"""

from __future__ import annotations

_APPEND_ONLY = ("journal", "secret", "head_signature", "quarantine", "feed_change", "keys_document")


def _guard(table: str) -> str:
    return "".join(
        f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;\n"
        for event in ("UPDATE", "DELETE")
    )


_VERSION_1 = """
CREATE TABLE device (
    id TEXT PRIMARY KEY,
    post TEXT NOT NULL,
    journal_key BLOB NOT NULL CHECK (length(journal_key) = 32),
    certificate BLOB NOT NULL,          -- SHA-256 of the TLS certificate; empty: known by its name only
    state TEXT NOT NULL CHECK (state IN ('enrolled', 'retired')),
    enrolled_at TEXT NOT NULL,
    retired_at TEXT
) STRICT;

CREATE TABLE device_state (
    device TEXT PRIMARY KEY REFERENCES device (id),
    online INTEGER NOT NULL,
    state BLOB NOT NULL,                -- the State message as it came
    received_at TEXT NOT NULL
) STRICT;

CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL REFERENCES device (id),
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    journal_key BLOB NOT NULL,          -- that signs it: outlives a later enrolment with another key
    mark INTEGER NOT NULL,              -- last sequence stored
    head BLOB NOT NULL,
    opened_at TEXT NOT NULL,
    closed_at TEXT,
    closed_as TEXT,
    UNIQUE (device, epoch)
) STRICT;

CREATE TABLE journal (
    stream INTEGER NOT NULL REFERENCES stream (id),
    sequence INTEGER NOT NULL,
    body BLOB NOT NULL,                 -- the exact bytes
    digest BLOB NOT NULL,
    head BLOB NOT NULL,
    kind TEXT NOT NULL,                 -- 'unknown' where this side cannot read the body
    inspection TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    received_at TEXT NOT NULL,
    PRIMARY KEY (stream, sequence)
) STRICT;
CREATE INDEX journal_movement ON journal (inspection) WHERE kind = 'movement';
CREATE INDEX journal_unknown ON journal (stream, sequence) WHERE kind = 'unknown';

CREATE TABLE secret (
    stream INTEGER NOT NULL REFERENCES stream (id),
    first INTEGER NOT NULL,
    secret BLOB NOT NULL,
    PRIMARY KEY (stream, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE head_signature (
    stream INTEGER NOT NULL REFERENCES stream (id),
    sequence INTEGER NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (stream, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    sha256 BLOB NOT NULL UNIQUE,
    payload BLOB NOT NULL,
    received_at TEXT NOT NULL
) STRICT;
CREATE INDEX quarantine_device ON quarantine (device);

CREATE TABLE alarm (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL,
    device TEXT NOT NULL,
    subject TEXT NOT NULL,              -- epoch or feed: one open alarm for each (code, device, subject)
    detail TEXT NOT NULL,
    latest TEXT NOT NULL,
    times INTEGER NOT NULL,
    raised_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    closed_at TEXT
) STRICT;
CREATE UNIQUE INDEX alarm_open ON alarm (code, device, subject) WHERE closed_at IS NULL;

CREATE TABLE feed (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    head BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE feed_change (
    feed TEXT NOT NULL REFERENCES feed (name),
    version INTEGER NOT NULL,
    change BLOB NOT NULL,               -- the exact bytes
    head BLOB NOT NULL,
    imported_at TEXT NOT NULL,
    PRIMARY KEY (feed, version)
) STRICT;

CREATE TABLE feed_record (
    feed TEXT NOT NULL REFERENCES feed (name),
    key TEXT NOT NULL,
    version INTEGER NOT NULL,           -- of the change that put it
    PRIMARY KEY (feed, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE keys_document (
    version INTEGER PRIMARY KEY,
    document BLOB NOT NULL,             -- Signed, as it is published
    installed_at TEXT NOT NULL
) STRICT;

CREATE TRIGGER stream_mark BEFORE UPDATE ON stream WHEN NEW.mark < OLD.mark
    BEGIN SELECT RAISE(ABORT, 'a mark never goes back'); END;
CREATE TRIGGER stream_no_delete BEFORE DELETE ON stream
    BEGIN SELECT RAISE(ABORT, 'streams are kept'); END;
"""

_VERSION_2 = """
ALTER TABLE device ADD COLUMN role TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN sealing_key BLOB NOT NULL DEFAULT x''
    CHECK (length(sealing_key) IN (0, 32));
"""

MIGRATIONS: tuple[str, ...] = (_VERSION_1 + "".join(_guard(table) for table in _APPEND_ONLY), _VERSION_2)
"""Scripts in order; a database's `user_version` is the number of those it has."""
