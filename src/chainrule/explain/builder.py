"""An explanation put together: what a step did, as sentences and formulas, section by section."""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np

from chainrule.explain.analysis import Analysis, DerivativeProof, MovedNumber, proofs, role_name
from chainrule.explain.columns import NOTHING, Columns, Rows
from chainrule.explain.document import (
    Block,
    CodeBlock,
    Document,
    Drawing,
    Equation,
    Folded,
    Heading,
    Messages,
    NetworkDrawing,
    OpLine,
    Paragraph,
    Spread,
    TableBlock,
    Text,
    histogram,
    templates,
)
from chainrule.explain.notation import Fence, Joined, Math, Matrix, Number, Partial, Symbol, cells, is_large, number
from chainrule.explain.one_neuron import name_of
from chainrule.explain.one_weight import beginning_blocks, element_blocks
from chainrule.explain.op_formulas import PREDICTED, Formula, code_of, only_term, typeset
from chainrule.explain.paths import Unit
from chainrule.explain.sample_section import sample_blocks
from chainrule.explain.text_layout import formula_line
from chainrule.explain.whole_gradient import gradient_blocks
from chainrule.graph import Input, Parameter, State
from chainrule.nn.heads import Head
from chainrule.ops.docstrings import docstring
from chainrule.ops.op import Array, Op
from chainrule.ops.pages import page
from chainrule.ops.scaling import Scaled
from chainrule.ops.textbook_forms import Agreement, compared, without_factor
from chainrule.optim.published import DERIVATIVE, WEIGHT, Line, executed_rule

