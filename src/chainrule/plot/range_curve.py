"""The picture of a learning-rate range test: the loss over the rate at which it was met."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chainrule import checks
from chainrule.plot.axes import new_figure, plain_decades
from chainrule.plot.style import CLASS_COLOURS, INK, documented, figure_path, save_figure, styled
from chainrule.training.rising_rate import RangeTest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GREY = "#999999"


@checks.keywords
@documented
def learning_rate_range_test(result: RangeTest, *, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the losses of a learning-rate range test over the rates, smoothed, and where the suggestion lies.

    Each batch's own loss is a grey dot. Where losses are positive and span a factor of ten, their scale is logarithmic.
    Where they explode the curve leaves the picture.

    Parameters
    ----------
    result : RangeTest
        What `learning_rate_range_test` returned.

    Raises
    ------

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.moons(300)
    >>> network = cr.Network([cr.Dense(16), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
    >>> result = cr.learning_rate_range_test(network, X, y, steps=60)
    >>> cr.plot.learning_rate_range_test(result).axes[0].get_xlabel()
    'learning rate'
    """
    where = "learning_rate_range_test"
    checked = figure_path(where, path)
    checks.instance(where, result, RangeTest, "what cr.learning_rate_range_test returned")
    smoothed, suggestion = result.smoothed, result.suggestion
    with styled(where):
        figure = new_figure(height=3.6)
        axes = figure.subplots()
        (line,) = axes.plot(result.rates, smoothed, color=CLASS_COLOURS[0])
        (dots,) = axes.plot(result.rates, result.losses, ".", color=_GREY, markersize=4, zorder=1)
        handles, names = [line, dots], ["loss, smoothed", "of each batch"]
        # The explosion may be of any size: what comes before it fills two thirds of a linear scale.
        low, high = float(result.losses.min()), float(result.losses[: int(smoothed.argmin()) + 1].max())
        top = min(float(result.losses.max()), high + 0.5 * (high - low))
        if 0 < 10 * low < top:
            axes.set_yscale("log")
            plain_decades(axes.yaxis, top / low)
            axes.set_ylim(low / 1.1, top * 1.1)
        elif low < top:
            axes.set_ylim(low - 0.05 * (top - low), top + 0.05 * (top - low))
        if suggestion is not None:
            handles.append(axes.axvline(suggestion, color=INK, linestyle="--", linewidth=0.9))
            names.append(f"suggestion: {suggestion:.2g}")
        axes.set_xscale("log")
        plain_decades(axes.xaxis, float(result.rates[-1] / result.rates[0]))
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.legend(handles, names, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(names))
        save_figure(where, figure, checked)
    return figure
