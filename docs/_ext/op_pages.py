"""The pages of ops, written from the ops themselves: an op that exists has a page, and no page says what no op does.

Function and derivative are the docstring's, in a notation that is read and proven; the typeset formulas are what runs,
the code is the op's own source, and the numbers of the example are computed here, at every build.
"""

from __future__ import annotations

import inspect
import io
import re
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import redirect_stdout
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from kinks import kinks_of, kinks_page
from op_pictures import draw, elementwise

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.explain.notation import Symbol, mathml
from chainrule.explain.op_formulas import Formula, backward_formula, forward_formula, typeset
from chainrule.gradcheck.example_arrays import arrays_for
from chainrule.ops import Op, all_ops
from chainrule.ops.pages import page
from chainrule.settings import setting_names
from tests.ops.cases import CASES

DERIVATIONS = Path(__file__).parents[1] / "derivations"  # of ops, by their names; the guide includes them too

_EXECUTED = (
    "What is executed, to keep digits or to be fast. The formulas above are the textbook's: a test computes both and "
    "compares them."
)
_GUIDE = {  # kind of ops -> where the guide goes through such a derivative from the beginning
    "activations": ("Two slopes", "../guide/slopes.md#two-slopes-that-you-will-meet-all-the-time"),
    "arithmetic": ("The rules for slopes", "../guide/slopes.md#the-rules-and-why"),
    "cross_entropy": ("Softmax and cross-entropy", "../guide/softmax.md#cross-entropy"),
    "custom": ("A function of your own", "../howto/your_own.md"),
    "focal": ("Cross-entropy", "../guide/softmax.md#cross-entropy"),
    "linear": ("A whole batch, backward", "../guide/batches.md#backward"),
    "losses": ("The loss", "../guide/loss.md#why-the-square"),
    "penalties": ("A price for large weights", "../guide/overfitting.md#what-helps-a-price-for-large-weights"),
    "reductions": ("Slopes by several variables", "../guide/slopes.md#several-variables"),
    "scaling": ("Prices, years, times", "../guide/regression.md#prices-years-times"),
    "shaping": ("When paths meet", "../guide/chain-rule.md#when-paths-meet"),
    "softmax": ("The derivative of softmax", "../guide/softmax.md#its-derivative-is-a-matrix"),
}
_AT_HAND = ([[-2.0, -0.5, 0.5, 2.0]], [[0.5, 1.0, 2.0, 3.0]])  # where a function of one number is shown


def op_pages(folder: Path) -> Iterator[tuple[str, str]]:
    """Return the name and the text of every page, and draw the pictures into the folder."""
    for name, kind in all_ops().items():
        yield f"{name}.md", "\n\n".join(part for part in _parts(kind, folder) if part) + "\n"
    yield "index.md", _index()
    yield "table.md", _table()
    yield "kinks.md", kinks_page()


def kinds() -> dict[Any, list[type[Op]]]:
    """Return module -> its ops: the kinds of ops, in the order of the table."""
    found: dict[Any, list[type[Op]]] = {}
    for kind in all_ops().values():
        found.setdefault(inspect.getmodule(kind), []).append(kind)
    return found


def public_name(kind: type[Op]) -> str:
    """Return where users find an op: ``Tanh``, or ``ops.Concatenate`` where the short name is another thing's."""
    return kind.__name__ if getattr(cr, kind.__name__, None) is kind else f"ops.{kind.__name__}"


def _parts(kind: type[Op], folder: Path) -> Iterator[str]:
    op, arrays = tried(kind)
    told = page(kind)
    yield f"# {kind.name}"
    yield _html("".join(f"<div>{escape(line)}</div>" for line in told.lines), "op-definition")
    yield _uses(kind)
    if op is not None and elementwise(op) and draw(op, folder / f"{kind.name}.svg"):
        yield _picture(op)
    yield _roles(kind)
    if told.why:
        yield f"## Why the derivative is so\n\n{_why(kind, told.why)}"
    kinks = kinks_of(kind)
    if kinks:
        yield f"## At its kinks\n\n{kinks}\n\nMore about these conventions: [](kinks.md)."
    formulas = "" if op is None else _typeset(op, arrays)
    if formulas:
        yield f"## As it runs\n\n{_EXECUTED}\n\n{formulas}"
    derived = DERIVATIONS / f"{kind.name}.md"
    if derived.exists():
        yield f"## Line by line\n\n{derived.read_text('utf-8').strip()}"
    yield f"## In the code\n\n```python\n{_source(kind)}\n```"
    if op is not None:
        yield f"## An example\n\n{_example(kind, op, arrays)}"
    reference = f".. autoclass:: chainrule.{public_name(kind)}\n\n.. autofunction:: chainrule.{kind.name}"
    yield f"## Reference\n\n```{{eval-rst}}\n{reference}\n```"


def _picture(op: Op) -> str:
    (role,) = op.roles
    caption = f"{op.name}({role}), and dashed its derivative: how steep the curve is at each {role}."
    described = f":alt: {op.name} and its derivative\n:figclass: op-picture"
    return f"```{{figure}} {op.name}.svg\n{described}\n\n{_plain(caption)}\n```"


