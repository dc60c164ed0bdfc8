"""What a network says when it is asked for something it doesn't have, or not yet.

Names that other libraries have for what is a function here; nodes that aren't there; steps out of order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.errors import MisuseError, UnknownNameError, nearest
from chainrule.graph.graph import Graph
from chainrule.ops.op import Op

if TYPE_CHECKING:
    from chainrule.nn.network import Network
    from chainrule.nn.vector import Vector


def unknown_node(network: Network, name: str) -> UnknownNameError:
    """Return the error for the name of a node that the last training step doesn't have."""
    given, fix = repr(name), nearest(name, network.nodes)
    head = network.heads[0]
    if not head.name and head.objective.fused and name == network._chain[-1].name:
        aim = head.objective
        given += f", which in training is part of the loss {aim.op!r}" if aim.unscale is None else ", after the loss"
        before = next(iter(network._chain[-1].children.values()))
        fix = f"Look at {before.name!r} before it, or at cr.predict(network, X)"
    return UnknownNameError("Network", given=given, expected="the name of a node", fix=fix)


def not_built(where: str) -> MisuseError:
    """Return the error for a network that has no parameters yet."""
    return MisuseError(
        where,
        given="a network that is not built yet",
        expected="the shape of a sample, from which the first layer infers its inputs",
        fix="Pass inputs=… to Network, call network.build(features), or train it",
        cause="network.unbuilt",
    )


def check_forward(where: str, graph: Graph | None) -> Graph:
    """Return the graph of the last forward pass; raise if there has been none."""
    if graph is None:
        raise MisuseError(
            where,
            given="no forward pass before it",
            expected="the values of a batch",
            fix="Call network.compute_loss(x, y) first, then network.backward()",
        )
    return graph


def check_backward(where: str, graph: Graph | None) -> None:
    """Raise if derivatives have nowhere to come from, or nowhere to go."""
    graph = check_forward(where, graph)
    if not (graph.parameters and graph.wrt):
        raise nothing_to_learn(where, frozen=bool(graph.parameters))


def check_learns(where: str, vector: Vector) -> None:
    """Raise if nothing would change in training."""
    if not vector.learnt():
        raise nothing_to_learn(where, frozen=bool(vector.places))


def truth_and_prediction(where: str, given: str, loss: Op) -> MisuseError:
    """Return the error for a truth and a prediction in the place of samples and their truth."""
    return MisuseError(
        where,
        given=given,
        expected="samples, and their truth: it runs the samples forward itself, to the loss of what comes out",
        fix="Write network.compute_loss(x, y), then network.backward() and network.optimize(); the loss of a "
        f"prediction alone is network.objective.loss.forward(prediction, target), of {loss!r:.60}",
    )


def nothing_to_learn(where: str, *, frozen: bool) -> MisuseError:
    """Return the error for a network that can learn nothing: it has no parameters, or all are `frozen`."""
    return MisuseError(
        where,
        given="a network without parameters" + (" that are not frozen" if frozen else ""),
        expected="something to learn",
        fix="Call network.unfreeze(…)" if frozen else "Add a layer such as cr.Dense(8)",
        cause="network.frozen",
    )
