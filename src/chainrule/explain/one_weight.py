"""One weight: its path to the cost, the paths that add up to its derivative, the row it stands in, and the matrix.

That is the order in which a student learns it. The page of one number (`element=`) has all of it, and the page of a
whole network begins with it, before the matrices.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explain.document import Block, Equation, Heading, NetworkDrawing, Paragraph, TableBlock, Text
from chainrule.explain.notation import Fence, Joined, Math, Matrix, Number, Partial, Symbol, number
from chainrule.explain.one_neuron import (
    FUNCTIONS,
    NeuronSum,
    name_of,
    neuron_blocks,
    signed,
    value_of,
    weighted_sum,
    weights_blocks,
)
from chainrule.explain.op_formulas import NOT_THERE, PREDICTED, typeset
from chainrule.explain.paths import MOST_ONE_BY_ONE, Factor, Paths, PathToCost, Unit
from chainrule.explain.text_layout import formula_line
from chainrule.graph import Parameter
from chainrule.ops import Linear
from chainrule.ops.textbook_forms import backward_form, with_names

if TYPE_CHECKING:
    from chainrule.explain.analysis import Analysis
    from chainrule.explain.builder import Builder

MOST_LISTED = 6  # paths
_SHORT = 24  # letters of a formula that stands as a factor among others
_EASY = 200_000_000  # numbers that ops are asked for, for the weight that a page begins with


class OneNumber:
    """What there is to say of one number of a graph.

    Parameters
    ----------
    builder : Builder
    unit : Unit
    """

    def __init__(self, builder: Builder, unit: Unit) -> None:
        self.builder, self.analysis, self.words = builder, builder.analysis, builder.words
        self.unit = unit
        self.paths = Paths(self.analysis, unit, MOST_LISTED)
        self.node = self.analysis.graph.nodes[unit.place]
        self.symbol = name_of(builder, unit)
        self.penalties = [
            (str(path.penalty), float(path.array[unit.index]))
            for path in self.analysis.paths[unit.place]
            if path.penalty is not None
        ]

    @property
    def total(self) -> float:
        """The sum of the products of all paths, and what penalties add."""
        return self.paths.added() + sum(value for _, value in self.penalties)

    @property
    def derivative(self) -> float:
        """The derivative as backpropagation computes it in float64, and what penalties add."""
        return self.paths.derivative + sum(value for _, value in self.penalties)

    @property
    def sum(self) -> NeuronSum | None:
        """The weighted sum that it is, that its activation is applied to, or that it is a weight of."""
        if self.node.op is not None:
            return weighted_sum(self.analysis, self.unit)
        return weighted_sum(self.analysis, self.paths.largest[0].units[1])

    def partial(self) -> Math:
        """Return ∂C/∂w, with the penalty if there is one."""
        return self.builder.derivative_of(self.symbol, bool(self.penalties))

    # ------------------------------------------------------------------ blocks

    def neuron(self) -> list[Block]:
        """Write the neuron that it is, or that it leads to."""
        found = self.sum
        if found is None:
            return []
        key = "neuron_intro" if self.node.op is not None else "neuron_of_weight"
        name = formula_line(self.symbol)
        text = self.words(key, neuron=formula_line(name_of(self.builder, found.unit)), weight=name)
        return [self.heading("one_neuron"), Paragraph(text), *neuron_blocks(self.builder, found)]

    def one_path(self) -> list[Block]:
        """Write the path, or the one with the largest product, with its factors and their numbers."""
        words, path = self.words, self.paths.largest[0]
        name, several = formula_line(self.symbol), self.paths.count > 1
        key = "path_largest" if several else "path_only"
        text = words(key, name=name, count=f"{self.paths.count:,}")
        through = words("path_through", way=" → ".join(formula_line(name_of(self.builder, u)) for u in path.units))
        factors: list[Math | str] = []
        numbers: list[Math | str] = []
        for factor in [f for f in path.factors if f.same_as != 1.0] or path.factors:
            factors += [*(["·"] if factors else []), self.factor(factor)]
            numbers += [*(["·"] if numbers else []), signed(factor.value)]
        first = Joined(tuple(factors)) if several or self.penalties else Joined((self.partial(), "=", *factors))
        lines = [first, Joined(("=", *numbers)), Joined(("=", Number(number(path.product))))]
        rows: list[list[Math | str | Text]] = []
        for factor in path.factors:
            parent, child = (name_of(self.builder, unit) for unit in (factor.parent, factor.child))
            kind = self.kind(factor)
            rows.append([self.factor(factor), _cell(factor.value), words(f"factor_{kind}"), Partial(parent, child)])
        head = [words(f"head_{key}") for key in ("factor", "number", "what", "derivative")]
        return [
            *(self.heading("one_path"), Paragraph(text), Paragraph(through), Equation(lines)),
            TableBlock(head, rows, flows=True),
            *self.formulas(path),
            *self.drawing(path),
            *([Paragraph(words("path_silent"))] if path.product == 0 else []),
        ]

    def paths_that_add(self) -> list[Block]:
        """Write how the products of all paths, and what a penalty adds, add up to the derivative."""
        words, paths, count = self.words, self.paths, self.paths.count
        several = count > 1 or bool(self.penalties)
        blocks: list[Block] = [self.heading("paths_add")]
        if several:
            text = words("paths_intro" if count > 1 else "paths_penalty", count=f"{count:,}")
            blocks.append(Paragraph(text))
            rows: list[list[Math | str | Text]] = []
            for path in paths.largest:
                rows.append([self._way(path) or words("way_straight"), _cell(path.product)])
            rest = count - len(paths.largest)
            if rest:
                others = paths.added() - sum(path.product for path in paths.largest)
                rows.append([words("way_others", count=f"{rest:,}"), _cell(others)])
            rows += [[words("way_penalty", name=name), _cell(value)] for name, value in self.penalties]
            head = [words(f"head_{key}") for key in ("way", "product")]
            blocks.append(TableBlock(head, rows, flows=True))
            if rest:
                key = "added_each" if paths.one_by_one else "added_recursion"
                blocks.append(Paragraph(words(key, count=f"{count:,}", most=f"{MOST_ONE_BY_ONE:,}")))
        else:
            blocks.append(Paragraph(words("paths_one")))
        blocks.append(Equation([Joined((self.partial(), "=", Number(number(self.total))))]))
        off = abs(self.total - self.derivative)
        fields = {"sum": f"{self.total + 0.0:.12g}", "back": f"{self.derivative + 0.0:.12g}", "off": f"{off:.1e}"}
        blocks.append(Paragraph(words("sum_is_derivative", **fields)))
        return blocks

    def row(self) -> list[Block]:
        """Write the row of the matrix that the weight stands in: what leaves the same value."""
        place, index = self.unit.place, self.unit.index
        gradient = self.analysis.gradients[place]
        if self.node.op is not None or gradient is None or len(index) != 2:
            return []
        builder, words = self.builder, self.words
        columns = builder.written.name == "columns"
        key = "column" if columns else "row"
        row = f"[:, {index[0]}]" if columns else f"[{index[0]}, :]"
        named = Joined((builder.symbols[place], "", Symbol(row)))
        left = builder.derivative_of(named, bool(self.penalties))
        result = Matrix(_vector(gradient[index[0]], columns))
        lines: list[Math] = [Joined((left, "=", result))]
        used = self.use()
        if used is not None and not self.penalties:
            parent, value = used
            slopes = self.analysis.gradients[parent]
            assert slopes is not None
            whole = slopes.reshape(-1)
            if np.allclose(value_of(self.analysis, value) * whole, gradient[index[0]], rtol=1e-4, atol=1e-12):
                lines = [
                    Joined((left, "=", name_of(builder, value), "·", builder.partial(parent))),
                    Joined(("=", signed(value_of(self.analysis, value)), "·", Matrix(_vector(whole, columns)))),
                    Joined(("=", result)),
                ]
        shared = used is not None and len(lines) == 3
        name = "" if used is None else formula_line(name_of(builder, used[1]))
        text = words(f"{key}_shared" if shared else f"{key}_alone", name=name, weight=formula_line(self.symbol))
        return [self.heading(f"the_{key}"), Paragraph(text), Equation(lines)]

    def matrix(self) -> list[Block]:
        """Write the derivative of all numbers beside this one, in one formula."""
        builder, analysis, place = self.builder, self.analysis, self.unit.place
        gradient = analysis.gradients[place]
        if self.node.op is not None or gradient is None:
            return []
        with builder.aside() as blocks:
            for path in analysis.paths[place]:
                if path.parent is not None:
                    symbols = {"dy": builder.partial(path.parent), "y": builder.symbols[path.parent]}
                    symbols |= builder.names_at(path.parent)
                    result = builder.written.array(path.array, place)
                    formula = builder.written.backward(path.parent, path.role)
                    builder.formula(builder.partial(place), formula, symbols, result)
        if len(analysis.paths[place]) > 1:
            left = builder.partial(place, bool(self.penalties))
            blocks.append(Equation([Joined((left, "=", builder.matrix(gradient, place)))]))
        return [self.heading("the_matrix"), Paragraph(self.words("matrix_intro", size=f"{gradient.size:,}")), *blocks]

    def step(self) -> list[Block]:
        """Write what the optimizer's step makes of it, by its published rule."""
        place, index, builder = self.unit.place, self.unit.index, self.builder
        network = self.analysis.network
        if network is None or place not in self.analysis.after:
            return []
        named = {"optimizer": type(network.optimizer).__name__, "rate": number(float(network.optimizer_state.rate))}
        blocks: list[Block] = [self.heading("its_step")]
        blocks.append(Paragraph(self.words("step_of_one", name=formula_line(self.symbol), **named)))
        published = self.analysis.published.get(place, [])
        if published:
            with builder.aside() as lines:
                builder.lines_of_one(published, self.unit, self.symbol)
            return [*blocks, *lines]
        before, after = (float(array[index]) for array in (self.analysis.values[place], self.analysis.after[place]))
        change = Joined((self.symbol, "←", signed(before), "+", signed(after - before)))
        return [*blocks, Equation([change, Joined(("=", Number(number(after))))])]

    def weights(self) -> list[Block]:
        """Write how the derivative of a neuron goes on to its weights."""
        found = self.sum
        blocks = [] if found is None or self.node.op is None else weights_blocks(self.builder, found)
        return [self.heading("its_weights"), *blocks] if blocks else []

    def drawing(self, path: PathToCost) -> list[Block]:
        """Draw the network with the edges of a path."""
        if self.analysis.network is None:
            return []
        nodes = self.analysis.graph.nodes
        weights = [self.unit, *(f.same_as for f in path.factors if isinstance(f.same_as, Unit))]
        shown: list[tuple[str, int, int] | tuple[str, int]] = []
        for unit in weights:
            layer, _, kind = nodes[unit.place].name.rpartition(".")
            if kind == "weights" and len(unit.index) == 2:
                shown.append((layer, *unit.index))
        if not shown and self.unit.index:
            shown.append((self.node.name.removesuffix(".bias"), self.unit.index[-1]))
        return [NetworkDrawing(self.words("drawn_path"), self.words.language, "weights", tuple(shown))]

    # ------------------------------------------------------------------ parts

    def heading(self, key: str) -> Heading:
        return Heading(2, self.words(key), key)

    def _way(self, path: PathToCost) -> str:
        """Return the numbers that a path leads through, without those that are computed from one number alone."""
        chosen = [f.parent for f in path.factors[:-1] if not f.elementwise and not isinstance(f.same_as, float)]
        return " → ".join(formula_line(name_of(self.builder, unit)) for unit in chosen)

    def use(self) -> tuple[int, Unit] | None:
        """Return the one weighted sum that a weight is used in, and the value that it multiplies; None if several."""
        paths = [path for path in self.analysis.paths[self.unit.place] if path.parent is not None]
        first = self.paths.largest[0].factors[0]
        if len(paths) != 1 or not isinstance(first.same_as, Unit) or first.role != "weights":
            return None
        parent = first.parent.place
        one_row = self.analysis.values[parent].size == self.analysis.values[parent].shape[-1]
        return (parent, first.same_as) if one_row and isinstance(self.analysis.graph.nodes[parent].op, Linear) else None

    def factor(self, factor: Factor) -> Math:
        """Return what a factor is written as: another number's symbol, σ′(z), or ∂…/∂…."""
        if isinstance(factor.same_as, Unit):
            return name_of(self.builder, factor.same_as)
        if factor.same_as is not None:
            return signed(factor.same_as)
        if self.kind(factor) == "slope":
            op = self.analysis.graph.nodes[factor.parent.place].op
            assert op is not None
            inner = Fence("(", name_of(self.builder, factor.child), ")")
            return Joined((Symbol(f"{FUNCTIONS.get(op.name, op.name)}′"), "", inner))
        told = self.textbook(factor) if factor.parent.place == self.analysis.root else None
        short = None if told is None else told[0]
        if short is not None and len(formula_line(short)) <= _SHORT:
            loose = isinstance(short, Joined) and any(item in ("+", "−") for item in short.items)
            return Fence("(", short, ")") if loose else short
        return Partial(*(name_of(self.builder, unit) for unit in (factor.parent, factor.child)))

    def textbook(self, factor: Factor) -> tuple[Math, Math] | None:
        """Return the published formula of a slope, or of the cost's derivative by one number; and with its numbers.

        None where there is none, or where it is no single expression, or gives another number.
        """
        place, kind = factor.parent.place, self.kind(factor)
        op = self.analysis.graph.nodes[place].op
        assert op is not None
        values = {role: self.paths.array(child) for role, child in self.analysis.roles(place).items()}
        y = self.paths.array(place)
        prediction = None
        if kind == "slope":
            value = values[factor.role][factor.child.index]
            values, y = {factor.role: value.reshape(1, 1)}, y[factor.parent.index].reshape(1, 1)
            names = {factor.role: name_of(self.builder, factor.child), "y": name_of(self.builder, factor.parent)}
        elif kind == "cost":
            names, prediction = self.builder.names_at(place), self.builder.written.predicted(place)
        else:
            return None
        try:
            form = backward_form(op, np.ones(y.shape), y, values, factor.role)
        except NOT_THERE:  # a docstring of one's own that is no formula
            return None
        if prediction is not None:
            form = with_names(form, prediction.function, prediction.role, PREDICTED, prediction.value)
        at = factor.child.index if kind == "cost" else None
        found = form.value if at is None else np.broadcast_to(form.value, values[factor.role].shape)[at]
        if form.steps or not np.allclose(found, factor.value, rtol=1e-9, atol=1e-12):
            return None
        result = _ArrivesAsOne().visit(copy.deepcopy(form.result))
        numbers = dict(form.values)
        if at is not None and values[factor.role].size > 1:
            if not _by_element(result, numbers, values[factor.role].shape):
                return None
            of_one = at[1:] if self.analysis.samples == 1 else at
            index = Symbol(
                f"[{', '.join(map(str, of_one[::-1] if self.builder.written.name == 'columns' else of_one))}]"
            )
            several = [name for name, value in numbers.items() if value.size > 1]
            names |= {name: Joined((names[name], "", index)) for name in several if name in names}
            numbers |= {name: numbers[name][at] for name in several}
        numbers = {name: np.asarray(value).reshape(()) for name, value in numbers.items() if np.size(value) == 1}
        shown: dict[str, Math] = {name: Matrix(value) for name, value in numbers.items()}
        return typeset(result, {**shown, **names}), typeset(result, {**names, **shown})

    def formulas(self, path: PathToCost) -> list[Block]:
        """Write the published formulas of the slopes on a path."""
        blocks: list[Block] = []
        for factor in path.factors:
            shown = self.factor(factor)
            found = self.textbook(factor) if not isinstance(factor.same_as, (Unit, float)) else None
            if found is not None:
                formula, with_numbers = found
                left = Partial(*(name_of(self.builder, unit) for unit in (factor.parent, factor.child)))
                known = shown in (formula, Fence("(", formula, ")"))
                value = Number(number(factor.value))
                lines = [Joined((left if known else shown, "=", formula)), Joined(("=", with_numbers))]
                if formula_line(with_numbers) != formula_line(value):
                    lines.append(Joined(("=", value)))
                blocks.append(Equation(lines, None if blocks else self.words("slopes")))
        return blocks

    def kind(self, factor: Factor) -> str:
        """Return which of the `words` say what a factor is."""
        if isinstance(factor.same_as, Unit):
            other = self.analysis.graph.nodes[factor.same_as.place]
            return "weight" if isinstance(other, Parameter) else "value"
        if factor.same_as is not None:
            return "constant"
        if factor.parent.place == self.analysis.root:
            return "cost"
        alone = len(self.analysis.graph.nodes[factor.parent.place].children) == 1
        return "slope" if factor.elementwise and alone else "through"


