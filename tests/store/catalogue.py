"""What an engine's own catalogue says of a store's tables: in its words, and in words that both engines share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ingat.core.urls import is_postgres
from ingat.store.contract import Row, Store, Tx

_TYPES = {"INTEGER": "integer", "BIGINT": "integer", "TEXT": "text", "BLOB": "bytes"} | {
    "bigint": "integer",
    "integer": "integer",
    "text": "text",
    "bytea": "bytes",
    "timestamp with time zone": "time",
}
_OF_SCHEMA = "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema()"


class Column(NamedTuple):
    """A column, by its name, its sort of values, whether it may be empty, and its place in the primary key."""

    name: str
    sort: str
    nullable: bool
    key: int


class Index(NamedTuple):
    """An index that is not the primary key; None stands for the name that an engine made up, and for an expression."""

    name: str | None
    unique: bool
    columns: tuple[str | None, ...]
    descending: tuple[bool, ...]
    partial: bool


class Reference(NamedTuple):
    """A foreign key."""

    columns: tuple[str, ...]
    table: str
    keys: tuple[str, ...]
    on_update: str


class Table(NamedTuple):
    """A table with all that hangs on it."""

    columns: tuple[Column, ...]
    indexes: frozenset[Index]
    references: frozenset[Reference]


def catalogue(store: Store) -> list[Row]:
    """Return all that the engine knows of the store's tables, in its own words, in order."""
    return store.read(_of_postgres if is_postgres(store.url) else _of_sqlite)


def tables(store: Store) -> dict[str, Table]:
    """Return the tables in words that both engines share; the parts of a partitioned table are not tables."""
    return store.read(_tables_of_postgres if is_postgres(store.url) else _tables_of_sqlite)


# -- SQLite ------------------------------------------------------------------------------------------------------------


