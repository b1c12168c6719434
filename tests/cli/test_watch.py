"""`ingat watch` shows one picture of a store or of a server that runs, what calls for somebody first."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pexpect
import pytest

from ingat.cli.watch import HIDDEN
from ingat.memory import Memory
from tests.api.server import running
from tests.cli.runner import PROGRAM, Ingat
from tests.engine import is_postgres


def overdue(ingat: Ingat, sessions: int = 20) -> None:
    """Make a store in which sessions should have expired long ago."""
    with Memory(ingat.url, embedder="none") as memory:
        for number in range(sessions):
            memory.sessions.create(f"u{number}", at=1_000)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_one_picture_fits_the_terminal(ingat: Ingat, columns: str) -> None:
    ingat.said("remember", "ana", "has a dog")

    shown = ingat.said("watch", "--once", COLUMNS=columns)

    lines = shown.splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert lines[0].startswith(f"Ingat · {'postgresql' if is_postgres() else 'sqlite'}://")
    assert "active sessions" in shown
    assert "growth per day" in shown


def test_what_calls_for_somebody_stands_first(ingat: Ingat) -> None:
    overdue(ingat)

    rows = [line for line in ingat.said("watch", "--once").splitlines() if re.match(r" (ok|warn|bad|unknown) ", line)]

    assert rows[0].split()[:3] == ["bad", "expiry", "rate"]
    assert [row.split()[0] for row in rows] == sorted(
        (row.split()[0] for row in rows), key=["bad", "warn", "ok", "unknown"].index
    )


def test_programs_get_one_object(ingat: Ingat) -> None:
    found = ingat.json("watch", "--once")

    assert found.keys() == {"stats", "logs"}
    assert found["stats"]["users"]["total"] == 0


def test_log_entries_are_shown_but_never_what_people_said(ingat: Ingat) -> None:
    with Memory(ingat.url, embedder="none") as memory:
        memory.logs.add("Store looked at\x1b[31m", category="system")
        memory.logs.add("My number is 12345", category="chat")
        memory.sessions.append(memory.sessions.open("ana").id, "user", "A secret about Bruno")

    shown = ingat.said("watch", "--once")

    assert "chat" in HIDDEN
    assert "Store looked at\ufffd[31m" in shown
    assert "12345" not in shown
    assert "Bruno" not in shown


def test_a_server_is_asked_for_its_own_timings(ingat: Ingat, tmp_path: Path) -> None:
    with running(tmp_path / "served", memory=Memory(":memory:", embedder="none")) as server:
        for _ in range(25):
            server.ask("GET", "/v1/users")
        shown = ingat.said("watch", "--once", "--url", server.url, "--key", server.service)
        found = json.loads(ingat.said("watch", "--once", "--json", "--url", server.url, INGAT_KEY=server.service))

    assert server.url in shown
    assert re.search(r"^ request +\d+", shown, re.MULTILINE)
    assert not (ingat.folder / "ingat.db").exists()
    (requests,) = [each for each in found["stats"]["performance"]["timings"] if each["kind"] == "request"]
    assert requests["count"] >= 25


def test_a_server_that_is_not_there_is_said_so(ingat: Ingat) -> None:
    error = ingat.refused("watch", "--once", "--url", "http://127.0.0.1:9", code="store_unavailable")

    assert "http://127.0.0.1:9 cannot be reached" in error["message"]
    assert "ingat serve" in error["message"]


@pytest.mark.parametrize("url", ["127.0.0.1:8081", "ftp://x", "http://", "nonsense"])
def test_an_address_that_is_none_is_refused(ingat: Ingat, url: str) -> None:
    ingat.refused("watch", "--once", "--url", url, code="invalid_settings")


def test_a_server_that_wants_another_key_is_said_so(ingat: Ingat, tmp_path: Path) -> None:
    with running(tmp_path, memory=Memory(":memory:", embedder="none")) as server:
        server.memory.users.save("ana")
        ingat.refused("watch", "--once", "--url", server.url, code="unauthorized")
        key = server.user_key("ana")
        ingat.refused("watch", "--once", "--url", server.url, "--key", key, code="forbidden")


def test_something_else_that_answers_is_said_so(ingat: Ingat, tmp_path: Path) -> None:
    with running(tmp_path, memory=Memory(":memory:", embedder="none")) as server:
        error = ingat.refused("watch", "--once", "--url", f"{server.url}/assets", "--key", server.service,
                              code="store_unavailable")  # fmt: skip

    assert "404" in error["message"]


def test_it_goes_on_until_ctrl_c_and_ends_well(ingat: Ingat) -> None:
    ingat.said("remember", "ana", "has a dog")
    child = pexpect.spawn(
        PROGRAM[0], [*PROGRAM[1:], "watch", "--every", "0.2"], env=ingat.environment(), dimensions=(50, 100), timeout=60
    )
    for _ in range(3):
        child.expect("active sessions")
    child.kill(signal.SIGINT)
    child.expect(pexpect.EOF)
    child.close()

    assert (child.exitstatus, child.signalstatus) == (0, None)
    assert b"Traceback" not in (child.before or b"")


def test_doctor_counts_memories_once(ingat: Ingat) -> None:
    ingat.said("remember", "ana", "has a dog")
    ingat.said("remember", "ana", "has a cat")

    assert re.findall(r"^Memory count: \d+$", ingat.said("doctor"), re.MULTILINE) == ["Memory count: 2"]
    assert "Memory count" not in ingat.said("doctor", "--json")


def test_doctor_shows_targets_in_the_readers_language(ingat: Ingat) -> None:
    overdue(ingat)
    result = ingat("doctor")

    assert result.exit_code == 1
    assert "≥ 95 %; alert < 50 %" in result.stdout
    assert "`ingat expire` closes idle sessions" in result.stdout


def test_a_wrong_key_is_not_taken_for_a_missing_one(ingat: Ingat, tmp_path: Path) -> None:
    with running(tmp_path, memory=Memory(":memory:", embedder="none")) as server:
        without = ingat.refused("watch", "--once", "--url", server.url, code="unauthorized")
        wrong = ingat.refused("watch", "--once", "--url", server.url, "--key", "ingat_wrong", code="unauthorized")

    assert "wants an access key" in without["message"]
    assert "unknown or revoked" in wrong["message"]


def test_a_server_that_is_not_there_is_named_in_every_language(ingat: Ingat) -> None:
    result = ingat("watch", "--once", "--url", "http://127.0.0.1:9", INGAT_LANG="id")

    assert result.stderr.startswith("Galat: Server http://127.0.0.1:9 tidak dapat dihubungi")


@pytest.mark.parametrize("every", ["0", "-1", "3601", "nan", "often"])
def test_an_interval_out_of_bounds_is_answered_with_a_sentence(ingat: Ingat, every: str) -> None:
    result = ingat("watch", "--once", f"--every={every}")

    assert result.exit_code == 2
    assert f"'{every}' is no number of seconds from 0.2 to 3,600." in result.stderr


def test_targets_have_their_units(ingat: Ingat) -> None:
    shown = ingat.said("stats", COLUMNS="80")

    assert re.search(r"response time .*< 500 ms +> 1,000 ms", shown)
    assert re.search(r"expiry rate .*≥ 95 % +< 50 %", shown)
