"""A purge on PostgreSQL leaves nothing in the server's tables, and its certificate tells of the rest of the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingat.core.backups import Certificate
from ingat.core.ids import new_id
from ingat.memory import Memory
from ingat.store.contract import Scrubbed
from ingat.testing import TurnableClock, open_memory
from tests.lifecycle.forgotten import PERSON, WORD, WORDS, codes, live, others
from tests.lifecycle.traces import files_with
from tests.own_server import Server, own_server

pytestmark = pytest.mark.sqlite_only("is about PostgreSQL only, on a server of its own")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def schema() -> str:
    return f"s{new_id()}"


@pytest.fixture
def memory(server: Server, schema: str, folder: Path, clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(url=server.store(schema), data=str(folder), now=clock) as opened:
        yield opened
    server.run(f"DROP SCHEMA {schema} CASCADE")


def named(certificate: Certificate) -> dict[str, tuple[str, ...]]:
    return {each.code: each.names for each in certificate.remains}


def test_nothing_of_the_person_is_in_any_file_of_a_table_or_of_the_data_directory(
    server: Server, memory: Memory, schema: str, clock: TurnableClock, folder: Path
) -> None:
    others(memory)
    live(memory, clock)
    server.run(f"ANALYZE {schema}.message", "VACUUM ANALYZE")
    assert server.files_with(WORD) != []

    certificate = memory.purge(PERSON, reason="asked")

    assert [server.files_with(word) for word in (*WORDS, "of-theirs", "of-the-visitor")] == [[]] * 6
    assert server.files_with("the boiler") != []
    assert files_with(folder, *WORDS, "of-theirs", "of-the-visitor") == {}
    assert (certificate.complete, codes(certificate)[0]) == (True, "handed_out")
    (bytes_,) = (each for each in certificate.searched if each.place == "bytes of the database")
    assert bytes_.looked_through > 0
    assert [check.name for check in memory.doctor() if check.state == "bad"] == []


def test_what_stands_in_rows_of_others_does_not_have_everything_written_anew(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list[Scrubbed]()
    scrub = type(memory.store).scrub

    def noted(self: Any, traces: Sequence[bytes], **how: Any) -> Scrubbed:
        found.append(scrub(self, traces, **how))
        return found[-1]

    monkeypatch.setattr(type(memory.store), "scrub", noted)
    memory.remember(PERSON, f"{WORD} likes tea")
    memory.users.save(f"{PERSON}0")

    certificate = memory.purge(PERSON, reason="asked")

    assert certificate.complete
    assert [each.found for each in found] == [(PERSON.encode(),)]
    assert [each.rewritten for each in certificate.searched if each.place == "bytes of the database"] == [1]


def test_the_certificate_names_the_log_its_archive_and_copies_and_is_complete(server: Server, memory: Memory) -> None:
    memory.remember(PERSON, f"{WORD} likes tea")
    foreseen = memory.purge(PERSON, reason="asked", dry_run=True)
    certificate = memory.purge(PERSON, reason="asked")
    assert certificate.complete
    for each in (foreseen, certificate):
        found = named(each)
        assert found["wal_archive"] == ("archive_mode=on",)
        assert found["wal"][1:] == ("wal_keep_size=32MB", "wal_level=logical")
        assert "server_copies" in found
        assert "unsearched" not in found
    log = named(certificate)["wal"][0]
    assert str(server.one("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")) >= log
    (told,) = (each.message for each in certificate.remains if each.code == "wal")
    assert log in told


def test_slots_publications_and_receivers_are_named(server: Server, memory: Memory, schema: str) -> None:
    memory.remember(PERSON, f"{WORD} likes tea")
    server.run(
        "SELECT pg_create_physical_replication_slot('standby', true)",
        f"CREATE PUBLICATION feed FOR TABLES IN SCHEMA {schema}",
    )
    try:
        with closing(psycopg.connect(server.url, replication="true", application_name="twin", autocommit=True)):
            certificate = memory.purge(PERSON, reason="asked")
    finally:
        server.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots", "DROP PUBLICATION feed")
    found = named(certificate)
    assert certificate.complete
    assert found["slots"] == ("standby (physical, not used)",)
    assert found["publications"] == ("feed",)
    assert found["replicas"][0].startswith("twin")


def test_one_who_sees_an_old_state_is_named_and_the_next_purge_ends_it(
    server: Server, memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(memory, clock)
    scrub = type(memory.store).scrub
    monkeypatch.setattr(
        type(memory.store), "scrub", lambda self, traces, **how: scrub(self, traces, **how, timeout_s=0.1)
    )
    with closing(psycopg.connect(server.url, application_name="a report")) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1")
        certificate = memory.purge(PERSON, reason="asked")
        assert not certificate.complete
        assert named(certificate)["busy"] == (f"session {old.info.backend_pid} (a report)",)
        assert [each.value for each in memory.doctor() if each.name == "purges that did not end"] == ["1 purges"]
    monkeypatch.undo()

    assert memory.purge(PERSON, reason="asked again").complete

    assert [server.files_with(word) for word in WORDS] == [[], [], [], []]


def test_an_owner_of_nothing_but_the_tables_is_told_what_was_not_looked_through(
    server: Server, schema: str, folder: Path, clock: TurnableClock
) -> None:
    server.run(f"CREATE ROLE {schema} LOGIN", f"CREATE SCHEMA {schema} AUTHORIZATION {schema}")
    with open_memory(url=server.store(schema, schema), data=str(folder), now=clock) as memory:
        live(memory, clock)
        certificate = memory.purge(PERSON, reason="asked")
    assert certificate.complete
    assert {"unsearched", "statistics", "wal", "server_copies"} <= set(named(certificate))
    (bytes_,) = (each for each in certificate.searched if each.place == "bytes of the database")
    assert bytes_.looked_through == 0
    assert [server.files_with(word) for word in WORDS] == [[], [], [], []]
    server.run(f"DROP OWNED BY {schema} CASCADE", f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"DROP ROLE {schema}")


def test_tables_of_another_owner_make_it_incomplete(
    server: Server, schema: str, memory: Memory, folder: Path, clock: TurnableClock
) -> None:
    memory.remember(PERSON, f"{WORD} likes tea")
    server.run(
        f"CREATE ROLE {schema} LOGIN",
        f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {schema}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {schema}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {schema}",
    )
    with open_memory(url=server.store(schema, schema), data=str(folder), now=clock) as other:
        certificate = other.purge(PERSON, reason="asked")
    assert not certificate.complete
    assert f"{schema}.user_profile" in named(certificate)["unwritten"]
    server.run(f"DROP OWNED BY {schema}", f"DROP ROLE {schema}")

    assert memory.purge(PERSON, reason="asked by the owner").complete
