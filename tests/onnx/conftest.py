"""The packages that judge ONNX files: without them tests are skipped, or fail with CHAINRULE_REFEREES=1."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import pytest


def needed(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        message = f"{name} is not installed: pip install 'chainrule[referee]'"
        if os.environ.get("CHAINRULE_REFEREES") == "1":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def onnx() -> ModuleType:
    return needed("onnx")


@pytest.fixture(scope="session")
def onnxruntime() -> ModuleType:
    return needed("onnxruntime")


@pytest.fixture(scope="session")
def onnxscript() -> ModuleType:
    """PyTorch's newer exporter writes with this."""
    return needed("onnxscript")


@pytest.fixture(scope="session")
def skl2onnx() -> ModuleType:
    return needed("skl2onnx")
