"""The page of plain NumPy runs as printed and gives what the graph gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import Graph, Input, Node, Parameter
from chainrule.replay import Program, source
from tests.ops.cases import Case
from tests.replay.terms import graph_of
from tests.replay.test_program import FITTING, called, networks


def run(page: str, graph: Graph, feeds: dict[str, Any] | None = None) -> Any:
    """Execute the page on the graph's own leaves, or on what is fed instead."""
    space: dict[str, Any] = {}
    exec(page, space)
    leaves = {label: node.value for label, node in graph.names.items() if node.op is None} | (feeds or {})
    return space["step"](**{label.replace(".", "_"): value for label, value in leaves.items()})


def recordable(case: Case) -> bool:
    graph = graph_of([case], "float64")
    return not Program(graph, {name: leaf.value for name, leaf in graph.inputs.items()}, gradients=True).called


@pytest.mark.parametrize("case", [case for case in FITTING if recordable(case)], ids=str)
def test_the_page_of_every_recordable_op_runs_and_agrees(case: Case) -> None:
    graph = graph_of([case], "float64")
    value, gradients = run(source(graph), graph)
    values, expected = called(graph, {})
    np.testing.assert_allclose(value, values[graph.place(graph.root)], rtol=1e-12)
    for parameter in graph.parameters:
        np.testing.assert_allclose(gradients[parameter.name], expected[graph.place(parameter)], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("name", list(networks()))
def test_the_page_of_a_network_takes_batches_of_any_size_and_agrees(name: str, count: int) -> None:
    network = networks()[name]
    network.build(6)
    graph = network.graph()
    page = source(graph)
    generator = np.random.default_rng(count)
    batch = {"x": generator.standard_normal((count, 6)), "y": generator.integers(0, 3, count)}
    feeds = {key: np.resize(leaf.value[:1], (count, *leaf.shape[1:])) for key, leaf in graph.inputs.items()}
    feeds |= {key: array.astype(graph.inputs[key].dtype) for key, array in batch.items()}
    values, expected = called(graph, feeds)
    value, gradients = run(page, graph, feeds)
    np.testing.assert_allclose(value, values[graph.place(graph.root)], rtol=1e-5)
    for parameter in graph.parameters:
        scale = np.abs(expected[graph.place(parameter)]).max()
        np.testing.assert_allclose(
            gradients[parameter.name], expected[graph.place(parameter)], rtol=1e-4, atol=1e-5 * scale
        )
        assert gradients[parameter.name].dtype == parameter.dtype
    for stray in (".copy()", "/ 1\n", "axis=(", "1.0 *", "float64", "((x"):
        assert stray not in page or network.dtype == stray


def test_the_page_of_a_prediction_gives_it() -> None:
    network = networks()["branches"]
    graph = network.graph("prediction")
    x = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
    np.testing.assert_allclose(run(source(graph), graph, {"x": x}), cr.predict(network, x), rtol=1e-5)


def test_a_graph_that_takes_one_shape_alone_is_written_for_that_shape() -> None:
    x, w = Input("x", np.arange(6.0).reshape(2, 3)), Parameter("w", np.ones((2, 3)))
    graph = Graph(cr.sum(x=cr.Node(cr.ops.Reshape((2, 3)), {"x": x}) * w))
    assert "samples" not in source(graph)
    assert "# for a batch of 2 alone" in source(graph)
    assert run(source(graph), graph)[0] == 15


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ((slice(None), slice(None, None, -1)), "x[:, ::-1]"),
        ((slice(None), slice(2, 0, -1)), "x[:, :0:-1]"),
        ((slice(None), slice(0, None, 2)), "x[:, ::2]"),
        ((slice(None), -1, None), "x[:, None, 2]"),
        ((Ellipsis, None), "x[:, :, None]"),
        ((slice(None), None), "x[:, None, :]"),
    ],
    ids=str,
)
def test_a_view_is_said_by_the_slices_that_lead_to_it(key: Any, said: str) -> None:
    x = Input("x", np.arange(6.0).reshape(2, 3))
    graph = Graph(cr.negative(z=cr.Node(cr.ops.Slice(key), {"x": x})))
    assert f"-{said}" in source(graph)
    feeds = {"x": np.random.default_rng(0).standard_normal((5, 3))}
    np.testing.assert_array_equal(run(source(graph), graph, feeds), -feeds["x"][key])


def test_the_page_reads_like_the_derivation() -> None:
    network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Tanh()])
    page = source(network.graph())
    assert "tanh_1 = np.tanh(dense_1)" in page
    assert "d_dense_1 = d_tanh_1 * (1 - tanh_1**2)" in page
    assert "d_dense_1_weights = x.T @ d_dense_1" in page
    assert "loss = (t1**2).mean()" in page
    assert "d_tanh_2 = 2 * t1 / samples" in page


def test_an_op_that_can_not_be_recorded_is_refused_by_name() -> None:
    class Sorted(cr.Op):
        """y = x, sorted
        ∂x = ∂y, back at their places"""

        def forward(self, x: Any) -> Any:
            return np.sort(x, axis=0)

        def backward(self, dy: Any, y: Any, x: Any) -> Any:
            return dict(x=dy[np.argsort(np.argsort(x, axis=0), axis=0)])

    with pytest.raises(cr.ChainruleError, match="Sorted"):
        source(Graph(cr.sum(x=Node(Sorted(), {"x": Parameter("x", np.ones(3))}))))


@pytest.mark.parametrize(("columns", "written"), [(4, "(samples // 2, 4)"), (3, "alone"), (1, "(2 * samples, 1)")])
def test_a_length_that_is_left_over_is_a_whole_number(columns: int, written: str) -> None:
    shape = (-1, columns)
    x, w = Input("x", np.ones((12, 2))), Parameter("w", np.ones((columns, 1)))
    rows = cr.reshape(x=x, shape=shape)
    graph = Graph(cr.mean(x=rows @ w))
    page = source(graph)
    feeds = {"x": np.random.default_rng(0).standard_normal((12, 2))}
    value, gradients = run(page, graph, feeds)
    graph.forward(**feeds)
    graph.backward()
    np.testing.assert_allclose(value, graph.root.value)
    np.testing.assert_allclose(gradients["w"], w.grad)
    assert written in page


def test_the_derivative_by_a_constant_is_filed_under_where_it_stands() -> None:
    x, two, three = Input("x", [[1.0, 2.0]]), Input(None, [[3.0, 4.0]]), Input(None, 5.0)
    graph = Graph(cr.sum(x=(x * two) * three), wrt=[x, two, three])
    page = source(graph)
    _, gradients = run(page, graph)
    assert set(gradients) == {"x", "multiply.b", "multiply_2.b"}
    graph.backward()
    np.testing.assert_allclose(gradients["multiply.b"], two.grad)
    np.testing.assert_allclose(gradients["multiply_2.b"], three.grad)
