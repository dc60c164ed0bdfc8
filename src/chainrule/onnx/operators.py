"""What each op of chainrule is in ONNX: a node or a few, in opset 18."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from chainrule import ops
from chainrule.errors import InputError, nearest
from chainrule.graph import Node
from chainrule.ops.activations import SELU_ALPHA, SELU_SCALE

_TO_THE_END = 2**63 - 1
_INT64, _BOOL = 7, 9  # TensorProto.DataType


class Writer(Protocol):
    """What writes nodes."""

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Write a node and return the name of its result."""

    def number(self, value: float) -> str:
        """Return the name of a number, in the network's dtype."""

    def integers(self, *values: int) -> str:
        """Return the name of a row of whole numbers."""


def write(writer: Writer, node: Node, inputs: list[str]) -> str:
    """Write a node of a graph, given the names of its children, and return the name of its result.

    Raises
    ------
    InputError
        If ONNX has no operators for it.
    """
    if type(node.op) in _WRITTEN:  # by its very class: a subclass may compute something else
        return _WRITTEN[type(node.op)](writer, node, node.op, inputs)
    raise InputError(
        "onnx.export",
        given=f"{node.where}, an op that is no part of chainrule",
        expected="ops that have a form in ONNX",
        fix="Write the layer out of chainrule's ops. " + nearest("", (kind.__name__ for kind in _WRITTEN)),
    )


def _plain(name: str) -> Callable[[Writer, Node, Any, list[str]], str]:
    return lambda writer, node, op, inputs: writer.node(name, *inputs)


def _along_axis(name: str) -> Callable[[Writer, Node, Any, list[str]], str]:
    return lambda writer, node, op, inputs: writer.node(name, *inputs, axis=op.axis)


def _linear(writer: Writer, node: Node, op: ops.Linear, inputs: list[str]) -> str:
    if len(node.shape) == 2:
        return writer.node("Gemm", *inputs)
    product = writer.node("MatMul", *inputs[:2])
    return writer.node("Add", product, *inputs[2:]) if inputs[2:] else product


def _leaky_relu(writer: Writer, node: Node, op: ops.LeakyReLU, inputs: list[str]) -> str:
    if _exact(node, op.slope):
        return writer.node("LeakyRelu", *inputs, alpha=op.slope)
    return writer.node("Max", *inputs, writer.node("Mul", *inputs, writer.number(op.slope)))


def _elu(writer: Writer, node: Node, op: ops.ELU, inputs: list[str]) -> str:
    if _exact(node, op.alpha):
        return writer.node("Elu", *inputs, alpha=op.alpha)
    power = writer.node("Exp", writer.node("Min", *inputs, writer.number(0)))
    below = writer.node("Mul", writer.node("Sub", power, writer.number(1)), writer.number(op.alpha))
    return writer.node("Add", writer.node("Relu", *inputs), below)


def _exact(node: Node, setting: float) -> bool:
    """Return whether an attribute, always a float32, says a setting as precisely as the network computes."""
    return node.dtype == np.float32 or float(np.float32(setting)) == setting


def _selu(writer: Writer, node: Node, op: ops.SELU, inputs: list[str]) -> str:
    if _exact(node, SELU_SCALE):
        return writer.node("Selu", *inputs, alpha=SELU_ALPHA, gamma=SELU_SCALE)
    return writer.node("Mul", _elu(writer, node, ops.ELU(SELU_ALPHA), inputs), writer.number(SELU_SCALE))


def _hard_sigmoid(writer: Writer, node: Node, op: ops.HardSigmoid, inputs: list[str]) -> str:
    if _exact(node, 1 / 6):
        return writer.node("HardSigmoid", *inputs, alpha=1 / 6, beta=0.5)
    line = writer.node("Add", writer.node("Div", *inputs, writer.number(6)), writer.number(0.5))
    return writer.node("Clip", line, writer.number(0), writer.number(1))


def _mish(writer: Writer, node: Node, op: ops.Mish, inputs: list[str]) -> str:
    return writer.node("Mul", *inputs, writer.node("Tanh", writer.node("Softplus", *inputs)))


def _clip(writer: Writer, node: Node, op: ops.Clip, inputs: list[str]) -> str:
    bounds = ["" if bound is None else writer.number(bound) for bound in (op.low, op.high)]
    return writer.node("Clip", *inputs, *bounds)


