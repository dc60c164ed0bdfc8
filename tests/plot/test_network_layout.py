"""The drawing of a network: every edge has its weight or its derivative, every neuron its value, nothing is left out
without a word, and what can't be drawn as neurons is a box."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError, MisuseError, NonFiniteError
from chainrule.plot import network_svg
from chainrule.plot.network_layout import (
    FIRST,
    LAST,
    MOST_NEURONS,
    RADIUS,
    THICK,
    THIN,
    NetworkLayout,
    lay_out_network,
    short_number,
)
from chainrule.plot.network_parts import network_parts


def drawn(network: cr.Network, x: Any = None, y: Any = None, **settings: Any) -> NetworkLayout:
    show = settings.pop("show", "weights")
    return lay_out_network(network_parts("network", network, x, y, show), **settings)


def numbers(layout: NetworkLayout) -> dict[str, float]:
    """What a pointer over each edge is told."""
    told = (line.told.split(" = ") for line in layout.lines if line.told)
    return {name: float(number) for name, number in told}


def values(layout: NetworkLayout) -> dict[str, float]:
    found = (re.match(r"(.+?) = ([^,]+)", circle.told) for circle in layout.circles)
    return {match[1]: float(match[2]) for match in found if match}


def written(layout: NetworkLayout, kind: str) -> list[str]:
    return [label.text for label in layout.labels if label.kind == kind]


def deep(**settings: Any) -> cr.Network:
    layers = [cr.Dense(3, "tanh"), cr.Dense(2), cr.ReLU(), cr.Dense(1), cr.Sigmoid()]
    return cr.Network(layers, inputs=2, seed=3, **settings)


X, Y = cr.data.xor()


def test_every_edge_has_its_weight_and_every_neuron_its_value_and_bias() -> None:
    network = deep()
    network.parameters[-6:-3] = 0.5, -0.25, 0.0  # the biases come last, those of the first layer first
    layout = drawn(network, X[1:2])
    found = numbers(layout)
    assert len(found) == 2 * 3 + 3 * 2 + 2 * 1
    for name, leaf in network.leaves.items():
        for index, weight in np.ndenumerate(leaf.value):
            if name.endswith("weights"):
                assert found[f"{name}[{index[0]}, {index[1]}]"] == pytest.approx(float(weight), rel=1e-5)
    assert [label.text for label in layout.labels if label.text.startswith("b ")][:3] == ["b 0.5", "b −0.25", "b 0"]
    trace = cr.trace(network, X[1:2], Y[1:2])
    inside = values(layout)
    for layer, node in {"dense_1": "tanh", "dense_2": "relu_1", "dense_3": None}.items():
        outputs = cr.predict(network, X[1:2]) if node is None else next(
            traced.value for name, traced in trace.items() if node in name and traced.op == node.split("_")[0]
        )  # fmt: skip
        assert [inside[f"{layer}[{j}]"] for j in range(outputs.shape[1])] == pytest.approx(
            outputs[0].tolist(), rel=1e-5, abs=1e-9
        )


def test_the_derivatives_are_those_of_the_step_penalty_included_and_nothing_dropped_out() -> None:
    layers = [cr.Dense(3, "tanh"), cr.Dropout(0.5), cr.Dense(1), cr.Sigmoid()]
    network = cr.Network(layers, inputs=2, l2=0.1, dtype="float64")
    found = numbers(drawn(network, X, Y, show="gradients"))
    step = 1e-6
    for name, told in found.items():
        match = re.fullmatch(r"∂\(C \+ R\)/∂(.+)\[(\d+), (\d+)\]", name)
        assert match
        ends = []
        for sign in (1, -1):
            copy = network.copy()
            leaf = copy.leaves[match[1]]
            assert isinstance(leaf, cr.Parameter)
            leaf.array[int(match[2]), int(match[3])] += sign * step
            ends.append(cr.evaluate(copy, X, Y)["loss"] + copy.penalty())
        assert told == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-7)


def test_edges_are_as_wide_as_their_numbers_are_large_and_coloured_by_sign() -> None:
    network = cr.Network([cr.Dense(1, inputs=4)])
    network.parameters[:4] = 2, -1, 0, 0.5
    lines = sorted((line for line in drawn(network).lines if line.told), key=lambda line: line.y1)
    assert [line.kind for line in lines] == ["positive", "negative", "zero", "positive"]
    assert lines[0].width == THICK
    assert lines[1].width == pytest.approx(THIN + (THICK - THIN) / 2)
    assert lines[3].width == pytest.approx(THIN + (THICK - THIN) / 4)


def test_the_widest_edge_is_one_that_is_drawn() -> None:
    network = cr.Network([cr.Dense(1, inputs=100)])
    network.parameters[:100] = 1
    network.parameters[50] = 1000  # left out
    layout = drawn(network)
    assert {line.width for line in layout.lines if line.told} == {THICK}
    assert {"−1", "−0.5", "0.5", "1"} <= set(written(layout, "number"))


def test_of_many_neurons_a_few_are_drawn_and_the_drawing_says_of_how_many() -> None:
    network = cr.Network([cr.Dense(MOST_NEURONS), cr.Dense(MOST_NEURONS + 1)], inputs=784)
    layout = drawn(network)
    assert len(layout.circles) == 2 * (FIRST + LAST) + MOST_NEURONS
    assert "784 in all, 5 drawn" in written(layout, "note")
    assert "11 in all, 5 drawn" in written(layout, "note")
    assert not any(text.startswith("10 in all") for text in written(layout, "note"))
    assert written(layout, "dots") == ["⋮", "⋮"]
    assert {f"x[{i}]" for i in (0, 1, 2, 3, 783)} == set(written(layout, "label")) - {
        label for label in written(layout, "label") if label.startswith("ŷ")
    }


def test_a_highlighted_path_stands_out_even_among_neurons_left_out() -> None:
    network = cr.Network([cr.Dense(50), cr.Dense(1)], inputs=2)
    layout = drawn(network, highlight=[("dense_1", 1, 30), ("dense_2", 30, 0)])
    on = {line.told.split(" = ")[0] for line in layout.lines if line.on}
    assert on == {"dense_1.weights[1, 30]", "dense_2.weights[30, 0]"}
    assert {circle.told.split(",")[0] for circle in layout.circles if circle.on} == {
        "x[1]",
        "dense_1[30]",
        "dense_2[0]",
    }
    assert all(line.faint != line.on for line in layout.lines if line.told)
    assert short_number(float(network.leaves["dense_1.weights"].value[1, 30])) in written(layout, "number")


@pytest.mark.parametrize("told", [("dense_1", 2, 0), ("dense_1", -1, 0), ("dense_7", 0, 0), ("dense_1", 3), ("x",)])
def test_a_highlight_that_is_not_in_the_network_is_refused(told: Any) -> None:
    with pytest.raises(InputError, match="an edge"):
        drawn(deep(), highlight=[told])


def test_a_skip_connection_is_added_one_by_one() -> None:
    network = cr.Network([cr.Dense(3), cr.Residual([cr.Dense(3), cr.Tanh(), cr.Dense(3)]), cr.Dense(1)], inputs=2)
    parts = network_parts("network", network, None, None, "weights")
    names = [column.name for column in parts.columns]
    added = names.index("residual_1")
    assert parts.columns[added].sign == "+"
    assert {names[link.start] for link in parts.links if link.end == added} == {"dense_1", "residual_1.dense_2"}
    layout = lay_out_network(parts)
    (over,) = layout.arrows  # the way past two columns
    highest = min(circle.y for circle in layout.circles) - RADIUS
    assert min(y for _, y in over.points) < highest
    assert sum(line.kind == "handed" for line in layout.lines) == 3


def test_branches_are_drawn_beside_each_other_and_joined_in_order() -> None:
    network = cr.Network([cr.Branches([[], [cr.Dense(2), cr.Tanh()]]), cr.Dense(1)], inputs=3)
    parts = network_parts("network", network, [[1.0, 2.0, 3.0]], None, "weights")
    joined = next(i for i, column in enumerate(parts.columns) if column.name == "branches_1")
    firsts = {parts.columns[link.start].name: link.first for link in parts.links if link.end == joined}
    assert firsts == {"x": 0, "branches_1.dense_1": 3}
    values_there = parts.columns[joined].values
    assert values_there is not None
    assert values_there[:3].tolist() == [1, 2, 3]


def test_what_goes_over_columns_to_be_joined_arrives_where_it_comes() -> None:
    branches: Any = [[cr.Dense(2), cr.Tanh()], [], [cr.Dense(3)]]
    network = cr.Network([cr.Branches(branches), cr.Dense(1)], inputs=4)
    layout = drawn(network)
    heights = {circle.told: circle.y for circle in layout.circles}
    (over,) = layout.arrows
    comes = over.points[-1][1]
    assert comes == pytest.approx((heights["branches_1[2]"] + heights["branches_1[5]"]) / 2)
    (bracket,) = (line for line in layout.lines if line.x1 == line.x2)
    assert bracket.y1 == pytest.approx(heights["branches_1[2]"], abs=RADIUS)
    assert bracket.y2 == pytest.approx(heights["branches_1[5]"], abs=RADIUS)


def test_named_inputs_and_heads_have_columns_and_names_of_their_own() -> None:
    heads = cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(3), cr.Softmax()]})
    network = cr.Network(
        [cr.Branches({"a": [cr.Dense(2)], "b": []}, shapes={"a": 2, "b": 3}), heads], classes={"kind": ["x", "y", "z"]}
    )
    sample = {"a": [[1.0, 2.0]], "b": [[3.0, 4.0, 5.0]]}
    layout = drawn(network, sample)
    assert {"a", "b", "price", "kind"} <= set(written(layout, "name"))
    assert {"a[0]", "b[2]", "ŷ", "x", "y", "z"} <= set(written(layout, "label"))
    outputs: Any = cr.predict(network, sample)
    inside = values(layout)
    assert [inside[f"heads_1.dense_2[{k}]"] for k in range(3)] == pytest.approx(outputs["kind"][0].tolist(), rel=1e-5)
    assert inside["b[2]"] == 5


class Own(cr.Layer):
    def build(self, shape: tuple[int, ...]) -> None:
        self.gain = self.parameter("gain", shape)

    def forward(self, x: cr.Node) -> cr.Node:
        return cr.tanh(x * self.gain) + x


class Gain(cr.Layer):
    def build(self, shape: tuple[int, ...]) -> None:
        self.gain = self.parameter("gain", shape)

    def forward(self, x: cr.Node) -> cr.Node:
        return x * self.gain


class Sums(cr.Layer):
    def build(self, shape: tuple[int, ...]) -> None:
        self.matrix = self.parameter("matrix", (shape[-1], 2))

    def forward(self, x: cr.Node) -> cr.Node:
        return x @ self.matrix


@pytest.mark.parametrize(
    ("network", "boxes"),
    [
        (cr.Network([Gain(), cr.Dense(1)], inputs=3), {"gain_1": "Gain"}),
        (cr.Network([Sums(), cr.Dense(1)], inputs=3), {}),
        (cr.Network([Own(), cr.Dense(1)], inputs=3), {"own_1": "Own"}),
        (cr.Network([cr.Dense(4), cr.Flatten(), cr.Dense(1)], inputs=(5, 3)), {"x": "Input", "dense_1": "Linear"}),
        (cr.Network([cr.Flatten(), cr.Dense(1)], inputs=(5, 3)), {}),
        (cr.Network([cr.Network([Own()]), cr.Dense(1)], inputs=3), {"network_1.own_1": "Own"}),
    ],
)
def test_what_is_no_column_of_neurons_is_a_box_with_its_name(network: cr.Network, boxes: dict[str, str]) -> None:
    parts = network_parts("network", network, None, None, "weights")
    assert {column.name: column.box for column in parts.columns if column.box} == boxes
    assert len(lay_out_network(parts).boxes) == len(boxes)


def test_dropout_rescaling_and_activations_are_written_below_the_neurons() -> None:
    network = cr.Network(
        [cr.Rescale(0.5, 1.0), cr.Dense(2, "relu"), cr.Dropout(0.25), cr.PReLU(), cr.Dense(1)], inputs=2
    )
    layout = drawn(network, [[3.0, 5.0]])
    assert {"relu · dropout 0.25", "prelu"} <= set(written(layout, "note"))
    inside = values(layout)
    assert [inside[f"x[{i}]"] for i in range(2)] == [3, 5]
    assert [inside[f"rescale_1[{i}]"] for i in range(2)] == [1, 2]


def test_columns_and_classes_have_the_names_that_the_network_knows() -> None:
    network = cr.Network([cr.Dense(2), cr.Softmax()], inputs=2, classes=["ja", "nein"])
    network.note_columns(("width", "height"))  # as a training on a table does
    assert written(drawn(network), "label") == ["width", "height", "ja", "nein"]


def test_a_frozen_layer_has_no_derivatives() -> None:
    network = deep()
    network.freeze("dense_1")
    kinds = {line.told.split(".")[0]: line.kind for line in drawn(network, X, Y, show="gradients").lines if line.told}
    assert kinds["∂C/∂dense_1"] == "frozen"
    assert kinds["∂C/∂dense_2"] != "frozen"


def nan() -> cr.Network:
    network = deep()
    network.parameters[0] = np.nan
    return network


@pytest.mark.parametrize(
    ("network", "given", "error", "message"),
    [
        (deep(), dict(show="gradients"), InputError, "without x and y"),
        (deep(), dict(x=X, show="gradients"), InputError, "without y"),
        (deep(), dict(x=X), InputError, "got 4 samples, but expected one"),
        (deep(), dict(x=X[:1], y=Y[:1]), InputError, "expected no targets"),
        (deep(), dict(show="weight"), InputError, "weights"),
        (deep(), dict(language="fr"), InputError, "he"),
        (nan(), {}, NonFiniteError, "dense_1.weights"),
        (cr.Network([cr.Dense(2)]), {}, MisuseError, "not built"),
    ],
)
def test_what_cannot_be_drawn_is_refused(network: Any, given: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        network_svg(network, **given)


def test_drawing_changes_nothing_in_the_network() -> None:
    network = deep()
    network.compute_loss(X, Y)
    network.backward()
    before = network.parameters.copy(), network.gradients.copy(), network["dense_1"].value.copy()
    network_svg(network, X[:1], Y[:1], show="gradients")
    for kept, now in zip(before, (network.parameters, network.gradients, network["dense_1"].value), strict=True):
        np.testing.assert_array_equal(kept, now)


SHAPES = [
    deep(),
    cr.Network([cr.Dense(12), cr.Dense(5), cr.Residual([cr.Dense(5), cr.Dense(5)]), cr.Dense(10)], inputs=784),
    cr.Network([cr.Branches([[], [cr.Dense(2), cr.Dense(3)], [cr.Dense(4)]]), cr.Dense(1)], inputs=3),
    cr.Network([cr.Residual([cr.Residual([cr.Dense(3), cr.Dense(3)]), cr.Dense(3)]), Own(), cr.Dense(1)], inputs=3),
]


@pytest.mark.parametrize("network", SHAPES)
@pytest.mark.parametrize("language", ["en", "he"])
def test_everything_lies_inside_and_neurons_lie_apart(network: cr.Network, language: str) -> None:
    layout = drawn(network, language=language)
    for circle in layout.circles:
        assert RADIUS <= circle.x <= layout.width - RADIUS
        assert RADIUS <= circle.y <= layout.height - RADIUS
    spots = np.array([(circle.x, circle.y) for circle in layout.circles])
    apart = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(spots))
    assert apart.min() > 2 * RADIUS
    for label in layout.labels:
        assert 0 < label.x < layout.width
        assert 0 < label.y < layout.height
    for arrow in layout.arrows:
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in arrow.points)


def test_no_arrow_over_columns_runs_through_a_neuron_or_another_arrow() -> None:
    for network in SHAPES:
        layout = drawn(network)
        lanes = [
            ends
            for arrow in layout.arrows
            for ends in pairwise(arrow.points)
            if ends[0][1] == ends[1][1] and len(arrow.points) > 2 and ends[1][0] - ends[0][0] > 60
        ]
        assert len(lanes) == sum(len(arrow.points) > 2 for arrow in layout.arrows)
        for (x1, y), (x2, _) in lanes:
            assert all(abs(circle.y - y) > RADIUS for circle in layout.circles if x1 < circle.x < x2)
        for i, ((x1, y), (x2, _)) in enumerate(lanes):
            assert all(abs(y - other) > 5 or x2 < a or b < x1 for (a, other), (b, _) in lanes[:i])


def test_the_svg_is_well_formed_with_real_text_a_title_and_nothing_from_elsewhere() -> None:
    network = cr.Network([cr.Dense(2, name="<b>&"), cr.Softmax()], inputs=2, classes=["<script>", "</svg>"])
    svg = network_svg(network, [[0.0, 1.0]])
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    title = root.find(f"{space}title")
    assert title is not None
    assert title.text == root.get("aria-label")
    texts = [text.text for text in root.iter(f"{space}text")]
    assert {"<script>", "</svg>", "<b>&", "softmax"} <= set(texts)
    assert not re.search(r"href|url\(|@import|<script|xlink", svg)
    assert "currentColor" in svg


def test_hebrew_is_written_from_right_to_left_and_names_are_not() -> None:
    root = ElementTree.fromstring(network_svg(deep(), language="he"))
    texts = {text.text: text.get("direction") for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert texts["המשקל w של כל קשת"] == "rtl"
    assert texts["dense_1"] is None


def test_the_svg_needs_no_matplotlib() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import chainrule as cr\n"
        "print(cr.plot.network_svg(cr.Network([cr.Dense(1, inputs=2)]))[:4])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "<svg\n", done.stderr


@pytest.mark.parametrize("told", ["dense_1", "dense_1[2]", ("dense_1", 0, 0), [1], [None], 5, None])
def test_a_highlight_that_is_no_list_of_tuples_is_refused_with_one(told: Any) -> None:
    with pytest.raises(cr.errors.InputError, match=r"Pass highlight=\[\('dense_1', 0, 2\)\]"):
        drawn(deep(), highlight=told)
