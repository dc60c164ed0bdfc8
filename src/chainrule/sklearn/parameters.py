"""The parameters of an estimator, checked as scikit-learn's conventions want it, and the network that they describe."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, nearest
from chainrule.nn import Dense, Dropout, Network, Uniform
from chainrule.nn.layer import LayerLike
from chainrule.ops import (
    Exp,
    HalfSquaredError,
    Loss,
    Op,
    Sigmoid,
    Softmax,
    activations,
    all_ops,
)
from chainrule.ops.op import Array
from chainrule.optim import SGD, Adam, Optimizer, Schedule

# Activations of one number at a time; scikit-learn calls the sigmoid by another name.
ACTIVATIONS: dict[str, type[Op]] = {
    "logistic" if name == "sigmoid" else name: kind
    for name, kind in all_ops().items()
    if kind.__module__ == activations.__name__
}
STOCHASTIC = ("sgd", "adam")


@dataclass(frozen=True)
class Architecture:
    """What the network is made of, one entry a hidden layer."""

    sizes: tuple[int, ...]
    activations: tuple[str | Op, ...]
    dropout: tuple[float, ...]


def architecture(where: str, hidden_layer_sizes: Any, activation: Any, dropout: Any) -> Architecture:
    """Return the hidden layers, each with its own size, activation and rate of dropout."""
    given = hidden_layer_sizes if isinstance(hidden_layer_sizes, Iterable) else [hidden_layer_sizes]
    sizes = tuple(checks.whole(f"{where} hidden_layer_sizes", size) for size in given)
    activations = _one_each(f"{where} activation", activation, len(sizes), (str, Op))
    rates = _one_each(f"{where} dropout", dropout, len(sizes), (int, float))
    return Architecture(
        sizes,
        tuple(_activation(f"{where} activation", one) for one in activations),
        tuple(checks.number(f"{where} dropout", rate, least=0, below=1, like=0.2) for rate in rates),
    )


def check_settings(where: str, estimator: Any) -> None:
    """Raise if a parameter that is a number, a flag or a name is not one that can be used."""

    def number(name: str, **limits: float) -> None:
        checks.number(f"{where} {name}", getattr(estimator, name), **limits)

    def whole(name: str) -> None:
        checks.whole(f"{where} {name}", getattr(estimator, name))

    def one_of(name: str, *known: str) -> None:
        checks.one_of(f"{where} {name}", getattr(estimator, name), known)

    if not isinstance(estimator.solver, Optimizer):
        one_of("solver", "lbfgs", *STOCHASTIC)
    if not isinstance(estimator.learning_rate, Schedule):
        one_of("learning_rate", "constant", "invscaling", "adaptive")
    one_of("dtype", "auto", "float32", "float64")
    if estimator.keep is not None:
        one_of("keep", "best", "last")
    number("alpha", least=0, like=1e-4)
    number("learning_rate_init", above=0, like=1e-3)
    number("power_t", least=0, like=0.5)
    number("tol", least=0, like=1e-4)
    number("momentum", least=0, below=1, like=0.9)
    number("validation_fraction", above=0, below=1, like=0.1)
    number("beta_1", least=0, below=1, like=0.9)
    number("beta_2", least=0, below=1, like=0.999)
    number("epsilon", above=0, like=1e-8)
    whole("max_iter")
    whole("max_fun")
    if estimator.n_iter_no_change != math.inf:
        whole("n_iter_no_change")
    if not isinstance(estimator.batch_size, str) or estimator.batch_size != "auto":
        whole("batch_size")
    for name in ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping", "compiled"):
        checks.instance(f"{where} {name}", getattr(estimator, name), (bool, np.bool_), "True or False")


# What an optimizer and a schedule of chainrule's say themselves, and scikit-learn's parameters that would say it too.
_OF_SCHEDULE = ("learning_rate_init", "power_t")
_OF_OPTIMIZER = ("learning_rate", *_OF_SCHEDULE, "momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon")


def expect_said_once(where: str, estimator: Any) -> None:
    """Raise if a parameter is given that an optimizer, or a schedule, says itself."""
    defaults = inspect.signature(type(estimator).__init__).parameters
    for part, names in ((estimator.solver, _OF_OPTIMIZER), (estimator.learning_rate, _OF_SCHEDULE)):
        for name in names if isinstance(part, (Optimizer, Schedule)) else ():
            value = getattr(estimator, name)
            if value is not defaults[name].default and value != defaults[name].default:
                raise InputError(
                    where,
                    given=f"{name}={value!r:.60} beside {part!r:.80}",
                    expected="each setting said once",
                    fix=f"Leave {name} out: write what you want into {type(part).__name__}(…)",
                )


def refuse_with_lbfgs(where: str, estimator: Any, rates: tuple[float, ...], has_validation: bool) -> None:
    """Raise if something is asked for that needs epochs, or a loss that is the same at each call."""
    for name, asked in (
        ("dropout", any(rates)),
        ("callbacks", bool(estimator.callbacks)),
        ("a schedule", isinstance(estimator.learning_rate, Schedule)),
        ("X_val", has_validation),
    ):
        if asked:
            raise InputError(
                where,
                given=f"{name} with solver='lbfgs'",
                expected="a solver that works in epochs and batches",
                fix=f"Pass solver='adam', or leave {name} out",
            )


def _one_each(where: str, given: Any, count: int, single: tuple[type, ...]) -> tuple[Any, ...]:
    """Return one thing as often as there are hidden layers, or a sequence that has one for each."""
    if isinstance(given, single) or not isinstance(given, Iterable):
        return (given,) * count
    each = tuple(given)
    if len(each) != count:
        raise InputError(
            where,
            given=f"{len(each)} of them",
            expected=f"one for all, or one for each of the {count} hidden layers",
            fix="Pass as many as there are hidden_layer_sizes",
        )
    return each


def _activation(where: str, given: Any) -> str | Op:
    if isinstance(given, Op) and len([role for role in given.roles if role not in given.optional]) == 1:
        return given
    if isinstance(given, str) and given in ACTIVATIONS:
        return given
    raise InputError(
        where,
        given=repr(given)[:80],
        expected="a name, or an op with one role such as cr.Activation(function, derivative)",
        fix=nearest(str(given), ACTIVATIONS),
    )


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
    "own loss": (None, None),
}
OUT_ACTIVATIONS = {
    "binary": "logistic",
    "multilabel": "logistic",
    "multiclass": "softmax",
    "squared_error": "identity",
    "poisson": "exp",
    "own loss": "identity",
}


def build_network(
    made_of: Architecture,
    head: str,
    loss: Op | None,
    optimizer: Optimizer,
    *,
    where: str,
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
    last, usual = HEADS[head]
    if last is not None and not (loss is not None and loss.roles[0] == "logits"):
        layers.append(last())
    settings: dict[str, Any] = {"l2": l2, "inputs": features, "classes": classes, "seed": seed, "dtype": dtype}
    try:
        network = Network(layers, loss or usual, optimizer, engine="compiled" if compiled else "replay", **settings)
    except InputError as error:
        if loss is None:
            raise
        raise InputError(
            f"{where} loss",
            given=error.given,
            expected=error.expected,
            fix="Pass another loss, or give chainrule.sklearn.Classifier or Regressor a network of your own",
        ) from error
    if loss is not None and loss.roles[0] == "logits" and head != "multiclass" and not network.objective.binary:
        raise InputError(
            f"{where} loss",
            given=f"{loss!r:.60}, which takes logits, for labels that are a yes or no each",
            expected="a loss on probabilities, or cr.SigmoidBinaryCrossEntropy()",
            fix="Write it for probabilities",
        )
    return network


def build_optimizer(estimator: Any) -> Optimizer:
    """Return the optimizer an estimator describes; with L-BFGS one that is never asked for a step."""
    if isinstance(estimator.solver, Optimizer):
        return type(estimator.solver)(**estimator.solver.settings())  # each network has its own
    rate: Any = float(estimator.learning_rate_init)
    if isinstance(estimator.learning_rate, Schedule):
        rate = estimator.learning_rate
    if estimator.solver == "adam":
        return Adam(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon)
    if estimator.solver == "sgd" and estimator.momentum:
        return SGD(rate, estimator.momentum, bool(estimator.nesterovs_momentum))
    return SGD(rate)


def carry_over(old: Network, new: Network, where: str) -> None:
    """Let a network go on from where another one with the same layers is.

    The optimizer's moments go along if it is of the same kind; else they start anew.
    """
    if [layer.units for layer in dense_layers(old)] != [layer.units for layer in dense_layers(new)]:
        raise InputError(
            where,
            given=f"layers of {[layer.units for layer in dense_layers(new)]} neurons",
            expected=f"{[layer.units for layer in dense_layers(old)]}, as in the fit before, to go on from there",
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
    return Dense(outputs, inputs=inputs, initializer=Uniform(-bound, bound), bias_initializer=Uniform(-bound, bound))
