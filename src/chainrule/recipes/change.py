"""Options win over the recipe: the same recipe with some of its decisions taken anew."""

from __future__ import annotations

import os
from typing import Any, Literal, cast

import msgspec

from chainrule import checks
from chainrule.recipes.recipe import Data, Phase, Recipe, checked


def override(
    recipe: Recipe,
    *,
    epochs: int | None = None,
    batch_size: int | Literal["full"] | None = None,
    learning_rate: float | None = None,
    l2: float | None = None,
    layers: str | None = None,
    seed: int | None = None,
    dtype: Literal["float32", "float64"] | None = None,
    keep: Literal["best", "last"] | None = None,
    threads: int | None = None,
    data: str | os.PathLike[str] | None = None,
    target: str | int | None = None,
) -> Recipe:
    """Return the recipe with these decisions in place of its own; None keeps what the recipe says.

    Parameters
    ----------
    recipe : Recipe
    epochs : int, optional
        For all phases together: each keeps its share, to whole epochs; a phase left with none drops out.
    batch_size : int or "full", optional
    learning_rate : float, optional
        Constant in all phases, instead of their rates and schedules.
    l2 : float, optional
    layers : str, optional
        The short form, such as ``"784-200-100-10"``. A recipe that lists its layers gets plain ones of these sizes,
        with its own `activation`, `output` and dropouts.
    seed, dtype, keep, threads : optional
    data : path, optional
        A file to learn from; it is split, scaled and so on as the recipe says.
    target : str or int, optional
        What to predict of it.

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> from chainrule.recipes import load
    >>> [phase.epochs for phase in override(load("mnist-mse-200"), epochs=40).phases]
    [30, 10]
    """
    given: dict[str, Any] = dict(
        batch_size=batch_size, l2=l2, layers=layers, seed=seed, dtype=dtype, keep=keep, threads=threads
    )
    changes = {name: value for name, value in given.items() if value is not None}
    phases = recipe.phases
    if epochs is not None:
        phases = _scaled(phases, checks.whole("epochs", epochs))
    if learning_rate is not None:
        rate = checks.number("learning_rate", learning_rate, above=0)
        phases = [Phase(sum(phase.epochs for phase in phases), rate)]
    if dtype is not None:
        checks.one_of("dtype", dtype, ("float32", "float64"))
    if keep is not None:
        checks.one_of("keep", keep, ("best", "last"))
    if data is not None:
        changes["data"] = _of_file(recipe.data, os.path.abspath(data))
    if target is not None:
        changes["data"] = msgspec.structs.replace(changes.get("data", recipe.data), target=target)
    return checked(msgspec.structs.replace(recipe, phases=phases, **changes), f"recipe {recipe.name}")


def _scaled(phases: list[Phase], epochs: int) -> list[Phase]:
    """Return phases with so many epochs in all, every boundary moved to where its share of them ends."""
    planned = sum(phase.epochs for phase in phases)
    scaled, done, start = [], 0, 0
    for phase in phases:
        done += phase.epochs
        end = (2 * done * epochs + planned) // (2 * planned)  # done/planned of all epochs, rounded half up
        if end > start:
            scaled.append(msgspec.structs.replace(phase, epochs=end - start))
        start = end
    return scaled


def _of_file(data: Data, path: str) -> Data:
    if data.file is None:  # what described the built-in set says nothing about a file
        validation = 0 if data.validation == "test" else cast(float, data.validation)
        return Data(file=path, validation=validation, scale=data.scale, one_hot=data.one_hot, seed=data.seed)
    return msgspec.structs.replace(data, file=path)
