"""The packages that judge ONNX files."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.referees import needed


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
