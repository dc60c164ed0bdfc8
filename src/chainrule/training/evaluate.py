"""Using a network: predictions, classes, and figures on data it is not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.nn import validation
from chainrule.nn.engines import ROWS
from chainrule.nn.network import Network
from chainrule.ops.activations import Sigmoid
from chainrule.ops.op import Array
from chainrule.ops.softmax import Softmax
from chainrule.threads import by_size
from chainrule.training.metrics import METRICS, Metric, named_metrics, predicted_classes, true_classes

CHUNK = 1024  # rows at a time: more bring no speed, only memory


@checks.keywords
def predict(network: Network, X: Any, *, batch_size: int = CHUNK) -> Array:
    """Return the network's outputs for samples it may not have seen.

    Safe to call from several threads at once.

    Parameters
    ----------
    network : Network
    X : array_like, (samples, features)
    batch_size : int, default 1024
        Rows at a time.

    Returns
    -------
    ndarray, (samples, …, outputs)
        Probabilities where the network ends in softmax or sigmoid. A fresh array.

    Raises
    ------
    InputError
        If the samples are not like those of training.

    Examples
    --------
    >>> import chainrule as cr
    >>> cr.predict(cr.Network([cr.Dense(1, inputs=2), cr.Sigmoid()]), [[0.0, 0.0]])
    array([[0.5]], dtype=float32)
    """
    checks.instance("predict", network, Network, "a cr.Network")
    x = network.as_samples("predict", X, mapped=True)
    validation.finite("predict", "X", x)
    size = checks.whole("predict batch_size", batch_size)
    with by_size(network.parameters.size * min(len(x), size, ROWS)):
        parts = [network.compute(network.cast(x[rows])) for rows in _chunks(len(x), size)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


@checks.keywords
def classify(network: Network, X: Any, *, batch_size: int = CHUNK) -> Array:
    """Return the class index of each sample: the largest output, or whether a single one is above ½.

    Where a sample has several rows of outputs, one for each time, each row has a class: (samples, time).

    ``network.classes`` has the names, where there are any.

    Raises
    ------
    NonFiniteError
        If a prediction is NaN, which is no class.

    Examples
    --------
    >>> import chainrule as cr
    >>> cr.classify(cr.Network([cr.Dense(3, inputs=2), cr.Softmax()]), [[0.0, 0.0]])
    array([0])
    """
    return predicted_classes(probabilities(network, predict(network, X, batch_size=batch_size)))


@checks.keywords
def evaluate(
    network: Network,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    metrics: Sequence[str | Metric] | str | Metric | None = None,
    batch_size: int = CHUNK,
) -> dict[str, Any]:
    """Return the data loss and other figures on these samples.

    Parameters
    ----------
    network : Network
    X, y : array_like
        Samples and targets, as `train` takes them.
    sample_weight : array_like, (samples,), optional
        For the loss; other figures count every sample once. Also (samples, time) where outputs are.
    metrics : sequence of str or function, optional
        Names, or functions of (prediction, target). Left out: ``error_rate`` (and ``min_confidence`` where there
        are probabilities) for classes, and ``mean_squared_error``.
    batch_size : int, default 1024
        Rows at a time.

    Returns
    -------
    dict
        ``"loss"`` and one entry a metric.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> sorted(cr.evaluate(cr.Network([cr.Dense(1, inputs=2), cr.Sigmoid()]), X, y))
    ['error_rate', 'loss', 'mean_squared_error', 'min_confidence']
    """
    checks.instance("evaluate", network, Network, "a cr.Network")
    x, target, weights = network.as_batch("evaluate", X, y, sample_weight, mapped=True)
    validation.finite("evaluate", "X", x)
    validation.finite("evaluate", "y", target)
    network.check_targets("evaluate", target)
    functions = default_metrics(network, target) if metrics is None else named_metrics(metrics)
    total = mass = 0.0
    outputs = []
    size = checks.whole("evaluate batch_size", batch_size)
    with by_size(network.parameters.size * min(len(x), size)):
        for rows in _chunks(len(x), size):
            part = None if weights is None else weights[rows]
            share = len(x[rows]) if part is None else float(part.sum(dtype=np.float64))
            if share == 0:
                outputs.append(network.compute(network.cast(x[rows])))
                continue
            loss, output = network.compute_with_loss(network.cast(x[rows]), target[rows], part)
            total, mass = total + loss * share, mass + share
            outputs.append(output)
    prediction = probabilities(network, np.concatenate(outputs))
    return {"loss": total / mass, **{name: metric(prediction, target) for name, metric in functions.items()}}


def default_metrics(network: Network, target: Array) -> dict[str, Metric]:
    """Return the metrics that have a meaning for this network and these targets."""
    names = ["mean_squared_error"]
    if true_classes(target, 1 + len(network.output_shape)) is not None:
        names.append("error_rate")
        if network.objective.takes_labels or network.objective.binary:
            names.append("min_confidence")
    return {name: METRICS[name] for name in names}


def probabilities(network: Network, outputs: Array) -> Array:
    """Return the outputs of a network as probabilities, where they are the logits of a loss on logits."""
    aim = network.objective
    if aim.fused or aim.prediction_role != "logits":
        return outputs
    op = Sigmoid() if aim.binary else Softmax()
    return np.asarray(op.forward(outputs))


def _chunks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))
