"""A run's network measured on samples, of its recipe or in a file, and asked for its answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.data import one_hot, read
from chainrule.errors import InputError
from chainrule.nn import Network
from chainrule.ops import Sigmoid, Softmax
from chainrule.ops.op import Array
from chainrule.recipes.image_files import is_picture, picture_as_sample
from chainrule.recipes.recipe import Recipe
from chainrule.recipes.samples import Part, relabelled
from chainrule.training import evaluate, predict
from chainrule.training.evaluate import probabilities
from chainrule.training.metrics import predicted_classes

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
    network: Network, recipe: Recipe | None, path: str, target: str | int | None = None, where: str = "evaluate"
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

    Raises
    ------
    FileError, InputError
        If the file can't be read, or its samples are not like those of the training.
    """
    expect_one_output(where, network)
    if target is None and recipe is not None:
        target = recipe.data.target
    if target is None and path.lower().endswith(".npz"):
        target = "y"
    found = read(path, target, task="regression" if network.task == "regression" else "classification")
    y = relabelled(found, network.classes, f"{where} {path!r}")
    if y.ndim == 1 and network.classes is not None and recipe is not None and recipe.data.one_hot:
        y = one_hot(y, len(network.classes), network.dtype)
    return found.X, y


def feature_names(network: Network, recipe: Recipe | None, path: str | None) -> tuple[str, ...] | None:
    """Return what the columns of a run's samples are called: as the network knows them, else as the file does."""
    if network.columns is not None or network.preparation is not None:
        return network.columns
    path = path or (None if recipe is None else recipe.data.file)
    if path is None or recipe is None or not isinstance(recipe.data.target, str):
        return None
    return read(path, recipe.data.target, task="classification").feature_names


def answers(network: Network, recipe: Recipe | None, path: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each sample: its number from 1, and the class with its probability, or numbers, by their names.

    Where a sample may have several labels, the row has a 0 or 1 for each label, and then the probability of each.

    A column that the network was trained to predict is left out of a table that has it. A picture is brought to the
    form of the training images; what was done to it is returned beside the rows, in words.

    Raises
    ------
    FileError
        If the file can't be read.
    InputError
        If its samples are not like those of the training.
    """
    expect_one_output("predict", network)
    inputs, notes = picture_as_sample(network, recipe, path) if is_picture(path) else (_inputs(recipe, path), [])
    outputs = predict(network, inputs)
    values = probabilities(network, outputs)
    if network.task == "regression":
        names = ["prediction"] if values.shape[1] == 1 else [f"prediction_{k + 1}" for k in range(values.shape[1])]
        return [{"row": i, **dict(zip(names, row))} for i, row in enumerate(values.tolist(), 1)], notes
    chosen = predicted_classes(values, network.task)
    if network.task == "multilabel":
        names = _label_columns([_name(network, k) for k in range(values.shape[1])])
        both = enumerate(zip(chosen.tolist(), values.tolist()), 1)
        return [{"row": i, **dict(zip(names, [*map(int, true), *row]))} for i, (true, row) in both], notes
    given = values[range(len(values)), chosen] if values.shape[1] > 1 else values[:, 0]
    probable = values is not outputs or isinstance(network.ending, (Sigmoid, Softmax))
    if values.shape[1] == 1 and probable:
        given = abs(1 - chosen - given)
    said = "probability" if probable else "output"
    pairs = enumerate(zip(chosen.tolist(), given.tolist()), 1)
    return [{"row": i, "class": _name(network, k), said: p} for i, (k, p) in pairs], notes


def expect_one_output(where: str, network: Network) -> None:
    """Raise if a network has several heads: files have one target, and a row has one answer."""
    first = network.heads[0].name
    fix = f"Write one of them to a file: cr.save(network.head({first!r}), '{first}.safetensors')"
    network.only_head(where, fix)


def answer(network: Network, sample: Sequence[float]) -> dict[str, Any]:
    """Return what a network says to one sample that is given as its numbers, and how sure it is.

    Returns
    -------
    dict
        ``"prediction"``, the class by its name, the labels that are true, or the number (a list of several);
        ``"confidence"``, from 0 to 1, None of numbers; ``"outputs"``, as `predict` gives them. The confidence is the
        probability of the class; where the outputs are no probabilities, how near they come to the 0 or 1 that they
        are trained towards; of several labels that of the least sure one.

    Raises
    ------
    ShapeError
        If there are more or fewer numbers than a sample has.

    Examples
    --------
    >>> import chainrule as cr
    >>> answer(cr.Network([cr.Dense(1, inputs=2), cr.Sigmoid()], classes=["no", "yes"]), [0, 0])
    {'prediction': 'no', 'confidence': 0.5, 'outputs': [0.5]}
    """
    expect_one_output("predict", network)
    x = np.array([sample], np.float64)
    shape = network.sample_shape or ()
    outputs = predict(network, x.reshape(1, *shape) if math.prod(shape) == x.size else x)
    told: list[float] = outputs.reshape(-1).tolist()
    if network.task == "regression" or outputs.ndim > 2:
        return {"prediction": told[0] if len(told) == 1 else told, "confidence": None, "outputs": told}
    given = probabilities(network, outputs)
    chosen, values = predicted_classes(given, network.task)[0], given[0].astype(np.float64)
    prediction: Any
    if network.task == "multilabel":
        prediction, aim = [_name(network, int(k)) for k in np.flatnonzero(chosen)], chosen
    else:
        prediction, aim = _name(network, int(chosen)), chosen
        if len(values) > 1:
            aim, values = 1, values[[chosen]]
    return {"prediction": prediction, "confidence": max(0.0, float((1 - abs(aim - values)).min())), "outputs": told}


def _inputs(recipe: Recipe | None, path: str) -> Array:
    target = None if recipe is None else recipe.data.target
    if isinstance(target, str):
        try:
            return read(path, target, task="classification").X  # whatever it is, it is left out
        except InputError:  # it has no such column: all of it is to be answered
            pass
    return read(path).X


def _label_columns(labels: list[str]) -> list[str]:
    """Return the names of two columns for each label, all distinct: whether a sample has it, how probable that is."""
    probable = [f"probability {label}" for label in labels]
    taken, columns = {"row", *probable}, []
    for column in labels:
        while column in taken:
            column = f"label {column}"
        taken.add(column)
        columns.append(column)
    return [*columns, *probable]


def _name(network: Network, k: int) -> str:
    return str(k) if network.classes is None or k >= len(network.classes) else network.classes[k]
