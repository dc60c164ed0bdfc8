"""Calls in their cheapest form give what the calls themselves give, at the shapes for which each form is chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import Graph
from chainrule.replay import Program

LONG = 2 * 16384 + 100  # taken in blocks, the last of them short


def halved_and_sum(z: Any) -> Any:
    """A product in float32 that is read twice: once widened, once as it is."""
    t = z * 0.5
    return t + t.astype(np.float64).sum().astype(np.float32)


def chain(z: Any) -> Any:
    t = z * 2
    u = t + 1
    return u * t - u


# The calls, and the shapes at which they take another form than at a few numbers.
LOWERED: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "the largest of many short rows": (lambda z: z.max(axis=1, keepdims=True), (64, 10)),
    "the largest of one row": (lambda z: z.max(axis=1, keepdims=True), (1, 10)),
    "the smallest of one row": (lambda z: z.min(axis=1, keepdims=True), (1, 10)),
    "the smallest of many short rows": (lambda z: z.min(axis=1, keepdims=True), (64, 10)),
    "sums over the samples": (lambda z: z.sum(axis=0), (64, 10)),
    "sums of rows": (lambda z: z.sum(axis=1, keepdims=True), (64, 10)),
    "a sum of few numbers, in float64": (lambda z: z.sum(dtype=np.float64).astype(z.dtype), (64, 10)),
    "a sum of many numbers, in float64": (lambda z: z.sum(dtype=np.float64).astype(z.dtype), (64, 100)),
    "a number where a condition holds": (lambda z: np.where(z > 0, 0.5, z), (64, 10)),
    "a product with truths": (lambda z: z * (z > 0), (64, 10)),
    "against a number": (lambda z: np.maximum(z, 0.25), (64, 10)),
    "one row": (lambda z: z * 3 + np.float32(1), (1, 10)),
    "a long vector, block by block": (chain, (LONG,)),
    "a conversion that is not the only reader": (halved_and_sum, (64, 10)),
}


@pytest.mark.parametrize("lowering", [True, False], ids=["lowered", "as recorded"])
@pytest.mark.parametrize(("function", "shape"), LOWERED.values(), ids=LOWERED)
def test_a_call_gives_what_it_gives_without_a_record(
    function: Callable[[Any], Any], shape: tuple[int, ...], lowering: bool
) -> None:
    class Called(cr.Op):
        def forward(self, z: Any) -> Any:
            return function(z)

    random = np.random.default_rng(0)
    first, other = random.standard_normal((2, *shape)).astype(np.float32)
    node = cr.Node(Called(), {"z": cr.Input("z", first)})
    program = Program(Graph(node, wrt=[]), {"z": first}, lowering=lowering)
    assert not program.called
    for z in (other, first):
        program.feed(z=z)
        program.run("forward")
        np.testing.assert_allclose(program.root, function(z), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("row", [[1, np.nan, 3], [-np.inf, -np.inf, -np.inf], [2, np.inf, np.nan], [-1, -1, -2]])
def test_the_largest_of_one_row_is_numpys(row: list[float]) -> None:
    class Largest(cr.Op):
        def forward(self, z: Any) -> Any:
            return z.max(axis=1, keepdims=True)

    z = np.array([row], np.float32)
    program = Program(Graph(cr.Node(Largest(), {"z": cr.Input("z", np.ones_like(z))}), wrt=[]), {"z": z})
    program.feed(z=z)
    program.run("forward")
    np.testing.assert_array_equal(program.root, z.max(axis=1, keepdims=True))


def test_a_sum_in_float64_loses_nothing_when_it_is_lowered() -> None:
    class Total(cr.Op):
        def forward(self, z: Any) -> Any:
            return z.sum(dtype=np.float64).astype(z.dtype)

    z = np.full((64, 10), 1e-3, np.float32)
    z[0, 0] = 3e4
    program = Program(Graph(cr.Node(Total(), {"z": cr.Input("z", z)}), wrt=[]), {"z": z})
    program.run("forward")
    assert program.root == np.float32(z.sum(dtype=np.float64))
    assert program.root != z.sum()
