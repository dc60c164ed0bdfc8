"""Networks leave as ONNX files that pass the checker, compute the same elsewhere, and come back."""

from __future__ import annotations

import builtins
import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as cr
import chainrule.onnx
from chainrule import ops
from chainrule.errors import FileError, InputError, MissingExtraError, MisuseError
from chainrule.onnx.protobuf import FIELDS
from tests.onnx.networks import random_network

SEEDS = range(0, 200, 20)


def reference(onnx: ModuleType, path: Path) -> Any:
    """Return NumPy's evaluator of ONNX; its own Erf rounds to float32, so it gets one that doesn't."""
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    class Erf(OpRun):
        def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
            return (np.vectorize(math.erf, otypes=[x.dtype])(x),)

    return ReferenceEvaluator(str(path), new_ops=[Erf])


@pytest.mark.parametrize("first", SEEDS)
def test_a_network_computes_the_same_in_onnxruntime_and_when_it_is_back(
    onnx: ModuleType, onnxruntime: ModuleType, tmp_path: Path, first: int
) -> None:
    path = tmp_path / "network.onnx"
    for seed in range(first, first + 20):
        network, x = random_network(seed)
        expected = cr.predict(network, x)
        chainrule.onnx.save(network, path)
        onnx.checker.check_model(onnx.load(path), full_check=True)
        (there,) = onnxruntime.InferenceSession(path).run(None, {"input": x})
        np.testing.assert_allclose(there, expected, rtol=1e-5, atol=1e-6)
        back = chainrule.onnx.load(path)
        np.testing.assert_allclose(cr.predict(back, x), expected, rtol=1e-5, atol=1e-6)
        assert back.classes == network.classes
        assert back.parameters.size == network.parameters.size


@pytest.mark.parametrize("first", SEEDS)
def test_in_float64_nothing_is_lost(onnx: ModuleType, tmp_path: Path, first: int) -> None:
    path = tmp_path / "network.onnx"
    for seed in range(first, first + 20):
        network, x = random_network(seed, "float64")
        expected = cr.predict(network, x)
        chainrule.onnx.save(network, path)
        (there,) = reference(onnx, path).run(None, {"input": x})
        assert there.dtype == np.float64
        np.testing.assert_allclose(there, expected, rtol=1e-12, atol=1e-12)
        back = chainrule.onnx.load(path)
        assert back.dtype == "float64"
        np.testing.assert_allclose(cr.predict(back, x), expected, rtol=1e-12, atol=1e-12)


def test_the_file_names_its_version_its_classes_and_any_number_of_samples(onnx: ModuleType, tmp_path: Path) -> None:
    network = cr.Network([cr.Rescale(1 / 255), cr.Dense(3, inputs=4), cr.Softmax()], classes=["cat", "dog", "Kuh 牛"])
    chainrule.onnx.save(network, tmp_path / "a.onnx")
    model = onnx.load(tmp_path / "a.onnx")
    assert (model.ir_version, model.opset_import[0].version, model.producer_name) == (8, 18, "chainrule")
    assert {entry.key: json.loads(entry.value) for entry in model.metadata_props} == {
        "classes": ["cat", "dog", "Kuh 牛"]
    }
    (given,), (made,) = model.graph.input, model.graph.output
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["samples", 4]
    assert [d.dim_param or d.dim_value for d in made.type.tensor_type.shape.dim] == ["samples", 3]


