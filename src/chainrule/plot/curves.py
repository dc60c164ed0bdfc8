"""Figures over time, a panel for each kind: the curves of a training, of several, and what `cr.watch` recorded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, UnknownNameError, nearest
from chainrule.plot.axes import DASHES, SHARES, WRONG, draw_line, fit_scale, is_crosses, new_figure
from chainrule.plot.style import (
    CLASS_COLOURS,
    INK,
    documented,
    figure_path,
    printable_names,
    printable_title,
    save_figure,
    styled,
)
from chainrule.training.history import History
from chainrule.training.metrics import VALIDATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_BLUE, _ORANGE, _GREEN = CLASS_COLOURS[:3]


@checks.keywords
@documented
def learning_curve(history: History, *, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw losses, metrics and, where it changes, the learning rate, over the epochs.

    Scales are logarithmic where figures are positive and span a factor of ten. A dashed line marks the best epoch.
    Epochs whose figure is NaN or infinite are marked by crosses on the lower edge.

    Parameters
    ----------
    history : History
        What `train` returned.

    Raises
    ------
    InputError
        If there is no epoch in the history.

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
    numbers = [name for name, value in history.epochs[0].metrics.items() if np.ndim(value) == 0]
    metrics = list(dict.fromkeys(name.removeprefix(VALIDATION) for name in numbers))
    rates = [epoch.learning_rate for epoch in history]
    small = len(metrics) + (min(rates) != max(rates))
    with styled(where):
        figure = new_figure(height=3.6 + 1.2 * small)
        panels = figure.subplots(1 + small, sharex=True, squeeze=False, height_ratios=[2.4] + [1.0] * small)[:, 0]
        epochs = [epoch.epoch for epoch in history]
        _losses(panels[0], epochs, history)
        for axes, name in zip(panels[1:], metrics):
            measured = []
            for key, data, colour in ((name, "training", _BLUE), (f"{VALIDATION}{name}", "validation", _ORANGE)):
                if key in numbers:
                    measured.append(data)
                    draw_line(axes, epochs, [epoch.metrics.get(key) for epoch in history], colour)
            _name(axes, f"{printable_names([name.replace('_', ' ')])[0]} on {' and '.join(measured)} data")
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


@checks.keywords
@documented
def learning_curves(histories: Mapping[str, History], *, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the loss and the shares of several trainings over the epochs, on validation data where there are any.

    Parameters
    ----------
    histories : mapping of str to History
        By the names for the legend.

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
    measured = dict.fromkeys(name.removeprefix(VALIDATION) for h in drawn.values() for name in h.epochs[0].metrics)
    metrics = [name for name in measured if name in SHARES]
    with styled(where):
        figure = new_figure(height=3.6 + 1.6 * len(metrics))
        ratios = [2.0] + [1.2] * len(metrics)
        panels = figure.subplots(1 + len(metrics), sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
        for i, (name, history) in enumerate(zip(printable_names(list(drawn)), drawn.values())):
            colour, dash = CLASS_COLOURS[i % len(CLASS_COLOURS)], DASHES[i // len(CLASS_COLOURS) % len(DASHES)]
            epochs = [epoch.epoch for epoch in history]
            columns: list[list[float | None]] = [[epoch.monitored for epoch in history]]
            for metric in metrics:
                on_validation = f"{VALIDATION}{metric}"
                columns.append([epoch.metrics.get(on_validation, epoch.metrics.get(metric)) for epoch in history])
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


PANELS = {
    "value": "size of the values",
    "grad": "size of the gradients",
    "update": "size of a step / size of the weights",
    "dead": "share of dead neurons",
    "saturated": "share of saturated values",
}
_SHARES = ("dead", "saturated")
USUAL_UPDATE = 1e-3  # the ratio around which networks learn well, by experience
_MOST_LINES = 16  # in a panel, of which more could not be told apart


class Records(Protocol):
    """What ``cr.watch()`` returns, as far as a picture needs it."""

    def columns(self) -> dict[str, list[Any]]:
        """Return ``step``, ``name``, ``value``, ``grad``, ``update``, ``dead``, ``saturated``, a record a row."""


@checks.keywords
@documented
def watched(
    watch: Records,
    what: str | Sequence[str] = ("value", "grad", "update"),
    *,
    names: Sequence[str] | None = None,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw what `cr.watch` recorded, a panel for each kind of figure and a line for each layer or parameter.

    Values and gradients are those of the layers' outputs, as root mean squares; steps those of the matrices of
    weights, as a share of the weights' own size. A thin line marks 0.001, about what steps of networks that learn
    well amount to: far above it a learning rate is too large, far below it nothing moves.

    Parameters
    ----------
    watch : Watch
        What ``cr.watch()`` returned, after a training that had it among its callbacks.
    what : str or sequence of str, default ("value", "grad", "update")
        Of ``"value"``, ``"grad"``, ``"update"``, ``"dead"`` and ``"saturated"``.
    names : sequence of str, optional
        The nodes to draw; left out, the layers in the first panels, and the weights in that of the steps.
    title : str, optional

    Raises
    ------
    InputError
        If nothing has been recorded, or nothing of what is asked for.
    UnknownNameError
        If a node was not watched.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> seen = cr.watch(every=2)
    >>> network = cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
    >>> history = cr.train(network, X, y, epochs=10, callbacks=[seen])
    >>> [axes.get_title(loc="left") for axes in watched(seen, ["grad", "update"]).axes]
    ['size of the gradients', 'size of a step / size of the weights']
    """
    where = "watched"
    checked = figure_path(where, path)
    kinds = [checks.one_of(f"{where} what", kind, PANELS) for kind in ([what] if isinstance(what, str) else what)]
    columns = watch.columns() if hasattr(watch, "columns") else {}
    if not columns.get("step"):
        raise InputError(
            where,
            given="a watch that has recorded nothing" if columns else f"{watch!r}"[:80],
            expected="what cr.watch() returned, after training",
            fix="Pass it to cr.train(…, callbacks=[watch]); it looks at each step if it is cr.watch(every=1)",
        )
    known = list(dict.fromkeys(columns["name"]))
    for name in names or ():
        if name not in known:
            raise UnknownNameError(
                where, given=repr(name)[:80], expected="a node that was watched", fix=nearest(str(name), known)
            )
    chosen = {kind: _series(columns, kind, known if names is None else list(names), names is None) for kind in kinds}
    empty = [kind for kind, series in chosen.items() if not series]
    if empty or not kinds:
        raise InputError(
            where,
            given=f"no figures of the kind {empty[0]!r}" if empty else "an empty choice",
            expected="some, of the nodes asked for",
            fix="Leave names out" if names is not None else "Ask for another of: " + ", ".join(PANELS),
        )
    lines = list(dict.fromkeys(name for series in chosen.values() for name in series))
    looks = {name: (CLASS_COLOURS[i % 8], DASHES[i // 8 % 4]) for i, name in enumerate(_families(lines))}
    with styled(where):
        figure = new_figure(7.6, 0.7 + 2.1 * len(kinds))
        panels = figure.subplots(len(kinds), sharex=True, squeeze=False)[:, 0]
        for axes, (kind, series) in zip(panels, chosen.items()):
            for name, (steps, figures) in series.items():
                draw_line(axes, steps, figures, *looks[_family(name)]).set_label(printable_names([name])[0])
            _finish(axes, kind)
        panels[-1].set_xlabel("step")
        if title is not None:
            figure.suptitle(printable_title(title), fontsize=11)
        save_figure(where, figure, checked)
    return figure


def _series(
    columns: dict[str, list[Any]], kind: str, names: list[str], layers: bool
) -> dict[str, tuple[list[int], list[float]]]:
    """Return name -> steps and figures of a kind; of all nodes those that a reader wants first."""
    found: dict[str, tuple[list[int], list[float]]] = {name: ([], []) for name in names}
    for step, name, figure in zip(columns["step"], columns["name"], columns[kind], strict=True):
        if figure is not None and name in found:
            found[name][0].append(step)
            found[name][1].append(figure)
    series = {name: pair for name, pair in found.items() if pair[0]}
    if layers and kind == "update":
        series = {n: pair for n, pair in series.items() if not n.endswith(".bias")} or series
    elif layers:
        parameters = {
            name for name, update in zip(columns["name"], columns["update"], strict=True) if update is not None
        }
        series = {n: pair for n, pair in series.items() if n not in parameters and n != "loss"}
    return dict(list(series.items())[:_MOST_LINES])


def _family(name: str) -> str:
    """Return the layer of a parameter, whose colour it has."""
    return name.rsplit(".", 1)[0] if name.endswith((".weights", ".bias")) else name


def _families(names: list[str]) -> list[str]:
    return list(dict.fromkeys(_family(name) for name in names))


def _finish(axes: Axes, kind: str) -> None:
    axes.set_title(PANELS[kind], loc="left", fontsize=9, pad=3)
    lines = [line for line in axes.lines if not is_crosses(line)]
    wrong = [line for line in axes.lines if is_crosses(line)]
    fit_scale(axes, share=kind in _SHARES, linear=kind in _SHARES)
    if kind in _SHARES:
        axes.set_ylim(-0.03, 1.03)
    if kind == "update":
        axes.axhline(USUAL_UPDATE, color=INK, linewidth=0.8, linestyle=":")
    axes.legend(handles=[*lines, *wrong[:1]], loc="center left", bbox_to_anchor=(1.0, 0.5))
