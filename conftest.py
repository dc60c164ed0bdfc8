"""Rooms whose extra is not installed are left out of the examples that run as tests."""

from importlib.util import find_spec

_NEEDS = {"sklearn": "sklearn", "onnx": "onnx"}

collect_ignore = [f"src/chainrule/{room}" for room, package in _NEEDS.items() if find_spec(package) is None]
