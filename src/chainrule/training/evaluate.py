"""Using a network: predictions, classes, and figures on data it is not trained on."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.data.dataset import Dataset
from chainrule.errors import InputError, MisuseError, UnknownNameError
from chainrule.generators import Generators
from chainrule.nn import validation
from chainrule.nn.engines import ROWS
from chainrule.nn.heads import Head
from chainrule.nn.network import Network
from chainrule.ops.activations import Sigmoid
from chainrule.ops.op import Array, Samples
from chainrule.ops.softmax import Softmax
from chainrule.threads import by_size
from chainrule.training.measures import Measure, figure_fix, named_measures
from chainrule.training.metrics import Metrics, expect_classes, predicted_classes, true_classes
from chainrule.training.pairs import samples_and_targets

CHUNK = 1024  # rows at a time: more bring no speed, only memory


@checks.keywords_and(test_data="X")
def predict(
    network: Network, X: Samples, *, batch_size: int = CHUNK, samples: int | None = None, seed: int | None = None
) -> Array:
    """Return the network's outputs for samples it may not have seen.

    Safe to call from several threads at once.

    With `samples`, dropout stays on and each prediction is made so many times, each time by another thinned network.
    Their mean is a prediction, and how far they lie apart says how unsure the network is (Y. Gal and Z. Ghahramani,
    *Dropout as a Bayesian approximation*, 2016). Nothing else is as in training: running statistics stay as they are,
    and the network's own generators too.

    Parameters
    ----------
    network : Network
    X : array_like, (samples, features), or data set
    batch_size : int, default 1024
        Rows at a time.
    samples : int, optional
        How many predictions of each row to draw with dropout.
    seed : int, default 0
        From which they are drawn: the same seed draws the same.

    Returns
    -------
    ndarray, (rows, …, outputs)
        Probabilities where the network ends in softmax or sigmoid. A fresh array. With `samples`,
        (samples, rows, …, outputs). Of a network with several heads a dict of them by name.

    Raises
    ------
    InputError
        If the rows are not like those of training, or there is a `seed` without `samples`.
    MisuseError
        If there are to be `samples` of a network without dropout.

    Examples
    --------
    >>> import chainrule as cr
    >>> cr.predict(cr.Network([cr.Dense(1, inputs=2), cr.Sigmoid()]), [[0.0, 0.0]])
    array([[0.5]], dtype=float32)

    An interval that holds nine in ten of the drawn predictions:

    >>> network = cr.Network([cr.Dense(16), cr.Tanh(), cr.Dropout(0.2), cr.Dense(1)])
    >>> drawn = cr.predict(network, [[1.0], [2.0]], samples=100)
    >>> drawn.shape
    (100, 2, 1)
    >>> low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    """
    checks.instance("predict", network, Network, "a cr.Network")
    x = network.as_samples("predict", X, mapped=True)
    network.check_samples("predict", x)
    size = checks.whole("predict batch_size", batch_size)
    if samples is not None:
        drawn = _drawn(network, x, min(size, ROWS), checks.whole("predict samples", samples), seed)
        return network.by_head(drawn)
    if seed is not None:
        raise InputError(
            "predict",
            given=f"seed={seed!r} without samples",
            expected="samples to be drawn: a prediction without them has nothing random",
            fix="Leave the seed out, or pass samples=100",
        )
    return network.by_head(outputs_of(network, x, size))


def outputs_of(network: Network, x: Array, size: int = CHUNK) -> Array:
    """Return the outputs for samples that have been checked, so many rows at a time."""
    with by_size(network.parameters.size * min(len(x), size, ROWS)):
        parts = [network.compute(network.cast(x[rows])) for rows in _chunks(len(x), size)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


@checks.keywords_and(test_data="X")
def classify(network: Network, X: Samples, *, batch_size: int = CHUNK) -> Array:
    """Return the class index of each sample: the largest output, or whether a single one is above ½.

    Where a sample has several rows of outputs, one for each time, each row has a class: (samples, time). Where a
    sample may have several labels, return zeros and ones, (samples, labels): whether each output is above ½.

    ``network.task`` says which it is, ``network.classes`` has the names, where there are any.

    Returns
    -------
    ndarray of int, (samples, …) or (samples, …, labels)
        Of a network with several heads a dict of them by name, of those heads that tell classes apart.

    Raises
    ------
    InputError
        If the network's task is regression; that of all of its heads, if it has several.
    NonFiniteError
        If a prediction is NaN, which is no class.

    Examples
    --------
    >>> import chainrule as cr
    >>> cr.classify(cr.Network([cr.Dense(3, inputs=2), cr.Softmax()]), [[0.0, 0.0]])
    array([0])
    >>> cr.classify(cr.Network([cr.Dense(3, inputs=2), cr.Sigmoid()]), [[0.0, 0.0]])
    array([[0, 0, 0]])
    """
    outputs: Any = predict(network, X, batch_size=batch_size)
    if not isinstance(outputs, dict):
        return _classes(network.heads[0], outputs)
    found: Any = {head.name: _classes(head, outputs[head.name]) for head in network.heads if head.task != "regression"}
    if not found:
        expect_classes("classify", "regression")
    return cast(Array, found)


def _classes(head: Head, outputs: Array) -> Array:
    expect_classes("classify", head.task)
    return predicted_classes(head_probabilities(head, outputs), head.task)


def expect_suited(where: str, network: Network, data: Any) -> None:
    """Raise if a data set holds classes, and the network answers with a number: it would learn how they are numbered.

    Two classes that are called 0 and 1, or by words, may be learnt as the numbers 0 and 1.
    """
    if not isinstance(data, Dataset) or data.class_names is None or data.y is None or data.y.ndim > 1:
        return
    names = data.class_names
    numbers = len(network.heads) == 1 and network.task == "regression"
    if not numbers or (len(names) <= 2 and not _renumbered(names)):
        return
    raise InputError(
        where,
        given=f"{data!r} for a network that answers with numbers",
        expected="one that answers with classes: this one would learn their places in the list of names",
        fix=f"End it with cr.Dense({len(names)}) and cr.Softmax(); or, if the targets are amounts, read them with "
        'task="regression"',
        cause="target.range",
    )


def _renumbered(names: Sequence[str]) -> bool:
    """Return whether names of classes are numbers, and others than the classes' indices."""
    try:
        return any(float(name) != i for i, name in enumerate(names))
    except ValueError:
        return False


