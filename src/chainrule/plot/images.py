"""Samples that are pictures: their rows and columns, and numbers around zero shown as a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from chainrule import checks
from chainrule.errors import InputError
from chainrule.ops.op import Array
from chainrule.plot.style import two_sides

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEAST_SIDE = 8  # of a square that is taken for a picture unasked


def picture_shape(where: str, sample_shape: tuple[int, ...], shape: Any) -> tuple[int, int] | None:
    """Return rows and columns of a sample: as given, as the sample has them, or of a square of at least 8 × 8.

    None if the sample is no picture.

    Raises
    ------
    InputError
        If the given shape is not that of so many numbers.

    Examples
    --------
    >>> picture_shape("saliency", (784,), None), picture_shape("saliency", (13,), None)
    ((28, 28), None)
    """
    size = math.prod(sample_shape)
    if shape is not None:
        try:
            rows, columns = (checks.whole(where, side) for side in shape)
        except (TypeError, ValueError):
            rows = columns = 0
        if rows * columns != size or not rows:
            raise InputError(
                where,
                given=f"shape={shape!r}"[:80],
                expected=f"rows and columns of a picture of {size} numbers",
                fix="Pass shape=(28, 28) for the pictures of MNIST, or leave it out",
            )
        return rows, columns
    if len(sample_shape) == 2:
        return sample_shape[0], sample_shape[1]
    side = math.isqrt(size)
    return (side, side) if side * side == size and side >= _LEAST_SIDE else None


def show_signed(axes: Axes, array: Array, most: float, aspect: Any = "equal") -> Any:
    """Show numbers from −most to most as a picture: blue below zero, grey at zero, yellow above."""
    most = most or 1.0
    image = axes.imshow(array, cmap=two_sides(), vmin=-most, vmax=most, interpolation="nearest", aspect=aspect)
    axes.grid(False)
    return image


def without_ticks(axes: Axes) -> None:
    """Take the ticks from a picture whose rows and columns need no numbers."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
