"""Calls of a record as statements on tables: the first step from a record to compiled loops.

Every array is seen as a table of rows and columns: a vector is one row, a number one row of one column, and an array
of more axes is folded into a table where its memory allows. A statement says what is done at each place of a table.
What can't be said so is refused, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.ops.op import Array
from chainrule.replay.compiled.scalar_functions import EXPRESSIONS, FOLDS, ON_BOOLEANS
from chainrule.replay.recording import Buffer, Call, Operand


class Uncompilable(Exception):
    """Something in the record has no compiled form; the message says what."""


@dataclass(eq=False)
class Access:
    """An operand as a statement touches it.

    Attributes
    ----------
    operand : Operand
    shape : tuple of int
        At most two lengths: the table it is folded into.
    down, across : bool
        Whether it changes from row to row, from column to column.
    key : tuple
        Equal for two accesses that mean the same numbers in the same layout.
    span : tuple of int
        The first byte within the buffer, and the one after the last.
    """

    operand: Operand
    shape: tuple[int, ...]
    down: bool = False
    across: bool = False
    key: tuple[Any, ...] = field(init=False)
    span: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        array, base = self.operand.array, self.operand.buffer.array
        low, high = np.lib.array_utils.byte_bounds(array) if array.size else (address(array),) * 2
        start = address(base)
        self.span = (low - start, high - start)
        if not start <= low <= high <= start + base.nbytes:  # compiled code checks no bounds
            raise Uncompilable("an array that lies outside of its own memory")
        self.key = (id(self.operand.buffer), address(array) - start, array.shape, array.strides, array.dtype)

    @property
    def buffer(self) -> Buffer:
        return self.operand.buffer

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.operand.array.dtype

    def overlaps(self, other: Access) -> bool:
        """Whether both touch a byte of the same buffer."""
        return self.span[0] < other.span[1] and other.span[0] < self.span[1]


@dataclass(eq=False)
class OutsideNumber:
    """A number from outside: of a data set, of a schedule.

    Attributes
    ----------
    text : str
        How the compiled source writes it, in row ``{i}`` and column ``{j}``.
    dtype : dtype
    """

    text: str
    dtype: np.dtype[Any]


@dataclass(eq=False)
class LoopStatement:
    """What is done at each place of a table.

    Attributes
    ----------
    kind : str
        ``"each"`` computes every element by itself; ``"row"``, ``"column"`` and ``"total"`` fold the elements of a
        row, of a column, of the whole table; ``"product"`` is a matrix product.
    function : ufunc, `np.where` or `np.copyto`
    inputs : list of Access, OutsideNumber or number
    out : Access
    rows, columns : int
        Of the table.
    dtypes : tuple of dtype
        In which the function computes: of each input, and of its result.
    """

    kind: str
    function: Any
    inputs: list[Any]
    out: Access
    rows: int
    columns: int
    dtypes: tuple[np.dtype[Any], ...]

    @property
    def reads(self) -> list[Access]:
        """The operands among the inputs."""
        return [value for value in self.inputs if isinstance(value, Access)]

    @property
    def folds(self) -> bool:
        """Whether a whole row must be there before this can be computed."""
        return self.kind in ("row", "total") and self.columns > 1


def address(array: Array) -> int:
    """Return where an array's first element lies."""
    return int(array.__array_interface__["data"][0])


def statements_of(calls: Iterable[Call]) -> list[LoopStatement]:
    """Return calls as statements, in their order.

    Raises
    ------
    Uncompilable
        With the first thing that has no compiled form.
    """
    found: list[LoopStatement] = []
    for call in calls:
        translate = _TRANSLATIONS.get(call.method)
        if translate is None:
            raise Uncompilable(f"an op that could not be recorded ({call.method})")
        found += translate(call)
    return found


def copy_of(source: OutsideNumber, target: Operand) -> LoopStatement:
    """Return the statement that fills memory from outside."""
    rows, columns, (out,) = _table(target.array.shape, [target])
    return LoopStatement("each", np.copyto, [source], out, rows, columns, (out.dtype, out.dtype))


def _each(call: Call) -> list[LoopStatement]:
    if call.function is np.matmul:
        return _product(call)
    if call.function not in EXPRESSIONS:
        raise Uncompilable(f"np.{call.function.__name__}")
    dtypes = _dtypes(call)
    return [_elementwise(call.function, call.inputs, call.out, dtypes)]


