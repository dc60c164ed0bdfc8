"""The inside of a network on given samples: what every node holds, and which of them are hidden layers.

The network is applied by calling its ops, in a graph of its own, so nothing that the network shows changes.
"""

from __future__ import annotations

from chainrule.errors import InputError, UnknownNameError, nearest
from chainrule.graph import Graph, Node, Parameter
from chainrule.nn import Network
from chainrule.ops.op import Array


def applied(network: Network, x: Array) -> Graph:
    """Return the network's prediction of samples from `as_samples`, as a graph: every node holds its value."""
    return network.plan.graph("prediction", x)


def hidden_layers(graph: Graph) -> dict[str, Node]:
    """Return name -> node of what is handed on from weights to weights: the layers between input and output.

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(2, 3), cr.Tanh(), cr.Dense(4), cr.ReLU(), cr.Dense(1)])
    >>> list(hidden_layers(network.graph("prediction")))
    ['tanh_1', 'relu_1']
    """
    learnt: set[int] = set()  # the nodes with parameters below them
    found: dict[int, Node] = {}
    for node in graph.nodes:
        children = list(node.children.values())
        weighted = any(isinstance(child, Parameter) for child in children)
        for child in children:
            if id(child) in learnt and weighted and child._value.ndim == 2:
                found[id(child)] = child
        if weighted or any(id(child) in learnt for child in children):
            learnt.add(id(node))
    return {name: node for name, node in graph.names.items() if id(node) in found}


def hidden_layer(where: str, graph: Graph, layer: str | None, units: int | None = None) -> tuple[str, Node]:
    """Return a hidden layer by its name, or the first one (with so many units).

    Raises
    ------
    InputError
        If there is none.
    UnknownNameError
        If none has this name.
    """
    known = hidden_layers(graph)
    fitting = {name: node for name, node in known.items() if units is None or node.shape[1] == units}
    if not fitting:
        widths = ", ".join(f"{name} with {node.shape[1]}" for name, node in known.items()) or "none"
        raise InputError(
            where,
            given=f"a network whose hidden layers are: {widths}",
            expected="a hidden layer" + (f" with {units} units" if units else ""),
            fix=f"Build one: cr.Dense({units or 8}), cr.Tanh() before the last layer",
        )
    if layer is None:
        return next(iter(fitting.items()))
    named = {name: node for name, node in graph.names.items() if node.op is not None and node._value.ndim == 2}
    if layer not in named:
        raise UnknownNameError(
            where, given=repr(layer)[:80], expected="the name of a layer", fix=nearest(str(layer), named)
        )
    node = named[layer]
    if units is not None and node.shape[1] != units:
        raise InputError(
            where,
            given=f"{layer!r} with {node.shape[1]} units",
            expected=f"a layer with {units}",
            fix="Choose one of: " + ", ".join(fitting),
        )
    return layer, node
