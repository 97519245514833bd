"""The data centre's tables. Additive only: a new version appends one `Migration` to `MIGRATIONS`.

Scripts are written once, in SQLite's words; each store (`sqlite.py`, `postgres.py`) says them in its own. They keep
to TEXT, INTEGER and BLOB, `INTEGER PRIMARY KEY` for a number the store gives, `x''` for no bytes, STRICT.

What a device said and what was published can neither be changed nor erased by a mistake in code: rules, which each
store makes triggers of, refuse it. A stream's mark never goes back.
"""

from __future__ import annotations

from msgspec import Struct


class Rule(Struct, frozen=True):
    """What no statement may do to a table's rows."""

    name: str
    table: str
    event: str
    """UPDATE or DELETE."""
    message: str
    when: str = ""
    """Only then, of NEW and OLD; empty: always."""


class Migration(Struct, frozen=True):
    """One version's tables, columns and indexes, and the rules on them."""

    script: str
    rules: tuple[Rule, ...] = ()


def append_only(*tables: str) -> tuple[Rule, ...]:
    """Rows of these tables are neither changed nor deleted."""
    return tuple(
        Rule(f"{table}_no_{event.lower()}", table, event, f"{table} is append-only")
        for table in tables
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
"""

_RULES_1 = (
    Rule("stream_mark", "stream", "UPDATE", "a mark never goes back", "NEW.mark < OLD.mark"),
    Rule("stream_no_delete", "stream", "DELETE", "streams are kept"),
    *append_only("journal", "secret", "head_signature", "quarantine", "feed_change", "keys_document"),
)

_VERSION_2 = """
ALTER TABLE device ADD COLUMN role TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN sealing_key BLOB NOT NULL DEFAULT x''
    CHECK (length(sealing_key) IN (0, 32));
"""

_VERSION_3 = """
CREATE TABLE enrolment_event (
    id INTEGER PRIMARY KEY,
    what TEXT NOT NULL,
    device TEXT NOT NULL,
    post TEXT NOT NULL,
    person TEXT NOT NULL,               -- who did it; empty: the centre by itself
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    journal_key BLOB NOT NULL,          -- of the machine concerned
    epoch BLOB NOT NULL,                -- of the last stream known; empty: none
    mark INTEGER NOT NULL,              -- up to where it is stored here
    head BLOB NOT NULL,
    said_sequence INTEGER NOT NULL,     -- what the device itself last said: its end, and what it knew to be here
    said_acknowledged INTEGER NOT NULL
) STRICT;
CREATE INDEX enrolment_event_device ON enrolment_event (device);

CREATE TABLE enrolment_answer (
    event INTEGER NOT NULL UNIQUE REFERENCES enrolment_event (id),
    device TEXT NOT NULL,
    request BLOB NOT NULL,              -- SHA-256 of the request's signed body
    answer BLOB NOT NULL,               -- EnrolmentAnswer, as it was handed over
    names TEXT NOT NULL,                -- of the server certificate, with blanks between
    expires TEXT NOT NULL               -- of the device's certificate
) STRICT;
CREATE INDEX enrolment_answer_request ON enrolment_answer (request);
"""

_VERSION_4 = """
CREATE TABLE settled (
    stream INTEGER NOT NULL UNIQUE REFERENCES stream (id),
    sequence INTEGER NOT NULL           -- passages, corrections, uses and stays are made up to here
) STRICT;

CREATE TABLE passage (
    entry TEXT PRIMARY KEY,             -- the entry's own id: it counts once, whatever streams it came in
    stream INTEGER NOT NULL REFERENCES stream (id),
    sequence INTEGER NOT NULL,
    device TEXT NOT NULL,
    post TEXT NOT NULL,
    kind TEXT NOT NULL,                 -- movement, late_entry
    inspection TEXT NOT NULL,
    direction TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    counts INTEGER NOT NULL,            -- somebody was admitted; as corrected
    visa TEXT NOT NULL,                 -- empty: none
    entries INTEGER NOT NULL,           -- that its seal allows; 0: no limit, or none stated
    document BLOB NOT NULL,             -- keyed hash; empty: nobody asks for this stay
    days INTEGER NOT NULL               -- granted; 0: no limit is known
) STRICT;
CREATE INDEX passage_visa ON passage (visa, occurred_at);
CREATE INDEX passage_document ON passage (document, occurred_at);
CREATE INDEX passage_inspection ON passage (inspection);
DROP INDEX journal_movement;            -- its random places cost more than all else of a row

CREATE TABLE correction (
    entry TEXT PRIMARY KEY,
    corrects TEXT NOT NULL,             -- an entry that may come later
    stream INTEGER NOT NULL REFERENCES stream (id),
    sequence INTEGER NOT NULL
) STRICT;
CREATE INDEX correction_corrects ON correction (corrects);

CREATE TABLE repeated (
    stream INTEGER NOT NULL REFERENCES stream (id),
    sequence INTEGER NOT NULL,
    entry TEXT NOT NULL,                -- that had come before
    PRIMARY KEY (stream, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE unreadable (
    stream INTEGER NOT NULL REFERENCES stream (id),
    sequence INTEGER NOT NULL,          -- of a kind that is known, and yet not what that kind is
    PRIMARY KEY (stream, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE visa_listed (
    visa TEXT PRIMARY KEY,
    uses INTEGER NOT NULL,              -- as the visa list was last imported
    elsewhere INTEGER NOT NULL          -- of these, so many are of no journal that is here
) STRICT, WITHOUT ROWID;

CREATE TABLE touched (
    subject TEXT PRIMARY KEY            -- 'visa ' or 'stay ', then its key: to be published anew
) STRICT, WITHOUT ROWID;

CREATE TABLE conflict (
    id INTEGER PRIMARY KEY,
    visa TEXT NOT NULL UNIQUE,
    entries INTEGER NOT NULL,           -- allowed
    uses INTEGER NOT NULL,              -- made
    found_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    withdrawn_at TEXT                   -- corrections have taken the use back
) STRICT;

CREATE TABLE evidence (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL REFERENCES device (id),
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    kind TEXT NOT NULL,                 -- record, live, page, chip: in the device's words
    size INTEGER NOT NULL,              -- of the whole; 0: named by a record, and nothing of it has come
    held INTEGER NOT NULL,              -- bytes from the beginning
    stream INTEGER NOT NULL REFERENCES stream (id),
    sequence INTEGER NOT NULL,          -- of the entry that names it, or names the record that does
    named_at TEXT NOT NULL,
    whole_at TEXT,                      -- all of it is here and is what its name says
    UNIQUE (device, sha256)
) STRICT;
CREATE INDEX evidence_entry ON evidence (stream, sequence);
CREATE INDEX evidence_name ON evidence (sha256) WHERE whole_at IS NOT NULL;
CREATE INDEX evidence_missing ON evidence (device) WHERE whole_at IS NULL;

CREATE TABLE evidence_part (
    evidence INTEGER NOT NULL REFERENCES evidence (id),
    start INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (evidence, start)
) STRICT;

-- How its machine keeps its keys: tpm2, host, plain.
ALTER TABLE device ADD COLUMN sealed_to TEXT NOT NULL DEFAULT '';

CREATE TABLE sealed_reader (
    device TEXT PRIMARY KEY REFERENCES device (id),
    since TEXT NOT NULL                 -- has pulled sealed lists: never gets one that names people in clear again
) STRICT, WITHOUT ROWID;

CREATE INDEX feed_change_at ON feed_change (feed, imported_at);
"""

_RULES_4 = (
    Rule("conflict_no_delete", "conflict", "DELETE", "conflicts are kept"),
    Rule("evidence_no_delete", "evidence", "DELETE", "evidence is kept"),
    Rule("evidence_whole", "evidence", "UPDATE", "evidence that is whole stays so", "OLD.whole_at IS NOT NULL"),
    Rule("evidence_part_no_update", "evidence_part", "UPDATE", "evidence is not altered"),
)
# Parts of a piece that turns out not to be what its name says are deleted and come again: no rule against that.

MIGRATIONS: tuple[Migration, ...] = (
    Migration(_VERSION_1, _RULES_1),
    Migration(_VERSION_2),
    Migration(_VERSION_3, append_only("enrolment_event", "enrolment_answer")),
    Migration(_VERSION_4, _RULES_4),
)
"""In order; a database notes how many of them it has."""
