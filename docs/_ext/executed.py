"""Executed pages: their results are kept between builds, but never beyond a change of the library they show.

The cache of executed pages knows a page's code only. Here its folder is named after chainrule's source and the versions
of what draws and computes, so a change of either executes every page again.
"""

from __future__ import annotations

import hashlib
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jupyter_cache.executors.utils as running
from jupyter_cache import get_cache
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import chainrule

_SOURCE = Path(chainrule.__file__).parent
_SHARES = 8
_MATTERS = {".css", ".py", ".toml", ".txt"}

_execute = running.executenb


def _executed(*args: Any, **kwargs: Any) -> Any:
    """Execute a page; once more where its kernel didn't start: two that start at a time may draw the same free port."""
    try:
        return _execute(*args, **kwargs)
    except RuntimeError as problem:
        if "Kernel died before replying" not in str(problem):
            raise
        return _execute(*args, **kwargs)


running.executenb = _executed


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the cache, and have every page read again where the name is new."""
    digest = source_digest()
    folder = Path(app.outdir).parent / ".executed"
    for old in folder.glob("*") if folder.is_dir() else ():
        if old.name != digest:
            shutil.rmtree(old, ignore_errors=True)
    app.config["nb_execution_cache_path"] = str(folder / digest)
    (folder / digest).mkdir(parents=True, exist_ok=True)
    get_cache(folder / digest).list_cache_records()  # makes its tables, before processes that read pages both do
    app.add_config_value("chainrule_source", digest, "env", frozenset({str}))
    app.connect("env-before-read-docs", _deal)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _deal(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Spread pages that are executed over the processes that read: by name they are neighbours.

    Hebrew pages come last, when the English ones, whose cells they share, have been executed.
    """
    first = [name for name in docnames if not name.startswith("he/")]
    dealt = [name for start in range(_SHARES) for name in first[start::_SHARES]]
    docnames[:] = dealt + [name for name in docnames if name.startswith("he/")]


def source_digest() -> str:
    """Return a name for chainrule's source together with what it computes and draws with."""
    told = hashlib.sha256()
    for path in sorted(path for path in _SOURCE.rglob("*") if path.suffix in _MATTERS):
        told.update(str(path.relative_to(_SOURCE)).encode())
        told.update(path.read_bytes())
    for package in ("numpy", "matplotlib"):
        told.update(version(package).encode())
    return told.hexdigest()[:16]
