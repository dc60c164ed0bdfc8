"""Activations that exporters write as a formula of several nodes, such as GELU, recognised by what they compute.

A formula is brought into a form that doesn't depend on the order in which it was written: products and sums are
flattened, their constants gathered, divisions and powers made products. Then it is compared with the known ones, of
which numbers need to agree to five digits, since float32 files hold no more than seven.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

from chainrule.nn import Rescale
from chainrule.nn.layer import LayerLike
from chainrule.onnx.flow import Flow
from chainrule.ops import ELU, GELU, HardSwish, LeakyReLU, Mish, Op, ReLU, SiLU, Softplus, Softsign

Formula: TypeAlias = "float | tuple[object, ...]"

_MOST_NODES = 64  # that a formula is unfolded to
_MOST_LEVELS = 12  # values that lie between its start and its end
_CALLS = {"Abs", "Clip", "Erf", "Exp", "Greater", "Log", "Max", "Min", "Relu", "Sigmoid", "Softplus", "Tanh", "Where"}
_KNOWN_OPS = _CALLS | {"Add", "Div", "HardSigmoid", "Identity", "Mul", "Neg", "Pow", "Sub"}
_X: Formula = ("x",)


def recognised(flow: Flow, end: str) -> tuple[str, list[LayerLike]] | None:
    """Return the layers of the activation that ends in a value, and what it is applied to; None if it is none."""
    if flow.makers[end].op not in _KNOWN_OPS or flow.makers[end].op in ("Identity", "Neg"):
        return None
    start = end
    for _ in range(_MOST_LEVELS):
        if start not in flow.above:
            return None
        start = flow.above[start]
        formula = _Unfolding(flow, start).formula(end)
        if formula is None:
            return None
        layers = _activation(formula)
        if layers:
            return start, layers
    return None


class _Unfolding:
    """A value written as a formula of another one."""

    def __init__(self, flow: Flow, start: str) -> None:
        self.flow, self.start, self.left = flow, start, _MOST_NODES

    def formula(self, name: str) -> Formula | None:
        """Return the formula; None if something other than arithmetic on single numbers is on the way."""
        self.left -= 1
        if name == self.start:
            return _X
        step = self.flow.makers.get(name)
        if self.left < 0 or step is None or step.op not in _KNOWN_OPS:
            return None
        parts = []
        for i, given in enumerate(step.inputs):
            if self.flow.varies(given):
                part = self.formula(given)
            else:
                array = self.flow.array(step, i)
                part = float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None
            if part is None:
                return None
            parts.append(part)
        if step.op == "HardSigmoid":
            alpha, beta = (step.attributes.get(name, usual) for name, usual in (("alpha", 0.2), ("beta", 0.5)))
            (x,) = parts
            return _call("Clip", _sum(_product(alpha, x), beta), 0.0, 1.0)
        return _written(step.op, parts)


def _written(op: str, parts: list[Formula]) -> Formula | None:
    if len(parts) == 2 and op in ("Add", "Sub", "Mul", "Div", "Pow"):
        a, b = parts
        if op == "Add":
            return _sum(a, b)
        if op == "Sub":
            return _sum(a, _product(-1.0, b))
        if op == "Mul":
            return _product(a, b)
        if op == "Div" and isinstance(b, float) and b:
            return _product(a, 1 / b)
        if op == "Div" and isinstance(b, tuple):
            return _product(a, _call("Reciprocal", b))
        if op == "Pow" and b in (2.0, 3.0):
            return _product(a, a) if b == 2.0 else _product(a, a, a)
        return None
    if len(parts) == 1 and op == "Identity":
        return parts[0]
    if len(parts) == 1 and op == "Neg":
        return _product(-1.0, parts[0])
    return _call(op, *parts)


def _call(op: str, *parts: Formula) -> Formula:
    return (op, *(sorted(parts, key=_key) if op in ("Max", "Min") else parts))


def _product(*parts: Formula) -> Formula:
    return _gathered("product", 1.0, parts)


def _sum(*parts: Formula) -> Formula:
    return _gathered("sum", 0.0, parts)


def _gathered(kind: str, neutral: float, parts: tuple[Formula, ...]) -> Formula:
    """Return a product or a sum: its constant, and the rest in order."""
    constant, rest = neutral, []
    for part in parts:
        if isinstance(part, tuple) and part[0] == kind:
            numbers, inner = [part[1]], list(part[2:])
        else:
            numbers, inner = ([part], []) if isinstance(part, float) else ([], [part])
        for number in numbers:
            assert isinstance(number, float)
            constant = constant * number if kind == "product" else constant + number
        rest += inner
    if not rest:
        return constant
    if len(rest) == 1 and constant == neutral:
        (only,) = rest
        assert isinstance(only, tuple)
        return only
    return (kind, constant, *sorted(rest, key=_key))


def _key(formula: object) -> str:
    """Return a formula as text, its numbers to five digits: equal texts, equal formulas."""
    if isinstance(formula, tuple):
        return f"({' '.join(map(_key, formula))})"
    return f"{formula:.5g}" if isinstance(formula, float) else str(formula)


def _activation(formula: Formula) -> list[LayerLike]:
    text = _key(formula)
    if text in _KNOWN:
        return [_KNOWN[text]]
    for number in (1.0, *_factors(formula)):
        if 0 <= number <= 1 and text == _key(_leaky_relu(number)):
            return [LeakyReLU(number)]
        if number > 0 and text == _key(_elu(number)):
            return [ELU(number)]
        if number > 0 and text == _key(_softplus(number)):
            return [Rescale(number), Softplus(), Rescale(1 / number)]
    return []


def _factors(formula: object) -> Iterator[float]:
    """Yield the constant factors in a formula."""
    if isinstance(formula, tuple):
        if formula[0] == "product" and isinstance(formula[1], float):
            yield formula[1]
        for part in formula[1:]:
            yield from _factors(part)


def _leaky_relu(slope: float) -> Formula:
    return _call("Max", _X, _product(slope, _X))


def _elu(alpha: float) -> Formula:
    return _sum(_call("Relu", _X), _product(alpha, _sum(_call("Exp", _call("Min", _X, 0.0)), -1.0)))


def _softplus(beta: float) -> Formula:
    """Return how PyTorch has it: where βx is large, x itself."""
    steep = _product(beta, _X)
    return _call("Where", _call("Greater", steep, 20.0), _X, _product(1 / beta, _call("Softplus", steep)))


_HALF = _product(0.5, _X)
_U = _product(math.sqrt(2 / math.pi), _sum(_X, _product(0.044715, _X, _X, _X)))
_TWICE_U = _product(2 * math.sqrt(2 / math.pi), _X, _sum(1.0, _product(0.044715, _X, _X)))
_ABOVE = _sum(_X, 3.0)
_TO_SIX = (  # relu6(x + 3)
    _call("Clip", _ABOVE, 0.0, 6.0),
    _call("Min", _call("Relu", _ABOVE), 6.0),
    _call("Min", _call("Max", _ABOVE, 0.0), 6.0),
)
_KNOWN: dict[str, Op] = {
    _key(_call("Max", _X, 0.0)): ReLU(),
    _key(_product(_X, _call("Sigmoid", _X))): SiLU(),
    _key(_product(_X, _call("Tanh", _call("Softplus", _X)))): Mish(),
    _key(_product(_X, _call("Clip", _sum(_product(1 / 6, _X), 0.5), 0.0, 1.0))): HardSwish(),
    **{_key(_product(1 / 6, _X, bounded)): HardSwish() for bounded in _TO_SIX},
    _key(_product(_X, _call("Reciprocal", _sum(1.0, _call("Abs", _X))))): Softsign(),
    _key(_product(_HALF, _sum(1.0, _call("Erf", _product(math.sqrt(0.5), _X))))): GELU(),
    _key(_product(_HALF, _sum(1.0, _call("Tanh", _U)))): GELU(approximate=True),
    _key(_product(_X, _call("Sigmoid", _TWICE_U))): GELU(approximate=True),
    _key(_softplus(1.0)): Softplus(),
}
