"""What was measured, as tables on the terminal and as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bounds import HEADER, verdicts
from measure import Result
from rich.console import Console
from rich.table import Table

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def print_results(name: str, results: list[Result]) -> None:
    """Print one workload's table, with the noise under it."""
    *measured, control = results
    first = measured[0]
    columns = ("", "minimum µs", "median µs", f"x {first.contender.name}", "spread", "cores", "loss")
    table = Table(*columns, title=name, title_justify="left", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for result in measured:
        if result.refusal:
            continue
        ratio = "" if first.refusal else f"{result.minimum / first.minimum:.2f}"
        loss = "" if result.loss is None else f"{result.loss:.6f}"
        times = (shown(result.minimum * 1e6), shown(result.median * 1e6))
        table.add_row(
            result.contender.name,
            *times,
            ratio,
            f"+{result.spread:.0%}" if len(result.turns) > 1 else "",
            f"{result.cores:.2f}",
            loss,
        )
    console.print(table)
    for result in measured:
        if result.refusal:
            console.print(f" {result.contender.name}: {result.refusal}", style="dim")
    if not (first.refusal or control.refusal):
        noise = f"{abs(control.minimum / first.minimum - 1):.1%} of the minimum"
        console.print(f" A/A: {noise}, {abs(control.median / first.median - 1):.1%} of the median\n")


def print_overview(works: dict[str, dict[str, Any]]) -> None:
    """Print the minima of all workloads side by side."""
    names = list(dict.fromkeys(name for work in works.values() for name in work if name != "A/A"))
    table = Table("minimum, µs a step", *(name.replace("-", "\n") for name in names), box=None)
    for work, entries in works.items():
        minima = (entries.get(name, {}).get("minimum") for name in names)
        table.add_row(work, *("–" if minimum is None else shown(minimum) for minimum in minima))
    console.print(table)


def print_bounds(works: dict[str, dict[str, Any]]) -> None:
    """Print what steps are held to, where it was measured."""
    table = Table(*HEADER, box=None)
    for row in verdicts(works):
        table.add_row(*row)
    if table.row_count:
        console.print(table)


def print_footprints(footprints: dict[str, dict[str, Any]]) -> None:
    """Print what each library costs before its first step."""
    table = Table("", "start, import, build: ms", "peak memory: MB", "installed: MB", "version", box=None)
    for name, entry in footprints.items():
        numbers = (f"{entry['seconds'] * 1e3:.0f}", f"{entry['memory']:.0f}", f"{entry['installed']:.0f}")
        table.add_row(name, *numbers, entry["version"])
    console.print(table)


def shown(microseconds: float) -> str:
    """Return a time with three digits that count."""
    digits = 2 if microseconds < 10 else 1 if microseconds < 100 else 0
    return f"{microseconds:,.{digits}f}"


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the measured figures, a workload a line."""
    head = json.dumps({key: part for key, part in content.items() if key != "works"}, indent=1)
    lines = ",\n".join(f'  "{name}": {json.dumps(work)}' for name, work in content["works"].items())
    path.write_text(f'{head[:-2]},\n "works": {{\n{lines}\n }}\n}}\n')
