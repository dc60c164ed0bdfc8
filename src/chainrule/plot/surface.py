"""The decision surface of a network with two inputs: its outputs on a grid, as a picture and in characters."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import checks
from chainrule.arrays import as_array
from chainrule.errors import InputError, NonFiniteError, ShapeError
from chainrule.nn import Network
from chainrule.ops.op import Array, Samples
from chainrule.plot.axes import new_figure
from chainrule.plot.style import (
    CLASS_COLOURS,
    INK,
    MARKERS,
    diverging_colours,
    documented,
    figure_path,
    plain_frame,
    printable_names,
    printable_title,
    save_figure,
    styled,
)
from chainrule.training.evaluate import predict, probabilities
from chainrule.training.metrics import predicted_classes, true_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


CELLS = 300  # along each axis


@checks.keywords
@documented
def decision_surface(
    network: Network,
    X: Samples,
    y: Samples,
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
    classes : sequence of str, optional
        The classes' names; the network's own if left out, or else their numbers.
    title : str, optional
        Left out, the title says how many points are classified correctly.

    Raises
    ------
    InputError
        If the network does not have two inputs, or the data are no points with classes.
    NonFiniteError
        If the network's output is NaN or infinite somewhere.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> figure = cr.plot.decision_surface(cr.Network([cr.Dense(1, inputs=2), cr.Sigmoid()]), X, y)
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
        default = f"{right:,} of {len(seen.labels):,} points classified correctly"
        axes.set_title(printable_title(title, default))
        name_inputs(axes, network)
        if axes.get_aspect() == 1:
            figure.set_layout_engine("compressed")  # no empty margins where the shape is given
        save_figure(where, figure, checked)
    return figure


_MARGIN = 0.12  # of the points' extent, on every side


@dataclass(frozen=True)
class Surface:
    """A network's outputs over a rectangle, and the points in it.

    Attributes
    ----------
    x, y : ndarray
        The coordinates of the cells' centres along the first and the second input.
    outputs : ndarray, (len(y), len(x), outputs)
        The network's outputs there, as probabilities where they are logits.
    points : ndarray, (samples, 2)
    labels : ndarray, (samples,)
        The class of each point.
    predicted : ndarray, (samples,)
        What the network takes each point for.
    names : tuple of str
        The classes' names.
    """

    x: Array
    y: Array
    outputs: Array
    points: Array
    labels: Array
    predicted: Array
    names: tuple[str, ...]

    @property
    def binary(self) -> bool:
        """Whether one output decides between two classes."""
        return len(self.outputs[0, 0]) == 1

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """The rectangle's edges: left, right, bottom, top."""
        return (*_edges(self.x), *_edges(self.y))

    @property
    def classes(self) -> Array:
        """The class that the network chooses in each cell."""
        return predicted_classes(self.outputs.reshape(-1, self.outputs.shape[2])).reshape(self.outputs.shape[:2])


def surface(where: str, network: Network, X: Any, y: Any, classes: Any, columns: int, rows: int) -> Surface:
    """Return the network's outputs on a grid of columns × rows cells around the points `X`.

    Raises
    ------
    InputError
        If the network does not have two inputs, or the data are no points with classes.
    NonFiniteError
        If an output is NaN or infinite.
    """
    points, labels = points_of(where, network, X, y)
    names = output_names(where, network, classes)
    return surface_around(where, points, labels, lambda X: outputs_at(network, X), names, columns, rows)


def points_of(where: str, network: Network, X: Any, y: Any) -> tuple[Array, Array]:
    """Return points of the plane and the class of each, for a network with two inputs."""
    checks.instance(where, network, Network, "a cr.Network")
    shape = network.sample_shape
    if shape not in (None, (2,)):
        inputs = (
            f"{shape[0]} input{'s' * (shape[0] != 1)}" if shape and len(shape) == 1 else f"samples of shape {shape}"
        )
        raise InputError(
            where,
            given=f"a network with {inputs}",
            expected="2 inputs, the axes of the picture",
            fix="Look at other networks through cr.plot.learning_curve, confusion_matrix, weights and saliency",
        )
    given = as_array(where, "X", X)
    column = shape is not None and given.shape[1:] == (2, 1)  # which `as_batch` takes where it is told two inputs
    if (
        given.ndim > 1 and given.shape[1:] != (2,) and not column
    ):  # before a network that isn't built takes the shape for its own
        raise ShapeError(
            where,
            given=f"X with shape {given.shape}",
            expected="points of the plane: (samples, 2)",
            fix="Pass the two features that the network was trained on",
        )
    network.only_head(where)
    points, target, _ = network.as_batch(where, X, y)
    network.check_finite(where, points)
    network.check_targets(where, target)
    if network.task == "multilabel":
        raise InputError(
            where,
            given="a network for several labels a sample",
            expected="one class a sample, which a place can be coloured by",
            fix="Draw one label at a time, of a network with one output",
        )
    labels = true_classes(target)
    if labels is None:
        raise InputError(
            where,
            given="y with quantities",
            expected="classes: class indices, zeros and ones, or rows with a single one",
            fix="Draw curves and residuals of a regression with matplotlib itself",
        )
    return points, labels


