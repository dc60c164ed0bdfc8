"""Layers made of layers: skip connections, branches and heads that still save, copy and export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from chainrule.errors import InputError, ShapeError
from chainrule.graph.node import Node
from chainrule.nn.dense import checked_name
from chainrule.nn.layer import Layer, LayerLike, chain, checked_layers, ending, input_dtype, leading, range_of
from chainrule.nn.named_inputs import NamedInputs, as_named_inputs
from chainrule.ops.arithmetic import Add
from chainrule.ops.op import Range
from chainrule.ops.shaping import Cast, Concatenate, Flatten, Reshape, Slice
from chainrule.settings import Configured, Fixed, FixedMapping

Branch: TypeAlias = "LayerLike | Sequence[Configured | str]"
_NO_HEADS = ("type", "validation")  # a key of files, and what begins the names of figures on validation data


class Residual(Layer):
    """y = x + layers(x): a skip connection.

    K. He et al., *Deep residual learning for image recognition*, 2016, equation 1.

    Parameters
    ----------
    layers : sequence of layers
        Their output has as many features as their input.
    name : str, optional
    """

    def __init__(self, layers: Sequence[LayerLike], *, name: str | None = None) -> None:
        self.layers = checked_layers("Residual", layers)
        self.name = checked_name("Residual", name)

    @property
    def leading(self) -> str | None:
        return leading(self.layers)

    def range_of(self, given: Range | None) -> Range | None:
        inside = range_of(self.layers, given)
        return None if given is None or inside is None else (given[0] + inside[0], given[1] + inside[1])

    def forward(self, x: Node) -> Node:
        inside = chain(self.layers, x)[-1]
        if inside.shape != x.shape:
            raise ShapeError(
                f"Residual {self.path!r}",
                given=f"{inside.shape[1:]} from its layers for samples of shape {x.shape[1:]}",
                expected="the same shape, so that the two can be added",
                fix="Let its last layer have as many outputs as its first has inputs",
            )
        return Node(Add(), {"a": x, "b": inside}, self.path)


class Branches(Layer):
    """The outputs of several branches side by side: joined along the last axis.

    Each branch is fed with the same input; or, where the branches have names, with an input of its own. Such a layer
    stands first in a network, which takes a mapping then: ``cr.train(network, {"picture": P, "table": T}, y)``, and
    so do all that take samples. Inside, the inputs are one matrix in the dtype of the network, with the columns of
    each input in the order of the branches; a matrix like that is taken too.

    Parameters
    ----------
    branches : sequence of layers, or of sequences of layers; or mapping of name to them
        An empty branch, ``[]``, passes the input on as it is.
    shapes : mapping of name to int or tuple of int, optional
        The number of features, or the shape of a sample, of each named input. Left out: those of the first data.
    name : str, optional

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Branches({"picture": [cr.Flatten(), cr.Dense(4)], "table": []}), cr.Dense(1)])
    >>> cr.predict(network, {"picture": np.zeros((5, 8, 8)), "table": np.zeros((5, 3))}).shape
    (5, 1)
    >>> network.layers[0].shapes
    (('picture', (8, 8)), ('table', (3,)))
    """

    def __init__(
        self,
        branches: Branch | Sequence[Branch] | Mapping[str, Branch],
        *,
        shapes: Mapping[str, int | Sequence[int]] | Sequence[tuple[str, Sequence[int] | None]] | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(branches, (list, tuple, Mapping)) or not branches:
            raise InputError(
                "Branches",
                given=repr(branches)[:80],
                expected="a list of branches",
                fix="Pass for example [[], [cr.Dense(8), cr.Tanh()]]",
            )
        names = list(branches) if isinstance(branches, Mapping) else None
        listed = branches.values() if isinstance(branches, Mapping) else branches
        self.branches = Fixed(checked_layers("Branches", branch) for branch in listed)
        inputs = None if names is None and shapes is None else as_named_inputs("Branches shapes", shapes, names)
        if inputs is not None and len(inputs.shapes) != len(self.branches):
            raise InputError(
                "Branches shapes",
                given=f"{len(inputs.shapes)} shapes for {len(self.branches)} branches",
                expected="one for each",
                fix='Name the branches, cr.Branches({"picture": […], "table": […]})',
            )
        self.shapes = None if inputs is None else inputs.shapes
        self.name = checked_name("Branches", name)

    @property
    def named_inputs(self) -> NamedInputs | None:
        return None if self.shapes is None else NamedInputs(self.shapes)

    @property
    def sample_shape(self) -> tuple[int] | None:
        """The shape of a sample of all named inputs side by side, if it is known."""
        columns = None if self.shapes is None else NamedInputs(self.shapes).columns
        return None if columns is None else (columns,)

    def learn_shapes(self, inputs: NamedInputs) -> None:
        """Take up the shapes that the first data, or a saved training, have; they are settings from then on."""
        self.__dict__["shapes"] = inputs.shapes

    def input_shapes(self, shape: tuple[int, ...] | None) -> list[tuple[int, ...] | None]:
        """Return the shape of what each branch is fed with, where that of what comes in is `shape`."""
        return [shape] * len(self.branches) if self.shapes is None else [shape for _, shape in self.shapes]

    def input_dtype(self, dtype: str) -> str:
        exact = self.shapes is not None and any(input_dtype(branch, dtype) == "float64" for branch in self.branches)
        return "float64" if exact else dtype

    @property
    def leading(self) -> str | None:
        return next((name for name in map(leading, self.branches) if name), None)

    @property
    def ending(self) -> LayerLike:
        first, *others = (ending(branch) for branch in self.branches)
        return self if first is None or any(type(other) is not type(first) for other in others) else first

    def range_of(self, given: Range | None) -> Range | None:
        ranges = [range_of(branch, given) for branch in self.branches]
        known = [found for found in ranges if found is not None]
        return None if len(known) < len(ranges) else (min(low for low, _ in known), max(high for _, high in known))

    def build(self, shape: tuple[int, ...]) -> None:
        if self.shapes is not None and shape != self.sample_shape:
            names = ", ".join(f"{name!r}: …" for name, _ in self.shapes)
            known = self.sample_shape
            raise ShapeError(
                f"Branches {self.path!r}",
                given=f"samples of shape {shape} for inputs with names",
                expected="their shapes beforehand" if known is None else f"{known}, their columns side by side",
                fix=f"Let it be the first layer and pass a mapping, {{{names}}}, or name the shapes: "
                f"cr.Branches(…, shapes={{{names}}}); outputs that have names are cr.Heads, the last layer",
            )

    def forward(self, x: Node) -> Node:
        fed = [x] * len(self.branches) if self.shapes is None else self._inputs(x)
        parts = [chain(branch, part)[-1] for branch, part in zip(self.branches, fed, strict=True)]
        if any(part.shape[:-1] != parts[0].shape[:-1] for part in parts):
            raise ShapeError(
                f"Branches {self.path!r}",
                given=", ".join(str(part.shape[1:]) for part in parts) + " from its branches for a sample",
                expected="equal shapes apart from the last axis, along which they are joined",
                fix="Put cr.Flatten() into each branch whose samples have several axes",
            )
        axis = 1 if len(parts[0].shape) == 2 else -1  # the features
        return Node(Concatenate(axis), {f"parts{i}": part for i, part in enumerate(parts)}, self.path)

    def _inputs(self, x: Node) -> list[Node]:
        """Return the input of each branch, taken out of the matrix of all."""
        dtype, found = str(np.dtype(self.scope.dtype)), []
        for branch, (name, columns, shape) in zip(self.branches, NamedInputs(self.shapes or ()).places(), strict=True):
            part = Node(Slice((slice(None), columns)), {"x": x})
            if len(shape) > 1:
                part = Node(Reshape((-1, *shape)), {"x": part})
            if x.dtype != np.dtype(dtype) == input_dtype(branch, dtype):  # another branch wants it in float64
                part = Node(Cast(dtype), {"x": part})
            part.name = f"x.{name}"
            found.append(part)
        return found


class Heads(Layer):
    """Several outputs, each with a name and a loss of its own: the last layer of a network.

    All heads are fed with what comes in, which they share. Such a network takes a mapping of targets, and gives a
    mapping of outputs: ``cr.train(network, X, {"price": prices, "kind": kinds})``. Its loss is the weighted sum of the
    losses of the heads, so in the layers before them the gradients of all heads add up. Inside, the outputs are one
    matrix, with the columns of each head in their order.

    Parameters
    ----------
    heads : mapping of name to sequence of layers
        An empty head, ``[]``, gives what comes in as it is.
    name : str, optional

    Examples
    --------
    >>> import chainrule as cr
    >>> heads = cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(3), cr.Softmax()]})
    >>> network = cr.Network([cr.Dense(8, "relu"), heads], inputs=4)
    >>> {name: outputs.shape for name, outputs in cr.predict(network, np.zeros((5, 4))).items()}
    {'price': (5, 1), 'kind': (5, 3)}
    >>> [head.task for head in network.heads]
    ['regression', 'multiclass']
    """

    mappings = ("heads",)
    _shapes: list[tuple[int, ...]]

    def __init__(self, heads: Mapping[str, Branch], *, name: str | None = None) -> None:
        like = 'cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(3), cr.Softmax()]})'
        if not isinstance(heads, Mapping) or not heads:
            raise InputError(
                "Heads", given=repr(heads)[:80], expected="the layers of each head by its name", fix=f"Pass {like}"
            )
        for told in heads:
            good = isinstance(told, str) and told and told not in _NO_HEADS and not told.startswith("validation_")
            if not good or checked_name("Heads", told, f"Choose another name, as in {like}") is None:
                raise InputError(
                    "Heads",
                    given=f"the name {told!r:.80}",
                    expected="one that figures can begin with, as price_loss does",
                    fix=f"Choose another name, as in {like}",
                )
        self.heads = FixedMapping({told: checked_layers(f"Heads {told!r}", head) for told, head in heads.items()})
        self.name = checked_name("Heads", name)

    @property
    def branches(self) -> list[list[LayerLike]]:
        """The layers of each head, in order."""
        return list(self.heads.values())

    @property
    def leading(self) -> str | None:
        return next((name for name in map(leading, self.branches) if name), None)

    def forward(self, x: Node) -> Node:
        outputs = [chain(head, x)[-1] for head in self.branches]
        self._shapes = [output.shape[1:] for output in outputs]
        for name, output in zip(self.heads, outputs, strict=True):
            if len(output.shape) < 2:
                raise ShapeError(
                    f"Heads {name!r}",
                    given=f"outputs of shape {output.shape[1:]} for a sample",
                    expected="a row of outputs for each sample",
                    fix="End the head with a layer that has an axis of outputs, such as cr.Dense(1)",
                )
        rows = [output if len(output.shape) == 2 else Node(Flatten(), {"x": output}) for output in outputs]
        widest = np.result_type(*(row.dtype for row in rows))  # of exact prices beside probabilities
        rows = [row if row.dtype == widest else Node(Cast(widest.name), {"x": row}) for row in rows]
        return Node(Concatenate(), {f"parts{i}": row for i, row in enumerate(rows)}, self.path)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of a sample's outputs of each head, once they have been applied."""
        return self._shapes

    def outputs(self, side_by_side: Node) -> list[Node]:
        """Return the output of each head, where `side_by_side` is what the layer gives."""
        rows = [row.children["x"] if isinstance(row.op, Cast) else row for row in side_by_side.children.values()]
        return [row if len(shape) == 1 else row.children["x"] for row, shape in zip(rows, self.shapes, strict=True)]
