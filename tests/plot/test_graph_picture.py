"""The picture of a graph: its edges say what the graph holds, and its nodes stand in rows with few crossings."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError
from chainrule.plot import graph
from chainrule.plot.graph_picture import lay_out


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def boxes(figure: Any) -> int:
    return sum(type(patch).__name__ == "FancyBboxPatch" for patch in figure.axes[0].patches)


def arrows(figure: Any) -> int:
    return sum(type(patch).__name__ == "FancyArrowPatch" for patch in figure.axes[0].patches)


def by_hand() -> cr.Node:
    x, t = cr.Input("x", [[1.0, 0.0]]), cr.Input("t", [[1.0]])
    w, b = cr.Parameter("w", [[0.5], [-0.3]]), cr.Parameter("b", [0.1])
    return cr.mean_squared_error(prediction=cr.tanh(z=cr.linear(x=x, weights=w, bias=b)), target=t)


def test_every_node_is_a_box_with_its_shape_and_every_edge_an_arrow() -> None:
    loss = by_hand()
    figure = graph(loss)
    nodes = cr.Graph(loss).nodes
    assert boxes(figure) == len(nodes)
    assert arrows(figure) == sum(len(node.children) for node in nodes)
    assert {"linear", "tanh", "mean_squared_error", "x", "w", "1×2", "2×1", "one number"} <= set(texts(figure))


def test_the_numbers_on_the_edges_are_the_graphs_own() -> None:
    loss = by_hand()
    figure = graph(loss)
    loss.backward()
    found = texts(figure)
    a = float(np.tanh(0.6))
    assert f"{a:.3g}" in found
    assert f"∂ −{2 * (1 - a):.3g}" in found  # of the loss by the prediction, 2(a − t)
    slope = -2 * (1 - a) * (1 - a * a)
    assert f"∂ −{-slope:.3g}" in found
    assert f"∂ [−{-slope:.3g}, −0]" in found or f"∂ [−{-slope:.3g}, 0]" in found
    assert loss.children["prediction"].grad is not None


def test_each_path_has_its_own_derivative_where_several_meet() -> None:
    x = cr.Parameter("x", 3.0)
    found = texts(graph(cr.multiply(a=x * 2.0, b=x + 1.0)))
    assert "∂ 4" in found
    assert "∂ 6" in found
    assert "∂ 8" in found  # 4 · 2 by one path, 6 by the other


def test_one_child_in_two_roles_is_one_arrow_with_both() -> None:
    x = cr.Parameter("x", 3.0)
    figure = graph(cr.multiply(a=x, b=x))
    assert arrows(figure) == 1
    assert texts(figure).count("∂ 3") == 2
    assert {"a", "b"} <= set(texts(figure))


def test_a_network_is_drawn_with_a_batch_and_not_changed() -> None:
    X, y = cr.data.xor()
    network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
    before = network.parameters.copy()
    figure = graph(network, X, y, title="XOR")
    names = {"x", "dense_1", "dense_1.weights", "dense_1.bias", "tanh_1", "dense_2", "y", "loss"}
    assert names <= set(texts(figure))
    assert figure.axes[0].get_title() == "XOR"
    assert (network.parameters == before).all()
    trace = cr.trace(network, X, y)
    norm = float(np.linalg.norm(np.asarray(trace["dense_1.weights"].grad)))
    assert f"∂ ‖·‖ {norm:.3g}" in texts(figure)


def test_where_nothing_is_learnt_values_are_drawn_alone() -> None:
    found = texts(graph(cr.tanh(z=cr.Input("z", np.arange(3.0)))))
    assert not [text for text in found if text.startswith("∂")]


def test_labels_are_beside_the_edges_and_not_on_them() -> None:
    network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
    figure = graph(network, *cr.data.xor())
    figure.draw_without_rendering()
    (axes,) = figure.axes
    ways = []
    for arrow in (patch for patch in axes.patches if type(patch).__name__ == "FancyArrowPatch"):
        path = arrow.get_path()  # as it is drawn, without its head
        ways.append(axes.transData.transform(path.interpolated(1).to_polygons(closed_only=False)[0]))
    labels = [text for text in axes.texts if text.get_zorder() == 2]
    assert len(labels) > 15
    for text in labels:
        box = text.get_window_extent()
        for way in ways:
            dense = np.concatenate([np.linspace(a, b, 20) for a, b in itertools.pairwise(way)])
            assert not any(box.contains(x, y) for x, y in dense), text


def test_norms_are_explained_where_there_are_some() -> None:
    def told(of: cr.Node) -> str:
        return str(graph(of).axes[0].get_legend().get_title().get_text())

    assert told(cr.sum(x=cr.Parameter("w", np.ones(4)))).startswith("‖·‖: of more than 2 numbers the norm")
    assert "‖" not in told(cr.sum(x=cr.Parameter("w", np.ones(2))))


def test_a_skip_connection_goes_round_the_layer() -> None:
    network = cr.Network([cr.Dense(2, inputs=2), cr.Residual([cr.Dense(2), cr.Tanh()]), cr.Dense(1)])
    figure = graph(network, [[1.0, 0.0]], [[1.0]])
    assert boxes(figure) == len(cr.Graph(list(network.nodes.values())[-1]))


def test_names_are_only_text() -> None:
    found = texts(graph(cr.sum(x=cr.Parameter("$x^\x1b[31m<b>", [1.0]))))
    assert "$x^\\x1b[31m<b>" in found


@pytest.mark.parametrize(
    ("of", "arguments", "message"),
    [
        (cr.Network([cr.Dense(1, inputs=2)]), (), "got a network without a batch"),
        ("loss", (), "got 'loss', but expected a network, a graph or a node"),
    ],
)
def test_what_is_no_graph_is_refused(of: Any, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        graph(of, *arguments)


def test_a_graph_too_large_to_read_is_refused() -> None:
    node = cr.Parameter("x", 1.0) + 0.0
    for _ in range(100):
        node = cr.tanh(z=node)
    with pytest.raises(InputError, match="got a graph of 103 nodes, but expected at most 80"):
        graph(node)


CHAIN = [[], [], [0, 1], [2], [], [3, 4], [], [5, 6]]  # two layers with weights, and a target
DIAMOND = [[], [0], [0], [1, 2]]
SKIP = [[], [0], [1], [2], [0, 3]]  # a connection that passes three rows
TWICE = [[], [0, 0]]
SHAPES = {"chain": CHAIN, "diamond": DIAMOND, "skip": SKIP, "twice": TWICE, "alone": [[]]}


def random_graph(seed: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [sorted({int(k) for k in rng.integers(0, i, rng.integers(0, 3))}) if i else [] for i in range(25)]


GRAPHS = [*SHAPES.values(), *(random_graph(seed) for seed in range(4))]


@pytest.mark.parametrize("children", GRAPHS)
def test_every_node_stands_below_its_children(children: list[list[int]]) -> None:
    row = lay_out(children).row
    assert all(row[kid] < row[place] for place, kids in enumerate(children) for kid in kids)
    assert min(row) >= 0


@pytest.mark.parametrize("children", GRAPHS)
def test_nodes_and_bends_of_a_row_are_apart(children: list[list[int]]) -> None:
    layout = lay_out(children)
    spots = list(zip(layout.row, layout.x)) + [(row, x) for bends in layout.bends.values() for x, row in bends]
    for (row, x), (other_row, other_x) in itertools.combinations(spots, 2):
        assert row != other_row or abs(x - other_x) >= 1 - 1e-6
    assert min(x for _, x in spots) == 0
    assert max(x for _, x in spots) == layout.width


@pytest.mark.parametrize("children", GRAPHS)
def test_an_edge_bends_in_each_row_it_passes(children: list[list[int]]) -> None:
    layout = lay_out(children)
    for place, kids in enumerate(children):
        for kid in kids:
            passed = [row for _, row in layout.bends.get((kid, place), [])]
            assert passed == list(range(layout.row[kid] + 1, layout.row[place]))


def test_a_chain_of_layers_stands_straight_with_its_parameters_beside_it() -> None:
    layout = lay_out(CHAIN)
    spine = [layout.x[place] for place in (2, 3, 5, 7)]
    assert max(spine) - min(spine) < 0.02
    assert layout.row == [0, 0, 1, 2, 2, 3, 3, 4]


def test_a_leaf_stands_just_above_the_first_of_its_parents() -> None:
    assert lay_out([[], [0], [1], [], [2, 3]]).row[3] == 2


def test_edges_that_need_not_cross_do_not() -> None:
    children = [[], [], [], [0], [1, 2], [0, 1], [1, 5], [5]]  # crosses four times in the order of a walk
    layout = lay_out(children)
    pieces = []
    for parent, kids in enumerate(children):
        for kid in kids:
            ends = [(layout.x[kid], layout.row[kid]), *layout.bends.get((kid, parent), []), (layout.x[parent], 0)]
            pieces += [(row, x, below) for (x, row), (below, _) in itertools.pairwise(ends)]
    for (row, x, below), (other_row, other_x, other_below) in itertools.combinations(pieces, 2):
        assert row != other_row or (x - other_x) * (below - other_below) >= 0
