"""Servers in the background: pid files, `ingat serve --detach`, and `ingat stop`, which ends no other process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingat.cli import daemon, processes
from ingat.cli.daemon import Server
from ingat.core.settings import Settings, data_directory
from tests.cli.runner import PROGRAM, Ingat


@pytest.fixture
def store(ingat: Ingat) -> Iterator[Settings]:
    """The settings of the store; servers that a test leaves behind are killed."""
    settings = Settings(store=ingat.url)
    yield settings
    daemon.stop(settings, timeout_s=0, force=True)


@pytest.fixture
def data(ingat: Ingat) -> Path:
    folder = data_directory(ingat.url, None)
    assert folder is not None
    return folder


@contextmanager
def another(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is no server of ours and ends when it is told to."""
    command = [sys.executable, "-c", "print(flush=True); input()", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # before it runs, its words may not be there to be read
        yield process
        assert process.poll() is None
        process.communicate(b"\n")


def claimed(data: Path, pid: int, **changed: Any) -> Path:
    """Write a pid file that names a process, as a server would, but for what is given."""
    known = processes.process(pid)
    fields: dict[str, Any] = {
        "pid": pid,
        "began": known.began if known is not None else "gone",
        "machine": os.uname().nodename,
        "host": "127.0.0.1",
        "port": 8081,
        "workers": 1,
        "url": "http://127.0.0.1:8081/",
        "store": "sqlite:///ingat.db",
        "begun_at": 0,
        **changed,
    }
    data.mkdir(exist_ok=True)
    path = data / "ingat-8081.pid"
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


def detached(ingat: Ingat, *words: str, **variables: str) -> Any:
    return ingat.json("serve", "--detach", "--port", "0", *words, **variables)


def test_a_server_is_told_of_by_a_file_that_only_its_owner_reads(ingat: Ingat, store: Settings, data: Path) -> None:
    hello = detached(ingat)
    (server,) = daemon.running(store)
    path = data / f"ingat-{server.port}.pid"

    assert (server.url, server.pid, server.workers) == (hello["url"], hello["pid"], 1)
    assert path.stat().st_mode & 0o777 == 0o600
    assert hello["key"] not in path.read_text(encoding="utf-8")
    assert httpx.get(hello["url"] + "readyz").status_code == 200


def test_the_key_of_the_first_start_goes_to_whoever_started_it_and_not_into_the_log(
    ingat: Ingat, store: Settings, data: Path
) -> None:
    hello = detached(ingat)
    log = data / "serve.log"

    headers = {"Authorization": f"Bearer {hello['key']}"}
    assert httpx.get(hello["url"] + "v1/users", headers=headers).status_code == 200
    assert "ingat_" not in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_stop_waits_until_the_server_has_ended(ingat: Ingat, store: Settings, data: Path) -> None:
    hello = detached(ingat)
    told = ingat.json("stop")

    assert [(each["pid"], each["url"], each["killed"]) for each in told["stopped"]] == [
        (hello["pid"], hello["url"], False)
    ]
    assert processes.process(hello["pid"]) is None
    assert list(data.glob("*.pid")) == []
    assert ingat.json("stop")["stopped"] == []


def test_a_start_of_what_runs_already_says_so_and_starts_nothing(ingat: Ingat, store: Settings) -> None:
    hello = detached(ingat)
    again = ingat.json("serve", "--detach", "--port", str(hello["port"]))

    assert (again["already"], again["pid"]) == (True, hello["pid"])
    assert len(daemon.running(store)) == 1


def test_two_servers_of_one_store_are_stopped_one_by_one_or_together(ingat: Ingat, store: Settings) -> None:
    first, second, third = detached(ingat), detached(ingat), detached(ingat)
    one = ingat.json("stop", "--port", str(second["port"]))["stopped"]
    both = ingat.json("stop")["stopped"]

    assert [each["pid"] for each in one] == [second["pid"]]
    assert {each["pid"] for each in both} == {first["pid"], third["pid"]}


def test_a_server_that_does_not_end_is_named_and_killed_with_its_workers_only_by_force(
    ingat: Ingat, store: Settings, data: Path
) -> None:
    hello = detached(ingat, "--workers", "2")
    (server,) = daemon.running(store)
    one = processes.Process(server.pid, server.began)
    workers = processes.begun_by(one)
    os.kill(hello["pid"], signal.SIGSTOP)  # it hears nothing but the signal that kills
    refused = ingat.refused("stop", "--timeout", "0", code="conflict")

    assert f"process {hello['pid']}" in refused["message"]
    assert refused["details"]["told"] == [daemon.described(server)]
    assert processes.runs(one)
    assert ingat.json("stop", "--timeout", "0", "--force")["stopped"][0]["killed"]
    assert len(workers) >= 2
    assert not [each for each in (one, *workers) if processes.runs(each)]
    assert list(data.glob("*.pid")) == []


def test_a_start_that_fails_shows_the_end_of_the_log(ingat: Ingat, store: Settings, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        error = ingat.refused("serve", "--detach", "--port", str(port), code="conflict")

    assert f"Port {port} of 127.0.0.1 is taken by another program" in error["message"]
    assert error["details"]["log"] == str(data / "serve.log")


def test_a_store_in_memory_has_no_server_in_the_background(ingat: Ingat) -> None:
    ingat.refused("serve", "--detach", "--store", ":memory:", code="invalid_settings")
    assert ingat.json("stop", "--store", ":memory:")["stopped"] == []


def test_a_log_that_has_grown_large_is_put_aside(
    ingat: Ingat, store: Settings, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "LOG_BYTES", 5)
    data.mkdir(exist_ok=True)
    (data / "serve.log").write_text("of old\n", encoding="utf-8")
    detached(ingat, "--no-key")

    assert (data / "serve.log.1").read_text(encoding="utf-8") == "of old\n"
    assert "of old" not in (data / "serve.log").read_text(encoding="utf-8")


def test_without_a_key_none_is_made(ingat: Ingat, store: Settings) -> None:
    assert "key" not in detached(ingat, "--no-key")
    assert ingat.json("keys", "list")["keys"] == []


def test_a_server_whose_pid_cannot_be_written_answers_and_says_so(ingat: Ingat) -> None:
    server = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**ingat.environment(), "INGAT_DATA": "/proc/ingat"},
    )
    with server:
        assert server.stdout is not None
        assert json.loads(server.stdout.readline())["url"]
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=60)

    assert server.returncode == 0
    assert "No pid file could be written" in log


