"""The packages and programs that judge ours: PyTorch, scikit-learn, ONNX Runtime, a browser, checkers of types.

Where one is missing, its tests skip; with CHAINRULE_REFEREES=1, as in `.ci/run`, they fail. Every test that may lack
something asks here.
"""

from __future__ import annotations

import importlib.util
import os
from types import ModuleType
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("CHAINRULE_REFEREES") == "1"


def missing(what: str, fix: str) -> NoReturn:
    """Skip this test, or this file, for want of `what`; fail it where every referee must be there."""
    message = f"{what} is not installed: {fix}"
    if REQUIRED:
        pytest.fail(message, pytrace=False)
    pytest.skip(message, allow_module_level=True)


def needed(name: str, extra: str = "referee") -> ModuleType:
    """Import a package that a test can't do without; `extra` is the one of ours that brings it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        missing(name.split(".")[0], f"pip install 'chainrule[{extra}]'")


def absent(*names: str) -> list[str]:
    """Return which of the packages are not installed, for files that would fail while they are collected."""
    found = [name for name in names if importlib.util.find_spec(name) is None]
    if found and REQUIRED:
        raise pytest.UsageError(f"{', '.join(found)} not installed: pip install 'chainrule[referee]'")
    return found
