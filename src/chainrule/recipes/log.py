"""The log of a run, as it is written and as it is told: a line an epoch, thinned where there are many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from chainrule.nn import Network
from chainrule.recipes.recipe import Recipe
from chainrule.recipes.samples import Samples
from chainrule.training import Epoch, Training

MOST_LINES = 10
_WORDS = {
    "loss": "loss",
    "error_rate": "error",
    "mean_squared_error": "squared error",
    "min_confidence": "least confidence",
}


def told_epoch(epoch: int, epochs: int) -> bool:
    """Tell whether an epoch has a line of its own: the first, the last, and some at even distances between.

    Examples
    --------
    >>> [epoch for epoch in range(1, 501) if told_epoch(epoch, 500)]
    [1, 50, 100, 150, 200, 250, 300, 350, 400, 450, 500]
    """
    return epoch in (1, epochs) or epoch % _distance(epochs) == 0


def _distance(epochs: int) -> int:
    """Return the least of 1, 2, 5, 10, 20, 50 … that gives at most `MOST_LINES` lines."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if epochs <= MOST_LINES * step:
                return step
        size *= 10


def epoch_line(epoch: Epoch, epochs: int, samples: int) -> str:
    """Return an epoch in words."""
    width = len(str(epochs))
    parts = [f"epoch {epoch.epoch:>{width}}/{epochs}", f"loss {epoch.loss:.5f}"]
    if epoch.validation_loss is not None:
        parts.append(f"validation loss {epoch.validation_loss:.5f}")
    if "error_rate" in epoch.metrics:
        parts.append(f"error {percent(epoch.metrics['error_rate'])}")
    if epoch.penalty:
        parts.append(f"penalty {epoch.penalty:.4f}")
    parts.append(f"rate {epoch.learning_rate:.2g}")
    parts.append(f"{samples / max(epoch.seconds, 1e-9):,.0f} samples/s")
    return "  ".join(parts)


def opening_lines(recipe: Recipe, network: Network, samples: Samples, threads: int) -> list[str]:
    """Return what is being trained, on what."""
    counts = ", ".join(
        f"{len(part[0]):,} to {verb}"
        for verb, part in zip(("train on", "validate on", "test on"), samples.parts.values())
        if part is not None
    )
    title = f": {recipe.title}" if recipe.title else ""
    features = " x ".join(str(size) for size in samples.train[0].shape[1:])
    used = f"{recipe.dtype}, {threads} {'thread' if threads == 1 else 'threads'}"
    layers = recipe.layers if isinstance(recipe.layers, str) else f"{len(network.layers)} layers"
    return [
        f"{recipe.name}{title}",
        f"samples   {counts}; {features} {'feature' if features == '1' else 'features'}"
        + ("" if samples.classes is None else f", {len(samples.classes)} classes"),
        f"network   {layers}, {network.parameters.size:,} parameters, seed {recipe.seed}, {used}",
    ]


def compiled_line(recipe: Recipe, training: Training) -> str:
    """Return whether steps are compiled, as the recipe asked, and why if they are not."""
    if training.compiled_steps:
        return "compiled  whole epochs"
    refused = training.network.summary().engine.partition("not compiled, because of ")[2]
    if refused:
        reason = refused
    elif recipe.augment is not None:
        reason = "images are changed anew each time they are seen"
    elif training.history.epochs[-1].steps == 1:
        reason = "an epoch is a single step"
    else:
        reason = "something looks at every step, or the data are not in memory as they are computed with"
    return f"compiled  nothing, every step is replayed: {reason}"


def figure_lines(figures: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """Return figures in words, a line for each part of the data that has some."""
    width = max((len(name) for name, part in figures.items() if part), default=0)
    lines = []
    for name, part in figures.items():
        if part:
            told = "  ".join(f"{_WORDS[key]} {_figure(key, value)}" for key, value in part.items() if value is not None)
            lines.append(f"{name:<{width}}  {told}")
    return lines


def percent(share: float) -> str:
    """Return a share of 1 in percent."""
    return f"{100 * share:.2f} %"


def _figure(key: str, value: float) -> str:
    if key == "error_rate":
        return percent(value)
    if key == "min_confidence" and value < 1:
        value = min(value, 0.9999)  # what is not certain does not print as certain
        return f"{math.floor(value * 1e4) / 1e4:.4f}"
    return f"{value:.4g}" if abs(value) < 1e-3 else f"{value:.5f}"
