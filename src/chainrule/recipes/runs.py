"""Runs: their networks, what lies in a folder of runs, what became of each, and what differs between two."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import msgspec

from chainrule import checks
from chainrule.data.opening import Folder, FolderFile, is_folder, open_file
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
    read_json,
    read_recipe,
)
from chainrule.recipes.log import read_rows
from chainrule.recipes.recipe import Recipe, to_toml
from chainrule.training import History
from chainrule.training.events import INTERRUPTED, TERMINATED

_PARTS = ("test", "validation", "train")
_MISSING = "–"
# A number, or the text that stands for one that is not finite; by name.
_Short: TypeAlias = Annotated[str, msgspec.Meta(max_length=20)]
_Figures: TypeAlias = dict[Annotated[str, msgspec.Meta(max_length=100)], float | _Short | None]


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
    result, wrong = _result(folder.file(RESULT))
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
        "recipe": _differences(*(_flat(tomllib.loads(to_toml(recipe))) for recipe in (first.recipe, second.recipe))),
        "result": _differences(*(_told(record) for record in (first, second))),
        "environment": [("", said, "") for said in differences(*environments)],
        "weights": _differences(*(_weights(record) for record in (first, second))),
    }


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


class _Result(msgspec.Struct, frozen=True):
    """What a run says it came to: as much of it as is shown, and nothing of another type."""

    stopped: Annotated[str, msgspec.Meta(max_length=200)]
    best_epoch: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0)] | None = None
    parameters: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    train: _Figures | None = None
    validation: _Figures | None = None
    test: _Figures | None = None


def _result(file: FolderFile) -> tuple[dict[str, Any] | None, str]:
    """Return what a run came to, None if it is not there; and what is wrong with the file, if anything."""
    try:
        if file.status() is None:
            return None, ""
        return msgspec.to_builtins(read_json(file, _Result)), ""
    except FileError as problem:
        return None, str(problem)


@checks.keywords
def load_run(path: str | os.PathLike[str], weights: str = "best") -> tuple[Network, Recipe | None]:
    """Return the network of a run and its recipe.

    Parameters
    ----------
    path : path
        The folder of a run; or a model file, whose recipe is None.
    weights : {"best", "last"}
        Which of the folder's two.

    Raises
    ------
    FileError
        If there is no run there, or a file of it is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from chainrule.recipes import run
    >>> network, recipe = load_run(run("xor", out=tempfile.mkdtemp()).run)
    >>> recipe.name, network.parameters.size
    ('xor', 33)
    """
    from chainrule.files import load as load_model

    checks.one_of("weights", weights, ("best", "last"))
    if not is_folder("run", path, "the folder of a run, or a model file"):
        return load_model(path), None
    with Folder("run", path) as folder:
        name = BEST if weights == "best" else LAST
        expect_files(folder, name)
        network = load_model(folder.file(name))
        return network, read_recipe(folder) if folder.file(RECIPE).status() else None
