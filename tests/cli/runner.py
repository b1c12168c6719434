"""How the tests call the command line: in this process, on a store of their own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from ingat.cli.main import cli
from ingat.core.clock import now
from tests.engine import store_url

PROGRAM = [sys.executable, "-c", "from ingat.app.main import main; main()"]
"""`ingat` as a process of its own."""


class Ingat:
    """`ingat` with one store. Calling it runs a command in this process and returns what happened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = store_url(folder / "ingat.db", begun_ms=now())
        self.variables = {"INGAT_STORE": self.url, "INGAT_LANG": "en", "COLUMNS": "160"}

    def __call__(self, *words: str, typed: str | None = None, **variables: str) -> Result:
        return CliRunner().invoke(cli, list(words), input=typed, env={**self.variables, **variables})

    def said(self, *words: str, **variables: str) -> str:
        """Run a command that must succeed, and return what it wrote to standard output."""
        result = self(*words, **variables)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str, **variables: str) -> Any:
        """Run a command that must succeed with --json, and return the object that it wrote to standard output."""
        return json.loads(self.said(*words, "--json", **variables))

    def refused(self, *words: str, code: str, exit_code: int = 1) -> dict[str, Any]:
        """Run a command with --json that must be refused with this error code, and return the error."""
        result = self(*words, "--json")
        assert result.exit_code == exit_code, result.output
        error: dict[str, Any] = json.loads(result.stdout)["error"]
        assert error["code"] == code
        return error

    def environment(self) -> dict[str, str]:
        """Return the environment for a process of its own."""
        return {**os.environ, **self.variables}
