"""The parameters of an estimator, checked when it is fitted, as scikit-learn's conventions want it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, nearest
from chainrule.ops import (
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    Identity,
    LeakyReLU,
    Mish,
    Op,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
)

ACTIVATIONS: dict[str, type[Op]] = {
    "identity": Identity,
    "logistic": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "silu": SiLU,
    "softplus": Softplus,
    "hard_sigmoid": HardSigmoid,
    "softsign": Softsign,
    "selu": SELU,
    "mish": Mish,
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

    one_of("solver", "lbfgs", *STOCHASTIC)
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


def refuse_with_lbfgs(where: str, estimator: Any, rates: tuple[float, ...], has_validation: bool) -> None:
    """Raise if something is asked for that needs epochs, or a loss that is the same at each call."""
    for name, asked in (
        ("dropout", any(rates)),
        ("callbacks", bool(estimator.callbacks)),
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
