"""From a network to an ONNX file: the graph that predicts, node by node, its scaling and the classes' names with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import checks
from chainrule._version import __version__
from chainrule.errors import InputError, MissingExtraError, printable
from chainrule.files.atomic import Path, write_atomically
from chainrule.nn import Network
from chainrule.onnx.operators import write
from chainrule.ops import Array

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR_VERSION = 18, 8
_LONGEST_FILE = 2**31 - 1  # protobuf's own limit
_ROOM = 1 << 20  # of it, for everything but the numbers


@checks.keywords
def export(network: Network, path: Path) -> None:
    """Write a network as an ONNX file, in opset 18: what it predicts, for batches of any size.

    Scaling is part of the graph; dropout is left out, since it does nothing in prediction. The input is called
    ``input`` and the output ``output``; the names of the classes, if the network knows them, are in the file's
    metadata as ``classes``, a list in JSON. The same network gives the same bytes.

    Parameters
    ----------
    network : Network
    path : path
        Usually ``"name.onnx"``.

    Raises
    ------
    MissingExtraError
        If the package onnx is not installed.
    InputError
        If an op has no form in ONNX: a function of your own in `Activation`.
    MisuseError
        If the network is not built.
    FileError
        If the file can't be written. What was there before is untouched.

    Notes
    -----
    A runtime need not have every operator in float64: onnxruntime, for one, has no Erf there, and so no exact GELU.
    """
    where = "onnx.export"
    checks.instance(where, network, Network, "a cr.Network")
    try:
        import onnx
    except ImportError as problem:
        raise MissingExtraError(
            where,
            given="no package onnx" if isinstance(problem, ModuleNotFoundError) else f"a broken onnx ({problem})",
            expected="it to write the file with",
            fix='Run: pip install "chainrule[onnx]"',
        ) from problem
    model = _model(onnx, network)
    write_atomically(path, model.SerializeToString(deterministic=True), where=where)


def _model(onnx: Any, network: Network) -> ModelProto:
    graph = network.graph("prediction")
    writer = _Writer(onnx, str(network.dtype))
    written: dict[int, str] = {}
    for node in graph.nodes:
        if node.op is not None:
            writer.label = node.name
            written[id(node)] = write(writer, node, [written[id(child)] for child in node.children.values()])
        elif any(node is leaf for leaf in graph.inputs.values()):
            written[id(node)] = "input"
        else:
            written[id(node)] = writer.constant(node.name, node.value)
    writer.label = "output"
    writer.steps.append(onnx.helper.make_node("Identity", [written[id(graph.root)]], ["output"], name="output"))
    kind, taken = (
        onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        for dtype in (network.dtype, network.input_dtype(network.dtype))
    )
    model: ModelProto = onnx.helper.make_model(
        onnx.helper.make_graph(
            writer.steps,
            printable(network.name or "network"),
            [onnx.helper.make_tensor_value_info("input", taken, ["samples", *(network.sample_shape or ())])],
            [onnx.helper.make_tensor_value_info("output", kind, ["samples", *graph.root.shape[1:]])],
            writer.constants,
        ),
        ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        producer_name="chainrule",
        producer_version=__version__,
    )
    if network.classes is not None:
        onnx.helper.set_model_props(model, {"classes": _listed(network.classes)})
    return model


def _listed(classes: Sequence[str]) -> str:
    """Return the names of classes as JSON that every reader takes, our own too."""
    for name in classes:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise InputError(
                "onnx.export",
                given=f"the class {name!r}"[:80],
                expected="characters of Unicode",
                fix="Build the network with other names in classes",
            )
    return json.dumps(list(classes))


class _Writer:
    """Nodes and constants, each with a name of its own."""

    def __init__(self, onnx: Any, dtype: str) -> None:
        self.onnx, self.dtype = onnx, np.dtype(dtype)
        self.label = ""
        self.steps: list[Any] = []
        self.constants: list[Any] = []
        self._names = {"input", "output"}
        self._shared: dict[tuple[object, ...], str] = {}
        self._room = _LONGEST_FILE - _ROOM

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        result = self._unique(self.label)
        self.steps.append(self.onnx.helper.make_node(op, list(inputs), [result], name=result, **attributes))
        return result

    def number(self, value: float) -> str:
        return self._once(np.asarray(value, self.dtype))

    def integers(self, *values: int) -> str:
        return self._once(np.array(values, np.int64))

    def constant(self, name: str, array: Array) -> str:
        """Write an array and return its name."""
        self._room -= array.nbytes
        if self._room < 0:
            raise InputError(
                "onnx.export",
                given=f"more than {_LONGEST_FILE:,} bytes of numbers",
                expected="a network that fits into one ONNX file",
                fix="Use float32, or make the network smaller",
            )
        name = self._unique(name or "constant")
        self.constants.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        return name

    def _once(self, array: Array) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._shared:
            self._shared[key] = self.constant("constant", array)
        return self._shared[key]

    def _unique(self, name: str) -> str:
        """Return a name in the file that is like this one: printable, and nobody else's."""
        name = printable(name)
        names = (name if i == 1 else f"{name}_{i}" for i in range(1, len(self._names) + 2))
        unique = next(free for free in names if free not in self._names)
        self._names.add(unique)
        return unique
