"""The decision surface: what a network with two inputs makes of every point of the plane around its data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chainrule.nn import Network
from chainrule.plot.grid import surface
from chainrule.plot.painting import class_legend, paint
from chainrule.plot.style import figure_path, new_figure, save_figure, shown_title, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELLS = 300  # along each axis


def decision_surface(
    network: Network,
    X: Any,
    y: Any,
    *,
    path: str | os.PathLike[str] | None = None,
    classes: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw which class the network chooses where, how surely, and the points it learnt from.

    With one output the colour is the output, and a line marks ½, where the choice changes. With several, each region
    has the colour of its class, the deeper the surer, and lines mark where the choice changes.

    Parameters
    ----------
    network : Network
        With two inputs.
    X : array_like, (samples, 2)
    y : array_like
        The points' classes: indices (samples,), a column of zeros and ones, or rows with a single one.
    path : path, optional
        Where to save the picture; its name ends in .png or .svg.
    classes : sequence of str, optional
        The classes' names; the network's own if left out, or else their numbers.
    title : str, optional
        Left out, the title says how many points are classified correctly.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the network does not have two inputs, or the data are no points with classes.
    NonFiniteError
        If the network's output is NaN or infinite somewhere.
    MissingExtraError
        If matplotlib is not installed.
    FileError
        If the file can't be written.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> figure = cr.plot.decision_surface(cr.Network([cr.Dense(2, 1), cr.Sigmoid()]), X, y)
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['class 0', 'class 1']
    """
    where = "decision_surface"
    checked = figure_path(where, path)
    seen = surface(where, network, X, y, classes, CELLS, CELLS)
    with styled(where):
        figure = new_figure()
        axes = figure.subplots()
        handles = paint(figure, axes, seen, probability=network.objective.binary)
        class_legend(figure, handles, seen.labels, seen.names)
        right = int((seen.predicted == seen.labels).sum())
        axes.set_title(
            f"{right:,} of {len(seen.labels):,} points classified correctly" if title is None else shown_title(title)
        )
        axes.set_xlabel("input 1")
        axes.set_ylabel("input 2")
        if axes.get_aspect() == 1:
            figure.set_layout_engine("compressed")  # no empty margins where the shape is given
        save_figure(where, figure, checked)
    return figure
