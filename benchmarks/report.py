"""What was measured, as tables on the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bounds import HEADER, verdicts
from measure import Result

Rows = Sequence[Sequence[str]]


def print_results(name: str, results: list[Result]) -> None:
    """Print one workload's table, with the noise under it."""
    *measured, control = results
    first = measured[0]
    columns = ("", "minimum µs", "median µs", f"x {first.contender.name}", "spread", "cores", "loss")
    rows = []
    for result in measured:
        if result.refusal:
            continue
        ratio = "" if first.refusal else f"{result.minimum / first.minimum:.2f}"
        loss = "" if result.loss is None else f"{result.loss:.6f}"
        times = (shown(result.minimum * 1e6), shown(result.median * 1e6))
        spread = f"+{result.spread:.0%}" if len(result.turns) > 1 else ""
        rows.append((result.contender.name, *times, ratio, spread, f"{result.cores:.2f}", loss))
    print(name)
    print_table(columns, rows)
    for result in measured:
        if result.refusal:
            print(f" {result.contender.name}: {result.refusal}")
    if not (first.refusal or control.refusal):
        noise = f"{abs(control.minimum / first.minimum - 1):.1%} of the minimum"
        print(f" A/A: {noise}, {abs(control.median / first.median - 1):.1%} of the median\n")


def print_overview(works: dict[str, dict[str, Any]]) -> None:
    """Print the minima of all workloads side by side."""
    names = list(dict.fromkeys(name for work in works.values() for name in work if name != "A/A"))
    rows = []
    for work, entries in works.items():
        minima = (entries.get(name, {}).get("minimum") for name in names)
        rows.append((work, *("–" if minimum is None else shown(minimum) for minimum in minima)))
    print_table(("minimum, µs a step", *names), rows)


def print_bounds(works: dict[str, dict[str, Any]]) -> None:
    """Print what steps are held to, where it was measured."""
    if rows := list(verdicts(works)):
        print_table(HEADER, rows)


def print_footprints(footprints: dict[str, dict[str, Any]]) -> None:
    """Print what each library costs before its first step."""
    rows = []
    for name, entry in footprints.items():
        numbers = (f"{entry['seconds'] * 1e3:.0f}", f"{entry['memory']:.0f}", f"{entry['installed']:.0f}")
        rows.append((name, *numbers, entry["version"]))
    print_table(("", "start, import, build: ms", "peak memory: MB", "installed: MB", "version"), rows)


def print_table(header: Sequence[str], rows: Rows) -> None:
    """Print a table, everything but its first column to the right."""
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for name, *cells in table:
        right = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        print("  ".join([name.ljust(widths[0]), *right]).rstrip())


def shown(microseconds: float) -> str:
    """Return a time with three digits that count."""
    digits = 2 if microseconds < 10 else 1 if microseconds < 100 else 0
    return f"{microseconds:,.{digits}f}"


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the measured figures, a workload a line."""
    head = json.dumps({key: part for key, part in content.items() if key != "works"}, indent=1)
    lines = ",\n".join(f'  "{name}": {json.dumps(work)}' for name, work in content["works"].items())
    path.write_text(f'{head[:-2]},\n "works": {{\n{lines}\n }}\n}}\n')
