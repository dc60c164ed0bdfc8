"""Hidden layers of a network with two inputs: each neuron over the plane, and the plane as two of them bend it.

The network is applied by calling its ops, in a graph of its own, so nothing that the network shows changes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, UnknownNameError, nearest
from chainrule.graph import Graph, Node, Parameter
from chainrule.nn import Network
from chainrule.ops.op import Array, Samples
from chainrule.plot.axes import new_figure
from chainrule.plot.style import (
    INK,
    diverging_colours,
    documented,
    figure_path,
    printable_names,
    printable_title,
    save_figure,
    styled,
)
from chainrule.plot.surface import (
    Surface,
    cells,
    class_legend,
    colour_bar_ends,
    frame,
    input_names,
    name_inputs,
    output_names,
    outputs_at,
    paint,
    paint_points,
    points_of,
    surface_around,
)
from chainrule.training.evaluate import probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


CELLS = 200  # along each axis
LINES = 15  # of the grid, in each direction
_FINE = 120  # points along such a line


@checks.keywords
@documented
def hidden_space(
    network: Network,
    X: Samples,
    y: Samples,
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
    classes : sequence of str, optional
        The classes' names; the network's own if left out, or else their numbers.
    title : str, optional

    Raises
    ------
    InputError
        If the network does not have two inputs, or the layer not two units, or something bypasses it.
    UnknownNameError
        If no layer has this name.
    NonFiniteError
        If an output is NaN or infinite somewhere.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> figure = hidden_space(cr.Network([cr.Dense(2, inputs=2), cr.Tanh(), cr.Dense(1), cr.Sigmoid()]), X, y)
    >>> figure.axes[1].get_xlabel()
    'tanh_1, neuron 0'
    """
    where = "hidden_space"
    checked = figure_path(where, path)
    points, labels = points_of(where, network, X, y)
    names = output_names(where, network, classes)
    graph = applied_graph(network, points)
    name, node = hidden_layer(where, graph, layer, units=2)

    def onward(values: Array) -> Array:
        return probabilities(network, continue_from(where, graph, node, values))

    before = surface_around(where, points, labels, lambda X: outputs_at(network, X), names, CELLS, CELLS)
    lines = _grid(before, points.dtype)
    bent = hidden_layer(where, applied_graph(network, lines.reshape(-1, 2)), name)[1]._value.reshape(lines.shape)
    after = _hidden_surface(where, node._value, bent, labels, onward, names)
    shown = printable_names([name])[0]
    with styled(where):
        figure = new_figure(7.6, 3.9)
        first, second = figure.subplots(1, 2)
        handles = paint(figure, first, before, probability=network.objective.binary, bar=False)
        paint(figure, second, after, probability=network.objective.binary)
        for axes, grid in ((first, lines), (second, bent)):
            _draw_grid(axes, grid)
        name_inputs(first, network)
        first.set_title("the plane of the inputs")
        second.set(xlabel=f"{shown}, neuron 0", ylabel=f"{shown}, neuron 1", title=f"what {shown} makes of it")
        if title is not None:
            figure.suptitle(printable_title(title), fontsize=11)
        class_legend(figure, handles, labels, names)
        save_figure(where, figure, checked)
    return figure


def continue_from(where: str, graph: Graph, node: Node, values: Array) -> Array:
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
                    fix="Choose another layer, or a network without Residual and Branches",
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


PANEL_CELLS = 100  # along each axis
MOST_NEURONS = 64
_MOST_POINTS = 100  # in a panel, which is small


