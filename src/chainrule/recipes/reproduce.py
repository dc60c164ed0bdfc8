"""The founding experiments run again: their documented figures beside ours, epoch by epoch.

Each experiment is a built-in recipe, run for several seeds into runs of its own; a run that is already there is taken
as it is, and one that was stopped goes on, so that hours of training survive whatever happens.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from chainrule import checks
from chainrule.errors import InputError, nearest
from chainrule.recipes.environment import environment
from chainrule.recipes.recipe import Recipe, continued, load, override
from chainrule.recipes.run import resume, run
from chainrule.recipes.runs import RunRecord, list_runs, open_run
from chainrule.training.progress import percent

Say = Callable[[str], Any]

_INTRODUCTION = (
    "Made by `chainrule reproduce`. A documented error is reached where the mean over the seeds is at or below it. "
    "Validation is on the test images, as the documents have it; losses are without penalty, in the documents' scale."
)


class Experiment(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a document reports of an experiment.

    Attributes
    ----------
    recipe, title : str
    seeds : int
        How many starts to take the mean of.
    loss_factor : float
        What takes chainrule's loss to the document's.
    rows : list of (epoch, training loss, validation loss, error)
        NaN for what it doesn't report.
    last_loss, last_mean_squared_error, min_confidence : float, optional
        Of the end of training, where that is all.
    """

    recipe: str
    title: str
    seeds: int = 3
    loss_factor: float = 1.0
    rows: list[tuple[int, float, float, float]] = []
    last_loss: float | None = None
    last_mean_squared_error: float | None = None
    min_confidence: float | None = None


@dataclass(frozen=True)
class Reproduced:
    """An experiment and its runs here.

    Attributes
    ----------
    experiment : Experiment
    runs : list of RunRecord
        One a seed.
    table : list of rows of text
        The header first.
    met : int
        How many of the documented figures were reached.
    count : int
        Of how many that were measured.
    """

    experiment: Experiment
    runs: list[RunRecord]
    table: list[list[str]]
    met: int
    count: int

    @property
    def verdict(self) -> str:
        """How it went, in a line."""
        return f"{self.met} of {self.count} documented figures reached, mean of {_seeds(len(self.runs))}"

    def as_dict(self) -> dict[str, Any]:
        """Return what came out as plain data, a row of the table by the words of its header."""
        header, *rows = self.table
        return {
            "recipe": self.experiment.recipe,
            "runs": [record.folder for record in self.runs],
            "figures": [dict(zip(header, row)) for row in rows],
            "met": self.met,
            "count": self.count,
        }


@cache
def experiments() -> dict[str, Experiment]:
    """Return what the founding documents report, by recipe."""
    from importlib.resources import files

    text = files("chainrule.recipes").joinpath("founding.toml").read_text("utf-8")
    experiments_read = msgspec.convert(tomllib.loads(text)["experiments"], list[Experiment])
    return {experiment.recipe: experiment for experiment in experiments_read}


def reproduce(
    name: str,
    *,
    seeds: int | None = None,
    epochs: int | None = None,
    out: str | os.PathLike[str] = "runs/reproduce",
    say: Say | None = None,
) -> Reproduced:
    """Run a founding experiment and compare it with what its document reports.

    Parameters
    ----------
    name : str
        The name of its recipe.
    seeds : int, optional
        How many starts, seeds 0, 1, 2 …; where left out, three, or what the experiment says.
    epochs : int, optional
        Only the first so many, and what is reported of them.
    out : path, default "runs/reproduce"
        Where the runs are, or go on, or are made.
    say : function of str, optional

    Returns
    -------
    Reproduced

    Examples
    --------
    >>> import tempfile
    >>> reproduce("xor", seeds=2, out=tempfile.mkdtemp()).verdict
    '2 of 2 documented figures reached, mean of 2 seeds'
    """
    known = experiments()
    if name not in known:
        raise InputError("reproduce", given=repr(name)[:80], expected="a founding experiment", fix=nearest(name, known))
    experiment = known[name]
    count = experiment.seeds if seeds is None else checks.whole("reproduce seeds", seeds)
    recipe = load(name)
    if epochs is not None:
        recipe = continued(recipe, 0, epochs=min(checks.whole("reproduce epochs", epochs), recipe.epochs))
    runs = []
    for seed in range(count):
        if say is not None:
            say(f"{name}, seed {seed}")
        runs.append(_run_of(override(recipe, seed=seed), out))
    if experiment.rows:
        return _by_epoch(experiment, runs, recipe.epochs)
    return _at_the_end(experiment, runs)


