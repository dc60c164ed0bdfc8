"""What `explain` says is what the program computed: its numbers are read back and compared, its derivatives proven."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt

import chainrule as cr
from chainrule.explain import Explanation, explain
from chainrule.explain.document import Text, templates
from chainrule.explain.op_formulas import code_of

XOR = cr.data.xor()


def xor_network(**settings: Any) -> Any:
    layers = [cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Tanh()]
    return cr.Network(layers, **{"loss": cr.MeanSquaredError(), "optimizer": cr.SGD(0.1), **settings})


def deep_network(**settings: Any) -> Any:
    layers: list[Any] = [
        cr.Dense(4, inputs=5),
        cr.Sigmoid(),
        cr.Dense(4),
        cr.ReLU(),
        cr.Dense(4),
        cr.Tanh(),
        cr.Dense(1),
    ]
    return cr.Network(layers, **{"optimizer": cr.Adam(0.01), **settings})


_random = np.random.default_rng(3)
NETWORKS = {
    "2-3-1": (xor_network, *XOR),
    "2-3-1-penalised": (lambda: xor_network(l2=0.1), *XOR),
    "5-4-4-4-1": (deep_network, _random.normal(size=(6, 5)), _random.normal(size=(6, 1))),
    "5-4-4-4-1-float64": (
        lambda: deep_network(dtype="float64"),
        _random.normal(size=(6, 5)),
        _random.normal(size=(6, 1)),
    ),
}


def to_digits(array: Any) -> list[float]:
    return [float(f"{value:.4g}") for value in np.asarray(array, np.float64).reshape(-1)]


def sections(page: str, way: str) -> dict[int, list[ET.Element]]:
    """Return the formulas of each node's section in an HTML explanation."""
    found = {}
    for piece in re.split(r"<h[23] ", page)[1:]:
        head = re.match(rf'id="{way}-(\d+)"', piece)
        if head:
            formulas = piece.split("</h3>", 1)[1]
            found[int(head[1])] = [ET.fromstring(m) for m in re.findall(r"<math.*?</math>", formulas)]
    return found


def last_numbers(formula: ET.Element) -> list[float]:
    """Return the numbers of the last matrix in a formula, or its last number."""
    tables = list(formula.iter("mtable"))
    cells = list((tables[-1] if tables else formula).iter("mn"))
    cells = cells if tables else cells[-1:]
    return [float(str(cell.text).replace("−", "-")) for cell in cells]


def stepped(network: Any, x: Any, y: Any) -> Any:
    """Return the network after a training step on the first sample, and its parameters from before."""
    twin = network.copy()
    twin.compute_loss(x[:1], y[:1])
    twin.backward()
    return twin


@pytest.mark.parametrize("name", NETWORKS)
def test_the_numbers_on_the_page_are_the_programs_own(name: str) -> None:
    make, x, y = NETWORKS[name]
    network = make()
    page = str(explain(network, x, y, sample=0, format="html"))
    twin = stepped(network, x, y)
    nodes = cr.Graph(list(twin.nodes.values())[-1]).nodes
    values = [node.value.copy() for node in nodes]
    gradients = [None if node.grad is None else node.grad.copy() for node in nodes]
    forward, backward, update = (sections(page, way) for way in ("forward", "backward", "update"))
    assert set(forward) == {i for i, node in enumerate(nodes) if node.op is not None}
    for i, formulas in forward.items():
        assert last_numbers(formulas[-1]) == to_digits(values[i])
    for i, formulas in backward.items():
        arrived = formulas[1] if name.endswith("penalised") and nodes[i].op is None else formulas[0]
        assert last_numbers(arrived) == to_digits(gradients[i])
    assert len(update) == sum(isinstance(node, cr.Parameter) for node in nodes)
    twin.optimize()
    for i, formulas in update.items():
        assert last_numbers(formulas[-1]) == to_digits(nodes[i].value)


@pytest.mark.parametrize("name", ["2-3-1", "5-4-4-4-1"])
def test_the_numbers_in_the_terminal_are_the_programs_own(name: str) -> None:
    make, x, y = NETWORKS[name]
    network = make()
    text = str(explain(network, x, y, sample=0))
    twin = stepped(network, x, y)
    forward = text.split("\nForward:")[1].split("\nThe cost\n")[0]
    found = {}
    for piece in forward.split("\n▪ ")[1:]:
        textbook = re.split("Executed as it stands|As it is executed", piece)[0]
        lines = [line for line in textbook.splitlines() if line.strip()]
        numbers = re.findall(r"-?\d[\d.]*(?:e[+-]\d+)?", lines[-1])
        found[lines[0].split()[-1]] = [float(value) for value in numbers]
    assert found == {name: to_digits(node.value) for name, node in twin.nodes.items() if node.op is not None}


