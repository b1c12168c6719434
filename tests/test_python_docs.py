"""docs/python.md names everything, and its examples run, beside an endpoint of a model that can fail."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET, Struct

from ingat.core import artifacts, errors, logs, policy, records, reports, snapshots, stats
from ingat.core.context import Context
from ingat.faces import SessionFace, UserFace
from ingat.lifecycle.erase import Eraser
from ingat.lifecycle.jobs import Jobs
from ingat.memory import Memory
from ingat.services.artifacts import Artifacts
from ingat.services.current import CurrentSessions
from ingat.services.keys import Keys
from ingat.services.logs import Logs
from ingat.services.memories import Memories
from ingat.services.operations import Operations
from ingat.services.retention import Retention
from ingat.services.snapshots import Snapshots

pytestmark = pytest.mark.sqlite_only("runs examples that keep their store in a file")

PAGE = (Path(__file__).parent.parent / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PARTS: dict[str, type] = {
    "memory": Memory,
    "memory.users": UserFace,
    "memory.sessions": SessionFace,
    "memory.memories": Memories,
    "memory.keys": Keys,
    "memory.current_sessions": CurrentSessions,
    "memory.logs": Logs,
    "memory.artifacts": Artifacts,
    "memory.snapshots": Snapshots,
    "memory.retention": Retention,
    "memory.operations": Operations,
    "memory.erase": Eraser,
    "memory.jobs": Jobs,
}
METHODS = [
    (part, name)
    for part, kind in PARTS.items()
    for name, value in inspect.getmembers(kind, callable)
    if not name.startswith("_")
]
RECORDS: list[type[Struct]] = [
    *(
        kind
        for home in (records, artifacts, logs, snapshots, policy, reports, stats)
        for kind in vars(home).values()
        if isinstance(kind, type) and issubclass(kind, Struct) and kind != Struct
    ),
    Context,
]


class Model(ThreadingHTTPServer):
    """An endpoint of chat completions on the loopback address; with `failing` it answers 503."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Completions)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.failing = False
        self.says: str | None = "You have an F57A."

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Completions(BaseHTTPRequestHandler):
    """Notes what it is asked and answers in the form of OpenAI's API."""

    server: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers["Authorization"])
        found = self.path == "/v1/chat/completions" and not self.server.failing
        answer = {"model": "stub-1", "choices": [{"message": {"role": "assistant", "content": self.server.says}}]}
        data = json.dumps(answer).encode()
        self.send_response(200 if found else 503)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on standard error."""


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def run(model: Model, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The names that the examples leave behind when they ran in order in an empty folder, and what they printed."""
    names: dict[str, Any] = {"__name__": "example"}
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(tmp_path_factory.mktemp("examples"))
        patch.setenv("MODEL_URL", model.url)
        patch.setenv("MODEL_KEY", "secret")
        for block in BLOCKS:
            exec(compile(block, "docs/python.md", "exec"), names)
    return names, printed.getvalue()


@pytest.fixture
def answering(model: Model, run: tuple[dict[str, Any], str]) -> Iterator[Memory]:
    """A memory with the answerer of the page."""
    with Memory(":memory:", embedder="none", answerer=run[0]["ask_model"]) as memory:
        yield memory
    model.failing, model.says = False, "You have an F57A."


def test_the_examples_print_what_stands_beside_them(run: tuple[dict[str, Any], str]) -> None:
    promised = [
        text for block in BLOCKS for text in re.findall(r"(?:^ *print\(.*\)  # |^    # )(.*)$", block, re.MULTILINE)
    ]

    assert len(promised) >= 10
    assert run[1].splitlines() == promised


def test_the_model_is_asked_with_the_context_and_the_key(model: Model, answering: Memory) -> None:
    answering.users.save("ana", name="Ana")

    turn = answering.chat("ana", "Which unit do I have?")

    assert (turn.answer.content, turn.model) == ("You have an F57A.", "stub-1")
    asked = model.asked[-1]["messages"]
    assert [message["role"] for message in asked] == ["system", "system", "user"]
    assert "Name: Ana" in asked[1]["content"]
    assert asked[-1]["content"] == "Which unit do I have?"
    assert model.keys[-1] == "Bearer secret"


def test_the_example_with_a_model_showed_it_what_was_remembered(model: Model, run: tuple[dict[str, Any], str]) -> None:
    (asked,) = [each for each in model.asked if "F57A" in json.dumps(each) and len(each["messages"]) == 3]

    assert "product: the unit is an F57A" in asked["messages"][1]["content"]


def test_when_the_endpoint_fails_the_question_is_kept(
    model: Model, run: tuple[dict[str, Any], str], answering: Memory
) -> None:
    model.failing = True

    said = run[0]["reply"](answering, "ana", "Are you there?")

    assert said == "I cannot answer right now. I have kept your message."
    assert [message.content for message in answering.sessions.history("ana")] == ["Are you there?"]


