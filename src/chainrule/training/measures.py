"""Functions as metrics: which of their two arguments is the prediction, what they are given, what they may return.

Chainrule's own metrics take (prediction, target), scikit-learn's and Keras' (y_true, y_pred). Which a function takes is
read off the names of its parameters; where they don't say, it is refused, for a wrong order is a wrong figure.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from chainrule.errors import InputError, UnknownNameError, nearest
from chainrule.nn.heads import Head
from chainrule.ops.op import Array, Op
from chainrule.training.metrics import (
    BY_TASK,
    GROWING,
    METRICS,
    VALIDATION,
    Metric,
    expect_classes,
    predicted_classes,
    true_classes,
)
from chainrule.words import arguments, name_fix, target_first, value_fix

_ALIASES = {
    "acc": "accuracy",
    "accuracy_score": "accuracy",
    "binary_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "err": "error_rate",
    "error": "error_rate",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "r2_score": "r2",
    "auc": "roc_auc",
    "ap": "average_precision",
    **{f"{name}_score": name for name in ("precision", "recall", "f1", "balanced_accuracy")},
    **{f"{name}_score": name for name in ("roc_auc", "average_precision")},
}
_PREFIXES = {
    **dict.fromkeys((VALIDATION, "val_", "valid_", "eval_", "dev_"), VALIDATION),
    "train_": "",
    "training_": "",
}
# What a record of an epoch has beside metrics.
RESERVED = frozenset({"epoch", "loss", "penalty", "learning_rate", "steps", "seconds"})
_WITH_PROBABILITIES = ("log_loss", "d2_log_loss_score")  # which scikit-learn calls y_pred all the same


@dataclass(frozen=True)
class Measure:
    """A metric, and how it is called.

    Attributes
    ----------
    function : function
    on_training : bool
        Whether the training data are measured too, not the validation data alone.
    name : str
        What its figures are called.
    turned : bool
        Whether the target comes first.
    head : str
        Of which head's outputs, where a network has several.
    """

    function: Metric
    on_training: bool = True
    name: str = ""
    turned: bool = False
    head: str = ""

    def check(self, heads: Sequence[Head]) -> None:
        """Raise if the metric has no meaning for the head of a network that it is for."""
        task = next(head.task for head in heads if head.name == self.head)
        if not (self.function in BY_TASK or self._takes_classes):
            return
        fitting = [head.name for head in heads if head.name and head.task != "regression"]
        if fitting and task == "regression":
            own = self.name.removeprefix(f"{self.head}_")
            told = repr(own) if own in METRICS else own
            raise InputError(
                f"metrics {self.name}",
                given=f"a head for regression, {self.head!r}, whose outputs are numbers",
                expected="one that tells classes apart",
                fix=f"Name the heads that it is for: metrics={{{', '.join(f'{name!r}: {told}' for name in fitting)}}}",
            )
        expect_classes(f"metrics {self.name}", task)

    def __call__(self, prediction: Array, target: Array, task: str) -> Any:
        """Return the figure."""
        if self.function in BY_TASK:
            return self.function(prediction, target, task=task)
        if self._module.startswith("sklearn."):
            prediction, target = self._for_sklearn(prediction, target, task)
        try:
            value = self.function(target, prediction) if self.turned else self.function(prediction, target)
        except (TypeError, ValueError) as error:
            if not _is_of_sklearn(error.__traceback__):
                raise
            raise InputError(
                f"metrics {self.name}",
                given=f"what scikit-learn refuses: {' '.join(str(error).split())[:200].rstrip('.')}",
                expected=f"what suits a network whose task is {task}",
                fix="Pass a function of sklearn.metrics itself, which is given classes where it takes them, and its "
                "settings by functools.partial(f1_score, average='macro'). In a function of your own, classes are "
                "y_pred.argmax(axis=-1) or y_pred > 0.5",
            ) from error
        return _figure(self.name, value)

    @property
    def _innermost(self) -> Any:
        return _innermost(self.function)

    @property
    def _module(self) -> str:
        return str(getattr(self._innermost, "__module__", None))

    @property
    def _takes_classes(self) -> bool:
        """Whether it is one of scikit-learn's for classes, as `classify` gives them."""
        if not self._module.startswith(("sklearn.metrics._classification", "sklearn.metrics.cluster")):
            return False
        return self._innermost.__name__ not in _WITH_PROBABILITIES and any(
            name in ("y_pred", "labels_pred") for name in inspect.signature(self.function).parameters
        )

    def _for_sklearn(self, prediction: Array, target: Array, task: str) -> tuple[Array, Array]:
        """Return rows as scikit-learn wants them: no axis of time, a single column as a vector, classes as indices."""
        if task != "regression":
            classes = true_classes(target, prediction.ndim, task)
            if classes is not None:
                target = classes
            if self._takes_classes:
                prediction = predicted_classes(prediction, task)
                return tuple(  # type: ignore[return-value]  # of two
                    array.reshape(-1, array.shape[-1]) if task == "multilabel" else array.reshape(-1)
                    for array in (prediction, target)
                )
        given = prediction.reshape(-1, prediction.shape[-1])
        true = target.reshape(len(given), -1)
        if task == "multiclass" and given.shape[1] == 2 and self._module.startswith("sklearn.metrics._ranking"):
            given = given[:, 1:]  # of two classes they rank by the second one's probability
        return (given[:, 0] if given.shape[1] == 1 else given), (true[:, 0] if true.shape[1] == 1 else true)


