"""All figures of a network on some samples as one table: for each class or target, and overall with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.data.dataset import Dataset
from chainrule.errors import printable
from chainrule.nn import validation
from chainrule.nn.heads import Head
from chainrule.nn.network import Network
from chainrule.ops.op import Array, Samples
from chainrule.tables import in_columns
from chainrule.threads import by_size
from chainrule.training import metrics
from chainrule.training.evaluate import CHUNK, default_metrics, expect_suited, head_probabilities, measured, outputs_of
from chainrule.training.figure_text import in_words, number, percent, written
from chainrule.training.intervals import Interval, blocks, effective_count, of_area, of_mean, of_share, of_sums
from chainrule.training.measures import named_measures
from chainrule.training.metrics import ClassCounts, averaged, predicted_classes, true_classes
from chainrule.training.pairs import samples_and_targets

ClassRow: TypeAlias = dict[str, Any]  # the name of a class, and its figures

_MOST_CLASSES, _WORST = 20, 10
_SCORES = ("precision", "recall", "f1")
_TITLES = {"f1": "F1", "roc_auc": "ROC AUC", "r2": "R²", "f1_macro": "F1, macro mean", "f1_micro": "F1, all labels"}
_AVERAGES = {"macro": "macro mean", "weighted": "weighted mean"}
_OF_NUMBERS = ("r2", "root_mean_squared_error", "mean_absolute_error", "mean_squared_error")


@dataclass(repr=False)
class EvaluationReport:
    """What `report` returns: printed it is a table.

    Attributes
    ----------
    task : str
        What the outputs answer: see `Network.task`.
    samples : int
    figures : dict of str to float
        Overall, by the names of metrics; NaN where there is no such figure, as of the ROC AUC of a class without
        samples.
    intervals : dict of str to (float, float) or None
        In which figures would lie, in 95 of 100 cases, if they were measured on all samples of the kind.
    classes : list of dict
        ``class``, ``precision``, ``recall``, ``f1`` and ``count`` of each class, or label.
    averages : dict of str to dict
        Of these the ``macro``, ``weighted`` and ``micro`` means.
    confusion_matrix : ndarray or None
        How often each class (row) was taken for each (column).
    targets : list of dict
        The figures of each target, where numbers are predicted; ``mean`` and ``deviation`` are those of the target.
    target_names : tuple of str
        What the targets are called, where the network knows it.
    """

    task: str
    samples: int
    figures: dict[str, float]
    intervals: dict[str, Interval | None]
    classes: list[ClassRow] = field(default_factory=list)
    averages: dict[str, dict[str, float]] = field(default_factory=dict)
    confusion_matrix: Array | None = None
    targets: list[dict[str, float]] = field(default_factory=list)
    target_names: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain data; figures stand beside the rest by their names."""
        matrix = self.confusion_matrix
        return {
            **self.figures,
            "task": self.task,
            "samples": self.samples,
            "intervals": {name: None if ends is None else list(ends) for name, ends in self.intervals.items()},
            "classes": self.classes,
            "averages": self.averages,
            "confusion_matrix": None if matrix is None else matrix.tolist(),
            "targets": self.targets,
            "target_names": list(self.target_names),
        }

    def lines(self, everything: str = "report.classes") -> list[str]:
        """Return the table as lines; where classes are left out, one says what has them all: `everything`."""
        found = []
        if self.classes:
            found += [*self._class_lines(everything), ""]
        elif len(self.targets) > 1:
            columns = ("r2", "root_mean_squared_error", "mean_absolute_error")
            names = self.target_names or [f"target {i + 1}" for i in range(len(self.targets))]
            told = zip(names, self.targets, strict=True)
            rows = [[printable(name)[:40], *(number(row[key]) for key in columns)] for name, row in told]
            found += [*_table(["", "R²", "root mean squared error", "mean absolute error"], rows), ""]
        found += self._overall_lines()
        if self.targets:
            found += ["", self._unit_line()]
        return found

    def _class_lines(self, everything: str) -> list[str]:
        shown, note = self.classes, []
        if len(shown) > _MOST_CLASSES:
            shown = sorted(shown, key=lambda row: (row["count"] == 0, row["f1"]))[:_WORST]
            note = [
                f"These are the {_WORST} of {len(self.classes)} classes with the smallest F1; {everything} has all."
            ]
        rows = [[printable(row["class"])[:40], *(number(row[key]) for key in _SCORES), _count(row)] for row in shown]
        for name, title in _AVERAGES.items():
            rows.append([title, *(number(self.averages[name][key]) for key in _SCORES), ""])
        what = "label" if self.task == "multilabel" else "class"
        return [*_table([what, "precision", "recall", "F1", "count"], rows), *note]

    def _overall_lines(self) -> list[str]:
        rows = []
        for name, value in self.figures.items():
            if name == "accuracy" or (name == "min_confidence" and self.figures["error_rate"] > 0):
                continue  # the one says the same as the error rate, the other says nothing then
            if name == "log_loss" and number(value) == number(self.figures["loss"]):
                continue
            share = name.endswith(("error_rate", "accuracy"))
            ends = self.intervals.get(name)
            told, *between = (percent(end) if share else written(name, end) for end in (value, *(ends or ())))
            title = _TITLES.get(name, in_words(name))
            rows.append([title, "not defined" if math.isnan(value) else told, " to ".join(between)])
        return _table([f"{self.samples:,} samples", "", "95 % interval"], rows)

    def _unit_line(self) -> str:
        of = [f"{number(row['mean'])} ± {number(row['deviation'])}" for row in self.targets[:5]]
        more = ", …" if len(self.targets) > 5 else ""
        target = (
            "the target, whose mean and deviation are" if len(of) == 1 else "the targets, whose mean and deviation are"
        )
        return f"Errors are in the unit of {target} {', '.join(of)}{more}."

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__


