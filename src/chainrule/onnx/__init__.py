"""Networks in ONNX files: out to whatever runs them, and in from PyTorch and scikit-learn.

`save` writes the graph that predicts, op by op, with the `onnx` package, and pipelines of scikit-learn's with skl2onnx.
`load` turns a file into layers again, which can be trained, saved and explained; it reads the bytes itself, without
trust, and needs no other package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.onnx.importing import load
from chainrule.onnx.saving import save
from chainrule.words import names_of_room

if not TYPE_CHECKING:  # a checker that saw this would take any name for one of the room's
    __getattr__ = names_of_room(__name__)


__all__ = ["load", "save"]