def named_measures(metrics: Any, heads: Sequence[str] = ("",)) -> dict[str, Measure]:
    """Return name -> measure for metrics given by name or as functions.

    Names are taken in capital letters too; ``"validation_accuracy"`` is measured on the validation data alone.

    Parameters
    ----------
    metrics
        Of several heads for each of them, or a mapping of head to its own. A name may begin with that of a head:
        ``"kind_accuracy"``.
    heads : sequence of str
        The names of the network's heads; "" is that of an output without a name.
    """
    of_head = metrics if isinstance(metrics, Mapping) else _for_each(metrics, heads)
    named: dict[str, Measure] = {}
    for head in of_head:
        if head not in heads or (not head and of_head is metrics):
            given = f"metrics with the name {head!r:.80}"
            if heads == [""] or heads == ("",):
                raise InputError(
                    "metrics",
                    given=given,
                    expected="metrics alone: the network has one output",
                    fix=f"Pass metrics={of_head[head]!r:.80}",
                )
            raise UnknownNameError(
                "metrics",
                given=given,
                expected=", ".join(map(repr, heads)),
                fix=nearest(head if isinstance(head, str) else "", heads),
            )
        prefix = f"{head}_" if head else ""
        for metric in _listed(of_head[head]):
            measure = _measure(metric)
            name = base = f"{prefix}{measure.name}"
            count = 1
            while name in named and (named[name].function, named[name].head) != (measure.function, head):
                count += 1
                name = f"{base}_{count}"
            if name in RESERVED or name in [f"{other}_loss" for other in heads if other]:
                raise InputError(
                    "metrics",
                    given=f"{measure.name!r} of the head {head!r}, a figure that would be called {name!r}",
                    expected="another name: that is a column of its own",
                    fix="Rename the function, or the head",
                )
            on_training = measure.on_training or (name in named and named[name].on_training)
            named[name] = Measure(measure.function, on_training, name, measure.turned, head)
    return named


def _for_each(metrics: Any, heads: Sequence[str]) -> dict[str, list[Any]]:
    """Return each head's metrics, of a list that is for all of them; a name that begins with a head is for that one."""
    found: dict[str, list[Any]] = {head: [] for head in heads}
    for metric in _listed(metrics):
        told = usual_name(metric, heads) if isinstance(metric, str) else ""
        figure = told.removeprefix(VALIDATION)
        own = next((head for head in heads if head and figure.removeprefix(f"{head}_".casefold()) in METRICS), None)
        if own is None or figure in METRICS:
            for listed in found.values():
                listed.append(metric)
        else:
            found[own].append(told.replace(f"{own}_".casefold(), "", 1))
    return found


def _listed(metrics: Any) -> Sequence[Any]:
    if metrics is None:
        return []
    if isinstance(metrics, str) or callable(metrics) or not isinstance(metrics, Iterable):
        return [metrics]
    return list(metrics)


def grows(name: str) -> bool:
    """Return whether a figure of this name is the better, the larger it is.

    Names of functions that end in ``_score`` are scikit-learn's for what is to be large. Those of figures of several
    heads begin with the head: ``price_r2``.
    """
    name = name.removeprefix(VALIDATION)
    return name in GROWING or name.endswith(("accuracy", "_score", *(f"_{figure}" for figure in GROWING)))


