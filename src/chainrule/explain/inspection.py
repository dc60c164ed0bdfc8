"""What is in a graph, a step and a network now: drawn in text, as a matrix of figures, and as a notebook shows it.

In the drawing a chain runs straight down; only where several computed nodes meet is a branch drawn aside, the shorter
one. The walk is iterative, so depth does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import NonFiniteError, UnknownNameError, nearest, printable
from chainrule.explain.analysis import analyse_network
from chainrule.explain.notation import Matrix, mathml, number
from chainrule.graph import Graph, Node
from chainrule.graph.flatten import in_order
from chainrule.nn import Network
from chainrule.nn.summary import Summary
from chainrule.ops.op import Array, Samples
from chainrule.tables import html_table, text_table
from chainrule.training import History


@checks.keywords
def show(of: Node | Graph | Network, *, width: int = 100) -> str:
    """Return a drawing of a node and everything below it.

    Parameters
    ----------
    of : Node or Graph or Network
        Of a network, its training graph, with what the last step left in it.
    width : int, default 100
        Where lines should end: the leaves of a longer one follow below it.

    Returns
    -------
    str
        A line a computed node: its name, its op, its shape (its value, if it is one number), and its leaves by role.
        A node that several use is drawn once; elsewhere ``↑`` and its name stand for it.

    Examples
    --------
    >>> import chainrule as cr
    >>> x, w = cr.Input("x", [[1.0, 2.0]]), cr.Parameter("w", [[3.0], [4.0]])
    >>> print(show(cr.mean(x=cr.tanh(z=x @ w, name="a"), name="loss")))
    loss   Mean = 1
    │ x
    a      Tanh (1, 1) = 1
    │ z
    matmul Matmul (1, 1) = 11   a: x (1, 2)   b: w (2, 1)
    """
    width = checks.whole("show width", width, least=20)
    graph = of.graph() if isinstance(of, Network) else of
    root = graph.root if isinstance(graph, Graph) else graph
    node: Node = checks.instance("show", root, Node, "a network, or the node of a loss")
    return drawing(node, width, lambda _, role: role)


def drawing(node: Node, width: int, called: Callable[[Node, str], str]) -> str:
    """Return the drawing of a node; `called` says what a role of a node's is called in it."""
    order = in_order([node])
    depths: dict[int, int] = {}
    for below in order:
        depths[id(below)] = 1 + max((depths[id(c)] for c in below.children.values() if c.children), default=0)
    names = min(max(len(printable(n.name)) for n in order if n.op is not None or n is node), 24)
    lines: list[str] = []
    drawn: set[int] = set()
    stack = [("", "", node)]
    while stack:
        margin, role, current = stack.pop()
        if role:
            lines.append(f"{margin}│ {role}")
        name = printable(current.name) or "constant"
        if id(current) in drawn and current.children:
            lines.append(f"{margin}↑ {name}")
            continue
        drawn.add(id(current))
        roles = [(called(current, role), child) for role, child in current.children.items()]
        leaves = [f"{r}: {_leaf(c)}" for r, c in roles if not c.children]
        kind = type(current.op or current).__name__
        branches = [(r, c) for r, c in roles if c.children]
        lines += _fitted(
            f"{margin}{name.ljust(names)} {kind}{_size(current)}", leaves, margin + "│" * bool(branches), width
        )
        branches.sort(key=lambda branch: -depths[id(branch[1])])  # the deepest runs straight on, and comes last
        for i, (branch, child) in enumerate(branches):
            aside = margin + "│   " * (i > 0)
            stack.append((aside, branch, child))
    return "\n".join(line.rstrip() for line in lines)


def _fitted(line: str, leaves: list[str], margin: str, width: int) -> list[str]:
    """Return a line with its leaves; where there are too many for it, each leaf below."""
    whole = "   ".join([line, *leaves])
    return [whole] if len(whole) <= width else [line, *(f"{margin.ljust(len(margin) + 4)}{leaf}" for leaf in leaves)]


def _size(node: Node) -> str:
    shape = f" {node.shape}" if node.shape else ""
    return shape + (f" = {number(node.value.reshape(())[()])}" if node.value.size == 1 else "")


def _leaf(node: Node) -> str:
    name = printable(node.name)
    if not name and node.value.size == 1:
        return number(node.value.reshape(())[()])
    return f"{name or 'constant'} {node.shape}"


_HEAD = ("node", "op", "shape", "value: norm", "from", "to", "gradient: norm", "from", "to")


@dataclass(frozen=True)
class Traced:
    """A node of a trace.

    Attributes
    ----------
    name : str
    op : str or None
        Its op's name; None for a leaf.
    value : ndarray
    grad : ndarray or None
        None where nothing learnt lies below.
    """

    name: str
    op: str | None
    value: Array
    grad: Array | None


