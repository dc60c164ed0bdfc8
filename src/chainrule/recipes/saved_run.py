"""What a run left, taken up again: its network, and the recipe it came from."""

from __future__ import annotations

import os

from chainrule import checks
from chainrule.data.opening import Folder, is_folder
from chainrule.nn import Network
from chainrule.recipes.folder import BEST, LAST, RECIPE, expect_files, read_recipe
from chainrule.recipes.recipe import Recipe


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
    if not is_folder("run", path, "the folder of a run, or a model file"):
        return load_model(path), None
    with Folder("run", path) as folder:
        name = BEST if weights == "best" else LAST
        expect_files(folder, name)
        network = load_model(folder.file(name))
        return network, read_recipe(folder) if folder.file(RECIPE).status() else None
