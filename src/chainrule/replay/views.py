"""How a page says a view: the transpose, the slices or the reshape that leads from an array to a part of its memory.

Ways of saying it are tried, the plainest first, and one counts only if NumPy, told so, arrives at the very same memory.
Where none does, it is said as it was done, view by view.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

from chainrule.errors import MisuseError
from chainrule.ops.op import Array
from chainrule.replay.expressions import Tree
from chainrule.replay.recording import Operand

_Key = int | slice | None


def of_view(base: Tree, operand: Operand) -> Tree:
    """Return the tree of an operand, given that of its whole buffer.

    Raises
    ------
    MisuseError
        If there are no words for it: it is a part of memory that others see too.
    """
    view, whole = operand.array, operand.buffer.array
    for way in (_all, _sliced, _reshaped, _permuted):
        for wanted, turn in ((view, ""), (view.T, ".T")):
            found = way(base, whole, wanted)
            if found is not None and _is_same(found[0], wanted):
                return ("view", found[1], turn) if turn else found[1]
    if not operand.way:
        raise unwritable(operand)
    for method, told in operand.way:
        base = _step(base, method, told)
    return base


def placed_at(operand: Operand) -> str:
    """Return the key, in brackets, of a part of an array that is written to."""
    if len(operand.way) != 1 or operand.way[0][0] != "[]":
        raise unwritable(operand)
    return _brackets(operand.way[0][1])


def _step(base: Tree, method: str, told: tuple[Any, ...]) -> Tree:
    """Return the tree of one view of what another one gives."""
    if method == "reshape":
        return "method", base, "reshape", (("shape", told[0]),)
    if method == "windows":
        window_shape, axis = told
        name = "np.lib.stride_tricks.sliding_window_view"
        return "call", name, (base, ("name", repr(window_shape))), (("axis", ("name", repr(axis))),)
    if method == "broadcast_to":
        return "call", "np.broadcast_to", (base, ("shape", told[0])), ()
    if method == "[]":
        return "view", base, _brackets(told)
    return "view", base, f".{method}({', '.join(map(str, told))})" if told else ".T"


def _brackets(key: tuple[Any, ...]) -> str:
    key = key[:-1] if key[-1] is Ellipsis and len(key) > 1 else key
    return f"[{', '.join(map(_text, key))}]"


def unwritable(operand: Operand) -> MisuseError:
    """Return the error for a view that a page has no words for."""
    return MisuseError(
        "source",
        given=f"a view with shape {operand.array.shape} of an array with shape {operand.buffer.array.shape}",
        expected="slices, transposes and reshapes, to be read",
        fix="Write the op with fewer views of views",
    )


def _all(base: Tree, whole: Array, view: Array) -> tuple[Array, Tree]:
    return whole, base


def _sliced(base: Tree, whole: Array, view: Array) -> tuple[Array, Tree] | None:
    key = _key(whole, view)
    return None if key is None else (whole[key], ("view", base, f"[{', '.join(map(_text, key))}]"))


def _reshaped(base: Tree, whole: Array, view: Array) -> tuple[Array, Tree] | None:
    if view.size != whole.size or not whole.flags.c_contiguous:
        return None
    return whole.reshape(view.shape), ("method", base, "reshape", (("shape", view.shape),))


def _permuted(base: Tree, whole: Array, view: Array) -> tuple[Array, Tree] | None:
    ways = ((whole.transpose(axes), ("view", base, f".transpose{axes}")) for axes in permutations(range(whole.ndim)))
    return next((way for way in ways if _is_same(way[0], view)), None) if view.ndim == whole.ndim else None


def _is_same(a: Array, b: Array) -> bool:
    """Return whether two arrays are one memory, element by element; along an axis of length 1 no stride matters."""
    start, other = (array.__array_interface__["data"][0] for array in (a, b))
    strides = zip(a.shape, a.strides, b.strides)
    return a.shape == b.shape and (not a.size or (start == other and all(n == 1 or s == t for n, s, t in strides)))


def _key(whole: Array, view: Array) -> tuple[_Key, ...] | None:
    """Return the slices, axis by axis, that may lead from an array to its view."""
    offset = view.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    axes = list(zip(view.shape, view.strides, strict=True))
    key: list[_Key] = []
    for size, stride in zip(whole.shape, whole.strides, strict=True):
        while axes and axes[0] == (1, 0):  # a new axis
            key.append(None)
            axes.pop(0)
        first, offset = divmod(offset, stride) if stride else (0, offset)
        if not (axes and stride and axes[0][1] % stride == 0 and axes[0][0] <= size):
            key.append(first)
            continue
        count, step = axes.pop(0)
        step = step // stride if count > 1 else 1
        start, stop = first, first + count * step
        if step > 0:
            key.append(slice(start or None, stop if stop < size else None, step if step > 1 else None))
        else:
            key.append(slice(start if start < size - 1 else None, stop if stop >= 0 else None, step))
    key += [None] * len(axes)
    return tuple(key) if all(count == 1 for count, _ in axes) else None


def _text(key: Any) -> str:
    if not isinstance(key, slice):
        return "..." if key is Ellipsis else str(key)
    start, stop = ("" if end is None else str(end) for end in (key.start, key.stop))
    return f"{start}:{stop}" if key.step is None else f"{start}:{stop}:{key.step}"