COST, PENALTY = Symbol("C"), Symbol("R")
MOST_DRAWN = 80  # nodes
_OF_ROWS = ("@", "ᵀ", "row", "column", "axis", "samples", "Σ")  # what an op's line says of rows, in columns is another
MOST_WRITTEN = 160  # numbers in a formula
MOST_BESIDE = 16  # of their columns between brackets, where no line can end
STEP_UNITS = 256  # in the last place, up to where a step in float32 is the published one, rounded
_KNOWN = {"σ": "sigmoid", "softmax": "softmax", "Φ": "normal_cdf", "φ": "normal_density"}
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Builder:
    """Writes the blocks of one explanation."""

    def __init__(self, analysis: Analysis, words: Messages, notation: str = "rows") -> None:
        self.analysis, self.words = analysis, words
        self.written = {"rows": Rows, "columns": Columns}[notation](analysis)
        self.symbols = symbols_of(analysis)
        self.blocks: list[Block] = []
        self._said: set[str] = set()  # what was explained already: functions, a class as a row

    def whole(self) -> Document:
        """Return the explanation of everything."""
        words, analysis = self.words, self.analysis
        document = Document(words.language, words.right_to_left, self.title(), self.blocks)
        self.say("intro")
        self.blocks += sample_blocks(self)
        self.network_drawing("weights")
        self.notation()
        self.blocks += beginning_blocks(self)
        self.heading("graph")
        drawn = len(analysis.graph) <= MOST_DRAWN
        self.say("graph_intro" if drawn else "graph_large", nodes=len(analysis.graph))
        if drawn:
            self.blocks.append(Drawing(words("graph_shapes") if self.written.name == "columns" else None))
        self.heading("forward")
        self.say("forward_intro")
        computed = [i for i, node in enumerate(analysis.graph.nodes) if node.op is not None]
        losses = analysis.losses()
        for place in computed:
            if place in losses:
                self.prediction(place, losses[place])
            self.forward(place)
        self.the_cost()
        self.heading("backward")
        for key in ("backward_intro", "proportional", "wide"):
            self.say(key)
        self.network_drawing("gradients")
        for place in reversed(computed):
            self.backward(place)
        for place in analysis.parameters():
            if analysis.network is None or len(analysis.paths[place]) > 1:
                self.arrival(place)
        self.blocks += gradient_blocks(self)
        self.step(analysis.parameters())
        if analysis.parameters():
            self.proof(proofs(analysis))
        return document

    def element(self, unit: Unit) -> Document:
        """Return the explanation of one number: a weight, a bias, what a neuron says."""
        words, name = self.words, formula_line(name_of(self, unit))
        title = words("title_element", name=self.analysis.labels[unit.place], symbol=name)
        document = Document(words.language, words.right_to_left, title, self.blocks)
        self.blocks += sample_blocks(self)
        if tuple(self.written.index(unit.index, unit.place)) != unit.index:
            label, index = self.analysis.labels[unit.place], ", ".join(map(str, unit.index))
            self.say("in_rows", name=f"{label}[{index}]", symbol=name)
        self.blocks += element_blocks(self, unit)
        return document

    def one(self, place: int) -> Document:
        """Return the explanation of one node."""
        words, analysis = self.words, self.analysis
        title = words("title_node", name=analysis.labels[place])
        document = Document(words.language, words.right_to_left, title, self.blocks)
        self.blocks += sample_blocks(self)
        if analysis.graph.nodes[place].op is not None:
            self.heading("forward")
            self.forward(place)
            self.heading("backward")
            self.say("backward_intro")
            self.backward(place)
        else:
            self.heading("backward")
            self.arrival(place)
            if place in analysis.parameters():
                self.step([place])
                self.proof([proof for proof in proofs(analysis) if proof.place == place])
        return document

    # ------------------------------------------------------------------ pieces

    def title(self) -> Text:
        network = self.analysis.network
        if network is None:
            return self.words("title_graph", name=self.analysis.graph.root.name)
        summary = network.summary()
        sizes = [*summary.inputs, *(row.output[-1] for row in summary.rows if row.weights + row.biases)]
        return self.words("title", name=network.name or "-".join(map(str, sizes)))

    def say(self, key: str, **fields: object) -> None:
        self.blocks.append(Paragraph(self.words(key, **fields)))

    def heading(self, key: str) -> None:
        self.blocks.append(Heading(2, self.words(key), key))

    def network_drawing(self, show: str, highlight: tuple[tuple[str, int, int] | tuple[str, int], ...] = ()) -> None:
        """Draw the network, if there is one; pages show it."""
        network = self.analysis.network
        if network is not None and (show == "weights" or network.vector.learnt()):
            caption = self.words(f"drawn_{show}", cost=formula_line(self.cost))
            self.blocks.append(NetworkDrawing(caption, self.words.language, show, highlight))

    def node_heading(self, place: int, way: str) -> None:
        text = Text("`{name}`", {"name": self.analysis.labels[place]})
        self.blocks.append(Heading(3, text, f"{way}-{place}", self.symbols[place]))

    def math(self, place: int) -> Math:
        return in_formula(self.analysis, self.symbols, place)

    @property
    def cost(self) -> Symbol | Fence:
        """What is differentiated by a parameter: the cost, with the penalty if there is one."""
        return Fence("(", Joined((COST, "+", PENALTY)), ")") if self.analysis.penalised else COST

    @contextmanager
    def aside(self) -> Iterator[list[Block]]:
        """Collect what is written inside, to stand elsewhere."""
        outer, self.blocks = self.blocks, []
        try:
            yield self.blocks
        finally:
            self.blocks = outer

    def partial(self, place: int, penalised: bool = False) -> Math:
        """Return ∂C/∂…, of the loss on the data alone, or with the penalty that is added to it."""
        return self.derivative_of(self.symbols[place], penalised)

    def derivative_of(self, by: Math, penalised: bool = False) -> Math:
        """Return ∂C/∂by, or with the penalty ∂(C + R)/∂by."""
        return Partial(self.cost if penalised else COST, by)

    def matrix(self, array: Array, place: int) -> Matrix:
        """Return the numbers of an array that is shaped like the value of this node."""
        return Matrix(self.written.array(array, place))

    def number_of(self, place: int, index: tuple[int, ...]) -> Math:
        """Return the symbol of one number of an array."""
        subscript = Symbol(f"[{', '.join(map(str, self.written.index(index, place)))}]")
        return Joined((self.symbols[place], "", subscript)) if index else self.symbols[place]

    def op_line(self, key: str, line: str) -> None:
        """Add what the op says of itself, which is of rows."""
        told = self.written.name == "columns" and any(word in line for word in _OF_ROWS)
        self.blocks.append(OpLine(self.words(f"{key}_of_rows" if told else key), line))

    def spread(self, array: Array, of: Math, place: int) -> None:
        """Say what a corner of a large array leaves out."""
        array = self.written.array(array, place)
        if array.ndim and is_large(array) and array.dtype.kind == "f":
            shown = {"norm": np.linalg.norm(array), "least": array.min(), "largest": array.max()}
            numbers = {key: number(float(value)) for key, value in shown.items()}
            shape = "×".join(map(str, array.shape))
            text = self.words(
                "large", shape=shape, norm=numbers["norm"], least=numbers["least"], most=numbers["largest"]
            )
            self.blocks.append(Spread(of, text, histogram(array)))

    def both_forms(
        self,
        left: Math,
        told: Formula | None,
        executed: Formula,
        symbols: dict[str, Math],
        result: Array,
        line: tuple[str, str | None],
        at: int | None = None,
    ) -> None:
        """Write a formula as a textbook has it, beneath it as it is executed, and how far they agree.

        `line` is the key and the text of what the op's docstring says where that is not in the notation, `at` the
        node whose derivative it is.
        """
        if told is None or told.agreement is None:
            key, text = line
            if text:
                self.op_line(key, text)
            self.formula(left, executed, symbols, result, self.words("executed"))
            return
        self.formula(left, told, symbols, result)
        self.define_functions(told)
        agreement = told.agreement
        if agreement.undefined:
            self.say("undefined", count=agreement.undefined)
        if not agreement.holds:
            self.say("disagree", error=f"{agreement.error:.1e}")
        same = executed
        if executed.result is not None and self.analysis.root == at:  # where ∂C/∂C is 1
            same = replace(executed, result=without_factor(executed.result, "dy"))
        if not told.steps and _line(told, symbols) == _line(same, symbols):
            self.blocks.append(Folded(self.words("same", error=_error(agreement)), []))
            return
        with self.aside() as inner:
            self.formula(left, executed, symbols, result)
        key = "agree" if agreement.holds else "executed_other"
        self.blocks.append(Folded(self.words(key, error=_error(agreement)), inner))

    def define_functions(self, formula: Formula) -> None:
        """Say what a function is, where it stands in a formula for the first time."""
        for expression in (*(step for _, step in formula.steps), formula.result):
            assert expression is not None
            for name in (node.id for node in ast.walk(expression) if isinstance(node, ast.Name)):
                if name in _KNOWN and name not in self._said:
                    self._said.add(name)
                    self.say(f"known_{_KNOWN[name]}")

    def formula(
        self, left: Math, formula: Formula, symbols: dict[str, Math], result: Array, note: Text | None = None
    ) -> None:
        """Write a formula, the same with its numbers, and what comes out."""
        if formula.result is None:
            if formula.source:
                self.blocks.append(CodeBlock(self.words("own_source"), formula.source.rstrip()))
            elif formula is NOTHING:
                self.say("in_rows_only")
            self.blocks.append(Equation([Joined((left, "=", Matrix(result)))]))
            return
        constants = {name: Matrix(a) for name, a in formula.values.items() if name.startswith("constant_")}
        names: dict[str, Math] = {**symbols, **constants}
        for i, (step, expression) in enumerate(formula.steps):
            names[step] = Symbol(f"t{i + 1}".translate(_SUBSCRIPTS)) if formula.recorded else _step(step, symbols)
            lines: list[Math] = [Joined((names[step], "=", typeset(expression, names)))]
            if step in formula.values and formula.short:
                lines.append(Joined(("=", Matrix(formula.values[step]))))
            self.blocks.append(Equation(lines, note if i == 0 else None))
        lines = [Joined((left, "=", typeset(formula.result, names)))]
        numbers: dict[str, Math] = {name: Matrix(array) for name, array in formula.values.items()}
        if formula.short and not isinstance(formula.result, ast.Name) and _fits(formula):
            lines.append(Joined(("=", typeset(formula.result, {**names, **numbers}))))
        lines += [Joined(("=", term)) for term in self.only_term(formula, names, result)]
        lines.append(Joined(("=", Matrix(result))))
        self.blocks.append(Equation(lines, None if formula.steps else note))

    def only_term(self, formula: Formula, names: dict[str, Math], result: Array) -> list[Math]:
        """Return the loss of one sample as the one term that is not 0, −log(ŷ[2]), and with its number; or nothing."""
        found = only_term(formula, result)
        if found is None:
            return []
        term, numbers, at = found
        if self.analysis.samples == 1:
            at = tuple(k for k, size in zip(at, formula.values["target"].shape) if size > 1)
        index = Symbol(f"[{', '.join(map(str, at))}]")
        known: dict[str, Math] = {name: Matrix(number) for name, number in numbers.items()}
        of_class: dict[str, Math] = {
            name: Joined((names[name], "", index)) for name in numbers if formula.values[name].ndim
        }
        return [typeset(term, {**known, **of_class}), typeset(term, known)]

    # ------------------------------------------------------------------ sections

    def notation(self) -> None:
        words, analysis = self.words, self.analysis
        self.heading("notation")
        rows: list[list[Math | str | Text]] = []
        for place, node in enumerate(analysis.graph.nodes):
            if isinstance(node, Parameter):
                kind: Text | str = words("frozen" if node.frozen else "learnt")
            elif node.op is not None:
                kind = type(node.op).__name__
            else:
                kind = words(
                    "state"
                    if isinstance(node, State)
                    else "input"
                    if isinstance(node, Input) and node.name
                    else "constant"
                )
            shape = "×".join(map(str, self.written.array(analysis.values[place], place).shape)) or "1"
            rows.append([self.math(place), analysis.labels[place], kind, shape])
        for loss, head in analysis.losses().items():
            if head.objective.fused:  # no node has it
                place = analysis.roles(loss)[head.objective.prediction_role]
                shape = "×".join(map(str, self.written.array(analysis.values[place], place).shape)) or "1"
                rows.append([predicted(head), "", words("predicted"), shape])
        self.blocks.append(TableBlock([words(key) for key in ("symbol", "node", "kind", "shape")], rows))
        for loss in analysis.losses():
            self.one_hot(loss, self.written.textbook(loss))
        if analysis.network is not None:
            summary = analysis.network.summary()
            counts = {key: f"{getattr(summary, key):,}" for key in ("weights", "biases", "parameters")}
            self.say("count", **counts)
            self.say("row_notation" if self.written.name == "rows" else "column_notation")
        elif analysis.graph.parameters:
            self.say("count_graph", parameters=f"{sum(p.value.size for p in analysis.graph.parameters):,}")
        for key in ("signs" if self.written.name == "rows" else "column_signs", "three_things", "linear"):
            self.say(key)
        for place, node in enumerate(analysis.graph.nodes):
            for child in analysis.roles(place).values():
                below = analysis.graph.nodes[child]
                if below.op is not None and type(below.op) is type(node.op) and "weights" in below.op.roles:
                    self.say("linear_here", first=analysis.labels[child], second=analysis.labels[place])

    def forward(self, place: int) -> None:
        analysis, node = self.analysis, self.analysis.graph.nodes[place]
        assert node.op is not None
        self.node_heading(place, "forward")
        symbols = self.names_at(place)
        value, line = self.written.array(analysis.values[place], place), ("function", page(type(node.op)).function)
        told, executed = self.written.textbook(place), self.written.forward(place)
        self.one_hot(place, told)
        self.both_forms(self.symbols[place], told, executed, symbols, value, line)
        self.spread(analysis.values[place], self.symbols[place], place)
        for child in analysis.roles(place).values():
            if analysis.graph.nodes[child].op is None:
                self.spread(analysis.values[child], self.symbols[child], child)

    def one_hot(self, place: int, told: Formula | None) -> None:
        """Say what a class that is given by its number is in the formula of a loss."""
        target = self.analysis.roles(place).get("target")
        if target is None or told is None or "target" not in told.values:
            return
        given, written = self.analysis.values[target], told.values["target"]
        if given.size < written.size and "one_hot" not in self._said:
            self._said.add("one_hot")
            name, one = formula_line(self.symbols[target]), given.size == 1
            self.say("one_hot" if one else "one_hots", name=name, label=number(float(given.flat[0])) if one else "")

    def names_at(self, place: int) -> dict[str, Math]:
        """Return what the children of a node are called in its formulas, and what a loss calls the prediction."""
        analysis = self.analysis
        names: dict[str, Math] = {role: self.math(child) for role, child in analysis.roles(place).items()}
        head = analysis.losses().get(place)
        return names if head is None else {**names, PREDICTED: predicted(head)}

    def prediction(self, loss: int, head: Head) -> None:
        """Say what the network predicts, where a loss is computed from what comes before its last layer."""
        analysis, aim = self.analysis, head.objective
        if not aim.fused:
            return
        last, place = aim.unscale or aim.last, analysis.roles(loss)[aim.prediction_role]
        assert isinstance(last, Op)
        below = {last.roles[0]: analysis.values[place]}
        self.blocks.append(Heading(3, Text("`{name}`", {"name": type(last).__name__}), "prediction", predicted(head)))
        parts = {"layer": last, "loss": aim.loss, "both": aim.op}
        names, line = {part: type(op).__name__ for part, op in parts.items()}, formula_line(self.math(place))
        if aim.unscale is None:
            self.say("fused", below=line, **names)
        else:
            self.say("unscaled", below=line, layer=names["layer"], loss=names["loss"])
        places, symbols = {last.roles[0]: place}, {last.roles[0]: self.math(place)}
        told, executed = self.written.textbook_of(last, below, places), self.written.of(last, below, places)
        result, said = self.written.array(last.forward(**below), place), ("function", page(type(last)).function)
        self.both_forms(predicted(head), told, executed, symbols, result, said)

    def the_cost(self) -> None:
        analysis = self.analysis
        self.heading("cost")
        self.say("cost_intro", value=number(analysis.loss))
        if analysis.penalised:
            self.say("cost_penalty", penalty=number(analysis.penalty), sum=number(analysis.cost))
        root = analysis.graph.root
        if root.op is not None and "²" in page(type(root.op)).function:
            self.say("squares")
        self.say("descent")
        parameters = sum(analysis.values[place].size for place in analysis.parameters())
        if parameters > 3:
            self.say("descent_many", parameters=f"{parameters:,}")

    def arrival(self, place: int) -> None:
        """Say what arrives at a node, path by path."""
        analysis = self.analysis
        self.node_heading(place, "backward")
        gradient, paths, words = analysis.gradients[place], analysis.paths[place], templates(self.words.language)
        if gradient is None:
            self.say("nothing")
            return
        left = self.partial(place, any(path.penalty is not None for path in paths))
        if len(paths) > 1:
            self.say("several", count=len(paths))
            for path in paths:
                if path.parent is None:
                    text = self.words("penalty_path", name=path.penalty)
                else:
                    text = self.words(
                        "path",
                        name=analysis.labels[path.parent],
                        role=role_name(analysis, path.parent, path.role, words),
                    )
                self.blocks.append(Paragraph(text))
            terms: list[Math | str] = []
            for path in paths:
                terms += [*(["+"] if terms else []), self.matrix(path.array, place)]
            self.blocks.append(Equation([Joined((left, "=", *terms)), Joined(("=", self.matrix(gradient, place)))]))
        else:
            self.blocks.append(Equation([Joined((left, "=", self.matrix(gradient, place)))], self.words("arrives")))
        self.spread(gradient, left, place)

    def backward(self, place: int) -> None:
        analysis, node = self.analysis, self.analysis.graph.nodes[place]
        assert node.op is not None
        self.arrival(place)
        gradient = analysis.gradients[place]
        if gradient is None:
            return
        derivatives, words = page(type(node.op)).derivatives, templates(self.words.language)
        for role, child in analysis.roles(place).items():
            named = {"name": analysis.labels[child], "role": role_name(analysis, place, role, words)}
            path = next((p for p in analysis.paths[child] if p.parent == place and p.role == role), None)
            if path is None:
                self.say("no_derivative", **named)
                continue
            self.say("hands", **named)
            line = derivatives.get(role) or derivatives.get((node.op.variadic or "") and role.rstrip("0123456789"))
            told, executed = self.written.textbook_backward(place, role), self.written.backward(place, role)
            symbols = {"dy": self.partial(place), "y": self.symbols[place], **self.names_at(place)}
            handed = self.written.array(path.array, child)
            self.both_forms(self.partial(child), told, executed, symbols, handed, ("local", line), place)
            if analysis.graph.nodes[child].op is None:  # what is computed below says so where it arrives
                self.spread(path.array, self.partial(child), child)

    def step(self, places: list[int]) -> None:
        analysis, network = self.analysis, self.analysis.network
        self.heading("update")
        if network is None:
            self.say("no_optimizer")
            return
        if not places:
            self.say("nothing_learnt")
            return
        state, optimizer = network.optimizer_state, network.optimizer
        rate = number(float(state.rate))
        self.say("update_intro", optimizer=type(optimizer).__name__, step=state.step, rate=rate)
        code = code_of(type(optimizer).update)
        if analysis.published:
            self.rule(analysis.published[max(places, key=lambda place: len(analysis.published[place]))])
            clipped = optimizer.clip_value is not None or optimizer.clip_norm is not None
            if clipped:
                self.say("clipped")
            kept, executed = executed_rule(type(optimizer))
            folded = [CodeBlock(self.words("update_code"), code)] if code else []
            if kept and executed:
                formulas = "\n".join([kept, *executed])
                folded.insert(0, CodeBlock(self.words("executed_rule"), formulas))
            if folded:
                self.blocks.append(Folded(self.words("lines_executed"), folded))
        else:
            rule = docstring(type(optimizer)).split("\n\nParameters\n")[0].split("\n\n")[0]
            self.blocks.append(CodeBlock(self.words("rule"), f"{rule}\n\n{code}".strip()))
        for place in places:
            before, after = analysis.values[place], analysis.after[place]
            left = self.symbols[place]
            self.node_heading(place, "update")
            change = after - before
            was, moved, now = (self.matrix(array, place) for array in (before, change, after))
            if analysis.published:
                line = [line for line in analysis.published[place] if line.name == WEIGHT][-1]
                self.line(line, self.letters(place), partial(self.written.array, place=place), now)
            else:
                self.blocks.append(Equation([Joined((left, "←", was, "+", moved)), Joined(("=", now))]))
            self.spread(change, Joined(("Δ", "", left)), place)
        self.step_agrees(places)
        if analysis.moved is not None and analysis.moved.place in places:
            self.one_number(analysis.moved)
        for node in analysis.graph.parameters:
            if node.frozen:
                self.say("stays", name=node.name)

    def rule(self, lines: list[Line]) -> None:
        """Write the rule of the optimizer as it was published."""
        letters: dict[str, Math] = {DERIVATIVE: Partial(self.cost, Symbol(WEIGHT))}
        self.say("published")
        self.blocks += [Equation([_assignment(line, letters)]) for line in lines]

    def letters(self, place: int) -> dict[str, Math]:
        """Return what the rule of the optimizer calls a parameter."""
        penalised = any(path.penalty is not None for path in self.analysis.paths[place])
        return {WEIGHT: self.symbols[place], DERIVATIVE: self.partial(place, penalised)}

    def line(
        self, line: Line, letters: dict[str, Math], written: Callable[[Array], Array], result: Math | None = None
    ) -> None:
        """Write a line of a rule, the same with its numbers, and what comes out."""
        numbers: dict[str, Math] = {name: Matrix(written(value)) for name, value in line.values.items()}
        lines = [_assignment(line, letters), Joined(("=", typeset(line.expression, {**letters, **numbers})))]
        lines.append(Joined(("=", Matrix(written(line.value)) if result is None else result)))
        self.blocks.append(Equation(lines))

    def lines_of_one(self, lines: list[Line], unit: Unit, symbol: Math) -> None:
        """Write each line of a rule with the numbers of one weight."""
        derivative = self.letters(unit.place)[DERIVATIVE]
        assert isinstance(derivative, Partial)
        letters = {WEIGHT: symbol, DERIVATIVE: Partial(derivative.of, symbol)}
        for line in lines:
            self.line(line, letters, lambda array: array[unit.index] if array.ndim else array)

    def step_agrees(self, places: list[int]) -> None:
        """Say how far the weights after the step are those of the published rule."""
        analysis = self.analysis
        if not analysis.published:
            return
        told = [compared(analysis.published[place][-1].value, analysis.after[place], STEP_UNITS) for place in places]
        worst = max(told, key=lambda agreement: agreement.error)
        if all(agreement.holds for agreement in told):
            self.say("step_agrees", error=_error(worst))
        else:
            self.say("step_disagrees", error=_error(worst))

    def one_number(self, moved: MovedNumber) -> None:
        """Follow one number through the optimizer: its published lines, and what the code reads and writes."""
        text = Text("`{name}`", {"name": self.analysis.labels[moved.place]})
        symbol = self.number_of(moved.place, moved.index)
        self.blocks.append(Heading(3, text, "one-number", symbol))
        published = self.analysis.published.get(moved.place, [])
        if published:
            self.say("one_number_published")
            self.lines_of_one(published, Unit(moved.place, moved.index), symbol)
        self.say("one_number")
        rows: list[list[Math | str | Text]] = [[name, Number(number(value)), ""] for name, value in moved.read.items()]
        rows += [[name, *(Number(number(value)) for value in pair)] for name, pair in moved.written.items()]
        self.blocks.append(TableBlock([self.words(key) for key in ("variable", "before", "after")], rows))
        assert self.analysis.network is not None
        kept, _ = executed_rule(type(self.analysis.network.optimizer))
        if kept and published:
            self.say("undivided", rule=kept)

    def proof(self, found: list[DerivativeProof]) -> None:
        words = self.words
        self.heading("proof")
        self.say("proof_intro", cost=formula_line(self.cost))
        if len(found) < sum(self.analysis.values[place].size for place in {proof.place for proof in found}):
            self.say("proof_few")
        rows: list[list[Math | str | Text]] = []
        for proof in found:
            slope = proof.slope
            name = self.number_of(proof.place, proof.index)
            measured: Math | Text = Number(f"{slope.measured + 0.0:.8g}")
            if slope.kink:
                low, high = sorted((slope.left, slope.right))
                measured = words("kink", low=number(low), high=number(high))
            off = Number(f"{slope.error:.1e}")
            rows.append([name, Number(f"{proof.given + 0.0:.8g}"), measured, off])
        self.blocks.append(TableBlock([words(key) for key in ("element", "by_chain", "by_difference", "off")], rows))


