"""A stepper: a graph run one op at a time, forward and then backward, each an event to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.graph.calls import read_only
from chainrule.graph.node import Node
from chainrule.ops.op import Array

if TYPE_CHECKING:
    from chainrule.graph.graph import Graph


@dataclass(frozen=True)
class StepEvent:
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


def steps(graph: Graph, values: list[Any], grad: Array | None) -> Iterator[StepEvent]:
    """Yield an event for each op forward and, where `grad` arrives at the root, for each backward.

    `values` holds the leaves' values; those of the ops are computed anew, one by one.
    """
    names = {id(node): name for name, node in graph.names.items()}

    def event(way: str, i: int, children: list[tuple[str, int]], **more: Any) -> StepEvent:
        node = graph.nodes[i]
        inputs = MappingProxyType({role: read_only(values[j]) for role, j in children})
        return StepEvent(way, names[id(node)], node, inputs, read_only(values[i]), **more)

    walk, arrays = graph.walk, graph.walk.plain()
    for i, op, children in walk.forward_plan:
        with np.errstate(all="ignore"):
            values[i] = arrays.forward(i, op, {role: values[j] for role, j in children})
        yield event("forward", i, children)
    if grad is None:
        return
    gradients: list[Any] = [None] * len(values)
    gradients[graph.place(graph.root)] = grad
    for step in walk.backward_plan:
        i, _, children, _ = step
        with np.errstate(all="ignore"):
            handed = {}
            for role, j, first, part in walk.handed_on(step, values, gradients, arrays):
                handed[role] = read_only(part.copy())
                gradients[j] = handed[role] if first else np.asarray(gradients[j] + handed[role])
        yield event("backward", i, children, grad=read_only(gradients[i]), handed=MappingProxyType(handed))


def _short(array: Array) -> str:
    return f"{array.reshape(())[()]:.4g}" if array.size == 1 else str(array.shape)
