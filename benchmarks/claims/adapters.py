"""What goes out to other programs and comes in from them: how close it is, what is refused, what fitting costs.

Networks, estimators and hostile files are those of the tests. Closeness is told in shares of the tolerance
atol + rtol · |expected|: 1 is the bound.
"""

from __future__ import annotations

import json
import logging
import runpy
import tempfile
import time
import warnings
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from claims.figure import Figure, Options, Unavailable, all_of, at_least, at_most, small
from claims.tested import cases

FLOAT32, FLOAT64 = (1e-5, 1e-6), (1e-12, 1e-12)  # rtol, atol


def estimators(options: Options) -> Iterator[Figure]:
    """Run scikit-learn's checks of an estimator, and its own tests of its perceptrons with ours in their place."""
    needed("sklearn", "pandas", "polars")
    from tests.sklearn import test_checks

    for name in ("MLPClassifier", "MLPRegressor"):
        results = json.loads(test_checks.run("-c", test_checks.CHECKS, name).stdout.splitlines()[-1])
        passed = sum(status == "passed" for _, status, _ in results)
        yield all_of(f"check_estimator: {name}", passed, len(results), "all, none skipped")
    passed, failed = test_checks.their_own_tests()
    told = f"{passed} pass; {len(failed)} fail, for private attributes or wording"
    expected = failed == set(test_checks.EXPECTED_FAILURES)
    yield Figure("scikit-learn's test_mlp.py with our classes", "what fails is listed", told, expected, passed)


def fitting(options: Options) -> Iterator[Figure]:
    """Fit the same as scikit-learn, side by side: how good and how fast. One thread."""
    needed("sklearn")
    import sklearn_comparison as comparison
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    images = comparison.mnist()
    settings: dict[str, dict[str, Any]] = {
        "at its defaults": {},
        "batch 64, 784-200-100-10": {"hidden_layer_sizes": (200, 100), "batch_size": 64},
    }
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        seeds = options.count(10, 3)
        sets = [comparison.compare(name, data, range(seeds)) for name, data in comparison.data_sets().items()]
        count = options.count(10, 2)
        sets += [
            comparison.compare(f"MNIST {name}", lambda seed: images, range(count), max_iter=2, **told)
            for name, told in settings.items()
        ]
        for one in sets:
            told = f"{100 * one.gain:+.2f} % ± {100 * one.standard_error:.2f} %"
            name = f"accuracy beside scikit-learn: {one.name}, {len(one.differences())} seeds"
            yield Figure(name, "not worse by more than one standard error", told, one.not_worse, one.gain)
        for bound, (name, told_settings) in zip((1.5, 2), settings.items(), strict=True):
            ratio = at_best(comparison, images, told_settings, options.count(5, 2))
            yield at_least(f"fitting MNIST {name}: as fast as scikit-learn", ratio, bound, "{:.2f} x".format)
            if find_spec("numba") is not None:
                compiled = at_best(comparison, images, told_settings, options.count(5, 2), compiled=True)
                yield at_least(f"fitting MNIST {name}: the same, compiled", compiled, bound, "{:.2f} x".format)


def onnx_networks(options: Options) -> Iterator[Figure]:
    """Send random networks out, have them run by others, and take them in again."""
    needed("onnx", "onnxruntime")
    import onnx
    import onnxruntime

    import chainrule as cr
    import chainrule.onnx
    from tests.onnx.networks import random_network
    from tests.onnx.test_export import reference

    count = options.count(200, 20)
    worst = {"onnxruntime": 0.0, "back in": 0.0, "float64, reference evaluator": 0.0, "float64, back in": 0.0}
    checked = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        for seed in range(count):
            for dtype, bound in (("float32", FLOAT32), ("float64", FLOAT64)):
                network, x = random_network(seed, dtype)
                expected = cr.predict(network, x)
                chainrule.onnx.save(network, path)
                onnx.checker.check_model(onnx.load(path), full_check=True)
                checked += 1
                single = dtype == "float32"
                there = onnxruntime.InferenceSession(path) if single else reference(onnx, path)
                names = list(worst)[:2] if single else list(worst)[2:]
                for name, found in zip(
                    names, (there.run(None, {"input": x})[0], cr.predict(chainrule.onnx.load(path), x)), strict=True
                ):
                    worst[name] = max(worst[name], share(found, expected, *bound))
    yield all_of(f"ONNX, {count} random networks: full check", checked, 2 * count)
    for name, value in worst.items():
        yield of_tolerance(f"ONNX, {count} random networks: {name}", value)


