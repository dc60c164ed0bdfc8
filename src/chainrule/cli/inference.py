"""``chainrule predict``: the network of a run, asked for its answers."""

from __future__ import annotations

import os
import re
from typing import Any

import click

import chainrule as cr
from chainrule.cli.completion import runs
from chainrule.cli.options import as_json_option, weights_in_words, weights_option
from chainrule.cli.output import as_csv, say, say_json
from chainrule.cli.pipes import STREAM, readable, write_out
from chainrule.errors import InputError
from chainrule.training.figure_text import percent

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_SAMPLE = re.compile(rf"[(\[\s]*{_NUMBER}(?:\s*[,;\s]\s*{_NUMBER})*,?[\])\s]*", re.IGNORECASE)


class _TakesSamples(click.Command):
    """A command that takes the numbers of a sample for an argument, also where the first has a minus before it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(
            ctx, [f" {arg}" if arg[:1] == "-" and _SAMPLE.fullmatch(arg) else arg for arg in args]
        )


def _sample(text: str) -> list[float] | None:
    """Return the numbers of a sample that is written out, ``1,0``; None if it is the name of a file."""
    if os.path.exists(text) or not _SAMPLE.fullmatch(text):
        return None
    return [float(number) for number in re.findall(_NUMBER, text, re.IGNORECASE)]


@click.command(cls=_TakesSamples)
@click.argument("run", shell_complete=runs)
@click.argument("file")
@click.option("--out", metavar="CSV", help="Write the answers to this file; -, and nothing, print them.")
@weights_option("Which to ask.")
@as_json_option
def predict(run: str, file: str, out: str | None, weights: str | None, as_json: bool) -> None:
    """Let the network of RUN answer for every sample in FILE (CSV, NPZ, NPY or IDX; - is standard input), or for one
    picture (PNG or JPEG): scaled, and inverted if it needs to be, which is said on stderr. Or for one sample whose
    numbers are written out in the place of FILE, such as 1,0: its prediction, how sure the network is, and the error
    at which it was trained, which is the training loss of the epoch that these weights come from.

    Which weights answer, the best or the last ones, is said on stderr.

    The answer is a class and the probability that the network gives it, a 0 or 1 and a probability for each label
    where several may be true, or the predicted numbers. A class whose name
    a spreadsheet would take for a formula, such as =A1, is written with an apostrophe before it.
    """
    from chainrule.recipes.evaluation import answers
    from chainrule.threads import exactly

    if as_json and out is not None:
        raise InputError("predict", given="--json with --out", expected="one output", fix="Leave one of them out")
    network, recipe = cr.recipes.load_run(run, weights)
    sample = _sample(file)
    if sample is not None:
        if out is not None:
            given = f"--out with the numbers of one sample, {file.strip()}"
            raise InputError("predict", given=given, expected="a file of samples", fix="Leave --out out")
        _say_answer(run, network, sample, weights, as_json)
        return
    with readable(file) as path, exactly(1):
        rows, notes = answers(network, recipe, path)
    for note in notes:
        say(f"{file}: {note}", err=True)
    told = cr.recipes.weights_told(run, weights)
    if as_json:
        say_json({"run": run, **told, "file": file, "answers": rows})
        return
    text = as_csv(list(rows[0]), ([_written(value) for value in row.values()] for row in rows))
    if out is None:
        for line in text.splitlines():
            say(line)
    elif out == STREAM:
        write_out(text.encode())
    else:
        cr.files.write_atomically(out, text.encode())
        say(f"{len(rows):,} answers in {out}")
    say(f"{run}: {weights_in_words(told)}", err=True)


def _say_answer(run: str, network: cr.Network, sample: list[float], weights: str | None, as_json: bool) -> None:
    """Print what the network of a run says to one sample, and the error at which it was trained."""
    from chainrule.recipes.evaluation import answer
    from chainrule.threads import exactly

    with exactly(1):
        told = answer(network, sample)
    asked = cr.recipes.weights_told(run, weights)
    epochs = cr.recipes.open_run(run).history.epochs if asked["epoch"] is not None else []
    error = next((epoch.loss for epoch in epochs if epoch.epoch == asked["epoch"]), None)
    if as_json:
        say_json({"run": run, **asked, "sample": sample, **told, "error": error})
        return
    prediction: Any = told["prediction"]
    if isinstance(prediction, list):
        prediction = ", ".join(str(_written(each)) for each in prediction) or "none of the labels"
    say(f"prediction  {_written(prediction)}")
    if told["confidence"] is not None:
        say(f"confidence  {percent(told['confidence'])}")
    if error is not None:
        say(f"error       {error:.6g}, the training loss of epoch {asked['epoch']}")
    say(f"{run}: {weights_in_words(asked)}", err=True)


def _written(value: int | float | str) -> int | str:
    return f"{value:.6g}" if isinstance(value, float) else value
