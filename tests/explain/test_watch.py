"""Watching training: the figures are those of the network, and the cost is small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain import watch

X, Y = cr.data.xor()


def root_mean_square(array: Any) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(array, np.float64)))))


def network(activation: Any, **settings: Any) -> Any:
    layers = [cr.Dense(8), activation, cr.Dense(1), cr.Sigmoid()]
    return cr.Network(layers, **{"inputs": 2, "optimizer": cr.SGD(0.1), **settings})


@pytest.mark.parametrize("every", [1, 3])
def test_the_figures_are_those_of_the_step(every: int) -> None:
    net, watched = network(cr.Tanh(), l2=0.01), watch(every=every)
    seen: list[dict[str, Any]] = []

    class Looking(cr.Callback):
        def begin(self, training: Any) -> None:
            self.before = training.network.parameters.copy()

        def after_step(self, training: Any) -> None:
            weights = training.network.leaves["dense_1.weights"]
            nodes = training.network.nodes
            old, self.before = self.before, training.network.parameters.copy()
            step = root_mean_square((training.network.parameters - old)[:16])
            seen.append(
                {
                    "step": training.step,
                    "value": root_mean_square(nodes["tanh_1"].value),
                    "grad": root_mean_square(nodes["tanh_1"].grad),
                    "update": step / root_mean_square(weights.value),
                }
            )

    cr.train(net, X, Y, epochs=9, batch_size=4, callbacks=[watched, Looking()])
    expected = seen[every - 1 :: every]
    for record, weights, told in zip(watched["tanh_1"], watched["dense_1.weights"], expected, strict=True):
        assert record.step == told["step"]
        assert record.value == pytest.approx(told["value"], rel=1e-5)
        assert record.grad == pytest.approx(told["grad"], rel=1e-5)
        assert weights.update == pytest.approx(told["update"], rel=1e-3)


def test_dead_and_saturated_neurons_are_counted() -> None:
    relu = network(cr.ReLU())
    relu.leaves["dense_1.weights"].assign(np.zeros((2, 8)))
    relu.leaves["dense_1.bias"].assign([-1, -1, -1, 1, 1, 1, 1, 1])
    tanh = network(cr.Tanh())
    tanh.leaves["dense_1.weights"].assign(np.zeros((2, 8)))
    tanh.leaves["dense_1.bias"].assign([5, -5, 0, 0, 0, 0, 0, 0])
    found = []
    for net, name in ((relu, "relu_1"), (tanh, "tanh_1")):
        watched = watch(every=1)
        cr.train(net, X, Y, epochs=1, batch_size=4, callbacks=watched)
        found.append((watched[name][0].dead, watched[name][0].saturated))
    assert found[0] == (3 / 8, 3 / 8)
    assert found[1] == (0, 2 / 8)


@pytest.mark.parametrize("layer", [cr.Softmax(), cr.Dense(3)], ids=repr)
def test_only_activations_can_be_dead(layer: Any) -> None:
    net = cr.Network([cr.Dense(4), layer, cr.Dense(1)], loss=cr.MeanSquaredError())
    watched = watch(every=1)
    cr.train(net, X, Y, epochs=1, batch_size=4, callbacks=watched)
    assert all(record.dead is None for record in watched.records)


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_watching_changes_nothing(engine: str) -> None:
    results = []
    for callbacks in ([], [watch(every=2)]):
        net = cr.Network([cr.Dense(8), cr.ReLU(), cr.Dropout(0.3), cr.Dense(1)], engine=engine)
        cr.train(net, X, Y, epochs=10, batch_size=2, callbacks=callbacks)
        results.append(net.parameters.copy())
    assert np.array_equal(*results)


def test_the_records_are_a_table_and_columns() -> None:
    watched = watch(every=5)
    assert "nothing recorded yet" in str(watched)
    with pytest.raises(cr.ChainruleError, match=r"callbacks=\[watch\]"):
        watched["dense_1"]
    cr.train(network(cr.ReLU()), X, Y, epochs=10, batch_size=4, callbacks=watched)
    assert str(watched).startswith("step 10\nnode")
    columns = watched.columns()
    assert set(columns["step"]) == {5, 10}
    assert len(columns["update"]) == len(watched.records)
    assert "<table>" in watched._repr_html_()
    with pytest.raises(cr.ChainruleError, match="Did you mean 'relu_1'"):
        watched["relu1"]


def test_a_whole_number_of_steps_is_wanted() -> None:
    with pytest.raises(cr.errors.InputError, match="whole number"):
        watch(every=0)
