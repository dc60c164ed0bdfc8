"""The founding documents' systems and ours: the same program to the last bit, the same plateau, the same curves."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import pairwise
from statistics import mean
from typing import Any

import numpy as np

from claims.figure import Figure, Options, all_of, at_most, percent, stated


def document_1(options: Options) -> Iterator[Figure]:
    """Run the first document's program and the recipe `xor-document` from the same starts."""
    from tests.recipes.document_1 import from_the_same_start, run

    count, compared, equal = options.count(240, 20), options.count(20, 5), 0
    theirs, ours = [], []
    for seed in range(count):
        program = run(np.random.default_rng(seed))
        parameters, error = from_the_same_start(program)
        theirs.append(program.error)
        ours.append(error)
        if seed < compared:
            arrays = zip(parameters, program.end, strict=True)
            equal += error == program.error and all(np.array_equal(a, b) for a, b in arrays)
    yield all_of("document 1 and xor-document: starts that end equal to the last bit", equal, compared)
    reach = [sum(error < 2.5e-4 for error in errors) / count for errors in (theirs, ours)]
    note = f" ({percent(reach[0])} and {percent(reach[1])} of {count})"
    yield at_most("their shares of starts that reach 0.00025: apart by", abs(reach[0] - reach[1]), 0.03, percent, note)
    stuck = sum(error > 0.05 for error in ours)
    yield stated("xor-document: starts that end above 0.05, stuck", f"{stuck} of {count}", stuck / count)
    yield stated("xor-document: last error, median", f"{np.median(ours):.5f}", float(np.median(ours)))


def plateau(options: Options) -> Iterator[Figure]:
    """Train `mse-at-1e-3`, and see whether it ends by always answering 1, as the document's did."""
    from chainrule.recipes.reproduce import reproduce

    with tempfile.TemporaryDirectory() as folder:
        runs = reproduce("mse-at-1e-3", seeds=options.count(5, 2), out=folder).runs
    errors = [float(record.history.epochs[-1].metrics["validation_error_rate"]) for record in runs]
    note = f" ({', '.join(map(percent, errors))})"
    far = max(abs(error - 0.8865) for error in errors)
    yield at_most("mse-at-1e-3: error after 30 epochs, off 88.65 % on any seed", far, 0.002, percent, note)


def l2_slip(options: Options) -> Iterator[Figure]:
    """Train the network of try1ofmse in plain NumPy, with α w in the derivative, and with α w² as the diary has it."""
    for slip, said in ((False, "α w"), (True, "α w², literally")):
        errors = [_sixty_epochs(seed, slip) for seed in range(options.count(3, 1))]
        note = f"{percent(mean(errors))} ({', '.join(map(percent, errors))}; the document 38.62 %)"
        yield stated(f"try1ofmse after 60 epochs with {said} in the derivative: error", note, mean(errors))


def _sixty_epochs(seed: int, slip: bool) -> float:
    """Return the validation error of 784-16-16-10, sigmoids and squared error, after 60 epochs at 1e-2, L2 1e-3."""
    import chainrule as cr

    generator = np.random.default_rng(seed)
    (X, y), (X_test, y_test) = cr.data.mnist("train"), cr.data.mnist("test")
    X, X_test, Y = X / np.float32(255), X_test / np.float32(255), np.eye(10, dtype="float32")[y]
    sizes = list(pairwise((784, 16, 16, 10)))
    W = [np.float32(generator.uniform(-1, 1, size) * (6 / sum(size)) ** 0.5) for size in sizes]
    b = [np.float32(generator.normal(size=outputs)) for _, outputs in sizes]

    def forward(x: Any) -> list[Any]:
        a = [x]
        for weights, bias in zip(W, b, strict=True):
            a.append(1 / (1 + np.exp(-(a[-1] @ weights + bias))))
        return a

    for _ in range(60):
        order = generator.permutation(len(X))
        for start in range(0, len(X), 64):
            rows = order[start : start + 64]
            a = forward(X[rows])
            d = (2 / len(rows)) * (a[3] - Y[rows]) * a[3] * (1 - a[3])
            for layer in (2, 1, 0):
                penalty = W[layer] * W[layer] if slip else W[layer]
                dW, db = a[layer].T @ d + np.float32(1e-3) * penalty, d.sum(axis=0)
                d = (d @ W[layer].T) * a[layer] * (1 - a[layer])
                W[layer] -= np.float32(1e-2) * dW
                b[layer] -= np.float32(1e-2) * db
    return float((forward(X_test)[3].argmax(axis=1) != y_test).mean())


def founding(options: Options) -> Iterator[Figure]:
    """Run the founding experiments; count the figures in the band of our seeds, and those that our choices reach."""
    from chainrule.recipes.reproduce import Curve, experiments, reproduce

    with tempfile.TemporaryDirectory() as folder:
        for name, experiment in experiments().items():
            if options.quick and name in ("best_attempt_97p", "xor-document"):
                yield Figure(f"the same curve: {name}", "", "left out by --quick")
                continue
            quick = {"seeds": 2, "epochs": 20} if options.quick and isinstance(experiment, Curve) else {}
            found = reproduce(name, out=folder, **quick)
            note = f"{found.met} of {found.count} in the band of {len(found.runs)} seeds"
            if isinstance(experiment, Curve):
                yield stated(f"the same curve: {name}", note, found.met / max(found.count, 1))
            else:
                yield all_of(f"better with our own choice: {name}", found.met, found.count)
