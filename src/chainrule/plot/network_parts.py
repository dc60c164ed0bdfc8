"""What a drawing of a network shows: its columns of neurons, and what leads from one to the next.

It is read off the graph of a prediction, op by op, so that what is drawn is what is computed: weighted sums are edges,
activations stand below their neurons, skip connections and branches are what they are. What can't be shown as neurons,
such as a layer of the user's own or samples with a time axis, becomes a box with its name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import InputError, NonFiniteError
from chainrule.graph import Graph, Input, Node, Parameter
from chainrule.nn import Branches, Dense, Dropout, Heads, Layer, Network, PReLU, Rescale, Residual
from chainrule.nn.dropout import Mask
from chainrule.nn.engines import quiet
from chainrule.nn.layer import chain, entered
from chainrule.nn.plan import scope_of
from chainrule.ops import activations, arithmetic, custom
from chainrule.ops.linear import Linear, Matmul
from chainrule.ops.op import Array, Samples
from chainrule.ops.scaling import Unscale
from chainrule.ops.shaping import Cast, Concatenate, Flatten, Reshape, Slice
from chainrule.ops.softmax import LogSoftmax, Softmax
from chainrule.plot.batch_gradient import fill_gradient

_SEEN_THROUGH = (Dense, PReLU, Dropout, Rescale, Residual, Branches, Heads, Network)
_SAME_NUMBERS = (Reshape, Flatten, Cast, activations.Identity)
_ONE_BY_ONE = (
    arithmetic.Elementwise, arithmetic.Clip, arithmetic.Negative, arithmetic.Exp, arithmetic.Log, arithmetic.Sqrt,
    arithmetic.Sin, arithmetic.Cos, arithmetic.Absolute, custom.Activation, Unscale,
)  # fmt: skip
_WEIGHTS: dict[type, str] = {Linear: "weights", Matmul: "b"}  # the role in a weighted sum
_SIGNS = {arithmetic.Add: "+", arithmetic.Subtract: "−", arithmetic.Multiply: "×", arithmetic.Divide: "÷"}


@dataclass
class NeuronColumn:
    """A column of neurons, or a box in place of one.

    Attributes
    ----------
    name : str
        Of the layer whose sums the neurons are; of an input its own.
    steps : list of str
        What the sums go through in the neurons: activations, dropout.
    shape : tuple of int
        Of what one sample has here.
    box : str
        What it is, where it can't be shown as neurons.
    sign : str
        What the neurons do, where they hold no weighted sum.
    bias : ndarray or None
        A number for each neuron, of the bias or of its derivative.
    values : ndarray or None
        What comes out of each neuron for the sample.
    labels : tuple of str
        What the neurons of inputs and outputs are called.
    input, output : bool
        Whether it is an input or an output of the network.
    heading : str
        The name of its head.
    """

    name: str
    shape: tuple[int, ...]
    steps: list[str] = field(default_factory=list)
    box: str = ""
    sign: str = ""
    bias: Array | None = None
    values: Array | None = None
    labels: tuple[str, ...] = ()
    input: bool = False
    output: bool = False
    heading: str = ""

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass
class ColumnLink:
    """What leads from one column to another.

    Attributes
    ----------
    start, end : int
        The places of the columns.
    weights : ndarray, (neurons of start, neurons of end), or None
        The numbers of the edges, weights or derivatives; None where neurons are handed on one by one, or where one
        end is a box.
    layer : str
        Whose weights they are; empty where there are none.
    first : int
        To which neuron of `end` the first of `start` is handed on.
    """

    start: int
    end: int
    weights: Array | None = None
    layer: str = ""
    first: int = 0


@dataclass
class NetworkParts:
    """The columns of a network, each after all that feed it, and what leads from one to the next.

    Attributes
    ----------
    show : {"weights", "gradients"}
    sampled : bool
        Whether neurons have values.
    cost : str
        Of what the derivatives are: of the loss ``C``, and of the penalties ``R`` where there are some.
    """

    columns: list[NeuronColumn]
    links: list[ColumnLink]
    show: str
    sampled: bool
    cost: str


def network_parts(where: str, network: Network, x: Samples | None, y: Samples | None, show: str) -> NetworkParts:
    """Return the parts of a network, which is not changed.

    Parameters
    ----------
    x : array_like, optional
        One sample, whose values the neurons hold; for ``show="gradients"`` several will do.
    y : array_like, optional
        Their targets, for ``show="gradients"``.
    show : {"weights", "gradients"}

    Raises
    ------
    InputError
        If what is shown needs samples or targets that are not given, or has no use for those that are.
    NonFiniteError
        If something that is drawn is NaN or infinite.
    """
    network = network.copy()
    batch, target = None, None
    if x is not None and y is not None:
        batch, target, _ = network.as_batch(where, x, y)
    elif x is not None:
        batch = network.as_samples(where, x)
    _expect_data(where, batch, x, y, show)
    if batch is not None:
        network.check_finite(where, batch, "x")
    if show == "weights":
        vector = network.plan.vector  # the plan says how to build a network that is not built
        numbers = {parameter.name: parameter.array for parameter, _ in vector.places}
    else:
        assert batch is not None
        assert target is not None
        numbers = _slopes(where, network, batch, target)
    return parts_of(where, network, None if batch is None or len(batch) > 1 else batch, numbers, show)


def parts_of(where: str, network: Network, sample: Array | None, numbers: dict[str, Array], show: str) -> NetworkParts:
    """Return the parts of a network, whose edges show these numbers of its parameters.

    Parameters
    ----------
    network : Network
        A built one of one's own.
    sample : ndarray, (1, …), or None
        From `as_samples`: what the values in the neurons come from.
    numbers : dict of str to ndarray
        A number for each number of the parameters, by the parameters' names; those left out are frozen.

    Raises
    ------
    NonFiniteError
        If one is NaN or infinite.
    """
    bad = next((name for name, array in numbers.items() if not np.isfinite(array).all()), None)
    if bad is not None:
        raise NonFiniteError(
            where,
            given=f"{bad!r} with {'weights' if show == 'weights' else 'derivatives'} that are NaN or infinite",
            expected="finite numbers",
            fix="Train anew with a smaller learning rate"
            if show == "weights"
            else "Look where the first one arises, node by node: cr.explain(network, x, y)",
        )
    sampled = sample is not None
    if sample is None:
        indices = network.plan.input_rows is not None
        dtype = np.dtype(np.intp if indices else network.input_dtype(network.dtype))
        sample = np.zeros((1, *(network.sample_shape or ())), dtype)
    return _PartsReader(network, sample, numbers, show, sampled).parts


def _expect_data(where: str, batch: Array | None, x: Any, y: Any, show: str) -> None:
    if show == "gradients" and (batch is None or y is None):
        missing = " and ".join(name for name, given in (("x", x), ("y", y)) if given is None)
        raise InputError(
            where,
            given=f"show='gradients' without {missing}",
            expected="samples and their targets: derivatives are those of the loss on them",
            fix="Pass x=X[:1], y=y[:1]",
        )
    if show == "weights" and y is not None:
        raise InputError(
            where,
            given="targets, with show='weights'",
            expected="no targets: weights are the same for all of them",
            fix="Leave y out, or pass show='gradients'",
        )
    if show == "weights" and batch is not None and len(batch) != 1:
        raise InputError(
            where,
            given=f"{len(batch):,} samples",
            expected="one, whose values are written into the neurons",
            fix="Pass x=X[:1]",
        )


def _slopes(where: str, network: Network, batch: Array, target: Array) -> dict[str, Array]:
    """Return the derivatives of the loss, penalties included, by all that is learnt; nothing is dropped out."""
    fill_gradient(where, network, batch, target)
    gradient = network.vector.gradient
    return {p.name: gradient[at].reshape(p.shape) for p, at in network.vector.places if p.learnt}


class _PartsReader:
    """Walks over the graph of a prediction once, from the inputs on."""

    def __init__(self, network: Network, sample: Array, numbers: dict[str, Array], show: str, sampled: bool) -> None:
        self.network, self.numbers, self.sampled = network, numbers, sampled
        self.parts = NetworkParts([], [], show, sampled, "(C + R)" if network.vector.penalties else "C")
        scope = scope_of(network, network.dtype, network.generators, "sampling")  # with dropout, whose masks are 1
        self.x = Input("x", sample)
        with entered(scope), quiet():
            output = chain(network.layers, self.x)[-1]
        heads = next((layer for layer, _, _ in reversed(scope.calls) if isinstance(layer, Heads)), None)
        self.outputs = [output] if heads is None else heads.outputs(output)
        self.graph = Graph(*self.outputs)
        self.boxed: dict[int, tuple[Layer, Node, Node]] = {}
        self.rescaling: dict[int, tuple[str, Node]] = {}
        for layer, given, result in reversed(scope.calls):  # what is around comes after what is inside
            self._note(layer, given, result)
        self.readers: dict[int, set[int]] = {}
        for node in self.graph.nodes:
            for child in node.children.values():
                around = self.boxed.get(id(node))
                self.readers.setdefault(id(child), set()).add(id(node if around is None else around[2]))
        self.at: dict[int, int] = {}  # in which column a node is
        self.last: dict[int, Node] = {}  # the last node of each column
        for node in self.graph.nodes:
            self._read(node)
        self._finish()

    def _note(self, layer: Layer, given: Node, result: Node) -> None:
        """Note which nodes are those of a layer that is one box, or of one that rescales."""
        inside = list(_between(given, result))
        if any(type(layer).forward is known.forward for known in _SEEN_THROUGH):
            if isinstance(layer, Rescale):
                self.rescaling.update({id(node): (layer.path, result) for node in inside})
        elif len(inside) > 1 or any(_learns_else(node) for node in inside):
            for node in inside:
                self.boxed.setdefault(id(node), (layer, given, result))

    def _read(self, node: Node) -> None:
        if node is self.x and self.network.named_inputs is None:
            self._add(node, NeuronColumn("x", node.shape[1:], input=True))
        if node.op is None:
            return
        if id(node) in self.boxed:
            layer, given, result = self.boxed[id(node)]
            if node is result:
                self._box(layer.path, node, [given], type(layer).__name__)
            return
        sources = list({id(c): c for c in node.children.values() if c is self.x or c.op is not None}.values())
        matrix = _matrix(node)
        if self._is_named_input(node, sources):
            self._add(node, NeuronColumn("x", node.shape[1:], input=True))
        elif matrix is not None and len(sources) == 1:
            self._weighted(node, sources[0], matrix)
        elif len(sources) == 1 and self._one_by_one(node, sources[0]):
            self._handed_on(node, sources[0])
        elif len(sources) > 1 and isinstance(node.op, arithmetic.Elementwise) and _alike(node, sources):
            column = self._add(node, NeuronColumn(node.name, node.shape[1:], sign=_SIGNS.get(type(node.op), "·")))
            self._link(sources, column)
        elif isinstance(node.op, Concatenate) and len(node.shape) == 2:
            column = self._add(node, NeuronColumn(node.name, node.shape[1:]))
            first = 0
            for part in node.children.values():  # one may come twice
                self._link([part], column, first)
                first += part.shape[1]
        else:
            self._box(node.name, node, sources, type(node.op).__name__)

    def _is_named_input(self, node: Node, sources: list[Node]) -> bool:
        return self.network.named_inputs is not None and sources == [self.x] and isinstance(node.op, Slice)

    def _weighted(self, node: Node, source: Node, matrix: Parameter) -> None:
        column = self._add(node, NeuronColumn(node.name, node.shape[1:]))
        bias = node.children.get("bias")
        if isinstance(bias, Parameter):
            self.parts.columns[column].bias = self.numbers.get(bias.name)
        numbers = self.numbers.get(matrix.name, np.full(matrix.shape, np.nan))  # frozen: nobody asked for it
        self.parts.links.append(ColumnLink(self.at[id(source)], column, numbers, matrix.name.rsplit(".", 1)[0]))

    def _one_by_one(self, node: Node, source: Node) -> bool:
        """Return whether each number of a node comes from the one in the same place, or is shown so by custom."""
        if math.prod(node.shape) != math.prod(source.shape) or node.shape[0] != 1 or source.shape[0] != 1:
            return False
        if isinstance(node.op, (Softmax, LogSoftmax)):
            return len(node.shape) == 2 and node.op.axis in (-1, 1)
        op = type(node.op)
        return isinstance(node.op, (*_SAME_NUMBERS, *_ONE_BY_ONE)) or vars(activations).get(op.__name__) is op

    def _handed_on(self, node: Node, source: Node) -> None:
        """Take what is done number by number into the column that it is done to, if that is where alone it goes."""
        same = isinstance(node.op, _SAME_NUMBERS) or _mask(node) is not None
        at = self.at[id(source)]
        column = self.parts.columns[at]
        alone = self.last[at] is source and len(self.readers[id(source)]) == 1
        fits = same if column.input else len(source.shape) == 2 and not column.box
        if alone and fits:
            self.at[id(node)], self.last[at] = at, node
            column.shape = node.shape[1:]
        else:
            name = self.rescaling.get(id(node), (node.name, node))[0]
            at = self._add(node, NeuronColumn(name, node.shape[1:]))
            self._link([source], at)
            column = self.parts.columns[at]
        step = self._step(node)
        if step and step != column.name:
            column.steps.append(step)
        if column.input and node.name.startswith("x."):
            column.name = node.name[2:]

    def _step(self, node: Node) -> str:
        """Return what is written of a node in the column that it is taken into."""
        mask = _mask(node)
        if mask is not None:
            return f"dropout {mask.rate:g}"
        name, result = self.rescaling.get(id(node), ("", node))
        if name:
            return name if node is result else ""
        return "" if isinstance(node.op, _SAME_NUMBERS) or node.op is None else node.op.name

    def _box(self, name: str, node: Node, sources: list[Node], kind: str) -> None:
        column = self._add(node, NeuronColumn(name, node.shape[1:], box=kind))
        self._link(sources, column)

    def _add(self, node: Node, column: NeuronColumn) -> int:
        place = len(self.parts.columns)
        self.parts.columns.append(column)
        self.at[id(node)], self.last[place] = place, node
        if column.input and node.name.startswith("x."):
            column.name = node.name[2:]
        return place

    def _link(self, sources: Iterable[Node], column: int, first: int = 0) -> None:
        for source in sources:
            self.parts.links.append(ColumnLink(self.at[id(source)], column, first=first))

    def _finish(self) -> None:
        """Give the columns their values and names; those whose samples are no rows become boxes."""
        network = self.network
        for place, column in enumerate(self.parts.columns):
            node = self.last[place]
            if len(node.shape) != 2 and not column.box:
                column.box = "Rescale" if id(node) in self.rescaling else type(node.op or node).__name__
            elif self.sampled and not column.box:
                column.values = node._value[0]
        inputs = [column for column in self.parts.columns if column.input]
        names = network.feature_names
        for column in inputs:
            told = names if len(inputs) == 1 and names is not None and len(names) == column.size else None
            column.labels = tuple(told) if told else tuple(f"{column.name}[{i}]" for i in range(column.size))
        for head, node in zip(network.heads, self.outputs, strict=True):
            column = self.parts.columns[self.at[id(node)]]
            column.output, column.heading = True, head.name
            column.labels = _answers(head.classes, column.size, head.name)


def _answers(classes: Sequence[str] | None, size: int, name: str) -> tuple[str, ...]:
    """Return what outputs are called."""
    if classes is not None and len(classes) == size:
        return tuple(map(str, classes))
    if classes is not None and len(classes) == 2 and size == 1:
        return (str(classes[1]),)
    return ("ŷ",) if size == 1 else tuple(f"ŷ[{i}]" for i in range(size))


def _between(given: Node, result: Node) -> Iterable[Node]:
    """Return the computed nodes of a layer: from its result down to what it was given."""
    stack, met = [result], {id(given)}
    while stack:
        node = stack.pop()
        if id(node) not in met and node.op is not None:
            met.add(id(node))
            stack += node.children.values()
            yield node


def _matrix(node: Node) -> Parameter | None:
    """Return the weights of a weighted sum over rows, if the node is one."""
    role = _WEIGHTS.get(type(node.op))
    matrix = None if role is None else node.children.get(role)
    return matrix if isinstance(matrix, Parameter) and len(matrix.shape) == 2 else None


def _learns_else(node: Node) -> bool:
    """Return whether a node has parameters that are no weights of a weighted sum: a gain, a table of rows."""
    return _matrix(node) is None and any(isinstance(child, Parameter) for child in node.children.values())


def _mask(node: Node) -> Mask | None:
    return next((child for child in node.children.values() if isinstance(child, Mask)), None)


def _alike(node: Node, sources: list[Node]) -> bool:
    return len(node.shape) == 2 and all(source.shape == node.shape for source in sources)
