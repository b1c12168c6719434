"""A scrub on PostgreSQL leaves nothing of deleted rows in the server's files, or says why it may be there."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import psycopg
import pytest

from ingat.core.errors import StoreClosed, StoreUnavailable
from ingat.core.ids import new_id
from ingat.store.contract import Elsewhere, Store, Tx
from ingat.store.open import open_store
from ingat.store.postgres import files, outside, statistics
from tests.own_server import Server, own_server

GONE, KEPT = "gone-0123456789abcdef", "kept-0123456789abcdef"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as started:
        yield started


@pytest.fixture
def schema() -> str:
    return f"s{new_id()}"


@pytest.fixture
def store(server: Server, schema: str) -> Iterator[Store]:
    with closing(open_store(server.store(schema))) as opened:
        opened.write(make)
        yield opened
    server.run(f"DROP SCHEMA {schema} CASCADE")


def make(tx: Tx) -> None:
    """Make a table of notes in four parts."""
    tx.run(
        'CREATE TABLE note (user_id TEXT COLLATE "C" NOT NULL, n BIGINT NOT NULL, body TEXT, PRIMARY KEY (user_id, n))'
        " PARTITION BY HASH (user_id)"
    )
    for part in range(4):
        tx.run(f"CREATE TABLE note_{part} PARTITION OF note FOR VALUES WITH (MODULUS 4, REMAINDER {part})")


def write(store: Store, user_id: str, word: str, rows: int = 200, more: str = "") -> None:
    values = [(user_id, n, word + more) for n in range(rows)]
    store.write(lambda tx: tx.many("INSERT INTO note (user_id, n, body) VALUES (?, ?, ?)", values))


def delete(store: Store, user_id: str) -> None:
    store.write(lambda tx: tx.run("DELETE FROM note WHERE user_id = ?", (user_id,)))


def files_of(store: Store) -> dict[object, object]:
    query = (
        "SELECT relname, pg_relation_filenode(oid)::bigint FROM pg_class WHERE relname LIKE 'note__' AND relkind = 'r'"
        " AND relnamespace = current_schema()::regnamespace"
    )
    return {row[0]: row[1] for row in store.read(lambda tx: tx.all(query))}


def places(found: tuple[Elsewhere, ...]) -> dict[str, tuple[str, ...]]:
    return {each.code: each.names for each in found}


# -- nothing stays -----------------------------------------------------------------------------------------------------


def test_no_byte_of_deleted_rows_stays_in_tables_indexes_or_long_values(server: Server, store: Store) -> None:
    long = secrets.token_hex(4_000)
    write(store, GONE, GONE, more=long)
    write(store, KEPT, KEPT, more=long)
    server.run(f"VACUUM {store.url.rpartition('=')[2]}.note")
    assert len(server.files_with(GONE)) >= 3
    delete(store, GONE)
    server.run(f"VACUUM {store.url.rpartition('=')[2]}.note")
    assert server.files_with(GONE) != []

    scrubbed = store.scrub([GONE.encode(), KEPT.encode()])

    assert server.files_with(GONE) == []
    assert server.files_with(KEPT) != []
    assert (scrubbed.found, scrubbed.busy, scrubbed.unwritten) == ((KEPT.encode(),), False, ())
    assert scrubbed.size_bytes > 200 * len(long)


def test_old_versions_of_rows_that_stay_go_too(server: Server, store: Store) -> None:
    write(store, "ben", GONE)
    store.write(lambda tx: tx.run("UPDATE note SET body = ?", (KEPT,)))
    assert server.files_with(GONE) != []

    store.scrub([], users=["ben"])

    assert server.files_with(GONE) == []
    assert server.files_with(KEPT) != []


def test_samples_that_the_planner_keeps_go_too(server: Server, store: Store, schema: str) -> None:
    write(store, "ann", GONE)
    server.run(f"ANALYZE {schema}.note")
    delete(store, "ann")
    assert server.one(f"SELECT count(*) FROM pg_stats WHERE schemaname = '{schema}'") != 0

    scrubbed = store.scrub([], users=["ann"])

    assert scrubbed.elsewhere == ()
    assert server.files_with(GONE) == []


@pytest.mark.parametrize("who", ["a superuser", "an owner"])
def test_samples_of_an_empty_table_go_before_version_18_if_a_superuser_asks(
    who: str, server: Server, schema: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(statistics, "_CLEARS", server.one("SELECT current_setting('server_version_num')::int + 1"))
    store = request.getfixturevalue("store" if who == "a superuser" else "plain")
    write(store, "ann", GONE)
    server.run(f"ANALYZE {schema}.note")
    delete(store, "ann")

    scrubbed = store.scrub([], users=["ann"])

    assert scrubbed.elsewhere == (() if who == "a superuser" else (Elsewhere("statistics"),))
    assert (server.files_with(GONE) == []) == (who == "a superuser")


def test_only_the_parts_of_the_named_users_are_written_anew(store: Store) -> None:
    for user_id in ("ann", "ben", "carl", "dora", "emil", "fay"):
        write(store, user_id, user_id)
    before = files_of(store)

    store.scrub([], users=["ann"])

    after = files_of(store)
    assert sum(before[name] != after[name] for name in before) == 1
    store.scrub([], users=["ann"], rewrite=True)
    assert all(after[name] != file for name, file in files_of(store).items())


def test_parts_that_are_cut_by_more_than_the_user_are_all_written_anew(store: Store) -> None:
    store.write(
        lambda tx: [
            tx.run("CREATE TABLE event (user_id TEXT, at BIGINT) PARTITION BY RANGE (at)"),
            tx.run("CREATE TABLE event_old PARTITION OF event FOR VALUES FROM (0) TO (10)"),
            tx.run("INSERT INTO event VALUES ('ann', 1)"),
            tx.run("INSERT INTO note VALUES ('ann', 1, 'x')"),
        ]
    )
    before = store.read(lambda tx: tx.one("SELECT pg_relation_filenode('event_old')::bigint"))

    store.scrub([], users=["ben"])

    assert store.read(lambda tx: tx.one("SELECT pg_relation_filenode('event_old')::bigint")) != before


def test_traces_are_found_across_pieces_of_a_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_PIECE_BYTES", 1_000)
    write(store, "ben", KEPT)
    wanted = [f"{KEPT}".encode(), GONE.encode()]
    assert store.scrub(wanted).found == (KEPT.encode(),)


# -- who stands in the way ---------------------------------------------------------------------------------------------


def test_one_who_keeps_an_old_view_is_named_and_nothing_is_claimed(server: Server, store: Store) -> None:
    write(store, "ann", GONE)
    with closing(psycopg.connect(server.url, application_name="a report")) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1")
        delete(store, "ann")
        scrubbed = store.scrub([], timeout_s=0.1)
        assert scrubbed.busy
        assert scrubbed.holders == (f"session {old.info.backend_pid} (a report)",)
    assert not store.scrub([]).busy
    assert server.files_with(GONE) == []


def test_an_old_view_that_ends_in_time_is_waited_for(server: Server, store: Store) -> None:
    write(store, "ann", GONE)
    old = psycopg.connect(server.url)
    old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    old.execute("SELECT 1")
    delete(store, "ann")
    ending = threading.Timer(0.3, old.close)
    ending.start()

    scrubbed = store.scrub([], timeout_s=30.0)

    ending.join()
    assert not scrubbed.busy
    assert server.files_with(GONE) == []


def test_a_prepared_transaction_is_named(server: Server, store: Store) -> None:
    write(store, "ann", GONE)
    with closing(psycopg.connect(server.url)) as conn:
        conn.execute("BEGIN")
        conn.execute("SELECT pg_current_xact_id()")
        conn.execute("PREPARE TRANSACTION 'forgotten'")
    delete(store, "ann")
    try:
        scrubbed = store.scrub([], timeout_s=0.1)
        assert (scrubbed.busy, scrubbed.holders) == (True, ("prepared transaction forgotten",))
    finally:
        server.run("ROLLBACK PREPARED 'forgotten'")


def test_a_table_that_somebody_uses_is_named(server: Server, store: Store, schema: str) -> None:
    write(store, "ann", GONE)
    delete(store, "ann")
    with closing(psycopg.connect(server.url)) as user:
        user.execute(f"LOCK TABLE {schema}.note IN ACCESS SHARE MODE".encode())
        scrubbed = store.scrub([], users=["ann"], timeout_s=0.1)
    assert scrubbed.busy
    assert [each.startswith(f"table {schema}.note_") for each in scrubbed.holders] == [True]


def make_slow(server: Server, schema: str) -> None:
    """Make a table that is written anew in more than a second, before the others."""
    server.run(
        f"CREATE FUNCTION {schema}.slow(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE"
        " AS 'BEGIN PERFORM pg_sleep(0.8); RETURN n; END'",
        f"CREATE TABLE {schema}.a_slow_one (n int)",
        f"INSERT INTO {schema}.a_slow_one VALUES (1)",
        f"CREATE INDEX ON {schema}.a_slow_one ({schema}.slow(n))",
    )


@pytest.mark.parametrize("name", ["statement_timeout", "transaction_timeout"])
def test_a_table_may_take_longer_than_the_statements_of_this_user(
    name: str, server: Server, store: Store, schema: str
) -> None:
    make_slow(server, schema)
    write(store, "ann", GONE)
    delete(store, "ann")
    with closing(open_store(f"{server.store(schema)}&options=-c%20{name}%3D700ms")) as hurried:
        assert not hurried.scrub([], users=["ann"]).busy
    assert server.files_with(GONE) == []


def test_what_the_server_works_is_not_counted_as_waiting(server: Server, store: Store, schema: str) -> None:
    make_slow(server, schema)
    write(store, "ann", GONE)
    delete(store, "ann")
    waits = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation::regclass::text LIKE '{schema}.note%'"
    with closing(psycopg.connect(server.url)) as user, closing(psycopg.connect(server.url, autocommit=True)) as watch:
        user.execute(f"LOCK TABLE {schema}.note IN ACCESS SHARE MODE".encode())
        with ThreadPoolExecutor(1) as thread:
            scrubbing, waited = thread.submit(store.scrub, [], users=["ann"], timeout_s=1.2), False
            while not scrubbing.done():
                (waiting,) = watch.execute(waits.encode()).fetchone() or (0,)
                if waited and not waiting:
                    user.rollback()
                    break
                waited = waited or bool(waiting)
            assert not scrubbing.result(30).busy
    assert server.files_with(GONE) == []


def test_what_a_scrub_that_was_killed_left_is_no_hindrance(server: Server, store: Store, schema: str) -> None:
    server.run(f"CREATE TABLE {schema}.scrub_probe ()", f"INSERT INTO {schema}.scrub_probe DEFAULT VALUES")
    write(store, "ann", GONE)
    delete(store, "ann")
    with closing(psycopg.connect(server.url, application_name="a dump")) as dump:
        dump.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        dump.execute(f"TABLE {schema}.scrub_probe".encode())
        assert store.scrub([], timeout_s=0.1).holders == (f"session {dump.info.backend_pid} (a dump)",)

    assert not store.scrub([]).busy

    assert server.one(f"SELECT to_regclass('{schema}.scrub_probe')::text") is None
    assert server.files_with(GONE) == []


# -- users of the database with fewer rights ---------------------------------------------------------------------------


@pytest.fixture
def plain(server: Server, schema: str) -> Iterator[Store]:
    """A store whose user owns its tables, and nothing else."""
    server.run(f"CREATE ROLE {schema} LOGIN", f"CREATE SCHEMA {schema} AUTHORIZATION {schema}")
    with closing(open_store(server.store(schema, schema))) as opened:
        opened.write(make)
        yield opened
    server.run(f"DROP OWNED BY {schema} CASCADE", f"DROP SCHEMA IF EXISTS {schema} CASCADE", f"DROP ROLE {schema}")


def test_an_owner_of_the_tables_cleans_them_and_claims_no_more(server: Server, plain: Store) -> None:
    write(plain, GONE, GONE)
    write(plain, KEPT, KEPT)
    delete(plain, GONE)

    scrubbed = plain.scrub([GONE.encode(), KEPT.encode()], users=[GONE])

    assert (scrubbed.size_bytes, scrubbed.found, scrubbed.busy, scrubbed.unwritten) == (0, (), False, ())
    assert scrubbed.elsewhere == (Elsewhere("statistics"),)
    assert server.files_with(GONE) == []
    assert "unsearched" in places(plain.elsewhere())


def test_a_session_of_another_user_of_the_database_is_named(server: Server, plain: Store) -> None:
    write(plain, "ann", GONE)
    with closing(psycopg.connect(server.url)) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1")
        delete(plain, "ann")
        scrubbed, pid = plain.scrub([], timeout_s=0.1), old.info.backend_pid
    assert scrubbed.busy
    assert scrubbed.holders == (f"session {pid}",)


def test_tables_of_another_owner_are_told_of(server: Server, plain: Store, schema: str) -> None:
    write(plain, "ann", GONE)
    server.run(*(f"ALTER TABLE {schema}.note_{part} OWNER TO CURRENT_USER" for part in range(4)))
    server.run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {schema}")
    delete(plain, "ann")

    scrubbed = plain.scrub([], users=["ann"])

    assert [each.startswith(f"{schema}.note_") for each in scrubbed.unwritten] == [True]
    assert not scrubbed.busy


def test_a_user_who_may_make_no_table_is_told_that_nothing_was_written_anew(
    server: Server, plain: Store, schema: str
) -> None:
    write(plain, "ann", GONE)
    server.run(f"ALTER SCHEMA {schema} OWNER TO CURRENT_USER", f"GRANT USAGE ON SCHEMA {schema} TO {schema}")
    delete(plain, "ann")
    assert f"{schema}.note_" in str(plain.scrub([], users=["ann"]).unwritten)


# -- elsewhere ---------------------------------------------------------------------------------------------------------


def test_the_log_its_archive_and_copies_are_always_told_of(server: Server, store: Store) -> None:
    found = places(store.elsewhere())
    assert found["wal"] == (
        str(server.one("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")),
        "wal_keep_size=32MB",
        "wal_level=logical",
    )
    assert found["wal_archive"] == ("archive_mode=on",)
    assert set(found) == {"wal", "wal_archive", "server_copies"}


def test_newer_files_of_the_log_hold_nothing_after_a_scrub(server: Server, store: Store) -> None:
    write(store, "ann", GONE)
    delete(store, "ann")
    store.scrub([])
    last = store.elsewhere()[0].names[0]
    server.run("SELECT pg_switch_wal()", "CHECKPOINT")
    write(store, "ben", KEPT)
    server.run("SELECT pg_switch_wal()")

    newer = [path for path in (server.folder / "pg_wal").glob("0*") if path.name > last and len(path.name) == 24]

    texts = [path.read_bytes() for path in newer]
    assert any(KEPT.encode() in text for text in texts)
    assert not any(GONE.encode() in text for text in texts)


def test_slots_receivers_and_publications_are_named(server: Server, store: Store, schema: str) -> None:
    server.run(
        "SELECT pg_create_physical_replication_slot('standby')",
        "SELECT pg_create_logical_replication_slot('changes', 'pgoutput')",
        f"CREATE PUBLICATION feed FOR TABLE {schema}.note",
    )
    try:
        with closing(psycopg.connect(server.url, replication="true", application_name="twin", autocommit=True)):
            found = places(store.elsewhere())
    finally:
        server.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots", "DROP PUBLICATION feed")
    assert found["slots"] == ("changes (logical, not used)", "standby (physical, not used)")
    assert found["publications"] == ("feed",)
    assert [each.split()[0] for each in found["replicas"]] == ["twin"]


def test_receivers_are_named_to_every_user_of_the_database(server: Server, plain: Store) -> None:
    with closing(psycopg.connect(server.url, replication="true", application_name="twin", autocommit=True)):
        found = places(plain.elsewhere())
    assert [each.split()[0] for each in found["replicas"]] == ["twin"]


def test_what_this_user_may_not_see_is_told_without_names(plain: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "_SLOTS", "SELECT rolpassword FROM pg_authid")
    monkeypatch.setattr(outside, "_LOG", "SELECT pg_promote()")
    found = places(plain.elsewhere())
    assert found["slots"] == ()
    assert found["wal"] == ("wal_keep_size=32MB", "wal_level=logical")


def test_a_closed_store_does_not_ask(server: Server, schema: str) -> None:
    store = open_store(server.store(schema))
    store.close()
    with pytest.raises(StoreClosed):
        store.elsewhere()


# -- sizes and faults --------------------------------------------------------------------------------------------------


def test_sizes_have_parts_indexes_and_long_values_in_them(server: Server, store: Store, schema: str) -> None:
    write(store, "ann", KEPT, more=secrets.token_hex(4_000))
    told = server.one(
        f"SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class"
        f" WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'r'"
    )
    assert store.size_bytes() == told
    assert store.size_bytes() > 200 * 8_000


def test_used_bytes_follow_what_was_deleted_after_a_scrub(store: Store) -> None:
    empty = store.used_bytes()
    write(store, "ann", KEPT, more=secrets.token_hex(4_000))
    write(store, "ben", KEPT)
    full = store.used_bytes()
    delete(store, "ann")
    store.scrub([], users=["ann"])
    assert full - store.used_bytes() > 200 * 8_000
    assert store.used_bytes() > empty


def test_check_tells_of_what_lets_wrong_rows_in_or_loses_them(store: Store) -> None:
    store.write(
        lambda tx: [
            tx.run("ALTER TABLE note ADD CONSTRAINT numbered CHECK (n > -5) NOT VALID"),
            tx.run("ALTER TABLE note_1 SET UNLOGGED"),
            tx.run("CREATE TABLE tag (name TEXT PRIMARY KEY)"),
            tx.run("CREATE TABLE tagged (name TEXT REFERENCES tag)"),
            tx.run("ALTER TABLE tagged DISABLE TRIGGER ALL"),
        ]
    )
    found = store.check()
    assert "the constraint numbered of note was never checked" in found
    assert "the table note_1 is not logged: a crash of the server empties it" in found
    assert "triggers of tagged are switched off, constraints among them" in found


def test_check_tells_of_an_index_that_is_not_valid(server: Server, store: Store, schema: str) -> None:
    write(store, "ann", KEPT, rows=2)
    part = server.one(f"SELECT tableoid::regclass::text FROM {schema}.note LIMIT 1")
    with pytest.raises(psycopg.errors.UniqueViolation):
        server.run(f"CREATE UNIQUE INDEX CONCURRENTLY twice ON {part} (body)")
    assert store.check() == ["the index twice is not valid"]


# -- faults ------------------------------------------------------------------------------------------------------------


def test_a_scrub_whose_connection_is_lost_says_so_and_the_next_one_ends_it(
    server: Server, store: Store, schema: str
) -> None:
    write(store, "ann", GONE)
    with closing(psycopg.connect(server.url)) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1")
        delete(store, "ann")
        with ThreadPoolExecutor(1) as thread:
            scrubbing = thread.submit(store.scrub, [], timeout_s=60.0)
            while not server.one(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                f" WHERE query LIKE '%\"{schema}\".scrub_probe%' AND application_name = 'ingat'"
            ):
                assert not scrubbing.done()
            with pytest.raises(StoreUnavailable):
                scrubbing.result(30)

    assert not store.scrub([]).busy
    assert server.files_with(GONE) == []


def test_writers_go_on_while_their_tables_are_written_anew(server: Server, store: Store) -> None:
    write(store, "ann", GONE)
    delete(store, "ann")
    with closing(open_store(store.url)) as other, ThreadPoolExecutor(4) as threads:
        writing = [threads.submit((store, other)[n % 2].write, partial(append, n=n)) for n in range(40)]
        scrubbed = [threads.submit(each.scrub, [], users=["ann", "ben"]).result(30) for each in (store, other)]
        assert [each.result(30) for each in writing] == [1] * 40

    assert [(each.busy, each.unwritten) for each in scrubbed] == [(False, ()), (False, ())]
    assert store.read(lambda tx: tx.one("SELECT COUNT(*) FROM note")) == (40,)
    assert server.files_with(GONE) == []


def append(tx: Tx, n: int) -> int:
    return tx.run("INSERT INTO note (user_id, n, body) VALUES ('ben', ?, ?)", (n, KEPT))
