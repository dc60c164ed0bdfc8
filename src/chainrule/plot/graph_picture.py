"""A graph as a picture: its nodes with their shapes, and on each edge what flows forward and what comes back.

Nodes are laid out by the method of Sugiyama, Tagawa and Toda (1981): rows by the longest way from a leaf; in each row
the nodes ordered by the mean place of their neighbours; then moved below and above them as far as the order allows.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError
from chainrule.graph import Graph, Node, Parameter
from chainrule.nn import Network
from chainrule.ops.op import Array, Samples
from chainrule.plot.axes import new_figure, plain_number
from chainrule.plot.style import (
    CLASS_COLOURS,
    INK,
    documented,
    figure_path,
    printable_names,
    printable_title,
    save_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_NODES = 80
_WIDTH, _HEIGHT = 1.6, 0.58  # of a node, in inches
_ACROSS, _DOWN = 1.8, 2.0  # from node to node, and from row to row
_FEW = 2  # numbers that are written out
_FILLS = {"op": "white", "parameter": "#FBEBC8", "input": "#DCEBF5"}
_FORWARD, _BACK, _ROLE = CLASS_COLOURS[0], CLASS_COLOURS[5], "#555555"


@checks.keywords
@documented
def graph(
    of: Network | Graph | Node,
    x: Samples | None = None,
    y: Samples | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a graph: a box a node with its shape, and on each edge the value that goes down it and the ∂ that comes up.

    Up to two numbers are written out, of more the norm ‖·‖ is. What comes up an edge is what its lower node hands
    to its upper one; a node from which several edges lead down gets the sum of what comes up them.

    Parameters
    ----------
    of : Network, Graph or Node
        A network, of which one training step of a copy is drawn, without the optimizer's part; or a loss built by
        hand, or any other node.
    x, y : array_like
        For a network: a batch, as for `train`.
    title : str, optional

    Raises
    ------
    InputError
        If there are more than 80 nodes, or a network is given without a batch.

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
    layout = lay_out([[drawn.place(child) for child in node.children.values()] for node in drawn.nodes])
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
            texts += [(printable_names([role])[0], _ROLE), (_written(value), _FORWARD)]
            texts += [] if gradient is None else [(f"∂ {_written(gradient)}", _BACK)]
        for edge, texts in together.items():
            fanned = sum(child == edge[0] for child, _ in together) > 1
            _draw_edge(axes, layout, edge, texts, fanned)
        for place, node in enumerate(drawn.nodes):
            _draw_node(axes, node, layout.x[place] * _ACROSS, layout.row[place] * _DOWN)
        arrays = [array for both in flowing.values() for array in both if array is not None]
        normed = any(array.size > _FEW for array in arrays)
        _legend(axes, height, any(gradient is not None for _, gradient in flowing.values()), normed)
        if title is not None:
            axes.set_title(printable_title(title))
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
    network.check_finite(where, batch, "x")
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
    name = printable_names([node.name or "constant"])[0]
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
    # Labels stand where edges are apart: below a child with one parent, near the next row below one with several.
    high = 0.15 * len(texts)
    t = 0.6 if fanned else (0.06 + high / 2) / (points[3][1] - start[1]) / 1.3
    (x, y), side = beside(start, points[3], t, high)
    look: dict[str, Any] = dict(ha="left" if side > 0 else "right", va="center", fontsize=7, zorder=2)
    ground = dict(facecolor="white", edgecolor="none", pad=0.3)  # where another edge passes
    for i, (text, colour) in enumerate(texts):
        axes.text(x + 0.06 * side, y + 0.15 * (i - (len(texts) - 1) / 2), text, color=colour, bbox=ground, **look)


def _written(array: Array) -> str:
    """Return a few numbers written out, of more their norm."""
    if array.size <= _FEW:
        numbers = ", ".join(plain_number(float(f"{v:.3g}")) for v in array.reshape(-1).tolist())
        return f"[{numbers}]" if array.size > 1 else numbers
    return f"‖·‖ {plain_number(float(f'{np.linalg.norm(array.astype(np.float64)):.3g}'))}"


def _legend(axes: Axes, height: float, gradients: bool, normed: bool) -> None:
    from matplotlib.lines import Line2D

    names = {"value, downwards": _FORWARD} | ({"∂ of the last node, upwards": _BACK} if gradients else {})
    handles = [Line2D([], [], linestyle="", marker="s", color=colour, label=name) for name, colour in names.items()]
    told = f"‖·‖: of more than {_FEW} numbers the norm, √(sum of squares)" if normed else None
    look: dict[str, Any] = dict(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, fontsize=8, title_fontsize=8)
    axes.legend(handles=handles, title=told, **look)


_SWEEPS = 12
_LEAF = 0.001  # how much a leaf pulls at its neighbours


@dataclass(frozen=True)
class Layout:
    """Where nodes stand.

    Attributes
    ----------
    x : list of float
        Of each node, in widths of a place; the leftmost is at 0.
    row : list of int
        Of each node; 0 is on top.
    bends : dict of (child, parent) to list of (float, int)
        For an edge that passes rows: where, row by row.
    """

    x: list[float]
    row: list[int]
    bends: dict[tuple[int, int], list[tuple[float, int]]]

    @property
    def width(self) -> float:
        """The x of the rightmost place."""
        places = [*self.x, *(x for bends in self.bends.values() for x, _ in bends)]
        return max(places, default=0.0)


def lay_out(children: Sequence[Sequence[int]]) -> Layout:
    """Return where to put nodes, given the places of each one's children, which come before it.

    Examples
    --------
    >>> lay_out([[], [], [0, 1]])
    Layout(x=[0.0, 1.0, 0.5], row=[0, 0, 1], bends={})
    """
    row = _rows(children)
    count = len(children)
    level = list(row)  # of nodes, and of the bends that follow them
    above: list[list[int]] = [[] for _ in children]
    below: list[list[int]] = [[] for _ in children]
    bends: dict[tuple[int, int], list[int]] = {}
    for parent, kids in enumerate(children):
        for child in dict.fromkeys(kids):
            chain = list(range(len(level), len(level) + row[parent] - row[child] - 1))
            level += range(row[child] + 1, row[parent])
            above += [[] for _ in chain]
            below += [[] for _ in chain]
            for upper, lower in zip([child, *chain], [*chain, parent]):
                below[upper].append(lower)
                above[lower].append(upper)
            if chain:
                bends[child, parent] = chain
    rows = _ordered(_started(level, children, bends), above, below)
    x = _placed(rows, above, below)
    least = min(x)
    x = [round(v - least, 6) for v in x]
    return Layout(x[:count], row, {edge: [(x[b], level[b]) for b in chain] for edge, chain in bends.items()})


def along(start: tuple[float, float], end: tuple[float, float], t: float) -> tuple[float, float]:
    """Return a point of the curve that leaves one point and arrives at another upright, at a share `t` of the way.

    >>> along((0, 0), (2, 1), 0.5)
    (1.0, 0.5)
    """
    bend = 3 * t**2 - 2 * t**3
    rise = 1.5 * t - 1.5 * t**2 + t**3
    return start[0] + bend * (end[0] - start[0]), start[1] + rise * (end[1] - start[1])


def beside(
    start: tuple[float, float], end: tuple[float, float], t: float, high: float
) -> tuple[tuple[float, float], int]:
    """Return where a label so high touches such a curve around a share `t` of the way, and on which side.

    The side is 1, right, or −1, left: the outer one, for curves that end in one node come from both of its sides. There
    a label stands off the curve as far as its upper end needs.

    >>> beside((0, 0), (2, 1), 0.5, 0), beside((2, 0), (0, 1), 0.5, 0)[1]
    (((1.0, 0.5), -1), 1)
    """
    y = along(start, end, t)[1]
    shares = [share / 50 for share in range(51)]
    upper = min(shares, key=lambda share: abs(along(start, end, share)[1] - (y - high / 2)))
    return (along(start, end, upper)[0], y), -1 if end[0] - start[0] > 0.05 * (end[1] - start[1]) else 1


def _rows(children: Sequence[Sequence[int]]) -> list[int]:
    """Return each node's row: below all its children, leaves just above the first of their parents."""
    row = [0] * len(children)
    for place, kids in enumerate(children):
        if kids:
            row[place] = 1 + max(row[kid] for kid in kids)
    first: dict[int, int] = {}
    for place, kids in enumerate(children):
        for kid in kids:
            first[kid] = min(first.get(kid, row[place]), row[place])
    return [row[i] if kids else first.get(i, 1) - 1 for i, kids in enumerate(children)]


