-- Logs, snapshots, the retention policy, expiry, compressed transcripts, jobs, operations and daily measures.

CREATE TABLE log_entry (
    -- grows by one with each entry, in the order of the commits; a number is never used twice
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    -- 10 debug, 20 info, 30 warn, 40 error
    level INTEGER NOT NULL,
    category TEXT NOT NULL,
    source TEXT NOT NULL,
    message TEXT NOT NULL,
    data TEXT,
    user_id TEXT,
    session_id TEXT
);

CREATE INDEX log_entry_at ON log_entry (at, seq);
CREATE INDEX log_entry_level ON log_entry (level, at, seq);
CREATE INDEX log_entry_category ON log_entry (category, at, seq);
CREATE INDEX log_entry_source ON log_entry (source, at, seq);
CREATE INDEX log_entry_user ON log_entry (user_id, at, seq) WHERE user_id IS NOT NULL;
CREATE INDEX log_entry_session ON log_entry (session_id, at, seq) WHERE session_id IS NOT NULL;

-- How many entries there are of each kind, so that nothing has to count them.
CREATE TABLE log_count (
    level INTEGER NOT NULL,
    category TEXT NOT NULL,
    entries INTEGER NOT NULL,
    PRIMARY KEY (level, category)
) WITHOUT ROWID;

CREATE TABLE snapshot (
    id TEXT NOT NULL PRIMARY KEY,
    -- '' when it belongs to no user
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- counts the snapshots of one user and name from 1
    version INTEGER NOT NULL,
    description TEXT,
    is_auto INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- up to a MiB; last, so that the columns before it are read without it
    state TEXT NOT NULL
);

CREATE UNIQUE INDEX snapshot_version ON snapshot (user_id, name, version);
CREATE INDEX snapshot_created ON snapshot (created_at, id);
CREATE INDEX snapshot_user ON snapshot (user_id, created_at, id);
CREATE INDEX snapshot_name ON snapshot (name, created_at, id);
CREATE INDEX snapshot_kind ON snapshot (is_auto, created_at, id);
CREATE INDEX snapshot_auto ON snapshot (is_auto, user_id, created_at, id);

CREATE TABLE retention_policy (
    number INTEGER NOT NULL PRIMARY KEY,
    policy TEXT NOT NULL,
    actor TEXT NOT NULL,
    changed_at INTEGER NOT NULL
);

-- One row a session that was closed by expiry or reset. done_at is NULL until its summary is written.
CREATE TABLE session_expiry (
    session_id TEXT NOT NULL PRIMARY KEY,
    cause TEXT NOT NULL,
    -- grows each time the session ends
    expired_at INTEGER NOT NULL,
    done_at INTEGER,
    memory_id TEXT,
    -- the session that a reset opened in its place
    next_id TEXT,
    attempts INTEGER NOT NULL,
    error TEXT
) WITHOUT ROWID;

CREATE INDEX session_expiry_pending ON session_expiry (attempts, expired_at, session_id) WHERE done_at IS NULL;
CREATE INDEX session_expiry_time ON session_expiry (expired_at, cause);

-- The listing by creation, of which each state is a part.
CREATE INDEX session_made ON session (state, created_at, id);

ALTER TABLE session ADD COLUMN packed_at INTEGER;
-- A session that was opened again is not idle for as long as one that was just made.
ALTER TABLE session ADD COLUMN reopened_at INTEGER;

-- Archived sessions whose transcripts are not compressed yet.
CREATE INDEX session_unpacked ON session (archived_at, id) WHERE archived_at IS NOT NULL AND packed_at IS NULL;

-- Content, attachments and metadata of a session's messages, compressed in parts; their rows in message hold none.
-- Not WITHOUT ROWID: a body of a few KB then lies in the page itself.
CREATE TABLE transcript_pack (
    user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    -- counts from 1 within the session
    part INTEGER NOT NULL,
    codec TEXT NOT NULL,
    raw_bytes INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (user_id, session_id, part),
    FOREIGN KEY (user_id, session_id) REFERENCES session (user_id, id) ON UPDATE CASCADE
);

-- the part of transcript_pack that holds the message's content, 0 when the row does
ALTER TABLE message ADD COLUMN packed INTEGER NOT NULL DEFAULT 0;

CREATE TABLE job (
    name TEXT NOT NULL PRIMARY KEY,
    enabled INTEGER NOT NULL,
    last_started_at INTEGER,
    last_finished_at INTEGER,
    last_error TEXT,
    last_result TEXT,
    runs INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- A slot is one turn of a job, counted from 1; the process that adds its row runs it, and renews seen_at meanwhile.
CREATE TABLE job_slot (
    job TEXT NOT NULL,
    slot INTEGER NOT NULL,
    claimed_by TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (job, slot)
) WITHOUT ROWID;

-- What was done that took something away, and the restore point that brings it back.
CREATE TABLE operation (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    target TEXT,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    counts TEXT NOT NULL,
    restore_point TEXT,
    created_at INTEGER NOT NULL,
    undone_at INTEGER,
    undone_by TEXT
) WITHOUT ROWID;

CREATE INDEX operation_created ON operation (created_at, id);

-- How much there was at the end of each day (UTC); today's row is written anew as the day goes on.
CREATE TABLE daily_measure (
    day TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    measures TEXT NOT NULL
) WITHOUT ROWID;

-- The session that an access key is in, for the wire format that has a current session.
CREATE TABLE key_session (
    key_id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;
