"""Learning curves: what a history says, drawn epoch by epoch, a panel for each kind of figure."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule import checks
from chainrule.errors import InputError
from chainrule.plot.style import CLASS_COLOURS, INK, figure_path, new_figure, save_figure, shown_names, styled
from chainrule.training.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_BLUE, _ORANGE, _GREEN = CLASS_COLOURS[:3]
_SHARES = ("accuracy", "error_rate", "min_confidence")
_WRONG = "not finite"
_FEW = 30  # up to here every epoch has a dot of its own
_WIDE = 10  # where the largest figure is this many times the smallest, a logarithmic scale shows both


def learning_curve(history: History, *, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw losses, metrics and, where it changes, the learning rate, over the epochs.

    Scales are logarithmic where figures are positive and span a factor of ten. A dashed line marks the best epoch.
    Epochs whose figure is NaN or infinite are marked by crosses on the lower edge.

    Parameters
    ----------
    history : History
        What `train` returned.
    path : path, optional
        Where to save the picture; its name ends in .png or .svg.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there is no epoch in the history.
    MissingExtraError
        If matplotlib is not installed.
    FileError
        If the file can't be written.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> history = cr.train(cr.Network([cr.Dense(1)]), X, y, epochs=3)
    >>> cr.plot.learning_curve(history).axes[0].get_ylabel()
    'loss'
    """
    where = "learning_curve"
    checked = figure_path(where, path)
    checks.instance(where, history, History, "the history that cr.train returned")
    if not history.epochs:
        raise InputError(
            where, given="a history without epochs", expected="at least one", fix="Train for an epoch first"
        )
    metrics = [name for name, value in history.epochs[0].metrics.items() if np.ndim(value) == 0]
    rates = [epoch.learning_rate for epoch in history]
    small = len(metrics) + (min(rates) != max(rates))
    with styled(where):
        figure = new_figure(height=3.6 + 1.2 * small)
        panels = figure.subplots(1 + small, sharex=True, squeeze=False, height_ratios=[2.4] + [1.0] * small)[:, 0]
        epochs = [epoch.epoch for epoch in history]
        _losses(panels[0], epochs, history)
        validated = any(epoch.validation_loss is not None for epoch in history)
        for axes, name in zip(panels[1:], metrics):
            _line(axes, epochs, [epoch.metrics.get(name) for epoch in history], _ORANGE if validated else _BLUE)
            _name(
                axes, f"{shown_names([name.replace('_', ' ')])[0]} on {'validation' if validated else 'training'} data"
            )
            _scale(axes, share=name in _SHARES)
        if small > len(metrics):
            _line(panels[-1], epochs, rates, INK)
            _name(panels[-1], "learning rate")
            _scale(panels[-1])
        if history.best_epoch is not None:
            for axes in panels:
                axes.axvline(history.best_epoch, color=INK, linestyle="--", linewidth=0.9, zorder=1)
        _epoch_axis(panels[-1], epochs)
        save_figure(where, figure, checked)
    return figure


def _losses(axes: Axes, epochs: Sequence[int], history: History) -> None:
    from matplotlib.lines import Line2D

    columns: list[tuple[str, list[float | None], str, str]]
    columns = [("training", [e.loss for e in history], _BLUE, "-")]
    columns.append(("validation", [e.validation_loss for e in history], _ORANGE, "-"))
    columns.append(("penalty", [e.penalty or None for e in history], _GREEN, ":"))
    handles, names = [], []
    for name, values, colour, dash in columns:
        if any(value is not None for value in values):
            handles.append(_line(axes, epochs, values, colour, dash))
            names.append(name)
    if history.best_epoch is not None:
        handles.append(Line2D([], [], color=INK, linestyle="--", linewidth=0.9))
        names.append(f"best: epoch {history.best_epoch}")
    wrong = [line for line in axes.lines if line.get_label() == _WRONG]
    axes.set_ylabel("loss")
    handles, names = handles + wrong[:1], names + [_WRONG] * len(wrong[:1])
    axes.legend(handles, names, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(names))
    _scale(axes)


def _name(axes: Axes, name: str) -> None:
    axes.set_title(name, loc="left", fontsize=9, pad=3)


def _line(axes: Axes, epochs: Sequence[int], values: Sequence[float | None], colour: str, dash: str = "-") -> Line2D:
    """Draw a figure over the epochs; None is a gap, NaN or infinity a cross on the lower edge."""
    numbers = [math.nan if value is None else float(value) for value in values]
    marker = "o" if len(epochs) <= _FEW else ""
    (line,) = axes.plot(epochs, numbers, color=colour, linestyle=dash, marker=marker, markersize=3.5)
    wrong = [epoch for epoch, v in zip(epochs, values) if v is not None and not math.isfinite(v)]
    if wrong:
        edge = axes.get_xaxis_transform()
        axes.plot(wrong, [0.0] * len(wrong), "x", color=colour, transform=edge, clip_on=False, label=_WRONG)
    return line


def _scale(axes: Axes, share: bool = False) -> None:
    """Choose a scale that shows the whole range, and write its figures plainly."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    lines = [line for line in axes.lines if line.get_label() != _WRONG]
    values = [v for line in lines for v in np.asarray(line.get_ydata(), float).tolist() if math.isfinite(v)]
    wide = bool(values) and min(values) > 0 and max(values) > _WIDE * min(values)
    if wide:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    if wide or share:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:g} %" if share else f"{v:g}"))


def _epoch_axis(axes: Axes, epochs: Sequence[int]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    room = max(0.5, 0.02 * (epochs[-1] - epochs[0]))
    axes.set_xlim(epochs[0] - room, epochs[-1] + room)
