"""Ids that try to be paths, commands, SQL or markup: refused or taken for what they are; nothing else is touched."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click
import pytest
from click.testing import CliRunner, Result

from ingat.action import Action
from ingat.actions import ACTIONS, arguments_of, method_of
from ingat.cli.generated import bound
from ingat.cli.main import cli
from ingat.core.errors import IngatError, InvalidInput, NotFound
from ingat.memory import Memory
from tests.api.server import Server, running
from tests.engine import same_store, store_at, store_url

REFUSED = {
    "path upwards": "../../evil",
    "two dots": "..",
    "dots inside": "a..b",
    "absolute path": "/etc/passwd",
    "home": "~root/.ssh",
    "Windows path": "C:\\Windows\\system.ini",
    "Windows share": "\\\\server\\share",
    "path inside": "sub/folder",
    "too long": "x" * 10_000,
    "empty": "",
    "blank": " \u00a0 ",
    "NUL": "a\0b",
    "line end": "a\nb",
    "escape": "a\x1b[2Jb",
    "other direction": "abc\u202efdp.exe",
    "not to be seen": "ad\u200bmin",
    "half a character": "a\ud800b",
    "line separator": "a\u2028b",
}
"""What no id may be, whatever it is the id of."""

ALLOWED = {
    "command": "$(touch pwned)",
    "backquotes": "`touch pwned`",
    "pipe": "x; touch pwned | cat",
    "SQL": "'; DROP TABLE user_profile; --",
    "wildcards": "%_%",
    "format": "{0.__class__}%s%n",
    "markup": "<script>alert(1)</script>".replace("/", ""),
    "encoded path": "%2e%2e%2fevil",
    "device of Windows": "NUL.txt",
    "one dot": ".",
    "option": "--force",
    "wide dots and slash": "\uff0e\uff0e\uff0fevil",
    "lookalike": "\u0430dmin",
}
"""What ids from elsewhere may hold. It is data: kept as it is, never run, and never part of a path."""

IDS = frozenset({"id", "alias", "target", "users", "sessions", "message_ids", "exclude", "job", "cursor"})
LISTS = frozenset({"users", "sessions", "message_ids", "exclude"})
COMPARED = frozenset({"project_id", "exclude"})
"""Texts that rows are compared with and that name nothing of their own: anything may stand there."""
NAMES_OF_FILES = frozenset({"dots inside", "other direction", "not to be seen"})
"""What the name of an artifact may be: it is a label, while its bytes are in a file that is named by its id."""
IDS_OF = {"users.merge": {"source"}, "artifacts.save": {"name"}}
VALUES: dict[str, Any] = {
    "alias": "also ana",
    "before": 1,
    "content": "the fan is loud",
    "job": "measure",
    "message": "Scanner executed",
    "name": "desk",
    "protected": False,
    "query": "what is loud?",
    "reason": "asked for",
    "role": "user",
    "snapshot": {"name": "desk", "state_data": {}},
    "source": "ana",
    "state": {},
    "target": "budi",
    "text": "likes tea",
    "user_id": "ana",
    "words": "fan",
}
"""What is given for arguments that are required and not the one that is tried."""
OF_CALLERS = frozenset(
    {"taken", "refused", "conflict", "protected_user", "alias_taken", "session_exists", "session_closed"}
)
"""What may come of a value that is allowed."""


def _ids() -> Iterator[tuple[Action, str]]:
    """Give every action with each of its arguments that names something."""
    for action in ACTIONS:
        for name in inspect.signature(method_of(action.name)).parameters:
            named = name in IDS or name.endswith("_id") or name in IDS_OF.get(action.name, ())
            if named or (name == "name" and action.name.startswith("backups.")):
                yield action, name


CASES = list(_ids())
NAMES = [f"{action.verb} {action.name} {name}" for action, name in CASES]


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return every file around the store, with its size and time of change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if "kept" not in path.relative_to(folder).parts:
            seen = path.lstat()
            found[str(path.relative_to(folder))] = (seen.st_size, seen.st_mtime_ns)
    return found


@contextmanager
def _untouched(folder: Path) -> Iterator[None]:
    """Expect that nothing around the folder `kept` of the store changes, and that nothing is made in it by name."""
    before = _listing(folder)
    yield
    assert _listing(folder) == before
    assert [path.name for path in folder.rglob("*") if "evil" in path.name or "pwned" in path.name] == []


@pytest.fixture(scope="module")
def around(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with something to lose; the store is in its folder `kept`, which is where we work."""
    folder = tmp_path_factory.mktemp("around")
    (folder / "evil").mkdir()
    (folder / "precious.txt").write_text("do not touch", encoding="utf-8")
    (folder / "evil" / "precious.txt").write_text("do not touch", encoding="utf-8")
    (folder / "evil").rename(folder / "other")
    (folder / "kept" / "deep").mkdir(parents=True)
    before = Path.cwd()
    os.chdir(folder / "kept" / "deep")
    yield folder
    os.chdir(before)


