"""The formulas of one op: as a textbook has them, from its docstring, and as they are executed.

Nothing here knows a derivative. The record is what replay runs, printed by `replay.source`; where an op can't be
recorded, its own source is the method that the graph calls. So a new op explains itself, and what is printed is what
is computed.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.explain.notation import (
    BESIDE,
    Fence,
    Fraction,
    Joined,
    Math,
    Matrix,
    Number,
    Partial,
    Root,
    Superscript,
    Symbol,
)
from chainrule.graph import Graph, Input, Node
from chainrule.ops.op import Array, Op
from chainrule.ops.textbook import copied, evaluate
from chainrule.ops.textbook_forms import (
    Agreement,
    Form,
    agreement,
    backward_form,
    compute,
    forward_form,
    with_names,
    without_factor,
)
from chainrule.replay.source import source


@dataclass(frozen=True)
class Formula:
    """What an op computes, forward or for one role.

    Attributes
    ----------
    steps : list of (str, ast.expr)
        Intermediate results in order, by name.
    result : ast.expr or None
        The last expression; None where the source is no plain row of assignments.
    values : dict of str to ndarray
        What the variables are worth: roles, ``dy``, ``y``, and the steps of a record.
    source : str
        The text that was typeset.
    recorded : bool
        Whether it is the record; otherwise the op's own source, or its docstring.
    functions : dict of str to callable
        What it calls by a name of its own.
    agreement : Agreement or None
        Of a textbook formula: how far it agrees with what was executed.
    """

    steps: list[tuple[str, ast.expr]]
    result: ast.expr | None
    values: dict[str, Array]
    source: str
    recorded: bool
    functions: dict[str, Any] = field(default_factory=dict)
    agreement: Agreement | None = None

    @property
    def short(self) -> bool:
        """Whether it is fit to be written out with numbers: a line or two."""
        return self.result is not None and len(self.steps) <= 3 and len(self.source) <= 420


class _Part(Op):
    """y = the derivative of another op by one of its roles: so that `source` can write it."""

    def __init__(self, op: Op, names: list[str], role: str) -> None:
        self.op, self.names, self.role = op, names, role

    def forward(self, *parts: Any) -> Any:
        dy, y, *arrays = parts
        return self.op.backward(dy, y, **dict(zip(self.names, arrays, strict=True)))[self.role]


def forward_formula(op: Op, arrays: Mapping[str, Array]) -> Formula:
    """Return what an op computes from these arrays."""
    leaves = {role: Input(role, array) for role, array in arrays.items()}
    recorded = _recorded(op, leaves, "result")
    return recorded or _own_source(op, "forward", None, dict(arrays))


def backward_formula(op: Op, dy: Array, y: Array, arrays: Mapping[str, Array], role: str) -> Formula:
    """Return how an op computes the derivative for one of its children."""
    known = {"dy": dy, "y": y, **arrays}
    leaves = [Input(name, array) for name, array in known.items()]
    part = _Part(op, list(arrays), role)
    recorded = _recorded(part, {f"parts{i}": leaf for i, leaf in enumerate(leaves)}, "result")
    return recorded or _own_source(op, "backward", role, known)


@dataclass(frozen=True)
class Prediction:
    """What a network predicts, where its last layer's function stands within its loss: ``softmax(logits)`` is ŷ."""

    function: str
    role: str
    value: Array


PREDICTED = "ŷ"
NOT_THERE = (ChainruleError, ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)


def textbook_forward(
    op: Op, arrays: Mapping[str, Array], executed: Array, predicted: Prediction | None = None
) -> Formula | None:
    """Return what the op's docstring says that it computes; None if it doesn't say, in the notation of textbooks."""
    try:
        return _of_textbook(forward_form(op, arrays), executed, predicted)
    except NOT_THERE:  # the docstring of a user's op may say anything
        return None


