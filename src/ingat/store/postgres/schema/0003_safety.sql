-- Artifacts, the audit trail, pseudonyms, the ledger of purges, and operations that undo others.

CREATE TABLE artifact (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- '' when it belongs to no user
    user_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C",
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    media_type TEXT COLLATE "C",
    size_bytes BIGINT NOT NULL,
    -- of the file's bytes, and the name that they are kept under
    sha256 TEXT COLLATE "C" NOT NULL,
    metrics TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX artifact_created ON artifact (created_at, id);
CREATE INDEX artifact_kind ON artifact (kind, created_at, id);
CREATE INDEX artifact_user ON artifact (user_id, created_at, id);
CREATE INDEX artifact_user_kind ON artifact (user_id, kind, created_at, id);
CREATE INDEX artifact_user_file ON artifact (user_id, sha256);
CREATE INDEX artifact_session ON artifact (session_id, created_at, id) WHERE session_id IS NOT NULL;
CREATE INDEX artifact_file ON artifact (sha256);

-- Who people are in the audit trail: all ids of one person share a pseudonym, and ids that were merged have several.
-- A purge removes the person's rows, so that nobody can tell any more.
CREATE TABLE pseudonym (
    user_id TEXT COLLATE "C" NOT NULL,
    pseudonym TEXT COLLATE "C" NOT NULL,
    -- 1 for the id of a user, 0 for an alias
    main BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, pseudonym)
);

CREATE INDEX pseudonym_name ON pseudonym (pseudonym, main DESC, created_at, user_id);

-- Who did what, chained: hash is that of the row and of previous, the hash of the row before. Rows are only added.
CREATE TABLE audit_entry (
    -- counts from 1 without a gap
    seq BIGINT NOT NULL PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    -- the pseudonym of the person whose it was; of several people's, who are in audit_person, there is none
    subject TEXT COLLATE "C",
    -- JSON: numbers of rows
    counts TEXT COLLATE "C" NOT NULL,
    operation_id TEXT COLLATE "C",
    restore_point TEXT COLLATE "C",
    -- of the texts in audit_text, with their salt
    text_sha256 TEXT COLLATE "C" NOT NULL,
    -- of the pseudonyms in audit_person; NULL where it was of one person, or of nobody who is known
    people_sha256 TEXT COLLATE "C",
    previous TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL
);

CREATE INDEX audit_entry_at ON audit_entry (at, id);
CREATE INDEX audit_entry_subject ON audit_entry (subject, at, id) WHERE subject IS NOT NULL;
CREATE INDEX audit_entry_action ON audit_entry (action, at, id);
CREATE INDEX audit_entry_actor ON audit_entry (actor, at, id);
CREATE INDEX audit_entry_everybody ON audit_entry (scope, at, id) WHERE scope = 'everything';
CREATE INDEX audit_entry_operation ON audit_entry (operation_id) WHERE operation_id IS NOT NULL;

-- What an entry says in words, apart, so that a purge can remove the words and the chain stays whole.
CREATE TABLE audit_text (
    seq BIGINT NOT NULL PRIMARY KEY,
    salt TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL
);

-- Whom an entry touched, where these are several people, by their pseudonyms.
CREATE TABLE audit_person (
    seq BIGINT NOT NULL,
    pseudonym TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (seq, pseudonym)
);

CREATE INDEX audit_person_pseudonym ON audit_person (pseudonym, seq);

-- Where the chain begins after the oldest entries were pruned.
CREATE TABLE audit_checkpoint (
    -- the last entry that was pruned, and its hash
    seq BIGINT NOT NULL PRIMARY KEY,
    hash TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    -- how many entries were pruned altogether, and the time before which all of them were made
    entries BIGINT NOT NULL,
    before BIGINT NOT NULL,
    signature TEXT COLLATE "C" NOT NULL
);

-- Those who were purged, under a keyed hash of each of their ids, so that no restore brings them back.
CREATE TABLE purge_ledger (
    id_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- one purge, which may have several ids
    purge_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL
);

CREATE INDEX purge_ledger_at ON purge_ledger (at, purge_id);

CREATE INDEX operation_point ON operation (restore_point) WHERE restore_point IS NOT NULL;

-- What tells the copies of this store from those of others.
INSERT INTO setting (name, value) VALUES ('store_id', replace(gen_random_uuid()::text, '-', ''));

-- The operation that this one undoes or does again.
ALTER TABLE operation ADD COLUMN reverts TEXT COLLATE "C";

CREATE INDEX operation_to_undo ON operation (created_at, id) WHERE undone_at IS NULL AND kind IN ('erase', 'restore');
CREATE INDEX operation_undone ON operation (undone_at, id) WHERE undone_at IS NOT NULL;
CREATE INDEX operation_reverts ON operation (reverts) WHERE reverts IS NOT NULL;
