"""The entry of the command line."""

from __future__ import annotations

from ingat.cli.main import cli


def main() -> None:
    """Run `ingat` with the words of the command line; ends the process with its exit code."""
    cli.main(prog_name="ingat")
