"""The formulas in docstrings, read: an op's function and derivatives as the textbook has them, as expressions.

A docstring is the only place where a textbook form stands. It is read here, so that it can be typeset with the numbers
of a step, computed in float64 beside what is executed, and proven equal to it by the suite. The notation:

==================================  ==============================================================================
y = …   ∂z = …                      the function, and the derivative by a role; ∂y is what came back from the loss
…, p = softmax(z), q = 1 − p        definitions stand behind; those of the function hold in derivatives, too
where a = …, b = …                  a line of further definitions
with alpha: a = …                   definitions, or whole formulas, that hold where a setting is neither None nor
                                    False nor 0; ``with label_smoothing s:`` calls it s; ``with class indices:`` holds
                                    where the target is class indices. Later ones may build on earlier ones.
a + b, a − b, a · b, a / b          by elements; side by side, ``2 (a − b)``, is a product that binds before / and ·
a @ b, aᵀ                           matrices, or the last two axes of stacks of them
a², e⁻ᶻ, p^gamma, √a, ½, π          powers; e is the number; √ and a function without brackets take one factor, log p
|a|, [a > b]                        the size; 1 where that is true, else 0
a where z > 0, b where …, else c    cases, of each element; conditions chain: −3 < z < 3
a, cut to low … high                no number below low or above high; ``cut to ±d`` is −d … d
Σ a                                 everything added up, with all that is multiplied after it; with an index,
                                    ``Σ aᵢ · bᵢ``, over all parts
Σ a over the axes                   over the op's axes; also ``max a over the axes``
Σ a in each row                     along the op's axis, the last one where it has none
Σ a over samples                    along the first axis
Σ a up to each place                along the op's axis; or ``from each place on``
Σ a where j = i, for every row i    of what belongs to each index
mean(a), mean over samples of a     the mean of all; a is said of one sample, so Σ in it runs along its row. Where
a / n, a / samples                  there is a sample_weight w, a mean is Σ w · a / Σ w, and a / samples is
                                    a · w / Σ w. n counts the elements that became one, samples the samples
a, for every element                one number for all
a in the shape of x                 the elements in the same order; also ``a with one row for each sample``
[partsᵢ] side by side               along the op's axis; ``a at the place of partsᵢ`` is the piece that was its
a at the places of key, else 0      what ``x[key]`` took, put back
==================================  ==============================================================================

A derivative has the shape of its role: where the role was stretched, as a row that is added to every row of a matrix,
it is the sum over the copies, which is not written. An optional role that is left out takes its term with it.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import InputError
from chainrule.ops.docstrings import docstring
from chainrule.ops.op import Array, Op

Definition = tuple[str, ast.expr]  # what it is called, a function ``f(z)``, and what it is


@dataclass(frozen=True)
class Condition:
    """Definitions that hold where a setting is given: ``with label_smoothing s: …``."""

    setting: str
    symbol: str | None
    definitions: tuple[Definition, ...]


@dataclass(frozen=True)
class Textbook:
    """The formulas of one docstring.

    Attributes
    ----------
    formulas : dict of str to list of Definition
        ``y`` and ``∂role`` -> its formula, and behind it the definitions it needs.
    definitions : tuple of Definition
        What holds in all of them.
    conditions : tuple of Condition
    """

    formulas: dict[str, list[Definition]]
    definitions: tuple[Definition, ...]
    conditions: tuple[Condition, ...]


def textbook(kind: type[Op]) -> Textbook:
    """Return the formulas in the docstring of an op.

    Raises
    ------
    InputError
        If a line is not in the notation, or that of y or of a role with a derivative is missing.

    Examples
    --------
    >>> from chainrule.ops import Tanh
    >>> ((_, derivative),) = textbook(Tanh).formulas["∂z"]
    >>> ast.unparse(derivative)
    'dy * (1 - y ** 2)'
    """
    learnt = (role for role in kind.roles if role not in kind.constant)
    expected = ("y", *(f"∂{role}ᵢ" if role == kind.variadic else f"∂{role}" for role in learnt))
    return _read(docstring(kind), expected)


@cache
def _read(text: str, expected: tuple[str, ...]) -> Textbook:
    formulas: dict[str, list[Definition]] = {}
    definitions: list[Definition] = []
    conditions: list[Condition] = []
    for line in formula_lines(text):
        words = line.split(" ", 1)
        if words[0] == "where":
            definitions += parse(words[1])
        elif words[0] == "with":
            conditions.append(condition(line))
        else:
            for part in re.split(r"\s{2,}(?=∂)", line):
                parsed = parse(part)
                formulas[parsed[0][0]] = parsed
    if formulas.keys() != set(expected):
        refuse(text.split("\n\n")[0], f"formulas for {', '.join(expected)}")
    return Textbook(formulas, tuple(definitions), tuple(conditions))


def formula_lines(text: str) -> list[str]:
    """Return the lines of a docstring that are formulas: those before the first that is empty."""
    return [line.strip() for line in text.split("\n\n")[0].splitlines() if line.strip()]


def condition(line: str) -> Condition:
    """Return what a line ``with SETTING SYMBOL: …`` says."""
    found = re.fullmatch(r"with (class indices|\w+)(?: (\S+))?:\s*(.*)", line)
    if found is None:
        refuse(line, "with SETTING: and definitions")
    setting, symbol, told = found.groups()
    return Condition(setting, symbol, tuple(parse(told)))


def evaluate(expression: ast.expr, values: Mapping[str, Any]) -> Any:
    """Return what an expression made here comes to: it holds nothing but names, numbers and functions of `KNOWN`."""
    tree = ast.fix_missing_locations(ast.Expression(expression))
    with np.errstate(all="ignore"):
        return eval(compile(tree, "<textbook>", "eval"), {"np": np, **KNOWN, **values})


def in_numpy(expression: ast.expr) -> ast.expr:
    """Return a formula without words, as of an optimizer, with NumPy's functions.

    Examples
    --------
    >>> ast.unparse(in_numpy(parse("y = √(z² + 1)")[0][1]))
    'np.sqrt(z ** 2 + 1)'
    """
    found: ast.expr = _InNumPy().visit(copied(expression))
    return found


# ---------------------------------------------------------------------- what is known by name


def _softmax(z: Array, axis: int = -1) -> Array:
    power = np.exp(z)
    share: Array = power / power.sum(axis=axis, keepdims=True)
    return share


#: Functions and numbers that need no definition, as a textbook has them: the program's are others, which overflow less.
KNOWN: dict[str, Any] = {
    "σ": lambda z: 1 / (1 + np.exp(-z)),
    "softmax": _softmax,
    "Φ": lambda z: 0.5 * (1 + np.vectorize(math.erf, otypes=[float])(z / math.sqrt(2))),
    "φ": lambda z: np.exp(-z * z / 2) / math.sqrt(2 * math.pi),
    "π": math.pi,
}
BY_ELEMENTS = ("σ", "Φ", "φ")
IN_NUMPY = {"exp": "exp", "log": "log", "tanh": "tanh", "sin": "sin", "cos": "cos", "sign": "sign", "sqrt": "sqrt",
          "abs": "abs", "max": "maximum", "min": "minimum"}  # fmt: skip


# ---------------------------------------------------------------------- reading

MOST_EXPONENT = 1000  # whole numbers are exact in Python, however long they take
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᶻˣʸᵗˢᵘ", "0123456789+-zxytsu")
_IN_NAMES = "A-Za-z_\u0391-\u03a2\u03a4-\u03c9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f"
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?|½)|(?P<raised>ᵀ|[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᶻˣʸᵗˢᵘ]+)"
    rf"|(?P<name>∂C/∂W|∂?[{_IN_NAMES}][{_IN_NAMES}0-9\u0300-\u036f₀-₉]*ᵢ?)"
    r"|(?P<sign><=|>=|\*\*|[←=≠<>≤≥+−\-·*/^@()\[\]|,…±√Σ:])"
)
_COMPARED: dict[str, ast.cmpop] = {
    "=": ast.Eq(), "≠": ast.NotEq(), "<": ast.Lt(), ">": ast.Gt(), "≤": ast.LtE(), "≥": ast.GtE(),
    "<=": ast.LtE(), ">=": ast.GtE(),
}  # fmt: skip
_MULTIPLIED: dict[str, ast.operator] = {"·": ast.Mult(), "/": ast.Div(), "@": ast.MatMult()}
_WORDS = ("where", "else", "over", "in", "up", "from", "cut", "for", "at", "with", "side")  # no variable is called so


def parse(text: str) -> list[Definition]:
    """Return the equations of a line, in order: what is left of the sign, and what is right of it.

    Examples
    --------
    >>> [(name, ast.unparse(expression)) for name, expression in parse("y = z · h, h = 2 (z + 1)²")]
    [('y', 'z * h'), ('h', '2 * (z + 1) ** 2')]
    """
    try:
        return _FormulaReader(text).equations()
    except RecursionError:
        refuse(text, "fewer brackets and signs within one another")


def refuse(line: str, expected: str) -> NoReturn:
    raise InputError(
        "textbook formula",
        given=f"{line!r:.160}",
        expected=expected,
        fix="Write it as the docstring of chainrule.ops.textbook shows",
    )


def call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(variable(name), list(arguments), [])


def variable(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


class _FormulaReader:
    """A line of formulas, read from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.open_bars = text, 0, 0
        self.tokens: list[tuple[str, str, bool]] = []  # its kind, itself, and whether a space stands before it
        start, spaced = 0, False
        while start < len(text):
            found = _TOKEN.match(text, start)
            if found is None:
                refuse(text, f"no {text[start]!r} in a formula")
            kind = str(found.lastgroup)
            if kind != "space":
                self.tokens.append((kind, found[0], spaced))
            spaced, start = kind == "space", found.end()

    def peek(self, ahead: int = 0) -> str:
        place = self.place + ahead
        return self.tokens[place][1] if place < len(self.tokens) else ""

    def kind(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        token = self.peek()
        if expected and token not in expected:
            refuse(
                self.text, f"{' or '.join(expected)} before {' '.join(t for _, t, _ in self.tokens[self.place :])!r}"
            )
        self.place += 1
        return token

    def words(self, told: str) -> bool:
        """Take these words if they come next."""
        words = told.split()
        if [self.peek(i) for i in range(len(words))] != words:
            return False
        self.place += len(words)
        return True

    def equations(self) -> list[Definition]:
        found = [self.equation()]
        while self.words(","):
            found.append(self.equation())
        if self.place < len(self.tokens):
            self.take(",")
        return found

    def equation(self) -> Definition:
        if self.kind() != "name":
            refuse(self.text, "a name and = before a formula")
        name = self.take()
        if self.words("("):
            name += f"({self.take()})"
            self.take(")")
        self.take("=", "←")
        return name, self.clause()

    def clause(self) -> ast.expr:
        """Return a formula with its cases, and what is said of it behind."""
        found = self.cases()
        while True:
            comma = self.words(",")
            if self.words("cut to ±"):
                bound = self.sum()
                found = call("cut", found, ast.UnaryOp(ast.USub(), bound), bound)
            elif self.words("cut to"):
                low = self.sum()
                self.take("…")
                found = call("cut", found, low, self.sum())
            elif self.words("for every element"):
                found = call("everywhere", found)
            elif self.words("in the shape of"):
                found = call("in_shape_of", found, variable(self.take()))
            elif self.words("with one row for each sample"):
                found = call("flattened", found)
            elif self.words("at the place of"):
                found = call("piece", found, variable(self.take()))
            elif self.words("at the places of"):
                found = call("placed", found, variable(self.take()))
                for word in (",", "else", "0"):
                    self.take(word)
            else:
                self.place -= comma
                return found

    def cases(self) -> ast.expr:
        value = self.sum()
        if not self.words("where"):
            return value
        told = [(self.condition(), value)]
        while True:
            self.take(",")
            if self.words("else"):
                break
            value = self.sum()
            self.take("where")
            told.append((self.condition(), value))
        found = self.sum()
        for test, value in reversed(told):
            found = call("where", test, value, found)
        return found

    def condition(self) -> ast.expr:
        left = self.sum()
        signs, rights = [], []
        while self.peek() in _COMPARED:
            signs.append(_COMPARED[self.take()])
            rights.append(self.sum())
        if not signs:
            refuse(self.text, "a comparison behind where")
        return ast.Compare(left, signs, rights)

    def sum(self) -> ast.expr:
        found = self.product()
        while self.peek() in ("+", "−", "-"):
            sign: ast.operator = ast.Add() if self.take() == "+" else ast.Sub()
            found = ast.BinOp(found, sign, self.product())
        return found

    def product(self) -> ast.expr:
        if self.peek() in ("−", "-"):
            self.take()
            return ast.UnaryOp(ast.USub(), self.product())
        found = self.beside()
        while self.peek() in _MULTIPLIED:
            sign, right = _MULTIPLIED[self.take()], self.beside()
            found = _times(found, right) if isinstance(sign, ast.Mult) else ast.BinOp(found, sign, right)
        return found

    def beside(self) -> ast.expr:
        """Return factors side by side."""
        found = self.power()
        starts = ("(", "√", "Σ") if self.open_bars else ("(", "√", "Σ", "|")
        while self.peek() not in _WORDS and (self.kind() in ("number", "name") or self.peek() in starts):
            found = ast.BinOp(found, ast.Mult(), self.power())
        return found

    def power(self) -> ast.expr:
        base = self.atom()
        while self.kind() == "raised" or self.peek() == "^":
            raised = self.take()
            if raised == "ᵀ":
                base = ast.Attribute(base, "T", ast.Load())
                continue
            exponent = self.atom() if raised == "^" else _exponent(raised)
            if isinstance(exponent, ast.Constant) and float(str(exponent.value)) > MOST_EXPONENT:
                refuse(self.text, f"exponents up to {MOST_EXPONENT}")
            is_e = isinstance(base, ast.Name) and base.id == "e"
            base = call("exp", exponent) if is_e else ast.BinOp(base, ast.Pow(), exponent)
        return base

    def atom(self) -> ast.expr:
        kind, token = self.kind(), self.peek()
        if kind == "number":
            self.take()
            return ast.Constant(0.5 if token == "½" else float(token) if set(token) & set(".e") else int(token))
        if self.words("("):
            found = self.clause()
            self.take(")")
            return found
        if self.words("|"):
            self.open_bars += 1
            found = self.sum()
            self.open_bars -= 1
            self.take("|")
            return call("abs", found)
        if self.words("["):
            return self.bracket()
        if self.words("√"):
            return call("sqrt", self.power())
        if self.words("Σ"):
            return self.total()
        if kind == "name" and token not in _WORDS:
            return self.named(self.take())
        return refuse(self.text, f"a number or a name before {token!r}" if token else "a number or a name at its end")

    def named(self, name: str) -> ast.expr:
        if name == "mean" and self.words("over samples of"):
            return call("mean_over_samples", self.product())
        if self.peek() == "(" and not self.tokens[self.place][2]:
            self.take("(")
            arguments = [self.clause()]
            while self.words(","):
                arguments.append(self.clause())
            self.take(")")
            return call(name, *arguments)
        if self.peek() == "[" and not self.tokens[self.place][2]:
            self.take("[")
            key = variable(self.take())
            self.take("]")
            return ast.Subscript(variable(name), key, ast.Load())
        if name == "max":
            inner = self.product()
            for word in ("over", "the", "axes"):
                self.take(word)
            return call("max over the axes", inner)
        if name in IN_NUMPY:  # log p
            return call(name, self.power())
        return variable("dy" if name == "∂y" else name)

    def bracket(self) -> ast.expr:
        """Return [a > b], or [partsᵢ] side by side."""
        parts = self.peek()
        if parts.endswith("ᵢ") and self.peek(1) == "]":
            self.take()
            self.take("]")
            for word in ("side", "by", "side"):
                self.take(word)
            return call("side by side", variable(parts[:-1]))
        found = self.condition()
        self.take("]")
        return found

    def total(self) -> ast.expr:
        inner = self.product()
        for phrase in ("over the axes", "in each row", "over samples", "up to each place", "from each place on"):
            if self.words(phrase):
                return call(f"Σ {phrase}", inner)
        if self.peek() == "where":
            self.take("where")
            indices = self.take()
            for word in ["=", "i", ",", "for", "every", "row", "i"]:
                self.take(word)
            return call("Σ of each row", inner, variable(indices))
        return call("Σ", inner)


def _times(left: ast.expr, right: ast.expr) -> ast.expr:
    """Return a product, factor by factor: a · (b c) is a · b · c."""
    if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Mult):
        return ast.BinOp(_times(left, right.left), right.op, right.right)
    return ast.BinOp(left, ast.Mult(), right)


def _exponent(raised: str) -> ast.expr:
    told = raised.translate(_RAISED)
    value = told.lstrip("+-")
    number = value.isdecimal()
    found: ast.expr = ast.Constant(int(value[: len(str(MOST_EXPONENT)) + 1])) if number else variable(value)
    return ast.UnaryOp(ast.USub(), found) if told.startswith("-") else found


class _InNumPy(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in IN_NUMPY:
            return numpy_call(IN_NUMPY[node.func.id], node.args)
        return node


def copied(node: Any) -> Any:
    if isinstance(node, ast.AST):
        return type(node)(**{name: copied(value) for name, value in ast.iter_fields(node)})
    return [copied(item) for item in node] if isinstance(node, list) else node


def numpy_call(function: str, arguments: Sequence[ast.expr], **keywords: ast.expr) -> ast.Call:
    told = [ast.keyword(name, value) for name, value in keywords.items()]
    return ast.Call(ast.Attribute(variable("np"), function, ast.Load()), list(arguments), told)
