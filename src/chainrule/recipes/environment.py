"""What a run ran on: versions, the library that multiplies matrices and its threads; and the choice of their number.

The same seed gives the same bytes only with the same versions and the same number of threads, so both are written
down. Nothing here names a user, a machine or a path.
"""

from __future__ import annotations

import os
import platform
from itertools import zip_longest
from typing import Annotated, Any, TypeAlias, cast

import msgspec
import numpy as np

from chainrule._version import __version__
from chainrule.data.opening import Folder
from chainrule.errors import FileError
from chainrule.nn import Network
from chainrule.recipes.folder import ENVIRONMENT, read_json
from chainrule.threads import suitable

Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=200)]


def chosen_threads(network: Network, batch_size: int, asked: int = 0) -> int:
    """Return how many threads a training multiplies matrices with.

    Parameters
    ----------
    network : Network
    batch_size : int
        Samples a step.
    asked : int, default 0
        The number that the user asked for; 0 leaves the choice to the work of a step: one thread below
        `threads.LEAST_WORK` multiplications, else as many as there are cores, at most four.

    Examples
    --------
    >>> import chainrule as cr
    >>> chosen_threads(cr.Network([cr.Dense(8, inputs=2)]), 4)
    1
    """
    return asked or suitable(3 * network.parameters.size * batch_size)


def environment(*, compiled: bool = False) -> dict[str, Any]:
    """Return versions, platform, and the BLAS libraries with their current number of threads.

    Parameters
    ----------
    compiled : bool, default False
        Whether the version of what compiles belongs to it; None where that is not installed.

    Examples
    --------
    >>> sorted(environment())
    ['blas', 'chainrule', 'cores', 'machine', 'numpy', 'python', 'system']
    """
    from threadpoolctl import threadpool_info

    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    # NumPy's own, where it brings one: SciPy's would come and go with what else the process has imported.
    own = [library for library in libraries if "numpy" in library["filepath"]]
    blas = [
        {
            "name": library["internal_api"],
            "version": library["version"],
            "architecture": library.get("architecture"),
            "threads": library["num_threads"],
        }
        for library in own or libraries
    ]
    return {
        "chainrule": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        **({"numba": _version("numba")} if compiled else {}),
        "blas": blas,
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }


def read_environment(folder: Folder) -> dict[str, Any]:
    """Return what the folder of a run says of versions and libraries; nothing where it can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from chainrule.recipes import run
    >>> read_environment(Folder("run", run("xor", out=tempfile.mkdtemp()).run))["numpy"] == np.__version__
    True
    """
    try:
        found = read_json(folder.file(ENVIRONMENT), _Environment)
    except FileError:
        return {}
    return cast(dict[str, Any], msgspec.to_builtins(found))


class _Library(msgspec.Struct, frozen=True):
    """A BLAS library as a run's folder names it."""

    name: Text
    version: Text | None
    architecture: Text | None
    threads: int


class _Environment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run's folder says of its environment: these names alone, none of them long."""

    chainrule: Text
    python: Text
    numpy: Text
    numba: Text | msgspec.UnsetType | None = msgspec.UNSET
    blas: Annotated[list[_Library], msgspec.Meta(max_length=20)] = []
    system: Text = ""
    machine: Text = ""
    cores: int | None = None


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return in words what of two environments differs that may change the bytes of results.

    Examples
    --------
    >>> differences({**environment(), "numpy": "2.0.0"}, {**environment(), "numpy": "2.1.0"})
    ['numpy was 2.0.0, now 2.1.0']
    """
    found = [
        f"{name} was {then.get(name) or 'not there'}, now {now.get(name) or 'not there'}"
        for name in ("chainrule", "numpy", "numba", "machine")
        if then.get(name) != now.get(name) and (name != "numba" or {name} <= then.keys() & now.keys())
    ]
    for was, here in zip_longest(_blas(then), _blas(now)):
        if was != here:
            found.append(f"BLAS was {was or 'another'}, now {here or 'another'}")
    return found


def _version(package: str) -> str | None:
    """Return the version of a package, None where it is not installed."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _blas(description: dict[str, Any]) -> list[str]:
    libraries = description.get("blas")
    names = ("name", "version", "architecture", "threads")
    return [
        "{} {} ({}, threads: {})".format(*(library.get(name) for name in names))
        for library in (libraries if isinstance(libraries, list) else [])
        if isinstance(library, dict)
    ]
