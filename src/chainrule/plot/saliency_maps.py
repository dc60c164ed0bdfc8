"""Saliency: by how much an output would change with each number of a sample, beside the sample itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule import checks
from chainrule.arrays import counted
from chainrule.errors import InputError, ShapeError, UnknownNameError, nearest
from chainrule.graph import Graph, Node, derivative
from chainrule.nn import Network
from chainrule.ops.op import Array, Samples
from chainrule.plot.axes import new_figure, picture_shape, plain_number, show_signed, without_ticks
from chainrule.plot.hidden_layers import applied_graph
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
from chainrule.plot.surface import class_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_SAMPLES = 10
MOST_FEATURES = 30  # of a table


@checks.keywords
@documented
def saliency(
    network: Network,
    X: Samples,
    *,
    of: int | str | None = None,
    logits: bool = False,
    shape: tuple[int, int] | None = None,
    features: Sequence[str] | None = None,
    samples: Sequence[str] | None = None,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw ∂ŷ/∂x, the derivative of an output by each number of a sample: as a picture beside the sample, or as bars.

    Yellow pixels (bars to the right) would raise the output if they were larger, blue ones lower it. Each picture has
    a scale of its own, which ends at the figure below it; the bars of all samples have one.

    Parameters
    ----------
    network : Network
    X : array_like, (samples, features)
        At most 10 samples.
    of : int or str, optional
        The class whose output is differentiated, by its index or its name; for each sample the one that the network
        chooses if left out.
    logits : bool, default False
        Differentiate what enters the last softmax or sigmoid: it doesn't vanish where the network is very sure.
    shape : (rows, columns), optional
        Of the pictures; left out, the samples' own, or a square's if they have as many numbers as one of at least
        8 × 8. Other samples are rows of a table.
    features : sequence of str, optional
        Names of a table's columns; those that the network knows if left out.
    samples : sequence of str, optional
        What the samples are called; by their places in `X`, from 0, if left out.
    title : str, optional

    Raises
    ------
    InputError
        If the samples are too many or not finite, or something doesn't fit them.
    UnknownNameError
        If no class has this name.

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(1, inputs=2)])
    >>> network.parameters[:] = 3, -2, 0
    >>> figure = saliency(network, [[1.0, 1.0]], features=["width", "height"])
    >>> [float(bar.get_width()) for bar in figure.axes[0].patches]
    [3.0, -2.0]
    """
    where = "saliency"
    checked = figure_path(where, path)
    checks.instance(where, network, Network, "a cr.Network")
    network.only_head(where)
    x = network.as_samples(where, X)
    if len(x) > MOST_SAMPLES:
        raise InputError(
            where,
            given=f"{len(x):,} samples",
            expected=f"at most {MOST_SAMPLES}",
            fix=f"Pass some of them: X[:{MOST_SAMPLES}]",
        )
    network.check_finite(where, x)
    pictured = picture_shape(where, x.shape[1:], shape)
    if features is not None and len(features) != x[0].size:
        raise InputError(
            where,
            given=f"{counted(len(features), 'name')} in features",
            expected=f"a name for each of {x[0].size}",
            fix="Leave features out",
        )
    if samples is not None and len(samples) != len(x):
        raise InputError(
            where,
            given=f"{counted(len(samples), 'name')} in samples",
            expected=f"a name for each of {len(x)}",
            fix="Leave samples out",
        )
    told = [f"sample {i}" for i in range(len(x))] if samples is None else list(printable_names(samples))
    outputs, chosen, slopes = _derivatives(where, network, x, of, logits)
    names = class_names(where, network.classes, max(outputs.shape[1], 2))
    shown = [f"{told[i]}\n{_headline(network, names, outputs[i], k)}" for i, k in enumerate(chosen)]
    with styled(where):
        if pictured is not None:
            figure = _pictures(x.reshape(len(x), *pictured), slopes.reshape(len(x), *pictured), shown)
        else:
            known = features or network.feature_names or [f"x[{i}]" for i in range(x[0].size)]
            columns = list(printable_names(known))
            figure = _bars(x.reshape(len(x), -1), slopes.reshape(len(x), -1), shown, columns)
        default = "∂logit/∂x" if logits else "∂ŷ/∂x"
        default = f"samples, and below them {default}" if pictured is not None else default
        figure.suptitle(printable_title(title, default), fontsize=11)
        save_figure(where, figure, checked)
    return figure


