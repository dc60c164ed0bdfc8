"""What an ONNX file says: its input and outputs, its nodes in order, and its constants, each checked as it is taken.

Nothing but the file itself is opened, and the files beside it in which it says that its weights are. Whatever this
reader does not know is refused by name, never passed over.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.data.opening import file_size, open_file, read_exactly, shown
from chainrule.errors import FileError
from chainrule.files.atomic import Path
from chainrule.files.formats import LONGEST_START, expect_another
from chainrule.onnx.beside import WeightsBeside
from chainrule.onnx.protobuf import Message, decode, integers
from chainrule.ops import Array

LONGEST_FILE = 2**31 - 1  # protobuf's own limit
MOST_NODES = 10_000
OPSETS = range(9, 29)  # in these the operators that `layers` knows mean the same, but for what it looks at
VERSIONS = range(3, 15)

_MOST_AXES = 32
_MOST_NUMBERS = 100_000  # in what is stored as varints: shapes, indices, class labels
_LEAVE_OUT = "Leave that out where the model comes from, or build the network here and assign its weights"
_OPSET_18 = "Export the model again, with opset 18"

# TensorProto.DataType -> its name and, where constants of it are understood, the dtype.
FLOAT, INT64, TEXT = 1, 7, 8
_TYPES: dict[int, tuple[str, str]] = {
    1: ("float", "<f4"), 2: ("uint8", "u1"), 3: ("int8", "i1"), 4: ("uint16", ""), 5: ("int16", ""),
    6: ("int32", "<i4"), 7: ("int64", "<i8"), 8: ("string", ""), 9: ("bool", "?"), 10: ("float16", ""),
    11: ("double", "<f8"), 12: ("uint32", ""), 13: ("uint64", ""), 16: ("bfloat16", ""),
}  # fmt: skip


@dataclass(frozen=True)
class StoredTensor:
    """Numbers in the file, not decoded yet."""

    where: str
    message: Message
    kind: int
    shape: tuple[int, ...]

    def texts(self) -> tuple[str, ...]:
        """Return the elements as texts: the names of classes."""
        if self.kind != TEXT:
            return tuple(str(value) for value in self.array().reshape(-1).tolist())
        return tuple(text(self.where, part) for part in self.message["string_data"])

    def array(self) -> Array:
        """Return the elements as a read-only array."""
        name, code = _TYPES.get(self.kind, (f"number {self.kind}", ""))
        if not code:
            raise refusal(self.where, f"data of the type {name}", "float, double, int32, int64 or bool")
        dtype, count = np.dtype(code), math.prod(self.shape)
        fields = {
            "raw_data": dtype,
            **({"float_data": dtype} if name == "float" else {}),
            **({"double_data": dtype} if name == "double" else {}),
        }
        held = [key for key, value in self.message.items() if key.endswith("_data") and len(value)]
        if len(held) > 1 or (held and held[0] not in (*fields, "int32_data", "int64_data")):
            raise refusal(self.where, f"its numbers in {', '.join(sorted(held))}", "all in one field, that of its type")
        key = held[0] if held else "raw_data"
        if key in fields:
            chunks = self.message.get(key, b"")
            data = chunks if key == "raw_data" else b"".join(chunks)
            if len(data) != count * dtype.itemsize:
                raise refusal(
                    self.where, f"{len(data):,} bytes for shape {self.shape} of {name}", "as many as it needs"
                )
            return np.frombuffer(data, dtype).reshape(self.shape)
        numbers = integers(self.message[key], _MOST_NUMBERS)
        if (key == "int64_data") != (name == "int64") or name in ("float", "double"):
            raise refusal(self.where, f"{name} numbers in {key}", "them in the field of their type")
        if numbers is None or len(numbers) != count:
            raise refusal(self.where, f"other whole numbers than shape {self.shape} has", f"{count:,}, at most 100,000")
        limits = np.iinfo(dtype) if dtype.kind in "iu" else None
        if limits is None and set(numbers) - {0, 1}:
            raise refusal(self.where, "booleans that are neither 0 nor 1", "0 or 1")
        if limits is not None and any(not limits.min <= number <= limits.max for number in numbers):
            raise refusal(self.where, f"numbers beyond {name}", f"numbers that {name} can hold")
        return np.array(numbers, dtype).reshape(self.shape)


@dataclass(frozen=True)
class Step:
    """One node of the file's graph.

    Attributes
    ----------
    op : str
        The operator; with its domain before it, if that is not ONNX's own.
    inputs : tuple of str
        Names of values; empty ones are left out.
    attributes : dict
        Numbers, bytes, tuples of them, or a `StoredTensor`.
    """

    where: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class ValueInfo:
    """An input or output: its name, its type, and the shape of one sample as far as it is given (None if not)."""

    name: str
    type: str
    batch: int | None
    sample: tuple[int, ...] | None


@dataclass
class OnnxModel:
    """A file's graph."""

    where: str
    opset: int
    inputs: list[ValueInfo]
    outputs: list[ValueInfo]
    steps: list[Step]
    constants: dict[str, StoredTensor] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def input(self) -> ValueInfo:
        """The one that the layers take."""
        return self.inputs[0]


