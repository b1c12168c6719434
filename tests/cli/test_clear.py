"""`ingat clear` and the two scripts: the dialogue of klar's tools, the backups, and the server around them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ingat.cli import daemon
from ingat.core.settings import Settings
from tests.cli import clearing
from tests.cli.clearing import LANGUAGES, TOOLS, UNCHANGED, as_transcript, talk, terminal, transcript
from tests.cli.runner import PROGRAM, Ingat
from tests.engine import store_url
from tests.house.tree import ROOT

HOSTILE = ["../../evil", "$(touch pwned)", "'; drop table user_profile; --", "`touch pwned`", "-rf", "a" * 10_000]


@pytest.fixture
def tools(ingat: Ingat, forking: clearing.Forking | None) -> Ingat:
    """A store with the two users of the seed, and the tools in a folder of a project."""
    clearing.project(ingat.folder / "project", forking)
    clearing.filled(ingat)
    return ingat


def backups(ingat: Ingat) -> list[Path]:
    return sorted((ingat.folder / "data" / "storage" / "backups").glob("*"))


def ids(ingat: Ingat) -> list[str]:
    return [each["user_id"] for each in ingat.json("users", "list")["users"]]


def menu(ingat: Ingat, *typed: str, words: tuple[str, ...] = (), **variables: str) -> tuple[str, int]:
    """Go through the menu in this process, and return what was shown and the exit code."""
    done = ingat("clear", *words, typed="".join(f"{line}\n" for line in typed), **variables)
    return done.output, done.exit_code


# -- the dialogue, word by word ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tool", TOOLS)
def test_one_user_is_deleted_as_the_transcript_shows(tools: Ingat, tool: str, language: str) -> None:
    prompts = ["(1-3): ", "User ID: ", clearing.SURE[language][1:]]
    child = terminal(tools, tool, language=language)
    shown, code = talk(child, *zip(prompts, ["1", "test_happy_male", "y"], strict=True))

    assert as_transcript(shown) == transcript(language, tool)
    assert code == 0
    assert ids(tools) == ["test_happy_female"]
    (backup,) = backups(tools)
    assert sorted(json.loads(backup.read_bytes())) == ["test_happy_female", "test_happy_male"]
    assert backup.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("tool", "language"), [("python", "id"), ("bash", "en")])
def test_everything_is_deleted_when_yes_is_typed(tools: Ingat, tool: str, language: str) -> None:
    child = terminal(tools, tool, language=language)
    shown, code = talk(child, ("(1-3): ", "2"), (clearing.TYPE_YES[language], "YES"))

    assert clearing.EMPTIED[language] in shown
    assert clearing.DONE[language] in shown.replace("\r\n", "\n")
    assert (code, ids(tools)) == (0, [])
    assert len(backups(tools)) == 1
    operation = re.findall(r"ingat undo (\w+)", shown)[0]
    tools.said("undo", operation)
    assert ids(tools) == ["test_happy_female", "test_happy_male"]


@pytest.mark.parametrize("tool", TOOLS)
def test_ctrl_c_changes_nothing(tools: Ingat, tool: str) -> None:
    child = terminal(tools, tool, language="id", real=True)
    child.expect_exact("(1-3): ")
    child.sendcontrol("c")
    shown, code = talk(child)

    assert "⚠️  Dibatalkan." in shown
    assert clearing.NOT_RESTARTED["id"] in shown.replace("\r\n", "\n")
    assert (code, len(ids(tools)), backups(tools)) == (130, 2, [])


@pytest.mark.parametrize(
    ("answers", "code"),
    [((("(1-3): ", "9"),), 1), ((("(1-3): ", "2"), ("YES", "yes")), 0)],
    ids=["invalid", "yes"],
)
def test_what_is_no_clear_yes_changes_nothing_with_bash_either(
    tools: Ingat, answers: tuple[tuple[str, str], ...], code: int
) -> None:
    shown, ended = talk(terminal(tools, "bash", language="id"), *answers)

    assert UNCHANGED["id"] in shown
    assert clearing.NOT_RESTARTED["id"] in shown.replace("\r\n", "\n")
    assert (ended, len(ids(tools)), backups(tools)) == (code, 2, [])


def test_bash_knows_the_end_of_the_input(tools: Ingat) -> None:
    child = terminal(tools, "bash", language="id")
    child.expect_exact("(1-3): ")
    child.sendeof()
    shown, code = talk(child)
    assert "Masukan berakhir" in shown
    assert (code, len(ids(tools))) == (1, 2)


def test_bash_takes_no_word_for_y(tools: Ingat) -> None:
    shown, code = talk(terminal(tools, "bash"), ("(1-3): ", "1"), ("User ID: ", "test_happy_male"), ("(y/n): ", "yes"))
    assert UNCHANGED["en"] in shown
    assert (code, len(ids(tools))) == (0, 2)


def test_bash_hands_ids_on_as_they_are(tools: Ingat) -> None:
    hostile = '-rf\'; $(touch pwned) "`touch pwned`" ../../evil'
    before = sorted(tools.folder.rglob("*.json"))
    shown, code = talk(terminal(tools, "bash"), ("(1-3): ", "1"), ("User ID: ", hostile), ("(y/n): ", "y"))

    assert "❌" in shown
    assert (code, len(ids(tools))) == (1, 2)
    assert sorted(tools.folder.rglob("*.json")) == before
    assert not list(tools.folder.rglob("pwned"))


def test_bash_asks_for_a_reason_and_force_when_a_case_is_open(tools: Ingat) -> None:
    tools.said("users", "save", "test_happy_male", "--flags", "sop_pending=true")
    chosen = [("(1-3): ", "1"), ("User ID: ", "test_happy_male"), ("(y/n): ", "Y")]
    _, code = talk(terminal(tools, "bash"), *chosen, ("all the same? ", "he asked for it"), ("protected: ", "FORCE"))
    assert (code, ids(tools)) == (0, ["test_happy_female"])
    assert tools.json("operations", "list")["operations"][0]["reason"] == "he asked for it"


# -- the outcomes of the menu ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "said", "code"),
    [
        (["1", ""], "❌ user_id kosong", 1),
        (["1", "ghost"], "❌ User ID 'ghost' tidak ditemukan", 1),
        (["1", "test_happy_male", "n"], "❌ Dibatalkan", 0),
        (["1", "test_happy_male", ""], "❌ Dibatalkan", 0),
        (["2", "yes"], "❌ Dibatalkan", 0),
        (["2", " YES"], "❌ Dibatalkan", 0),
        (["2", "y"], "❌ Dibatalkan", 0),
        ([""], "❌ Pilihan tidak valid", 1),
        ([], "❌ Masukan berakhir", 1),
        (["1"], "❌ Masukan berakhir", 1),
        (["1", "test_happy_male"], "❌ Masukan berakhir", 1),
    ],
    ids=["empty", "unknown", "n", "nothing", "small", "blank", "short", "choice", "end", "end-of-id", "end-of-yn"],
)
def test_an_outcome_without_deletion_leaves_everything(tools: Ingat, typed: list[str], said: str, code: int) -> None:
    shown, ended = menu(tools, *typed, INGAT_LANG="id")

    assert said in shown
    assert "⏳ Restarting server..." in shown.split(said)[1]
    assert (ended, len(ids(tools)), backups(tools)) == (code, 2, [])


@pytest.mark.parametrize("answer", ["y", "Y", "yes", "YES "])
def test_y_and_yes_delete(tools: Ingat, answer: str) -> None:
    shown, code = menu(tools, "1", " test_happy_male ", answer)
    assert "✅ User 'test_happy_male' was deleted." in shown
    assert (code, ids(tools)) == (0, ["test_happy_female"])


@pytest.mark.parametrize("hostile", HOSTILE, ids=["path", "command", "quote", "backquote", "dash", "long"])
def test_hostile_ids_find_nobody_and_touch_nothing(tools: Ingat, hostile: str) -> None:
    before = sorted(path for path in tools.folder.rglob("*"))
    shown, code = menu(tools, "1", hostile, "y")

    assert "❌" in shown
    assert (code, len(ids(tools))) == (1, 2)
    assert sorted(path for path in tools.folder.rglob("*")) == before


def test_an_alias_shows_the_user_it_names(tools: Ingat) -> None:
    tools.said("users", "alias", "test_happy_male", "+62 811 1222")
    shown, code = menu(tools, "1", "628111222@c.us", "y")
    assert "   User ID: test_happy_male\n" in shown
    assert (code, ids(tools)) == (0, ["test_happy_female"])


def test_nobody_to_delete_is_told(ingat: Ingat) -> None:
    shown, code = menu(ingat, "1")
    assert "There are no users" in shown
    assert code == 0


def test_a_terminal_without_emoji_is_no_hindrance(tools: Ingat) -> None:
    done = subprocess.run(
        [*PROGRAM, "clear"],
        input=b"3\n",
        capture_output=True,
        env={**tools.environment(), "PYTHONIOENCODING": "ascii", "INGAT_LANG": "id"},
        check=True,
    )
    assert b"? Dibatalkan. Tidak ada perubahan." in done.stdout


def test_texts_of_users_cannot_steer_the_terminal(ingat: Ingat) -> None:
    ingat.said("users", "save", "ana", "--name", "\x1b[2JAna\nSanti")
    shown, _ = menu(ingat, "1", "ana", "n")
    assert "\x1b" not in shown
    assert "Name: \ufffd[2JAna Santi, Product: -" in shown


# -- backups -----------------------------------------------------------------------------------------------------------


def test_a_backup_that_cannot_be_written_refuses_the_deletion(tools: Ingat) -> None:
    (tools.folder / "data").write_text("in the way")
    shown, code = menu(tools, "1", "test_happy_male", "y")
    assert "Nothing was deleted" in shown
    assert "⏳ Restarting" in shown.split("Nothing was deleted")[1]
    assert (code, len(ids(tools))) == (1, 2)


def test_two_deletions_in_one_second_make_two_files(tools: Ingat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingat.core.clock.now", lambda: clearing.SEEN_MS)
    for user_id in ("test_happy_male", "test_happy_female"):
        assert tools("clear", user_id, "--yes").exit_code == 0
    first, second = backups(tools)
    assert re.fullmatch(r"memory_backup_\d{8}_\d{6}\.json", first.name)
    assert second.name == first.name.replace(".json", "_1.json")
    assert (len(json.loads(first.read_bytes())), len(json.loads(second.read_bytes()))) == (2, 1)


def test_the_backup_brings_the_user_back(tools: Ingat) -> None:
    before = tools.json("export", "--no-logs")
    tools.said("clear", "test_happy_male", "--yes")
    tools.said("restore", str(backups(tools)[0]), "--yes")
    after = tools.json("export", "--no-logs")
    for name in ("users", "sessions", "messages", "memories"):
        assert after[name] == before[name]


def test_another_folder_takes_the_backup(tools: Ingat) -> None:
    tools.said("clear", "test_happy_male", "--yes", "--backup-dir", "else where")
    assert len(list((tools.folder / "else where").glob("memory_backup_*.json"))) == 1


# -- protected users ---------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(tools: Ingat) -> Ingat:
    tools.said("users", "save", "test_happy_male", "--flags", "active_intent=bunyi")
    return tools


def test_an_open_case_is_told_before_the_question(guarded: Ingat) -> None:
    shown, code = menu(guarded, "1", "test_happy_male", "n")
    assert "protected or has an open case: active_intent: 'bunyi'" in shown.split("Are you sure")[0]
    assert (code, len(ids(guarded))) == (0, 2)


@pytest.mark.parametrize(
    ("typed", "code"), [(["y", ""], 1), (["y", "x", "force"], 0), (["y", "x", "y"], 0)], ids=["reason", "case", "y"]
)
def test_an_open_case_is_never_deleted_silently(guarded: Ingat, typed: list[str], code: int) -> None:
    _, ended = menu(guarded, "1", "test_happy_male", *typed)
    assert (ended, len(ids(guarded)), backups(guarded)) == (code, 2, [])


@pytest.mark.parametrize("choice", [("1", "test_happy_male", "y"), ("2", "YES")], ids=["one", "all"])
def test_an_open_case_goes_with_a_reason_and_force(guarded: Ingat, choice: tuple[str, ...]) -> None:
    _, code = menu(guarded, *choice, "moved away", "FORCE")
    assert (code, "test_happy_male" in ids(guarded)) == (0, False)
    assert guarded.json("operations", "list")["operations"][0]["reason"] == "moved away"


@pytest.mark.parametrize("words", [("test_happy_male",), ("--all",)], ids=["one", "all"])
@pytest.mark.parametrize("more", [(), ("--force",), ("--reason", "x")], ids=["nothing", "force", "reason"])
def test_scripts_need_both_too(guarded: Ingat, words: tuple[str, ...], more: tuple[str, ...]) -> None:
    error = guarded.refused("clear", *words, "--yes", *more, code="protected_user", exit_code=3)
    assert "--force with --reason" in error["message"]
    assert (len(ids(guarded)), backups(guarded)) == (2, [])


# -- without questions -------------------------------------------------------------------------------------------------


def test_scripts_get_one_object(tools: Ingat) -> None:
    answer = tools.json("clear", "test_happy_male", "--yes", "--reason", "why not")
    assert answer["operation"]["reason"] == "why not"
    assert answer["backup"]["users"] == 2
    assert tools.folder / answer["backup"]["path"] == backups(tools)[0]
    assert answer["server_problems"] == []


@pytest.mark.parametrize(
    "words",
    [("--yes",), ("--json",), ("a", "--all", "--yes"), ("a", "--list-ids"), ("a",), ("--all",)],
    ids=["menu", "json", "both", "list", "one", "all"],
)
def test_what_cannot_be_asked_for_stops_no_server(tools: Ingat, words: tuple[str, ...]) -> None:
    done = tools("clear", *words)
    assert done.exit_code == 2
    assert "Stopping" not in done.output
    assert len(ids(tools)) == 2


@pytest.mark.parametrize("hostile", HOSTILE[:3] + HOSTILE[-1:], ids=["path", "command", "quote", "long"])
def test_scripts_are_told_of_hostile_ids(tools: Ingat, hostile: str) -> None:
    done = tools("clear", "--yes", "--", hostile)
    assert done.exit_code == 1
    assert backups(tools) == []


def test_ids_are_listed_one_a_line(tools: Ingat) -> None:
    assert tools.said("clear", "--list-ids") == "test_happy_male\ntest_happy_female\n"


# -- the server --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(engine: str, tmp_path_factory: pytest.TempPathFactory, forking: clearing.Forking | None) -> Iterator[Ingat]:
    """A store with a server in the background, which each test leaves running, and the tools."""
    ingat = Ingat(tmp_path_factory.mktemp("served"))
    clearing.project(ingat.folder / "project", forking)
    clearing.filled(ingat)
    ingat.said("serve", "--detach", "--port", "0", "--no-key", INGAT_EMBEDDER="none")
    yield ingat
    daemon.stop(Settings(store=ingat.url), timeout_s=0, force=True)


def server_of(ingat: Ingat) -> daemon.Server:
    (server,) = daemon.running(Settings(store=ingat.url))
    assert httpx.get(f"{server.url}healthz").status_code == 200
    return server


@pytest.mark.parametrize(
    ("tool", "how"),
    [("bash", "ctrl-c"), ("python", "ctrl-c"), pytest.param("bash", "cancel", marks=pytest.mark.slow)],
)
def test_a_server_that_ran_answers_again(served: Ingat, tool: str, how: str) -> None:
    before = server_of(served)
    child = terminal(served, tool, real=how == "ctrl-c")
    child.expect_exact("(1-3): ")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{before.url}healthz")
    if how == "cancel":
        child.sendline("3")
    else:
        child.sendcontrol("c")
    _, code = talk(child)
    assert code == (0 if how == "cancel" else 130)
    after = server_of(served)
    assert (after.host, after.port, after.workers) == (before.host, before.port, before.workers)
    assert after.pid != before.pid


def test_a_deletion_can_leave_the_server_running(served: Ingat) -> None:
    before = server_of(served)
    served.said("clear", "test_happy_female", "--yes", "--leave-server", "--backup-dir", str(served.folder))
    assert server_of(served) == before


@pytest.mark.parametrize(
    ("tool", "number"),
    [
        ("bash", signal.SIGHUP),
        ("bash", signal.SIGTERM),
        ("python", signal.SIGHUP),
        pytest.param("python", signal.SIGTERM, marks=pytest.mark.slow),
        ("python", signal.SIGQUIT),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_no_signal_keeps_the_server_stopped(tools: Ingat, tool: str, number: signal.Signals) -> None:
    child = terminal(tools, tool, "--stop-cmd", "true", "--start-cmd", "touch started", real=True)
    child.expect_exact("(1-3): ")
    child.kill(number)
    talk(child)
    assert (tools.folder / "started").exists()


@pytest.mark.parametrize("tool", TOOLS)
def test_other_commands_stop_and_start(tools: Ingat, tool: str) -> None:
    note = tools.folder / "said it"
    command = shlex.join(["python3", "-c", "import sys; open(sys.argv[1], 'a').write(sys.argv[2])", str(note)])
    words = ["--stop-cmd", f"{command} 'stop; $(touch pwned) '", "--start-cmd", f"{command} start"]
    _, code = talk(terminal(tools, tool, *words), ("(1-3): ", "3"))
    assert (code, note.read_text()) == (0, "stop; $(touch pwned) start")
    assert not list(tools.folder.rglob("pwned"))


def test_a_command_that_fails_is_told_and_stops_nothing(tools: Ingat) -> None:
    shown, code = menu(tools, "1", "test_happy_male", "y", words=("--stop-cmd", "/none", "--start-cmd", "false"))
    assert "`/none` could not be run" in shown
    assert "`false` ended with code 1" in shown
    assert (code, ids(tools)) == (1, ["test_happy_female"])


def test_a_command_that_cannot_be_read_is_refused_first(tools: Ingat) -> None:
    shown, code = menu(tools, "3", words=("--stop-cmd", "a 'b"))
    assert "Stopping" not in shown
    assert code == 2


# -- the scripts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["scripts/clear_memory.py", "bin/clear_memory.sh"])
def test_the_scripts_can_be_run(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)


def test_bash_refuses_words_that_it_does_not_know(tools: Ingat) -> None:
    shown, code = talk(terminal(tools, "bash", "--all", "--yes"))
    assert code == 2
    assert "MEMORY MANAGEMENT TOOL" not in shown


ASKED_TO_STOP = """\
#!/usr/bin/env bash
# stands for `ingat`: one server that is told to stop
echo "$*" >>asked
case $1 in
    stop) {stop} ;;
