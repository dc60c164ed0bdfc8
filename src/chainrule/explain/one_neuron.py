"""One neuron: its weighted sum term by term, and its activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explain.document import Block, Equation, Paragraph, TableBlock, Text
from chainrule.explain.element_names import of_samples
from chainrule.explain.notation import Fence, Joined, Math, Matrix, Number, Symbol, number
from chainrule.explain.op_formulas import NOT_THERE, typeset
from chainrule.explain.paths import Unit, elementwise
from chainrule.explain.text_layout import formula_line
from chainrule.ops import Linear, Matmul
from chainrule.ops.textbook_forms import forward_form

if TYPE_CHECKING:
    from chainrule.explain.analysis import Analysis
    from chainrule.explain.builder import Builder

MOST_TERMS = 8  # of a weighted sum that are written out
FUNCTIONS = {"sigmoid": "σ"}  # ops that have a letter
_ROLES = {Linear: ("x", "weights", "bias"), Matmul: ("a", "b", "")}


@dataclass(frozen=True)
class Term:
    """A value, the weight it is multiplied by, and what comes out."""

    value: Unit
    weight: Unit
    product: float


@dataclass(frozen=True)
class NeuronSum:
    """A neuron's weighted sum: its terms, and its bias if it has one."""

    unit: Unit
    terms: list[Term]
    bias: Unit | None


def weighted_sum(analysis: Analysis, unit: Unit) -> NeuronSum | None:
    """Return the weighted sum that a neuron is, or that its activation is applied to; None if there is none."""
    place, index = unit.place, unit.index
    while True:
        op = analysis.graph.nodes[place].op
        roles = analysis.roles(place)
        if op is None:
            return None
        if type(op) in _ROLES:
            break
        below = _computed(analysis, place)
        if len(below) != 1 or not elementwise(op, analysis.arrays(place), below[0]):
            return None
        place = roles[below[0]]
    inputs, weights, bias = _ROLES[type(op)]
    x, w = analysis.values[roles[inputs]], analysis.values[roles[weights]]
    if w.ndim != 2:
        return None
    *row, k = index
    terms = []
    for i in range(w.shape[0]):
        value, weight = Unit(roles[inputs], (*row, i)), Unit(roles[weights], (i, k))
        terms.append(Term(value, weight, float(x[value.index]) * float(w[weight.index])))
    return NeuronSum(Unit(place, index), terms, Unit(roles[bias], (k,)) if bias in roles else None)


def activations(analysis: Analysis, unit: Unit) -> list[Unit]:
    """Return what is computed from a number alone, element by element, in order: its activation, dropout, …"""
    found: list[Unit] = []
    place = unit.place
    while True:
        parents = [
            (parent, role)
            for parent in range(len(analysis.graph.nodes))
            for role, child in analysis.roles(parent).items()
            if child == place
        ]
        if len(parents) != 1:
            return found
        (parent, role), op = parents[0], analysis.graph.nodes[parents[0][0]].op
        assert op is not None
        alone = _computed(analysis, parent) == [role] and parent != analysis.root and type(op) not in _ROLES
        if not alone or not elementwise(op, analysis.arrays(parent), role):
            return found
        place = parent
        found.append(Unit(place, unit.index))


def _computed(analysis: Analysis, place: int) -> list[str]:
    """Return the roles whose children are computed, or are the samples."""
    nodes = analysis.graph.nodes
    roles = analysis.roles(place).items()
    return [role for role, child in roles if nodes[child].op is not None or of_samples(analysis, child)]


def name_of(builder: Builder, unit: Unit) -> Math:
    """Return the symbol of one number: of a single sample's, without the sample."""
    analysis, index = builder.analysis, unit.index
    if analysis.values[unit.place].size == 1 and (not index or unit.place == analysis.root):
        return builder.symbols[unit.place]
    if analysis.samples == 1 and of_samples(analysis, unit.place):
        index = index[1:]
        if not index:
            return builder.symbols[unit.place]
        shown = index[::-1] if builder.written.name == "columns" else index
    else:
        shown = builder.written.index(index, unit.place)
    return Joined((builder.symbols[unit.place], "", Symbol(f"[{', '.join(map(str, shown))}]")))


def value_of(analysis: Analysis, unit: Unit) -> float:
    """Return one number of a node's value."""
    return float(analysis.values[unit.place][unit.index])


def signed(value: float) -> Math:
    """Return a number to stand after an operator: below 0, in brackets."""
    text = number(value)
    return Fence("(", Number(text), ")") if text.startswith("-") else Number(text)