def read_model(path: Path, *, where: str) -> OnnxModel:
    """Return what an ONNX file says.

    Raises
    ------
    FileError
        If it is missing, no ONNX file, damaged, or says more than is understood.
    """
    with open_file(where, path) as file:
        where = f"{where} {shown(path)}"
        size = file_size(file)
        if not 0 < size <= LONGEST_FILE:
            raise refusal(where, f"{size:,} bytes", f"an ONNX file, of at most {LONGEST_FILE:,} bytes")
        expect_another(where, path, file.peek(LONGEST_START)[:LONGEST_START], "onnx", "an ONNX file")
        data = read_exactly(where, file, size)
    return _model(where, decode(where, data.data.toreadonly()), os.path.dirname(os.fspath(path)))


def refusal(where: str, given: str, expected: str, fix: str = _LEAVE_OUT) -> FileError:
    """Return the error that says what a file has and what is understood."""
    return FileError(where, given=given, expected=expected, fix=fix)


def text(where: str, data: bytes) -> str:
    """Return bytes as text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise refusal(where, f"the text {shown(data[:40])}", "UTF-8") from None


def _model(where: str, model: Message, folder: str) -> OnnxModel:
    version = model.get("ir_version", 0)
    if version not in VERSIONS:
        wanted = f"one from {VERSIONS[0]} to {VERSIONS[-1]}"
        raise refusal(where, f"ONNX IR version {version}", wanted, _OPSET_18)
    for key, meaning in (("functions", "functions of its own"), ("training_info", "a training graph")):
        if model[key]:
            raise refusal(where, meaning, "a graph of ONNX's own operators that predicts")
    opset = _opset(where, model["opset_import"])
    graph = model.get("graph")
    if graph is None:
        raise refusal(where, "no graph", "one")
    for key, meaning in (("sparse_initializer", "sparse weights"), ("quantization_annotation", "quantized weights")):
        if graph[key]:
            raise refusal(where, meaning, "dense floating-point weights")
    constants: dict[str, StoredTensor] = {}
    beside = WeightsBeside(where, folder)
    for tensor in graph["initializer"]:
        name = tensor.get("name", "")
        if not name or name in constants:
            raise refusal(where, f"the initializer {shown(name)} again", "each once, with a name")
        constants[name] = _constant(f"{where}: {shown(name)}", tensor, beside)
    beside.read()
    inputs = [_value(where, value) for value in graph["input"] if value.get("name") not in constants]
    outputs = [_value(where, value) for value in graph["output"]]
    names = [value.name for value in inputs]
    if not inputs or not outputs or len(set(names)) < len(names):
        raise refusal(
            where, f"the inputs {shown(names)} and {len(outputs)} outputs", "inputs with a name each, and an output"
        )
    steps = _steps(where, graph["node"], {*names, *constants})
    made = {*names, *constants, *(name for step in steps for name in step.outputs)}
    for value in outputs:
        if value.name not in made:
            raise refusal(where, f"the output {shown(value.name)}, which no node makes", "outputs that are computed")
    metadata = {entry.get("key", ""): entry.get("value", "") for entry in model["metadata_props"]}
    return OnnxModel(where, opset, inputs, outputs, steps, constants, metadata)


def _opset(where: str, entries: Sequence[Message]) -> int:
    versions: dict[str, int] = {}
    for entry in entries:
        domain = entry.get("domain", "")
        domain = "" if domain == "ai.onnx" else domain
        if versions.get(domain, entry.get("version", 0)) != entry.get("version", 0):
            raise refusal(where, f"two operator sets of the domain {shown(domain)}", "one version of each")
        versions[domain] = entry.get("version", 0)
    if versions.get("") not in OPSETS:
        raise refusal(where, f"opset {versions.get('', 'none')}", f"one from {OPSETS[0]} to {OPSETS[-1]}", _OPSET_18)
    return versions[""]


def _steps(where: str, nodes: Sequence[Message], known: set[str]) -> list[Step]:
    """Return the nodes, refused unless each comes after what it reads, and makes values of its own."""
    if len(nodes) > MOST_NODES:
        raise refusal(where, f"{len(nodes):,} nodes", f"at most {MOST_NODES:,}")
    steps, made = [], set(known)
    for i, node in enumerate(nodes):
        domain, op = node.get("domain", ""), node.get("op_type", "")
        op = op if domain in ("", "ai.onnx") else f"{domain}.{op}"
        place = f"{where}: {shown(node.get('name') or i)} ({shown(op)[1:-1]})"
        for name in node["input"]:
            if name and name not in made:
                raise refusal(place, f"the value {shown(name)} before it is made", "nodes in order, not in a circle")
        for name in filter(None, node["output"]):
            if name in made:
                raise refusal(place, f"a second value {shown(name)}", "a name of its own for each")
            made.add(name)
        attributes: dict[str, Any] = {}
        for attribute in node["attribute"]:
            name = attribute.get("name", "")
            if name in attributes:
                raise refusal(place, f"the attribute {shown(name)} twice", "each once")
            attributes[name] = _attribute(f"{place}: attribute {shown(name)}", attribute)
        steps.append(Step(place, op, tuple(node["input"]), tuple(node["output"]), attributes))
    return steps


def _attribute(where: str, message: Message) -> Any:
    kind = message.get("type", 0)
    if kind == 1:
        return _shortest(np.frombuffer(message.get("f", bytes(4)), "<f4"))[0]
    if kind == 2:
        return message.get("i", 0)
    if kind == 3:
        return message.get("s", b"")
    if kind == 4 and "t" in message:
        return _constant(where, message["t"])
    if kind == 6:
        data = b"".join(message["floats"])
        if len(data) % 4 == 0:
            return _shortest(np.frombuffer(data, "<f4"))
    if kind == 7:
        numbers = integers(message["ints"], _MOST_NUMBERS)
        if numbers is not None:
            return tuple(numbers)
    if kind == 8:
        return tuple(message["strings"])
    raise refusal(where, f"a value of type {kind}", "a number, a text, a tensor, or lists of numbers or texts")


def _shortest(array: npt.NDArray[np.float32]) -> tuple[float, ...]:
    """Return numbers as they were written down, 0.01, rather than as float32 holds them, 0.00999999977."""
    return tuple(float(str(value)) for value in array)


def _constant(where: str, message: Message, beside: WeightsBeside | None = None) -> StoredTensor:
    if "segment" in message:
        raise refusal(where, "a piece of a tensor", "all of it")
    shape = integers(message["dims"], _MOST_AXES)
    if shape is None or any(not 0 <= size < 2**31 for size in shape) or math.prod(size or 1 for size in shape) > 2**40:
        raise refusal(
            where, f"shape {shown(shape)}", f"at most {_MOST_AXES} lengths from 0, of a tensor that fits in a file"
        )
    tensor = StoredTensor(where, message, message.get("data_type", 0), tuple(shape))
    if message.get("data_location", 0) != 0 or message["external_data"]:
        if beside is None:
            raise refusal(where, "data in another file", "the constant of a node in the ONNX file itself")
        code = _TYPES.get(tensor.kind, ("", ""))[1]
        beside.add(where, message, math.prod(shape) * np.dtype(code).itemsize if code else None)
    return tensor


def _value(where: str, message: Message) -> ValueInfo:
    name, kind = message.get("name", ""), message.get("type", {})
    tensor = kind.get("tensor_type")
    if tensor is None:
        return ValueInfo(name, "no tensor", None, None)
    type_name = _TYPES.get(tensor.get("elem_type", 0), ("unknown", ""))[0]
    if "shape" not in tensor or not tensor["shape"]["dim"]:
        return ValueInfo(name, type_name, None, None)
    sizes = [dimension.get("dim_value") for dimension in tensor["shape"]["dim"]]
    if any(size is not None and not 0 <= size < 2**31 for size in sizes):
        raise refusal(f"{where}: {shown(name)}", f"shape {shown(sizes)}", "lengths from 0 to 2147483647")
    known = tuple(size for size in sizes[1:] if size)
    return ValueInfo(name, type_name, sizes[0] or None, known if len(known) == len(sizes) - 1 else None)
