"""A plan: all that an engine needs to run a network, and no network.

It has the network's graphs, one for each use and all over the same parameters; their vector; the heads, each with its
objective; the optimizer's state; the generators. A network makes a new plan where what is learnt, or how, has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from chainrule import checks, memory
from chainrule.errors import MisuseError
from chainrule.generators import Generators
from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node, Parameter
from chainrule.nn.heads import Head, example_targets, loss_of
from chainrule.nn.layer import Layer, LayerLike, Scope, chain, entered
from chainrule.nn.vector import Vector
from chainrule.ops.op import Array
from chainrule.optim import Optimizer, OptimizerState

USES = ("training", "evaluation", "prediction", "sampling")


@dataclass(eq=False)
class Plan:
    """What is run: a network's layers, what they are trained for, and how.

    Attributes
    ----------
    owner : Layer
        The network, as the layer around all others.
    layers : sequence of layers
    members : sequence of Layer
        Every layer inside the network.
    heads : sequence of Head
        The outputs, each with its objective: one, or several that have names.
    vector : Vector
        The parameters and their gradients.
    optimizer : Optimizer
    generators : Generators
    sample_shape : tuple of int
    dtype : str
    engine : {"replay", "dynamic", "compiled"}
    input_rows : int, optional
        Of how many rows the samples are indices: they stay whole numbers then.
    named_rows : dict of str to int
        Of how many rows each named input holds indices, if it does.
    after_backward : function of ndarray, optional
        Called in each step with all gradients, between the backward pass and the penalties: it may change them.
    """

    owner: Layer
    layers: Sequence[LayerLike]
    members: Sequence[Layer]
    heads: Sequence[Head]
    vector: Vector
    optimizer: Optimizer
    generators: Generators
    sample_shape: tuple[int, ...]
    dtype: str
    engine: str
    input_rows: int | None = None
    named_rows: Mapping[str, int] = field(default_factory=dict)
    after_backward: Callable[[Array], None] | None = None

    @cached_property
    def optimizer_state(self) -> OptimizerState:
        """The optimizer's own vectors and its count of steps, made when they are first needed."""
        return self.vector.state_of(self.optimizer)

    def averaged(self) -> Array | None:
        """Return the parameters as the optimizer's average has them, those that are frozen as they are; None without.

        A new vector.
        """
        if self.optimizer.ema is None:
            return None
        averaged = self.vector.array.copy()
        if self.optimizer_state.step:
            for place, average in zip(self.vector.learnt(), self.optimizer_state.slots["average"], strict=True):
                averaged[place] = average
        return averaged

    @cached_property
    def accumulated(self) -> Array:
        """The mean gradient of the batches that a step has had so far, made when it is first needed."""
        return memory.zeros(self.vector.gradient.shape, self.vector.gradient.dtype)

    def accumulate(self, share: float) -> None:
        """Take the gradients of a batch into the mean, of which they are this share; 1 begins a new mean.

        mean ← (1 − share) · mean + share · gradient. No number in it is larger than the largest gradient, whatever the
        samples weigh. The gradients' vector is written over.
        """
        mean, gradient = self.accumulated, self.vector.gradient
        if share == 1:
            np.copyto(mean, gradient)
            return
        mean *= 1 - share
        gradient *= share
        mean += gradient

    @cached_property
    def learns(self) -> bool:
        """Whether there is a parameter that is not frozen."""
        return bool(self.vector.learnt())

    def example_graph(self, kind: str) -> Graph:
        """Return the graph of a use over one sample of zeros, to be fed with batches.

        Parameters
        ----------
        kind : str
            ``"training"``, ``"evaluation"``, ``"prediction"`` or ``"sampling"``; the first two may end in
            ``-weighted``.
        """
        use, _, weighted = kind.partition("-")
        checks.one_of("Network.graph", use, USES)
        dtype = self.owner.input_dtype(self.dtype) if self.input_rows is None else np.intp
        x = np.zeros((1, *self.sample_shape), dtype)
        return self.graph(use, x, None, np.ones(1, self.dtype) if weighted else None, live=False)

    def graph(
        self, use: str, x: Array, y: Array | None = None, sample_weight: Array | None = None, *, live: bool = True
    ) -> Graph:
        """Return the graph of a use, its layers applied to these samples; `live` if they are a batch."""
        samples = Input("x", x)
        scope = scope_of(self.owner, self.dtype, self.generators, use, live=live, example=not live and not self.dynamic)
        with entered(scope):
            output = chain(self.layers, samples)[-1]
        if use in ("prediction", "sampling"):
            return self._own(Graph(output))
        targets = Input("y", example_targets(self.heads, self.dtype) if y is None else y)
        weight = None if sample_weight is None else Input("sample_weight", sample_weight)
        loss, parts = loss_of(self.heads, self.layers, output, targets, weight)
        if use == "training":
            return self._own(Graph(loss, updates=scope.updates))
        return self._own(Graph(loss, output, *parts))

    def sampling(self, generators: Generators) -> tuple[Plan, Graph]:
        """Return a plan that draws from these generators, and its graph of a prediction with dropout on.

        Raises
        ------
        MisuseError
            If nothing is drawn in it.
        """
        plan = replace(self, generators=generators)
        graph = plan.example_graph("sampling")
        if not generators.states():
            raise MisuseError(
                "predict samples",
                given="a network in which nothing is drawn: each sample would be the same",
                expected="one that was trained with dropout",
                fix="Put cr.Dropout(0.2) between its layers and train it, or leave samples out; a layer of your own "
                "that draws in training asks self.scope.draws",
            )
        return plan, graph

    @property
    def dynamic(self) -> bool:
        """Whether the layers are applied anew to each batch."""
        return self.engine == "dynamic"

    def _own(self, graph: Graph) -> Graph:
        """Return the graph, refused if it learns something that the network would never change."""
        own = {id(parameter) for parameter, _ in self.vector.places}
        for parameter in graph.parameters:
            if id(parameter) not in own:
                raise MisuseError(
                    "Network",
                    given=f"{parameter.where}, which no layer made",
                    expected="parameters made by layers, which lie in the network's vector, are learnt and saved",
                    fix="Make it in the layer's build(self, shape), by self.parameter(name, shape)",
                )
        return graph


def scope_of(
    owner: Layer, dtype: str, generators: Generators, use: str, *, live: bool = False, example: bool = False
) -> Scope:
    """Return the surroundings in which a network's layers are applied."""
    expect_outer(owner)
    return Scope(owner, None, dtype, generators, use, live=live, example=example, start=owner._start)


def expect_outer(owner: Layer) -> None:
    """Raise if a network is a layer of another one, whose parameters it has then."""
    if owner._owner is not None:
        raise MisuseError(
            f"Network {owner.path!r}",
            given="a network that has become a layer of another one",
            expected="the outer network",
            fix="Use the outer network, or build it from network.copy()",
        )


def rows_of_indices(output: Node, name: str = "x") -> int | None:
    """Return of how many rows a node that holds samples has indices, if all that read it want indices; None if not."""
    nodes = Graph(output).nodes
    samples = next((node for node in nodes if node.name == name and not isinstance(node, Parameter)), None)
    readers = [(node, role) for node in nodes for role, child in node.children.items() if child is samples]
    counted = [node.children[node.op.integer[role]] for node, role in readers if node.op and role in node.op.integer]
    return min(len(rows._value) for rows in counted) if counted and len(counted) == len(readers) else None
