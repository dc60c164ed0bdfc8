"""Weights as pictures: what each neuron of a layer looks for in an image, or any matrix of weights as a heat map."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, NonFiniteError, UnknownNameError, nearest
from chainrule.graph import Parameter
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.plot.axes import new_figure, picture_shape, show_signed, without_ticks
from chainrule.plot.style import (
    documented,
    figure_path,
    plain_frame,
    printable_names,
    printable_title,
    save_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NEURONS = 100  # drawn as pictures; more would be too small to see
_NUMBERED = 14  # rows and columns of a heat map, up to which each weight is written
_NAMED = 24  # inputs whose names stand beside their rows, each row as high as a name


@checks.keywords
@documented
def weights(
    network: Network,
    layer: str | None = None,
    *,
    shape: tuple[int, int] | None = None,
    heat_map: bool = False,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a layer's weights: a picture for each neuron where its inputs are one, or else the matrix as a heat map.

    Yellow is positive, blue negative, grey zero, on one scale for the whole layer. In a picture, the weights of a
    neuron lie where the pixels lie that they belong to: it shows what the neuron answers to. In a heat map a row is
    an input and a column a neuron, as in the matrix W of x W + b; both are counted from 0, and inputs have the names
    that the network knows.

    Parameters
    ----------
    network : Network
    layer : str, optional
        The layer, ``"dense_1"``, or one of its parameters, ``"dense_1.weights"``; the first with weights if left out.
    shape : (rows, columns), optional
        Of the pictures. Left out, the weights that meet the samples are pictures if a sample has rows and columns,
        or as many numbers as a square of at least 8 × 8; those of later layers never are.
    heat_map : bool, default False
        Draw the matrix even so.
    title : str, optional
        Left out, it says what is drawn.

    Raises
    ------
    InputError
        If the layer has no matrix of weights, or `shape` doesn't fit its inputs.
    UnknownNameError
        If no layer has this name.
    NonFiniteError
        If a weight is NaN or infinite.

    Examples
    --------
    >>> import chainrule as cr
    >>> figure = weights(cr.Network([cr.Dense(10, inputs=64)]))
    >>> figure.axes[0].images[0].get_array().shape
    (8, 8)
    >>> weights(cr.Network([cr.Dense(3, inputs=2)])).axes[0].get_xlabel()
    'neuron'
    """
    where = "weights"
    checked = figure_path(where, path)
    checks.instance(where, network, Network, "a cr.Network")
    parameter = _matrix(where, network, layer)
    matrix = np.array(parameter.value)
    bad = int((~np.isfinite(matrix)).sum())
    if bad:
        raise NonFiniteError(
            where,
            given=f"{parameter.name!r} with {bad} numbers that are NaN or infinite",
            expected="finite weights",
            fix="Train anew with a smaller learning rate",
        )
    pictured = None
    meets_samples = matrix.shape[0] == np.prod(network.sample_shape or ()) and _is_first(network, parameter)
    if not heat_map and (shape is not None or meets_samples):
        samples = network.sample_shape if meets_samples and network.sample_shape else (matrix.shape[0],)
        pictured = picture_shape(where, samples, shape)
    with styled(where):
        names = network.feature_names if meets_samples else None
        figure = _heat_map(matrix, names) if pictured is None else _pictures(matrix, pictured)
        drawn = "" if pictured is None or matrix.shape[1] <= MOST_NEURONS else f", the first {MOST_NEURONS} neurons"
        default = f"{printable_names([parameter.name])[0]}, {matrix.shape[0]} × {matrix.shape[1]}{drawn}"
        figure.suptitle(printable_title(title, default), fontsize=11)
        save_figure(where, figure, checked)
    return figure