@pytest.mark.parametrize("name", NETWORKS)
def test_finite_differences_agree_to_six_digits(name: str) -> None:
    make, x, y = NETWORKS[name]
    for sample in (1, 3, None):
        told = json.loads(str(explain(make(), x, y, sample=sample, format="json")))
        assert len({proof["node"] for proof in told["proof"]}) == len(make().leaves)
        assert all(proof["error"] < 1e-6 for proof in told["proof"] if not proof["kink"])
        assert sum(abs(proof["by_chain"]) > 1e-4 for proof in told["proof"]) >= 6


def test_the_proof_sees_a_wrong_derivative() -> None:
    class Wrong(cr.Op):
        """y = z²
        ∂z = ∂y · 2z"""

        def forward(self, z: Any) -> Any:
            return z * z

        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return dict(z=dy * 2.001 * z)

    network = cr.Network([cr.Dense(3, inputs=2), Wrong(), cr.Dense(1)], loss=cr.MeanSquaredError())
    told = json.loads(str(explain(network, *XOR, sample=1, format="json")))
    errors = {proof["node"]: proof["error"] for proof in told["proof"] if proof["by_chain"]}
    assert errors["dense_1.bias"] > 1e-4
    assert errors["dense_2.bias"] < 1e-6


def test_parameters_are_counted_as_dimensions() -> None:
    _, x, y = NETWORKS["5-4-4-4-1"]
    assert "56 weights + 13 biases = 69 parameters" in " ".join(str(explain(deep_network(), x, y)).split())


def test_an_explanation_says_what_the_notation_promises() -> None:
    text = " ".join(str(explain(xor_network(), *XOR, sample=2)).split())
    for sentence in (
        "z⁽¹⁾ = x @ W⁽¹⁾ + b⁽¹⁾",
        "a⁽¹⁾ = tanh(z⁽¹⁾)",
        "∂C/∂W⁽²⁾ = a⁽¹⁾ᵀ @ ∂C/∂z⁽²⁾",
        "∂C/∂z⁽²⁾ = ∂C/∂ŷ · (1 − ŷ²)",
        "Executed as it stands here; computed once more in float64, it differs by",
        "depends on three things",
        "Why the square?",
        "Explained for sample 2",
    ):
        assert sentence in text


def test_explaining_changes_nothing() -> None:
    network = cr.Network([cr.Dense(4, inputs=2), cr.ReLU(), cr.Dropout(0.5), cr.Dense(1)], optimizer=cr.Adam())
    network.compute_loss(*XOR)
    network.backward()
    before = network.parameters.copy(), network.gradients.copy(), network.snapshot()["generators"]
    explain(network, *XOR, format="html")
    after = network.parameters, network.gradients, network.snapshot()["generators"]
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert before[2] == after[2]
    assert network.optimizer_state.step == 0


@pytest.mark.parametrize("language", ["en", "he"])
@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "json"])
def test_the_same_network_gives_the_same_text(form: str, language: str) -> None:
    first, second = (str(explain(xor_network(), *XOR, format=form, language=language)) for _ in range(2))
    assert first == second
    assert first.endswith("\n")


def test_several_paths_are_a_sum() -> None:
    x, w = cr.Input("x", [[2.0]]), cr.Parameter("w", [[3.0]])
    loss = cr.mean(x=cr.tanh(z=w * x) + w * w)
    told = json.loads(str(explain(loss, format="json")))
    node = next(node for node in told["nodes"] if node["name"] == "w")
    assert [path["role"] for path in node["paths"]] == ["a", "b", "a"]
    assert np.isclose(sum(np.sum(path["derivative"]) for path in node["paths"]), np.sum(node["derivative"]))
    assert "3 paths lead from here to the cost" in " ".join(str(explain(loss, node="w")).split())


def test_a_penalty_is_a_path_of_its_own() -> None:
    text = " ".join(str(explain(xor_network(l2=0.1), *XOR, sample=0)).split())
    assert "by way of the penalty L2Penalty(factor=0.1)" in text
    network = xor_network(l2=0.1)
    cost = network.compute_loss(XOR.X[:1], XOR.y[:1])
    loss, penalty = f"{cost - network.penalty():.4g}", f"{network.penalty():.4g}"
    assert f"C = {loss}." in text
    assert f"R = {penalty}. What is differentiated, and made smaller, is their sum, C + R = {cost:.4g}" in text
    assert "∂(C + R)/∂W⁽¹⁾ = " in text
    assert "∂C/∂W⁽¹⁾ = xᵀ @ ∂C/∂z⁽¹⁾" in text
    assert "((C + R)(w−2h)" in text
    assert " L " not in text
    assert "/∂L" not in text
    assert "R" not in str(explain(xor_network(), *XOR)).split()


def test_two_weighted_sums_in_a_row_are_pointed_out() -> None:
    network = cr.Network([cr.Dense(3, inputs=2), cr.Dense(1)])
    text = " ".join(str(explain(network, *XOR)).split())
    assert "dense_2 follows dense_1 with no activation between them" in text
    assert "no activation between them" not in str(explain(xor_network(), *XOR))


