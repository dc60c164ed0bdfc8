"""The network that an estimator describes, with the starting weights and penalties that scikit-learn has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import InputError
from chainrule.nn import Dense, Dropout, Network, Uniform
from chainrule.nn.layer import LayerLike
from chainrule.ops import Exp, HalfSquaredError, Loss, Op, Sigmoid, Softmax
from chainrule.ops.op import Array
from chainrule.optim import SGD, Adam, Optimizer
from chainrule.sklearn.settings import ACTIVATIONS, Architecture


def poisson_deviance(prediction: Array, target: Array) -> Array:
    """Return half the Poisson deviance of each sample: Σ target · log(target / prediction) − target + prediction."""
    surprise = np.where(target == 0, 0, target * np.log(np.where(target == 0, 1, target) / prediction))
    total: Array = (surprise - target + prediction).sum(axis=1)
    return total


def poisson_derivative(prediction: Array, target: Array) -> Array:
    """Return its derivative by the prediction: 1 − target / prediction."""
    return 1 - target / prediction


# What follows the last weighted sum, and the loss; None is the cross-entropy that suits it.
HEADS: dict[str, tuple[type[Op] | None, Op | None]] = {
    "binary": (Sigmoid, None),
    "multilabel": (Sigmoid, None),
    "multiclass": (Softmax, None),
    "squared_error": (None, HalfSquaredError()),
    "poisson": (Exp, Loss(poisson_deviance, poisson_derivative, per_sample=True)),
}
OUT_ACTIVATIONS = {
    "binary": "logistic",
    "multilabel": "logistic",
    "multiclass": "softmax",
    "squared_error": "identity",
    "poisson": "exp",
}


def build_network(
    made_of: Architecture,
    head: str,
    optimizer: Optimizer,
    *,
    features: int,
    outputs: int,
    l2: float,
    classes: Sequence[str] | None,
    seed: int,
    dtype: str,
    compiled: bool,
) -> Network:
    """Return a new network.

    Weights and biases start evenly spread over ±√(factor / (inputs + outputs)), with the factor 6, or 2 around a
    logistic activation: Glorot's rule, as scikit-learn has it.
    """
    layers: list[LayerLike] = []
    inputs, factor = features, 6
    for size, activation, rate in zip(made_of.sizes, made_of.activations, made_of.dropout):
        factor = 2 if activation == "logistic" else 6
        layers.append(_dense(inputs, size, factor))
        if isinstance(activation, Op):
            layers.append(activation)
        elif activation != "identity":
            layers.append(ACTIVATIONS[activation]())
        if rate:
            layers.append(Dropout(rate))
        inputs = size
    layers.append(_dense(inputs, outputs, factor))
    last, loss = HEADS[head]
    if last is not None:
        layers.append(last())
    settings: dict[str, Any] = {"l2": l2, "inputs": features, "classes": classes, "seed": seed, "dtype": dtype}
    return Network(layers, loss, optimizer, engine="compiled" if compiled else "replay", **settings)


def build_optimizer(estimator: Any) -> Optimizer:
    """Return the optimizer an estimator describes; with L-BFGS one that is never asked for a step."""
    rate = float(estimator.learning_rate_init)
    if estimator.solver == "adam":
        return Adam(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon)
    if estimator.solver == "sgd" and estimator.momentum:
        return SGD(rate, estimator.momentum, bool(estimator.nesterovs_momentum))
    return SGD(rate)


def carry_over(old: Network, new: Network, where: str) -> None:
    """Let a network go on from where another one with the same layers is.

    The optimizer's moments go along if it is of the same kind; else they start anew.
    """
    if [layer.outputs for layer in dense_layers(old)] != [layer.outputs for layer in dense_layers(new)]:
        raise InputError(
            where,
            given=f"layers of {[layer.outputs for layer in dense_layers(new)]} neurons",
            expected=f"{[layer.outputs for layer in dense_layers(old)]}, as in the fit before, to go on from there",
            fix="Leave hidden_layer_sizes as they are, or pass warm_start=False",
        )
    state = old.snapshot()
    fresh = new.optimizer_state.arrays()
    if type(old.optimizer) is type(new.optimizer) and fresh.keys() == state["optimizer"].keys():
        state["optimizer"] = {name: array.astype(new.dtype) for name, array in state["optimizer"].items()}
    else:
        state["optimizer"], state["steps"] = fresh, 0
    new.restore(state)


def dense_layers(network: Network) -> list[Dense]:
    """Return the layers that hold weights, from the first to the last."""
    return [layer for layer in network.layers if isinstance(layer, Dense)]


def _dense(inputs: int, outputs: int, factor: int) -> Dense:
    bound = math.sqrt(factor / (inputs + outputs))
    return Dense(inputs, outputs, initializer=Uniform(-bound, bound), bias_initializer=Uniform(-bound, bound))