def surface_around(
    where: str,
    points: Array,
    labels: Array,
    outputs_at: Callable[[Array], Array],
    names: tuple[str, ...],
    columns: int,
    rows: int,
) -> Surface:
    """Return what a function of points gives on a grid of columns × rows cells around some of them."""
    across, up = (centres(points[:, axis], count) for axis, count in ((0, columns), (1, rows)))
    grid = cells(across, up, points.dtype)
    outputs = outputs_at(grid)
    bad = int((~np.isfinite(outputs)).any(axis=1).sum())
    if bad:
        raise NonFiniteError(
            where,
            given=f"a network whose output is NaN or infinite at {bad} of {len(grid)} places",
            expected="finite outputs",
            fix="Train it anew with a smaller learning rate, or look for NaN in network.parameters",
        )
    return Surface(
        x=across,
        y=up,
        outputs=outputs.reshape(rows, columns, -1),
        points=points,
        labels=labels,
        predicted=predicted_classes(outputs_at(points)),
        names=names,
    )


def cells(across: Array, up: Array, dtype: Any) -> Array:
    """Return the points of a grid as rows, the first coordinate running fastest."""
    return np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype(dtype)


def output_names(where: str, network: Network, classes: Any) -> tuple[str, ...]:
    """Return the names of the classes that a network decides between."""
    count = int(network.graph("prediction").root.shape[1])
    return class_names(where, network.classes if classes is None else classes, max(count, 2))


def input_names(network: Network) -> tuple[str, str]:
    """Return what a network's two inputs are called."""
    first, second = printable_names(network.feature_names or ("x[0]", "x[1]"))
    return first, second


def name_inputs(axes: Axes, network: Network) -> None:
    """Write what a network's two inputs are called beside the plane of them."""
    across, up = input_names(network)
    axes.set(xlabel=across, ylabel=up)


def class_names(where: str, classes: Sequence[Any] | None, count: int) -> tuple[str, ...]:
    """Return the names of `count` classes in the form to show them, or "class 0" and so on."""
    if classes is None:
        return tuple(f"class {k}" for k in range(count))
    names = [] if isinstance(classes, str) else list(classes)
    if len(names) != count:
        raise InputError(
            where,
            given=f"the text {classes!r}"[:200] if isinstance(classes, str) else f"{len(names)} names in classes",
            expected=f"a name for each of the {count} classes",
            fix="Pass a list of names, in the order of the class indices",
        )
    return printable_names(names)


def outputs_at(network: Network, X: Array) -> Array:
    """Return the network's outputs, as probabilities where they are logits."""
    return probabilities(network, predict(network, X))


def centres(values: Array, count: int) -> Array:
    """Return the centres of `count` cells over the values and a margin on both sides."""
    low, high = float(values.min()), float(values.max())
    margin = _MARGIN * (high - low) if high > low else max(1.0, 0.1 * abs(low))
    low, step = low - margin, (high - low + 2 * margin) / count
    return low + step * (np.arange(count) + 0.5)


def _edges(centres: Array) -> tuple[float, float]:
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    return float(centres[0] - step / 2), float(centres[-1] + step / 2)


MOST_POINTS = 4000  # drawn; more only cover each other


def paint(figure: Figure, axes: Axes, seen: Surface, *, probability: bool, bar: bool = True) -> list[Any]:
    """Paint a surface and its points into axes; return what a legend of the classes is made of.

    Parameters
    ----------
    probability : bool
        Whether a single output is the probability of the second class.
    bar : bool
        Whether a bar beside it says what the colours mean.
    """
    (_two_classes if seen.binary else _several_classes)(figure, axes, seen, probability, bar)
    left, right, bottom, top = seen.extent
    axes.set(xlim=(left, right), ylim=(bottom, top))
    frame(axes, seen)
    return paint_points(axes, seen.points, seen.labels)


def frame(axes: Axes, seen: Surface) -> None:
    """Frame a painted surface, its sides in proportion where they are alike enough to be lengths in the same unit."""
    left, right, bottom, top = seen.extent
    if 0.5 < (right - left) / (top - bottom) < 2:
        axes.set_aspect("equal")
    plain_frame(axes)


