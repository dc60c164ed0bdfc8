"""The rule of an optimizer as it was published, read from its docstring: the same notation as the formulas of ops.

The lines before the first that is empty are the rule, in order; ``with momentum μ: …`` holds where the setting is
given, and an equation there takes the place of an earlier one for the same letter. W is a weight, ∂C/∂W its derivative
as it is after clipping, η the learning rate of the step, t its number, counted from 1; other letters are those that
the section *Parameters* gives to settings, or slots by their names. ``kept undivided: m = (1 − β₁) m̄`` says what the
rule's m is, where the slot m holds m̄; the paragraph that begins with ``What is executed`` has the formulas of the
code. ``W ← …, for weights that decay`` and ``then a step of Adam`` mean what they say.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import InputError
from chainrule.ops.docstrings import docstring
from chainrule.ops.op import Array
from chainrule.ops.textbook import Definition, condition, evaluate, formula_lines, in_numpy, parse
from chainrule.optim.optimizer import Optimizer

WEIGHT, DERIVATIVE, RATE, STEP = "W", "∂C/∂W", "η", "t"
_DECAYS = ", for weights that decay"
_KEPT = "kept undivided: "
_EXECUTED = "What is executed, with g for ∂C/∂W"
_STEP_OF = "then a step of "


@dataclass(frozen=True)
class Line:
    """A line of a rule, with the numbers of one step.

    Attributes
    ----------
    name : str
        What it computes.
    expression : ast.expr
    values : dict of str to ndarray
        What its variables are worth before.
    value : ndarray
        What it comes to.
    """

    name: str
    expression: ast.expr
    values: dict[str, Array]
    value: Array


def published_step(
    optimizer: Optimizer,
    weights: Array,
    gradient: Array,
    slots: Mapping[str, Array],
    learning_rate: float,
    step: int,
    decays: bool = False,
) -> list[Line]:
    """Return the lines of one step as they were published, computed in float64.

    Parameters
    ----------
    optimizer : Optimizer
    weights, gradient : ndarray
        The weights before the step, and their derivative, clipped if the optimizer clips.
    slots : mapping of str to ndarray
        What the optimizer keeps, before the step.
    learning_rate : float
    step : int
        Which step it is, counted from 1.
    decays : bool, default False
        Whether these weights decay.

    Returns
    -------
    list of Line
        The last one for ``W`` has the weights after the step.

    Raises
    ------
    InputError
        If the docstring has no rule in the notation.

    Examples
    --------
    >>> from chainrule.optim import SGD
    >>> (line,) = published_step(SGD(0.5), np.array([1.0]), np.array([0.2]), {}, 0.5, 1)
    >>> line.name, line.value
    ('W', array([0.9]))
    """
    kind = type(optimizer)
    known: dict[str, Array] = {WEIGHT: _exact(weights), DERIVATIVE: _exact(gradient)}
    known |= {RATE: _exact(learning_rate), STEP: _exact(step)}
    letters = _letters(kind)
    for setting, value in optimizer.settings().items():
        if isinstance(value, (int, float)) and setting != "learning_rate":
            known[letters.get(setting, setting)] = _exact(value)
    rule, kept, called = _rule(optimizer, kind, decays)
    for setting, letter in called.items():
        known[letter] = _exact(getattr(optimizer, setting))
    undivided = {f"{slot}\u0304": _exact(array) for slot, array in slots.items()}
    known |= {slot: _exact(array) for slot, array in slots.items()}
    known |= {name: np.asarray(_value(kind, expression, {**known, **undivided})) for name, expression in kept}
    lines = []
    for name, expression in rule:
        written = in_numpy(expression)
        value = np.asarray(_value(kind, written, known))
        used = {node.id for node in ast.walk(written) if isinstance(node, ast.Name)}
        lines.append(Line(name, written, {key: known[key] for key in used if key in known}, value))
        known[name] = value
    if not any(line.name == WEIGHT for line in lines):
        raise _not_said(kind, "a line W ← …")
    return lines


def executed_rule(kind: type[Optimizer]) -> tuple[str, list[str]]:
    """Return what a rule keeps without a factor, and the formulas that are executed, as its docstring writes them.

    >>> from chainrule.optim import AdamW
    >>> kept, lines = executed_rule(AdamW)
    >>> kept, lines[0]
    ('m = (1 − β₁) m̄, v = (1 − β₂) v̄', 'm̄ ← β₁ m̄ + g')
    """
    kept, lines = "", list[str]()
    for base in kind.__mro__:
        told = docstring(base) if issubclass(base, Optimizer) else ""
        kept = kept or next((line[len(_KEPT) :] for line in formula_lines(told) if line.startswith(_KEPT)), "")
        paragraphs = (paragraph.splitlines() for paragraph in told.split("\n\n"))
        lines = lines or next((p[1:] for p in paragraphs if p and p[0].startswith(_EXECUTED)), [])
    return kept, lines


def _rule(
    optimizer: Optimizer, kind: type[Optimizer], decays: bool
) -> tuple[list[Definition], list[Definition], dict[str, str]]:
    """Return the lines that hold, those that say what is kept, and the letters that they give to settings."""
    rule: list[Definition] = []
    kept: list[Definition] = []
    called: dict[str, str] = {}
    for line in formula_lines(docstring(kind)):
        if line.startswith(_STEP_OF):
            base = next((base for base in kind.__mro__[1:] if base.__name__ == line.removeprefix(_STEP_OF)), None)
            if base is None or not issubclass(base, Optimizer):
                raise _not_said(kind, "a class it is derived from behind 'then a step of'")
            then, kept_there, called_there = _rule(optimizer, base, decays)
            rule, kept, called = rule + then, kept + kept_there, called | called_there
        elif line.startswith(_KEPT):
            kept += parse(line.removeprefix(_KEPT))
        elif line.startswith("with "):
            held = condition(line)
            if getattr(optimizer, held.setting):
                called |= {held.setting: held.symbol} if held.symbol else {}
                replaced = dict(held.definitions)
                rule = [told for told in rule if told[0] not in replaced] + list(held.definitions)
        elif line.endswith(_DECAYS):
            rule += parse(line.removesuffix(_DECAYS)) if decays else []
        else:
            rule += parse(line)
    return rule, kept, called


def _letters(kind: type[Optimizer]) -> dict[str, str]:
    """Return the letter of each setting: what its description begins with, ``ρ, how much of the past …``."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        for names, told in re.findall(
            r"^(\w+(?:, \w+)*) : .*\n\s+(\S.*)", docstring(base) if issubclass(base, Optimizer) else "", re.MULTILINE
        ):
            settings = names.split(", ")
            letters = re.split(r", | and ", re.split(r"(?:,|\.)(?: [a-z]|$)", told)[0])
            if len(letters) == len(settings) and all("α" <= letter[:1] <= "ω" for letter in letters):
                found |= dict(zip(settings, letters))
    return found


def _value(kind: type[Optimizer], expression: ast.expr, known: Mapping[str, Any]) -> Any:
    try:
        return evaluate(in_numpy(expression), known)
    except (NameError, TypeError, ValueError) as problem:
        raise _not_said(kind, f"a rule that can be computed: {problem}") from problem


def _exact(value: Any) -> Array:
    return np.asarray(value, np.float64)


def _not_said(kind: type[Optimizer], expected: str) -> InputError:
    return InputError(
        f"the rule of {kind.__name__}",
        given=f"{docstring(kind).splitlines()[:1]}",
        expected=expected,
        fix="Write its docstring as that of cr.Adam",
    )
