"""Every op, compiled: the numbers of its calls, or a refusal that says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import Graph, Parameter
from chainrule.replay import Program
from chainrule.replay.compiled import Uncompilable, compile_program
from chainrule.replay.compiled.statements import Access
from chainrule.replay.recording import Buffer, Operand
from tests.ops.cases import CASES, Case
from tests.referees import needed
from tests.replay.terms import fits, graph_of
from tests.replay.test_derivatives import assert_derivatives_hold, recorded

needed("numba", "fast")
pytestmark = pytest.mark.usefixtures("compiled_cache")

# Sums are added up in another order, and float32 has an exp and a tanh of its own: k·eps·Σ|a||b|, k at most 100.
ROUNDING = {"float32": 100 * 2.0**-23, "float64": 100 * 2.0**-52}


def has_a_compiled_form(case: Case) -> bool:
    """Whether its op is recorded, and works on tables, or folds the first axis or all."""
    if case.op.name in CALLED or not fits(case):
        return False
    small = all(array.ndim <= 2 for array in case.arrays.values())
    return small or case.op.name == "flatten" or (case.op.name in REDUCTIONS and case.op.axis in (None, 0))


CALLED = {"gather", "cumsum"}  # recorded and replayed, but not compiled
REDUCTIONS = {"sum", "mean", "max", "log_sum_exp", "var", "norm"}
# Of each op one case, the last: compiling all of them takes minutes, and they differ in little more than shape.
CHOSEN = list({case.op.name: case for case in CASES if has_a_compiled_form(case)}.values())
GROUPS = [CHOSEN[i::4] for i in range(4)]  # a graph of several ops compiles faster than several graphs


def compare(graph: Graph, dtype: str) -> None:
    """Compile, change every parameter, run, and compare each value and gradient with those of plain calls."""
    feeds = {name: leaf.value.copy() for name, leaf in graph.inputs.items()}
    program = Program(graph, feeds, gradients=True)
    epoch = compile_program(program, gathered=(), stacked=list(program.inputs))
    for parameter in graph.parameters:
        parameter.array[...] *= np.asarray(0.9, parameter.dtype)
    values = graph.values_on(feeds)
    gradients = graph.walk.backward(values, graph.place(graph.root), np.ones((), dtype))
    slabs = {name: np.stack([array + 1, array]) for name, array in feeds.items()}  # the second step counts
    with np.errstate(all="ignore"):
        assert epoch.run(slabs, np.zeros(2, int)) == 2
    pairs = [*zip(graph.nodes, program.values, values), *zip(graph.nodes, program.gradients, gradients)]
    for node, got, expected in pairs:
        if expected is not None:
            scale = np.abs(expected).max(initial=0)
            close = np.allclose(got, expected, rtol=ROUNDING[dtype], atol=ROUNDING[dtype] * scale, equal_nan=True)
            assert close, f"{node.where}: {got} for {expected}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cases", GROUPS, ids=lambda cases: "-".join(sorted({case.op.name for case in cases})))
def test_ops_compile_to_the_numbers_of_their_calls(cases: list[Case], dtype: str) -> None:
    compare(graph_of(cases, dtype), dtype)


@pytest.mark.parametrize("cases", GROUPS, ids=range(len(GROUPS)))  # here, where they are compiled already
def test_derivatives_hold_when_compiled(cases: list[Case]) -> None:
    graph = graph_of(cases, "float64")
    program = recorded(graph)
    slabs = {name: leaf.value[None].copy() for name, leaf in graph.inputs.items()}
    assert compile_program(program, gathered=(), stacked=list(program.inputs)).run(slabs, np.zeros(1, int)) == 1
    assert_derivatives_hold(graph, program, cases)


def test_every_op_is_compiled_or_known_not_to_be() -> None:
    assert {case.op.name for case in CHOSEN} | CALLED == set(cr.ops.all_ops())


def test_arrays_of_three_axes_are_folded_into_tables() -> None:
    x = Parameter("x", np.random.default_rng(0).standard_normal((3, 2, 4)))
    row, column = Parameter("row", np.ones((2, 4))), Parameter("column", np.full((3, 1), 2.0))
    flat = cr.flatten(x=cr.tanh(z=x * row))
    compare(Graph(cr.sum(x=cr.exp(z=flat @ np.ones((8, 1))) * column)), "float64")


def test_rows_of_the_last_axis_are_scaled_by_their_own_mean_and_deviation() -> None:
    x = Parameter("x", np.random.default_rng(0).standard_normal((3, 2, 4)))
    gain, weight = Parameter("gain", np.linspace(1, 2, 4)), Parameter("weight", np.ones((3, 1, 1)))
    difference = x - cr.mean(x=x, axis=-1, keepdims=True)
    deviation = cr.sqrt(z=cr.mean(x=difference * difference, axis=-1, keepdims=True) + 0.1)
    compare(Graph(cr.sum(x=cr.tanh(z=difference / deviation * gain) * weight)), "float64")


def test_a_row_that_lies_in_its_successors_memory_leaves_the_rows_above_alone() -> None:
    chosen = ("concatenate", "mean_absolute_error", "sigmoid_focal_cross_entropy", "squared_error")
    compare(graph_of([case for case in CHOSEN if case.op.name in chosen], "float64"), "float64")


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda x: cr.cumsum(x=x), "np.cumsum"),
        (lambda x: cr.matmul(a=cr.reshape(x=x, shape=(2, 2, 3)), b=np.ones((2, 3, 1))), "other than two tables"),
        (lambda x: cr.sum(x=cr.reshape(x=x, shape=(2, 2, 3)), axis=1), "over axis 1 of 3"),
        (lambda x: cr.transpose(x=cr.reshape(x=x, shape=(2, 2, 3)), axes=(1, 0, 2)) * 2.0, "gaps"),
    ],
)
def test_what_has_no_compiled_form_is_refused_by_name(build: Any, reason: str) -> None:
    graph = Graph(cr.sum(x=build(Parameter("x", np.ones((4, 3))))))
    with pytest.raises(Uncompilable, match=reason):
        compile_program(Program(graph, {}, gradients=True), gathered=())


def test_an_array_outside_of_its_memory_is_refused() -> None:
    whole = np.zeros((4, 3))
    for part, fits_in in ((whole[:2], True), (whole, False), (whole[1:3], False)):
        operand = Operand(Buffer(whole[:2].reshape(-1)), part)
        if fits_in:
            Access(operand, part.shape)
        else:
            with pytest.raises(Uncompilable, match="outside of its own memory"):
                Access(operand, part.shape)
