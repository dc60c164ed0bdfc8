"""Slips of the pen in derivatives that students write, one formula each: `check` calls them by their name.

Each is planted in an op or a loss of a user's own, on several shapes, in both dtypes. The right formula of each
function stands first, and passes without a remark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.gradcheck import check

RNG = np.random.default_rng(3)
SHAPES = {(4, 5): "float32", (3, 3): "float64", (2, 3, 4): "float32", (6, 2): "float64"}


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def rows(s: Any) -> int:
    return int(s.size // s.shape[-1])


def total(a: Any) -> Any:
    return a.sum(axis=-1, keepdims=True)


def through(dy: Any, jacobian: Any) -> Any:
    """Return what arrives times each sample's Jacobian."""
    return (dy[..., None, :] @ jacobian)[..., 0, :]


def outer(s: Any) -> Any:
    return s[..., :, None] * s[..., None, :]


def diag(s: Any) -> Any:
    return s[..., None] * np.eye(s.shape[-1])


class OfZ(cr.Op):
    """y = f(z)"""

    def __init__(self, f: Callable[..., Any], slope: Callable[..., Any]) -> None:
        self.f, self.slope = f, slope

    def forward(self, z: Any) -> Any:
        return self.f(z)

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=self.slope(dy, y, z))


class OfLogits(cr.Op):
    """y = mean over samples of −Σ target · log softmax(logits)"""

    constant = ("target",)

    def __init__(self, slope: Callable[..., Any]) -> None:
        self.slope = slope

    def forward(self, logits: Any, target: Any) -> Any:
        return -(target * np.log(softmax(logits))).sum() / rows(logits)

    def backward(self, dy: Any, y: Any, logits: Any, target: Any) -> Any:
        return dict(logits=dy * self.slope(softmax(logits), target))


class OfIndices(cr.Op):
    """The same, for the indices of the true classes"""

    def __init__(self, slope: Callable[..., Any]) -> None:
        self.slope = slope

    def forward(self, logits: Any, target: Any) -> Any:
        return -np.log(softmax(logits)[np.arange(len(logits)), target]).mean()

    def backward(self, dy: Any, y: Any, logits: Any, target: Any) -> Any:
        return dict(logits=dy * self.slope(softmax(logits), np.eye(logits.shape[1])[target]))


class OfPrediction(cr.Op):
    """y = f(prediction, target)"""

    constant = ("target",)

    def __init__(self, f: Callable[..., Any], slope: Callable[..., Any]) -> None:
        self.f, self.slope = f, slope

    def forward(self, prediction: Any, target: Any) -> Any:
        return self.f(prediction, target)

    def backward(self, dy: Any, y: Any, prediction: Any, target: Any) -> Any:
        return dict(prediction=dy * self.slope(prediction, target))


class Penalty(cr.Op):
    """y = f(weights)"""

    def __init__(self, f: Callable[..., Any], slope: Callable[..., Any]) -> None:
        self.f, self.slope = f, slope

    def forward(self, weights: Any) -> Any:
        return self.f(weights)

    def backward(self, dy: Any, y: Any, weights: Any) -> Any:
        return dict(weights=dy * self.slope(weights))


def of(name: str, shape: tuple[int, ...], dtype: str) -> dict[str, Any]:
    """Return numbers of this shape for an op of the table below."""
    rng = np.random.default_rng(3)
    normal, shares = rng.standard_normal(shape), softmax(rng.standard_normal(shape))
    indices = rng.integers(0, shape[-1], shape[:-1])
    one_hot = np.eye(shape[-1])[indices]
    arrays = {
        "z": {"z": normal},
        "weights": {"weights": normal},
        "logits": {"logits": normal, "target": one_hot},
        "logits, shares": {"logits": normal, "target": shares},
        "logits, indices": {"logits": normal, "target": indices},
        "probabilities": {"prediction": shares, "target": one_hot},
        "answers": {"prediction": sigmoid(normal), "target": rng.integers(0, 2, shape).astype(float)},
        "numbers": {"prediction": normal, "target": rng.standard_normal(shape)},
    }[name]
    return {role: a.astype(dtype) if a.dtype.kind == "f" else a for role, a in arrays.items()}


def squares(p: Any, t: Any) -> Any:
    return ((p - t) ** 2).mean()


def cross_entropy(p: Any, t: Any) -> Any:
    return -(t * np.log(p)).sum() / rows(p)


def binary(p: Any, t: Any) -> Any:
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()


