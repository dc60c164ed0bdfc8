"""How right the derivatives are: the largest errors that the op suite sees, and the wrong derivatives it catches.

Cases, references and wrong derivatives are those of tests/ops. An error is relative to the element, and for elements
near 0 to a hundredth of the largest: what the suite compares with its bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from claims.figure import Figure, Options, all_of, at_most, small


def derivatives(options: Options) -> Iterator[Figure]:
    """Judge every op in every case."""
    from tests.ops.cases import CASES
    from tests.ops.checking import backward, cotangents, five_point, jacobian

    by_step, by_difference, of_products = 0.0, 0.0, 0.0
    for case in CASES:
        sent = cotangents(case)
        for role in case.roles:
            shape = case.arrays[role].shape
            for dy in sent:
                expected = (np.ravel(dy) @ jacobian(case, role)).reshape(shape)
                by_step = max(by_step, error(backward(case, dy)[role], expected))
            moved = (np.ravel(sent[0]) @ five_point(case, role)).reshape(shape)
            difference = error(backward(case, sent[0])[role], moved)
            if case.bilinear:
                of_products = max(of_products, difference)
            else:
                by_difference = max(by_difference, difference)
    count = f" ({len({type(case.op) for case in CASES})} ops, {len(CASES)} cases)"
    yield at_most("derivatives: worst error against complex step", by_step, 1e-9, small, count)
    yield at_most("derivatives: worst error against 5-point differences", by_difference, 1e-7, small)
    yield at_most("derivatives: the same, ops linear in each role", of_products, 1e-12, small)


def against_pytorch(options: Options) -> Iterator[Figure]:
    """Compare values and derivatives with PyTorch's."""
    from tests.ops.cases import CASES
    from tests.ops.checking import backward, cotangents

    name, bound = "derivatives: worst error against PyTorch", 1e-12
    try:
        import torch
    except ImportError:
        yield Figure(name, f"<= {small(bound)}", "PyTorch is not installed: pip install -e '.[referee]'")
        return
    worst = 0.0
    known = [case for case in CASES if case.torch]
    for case in known:
        assert case.torch is not None
        tensors = {role: torch.tensor(array, requires_grad=role in case.roles) for role, array in case.arrays.items()}
        y = case.torch(torch, **tensors)
        dy = cotangents(case)[0]
        y.backward(torch.tensor(dy))
        worst = max(worst, error(case.op.forward(**case.arrays), y.detach().numpy()))
        derived = backward(case, dy)
        worst = max(worst, *(error(derived[role], np.asarray(tensors[role].grad)) for role in case.roles))
    yield at_most(name, worst, bound, small, f" ({len(known)} cases, PyTorch {torch.__version__.split('+')[0]})")


def wrong_derivatives(options: Options) -> Iterator[Figure]:
    """Plant every wrong derivative in every case and role, and count those that are caught."""
    from tests.ops.cases import CASES
    from tests.ops.test_derivatives import MUTANTS, SPECIAL_MUTANTS, _differs, _is_caught

    for kind, mutants in {"wrong for every op": MUTANTS, "wrong for some roles": SPECIAL_MUTANTS}.items():
        planted = caught = 0
        for case in CASES:
            for role in case.roles:
                for mutate in mutants.values():
                    mutant = mutate(case.op.backward, role)
                    if _differs(case, role, mutant):
                        planted += 1
                        caught += _is_caught(case, role, mutant)
        yield all_of(f"wrong derivatives caught: {len(mutants)} kinds, {kind}", caught, planted)


def kinks(options: Options) -> Iterator[Figure]:
    """Count the derivatives at kinks, and the values at extremes, that come out exactly."""
    from tests.ops import test_kinks as table

    dtypes = (np.float32, np.float64)
    at_kinks = sum(passes(table.test_derivative_at_a_kink, *row, dtype) for row in table.KINKS for dtype in dtypes)
    yield all_of("derivatives at kinks that are exactly those of the table", at_kinks, 2 * len(table.KINKS))
    exact = sum(passes(table.test_value_that_must_be_exact, *row, dtype) for row in table.EXACT for dtype in dtypes)
    yield all_of("values at extremes that are exact", exact, 2 * len(table.EXACT))


def per_sample_descent(options: Options) -> Iterator[Figure]:
    """Compare 100 epochs of XOR, 2-3-1 tanh, with the same in ten lines of NumPy from the same start."""
    import chainrule as cr

    X, Y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
    hidden, last = cr.Dense(3, inputs=2), cr.Dense(1)
    layers: list[cr.Layer | cr.Op] = [hidden, cr.Tanh(), last, cr.Tanh()]
    network = cr.Network(layers, cr.MeanSquaredError(), cr.SGD(0.1), dtype="float64", seed=1)
    learnt = [hidden.weights, hidden.bias, last.weights, last.bias]
    W1, b1, W2, b2 = (np.array(parameter.value) for parameter in learnt)
    cr.train(network, X, Y, epochs=100, batch_size=1, shuffle=False)
    for _ in range(100):
        for x, y in zip(X, Y, strict=True):
            h = np.tanh(x @ W1 + b1)
            p = np.tanh(h @ W2 + b2)
            d2 = 2 * (p - y) * (1 - p * p)
            d1 = (W2 @ d2) * (1 - h * h)
            W2, b2 = W2 - 0.1 * np.outer(h, d2), b2 - 0.1 * d2
            W1, b1 = W1 - 0.1 * np.outer(x, d1), b1 - 0.1 * d1
    apart = max(float(np.abs(p.value - w).max()) for p, w in zip(learnt, (W1, b1, W2, b2), strict=True))
    yield at_most("per-sample descent, 100 epochs: largest difference of a weight", apart, 1e-12, small)


def jacobians(options: Options) -> Iterator[Figure]:
    """Compare the Jacobian of each sample of a softmax with diag(s) − s sᵀ, over batches and scales."""
    import chainrule as cr

    random = np.random.default_rng(0)
    worst, count = 0.0, options.count(200, 20)
    for i in range(count):
        shape = int(random.integers(1, 65)), int(random.integers(1, 21))
        z = cr.Input("z", random.normal(0, 0.1 * 2 ** (i % 10), shape))
        s = cr.softmax(z=z)
        found = cr.jacobian(s, z, per_sample=True)
        expected = np.array([np.diag(row) - np.outer(row, row) for row in s.value])
        worst = max(worst, float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf)
    name = "jacobian per sample of softmax: worst difference from diag(s) − s sᵀ"
    yield at_most(name, worst, 1e-15, small, f" ({count} batches, (batch, d, d))")


def error(got: Any, expected: Any) -> float:
    """Return the largest error; NaN if one of them is."""
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape or not expected.size:
        return 0.0 if got.shape == expected.shape else np.inf
    size = np.abs(expected)
    found = np.abs(got - expected) / (size + 1e-2 * size.max() + 1e-300)
    return float("inf") if np.isnan(found).any() else float(found.max())


def passes(test: Callable[..., None], *arguments: Any) -> bool:
    """Tell whether a test passes."""
    try:
        test(*arguments)
    except AssertionError:
        return False
    return True
