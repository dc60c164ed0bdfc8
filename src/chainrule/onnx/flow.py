"""How values flow through an ONNX graph: what depends on the samples, and through which values all of it must pass.

A value that every way from the input to another one passes is said to dominate that one. Where branches meet, the
nearest such value is where they parted: from there on they are a `Residual`, a `Branches`, or one formula.
"""

from __future__ import annotations

import numpy as np

from chainrule.data.opening import shown
from chainrule.onnx.model_file import OnnxModel, Step, StoredTensor, refusal
from chainrule.ops import Array

_MOST_STEPS_UP = 1_000_000


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
    """

    def __init__(self, model: OnnxModel, end: str) -> None:
        self.model, self.start, self.end = model, model.input.name, end
        self.makers: dict[str, Step] = {}
        self.readers: dict[str, int] = {end: 1}
        self.above: dict[str, str] = {}
        self._folded: dict[str, Step] = {}  # what is made of constants alone
        self._depth = {self.start: 0}
        self._left = _MOST_STEPS_UP
        needed = self._needed()
        for step in model.steps:
            if not needed.intersection(step.outputs):
                continue
            inputs = [name for name in step.inputs if name in self._depth]
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

        Constants may be made of others by a few operators that cost no memory to speak of.
        """
        name = step.inputs[index] if index < len(step.inputs) else ""
        return self.value(name, step) if name else None

    def value(self, name: str, step: Step) -> Array:
        """Return a constant value that `step` reads."""
        changes: list[Step] = []
        while name in self._folded:
            maker = self._folded[name]
            if maker.op == "Constant":
                break
            if maker.op not in ("Identity", "Transpose") or not maker.inputs or len(changes) > 8:
                raise refusal(maker.where, "a computation on constants", "the constants themselves")
            changes.append(maker)
            name = maker.inputs[0]
        if name in self._folded:
            array = _literal(self._folded[name])
        elif name in self.model.constants:
            array = self.model.constants[name].array()
        else:
            raise refusal(step.where, f"{shown(name)}, which depends on the samples", "a constant in its place")
        for change in reversed(changes):
            axes = change.attributes.get("perm")
            if change.op == "Transpose":
                if axes is not None and sorted(axes) != list(range(array.ndim)):
                    raise refusal(change.where, f"perm={shown(axes)} for shape {array.shape}", "each axis once")
                array = array.transpose(axes)
        return array


def _literal(step: Step) -> Array:
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
