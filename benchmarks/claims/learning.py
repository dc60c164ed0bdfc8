"""What the built-in recipes learn, from many starts: each training is a process of the command line."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from claims.figure import (
    Figure,
    Options,
    Unavailable,
    all_of,
    at_least,
    at_most,
    percent,
    seconds,
    small,
    stated,
    trained,
)


def xor(options: Options) -> Iterator[Figure]:
    """Train XOR from one start after the other."""
    count = options.count(100, 10)
    runs, times = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(count):
            began = time.perf_counter()
            runs.append(trained("xor", seed, Path(folder), "--no-pictures")["train"])
            times.append(time.perf_counter() - began)
    yield all_of("xor: starts from which all four answers are right", sum(r["error_rate"] == 0 for r in runs), count)
    yield at_least("xor: least probability given to the truth", min(r["min_confidence"] for r in runs), 0.992, percent)
    yield at_most("xor: largest mean squared error", max(r["mean_squared_error"] for r in runs), 2e-4, small)
    note = f" (mean {mean(times):.2f} s)"
    yield at_most("xor: slowest training, from the command line", max(times), 2, seconds, note)


def xor_pictures(options: Options) -> Iterator[Figure]:
    """Train XOR and draw its decision surface and its learning curve."""
    try:
        import matplotlib  # noqa: F401 -- asked for only to say why there are no pictures
    except ImportError:
        raise Unavailable("matplotlib is not installed") from None
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.count(10, 3)):
            began = time.perf_counter()
            pictures = trained("xor", seed, Path(folder))["pictures"]
            times.append(time.perf_counter() - began)
            assert len(pictures) == 2, f"pictures: {pictures}"
    yield at_most("xor with pictures: slowest", max(times), 4, seconds, f" (mean {mean(times):.2f} s)")


_PRICES = """
layers = "6-32-1"
loss = "MeanSquaredError"
epochs = 60
learning_rate = 0.01

[data]
file = "houses.csv"
target = "price"
task = "regression"
validation = 0.1
scale = "standard"
scale_target = "standard"
"""


def house_prices(options: Options) -> Iterator[Figure]:
    """Train on prices of about a million, in columns of different scales, by a recipe that scales both."""
    import numpy as np

    import chainrule as cr
    from chainrule.training.metrics import r2

    scores, linear, largest = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.count(10, 2)):
            X, y = _houses(np.random.default_rng(seed), 1500)
            rows = (",".join(f"{v:.12g}" for v in row) for row in np.column_stack([X, y])[:1000])
            names = "area,rooms,year,distance,income,crime,price"
            Path(folder, "houses.csv").write_text("\n".join([names, *rows]) + "\n", "utf-8")
            Path(folder, "houses.toml").write_text(_PRICES, "utf-8")
            run = trained("houses.toml", seed, Path(folder), "--no-pictures")["run"]
            network = cr.load(Path(folder, run, "best.safetensors"))
            answers = cr.predict(network, X[1000:])
            scores.append(r2(answers, y[1000:]))
            largest.append(float(np.median(answers)))
            plain = np.column_stack([X, np.ones(len(X))])
            weights = np.linalg.lstsq(plain[:1000], y[:1000], rcond=None)[0]
            linear.append(r2((plain[1000:] @ weights)[:, None], y[1000:]))
    note = f" (a linear model: {mean(linear):.3f}; median answer {mean(largest):,.0f})"
    yield at_least(f"house prices: least R² of {len(scores)} seeds", min(scores), 0.97, "{:.4f}".format, note)


def _houses(rng: Any, count: int) -> tuple[Any, Any]:
    """Return houses and their prices, of which columns of very different scales explain 99 % linearly."""
    import numpy as np

    X = np.column_stack(
        [
            rng.uniform(40, 300, count),
            rng.integers(1, 9, count),
            rng.integers(1900, 2024, count),
            rng.exponential(5000, count),
            rng.lognormal(10.5, 0.3, count),
            rng.beta(2, 20, count),
        ]
    )
    price = 4e5 + X @ [2000.0, 15000.0, 0.0, -6.0, 4.0, -4e5] + 1500 * (X[:, 2] - 1900)
    return X, price + rng.normal(0, 0.1 * price.std(), count)


def mnist(options: Options) -> Iterator[Figure]:
    """Train the recipe `mnist`, whose test images are looked at once, at the end."""
    yield from _of_test("mnist", options.count(3, 1), 0.017, 60)


def mnist_best(options: Options) -> Iterator[Figure]:
    """Train the recipe `mnist-best`, and the same on images that are left as they are."""
    if options.quick:
        yield Figure("mnist-best", "test error and time", "left out by --quick")
        return
    import msgspec

    from chainrule import recipes

    yield from _of_test("mnist-best", 3, 0.009, 600)
    plain = msgspec.structs.replace(recipes.load("mnist-best"), augment=None)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "plain.toml").write_text(recipes.to_toml(plain), "utf-8")
        error = trained("plain.toml", 0, Path(folder), "--no-pictures")["test"]["error_rate"]
    yield stated("mnist-best without augmentation: test error, seed 0", percent(error), error)


def _of_test(recipe: str, count: int, error: float, longest: float) -> Iterator[Figure]:
    """Train a recipe for so many seeds; yield its mean test error and its mean time."""
    errors, times = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(count):
            began = time.perf_counter()
            errors.append(trained(recipe, seed, Path(folder), "--no-pictures")["test"]["error_rate"])
            times.append(time.perf_counter() - began)
    note = f" ({', '.join(map(percent, errors))})"
    yield at_most(f"{recipe}: test error, mean of {count}", mean(errors), error, percent, note)
    yield at_most(f"{recipe}: time from the command line, mean of {count}", mean(times), longest, seconds)
