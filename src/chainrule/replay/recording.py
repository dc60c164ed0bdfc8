"""A recording array: it does what an array does, and notes each NumPy call with its result.

It is *closed*: no ndarray, and what it does not know (a function, `bool`, `float`, iteration, indexing by values) it
refuses, so that no value of one batch can find its way into the record of all batches. What was noted is a list of
`Call`s on `Buffer`s: the program that replay tidies, lowers and runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from chainrule.ops.op import Array
from chainrule.ops.special import sum_by_index


class Refused(Exception):  # nothing went wrong: the op is called instead
    """The recording array was asked for something it does not know."""


def was_refused(error: BaseException | None) -> bool:
    """Return whether an error is a refusal, or NumPy's own error because of one."""
    while error is not None and not isinstance(error, Refused):
        error = error.__cause__ or error.__context__
    return error is not None


@dataclass(eq=False)
class Buffer:
    """A piece of memory that calls write and read.

    Attributes
    ----------
    array : ndarray
        The memory that is used while recording.
    home : ndarray or None
        The memory it stands for: the parameters, the inputs, an optimizer's slots. Recording never touches that.
    constant : bool
        Whether it is the same in every run.
    version : int
        How often it has been written; equal calls on equal versions are one call.
    fresh : bool
        Whether it was made of zeros for somebody to write into.
    """

    array: Array
    home: Array | None = None
    constant: bool = False
    version: int = 0
    fresh: bool = False

    @property
    def temporary(self) -> bool:
        """Whether it may lie wherever there is room."""
        return self.home is None and not self.constant


@dataclass(eq=False)
class Operand:
    """All of a buffer, or a view of it.

    Attributes
    ----------
    buffer : Buffer
    array : ndarray
    way : tuple of (method, arguments)
        The views that lead from the buffer to it, such as ``("reshape", (4, 2))``.
    """

    buffer: Buffer
    array: Array
    way: tuple[tuple[str, Any], ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """What two operands have in common if they are the same values."""
        array = self.array
        start = array.__array_interface__["data"][0]
        return id(self.buffer), self.buffer.version, start, array.shape, array.strides, array.dtype

    @property
    def whole(self) -> bool:
        """Whether it is the buffer itself, in its own shape."""
        return self.array is self.buffer.array


@dataclass(eq=False)
class Call:
    """One NumPy call.

    Attributes
    ----------
    function : callable
        A ufunc, or the function itself.
    method : str
        ``"call"`` and ``"reduce"`` for ufuncs; ``"copy"``; ``"function"`` for functions without an `out`, whose
        result is copied; ``"op"`` for an op's method that is called because it could not be recorded.
    inputs : sequence of Operand, number or None
    out : Operand
    options : dict
        Keyword arguments, `out` excepted.
    stage : str
        The part of a step it belongs to: ``"forward"``, ``"backward"`` …
    """

    function: Any
    method: str
    inputs: list[Any]
    out: Operand
    options: dict[str, Any]
    stage: str = "forward"

    def read(self) -> list[Operand]:
        """Return the operands it reads, those in sequences too."""
        found = []
        for value in self.inputs:
            found += [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, Operand)]
        return found


