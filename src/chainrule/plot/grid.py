"""What a decision surface shows, in numbers: the network's outputs on a grid around the points, and the points.

The picture and the text drawing are two views of the same `Surface`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.data.dataset import as_array
from chainrule.errors import InputError, NonFiniteError, ShapeError
from chainrule.nn import Network, validation
from chainrule.ops.op import Array
from chainrule.plot.style import shown_names
from chainrule.training.evaluate import predict, probabilities
from chainrule.training.metrics import predicted_classes, true_classes

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
    if given.ndim > 1 and given.shape[1:] != (2,):  # before a network that isn't built takes the shape for its own
        raise ShapeError(
            where,
            given=f"X with shape {given.shape}",
            expected="points of the plane: (samples, 2)",
            fix="Pass the two features that the network was trained on",
        )
    points, target, _ = network.as_batch(where, X, y)
    validation.finite(where, "X", points)
    network.check_targets(where, target)
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
    return shown_names(names)


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
