-- Logs, snapshots, the retention policy, expiry, compressed transcripts, jobs, operations and daily measures.

CREATE TABLE log_entry (
    -- grows by one with each entry, in the order of the commits; a number is never used twice
    seq BIGINT PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    -- 10 debug, 20 info, 30 warn, 40 error
    level BIGINT NOT NULL,
    category TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    data TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    session_id TEXT COLLATE "C"
);

-- The highest number that an entry was given. A sequence would do neither: its numbers are not in the order of commits.
CREATE TABLE log_number (
    last BIGINT NOT NULL
);

INSERT INTO log_number (last) VALUES (0);

CREATE FUNCTION number_log_entry() RETURNS trigger LANGUAGE plpgsql AS '
BEGIN
    IF NEW.seq IS NULL THEN
        UPDATE log_number SET last = last + 1 RETURNING last INTO NEW.seq;
    ELSE
        UPDATE log_number SET last = NEW.seq WHERE last < NEW.seq;
    END IF;
    RETURN NEW;
END';

CREATE OR REPLACE TRIGGER log_entry_number BEFORE INSERT ON log_entry FOR EACH ROW EXECUTE FUNCTION number_log_entry();

CREATE INDEX log_entry_at ON log_entry (at, seq);
CREATE INDEX log_entry_level ON log_entry (level, at, seq);
CREATE INDEX log_entry_category ON log_entry (category, at, seq);
CREATE INDEX log_entry_source ON log_entry (source, at, seq);
CREATE INDEX log_entry_user ON log_entry (user_id, at, seq) WHERE user_id IS NOT NULL;
CREATE INDEX log_entry_session ON log_entry (session_id, at, seq) WHERE session_id IS NOT NULL;

-- How many entries there are of each kind, so that nothing has to count them.
CREATE TABLE log_count (
    level BIGINT NOT NULL,
    category TEXT COLLATE "C" NOT NULL,
    entries BIGINT NOT NULL,
    PRIMARY KEY (level, category)
);

CREATE TABLE snapshot (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- '' when it belongs to no user
    user_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    -- counts the snapshots of one user and name from 1
    version BIGINT NOT NULL,
    description TEXT COLLATE "C",
    is_auto BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    -- up to a MiB; last, so that the columns before it are read without it
    state TEXT COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX snapshot_version ON snapshot (user_id, name, version);
CREATE INDEX snapshot_created ON snapshot (created_at, id);
CREATE INDEX snapshot_user ON snapshot (user_id, created_at, id);
CREATE INDEX snapshot_name ON snapshot (name, created_at, id);
CREATE INDEX snapshot_kind ON snapshot (is_auto, created_at, id);
CREATE INDEX snapshot_auto ON snapshot (is_auto, user_id, created_at, id);

CREATE TABLE retention_policy (
    number BIGINT NOT NULL PRIMARY KEY,
    policy TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL
);

-- One row a session that was closed by expiry or reset. done_at is NULL until its summary is written.
CREATE TABLE session_expiry (
    session_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    cause TEXT COLLATE "C" NOT NULL,
    -- grows each time the session ends
    expired_at BIGINT NOT NULL,
    done_at BIGINT,
    memory_id TEXT COLLATE "C",
    -- the session that a reset opened in its place
    next_id TEXT COLLATE "C",
    attempts BIGINT NOT NULL,
    error TEXT COLLATE "C"
);

CREATE INDEX session_expiry_pending ON session_expiry (attempts, expired_at, session_id) WHERE done_at IS NULL;
CREATE INDEX session_expiry_time ON session_expiry (expired_at, cause);

-- The listing by creation, of which each state is a part.
CREATE INDEX session_made ON session (state, created_at, id);

ALTER TABLE session ADD COLUMN packed_at BIGINT;
-- A session that was opened again is not idle for as long as one that was just made.
ALTER TABLE session ADD COLUMN reopened_at BIGINT;

-- Archived sessions whose transcripts are not compressed yet.
CREATE INDEX session_unpacked ON session (archived_at, id) WHERE archived_at IS NOT NULL AND packed_at IS NULL;

-- Content, attachments and metadata of a session's messages, compressed in parts; their rows in message hold none.
CREATE TABLE transcript_pack (
    user_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    -- counts from 1 within the session
    part BIGINT NOT NULL,
    codec TEXT COLLATE "C" NOT NULL,
    raw_bytes BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (user_id, session_id, part),
    FOREIGN KEY (user_id, session_id) REFERENCES session (user_id, id) ON UPDATE CASCADE
);

-- the part of transcript_pack that holds the message's content, 0 when the row does
ALTER TABLE message ADD COLUMN packed BIGINT NOT NULL DEFAULT 0;

CREATE TABLE job (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    enabled BIGINT NOT NULL,
    last_started_at BIGINT,
    last_finished_at BIGINT,
    last_error TEXT COLLATE "C",
    last_result TEXT COLLATE "C",
    runs BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- A slot is one turn of a job, counted from 1; the process that adds its row runs it, and renews seen_at meanwhile.
CREATE TABLE job_slot (
    job TEXT COLLATE "C" NOT NULL,
    slot BIGINT NOT NULL,
    claimed_by TEXT COLLATE "C" NOT NULL,
    claimed_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (job, slot)
);

-- What was done that took something away, and the restore point that brings it back.
CREATE TABLE operation (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C",
    actor TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    counts TEXT COLLATE "C" NOT NULL,
    restore_point TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    undone_at BIGINT,
    undone_by TEXT COLLATE "C"
);

CREATE INDEX operation_created ON operation (created_at, id);

-- How much there was at the end of each day (UTC); today's row is written anew as the day goes on.
CREATE TABLE daily_measure (
    day TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    measures TEXT COLLATE "C" NOT NULL
);

-- The session that an access key is in, for the wire format that has a current session.
CREATE TABLE key_session (
    key_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    session_id TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);
