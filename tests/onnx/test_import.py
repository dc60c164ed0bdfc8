"""Networks that PyTorch and scikit-learn export come in, compute the same, and learn the same."""

from __future__ import annotations

import itertools
import sysconfig
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as cr
import chainrule.onnx
from chainrule.errors import FileError, InputError
from tests.onnx import elsewhere, forge
from tests.referees import absent, missing


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
    network.compute_loss(x, labels)
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


def test_forms_that_keras_is_exported_in_compute_the_same(
    onnx: ModuleType, onnxruntime: ModuleType, tmp_path: Path
) -> None:
    for name, *_ in elsewhere.of_keras(onnx):
        expect_taken(elsewhere.sent_by_keras(onnx, onnxruntime, name, tmp_path))


@pytest.mark.parametrize(
    "name",
    ["batch norm after a dense layer", "three residual blocks", "a shortcut with weights", "an end of .flatten()",
     "an autoencoder of pictures", "an MLP with softplus, steep", "an MLP with PReLU for each feature"],
)  # fmt: skip
def test_what_pytorch_exports_if_it_is_told_nothing_comes_in(
    referee: Any, onnx: ModuleType, tmp_path: Path, name: str
) -> None:
    expect_taken(elsewhere.sent_by_pytorch(referee, False, name, tmp_path))


@pytest.mark.slow
def test_so_does_what_its_newer_exporter_writes_into_two_files(
    referee: Any, onnxscript: ModuleType, tmp_path: Path
) -> None:
    sent = elsewhere.sent_by_pytorch(referee, True, "pictures, x.view(x.size(0), -1)", tmp_path)
    assert sent.path.with_name("new.onnx.data").exists()
    expect_taken(sent)


@pytest.mark.parametrize("name", ["LogisticRegression, three classes", "LogisticRegression, two classes",
                                  "Ridge behind StandardScaler"])  # fmt: skip
def test_linear_models_of_scikit_learn_come_in(skl2onnx: ModuleType, tmp_path: Path, name: str) -> None:
    expect_taken(elsewhere.sent_by_scikit_learn(name, tmp_path))


def test_a_hard_swish_with_another_slope_is_no_hard_swish(tmp_path: Path) -> None:
    data = forge.of(
        forge.node("Gemm", ["input", "w"], ["h"]), forge.node("HardSigmoid", ["h"], ["a"]),
        forge.node("Mul", ["a", "h"], ["output"]),
    )  # fmt: skip
    (tmp_path / "a.onnx").write_bytes(data)
    with pytest.raises(FileError, match="Mul of 2 values"):
        chainrule.onnx.load(tmp_path / "a.onnx")


@pytest.mark.parametrize("name", elsewhere.WAKE_WORDS)
def test_a_head_of_openwakeword_comes_in_or_the_operator_is_named(onnxruntime: Any, name: str) -> None:
    if absent("openwakeword"):  # only its files are read
        missing("openwakeword", "pip install 'chainrule[referee]'")
    sent = elsewhere.sent_by_openwakeword(onnxruntime, Path(sysconfig.get_path("purelib"), "openwakeword"), name)
    if elsewhere.WAKE_WORDS[name] is None:
        expect_taken(sent)
        return
    operator, reason = elsewhere.WAKE_WORDS[name]
    with pytest.raises(FileError, match=rf"\({operator}\).*{reason}"):
        cr.onnx.load(sent.path)