def textbook_backward(
    op: Op,
    dy: Array,
    y: Array,
    arrays: Mapping[str, Array],
    role: str,
    executed: Array,
    predicted: Prediction | None = None,
    at_root: bool = False,
) -> Formula | None:
    """Return what the op's docstring says the derivative is; the factor ∂C/∂C, which is 1, is left out."""
    try:
        form = backward_form(op, dy, y, arrays, role)
        if at_root:
            form = replace(form, result=without_factor(form.result, "dy"))
        return _of_textbook(form, executed, predicted)
    except NOT_THERE:
        return None


def _of_textbook(form: Form, executed: Array, predicted: Prediction | None) -> Formula:
    if predicted is not None:
        form = with_names(form, predicted.function, predicted.role, PREDICTED, predicted.value.astype(np.float64))
    form = replace(form, value=compute(form, {}))
    text = "\n".join([*(f"{name} = {ast.unparse(e)}" for name, e in form.steps), ast.unparse(form.result)])
    told = agreement(form, executed)
    return Formula(form.steps, form.result, form.values, text, False, form.functions, told)


def only_term(formula: Formula, result: Array) -> tuple[ast.expr, dict[str, Array], tuple[int, ...]] | None:
    """Return the one term that the truth about one sample leaves of a sum over classes; None if it is no such sum.

    Of mean(−Σ (target · log(ŷ))), where one target is 1 and the others are 0, that is −log(ŷ) of the true class.

    Parameters
    ----------
    result : ndarray
        What the formula comes to: the term is only returned if it comes to the same.

    Returns
    -------
    expr, dict of str to ndarray, tuple of int
        The term, the number of each of its variables, and the place of the class in an array.
    """
    target = formula.values.get("target", np.zeros(0))
    places = np.argwhere(target)
    if formula.result is None or formula.steps or target.size < 2 or len(places) != 1 or target[tuple(places[0])] != 1:
        return None
    at = tuple(int(k) for k in places[0])
    term = _WithoutSum().visit(copied(formula.result))
    names = {node.id for node in ast.walk(term) if isinstance(node, ast.Name)} & formula.values.keys()
    if any(formula.values[name].shape not in ((), target.shape) for name in names):
        return None
    numbers = {name: formula.values[name] for name in names}
    numbers = {name: np.asarray(array[at] if array.ndim else array) for name, array in numbers.items()}
    same = "target" not in names and np.allclose(evaluate(term, {**formula.functions, **numbers}), result, rtol=1e-4)
    return (term, numbers, at) if same else None


