"""Samples as scikit-learn hands them over: dense or sparse, weighted, with classes of any name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.errors import InputError
from chainrule.nn.network import Network
from chainrule.ops.op import Array
from chainrule.training import predict
from chainrule.training.evaluate import CHUNK


class SparseMatrix(Protocol):
    """A sparse matrix of SciPy."""

    def tocsr(self) -> Any:
        """Return it by rows."""


#: What estimators take as samples.
Matrix: TypeAlias = "npt.ArrayLike | SparseMatrix"
RandomState: TypeAlias = "int | np.random.Generator | np.random.RandomState | None"


class FitSamples(NamedTuple):
    """Inputs (an array or a sparse matrix in rows), targets as the network wants them, and weights."""

    x: Any
    y: Array
    weights: Array | None

    def dense(self) -> tuple[Any, ...]:
        """Return them as arrays."""
        return dense(self.x), self.y, self.weights


class SparseBatches:
    """The batches of a sparse matrix, each made dense when its turn comes; the order is that of dense samples."""

    def __init__(self, data: FitSamples, size: int, generator: np.random.Generator | None) -> None:
        self.data, self.size, self.generator = data, size, generator

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        x, y, weights = self.data
        count = len(y)
        # As with dense samples: where one batch is all, nothing is shuffled.
        order = np.arange(count) if self.generator is None or self.size >= count else self.generator.permutation(count)
        for start in range(0, count, self.size):
            rows = order[start : start + self.size]
            batch = (dense(x[rows]), y[rows])
            yield batch if weights is None else (*batch, weights[rows])

    def __len__(self) -> int:
        return -(-len(self.data.y) // self.size)


def dense(x: Any) -> Array:
    """Return an array: `x` itself, or a sparse matrix with its zeros."""
    if isinstance(x, np.ndarray):
        return x
    array: Array = x.toarray()
    return array


def outputs(network: Network, x: Any) -> Array:
    """Return a network's outputs for samples that may be sparse."""
    return np.concatenate([predict(network, part) for part in _parts(x)])


def logits(network: Network, x: Any) -> Array:
    """Return what a network's last activation is applied to, for samples that may be sparse."""
    if network.objective.prediction_role == "logits" and not network.objective.fused:
        return outputs(network, x)
    graph = network.graph("prediction")
    (before,) = graph.root.children.values()
    place = graph.place(before)
    found = []
    for part in _parts(x):
        value = graph.values_on({"x": part})[place]
        assert value is not None
        found.append(value)
    return np.concatenate(found)


def _parts(x: Any) -> Iterator[Array]:
    return (dense(x[start : start + CHUNK]) for start in range(0, x.shape[0], CHUNK))


def weigh_classes(where: str, class_weight: Any, classes: Array, indices: Array, weights: Array | None) -> Array:
    """Return each sample's weight times that of its class.

    "balanced" gives all classes that occur the same total weight.

    Parameters
    ----------
    class_weight : mapping of label to float, or "balanced"
        A label that is left out weighs 1.
    classes : array, (classes,)
        The labels.
    indices : array, (samples,)
        The class of each sample, as a place in `classes`.
    """
    own = np.ones(len(indices)) if weights is None else weights.astype(np.float64)
    if isinstance(class_weight, str) and class_weight == "balanced":
        totals = np.bincount(indices.astype(np.intp, copy=False), weights=own, minlength=len(classes))
        present = totals > 0
        factors = np.divide(own.sum() / present.sum(), totals, out=np.ones(len(classes)), where=present)
    else:
        factors = class_factors(where, class_weight, classes)
    weighed: Array = own * factors[indices]
    if not weighed.any():
        raise InputError(
            f"{where} class_weight",
            given="0 for every class of y",
            expected="a weight above 0",
            fix="Leave class_weight out",
        )
    return weighed


def class_factors(where: str, class_weight: Any, classes: Array) -> Array:
    """Return the weight of each class, (classes,), from a mapping of label to weight."""
    known = classes.tolist()
    if not hasattr(class_weight, "items"):
        raise InputError(
            f"{where} class_weight",
            given=repr(class_weight)[:80],
            expected='a mapping of label to weight, or "balanced"',
            fix='Pass class_weight="balanced"',
        )
    strangers = [label for label in class_weight if label not in known]
    if strangers:
        raise InputError(
            f"{where} class_weight",
            given=f"a weight for {strangers[0]!r}",
            expected=f"labels of y: {known}",
            fix="Leave it out, or write the label as y does",
        )
    return np.array(
        [
            checks.number(f"{where} class_weight[{label!r}]", class_weight.get(label, 1), least=0, like=1)
            for label in known
        ]
    )