class Figures(dict[str, Any]):
    """What `evaluate` returns: a dict that tells the name of ours for one of another library."""

    def __iter__(self) -> Iterator[str]:
        frame = sys._getframe(1)  # that of whoever goes through it
        if frame.f_code.co_code[frame.f_lasti] == dis.opmap["UNPACK_SEQUENCE"]:
            raise MisuseError(
                "evaluate",
                given="its figures taken apart, loss, accuracy = …, which would give their names",
                expected="one figure at a time, by its name",
                fix='Write scores = cr.evaluate(network, X, y), and scores["loss"]',
            )
        return super().__iter__()

    def _as_number(self, *_: Any) -> NoReturn:
        raise MisuseError(
            "evaluate",
            given="all figures together in the place of a number",
            expected="one figure, by its name",
            fix='Write scores = cr.evaluate(network, X, y), and scores["loss"]',
        )

    __float__ = __round__ = __lt__ = __le__ = __gt__ = __ge__ = _as_number

    def __format__(self, form: str) -> str:
        return repr(self) if not form else self._as_number()

    def __missing__(self, name: str) -> NoReturn:
        raise UnknownNameError(
            "evaluate", given=repr(name), expected="a figure", fix=figure_fix("figures", name, list(self))
        )

    if not TYPE_CHECKING:  # a checker that saw this would take any name for one of a dict's

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            fix = f'Write scores["{name}"]' if name in self else figure_fix("figures", name, list(self))
            raise UnknownNameError("evaluate", given=f".{name}", expected="a figure in brackets", fix=fix)


@checks.keywords_and(test_data="X", true_data="y")
def evaluate(
    network: Network,
    X: Samples | Dataset,
    y: Samples | None = None,
    *,
    sample_weight: npt.ArrayLike | None = None,
    metrics: Metrics | None = None,
    batch_size: int = CHUNK,
) -> dict[str, Any]:
    """Return the data loss and other figures on these samples.

    Parameters
    ----------
    network : Network
    X, y : array_like
        Samples and targets, as `train` takes them; or a data set alone.
    sample_weight : array_like, (samples,), optional
        For the loss; other figures count every sample once. Also (samples, time) where outputs are.
    metrics : sequence of str or function, optional
        Names, or functions of (prediction, target) or (y_true, y_pred), as `train` takes them. Left out:
        ``error_rate`` (and ``min_confidence`` where there are probabilities) for classes, and ``mean_squared_error``.
        For several heads a mapping of head to its own, or those for each of them.
    batch_size : int, default 1024
        Rows at a time.

    Returns
    -------
    dict
        ``"loss"`` and one entry a metric. Of several heads also the loss of each, ``"price_loss"``, and figures whose
        names begin with that of the head, ``"kind_error_rate"``.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> sorted(cr.evaluate(cr.Network([cr.Dense(1, inputs=2), cr.Sigmoid()]), X, y))
    ['error_rate', 'loss', 'mean_squared_error', 'min_confidence']
    """
    checks.instance("evaluate", network, Network, "a cr.Network")
    given, (X, y) = X, samples_and_targets("evaluate", network, X, y)
    x, target, weights = network.as_batch("evaluate", X, y, sample_weight, mapped=True)
    expect_suited("evaluate", network, given)
    network.check_samples("evaluate", x)
    validation.finite("evaluate", "y", target)
    network.check_targets("evaluate", target)
    heads = [head.name for head in network.heads]
    measures = named_measures(default_metrics(network, target) if metrics is None else metrics, heads)
    for measure in measures.values():
        measure.check(network.heads)
        if not measure.on_training:
            raise InputError(
                "evaluate metrics",
                given=f"'validation_{measure.name}'",
                expected="a metric: what is measured are these samples",
                fix=f"Pass {measure.name!r}",
            )
    size = checks.whole("evaluate batch_size", batch_size)
    return measured(network, (x, target, weights), measures, size)


