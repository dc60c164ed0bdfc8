"""A network as an ONNX file: each op as a node or a few, in opset 18, from the graph of its prediction."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import ops
from chainrule._version import __version__
from chainrule.errors import InputError, MissingExtraError, installing, nearest, printable
from chainrule.graph import Graph, Node
from chainrule.graph.calls import is_own
from chainrule.nn import Heads, Network
from chainrule.onnx.table_inputs import ML_OPSET, TABLE_SETTINGS, columns_of, expect_unicode, input_names, write_columns
from chainrule.ops import Array, Op, all_ops
from chainrule.ops.activations import SELU_ALPHA, SELU_SCALE
from chainrule.ops.shaping import Cast
from chainrule.replay.recording import Operand, Recorded, Tape, was_refused

if TYPE_CHECKING:
    from onnx import ModelProto


OPSET, IR_VERSION = 18, 8
_LONGEST_FILE = 2**31 - 1  # protobuf's own limit
_ROOM = 1 << 20  # of it, for everything but the numbers


def package(name: str) -> Any:
    """Return a package that files are written with."""
    try:
        return __import__(name)
    except ImportError as problem:
        raise MissingExtraError(
            "onnx.save",
            given=f"no package {name}" if isinstance(problem, ModuleNotFoundError) else f"a broken {name} ({problem})",
            expected="it to write the file with",
            fix=f"Run: {installing('onnx')}" if name == "onnx" else f"Run: pip install {name}",
        ) from problem


def model_of(onnx: Any, network: Network, *, takes_features: bool = False) -> ModelProto:
    """Return a network as ONNX, with what prepares a table for it unless the file is to take features."""
    kind, dtype = onnx.helper.np_dtype_to_tensor_dtype, network.input_dtype(network.dtype)
    columns = [] if takes_features else columns_of(network)
    outputs = _outputs(network, network.graph("prediction").root, input_names(columns))
    writer = GraphWriter(onnx, str(network.dtype), [*outputs, *input_names(columns)])
    if columns:
        inputs, samples = write_columns(writer, columns, dtype)
    else:
        shape = ["samples", *(network.sample_shape or ())]
        inputs, samples = [onnx.helper.make_tensor_value_info("input", kind(np.dtype(dtype)), shape)], "input"
    results = write_nodes(writer, network, list(outputs.values()), samples)
    for name, result in zip(outputs, results, strict=True):
        writer.steps.append(onnx.helper.make_node("Identity", [result], [name], name=name))
    sets = {step.domain: ML_OPSET if step.domain else OPSET for step in writer.steps}
    model: ModelProto = onnx.helper.make_model(
        onnx.helper.make_graph(
            writer.steps,
            printable(network.name or "network"),
            inputs,
            [
                onnx.helper.make_tensor_value_info(name, kind(output.dtype), ["samples", *output.shape[1:]])
                for name, output in outputs.items()
            ],
            writer.constants,
        ),
        ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid(domain, version) for domain, version in sorted(sets.items())],
        producer_name="chainrule",
        producer_version=__version__,
    )
    metadata = _metadata(network, takes_features)
    if metadata:
        onnx.helper.set_model_props(model, metadata)
    return model


def write_nodes(writer: GraphWriter, network: Network, ends: Sequence[Node], called: str = "input") -> list[str]:
    """Write the nodes that lead from a network's samples, which are called so, to these; return their names."""
    samples = network.graph("prediction").inputs.values()
    written: dict[int, str] = {}
    for node in Graph(*ends).nodes:  # without what puts heads side by side
        if node.op is not None:
            writer.label = node.name
            written[id(node)] = write(writer, node, [written[id(child)] for child in node.children.values()])
        elif any(node is leaf for leaf in samples):
            written[id(node)] = called
        else:
            written[id(node)] = writer.constant(node.name, node.value)
    return [written[id(node)] for node in ends]


