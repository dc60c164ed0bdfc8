"""The same formulas with samples as columns: z = W a + b, products by elements as ⊙.

The program keeps samples as rows. Here every matrix is written as its transpose, and every formula so that it is true
of those: (x W)ᵀ is Wᵀ xᵀ, and a sum over the samples runs along rows. Each rewritten formula is computed once from the
transposed numbers and compared with the transposed result; one that isn't equal is not written.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.errors import InputError
from chainrule.explain.analysis import Analysis, Path
from chainrule.explain.op_formulas import (
    Beside,
    ByElements,
    Formula,
    Prediction,
    backward_formula,
    forward_formula,
    textbook_backward,
    textbook_forward,
)
from chainrule.ops.op import Array, Op
from chainrule.ops.textbook import BY_ELEMENTS, KNOWN

NOTATIONS = ("rows", "columns")
NOTHING = Formula([], None, {}, "", recorded=False)  # a formula that is not written

_REDUCTIONS = ("sum", "max", "min", "mean", "prod", "any", "all")
_PRODUCTS = ("matmul", "dot")
_MADE = ("arange", "full", "ones", "zeros")  # vectors made anew


class Rows:
    """How arrays and formulas are written: as the program has them, a row for each sample."""

    name = "rows"

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis

    def array(self, array: Array, place: int) -> Array:
        """Return an array as it is written, shaped like the value of the node at this place."""
        return array

    def index(self, index: tuple[int, ...], place: int) -> tuple[int, ...]:
        """Return where a number of such an array is then."""
        return index

    def forward(self, place: int) -> Formula:
        """Return what the op of a node computes."""
        return forward_formula(self._op(place), self.analysis.arrays(place))

    def backward(self, place: int, role: str) -> Formula:
        """Return how the op of a node computes the derivative for one of its children."""
        analysis = self.analysis
        gradient = analysis.gradients[place]
        assert gradient is not None
        return backward_formula(self._op(place), gradient, analysis.values[place], analysis.arrays(place), role)

    def of(self, op: Op, arrays: Mapping[str, Array], places: Mapping[str, int]) -> Formula:
        """Return what an op that is no node's computes from values of nodes."""
        return forward_formula(op, arrays)

    def textbook(self, place: int) -> Formula | None:
        """Return what a textbook says that the op of a node computes; None if its docstring doesn't."""
        analysis = self.analysis
        arrays, value = analysis.arrays(place), analysis.values[place]
        return textbook_forward(self._op(place), arrays, value, self.predicted(place))

    def textbook_backward(self, place: int, role: str) -> Formula | None:
        """Return the derivative for one of the children of a node as a textbook says it."""
        analysis, predicted = self.analysis, self.predicted(place)
        gradient, path = analysis.gradients[place], self._path(place, role)
        assert gradient is not None
        known = (gradient, analysis.values[place], analysis.arrays(place), role, path.array)
        return textbook_backward(self._op(place), *known, predicted, place == analysis.root)

    def textbook_of(self, op: Op, arrays: Mapping[str, Array], places: Mapping[str, int]) -> Formula | None:
        """Return what a textbook says that an op that is no node's computes from values of nodes."""
        return textbook_forward(op, arrays, op.forward(**arrays))

    def _path(self, place: int, role: str) -> Path:
        child = self.analysis.roles(place)[role]
        return next(path for path in self.analysis.paths[child] if path.parent == place and path.role == role)

    def predicted(self, place: int) -> Prediction | None:
        """Return the prediction that a loss computes within itself, if it does."""
        head = self.analysis.losses().get(place)
        if head is None or not head.objective.fused or head.objective.unscale is not None:
            return None
        last, role = head.objective.last, head.objective.prediction_role
        assert isinstance(last, Op)
        function = {"softmax": "softmax", "sigmoid": "σ"}.get(last.name)
        value = last.forward(**{last.roles[0]: self.analysis.arrays(place)[role].astype(np.float64)})
        return None if function is None else Prediction(function, role, value)

    def _op(self, place: int) -> Op:
        op = self.analysis.graph.nodes[place].op
        assert op is not None
        return op


