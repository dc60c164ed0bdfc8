"""An explanation put together: what a step did, as sentences and formulas, section by section."""

from __future__ import annotations

import ast

import numpy as np

from chainrule.explain.analysis import MOST_PROVEN, Analysis, DerivativeProof, MovedNumber, proofs
from chainrule.explain.columns import NOTHING, Columns, Rows
from chainrule.explain.document import (
    Block,
    CodeBlock,
    Document,
    Drawing,
    Equation,
    Heading,
    Messages,
    NetworkDrawing,
    OpLine,
    Paragraph,
    Spread,
    TableBlock,
    Text,
    histogram,
)
from chainrule.explain.notation import Fence, Joined, Math, Matrix, Number, Partial, Symbol, cells, is_large, number
from chainrule.explain.one_neuron import name_of
from chainrule.explain.one_weight import beginning_blocks, element_blocks
from chainrule.explain.op_formulas import Formula, code_of, typeset
from chainrule.explain.paths import Unit
from chainrule.explain.text_layout import formula_line
from chainrule.explain.the_sample import sample_blocks
from chainrule.explain.whole_gradient import gradient_blocks
from chainrule.graph import Input, Parameter, State
from chainrule.nn.heads import Head
from chainrule.ops.docstrings import docstring
from chainrule.ops.op import Array, Op
from chainrule.ops.pages import page
from chainrule.ops.scaling import Scaled

COST, PENALTY = Symbol("C"), Symbol("R")
MOST_DRAWN = 80  # nodes
_OF_ROWS = ("@", "ᵀ", "row", "column", "axis", "samples", "Σ")  # what an op's line says of rows, in columns is another
MOST_WRITTEN = 160  # numbers in a formula
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Builder:
    """Writes the blocks of one explanation."""

    def __init__(self, analysis: Analysis, words: Messages, notation: str = "rows") -> None:
        self.analysis, self.words = analysis, words
        self.written = {"rows": Rows, "columns": Columns}[notation](analysis)
        self.symbols = symbols_of(analysis)
        self.blocks: list[Block] = []

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
        self.proof(proofs(analysis))
        return document

    def element(self, unit: Unit) -> Document:
        """Return the explanation of one number: a weight, a bias, what a neuron says."""
        words, name = self.words, formula_line(name_of(self, unit))
        title = words("title_element", name=self.analysis.labels[unit.place], symbol=name)
        document = Document(words.language, words.right_to_left, title, self.blocks)
        self.blocks += [*sample_blocks(self), *element_blocks(self, unit)]
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
            caption = self.words(f"drawn_{show}", cost="(C + R)" if self.analysis.penalty else "C")
            self.blocks.append(NetworkDrawing(caption, self.words.language, show, highlight))

    def node_heading(self, place: int, way: str) -> None:
        text = Text("`{name}`", {"name": self.analysis.labels[place]})
        self.blocks.append(Heading(3, text, f"{way}-{place}", self.symbols[place]))

    def math(self, place: int) -> Math:
        return in_formula(self.analysis, self.symbols, place)

    def partial(self, place: int, penalised: bool = False) -> Math:
        """Return ∂C/∂…, of the loss on the data alone, or with the penalty that is added to it."""
        return self.derivative_of(self.symbols[place], penalised)

    def derivative_of(self, by: Math, penalised: bool = False) -> Math:
        """Return ∂C/∂by, or with the penalty ∂(C + R)/∂by."""
        return Partial(Fence("(", Joined((COST, "+", PENALTY)), ")") if penalised else COST, by)

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

    def formula(self, left: Math, formula: Formula, symbols: dict[str, Math], result: Array) -> None:
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
            names[step] = Symbol(f"t{i + 1}".translate(_SUBSCRIPTS)) if formula.recorded else Symbol(step)
            lines: list[Math] = [Joined((names[step], "=", typeset(expression, names)))]
            if formula.recorded and formula.short:
                lines.append(Joined(("=", Matrix(formula.values[step]))))
            self.blocks.append(Equation(lines, self.words("executed") if i == 0 else None))
        lines = [Joined((left, "=", typeset(formula.result, names)))]
        numbers: dict[str, Math] = {name: Matrix(array) for name, array in formula.values.items()}
        if formula.short and not isinstance(formula.result, ast.Name) and 0 < _written(formula) <= MOST_WRITTEN:
            lines.append(Joined(("=", typeset(formula.result, {**names, **numbers}))))
        lines.append(Joined(("=", Matrix(result))))
        self.blocks.append(Equation(lines, None if formula.steps else self.words("executed")))

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
        self.blocks.append(TableBlock([words(key) for key in ("symbol", "node", "kind", "shape")], rows))
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
        formula = self.written.forward(place)
        self.op_line("function", page(type(node.op)).function)
        symbols = {role: self.math(child) for role, child in analysis.roles(place).items()}
        self.formula(self.symbols[place], formula, symbols, self.written.array(analysis.values[place], place))
        self.spread(analysis.values[place], self.symbols[place], place)
        for child in analysis.roles(place).values():
            if analysis.graph.nodes[child].op is None:
                self.spread(analysis.values[child], self.symbols[child], child)

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
        self.op_line("function", page(type(last)).function)
        formula = self.written.of(last, below, {last.roles[0]: place})
        result = self.written.array(last.forward(**below), place)
        self.formula(predicted(head), formula, {last.roles[0]: self.math(place)}, result)

    def the_cost(self) -> None:
        analysis = self.analysis
        self.heading("cost")
        self.say("cost_intro", value=number(analysis.loss))
        if analysis.penalty:
            self.say("cost_penalty", penalty=number(analysis.penalty), sum=number(analysis.cost))
        root = analysis.graph.root
        if root.op is not None and "²" in page(type(root.op)).function:
            self.say("squares")
        self.say("descent", parameters=f"{sum(analysis.values[place].size for place in analysis.parameters()):,}")

    def arrival(self, place: int) -> None:
        """Say what arrives at a node, path by path."""
        analysis = self.analysis
        self.node_heading(place, "backward")
        gradient, paths = analysis.gradients[place], analysis.paths[place]
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
                    text = self.words("path", name=analysis.labels[path.parent], role=path.role)
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
        derivatives = page(type(node.op)).derivatives
        for role, child in analysis.roles(place).items():
            named = {"name": analysis.labels[child], "role": role}
            path = next((p for p in analysis.paths[child] if p.parent == place and p.role == role), None)
            if path is None:
                self.say("no_derivative", **named)
                continue
            self.say("hands", **named)
            line = derivatives.get(role) or derivatives.get((node.op.variadic or "") and role.rstrip("0123456789"))
            if line:
                self.op_line("local", line)
            formula = self.written.backward(place, role)
            symbols: dict[str, Math] = {"dy": self.partial(place), "y": self.symbols[place]}
            symbols |= {other: self.math(of) for other, of in analysis.roles(place).items()}
            self.formula(self.partial(child), formula, symbols, self.written.array(path.array, child))
            if analysis.graph.nodes[child].op is None:  # what is computed below says so where it arrives
                self.spread(path.array, self.partial(child), child)

    def step(self, places: list[int]) -> None:
        analysis, network = self.analysis, self.analysis.network
        self.heading("update")
        if network is None:
            self.say("no_optimizer")
            return
        state, optimizer = network.optimizer_state, network.optimizer
        rate = number(float(state.rate))
        self.say("update_intro", optimizer=type(optimizer).__name__, step=state.step, rate=rate)
        rule = docstring(type(optimizer)).split("\n\nParameters\n")[0].split("\n\n")[0]
        code = code_of(type(optimizer).update)
        self.blocks.append(CodeBlock(self.words("rule"), f"{rule}\n\n{code}".strip()))
        for place in places:
            before, after = analysis.values[place], analysis.after[place]
            left = self.symbols[place]
            self.node_heading(place, "update")
            change = after - before
            was, moved, now = (self.matrix(array, place) for array in (before, change, after))
            self.blocks.append(Equation([Joined((left, "←", was, "+", moved)), Joined(("=", now))]))
            self.spread(change, Joined(("Δ", "", left)), place)
        if analysis.moved is not None and analysis.moved.place in places:
            self.one_number(analysis.moved)
        for node in analysis.graph.parameters:
            if node.frozen:
                self.say("stays", name=node.name)

    def one_number(self, moved: MovedNumber) -> None:
        """Follow one number through the optimizer: what it reads and what it writes."""
        text = Text("`{name}`", {"name": self.analysis.labels[moved.place]})
        self.blocks.append(Heading(3, text, "one-number", self.number_of(moved.place, moved.index)))
        self.say("one_number")
        rows: list[list[Math | str | Text]] = [[name, "", Number(number(value))] for name, value in moved.read.items()]
        rows += [[name, *(Number(number(value)) for value in pair)] for name, pair in moved.written.items()]
        self.blocks.append(TableBlock([self.words(key) for key in ("variable", "before", "after")], rows))

    def proof(self, found: list[DerivativeProof]) -> None:
        words = self.words
        self.heading("proof")
        self.say("proof_intro", cost="(C + R)" if self.analysis.penalty else "C")
        if any(self.analysis.values[proof.place].size > MOST_PROVEN for proof in found):
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


