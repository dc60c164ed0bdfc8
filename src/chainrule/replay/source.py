"""The record as a page of plain NumPy: what a network does in a step, under the names of its nodes.

The page is written from the calls that are replayed, not from the ops, so it is what runs; and it runs as printed.
"""

from __future__ import annotations

import keyword
import re
from itertools import permutations
from typing import Any

import numpy as np

from chainrule.errors import InputError, MisuseError
from chainrule.graph.graph import Graph
from chainrule.ops.op import Array
from chainrule.replay.program import Program
from chainrule.replay.recording import Call, Operand

_OPERATORS = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.true_divide: "/",
    np.power: "**",
    np.matmul: "@",
    np.greater: ">",
    np.greater_equal: ">=",
    np.less: "<",
    np.less_equal: "<=",
    np.equal: "==",
    np.not_equal: "!=",
}
_METHODS = {np.add: "sum", np.maximum: "max", np.minimum: "min", np.multiply: "prod"}


def source(graph: Graph, *, name: str = "step") -> str:
    """Return a graph's forward and backward pass as a readable NumPy function.

    The function takes the graph's inputs and parameters and returns the root's value and, by parameter, its
    derivatives.

    Parameters
    ----------
    graph : Graph
        A network's is ``network.graph()``, for batches of one sample.
    name : str, default "step"
        What to call the function.

    Returns
    -------
    str
        Python source that needs NumPy alone and runs as printed.

    Raises
    ------
    MisuseError
        If an op can't be recorded, and so can't be written out.

    Examples
    --------
    >>> from chainrule.graph import Graph, Input, Parameter
    >>> x, w = Input("x", [[1.0, 2.0]]), Parameter("w", [[3.0], [4.0]])
    >>> print(source(Graph(x @ w)))
    import numpy as np
    <BLANKLINE>
    constant_1 = np.array([[1.]], np.float32)
    <BLANKLINE>
    <BLANKLINE>
    def step(x, w):
        # forward
        matmul = x @ w
        # backward
        d_w = x.T @ constant_1
        return matmul, {'w': d_w}
    <BLANKLINE>
    """
    if not isinstance(graph, Graph):
        raise InputError(
            "source",
            given=f"a {type(graph).__name__}",
            expected="a graph",
            fix="Pass network.graph() for a network, cr.Graph(node) for a node",
        )
    gradients = bool(graph.wrt) and graph.root._value.size == 1
    feeds = {name: leaf._value for name, leaf in graph.inputs.items()}
    program = Program(graph, feeds, gradients=gradients)
    if program.called:
        raise MisuseError(
            "source",
            given=f"{', '.join(program.called)}, which can't be recorded",
            expected="ops made of NumPy calls alone",
            fix="Write its forward and backward with array operations, without branches on values",
        )
    return _Page(program, name).text()


