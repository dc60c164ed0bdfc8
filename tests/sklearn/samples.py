"""Small sets that the tests of the estimators share."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits, load_iris

from chainrule.sklearn import MLPClassifier, MLPRegressor


def numbers(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def digits(classes: int = 3, count: int = 200) -> tuple[Any, Any]:
    X, y = load_digits(n_class=classes, return_X_y=True)
    return X[:count] / 16, y[:count]


def iris() -> tuple[Any, Any]:
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def several_labels() -> tuple[Any, Any]:
    X = numbers((120, 5))
    return X, (X[:, :3] + X[:, 1:4] > 0).astype(int)


def quantities(outputs: int = 1) -> tuple[Any, Any]:
    X = numbers((120, 5))
    y = np.stack([np.sin(X[:, i]) + X[:, i + 1] for i in range(outputs)], axis=1)
    return X, y[:, 0] if outputs == 1 else y


def counts() -> tuple[Any, Any]:
    X = np.random.default_rng(0).uniform(size=(120, 3))
    return X, np.random.default_rng(1).poisson(np.exp(X @ [1.0, 0.5, -0.5]))


TASKS: dict[str, tuple[type, Any]] = {
    "two classes": (MLPClassifier, lambda: digits(2, 120)),
    "three classes": (MLPClassifier, lambda: digits(3, 120)),
    "several labels": (MLPClassifier, several_labels),
    "a quantity": (MLPRegressor, quantities),
    "three quantities": (MLPRegressor, lambda: quantities(3)),
}


def same_network(one: Any, other: Any) -> bool:
    """Return whether two estimators have the same weights, to the bit."""
    return one.network_.parameters.tobytes() == other.network_.parameters.tobytes()
