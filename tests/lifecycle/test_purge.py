"""Purge removes a person from every place, says so place by place, and nothing brings them back."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingat.core.errors import (
    Conflict,
    IngatError,
    InvalidInput,
    MemoryOff,
    ProtectedUser,
    SecretMissing,
    UserNotFound,
)
from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock, open_memory
from tests.engine import same_store, store_at
from tests.lifecycle.dump import index, truth
from tests.lifecycle.forgotten import ALIAS, PERSON, WORD, WORDS, codes, exported, live, others, points, removed
from tests.lifecycle.traces import files_with, without


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "store"
    made.mkdir()
    return made


@pytest.fixture
def memory(folder: Path, clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(**store_at(folder / "store.db"), now=clock) as opened:
        yield opened


STANDING = ["handed_out", "outside_logs", "other_services", "ledger", "audit"]


def test_nothing_of_the_person_is_in_any_byte_of_any_file(memory: Memory, clock: TurnableClock, folder: Path) -> None:
    others(memory)
    live(memory, clock)
    assert set(files_with(folder, *WORDS)) >= {"store.db.data/restore-points/" + n.name for n in points(folder)}

    certificate = memory.purge(PERSON, reason="asked in writing")

    assert certificate.complete
    assert codes(certificate) == STANDING
    assert files_with(folder, *WORDS, "of-theirs", "of-the-visitor") == {}
    assert memory.recaller.cached()[0] == 0
    assert memory.audit.verify().whole
    assert [check.name for check in memory.doctor() if check.state == "bad"] == []


def test_rows_of_everybody_else_are_untouched(memory: Memory, clock: TurnableClock) -> None:
    others(memory)
    before, entries = truth(memory), index(memory)
    live(memory, clock)

    memory.purge(ALIAS, reason="asked")

    after = truth(memory)
    for table in ("log_entry", "log_count"):  # what Ingat reports of itself
        before.pop(table), after.pop(table)
    assert after == before
    assert index(memory) == entries
    assert [entry.message for entry in memory.logs.list().items if entry.user_id == "ben"] == ["ben was here"]
    assert [key.user_id for key in memory.keys.list()] == ["ben"]
    (kept,) = memory.artifacts.list().items
    assert kept.user_id == "ben"


def test_the_certificate_says_what_was_removed_where_and_names_nobody(memory: Memory, clock: TurnableClock) -> None:
    others(memory)
    live(memory, clock)

    certificate = memory.purge(PERSON, reason="asked")

    gone = removed(certificate)
    assert {place: gone[place] for place in ("users", "sessions", "snapshots", "artifacts", "access keys")} == {
        "users": 1,
        "sessions": 3,
        "snapshots": 1,
        "artifacts": 1,
        "access keys": 1,
    }
    assert gone["aliases"] == 2
    assert gone["messages"] == 122
    assert gone["log entries"] >= 3
    assert gone["files of artifacts"] == 1
    (copies,) = (each for each in certificate.searched if each.place == "backups and restore points")
    assert (copies.looked_through, copies.rewritten) == (3, 1)
    assert not any(word in str(certificate) for word in WORDS)
    entry = memory.audit.list(action="purge").items[0]
    assert (entry.target, entry.subject, entry.reason) == (certificate.purge_id, None, "asked")


def test_a_dry_run_counts_the_same_and_changes_nothing(memory: Memory, clock: TurnableClock, folder: Path) -> None:
    others(memory)
    live(memory, clock)
    before, files = truth(memory), [path.read_bytes() for path in points(folder)]

    foreseen = memory.purge(PERSON, reason="asked", dry_run=True)

    assert truth(memory) == before
    assert [path.read_bytes() for path in points(folder)] == files
    assert (foreseen.dry_run, foreseen.complete, foreseen.purge_id) == (True, False, "")
    done = removed(memory.purge(PERSON, reason="asked"))
    done.pop("backups and restore points"), done.pop("files of artifacts")
    assert removed(foreseen) == done


def test_words_of_operations_and_of_the_audit_trail_go_and_others_stay(memory: Memory, clock: TurnableClock) -> None:
    others(memory)
    live(memory, clock)
    memory.erase.session("bens-own-session", reason="ben wanted it")

    memory.purge(PERSON, reason="asked")

    said = {(each.target, each.reason) for each in memory.operations.list().items if each.kind == "erase"}
    assert said == {("bens-own-session", "ben wanted it"), (None, "")}
    assert memory.audit.list(user_id=PERSON).items == ()
    assert memory.audit.list(user_id="ben").items[0].reason == "ben wanted it"


def test_a_person_who_came_back_is_another_whose_rows_may_be_carried(memory: Memory, clock: TurnableClock) -> None:
    memory.users.save(PERSON, name=WORD)
    old = exported(memory)
    memory.purge(PERSON, reason="asked")
    clock.turn(days=1)
    memory.users.save(PERSON, name="Another")
    memory.remember(PERSON, "new")
    new = exported(memory)

    with open_memory(**same_store(memory.store.url), now=clock) as again:
        assert again.import_from(io.BytesIO(old)).skipped["users"] == 1
        again.erase.user(PERSON)
        report = again.import_from(io.BytesIO(new))
        assert (report.imported["users"], report.imported["memories"]) == (1, 1)
        assert again.users.get(PERSON).name == "Another"


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_an_import_does_not_bring_a_purged_person_back(memory: Memory, clock: TurnableClock, format: str) -> None:
    others(memory)
    live(memory, clock)
    everything = exported(memory, format=format)
    memory.purge(PERSON, reason="asked")
    before = truth(memory)

    report = memory.import_from(io.BytesIO(everything))

    after = truth(memory)
    for dump in (before, after):
        dump["log_entry"] = [row for row in dump["log_entry"] if row["category"] not in ("cleanup", "import")]
        del dump["log_count"]
    assert without(after, WORDS) == after
    assert {key: rows for key, rows in after.items() if key != "log_entry"} == {
        key: rows for key, rows in before.items() if key != "log_entry"
    }
    assert "people who were purged" in report.notes[0]
    assert report.imported["messages"] == 0
    assert report.skipped["users"] == 2
    assert len(memory.artifacts.list().items) == 1


def test_without_the_key_nothing_is_brought_in(folder: Path, memory: Memory, clock: TurnableClock) -> None:
    memory.users.save(PERSON)
    everything = exported(memory)
    memory.purge(PERSON, reason="asked")
    key = folder / "store.db.data" / "secret.key"
    held = key.read_bytes()
    for text in (None, b"00" * 32):
        key.unlink()
        if text is not None:
            key.write_bytes(text)
        with (
            open_memory(**same_store(memory.store.url), now=clock) as again,
            pytest.raises(SecretMissing, match="secret.key"),
        ):
            again.import_from(io.BytesIO(everything))
        with open_memory(**same_store(memory.store.url), now=clock) as again, pytest.raises(SecretMissing):
            again.purge(PERSON, reason="again")
        if text is None:
            key.write_bytes(b"")
    key.write_bytes(held)
    assert memory.import_from(io.BytesIO(everything)).imported["users"] == 0


def test_other_peoples_rows_that_name_the_person_stay_and_are_counted(memory: Memory, folder: Path) -> None:
    memory.users.save(PERSON)
    memory.sessions.create("ben", id="talk")
    memory.sessions.append("talk", "user", f"call {PERSON} for me")
    memory.sessions.append("talk", "user", f"{PERSON}0 is another number")
    memory.remember("ben", f"knows {PERSON}")

    certificate = memory.purge(PERSON, reason="asked")

    (mentions,) = (each for each in certificate.remains if each.code == "mentions")
    assert (mentions.number, mentions.names) == (2, ("messages: 1", "memories: 1"))
    assert certificate.complete
    assert len(memory.sessions.messages("talk")) == 2


def test_a_user_whose_id_is_part_of_the_persons_keeps_all(memory: Memory) -> None:
    memory.users.save("6281112223334")
    memory.users.save("ana")
    memory.users.save("joana")
    memory.logs.add("joana and banana 6281112223334")
    memory.users.save(PERSON)

    memory.purge(PERSON, reason="asked")
    memory.purge("ana", reason="asked")

    assert [user.user_id for user in memory.users.list().items] == ["6281112223334", "joana"]
    assert "joana and banana 6281112223334" in [entry.message for entry in memory.logs.list().items]


def test_an_alias_that_was_given_to_somebody_else_does_not_join_the_two(memory: Memory, clock: TurnableClock) -> None:
    memory.users.save("ana-0123456789", name="Ana")
    memory.users.alias("ana-0123456789", "shared-number-1")
    memory.remember("ana-0123456789", "hers")
    memory.backups.create()
    memory.users.unalias("ana-0123456789", "shared-number-1")
    memory.users.save("ben-0123456789", name="Ben")
    memory.users.alias("ben-0123456789", "shared-number-1")

    memory.purge("shared-number-1", reason="asked")

    assert [user.user_id for user in memory.users.list().items] == ["ana-0123456789"]
    assert len(memory.memories.list("ana-0123456789").items) == 1


def test_reasons_that_are_empty_or_name_the_person_are_refused(memory: Memory) -> None:
    memory.users.save(PERSON, name="Budi Santoso")
    memory.users.alias(PERSON, ALIAS)
    for reason in ("", "  ", f"because {PERSON} asked", f"({ALIAS})", "budi santoso asked"):
        with pytest.raises(InvalidInput, match="reason"):
            memory.purge(PERSON, reason=reason)
    assert memory.users.get(PERSON).name == "Budi Santoso"


def test_a_protected_person_needs_force(memory: Memory) -> None:
    memory.users.save(PERSON, flags={"sop_pending": True})
    with pytest.raises(ProtectedUser, match="force"):
        memory.purge(PERSON, reason="asked")
    assert memory.purge(PERSON, reason="asked", dry_run=True).dry_run
    assert memory.purge(PERSON, reason="asked", force=True).complete


def test_nobody_is_not_purged_and_one_who_was_is_told_of_again(memory: Memory) -> None:
    with pytest.raises(UserNotFound, match="neither"):
        memory.purge(PERSON, reason="asked")
    memory.users.save(PERSON)
    first = memory.purge(PERSON, reason="asked")

    second = memory.purge(PERSON, reason="asked again")

    assert (second.purge_id, second.complete, removed(second)) == (first.purge_id, True, {})
    assert len(memory.audit.list(action="purge").items) == 1


def test_one_who_is_only_named_in_the_log_can_be_purged(memory: Memory) -> None:
    memory.logs.add("came by", user_id=PERSON)
    assert removed(memory.purge(PERSON, reason="asked")) == {"log entries": 1}


def test_a_memory_that_is_off_purges_nobody(folder: Path, memory: Memory, clock: TurnableClock) -> None:
    memory.users.save(PERSON)
    with open_memory(**same_store(memory.store.url), now=clock, enabled=False) as off, pytest.raises(MemoryOff):
        off.purge(PERSON, reason="asked")
    assert memory.users.get(PERSON).user_id == PERSON


def test_a_store_in_memory_is_purged_too(clock: TurnableClock) -> None:
    with open_memory(now=clock) as memory:
        others(memory)
        live(memory, clock)
        assert memory.purge(PERSON, reason="asked").complete
        assert memory.audit.verify().whole


def test_hostile_ids_are_refused(memory: Memory) -> None:
    for given in ("../../evil", "a/b", "x" * 10_000, "", "a\0b"):
        with pytest.raises(IngatError):
            memory.purge(given, reason="asked")


@pytest.mark.parametrize("given", ["'; drop table message", "$(rm -rf x)", "100%", "a_b_c_d_e", 'say "hi" now'])
def test_strange_ids_are_purged_like_others(memory: Memory, folder: Path, given: str) -> None:
    memory.users.save(given)
    memory.sessions.create(given, id="s-of-strange")
    memory.sessions.append("s-of-strange", "user", WORD)
    memory.logs.add(f"about {given} then", data={"k": given})
    memory.logs.add("100 axbxcxdxe")
    memory.backups.create(reason="r")

    assert memory.purge(given, reason="asked").complete

    assert files_with(folder, WORD, given) == {}
    assert "100 axbxcxdxe" in [entry.message for entry in memory.logs.list().items]


def test_segments_in_other_memories_are_found_out(memory: Memory, clock: TurnableClock) -> None:
    memory.remember(PERSON, f"{WORD} likes tea")
    with open_memory(**same_store(memory.store.url), now=clock, embedder=CountingEmbedder()) as other:
        assert other.recall(PERSON, WORD).hits
        memory.purge(PERSON, reason="asked")
        memory.remember(PERSON, "something new")
        assert not any(WORD in hit.text for hit in other.recall(PERSON, WORD).hits)


def test_an_id_as_short_as_a_number_takes_no_words_of_others_with_it(memory: Memory) -> None:
    memory.users.save("1", name="One")
    memory.users.save("ben")
    memory.users.save("cleo")
    memory.logs.add("deleted 1 row of ben", data={"count": 1})
    memory.erase.user("cleo", reason="visit 1 of 2")

    certificate = memory.purge("1", reason="request of 1 May")

    assert certificate.complete
    assert "short_ids" in codes(certificate)
    assert "deleted 1 row of ben" in [each.message for each in memory.logs.list().items]
    assert "visit 1 of 2" in [each.reason for each in memory.audit.list().items]


def test_a_reason_that_names_the_person_in_full_goes_and_one_with_a_common_word_stays(
    memory: Memory, folder: Path
) -> None:
    others(memory)
    memory.users.save("628111222333", name="Zebulon Zyxwvut")
    memory.users.save("628111222334", name="Zebulon")
    memory.backups.create(reason="Zebulon Zyxwvut leaves us")
    memory.erase.logs(reason="as Zebulon  Zyxwvut and Zebulon Zyxwvut wanted")
    memory.erase.user("628111222334", reason="the other Zebulon")

    assert memory.purge("628111222333", reason="asked").complete

    reasons = [each.reason for each in memory.audit.list().items] + [
        each.reason for each in memory.operations.list().items
    ]
    assert "the other Zebulon" in reasons
    assert files_with(folder, "Zyxwvut") == {}


def test_an_id_that_was_merged_into_somebody_who_was_erased_and_came_back_is_purged_with_them_only(
    memory: Memory, folder: Path
) -> None:
    memory.users.save(PERSON, name="Zebulon")
    memory.remember(PERSON, "likes tea")
    memory.users.save("628111999888")
    memory.users.merge(PERSON, "628111999888")
    memory.erase.user("628111999888")
    memory.remember("628111999888", "is back")

    with pytest.raises(Conflict, match="628111999888"):
        memory.purge(PERSON, reason="asked")
    assert files_with(folder, PERSON) != {}

    assert memory.purge("628111999888", reason="asked").complete
    assert files_with(folder, PERSON, "628111999888", "Zebulon") == {}