def usual_name(name: str, heads: Sequence[str] = ()) -> str:
    """Return the name of a figure that is told in capitals, in short, or as in Keras: ``"val_acc"``.

    Of several heads it begins with one of theirs: ``"val_kind_acc"``.
    """
    name = name.strip().casefold().replace(" ", "_").replace("-", "_")
    prefix = ""
    for start, ours in _PREFIXES.items():
        if name.startswith(start):
            prefix, name = ours, name.removeprefix(start)
            break
    for head in heads:
        of_head = f"{head}_".casefold()
        if head and name.startswith(of_head):
            prefix, name = prefix + of_head, name.removeprefix(of_head)
            break
    return prefix + _ALIASES.get(name, name)


def figure_fix(section: str, name: str, known: Sequence[str]) -> str:
    """Return how to go on after a name that none of the known figures has, those of several heads among them.

    Parameters
    ----------
    section : str
        Of the table of words.
    """
    losses = (figure for figure in known if figure.endswith("_loss") and not figure.startswith(VALIDATION))
    heads = [figure.removesuffix("_loss") for figure in losses]
    told = usual_name(name, heads)
    figure = told.removeprefix(VALIDATION)
    own = next((head for head in heads if figure.removeprefix(f"{head}_".casefold()) in METRICS), None)
    if own is None or figure in METRICS:
        return f"Write {told!r}" if heads and told in known else name_fix(section, name, known)
    return f"Write {told!r}" if told in known else f'Ask for it: metrics={{"{own}": "{figure[len(own) + 1 :]}"}}'


def _measure(metric: Any) -> Measure:
    function: Any
    if isinstance(metric, Measure):
        function, on_training = metric.function, metric.on_training
    elif isinstance(metric, str):
        told = usual_name(metric)
        function, on_training = METRICS.get(told.removeprefix(VALIDATION)), not told.startswith(VALIDATION)
    else:
        function, on_training = metric, True
    _expect_no_op(function)
    if not callable(function) or isinstance(function, type):
        raise InputError(
            "metrics",
            given=repr(metric)[:80],
            expected="the name of a metric, or a function of (prediction, target) or (y_true, y_pred)",
            fix=value_fix(str(metric), METRICS, part=True),
        )
    innermost = _innermost(function)
    name = str(getattr(innermost, "__name__", type(innermost).__name__))
    if name in RESERVED or name.startswith(VALIDATION):
        raise InputError(
            "metrics", given=f"a function named {name!r}", expected="another name", fix=f"Rename it my_{name}"
        )
    return Measure(function, on_training, name, _target_first(function, name))


def _expect_no_op(function: Any) -> None:
    """Raise if it is an op, or builds a node: it is arrays that are measured."""
    kind = getattr(function, "__wrapped__", None)
    op = function if isinstance(function, type) else type(function) if isinstance(function, Op) else kind
    if not (isinstance(op, type) and issubclass(op, Op)):
        return
    fix = f'Pass the name: metrics="{op.name}"'
    if op.name not in METRICS:
        fix = f"Write lambda prediction, target: float(cr.{op.__name__}().forward(prediction, target))"
    raise InputError(
        "metrics",
        given=f"cr.{op.__name__ if kind is None else op.name}, which builds graphs",
        expected="a function of arrays, or a metric's name",
        fix=fix,
    )


def _innermost(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _target_first(function: Any, name: str) -> bool:
    """Return whether the first of a function's two arguments is the target."""
    if function in BY_TASK or function in METRICS.values():
        return False
    names, _ = arguments(function)
    turned = target_first(function)
    if turned is not None and "pred_decision" not in names:  # a distance from a plane: what no network gives
        return turned
    told = f"a function of ({', '.join(names)})" if names else "a function whose arguments have no names"
    raise InputError(
        "metrics",
        given=f"{name}, {told}",
        expected="two arguments, and names that say which is the prediction",
        fix=f"Write lambda y_true, y_pred: …, or def {name if name.isidentifier() else 'metric'}(prediction, target)",
    )


def _figure(name: str, value: Any) -> Any:
    """Return what a metric returned, if it is a number or an array."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return value
    if isinstance(value, (np.floating, np.integer, np.bool_)):
        value = value.item()
    if isinstance(value, (bool, int, float)):
        return int(value) if isinstance(value, bool) else value
    raise InputError(
        f"metrics {name}",
        given="None, as without a return" if value is None else f"{type(value).__name__} {value!r:.60}",
        expected="a number, or an array of numbers",
        fix="Return float(…) or np.asarray(…) of what NumPy computes from the two arrays",
    )


def _is_of_sklearn(traceback: TracebackType | None) -> bool:
    """Return whether an error was raised inside scikit-learn."""
    while traceback is not None:
        if str(traceback.tb_frame.f_globals.get("__name__")).startswith("sklearn."):
            return True
        traceback = traceback.tb_next
    return False
