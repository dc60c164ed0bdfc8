"""Compiled functions on disk: source in a real file named by its hash, machine code beside it.

Compiling takes seconds, loading a fraction of one. The machine code is numba's own cache, which knows the processor
and the version it was made for; here its files are checked against the sums noted when they were made, so that a
damaged one is compiled anew, never run. If there is no place to write, a function is compiled for this process only.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import secrets
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chainrule.caches import user_cache
from chainrule.errors import MissingExtraError, installing

Function = Callable[..., Any]
_FOLDER = "CHAINRULE_CACHE"  # the environment variable that names another folder


def load(source: str, call_once: Callable[[Function], object]) -> Function:
    """Return the function ``run`` that some source defines, compiled.

    Parameters
    ----------
    source : str
        A module's text, which must say ``@njit(cache=True, …)`` once.
    call_once : callable
        Called with the function, to call it with arguments of the types it will get: that compiles it.

    Raises
    ------
    MissingExtraError
        If numba is not installed.
    """
    _expect_numba()
    name = "step_" + hashlib.sha256(source.encode()).hexdigest()[:24]
    with contextlib.suppress(OSError):
        folder = _own_folder()
        path = folder / f"{name}.py"
        _write_if_other(path, source.encode())
        _drop_damaged(path)
        function: Function = _imported(f"chainrule_{name}", path).run
        call_once(function)
        _write_if_other(_sums_path(path), _sums(path).encode())
        return function
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(source.replace("cache=True, ", ""), f"<{name}>", "exec"), namespace)
    function = namespace["run"]
    call_once(function)
    return function


def folder() -> Path:
    """Return where compiled steps are kept: ``$CHAINRULE_CACHE``, or ``compiled`` in the user's cache."""
    named = os.environ.get(_FOLDER)
    if named:
        return Path(named)
    return Path(user_cache(), "compiled")


def _own_folder() -> Path:
    """Return the folder, made if need be; OSError if others could put code into it."""
    path = folder()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        status = path.stat()
        if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(f"{path} can be written by others")
    return path


def _expect_numba() -> None:
    for package in ("numba", "scipy"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(
                "compiled replay",
                given=f"no {package}",
                expected="numba with SciPy, which compile and multiply",
                fix=f"Run: {installing('fast')}",
            )


def _imported(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # numba looks it up by name when it loads machine code
    spec.loader.exec_module(module)
    return module


def _write_if_other(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, unless it is there already."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _machine_code(path: Path) -> list[Path]:
    return sorted((path.parent / "__pycache__").glob(f"{path.stem}.*.nb[ic]"))


def _sums(path: Path) -> str:
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in _machine_code(path))
    return "".join(lines)


def _sums_path(path: Path) -> Path:
    return path.with_suffix(".sums")


def _drop_damaged(path: Path) -> None:
    """Remove machine code that is not as it was noted."""
    try:
        noted = _sums_path(path).read_text("utf-8", "replace")
    except OSError:
        noted = ""
    if noted != _sums(path):
        for file in _machine_code(path):
            file.unlink(missing_ok=True)
