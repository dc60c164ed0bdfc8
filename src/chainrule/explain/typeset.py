"""From Python expressions to formulas: the typesetter of what is executed.

It knows how operators and NumPy's functions are written, and nothing of derivatives: those it is given, as the record
of an op or as the op's own source.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from chainrule.explain.notation import Fence, Fraction, Math, Matrix, Number, Partial, Power, Root, Row, Symbol

_SUM, _PRODUCT, _RAISED, _ATOM = 1, 2, 3, 4  # how tightly a formula holds together
Bound = tuple[Math, int]

_OPERATORS: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", _SUM),
    ast.Sub: ("−", _SUM),
    ast.Mult: ("·", _PRODUCT),
    ast.MatMult: ("@", _PRODUCT),
    ast.BitAnd: ("∧", _PRODUCT),
    ast.BitOr: ("∨", _SUM),
    ast.Mod: ("mod", _PRODUCT),
    ast.FloorDiv: ("div", _PRODUCT),
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: "≥",
    ast.Lt: "<",
    ast.LtE: "≤",
    ast.Eq: "=",
    ast.NotEq: "≠",
}
_SUBSCRIPTS = str.maketrans("0123456789-,", "₀₁₂₃₄₅₆₇₈₉₋,")
_E = Symbol("e")


def typeset(expression: ast.expr, names: Mapping[str, Math]) -> Math:
    """Return the formula of a Python expression.

    Parameters
    ----------
    expression : ast.expr
    names : mapping of str to Math
        What variables are called: symbols, or matrices for the same formula with its numbers.

    Examples
    --------
    >>> from chainrule.explain.boxes import one_line
    >>> one_line(typeset(ast.parse("dy * (1 - y * y)", mode="eval").body, {"dy": Symbol("∂y")}))
    '∂y · (1 − y²)'
    """
    return _Typesetter(names).bound(expression)[0]


class _Typesetter:
    def __init__(self, names: Mapping[str, Math]) -> None:
        self.names = names

    def bound(self, node: ast.expr) -> Bound:
        """Return a formula and how tightly it holds together."""
        match node:
            case ast.Name(id):
                math = self.names.get(id, Symbol(id))
                negative = isinstance(math, Matrix) and math.array.ndim == 0 and math.array < 0
                return math, _SUM if negative else _RAISED if isinstance(math, Partial) else _ATOM
            case ast.Constant(value) if isinstance(value, (int, float)):
                return Number(f"{value:.6g}"), _ATOM
            case ast.BinOp(left, operator, right):
                return self.binary(left, operator, right)
            case ast.UnaryOp(ast.USub(), operand):
                return Row(("−", self.fenced(operand, _PRODUCT))), _SUM
            case ast.Compare(left, [operator], [right]) if type(operator) in _COMPARISONS:
                parts = (self.plain(left), _COMPARISONS[type(operator)], self.plain(right))
                return Fence("[", Row(parts), "]"), _ATOM
            case ast.Attribute(base, "T"):
                return Power(self.fenced(base, _ATOM), Symbol("T")), _ATOM
            case ast.Attribute(ast.Name("self"), setting):
                return Symbol(setting.strip("_")), _ATOM
            case ast.Subscript(base, key):
                return Row((self.fenced(base, _ATOM), "", Symbol(f"[{_key(key)}]"))), _ATOM
            case ast.List(items) | ast.Tuple(items):
                return Fence("[", self.listed(items), "]"), _ATOM
            case ast.IfExp(test, body, orelse):
                return Row((self.plain(body), "if", self.plain(test), ", else", self.plain(orelse))), 0
            case ast.Call(ast.Attribute(ast.Name("np"), name), arguments, keywords):
                return self.function(name, arguments, keywords)
            case ast.Call(ast.Attribute(base, name), arguments, keywords) if not _is(base, "self"):
                return self.function(name, [base, *arguments], keywords)
            case ast.Call(ast.Attribute(_, name) | ast.Name(name), arguments, _):
                return self.named(name.strip("_"), arguments), _ATOM
        return Symbol(ast.unparse(node)), _ATOM

    def plain(self, node: ast.expr) -> Math:
        return self.bound(node)[0]

    def fenced(self, node: ast.expr, least: int) -> Math:
        """Return a formula, in brackets if it holds together less tightly than `least`."""
        math, tightness = self.bound(node)
        return math if tightness >= least else Fence("(", math, ")")

    def binary(self, left: ast.expr, operator: ast.operator, right: ast.expr) -> Bound:
        if isinstance(operator, ast.Div):
            return Fraction(self.plain(left), self.plain(right)), _PRODUCT
        if isinstance(operator, ast.Pow):
            return Power(self.fenced(left, _ATOM), self.plain(right)), _RAISED
        if isinstance(operator, ast.Mult):
            if ast.dump(left) == ast.dump(right):
                return Power(self.fenced(left, _ATOM), Number("2")), _RAISED
            if isinstance(left, ast.Constant) and left.value == 1:
                return self.bound(right)
        sign, tightness = _OPERATORS.get(type(operator), ("?", _SUM))
        after = tightness + 1 if sign == "−" or tightness == _PRODUCT else tightness
        after = _PRODUCT if isinstance(right, ast.UnaryOp) else after  # a + (−b)
        literal = isinstance(left, ast.UnaryOp) and isinstance(left.operand, ast.Constant)  # −2 · z needs no brackets
        first = self.plain(left) if literal else self.fenced(left, tightness)
        return Row((first, sign, self.fenced(right, after))), _SUM if literal else tightness

    def listed(self, items: list[ast.expr]) -> Math:
        parts: list[Math | str] = []
        for item in items:
            parts += [*([","] if parts else []), self.plain(item)]
        return Row(tuple(parts))

    def named(self, name: str, arguments: list[ast.expr]) -> Math:
        return Row((Symbol(name), "", Fence("(", self.listed(arguments), ")")))

    def function(self, name: str, arguments: list[ast.expr], keywords: list[ast.keyword]) -> Bound:
        """Return how a function of NumPy, or a method of an array, is written."""
        if name in _UNSEEN:
            return self.bound(arguments[0])
        if name in _WRITTEN:
            return _WRITTEN[name](self, arguments), _RAISED if name == "exp" else _ATOM if name != "expm1" else _SUM
        if name in ("sum", "max", "min", "mean", "prod"):
            told = {keyword.arg: keyword.value for keyword in keywords}
            axis = told.get("axis", arguments[1] if len(arguments) > 1 else None)
            numbers = "" if axis is None else ast.unparse(axis).strip("()").replace(" ", "")
            sign = {"sum": "Σ", "prod": "Π"}.get(name, name) + numbers.translate(_SUBSCRIPTS)
            inner = self.fenced(arguments[0], _RAISED)
            if sign[0] in "ΣΠ":
                return Row((Symbol(sign), " ", inner)), _PRODUCT
            return self.named(sign, arguments[:1]), _ATOM
        return self.named({"maximum": "max", "minimum": "min"}.get(name, name), arguments), _ATOM

    def where(self, arguments: list[ast.expr]) -> Math:
        condition, yes, no = (self.plain(argument) for argument in arguments)
        condition = condition.inner if isinstance(condition, Fence) else condition
        return Fence("{", Row((yes, "where", condition, ", else", no)), "}")


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


_UNSEEN = ("copy", "astype", "positive", "asarray", "broadcast_to")  # they change no number
_WRITTEN: dict[str, Callable[[_Typesetter, list[ast.expr]], Math]] = {
    "exp": lambda t, a: Power(_E, t.plain(a[0])),
    "expm1": lambda t, a: Row((Power(_E, t.plain(a[0])), "−", Number("1"))),
    "log1p": lambda t, a: Row((Symbol("log"), "", Fence("(", Row((Number("1"), "+", t.fenced(a[0], _PRODUCT))), ")"))),
    "sqrt": lambda t, a: Root(t.plain(a[0])),
    "absolute": lambda t, a: Fence("|", t.plain(a[0]), "|"),
    "abs": lambda t, a: Fence("|", t.plain(a[0]), "|"),
    "square": lambda t, a: Power(t.fenced(a[0], _ATOM), Number("2")),
    "power": lambda t, a: Power(t.fenced(a[0], _ATOM), t.plain(a[1])),
    "matmul": lambda t, a: Row((t.fenced(a[0], _PRODUCT), "@", t.fenced(a[1], _RAISED))),
    "dot": lambda t, a: Row((t.fenced(a[0], _PRODUCT), "@", t.fenced(a[1], _RAISED))),
    "bitwise_and": lambda t, a: Row((t.plain(a[0]), "∧", t.plain(a[1]))),
    "logical_and": lambda t, a: Row((t.plain(a[0]), "∧", t.plain(a[1]))),
    "transpose": lambda t, a: Power(t.fenced(a[0], _ATOM), Symbol("T" if len(a) == 1 else f"T{_axes(a[1:])}")),
    "reshape": lambda t, a: Row((Symbol("reshape"), "", Fence("(", Row((t.plain(a[0]), ",", _shape(a[1:]))), ")"))),
    "concatenate": lambda t, a: t.plain(a[0]),
    "where": _Typesetter.where,
}


def _key(key: ast.expr) -> str:
    parts = key.elts if isinstance(key, ast.Tuple) else [key]
    return ", ".join(part.attr if isinstance(part, ast.Attribute) else ast.unparse(part) for part in parts)


def _shape(arguments: list[ast.expr]) -> Math:
    numbers = [ast.unparse(argument).strip("(,)").replace(", ", "×") for argument in arguments]
    return Symbol("×".join(numbers) or "1")


def _axes(arguments: list[ast.expr]) -> str:
    return ",".join(ast.unparse(argument) for argument in arguments).join("()")
