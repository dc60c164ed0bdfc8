"""Weights of PyTorch come in transposed and go out again; pickles are refused, and so is what doesn't fit."""

from __future__ import annotations

import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import chainrule as cr
from chainrule.errors import FileError, InputError, InputWarning, MisuseError
from tests.onnx.test_import import expect_the_same
from tests.referees import needed

W1, B1 = np.arange(12, dtype=np.float32).reshape(4, 3), np.arange(4, dtype=np.float32)
W2 = np.arange(8, dtype=np.float32).reshape(2, 4)
STATE = {"0.weight": W1, "0.bias": B1, "2.weight": W2}


def test_weights_are_transposed_and_contiguous_in_the_order_of_the_numbers(tmp_path: Path) -> None:
    names = {"10.weight": W2, "2.bias": B1, "2.weight": W1}
    save_file(names, tmp_path / "a.safetensors")
    for source in (tmp_path / "a.safetensors", {"2.weight": W1, "2.bias": B1, "10.weight": W2}):
        (first, bias), (second, none) = cr.torch.load_weights(source)
        assert none is None
        np.testing.assert_array_equal(first, W1.T)
        np.testing.assert_array_equal(bias, B1)
        np.testing.assert_array_equal(second, W2.T)
        assert first.flags.c_contiguous
        assert second.flags.c_contiguous


