"""A run's network measured on samples, of its recipe or in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule import checks
from chainrule.data import Preparation, Table, one_hot, read
from chainrule.data.readers import holds_table
from chainrule.errors import InputError
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.recipes.recipe import Recipe
from chainrule.recipes.samples import relabelled
from chainrule.recipes.table_samples import Part, column_name, order_notes, table_for
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


def samples_in_file(
    network: Network,
    recipe: Recipe | None,
    path: str,
    target: str | int | list[str] | None = None,
    where: str = "evaluate",
    say: Callable[[str], Any] | None = None,
) -> Part:
    """Return the samples in a file, with their targets as the network numbers its classes.

    Parameters
    ----------
    network : Network
    recipe : Recipe or None
        Which names the target where `target` doesn't.
    path : path
    target : str or int, optional
        The column to compare with.
    where : str
        Who speaks in errors.
    say : function of str, optional
        Is given what to say of the file.

    Raises
    ------
    FileError, InputError
        If the file can't be read, or its samples are not like those of the training.
    """
    expect_one_output(where, network)
    preparation = network.preparation if holds_table(where, path) else None
    if target is None and recipe is not None and (preparation is None or not preparation.targets):  # which have names
        target = recipe.data.target
    where = f"{where} {path!r}"
    if preparation is not None:
        table = table_for(network, recipe, path)
        if say is not None:
            for note in order_notes(network, table):
                say(note)
        y = _compared(network, table, target, where)
        return preparation.features(table, where=where), _encoded(network, recipe, y)
    if target is None and path.lower().endswith(".npz"):
        target = "y"
    if isinstance(target, list):
        raise InputError(
            where,
            given=f"several targets, {', '.join(target):.80}, of a network without a preparation",
            expected="one",
            fix="Name it: --target NAME",
        )
    found = read(path, target, task="regression" if network.task == "regression" else "classification")
    y = relabelled(found, network.classes, where)
    return network.arranged(where, found), _encoded(network, recipe, y)


def _compared(network: Network, table: Table, target: str | int | list[str] | None, where: str) -> Array:
    """Return the targets in a table: those that the preparation knows, or of another column."""
    preparation: Any = network.preparation
    named = target if isinstance(target, list) else [] if target is None else [target]
    asked = tuple(column_name(where, table, each, " to compare with") for each in named)
    if asked and asked != preparation.targets:
        used = [name for name in preparation.ignored if name not in asked]
        index = None if preparation.index in asked else preparation.index
        told = {**preparation.settings(), "target": asked, "ignored": used, "index": index}
        preparation = Preparation(**told)
    answers: Array = preparation.answers(table, where=where)
    return answers


def _encoded(network: Network, recipe: Recipe | None, y: Array) -> Array:
    """Return targets with a column for each class, where the recipe has them so."""
    if y.ndim == 1 and network.classes is not None and recipe is not None and recipe.data.one_hot:
        return one_hot(y, len(network.classes), network.dtype)
    return y


def feature_groups(network: Network, recipe: Recipe | None, path: str | None) -> dict[str, int | slice] | None:
    """Return which features each column of a run's samples became, by name: as the network knows it, or the file."""
    if network.preparation is not None:
        return dict(network.preparation.feature_groups)
    names = network.columns
    path = path or (None if recipe is None else recipe.data.file)
    if names is None and path is not None and recipe is not None and isinstance(recipe.data.target, str):
        names = read(path, recipe.data.target, task="classification").feature_names
    return None if names is None else {name: i for i, name in enumerate(names)}


def expect_one_output(where: str, network: Network) -> None:
    """Raise if a network has several heads: files have one target, and a row has one answer."""
    first = network.heads[0].name
    fix = f"Write one of them to a file: cr.save(network.head({first!r}), '{first}.safetensors')"
    network.only_head(where, fix)
