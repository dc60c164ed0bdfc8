"""Keywords that nobody takes: one error, a TypeError too, that says which it is, or where it belongs."""

from __future__ import annotations

import importlib
import inspect
import pickle
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError

X, Y = np.zeros((4, 3), np.float32), np.zeros((4, 1), np.float32)


def network() -> cr.Network:
    return cr.Network([cr.Dense(1, inputs=3)])


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "train device": (lambda: cr.train(network(), X, Y, device="cuda"), r"runs on the processor"),
    "Network verbose": (lambda: cr.Network([cr.Dense(1)], verbose=1), r"^Network: got verbose=1.*belongs to training"),
    "train lr": (lambda: cr.train(network(), X, Y, lr=0.1), r"cr.Adam\(learning_rate=0.01\)"),
    "train learning_rate": (lambda: cr.train(network(), X, Y, learning_rate=0.1), r"belongs to the optimizer"),
    "train n_epochs": (lambda: cr.train(network(), X, Y, n_epochs=3), r"Write epochs=…"),
    "train optimizer": (lambda: cr.train(network(), X, Y, optimizer="adam"), r"belongs to the network"),
    "train patience": (lambda: cr.train(network(), X, Y, patience=3), r"EarlyStopping\(patience"),
    "train val_data": (lambda: cr.train(network(), X, Y, val_data=(X, Y)), r"Write validation_data=…"),
    "train shufle": (lambda: cr.train(network(), X, Y, shufle=True), r"Did you mean 'shuffle'"),
    "Dense outputs": (lambda: cr.Dense(outputs=3), r"Write units=…"),
    "Dense bias": (lambda: cr.Dense(3, bias=False), r"Write use_bias=…"),
    "Dense input_dim": (lambda: cr.Dense(3, input_dim=2), r"Write inputs=…"),
    "Tanh": (lambda: cr.Tanh(alpha=1), r"^Tanh: got alpha=1, but expected no keywords"),
    "ReLU": (lambda: cr.ReLU(inplace=True), r"^ReLU: got inplace=True"),
    "LeakyReLU": (lambda: cr.LeakyReLU(slop=0.1), r"Did you mean 'slope'"),
    "Dropout": (lambda: cr.Dropout(p=0.3), r"Write rate=…"),
    "Network activation": (lambda: cr.Network([cr.Dense(1)], activation="relu"), r"^Network: .*Dense\(8, activation="),
    "Network lr": (lambda: cr.Network([cr.Dense(1)], lr=0.1), r"cr.Adam\(learning_rate"),
    "Network epochs": (lambda: cr.Network([cr.Dense(1)], epochs=3), r"cr.train\(network, X, y, epochs"),
    "Network metrics": (lambda: cr.Network([cr.Dense(1)], metrics=["accuracy"]), r"belong to training"),
    "Network.copy": (lambda: network().copy(lr=1), r"^Network.copy: got lr=1"),
    "Adam lr": (lambda: cr.Adam(lr=0.1), r"^Adam: got lr=0.1.*Write learning_rate=…"),
    "Adam beta1": (lambda: cr.Adam(beta1=0.9), r"Write beta_1=…"),
    "Adam momentum": (lambda: cr.Adam(momentum=0.9), r"belongs to cr.SGD"),
    "SGD eps": (lambda: cr.SGD(0.1, eps=1e-8), r"^SGD: got eps=1e-08"),
    "MeanSquaredError": (lambda: cr.MeanSquaredError(reduction="sum"), r"expected no keywords"),
    "Rescale": (lambda: cr.Rescale(mean=0), r"^Rescale: got mean=0"),
    "EarlyStopping": (lambda: cr.EarlyStopping(min_delta=0), r"^EarlyStopping: got min_delta=0"),
    "predict": (lambda: cr.predict(network(), X, batch=3), r"^predict: got batch=3.*Write batch_size=…"),
    "evaluate": (lambda: cr.evaluate(network(), X, Y, verbose=0), r"^evaluate: got verbose=0"),
    "save": (lambda: cr.save(network(), "a.safetensors", overwrite=True), r"^save: got overwrite=True"),
    "load": (lambda: cr.load("a.safetensors", compile=False), r"^load: got compile=False"),
    "data": (lambda: cr.data.moons(n_samples=3), r"^moons: got n_samples=3.*Write samples=…"),
    "Graph": (lambda: cr.Graph(cr.Input("x", 1.0), inputs=1), r"^Graph: got inputs=1"),
    "Input": (lambda: cr.Input("x", 1.0, requires_grad=True), r"^Input: got requires_grad=True"),
    "Parameter": (lambda: cr.Parameter("w", 1.0, trainable=True), r"^Parameter: got trainable=True"),
    "node function": (lambda: cr.tanh(zz=1), r"^tanh: got zz=…"),
    "Training": (lambda: cr.training.Training(network(), X, Y, lr=1), r"^Training: got lr=1.*belongs to the optimizer"),
    "derivative": (lambda: cr.derivative(cr.Input("x", 1.0), cr.Input("x", 1.0), wrt=1), r"^derivative: got wrt=1"),
    "gradients": (lambda: cr.check_gradients(cr.Parameter("w", 1.0) * 2.0, eps=1), r"got eps=1"),
    "source": (lambda: cr.source(network().graph(), batch=3), r"^source: got batch=3"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_an_unknown_keyword_is_refused_with_the_right_one(case: str) -> None:
    call, words = WRONG[case]
    with pytest.raises(ArgumentError, match=words) as told:
        call()
    assert isinstance(told.value, TypeError)
    assert isinstance(told.value, ValueError)
    assert told.value.cause == "argument.unknown"


ROOMS = ("chainrule", "chainrule.data", "chainrule.files", "chainrule.graph", "chainrule.plot", "chainrule.recipes",
         "chainrule.training", "chainrule.explain", "chainrule.onnx", "chainrule.numpy_page",
         "chainrule.torch", "chainrule.tensorboard")  # fmt: skip


def public_functions() -> dict[str, Any]:
    found = {}
    for room in ROOMS:
        module = importlib.import_module(room)
        names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
        for name in [*names, *getattr(module, "_LATER", ())]:
            value = getattr(module, name)
            if isinstance(value, types.FunctionType) and value.__module__.startswith(room) and value.__doc__:
                found[f"{value.__module__}.{name}"] = value
    return found


#: Insides, metrics, and those that take any keyword.
OTHERS = ("chainrule.files.", "chainrule.training.metrics.", "chainrule.graph.", "chainrule.gradcheck.checking.check")


@pytest.mark.parametrize("name", sorted(name for name in public_functions() if not name.startswith(OTHERS)))
def test_every_public_function_refuses_what_it_does_not_take(name: str) -> None:
    function = public_functions()[name]
    with pytest.raises(ArgumentError, match="zzz"):
        function(zzz=1)


def test_a_public_function_is_what_it_was() -> None:
    assert pickle.loads(pickle.dumps(cr.predict)) is cr.predict
    assert list(inspect.signature(cr.predict).parameters) == ["network", "X", "batch_size", "samples", "seed"]
    assert cr.predict.__doc__
    with pytest.raises(ArgumentError, match=r"^predict: got no X, but expected it: predict\(network, X, …\). Pass X=…"):
        cr.predict(network())


def test_an_error_of_the_same_kind_from_inside_is_let_through() -> None:
    def metric(prediction: Any, target: Any) -> float:
        return len(3)

    with pytest.raises(TypeError, match="has no len"):
        cr.train(network(), X, Y, epochs=1, metrics=metric)


class Mine(cr.Layer):
    def __init__(self, width: int = 3) -> None:
        self.width = width

    def forward(self, x: cr.Node) -> cr.Node:
        return x * 1.0


def test_a_users_own_part_refuses_too() -> None:
    with pytest.raises(ArgumentError, match=r"^Mine: got widht=4.*Did you mean 'width'"):
        Mine(widht=4)
