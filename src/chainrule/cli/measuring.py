"""``chainrule evaluate`` and ``importance``: the network of a run, measured on data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

import chainrule as cr
from chainrule.cli.completion import runs
from chainrule.cli.options import as_json_option, column, weights_option, whole
from chainrule.cli.output import say, say_json, weights_in_words
from chainrule.cli.pipes import STREAM, readable
from chainrule.errors import InputError

if TYPE_CHECKING:
    from chainrule.recipes.recipe import Recipe
    from chainrule.recipes.table_samples import Part

_data_option = click.option(
    "--data", metavar="FILE", help="Measure on this file instead of the recipe's data; - is standard input."
)
_target_option = click.option(
    "--target", metavar="COLUMN", callback=column, help="The column to compare with; the recipe's where left out."
)

_HEADINGS = {
    "train": ["Training samples, which it has learnt from:"],
    "validation": ["Validation samples, which have chosen its weights:"],
    "test": ["Test samples, which had no part in its training:"],
}


@contextmanager
def _parts(
    command: str, run: str, network: cr.Network, recipe: Recipe | None, data: str | None, target: str | int | None
) -> Iterator[dict[str, Part]]:
    """Give the samples to measure on, by the names of their parts: those of the recipe, or those in a file."""
    from chainrule.recipes.evaluation import expect_one_output, samples_in_file
    from chainrule.recipes.moved_data import samples_of_run

    def noted(note: str) -> None:
        say(f"{data}: {note}", err=True)

    if data is not None:
        with readable(data) as path:
            yield {"data": samples_in_file(network, recipe, path, target, command, noted)}
        return
    if recipe is None:
        raise InputError(
            f"{command} {run!r}",
            given="a model file alone",
            expected="data to measure it on",
            fix="Add --data FILE --target COLUMN, or name the folder of a run",
        )
    if target is not None:
        raise InputError(
            f"{command} {run!r}",
            given=f"--target {target} without --data",
            expected="a file that has that column: the recipe's samples have its own target",
            fix="Add --data FILE, or leave --target out",
        )
    expect_one_output(command, network)
    _, samples, notes = samples_of_run(recipe, run, network, option=", or add --data FILE")
    for note in notes:
        say(note, err=True)
    yield {name: part for name, part in samples.parts.items() if part is not None}


@click.command()
@click.argument("run", shell_complete=runs)
@_data_option
@_target_option
@weights_option("Which to measure.")
@as_json_option
def evaluate(run: str, data: str | None, target: str | int | None, weights: str | None, as_json: bool) -> None:
    """Measure the network of RUN, the folder of a run or a model file.

    Without --data on the samples of its recipe, each part apart: those it was trained on, those that chose its
    weights, and those held out for the test. The first line says which weights are measured. The table is of the
    test samples, or of the last part there is: precision, recall and F1 of each class, or R² and
    errors of numbers in the unit of the target, and figures of all samples with their 95 % intervals. --json has that
    of all parts, and the confusion matrix.
    """
    from chainrule.recipes.evaluation import FIGURES, measure
    from chainrule.recipes.log import figure_lines
    from chainrule.threads import exactly

    network, recipe = cr.recipes.load_run(run, weights)
    with exactly(1), _parts("evaluate", run, network, recipe, data, target) as parts:
        last = list(parts)[-1]
        reports = {name: cr.report(network, *part) for name, part in parts.items() if as_json or name == last}
        figures = {} if as_json else {name: measure(network, part) for name, part in parts.items()}
    told = cr.recipes.weights_told(run, weights)
    if as_json:
        absent: dict[str, Any] = {} if data is not None else dict.fromkeys(("train", "validation", "test"))
        nothing = dict.fromkeys(FIGURES)
        say_json({"run": run, **told, **absent, **{name: nothing | found.as_dict() for name, found in reports.items()}})
        return
    say(weights_in_words(told))
    for line in [*figure_lines(figures), "", *_HEADINGS.get(last, []), *reports[last].lines("--json")]:
        say(line)


@click.command()
@click.argument("run", shell_complete=runs)
@_data_option
@_target_option
@click.option("--metric", metavar="NAME", help="What gets worse, such as error_rate or r2; the loss where left out.")
@click.option("--repeats", metavar="N", callback=whole(), default="5", help="How often each column is shuffled; 5.")
@click.option("--seed", metavar="N", callback=whole(0, 2**63 - 1), default="0", help="From which it is shuffled; 0.")
@weights_option("Which to ask.")
@as_json_option
def importance(
    run: str,
    data: str | None,
    target: str | int | None,
    metric: str | None,
    repeats: int,
    seed: int,
    weights: str | None,
    as_json: bool,
) -> None:
    """Show which columns matter to the network of RUN: how much worse it gets when one is shuffled, the most first.

    Without --data on the test samples of its recipe, or the last part there is. Columns that say the same share what
    they say: each alone may seem to matter little.
    """
    from chainrule.recipes.evaluation import feature_groups
    from chainrule.threads import exactly

    network, recipe = cr.recipes.load_run(run, weights)
    with exactly(1), _parts("importance", run, network, recipe, data, target) as parts:
        name, (x, y) = list(parts.items())[-1]
        groups = feature_groups(network, recipe, None if data in (None, STREAM) else data)
        found = cr.importance(network, x, y, metric=metric, repeats=repeats, seed=seed, groups=groups)
    told = cr.recipes.weights_told(run, weights)
    if as_json:
        say_json({"run": run, **told, "part": name, **found.as_dict()})
        return
    say(f"{weights_in_words(told)}, on the {'samples in the file' if name == 'data' else f'{name} samples'}")
    for line in found.lines("--json"):
        say(line)
