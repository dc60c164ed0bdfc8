"""The Jacobian of each sample: the blocks of the whole one for every op, and no answer where samples are mixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from tests.mistakes import expect_one_clear_error
from tests.ops.cases import CASES

RNG = np.random.default_rng(7)


def node_of(case: Any) -> tuple[cr.Node, dict[str, cr.Node]]:
    leaves: dict[str, Any] = {role: cr.Input(role, array) for role, array in case.arrays.items()}
    return cr.Node(case.op, leaves), leaves


OF_SAMPLES = [
    (case, role)
    for case in CASES
    for role in case.roles
    if (shape := np.shape(case.op.forward(**case.arrays))) and case.arrays[role].shape[:1] == shape[:1]
]


@pytest.mark.parametrize(("case", "role"), OF_SAMPLES, ids=[f"{case}-{role}" for case, role in OF_SAMPLES])
def test_of_every_op_it_is_the_blocks_of_the_whole_or_refused(case: Any, role: str) -> None:
    of, leaves = node_of(case)
    by = leaves[role]
    samples, sizes = of.shape[0], (of.value.size // of.shape[0], by.value.size // of.shape[0])
    whole = cr.jacobian(of, by).reshape(samples, sizes[0], samples, sizes[1])
    own = whole[np.arange(samples), :, np.arange(samples)].copy()
    whole[np.arange(samples), :, np.arange(samples)] = 0
    if whole.any():
        with pytest.raises(cr.errors.MisuseError, match="a sample depends on another sample's"):
            cr.jacobian(of, by, per_sample=True)
        return
    found = cr.jacobian(of, by, per_sample=True)
    assert found.shape == (samples, *of.shape[1:], *by.shape[1:])
    np.testing.assert_allclose(found.reshape(own.shape), own, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("shape", [(1, 2), (5, 10), (64, 10), (3, 1)], ids=str)
def test_of_softmax_it_is_diag_s_minus_s_s_transposed(shape: tuple[int, int]) -> None:
    z = cr.Input("z", 4 * RNG.standard_normal(shape))
    s = cr.softmax(z=z)
    found = cr.jacobian(s, z, per_sample=True)
    assert found.shape == (*shape, shape[1])
    expected = np.array([np.diag(row) - np.outer(row, row) for row in s.value])
    assert np.abs(found - expected).max() <= 1e-15


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_a_networks_outputs_by_its_inputs(engine: str, dtype: str) -> None:
    layers = [cr.Dense(4), cr.Tanh(), cr.Dense(3), cr.Softmax()]
    network = cr.Network(layers, inputs=2, engine=engine, dtype=dtype, seed=1)
    X = RNG.standard_normal((6, 2))
    cr.train(network, X, np.arange(6) % 3, epochs=1)
    x = cr.Input("x", X.astype(dtype))
    found = cr.jacobian(network(x), x, per_sample=True)
    assert found.shape == (6, 3, 2)
    assert found.dtype == dtype
    for sample, row in zip(found, X.astype(dtype), strict=True):
        alone = cr.Input("x", row[None])
        np.testing.assert_allclose(sample, cr.jacobian(network(alone), alone)[0, :, 0], rtol=1e-5, atol=1e-7)
    assert np.abs(found.sum(axis=1)).max() < 1e-6, "probabilities share a sum"


def test_it_is_of_a_node_within_a_graph_too() -> None:
    x, w = cr.Input("x", RNG.standard_normal((4, 3))), cr.Parameter("w", RNG.standard_normal((3, 2)))
    z = x @ w
    s = cr.sigmoid(z=z)
    found = cr.jacobian(s, z, per_sample=True)
    np.testing.assert_allclose(found, [np.diag(row * (1 - row)) for row in s.value], rtol=1e-14)
    np.testing.assert_allclose(cr.jacobian(s, x, per_sample=True), found @ w.value.T, rtol=1e-13)


def test_one_number_for_each_sample_has_its_derivative_alone() -> None:
    x = cr.Input("x", RNG.standard_normal((4, 3)))
    assert cr.jacobian(cr.sum(x=x * x, axis=1), x, per_sample=True).tolist() == (2 * x.value).tolist()
    column = cr.Input("column", [1.0, 2.0, 3.0])
    assert cr.jacobian(column * column, column, per_sample=True).tolist() == [2, 4, 6]


class Rolled(cr.Op):
    """y = z + z of the sample before − z of the one after
    ∂z = ∂y + ∂y of the sample after − ∂y of the one before"""

    def forward(self, z: Any) -> Any:
        return z + np.roll(z, 1, axis=0) - np.roll(z, -1, axis=0)

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy + np.roll(dy, -1, axis=0) - np.roll(dy, 1, axis=0))


class Leaning(cr.Op):
    """y = z, and of the first sample z + factor · z of the last
    ∂z = ∂y, and of the last ∂y + factor · ∂y of the first"""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def forward(self, z: Any) -> Any:
        y = z.copy()
        y[0] += self.factor * z[-1]
        return y

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        dz = dy.copy()
        dz[-1] += self.factor * dy[0]
        return dict(z=dz)


def x(*shape: int) -> Any:
    return cr.Input("x", RNG.standard_normal(shape))


MIXING = {
    "minus the mean of all samples": lambda z: z - cr.mean(x=z, axis=0),
    "minus the largest of all samples": lambda z: z - cr.max(x=z, axis=0),
    "softmax along the samples": lambda z: cr.softmax(z=z, axis=0),
    "neighbours that cancel": lambda z: cr.Node(Rolled(), {"z": z}),
    "one sample and a little of another": lambda z: cr.Node(Leaning(1e-5), {"z": z}),
    "similarities": lambda z: z @ cr.transpose(x=z),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("samples", [3, 8, 70])
@pytest.mark.parametrize("function", MIXING.values(), ids=MIXING)
def test_where_samples_are_mixed_it_is_refused_and_the_fix_works(function: Any, samples: int, dtype: str) -> None:
    z = cr.Input("z", RNG.standard_normal((samples, 3)).astype(dtype))
    of = function(z)
    with pytest.raises(cr.errors.MisuseError, match="Leave per_sample=True away"):
        cr.jacobian(of, z, per_sample=True)
    assert cr.jacobian(of, z).shape == of.shape + z.shape


REFUSED = {
    "by weights": (lambda: by_weights(), ["weights", "(3, 2)", "Leave per_sample"]),
    "of the loss": (lambda: cr.jacobian(cr.sum(x=(z := x(4, 3))), z, per_sample=True), ["()", "(4, 3)"]),
    "by one number": (lambda: by_number(), ["by Input", "()"]),
    "what does not depend on it": (lambda: unrelated(), ["in wrt"]),
    "a count": (lambda: cr.jacobian((z := x(2, 2)) * z, z, per_sample=2), ["per_sample", "True or False"]),
}


def by_weights() -> Any:
    weights = cr.Parameter("weights", RNG.standard_normal((3, 2)))
    return cr.jacobian(x(4, 3) @ weights, weights, per_sample=True)


def by_number() -> Any:
    factor = cr.Input("factor", 2.0)
    return cr.jacobian(x(4, 3).value * factor, factor, per_sample=True)


def unrelated() -> Any:
    z = x(4, 3)
    return cr.jacobian(z * z, cr.Input("other", z.value), per_sample=True)


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_samples_is_one_clear_error(call: Any, words: list[str]) -> None:
    expect_one_clear_error(call, words)