def test_the_same_network_gives_the_same_bytes(onnx: ModuleType, tmp_path: Path) -> None:
    network, _ = random_network(3)
    for name in ("a", "b"):
        chainrule.onnx.save(network, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_tied_layers_are_written_once_and_come_back_tied(onnx: ModuleType, tmp_path: Path) -> None:
    dense = cr.Dense(3, inputs=3)
    chainrule.onnx.save(cr.Network([dense, cr.Tanh(), dense]), tmp_path / "a")
    assert len(onnx.load(tmp_path / "a").graph.initializer) == 2
    back = chainrule.onnx.load(tmp_path / "a")
    assert back.layers[0] is back.layers[2]
    assert back.parameters.size == 12


def test_the_layers_come_back_as_what_they_were(onnx: ModuleType, tmp_path: Path) -> None:
    layers = [
        cr.Rescale((1.0, 0.5), (2.0, 0.0)),
        cr.Dense(4, inputs=2),
        cr.GELU(),
        cr.Residual([cr.Dense(4, inputs=4), cr.LeakyReLU(0.3)]),
        cr.Branches([[cr.SiLU()], [cr.Dense(2, inputs=4, use_bias=False), cr.ELU(0.7)], []]),
        cr.GELU(approximate=True),
        cr.Dense(3, inputs=10),
        cr.Softmax(),
    ]
    for dtype in ("float32", "float64"):
        network = cr.Network(
            layers=[layer.copy() if isinstance(layer, cr.Layer) else layer for layer in layers], dtype=dtype
        )
        chainrule.onnx.save(network, tmp_path / "a")
        assert repr(chainrule.onnx.load(tmp_path / "a").layers) == repr(layers)


def test_named_inputs_are_one_matrix_in_a_file(onnx: ModuleType, tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(5, 7)).astype("float32")
    branches = cr.Branches(
        {"picture": [cr.Flatten(), cr.Dense(3)], "table": []}, shapes={"picture": (2, 2), "table": 3}
    )
    network = cr.Network([branches, cr.Dense(2)])
    chainrule.onnx.save(network, tmp_path / "a.onnx")
    expected = cr.predict(network, {"picture": matrix[:, :4].reshape(5, 2, 2), "table": matrix[:, 4:]})
    np.testing.assert_allclose(cr.predict(chainrule.onnx.load(tmp_path / "a.onnx"), matrix), expected, rtol=1e-6)


def test_a_loaded_network_trains_and_is_saved(onnx: ModuleType, tmp_path: Path) -> None:
    data = cr.data.moons(100)
    network = cr.Network([cr.Dense(8, inputs=2), cr.Tanh(), cr.Dense(2), cr.Softmax()])
    chainrule.onnx.save(network, tmp_path / "a.onnx")
    back = chainrule.onnx.load(tmp_path / "a.onnx", optimizer=cr.Adam(0.05))
    history = cr.train(back, *data, epochs=20)
    assert history.final_loss < 0.5 * network.compute_loss(*data)
    cr.save(back, tmp_path / "a.safetensors")
    assert (cr.load(tmp_path / "a.safetensors").parameters == back.parameters).all()


def test_a_layer_of_ones_own_made_of_ops_is_exported(onnx: ModuleType, onnxruntime: ModuleType, tmp_path: Path) -> None:
    class Gate(cr.Layer):
        def build(self, shape: tuple[int, ...]) -> None:
            self.gain = self.parameter("gain", shape, cr.Constant(2.0))

        def forward(self, x: cr.Node) -> cr.Node:
            return x * cr.sigmoid(z=x * self.gain) / (2.0 - x**2.0)

    network, x = cr.Network([cr.Dense(4, inputs=3), Gate()]), np.ones((2, 3), np.float32)
    chainrule.onnx.save(network, tmp_path / "a")
    (there,) = onnxruntime.InferenceSession(tmp_path / "a").run(None, {"input": x})
    np.testing.assert_allclose(there, cr.predict(network, x), rtol=1e-5, atol=1e-6)


class Halved(cr.Op):
    """y = z / 2"""

    def forward(self, z: Any) -> Any:
        return z / 2

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy / 2)


