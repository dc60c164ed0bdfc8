"""Commands that list what there is: runs, how two differ, what their logs say, the built-in recipes, the ops."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

import chainrule as cr
from chainrule.cli import completion
from chainrule.cli.options import as_json_option, overwrite_option
from chainrule.cli.output import as_csv, print_columns, say, say_json
from chainrule.cli.pipes import STREAM, expect_new, write_out
from chainrule.errors import InputError, nearest

if TYPE_CHECKING:
    from chainrule.ops import Op


@click.command()
@click.argument("folder", default="runs", type=click.Path())
@as_json_option
def runs(folder: str, as_json: bool) -> None:
    """List the runs in FOLDER (runs where left out): how far each came, its error or loss, and the run whose weights it
    began with."""
    from chainrule.recipes.parent import shown_path
    from chainrule.training.figure_text import number, percent

    rows, plain = [], []
    for record in cr.recipes.list_runs(folder):
        planned = record.recipe.epochs if record.recipe else 0
        done = len(record.history)
        part, figures = record.figures or ("", {})
        error = figures.get("error_rate")
        figure = f"{part} error rate {percent(error)}" if isinstance(error, float) else ""
        if not figure and isinstance(figures.get("loss"), float):
            figure = f"{part} loss {number(figures['loss'], 5)}"
        name, start = os.path.basename(record.folder), record.recipe.start if record.recipe else None
        parent = "" if start is None else f"{shown_path(start.run)} {start.weights or ''}".rstrip()
        rows.append((name, f"{done}/{planned}", record.state, figure, f"{record.seconds:.1f} s", parent))
        told = None if start is None else {"run": shown_path(start.run), "weights": start.weights}
        numbers = {"epochs": done, "planned": planned, "seconds": record.seconds}
        plain.append({"run": record.folder, "state": record.state, **numbers, "start": told, part: figures})
    if as_json:
        say_json({"runs": [{k: v for k, v in row.items() if k} for row in plain]})
        return
    header = ("run", "epochs", "state", "result", "time", "from")
    kept = len(header) - (not any(row[-1] for row in rows))  # a column only where a run has come from another
    print_columns(header[:kept], [row[:kept] for row in rows])


@click.command()
@click.argument("first", shell_complete=completion.runs)
@click.argument("second", shell_complete=completion.runs)
@as_json_option
def compare(first: str, second: str, as_json: bool) -> None:
    """Show what differs between the runs FIRST and SECOND: recipe, result, versions, and the bytes of the weights."""
    found = cr.recipes.compare(cr.recipes.open_run(first), cr.recipes.open_run(second))
    if as_json:
        say_json({"first": first, "second": second, **found})
        return
    for subject, rows in found.items():
        if not rows:
            say(f"{subject}: the same")
        elif subject == "environment":
            for _, said, _ in rows:
                say(f"{subject}: {said}")
        else:
            say("")
            print_columns((subject, first, second), rows)


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.option("--csv", "table", metavar="FILE", help="Write a line an epoch to this CSV file; - prints it.")
@click.option("--tensorboard", metavar="DIR", help="Write event files for TensorBoard into this folder.")
@overwrite_option
@as_json_option
def log(run: str, table: str | None, tensorboard: str | None, overwrite: bool, as_json: bool) -> None:
    """Show the log of RUN, or export its figures, epoch by epoch.

    In the CSV file a text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    if as_json:
        if table is not None or tensorboard is not None:
            raise InputError("log", given="--json with an export", expected="one output", fix="Leave one of them out")
        say_json({"run": run, "epochs": [epoch.as_dict() for epoch in cr.recipes.open_run(run).history]})
        return
    if table is None and tensorboard is None:
        for line in cr.recipes.read_story(run):
            say(line)
        return
    expect_new("log", table, overwrite=overwrite)
    history = cr.recipes.open_run(run).history
    count = len(history)
    if not count:
        raise InputError(f"log {run!r}", given="no epoch yet", expected="at least one", fix="Wait for it")
    if table is not None:
        names = list(dict.fromkeys(name for epoch in history for name in epoch.as_dict()))
        rows = (list(map(epoch.as_dict().get, names)) for epoch in history)
        text = as_csv(names, rows)
        if table == STREAM:
            write_out(text.encode())
        else:
            cr.files.write_atomically(table, text.encode(), where="log")
            say(f"table     {table}: {count} epochs")
    if tensorboard is not None:
        cr.tensorboard.save(history, tensorboard)
        say(f"events    {tensorboard}: {count} epochs", err=table == STREAM)


