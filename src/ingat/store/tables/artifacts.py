"""The table artifact: what is known of files that sessions made or were given. See store.files for their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ingat.core.artifacts import Artifact
from ingat.core.json import decode_object, encode_object
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables.paging import Cursor, encode_cursor, keyset, listing

LIST = listing("artifacts", "created_at", True)
NAMES_AT_ONCE = 500
"""Names of files that one query asks for."""
_COLUMNS = "id, user_id, session_id, name, kind, media_type, size_bytes, sha256, metrics, metadata, created_at"


def _artifact(row: Row) -> Artifact:
    values: Any = row
    return Artifact(
        id=values[0],
        user_id=values[1] or None,
        session_id=values[2],
        name=values[3],
        kind=values[4],
        media_type=values[5],
        size_bytes=values[6],
        sha256=values[7],
        metrics=decode_object(values[8]),
        metadata=decode_object(values[9]),
        created_at=values[10],
    )


def get(tx: Tx, artifact_id: str) -> Artifact | None:
    """Return one artifact, or None."""
    row = tx.one(f"SELECT {_COLUMNS} FROM artifact WHERE id = ?", (artifact_id,))
    return _artifact(row) if row else None


def insert(tx: Tx, artifact: Artifact) -> None:
    """Add an artifact; StoreConflict when its id is taken. Its file must be in its place already."""
    values: tuple[Value, ...] = (
        artifact.id,
        artifact.user_id or "",
        artifact.session_id,
        artifact.name,
        artifact.kind,
        artifact.media_type,
        artifact.size_bytes,
        artifact.sha256,
        encode_object(artifact.metrics, "metrics"),
        encode_object(artifact.metadata, "metadata"),
        artifact.created_at,
    )
    tx.run(f"INSERT INTO artifact ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)


def page(
    tx: Tx,
    limit: int,
    *,
    cursor: Cursor | None = None,
    user_id: str | None = None,
    session_id: str | None = None,
    kind: str | None = None,
) -> tuple[list[Artifact], str | None]:
    """Return one page, newest first, and the cursor of the next; `user_id` None is everybody's, "" nobody's."""
    after, args, order = keyset(LIST, "created_at", "id", True, cursor)
    where = [after]
    for column, value in (("user_id", user_id), ("session_id", session_id), ("kind", kind)):
        if value is not None:
            where.append(f"{column} = ?")
            args.append(value)
    rows = tx.all(f"SELECT {_COLUMNS} FROM artifact WHERE {' AND '.join(where)} {order} LIMIT ?", (*args, limit + 1))
    found = [_artifact(row) for row in rows[:limit]]
    return found, encode_cursor(LIST, found[-1].created_at, found[-1].id) if len(rows) > limit else None


def after(tx: Tx, artifact_id: str, limit: int) -> list[Artifact]:
    """Return up to `limit` artifacts of everybody whose ids come behind one, in the order of ids."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM artifact WHERE id > ? ORDER BY id LIMIT ?", (artifact_id, limit))
    return [_artifact(row) for row in rows]


def of_user_after(tx: Tx, user_id: str, at: int, artifact_id: str, limit: int) -> list[Artifact]:
    """Return up to `limit` artifacts of a user that were made behind one, oldest first; "" is nobody."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM artifact WHERE user_id = ? AND (created_at, id) > (?, ?)"
        " ORDER BY created_at, id LIMIT ?",
        (user_id, at, artifact_id, limit),
    )
    return [_artifact(row) for row in rows]


def files_after(tx: Tx, user_id: str | None, sha256: str, limit: int) -> list[tuple[str, int]]:
    """Return up to `limit` files behind one, each once, with their bytes; `user_id` None is everybody's."""
    whose, args = ("", ()) if user_id is None else ("user_id = ? AND ", (user_id,))
    rows = tx.all(
        f"SELECT sha256, MAX(size_bytes) FROM artifact WHERE {whose}sha256 > ? GROUP BY sha256 ORDER BY sha256 LIMIT ?",
        (*args, sha256, limit),
    )
    return cast("list[tuple[str, int]]", rows)


def keys_of(tx: Tx, user_id: str) -> list[tuple[str, str]]:
    """Return id and file of each of a user's artifacts, in the order of files: what tells whether they have changed."""
    rows = tx.all("SELECT id, sha256 FROM artifact WHERE user_id = ? ORDER BY sha256, id", (user_id,))
    return cast("list[tuple[str, str]]", rows)


def named(tx: Tx, files: Sequence[str]) -> set[str]:
    """Return which of these files any artifact has."""
    found: set[str] = set()
    for start in range(0, len(files), NAMES_AT_ONCE):
        some = files[start : start + NAMES_AT_ONCE]
        rows = tx.all(f"SELECT DISTINCT sha256 FROM artifact WHERE sha256 IN ({', '.join('?' * len(some))})", some)
        found.update(cast(str, row[0]) for row in rows)
    return found


def move(tx: Tx, source: str, target: str) -> None:
    """Give one user's artifacts to another."""
    tx.run("UPDATE artifact SET user_id = ? WHERE user_id = ?", (target, source))


def size_bytes(tx: Tx) -> int:
    """Return how many bytes the files of all artifacts have, each file once."""
    row = tx.one("SELECT COALESCE(SUM(size), 0) FROM (SELECT MAX(size_bytes) AS size FROM artifact GROUP BY sha256) f")
    return int(cast("tuple[int]", row)[0])


def count(tx: Tx) -> int:
    """Return how many artifacts there are."""
    return cast("tuple[int]", tx.one("SELECT COUNT(*) FROM artifact"))[0]
