"""The formulas of one op as they are executed: its record written out, or its own source where it can't be recorded.

Nothing here knows a derivative. The record is what replay runs, printed by `replay.source`; the source is the method
that the graph calls. So a new op explains itself, and what is printed is what is computed.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.graph import Graph, Input, Node
from chainrule.ops.op import Array, Op
from chainrule.replay import source


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
        Whether it is the record; otherwise the op's own source.
    """

    steps: list[tuple[str, ast.expr]]
    result: ast.expr | None
    values: dict[str, Array]
    source: str
    recorded: bool

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


def _own_source(op: Op, method: str, role: str | None, values: dict[str, Array]) -> Formula:
    """Return the formula in the op's own source: assignments and a last `return`; else the text alone."""
    try:
        text = textwrap.dedent(inspect.getsource(inspect.unwrap(getattr(type(op), method))))
    except (OSError, TypeError):  # written at a prompt, or not in Python
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