def _count(row: ClassRow) -> str:
    return f"{row['count']:,.6g}" if row["count"] != int(row["count"]) else f"{int(row['count']):,}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Return a table whose numbers end below each other."""
    cells = [head, *rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(head))]
    left = (0, len(head) - 1) if head[-1] == "95 % interval" else (0,)
    aligned = [[cell if k in left else cell.rjust(widths[k]) for k, cell in enumerate(row)] for row in cells]
    return [line for row in in_columns(aligned) for line in row]


@checks.keywords_and(test_data="X", true_data="y")
def report(
    network: Network,
    X: Samples | Dataset,
    y: Samples | None = None,
    *,
    sample_weight: npt.ArrayLike | None = None,
    batch_size: int = CHUNK,
) -> EvaluationReport:
    """Return all figures of a network on these samples, with intervals: printed, a table.

    For classes it has precision, recall and F1 of each, as scikit-learn's ``classification_report``, and overall error
    rate, balanced accuracy, ROC AUC and log loss; for numbers R², RMSE and MAE of each target, in its unit.

    Parameters
    ----------
    network : Network
    X, y : array_like
        Samples and targets, as `train` takes them; or a data set alone.
    sample_weight : array_like, (samples,), optional
        How much each sample counts, in all figures.
    batch_size : int, default 1024
        Rows at a time.

    Returns
    -------
    EvaluationReport

    Raises
    ------
    InputError
        If the samples are not like those of training.
    MisuseError
        If the network has several heads: take one, ``network.head("kind")``.

    Notes
    -----
    Intervals are Wilson's for shares, DeLong's for the ROC AUC, 1.96 standard errors for means, and a bootstrap with a
    seed of its own for the rest. They tell how much the choice of the samples matters. A figure that chose the network,
    as that on validation data, and one on what it was trained on, are too good all the same.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.moons(400, noise=0.2, seed=0)
    >>> network = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], optimizer=cr.Adam(0.05))
    >>> history = cr.train(network, X[:200], y[:200])
    >>> found = cr.report(network, X[200:], y[200:])
    >>> sorted(found.classes[0])
    ['class', 'count', 'f1', 'precision', 'recall']
    >>> low, high = found.intervals["error_rate"]
    >>> low < found.figures["error_rate"] < high
    True
    """
    checks.instance("report", network, Network, "a cr.Network")
    given, (X, y) = X, samples_and_targets("report", network, X, y)
    head = network.only_head("report", f"Take one of them: cr.report(network.head({network.heads[0].name!r}), X, y)")
    x, target, weights = network.as_batch("report", X, y, sample_weight, mapped=True)
    expect_suited("report", network, given)
    network.check_samples("report", x)
    validation.finite("report", "y", target)
    network.check_targets("report", target)
    size = checks.whole("report batch_size", batch_size)
    head = network.heads[0]  # as it is built
    names = default_metrics(network, target)
    figures: dict[str, float] = measured(network, (x, target, weights), named_measures(names), size)
    result = EvaluationReport(
        head.task, len(x), dict(figures), {"loss": _interval_of_loss(network, x, target, weights)}
    )
    if head.objective.op.target_columns is not None:  # outputs that are no estimates of the target each
        return result
    prediction = head_probabilities(head, outputs_of(network, x, size))
    per_sample = None if weights is None else _per_sample(weights, len(x))
    classes = None if head.task == "regression" else true_classes(target, prediction.ndim, head.task)
    if classes is None:
        _add_numbers(result, prediction, target, per_sample)
        preparation = network.preparation
        if preparation is not None and len(preparation.targets) == len(result.targets):
            result.target_names = preparation.targets
    else:
        _add_classes(result, head, prediction, classes, per_sample)
    return result