Slips = dict[str, Callable[..., Any]]
OFF = "the wrong sign off the diagonal"
# What is differentiated: its arrays, the op with a derivative, the right one, and wrong ones by their names.
TABLE: dict[str, tuple[str, Callable[[Any], cr.Op], Callable[..., Any], Slips]] = {
    "softmax": (
        "z",
        lambda slope: OfZ(softmax, slope),
        lambda dy, y, z: y * (dy - total(dy * y)),
        {
            OFF: lambda dy, y, z: through(dy, diag(y * y - 2 * y * y + y) + outer(y) - diag(y * y)),
            "the wrong sign on the diagonal": lambda dy, y, z: through(dy, -diag(y * (1 - y)) - outer(y) + diag(y * y)),
            "wrong on the diagonal": lambda dy, y, z: -y * total(dy * y),
            "wrong off the diagonal": lambda dy, y, z: through(dy, y[..., :, None] * (1 - y[..., None, :])),
            "only the diagonal": lambda dy, y, z: dy * y * (1 - y),
            "only a diagonal": lambda dy, y, z: dy * y,
            "the rows of the Jacobian were summed": lambda dy, y, z: dy * (diag(y) - outer(y)).sum(axis=-1),
            "samples are mixed": lambda dy, y, z: y * (dy - (dy * y).sum(axis=0)),
            "a factor y is missing": lambda dy, y, z: dy - total(dy * y),
            "the sign": lambda dy, y, z: y * (total(dy * y) - dy),
            "ignores the incoming": lambda dy, y, z: y * (1 - y),
            "not linear in dy": lambda dy, y, z: y * (dy - total(dy * y)) * (dy > 0),
        },
    ),
    "log softmax": (
        "z",
        lambda slope: OfZ(lambda z: np.log(softmax(z)), slope),
        lambda dy, y, z: dy - np.exp(y) * total(dy),
        {
            "transposed": lambda dy, y, z: dy - total(dy * np.exp(y)),
            "the rows of the Jacobian were summed": lambda dy, y, z: dy * (1 - y.shape[-1] * np.exp(y)),
        },
    ),
    "fused, one-hot": (
        "logits",
        OfLogits,
        lambda s, t: (s - t) / rows(s),
        {
            OFF: lambda s, t: np.where(t == 1, s - 1, -s) / rows(s),
            "the wrong sign on the diagonal": lambda s, t: np.where(t == 1, 1 - s, s) / rows(s),
            "only where the target is 1": lambda s, t: np.where(t == 1, s - 1, 0) / rows(s),
            "only where the target is 0": lambda s, t: np.where(t == 1, 0, s) / rows(s),
            "the sign": lambda s, t: (t - s) / rows(s),
            "the sign of the target": lambda s, t: (s + t) / rows(s),
            "the target is missing": lambda s, t: s / rows(s),
            "a mean over the": lambda s, t: (s - t) / s.size,
            "the sign, and a mean over the": lambda s, t: (t - s) / s.size,
            "divided by the batch size": lambda s, t: (s - t) / rows(s) / len(s),
        },
    ),
    "fused, shares": (
        "logits, shares",
        OfLogits,
        lambda s, t: (s - t) / rows(s),
        {
            OFF: lambda s, t: (-t * (1 - s) - s * (1 - t)) / rows(s),
            "the sign of the target": lambda s, t: (s + t) / rows(s),
            "the target is missing": lambda s, t: s / rows(s),
        },
    ),
    "cross-entropy": (
        "probabilities",
        lambda slope: OfPrediction(cross_entropy, slope),
        lambda p, t: -t / p / rows(p),
        {
            "a mean over the": lambda p, t: -t / p / p.size,
            "the sign": lambda p, t: t / p / rows(p),
            "a factor 1/prediction is missing": lambda p, t: -t / rows(p),
            "the target is missing": lambda p, t: -1 / p / rows(p),
        },
    ),
    "binary cross-entropy": (
        "answers",
        lambda slope: OfPrediction(binary, slope),
        lambda p, t: ((1 - t) / (1 - p) - t / p) / p.size,
        {
            "only where the target is 1": lambda p, t: -t / p / p.size,
            OFF: lambda p, t: (-(1 - t) / (1 - p) - t / p) / p.size,
            "the sum instead of the mean": lambda p, t: (1 - t) / (1 - p) - t / p,
        },
    ),
    "mean squared error": (
        "numbers",
        lambda slope: OfPrediction(squares, slope),
        lambda p, t: 2 * (p - t) / p.size,
        {
            "a factor ½": lambda p, t: (p - t) / p.size,
            "the sign": lambda p, t: 2 * (t - p) / p.size,
            "the sum instead of the mean": lambda p, t: 2 * (p - t),
            "a factor ½, and the sum instead of the mean": lambda p, t: p - t,
            "the target is missing": lambda p, t: 2 * p / p.size,
            "the sign of the target": lambda p, t: 2 * (p + t) / p.size,
        },
    ),
    "L2": (
        "weights",
        lambda slope: Penalty(lambda w: 0.05 * (w * w).sum(), slope),
        lambda w: 0.1 * w,
        {
            "weights² where 2·weights belongs": lambda w: 0.05 * w * w,
            "weights² where 2·weights belongs ": lambda w: 0.1 * w * w,
            "a factor ½": lambda w: 0.05 * w,
            "a factor 2": lambda w: 0.2 * w,
            "the sign": lambda w: -0.1 * w,
        },
    ),
    "L2 beside something else": (
        "weights",
        lambda slope: Penalty(lambda w: np.sin(w).sum() + 0.05 * (w * w).sum(), slope),
        lambda w: np.cos(w) + 0.1 * w,
        {
            "weights² where 2·weights belongs": lambda w: np.cos(w) + 0.05 * w * w,
            "weights² where 2·weights belongs ": lambda w: np.cos(w) + 0.1 * w * w,
            "weights² added": lambda w: np.cos(w) + 0.1 * w + 0.05 * w * w,
        },
    ),
    "L1": (
        "weights",
        lambda slope: Penalty(lambda w: 0.1 * np.abs(w).sum(), slope),
        lambda w: 0.1 * np.sign(w),
        {"a factor weights too many": lambda w: 0.1 * np.abs(w)},
    ),
    "sigmoid": (
        "z",
        lambda slope: OfZ(sigmoid, slope),
        lambda dy, y, z: dy * y * (1 - y),
        {
            "missing σ′": lambda dy, y, z: dy,
            "a factor 1 − y is missing": lambda dy, y, z: dy * y,
            "a factor y is missing": lambda dy, y, z: dy * (1 - y),
            "the wrong sign inside": lambda dy, y, z: dy * y * (1 + y),
            "written in y but given z": lambda dy, y, z: dy * z * (1 - z),
            "not linear in dy": lambda dy, y, z: dy * dy * y * (1 - y),
        },
    ),
    "tanh": (
        "z",
        lambda slope: OfZ(np.tanh, slope),
        lambda dy, y, z: dy * (1 - y * y),
        {
            "y where y² belongs": lambda dy, y, z: dy * (1 - y),
            "the wrong sign inside": lambda dy, y, z: dy * (1 + y * y),
            "the function itself": lambda dy, y, z: dy * y,
            "weight decay added": lambda dy, y, z: dy * (1 - y * y) + 0.1 * z,
            "weights² added": lambda dy, y, z: dy * (1 - y * y) + 0.1 * z * z,
        },
    ),
    "square": (
        "z",
        lambda slope: OfZ(np.square, slope),
        lambda dy, y, z: dy * 2 * z,
        {"z² where 2·z belongs": lambda dy, y, z: dy * z * z, "a factor ½": lambda dy, y, z: dy * z},
    ),
    "relu": (
        "z",
        lambda slope: OfZ(lambda z: np.maximum(z, 0), slope),
        lambda dy, y, z: dy * (z > 0),
        {
            "not linear in dy": lambda dy, y, z: dy * (dy > 0),
            "the wrong side": lambda dy, y, z: dy * (z < 0),
            "missing σ′": lambda dy, y, z: dy,
            "the function itself": lambda dy, y, z: dy * y,
        },
    ),
}
ROWS = [(of_what, name) for of_what, (_, _, _, slips) in TABLE.items() for name in slips]


