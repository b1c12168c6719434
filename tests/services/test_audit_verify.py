"""Every change of the audit trail is found, and which entry it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingat.core.secret import Secret
from ingat.services.audit import Audit
from ingat.services.sealer import Sealer
from ingat.store.contract import Store, Tx
from ingat.store.open import MEMORY
from ingat.store.tables import audit, trail
from ingat.testing import TurnableClock
from tests.services.trails import add, fill, opened_at, problem, run


def test_a_trail_without_entries_is_whole(kept: Audit) -> None:
    check = kept.verify()

    assert (check.entries, check.pruned, check.whole, check.problems) == (0, 0, True, ())


TAMPERED = {
    "another actor": ("UPDATE audit_entry SET actor = 'cli:eve' WHERE seq = 3", "Entry 3 was changed"),
    "another time": ("UPDATE audit_entry SET at = at + 1 WHERE seq = 3", "Entry 3 was changed"),
    "another number": ("UPDATE audit_entry SET counts = '{}' WHERE seq = 3", "Entry 3 was changed"),
    "another person": ("UPDATE audit_entry SET subject = 'aaaaaaaaaaaa' WHERE seq = 3", "Entry 3 was changed"),
    "nobody": ("UPDATE audit_entry SET subject = NULL WHERE seq = 3", "Entry 3 was changed"),
    "another reason": ("UPDATE audit_text SET reason = 'none' WHERE seq = 3", "The words of entry 3"),
    "another target": ("UPDATE audit_text SET target = 'ben' WHERE seq = 3", "The words of entry 3"),
    "another salt": ("UPDATE audit_text SET salt = '' WHERE seq = 3", "The words of entry 3"),
    "words gone": ("DELETE FROM audit_text WHERE seq = 3", "The words of entry 3 are gone, and no purge came later"),
    "one in the middle gone": ("DELETE FROM audit_entry WHERE seq = 3", "Entry 3 is missing."),
    "several gone": ("DELETE FROM audit_entry WHERE seq IN (3, 4)", "Entries 3 to 4 are missing."),
    "the first gone": ("DELETE FROM audit_entry WHERE seq = 1", "Entry 1 is missing."),
    "the newest gone": ("DELETE FROM audit_entry WHERE seq = 6", "Entry 6 is missing. They are the newest"),
    "the newest two gone": (
        "DELETE FROM audit_entry WHERE seq >= 5",
        "Entries 5 to 6 are missing. They are the newest",
    ),
    "all gone": ("DELETE FROM audit_entry", "Entries 1 to 6 are missing. They are the newest"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampering_is_found_and_named(store: Store, kept: Audit, sealer: Sealer, case: str) -> None:
    statement, told = TAMPERED[case]
    fill(store)
    sealer.seal()
    assert kept.verify().whole

    run(store, statement)

    assert problem(kept).startswith(told)


def test_two_entries_that_change_places_are_found(store: Store, kept: Audit) -> None:
    fill(store)
    for table in ("audit_entry", "audit_text"):
        for before, after in ((3, -1), (4, 3), (-1, 4)):
            run(store, f"UPDATE {table} SET seq = ? WHERE seq = ?", after, before)

    problems = kept.verify().problems

    assert "Entry 3 was changed after it was written: its hash does not fit what it says." in problems
    assert "Entry 4 does not follow from entry 3" in " ".join(problems)


def rewritten(store: Store, seq: int, **values: Any) -> None:
    """Change an entry and give it the hash that fits."""

    def work(tx: Tx) -> None:
        entry = next(entry for entry, *_ in trail.chain(tx) if entry.seq == seq)._replace(**values)
        tx.run("DELETE FROM audit_entry WHERE seq = ?", (seq,))
        marks = ", ".join("?" * len(entry))
        tx.run(
            f"INSERT INTO audit_entry ({audit.COLUMNS}) VALUES ({marks})", entry._replace(hash=entry.computed_hash())
        )

    store.write(work)


def test_an_entry_that_is_written_anew_with_its_hash_is_found(store: Store, kept: Audit) -> None:
    fill(store)
    rewritten(store, 3, actor="cli:eve")

    assert problem(kept).startswith("Entry 4 does not follow from entry 3")


def test_a_newest_entry_that_is_written_anew_is_found(store: Store, kept: Audit, sealer: Sealer) -> None:
    fill(store)
    sealer.seal()
    rewritten(store, 6, actor="cli:eve")

    assert problem(kept).startswith("Entry 6 is not the one that audit.head names")


def test_an_end_that_was_cut_off_and_grew_again_is_found(store: Store, kept: Audit, sealer: Sealer) -> None:
    fill(store)
    sealer.seal()
    run(store, "DELETE FROM audit_entry WHERE seq > 4")
    fill(store, 5)

    assert problem(kept).startswith("Entry 6 is not the one that audit.head names")


def test_an_operation_without_its_entry_is_found_without_any_seal(
    store: Store, kept: Audit, clock: TurnableClock
) -> None:
    run(
        store,
        "INSERT INTO operation (id, kind, scope, actor, reason, counts, created_at)"
        " VALUES ('op1', 'erase', 'user', 'cli:budi', '', '{}', ?)",
        clock() + 5,
    )

    assert problem(kept) == "Operation op1 has no entry: it was taken out of the chain."
    add(store, clock() + 5, operation_id="op1")
    assert kept.verify().whole


def test_an_operation_from_before_there_was_a_trail_needs_no_entry(
    store: Store, kept: Audit, clock: TurnableClock
) -> None:
    run(
        store,
        "INSERT INTO operation (id, kind, scope, actor, reason, counts, created_at)"
        " VALUES ('op1', 'erase', 'user', 'cli:budi', '', '{}', ?)",
        clock() - 5,
    )

    assert kept.verify().whole


def test_a_great_many_problems_are_counted(store: Store, kept: Audit) -> None:
    fill(store, 80)
    run(store, "UPDATE audit_entry SET actor = 'cli:eve'")

    problems = kept.verify().problems

    assert len(problems) == 51
    assert problems[-1] == "30 further problems are not listed."


def test_words_that_a_purge_removed_leave_the_chain_whole(store: Store, kept: Audit) -> None:
    fill(store)

    def purge(tx: Tx) -> int:
        removed = audit.forget(tx, ["user 2"])
        audit.append(tx, 9_000, "purge", "user", target="the purge")
        return removed

    assert store.write(purge) == 1
    assert kept.verify().whole
    entry = next(each for each in kept.list().items if each.seq == 3)
    assert (entry.user_id, entry.target, entry.reason) == (None, None, None)
    assert entry.subject is not None


def test_words_that_go_after_the_purge_are_found(store: Store, kept: Audit) -> None:
    fill(store, 2)
    store.write(lambda tx: audit.append(tx, 9_000, "purge", "user"))
    fill(store, 2)
    run(store, "DELETE FROM audit_text WHERE seq = 4")

    assert problem(kept).startswith("The words of entry 4 are gone")


def test_the_words_of_others_that_name_somebody_can_be_removed(store: Store, kept: Audit) -> None:
    fill(store, 3)

    def purge(tx: Tx) -> None:
        audit.forget_texts(tx, [2])
        audit.append(tx, 9_000, "purge", "user")

    store.write(purge)

    assert kept.verify().whole
    assert next(each for each in kept.list().items if each.seq == 2).user_id == "user 1"


def test_verifying_writes_nothing(store: Store, kept: Audit, folder: Path) -> None:
    fill(store)
    kept.verify()

    assert list(folder.iterdir()) == []


CELLS = [
    *(("audit_entry", name) for name in audit.COLUMNS.split(", ")),
    *(("audit_text", name) for name in ("seq", "salt", "target", "reason")),
]


@given(cell=st.sampled_from(CELLS), seq=st.integers(1, 5), new=st.integers(0, 9) | st.text("abc01", max_size=3))
def test_no_cell_can_be_changed_unnoticed(cell: tuple[str, str], seq: int, new: int | str) -> None:
    store = opened_at(MEMORY, lambda: 1)
    fill(store, 5)
    table, column = cell
    kept = Audit(store, Secret(None), lambda: 1)
    value = 10 + seq if column == "seq" else new

    def change(tx: Tx) -> bool:
        before = tx.one(f"SELECT {column} FROM {table} WHERE seq = ?", (seq,))
        tx.run(f"UPDATE {table} SET {column} = ? WHERE seq = ?", (value, seq))
        return before != tx.one(f"SELECT {column} FROM {table} WHERE seq = ?", (value if column == "seq" else seq,))

    changed = store.write(change) or column == "seq"

    assert kept.verify().whole is not changed
    store.close()
