"""Building a network: its layers are applied to an example, make their parameters, and these move into one vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, MisuseError, ShapeError
from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node, Parameter
from chainrule.nn.containers import Residual
from chainrule.nn.layer import Layer, LayerLike, chain, entered
from chainrule.nn.plan import Plan, scope_of
from chainrule.nn.rescale import Rescale
from chainrule.nn.room import expect_room
from chainrule.nn.vector import Vector
from chainrule.ops.cross_entropy import CategoricalCrossEntropy, SoftmaxCrossEntropy
from chainrule.ops.op import Op
from chainrule.ops.softmax import Softmax

if TYPE_CHECKING:
    from chainrule.nn.network import Network


def build(network: Network, shape: tuple[int, ...] | None) -> None:
    """Make a network's parameters for samples of this shape, unless it has them."""
    with network._lock:
        if not network.built:
            nodes, members, vector, rows = _built(network, shape or ())
            network.sample_shape, network._chain = shape, nodes
            network._run(
                Plan(
                    owner=network,
                    layers=network.layers,
                    members=members,
                    objective=network.objective,
                    vector=vector,
                    optimizer=network.optimizer,
                    generators=network.generators,
                    sample_shape=shape or (),
                    dtype=network.dtype,
                    engine=network.engine,
                    input_rows=rows,
                )
            )
        elif shape != network.sample_shape:
            raise MisuseError(
                "Network.build",
                given=f"samples of shape {shape}",
                expected=f"{network.sample_shape}, for which it is built already",
                fix="Make a new network for other data",
            )


def _built(network: Network, shape: tuple[int, ...]) -> tuple[list[Node], list[Layer], Vector, int | None]:
    """Return the example's way through the layers, every layer inside the network, their parameters, and `_rows`."""
    expect_room("Network", network.layers, shape, network.dtype, network.optimizer)
    scope = scope_of(network, network.dtype, network.generators, "build", example=network.engine != "dynamic")
    try:
        x = Input("x", np.zeros((1, *shape), network.dtype))
        with entered(scope):
            nodes = chain(network.layers, x)
        _check_output(network, nodes[-1])
        members = list(scope.layers.values())
        parameters = [entry for layer in members for entry in _penalised(network, layer)]
        vector = Vector(parameters, network.dtype, network.hold.check)
    except BaseException as error:  # something didn't fit: let the layers be used again
        for layer in scope.layers.values():
            layer._leave(fresh=layer in scope.fresh)
        if isinstance(error, MemoryError):
            raise InputError(
                "Network",
                given="more parameters than there is memory for",
                expected="a network that fits into memory",
                fix="Make the layers smaller, or close other programs",
            ) from None
        raise
    for layer in (network, *members):
        layer._start = {}
    return nodes, members, vector, _rows(Graph(nodes[-1]).nodes, x)


def _rows(nodes: Sequence[Node], x: Node) -> int | None:
    """Return of how many rows the samples are indices, if all that read them want indices; None if not."""
    readers = [(node, role) for node in nodes for role, child in node.children.items() if child is x]
    counted = [node.children[node.op.integer[role]] for node, role in readers if node.op and role in node.op.integer]
    return min(len(rows._value) for rows in counted) if counted and len(counted) == len(readers) else None


def sample_shape(shape: Any) -> tuple[int, ...] | None:
    """Return the shape of a sample, given as that or as a number of features."""
    if shape is None:
        return None
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    return tuple(checks.whole("Network inputs", size) for size in sizes)


def declared_shape(layers: Sequence[LayerLike], given: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
    """Return the shape of a sample, if it is given or the first layer that cares says it."""
    if given is not None:
        return given
    for layer in layers:
        for told in ("inputs", "sample_shape"):
            if getattr(layer, told, None) is not None:
                return sample_shape(getattr(layer, told))
        if isinstance(layer, Residual):
            return declared_shape(layer.layers)
        if not isinstance(layer, (Rescale, Op)) or layer.name == "flatten":
            return None
    return None


def class_names(classes: Any) -> tuple[str, ...]:
    """Return the classes' names."""
    if isinstance(classes, str) or not isinstance(classes, Iterable):
        raise InputError(
            "Network classes", given=repr(classes)[:80], expected="a list of names", fix="Pass ['cat', 'dog']"
        )
    return tuple(str(name) for name in classes)


def _penalised(network: Network, layer: Layer) -> list[tuple[Parameter, float, float]]:
    l1, l2 = (_penalty(network, layer, key) for key in ("l1", "l2"))
    return [(leaf, l1, l2) for leaf in layer._leaves.values() if isinstance(leaf, Parameter)]


def _penalty(network: Network, layer: Layer, key: str) -> float:
    """Return the factor that the layer names, or the innermost layer or network around it that does."""
    around: Layer | None = layer
    while around is not None:
        factor = getattr(around, key, None)
        if factor is not None and not (factor == 0 and hasattr(around, "objective")):  # a network's 0 says nothing
            return float(factor)
        around = around._parent
    return float(getattr(network, key))


def _check_output(network: Network, output: Node) -> None:
    if len(output.shape) < 2:
        raise ShapeError(
            "Network",
            given=f"{output.where} as its last layer, with outputs of shape {output.shape[1:]} for a sample",
            expected="a row of outputs for each sample",
            fix="End with a layer that has an axis of outputs, such as cr.Dense(1)",
        )
    outputs, last = output.shape[-1], network.layers[-1]
    of_classes = isinstance(network.objective.op, (SoftmaxCrossEntropy, CategoricalCrossEntropy))
    if of_classes and isinstance(last, Softmax) and last.axis not in (-1, len(output.shape) - 1):
        raise InputError(
            "Network",
            given=f"{last!r} before {network.objective.loss!r}, for outputs of shape {output.shape[1:]}",
            expected="probabilities along the last axis, where the loss looks for the classes",
            fix="End with cr.Softmax()",
        )
    if outputs == 1 and of_classes:
        raise InputError(
            "Network",
            given=f"one output for {network.objective.loss!r}",
            expected="an output for each class: of one alone, the softmax is always 1",
            fix="Build the last layer with as many outputs as classes, or end with cr.Sigmoid() for yes or no",
        )
    if network.classes is not None and len(network.classes) != max(outputs, 2):
        raise InputError(
            "Network classes",
            given=f"{len(network.classes)} names",
            expected=f"{max(outputs, 2)} for {outputs} output{'' if outputs == 1 else 's'}",
            fix="Name each class once, or build the last layer with as many outputs",
        )