def _written(formula: Formula) -> int:
    """Return how many numbers a formula has once its variables are replaced by theirs."""
    assert formula.result is not None
    names = [node.id for node in ast.walk(formula.result) if isinstance(node, ast.Name)]
    return sum(sum(map(len, cells(formula.values[name]))) for name in names if name in formula.values)


_SHORT = {"weights": "W", "bias": "b"}


def predicted(head: Head) -> Symbol:
    """Return the symbol of what a head predicts."""
    return Symbol(f"ŷ.{head.name}" if head.name else "ŷ")


def symbols_of(analysis: Analysis) -> list[Symbol]:
    """Return the symbol of every node."""
    graph = analysis.graph
    found: dict[int, Symbol] = {}
    taken: set[Symbol] = set()

    def call(place: int, symbol: Symbol) -> None:
        if place not in found:
            symbol = symbol if symbol not in taken else Symbol(analysis.labels[place])
            found[place] = symbol
            taken.add(symbol)

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
        call(place, Symbol(analysis.labels[place]))
    return [found[place] for place in range(len(graph.nodes))]


def in_formula(analysis: Analysis, symbols: list[Symbol], place: int) -> Math:
    """Return what stands for a node in a formula: its symbol, or its number if it is an unnamed constant."""
    node = analysis.graph.nodes[place]
    if node.op is None and not node.name and analysis.values[place].size == 1:
        return Matrix(analysis.values[place].reshape(()))
    return symbols[place]