def _outputs(network: Network, root: Node, taken: Sequence[str]) -> dict[str, Node]:
    """Return the nodes that are outputs of the file, by a name that no input has."""
    last, names = network.layers[-1], [head.name for head in network.heads]
    if not isinstance(last, Heads):
        free = ("output" if i == 1 else f"output_{i}" for i in range(1, len(taken) + 2))
        return {next(name for name in free if name not in taken): root}
    for name in names:
        if name in ("input", *taken) or printable(name) != name:
            raise InputError(
                "onnx.save",
                given=f"a head called {name!r:.80}",
                expected="a name that no other array of the file has",
                fix="Give the head another name",
            )
    return dict(zip(names, last.outputs(root), strict=True))


def _metadata(network: Network, takes_features: bool) -> dict[str, str]:
    """Return what is known of classes, columns and the table by name, as JSON that every reader takes."""
    classes = network.classes
    preparation: Any = network.preparation
    told: dict[str, Any] = {}
    if classes is not None:
        told["classes"] = dict(classes) if isinstance(classes, Mapping) else list(classes)
    if preparation is None:
        columns = network.columns
    elif takes_features:
        columns = preparation.feature_names
    else:
        columns = preparation.names if input_names(preparation.columns) == ["input"] else None
        told["table"] = {name: preparation.settings()[name] for name in TABLE_SETTINGS}
    if columns is not None:
        told["columns"] = list(columns)
    for what, value in told.items():
        expect_unicode(what, value)
    return {what: json.dumps(value) for what, value in told.items()}


