"""Textbook formulas for certain arrays: every word of the notation becomes a call of NumPy, to be typeset or computed.

What comes out is a plain expression, like the record of what is executed: so one typesetter writes both, both can be
written for samples as columns, and `agreement` says how far they agree.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.ops.error_bounds import rounding_error
from chainrule.ops.op import Array, Op
from chainrule.ops.textbook import (
    IN_NUMPY,
    KNOWN,
    Textbook,
    copied,
    evaluate,
    numpy_call,
    refuse,
    textbook,
    variable,
)


@dataclass(frozen=True)
class Form:
    """A textbook formula of one op for certain arrays, as NumPy would compute it.

    Attributes
    ----------
    steps : list of (str, ast.expr)
        Definitions in order, by name.
    result : ast.expr
    values : dict of str to ndarray
        What variables are worth, in float64.
    functions : dict of str to callable
        What else is called.
    value : ndarray
        What it comes to.
    computed : tuple of str
        Variables that are results themselves, and so rounded.
    """

    steps: list[tuple[str, ast.expr]]
    result: ast.expr
    values: dict[str, Array]
    functions: dict[str, Any] = field(repr=False)
    value: Array = field(repr=False)
    computed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Agreement:
    """How far a textbook form and what was executed agree.

    Attributes
    ----------
    error : float
        The largest disagreement, relative to the largest number of what was executed; absolute where all are 0.
    bound : float
        Up to where rounding explains it: 32 units in the last place, and 16 times what rounding in the precision of
        the program would do to the textbook form, which is much where nearly equal numbers are subtracted.
    undefined : int
        How many numbers the textbook form leaves undefined, as 0 · log 0 or ∞ / ∞, and the program does not.
    """

    error: float
    bound: float
    undefined: int

    @property
    def holds(self) -> bool:
        return self.error <= self.bound


def forward_form(op: Op, arrays: Mapping[str, Array], of: Textbook | None = None) -> Form:
    """Return what the textbook says that an op computes from these arrays.

    Raises
    ------
    InputError
        If its docstring can't be read, or its formula can't be computed.
    """
    return _Written(op, arrays, of or textbook(type(op))).forward()


def backward_form(
    op: Op, dy: Array, y: Array, arrays: Mapping[str, Array], role: str, of: Textbook | None = None
) -> Form:
    """Return what the textbook says the derivative by one of its roles is.

    Raises
    ------
    InputError
        If its docstring can't be read, or its formula can't be computed.
    """
    return _Written(op, arrays, of or textbook(type(op))).backward(dy, y, role)


def agreement(form: Form, executed: Array) -> Agreement:
    """Return how far a form agrees with what was executed.

    Examples
    --------
    >>> from chainrule.ops import Tanh
    >>> z = np.array([0.5, 1.0])
    >>> agreement(forward_form(Tanh(), {"z": z}), np.tanh(z)).holds
    True
    >>> agreement(forward_form(Tanh(), {"z": z}), np.sinh(z)).holds
    False
    """
    told = compared(form.value, executed)
    if told.holds or form.value.shape != np.shape(executed):
        return told
    if not all(np.isfinite(value).all() for value in form.values.values()):
        # what is computed from NaN or infinity says nothing: 0 · NaN is NaN, where a case of a textbook has 0
        told = compared(np.where(np.isnan(executed), np.nan, form.value), executed)
        if told.holds:
            return told
    precision = np.finfo(executed.dtype if executed.dtype.kind == "f" else np.float64)
    largest = float(abs(executed[np.isfinite(executed)]).max(initial=0.0)) or 1.0
    values = {**form.functions, **form.values}
    off = rounding_error(form.steps, form.result, evaluate, values, float(precision.eps), form.computed)
    return replace(told, bound=told.bound + 16 * float(off[np.isfinite(off)].max(initial=0.0)) / largest)


def compared(found: Array, executed: Array, units: int = 32) -> Agreement:
    """Return how far numbers in float64 agree with what was executed; those of another shape, not at all.

    Parameters
    ----------
    found, executed : ndarray
    units : int, default 32
        How many units in the last place of the largest number count as rounding.
    """
    wanted = np.asarray(executed, np.float64)
    if found.shape != wanted.shape:
        return Agreement(math.inf, 0.0, 0)
    precision = np.finfo(executed.dtype if executed.dtype.kind == "f" else np.float64)
    with np.errstate(all="ignore"):
        undefined = ~np.isfinite(found) & (np.isnan(found) | np.isfinite(wanted)) & ~np.isnan(wanted)
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted)) | undefined
        worst = float(np.where(same, 0.0, abs(found - wanted)).max(initial=0.0))
    largest = float(abs(wanted[np.isfinite(wanted)]).max(initial=0.0))
    bound = units * float(precision.eps) * largest + float(precision.smallest_normal)
    scale = largest or 1.0
    return Agreement(worst / scale, bound / scale, int(undefined.sum()))


def compute(form: Form, values: Mapping[str, Array]) -> Array:
    """Return what a form comes to with other values for some of its variables."""
    known = {**form.functions, **form.values, **values}
    for name, expression in form.steps:
        known[name] = evaluate(expression, known)
    return np.asarray(evaluate(form.result, known))


def with_names(form: Form, function: str, role: str, name: str, value: Array) -> Form:
    """Return a form in which a function of a role, ``softmax(logits)``, has a name of its own."""
    named = _Called(function, role, name)
    steps = [(step, named.visit(copied(expression))) for step, expression in form.steps]
    result = named.visit(copied(form.result))
    if not named.met:
        return form
    return replace(form, steps=steps, result=result, values={**form.values, name: value}, computed=(name,))


class _Called(ast.NodeTransformer):
    def __init__(self, function: str, role: str, name: str) -> None:
        self.function, self.role, self.name, self.met = function, role, name, False

    def visit_Call(self, node: ast.Call) -> ast.expr:
        match node:
            case ast.Call(ast.Name(self.function), [ast.Name(self.role)]):
                self.met = True
                return variable(self.name)
        self.generic_visit(node)
        return node


def without_factor(expression: ast.expr, name: str) -> ast.expr:
    """Return an expression without its first factor, if that is what this name stands for, which is 1.

    Examples
    --------
    >>> ast.unparse(without_factor(ast.parse("-(dy * a / 2)", mode="eval").body, "dy"))
    '-(a / 2)'
    """
    match expression:
        case ast.BinOp(ast.Name(first), ast.Mult(), right) if first == name:
            return right
        case ast.BinOp(left, ast.Mult() | ast.Div() as operator, right):
            return ast.BinOp(without_factor(left, name), operator, right)
        case ast.UnaryOp(operator, operand):
            return ast.UnaryOp(operator, without_factor(operand, name))
    return expression


class _Written:
    """The formulas of an op for certain arrays: every word of the notation becomes a call of NumPy."""

    def __init__(self, op: Op, arrays: Mapping[str, Array], of: Textbook) -> None:
        self.op, self.of = op, of
        self.arrays = {role: _exact(array, role in op.integer) for role, array in arrays.items()}
        self.first = next(iter(self.arrays.values()))
        self.values: dict[str, Any] = dict(self.arrays)
        self.functions: dict[str, Any] = {}
        self.steps: list[tuple[str, ast.expr]] = []
        self.inlined: dict[str, tuple[str, ast.expr]] = {}  # f -> its variable and what it is
        self.renamed: dict[str, str] = {}
        self.role, self.kept, self.of_one_sample = "", True, False
        weight = self.arrays.get("sample_weight")
        self.weight = weight is not None
        if weight is not None:  # as a column, so that each meets all that it belongs to
            column = weight.reshape(*weight.shape, *(1,) * (self.first.ndim - weight.ndim))
            self.values["sample_weight"] = column
        self.samples = math.prod(self.first.shape[:-1])
        held = [c for c in of.conditions if self.holds(c.setting)]
        self.symbols = {c.symbol: c.setting for c in held if c.symbol}
        self.told = [d for c in held for d in c.definitions]

    def holds(self, setting: str) -> bool:
        if setting == "class indices":
            return self.arrays["target"].ndim < self.first.ndim
        value = getattr(self.op, setting, None)
        return value is not None and value is not False and (np.ndim(value) > 0 or value != 0)

    def forward(self) -> Form:
        self.kept = bool(getattr(self.op, "keepdims", False))
        return self.form("y", None)

    def backward(self, dy: Array, y: Array, role: str) -> Form:
        form = _Written(self.op, self.arrays, self.of)
        form.kept = True
        shape = np.shape(form.form("y", None).value)  # of a sum over axes, with these axes still there
        self.samples = form.samples
        stretched = math.prod(shape) == np.size(y)
        self.values["dy"] = _exact(dy).reshape(shape if stretched else np.shape(dy))
        self.values["y"] = _exact(y).reshape(shape if stretched else np.shape(y))
        self.role = role
        return self.form(f"∂{self.variadic(role)}", self.arrays[role])

    def variadic(self, role: str) -> str:
        return f"{self.op.variadic}ᵢ" if self.op.variadic else role

    def form(self, target: str, like: Array | None) -> Form:
        formulas = self.of.formulas
        told = dict(self.told)
        (_, result), *own = formulas[target]
        result = told.get(target, result)
        definitions = [*formulas["y"][1:], *self.of.definitions, *own]
        for name, expression in self.told:
            if "(" in name:
                function, variable = name.rstrip(")").split("(")
                self.inlined[function] = (variable, expression)
        kept, self.kept = self.kept, True
        self.redefine()
        needed = {name: told.get(name, expression) for name, expression in definitions if "(" not in name}
        needed |= {n: e for n, e in self.told if "(" not in n and n not in self.arrays and n not in formulas}
        for name in _in_order(needed, result, [body for _, body in self.inlined.values()]):
            self.define(name, needed[name])
        self.kept = kept
        written = self.lower(result)
        value = np.asarray(self.evaluate(written))
        if like is not None:
            written, value = self.fitted(written, value, like)
        values = {name: value for name, value in self.values.items() if isinstance(value, np.ndarray)}
        return Form(self.steps, written, values, self.functions, np.asarray(value, np.float64))

    def redefine(self) -> None:
        """Follow what a line ``with …`` makes of a role: class indices become rows, a target is smoothed."""
        for name, expression in self.told:
            if name not in self.arrays:
                continue
            if isinstance(expression, ast.Call) and ast.unparse(expression.func) == "one_hot":
                classes = np.arange(self.first.shape[-1])
                self.values[name] = (self.arrays[name][..., None] == classes).astype(np.float64)
                continue
            self.define(f"{name}\u0303", expression)
            self.renamed[name] = f"{name}\u0303"

    def define(self, name: str, expression: ast.expr) -> None:
        written = self.lower(expression)
        self.values[name] = np.asarray(self.evaluate(written), np.float64)
        self.steps.append((name, written))

    def fitted(self, written: ast.expr, value: Array, like: Array) -> tuple[ast.expr, Array]:
        """Return a derivative in the shape of its role: the sum over copies."""
        copies = value.ndim - like.ndim
        if copies > 0:
            written = numpy_call("sum", [written], axis=_axes(tuple(range(copies))))
            value = value.sum(axis=tuple(range(copies)))
        stretched = tuple(i for i, (length, one) in enumerate(zip(value.shape, like.shape)) if one == 1 and length != 1)
        if stretched and value.ndim == like.ndim:
            written = numpy_call("sum", [written], axis=_axes(stretched), keepdims=ast.Constant(True))
            value = value.sum(axis=stretched, keepdims=True)
        if value.shape != like.shape:
            refuse(f"a formula of shape {value.shape}", f"the shape of the role, {like.shape}")
        return written, value

    def evaluate(self, expression: ast.expr) -> Any:
        try:
            return evaluate(expression, {**self.functions, **self.values})
        except (NameError, TypeError, ValueError, IndexError) as problem:
            refuse(ast.unparse(expression), f"a formula that can be computed: {problem}")

    # ------------------------------------------------------------------ word by word

    def lower(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Constant():
                return node
            case ast.Name(name):
                return self.named(name)
            case ast.BinOp(left, ast.Div(), ast.Name("n" | "samples" as count)) if count not in self.values:
                return self.shared(self.lower(left), count)
            case ast.BinOp(left, ast.Add() | ast.Sub(), ast.Name(name)) if name in self.left_out():
                return self.lower(left)
            case ast.BinOp(left, operator, right):
                return ast.BinOp(self.lower(left), operator, self.lower(right))
            case ast.UnaryOp(operator, operand):
                return ast.UnaryOp(operator, self.lower(operand))
            case ast.Compare():
                return self.comparison(node) or ast.Constant(True)
            case ast.Attribute(base, "T"):
                return self.transposed(self.lower(base))
            case ast.Subscript(ast.Name(name), ast.Name(key)):
                if key in self.arrays:
                    return ast.Subscript(variable(name), variable(key), ast.Load())
                return ast.Subscript(variable(name), _keys(getattr(self.op, key)), ast.Load())
            case ast.Call(ast.Name(name), arguments, _):
                return self.called(name, arguments)
        return refuse(ast.unparse(node), "the notation of textbook formulas")

    def left_out(self) -> set[str]:
        return {role for role in self.op.optional if role not in self.arrays}

    def named(self, name: str) -> ast.expr:
        name = self.renamed.get(name, name)
        if name in self.values or name in KNOWN:
            return variable(name)
        if name == "n":
            return ast.Constant(self.count())
        if name == "samples":
            return ast.Constant(self.samples)
        if name == "classes":
            return ast.Constant(self.first.shape[-1])
        if name.endswith("ᵢ"):
            return self.indexed(name[:-1], int(self.role.removeprefix(str(self.op.variadic))))
        setting = self.symbols.get(name, name)
        value = getattr(self.op, setting, None) if setting in self.op.settings() else None
        if value is None:
            refuse(name, f"a role, a setting or a definition of {type(self.op).__name__}")
        self.values[name] = np.asarray(value, np.float64)
        return variable(name)

    def indexed(self, name: str, i: int) -> ast.expr:
        if name == self.op.variadic:
            return variable(f"{name}{i}")
        return _number(getattr(self.op, name)[i])

    def count(self) -> int:
        """Return how many elements became one."""
        axis = getattr(self.op, "axis", None)
        axes = range(self.first.ndim) if axis is None else np.atleast_1d(axis).tolist()
        return math.prod(self.first.shape[a] for a in axes)

    def shared(self, written: ast.expr, count: str) -> ast.expr:
        """Return what belongs to one of n: a / n, or a · w / Σ w."""
        number = self.count() if count == "n" else self.samples
        if not self.weight:
            return written if number == 1 else ast.BinOp(written, ast.Div(), ast.Constant(number))
        weight = variable("sample_weight")
        return ast.BinOp(written, ast.Mult(), ast.BinOp(weight, ast.Div(), self.weights(number)))

    def weights(self, number: int) -> ast.expr:
        """Return Σ w, where each w counts for all the numbers that it belongs to."""
        total: ast.expr = numpy_call("sum", [variable("sample_weight")])
        each = number // max(self.values["sample_weight"].size, 1)
        return total if each == 1 else ast.BinOp(total, ast.Mult(), ast.Constant(each))

    def comparison(self, node: ast.Compare) -> ast.expr | None:
        """Return a chain of comparisons as single ones; those with a bound that is None are left out."""
        sides = [node.left, *node.comparators]
        found: ast.expr | None = None
        for left, sign, right in zip(sides, node.ops, sides[1:]):
            if any(isinstance(side, ast.Name) and self.unbounded(side.id) for side in (left, right)):
                continue
            one = ast.Compare(self.lower(left), [sign], [self.lower(right)])
            found = one if found is None else ast.BinOp(found, ast.BitAnd(), one)
        return found

    def unbounded(self, name: str) -> bool:
        return name in self.op.settings() and getattr(self.op, name) is None

    def transposed(self, base: ast.expr) -> ast.expr:
        if np.ndim(self.evaluate(base)) <= 2:
            return ast.Attribute(base, "T", ast.Load())
        last = [ast.UnaryOp(ast.USub(), ast.Constant(number)) for number in (1, 2)]
        return numpy_call("swapaxes", [base, *last])

    def called(self, name: str, arguments: list[ast.expr]) -> ast.expr:
        if name in _SPOKEN:
            return _SPOKEN[name](self, *arguments)
        if name in self.inlined:
            of, body = self.inlined[name]
            return self.lower(_replaced(body, of, arguments[0]))
        lowered = [self.lower(argument) for argument in arguments]
        if name in IN_NUMPY:
            return numpy_call(IN_NUMPY[name], lowered)
        if name == "softmax":
            axis = np.ndim(self.evaluate(lowered[0])) - 1
            return ast.Call(variable(name), lowered, [ast.keyword("axis", ast.Constant(axis))])
        if name in KNOWN:
            return ast.Call(variable(name), lowered, [])
        if callable(getattr(self.op, name, None)) and name in self.op.settings():
            self.functions[name] = getattr(self.op, f"_{name}", None) or getattr(self.op, name)
            return ast.Call(variable(name), lowered, [])
        return refuse(f"{name}(…)", "a function that is known, or a setting of the op")

    def reduced(self, function: str, inner: ast.expr, axis: int | tuple[int, ...] | None, keep: bool) -> ast.expr:
        ndim = np.ndim(self.evaluate(inner))
        told: dict[str, ast.expr] = {}
        if axis is not None:
            positive = tuple(a % ndim for a in (axis if isinstance(axis, tuple) else (axis,)))
            told["axis"] = _axes(positive)
        if keep and ndim:
            told["keepdims"] = ast.Constant(True)
        return numpy_call(function, [inner], **told)

    def total(self, inner: ast.expr) -> ast.expr:
        if any(isinstance(part, ast.Name) and part.id.endswith("ᵢ") for part in ast.walk(inner)):
            terms = [self.lower(_with_index(self, inner, i)) for i in range(len(self.arrays))]
            found = terms[0]
            for term in terms[1:]:
                found = ast.BinOp(found, ast.Add(), term)
            return found
        if self.of_one_sample:
            return self.reduced("sum", self.lower(inner), -1, keep=True)
        return numpy_call("sum", [self.lower(inner)])

    def over_the_axes(self, inner: ast.expr) -> ast.expr:
        return self.reduced("sum", self.lower(inner), getattr(self.op, "axis", None), self.kept)

    def largest(self, inner: ast.expr) -> ast.expr:
        return self.reduced("max", self.lower(inner), getattr(self.op, "axis", None), self.kept)

    def in_each_row(self, inner: ast.expr) -> ast.expr:
        return self.reduced("sum", self.lower(inner), getattr(self.op, "axis", -1), keep=True)

    def over_samples(self, inner: ast.expr) -> ast.expr:
        return self.reduced("sum", self.lower(inner), 0, keep=False)

    def up_to(self, inner: ast.expr) -> ast.expr:
        return numpy_call("cumsum", [self.lower(inner)], axis=_axes((getattr(self.op, "axis", -1),)))

    def from_on(self, inner: ast.expr) -> ast.expr:
        axis = _axes((getattr(self.op, "axis", -1),))
        from_the_end = numpy_call("flip", [self.lower(inner)], axis=axis)
        return numpy_call("flip", [numpy_call("cumsum", [from_the_end], axis=axis)], axis=axis)

    def mean(self, inner: ast.expr) -> ast.expr:
        return self.averaged(self.lower(inner))

    def mean_over_samples(self, inner: ast.expr) -> ast.expr:
        self.of_one_sample = True
        lowered = self.lower(inner)
        self.of_one_sample = False
        self.samples = int(np.size(self.evaluate(lowered)))
        return self.averaged(lowered)

    def averaged(self, inner: ast.expr) -> ast.expr:
        if not self.weight:
            return numpy_call("mean", [inner])
        of_each = np.shape(self.evaluate(inner))
        if len(of_each) < self.first.ndim:  # a function of a user's gives a number for each sample
            self.values["sample_weight"] = self.arrays["sample_weight"]
        weighted = numpy_call("sum", [ast.BinOp(variable("sample_weight"), ast.Mult(), inner)])
        return ast.BinOp(weighted, ast.Div(), self.weights(math.prod(of_each)))

    def where(self, test: ast.expr, yes: ast.expr, no: ast.expr) -> ast.expr:
        assert isinstance(test, ast.Compare)
        lowered = self.comparison(test)
        return self.lower(yes) if lowered is None else numpy_call("where", [lowered, self.lower(yes), self.lower(no)])

    def cut(self, inner: ast.expr, low: ast.expr, high: ast.expr) -> ast.expr:
        found = self.lower(inner)
        for function, bound in (("maximum", low), ("minimum", high)):
            if not (isinstance(bound, ast.Name) and self.unbounded(bound.id)):
                found = numpy_call(function, [found, self.lower(bound)])
        return found

    def everywhere(self, inner: ast.expr) -> ast.expr:
        return numpy_call("broadcast_to", [self.lower(inner), _lengths(self.arrays[self.role].shape)])

    def in_shape_of(self, inner: ast.expr, role: ast.Name) -> ast.expr:
        return numpy_call("reshape", [self.lower(inner), _lengths(self.arrays[role.id].shape)])

    def flattened(self, inner: ast.expr) -> ast.expr:
        shape = np.shape(self.evaluate(self.lower(inner)))
        return numpy_call("reshape", [self.lower(inner), _lengths((shape[0], math.prod(shape[1:])))])

    def reshape(self, inner: ast.expr, shape: ast.Name) -> ast.expr:
        return numpy_call("reshape", [self.lower(inner), _lengths(getattr(self.op, shape.id))])

    def transpose(self, inner: ast.expr, axes: ast.expr) -> ast.expr:
        found = self.lower(inner)
        given = getattr(self.op, "axes", None)
        if given is None:
            return ast.Attribute(found, "T", ast.Load())
        order = [a % len(given) for a in given]
        if isinstance(axes, ast.Call):  # inverse(axes)
            order = [order.index(i) for i in range(len(order))]
        return numpy_call("transpose", [found, _lengths(order)])

    def side_by_side(self, parts: ast.Name) -> ast.expr:
        items = ast.List([variable(f"{parts.id}{i}") for i in range(len(self.arrays))], ast.Load())
        return numpy_call("concatenate", [items], axis=_axes((getattr(self.op, "axis", 1),)))

    def piece(self, inner: ast.expr, _: ast.Name) -> ast.expr:
        axis = getattr(self.op, "axis", 1) % self.first.ndim
        start = 0
        for role, part in self.arrays.items():
            if role == self.role:
                break
            start += part.shape[axis]
        key = (*(slice(None),) * axis, slice(start, start + self.arrays[self.role].shape[axis]))
        return ast.Subscript(self.lower(inner), _keys(key), ast.Load())

    def placed(self, inner: ast.expr, key: ast.Name) -> ast.expr:
        like, where = self.arrays[self.role], getattr(self.op, key.id)

        def placed(array: Array, _: str) -> Array:
            found = np.zeros_like(like)
            found[where] = array
            return found

        self.functions["placed"] = placed
        told = ast.unparse(ast.fix_missing_locations(ast.Expression(_keys(where)))).strip("()")
        return ast.Call(variable("placed"), [self.lower(inner), ast.Constant(told)], [])

    def of_each_row(self, inner: ast.expr, indices: ast.Name) -> ast.expr:
        like = self.arrays[self.role]

        def sum_of_each_row(array: Array, places: Array) -> Array:
            found = np.zeros_like(like)
            np.add.at(found, places, array)
            return found

        self.functions["sum_of_each_row"] = sum_of_each_row
        return ast.Call(variable("sum_of_each_row"), [self.lower(inner), variable(indices.id)], [])


_SPOKEN: dict[str, Callable[..., ast.expr]] = {
    "Σ": _Written.total,
    "Σ over the axes": _Written.over_the_axes,
    "max over the axes": _Written.largest,
    "Σ in each row": _Written.in_each_row,
    "Σ over samples": _Written.over_samples,
    "Σ up to each place": _Written.up_to,
    "Σ from each place on": _Written.from_on,
    "Σ of each row": _Written.of_each_row,
    "mean": _Written.mean,
    "mean_over_samples": _Written.mean_over_samples,
    "where": _Written.where,
    "cut": _Written.cut,
    "everywhere": _Written.everywhere,
    "in_shape_of": _Written.in_shape_of,
    "flattened": _Written.flattened,
    "reshape": _Written.reshape,
    "transpose": _Written.transpose,
    "side by side": _Written.side_by_side,
    "piece": _Written.piece,
    "placed": _Written.placed,
}


def _exact(array: Array, whole: bool = False) -> Array:
    return np.asarray(array).astype(np.intp if whole else np.float64)


def _in_order(definitions: Mapping[str, ast.expr], result: ast.expr, more: Sequence[ast.expr]) -> list[str]:
    """Return the definitions that a formula needs, each behind those that it needs itself."""
    order: list[str] = []

    def visit(expression: ast.expr) -> None:
        for name in _names(expression):
            if name in definitions and name not in order:
                visit(definitions[name])
                order.append(name)

    for expression in (result, *more):
        visit(expression)
    return order


def _names(expression: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(expression) if isinstance(node, ast.Name))


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names.get(node.id, node)


def _replaced(body: ast.expr, name: str, by: ast.expr) -> ast.expr:
    """Return a copy of an expression with another one for a name."""
    found: ast.expr = _Renamed({name: by}).visit(copied(body))
    return found


def _with_index(written: _Written, inner: ast.expr, i: int) -> ast.expr:
    names = {name for name in _names(inner) if name.endswith("ᵢ")}
    found: ast.expr = _Renamed({name: written.indexed(name[:-1], i) for name in names}).visit(copied(inner))
    return found


def _axes(axes: Sequence[int]) -> ast.expr:
    return _number(axes[0]) if len(axes) == 1 else _lengths(axes)


def _number(number: float) -> ast.expr:
    return ast.Constant(number) if number >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-number))


def _lengths(numbers: Sequence[int]) -> ast.expr:
    return ast.Tuple([_number(number) for number in numbers], ast.Load())


def _keys(key: Any) -> ast.expr:
    """Return what stands between the brackets of ``x[key]``."""
    parts = [_key(part) for part in (key if isinstance(key, tuple) else (key,))]
    return parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())


def _key(part: Any) -> ast.expr:
    if isinstance(part, slice):
        ends = (None if end is None else _number(int(end)) for end in (part.start, part.stop, part.step))
        return ast.Slice(*ends)
    return ast.Constant(part) if part is None or part is Ellipsis else _number(int(part))