class _WithoutSum(ast.NodeTransformer):
    """Leaves of a sum over targets times something that something, and of a mean what it is of: it is one number."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node:
            case ast.Call(ast.Attribute(ast.Name("np"), "mean"), [inner], []):
                return self.visit(inner)  # type: ignore[no-any-return]  # ast.NodeVisitor says Any
            case ast.Call(ast.Attribute(ast.Name("np"), "sum"), [ast.BinOp(ast.Name("target"), ast.Mult(), factor)], _):
                return factor
        return self.generic_visit(node)


def _recorded(op: Op, leaves: Mapping[str, Input], name: str) -> Formula | None:
    """Return the record of an op, or None if it has none that can be written out."""
    try:
        with np.errstate(all="ignore"):
            text = source(Graph(Node(op, leaves, name), wrt=[]), name="step")
    except Exception as problem:  # a user's op may raise anything when it is given recording arrays
        if isinstance(problem, (ChainruleError, TypeError, ValueError, AttributeError, IndexError, KeyError)):
            return None
        raise
    page = ast.parse(text)
    function = page.body[-1]
    assert isinstance(function, ast.FunctionDef)
    arrays = {leaf.name: leaf.value for leaf in leaves.values()}
    if {argument.arg for argument in function.args.args} != set(arrays):  # a role is called as something of the page
        return None
    values: dict[str, Any] = {"np": np, **arrays}
    statements = [s for s in (*page.body[1:-1], *function.body) if isinstance(s, ast.Assign)]
    steps = []
    for statement in statements:
        (target,) = statement.targets
        if not isinstance(target, ast.Name):
            return None
        # The page was written by `source` from the record of calls: its names are parameter names of methods.
        with np.errstate(all="ignore"):
            values[target.id] = eval(compile(ast.Expression(statement.value), "<record>", "eval"), dict(values))
        steps.append((target.id, statement.value))
    (returned,) = (s for s in function.body if isinstance(s, ast.Return))
    assert returned.value is not None
    result = returned.value
    if isinstance(result, ast.Name) and steps and steps[-1][0] == result.id:
        result = steps.pop()[1]
    steps = [(step, expression) for step, expression in steps if not step.startswith("constant_")]
    known = {key: np.asarray(value) for key, value in values.items() if key != "np"}
    written = "\n".join([*(f"{step} = {ast.unparse(e)}" for step, e in steps), ast.unparse(result)])
    return Formula(steps, result, known, written, recorded=True)


def code_of(method: Callable[..., object]) -> str:
    """Return the source of a method without its types, which say nothing about what it computes; "" if it has none."""
    try:
        text = textwrap.dedent(inspect.getsource(inspect.unwrap(method)))
        function = ast.parse(text).body[0]
    except (OSError, TypeError, SyntaxError):  # written at a prompt, or not in Python; a line of a text not indented
        return ""
    if not isinstance(function, ast.FunctionDef):  # a lambda
        return ""
    first = function.body[0]
    body = text.splitlines()[first.lineno - 1 :]
    if body[0][: first.col_offset].strip():  # it begins on the line of its def
        body = [f"    {ast.unparse(statement)}" for statement in function.body]
    for argument in ast.walk(function.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return "\n".join([f"def {function.name}({ast.unparse(function.args)}):", *body])


def _own_source(op: Op, method: str, role: str | None, values: dict[str, Array]) -> Formula:
    """Return the formula in the op's own source: assignments and a last `return`; else the text alone."""
    text = code_of(getattr(type(op), method))
    if not text:
        return Formula([], None, values, "", recorded=False)
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    steps: list[tuple[str, ast.expr]] = []
    for statement in function.body:
        match statement:
            case ast.Expr(ast.Constant()):
                continue
            case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(ast.Name(name), _, ast.expr() as value, _):
                steps.append((name, value))
            case ast.Return(ast.expr() as value):
                result = value if role is None else _of_role(value, role)
                return Formula(steps, result, values, text, recorded=False)
            case _:
                break
    return Formula([], None, values, text, recorded=False)


def _of_role(returned: ast.expr, role: str) -> ast.expr | None:
    """Return a role's entry of ``dict(role=…)`` or ``{"role": …}``."""
    match returned:
        case ast.Call(ast.Name("dict"), [], keywords):
            return next((keyword.value for keyword in keywords if keyword.arg == role), None)
        case ast.Dict(keys, values):
            for key, value in zip(keys, values):
                if isinstance(key, ast.Constant) and key.value == role:
                    return value
    return None


class ByElements(ast.Mult):
    """The product of two arrays element by element, where it is told apart from that with a number: a ⊙ b."""


class Beside(ast.MatMult):
    """A matrix product that is written side by side: W a."""


_SUM, _PRODUCT, _RAISED, _ATOM = 1, 2, 3, 4  # how tightly a formula holds together
Bound = tuple[Math, int]

