"""Going on from another run, or a model file: a new run that begins with its weights.

All that is taken over is the network: its numbers, the scaling of its samples, the range that it knows of them, the
order of its classes. Where nothing of the network is another but the learning rate, it is the file's very network,
as `cr.load` returns it: with the moments, the count of steps and the generators that are saved in it. The file of the
best weights has none: its optimizer has not begun.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

from chainrule import checks
from chainrule.data.opening import Folder, is_folder
from chainrule.errors import FileError, InputError
from chainrule.files import describe, load
from chainrule.nn import Dropout, Network
from chainrule.nn.layer import LayerLike
from chainrule.recipes.build import build
from chainrule.recipes.folder import BEST, LAST, LOG, RESULT, expect_files, read_recipe, read_result
from chainrule.recipes.log import read_rows
from chainrule.recipes.recipe import Recipe, Start
from chainrule.recipes.samples import Samples, gather

_MEANINGLESS = ("initializer", "bias_initializer", "l1", "l2", "inputs")  # in a layer whose numbers are there


@dataclass(frozen=True)
class Parent:
    """What a run begins with.

    Attributes
    ----------
    path : str
        The folder of a run, or a model file.
    network : Network
    weights : {"best", "last"} or None
        Which of the run's; None for a model file.
    epoch : int or None
        After which epoch of the run it had them, where it says so.
    """

    path: str
    network: Network
    weights: Literal["best", "last"] | None
    epoch: int | None

    def __str__(self) -> str:
        if self.weights is None:
            return f"the weights in {shown_path(self.path)}"
        after = "" if self.epoch is None else f", of epoch {self.epoch}"
        return f"the {self.weights} weights of {shown_path(self.path)}{after}"


def shown_path(path: str) -> str:
    """Return a path as seen from the working folder where that is shorter."""
    try:
        return min(path, os.path.relpath(path), key=len)
    except ValueError:  # on another drive
        return path


def prepared(recipe: Recipe) -> tuple[Network, Samples, Parent | None]:
    """Return the network and the samples with which a run of a recipe begins, and whose weights it has.

    Raises
    ------
    FileError, InputError
        If the recipe, its data or the run that it begins with can't be used.
    """
    parent = None if recipe.start is None else parent_of(recipe.start)
    if parent is None:
        samples = gather(recipe)
        return build(recipe, samples), samples, None
    samples = gather(recipe, parent.network)
    _expect_samples(samples, parent, f"recipe {recipe.name}")
    return _begun(recipe, build(recipe, samples, parent.network), parent), samples, parent


def parent_of(start: Start, where: str = "start") -> Parent:
    """Return whom a recipe's `start` speaks of.

    Raises
    ------
    FileError
        If there is no run and no model file, or it can't be read.
    InputError
        If weights are chosen of a model file, which has one kind only.
    """
    path = start.run
    if start.weights is not None:
        checks.one_of("weights", start.weights, ("best", "last"))
    if not is_folder(where, path, "the folder of a run, or a model file"):
        if start.weights is not None:
            raise InputError(
                "weights",
                given=f"{start.weights!r} of the model file {shown_path(path)!r}",
                expected="the folder of a run, which has best and last ones",
                fix="Leave --weights out, or name the run's folder",
            )
        return Parent(path, load(path), None, None)
    weights = start.weights or kept_weights(path)
    network, epoch = read_weights(path, weights)
    return Parent(path, network, weights, epoch)


def read_weights(path: str | os.PathLike[str], weights: str) -> tuple[Network, int | None]:
    """Return the network of a run with its best or its last weights, and of which epoch they are, if it says.

    Raises
    ------
    FileError
        If there is no run there, or a file of it is damaged.
    """
    name = BEST if weights == "best" else LAST
    with Folder("run", path) as folder:
        folder.expect_plain([BEST, LAST])
        if weights == "best" and folder.file(BEST).status() is None and folder.file(LAST).status() is not None:
            raise FileError(
                f"run {folder.path!r}",
                given="a run that has no best weights yet",
                expected="one whose first epoch is saved",
                fix="Wait for it, or take the last ones: --weights last",
            )
        expect_files(folder, name)
        return load(folder.file(name)), epoch_of(folder, weights)


def kept_weights(path: str | os.PathLike[str]) -> Literal["best", "last"]:
    """Return which weights a run keeps, whose figures it ends with: the best where it validates, else the last.

    Where its recipe can't be read nobody knows, and it is the best.
    """
    with Folder("run", path) as folder:
        try:
            recipe = read_recipe(folder)
        except (FileError, InputError):
            return "best"
    return recipe.keep or ("best" if recipe.data.validation else "last")


def epoch_of(folder: Folder, weights: str) -> int | None:
    """Return after which epoch of a run it had its best, or its last, weights; None where it doesn't say so."""
    if weights == "last":
        return len(read_rows(folder.file(LOG))[0]) or None
    result, _ = read_result(folder.file(RESULT))
    return None if result is None else result.get("best_epoch")


