"""Pruning leaves a chain that is whole, and a signed checkpoint says where it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingat.core.actor import acting_as
from ingat.core.errors import InvalidInput, SecretMissing
from ingat.core.secret import Secret
from ingat.services.audit import Audit
from ingat.services.sealer import Sealer
from ingat.store.contract import Store
from ingat.testing import TurnableClock
from tests.services.trails import add, fill, problem, run


def test_pruning_leaves_a_chain_that_is_whole(store: Store, kept: Audit) -> None:
    fill(store)
    pruned = kept.prune(1_003)

    assert (pruned.entries, pruned.first_seq) == (3, 4)
    check = kept.verify()
    assert (check.entries, check.pruned, check.whole) == (4, 3, True)
    assert store.read(lambda tx: tx.one("SELECT MIN(seq), COUNT(*) FROM audit_text")) == (4, 4)


def test_pruning_is_itself_entered(store: Store, kept: Audit, clock: TurnableClock) -> None:
    fill(store)
    with acting_as("cli:budi"):
        kept.prune(1_003)
    newest = kept.list().items[0]

    assert (newest.at, newest.actor, newest.action, newest.counts) == (clock(), "cli:budi", "audit.prune", {"audit": 3})


def test_the_newest_entry_stays(store: Store, kept: Audit) -> None:
    fill(store)
    kept.prune(99_999)

    assert [each.seq for each in kept.list().items] == [7, 6]
    assert kept.verify().whole


def test_pruning_stops_at_the_first_entry_that_is_young(store: Store, kept: Audit) -> None:
    for at in (1, 9_000, 2, 3):
        add(store, at)

    assert kept.prune(5_000).entries == 1
    assert kept.verify().whole


def test_pruning_nothing_writes_nothing(store: Store, kept: Audit, folder: Path) -> None:
    fill(store)

    pruned = kept.prune(1_000)

    assert (pruned.entries, pruned.first_seq) == (0, 1)
    assert list(folder.iterdir()) == []
    assert kept.verify().entries == 6


def test_pruning_twice_counts_on(store: Store, kept: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingat.services.audit.PRUNED_AT_ONCE", 2)
    fill(store)
    kept.prune(1_001)
    pruned = kept.prune(1_005)

    assert (pruned.entries, pruned.first_seq) == (4, 6)
    check = kept.verify()
    assert (check.pruned, check.whole) == (5, True)


def test_who_is_in_no_entry_any_more_is_forgotten(store: Store, kept: Audit) -> None:
    fill(store)
    add(store, 2_000, "user 0")
    kept.prune(1_003)

    known = store.read(lambda tx: tx.all("SELECT user_id FROM pseudonym ORDER BY user_id"))
    assert [row[0] for row in known] == ["user 0", "user 3", "user 4", "user 5"]


CHECKPOINTS = {
    "moved": ("UPDATE audit_checkpoint SET seq = 2, entries = 2", "The checkpoint after entry 2"),
    "another count": ("UPDATE audit_checkpoint SET entries = 9", "The checkpoint after entry 3"),
    "another hash": ("UPDATE audit_checkpoint SET hash = 'aa'", "The checkpoint after entry 3"),
    "another actor": ("UPDATE audit_checkpoint SET actor = 'x'", "The checkpoint after entry 3"),
    "another signature": ("UPDATE audit_checkpoint SET signature = 'aa'", "The checkpoint after entry 3"),
    "gone": ("DELETE FROM audit_checkpoint", "Entries 1 to 3 are missing."),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_a_checkpoint_that_was_changed_is_found(store: Store, kept: Audit, case: str) -> None:
    statement, told = CHECKPOINTS[case]
    fill(store)
    kept.prune(1_003)
    run(store, statement)

    assert kept.verify().problems[0].startswith(told)


def test_a_false_checkpoint_over_removed_entries_is_found(store: Store, kept: Audit) -> None:
    fill(store)
    kept.prune(1_001)
    run(store, "DELETE FROM audit_entry WHERE seq <= 3")
    run(
        store,
        "UPDATE audit_checkpoint SET seq = 3, entries = 3, hash = (SELECT previous FROM audit_entry WHERE seq = 4)",
    )

    assert problem(kept).endswith("was changed: its signature is wrong.")


def test_a_lost_key_is_told_and_nothing_is_pruned(
    store: Store, kept: Audit, folder: Path, clock: TurnableClock
) -> None:
    fill(store)
    kept.prune(1_001)
    (folder / "secret.key").unlink()
    again = Audit(store, Secret(folder), clock)

    assert "cannot be checked: The key secret.key" in problem(again)
    with pytest.raises(SecretMissing):
        again.prune(1_003)
    assert again.list(action="erase").items[-1].seq == 2


@pytest.mark.parametrize("before", [None, -1, 1.5, "1", True])
def test_a_time_that_is_none_is_refused(kept: Audit, before: Any) -> None:
    with pytest.raises(InvalidInput):
        kept.prune(before)


def test_a_seal_of_what_was_pruned_since_is_no_loss(store: Store, kept: Audit, sealer: Sealer) -> None:
    fill(store, 2)
    sealer.seal()
    fill(store, 3)
    kept.prune(1_900)

    assert kept.verify().whole
    assert sealer.seal()