@pytest.mark.parametrize("said", [None, ""])
def test_when_the_model_says_nothing_the_question_is_kept(model: Model, answering: Memory, said: str | None) -> None:
    model.says = said

    with pytest.raises(errors.EmptyContent):
        answering.chat("ana", "Are you there?")

    assert [message.content for message in answering.sessions.history("ana")] == ["Are you there?"]


def test_a_bot_answers_without_its_memory(run: tuple[dict[str, Any], str]) -> None:
    memory = Memory(":memory:", embedder="none")
    memory.close()

    assert run[0]["messages_for_model"](memory, "ana", "web", "Hello") == [{"role": "user", "content": "Hello"}]


def test_a_bot_does_not_answer_the_blocked(run: tuple[dict[str, Any], str]) -> None:
    with Memory(":memory:", embedder="none") as memory:
        memory.users.save("ana", role="blocked")

        assert run[0]["messages_for_model"](memory, "ana", "web", "Hello") is None


def test_what_a_blocked_person_said_can_still_be_recalled() -> None:
    with Memory(":memory:", embedder="none") as memory:
        memory.sessions.append(memory.sessions.open("ana").id, "user", "The boiler leaks")
        memory.users.save("ana", role="blocked")

        assert memory.recall("ana", "boiler").hits
        with pytest.raises(errors.UserBlocked):
            memory.context("ana")


def test_an_unknown_user_has_nothing_and_is_not_created() -> None:
    with Memory(":memory:", embedder="none") as memory:
        assert memory.recall("ana", "boiler").hits == ()
        assert memory.context("ana").messages == ()
        found = (
            memory.search("ana", "boiler"),
            memory.sessions.list("ana"),
            memory.sessions.history("ana"),
            memory.memories.list("ana"),
        )
        assert [len(page) for page in found] == [0, 0, 0, 0]
        with pytest.raises(errors.UserNotFound):
            memory.users.get("ana")


@pytest.mark.parametrize(("part", "name"), METHODS, ids=[".".join(each) for each in METHODS])
def test_every_method_stands_there_with_its_signature(part: str, name: str) -> None:
    section = re.search(rf"^### {re.escape(part)}\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    assert section
    text = PAGE if name in ("from_settings", "close") and part == "memory" else section[1]

    assert f"{'Memory.' if name == 'from_settings' else ''}{_written(name, getattr(PARTS[part], name))}`" in _flat(text)


def test_the_constructor_stands_there_with_each_argument() -> None:
    arguments = inspect.signature(Memory).parameters

    assert f"`{_written('Memory', Memory)}`" in _flat(PAGE)
    assert [name for name in arguments if f"\n| `{name}` |" not in PAGE] == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_record_stands_there_with_its_fields(record: type[Struct]) -> None:
    entry = re.search(rf"^- \*\*{record.__name__}\*\*: (.*?)(?=^- \*\*|\Z)", PAGE, re.MULTILINE | re.DOTALL)

    assert entry
    assert [field for field in record.__struct_fields__ if f"`{field}`" not in entry[1]] == []


def test_every_error_code_that_is_named_exists() -> None:
    table = re.search(r"^\| catch \| codes \|\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert table
    rows = re.findall(r"^\| (\w+) \| (.*) \|$", table[1], re.MULTILINE)

    assert len(rows) == 5
    for name, codes in rows:
        kinds = _below(getattr(errors, name))
        assert set(re.findall(r"`(\w+)`", codes)) <= {kind.code for kind in kinds}


def test_links_lead_somewhere() -> None:
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", PAGE)]

    assert [each for each in targets if each and not (Path(__file__).parent.parent / "docs" / each).is_file()] == []


def _written(name: str, function: Callable[..., Any]) -> str:
    """Return a signature as the page writes it."""
    words: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        default = "" if parameter.default is parameter.empty else f"={_value(parameter.default)}"
        words.append(f"{stars}{parameter.name}{default}")
    return f"{name}({', '.join(words)})"


def _value(default: Any) -> str:
    if default is UNSET:
        return "…"
    if inspect.isfunction(default):
        return f"{default.__module__.rpartition('.')[2]}.{default.__name__}"
    return f'"{default}"' if isinstance(default, str) else repr(default)


def _below(kind: type[errors.IngatError]) -> list[type[errors.IngatError]]:
    return [kind, *(each for sub in kind.__subclasses__() for each in _below(sub))]


def _flat(text: str) -> str:
    return " ".join(text.split())


def test_records_are_where_the_page_says() -> None:
    listed = PAGE[PAGE.index("## Records") :]
    elsewhere = re.findall(r"^- `(ingat\.core\.\w+)`: ((?:\w+,?\s+)+)", listed, re.MULTILINE)
    homes = {name: module for module, names in elsewhere for name in re.findall(r"\w+", names)}
    described = re.findall(r"^- \*\*(\w+)\*\*", listed, re.MULTILINE)

    assert described
    for name in described:
        module = importlib.import_module(homes.get(name, "ingat.core.records"))
        assert getattr(module, name).__module__ == module.__name__