class Tape:
    """The calls noted so far.

    Attributes
    ----------
    calls : list of Call
    stage : str
        Of the calls to come.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.stage = "forward"
        self._known: dict[tuple[Any, ...], tuple[Operand, int]] = {}

    def wrap(self, array: Array, *, constant: bool = False, buffer: Buffer | None = None) -> Recorded:
        """Return a recording array for memory that exists already; `buffer` if it is a part of that one."""
        return Recorded(self, Operand(buffer or Buffer(array, array, constant), array))

    def note(self, function: Any, method: str, inputs: list[Any], result: Any, options: dict[str, Any]) -> Recorded:
        """Note a call that gave `result`; if it was noted before on the same values, return what it gave then."""
        key = (function, method, tuple(_key(value) for value in inputs), _key(options))
        known = self._known.get(key)
        if known is not None and known[0].buffer.version == known[1]:
            return Recorded(self, known[0])
        array = np.array(result)  # memory of its own, zero-dimensional for a number
        call = Call(function, method, inputs, Operand(Buffer(array), array), options, self.stage)
        if method != "op" and all(operand.buffer.constant for operand in call.read()):
            call.out.buffer.constant = True  # worked out while recording: no call is left
        else:
            self.calls.append(call)
        self._known[key] = call.out, call.out.buffer.version
        return Recorded(self, call.out)

    def note_into(self, out: Recorded, function: Any, method: str, inputs: list[Any], options: dict[str, Any]) -> None:
        """Note a call that writes into existing memory."""
        if out.operand.buffer.constant:
            raise Refused("writing into a constant")
        self.calls.append(Call(function, method, inputs, out.operand, options, self.stage))
        out.operand.buffer.version += 1

    def take_back(self, count: int) -> None:
        """Forget all calls but the first `count`: those of an op that is called at each run after all."""
        gone = {id(call.out.buffer) for call in self.calls[count:]}
        del self.calls[count:]
        self._known = {key: known for key, known in self._known.items() if id(known[0].buffer) not in gone}


class Recorded(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that notes what is done with it."""

    __slots__ = ("operand", "tape")

    def __init__(self, tape: Tape, operand: Operand) -> None:
        self.tape, self.operand = tape, operand

    # what is known without looking at values

    @property
    def shape(self) -> tuple[int, ...]:
        return self.operand.array.shape

    @property
    def ndim(self) -> int:
        return self.operand.array.ndim

    @property
    def size(self) -> int:
        return self.operand.array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.operand.array.dtype

    def __len__(self) -> int:
        return len(self.operand.array)

    def __repr__(self) -> str:
        numbers = np.array2string(self.operand.array, threshold=20, edgeitems=2, precision=4)
        return f"<a recording array of {self.dtype} {self.shape}, which stands for\n{numbers}>"

    # views: the same memory, no call

    def _view(self, array: Array, method: str, *told: Any) -> Recorded:
        if array.size and not np.may_share_memory(array, self.operand.array):
            raise Refused("a view that NumPy had to copy")
        return Recorded(self.tape, Operand(self.operand.buffer, array, (*self.operand.way, (method, told))))

    @property
    def T(self) -> Recorded:  # NumPy's name
        return self.transpose()

    def transpose(self, *axes: Any) -> Recorded:
        array = self.operand.array
        axes = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self._view(array.transpose(axes or None), "transpose", *(axes or ()))

    def swapaxes(self, one: int, other: int) -> Recorded:
        axes = list(range(self.ndim))
        axes[one], axes[other] = axes[other], axes[one]
        return self.transpose(*axes)

    def reshape(self, *shape: Any) -> Recorded:
        array = self.operand.array.reshape(*shape)
        if array.size and not np.may_share_memory(array, self.operand.array):  # NumPy had to copy
            return self.copy().reshape(*shape)
        return self._view(array, "reshape", array.shape)

    def ravel(self) -> Recorded:
        return self.reshape(-1)

    def __getitem__(self, key: Any) -> Recorded:
        if isinstance(key, Recorded) and key.dtype.kind in "iu":
            return _take(self.tape, self, key, axis=0)
        keys = _basic_key(key)
        return self._view(self.operand.array[keys], "[]", *keys)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Write into a part of fresh zeros; nothing else may be written to."""
        buffer = self.operand.buffer
        if not (buffer.fresh and self.operand.whole):
            raise Refused("writing into an array that is not fresh zeros")
        part, source = self[_basic_key(key)], _operand(value)
        if not isinstance(source, Operand):
            source = _operand(np.asarray(source))
        if buffer.constant:  # from now on they are made anew in each run
            buffer.constant = False
            self.tape.note_into(self, np.copyto, "copy", [_operand(np.zeros((), self.dtype))], {})
        part.operand.array[...] = source.array
        self.tape.note_into(part, np.copyto, "copy", [source], {})

    # calls

    def copy(self) -> Recorded:
        return self._copied(self.dtype, "C")

    def astype(self, dtype: Any, *, copy: bool = True) -> Recorded:
        return self if not copy and self.dtype == np.dtype(dtype) else self._copied(np.dtype(dtype), "K")

    def _copied(self, dtype: np.dtype[Any], order: Literal["C", "K"]) -> Recorded:
        result = self.operand.array.astype(dtype, order=order)
        return self.tape.note(np.copyto, "copy", [self.operand], result, {"dtype": dtype, "order": order})

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Recorded:
        return np.add.reduce(self, axis=axis, dtype=dtype, keepdims=keepdims)  # type: ignore[call-overload,no-any-return]  # dispatched below

    def max(self, axis: Any = None, keepdims: bool = False) -> Recorded:
        return np.maximum.reduce(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload,no-any-return]  # dispatched below

    def min(self, axis: Any = None, keepdims: bool = False) -> Recorded:
        return np.minimum.reduce(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload,no-any-return]  # dispatched below

    def mean(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Recorded:
        total = self.sum(axis, dtype, keepdims)
        mean: Recorded = total / (self.size // max(total.size, 1))
        return mean

    def dot(self, other: Any) -> Recorded:
        return np.matmul(self, other)  # type: ignore[no-any-return]  # dispatched below

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Recorded:
        if function.nout > 1 or method not in ("__call__", "reduce") or options.keys() - _KNOWN_OPTIONS:
            raise Refused(f"np.{function.__name__}.{method}")
        method = method.strip("_")
        operands = [_operand(value) for value in inputs]
        raw = [_raw(value) for value in operands]
        compute = function.reduce if method == "reduce" else function
        if out is None:
            return self.tape.note(function, method, operands, compute(*raw, **options), options)
        (target,) = out
        if not isinstance(target, Recorded):
            raise Refused("writing into memory that is not recorded")
        compute(*raw, out=target.operand.array, **options)
        self.tape.note_into(target, function, method, operands, options)
        return target

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = f"np.{getattr(function, '__name__', function)}"
        known = _FUNCTIONS.get(function)
        if known is None:
            raise Refused(name)
        try:
            _signature(known).bind(self.tape, *args, **kwargs)
        except TypeError:
            raise Refused(f"{name} with {', '.join(kwargs) or 'so many arguments'}") from None
        return known(self.tape, *args, **kwargs)

    # whatever would turn values into Python

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Refused("a Python number, a branch or a loop that depends on values")

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __iter__ = __contains__ = _refuse
    __array__ = __hash__ = item = tolist = __reduce_ex__ = _refuse

    def __getattr__(self, name: str) -> NoReturn:
        raise Refused(f"array.{name}")


_KNOWN_OPTIONS = {"axis", "dtype", "keepdims"}


def _operand(value: Any) -> Any:
    """Return an input of a call as the record keeps it: an operand, or a number."""
    if isinstance(value, Recorded):
        return value.operand
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.array(value)
        return Operand(Buffer(array, constant=True), array)
    if isinstance(value, (bool, int, float)):
        return value
    raise Refused(f"an operand of type {type(value).__name__}")


def _basic_key(key: Any) -> tuple[Any, ...]:
    """Return a key as a tuple, refused unless it is what NumPy calls basic indexing."""
    keys = key if isinstance(key, tuple) else (key,)
    if not all(k is None or k is Ellipsis or type(k) in (int, slice) for k in keys):
        raise Refused("indexing by values")
    return keys if Ellipsis in keys else (*keys, Ellipsis)  # with it even a single element is a view


def _moved(rank: int, source: int, target: int) -> list[int]:
    axes = [axis for axis in range(rank) if axis != source % rank]
    axes.insert(target % rank, source % rank)
    return axes


def _raw(value: Any) -> Any:
    return value.array if isinstance(value, Operand) else value


def _key(value: Any) -> Any:
    if isinstance(value, Operand):
        # constants are equal if their numbers are: each use of np.arange(10) makes a new one
        array = value.array
        return (array.tobytes(), array.shape, array.dtype) if value.buffer.constant and array.size < 64 else value.key
    if isinstance(value, (list, tuple)):
        return tuple(_key(v) for v in value)
    if isinstance(value, dict):
        return tuple(sorted((k, str(v)) for k, v in value.items()))
    return type(value), value


def _where(tape: Tape, condition: Any, x: Any, y: Any) -> Recorded:
    operands = [_operand(value) for value in (condition, x, y)]
    return tape.note(np.where, "function", operands, np.where(*map(_raw, operands)), {})


def _concatenate(tape: Tape, parts: Sequence[Any], axis: int = 0) -> Recorded:
    operands = [_operand(part) for part in parts]
    return tape.note(
        np.concatenate, "function", [operands], np.concatenate(list(map(_raw, operands)), axis), {"axis": axis}
    )


def _broadcast_to(tape: Tape, array: Recorded, shape: Any) -> Recorded:
    view = np.broadcast_to(array.operand.array, shape)
    return array._view(view, "broadcast_to", view.shape)


def _stack(tape: Tape, parts: Sequence[Any], axis: int = 0) -> Any:
    return np.concatenate([np.expand_dims(part, axis) for part in parts], axis)


def _cumsum(tape: Tape, array: Recorded, axis: int | None = None, dtype: Any = None) -> Recorded:
    dtype = dtype or array.dtype
    result = np.cumsum(array.operand.array, axis, dtype)
    return tape.note(np.cumsum, "function", [array.operand], result, {"axis": axis, "dtype": dtype})


def _take(tape: Tape, array: Any, indices: Any, axis: int | None = None) -> Recorded:
    operands = [_operand(array), _operand(indices)]
    result = np.take(_raw(operands[0]), _raw(operands[1]), axis=axis)
    return tape.note(np.take, "function", operands, result, {"axis": axis})


def _sum_by_index(tape: Tape, values: Any, indices: Any, count: int) -> Recorded:
    operands = [_operand(values), _operand(indices)]
    result = sum_by_index(_raw(operands[0]), _raw(operands[1]), count)
    return tape.note(sum_by_index, "function", operands, result, {"count": count})


def _einsum(tape: Tape, subscripts: Any, *arrays: Any) -> Recorded:
    if not isinstance(subscripts, str) or len(arrays) != 2:
        raise Refused("np.einsum of other than a text and two arrays")
    function, operands = einsum_of(subscripts), [_operand(array) for array in arrays]
    return tape.note(function, "function", operands, function(*map(_raw, operands)), {})


_signature = cache(inspect.signature)


@cache
def einsum_of(subscripts: str) -> Any:
    """Return np.einsum with these subscripts as a function of two arrays."""

    def einsum(a: Array, b: Array) -> Any:
        return np.einsum(subscripts, a, b)

    einsum.subscripts = subscripts  # type: ignore[attr-defined]  # for who writes it out
    return einsum


def _pad(tape: Tape, array: Recorded, pad_width: Any, mode: str = "constant") -> Recorded:
    if mode != "constant" or isinstance(pad_width, dict):
        raise Refused(f"np.pad with {'widths by axis' if mode == 'constant' else f'mode={mode!r}'}")
    shape = np.pad(np.empty(array.shape, bool), pad_width).shape
    widths = np.broadcast_to(pad_width, (array.ndim, 2)).tolist()
    padded = _fresh(tape, np.zeros(shape, array.dtype))
    padded[tuple(slice(before, before + length) for (before, _), length in zip(widths, array.shape))] = array
    return padded


def _windows(tape: Tape, array: Recorded, window_shape: Any, axis: Any = None) -> Recorded:
    view = sliding_window_view(array.operand.array, window_shape, axis)
    return array._view(view, "windows", window_shape, axis)


def _zeros_like(tape: Tape, array: Recorded, dtype: Any = None) -> Recorded:
    return _fresh(tape, np.zeros_like(array.operand.array, dtype))


def _fresh(tape: Tape, zeros: Array) -> Recorded:
    return tape.wrap(zeros, buffer=Buffer(zeros, constant=True, fresh=True))


def _ones_like(tape: Tape, array: Recorded, dtype: Any = None) -> Array:
    return np.ones(array.shape, dtype or array.dtype)


def _expand_dims(tape: Tape, array: Recorded, axis: Any) -> Recorded:
    view = np.expand_dims(array.operand.array, axis)
    return array._view(view, "reshape", view.shape)


_FUNCTIONS: dict[Any, Any] = {
    np.where: _where,
    np.concatenate: _concatenate,
    np.broadcast_to: _broadcast_to,
    np.stack: _stack,
    np.cumsum: _cumsum,
    np.take: _take,
    np.einsum: _einsum,
    np.pad: _pad,
    sliding_window_view: _windows,
    sum_by_index: _sum_by_index,
    np.zeros_like: _zeros_like,
    np.ones_like: _ones_like,
    np.expand_dims: _expand_dims,
    np.sum: lambda tape, array, axis=None, dtype=None, keepdims=False: array.sum(axis, dtype, keepdims),
    np.mean: lambda tape, array, axis=None, dtype=None, keepdims=False: array.mean(axis, dtype, keepdims),
    np.max: lambda tape, array, axis=None, keepdims=False: array.max(axis, keepdims),
    np.min: lambda tape, array, axis=None, keepdims=False: array.min(axis, keepdims),
    np.reshape: lambda tape, array, shape: array.reshape(shape),
    np.transpose: lambda tape, array, axes=None: array.transpose(axes),
    np.swapaxes: lambda tape, array, one, other: array.swapaxes(one, other),
    np.moveaxis: lambda tape, array, source, target: array.transpose(*_moved(array.ndim, source, target)),
    np.ravel: lambda tape, array: array.ravel(),
    np.copy: lambda tape, array: array.copy(),
    np.dot: lambda tape, a, b: np.matmul(a, b),
    np.arange: lambda tape, count: np.arange(count),
    np.asarray: lambda tape, values, dtype=None: np.asarray(values, dtype),
    np.shape: lambda tape, array: array.shape,
    np.ndim: lambda tape, array: array.ndim,
    np.size: lambda tape, array: array.size,
}
