"""What `train` and `resume` show: the log while it goes, then the run's figures, its pictures and its folder."""

from __future__ import annotations

import os
import shlex
import sys
from typing import Any

import click

from chainrule.cli.failures import INTERRUPTED, TERMINATED, WRONG, print_error
from chainrule.cli.output import say, say_json
from chainrule.cli.pictures import draw, drawn_in_text
from chainrule.recipes import Result
from chainrule.recipes.log import figure_lines
from chainrule.training.progress import somebody_looks


def showing(quiet: bool, as_json: bool) -> dict[str, Any]:
    """Return how a run is to show itself.

    Standard output belongs to the JSON object where one is asked for, and the bar alone is shown then. Where it goes
    elsewhere than to the terminal there is no bar: another program may print what it gets on the same one.
    """
    seen = not quiet and somebody_looks() and (as_json or sys.stdout.isatty())
    return {"say": _unsaid if quiet or as_json else say, "verbose": seen}


def _unsaid(line: str) -> None:
    """Show nothing: what matters comes at the end."""


def show_result(result: Result, *, no_pictures: bool, quiet: bool, as_json: bool) -> int:
    """Draw, print, and return the exit status."""
    status = {"interrupted": INTERRUPTED, "terminated": TERMINATED}.get(result.history.stopped, 0)
    notes = [] if no_pictures or status == TERMINATED else draw(result)
    if result.problem is not None:
        print_error(str(result.problem))
        status = status or WRONG
    if as_json:
        for note in notes:
            say(note, err=True)
        say_json(result.as_dict())
        return status
    if quiet:
        for line in figure_lines({name: getattr(result, name) for name in result.samples.parts}):
            say(line)
    elif text := drawn_in_text(result):
        click.echo(f"\n{text}\n")
    for note in notes:
        say(note)
    try:
        names = sorted(os.listdir(result.run))
    except OSError:  # the folder is gone, which the error above says
        names = []
    files = [name for name in names if os.path.join(result.run, name) not in result.pictures]
    if result.pictures:
        say(f"pictures  {', '.join(result.pictures)}")
    say(f"run       {result.run}: {', '.join(files)}")
    if status in (INTERRUPTED, TERMINATED):
        say(f"go on     chainrule resume {shlex.quote(result.run)}")
    return status
