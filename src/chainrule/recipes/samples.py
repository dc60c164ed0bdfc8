"""The samples of a recipe: read or made, and cut into those to train on, to validate on and to test on.

Validation samples choose (best weights, early stopping, the recipe itself); test samples are measured once, at the
end. What is held out is drawn by `data.seed`, not by the recipe's, so that starts can be compared on the same samples.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np

from chainrule import data as sets
from chainrule.data.column_plans import TablePlan
from chainrule.data.dataset import Dataset
from chainrule.data.labels import Task
from chainrule.data.preparation import Preparation
from chainrule.data.readers import is_table
from chainrule.data.table import Table
from chainrule.errors import InputError, nearest
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.recipes.recipe import OF_TABLES, ColumnUse, Data, Recipe
from chainrule.recipes.table_samples import Part, TableRows, rows_of

_TOYS: dict[str, Callable[..., Any]] = {
    "blobs": sets.blobs,
    "circles": sets.circles,
    "curve": sets.curve,
    "moons": sets.moons,
    "spirals": sets.spirals,
    "xor": sets.xor,
}
_IMAGES: dict[str, Callable[[Any], Dataset]] = {
    "digits": sets.digits,
    "fashion-mnist": sets.fashion_mnist,
    "mnist": sets.mnist,
}
_TOY_SETTINGS = ("samples", "noise", "classes", "turns", "factor")


@dataclass(frozen=True)
class Samples:
    """Samples and targets, in up to three parts.

    Attributes
    ----------
    train : (X, y)
    validation, test : (X, y) or None
    classes : tuple of str or None
        The classes' names, in the order of their indices; None where the targets are quantities.
    notes : tuple of str
        What the reader of a file found and decided, a line each.
    preparation : Preparation, optional
        What made them of a table, measured on the training samples.
    plan : TablePlan, optional
        What was decided about the table's columns.
    tables : dict of str to Table
        The rows of the table that each part was made of, where one was.
    """

    train: Part
    validation: Part | None
    test: Part | None
    classes: tuple[str, ...] | None
    notes: tuple[str, ...] = ()
    preparation: Preparation | None = None
    plan: TablePlan | None = None
    tables: Mapping[str, Table] = field(default_factory=dict, repr=False)

    @property
    def parts(self) -> dict[str, Part | None]:
        """Every part by name, in order."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def gather(recipe: Recipe, like: Network | None = None) -> Samples:
    """Return the samples that a recipe speaks of.

    Parameters
    ----------
    recipe : Recipe
    like : Network, optional
        The network that they are for: classes are numbered as its are, and a table is prepared as it does.

    Raises
    ------
    InputError
        If a setting means nothing for these data, they are too few to hold some out, or one of their classes, or a
        column, is none that the network knows.
    FileError
        If a file is missing or not what it should be.

    Examples
    --------
    >>> from chainrule.recipes import load
    >>> samples = gather(load("xor"))
    >>> samples.train[0].shape, samples.validation, samples.classes
    ((4, 2), None, ('0', '1'))
    """
    spec, where = recipe.data, f"recipe {recipe.name}, data"
    notes: tuple[str, ...] = ()
    known: tuple[str, ...] | None = None if like is None else like.classes
    table: TableRows | None = None
    if spec.file is None:
        train, test, classes = _of_name(spec, where)
    elif is_table(str(spec.file)) and (like is None or like.preparation is not None):
        _settings_given(spec, {}, where, (), of_tables=())
        table = rows_of(spec, where, like)
        train, classes, notes, test = (table.row_numbers, table.y), table.classes, table.notes, None
    else:
        train, classes, notes = _of_file(spec, where, known)
        test = None
    validation: Part | None
    if spec.pool:
        if test is None or spec.validation == "test":
            raise InputError(
                f"{where}.pool",
                given="true" if test is None else "true, and validation = 'test'",
                expected="data with test samples of their own ("
                + ", ".join(_IMAGES)
                + "), from all of which some are held out",
                fix="Leave pool out" if test is None else "Hold some out: validation = 0.1",
            )
        train, test = (np.concatenate([train[0], test[0]]), np.concatenate([train[1], test[1]])), None
    if spec.validation == "test":
        if test is None:
            raise InputError(
                f"{where}.validation",
                given="'test'",
                expected="data with test samples of their own (" + ", ".join(_IMAGES) + ")",
                fix="Hold some out: validation = 0.1",
            )
        validation, test = test, None
    else:
        if spec.test:
            if test is not None:
                raise InputError(
                    f"{where}.test",
                    given=repr(spec.test),
                    expected="nothing, for these data have test samples of their own",
                    fix="Leave test out",
                )
            train, test = _held_out(train, spec.test, f"{where}.test", spec.seed)
        validation = None
        if spec.validation:
            train, validation = _held_out(train, spec.validation, f"{where}.validation", spec.seed)
    if table is not None:
        made, preparation, tables = table.prepared(train, validation, test, where)
        samples = Samples(*made, classes, notes, preparation, table.plan, tables)
        return _encoded(samples, recipe)
    if known is not None and classes is not None and known != classes and train[1].ndim == 1:
        order = _places(classes, known, where)

        def numbered(part: Part) -> Part:
            return part[0], order[part[1]]

        train, validation, test = numbered(train), validation and numbered(validation), test and numbered(test)
        classes = known
    return _encoded(Samples(train, validation, test, classes, notes), recipe)