class _Page:
    """Calls, written as lines; a temporary that is read once becomes a part of the line that reads it."""

    def __init__(self, program: Program, name: str) -> None:
        self.program, self.name = program, name
        self.names: dict[int, str] = {}
        self.formulas: dict[int, str] = {}
        self.written: set[int] = set()
        self.leaves: list[str] = []
        self.constants: list[str] = []
        self.readers: dict[int, int] = {}
        for operand in (o for stage in program.calls for call in stage for o in call.read()):
            self.readers[id(operand.buffer)] = self.readers.get(id(operand.buffer), 0) + 1
        self._name_nodes()

    def _name_nodes(self) -> None:
        program, graph = self.program, self.program.graph
        labels = {id(node): _identifier(label) for label, node in graph.names.items()}
        for node, value in zip(graph.nodes, program.recorded, strict=True):
            label, key = labels.get(id(node), ""), id(value.operand.buffer)
            if node.op is None and label and not value.operand.buffer.constant:
                self.leaves.append(label)
                self.names[key] = label
                self.written.add(key)
            elif label and value.operand.whole and not value.operand.buffer.constant:
                self.names.setdefault(key, label)
        for node, gradient in zip(graph.nodes, program.recorded_gradients, strict=True):
            if gradient is None or gradient.operand.buffer.constant or not gradient.operand.whole:
                continue
            if id(node) in labels:
                self.names.setdefault(id(gradient.operand.buffer), f"d_{labels[id(node)]}")

    def text(self) -> str:
        program, graph = self.program, self.program.graph
        body = []
        for title, calls in zip(("forward", "backward"), program.calls, strict=False):
            lines = [line for call in calls if (line := self.line(call))]
            body += [f"# {title}", *lines] if lines else []
        root = self.operand(program.recorded[graph.place(graph.root)].operand)
        gradients = {
            node.name: self.operand(gradient.operand)
            for node, gradient in zip(graph.nodes, program.recorded_gradients, strict=True)
            if gradient is not None and any(node is asked for asked in graph.wrt)
        }
        pairs = ", ".join(f"{name!r}: {formula}" for name, formula in gradients.items())
        body.append(f"return {root}, {{{pairs}}}" if gradients else f"return {root}")
        head = ["import numpy as np", *([""] if self.constants else []), *self.constants, "", ""]
        return "\n".join([*head, f"def {self.name}({', '.join(self.leaves)}):", *(f"    {x}" for x in body), ""])

    def line(self, call: Call) -> str:
        """Return the line of a call, or nothing if its formula becomes a part of another line."""
        formula, key = self.formula(call), id(call.out.buffer)
        first = key not in self.written
        if first and key not in self.names and self.readers.get(key, 0) == 1:
            self.formulas[key] = formula
            return ""
        self.written.add(key)
        if first:
            self.names.setdefault(key, f"t{sum(n[0] == 't' and n[1:].isdigit() for n in self.names.values()) + 1}")
            return f"{self.names[key]} = {formula}"
        name, view = self.names[key], self.operand(call.out)
        return f"{name} = {formula}" if view == name else f"{view}[...] = {formula}"

    def formula(self, call: Call) -> str:
        """Return the right-hand side of a call."""
        function, options = call.function, call.options
        inputs = [self.inputs(value) for value in call.inputs]
        if call.method == "copy":
            if "shape" in options:
                return f"np.broadcast_to({_bare(inputs[0])}, {options['shape']})"
            if options.get("dtype", call.out.array.dtype) != call.inputs[0].array.dtype:
                return f"{inputs[0]}.astype(np.{call.out.array.dtype})"
            return f"{inputs[0]}.copy()"
        if call.method == "reduce":
            told = [f"axis={options.get('axis', 0)}"] if options.get("axis", 0) is not None else []
            told += [f"dtype=np.{np.dtype(options['dtype'])}"] if options.get("dtype") is not None else []
            told += ["keepdims=True"] if options.get("keepdims") else []
            return f"{inputs[0]}.{_METHODS[function]}({', '.join(told)})"
        told = [f"{key}=np.{np.dtype(v)}" if key == "dtype" else f"{key}={v!r}" for key, v in options.items()]
        if function in _OPERATORS and not told:
            return f"{inputs[0]} {_OPERATORS[function]} {inputs[1]}"
        if function is np.negative and not told:
            return f"-{inputs[0]}"
        return f"np.{function.__name__}({', '.join([*map(_bare, inputs), *told])})"

    def inputs(self, value: Any) -> str:
        if isinstance(value, list):
            return f"[{', '.join(_bare(self.inputs(v)) for v in value)}]"
        return self.operand(value) if isinstance(value, Operand) else repr(value)

    def operand(self, operand: Operand) -> str:
        """Return how to write an operand: a name, a view of one, or a formula in brackets."""
        key = id(operand.buffer)
        if operand.buffer.constant:
            return self._constant(operand.array)
        if key in self.formulas:
            formula = self.formulas[key]
            base = formula if re.fullmatch(r"[\w.]+(\([^()]*\))?", formula) else f"({formula})"
        else:
            base = self.names[key]
        return base + _view(operand)

    def _constant(self, array: Array) -> str:
        if array.ndim == 0:
            return repr(array.item())
        text = np.array2string(array, separator=", ", threshold=array.size, floatmode="unique").replace("\n", "")
        name = f"constant_{len(self.constants) + 1}"
        for line in self.constants:  # the same numbers once
            if line.endswith(f" = np.array({text}, np.{array.dtype})"):
                return line.split(" = ")[0]
        self.constants.append(f"{name} = np.array({text}, np.{array.dtype})")
        return name


def _view(operand: Operand) -> str:
    """Return what makes the operand of its whole buffer: nothing, ``.T``, a slice, a reshape."""
    array, base = operand.array, operand.buffer.array
    if operand.whole or (array.shape == base.shape and array.strides == base.strides):
        return ""
    if array.shape == base.shape[::-1] and array.strides == base.strides[::-1] and array.size == base.size:
        return ".T"
    for axes in permutations(range(base.ndim)) if base.ndim == array.ndim > 2 else ():
        if base.transpose(axes).shape == array.shape and base.transpose(axes).strides == array.strides:
            return f".transpose{axes}"
    if array.size == base.size and array.flags.c_contiguous and base.flags.c_contiguous:
        return f".reshape({array.shape})"
    if array.size == base.size and base.flags.c_contiguous and array.T.flags.c_contiguous:
        return f".reshape({array.shape[::-1]}).T"
    slices = _slices(array, base)
    if slices is None:
        raise MisuseError(
            "source",
            given=f"a view with shape {array.shape} of an array with shape {base.shape}",
            expected="slices, transposes and reshapes",
            fix="Write the op with fewer views of views",
        )
    return slices


def _slices(array: Array, base: Array) -> str | None:
    """Return the slices that lead from an array to its view, if they do axis by axis."""
    offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    axes = list(zip(array.shape, array.strides, strict=True))
    keys: list[int | slice] = []
    for size, stride in zip(base.shape, base.strides, strict=True):
        first, offset = divmod(offset, stride) if stride else (0, offset)
        if axes and stride and axes[0][1] and axes[0][1] % stride == 0 and axes[0][0] <= size:
            count, step = axes[0][0], axes[0][1] // stride
            stop = first + count * step
            keys.append(slice(first or None, stop if stop < size else None, step if step != 1 else None))
            axes.pop(0)
        else:
            keys.append(first)
    view = base[tuple(keys)] if not axes and not offset else None
    if view is None or view.shape != array.shape or view.strides != array.strides:
        return None
    return "[" + ", ".join(_key_text(key) for key in keys) + "]"


def _key_text(key: int | slice) -> str:
    if isinstance(key, int):
        return str(key)
    text = f"{'' if key.start is None else key.start}:{'' if key.stop is None else key.stop}"
    return text if key.step is None else f"{text}:{key.step}"


def _bare(text: str) -> str:
    """Return a formula without the brackets around the whole of it."""
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and i < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text


def _identifier(label: str) -> str:
    name = re.sub(r"\W", "_", label)
    return f"{name}_" if keyword.iskeyword(name) or name == "np" or name[:1].isdigit() else name
