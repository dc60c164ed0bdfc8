"""One weight, one neuron: the sum over its paths is its derivative, and what is printed of them is true."""

from __future__ import annotations

import json
import math
import time
from typing import Any, NamedTuple

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain import one_weight
from chainrule.explain import paths as paths_module
from chainrule.explain.analysis import Analysis, analyse_graph, analyse_network
from chainrule.explain.paths import Paths, Unit
from tests.explain.test_explain import deep_network

_random = np.random.default_rng(5)
X = _random.normal(size=(6, 4))
Y = _random.normal(size=(6, 1))
STACKS = _random.normal(size=(6, 3, 4))
BOUND = 1e-12  # in float64
KINDS = [0, 1, 2, 0, 1, 2]


def network(*layers: Any, **settings: Any) -> Any:
    return cr.Network(list(layers), **{"inputs": 4, "dtype": "float64", "seed": 2, **settings})


def two_heads() -> Any:
    heads = cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(3), cr.Softmax()]})
    return network(cr.Dense(3, "tanh"), heads, loss_weights={"kind": 0.5})


NETWORKS: dict[str, Any] = {
    "5-4-4-4-1": (lambda: deep_network(dtype="float64"), _random.normal(size=(6, 5)), Y),
    "residual": (lambda: network(cr.Dense(4), cr.Residual([cr.Dense(4), cr.SiLU()]), cr.Dense(1)), X, Y),
    "branches": (lambda: network(cr.Dense(3), cr.Branches([[], [cr.Dense(2), cr.Tanh()]]), cr.Dense(1)), X, Y),
    "softmax inside": (lambda: network(cr.Dense(4), cr.Softmax(), cr.Dense(2)), X, _random.normal(size=(6, 2))),
    "softmax": (lambda: network(cr.Dense(3, "relu"), cr.Dense(3), cr.Softmax()), X, KINDS),
    "sigmoid": (lambda: network(cr.Dense(3, "sigmoid"), cr.Dense(1), cr.Sigmoid()), X, [0, 1, 0, 1, 0, 1]),
    "penalised": (lambda: network(cr.Dense(3, "tanh"), cr.Dense(1), l2=0.1, l1=0.01), X, Y),
    "rescaled": (lambda: network(cr.Rescale.standard(X), cr.Dense(3, "gelu"), cr.Dense(1)), X, Y),
    "dropout": (lambda: network(cr.Dense(3), cr.Dropout(0.5), cr.Tanh(), cr.Dense(1)), X, Y),
    "prelu": (lambda: network(cr.Dense(3), cr.PReLU(), cr.Dense(1)), X, Y),
    "axes": (lambda: network(cr.Dense(3), cr.ReLU(), cr.Dense(1), inputs=(3, 4)), STACKS, STACKS[:, :, :1]),
    "heads": (two_heads, X, {"price": Y, "kind": KINDS}),
    "unscaled": (lambda: network(cr.Dense(3, "tanh"), cr.Dense(1), cr.Unscale.standard(Y)), X, Y),
}


def every_number(analysis: Analysis) -> list[Unit]:
    """Return every number of every parameter."""
    places = analysis.parameters()
    return [Unit(place, index) for place in places for index in np.ndindex(analysis.values[place].shape)]


def derivative(analysis: Analysis, unit: Unit) -> float:
    """Return the program's own derivative of the loss on the data."""
    penalties = sum(p.array[unit.index] for p in analysis.paths[unit.place] if p.penalty is not None)
    return float(analysis.gradients[unit.place][unit.index] - penalties)


class Added(NamedTuple):
    """How many paths lead from a number, and how far the sums of their products lie from its derivative."""

    count: int
    error: float


def added_paths(analysis: Analysis, unit: Unit) -> Added:
    """Follow every path, and add them up one by one and by recursion."""
    paths = Paths(analysis, unit)
    products = [path.product for path in paths.each()]
    assert len(products) == paths.count
    largest = sorted(map(abs, products), reverse=True)[: len(paths.largest)]
    assert [abs(path.product) for path in paths.largest] == pytest.approx(largest, rel=1e-12)
    expected = derivative(analysis, unit)
    return Added(paths.count, max(abs(math.fsum(products) - expected), abs(paths.total - expected)))


