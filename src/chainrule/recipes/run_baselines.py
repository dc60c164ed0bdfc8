"""A run beside its baselines: one answer for all samples, and a linear model, on the same samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.nn import Network
from chainrule.recipes.recipe import Recipe
from chainrule.recipes.samples import Samples
from chainrule.training.baseline import linear_outputs
from chainrule.training.metrics import root_mean_squared_error, true_classes


def baselines(
    recipe: Recipe, network: Network, samples: Samples, figures: dict[str, dict[str, Any] | None]
) -> dict[str, Any] | None:
    """Return how good the network of a run is beside the baselines; None where its data come from no file.

    Parameters
    ----------
    recipe, network, samples
        What was run.
    figures : dict of str to dict
        Of the network on each part of the samples.

    Returns
    -------
    dict or None
        ``part``, the last part there is: test, validation or train; ``figure``, ``"error_rate"`` for classes and
        ``"root_mean_squared_error"`` for numbers; and that figure of ``network``, ``linear`` and ``constant``.
        ``linear`` is None where there are too many columns. None for samples with several labels each.
    """
    parts = [(name, part) for name, part in samples.parts.items() if part is not None and figures.get(name)]
    if recipe.data.file is None or not parts or network.task == "multilabel":
        return None
    name, part = parts[-1]
    told = figures[name]
    assert told is not None
    try:
        (x, y, _), (others, truth, _) = (network.as_batch("baseline", *each, None) for each in (samples.train, part))
        if network.task == "regression":
            y, truth = (each.reshape(len(each), -1).astype(np.float64) for each in (y, truth))
            linear = linear_outputs(x, y, others, None)
            answers = [linear, np.broadcast_to(y.mean(axis=0), truth.shape)]
            found = [None if each is None else root_mean_squared_error(each, truth) for each in answers]
            figure, own = "root_mean_squared_error", told["mean_squared_error"] ** 0.5
            return {"part": name, "figure": figure, "network": own, "linear": found[0], "constant": found[1]}
        rank = len(network.output_shape) + 1
        labels, true = (true_classes(each, rank, network.task) for each in (y, truth))
        if rank > 2 or labels is None or true is None:
            return None
        linear = linear_outputs(x, labels, others, max(network.output_shape[-1], 2))
    except (ChainruleError, np.linalg.LinAlgError):  # the run itself has come to its end: it is not spoiled by this
        return None
    return {
        "part": name,
        "figure": "error_rate",
        "network": told["error_rate"],
        "linear": None if linear is None else float((linear.argmax(axis=1) != true).mean()),
        "constant": float((true != np.bincount(labels.astype(np.intp, copy=False)).argmax()).mean()),
    }
