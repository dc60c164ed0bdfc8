"""A run's network asked for its answers: to the samples in a file, to a picture, or to one that is written out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.data import Table, read
from chainrule.data.readers import holds_table
from chainrule.errors import InputError
from chainrule.nn import Network
from chainrule.ops import Sigmoid, Softmax
from chainrule.ops.op import Array
from chainrule.recipes.evaluation import expect_one_output
from chainrule.recipes.image_files import is_picture, picture_as_sample
from chainrule.recipes.recipe import Recipe
from chainrule.recipes.table_samples import column_name, order_notes, table_for
from chainrule.training import predict
from chainrule.training.evaluate import probabilities
from chainrule.training.metrics import predicted_classes

_TAKEN = ("file", "row")  # columns before the answers


def answers(
    network: Network,
    recipe: Recipe | None,
    path: str,
    *,
    every: bool = False,
    keep: Sequence[str | int] = (),
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each sample: its number from 1, and the class with its probability, or numbers, by their names.

    Where a sample may have several labels, the row has a 0 or 1 for each label, and then the probability of each.

    A column that the network was trained to predict is left out of a table that has it. A picture is brought to the
    form of the training images; what was done to it is returned beside the rows, in words.

    Parameters
    ----------
    network : Network
    recipe : Recipe or None
    path : str
    every : bool, default False
        Give the probability of each class too.
    keep : sequence of str or int
        Columns of a table, by name or index, whose texts go into the rows as they are, before the answers. They are no
        inputs, unless the network needs them for its number of inputs.

    Raises
    ------
    FileError
        If the file can't be read.
    InputError
        If its samples are not like those of the training, or it has no such columns.
    """
    expect_one_output("predict", network)
    notes: list[str] = []
    kept: dict[str, list[str]] = {}
    inputs: Any
    if not is_picture(path):
        inputs, count, kept, notes = _inputs(network, recipe, path, keep)
    elif keep:
        raise InputError(
            f"predict {path!r}",
            given=f"columns to keep, {', '.join(map(str, keep))}, of a picture",
            expected="a table",
            fix="Leave --keep out",
        )
    else:
        inputs, notes = picture_as_sample(network, recipe, path)
        count = len(inputs)
    answered = _answered(network, predict(network, inputs), every)
    carried: dict[str, Iterable[Any]] = {}
    for name, texts in kept.items():
        taken = {*_TAKEN, *answered, *carried, *(other for other in kept if other != name)}
        carried[_free(name, "column", taken)] = texts
    columns: dict[str, Iterable[Any]] = {"row": range(1, count + 1), **carried, **answered}
    return [dict(zip(columns, row)) for row in zip(*columns.values())], notes


def _answered(network: Network, outputs: Array, every: bool) -> dict[str, list[Any]]:
    """Return the columns of the answers by their names."""
    values = probabilities(network, outputs)
    count = values.shape[1]
    if network.task == "regression":
        targets = () if network.preparation is None else network.preparation.targets
        names = ["prediction"] if count == 1 else [f"prediction_{k + 1}" for k in range(count)]
        if 1 < count == len(targets):
            names = [f"prediction {name}" for name in targets]
        return dict(zip(names, values.T.tolist()))
    chosen = predicted_classes(values, network.task)
    if network.task == "multilabel":
        names = _label_columns([_name(network, k) for k in range(count)])
        return dict(zip(names, [*chosen.T.astype(int).tolist(), *values.T.tolist()]))
    given = values[range(len(values)), chosen] if count > 1 else values[:, 0]
    probable = _gives_probabilities(network, outputs, values)
    if count == 1 and probable:
        given = abs(1 - chosen - given)
    said = "probability" if probable else "output"
    columns = {"class": [_name(network, k) for k in chosen.tolist()], said: given.tolist()}
    if every and (count > 1 or probable):
        each = _of_each_class(network, values).T.tolist()
        columns |= {f"{said} {_name(network, k)}": column for k, column in enumerate(each)}
    return columns


def _gives_probabilities(network: Network, outputs: Array, values: Array) -> bool:
    return values is not outputs or isinstance(network.ending, (Sigmoid, Softmax))


def _of_each_class(network: Network, values: Array) -> Array:
    """Return a column for each class or label, also where one output stands for two classes."""
    single = values.shape[1] == 1 and network.task != "multilabel"
    return np.concatenate([1 - values, values], axis=1) if single else values


