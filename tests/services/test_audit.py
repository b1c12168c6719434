"""The audit trail: one chain, that anybody can compute, and people by every name that they had."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingat.core.actor import acting_as
from ingat.core.errors import InvalidInput
from ingat.core.secret import Secret
from ingat.services.audit import Audit
from ingat.store.contract import Store, Tx
from ingat.store.open import MEMORY
from ingat.store.tables import audit
from tests.services.trails import add, fill, opened_at, problem

PROGRAM = Path(__file__).parents[1] / "faults" / "programs" / "auditing.py"


def independent(rows: list[Any]) -> str:
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
            st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
            st.integers(0, 2**53),
            st.dictionaries(st.sampled_from(["user", "session", "message"]), st.integers(0, 2**40)),
        ),
        max_size=8,
    )
)
def test_anybody_can_compute_the_chain_from_its_description(entries: list[tuple[str, str | None, int, Any]]) -> None:
    store = opened_at(MEMORY, lambda: 1)
    for reason, target, at, counts in entries:
        add(store, at, "628111", target=target, reason=reason, counts=counts)
    columns = (
        "seq, id, at, actor, action, scope, subject, counts, operation_id, restore_point, text_sha256, people_sha256,"
        " previous, hash"
    )
    rows = store.read(lambda tx: tx.all(f"SELECT {columns} FROM audit_entry ORDER BY seq"))
    texts = store.read(lambda tx: tx.all("SELECT salt, target, reason FROM audit_text ORDER BY seq"))

    previous = ""
    for place, (row, words) in enumerate(zip(rows, texts, strict=True), 1):
        assert row[0] == place
        assert row[10] == independent(list(words))
        assert row[12] == previous
        assert row[13] == independent(["ingat-audit-1", *row[:-1]])
        previous = str(row[13])
    assert Audit(store, Secret(None), lambda: 1).verify().whole
    store.close()


def test_entries_of_several_processes_and_threads_make_one_chain(store: Store, kept: Audit) -> None:
    words = [sys.executable, str(PROGRAM), store.url]
    processes = [subprocess.Popen([*words, f"process {n}", "4", "20"], stderr=subprocess.PIPE) for n in range(3)]
    for process in processes:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err

    check = kept.verify()
    assert check.whole, check.problems
    assert check.entries == 3 * 4 * 16  # each fifth was undone
    assert store.read(lambda tx: tx.one("SELECT COUNT(DISTINCT pseudonym) FROM pseudonym")) == (7,)


def test_what_is_undone_leaves_no_gap(store: Store, kept: Audit) -> None:
    def fail(tx: Tx) -> None:
        audit.append(tx, 1, "erase", "user")
        raise LookupError

    fill(store, 2)
    with pytest.raises(LookupError):
        store.write(fail)
    fill(store, 1)

    assert [each.seq for each in kept.list().items] == [2, 3, 1]  # by time
    assert kept.verify().whole


def test_the_chain_names_nobody(store: Store) -> None:
    add(store, 1, "628111222333", aliases=["budi@example.org"], target="628111222333", reason="Budi asked")
    rows = str(store.read(lambda tx: tx.all("SELECT * FROM audit_entry")))

    assert "628111222333" not in rows
    assert "udi" not in rows


def test_the_same_person_has_one_pseudonym_and_others_have_others(store: Store, kept: Audit) -> None:
    for name in ("ana", "ben", "ana"):
        add(store, 1, name)
    subjects = {each.seq: each.subject for each in kept.list().items}

    assert subjects[1] == subjects[3] != subjects[2]
    assert all(subject is not None and len(subject) >= 12 for subject in subjects.values())


def test_an_entry_says_who_did_it(store: Store, kept: Audit) -> None:
    with acting_as("key:1"):
        add(store, 5, target="x", reason="because", counts={"user": 2}, operation_id="op", restore_point="point")
    (entry,) = kept.list().items

    assert (entry.at, entry.actor, entry.action, entry.scope) == (5, "key:1", "erase", "user")
    assert (entry.target, entry.reason, entry.counts) == ("x", "because", {"user": 2})
    assert (entry.operation_id, entry.restore_point, entry.user_id) == ("op", "point", None)


def test_pages_follow_each_other(store: Store, kept: Audit) -> None:
    fill(store, 7)
    seen, cursor = list[int](), None
    while True:
        page = kept.list(limit=3, cursor=cursor)
        seen += [each.seq for each in page.items]
        cursor = page.next
        if cursor is None:
            break

    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_filters_are_combined(store: Store, kept: Audit) -> None:
    fill(store)
    with acting_as("key:7"):
        store.write(lambda tx: audit.append(tx, 1_002, "export", "store"))

    def seqs(**filters: Any) -> list[int]:
        return [each.seq for each in kept.list(**filters).items]

    assert seqs(action="export") == [7]
    assert seqs(actor="key:7", action="erase") == []
    assert seqs(since=1_002, until=1_004) == [4, 7, 3]
    assert seqs(user_id="user 3", since=1_003) == [4]
    assert seqs(user_id="nobody") == []


def test_what_was_done_to_everything_was_done_to_each(store: Store, kept: Audit) -> None:
    fill(store, 2)
    store.write(lambda tx: audit.append(tx, 5_000, "erase", "everything"))

    assert [each.seq for each in kept.list(user_id="user 1").items] == [3, 2]


def test_a_pseudonym_finds_a_purged_person(store: Store, kept: Audit) -> None:
    fill(store, 3)
    subject = kept.list(user_id="user 1").items[0].subject
    store.write(lambda tx: audit.forget(tx, ["user 1"]))

    assert kept.list(user_id="user 1").items == ()
    assert subject is not None
    assert [each.seq for each in kept.list(user_id=subject).items] == [2]


def test_a_given_alias_finds_somebody_who_is_gone(store: Store, kept: Audit) -> None:
    add(store, 1, "ana", aliases=["628111"])

    (entry,) = kept.list(user_id="+62 8111").items

    assert entry.user_id == "ana"


@pytest.mark.parametrize("filters", [{"limit": 0}, {"since": -1}, {"cursor": "x"}, {"action": 3}, {"user_id": ""}])
def test_a_wrong_filter_is_refused(kept: Audit, filters: Any) -> None:
    with pytest.raises(InvalidInput):
        kept.list(**filters)


def both(store: Store, at: int = 9, **more: Any) -> None:
    """Enter an act that touched two people."""
    store.write(lambda tx: audit.append(tx, at, "restore", "restore", people=("ana", "ben"), **more))


def test_an_act_upon_several_people_is_found_by_each_of_them(store: Store, kept: Audit) -> None:
    both(store)
    add(store, 10, "caro")

    for name in ("ana", "ben"):
        assert [each.seq for each in kept.list(user_id=name).items] == [1]
    assert [each.seq for each in kept.list(user_id="caro").items] == [2]
    entry = kept.list(user_id="ana").items[0]
    assert (entry.people, entry.subject, entry.user_id) == (2, None, None)
    assert kept.verify().whole


def test_one_person_alone_is_the_subject(store: Store, kept: Audit) -> None:
    store.write(lambda tx: audit.append(tx, 9, "undo", "everything", people=("ana",)))

    (entry,) = kept.list(user_id="ana").items
    assert (entry.user_id, entry.people, entry.people_sha256) == ("ana", 1, None)
    assert kept.list(user_id="ben").items == ()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_person WHERE seq = 1",
        "INSERT INTO audit_person (seq, pseudonym) VALUES (1, 'ff')",
        "INSERT INTO audit_person (seq, pseudonym) VALUES (2, 'ff')",
    ],
    ids=["gone", "another", "invented"],
)
def test_people_who_were_changed_are_found(store: Store, kept: Audit, statement: str) -> None:
    both(store)
    add(store, 10, "caro")
    store.write(lambda tx: tx.run(statement))

    assert "The people of entry" in problem(kept)


def test_pruning_forgets_the_people_of_the_entries_that_go(store: Store, kept: Audit) -> None:
    both(store)
    add(store, 10, "ben")
    kept.prune(10)

    assert store.read(lambda tx: tx.all("SELECT seq FROM audit_person")) == []
    assert store.read(lambda tx: tx.all("SELECT user_id FROM pseudonym")) == [("ben",)]
    assert kept.verify().whole


def test_after_a_purge_of_one_of_them_the_other_is_found_and_the_chain_is_whole(store: Store, kept: Audit) -> None:
    both(store, reason="for ben")
    store.write(lambda tx: audit.forget(tx, ["ana"]))

    assert kept.list(user_id="ana").items == ()
    assert [each.reason for each in kept.list(user_id="ben").items] == ["for ben"]
    assert kept.verify().whole


def test_who_is_known_is_told(store: Store, kept: Audit) -> None:
    both(store)
    subject = str(store.read(lambda tx: tx.all("SELECT pseudonym FROM audit_person"))[0][0])

    assert [kept.knows(each) for each in ("ana", subject, "628999")] == [True, True, False]


def test_an_action_that_is_never_entered_is_refused(kept: Audit) -> None:
    with pytest.raises(InvalidInput, match=r"There is no action 'nonsense'.*erase"):
        kept.list(action="nonsense")