def _derivatives(
    where: str, network: Network, x: Array, of: int | str | None, logits: bool
) -> tuple[Array, list[int], Array]:
    """Return the outputs, which of them is differentiated for each sample, and the derivatives."""
    graph = applied_graph(network, x.astype(network.input_dtype(network.dtype), copy=False))
    outputs = graph.root._value
    if outputs.ndim != 2:
        raise ShapeError(
            where,
            given=f"a network with outputs of shape {outputs.shape[1:]}",
            expected="a row of outputs for each sample",
            fix="Flatten them: cr.Flatten() as the last layer",
        )
    width = outputs.shape[1]
    chosen = [int(k) for k in outputs.argmax(axis=1)] if of is None else [_class(where, network, of, width)] * len(x)
    arriving = np.zeros_like(outputs)
    arriving[range(len(x)), chosen] = 1
    slopes = derivative(_logits(graph) if logits else graph.root, graph.inputs["x"], arriving)
    return outputs, chosen, slopes


def _logits(graph: Graph) -> Node:
    """Return what enters the last softmax or sigmoid; the output where it is neither."""
    root = graph.root
    return root.children["z"] if root.op is not None and root.op.name in ("softmax", "sigmoid") else root


def _class(where: str, network: Network, of: int | str, width: int) -> int:
    if isinstance(of, str):
        names = list(network.classes or ())[: width if width > 1 else 0]
        if of not in names:
            raise UnknownNameError(where, given=repr(of)[:80], expected="a class's name", fix=nearest(of, names))
        return names.index(of)
    return checks.whole(f"{where} of", of, least=0, most=width - 1)


def _headline(network: Network, names: tuple[str, ...], outputs: Array, k: int) -> str:
    """Return which output is differentiated, and its value."""
    value = float(outputs[k])
    if len(outputs) == 1:
        return f"ŷ = {plain_number(float(f'{value:.3g}'))}"
    return f"{names[k]}: {100 * value:.3g} %" if network.objective.takes_labels else f"{names[k]}: {value:.3g}"


def _pictures(samples: Array, slopes: Array, shown: list[str]) -> Figure:
    count = len(samples)
    columns = min(count, 5)
    bands = -(-count // columns)
    figure = new_figure(max(3.0, 1.55 * columns), 0.6 + 3.3 * bands)
    panels = figure.subplots(2 * bands, columns, squeeze=False)
    for axes in panels.flat:
        without_ticks(axes)
        axes.set_axis_off()
    for i in range(count):
        band, column = divmod(i, columns)
        above, below = panels[2 * band, column], panels[2 * band + 1, column]
        for axes in (above, below):
            axes.set_axis_on()
        above.imshow(samples[i], cmap="gray", interpolation="nearest")
        above.grid(False)
        above.set_title(shown[i], fontsize=9, pad=3)
        most = float(np.abs(slopes[i]).max())
        show_signed(below, slopes[i], most)
        below.set_xlabel(f"±{plain_number(float(f'{most:.2g}'))}" if most else "0 everywhere", fontsize=8)
    figure.set_layout_engine("compressed")
    return figure


def _bars(samples: Array, slopes: Array, shown: list[str], columns: list[str]) -> Figure:
    largest = np.sort(np.argsort(-np.abs(slopes).max(axis=0), kind="stable")[:MOST_FEATURES])
    figure = new_figure(1.6 + 2.1 * min(len(samples), 5), 1.2 + 0.26 * len(largest) + 0.2 * (len(samples) > 5))
    wide = min(len(samples), 5)
    bands = -(-len(samples) // wide)
    if bands > 1:
        figure.set_figheight(bands * (0.9 + 0.24 * len(largest)) + 0.4)
    panels = figure.subplots(bands, wide, sharex=True, sharey=True, squeeze=False)
    for i, axes in enumerate(panels.flat):
        if i >= len(samples):
            axes.set_axis_off()
            continue
        _bars_of_one(axes, slopes[i, largest])
        axes.set_title(shown[i], fontsize=9, pad=3)
        axes.tick_params(labelbottom=True)
    most = 1.08 * float(np.abs(slopes).max()) or 1.0
    panels[0, 0].set_xlim(-most, most)
    panels[0, 0].set_yticks(range(len(largest)), [columns[k] for k in largest])
    panels[0, 0].invert_yaxis()
    return figure


def _bars_of_one(axes: Axes, slopes: Array) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    colours = [CLASS_COLOURS[1] if slope >= 0 else CLASS_COLOURS[0] for slope in slopes]
    axes.barh(range(len(slopes)), slopes.tolist(), color=colours, height=0.7)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.grid(False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: plain_number(float(f"{v:.4g}"))))
