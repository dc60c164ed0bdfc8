"""What holds for every loss: weights that count rows, and fused forms that equal the composed ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule import ops
from tests.ops.cases import CASES, Case
from tests.ops.checking import close

LOSSES = [
    case for case in CASES if "sample_weight" in type(case.op).roles and "sample_weight" not in case.arrays
    and getattr(case.op, "per_sample", True)
]  # fmt: skip
each_loss = pytest.mark.parametrize("case", LOSSES, ids=str)


def _both(op: Any, arrays: dict[str, Any]) -> tuple[Any, Any]:
    y = op.forward(**arrays)
    (derivative,) = op.backward(1.0, y, **arrays).values()
    return y, derivative


@each_loss
def test_weights_of_one_are_no_weights(case: Case) -> None:
    prediction, *_ = case.arrays.values()
    without = _both(case.op, case.arrays)
    with_ones = _both(case.op, case.arrays | {"sample_weight": np.ones(len(prediction))})
    close(with_ones[0], without[0], 1e-15)
    close(with_ones[1], without[1], 1e-15)


@each_loss
def test_a_whole_weight_is_a_repeated_row(case: Case) -> None:
    prediction, *_ = case.arrays.values()
    counts = np.array([3, 0, 2, 1])[: len(prediction)]
    weighted = _both(case.op, case.arrays | {"sample_weight": counts})
    repeated = _both(case.op, {r: np.repeat(a, counts, axis=0) for r, a in case.arrays.items()})
    close(weighted[0], repeated[0], 1e-14)
    rows = np.repeat(np.arange(len(counts)), counts)
    by_row = np.stack([repeated[1][rows == i].sum(axis=0) for i in range(len(counts))])
    close(weighted[1], by_row, 1e-14)


@each_loss
def test_the_scale_of_the_weights_does_not_matter(case: Case) -> None:
    prediction, *_ = case.arrays.values()
    weight = np.arange(1.0, 1 + len(prediction))
    one = _both(case.op, case.arrays | {"sample_weight": weight})
    other = _both(case.op, case.arrays | {"sample_weight": 1000 * weight})
    close(other[0], one[0], 1e-14)
    close(other[1], one[1], 1e-14)


@each_loss
def test_a_loss_is_the_mean_of_the_losses_of_its_samples(case: Case) -> None:
    samples = [{role: a[i : i + 1] for role, a in case.arrays.items()} for i in range(len(case.arrays["target"]))]
    close(case.op.forward(**case.arrays), np.mean([case.op.forward(**sample) for sample in samples]), 1e-14)


FUSED: list[tuple[Any, Any, Any, str]] = [
    (ops.SigmoidBinaryCrossEntropy(), ops.Sigmoid(), ops.BinaryCrossEntropy(), "binary"),
    (ops.SigmoidBinaryCrossEntropy(0.1), ops.Sigmoid(), ops.BinaryCrossEntropy(0.1), "binary"),
    (ops.SigmoidFocalCrossEntropy(3, 0.3), ops.Sigmoid(), ops.BinaryFocalCrossEntropy(3, 0.3), "binary"),
    *(
        (on_logits(*settings), ops.Softmax(), on_probabilities(*settings), kind)
        for on_logits, on_probabilities, settings in [
            (ops.SoftmaxCrossEntropy, ops.CategoricalCrossEntropy, ()),
            (ops.SoftmaxCrossEntropy, ops.CategoricalCrossEntropy, (0.1,)),
            (ops.SoftmaxFocalCrossEntropy, ops.CategoricalFocalCrossEntropy, (3, (1, 2, 3, 4))),
        ]
        for kind in ("one-hot", "indices")
    ),
]


@pytest.mark.parametrize(("fused", "activation", "loss", "kind"), FUSED, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_fused_is_composed(fused: Any, activation: Any, loss: Any, kind: str, weighted: bool) -> None:
    random = np.random.default_rng(3)
    logits = random.normal(0, 3, (6, 4))
    labels = random.integers(0, 4, 6)
    target = {"binary": (random.random((6, 4)) > 0.5) * 1.0, "one-hot": np.eye(4)[labels], "indices": labels}[kind]
    given = {"target": target} | ({"sample_weight": random.uniform(0.1, 2, 6)} if weighted else {})
    probabilities = activation.forward(logits)
    y = loss.forward(probabilities, **given)
    by_probability = loss.backward(1.0, y, probabilities, **given)["prediction"]
    close(fused.forward(logits, **given), y, 1e-12)
    close(
        fused.backward(1.0, y, logits, **given)["logits"],
        activation.backward(by_probability, probabilities, logits)["z"],
        1e-11,
    )


@pytest.mark.parametrize(
    ("focal", "plain"),
    [
        (ops.BinaryFocalCrossEntropy(0), ops.BinaryCrossEntropy()),
        (ops.SigmoidFocalCrossEntropy(0), ops.SigmoidBinaryCrossEntropy()),
        (ops.CategoricalFocalCrossEntropy(0), ops.CategoricalCrossEntropy()),
        (ops.SoftmaxFocalCrossEntropy(0), ops.SoftmaxCrossEntropy()),
    ],
    ids=repr,
)
def test_a_focal_loss_with_gamma_0_is_the_cross_entropy(focal: Any, plain: Any) -> None:
    random = np.random.default_rng(3)
    given = random.dirichlet(np.ones(4), 6) if plain.roles[0] == "prediction" else random.normal(0, 30, (6, 4))
    arrays = {plain.roles[0]: given, "target": np.eye(4)[random.integers(0, 4, 6)]}
    for one, other in zip(_both(focal, arrays), _both(plain, arrays), strict=True):
        close(one, other, 1e-12)


@pytest.mark.parametrize("kind", [ops.BinaryFocalCrossEntropy, ops.CategoricalFocalCrossEntropy])
@pytest.mark.parametrize("gamma", [0.1, 0.5, 1.0])
def test_certainty_in_the_truth_has_no_slope_at_any_gamma(kind: Any, gamma: float) -> None:
    """1 − p is 0 there, and a power of it below gamma would be infinite."""
    value, slope = _both(kind(gamma), {"prediction": np.array([[1.0, 0.0]]), "target": np.array([[1.0, 0.0]])})
    assert value == 0
    assert slope.tolist() == [[0, 0]]


def test_what_is_predicted_well_counts_as_little_as_the_paper_says() -> None:
    """With gamma = 2 a sample with p = 0.9 counts 100 times less, one with p = 0.968 about 1,000 times."""
    for p, times in [(0.9, 100), (0.968, 1000)]:
        prediction, target = np.array([[p]]), np.ones((1, 1))
        ratio = ops.BinaryCrossEntropy().forward(prediction, target) / ops.BinaryFocalCrossEntropy(2).forward(
            prediction, target
        )
        assert ratio == pytest.approx(times, rel=0.03)


@pytest.mark.parametrize("gamma", [0.1, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("target", [0, 1])
def test_the_slope_of_a_focal_loss_is_right_in_float32_far_from_0(gamma: float, target: int) -> None:
    column = np.array([-80, -20, -1e-4, 0, 3, 8, 15, 80])[:, None]
    truth = np.full(len(column), target)
    for op, logits, labels, rtol, atol in [
        (ops.SigmoidFocalCrossEntropy(gamma), column, truth[:, None], 1e-5, 1e-30),
        (ops.SoftmaxFocalCrossEntropy(gamma), np.hstack([0 * column, column]), truth, 1e-3, 1e-7),  # as softmax is
    ]:
        exact = op.backward(1.0, None, logits.astype(np.longdouble), labels)["logits"]
        found = op.backward(np.float32(1), None, logits.astype(np.float32), labels)["logits"]
        np.testing.assert_allclose(found, exact.astype(float), rtol, atol)


def test_the_smallest_pinball_loss_has_the_quantiles_of_the_targets() -> None:
    target = np.random.default_rng(0).exponential(size=(999, 1))
    op = ops.PinballLoss((0.1, 0.5, 0.9))
    best = np.quantile(target, op.quantiles)
    slope = op.backward(1.0, None, np.tile(best, (999, 1)), target)["prediction"].sum(axis=0)
    np.testing.assert_allclose(slope, 0, atol=1e-3)
    assert ops.PinballLoss(0.5).forward(target[:50], target[:50] + 3) == pytest.approx(1.5)


def test_softmax_has_its_true_jacobian_not_its_diagonal() -> None:
    z = np.array([[0.3, -1.0, 2.0]])
    y = ops.Softmax().forward(z)
    dy = np.array([[1.0, 5.0, -2.0]])
    jacobian = np.diag(y[0]) - np.outer(y[0], y[0])
    close(ops.Softmax().backward(dy, y, z)["z"], dy @ jacobian, 1e-14)
    close(ops.LogSoftmax().forward(z), np.log(y), 1e-14)


def test_mean_squared_error_is_over_elements_and_squared_error_and_its_half_over_samples() -> None:
    prediction, target = np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2))
    assert ops.MeanSquaredError().forward(prediction, target) == 7.5
    assert ops.SquaredError().forward(prediction, target) == 15
    assert ops.HalfSquaredError().forward(prediction, target) == 7.5
    assert ops.SquaredError().backward(1.0, None, prediction, target)["prediction"].tolist() == [[1, 2], [3, 4]]
    assert ops.HalfSquaredError().backward(1.0, None, prediction, target)["prediction"].tolist() == [[0.5, 1], [1.5, 2]]
    assert ops.MeanSquaredError().backward(1.0, None, prediction, target)["prediction"].tolist() == [[0.5, 1], [1.5, 2]]


def test_a_large_loss_does_not_swallow_the_small_ones_in_float32() -> None:
    prediction = np.float32([[2**24], [1], [1], [1], [1], [1], [1], [1]])
    assert ops.MeanAbsoluteError().forward(prediction, np.zeros_like(prediction)) == (2**24 + 7) / 8


def test_a_constant_answer_of_a_tenth_to_ten_classes_has_a_squared_error_of_nine_tenths() -> None:
    constant = np.full((10, 10), 0.1)
    assert ops.SquaredError().forward(constant, np.eye(10)) == pytest.approx(0.9)
