"""Painting a surface: the colours of its cells, the line where the choice changes, and the points on top."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.ops.op import Array
from chainrule.plot.grid import Surface
from chainrule.plot.style import CLASS_COLOURS, INK, MARKERS, plain_frame, two_sides

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 4000  # drawn; more only cover each other


def paint(figure: Figure, axes: Axes, seen: Surface, *, probability: bool, bar: bool = True) -> list[Any]:
    """Paint a surface and its points into axes; return what a legend of the classes is made of.

    Parameters
    ----------
    probability : bool
        Whether a single output is the probability of the second class.
    bar : bool
        Whether a bar beside it says what the colours mean.
    """
    (_two_classes if seen.binary else _several_classes)(figure, axes, seen, probability, bar)
    left, right, bottom, top = seen.extent
    axes.set(xlim=(left, right), ylim=(bottom, top))
    frame(axes, seen)
    return paint_points(axes, seen.points, seen.labels)


def frame(axes: Axes, seen: Surface) -> None:
    """Frame a painted surface, its sides in proportion where they are alike enough to be lengths in the same unit."""
    left, right, bottom, top = seen.extent
    if 0.5 < (right - left) / (top - bottom) < 2:
        axes.set_aspect("equal")
    plain_frame(axes)


def beyond(values: Array, low: float, high: float) -> str:
    """Return at which ends of a colour bar from `low` to `high` an arrow says that there is more."""
    ends = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    return ends[bool(values.min() < low), bool(values.max() > high)]


def _two_classes(figure: Figure, axes: Axes, seen: Surface, probability: bool, bar: bool) -> None:
    values = seen.outputs[:, :, 0]
    image = axes.imshow(
        values,
        cmap=two_sides(),
        vmin=0,
        vmax=1,
        extent=seen.extent,
        origin="lower",
        interpolation="bilinear",
        aspect="auto",
    )
    if bar:
        drawn = figure.colorbar(image, ax=axes, extend=beyond(values, 0, 1), ticks=[0, 0.25, 0.5, 0.75, 1])
        drawn.set_label(f"probability of {seen.names[1]}" if probability else f"output, {seen.names[1]} above ½")
        drawn.ax.axhline(0.5, color=INK, linewidth=1.4)
    if values.min() < 0.5 < values.max():
        axes.contour(seen.x, seen.y, values, levels=[0.5], colors=INK, linewidths=1.4)


def _several_classes(figure: Figure, axes: Axes, seen: Surface, probability: bool, bar: bool) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb

    count = seen.outputs.shape[2]
    chance = 1 / count
    sureness = np.clip((seen.outputs.max(axis=2) - chance) / (1 - chance), 0, 1)
    depth = (0.12 + 0.58 * sureness)[:, :, None]
    colours = np.array([to_rgb(class_colour(k)) for k in range(count)])
    axes.imshow(
        1 - depth * (1 - colours[seen.classes]),
        extent=seen.extent,
        origin="lower",
        interpolation="nearest",
        aspect="auto",
    )
    for k in range(count):
        margin = _margin(seen.outputs, k)
        if margin.min() < 0 < margin.max():
            axes.contour(seen.x, seen.y, margin, levels=[0], colors=INK, linewidths=1.0)
    if bar:
        greys = LinearSegmentedColormap.from_list("sureness", [str(1 - 0.12), str(1 - 0.7)])
        figure.colorbar(ScalarMappable(Normalize(chance, 1), greys), ax=axes, label="output of the chosen class")


def _margin(outputs: Array, k: int) -> Array:
    """Return by how much class k leads the best of the others; zero where the choice changes."""
    lead: Array = outputs[:, :, k] - np.delete(outputs, k, axis=2).max(axis=2)
    return lead


def paint_points(axes: Axes, points: Array, labels: Array, scale: float = 1.0) -> list[Any]:
    """Paint points, of very many some, in the colours of their classes; return handles for a legend."""
    from matplotlib.lines import Line2D

    every = drawn_every(len(points))
    points, labels = points[::every], labels[::every]
    size = scale * float(np.clip(2400 / len(points), 14, 70))
    rim = 0.1 * math.sqrt(size)
    handles = []
    for k in np.unique(labels).tolist():
        x, y = points[labels == k].T
        marker, colour = MARKERS[k % len(MARKERS)], class_colour(k)
        # A dark rim around a light one: seen on any ground.
        axes.scatter(x, y, s=2.1 * size, color=INK, linewidths=0, marker=marker, zorder=3)
        axes.scatter(x, y, s=size, color=colour, edgecolors="white", linewidths=rim, marker=marker, zorder=3)
        handles.append(Line2D([], [], linestyle="", marker=marker, color=colour, markeredgecolor=INK, markersize=8))
    return handles


def class_legend(figure: Figure, handles: list[Any], labels: Array, names: tuple[str, ...]) -> None:
    """Put a legend of the painted classes below the picture."""
    every = drawn_every(len(labels))
    shown = [names[k] for k in np.unique(labels[::every])]
    legend = figure.legend(handles, shown, loc="outside lower center", ncols=min(len(shown), 5))
    if every > 1:
        legend.set_title(f"{len(labels[::every]):,} of {len(labels):,} points drawn")


def drawn_every(count: int) -> int:
    """Return the distance between points that are drawn, of so many."""
    return -(-count // MOST_POINTS)


def class_colour(k: int) -> str:
    """Return the colour of a class."""
    return CLASS_COLOURS[k % len(CLASS_COLOURS)]