class Columns(Rows):
    """Arrays transposed, a column for each sample, and the formulas of those."""

    name = "columns"

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        self._lie: set[int] = set()  # nodes whose value is a vector that is written as a row
        for place, node in enumerate(analysis.graph.nodes):
            value = analysis.values[place]
            if value.ndim > 2:
                raise InputError(
                    "explain",
                    given=f"notation='columns' for {node.where} with shape {value.shape}",
                    expected="arrays with at most two axes: samples as columns, features as rows",
                    fix="Write notation='rows'",
                )
            if node.op is None:
                continue
            for role, child in analysis.roles(place).items():
                if role in node.op.constant and analysis.values[child].ndim == 1:  # labels, weights of samples
                    rows = self._rows(place) | {role: True}
                    self._lie |= {child} if in_columns(super().forward(place), rows) is not None else set()
            if value.ndim == 1:
                found = in_columns(super().forward(place), self._rows(place))
                if found is not None and found[1].shape[0] == 1 < found[1].size:
                    self._lie.add(place)

    def array(self, array: Array, place: int) -> Array:
        return turned(array, place in self._lie)

    def index(self, index: tuple[int, ...], place: int) -> tuple[int, ...]:
        return index[::-1]

    def forward(self, place: int) -> Formula:
        return self._checked(super().forward(place), self._rows(place), self.analysis.values[place], place)

    def backward(self, place: int, role: str) -> Formula:
        return self._checked(super().backward(place, role), *self._handed(place, role))

    def textbook(self, place: int) -> Formula | None:
        formula = super().textbook(place)
        return self._written(formula, self._rows(place), self.analysis.values[place], place)

    def textbook_backward(self, place: int, role: str) -> Formula | None:
        return self._written(super().textbook_backward(place, role), *self._handed(place, role))

    def textbook_of(self, op: Op, arrays: Mapping[str, Array], places: Mapping[str, int]) -> Formula | None:
        formula = super().textbook_of(op, arrays, places)
        found = None if formula is None else in_columns(formula, {r: p in self._lie for r, p in places.items()})
        return None if found is None else found[0]

    def _written(self, formula: Formula | None, rows: dict[str, bool], array: Array, place: int) -> Formula | None:
        found = None if formula is None else self._checked(formula, rows, array, place)
        return None if found is NOTHING else found

    def _handed(self, place: int, role: str) -> tuple[dict[str, bool], Array, int]:
        lies = place in self._lie
        child = self.analysis.roles(place)[role]
        return self._rows(place) | {"dy": lies, "y": lies}, self._path(place, role).array, child

    def of(self, op: Op, arrays: Mapping[str, Array], places: Mapping[str, int]) -> Formula:
        rows = {role: place in self._lie for role, place in places.items()}
        found = in_columns(forward_formula(op, arrays), rows)
        return NOTHING if found is None else found[0]

    def _rows(self, place: int) -> dict[str, bool]:
        return {role: child in self._lie for role, child in self.analysis.roles(place).items()}

    def _checked(self, formula: Formula, rows: dict[str, bool], array: Array, place: int) -> Formula:
        """Return the formula in columns, if what it computes is written as the array of this node is."""
        if formula.result is None:  # code, which is shown as it is
            return formula
        found = in_columns(formula, rows)
        if found is None or found[1].shape != self.array(array, place).shape:
            return NOTHING
        return found[0]


class _Unknown(Exception):
    """Something that can't be rewritten."""


def turned(array: Array, as_row: bool = False) -> Array:
    """Return an array as it is written in columns: a matrix transposed, a vector as a column, or as a row.

    >>> turned(np.array([[1, 2]])).tolist(), turned(np.array([1, 2])).tolist(), turned(np.array(3)).tolist()
    ([[1], [2]], [[1], [2]], 3)
    """
    if array.ndim == 1:
        return array.reshape(1, -1) if as_row else array.reshape(-1, 1)
    return array.T


def in_columns(formula: Formula, as_rows: Mapping[str, bool]) -> tuple[Formula, Array] | None:
    """Return a formula of the transposed arrays and what it computes; None if it can't be written so.

    Parameters
    ----------
    formula : Formula
    as_rows : mapping of str to bool
        Which variables are vectors written as rows, such as labels, a number for each sample.
    """
    if formula.result is None:
        return None
    plain: dict[str, Any] = {**KNOWN, **formula.functions, **formula.values}
    values: dict[str, Any] = {name: turned(a, as_rows.get(name, False)) for name, a in formula.values.items()}
    steps = []
    turner = _Turner(plain, values)
    try:
        for name, expression in formula.steps:
            written = turner.turn(expression)
            values[name] = _agreeing(written, values, formula.values[name])
            steps.append((name, written))
        result = turner.turn(formula.result)
        value = _agreeing(result, values, _value(formula.result, plain))
    except Exception:  # NumPy raises whatever suits it where the shapes of what was rewritten don't fit
        return None
    return replace(formula, steps=steps, result=result, values=values), value


