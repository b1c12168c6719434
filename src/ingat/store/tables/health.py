"""Reads over all tables that show whether they agree with each other. Each looks through whole tables."""

from __future__ import annotations

from typing import cast

from ingat.store.contract import Tx
from ingat.store.tables import transcripts

_REINDEX = "`ingat reindex` rebuilds the index"
_RESTORE = "restore the newest backup; do not go on writing"
_RECOUNT = "`ingat reindex` counts them anew"
_RETIRE = "end the older value with `ingat memories retire`"

_QUESTIONS: tuple[tuple[str, str, str], ...] = (
    (
        "sessions without owner",
        "SELECT COUNT(*) FROM session s LEFT JOIN session_owner o ON o.session_id = s.id AND o.user_id = s.user_id"
        " WHERE o.session_id IS NULL",
        _RESTORE,
    ),
    (
        "owners without session",
        "SELECT COUNT(*) FROM session_owner o LEFT JOIN session s ON s.id = o.session_id AND s.user_id = o.user_id"
        " WHERE s.id IS NULL",
        _RESTORE,
    ),
    (
        "messages without session",
        "SELECT COUNT(*) FROM message m LEFT JOIN session s ON s.user_id = m.user_id AND s.id = m.session_id"
        " WHERE s.id IS NULL",
        _RESTORE,
    ),
    (
        "sessions whose message count or tokens are wrong",
        "SELECT COUNT(*) FROM (SELECT s.user_id, s.id FROM session s LEFT JOIN message m"
        " ON m.user_id = s.user_id AND m.session_id = s.id GROUP BY s.user_id, s.id, s.message_count, s.tokens,"
        " s.last_seq HAVING COUNT(m.seq) <> s.message_count OR COALESCE(SUM(m.tokens), 0) <> s.tokens"
        " OR COALESCE(MAX(m.seq), 0) > s.last_seq) AS wrong",
        _RESTORE,
    ),
    (
        "messages not in the index",
        # joined, each message would be looked for among all entries of its user
        "SELECT COUNT(*) FROM (SELECT user_id, id FROM message EXCEPT"
        " SELECT user_id, source_id FROM recall_entry WHERE source = 'message') AS missing",
        _REINDEX,
    ),
    (
        "memories not in the index",
        "SELECT COUNT(*) FROM memory i LEFT JOIN recall_entry e ON e.user_id = i.user_id AND e.position = i.position"
        " AND e.source_id = i.id AND COALESCE(e.valid_from, -1) = i.valid_from"
        " AND COALESCE(e.valid_to, -1) = COALESCE(i.valid_to, -1) WHERE e.position IS NULL",
        _REINDEX,
    ),
    (
        "things in the index more than once",
        "SELECT COUNT(*) FROM (SELECT 1 FROM recall_entry GROUP BY user_id, source_id, source HAVING COUNT(*) > 1)"
        " AS doubled",
        _REINDEX,
    ),
    (
        "index entries of nothing",
        "SELECT COUNT(*) FROM recall_entry e LEFT JOIN message m ON e.source = 'message' AND m.user_id = e.user_id"
        " AND m.session_id = e.session_id AND m.seq = e.seq LEFT JOIN memory i ON e.source <> 'message'"
        " AND i.user_id = e.user_id AND i.id = e.source_id WHERE m.id IS NULL AND i.id IS NULL",
        _REINDEX,
    ),
    (
        "index entries of a wrong size",
        "SELECT COUNT(*) FROM recall_entry WHERE LENGTH(terms) % 5 <> 0 OR LENGTH(pairs) % 4 <> 0",
        _REINDEX,
    ),
    (
        "vectors of nothing",
        "SELECT COUNT(*) FROM recall_vector v LEFT JOIN recall_entry e ON e.user_id = v.user_id"
        " AND e.position = v.position WHERE e.position IS NULL",
        _REINDEX,
    ),
    (
        "subjects with two values at once",
        "SELECT COUNT(*) FROM (SELECT valid_to, LEAD(valid_from) OVER (PARTITION BY user_id, subject_key"
        " ORDER BY valid_from, id) AS following FROM memory WHERE subject_key IS NOT NULL"
        " AND (valid_to IS NULL OR valid_to > valid_from)) AS line"
        " WHERE following IS NOT NULL AND (valid_to IS NULL OR valid_to > following)",
        _RETIRE,
    ),
    (
        "users whose version is behind their index",
        "SELECT COUNT(*) FROM user_profile u WHERE u.version <"
        " (SELECT COALESCE(MAX(e.position), 0) FROM recall_entry e WHERE e.user_id = u.user_id)",
        _REINDEX,
    ),
    (
        "kinds of log entries whose number is wrong",
        "SELECT COUNT(*) FROM (SELECT 1 FROM (SELECT level, category, COUNT(*) AS entries FROM log_entry"
        " GROUP BY level, category UNION ALL SELECT level, category, -entries FROM log_count) AS told"
        " GROUP BY level, category HAVING SUM(entries) <> 0) AS wrong",
        _RECOUNT,
    ),
)


def disagreements(tx: Tx) -> list[tuple[str, int, str]]:
    """Return (what is counted, number of rows, what to do if there are any) for each check."""
    found: list[tuple[str, int, str]] = [
        ("compressed messages that cannot be read", transcripts.unreadable(tx), _RESTORE),
    ]
    for name, query, advice in _QUESTIONS:
        row = tx.one(query)
        found.append((name, cast("tuple[int]", row)[0], advice))
    return found


def foreign_vectors(tx: Tx, fingerprint: str) -> int:
    """Return how many vectors were made by another embedder than the one with this fingerprint."""
    row = tx.one("SELECT COUNT(*) FROM recall_vector WHERE fingerprint <> ?", (fingerprint,))
    return cast("tuple[int]", row)[0]
