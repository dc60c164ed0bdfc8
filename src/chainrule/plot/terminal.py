"""A decision surface drawn with characters, for a terminal: no colour and no matplotlib needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.plot.grid import Surface, surface

_MARKS = "0123456789"
# Two shades on either side of ½, with a step between the sides; for several classes, one shade a class.
_SIDES = {False: " ░▓█", True: " .*#"}
_REGIONS = {False: " ░▒▓█·+×~=", True: " .:-=+*#%@"}
_FRAME = {False: "┌┐└┘─│", True: "++++-|"}


def surface_text(
    network: Network,
    X: Any,
    y: Any,
    width: int = 48,
    height: int = 18,
    *,
    classes: Sequence[str] | None = None,
    plain: bool = False,
) -> str:
    """Draw a decision surface in text: a shade where the network chooses a class, a digit where a point lies.

    Parameters
    ----------
    network : Network
        With two inputs.
    X : array_like, (samples, 2)
    y : array_like
        The points' classes: indices (samples,), a column of zeros and ones, or rows with a single one.
    width, height : int
        Of the surface in characters, frame and legend not counted.
    classes : sequence of str, optional
        The classes' names; the network's own if left out, or else their numbers.
    plain : bool, default False
        Draw with ASCII alone, for terminals that know nothing else.

    Returns
    -------
    str
        Lines without a final newline. Names in it are printable, but may hold another program's markup.

    Raises
    ------
    InputError
        If the network does not have two inputs, or the data are no points with classes.
    NonFiniteError
        If the network's output is NaN or infinite somewhere.

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(2, 1), cr.Sigmoid()])
    >>> network.parameters[:] = 4, 0, -2
    >>> print(surface_text(network, [[0, 0], [1, 1]], [[0], [1]], width=12, height=3, plain=True))
     1.12 +------------+
          |   ...***#1#|
          |   ...***###|
    -0.12 | 0 ...***###|
          +------------+
           -0.12   1.12
    points: 0 class 0, 1 class 1; output: ' .*#' from 0 to 1, class 1 above 0.5
    """
    where = "surface_text"
    width = checks.whole(f"{where} width", width, least=8, most=400)
    height = checks.whole(f"{where} height", height, least=3, most=200)
    seen = surface(where, network, X, y, classes, width, height)
    shades = (_SIDES if seen.binary else _REGIONS)[bool(plain)]
    if len(seen.names) > len(_MARKS):
        raise InputError(
            where,
            given=f"{len(seen.names)} classes",
            expected=f"at most {len(_MARKS)}",
            fix="Draw the picture instead: cr.plot.decision_surface",
        )
    cells = np.array(list(shades))[_levels(seen, len(shades))]
    _mark(cells, seen)
    return "\n".join([*_framed(cells[::-1], seen, _FRAME[bool(plain)]), *_legend(seen, shades)])


def _levels(seen: Surface, count: int) -> Array:
    """Return the index of each cell's shade."""
    if not seen.binary:
        return seen.classes
    levels: Array = np.clip(np.floor(seen.outputs[:, :, 0] * count), 0, count - 1).astype(np.intp)
    return levels


def _mark(cells: Array, seen: Surface) -> None:
    """Write each point's class into its cell; where several fall into one, the class most of them have."""
    left, right, bottom, top = seen.extent
    rows, columns = cells.shape
    column = np.clip(np.floor((seen.points[:, 0] - left) / (right - left) * columns), 0, columns - 1).astype(np.intp)
    row = np.clip(np.floor((seen.points[:, 1] - bottom) / (top - bottom) * rows), 0, rows - 1).astype(np.intp)
    votes = np.zeros((rows, columns, len(seen.names)), np.intp)
    np.add.at(votes, (row, column, seen.labels), 1)
    taken = votes.any(axis=2)
    cells[taken] = np.array(list(_MARKS))[votes.argmax(axis=2)[taken]]


def _framed(cells: Array, seen: Surface, frame: str) -> list[str]:
    left, right, bottom, top = (f"{edge:.3g}" for edge in seen.extent)
    indent = max(len(bottom), len(top))
    width = cells.shape[1]
    sides = [top, *[""] * (len(cells) - 1), bottom, ""]
    lines = [frame[0] + frame[4] * width + frame[1]]
    lines += [frame[5] + "".join(row) + frame[5] for row in cells]
    lines += [frame[2] + frame[4] * width + frame[3]]
    lines = [f"{side:>{indent}} {line}" for side, line in zip(sides, lines)]
    return [*lines, f"{'':{indent + 2}}{left}{right:>{width - len(left)}}"]


def _legend(seen: Surface, shades: str) -> list[str]:
    if seen.binary:
        points = ", ".join(f"{_MARKS[k]} {name}" for k, name in enumerate(seen.names))
        return [f"points: {points}; output: {shades!r} from 0 to 1, {seen.names[1]} above 0.5"]
    return ["  ".join(f"{_MARKS[k]} {shades[k]!r} {name}" for k, name in enumerate(seen.names))]
