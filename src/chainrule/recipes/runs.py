"""Runs: their networks, what lies in a folder of runs, what became of each, and what differs between two."""

from __future__ import annotations

import os
import shlex
import tomllib
from dataclasses import dataclass
from typing import Any

import msgspec

from chainrule import checks
from chainrule.data.opening import Folder, open_file
from chainrule.errors import ChainruleError, FileError, InputError
from chainrule.files import read_header
from chainrule.nn import Network
from chainrule.recipes.environment import differences, read_environment
from chainrule.recipes.folder import (
    BEST,
    LAST,
    LOG,
    RECIPE,
    RESULT,
    STORY,
    expect_files,
    read_bytes,
    read_recipe,
    read_result,
)
from chainrule.recipes.log import read_rows
from chainrule.recipes.moved_data import samples_of_run
from chainrule.recipes.parent import epoch_of, kept_weights, parent_of, shown_path
from chainrule.recipes.recipe import Recipe, Start, load, names, to_toml
from chainrule.training import History
from chainrule.training.events import INTERRUPTED, TERMINATED

_PARTS = ("test", "validation", "train")
_MISSING = "–"


@dataclass(frozen=True)
class RunRecord:
    """A run as its folder tells it.

    Attributes
    ----------
    folder : str
    recipe : Recipe or None
        None where it can't be read.
    history : History
        Of the epochs in its log.
    result : dict or None
        What `run` returned, as plain data; None where the run is still going on, or was killed.
    problem : str
        What is wrong with its folder, if anything.
    """

    folder: str
    recipe: Recipe | None
    history: History
    result: dict[str, Any] | None
    problem: str = ""

    @property
    def state(self) -> str:
        """What became of it, in a word or two."""
        if self.problem:
            return f"damaged: {self.problem}"
        if self.result is None:
            return "unfinished"
        stopped = str(self.result.get("stopped"))
        return "stopped" if stopped in (INTERRUPTED, TERMINATED) else stopped

    @property
    def seconds(self) -> float:
        """What training took, in all its parts; where the run has not come to an end, its epochs."""
        told = (self.result or {}).get("seconds")
        return self.history.seconds if told is None else float(told)

    @property
    def figures(self) -> tuple[str, dict[str, Any]] | None:
        """The figures that say most, of the test data if there are any, and which data they are of."""
        for part in _PARTS:
            found = (self.result or {}).get(part)
            if isinstance(found, dict):
                return part, found
        return None


@checks.keywords
def open_run(folder: str | os.PathLike[str]) -> RunRecord:
    """Return a run as its folder tells it.

    Raises
    ------
    FileError
        If there is no run, or its folder can't be read.
    """
    with Folder("run", folder) as opened:
        if opened.file(RECIPE).status() is None:
            expect_files(opened, RECIPE)
        return _record(opened)


@checks.keywords
def list_runs(out: str | os.PathLike[str] = "runs") -> list[RunRecord]:
    """Return the runs in a folder, by name; one that can't be read says so and hides none of the others.

    Raises
    ------
    FileError
        If there is no folder, or it can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from chainrule.recipes import run
    >>> out = tempfile.mkdtemp()
    >>> made = run("xor", out=out)
    >>> [(os.path.basename(record.folder), record.state) for record in list_runs(out)]
    [('xor-001', 'finished')]
    """
    out = os.fspath(out)
    try:
        with os.scandir(out) as entries:
            folders = sorted(entry.path for entry in entries if entry.is_dir())
    except FileNotFoundError:
        raise FileError(
            f"runs {out!r}",
            given="no folder there",
            expected="one with runs in it",
            fix="Train first: chainrule train xor",
        ) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise FileError(
            f"runs {out!r}",
            given=f"what can't be listed ({reason})",
            expected="a folder with runs in it",
            fix="Check the path and its permissions",
        ) from None
    found = []
    for folder in folders:
        try:
            with Folder("run", folder, links=False) as opened:
                if opened.file(RECIPE).status() is not None:
                    found.append(_record(opened))
        except FileError as problem:
            found.append(RunRecord(folder, None, History(stopped="unknown"), None, str(problem)))
    return found


@checks.keywords
def read_story(folder: str | os.PathLike[str]) -> list[str]:
    """Return the lines that a run said while it went.

    Raises
    ------
    FileError
        If there is no run, or its log can't be read.
    """
    with Folder("run", folder) as opened:
        expect_files(opened, STORY)
        return read_bytes(opened.file(STORY)).decode("utf-8", "replace").splitlines()


def _record(folder: Folder) -> RunRecord:
    """Return what the folder of a run tells, whatever is in it."""
    recipe, problems = None, []
    try:
        recipe = read_recipe(folder)
    except ChainruleError as problem:
        problems.append(str(problem))
    result, wrong = read_result(folder.file(RESULT))
    epochs, broken = read_rows(folder.file(LOG))
    history = History(epochs, stopped=str((result or {}).get("stopped", "unfinished")))
    history.best_epoch = (result or {}).get("best_epoch")
    for name in (BEST, LAST):
        try:
            folder.expect_plain([name])
        except FileError as problem:
            problems.append(str(problem))
    return RunRecord(folder.path, recipe, history, result, "; ".join(filter(None, [*problems, wrong, broken])))


