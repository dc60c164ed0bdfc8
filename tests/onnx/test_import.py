"""Networks that PyTorch and scikit-learn export come in, compute the same, and learn the same."""

from __future__ import annotations

import itertools
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as cr
import chainrule.onnx
from chainrule.errors import FileError, InputError
from tests.onnx import forge


def random_mlp(torch: Any, seed: int, dtype: str = "float32") -> tuple[Any, np.ndarray, np.ndarray]:
    """Return a PyTorch network with logits at its end, samples and labels."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    nn = torch.nn
    kinds = [nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.GELU(), nn.GELU(approximate="tanh"), nn.SiLU(), nn.ELU(0.5),
             nn.LeakyReLU(0.2), nn.Softplus(), nn.Identity(), nn.LogSoftmax(dim=-1)]  # fmt: skip
    sizes = [int(n) for n in rng.integers(1, 9, size=rng.integers(2, 5))] + [3]
    layers = [nn.Flatten()]
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs, bias=bool(rng.random() < 0.8)), kinds[rng.integers(len(kinds))]]
        layers += [nn.Dropout(0.3)] if rng.random() < 0.3 else []
    layers.append(nn.Linear(3, 3))
    model = nn.Sequential(*layers).to(getattr(torch, dtype)).eval()
    return model, rng.normal(size=(6, sizes[0])).astype(dtype), rng.integers(3, size=6)


def exported(torch: Any, model: Any, x: np.ndarray, path: Path, dynamo: bool) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options: dict[str, Any] = {"dynamic_axes": {"x": {0: "n"}}}
        if dynamo:
            options = {"dynamic_shapes": ({0: torch.export.Dim("n")},), "external_data": False, "verbose": False}
        torch.onnx.export(
            model, (torch.from_numpy(x),), path, dynamo=dynamo, opset_version=18, input_names=["x"], **options
        )
    return path


def compared(
    torch: Any, model: Any, network: cr.Network, x: np.ndarray, labels: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return our outputs and PyTorch's, and the same of the gradients of the loss by every parameter."""
    logits = model(torch.from_numpy(x))
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels)).backward()
    outputs = (cr.predict(network, x), logits.detach().numpy())
    network.forward(x, labels)
    network.backward()
    theirs = [p.grad.numpy().T if p.ndim == 2 else p.grad.numpy() for p in model.parameters()]
    dense = [layer for layer in network.layers if isinstance(layer, cr.Dense)]
    ours = [leaf.grad for layer in dense for leaf in layer.leaves.values()]
    return [outputs, *zip(ours, theirs, strict=True)]


def expect_the_same(torch: Any, model: Any, network: cr.Network, x: np.ndarray, labels: np.ndarray) -> None:
    close = dict(rtol=1e-5, atol=1e-6) if x.dtype == np.float32 else dict(rtol=1e-12, atol=1e-12)
    for ours, theirs in compared(torch, model, network, x, labels):
        np.testing.assert_allclose(ours, theirs, **close)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_networks_of_pytorch_compute_and_learn_the_same(
    referee: Any, onnx: ModuleType, tmp_path: Path, dtype: str
) -> None:
    for seed in range(25):
        model, x, labels = random_mlp(referee, seed, dtype)
        path = exported(referee, model, x, tmp_path / "old.onnx", dynamo=False)
        network = chainrule.onnx.load(path, loss=cr.SoftmaxCrossEntropy())
        assert network.dtype == dtype
        expect_the_same(referee, model, network, x, labels)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_so_do_those_of_its_newer_exporter(referee: Any, onnxscript: ModuleType, tmp_path: Path, dtype: str) -> None:
    model, x, labels = random_mlp(referee, 1, dtype)
    path = exported(referee, model, x, tmp_path / "new.onnx", dynamo=True)
    expect_the_same(referee, model, chainrule.onnx.load(path, loss=cr.SoftmaxCrossEntropy()), x, labels)


def scikit_learn(kind: str) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)) * [1, 10, 0.1, 3] + 2
    labels = (X[:, 0] > 2) + 0 + (X[:, 3] > 4)
    few: dict[str, Any] = {"hidden_layer_sizes": (5, 3), "max_iter": 5, "random_state": 0}
    estimators = {
        "three classes": (MLPClassifier(**few), np.array(["a", "b", "c"])[labels]),
        "two classes": (MLPClassifier(activation="logistic", **few), labels > 0),
        "many labels": (
            make_pipeline(MinMaxScaler(), MLPClassifier(activation="identity", **few)),
            np.eye(3, dtype=int)[labels],
        ),
        "regression": (make_pipeline(StandardScaler(), MLPRegressor(activation="tanh", **few)), X[:, 0] * X[:, 1]),
    }
    estimator, y = estimators[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y), X


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("kind", ["three classes", "two classes", "many labels", "regression"])
def test_estimators_of_scikit_learn_compute_the_same(
    skl2onnx: ModuleType, tmp_path: Path, kind: str, zipmap: bool, dtype: str
) -> None:
    estimator, X = scikit_learn(kind)
    X = X.astype(dtype)
    options = {"zipmap": zipmap} if kind in ("three classes", "two classes") else None
    model = skl2onnx.to_onnx(estimator, X[:1], options=options)
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    expected = estimator.predict(X).reshape(-1, 1) if kind == "regression" else estimator.predict_proba(X)
    close = dict(rtol=1e-5, atol=1e-5) if dtype == "float32" else dict(rtol=1e-6, atol=1e-6)  # scalers stay float32
    np.testing.assert_allclose(cr.predict(network, X), expected, **close)
    names = {"three classes": ("a", "b", "c"), "two classes": ("0", "1"), "many labels": ("0", "1", "2")}
    assert network.classes == names.get(kind)


X = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
H = X @ forge.WEIGHTS
# What the Keras network in keras.onnx predicted when `model.export(…, format="onnx")` wrote it, with Keras 3.15.
KERAS = [[0.31830433, 0.36644047, 0.31525522], [0.35302415, 0.31097531, 0.33600056]]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (forge.after_gemm("Softmax", forge.attribute("axis", 2**64 - 1)), np.exp(H) / np.exp(H).sum(1, keepdims=True)),
        (forge.after_gemm("Gelu"), cr.GELU().forward(H)),
        (forge.after_gemm("Swish"), cr.SiLU().forward(H)),
        (forge.after_gemm("Sub", tensors=[forge.tensor("c", np.float32(2))], inputs=["c"]), H - 2),
        (forge.after_gemm("Div", tensors=[forge.tensor("c", np.float32([2, 4, 5]))], inputs=["c"]), H / [2, 4, 5]),
        (forge.after_gemm("Dropout"), H),
        (forge.of(forge.node("Gemm", ["input", "w"], ["output"], forge.attribute("alpha", 0.5))), H / 2),
        (
            forge.of(
                forge.node("Gemm", ["input", "w", "b"], ["output"], forge.attribute("beta", 2.0)),
                tensors=[forge.tensor("b", np.float32(3))],
            ),
            H + 6,
        ),
        (
            forge.of(forge.node("Transpose", ["t"], ["v"]), forge.node("MatMul", ["input", "v"], ["output"]),
                     tensors=[forge.tensor("t", forge.WEIGHTS.T.copy())]),
            H,
        ),
        (forge.of(forge.GEMM, forge.node("Add", ["output", "output"], ["o"]), outputs=[forge.value("o", "n", 3)]),
         H + H),
    ],
)  # fmt: skip
def test_operators_mean_what_onnx_says(tmp_path: Path, data: bytes, expected: np.ndarray) -> None:
    (tmp_path / "a.onnx").write_bytes(data)
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    np.testing.assert_allclose(cr.predict(network, X), expected, rtol=1e-6, atol=1e-6)


def test_weights_and_bias_are_one_layer_also_with_a_conversion_between(tmp_path: Path) -> None:
    cast = forge.node("Cast", ["p"], ["q"], forge.attribute("to", 1))
    data = forge.of(
        forge.node("MatMul", ["input", "w"], ["p"]), cast, forge.node("Add", ["q", "b"], ["output"]),
        tensors=[forge.tensor("b", np.float32([1, 2, 3]))],
    )  # fmt: skip
    (tmp_path / "a.onnx").write_bytes(data)
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    assert repr(network.layers) == "[Dense(2, 3)]"
    np.testing.assert_allclose(cr.predict(network, X), H + np.float32([1, 2, 3]), rtol=1e-6)


def test_what_keras_exports_computes_the_same_and_can_be_learnt() -> None:
    network = chainrule.onnx.load(Path(__file__).parent / "keras.onnx")
    layers = "[Dense(4, 8), ReLU(), Dense(8, 6), GELU(), Dense(6, 5), SiLU(), Dense(5, 3), Softmax()]"
    assert repr(network.layers) == layers
    x = np.sin(np.arange(8, dtype=np.float32)).reshape(2, 4)
    np.testing.assert_allclose(cr.predict(network, x), KERAS, rtol=1e-5, atol=1e-6)


def test_one_output_of_several_can_be_taken(tmp_path: Path) -> None:
    outputs = (forge.value("output", "n", 3), forge.value("r", "n", 3))
    data = forge.of(forge.GEMM, forge.node("Relu", ["output"], ["r"]), outputs=outputs)
    (tmp_path / "a.onnx").write_bytes(data)
    for name, expected in (("output", H), ("r", np.maximum(H, 0))):
        network = chainrule.onnx.load(tmp_path / "a.onnx", output=name)
        np.testing.assert_allclose(cr.predict(network, X), expected)
    with pytest.raises(FileError, match="Pass output="):
        chainrule.onnx.load(tmp_path / "a.onnx")
    with pytest.raises(InputError, match="an output of the file"):
        chainrule.onnx.load(tmp_path / "a.onnx", output="other")


def test_a_wrong_loss_is_the_callers_error(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(forge.after_gemm("Softmax", forge.attribute("axis", 1)))
    with pytest.raises(InputError, match="Network loss"):
        chainrule.onnx.load(tmp_path / "a.onnx", loss=cr.SoftmaxCrossEntropy())