class GraphWriter:
    """Nodes and constants, each with a name of its own."""

    def __init__(self, onnx: Any, dtype: str, outputs: Iterable[str]) -> None:
        self.onnx, self.dtype = onnx, np.dtype(dtype)
        self.label = ""
        self.steps: list[Any] = []
        self.constants: list[Any] = []
        self._names = {"input", *outputs}
        self._shared: dict[tuple[object, ...], str] = {}
        self._room = _LONGEST_FILE - _ROOM

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Write a node and return the name of its result."""
        result = self._unique(self.label)
        self.steps.append(self.onnx.helper.make_node(op, list(inputs), [result], name=result, **attributes))
        return result

    def number(self, value: float) -> str:
        """Return the name of a number, in the network's dtype."""
        return self._once(np.asarray(value, self.dtype))

    def row(self, values: float | tuple[float, ...], dtype: Any) -> str:
        """Return the name of a number, or a row of them, in this dtype."""
        return self._once(np.asarray(values, dtype))

    def integers(self, *values: int) -> str:
        """Return the name of a row of whole numbers."""
        return self._once(np.array(values, np.int64))

    def axis(self, value: int) -> str:
        """Return the name of one whole number without axes."""
        return self._once(np.array(value, np.int64))

    def constant(self, name: str, array: Array) -> str:
        """Write an array and return its name."""
        self._room -= array.nbytes
        if self._room < 0:
            raise InputError(
                "onnx.save",
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
        """Return a name in the file that is like this one: printable, and not in use."""
        name = printable(name)
        names = (name if i == 1 else f"{name}_{i}" for i in range(1, len(self._names) + 2))
        unique = next(free for free in names if free not in self._names)
        self._names.add(unique)
        return unique


_TO_THE_END = 2**63 - 1
_INT64, _BOOL = 7, 9  # TensorProto.DataType
_FLOATS = {"float32": 1, "float64": 11}


def write(writer: GraphWriter, node: Node, inputs: list[str]) -> str:
    """Write a node of a graph, given the names of its children, and return the name of its result.

    Raises
    ------
    InputError
        If ONNX has no operators for it.
    """
    op = node.op
    if type(op) in _WRITTEN:  # by its very class: a subclass may compute something else
        return _WRITTEN[type(op)](writer, node, op, inputs)
    if op is not None and op.onnx:
        return writer.node(op.onnx, *inputs)
    if op is not None and op.in_files and is_own(op) and (result := _from_record(writer, node, op, inputs)):
        return result
    kinds = [kind for kind in all_ops().values() if kind in _WRITTEN or kind.onnx]
    raise InputError(
        "onnx.save",
        given=f"{node.where}, an op without a form in ONNX",
        expected="ops that have one",
        fix="Write the layer out of such ops. " + nearest("", (kind.__name__ for kind in kinds)),
    )


def _from_record(writer: GraphWriter, node: Node, op: Op, inputs: list[str]) -> str | None:
    """Write the NumPy calls that an op makes, if all of them work element by element; None if they don't."""
    tape = Tape()
    arrays = {role: tape.wrap(child.value) for role, child in node.children.items()}
    try:
        result = op.forward(**arrays)
    except Exception as error:
        if not was_refused(error):
            raise
        return None
    if not isinstance(result, Recorded) or any(call.function.__name__ not in _CALLS for call in tape.calls):
        return None
    written = {array.operand.key: name for array, name in zip(arrays.values(), inputs)}

    def operand(value: Any) -> str:
        if not isinstance(value, Operand):
            return writer.number(value)
        if value.key in written:
            name = written[value.key]
            return name if value.array.dtype == node.dtype else writer.node("Cast", name, to=_FLOATS[str(node.dtype)])
        if value.buffer.constant and value.array.size == 1:  # a row of numbers may depend on how many samples there are
            return writer.number(value.array.item())
        raise LookupError

    try:
        for call in tape.calls:
            if call.method not in ("call", "copy") or call.options.keys() & {"axis", "keepdims", "shape"}:
                return None
            written[call.out.key] = writer.node(_CALLS[call.function.__name__], *map(operand, call.inputs))
        return operand(result.operand)
    except LookupError:  # a view, or numbers that are no constants
        return None


def _plain(name: str) -> Callable[[GraphWriter, Node, Any, list[str]], str]:
    return lambda writer, node, op, inputs: writer.node(name, *inputs)


def _along_axis(name: str) -> Callable[[GraphWriter, Node, Any, list[str]], str]:
    return lambda writer, node, op, inputs: writer.node(name, *inputs, axis=op.axis)


def _linear(writer: GraphWriter, node: Node, op: ops.Linear, inputs: list[str]) -> str:
    if len(node.shape) == 2:
        return writer.node("Gemm", *inputs)
    product = writer.node("MatMul", *inputs[:2])
    return writer.node("Add", product, *inputs[2:]) if inputs[2:] else product


def _leaky_relu(writer: GraphWriter, node: Node, op: ops.LeakyReLU, inputs: list[str]) -> str:
    if _exact(node, op.slope):
        return writer.node("LeakyRelu", *inputs, alpha=op.slope)
    return writer.node("Max", *inputs, writer.node("Mul", *inputs, writer.number(op.slope)))


def _elu(writer: GraphWriter, node: Node, op: ops.ELU, inputs: list[str]) -> str:
    if _exact(node, op.alpha):
        return writer.node("Elu", *inputs, alpha=op.alpha)
    power = writer.node("Exp", writer.node("Min", *inputs, writer.number(0)))
    below = writer.node("Mul", writer.node("Sub", power, writer.number(1)), writer.number(op.alpha))
    return writer.node("Add", writer.node("Relu", *inputs), below)


def _exact(node: Node, setting: float) -> bool:
    """Return whether an attribute, always a float32, says a setting as precisely as the network computes."""
    return node.dtype == np.float32 or float(np.float32(setting)) == setting


def _selu(writer: GraphWriter, node: Node, op: ops.SELU, inputs: list[str]) -> str:
    if _exact(node, SELU_SCALE):
        return writer.node("Selu", *inputs, alpha=SELU_ALPHA, gamma=SELU_SCALE)
    return writer.node("Mul", _elu(writer, node, ops.ELU(SELU_ALPHA), inputs), writer.number(SELU_SCALE))


def _hard_sigmoid(writer: GraphWriter, node: Node, op: ops.HardSigmoid, inputs: list[str]) -> str:
    if _exact(node, 1 / 6):
        return writer.node("HardSigmoid", *inputs, alpha=1 / 6, beta=0.5)
    line = writer.node("Add", writer.node("Div", *inputs, writer.number(6)), writer.number(0.5))
    return writer.node("Clip", line, writer.number(0), writer.number(1))


def _hard_swish(writer: GraphWriter, node: Node, op: ops.HardSwish, inputs: list[str]) -> str:
    if _exact(node, 1 / 6):
        return writer.node("HardSwish", *inputs)
    return writer.node("Mul", *inputs, _hard_sigmoid(writer, node, ops.HardSigmoid(), inputs))


def _mish(writer: GraphWriter, node: Node, op: ops.Mish, inputs: list[str]) -> str:
    return writer.node("Mul", *inputs, writer.node("Tanh", writer.node("Softplus", *inputs)))


def _clip(writer: GraphWriter, node: Node, op: ops.Clip, inputs: list[str]) -> str:
    bounds = ["" if bound is None else writer.number(bound) for bound in (op.low, op.high)]
    return writer.node("Clip", *inputs, *bounds)


def _where(writer: GraphWriter, node: Node, op: ops.Where, inputs: list[str]) -> str:
    condition, a, b = inputs
    return writer.node("Where", writer.node("Cast", condition, to=_BOOL), a, b)


def _var(writer: GraphWriter, node: Node, op: ops.Var, inputs: list[str]) -> str:
    mean = _reduction("ReduceMean")
    difference = writer.node("Sub", *inputs, mean(writer, node, ops.Mean(op.axis, keepdims=True), inputs))
    return mean(writer, node, op, [writer.node("Mul", difference, difference)])


def _cumsum(writer: GraphWriter, node: Node, op: ops.Cumsum, inputs: list[str]) -> str:
    return writer.node("CumSum", *inputs, writer.axis(op.axis))


def _gelu(writer: GraphWriter, node: Node, op: ops.GELU, inputs: list[str]) -> str:
    (z,) = inputs  # ONNX has Gelu from opset 20 on
    if op.approximate:
        cube = writer.node("Mul", writer.node("Mul", z, z), writer.number(0.044715))
        u = writer.node("Mul", writer.node("Add", cube, writer.number(1)), z)
        twice_u = writer.node("Mul", u, writer.number(2 * math.sqrt(2 / math.pi)))
        return writer.node("Mul", z, writer.node("Sigmoid", twice_u))
    error = writer.node("Erf", writer.node("Mul", z, writer.number(math.sqrt(0.5))))
    half = writer.node("Mul", z, writer.number(0.5))
    return writer.node("Mul", half, writer.node("Add", error, writer.number(1)))


def _silu(writer: GraphWriter, node: Node, op: ops.SiLU, inputs: list[str]) -> str:
    return writer.node("Mul", *inputs, writer.node("Sigmoid", *inputs))


def _reduction(name: str) -> Callable[[GraphWriter, Node, Any, list[str]], str]:
    def written(writer: GraphWriter, node: Node, op: Any, inputs: list[str]) -> str:
        axes = () if op.axis is None else op.axis if isinstance(op.axis, tuple) else (op.axis,)
        axes_input = (writer.integers(*axes),) if axes else ()
        return writer.node(name, *inputs, *axes_input, keepdims=int(op.keepdims))

    return written


def _reshape(writer: GraphWriter, node: Node, op: ops.Reshape, inputs: list[str]) -> str:
    return writer.node("Reshape", *inputs, writer.integers(*op.shape))


def _transpose(writer: GraphWriter, node: Node, op: ops.Transpose, inputs: list[str]) -> str:
    rank = len(node.shape)
    axes = range(rank)[::-1] if op.axes is None else [axis % rank for axis in op.axes]
    return writer.node("Transpose", *inputs, perm=list(axes))


def _gather(writer: GraphWriter, node: Node, op: ops.Gather, inputs: list[str]) -> str:
    table, indices = inputs
    return writer.node("Gather", table, writer.node("Cast", indices, to=_INT64), axis=0)


def _cast(writer: GraphWriter, node: Node, op: Cast, inputs: list[str]) -> str:
    return writer.node("Cast", *inputs, to=_FLOATS[str(op.dtype)])


def _unscale(writer: GraphWriter, node: Node, op: ops.Unscale, inputs: list[str]) -> str:
    scale, offset = (writer.row(value, node.dtype) for value in (op.scale, op.offset))
    (z,) = inputs if op.dtype is None else (writer.node("Cast", *inputs, to=_FLOATS[op.dtype]),)
    return writer.node("Add", writer.node("Mul", z, scale), offset)


def _slice(writer: GraphWriter, node: Node, op: ops.Slice, inputs: list[str]) -> str:
    rank = len(node.children["x"].shape)
    slices, dropped, added = _axes(op.key, rank)
    (result,) = inputs
    if slices:
        starts, stops, strides = (writer.integers(*(part[i] for part in slices.values())) for i in range(3))
        result = writer.node("Slice", result, starts, stops, writer.integers(*slices), strides)
    if dropped:
        result = writer.node("Squeeze", result, writer.integers(*dropped))
    return writer.node("Unsqueeze", result, writer.integers(*added)) if added else result


def _axes(key: tuple[Any, ...], rank: int) -> tuple[dict[int, tuple[int, int, int]], list[int], list[int]]:
    """Return what a key does: start, stop and step by axis; axes that it drops; axes of the result that it adds."""
    given = sum(part is not None and part is not Ellipsis for part in key)
    full = list(key) if any(part is Ellipsis for part in key) else [*key, Ellipsis]
    place = next(i for i, part in enumerate(full) if part is Ellipsis)
    full[place : place + 1] = [slice(None)] * (rank - given)
    slices: dict[int, tuple[int, int, int]] = {}
    dropped: list[int] = []
    added: list[int] = []
    axis = kept = 0
    for part in full:
        if part is None:
            added.append(kept)
            kept += 1
            continue
        if isinstance(part, slice):
            step = 1 if part.step is None else part.step
            start = part.start if part.start is not None else 0 if step > 0 else _TO_THE_END
            stop = part.stop if part.stop is not None else _TO_THE_END if step > 0 else -_TO_THE_END
            if part != slice(None):
                slices[axis] = (start, stop, step)
            kept += 1
        else:
            slices[axis] = (part, part + 1 if part != -1 else _TO_THE_END, 1)
            dropped.append(axis)
        axis += 1
    return slices, dropped, added


# NumPy's functions of one element at a time, and the operators that do the same.
_CALLS = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "power": "Pow", "negative": "Neg",
    "positive": "Identity", "copyto": "Identity", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "absolute": "Abs",
    "tanh": "Tanh", "sin": "Sin", "cos": "Cos", "maximum": "Max", "minimum": "Min", "reciprocal": "Reciprocal",
    "sign": "Sign", "floor": "Floor", "greater": "Greater", "greater_equal": "GreaterOrEqual", "less": "Less",
    "less_equal": "LessOrEqual",
}  # fmt: skip
_WRITTEN: dict[type[object], Callable[[GraphWriter, Node, Any, list[str]], str]] = {
    ops.Linear: _linear,
    ops.Matmul: _plain("MatMul"),
    ops.Clip: _clip,
    ops.Where: _where,
    ops.Sum: _reduction("ReduceSum"),
    ops.Mean: _reduction("ReduceMean"),
    ops.Var: _var,
    ops.Norm: _reduction("ReduceL2"),
    ops.Max: _reduction("ReduceMax"),
    ops.LogSumExp: _reduction("ReduceLogSumExp"),
    ops.Cumsum: _cumsum,
    ops.Reshape: _reshape,
    ops.Flatten: lambda writer, node, op, inputs: writer.node("Flatten", *inputs, axis=1),
    ops.Transpose: _transpose,
    ops.Concatenate: _along_axis("Concat"),
    ops.Slice: _slice,
    ops.Gather: _gather,
    Cast: _cast,
    ops.LeakyReLU: _leaky_relu,
    ops.HardSigmoid: _hard_sigmoid,
    ops.HardSwish: _hard_swish,
    ops.ELU: _elu,
    ops.SELU: _selu,
    ops.GELU: _gelu,
    ops.SiLU: _silu,
    ops.Mish: _mish,
    ops.Softmax: _along_axis("Softmax"),
    ops.LogSoftmax: _along_axis("LogSoftmax"),
    ops.Unscale: _unscale,
}
