"""Several trainings in one picture: a panel for what each was judged by, a line for each training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chainrule.errors import InputError
from chainrule.plot.lines import DASHES, SHARES, draw_line, fit_scale, is_crosses
from chainrule.plot.style import CLASS_COLOURS, figure_path, new_figure, save_figure, shown_names, styled
from chainrule.training.history import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curves(histories: Mapping[str, History], *, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the loss (on validation data where there are any) and the shares of several trainings over the epochs.

    Parameters
    ----------
    histories : mapping of str to History
        By the names for the legend.
    path : path, optional
        Where to save the picture; its name ends in .png or .svg.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there is nothing to draw.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> histories = {str(s): cr.train(cr.Network([cr.Dense(1)], seed=s), X, y, epochs=3) for s in (1, 2)}
    >>> len(learning_curves(histories).axes[0].lines)
    2
    """
    where = "learning_curves"
    checked = figure_path(where, path)
    drawn = {name: history for name, history in histories.items() if history.epochs}
    if not drawn:
        raise InputError(where, given="no history with epochs", expected="at least one", fix="Train for an epoch first")
    metrics = list(dict.fromkeys(m for h in drawn.values() for m in h.epochs[0].metrics if m in SHARES))
    with styled(where):
        figure = new_figure(height=3.6 + 1.6 * len(metrics))
        ratios = [2.0] + [1.2] * len(metrics)
        panels = figure.subplots(1 + len(metrics), sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
        for i, (name, history) in enumerate(zip(shown_names(list(drawn)), drawn.values())):
            colour, dash = CLASS_COLOURS[i % len(CLASS_COLOURS)], DASHES[i // len(CLASS_COLOURS) % len(DASHES)]
            epochs = [epoch.epoch for epoch in history]
            columns: list[list[float | None]] = [[epoch.monitored for epoch in history]]
            columns += [[epoch.metrics.get(metric) for epoch in history] for metric in metrics]
            for axes, values in zip(panels, columns):
                draw_line(axes, epochs, values, colour, dash).set_label(name)
        panels[0].set_ylabel("loss")
        lines = panels[0].lines
        wrong = [line for line in lines if is_crosses(line)]
        handles = [line for line in lines if line not in wrong] + wrong[:1]
        panels[0].legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(len(handles), 3))
        fit_scale(panels[0])
        for axes, metric in zip(panels[1:], metrics):
            axes.set_ylabel(metric.replace("_", " "))
            fit_scale(axes, share=True)
        panels[-1].set_xlabel("epoch")
        save_figure(where, figure, checked)
    return figure
