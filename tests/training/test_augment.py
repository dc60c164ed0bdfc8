"""What a function that changes batches gets, and what becomes of what it returns."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, ShapeError

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
LABELS = np.arange(20) % 3
WEIGHTS = np.linspace(0.5, 2, 20)


def classifier(engine: str = "replay", loss: Any = None) -> cr.Network:
    return cr.Network([cr.Dense(3, inputs=4), cr.Softmax()], loss, cr.Adam(0.05), engine=engine)


class Look(cr.Callback):
    """Keeps what each step was fed."""

    def __init__(self) -> None:
        self.fed: list[dict[str, Any]] = []

    def after_step(self, training: Any) -> None:
        nodes = training.network.nodes
        self.fed.append({name: nodes[name].value.copy() for name in ("x", "y", "sample_weight") if name in nodes})


def untouched(x: Any, y: Any, generator: Any) -> Any:
    return x, y


@pytest.mark.parametrize("size", [None, 8])
@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_class_indices_come_as_one_hot_rows_and_may_be_returned_so_or_as_indices(engine: str, size: int | None) -> None:
    seen = []

    def rows(x: Any, y: Any, generator: Any) -> Any:
        seen.append(y.copy())
        return x, y

    def indices(x: Any, y: Any, generator: Any) -> Any:
        return x, y.argmax(axis=1)

    trained = []
    for augment in (rows, indices, None):
        network = classifier(engine)
        cr.train(network, X, LABELS, epochs=2, batch_size=size, augment=augment)
        trained.append(network.parameters.copy())
    assert {row.shape[1:] for row in seen} == {(3,)}
    assert all(row.dtype == np.float32 and set(row.ravel()) == {0, 1} for row in seen)
    np.testing.assert_allclose(trained[0], trained[2], rtol=1e-5)
    np.testing.assert_array_equal(trained[1], trained[2])


def test_other_targets_come_as_the_outputs_are() -> None:
    shapes = []

    def look(x: Any, y: Any, generator: Any) -> Any:
        shapes.append(y.shape)
        y += 1  # in place, and still the caller's own stays as it is
        return x, y

    y = np.zeros((20, 1), np.float32)  # as the network has it: no copy is made on the way
    for size in (None, 8):
        cr.train(cr.Network([cr.Dense(1, inputs=4)]), X, y, epochs=1, batch_size=size, augment=look)
    cr.train(cr.Network([cr.Dense(2, inputs=4)], cr.PinballLoss((0.1, 0.9))), X, y, epochs=1, augment=look)
    assert shapes == [(20, 1), (8, 1), (8, 1), (4, 1), (20, 1)]
    assert not y.any()


def test_weights_stay_with_their_rows_unless_they_are_asked_for() -> None:
    look, told = Look(), dict(epochs=1, batch_size=8, shuffle=False, sample_weight=WEIGHTS)
    cr.train(classifier(), X, LABELS, augment=untouched, callbacks=[look], **told)
    np.testing.assert_allclose(np.concatenate([fed["sample_weight"] for fed in look.fed]), WEIGHTS, rtol=1e-6)

    def twice(x: Any, y: Any, generator: Any, sample_weight: Any = None) -> Any:
        return x, y, 2 * sample_weight

    def between(x: Any, y: Any, sample_weight: Any, generator: Any) -> Any:
        return x, y, 2 * sample_weight

    for augment in (twice, between):
        look = Look()
        cr.train(classifier(), X, LABELS, augment=augment, callbacks=[look], **told)
        np.testing.assert_allclose(np.concatenate([fed["sample_weight"] for fed in look.fed]), 2 * WEIGHTS, rtol=1e-6)


def test_a_batch_in_which_nobody_counts_is_left_out() -> None:
    weights = np.r_[np.zeros(8), np.ones(12)]
    told = dict(epochs=1, batch_size=8, shuffle=False, sample_weight=weights)
    assert cr.train(classifier(), X, LABELS, augment=cr.data.Mixup(), **told)["steps"] == [2]


def test_more_samples_may_come_back_with_their_targets() -> None:
    def doubled(x: Any, y: Any, generator: Any) -> Any:
        return np.concatenate([x, -x]), np.concatenate([y, y])

    look = Look()
    cr.train(classifier(), X, LABELS, epochs=1, batch_size=8, augment=doubled, callbacks=[look])
    assert [len(fed["x"]) for fed in look.fed] == [16, 16, 8]


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_mixup_is_trained_on_in_every_engine_and_the_summary_says_how(engine: str) -> None:
    def mixed(engine: str) -> Any:
        network, look, mixup = classifier(engine), Look(), cr.data.Mixup(1.0)
        cr.train(network, X, LABELS, epochs=2, batch_size=8, augment=mixup, class_weight="balanced", callbacks=[look])
        return network, look.fed

    network, fed = mixed(engine)
    np.testing.assert_array_equal(network.parameters, mixed(engine)[0].parameters)
    np.testing.assert_allclose(network.parameters, mixed("replay")[0].parameters, rtol=1e-5)
    np.testing.assert_allclose(fed[0]["y"].sum(axis=1), 1, rtol=1e-6)
    assert len(np.unique(fed[0]["y"])) > 6, "shares, not zeros and ones"
    told = "because of augment, which changes each batch" in str(network.summary())
    assert told == (engine == "compiled")
    if told:
        network.stepped_because("")
        assert "whole epochs compiled" in str(network.summary())


def test_what_is_measured_is_not_mixed() -> None:
    network = classifier()
    history = cr.train(network, X, LABELS, epochs=2, augment=cr.data.Mixup(1.0), metrics=["accuracy"])
    assert history["accuracy"][-1] == cr.evaluate(network, X, LABELS, metrics="accuracy")["accuracy"]


def add(x: Any, generator: Any, *, amount: float = 1.0) -> Any:
    return x + np.float32(amount)


@pytest.mark.parametrize(
    "augment",
    [
        add,
        functools.partial(add, amount=0.5),
        lambda x, generator, scale=2: x * scale,
        lambda *batch: batch[0],
        lambda x, y, generator: (x, y),
        lambda x, y, generator, *, noise=0.0: (x + noise, y),
        cr.data.RandomAffine(),
        cr.data.Mixup(),
    ],
    ids=["named", "partial", "a default", "anything", "targets", "a keyword", "affine", "mixup"],
)
def test_what_a_function_wants_is_read_off_its_parameters(augment: Any) -> None:
    cr.train(classifier(), X, LABELS, epochs=1, augment=augment)


REFUSED: list[tuple[Any, type[ChainruleError], str]] = [
    (lambda x: x, InputError, r"got a function of \(x\), .* Write it as \(x, generator\)"),
    (lambda x, y: (x, y), InputError, r"a function of \(x, y\)"),
    (lambda x, generator, sample_weight: x, InputError, r"\(x, generator, sample_weight\)"),
    (lambda x, y, z, generator: x, InputError, r"\(x, y, z, generator\)"),
    (cr.data.Mixup, InputError, r"the class Mixup itself, .* Mixup\(\)"),
    ("mixup", InputError, r"'mixup', .* cr\.data\.RandomAffine\(\)"),
    (lambda x, generator: x[:3], ShapeError, "got 3 samples for 20, .* function of \\(x, y, generator\\)"),
    (lambda x, y, generator: x, InputError, r"got ndarray, but expected \(x, y\)\. Let the function return x, y"),
    (lambda x, y, generator: (x, y, 1), InputError, "a tuple of 3"),
    (lambda x, y, generator: (x, y[:3]), ShapeError, "train augment: got 3 targets for 20 samples"),
    (lambda x, y, generator: (x[:, :2], y), ShapeError, "train augment: got X with 2 features"),
    (lambda x, y, generator: (x, 2 * y), InputError, "train augment.* with 2|target\\[0, 0\\] = 2"),
    (lambda x, y, generator: (x, y.argmax(axis=1) + 1), InputError, "one of the 3 classes"),
]


@pytest.mark.parametrize(("augment", "error", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_is_refused_with_what_to_write(augment: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        cr.train(classifier(), X, LABELS, epochs=1, augment=augment)


def test_weights_that_are_not_returned_are_missed() -> None:
    def forgets(x: Any, y: Any, generator: Any, sample_weight: Any) -> Any:
        return x, y

    with pytest.raises(InputError, match="Let the function return x, y, sample_weight"):
        cr.train(classifier(), X, LABELS, epochs=1, sample_weight=WEIGHTS, augment=forgets)
    cr.train(classifier(), X, LABELS, epochs=1, augment=forgets)


def test_an_iterable_changes_its_own_batches() -> None:
    with pytest.raises(ChainruleError, match="Let the iterable change its batches"):
        cr.train(classifier(), [(X, LABELS)], augment=cr.data.Mixup())
