"""chainrule's MLPClassifier beside scikit-learn's, same settings: how good, and how fast to fit.

    python benchmarks/sklearn_comparison.py --quick
    python benchmarks/sklearn_comparison.py --seeds 10

It needs the extra, ``pip install "chainrule[sklearn]"``. Run it with OPENBLAS_NUM_THREADS=1: threads that wait for each
other on a busy machine say nothing about either library.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn.neural_network
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import chainrule as cr
import chainrule.sklearn

CONTENDERS: dict[str, Callable[..., Any]] = {
    "chainrule": chainrule.sklearn.MLPClassifier,
    "scikit-learn": sklearn.neural_network.MLPClassifier,
}


@dataclass(frozen=True)
class Comparison:
    """Accuracies on one set, one a seed, and the mean time of a fit, by contender."""

    name: str
    accuracies: dict[str, list[float]]
    seconds: dict[str, float]

    @property
    def gain(self) -> float:
        """How much better chainrule's accuracy is, on average over seeds."""
        return float(np.mean(self.differences()))

    @property
    def standard_error(self) -> float:
        """The standard error of `gain`."""
        return float(np.std(self.differences(), ddof=1) / math.sqrt(len(self.differences())))

    @property
    def not_worse(self) -> bool:
        """Whether chainrule is not worse by more than one standard error."""
        return self.gain >= -self.standard_error - 1e-12  # where one seed alone differs, the two are the same number

    def differences(self) -> list[float]:
        """Return chainrule's accuracy minus scikit-learn's for each seed: both had the same split."""
        return [a - b for a, b in zip(self.accuracies["chainrule"], self.accuracies["scikit-learn"], strict=True)]


def data_sets() -> dict[str, Callable[[int], tuple[Any, Any, Any, Any]]]:
    """Return name -> function of a seed that returns X_train, X_test, y_train, y_test, scaled."""

    def split(load: Callable[[], tuple[Any, Any]]) -> Callable[[int], tuple[Any, Any, Any, Any]]:
        def of(seed: int) -> tuple[Any, Any, Any, Any]:
            X, y = load()
            X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
            scaler = StandardScaler().fit(X_train)
            return scaler.transform(X_train), scaler.transform(X_test), y_train, y_test

        return of

    def made() -> tuple[Any, Any]:
        return make_classification(1500, 30, n_informative=10, n_classes=4, flip_y=0.05, random_state=0)

    loaders: dict[str, Any] = {
        "iris": lambda: load_iris(return_X_y=True),
        "wine": lambda: load_wine(return_X_y=True),
        "breast cancer": lambda: load_breast_cancer(return_X_y=True),
        "digits": lambda: load_digits(return_X_y=True),
        "make_classification": made,
    }
    return {name: split(load) for name, load in loaders.items()}


def mnist(samples: int | None = None, test_samples: int | None = None) -> tuple[Any, Any, Any, Any]:
    """Return MNIST, or its beginning, as float32 from 0 to 1."""
    (X, y), (X_test, y_test) = cr.data.mnist("train"), cr.data.mnist("test")
    scale = np.float32(1 / 255)
    return X[:samples] * scale, X_test[:test_samples] * scale, y[:samples], y_test[:test_samples]


def compare(
    name: str, data: Callable[[int], tuple[Any, Any, Any, Any]], seeds: Iterable[int], **settings: Any
) -> Comparison:
    """Fit both with the same settings, seed by seed, side by side.

    Parameters
    ----------
    data : function of a seed
        Returns X_train, X_test, y_train, y_test.
    **settings
        Of both estimators.
    """
    accuracies: dict[str, list[float]] = {contender: [] for contender in CONTENDERS}
    seconds = dict.fromkeys(CONTENDERS, 0.0)
    count = 0
    for seed in seeds:
        X, X_test, y, y_test = data(seed)
        count += 1
        # Each has the first turn every other time: a machine that slows down does it to both.
        for contender in sorted(CONTENDERS, reverse=bool(count % 2)):
            model = CONTENDERS[contender](random_state=seed, **settings)
            start = time.perf_counter()
            model.fit(X, y)
            seconds[contender] += time.perf_counter() - start
            accuracies[contender].append(float(model.score(X_test, y_test)))
    return Comparison(name, accuracies, {contender: total / count for contender, total in seconds.items()})


def print_table(comparisons: list[Comparison]) -> None:
    """Print accuracies and times, a line a set."""
    print(f"{'':28} {'chainrule':>10} {'sklearn':>10} {'gain ± its error':>20}   {'s':>7} {'s':>7} {'faster':>7}")
    for c in comparisons:
        ours, theirs = (float(np.mean(c.accuracies[contender])) for contender in ("chainrule", "scikit-learn"))
        fast, slow = c.seconds["chainrule"], c.seconds["scikit-learn"]
        verdict = "" if c.not_worse else "  WORSE"
        print(
            f"{c.name:28} {ours:10.4f} {theirs:10.4f} {c.gain:+11.4f} ± {c.standard_error:.4f}   "
            f"{fast:7.2f} {slow:7.2f} {slow / fast:6.2f}x{verdict}"
        )


def main() -> None:
    """Compare what the options ask for."""
    parser = argparse.ArgumentParser(description="Compare chainrule's MLPClassifier with scikit-learn's.")
    parser.add_argument("--seeds", type=int, default=10, help="how many (10)")
    parser.add_argument("--quick", action="store_true", help="a part of MNIST, and few epochs")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    seeds = range(options.seeds)
    comparisons = [compare(name, data, seeds) for name, data in data_sets().items()]
    part, epochs = ((5000, 2000), 5) if options.quick else ((None, None), 10)
    images = mnist(*part)
    for name, settings in (
        ("batch 64, 200-100", {"hidden_layer_sizes": (200, 100), "batch_size": 64}),
        ("defaults", {}),
    ):
        label = f"MNIST, {name}, {epochs} epochs"
        comparisons.append(compare(label, lambda seed: images, seeds, max_iter=epochs, **settings))
    print_table(comparisons)


if __name__ == "__main__":
    main()