def expect_taken(sent: elsewhere.Sent) -> None:
    found = cr.predict(chainrule.onnx.load(sent.path), sent.x)
    np.testing.assert_allclose(found.reshape(sent.expected.shape), sent.expected, rtol=1e-5, atol=1e-6)


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
ROW = np.array([1, 2, 3], np.float32)
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
        (forge.of(forge.node("Identity", ["input"], ["output"]), outputs=[forge.value("output", "n", 2)]), X),
        (forge.of(forge.node("Sub", ["c", "input"], ["output"]), tensors=[forge.tensor("c", np.float32(5))]), 5 - X),
        (forge.after_gemm("Add", tensors=[forge.tensor("c", ROW)], inputs=["c"]), H + ROW),
        (
            forge.of(forge.node("MatMul", ["input", "w"], ["h"]), forge.node("Add", ["h", "c"], ["output"]),
                     tensors=[forge.tensor("c", np.float32(4))]),
            H + 4,
        ),
        (
            forge.of(forge.node("Gemm", ["input", "t"], ["output"], forge.attribute("transB", 1)),
                     tensors=[forge.tensor("t", forge.WEIGHTS.T.copy())]),
            H,
        ),
        (forge.after_gemm("Selu"), cr.ops.SELU().forward(H)),
        (forge.after_gemm("HardSigmoid", forge.attribute("alpha", 1 / 6)), np.clip(H / 6 + 0.5, 0, 1)),
        (forge.after_gemm("HardSigmoid"), np.clip(0.2 * H + 0.5, 0, 1)),
        (forge.after_gemm("HardSigmoid", forge.attribute("alpha", 1 / 6), forge.attribute("beta", 0.25)),
         np.clip(H / 6 + 0.25, 0, 1)),
        (forge.after_gemm("Celu", forge.attribute("alpha", 2.0)),
         np.maximum(H, 0) + np.minimum(0, 2 * (np.exp(H / 2) - 1))),
        (forge.after_gemm("HardSwish"), cr.ops.HardSwish().forward(H)),
        (forge.after_gemm("Mish"), cr.ops.Mish().forward(H)),
        (forge.after_gemm("PRelu", tensors=[forge.tensor("a", ROW)], inputs=["a"]), np.where(H > 0, H, ROW * H)),
        (forge.after_gemm("PRelu", tensors=[forge.tensor("a", ROW[:1])], inputs=["a"]), np.where(H > 0, H, H)),
        (forge.after_gemm("Min", tensors=[forge.tensor("a", np.float32(2))], inputs=["a"]), np.minimum(H, 2)),
        (forge.after_gemm("Max", tensors=[forge.tensor("a", np.float32(-2))], inputs=["a"]), np.maximum(H, -2)),
        (forge.after_gemm("Clip", forge.attribute("max", 2.0)), np.minimum(H, 2)),
        (forge.after_gemm("Concat", forge.attribute("axis", 1)), H),
        (forge.after_gemm("ReduceSum", forge.attribute("keepdims", 0), tensors=[forge.tensor("a", np.array([1]))],
                          inputs=["a"]), H.sum(1, keepdims=True)),
        (forge.after_gemm("Gather", forge.attribute("axis", 1), tensors=[forge.tensor("a", np.array(1))],
                          inputs=["a"]), H[:, 1:2]),
        (forge.after_gemm("Gather", forge.attribute("axis", 2**64 - 1), tensors=[forge.tensor("a", np.array([-1]))],
                          inputs=["a"]), H[:, 2:]),
        (forge.of(forge.node("Gemm", ["input", "w"], ["a"]), forge.node("Gemm", ["input", "w"], ["b"]),
                  forge.node("Add", ["a", "b"], ["output"])), 2 * H),
        (forge.of(forge.node("Relu", ["input"], ["r"]), forge.node("Gemm", ["r", "w"], ["a"]),
                  forge.node("Gemm", ["input", "w", "v"], ["b"]), forge.node("Add", ["a", "b"], ["output"]),
                  tensors=[forge.tensor("v", ROW)]), np.maximum(X, 0) @ forge.WEIGHTS + H + ROW),
        (forge.of(forge.node("Abs", ["input"], ["a"]), forge.node("Add", ["a", "c"], ["s"]),
                  forge.node("Div", ["input", "s"], ["output"]), tensors=[forge.tensor("c", np.float32(1))],
                  outputs=[forge.value("output", "n", 2)]), X / (1 + np.abs(X))),
        (forge.after_gemm("Gelu", forge.field(1, "approximate") + forge.field(4, "tanh") + forge.field(20, 3)),
         cr.GELU(approximate=True).forward(H)),
        (forge.after_gemm("Clip", tensors=[forge.tensor("a", np.float32(2))], inputs=["", "a"]), np.minimum(H, 2)),
        (
            forge.after_gemm("Clip", inputs=["a", "b"],
                             tensors=[forge.tensor("a", np.float32(-1)), forge.tensor("b", np.full(1, 3, np.float32))]),
            np.clip(H, -1, 3),
        ),
        (forge.after_gemm("CumSum", tensors=[forge.tensor("a", np.array(1))], inputs=["a"]), np.cumsum(H, axis=1)),
        (forge.after_gemm("ReduceMean", forge.attribute("axes", (1,))), H.mean(axis=1, keepdims=True)),
        (forge.after_gemm("ReduceSum", forge.attribute("noop_with_empty_axes", 1)), H),
        (forge.after_gemm("Dropout", forge.attribute("ratio", 0.3)), H),
        (forge.after_gemm("Flatten"), H),
        (forge.after_gemm("Reshape", tensors=[forge.tensor("s", np.array([0, -1]))], inputs=["s"]), H),
        (
            forge.of(forge.node("Identity", ["w"], ["v"]), forge.node("MatMul", ["input", "v"], ["output"])),
            H,
        ),
        (
            forge.of(forge.node("Relu", ["input"], ["a"]), forge.node("Tanh", ["input"], ["b"]),
                     forge.node("Concat", ["a", "b"], ["output"], forge.attribute("axis", -1)),
                     outputs=[forge.value("output", "n", 4)]),
            np.concatenate([np.maximum(X, 0), np.tanh(X)], axis=1),
        ),
        (
            forge.after_gemm("Slice", inputs=["start", "end", "axis", "step"], tensors=[
                forge.tensor("start", np.array([-1])), forge.tensor("end", np.array([-(2**62)])),
                forge.tensor("axis", np.array([1])), forge.tensor("step", np.array([-2]))]),
            H[:, ::-2],
        ),
        (
            forge.of(forge.GEMM, forge.node("Unsqueeze", ["output", "axes"], ["u"]),
                     forge.node("Squeeze", ["u"], ["o"], forge.attribute("axes", (2,))),
                     tensors=[forge.tensor("axes", np.array([2]))], outputs=[forge.value("o", "n", 3)]),
            H,
        ),
        (
            forge.of(forge.node("Scaler", ["input"], ["output"],
                                *(forge.field(1, name) + forge.field(7, np.float32(numbers).tobytes())
                                  + forge.field(20, 6) for name, numbers in (("offset", [1, 2]), ("scale", [4, 8]))),
                                domain="ai.onnx.ml"), outputs=[forge.value("output", "n", 2)]),
            (X - [1, 2]) * [4, 8],
        ),
    ],
)  # fmt: skip
def test_operators_mean_what_onnx_says(tmp_path: Path, data: bytes, expected: np.ndarray) -> None:
    (tmp_path / "a.onnx").write_bytes(data)
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    np.testing.assert_allclose(cr.predict(network, X), expected, rtol=1e-6, atol=1e-6)


