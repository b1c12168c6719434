"""The catalogue: every table of the schema with its key and columns, in an order in which rows can be added.

What an engine keeps for itself stands in ENGINES_OWN; whatever else is in a store is here.
"""

from __future__ import annotations

from typing import NamedTuple

ENGINES_OWN = frozenset({"schema_migration", "sqlite_sequence", "write_turn", "write_mark", "log_number"})
"""Tables that belong to one store or one engine, and say nothing that another store must know."""


class Table(NamedTuple):
    """A table. No column of its key is NULL, and the order by its key is the same on every engine.

    `large` are the columns whose values may be long. `refers` are the tables whose rows its own name.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    large: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()


def _table(name: str, key: str, columns: str, *, large: str = "", refers: tuple[str, ...] = ()) -> Table:
    """Return a table whose columns are those of its key and the others."""
    keys = tuple(key.split())
    return Table(name, keys, (*keys, *columns.split()), tuple(large.split()), refers)


SETTING = _table("setting", "name", "value")

TABLES = (
    SETTING,
    _table(
        "user_profile",
        "user_id",
        "name gender product address language role protected flags slots metadata version epoch created_at updated_at",
        large="flags slots metadata",
    ),
    _table("user_alias", "alias", "user_id", refers=("user_profile",)),
    _table(
        "session",
        "user_id id",
        "name description project_id channel metadata state last_seq message_count tokens created_at updated_at"
        " active_at closed_at archived_at packed_at reopened_at",
        large="metadata",
        refers=("user_profile",),
    ),
    _table("session_owner", "session_id", "user_id"),
    _table(
        "message",
        "user_id session_id seq",
        "id role content author attachments metadata tokens at packed",
        large="content attachments metadata",
        refers=("session",),
    ),
    _table("transcript_pack", "user_id session_id part", "codec raw_bytes body", large="body", refers=("session",)),
    _table(
        "memory",
        "user_id id",
        "kind text text_key subject subject_key valid_from valid_to superseded_by session_id message_ids metadata"
        " position created_at updated_at",
        large="text message_ids metadata",
        refers=("user_profile",),
    ),
    _table(
        "recall_entry",
        "user_id position",
        "source source_id session_id seq role author at valid_from valid_to terms pairs flags words",
        large="terms pairs",
    ),
    _table("recall_vector", "user_id position fingerprint", "vectors", large="vectors"),
    _table("access_key", "id", "hash role user_id name created_at revoked_at"),
    _table("key_session", "key_id", "session_id updated_at"),
    _table("log_entry", "seq", "id at level category source message data user_id session_id", large="message data"),
    _table("log_count", "level category", "entries"),
    _table(
        "snapshot",
        "id",
        "user_id name version description is_auto size_bytes sha256 metadata created_at state",
        large="metadata state",
    ),
    _table("retention_policy", "number", "policy actor changed_at"),
    _table("session_expiry", "session_id", "cause expired_at done_at memory_id next_id attempts error", large="error"),
    _table(
        "job",
        "name",
        "enabled last_started_at last_finished_at last_error last_result runs failures updated_at",
        large="last_error last_result",
    ),
    _table("job_slot", "job slot", "claimed_by claimed_at seen_at finished_at"),
    _table(
        "operation",
        "id",
        "kind scope target actor reason counts restore_point created_at undone_at undone_by reverts",
        large="counts",
    ),
    _table("daily_measure", "day", "at measures", large="measures"),
    _table(
        "artifact",
        "id",
        "user_id session_id name kind media_type size_bytes sha256 metrics metadata created_at",
        large="metrics metadata",
    ),
    _table("pseudonym", "user_id pseudonym", "main created_at"),
    _table(
        "audit_entry",
        "seq",
        "id at actor action scope subject counts operation_id restore_point text_sha256 people_sha256 previous hash",
    ),
    _table("audit_text", "seq", "salt target reason"),
    _table("audit_person", "seq pseudonym", ""),
    _table("audit_checkpoint", "seq", "hash at actor entries before signature"),
    _table("purge_ledger", "id_hash", "purge_id at actor reason"),
)
"""Every table but those in ENGINES_OWN; a row refers to rows of tables before its own."""


def dependents(table: Table) -> list[Table]:
    """Return the tables whose rows refer to rows of this one, directly or through others, the farthest first."""
    names, found = {table.name}, list[Table]()
    for each in TABLES:
        if names & {*each.refers}:
            names.add(each.name)
            found.insert(0, each)
    return found
