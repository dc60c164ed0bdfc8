"""The founding experiments run again: their documented figures beside ours, in two verdicts that are never mixed.

*The same curve*: a recipe with the document's own network, whose figures make a band over several starts, in which the
document's lie or don't. *Better with our own choice*: a recipe of chainrule's, whose figures are at least as good. Each
seed is a run of its own; one that is already there is taken as it is, and one that was stopped goes on, so that hours
of training survive whatever happens.
"""

from __future__ import annotations

import math
import os
import statistics
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from signal import SIGTERM
from typing import Any, ClassVar

import msgspec

from chainrule import checks
from chainrule.errors import InputError, nearest
from chainrule.recipes.environment import environment
from chainrule.recipes.recipe import Recipe, checked, continued, load, override
from chainrule.recipes.run import Result, resume, run
from chainrule.recipes.runs import RunRecord, list_runs, open_run
from chainrule.training.events import INTERRUPTED, TERMINATED
from chainrule.training.figure_text import number, percent
from chainrule.training.history import Epoch

Say = Callable[[str], Any]
Table = list[list[str]]

# The 97.5 % quantile of Student's t distribution, for 1 degree of freedom, 2, 3 …
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)
_ENOUGH = 5  # seeds for a verdict
_MANY = 40  # numbers, whose middle 95 % can be taken as it is

_INTRODUCTION = f"""\
Made by `chainrule reproduce --candidates --markdown docs/reproduction.md`. It gives two verdicts, which are never \
mixed.

*The same curve*: the document's own network, trained as the document trained it, from several starts. Every figure \
that is documented is compared with a **band**, in which 95 of 100 further runs of ours are expected: the mean of the \
seeds ± t · s · √(1 + 1/n), where s is their standard deviation, n their number and t the 97.5 % quantile of Student's \
distribution with n − 1 degrees of freedom (that is ± 3.04 s for five seeds); with {_MANY} seeds or more, the middle \
95 % of them. A document reports one run, so one figure in twenty lies outside by chance; and figures of one run hang \
together, so that a curve which is outside at one epoch is likely to be outside at the next.

*Better with our own choice*: another network, or another way to train it, as one of chainrule's own recipes has it. A \
figure is reached where the mean over the seeds is as good as the document's or better.

Losses are without penalty and in the documents' scale. Training losses are means over an epoch, taken while the \
weights change. *Epoch* counts what the document counts. It names neither its data nor its validation set; both are \
MNIST's, and which images were held out is said where it matters."""


