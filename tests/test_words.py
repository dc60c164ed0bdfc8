"""Other libraries' words: parts by name, in any spelling, wherever a part goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.nn import He
from chainrule.nn.initializers import as_initializer
from chainrule.nn.layer import as_activation
from chainrule.nn.objective import as_loss
from chainrule.optim import as_optimizer

X, Y = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3), np.array([0, 1, 2, 1])

LOSSES = {
    "mse": "MeanSquaredError()",
    "MeanSquaredError": "MeanSquaredError()",
    "mean_squared_error": "MeanSquaredError()",
    "mae": "MeanAbsoluteError()",
    "huber": "Huber()",
    "smooth_l1": "Huber()",
    "sparse_categorical_crossentropy": "CategoricalCrossEntropy()",
    "binary_crossentropy": "BinaryCrossEntropy()",
    "BCEWithLogitsLoss": "SigmoidBinaryCrossEntropy()",
    "CrossEntropyLoss": "SoftmaxCrossEntropy()",
    "log_loss": "SoftmaxCrossEntropy()",
}
ACTIVATIONS = {
    "relu": "ReLU()",
    "ReLU": "ReLU()",
    "leaky-relu": "LeakyReLU()",
    "logistic": "Sigmoid()",
    "swish": "SiLU()",
    "linear": "Identity()",
    "log_softmax": "LogSoftmax()",
    "hardtanh": "Clip(low=-1.0, high=1.0)",
}
OPTIMIZERS = {"adam": "Adam()", "rmsprop": "RMSProp()", "SGD": "SGD()", "adamW": "AdamW()", "momentum": "momentum=0.9"}
INITIALIZERS = {
    "he_normal": "He()",
    "kaiming_uniform": "He(distribution='uniform')",
    "glorot_uniform": "Glorot()",
    "xavier_normal": "Glorot(distribution='normal')",
    "zeros": "Zeros()",
    "ones": "Constant(value=1.0)",
    "orthogonal": "Orthogonal()",
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_by_name(name: str) -> None:
    assert repr(as_loss([], name)) == LOSSES[name]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_by_name(name: str) -> None:
    assert repr(as_activation("test", name)) == ACTIVATIONS[name]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_by_name(name: str) -> None:
    assert OPTIMIZERS[name] in repr(as_optimizer("test", name))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_an_initializer_by_name(name: str) -> None:
    assert repr(as_initializer("test", name)) == INITIALIZERS[name]


def test_cross_entropy_by_name_is_that_which_suits_the_last_layer() -> None:
    ends: dict[str, Any] = {"CategoricalCrossEntropy()": "softmax", "BinaryCrossEntropy()": "sigmoid"}
    for loss, end in ends.items():
        assert repr(cr.Network([cr.Dense(3, end)], "cross_entropy").loss) == loss
    assert repr(cr.Network([cr.Dense(3)], "cross_entropy").loss) == "SoftmaxCrossEntropy()"


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
@pytest.mark.parametrize("end", ["softmax", "sigmoid", "tanh"])
def test_an_activation_inside_a_layer_is_the_layer_after_it(engine: str, end: str) -> None:
    loss = "mse" if end == "tanh" else "cross_entropy"
    inside = [cr.Dense(4, "relu", inputs=3), cr.Dense(3, end)]
    behind = [cr.Dense(4, inputs=3), cr.ReLU(), cr.Dense(3), end]
    networks = [cr.Network(layers, loss, "adam", engine=engine) for layers in (inside, behind)]
    target = np.eye(3)[Y]
    histories = [cr.train(network, X, target, epochs=5, batch_size=2) for network in networks]
    one, other = networks
    assert repr(one.objective) == repr(other.objective)
    assert one.parameters.tobytes() == other.parameters.tobytes()
    assert histories[0]["loss"] == histories[1]["loss"]
    assert cr.predict(one, X).tobytes() == cr.predict(other, X).tobytes()
    assert repr(one.copy().layers) == repr(one.layers)


def test_the_network_inside_a_network_is_trained_on_logits_too() -> None:
    plain = cr.Network([cr.Dense(4, inputs=3), cr.Dense(3), cr.Softmax()])
    nested = cr.Network([cr.Dense(4, inputs=3), cr.Network([cr.Dense(3), cr.Softmax()])], "cross_entropy")
    assert nested.objective.fused
    nested.parameters[:] = plain.parameters
    assert nested.compute_loss(X * 1e3, Y) == plain.compute_loss(X * 1e3, Y)
    with_dropout = cr.Network([cr.Dense(3, "softmax", inputs=3), cr.Dropout(0.5)], "cross_entropy")
    assert not with_dropout.objective.fused


def test_a_dense_layer_starts_as_its_own_activation_wants() -> None:
    wide = cr.Network([cr.Dense(500, "relu", inputs=400), cr.Dense(1)]).layers[0].weights.value.std()
    assert wide == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    given = cr.Dense(3, "tanh", initializer="he_uniform")
    assert repr(given) == "Dense(3, activation=Tanh(), initializer=He(distribution='uniform'))"
    assert isinstance(given.initializer, He)