def answer(network: Network, sample: Sequence[float], *, every: bool = False) -> dict[str, Any]:
    """Return what a network says to one sample that is given as its numbers, and how sure it is.

    Returns
    -------
    dict
        ``"prediction"``, the class by its name, the labels that are true, or the number (a list of several);
        ``"confidence"``, from 0 to 1, None of numbers; ``"outputs"``, as `predict` gives them. The confidence is the
        probability of the class; where the outputs are no probabilities, how near they come to the 0 or 1 that they
        are trained towards; of several labels that of the least sure one. With `every` also ``"probabilities"``,
        class -> probability, where the network gives any.

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
    found = {"prediction": prediction, "confidence": max(0.0, float((1 - abs(aim - values)).min())), "outputs": told}
    if every and _gives_probabilities(network, outputs, given):
        each = _of_each_class(network, given)[0].tolist()
        found["probabilities"] = {_name(network, k): share for k, share in enumerate(each)}
    return found


def _inputs(
    network: Network, recipe: Recipe | None, path: str, keep: Sequence[str | int]
) -> tuple[Any, int, dict[str, list[str]], list[str]]:
    """Return the samples in a file, how many there are, the texts of its columns that are kept, and what to say of it.

    What is kept is no input, unless the network knows it by its name, or needs all of it for its number of inputs.
    """
    if not holds_table("predict", path):
        if keep:
            raise InputError(
                f"predict {path!r}",
                given=f"columns to keep, {', '.join(map(str, keep))}, of a file that is no table",
                expected="a table",
                fix="Leave --keep out",
            )
        found = read(path)
        return found, len(found), {}, []
    table = table_for(network, recipe, path)
    kept, notes = _kept(network, recipe, path, table, keep), order_notes(network, table)
    if network.preparation is not None:
        used: Sequence[str] = [name for name in table if name in network.preparation.names or name not in kept]
        return network.as_samples(f"predict {path!r}", table.only(used)), len(table), kept, notes
    target = None if recipe is None else recipe.data.target
    targets = {str(target)} if isinstance(target, (str, int)) else {*(target or ())}
    if network.columns is not None and table.named:
        used = [name for name in table if name in network.columns or not (name in kept or name in targets)]
        return network.as_samples(f"predict {path!r}", table.only(used)), len(table), kept, notes
    inputs, others = [name for name in table if name not in targets], [name for name in kept if name not in targets]
    short = math.prod(network.sample_shape or ()) - len(inputs) + len(others)
    if 0 < short < len(others):
        raise InputError(
            f"predict {path!r}",
            given=f"the columns {', '.join(others)} to keep, of which {short} seem to be inputs",
            expected="to be told which",
            fix="Keep those that are inputs alone, or those that are none",
        )
    if short < len(others) or not others:
        inputs = [name for name in inputs if name not in others]
    return network.as_samples(f"predict {path!r}", table.only(inputs)), len(table), kept, notes


def _kept(
    network: Network, recipe: Recipe | None, path: str, table: Table, keep: Sequence[str | int]
) -> dict[str, list[str]]:
    """Return the texts of the columns that are kept, as they are written; what says which row it is always is."""
    index = None if network.preparation is None else network.preparation.index
    chosen = [index] if index is not None and index in table else []
    chosen += [column_name(f"predict {path!r}", table, column, " to keep") for column in keep]
    chosen = list(dict.fromkeys(chosen))
    kept = {"index": table.index.texts()} if table.index is not None and table.index.kind != "number" else {}
    if chosen:
        as_written = table_for(network, recipe, path, dict.fromkeys(chosen, "word"))
        kept |= {name: as_written[name].texts() for name in chosen}
    return kept


def _label_columns(labels: list[str]) -> list[str]:
    """Return the names of two columns for each label, all distinct: whether a sample has it, how probable that is."""
    probable = [f"probability {label}" for label in labels]
    taken, columns = {*_TAKEN, *probable}, []
    for label in labels:
        columns.append(_free(label, "label", taken))
        taken.add(columns[-1])
    return [*columns, *probable]


def _free(name: str, word: str, taken: set[str]) -> str:
    """Return a column's name, with a word before it while that is taken."""
    while name in taken:
        name = f"{word} {name}"
    return name


def _name(network: Network, k: int) -> str:
    return str(k) if network.classes is None or k >= len(network.classes) else network.classes[k]
