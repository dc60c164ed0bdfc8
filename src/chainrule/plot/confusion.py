"""The confusion matrix: which classes are taken for which, and how often."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.errors import InputError
from chainrule.ops.op import Array
from chainrule.plot.axes import new_figure
from chainrule.plot.style import (
    INK,
    documented,
    figure_path,
    plain_frame,
    printable_title,
    save_figure,
    styled,
)
from chainrule.plot.surface import class_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NUMBERED = 25  # classes; colour_bar_ends, figures in the cells could not be read


@checks.keywords
@documented
def confusion_matrix(
    matrix: npt.ArrayLike,
    classes: Sequence[str] | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Draw how often samples of each class (row) were taken for each class (column).

    A cell is the darker the larger its share of its row, so that rare classes count as much as frequent ones.

    Parameters
    ----------
    matrix : array_like, (classes, classes)
        Counts, as ``cr.training.confusion_matrix`` returns them.
    classes : sequence of str, optional
        The classes' names; their numbers if left out.
    title : str, optional
        Left out, it says how many are wrong.

    Raises
    ------
    InputError
        If `matrix` is no square table of counts.

    Examples
    --------
    >>> figure = confusion_matrix([[8, 2], [0, 10]], ["cat", "dog"])
    >>> figure.axes[0].get_title()
    '2 of 20 wrong (10 %)'
    """
    where = "confusion_matrix"
    checked = figure_path(where, path)
    counts = _counts(where, matrix)
    size = len(counts)
    names = class_names(where, range(size) if classes is None else classes, size)
    total, wrong = int(counts.sum()), int(counts.sum() - counts.trace())
    rows = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(rows, 1)
    with styled(where):
        figure = new_figure(*([5.6, 4.8] if size <= 12 else [8.4, 7.4]))
        axes = figure.subplots()
        image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        if size <= _MOST_NUMBERED:
            look: dict[str, Any] = dict(ha="center", va="center", fontsize=9 if size <= 12 else 6)
            for (row, column), count in np.ndenumerate(counts):
                colour = "white" if share[row, column] > 0.55 else INK if count else "#AAAAAA"
                axes.text(column, row, f"{count:,}", color=colour, **look)
        ticks = range(0, size, -(-size // 40))
        labels = [names[k] for k in ticks]
        turned = sum(map(len, labels)) > 45
        axes.set_xticks(ticks, labels, rotation=45 if turned else 0, ha="right" if turned else "center")
        axes.set_yticks(ticks, labels)
        axes.set(xlabel="taken for", ylabel="true class")
        default = f"{wrong:,} of {total:,} wrong ({100 * wrong / total:.3g} %)"
        axes.set_title(printable_title(title, default))
        plain_frame(axes)
        figure.colorbar(image, ax=axes, label="share of the true class")
        save_figure(where, figure, checked)
    return figure


def _counts(where: str, matrix: npt.ArrayLike) -> Array:
    try:
        counts = np.asarray(matrix)
    except ValueError:
        counts = np.empty(0, object)
    whole = counts.dtype.kind in "iuf" and np.isfinite(counts).all() and (counts == np.floor(counts)).all()
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] and len(counts) > 1
    if not (square and whole and (counts >= 0).all() and counts.any()):
        given = f"an array of shape {counts.shape} and type {counts.dtype}"
        if square and whole:
            given = f"counts from {counts.min():g} to {counts.max():g}"
        raise InputError(
            where,
            given=given,
            expected="a square table of counts, rows the true classes, not all zero",
            fix="Pass cr.training.confusion_matrix(prediction, target)",
        )
    return counts.astype(np.int64)
