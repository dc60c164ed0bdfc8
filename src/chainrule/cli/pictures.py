"""``chainrule plot``: the kinds of pictures by name, of which a training leaves the first two in its run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

import chainrule as cr
from chainrule import checks
from chainrule.cli import completion
from chainrule.cli.options import as_json_option, choice, overwrite_option, weights_option
from chainrule.cli.output import in_unicode, say, say_json
from chainrule.cli.pipes import STREAM, expect_new, writable
from chainrule.errors import ChainruleError, FileError, InputError, MissingExtraError, UnknownNameError

if TYPE_CHECKING:
    from chainrule.data.opening import FolderFile
    from chainrule.nn import Network
    from chainrule.recipes import Recipe, Result, RunRecord
    from chainrule.recipes.samples import Samples
    from chainrule.training import Callback, History

_LOSS_SAMPLES = 512  # that stand for all, where the loss of many steps is computed
_GRAPH_SAMPLES = 8  # that flow through a drawn graph
_WATCHED_STEPS = 100  # of a training, about
_Callback = TypeVar("_Callback", bound="Callback")
Path: TypeAlias = "str | os.PathLike[str]"


@dataclass(frozen=True)
class PicturedRun:
    """A run whose pictures are drawn. Without a recipe it can't be trained once more."""

    recipe: Recipe | None
    title: str
    network: Network
    samples: Samples
    history: History
    layer: str | None = None
    language: str | None = None

    @property
    def classes(self) -> list[str] | None:
        """The classes' names, with a word before those that are numbers."""
        names = self.samples.classes
        return None if names is None else [f"class {name}" if name.isdigit() else name for name in names]

    @property
    def is_plane(self) -> bool:
        """Whether it has two inputs and classes."""
        return self.samples.train[0].shape[1:] == (2,) and self.has_classes

    @property
    def has_classes(self) -> bool:
        """Whether each sample is of one class."""
        return self.samples.classes is not None and self.network.task in ("binary", "multiclass")

    def some(self, count: int) -> tuple[Any, Any]:
        """Return `count` samples, spread over all of the training samples."""
        import numpy as np

        X, y = self.samples.train
        rows = np.linspace(0, len(X) - 1, min(count, len(X))).astype(int)
        return X[rows], y[rows]

    def train_again(self, callback: _Callback) -> _Callback:
        """Train once more as the recipe says, with a callback."""
        assert self.recipe is not None
        with tempfile.TemporaryDirectory() as folder:
            cr.recipes.run(self.recipe, out=folder, callbacks=[callback])
        return callback


def _plane(function: str, run: PicturedRun, path: Path, **layer: str | None) -> Any:
    picture = getattr(cr.plot, function)
    return picture(run.network, *run.samples.train, path=path, title=run.title, classes=run.classes, **layer)


def _confusion(run: PicturedRun, path: Path) -> Any:
    """Draw which classes are taken for which, on data that the network has not been trained on if there are any."""
    from chainrule.training.evaluate import predict, probabilities

    if not run.has_classes:
        raise InputError(
            "plot --kind confusion_matrix",
            given="a run whose targets are quantities, or several labels a sample",
            expected="one class a sample",
            fix="Draw another kind",
        )
    name, (X, y) = next((name, part) for name, part in reversed(run.samples.parts.items()) if part is not None)
    matrix = cr.training.confusion_matrix(probabilities(run.network, predict(run.network, X)), y, run.network.task)
    wrong = f"{matrix.sum() - matrix.trace():,} of {matrix.sum():,} wrong"
    return cr.plot.confusion_matrix(matrix, run.samples.classes, path=path, title=f"{name} data: {wrong}")


def _saliency(run: PicturedRun, path: Path) -> Any:
    """Draw the first samples, of each class one where there are classes."""
    import numpy as np

    X, y = run.samples.train
    first = np.arange(min(len(X), 5))
    if run.samples.classes is not None and y.ndim == 1:
        first = np.unique(y, return_index=True)[1][:10]
    return cr.plot.saliency(run.network, X[first], samples=[f"sample {i}" for i in first], path=path)


