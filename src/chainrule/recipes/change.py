"""Options win over the recipe: the same recipe with some of its decisions taken anew."""

from __future__ import annotations

import os
from typing import Any, Literal, cast

import msgspec

from chainrule import checks
from chainrule.data.opening import absolute
from chainrule.errors import InputError
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
    deterministic: bool | None = None,
    compiled: bool | None = None,
    checkpoint_steps: int | None = None,
    checkpoint_seconds: float | None = None,
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
    seed, dtype, keep, threads, deterministic, compiled, checkpoint_steps, checkpoint_seconds : optional
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
        batch_size=batch_size,
        l2=l2,
        layers=layers,
        seed=seed,
        dtype=dtype,
        keep=keep,
        threads=threads,
        deterministic=deterministic,
        compiled=compiled,
        checkpoint_steps=checkpoint_steps,
        checkpoint_seconds=checkpoint_seconds,
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
        changes["data"] = _of_file(recipe.data, absolute("data", data))
    if target is not None:
        changes["data"] = msgspec.structs.replace(changes.get("data", recipe.data), target=target)
    return checked(msgspec.structs.replace(recipe, phases=phases, **changes), f"recipe {recipe.name}")


def continued(recipe: Recipe, done: int, *, epochs: int | None = None, learning_rate: float | None = None) -> Recipe:
    """Return the recipe of a run that goes on after so many epochs, with other decisions for the rest of it.

    Parameters
    ----------
    recipe : Recipe
    done : int
        Epochs that are behind it.
    epochs : int, optional
        How many more. The phases end earlier then, or the last one goes on, its schedule drawn out.
    learning_rate : float, optional
        Of all that is to come: a phase of its own.

    Examples
    --------
    >>> from chainrule.recipes import load
    >>> continued(load("xor"), 500, epochs=10, learning_rate=0.01).phases
    [Phase(epochs=500, learning_rate=0.05), Phase(epochs=10, learning_rate=0.01)]
    """
    total = recipe.epochs if epochs is None else done + checks.whole("epochs", epochs)
    if learning_rate is None:
        phases = _cut(recipe.phases, total)
        last = phases[-1]
        phases[-1] = msgspec.structs.replace(last, epochs=last.epochs + total - sum(phase.epochs for phase in phases))
    else:
        rate = checks.number("learning_rate", learning_rate, above=0)
        if total <= done:
            raise InputError(
                "learning_rate",
                given=f"{rate:g} for a run whose {done} epochs are all done",
                expected="epochs to come",
                fix="Add --epochs N (in Python epochs=N)",
            )
        phases = [*_cut(recipe.phases, done), Phase(total - done, rate)]
    return checked(msgspec.structs.replace(recipe, phases=phases), f"recipe {recipe.name}")


def _cut(phases: list[Phase], total: int) -> list[Phase]:
    """Return the first so many epochs of the phases."""
    kept = []
    for phase in phases:
        epochs = min(phase.epochs, total)
        if epochs > 0:
            kept.append(msgspec.structs.replace(phase, epochs=epochs))
        total -= epochs
    return kept


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
