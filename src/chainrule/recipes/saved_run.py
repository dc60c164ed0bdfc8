"""What a run left, taken up again: its network, and the recipe it came from."""

from __future__ import annotations

import os

from chainrule import checks
from chainrule.errors import FileError
from chainrule.nn import Network
from chainrule.recipes.folder import BEST, LAST, RECIPE
from chainrule.recipes.recipe import Recipe
from chainrule.recipes.shelf import load


def load_run(path: str | os.PathLike[str], weights: str = "best") -> tuple[Network, Recipe | None]:
    """Return the network of a run and its recipe.

    Parameters
    ----------
    path : path
        The folder of a run; or a model file, whose recipe is None.
    weights : {"best", "last"}
        Which of the folder's two.

    Raises
    ------
    FileError
        If there is no run there, or a file of it is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from chainrule.recipes import run
    >>> network, recipe = load_run(run("xor", out=tempfile.mkdtemp()).run)
    >>> recipe.name, network.parameters.size
    ('xor', 33)
    """
    from chainrule.files import load as load_model

    checks.one_of("weights", weights, ("best", "last"))
    path = os.fspath(path)
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise FileError(
                f"run {path!r}",
                given="nothing there",
                expected="the folder of a run, or a model file",
                fix="Check the path; train makes runs under runs/",
            )
        return load_model(path), None
    model = os.path.join(path, BEST if weights == "best" else LAST)
    if not os.path.exists(model):
        raise FileError(
            f"run {path!r}",
            given=f"a folder without {os.path.basename(model)}",
            expected="the folder of a run",
            fix="Name a folder that train made, such as runs/xor-001",
        )
    recipe_file = os.path.join(path, RECIPE)
    return load_model(model), load(recipe_file) if os.path.exists(recipe_file) else None
