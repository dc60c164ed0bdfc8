"""How far rounding carries what an expression comes to: a running error bound, operation by operation.

Each operation adds the rounding of its own result to what the errors of its operands do to it, to first order
(N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, section 3.3). It is an estimate: it says where
nearly equal numbers are subtracted, and so how far two ways of computing one thing may differ.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.ops.op import Array

_FEW = 8  # units in the last place that a function of NumPy, or a sum in some order, is off by
_MOVES = ("reshape", "transpose", "swapaxes", "broadcast_to", "flip", "concatenate", "placed")
_SUMS = ("sum", "mean", "cumsum", "sum_of_each_row")


def rounding_error(
    steps: Sequence[tuple[str, ast.expr]],
    result: ast.expr,
    value: Callable[[ast.expr, Mapping[str, Any]], Any],
    values: Mapping[str, Any],
    precision: float,
    computed: Sequence[str] = (),
) -> Array:
    """Return about how far each number of a result is off if it is computed in this precision.

    Parameters
    ----------
    steps : sequence of (str, ast.expr)
        What is computed before, by name.
    result : ast.expr
    value : callable
        What an expression comes to with these values.
    values : mapping of str to ndarray
    precision : float
        The distance from 1 to the next number.
    computed : sequence of str
        Variables that are results of a computation themselves; all others are exact.

    Examples
    --------
    >>> from chainrule.ops.textbook import evaluate, parse
    >>> ((_, expression),) = parse("y = 1 − a")
    >>> float(rounding_error([], expression, evaluate, {"a": np.array(0.75)}, 2**-7))
    0.001953125
    >>> float(rounding_error([], expression, evaluate, {"a": np.array(0.75)}, 2**-7, computed=["a"]))
    0.048828125
    """
    known = dict(values)
    errors = {name: _FEW * precision * abs(known[name]) for name in computed if name in known}
    bound = _Bound(value, known, errors, precision)
    with np.errstate(all="ignore"):
        for name, expression in steps:
            errors[name] = bound.of(expression)
            known[name] = value(expression, known)
        return np.asarray(bound.of(result))


class _Bound:
    def __init__(
        self,
        value: Callable[[ast.expr, Mapping[str, Any]], Any],
        values: dict[str, Any],
        errors: dict[str, Array],
        precision: float,
    ) -> None:
        self.evaluate, self.values, self.errors, self.precision = value, values, errors, precision

    def value(self, node: ast.expr) -> Any:
        return self.evaluate(node, self.values)

    def of(self, node: ast.expr) -> Array:
        """Return about how far what an expression comes to is off."""
        return np.asarray(self.error(node))

    def error(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(name):
                return self.errors.get(name, np.zeros(np.shape(self.values.get(name, 0.0))))
            case ast.BinOp(left, operator, right) if not isinstance(operator, (ast.BitAnd, ast.BitOr)):
                return self.binary(node, left, operator, right)
            case ast.UnaryOp(ast.USub(), operand):
                return self.of(operand)
            case ast.Attribute(base, "T"):
                return self.of(base).T
            case ast.Subscript(base, _):
                return self.applied(node, base)
            case ast.Call(ast.Attribute(ast.Name("np"), name) | ast.Name(name), arguments, _):
                return self.call(node, name, arguments)
        return np.zeros(np.shape(self.value(node)))

    def binary(self, node: ast.expr, left: ast.expr, operator: ast.operator, right: ast.expr) -> Any:
        a, b, ea, eb = self.value(left), self.value(right), self.of(left), self.of(right)
        own = self.precision * abs(self.value(node))
        match operator:
            case ast.Mult():
                return abs(a) * eb + ea * abs(b) + own
            case ast.MatMult():
                return abs(a) @ eb + ea @ abs(b) + _FEW * self.precision * (abs(a) @ abs(b))
            case ast.Div():
                return ea / abs(b) + abs(a) * eb / (b * b) + own
            case ast.Pow():
                return abs(b * a ** (b - 1)) * ea + _FEW * own
        return ea + eb + own

    def call(self, node: ast.Call, name: str, arguments: list[ast.expr]) -> Any:
        if name == "where":
            return np.where(self.value(arguments[0]), self.of(arguments[1]), self.of(arguments[2]))
        if name in ("maximum", "minimum"):
            return np.maximum(self.of(arguments[0]), self.of(arguments[1]))
        if name in (*_MOVES, *_SUMS):
            return self.applied(node, arguments[0], sums=name in _SUMS)
        found, others = self.value(node), [self.value(argument) for argument in arguments]
        moved = np.zeros(np.shape(found))
        for sign in (1, -1):
            there = [array + sign * self.of(told) for array, told in zip(others, arguments)]
            off = abs(self.replaced(node, arguments, there) - found)
            moved = np.maximum(moved, np.where(np.isfinite(off), off, 0))
        return moved + _FEW * self.precision * abs(found)

    def applied(self, node: ast.expr, of: ast.expr, sums: bool = False) -> Any:
        """Return what becomes of the errors where numbers are moved, or added up."""
        if isinstance(of, ast.List):
            parts = [self.of(part) for part in of.elts]
            return np.asarray(self.replaced(node, of.elts, parts))
        errors = np.asarray(self.replaced(node, [of], [self.of(of)]))
        if not sums:
            return errors
        return errors + _FEW * self.precision * np.asarray(self.replaced(node, [of], [abs(self.value(of))]))

    def replaced(self, node: ast.expr, parts: Sequence[ast.expr], arrays: Sequence[Any]) -> Any:
        """Return what an expression comes to with other arrays in the place of some of its parts."""
        names = {id(part): f"part {i}" for i, part in enumerate(parts)}
        return self.evaluate(_without(node, names), {**self.values, **dict(zip(names.values(), arrays, strict=True))})


def _without(node: Any, names: Mapping[int, str]) -> Any:
    """Return a copy of an expression with names in the place of some of its parts."""
    if id(node) in names:
        return ast.Name(names[id(node)], ast.Load())
    if isinstance(node, ast.AST):
        return type(node)(**{key: _without(value, names) for key, value in ast.iter_fields(node)})
    return [_without(item, names) for item in node] if isinstance(node, list) else node