@click.command()
@click.argument("name", required=False, shell_complete=completion.builtin_recipes)
@as_json_option
def recipes(name: str | None, as_json: bool) -> None:
    """List the built-in recipes. With NAME, print that one as the TOML file it is, to copy and change."""
    from chainrule.recipes.recipe import load, names, text

    if name is not None:
        if as_json:
            say_json({"name": name, "toml": text(name)})
        else:
            click.echo(text(name), nl=False)
        return
    if as_json:
        say_json({"recipes": [{"name": known, "title": load(known).title} for known in names()]})
        return
    width = max(len(known) for known in names())
    for known in names():
        click.echo(f"{known:<{width}}  {load(known).title}")
    click.echo("\nTrain one: chainrule train NAME. Print one: chainrule recipes NAME > my.toml")


@click.command()
@click.argument("name", required=False, shell_complete=completion.ops)
@as_json_option
def ops(name: str | None, as_json: bool) -> None:
    """Show every op: its roles, its function, its derivatives. With NAME, such as tanh, all that is said of it."""
    from chainrule.ops import all_ops, page, table
    from chainrule.ops.docstrings import docstring

    known = all_ops()
    if name is not None:
        wanted = name.casefold().replace("_", "")
        found = next((kind for kind in known.values() if kind.name.replace("_", "") == wanted), None)
        if found is None:
            raise InputError("ops", given=repr(name)[:80], expected="the name of an op", fix=nearest(name, known))
        if as_json:
            say_json({**_described(found), "text": docstring(found)})
            return
        click.echo(f"{found.name}({', '.join(found.roles)})    cr.{found.__name__}\n")
        click.echo(docstring(found))
        return
    if as_json:
        say_json({"ops": [_described(kind) for kind in known.values()]})
        return
    if not sys.stdout.isatty():
        click.echo(table())
        return
    rows = []
    for description in map(page, known.values()):
        derivatives = list(description.derivatives.values())
        rows.append((description.name, ", ".join(description.roles), description.function, derivatives))
    print_columns(("op", "roles", "function", "derivatives"), rows, apart=True)


def _described(kind: type[Op]) -> dict[str, Any]:
    """Return what an op is, as JSON says it."""
    from chainrule.ops import page

    found = page(kind)
    return {
        "name": found.name,
        "class": kind.__name__,
        "roles": list(found.roles),
        "function": found.function,
        "derivatives": found.derivatives,
    }


@click.command()
@click.argument("library", required=False, shell_complete=completion.libraries)
def words(library: str | None) -> None:
    """Show a whole program in the words of LIBRARY and in ours, and what its names are here.

    Without one, the libraries whose words are known.
    """
    from chainrule.words import LIBRARIES, answers, folded, program
    from chainrule.words import words as tables

    if library is None:
        print_columns(("library", "it is"), list(LIBRARIES.items()))
        return
    names = {folded(name): key for key, title in LIBRARIES.items() for name in (key, title)}
    key = names.get(folded(library))
    if key is None:
        raise InputError(f"words {library!r}", given="this name", expected="a library", fix=nearest(library, LIBRARIES))
    for line in program(key).rstrip().splitlines():
        say(line)
    for table, heading in (("names", "Names, at: {}"), ("keywords", "Keywords, of: {}")):
        for section in tables(table):
            found = answers(key, table, [section])
            if found:
                say("")
                say(heading.format(section))
            for ours, theirs in found.items():
                say(f"  {', '.join(theirs)}  ->  {ours}")
