"""Where a NaN or an infinity came from: the first node that went wrong, and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule.errors import NonFiniteError
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.ops.op import Array

if TYPE_CHECKING:
    from chainrule.nn.plan import Plan


def nonfinite_error(plan: Plan, graph: Graph, learning_rate: float | None) -> NonFiniteError:
    """Return the error that says where the last step went wrong; the network still has its weights from before."""
    nodes, step = graph.names, plan.optimizer_state.step + 1
    if learning_rate is None:
        own = plan.optimizer.learning_rate
        learning_rate = own if isinstance(own, float) else float(plan.optimizer_state.rate)
    for name, node in nodes.items():
        if not _finite(node._value):
            return _error(nodes, step, learning_rate, name, "forward", node._value, _inputs(node))
    for name, node in reversed(nodes.items()):
        if node._grad is not None and not _finite(node._grad):
            parents = [p for p in nodes.values() if any(child is node for child in p.children.values())]
            arrived = {p.name: p._grad for p in parents if p._grad is not None}
            return _error(nodes, step, learning_rate, name, "backward", node._grad, arrived)
    gradient = plan.vector.gradient
    return _error(nodes, step, learning_rate, "penalty", "backward", gradient, {"parameters": plan.vector.array})


def _error(
    nodes: dict[str, Node], step: int, learning_rate: float, name: str, way: str, array: Array, inputs: dict[str, Array]
) -> NonFiniteError:
    bad = np.argwhere(~np.isfinite(array))
    ranges = ", ".join(f"{role} from {a.min():.3g} to {a.max():.3g}" for role, a in inputs.items() if a.size)
    node = nodes.get(name)
    if way == "forward" and node is not None and node.op is None:
        fix = "Look at the data: there is a NaN or an infinity in them"
        if node.learnt:
            fix = f"Start with smaller weights, or a learning rate below {learning_rate:g}"
    else:
        fix = (
            f"Try a learning rate of {learning_rate / 10:g}, clip the gradients (clip_norm=1.0), or scale the data "
            "to about −1 … 1; the network has the weights from before this step"
        )
    return NonFiniteError(
        f"train, step {step}, {way} at {name!r}",
        given=f"{len(bad)} of {array.size} values that are NaN or infinite, the first at {bad[0].tolist()}"
        + (f" (it was computed from {ranges}; learning rate {learning_rate:g})" if ranges else ""),
        expected="finite numbers",
        fix=fix,
    )


def _inputs(node: Node) -> dict[str, Array]:
    return {role: child._value for role, child in node.children.items() if child.dtype.kind in "fiu"}


def _finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
