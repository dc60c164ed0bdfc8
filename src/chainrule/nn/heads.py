"""The outputs of a network, each with what it is trained for: one without a name, or several heads that have names.

The outputs of all heads lie side by side in one matrix, and so do their targets, of classes a column for each. So all
that runs, saves and resumes a network with one output does it with several.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, SupportsIndex, TypeVar, overload

import numpy as np

from chainrule.errors import ChainruleError, InputError, TrainingWarning, UnknownNameError, nearest
from chainrule.graph.node import Node
from chainrule.nn import validation
from chainrule.nn.containers import Heads
from chainrule.nn.layer import LayerLike
from chainrule.nn.objective import Objective, objective
from chainrule.ops.arithmetic import WeightedSum
from chainrule.ops.cross_entropy import ClassLoss, one_hot
from chainrule.ops.op import Array, Op
from chainrule.ops.scaling import Scaled
from chainrule.ops.shaping import Cast, Reshape, Slice
from chainrule.settings import FixedMapping

T = TypeVar("T")
_ALL = slice(None)


@dataclass(frozen=True)
class Head:
    """An output of a network, and what it is trained for.

    Attributes
    ----------
    name : str
        Empty where the network has one output, without a name.
    objective : Objective
        Its loss.
    weight : float
        How much that counts in the loss of the network.
    classes : tuple of str, optional
        The names of its classes.
    shape : tuple of int
        Of its outputs for a sample, once the network is built.
    """

    name: str
    objective: Objective
    weight: float = 1.0
    classes: tuple[str, ...] | None = None
    shape: tuple[int, ...] = ()
    first_column: int = field(default=0, repr=False)  # of its outputs among those of all heads
    first_target: int = field(default=0, repr=False)

    @property
    def columns(self) -> slice:
        """Where its outputs lie among those of all heads."""
        return slice(self.first_column, self.first_column + math.prod(self.shape))

    @property
    def of_targets(self) -> slice:
        """Where its targets lie among those of all heads."""
        return slice(self.first_target, self.first_target + math.prod(self.target_shape))

    @property
    def prefix(self) -> str:
        """What the names of its figures begin with: ``price_``."""
        return f"{self.name}_" if self.name else ""

    @property
    def called(self) -> str:
        """What its targets are called in errors."""
        return f"y[{self.name!r}]" if self.name else "y"

    @property
    def task(self) -> str:
        """What it answers: see `Network.task`."""
        return self.objective.task(self.shape[-1], self.classes is not None)

    @property
    def target_shape(self) -> tuple[int, ...]:
        """The shape of a sample's target in the matrix of all targets: of classes a column for each."""
        if self._takes_indices:
            return self.shape[:-1]
        return self.objective.target_shape(self.shape)

    @property
    def _takes_indices(self) -> bool:
        """Whether its loss takes nothing but class indices."""
        return self.objective.takes_labels and not isinstance(self.objective.op, ClassLoss)

    def output_dtype(self, dtype: str) -> str:
        """Return the dtype of its outputs, in a network that computes in `dtype`."""
        unscale = self.objective.unscale
        return dtype if unscale is None else unscale.dtype or dtype

    def outputs(self, matrix: Array) -> Array:
        """Return its outputs, out of those of all heads: the last axis has the columns."""
        return matrix[..., self.columns].reshape(*matrix.shape[:-1], *self.shape) if self.name else matrix

    def targets(self, matrix: Array) -> Array:
        """Return its targets, out of those of all heads."""
        if not self.name:
            return matrix
        found = matrix[:, self.of_targets].reshape(len(matrix), *self.target_shape)
        return found.astype(np.intp) if self._takes_indices else found

    def doubts(self, where: str, matrix: Array, sample_weight: Array | None) -> list[TrainingWarning]:
        """Return warnings of targets that the network can hardly learn to give."""
        target = self.targets(matrix)
        if self.name and self.objective.takes_labels and np.isin(target, (0, 1)).all():
            target = target if self._takes_indices else target.argmax(axis=-1)
        place = f"{where}, {self.called}" if self.name else where
        return self.objective.doubts(place, target, sample_weight, self.shape[-1], self.called)

    def loss(self, output: Node, target: Node, sample_weight: Node | None) -> Node:
        """Return its loss, where these are its output and the targets of all heads."""
        aim = self.objective
        if self.name:
            target = Node(Slice((_ALL, self.of_targets)), {"x": target})
            if self.target_shape != target.shape[1:]:
                target = Node(Reshape((-1, *self.target_shape)), {"x": target})
            if self._takes_indices:
                target = Node(Cast("int64"), {"x": target})
            target.name = f"y.{self.name}"
        prediction = next(iter(output.children.values())) if aim.fused else output
        if aim.unscale is not None:
            scaled = Scaled(aim.unscale.scale, aim.unscale.offset, str(prediction.dtype))
            target = Node(scaled, {"target": target}, f"{target.name}.scaled")
        elif self.name and target.dtype.kind == "f" and target.dtype != prediction.dtype:  # as another head wants them
            target = Node(Scaled(1.0, 0.0, str(prediction.dtype)), {"target": target}, f"y.{self.name}")
        children = {aim.prediction_role: prediction, aim.target_role: target}
        if sample_weight is not None:
            children["sample_weight"] = sample_weight
        return Node(aim.op, children, f"{self.prefix}loss")

    def example_targets(self, dtype: str) -> Array:
        """Return targets for one sample with which its loss can be computed."""
        if self.objective.takes_labels and (not self.name or self._takes_indices):
            return np.zeros((1, *self.shape[:-1]), np.intp)
        found = np.zeros((1, *self.target_shape), dtype)
        if self.objective.unscale is not None:
            found += self.objective.unscale.example(found.shape[-1])
        if self.objective.takes_labels:
            found[..., 0] = 1
        return found