def misses(analysis: Analysis) -> list[Unit]:
    """Return the numbers whose paths don't add up to their derivative."""
    return [unit for unit in every_number(analysis) if not added_paths(analysis, unit).error <= BOUND]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_sum_over_the_paths_of_every_number_is_its_derivative(name: str) -> None:
    make, x, y = NETWORKS[name]
    analysis = analyse_network(make(), x, y, 1)
    assert len(every_number(analysis)) >= 10
    assert misses(analysis) == []


def test_a_layer_used_twice_has_the_paths_of_both_uses() -> None:
    alike = cr.Dense(4, name="alike")
    analysis = analyse_network(network(alike, cr.Tanh(), alike, cr.Dense(1)), X, Y, 1)
    assert misses(analysis) == []
    place = analysis.labels.index("alike.weights")
    assert Paths(analysis, Unit(place, (0, 2))).count == 1 + 4


def test_a_graph_built_by_hand_has_paths() -> None:
    x, w = cr.Input("x", np.array([[2.0]])), cr.Parameter("w", np.array([[3.0]]))
    analysis = analyse_graph(cr.mean(x=cr.tanh(z=w * x) + w * w))
    assert misses(analysis) == []
    assert Paths(analysis, Unit(analysis.labels.index("w"), (0, 0))).count == 3


def test_a_batch_has_the_paths_of_all_its_samples() -> None:
    make, x, y = NETWORKS["sigmoid"]
    analysis = analyse_network(make(), x, y, None)
    assert misses(analysis) == []
    assert Paths(analysis, Unit(analysis.labels.index("dense_1.weights"), (0, 0))).count == len(x)


@pytest.mark.parametrize("activation", [cr.ReLU, lambda: cr.Clip(2.0, 3.0)], ids=["relu", "clip"])
def test_silent_neurons_and_zero_inputs_are_paths_too(activation: Any) -> None:
    net = network(cr.Dense(3), activation(), cr.Dense(2))
    net.parameters[:] = -1
    analysis = analyse_network(net, np.zeros((1, 4)), [[1.0, 2.0]], 0)
    paths = Paths(analysis, Unit(analysis.labels.index("dense_1.weights"), (0, 0)))
    assert (paths.count, paths.total) == (2, 0.0)


def test_paths_too_many_to_be_added_one_by_one_are_added_by_recursion() -> None:
    def layers(deep: int) -> list[Any]:
        return [*(cr.Dense(30, "tanh") for _ in range(deep)), cr.Dense(1)]

    analysis = analyse_network(network(*layers(3)), X, Y, 0)
    unit = Unit(analysis.labels.index("dense_1.weights"), (1, 2))
    paths = Paths(analysis, unit)
    assert paths.count == 30 * 30
    deeper = analyse_network(network(*layers(4)), X, Y, 0)
    paths = Paths(deeper, Unit(unit.place, (1, 2)))
    assert (paths.count, paths.one_by_one) == (27_000, False)
    assert paths.added() == pytest.approx(derivative(deeper, unit), abs=1e-12)
    products = sorted((path.product for path in paths.each()), key=abs, reverse=True)
    assert [path.product for path in paths.largest] == pytest.approx(products[:5], abs=1e-15)
    text = " ".join(str(cr.explain(network(*layers(4)), X, Y, element="dense_1.weights[1,2]")).split())
    assert "27,000 paths lead from W⁽¹⁾[1, 2] to the cost" in text
    assert "27,000 paths are too many to be added up one by one (more than 10,000)" in text