def _begun(recipe: Recipe, built: Network, parent: Parent) -> Network:
    """Return the network that a recipe's training begins with, from that which was built for it, and a parent's.

    Raises
    ------
    InputError
        If the parent's network has other layers.
    """
    theirs, where = parent.network, f"recipe {recipe.name}"
    _expect_same_layers(built, parent, where)
    ours_rate, their_rate = (_as_data(network.optimizer.learning_rate) for network in (built, theirs))
    same_rate = ours_rate == their_rate
    if _settings(built) == _settings(theirs):
        if not same_rate:
            theirs.optimizer.learning_rate = built.optimizer.learning_rate
        return theirs
    state = theirs.snapshot()
    built.restore({**state, "optimizer": None, "generators": built.generators.states()})
    if same_rate and theirs.last_learning_rate is not None:
        built.note_rate(theirs.last_learning_rate)
    return built


def _expect_samples(samples: Samples, parent: Parent, where: str) -> None:
    """Raise unless the parent's network takes samples of this shape."""
    shape, theirs = samples.train[0].shape[1:], parent.network.sample_shape
    if shape != theirs:
        raise InputError(
            f"{where}, data",
            given=f"samples of shape {shape}",
            expected=f"{theirs}, as the network of {shown_path(parent.path)} takes them",
            fix="Choose data with the same features, in the same order",
        )


def _expect_same_layers(built: Network, parent: Parent, where: str) -> None:
    """Raise unless two networks compute the same, but for what is dropped out."""
    ours, theirs = (_computing(network.layers) for network in (built, parent.network))
    for i in range(max(len(ours), len(theirs))):
        one, other = (repr(layers[i]) if i < len(layers) else "no more layers" for layers in (ours, theirs))
        same = i < min(len(ours), len(theirs)) and _without(_as_data(ours[i])) == _without(_as_data(theirs[i]))
        if not same:
            raise InputError(
                f"{where}, layers",
                given=f"{one} where {shown_path(parent.path)} has {other}"[:300],
                expected=f"the layers of the run that it begins with: {', '.join(map(repr, theirs))}"[:500],
                fix="Write the same layers, loss, output and scaling, or leave --from out (in Python start=)",
            )
    shapes = [{name: leaf.shape for name, leaf in network.leaves.items()} for network in (built, parent.network)]
    if shapes[0] != shapes[1]:
        name = next(name for name in (*shapes[0], *shapes[1]) if shapes[0].get(name) != shapes[1].get(name))
        raise InputError(
            f"{where}, layers",
            given=f"{name} of shape {shapes[0].get(name, 'none')}",
            expected=f"{shapes[1].get(name, 'none')}, as in {shown_path(parent.path)}",
            fix="Give layers the names and sizes that they have there",
        )


def _computing(layers: Any) -> list[LayerLike]:
    return [layer for layer in layers if not isinstance(layer, Dropout)]


def _as_data(part: Any) -> Any:
    return describe(part) if hasattr(part, "settings") else part


def _without(description: Any) -> Any:
    """Return a layer's description without what doesn't matter once its numbers are there."""
    if isinstance(description, dict):
        return {key: _without(value) for key, value in description.items() if key not in _MEANINGLESS}
    if isinstance(description, list):
        kept = [item for item in description if not (isinstance(item, dict) and item.get("type") == "Dropout")]
        return [_without(item) for item in kept]
    return description


def _settings(network: Network) -> Any:
    """Return a network's description but for its learning rate, and for what says of what shape its samples are."""
    told = describe(network)
    told["optimizer"].pop("learning_rate")
    return {key: value for key, value in told.items() if key != "inputs"}
