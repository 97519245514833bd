CREATE INDEX correction_corrects ON correction (corrects);
CREATE UNIQUE INDEX correction_place ON correction (stream, sequence);
CREATE INDEX evidence_blob_day ON evidence_blob (day);
CREATE INDEX evidence_blob_waiting ON evidence_blob (stream, sequence) WHERE whole_at IS NULL;
CREATE INDEX evidence_state_waiting ON evidence_state (stream, sequence) WHERE whole_at IS NULL;
CREATE INDEX feed_row_key ON feed_row (feed, key, version);
CREATE INDEX feed_term_version ON feed_term (feed, version);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX officer_key_number ON officer_key (number);
CREATE INDEX passage_group ON passage (group_id);
CREATE INDEX passage_inspection ON passage (inspection);
CREATE INDEX passage_number ON passage (number);
CREATE INDEX passage_occurred_at ON passage (occurred_at, stream, sequence);
CREATE UNIQUE INDEX passage_place ON passage (stream, sequence);
CREATE INDEX passage_surname ON passage (surname);
CREATE INDEX visa_use_visa ON visa_use (visa);
CREATE INDEX witness_place ON witness (stream, sequence);
CREATE TABLE carried (
    source INTEGER PRIMARY KEY REFERENCES stream (id),
    sequence INTEGER NOT NULL,
    stream INTEGER NOT NULL REFERENCES stream (id),
    -- Once the centre has this stream up to here, it has all of the source up to `sequence`.
    upto INTEGER NOT NULL
) STRICT;
CREATE TABLE checkpoint (
    stream INTEGER PRIMARY KEY REFERENCES stream (id),
    -- Up to here the bodies of entries may be gone.
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    head BLOB NOT NULL CHECK (length(head) = 32),
    at TEXT NOT NULL
) STRICT;
CREATE TABLE correction (
    entry TEXT PRIMARY KEY,
    corrects TEXT NOT NULL,
    stream INTEGER NOT NULL REFERENCES stream (id),
    sequence INTEGER NOT NULL
) STRICT;
CREATE TABLE evidence (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    size INTEGER NOT NULL,
    kept_at TEXT NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE TABLE evidence_blob (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    day TEXT NOT NULL,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    kept_at TEXT NOT NULL,
    nonce BLOB NOT NULL CHECK (length(nonce) = 12),
    data BLOB NOT NULL,
    stream INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0, -- bytes that the centre holds
    whole_at TEXT -- since when it holds them all
) STRICT;
CREATE TABLE evidence_erased (
    day TEXT PRIMARY KEY,
    at TEXT NOT NULL,
    pieces INTEGER NOT NULL
) STRICT;
CREATE TABLE evidence_key (
    day TEXT PRIMARY KEY,
    key BLOB NOT NULL CHECK (length(key) = 32),
    made_at TEXT NOT NULL
) STRICT;
CREATE TABLE evidence_state (
    sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
    stream INTEGER, -- NULL: the entry that names it was not found
    sequence INTEGER,
    sent INTEGER NOT NULL DEFAULT 0,
    whole_at TEXT
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
CREATE TABLE officer (
    number TEXT PRIMARY KEY,
    activation TEXT NOT NULL,
    password TEXT NOT NULL, -- Argon2id, PHC string
    totp BLOB NOT NULL,
    totp_step INTEGER NOT NULL,
    activated_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    suspended_at TEXT,
    suspended_by TEXT,
    wrong INTEGER NOT NULL DEFAULT 0,
    locked_until TEXT,
    language TEXT NOT NULL,
    theme TEXT NOT NULL
) STRICT;
CREATE TABLE officer_key (
    id BLOB PRIMARY KEY,
    number TEXT NOT NULL,
    public BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    name TEXT NOT NULL,
    added_at TEXT NOT NULL
) STRICT;
CREATE TABLE passage (
    entry TEXT PRIMARY KEY,
    stream INTEGER NOT NULL REFERENCES stream (id),
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL, -- movement, inspection, late_entry
    inspection TEXT NOT NULL,
    direction TEXT NOT NULL,
    decision TEXT NOT NULL,
    proposal TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    begun_at TEXT,
    proposed_at TEXT,
    taken_at TEXT,
    issuer TEXT NOT NULL,
    number TEXT NOT NULL,
    nationality TEXT NOT NULL,
    surname TEXT NOT NULL,
    given_names TEXT NOT NULL,
    birth TEXT NOT NULL,
    visa TEXT NOT NULL,
    regime TEXT NOT NULL,
    stay_days INTEGER NOT NULL,
    overstay_days INTEGER NOT NULL,
    officer TEXT NOT NULL,
    origin TEXT NOT NULL,
    group_id TEXT NOT NULL,
    annulled INTEGER NOT NULL DEFAULT 0,
    corrected INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE referral (
    inspection TEXT PRIMARY KEY,
    entry TEXT NOT NULL,
    evidence BLOB NOT NULL CHECK (length(evidence) = 32),
    direction TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    settled_at TEXT,
    settled_as TEXT
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
CREATE TABLE used_activation (
    id TEXT PRIMARY KEY,
    used_at TEXT NOT NULL
) STRICT;
CREATE TABLE visa_conflict (
    visa TEXT PRIMARY KEY, -- used here, and more often than it allows
    found_at TEXT NOT NULL,
    entries INTEGER NOT NULL, -- allowed
    uses INTEGER NOT NULL, -- made
    withdrawn_at TEXT,
    seen_at TEXT,
    seen_by TEXT
) STRICT;
CREATE TABLE visa_use (
    movement TEXT PRIMARY KEY,
    visa TEXT NOT NULL,
    direction TEXT NOT NULL,
    occurred_at TEXT NOT NULL
) STRICT;
CREATE TABLE witness (
    id INTEGER PRIMARY KEY,
    stream INTEGER REFERENCES stream (id), -- NULL: another device's journal
    epoch BLOB CHECK (epoch IS NULL OR length(epoch) = 16), -- of that one
    sequence INTEGER NOT NULL,
    head BLOB NOT NULL CHECK (length(head) = 32),
    at TEXT NOT NULL,
    source TEXT NOT NULL, -- 'centre', or a device's id
    statement BLOB NOT NULL -- the signed message, exactly as it came
) STRICT;
CREATE TRIGGER checkpoint_begun BEFORE INSERT ON checkpoint
WHEN NEW.sequence > (SELECT acknowledged FROM stream WHERE id = NEW.stream) AND NOT EXISTS (
    SELECT 1 FROM carried c JOIN stream s ON s.id = c.stream
    WHERE c.source = NEW.stream AND c.sequence >= NEW.sequence AND (s.acknowledged >= c.upto
        OR EXISTS (SELECT 1 FROM checkpoint k WHERE k.stream = c.stream AND k.sequence >= c.upto))
)
BEGIN SELECT RAISE(ABORT, 'the centre does not hold these entries'); END;
CREATE TRIGGER checkpoint_kept BEFORE DELETE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER checkpoint_moved BEFORE UPDATE ON checkpoint
WHEN NEW.sequence > (SELECT acknowledged FROM stream WHERE id = NEW.stream) AND NOT EXISTS (
    SELECT 1 FROM carried c JOIN stream s ON s.id = c.stream
    WHERE c.source = NEW.stream AND c.sequence >= NEW.sequence AND (s.acknowledged >= c.upto
        OR EXISTS (SELECT 1 FROM checkpoint k WHERE k.stream = c.stream AND k.sequence >= c.upto))
)
BEGIN SELECT RAISE(ABORT, 'the centre does not hold these entries'); END;
CREATE TRIGGER journal_contiguous BEFORE INSERT ON journal
WHEN NEW.sequence IS NOT
    (SELECT coalesce(max(sequence), 0) + 1 FROM journal WHERE stream = NEW.stream)
BEGIN SELECT RAISE(ABORT, 'the journal only grows at its end'); END;
CREATE TRIGGER journal_emptied BEFORE UPDATE ON journal
WHEN NEW.body IS x'' AND NOT EXISTS
    (SELECT 1 FROM checkpoint WHERE stream = OLD.stream AND sequence >= OLD.sequence)
BEGIN SELECT RAISE(ABORT, 'of the journal only bodies below the checkpoint may go'); END;
CREATE TRIGGER journal_kept BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_unaltered BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER secret_kept BEFORE DELETE ON secret
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER secret_spent BEFORE DELETE ON secret
WHEN OLD.stream = (SELECT max(id) FROM stream)
    AND NOT EXISTS (SELECT 1 FROM secret WHERE stream = OLD.stream AND first > OLD.first)
    OR EXISTS (
        SELECT 1 FROM journal WHERE stream = OLD.stream AND sequence >= OLD.first AND body IS NOT x''
        AND sequence < coalesce(
            (SELECT min(first) FROM secret WHERE stream = OLD.stream AND first > OLD.first), 9223372036854775807)
    )
BEGIN SELECT RAISE(ABORT, 'an entry still needs this secret'); END;
CREATE TRIGGER secret_unaltered BEFORE UPDATE ON secret
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER stream_kept BEFORE DELETE ON stream
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
