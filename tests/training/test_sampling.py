"""Predictions with dropout: drawn from a seed, like the many thinned networks, and leaving no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError, MisuseError

X = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
Y = X @ np.ones((3, 1), np.float32)
ENGINES = ("replay", "dynamic", "compiled")


class Center(cr.Layer):
    """y = x − the mean of all batches so far."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.mean = self.state("mean", np.zeros(shape))

    def forward(self, x: Any) -> Any:
        self.update(self.mean, 0.9 * self.mean + 0.1 * cr.mean(x, axis=0))
        return x - self.mean


def network(engine: str = "replay", **settings: Any) -> cr.Network:
    layers = [Center(), cr.Dense(8), cr.Tanh(), cr.Dropout(0.3), cr.Dense(8), cr.ReLU(), cr.Dropout(0.5), cr.Dense(2)]
    return cr.Network([*layers, cr.Softmax()], inputs=3, engine=engine, **settings)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_seed_draws_the_same_whatever_the_batches_and_the_engine(engine: str) -> None:
    drawn = cr.predict(network(engine), X, samples=4, seed=7)
    assert drawn.shape == (4, 30, 2)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.sum(axis=-1), 1, rtol=1e-6)
    np.testing.assert_array_equal(cr.predict(network(engine), X, samples=4, seed=7, batch_size=7), drawn)
    np.testing.assert_allclose(cr.predict(network(), X, samples=4, seed=7), drawn, rtol=1e-6)
    np.testing.assert_array_equal(cr.predict(network(engine), X, samples=2, seed=7), drawn[:2])


def test_samples_and_rows_and_seeds_differ() -> None:
    one = network()
    drawn = cr.predict(one, np.ones((2, 3)), samples=2)
    assert len({tuple(row) for row in drawn.reshape(4, 2).tolist()}) == 4
    assert not np.array_equal(cr.predict(one, np.ones((2, 3)), samples=2, seed=1), drawn)


def test_without_a_hidden_bend_the_mean_of_the_samples_is_the_prediction() -> None:
    one = cr.Network([cr.Dense(16), cr.Dropout(0.5), cr.Dense(1)], inputs=3)
    drawn = cr.predict(one, X, samples=3000)
    error = drawn.std(axis=0) / np.sqrt(3000)
    assert np.all(np.abs(drawn.mean(axis=0) - cr.predict(one, X)) < 5 * error)


@pytest.mark.parametrize("engine", ENGINES[:2])  # a compiled one draws as a replayed one does
def test_drawing_leaves_no_trace(engine: str) -> None:
    def trained(between: Any) -> cr.Network:
        one = network(engine)
        cr.train(one, X, np.arange(30) % 2, epochs=2, batch_size=8)
        between(one)
        cr.train(one, X, np.arange(30) % 2, epochs=2, batch_size=8)
        return one

    plain, looked = trained(lambda one: None), trained(lambda one: cr.predict(one, X, samples=3))
    np.testing.assert_array_equal(looked.parameters, plain.parameters)
    assert looked.generators.states() == plain.generators.states()
    for name, state in plain.states().items():
        np.testing.assert_array_equal(looked.states()[name], state)


def test_running_statistics_are_those_of_prediction() -> None:
    """A sample doesn't depend on the rows beside it, as it would with statistics of the batch."""
    one = network()
    cr.train(one, X, np.arange(30) % 2, epochs=2, batch_size=8)
    np.testing.assert_allclose(cr.predict(one, X[:1], samples=2)[0], cr.predict(one, X, samples=2)[0, :1], rtol=1e-6)
    assert np.any(one.leaves["center_1.mean"].value)


def test_a_layer_of_ones_own_may_draw() -> None:
    class Noise(cr.Layer):
        def forward(self, x: Any) -> Any:
            if not self.scope.draws:
                return x
            return x + cr.Input(None, self.scope.generators[self.path].normal(size=x.shape).astype(x.dtype))

    one = cr.Network([Noise(), cr.Dense(1)], inputs=3, engine="dynamic")
    drawn = cr.predict(one, X, samples=2)
    assert not np.array_equal(drawn[0], drawn[1])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layers", [[cr.Dense(1)], [cr.Dense(1), cr.Dropout(0)]], ids=["none", "a rate of 0"])
def test_a_network_that_draws_nothing_is_refused(layers: list[Any], engine: str) -> None:
    one = cr.Network([layer.copy() for layer in layers], engine=engine)
    with pytest.raises(MisuseError, match=r"each sample would be the same.*cr\.Dropout\(0\.2\)"):
        cr.predict(one, X, samples=2)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (dict(seed=3), "seed=3 without samples.*pass samples=100"),
        (dict(samples=0), "predict samples: got 0"),
        (dict(samples=2.5), "predict samples: got 2.5"),
        (dict(samples=2, seed=-1), "predict seed: got -1"),
        (dict(n_samples=2), "Write samples="),
    ],
)
def test_settings_are_checked(told: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cr.predict(network(), X, **told)
