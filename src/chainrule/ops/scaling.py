"""Targets of another unit: prices in a hundred thousands, years, seconds since 1970.

`Unscale` stands last in a network and gives its outputs the unit of the targets. `Scaled` does the opposite to the
targets of a batch, so that a loss compares numbers of about 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from chainrule.arrays import as_array
from chainrule.errors import InputError, ShapeError
from chainrule.ops.op import Array, Derivatives, Op, Range

FAR = 128  # deviations from 0: seven of float32's 24 bits would be lost
_LARGEST = 1e30  # float32 ends at 3e38, and 1e-38

Numbers = float | tuple[float, ...]


class Unscale(Op):
    """y = x · scale + offset
    ∂x = ∂y · scale

    Why: It is a straight line in x, of slope scale. The offset moves every y alike and changes no slope.

    The last layer of a network whose targets have a unit of their own, such as prices. Predictions, metrics, pictures
    and exports are in that unit. The loss is computed before it, with (target − offset) / scale for the target, so
    loss, learning rate, penalties and clipping mean what they mean for targets with mean 0 and deviation 1.

    Where the offset is large beside the scale, as in times since 1970, what comes out is in float64: float32 couldn't
    tell such numbers apart.

    Parameters
    ----------
    scale : float or sequence of float
        Above 0: one number, or one for each output.
    offset : float or sequence of float, default 0

    Examples
    --------
    >>> Unscale.standard([[900.0], [1100.0]])
    Unscale(scale=100.0, offset=1000.0)
    >>> Unscale(100.0, 1000.0).forward(np.array([[-1.0], [0.5]], np.float32))
    array([[ 900.],
           [1050.]], dtype=float32)
    """

    def __init__(self, scale: float | Sequence[float], offset: float | Sequence[float] = 0.0) -> None:
        self.scale = one_or_each("Unscale scale", scale, "output")
        self.offset = one_or_each("Unscale offset", offset, "output")
        if np.min(self.scale) <= 0:
            raise InputError(
                "Unscale scale",
                given=f"{self.scale!r:.80}",
                expected="numbers above 0",
                fix="Pass the deviation of the targets, as cr.Unscale.standard(y) does",
            )
        if len({np.size(one) for one in (self.scale, self.offset) if isinstance(one, tuple)}) > 1:
            raise ShapeError(
                "Unscale",
                given=f"{np.size(self.scale)} scales and {np.size(self.offset)} offsets",
                expected="one number for all outputs, or one for each",
                fix="Pass as many of the one as of the other",
            )
        if self.exact:
            self.dtype = "float64"

    @classmethod
    def standard(cls, y: npt.ArrayLike) -> Self:
        """Return the layer for targets like these: those of the training, once they are known.

        It takes what has mean 0 and deviation 1 to the mean and the deviation of each column of `y`.

        Parameters
        ----------
        y : array_like, (samples,) or (samples, …, targets)
            A single column gives one number for all outputs, as several quantiles of one target want it.

        Raises
        ------
        InputError
            If these are no finite numbers.
        """
        array = as_array("Unscale.standard", "y", y)
        if array.ndim == 0 or not array.size or array.dtype.kind not in "fiub" or not np.isfinite(array).all():
            raise InputError(
                "Unscale.standard",
                given=f"an array with shape {array.shape} and dtype {array.dtype}, or with NaN in it",
                expected="finite numbers, (samples,) or (samples, targets)",
                fix="Pass the targets of the training; of several heads y['price'], those of one",
            )
        columns = array.reshape(-1, array.shape[-1] if array.ndim > 1 else 1).astype(np.float64)
        mean, deviation = mean_and_deviation(columns)
        if len(mean) == 1:
            return cls(deviation.item(), mean.item())
        return cls(tuple(deviation.tolist()), tuple(mean.tolist()))

    @property
    def exact(self) -> bool:
        """Whether float32 can't hold the numbers that come out, or can't tell them apart: then they are in float64."""
        scale, offset = np.array(self.scale), np.abs(self.offset)
        with np.errstate(over="ignore"):
            far = offset / scale > FAR
        return bool((far | (scale > _LARGEST) | (offset > _LARGEST) | (scale < 1 / _LARGEST)).any())

    def forward(self, x: Array) -> Array:
        x = x.astype(self.dtype or x.dtype, copy=False)
        y: Array = x * numbers_like(x, self.scale) + numbers_like(x, self.offset)
        return y

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        return dict(x=(dy * numbers_like(dy, self.scale)).astype(x.dtype, copy=False))

    def check(self, where: str, **arrays: Array) -> None:
        shape = arrays["x"].shape
        for name, value in (("offset", self.offset), ("scale", self.scale)):
            if isinstance(value, tuple) and (not shape or shape[-1] != len(value)):
                columns = shape[-1] if shape else 1
                raise ShapeError(
                    where,
                    given=f"{columns} output{'' if columns == 1 else 's'} for {self!r:.80}",
                    expected=f"{len(value)}, as its {name} has numbers",
                    fix=f"Put cr.Dense({len(value)}) before it, an output for each target; or pass one {name} for all",
                )

    def range_of(self, given: Range | None) -> Range | None:
        if given is None:
            return None
        ends = [np.multiply(end, self.scale) + np.array(self.offset) for end in given]
        return float(np.min(ends)), float(np.max(ends))

    def scaled(self, target: Array) -> Array:
        """Return targets as the loss of a network takes them, in float64."""
        scaled: Array = (target.astype(np.float64, copy=False) - np.array(self.offset)) / np.array(self.scale)
        return scaled

    def example(self, columns: int) -> Array:
        """Return a target that becomes 0 when it is scaled."""
        return np.broadcast_to(np.array(self.offset), (columns,))


class Scaled(Op):
    """y = (target − offset) / scale

    What the loss of a network compares with the numbers that come before its `Unscale`. Computed in float64, the
    result is in the dtype of the network. A part of such networks; in no table, for nobody else has two dtypes.

    Parameters
    ----------
    scale, offset : float or tuple of float
    dtype : {"float32", "float64"}
    """

    constant = ("target",)

    def __init__(self, scale: Numbers, offset: Numbers, dtype: str) -> None:
        self.scale, self.offset, self.dtype = scale, offset, dtype

    def forward(self, target: Array) -> Array:
        y: Array = (target - numbers_like(target, self.offset)) / numbers_like(target, self.scale)
        return y.astype(self.dtype)

    def backward(self, dy: Array, y: Array, target: Array) -> Derivatives:
        return {}


def numbers_like(array: Array, value: Numbers) -> Any:
    """Return a number as it is, and a row of them as an array in the dtype of another one."""
    return np.asarray(value, array.dtype, like=array) if isinstance(value, tuple) else value


def one_or_each(where: str, value: Any, of: str) -> Numbers:
    """Return a setting that is one finite number, or a row of them."""
    array = np.asarray(value)
    if array.dtype.kind in "fiu" and array.ndim <= 1 and array.size and np.isfinite(array).all():
        return float(array) if array.ndim == 0 else tuple(float(v) for v in array)
    raise InputError(
        where,
        given=repr(value)[:80],
        expected=f"a finite number, or one for each {of}",
        fix=f"Pass for example {'1/255' if of == 'feature' else '1000.0'}",
    )


def mean_and_deviation(columns: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and deviation of each column; 1 where it is constant but for rounding."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = columns.mean(axis=0), columns.std(axis=0)
    for i in np.flatnonzero(~np.isfinite(deviation)).tolist():  # their squares are too large for float64
        largest = np.abs(columns[:, i]).max()
        small = columns[:, i] / largest
        mean[i], deviation[i] = small.mean() * largest, small.std() * largest
    deviation[deviation <= rounding(mean, len(columns))] = 1
    return mean, deviation


def rounding(mean: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    """Return up to which deviation so many numbers of float64 around a mean are one constant, rounded."""
    bound: npt.NDArray[np.float64] = count * np.finfo(np.float64).eps * np.abs(mean)
    return bound