class HeadList(tuple[Head, ...]):
    """The heads of a network in their order, each also by its name.

    >>> import chainrule as cr
    >>> cr.Network([cr.Heads({"a": [cr.Dense(1)], "b": []})], inputs=2).heads["b"].shape
    (2,)
    """

    @overload
    def __getitem__(self, key: str | SupportsIndex) -> Head: ...

    @overload
    def __getitem__(self, key: slice) -> tuple[Head, ...]: ...

    def __getitem__(self, key: str | SupportsIndex | slice) -> Head | tuple[Head, ...]:
        if not isinstance(key, str):
            return super().__getitem__(key)
        names = [head.name for head in self if head.name]
        if key not in names:
            raise UnknownNameError(
                "Network.heads",
                given=f"{key!r:.80}",
                expected="the name of a head",
                fix=nearest(key, names) if names else "Use it as it is: the network has one output",
            )
        return super().__getitem__(names.index(key))


def heads_layer(layers: Sequence[LayerLike]) -> Heads | None:
    """Return the last of these layers if it is heads."""
    return layers[-1] if isinstance(layers[-1], Heads) else None


def as_heads(layers: Sequence[LayerLike], loss: Any, weights: Any, classes: Any) -> HeadList:
    """Return the heads of a network of these layers. Settings are as `by_head` returns them."""
    container = heads_layer(layers)
    if container is None:
        return HeadList([Head("", objective(layers, loss), classes=classes)])
    losses, weights, classes = loss or {}, weights or {}, classes or {}
    return HeadList(
        Head(name, _of_head(name, layers, losses.get(name)), weights.get(name, 1.0), classes.get(name))
        for name in container.heads
    )


def _of_head(name: str, layers: Sequence[LayerLike], loss: Op | None) -> Objective:
    try:
        return objective(layers_to(name, layers), loss)
    except ChainruleError as error:
        where, told = f"{error.where}, head {name!r}", dict(given=error.given, expected=error.expected)
        raise type(error)(where, **told, fix=error.fix, cause=error.cause) from error


def layers_to(name: str, layers: Sequence[LayerLike]) -> list[LayerLike]:
    """Return the layers from the first one to the end of a head."""
    container = heads_layer(layers)
    assert container is not None
    return [*layers[:-1], *container.heads[name]]


def built(heads: HeadList, layers: Sequence[LayerLike], output: Node) -> HeadList:
    """Return the heads with the shapes that they have in a network whose example has this output."""
    container = heads_layer(layers)
    if container is None:
        return HeadList([replace(heads[0], shape=output.shape[1:])])
    found: list[Head] = []
    column = target = 0
    for head, shape in zip(heads, container.shapes, strict=True):
        found.append(replace(head, shape=shape, first_column=column, first_target=target))
        column, target = found[-1].columns.stop, found[-1].of_targets.stop
    return HeadList(found)


def loss_of(
    heads: Sequence[Head], layers: Sequence[LayerLike], output: Node, targets: Node, sample_weight: Node | None
) -> tuple[Node, list[Node]]:
    """Return the loss of a network with this output, and the losses of heads of which it is the weighted sum."""
    container = heads_layer(layers)
    if container is None:
        return heads[0].loss(output, targets, sample_weight), []
    parts = [
        head.loss(part, targets, sample_weight) for head, part in zip(heads, container.outputs(output), strict=True)
    ]
    total = WeightedSum([head.weight for head in heads])
    return Node(total, {f"parts{i}": part for i, part in enumerate(parts)}, "loss"), parts


def example_targets(heads: Sequence[Head], dtype: str) -> Array:
    """Return targets for one sample."""
    dtype = target_dtype(heads, dtype)
    if not heads[0].name:
        return heads[0].example_targets(dtype)
    return np.concatenate([head.example_targets(dtype).reshape(1, -1) for head in heads], axis=1, dtype=dtype)


