"""``chainrule predict``: the network of a run, asked for its answers."""

from __future__ import annotations

import os
import re
from typing import Any

import click

import chainrule as cr
from chainrule.cli.completion import runs
from chainrule.cli.failures import WRONG, print_error
from chainrule.cli.options import as_json_option, choice, columns, overwrite_option, weights_option
from chainrule.cli.output import as_csv, json_text, say, say_json, weights_in_words
from chainrule.cli.pipes import STREAM, expect_new, readable, write_out
from chainrule.errors import ChainruleError, InputError, MissingExtraError
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


FORMATS = {"csv": (".csv",), "json": (".json",), "jsonl": (".jsonl", ".ndjson")}  # what their files end in


@click.command(cls=_TakesSamples)
@click.argument("run", shell_complete=runs)
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--all", "every", is_flag=True, help="The probability of every class, a column each.")
@click.option(
    "--keep",
    metavar="COLUMN",
    multiple=True,
    callback=columns,
    help="Carry this column of a table over, such as one that names the samples. May be given several times.",
)
@click.option(
    "--format", "form", **choice(*FORMATS), help="How answers are written; else as the ending of --out says, or CSV."
)
@click.option("--out", metavar="FILE", help="Write the answers to this file; -, and nothing, print them.")
@overwrite_option
@weights_option("Which to ask.")
@as_json_option
def predict(
    run: str,
    files: tuple[str, ...],
    every: bool,
    keep: tuple[str | int, ...],
    form: str | None,
    out: str | None,
    overwrite: bool,
    weights: str | None,
    as_json: bool,
) -> int:
    """Let the network of RUN answer for every sample in FILE (CSV, NPZ, NPY or IDX; - is standard input), or for
    pictures (PNG or JPEG, or a folder of them): scaled, and inverted if it needs to be, which is said on stderr. Or for
    one sample whose numbers are written out in the place of FILE, such as 1,0: its prediction, how sure the network is,
    and the error at which it was trained, which is the training loss of the epoch that these weights come from.

    Which weights answer, the best or the last ones, is said on stderr.

    The answer is a class and the probability that the network gives it, a 0 or 1 and a probability for each label
    where several may be true, or the predicted numbers. A text that a spreadsheet would take for a formula, such as
    =A1, is written with an apostrophe before it in CSV.

    Of several files, or a folder, each line says the file first. One that can't be read is told, the others are
    answered, and the exit status is 2.

    \b
    chainrule predict runs/flowers-001 new.csv --keep id --all --out answers.csv
    chainrule predict runs/mnist-001 scans/ --format jsonl
    """
    sample = _written_out(files, keep, form, out)
    form = _format(form, out, as_json)
    expect_new("predict", out, overwrite=overwrite)
    network, recipe = cr.recipes.load_run(run, weights)
    if sample is not None:
        _say_answer(run, network, sample, weights, every, form == "json")
        return 0
    rows, errors = _answers(network, recipe, files, every, keep)
    told = cr.recipes.weights_told(run, weights)
    if form == "json":
        answered = {"run": run, **told, "files": list(files), "answers": rows, "errors": errors}
        _hand_out(out, [json_text(answered, out)], len(rows))
    elif rows and form == "jsonl":
        _hand_out(out, [json_text(row, out) for row in rows], len(rows))
    elif rows:
        exact = network.task == "regression"
        table = as_csv(list(rows[0]), ([_written(value, exact) for value in row.values()] for row in rows))
        _hand_out(out, table.splitlines(), len(rows))
    if not as_json:
        say(f"{run}: {weights_in_words(told)}", err=True)
    return WRONG if errors else 0


def _format(form: str | None, out: str | None, as_json: bool) -> str:
    """Return in which format answers are written."""
    if as_json and (out is not None or form not in (None, "json")):
        other = "--out" if out is not None else f"--format {form}"
        fix = "Leave one of them out; --format json --out FILE writes the object to a file"
        raise InputError("predict", given=f"--json with {other}", expected="one output", fix=fix)
    if as_json:
        return "json"
    ending = os.path.splitext(out or "")[1].lower()
    return form or next((name for name, endings in FORMATS.items() if ending in endings), "csv")