_OPERATORS: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", _SUM),
    ast.Sub: ("−", _SUM),
    ast.Mult: ("·", _PRODUCT),
    ast.MatMult: ("@", _PRODUCT),
    ByElements: ("⊙", _PRODUCT),
    Beside: (BESIDE, _PRODUCT),
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
    >>> from chainrule.explain.text_layout import formula_line
    >>> formula_line(typeset(ast.parse("dy * (1 - y * y)", mode="eval").body, {"dy": Symbol("∂y")}))
    '∂y · (1 − y²)'
    >>> formula_line(typeset(ast.parse("z + b", mode="eval").body, {"b": Matrix(np.array(-2.0))}))
    'z + (-2)'
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
                return math, _SUM if _below_zero(math) else _RAISED if isinstance(math, Partial) else _ATOM
            case ast.Constant(value) if isinstance(value, (int, float)):
                return Number(f"{value:.6g}"), _ATOM
            case ast.BinOp(ast.Compare(), ast.BitAnd(), ast.Compare()):
                return Fence("[", self.chained(node), "]"), _ATOM
            case ast.BinOp(left, operator, right):
                return self.binary(left, operator, right)
            case ast.UnaryOp(ast.USub(), operand):
                return Joined(("−", self.fenced(operand, _PRODUCT))), _SUM
            case ast.Compare(left, [operator], [right]) if type(operator) in _COMPARISONS:
                parts = (self.plain(left), _COMPARISONS[type(operator)], self.plain(right))
                return Fence("[", Joined(parts), "]"), _ATOM
            case ast.Attribute(base, "T"):
                return Superscript(self.fenced(base, _ATOM), Symbol("T")), _ATOM
            case ast.Attribute(ast.Name("self"), setting):
                return Symbol(setting.strip("_")), _ATOM
            case ast.Subscript(base, ast.Name(key)):
                return Joined((self.fenced(base, _ATOM), "", Fence("[", self.plain(ast.Name(key)), "]"))), _ATOM
            case ast.Subscript(base, key):
                return Joined((self.fenced(base, _ATOM), "", Symbol(f"[{_key(key)}]"))), _ATOM
            case ast.List(items) | ast.Tuple(items):
                return Fence("[", self.listed(items), "]"), _ATOM
            case ast.IfExp(test, body, orelse):
                return Joined((self.plain(body), "if", self.plain(test), ", else", self.plain(orelse))), 0
            case ast.Call(ast.Name("placed"), [inner, ast.Constant(str() as places)]):
                back = (self.plain(inner), "at", Symbol(f"[{places}]"), ", else", Number("0"))
                return Fence("{", Joined(back), "}"), _ATOM
            case ast.Call(ast.Name("sum_of_each_row"), [inner, indices]):
                of_row = (self.plain(inner), "where", self.plain(indices), "=", Symbol("i"))
                return Joined((Symbol("Σ"), " ", Fence("{", Joined(of_row), "}"))), _PRODUCT
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
            return Superscript(self.fenced(left, _ATOM), self.plain(right)), _RAISED
        if isinstance(operator, ast.Mult):
            if ast.dump(left) == ast.dump(right):
                return Superscript(self.fenced(left, _ATOM), Number("2")), _RAISED
            if isinstance(left, ast.Constant) and left.value == 1:
                return self.bound(right)
        sign, tightness = _OPERATORS.get(type(operator), ("?", _SUM))
        after = tightness + 1 if sign == "−" or tightness == _PRODUCT else tightness
        minus = isinstance(right, ast.UnaryOp) or (isinstance(right, ast.BinOp) and _is_negative(right.left))
        minus = minus or (isinstance(right, ast.Name) and _below_zero(self.plain(right)))
        after = _PRODUCT if minus else after  # a + (−b), a + (−2 · b)
        literal = _is_negative(left)  # −2 · z needs no brackets
        first = self.plain(left) if literal else self.fenced(left, tightness)
        return Joined((first, sign, self.fenced(right, after))), _SUM if literal else tightness

    def listed(self, items: list[ast.expr]) -> Math:
        parts: list[Math | str] = []
        for item in items:
            parts += [*([","] if parts else []), self.plain(item)]
        return Joined(tuple(parts))

    def named(self, name: str, arguments: list[ast.expr]) -> Math:
        return Joined((Symbol(name), "", Fence("(", self.listed(arguments), ")")))

    def function(self, name: str, arguments: list[ast.expr], keywords: list[ast.keyword]) -> Bound:
        """Return how a function of NumPy, or a method of an array, is written."""
        if name in _UNSEEN:
            return self.bound(arguments[0])
        if name in _WRITTEN:
            return _WRITTEN[name](self, arguments), _RAISED if name == "exp" else _ATOM if name != "expm1" else _SUM
        if name in ("sum", "max", "min", "mean", "prod"):
            given = {keyword.arg: keyword.value for keyword in keywords}
            axis = given.get("axis", arguments[1] if len(arguments) > 1 else None)
            numbers = "" if axis is None else ast.unparse(axis).strip("()").replace(" ", "")
            sign = {"sum": "Σ", "prod": "Π"}.get(name, name) + numbers.translate(_SUBSCRIPTS)
            inner = self.fenced(arguments[0], _RAISED)
            if sign[0] in "ΣΠ":
                return Joined((Symbol(sign), " ", inner)), _PRODUCT
            return self.named(sign, arguments[:1]), _ATOM
        return self.named({"maximum": "max", "minimum": "min"}.get(name, name), arguments), _ATOM

    def where(self, arguments: list[ast.expr]) -> Math:
        """Return all cases of a formula between one pair of brackets."""
        parts: list[Math | str] = []
        while True:
            condition, yes, no = arguments
            test = self.plain(condition)
            parts += [self.plain(yes), "where", test.inner if isinstance(test, Fence) else test]
            match no:
                case ast.Call(ast.Attribute(ast.Name("np"), "where"), further, _):
                    parts.append(",")
                    arguments = further
                case _:
                    return Fence("{", Joined((*parts, ", else", self.plain(no))), "}")

    def chained(self, node: ast.BinOp) -> Math:
        """Return two comparisons as one, −3 < z < 3, if they share what stands between."""
        first, second = node.left, node.right
        assert isinstance(first, ast.Compare)
        assert isinstance(second, ast.Compare)
        low, middle = self.plain(first.left), self.plain(first.comparators[0])
        parts: list[Math | str] = [low, _COMPARISONS[type(first.ops[0])], middle]
        if ast.dump(first.comparators[0]) != ast.dump(second.left):
            parts += ["∧", self.plain(second.left)]
        parts += [_COMPARISONS[type(second.ops[0])], self.plain(second.comparators[0])]
        return Joined(tuple(parts))