def target_dtype(heads: Sequence[Head], dtype: str) -> str:
    """Return the dtype of targets that are numbers, in a network that computes in `dtype`.

    Those that are scaled come in float64, in which a time since 1970 is exact.
    """
    return dtype if all(head.objective.unscale is None for head in heads) else "float64"


def packed_targets(where: str, y: Any, count: int, heads: Sequence[Head], dtype: str) -> Array:
    """Return the targets of so many samples as the loss wants them, those of several heads side by side.

    Raises
    ------
    InputError, ShapeError, UnknownNameError
        If they are none for these heads.
    """
    dtype = target_dtype(heads, dtype)
    if not heads[0].name:
        return validation.targets(where, y, count, heads[0].shape, heads[0].objective, dtype, "y", heads[0].classes)
    names = [head.name for head in heads]
    if not isinstance(y, Mapping):
        in_order = isinstance(y, (list, tuple)) and len(y) == len(names) != count
        values = [f"y[{i}]" if in_order else "…" for i in range(len(names))]
        written = "{" + ", ".join(f"{name!r}: {value}" for name, value in zip(names, values, strict=True)) + "}"
        shape = f" with shape {np.shape(y)}" if isinstance(y, np.ndarray) else ""
        raise InputError(
            where,
            given=f"y of type {type(y).__name__}{shape}",
            expected=f"targets for each head: {', '.join(map(repr, names))}",
            fix=f"Pass {written} as y",
            cause="target.shape",
        )
    expect_names(where, y, names, "y", "target.shape")
    matrix = np.empty((count, heads[-1].of_targets.stop), dtype)
    for head in heads:
        aim = head.objective
        told = head.shape, aim, dtype, head.called, head.classes
        target = validation.targets(where, y[head.name], count, *told)
        validation.finite(where, head.called, target)
        aim.check_targets(f"{where}, {head.called}", target, head.shape, dtype)
        if aim.takes_labels and target.ndim == len(head.shape) and not head._takes_indices:
            target = one_hot(target, np.empty((0, *head.shape), dtype))
        matrix[:, head.of_targets] = target.reshape(count, -1)
    return matrix


def expect_names(where: str, given: Mapping[Any, Any], names: Sequence[str], what: str, cause: str | None) -> None:
    """Raise unless these are the names of a mapping; without a `cause` some may be left out."""
    for name in given:
        if name not in names:
            raise UnknownNameError(
                where,
                given=f"{what} with the name {name!r:.80}",
                expected=", ".join(map(repr, names)),
                fix=nearest(name if isinstance(name, str) else "", names),
            )
    missing = [name for name in names if name not in given]
    if missing and cause is not None:
        raise InputError(
            where,
            given=f"{what} without {' and without '.join(map(repr, missing))}",
            expected=f"an array for each of {', '.join(map(repr, names))}",
            fix="Pass {" + ", ".join(f"{name!r}: …" for name in names) + "}",
            cause=cause,
        )


def by_head(
    where: str,
    layers: Sequence[LayerLike],
    given: Any,
    one: Callable[[str, Any], T],
    like: Callable[[str], str],
    *,
    listed: bool = True,
) -> Any:
    """Return a setting, checked by `one`; of a network with heads a mapping that has it for each head, or for some.

    Parameters
    ----------
    where : str
    layers : sequence of layers
        Of the network.
    given
        None stays None.
    one : function of (str, value)
        Returns what is kept for the head of this name, "" where there is one output.
    like : function of str
        How it is written for a head.
    listed : bool, default True
        Whether a list can only be meant to have a value for each head.
    """
    container = heads_layer(layers)
    if given is None:
        return None
    if container is None:
        if isinstance(given, Mapping):
            raise InputError(
                where,
                given=f"{given!r:.80}",
                expected="one value: the network has one output",
                fix="Let its last layer name the outputs, cr.Heads({"
                + ", ".join(f'"{name!s:.20}": […]' for name in list(given)[:8])
                + "}), or pass one value",
            )
        return one("", given)
    names = list(container.heads)
    if not isinstance(given, Mapping):
        values = [like(name) for name in names]
        if listed and isinstance(given, (list, tuple)) and len(given) == len(names):
            values = [f"{'cr.' * isinstance(value, Op)}{value!r:.60}" for value in given]
        raise InputError(
            where,
            given=f"{given!r:.80}, for the heads {', '.join(map(repr, names))}",
            expected="a value for each head, by its name",
            fix=f"Pass {{{', '.join(f'{name!r}: {value}' for name, value in zip(names, values, strict=True))}}}",
        )
    expect_names(where, given, names, where.rpartition(" ")[2], None)
    return FixedMapping({name: one(name, given[name]) for name in names if name in given})