def neuron_blocks(builder: Builder, found: NeuronSum) -> list[Block]:
    """Write a neuron's weighted sum term by term, and what its activation makes of it."""
    analysis, words = builder.analysis, builder.words
    kept = sorted(range(len(found.terms)), key=lambda i: -abs(found.terms[i].product))[:MOST_TERMS]
    blocks: list[Block] = []
    total = value_of(analysis, found.unit)
    left = name_of(builder, found.unit)
    if len(found.terms) <= MOST_TERMS:
        symbols: list[Math | str] = []
        numbers: list[Math | str] = []
        for term in found.terms:
            plus = ["+"] if symbols else []
            symbols += [*plus, name_of(builder, term.value), "·", name_of(builder, term.weight)]
            numbers += [*plus, signed(value_of(analysis, term.value)), "·", signed(value_of(analysis, term.weight))]
        if found.bias is not None:
            symbols += ["+", name_of(builder, found.bias)]
            numbers += ["+", signed(value_of(analysis, found.bias))]
        lines: list[Math] = [
            Joined((left, "=", *symbols)),
            Joined(("=", *numbers)),
            Joined(("=", Number(number(total)))),
        ]
        blocks.append(Equation(lines))
    else:
        zeros = sum(term.product == 0 for term in found.terms)
        blocks.append(Paragraph(words("sum_large", all=len(found.terms), shown=len(kept), zeros=zeros)))
        rows: list[list[Math | str | Text]] = [
            [
                name_of(builder, term.value),
                Number(number(value_of(analysis, term.value))),
                name_of(builder, term.weight),
                Number(number(value_of(analysis, term.weight))),
                Number(number(term.product)),
            ]
            for term in (found.terms[i] for i in kept)
        ]
        head = ("value", "number", "weight", "number", "product")
        bias = 0.0 if found.bias is None else value_of(analysis, found.bias)
        others = total - bias - sum(found.terms[i].product for i in kept)
        together = words("others_together", count=f"{len(found.terms) - len(kept):,}")
        rows.append([together, "", "", "", Number(number(others))])
        if found.bias is not None:
            rows.append([name_of(builder, found.bias), "", "", "", Number(number(bias))])
        rows.append([Joined((left, "=")), "", "", "", Number(number(total))])
        blocks.append(TableBlock([words(f"head_{key}") for key in head], rows, flows=True))
    before = found.unit
    for unit in activations(analysis, found.unit):
        op = analysis.graph.nodes[unit.place].op
        assert op is not None
        function = Symbol(FUNCTIONS.get(op.name, op.name))
        beside: list[Math | str] = []
        beside_numbers: list[Math | str] = []
        for child in analysis.roles(unit.place).values():
            if child != before.place and analysis.values[child].shape == analysis.values[unit.place].shape:
                other = Unit(child, unit.index)
                beside += [",", name_of(builder, other)]
                beside_numbers += [",", Number(number(value_of(analysis, other)))]
        called = Fence("(", Joined((name_of(builder, before), *beside)), ")")
        with_numbers = Fence("(", Joined((Number(number(value_of(analysis, before))), *beside_numbers)), ")")
        named: Math = Joined((function, "", called))
        formula, numbers_in_it = _textbook(builder, before, unit) or (named, Joined((function, "", with_numbers)))
        steps = [formula, numbers_in_it, Number(number(value_of(analysis, unit)))]
        if formula_line(formula) != formula_line(named):
            steps.insert(0, named)
        name = name_of(builder, unit)
        blocks.append(Equation([Joined((*([] if i else [name]), "=", step)) for i, step in enumerate(steps)]))
        before = unit
    return blocks


def _textbook(builder: Builder, before: Unit, unit: Unit) -> tuple[Math, Math] | None:
    """Return the published formula of an activation of one number, and that with its number; None if it has none."""
    op, value = builder.analysis.graph.nodes[unit.place].op, value_of(builder.analysis, before)
    assert op is not None
    if len(op.roles) != 1:
        return None
    (role,) = op.roles
    try:
        form = forward_form(op, {role: np.full((1, 1), value)})
    except NOT_THERE:  # a docstring of one's own that is no formula
        return None
    if form.steps or not np.allclose(form.value, value_of(builder.analysis, unit), rtol=1e-5, atol=1e-7):
        return None
    settings: dict[str, Math] = {
        name: Matrix(np.reshape(array, ())) for name, array in form.values.items() if np.size(array) == 1
    }
    shown = {role: name_of(builder, before)}
    return typeset(form.result, {**settings, **shown}), typeset(form.result, settings)


def weights_blocks(builder: Builder, found: NeuronSum) -> list[Block]:
    """Write how the derivative that arrives at a weighted sum goes on to each of its weights, and to its bias."""
    analysis, words = builder.analysis, builder.words
    gradient = analysis.gradients[found.unit.place]
    if gradient is None:
        return []
    arrived = float(gradient[found.unit.index])
    kept = sorted(found.terms, key=lambda term: -abs(value_of(analysis, term.value)))[:MOST_TERMS]
    if len(found.terms) <= MOST_TERMS:
        kept = found.terms
    slope = builder.derivative_of(name_of(builder, found.unit))
    rows: list[list[Math | str | Text]] = []
    for term in kept:
        value = value_of(analysis, term.value)
        rows.append(
            [
                builder.derivative_of(name_of(builder, term.weight)),
                Joined((name_of(builder, term.value), "·", slope)),
                Joined((signed(value), "·", signed(arrived))),
                Number(number(value * arrived)),
            ]
        )
    if found.bias is not None:
        one = Joined((Number("1"), "·", slope))
        by = builder.derivative_of(name_of(builder, found.bias))
        rows.append([by, one, Joined((Number("1"), "·", signed(arrived))), Number(number(arrived))])
    text = words("to_weights" if len(kept) == len(found.terms) else "to_weights_few", all=len(found.terms))
    head = ("derivative", "is", "with_numbers", "number")
    return [Paragraph(text), TableBlock([words(f"head_{key}") for key in head], rows, flows=True)]