def _value(expression: ast.expr, values: Mapping[str, Any]) -> Any:
    # The expressions are those of a record that `source` wrote, or were made of them: see op_formulas.
    tree = ast.fix_missing_locations(ast.Expression(expression))
    with np.errstate(all="ignore"):
        return eval(compile(tree, "<record>", "eval"), {"np": np, **KNOWN, **values})


def _agreeing(written: ast.expr, values: Mapping[str, Any], expected: Any) -> Array:
    """Return what a rewritten formula computes, if that is the transpose of what is expected."""
    found, wanted = np.asarray(_value(written, values)), np.asarray(expected)
    for as_row in (False, True):
        same = turned(wanted, as_row)
        if found.shape == same.shape and np.allclose(found, same, rtol=1e-4, atol=1e-30, equal_nan=True):
            return found
    raise _Unknown


class _Turner:
    """Rewrites an expression of arrays as one of their transposes."""

    def __init__(self, values: Mapping[str, Any], in_columns: Mapping[str, Any]) -> None:
        self.values, self.in_columns = values, in_columns

    def ndim(self, node: ast.expr) -> int | None:
        """Return how many axes a part of the expression has; None if it is no array."""
        try:
            value = _value(node, self.values)
        except NameError:
            raise
        except Exception:  # a part that means nothing by itself, such as a slice
            return None
        if isinstance(value, (list, tuple)):
            return None
        return value.ndim if isinstance(value, (np.ndarray, np.generic)) else None

    def turn(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Name() | ast.Constant() | ast.Attribute(ast.Name("np"), _):
                return node
            case ast.BinOp(left, ast.MatMult(), right):
                return self.product(left, right)
            case ast.BinOp(left, operator, right):
                arrays = all(self.ndim(side) for side in (left, right))
                operator = ByElements() if isinstance(operator, ast.Mult) and arrays else operator
                return ast.BinOp(self.turn(left), operator, self.turn(right))
            case ast.UnaryOp(operator, operand):
                return ast.UnaryOp(operator, self.turn(operand))
            case ast.Compare(left, operators, rights):
                return ast.Compare(self.turn(left), operators, [self.turn(right) for right in rights])
            case ast.Attribute(base, "T"):
                return self.transposed(base)
            case ast.List(items, context):
                return ast.List([self.turn(item) for item in items], context)
            case ast.Tuple(items, context):
                return ast.Tuple([self.turn(item) for item in items], context)
            case ast.Subscript(base, key):
                return self.subscript(base, key)
            case ast.Call(ast.Name("len") as length, [of], []):
                return ast.Call(length, [ast.Attribute(self.turn(of), "T", ast.Load())], [])
            case ast.Call(ast.Name(name), [of], []) if name in BY_ELEMENTS:
                return ast.Call(ast.Name(name, ast.Load()), [self.turn(of)], [])
            case ast.Call(ast.Name("softmax"), [of], [ast.keyword("axis", axis)]):
                keyword = ast.keyword("axis", self.axis("softmax", of, axis))
                return ast.Call(ast.Name("softmax", ast.Load()), [self.turn(of)], [keyword])
            case ast.Call(ast.Attribute(ast.Name("np"), name), arguments, keywords):
                return self.call(name, arguments, keywords)
            case ast.Call(ast.Attribute(base, name), arguments, keywords):
                return self.call(name, [base, *arguments], keywords)
        raise _Unknown

    def product(self, left: ast.expr, right: ast.expr) -> ast.expr:
        """(a b)ᵀ = bᵀ aᵀ; what is a vector, and so written as a column, lies down first."""
        sides = [(self.turn(side), self.ndim(side)) for side in (right, left)]
        if sides[0][1] == 1:
            sides[0] = (ast.Attribute(sides[0][0], "T", ast.Load()), 1)
        return ast.BinOp(sides[0][0], Beside(), sides[1][0])

    def transposed(self, base: ast.expr) -> ast.expr:
        inner = self.turn(base)
        return ast.Attribute(inner, "T", ast.Load()) if self.ndim(base) == 2 else inner

    def lying(self, vector: ast.expr) -> ast.expr:
        """Return a vector as a row: what a column (n, 1) of numbers, one for each sample, is the transpose of."""
        inner = self.turn(vector)
        lies = np.shape(_value(inner, self.in_columns))[0] == 1
        return inner if lies else ast.Attribute(inner, "T", ast.Load())

    def subscript(self, base: ast.expr, key: ast.expr) -> ast.expr:
        """Return a part of a matrix, its axes in the other order; where it is one row, as a matrix of one column."""
        if self.ndim(base) == 1 and ast.unparse(key).strip("()") == ":, None":
            return self.lying(base)
        keys = list(key.elts) if isinstance(key, ast.Tuple) else [key]
        if len(keys) > 2 or self.ndim(base) not in (1, 2) or any(_is_new_axis(part) for part in keys):
            raise _Unknown
        if self.ndim(base) == 1:
            if not isinstance(keys[0], ast.Slice) or np.shape(_value(self.turn(base), self.in_columns))[1] != 1:
                raise _Unknown
            return ast.Subscript(self.turn(base), keys[0], ast.Load())
        keys += [ast.Slice()] * (2 - len(keys))
        if any(isinstance(part, ast.Slice) for part in keys):
            keys = [part if isinstance(part, ast.Slice) else _one_long(part) for part in keys]
        return ast.Subscript(self.turn(base), ast.Tuple(keys[::-1], ast.Load()), ast.Load())

    def call(self, name: str, arguments: list[ast.expr], keywords: list[ast.keyword]) -> ast.expr:
        first, *others = arguments
        whole = ast.Call(_numpy(name), arguments, keywords)
        if name in _MADE:
            as_column = ast.Tuple([ast.Slice(), ast.Constant(None)], ast.Load())
            return ast.Subscript(whole, as_column, ast.Load())
        if name in _PRODUCTS:
            return self.product(first, others[0])
        if name == "transpose":
            if others or keywords:
                raise _Unknown
            return self.transposed(first)
        if name == "reshape":
            return self.reshaped(whole, first)
        axes = {keyword.arg: keyword.value for keyword in keywords}
        if name in _REDUCTIONS and others:  # the axis, by its place
            axes["axis"] = others.pop(0)
        if name in _REDUCTIONS and self.ndim(whole) == 0:  # of all numbers
            axes.pop("axis", None)
        if "axis" in axes:
            axes["axis"] = self.axis(name, first, axes["axis"])
            if name in _REDUCTIONS:
                axes["keepdims"] = ast.Constant(True)
        told = [ast.keyword(key, value) for key, value in axes.items() if value is not None]
        shaped = [_reversed(other) if name == "broadcast_to" else self.argument(other) for other in others]
        return ast.Call(_numpy(name), [self.turn(first), *shaped], told)

    def argument(self, node: ast.expr) -> ast.expr:
        return node if self.ndim(node) is None else self.turn(node)

    def axis(self, name: str, of: ast.expr, axis: ast.expr) -> ast.expr:
        """Return the axis that is the same one of the transpose."""
        told = ast.literal_eval(axis)
        axes = [told] if isinstance(told, int) else list(told)
        items = of.elts if isinstance(of, (ast.List, ast.Tuple)) else [of]
        if any(self.ndim(item) not in (1, 2) for item in items):
            raise _Unknown
        if self.ndim(items[0]) == 1:  # of a column, whose only axis is still its first
            return ast.Constant(0)
        flipped = [1 - one % 2 for one in axes]
        return ast.Constant(flipped[0]) if isinstance(told, int) else _tuple(flipped)

    def reshaped(self, whole: ast.Call, inner: ast.expr) -> ast.expr:
        """A vector as a column of rows, (n,) as (n, 1): a row of columns, which labels are already."""
        shape = np.asarray(_value(whole, self.values)).shape
        if self.ndim(inner) == 1 and len(shape) == 2 and shape[1] == 1:
            return self.lying(inner)
        if self.ndim(inner) == 1 and len(shape) == 2 and shape[0] == 1:
            return ast.Attribute(self.lying(inner), "T", ast.Load())
        if self.ndim(inner) == 0:  # one number is one number
            return self.turn(inner)
        raise _Unknown


def _numpy(name: str) -> ast.expr:
    return ast.Attribute(ast.Name("np", ast.Load()), name, ast.Load())


def _is_new_axis(key: ast.expr) -> bool:
    return isinstance(key, ast.Constant) and key.value is None


def _one_long(index: ast.expr) -> ast.expr:
    """Return an index as a slice, so that its axis stays."""
    place = int(ast.literal_eval(index))
    return ast.Slice(ast.Constant(place), ast.Constant(place + 1 or None))


def _reversed(shape: ast.expr) -> ast.expr:
    told = ast.literal_eval(shape)
    return _tuple(told[::-1] if len(told) > 1 else (*told, 1))


def _tuple(numbers: Sequence[int]) -> ast.expr:
    return ast.Tuple([ast.Constant(number) for number in numbers], ast.Load())
