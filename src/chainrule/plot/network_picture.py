"""The neurons of a network and the edges between them, as a picture: `network_layout` says where everything stands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chainrule import checks
from chainrule.nn import Network
from chainrule.ops.op import Samples
from chainrule.plot.axes import new_figure
from chainrule.plot.network_layout import (
    LONG_NUMBER,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    RADIUS,
    Highlight,
    Label,
    NetworkLayout,
    drawn_network,
)
from chainrule.plot.right_to_left import right_to_left
from chainrule.plot.style import INK, documented, figure_path, printable_title, save_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PIXELS = 96  # in an inch
_POINTS = 72 / _PIXELS
_TITLE = 26.0  # pixels for a line of the title
_COLOURS = {"positive": POSITIVE, "negative": NEGATIVE}
_DASHES = {"zero": (0, (0.1, 3)), "frozen": (0, (3, 2.5))}
_SIZES = {"name": 9.0, "note": 8.3, "label": 9.0, "number": 7.5, "dots": 13.0}
_FAINT = 0.22
_NEURON, _FAINT_INK = "#F0F0F0", "#CCCCCC"


@checks.keywords
@documented
def network(
    network: Network,
    x: Samples | None = None,
    y: Samples | None = None,
    *,
    show: str = "weights",
    language: str = "en",
    highlight: Highlight = (),
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a network: its neurons in columns, and an edge for each weight, coloured by its sign, wide by its size.

    A column holds the neurons of one layer; what their sums go through stands below them. Of more than ten neurons
    the first four and the last are drawn, and the number of all is told. Neurons that are handed on as they are, to a
    skip connection or beside other branches, have grey edges. A layer that can't be shown as neurons is a box.

    Parameters
    ----------
    network : Network
        It is not changed.
    x : array_like, optional
        One sample, whose values stand in the neurons; for derivatives it may be a batch, without values then.
    y : array_like, optional
        The targets of `x`, for derivatives.
    show : {"weights", "gradients"}
        What the edges show: each weight w, or ∂C/∂w, of the cost on these samples, penalties included and nothing
        dropped out.
    language : {"en", "he"}
        Of the legend.
    highlight : iterable of (layer, i, j) or (layer, j), optional
        Edges, from neuron i before the layer to its neuron j, and neurons that stand out, such as the path from one
        weight to the output. The rest fades. Neurons are counted from 0.
    title : str, optional

    Raises
    ------
    InputError
        If samples or targets are missing, or given without a use; or the network has no such edge or neuron.
    NonFiniteError
        If something that is drawn is NaN or infinite.

    Examples
    --------
    >>> import chainrule as cr
    >>> xor = cr.Network([cr.Dense(2, "tanh"), cr.Dense(1), cr.Sigmoid()], inputs=2)
    >>> figure = network(xor, [[1.0, 0.0]])
    >>> [text.get_text() for text in figure.axes[0].texts if "dense" in text.get_text()]
    ['dense_1', 'dense_2']
    """
    where = "network"
    checked = figure_path(where, path)
    layout = drawn_network(where, network, x, y, show, language, highlight)
    with styled(where):
        figure = _drawn(layout, None if title is None else printable_title(title))
        save_figure(where, figure, checked)
    return figure


def _drawn(layout: NetworkLayout, title: str | None) -> Figure:
    above = 0.0 if title is None else _TITLE * (1 + title.count("\n"))
    height = layout.height + above
    figure = new_figure(layout.width / _PIXELS, height / _PIXELS)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, layout.height / height))
    axes.set_axis_off()
    axes.set(xlim=(0, layout.width), ylim=(layout.height, 0))
    _draw_lines(axes, layout)
    _draw_shapes(axes, layout)
    for label in layout.labels:
        _write(axes, label)
    if title is not None:
        figure.text(0.5, 1 - 0.5 * above / height, right_to_left(title), ha="center", va="center", fontsize=11)
    return figure


def _draw_lines(axes: Axes, layout: NetworkLayout) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    for line in layout.lines:
        axes.plot(
            (line.x1, line.x2),
            (line.y1, line.y2),
            color=_COLOURS.get(line.kind, NEUTRAL),
            linewidth=line.width * _POINTS,
            linestyle=_DASHES.get(line.kind, "-"),
            dash_capstyle="round",
            solid_capstyle="round",
            alpha=_FAINT if line.faint else 1.0,
            zorder=3 if line.on else 2,
        )
    for arrow in layout.arrows:
        axes.add_patch(
            FancyArrowPatch(
                path=Path(arrow.points),
                arrowstyle="-|>",
                mutation_scale=9,
                shrinkA=0,
                shrinkB=0,
                color=NEUTRAL,
                linewidth=1.2,
                alpha=_FAINT if arrow.faint else 1.0,
            )
        )


def _draw_shapes(axes: Axes, layout: NetworkLayout) -> None:
    from matplotlib.patches import Circle, FancyBboxPatch

    for box in layout.boxes:
        corner = box.x - box.width / 2, box.y - box.height / 2
        look = "round,pad=0,rounding_size=7"
        axes.add_patch(
            FancyBboxPatch(corner, box.width, box.height, boxstyle=look, facecolor=_NEURON, edgecolor=INK, zorder=4)
        )
    for circle in layout.circles:
        ink = _FAINT_INK if circle.faint else INK
        thick = 2.4 if circle.on else 0.9
        axes.add_patch(
            Circle((circle.x, circle.y), RADIUS, facecolor=_NEURON, edgecolor=ink, linewidth=thick, zorder=4)
        )
        if circle.text:
            size = 6.3 if len(circle.text) > LONG_NUMBER else 7.5
            axes.text(circle.x, circle.y, circle.text, ha="center", va="center", fontsize=size, color=ink, zorder=5)


def _write(axes: Axes, label: Label) -> None:
    anchors = {"middle": "center", "start": "left", "end": "right"}
    axes.text(
        label.x,
        label.y,
        right_to_left(label.text),
        ha=anchors[label.anchor],
        va="center",
        rotation=-label.angle,
        rotation_mode="anchor",
        fontsize=_SIZES[label.kind],
        fontweight="bold" if label.kind == "name" else "normal",
        alpha=_FAINT if label.faint else 1.0,
        zorder=5,
    )
