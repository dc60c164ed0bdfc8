"""The table of cases: every op at some points away from its kinks, beside its reference and PyTorch's version of it.

An op that is not here fails `test_every_op_has_a_case`. A test that wants to know something about all ops loops over
`CASES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule import ops
from tests.ops import references as ref

_random = np.random.default_rng(20)


@dataclass(repr=False)
class Case:
    op: Any
    reference: Callable[..., Any]
    arrays: dict[str, Any]
    torch: Callable[..., Any] | None = None  # (torch, **tensors) -> tensor; None where there is nothing like it
    bilinear: bool = False  # linear in each role: differences are exact at any step
    note: str = ""
    jacobians: dict[str, Any] = field(default_factory=dict)

    @property
    def roles(self) -> list[str]:
        """The roles with a derivative that are present."""
        return [role for role in self.arrays if self.op.differentiable(role)]

    def __str__(self) -> str:
        shapes = "-".join("x".join(map(str, a.shape)) or "0d" for a in self.arrays.values())
        return f"{self.op!r}-{shapes}{self.note}".replace(" ", "")


def normal(*shape: int) -> Any:
    return _random.standard_normal(shape)


def apart(*shape: int) -> Any:
    """Numbers at least 0.1 from 0, and from each other where it matters."""
    count = int(np.prod(shape))
    values = 0.1 + 0.17 * np.arange(count) + _random.uniform(0, 0.05, count)
    return (_random.permutation(values) * _random.choice([-1, 1], count)).reshape(shape)


def away_from(kink: float, values: Any) -> Any:
    """Return the numbers, those near a kink, or its negative, moved off it."""
    return np.where(abs(abs(values) - kink) < 0.05, values * 1.05, values)


def positive(*shape: int) -> Any:
    return _random.uniform(0.4, 2.5, shape)


def probabilities(*shape: int) -> Any:
    return _random.uniform(0.2, 0.8, shape)


def zeros(*shape: int) -> Any:
    return np.zeros(shape)


def shares(*shape: int) -> Any:
    raw = _random.uniform(0.3, 1, shape)
    return raw / raw.sum(axis=-1, keepdims=True)


CASES: list[Case] = []


def case(op: Any, reference: Any, torch: Any = None, *, bilinear: bool = False, note: str = "", **arrays: Any) -> None:
    CASES.append(Case(op, reference, {r: np.asarray(a) for r, a in arrays.items()}, torch, bilinear, note))


# Weighted sums.
case(ops.Linear(), ref.linear, lambda t, x, weights, bias: t.nn.functional.linear(x, weights.T, bias), bilinear=True,
     x=normal(5, 3), weights=normal(3, 4), bias=normal(4))  # fmt: skip
case(ops.Linear(), ref.linear, lambda t, x, weights: x @ weights, bilinear=True, x=normal(1, 3), weights=normal(3, 3))
case(ops.Matmul(), lambda a, b: np.einsum("nk,km->nm", a, b), lambda t, a, b: a @ b, bilinear=True,
     a=normal(4, 4), b=normal(4, 2))  # fmt: skip

# Arithmetic: equal shapes, a row, a number on either side, numbers only.
_PAIRS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((3, 4), (3, 4)), ((4, 3), (3,)), ((3,), (4, 3)), ((2, 3), ()), ((), (2, 3)), ((2, 3, 4), (3, 4)), ((), ()),
]  # fmt: skip
for _a, _b in _PAIRS:
    case(ops.Add(), lambda a, b: a + b, lambda t, a, b: a + b, bilinear=True, a=normal(*_a), b=normal(*_b))
    case(ops.Subtract(), lambda a, b: a - b, lambda t, a, b: a - b, bilinear=True, a=normal(*_a), b=normal(*_b))
    case(ops.Multiply(), lambda a, b: a * b, lambda t, a, b: a * b, bilinear=True, a=normal(*_a), b=normal(*_b))
    case(ops.Divide(), lambda a, b: a * b**-1, lambda t, a, b: a / b, a=normal(*_a), b=positive(*_b))
    case(ops.Power(), ref.power, lambda t, base, exponent: base**exponent, base=positive(*_a), exponent=normal(*_b))

for _shape in [(3, 4), (), (2, 1, 3)]:
    case(ops.Negative(), lambda z: 0 - z, lambda t, z: -z, bilinear=True, z=normal(*_shape))
    case(ops.Exp(), lambda z: np.sinh(z) + np.cosh(z), lambda t, z: t.exp(z), z=normal(*_shape))
    case(ops.Log(), lambda z: 2 * np.log(z**0.5), lambda t, z: t.log(z), z=positive(*_shape))
    case(ops.Sqrt(), lambda z: z**0.5, lambda t, z: t.sqrt(z), z=positive(*_shape))
    case(ops.Absolute(), ref.absolute, lambda t, z: t.abs(z), z=apart(*_shape))

# Reductions.
_AXES: list[tuple[Any, bool]] = [(None, False), (None, True), (0, False), (-1, True), (1, False), ((0, 2), False)]
for _axis, _keep in _AXES:
    _all = (0, 1, 2) if _axis is None else _axis
    case(ops.Sum(_axis, _keep), lambda x, a=_axis, k=_keep: x.sum(axis=a, keepdims=k),
         lambda t, x, a=_all, k=_keep: t.sum(x, dim=a, keepdim=k), bilinear=True, x=normal(2, 3, 4))  # fmt: skip
    case(ops.Mean(_axis, _keep), lambda x, a=_axis, k=_keep: x.mean(axis=a, keepdims=k),
         lambda t, x, a=_all, k=_keep: t.mean(x, dim=a, keepdim=k), bilinear=True, x=normal(2, 3, 4))  # fmt: skip
    case(ops.Max(_axis, _keep), ref.largest(_axis, _keep),
         lambda t, x, a=_all, k=_keep: t.amax(x, dim=a, keepdim=k), x=apart(2, 3, 4))  # fmt: skip
    case(ops.LogSumExp(_axis, _keep), lambda x, a=_axis, k=_keep: np.log(np.exp(x).sum(axis=a, keepdims=k)),
         lambda t, x, a=_all, k=_keep: t.logsumexp(x, dim=a, keepdim=k), x=normal(2, 3, 4))  # fmt: skip
for _op in (ops.Sum, ops.Mean):
    case(_op(), lambda x: x * 1, lambda t, x: x * 1, bilinear=True, x=normal())

# Shaping.
case(ops.Reshape((-1, 2)), lambda x: np.stack([x.ravel()[0::2], x.ravel()[1::2]], axis=1),
     lambda t, x: x.reshape(-1, 2), bilinear=True, x=normal(3, 4))  # fmt: skip
case(ops.Reshape(6), lambda x: np.array([x[i, j] for i in range(2) for j in range(3)]), lambda t, x: x.reshape(6),
     bilinear=True, x=normal(2, 3))  # fmt: skip
case(ops.Flatten(), lambda x: np.array([np.ravel(one) for one in x]), lambda t, x: t.flatten(x, 1), bilinear=True,
     x=normal(2, 3, 2))  # fmt: skip
case(ops.Transpose(), lambda x: np.einsum("ij->ji", x), lambda t, x: x.T, bilinear=True, x=normal(3, 4))
case(ops.Transpose((1, 2, 0)), lambda x: np.einsum("ijk->jki", x), lambda t, x: x.permute(1, 2, 0), bilinear=True,
     x=normal(2, 3, 4))  # fmt: skip
case(ops.Transpose((0, -1, 1)), lambda x: np.einsum("ijk->ikj", x), lambda t, x: x.permute(0, 2, 1), bilinear=True,
     x=normal(2, 3, 3))  # fmt: skip
_JOINED: list[tuple[int, list[tuple[int, ...]]]] = [
    (1, [(3, 2), (3, 1), (3, 4)]), (0, [(2, 3), (1, 3)]), (-1, [(2, 2, 1), (2, 2, 2)]), (1, [(2, 2)]),
]  # fmt: skip
for _axis, _parts in _JOINED:
    case(ops.Concatenate(_axis), ref.concatenate(_axis), lambda t, a=_axis, **parts: t.cat(list(parts.values()), a),
         bilinear=True, **{f"parts{i}": normal(*s) for i, s in enumerate(_parts)})  # fmt: skip
_KEYS: list[Any] = [
    0, (slice(None), -1), (slice(None), slice(1, 4, 2)), (..., None, slice(2)), (1, 2), (slice(3, 0, -1),),
]  # fmt: skip
for _key in _KEYS:
    case(ops.Slice(_key), lambda x, k=_key: np.asarray(x[k]),
         None if _key == (slice(3, 0, -1),) else lambda t, x, k=_key: x[k], bilinear=True, x=normal(4, 5))  # fmt: skip
for _indices in (np.array([2, 0, 2, 1]), np.array([[0, 1, 3], [3, 3, 2]]), np.array([2.0, 1.0])):
    case(ops.Gather(), ref.gather, lambda t, table, indices: t.nn.functional.embedding(indices.long(), table),
         bilinear=True, table=normal(4, 3), indices=_indices)  # fmt: skip

# Activations.
_ELEMENTWISE: list[tuple[Any, Any, Any]] = [
    (ops.Identity(), lambda z: z * 1, lambda t, z: t.nn.Identity()(z)),
    (ops.Tanh(), ref.tanh, lambda t, z: t.tanh(z)),
    (ops.Sigmoid(), ref.sigmoid, lambda t, z: t.sigmoid(z)),
    (ops.ReLU(), lambda z: ref.where_positive(z, z, 0), lambda t, z: t.relu(z)),
    (ops.LeakyReLU(), lambda z: ref.where_positive(z, z, z / 100), lambda t, z: t.nn.functional.leaky_relu(z)),
    (ops.LeakyReLU(slope=0.3), lambda z: ref.where_positive(z, z, 0.3 * z),
     lambda t, z: t.nn.functional.leaky_relu(z, 0.3)),
    (ops.ELU(), lambda z: ref.where_positive(z, z, np.exp(z) - 1), lambda t, z: t.nn.functional.elu(z)),
    (ops.ELU(alpha=0.6), lambda z: ref.where_positive(z, z, 0.6 * (np.exp(z) - 1)),
     lambda t, z: t.nn.functional.elu(z, 0.6)),
    (ops.GELU(), ref.gelu, lambda t, z: t.nn.functional.gelu(z)),
    (ops.GELU(approximate=True), ref.gelu_by_tanh, lambda t, z: t.nn.functional.gelu(z, approximate="tanh")),
    (ops.SiLU(), lambda z: z * ref.sigmoid(z), lambda t, z: t.nn.functional.silu(z)),
    (ops.Softplus(), lambda z: np.log(1 + np.exp(z)), lambda t, z: t.nn.functional.softplus(z)),
    (ops.Activation(np.sin, np.cos), lambda z: np.sin(z), lambda t, z: t.sin(z)),
]  # fmt: skip
for _op, _reference, _torch in _ELEMENTWISE:
    for _shape in [(3, 5), (), (2, 1, 3)]:
        case(_op, _reference, _torch, z=apart(*_shape))
for _axis, _shape in [(-1, (3, 4)), (0, (3, 2)), (1, (2, 3, 2)), (-1, (3,)), (-1, (2, 1))]:
    case(ops.Softmax(_axis), lambda z, a=_axis: ref.softmax(z, a),
         lambda t, z, a=_axis: t.softmax(z, a), z=normal(*_shape))  # fmt: skip
    case(ops.LogSoftmax(_axis), lambda z, a=_axis: np.log(ref.softmax(z, a)),
         lambda t, z, a=_axis: t.log_softmax(z, a), z=normal(*_shape))  # fmt: skip


# Losses: without weights and with them.
def _weighted(t: Any, losses: Any, sample_weight: Any) -> Any:
    count = 1 if sample_weight is None else sample_weight.ndim
    losses = losses.reshape(*losses.shape[:count], -1).mean(axis=-1)
    return losses.mean() if sample_weight is None else (losses * sample_weight).sum() / sample_weight.sum()


def _elementwise(name: str, **settings: Any) -> Any:
    def loss(t: Any, target: Any, sample_weight: Any = None, **predictions: Any) -> Any:
        (prediction,) = predictions.values()
        losses = getattr(t.nn.functional, name)(prediction, target, reduction="none", **settings)
        return _weighted(t, losses, sample_weight)

    return loss


def _fourth(t: Any, prediction: Any, target: Any, sample_weight: Any = None) -> Any:
    return _weighted(t, ((prediction - target) ** 4).sum(axis=1), sample_weight)


def _squared(t: Any, prediction: Any, target: Any, sample_weight: Any = None) -> Any:
    return _weighted(t, ((prediction - target) ** 2).sum(axis=-1), sample_weight)


def _half(t: Any, prediction: Any, target: Any, sample_weight: Any = None) -> Any:
    return _weighted(t, ((prediction - target) ** 2).sum(axis=-1) / 2, sample_weight)


def _classes(on_logits: bool) -> Any:
    def loss(t: Any, target: Any, sample_weight: Any = None, **predictions: Any) -> Any:
        (prediction,) = predictions.values()
        target = target.long() if target.ndim < prediction.ndim else target
        scores = t.log_softmax(prediction, -1) if on_logits else t.log(prediction)
        if target.ndim < prediction.ndim:
            losses = -t.gather(scores, -1, target[..., None])[..., 0]
        elif on_logits and target.ndim == 2:
            losses = t.nn.functional.cross_entropy(prediction, target, reduction="none")
        else:
            losses = -(target * scores).sum(axis=-1)
        return _weighted(t, losses, sample_weight)

    return loss


def fourth_powers(p: Any, t: Any) -> Any:
    return ((p - t) ** 4).sum(axis=1)


def fourth_powers_over_time(p: Any, t: Any) -> Any:
    return ((p - t) ** 4).sum(axis=(1, 2))


def their_derivative(p: Any, t: Any) -> Any:
    return 4 * (p - t) ** 3


def mean_fourth_power(p: Any, t: Any) -> Any:
    return ((p - t) ** 4).mean()


def its_derivative(p: Any, t: Any) -> Any:
    return 4 * (p - t) ** 3 / p.size


_LOSSES: list[tuple[Any, str, Any, Any, Any, Any]] = [
    (ops.MeanSquaredError(), "prediction", ref.mean_squared, _elementwise("mse_loss"), normal, normal),
    (ops.HalfSquaredError(), "prediction", ref.half_squared, _half, normal, normal),
    (ops.MeanAbsoluteError(), "prediction", ref.mean_absolute, _elementwise("l1_loss"), apart, zeros),
    (ops.Huber(), "prediction", ref.huber(1), _elementwise("huber_loss"), apart, zeros),
    (ops.Huber(delta=0.7), "prediction", ref.huber(0.7), _elementwise("huber_loss", delta=0.7), apart, zeros),
    (ops.BinaryCrossEntropy(), "prediction", ref.binary, _elementwise("binary_cross_entropy"), probabilities,
     probabilities),
    (ops.SigmoidBinaryCrossEntropy(), "logits", ref.binary_on_logits,
     _elementwise("binary_cross_entropy_with_logits"), normal, probabilities),
    (ops.CategoricalCrossEntropy(), "prediction", ref.categorical, _classes(False), shares, shares),
    (ops.SoftmaxCrossEntropy(), "logits", ref.categorical_on_logits, _classes(True), normal, shares),
    (ops.Loss(fourth_powers, their_derivative, per_sample=True), "prediction", lambda p, t: ((p - t) ** 4).sum(),
     _fourth,
     normal, normal),
]  # fmt: skip
for _op, _role, _reference, _torch, _prediction, _target in _LOSSES:
    for _shape in [(4, 3), (2, 2), (3, 1), (1, 3)]:
        _shown = {_role: _prediction(*_shape), "target": _target(*_shape)}
        case(_op, ref.loss(_reference), _torch, **_shown)
        case(_op, ref.loss(_reference), _torch, **_shown, sample_weight=_random.uniform(0.2, 2, _shape[0]))
for _op, _role, _reference, _on_logits in [
    (ops.CategoricalCrossEntropy(), "prediction", ref.categorical, False),
    (ops.SoftmaxCrossEntropy(), "logits", ref.categorical_on_logits, True),
]:
    _scores = normal(4, 3) if _on_logits else shares(4, 3)
    for _note, _labels in [("-indices", np.array([2, 0, 1, 2])), ("-one-hot", np.eye(3)[[2, 0, 1, 2]])]:
        case(_op, ref.loss(_reference), _classes(_on_logits), note=_note, **{_role: _scores}, target=_labels)
        case(_op, ref.loss(_reference), _classes(_on_logits), note=_note, **{_role: _scores}, target=_labels,
             sample_weight=np.array([1.0, 3.0, 0.0, 2.0]))  # fmt: skip
case(ops.SoftmaxCrossEntropy(), ref.loss(ref.categorical_on_logits), _classes(True), logits=normal(3, 4),
     target=probabilities(3, 4), note="-rows-of-any-sum")  # fmt: skip
case(ops.Loss(mean_fourth_power, its_derivative), ref.loss(lambda p, t: ((p - t) ** 4).mean()),
     lambda t, prediction, target: t.mean((prediction - target) ** 4),
     prediction=normal(3, 2), target=normal(3, 2))  # fmt: skip

# Penalties.
case(ops.L1Penalty(0.3), lambda weights: 0.3 * ref.absolute(weights).sum(),
     lambda t, weights: 0.3 * weights.abs().sum(), weights=apart(3, 4))  # fmt: skip
case(ops.L2Penalty(0.3), lambda weights: 0.15 * np.vdot(weights.conj(), weights),
     lambda t, weights: 0.15 * weights.square().sum(), weights=normal(3, 4))  # fmt: skip

# More axes, and columns. New cases stand at the end, so that those above keep their random numbers.
for _shape in [(2, 3, 4), (2, 1, 2, 4), (1, 1, 4)]:
    case(ops.Linear(), ref.linear, lambda t, x, weights, bias: t.nn.functional.linear(x, weights.T, bias),
         bilinear=True, x=normal(*_shape), weights=normal(4, 2), bias=normal(2))  # fmt: skip
_STACKS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((2, 4, 3), (2, 3, 2)), ((2, 4, 3), (3, 2)), ((4, 3), (2, 3, 2)), ((2, 4, 3), (1, 3, 2)),
    ((3, 1, 2, 2), (3, 2, 2, 1)), ((1, 2, 2, 3), (2, 3, 2)),
]  # fmt: skip
for _a, _b in _STACKS:
    case(ops.Matmul(), lambda a, b: np.einsum("...nk,...km->...nm", a, b), lambda t, a, b: a @ b, bilinear=True,
         a=normal(*_a), b=normal(*_b))  # fmt: skip
_COLUMNS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((4, 3), (4, 1)), ((1, 3), (4, 3)), ((3, 1), (1, 2)), ((2, 3, 2), (2, 1, 1)),
]  # fmt: skip
for _a, _b in _COLUMNS:
    case(ops.Add(), lambda a, b: a + b, lambda t, a, b: a + b, bilinear=True, a=normal(*_a), b=normal(*_b))
    case(ops.Subtract(), lambda a, b: a - b, lambda t, a, b: a - b, bilinear=True, a=normal(*_a), b=normal(*_b))
    case(ops.Multiply(), lambda a, b: a * b, lambda t, a, b: a * b, bilinear=True, a=normal(*_a), b=normal(*_b))
    case(ops.Divide(), lambda a, b: a * b**-1, lambda t, a, b: a / b, a=normal(*_a), b=positive(*_b))
    case(ops.Power(), ref.power, lambda t, base, exponent: base**exponent, base=positive(*_a), exponent=normal(*_b))
for _op, _role, _reference, _torch, _prediction, _target in _LOSSES[:-1]:
    for _shape in [(3, 2, 4), (2, 1, 2, 3)]:
        _shown = {_role: _prediction(*_shape), "target": _target(*_shape)}
        case(_op, ref.loss(_reference), _torch, **_shown)
        case(_op, ref.loss(_reference), _torch, **_shown, sample_weight=_random.uniform(0.2, 2, _shape[0]))
        case(_op, ref.loss(_reference), _torch, **_shown, sample_weight=_random.uniform(0.2, 2, _shape[:-1]))
for _op, _role, _reference, _on_logits in [
    (ops.CategoricalCrossEntropy(), "prediction", ref.categorical, False),
    (ops.SoftmaxCrossEntropy(), "logits", ref.categorical_on_logits, True),
]:
    _scores, _labels = normal(2, 3, 4) if _on_logits else shares(2, 3, 4), np.array([[2, 0, 3], [1, 1, 2]])
    for _note, _target in [("-indices", _labels), ("-one-hot", np.eye(4)[_labels])]:
        case(_op, ref.loss(_reference), _classes(_on_logits), note=_note, **{_role: _scores}, target=_target)
        case(_op, ref.loss(_reference), _classes(_on_logits), note=_note, **{_role: _scores}, target=_target,
             sample_weight=np.array([3.0, 2.0]))  # fmt: skip
case(ops.Loss(fourth_powers_over_time, their_derivative, per_sample=True),
     ref.loss(lambda p, t: ((p - t) ** 4).sum()), lambda t, prediction, target: ((prediction - target) ** 4).sum() / 3,
     prediction=normal(3, 2, 2), target=normal(3, 2, 2))  # fmt: skip

# Elementwise ops that came later.
for _a, _b in [*_PAIRS, *_COLUMNS]:
    case(ops.Maximum(), ref.maximum, lambda t, a, b: t.maximum(a, b), a=apart(*_a), b=apart(*_b) * 0.9)
    case(ops.Minimum(), ref.minimum, lambda t, a, b: t.minimum(a, b), a=apart(*_a), b=apart(*_b) * 0.9)
for _shape, _a, _b in [
    ((3, 4), (3, 4), (3, 4)), ((3, 4), (4,), ()), ((3,), (4, 3), (4, 3)), ((4, 1), (4, 3), (1, 3)),
    ((2, 1, 3), (3,), (3,)),
]:  # fmt: skip
    _every_second = np.arange(int(np.prod(_shape))).reshape(_shape) % 2
    for _note, _condition in [("-numbers", 0.5 * _every_second), ("-booleans", _every_second == 0)]:
        case(ops.Where(), ref.where, lambda t, condition, a, b: t.where(condition != 0, a, b), note=_note,
             condition=_condition, a=normal(*_a), b=normal(*_b))  # fmt: skip
for _op, _reference, _torch in [
    (ops.Sin(), lambda z: np.sinh(1j * z) / 1j, lambda t, z: t.sin(z)),
    (ops.Cos(), lambda z: np.cosh(1j * z), lambda t, z: t.cos(z)),
]:
    for _shape in [(3, 4), (), (2, 1, 3)]:
        case(_op, _reference, _torch, z=normal(*_shape))
for _low, _high in [(-1.03, 1.27), (None, 0.97), (-0.53, None)]:
    for _shape in [(3, 5), (), (2, 1, 3)]:
        case(ops.Clip(_low, _high), ref.clip(_low, _high), lambda t, z, a=_low, b=_high: t.clamp(z, a, b),
             z=apart(*_shape))  # fmt: skip
for _op, _reference, _torch in [
    (ops.Softsign(), lambda z: z / (1 + np.sqrt(z**2)), lambda t, z: t.nn.functional.softsign(z)),
    (ops.HardSigmoid(), ref.hard_sigmoid, lambda t, z: t.nn.functional.relu6(z + 3) / 6),
    (ops.SELU(), lambda z: 1.0507009873554805 * ref.where_positive(z, z, 1.6732632423543772 * (np.exp(z) - 1)),
     lambda t, z: t.selu(z)),
    (ops.Mish(), lambda z: z * ((1 + np.exp(z)) ** 2 - 1) / ((1 + np.exp(z)) ** 2 + 1),
     lambda t, z: t.nn.functional.mish(z)),
]:  # fmt: skip
    for _shape in [(5, 5), (), (2, 1, 3)]:
        case(_op, _reference, _torch, z=apart(*_shape))
for _shape, _slopes in [((3, 4), (4,)), ((3, 4), ()), ((2, 3, 4), (4,)), ((2, 3, 4), (3, 4)), ((3, 1), (1,)), ((), ())]:
    case(ops.PReLU(), lambda z, slope: ref.where_positive(z, z, slope * z),
         lambda t, z, slope: t.where(z > 0, z, slope * z), z=apart(*_shape), slope=normal(*_slopes))  # fmt: skip
for _axis, _keep in _AXES:
    _all = (0, 1, 2) if _axis is None else _axis
    case(ops.Var(_axis, _keep), ref.variance(_axis, _keep),
         lambda t, x, a=_all, k=_keep: t.var(x, dim=a, correction=0, keepdim=k), x=normal(2, 3, 4))  # fmt: skip
    case(ops.Norm(_axis, _keep), lambda x, a=_axis, k=_keep: np.sqrt((x**2).sum(axis=a, keepdims=k)),
         lambda t, x, a=_all, k=_keep: t.linalg.vector_norm(x, dim=a, keepdim=k), x=normal(2, 3, 4))  # fmt: skip
for _axis, _shape in [(-1, (3, 4)), (0, (3, 2)), (1, (2, 3, 2)), (-1, (3,)), (-2, (2, 1))]:
    case(ops.Cumsum(_axis), ref.cumsum(_axis), lambda t, x, a=_axis: t.cumsum(x, a), bilinear=True, x=normal(*_shape))


# Losses that came later: smoothed labels, quantiles, focal losses.
def _smoothed(share: float) -> Any:
    def loss(t: Any, target: Any, sample_weight: Any = None, **predictions: Any) -> Any:
        ((role, prediction),) = predictions.items()
        if role == "logits" and prediction.ndim == 2:
            target = target.long() if target.ndim < 2 else target
            losses = t.nn.functional.cross_entropy(prediction, target, reduction="none", label_smoothing=share)
            return _weighted(t, losses, sample_weight)
        scores = t.log_softmax(prediction, -1) if role == "logits" else t.log(prediction)
        classes = prediction.shape[-1]
        target = (
            t.nn.functional.one_hot(target.long(), classes).to(scores.dtype)
            if target.ndim < prediction.ndim
            else target
        )
        return _weighted(t, -((target * (1 - share) + share / classes) * scores).sum(axis=-1), sample_weight)

    return loss


def _smoothed_binary(share: float) -> Any:
    def loss(t: Any, target: Any, sample_weight: Any = None, **predictions: Any) -> Any:
        name = "binary_cross_entropy_with_logits" if "logits" in predictions else "binary_cross_entropy"
        return _elementwise(name)(t, target * (1 - share) + share / 2, sample_weight, **predictions)

    return loss


def _focal_binary(gamma: float, alpha: float | None) -> Any:
    """torchvision's sigmoid_focal_loss for targets of 0 and 1, and the mean of the two for what lies between."""

    def loss(t: Any, target: Any, sample_weight: Any = None, **predictions: Any) -> Any:
        ((role, p),) = predictions.items()
        losses = 0
        for share, of in [(target, t.ones_like(p)), (1 - target, t.zeros_like(p))]:
            name = "binary_cross_entropy_with_logits" if role == "logits" else "binary_cross_entropy"
            surprise = getattr(t.nn.functional, name)(p, of, reduction="none")
            given = t.sigmoid(p) if role == "logits" else p
            one = surprise * (1 - (given * of + (1 - given) * (1 - of))) ** gamma
            losses = losses + share * (one if alpha is None else (alpha * of + (1 - alpha) * (1 - of)) * one)
        return _weighted(t, losses, sample_weight)

    return loss


