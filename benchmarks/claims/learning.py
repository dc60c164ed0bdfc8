"""What the built-in recipes learn, from many starts: each training is a process of the command line."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

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
