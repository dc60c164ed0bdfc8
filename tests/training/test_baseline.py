"""Baselines: the best constant answer and a linear model, and the warning of a training that is no better."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import TrainingWarning
from chainrule.training.baseline import baseline_lines, constant_loss, linear_outputs
from tests.referees import needed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype(np.float32)
LABELS = np.repeat([0, 1, 1, 2, 1, 1], 15)
SEVERAL = (RNG.uniform(size=(90, 3)) > 0.7).astype(np.float32)
WEIGHTS = RNG.uniform(0.5, 2, 90).astype(np.float32)
KINDS: dict[str, tuple[list[Any], Any, Any]] = {
    "softmax": ([cr.Dense(3), cr.Softmax()], None, LABELS),
    "one-hot": ([cr.Dense(3), cr.Softmax()], None, np.eye(3)[LABELS]),
    "logits": ([cr.Dense(3)], cr.SoftmaxCrossEntropy(), LABELS),
    "sigmoid": ([cr.Dense(1), cr.Sigmoid()], None, LABELS == 1),
    "binary logits": ([cr.Dense(1)], cr.SigmoidBinaryCrossEntropy(), LABELS == 1),
    "labels": ([cr.Dense(3), cr.Sigmoid()], None, SEVERAL),
    "numbers": ([cr.Dense(2)], None, X[:, :2] ** 3),
    "absolute": ([cr.Dense(2)], cr.MeanAbsoluteError(), X[:, :2] ** 3),
    "shares": ([cr.Dense(3), cr.Softmax()], cr.MeanSquaredError(), np.eye(3)[LABELS]),
}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_constant_answer_is_better_by_the_networks_own_loss(kind: str, weights: Any) -> None:
    layers, loss, y = KINDS[kind]
    network = cr.Network(layers, loss=loss, dtype="float64", optimizer=cr.Adam(0.05)).copy()
    nothing = np.zeros((90, 4))  # of which a network can learn a constant answer alone
    _, target, told = network.as_batch("test", nothing, y, weights)
    found = constant_loss(network, target, told)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        cr.train(network, nothing, y, sample_weight=weights, epochs=600, batch_size=None)
    learnt = cr.evaluate(network, nothing, y, sample_weight=weights)["loss"]
    assert found == pytest.approx(learnt, rel=2e-3)
    assert found < learnt * 1.0005


def test_heads_add_up_and_what_has_no_constant_answer_has_none() -> None:
    heads = cr.Network(
        [cr.Heads({"a": [cr.Dense(1)], "b": [cr.Dense(3), cr.Softmax()]})], loss_weights={"a": 2.0, "b": 0.5}
    )
    _, target, _ = heads.as_batch("test", X, {"a": X[:, :1], "b": LABELS}, None)
    shares = np.bincount(LABELS) / 90
    assert constant_loss(heads, target) == pytest.approx(
        2 * X[:, 0].var() - 0.5 * (shares * np.log(shares)).sum(), rel=1e-5
    )
    spread = cr.Network([cr.Dense(2, inputs=4)], loss=cr.PinballLoss(quantiles=(0.1, 0.9)))
    _, target, _ = spread.as_batch("test", X, X[:, :1], None)
    assert constant_loss(spread, target) is None


def moons(**settings: Any) -> tuple[cr.Network, Any, Any]:
    data = cr.data.moons(200, noise=0.1, seed=0)
    told = {"optimizer": cr.Adam(0.02), **settings}
    return cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], **told), data.X, data.y


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
@pytest.mark.parametrize(
    ("settings", "told", "match"),
    [
        ({"optimizer": cr.SGD(1000.0)}, {}, "constant answer.*smaller learning rate"),
        ({"optimizer": cr.SGD(1e-9)}, {"shuffled": True}, "constant answer.*Scale the samples"),
        ({"l2": 100.0}, {}, "constant answer.*Scale the samples"),
    ],
)
def test_a_training_that_comes_to_nothing_says_so_once(engine: str, settings: Any, told: Any, match: str) -> None:
    network, X, y = moons(**settings, engine=engine)
    if told:
        y = np.random.default_rng(1).permutation(y)
    with pytest.warns(TrainingWarning, match=match) as seen:
        cr.train(network, X, y, epochs=40)
    assert len(seen) == 1
    assert seen[0].message.cause == "training.constant"
    assert seen[0].filename == __file__


def test_a_network_that_ends_worse_than_it_began_says_so() -> None:
    network, X, y = moons()
    cr.train(network, X, y, epochs=100)
    before = cr.evaluate(network, X, y)["loss"]
    network.optimizer.learning_rate = 3.0
    with pytest.warns(TrainingWarning, match="smaller learning rate"):
        cr.train(network, X, y, epochs=3, batch_size=None)
    assert cr.evaluate(network, X, y)["loss"] > 1.5 * before


@pytest.mark.parametrize(
    "told",
    [
        {"epochs": 60},
        {"epochs": 60, "validation_split": 0.3},
        {"epochs": 60, "sample_weight": np.linspace(0.1, 2, 200)},
        {"epochs": 60, "class_weight": {0: 20.0, 1: 1.0}},
        {"epochs": 60, "augment": cr.data.Mixup(2.0)},
        {"epochs": 1},
        {"epochs": 0},
    ],
    ids=str,
)
def test_a_training_that_learns_something_says_nothing(told: Any) -> None:
    network, X, y = moons()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cr.train(network, X, y[:, None].astype(float) if "augment" in told else y, **told)


def test_dropout_in_training_is_no_bad_end_and_kept_weights_are_what_counts() -> None:
    _, X, y = moons()
    layers = [cr.Dense(8), cr.Tanh(), cr.Dropout(0.9), cr.Dense(1), cr.Sigmoid()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cr.train(cr.Network(layers, optimizer=cr.Adam(0.05)), X, y, epochs=60)
        network = moons(optimizer=cr.SGD(cr.Phases((60, 0.1), (3, 3000.0))))[0]
        history = cr.train(network, X, y, epochs=63, keep="best")
    assert history["loss"][-1] > 2 * min(history["loss"])


def test_the_look_at_the_end_changes_no_byte_and_holds_after_resuming(tmp_path: Any) -> None:
    network, X, y = moons(optimizer=cr.SGD(1000.0))
    path = tmp_path / "state.safetensors"
    with pytest.warns(TrainingWarning):
        cr.train(network, X, y, epochs=40)
    twin = moons(optimizer=cr.SGD(1000.0))[0]
    training = cr.training.Training(twin, X, y, epochs=40, callbacks=[cr.Checkpoint(path, steps=100)])
    for _ in training.events():
        if training.step == 200:
            training.stop("interrupted")
    twin = moons(optimizer=cr.SGD(1000.0))[0]
    with pytest.warns(TrainingWarning) as seen:
        cr.train(twin, X, y, epochs=40, resume=path)
    assert len(seen) == 1
    assert np.array_equal(twin.parameters, network.parameters)


def test_the_linear_model_is_that_of_scikit_learn() -> None:
    linear = needed("sklearn.linear_model")
    new = RNG.normal(size=(500, 4))
    scaled = [(part - X.mean(axis=0)) / X.std(axis=0) for part in (X, new)]
    y = X[:, :2] @ [[1, 2], [3, 4]] + RNG.normal(size=(90, 2)) + 100
    expected = linear.Ridge(alpha=1.0).fit(scaled[0], y).predict(scaled[1])
    assert linear_outputs(X, y, new, None) == pytest.approx(expected, rel=1e-6)
    for classes in (2, 3):
        labels = ((X @ RNG.normal(size=(4, classes))) + RNG.normal(size=(90, classes))).argmax(axis=1)
        model = linear.LogisticRegression(tol=1e-8, max_iter=1000).fit(scaled[0], labels)
        found = linear_outputs(X, labels, new, classes)
        assert found is not None
        assert (found.argmax(axis=1) == model.predict(scaled[1])).mean() > (0.985 if classes == 3 else 0.97)


def test_the_linear_model_has_an_end_and_a_column_that_is_constant_does_no_harm() -> None:
    wide = np.c_[np.ones(40_000), RNG.normal(size=(40_000, 1))]
    found = linear_outputs(wide, (wide[:, 1] > 0).astype(int), wide[:100], 2)
    assert found is not None
    assert np.mean(found.argmax(axis=1) == (wide[:100, 1] > 0)) > 0.97
    assert linear_outputs(np.ones((5, 501)), np.ones(5, int), np.ones((1, 501)), 2) is None


def test_a_line_says_where_a_network_is_no_better() -> None:
    told = {"part": "test", "figure": "error_rate", "network": 0.03, "linear": 0.04, "constant": 0.5}
    expected = "beside    test error rate: the network 3.00 %, a linear model 4.00 %, one answer for all 50.00 %"
    assert baseline_lines(told) == [expected]
    assert "no better than a linear model" in baseline_lines({**told, "network": 0.04})[1]
    assert "no better than one answer for all" in baseline_lines({**told, "network": 0.5})[1]
    assert baseline_lines({**told, "linear": None}) == [expected.replace(", a linear model 4.00 %", "")]