def test_one_node_can_be_explained_alone() -> None:
    network = xor_network()
    text = str(explain(network, *XOR, node="dense_2"))
    assert "z⁽²⁾ = a⁽¹⁾ @ W⁽²⁾ + b⁽²⁾" in text
    assert "tanh(z⁽¹⁾)" not in text
    assert "dense_1.bias" not in text


def test_large_matrices_are_shown_by_their_corner() -> None:
    network = cr.Network([cr.Dense(30, inputs=40), cr.ReLU(), cr.Dense(1)])
    x = np.random.default_rng(0).normal(size=(2, 40))
    text = str(explain(network, x, [[0.0], [1.0]]))
    assert "z⁽¹⁾: shape 1×30, norm" in text
    assert "W⁽¹⁾: shape 40×30, norm" in text
    assert "∂C/∂W⁽¹⁾: shape 40×30, norm" in text
    assert "█" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", ["2-3-1", "5-4-4-4-1"])
def test_lines_end_where_the_page_does_and_no_number_is_lost(name: str, width: int) -> None:
    make, x, y = NETWORKS[name]
    wide, narrow = (str(explain(make(), x, y, sample=None, width=w)) for w in (10_000, width))
    code = wide.split("def update(")[1].split("▪")[0].splitlines()  # stands as it is written
    long = [line for line in narrow.splitlines() if len(line) > width]
    assert [line for line in long if "def update(" not in line and line not in code] == []
    matrices = ("".join(c for c in text.split("\nForward:")[1] if c.isdigit() or c == ".") for text in (wide, narrow))
    assert sorted(next(matrices)) == sorted(next(matrices))


class _Named(cr.Op):
    """y = samples · np
    ∂samples = ∂y · np
    ∂np = ∂y · samples"""

    def forward(self, samples: Any, np: Any) -> Any:
        return samples * np

    def backward(self, dy: Any, y: Any, samples: Any, np: Any) -> Any:
        return dict(samples=dy * np, np=dy * samples)


def test_an_op_whose_roles_are_called_as_a_page_calls_things_is_explained() -> None:
    node = cr.Node(_Named(), {"samples": cr.Parameter("a", [1.0, 2.0]), "np": cr.Parameter("b", [3.0, 4.0])})
    text = str(explain(cr.sum(x=node), width=140))
    assert "a · b" in text
    assert "[ 3  8 ]" in text


@pytest.mark.parametrize("name", ["  w", "w ", "- w", "# w", "www.w", "[w](w)", "**w**", "<b>", "`", "~~~", "$x$"])
def test_in_markdown_a_name_is_a_name(name: str) -> None:
    loss = cr.sum(x=cr.tanh(z=cr.Parameter("weights", [1.0, 2.0]), name=name))
    rendered = MarkdownIt("commonmark").render(str(explain(loss, format="markdown")))
    assert f"<em>{escape(name)}</em>" in rendered
    assert set(re.findall(r"<(\w+)", rendered)) == {"h1", "h2", "h3", "p", "em", "pre", "code"}


def test_on_lines_of_hebrew_what_is_isolated_ends_on_its_line() -> None:
    loss = cr.sum(x=cr.tanh(z=cr.Parameter("weights", [1.0, 2.0]), name="a name of many words " * 8))
    for line in str(explain(loss, language="he")).splitlines():
        assert re.fullmatch("([^\u2066\u2069]|\u2066[^\u2066\u2069]*\u2069)*", line), ascii(line)


def test_a_penalty_that_is_0_belongs_to_the_cost_all_the_same() -> None:
    network = xor_network(l2=0.1)
    network.parameters[:] = 0
    text = prose(network)
    assert "∂(C + R)/∂W⁽²⁾ = " in text
    assert "∇(C + R) is the vector" in text
    assert "((C + R)(w−2h) −" in text


def test_what_a_fused_network_predicts_is_said() -> None:
    network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
    text = str(explain(network, *XOR, sample=1))
    predicted = text.split("▪ ŷ   Sigmoid")[1].split("▪ C")[0]
    assert "computed as one op, SigmoidBinaryCrossEntropy, from z⁽²⁾" in " ".join(predicted.split())
    (last,) = re.findall(r"[\d.]+", predicted.split("As it is executed")[0].strip().splitlines()[-1])
    assert [float(last)] == to_digits(cr.predict(network, XOR.X)[1])
    assert "▪ ŷ   " not in str(explain(cr.Network([cr.Dense(1, inputs=2)]), *XOR)).split("The cost")[1]


