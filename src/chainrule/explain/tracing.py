"""Every value and every gradient of one step, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import UnknownNameError, nearest, printable
from chainrule.explain.anatomy import of_network
from chainrule.explain.notation import number
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.tables import html_table, text_table

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


def trace(network: Network, x: Any, y: Any) -> Trace:
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
    >>> network = cr.Network([cr.Dense(2, 3), cr.Tanh(), cr.Dense(1)])
    >>> found = trace(network, [[1.0, 0.0]], [[1.0]])
    >>> found["tanh_1"].value.shape, found["dense_1.weights"].grad.shape
    ((1, 3), (2, 3))
    """
    anatomy = of_network(network, x, y, None)
    nodes = {}
    for place, node in enumerate(anatomy.graph.nodes):
        name = anatomy.labels[place]
        op = None if node.op is None else node.op.name
        nodes[name] = Traced(name, op, anatomy.values[place], anatomy.gradients[place])
    return Trace(nodes)


def _figures(array: Array | None) -> tuple[str, str, str]:
    if array is None or not array.size:
        return "", "", ""
    exact = array.astype(np.float64)
    return number(float(np.linalg.norm(exact))), number(float(exact.min())), number(float(exact.max()))
