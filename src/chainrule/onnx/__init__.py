"""Networks in ONNX files: out to whatever runs them, and in from PyTorch and scikit-learn.

`save` writes the graph that predicts, op by op, with the `onnx` package. `load` turns a file into layers again,
which can be trained, saved and explained; it reads the bytes itself, without trust, and needs no other package.
"""

from __future__ import annotations

from chainrule.onnx.exporting import save
from chainrule.onnx.importing import load

__all__ = ["load", "save"]