@pytest.mark.parametrize("optimizer", [cr.SGD(0.1, momentum=0.9), cr.Adam(0.05), cr.RMSProp(), cr.SGD(0.2)], ids=repr)
def test_one_number_is_followed_through_the_optimizer(optimizer: Any) -> None:
    network = xor_network(optimizer=optimizer)
    network.freeze("dense_1.bias")
    x, y = XOR.X[1:], XOR.y[1:]  # the very first sample, (0, 0), has no derivative at the start
    twin = stepped(network, x, y)
    gradients = {name: leaf.grad for name, leaf in twin.leaves.items() if leaf.grad is not None and not leaf.frozen}
    name = max(gradients, key=lambda key: float(np.abs(gradients[key]).max()))
    index = np.unravel_index(np.abs(gradients[name]).argmax(), gradients[name].shape)
    gradient, before = gradients[name][index], twin.leaves[name].value[index]
    twin.optimize()
    text = str(explain(network, x, y, sample=0))
    rows = dict(re.findall(r"^    (\w+) +([-\d. e+]+)$", text.split("One number in full")[1], re.MULTILINE))
    assert f"[{', '.join(map(str, index))}]   {name}" in text
    assert gradient
    assert rows["gradient"].split() == [f"{gradient:.4g}"]
    assert rows["weights"].split() == [f"{before + 0.0:.4g}", f"{twin.leaves[name].value[index]:.4g}"]
    assert set(optimizer.slots) <= set(rows)


def test_networks_of_every_kind_are_explained() -> None:
    layers = [cr.Rescale(0.5), cr.Dense(4), cr.Residual([cr.Dense(4), cr.SiLU()]), cr.Dropout(0.2), cr.Dense(3)]
    network = cr.Network([*layers, cr.Softmax()], inputs=2, optimizer=cr.RMSProp(cr.CosineDecay(0.1)), engine="dynamic")
    network.freeze("dense_1")
    text = str(explain(network, XOR.X, [0, 1, 2, 1], sample=None))
    assert "dense_1.weights is frozen" in text
    assert "batch of 4 samples" in text


@pytest.mark.parametrize("language", ["en", "he"])
def test_every_sentence_exists_in_every_language(language: str) -> None:
    english, other = templates("en"), templates(language)
    assert set(other) == set(english)
    for key, template in english.items():
        fields = set(re.findall(r"\{(\w+)", template))
        assert set(re.findall(r"\{(\w+)", other[key])) == fields
        assert template.count("`") % 2 == other[key].count("`") % 2 == 0


@pytest.mark.parametrize(
    ("of", "options", "message"),
    [
        ("network", {"x": None}, "without x"),
        ("network", {"y": None}, "without y"),
        ("network", {"sample": 9}, "sample=9"),
        ("network", {"node": "dens_1"}, "Did you mean 'dense_1'"),
        ("network", {"format": "pdf"}, "'pdf'"),
        ("network", {"language": "fr"}, "'fr'"),
        ("network", {"width": 39}, "explain width"),
        ("network", {"width": 100, "format": "html"}, "width=100 with format='html'"),
        ("network", {"width": 40, "format": "json"}, "width=40 with format='json'"),
        ("node", {"x": 1}, "beside a graph"),
        ("node", {"sample": 3}, "sample=3 with a graph built by hand"),
        ("node", {"sample": None}, "sample=None with a graph built by hand"),
        ("node", {"dropout": True}, "dropout=True with a graph built by hand"),
        ("matrix", {}, "a loss: one number"),
        ("nothing", {}, "a cr.Network"),
    ],
)
def test_bad_input_gets_one_clear_error(of: str, options: dict[str, Any], message: str) -> None:
    w = cr.Parameter("w", [[1.0, 2.0]])
    subjects = {"network": xor_network(), "node": cr.mean(x=w), "matrix": w * w, "nothing": 3}
    data = {"x": XOR.X, "y": XOR.y} if of == "network" else {}
    with pytest.raises(cr.ChainruleError, match=re.escape(message)):
        explain(subjects[of], **{**data, **options})


def test_an_explanation_is_saved_in_one_piece(tmp_path: Any) -> None:
    explanation = explain(xor_network(), *XOR, format="html")
    assert isinstance(explanation, Explanation)
    path = explanation.save(tmp_path / "xor.html")
    assert path.read_text("utf-8") == str(explanation)
    assert "<iframe" in explanation._repr_html_()


def test_the_room_is_called_like_the_function() -> None:
    assert str(cr.explain(xor_network(), *XOR)) == str(explain(xor_network(), *XOR))


def test_several_heads_are_explained_each_with_its_loss_and_its_prediction() -> None:
    heads = cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(3), cr.Softmax()]})
    network = cr.Network([cr.Dense(2, "tanh"), heads], loss_weights={"kind": 0.5}, inputs=2)
    text = str(explain(network, [[0.5, 1.0]], {"price": [[2.0]], "kind": [1]}))
    assert "C = price_loss + 0.5 · kind_loss" in text
    assert "∂C/∂kind_loss = 0.5" in text
    assert "▪ ŷ.kind   Softmax" in text
    assert re.search(r"ŷ\.price +heads_1\.dense_1", text)


