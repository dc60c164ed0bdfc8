"""What was measured, as tables on the terminal, as JSON, and as pictures for the docs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from environments import installed_size
from measure import Result
from workloads import SWEEPS, TABLES, Unavailable

console = Console(highlight=False, soft_wrap=True)


def print_results(name: str, results: list[Result]) -> None:
    """Print one workload's table, with the noise under it."""
    *measured, control = results
    first = measured[0]
    columns = ("", "minimum µs", "median µs", f"x {first.contender.name}", "processes", "loss")
    table = Table(*columns, title=name, title_justify="left", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for result in measured:
        if result.refusal:
            console.print(f"[dim]{name}: {result.contender.name} left out: {result.refusal}[/dim]")
            continue
        ratio = "" if first.refusal else f"{result.minimum / first.minimum:.2f}"
        loss = "" if result.loss is None else f"{result.loss:.6f}"
        times = (shown(result.minimum * 1e6), shown(result.median * 1e6))
        table.add_row(result.contender.name, *times, ratio, f"±{result.spread:.0%}", loss)
    console.print(table)
    if not (first.refusal or control.refusal):
        noise = f"{abs(control.minimum / first.minimum - 1):.1%} of the minimum"
        console.print(f"A/A: {noise}, {abs(control.median / first.median - 1):.1%} of the median\n")


def print_overview(works: dict[str, dict[str, Any]]) -> None:
    """Print the minima of all workloads side by side."""
    names = list(dict.fromkeys(name for work in works.values() for name in work if name != "A/A"))
    table = Table("minimum, µs a step", *(name.replace("-", "\n") for name in names), box=None)
    for work, entries in works.items():
        minima = (entries.get(name, {}).get("minimum") for name in names)
        table.add_row(work, *("–" if minimum is None else shown(minimum) for minimum in minima))
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
    works = content.pop("works")
    head = json.dumps(content, indent=1, ensure_ascii=False)
    lines = ",\n".join(f'  "{name}": {json.dumps(work, ensure_ascii=False)}' for name, work in works.items())
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{head[:-2]},\n "works": {{\n{lines}\n }}\n}}\n')


def draw(path: Path, works: dict[str, dict[str, Any]]) -> list[Path]:
    """Draw the tables as multiples of the floor and the sweeps as curves; return the files."""
    from chainrule.plot.style import CLASS_COLOURS, MARKERS, new_figure, save_figure, styled

    names = list(dict.fromkeys(name for work in works.values() for name in work if name != "A/A"))
    look = {
        name: {"color": CLASS_COLOURS[i % len(CLASS_COLOURS)], "marker": MARKERS[i % len(MARKERS)], "label": name}
        for i, name in enumerate(names)
    }
    drawn = []
    with styled("bench"):
        tables = {name: works[name] for name in TABLES if works.get(name, {}).get("floor", {}).get("minimum")}
        if tables:
            figure = new_figure(8.0, 1.5 + 0.3 * len(tables))
            axes = figure.add_subplot()
            for name in names:
                points = [
                    (work[name]["minimum"] / work["floor"]["minimum"], row)
                    for row, work in enumerate(tables.values())
                    if "minimum" in work.get(name, {})
                ]
                if points and name != "floor":
                    axes.plot(*zip(*points), linestyle="", **look[name])
            axes.axvline(1, color="#222222")
            axes.set(xscale="log", xlabel="time a step, in bare matrix products", yticks=range(len(tables)))
            axes.set_yticklabels(list(tables))
            axes.invert_yaxis()
            figure.legend(loc="outside right upper")
            drawn.append(path.with_suffix(".svg"))
            save_figure("bench", figure, drawn[-1])
        swept = {name: works[name] for name in SWEEPS if name in works}
        kinds = list(dict.fromkeys(name.partition("-")[0] for name in swept))
        if swept:
            figure = new_figure(3.2 * len(kinds) + 2, 3.6)
            for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds):
                for name in names:
                    points = [
                        (int(work.partition("-")[2]), entries[name]["minimum"])
                        for work, entries in swept.items()
                        if work.startswith(kind) and "minimum" in entries.get(name, {})
                    ]
                    if points:
                        axes.plot(*zip(*points), **look[name])
                axes.set(xscale="log", yscale="log", xlabel=kind, ylabel="µs a step")
            figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
            drawn.append(path.with_name(f"{path.stem}-sweeps.svg"))
            save_figure("bench", figure, drawn[-1])
    return drawn
