"""Samples of another scale than the training's are noticed, and ordinary new ones are not."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputWarning, TrainingWarning
from chainrule.nn.input_range import InputRange

RNG = np.random.default_rng(7)
HEAVY = RNG.lognormal(0, 2, (400, 5))
WORDS = RNG.poisson(0.05, (400, 50)).astype(float)
ONE_HOT = np.eye(12)[RNG.integers(0, 12, 400)]
TABLE = np.column_stack([RNG.normal(40, 12, 400), RNG.lognormal(10.5, 0.8, 400), ONE_HOT, np.full(400, 2026.0)])
PIXELS = np.clip(RNG.normal(150, 90, (400, 64)), 0, 255) * (RNG.random((400, 64)) < 0.4)
SCALED = RNG.normal(size=(400, 8))

# Training samples, each with new ones that are nothing unusual.
ORDINARY: dict[str, tuple[Any, Any]] = {
    "the same": (SCALED, SCALED),
    "a row": (SCALED, RNG.normal(size=(1, 8))),
    "an outlier among many": (SCALED, np.where(np.arange(400)[:, None] == 3, 1e6, SCALED)),
    "an outlier in one column of one row": (SCALED, np.r_[1e4, SCALED[0, 1:]][None]),
    "heavy tails": (HEAVY, RNG.lognormal(0, 2, (30, 5))),
    "heavy tails, a row": (HEAVY, RNG.lognormal(0, 2, (1, 5))),
    "the smallest of heavy tails": (HEAVY, HEAVY[np.argsort(HEAVY.max(axis=1))[:20]]),
    "the largest of heavy tails": (HEAVY, HEAVY[np.argsort(HEAVY.max(axis=1))[-20:]]),
    "counted words": (WORDS, RNG.poisson(0.01, (40, 50))),
    "a row without a word": (WORDS, np.zeros((1, 50))),
    "rows of zeros": (SCALED, np.zeros((40, 8))),
    "one-hot rows": (ONE_HOT, np.eye(12)[[3]]),
    "one-hot rows, few classes": (ONE_HOT, np.eye(12)[[3] * 40]),
    "a constant column": (np.full((100, 1), 5.0), [[5.1]]),
    "a constant column that moves": (np.column_stack([SCALED[:, :2], np.zeros(400)]), [[0.5, 0.2, 1.0]]),
    "a table": (TABLE, TABLE[5:6]),
    "a table, another year": (TABLE, TABLE[:30] + np.eye(15)[14]),
    "dark pixels": (PIXELS, PIXELS[:1] * 0.1),
    "pixels as bytes": (PIXELS, PIXELS[:30].astype(np.uint8)),
    "a curve, and where it begins": (np.linspace(0, 1, 200)[:, None], np.linspace(0, 0.05, 40)[:, None]),
    "a curve, and beyond its end": (np.linspace(-3, 3, 200)[:, None], np.linspace(-9, 9, 40)[:, None]),
    "a point near 0": (RNG.uniform(-1, 1, (200, 2)), [[0.01, 0.02]]),
    "four samples": (cr.data.xor().X, [[0.01, 0.0], [90.0, 1.0]]),
    "seconds since 1970": (1.7e9 + 1e6 * RNG.random((200, 1)), [[1.8e9]]),
    "nothing but zeros": (np.zeros((100, 3)), [[1.0, 2.0, 3.0]]),
    "one large row among empty ones": (SCALED, np.where(np.arange(40)[:, None] == 3, [[100.0] + [0.1] * 7], 0)),
    "whole numbers": (RNG.integers(-128, 128, (100, 9)).astype(np.int8), np.full((20, 9), -128, np.int8)),
}
# Training samples and new ones, those of another scale.
UNUSUAL: dict[str, tuple[Any, Any]] = {
    "pixels / 255": (PIXELS, PIXELS[:40] / 255),
    "pixels / 255, one": (PIXELS, PIXELS[:1] / 255),
    "pixels / 255 as trained": (PIXELS / 255, PIXELS[:40]),
    "pixels / 255 as trained, one": (PIXELS / 255, PIXELS[:1]),
    "bytes, pixels / 255 as trained": (PIXELS / 255, PIXELS[:1].astype(np.uint8)),
    "digits / 16": (cr.data.digits().X, cr.data.digits().X[:40] / 16),
    "digits / 16 as trained": (cr.data.digits().X / 16, cr.data.digits().X[:40]),
    "scaled samples, and as they were": (SCALED, SCALED * 255),
    "scaled samples, and scaled again": (SCALED, SCALED / 255),
    "a scaled table, and as it was": ((TABLE[:, :2] - TABLE[:, :2].mean(0)) / TABLE[:, :2].std(0), TABLE[:1, :2]),
    "a table, and scaled": (TABLE, (TABLE - TABLE.mean(0)) / (TABLE.std(0) + 1e-9)),
    "metres, and millimetres": (1 + RNG.random((100, 1)), 1000 * (1 + RNG.random((20, 1)))),
    "yes or no, as 0 and 1, and / 255": (RNG.integers(0, 2, (400, 5)), RNG.integers(0, 2, (40, 5)) / 255),
    "counted words, and / 255": (WORDS, WORDS[:40] / 255),
    "the same with an outlier": (PIXELS, np.where(np.arange(400)[:, None] == 3, 255.0, PIXELS / 255)),
}


def trained(X: Any, **settings: Any) -> cr.Network:
    X = np.asarray(X)
    network = cr.Network([cr.Dense(2, inputs=X.shape[1])], optimizer=cr.SGD(1e-30), dtype="float64", **settings)
    cr.train(network, X, np.zeros((len(X), 2)), epochs=1)
    return network


ANSWERS: dict[str, Callable[[cr.Network, Any], Any]] = {
    "predict": cr.predict,
    "evaluate": lambda network, X: cr.evaluate(network, X, np.zeros((len(X), 2))),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_samples_bring_no_warning(name: str) -> None:
    then, now = ORDINARY[name]
    network = trained(then)
    for answer in ANSWERS.values():
        answer(network, now)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("name", UNUSUAL)
def test_samples_of_another_scale_are_warned_of_once(name: str, answer: str) -> None:
    then, now = UNUSUAL[name]
    network = trained(then)
    with pytest.warns(InputWarning, match=f"{answer}: got samples whose largest values are about") as told:
        ANSWERS[answer](network, now)
    warning = told[0].message
    assert isinstance(warning, InputWarning)
    assert warning.cause == "data.other_scale"
    assert told[0].filename == __file__
    for again in ANSWERS.values():
        again(network, now)


def test_the_smallest_whole_number_has_a_size() -> None:
    assert InputRange.of(np.full((20, 2), -128, np.int8)) == (20, 128.0, 128.0)


def test_the_warning_says_by_how_much() -> None:
    with pytest.warns(InputWarning, match=r"about 1, but expected 255, as in training.* about 255 times as large"):
        cr.predict(trained(np.full((50, 3), 255.0)), np.ones((30, 3)))


def test_classify_warns_too() -> None:
    network = cr.Network([cr.Dense(2), cr.Softmax()])
    cr.train(network, PIXELS, np.arange(400) % 2, epochs=1)
    with pytest.warns(InputWarning):
        cr.classify(network, PIXELS / 255)


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_every_engine_notes_the_same(engine: str) -> None:
    assert trained(SCALED, engine=engine).input_range == InputRange.of(SCALED)


def test_batches_are_looked_at_as_they_come() -> None:
    network = cr.Network([cr.Dense(2)], optimizer=cr.SGD(1e-9))
    batches = [(PIXELS[:200], np.zeros((200, 2))), (PIXELS[200:], np.zeros((200, 2)))]
    history = cr.train(network, batches, epochs=1)
    assert network.input_range == InputRange.of(PIXELS[:200].astype(np.float32))
    assert history.repeat().network.input_range == network.input_range
    with pytest.warns(TrainingWarning, match="train: got samples whose largest values"):
        cr.train(network, [(x / 255, y) for x, y in batches], epochs=1)


def test_going_on_with_samples_of_another_scale_is_warned_of_and_then_they_are_what_it_knows() -> None:
    network = trained(PIXELS)
    with pytest.warns(TrainingWarning, match="train: got samples whose largest values are about") as told:
        cr.train(network, PIXELS / 255, np.zeros((400, 2)), epochs=1)
    assert told[0].message.cause == InputWarning.cause
    cr.predict(network, PIXELS / 255)
    with pytest.warns(InputWarning):
        cr.predict(network, PIXELS)


def test_going_on_with_others_of_this_scale_widens_the_range() -> None:
    network = trained(SCALED)
    cr.train(network, SCALED * 2, np.zeros((400, 2)), epochs=1)
    one, two = InputRange.of(SCALED), InputRange.of(SCALED * 2)
    assert network.input_range == InputRange(800, one.low, two.high)


def test_validation_samples_of_another_scale_are_warned_of() -> None:
    network, y = cr.Network([cr.Dense(2)], optimizer=cr.SGD(1e-9)), np.zeros((400, 2))
    with pytest.warns(TrainingWarning, match="train validation_data: got samples whose largest"):
        cr.train(network, PIXELS, y, validation_data=(PIXELS / 255, y), epochs=1)


COPIES: dict[str, Callable[[cr.Network], cr.Network]] = {
    "copy": lambda network: network.copy(),
    "copy with another setting": lambda network: network.copy(l2=0.1),
    "pickle": lambda network: pickle.loads(pickle.dumps(network)),
    "file": lambda network: cr.loads(cr.dumps(network)),
}


@pytest.mark.parametrize("way", COPIES)
def test_copies_know_it_too(way: str) -> None:
    twin = COPIES[way](trained(PIXELS))
    assert twin.input_range == InputRange.of(PIXELS)
    with pytest.warns(InputWarning):
        cr.predict(twin, PIXELS / 255)


def test_a_body_with_another_head_knows_it_and_a_fresh_network_does_not() -> None:
    network = cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(2)], optimizer=cr.SGD(1e-9))
    history = cr.train(network, PIXELS, np.zeros((400, 2)), epochs=1)
    assert network.replace_head(cr.Dense(1)).input_range == network.input_range
    assert network.fresh().input_range is None
    assert history.repeat().network.input_range == network.input_range


def test_a_resumed_training_knows_what_one_never_stopped_does(tmp_path: Any) -> None:
    def of(**told: Any) -> bytes:
        network = cr.Network([cr.Dense(2)], optimizer=cr.SGD(1e-9))
        cr.train(network, PIXELS, np.zeros((400, 2)), **told)
        return cr.dumps(network)

    of(epochs=2, callbacks=cr.Checkpoint(tmp_path / "a.safetensors"))
    assert of(epochs=4, resume=tmp_path / "a.safetensors") == of(epochs=4)


def test_scaling_in_the_network_is_of_the_samples_as_they_are_given() -> None:
    network = cr.Network([cr.Rescale(1 / 255), cr.Dense(2)], optimizer=cr.SGD(1e-9))
    cr.train(network, PIXELS.astype(np.uint8), np.zeros((400, 2)), epochs=1)
    cr.predict(network, PIXELS[:1].astype(np.uint8))
    with pytest.warns(InputWarning):
        cr.predict(network, PIXELS[:1] / 255)


def test_indices_have_no_scale() -> None:
    class Embedding(cr.Layer):
        def __init__(self, rows: int, units: int) -> None:
            self.rows, self.units = rows, units

        def build(self, shape: tuple[int, ...]) -> None:
            self.parameter("table", (self.rows, self.units))

        def forward(self, x: cr.Node) -> cr.Node:
            return cr.gather(table=self.leaves["table"], indices=x)

    network = cr.Network([Embedding(1000, 2), cr.Flatten(), cr.Dense(1)], inputs=3)
    cr.train(network, np.full((50, 3), 900), np.zeros((50, 1)), epochs=1)
    assert network.input_range is None
    cr.predict(network, np.ones((50, 3), int))


def test_samples_mapped_from_a_file_are_not_read_whole(tmp_path: Any) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.tile(PIXELS, (50, 1)))
    mapped = np.load(path, mmap_mode="r")
    assert InputRange.of(mapped).samples == 20_000
    network = trained(PIXELS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cr.predict(network, mapped)


def test_the_warning_can_be_made_an_error_or_be_switched_off() -> None:
    network = trained(PIXELS)
    with warnings.catch_warnings():
        warnings.simplefilter("error", cr.errors.InputWarning)
        with pytest.raises(InputWarning):
            cr.predict(network, PIXELS / 255)
    network.input_range = None  # whoever knows better
    assert cr.predict(network, PIXELS / 255).shape == (400, 2)
