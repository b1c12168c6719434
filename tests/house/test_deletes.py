"""Nothing is deleted but by the one path that makes a restore point first, and by the purge."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import Function, functions, imported, module_name, package_files, parse

TRUTH = frozenset(
    {
        "user_profile",
        "user_alias",
        "session",
        "session_owner",
        "message",
        "memory",
        "transcript_pack",
        "snapshot",
        "log_entry",
        "artifact",
    }
)
"""Tables that hold what cannot be made anew."""
TABLES = "store/tables/"
ENGINE = "store/"
TESTS = "testing/"
"""The tests of the contract delete rows of tables that they make themselves."""
MAY_DELETE = frozenset({"lifecycle/erase.py", "lifecycle/purge.py"})
PARTS_OF_PURGE = frozenset({"lifecycle/purge_rows.py"})
"""Modules that the purge alone is made of: nobody else imports them."""
EXCEPTIONS = {
    ("lifecycle/merge.py", "users.delete"): "the profile of who was merged, when all that was theirs is the other's",
    ("lifecycle/merge.py", "messages.rename"): "a text goes from its compressed part back into its row",
    ("lifecycle/compress.py", "transcripts.put"): "texts go from their rows into compressed parts, which are read back",
    ("services/users.py", "users.drop_alias"): "a name of a user who stays, taken away by a call of its own",
    (
        "lifecycle/applying.py",
        "users.drop_alias",
    ): "a profile put in another's place within the one path, by its `also`",
    (
        "lifecycle/move_rows.py",
        "moving.empty",
    ): "rows of a copy that nobody can open yet; the store that is being moved holds what is true",
    (
        "lifecycle/move_rows.py",
        "moving.finish",
    ): "a log entry that was added in the same transaction, to carry the number of the last one",
    ("lifecycle/move.py", "moving.last_log_number"): "the same, in a transaction that is undone",
}
"""Who else calls a function that deletes rows of truth, and why nothing is lost by it."""

_DELETED = re.compile(r"(?:DELETE\s+FROM|DROP\s+TABLE|TRUNCATE|REPLACE\s+INTO)\s+(\w+|\{\})", re.IGNORECASE)
Name = tuple[str, str]
"""A function of a module of store/tables, as `("users", "delete")`."""


def _members(node: ast.AST) -> list[str]:
    """Return the full names of what an import takes from a module: they may be modules too."""
    return [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []


def _texts(node: ast.AST) -> Iterator[str]:
    """Return the texts of a piece of source; what is put into one at run time stands as {}."""
    inside: set[ast.AST] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.JoinedStr):
            inside.update(ast.walk(each))
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in each.values)
        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and each not in inside:
            yield each.value


def _deletes(node: ast.AST) -> set[str]:
    """Return the tables that the SQL in a piece of source deletes from; {} for one that is only known at run time."""
    return {table.lower() for text in _texts(node) for table in _DELETED.findall(text)}


def _aliases(tree: ast.Module) -> tuple[dict[str, str], dict[str, Name]]:
    """Return by their names in a file the modules of store/tables, and the functions, that it imports."""
    modules: dict[str, str] = {}
    names: dict[str, Name] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        for alias in node.names:
            known = alias.asname or alias.name
            if node.module == "ingat.store.tables":
                modules[known] = alias.name
            elif node.module.startswith("ingat.store.tables."):
                names[known] = (node.module.rsplit(".", 1)[1], alias.name)
    return modules, names


def _used(node: ast.AST, modules: dict[str, str], names: dict[str, Name]) -> set[Name]:
    """Return the functions of store/tables that a piece of source calls, or hands on to be called."""
    found: set[Name] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in modules:
            found.add((modules[each.value.id], each.attr))
        elif isinstance(each, ast.Name) and each.id in names:
            found.add(names[each.id])
    return found


def _table_functions() -> dict[Name, tuple[Path, Function]]:
    return {
        (path.stem, function.name): (path, function)
        for path in package_files()
        if module_name(path).startswith(TABLES)
        for function in functions(parse(path))
    }


def _deleters() -> set[Name]:
    """Return the functions of store/tables that delete rows of truth, by themselves or by calling another."""
    known = _table_functions()
    found = {name for name, (_, function) in known.items() if _deletes(function) & (TRUTH | {"{}"})}
    uses: dict[Name, set[Name]] = {}
    for name, (path, function) in known.items():
        modules, names = _aliases(parse(path))
        own = {other[1]: other for other in known if other[0] == path.stem}
        uses[name] = _used(function, modules, {**own, **names})
    while more := {name for name, used in uses.items() if used & found} - found:
        found |= more
    return found


def _calls() -> set[tuple[str, str]]:
    """Return (module, function) of everybody above the tables who uses a function that deletes rows of truth."""
    deleters = _deleters()
    found = set()
    for path in package_files():
        module = module_name(path)
        if module.startswith(TABLES):
            continue
        modules, names = _aliases(parse(path))
        body = ast.Module([node for node in parse(path).body if not isinstance(node, ast.ImportFrom)], [])
        found |= {(module, ".".join(name)) for name in _used(body, modules, names) & deleters}
    return found


def test_only_the_erase_path_and_the_purge_delete_rows_of_truth() -> None:
    others = {(module, name) for module, name in _calls() if module not in MAY_DELETE | PARTS_OF_PURGE}

    assert others == set(EXCEPTIONS)


def test_only_the_purge_uses_its_parts() -> None:
    parts = {"ingat." + module.removesuffix(".py").replace("/", ".") for module in PARTS_OF_PURGE}
    users = {
        module_name(path)
        for path in package_files()
        for node in ast.walk(parse(path))
        if parts & {*imported(node), *_members(node)}
    }

    assert {user for user in users if not user.startswith("lifecycle/purge")} == set()


def test_the_erase_path_and_the_purge_do_delete() -> None:
    calls = _calls()

    assert ("lifecycle/erase.py", "removal.remove") in calls
    assert {module for module, _ in calls} & (PARTS_OF_PURGE | {"lifecycle/purge.py"})


def test_the_tables_delete_from_every_table_of_truth() -> None:
    deleted = set().union(*(_deletes(function) for _, function in _table_functions().values()))

    assert TRUTH - {"session", "memory", "artifact"} <= deleted | {"session_owner"}
    assert {("removal", "remove"), ("logs", "delete"), ("users", "delete"), ("snapshots", "delete")} <= _deleters()
    assert not _deleters() & {("users", "get"), ("messages", "page"), ("recall", "drop_entry"), ("jobs", "claim")}


def test_no_sql_that_deletes_stands_above_the_tables() -> None:
    found = {
        module_name(path): _deletes(parse(path))
        for path in package_files()
        if not module_name(path).startswith((ENGINE, TESTS)) and _deletes(parse(path))
    }

    assert found == {}
