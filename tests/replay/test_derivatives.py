"""Derivatives hold when a graph is replayed, with and without lowering; compiled, in `test_compiled_ops`."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.graph import Graph, Parameter
from chainrule.replay import Program
from tests.ops.cases import CASES, Case
from tests.ops.checking import close, jacobian
from tests.replay.terms import cotangent, fits, graph_of


def assert_derivatives_hold(graph: Graph, program: Program, cases: list[Case]) -> None:
    """Compare each parameter's gradient with the complex step of its op's reference."""
    checked = 0
    for node, gradient in zip(graph.nodes, program.gradients, strict=True):
        if isinstance(node, Parameter):
            role, _, place = str(node.name).partition("_of_")
            case = cases[int(place)]
            dy = np.ravel(cotangent(np.shape(case.op.forward(**case.arrays))))
            assert gradient is not None
            close(gradient, (dy @ jacobian(case, role)).reshape(gradient.shape), 1e-9)
            checked += 1
    assert checked == sum(len(case.roles) for case in cases)


def recorded(graph: Graph, *, lowering: bool = True) -> Program:
    feeds = {name: leaf.value.copy() for name, leaf in graph.inputs.items()}
    return Program(graph, feeds, gradients=True, lowering=lowering)


@pytest.mark.parametrize("lowering", [True, False], ids=["lowered", "plain"])
@pytest.mark.parametrize("case", [case for case in CASES if fits(case) and case.roles], ids=str)
def test_derivatives_hold_when_replayed(case: Case, lowering: bool) -> None:
    graph = graph_of([case], "float64")
    program = recorded(graph, lowering=lowering)
    program.run("forward")
    program.run("backward")
    assert_derivatives_hold(graph, program, [case])
