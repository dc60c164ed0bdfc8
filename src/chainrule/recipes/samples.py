"""The samples of a recipe: read or made, and cut into those to train on, to validate on and to test on.

Validation samples choose (best weights, early stopping, the recipe itself); test samples are measured once, at the
end. What is held out is drawn by `data.seed`, not by the recipe's, so that starts can be compared on the same samples.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np

from chainrule import data as sets
from chainrule.data.dataset import Dataset
from chainrule.data.labels import Task
from chainrule.errors import InputError, nearest
from chainrule.ops.op import Array
from chainrule.recipes.recipe import Data, Recipe

Part: TypeAlias = tuple[Array, Array]

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
        What the reader of a file decided, a line each.
    """

    train: Part
    validation: Part | None
    test: Part | None
    classes: tuple[str, ...] | None
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, Part | None]:
        """Every part by name, in order."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def gather(recipe: Recipe, known: tuple[str, ...] | None = None) -> Samples:
    """Return the samples that a recipe speaks of.

    Parameters
    ----------
    recipe : Recipe
    known : tuple of str, optional
        The classes of the network that they are for: they are numbered as these are.

    Raises
    ------
    InputError
        If a setting means nothing for these data, they are too few to hold some out, or one of their classes is none
        of those `known`.
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
    if spec.file is None:
        train, test, classes = _of_name(spec, where)
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
    if known is not None and classes is not None and known != classes and train[1].ndim == 1:
        order = _places(classes, known, where)

        def numbered(part: Part) -> Part:
            return part[0], order[part[1]]

        train, validation, test = numbered(train), validation and numbered(validation), test and numbered(test)
        classes = known
    if spec.one_hot:
        if classes is None or train[1].ndim != 1:
            raise InputError(
                f"{where}.one_hot", given="true", expected="targets that are class indices", fix="Leave one_hot out"
            )

        def encoded(part: Part) -> Part:
            return part[0], sets.one_hot(part[1], len(classes), recipe.dtype)

        train, validation, test = encoded(train), validation and encoded(validation), test and encoded(test)
    return Samples(train, validation, test, classes, notes)


def decided(recipe: Recipe, samples: Samples) -> Recipe:
    """Return the recipe with what its samples' reader decided, so that it stays so when the file grows."""
    if not samples.notes or recipe.data.task is not None:
        return recipe
    task: Task = "regression" if samples.classes is None else "classification"
    return msgspec.structs.replace(recipe, data=msgspec.structs.replace(recipe.data, task=task))


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
    found = sets.read(path, target, task=task)
    return (found.X, np.asarray(found.y)), found.class_names or _counted(found), notes or found.notes


def _counted(found: Dataset) -> tuple[str, ...] | None:
    """Return names for classes that a file has only as indices."""
    y = np.asarray(found.y)
    if y.ndim == 1 and y.dtype.kind in "iu" and y.min() >= 0 and y.max() < 1000:
        return tuple(str(k) for k in range(int(y.max()) + 1))
    return None


def _settings_given(spec: Data, takes: Mapping[str, Any], where: str, never: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings of a made set that the recipe has, if this one takes them."""
    given = {key: getattr(spec, key) for key in (*_TOY_SETTINGS, *never) if getattr(spec, key) is not None}
    for key in given:
        if key not in takes:
            known = [name for name in takes if name in _TOY_SETTINGS]
            raise InputError(
                where,
                given=f"the setting {key!r}",
                expected="a setting of these data" if known else "no such settings for these data",
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
