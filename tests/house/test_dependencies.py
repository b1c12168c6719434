"""Every dependency is needed, named and pinned; the default installation stays small."""

from __future__ import annotations

import ast
import sys

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.distributions import EXTRA_MODULES, dependencies, extras, modules, pinned, project
from tests.house.tree import ROOT, imported, package_files, parse, place

MAX_PACKAGES = 40


def _imports() -> dict[str, str]:
    """Return each top-level module that the package imports, with a place where it does."""
    return {
        name.split(".")[0]: place(path, node)
        for path in package_files()
        for node in ast.walk(parse(path))
        for name in imported(node)
    }


def test_every_dependency_is_imported() -> None:
    used = _imports().keys()

    assert sorted(name for name, brought in modules(dependencies()).items() if not brought & used) == []


def test_every_import_is_declared() -> None:
    declared = set().union(*modules(dependencies()).values(), EXTRA_MODULES.values(), sys.stdlib_module_names)
    testing = {"ingat", "pytest"}

    assert {name: where for name, where in _imports().items() if name not in declared | testing} == {}


def test_the_modules_of_every_extra_are_known() -> None:
    assert EXTRA_MODULES.keys() == extras()


def test_the_extra_all_names_every_other() -> None:
    table = project()["optional-dependencies"]
    (line,) = table["all"]

    assert Requirement(line).extras == table.keys() - {"all"}


def test_a_default_installation_is_small() -> None:
    assert len(pinned("run")) < MAX_PACKAGES


def test_what_is_pinned_fits_what_is_asked_for() -> None:
    versions = pinned("run")
    asked = [Requirement(line) for line in project()["dependencies"]]

    assert [str(r) for r in asked if not r.specifier.contains(versions[canonicalize_name(r.name)])] == []


def test_tests_run_on_the_versions_that_users_get() -> None:
    assert pinned("run").items() <= pinned("test").items()


def test_every_pinned_package_has_a_hash() -> None:
    for name in ("run", "test", "bench"):
        text = (ROOT / "constraints" / f"{name}.txt").read_text(encoding="utf-8")
        blocks = text.replace("\\\n", " ").splitlines()

        assert [line.split()[0] for line in blocks if "--hash=sha256:" not in line] == []
