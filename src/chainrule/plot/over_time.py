"""What `cr.watch` recorded while a network was trained: values, gradients and steps, layer by layer, over time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from chainrule import checks
from chainrule.errors import InputError, UnknownNameError, nearest
from chainrule.plot.lines import DASHES, draw_line, fit_scale, is_crosses
from chainrule.plot.style import (
    CLASS_COLOURS,
    INK,
    figure_path,
    new_figure,
    save_figure,
    shown_names,
    shown_title,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    path : path, optional
        Where to save the picture; its name ends in .png or .svg.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If nothing has been recorded, or nothing of what is asked for.
    UnknownNameError
        If a node was not watched.
    MissingExtraError
        If matplotlib is not installed.
    FileError
        If the file can't be written.

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
            fix="Pass it to cr.train(…, callbacks=[watch]), with every= smaller than the number of steps",
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
                draw_line(axes, steps, figures, *looks[_family(name)]).set_label(shown_names([name])[0])
            _finish(axes, kind)
        panels[-1].set_xlabel("step")
        if title is not None:
            figure.suptitle(shown_title(title), fontsize=11)
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
