"""Table: writes what the benchmarks last measured into docs/performance.md, between its two marks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.kit.report import BENCH, RESULTS

PAGE = BENCH.parent / "docs" / "performance.md"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
ORDER = ("append", "recall", "context", "http", "start", "compression", "growth", "erase")


def main() -> None:
    """Write the table of goals, and that of figures, into the page."""
    results = [json.loads(_result(name).read_text(encoding="utf-8")) for name in ORDER if _result(name).exists()]
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{_goals(results)}\n\n{_figures(results)}\n{END}{after}", encoding="utf-8")


def _result(name: str) -> Path:
    return RESULTS / f"{name}.json"


def _goals(results: list[dict[str, Any]]) -> str:
    rows = ["| bench | goal | reached | target | |", "|---|---|---|---|---|"]
    for result in results:
        for goal in result["goals"]:
            sign = "≥" if goal["kind"] == "least" else "≤"
            target = f"{sign} {goal['target']:,g} {goal['unit']}"
            reached = f"{goal['reached']:,g} {goal['unit']}"
            rows.append(
                f"| {result['bench']} | {goal['name']} | {reached} | {target} | {'met' if goal['met'] else 'missed'} |"
            )
    return "\n".join(rows)


def _figures(results: list[dict[str, Any]]) -> str:
    rows = ["| bench | measured | | |", "|---|---|---|---|"]
    for result in results:
        name = result["bench"] + (" (quick)" if result["quick"] else "")
        rows += [
            f"| {name} | {figure['name']} | {figure['value']:,g} {figure['unit']} | {figure['note']} |"
            for figure in result["figures"]
        ]
    return "\n".join(rows)


if __name__ == "__main__":
    main()
