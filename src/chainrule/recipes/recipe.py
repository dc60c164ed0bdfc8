"""A recipe: everything that decides what a training learns from, what it trains, and how.

It is a TOML file or the same as an object. What it leaves out has a default, what it misspells is an error; written
back it names everything that was decided, so that a run can be repeated from its own copy.
"""

from __future__ import annotations

import os
import re
from typing import Any, Literal

import msgspec

from chainrule import checks
from chainrule.data.limits import within_memory
from chainrule.data.opening import absolute, shown
from chainrule.errors import FileError, InputError
from chainrule.recipes.strict import converted, parsed

Rate = float | dict[str, Any]
Part = str | dict[str, Any]
_MOST_SAMPLES = 10_000_000  # of a set that is made, in memory
_SIZES = re.compile(r"[0-9]{1,9}(-[0-9]{1,9})+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Phase(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A part of the training.

    Attributes
    ----------
    epochs : int
        How many passes over the data.
    learning_rate : float or table
        A number, or a schedule such as ``{type = "OneCycle", maximum = 0.003}``.
    """

    epochs: int
    learning_rate: Rate


class EarlyStop(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """When to stop early: after `patience` epochs without a figure that is better by `minimum_change`."""

    patience: int = 10
    minimum_change: float = 0.0


class Affine(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """How far images are turned, shifted, scaled and sheared at random while they are trained on: `RandomAffine`."""

    rotation: float = 10.0
    shift: float = 2.0
    scale: float = 0.1
    shear: float = 0.0


class Data(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What to learn from.

    Attributes
    ----------
    name : str, optional
        A data set of chainrule's.
    file : str, optional
        Or a file of one's own; in a recipe file, seen from the folder that the recipe lies in.
    target : str or int, optional
        What to predict: the column of a table, or the name of an array in an NPZ file (default ``"y"``).
    task : {"classification", "regression"}, optional
        What the target of a table is, where its numbers leave that open.
    validation : int or float or "test", default 0
        How many samples to hold out for validation, or which share of them; ``"test"`` validates on the data set's
        own test samples, after which there are none to test on.
    test : int or float, default 0
        How many samples to hold out for the test, or which share; for data without test samples of their own.
    seed : int, default 0
        Draws what is held out, and the points of a set that is made.
    scale : {"none", "unit", "standard"}
        A `Rescale` layer in front: to 0 … 1, or to mean 0 and deviation 1, measured on the training samples.
    one_hot : bool, default False
        Turn class indices into rows of zeros with a single one.
    samples, noise, classes, turns, factor : optional
        Settings of the sets that are made.
    """

    name: str | None = None
    file: str | None = None
    target: str | int | None = None
    task: Literal["classification", "regression"] | None = None
    validation: int | float | Literal["test"] = 0
    test: int | float = 0
    seed: int = 0
    scale: Literal["none", "unit", "standard"] = "none"
    one_hot: bool = False
    samples: int | None = None
    noise: float | None = None
    classes: int | None = None
    turns: float | None = None
    factor: float | None = None


class Recipe(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True):
    """What to learn from, what to train, and how.

    Attributes
    ----------
    name : str
        What runs are called after: letters, digits, ``_``, ``-`` and ``.``; the file's name where left out.
    title : str
        What it is, in a line.
    data : Data
    layers : str or list of tables
        ``"784-200-100-10"``: inputs, hidden layers, outputs. Or layer by layer: ``{type = "Dense", outputs = 200}``.
    activation : str or table, default "ReLU"
        After each hidden layer of the short form.
    output : str or table, optional
        After the last layer of the short form. Left out it follows from the loss: softmax or sigmoid before the
        cross-entropy on probabilities that goes with it, nothing before others.
    dropout, input_dropout : float, default 0
        After each hidden activation of the short form; before its first layer.
    loss, optimizer : str or table
        ``"CategoricalCrossEntropy"``, ``{type = "SGD", momentum = 0.9}``.
    phases : list of Phase
        One after the other, on the same weights.
    batch_size : int or "full", default 32
        Samples a step; ``"full"`` (or 0) takes all of them at once.
    l1, l2 : float, default 0
        Penalties on the weights.
    seed : int, default 0
    dtype : {"float32", "float64"}
    keep : {"best", "last"}, optional
        Which weights the result has; "best" where there are validation data, if left out.
    monitor : {"loss", "error_rate"}, default "loss"
        What "best" means.
    early_stopping : EarlyStop, optional
    augment : Affine, optional
        For images.
    class_weight : "balanced" or table of class to weight, optional
    threads : int, default 0
        How many threads multiply matrices; 0 lets the size of the network decide.
    deterministic : bool, default False
        One thread, whatever `threads` says: the same bytes however many cores there are.
    compiled : bool, default False
        Compile whole epochs, which needs ``pip install "chainrule[fast]"``; what can't be compiled is replayed, and
        the log says so.
    checkpoint_steps, checkpoint_seconds : int and float, default 0 and 30
        Save all there is to go on from after so many steps, or when so much time has passed; 0 for neither.
    """

    name: str = "recipe"
    title: str = ""
    data: Data
    layers: str | list[dict[str, Any]]
    activation: Part = "ReLU"
    output: Part | None = None
    dropout: float = 0.0
    input_dropout: float = 0.0
    loss: Part
    optimizer: Part = "Adam"
    phases: list[Phase]
    batch_size: int | Literal["full"] = 32
    l1: float = 0.0
    l2: float = 0.0
    seed: int = 0
    dtype: Literal["float32", "float64"] = "float32"
    keep: Literal["best", "last"] | None = None
    monitor: Literal["loss", "error_rate"] = "loss"
    early_stopping: EarlyStop | None = None
    augment: Affine | None = None
    class_weight: Literal["balanced"] | dict[str, float] | None = None
    threads: int = 0
    deterministic: bool = False
    compiled: bool = False
    checkpoint_steps: int = 0
    checkpoint_seconds: float = 30.0

    @property
    def epochs(self) -> int:
        """How many epochs all phases have."""
        return sum(phase.epochs for phase in self.phases)

    @property
    def sizes(self) -> list[int] | None:
        """The numbers of the short form, such as [784, 200, 100, 10]; None where layers are listed."""
        return [int(size) for size in self.layers.split("-")] if isinstance(self.layers, str) else None


def from_toml(text: str, where: str, name: str | None = None) -> Recipe:
    """Return the recipe that a TOML text holds.

    Parameters
    ----------
    text : str
    where : str
        How errors call it, such as its path.
    name : str, optional
        Its name, where the text has none.

    Raises
    ------
    InputError
        If it is not TOML, has a key that recipes don't have, or lacks one, or a value is not what it should be.

    Examples
    --------
    >>> recipe = from_toml('layers = "2-8-1"', "my.toml")
    Traceback (most recent call last):
    chainrule.errors.InputError: my.toml: got no 'data', but expected it to be there. ...
    """
    with within_memory(where):
        raw = parsed(text, where)
        if name is not None:
            raw.setdefault("name", name)
        return checked(converted(raw, Recipe, where), where)


def to_toml(recipe: Recipe) -> str:
    """Return the recipe as TOML that says everything that was decided, defaults included.

    Examples
    --------
    >>> from chainrule.recipes import load
    >>> from_toml(to_toml(load("xor")), "copy") == load("xor")
    True
    """
    import tomli_w

    text = tomli_w.dumps(_plain(recipe))
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def checked(recipe: Recipe, where: str) -> Recipe:
    """Return the recipe if its numbers are in range; whether its parts fit each other shows when they are built."""
    if not _NAME.fullmatch(recipe.name):
        raise InputError(
            f"{where}, name",
            given=repr(recipe.name)[:80],
            expected="letters, digits, '_', '-' and '.', at most 64, since runs are called after it",
            fix='Write for example name = "my-network"',
        )
    if not recipe.title.isprintable():  # it is shown wherever the run is
        raise InputError(
            f"{where}, title", given=repr(recipe.title)[:80], expected="a line of printable text", fix="Write it anew"
        )
    if (recipe.data.name is None) == (recipe.data.file is None):
        raise InputError(
            f"{where}, data",
            given="both name and file" if recipe.data.name else "neither name nor file",
            expected="one of them",
            fix='Write data = {name = "mnist"} or data = {file = "my.csv", target = "price"}',
        )
    if isinstance(recipe.layers, str) and (
        not _SIZES.fullmatch(recipe.layers) or any(size == 0 for size in recipe.sizes or [])
    ):
        raise InputError(
            f"{where}, layers",
            given=repr(recipe.layers)[:80],
            expected="the sizes of all layers, from the inputs to the outputs, joined by '-'",
            fix="Write for example 784-200-100-10",
        )
    if not recipe.phases:
        raise InputError(
            f"{where}, phases",
            given="an empty list",
            expected="at least one phase",
            fix="Write phases = [{epochs = 10, learning_rate = 0.01}]",
        )
    for i, phase in enumerate(recipe.phases):
        checks.whole(f"{where}, phases[{i}].epochs", phase.epochs)
        if not isinstance(phase.learning_rate, dict):
            checks.number(f"{where}, phases[{i}].learning_rate", phase.learning_rate, above=0)
    if recipe.batch_size != "full":
        checks.whole(f"{where}, batch_size", recipe.batch_size, least=0)
    checks.number(f"{where}, dropout", recipe.dropout, least=0, below=1, like=0.2)
    checks.number(f"{where}, input_dropout", recipe.input_dropout, least=0, below=1, like=0.1)
    checks.number(f"{where}, l1", recipe.l1, least=0, like=0.001)
    checks.number(f"{where}, l2", recipe.l2, least=0, like=0.001)
    checks.whole(f"{where}, seed", recipe.seed, least=0, most=2**63 - 1)
    checks.whole(f"{where}, data.seed", recipe.data.seed, least=0)
    if recipe.data.samples is not None:
        checks.whole(f"{where}, data.samples", recipe.data.samples, most=_MOST_SAMPLES)
    checks.whole(f"{where}, threads", recipe.threads, least=0, most=1024)
    checks.whole(f"{where}, checkpoint_steps", recipe.checkpoint_steps, least=0)
    checks.number(f"{where}, checkpoint_seconds", recipe.checkpoint_seconds, least=0, like=30)
    try:
        to_toml(recipe).encode()
    except UnicodeEncodeError as problem:
        before, after = problem.object[: problem.start], problem.object[problem.start :]
        line = before.rpartition("\n")[2] + after.partition("\n")[0]
        raise InputError(
            where,
            given=f"a text that is not Unicode, {shown(line)}",
            expected="Unicode, as the recipe of the run is written in",
            fix="Give the file, or whatever it names, another name",
        ) from None
    return recipe


def stored(recipe: Recipe, folder: str) -> Recipe:
    """Return the recipe as a file in this folder has to say it: the path of a data file is seen from there."""
    if recipe.data.file is None:
        return recipe
    path = os.path.relpath(recipe.data.file, absolute("run", folder))
    return msgspec.structs.replace(recipe, data=msgspec.structs.replace(recipe.data, file=path))


def located(recipe: Recipe, folder: str) -> Recipe:
    """Return a recipe that was read from this folder with the path of its data file made absolute."""
    if recipe.data.file is None:
        return recipe
    if "\0" in recipe.data.file:
        raise FileError("data.file", given=repr(recipe.data.file), expected="a path", fix="Correct the name")
    path = absolute("data.file", os.path.join(folder, recipe.data.file))
    return msgspec.structs.replace(recipe, data=msgspec.structs.replace(recipe.data, file=path))


def _escaped(character: str) -> str:
    """Return a character that doesn't print as TOML escapes it; half a surrogate pair, which TOML has not, as it is."""
    code = ord(character)
    if 0xD800 <= code < 0xE000:
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _plain(value: Any) -> Any:
    """Return a struct as tables, without what is None; TOML has no word for that."""
    if isinstance(value, msgspec.Struct):
        fields = ((name, getattr(value, name)) for name in value.__struct_fields__)
        return {name: _plain(item) for name, item in fields if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