def _network(run: PicturedRun, path: Path) -> Any:
    """Draw the weights, and what they make of the first sample."""
    sample, language = run.samples.train[0][:1], run.language or "en"
    title = f"{run.title}, {'דוגמה' if language == 'he' else 'sample'} 0"
    return cr.plot.network(run.network, sample, path=path, title=title, language=language)


def _watched(run: PicturedRun, path: Path) -> Any:
    steps = sum(epoch.steps for epoch in run.history)
    watch = run.train_again(cr.watch(every=max(1, steps // _WATCHED_STEPS)))
    return cr.plot.watched(watch, path=path, title=run.title)


def _rates(run: PicturedRun, path: Path) -> Any:
    """Draw the learning-rate range test of the network as it was before its first step."""
    from chainrule.recipes.run import batching

    assert run.recipe is not None
    result = cr.learning_rate_range_test(
        run.network.fresh(),
        *run.samples.train,
        **batching(run.recipe),
    )
    say(str(result))
    return cr.plot.learning_rate_range_test(result, path=path)


def _animation(run: PicturedRun, path: Path) -> Any:
    movie = cr.plot.animation(*run.samples.train, path=path, title=run.title, classes=run.classes)
    return run.train_again(movie)


@dataclass(frozen=True)
class PictureKind:
    """A kind of picture: how it is drawn, what it needs of a run, if it trains once more, what options it takes."""

    draw: Callable[[PicturedRun, Path], Any]
    needs: str = ""
    suits: Callable[[PicturedRun], bool] = lambda run: True
    trains: bool = False
    takes: tuple[str, ...] = ("weights",)


_LAYER = ("weights", "layer")
_PLANE: dict[str, Any] = dict(needs="two inputs, and classes", suits=lambda run: run.is_plane)
KINDS = {  # by the names of cr.plot's functions
    "learning_curve": PictureKind(lambda run, path: cr.plot.learning_curve(run.history, path=path), takes=()),
    "decision_surface": PictureKind(lambda run, path: _plane("decision_surface", run, path), **_PLANE),
    "neuron_surfaces": PictureKind(
        lambda run, path: _plane("neuron_surfaces", run, path, layer=run.layer), **_PLANE, takes=_LAYER
    ),
    "hidden_space": PictureKind(
        lambda run, path: _plane("hidden_space", run, path, layer=run.layer), **_PLANE, takes=_LAYER
    ),
    "weights": PictureKind(lambda run, path: cr.plot.weights(run.network, run.layer, path=path), takes=_LAYER),
    "confusion_matrix": PictureKind(_confusion, "classes", lambda run: run.has_classes),
    "saliency": PictureKind(_saliency),
    "loss_along_gradient": PictureKind(
        lambda run, path: cr.plot.loss_along_gradient(run.network, *run.some(_LOSS_SAMPLES), path=path)
    ),
    "network": PictureKind(_network, takes=("weights", "language")),
    "graph": PictureKind(
        lambda run, path: cr.plot.graph(run.network, *run.some(_GRAPH_SAMPLES), path=path, title=run.title)
    ),
    "watched": PictureKind(_watched, trains=True, takes=()),
    "learning_rate_range_test": PictureKind(_rates, trains=True, takes=()),
    "animation": PictureKind(_animation, trains=True, **_PLANE, takes=()),
}
_CALLED = {  # what else they are called
    "descent": "loss_along_gradient",
    "surface": "decision_surface",
    "decision_boundary": "decision_surface",
    "curve": "learning_curve",
    "loss": "learning_curve",
    "neurons": "network",
    "confusion": "confusion_matrix",
    "film": "animation",
    "movie": "animation",
}


def draw(result: Result) -> list[str]:
    """Save the pictures of a run in its folder and name them in `result`; return what stood in the way, if anything.

    A picture that can't be drawn is no reason to lose the figures of a training.
    """
    from chainrule.data.opening import Folder

    run = _pictured(result)
    notes = []
    try:
        with Folder("plot", result.run, links=False) as folder:
            for name in ("learning_curve", "decision_surface"):
                kind = KINDS[name]
                if kind.suits(run):
                    path = folder.file(f"{file_name(name)}.png")
                    try:
                        kind.draw(run, path)
                        result.pictures.append(os.fspath(path))
                    except MissingExtraError as problem:
                        return [f"no pictures: {problem}"]
                    except FileError as problem:
                        notes.append(f"no {path.name}: {problem}")
                        result.problem = result.problem or problem
                    except ChainruleError as problem:
                        notes.append(f"no {path.name}: {problem}")
    except FileError as problem:
        notes.append(f"no pictures: {problem}")
        result.problem = result.problem or problem
    return notes


def drawn_in_text(result: Result) -> str:
    """Return the decision surface of a problem with two inputs, drawn in characters; nothing for others."""
    run = _pictured(result)
    if not run.is_plane:
        return ""
    look: dict[str, Any] = dict(width=40, height=14, classes=run.classes, plain=not in_unicode())
    try:
        return cr.plot.surface_text(result.network, *result.samples.train, **look)
    except ChainruleError:  # too many classes, an output that is not finite: the picture's note says it
        return ""


def _pictured(result: Result) -> PicturedRun:
    return PicturedRun(None, result.recipe, result.network, result.samples, result.history)


def _kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the last of several kinds, joined by commas, in a shell."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in [*KINDS, "all"] if name.startswith(last)]


@click.command()
@click.argument("runs", nargs=-1, required=True, shell_complete=completion.runs)
@click.option(
    "--kind",
    metavar="KIND[,KIND…]|all",
    shell_complete=_kinds,
    help="Which pictures; see below. The learning curves if left out.",
)
@click.option(
    "--out",
    metavar="FILE|DIR",
    help="A file for one picture, or a folder; the folder of the run if left out. - prints one picture's bytes.",
)
@click.option(
    "--format",
    "form",
    **choice("png", "svg"),
    default="png",
    show_default=True,
    help="Of the files in a folder.",
)
@click.option("--layer", metavar="NAME", help="Of neuron_surfaces, hidden_space or weights: the layer, such as tanh_1.")
@click.option("--language", **choice("en", "he"), help="Of network: English, if left out, or Hebrew.")
@weights_option("Which of the run's.")
@overwrite_option
@as_json_option
def plot(
    runs: tuple[str, ...],
    kind: str | None,
    out: str | None,
    form: str,
    layer: str | None,
    language: str | None,
    weights: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Draw pictures of a run, or the learning curves of several RUNS in one picture. In Python, cr.plot has each kind
    as a function of this name.

    \b
    learning_curve            loss, error rate and learning rate, epoch by epoch
    learning_curves           those of several runs
    decision_surface          what it makes of every point of the plane (two inputs)
    neuron_surfaces           the same for each neuron of a hidden layer
    hidden_space              the plane as a hidden layer of two units bends it
    weights                   a layer's weights, as pictures where its inputs are one
    confusion_matrix          which classes are taken for which
    saliency                  by how much the output changes with each input
    loss_along_gradient       the loss along a step: is the learning rate too large?
    network                   its neurons, and its weights as edges between them
    graph                     the network with values and gradients on its edges
    watched                   values, gradients and steps over time: trains once more
    learning_rate_range_test  the loss while the learning rate rises: a hundred steps
    animation                 the surface while it learns: trains once more, for a GIF
    all                       all of them that suit the run, but the last three

    In the folder of its run a picture is drawn anew; elsewhere no file is written over without --overwrite.
    """
    if out == STREAM and as_json:
        raise InputError("plot", given="--json with --out -", expected="one output", fix="Leave one of them out")
    records = [cr.recipes.open_run(folder) for folder in runs]
    alone = "learning_curve" if len(records) == 1 else "learning_curves"
    _expect_taken(str(kind or alone), {"layer": layer, "language": language, "weights": weights})
    left: dict[str, str] = {}
    if kind in (None, alone):
        drawn = [_curves(records, alone, out, form, overwrite)]
    elif len(records) > 1:
        raise InputError(
            "--kind", given=f"{kind!r} of {len(records)} runs"[:80], expected="one run", fix="Name one at a time"
        )
    else:
        drawn, left = _pictures(records[0], str(kind), out, form, layer, language, weights, overwrite)
    if as_json:
        say_json({"pictures": drawn, "left_out": left})
    elif out != STREAM:
        for path in drawn:
            say(f"picture   {path}")
        for needed in dict.fromkeys(left.values()):
            say(f"left out  {', '.join(name for name in left if left[name] == needed)}: only with {needed}")


def _curves(records: list[RunRecord], kind: str, out: str | None, form: str, overwrite: bool) -> str:
    """Draw what the logs say, and return where: the network isn't needed, nor its data."""
    path = _place(out, records[0].folder if len(records) == 1 else "", kind, form)
    _expect_new([path], overwrite)
    with writable(path, f"{kind}.{form}") as place:
        if len(records) == 1:
            cr.plot.learning_curve(records[0].history, path=place)
        else:
            cr.plot.learning_curves({record.folder: record.history for record in records}, path=place)
    return os.fspath(path)


def _pictures(
    record: RunRecord,
    kind: str,
    out: str | None,
    form: str,
    layer: str | None,
    language: str | None,
    weights: str | None,
    overwrite: bool,
) -> tuple[list[str], dict[str, str]]:
    """Draw pictures of a run; return where they are, and of those that were left out what they need."""
    from chainrule.recipes.moved_data import samples_of_run
    from chainrule.threads import exactly

    every = kind == "all"
    names = [name for name, known in KINDS.items() if not known.trains] if every else kind.split(",")
    for name in names:
        if name in _CALLED:
            raise UnknownNameError(
                "--kind", given=repr(name), expected="the name of a kind", fix=f"Pass --kind {_CALLED[name]}"
            )
        checks.one_of("--kind", name, [*KINDS, "all"])
    if len(names) > 1 and out is not None and (out == STREAM or _is_file(out)):
        raise InputError(
            "--out", given=f"the file {out!r} for {len(names)} pictures", expected="a folder", fix="Pass --out pictures"
        )
    endings = {name: "gif" if name == "animation" else form for name in names}
    places = {name: _place(out, record.folder, name, ending) for name, ending in endings.items()}
    _expect_new(places.values(), overwrite)
    left: dict[str, str] = {}
    drawn = []
    with exactly(1):
        network, recipe = cr.recipes.load_run(record.folder, weights)
        assert recipe is not None  # a run has one
        recipe, samples, notes = samples_of_run(recipe, record.folder, network)
        for note in notes:
            say(note, err=True)
        run = PicturedRun(recipe, recipe.name, network, samples, record.history, layer, language)
        for name in names:
            picture = KINDS[name]
            if every and not picture.suits(run):
                left[name] = picture.needs
                continue
            path = places[name]
            try:
                with writable(path, f"{name}.{endings[name]}") as place:
                    picture.draw(run, place)
            except InputError as problem:
                if not every:
                    raise
                left[name] = problem.expected
            else:
                drawn.append(os.fspath(path))
    return drawn, left


def _expect_taken(kind: str, options: dict[str, str | None]) -> None:
    """Raise if an option is given that none of the kinds takes."""
    names = set(kind.split(","))
    if "all" in names or not names <= {*KINDS, "learning_curves"}:  # which is refused where it is drawn
        return
    for option, value in options.items():
        takers = [name for name, known in KINDS.items() if option in known.takes]
        if value is not None and not names & set(takers):
            raise InputError(
                f"--{option}",
                given=f"{value!r:.60} for a picture that doesn't take it, {kind:.60}",
                expected=f"it with --kind {', '.join(takers)}",
                fix="Leave it out",
            )


def _expect_new(places: Iterable[str | FolderFile], overwrite: bool) -> None:
    """Raise if a picture would be written over something; those in a run's own folder are the run's, and drawn anew."""
    expect_new("plot", *(place for place in places if isinstance(place, str)), overwrite=overwrite)


def _is_file(out: str) -> bool:
    return bool(os.path.splitext(out)[1])


def file_name(kind: str) -> str:
    """Return what the file of a picture is called, its ending apart."""
    return kind.replace("_", "-")


def _place(out: str | None, folder: str, kind: str, form: str) -> str | FolderFile:
    """Return where a picture goes: into the file that was named, or into a folder under its own name."""
    from chainrule.data.opening import Folder

    if out is not None and (out == STREAM or _is_file(out)):
        return out
    name = file_name(kind)
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
