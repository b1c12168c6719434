"""What only some modules may do, and what none may be called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import dotted, imported, module_name, package_files, parse, place, project_files

MAY_CATCH_ALL = frozenset({"api", "web", "cli", "mcp", "proxy", "bot", "integrations"})
FOREIGN = "lifecycle/foreign.py"
"""The one module below the interfaces that catches everything: it calls code that is not ours (see decision 9)."""
WALL_CLOCK = frozenset(
    {
        "time.time",
        "time.time_ns",
        "time.localtime",
        "time.gmtime",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
    }
)
ENVIRONMENT = frozenset({"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})
EMPTY_NAMES = frozenset({"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"})


def _nodes(allowed: str) -> Iterator[tuple[Path, ast.AST]]:
    for path in package_files():
        if module_name(path) != allowed:
            for node in ast.walk(parse(path)):
                yield path, node


def test_only_interfaces_catch_every_exception() -> None:
    found = [
        place(path, node)
        for path in package_files()
        if module_name(path).split("/")[0] not in MAY_CATCH_ALL and module_name(path) != FOREIGN
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ExceptHandler) and _swallows(node)
    ]

    assert found == []


def test_no_exception_is_suppressed_wholesale() -> None:
    found = [
        place(path, node)
        for path, node in _nodes("")
        if isinstance(node, ast.Call)
        and dotted(node.func).split(".")[-1] == "suppress"
        and {dotted(each).split(".")[-1] for each in node.args} & {"Exception", "BaseException"}
    ]

    assert found == []


def _swallows(handler: ast.ExceptHandler) -> bool:
    """`except BaseException` may stand where the exception goes on: raised again, or handed to who waits for it."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {dotted(node).removeprefix("builtins.") if node is not None else "BaseException" for node in caught}
    if "Exception" in names:
        return True
    if "BaseException" not in names:
        return False
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    raised_again = any(isinstance(node, ast.Raise) and node.exc is None for node in inside)
    handed_on = any(_stores(node, handler.name) for node in inside)
    return not (raised_again or handed_on)


def _stores(node: ast.AST, name: str | None) -> bool:
    """Whether the exception itself is kept for somebody: assigned to an attribute, or given to a setter."""
    if isinstance(node, ast.Assign):
        kept = any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node.value))
        return kept and any(isinstance(target, ast.Attribute) for target in node.targets)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return any(isinstance(each, ast.Name) and each.id == name for each in node.args)
    return False


def _true_names(tree: ast.AST) -> dict[str, str]:
    """Return what the names that a module imports stand for: `system` for `import os as system` is `os`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _attributes(allowed: str) -> Iterator[tuple[Path, ast.AST, str]]:
    """Return every dotted name that is used, with imported names spelt out."""
    for path in package_files():
        if module_name(path) == allowed:
            continue
        tree = parse(path)
        names = _true_names(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                first, _, rest = dotted(node).partition(".")
                yield path, node, f"{names.get(first, first)}.{rest}"


def test_only_settings_read_the_environment() -> None:
    found = [
        place(path, node)
        for path, node, name in _attributes("core/settings.py")
        if name.startswith("os.") and name.split(".")[1] in ENVIRONMENT
    ]
    found += [
        place(path, node)
        for path, node in _nodes("core/settings.py")
        if isinstance(node, ast.ImportFrom) and node.module == "os" and ENVIRONMENT & {a.name for a in node.names}
    ]

    assert found == []


def test_only_the_clock_tells_the_time() -> None:
    found = [place(path, node) for path, node, name in _attributes("core/clock.py") if name in WALL_CLOCK]
    found += [
        place(path, node)
        for path, node in _nodes("core/clock.py")
        if isinstance(node, ast.ImportFrom)
        and node.module == "time"
        and {"time", "time_ns"} & {a.name for a in node.names}
    ]

    assert found == []


def test_a_file_is_named_by_what_it_holds() -> None:
    found = [place(path) for path in project_files() if path.suffix == ".py" and path.stem in EMPTY_NAMES]

    assert found == []


def test_the_package_does_not_import_its_tests_tools_or_benchmarks() -> None:
    found = [
        place(path, node)
        for path, node in _nodes("")
        for name in imported(node)
        if name.split(".")[0] in {"tests", "tools", "bench", "pytest"} and not module_name(path).startswith("testing/")
    ]

    assert found == []
