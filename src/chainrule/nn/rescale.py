"""Scaling of the data that a network carries with it, so that whoever predicts can't forget it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from chainrule.arrays import as_array
from chainrule.errors import InputError, ShapeError
from chainrule.graph.node import Input, Node
from chainrule.nn.dense import checked_name
from chainrule.nn.layer import Layer
from chainrule.ops.op import Range
from chainrule.ops.scaling import FAR, mean_and_deviation, one_or_each
from chainrule.ops.shaping import Cast


class Rescale(Layer):
    """y = (x − offset) · scale. Kept and saved, not learnt.

    Where the offset is large beside the numbers that are left, as in times since 1970, it is subtracted in float64: a
    network that begins with such a layer takes its samples in float64, and computes in its own dtype from there.

    Parameters
    ----------
    scale : float or sequence of float, default 1
        One number, or one for each feature.
    offset : float or sequence of float, default 0
    name : str, optional

    Examples
    --------
    >>> Rescale.standard([[0.0, 10.0], [2.0, 30.0]])
    Rescale(scale=(1.0, 0.1), offset=(1.0, 20.0))
    """

    keeps_shape = rescales = True

    def __init__(
        self,
        scale: float | Sequence[float] = 1.0,
        offset: float | Sequence[float] = 0.0,
        *,
        name: str | None = None,
    ) -> None:
        self.scale = one_or_each("Rescale scale", scale, "feature")
        self.offset = one_or_each("Rescale offset", offset, "feature")
        self.name = checked_name("Rescale", name)

    @classmethod
    def standard(cls, X: npt.ArrayLike) -> Self:
        """Return the scaling that gives every feature of `X` mean 0 and deviation 1.

        Constant features get mean 0 alone; a deviation that rounding makes, n · ε · |mean| at most, is none.
        """
        mean, deviation = mean_and_deviation(_matrix("Rescale.standard", X))
        return cls(tuple((1 / deviation).tolist()), tuple(mean.tolist()))

    @classmethod
    def unit(cls, X: npt.ArrayLike) -> Self:
        """Return the scaling that takes every feature of `X` to 0 … 1 (constant ones to 0)."""
        array = _matrix("Rescale.unit", X)
        width = np.ptp(array, axis=0)
        width[width == 0] = 1
        return cls(tuple((1 / width).tolist()), tuple(array.min(axis=0).tolist()))

    def input_dtype(self, dtype: str) -> str:
        return "float64" if self.exact else dtype

    @property
    def exact(self) -> bool:
        """Whether the offset is so large beside what is left that it must be subtracted in float64."""
        return bool((np.abs(np.multiply(self.offset, self.scale)) > FAR).any())

    def states(self) -> dict[str, float | tuple[float, ...]]:
        """Return what is kept as a state: neither what changes nothing, nor an offset that is subtracted in float64."""
        states = {} if self.exact or self.offset == 0.0 else {"offset": self.offset}
        return states if self.scale == 1.0 else {**states, "scale": self.scale}

    def build(self, shape: tuple[int, ...]) -> None:
        for name, value in (("offset", self.offset), ("scale", self.scale)):
            if isinstance(value, tuple) and len(value) != shape[-1]:
                raise ShapeError(
                    f"Rescale {self.path!r}",
                    given=f"samples of shape {shape}",
                    expected=f"{len(value)} features, as its {name} has numbers",
                    fix=f"Pass one {name} for all features, or one for each",
                )
        for name, value in self.states().items():
            self.state(name, value)

    def range_of(self, given: Range | None) -> Range | None:
        if given is None:
            return None
        scale = np.array(self.scale)
        with np.errstate(invalid="ignore"):  # ∞ · 0, which is 0 here: whatever comes in is taken times 0
            ends = [np.where(scale == 0, 0.0, (end - np.array(self.offset)) * scale) for end in given]
        return float(np.min(ends)), float(np.max(ends))

    def forward(self, x: Node) -> Node:
        offset, scale = self.leaves.get("offset"), self.leaves.get("scale")
        if self.exact:
            wide = Node(Cast("float64"), {"x": x}) if x.dtype == np.float32 else x
            x = wide - Input(None, np.array(self.offset))
            if np.dtype(self.scope.dtype) == np.float32:
                x = Node(Cast("float32"), {"x": x})
        else:
            x = x if offset is None else x - offset
        x = x * (Input(None, 1.0, self.scope.dtype) if scale is None else scale)
        x.name = self.path
        return x


def _matrix(where: str, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
    array = as_array(where, "X", X)
    if array.ndim == 2 and array.size and array.dtype.kind in "fiub" and np.isfinite(array).all():
        return array.astype(np.float64)
    raise InputError(
        where,
        given=f"an array with shape {array.shape} and dtype {array.dtype}, or with NaN in it",
        expected="finite numbers, (samples, features)",
        fix="Pass the training data",
    )