def test_a_path_is_written_as_the_chain_rule_has_it() -> None:
    net = cr.Network([cr.Dense(3, inputs=2), cr.Sigmoid(), cr.Dense(1)], loss=cr.MeanSquaredError(), seed=1)
    text = str(cr.explain(net, [[1.0, 0.5]], [[1.0]], element=("dense_1.weights", 0, 2)))
    line = next(line for line in text.splitlines() if line.strip().startswith("∂C/∂W⁽¹⁾[0, 2] = x"))
    assert line.strip() == "∂C/∂W⁽¹⁾[0, 2] = x[0] · σ′(z⁽¹⁾[2]) · W⁽²⁾[2, 0] · 2 · (ŷ − y)"
    for part in (
        "W⁽¹⁾[0, 2] → z⁽¹⁾[2] → a⁽¹⁾[2] → ŷ[0] → C",
        "z⁽¹⁾[2] = x[0] · W⁽¹⁾[0, 2] + x[1] · W⁽¹⁾[1, 2] + b⁽¹⁾[2]",
        "a⁽¹⁾[2] = σ(z⁽¹⁾[2])",
        "∂C/∂W⁽¹⁾[0, :] = x[0] · ∂C/∂z⁽¹⁾",
        "∂C/∂W⁽¹⁾ = xᵀ @ ∂C/∂z⁽¹⁾",
    ):
        assert part in text
    order = [
        text.index(f"\n{title}\n") for title in ("One neuron", "One path", "Paths that add", "Its row", "All at once")
    ]
    assert order == sorted(order)


def test_slopes_have_the_formulas_of_the_textbook() -> None:
    make, x, y = NETWORKS["sigmoid"]
    text = str(cr.explain(make(), x, y, element=("dense_1", 1)))
    assert "σ′(z⁽¹⁾[1]) = a⁽¹⁾[1] · (1 − a⁽¹⁾[1])" in text
    assert "∂C/∂z⁽¹⁾[1] = σ′(z⁽¹⁾[1]) · W⁽²⁾[1, 0] · (ŷ − y)" in text


def test_the_derivative_of_a_loss_by_one_of_several_outputs_is_its_textbook_form_there() -> None:
    make, x, y = NETWORKS["softmax"]
    text = str(cr.explain(make(), x, y, sample=2, element=("dense_2.bias", 1)))
    assert "∂C/∂b⁽²⁾[1] = (ŷ[1] − y[1])" in text or "∂C/∂z⁽²⁾[1] = ŷ[1] − y[1]" in text


@pytest.mark.parametrize(
    ("activation", "formula"),
    [
        (cr.Sigmoid(), "1 / (1 + e^(−{}))"),
        (cr.ReLU(), "max({}, 0)"),
        (cr.Tanh(), "tanh({})"),
        (cr.LeakyReLU(0.1), "{{{0} where {0} > 0, else 0.1 · {0}}}"),
        (cr.SiLU(), "{0} · σ({0})"),
    ],
)
def test_what_an_activation_makes_of_a_sum_is_written_as_in_a_textbook(activation: cr.Op, formula: str) -> None:
    net = cr.Network([cr.Dense(1), activation, cr.Dense(1)], inputs=2, seed=0)
    net.parameters[:4] = [1.0, 0.5, 0.25, 0.0]
    text = str(cr.explain(net, [[1.0, 1.0]], [[0.0]], element=("dense_1", 0))).split("One path")[0]
    z = f"{net['dense_1.weights'].value.sum() + net['dense_1.bias'].value.item():.4g}"
    assert f"= {formula.format('z⁽¹⁾[0]')}\n" in text
    assert f"= {formula.format(z)}\n" in text


def test_a_weight_that_is_turned_around_with_its_matrix_is_said_to_be() -> None:
    make, x, y = NETWORKS["softmax"]
    said = "`dense_1.weights[0, 2]` of the program is `W⁽¹⁾[2, 0]` here".replace("`", "")
    for notation, element, expected in (
        ("columns", "dense_1.weights[0,2]", True),
        ("rows", "dense_1.weights[0,2]", False),
        ("columns", "dense_1.bias[1]", False),
    ):
        text = " ".join(str(cr.explain(make(), x, y, element=element, notation=notation)).split())
        assert (said in text) == expected
        assert ("of the program is" in text) == expected


