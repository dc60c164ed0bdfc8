"""How a page says what a call does: as a tree, which is shortened and then written with as few brackets as it needs.

A tree is a tuple: a kind, and what belongs to it. ``("binary", "*", ("name", "x"), ("number", 2), …)`` is ``x * 2``.
Other kinds are "value" (a result, by its number), "negative", "reduce", "call", "method", "view", "shape", "list",
"constant" and "placed" (an array, into a part of which another one is written). Numbers may stand for multiples of how
many samples a batch has, or of one by that; `merged` finds them by comparing what was recorded for two batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from chainrule.ops.op import Array
from chainrule.ops.special import sum_by_index
from chainrule.replay.recording import Call, Operand

Tree = tuple[Any, ...]
Read = Callable[[Operand], Tree]

SAMPLES = "samples"  # what the page calls the length of a batch
_LARGEST, _ROUNDED = 1000, 1e-7  # the denominator of a share that float32 has rounded, and how far off that is
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
_NAMES = {"absolute": "abs"}
# How tightly things bind; what binds less than its surroundings gets brackets.
_COMPARED, _ADDED, _MULTIPLIED, _NEGATED, _RAISED, _ATOM = range(6)
_TIGHTNESS = {"+": _ADDED, "-": _ADDED, "*": _MULTIPLIED, "/": _MULTIPLIED, "@": _MULTIPLIED, "**": _RAISED}


class Sized(NamedTuple):
    """A number that depends on how many samples there are: factor · samples^power, the power being 1 or −1.

    A length is `whole`, as a shape wants it.
    """

    factor: Fraction
    power: int
    whole: bool = False


class Unlike(Exception):
    """Two records that differ in more than numbers."""


def merged(first: Any, second: Any, samples: int) -> Any:
    """Return what two trees have in common: the first from `samples` samples, the second from twice as many.

    Raises
    ------
    Unlike
        If they differ otherwise than by numbers that are in proportion to the samples.
    """
    if isinstance(first, tuple) and isinstance(second, tuple) and len(first) == len(second):
        parts = [merged(a, b, samples) for a, b in zip(first, second)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    if type(first) is type(second) and first == second:
        return first
    if isinstance(first, (int, float)) and isinstance(second, (int, float)):
        if second == 2 * first:
            return Sized(Fraction(first) / samples, 1, isinstance(first, int))
        if first == 2 * second:
            exact = Fraction(first) * samples
            short = exact.limit_denominator(_LARGEST)
            return Sized(short if abs(short - exact) <= abs(exact) * _ROUNDED else exact, -1)
    raise Unlike(first, second)


# ---------------------------------------------------------------------- from calls to trees


def of_call(call: Call, read: Read) -> Tree:
    """Return the tree of a call; `read` gives that of an operand."""
    inputs = [_input(value, call, read) for value in call.inputs]
    function, options = call.function, call.options
    if call.method == "copy":
        return _converted(call, inputs[0])
    if call.function is sum_by_index:
        return _summed(call, *inputs)
    if call.method == "reduce":
        axis = options.get("axis", 0)
        axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
        source = call.inputs[0].array
        return "reduce", inputs[0], _METHODS[function], axis, bool(options.get("keepdims")), source.size
    told = tuple((key, _dtype(value) if key == "dtype" else ("number", value)) for key, value in options.items())
    if function in _OPERATORS and not told:
        may = function in (np.multiply, np.true_divide)
        keeps = tuple(may and isinstance(v, Operand) and _alike(v.array, call.out.array) for v in call.inputs)
        return "binary", _OPERATORS[function], *inputs, keeps
    if function is np.negative and not told:
        return "negative", inputs[0]
    if subscripts := getattr(function, "subscripts", None):
        inputs = [("name", repr(subscripts)), *inputs]
    name = _NAMES.get(function.__name__, function.__name__)
    return "call", f"np.{name}", tuple(inputs), told


def of_constant(array: Array) -> Tree | None:
    """Return the tree of numbers that are the same in every run, None if they need a line of their own."""
    if array.ndim == 0:
        return "number", array.item()
    if array.ndim == 1 and array.dtype.kind == "i" and np.array_equal(array, np.arange(len(array))):
        return "call", "np.arange", (("number", len(array)),), ()
    if array.size and (array == array.flat[0]).all():
        value = of_constant(array.reshape(-1)[0])
        return "call", "np.full", (("shape", array.shape), value), (("dtype", _dtype(array.dtype)),)
    return None


def _input(value: Any, call: Call, read: Read) -> Tree:
    if isinstance(value, list):
        return "list", tuple(_input(v, call, read) for v in value)
    if isinstance(value, Operand):
        return read(value)
    return "number", value


def _converted(call: Call, source: Tree) -> Tree:
    """Return a copy: of another type, or, since a page never writes over an array, nothing new."""
    if call.inputs[0].array.ndim < call.out.array.ndim and call.inputs[0].buffer.constant:  # fresh zeros
        return "call", "np.full", (("shape", call.out.array.shape), source), (("dtype", _dtype(call.out.array.dtype)),)
    before, after = call.inputs[0].array.dtype, call.out.array.dtype
    rounded = before.kind == after.kind == "f" and before.itemsize > after.itemsize
    if before == after or rounded:  # sums are kept in float64 and rounded back: left out
        return source
    return "method", source, "astype", (_dtype(after),)


def _summed(call: Call, values: Tree, indices: Tree) -> Tree:
    """Return sums by index as a product: of which row has which index, and the rows."""
    (taken, by), (count, *row) = (value.array for value in call.inputs), call.out.array.shape
    places = "method", indices, "reshape", (("shape", (by.size, 1)),)
    chosen = "binary", "==", places, ("call", "np.arange", (("number", count),), ()), (False, False)
    rows = "method", values, "reshape", (("shape", (by.size, taken.size // max(by.size, 1))),)
    return (
        "method",
        ("binary", "@", ("view", chosen, ".T"), rows, (False, False)),
        "reshape",
        (("shape", (count, *row)),),
    )


def _dtype(dtype: Any) -> Tree:
    return "name", f"np.{np.dtype(dtype)}"


def _alike(array: Array, result: Array) -> bool:
    """Return whether the result is like an operand: what a neutral other operand leaves as it is."""
    return array.shape == result.shape and array.dtype.kind == result.dtype.kind == "f"


# ---------------------------------------------------------------------- shorter


def simplified(tree: Tree) -> Tree:
    """Return a tree that means the same in fewer words; its parts are simplified already."""
    if tree[0] != "binary":
        return tree
    _, sign, a, b, keeps = tree
    if sign in ("*", "/") and _is_one(b) and keeps[0]:
        return Tree(a)
    if sign == "*":
        if _is_one(a) and keeps[1]:
            return Tree(b)
        if a == b and a[0] in ("name", "value"):
            return "binary", "**", a, ("number", 2), keeps
        for number, other in ((a, b), (b, a)):
            if number[0] == "number" and isinstance(number[1], Sized) and number[1].power == -1:
                return _share(number[1].factor, other, keeps)
    if sign == "/" and a[0] == "reduce" and a[2:5] == ("sum", None, False) and b == ("number", a[5]):
        return "method", a[1], "mean", ()
    return tree


def _is_one(tree: Tree) -> bool:
    return tree == ("number", 1) or (tree[:2] == ("call", "np.full") and tree[2][1] == ("number", 1))


def _share(factor: Fraction, tree: Tree, keeps: tuple[bool, ...]) -> Tree:
    """Return factor · tree / samples."""
    if factor.denominator > _LARGEST:
        tree, factor = ("binary", "*", ("number", float(factor)), tree, keeps), Fraction(1)
    elif factor.numerator != 1:
        tree = "binary", "*", ("number", factor.numerator), tree, keeps
    return "binary", "/", tree, ("number", Sized(Fraction(factor.denominator), 1)), keeps


# ---------------------------------------------------------------------- from trees to text


def text(tree: Tree) -> str:
    """Return a tree as Python."""
    return _written(tree)[0]


def _written(tree: Tree) -> tuple[str, int]:
    """Return a tree as Python, and how tightly that holds together."""
    kind, *parts = tree
    if kind == "binary":
        sign, a, b, _ = parts
        return _binary(sign, a, b)
    if kind == "negative":
        return f"-{_inside(parts[0], _NEGATED)}", _NEGATED
    if kind == "number":
        return _number(parts[0])
    if kind == "reduce":
        source, method, axis, keepdims, _ = parts
        told = [] if axis is None else [f"axis={axis}"]
        told += ["keepdims=True"] if keepdims else []
        return f"{_inside(source, _ATOM)}.{method}({', '.join(told)})", _ATOM
    if kind == "call":
        name, inputs, options = parts
        told = [*map(text, inputs), *(f"{key}={text(value)}" for key, value in options)]
        return f"{name}({', '.join(told)})", _ATOM
    if kind == "method":
        source, name, inputs = parts
        return f"{_inside(source, _ATOM)}.{name}({', '.join(map(text, inputs))})", _ATOM
    if kind == "view":
        return f"{_inside(parts[0], _ATOM)}{parts[1]}", _ATOM
    if kind == "shape":
        sizes = [_number(size)[0] for size in parts[0]]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})", _ATOM
    if kind == "list":
        return f"[{', '.join(map(text, parts[0]))}]", _ATOM
    return str(parts[0]), _ATOM


def _binary(sign: str, a: Tree, b: Tree) -> tuple[str, int]:
    tightness = _TIGHTNESS.get(sign, _COMPARED)
    left, right = _inside(a, tightness + (sign == "**")), _inside(b, tightness + 1)
    if a[0] == "binary" and a[1] != sign and "@" in (a[1], sign) and _TIGHTNESS.get(a[1]) == tightness:
        left = f"({text(a)})"  # who knows by heart whether @ comes before *?
    if tightness == _COMPARED and a[0] == "binary" and a[1] not in _TIGHTNESS:
        left = f"({text(a)})"
    return f"{left}**{right}" if sign == "**" else f"{left} {sign} {right}", tightness


def _inside(tree: Tree, tightness: int) -> str:
    """Return a tree as a part of something, in brackets if it would fall apart there."""
    written, own = _written(tree)
    return written if own >= tightness else f"({written})"


def _number(value: Any) -> tuple[str, int]:
    if isinstance(value, Sized):
        (above, below), power = value.factor.as_integer_ratio(), value.power
        if power == 1 and below == 1:
            return (SAMPLES, _ATOM) if above == 1 else (f"{above} * {SAMPLES}", _MULTIPLIED)
        if power == 1:
            times = SAMPLES if above == 1 else f"{above} * {SAMPLES}"
            return f"{times} {'//' if value.whole else '/'} {below}", _MULTIPLIED
        return f"{above} / {SAMPLES if below == 1 else f'({below} * {SAMPLES})'}", _MULTIPLIED
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        value = int(value)
    elif isinstance(value, float) and abs(value) < 1e30 and float(np.float32(value)) == value:
        value = float(str(np.float32(value)))  # the shortest that is the same in float32
    written = repr(value)
    if isinstance(value, float) and not math.isfinite(value):
        written = written.replace("inf", "np.inf").replace("nan", "np.nan")
    return written, _NEGATED if written.startswith("-") else _ATOM
