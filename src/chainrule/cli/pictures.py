"""The pictures of a run: its learning curve, and for problems with two inputs the decision surface."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from chainrule import plot
from chainrule.errors import ChainruleError, MissingExtraError
from chainrule.recipes import Result


def draw(result: Result) -> list[str]:
    """Save the pictures of a run in its folder and name them in `result`; return what stood in the way, if anything.

    A picture that can't be drawn is no reason to lose the figures of a training.
    """
    X, y = result.samples.train
    wanted: dict[str, Callable[[str], Any]] = {
        "learning-curve.png": lambda path: plot.learning_curve(result.history, path=path)
    }
    if has_surface(result):
        wanted["decision-surface.png"] = lambda path: plot.decision_surface(
            result.network, X, y, path=path, title=result.recipe, classes=_spelt(result)
        )
    notes = []
    for name, picture in wanted.items():
        path = os.path.join(result.run, name)
        try:
            picture(path)
            result.pictures.append(path)
        except MissingExtraError as problem:
            return [f"no pictures: {problem}"]
        except ChainruleError as problem:
            notes.append(f"no {name}: {problem}")
    return notes


def drawn_in_text(result: Result) -> str:
    """Return the decision surface of a problem with two inputs, drawn in characters; nothing for others."""
    if not has_surface(result):
        return ""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    try:
        text = plot.surface_text(
            result.network,
            *result.samples.train,
            width=40,
            height=14,
            classes=_spelt(result),
            plain=encoding != "utf8",
        )
    except ChainruleError:  # too many classes, an output that is not finite: the picture's note says it
        return ""
    return text


def has_surface(result: Result) -> bool:
    """Tell whether a run has two inputs and classes."""
    return result.samples.train[0].shape[1:] == (2,) and result.samples.classes is not None


def _spelt(result: Result) -> list[str]:
    """Return the classes' names, with a word before those that are numbers."""
    return [f"class {name}" if name.isdigit() else name for name in result.samples.classes or ()]