def measured(
    network: Network,
    samples: tuple[Array, Array, Array | None],
    measures: Mapping[str, Measure],
    size: int = CHUNK,
) -> dict[str, Any]:
    """Return the data loss, those of several heads, and other figures on samples that have been checked."""
    x, target, weights = samples
    names = ["loss", *(f"{head.prefix}loss" for head in network.heads if head.name)]
    totals, mass = [0.0] * len(names), 0.0
    outputs = []
    with by_size(network.parameters.size * min(len(x), size)):
        for rows in _chunks(len(x), size):
            part = None if weights is None else weights[rows]
            share = len(x[rows]) if part is None else float(part.sum(dtype=np.float64))
            if share == 0:
                outputs.append(network.compute(network.cast(x[rows])))
                continue
            loss, output, parts = network.compute_with_loss(network.cast(x[rows]), target[rows], part)
            totals = [total + one * share for total, one in zip(totals, (loss, *parts), strict=True)]
            mass += share
            outputs.append(output)
    of_losses = {name: total / mass for name, total in zip(names, totals, strict=True)}
    return Figures({**of_losses, **figures(network, measures, np.concatenate(outputs), target)})


def figures(network: Network, measures: Mapping[str, Measure], outputs: Array, target: Array) -> dict[str, Any]:
    """Return metrics of outputs."""
    for measure in measures.values():
        measure.check(network.heads)
    found: dict[str, Any] = {}
    for head in network.heads:
        own = {name: measure for name, measure in measures.items() if measure.head == head.name}
        if own:
            prediction, true = head_probabilities(head, head.outputs(outputs)), head.targets(target)
            found |= {name: measure(prediction, true, head.task) for name, measure in own.items()}
    return found


def default_metrics(network: Network, target: Array) -> list[str] | dict[str, list[str]]:
    """Return the metrics that have a meaning for this network and these targets, those of several heads by name."""
    found = {head.name: _default_metrics(head, head.targets(target)) for head in network.heads}
    return found if network.heads[0].name else found[""]


def _default_metrics(head: Head, target: Array) -> list[str]:
    aim = head.objective
    if aim.op.target_columns is not None:  # outputs that are no estimates of the target each
        return []
    names, task = ["mean_squared_error"], head.task
    if task != "regression" and true_classes(target, 1 + len(head.shape), task) is not None:
        names.append("error_rate")
        if aim.takes_labels or aim.binary:
            names.append("min_confidence")
    return names


def probabilities(network: Network, outputs: Array) -> Array:
    """Return the outputs of a network as probabilities, where they are the logits of a loss on logits."""
    return head_probabilities(network.only_head("probabilities"), outputs)


def head_probabilities(head: Head, outputs: Array) -> Array:
    """Return the outputs of a head as probabilities, where they are the logits of a loss on logits."""
    aim = head.objective
    if aim.fused or aim.prediction_role != "logits":
        return outputs
    op = Sigmoid() if aim.binary else Softmax()
    return np.asarray(op.forward(outputs))


def _drawn(network: Network, x: Array, size: int, samples: int, seed: int | None) -> Array:
    """Return so many predictions with dropout. What is drawn for a row doesn't depend on how many rows are a batch."""
    seed = 0 if seed is None else checks.whole("predict seed", seed, least=0, most=2**63 - 1)
    sample = network.sampler(Generators(seed))
    with by_size(network.parameters.size * min(len(x), size)):
        rows = list(_chunks(len(x), size))
        first = sample(network.cast(x[rows[0]]))
        drawn = np.empty((samples, len(x), *first.shape[1:]), first.dtype)
        drawn[0, rows[0]] = first
        for i in range(samples):
            for part in rows[1:] if i == 0 else rows:
                drawn[i, part] = sample(network.cast(x[part]))
    return drawn


def _chunks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))