def test_the_numbers_of_one_weight_are_the_programs_own() -> None:
    make, x, y = NETWORKS["softmax"]
    net = make()
    told = json.loads(str(cr.explain(net, x, y, sample=2, element="dense_1.weights[3,1]", format="json")))["element"]
    twin = net.copy()
    twin.compute_loss(x[2:3], y[2:3])
    twin.backward()
    assert told["value"] == twin["dense_1.weights"].value[3, 1]
    assert told["sum"] == pytest.approx(twin["dense_1.weights"].grad[3, 1], abs=1e-12)
    assert told["paths"] == len(told["largest"]) == 3
    assert sum(path["product"] for path in told["largest"]) == pytest.approx(told["sum"], abs=1e-12)
    for path in told["largest"]:
        assert math.prod(factor["value"] for factor in path["factors"]) == pytest.approx(path["product"], rel=1e-12)
    neuron = told["neuron"]
    assert neuron["value"] == twin["dense_1"].value[0, 1]
    assert sum(t["product"] for t in neuron["terms"]) + neuron["bias"] == pytest.approx(neuron["value"], abs=1e-12)
    twin.optimize()
    assert told["after"] == twin["dense_1.weights"].value[3, 1]


def test_a_penalty_adds_its_own_term() -> None:
    make, x, y = NETWORKS["penalised"]
    net = make()
    told = json.loads(str(cr.explain(net, x, y, sample=1, element="dense_1.weights[0,0]", format="json")))["element"]
    net.compute_loss(x[1:2], y[1:2])
    net.backward()
    assert told["sum"] == pytest.approx(net["dense_1.weights"].grad[0, 0], abs=1e-12)
    w = told["value"]
    assert {p["penalty"]: p["derivative"] for p in told["penalties"]} == pytest.approx(
        {"L1Penalty(factor=0.01)": 0.01 * np.sign(w), "L2Penalty(factor=0.1)": 0.1 * w}
    )
    text = str(cr.explain(make(), x, y, element="dense_1.weights[0,0]"))
    assert "the penalty L2Penalty(factor=0.1)" in text
    assert "∂(C + R)/∂W⁽¹⁾[0, 0] = " in text


def test_a_neuron_of_many_inputs_lists_the_largest_terms() -> None:
    wide = cr.Network([cr.Dense(2, "relu"), cr.Dense(1)], inputs=40, dtype="float64", seed=0)
    x = _random.normal(size=(1, 40))
    x[0, :10] = 0
    text = " ".join(str(cr.explain(wide, x, [[1.0]], element=("dense_1", 1))).split())
    assert "The sum has 40 terms, 10 of them 0. The 8 largest:" in text
    assert "the other 32 terms together" in text


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "json"])
@pytest.mark.parametrize("language", ["en", "he"])
@pytest.mark.parametrize("name", ["heads", "dropout"])
def test_an_element_is_explained_in_every_form(name: str, language: str, form: str) -> None:
    make, x, y = NETWORKS[name]
    for element in ("dense_1.weights[0,1]", ("dense_1.bias", 2), ("dense_1", 0)):
        options = {"element": element, "format": form, "language": language}
        rows, columns = (str(cr.explain(make(), x, y, **options, notation=n)) for n in ("rows", "columns"))
        assert "{" not in rows or form in ("json", "html")
        assert rows != columns