@pytest.mark.parametrize(("of_what", "name"), ROWS, ids=[": ".join(row) for row in ROWS])
def test_a_slip_is_called_by_its_name(of_what: str, name: str) -> None:
    arrays, op, _, slips = TABLE[of_what]
    for shape, dtype in SHAPES.items():
        (finding,) = check(op(slips[name]), **of(arrays, shape, dtype)).findings
        assert not finding.passed
        assert str(finding.slip).startswith(name.strip()), (shape, finding.slip)


@pytest.mark.parametrize("of_what", TABLE)
def test_the_right_formula_passes_without_a_word(of_what: str) -> None:
    arrays, op, right, _ = TABLE[of_what]
    for shape, dtype in {**SHAPES, (1, 4): "float32", (7, 1): "float64", (64, 10): "float32"}.items():
        (finding,) = check(op(right), **of(arrays, shape, dtype)).findings
        assert finding.verdict == "ok"
    assert check(op(right)).passed, "on numbers made up"


FUSED = TABLE["fused, one-hot"][3]


@pytest.mark.parametrize("name", FUSED)
def test_of_class_indices_the_slips_are_named_too(name: str) -> None:
    arrays = of("logits, indices", (6, 4), "float32")
    for report in (check(OfIndices(FUSED[name]), **arrays), check(OfIndices(FUSED[name]))):
        assert str(report.wrong[0].slip).startswith(name)
    assert check(OfIndices(TABLE["fused, one-hot"][2])).passed


