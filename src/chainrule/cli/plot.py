"""``chainrule plot``: pictures of a run, or the curves of several runs in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chainrule.cli.options import one_of

if TYPE_CHECKING:
    from chainrule.data.opening import FolderFile
    from chainrule.recipes import RunRecord


@click.command(short_help="Draw pictures of a run.")
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--kind", metavar="KIND[,KIND…]|all", default="curve", show_default=True, help="Which pictures; see below."
)
@click.option(
    "--out", metavar="FILE|DIR", help="A file for one picture, or a folder; the folder of the run if left out."
)
@click.option(
    "--format",
    "form",
    metavar="png|svg",
    callback=one_of("png", "svg"),
    default="png",
    show_default=True,
    help="Of the files in a folder.",
)
@click.option("--layer", metavar="NAME", help="For neurons, hidden and weights: the layer, such as tanh_1.")
@click.option(
    "--weights", metavar="best|last", callback=one_of("best", "last"), default="best", help="Which of the run's."
)
def plot(runs: tuple[str, ...], kind: str, out: str | None, form: str, layer: str | None, weights: str) -> None:
    """Draw pictures of a run, or the learning curves of several RUNS in one picture.

    \b
    curve      loss, error rate and learning rate, epoch by epoch
    surface    what it makes of every point of the plane (two inputs)
    neurons    the same for each neuron of a hidden layer
    hidden     the plane as a hidden layer of two units bends it
    weights    a layer's weights, as pictures where its inputs are one
    confusion  which classes are taken for which
    saliency   by how much the output changes with each input
    descent    the loss along a step: is the learning rate too large?
    graph      the network with values and gradients on its edges
    watched    values, gradients and steps over time: trains once more
    animation  the surface while it learns: trains once more, for a GIF
    all        all of them that suit the run, but the last two
    """
    from chainrule.recipes import open_run

    records = [open_run(folder) for folder in runs]
    if kind == "curve" or len(records) > 1:
        _curves(records, kind, out, form)
    else:
        _pictures(records[0], kind, out, form, layer, weights)


def _curves(records: list[RunRecord], kind: str, out: str | None, form: str) -> None:
    """Draw what the logs say: the network isn't needed, nor its data."""
    from chainrule import plot as pictures
    from chainrule.cli.shown import say
    from chainrule.errors import InputError

    if kind != "curve":
        raise InputError(
            "--kind", given=f"{kind!r} of {len(records)} runs"[:80], expected="one run", fix="Name one at a time"
        )
    if len(records) == 1:
        path = _place(out, records[0].folder, "learning-curve", form)
        pictures.learning_curve(records[0].history, path=path)
    else:
        path = _place(out, "", "learning-curves", form)
        pictures.learning_curves({record.folder: record.history for record in records}, path=path)
    say(f"picture   {path}")


def _pictures(record: RunRecord, kind: str, out: str | None, form: str, layer: str | None, weights: str) -> None:
    from chainrule import checks
    from chainrule.cli.pictures import KINDS, Shown
    from chainrule.cli.shown import say
    from chainrule.errors import InputError
    from chainrule.recipes import load_run
    from chainrule.recipes.samples import gather
    from chainrule.threads import exactly

    every = kind == "all"
    names = [name for name, known in KINDS.items() if not known.trains] if every else kind.split(",")
    for name in names:
        checks.one_of("--kind", name, [*KINDS, "all"])
    if len(names) > 1 and out is not None and _is_file(out):
        raise InputError(
            "--out", given=f"the file {out!r} for {len(names)} pictures", expected="a folder", fix="Pass --out pictures"
        )
    left: dict[str, str] = {}
    with exactly(1):
        network, recipe = load_run(record.folder, weights)
        assert recipe is not None  # a run has one
        shown = Shown(recipe, recipe.name, network, gather(recipe), record.history, layer)
        for name in names:
            picture = KINDS[name]
            if every and not picture.suits(shown):
                left[name] = picture.needs
                continue
            path = _place(out, record.folder, picture.file, "gif" if name == "animation" else form)
            try:
                picture.draw(shown, path)
            except InputError as problem:
                if not every:
                    raise
                left[name] = problem.expected
            else:
                say(f"picture   {path}")
    for needed in dict.fromkeys(left.values()):
        say(f"left out  {', '.join(name for name in left if left[name] == needed)}: only with {needed}")


def _is_file(out: str) -> bool:
    import os

    return bool(os.path.splitext(out)[1])


def _place(out: str | None, folder: str, name: str, form: str) -> str | FolderFile:
    """Return where a picture goes: into the file that was named, or into a folder under its own name."""
    import os

    from chainrule.data.opening import Folder
    from chainrule.errors import FileError

    if out is not None and _is_file(out):
        return out
    if out is None and folder:
        return Folder("plot", folder, links=False).file(f"{name}.{form}")
    out = out or "."
    try:
        os.makedirs(out, exist_ok=True)
    except OSError as problem:
        raise FileError(
            "--out",
            given=f"{out!r}, where no folder can be made ({problem.strerror})"[:200],
            expected="a folder",
            fix="Name another one",
        ) from None
    return os.path.join(out, f"{name}.{form}").removeprefix(f".{os.sep}")