def test_a_header_as_long_as_the_first_byte_of_a_pickle_is_read(tmp_path: Path) -> None:
    save_file({"0.weight": W1, "2.weight": W2}, tmp_path / "a.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes()[0] == 0x80  # with which pickles begin
    assert len(cr.torch.load_weights(tmp_path / "a.safetensors")) == 2


def test_layers_can_be_put_in_order_by_name(tmp_path: Path) -> None:
    state = {"z_first.weight": W2.T.copy(), "head.weight": W2}  # 2 to 4 and 4 to 2: either may be the first
    save_file(state, tmp_path / "a.safetensors")
    for source in (tmp_path / "a.safetensors", state):
        with pytest.raises(InputError, match=r"more than one order.*order=\['first', 'second'\]"):
            cr.torch.load_weights(source)
        for order in (3, "z_firsthead", [1, 2], ["head"], ["head", "head", "z_first"]):
            with pytest.raises(InputError, match=r"order=.*\['head', 'z_first'\] once"):
                cr.torch.load_weights(source, order=order)
        for order in (["z_first", "head"], ["head", "z_first"]):
            numbers = cr.torch.load_weights(source, order=order)
            np.testing.assert_array_equal(numbers[0][0], state[f"{order[0]}.weight"].T)


def linear(*sizes: tuple[str, int, int]) -> dict[str, np.ndarray]:
    """Return weights of layers: name, inputs and outputs of each. Their first number is its place in the list."""
    return {f"{name}.weight": np.full((o, i), k, np.float32) for k, (name, i, o) in enumerate(sizes)}


@pytest.mark.parametrize(
    "state",
    [
        linear(("input", 3, 4), ("hidden", 4, 4), ("output", 4, 2)),
        linear(("fc1", 4, 4), ("fc2", 4, 4), ("fc10", 4, 4)),
        linear(("net.0", 3, 3), ("net.2", 3, 3), ("net.10", 3, 3)),
        linear(("module.net.0", 3, 3), ("module.net.2", 3, 3)),
        linear(("encoder.0", 6, 4), ("encoder.2", 4, 2), ("decoder.0", 2, 4), ("decoder.2", 4, 5)),
        linear(("blocks.0.up", 3, 3), ("blocks.1.down", 3, 3), ("blocks.2.a", 3, 3)),
        linear(("body.1", 4, 4), ("body.2", 4, 4), ("a_head", 4, 2)),
        linear(("dense", 3, 3), ("dense_1", 3, 3), ("dense_10", 3, 3)),
        linear(("l1", 3, 4), ("l2", 4, 4), ("out", 4, 1)),
    ],
    ids=lambda state: ", ".join(state),
)
def test_numbers_in_names_decide_the_order_and_else_the_shapes_if_only_one_fits(
    tmp_path: Path, state: dict[str, np.ndarray]
) -> None:
    save_file(state, tmp_path / "a.safetensors")
    for source in (tmp_path / "a.safetensors", state, dict(sorted(state.items())), dict(reversed(state.items()))):
        found = [weights[0, 0] for weights, _ in cr.torch.load_weights(source)]
        assert found == list(range(len(state)))


@pytest.mark.parametrize(
    "state",
    [
        linear(("input", 4, 4), ("hidden", 4, 4), ("output", 4, 2)),
        linear(("encoder.0", 6, 4), ("encoder.2", 4, 2), ("decoder.0", 2, 4), ("decoder.2", 4, 6)),
        linear(("fc", 4, 4), ("fc1", 4, 4)),
        linear(*((f"{chr(97 + k)}x", 3, 3) for k in range(26))),
        linear(*((f"{chr(97 + k % 26)}{chr(97 + k // 26)}", 3, 3) for k in range(100))),
    ],
    ids=lambda state: ", ".join(state)[:60],
)
def test_an_order_that_nothing_says_is_asked_for(state: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError, match=r"more than one order.*order="):
        cr.torch.load_weights(state)
    names = [name.removesuffix(".weight") for name in state]
    assert len(cr.torch.load_weights(state, order=names)) == len(state)


def test_layers_that_fit_together_in_no_order_are_refused() -> None:
    with pytest.raises(InputError, match="fit together in no order"):
        cr.torch.load_weights(linear(("left", 3, 4), ("right", 3, 4)))


def test_a_tensor_that_two_layers_share_comes_back_in_both(referee: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_model

    nn = referee.nn
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Tanh(), nn.Linear(4, 4, bias=False), nn.Linear(4, 2))
    model[2].weight = model[0].weight
    save_model(model, tmp_path / "a.safetensors")
    assert "0.weight" not in load_file(tmp_path / "a.safetensors") or "2.weight" not in load_file(
        tmp_path / "a.safetensors"
    )
    network = cr.torch.load(tmp_path / "a.safetensors", [cr.Tanh(), None])
    x = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    np.testing.assert_allclose(
        model(referee.from_numpy(x)).detach().numpy(), cr.predict(network, x), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"4.weight": "1.weight"}, "a tensor '4.weight' that is '1.weight', which isn't there"),
        ({"0.weight": "2.weight"}, "both as a tensor and as another name"),
        ({"0.weight": 1}, "metadata"),
        ([], "metadata"),
    ],
)
def test_another_name_that_can_not_be_resolved_is_refused(tmp_path: Path, metadata: Any, words: str) -> None:
    table = {f"{i}.weight": {"dtype": "F32", "shape": [1, 1], "data_offsets": [2 * i, 2 * i + 4]} for i in (0, 2)}
    (tmp_path / "a.safetensors").write_bytes(with_header({"__metadata__": metadata, **table}, bytes(8)))
    with pytest.raises(FileError, match=words):
        cr.torch.load_weights(tmp_path / "a.safetensors")


