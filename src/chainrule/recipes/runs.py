"""Runs side by side: what lies in a folder of runs, what became of each, and what differs between two of them."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from typing import Any

from chainrule.errors import ChainruleError, FileError, InputError
from chainrule.recipes.environment import differences
from chainrule.recipes.folder import BEST, ENVIRONMENT, LAST, LOG, RECIPE, RESULT
from chainrule.recipes.keeper import read_log
from chainrule.recipes.recipe import Recipe, to_toml
from chainrule.recipes.shelf import load
from chainrule.training import Epoch, History
from chainrule.training.training import INTERRUPTED, TERMINATED

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
    def figures(self) -> tuple[str, dict[str, Any]] | None:
        """The figures that say most, of the test data if there are any, and which data they are of."""
        for part in _PARTS:
            found = (self.result or {}).get(part)
            if isinstance(found, dict):
                return part, found
        return None


def open_run(folder: str | os.PathLike[str]) -> RunRecord:
    """Return a run as its folder tells it.

    Raises
    ------
    FileError
        If there is no run.
    """
    folder = os.fspath(folder)
    if not os.path.exists(os.path.join(folder, RECIPE)):
        raise FileError(
            f"run {folder!r}",
            given="no recipe.toml there",
            expected="the folder of a run",
            fix="Name a folder that train made; chainrule runs lists them",
        )
    recipe, problem = None, ""
    try:
        recipe = load(os.path.join(folder, RECIPE))
    except ChainruleError as error:
        problem = str(error)
    result = _json(os.path.join(folder, RESULT))
    return RunRecord(folder, recipe, _history(os.path.join(folder, LOG), result), result, problem)


def list_runs(out: str | os.PathLike[str] = "runs") -> list[RunRecord]:
    """Return the runs in a folder, by name.

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
    if not os.path.isdir(out):
        raise FileError(
            f"runs {out!r}",
            given="no folder there",
            expected="one with runs in it",
            fix="Train first: chainrule train xor",
        )
    folders = [os.path.join(out, name) for name in sorted(os.listdir(out))]
    return [open_run(folder) for folder in folders if os.path.exists(os.path.join(folder, RECIPE))]


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
    environments = [_json(os.path.join(record.folder, ENVIRONMENT)) or {} for record in (first, second)]
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
    for name in (BEST, LAST):
        try:
            with open(os.path.join(record.folder, name), "rb") as file:
                digests[name] = f"SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}…"
        except OSError:
            digests[name] = _MISSING
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


def _history(path: str, result: dict[str, Any] | None) -> History:
    fields = {field for field in Epoch.__dataclass_fields__ if field != "metrics"}
    history = History(stopped=str((result or {}).get("stopped", "unfinished")))
    for row in read_log(path):
        if fields <= set(row):
            metrics = {name: value for name, value in row.items() if name not in fields}
            history.epochs.append(Epoch(metrics=metrics, **{name: row[name] for name in fields}))
    best = (result or {}).get("best_epoch")
    history.best_epoch = best if isinstance(best, int) else None
    return history


def _json(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
