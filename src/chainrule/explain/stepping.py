"""A stepper: a graph run one op at a time, forward and then backward, each an event to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from chainrule.errors import DerivativeError
from chainrule.explain.notation import number
from chainrule.graph import Graph, Node
from chainrule.graph.node import read_only
from chainrule.ops.op import Array


@dataclass(frozen=True)
class Event:
    """One op run forward, or one backward.

    Attributes
    ----------
    way : str
        ``"forward"`` or ``"backward"``.
    name : str
        The node's name in its graph.
    node : Node
    inputs : mapping of str to ndarray
        Role -> what came from the children.
    value : ndarray
        The node's value.
    grad : ndarray or None
        Backward: the derivative that has arrived, all paths added up.
    handed : mapping of str to ndarray
        Backward: role -> the derivative handed to that child.
    """

    way: str
    name: str
    node: Node
    inputs: Mapping[str, Array]
    value: Array
    grad: Array | None
    handed: Mapping[str, Array]

    def __str__(self) -> str:
        if self.way == "forward":
            return f"forward   {self.name} = {_short(self.value)}"
        parts = ", ".join(f"{role} {_short(array)}" for role, array in self.handed.items())
        return f"backward  {self.name}: {_short(self.grad)} arrived; handed on: {parts}"


def steps(graph: Graph, *, backward: bool = True, **feeds: Any) -> Iterator[Event]:
    """Run a graph op by op and yield an event after each.

    What the graph's nodes show stays as it is, so a network's graph may be stepped through while it is trained.

    Parameters
    ----------
    graph : Graph
    backward : bool, default True
        Whether derivatives go back afterwards. They start with 1, at the graph's first root.
    **feeds : array_like
        Inputs by name, as for ``graph.forward``; those left out keep their value.

    Examples
    --------
    >>> import chainrule as cr
    >>> x, w = cr.Input("x", [[1.0, 2.0]]), cr.Parameter("w", [[3.0], [4.0]])
    >>> for event in steps(cr.Graph(cr.mean(x=x @ w))):
    ...     print(event)
    forward   matmul = 11
    forward   mean = 11
    backward  mean: 1 arrived; handed on: x 1
    backward  matmul: 1 arrived; handed on: b (2, 1)
    """
    names = {id(node): name for name, node in graph.names.items()}
    labels = [names.get(id(node), f"constant_{i}") for i, node in enumerate(graph.nodes)]
    values: list[Any] = graph.values_on(feeds)  # checks the feeds; the ops' values are computed again, one by one
    nothing: Mapping[str, Array] = MappingProxyType({})
    for i, op, children in graph.calls.forward_plan:
        arrays = {role: values[j] for role, j in children}
        with np.errstate(all="ignore"):
            values[i] = np.asarray(op.forward(**arrays))
        shown = MappingProxyType({role: read_only(array) for role, array in arrays.items()})
        yield Event("forward", labels[i], graph.nodes[i], shown, read_only(values[i]), None, nothing)
    if not backward:
        return
    root = graph.place(graph.root)
    gradients: list[Any] = [None] * len(values)
    gradients[root] = np.ones(values[root].shape, values[root].dtype)
    for i, op, children, edges in graph.calls.backward_plan:
        arrays = {role: values[j] for role, j in children}
        with np.errstate(all="ignore"):
            parts = op.backward(gradients[i], values[i], **arrays)
        handed = {}
        for role, j, first in edges:
            if not isinstance(parts, Mapping) or role not in parts:
                raise DerivativeError(
                    graph.nodes[i].where,
                    given=f"{parts!r:.60} from backward",
                    expected=f"a derivative by {role}",
                    fix=f"Let backward return dict({role}=…)",
                )
            handed[role] = read_only(np.array(parts[role]))
            gradients[j] = handed[role].copy() if first else gradients[j] + handed[role]
        shown = MappingProxyType({role: read_only(array) for role, array in arrays.items()})
        arrived = read_only(gradients[i])
        value = read_only(values[i])
        yield Event("backward", labels[i], graph.nodes[i], shown, value, arrived, MappingProxyType(handed))


def _short(array: Array | None) -> str:
    assert array is not None
    return number(array.reshape(())[()]) if array.size == 1 else str(array.shape)