def _started(
    level: list[int], children: Sequence[Sequence[int]], bends: dict[tuple[int, int], list[int]]
) -> list[list[int]]:
    """Return the rows in the order in which a walk from the root meets their nodes."""
    rows: list[list[int]] = [[] for _ in range(max(level) + 1)]
    met: set[int] = set()
    stack = [place for place in range(len(children)) if not any(place in kids for kids in children)]
    while stack:
        place = stack.pop()
        if place in met:
            continue
        met.add(place)
        rows[level[place]].append(place)
        for kid in children[place]:
            for bend in bends.get((kid, place), ()):
                rows[level[bend]].append(bend)
        stack += reversed(children[place])
    return rows


def _ordered(rows: list[list[int]], above: list[list[int]], below: list[list[int]]) -> list[list[int]]:
    """Return the rows ordered so that fewer edges cross."""
    best, fewest = [list(row) for row in rows], _crossings(rows, above)
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = above if downwards else below
        for row in rows if downwards else reversed(rows):
            at = {place: i for other in rows for i, place in enumerate(other)}
            means = {p: sum(at[n] for n in neighbours[p]) / len(neighbours[p]) for p in row if neighbours[p]}
            row.sort(key=lambda p: means.get(p, float(at[p])))  # used before the next turn
        crossed = _crossings(rows, above)
        if crossed < fewest:
            best, fewest = [list(row) for row in rows], crossed
    return best