def colour_bar_ends(values: Array, low: float, high: float) -> str:
    """Return at which ends of a colour bar from `low` to `high` an arrow says that there is more."""
    ends = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    return ends[bool(values.min() < low), bool(values.max() > high)]


def _two_classes(figure: Figure, axes: Axes, seen: Surface, probability: bool, bar: bool) -> None:
    values = seen.outputs[:, :, 0]
    image = axes.imshow(
        values,
        cmap=diverging_colours(),
        vmin=0,
        vmax=1,
        extent=seen.extent,
        origin="lower",
        interpolation="bilinear",
        aspect="auto",
    )
    if bar:
        drawn = figure.colorbar(image, ax=axes, extend=colour_bar_ends(values, 0, 1), ticks=[0, 0.25, 0.5, 0.75, 1])
        drawn.set_label(f"probability of {seen.names[1]}" if probability else f"output, {seen.names[1]} above ½")
        drawn.ax.axhline(0.5, color=INK, linewidth=1.4)
    if values.min() < 0.5 < values.max():
        axes.contour(seen.x, seen.y, values, levels=[0.5], colors=INK, linewidths=1.4)


def _several_classes(figure: Figure, axes: Axes, seen: Surface, probability: bool, bar: bool) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb

    count = seen.outputs.shape[2]
    chance = 1 / count
    sureness = np.clip((seen.outputs.max(axis=2) - chance) / (1 - chance), 0, 1)
    depth = (0.12 + 0.58 * sureness)[:, :, None]
    colours = np.array([to_rgb(class_colour(k)) for k in range(count)])
    axes.imshow(
        1 - depth * (1 - colours[seen.classes]),
        extent=seen.extent,
        origin="lower",
        interpolation="nearest",
        aspect="auto",
    )
    for k in range(count):
        margin = _margin(seen.outputs, k)
        if margin.min() < 0 < margin.max():
            axes.contour(seen.x, seen.y, margin, levels=[0], colors=INK, linewidths=1.0)
    if bar:
        greys = LinearSegmentedColormap.from_list("sureness", [str(1 - 0.12), str(1 - 0.7)])
        figure.colorbar(ScalarMappable(Normalize(chance, 1), greys), ax=axes, label="output of the chosen class")


def _margin(outputs: Array, k: int) -> Array:
    """Return by how much class k leads the best of the others; zero where the choice changes."""
    lead: Array = outputs[:, :, k] - np.delete(outputs, k, axis=2).max(axis=2)
    return lead


def paint_points(axes: Axes, points: Array, labels: Array, scale: float = 1.0) -> list[Any]:
    """Paint points, of very many some, in the colours of their classes; return handles for a legend."""
    from matplotlib.lines import Line2D

    every = drawn_every(len(points))
    points, labels = points[::every], labels[::every]
    size = scale * float(np.clip(2400 / len(points), 14, 70))
    rim = 0.1 * math.sqrt(size)
    handles = []
    for k in np.unique(labels).tolist():
        x, y = points[labels == k].T
        marker, colour = MARKERS[k % len(MARKERS)], class_colour(k)
        # A dark rim around a light one: seen on any ground.
        axes.scatter(x, y, s=2.1 * size, color=INK, linewidths=0, marker=marker, zorder=3)
        axes.scatter(x, y, s=size, color=colour, edgecolors="white", linewidths=rim, marker=marker, zorder=3)
        handles.append(Line2D([], [], linestyle="", marker=marker, color=colour, markeredgecolor=INK, markersize=8))
    return handles


def class_legend(figure: Figure, handles: list[Any], labels: Array, names: tuple[str, ...]) -> None:
    """Put a legend of the painted classes below the picture."""
    every = drawn_every(len(labels))
    shown = [names[k] for k in np.unique(labels[::every])]
    legend = figure.legend(handles, shown, loc="outside lower center", ncols=min(len(shown), 5))
    if every > 1:
        legend.set_title(f"{len(labels[::every]):,} of {len(labels):,} points drawn")


def drawn_every(count: int) -> int:
    """Return the distance between points that are drawn, of so many."""
    return -(-count // MOST_POINTS)


def class_colour(k: int) -> str:
    """Return the colour of a class."""
    return CLASS_COLOURS[k % len(CLASS_COLOURS)]


_MARKS = "0123456789"
# Two shades on either side of ½, with a step between the sides; for several classes, one shade a class.
_SIDES = {False: " ░▓█", True: " .*#"}
_REGIONS = {False: " ░▒▓█·+×~=", True: " .:-=+*#%@"}
_FRAME = {False: "┌┐└┘─│", True: "++++-|"}


@checks.keywords
def surface_text(
    network: Network,
    X: Samples,
    y: Samples,
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
    >>> network = cr.Network([cr.Dense(1, inputs=2), cr.Sigmoid()])
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
