"""What the built-in recipes learn, from many starts: each training is a process of the command line."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

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

#: What two hidden layers of 16 reached when this recipe was first described: validation error by epoch.
DESCRIBED = {10: 0.17, 20: 0.1225, 30: 0.1112, 40: 0.1033, 50: 0.0964, 60: 0.0916}


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


def xor_classic(options: Options) -> Iterator[Figure]:
    """Train XOR as textbooks begin with it: 2-3-1, tanh, squared error, a sample at a time."""
    count = options.count(100, 10)
    with tempfile.TemporaryDirectory() as folder:
        runs = [trained("xor-classic", seed, Path(folder), "--no-pictures")["train"] for seed in range(count)]
    errors = [run["mean_squared_error"] for run in runs]
    right = [run["error_rate"] == 0 for run in runs]
    success = sum(r and e <= 2.5e-4 for r, e in zip(right, errors, strict=True))
    for what, reached in {
        "all four right": sum(right),
        "all four right, squared error <= 0.00025": success,
        "squared error > 0.05, stuck": sum(e > 0.05 for e in errors),
    }.items():
        yield stated(f"xor-classic: {what}", f"{reached} of {count}", reached / count)
    yield stated("xor-classic: squared error, median", f"{median(errors):.5f}", median(errors))


def mnist(options: Options) -> Iterator[Figure]:
    """Train the recipe `mnist`, whose test images are looked at once, at the end."""
    count = options.count(3, 1)
    errors, times = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(count):
            began = time.perf_counter()
            errors.append(trained("mnist", seed, Path(folder), "--no-pictures")["test"]["error_rate"])
            times.append(time.perf_counter() - began)
    note = f" ({', '.join(percent(error) for error in errors)})"
    yield at_most(f"mnist: test error, mean of {count}", mean(errors), 0.017, percent, note)
    yield at_most(f"mnist: time from the command line, mean of {count}", mean(times), 60, seconds)


def mnist_cross_entropy_16(options: Options) -> Iterator[Figure]:
    """Train two hidden layers of 16 at a constant rate, and look at the error on the way."""
    count, epochs = options.count(3, 1), options.count(60, 20)
    errors: list[dict[int, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(count):
            told = ("--no-pictures", "--epochs", str(epochs))
            run = Path(folder, trained("mnist-cross-entropy-16", seed, Path(folder), *told)["run"])
            lines = map(json.loads, (run / "log.jsonl").read_text("utf-8").splitlines())
            errors.append({line["epoch"]: line["error_rate"] for line in lines})
    for epoch, bound in DESCRIBED.items():
        name = f"mnist-cross-entropy-16: validation error at {epoch} epochs"
        if epoch > epochs:
            yield Figure(name, f"<= {percent(bound)}", "left out by --quick")
            continue
        reached = mean(found[epoch] for found in errors)
        yield at_most(f"{name}, mean of {count}", reached, bound, percent)