class _ArrivesAsOne(ast.NodeTransformer):
    """Leaves ∂C/∂C, which is 1, out of a product."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(1) if node.id == "dy" else node


def _by_element(expression: ast.expr, values: Mapping[str, Any], shape: tuple[int, ...]) -> bool:
    """Return whether each number of a result is computed from the numbers at its own place."""
    plain = (ast.BinOp, ast.UnaryOp, ast.Constant, ast.Name, ast.operator, ast.unaryop, ast.Load)
    nodes = list(ast.walk(expression))
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    return all(isinstance(node, plain) and not isinstance(node, ast.MatMult) for node in nodes) and all(
        name in values and np.shape(values[name]) in ((), shape) for name in names
    )


def element_blocks(builder: Builder, unit: Unit) -> list[Block]:
    """Write the page of one number."""
    one = OneNumber(builder, unit)
    parts = (one.neuron, one.one_path, one.paths_that_add, one.row, one.matrix, one.weights, one.step)
    return [block for part in parts for block in part()]


def beginning_blocks(builder: Builder) -> list[Block]:
    """Write one neuron and one weight, with which the page of a network begins."""
    unit = typical_weight(builder.analysis)
    if unit is None:
        return []
    one = OneNumber(builder, unit)
    return [*one.neuron(), *one.one_path(), *one.paths_that_add(), Paragraph(builder.words("then_matrices"))]


def typical_weight(analysis: Analysis) -> Unit | None:
    """Return the weight with the largest derivative, of the first layer from which the paths can be followed.

    The derivative is that of the loss: a penalty pulls at weights too from which no path leads to it.
    """
    if analysis.network is None:
        return None
    for place in analysis.parameters():
        arriving = [path.array for path in analysis.paths[place] if path.penalty is None]
        gradient = np.sum(arriving, axis=0) if arriving else np.zeros(0)
        if gradient.ndim != 2 or not np.isfinite(gradient).all() or not gradient.any():
            continue
        index = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)
        unit = Unit(place, tuple(int(k) for k in index))
        if Paths.work(analysis, unit) <= _EASY:
            return unit
    return None


def element_json(one: OneNumber) -> dict[str, Any]:
    """Return what there is to say of one number, for JSON."""
    analysis, unit = one.analysis, one.unit
    data: dict[str, Any] = {
        "node": analysis.labels[unit.place],
        "index": list(unit.index),
        "symbol": formula_line(one.symbol),
        "value": value_of(analysis, unit),
        "paths": one.paths.count,
        "sum": one.total,
        "derivative": one.derivative,
        "penalties": [{"penalty": name, "derivative": value} for name, value in one.penalties],
        "largest": [_path_json(one, path) for path in one.paths.largest],
    }
    found = one.sum
    if found is not None:
        builder = one.builder
        data["neuron"] = {
            "symbol": formula_line(name_of(builder, found.unit)),
            "value": value_of(analysis, found.unit),
            "bias": None if found.bias is None else value_of(analysis, found.bias),
            "terms": [
                {
                    "value": value_of(analysis, term.value),
                    "weight": value_of(analysis, term.weight),
                    "product": term.product,
                }
                for term in found.terms
            ],
        }
    if one.node.op is None and unit.place in analysis.after and analysis.network is not None:
        data["after"] = float(analysis.after[unit.place][unit.index])
    return data


def _path_json(one: OneNumber, path: PathToCost) -> dict[str, Any]:
    return {
        "product": path.product,
        "way": [formula_line(name_of(one.builder, unit)) for unit in path.units],
        "factors": [{"symbol": formula_line(one.factor(f)), "value": f.value} for f in path.factors],
    }


def _vector(array: Any, column: bool) -> Any:
    return array.reshape(-1, 1) if column else array.reshape(-1)


def _cell(value: float) -> Number:
    return Number(number(value))
