"""The data of a run that lies elsewhere than it did, or whose data do.

A run names its data file as seen from its own folder, so both may be moved together. Where one was moved alone, the
file is looked for where it could be by that name, and known again by the digest of its samples in the run's checkpoint.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from msgspec.structs import replace

from chainrule.data.opening import Folder, absolute, shown
from chainrule.errors import ChainruleError, FileError, InputError
from chainrule.nn import Network
from chainrule.recipes.folder import LAST
from chainrule.recipes.parent import shown_path
from chainrule.recipes.recipe import Recipe
from chainrule.recipes.samples import Samples, gather
from chainrule.training.checkpoint import read_state
from chainrule.training.data_digest import data_digest

_ROWS = "rows of X"  # what checkpoints call the digest that all of them have


def samples_of_run(
    recipe: Recipe,
    folder: str | os.PathLike[str] | Folder,
    like: Network | None = None,
    *,
    option: str = "",
) -> tuple[Recipe, Samples, list[str]]:
    """Return the recipe of a run with the place where its data file is, its samples, and what was found, in lines.

    Parameters
    ----------
    recipe : Recipe
        As it was read from the run.
    folder : path or Folder
        The run's.
    like : Network, optional
        The network that they are for.
    option : str
        What errors say besides: how another file can be named.

    Raises
    ------
    FileError
        If the file is nowhere, or can't be read; with the places that were looked at.
    InputError
        As `gather`.
    """
    if recipe.data.file is None:
        return recipe, gather(recipe, like), []
    if isinstance(folder, Folder):
        return _found(recipe, folder, like, option)
    with Folder("run", folder) as opened:
        return _found(recipe, opened, like, option)


def _found(recipe: Recipe, folder: Folder, like: Network | None, option: str) -> tuple[Recipe, Samples, list[str]]:
    named = str(recipe.data.file)
    places = list(dict.fromkeys(_places(named, folder.path)))
    digest, there, others = _digest(folder), None, []
    for place in places:
        if not os.path.isfile(place) and (place != named or not os.path.lexists(place)):
            continue
        moved = recipe if place == named else replace(recipe, data=replace(recipe.data, file=place))
        try:
            samples = gather(moved, like)
        except ChainruleError:
            if place == named:  # the file is there, and something is wrong with it
                raise
            others.append(place)
            continue
        if place == named:
            there = samples
        if digest is None or data_digest(samples.train[0], rows=True) == digest:
            if place == named:
                return moved, samples, []
            sure = "" if digest is None else ", the same by its digest"
            return moved, samples, [f"data      {shown_path(place)}{sure}; {shown_path(named)} is not"]
        if place != named:
            others.append(place)
    if there is not None:
        changed = f"data      {shown_path(named)} holds other samples than those that were trained on"
        return recipe, there, [changed]
    looked = [shown_path(place) for place in places]
    told = ", ".join(looked[:4]) + (f" and {len(looked) - 4} more places" if len(looked) > 4 else "")
    wrong = f"; {shown_path(others[0])} is another file" if others else ""
    raise FileError(
        f"run {folder.path!r}",
        given=f"no data file {shown(os.path.basename(named))}, looked for at {told}{wrong}",
        expected="the file that it was trained on",
        fix=f"Put it into the folder of the run, or beside that{option}",
    )


def expect_same(recipe: Recipe, samples: Samples, folder: Folder) -> None:
    """Raise unless samples are those that a run was trained on, as far as its checkpoint says.

    Raises
    ------
    InputError
        If they are others.
    """
    digest = _digest(folder)
    if digest is not None and data_digest(samples.train[0], rows=True) != digest:
        named = "" if recipe.data.file is None else f" in {shown_path(str(recipe.data.file))}"
        raise InputError(
            f"run {folder.path!r}",
            given=f"other samples{named}: their digests differ",
            expected="those that it was trained on, to go on with",
            fix="Bring them back; or begin a training of its own, with its weights: chainrule train --from RUN",
        )


def _places(named: str, run: str) -> Iterator[str]:
    """Yield where a file may be that was at `named`, seen from the folder of its run.

    There; the same way down from each folder above the run, which finds it when the run was moved within a project, and
    from the working folder, where the training was begun; then in the folder of the run, and beside it.
    """
    yield named
    run = absolute("run", run)
    try:
        parts = os.path.relpath(named, run).split(os.sep)
    except ValueError:  # on another drive
        parts = []
    down = os.path.join(*[part for part in parts if part != os.pardir] or [os.path.basename(named)])
    above = [run]
    while os.path.dirname(above[-1]) != above[-1]:
        above.append(os.path.dirname(above[-1]))
    yield from (os.path.join(folder, down) for folder in [*above, absolute("run", os.curdir)])
    yield from (os.path.join(folder, os.path.basename(named)) for folder in above[:2])


def _digest(folder: Folder) -> str | None:
    """Return the digest of the samples that a run was trained on; None where it doesn't say."""
    try:
        digest = read_state(folder.file(LAST)).source.get("digests", {}).get(_ROWS)
    except FileError:
        return None
    return digest if isinstance(digest, str) else None