def pytorch_networks(options: Options) -> Iterator[Figure]:
    """Take random networks of PyTorch's in: outputs, and the gradients of the loss."""
    needed("torch", "onnx", "onnxscript")
    import torch

    import chainrule as cr
    import chainrule.onnx
    from tests.onnx.test_import import compared, exported, random_mlp
    from tests.test_torch import random_pair

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # what else it could export is no news here

    def all_shares(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
        bound = FLOAT32 if pairs[0][0].dtype == np.float32 else FLOAT64
        return max(share(ours, theirs, *bound) for ours, theirs in pairs)

    count = options.count(50, 3)
    worst = {"safetensors": 0.0, "ONNX by its older exporter": 0.0, "ONNX by its newer exporter": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(count):
            dtype = ("float32", "float64")[seed % 2]
            model, path, activations, x, labels = random_pair(torch, seed, dtype, Path(folder))
            network = cr.torch.load(path, activations, loss=cr.SoftmaxCrossEntropy())
            found = all_shares(compared(torch, model, network, x, labels))
            worst["safetensors"] = max(worst["safetensors"], found)
            for name, dynamo in ((list(worst)[1], False), (list(worst)[2], True)):
                model, x, labels = random_mlp(torch, seed, dtype)
                path = exported(torch, model, x, Path(folder, "a.onnx"), dynamo)
                network = chainrule.onnx.load(path, loss=cr.SoftmaxCrossEntropy())
                worst[name] = max(worst[name], all_shares(compared(torch, model, network, x, labels)))
    for name, value in worst.items():
        yield of_tolerance(f"PyTorch, {count} MLPs in: {name}, outputs and gradients", value)


def models_of_others(options: Options) -> Iterator[Figure]:
    """Take in networks as others build and export them, see `tests.onnx.elsewhere`."""
    needed("torch", "onnx", "onnxruntime", "onnxscript", "skl2onnx", "sklearn")
    import onnx
    import onnxruntime
    import torch

    import chainrule as cr
    import chainrule.onnx
    from tests.onnx import elsewhere

    for name in ("torch.onnx", "torch.onnx._internal.exporter._registration"):
        logging.getLogger(name).setLevel(logging.ERROR)  # what else it could export is no news here
    older, newer = (partial(elsewhere.sent_by_pytorch, torch, dynamo) for dynamo in (False, True))
    theirs = list(elsewhere.of_pytorch(torch))
    both = set(theirs[:: options.count(1, 6)])  # the newer exporter takes seconds for each
    sent_by: dict[str, list[tuple[str, list[Any]]]] = {
        "PyTorch, both exporters": [(name, [older, newer] if name in both else [older]) for name in theirs],
        "scikit-learn": [(name, [elsewhere.sent_by_scikit_learn]) for name in elsewhere.of_scikit_learn()],
        "forms of Keras": [
            (name, [partial(elsewhere.sent_by_keras, onnx, onnxruntime)]) for name, *_ in elsewhere.of_keras(onnx)
        ],
    }
    worst, refused, well_refused = 0.0, 0, 0
    counts: dict[str, int] = {}
    for way, models in sent_by.items():
        for name, exporters in models:
            taken = 0
            for send in exporters:
                with tempfile.TemporaryDirectory() as folder:
                    sent = send(name, Path(folder))
                    try:
                        network = chainrule.onnx.load(sent.path)
                    except cr.ChainruleError as error:
                        refused += 1
                        well_refused += elsewhere.UNKNOWN.get(name, "nothing") in error.where and bool(error.fix)
                        continue
                    found = np.reshape(cr.predict(network, sent.x), sent.expected.shape)  # (n, 1) for (n,)
                    worst = max(worst, share(found, sent.expected, *FLOAT32))
                    taken += 1
            counts[way] = counts.get(way, 0) + (taken == len(exporters))
    total = sum(map(len, sent_by.values()))
    note = ": " + ", ".join(f"{way} {count} of {len(sent_by[way])}" for way, count in counts.items())
    name = f"ONNX of others, by default settings: of {total} models come in"
    yield at_least(name, sum(counts.values()), 0.95 * total, "{:.0f}".format, note)
    yield of_tolerance("ONNX of others: outputs", worst)
    yield all_of("ONNX of others: each refusal names the operator that has no layer here", well_refused, refused)


def wake_words(options: Options) -> Iterator[Figure]:
    """Take in the heads of the package openwakeword."""
    needed("onnxruntime", "openwakeword")
    import onnxruntime

    import chainrule as cr
    import chainrule.onnx
    from tests.onnx import elsewhere

    package = find_spec("openwakeword")
    assert package is not None
    assert package.origin is not None
    worst, taken = 0.0, 0
    for name in elsewhere.WAKE_WORDS:
        sent = elsewhere.sent_by_openwakeword(onnxruntime, Path(package.origin).parent, name)
        try:
            network = chainrule.onnx.load(sent.path)
        except cr.ChainruleError:
            continue
        worst = max(worst, share(cr.predict(network, sent.x), sent.expected, *FLOAT32))
        taken += 1
    name = "ONNX of openwakeword 0.4.0: of 6 heads come in"
    yield at_least(name, taken, 3, "{:.0f}".format, ": the others have layer norm, a condition, a recurrent layer")
    yield of_tolerance("ONNX of openwakeword: outputs", worst)


def numpy_pages(options: Options) -> Iterator[Figure]:
    """Write random networks out as pages of NumPy, and run these."""
    import chainrule as cr
    from tests.onnx.networks import random_network

    worst, count = 0.0, options.count(100, 20)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(count):
            network, x = random_network(seed)
            cr.numpy_page.save(network, Path(folder, "model.py"))
            found = runpy.run_path(str(Path(folder, "model.py")))["predict"](x)
            worst = max(worst, float(np.abs(found - cr.predict(network, x)).max(initial=0)))
    yield at_most(f"page of NumPy, {count} random networks: largest difference", worst, 1e-6, small)
    found = cases("needs_numpy_alone or passes_ruff", ["tests/test_numpy_page.py"])
    right = sum(passed for _, passed in found)
    yield all_of("page of NumPy: needs NumPy alone, passes ruff", right, len(found), note=" tests")


def hostile_onnx(options: Options) -> Iterator[Figure]:
    """Open files that are wrong, in a process that is watched."""
    found = cases("a_hostile_file_is_refused", ["tests/onnx"])
    yield all_of(
        "ONNX, hostile files: refused with one clear error", sum(passed for _, passed in found), len(found),
        "all, of 20 kinds or more",
    )  # fmt: skip


def at_best(comparison: Any, images: Any, settings: dict[str, Any], rounds: int, **ours: Any) -> float:
    """Return how many times faster than scikit-learn's our fit is, each at its best of some rounds.

    The first round of each is left out: it imports, and compiles. Times are of the processor, so that a machine that
    does other things says the same.
    """
    X, _, y, _ = images
    times: dict[str, list[float]] = {name: [] for name in comparison.CONTENDERS}
    for _ in range(rounds + 1):
        for name, kind in comparison.CONTENDERS.items():
            model = kind(random_state=0, max_iter=3, tol=0, **settings, **(ours if name == "chainrule" else {}))
            start = time.process_time()
            model.fit(X, y)
            times[name].append(time.process_time() - start)
    return min(times["scikit-learn"][1:]) / min(times["chainrule"][1:])


def share(found: Any, expected: Any, rtol: float, atol: float) -> float:
    """Return the largest difference as a share of what is tolerated there."""
    assert np.shape(found) == np.shape(expected)
    return float((np.abs(found - expected) / (atol + rtol * np.abs(expected))).max(initial=0))


def of_tolerance(name: str, value: float) -> Figure:
    return at_most(name, value, 1, "{:.2g} of the tolerance".format)


def needed(*packages: str) -> None:
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise Unavailable(f"{', '.join(missing)} not installed")
