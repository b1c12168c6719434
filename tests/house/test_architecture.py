"""docs/architecture.md names all that an engine must provide, and its example is a test module that passes."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ingat
from ingat.store.contract import Scrubbed, Store, Tx
from ingat.store.open import open_store
from ingat.testing.contract import Engine, StoreContract
from tests.house.tree import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
_EXAMPLE = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE_ROW = re.compile(r"^\| `(\w+)(?:\(([^)]*)\))?` \|", re.MULTILINE)


def _methods(protocol: type) -> dict[str, list[str]]:
    """Return the methods of a protocol with their parameters."""
    return {
        name: list(inspect.signature(value).parameters)[1:]
        for name, value in vars(protocol).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }


@pytest.mark.parametrize("protocol", [Store, Tx])
def test_every_method_of_the_contract_is_described_with_its_arguments(protocol: type) -> None:
    rows = {
        name: [word.partition("=")[0] for word in given.split(", ") if word] for name, given in _TABLE_ROW.findall(PAGE)
    }
    methods = _methods(protocol)

    assert methods
    assert {name: rows.get(name) for name in methods} == methods


def test_every_attribute_of_the_contract_and_of_the_suite_is_described() -> None:
    suites = [name for name in vars(StoreContract) if name.startswith("Test")]
    names = [*Store.__annotations__, *Scrubbed._fields, *Engine._fields, *suites]

    assert suites
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_every_function_that_goes_from_a_url_to_an_engine_is_named() -> None:
    module = inspect.getmodule(open_store)
    assert module is not None
    asked = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and list(inspect.signature(value).parameters)[:1] == ["url"]
        and not name.startswith(("_", "sqlite_", "passing_"))
    ]

    assert [name for name in asked if f"`{name}`" not in PAGE] == []


def test_the_example_is_a_test_module_that_passes(tmp_path: Path) -> None:
    ((name, body),) = _EXAMPLE.findall(PAGE)
    (tmp_path / name).write_text(body, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)

    assert PAGE.count("```python") == 1
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"(?s).*\n1[0-9]{2} passed in .*\n", done.stdout), done.stdout