def _line(formula: Formula, symbols: dict[str, Math]) -> str | None:
    """Return a formula in one line, to compare; None if it is more."""
    if formula.result is None or formula.steps:
        return None
    constants = {name: Matrix(a) for name, a in formula.values.items() if name.startswith("constant_")}
    return formula_line(typeset(formula.result, {**symbols, **constants}))


def _step(name: str, symbols: dict[str, Math]) -> Symbol:
    """Return the symbol of a definition: its name, or that of a role that it changes, with a tilde."""
    role = symbols.get(name.removesuffix("\u0303"))
    if isinstance(role, Symbol) and name.endswith("\u0303"):
        name = unicodedata.normalize("NFC", f"{role.text}\u0303")
    return Symbol(name)


def _error(agreement: Agreement) -> str:
    return f"{agreement.error:.1e}" if agreement.error else "0"


def _assignment(line: Line, letters: dict[str, Math]) -> Math:
    """Return a line of a rule; what is computed from its own last value is an assignment."""
    sign = "←" if line.name in line.values else "="
    return Joined((letters.get(line.name, Symbol(line.name)), sign, typeset(line.expression, letters)))


def _fits(formula: Formula) -> bool:
    """Return whether a formula can be read once its variables are replaced by their numbers."""
    assert formula.result is not None
    names = [node.id for node in ast.walk(formula.result) if isinstance(node, ast.Name)]
    shown = [cells(formula.values[name]) for name in names if name in formula.values]
    if isinstance(formula.result, ast.Call) and sum(len(rows[0]) for rows in shown) > MOST_BESIDE:
        return False
    return 0 < sum(sum(map(len, rows)) for rows in shown) <= MOST_WRITTEN