def document(results: Sequence[Reproduced]) -> str:
    """Return results as a page of Markdown."""
    here = environment()
    blas = ", ".join(f"{library['name']} {library['version']}" for library in here["blas"]) or "unknown BLAS"
    parts = [
        "# The founding results, reproduced",
        _INTRODUCTION,
        f"chainrule {here['chainrule']}, NumPy {here['numpy']}, {blas}, Python {here['python']}, {here['machine']}.",
    ]
    for result in results:
        seconds = sum(record.history.seconds for record in result.runs)
        header, *rows = result.table
        table = [header, ["---:"] * len(header), *rows]
        parts += [
            f"## {result.experiment.recipe}",
            f"{result.experiment.title}.",
            "\n".join(f"| {' | '.join(row)} |" for row in table),
            f"**{result.verdict}**; {seconds:,.0f} s in all.",
        ]
    return "\n\n".join(parts) + "\n"


def _run_of(recipe: Recipe, out: str | os.PathLike[str]) -> RunRecord:
    """Return the run of this recipe: one that is there, one that goes on, or a new one."""
    for record in list_runs(out) if os.path.isdir(out) else []:
        if record.recipe == recipe:
            if record.result is None or record.state == "stopped":
                resume(record.folder)
            return open_run(record.folder)
    return open_run(run(recipe, out=out).run)


def _by_epoch(experiment: Experiment, runs: list[RunRecord], epochs: int) -> Reproduced:
    factor = experiment.loss_factor
    header = [
        "epoch",
        "training loss",
        "ours",
        "validation loss",
        "ours",
        "error rate",
        "ours",
        "of the seeds",
        "reached",
    ]
    table, met = [header], 0
    for epoch, loss, validation, error in experiment.rows:
        if epoch > epochs:
            break
        at = [record.history.epochs[epoch - 1] for record in runs]
        errors = [float(record.metrics["validation_error_rate"]) for record in at]
        ours = _mean(errors)
        met += ours <= error
        table.append(
            [
                str(epoch),
                _number(loss),
                _number(factor * _mean([record.loss for record in at])),
                _number(validation),
                _number(factor * _mean([record.validation_loss or 0.0 for record in at])),
                percent(error),
                percent(ours),
                f"{percent(min(errors))} – {percent(max(errors))}",
                "yes" if ours <= error else "no",
            ]
        )
    return Reproduced(experiment, runs, table, met, len(table) - 1)


def _at_the_end(experiment: Experiment, runs: list[RunRecord]) -> Reproduced:
    wanted = [
        ("last loss", experiment.last_loss, True),
        ("mean squared error", experiment.last_mean_squared_error, True),
        ("min confidence", experiment.min_confidence, False),
    ]
    table, met = [["figure", "documented", "mean of ours", "worst of ours", "seeds that reach it", "reached"]], 0
    for name, documented, small_is_good in wanted:
        if documented is None:
            continue
        ours = [_figure(record, name) for record in runs]
        reach = sum(value <= documented if small_is_good else value >= documented for value in ours)
        mean = _mean(ours)
        reached = mean <= documented if small_is_good else mean >= documented
        worst = max(ours) if small_is_good else min(ours)
        met += reached
        row = [name, _number(documented), _number(mean), _number(worst), f"{reach} of {len(ours)}"]
        table.append([*row, "yes" if reached else "no"])
    return Reproduced(experiment, runs, table, met, len(table) - 1)


def _figure(record: RunRecord, name: str) -> float:
    """Return what a run came to in the end."""
    if name == "last loss":
        return record.history.final_loss
    _, figures = record.figures or ("", {})
    return float(figures[name.replace(" ", "_")])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _number(value: float) -> str:
    return "" if value != value else f"{value:.5f}"


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"