def _focal_classes(gamma: float, alpha: Any) -> Any:
    def loss(t: Any, target: Any, sample_weight: Any = None, **predictions: Any) -> Any:
        ((role, p),) = predictions.items()
        p = t.softmax(p, -1) if role == "logits" else p
        target = t.nn.functional.one_hot(target.long(), p.shape[-1]).to(p.dtype) if target.ndim < p.ndim else target
        weights = 1 if alpha is None else t.tensor(alpha, dtype=p.dtype)
        return _weighted(t, -(weights * target * (1 - p) ** gamma * t.log(p)).sum(axis=-1), sample_weight)

    return loss


def _pinball(quantiles: Any) -> Any:
    def loss(t: Any, prediction: Any, target: Any, sample_weight: Any = None) -> Any:
        q, d = t.tensor(quantiles, dtype=prediction.dtype), target - prediction
        return _weighted(t, t.maximum(q * d, (q - 1) * d), sample_weight)

    return loss


_BINARY: list[tuple[Any, Any, Any]] = [
    (lambda on: (ops.SigmoidBinaryCrossEntropy if on else ops.BinaryCrossEntropy)(label_smoothing=0.2),
     ref.smoothed_binary(0.2, ref.binary), _smoothed_binary(0.2)),
    *((lambda on, g=_gamma, a=_alpha: (ops.SigmoidFocalCrossEntropy if on else ops.BinaryFocalCrossEntropy)(g, a),
       ref.focal_binary(_gamma, _alpha), _focal_binary(_gamma, _alpha))
      for _gamma, _alpha in [(2.0, None), (0.5, 0.25)]),
]  # fmt: skip
_SEVERAL: list[tuple[Any, Any, Any]] = [
    (lambda on: (ops.SoftmaxCrossEntropy if on else ops.CategoricalCrossEntropy)(label_smoothing=0.2),
     ref.smoothed_classes(0.2, ref.categorical), _smoothed(0.2)),
    *((lambda on, g=_gamma, a=_alpha: (ops.SoftmaxFocalCrossEntropy if on else ops.CategoricalFocalCrossEntropy)(g, a),
       ref.focal_classes(_gamma, _alpha), _focal_classes(_gamma, _alpha))
      for _gamma, _alpha in [(2.0, None), (0.5, (1.0, 3.0, 0.5))]),
]  # fmt: skip
for _on in (False, True):
    _role = "logits" if _on else "prediction"
    for _make, _reference, _torch in _BINARY:
        _reference = ref.loss(ref.on_logits(_reference, ref.sigmoid) if _on else _reference)
        for _note, _shape, _weights in [("", (4, 3), None), ("", (2, 2, 3), 2), ("-yes-and-no", (3, 3), 3)]:
            _shown = {_role: normal(*_shape) if _on else probabilities(*_shape)}
            _shown["target"] = probabilities(*_shape) if not _note else np.eye(3)
            if _weights:
                _shown["sample_weight"] = _random.uniform(0.2, 2, _weights)
            case(_make(_on), _reference, _torch, note=_note, **_shown)
    for _make, _reference, _torch in _SEVERAL:
        _reference = ref.loss(ref.on_logits(_reference, ref.softmax) if _on else _reference)
        for _note, _target in [
            ("", shares(4, 3)), ("-indices", np.array([2, 0, 1, 2])), ("-one-hot", np.eye(3)[[2, 0]]),
            ("-indices", np.array([[2, 0], [1, 1]])),
        ]:  # fmt: skip
            _shape = (*_target.shape, 3) if _note == "-indices" else _target.shape
            _shown = {_role: normal(*_shape) if _on else shares(*_shape), "target": _target}
            if _note != "-indices" or len(_shape) > 2:
                _shown["sample_weight"] = _random.uniform(0.2, 2, len(_target))
            case(_make(_on), _reference, _torch, note=_note, **_shown)
