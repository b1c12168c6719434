"""Operations: what was done that took something away, by whom and why."""

from __future__ import annotations

from ingat.core.ids import check_id
from ingat.core.limits import check_limit
from ingat.core.records import Page
from ingat.core.reports import Operation
from ingat.store.contract import Store
from ingat.store.tables import operations as table
from ingat.store.tables.paging import decode_cursor


class Operations:
    """The recorded operations of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, operation_id: str) -> Operation:
        """Return one operation, or raise OperationNotFound."""
        known = check_id(operation_id, "operation id")
        return self._store.read(lambda tx: table.required(tx, known))

    def list(self, limit: int = 50, cursor: str | None = None) -> Page[Operation]:
        """Return one page of operations, newest first; `page.next` is the cursor of the next page."""
        check_limit(limit, "limit")
        after = decode_cursor(cursor, table.NEWEST_FIRST)
        items, more = self._store.read(lambda tx: table.page(tx, limit, after))
        return Page(items=tuple(items), next=more)
