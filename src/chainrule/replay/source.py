"""The record as a page of plain NumPy: what a network does in a step, under the names of its nodes.

The page is written from the calls that are replayed, not from the ops, so it is what runs; and it runs as printed.
Where the graph takes batches of any size, so does the page: it is recorded for two sizes, and what differs is a
number in proportion to the samples.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, MisuseError
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.ops.op import Array
from chainrule.replay.expressions import SAMPLES, Sized, Tree, Unlike, merged, of_call, of_constant, simplified, text
from chainrule.replay.names import Identifiers, literal
from chainrule.replay.program import Program
from chainrule.replay.recording import Operand
from chainrule.replay.views import of_view, placed_at

_BATCH = 4  # and twice as many: numbers in proportion to them come out exactly
_LONGEST_PART = 60  # characters of a formula that becomes a part of another line
_WIDEST = 100  # characters of a line
USED = ("np", "len", SAMPLES)  # what a page calls by these names itself


class SourcePage(NamedTuple):
    """A page in parts.

    Attributes
    ----------
    constants : dict of str to str
        Name -> its numbers: arrays that are the same in every run.
    arguments : list of str
        The inputs and parameters it takes, by their identifiers.
    body : list of str
        Its lines, the first without indentation.
    result : str
        The root's value.
    gradients : dict of str to str
        Parameter, by its name in the graph -> its derivative.
    """

    constants: dict[str, str]
    arguments: list[str]
    body: list[str]
    result: str
    gradients: dict[str, str]


class RecordedCall(NamedTuple):
    """A call: in which part of the step, the number of its result, and how it is computed."""

    stage: str
    value: int
    tree: Tree


class Record(NamedTuple):
    """What was recorded, as trees.

    Attributes
    ----------
    statements : tuple of RecordedCall
    names : tuple of (int, str)
        What results are called that nodes show.
    result : Tree
        The root's value.
    gradients : tuple of (str, Tree)
        Parameter, its derivative.
    """

    statements: tuple[RecordedCall, ...]
    names: tuple[tuple[int, str], ...]
    result: Tree
    gradients: tuple[tuple[str, Tree], ...]


@checks.keywords
def source(graph: Graph, *, name: str = "step", gradients: bool = True, any_batch: bool = False) -> str:
    """Return a graph's forward and backward pass as a readable NumPy function.

    The function takes the graph's inputs and parameters and returns the root's value and, by parameter, its
    derivatives; where the graph takes batches of any size, so does the function, and where not, it says so. Sums that
    the record keeps in float64 and rounds back are written as plain sums.

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
    if not isinstance(name, str) or Identifiers(USED).new(name) != name:
        raise InputError(
            "source name",
            given=repr(name)[:80],
            expected=f"a name for a function, and none of {', '.join(USED)}, which the page uses",
            fix="Pass 'step'",
        )
    page = written(graph, taken=[name], gradients=gradients, any_batch=any_batch)
    constants = [f"{constant} = {numbers}" for constant, numbers in page.constants.items()]
    head = ["import numpy as np", *([""] if constants else []), *constants, "", ""]
    body = [*page.body, *_returned(page.result, page.gradients)]
    return "\n".join([*head, *_signature(name, page.arguments), *(f"    {line}" for line in body), ""])


def written(
    graph: Graph,
    *,
    identifiers: Mapping[int, str] | None = None,
    taken: Iterable[str] = (),
    gradients: bool = True,
    any_batch: bool = False,
) -> SourcePage:
    """Return the page that `source` prints, in parts: for who puts more around it.

    Parameters
    ----------
    identifiers : mapping of int to str, optional
        What some nodes are called already, by their ids.
    taken : iterable of str
        What nothing else may be called.
    """
    if not isinstance(graph, Graph):
        raise InputError(
            "source",
            given=f"a {type(graph).__name__}",
            expected="a graph",
            fix="Pass network.graph() for a network, cr.Graph(node) for a node",
        )
    names = _Names(graph, identifiers or {}, taken)
    gradients = gradients and bool(graph.wrt) and graph.root._value.size == 1
    record, notes = _recorded(graph, names, gradients, None), []
    lengths = {leaf._value.shape[:1] for leaf in graph.inputs.values()}
    try:
        if len(lengths) != 1 or () in lengths or (gradients and graph.root._value.ndim):
            raise Unlike
        one, other = (_recorded(graph, names, gradients, count) for count in (_BATCH, 2 * _BATCH))
        record = merged(one, other, _BATCH)
    except Exception as reason:  # the graph takes batches of this size alone, or computes otherwise for another
        if any_batch:
            raise MisuseError(
                "source",
                given="a graph that can't take batches of any size, or does something else for more samples",
                expected="the same calls, however many samples there are",
                fix="Use layers that treat each sample alone",
            ) from reason
        if len(lengths) == 1 and () not in lengths:
            notes = [f"# for a batch of {lengths.pop()[0]} alone"]
    page = _Writer(graph, names, record).page()
    return page._replace(body=notes + page.body)