class Trace(Mapping[str, Traced]):
    """Name -> node, in the order of computation; prints as a table."""

    def __init__(self, nodes: dict[str, Traced]) -> None:
        self._nodes = nodes

    def __getitem__(self, name: str) -> Traced:
        if name not in self._nodes:
            fix = nearest(name, self._nodes)
            raise UnknownNameError("Trace", given=repr(name), expected="the name of a node", fix=fix)
        return self._nodes[name]

    def __contains__(self, name: object) -> bool:
        return name in self._nodes

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table that is printed, a row a node."""
        return [
            (
                printable(node.name),
                node.op or "",
                "×".join(map(str, node.value.shape)) or "1",
                *_figures(node.value),
                *_figures(node.grad),
            )
            for node in self._nodes.values()
        ]

    def __str__(self) -> str:
        return "\n".join(text_table(_HEAD, self.rows()))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(_HEAD, self.rows())


@checks.keywords
def trace(network: Network, x: Samples, y: Samples) -> Trace:
    """Run one training step of a copy of a network and return what was in every node.

    Parameters
    ----------
    network : Network
        It is not changed.
    x, y : array_like
        A batch, as for `train`.

    Returns
    -------
    Trace
        ``trace["dense_1"].value``, ``trace["dense_1"].grad``; prints as a table.

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1)])
    >>> found = trace(network, [[1.0, 0.0]], [[1.0]])
    >>> found["tanh_1"].value.shape, found["dense_1.weights"].grad.shape
    ((1, 3), (2, 3))
    """
    analysis = analyse_network(network, x, y, None)
    nodes = {}
    for place, node in enumerate(analysis.graph.nodes):
        name = analysis.labels[place]
        op = None if node.op is None else node.op.name
        nodes[name] = Traced(name, op, analysis.values[place], analysis.gradients[place])
    return Trace(nodes)


def _figures(array: Array | None) -> tuple[str, str, str]:
    if array is None or not array.size:
        return "", "", ""
    exact = array.astype(np.float64)
    return number(float(np.linalg.norm(exact))), number(float(exact.min())), number(float(exact.max()))


_MATRIX = (
    "<style>.matrix{border:solid currentColor;border-width:0 1.5px;border-radius:.35em}"
    ".matrix mtd{padding:.2em .4em}</style>"
)
_MOST_EPOCHS = 12


def network_html(network: Network) -> str:
    """Return a network's summary as a table, and its drawing."""
    return summary_html(network.summary()) if network.built else f"<pre>{escape(printable(repr(network)))}</pre>"


def summary_html(summary: Summary) -> str:
    """Return a summary as a table, and the drawing of its network."""
    from chainrule.plot.network_svg import network_svg  # a heavy room, for who draws

    rows: list[tuple[str, ...]] = [("input", "", "×".join(map(str, summary.inputs)) or "1", "")]
    for row in summary.rows:
        count = f"{row.weights + row.biases:,}" if row.weights + row.biases else ""
        rows.append((printable(row.name), printable(row.description), "×".join(map(str, row.output)) or "1", count))
    rows += [("output", printable(name), "×".join(map(str, shape)), "") for name, shape in summary.named_outputs]
    figures = (
        f"{summary.weights:,} weights + {summary.biases:,} biases = {summary.parameters:,} parameters",
        f"loss: {' '.join(summary.loss.split())}",
        f"optimizer: {summary.optimizer}",
    )
    lines = "<br>".join(escape(printable(line)) for line in figures)
    try:
        drawn = "" if summary.network is None else network_svg(summary.network)
    except NonFiniteError as problem:
        drawn = escape(str(problem))
    table = html_table(("layer", "", "output", "parameters"), rows)
    return f'{table}<p>{lines}</p><div style="overflow-x:auto">{drawn}</div>'


def node_html(node: Node) -> str:
    """Return a node's name, op, children, value and gradient."""
    kind = type(node.op or node).__name__
    roles = ", ".join(f"{role}: {printable(child.name) or 'constant'}" for role, child in node.children.items())
    head = f"<b>{escape(printable(node.name))}</b> {escape(kind)}({escape(roles)}) {node.shape} {node.dtype}"
    parts = [head, "value", mathml(Matrix(node.value))]
    if node.grad is not None:
        parts += ["gradient", mathml(Matrix(node.grad))]
    return _MATRIX + "<br>".join(parts)


def graph_html(graph: Graph) -> str:
    """Return the drawing of a graph."""
    return f"<pre>{escape(show(graph))}</pre>"


def history_html(history: History) -> str:
    """Return a history as a table; of a long one, the epochs at equal distances and the last."""
    records = list(history)
    every = -(-len(records) // _MOST_EPOCHS) or 1
    shown = [record for i, record in enumerate(records) if i % every == 0 or i == len(records) - 1]
    dicts: list[dict[str, Any]] = [record.as_dict() for record in shown]
    columns = [key for key in (dicts[0] if dicts else {}) if any(_is_number(row[key]) for row in dicts)]
    rows = [tuple(number(row[key]) if _is_number(row[key]) else "" for key in columns) for row in dicts]
    return html_table(tuple(map(printable, columns)), rows) + f"<p>{escape(printable(repr(history)))}</p>"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))
