-- Users, sessions, messages, memories, the recall index and access keys.
-- Times are integer milliseconds UTC. user_id leads the primary keys, and the tables that grow are split by it, so that
-- a user's rows live together and a part can be moved. Texts are compared by their bytes (collation C), whatever the
-- database is set to.

CREATE TABLE setting (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

CREATE TABLE user_profile (
    user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C",
    gender TEXT COLLATE "C",
    product TEXT COLLATE "C",
    address TEXT COLLATE "C",
    language TEXT COLLATE "C",
    role TEXT COLLATE "C" NOT NULL,
    protected BIGINT NOT NULL,
    flags TEXT COLLATE "C" NOT NULL,
    slots TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    -- version counts every change of the user's recallable rows; epoch those that are not appends
    version BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX user_profile_created ON user_profile (created_at, user_id);
CREATE INDEX user_profile_updated ON user_profile (updated_at, user_id);
CREATE INDEX user_profile_name ON user_profile (COALESCE(name, ''), user_id);

CREATE TABLE user_alias (
    alias TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES user_profile (user_id)
);

CREATE INDEX user_alias_user ON user_alias (user_id);

CREATE TABLE session (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES user_profile (user_id),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C",
    description TEXT COLLATE "C",
    project_id TEXT COLLATE "C",
    channel TEXT COLLATE "C",
    metadata TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    last_seq BIGINT NOT NULL,
    message_count BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- when the last message came, or the session was made
    active_at BIGINT NOT NULL,
    closed_at BIGINT,
    archived_at BIGINT,
    PRIMARY KEY (user_id, id)
);

CREATE UNIQUE INDEX session_channel ON session (user_id, channel) WHERE state = 'active' AND channel IS NOT NULL;
CREATE INDEX session_active ON session (state, active_at, id);
CREATE INDEX session_created ON session (created_at, id);

CREATE TABLE session_owner (
    session_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL
);

CREATE TABLE message (
    user_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C",
    attachments TEXT COLLATE "C",
    metadata TEXT COLLATE "C",
    tokens BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (user_id, session_id, seq),
    FOREIGN KEY (user_id, session_id) REFERENCES session (user_id, id) ON UPDATE CASCADE
) PARTITION BY HASH (user_id);

CREATE UNIQUE INDEX message_id ON message (user_id, id);
CREATE INDEX message_time ON message (user_id, at, id);

CREATE TABLE memory (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES user_profile (user_id),
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    -- what two items have in common that say the same: see core/timelines.py
    text_key TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C",
    subject_key TEXT COLLATE "C",
    valid_from BIGINT NOT NULL,
    valid_to BIGINT,
    superseded_by TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    message_ids TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    -- the item's row in recall_entry
    position BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, id)
) PARTITION BY HASH (user_id);

CREATE INDEX memory_updated ON memory (user_id, updated_at, id);
CREATE INDEX memory_text ON memory (user_id, text_key);
CREATE INDEX memory_subject_history ON memory (user_id, subject_key, valid_from);
CREATE UNIQUE INDEX memory_subject ON memory (user_id, subject_key) WHERE valid_to IS NULL AND subject_key IS NOT NULL;

-- Derived: can be rebuilt from message and memory. position is the user's version at the time of writing.
CREATE TABLE recall_entry (
    user_id TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C",
    seq BIGINT NOT NULL,
    role TEXT COLLATE "C",
    author TEXT COLLATE "C",
    at BIGINT NOT NULL,
    valid_from BIGINT,
    valid_to BIGINT,
    terms BYTEA NOT NULL,
    pairs BYTEA NOT NULL,
    flags BIGINT NOT NULL,
    words BIGINT NOT NULL,
    PRIMARY KEY (user_id, position)
) PARTITION BY HASH (user_id);

CREATE TABLE recall_vector (
    user_id TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    vectors BYTEA NOT NULL,
    PRIMARY KEY (user_id, position, fingerprint)
) PARTITION BY HASH (user_id);

CREATE TABLE access_key (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    role TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C",
    name TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

DO '
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY[''message'', ''memory'', ''recall_entry'', ''recall_vector''] LOOP
        FOR part IN 0..63 LOOP
            EXECUTE format(''CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS 64, REMAINDER %s)'',
                parent || ''_'' || to_char(part, ''FM00''), parent, part);
        END LOOP;
    END LOOP;
END';