def _encoded(samples: Samples, recipe: Recipe) -> Samples:
    """Return the samples with a column for each class, where the recipe says so."""
    classes = samples.classes
    if not recipe.data.one_hot:
        return samples
    if classes is None or samples.train[1].ndim != 1:
        raise InputError(
            f"recipe {recipe.name}, data.one_hot",
            given="true",
            expected="targets that are class indices",
            fix="Leave one_hot out",
        )

    def encoded(part: Part) -> Part:
        return part[0], sets.one_hot(part[1], len(classes), recipe.dtype)

    validation, test = (part and encoded(part) for part in (samples.validation, samples.test))
    return replace(samples, train=encoded(samples.train), validation=validation, test=test)


def decided(recipe: Recipe, samples: Samples) -> Recipe:
    """Return the recipe with what its samples' reader decided, so that it stays so when the file grows."""
    if not samples.notes:
        return recipe
    data, plan = recipe.data, samples.plan
    if data.task is None:
        task: Task = "regression" if samples.classes is None else "classification"
        data = msgspec.structs.replace(data, task=task)
    if plan is not None:
        told = {name: ColumnUse(each.use, each.fill, each.flag) for name, each in plan.columns.items()}
        plain = {name for name, use in told.items() if use == ColumnUse("number", "median")}
        data = msgspec.structs.replace(data, columns={n: use for n, use in told.items() if n not in plain})
    return msgspec.structs.replace(recipe, data=data)


def relabelled(samples: Dataset, classes: tuple[str, ...] | None, where: str) -> Array:
    """Return the targets of data that were read on their own, numbered as the classes of a network are.

    Raises
    ------
    InputError
        If there are no targets, or a class among them that the network doesn't know.
    """
    if samples.y is None:
        raise InputError(where, given="no targets", expected="a column to compare with", fix="Name it: --target NAME")
    if classes is None or samples.class_names is None:
        return samples.y
    return np.asarray(_places(samples.class_names, classes, where)[samples.y])


def _places(names: tuple[str, ...], classes: tuple[str, ...], where: str) -> Array:
    """Return the index among a network's classes for each class of some data.

    Raises
    ------
    InputError
        If the network doesn't know one of them.
    """
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise InputError(
            where,
            given=f"the class {unknown[0]!r}"[:80],
            expected="a class that the network has learnt",
            fix=nearest(unknown[0], classes),
        )
    return np.array([classes.index(name) for name in names])