GAMMA, BETA, MEAN, VARIANCE = (np.array(row, np.float32) for row in ([1, 2, 0], [3, 4, 5], [6, 7, 8], [9, 1, 4]))
NORM = [forge.tensor(name, row) for name, row in zip("abcd", (GAMMA, BETA, MEAN, VARIANCE), strict=True)]


@pytest.mark.parametrize("between", ["", "Relu"])
def test_batch_normalisation_becomes_part_of_the_dense_layer_before_it_or_scaling(tmp_path: Path, between: str) -> None:
    steps = [forge.node("Gemm", ["input", "w"], ["h"]), forge.node(between or "Identity", ["h"], ["r"])]
    steps[1:] = steps[1:] if between else [forge.node("Identity", ["h"], ["unread"])]
    normal = forge.node("BatchNormalization", ["r" if between else "h", *"abcd"], ["output"])
    (tmp_path / "a.onnx").write_bytes(forge.of(*steps, normal, tensors=NORM))
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == (["Dense", "ReLU", "Rescale", "Rescale"] if between else ["Dense"])
    h = np.maximum(H, 0) if between else H
    expected = GAMMA * (h - MEAN) / np.sqrt(VARIANCE + 1e-5) + BETA
    np.testing.assert_allclose(cr.predict(network, X), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("batch", ["n", 1, 7])
@pytest.mark.parametrize(
    "steps",
    [
        'Shape(h) Gather(-, zero) Unsqueeze(-, row) Concat(-, minus) Reshape(h, -)',
        'Shape(h) Slice(-, row, one) Concat(-, three) Reshape(h, -)',
        'Shape(h) Cast(-) Slice(-, row, one) Concat(-, minus) Reshape(h, -)',
        'Shape(input) Slice(-, row, one) Concat(-, three) Reshape(h, -)',
    ],
)  # fmt: skip
def test_a_shape_computed_from_how_many_samples_there_are_is_understood(
    tmp_path: Path, batch: str | int, steps: str
) -> None:
    nodes, last = [forge.node("Gemm", ["input", "w"], ["h"])], ""
    calls = steps.replace(", ", ",").split()
    for i, call in enumerate(calls):
        op, _, inside = call.rstrip(")").partition("(")
        result = "output" if i == len(calls) - 1 else f"v{i}"
        told = {"Concat": [forge.attribute("axis", 0)], "Cast": [forge.attribute("to", 6)]}.get(op, [])
        nodes.append(forge.node(op, [last if name == "-" else name for name in inside.split(",")], [result], *told))
        last = result
    numbers = {"zero": np.array(0), "row": np.array([0]), "one": np.array([1]), "minus": np.array([-1]),
               "three": np.array([3])}  # fmt: skip
    tensors = [forge.tensor(name, array) for name, array in numbers.items()]
    (tmp_path / "a.onnx").write_bytes(forge.of(*nodes, tensors=tensors, inputs=[forge.value("input", batch, 2)]))
    np.testing.assert_allclose(cr.predict(chainrule.onnx.load(tmp_path / "a.onnx"), X), H, rtol=1e-6)


@pytest.mark.parametrize(("shape", "expected"), [([7, 3], H), ([7, -1], H), ([7, 1, 3], H[:, None])])
def test_a_shape_that_names_the_batch_of_the_export_is_that_of_any_batch(
    tmp_path: Path, shape: list[int], expected: np.ndarray
) -> None:
    fixed = forge.of(
        forge.node("Gemm", ["input", "w"], ["h"]),
        forge.node("Reshape", ["h", "s"], ["output"], forge.attribute("allowzero", 1)),
        tensors=[forge.tensor("s", np.array(shape))], inputs=[forge.value("input", 7, 2)],
    )  # fmt: skip
    (tmp_path / "a.onnx").write_bytes(fixed)
    np.testing.assert_allclose(cr.predict(chainrule.onnx.load(tmp_path / "a.onnx"), X), expected)


@pytest.mark.parametrize(
    "end",
    [
        forge.node("Squeeze", ["h", "last"], ["s"]),
        forge.node("Squeeze", ["h", "first"], ["s"]),
        forge.node("Reshape", ["h", "last"], ["s"]),
        forge.node("Gather", ["h", "zero"], ["s"], forge.attribute("axis", 1)),
    ],
    ids=["squeeze(-1)", "squeeze(1)", "view(-1)", "[:, 0]"],
)
def test_one_number_for_a_sample_is_a_column(tmp_path: Path, end: bytes) -> None:
    tensors = [forge.tensor("v", forge.WEIGHTS[:, :1].copy()), forge.tensor("last", np.array([-1])),
               forge.tensor("first", np.array([1])), forge.tensor("zero", np.array(0))]  # fmt: skip
    steps = [forge.node("MatMul", ["input", "v"], ["h"]), end, forge.node("Sigmoid", ["s"], ["output"])]
    (tmp_path / "a.onnx").write_bytes(forge.of(*steps, tensors=tensors, outputs=[forge.value("output", "n")]))
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    assert [type(layer).__name__ for layer in network.layers] == ["Dense", "Sigmoid"]
    np.testing.assert_allclose(cr.predict(network, X), 1 / (1 + np.exp(-H[:, :1])), rtol=1e-6)


def test_a_network_that_answers_with_infinity_comes_in(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(
        forge.after_gemm("Div", tensors=[forge.tensor("c", np.float32(1e-38))], inputs=["c"])
    )
    assert np.isinf(chainrule.onnx.load(tmp_path / "a.onnx").forward(1e3 * X)).any()


NUMBERS = forge.field(5, 0) + forge.field(5, 3)


@pytest.mark.parametrize(
    "weights",
    [
        forge.tensor("w", np.zeros(0, np.float32), (2, 3), forge.FLOAT, forge.field(4, forge.WEIGHTS.tobytes())),
        forge.tensor("w", np.zeros(0), (2, 3), forge.DOUBLE, forge.field(10, forge.WEIGHTS.astype(float).tobytes())),
        forge.tensor("w", forge.WEIGHTS.astype(np.float64)),
    ],
    ids=["its floats", "its doubles", "its bytes"],
)
def test_weights_are_read_from_the_field_of_their_type(tmp_path: Path, weights: bytes) -> None:
    (tmp_path / "a.onnx").write_bytes(forge.model(forge.graph([forge.GEMM], [weights])))
    np.testing.assert_allclose(cr.predict(chainrule.onnx.load(tmp_path / "a.onnx"), X), H, rtol=1e-6)


@pytest.mark.parametrize("kind", [3, 6], ids=["int8", "int32"])
def test_small_whole_numbers_are_read_from_the_field_that_they_share(tmp_path: Path, kind: int) -> None:
    shape = forge.tensor("s", np.zeros(0, np.float32), (2,), kind, NUMBERS)
    (tmp_path / "a.onnx").write_bytes(forge.after_gemm("Reshape", tensors=[shape], inputs=["s"]))
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    assert repr(network.layers[1]) == "Reshape(shape=(-1, 3))"
    np.testing.assert_allclose(cr.predict(network, X), H)


def test_booleans_are_read_but_are_no_scale(tmp_path: Path) -> None:
    flags = forge.tensor("c", np.zeros(0, np.float32), (2,), 9, forge.field(5, 0) + forge.field(5, 1))
    (tmp_path / "a.onnx").write_bytes(forge.after_gemm("Mul", tensors=[flags], inputs=["c"]))
    with pytest.raises(FileError, match=r"a constant of shape \(2,\), but expected one number"):
        chainrule.onnx.load(tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("told", "added"),
    [
        (forge.attribute("value", forge.tensor("", ROW)), ROW),
        (forge.attribute("value_float", 2.5), 2.5),
        (forge.field(1, "value_floats") + forge.field(7, ROW.tobytes()) + forge.field(20, 6), ROW),
        (forge.attribute("value_int", 4), 4),
        (forge.attribute("value_ints", (1, 2, 3)), ROW),
    ],
    ids=["a tensor", "a float", "floats", "a whole number", "whole numbers"],
)
def test_a_constant_may_be_a_node(tmp_path: Path, told: bytes, added: Any) -> None:
    constant = forge.node("Constant", [], ["c"], told)
    data = forge.of(constant, forge.node("Gemm", ["input", "w"], ["h"]), forge.node("Add", ["h", "c"], ["output"]))
    (tmp_path / "a.onnx").write_bytes(data)
    np.testing.assert_allclose(cr.predict(chainrule.onnx.load(tmp_path / "a.onnx"), X), H + added, rtol=1e-6)


def of_classes(*nodes: bytes, tensors: tuple[bytes, ...] = (), more: bytes = b"") -> bytes:
    outputs = (forge.value("output", "n", 3),)
    return forge.model(forge.graph([forge.GEMM, *nodes], [forge.tensor("w", forge.WEIGHTS), *tensors],
                                   outputs=outputs), more=more)  # fmt: skip


NAMES = forge.tensor("names", np.zeros(0, np.float32), (3,), 8, b"".join(forge.field(6, name) for name in "abc"))
EXTRACTED = forge.node("ArrayFeatureExtractor", ["names", "best"], ["label"], domain="ai.onnx.ml")
BEST = forge.node("ArgMax", ["output"], ["best"])


@pytest.mark.parametrize(
    ("data", "classes"),
    [
        (of_classes(), None),
        (of_classes(BEST, EXTRACTED, tensors=(NAMES,)), ("a", "b", "c")),
        (of_classes(BEST, EXTRACTED, tensors=(forge.tensor("names", np.array([7, 8, 9])),)), ("7", "8", "9")),
        (of_classes(more=forge.field(14, forge.field(1, "classes") + forge.field(2, '["x", "y", "z"]'))),
         ("x", "y", "z")),
    ],
    ids=["nowhere", "texts of a node", "numbers of a node", "metadata"],
)  # fmt: skip
def test_the_names_of_classes_come_from_where_the_file_tells_them(
    tmp_path: Path, data: bytes, classes: tuple[str, ...] | None
) -> None:
    (tmp_path / "a.onnx").write_bytes(data)
    assert chainrule.onnx.load(tmp_path / "a.onnx").classes == classes


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        (forge.attribute("classlabels_int64s", (4, 5, 6)), ("4", "5", "6")),
        (forge.field(1, "classlabels_strings") + b"".join(forge.field(9, name) for name in ("é", "f", "g"))
         + forge.field(20, 8), ("é", "f", "g")),
    ],
    ids=["numbers", "texts"],
)  # fmt: skip
def test_a_node_that_turns_outputs_into_a_map_names_the_classes(
    tmp_path: Path, numbers: bytes, names: tuple[str, ...]
) -> None:
    data = forge.of(
        forge.GEMM, forge.node("ZipMap", ["output"], ["o"], numbers, domain="ai.onnx.ml"),
        outputs=(forge.value("o", "n", 3),),
    )  # fmt: skip
    (tmp_path / "a.onnx").write_bytes(data)
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    assert network.classes == names
    np.testing.assert_allclose(cr.predict(network, X), H)


