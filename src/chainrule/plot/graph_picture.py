"""A graph as a picture: its nodes with their shapes, and on each edge what flows forward and what comes back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import InputError
from chainrule.graph import Graph, Node, Parameter
from chainrule.nn import Network, validation
from chainrule.ops.op import Array
from chainrule.plot.layered import Layout, along, laid_out
from chainrule.plot.lines import plain_number
from chainrule.plot.style import (
    CLASS_COLOURS,
    INK,
    figure_path,
    new_figure,
    save_figure,
    shown_names,
    shown_title,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NODES = 80
_WIDTH, _HEIGHT = 1.6, 0.58  # of a node, in inches
_ACROSS, _DOWN = 1.8, 1.5  # from node to node, and from row to row
_FEW = 3  # numbers that are written out
_FILLS = {"op": "white", "parameter": "#FBEBC8", "input": "#DCEBF5"}
_FORWARD, _BACK, _ROLE = CLASS_COLOURS[0], CLASS_COLOURS[5], "#555555"


def graph(
    of: Network | Graph | Node,
    x: Any = None,
    y: Any = None,
    *,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a graph: a box a node with its shape, and on each edge the value that goes down it and the ∂ that comes up.

    Up to three numbers are written out, of more the norm ‖·‖ is. What comes up an edge is what its lower node hands
    to its upper one; a node from which several edges lead down gets the sum of what comes up them.

    Parameters
    ----------
    of : Network, Graph or Node
        A network, of which one training step of a copy is drawn, without the optimizer's part; or a loss built by
        hand, or any other node.
    x, y : array_like
        For a network: a batch, as for `train`.
    path : path, optional
        Where to save the picture; its name ends in .png or .svg.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there are more than 80 nodes, or a network is given without a batch.
    MissingExtraError
        If matplotlib is not installed.
    FileError
        If the file can't be written.

    Examples
    --------
    >>> import chainrule as cr
    >>> w = cr.Parameter("w", [[2.0]])
    >>> figure = graph(cr.sum(x=cr.Input("x", [[3.0]]) @ w))
    >>> [text.get_text() for text in figure.axes[0].texts if "∂" in text.get_text()]
    ['∂ 3', '∂ 1']
    """
    where = "graph"
    checked = figure_path(where, path)
    drawn = _graph(where, of, x, y)
    if len(drawn) > MOST_NODES:
        raise InputError(
            where,
            given=f"a graph of {len(drawn):,} nodes",
            expected=f"at most {MOST_NODES}, that each can be read",
            fix="Draw a part of it: cr.plot.graph(node), or print cr.trace(network, x, y)",
        )
    layout = laid_out([[drawn.place(child) for child in node.children.values()] for node in drawn.nodes])
    flowing = _edges(drawn)
    width, height = layout.width * _ACROSS + _WIDTH + 0.3, max(layout.row) * _DOWN + _HEIGHT + 0.7
    with styled(where):
        figure = new_figure(max(3.2, width), height + (0.3 if title else 0))
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set_aspect("equal")
        axes.set(
            xlim=(-_WIDTH / 2 - 0.1, width - _WIDTH / 2 - 0.1), ylim=(height - _HEIGHT / 2 - 0.1, -_HEIGHT / 2 - 0.1)
        )
        together: dict[tuple[int, int], list[tuple[str, str]]] = {}  # a child may play several roles
        for (parent, role), (value, gradient) in flowing.items():
            edge = drawn.place(drawn.nodes[parent].children[role]), parent
            texts = together.setdefault(edge, [])
            texts += [(shown_names([role])[0], _ROLE), (_told(value), _FORWARD)]
            texts += [] if gradient is None else [(f"∂ {_told(gradient)}", _BACK)]
        for edge, texts in together.items():
            fanned = sum(child == edge[0] for child, _ in together) > 1
            _draw_edge(axes, layout, edge, texts, fanned)
        for place, node in enumerate(drawn.nodes):
            _draw_node(axes, node, layout.x[place] * _ACROSS, layout.row[place] * _DOWN)
        _legend(axes, height, any(gradient is not None for _, gradient in flowing.values()))
        if title is not None:
            axes.set_title(shown_title(title))
        save_figure(where, figure, checked)
    return figure


def _graph(where: str, of: Any, x: Any, y: Any) -> Graph:
    """Return the graph, whose nodes have values; of a network that of a copy on the batch."""
    if isinstance(of, Graph):
        return of
    if isinstance(of, Node):
        return Graph(of)
    if not isinstance(of, Network):
        raise InputError(
            where, given=f"{of!r}"[:80], expected="a network, a graph or a node", fix="Pass the node of a loss"
        )
    if x is None or y is None:
        raise InputError(
            where, given="a network without a batch", expected="samples and targets", fix="Pass x=X[:8], y=y[:8]"
        )
    network = of.copy()
    batch, target, _ = network.as_batch(where, x, y)
    validation.finite(where, "x", batch)
    network.check_targets(where, target)
    return network.plan.graph("training", batch, target)