def _below_zero(math: Math) -> bool:
    """Return whether a formula is one number with a minus before it."""
    return isinstance(math, Matrix) and math.array.ndim == 0 and bool(math.array < 0)


def _is_negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


_UNSEEN = ("copy", "astype", "positive", "asarray", "broadcast_to")  # they change no number
_WRITTEN: dict[str, Callable[[_Typesetter, list[ast.expr]], Math]] = {
    "exp": lambda t, a: Superscript(_E, t.plain(a[0])),
    "expm1": lambda t, a: Joined((Superscript(_E, t.plain(a[0])), "−", Number("1"))),
    "log1p": lambda t, a: Joined(
        (Symbol("log"), "", Fence("(", Joined((Number("1"), "+", t.fenced(a[0], _PRODUCT))), ")"))
    ),
    "sqrt": lambda t, a: Root(t.plain(a[0])),
    "absolute": lambda t, a: Fence("|", t.plain(a[0]), "|"),
    "abs": lambda t, a: Fence("|", t.plain(a[0]), "|"),
    "square": lambda t, a: Superscript(t.fenced(a[0], _ATOM), Number("2")),
    "power": lambda t, a: Superscript(t.fenced(a[0], _ATOM), t.plain(a[1])),
    "matmul": lambda t, a: Joined((t.fenced(a[0], _PRODUCT), "@", t.fenced(a[1], _RAISED))),
    "dot": lambda t, a: Joined((t.fenced(a[0], _PRODUCT), "@", t.fenced(a[1], _RAISED))),
    "bitwise_and": lambda t, a: Joined((t.plain(a[0]), "∧", t.plain(a[1]))),
    "logical_and": lambda t, a: Joined((t.plain(a[0]), "∧", t.plain(a[1]))),
    "transpose": lambda t, a: Superscript(t.fenced(a[0], _ATOM), Symbol("T" if len(a) == 1 else f"T{_axes(a[1:])}")),
    "swapaxes": lambda t, a: Superscript(t.fenced(a[0], _ATOM), Symbol("T")),
    "reshape": lambda t, a: Joined(
        (Symbol("reshape"), "", Fence("(", Joined((t.plain(a[0]), ",", _shape(a[1:]))), ")"))
    ),
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
    given = arguments[0].elts if isinstance(arguments[0], ast.Tuple) else arguments
    return ",".join(ast.unparse(argument) for argument in given).join("()")