for _quantiles, _shape, _columns, _weights in [
    (0.5, (4, 3), 3, None), (0.1, (3, 1), 1, 3), (0.9, (2, 3, 2), 2, 2), ((0.1, 0.5, 0.9), (4, 3), 1, None),
    ((0.2, 0.7), (2, 3, 2), 1, 2),
]:  # fmt: skip
    _op = ops.PinballLoss(_quantiles)
    _shown = {"prediction": apart(*_shape), "target": zeros(*_shape[:-1], _columns)}
    if _weights:
        _shown["sample_weight"] = _random.uniform(0.2, 2, _weights)
    case(_op, ref.loss(ref.pinball(_op.quantiles)), _pinball(_op.quantiles), **_shown)
for _shape, _weights in (((), [2.0, 0.0, -0.5]), ((2, 3), [2.0, 0.25, -0.5])):
    case(ops.WeightedSum(_weights), lambda _weights=_weights, **parts: np.tensordot(_weights, list(parts.values()), 1),
         lambda t, parts0, parts1, parts2, _weights=_weights: sum(
             weight * part for weight, part in zip(_weights, (parts0, parts1, parts2), strict=True)),
         bilinear=True, **{f"parts{i}": normal(*_shape) for i in range(3)})  # fmt: skip
case(ops.WeightedSum([0.5]), lambda parts0: parts0 - parts0 / 2, lambda t, parts0: parts0 / 2, bilinear=True,
     parts0=normal(3))  # fmt: skip