def test_other_metadata_are_no_names_of_tensors(tmp_path: Path) -> None:
    save_file({"0.weight": W1}, tmp_path / "a.safetensors", metadata={"format": "pt", "author": "me", "a.b": "0"})
    assert len(cr.torch.load_weights(tmp_path / "a.safetensors")) == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"0.weight": W1, "1.weight": B1, "1.bias": B1, "1.running_mean": B1, "1.running_var": B1,
          "1.num_batches_tracked": np.array(7)}, r"'1', a batch normalisation.*cr\.onnx\.load"),
        ({"0.weight": W1, "1.num_batches_tracked": np.array(7)}, r"'1', a batch normalisation.*cr\.onnx\.load"),
        ({"0.weight": W1, "1.weight": B1, "1.bias": B1}, "'1' with weights .4,., a normalisation or a PReLU"),
        ({"0.weight": np.ones((2, 1, 3, 3), np.float32)}, "'0' with weights .2, 1, 3, 3., a convolution"),
        ({"0.weight": W1.astype(np.float16)}, r"of float16.*model\.float\(\)\.state_dict"),
        ({"0.weight_ih_l0": W1}, "'0.weight_ih_l0' with shape"),
    ],
)  # fmt: skip
def test_what_else_is_in_a_state_dict_is_named(tmp_path: Path, state: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        cr.torch.load_weights(state)
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises((InputError, FileError), match=words.replace("of float16", "dtype 'F16'")):
        cr.torch.load_weights(tmp_path / "a.safetensors")


def test_the_wrong_thing_is_named_with_the_right_call(referee: Any) -> None:
    model = referee.nn.Sequential(referee.nn.Linear(3, 2))
    state = model.state_dict()
    right = r"cr\.torch\.load\(model\.state_dict\(\), cr\.ReLU\(\)\)"
    for call in (cr.load, cr.torch.load_weights, cr.onnx.load):
        with pytest.raises(InputError, match=f"a module of PyTorch's, Sequential.*{right}"):
            call(model)
        for key in ("state_dict", "model_state_dict", "model"):
            with pytest.raises(InputError, match=rf"a checkpoint.*checkpoint\['{key}'\]"):
                call({"epoch": 3, key: state})
        with pytest.raises(InputError, match=r"values without names.*state_dict"):
            call(model.parameters())
    for call in (cr.load, cr.onnx.load):
        with pytest.raises(InputError, match=r"cr\.torch\.load\(state_dict"):
            call(state)
    with pytest.raises(InputError, match=r"bfloat16.*model\.float"):
        cr.torch.load_weights(model.bfloat16().state_dict())


WRONG = {
    "m.pt": (b"PK\x03\x04" + bytes(26) + b"archive/data.pkl", "a PyTorch file, which is pickled"),
    "m.keras": (b"PK\x03\x04" + bytes(26) + b"metadata.json", "a Keras file"),
    "m.npz": (b"PK\x03\x04" + bytes(26) + b"arr_0.npy", "arrays of NumPy's"),
    "m.pkl": (pickle.dumps([1.0]), "a pickle, which can run code"),
    "m.joblib": (pickle.dumps([1.0], protocol=3), "a pickle, which can run code"),
    "m.h5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "a Keras file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_of_another_format_is_told_by_its_name_and_by_what_it_begins_with(tmp_path: Path, name: str) -> None:
    data, words = WRONG[name]
    for path in (tmp_path / name, tmp_path / "unnamed"):
        path.write_bytes(data)
        for call in (cr.load, cr.torch.load_weights, cr.onnx.load):
            with pytest.raises(FileError, match=words) as caught:
                call(path)
            assert "another copy" not in str(caught.value)


def test_formats_that_another_verb_reads_are_sent_there(tmp_path: Path) -> None:
    needed("onnx")
    network = cr.Network([cr.Dense(2, inputs=3)])
    cr.onnx.save(network, tmp_path / "a.onnx")
    cr.save(network, tmp_path / "a.safetensors")
    cr.torch.save(network, tmp_path / "b.safetensors")
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path, data in files.items():
        (tmp_path / f"{path.stem}_bare").write_bytes(data)
        right = {"a.onnx": "onnx", "a.safetensors": "load", "b.safetensors": "torch"}[path.name]
        for verb, call in {"onnx": cr.onnx.load, "load": cr.load, "torch": cr.torch.load_weights}.items():
            for given in (path, tmp_path / f"{path.stem}_bare"):
                if verb != right:
                    with pytest.raises(FileError, match=r"cr\.(torch\.|onnx\.)?load"):
                        call(given)


@pytest.mark.parametrize(
    ("activations", "expected"),
    [
        (cr.Tanh(), "[Dense(4, inputs=3), Tanh(), Dense(2, inputs=4, use_bias=False)]"),
        ([cr.Tanh()], "[Dense(4, inputs=3), Tanh(), Dense(2, inputs=4, use_bias=False)]"),
        ([[cr.ReLU(), cr.Dropout(0.1)], cr.Softmax()],
         "[Dense(4, inputs=3), ReLU(), Dropout(rate=0.1), Dense(2, inputs=4, use_bias=False), Softmax()]"),
        ([None, None], "[Dense(4, inputs=3), Dense(2, inputs=4, use_bias=False)]"),
    ],
)  # fmt: skip
def test_activations_stand_between_the_layers_or_after_each(activations: Any, expected: str) -> None:
    assert repr(cr.torch.load(STATE, activations).layers) == expected


def random_pair(torch: Any, seed: int, dtype: str, folder: Path) -> tuple[Any, Path, list[Any], np.ndarray, np.ndarray]:
    """Return a PyTorch network, the file of its weights, our activations for it, samples and labels."""
    from safetensors.torch import save_file as save

    nn, rng = torch.nn, np.random.default_rng(seed)
    torch.manual_seed(seed)
    pairs = [(nn.Tanh(), cr.Tanh()), (nn.ReLU(), cr.ReLU()), (nn.GELU(), cr.GELU()), (nn.SiLU(), cr.SiLU()),
             (nn.Softplus(), cr.Softplus())]  # fmt: skip
    sizes = [*(int(n) for n in rng.integers(1, 9, size=rng.integers(2, 14))), 3]
    chosen = [pairs[i] for i in rng.integers(len(pairs), size=len(sizes) - 2)]
    parts: list[Any] = []
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        parts += [nn.Linear(inputs, outputs, bias=bool(rng.random() < 0.8))]
        parts += [chosen[i][0]] if i < len(chosen) else []
    model = nn.Sequential(*parts).to(getattr(torch, dtype))
    save(model.state_dict(), folder / "a.safetensors")
    x, labels = rng.normal(size=(6, sizes[0])).astype(dtype), rng.integers(3, size=6)
    return model, folder / "a.safetensors", [ours for _, ours in chosen], x, labels


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_networks_of_pytorch_compute_and_learn_the_same(referee: Any, tmp_path: Path, dtype: str) -> None:
    for seed in range(25):
        model, path, activations, x, labels = random_pair(referee, seed, dtype, tmp_path)
        network = cr.torch.load(path, activations, loss=cr.SoftmaxCrossEntropy())
        assert network.dtype == dtype
        expect_the_same(referee, model, network, x, labels)


def test_a_state_dict_that_was_saved_loads_into_a_sequential_of_pytorch(referee: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file as load

    nn = referee.nn
    network = cr.Network([cr.Network([cr.Dense(5, inputs=3), cr.Tanh()]), cr.Dropout(0.5), cr.Dense(2, use_bias=False)])
    cr.torch.save(network, tmp_path / "a.safetensors")
    model = nn.Sequential(
        nn.Sequential(nn.Linear(3, 5), nn.Tanh()), nn.Dropout(0.5), nn.Linear(5, 2, bias=False)
    ).eval()
    model.load_state_dict(load(tmp_path / "a.safetensors"))
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(
        model(referee.from_numpy(x)).detach().numpy(), cr.predict(network, x), rtol=1e-5, atol=1e-6
    )


def test_the_module_that_is_returned_computes_the_same_scaling_and_all(referee: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file as load

    layers = [cr.Rescale((0.5, 1.0, 2.0), 3.0), cr.Dense(5, inputs=3), cr.GELU(), cr.Dropout(0.5), cr.Dense(5),
              cr.ELU(0.5), cr.Network([cr.Dense(4), cr.GELU(approximate=True)]), cr.Rescale(0.1),
              cr.Dense(4, use_bias=False), cr.LeakyReLU(0.2), cr.Dense(3), cr.LogSoftmax()]  # fmt: skip
    network = cr.Network(layers, seed=1)
    module = cr.torch.save(network, tmp_path / "a.safetensors")
    model = eval(module, {"nn": referee.nn}).eval()
    model.load_state_dict(load(tmp_path / "a.safetensors"))
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(
        model(referee.from_numpy(x)).detach().numpy(), cr.predict(network, x), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    "layers",
    [
        [cr.Rescale(1 / 255), cr.Dropout(0.1), cr.Dense(4), cr.ReLU(), cr.Dropout(0.1), cr.Dense(2)],
        [cr.Rescale(0.5), cr.ops.Identity(), cr.Dropout(0.1), cr.Dropout(0.2), cr.Dense(4)],
        [cr.Rescale(0.5, 2.0), cr.Rescale((1.0, 2.0, 3.0), 1.0), cr.Dense(4, use_bias=False)],
        [cr.Rescale(0.5, 2.0), cr.Network([cr.Dense(4), cr.Tanh()]), cr.Dense(2)],
        [cr.Rescale(0.5, 2.0), cr.Flatten(), cr.Dense(4)],
        [cr.Dense(4), cr.PReLU(), cr.ops.Clip(-0.5, 0.5)],
    ],
    ids=repr,
)
def test_scaling_is_taken_up_by_the_next_dense_layer(referee: Any, tmp_path: Path, layers: list[Any]) -> None:
    from safetensors.torch import load_file as load

    network = cr.Network(layers, inputs=3, seed=1)
    model = eval(cr.torch.save(network, tmp_path / "a.safetensors"), {"nn": referee.nn})
    model.load_state_dict(load(tmp_path / "a.safetensors"))
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(
        model.eval()(referee.from_numpy(x)).detach().numpy(), cr.predict(network, x), rtol=1e-5, atol=1e-6
    )


def test_a_network_in_float64_gives_a_module_in_float64(referee: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file as load

    network = cr.Network([cr.Dense(5, inputs=3), cr.Tanh(), cr.Dense(2)], dtype="float64")
    model = eval(cr.torch.save(network, tmp_path / "a.safetensors"), {"nn": referee.nn})
    model.load_state_dict(load(tmp_path / "a.safetensors"))
    x = np.random.default_rng(0).normal(size=(4, 3))
    found = model.eval()(referee.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(found, cr.predict(network, x), rtol=1e-13)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([cr.Rescale(2.0, 1.0), cr.Dropout(0.1), cr.Dense(2)], "with Dropout.*expected no offset before a dropout"),
        ([cr.Rescale(2.0), cr.ReLU(), cr.Dense(2)], r"Rescale.* with ReLU\(\) behind it"),
        ([cr.Dense(2), cr.Rescale(2.0)], "Rescale.* with nothing behind it"),
        ([cr.Rescale((1.0, 2.0, 3.0)), cr.Flatten(), cr.Dense(2)], "with Flatten.*one number for all features"),
    ],
)  # fmt: skip
def test_scaling_that_no_dense_layer_takes_up_is_named(tmp_path: Path, layers: list[Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        cr.torch.save(cr.Network(layers, inputs=3), tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_weights_of_keras_are_taken_as_they_are(tmp_path: Path) -> None:
    names = {"net/dense/kernel": W1.T.copy(), "net/dense/bias": B1, "net/dense_1/kernel": W2.T.copy()}
    save_file(names, tmp_path / "a.safetensors")
    expected = cr.torch.load_weights(STATE)
    for source in (tmp_path / "a.safetensors", names):
        for ours, theirs in zip(cr.torch.load_weights(source), expected, strict=True):
            np.testing.assert_array_equal(ours[0], theirs[0])
            assert (ours[1] is None) == (theirs[1] is None)


def test_what_was_saved_comes_back_the_same(tmp_path: Path) -> None:
    network = cr.Network([cr.Dense(5, inputs=3), cr.ReLU(), cr.Dense(2)], seed=3)
    cr.torch.save(network, tmp_path / "a.safetensors")
    assert sorted(load_file(tmp_path / "a.safetensors")) == ["0.bias", "0.weight", "2.bias", "2.weight"]
    back = cr.torch.load(tmp_path / "a.safetensors", cr.ReLU())
    assert (back.parameters == network.parameters).all()


@pytest.mark.parametrize(
    ("network", "error"),
    [
        (cr.Network([cr.Dense(2, inputs=2), cr.Rescale(2.0)]), InputError),
        (cr.Network([cr.Dense(2, inputs=2), cr.ops.Exp()]), InputError),
        (cr.Network([cr.Residual([cr.Dense(2, inputs=2)])], inputs=2), InputError),
        (cr.Network([cr.Dense(2)]), MisuseError),
        ("network", InputError),
    ],
)
def test_what_a_sequential_can_not_be_is_not_saved(tmp_path: Path, network: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        cr.torch.save(network, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def with_header(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(**changed: Any) -> dict[str, Any]:
    return {"0.weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8], **changed}}


BAD = {
    "a pickle": pickle.dumps({"0.weight": [1.0]}, protocol=4),
    "a file of torch.save": b"PK\x03\x04" + bytes(100),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "empty": b"",
    "a header of 2^63 bytes": b"\xff" * 8 + b"{}",
    "no JSON": with_header(b"{nope"),
    "a name twice": with_header(b'{"a.weight":1,"a.weight":2}'),
    "a list": with_header([1]),
    "an unknown field": with_header(entry(more=1), bytes(8)),
    "half precision": with_header(entry(dtype="BF16", data_offsets=[0, 4]), bytes(4)),
    "a shape of texts": with_header(entry(shape=["1", 2]), bytes(8)),
    "a negative length": with_header(entry(shape=[-1, -2]), bytes(8)),
    "2^80 numbers": with_header(entry(shape=[2**40, 2**40]), bytes(8)),
    "more than is there": with_header(entry(shape=[2**20, 2**20], data_offsets=[0, 2**42]), bytes(8)),
    "a hole": with_header(entry(data_offsets=[4, 12]), bytes(12)),
    "bytes behind it": with_header(entry(), bytes(9)),
    "cut": with_header(entry(), bytes(7)),
    "a million lists": with_header(b"[" * 1_000_000),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_state_dict_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.safetensors").write_bytes(BAD[name])
    with pytest.raises(FileError, match=r"torch\.load") as caught:
        cr.torch.load_weights(tmp_path / "a.safetensors")
    if "pickle" in name or "torch.save" in name:
        assert "save_file(model.state_dict()" in str(caught.value)
    if name == "HDF5":
        assert "model.trainable_weights" in str(caught.value)


@pytest.mark.parametrize(
    "state",
    [
        {"0.weight": np.ones((2, 3, 3, 3), np.float32)},
        {"0.weight": np.ones((2, 3), np.float32), "0.running_mean": np.ones(2, np.float32)},
        {"0.bias": B1},
        {"0.weight": W1, "0.bias": B1[:2]},
        {"0.weight": W1, "1.weight": W1},
        {"0.weight": W1, "0.kernel": W1.T},
        {"0.weight": W1.astype(np.int64)},
        {"0.weight": np.ones((0, 3), np.float32)},
        {"0.weight": [[1.0, 2.0], [3.0]]},
        {"0.weight": None},
        {},
    ],
)
def test_what_is_no_row_of_linear_layers_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"torch\.load.*but expected"):
        cr.torch.load(state, cr.Tanh())


def test_a_wrong_number_of_activations_is_refused() -> None:
    with pytest.raises(InputError, match="3 activations for 2 layers"):
        cr.torch.load(STATE, [cr.Tanh()] * 3)


def test_a_state_dict_of_a_network_on_tables_is_told_to_take_features(tmp_path: Path) -> None:
    preparation = cr.data.Preparation(["size", cr.data.CategoryColumn("kind", ["a", "b"])])
    network = cr.Network([cr.Dense(1, inputs=3)], preparation=preparation)
    with pytest.warns(InputWarning, match=r"3 features of the columns 'size', 'kind'.*\.features\(table\)"):
        cr.torch.save(network, tmp_path / "a.safetensors")
    plain = cr.Network([cr.Dense(1, inputs=1)], preparation=cr.data.Preparation(["size"]))
    cr.torch.save(plain, tmp_path / "a.safetensors")  # nothing becomes of the column
