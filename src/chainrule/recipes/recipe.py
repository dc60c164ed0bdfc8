"""A recipe: everything that decides what a training learns from, what it trains, and how.

It is a TOML file, built in or one's own, or the same as an object. What it leaves out has a default, what it misspells
is an error; options win over it. Written back it names everything that was decided, so that a run can be repeated
from its own copy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal, cast

import msgspec

from chainrule import checks
from chainrule.data.limits import within_memory
from chainrule.data.opening import absolute, shown
from chainrule.errors import FileError, InputError, nearest
from chainrule.recipes.strict_toml import convert, parse_toml

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


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
        A number, or a schedule such as ``{type = "OneCycle", maximum_learning_rate = 0.003}``.
    """

    epochs: int
    learning_rate: Rate


class Start(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """Whose weights the training begins with.

    Attributes
    ----------
    run : str
        The folder of a run, or a model file; in a recipe file, seen from the folder that the recipe lies in.
    weights : {"best", "last"}, optional
        Which of a run's; those that it keeps where left out: the best if it validates, else the last.
    """

    run: str
    weights: Literal["best", "last"] | None = None


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


class ColumnUse(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What becomes of a column of a table.

    Attributes
    ----------
    use : {"number", "category", "date", "drop"}
    fill : float or str, optional
        What a gap becomes: ``"mean"``, ``"median"`` or ``"most frequent"`` of the training rows, ``"own level"``, a
        column of its own among those of a category, or a value. ``"refuse"``: gaps are errors.
    flag : bool, default False
        Whether a column of its own says where a number, or a date, was missing.
    """

    use: Literal["number", "category", "date", "drop"]
    fill: float | str | None = None
    flag: bool = False


class Data(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What to learn from.

    Attributes
    ----------
    name : str, optional
        A data set of chainrule's.
    file : str, optional
        Or a file of one's own; in a recipe file, seen from the folder that the recipe lies in.
    target : str, int or list of str, optional
        What to predict: the column of a table, or several; or the name of an array in an NPZ file (default ``"y"``).
    task : {"classification", "regression"}, optional
        What the target of a file is, where its numbers leave that open: see `chainrule.data.read_csv`.
    drop : list of str
        Columns of a table that shall not be used.
    index : str, optional
        The column of a table that says which row it is; it is carried over to the answers.
    columns : table of name to ColumnUse
        What becomes of a column, where that is not what `chainrule.data.prepare` would decide.
    categories : int, default 50
        How many words of a column get a column each; the rare ones share one.
    missing : list of str
        Texts that mean a gap, beside the usual ones.
    skip_rows : int, default 0
        Lines at the top of a file that are none of the table.
    delimiter, decimal, encoding, day_first : optional
        How a table is written, where it doesn't say so itself: see `chainrule.data.read_table`.
    validation : int or float or "test", default 0
        How many samples to hold out for validation, or which share of them; ``"test"`` validates on the data set's
        own test samples, after which there are none to test on.
    pool : bool, default False
        Take the data set's own training and test samples together, before any are held out.
    test : int or float, default 0
        How many samples to hold out for the test, or which share; for data without test samples of their own.
    seed : int, default 0
        Draws what is held out, and the points of a set that is made.
    scale : {"none", "unit", "standard"}
        A `Rescale` layer in front: to 0 … 1, or to mean 0 and deviation 1, measured on the training samples.
    scale_target : {"none", "standard"}
        An `Unscale` layer at the end, measured on the training targets: the loss is that of targets with mean 0 and
        deviation 1, predictions and other figures are in the target's own unit.
    one_hot : bool, default False
        Turn class indices into rows of zeros with a single one.
    samples, noise, classes, turns, factor : optional
        Settings of the sets that are made.
    """

    name: str | None = None
    file: str | None = None
    target: str | int | list[str] | None = None
    task: Literal["classification", "regression"] | None = None
    drop: list[str] = []
    index: str | None = None
    columns: dict[str, ColumnUse] = {}
    categories: int = 50
    missing: list[str] = []
    skip_rows: int = 0
    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    day_first: bool | None = None
    validation: int | float | Literal["test"] = 0
    pool: bool = False
    test: int | float = 0
    seed: int = 0
    scale: Literal["none", "unit", "standard"] = "none"
    scale_target: Literal["none", "standard"] = "none"
    one_hot: bool = False
    samples: int | None = None
    noise: float | None = None
    classes: int | None = None
    turns: float | None = None
    factor: float | None = None


#: The settings of data that are for tables.
OF_TABLES = (
    *("drop", "index", "columns", "categories", "missing", "skip_rows"),
    *("delimiter", "decimal", "encoding", "day_first"),
)


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
        ``"784-200-100-10"``: inputs, hidden layers, outputs. Or layer by layer: ``{type = "Dense", units = 200}``.
    activation : str or table, default "ReLU"
        After each hidden layer of the short form.
    output : str or table, optional
        After the last layer of the short form. Left out it follows from the loss: softmax or sigmoid before the
        cross-entropy on probabilities that goes with it, nothing before others.
    initializer, bias_initializer : str or table, optional
        How the weights and biases of the short form start: ``"LeCun"``, ``{type = "Normal", deviation = 1.0}``; as
        `Dense` decides, where left out.
    dropout, input_dropout : float, default 0
        After each hidden activation of the short form; before its first layer.
    loss, optimizer : str or table
        ``"CategoricalCrossEntropy"``, ``{type = "SGD", momentum = 0.9}``.
    phases : list of Phase
        One after the other, on the same weights. A text may say ``epochs = 10`` and ``learning_rate = 0.01`` instead:
        that is one phase.
    batch_size : int or "full", default 32
        Samples a batch; ``"full"`` (or 0) takes all of them at once.
    gradient_accumulation_steps : int, default 1
        Batches a step.
    shuffle : bool, default True
        Take the samples in a new order in each epoch, or in the order they are in.
    l1, l2 : float, default 0
        Penalties on the weights.
    seed : int, default 0
    start : Start, optional
        The weights to begin with, of another run; drawn from the seed where left out.
    dtype : {"float32", "float64"}
    keep : {"best", "last"}, optional
        Which weights the result has; "best" where there are validation data, if left out.
    monitor : {"validation_loss", "validation_error_rate", "loss", "error_rate"}, optional
        What "best" means; the validation loss where there are validation data, if left out, and else the loss.
    early_stopping : EarlyStop, optional
    augment : Affine, optional
        For images.
    mixup : float, default 0
        Alpha of `Mixup`, which mixes samples, and their targets, while they are trained on; 0 for none.
    class_weight : "balanced" or table of class to weight, optional
    threads : int, default 0
        How many threads multiply matrices; 0 lets the size of the network decide.
    deterministic : bool, default False
        One thread, whatever `threads` says: the same bytes however many cores there are.
    compiled : bool, default False
        Compile whole epochs, which needs ``pip install '.[fast]'`` in a clone; what can't be compiled is replayed, and
        the log says so.
    checkpoint_steps, checkpoint_seconds : int and float, default 0 and 30
        Save all there is to go on from after so many steps, or when so much time has passed; 0 for neither.
    """

    SHORT: ClassVar = ("epochs", "learning_rate")  # what a text may say at its top, in place of its one phase

    name: str = "recipe"
    title: str = ""
    data: Data
    layers: str | list[dict[str, Any]]
    activation: Part = "ReLU"
    output: Part | None = None
    initializer: Part | None = None
    bias_initializer: Part | None = None
    dropout: float = 0.0
    input_dropout: float = 0.0
    loss: Part
    optimizer: Part = "Adam"
    phases: list[Phase]
    batch_size: int | Literal["full"] = 32
    gradient_accumulation_steps: int = 1
    shuffle: bool = True
    l1: float = 0.0
    l2: float = 0.0
    seed: int = 0
    start: Start | None = None
    dtype: Literal["float32", "float64"] = "float32"
    keep: Literal["best", "last"] | None = None
    monitor: Literal["validation_loss", "validation_error_rate", "loss", "error_rate"] | None = None
    early_stopping: EarlyStop | None = None
    augment: Affine | None = None
    mixup: float = 0.0
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


@checks.keywords
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
        raw = parse_toml(text, where)
        if name is not None:
            raw.setdefault("name", name)
        short = _as_phase(raw, where)
        try:
            return checked(convert(raw, Recipe, where), where)
        except InputError as problem:
            if not short:
                raise
            # What is wrong with the phase stands at the top of the text.
            texts = (problem.where, problem.given, problem.expected, problem.fix)
            at, given, expected, fix = (text.replace("phases[0].", "") for text in texts)
            raise InputError(at, given=given, expected=expected, fix=fix, cause=problem.cause) from None


def _as_phase(raw: dict[str, Any], where: str) -> bool:
    """Make the one phase of ``epochs`` and ``learning_rate`` at the top of a recipe; return whether there are any."""
    found = {key: raw.pop(key) for key in Recipe.SHORT if key in raw}
    if not found:
        return False
    if "phases" in raw:
        raise InputError(
            where,
            given=f"phases and {' and '.join(found)} beside them",
            expected="one of the two: phases say their own epochs and learning rates",
            fix=f"Leave {' and '.join(found)} out, or phases",
        )
    raw["phases"] = [found]
    return True


@checks.keywords
def to_toml(recipe: Recipe) -> str:
    """Return the recipe as TOML that says everything that was decided, defaults included.

    Examples
    --------
    >>> from chainrule.recipes import load
    >>> from_toml(to_toml(load("xor")), "copy") == load("xor")
    True
    """
    import tomli_w

    plain = _plain(recipe)
    if recipe.data.file is None:
        plain["data"] = {name: value for name, value in plain["data"].items() if name not in OF_TABLES}
    text = tomli_w.dumps(plain)
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
    if recipe.start is not None and not recipe.start.run:
        raise InputError(
            f"{where}, start.run",
            given="an empty text",
            expected="the folder of a run, or a model file",
            fix='Write start = {run = "runs/xor-001"}',
        )
    if not recipe.phases:
        raise InputError(
            f"{where}, phases",
            given="an empty list",
            expected="at least one phase",
            fix="Write phases = [{epochs = 10, learning_rate = 0.01}], or epochs = 10 and learning_rate = 0.01",
        )
    for i, phase in enumerate(recipe.phases):
        checks.whole(f"{where}, phases[{i}].epochs", phase.epochs)
        if not isinstance(phase.learning_rate, dict):
            checks.number(f"{where}, phases[{i}].learning_rate", phase.learning_rate, above=0)
    if recipe.batch_size != "full":
        checks.whole(f"{where}, batch_size", recipe.batch_size, least=0)
    checks.whole(f"{where}, gradient_accumulation_steps", recipe.gradient_accumulation_steps)
    checks.number(f"{where}, dropout", recipe.dropout, least=0, below=1, like=0.2)
    checks.number(f"{where}, input_dropout", recipe.input_dropout, least=0, below=1, like=0.1)
    checks.number(f"{where}, l1", recipe.l1, least=0, like=0.001)
    checks.number(f"{where}, l2", recipe.l2, least=0, like=0.001)
    checks.number(f"{where}, mixup", recipe.mixup, least=0, like=0.2)
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
    """Return the recipe as a file in this folder has to say it: the paths in it are seen from there."""
    return _with_paths(recipe, lambda where, path: os.path.relpath(path, absolute("run", folder)))


def located(recipe: Recipe, folder: str) -> Recipe:
    """Return a recipe that was read from this folder with the paths in it made absolute."""

    def from_here(where: str, path: str) -> str:
        if "\0" in path:
            raise FileError(where, given=repr(path), expected="a path", fix="Correct the name")
        return absolute(where, os.path.join(folder, path))

    return _with_paths(recipe, from_here)


def _with_paths(recipe: Recipe, changed: Callable[[str, str], str]) -> Recipe:
    """Return the recipe with each path in it, of its data file and of the run that it starts from, changed."""
    data, start, replace = recipe.data, recipe.start, msgspec.structs.replace
    if data.file is not None:
        data = replace(data, file=changed("data.file", data.file))
    if start is not None:
        start = replace(start, run=changed("start.run", start.run))
    return replace(recipe, data=data, start=start)


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
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


@checks.keywords
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
    target: str | int | list[str] | None = None,
    task: Literal["classification", "regression"] | None = None,
    drop: Sequence[str] | None = None,
    index: str | None = None,
    decimal: Literal[".", ","] | None = None,
    day_first: bool | None = None,
    start: str | os.PathLike[str] | None = None,
    weights: Literal["best", "last"] | None = None,
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
        with its own `activation`, `output`, initializers and dropouts.
    seed, dtype, keep, threads, deterministic, compiled, checkpoint_steps, checkpoint_seconds : optional
    data : path, optional
        A file to learn from; it is split, scaled and so on as the recipe says.
    target : str, int or list of str, optional
        What to predict of it.
    task : {"classification", "regression"}, optional
        What that is.
    drop : sequence of str, optional
        Columns that shall not be used.
    index : str, optional
        The column that says which row it is.
    decimal : {".", ","}, optional
        The mark of decimals in the file.
    day_first : bool, optional
        Whether 1/2/2024 in it is the first of February.
    start : path, optional
        The folder of a run, or a model file, with whose weights to begin.
    weights : {"best", "last"}, optional
        Which of that run's; those that it keeps where left out.

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> from chainrule.recipes import load
    >>> [phase.epochs for phase in override(load("best_attempt_97p"), epochs=40).phases]
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
    given = {
        "target": target,
        "task": task,
        "drop": None if drop is None else list(drop),
        "index": index,
        "decimal": decimal,
        "day_first": day_first,
    }
    told = {name: value for name, value in given.items() if value is not None}
    if told:
        data_now = msgspec.structs.replace(changes.get("data", recipe.data), **told)
        changes["data"] = _in_new_places(data_now, told)
    if start is not None:
        changes["start"] = Start(absolute("start", start))
    if weights is not None:
        begun = changes.get("start", recipe.start)
        if begun is None:
            raise InputError(
                "weights",
                given=f"{weights!r} for a training that begins anew",
                expected="a run whose weights it begins with",
                fix="Add --from RUN (in Python start=RUN)",
            )
        changes["start"] = msgspec.structs.replace(begun, weights=checks.one_of("weights", weights, ("best", "last")))
    return checked(msgspec.structs.replace(recipe, phases=phases, **changes), f"recipe {recipe.name}")


def _in_new_places(data: Data, told: Mapping[str, Any]) -> Data:
    """Return data whose target, index or dropped columns are others now, without what those columns were before."""
    moved = {name for place in ("target", "drop", "index") for name in _names(told.get(place))}
    return msgspec.structs.replace(data, columns={n: use for n, use in data.columns.items() if n not in moved})


def _names(told: Any) -> list[str]:
    return [told] if isinstance(told, str) else told if isinstance(told, list) else []


@checks.keywords
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
        return Data(
            file=path,
            validation=validation,
            scale=data.scale,
            scale_target=data.scale_target,
            one_hot=data.one_hot,
            seed=data.seed,
        )
    return msgspec.structs.replace(data, file=path)


_LARGEST = 1 << 20  # bytes: no recipe is that long


@checks.keywords
def names() -> list[str]:
    """Return the names of the built-in recipes.

    Examples
    --------
    >>> "xor" in names()
    True
    """
    return sorted(file.name.removesuffix(".toml") for file in _builtin().iterdir() if file.name.endswith(".toml"))


@checks.keywords
@within_memory("recipe")
def load(name_or_path: str | os.PathLike[str]) -> Recipe:
    """Return a recipe.

    Parameters
    ----------
    name_or_path : str or path
        The name of a built-in one, or the path of a TOML file: what ends in ``.toml`` or has a folder in it.

    Raises
    ------
    InputError
        If no built-in recipe has this name, or the file doesn't hold a recipe.
    FileError
        If the file can't be read.

    Examples
    --------
    >>> load("xor").layers
    '2-8-1'
    """
    given = os.fspath(name_or_path)
    folder, file = os.path.split(given)
    if not folder and not file.endswith(".toml"):
        return from_toml(text(given), f"recipe {given}", given)
    own = re.sub(r"[^A-Za-z0-9_.-]+", "-", file.removesuffix(".toml")).strip("._-")[:64]
    recipe = from_toml(_read(given), f"recipe {given!r}", own or "recipe")
    return located(recipe, folder)


def text(name: str) -> str:
    """Return a built-in recipe as the TOML file it is."""
    if name not in names():
        raise InputError(
            "recipe",
            given=repr(name)[:80],
            expected="a built-in recipe, or the path of a TOML file",
            fix=nearest(name.lower(), names()),
        )
    return _builtin().joinpath(f"{name}.toml").read_text("utf-8")


def _builtin() -> Traversable:
    """Return the folder of built-in recipes, which may lie in a ZIP file."""
    from importlib.resources import files

    return files("chainrule.recipes").joinpath("builtin")


def load_stream(file: BinaryIO) -> Recipe:
    """Return the recipe that comes from a stream; the path of a data file in it is seen from the working folder.

    Examples
    --------
    >>> import io
    >>> load_stream(io.BytesIO(text("xor").encode())).layers
    '2-8-1'
    """
    with within_memory("recipe"):
        return located(from_toml(_decoded(file, "-"), "recipe '-'", "recipe"), "")


def _read(path: str) -> str:
    from chainrule.data.opening import open_file

    with open_file("recipe", path) as file:
        return _decoded(file, path)


def _decoded(file: BinaryIO, path: str) -> str:
    content = file.read(_LARGEST + 1)
    try:
        if len(content) > _LARGEST:
            raise ValueError("it is longer than a MiB")
        return content.decode("utf-8-sig")
    except ValueError as problem:
        reason = "it is not UTF-8" if isinstance(problem, UnicodeDecodeError) else str(problem)
        raise FileError(
            f"recipe {path!r}",
            given=f"a file that is no recipe ({reason})",
            expected="a recipe in TOML",
            fix="Check the path",
        ) from None