@pytest.fixture(scope="module")
def url(around: Path) -> str:
    return store_url(around / "kept" / "ingat.db")


@pytest.fixture(scope="module")
def memory(url: str) -> Iterator[Memory]:
    with Memory(**same_store(url), embedder="none") as memory:
        memory.users.save("ana", name="Ana")
        memory.users.save("budi", name="Budi")
        yield memory


@pytest.fixture(scope="module")
def server(around: Path) -> Iterator[Server]:
    folder = around / "kept" / "served"
    folder.mkdir()
    with running(folder) as server:
        server.memory.users.save("ana", name="Ana")
        yield server


def _given(action: Action, name: str, value: str, session_id: str) -> dict[str, Any]:
    """Return arguments for an action: what is required, and the one that is tried."""
    given: dict[str, Any] = {}
    for parameter in inspect.signature(method_of(action.name)).parameters.values():
        if parameter.name == "source_file":
            given["source_file"] = BytesIO(b"{}")
        elif parameter.name == "write":
            given["write"] = lambda piece: None
        elif parameter.default is inspect.Parameter.empty and parameter.name != "self":
            given[parameter.name] = VALUES.get(parameter.name, session_id)
    given[name] = [value] if name in LISTS else value
    return given


def _may_be_taken(action: Action, name: str, what: str) -> bool:
    return name in COMPARED or ((action.name, name) == ("artifacts.save", "name") and what in NAMES_OF_FILES)


def _still_there(memory: Memory) -> None:
    memory.users.save("ana", name="Ana")
    assert memory.users.get("ana").name == "Ana"


def _outcome(call: Callable[[], object]) -> str:
    """Return `refused` when the value is no id or names nothing, the code of another error, or `taken`."""
    try:
        call()
    except (InvalidInput, NotFound):
        return "refused"
    except IngatError as error:
        return error.code
    return "taken"


def _outcomes(memory: Memory, action: Action, name: str, tried: dict[str, str]) -> dict[str, str]:
    """Call the method with each of the values, and return what came of it."""
    session = memory.sessions.create("ana").id
    method = bound(memory, action.name)
    return {what: _outcome(partial(method, **_given(action, name, value, session))) for what, value in tried.items()}


@pytest.mark.parametrize(("action", "name"), CASES, ids=NAMES)
def test_python_refuses_what_no_id_may_be(memory: Memory, around: Path, action: Action, name: str) -> None:
    with _untouched(around):
        found = _outcomes(memory, action, name, REFUSED)
    _still_there(memory)

    taken = {what: how for what, how in found.items() if how != "refused" and not _may_be_taken(action, name, what)}
    assert taken == {}


@pytest.mark.parametrize(("action", "name"), CASES, ids=NAMES)
def test_python_takes_what_looks_dangerous_for_what_it_is(
    memory: Memory, around: Path, action: Action, name: str
) -> None:
    with _untouched(around):
        found = _outcomes(memory, action, name, ALLOWED)
    _still_there(memory)

    assert {what: how for what, how in found.items() if how not in OF_CALLERS} == {}


@pytest.mark.parametrize(("action", "name"), CASES, ids=NAMES)
def test_http_refuses_what_no_id_may_be(server: Server, around: Path, action: Action, name: str) -> None:
    session = server.memory.sessions.create("ana").id
    statuses = {}
    with _untouched(around):
        for what, value in {**REFUSED, **ALLOWED}.items():
            if name in action.in_path and (not value.strip() or value in (".", "..")):
                continue  # these are other addresses, or none at all
            answer = _asked(server, action, _given(action, name, value, session))
            if answer is not None:
                statuses[what] = answer.status
    _still_there(server.memory)

    assert {what: status for what, status in statuses.items() if status >= 500} == {}
    taken = {what: status for what, status in statuses.items() if what in REFUSED and status < 400}
    assert {what for what in taken if not _may_be_taken(action, name, what)} == set()