def _why(kind: type[Op], told: str) -> str:
    """Return why the derivative is so, as told, and where it is derived."""
    here = ["[line by line](#line-by-line) below"] if (DERIVATIONS / f"{kind.name}.md").exists() else []
    title, place = _GUIDE[inspect.getmodule(kind).__name__.rsplit(".", 1)[-1]]
    return f"{_plain(told)}\n\nMore: {', '.join([*here, f'[{title}]({place})'])}."


def _plain(text: str) -> str:
    """Return a text of a docstring for a page: what is no code has no markup."""
    pieces = text.split("`")
    return "`".join(piece if i % 2 else re.sub(r"([\\*_\[\]<|])", r"\\\1", piece) for i, piece in enumerate(pieces))


def tried(kind: type[Op]) -> tuple[Op | None, dict[str, Any]]:
    """Return an op of this kind and arrays it accepts; its first test case where it can't be made without settings."""
    required = [
        p
        for p in inspect.signature(kind).parameters.values()
        if p.default is p.empty and p.kind is not p.VAR_POSITIONAL
    ]
    if not required or not setting_names(kind):
        op = kind()
        if elementwise(op):
            for values in _AT_HAND:
                arrays = {op.roles[0]: np.array(values)}
                if np.isfinite(op.forward(**arrays)).all():
                    return op, arrays
        try:
            return op, _rounded(op, arrays_for(op, {}))
        except ChainruleError:
            pass
    found = next((case for case in CASES if type(case.op) is kind), None)
    return (None, {}) if found is None else (found.op, _rounded(found.op, found.arrays))


def _rounded(op: Op, arrays: dict[str, Any]) -> dict[str, Any]:
    """Return the arrays with two digits, where the op still accepts them: they are to be read."""
    few = {role: np.round(array[..., :4], 2) if array.ndim else np.round(array, 2) for role, array in arrays.items()}
    shares = {role: array.copy() for role, array in few.items()}
    for array in shares.values():
        if array.ndim == 2:
            array[:, -1] = np.round(1 - array[:, :-1].sum(axis=1), 2)
    for candidate in (few, shares):
        try:
            op.check(op.name, **candidate)
            if np.isfinite(op.forward(**candidate)).all():
                return candidate
        except (ChainruleError, ValueError):
            continue
    return arrays


def _html(inner: str, kind: str) -> str:
    return f'```{{raw}} html\n<div class="{kind}">{inner}</div>\n```'


def _uses(kind: type[Op]) -> str:
    required = [role for role in kind.roles if role not in kind.optional]
    name = public_name(kind)
    if len(required) == 1 and not kind.variadic:
        return f"Of nodes, `cr.{kind.name}({required[0]}=…)`; with its one role it is a layer as well, `cr.{name}()`."
    called = ", ".join(f"{role}=…" for role in required) if not kind.variadic else "first, second, …"
    if "target" in kind.roles:
        return f"Of nodes, `cr.{kind.name}({called})`; as the loss of a network, `cr.{name}()`."
    return f"Of nodes, `cr.{kind.name}({called})`."


def _roles(kind: type[Op]) -> str:
    rows = []
    for role in kind.roles:
        shown = f"{role}0, {role}1, …" if role == kind.variadic else role
        needed = "may be left out" if role in kind.optional else "needed"
        learnt = "none: it can't be learnt" if role in kind.constant else f"∂{role}"
        rows.append(f"| `{shown}` | {needed} | {learnt} |")
    return "\n".join(["| role | given | derivative |", "|---|---|---|", *rows])


def _typeset(op: Op, arrays: dict[str, Any]) -> str:
    """Return what runs as formulas; nothing where that is a page of them or plain code."""
    names = {"dy": Symbol("∂y"), "y": Symbol("y")}
    y = np.asarray(op.forward(**arrays))
    formulas = {"y": forward_formula(op, arrays)}
    for role in (role for role in arrays if op.differentiable(role)):
        formulas[f"∂{role}"] = backward_formula(op, np.ones_like(y), y, arrays, role)
    rows = [_row(of, formula, names) for of, formula in formulas.items() if formula.short]
    return _html("".join(rows), "op-formulas") if rows else ""


def _row(of: str, formula: Formula, names: dict[str, Any]) -> str:
    steps = [*formula.steps, (of, formula.result)]
    lines = (f"{escape(name)} = {mathml(typeset(expression, names))}" for name, expression in steps if expression)
    return "".join(f"<div>{line}</div>" for line in lines)


def _source(kind: type[Op]) -> str:
    """Return forward and backward, with the private methods they call, as they stand in the file."""
    methods = dict(inspect.getmembers(kind, inspect.isfunction))
    own = [
        "forward",
        "backward",
        *(n for n in methods if n.startswith("_") and not n.startswith("__") and _used(n, kind)),
    ]
    sources = [textwrap.dedent(inspect.getsource(inspect.unwrap(methods[name]))) for name in own]
    return "\n".join(sources).rstrip()