def prose(network: Any, sample: int | None = 1, **options: Any) -> str:
    return " ".join(str(explain(network, *XOR, sample=sample, **options)).split())


def test_the_textbook_form_stands_first_and_what_is_executed_beneath_it() -> None:
    network = cr.Network([cr.Dense(3, inputs=2), cr.Sigmoid(), cr.Dense(1), cr.Tanh()], loss=cr.MeanSquaredError())
    text = prose(network)
    first, beneath = "a⁽¹⁾ = 1 / (1 + e^(−z⁽¹⁾))", "a⁽¹⁾ = e^(min(z⁽¹⁾, 0)) / (1 + e^(−|z⁽¹⁾|))"
    assert re.search(f"{re.escape(first)} = .*? As it is executed.*?differ by [\\d.e-]+: {re.escape(beneath)}", text)
    assert "∂C/∂z⁽¹⁾ = ∂C/∂a⁽¹⁾ · a⁽¹⁾ · (1 − a⁽¹⁾)" in text
    assert "∂C/∂ŷ = 2 · (ŷ − y)" in text
    page = str(explain(network, *XOR, sample=1, format="html"))
    assert page.count("<details>") == page.count("</details>") == text.count("As it is executed") + 1  # and the step


@pytest.mark.parametrize("notation", ["rows", "columns"])
@pytest.mark.parametrize(
    ("last", "y", "cost"),
    [
        (cr.Sigmoid(), XOR.y, "C = mean(−y · log(ŷ) − (1 − y) · log(1 − ŷ))"),
        (cr.Softmax(), [0, 1, 1, 0], "C = mean(−Σ{} (y · log(ŷ)))"),
    ],
    ids=["sigmoid", "softmax"],
)
def test_a_fused_loss_hands_down_prediction_minus_truth(notation: str, last: Any, y: Any, cost: str) -> None:
    network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1 if last.name == "sigmoid" else 2), last])
    text = " ".join(str(explain(network, XOR.X, y, sample=1, notation=notation)).split())
    assert re.search(r"∂C/∂z⁽²⁾ = ŷ − y = (\[|⎡)", text)
    cost = cost.format("₁") if notation == "rows" else cost.format("₀").replace("·", "⊙")
    assert cost in text


@pytest.mark.parametrize("notation", ["rows", "columns"])
@pytest.mark.parametrize("rows", [False, True], ids=["numbers of classes", "rows"])
def test_the_loss_of_one_sample_is_the_logarithm_of_its_true_class_with_its_number(notation: str, rows: bool) -> None:
    network = cr.Network([cr.Dense(10), cr.Softmax()], inputs=3, seed=1)
    x, y = np.ones((2, 3)), np.array([7, 0])
    told: Any = {"sample": 0, "notation": notation}
    text = str(explain(network, x, np.eye(10)[y] if rows else y, **told))
    (p,) = re.findall(r"= −log\(ŷ\[7\]\)\n *= −log\((.*)\)\n", text)
    assert [float(p)] == to_digits(cr.predict(network, x)[0, 7])
    assert "log(ŷ[" not in str(explain(network, x, y, sample=None, notation=notation))
    smoothed = network.copy(loss=cr.CategoricalCrossEntropy(label_smoothing=0.1))
    assert "log(ŷ[" not in str(explain(smoothed, x, y, **told))


def test_a_step_is_the_published_rule_with_its_numbers() -> None:
    text = prose(xor_network(optimizer=cr.SGD(0.5)))
    assert re.search(r"W⁽²⁾ ← W⁽²⁾ − η · ∂C/∂W⁽²⁾ (?:⎡.*?)?= .*? − 0\.5 · ", text)
    assert "Computed by the published rule in float64, the new values differ from the program's by" in text
    assert "clipping" not in text
    adam = prose(xor_network(optimizer=cr.Adam(0.05, clip_norm=0.1)))
    one = adam.split("One number in full")[1]
    for line in ("m ← β₁ · m + (1 − β₁) · ∂C/∂", "v̂ = v / (1 − β₂^t) = ", "(η · m̂) / (√v̂ + ε) = "):
        assert line in one
    assert "the derivative after clipping" in adam


def test_letters_never_change_their_meaning_on_a_page() -> None:
    for notation in ("rows", "columns"):
        layers = [cr.Dense(3, "silu"), cr.Dense(3, "gelu"), cr.Dense(2), cr.Softmax()]
        network = cr.Network(layers, inputs=2, loss=cr.CategoricalCrossEntropy(label_smoothing=0.1))
        text = str(explain(network, XOR.X, [0, 1, 1, 0], sample=1, notation=notation))
        assert "The op says" not in text
        assert "∂y" not in text
        assert not re.search(r"^ *y = ", text, re.MULTILINE)  # the truth is an input: nothing computes it
        assert "\u1ef9 = (1 − s) · y + s / 2" in text


