"""A program compiled into one function that takes many steps: gather, forward, backward, update.

Every node's value and gradient of the last step is where the program has it, so the inspector stays on. Losses come
back step by step; where one, or a gradient, is not finite, it stops before the update.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from chainrule.errors import ShapeError
from chainrule.ops.op import Array
from chainrule.replay.compiled import cache
from chainrule.replay.compiled.buffers import Memory, identifier
from chainrule.replay.compiled.fusing import FusedLoops
from chainrule.replay.compiled.parts import Module
from chainrule.replay.compiled.statements import (
    Access,
    LoopStatement,
    OutsideNumber,
    Uncompilable,
    copy_of,
    statements_of,
)
from chainrule.replay.names import Identifiers
from chainrule.replay.recording import Buffer, Call, Operand

if TYPE_CHECKING:
    from chainrule.graph.node import Node
    from chainrule.replay.program import Program

MOST_LINES = 1200  # of functions: 100 take 2 s to compile, 250 take 3, 900 take 7


class CompiledEpoch:
    """Many steps in one call.

    Attributes
    ----------
    source : str
        What was compiled, a module.
    batch : int
        How many entries of the order make a step: samples, or 1 where nothing is gathered.
    """

    def __init__(
        self, program: Program, gathered: Sequence[str], stacked: Sequence[str], scalars: int, copied: Array, noted: int
    ) -> None:
        self.source = ""
        self._inputs = {name: program.inputs[name] for name in (*gathered, *stacked)}
        self._stacked = frozenset(stacked)
        self._scalars = scalars
        self._noted = (1 + noted,) if noted else ()
        self._no_copies = np.empty((0, copied.size), copied.dtype)
        self.batch = len(self._inputs[gathered[0]]) if gathered else 1
        self._places: Array = np.empty(0, np.intp)
        self._memory: Memory | None = None  # it stays where it is as long as its addresses are used
        self._run: cache.Function | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """What `run` wants data for: first what is gathered, then what is stacked."""
        return tuple(self._inputs)

    def run(
        self,
        data: Mapping[str, Array],
        order: Array,
        scalars: Array | None = None,
        losses: Array | None = None,
        copies: Array | None = None,
    ) -> int:
        """Take as many steps as `order` holds batches.

        Parameters
        ----------
        data : mapping of str to ndarray
            For each gathered input its data set, (samples, …), of which every step takes a batch; for each stacked
            one a slab for each step, (steps, …).
        order : ndarray of int, (steps · batch,)
            Which samples, in which order.
        scalars : ndarray, (steps, scalars), optional
            For each step the numbers of the arrays that were named when compiling.
        losses : ndarray of float64, (steps,), optional
            Where each step's loss is written; (steps, 1 + noted) where other nodes are noted beside it.
        copies : ndarray, (n, parameters), optional
            Where the vector `copied` is written, n times, after equally many steps.

        Returns
        -------
        int
            The steps taken: fewer than asked for if a loss or a gradient was NaN or infinite. Nodes then show the
            step that went wrong, whose update was left out.

        Raises
        ------
        ShapeError, InputError
            If arrays are not of the shapes and dtypes that were compiled, or the order leaves the data.
        """
        steps, rest = divmod(len(order), self.batch)
        if rest:
            _refuse(f"an order of {len(order)} samples", f"whole batches of {self.batch}", "Run the rest by another")
        order = np.ascontiguousarray(order, np.int64)
        sets = {name: self._checked(name, data.get(name), steps) for name in self._inputs}
        count = min((len(array) for name, array in sets.items() if name not in self._stacked), default=2**63)
        if steps and not (order.min() >= 0 and order.max() < count):
            _refuse(f"an order from {order.min()} to {order.max()}", f"0 to {count - 1}", "Pass indices into the data")
        numbers = np.empty((steps, 0)) if scalars is None else np.ascontiguousarray(scalars, np.float64)
        if numbers.shape != (steps, self._scalars):
            _refuse(f"scalars of shape {numbers.shape}", f"({steps}, {self._scalars})", "Pass a row for each step")
        shape = (steps, *self._noted)
        losses = np.empty(shape) if losses is None else losses
        if losses.shape != shape or losses.dtype != np.float64 or not losses.flags.c_contiguous:
            _refuse(f"losses of {losses.dtype} {losses.shape}", f"float64 {shape}", f"Pass np.empty({shape})")
        copies = self._no_copies if copies is None else copies
        like = self._no_copies
        fits = copies.shape[1:] == like.shape[1:] and copies.dtype == like.dtype and copies.flags.c_contiguous
        if not fits or (len(copies) and steps % len(copies)):
            wanted = f"{like.dtype} (n, {like.shape[1]}), {steps} steps a multiple of n"
            _refuse(f"copies of {copies.dtype} {copies.shape}", wanted, "Pass a row for each time")
        return self._call(steps, order, numbers, losses, copies, sets)

    def _call(
        self, steps: int, order: Array, scalars: Array, losses: Array, copies: Array, sets: Mapping[str, Array]
    ) -> int:
        assert self._run is not None
        tables = [_as_table(array, self._inputs[name], name in self._stacked) for name, array in sets.items()]
        every = steps // len(copies) if len(copies) else steps + 1
        return int(self._run(steps, order, scalars, losses, every, copies, *tables, self._places))

    def _checked(self, name: str, array: Array | None, steps: int) -> Array:
        like = self._inputs[name]
        stacked = name in self._stacked
        shape = like.shape if stacked else like.shape[1:]
        wanted = f"{like.dtype} ({', '.join(['steps' if stacked else 'samples', *map(str, shape)])})"
        if array is None:
            _refuse(f"no {name!r}", wanted, "Pass it in data")
        if array.shape[1:] != shape or array.dtype != like.dtype or (stacked and len(array) != steps):
            _refuse(f"{name!r} as {array.dtype} {array.shape}", wanted, "Pass what the program was recorded with")
        return array

    def compile(self, module: Module, memory: Memory) -> None:
        """Compile the source, which reads and writes this memory; with it run no step."""
        self.source, self._places, self._memory = module.source, module.places, memory
        sets = {
            name: np.empty((0, *(like.shape if name in self._stacked else like.shape[1:])), like.dtype)
            for name, like in self._inputs.items()
        }

        def once(function: cache.Function) -> None:
            self._run = function
            self._call(
                0,
                np.empty(0, np.int64),
                np.empty((0, self._scalars)),
                np.empty((0, *self._noted)),
                self._no_copies,
                sets,
            )

        self._run = _compiled(module, once)


def compile_program(
    program: Program,
    *,
    gathered: Sequence[str],
    stacked: Sequence[str] = (),
    scalars: Sequence[Array] = (),
    gradient: Array | None = None,
    copied: Array | None = None,
    noted: Sequence[Node] = (),
    names: Mapping[str, Array] | None = None,
) -> CompiledEpoch:
    """Compile a program into a function that takes many steps.

    Parameters
    ----------
    program : Program
        With gradients and the stage ``"update"``, on batches of the size to be run.
    gathered : sequence of str
        The inputs that are rows of a data set.
    stacked : sequence of str
        The inputs that are given anew for each step, such as dropout's masks. Others stay as they are.
    scalars : sequence of ndarray
        The arrays of no axes that change from step to step: the learning rate, an optimizer's corrections.
    gradient : ndarray, optional
        The vector that must be finite before the stage ``"update"``, and the loss with it. None: nothing is checked.
    copied : ndarray, optional
        The vector of which `run` may leave copies: the parameters.
    noted : sequence of Node
        Whose value, one number, is noted beside the loss.
    names : mapping of str to ndarray, optional
        What arrays other than nodes' shall be called in the source.

    Raises
    ------
    Uncompilable
        If something in the program has no compiled form: it can still be replayed.
    MissingExtraError
        If numba is not installed.
    """
    if program.called:
        raise Uncompilable(f"{', '.join(program.called)}, which can't be recorded")
    copied = np.empty(0, np.float32) if copied is None else copied
    epoch = CompiledEpoch(program, gathered, stacked, len(scalars), copied, len(noted))
    free = Identifiers()
    tables = {name: free.new(f"{identifier(name)}_data") for name in (*gathered, *stacked)}
    stages = [_feeds(program, tables, stacked, scalars), *map(statements_of, program.calls.values())]
    results = _results(program)
    gate = None if gradient is None else 1 + list(program.calls).index("update")
    schedule = FusedLoops(stages, {id(operand.buffer) for _, operand in results}, gate=gate)
    memory = Memory(schedule, program.locate, _names(program, results, names or {}), free)
    title = f"Training steps on {epoch.batch} samples each, down to {identifier(str(program.graph.root.name))}."
    given = ["order", "scalars", "losses", "every", "copies", *tables.values()]
    module = Module(
        title, schedule, memory, _gate(program, memory, gradient, noted), _copying(program, memory, copied), given
    )
    epoch.compile(module, memory)
    return epoch


def compile_calls(calls: Sequence[Call], title: str) -> Callable[[], None]:
    """Compile some calls of a record into one function without arguments, to the bits that NumPy computes.

    Parameters
    ----------
    calls : sequence of Call
        On the memory they stand for, which must stay where it is; their own temporaries are seen by nobody.
    title : str
        The first line of the source.

    Raises
    ------
    Uncompilable, MissingExtraError
        See `compile_program`.
    """
    schedule = FusedLoops([statements_of(calls)], set())
    memory = Memory(schedule, lambda operand: operand.array, [], Identifiers())
    module = Module(title, schedule, memory, [], [], [])
    function = _compiled(module, lambda found: found(0, module.places))

    def run(memory: Memory = memory) -> None:  # the memory's own arrays live as long as their addresses are used
        function(1, module.places)

    return run


def _compiled(module: Module, call_once: Callable[[cache.Function], object]) -> cache.Function:
    if module.lines > MOST_LINES:
        raise Uncompilable(f"a step of {module.lines} lines of loops, more than {MOST_LINES}")
    try:
        return cache.load(module.source, call_once)
    except Exception as error:
        if type(error).__module__.split(".")[0] != "numba":
            raise
        raise Uncompilable(f"what numba refuses ({str(error).splitlines()[0]})") from error


def _feeds(
    program: Program, tables: Mapping[str, str], stacked: Sequence[str], scalars: Sequence[Array]
) -> list[LoopStatement]:
    """Return the statements that fill the inputs, each from its table of data, and the scalars of a step."""
    found = []
    for name, table in tables.items():
        array = program.inputs[name]
        if name in stacked:
            index = ("[s]", "[s, {j}]", "[s, {i}, {j}]")[min(array.ndim, 2)]
        else:
            index = "[sample, {j}]" if array.ndim > 1 else f"[order[s * {len(array)} + {{j}}]]"
        found.append((array, f"{table}{index}"))
    statements = [copy_of(OutsideNumber(text, array.dtype), _own_memory(program, array)) for array, text in found]
    for k, array in enumerate(scalars):
        source = OutsideNumber(f"scalars[s, {k}]", np.dtype(np.float64))
        statements.append(copy_of(source, _own_memory(program, array)))
    return statements


def _own_memory(program: Program, array: Array) -> Operand:
    """Return memory that the program knows, an input or a vector, as an operand."""
    calls = (call for stage in program.calls.values() for call in stage)
    buffers = [operand.buffer for call in calls for operand in (*call.read(), call.out)]
    buffers += [value.operand.buffer for value in program.recorded]
    buffer = next((buffer for buffer in buffers if buffer.home is array), None)
    return Operand(buffer or Buffer(array, home=array), array if buffer is None else buffer.array)


def _results(program: Program) -> list[tuple[str, Operand]]:
    """Return the values and gradients of all nodes, each with its name."""
    labels = {id(node): name for name, node in program.graph.names.items()}
    nodes = [labels.get(id(node), "value") for node in program.graph.nodes]
    values = [(name, value.operand) for name, value in zip(nodes, program.recorded, strict=True)]
    gradients = zip(nodes, program.recorded_gradients, strict=True)
    return values + [(f"d_{name}", gradient.operand) for name, gradient in gradients if gradient is not None]


def _names(program: Program, results: list[tuple[str, Operand]], names: Mapping[str, Array]) -> list[tuple[str, Array]]:
    return [*names.items(), *((name, program.locate(operand)) for name, operand in results)]


def _gate(program: Program, memory: Memory, gradient: Array | None, noted: Sequence[Node]) -> list[str]:
    """Return the lines that note the loss, and leave if it or the gradient is not finite."""

    def number(node: Node) -> str:
        value = program.recorded[program.graph.place(node)].operand
        if value.array.size != 1:
            raise Uncompilable("a loss of more than one number")
        return f"{memory.name(Access(value, value.array.shape))}[{', '.join('0' * value.array.ndim) or '()'}]"

    loss = number(program.graph.root)
    lines = [f"losses[s{', 0' if noted else ''}] = {loss}"]
    lines += [f"losses[s, {i}] = {number(node)}" for i, node in enumerate(noted, 1)]
    if gradient is not None:
        vector = memory.name(Access(_own_memory(program, gradient), gradient.shape))
        lines.append(f"if not (math.isfinite({loss}) and all_finite({vector})):")
        lines.append("    return s")
    return lines


def _copying(program: Program, memory: Memory, copied: Array) -> list[str]:
    """Return the lines at the end of a step that note a vector where that is due."""
    if not copied.size:
        return []
    vector = memory.name(Access(_own_memory(program, copied), copied.shape))
    lines = ["if (s + 1) % every == 0:", f"    for k in range({copied.size}):"]
    return [*lines, f"        copies[(s + 1) // every - 1, k] = {vector}[k]"]


def _as_table(array: Array, like: Array, stacked: bool) -> Array:
    """Return a data set with one axis for all that a sample holds, read-only: one type for numba, whoever owns it."""
    array = np.ascontiguousarray(array).view()
    if like.ndim > 1:
        width = math.prod(like.shape[1:])
        array = array.reshape(*array.shape[: 1 + stacked], width)
    array.flags.writeable = False
    return array


def _refuse(given: str, expected: str, fix: str) -> NoReturn:
    raise ShapeError("compiled run", given=given, expected=expected, fix=fix)