class _Names:
    """What a page calls things.

    Attributes
    ----------
    free : Identifiers
        Where others come from.
    values, derivatives : dict of int to str
        Node, by its id -> the identifier of its value, and of its derivative.
    labels : dict of int to str
        Node, by its id -> its name in the graph, which may be any text.
    """

    def __init__(self, graph: Graph, given: Mapping[int, str], taken: Iterable[str]) -> None:
        self.graph = graph
        self.free = Identifiers([*USED, *taken, *given.values()])
        self.labels = {id(node): label for label, node in graph.names.items()}
        self.values = dict(given)
        fed = {id(leaf): name for name, leaf in graph.inputs.items()}  # first, so that x stays x
        for place, label in (fed | self.labels).items():
            if place not in self.values:
                self.values[place] = self.free.new(label)
        self.derivatives = {place: self.free.new(f"d_{self.values[place]}") for place in self.labels}

    def label(self, node: Node) -> str:
        """Return what a derivative is filed under: the node's name; for a constant, where it is used."""
        if id(node) in self.labels:
            return self.labels[id(node)]
        users = ((n, role) for n in self.graph.nodes for role, child in n.children.items() if child is node)
        return next((f"{self.labels[id(user)]}.{role}" for user, role in users), "constant")


# ---------------------------------------------------------------------- the record as trees


def _recorded(graph: Graph, names: _Names, gradients: bool, count: int | None) -> Record:
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
            now[id(value.operand.buffer)] = "name", names.values[id(node)]

    def read(operand: Operand) -> Tree:
        if operand.buffer.constant:
            return of_constant(operand.array) or _constant(operand.array)
        return of_view(now[id(operand.buffer)], operand)

    statements: list[RecordedCall] = []
    for stage, calls in program.calls.items():
        for call in calls:
            statement = RecordedCall(stage, len(statements), of_call(call, read))
            if not call.out.whole:  # a part of fresh zeros, or of what was written there before
                place = placed_at(call.out)
                statement = statement._replace(tree=("placed", now[id(call.out.buffer)], place, statement.tree))
            now[id(call.out.buffer)] = "value", statement.value
            statements.append(statement)
    found: dict[int, str] = {}
    shown = [(names.values.get(id(node)), value) for node, value, _ in nodes]
    shown += [(names.derivatives.get(id(node)), gradient) for node, _, gradient in nodes if gradient is not None]
    for name, recorded in shown:
        if recorded.operand.whole and name is not None:
            kind, *told = now.get(id(recorded.operand.buffer), ("constant",))
            if kind == "value":
                found.setdefault(told[0], name)
    asked = {id(node) for node in graph.wrt}
    derived = [(names.label(n), g) for n, _, g in nodes if g is not None and id(n) in asked]
    root = program.recorded[graph.place(graph.root)]
    return Record(
        tuple(statements),
        tuple(found.items()),
        read(root.operand),
        tuple((label, read(gradient.operand)) for label, gradient in derived),
    )


def _constant(array: Array) -> Tree:
    numbers = np.array2string(array, separator=", ", threshold=array.size, floatmode="unique").replace("\n", "")
    numbers = re.sub("nan|inf", r"np.\g<0>", numbers)
    return "constant", f"np.array({numbers}, np.{array.dtype})"


# ---------------------------------------------------------------------- trees as a page


