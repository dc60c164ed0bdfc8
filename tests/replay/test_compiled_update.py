"""A long update is compiled after a while, where numba is installed: the weights stay the same to the bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule.nn.engines import Replay
from chainrule.replay import lowering
from tests.referees import needed

needed("numba", "fast")
pytestmark = pytest.mark.usefixtures("compiled_cache")

OPTIMIZERS: dict[str, Callable[[], cr.Optimizer]] = {
    "SGD": lambda: cr.SGD(0.1),
    "momentum": lambda: cr.SGD(0.1, momentum=0.9),
    "Nesterov": lambda: cr.SGD(0.1, momentum=0.9, nesterov=True),
    "Adam": lambda: cr.Adam(0.001),
    "AdamW": lambda: cr.AdamW(0.001),
    "RMSProp": lambda: cr.RMSProp(0.001),
    "Adagrad": lambda: cr.Adagrad(0.01),
    "clipped values": lambda: cr.Adam(0.001, clip_value=0.01),
    "a schedule": lambda: cr.Adam(cr.CosineDecay(0.01)),
}
random = np.random.default_rng(0)
X, y = random.standard_normal((8, 200), "f4"), random.integers(0, 3, 8)


def trained(optimizer: cr.Optimizer, dtype: str) -> cr.Network:
    layers = [cr.Dense(200), cr.ReLU(), cr.Dense(3), cr.Softmax()]
    network = cr.Network(layers, optimizer=optimizer, inputs=200, dtype=dtype, seed=3)
    cr.train(network, X, y, epochs=12, batch_size=8)
    return network


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lowering, "ELEMENTS_BEFORE_COMPILING", 1e5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_comes_to_the_same_bits(name: str, dtype: str, soon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = trained(OPTIMIZERS[name](), dtype)
    assert compiled.summary().engine == "recorded and replayed, the update compiled"
    monkeypatch.setattr(lowering, "ELEMENTS_BEFORE_COMPILING", 1e12)
    replayed = trained(OPTIMIZERS[name](), dtype)
    assert replayed.summary().engine == "recorded and replayed"
    assert compiled.parameters.tobytes() == replayed.parameters.tobytes()


def test_states_are_updated_after_it_too(soon: None) -> None:
    class Counting(cr.Layer):
        def build(self, shape: tuple[int, ...]) -> None:
            self.count = self.state("count", np.zeros(()))

        def forward(self, x: cr.Node) -> cr.Node:
            self.update(self.count, self.count + 1)
            return x

    layers = [cr.Dense(400), Counting(), cr.Dense(3), cr.Softmax()]
    network = cr.Network(layers, optimizer=cr.Adam(), inputs=200, dtype="float32", seed=3)
    for _ in range(12):
        network.step(X, y)
    assert "the update compiled" in network.summary().engine
    (count,) = network.states().values()
    assert count == 12


def test_an_update_that_adds_up_is_left_as_it_is(soon: None) -> None:
    assert "compiled" not in trained(cr.Adam(clip_norm=0.1), "float64").summary().engine


def test_a_short_update_is_left_as_it_is(soon: None) -> None:
    network = cr.Network([cr.Dense(3), cr.Softmax()], inputs=200, optimizer=cr.Adam())
    for _ in range(12):
        network.step(X, y)
    assert "compiled" not in network.summary().engine


def test_a_compiler_that_fails_is_told_and_changes_nothing(soon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ImportError("Numba needs NumPy 1.0 or less")

    right = trained(cr.Adam(), "float32")
    monkeypatch.setattr("chainrule.replay.compiled.compile_calls", fail)
    network = trained(cr.Adam(), "float32")
    assert network.summary().engine == (
        "recorded and replayed, the update not compiled, because of Numba needs NumPy 1.0 or less"
    )
    assert network.parameters.tobytes() == right.parameters.tobytes()


def test_the_longer_an_update_the_sooner_it_is_compiled() -> None:
    def runs(optimizer: cr.Optimizer) -> int | None:
        programs = Replay(trained(optimizer, "float32").plan, keep_records=True).programs("training")
        program = programs.get({"x": X, "y": y})
        return lowering.runs_before_compiling(program.calls["update"])

    sgd, adam = runs(cr.SGD()), runs(cr.Adam())
    assert sgd is not None
    assert adam is not None
    assert 1000 < adam < sgd / 4