def _copy(call: Call) -> list[LoopStatement]:
    dtype = call.out.array.dtype
    return [_elementwise(np.copyto, call.inputs, call.out, (dtype, dtype))]


def _function(call: Call) -> list[LoopStatement]:
    dtype = call.out.array.dtype
    if call.function is np.where:
        return [_elementwise(np.where, call.inputs, call.out, (np.dtype(bool), dtype, dtype, dtype))]
    if call.function is np.concatenate:
        return _pieces(call, dtype)
    raise Uncompilable(f"np.{call.function.__name__}")


def _pieces(call: Call, dtype: np.dtype[Any]) -> list[LoopStatement]:
    """Concatenation as a copy into each piece of the result."""
    target = call.out.array
    axis = call.options["axis"] % target.ndim
    found, start = [], 0
    for part in call.inputs[0]:
        stop = start + part.array.shape[axis]
        piece = target[(slice(None),) * axis + (slice(start, stop),)]
        found.append(_elementwise(np.copyto, [part], Operand(call.out.buffer, piece), (dtype, dtype)))
        start = stop
    return found


def _elementwise(function: Any, inputs: list[Any], out: Operand, dtypes: tuple[np.dtype[Any], ...]) -> LoopStatement:
    operands = [_without_copies(value) for value in inputs if isinstance(value, Operand)]
    rows, columns, (target, *accesses) = _table(out.array.shape, [out, *operands])
    left = iter(accesses)
    seen = [next(left) if isinstance(value, Operand) else value for value in inputs]
    return LoopStatement("each", function, seen, target, rows, columns, dtypes)


def _without_copies(operand: Operand) -> Operand:
    """Return an operand that was broadcast as it was before: with length 1 where it doesn't move in memory."""
    array = operand.array
    if 0 not in array.strides or not array.size:
        return operand
    return Operand(operand.buffer, array[tuple(slice(None if stride else 1) for stride in array.strides)])


def _dtypes(call: Call) -> tuple[np.dtype[Any], ...]:
    """Return the dtypes a ufunc computes in, by NumPy's own rules."""
    given: list[Any] = [v.array.dtype if isinstance(v, Operand) else type(v) for v in call.inputs]
    asked = call.options.get("dtype")
    options = {} if asked is None else {"signature": (*[None] * call.function.nin, np.dtype(asked))}
    dtypes: tuple[np.dtype[Any], ...] = call.function.resolve_dtypes((*given, None), **options)
    if call.function in ON_BOOLEANS and any(dtype.kind != "b" for dtype in dtypes):
        raise Uncompilable(f"np.{call.function.__name__} of numbers")
    if any(dtype.kind not in "fiub" or dtype == np.float16 for dtype in dtypes):
        raise Uncompilable(f"arrays of {dtypes[0]}")
    return dtypes


def _product(call: Call) -> list[LoopStatement]:
    operands = [*call.inputs, call.out]
    arrays = [operand.array for operand in operands if isinstance(operand, Operand)]
    if len(arrays) < 3 or any(array.ndim != 2 for array in arrays):
        raise Uncompilable("a matrix product of other than two tables")
    if any(array.dtype != arrays[2].dtype for array in arrays) or arrays[2].dtype.kind != "f":
        raise Uncompilable("a matrix product of unlike or whole numbers")
    found: list[LoopStatement] = []
    for i, operand in enumerate(operands[:2]):
        if not (operand.array.flags.c_contiguous or operand.array.flags.f_contiguous):
            array = np.array(operand.array)  # BLAS wants tables without gaps
            operands[i] = Operand(Buffer(array), array)
            found.append(_elementwise(np.copyto, [operand], operands[i], (array.dtype, array.dtype)))
    if not call.out.array.flags.c_contiguous:
        raise Uncompilable("a matrix product into a table with gaps")
    a, b, out = (Access(operand, operand.array.shape) for operand in operands)
    dtypes = (out.dtype,) * 3
    return [*found, LoopStatement("product", np.matmul, [a, b], out, out.shape[0], out.shape[1], dtypes)]