def _used(name: str, kind: type[Op]) -> bool:
    return any(f"self.{name}(" in inspect.getsource(inspect.unwrap(getattr(kind, m))) for m in ("forward", "backward"))


def _example(kind: type[Op], op: Op, arrays: dict[str, Any]) -> str:
    """Return an example that was run just now, with what it printed."""
    settings = {key: value for key, value in op.settings().items() if f"{key}=" in repr(op) or callable(value)}
    before = ["import numpy as np"] if any(_is_numpy(value) for value in settings.values()) else []
    before += ["import chainrule as cr", ""]
    for value in settings.values():
        if inspect.isfunction(value):
            before += [_plain_source(value), ""]
    given = dict(arrays)
    for role, array in given.items():
        leaf = "Parameter" if op.differentiable(role) and array.dtype.kind == "f" else "Input"
        before += _assigned(role, leaf, array)
    told = list(given) if kind.variadic else [f"{role}={role}" for role in given]
    told += [f"{key}={_code(value)}" for key, value in settings.items()]
    before.append(f"y = cr.{kind.name}({', '.join(told)})")
    scalar = np.asarray(op.forward(**arrays)).size == 1
    flat = not scalar and _sums_to_nothing(op, arrays)
    loss = "y" if scalar else f"cr.sum(x={'y * y' if flat else 'y'})"
    learnt = [role for role in given if op.differentiable(role)]
    shown = ["print(y.value)", "", f"loss = {loss}", "loss.backward()", *(f"print({role}.grad)" for role in learnt)]
    code = "\n".join([*before, *shown, "", "print(cr.check_gradients(loss))"])
    return f"```python\n{code}\n```\n\n```text\n{run(code)}\n```"


def run(code: str) -> str:
    """Return what the code prints."""
    printed = io.StringIO()
    with redirect_stdout(printed), np.printoptions(precision=4, suppress=True):
        try:
            exec(compile(code, "example", "exec"), {})
        except Exception as problem:
            raise RuntimeError(f"this example does not run:\n{code}\n{traceback.format_exc()}") from problem
    return printed.getvalue().rstrip()


def _sums_to_nothing(op: Op, arrays: dict[str, Any]) -> bool:
    """Return whether the derivatives of the plain sum are all 0, as they are of a softmax."""
    y = op.forward(**arrays)
    parts = op.backward(np.ones_like(y), y, **arrays)
    return all(np.allclose(part, 0) for part in parts.values())


def _assigned(role: str, leaf: str, array: np.ndarray) -> list[str]:
    """Return the line that makes a leaf; several, a row each, where one would be long."""
    start, numbers = f'{role} = cr.{leaf}("{role}", ', array.tolist()
    line = f"{start}{numbers})"
    if len(line) <= 88 or array.ndim != 2:
        return [line]
    return [f"{start}[", *(f"    {row}," for row in numbers), "])"]


def _is_numpy(value: Any) -> bool:
    return callable(value) and getattr(np, getattr(value, "__name__", ""), None) is value


def _code(value: Any) -> str:
    if _is_numpy(value):
        return f"np.{value.__name__}"
    return value.__name__ if callable(value) else repr(value)


def _plain_source(function: Any) -> str:
    return inspect.getsource(function).replace(": Any", "").replace(" -> Any", "").rstrip() + "\n"


def _table() -> str:
    rows = ["# Every op on one page", "", "Each with its function and its derivatives, as `chainrule ops` prints them."]
    rows += ["", "| op | function | derivatives |", "|---|---|---|"]
    for kind in all_ops().values():
        told = page(kind)
        derivatives = "<br>".join(map(_cell, [*told.derivatives.values(), *told.definitions]))
        rows.append(f"| [{kind.name}]({kind.name}.md) | {_cell(told.function)} | {derivatives} |")
    return "\n".join(rows) + "\n"


def _cell(formula: str) -> str:
    """Return a formula as code that may stand in a table."""
    return f"`{formula}`".replace("|", "\\|")


def _index() -> str:
    opening = (
        "An op is a function with its derivative, pure NumPy. Each has a page here, written from the op itself: what "
        "it says, what runs, and an example that was run when the page was built. All of them [on one page]"
        "(table.md), and [what they do at kinks](kinks.md)."
    )
    parts = ["# Ops", opening]
    for module, members in kinds().items():
        title = module.__name__.rsplit(".", 1)[-1].replace("_", " ").capitalize()
        opening = " ".join((inspect.getdoc(module) or "").split("\n\n")[0].split())
        rows = [f"| [{kind.name}]({kind.name}.md) | {_cell(page(kind).function)} |" for kind in members]
        parts += [f"## {title}", opening, "\n".join(["| op | function |", "|---|---|", *rows])]
    entries = "\n".join(["table", "kinks", *(kind.name for kind in all_ops().values())])
    parts.append(f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{entries}\n```")
    return "\n\n".join(parts) + "\n"
