"""Pictures of what was measured, for the docs: the tables as multiples of the floor, the sweeps as curves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import NullFormatter
from workloads import SWEEPS, TABLES

from chainrule.plot.axes import new_figure
from chainrule.plot.style import CLASS_COLOURS, INK, MARKERS, save_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Works = dict[str, dict[str, Any]]


def draw(path: Path, works: Works) -> list[Path]:
    """Draw what there is beside the file at `path`; return the pictures' files."""
    names = list(dict.fromkeys(name for work in works.values() for name in work if name != "A/A"))
    looks: dict[str, dict[str, Any]] = {
        name: {"color": CLASS_COLOURS[i % len(CLASS_COLOURS)], "marker": MARKERS[i % len(MARKERS)], "label": name}
        for i, name in enumerate(names)
    }
    tables = {name: works[name] for name in TABLES if "minimum" in works.get(name, {}).get("floor", {})}
    sweeps = {name: works[name] for name in SWEEPS if name in works}
    drawn = []
    with styled("bench"):
        if tables:
            figure = new_figure(8.0, 1.5 + 0.3 * len(tables))
            _multiples(figure.add_subplot(), tables, looks)
            figure.legend(loc="outside right upper")
            drawn.append(path.with_suffix(".svg"))
            save_figure("bench", figure, drawn[-1])
        if sweeps:
            kinds = list(dict.fromkeys(name.partition("-")[0] for name in sweeps))
            figure = new_figure(3.2 * len(kinds) + 2, 3.6)
            panels = figure.subplots(1, len(kinds), squeeze=False)[0]
            for axes, kind in zip(panels, kinds):
                _curves(axes, kind, sweeps, looks)
            shown = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels())}
            figure.legend(shown.values(), shown.keys(), loc="outside right upper")
            drawn.append(path.with_name(f"{path.stem}-sweeps.svg"))
            save_figure("bench", figure, drawn[-1])
    return drawn


def _multiples(axes: Axes, tables: Works, looks: dict[str, dict[str, Any]]) -> None:
    """A row a workload, a point a contender: how many times the bare products its step takes."""
    for name, look in looks.items():
        points = [
            (work[name]["minimum"] / work["floor"]["minimum"], row)
            for row, work in enumerate(tables.values())
            if "minimum" in work.get(name, {})
        ]
        if points and name != "floor":
            axes.plot(*zip(*points), linestyle="", **look)
    axes.axvline(1, color=INK)
    axes.set(xscale="log", xlabel="time a step / time of its bare matrix products", yticks=range(len(tables)))
    axes.set_yticklabels(list(tables))
    _plain_numbers(axes.xaxis)
    axes.invert_yaxis()


def _curves(axes: Axes, kind: str, sweeps: Works, looks: dict[str, dict[str, Any]]) -> None:
    for name, look in looks.items():
        points = [
            (int(work.partition("-")[2]), entries[name]["minimum"])
            for work, entries in sweeps.items()
            if work.startswith(kind) and "minimum" in entries.get(name, {})
        ]
        if points:
            axes.plot(*zip(*points), **look)
    axes.set(xscale="log", yscale="log", xlabel=kind, ylabel="µs a step")
    _plain_numbers(axes.xaxis)
    _plain_numbers(axes.yaxis)


def _plain_numbers(axis: Axis) -> None:
    """1000 in place of 10³, which needs the mathematical text that chainrule's style turns off."""
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
