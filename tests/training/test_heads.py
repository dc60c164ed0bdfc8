"""Trainings of several outputs: figures by the name of the head, and all that a training of one output can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, TrainingWarning
from tests.nn.test_heads import KIND, PRICE, ROWS, WEIGHTS, X, Y, the_same, two

HELD = {name: array[:20] for name, array in Y.items()}


def test_the_history_has_the_losses_of_the_heads_beside_their_sum() -> None:
    network = two()
    history = cr.train(network, X, Y, epochs=3, batch_size=16, validation_data=(X[:20], HELD), metrics={"kind": "acc"})
    row = list(history.epochs[0].as_dict())
    assert row[:6] == ["epoch", "loss", "penalty", "price_loss", "kind_loss", "kind_accuracy"]
    assert row[6:10] == ["validation_loss", "validation_price_loss", "validation_kind_loss", "validation_kind_accuracy"]
    for prefix in ("", "validation_"):
        losses = [np.array(history[f"{prefix}{name}_loss"]) * weight for name, weight in WEIGHTS.items()]
        assert sum(losses) == pytest.approx(history[f"{prefix}loss"])
    figures = cr.evaluate(network, X[:20], HELD)
    assert history["validation_kind_loss"][-1] == pytest.approx(figures["kind_loss"])
    classes: Any = cr.classify(network, X)
    assert history["kind_accuracy"][-1] == (classes["kind"] == KIND).mean()


def test_a_loss_over_an_epoch_is_the_mean_of_its_batches_as_samples_weigh() -> None:
    weight = np.where(np.arange(60) % 16 < 8, 1.0, 3.0)
    losses: dict[str, float] = {"price": 0.0, "kind": 0.0}
    network = two(optimizer=cr.SGD(0.05))
    by_hand = network.copy()
    by_hand.build(4)
    for rows in (slice(0, 16), slice(16, 32), slice(32, 48), slice(48, 60)):
        by_hand.compute_loss(X[rows], {name: array[rows] for name, array in Y.items()}, weight[rows])
        for name in losses:
            losses[name] += float(by_hand[f"{name}_loss"].value) * weight[rows].sum() / weight.sum()
        by_hand.backward()
        by_hand.optimize()
    history = cr.train(network, X, Y, epochs=1, batch_size=16, sample_weight=weight, shuffle=False)
    assert the_same(network, by_hand)
    assert {name: history[f"{name}_loss"][0] for name in losses} == pytest.approx(losses)


@pytest.mark.parametrize("monitor", ["validation_kind_loss", "val_kind_loss", "kind_loss", "Val_Kind_Acc", "kind_acc"])
def test_best_is_what_the_figure_of_a_head_says(monitor: str) -> None:
    network = two(optimizer=cr.Adam(0.05))
    metrics = {"kind": "accuracy"} if "acc" in monitor.lower() else ()
    if monitor.startswith("kind"):
        with pytest.raises(ChainruleError, match=f"validation_{monitor[:-3]}"):
            cr.train(network, X, Y, validation_data=(X[:20], HELD), metrics=metrics, monitor=monitor)
        return
    history = cr.train(
        network, X, Y, epochs=12, validation_data=(X[:20], HELD), metrics=metrics, monitor=monitor, keep="best"
    )
    column = history["validation_kind_accuracy" if metrics else "validation_kind_loss"]
    best = max(column) if metrics else min(column)
    assert history.best_epoch == 1 + column.index(best)
    figure = "kind_error_rate" if metrics else "kind_loss"
    found = cr.evaluate(network, X[:20], HELD)[figure]
    assert found == pytest.approx(1 - best if metrics else best)


def test_r2_of_a_head_is_the_better_the_larger_it_is() -> None:
    history = cr.train(two(), X, Y, epochs=5, metrics={"price": "r2"}, monitor="price_r2")
    assert history.best_epoch == 1 + int(np.argmax(history["price_r2"]))


def test_metrics_are_for_one_head_for_all_of_them_or_named_by_one() -> None:
    def error(y_true: Any, y_pred: Any) -> float:
        return float(np.abs(y_pred - y_true).mean())

    told = two(inputs=4)
    assert list(cr.evaluate(told, X, Y, metrics="mse"))[3:] == ["price_mean_squared_error", "kind_mean_squared_error"]
    assert list(cr.evaluate(told, X, Y, metrics=["kind_acc", "r2"]))[3:] == ["price_r2", "kind_accuracy", "kind_r2"]
    assert list(cr.evaluate(told, X, Y, metrics={"price": [error, "r2"], "kind": "accuracy"}))[3:] == [
        "price_error",
        "price_r2",
        "kind_accuracy",
    ]
    history = cr.train(told, X, Y, epochs=1, validation_split=0.2, metrics=["validation_kind_accuracy"])
    assert [name for name in history.epochs[0].metrics if "accuracy" in name] == ["validation_kind_accuracy"]
    outputs: Any = cr.predict(told, X)
    found = cr.evaluate(told, X, Y, metrics={"price": error})["price_error"]
    assert found == pytest.approx(error(PRICE, outputs["price"]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metrics": "accuracy"}, r"price_accuracy.*metrics=\{'kind': 'accuracy'\}"),
        ({"metrics": {"price": "accuracy"}}, r"metrics=\{'kind': 'accuracy'\}"),
        ({"metrics": {"knid": "accuracy"}}, "Did you mean 'kind'"),
        ({"monitor": "kind_accuracy"}, r'metrics=\["kind_accuracy"\]'),
        ({"monitor": "kind_los"}, "Did you mean 'kind_loss'"),
        ({"monitor": "val_kind_loss"}, "'validation_kind_loss' without validation data"),
        ({"class_weight": "balanced"}, r"the heads 'price', 'kind'.*Leave class_weight out"),
        ({"class_weight": {"kind": {0: 1, 1: 2, 2: 3}}}, "Leave class_weight out"),
        ({"sample_weight": {"price": np.ones(60), "kind": np.ones(60)}}, "counts as much in each head.*loss_weights"),
        ({"sample_weight": np.ones(59)}, "60 finite numbers"),
    ],
)
def test_settings_without_a_meaning_for_several_outputs_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ChainruleError, match=message):
        cr.train(two(), X, Y, epochs=1, **settings)


def test_metrics_by_head_are_refused_for_one_output_and_names_that_are_taken() -> None:
    with pytest.raises(ChainruleError, match=r"Pass metrics='r2'"):
        cr.train(cr.Network([cr.Dense(1)]), X, PRICE, metrics={"a": "r2"})

    def rate(y_true: Any, y_pred: Any) -> float:
        return 0.0

    network = cr.Network([cr.Heads({"learning": [cr.Dense(1)]})])
    with pytest.raises(ChainruleError, match=r"'learning_rate'.*Rename"):
        cr.train(network, X, {"learning": PRICE}, metrics={"learning": rate})


def test_steps_of_several_batches_are_those_of_one_batch_as_large() -> None:
    one, several = two(dtype="float64"), two(dtype="float64")
    settings: dict[str, Any] = {"epochs": 2, "shuffle": False}
    histories = [
        cr.train(one, X, Y, batch_size=20, **settings),
        cr.train(several, X, Y, batch_size=5, gradient_accumulation_steps=4, **settings),
    ]
    np.testing.assert_allclose(one.parameters, several.parameters, rtol=1e-10)
    for name in ("loss", "price_loss", "kind_loss"):
        assert histories[0][name] == pytest.approx(histories[1][name])


def test_batches_that_are_iterated_teach_the_same() -> None:
    arrays, iterated = two(), two()
    batches = cr.data.batches(X, Y, 16, shuffle=False)
    histories = [
        cr.train(arrays, X, Y, epochs=2, batch_size=16, shuffle=False, metrics={"kind": "accuracy"}),
        cr.train(iterated, batches, epochs=2, metrics={"kind": "accuracy"}),
    ]
    assert the_same(arrays, iterated)
    for name in ("kind_loss", "kind_accuracy"):
        assert histories[0][name] == histories[1][name]
    (x, y), (held, of_held) = cr.data.split(X, Y, fraction=0.25)
    assert (len(x), len(y["kind"]), len(held), len(of_held["price"])) == (45, 45, 15, 15)
    assert x @ [[1.0], [-2.0], [0.5], [0.0]] == pytest.approx(y["price"])


@pytest.mark.parametrize("data", ["arrays", "batches"])
def test_a_training_that_is_resumed_in_the_middle_of_an_epoch_is_one_never_stopped(data: str, tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    given: Any = (X, Y) if data == "arrays" else (cr.data.batches(X, Y, 16, shuffle=False),)
    settings: dict[str, Any] = {"epochs": 4, "metrics": {"kind": "accuracy"}}
    settings |= {"batch_size": 16} if data == "arrays" else {}
    straight, stopped, resumed = two(), two(), two()
    whole = cr.train(straight, *given, **settings)

    class Stop(cr.Callback):
        def after_step(self, training: Any) -> None:
            if training.step == 6:
                training.stop("interrupted")

    cr.train(stopped, *given, **settings, callbacks=[Stop(), cr.Checkpoint(path)])
    history = cr.train(resumed, *given, **settings, resume=path)
    assert the_same(resumed, straight)
    for name in whole.epochs[0].as_dict():
        if name != "seconds":
            assert history[name] == whole[name], name
    with pytest.raises(ChainruleError, match="loss_weights"):
        cr.train(two(loss_weights={"price": 1.0}), *given, **settings, resume=path)


def test_what_augments_gets_targets_by_name_classes_as_rows() -> None:
    seen: list[Any] = []

    def noted(x: Any, y: Any, generator: Any) -> Any:
        seen.append({name: array.shape for name, array in y.items()})
        return x, {**y, "price": 2 * y["price"]}

    one, other = two(), two()
    cr.train(one, X, Y, epochs=1, batch_size=60, augment=noted)
    cr.train(other, X, {**Y, "price": 2 * PRICE}, epochs=1, batch_size=60)
    assert seen == [{"price": (60, 1), "kind": (60, 3)}]
    assert the_same(one, other)
    with pytest.raises(ChainruleError, match="targets for each head"):
        cr.train(two(), X, Y, epochs=1, augment=lambda x, y, generator: (x, y["price"]))


def test_mixup_mixes_the_targets_of_all_heads_by_the_same_shares() -> None:
    y = {"price": PRICE, "kind": ROWS}
    mixed = [cr.data.Mixup(1.0)(X, given, np.random.default_rng(0))[1] for given in (y, PRICE, ROWS)]
    assert (mixed[0]["price"] == mixed[1]).all()
    assert (mixed[0]["kind"] == mixed[2]).all()
    with pytest.raises(ChainruleError, match=r"y\['kind'\] with shape \(60,\)"):
        cr.data.Mixup()(X, Y, np.random.default_rng(0))
    cr.train(two(), X, Y, epochs=1, augment=cr.data.Mixup(), sample_weight=np.linspace(0, 1, 60))


def test_drawn_predictions_have_the_names_of_the_heads() -> None:
    heads = cr.Heads({"a": [cr.Dense(2)], "b": [cr.Dense(1)]})
    network = cr.Network([cr.Dense(4), cr.Dropout(0.5), heads], inputs=4)
    drawn: Any = cr.predict(network, X, samples=7)
    assert {name: array.shape for name, array in drawn.items()} == {"a": (7, 60, 2), "b": (7, 60, 1)}
    assert drawn["a"].std(axis=0).min() > 0


def test_doubtful_targets_are_told_with_the_name_of_their_head() -> None:
    doubtful = {"price": 1e4 * PRICE, "kind": KIND * 0}
    with pytest.warns(TrainingWarning) as told:
        cr.train(two(), X, doubtful, epochs=1)
    texts = [str(warning.message) for warning in told]
    assert any("y['price']: got targets from" in text for text in texts)
    assert any("y['kind']: got classes from 0 to 0, for 3 outputs" in text for text in texts)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("val_kind_loss", r"Write 'validation_kind_loss'"),
        ("kind_acc", r'metrics=\{"kind": "accuracy"\}'),
        ("kind_los", "Did you mean 'kind_loss'"),
    ],
)
def test_a_figure_that_is_not_there_is_answered_with_the_head_that_could_have_it(asked: str, answer: str) -> None:
    history = cr.train(two(), X, Y, epochs=1, validation_split=0.2)
    with pytest.raises(ChainruleError, match=answer):
        history[asked]
    if "val" not in asked:
        with pytest.raises(ChainruleError, match=answer):
            cr.evaluate(two(inputs=4), X, Y)[asked]
