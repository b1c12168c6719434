"""Sizes and faults of the tables of one schema, as the server's own catalog tells them."""

from __future__ import annotations

from ingat.store.contract import Tx
from ingat.store.postgres.horizon import PROBE

# partitions are tables of their own; a table's total has its indexes and its long values (TOAST) in it
_TABLES = (
    "SELECT c.oid, c.relname, c.relpersistence FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND c.relkind = 'r'"
)
_SIZE = f"SELECT COALESCE(SUM(pg_total_relation_size(t.oid)), 0) FROM ({_TABLES}) t"
_USED = (
    "SELECT COALESCE(SUM(pg_total_relation_size(t.oid) * CASE WHEN s.n_live_tup + s.n_dead_tup > 0"
    " THEN s.n_live_tup::float8 / (s.n_live_tup + s.n_dead_tup) ELSE 1.0 END), 0)::bigint"
    f" FROM ({_TABLES}) t LEFT JOIN pg_stat_user_tables s ON s.relid = t.oid"
)
_INVALID = (
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready AND i.indislive) ORDER BY c.relname"
)
_UNCHECKED = (
    "SELECT r.conname, c.relname FROM pg_constraint r JOIN pg_class c ON c.oid = r.conrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND NOT r.convalidated ORDER BY c.relname, r.conname"
)
_SWITCHED_OFF = (
    "SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND t.tgenabled NOT IN ('O', 'A') ORDER BY c.relname"
)
_UNLOGGED = (
    f"SELECT t.relname FROM ({_TABLES}) t WHERE t.relpersistence = 'u' AND t.relname <> '{PROBE}' ORDER BY t.relname"
)
_CHECKSUMS = "SELECT COALESCE(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()"


def size(tx: Tx) -> int:
    """Return what tables, their indexes and their long values take on the server's disk."""
    return _number(tx, _SIZE)


def count_now(tx: Tx) -> None:
    """Let the server count what was written on this connection when the transaction ends, not some seconds later."""
    tx.one("SELECT pg_stat_force_next_flush()")


def used(tx: Tx) -> int:
    """Return about what rows that live take of it: of each table the part of its rows that are not dead.

    A connection tells the server of what it wrote about once a second, and when `count_now` asks for it.
    """
    return _number(tx, _USED)


def findings(tx: Tx) -> list[str]:
    """Return what is wrong: broken indexes and pages, and what lets wrong rows in or loses rows in a crash."""
    found = [f"the index {name!s} is not valid" for (name,) in tx.all(_INVALID)]
    found += [f"the constraint {name!s} of {table!s} was never checked" for name, table in tx.all(_UNCHECKED)]
    found += [f"triggers of {table!s} are switched off, constraints among them" for (table,) in tx.all(_SWITCHED_OFF)]
    found += [f"the table {table!s} is not logged: a crash of the server empties it" for (table,) in tx.all(_UNLOGGED)]
    wrong = _number(tx, _CHECKSUMS)
    if wrong:
        found.append(f"{wrong} pages of the database do not fit their checksums")
    return found


def _number(tx: Tx, query: str) -> int:
    row = tx.one(query)
    return int(row[0] or 0) if row else 0
