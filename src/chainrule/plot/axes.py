"""What several pictures draw into their axes: lines with gaps, scales, numbers, and signed numbers as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError
from chainrule.ops.op import Array
from chainrule.plot.style import diverging_colours, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


SHARES = ("accuracy", "subset_accuracy", "error_rate", "min_confidence")  # metrics that are written in percent
WRONG = "not finite"
DASHES = ("-", "--", ":", "-.")

_CROSS = "x"
_FEW = 30  # up to here every figure has a dot of its own
_WIDE = 10  # where the largest figure is this many times the smallest, a logarithmic scale shows both
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@checks.keywords
def new_figure(width: float = 6.4, height: float = 4.8) -> Figure:
    """Return an empty figure of this size in inches, for a picture of your own, with ``show()`` and ``save(path)``.

    It is matplotlib's: ``figure.subplots()`` gives axes to draw into.

    Raises
    ------
    InputError
        If a side is no number above 0.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> axes = new_figure(6.4, 2.8).subplots()
    """
    width = checks.number("new_figure width", width, above=0, like=6.4)
    height = checks.number("new_figure height", height, above=0, like=4.8)
    with styled("plot.new_figure"):
        from chainrule.plot.notebook_figure import NotebookFigure  # matplotlib is imported when a picture is drawn

        return NotebookFigure(figsize=(width, height))


def draw_line(axes: Axes, x: Sequence[float], values: Sequence[float | None], colour: str, dash: str = "-") -> Line2D:
    """Draw figures over `x`; None is a gap, NaN or infinity a cross on the lower edge."""
    numbers = [math.nan if value is None else float(value) for value in values]
    drawn = [v if math.isfinite(v) else math.nan for v in numbers]
    marker = "o" if len(x) <= _FEW else ""
    (line,) = axes.plot(x, drawn, color=colour, linestyle=dash, marker=marker, markersize=3.5)
    wrong = [at for at, v in zip(x, values) if v is not None and not math.isfinite(v)]
    if wrong:
        edge = axes.get_xaxis_transform()
        axes.plot(wrong, [0.0] * len(wrong), _CROSS, color=colour, transform=edge, clip_on=False, label=WRONG)
    return line


def is_crosses(line: Line2D) -> bool:
    """Return whether a line is the crosses of what is not finite, whatever others are called."""
    return bool(line.get_marker() == _CROSS)


def fit_scale(axes: Axes, share: bool = False, linear: bool = False) -> None:
    """Choose a scale that shows the whole range of the lines in these axes, and write its figures plainly.

    Parameters
    ----------
    share : bool
        Whether they are shares, to be written in percent.
    linear : bool
        Whether the scale must not be logarithmic.
    """
    from matplotlib.ticker import FuncFormatter

    lines = [line for line in axes.lines if not is_crosses(line)]
    values = [v for line in lines for v in np.asarray(line.get_ydata(), float).tolist() if math.isfinite(v)]
    if not linear and values and min(values) > 0 and max(values) > _WIDE * min(values):
        axes.set_yscale("log")
        plain_decades(axes.yaxis, max(values) / min(values), share)
    elif share:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:g} %"))


def plain_decades(axis: Axis, span: float, share: bool = False) -> None:
    """Label a logarithmic axis whose figures span this factor: every decade, and 2 and 5 in between where few."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if span < 100 else (1,), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:g} %" if share else plain_number(v)))
    axis.set_minor_formatter(NullFormatter())


def plain_number(value: float) -> str:
    """Return a number for an axis, of very large and small ones the power of ten.

    Examples
    --------
    >>> plain_number(0.002), plain_number(1e-5), plain_number(-2.5e-7)
    ('0.002', '10⁻⁵', '−2.5·10⁻⁷')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e5 or not math.isfinite(value):
        return f"{value:g}".replace("-", "−")
    factor, exponent = f"{abs(value):.2e}".split("e")
    power = f"10{str(int(exponent)).translate(_RAISED)}"
    return ("−" if value < 0 else "") + (power if float(factor) == 1 else f"{float(factor):g}·{power}")


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
    image = axes.imshow(array, cmap=diverging_colours(), vmin=-most, vmax=most, interpolation="nearest", aspect=aspect)
    axes.grid(False)
    return image


def without_ticks(axes: Axes) -> None:
    """Take the ticks from a picture whose rows and columns need no numbers."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
