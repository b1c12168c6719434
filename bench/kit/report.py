"""Report: what was measured, against the goals, as a table, a JSON file and a plot."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

BENCH = Path(__file__).resolve().parents[1]
RESULTS = BENCH / "results"


class Figure(Struct, frozen=True, kw_only=True):
    """One number that was measured, with its unit; `note` says what it is a number of."""

    name: str
    value: float
    unit: str
    note: str = ""


class Goal(Struct, frozen=True, kw_only=True):
    """A goal and what was reached. `least` goals are met from the target up, `most` goals from it down."""

    name: str
    reached: float
    kind: Literal["least", "most"]
    target: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        return self.reached >= self.target if self.kind == "least" else self.reached <= self.target


class Report:
    """The result of one benchmark; `close` prints it and writes it to `bench/results`."""

    def __init__(self, name: str, title: str, *, quick: bool) -> None:
        self._name, self._title, self._quick = name, title, quick
        self._figures: list[Figure] = []
        self._goals: list[Goal] = []
        self._notes: list[str] = []

    def figure(self, name: str, value: float, unit: str, note: str = "") -> None:
        """Add a number."""
        self._figures.append(Figure(name=name, value=_rounded(value), unit=unit, note=note))

    def at_least(self, name: str, reached: float, target: float, unit: str = "×") -> None:
        """Add a goal that is met from the target up."""
        self._goals.append(Goal(name=name, reached=_rounded(reached), kind="least", target=target, unit=unit))

    def at_most(self, name: str, reached: float, target: float, unit: str = "×") -> None:
        """Add a goal that is met from the target down."""
        self._goals.append(Goal(name=name, reached=_rounded(reached), kind="most", target=target, unit=unit))

    def note(self, text: str) -> None:
        """Add a sentence about how it was measured, or about what could not be."""
        self._notes.append(text)

    def close(self, bars: Sequence[tuple[str, float]], axis: str) -> int:
        """Print everything, write JSON and plot (`bars` on a logarithmic `axis`); return how many goals were missed."""
        print(f"\n{self._title}{' (quick)' if self._quick else ''}\n")
        for each in self._figures:
            print(f"  {each.name:<58} {each.value:>12,g} {each.unit}{'  ' + each.note if each.note else ''}")
        print()
        for goal in self._goals:
            sign = "≥" if goal.kind == "least" else "≤"
            verdict = "met" if goal.met else "MISSED"
            print(f"  {goal.name:<58} {goal.reached:>12,g} {goal.unit}  ({sign} {goal.target:g}) {verdict}")
        for note in self._notes:
            print(f"\n  {note}")
        RESULTS.mkdir(exist_ok=True)
        raw = msgspec.json.format(msgspec.json.encode(self._content()), indent=2)
        (RESULTS / f"{self._name}.json").write_bytes(raw + b"\n")
        _plot(RESULTS / f"{self._name}.png", self._title, bars, axis)
        return sum(not goal.met for goal in self._goals)

    def _content(self) -> dict[str, Any]:
        return {
            "bench": self._name,
            "title": self._title,
            "quick": self._quick,
            "machine": {
                "cpus": os.cpu_count(),
                "architecture": platform.machine(),
                "system": platform.system(),
                "python": platform.python_version(),
                "sqlite": sqlite3.sqlite_version,
            },
            "figures": self._figures,
            "goals": [{**msgspec.to_builtins(goal), "met": goal.met} for goal in self._goals],
            "notes": self._notes,
        }


def options(description: str | None, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options that every benchmark has: `quick`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a short run: fewer rounds and smaller stores")
    return parser.parse_args(argv)


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder on the project's own disk (a temporary one may live in memory), removed afterwards."""
    work = BENCH / ".work"
    work.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=work))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def say(text: str) -> None:
    """Tell on stderr what is being done."""
    print(f"… {text}", file=sys.stderr, flush=True)


def _rounded(value: float) -> float:
    return float(f"{value:.3g}") if abs(value) < 1_000 else float(round(value))


def _plot(path: Path, title: str, bars: Sequence[tuple[str, float]], axis: str) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.ticker import StrMethodFormatter

    figure, plot = pyplot.subplots(figsize=(9, 0.9 + 0.38 * len(bars)), layout="constrained")
    names, values = [name for name, _ in bars], [value for _, value in bars]
    colours = ["#0b6e69" if name.startswith("Ingat") else "#b8b8b8" for name in names]
    drawn = plot.barh(names, values, color=colours)
    plot.bar_label(drawn, labels=[f"{_rounded(value):,g}" for value in values], padding=4, fontsize=8)
    plot.set_xscale("log")
    plot.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    plot.margins(x=0.15)
    plot.invert_yaxis()
    plot.set_xlabel(axis)
    plot.set_title(title, fontsize=10, loc="left")
    plot.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
