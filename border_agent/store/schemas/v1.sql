CREATE INDEX feed_row_key ON feed_row (feed, key, version);
CREATE INDEX feed_term_version ON feed_term (feed, version);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX visa_use_visa ON visa_use (visa);
CREATE TABLE evidence (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    size INTEGER NOT NULL,
    kept_at TEXT NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE TABLE feed (
    name TEXT PRIMARY KEY,
    -- Installed: rows up to this version answer.
    version INTEGER NOT NULL DEFAULT 0,
    head BLOB NOT NULL CHECK (length(head) = 32),
    issued TEXT,
    expires TEXT,
    installed_at TEXT,
    -- Staged: rows up to this version are here, and do not answer yet.
    staged_version INTEGER NOT NULL DEFAULT 0,
    staged_head BLOB NOT NULL CHECK (length(staged_head) = 32)
) STRICT;
CREATE TABLE feed_row (
    feed TEXT NOT NULL REFERENCES feed (name),
    version INTEGER NOT NULL,
    key TEXT NOT NULL,
    record BLOB, -- NULL: deleted
    PRIMARY KEY (feed, version)
) STRICT;
CREATE TABLE feed_term (
    feed TEXT NOT NULL,
    term TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (feed, term, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE journal (
    stream INTEGER NOT NULL REFERENCES stream (id),
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    body BLOB NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    head BLOB NOT NULL CHECK (length(head) = 32),
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (stream, sequence)
) STRICT;
CREATE TABLE note (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
CREATE TABLE secret (
    stream INTEGER NOT NULL REFERENCES stream (id),
    first INTEGER NOT NULL CHECK (first >= 1),
    secret BLOB NOT NULL CHECK (length(secret) = 32),
    day TEXT NOT NULL,
    PRIMARY KEY (stream, first)
) STRICT;
CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    epoch BLOB NOT NULL UNIQUE CHECK (length(epoch) = 16),
    device TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- Where the journal ends. It moves in every commit; a journal that ends elsewhere has lost its tail.
    sequence INTEGER NOT NULL DEFAULT 0,
    head BLOB NOT NULL CHECK (length(head) = 32),
    latest_at TEXT NOT NULL,
    -- The mark: up to here the centre has it, on its own word.
    acknowledged INTEGER NOT NULL DEFAULT 0,
    acknowledged_head BLOB NOT NULL,
    acknowledged_at TEXT
) STRICT;
CREATE TABLE visa_use (
    movement TEXT PRIMARY KEY,
    visa TEXT NOT NULL,
    direction TEXT NOT NULL,
    occurred_at TEXT NOT NULL
) STRICT;
CREATE TRIGGER journal_contiguous BEFORE INSERT ON journal
WHEN NEW.sequence IS NOT
    (SELECT coalesce(max(sequence), 0) + 1 FROM journal WHERE stream = NEW.stream)
BEGIN SELECT RAISE(ABORT, 'the journal only grows at its end'); END;
CREATE TRIGGER journal_kept BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_unaltered BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER secret_kept BEFORE DELETE ON secret
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER secret_unaltered BEFORE UPDATE ON secret
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER stream_kept BEFORE DELETE ON stream
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
