"""A network comes back from its file as it was: the same predictions, and the same training from there on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from chainrule import nn, ops, optim
from chainrule.errors import FileError, InputError, MisuseError
from chainrule.files import Contents, check_savable, load, read, read_header, save, write
from chainrule.files.model import contents_of, network_from
from chainrule.files.part_classes import KINDS
from chainrule.nn import Branches, Constant, Dense, Dropout, Layer, Network, Rescale, Residual
from chainrule.ops import Activation, Op, ReLU, Sigmoid, Softmax, Tanh

X = np.random.default_rng(0).normal(size=(8, 3))
Y = np.random.default_rng(1).normal(size=(8, 2))
P = np.abs(Y) / np.abs(Y).sum(axis=1, keepdims=True)


class Gain(Layer):
    """Learns a factor for each feature, in ten lines."""

    def __init__(self, start: float = 1.0) -> None:
        self.start = start

    def build(self, shape: tuple[int, ...]) -> None:
        self.gain = self.parameter("gain", shape, Constant(self.start))

    def forward(self, x: Any) -> Any:
        return x * self.gain


class Cube(Op):
    """y = z³
    ∂z = ∂y · 3z²"""

    def forward(self, z: Any) -> Any:
        return z * z * z

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy * 3 * z * z)


class Sine(Activation):
    def __init__(self) -> None:
        super().__init__(np.sin, np.cos)


CUSTOM: dict[str, Any] = {"Gain": Gain, "Cube": Cube, "Sine": Sine}


def tied() -> Network:
    layer = Dense(3, name="tied")
    return Network([layer, Tanh(), layer, Residual([layer, Tanh()]), Dense(2)], inputs=3)


def around(*layers: Any, **settings: Any) -> Network:
    return Network([Dense(4, inputs=3), *layers, Dense(2)], **settings)


OPTIMIZERS = [optim.SGD(0.1), optim.SGD(0.1, 0.9, True), optim.Adagrad(), optim.RMSProp(), optim.Adam(), optim.AdamW()]
ACTIVATIONS = [
    kind
    for name, kind in KINDS.items()
    if issubclass(kind, Op) and kind.roles == ("z",) and kind not in (ops.Log, ops.Sqrt)
]
NETWORKS = {
    "one layer": lambda: Network([Dense(2, inputs=3)]),
    **{repr(kind()): lambda kind=kind: around(kind()) for kind in ACTIVATIONS},
    **{repr(rule): lambda rule=rule: around(Tanh(), optimizer=rule, l2=0.01) for rule in OPTIMIZERS},
    "float64": lambda: around(Tanh(), dtype="float64", optimizer=optim.AdamW(weight_decay=0.1)),
    "dropout": lambda: around(Dropout(0.5), ReLU(), Dropout(0.25), seed=2**63 - 1),
    "dropout with other numbers each step": lambda: around(Residual([Dropout(0.5)]), engine="dynamic"),
    "scaled data": lambda: Network([Rescale((1.0, 2.0, 3.0), 0.5), Dense(2)], inputs=3),
    "tied": tied,
    "branches": lambda: around(Branches([[], [Dense(2), Tanh()], Dropout(0.5)]), Residual([Dense(10), Tanh()])),
    "penalties of its own": lambda: around(Dense(4, l1=0.1, l2=0.2), l1=0.01, l2=0.02),
    "initializers": lambda: around(Dense(4, initializer=nn.Orthogonal(), bias_initializer=nn.Uniform())),
    "shapes": lambda: around(ops.Reshape((-1, 2, 2)), ops.Transpose((0, 2, 1)), ops.Flatten(), Dense(3)),
    "slices": lambda: around(ops.Slice((slice(None), slice(1, None))), Dense(3)),
    "sums": lambda: around(ops.Reshape((-1, 4, 1)), ops.Mean(axis=2)),
    "no bias, names": lambda: around(Dense(4, use_bias=False, name="größe 1"), Tanh(), name="net"),
    "clipped, scheduled": lambda: around(Tanh(), optimizer=optim.Adam(0.01, clip_norm=0.1)),
    "a network inside": lambda: around(
        Network([Dense(4), Tanh()], l2=0.1), Dense(3), Network([Dense(4, inputs=3), Dropout(0.5)])
    ),
    "custom": lambda: around(Gain(2.0), Cube(), Sine(), Residual([Gain()])),
    "softmax": lambda: Network([Dense(2, inputs=3), Softmax()], classes=("yes", "نعم")),
    "probabilities": lambda: Network([Dense(2, inputs=3), Sigmoid()], ops.MeanAbsoluteError()),
}


def learn(network: Network, steps: int = 3) -> None:
    target = P if isinstance(network.layers[-1], (Softmax, Sigmoid)) else Y
    for _ in range(steps):
        network.compute_loss(X, target)
        network.backward()
        network.optimize(0.01)


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_loaded_network_goes_on_with_the_same_bytes(make: Any, tmp_path: Path) -> None:
    network = make()
    learn(network)
    save(network, tmp_path / "a")
    again = load(tmp_path / "a", custom=CUSTOM)
    assert again.layers[0] is not network.layers[0]
    assert same_bytes(network, again)
    save(again, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()
    learn(network)
    learn(again)
    assert same_bytes(network, again)
    assert network.snapshot()["steps"] == again.snapshot()["steps"] == 6


def same_bytes(a: Network, b: Network) -> bool:
    x = np.asarray(X, a.dtype)
    return (
        a.compute(x).tobytes() == b.compute(x).tobytes()
        and a.compute(x).dtype == b.compute(x).dtype
        and contents_of(a).metadata == contents_of(b).metadata
        and all(a.leaves[name].value.tobytes() == leaf.value.tobytes() for name, leaf in b.leaves.items())
    )


def test_frozen_layers_stay_frozen_and_the_optimizer_goes_on(tmp_path: Path) -> None:
    network = around(Tanh(), Dense(4))
    network.freeze("dense_1", "dense_3.bias")
    learn(network)
    save(network, tmp_path / "a")
    again = load(tmp_path / "a")
    before = again.leaves["dense_1.weights"].value.copy()
    learn(network)
    learn(again)
    assert same_bytes(network, again)
    assert (again.leaves["dense_1.weights"].value == before).all()
    again.unfreeze()
    learn(again)
    assert (again.leaves["dense_1.weights"].value != before).any()


def test_a_tied_layer_is_still_tied(tmp_path: Path) -> None:
    save(tied(), tmp_path / "a")
    again = load(tmp_path / "a")
    assert again.layers[0] is again.layers[2]
    assert again.parameters.size == tied().parameters.size == 20


def test_a_network_never_stepped_and_one_of_layers_copied_come_back(tmp_path: Path) -> None:
    source = around(Tanh())
    network = Network([source.layers[0].copy(), Tanh(), Dense(2)])
    save(network, tmp_path / "a")
    again = load(tmp_path / "a")
    assert same_bytes(network, again)
    save(again, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("inputs", [3, None])
def test_loading_draws_no_weights_to_throw_them_away(
    inputs: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network([Dense(4, inputs=inputs), Tanh(), Dense(2)] if inputs else [Dense(4), Tanh(), Dense(2)])
    network.build(3)
    save(network, tmp_path / "a")

    def drawn(*args: Any) -> None:
        raise AssertionError("an initializer was asked")

    for kind in (nn.Glorot, nn.He, nn.LeCun):
        monkeypatch.setattr(kind, "__call__", drawn)
    assert same_bytes(load(tmp_path / "a"), network)


def test_loading_leaves_the_random_stream_where_it_was(tmp_path: Path) -> None:
    network = around(Dropout(0.5))
    learn(network)
    network.generators["shuffle"].permutation(10)
    save(network, tmp_path / "a")
    again = load(tmp_path / "a")
    for consumer in ("shuffle", "dropout_1", "never asked before"):
        assert network.generators[consumer].random() == again.generators[consumer].random()


def test_the_same_network_gives_the_same_bytes_in_other_processes(tmp_path: Path) -> None:
    code = (
        "import sys; from chainrule.files import save; from tests.files.forge import small_network;"
        "save(small_network(), sys.argv[1])"
    )
    for name, seed in (("a", "0"), ("b", "1")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([".", *sys.path])}
        subprocess.run([sys.executable, "-c", code, tmp_path / name], check=True, env=environment)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_safetensors_library_reads_the_file(tmp_path: Path) -> None:
    network = around(Tanh(), dtype="float64")
    save(network, tmp_path / "a")
    arrays = safetensors.numpy.load_file(tmp_path / "a")
    for name, leaf in network.leaves.items():
        assert (arrays[name] == leaf.value).all()
    with safetensors.safe_open(tmp_path / "a", "numpy") as file:
        metadata = file.metadata()
    assert metadata["format"] == "chainrule"
    assert json.loads(metadata["description"])["type"] == "Network"


def test_arrays_lie_aligned_and_in_order(tmp_path: Path) -> None:
    arrays = {"b": np.zeros(3, np.uint8), "a": np.zeros((2, 3), np.float64), "c": np.ones(1, np.float32)}
    arrays["turned"] = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    metadata = {"format": "chainrule", "version": "1"}
    write(tmp_path / "a", Contents(metadata, {**arrays, "e:mpty": np.zeros((0, 2), np.int64)}))
    header = read_header(tmp_path / "a")
    assert list(header.tensors) == ["a", "e:mpty", "turned", "c", "b"]
    assert len(header.raw) % 8 == 0
    contents = read(tmp_path / "a")
    for name, array in arrays.items():
        assert contents.tensors[name].dtype == array.dtype
        assert (contents.tensors[name] == array).all()
        assert not contents.tensors[name].flags.writeable
    assert contents.tensors["e:mpty"].shape == (0, 2)


@pytest.mark.parametrize(
    "name", ["", "a..b", "a/b", ":x", "a b:c", "..:x", "x\n", "__x__", "s:__x__", "x" * 513], ids=ascii
)
def test_an_array_with_a_bad_name_is_not_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="an array named"):
        write(tmp_path / "a", Contents({"format": "chainrule", "version": "1"}, {name: np.zeros(1)}))
    assert os.listdir(tmp_path) == []


def test_a_checkpoint_with_more_in_it_is_a_model_file_too(tmp_path: Path) -> None:
    network = around(Tanh())
    learn(network)
    model = contents_of(network)
    extra = Contents(
        {**model.metadata, "training": '{"epoch":3}'},
        {**model.tensors, "training:best.dense_1.weights": np.zeros((3, 4), np.float32)},
    )
    write(tmp_path / "a", extra)
    again = read(tmp_path / "a")
    assert again.metadata["training"] == '{"epoch":3}'
    assert "training:best.dense_1.weights" in again.tensors
    assert same_bytes(network_from(again), network)
    assert same_bytes(load(tmp_path / "a"), network)


def test_a_large_state_and_a_network_of_many_layers_come_back(tmp_path: Path) -> None:
    network = Network([Dense(2, inputs=3), *[ReLU() for _ in range(500)]])
    save(network, tmp_path / "a")
    assert same_bytes(load(tmp_path / "a"), network)


class Slope(Layer):
    def __init__(self, table: Any) -> None:
        self.table = table

    def forward(self, x: Any) -> Any:
        return x


class Named(Slope):
    """A layer that doesn't look at its name."""

    def __init__(self, name: str) -> None:
        self.name = name


