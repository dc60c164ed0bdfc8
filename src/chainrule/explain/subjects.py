"""What a command line names, a run, a recipe or a file of Python, as networks and samples to be explained and checked.

A file of Python is run as ``python FILE.py`` would run it, except that it is not ``__main__``: every op, loss, layer,
network and graph that its names lead to is checked.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data.opening import absolute
from chainrule.errors import ChainruleError, DerivativeError, FileError, InputError
from chainrule.gradcheck import Finding, Report, check
from chainrule.graph import Graph, Node
from chainrule.graph.flatten import in_order
from chainrule.nn import Layer, Network
from chainrule.ops.op import Array, Op
from chainrule.recipes import load, load_run
from chainrule.recipes.moved_data import samples_of_run
from chainrule.recipes.parent import prepared


def network_and_samples(
    where: str, name: str, weights: str | None = None, say: Callable[[str], object] | None = None
) -> tuple[Network, Array, Array]:
    """Return the network of a run or a recipe with the samples it is trained on.

    Parameters
    ----------
    where : str
        What is done with them, for errors.
    name : str
        The folder of a run, or a recipe: its name, or a TOML file. A recipe's network is as its training begins.
    weights : {"best", "last"}, optional
        Which of a run's; those that it keeps where left out: the best if it validates, else the last.
    say : function of str
        Is told of data that were found elsewhere than they were.

    Raises
    ------
    InputError
        If there is a network but no recipe that says what it was trained on; if `weights` are asked of a recipe.
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
        _, samples, notes = samples_of_run(recipe, name, network)
        for note in notes:
            if say is not None:
                say(note)
        return network, *samples.train
    network, samples, _ = prepared(load(name))
    if weights is not None:
        raise InputError(
            f"{where} {name!r}",
            given=f"weights={weights!r} of a recipe",
            expected="a run, which keeps weights: a recipe's network is as its training begins",
            fix="Leave weights out, or name the folder of a run",
        )
    return network, *samples.train


def check_named(name: str, say: Callable[[str], object] | None = None) -> Report:
    """Return the gradient check of a run, a recipe, or, for a name that ends in ``.py``, a file of Python.

    Raises
    ------
    FileError
        If a file is missing or damaged, or can't be run.
    InputError
        If there is nothing in it to check.
    """
    return check_file(name) if name.endswith(".py") else check(*network_and_samples("check", name, say=say))


_MODULE = "checked"  # what `__name__` is in a file that is run here
_SAMPLES = (5, 3)  # made up for a layer, where the file has no X


def check_file(path: str) -> Report:
    """Return the gradient check of everything in a file of Python that has derivatives.

    Op and layer classes that the file defines, if they can be made without arguments; ops and layers it gives a name;
    networks, on ``X`` and ``y`` of the same file; graphs, and nodes that no other node of the file is built on.

    Raises
    ------
    FileError
        If the file can't be run.
    InputError
        If there is nothing in it to check.
    """
    try:
        found = _run(path)
    except DerivativeError as error:
        return Report((Finding(os.path.basename(path), "all", np.inf, passed=False, problem=str(error)),))
    samples, targets = _data(found, "X", "x"), _data(found, "y", "Y")
    findings: list[Finding] = []
    skipped: list[str] = []
    for name, subject in _subjects(found):
        try:
            made = subject() if isinstance(subject, type) else subject
            data: tuple[Any, ...] = ()
            if isinstance(made, Network):
                data = (samples, targets)
            elif isinstance(made, Layer):
                data = (np.random.default_rng(0).standard_normal(_SAMPLES) if samples is None else samples,)
            of_it = check(made, *data).findings
            of_class = isinstance(made, Op) and made is not subject  # its findings have its name already
            findings += of_it if of_class else [replace(f, where=f"{name}: {f.where}") for f in of_it]
        except DerivativeError as error:
            findings.append(Finding(name, "all", np.inf, passed=False, problem=str(error)))
        except ChainruleError as error:
            skipped.append(f"{name}: {error}")
        except Exception as error:  # it is the user's own code that ran
            skipped.append(f"{name}: {type(error).__name__}: {error}")
    if not findings:
        nothing = f"nothing that could be checked ({skipped[0]})" if skipped else "no op, layer, network or graph in it"
        raise InputError(
            f"check {path!r}",
            given=nothing,
            expected="at least one class derived from cr.Op or cr.Layer, a cr.Network beside X and y, or a loss",
            fix="Give what is to be checked a name in the file; a class that needs arguments, an object of it",
        )
    return Report(tuple(findings), tuple(skipped))


def _run(path: str) -> dict[str, Any]:
    """Run a file and return its names. What it prints goes to stderr."""
    if not os.path.isfile(path):
        raise FileError(
            f"check {path!r}", given="nothing there", expected="a file of Python", fix="Check the path and its spelling"
        )
    folder = os.path.dirname(absolute("check", path))
    sys.path.insert(0, folder)  # as `python FILE.py` has it, for what lies beside the file
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return runpy.run_path(path, run_name=_MODULE)
    except DerivativeError:
        raise
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        raise FileError(
            f"check {path!r}",
            given=f"{type(error).__name__}: {error}" + (f", line {lines[-1]}" if lines else ""),
            expected="a file of Python that runs to its end",
            fix=f"Try it by itself: python {shlex.quote(path)}",
        ) from error
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _data(found: dict[str, Any], *names: str) -> Any:
    """Return the data of the first of these names; in a graph built by hand, x may be a node."""
    return next((found[name] for name in names if name in found and not isinstance(found[name], Node)), None)


def _subjects(found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield name and thing of what is to be checked, each once, in the order of the file."""
    values = {name: value for name, value in found.items() if not name.startswith("__")}
    nodes = [value for value in values.values() if isinstance(value, Node)]
    below = {id(node) for root in nodes for node in in_order([root]) if node is not root}
    instances = {type(value) for value in values.values()}
    seen: set[int] = set()
    for name, value in values.items():
        wanted = isinstance(value, (Op, Graph)) or (isinstance(value, Layer) and value._owner is None)
        if isinstance(value, type) and issubclass(value, (Op, Layer)):
            wanted = value.__module__ == _MODULE and value not in instances
        elif isinstance(value, Node):
            wanted = value.op is not None and id(value) not in below
        if wanted and id(value) not in seen:
            seen.add(id(value))
            yield name, value
