"""A stepper: a graph run one op at a time, forward and then backward, each an event to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.graph.node import Node, read_only
from chainrule.ops.op import Array

if TYPE_CHECKING:
    from chainrule.graph.graph import Graph


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
    grad: Array | None = None
    handed: Mapping[str, Array] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.grad is None:
            return f"forward   {self.name} = {_short(self.value)}"
        parts = ", ".join(f"{role} {_short(array)}" for role, array in self.handed.items())
        return f"backward  {self.name}: {_short(self.grad)} arrived; handed on: {parts}"


def steps(graph: Graph, values: list[Any], grad: Array | None) -> Iterator[Event]:
    """Yield an event for each op forward and, where `grad` arrives at the root, for each backward.

    `values` holds the leaves' values; those of the ops are computed anew, one by one.
    """
    names = {id(node): name for name, node in graph.names.items()}

    def event(way: str, i: int, children: list[tuple[str, int]], **more: Any) -> Event:
        node = graph.nodes[i]
        inputs = MappingProxyType({role: read_only(values[j]) for role, j in children})
        return Event(way, names[id(node)], node, inputs, read_only(values[i]), **more)

    for i, op, children in graph.calls.forward_plan:
        with np.errstate(all="ignore"):
            values[i] = np.asarray(op.forward(**{role: values[j] for role, j in children}))
        yield event("forward", i, children)
    if grad is None:
        return
    gradients: dict[int, Array] = {graph.place(graph.root): grad}
    for i, op, children, edges in graph.calls.backward_plan:
        with np.errstate(all="ignore"):
            parts = op.backward(gradients[i], values[i], **{role: values[j] for role, j in children})
        handed = {}
        for role, j, first in edges:
            handed[role] = read_only(graph.calls.part(i, role, parts, values[j]).copy())
            gradients[j] = handed[role] if first else np.asarray(gradients[j] + handed[role])
        arrived = read_only(gradients[i])
        yield event("backward", i, children, grad=arrived, handed=MappingProxyType(handed))


def _short(array: Array) -> str:
    return f"{array.reshape(())[()]:.4g}" if array.size == 1 else str(array.shape)
