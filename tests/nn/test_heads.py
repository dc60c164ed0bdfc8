"""Several outputs: each head learns as a network of its own does, and what is shared learns from the sum of all."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, MisuseError, UnknownNameError
from tests.referees import needed

ENGINES = ["replay", "dynamic", "compiled"]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4))
PRICE = X @ [[1.0], [-2.0], [0.5], [0.0]]
KIND = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
Y: dict[str, Any] = {"price": PRICE, "kind": KIND}
ROWS = np.eye(3)[KIND]
WEIGHTS = {"price": 2.0, "kind": 0.5}


def two(engine: str = "replay", **settings: Any) -> cr.Network:
    if engine == "compiled":
        needed("numba")
    heads = cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(5, "relu"), cr.Dense(3), cr.Softmax()]})
    told = {"loss": {"price": "mse", "kind": "cross_entropy"}, "loss_weights": WEIGHTS, **settings}
    return cr.Network([cr.Dense(6, "tanh"), heads], engine=engine, **told)


def the_same(a: cr.Network, b: cr.Network) -> bool:
    return a.parameters.tobytes() == b.parameters.tobytes()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("weight", [None, RANDOM.uniform(size=60)], ids=["alike", "weighted"])
def test_the_loss_is_the_weighted_sum_and_its_gradients_add_up(engine: str, weight: Any) -> None:
    network = two(engine, dtype="float64")
    total = network.compute_loss(X, Y, weight)
    network.backward()
    shared: Any = 0.0
    losses = {}
    for name, y in Y.items():
        alone = network.head(name)
        losses[name] = alone.compute_loss(X, y, weight)
        alone.backward()
        shared = shared + WEIGHTS[name] * alone["dense_1.weights"].grad
        own = [key for key in alone.leaves if not key.startswith("dense_1.")]
        of_head = {"price": ["heads_1.dense_1"], "kind": ["heads_1.dense_2", "heads_1.dense_3"]}[name]
        gradients = [network[f"{layer}.{leaf}"].grad for layer in of_head for leaf in ("weights", "bias")]
        for key, gradient in zip(own, gradients, strict=True):
            np.testing.assert_allclose(gradient, WEIGHTS[name] * alone[key].grad, rtol=1e-12)
        assert network[f"{name}_loss"].value == pytest.approx(losses[name], rel=1e-12)
    assert total == pytest.approx(2.0 * losses["price"] + 0.5 * losses["kind"], rel=1e-12)
    np.testing.assert_allclose(network["dense_1.weights"].grad, shared, rtol=1e-12)


def test_the_derivatives_are_those_of_difference_quotients() -> None:
    network = two(dtype="float64", l2=0.1)
    network.compute_loss(X, Y)
    report = cr.check_gradients(network["loss"])
    assert report.passed
    assert "heads_1.dense_1.weights" in str(report)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_trains_to_the_same_numbers_and_figures(engine: str) -> None:
    settings: dict[str, Any] = {"epochs": 4, "batch_size": 16, "validation_split": 0.2, "metrics": {"kind": "accuracy"}}
    reference, network = two(dtype="float64"), two(engine, dtype="float64")
    histories = [cr.train(one, X, Y, **settings) for one in (reference, network)]
    np.testing.assert_allclose(network.parameters, reference.parameters, rtol=1e-9, atol=1e-12)
    for name in histories[0].epochs[0].as_dict():
        if name != "seconds":
            assert histories[1][name] == pytest.approx(histories[0][name], rel=1e-9)
    assert cr.evaluate(network, X, Y) == pytest.approx(cr.evaluate(reference, X, Y), rel=1e-9)


@pytest.mark.parametrize("metrics", [(), {"kind": "validation_accuracy"}], ids=["whole epochs", "steps"])
def test_whole_runs_of_steps_are_compiled_and_note_the_loss_of_each_head(metrics: Any) -> None:
    network, replayed = two("compiled", dtype="float64"), two(dtype="float64")
    x, y = X[:48], {"price": PRICE[:48], "kind": KIND[:48]}
    held = (x, y) if metrics else None
    training = cr.training.Training(network, x, y, epochs=8, batch_size=16, metrics=metrics, validation_data=held)
    for _ in training.events():
        pass
    history = cr.train(replayed, x, y, epochs=8, batch_size=16)
    assert training.compiled_steps == training.step == 24
    assert training.history["kind_loss"] == pytest.approx(history["kind_loss"], rel=1e-9)
    assert training.history["price_loss"] == pytest.approx(history["price_loss"], rel=1e-9)


def test_a_fused_loss_is_used_in_each_head_that_has_one() -> None:
    network = two()
    network.compute_loss(X, Y)
    ops = {name: network[name].op for name in ("price_loss", "kind_loss")}
    assert [type(op).__name__ for op in ops.values()] == ["MeanSquaredError", "SoftmaxCrossEntropy"]
    assert "kind: 0.5 · CategoricalCrossEntropy(), computed on the logits" in str(network.summary())


def test_what_comes_out_has_the_names_of_the_heads() -> None:
    network = two(classes={"kind": ["small", "middle", "large"]})
    cr.train(network, X, Y, epochs=2)
    outputs: Any = cr.predict(network, X)
    assert {name: array.shape for name, array in outputs.items()} == {"price": (60, 1), "kind": (60, 3)}
    assert all(array.flags.c_contiguous for array in outputs.values())
    assert (network.forward(X)["kind"] == outputs["kind"]).all()
    classes: Any = cr.classify(network, X)
    assert list(classes) == ["kind"]  # a price is no class
    assert (classes["kind"] == outputs["kind"].argmax(axis=1)).all()
    figures = cr.evaluate(network, X, Y)
    assert list(figures)[:3] == ["loss", "price_loss", "kind_loss"]
    assert figures["kind_error_rate"] == (classes["kind"] != KIND).mean()
    assert figures["price_mean_squared_error"] == pytest.approx(np.mean((outputs["price"] - PRICE) ** 2))
    assert figures["loss"] == pytest.approx(2 * figures["price_loss"] + 0.5 * figures["kind_loss"])
    assert [(head.name, head.task, head.shape, head.classes) for head in network.heads] == [
        ("price", "regression", (1,), None),
        ("kind", "multiclass", (3,), ("small", "middle", "large")),
    ]


def test_a_network_with_one_output_stays_as_it_is() -> None:
    network = cr.Network([cr.Dense(1)])
    history = cr.train(network, X, PRICE, epochs=1)
    assert "of_heads" not in history.epochs[0].as_dict()
    assert isinstance(cr.predict(network, X), np.ndarray)
    assert [(head.name, head.task) for head in network.heads] == [("", "regression")]


@pytest.mark.parametrize("given", ["labels", "column", "rows", "floats", "reversed", "list"])
def test_targets_come_as_a_network_with_one_output_takes_them(given: str) -> None:
    kinds = {"labels": KIND, "column": KIND[:, None], "rows": ROWS, "floats": KIND * 1.0, "list": KIND.tolist()}
    y = {"price": PRICE[:, 0], "kind": kinds.get(given, KIND)}
    one, other = two(), two()
    cr.train(one, X, dict(reversed(y.items())) if given == "reversed" else y, epochs=2)
    cr.train(other, X, Y, epochs=2)
    assert the_same(one, other)
    assert cr.evaluate(one, X, y) == cr.evaluate(other, X, Y)


def test_heads_of_every_task_and_of_rows_over_time_learn_together() -> None:
    times = np.random.default_rng(1).normal(size=(20, 5, 3))
    heads = cr.Heads(
        {
            "series": [cr.Dense(2)],
            "step": [cr.Dense(3), cr.Softmax()],
            "labels": [cr.Flatten(), cr.Dense(2), cr.Sigmoid()],
            "yes": [cr.Flatten(), cr.Dense(1), cr.Sigmoid()],
            "range": [cr.Flatten(), cr.Dense(2)],
        }
    )
    network = cr.Network([cr.Dense(4, "tanh"), heads], loss={"range": cr.PinballLoss([0.1, 0.9])})
    y = {
        "series": times[..., :2],
        "step": times.argmax(axis=2),
        "labels": times[:, 0, :2] > 0,
        "yes": times[:, 0, 0] > 0,
        "range": times[:, 0, 0],
    }
    history = cr.train(network, times, y, epochs=30, batch_size=None)
    assert history["loss"][-1] < history["loss"][0]
    outputs: Any = cr.predict(network, times)
    shapes = {"series": (20, 5, 2), "step": (20, 5, 3), "labels": (20, 2), "yes": (20, 1), "range": (20, 2)}
    assert {name: array.shape for name, array in outputs.items()} == shapes
    tasks = ["regression", "multiclass", "multilabel", "binary", "regression"]
    assert [head.task for head in network.heads] == tasks
    classes: Any = cr.classify(network, times)
    assert {name: array.shape for name, array in classes.items()} == {"step": (20, 5), "labels": (20, 2), "yes": (20,)}
    assert cr.evaluate(network, times, y)["step_error_rate"] == (classes["step"] != y["step"]).mean()


class OfIndices(cr.Op):
    """y = mean over samples of −logits[label]
    ∂logits = −∂y / samples at the labels, else 0"""

    constant = ("labels",)

    def forward(self, logits: Any, labels: Any) -> Any:
        return -np.take_along_axis(logits, labels[:, None], axis=1).mean()

    def backward(self, dy: Any, y: Any, logits: Any, labels: Any) -> Any:
        return dict(logits=-dy * (labels[:, None] == np.arange(logits.shape[1])) / len(labels))


def test_a_loss_of_indices_gets_whole_numbers() -> None:
    heads = cr.Heads({"kind": [cr.Dense(3)], "price": []})
    network = cr.Network([cr.Dense(1), heads], loss={"kind": OfIndices()})
    alone = cr.Network([cr.Dense(1), cr.Dense(3)], loss=OfIndices(), inputs=4)
    cr.train(network, X, {**Y, "price": PRICE}, epochs=1)
    alone.parameters[:] = network.head("kind").parameters
    assert cr.evaluate(network, X, Y)["kind_loss"] == pytest.approx(cr.evaluate(alone, X, KIND)["loss"])


def test_a_weight_of_0_measures_a_head_and_learns_nothing_from_it() -> None:
    network = two(loss_weights={"kind": 0.0})
    before = network.copy()
    before.build(4)
    history = cr.train(network, X, Y, epochs=2)
    assert history["loss"] == pytest.approx(history["price_loss"])
    assert (network["heads_1.dense_3.weights"].value == before["heads_1.dense_3.weights"].value).all()


@pytest.mark.parametrize("twin", ["copy", "deepcopy", "pickle", "file", "repeat", "fresh"])
def test_a_twin_goes_on_to_the_byte(twin: str, tmp_path: Path) -> None:
    network = two(classes={"kind": ["a", "b", "c"]})
    history = cr.train(network, X, Y, epochs=2)
    if twin == "file":
        cr.save(network, tmp_path / "model.safetensors")
    other: Callable[[], cr.Network] = {
        "copy": network.copy,
        "deepcopy": lambda: copy.deepcopy(network),
        "pickle": lambda: pickle.loads(pickle.dumps(network)),
        "file": lambda: cr.load(tmp_path / "model.safetensors"),
        "repeat": lambda: history.repeat().network,
        "fresh": lambda: cr.train(network.fresh(), X, Y, epochs=2).network,
    }[twin]
    found = other()
    assert the_same(found, network)
    assert repr(found) == repr(network)
    for one in (network, found):
        cr.train(one, X, Y, epochs=2)
    assert the_same(found, network)


def test_a_head_leaves_as_a_network_of_its_own() -> None:
    network = two(classes={"kind": ["a", "b", "c"]}, l2=0.1, seed=7)
    cr.train(network, X, Y, epochs=2)
    network.freeze("dense_1")
    before = network.parameters.copy()
    outputs: Any = cr.predict(network, X)
    alone = network.head("kind", optimizer=cr.SGD(0.1))
    assert (cr.predict(alone, X) == outputs["kind"]).all()
    assert (alone.classes, alone.l2, repr(alone.loss)) == (("a", "b", "c"), 0.1, "CategoricalCrossEntropy()")
    cr.train(alone, X, KIND, epochs=1)
    assert (alone["dense_1.weights"].value == network["dense_1.weights"].value).all()  # it stayed frozen
    assert (network.parameters == before).all()
    assert network.heads["kind"] is network.heads[1]
    for ask in (network.head, network.heads.__getitem__):
        with pytest.raises(UnknownNameError, match="Did you mean 'kind'"):
            ask("kid")
    with pytest.raises(UnknownNameError, match="Use it as it is"):
        alone.head("kind")


def test_heads_take_the_place_of_another_head() -> None:
    base = cr.Network([cr.Dense(6, "tanh"), cr.Dense(1)])
    cr.train(base, X, PRICE, epochs=1)
    body = base["dense_1.weights"].value.copy()
    network = base.replace_head(cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(3), cr.Softmax()]}))
    assert (network["dense_1.weights"].value == body).all()
    cr.train(network, X, Y, epochs=1)
    assert network.replace_head(cr.Dense(2)).loss_weights is None
    assert two(inputs=4).replace_head(cr.Dense(2)).loss is None


def test_named_inputs_go_with_several_outputs() -> None:
    branches = cr.Branches({"a": [cr.Dense(3)], "b": []})
    heads = cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(3), cr.Softmax()]})
    network = cr.Network([branches, cr.Dense(4, "relu"), heads])
    inputs = {"a": X[:, :2], "b": X[:, 2:]}
    cr.train(network, inputs, Y, epochs=1, validation_split=0.1)
    outputs: Any = cr.predict(network, inputs)
    assert outputs["kind"].shape == (60, 3)


WRONG_TARGETS: dict[str, tuple[Any, str]] = {
    "one missing": ({"price": PRICE}, r"y without 'kind'.*Pass \{'price': …, 'kind': …\}"),
    "one too many": ({**Y, "knd": KIND}, r"y with the name 'knd'.*Did you mean 'kind'"),
    "an array": (PRICE, r"y of type ndarray with shape \(60, 1\).*Pass \{'price': …, 'kind': …\} as y"),
    "a list in order": ([PRICE, KIND], r"Pass \{'price': y\[0\], 'kind': y\[1\]\} as y"),
    "too few": ({**Y, "kind": KIND[:3]}, r"3 targets in y\['kind'\] for 60 samples"),
    "too many columns": ({**Y, "price": np.ones((60, 2))}, r"y\['price'\] with shape \(60, 2\).*1 column"),
    "another number of classes": ({**Y, "kind": np.eye(5)[KIND]}, r"y\['kind'\] with shape \(60, 5\).*cr\.Dense\(5\)"),
    "a class that isn't there": ({**Y, "kind": KIND + 1}, r"train, y\['kind'\]: got target\[\d+\] = 3.*3 classes"),
    "NaN": ({**Y, "price": np.where(PRICE > 1, np.nan, PRICE)}, r"y\['price'\] with \d+ values that are NaN"),
    "texts": ({**Y, "kind": np.array(["a"] * 60)}, r"np\.unique\(y\['kind'\], return_inverse=True\)"),
    "the two exchanged": ({"price": KIND, "kind": PRICE}, r"y\['kind'\] with numbers that are not whole"),
    "nothing": ({**Y, "kind": None}, r"y\['kind'\]=None"),
}


@pytest.mark.parametrize("name", WRONG_TARGETS)
def test_targets_that_do_not_fit_are_refused_by_the_name_of_their_head(name: str) -> None:
    given, message = WRONG_TARGETS[name]
    network = two(inputs=4)
    with pytest.raises(ChainruleError, match=message):
        cr.train(network, X, given)
    with pytest.raises(ChainruleError, match=message.replace("train", "evaluate")):
        cr.evaluate(network, X, given)
    with pytest.raises(ChainruleError, match=message.replace("train", "train validation_data")):
        cr.train(network, X, Y, validation_data=(X, given))


def only(**settings: Any) -> cr.Network:
    return cr.Network([cr.Dense(1)], **settings)


WRONG_SETTINGS: dict[str, tuple[Callable[[], Any], str]] = {
    "a loss for all": (lambda: two(loss="mse"), r"\{'price': cr\.MeanSquaredError\(\), 'kind': cr\.Categorical"),
    "a list of losses": (lambda: two(loss=["mse", "cross_entropy"]), r"\{'price': 'mse', 'kind': 'cross_entropy'\}"),
    "ops in a list": (lambda: two(loss=[cr.Huber(), cr.CategoricalCrossEntropy()]), r"'price': cr\.Huber\(\)"),
    "the loss of no head": (lambda: two(loss={"prize": "mse"}), "Did you mean 'price'"),
    "a loss that fits no end": (lambda: two(loss={"kind": cr.SoftmaxCrossEntropy()}), r"head 'kind'.*Drop the last"),
    "losses of one output": (lambda: only(loss={"a": "mse"}), r"one output.*cr\.Heads\(\{\"a\": \[…\]\}\)"),
    "a list of weights": (lambda: two(loss_weights=[1, 0.5]), r"\{'price': 1, 'kind': 0\.5\}"),
    "a weight below 0": (lambda: two(loss_weights={"kind": -1}), r"loss_weights\['kind'\]: got -1"),
    "no weight": (lambda: two(loss_weights={"kind": 0, "price": 0}), "nothing to learn"),
    "a weight of no head": (lambda: two(loss_weights={"kinds": 1}), "Did you mean 'kind'"),
    "weights of one output": (lambda: only(loss_weights=[1.0]), "one loss.*Leave loss_weights out"),
    "classes of all": (lambda: two(classes=["a", "b", "c"]), r"\{'price': \[…\], 'kind': \[…\]\}"),
    "too few classes": (lambda: two(classes={"kind": ["a", "b"]}, inputs=4), "head 'kind' classes: got 2 names"),
    "classes of one output": (lambda: only(classes={"a": ["b", "c"]}), r"cr\.Heads"),
    "outputs": (lambda: only(outputs={"a": [cr.Dense(1)]}), r"several outputs end it.*cr\.Heads"),
    "outputs of heads": (lambda: cr.Heads(outputs={"a": []}), r"Pass a mapping"),
    "weights in training": (lambda: cr.train(two(), X, Y, loss_weights={"kind": 1}), r"belongs to the network"),
    "a list of heads": (lambda: cr.Heads([[cr.Dense(1)]]), r"cr\.Heads\(\{\"price\""),
    "no heads": (lambda: cr.Heads({}), r"cr\.Heads\(\{\"price\""),
    "a head called validation": (lambda: cr.Heads({"validation": [cr.Dense(1)]}), "price_loss"),
    "a head without a name": (lambda: cr.Heads({3: [cr.Dense(1)]}), "the name 3"),
    "heads in the middle": (lambda: cr.Network([cr.Heads({"a": []}), cr.Dense(2)], inputs=4), "as the last of its"),
    "heads in heads": (lambda: cr.Network([cr.Heads({"a": [cr.Heads({"b": []})]})], inputs=4), "as the last of its"),
    "a network as a layer": (lambda: cr.Network([two()], inputs=4), r"\[\*other\.copy\(\)\.layers\]"),
    "branches as the last": (lambda: cr.Network([cr.Dense(3), cr.Branches({"a": []})], inputs=4), r"cr\.Heads"),
    "the task of several": (lambda: two(inputs=4).task, r"network\.heads\['price'\]\.task"),
    "the objective of several": (lambda: two().objective, r"network\.heads\['price'\]\.objective"),
    "classes of numbers": (
        lambda: cr.classify(cr.Network([cr.Heads({"a": [cr.Dense(1)]})], inputs=4), X),
        "a network for regression",
    ),
    "a matrix of several": (
        lambda: cr.confusion_matrix(cr.predict(two(inputs=4), X), Y["kind"]),
        r"prediction\['price'\], target\['price'\]",
    ),
}


@pytest.mark.parametrize("name", WRONG_SETTINGS)
def test_what_several_outputs_can_not_be_is_refused(name: str) -> None:
    make, message = WRONG_SETTINGS[name]
    with pytest.raises(ChainruleError, match=message):
        make()


def test_a_mapping_of_settings_stays_as_it_was_made() -> None:
    network: Any = two()
    for change in (lambda: network.loss.update(price=cr.Huber()), lambda: network.layers[-1].heads.pop("price")):
        with pytest.raises(MisuseError, match="stay as it was made"):
            change()
    with pytest.raises(MisuseError, match=r"network\.copy"):
        network.loss_weights = {"price": 1.0}
    changed = network.copy(loss_weights={"price": 3.0})
    assert [head.weight for head in changed.heads] == [3.0, 1.0]