UNSAVABLE = {
    "a function": (lambda: around(Activation(np.sin, np.cos)), r"layers\[1\].*class MyActivation"),
    "a loss of functions": (
        lambda: around(loss=ops.Loss(lambda p, t: ((p - t) ** 2).mean(), lambda p, t: 2 * (p - t) / p.size)),
        "loss.*class MyLoss",
    ),
    "an array": (lambda: around(Slope(np.ones(3))), r"layers\[1\].table.*ndarray"),
    "half a character": (lambda: around(classes=("\ud800", "b")), "Unicode"),
    "a section in a name": (lambda: around(Named("optimizer:m")), "optimizer:m"),
    "a slash in a name": (lambda: around(Named("a/b")), "slashes"),
    "a name with underscores": (lambda: around(Named("__metadata__")), "underscores"),
    "a name that is too long": (lambda: around(Dense(4, name="x" * 600)), "too long"),
    "a large setting": (lambda: around(Slope(tuple(range(200_000)))), "description of .* characters"),
}


@pytest.mark.parametrize(("make", "message"), UNSAVABLE.values(), ids=UNSAVABLE)
def test_what_cannot_be_saved_is_refused_before_anything_is_written(make: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(InputError, match=message) as caught:
        save(make(), tmp_path / "a")
    assert caught.value.where.startswith("save")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize("case", UNSAVABLE)
def test_the_check_before_training_needs_no_numbers(case: str) -> None:
    make, message = UNSAVABLE[case]
    with pytest.raises(InputError, match=message):
        check_savable(make(), where="train")
    check_savable(Network([Dense(3)]))


def test_only_networks_are_saved_and_only_built_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a cr\.Network"):
        save(Dense(3), tmp_path / "a")
    with pytest.raises(MisuseError, match="not built"):
        save(Network([Dense(3)]), tmp_path / "a")
    with pytest.raises(InputError, match="expected a path"):
        save(around(), 3)
    assert os.listdir(tmp_path) == []


def test_a_class_of_ones_own_must_be_passed(tmp_path: Path) -> None:
    save(around(Gain()), tmp_path / "a")
    with pytest.raises(FileError, match=r"layers\[1\].*'Gain'.*custom=\{'Gain': Gain\}"):
        load(tmp_path / "a")
    with pytest.raises(InputError, match=r"custom.*does not use"):
        load(tmp_path / "a", custom={"Dense": Gain})


class Other(Layer):
    """A class of the same name may have become another since."""

    def __init__(self, start: float = 1.0) -> None:
        self.start = start

    def build(self, shape: tuple[int, ...]) -> None:
        self.gain = self.parameter("gain", (*shape, 2))

    def forward(self, x: Any) -> Any:
        return x * self.gain[:, 0]


class Failing(Other):
    def build(self, shape: tuple[int, ...]) -> None:
        raise KeyError("gone")


@pytest.mark.parametrize(("kind", "message"), [(Other, "gain"), (Failing, "KeyError")])
def test_a_class_that_has_changed_since_is_one_error(kind: type, message: str, tmp_path: Path) -> None:
    save(around(Gain()), tmp_path / "a")
    with pytest.raises(FileError, match=message):
        load(tmp_path / "a", custom={"Gain": kind})
