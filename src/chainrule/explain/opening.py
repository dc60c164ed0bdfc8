"""From what a command line names, a run, a recipe or a file of Python, to what can be explained and checked."""

from __future__ import annotations

import os

from chainrule.errors import InputError
from chainrule.explain.python_file import check_file
from chainrule.gradcheck import Report, check
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.recipes import load, load_run
from chainrule.recipes.build import build
from chainrule.recipes.samples import gather


def network_and_samples(where: str, name: str, weights: str = "best") -> tuple[Network, Array, Array]:
    """Return the network of a run or a recipe with the samples it is trained on.

    Parameters
    ----------
    where : str
        What is done with them, for errors.
    name : str
        The folder of a run, or a recipe: its name, or a TOML file. A recipe's network is untrained.
    weights : {"best", "last"}
        Which of a run's.

    Raises
    ------
    InputError
        If there is a network but no recipe that says what it was trained on.
    FileError
        If a file is missing or damaged.

    Examples
    --------
    >>> network, x, y = network_and_samples("explain", "xor")
    >>> network.parameters.size, x.shape
    (33, (4, 2))
    """
    if not name.endswith(".toml") and (os.path.exists(name) or os.path.dirname(name)):
        network, recipe = load_run(name, weights)
        if recipe is None:
            raise InputError(
                f"{where} {name!r}",
                given="a model file alone",
                expected="a run, whose recipe names the data",
                fix=f"Name the folder of a run, or call cr.{where}(cr.load(path), x, y) from Python",
            )
        x, y = gather(recipe).train
        return network, x, y
    recipe = load(name)
    samples = gather(recipe)
    return build(recipe, samples), *samples.train


def check_named(name: str) -> Report:
    """Return the gradient check of a run, a recipe, or, for a name that ends in ``.py``, a file of Python.

    Raises
    ------
    FileError
        If a file is missing or damaged, or can't be run.
    InputError
        If there is nothing in it to check.
    """
    return check_file(name) if name.endswith(".py") else check(*network_and_samples("check", name))