def _edges(drawn: Graph) -> dict[tuple[int, str], tuple[Array, Array | None]]:
    """Return (parent, role) -> the value that goes down that edge, and the derivative that comes up it."""
    values = [node._value for node in drawn.nodes]
    found: dict[tuple[int, str], tuple[Array, Array | None]] = {
        (place, role): (child._value, None)
        for place, node in enumerate(drawn.nodes)
        for role, child in node.children.items()
    }
    root = drawn.place(drawn.root)
    arriving = drawn.root._grad
    if arriving is None and drawn.root._value.size == 1:
        arriving = np.ones(drawn.root.shape, drawn.root.dtype)
    if arriving is None or root not in drawn.walk.reached:
        return found
    gradients = drawn.walk.backward(values, root, arriving)
    handed = drawn.walk.handed(values, gradients)
    return found | {edge: (values[child], array) for edge, (child, array) in handed.items()}


def _draw_node(axes: Axes, node: Node, x: float, y: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    kind = "op" if node.op is not None else "parameter" if isinstance(node, Parameter) else "input"
    box = FancyBboxPatch(
        (x - _WIDTH / 2, y - _HEIGHT / 2),
        _WIDTH,
        _HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.1",
        facecolor=_FILLS[kind],
        edgecolor=INK,
        linewidth=1.0,
        zorder=3,
    )
    axes.add_patch(box)
    name = shown_names([node.name or "constant"])[0]
    shape = "×".join(map(str, node.shape)) or "one number"
    lines = [name, shape] if node.op is None or node.op.name == node.name else [name, node.op.name, shape]
    for i, line in enumerate(lines):
        below = 0.16 * (i - (len(lines) - 1) / 2)
        look: dict[str, Any] = dict(fontsize=7 if len(line) <= 24 else 6, color=_ROLE)
        look = dict(fontsize=8 if len(line) <= 18 else 6, fontweight="bold") if i == 0 else look
        axes.text(x, y + below, line, ha="center", va="center", zorder=4, **look)


def _draw_edge(axes: Axes, layout: Layout, edge: tuple[int, int], texts: list[tuple[str, str]], fanned: bool) -> None:
    """Draw an arrow from child to parent, with lines of text and their colours on it; `fanned` if one of several."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    child, parent = edge
    start = (layout.x[child] * _ACROSS, layout.row[child] * _DOWN + _HEIGHT / 2)
    end = (layout.x[parent] * _ACROSS, layout.row[parent] * _DOWN - _HEIGHT / 2)
    bends = [(x * _ACROSS, row * _DOWN) for x, row in layout.bends.get(edge, ())]
    points, codes = [start], [Path.MOVETO]
    for (x1, y1), (x2, y2) in zip([start, *bends], [*bends, end]):
        middle = (y1 + y2) / 2
        points += [(x1, middle), (x2, middle), (x2, y2)]
        codes += [Path.CURVE4] * 3
    axes.add_patch(
        FancyArrowPatch(
            path=Path(points, codes), arrowstyle="-|>", mutation_scale=9, color="#777777", linewidth=1.0, zorder=1
        )
    )
    # Labels lie where edges are apart: near a child with one parent, nearer to the next row below one with several.
    x, y = along(points[0], points[3], 0.65 if fanned else 0.36)
    look: dict[str, Any] = dict(ha="center", va="center", fontsize=7, zorder=2)
    ground = dict(facecolor="white", edgecolor="none", pad=0.6)
    for i, (text, colour) in enumerate(texts):
        axes.text(x, y + 0.15 * (i - (len(texts) - 1) / 2), text, color=colour, bbox=ground, **look)


def _told(array: Array) -> str:
    """Return a few numbers written out, of more their norm."""
    if array.size <= _FEW:
        numbers = ", ".join(plain_number(float(f"{v:.3g}")) for v in array.reshape(-1).tolist())
        return f"[{numbers}]" if array.size > 1 else numbers
    return f"‖·‖ {plain_number(float(f'{np.linalg.norm(array.astype(np.float64)):.3g}'))}"


def _legend(axes: Axes, height: float, gradients: bool) -> None:
    from matplotlib.lines import Line2D

    names = {"value, downwards": _FORWARD} | ({"∂ of the last node, upwards": _BACK} if gradients else {})
    handles = [Line2D([], [], linestyle="", marker="s", color=colour, label=name) for name, colour in names.items()]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, fontsize=8)