def formula(*steps: tuple[str, str, str, str], **constants: float) -> bytes:
    """Return a product with weights, h, and a formula of it: the operator, its inputs and its result of each step."""
    nodes = [forge.node(op, [*a.split(), *b.split()], [result]) for op, a, b, result in steps]
    numbers = [forge.tensor(name, np.array(number, np.float32)) for name, number in constants.items()]
    return forge.of(forge.node("Gemm", ["input", "w"], ["h"]), *nodes, tensors=numbers)


AFTER_CUBE = (
    ("Mul", "cube", "small", "a"), ("Add", "h", "a", "b"), ("Mul", "b", "root", "c"), ("Tanh", "c", "", "d"),
    ("Add", "d", "one", "e"), ("Mul", "h", "e", "f"), ("Mul", "f", "half", "output"),
)  # fmt: skip
SIX = {"three": 3.0, "zero": 0.0, "six": 6.0}
GELU = {"small": 0.044715, "root": (2 / np.pi) ** 0.5, "one": 1.0, "half": 0.5}


@pytest.mark.parametrize(
    ("data", "layer"),
    [
        (formula(("Pow", "h", "three", "cube"), *AFTER_CUBE, **GELU, three=3.0), cr.GELU(approximate=True)),
        (
            formula(("Pow", "h", "two", "square"), ("Mul", "square", "h", "cube"), *AFTER_CUBE, **GELU, two=2.0),
            cr.GELU(approximate=True),
        ),
        (
            formula(("Div", "h", "root", "a"), ("Erf", "a", "", "b"), ("Add", "b", "one", "c"),
                    ("Mul", "h", "c", "d"), ("Div", "d", "two", "output"), root=2**0.5, one=1.0, two=2.0),
            cr.GELU(),
        ),
        (formula(("Sigmoid", "h", "", "a"), ("Mul", "h", "a", "output")), cr.SiLU()),
        (formula(("Identity", "h", "", "i"), ("Sigmoid", "i", "", "a"), ("Mul", "h", "a", "output")), cr.SiLU()),
        (formula(("Add", "h", "three", "a"), ("Clip", "a", "zero six", "b"), ("Mul", "h", "b", "c"),
                 ("Div", "c", "six", "output"), **SIX), cr.ops.HardSwish()),
        (formula(("Add", "h", "three", "a"), ("Relu", "a", "", "b"), ("Min", "b", "six", "c"),
                 ("Div", "c", "six", "d"), ("Mul", "d", "h", "output"), **SIX), cr.ops.HardSwish()),
        (forge.of(forge.node("Gemm", ["input", "w"], ["h"]),
                  forge.node("HardSigmoid", ["h"], ["a"], forge.attribute("alpha", 1 / 6)),
                  forge.node("Mul", ["a", "h"], ["output"])), cr.ops.HardSwish()),
        (formula(("Mul", "h", "slope", "a"), ("Max", "a", "h", "output"), slope=0.25), cr.LeakyReLU(0.25)),
    ],
    ids=["GELU with a power", "GELU with a square", "GELU with erf", "SiLU", "SiLU of the same", "hard swish by clip",
         "hard swish by relu6", "hard swish by hard sigmoid", "LeakyReLU"],
)  # fmt: skip
def test_the_formula_of_an_activation_is_that_activation(tmp_path: Path, data: bytes, layer: Any) -> None:
    (tmp_path / "a.onnx").write_bytes(data)
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    assert repr(network.layers[1:]) == repr([layer])
    np.testing.assert_allclose(cr.predict(network, X), layer.forward(H), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (formula(("Pow", "h", "p", "a"), ("Mul", "a", "h", "output"), p=2.5), "Mul of 2 values"),
        (formula(("Sigmoid", "h", "", "a"), ("Div", "a", "h", "output")), "Div of 2 values"),
        (formula(("Neg", "h", "", "a"), ("Max", "a", "h", "output")), "Max of 2 values"),
    ],
    ids=["another power", "a quotient", "the absolute value"],
)
def test_another_formula_is_refused_by_its_last_operator(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.onnx").write_bytes(data)
    with pytest.raises(FileError, match=f"{words} that all depend on the samples, but expected x \\+ layers"):
        chainrule.onnx.load(tmp_path / "a.onnx")


def test_an_offset_and_the_scale_after_it_are_one_layer(tmp_path: Path) -> None:
    steps = [forge.node("Sub", ["input", "a"], ["h"]), forge.node("Mul", ["h", "b"], ["output"])]
    constants = [forge.tensor("a", np.float32(3)), forge.tensor("b", np.float32(2))]
    (tmp_path / "a.onnx").write_bytes(forge.of(*steps, tensors=constants, outputs=[forge.value("output", "n", 2)]))
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    assert repr(network.layers) == "[Rescale(scale=2.0, offset=3.0)]"
    np.testing.assert_allclose(cr.predict(network, X), (X - 3) * 2)


def test_weights_and_bias_are_one_layer_also_with_a_conversion_between(tmp_path: Path) -> None:
    cast = forge.node("Cast", ["p"], ["q"], forge.attribute("to", 1))
    data = forge.of(
        forge.node("MatMul", ["input", "w"], ["p"]), cast, forge.node("Add", ["q", "b"], ["output"]),
        tensors=[forge.tensor("b", ROW)],
    )  # fmt: skip
    (tmp_path / "a.onnx").write_bytes(data)
    network = chainrule.onnx.load(tmp_path / "a.onnx")
    assert repr(network.layers) == "[Dense(3, inputs=2)]"
    np.testing.assert_allclose(cr.predict(network, X), H + ROW, rtol=1e-6)


def test_what_keras_exports_computes_the_same_and_can_be_learnt() -> None:
    network = chainrule.onnx.load(Path(__file__).parent / "keras.onnx")
    dense = ["Dense(8, inputs=4)", "Dense(6, inputs=8)", "Dense(5, inputs=6)", "Dense(3, inputs=5)"]
    assert [repr(layer) for layer in network.layers[::2]] == dense
    assert [repr(layer) for layer in network.layers[1::2]] == ["ReLU()", "GELU()", "SiLU()", "Softmax()"]
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