class Share(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which share of the starts ends with a loss below a bound, or above it, as the document's own code does."""

    name: str
    documented: float
    starts: int
    below: float = math.inf
    above: float = -math.inf


class Candidate(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A network that the document's might have been: in words, and what makes it of the recipe.

    `before` counts epochs that come before those which the document counts.
    """

    name: str
    changes: dict[str, Any]
    before: int = 0


class Goal(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A figure of the trained network, and what it has to be: at most what is documented, or at least."""

    figure: str
    documented: float
    of: str
    is_least: bool = False


@dataclass(frozen=True)
class ComparedFigure:
    """A documented figure beside ours, in the words of a table.

    Attributes
    ----------
    epoch, figure, documented, ours, spread : str
        `ours` is the mean over the seeds, `spread` what they were between.
    holds : bool
    """

    epoch: str
    figure: str
    documented: str
    ours: str
    spread: str
    holds: bool


class Curve(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An experiment as a document ran it.

    Attributes
    ----------
    recipe, title : str
    seeds : int, default 5
        How many starts.
    rows : list of (epoch, training loss, validation loss, error)
        NaN for what the document doesn't report.
    shares : list of Share
    note : str
        What was tried to find out which network it was, and what came of it.
    candidates : list of Candidate
    """

    recipe: str
    title: str
    seeds: int = 5
    rows: list[tuple[int, float, float, float]]
    shares: list[Share] = []
    note: str = ""
    candidates: list[Candidate] = []

    heading: ClassVar = "The same curve"
    header: ClassVar = ["epoch", "figure", "documented", "ours", "band", "same curve"]
    least_seeds: ClassVar = 2  # for a band

    def compare(self, runs: list[RunRecord], epochs: int) -> list[ComparedFigure]:
        """Return every figure that is documented of the first so many epochs."""
        compared = []
        for epoch, *documented in self.rows:
            if epoch > epochs:
                break
            for figure, value in zip(_COLUMNS, documented):
                if value == value:
                    ours = [figure.read(record.history.epochs[epoch - 1]) for record in runs]
                    low, high = band(ours)
                    words = (figure.name, figure.spell(value), figure.spell(statistics.fmean(ours)))
                    spread = f"{figure.spell(max(low, 0.0))} – {figure.spell(min(high, figure.most))}"
                    compared.append(ComparedFigure(str(epoch), *words, spread, low <= value <= high))
        if self.shares and epochs >= self.rows[-1][0]:
            losses = [record.history.final_loss for record in runs]
            compared += [_compared_share(share, losses, str(epochs)) for share in self.shares]
        return compared

    def verdict(self, compared: list[ComparedFigure], seeds: int) -> str:
        """Return how many figures lie in the band, and which don't."""
        outside: dict[str, list[str]] = {}
        for figure in compared:
            if not figure.holds:
                outside.setdefault(figure.figure, []).append(figure.epoch)
        within = sum(figure.holds for figure in compared)
        if not compared:
            return "nothing is documented of so few epochs"
        said = "not the same curve everywhere" if outside else "the same curve"
        if seeds < _ENOUGH:
            said = f"no verdict from fewer than {_ENOUGH} seeds, whose band is wide"
        where = "; ".join(f"{name} at {', '.join(epochs)}" for name, epochs in outside.items())
        text = f"{said}: {within} of {len(compared)} documented figures in the band of {seeds} seeds"
        return text + (f", outside: {where}" if where else "")


class Choice(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A recipe of chainrule's own that is measured against what the documents reached.

    Attributes
    ----------
    recipe, title : str
    seeds : int, default 5
    goals : list of Goal
    """

    recipe: str
    title: str
    seeds: int = 5
    goals: list[Goal]

    note: ClassVar = ""
    candidates: ClassVar[list[Candidate]] = []
    heading: ClassVar = "Better with our own choice"
    header: ClassVar = ["epochs", "figure", "documented", "ours", "from – to", "reached"]
    least_seeds: ClassVar = 1

    def compare(self, runs: list[RunRecord], epochs: int) -> list[ComparedFigure]:
        """Return every goal beside what the trained networks came to."""
        compared = []
        for goal in self.goals:
            ours = [float((record.figures or ("", {}))[1][goal.figure]) for record in runs]
            part = {(record.figures or ("",))[0] for record in runs}
            mean, spell = statistics.fmean(ours), percent if goal.figure == "error_rate" else _number
            name = f"{goal.figure.replace('_', ' ')} ({', '.join(sorted(part))}), of {goal.of}"
            holds = mean >= goal.documented if goal.is_least else mean <= goal.documented
            spread = f"{spell(min(ours))} – {spell(max(ours))}"
            compared.append(ComparedFigure(str(epochs), name, spell(goal.documented), spell(mean), spread, holds))
        return compared

    def verdict(self, compared: list[ComparedFigure], seeds: int) -> str:
        """Return how many figures are as good as documented."""
        reached = sum(figure.holds for figure in compared)
        means = "1 seed" if seeds == 1 else f"mean of {seeds} seeds"
        return f"better with our own choice: {reached} of {len(compared)} documented figures reached, {means}"


@dataclass(frozen=True)
class Reproduced:
    """An experiment and its runs here.

    Attributes
    ----------
    experiment : Curve or Choice
    runs : list of RunRecord
        One a seed.
    compared : list of ComparedFigure
    tried : list of (Candidate, RunRecord)
    """

    experiment: Curve | Choice
    runs: list[RunRecord]
    compared: list[ComparedFigure]
    tried: list[tuple[Candidate, RunRecord]]

    @property
    def met(self) -> int:
        """How many of the documented figures hold."""
        return sum(figure.holds for figure in self.compared)

    @property
    def count(self) -> int:
        """Of how many."""
        return len(self.compared)

    @property
    def verdict(self) -> str:
        """How it went, in a line."""
        return self.experiment.verdict(self.compared, len(self.runs))

    @property
    def table(self) -> Table:
        """The figures, the header first."""
        rows = [
            [
                figure.epoch,
                figure.figure,
                figure.documented,
                figure.ours,
                figure.spread,
                "yes" if figure.holds else "no",
            ]
            for figure in self.compared
        ]
        return [list(self.experiment.header), *rows]

    @property
    def candidates(self) -> Table:
        """What was tried beside it, at the first and the last epoch that is documented; the header first."""
        assert isinstance(self.experiment, Curve)
        table = [["candidate", "epoch", *(figure.name for figure in _COLUMNS)]]
        known = [row for row in self.experiment.rows if row[0] <= len(self.runs[0].history)]
        for epoch, *documented in dict.fromkeys((known[0], known[-1])) if known else ():
            table.append(["the document", str(epoch), *(f.spell(value) for f, value in zip(_COLUMNS, documented))])
            for name, before, record in [
                (f"this recipe, seed {self.runs[0].recipe.seed if self.runs[0].recipe else 0}", 0, self.runs[0]),
                *((candidate.name, candidate.before, record) for candidate, record in self.tried),
            ]:
                at = record.history.epochs[before + epoch - 1]
                table.append([name, str(epoch), *(figure.spell(figure.read(at)) for figure in _COLUMNS)])
        return table

    def as_dict(self) -> dict[str, Any]:
        """Return what came out as plain data, a row of a table by the words of its header."""
        header, *rows = self.table
        told: dict[str, Any] = {
            "recipe": self.experiment.recipe,
            "verdict": self.verdict,
            "runs": [record.folder for record in self.runs],
            "figures": [dict(zip(header, row)) for row in rows],
            "met": self.met,
            "count": self.count,
        }
        if self.tried:
            header, *rows = self.candidates
            told["candidates"] = [dict(zip(header, row)) for row in rows]
        return told


@cache
def experiments() -> dict[str, Curve | Choice]:
    """Return what the founding documents report, and our own choices, by recipe."""
    from importlib.resources import files

    told = tomllib.loads(files("chainrule.recipes").joinpath("founding.toml").read_text("utf-8"))
    curves, choices = msgspec.convert(told["curves"], list[Curve]), msgspec.convert(told["choices"], list[Choice])
    found: list[Curve | Choice] = [*curves, *choices]
    return {experiment.recipe: experiment for experiment in found}


def reproduce(
    name: str,
    *,
    seeds: int | None = None,
    epochs: int | None = None,
    candidates: bool = False,
    out: str | os.PathLike[str] = "runs/reproduce",
    say: Say | None = None,
) -> Reproduced:
    """Run a founding experiment and compare it with what its document reports.

    Parameters
    ----------
    name : str
        The name of its recipe.
    seeds : int, optional
        How many starts, seeds 0, 1, 2 …; where left out, five, or what the experiment says.
    epochs : int, optional
        Only the first so many, and what is reported of them.
    candidates : bool, default False
        Run also what was tried to find out which network the document's was, from one start each.
    out : path, default "runs/reproduce"
        Where the runs are, or go on, or are made.
    say : function of str, optional

    Returns
    -------
    Reproduced

    Raises
    ------
    InputError
        If there is no such experiment, or the seeds are too few to compare.

    Examples
    --------
    >>> import tempfile
    >>> reproduce("xor", seeds=2, out=tempfile.mkdtemp()).verdict
    'better with our own choice: 2 of 2 documented figures reached, mean of 2 seeds'
    """
    known = experiments()
    if name not in known:
        raise InputError("reproduce", given=repr(name)[:80], expected="a founding experiment", fix=nearest(name, known))
    experiment = known[name]
    least = experiment.least_seeds
    count = experiment.seeds if seeds is None else checks.whole("reproduce seeds", seeds, least=least)
    recipe = load(name)
    if epochs is not None:
        recipe = continued(recipe, 0, epochs=min(checks.whole("reproduce epochs", epochs), recipe.epochs))
    there = list_runs(out) if os.path.isdir(out) else []
    runs, tried = [], []
    for seed in range(count):
        if say is not None:
            say(f"{name}, seed {seed}")
        runs.append(_run_of(override(recipe, seed=seed), there, out))
    for candidate in experiment.candidates if candidates else ():
        if say is not None:
            say(f"{name}, {candidate.name}")
        other = _changed(load(name), candidate)
        if epochs is not None:
            other = continued(other, 0, epochs=candidate.before + recipe.epochs)
        tried.append((candidate, _run_of(other, there, out)))
    return Reproduced(experiment, runs, experiment.compare(runs, recipe.epochs), tried)


def band(values: Sequence[float]) -> tuple[float, float]:
    """Return between which two numbers 95 of 100 further values are expected, of at least two.

    A prediction interval: mean ± t · s · √(1 + 1/n), or the middle 95 % of many.

    Examples
    --------
    >>> [round(end, 2) for end in band([1.0, 2.0, 3.0, 4.0, 5.0])]
    [-1.81, 7.81]
    """
    n = len(values)
    if n >= _MANY:
        cuts = statistics.quantiles(values, n=40, method="exclusive")
        return cuts[0], cuts[-1]
    t = _T[min(n - 1, len(_T)) - 1]
    mean, half = statistics.fmean(values), t * statistics.stdev(values) * math.sqrt(1 + 1 / n)
    return mean - half, mean + half


def document(results: Sequence[Reproduced]) -> str:
    """Return results as a page of Markdown."""
    here = environment()
    blas = ", ".join(f"{library['name']} {library['version']}" for library in here["blas"]) or "unknown BLAS"
    parts = [
        "# The founding results, reproduced",
        _INTRODUCTION,
        f"chainrule {here['chainrule']}, NumPy {here['numpy']}, {blas}, Python {here['python']}, {here['machine']}.",
    ]
    for kind in (Curve, Choice):
        of_kind = [result for result in results if isinstance(result.experiment, kind)]
        parts += [f"## {kind.heading}"] if of_kind else []
        for result in of_kind:
            seconds = sum(record.history.seconds for record in result.runs)
            parts += [
                f"### {result.experiment.recipe}",
                f"{result.experiment.title}.",
                _markdown(result.table),
                f"**{result.verdict[0].upper()}{result.verdict[1:]}.** {seconds:,.0f} s in all.",
            ]
            parts += [result.experiment.note] if result.experiment.note else []
            parts += [_markdown(result.candidates)] if result.tried else []
    left = [name for name in experiments() if name not in {result.experiment.recipe for result in results}]
    parts += [f"Not run for this page: {', '.join(left)}."] if left else []
    return "\n\n".join(parts) + "\n"


def _run_of(recipe: Recipe, there: Sequence[RunRecord], out: str | os.PathLike[str]) -> RunRecord:
    """Return the run of this recipe: one that is there, one that goes on, or a new one."""
    for record in there:
        if record.recipe == recipe:
            if record.result is not None and record.state != "stopped":
                return record
            return _ended(resume(record.folder))
    return _ended(run(recipe, out=out))


def _ended(result: Result) -> RunRecord:
    """Return the record of a run that came to its end; what stopped it stops the others with it."""
    if result.history.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    if result.history.stopped == TERMINATED:
        raise SystemExit(128 + SIGTERM)
    return open_run(result.run)


def _changed(recipe: Recipe, candidate: Candidate) -> Recipe:
    """Return the recipe as a candidate has it."""
    told = msgspec.to_builtins(recipe) | candidate.changes
    return checked(msgspec.convert(told, Recipe), f"recipe {recipe.name}, candidate {candidate.name!r}")


def _compared_share(share: Share, losses: Sequence[float], epoch: str) -> ComparedFigure:
    """Return a share beside ours; the band has room for what two sets of starts differ by, in 95 of 100 cases."""
    ours = sum(share.above < loss < share.below for loss in losses) / len(losses)
    p = share.documented
    half = 1.96 * math.sqrt(p * (1 - p) * (1 / len(losses) + 1 / share.starts))
    low, high = max(p - half, 0.0), p + half
    return ComparedFigure(
        epoch, share.name, percent(p), percent(ours), f"{percent(low)} – {percent(high)}", low <= ours <= high
    )


def _number(value: float) -> str:
    return "" if value != value else f"{value:.5f}" if value == 0 or 5e-6 <= abs(value) < 1e5 else number(value)


def _share(value: float) -> str:
    return "" if value != value else percent(value)


@dataclass(frozen=True)
class _Column:
    """A column of what a document reports: its name, where it is in an epoch's record, how it is written, its bound."""

    name: str
    read: Callable[[Epoch], float]
    spell: Callable[[float], str]
    most: float = math.inf


_COLUMNS = (
    _Column("training loss", lambda record: record.loss, _number),
    _Column(
        "validation loss",
        lambda record: math.nan if record.validation_loss is None else record.validation_loss,
        _number,
    ),
    _Column("error rate", lambda record: float(record.metrics.get("validation_error_rate", math.nan)), _share, 1.0),
)


def _markdown(table: Table) -> str:
    header, *rows = table
    sides = [":---" if name in ("figure", "candidate") else "---:" for name in header]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, sides, *rows))