def test_a_file_of_a_process_that_is_gone_is_removed_with_a_note(ingat: Ingat, data: Path) -> None:
    with another() as process:
        path = claimed(data, process.pid)
    told = ingat("stop")

    assert told.exit_code == 0
    assert "named a process that is gone; the file was removed." in told.stderr
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        pytest.param(["ingat", "serve"], {"began": "earlier"}, id="the number has passed to another server"),
        pytest.param(["bash"], {}, id="the file names what is no server"),
    ],
)
def test_a_process_that_did_not_write_the_file_is_left_alone(
    ingat: Ingat, data: Path, words: list[str], changed: dict[str, Any]
) -> None:
    with another(*words) as process:
        claimed(data, process.pid, **changed)

        assert ingat.json("stop", "--timeout", "0", "--force")["stopped"] == []


def test_a_server_of_another_machine_is_named_and_its_file_stays(ingat: Ingat, data: Path) -> None:
    path = claimed(data, 1, machine="elsewhere", began="then")
    told = ingat("stop")

    assert "runs on the machine elsewhere; stop it there." in told.stderr
    assert path.exists()


def test_a_file_that_is_no_pid_file_stops_nothing(ingat: Ingat, data: Path) -> None:
    data.mkdir(exist_ok=True)
    (data / "ingat-8081.pid").write_text("4711\n", encoding="utf-8")

    assert ingat.json("stop")["stopped"] == []


def test_whoever_else_holds_the_port_is_named_and_left_alone(ingat: Ingat) -> None:
    program = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = ingat("stop", "--force", "--port", process.stdout.readline().strip())

        assert f"(process {process.pid}), which is no server of this store; it was left alone." in told.stderr
        assert process.poll() is None
        process.communicate("\n")


def test_a_password_in_the_stores_url_is_not_in_the_pid_file(tmp_path: Path) -> None:
    settings = Settings(store="postgresql://bot:hunter2@db/ingat", data=str(tmp_path))
    with daemon.recording(settings, lambda: 7) as record:
        record("127.0.0.1", 8081, "http://127.0.0.1:8081/", 1)
        written = (tmp_path / "ingat-8081.pid").read_bytes()

    assert b"hunter2" not in written
    assert b"postgresql://bot@db/ingat" in written
    assert list(tmp_path.iterdir()) == []


def test_a_server_on_another_address_of_the_port_has_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data=str(tmp_path))
    with another("ingat", "serve") as process:
        path = claimed(tmp_path, process.pid)
        before = path.read_bytes()
        with daemon.recording(settings) as record:
            record("127.0.0.2", 8081, "http://127.0.0.2:8081/", 1)
            names = {each.name for each in tmp_path.iterdir()}

        assert names == {"ingat-8081.pid", f"ingat-8081-{os.getpid()}.pid"}
        assert path.read_bytes() == before


def test_the_file_of_a_later_server_is_not_removed_by_an_earlier_one(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path))
    with daemon.recording(settings) as record:
        record("127.0.0.1", 8081, "http://127.0.0.1:8081/", 1)
        claimed(tmp_path, 1)

    assert (tmp_path / "ingat-8081.pid").exists()


def test_a_server_that_is_not_there_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    server = Server(
        pid=1,
        began="",
        machine="",
        host="127.0.0.1",
        port=port,
        workers=1,
        url=f"http://127.0.0.1:{port}/",
        store="",
        begun_at=0,
    )

    assert not daemon.is_ready(server)