@pytest.mark.parametrize(
    ("element", "said"),
    [
        ("dense_1.weights", "without the place of a number.*the last one is 'dense_1.weights.3,2.'"),
        (("dense_1.weights", 4, 0), r"dense_1.weights\[4, 0\].*shape \(4, 3\).*'dense_1.weights\[3,2\]'"),
        (("dense_1", 3), r"dense_1\[3\].*shape \(3,\).*'dense_1\[2\]'"),
        (("dense_1", 0, 0, 0), r"'dense_1\[2\]'"),
        (("dens_1.weights", 0, 0), "Did you mean 'dense_1.weights'"),
        (("softmax_1", 0), "'softmax_1' and the loss are computed together.*|Name a neuron of 'dense_2'"),
        ("dense_1.weights[a,b]", "the place of a number in it"),
        ((), "the place of a number in it"),
        (3, "the place of a number in it"),
        (("dense_1.weights", 0.5, 1), "the place of a number in it"),
        (("dense_1.weights", True, 1), "the place of a number in it"),
        (("y", 0), "from which no path leads to the cost"),
        ("loss", "got loss, the cost itself"),
    ],
)
def test_an_element_that_is_none_gets_one_clear_error(element: Any, said: str) -> None:
    make, x, y = NETWORKS["softmax"]
    with pytest.raises(cr.ChainruleError, match=f"(?s)explain element.*({said})"):
        cr.explain(make(), x, y, element=element)


def test_what_an_error_advises_works() -> None:
    make, x, y = NETWORKS["softmax"]
    for element in (
        "dense_1.weights[3,2]",
        "dense_1[2]",
        ("dense_2", 1),
        ("dense_1.weights", -1, -1),
        "dense_1.bias[0]",
    ):
        assert "One path" in str(cr.explain(make(), x, y, element=element))


def test_a_neuron_of_several_samples_is_refused_and_a_weight_is_not() -> None:
    make, x, y = NETWORKS["softmax"]
    with pytest.raises(cr.errors.MisuseError, match=r"a value for each of 6 samples.*sample=0"):
        cr.explain(make(), x, y, sample=None, element=("dense_1", 0))
    assert "18 paths lead from" in str(cr.explain(make(), x, y, sample=None, element=("dense_1.weights", 0, 0)))


def test_node_and_element_together_are_refused() -> None:
    make, x, y = NETWORKS["softmax"]
    with pytest.raises(cr.errors.InputError, match="node and element"):
        cr.explain(make(), x, y, node="dense_1", element=("dense_1", 0))


def test_layers_too_wide_to_follow_every_path_are_refused_and_the_page_begins_nearer_the_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide = network(cr.Dense(40, "relu"), cr.Dense(40, "relu"), cr.Dense(1))
    monkeypatch.setattr(paths_module, "MOST_WORK", 100_000)
    monkeypatch.setattr(one_weight, "_EASY", 100_000)
    with pytest.raises(cr.errors.MisuseError, match=r"a weight of a later layer, or explain node='dense_1\.weights'"):
        cr.explain(wide, X, Y, element="dense_1.weights[0,0]")
    assert "One path leads from W⁽²⁾" in str(cr.explain(wide, X, Y))
    assert "W⁽¹⁾" in str(cr.explain(wide, X, Y, node="dense_1.weights"))


def test_a_large_batch_counts_what_its_matrix_products_cost() -> None:
    wide = network(cr.Dense(30, "relu"), cr.Dense(1), dtype="float32")
    x, y = _random.normal(size=(2000, 4)), _random.normal(size=(2000, 1))
    one, many = (analyse_network(wide, x, y, sample) for sample in (0, None))
    unit = Unit(one.parameters()[0], (0, 0))
    assert Paths.work(one, unit) < 10_000
    assert Paths.work(many, unit) > 2000 * 2000 * 30 * 4  # each of a weight's 2,000 sums asks for a whole product


def test_an_op_that_moves_numbers_to_other_places_is_no_activation() -> None:
    flipped = network(cr.Dense(9), cr.Reshape((-1, 3, 3)), cr.Transpose((0, 2, 1)), cr.Flatten(), cr.Dense(1))
    text = str(cr.explain(flipped, X, Y, element=("transpose_1", 0, 1)))
    assert "transpose(" not in text
    assert misses(analyse_network(flipped, X, Y, 0)) == []
    square = {"z": _random.normal(size=(1, 3, 3))}
    assert not paths_module.elementwise(cr.Transpose((0, 2, 1)), square, "z")
    assert not paths_module.elementwise(cr.ops.Cumsum(), square, "z")
    assert paths_module.elementwise(cr.Tanh(), square, "z")