esac
"""
TOLD = '{"pid":7,"url":"http://h:1/","host":"h","port":1,"workers":2}'


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (f"kill -INT 0; echo '{{\"stopped\":[{TOLD}]}}'", 130),
        (f'echo \'{{"error":{{"details":{{"told":[{TOLD}]}}}}}}\'; [ $# = 1 ]', 0),
        (f'echo \'{{"error":{{"details":{{"told":[{TOLD}]}}}}}}\'; exit 1', 1),
    ],
    ids=["interrupted", "late", "never"],
)
def test_bash_starts_whom_it_told_to_stop(tools: Ingat, stop: str, code: int) -> None:
    clearing.runs(tools.folder / "project" / "bin", ASKED_TO_STOP.format(stop=stop))
    child = terminal(tools, "bash", real=True)
    _, ended = talk(child, *([] if code == 130 else [("(1-3): ", "3")]))

    assert "serve --detach --no-key --lang en --host h --port 1 --workers 2" in (tools.folder / "asked").read_text()
    assert ended == code


@pytest.mark.parametrize(
    "streams",
    ["| { until read -r && [[ $REPLY == *Stopping* ]]; do :; done; exec <&-; touch gone; }", "<&-"],
    ids=["reader", "input"],
)
def test_bash_starts_the_server_when_its_streams_are_closed(tools: Ingat, streams: str) -> None:
    waiting = "until [ -e gone ]; do :; done; " if "gone" in streams else ""
    stop = f"{waiting}echo '{{\"stopped\":[{TOLD}]}}'"
    clearing.runs(tools.folder / "project" / "bin", ASKED_TO_STOP.format(stop=stop))
    subprocess.run(
        ["bash", "-c", f"project/bin/clear_memory.sh {streams}"], cwd=tools.folder, input=b"3\n", check=False
    )
    assert "serve --detach" in (tools.folder / "asked").read_text()


def test_closed_streams_are_no_fault(tools: Ingat) -> None:
    words = shlex.join([*PROGRAM, "clear"])
    done = subprocess.run(
        ["bash", "-c", f"{words} <&-; {words} <<<3 >&-"],
        capture_output=True,
        text=True,
        env=tools.environment(),
        check=True,
    )
    assert "The input has ended" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_way_back_can_be_copied(ingat: Ingat) -> None:
    store = store_url(ingat.folder / "a b.db")
    ingat.said("users", "save", "ana", "--store", store)
    shown, _ = menu(ingat, "1", "ana", "y", words=("--store", store))
    words = shlex.split(shown.split("Back with: ")[1].splitlines()[0])
    ingat.said(*words[1:])
    assert ingat.json("users", "list", "--store", store)["users"][0]["user_id"] == "ana"


def test_a_backup_without_encryption_says_so(ingat: Ingat) -> None:
    ingat.said("users", "save", "ana")
    shown, _ = menu(ingat, "1", "ana", "y", INGAT_BACKUP_PASSPHRASE="a secret of many words")
    assert "It is not encrypted, unlike the restore point" in shown
