"""From a call of the record to the cheapest NumPy call that does the same: the one file that knows the machine.

Each rule has its measured reason beside it (µs, one thread). Without lowering, replay gives the very bits of plain
calls; with it, sums and products may be added up in another order, which moves a result by no more than
k · eps · |A| · |B| for a product over k elements.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from chainrule.errors import printable
from chainrule.graph.calls import read_only
from chainrule.ops.op import Array
from chainrule.replay.recording import Call, Operand

Step = tuple[Callable[..., Any], tuple[Any, ...]]
Locate = Callable[[Operand], Array]


def steps(calls: list[Call], locate: Locate, kept: set[int], *, lowering: bool) -> list[tuple[Call, Step]]:
    """Return what runs for these calls, each step with the call it belongs to.

    Parameters
    ----------
    calls : list of Call
    locate : function
        Where an operand lies.
    kept : set of int
        The identities of the buffers that are read after these calls.
    lowering : bool
        Whether calls take their cheapest form.
    """
    if not lowering:
        return [(call, step) for call in calls for step in plain(call, locate)]
    found: list[tuple[Call, Step]] = []
    for run in _runs(calls):
        if _long(run[0]) and len(run) > 1:
            found += _in_blocks(run, locate, kept)
        else:
            found += [(call, step) for call in run for step in lowered(call, locate)]
    return found


# Long vectors are taken block by block through all passes of a formula, so that they come from memory once: Adam on
# 178,110 parameters 190 for 310, stochastic gradient descent 22 for 38. A block of every vector fits the cache; in
# shorter ones the calls themselves weigh: Adam 5 % more in blocks of 8192, 20 % in blocks of 4096.
BLOCK = 16384


def _long(call: Call) -> bool:
    """Return whether a call goes through a long vector element by element."""
    shape = call.out.array.shape
    return (
        call.method == "call"
        and call.function is not np.matmul
        and len(shape) == 1
        and shape[0] >= 2 * BLOCK
        and all(operand.array.shape in ((), shape) for operand in call.read())
    )


def _runs(calls: list[Call]) -> list[list[Call]]:
    """Return the calls in order, those that go through long vectors of one shape together."""
    runs: list[list[Call]] = []
    for call in calls:
        together = runs and _long(call) and _long(runs[-1][0])
        if together and runs[-1][0].out.array.shape == call.out.array.shape:
            runs[-1].append(call)
        else:
            runs.append([call])
    return runs


def _in_blocks(calls: list[Call], locate: Locate, kept: set[int]) -> list[tuple[Call, Step]]:
    """Return the steps of calls through long vectors, block after block; temporaries need one block only."""
    made = {id(call.out.buffer) for call in calls} - kept
    scratch: dict[int, Array] = {}
    for call in calls:
        buffer = call.out.buffer
        if id(buffer) in made and buffer.temporary:
            scratch.setdefault(id(buffer), np.empty(BLOCK, call.out.array.dtype))
    size = calls[0].out.array.shape[0]
    found: list[tuple[Call, Step]] = []
    for start in range(0, size, BLOCK):
        count = min(BLOCK, size - start)

        parts: dict[int, Array] = {}

        def block(operand: Operand, start: int = start, count: int = count, parts: dict[int, Array] = parts) -> Array:
            array = scratch.get(id(operand.buffer))
            if array is not None:
                return parts.setdefault(id(array), array[:count])
            array = locate(operand)
            return parts.setdefault(id(array), array[start : start + count]) if array.ndim else array

        found += [(call, step) for call in calls for step in plain(call, block)]
    return found


# A long update compiled as one loop: Adam on 178,110 parameters 51 for 229. Loading numba and what it compiled before
# takes 0.5 s, compiling 1 s: about as much as is lost by then, so that a short training never waits for it.
ELEMENTS_BEFORE_COMPILING = 7e9
# What a compiled loop rounds exactly as NumPy does: each is one operation of the processor, or a choice.
_EXACT = {
    *(np.add, np.subtract, np.multiply, np.true_divide, np.sqrt, np.square, np.negative, np.absolute),
    *(np.maximum, np.minimum, np.copyto),
}


def runs_before_compiling(calls: list[Call]) -> int | None:
    """Return after how many runs some calls are worth compiling, where that gives the same bits; None if never."""
    if any(call.method not in ("call", "copy") or call.function not in _EXACT for call in calls):
        return None
    elements = sum(call.out.array.size for call in calls if _long(call))
    if not elements or any(importlib.util.find_spec(package) is None for package in ("numba", "scipy")):
        return None
    return math.ceil(ELEMENTS_BEFORE_COMPILING / elements)


def compiled(calls: list[Call]) -> tuple[Step | None, str]:
    """Return some calls, on the memory they stand for, as one compiled function, or None; and in words which."""
    try:
        from chainrule.replay.compiled import compile_calls  # numba takes its time to import

        return (compile_calls(calls, "The update of all parameters."), ()), "compiled"
    except Exception as error:  # what a compiler lacks is no trouble of the training's: NumPy computes the same
        return None, f"not compiled, because of {printable(str(error))}"


_WITH_OUT = (np.concatenate, np.cumsum)  # functions that write where their result belongs


def plain(call: Call, locate: Locate) -> list[Step]:
    """Return the call as it was recorded, writing where its result belongs."""
    out = locate(call.out)
    inputs = [_located(value, locate) for value in call.inputs]
    if call.method == "copy":
        source = inputs[0]
        cut = () if np.can_cast(source.dtype, out.dtype, "same_kind") else ("unsafe",)  # floats to whole numbers
        return [(np.copyto, (out, source, *cut))]
    if call.function in _WITH_OUT:
        return [(partial(call.function, out=out, **call.options), tuple(inputs))]
    if call.method == "function":
        return [(_call_and_copy, (call.function, inputs, call.options, out))]
    if call.method == "op":  # which may be a user's: it gets arrays that it can't write to
        return [(call.function, (out, *map(read_only, inputs)))]
    if call.method == "reduce":
        options = {"axis": 0, "dtype": None, "keepdims": False} | call.options
        return [(call.function.reduce, (inputs[0], options["axis"], options["dtype"], out, options["keepdims"]))]
    return [_ufunc(call, inputs, out)]


def lowered(call: Call, locate: Locate) -> list[Step]:
    """Return the call in its cheapest form."""
    out = locate(call.out)
    if call.method == "call" and out.ndim == 0 and out.dtype == np.float32:
        # A mean: summed up in float64 it is divided and made float32 in two calls of 0.19, in one of 0.57.
        wide = np.empty((), np.float64)
        inputs = [_located(value, locate) for value in call.inputs]
        if any(isinstance(value, np.ndarray) and value.dtype == wide.dtype for value in inputs):
            return [_ufunc(call, inputs, wide), (np.copyto, (out, wide))]
    if call.function is np.where:
        return _choice(call, locate) or plain(call, locate)
    if call.function is np.multiply:
        return _converted(call, locate) or plain(call, locate)
    if call.method == "reduce":
        return _reduction(call, locate(call.inputs[0]), locate(call.out)) or plain(call, locate)
    if call.function is np.matmul:
        a, b = (_located(value, locate) for value in call.inputs)
        # a.dot(b, out) 0.25, np.matmul(a, b, out) 0.84: the same BLAS call with less around it.
        if a.ndim == b.ndim == 2 and out.flags.c_contiguous and a.dtype == b.dtype == out.dtype:
            return [(a.dot, (b, out))]
    return plain(call, locate)


def _choice(call: Call, locate: Locate) -> list[Step]:
    """Return np.where(condition, number, array) as a copy, and the number put where it belongs: 0.8 for 1.4."""
    out = locate(call.out)
    condition, number, array = (_located(value, locate) for value in call.inputs)
    if not isinstance(number, (int, float)) or not isinstance(array, np.ndarray):
        return []
    if not (condition.shape == array.shape == out.shape and array.dtype == out.dtype):
        return []
    return [(np.copyto, (out, array)), (np.putmask, (out, condition, np.array(number, out.dtype)))]


def _converted(call: Call, locate: Locate) -> list[Step]:
    """Return a product of floats with truths or bytes, those made floats beforehand.

    In one call NumPy converts piece by piece: truths 0.6 for 1.0 at (64, 10), bytes times a number 7.7 for 9.0 at
    (64, 784).
    """
    out = locate(call.out)
    inputs = [_located(value, locate) for value in call.inputs]
    arrays = [value for value in inputs if isinstance(value, np.ndarray) and value.ndim]
    if out.dtype.kind != "f" or any(value.shape != out.shape for value in arrays):
        return []
    found: list[Step] = []
    for i, value in enumerate(inputs):
        if isinstance(value, np.ndarray) and value.dtype in (np.bool_, np.uint8) and value.ndim:
            if len(arrays) > 1 and out.size > 4096:  # the copy no longer fits the nearest cache
                return []
            inputs[i] = out if len(arrays) == 1 else np.empty(out.shape, out.dtype)
            found.append((np.copyto, (inputs[i], value)))
    return [*found, _ufunc(call, inputs, out)] if found else []


def _reduction(call: Call, array: Array, out: Array) -> list[Step]:
    options = {"axis": 0, "dtype": None, "keepdims": False} | call.options
    axis, keepdims = options["axis"], options["keepdims"]
    axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    axis = axis + array.ndim if isinstance(axis, int) and axis < 0 else axis
    if array.ndim != 2 or array.dtype.kind != "f" or not array.size:
        return []
    rows, columns = array.shape
    widened = axis is None and out.ndim == 0 and out.dtype == np.float64 and array.dtype == np.float32
    if call.function is np.add and widened and array.flags.c_contiguous and array.size <= 4096:
        # Few float32 added up in float64: widened and multiplied with ones 0.85, reduced 1.28.
        wide = np.empty(array.size)
        return [(np.copyto, (wide, array.reshape(-1))), (np.ones(array.size).dot, (wide, out))]
    if call.function is np.add and out.dtype == array.dtype:
        # Sums over rows or columns as a product with ones: 0.23 for np.add.reduce's 1.9, and BLAS adds in parallel.
        if axis == 0 and not keepdims and out.flags.c_contiguous:
            return [(np.ones(rows, array.dtype).dot, (array, out))]
        if axis == 1 and keepdims and array.flags.c_contiguous and out.flags.c_contiguous:
            return [(array.dot, (np.ones((columns, 1), array.dtype), out))]
    if axis == 1 and keepdims and call.function is np.maximum and rows == 1:
        # The greatest of one row: its place found and looked up 0.3, reduced 0.9.
        place, flat = np.empty((), np.intp), array.reshape(-1)
        if np.may_share_memory(flat, array):
            return [(flat.argmax, (None, place)), (flat.take, (place, None, out.reshape(()), "clip"))]
    if axis == 1 and keepdims and call.function is np.maximum and columns <= 32 <= rows:
        # Few long columns reduce faster than many short rows: 3.9 for 8.6 at (64, 10), the copy included.
        turned = np.empty((columns, rows), array.dtype)
        return [(np.copyto, (turned, array.T)), (np.maximum.reduce, (turned, 0, None, out[:, 0]))]
    return []


def _ufunc(call: Call, inputs: list[Any], out: Array) -> Step:
    arrays = [value.dtype for value in inputs if isinstance(value, np.ndarray)]
    if any(not isinstance(value, np.ndarray) for value in inputs):
        # A Python number costs 0.3 at each call to become an array; as one of no axes, of the same dtype, nothing.
        numbers = [value for value in inputs if not isinstance(value, np.ndarray)]
        dtype = np.result_type(*arrays, *numbers)
        inputs = [value if isinstance(value, np.ndarray) else np.array(value, dtype) for value in inputs]
    # One number for a whole array, such as the bias of one neuron: 0.18 without axes, 0.46 with some.
    if call.function is not np.matmul and out.size > 1:
        inputs = [value.reshape(()) if value.size == 1 and value.ndim else value for value in inputs]
        out, *inputs = _as_vectors([out, *inputs])
    if call.options:
        return partial(call.function, out=out, **call.options), tuple(inputs)
    if call.function in (np.maximum, np.minimum):
        # Against an array of its own shape 2.1, against a number 4.5 at (64, 200). A positional out is deprecated.
        for i, given in enumerate(call.inputs):
            fixed = not isinstance(given, Operand) or given.buffer.constant
            if fixed and out.ndim and not inputs[i].ndim:
                inputs[i] = np.full(out.shape, inputs[i])
        return partial(call.function, out=out), tuple(inputs)
    return call.function, (*inputs, out)


def _as_vectors(arrays: list[Any]) -> list[Any]:
    """Return arrays without leading axes of one, as for a single sample: 0.3 for 1.1, with a bias that has none."""
    most = max(array.ndim for array in arrays)
    while most > 1 and all(array.ndim < most or array.shape[0] == 1 for array in arrays):
        views = {id(array): array[0] for array in arrays if array.ndim == most}  # one object for one place
        arrays = [views.get(id(array), array) for array in arrays]
        most -= 1
    return arrays


def _located(value: Any, locate: Locate) -> Any:
    if isinstance(value, list):
        return [_located(v, locate) for v in value]
    return locate(value) if isinstance(value, Operand) else value


def _call_and_copy(function: Any, inputs: list[Any], options: dict[str, Any], out: Array) -> None:
    np.copyto(out, function(*inputs, **options))