def _of_name(spec: Data, where: str) -> tuple[Part, Part | None, tuple[str, ...] | None]:
    name = str(spec.name)
    if name not in _TOYS and name not in _IMAGES:
        raise InputError(
            f"{where}.name",
            given=repr(name)[:80],
            expected="a data set of chainrule's",
            fix=nearest(name, (*_TOYS, *_IMAGES)),
        )
    takes = inspect.signature(_TOYS[name]).parameters if name in _TOYS else {}
    given = _settings_given(spec, takes, f"{where}, {name}", ("target", "task"))
    if name in _IMAGES:
        first, second = _IMAGES[name]("train"), _IMAGES[name]("test")
        return (first.X, np.asarray(first.y)), (second.X, np.asarray(second.y)), first.class_names
    if "seed" in takes:
        given["seed"] = spec.seed
    made = _TOYS[name](**given)
    return (made.X, np.asarray(made.y)), None, ("0", "1") if name == "xor" else made.class_names


def _of_file(
    spec: Data, where: str, known: tuple[str, ...] | None
) -> tuple[Part, tuple[str, ...] | None, tuple[str, ...]]:
    path = str(spec.file)
    _settings_given(spec, {}, where, ())
    target, ending = spec.target, os.path.splitext(path)[1].lower()
    if target is None and ending == ".npz":
        target = "y"
    if target is None:
        raise InputError(
            f"{where}.target",
            given="nothing",
            expected="what to predict",
            fix='Name the column (or the array of an NPZ file): target = "price"',
        )
    task, notes = spec.task, None
    if task is None and known is not None:
        task, notes = "classification", (f"{target!r} holds classes, as the network has them",)
    if isinstance(target, list):
        raise InputError(
            f"{where}.target",
            given=f"{target!r:.80}",
            expected="one name" if not is_table(path) else "one name, for the network has no preparation of tables",
            fix="Write one of them",
        )
    found = sets.read(path, target, task=task)
    return (found.X, np.asarray(found.y)), found.class_names or _counted(found), notes or found.notes


def _counted(found: Dataset) -> tuple[str, ...] | None:
    """Return names for classes that a file has only as indices."""
    y = np.asarray(found.y)
    if y.ndim == 1 and y.dtype.kind in "iu" and y.min() >= 0 and y.max() < 1000:
        return tuple(str(k) for k in range(int(y.max()) + 1))
    return None


def _settings_given(
    spec: Data,
    takes: Mapping[str, Any],
    where: str,
    never: tuple[str, ...],
    of_tables: tuple[str, ...] = OF_TABLES,
) -> dict[str, Any]:
    """Return the settings of a made set that the recipe has, if this one takes them."""
    usual = Data()
    every = (*_TOY_SETTINGS, *never, *of_tables)
    given = {key: getattr(spec, key) for key in every if getattr(spec, key) != getattr(usual, key)}
    for key in given:
        if key not in takes:
            known = [name for name in takes if name in _TOY_SETTINGS]
            raise InputError(
                where,
                given=f"the setting {key!r}",
                expected="a setting of these data"
                if known
                else "none of tables, for the network has no preparation of them: it takes the columns as numbers"
                if key in of_tables and is_table(str(spec.file))
                else "no such settings for these data",
                fix=nearest(key, known) if known else "Leave it out",
            )
    return given


def _held_out(part: Part, amount: float, where: str, seed: int) -> tuple[Part, Part]:
    """Return a part cut in two: what stays, and so many samples, or that share of them."""
    X, y = part
    whole = isinstance(amount, int)
    if not 0 < amount < (len(X) if whole else 1):
        raise InputError(
            where,
            given=repr(amount),
            expected=f"a share between 0 and 1, or fewer than the {len(X)} samples",
            fix="Write for example 0.1",
        )
    labels = y.ndim == 1 and y.dtype.kind in "iu"
    return sets.split(X, y, fraction=amount / len(X) if whole else amount, seed=seed, stratify=labels)