def _fold(call: Call) -> list[LoopStatement]:
    if call.function not in FOLDS:
        raise Uncompilable(f"np.{call.function.__name__}.reduce")
    source, out = call.inputs[0], call.out
    if not isinstance(source, Operand) or not source.array.size:
        raise Uncompilable("a reduction of nothing")
    shape = source.array.shape
    axis = call.options.get("axis", 0)
    axes = tuple(range(len(shape))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    reduced = sorted(a % len(shape) for a in axes) if shape else []
    left = [a for a in range(len(shape)) if a not in reduced]
    dtype = np.dtype(
        call.options.get("dtype") or (source.array.dtype if source.array.dtype.kind == "f" else out.array.dtype)
    )
    if dtype != out.array.dtype or dtype.kind != "f":
        raise Uncompilable(f"a reduction in {dtype} into {out.array.dtype}")
    dtypes = (dtype, dtype)
    # the axes that stay come first, or last, or not at all
    rows = math.prod(shape[a] for a in left)
    if not left:
        kind, split = "total", min(1, len(shape) - 1) if len(shape) > 1 else 0
    elif left == list(range(len(left))):
        kind, split = "row", len(left)
    elif reduced == list(range(len(reduced))):
        kind, split = "column", len(reduced)
    else:
        raise Uncompilable(f"a reduction over axis {axis} of {len(shape)}")
    table = (math.prod(shape[:split]), math.prod(shape[split:]))
    if kind == "total" and table[0] == 1:
        kind = "row"
    inner = _folded(source, table if len(shape) > 1 else (table[1],))
    inner.down, inner.across = table[0] > 1, table[1] > 1
    result = _folded(out, (rows, 1) if kind == "row" and rows > 1 else (rows,) if kind == "column" else ())
    result.down, result.across = kind == "row" and rows > 1, kind == "column" and rows > 1
    if (kind == "row" and table[1] == 1) or (kind == "column" and table[0] == 1):
        return [LoopStatement("each", np.copyto, [inner], result, *table, dtypes)]  # nothing to fold
    return [LoopStatement(kind, call.function, [inner], result, *table, dtypes)]


def _table(shape: tuple[int, ...], operands: list[Operand]) -> tuple[int, int, list[Access]]:
    """Return rows and columns for a shape, and the operands as they are broadcast to it."""
    if len(shape) <= 2:
        rows, columns = (1, 1, *shape)[-2:]
        accesses = []
        for operand in operands:
            array = operand.array
            if array.ndim > len(shape):
                raise Uncompilable("an array of more axes than its result")
            lengths = (1, 1, *array.shape)[-2:]
            accesses.append(Access(operand, array.shape, lengths[0] > 1, lengths[1] > 1))
        return rows, columns, accesses
    for split in range(1, len(shape)):  # an array of more axes is folded where all operands can be
        if all(_folds(operand, shape, split) for operand in operands):
            rows, columns = math.prod(shape[:split]), math.prod(shape[split:])
            return rows, columns, [_broadcast(operand, shape, split) for operand in operands]
    raise Uncompilable(f"arrays of {' and '.join(str(o.array.shape) for o in operands[1:])} together")


def _folds(operand: Operand, shape: tuple[int, ...], split: int) -> bool:
    """Return whether an operand is the same, or goes along, over all axes before the split, and over all behind it."""
    own = (1,) * (len(shape) - operand.array.ndim) + operand.array.shape
    parts = (own[:split], shape[:split]), (own[split:], shape[split:])
    return len(own) == len(shape) and all(part == whole or set(part) <= {1} for part, whole in parts)


def _broadcast(operand: Operand, shape: tuple[int, ...], split: int) -> Access:
    """Return an operand of a table that an array of more than two axes is folded into."""
    own = (1,) * (len(shape) - operand.array.ndim) + operand.array.shape
    rows, columns = math.prod(own[:split]), math.prod(own[split:])
    wide = (rows, columns) if rows > 1 or own == shape else (columns,)
    access = _folded(operand, () if operand.array.size == 1 else wide)
    access.down = len(access.shape) == 2 and rows > 1
    access.across = bool(access.shape) and access.shape[-1] > 1
    return access


def _folded(operand: Operand, shape: tuple[int, ...]) -> Access:
    array = operand.array
    if array.shape != shape and not array.flags.c_contiguous:
        raise Uncompilable(f"an array of {array.ndim} axes with gaps")
    return Access(operand, shape)


_TRANSLATIONS: dict[str, Callable[[Call], list[LoopStatement]]] = {
    "call": _each,
    "copy": _copy,
    "function": _function,
    "reduce": _fold,
}
