"""Estimators and pipelines of scikit-learn leave as ONNX files whole, and answer there as they do at home."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

import chainrule as cr
import chainrule.onnx
from chainrule.errors import InputError, MissingExtraError, MisuseError
from chainrule.sklearn import Classifier, MLPClassifier, MLPRegressor, Regressor
from tests.referees import needed

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = 5 * RNG.normal(size=(60, 4)) + 3
QUICK: dict[str, Any] = {"max_iter": 5, "random_state": 0}
NUMPY = {"tensor(double)": np.float64, "tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(string)": object}
TARGETS: dict[str, Any] = {
    "two classes": (X[:, 0] > 3).astype(int),
    "true and false": X[:, 0] > 3,
    "three texts": np.array(["ox", "ass", "Kuh 牛"])[RNG.integers(3, size=60)],
    "numbers from 5": RNG.integers(5, 8, size=60),
    "one class": np.ones(60, int),
    "several labels": (X[:, :3] > 3).astype(int),
}


@pytest.fixture(scope="module")
def skl2onnx() -> Any:
    return needed("skl2onnx")


@pytest.fixture(scope="module")
def run(skl2onnx: Any) -> Callable[..., list[Any]]:
    onnxruntime = needed("onnxruntime")

    def run(path: Any, samples: Any) -> list[Any]:
        session = onnxruntime.InferenceSession(path)
        inputs = session.get_inputs()
        columns = {one.name: samples if len(inputs) == 1 else samples[[one.name]].to_numpy() for one in inputs}
        feed = {one.name: np.asarray(columns[one.name], NUMPY[one.type]) for one in inputs}
        return list(session.run(None, feed))

    return run


def assert_same(found: list[Any], model: Any, samples: Any) -> None:
    if hasattr(model, "predict_proba"):
        labels, probabilities = found
        assert labels.tolist() == model.predict(samples).tolist()
        np.testing.assert_allclose(probabilities, model.predict_proba(samples), rtol=1e-5, atol=1e-6)
    else:
        (values,) = found
        expected = model.predict(samples)
        np.testing.assert_allclose(values, expected.reshape(len(samples), -1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("target", TARGETS)
def test_a_classifier_answers_as_at_home(run: Any, tmp_path: Path, target: str, dtype: type) -> None:
    model = make_pipeline(StandardScaler(), MLPClassifier((8,), **QUICK)).fit(X, TARGETS[target])
    chainrule.onnx.save(model, tmp_path / "a.onnx", X.astype(dtype))
    found = run(tmp_path / "a.onnx", X)
    assert found[1].dtype == dtype
    assert_same(found, model, X)


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "huber"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_regressor_answers_as_at_home(run: Any, tmp_path: Path, outputs: int, loss: str) -> None:
    y = np.abs(X[:, 0] if outputs == 1 else X[:, :outputs])
    model = make_pipeline(MinMaxScaler(), MLPRegressor(loss, (8,), **QUICK)).fit(X, y)
    chainrule.onnx.save(model, tmp_path / "a.onnx")
    assert_same(run(tmp_path / "a.onnx", X), model, X)


ANY: dict[str, tuple[Any, Any]] = {
    "one sigmoid": (Classifier(cr.Network([cr.Dense(4), cr.GELU(), cr.Dense(1), cr.Sigmoid()])), "two classes"),
    "logits": (Classifier(cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy())), "three texts"),
    "a logit": (Classifier(cr.Network([cr.Dense(1)], cr.SigmoidBinaryCrossEntropy())), "two classes"),
    "labels": (Classifier(cr.Network([cr.Dropout(0.3), cr.Dense(3), cr.Sigmoid()])), "several labels"),
    "quantities": (Regressor(cr.Network([cr.Residual([cr.Dense(4)]), cr.Dense(2)])), "two columns"),
}


@pytest.mark.parametrize("name", ANY)
def test_any_network_does(run: Any, tmp_path: Path, name: str) -> None:
    estimator, target = ANY[name]
    model = make_pipeline(StandardScaler(), estimator.set_params(epochs=3)).fit(X, TARGETS.get(target, X[:, :2]))
    chainrule.onnx.save(model, tmp_path / "a.onnx")
    assert_same(run(tmp_path / "a.onnx", X), model, X)


def test_an_estimator_alone_and_samples_of_several_axes(run: Any, tmp_path: Path) -> None:
    images = X.reshape(60, 2, 2)
    network = cr.Network([cr.Flatten(), cr.Dense(3), cr.Softmax()])
    model = Classifier(network, epochs=3).fit(images, TARGETS["three texts"])
    chainrule.onnx.save(model, tmp_path / "a.onnx")
    assert_same(run(tmp_path / "a.onnx", images), model, images)


def test_of_a_search_the_best_one_is_written(run: Any, tmp_path: Path) -> None:
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((4,), **QUICK))
    model = GridSearchCV(pipeline, {"mlpclassifier__alpha": [0.1, 10]}, cv=2).fit(X, TARGETS["three texts"])
    chainrule.onnx.save(model, tmp_path / "a.onnx")
    assert_same(run(tmp_path / "a.onnx", X), model, X)


@pytest.mark.parametrize("scaler", [StandardScaler(), StandardScaler(with_mean=False), MinMaxScaler((-1, 2))])
def test_scaled_targets_are_scaled_back_in_the_file(run: Any, tmp_path: Path, scaler: Any) -> None:
    regressor = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), **QUICK))
    for y in (300 * X[:, 0] + 1000, X[:, :2] * [100, 1]):
        model = TransformedTargetRegressor(regressor, transformer=scaler).fit(X, y)
        chainrule.onnx.save(model, tmp_path / "a.onnx")
        assert_same(run(tmp_path / "a.onnx", X), model, X)


def frame() -> Any:
    pandas = needed("pandas")
    rng = np.random.default_rng(1)
    return pandas.DataFrame(
        {
            "age": rng.integers(1, 80, 60),
            "fare": np.where(rng.random(60) < 0.1, np.nan, rng.normal(90, 30, 60)),
            "sex": rng.choice(["m", "f"], 60),
            "class": rng.integers(1, 4, 60),
        }
    )


def test_columns_of_a_frame_are_prepared_in_the_file(run: Any, tmp_path: Path) -> None:
    from sklearn.impute import SimpleImputer

    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("numbers", numbers, ["age", "fare"]), ("words", words, ["sex", "class"])])
    model = make_pipeline(columns, MLPClassifier((8,), **QUICK)).fit(frame(), TARGETS["three texts"])
    with pytest.raises(InputError, match=r"no X .*knows its columns.*Pass the samples of fit too"):
        chainrule.onnx.save(model, tmp_path / "a.onnx")
    chainrule.onnx.save(model, tmp_path / "a.onnx", frame())
    new = frame().assign(sex="nobody knows", age=7)
    for samples in (frame(), new):
        assert_same(run(tmp_path / "a.onnx", samples), model, samples)
    with pytest.raises(InputError, match="without the column 'age'"):
        chainrule.onnx.save(model, tmp_path / "b.onnx", frame()[["fare", "sex", "class"]])
    assert not (tmp_path / "b.onnx").exists()


def test_a_frame_of_numbers_alone_is_one_input(run: Any, tmp_path: Path) -> None:
    samples = frame()[["age", "class"]]
    model = make_pipeline(StandardScaler(), MLPClassifier((4,), **QUICK)).fit(samples, TARGETS["two classes"])
    chainrule.onnx.save(model, tmp_path / "a.onnx", samples)
    assert_same(run(tmp_path / "a.onnx", samples), model, samples)


def test_the_same_pipeline_gives_the_same_bytes_and_comes_back_with_its_classes(run: Any, tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), MLPClassifier((8,), **QUICK)).fit(X, TARGETS["three texts"])
    for name in ("a.onnx", "b.onnx"):
        chainrule.onnx.save(model, tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    back = chainrule.onnx.load(tmp_path / "a.onnx")
    assert back.classes == tuple(model.classes_)
    np.testing.assert_allclose(cr.predict(back, X), model.predict_proba(X), rtol=1e-5, atol=1e-6)


def test_skl2onnx_itself_knows_what_was_fitted(skl2onnx: Any, run: Any) -> None:
    model = make_pipeline(StandardScaler(), MLPClassifier((8,), **QUICK)).fit(X, TARGETS["three texts"])
    search = GridSearchCV(model, {"mlpclassifier__alpha": [0.1]}, cv=2).fit(X, TARGETS["three texts"])
    for one in (model, search):
        written = skl2onnx.to_onnx(one, X[:1].astype(np.float32), options={"zipmap": False})
        assert_same(run(written.SerializeToString(), X), one, X)
    dictionaries = run(skl2onnx.to_onnx(model, X[:1].astype(np.float32)).SerializeToString(), X)[1]
    assert dictionaries[0].keys() == set(model.classes_)
    with pytest.raises(InputError, match="target_opset=12, but expected 18 or above"):
        skl2onnx.to_onnx(model, X[:1], target_opset=12)


class Mine(MLPClassifier):
    """A class made of ours."""


@pytest.mark.parametrize("kind", [Mine, type("Late", (Mine,), {})])
def test_a_class_made_of_ours_is_written_too(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[MLPClassifier]
) -> None:
    with monkeypatch.context() as before:
        if kind is not Mine:
            before.delitem(sys.modules, "skl2onnx")  # imported after the fit
        model = make_pipeline(StandardScaler(), kind((4,), **QUICK)).fit(X, TARGETS["three texts"])
    chainrule.onnx.save(model, tmp_path / "a.onnx")
    assert_same(run(tmp_path / "a.onnx", X), model, X)


def test_nothing_imports_skl2onnx_before_it_is_needed() -> None:
    program = (
        "import sys, numpy as np, chainrule.onnx; from chainrule.sklearn import MLPClassifier\n"
        "MLPClassifier((2,), max_iter=1).fit(np.eye(4), [0, 1, 0, 1])\n"
        "assert not {'skl2onnx', 'onnx'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)


def test_without_skl2onnx_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = MLPClassifier((2,), **QUICK).fit(X, TARGETS["two classes"])
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(MissingExtraError, match=r"no package skl2onnx.*Run: pip install skl2onnx"):
        chainrule.onnx.save(model, tmp_path / "a.onnx")


REFUSED: dict[str, tuple[Callable[[], Any], Any, type[Exception], str]] = {
    "not fitted": (MLPClassifier, None, MisuseError, r"a MLPClassifier that is not fitted.*Call fit\(X, y\)"),
    "a class": (lambda: MLPClassifier, None, InputError, "the class MLPClassifier itself"),
    "a network with X": (lambda: cr.Network([cr.Dense(2, inputs=3)]), X, InputError, "Leave X out"),
    "a step of one's own": (
        lambda: make_pipeline(FunctionTransformer(np.abs), MLPClassifier((2,), **QUICK)).fit(X, X[:, 0] > 3),
        None,
        InputError,
        "skl2onnx ends in RuntimeError: FunctionTransformer is not supported",
    ),
    "a target's logarithm": (
        lambda: TransformedTargetRegressor(
            MLPRegressor(hidden_layer_sizes=(2,), **QUICK), func=np.log1p, inverse_func=np.expm1
        ).fit(X, X[:, 0] ** 2),
        None,
        InputError,
        "a StandardScaler or a MinMaxScaler, without clip",
    ),
    "a frame for an array": (
        lambda: MLPClassifier((2,), **QUICK).fit(X, X[:, 0] > 3),
        frame,
        InputError,
        "a frame for an estimator that was fitted on an array",
    ),
    "no probabilities": (
        lambda: Classifier(cr.Network([cr.Dense(3), cr.Tanh()], cr.MeanSquaredError()), epochs=1).fit(
            X, TARGETS["three texts"]
        ),
        None,
        InputError,
        "a network that gives no probabilities",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_is_refused(skl2onnx: Any, tmp_path: Path, case: str) -> None:
    make, samples, kind, told = REFUSED[case]
    with pytest.raises(kind, match=told):
        chainrule.onnx.save(make(), tmp_path / "a.onnx", samples() if callable(samples) else samples)
    assert not list(tmp_path.iterdir())
