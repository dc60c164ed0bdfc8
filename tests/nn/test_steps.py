"""Whole steps: with and without the value of the loss, on memory of the network's own or of somebody else's."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr


class RootMeanSquaredError(cr.ops.Op):
    """y = √mean((prediction − target)²)
    ∂prediction = ∂y · (prediction − target) / (n y)"""

    constant = ("target",)

    def forward(self, prediction, target):
        return np.sqrt(np.square(prediction - target).mean())

    def backward(self, dy, y, prediction, target):
        return dict(prediction=dy * (prediction - target) / (prediction.size * y))


LOSSES = {
    "squared": cr.MeanSquaredError(),
    "entropy": cr.BinaryCrossEntropy(),
    "its derivative needs it": RootMeanSquaredError(),
}


def network(loss: cr.ops.Op, engine: str = "replay") -> cr.Network:
    layers = [cr.Dense(5), cr.Tanh(), cr.Dense(1), cr.Sigmoid()]
    return cr.Network(layers, loss, cr.Adam(0.05), inputs=2, seed=3, engine=engine)


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_step_without_the_loss_value_learns_the_same(loss, engine):
    X, y = cr.data.xor()
    telling, silent = network(loss, engine), network(loss, engine)
    for _ in range(5):
        assert np.isfinite(telling.step(*telling.as_batch("test", X, y)[:2]))
        assert np.isnan(silent.step(*silent.as_batch("test", X, y)[:2], with_loss=False))
    assert telling.parameters.tobytes() == silent.parameters.tobytes()


def test_a_loss_that_was_not_computed_is_not_shown():
    X, y = cr.data.xor()
    one = network(LOSSES["squared"])
    x, t, _ = one.as_batch("test", X, y)
    one.step(x, t)
    assert np.isfinite(one["loss"].value)
    one.step(x, t, with_loss=False)
    assert np.isnan(one["loss"].value)
    assert np.isfinite(one["dense_2"].grad).all()


def test_a_step_without_the_loss_value_still_refuses_what_is_not_finite():
    one = network(LOSSES["squared"])
    x, t, _ = one.as_batch("test", [[1.0, 0.0]], [[1.0]])
    before = one.parameters.copy()
    x[0, 0] = np.inf
    with pytest.raises(cr.errors.NonFiniteError), np.errstate(all="ignore"):
        one.step(x, t, with_loss=False)
    assert np.array_equal(one.parameters, before)


def test_weights_that_lie_elsewhere_are_fed_though_the_batch_lies_in_its_place():
    X, y = cr.data.xor()
    one, other = network(LOSSES["squared"]), network(LOSSES["squared"])
    x, t, weights = one.as_batch("test", X, y, [1.0, 2.0, 0.0, 1.0])
    places = one.record(x, t, weights, 4)
    places["x"][...], places["y"][...] = x, t
    for w in (weights, weights[::-1].copy()):
        assert one.step(places["x"], places["y"], w) == other.step(x, t, w)


def test_a_network_computes_in_memory_that_starts_on_a_cache_line():
    X, y = cr.data.xor()
    one = network(LOSSES["squared"])
    x, t, _ = one.as_batch("test", X, y)
    places = one.record(x, t, None, 4)
    one.step(x, t)
    slots = [array for arrays in one.optimizer_state.slots.values() for array in arrays]
    for array in (one.parameters, one.gradients, *places.values(), *slots, one["tanh_1"].value):
        assert array.ctypes.data % 64 == 0