@checks.keywords
def compare(first: RunRecord, second: RunRecord) -> dict[str, list[tuple[str, str, str]]]:
    """Return what differs between two runs: for each subject, (name, value in the first, value in the second).

    Subjects are ``"recipe"``, ``"result"``, ``"environment"`` and ``"weights"``. Seconds always differ and are told
    with the result.
    """
    if first.recipe is None or second.recipe is None:
        record = first if first.recipe is None else second
        raise InputError(
            f"compare {record.folder!r}", given=record.state, expected="a run that can be read", fix="Name another"
        )
    environments = []
    for record in (first, second):
        with Folder("run", record.folder) as folder:
            environments.append(read_environment(folder))
    return {
        "recipe": _differences(*map(_decisions, (first.recipe, second.recipe))),
        "result": _differences(*(_told(record) for record in (first, second))),
        "environment": [("", said, "") for said in differences(*environments)],
        "weights": _differences(*(_weights(record) for record in (first, second))),
    }


def _decisions(recipe: Recipe) -> dict[str, str]:
    """Return all that a recipe decides, by dotted names; the run that it begins with as seen from here."""
    start = recipe.start
    if start is not None:
        recipe = msgspec.structs.replace(recipe, start=msgspec.structs.replace(start, run=shown_path(start.run)))
    return _flat(tomllib.loads(to_toml(recipe)))


def _told(record: RunRecord) -> dict[str, str]:
    result = record.result or {}
    kept = {part: result.get(part) for part in reversed(_PARTS)}
    plain = {name: result.get(name) for name in ("seconds", "parameters", "best_epoch")}
    return {"state": record.state, "epochs": str(len(record.history)), **_flat(plain), **_flat(kept)}


def _weights(record: RunRecord) -> dict[str, str]:
    """Return a digest of each file of weights, since bytes are equal or they are not."""
    import hashlib

    digests = {}
    with Folder("run", record.folder) as folder:
        for name in (BEST, LAST):
            try:
                read_header(folder.file(name), where="run")  # a few bytes that could ask for terabytes end here
                with open_file("run", folder.file(name)) as file:
                    digests[name] = f"SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}…"
            except FileError as problem:
                missing = folder.file(name).status() is None
                digests[name] = _MISSING if missing else f"can't be read: {problem.given}"
    return digests


def _flat(value: Any, place: str = "") -> dict[str, str]:
    """Return dotted names and the values there, in words."""
    if isinstance(value, dict):
        pairs = [(f"{place}.{key}".lstrip("."), item) for key, item in value.items()]
    elif isinstance(value, list):
        pairs = [(f"{place}[{i}]", item) for i, item in enumerate(value)]
    else:
        return {} if value is None else {place: f"{value:.6g}" if isinstance(value, float) else str(value)}
    return {name: text for key, item in pairs for name, text in _flat(item, key).items()}


def _differences(first: dict[str, str], second: dict[str, str]) -> list[tuple[str, str, str]]:
    names = dict.fromkeys([*first, *second])
    pairs = [(name, first.get(name, _MISSING), second.get(name, _MISSING)) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2]]


@checks.keywords
def load_run(path: str | os.PathLike[str], weights: str | None = None) -> tuple[Network, Recipe | None]:
    """Return the network of a run and its recipe.

    Parameters
    ----------
    path : path
        The folder of a run; or a model file, whose recipe is None.
    weights : {"best", "last"}, optional
        Which of the folder's two; those that the run keeps where left out: the best if it validates, else the last.

    Raises
    ------
    FileError
        If there is no run there, or a file of it is damaged.
    InputError
        If weights are chosen of a model file, which has one kind only.

    Examples
    --------
    >>> import tempfile
    >>> from chainrule.recipes import run
    >>> network, recipe = load_run(run("xor", out=tempfile.mkdtemp()).run)
    >>> recipe.name, network.parameters.size
    ('xor', 33)
    """
    parent = parent_of(Start(os.fspath(path), weights), "run")  # type: ignore[arg-type]  # it is checked there
    if parent.weights is None:
        return parent.network, None
    with Folder("run", path) as folder:
        return parent.network, read_recipe(folder) if folder.file(RECIPE).status() else None


def named_recipe(name: str | os.PathLike[str], *, with_data: bool = True) -> tuple[Recipe, list[str]]:
    """Return the recipe of a run, named by its folder, or one that `load` knows; and what to say of the former.

    Where the data file of the run was moved, it is looked for, unless others will be taken (`with_data`).

    Raises
    ------
    FileError, InputError
        As `load`, or if the folder holds no run, or its data file is nowhere.
    """
    path = os.fspath(name)
    if not os.path.isdir(path) or (path in names() and not os.path.exists(os.path.join(path, RECIPE))):
        return load(path), []
    with Folder("train", path) as folder:
        expect_files(folder, RECIPE)
        recipe = read_recipe(folder)
        go_on = f"to go on from its weights add --from {shlex.quote(path)}"
        notes = [f"again     the recipe of {path}, from its start; {go_on}"]
        if with_data:
            option = ", or add --data FILE (in Python override(recipe, data=))"
            recipe, _, found = samples_of_run(recipe, folder, option=option)
            notes += found
    return recipe, notes


@checks.keywords
def weights_told(path: str | os.PathLike[str], weights: str | None = None) -> dict[str, str | int | None]:
    """Return which weights `load_run` takes, ``"best"`` or ``"last"``, and of which epoch; None of a model file."""
    if not os.path.isdir(path):
        return {"weights": None, "epoch": None}
    weights = weights or kept_weights(path)
    with Folder("run", path) as folder:
        return {"weights": weights, "epoch": epoch_of(folder, weights)}
