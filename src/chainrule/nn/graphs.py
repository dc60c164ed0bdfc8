"""The graphs of a network: one for each use, all over the same parameters.

Training has the loss and dropout; evaluation the loss and the output; prediction the output alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule import checks
from chainrule.errors import MisuseError
from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node
from chainrule.nn.layer import Scope, chain, entered
from chainrule.ops.op import Array

if TYPE_CHECKING:
    from chainrule.nn.network import Network


def example_graph(network: Network, kind: str) -> Graph:
    """Return the graph of a use over one sample of zeros, to be fed with batches."""
    use, _, weighted = kind.partition("-")
    checks.one_of("Network.graph", use, ("training", "evaluation", "prediction"))
    x = np.zeros((1, *(network.sample_shape or ())), network.dtype)
    return graph_over(network, x, None, np.ones(1, network.dtype) if weighted else None, use, live=False)


def graph_over(
    network: Network, x: Array, y: Array | None, sample_weight: Array | None, use: str, *, live: bool = True
) -> Graph:
    """Return the graph of a use, its layers applied to these samples; `live` if they are a batch."""
    aim = network.objective
    samples = Input("x", x)
    with entered(new_scope(network, training=use == "training", live=live)):
        last = len(network.layers) - 1 if aim.fused else len(network.layers)
        prediction = chain(network.layers[:last], samples)[-1]
        output = prediction
        if aim.fused and use != "training":
            output = chain(network.layers[last:], prediction)[-1]
    if use == "prediction":
        return _owned(network, Graph(output))
    if y is None:
        y = np.zeros(1, np.intp) if aim.takes_labels else np.zeros((1, *prediction.shape[1:]), network.dtype)
    children: dict[str, Node] = {aim.prediction_role: prediction, aim.target_role: Input("y", y)}
    if sample_weight is not None:
        children["sample_weight"] = Input("sample_weight", sample_weight)
    loss = Node(aim.op, children, "loss")
    return _owned(network, Graph(loss) if use == "training" else Graph(loss, output))


def new_scope(network: Network, *, training: bool = False, live: bool = False, naming: bool = False) -> Scope:
    """Return the surroundings in which the network's layers are applied."""
    if network._owner is not None:
        raise MisuseError(
            f"Network {network.path!r}",
            given="a network that has become a layer of another one",
            expected="the outer network",
            fix="Use the outer network, or build it from network.copy()",
        )
    return Scope(
        owner=network,
        dtype=network.dtype,
        generators=network.generators,
        training=training,
        live=live,
        example=not live and not network.dynamic,
        naming=naming,
        start=network._start,
    )


def _owned(network: Network, graph: Graph) -> Graph:
    """Return the graph, refused if it learns something that the network would never change."""
    own = {id(leaf) for leaf in network.leaves.values()}
    for parameter in graph.parameters:
        if id(parameter) not in own:
            raise MisuseError(
                "Network",
                given=f"{parameter.where}, which no layer made",
                expected="parameters made by layers, so that they lie in the network's vector, are learnt and saved",
                fix="Make it in the layer's build(self, shape), by self.parameter(name, shape)",
            )
    return graph
