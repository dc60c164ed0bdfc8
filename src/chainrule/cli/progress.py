"""What a training shows: a live line or lines while it goes, then its figures, its pictures and its folder."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from chainrule.cli.failures import INTERRUPTED, NOT_WRITTEN, TERMINATED, print_error
from chainrule.cli.output import say, say_json
from chainrule.cli.pictures import draw, drawn_in_text
from chainrule.errors import printable
from chainrule.recipes import Result
from chainrule.recipes.log import figure_lines, in_words, percent
from chainrule.training import Callback, Epoch, Training

if TYPE_CHECKING:
    from rich.progress import Progress

REDRAW = 0.1  # seconds

Tell = Callable[[str], Any]


@contextmanager
def show_progress(quiet: bool, as_json: bool) -> Iterator[tuple[Sequence[Callback], Tell]]:
    """Give the callbacks that show a training, and the function that shows each line of its log.

    Standard output belongs to the JSON object where one is asked for; what is alive goes to standard error then.
    """
    stream = sys.stderr if as_json else sys.stdout
    if quiet or not stream.isatty():
        yield (), _unsaid if quiet or as_json else say
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    columns = (BarColumn(bar_width=20), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:

        def tell(line: str) -> None:
            progress.console.print(Text(printable(line)), soft_wrap=True)

        yield [Live(progress)], _unsaid if as_json else tell


def _unsaid(line: str) -> None:
    """Show nothing: what matters comes at the end."""


class Live(Callback):
    """The live line: how far, loss, error, speed, time left."""

    each_step = False

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.task = progress.add_task("", total=None)
        self.start = self.last = 0.0
        self.steps_an_epoch = self.first_step = 0

    def begin(self, training: Training) -> None:
        self.start = self.last = time.perf_counter()
        self.first_step = training.step
        if training.history.epochs:
            self.steps_an_epoch = training.history.epochs[-1].steps

    def after_step(self, training: Training) -> None:
        now = time.perf_counter()
        if now - self.last >= REDRAW:
            self.last = now
            self.draw(training, now - self.start)

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        self.steps_an_epoch = epoch.steps

    def draw(self, training: Training, seconds: float) -> None:
        """Redraw the line, so many seconds after the start."""
        history = training.history
        total = self.steps_an_epoch * training.epochs
        parts = [f"epoch {min(len(history) + 1, training.epochs)}/{training.epochs}"]
        if history.epochs:
            last = history.epochs[-1]
            parts.append(f"loss {last.monitored:.4f}")
            for name in ("error_rate", "validation_error_rate"):
                if name in last.metrics:
                    parts.append(f"{in_words(name)} {percent(last.metrics[name])}")
        steps = training.step - self.first_step
        samples = steps * training.network["x"].shape[0]
        parts.append(f"{samples / seconds:,.0f} samples/s")
        if total:
            left = seconds * (total - training.step) / max(steps, 1)
            parts.append(f"{int(left) // 60}:{int(left) % 60:02} left")
        self.progress.update(
            self.task, total=total or None, completed=training.step, description="  ".join(parts), refresh=True
        )


def show_result(result: Result, *, no_pictures: bool, quiet: bool, as_json: bool) -> int:
    """Draw, print, and return the exit status."""
    status = {"interrupted": INTERRUPTED, "terminated": TERMINATED}.get(result.history.stopped, 0)
    notes = [] if no_pictures or status == TERMINATED else draw(result)
    if result.problem is not None:
        print_error(str(result.problem))
        status = status or NOT_WRITTEN
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