def _where(writer: Writer, node: Node, op: ops.Where, inputs: list[str]) -> str:
    condition, a, b = inputs
    return writer.node("Where", writer.node("Cast", condition, to=_BOOL), a, b)


def _var(writer: Writer, node: Node, op: ops.Var, inputs: list[str]) -> str:
    mean = _reduction("ReduceMean")
    difference = writer.node("Sub", *inputs, mean(writer, node, ops.Mean(op.axis, keepdims=True), inputs))
    return mean(writer, node, op, [writer.node("Mul", difference, difference)])


def _cumsum(writer: Writer, node: Node, op: ops.Cumsum, inputs: list[str]) -> str:
    return writer.node("CumSum", *inputs, writer.integers(op.axis))


def _gelu(writer: Writer, node: Node, op: ops.GELU, inputs: list[str]) -> str:
    (z,) = inputs  # ONNX has Gelu from opset 20 on
    if op.approximate:
        cube = writer.node("Mul", writer.node("Mul", z, z), writer.number(0.044715))
        u = writer.node("Mul", writer.node("Add", cube, writer.number(1)), z)
        twice_u = writer.node("Mul", u, writer.number(2 * math.sqrt(2 / math.pi)))
        return writer.node("Mul", z, writer.node("Sigmoid", twice_u))
    error = writer.node("Erf", writer.node("Mul", z, writer.number(math.sqrt(0.5))))
    half = writer.node("Mul", z, writer.number(0.5))
    return writer.node("Mul", half, writer.node("Add", error, writer.number(1)))


def _silu(writer: Writer, node: Node, op: ops.SiLU, inputs: list[str]) -> str:
    return writer.node("Mul", *inputs, writer.node("Sigmoid", *inputs))


def _reduction(name: str) -> Callable[[Writer, Node, Any, list[str]], str]:
    def written(writer: Writer, node: Node, op: Any, inputs: list[str]) -> str:
        axes = () if op.axis is None else op.axis if isinstance(op.axis, tuple) else (op.axis,)
        told = (writer.integers(*axes),) if axes else ()
        return writer.node(name, *inputs, *told, keepdims=int(op.keepdims))

    return written


def _reshape(writer: Writer, node: Node, op: ops.Reshape, inputs: list[str]) -> str:
    return writer.node("Reshape", *inputs, writer.integers(*op.shape))


def _transpose(writer: Writer, node: Node, op: ops.Transpose, inputs: list[str]) -> str:
    rank = len(node.shape)
    axes = range(rank)[::-1] if op.axes is None else [axis % rank for axis in op.axes]
    return writer.node("Transpose", *inputs, perm=list(axes))


def _gather(writer: Writer, node: Node, op: ops.Gather, inputs: list[str]) -> str:
    table, indices = inputs
    return writer.node("Gather", table, writer.node("Cast", indices, to=_INT64), axis=0)


def _slice(writer: Writer, node: Node, op: ops.Slice, inputs: list[str]) -> str:
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


_WRITTEN: dict[type[object], Callable[[Writer, Node, Any, list[str]], str]] = {
    ops.Linear: _linear,
    ops.Matmul: _plain("MatMul"),
    ops.Add: _plain("Add"),
    ops.Subtract: _plain("Sub"),
    ops.Multiply: _plain("Mul"),
    ops.Divide: _plain("Div"),
    ops.Power: _plain("Pow"),
    ops.Negative: _plain("Neg"),
    ops.Exp: _plain("Exp"),
    ops.Log: _plain("Log"),
    ops.Sqrt: _plain("Sqrt"),
    ops.Absolute: _plain("Abs"),
    ops.Sin: _plain("Sin"),
    ops.Cos: _plain("Cos"),
    ops.Maximum: _plain("Max"),
    ops.Minimum: _plain("Min"),
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
    ops.Identity: _plain("Identity"),
    ops.Tanh: _plain("Tanh"),
    ops.Sigmoid: _plain("Sigmoid"),
    ops.HardSigmoid: _hard_sigmoid,
    ops.Softsign: _plain("Softsign"),
    ops.ReLU: _plain("Relu"),
    ops.LeakyReLU: _leaky_relu,
    ops.PReLU: _plain("PRelu"),
    ops.ELU: _elu,
    ops.SELU: _selu,
    ops.GELU: _gelu,
    ops.SiLU: _silu,
    ops.Mish: _mish,
    ops.Softplus: _plain("Softplus"),
    ops.Softmax: _along_axis("Softmax"),
    ops.LogSoftmax: _along_axis("LogSoftmax"),
}
