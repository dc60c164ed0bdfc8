"""What document 1 writes and is simply taken: a pair as the loss, columns as samples, its names of the data."""

from __future__ import annotations

import operator
import pickle
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, InputError, MisuseError, ShapeError

X, Y = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]]), np.float32([[0], [1], [1], [0]])
COLUMNS = X.reshape(4, 2, 1), Y.reshape(4, 1, 1)
ENGINES = ["replay", "dynamic", "compiled"]


def mse(y_true: Any, y_pred: Any) -> Any:
    return np.mean(np.power(y_true - y_pred, 2))


def mse_prime(y_true: Any, y_pred: Any) -> Any:
    return 2 * (y_pred - y_true) / np.size(y_true)


def network(*loss: Any, **settings: Any) -> cr.Network:
    return cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Tanh()], *loss, **settings)


@pytest.mark.parametrize("engine", ENGINES[:2])
def test_a_pair_is_the_loss_and_survives_copies_and_pickles(engine: str) -> None:
    pair = network(mse, mse_prime, engine=engine)
    assert pair.loss is not None
    assert isinstance(pair.optimizer, cr.Adam)
    plain = network(cr.MeanSquaredError(), engine=engine)
    assert cr.train(pair, X, Y, epochs=5)["loss"] == pytest.approx(cr.train(plain, X, Y, epochs=5)["loss"], rel=1e-6)
    for twin in (pair.copy(), pickle.loads(pickle.dumps(pair))):
        assert cr.train(twin, X, Y, epochs=2)["loss"] == cr.train(pair.copy(), X, Y, epochs=2)["loss"]
        assert repr(twin.loss) == repr(pair.loss)


@pytest.mark.parametrize("names", [("a", "b"), ("x", "y"), ("y_true", "truth"), ("prediction", "y_hat"), ("y_true",)])
def test_a_pair_whose_names_do_not_say_the_order_is_asked_for_them(names: tuple[str, ...]) -> None:
    unclear = eval(f"lambda {', '.join(names)}: 0.0")
    for pair in ((unclear, mse_prime), (mse, unclear)):
        with pytest.raises(InputError, match=r"Name them \(y_true, y_pred\).*cr.Network\(layers, cr.Loss\("):
            network(*pair)


def test_a_pair_with_the_wrong_sign_is_found_out() -> None:
    def wrong(y_true: Any, y_pred: Any) -> Any:
        return -mse_prime(y_true, y_pred)

    with pytest.raises(ArithmeticError, match="turn the derivative's sign"):
        cr.train(network(mse, wrong), X, Y, epochs=1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("validation", [{}, {"validation_data": COLUMNS}, {"validation_split": 0.25}])
def test_samples_that_are_columns_train_as_rows_do(engine: str, validation: dict[str, Any]) -> None:
    def trained(X: Any, Y: Any) -> bytes:
        one = network(engine=engine, optimizer=cr.SGD(0.1))
        cr.train(one, X, Y, epochs=5, batch_size=2, **validation)
        return one.parameters.tobytes()

    assert trained(*COLUMNS) == trained(X, Y)


def test_columns_are_asked_measured_and_stepped_as_rows_are() -> None:
    one = network()
    assert np.array_equal(cr.predict(one, COLUMNS[0]), cr.predict(one, X))
    assert np.array_equal(one.forward(COLUMNS[0]), one.forward(X))
    assert cr.evaluate(one, *COLUMNS) == cr.evaluate(one, X, Y)
    assert one.compute_loss(*COLUMNS) == one.compute_loss(X, Y)
    assert cr.plot.surface_text(one, *COLUMNS) == cr.plot.surface_text(one, X, Y)
    classes = cr.Network([cr.Dense(2, inputs=2), cr.Softmax()])
    one_hot = np.eye(2)[[0, 1, 1, 0]]
    assert classes.compute_loss(COLUMNS[0], one_hot[..., None]) == classes.compute_loss(X, one_hot)


def test_one_column_is_not_taken_for_a_sample_for_it_may_be_several() -> None:
    with pytest.raises(ShapeError, match=r"Pass np.reshape\(X, \(1, -1\)\) if it is one sample, written as a column"):
        cr.predict(network(), [[1], [0]])


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match="as the network was built for"):
        cr.predict(network(), np.zeros((4, 3, 1)))


def test_where_the_data_say_the_inputs_a_last_axis_of_one_is_a_feature() -> None:
    one = cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(1)])
    with pytest.raises(ShapeError, match=r"np.reshape\(X, \(4, -1\)\), or tell how many inputs"):
        cr.train(one, *COLUMNS)
    assert cr.predict(one, COLUMNS[0]).shape == (4, 2, 1)