def _written_out(
    files: tuple[str, ...], keep: tuple[str | int, ...], form: str | None, out: str | None
) -> list[float] | None:
    """Return the sample that is written out in the place of a file; None where files are named."""
    samples = [found for found in map(_sample, files) if found is not None]
    if not samples:
        return None
    given = fix = ""
    if len(files) > 1:
        given = f"{len(samples)} of {len(files)} files written out as numbers"
        fix = "Write one alone, as 1,0 without spaces, or all of them into a file, a line each"
    elif out is not None:
        given, fix = f"--out with the numbers of one sample, {files[0].strip()}", "Leave --out out"
    elif keep or form in ("csv", "jsonl"):
        option = "--keep" if keep else f"--format {form}"
        given, fix = f"{option} with the numbers of one sample, {files[0].strip()}", f"Leave {option} out"
    if given:
        raise InputError("predict", given=given, expected="one sample, or files of samples", fix=fix)
    return samples[0]


def _answers(
    network: cr.Network,
    recipe: cr.recipes.Recipe | None,
    files: tuple[str, ...],
    every: bool,
    keep: tuple[str | int, ...],
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return the answers to all samples in all files, and of several files those that can't be read, and why."""
    from chainrule.recipes.answering import answers
    from chainrule.recipes.evaluation import expect_one_output
    from chainrule.recipes.image_files import image_size, is_picture
    from chainrule.threads import exactly

    several = len(files) > 1 or os.path.isdir(files[0])
    expect_one_output("predict", network)  # what would be said of each file is said once
    for folder in filter(os.path.isdir, files):
        image_size(network, f"predict {folder!r}")
    rows: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    notes: dict[str, list[str]] = {}
    only_pictures = True
    for path in _each(files):
        try:
            with readable(path) as place, exactly(1):
                found, said = answers(network, recipe, place, every=every, keep=keep)
                only_pictures = only_pictures and is_picture(place)
        except MissingExtraError:  # which would be said of each
            raise
        except ChainruleError as problem:
            if not several:
                raise
            text = str(problem) if path in str(problem) else f"{path}: {problem}"
            print_error(text)
            errors.append({"file": path, "error": text})
        else:
            rows += [{"file": path, **row} for row in found] if several else found
            for note in said:
                notes.setdefault(note, []).append(path)
    for note, paths in notes.items():
        say(f"{paths[0] if len(paths) == 1 else f'{len(paths):,} files, such as {paths[0]}'}: {note}", err=True)
    if several and only_pictures:  # a row each
        for row in rows:
            del row["row"]
    return rows, errors


def _each(files: tuple[str, ...]) -> list[str]:
    """Return the files that are named, and those in folders that are."""
    from chainrule.recipes.image_files import pictures_in

    if files.count(STREAM) > 1:
        raise InputError("predict", given="- more than once", expected="one standard input", fix="Name files")
    every = []
    for path in files:
        if os.path.isdir(path):
            pictures, others = pictures_in(path)
            every += pictures
            if others:
                named = ", ".join(others[:3]) + ("" if len(others) <= 3 else f" and {len(others) - 3:,} more")
                say(f"{path}: without what is no picture: {named}", err=True)
        else:
            every.append(path)
    return every


def _hand_out(out: str | None, lines: list[str], count: int) -> None:
    """Print lines, or write them to the file that was named, which is said."""
    if out is None:
        for line in lines:
            click.echo(line)
        return
    data = "".join(f"{line}\n" for line in lines).encode()
    if out == STREAM:
        write_out(data)
    else:
        cr.files.write_atomically(out, data, where="predict")
        say(f"{count:,} {'answer' if count == 1 else 'answers'} in {out}")


def _say_answer(
    run: str, network: cr.Network, sample: list[float], weights: str | None, every: bool, as_json: bool
) -> None:
    """Print what the network of a run says to one sample, and the error at which it was trained."""
    from chainrule.recipes.answering import answer
    from chainrule.threads import exactly

    with exactly(1):
        told = answer(network, sample, every=every)
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
    for name, share in told.get("probabilities", {}).items():
        say(f"            {percent(share)}  {name}")
    if error is not None:
        say(f"error       {error:.6g}, the training loss of epoch {asked['epoch']}")
    say(f"{run}: {weights_in_words(asked)}", err=True)


def _written(value: int | float | str, exact: bool = False) -> int | str:
    """Return a value for people: of a probability six digits say enough, of a prediction all that there are."""
    if not isinstance(value, float):
        return value
    if not exact:
        return f"{value:.6g}"
    import numpy as np

    number = np.float32(value) if float(np.float32(value)) == value else np.float64(value)  # what it came from
    if value and not 1e-4 <= abs(value) < 1e16:
        return np.format_float_scientific(number, trim="-")
    return np.format_float_positional(number, trim="-")