def _per_sample(weights: Array, count: int) -> Array:
    """Return one weight a sample, also where they were one for each time."""
    found: Array = weights.reshape(count, -1).mean(axis=1, dtype=np.float64)
    return found


def _interval_of_loss(network: Network, x: Array, target: Array, weights: Array | None) -> Interval | None:
    """Return the interval of the data loss, from its means over blocks of the samples."""
    block = blocks(len(x))
    order = np.argsort(block, kind="stable")
    starts = np.flatnonzero(np.diff(block[order], prepend=-1))
    losses, masses = [], []
    with by_size(network.parameters.size * (1 + len(x) // len(starts))):
        for rows in np.split(order, starts[1:]):
            part = None if weights is None else weights[rows]
            mass = len(rows) if part is None else float(part.sum(dtype=np.float64))
            if mass:
                losses.append(network.compute_with_loss(network.cast(x[rows]), target[rows], part)[0])
                masses.append(mass)
    values = np.array(losses)
    return of_mean(values, np.array(masses), least=0.0 if min(losses) >= 0 else -math.inf)


def _add_classes(result: EvaluationReport, head: Head, prediction: Array, true: Array, weights: Array | None) -> None:
    """Add what there is to say of classes, or labels."""
    task, samples = head.task, len(prediction)
    given = predicted_classes(prediction, task)
    counts, task = metrics.class_counts("report", prediction, true, task, weights)
    several = task == "multilabel"
    count = len(counts.true)
    names = list(head.classes or ()) or [str(k) for k in range(count)]
    names += [str(k) for k in range(len(names), count)]
    scores = {"precision": ClassCounts.precision, "recall": ClassCounts.recall, "f1": ClassCounts.f1}
    columns = {name: score(counts).tolist() for name, score in scores.items()}
    for k in range(count):
        result.classes.append(
            {"class": names[k], **{name: columns[name][k] for name in scores}, "count": float(counts.true[k])}
        )
    for average in ("macro", "weighted", "micro"):
        result.averages[average] = {name: averaged(counts, score, average, task) for name, score in scores.items()}

    told: dict[str, Any] = {"sample_weight": weights}
    figures: dict[str, float] = {"loss": result.figures["loss"]}
    figures["error_rate"] = metrics.error_rate(prediction, true, task, **told)
    figures["accuracy"] = 1 - figures["error_rate"]
    if several:
        figures["subset_accuracy"] = metrics.subset_accuracy(prediction, true, task, **told)
    figures["balanced_accuracy"] = metrics.balanced_accuracy(prediction, true, task, **told)
    averages = (
        {"f1": "binary"} if task == "binary" else {"f1_macro": "macro", **({"f1_micro": "micro"} if several else {})}
    )
    figures |= {name: averaged(counts, ClassCounts.f1, average, task) for name, average in averages.items()}
    figures["roc_auc"] = metrics.roc_auc(prediction, true, task, **told)
    figures["average_precision"] = metrics.average_precision(prediction, true, task, **told)
    probable = prediction.min() >= 0 and prediction.max() <= 1
    if probable:
        figures["log_loss"] = metrics.log_loss(prediction, true, task, **told)
    figures["mean_squared_error"] = metrics.mean_squared_error(prediction, true, **told)
    figures |= {name: value for name, value in result.figures.items() if name not in figures}
    result.figures = figures

    wrong = (given != true).reshape(samples, -1)
    intervals = result.intervals
    effective = effective_count(weights, samples)
    single = wrong.shape[1] == 1
    rate = figures["error_rate"]
    intervals["error_rate"] = of_share(rate, effective) if single else of_mean(wrong.mean(axis=1), weights, least=0.0)
    ends = intervals["error_rate"]
    intervals["accuracy"] = None if ends is None else (1 - ends[1], 1 - ends[0])
    if several and prediction.ndim == 2:
        intervals["subset_accuracy"] = of_share(figures["subset_accuracy"], effective)
    intervals["roc_auc"] = of_area(metrics.ranked("report", prediction, true, task), samples, weights)
    if probable:
        losses = metrics.log_losses(prediction, true, task).reshape(samples, -1).mean(axis=1)
        intervals["log_loss"] = of_mean(losses, weights, least=0.0)

    def resampled(sums: Array) -> Array:
        drawn = ClassCounts(sums[0], sums[1], sums[2], sums[1] + sums[2] > 0)
        if several:
            both = [drawn.recall(), metrics.share_of(sums[3] - sums[1] - sums[2] + sums[0], sums[3] - sums[2])]
            balanced = np.mean(both)
        else:
            balanced = drawn.recall()[drawn.true > 0].mean()
        if task == "binary" and not drawn.occurs[1]:  # a draw without any of the class has no F1
            return np.array([balanced, math.nan])
        return np.array([balanced, *(averaged(drawn, ClassCounts.f1, how, task) for how in averages.values())])

    found = of_sums(_sums_of_classes(given, true, count, several, samples, weights), resampled)
    intervals |= dict(zip(["balanced_accuracy", *averages], found, strict=True))
    if not several:
        result.confusion_matrix = metrics.confusion_matrix(prediction, true, task)


def _sums_of_classes(
    given: Array, true: Array, count: int, several: bool, samples: int, weights: Array | None
) -> Array:
    """Return the counts of each block, (blocks, 4, classes): right, given, true, and all."""
    block = blocks(samples)
    width = int(block.max()) + 1
    rows = given.reshape(-1, count) if several else given.ravel()
    truth = true.reshape(rows.shape)
    block = block.repeat(len(rows) // samples)
    weight = np.ones(len(rows)) if weights is None else weights.repeat(len(rows) // samples)

    def summed(indices: Array, values: Array) -> Array:
        return np.bincount((block * count + indices).astype(np.intp, copy=False), values, width * count).reshape(
            width, count
        )

    if several:
        parts = (rows * truth, rows, truth, np.ones_like(truth))
        columns = [
            [np.bincount(block.astype(np.intp, copy=False), weight * part[:, k], width) for k in range(count)]
            for part in parts
        ]
        return np.array(columns).transpose(2, 0, 1)
    every = np.broadcast_to(np.bincount(block.astype(np.intp, copy=False), weight, width)[:, None], (width, count))
    return np.stack(
        [summed(truth, weight * (rows == truth)), summed(rows, weight), summed(truth, weight), every], axis=1
    )


def _add_numbers(result: EvaluationReport, prediction: Array, target: Array, weights: Array | None) -> None:
    """Add what there is to say of predicted numbers."""
    y = metrics.numbers_like(prediction, target).astype(np.float64)
    samples, outputs = len(prediction), prediction.shape[-1]
    told: dict[str, Any] = {"sample_weight": weights}
    own = {name: float(metrics.METRICS[name](prediction, y, **told)) for name in _OF_NUMBERS}
    result.figures = {**own, **{name: value for name, value in result.figures.items() if name not in own}}
    for k in range(outputs):
        given, true = prediction[..., [k]], y[..., [k]]
        row = {name: float(metrics.METRICS[name](given, true, **told)) for name in _OF_NUMBERS}
        mean = float(np.average(true.reshape(samples, -1).mean(axis=1), weights=weights))
        result.targets.append({**row, "mean": mean, "deviation": float(true.std())})
    residual = prediction - y
    flat = (samples, -1)
    intervals = result.intervals
    intervals["mean_absolute_error"] = of_mean(np.abs(residual).reshape(flat).mean(axis=1), weights, least=0.0)
    intervals["mean_squared_error"] = of_mean(np.square(residual).reshape(flat).mean(axis=1), weights, least=0.0)
    block = blocks(samples)
    per_row = len(residual.reshape(-1, outputs)) // samples
    weight = np.ones(samples) if weights is None else weights
    shifted = y - y.reshape(-1, outputs).mean(axis=0)  # so that squares of large numbers lose no digits
    parts = (np.ones_like(y), shifted, shifted * shifted, residual * residual)
    means = [part.reshape(samples, per_row, outputs).mean(axis=1) * weight[:, None] for part in parts]
    sums = np.array(
        [[np.bincount(block.astype(np.intp, copy=False), part[:, k]) for k in range(outputs)] for part in means]
    ).transpose(2, 0, 1)

    def resampled(totals: Array) -> Array:
        mass, first, second, squares = totals
        spread = second / mass - np.square(first / mass)
        met = np.where(squares > 0, np.nan, 1.0)  # a draw of one sample alone, so often, has no R²
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.where(spread > 0, 1 - squares / mass / spread, met)
        return np.array([scores.mean(), np.sqrt(squares / mass).mean()])

    intervals |= dict(zip(("r2", "root_mean_squared_error"), of_sums(sums, resampled), strict=True))