def test_a_long_text_for_an_element_is_refused_at_once() -> None:
    began = time.perf_counter()
    for text in (" " * 20_000 + "x" + " " * 20_000 + "[", "[" * 40_000, "a " * 20_000 + "]["):
        with pytest.raises(cr.ChainruleError) as caught:
            cr.explain(network(cr.Dense(1)), X, Y, element=text)
        assert len(str(caught.value)) < 600
    assert time.perf_counter() - began < 2


def test_a_page_begins_with_a_weight_of_the_loss_however_hard_a_penalty_pulls_at_others() -> None:
    largest = network(cr.Dense(3), cr.Max(axis=-1, keepdims=True), cr.Dense(1), l2=10.0)
    assert "One path" in str(cr.explain(largest, X, Y * 1e-3))
    refused = []
    for j in range(3):
        try:
            cr.explain(largest, X, Y * 1e-3, element=("dense_1.weights", 0, j))
        except cr.errors.MisuseError as error:
            refused.append(str(error))
    assert refused
    assert all("on these samples" in told and "Explain node='dense_1.weights'" in told for told in refused)
    assert "W⁽¹⁾" in str(cr.explain(largest, X, Y * 1e-3, node="dense_1.weights"))


def test_frozen_weights_have_paths_too() -> None:
    make, x, y = NETWORKS["softmax"]
    net = make()
    free = json.loads(str(cr.explain(net, x, y, element="dense_1.weights[0,0]", format="json")))["element"]
    net.freeze("dense_1")
    told = json.loads(str(cr.explain(net, x, y, element="dense_1.weights[0,0]", format="json")))["element"]
    assert told["sum"] == free["sum"]
    assert "One path" in str(cr.explain(net, x, y, element="dense_1.weights[0,0]")) or told["paths"] > 1


def test_an_op_of_ones_own_has_factors_of_its_own_backward() -> None:
    class Cube(cr.Op):
        """y = z³
        ∂z = ∂y · 3z²"""

        def forward(self, z: Any) -> Any:
            return z**3

        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return dict(z=dy * 3 * z * z)

    analysis = analyse_network(network(cr.Dense(3), Cube(), cr.Dense(1)), X, Y, 0)
    assert misses(analysis) == []
    text = str(cr.explain(network(cr.Dense(3), Cube(), cr.Dense(1)), X, Y, element=("dense_1", 1)))
    assert "cube′(z⁽¹⁾[1])" in text
    assert "cube′(z⁽¹⁾[1]) = 3z⁽¹⁾[1]²" in text or "cube′(z⁽¹⁾[1]) = 3 · z⁽¹⁾[1]²" in text


def test_a_single_number_without_axes_is_followed_too() -> None:
    s = cr.Parameter("s", 2.0)
    loss = cr.mean(x=s * (cr.Input("x", [[0.0, 1], [1, 1]]) @ cr.Parameter("w", [[0.5], [-0.25]])))
    told = json.loads(str(cr.explain(loss, element="s", format="json")))
    assert told["element"]["paths"] == 2
    assert told["element"]["sum"] == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("form", ["y = z / (1 − 1)", "y = z[axis]", "y = √w", "y = z²²²²²²²²²²", "y = exp"])
def test_one_weight_is_explained_whatever_the_docstring_of_an_op_says(form: str) -> None:
    class Twice(cr.Op):
        def forward(self, z: Any) -> Any:
            return 2 * z

        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return dict(z=2 * dy)

    Twice.__doc__ = f"{form}\n{form.replace('y', '∂z', 1)}"
    text = str(cr.explain(network(cr.Dense(3), Twice(), cr.Dense(1)), X, Y, element=("dense_1", 1)))
    assert "∂C/∂z⁽¹⁾[1]" in text