@checks.keywords
@documented
def neuron_surfaces(
    network: Network,
    X: Samples,
    y: Samples,
    layer: str | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    classes: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the value of every hidden neuron of a layer over the plane of the inputs, a panel a neuron.

    All panels have the same colours. A line marks where the neuron's weighted sum z is zero: for the first hidden
    layer it is straight, for later ones it is what the layers before have bent it to.

    Parameters
    ----------
    network : Network
        With two inputs.
    X : array_like, (samples, 2)
    y : array_like
        The points' classes, as for `decision_surface`.
    layer : str, optional
        The layer's name, such as ``"tanh_1"``; the first hidden one if left out.
    classes : sequence of str, optional
        The classes' names; the network's own if left out, or else their numbers.
    title : str, optional
        Left out, it names the layer.

    Raises
    ------
    InputError
        If the network does not have two inputs or no hidden layer, or the layer has more than 64 neurons.
    UnknownNameError
        If no layer has this name.
    NonFiniteError
        If a neuron is NaN or infinite somewhere.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> figure = neuron_surfaces(cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Sigmoid()]), X, y)
    >>> [axes.get_title() for axes in figure.axes[:3]]
    ['neuron 0', 'neuron 1', 'neuron 2']
    """
    where = "neuron_surfaces"
    checked = figure_path(where, path)
    points, labels = points_of(where, network, X, y)
    names = output_names(where, network, classes)
    name, node = hidden_layer(where, applied_graph(network, points[:1]), layer)
    count = node.shape[1]
    if count > MOST_NEURONS:
        raise InputError(
            where,
            given=f"the layer {name!r} with {count} neurons",
            expected=f"at most {MOST_NEURONS}, that each can be seen",
            fix="Choose a smaller layer: layer=…",
        )

    def values(X: Array) -> Array:
        return hidden_layer(where, applied_graph(network, X), name)[1]._value

    seen = surface_around(where, points, labels, values, names, PANEL_CELLS, PANEL_CELLS)
    sums = _weighted_sums(applied_graph(network, cells(seen.x, seen.y, points.dtype)).names[name])
    with styled(where):
        columns = 2 if count == 4 else min(count, 3 if count in (5, 6, 9) else 4 if count <= 16 else 8)
        rows = -(-count // columns)
        side = 1.75 if columns <= 4 else 0.95
        figure = new_figure(max(4.4, side * columns + 1.2), side * rows + 1.1)
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        # Where one neuron grows far beyond the others, its summit gives way to them.
        most = float(np.quantile(np.abs(seen.outputs), 0.99)) or 1.0
        low = -most if (seen.outputs < 0).any() else 0.0
        for k, axes in enumerate(panels.flat):
            if k < count:
                image = _panel(axes, seen, sums, k, (low, most))
                axes.set_title(f"neuron {k}" if columns <= 4 else str(k), fontsize=9, pad=3)
                handles = _few_points(axes, seen, 0.5 if columns <= 4 else 0.25)
            else:
                axes.set_axis_off()
        look: dict[str, Any] = dict(extend=colour_bar_ends(seen.outputs, low, most), shrink=min(1.0, 3.6 / rows))
        figure.colorbar(image, ax=panels, label=f"value in {printable_names([name])[0]}", **look)
        for axes in panels[:, 0]:
            axes.set_ylabel(input_names(network)[1], fontsize=8)
        for k in range(max(0, count - columns), count):
            panels.flat[k].set_xlabel(input_names(network)[0], fontsize=8)
            panels.flat[k].tick_params(labelbottom=True)
        figure.set_layout_engine("compressed")
        figure.suptitle(printable_title(title, f"hidden layer {printable_names([name])[0]}"), fontsize=11)
        class_legend(figure, handles, seen.labels, seen.names)
        save_figure(where, figure, checked)
    return figure


def _panel(axes: Axes, seen: Surface, sums: Array | None, k: int, limits: tuple[float, float]) -> Any:
    image = axes.imshow(
        seen.outputs[:, :, k],
        cmap=diverging_colours(),
        vmin=limits[0],
        vmax=limits[1],
        extent=seen.extent,
        origin="lower",
        interpolation="bilinear",
        aspect="auto",
    )
    border = seen.outputs[:, :, k] if sums is None else sums[:, k].reshape(seen.outputs.shape[:2])
    if border.min() < 0 < border.max():
        axes.contour(seen.x, seen.y, border, levels=[0], colors=INK, linewidths=1.2)
    frame(axes, seen)
    return image


def _few_points(axes: Axes, seen: Surface, scale: float) -> list[Any]:
    every = max(1, math.ceil(len(seen.points) / _MOST_POINTS))
    return paint_points(axes, seen.points[::every], seen.labels[::every], scale)


def _weighted_sums(node: Node) -> Array | None:
    """Return what an activation was applied to; None for a layer that is a weighted sum itself."""
    if len(node.children) != 1:
        return None
    (child,) = node.children.values()
    return child._value if child.shape == node.shape else None


def applied_graph(network: Network, x: Array) -> Graph:
    """Return the network's prediction of samples from `as_samples`, as a graph: every node holds its value."""
    return network.plan.graph("prediction", x)


def hidden_layers(graph: Graph) -> dict[str, Node]:
    """Return name -> node of what is handed on from weights to weights: the layers between input and output.

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(4), cr.ReLU(), cr.Dense(1)])
    >>> list(hidden_layers(network.graph("prediction")))
    ['tanh_1', 'relu_1']
    """
    learnt: set[int] = set()  # the nodes with parameters below them
    found: dict[int, Node] = {}
    for node in graph.nodes:
        children = list(node.children.values())
        weighted = any(isinstance(child, Parameter) for child in children)
        for child in children:
            if id(child) in learnt and weighted and child._value.ndim == 2:
                found[id(child)] = child
        if weighted or any(id(child) in learnt for child in children):
            learnt.add(id(node))
    return {name: node for name, node in graph.names.items() if id(node) in found}


def hidden_layer(where: str, graph: Graph, layer: str | None, units: int | None = None) -> tuple[str, Node]:
    """Return a hidden layer by its name, or the first one (with so many units).

    Raises
    ------
    InputError
        If there is none.
    UnknownNameError
        If none has this name.
    """
    known = hidden_layers(graph)
    fitting = {name: node for name, node in known.items() if units is None or node.shape[1] == units}
    if not fitting:
        widths = ", ".join(f"{name} with {node.shape[1]}" for name, node in known.items()) or "none"
        raise InputError(
            where,
            given=f"a network whose hidden layers are: {widths}",
            expected="a hidden layer" + (f" with {units} units" if units else ""),
            fix=f"Build one: cr.Dense({units or 8}), cr.Tanh() before the last layer",
        )
    if layer is None:
        return next(iter(fitting.items()))
    named = {name: node for name, node in graph.names.items() if node.op is not None and node._value.ndim == 2}
    if layer not in named:
        raise UnknownNameError(
            where, given=repr(layer)[:80], expected="the name of a layer", fix=nearest(str(layer), named)
        )
    node = named[layer]
    if units is not None and node.shape[1] != units:
        raise InputError(
            where,
            given=f"{layer!r} with {node.shape[1]} units",
            expected=f"a layer with {units}",
            fix="Choose one of: " + ", ".join(fitting),
        )
    return layer, node
