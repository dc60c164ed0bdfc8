"""Learning curves: what a history says, drawn epoch by epoch, a panel for each kind of figure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule import checks
from chainrule.errors import InputError
from chainrule.plot.lines import SHARES, WRONG, draw_line, fit_scale, is_crosses
from chainrule.plot.style import CLASS_COLOURS, INK, figure_path, new_figure, save_figure, shown_names, styled
from chainrule.training.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _ORANGE, _GREEN = CLASS_COLOURS[:3]


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
            draw_line(axes, epochs, [epoch.metrics.get(name) for epoch in history], _ORANGE if validated else _BLUE)
            _name(
                axes, f"{shown_names([name.replace('_', ' ')])[0]} on {'validation' if validated else 'training'} data"
            )
            fit_scale(axes, share=name in SHARES)
        if small > len(metrics):
            draw_line(panels[-1], epochs, rates, INK)
            _name(panels[-1], "learning rate")
            fit_scale(panels[-1])
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
            handles.append(draw_line(axes, epochs, values, colour, dash))
            names.append(name)
    if history.best_epoch is not None:
        handles.append(Line2D([], [], color=INK, linestyle="--", linewidth=0.9))
        names.append(f"best: epoch {history.best_epoch}")
    wrong = [line for line in axes.lines if is_crosses(line)]
    axes.set_ylabel("loss")
    handles, names = handles + wrong[:1], names + [WRONG] * len(wrong[:1])
    axes.legend(handles, names, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(names))
    fit_scale(axes)


def _name(axes: Axes, name: str) -> None:
    axes.set_title(name, loc="left", fontsize=9, pad=3)


def _epoch_axis(axes: Axes, epochs: Sequence[int]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    room = max(0.5, 0.02 * (epochs[-1] - epochs[0]))
    axes.set_xlim(epochs[0] - room, epochs[-1] + room)