def _matrix(where: str, network: Network, layer: str | None) -> Parameter:
    """Return the matrix that is meant."""
    known = {name: leaf for name, leaf in network.leaves.items() if isinstance(leaf, Parameter)}
    matrices = {name: leaf for name, leaf in known.items() if len(leaf.shape) == 2}
    if layer is None and matrices:
        return next(iter(matrices.values()))
    of_layer = [leaf for name, leaf in matrices.items() if name == layer or name.startswith(f"{layer}.")]
    if of_layer:
        return of_layer[0]
    if layer is None or layer in known:
        raise InputError(
            where,
            given="a network without a matrix of weights"
            if layer is None
            else f"{layer!r}, of shape {known[layer].shape}",
            expected="a matrix: inputs × neurons",
            fix="Choose one of: " + (", ".join(matrices) or "cr.Dense layers have them"),
        )
    layers = {name.rsplit(".", 1)[0] for name in matrices}
    raise UnknownNameError(
        where, given=repr(layer)[:80], expected="a layer with weights", fix=nearest(str(layer), layers)
    )


def _is_first(network: Network, parameter: Parameter) -> bool:
    """Return whether a parameter meets the samples, which nothing learnt has changed before."""
    for node in network.graph("prediction").nodes:
        if parameter in node.children.values():
            return not any(child.learnt for child in node.children.values() if not isinstance(child, Parameter))
    return False


def _pictures(matrix: Array, shape: tuple[int, int]) -> Figure:
    count = min(matrix.shape[1], MOST_NEURONS)
    columns = min(count, 10 if count > 36 else 6 if count > 12 else 5)
    rows = -(-count // columns)
    side = 0.75 if columns == 10 else 1.1
    figure = new_figure(side * columns * max(1.0, shape[1] / shape[0]) + 1.2, (side + 0.14) * rows + 0.4)
    panels = figure.subplots(rows, columns, squeeze=False)
    most = _most(matrix)
    for k, axes in enumerate(panels.flat):
        without_ticks(axes)
        if k < count:
            image = show_signed(axes, matrix[:, k].reshape(shape), most)
            axes.set_title(str(k), fontsize=7, pad=2)
        else:
            axes.set_axis_off()
    figure.colorbar(image, ax=panels, label="weight", extend="both", shrink=min(1.0, 3.4 / rows), fraction=0.05)
    figure.set_layout_engine("compressed")
    return figure


def _most(matrix: Array) -> float:
    """Return where the colours end: at nearly the largest weight, lest a single one take the contrast from all."""
    return float(np.quantile(np.abs(matrix), 0.995))


def _heat_map(matrix: Array, names: Sequence[str] | None) -> Figure:
    rows, columns = matrix.shape
    written = max(rows, columns) <= _NUMBERED
    cell = 0.42 if written else 5.0 / max(rows, columns)
    named = names is not None and (written or rows <= _NAMED)
    high = max(cell, 0.17) if named else cell
    height = max(2.6, high * rows + 1.1)
    figure = new_figure(max(3.6, cell * columns + 1.8), height)
    axes = figure.subplots()
    alike = written or (1 / 6 < rows / columns < 6 and high == cell)
    most = float(np.abs(matrix).max()) if written else _most(matrix)
    image = show_signed(axes, matrix, most, "equal" if alike else "auto")
    if written:
        for (i, k), weight in np.ndenumerate(matrix):
            colour = "white" if weight < -0.3 * most else "black"
            axes.text(k, i, f"{weight:.2f}".replace("-", "−"), ha="center", va="center", fontsize=6.5, color=colour)
    for axis, count in ((axes.xaxis, columns), (axes.yaxis, rows)):
        step = (
            1 if written else next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, count) if count / step <= 10)
        )
        axis.set_ticks(range(0, count, step))
    if named and names is not None:
        axes.set_yticks(range(rows), printable_names(names))
    axes.set(xlabel="neuron", ylabel="input")
    plain_frame(axes)
    figure.colorbar(image, ax=axes, label="weight", extend="neither" if written else "both")
    if alike:
        figure.set_layout_engine("compressed")
    return figure