class Doubtful(cr.Op):
    """y = z²
    ∂z = ∂y · z"""

    def forward(self, z: Any) -> Any:
        return z * z

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy * 2 * z)


class Steep(cr.SGD):
    """W ← W + η · ∂C/∂W"""


class Silent(cr.SGD):
    """Goes down."""


@pytest.mark.parametrize("language", ["en", "he"])
def test_a_docstring_that_says_something_else_is_told_from_what_is_executed(language: str) -> None:
    layers = [cr.Dense(3, inputs=2), Doubtful(), cr.Dense(1)]
    network = cr.Network(layers, loss=cr.MeanSquaredError(), optimizer=Steep(0.1))
    for form in ("terminal", "html", "markdown"):
        told = str(explain(network, *XOR, sample=1, language=language, format=form))
        assert told.count("⚠") == 2  # the op's derivative, and the step
    data = json.loads(str(explain(network, *XOR, sample=1, language=language, format="json")))
    (op,) = (node for node in data["nodes"] if node["op"] == "doubtful")
    assert op["textbook"]["agrees"]
    assert not op["handed_textbook"]["z"]["agrees"]
    assert op["handed_textbook"]["z"]["error"] == pytest.approx(0.5)


def test_an_optimizer_that_states_no_rule_is_shown_as_it_is_executed() -> None:
    text = prose(xor_network(optimizer=Silent(0.1)))
    assert "Its rule, and the lines that are executed: Goes down. def update" in text
    assert "published" not in text


def test_where_the_textbook_form_overflows_the_page_says_so() -> None:
    z = cr.Parameter("scores", [[800.0, 0.0]])
    text = " ".join(str(explain(cr.sum(x=cr.softmax(z=z)))).split())
    assert "For 1 of these numbers the formula above comes to nothing" in text
    assert "⚠" not in text


@pytest.mark.parametrize("name", NETWORKS)
def test_every_textbook_form_on_a_page_agrees(name: str) -> None:
    make, x, y = NETWORKS[name]
    for notation in ("rows", "columns"):
        data = json.loads(str(explain(make(), x, y, sample=None, notation=notation, format="json")))
        told = [node.get("textbook") for node in data["nodes"] if node["op"]]
        told += [part for node in data["nodes"] for part in node.get("handed_textbook", {}).values()]
        assert len(told) >= 8
        assert all(part["agrees"] and part["error"] < 1e-4 and not part["undefined"] for part in told)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("last", [cr.Sigmoid(), cr.Softmax()], ids=str)
def test_a_network_that_is_sure_raises_no_false_alarm(last: Any, dtype: Any) -> None:
    """ŷ − y is nearly 0 there, so that float32 leaves few of its digits."""
    layers = [cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1 if last.name == "sigmoid" else 2), last.copy()]
    network = cr.Network(layers, dtype=dtype, seed=0)
    y = XOR.y if last.name == "sigmoid" else [0, 1, 1, 0]
    for scale in (1, 3, 10, 30):
        weights = network.leaves["dense_2.weights"]
        weights.assign(weights.value * scale)
        for sample in (0, 1, 2, 3, None):
            assert "⚠" not in str(explain(network, XOR.X, y, sample=sample))


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "json"])
def test_a_node_without_numbers_is_explained_too(form: str) -> None:
    none = cr.Input("e", np.zeros((0, 2)))
    w = cr.Parameter("w", [[0.5], [-0.25]])
    loss = cr.sum(x=none @ w) + cr.mean(x=w)
    assert "e" in str(explain(loss, format=form))
    assert "w" in str(explain(loss, format=form, element=("w", 0, 0)))


@pytest.mark.parametrize("language", ["en", "he"])
def test_letters_of_ops_are_not_roles_of_a_page(language: str) -> None:
    x = np.linspace(0.1, 1.0, 8).reshape(4, 2)
    network = cr.Network([cr.Rescale(0.5), cr.Dense(2), cr.Tanh(), cr.Dense(1)], optimizer="adam")
    text = str(explain(network, x, x[:, :1], sample=0, language=language))
    assert not re.search(r"(its|בתפקיד) [a-z][:,)]", text)
    assert ("tanh_1, its input:" if language == "en" else "בתפקיד קלט:") in text
    for form in ("terminal", "markdown"):  # in the drawing of the graph, too
        drawn = str(explain(network, x, x[:, :1], sample=0, language=language, format=form))
        assert not re.search(r"│ [a-z]\n|   [a-z]: ", drawn)
        assert drawn.count(f"│ {templates(language)['role_input']}\n") == 3


