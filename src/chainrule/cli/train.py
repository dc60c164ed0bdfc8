"""``chainrule train``, ``resume`` and ``reproduce``: what trains networks into folders of runs."""

from __future__ import annotations

import os
import shlex
from typing import Any

import click

import chainrule as cr
from chainrule.cli import completion
from chainrule.cli.options import (
    as_json_option,
    choice,
    number,
    overwrite_option,
    table_options,
    weights_option,
    whole,
)
from chainrule.cli.output import print_columns, say, say_json
from chainrule.cli.pipes import STREAM, expect_new, standard_input
from chainrule.data.readers import is_table
from chainrule.errors import FileError, InputError


@click.command()
@click.argument("recipe", required=False, shell_complete=completion.subjects)
@click.option(
    "--from",
    "start",
    metavar="RUN",
    shell_complete=completion.runs,
    help="Begin with the weights of this run, or model file.",
)
@weights_option("Which of that run's.")
@click.option("--epochs", metavar="N", callback=whole(), help="In all; several phases keep their shares.")
@click.option(
    "--batch-size", metavar="N|full", callback=whole(0, words=("full",)), help="Samples a step; full: all at once."
)
@click.option(
    "--learning-rate", metavar="RATE", callback=number(above=0), help="Constant, instead of the recipe's rates."
)
@click.option("--l2", metavar="FACTOR", callback=number(least=0, like=0.001), help="Penalty on the weights.")
@click.option("--layers", metavar="SIZES", help="From inputs to outputs, such as 784-200-100-10.")
@click.option("--seed", metavar="N", callback=whole(0, 2**63 - 1), help="From which all randomness comes.")
@click.option("--dtype", **choice("float32", "float64"), help="The numbers to compute with.")
@click.option("--keep", **choice("best", "last"), help="Which weights to keep.")
@click.option("--threads", metavar="N", callback=whole(0, 1024), help="For products of matrices; 0: by their size.")
@click.option(
    "--deterministic",
    is_flag=True,
    help="The same bytes however many cores there are: one thread, which costs a large network up to the others' work.",
)
@click.option(
    "--compiled/--no-compiled",
    default=None,
    help="Compile whole epochs, where the extra fast is installed (pip install '.[fast]' in a clone); the log "
    "says what can't be.",
)
@click.option(
    "--checkpoint-steps", metavar="N", callback=whole(0), help="Save all there is to go on from after N steps."
)
@click.option(
    "--checkpoint-seconds",
    metavar="SECONDS",
    callback=number(least=0, like=30),
    help="The same when so much time has passed; 30 where the recipe says nothing, 0 for never.",
)
@click.option("--data", metavar="FILE", help="Learn from this file instead.")
@table_options("What to predict of it")
@click.option("--out", metavar="DIR", default="runs", show_default=True, help="Where the run folder is made.")
@click.option("--tensorboard", metavar="DIR", help="Write event files for TensorBoard into this folder.")
@click.option("--no-pictures", is_flag=True, help="Draw none.")
@click.option("--quiet", is_flag=True, help="Show the end only.")
@as_json_option
def train(
    recipe: str | None,
    start: str | None,
    data: str | None,
    out: str,
    tensorboard: str | None,
    no_pictures: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Train as RECIPE says: the name of a built-in recipe (see chainrule recipes), a TOML file, the folder of a run,
    whose recipe it is, or - for one that comes from standard input.

    Or a table of your own, with the column to predict: chainrule train my.csv --target price. What its columns become,
    the network and the training are decided then, and told; chainrule init writes them as a recipe, to be changed.

    Options win over the recipe. The run goes into a new folder, which is named at the end.

    With --from it begins with the weights of another run, with anything else changed: the learning rate, the penalty,
    the batch, the data. Without RECIPE it is that run's own recipe.
    """
    from chainrule.cli.results import show_result, showing
    from chainrule.recipes.for_table import for_table
    from chainrule.recipes.recipe import load_stream
    from chainrule.recipes.runs import named_recipe

    options["deterministic"] = options["deterministic"] or None
    options["drop"] = options["drop"] or None
    notes: list[str] = []
    if recipe == STREAM:
        chosen = load_stream(standard_input())
    elif recipe is not None and is_table(recipe):
        if data is not None:
            raise InputError(
                "chainrule train",
                given=f"{recipe!r} and --data {data!r}",
                expected="one table",
                fix="Leave one of them out",
            )
        columns = {name: options.pop(name) for name in ("target", "task", "index", "decimal", "day_first")}
        made = for_table(recipe, **columns, drop=options.pop("drop") or ())
        chosen = made.recipe
    else:
        chosen, notes = named_recipe(_expect_recipe(recipe, start), with_data=data is None)
    chosen = cr.recipes.override(chosen, data=data, start=start, **options)
    events = [] if tensorboard is None else [cr.tensorboard.TensorBoard(tensorboard)]
    if start is not None:  # it goes on from these weights as it is
        notes = [note for note in notes if not note.startswith("again ")]
    result = cr.recipes.run(chosen, out=out, callbacks=events, notes=notes, **showing(quiet, as_json))
    for problem in (board.problem for board in events if board.problem is not None):
        write = f"chainrule log {shlex.quote(result.run)} --tensorboard {shlex.quote(str(tensorboard))}"
        fix = f"{problem.fix}; then write them from the log of the run: {write}"
        again = FileError(problem.where, given=problem.given, expected="room for all figures", fix=fix)
        result.problem = result.problem or again
    return show_result(result, no_pictures=no_pictures, quiet=quiet, as_json=as_json)


def _expect_recipe(recipe: str | None, start: str | None) -> str:
    """Return what names the recipe: itself, or the run to begin with."""
    named = recipe or start
    if named is None:
        raise InputError(
            "chainrule train", given="no RECIPE", expected="it to be there", fix="Write for example chainrule train xor"
        )
    if recipe is None and not os.path.isdir(named):
        raise InputError(
            "chainrule train",
            given=f"--from {named!r} without RECIPE",
            expected="a recipe, where that is no folder of a run, which has its own",
            fix="Name it: chainrule train RECIPE --from FILE",
        )
    return named


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.option("--epochs", metavar="N", callback=whole(), help="So many more, instead of those that are left.")
@click.option(
    "--learning-rate", metavar="RATE", callback=number(above=0), help="From here on, instead of the recipe's rates."
)
@click.option(
    "--weights", **choice("best", "last"), default="last", help="best: go back to the best ones; the optimizer anew."
)
@click.option("--data", metavar="FILE", help="Where its data file is by now, if it was moved.")
@click.option("--no-pictures", is_flag=True, help="Draw none.")
@click.option("--quiet", is_flag=True, help="Show the end only.")
@as_json_option
def resume(
    run: str,
    epochs: int | None,
    learning_rate: float | None,
    weights: str,
    data: str | None,
    no_pictures: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Go on with RUN, the folder of a run that was stopped or killed, to what it would have become.

    Options win over the recipe; the optimizer's moments and steps are kept. A run that came to its end goes on with
    --epochs.
    """
    from chainrule.cli.results import show_result, showing

    shown = showing(quiet, as_json)
    result = cr.recipes.resume(run, epochs=epochs, learning_rate=learning_rate, weights=weights, data=data, **shown)
    return show_result(result, no_pictures=no_pictures, quiet=quiet, as_json=as_json)


@click.command()
@click.argument("names", nargs=-1, shell_complete=completion.experiments)
@click.option("--seeds", metavar="N", callback=whole(), help="How many starts each; what it says where left out.")
@click.option("--epochs", metavar="N", callback=whole(), help="Only the first so many.")
@click.option("--candidates", is_flag=True, help="Run also what was tried to find out which network it was.")
@click.option("--out", metavar="DIR", default="runs/reproduce", show_default=True, help="Where the runs are or go on.")
@click.option("--markdown", metavar="FILE", help="Write the tables to this file.")
@overwrite_option
@as_json_option
def reproduce(
    names: tuple[str, ...],
    seeds: int | None,
    epochs: int | None,
    candidates: bool,
    out: str,
    markdown: str | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Run the founding experiments NAMES (all of them where left out), and show documented figures beside ours.

    An experiment as the document ran it is the same curve where the documented figures lie in the band of our seeds;
    one of our own choice is better where it reaches them. They take hours together. What was stopped goes on where it
    was; what is done is not done again. The exit status is 1 where a figure lies outside, or was not reached.
    """
    from chainrule.recipes import reproduce as room

    if markdown == STREAM:
        raise InputError("--markdown", given="-", expected="a file", fix="Write --markdown reproduced.md")
    expect_new("reproduce", markdown, overwrite=overwrite)
    results = []
    for name in names or tuple(room.experiments()):
        result = room.reproduce(
            name, seeds=seeds, epochs=epochs, candidates=candidates, out=out, say=None if as_json else say
        )
        results.append(result)
        header, *rows = result.table
        if not as_json:
            print_columns(header, rows)
            say(result.verdict)
            if result.tried:
                header, *rows = result.candidates
                print_columns(header, rows)
        if markdown is not None:  # after each, for they take long
            cr.files.write_atomically(markdown, room.document(results).encode(), where="reproduce")
    if as_json:
        say_json({"experiments": [result.as_dict() for result in results]})
    return 0 if all(result.met == result.count for result in results) else 1
