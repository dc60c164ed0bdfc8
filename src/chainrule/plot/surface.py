"""The decision surface: what a network with two inputs makes of every point of the plane around its data."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.plot.grid import Surface, surface
from chainrule.plot.style import (
    CLASS_COLOURS,
    INK,
    MARKERS,
    figure_path,
    new_figure,
    plain_frame,
    save_figure,
    styled,
    two_sides,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELLS = 300  # along each axis
MOST_POINTS = 4000  # drawn; more only cover each other


def decision_surface(
    network: Network,
    X: Any,
    y: Any,
    *,
    path: str | os.PathLike[str] | None = None,
    classes: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw which class the network chooses where, how surely, and the points it learnt from.

    With one output the colour is the output, and a line marks ½, where the choice changes. With several, each region
    has the colour of its class, the deeper the surer, and lines mark where the choice changes.

    Parameters
    ----------
    network : Network
        With two inputs.
    X : array_like, (samples, 2)
    y : array_like
        The points' classes: indices (samples,), a column of zeros and ones, or rows with a single one.
    path : path, optional
        Where to save the picture; its name ends in .png or .svg.
    classes : sequence of str, optional
        The classes' names; the network's own if left out, or else their numbers.
    title : str, optional
        Left out, the title says how many points are classified correctly.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the network does not have two inputs, or the data are no points with classes.
    NonFiniteError
        If the network's output is NaN or infinite somewhere.
    MissingExtraError
        If matplotlib is not installed.
    FileError
        If the file can't be written.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> figure = cr.plot.decision_surface(cr.Network([cr.Dense(2, 1), cr.Sigmoid()]), X, y)
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['class 0', 'class 1']
    """
    where = "decision_surface"
    checked = figure_path(where, path)
    seen = surface(where, network, X, y, classes, CELLS, CELLS)
    with styled(where):
        figure = new_figure()
        axes = figure.subplots()
        if seen.binary:
            _two_classes(figure, axes, seen, "probability" if network.objective.binary else "output")
        else:
            _several_classes(figure, axes, seen)
        _points(figure, axes, seen)
        right = int((seen.predicted == seen.labels).sum())
        axes.set_title(f"{right:,} of {len(seen.labels):,} points classified correctly" if title is None else title)
        axes.set_xlabel("input 1")
        axes.set_ylabel("input 2")
        left, end, bottom, top = seen.extent
        axes.set(xlim=(left, end), ylim=(bottom, top))
        if 0.5 < (end - left) / (top - bottom) < 2:  # alike enough to be lengths in the same unit
            axes.set_aspect("equal")
            figure.set_layout_engine("compressed")  # no empty margins where the shape is given
        plain_frame(axes)
        save_figure(where, figure, checked)
    return figure


def _two_classes(figure: Figure, axes: Axes, seen: Surface, what: str) -> None:
    values = seen.outputs[:, :, 0]
    low, high = float(values.min()), float(values.max())
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
    beyond = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    bar = figure.colorbar(image, ax=axes, extend=beyond[low < 0, high > 1], ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.set_label(f"{what} of {seen.names[1]}" if what == "probability" else f"output, {seen.names[1]} above ½")
    bar.ax.axhline(0.5, color=INK, linewidth=1.4)
    if low < 0.5 < high:
        axes.contour(seen.x, seen.y, values, levels=[0.5], colors=INK, linewidths=1.4)


def _several_classes(figure: Figure, axes: Axes, seen: Surface) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb

    count = seen.outputs.shape[2]
    chance = 1 / count
    sureness = np.clip((seen.outputs.max(axis=2) - chance) / (1 - chance), 0, 1)
    depth = (0.12 + 0.58 * sureness)[:, :, None]
    colours = np.array([to_rgb(_colour(k)) for k in range(count)])
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
    greys = LinearSegmentedColormap.from_list("sureness", [str(1 - 0.12), str(1 - 0.7)])
    bar = figure.colorbar(ScalarMappable(Normalize(chance, 1), greys), ax=axes)
    bar.set_label("output of the chosen class")


def _margin(outputs: Array, k: int) -> Array:
    """Return by how much class k leads the best of the others; zero where the choice changes."""
    lead: Array = outputs[:, :, k] - np.delete(outputs, k, axis=2).max(axis=2)
    return lead


def _points(figure: Figure, axes: Axes, seen: Surface) -> None:
    from matplotlib.lines import Line2D

    every = -(-len(seen.points) // MOST_POINTS)
    points, labels = seen.points[::every], seen.labels[::every]
    size = float(np.clip(2400 / len(points), 14, 70))
    rim = 0.1 * math.sqrt(size)
    handles = []
    for k in np.unique(labels).tolist():
        x, y = points[labels == k].T
        marker, colour = MARKERS[k % len(MARKERS)], _colour(k)
        # A dark rim around a light one: seen on any ground.
        axes.scatter(x, y, s=2.1 * size, color=INK, linewidths=0, marker=marker, zorder=3)
        axes.scatter(x, y, s=size, color=colour, edgecolors="white", linewidths=rim, marker=marker, zorder=3)
        handles.append(Line2D([], [], linestyle="", marker=marker, color=colour, markeredgecolor=INK, markersize=8))
    names = [seen.names[k] for k in np.unique(labels)]
    legend = figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 5))
    if every > 1:
        legend.set_title(f"{len(points):,} of {len(seen.points):,} points drawn")


def _colour(k: int) -> str:
    return CLASS_COLOURS[k % len(CLASS_COLOURS)]
