"""From what a command line names, a run, a recipe or a file of Python, to what can be explained and checked."""

from __future__ import annotations

import os
import runpy
from typing import Any

from chainrule.errors import FileError, InputError
from chainrule.explain.checking import Report, check
from chainrule.graph import Graph
from chainrule.nn import Network
from chainrule.ops.op import Array, Op
from chainrule.recipes import load, load_run
from chainrule.recipes.build import build
from chainrule.recipes.samples import gather

_FILE = "checked"  # the name under which a file of Python runs


def network_and_samples(name: str, weights: str = "best") -> tuple[Network, Array, Array]:
    """Return the network of a run or a recipe with the samples it is trained on.

    Parameters
    ----------
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
    >>> network, x, y = network_and_samples("xor")
    >>> network.parameters.size, x.shape
    (33, (4, 2))
    """
    if os.path.isdir(name) or (os.path.isfile(name) and not name.endswith(".toml")):
        network, recipe = load_run(name, weights)
        if recipe is None:
            raise InputError(
                f"explain {name!r}",
                given="a model file alone",
                expected="a run, whose recipe names the data",
                fix="Name the folder of a run, or call cr.explain(cr.load(path), x, y) from Python",
            )
        x, y = gather(recipe).train
        return network, x, y
    recipe = load(name)
    samples = gather(recipe)
    return build(recipe, samples), *samples.train


def check_named(name: str) -> Report:
    """Return the gradient check of a run, a recipe, or every op and network in a file of Python.

    Of a file, each op class that can be made without arguments is checked; so are networks, on ``X`` and ``y`` of the
    same file, and graphs and their losses. The file is run to find them.

    Raises
    ------
    FileError
        If the file can't be run.
    InputError
        If there is nothing in it to check.
    """
    if not name.endswith(".py"):
        return check(*network_and_samples(name))
    try:
        found = runpy.run_path(name, run_name=_FILE)
    except Exception as error:
        raise FileError(
            f"check {name!r}",
            given=f"{type(error).__name__}: {error}",
            expected="a file of Python that runs",
            fix=f"Try it by itself: python {name}",
        ) from error
    data = [next((found[key] for key in keys if key in found), None) for keys in (("X", "x"), ("y", "Y"))]
    findings: list[Any] = []
    for value in found.values():
        if isinstance(value, type) and issubclass(value, Op) and value.__module__ == _FILE:
            findings += check(value()).findings
        elif isinstance(value, Network):
            findings += check(value, *data).findings
        elif isinstance(value, Graph):
            findings += check(value).findings
    if not findings:
        raise InputError(
            f"check {name!r}",
            given="no op, network or graph in it",
            expected="at least one class derived from cr.Op, a cr.Network beside X and y, or a cr.Graph",
            fix="Give what is to be checked a name in the file",
        )
    return Report(tuple(findings))
