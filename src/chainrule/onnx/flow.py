"""How values flow through an ONNX graph: what depends on the samples, and through which values all of it must pass.

A value that every way from the input to another one passes is said to dominate that one. Where branches meet, the
nearest such value is where they parted: from there on they are a `Residual`, a `Branches`, or one formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.data.opening import shown
from chainrule.onnx.model_file import OnnxModel, Step, StoredTensor, refusal
from chainrule.ops import Array

ROWS = -(1 << 40)  # in shapes: as many as there are samples
_MOST_STEPS_UP = 1_000_000
_MOST_COMPUTED = 64  # steps of a computation on constants
_MOST_WHOLE = 64  # numbers that it works on


class Flow:
    """The part of a graph that leads from its input to one output.

    Attributes
    ----------
    start, end : str
        The input and the output.
    makers : dict of str to Step
        ValueInfo -> the node that makes it, for values that depend on the samples.
    readers : dict of str to int
        ValueInfo -> how many times it is read.
    above : dict of str to str
        ValueInfo -> the nearest one that dominates it.
    shape_of : function or None
        Says how a sample of a value is shaped, where the file computes with shapes.
    """

    def __init__(self, model: OnnxModel, end: str) -> None:
        self.model, self.start, self.end = model, model.input.name, end
        self.makers: dict[str, Step] = {}
        self.readers: dict[str, int] = {end: 1}
        self.above: dict[str, str] = {}
        self.shape_of: Callable[[str, Step], tuple[int, ...]] | None = None
        self._left_to_compute = 0
        self._folded: dict[str, Step] = {}  # what is made of constants alone
        self._depth = {self.start: 0}
        self._left = _MOST_STEPS_UP
        needed = self._needed()
        for step in model.steps:
            if not needed.intersection(step.outputs):
                continue
            inputs = [] if step.op == "Shape" else [name for name in step.inputs if name in self._depth]
            for name in inputs:
                self.readers[name] = self.readers.get(name, 0) + 1
            if not inputs:
                self._folded.update(dict.fromkeys(step.outputs, step))
                continue
            nearest = inputs[0]
            for name in inputs[1:]:
                nearest = self._nearest(nearest, name)
            for name in filter(None, step.outputs):
                self.makers[name], self.above[name] = step, nearest
                self._depth[name] = self._depth[nearest] + 1
        if end not in self._depth:
            raise refusal(model.where, f"the output {shown(end)}, which does not depend on the input", "one that does")

    def _needed(self) -> set[str]:
        """Return the values that the output depends on."""
        needed = {self.end}
        for step in reversed(self.model.steps):
            if needed.intersection(step.outputs):
                needed.update(step.inputs)
        return needed - {""}

    def _nearest(self, a: str, b: str) -> str:
        """Return the nearest value that dominates both."""
        while a != b:
            if self._depth[a] < self._depth[b]:
                a, b = b, a
            a = self.above[a]
            self._left -= 1
            if self._left < 0:
                raise refusal(self.model.where, "branches that part and meet too often", "a network of layers")
        return a

    def varies(self, name: str) -> bool:
        """Return whether a value depends on the samples."""
        return name in self._depth

    def inputs(self, step: Step) -> list[str]:
        """Return the inputs of a node that depend on the samples."""
        return [name for name in step.inputs if name in self._depth]

    def array(self, step: Step, index: int) -> Array | None:
        """Return an input of a node that is constant; None if it is left out.

        Constants may be made of others by a few operators that cost no memory to speak of, and of shapes.
        """
        name = step.inputs[index] if index < len(step.inputs) else ""
        return self.value(name, step) if name else None

    def value(self, name: str, step: Step) -> Array:
        """Return a constant value that `step` reads."""
        self._left_to_compute = _MOST_COMPUTED
        return self._computed(name, step)

    def _computed(self, name: str, step: Step) -> Array:
        if name in self.model.constants:
            return self.model.constants[name].array()
        if name not in self._folded:
            raise refusal(step.where, f"{shown(name)}, which depends on the samples", "a constant in its place")
        maker = self._folded[name]
        self._left_to_compute -= 1
        if maker.op == "Constant":
            return literal(maker)
        if maker.op == "Shape":
            return self._shape(maker)
        if self._left_to_compute < 0 or maker.op not in (*_TURNS, *_WHOLE) or not maker.inputs:
            raise refusal(
                maker.where, f"{shown(maker.op)[1:-1]}, a computation on constants", "the constants themselves"
            )
        given = [self._computed(part, maker) for part in maker.inputs]
        if maker.op in _TURNS:
            return _turned(maker, given[0])
        if any(array.dtype.kind not in "iu" or array.size > _MOST_WHOLE for array in given):
            raise refusal(
                maker.where, f"{shown(maker.op)[1:-1]}, a computation on constants", "the constants themselves"
            )
        try:
            return _WHOLE[maker.op](maker.attributes, *(array.astype(np.int64) for array in given))
        except (ArithmeticError, IndexError, KeyError, TypeError, ValueError):
            raise refusal(
                maker.where, f"{shown(maker.op)[1:-1]} of {shown([array.tolist() for array in given])}",
                "whole numbers that it can compute with",
            ) from None  # fmt: skip

    def _shape(self, step: Step) -> Array:
        """Return the shape of a value, the number of samples as `ROWS`."""
        if step.attributes or self.shape_of is None or not self.varies(step.inputs[0]):
            raise refusal(step.where, f"the shape of {shown(step.inputs)}", "that of samples, whole")
        return np.array([ROWS, *self.shape_of(step.inputs[0], step)], np.int64)


def _turned(step: Step, array: Array) -> Array:
    """Return an array with its axes in another order, or as it is."""
    axes = step.attributes.get("perm")
    if step.op != "Transpose":
        return array
    if axes is not None and sorted(axes) != list(range(array.ndim)):
        raise refusal(step.where, f"perm={shown(axes)} for shape {array.shape}", "each axis once")
    return array.transpose(axes)


def _slice(told: Mapping[str, Any], x: Array, start: Array, stop: Array, axes: Array | None = None,
           step: Array | None = None) -> Array:  # fmt: skip
    return x[int(start[0]) : int(stop[0]) : 1 if step is None else int(step[0])]


def _no_rows(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """Return arithmetic that takes no part in how many samples there are."""

    def computed(told: Mapping[str, Any], a: Array, b: Array) -> Array:
        if max(np.abs(a).max(initial=0), np.abs(b).max(initial=0)) >= 2**31:
            raise ValueError
        return function(a, b)

    return computed


def _squeezed(told: Mapping[str, Any], x: Array, axes: Array | None = None) -> Array:
    return x.reshape(())


def _unsqueezed(told: Mapping[str, Any], x: Array, axes: Array | None = None) -> Array:
    return x.reshape(-1)


# What exporters compute of shapes: of a row of whole numbers, or a single one.
_TURNS = ("Identity", "Transpose")
_WHOLE: dict[str, Callable[..., Array]] = {
    "Cast": lambda told, x: x,
    "Concat": lambda told, *parts: np.concatenate(parts),
    "Gather": lambda told, x, indices: x[indices],
    "Reshape": lambda told, x, shape: x.reshape(shape),
    "Slice": _slice,
    "Squeeze": _squeezed,
    "Unsqueeze": _unsqueezed,
    "Add": _no_rows(np.add),
    "Sub": _no_rows(np.subtract),
    "Mul": _no_rows(np.multiply),
    "Div": _no_rows(np.floor_divide),
    "Mod": _no_rows(np.mod),
}


def literal(step: Step) -> Array:
    """Return what a node of the operator Constant says."""
    if len(step.attributes) == 1:
        (key, value), *_ = step.attributes.items()
        if key == "value" and isinstance(value, StoredTensor):
            return value.array()
        if key in ("value_float", "value_floats") and isinstance(value, (float, tuple)):
            return np.array(value, np.float32)
        if key in ("value_int", "value_ints") and isinstance(value, (int, tuple)):
            return np.array(value, np.int64)
    raise refusal(step.where, f"the attributes {shown(sorted(step.attributes))}", "one value, of numbers")