def test_the_documents_names_of_the_data_are_taken() -> None:
    one, other = network(), network()
    told = cr.train(network=one, train_data=X, true_data=Y, epochs=2)
    assert told["loss"] == cr.train(other, X, Y, epochs=2)["loss"]
    assert told.repeat(epochs=3)["loss"][:2] == told["loss"]
    assert np.array_equal(cr.predict(network=one, test_data=X), cr.predict(one, X))
    told_apart = network(classes=["no", "yes"])
    assert np.array_equal(cr.classify(network=told_apart, test_data=X), cr.classify(told_apart, X))
    assert cr.evaluate(one, test_data=X, true_data=Y) == cr.evaluate(one, X, Y)


TWICE = {
    "X by its place": lambda: cr.train(network(), X, Y, train_data=X),
    "y by its name": lambda: cr.train(network(), X=X, y=Y, true_data=Y),
    "of predict": lambda: cr.predict(network(), X, test_data=X),
    "of another call": lambda: cr.predict(network(), train_data=X),
}


@pytest.mark.parametrize("case", TWICE)
def test_the_same_twice_and_a_name_of_another_call_are_refused(case: str) -> None:
    with pytest.raises(ArgumentError):
        TWICE[case]()


def test_a_truth_and_a_prediction_are_no_samples_also_where_their_shapes_are_alike() -> None:
    curve = cr.Network([cr.Dense(1, inputs=1)])
    x = np.ones((3, 1), np.float32)
    with pytest.raises(MisuseError, match=r"Write network.compute_loss\(x, y\)"):
        curve.compute_loss(x, curve.forward(x))
    assert curve.compute_loss(x, curve.forward(x).copy()) == 0
    with pytest.raises(MisuseError, match=r"network.objective.loss.forward\(prediction, target\)"):
        network().compute_loss([[1.0]], [[0.5]])


USES: dict[str, Any] = {
    "float(history)": float,
    "int(history)": int,
    "round(history, 4)": lambda history: round(history, 4),
    "abs(history)": abs,
    "history + 1": lambda history: history + 1,
    "1 - history": lambda history: 1 - history,
    "100 * history": lambda history: 100 * history,
    "-history": operator.neg,
    "history < 1": lambda history: history < 1,
    "max(history, 0.1)": lambda history: max(history, 0.1),
    "f-string": "{:.4f}".format,
    "percent": "%.4f".__mod__,
}


@pytest.mark.parametrize("use", USES)
def test_what_train_returns_is_no_number_and_says_where_it_is(use: str) -> None:
    history = cr.train(network(), X, Y, epochs=1)
    with pytest.raises(MisuseError, match=rf"Write history.final_loss .*, {history.final_loss:.4g}"):
        USES[use](history)
    assert f"{history}" == repr(history)


@pytest.mark.parametrize("base", ["Layer", "Node"])
def test_a_backward_belongs_to_an_op(base: str) -> None:
    with pytest.raises(MisuseError, match=r"Write class Own\(cr.Op\)"):
        type("Own", (getattr(cr, base),), {"backward": lambda self, dy: dy})

    class Loud(cr.Network):
        def backward(self) -> None:
            super().backward()

    Loud([cr.Dense(1, inputs=2)]).compute_loss(X, Y)


@pytest.mark.parametrize("loss", [cr.binary_cross_entropy, cr.categorical_cross_entropy])
def test_a_truth_before_its_prediction_is_noticed(loss: Any) -> None:
    truth, prediction = np.eye(2), np.array([[0.3, 0.7], [0.4, 0.6]])
    with pytest.raises(InputError, match="Name them: prediction=…, target=…"):
        loss(truth, prediction)
    assert np.isfinite(loss(prediction, truth).value)
    assert loss(np.eye(2), np.eye(2)).value == 0


def test_a_layers_numbers_are_changed_in_place_alone() -> None:
    one = network()
    layer: Any = one.layers[0]
    before = one.parameters.copy()
    for wrong in (np.zeros((2, 3)), cr.Parameter(np.zeros((2, 3))), 0):
        with pytest.raises(MisuseError, match=r"Write layer.weights.assign\(array\)"):
            layer.weights = wrong
    assert np.array_equal(one.parameters, before)
    layer.weights.assign(np.zeros((2, 3)))
    assert not one.parameters[:6].any()
    layer.weights = layer.weights
    assert repr(one.copy().layers) == repr(one.layers)


CHANGES: dict[str, Any] = {
    "-=": lambda w: w.__isub__(1),
    "+=": lambda w: w.__iadd__(1),
    "*=": lambda w: w.__imul__(2),
    "/=": lambda w: w.__itruediv__(2),
    "[...] =": lambda w: w.__setitem__(..., 2),
    ".value =": lambda w: setattr(w, "value", 2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_parameter_in_place_is_assigned(change: str) -> None:
    w = cr.Parameter("w", [1.0])
    with pytest.raises(MisuseError, match=r"Write parameter.assign\("):
        CHANGES[change](w)
    assert w.value == [1]
    node: Any = w * 2
    node += 1  # of a node it makes another one
    assert node.value == [3]