class _Writer:
    """Writes a page: a result that is read once, and is no node's, becomes a part of the line that reads it."""

    def __init__(self, graph: Graph, names: _Names, record: Record) -> None:
        self.record, self.free = record, names.free
        called = names.values
        self.leaves = [called[id(node)] for node in graph.nodes if node.op is None and id(node) in called]
        self.samples = next((called[id(leaf)] for leaf in graph.inputs.values()), "")
        self.names = dict(record.names)
        self.parts: dict[int, Tree] = {}
        self.constants: dict[str, str] = {}
        self.readers = Counter(_values_in((record.statements, record.result, record.gradients)))
        for _, value, tree in reversed(record.statements):  # what is only renamed gets that name at once
            if value in self.names and tree[0] == "value" and self.readers[tree[1]] == 1:
                self.names.setdefault(tree[1], self.names[value])

    def page(self) -> SourcePage:
        sections: dict[str, list[str]] = {}
        for statement in self.record.statements:
            tree = self.expanded(statement.tree)
            if tree[0] == "placed":
                name = self.names.setdefault(statement.value, self.free.numbered("t"))
                _, whole, place, part = tree
                lines = [f"{name} = {text(whole)}", f"{name}{place} = {text(part)}"]
                sections.setdefault(statement.stage, []).extend(lines)
            elif tree != ("name", self.names.get(statement.value)) and not self.inlined(statement.value, tree):
                sections.setdefault(statement.stage, []).append(f"{self.names[statement.value]} = {text(tree)}")
        body = []
        for stage, lines in sections.items():
            body += [f"# {stage}", *lines]
        result = text(self.expanded(self.record.result))
        gradients = {name: text(self.expanded(tree)) for name, tree in self.record.gradients}
        if any(re.search(rf"\b{SAMPLES}\b", line) for line in (*body, result, *gradients.values())):
            body.insert(0, f"{SAMPLES} = len({self.samples})")
        constants = {name: numbers for numbers, name in self.constants.items()}
        return SourcePage(constants, self.leaves, body, result, gradients)

    def inlined(self, value: int, tree: Tree) -> bool:
        """Keep a result for the line that reads it, if it may be a part of that; else give it a name."""
        if value in self.names:
            return False
        short = tree[0] == "name" or (tree[0] == "negative" and tree[1][0] == "name")
        if short or (self.readers[value] == 1 and len(text(tree)) <= _LONGEST_PART):
            self.parts[value] = tree
            return True
        self.names[value] = self.free.numbered("t")
        return False

    def expanded(self, tree: Any) -> Any:
        """Return a tree with names, or the parts they stand for, in the place of results."""
        if not isinstance(tree, tuple) or isinstance(tree, Sized) or not tree:
            return tree
        if tree[0] == "value":
            return self.parts.get(tree[1]) or ("name", self.names[tree[1]])
        if tree[0] == "constant":
            if tree[1] not in self.constants:
                self.constants[tree[1]] = self.free.numbered("constant_")
            return "name", self.constants[tree[1]]
        found = tuple(self.expanded(part) for part in tree)
        return simplified(found) if isinstance(found[0], str) else found


def _values_in(tree: Any) -> list[int]:
    """Return the numbers of the results that are read in a tree, as often as they are."""
    if not isinstance(tree, tuple):
        return []
    if len(tree) == 2 and tree[0] == "value":
        return [tree[1]]
    return [value for part in tree for value in _values_in(part)]


def _signature(name: str, arguments: list[str]) -> list[str]:
    """Return the line that begins the function, or lines if it is long."""
    line = f"def {name}({', '.join(arguments)}):"
    if len(line) <= _WIDEST:
        return [line]
    inside = textwrap.wrap(", ".join(arguments) + ",", _WIDEST - 4, break_long_words=False)
    return [f"def {name}(", *(f"    {part}" for part in inside), "):"]


def _returned(result: str, gradients: dict[str, str]) -> list[str]:
    """Return the lines that hand back the result and the derivatives."""
    pairs = [f"{literal(name)}: {derivative}" for name, derivative in gradients.items()]
    line = f"return {result}" + (f", {{{', '.join(pairs)}}}" if pairs else "")
    if len(line) + 4 <= _WIDEST or not pairs:
        return [line]
    return [f"return {result}, {{", *(f"    {pair}," for pair in pairs), "}"]
