"""Which of a function's two arguments is the prediction and which the target, read off the names of its parameters.

Losses and metrics that users write take them in either order. Where the names don't say, nobody guesses: a wrong order
is a wrong figure.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

# What parameters are called, without underscores and in small letters.
_PREDICTIONS = frozenset((
    "prediction", "predictions", "predicted", "predict", "pred", "preds", "p", "ypred", "ypreds", "yhat", "ŷ", "yscore",
    "yprob", "yproba", "probaspred", "labelspred", "proba", "probas", "prob", "probs", "probability",
    "probabilities", "output", "outputs", "out", "input", "inputs", "inp", "logit", "logits", "score", "scores",
    "forecast", "forecasts", "estimate", "estimates", "estimated", "guess", "guesses", "hat",
))  # fmt: skip
_TARGETS = frozenset((
    "target", "targets", "targ", "targs", "t", "ytrue", "true", "truth", "truths", "groundtruth", "gt", "label",
    "labels", "labelstrue", "expected", "actual", "actuals", "observed", "reference", "references", "gold", "truedata",
))  # fmt: skip


def target_first(function: Callable[..., Any]) -> bool | None:
    """Return whether the first of a function's two arguments is the target; None if the names don't say.

    One whose name says nothing is what the other one isn't.

    >>> target_first(lambda y_true, y_pred: 0), target_first(lambda y_hat, y: 0), target_first(lambda a, b: 0)
    (True, False, None)
    """
    names, fit = arguments(function)
    first, second = (_meaning(name) for name in [*names, "", ""][:2])
    if not fit or first == second:
        return None
    return first == "target" or second == "prediction"


def arguments(function: Callable[..., Any]) -> tuple[list[str], bool]:
    """Return the names of the arguments that a function takes in order, and whether two are what it takes."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # one that is written in C
        return [], False
    ordered = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    fit = len(ordered) >= 2 and all(p in ordered[:2] for p in needed)
    return [p.name for p in (ordered if fit else parameters)], fit


def _meaning(name: str) -> str:
    plain = name.replace("_", "").casefold()
    return "prediction" if plain in _PREDICTIONS else "target" if plain in _TARGETS else ""