def test_a_class_given_by_its_number_is_said_to_be_a_row_before_it_stands_in_a_formula() -> None:
    x, y = np.eye(3), np.array([2, 0, 1])
    network = cr.Network([cr.Dense(3, inputs=3), cr.Softmax()], loss="categorical_crossentropy")
    text = " ".join(str(explain(network, x, y, sample=0)).split())
    told = text.index("The truth y is given as the number of a class, 2. In the formulas it is the row")
    assert told < text.index("− y[")
    assert text.count("The truth y is given") == 1
    assert "ŷ what the network predicts 1×3" in text
    rows = " ".join(str(explain(network, np.eye(3), np.eye(3)[y], sample=0)).split())
    assert "is given as" not in rows


def test_a_program_that_keeps_other_numbers_than_the_published_rule_says_so() -> None:
    told = "m = (1 − β₁) m̄, v = (1 − β₂) v̄"
    for optimizer, expected in ((cr.Adam(), True), (cr.AdamW(), True), (cr.SGD(0.1), False)):
        network = cr.Network([cr.Dense(2, inputs=2), cr.Tanh(), cr.Dense(1)], optimizer=optimizer)
        text = " ".join(str(explain(network, *XOR, width=200)).split())
        assert (told in text) == expected


def test_one_is_not_written_as_several() -> None:
    small = cr.Network([cr.Dense(1)], inputs=1)
    said = " ".join(str(explain(small, [[2.0]], [[1.0]], sample=None)).split())
    for part in ("a batch of 1 sample.", "1 weight + 1 bias = 2 parameters: ", "2 entries, "):
        assert part in said
    assert "nobody can picture" not in said
    assert "nobody can picture" in prose(xor_network())
    alone = cr.Network([cr.Dense(1, use_bias=False)], inputs=1)
    assert "1 weight + 0 biases = 1 parameter: the network is a point in a space of 1 dimension." in " ".join(
        str(explain(alone, [[2.0]], [[1.0]])).split()
    )
    w = cr.Parameter("w", [[0.5]])
    assert "1 parameter: the graph" in str(explain(cr.mean(x=w)))
    nine = cr.Network([cr.Dense(1)], inputs=9)
    nine.note_columns(tuple("abcdefghi"))
    text = str(explain(nine, np.ones((1, 9)), [[1.0]], element="dense_1[0]"))
    assert "the one other term " in text
    seven = cr.Network([cr.Dense(2, name="first"), cr.Dense(7), cr.Dense(1, name="last")], inputs=1)
    text = str(explain(seven, [[2.0]], [[1.0]], element="first.bias[0]"))
    assert "the one other path " in text
    assert "2 derivatives in one formula" in text
    text = str(explain(seven, [[2.0]], [[1.0]], element="last.bias[0]"))
    assert "The same derivative by the formula for whole matrices:" in text
    for language in ("en", "he"):
        for template in templates(language).values():
            for count in ("1", "2"):
                said = str(Text(template, dict.fromkeys(re.findall(r"\{(\w+)", template), count)))
                assert not re.search("[{|#]", said)


def test_the_step_of_one_weight_is_the_published_rule_with_its_numbers() -> None:
    network = cr.Network([cr.Dense(2, inputs=2), cr.Tanh(), cr.Dense(1)], optimizer=cr.SGD(0.5))
    text = str(explain(network, *XOR, sample=1, element="dense_1.weights[1,0]"))
    step = text.split("Its step")[1]
    assert "W⁽¹⁾[1, 0] ← W⁽¹⁾[1, 0] − η · ∂C/∂W⁽¹⁾[1, 0]" in step
    assert "moves W⁽¹⁾[1, 0] against its derivative, with a learning rate of 0.5:" in " ".join(step.split())


@pytest.mark.parametrize(
    ("form", "name", "fix"),
    [
        ("terminal", "xor.html", "format='html'"),
        ("html", "xor.md", "format='markdown'"),
        ("markdown", "xor.JSON", "format='json'"),
        ("json", "xor.html", "format='html'"),
    ],
)
def test_a_file_named_as_one_of_another_format_is_refused(tmp_path: Path, form: str, name: str, fix: str) -> None:
    network = cr.Network([cr.Dense(1)], inputs=2)
    with pytest.raises(cr.errors.InputError, match=re.escape(fix)):
        explain(network, *XOR, format=form).save(tmp_path / name)
    assert not (tmp_path / name).exists()
    told = re.search(r"format='(\w+)'", fix)
    assert told
    assert explain(network, *XOR, format=told[1]).save(tmp_path / name).exists()
    for any_text in ("xor", "xor.txt"):
        assert explain(network, *XOR, format=form).save(tmp_path / any_text).exists()


def test_markdown_has_no_empty_fences() -> None:
    network = cr.Network([cr.Dense(2, inputs=2), cr.Tanh(), cr.Dense(1)])
    assert "```text\n```" not in str(explain(network, *XOR, format="markdown"))


