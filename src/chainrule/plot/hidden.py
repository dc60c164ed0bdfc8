"""A hidden layer of two units as a plane of its own: how the network bends the plane until a line parts the classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import InputError
from chainrule.graph import Graph, Node
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.plot.grid import Surface, output_names, outputs_at, points_of, surface_around
from chainrule.plot.hidden_layers import applied, hidden_layer
from chainrule.plot.painting import class_legend, paint
from chainrule.plot.style import INK, figure_path, new_figure, save_figure, shown_names, shown_title, styled
from chainrule.training.evaluate import probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELLS = 200  # along each axis
LINES = 15  # of the grid, in each direction
_FINE = 120  # points along such a line


def hidden_space(
    network: Network,
    X: Any,
    y: Any,
    layer: str | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    classes: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the plane of the inputs beside what a hidden layer of two units makes of it.

    On the left the points and a square grid in the plane of the inputs; on the right the same points and the same
    grid where the hidden layer puts them, on the ground of what the rest of the network decides there. After the
    last hidden layer that decision is a straight line: the layers before it have bent the plane to make it enough.

    Parameters
    ----------
    network : Network
        With two inputs and a hidden layer of two units.
    X : array_like, (samples, 2)
    y : array_like
        The points' classes, as for `decision_surface`.
    layer : str, optional
        The hidden layer's name, such as ``"tanh_1"``; the first with two units if left out.
    path : path, optional
        Where to save the picture; its name ends in .png or .svg.
    classes : sequence of str, optional
        The classes' names; the network's own if left out, or else their numbers.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the network does not have two inputs, or the layer not two units, or something bypasses it.
    UnknownNameError
        If no layer has this name.
    NonFiniteError
        If an output is NaN or infinite somewhere.
    MissingExtraError
        If matplotlib is not installed.
    FileError
        If the file can't be written.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> figure = hidden_space(cr.Network([cr.Dense(2, 2), cr.Tanh(), cr.Dense(1), cr.Sigmoid()]), X, y)
    >>> figure.axes[1].get_xlabel()
    'tanh_1, neuron 1'
    """
    where = "hidden_space"
    checked = figure_path(where, path)
    points, labels = points_of(where, network, X, y)
    names = output_names(where, network, classes)
    graph = applied(network, points)
    name, node = hidden_layer(where, graph, layer, units=2)

    def onward(values: Array) -> Array:
        return probabilities(network, carried_on(where, graph, node, values))

    before = surface_around(where, points, labels, lambda X: outputs_at(network, X), names, CELLS, CELLS)
    lines = _grid(before, points.dtype)
    bent = hidden_layer(where, applied(network, lines.reshape(-1, 2)), name)[1]._value.reshape(lines.shape)
    after = _hidden_surface(where, node._value, bent, labels, onward, names)
    shown = shown_names([name])[0]
    with styled(where):
        figure = new_figure(9.2, 4.6)
        first, second = figure.subplots(1, 2)
        handles = paint(figure, first, before, probability=network.objective.binary, bar=False)
        paint(figure, second, after, probability=network.objective.binary)
        for axes, grid in ((first, lines), (second, bent)):
            _draw_grid(axes, grid)
        first.set(xlabel="input 1", ylabel="input 2", title="the plane of the inputs")
        second.set(xlabel=f"{shown}, neuron 1", ylabel=f"{shown}, neuron 2", title=f"what {shown} makes of it")
        if title is not None:
            figure.suptitle(shown_title(title), fontsize=11)
        class_legend(figure, handles, labels, names)
        save_figure(where, figure, checked)
    return figure


def carried_on(where: str, graph: Graph, node: Node, values: Array) -> Array:
    """Return the output of a graph whose `node` has these values instead of its own.

    Raises
    ------
    InputError
        If something else that depends on the samples goes on beside the node, as in a residual network.
    """
    found: dict[int, Array] = {id(node): values}
    fed = {id(leaf) for leaf in graph.inputs.values()}
    for other in graph.nodes:
        children = other.children.values()
        if id(other) in found:
            continue
        if any(id(child) in fed for child in children):
            fed.add(id(other))
        if other.op is not None and any(id(child) in found for child in children):
            if any(id(child) in fed and id(child) not in found for child in children):
                raise InputError(
                    where,
                    given=f"a network in which something goes round {node.name!r}",
                    expected="a layer through which everything flows",
                    fix="Choose another layer, or a network without Residual and Concatenate",
                )
            arrays = {role: found.get(id(child), child._value) for role, child in other.children.items()}
            found[id(other)] = np.asarray(other.op.forward(**arrays))
            fed.discard(id(other))
    return found[id(graph.root)]


def _hidden_surface(
    where: str, points: Array, bent: Array, labels: Array, onward: Any, names: tuple[str, ...]
) -> Surface:
    """Return the rest of the network over the part of the hidden plane where the grid and the points are."""
    corners = np.concatenate([bent.reshape(-1, 2), points])
    seen = surface_around(where, corners, np.zeros(len(corners), np.intp), onward, names, CELLS, CELLS)
    return Surface(seen.x, seen.y, seen.outputs, points, labels, seen.predicted[-len(points) :], names)


def _grid(seen: Surface, dtype: Any) -> Array:
    """Return the lines of a square grid: (lines, points along each, 2)."""
    left, right, bottom, top = seen.extent
    across, up = np.linspace(left, right, LINES), np.linspace(bottom, top, LINES)
    along_x, along_y = np.linspace(left, right, _FINE), np.linspace(bottom, top, _FINE)
    level = [np.stack([along_x, np.full(_FINE, v)], axis=1) for v in up]
    upright = [np.stack([np.full(_FINE, v), along_y], axis=1) for v in across]
    return np.array(level + upright, dtype)


def _draw_grid(axes: Axes, lines: Array) -> None:
    from matplotlib.collections import LineCollection

    for colour, width in (("white", 1.1), (INK, 0.5)):  # seen on any ground
        axes.add_collection(LineCollection(list(lines), colors=colour, linewidths=width, alpha=0.45, zorder=2))
