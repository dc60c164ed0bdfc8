"""Estimators of any network: a description in, a network of its own at each fit, and searches over every part."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule as cr
import chainrule.sklearn
from chainrule.errors import ArgumentError, InputError, MisuseError
from chainrule.sklearn import Classifier, Regressor
from tests.rebuilding import from_states
from tests.sklearn.samples import digits, iris, numbers, quantities, same_network, several_labels
from tests.terminal import Terminal


def make(n_features: int, n_outputs: int, width: int = 8, end: Any = None) -> cr.Network:
    last = end or (cr.Sigmoid() if n_outputs == 1 else cr.Softmax())
    layers = [cr.Dense(width), cr.Tanh(), cr.Dense(n_outputs), last]
    return cr.Network(layers, optimizer=cr.Adam(0.02), seed=3)


def network(outputs: int = 3, **settings: Any) -> cr.Network:
    end = [cr.Sigmoid()] if outputs == 1 else [cr.Softmax()]
    layers = [cr.Dense(8), cr.Tanh(), cr.Dense(outputs), *end]
    return cr.Network(layers, **{"optimizer": cr.Adam(0.02), "seed": 3, **settings})


def yes_or_no(labels: int) -> cr.Network:
    return cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(labels), cr.Sigmoid()], optimizer=cr.Adam(0.02))


def curve(outputs: int = 1, **settings: Any) -> cr.Network:
    return cr.Network([cr.Dense(16), cr.Tanh(), cr.Dense(outputs)], **{"optimizer": cr.Adam(0.02), **settings})


ENDS: dict[str, tuple[cr.Network, int]] = {
    "softmax": (network(3), 3),
    "softmax of two": (network(2), 2),
    "sigmoid": (network(1), 2),
    "logits": (cr.Network([cr.Dense(3)], loss=cr.SoftmaxCrossEntropy(), optimizer=cr.Adam(0.05)), 3),
    "one logit": (cr.Network([cr.Dense(1)], loss=cr.SigmoidBinaryCrossEntropy(), optimizer=cr.Adam(0.05)), 2),
    "softmax and squared error": (network(3, loss=cr.HalfSquaredError()), 3),
    "tanh and squared error": (cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Tanh()]), 2),
}


@pytest.mark.parametrize("end", ENDS)
def test_any_end_and_loss_learns_labels_of_any_kind(end: str) -> None:
    described, count = ENDS[end]
    X, y = digits(count)
    names = np.array(["zero", "one", "two"])[y]
    model = Classifier(described, epochs=40).fit(X, names)
    assert model.score(X, names) > 0.9
    assert model.classes_.tolist() == sorted(set(names))
    assert model.network_.classes == tuple(sorted(set(names)))
    assert hasattr(model, "predict_proba") == (end != "tanh and squared error")
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
        chosen = model.classes_[model.predict_proba(X).argmax(axis=1)]
        np.testing.assert_array_equal(chosen, model.predict(X))


def test_several_labels_are_each_a_yes_or_no() -> None:
    X, y = several_labels()
    model = Classifier(yes_or_no(3), epochs=100).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X) > 0.5)
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.8


def test_several_quantities_are_learnt_by_any_loss() -> None:
    X, y = quantities(3)
    model = Regressor(curve(3, loss=cr.Huber()), epochs=200).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.8
    assert Regressor(curve(), epochs=1).fit(X, y[:, 0]).predict(X).shape == (len(X),)


def test_images_go_in_as_they_are() -> None:
    X, y = digits()
    layers = [cr.Flatten(), cr.Dense(8), cr.ReLU(), cr.Dense(3), cr.Softmax()]
    model = Classifier(cr.Network(layers, optimizer=cr.Adam(0.02)), epochs=20).fit(X.reshape(-1, 8, 8), y)
    assert model.score(X.reshape(-1, 8, 8), y) > 0.9


def test_each_fit_has_a_network_of_its_own_and_begins_anew() -> None:
    X, y = iris()
    described = network()
    one, other = (Classifier(described, epochs=5) for _ in range(2))
    assert same_network(one.fit(X, y), other.fit(X, y))
    before = one.network_
    assert same_network(one.fit(X, y), other)
    assert one.network_ is not before
    assert not described.built
    cr.train(described, X, y, epochs=1)  # even then it is a description
    assert same_network(one.fit(X, y), other)
    assert same_network(clone(one).fit(X, y), other)


def test_random_state_is_the_networks_seed() -> None:
    X, y = iris()
    own, same, other = (Classifier(network(), epochs=3, random_state=state).fit(X, y) for state in (None, 1, 2))
    assert own.network_.seed == 3
    assert same_network(same, Classifier(network(), epochs=3, random_state=1).fit(X, y))
    assert not same_network(same, other)


def test_a_function_is_told_features_and_classes_and_takes_settings() -> None:
    X, y = iris()
    model = Classifier(make, epochs=5, network__width=5).fit(X, y)
    assert [leaf.shape for leaf in model.network_.leaves.values()] == [(4, 5), (5,), (5, 3), (3,)]
    assert model.get_params()["network__end"] is None
    wider = clone(model).set_params(network__width=9).fit(X, y)
    assert wider.network_.leaves["dense_1.weights"].shape == (4, 9)
    assert Regressor(lambda n, k: curve(k), epochs=1).fit(*quantities(2)).predict(X[:, [0] * 5]).shape == (150, 2)


GRIDS: dict[str, dict[str, list[Any]]] = {
    "networks": {"network": [network(), cr.Network([cr.Dense(3), cr.Softmax()])]},
    "optimizers": {"network__optimizer": [cr.Adam(0.02), cr.SGD(1e-6)]},
    "a setting of the optimizer": {"network__optimizer__learning_rate": [cr.CosineDecay(0.05), 1e-6]},
    "layers": {"network__layers": [[cr.Dense(8), cr.Tanh(), cr.Dense(3), cr.Softmax()], [cr.Dense(3), cr.Softmax()]]},
    "a layer": {"network__layers__1": [cr.ReLU(), cr.Tanh()]},
    "arguments of train": {"epochs": [30, 1], "batch_size": [16, None], "callbacks": [(), cr.EarlyStopping(3)]},
    "seeds": {"random_state": [0, 1]},
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_a_search_varies_every_part(grid: dict[str, list[Any]]) -> None:
    X, y = iris()
    search = GridSearchCV(Classifier(network(), epochs=20), grid, cv=2, error_score="raise").fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) > 1
    assert search.best_score_ > 0.85
    again = clone(search.best_estimator_).fit(X, y)
    assert same_network(again, search.best_estimator_)


def test_a_search_in_two_processes_finds_the_same() -> None:
    X, y = iris()
    model = make_pipeline(StandardScaler(), Classifier(network(), epochs=5))
    grid = {"classifier__network__l2": [0.0, 0.1]}
    one, two = (GridSearchCV(model, grid, cv=2, n_jobs=jobs).fit(X, y) for jobs in (1, 2))
    assert one.cv_results_["mean_test_score"].tolist() == two.cv_results_["mean_test_score"].tolist()


def test_scaled_targets_are_cross_validated() -> None:
    X, y = quantities()
    model = TransformedTargetRegressor(Regressor(curve(), epochs=100), transformer=StandardScaler())
    assert cross_val_score(make_pipeline(StandardScaler(), model), X, 1000 * y, cv=3).mean() > 0.5


def test_a_network_that_ends_in_unscale_is_told_targets_as_they_are() -> None:
    X, y = quantities()[:2]
    prices = 1e6 + 1e5 * y
    columns = 1 if y.ndim == 1 else y.shape[1]
    network = cr.Network(
        [cr.Dense(16, "tanh"), cr.Dense(columns), cr.Unscale.standard(prices)], optimizer=cr.Adam(0.02)
    )
    model = clone(Regressor(network, epochs=100)).fit(X, prices)
    assert model.score(X, prices) > 0.9
    assert model.predict(X).shape == y.shape
    with pytest.raises(InputError, match="Softmax"):
        Classifier(network).fit(X, np.arange(len(X)) % 3)


@pytest.mark.parametrize("described", [network(), make], ids=["network", "function"])
def test_parameters_by_name_are_all_of_them_and_can_be_set_back(described: Any) -> None:
    model = Classifier(described, epochs=2)
    assert clone(model).set_params(**model.get_params()).get_params(deep=False) == model.get_params(deep=False)
    changed = clone(model).set_params(network__width=4) if described is make else clone(model).set_params(
        network__optimizer=cr.SGD(0.5), network__optimizer__momentum=0.9
    )  # fmt: skip
    assert repr(clone(changed)) == repr(changed) != repr(model)
    again = clone(changed).set_params(**changed.get_params())
    X, y = iris()
    assert same_network(again.fit(X, y), changed.fit(X, y))
    if described is not make:
        assert repr(changed.network_.optimizer) == "SGD(learning_rate=0.5, momentum=0.9)"
        assert repr(described.optimizer) == "Adam(learning_rate=0.02)"


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_a_fit_that_goes_on_is_the_fit_that_never_ended(kind: str) -> None:
    model, (X, y) = (Classifier(network()), iris()) if kind == "classifier" else (Regressor(curve()), quantities())
    once = clone(model).set_params(epochs=4).fit(X, y)
    twice = clone(model).set_params(epochs=2, warm_start=True).fit(X, y).fit(X, y)
    parts = clone(model)
    for _ in range(4):
        parts.partial_fit(X, y, **({"classes": np.unique(y)} if kind == "classifier" else {}))
    assert same_network(once, twice)
    assert same_network(once, parts)


def test_another_network_cannot_go_on() -> None:
    X, y = iris()
    model = Classifier(network(), epochs=1, warm_start=True).fit(X, y)
    for params in ({"network__l2": 0.1}, {"network": network(l2=0.1)}):
        with pytest.raises(MisuseError, match="warm_start=False"):
            clone(model).fit(X, y).set_params(**params).fit(X, y)
    assert pickle.loads(pickle.dumps(model)).fit(X, y).network_.optimizer_state.step == 10


def test_weights_of_samples_and_classes_count() -> None:
    X, y = digits()
    weights = np.array([3.0, 0.5, 1.0])[y]
    by_class = Classifier(network(), epochs=3, class_weight={0: 3.0, 1: 0.5}).fit(X, y)
    by_sample = Classifier(network(), epochs=3).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(by_class.network_.parameters, by_sample.network_.parameters, rtol=1e-5)
    some = (np.arange(len(y)) % 3 > 0).astype(float)
    dropped = Classifier(network(), epochs=3).fit(X[some > 0], y[some > 0])
    assert same_network(Classifier(network(), epochs=3).fit(X, y, sample_weight=some), dropped)


def test_validation_samples_choose_the_weights() -> None:
    X, y = iris()
    model = Classifier(network(), epochs=8).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert (model.history_.kept, len(model.history_["validation_loss"])) == ("best", 8)
    split = Classifier(
        network(), epochs=8, validation_split=0.2, metrics="accuracy", monitor="validation_accuracy"
    ).fit(X, y)
    assert len(split.history_["validation_accuracy"]) == 8
    assert split.history_.network is None


@pytest.mark.parametrize("way", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, from_states])
def test_what_was_stored_predicts_and_goes_on_the_same(way: Any) -> None:
    X, y = iris()
    model = Classifier(network(), epochs=2, network__l2=0.01, warm_start=True).fit(X, y)
    again = way(model)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert same_network(again.fit(X, y), model.fit(X, y))


def pretrained() -> cr.Network:
    X, y = iris()
    base = network()
    cr.train(base, X, y, epochs=2)
    twin = base.fresh()
    twin.parameters[:] = base.parameters
    twin.freeze("dense_1")
    return twin


def test_numbers_that_were_written_into_a_network_are_where_it_begins() -> None:
    X, y = iris()
    described = pretrained()
    model = Classifier(described, epochs=2).fit(X, y)
    first = slice(0, 32)
    np.testing.assert_array_equal(model.network_.parameters[first], described.parameters[first])
    assert not np.array_equal(model.network_.parameters, described.parameters)
    for settings in ({"random_state": 0}, {"network__layers__1": cr.ReLU()}):
        with pytest.raises(InputError, match="drawn anew"):
            Classifier(pretrained(), **settings).fit(X, y)


WRONG: list[tuple[Any, str]] = [
    (lambda X, y: Classifier(network(4)).fit(X, y), r"4 outputs for 3 classes.*cr.Dense\(3\), cr.Softmax\(\)"),
    (lambda X, y: Classifier(network(1)).fit(X, y), "1 output for 3 classes"),
    (lambda X, y: Classifier(network()).fit(X, y > 0), r"expected 2 outputs, or one"),
    (lambda X, y: Classifier(network()).fit(*several_labels()), r"several labels.*cr.Dense\(3\), cr.Sigmoid\(\)"),
    (lambda X, y: Classifier(yes_or_no(2)).fit(*several_labels()), r"2 outputs for 3 labels.*cr.Sigmoid\(\)"),
    (lambda X, y: Classifier(curve(3)).fit(X, y), "for quantities take Regressor"),
    (lambda X, y: Classifier(network(classes=["a", "b", "c"])).fit(X, y.astype(str)), "those of y: 0, 1, 2"),
    (lambda X, y: Classifier(network(), class_weight={3: 1.0}).fit(X, y), "a weight for 3"),
    (lambda X, y: Classifier(yes_or_no(3), class_weight="balanced").fit(*several_labels()), "several labels"),
    (lambda X, y: Classifier(network(inputs=5)).fit(X, y), r"built for samples of shape \(5,\)"),
    (lambda X, y: Classifier(network()).fit(X[:, None].repeat(2, 1), y), "cr.Flatten"),
    (lambda X, y: Classifier(network()).fit(X, y, X_val=X), "X_val without y_val"),
    (lambda X, y: Classifier().fit(X, y), r"network=None.*Pass cr.Network"),
    (lambda X, y: Classifier([cr.Dense(3), cr.Softmax()]).fit(X, y), "Pass cr.Network"),
    (lambda X, y: Classifier(lambda n: network()).fit(X, y), r"too many positional.*def make\(n_features, n_classes"),
    (lambda X, y: Classifier(lambda n, k: None).fit(X, y), "None from the function"),
    (lambda X, y: Classifier(make, network__height=3).fit(X, y), "network__height"),
    (lambda X, y: Classifier(network(), network__optimiser=3).fit(X, y), "Write optimizer=…"),
    (lambda X, y: Regressor(network()).fit(X, y), "for classes take Classifier"),
    (lambda X, y: Regressor(curve(2)).fit(X, y), r"2 outputs for 1 targets.*cr.Dense\(1\)"),
    (lambda X, y: Regressor(curve(1), epochs=1).fit(X, y).partial_fit(X, X), "4 columns"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_cannot_be_learnt_is_refused_with_what_to_do(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(*iris())


def test_a_fit_that_is_refused_leaves_no_network_of_other_classes() -> None:
    X, y = iris()
    model = Classifier(network(), epochs=1).fit(X, y)
    with pytest.raises(InputError):
        model.fit(X, y > 0)
    with pytest.raises(NotFittedError):
        model.predict(X)


WORDS = {
    "module": "network=…",
    "model": "network=…",
    "module__width": "network__width=…",
    "max_epochs": "epochs=…",
    "lr": "network__optimizer__learning_rate=…",
    "optimizer": "network__optimizer=…",
    "optimizer__momentum": "network__optimizer__momentum=…",
    "criterion": "network__loss=…",
    "hidden_layer_sizes": "network__layers=…",
    "train_split": "validation_split=…",
    "batchsize": "batch_size=…",
}


@pytest.mark.parametrize("word", WORDS)
def test_words_of_other_libraries_are_answered_with_ours(word: str) -> None:
    for call in (lambda: Classifier(**{word: 3}), lambda: Regressor(network()).set_params(**{word: 3})):
        with pytest.raises(ArgumentError, match=f"Write {word and WORDS[word]}"):
            call()


def test_classes_of_other_libraries_are_answered_with_ours() -> None:
    for name, ours in (
        ("NeuralNetClassifier", "Classifier"),
        ("KerasRegressor", "Regressor"),
        ("Clasifier", "Classifier"),
    ):
        with pytest.raises(AttributeError, match=ours):
            getattr(chainrule.sklearn, name)


def test_a_misspelt_setting_of_the_network_is_refused_when_it_is_set() -> None:
    with pytest.raises(ArgumentError, match="Write learning_rate=…"):
        Classifier(network()).set_params(network__optimizer__lr=0.1)
    with pytest.raises(ArgumentError, match=r"network__widht=3.*network__width"):
        Classifier(make).set_params(network__widht=3)


def test_features_have_names() -> None:
    X, y = iris()
    model = Classifier(network(), epochs=1).fit(pandas.DataFrame(X, columns=list("abcd")), y)
    assert (model.n_features_in_, model.feature_names_in_.tolist()) == (4, list("abcd"))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(pandas.DataFrame(numbers((3, 4)), columns=list("abdc")))


@pytest.mark.parametrize(("verbose", "lines"), [({}, 0), ({"verbose": 2}, 3)], ids=["left out", "a line an epoch"])
def test_a_fit_shows_nothing_on_a_terminal_unless_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch, verbose: dict[str, int], lines: int
) -> None:
    terminal = Terminal()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, terminal)
    Classifier(network(3), epochs=3, **verbose).fit(*iris())
    assert terminal.getvalue().count("\n") == lines
    assert ("epoch 3/3" in terminal.getvalue()) == bool(lines)


def test_an_estimator_has_one_output_and_a_head_is_one() -> None:
    X, y = iris()
    several = cr.Network([cr.Dense(8, "tanh"), cr.Heads({"a": [cr.Dense(1)], "b": [cr.Dense(3), cr.Softmax()]})])
    for estimator in (Classifier(several), Regressor(several), Classifier(lambda n_features, n_outputs: several)):
        with pytest.raises(MisuseError, match=r"the heads 'a', 'b'.*network\.head\('a'\)"):
            estimator.fit(X, y)
    with pytest.raises(InputError, match=r"y with the names 'a', 'b'.*cr\.train\(network, X, y\)"):
        Regressor(several).fit(X, {"a": y, "b": y})
    several.build(X.shape[1])
    assert Classifier(several.head("b"), epochs=2).fit(X, y).predict(X).shape == y.shape
