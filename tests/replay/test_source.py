"""The page of plain NumPy runs as printed and gives what the graph gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import Graph, Input, Parameter
from chainrule.replay import Program, source
from tests.ops.cases import Case
from tests.replay.test_program import FITTING, called, graph_of, networks


def run(graph: Graph) -> tuple[Any, dict[str, Any]]:
    """Execute the page on the graph's own leaves."""
    space: dict[str, Any] = {}
    exec(source(graph), space)
    leaves = {label.replace(".", "_"): node.value for label, node in graph.names.items() if node.op is None}
    return space["step"](**leaves)


def recordable(case: Case) -> bool:
    graph = graph_of(case, "float64")
    return not Program(graph, {name: leaf.value for name, leaf in graph.inputs.items()}, gradients=True).called


@pytest.mark.parametrize("case", [case for case in FITTING if recordable(case)], ids=str)
def test_the_page_of_every_recordable_op_runs_and_agrees(case: Case) -> None:
    graph = graph_of(case, "float64")
    value, gradients = run(graph)
    values, expected = called(graph, {})
    np.testing.assert_allclose(value, values[graph.place(graph.root)], rtol=1e-12)
    for parameter in graph.parameters:
        np.testing.assert_allclose(gradients[parameter.name], expected[graph.place(parameter)], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", list(networks()))
def test_the_page_of_a_network_runs_and_agrees(name: str) -> None:
    graph = networks()[name].graph("evaluation")
    value, gradients = run(Graph(graph.root))
    values, expected = called(graph, {})
    np.testing.assert_allclose(value, values[graph.place(graph.root)], rtol=1e-5)
    for parameter in graph.parameters:
        np.testing.assert_allclose(gradients[parameter.name], expected[graph.place(parameter)], rtol=1e-4, atol=1e-6)


def test_the_page_reads_like_the_derivation() -> None:
    network = cr.Network([cr.Dense(2, 3), cr.Tanh(), cr.Dense(1), cr.Tanh()])
    page = source(network.graph())
    assert "tanh_1 = np.tanh(dense_1)" in page
    assert "d_dense_1 = d_tanh_1 * (1 - (tanh_1 * tanh_1))" in page
    assert "d_dense_1_weights = x.T @ d_dense_1" in page


def test_an_op_that_can_not_be_recorded_is_refused_by_name() -> None:
    table, indices = Parameter("table", np.ones((3, 2))), Input("indices", np.array([0, 2]))
    with pytest.raises(cr.ChainruleError, match="Gather"):
        source(Graph(cr.sum(x=cr.gather(table=table, indices=indices))))