for _shape in [(4, 3), (2, 2), (3, 1), (1, 3), (3, 2, 4), (2, 1, 2, 3)]:
    _shown = {"prediction": normal(*_shape), "target": normal(*_shape)}
    case(ops.SquaredError(), ref.loss(ref.squared), _squared, **_shown)
    case(ops.SquaredError(), ref.loss(ref.squared), _squared, **_shown,
         sample_weight=_random.uniform(0.2, 2, _shape[:-1]))  # fmt: skip
for _scale, _offset in [
    (2.5, -3.0),
    ((2.0, 0.5, 3.0), (1.0, -2.0, 0.0)),
    (0.25, (1.0, 0.0, -1.0)),
    ((2.0, 0.5, 3.0), 0.0),
]:
    case(ops.Unscale(_scale, _offset), lambda x, a=_scale, b=_offset: np.asarray(b) - np.asarray(a) * -x,
         lambda t, x, a=_scale, b=_offset: t.addcmul(t.tensor(b, dtype=x.dtype), x, t.tensor(a, dtype=x.dtype)),
         x=normal(4, 3))  # fmt: skip
for _shape in [(5, 5), (), (2, 1, 3)]:
    case(ops.HardSwish(), lambda z: z * ref.hard_sigmoid(z), lambda t, z: t.nn.functional.hardswish(z),
         z=away_from(3, 2 * apart(*_shape)))  # fmt: skip