class Distance(cr.Layer):
    """How far each prediction is from the samples' mean: of losses, for which ONNX has no operators."""

    def __init__(self, of: cr.Op) -> None:
        super().__init__()
        self.of = of

    def forward(self, x: cr.Node) -> cr.Node:
        return x + cr.Node(self.of, {"prediction": x, "target": cr.Input("zeros", np.zeros((1, 4), np.float32))})


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Halved(), "Halved 'halved_1'"),
        (Distance(cr.MeanSquaredError()), "MeanSquaredError"),
        (Distance(cr.MeanAbsoluteError()), "MeanAbsoluteError"),
        (Distance(cr.Huber()), "Huber"),
    ],
    ids=repr,
)
def test_an_op_that_onnx_has_no_operators_for_is_named(onnx: ModuleType, tmp_path: Path, part: Any, name: str) -> None:
    network = cr.Network([cr.Dense(4, inputs=3), part])
    with pytest.raises(InputError, match=f"{name}.*, an op without a form in ONNX, but expected ops that have one"):
        chainrule.onnx.save(network, tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


LAYERS: dict[str, Any] = {
    "ELU": cr.ELU(0.7),
    "LeakyReLU": cr.LeakyReLU(0.3),
    "SELU": ops.SELU(),
    "HardSigmoid": ops.HardSigmoid(),
    "HardSwish": ops.HardSwish(),
    "Mish": ops.Mish(),
    "Clip": ops.Clip(-0.5, 1.5),
    "Clip from below": ops.Clip(-0.5),
    "Clip from above": ops.Clip(None, 0.5),
    "Cumsum": ops.Cumsum(1),
    "Var": ops.Var(1, keepdims=True),
    "Norm": ops.Norm(1, keepdims=True),
    "Transpose": [ops.Reshape((-1, 3, 1)), ops.Transpose((0, -1, 1)), cr.Flatten()],
    "Slice": ops.Slice((..., slice(None, None, -2))),
    "Slice of the last": [ops.Slice((..., -1)), ops.Slice((slice(None), None))],
    "Dense of images": [ops.Reshape((-1, 1, 3)), cr.Dense(2, inputs=3), cr.Flatten()],
    "Dense without bias": [ops.Reshape((-1, 1, 3)), cr.Dense(2, inputs=3, use_bias=False), cr.Flatten()],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_means_the_same_as_its_operators(onnx: ModuleType, tmp_path: Path, name: str, dtype: str) -> None:
    layer = LAYERS[name]
    layers = layer if isinstance(layer, list) else [layer]
    network = cr.Network(
        [part.copy() if isinstance(part, cr.Layer) else part for part in layers], inputs=3, dtype=dtype
    )
    x = np.array([[-2, -0.25, 0.5], [4, 0, -3]], dtype)
    chainrule.onnx.save(network, tmp_path / "a.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "a.onnx"), full_check=True)
    (there,) = reference(onnx, tmp_path / "a.onnx").run(None, {"input": x})
    close = {"float32": 1e-5, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(there, cr.predict(network, x), rtol=close, atol=close)


@pytest.mark.parametrize(
    ("problem", "words"),
    [(ModuleNotFoundError("No module named 'onnx'"), "got no package onnx"),
     (ImportError("a library is missing"), r"got a broken onnx \(a library is missing\)")],
)  # fmt: skip
def test_without_the_package_an_export_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: ImportError, words: str
) -> None:
    find = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "onnx":
            raise problem
        return find(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=rf"{words}.*pip install .*\[onnx\]"):
        chainrule.onnx.save(cr.Network([cr.Dense(2, inputs=2)]), tmp_path / "a.onnx")


def test_more_numbers_than_a_file_can_hold_are_refused(
    onnx: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainrule.onnx.exporting._LONGEST_FILE", (1 << 20) + 100)
    chainrule.onnx.save(cr.Network([cr.Dense(4, inputs=5)]), tmp_path / "small.onnx")
    with pytest.raises(InputError, match=r"more than 1,048,676 bytes of numbers.*Use float32"):
        chainrule.onnx.save(cr.Network([cr.Dense(4, inputs=6)]), tmp_path / "large.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["small.onnx"]


def test_what_can_not_be_exported_says_why_and_writes_nothing(onnx: ModuleType, tmp_path: Path) -> None:
    own = cr.Network([cr.Dense(2, inputs=2), cr.Activation(np.sin, np.cos)])
    for network, error, words in (
        (own, InputError, "Activation"),
        (cr.Network([cr.Dense(3)]), MisuseError, "not built"),
        ("network", InputError, "a cr.Network"),
    ):
        with pytest.raises(error, match=words):
            chainrule.onnx.save(network, tmp_path / "a")
    with pytest.raises(FileError):
        chainrule.onnx.save(cr.Network([cr.Dense(2, inputs=2)]), tmp_path / "no such folder" / "a")
    assert list(tmp_path.iterdir()) == []


def test_the_reader_knows_the_fields_of_onnx_as_they_are(onnx: ModuleType) -> None:
    names = {
        "Model": "ModelProto", "Opset": "OperatorSetIdProto", "Entry": "StringStringEntryProto", "Graph": "GraphProto",
        "Node": "NodeProto", "Attribute": "AttributeProto", "Tensor": "TensorProto", "Value": "ValueInfoProto",
        "Type": "TypeProto", "TensorType": "TypeProto.Tensor", "Shape": "TensorShapeProto",
        "Dimension": "TensorShapeProto.Dimension",
    }  # fmt: skip
    assert set(names) == set(FIELDS)
    for ours, theirs in names.items():
        message = onnx
        for part in theirs.split("."):
            message = getattr(message, part)
        # The default of a field that is repeated is a list; `is_repeated` is newer than the oldest protobuf.
        described = {f.number: (f.name, isinstance(f.default_value, list)) for f in message.DESCRIPTOR.fields}
        told = {number: (name, many) for number, (name, _, many) in FIELDS[ours].items()}
        assert {n: f for n, f in told.items() if n in described} == {n: f for n, f in described.items() if n in told}


def test_names_in_the_file_print_and_are_told_apart(tmp_path: Path, onnx: ModuleType) -> None:
    class Named(cr.Layer):
        def build(self, shape: tuple[int, ...]) -> None:
            self.leaves_ = [self.parameter(name, shape) for name in ("a\x1b[31m", "a\\x1b[31m", "\ud800", "w\u202e")]

        def forward(self, x: cr.Node) -> cr.Node:
            for leaf in self.leaves_:
                x = x + leaf
            return x

    network = cr.Network([cr.Dense(2, inputs=2), Named()], classes=['"', "\x1b[31m"])
    cr.onnx.save(network, tmp_path / "a.onnx")
    model = onnx.load(tmp_path / "a.onnx")
    onnx.checker.check_model(model, full_check=True)
    names = [constant.name for constant in model.graph.initializer]
    assert len({*names}) == len(names) == 6
    assert all(name.isprintable() for name in names)
    assert cr.onnx.load(tmp_path / "a.onnx").classes == network.classes
    with pytest.raises(InputError, match=r"'\\ud800' in its classes"):
        cr.onnx.save(cr.Network([cr.Dense(2, inputs=2)], classes=["a", "\ud800"]), tmp_path / "b.onnx")


def test_several_heads_are_outputs_with_their_names(onnx: ModuleType, onnxruntime: ModuleType, tmp_path: Path) -> None:
    heads = cr.Heads({"rows": [cr.Dense(2)], "kind": [cr.Flatten(), cr.Dense(3), cr.Softmax()], "as it is": []})
    network = cr.Network([cr.Dense(4, "tanh"), heads], classes={"kind": ["a", "b", "c"]}, inputs=(5, 3))
    x = np.random.default_rng(0).normal(size=(7, 5, 3)).astype(np.float32)
    path = tmp_path / "network.onnx"
    chainrule.onnx.save(network, path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    found = onnxruntime.InferenceSession(path).run(None, {"input": x})
    expected: Any = cr.predict(network, x)
    assert [output.name for output in model.graph.output] == list(expected) == ["rows", "kind", "as it is"]
    for array, (name, wanted) in zip(found, expected.items(), strict=True):
        np.testing.assert_allclose(array, wanted, rtol=1e-5, atol=1e-6, err_msg=name)
    assert json.loads(model.metadata_props[0].value) == {"kind": ["a", "b", "c"]}
    assert "Concat" not in [node.op_type for node in model.graph.node]
    with pytest.raises(FileError, match=r"\['rows', 'kind', 'as it is'\].*Pass output="):
        chainrule.onnx.load(path)
    back = chainrule.onnx.load(path, output="kind")
    np.testing.assert_allclose(cr.predict(back, x), expected["kind"], rtol=1e-5, atol=1e-6)
    assert back.classes == ("a", "b", "c")
    assert chainrule.onnx.load(path, output="rows").classes is None
    with pytest.raises(InputError, match="Give the head another name"):
        chainrule.onnx.save(cr.Network([cr.Heads({"input": []})], inputs=3), path)


@pytest.mark.parametrize("name", ["export", "to_onnx", "onnx_export"])
def test_other_names_of_an_export_are_answered(name: str) -> None:
    with pytest.raises(AttributeError, match=r"cr\.onnx\.save\(network, .model\.onnx.\)"):
        getattr(chainrule.onnx, name)
