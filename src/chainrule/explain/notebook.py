"""How networks, nodes, graphs and histories look in a notebook: small tables, everything in them escaped."""

from __future__ import annotations

from html import escape
from typing import Any

from chainrule.errors import printable
from chainrule.explain.notation import Matrix, mathml, number
from chainrule.explain.showing import show
from chainrule.graph import Graph, Node
from chainrule.nn import Network
from chainrule.tables import html_table
from chainrule.training import History

_MATRIX = (
    "<style>.matrix{border:solid currentColor;border-width:0 1.5px;border-radius:.35em}"
    ".matrix mtd{padding:.2em .4em}</style>"
)
_MOST_EPOCHS = 12


def network_html(network: Network) -> str:
    """Return a network's summary as a table."""
    if not network.built:
        return f"<pre>{escape(printable(repr(network)))}</pre>"
    summary = network.summary()
    rows: list[tuple[str, ...]] = [("input", "", "×".join(map(str, summary.inputs)) or "1", "")]
    for row in summary.rows:
        count = f"{row.weights + row.biases:,}" if row.weights + row.biases else ""
        rows.append((printable(row.name), printable(row.description), "×".join(map(str, row.output)) or "1", count))
    told = (
        f"{summary.weights:,} weights + {summary.biases:,} biases = {summary.parameters:,} parameters",
        f"loss: {summary.loss}",
        f"optimizer: {summary.optimizer}",
    )
    lines = "<br>".join(escape(printable(line)) for line in told)
    return html_table(("layer", "", "output", "parameters"), rows) + f"<p>{lines}</p>"


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