@pytest.mark.parametrize("name", FUSED)
def test_on_numbers_made_up_the_targets_are_of_one_class(name: str) -> None:
    assert str(check(OfLogits(FUSED[name])).wrong[0].slip).startswith(name)


@pytest.mark.parametrize("of_what", ["fused, one-hot", "cross-entropy", "mean squared error"])
def test_in_a_network_a_loss_of_ones_own_is_named(of_what: str) -> None:
    arrays, op, _, slips = TABLE[of_what]
    last = [cr.Softmax()] if of_what == "cross-entropy" else []
    X, y = RNG.standard_normal((6, 4)), of(arrays, (6, 3), "float32")["target"]
    for name, slope in slips.items():
        network = cr.Network([cr.Dense(3, inputs=4), *last], loss=op(slope))
        found = [f for f in check(network, X, y).wrong if not f.leaf]
        assert [str(f.slip).startswith(name) for f in found] == [True]


@pytest.mark.parametrize("of_what", ["cross-entropy", "binary cross-entropy", "mean squared error"])
def test_the_slips_of_a_pair_of_functions_are_named(of_what: str) -> None:
    arrays, op, _, slips = TABLE[of_what]
    numbers = of(arrays, (5, 3), "float64")
    for name, slope in slips.items():
        pair: Any = op(slope)
        assert str(check(cr.Loss(pair.f, slope), **numbers).wrong[0].slip).startswith(name)


MEANS: dict[str, tuple[str, cr.Op, str]] = {
    "of probabilities": (
        "probabilities",
        OfPrediction(lambda p, t: -(t * np.log(p)).mean(), lambda p, t: -t / p / p.size),
        "cr.CategoricalCrossEntropy",
    ),
    "of logits": (
        "logits",
        OfPrediction(lambda z, t: -(t * np.log(softmax(z))).mean(), lambda z, t: (softmax(z) - t) / z.size),
        "cr.SoftmaxCrossEntropy",
    ),
}


@pytest.mark.parametrize(("arrays", "op", "known"), MEANS.values(), ids=MEANS)
def test_a_cross_entropy_that_is_a_mean_over_classes_is_right_and_remarked_upon(
    arrays: str, op: cr.Op, known: str
) -> None:
    numbers = dict(zip(("prediction", "target"), of(arrays, (5, 10), "float64").values(), strict=True))
    report = check(op, **numbers)
    assert report.passed
    told = f"is ok, but: a mean over the 10 classes too, so 1/10 of {known} and of its derivative"
    assert told in str(report)
    assert check(op).findings[0].remark, "on numbers made up"


class Decayed(cr.Op):
    """y = x @ weights"""

    def __init__(self, decay: Callable[..., Any]) -> None:
        self.decay = decay

    def forward(self, x: Any, weights: Any) -> Any:
        return x @ weights

    def backward(self, dy: Any, y: Any, x: Any, weights: Any) -> Any:
        return dict(x=dy @ weights.T, weights=x.T @ dy + self.decay(weights))


@pytest.mark.parametrize(
    ("decay", "name"),
    [
        (lambda w: 1e-3 * w * w, "weights² added"),
        (lambda w: 1e-3 * w, "weight decay added"),
        (np.sign, "a term without dy"),
    ],
    ids=["squares", "weights", "signs"],
)
def test_a_penalty_hidden_in_a_layers_derivative_is_named(decay: Callable[..., Any], name: str) -> None:
    finding = next(f for f in check(Decayed(decay)).findings if f.by == "weights")
    assert str(finding.slip).startswith(name)


def test_whole_numbers_cannot_be_differentiated_by_and_floats_can() -> None:
    square = TABLE["square"][1](TABLE["square"][2])
    whole = np.array([[1, 2], [3, 4]])
    with pytest.raises(cr.errors.InputError, match=r"z in int64.*Pass z=z.astype\('float64'\)"):
        check(square, z=whole)
    assert check(square, z=whole.astype("float64")).findings[0].checked == 4
    assert check(square, z=whole.tolist()).findings[0].checked == 4