def _crossings(rows: list[list[int]], above: list[list[int]]) -> int:
    crossed = 0
    for upper, lower in pairwise(rows):
        at = {place: i for i, place in enumerate(upper)}
        ends = [at[n] for place in lower for n in sorted(above[place], key=at.__getitem__)]
        crossed += sum(ends[i] > ends[j] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return crossed


def _placed(rows: list[list[int]], above: list[list[int]], below: list[list[int]]) -> list[float]:
    """Return x of every place: near its neighbours, and at least 1 beside the one before it in its row.

    Leaves pull less than the rest, so that a chain of layers stands straight and its parameters beside it.
    """
    weight = [1.0 if ups else _LEAF for ups in above]
    x = [0.0] * len(above)
    for row in rows:
        for i, place in enumerate(row):
            x[place] = float(i)
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = []
            for place in row:
                near = [*above[place], *below[place]]
                total = sum(weight[n] for n in near)
                wanted.append(sum(weight[n] * x[n] for n in near) / total if near else x[place])
            for place, at in zip(row, _apart(wanted, [weight[place] for place in row])):
                x[place] = at
    return x


def _apart(wanted: list[float], weights: list[float]) -> list[float]:
    """Return places at least 1 apart, in this order, with the least weighted sum of squares from those wanted."""
    blocks: list[tuple[float, float, int]] = []  # mean of wanted − index, weight, and how many share it
    for i, (want, weight) in enumerate(zip(wanted, weights)):
        mean, count = want - i, 1
        while blocks and blocks[-1][0] > mean:
            other, heavy, more = blocks.pop()
            mean, weight = (mean * weight + other * heavy) / (weight + heavy), weight + heavy
            count += more
        blocks.append((mean, weight, count))
    shifts = [mean for mean, _, count in blocks for _ in range(count)]
    return [shift + i for i, shift in enumerate(shifts)]
