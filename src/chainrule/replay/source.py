"""The record as a page of plain NumPy: what a network does in a step, under the names of its nodes.

The page is written from the calls that are replayed, not from the ops, so it is what runs; and it runs as printed.
Where the graph takes batches of any size, so does the page: it is recorded for two sizes, and what differs is a
number in proportion to the samples.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import InputError, MisuseError
from chainrule.graph.graph import Graph
from chainrule.ops.op import Array
from chainrule.replay.phrases import SAMPLES, Sized, Tree, Unlike, merged, of_call, of_constant, simplified, text
from chainrule.replay.program import Program
from chainrule.replay.recording import Operand

_BATCH = 4  # and twice as many: numbers in proportion to them come out exactly
_LONGEST_PART = 60  # characters of a formula that becomes a part of another line
_WIDEST = 100  # characters of a line


class Statement(NamedTuple):
    """A call: in which part of the step, the number of its result, and how it is computed."""

    stage: int
    value: int
    tree: Tree


class Page(NamedTuple):
    """What was recorded, as trees.

    Attributes
    ----------
    statements : tuple of Statement
    names : tuple of (int, str)
        What results are called that nodes show.
    result : Tree
        The root's value.
    gradients : tuple of (str, Tree)
        Parameter, its derivative.
    """

    statements: tuple[Statement, ...]
    names: tuple[tuple[int, str], ...]
    result: Tree
    gradients: tuple[tuple[str, Tree], ...]


def source(graph: Graph, *, name: str = "step", gradients: bool = True, any_batch: bool = False) -> str:
    """Return a graph's forward and backward pass as a readable NumPy function.

    The function takes the graph's inputs and parameters and returns the root's value and, by parameter, its
    derivatives; where the graph takes batches of any size, so does the function. Sums that the record keeps in
    float64 and rounds back are written as plain sums.

    Parameters
    ----------
    graph : Graph
        A network's is ``network.graph()``; its penalties and its optimizer are no part of that.
    name : str, default "step"
        What to call the function.
    gradients : bool, default True
        Whether the derivatives are written, where the root is a single number and anything is learnt.
    any_batch : bool, default False
        Whether to insist on a page for batches of any size; else a graph that takes one size alone is written for it.

    Returns
    -------
    str
        Python source that needs NumPy alone and runs as printed.

    Raises
    ------
    MisuseError
        If an op can't be recorded, and so can't be written out; or the page would be for one size of batch alone,
        where any was insisted on.

    Examples
    --------
    >>> import chainrule as cr
    >>> x, t, w = cr.Input("x", [[1.0, 2.0]]), cr.Input("t", [[0.5]]), cr.Parameter("w", [[0.3], [0.4]])
    >>> print(source(cr.Graph(cr.mean_squared_error(prediction=cr.tanh(z=x @ w), target=t))))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def step(x, w, t):
        samples = len(x)
        # forward
        matmul = x @ w
        tanh = np.tanh(matmul)
        t1 = tanh - t
        mean_squared_error = (t1**2).mean()
        # backward
        d_tanh = 2 * t1 / samples
        d_matmul = d_tanh * (1 - tanh**2)
        d_w = x.T @ d_matmul
        return mean_squared_error, {"w": d_w}
    <BLANKLINE>
    """
    if not isinstance(graph, Graph):
        raise InputError(
            "source",
            given=f"a {type(graph).__name__}",
            expected="a graph",
            fix="Pass network.graph() for a network, cr.Graph(node) for a node",
        )
    if not (str(name).isidentifier() and not keyword.iskeyword(name)):
        raise InputError("source name", given=repr(name)[:80], expected="a name for a function", fix="Pass 'step'")
    labels = _labels(graph)
    gradients = gradients and bool(graph.wrt) and graph.root._value.size == 1
    found = _recorded(graph, labels, gradients, None)
    lengths = {leaf._value.shape[:1] for leaf in graph.inputs.values()}
    try:
        if len(lengths) != 1 or () in lengths or (gradients and graph.root._value.ndim):
            raise Unlike
        one, other = (_recorded(graph, labels, gradients, count) for count in (_BATCH, 2 * _BATCH))
        found = merged(one, other, _BATCH)
    except Exception as reason:  # the graph takes batches of this size alone, or computes otherwise for another
        if any_batch:
            raise MisuseError(
                "source",
                given="a graph that can't take batches of any size, or does something else for more samples",
                expected="the same calls, however many samples there are",
                fix="Use layers that treat each sample alone",
            ) from reason
    return _Writer(graph, labels, found).text(name)


def _labels(graph: Graph) -> dict[int, str]:
    """Return node -> a name of its own that is one in Python."""
    labels: dict[int, str] = {}
    taken = {"np", SAMPLES}
    for label, node in graph.names.items():
        name = re.sub(r"\W", "_", label)
        name = f"_{name}" if name[:1].isdigit() else name
        while name in taken or keyword.iskeyword(name):
            name += "_"
        taken.add(name)
        labels[id(node)] = name
    return labels


# ---------------------------------------------------------------------- the record as trees


def _recorded(graph: Graph, labels: dict[int, str], gradients: bool, count: int | None) -> Page:
    """Return what a graph does on batches of `count` samples, or of as many as it has seen."""
    feeds = {name: leaf._value for name, leaf in graph.inputs.items()}
    if count is not None:
        feeds = {name: np.resize(array[:1], (count, *array.shape[1:])) for name, array in feeds.items()}
        graph.values_on(feeds)  # refuses what doesn't fit
    program = Program(graph, feeds, gradients=gradients)
    if program.called:
        raise MisuseError(
            "source",
            given=f"{', '.join(program.called)}, which can't be recorded",
            expected="ops made of NumPy calls alone",
            fix="Write its forward and backward with array operations, without branches on values",
        )
    nodes = list(zip(graph.nodes, program.recorded, program.recorded_gradients, strict=True))
    now: dict[int, Tree] = {}  # buffer -> what is in it by now
    for node, value, _ in nodes:
        if node.op is None and not value.operand.buffer.constant:
            now[id(value.operand.buffer)] = "name", labels[id(node)]

    def read(operand: Operand) -> Tree:
        if operand.buffer.constant:
            return of_constant(operand.array) or _constant(operand.array)
        return _viewed(now[id(operand.buffer)], operand)

    statements: list[Statement] = []
    for stage, calls in enumerate(program.calls):
        for call in calls:
            statement = Statement(stage, len(statements), of_call(call, read))
            if not call.out.whole:
                raise _unwritable(call.out.array, call.out.buffer.array)
            now[id(call.out.buffer)] = "value", statement.value
            statements.append(statement)
    names: dict[int, str] = {}
    shown = [(node, value, "") for node, value, _ in nodes]
    shown += [(node, gradient, "d_") for node, _, gradient in nodes if gradient is not None]
    for node, recorded, prefix in shown:
        if recorded.operand.whole and id(node) in labels:
            kind, *told = now.get(id(recorded.operand.buffer), ("constant",))
            if kind == "value":
                names.setdefault(told[0], prefix + labels[id(node)])
    asked = {id(node) for node in graph.wrt}
    derived = tuple((str(n.name), read(g.operand)) for n, _, g in nodes if g is not None and id(n) in asked)
    root = program.recorded[graph.place(graph.root)]
    return Page(tuple(statements), tuple(names.items()), read(root.operand), derived)


def _constant(array: Array) -> Tree:
    numbers = np.array2string(array, separator=", ", threshold=array.size, floatmode="unique").replace("\n", "")
    return "constant", f"np.array({numbers}, np.{array.dtype})"


def _viewed(base: Tree, operand: Operand) -> Tree:
    """Return a view of the whole of a buffer: nothing more, its transpose, a reshape, a slice."""
    array, whole = operand.array, operand.buffer.array
    if operand.whole or (array.shape == whole.shape and array.strides == whole.strides):
        return base
    if array.shape == whole.shape[::-1] and array.strides == whole.strides[::-1]:
        return "view", base, ".T"
    for axes in permutations(range(whole.ndim)) if whole.ndim == array.ndim > 2 else ():
        if whole.transpose(axes).shape == array.shape and whole.transpose(axes).strides == array.strides:
            return "view", base, f".transpose{axes}"
    if array.size == whole.size and whole.flags.c_contiguous:
        if whole.ndim == 1 and array.shape == (array.size, 1):
            return "view", base, "[:, None]"
        if array.flags.c_contiguous:
            return "method", base, "reshape", (("shape", array.shape),)
        if array.T.flags.c_contiguous:
            return "view", ("method", base, "reshape", (("shape", array.shape[::-1]),)), ".T"
    slices = _slices(array, whole)
    if slices is None:
        raise _unwritable(array, whole)
    return "view", base, slices


def _unwritable(array: Array, base: Array) -> MisuseError:
    return MisuseError(
        "source",
        given=f"a view with shape {array.shape} of an array with shape {base.shape}",
        expected="slices, transposes and reshapes, to be read",
        fix="Write the op with fewer views of views",
    )


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


# ---------------------------------------------------------------------- trees as a page


class _Writer:
    """Writes a page: a result that is read once, and is no node's, becomes a part of the line that reads it."""

    def __init__(self, graph: Graph, labels: dict[int, str], page: Page) -> None:
        self.page = page
        self.leaves = [labels[id(node)] for node in graph.nodes if node.op is None and id(node) in labels]
        self.samples = next((labels[id(leaf)] for leaf in graph.inputs.values()), "")
        self.names = dict(page.names)
        self.taken = {*labels.values(), *self.names.values()}
        self.parts: dict[int, Tree] = {}
        self.constants: dict[str, str] = {}
        self.readers = Counter(_values_in((page.statements, page.result, page.gradients)))
        for _, value, tree in reversed(page.statements):  # what is only renamed gets that name at once
            if value in self.names and tree[0] == "value" and self.readers[tree[1]] == 1:
                self.names.setdefault(tree[1], self.names[value])

    def text(self, name: str) -> str:
        page = self.page
        sections: dict[int, list[str]] = {}
        for statement in page.statements:
            tree = self.expanded(statement.tree)
            if tree != ("name", self.names.get(statement.value)) and not self.inlined(statement.value, tree):
                sections.setdefault(statement.stage, []).append(f"{self.names[statement.value]} = {text(tree)}")
        body = []
        for stage, title in enumerate(("forward", "backward")):
            body += [f"# {title}", *sections[stage]] if stage in sections else []
        body += self.returned(text(self.expanded(page.result)))
        if any(re.search(rf"\b{SAMPLES}\b", line) for line in body):
            body.insert(0, f"{SAMPLES} = len({self.samples})")
        head = [f"{given} = {numbers}" for numbers, given in self.constants.items()]
        lines = ["import numpy as np", *([""] if head else []), *head, "", "", *self.signature(name)]
        return "\n".join([*lines, *(f"    {line}" for line in body), ""])

    def inlined(self, value: int, tree: Tree) -> bool:
        """Keep a result for the line that reads it, if it may be a part of that; else give it a name."""
        if value in self.names:
            return False
        short = tree[0] == "name" or (tree[0] == "negative" and tree[1][0] == "name")
        if short or (self.readers[value] == 1 and len(text(tree)) <= _LONGEST_PART):
            self.parts[value] = tree
            return True
        self.names[value] = self.fresh("t")
        return False

    def expanded(self, tree: Any) -> Any:
        """Return a tree with names, or the parts they stand for, in the place of results."""
        if not isinstance(tree, tuple) or isinstance(tree, Sized) or not tree:
            return tree
        if tree[0] == "value":
            return self.parts.get(tree[1]) or ("name", self.names[tree[1]])
        if tree[0] == "constant":
            if tree[1] not in self.constants:
                self.constants[tree[1]] = self.fresh("constant_")
            return "name", self.constants[tree[1]]
        found = tuple(self.expanded(part) for part in tree)
        return simplified(found) if isinstance(found[0], str) else found

    def fresh(self, stem: str) -> str:
        """Return a name that is not taken yet."""
        number = 1
        while f"{stem}{number}" in self.taken:
            number += 1
        self.taken.add(f"{stem}{number}")
        return f"{stem}{number}"

    def signature(self, name: str) -> list[str]:
        line = f"def {name}({', '.join(self.leaves)}):"
        return [line] if len(line) <= _WIDEST else [f"def {name}(", *_wrapped(self.leaves), "):"]

    def returned(self, result: str) -> list[str]:
        """Return the lines that hand back the result and the derivatives."""
        pairs = [f'"{name}": {text(self.expanded(tree))}' for name, tree in self.page.gradients]
        if not pairs:
            return [f"return {result}"]
        line = f"return {result}, {{{', '.join(pairs)}}}"
        if len(line) + 4 <= _WIDEST:
            return [line]
        return [f"return {result}, {{", *(f"    {pair}," for pair in pairs), "}"]


def _values_in(tree: Any) -> list[int]:
    """Return the numbers of the results that are read in a tree, as often as they are."""
    if not isinstance(tree, tuple):
        return []
    if len(tree) == 2 and tree[0] == "value":
        return [tree[1]]
    return [value for part in tree for value in _values_in(part)]


def _wrapped(words: list[str]) -> list[str]:
    """Return words with commas between them, in lines."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > _WIDEST - 8:
            lines.append("")
        lines[-1] += f" {word}," if lines[-1] else f"{word},"
    return [f"    {line}" for line in lines]