_SHORT = {"weights": "W", "bias": "b"}
_LETTERS = ("x", "y", "z", "a", "W", "b", "C", "R", "ŷ", "η")  # that a page uses for something else than a name


def predicted(head: Head) -> Symbol:
    """Return the symbol of what a head predicts."""
    return Symbol(f"ŷ.{head.name}" if head.name else "ŷ")


def symbols_of(analysis: Analysis) -> list[Symbol]:
    """Return the symbol of every node."""
    graph = analysis.graph
    found: dict[int, Symbol] = {}
    taken: set[str] = set()

    def call(place: int, symbol: Symbol | None = None) -> None:
        if place in found:
            return
        label, twin = analysis.labels[place], 1
        if symbol is None or formula_line(symbol) in taken:
            symbol = Symbol(label)
            reserved = _LETTERS if analysis.network is not None and label not in graph.inputs else ()
            while formula_line(symbol) in taken or symbol.text in reserved:
                twin += 1
                symbol = Symbol(f"{label}_{twin}")
        found[place] = symbol
        taken.add(formula_line(symbol))

    call(analysis.root, COST)
    for loss, head in analysis.losses().items():
        prediction, target = list(analysis.roles(loss).values())[:2]
        if head.name:
            call(loss, Symbol(analysis.labels[loss]))
        else:
            scaled = isinstance(graph.nodes[target].op, Scaled)
            call(analysis.roles(target)["target"] if scaled else target, Symbol("y"))
        if not head.objective.fused and graph.nodes[prediction].op is not None:
            call(prediction, predicted(head))
    layer_of: dict[int, int] = {}
    layers = 0
    for place, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        roles = analysis.roles(place)
        own = [child for child in roles.values() if isinstance(graph.nodes[child], Parameter)]
        if own:
            layers += 1
            layer_of[place] = layers
            call(place, Symbol("z", layers))
            for child in own:
                leaf = graph.nodes[child]
                short = leaf.name.rsplit(".", 1)[-1] if analysis.network else leaf.name
                call(child, Symbol(_SHORT[short], layers) if short in _SHORT else Symbol(leaf.name))
            continue
        below = [layer_of[child] for child in roles.values() if child in layer_of]
        if len(below) == 1 and analysis.network is not None:
            layer_of[place] = below[0]
            call(place, Symbol("a", below[0]))
    for place in range(len(graph.nodes)):
        call(place)
    return [found[place] for place in range(len(graph.nodes))]


def in_formula(analysis: Analysis, symbols: list[Symbol], place: int) -> Math:
    """Return what stands for a node in a formula: its symbol, or its number if it is an unnamed constant."""
    node = analysis.graph.nodes[place]
    if node.op is None and not node.name and analysis.values[place].size == 1:
        return Matrix(analysis.values[place].reshape(()))
    return symbols[place]