def _asked(server: Server, action: Action, given: dict[str, Any]) -> Any:
    """Send the arguments as a client does: those of the address in it, the others in the query or the body."""
    fields = arguments_of(action.name).__struct_fields__
    held = {key: value for key, value in given.items() if key in fields}
    path, in_query = action.path, action.verb in ("GET", "DELETE") or action.streams == "in"
    try:
        for key in action.in_path:
            path = path.replace(f"{{{key}}}", quote(str(held.pop(key)), safe=""))
        if in_query:
            path += "?" + urlencode(held, doseq=True)
    except UnicodeEncodeError:
        return None  # no address can hold it
    body = b"{}" if action.streams == "in" else None if in_query else held
    return server.ask(action.verb, path, body, key=server.admin)


FEW = ("path upwards", "too long", "NUL", "command", "SQL", "option")


@pytest.mark.parametrize(("action", "name"), CASES, ids=NAMES)
def test_the_command_line_refuses_what_no_id_may_be(
    memory: Memory, url: str, around: Path, action: Action, name: str
) -> None:
    command, parameter = _command(action, name)
    if parameter is None:
        pytest.skip("the command line has no such argument")
    session = memory.sessions.create("ana").id
    results = {}
    with _untouched(around):
        for what in FEW:
            words = _words(command, parameter, action, {**REFUSED, **ALLOWED}[what], session)
            variables = {"INGAT_STORE": url, "INGAT_EMBEDDER": "none", "INGAT_LANG": "en"}
            results[what] = CliRunner().invoke(cli, words, env=variables)
    _still_there(memory)

    assert {what: result.output for what, result in results.items() if "Traceback" in result.output} == {}
    taken = {what: results[what].output for what in FEW if what in REFUSED and not _is_refusal(results[what])}
    assert {what: said for what, said in taken.items() if not _may_be_taken(action, name, what)} == {}


def _is_refusal(result: Result) -> bool:
    """Return whether the command ended with the error of a caller: 2 is wrong use of the command itself."""
    if result.exit_code != 1:
        return result.exit_code == 2
    code = json.loads(result.stdout)["error"]["code"]
    return str(code).startswith("invalid_") or str(code).endswith("_not_found")


def _command(action: Action, name: str) -> tuple[click.Command, click.Parameter | None]:
    command: click.Command = cli
    for word in action.command.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return command, next((each for each in command.params if each.name == name), None)


def _words(command: click.Command, tried: click.Parameter, action: Action, value: str, session: str) -> list[str]:
    """Return the words of a command, with what is required, and the value for the parameter that is tried."""
    options, places = ["--json"], []
    for parameter in command.params:
        shown = value if parameter is tried else str(_plain(parameter.name or "", session))
        if isinstance(parameter, click.Argument):
            if parameter is tried or parameter.required or parameter.name in VALUES:
                places.append(shown)
        elif parameter is tried or parameter.required:
            options.append(f"{parameter.opts[0]}={shown}")
        elif parameter.name == "yes":
            options.append("--yes")
    return [*action.command.split(), *options, "--", *places]


def _plain(name: str, session: str) -> Any:
    value = VALUES.get(name, session)
    return json.dumps(value) if isinstance(value, dict) else value


@pytest.mark.parametrize("value", ALLOWED.values(), ids=ALLOWED.keys())
def test_a_person_of_any_allowed_id_goes_through_all_that_touches_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    (tmp_path / "precious.txt").write_text("do not touch", encoding="utf-8")
    (tmp_path / "kept" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "kept" / "deep")
    with (
        _untouched(tmp_path),
        Memory(**store_at(tmp_path / "kept" / "ingat.db"), embedder="none") as memory,
    ):
        user = memory.users.save(value, name="Eve")
        session = memory.sessions.create(value, id=f"session {value}")
        memory.sessions.append(session.id, "user", "the fan is loud")
        memory.snapshots.save(value, {}, user_id=value)
        memory.artifacts.save(BytesIO(b"a,b\n"), name="desk.csv", user_id=value)
        memory.backups.create(reason=value)
        erased = memory.erase.user(value, reason=value)
        memory.undo(erased.id)

        assert memory.users.get(value) == user
        assert user.user_id == value
        assert memory.recall(value, "what is loud?").hits
        pieces: list[bytes] = []
        memory.export(pieces.append, user_id=value)
        memory.purge(value, reason="asked for")
        assert memory.users.list().items == ()
