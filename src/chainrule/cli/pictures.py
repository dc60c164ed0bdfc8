"""The pictures of a run by name: those that a training leaves, and those that ``chainrule plot --kind`` draws."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from chainrule import plot
from chainrule.cli.shown import in_unicode
from chainrule.data.opening import Folder
from chainrule.errors import ChainruleError, FileError, InputError, MissingExtraError
from chainrule.nn import Network
from chainrule.recipes import Recipe, Result, run
from chainrule.recipes.samples import Samples
from chainrule.training import Callback, History, confusion_matrix, predict
from chainrule.training.evaluate import probabilities

_BATCH = 512  # samples that stand for all, where the loss of many steps is computed
_FEW = 8  # samples that flow through a drawn graph
_WATCHED = 100  # steps, of those of a training, about
_Callback = TypeVar("_Callback", bound=Callback)
Path: TypeAlias = "str | os.PathLike[str]"


@dataclass(frozen=True)
class Shown:
    """A run whose pictures are drawn.

    Attributes
    ----------
    recipe : Recipe or None
        None where nobody can ask to train it once more.
    title : str
    network : Network
    samples : Samples
    history : History
    layer : str or None
        The layer that somebody asked for.
    """

    recipe: Recipe | None
    title: str
    network: Network
    samples: Samples
    history: History
    layer: str | None = None

    @property
    def classes(self) -> list[str] | None:
        """The classes' names, with a word before those that are numbers."""
        names = self.samples.classes
        return None if names is None else [f"class {name}" if name.isdigit() else name for name in names]

    @property
    def plane(self) -> bool:
        """Whether it has two inputs and classes."""
        return self.samples.train[0].shape[1:] == (2,) and self.samples.classes is not None


@dataclass(frozen=True)
class Kind:
    """A kind of picture: how its file is called, how it is drawn, and what a run needs to have one.

    Attributes
    ----------
    trains : bool
        Whether it takes the training once more, and so its time.
    """

    file: str
    draw: Callable[[Shown, Path], Any]
    needs: str = ""
    suits: Callable[[Shown], bool] = lambda shown: True
    trains: bool = False


def _plane(function: str) -> Callable[[Shown, Path], Any]:
    """Return how a picture of the plane is drawn."""

    def draw(shown: Shown, path: Path) -> Any:
        layer = {} if function == "decision_surface" else {"layer": shown.layer}
        picture = getattr(plot, function)
        return picture(
            shown.network, *shown.samples.train, path=path, title=shown.title, classes=shown.classes, **layer
        )

    return draw


def _curve(shown: Shown, path: Path) -> Any:
    return plot.learning_curve(shown.history, path=path)


def _weights(shown: Shown, path: Path) -> Any:
    return plot.weights(shown.network, shown.layer, path=path)


def _confusion(shown: Shown, path: Path) -> Any:
    """Draw which classes are taken for which, on data that the network has not been trained on if there are any."""
    if shown.samples.classes is None:
        raise InputError(
            "plot --kind confusion",
            given="a run whose targets are quantities",
            expected="classes",
            fix="Draw another kind",
        )
    name, (X, y) = next((name, part) for name, part in reversed(shown.samples.parts.items()) if part is not None)
    matrix = confusion_matrix(probabilities(shown.network, predict(shown.network, X)), y)
    wrong = f"{matrix.sum() - matrix.trace():,} of {matrix.sum():,} wrong"
    return plot.confusion_matrix(matrix, shown.samples.classes, path=path, title=f"{name} data: {wrong}")


def _saliency(shown: Shown, path: Path) -> Any:
    """Draw the first samples, of each class one where there are classes."""
    X, y = shown.samples.train
    first = np.arange(min(len(X), 5))
    if shown.samples.classes is not None and y.ndim == 1:
        first = np.unique(y, return_index=True)[1][:10]
    return plot.saliency(shown.network, X[first], path=path)


def _descent(shown: Shown, path: Path) -> Any:
    return plot.loss_along_gradient(shown.network, *_spread(shown, _BATCH), path=path)


def _graph(shown: Shown, path: Path) -> Any:
    return plot.graph(shown.network, *_spread(shown, _FEW), path=path, title=shown.title)


def _spread(shown: Shown, count: int) -> tuple[Any, Any]:
    """Return so many samples, spread over all."""
    X, y = shown.samples.train
    rows = np.linspace(0, len(X) - 1, min(count, len(X))).astype(int)
    return X[rows], y[rows]


def _animation(shown: Shown, path: Path) -> Any:
    return _trained_again(
        shown, plot.animation(*shown.samples.train, path=path, title=shown.title, classes=shown.classes)
    )


def _watched(shown: Shown, path: Path) -> Any:
    from chainrule.explain import watch  # not needed to train

    steps = sum(epoch.steps for epoch in shown.history)
    watched = _trained_again(shown, watch(every=max(1, steps // _WATCHED)))
    return plot.watched(watched, path=path, title=shown.title)


def _trained_again(shown: Shown, callback: _Callback) -> _Callback:
    """Train once more as the recipe says, with a callback."""
    assert shown.recipe is not None
    with tempfile.TemporaryDirectory() as folder:
        run(shown.recipe, out=folder, callbacks=[callback])
    return callback


_PLANE = "two inputs, and classes"
KINDS = {
    "curve": Kind("learning-curve", _curve),
    "surface": Kind("decision-surface", _plane("decision_surface"), _PLANE, lambda shown: shown.plane),
    "neurons": Kind("hidden-neurons", _plane("neuron_surfaces"), _PLANE, lambda shown: shown.plane),
    "hidden": Kind("hidden-space", _plane("hidden_space"), _PLANE, lambda shown: shown.plane),
    "weights": Kind("weights", _weights),
    "confusion": Kind("confusion-matrix", _confusion, "classes", lambda shown: shown.samples.classes is not None),
    "saliency": Kind("saliency", _saliency),
    "descent": Kind("loss-along-gradient", _descent),
    "graph": Kind("graph", _graph),
    "watched": Kind("watched", _watched, trains=True),
    "animation": Kind("animation", _animation, _PLANE, lambda shown: shown.plane, trains=True),
}


def draw(result: Result) -> list[str]:
    """Save the pictures of a run in its folder and name them in `result`; return what stood in the way, if anything.

    A picture that can't be drawn is no reason to lose the figures of a training.
    """
    shown = _shown(result)
    notes = []
    try:
        with Folder("plot", result.run, links=False) as folder:
            for kind in (KINDS["curve"], KINDS["surface"]):
                if kind.suits(shown):
                    path = folder.file(f"{kind.file}.png")
                    try:
                        kind.draw(shown, path)
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
    shown = _shown(result)
    if not shown.plane:
        return ""
    try:
        text = plot.surface_text(
            result.network,
            *result.samples.train,
            width=40,
            height=14,
            classes=shown.classes,
            plain=not in_unicode(),
        )
    except ChainruleError:  # too many classes, an output that is not finite: the picture's note says it
        return ""
    return text


def _shown(result: Result) -> Shown:
    return Shown(None, result.recipe, result.network, result.samples, result.history)
