"""Hidden neurons over the plane: what each of them has learnt to tell apart, a small surface each."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import InputError
from chainrule.graph import Node
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.plot.grid import Surface, cells, output_names, points_of, surface_around
from chainrule.plot.hidden_layers import applied, hidden_layer
from chainrule.plot.painting import beyond, class_legend, frame, paint_points
from chainrule.plot.style import INK, figure_path, new_figure, save_figure, shown_names, shown_title, styled, two_sides

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELLS = 100  # along each axis of a panel
MOST_NEURONS = 64
_MOST_POINTS = 100  # in a panel, which is small


def neuron_surfaces(
    network: Network,
    X: Any,
    y: Any,
    layer: str | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    classes: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the value of every hidden neuron of a layer over the plane of the inputs, a panel a neuron.

    All panels have the same colours. A line marks where the neuron's weighted sum z is zero: for the first hidden
    layer it is straight, for later ones it is what the layers before have bent it to.

    Parameters
    ----------
    network : Network
        With two inputs.
    X : array_like, (samples, 2)
    y : array_like
        The points' classes, as for `decision_surface`.
    layer : str, optional
        The layer's name, such as ``"tanh_1"``; the first hidden one if left out.
    path : path, optional
        Where to save the picture; its name ends in .png or .svg.
    classes : sequence of str, optional
        The classes' names; the network's own if left out, or else their numbers.
    title : str, optional
        Left out, it names the layer.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the network does not have two inputs or no hidden layer, or the layer has more than 64 neurons.
    UnknownNameError
        If no layer has this name.
    NonFiniteError
        If a neuron is NaN or infinite somewhere.
    MissingExtraError
        If matplotlib is not installed.
    FileError
        If the file can't be written.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> figure = neuron_surfaces(cr.Network([cr.Dense(2, 3), cr.Tanh(), cr.Dense(1), cr.Sigmoid()]), X, y)
    >>> [axes.get_title() for axes in figure.axes[:3]]
    ['neuron 1', 'neuron 2', 'neuron 3']
    """
    where = "neuron_surfaces"
    checked = figure_path(where, path)
    points, labels = points_of(where, network, X, y)
    names = output_names(where, network, classes)
    name, node = hidden_layer(where, applied(network, points[:1]), layer)
    count = node.shape[1]
    if count > MOST_NEURONS:
        raise InputError(
            where,
            given=f"the layer {name!r} with {count} neurons",
            expected=f"at most {MOST_NEURONS}, that each can be seen",
            fix="Choose a smaller layer: layer=…",
        )

    def values(X: Array) -> Array:
        return hidden_layer(where, applied(network, X), name)[1]._value

    seen = surface_around(where, points, labels, values, names, CELLS, CELLS)
    sums = _weighted_sums(applied(network, cells(seen.x, seen.y, points.dtype)).names[name])
    with styled(where):
        columns = min(count, 4 if count <= 16 else 8)
        rows = -(-count // columns)
        side = 1.9 if columns <= 4 else 1.25
        figure = new_figure(max(4.4, side * columns + 1.2), side * rows + 1.1)
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        # Where one neuron grows far beyond the others, its summit gives way to them.
        most = float(np.quantile(np.abs(seen.outputs), 0.99)) or 1.0
        low = -most if (seen.outputs < 0).any() else 0.0
        for k, axes in enumerate(panels.flat):
            if k < count:
                image = _panel(axes, seen, sums, k, (low, most))
                axes.set_title(f"neuron {k + 1}" if columns <= 4 else str(k + 1), fontsize=9, pad=3)
                handles = _few_points(axes, seen, 0.5 if columns <= 4 else 0.25)
            else:
                axes.set_axis_off()
        look: dict[str, Any] = dict(extend=beyond(seen.outputs, low, most), shrink=min(1.0, 3.6 / rows))
        figure.colorbar(image, ax=panels, label=f"value in {shown_names([name])[0]}", **look)
        for axes in panels[:, 0]:
            axes.set_ylabel("input 2", fontsize=8)
        for k in range(max(0, count - columns), count):
            panels.flat[k].set_xlabel("input 1", fontsize=8)
            panels.flat[k].tick_params(labelbottom=True)
        figure.set_layout_engine("compressed")
        figure.suptitle(f"hidden layer {shown_names([name])[0]}" if title is None else shown_title(title), fontsize=11)
        class_legend(figure, handles, seen.labels, seen.names)
        save_figure(where, figure, checked)
    return figure


def _panel(axes: Axes, seen: Surface, sums: Array | None, k: int, limits: tuple[float, float]) -> Any:
    image = axes.imshow(
        seen.outputs[:, :, k],
        cmap=two_sides(),
        vmin=limits[0],
        vmax=limits[1],
        extent=seen.extent,
        origin="lower",
        interpolation="bilinear",
        aspect="auto",
    )
    border = seen.outputs[:, :, k] if sums is None else sums[:, k].reshape(seen.outputs.shape[:2])
    if border.min() < 0 < border.max():
        axes.contour(seen.x, seen.y, border, levels=[0], colors=INK, linewidths=1.2)
    frame(axes, seen)
    return image


def _few_points(axes: Axes, seen: Surface, scale: float) -> list[Any]:
    every = max(1, math.ceil(len(seen.points) / _MOST_POINTS))
    return paint_points(axes, seen.points[::every], seen.labels[::every], scale)


def _weighted_sums(node: Node) -> Array | None:
    """Return what an activation was applied to; None for a layer that is a weighted sum itself."""
    if len(node.children) != 1:
        return None
    (child,) = node.children.values()
    return child._value if child.shape == node.shape else None
