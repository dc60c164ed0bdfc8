"""Rooms whose extra is not installed are left out of the examples that run as tests."""

from tests.referees import absent

collect_ignore = [f"src/chainrule/{room}" for room in ("sklearn", "onnx") if absent(room)]
