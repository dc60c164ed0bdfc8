"""A run's network measured on samples, of its recipe or in a file."""

from __future__ import annotations

from typing import Any

from chainrule import checks
from chainrule.data import one_hot, read
from chainrule.nn import Network
from chainrule.recipes.recipe import Recipe
from chainrule.recipes.samples import Part, Samples, relabelled
from chainrule.training.evaluate import evaluate

FIGURES = ("loss", "error_rate", "mean_squared_error", "min_confidence")


@checks.keywords
def measure(network: Network, part: Part | None) -> dict[str, Any] | None:
    """Return loss, error_rate, mean_squared_error and min_confidence on these samples; None for none.

    `error_rate` is the share of wrong answers, `min_confidence` the smallest probability given to a true class; each
    is None where it has no meaning.

    Examples
    --------
    >>> import chainrule as cr
    >>> measure(cr.Network([cr.Dense(1, inputs=2)]), ([[0.0, 0.0]], [[0.5]]))
    {'loss': 0.25, 'error_rate': None, 'mean_squared_error': 0.25, 'min_confidence': None}
    """
    if part is None:
        return None
    found = evaluate(network, *part)
    return {name: found.get(name) for name in FIGURES}


def measure_samples(network: Network, samples: Samples) -> dict[str, dict[str, Any] | None]:
    """Return the figures on each part of a recipe's samples: train, validation and test."""
    return {name: measure(network, part) for name, part in samples.parts.items()}


def measure_file(
    network: Network, recipe: Recipe | None, path: str, target: str | int | None = None
) -> dict[str, Any] | None:
    """Return the figures on the samples in a file.

    Parameters
    ----------
    network : Network
    recipe : Recipe or None
        Which names the target where `target` doesn't.
    path : path
    target : str or int, optional
        The column to compare with.

    Raises
    ------
    FileError, InputError
        If the file can't be read, or its samples are not like those of the training.
    """
    expect_one_output("evaluate", network)
    if target is None and recipe is not None:
        target = recipe.data.target
    if target is None and path.lower().endswith(".npz"):
        target = "y"
    found = read(path, target, task="regression" if network.task == "regression" else "classification")
    y = relabelled(found, network.classes, f"evaluate {path!r}")
    if y.ndim == 1 and network.classes is not None and recipe is not None and recipe.data.one_hot:
        y = one_hot(y, len(network.classes), network.dtype)
    return measure(network, (found.X, y))


def expect_one_output(where: str, network: Network) -> None:
    """Raise if a network has several heads: files have one target, and a row has one answer."""
    first = network.heads[0].name
    fix = f"Write one of them to a file: cr.save(network.head({first!r}), '{first}.safetensors')"
    network.only_head(where, fix)