def _of_sqlite(tx: Tx) -> list[Row]:
    return [
        (kind, name, table, " ".join(str(sql).split()))
        for kind, name, table, sql in tx.all("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
    ]


def _tables_of_sqlite(tx: Tx) -> dict[str, Table]:
    names = [str(row[0]) for row in tx.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {name: _table_of_sqlite(tx, name) for name in names if not name.startswith("sqlite_")}


def _table_of_sqlite(tx: Tx, table: str) -> Table:
    columns = tuple(
        Column(str(name), _TYPES[str(sort)], not (required or key), _number(key))
        for name, sort, required, key in tx.all('SELECT name, type, "notnull", pk FROM pragma_table_info(?)', (table,))
    )
    indexes = set()
    for name, unique, origin, partial in tx.all(
        'SELECT name, "unique", origin, partial FROM pragma_index_list(?)', (table,)
    ):
        if origin == "pk":
            continue
        parts = tx.all('SELECT name, "desc" FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno', (name,))
        indexes.add(
            Index(
                str(name) if origin == "c" else None,
                bool(unique),
                tuple(None if part[0] is None else str(part[0]) for part in parts),
                tuple(bool(part[1]) for part in parts),
                bool(partial),
            )
        )
    references: dict[Any, list[Row]] = {}
    for row in tx.all(
        'SELECT id, "from", "table", "to", on_update FROM pragma_foreign_key_list(?) ORDER BY id, seq', (table,)
    ):
        references.setdefault(row[0], []).append(row)
    return Table(columns, frozenset(indexes), frozenset(_reference(rows) for rows in references.values()))


def _reference(rows: Iterable[Row]) -> Reference:
    found = list(rows)
    return Reference(
        tuple(str(row[1]) for row in found), str(found[0][2]), tuple(str(row[3]) for row in found), str(found[0][4])
    )


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


# -- PostgreSQL --------------------------------------------------------------------------------------------------------

_WORDS = (
    "SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text, a.attnum::text,"
    " COALESCE(o.collname, ''), COALESCE(pg_get_expr(d.adbin, d.adrelid), ''), c.relkind::text, c.relispartition::text"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')"
    " LEFT JOIN pg_collation o ON o.oid = a.attcollation"
    f" LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum {_OF_SCHEMA}"
    " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
    "SELECT 'constraint', c.relname, k.conname, pg_get_constraintdef(k.oid), k.convalidated::text FROM pg_constraint k"
    f" JOIN pg_class c ON c.oid = k.conrelid {_OF_SCHEMA} ORDER BY c.relname, k.conname",
    "SELECT 'index', c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid::text FROM pg_index i"
    f" JOIN pg_class c ON c.oid = i.indrelid {_OF_SCHEMA} ORDER BY c.relname, 3",
    "SELECT 'partition', c.relname, COALESCE(pg_get_partkeydef(c.oid), ''),"
    f" COALESCE(pg_get_expr(c.relpartbound, c.oid), '') FROM pg_class c {_OF_SCHEMA} AND c.relkind IN ('r', 'p')"
    " ORDER BY c.relname",
    "SELECT 'trigger', c.relname, t.tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t"
    f" JOIN pg_class c ON c.oid = t.tgrelid {_OF_SCHEMA} AND NOT t.tgisinternal ORDER BY c.relname, t.tgname",
    "SELECT 'function', p.proname, pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid ="
    " p.pronamespace WHERE n.nspname = current_schema() ORDER BY p.proname",
)
_UPDATES = {"a": "NO ACTION", "c": "CASCADE"}


def _of_postgres(tx: Tx) -> list[Row]:
    schema = tx.one("SELECT current_schema()")
    assert schema is not None
    here = f"{schema[0]!s}."
    return [tuple(str(each).replace(here, "") for each in row) for words in _WORDS for row in tx.all(words)]


def _tables_of_postgres(tx: Tx) -> dict[str, Table]:
    names = tx.all(
        f"SELECT c.relname FROM pg_class c {_OF_SCHEMA} AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " ORDER BY c.relname"
    )
    return {str(name): _table_of_postgres(tx, str(name)) for (name,) in names}


def _table_of_postgres(tx: Tx, table: str) -> Table:
    columns = tuple(
        Column(str(name), _TYPES[str(sort)], not required, _number(key))
        for name, sort, required, key in tx.all(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::int,"
            " COALESCE(array_position(k.conkey, a.attnum), 0)::bigint FROM pg_attribute a"
            " LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'p'"
            " WHERE a.attrelid = ?::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            (table,),
        )
    )
    indexes = set()
    for name, unique, partial, constrained, number in tx.all(
        "SELECT c.relname, i.indisunique::int, (i.indpred IS NOT NULL)::int, (k.oid IS NOT NULL)::int,"
        " i.indexrelid::bigint FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid"
        " WHERE i.indrelid = ?::regclass AND NOT i.indisprimary",
        (table,),
    ):
        parts = tx.all(
            "SELECT a.attname, (i.indoption[p.place - 1] & 1)::int FROM pg_index i"
            " CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS p (attnum, place)"
            " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = p.attnum AND p.attnum > 0"
            " WHERE i.indexrelid = ?::oid ORDER BY p.place",
            (number,),
        )
        indexes.add(
            Index(
                None if constrained else str(name),
                bool(unique),
                tuple(None if part[0] is None else str(part[0]) for part in parts),
                tuple(bool(part[1]) for part in parts),
                bool(partial),
            )
        )
    return Table(columns, frozenset(indexes), frozenset(_references_of_postgres(tx, table)))


def _references_of_postgres(tx: Tx, table: str) -> Iterable[Reference]:
    names = (
        "ARRAY(SELECT a.attname::text FROM unnest({keys}) WITH ORDINALITY AS p (attnum, place) JOIN pg_attribute a"
        " ON a.attrelid = {of} AND a.attnum = p.attnum ORDER BY p.place)"
    )
    for columns, target, keys, on_update in tx.all(
        f"SELECT array_to_string({names.format(keys='k.conkey', of='k.conrelid')}, ','), f.relname,"
        f" array_to_string({names.format(keys='k.confkey', of='k.confrelid')}, ','), k.confupdtype::text"
        " FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid"
        " WHERE k.conrelid = ?::regclass AND k.contype = 'f' AND k.conparentid = 0",
        (table,),
    ):
        yield Reference(
            tuple(str(columns).split(",")), str(target), tuple(str(keys).split(",")), _UPDATES[str(on_update)]
        )