class _OnOneLine(cr.Op):
    """It cubes: no formula."""

    def forward(self, z: Any) -> Any: return z[:, ::-1] * 2  # fmt: skip

    def backward(self, dy: Any, y: Any, z: Any) -> Any: return {"z": 2 * dy[:, ::-1]}  # fmt: skip


class _OfLambdas(cr.Op):
    """It has no code that is a function's."""

    forward = lambda self, z: np.array(z.tolist()) * 2  # noqa: E731 -- a lambda is what is explained
    backward = lambda self, dy, y, z: {"z": np.array(dy.tolist()) * 2}  # noqa: E731 -- as above


class _OfAText(cr.Op):
    """Its code holds a text whose lines begin at the left."""

    def forward(self, z: Any) -> Any:
        np.array(z.tolist())
        told = """
one line
"""
        return z * len(told.split())

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return {"z": np.array(dy.tolist()) * 2}


@pytest.mark.parametrize("op", [_OnOneLine, _OfLambdas, _OfAText])
def test_ops_are_explained_however_their_code_is_laid_out(op: Any) -> None:
    network = cr.Network([cr.Dense(2), op(), cr.Dense(1)], inputs=2, dtype="float64")
    for form in ("terminal", "json"):
        assert "dense_2" in str(explain(network, *XOR, format=form))


def test_of_code_on_one_line_the_line_is_shown() -> None:
    assert code_of(_OnOneLine.forward).splitlines() == ["def forward(self, z):", "    return z[:, ::-1] * 2"]


@pytest.mark.parametrize("form", ["terminal", "html", "json"])
def test_a_network_that_learns_nothing_is_explained_without_a_step(form: str) -> None:
    frozen = xor_network()
    frozen.freeze()
    for network in (cr.Network([cr.Tanh()], inputs=2), frozen):
        text = str(explain(network, XOR.X, XOR.X if network is not frozen else XOR.y, format=form))
        if form == "json":
            assert json.loads(text)["proof"] == []
        else:
            assert "Nothing in this network is learnt" in text
            assert "The proof" not in text


@pytest.mark.parametrize("language", ["en", "he"])
def test_a_form_that_does_not_agree_is_not_called_a_faster_one(language: str) -> None:
    class Wrong(cr.Op):
        """y = z²
        ∂z = ∂y · 2z"""

        def forward(self, z: Any) -> Any:
            return z * z * z

        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return dict(z=dy * 3 * z * z)

    network = cr.Network([cr.Dense(2), Wrong(), cr.Dense(1)], inputs=2)
    text = " ".join(str(explain(network, *XOR, node="wrong_1", language=language)).split())
    assert text.count("⚠") == 2
    assert templates(language)["agree"].partition(";")[0] not in text


def test_a_network_of_many_layers_and_a_large_batch_are_explained_in_time() -> None:
    layers = [layer for _ in range(60) for layer in (cr.Dense(2), cr.Tanh())]
    network = cr.Network([*layers, cr.Dense(1)], inputs=2)
    found = json.loads(str(explain(network, *XOR, format="json")))["proof"]
    assert len(found) == 122  # one of each parameter
    assert max(proof["error"] for proof in found) < 1e-6


@pytest.mark.parametrize("letter", ["C", "R", "y", "x", "z", "ŷ", "a", "W", "η"])
def test_a_layer_that_is_called_by_a_letter_of_the_page_gets_another_symbol(letter: str) -> None:
    residual = cr.Residual([cr.Dense(4), cr.Tanh()], name=letter)
    network = cr.Network([cr.Dense(4), residual, cr.Dense(1)], inputs=2, l2=0.1)
    nodes = json.loads(str(explain(network, *XOR, format="json")))["nodes"]
    symbols = [node["symbol"] for node in nodes]
    assert len(set(symbols)) == len(symbols)
    [added] = (node for node in nodes if node["op"] == "add")
    assert added["symbol"] == f"{letter}_2"


def test_a_parameter_that_is_called_like_the_cost_gets_another_symbol() -> None:
    nodes = json.loads(str(explain(cr.sum(x=cr.Parameter("C", [1.0, 2.0]) * 2.0), format="json")))["nodes"]
    assert {node["name"]: node["symbol"] for node in nodes}["C"] == "C_2"
    assert [node["symbol"] for node in nodes].count("C") == 1


@pytest.mark.parametrize("language", ["en", "he"])
def test_no_line_of_a_sentence_ends_within_a_short_formula(language: str) -> None:
    network = cr.Network([cr.Dense(30), cr.Tanh(), cr.Dense(2), cr.Tanh(), cr.Dense(1)], inputs=2)
    for width in range(76, 124, 6):  # narrower, cells of tables are broken
        text = str(explain(network, *XOR, element="dense_1.weights[1,25]", language=language, width=width))
        assert "W⁽¹⁾[1, 25]" in text
        assert not re.search(r"\[\d+,\s*\n", text)
        assert "\ufdd0" not in text
