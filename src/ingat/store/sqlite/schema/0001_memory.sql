-- Users, sessions, messages, memories, the recall index and access keys.
-- Times are integer milliseconds UTC. user_id leads every primary key, so that a user's rows live together.

CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE user_profile (
    user_id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    gender TEXT,
    product TEXT,
    address TEXT,
    language TEXT,
    role TEXT NOT NULL,
    protected INTEGER NOT NULL,
    flags TEXT NOT NULL,
    slots TEXT NOT NULL,
    metadata TEXT NOT NULL,
    -- version counts every change of the user's recallable rows; epoch those that are not appends
    version INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX user_profile_created ON user_profile (created_at, user_id);
CREATE INDEX user_profile_updated ON user_profile (updated_at, user_id);
CREATE INDEX user_profile_name ON user_profile (COALESCE(name, ''), user_id);

CREATE TABLE user_alias (
    alias TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES user_profile (user_id)
) WITHOUT ROWID;

CREATE INDEX user_alias_user ON user_alias (user_id);

CREATE TABLE session (
    user_id TEXT NOT NULL REFERENCES user_profile (user_id),
    id TEXT NOT NULL,
    name TEXT,
    description TEXT,
    project_id TEXT,
    channel TEXT,
    metadata TEXT NOT NULL,
    state TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    message_count INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- when the last message came, or the session was made
    active_at INTEGER NOT NULL,
    closed_at INTEGER,
    archived_at INTEGER,
    PRIMARY KEY (user_id, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX session_channel ON session (user_id, channel) WHERE state = 'active' AND channel IS NOT NULL;
CREATE INDEX session_active ON session (state, active_at, id);
CREATE INDEX session_created ON session (created_at, id);

CREATE TABLE session_owner (
    session_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE message (
    user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    author TEXT,
    attachments TEXT,
    metadata TEXT,
    tokens INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, session_id, seq),
    FOREIGN KEY (user_id, session_id) REFERENCES session (user_id, id) ON UPDATE CASCADE
) WITHOUT ROWID;

CREATE UNIQUE INDEX message_id ON message (user_id, id);
CREATE INDEX message_time ON message (user_id, at, id);

CREATE TABLE memory (
    user_id TEXT NOT NULL REFERENCES user_profile (user_id),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    -- what two items have in common that say the same: see core/timelines.py
    text_key TEXT NOT NULL,
    subject TEXT,
    subject_key TEXT,
    valid_from INTEGER NOT NULL,
    valid_to INTEGER,
    superseded_by TEXT,
    session_id TEXT,
    message_ids TEXT NOT NULL,
    metadata TEXT NOT NULL,
    -- the item's row in recall_entry
    position INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) WITHOUT ROWID;

CREATE INDEX memory_updated ON memory (user_id, updated_at, id);
CREATE INDEX memory_text ON memory (user_id, text_key);
CREATE INDEX memory_subject_history ON memory (user_id, subject_key, valid_from);
CREATE UNIQUE INDEX memory_subject ON memory (user_id, subject_key) WHERE valid_to IS NULL AND subject_key IS NOT NULL;

-- Derived: can be rebuilt from message and memory. position is the user's version at the time of writing.
CREATE TABLE recall_entry (
    user_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    session_id TEXT,
    seq INTEGER NOT NULL,
    role TEXT,
    author TEXT,
    at INTEGER NOT NULL,
    valid_from INTEGER,
    valid_to INTEGER,
    terms BLOB NOT NULL,
    pairs BLOB NOT NULL,
    flags INTEGER NOT NULL,
    words INTEGER NOT NULL,
    PRIMARY KEY (user_id, position)
) WITHOUT ROWID;

CREATE TABLE recall_vector (
    user_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    vectors BLOB NOT NULL,
    PRIMARY KEY (user_id, position, fingerprint)
) WITHOUT ROWID;

CREATE TABLE access_key (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    role TEXT NOT NULL,
    user_id TEXT,
    name TEXT,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) WITHOUT ROWID;
