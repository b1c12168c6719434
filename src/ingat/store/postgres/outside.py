"""Outside: where a server keeps or sends copies of rows that stay there when the rows are deleted."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors

from ingat.store.contract import Elsewhere
from ingat.store.postgres.files import may_read_files

_UNSEEN = (
    errors.InsufficientPrivilege,
    errors.FeatureNotSupported,
    errors.UndefinedFunction,
    errors.UndefinedTable,
    errors.ObjectNotInPrerequisiteState,
)
"""What is raised where the server does not tell; the last by a standby."""

# up to here the log may hold it: what is written later has no pages with the deleted rows any more
_LOG = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"
_LOG_KEPT = """
SELECT format('%s=%s', name, current_setting(name)) FROM pg_settings
WHERE name = 'wal_keep_size' AND setting <> '0' OR name = 'wal_level' AND setting <> 'replica'
ORDER BY name
"""
_ARCHIVE = "SELECT 'archive_mode=' || setting FROM pg_settings WHERE name = 'archive_mode' AND setting <> 'off'"
_RECEIVERS = """
SELECT COALESCE(concat_ws(' ', NULLIF(application_name, ''), host(client_addr), state), '') FROM pg_stat_replication
ORDER BY 1
"""
_SLOTS = """
SELECT format('%s (%s%s)', slot_name, slot_type, CASE WHEN active THEN '' ELSE ', not used' END)
FROM pg_replication_slots WHERE NOT temporary ORDER BY slot_name
"""
_PUBLICATIONS = "SELECT DISTINCT pubname FROM pg_publication_tables WHERE schemaname = $1 ORDER BY pubname"
_FOREIGN = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind = 'f' ORDER BY c.relname
"""
_UNNAMED = "one without a name"


def elsewhere(conn: psycopg.Connection[Any], schema: str) -> tuple[Elsewhere, ...]:
    """Return the write-ahead log, who receives it, what keeps it back, and where else the server has copies.

    Of what the server does not let this user see no names are told.
    """
    found = [Elsewhere("wal", (*(_asked(conn, _LOG) or ()), *(_asked(conn, _LOG_KEPT) or ())))]
    some = {
        "wal_archive": _asked(conn, _ARCHIVE),
        "replicas": _asked(conn, _RECEIVERS),
        "slots": _asked(conn, _SLOTS),
        "publications": _asked(conn, _PUBLICATIONS, schema),
        "other_servers": _asked(conn, _FOREIGN, schema),
    }
    found += [Elsewhere(code, names or ()) for code, names in some.items() if names is None or names]
    found.append(Elsewhere("server_copies"))
    if not may_read_files(conn):
        found.append(Elsewhere("unsearched"))
    return tuple(found)


def _asked(conn: psycopg.Connection[Any], query: str, *args: str) -> tuple[str, ...] | None:
    """Return the first column of a query; None where the server does not let this user ask."""
    with suppress(*_UNSEEN):
        return tuple(str(row[0]) or _UNNAMED for row in conn.execute(query.encode(), args).fetchall())
    return None
