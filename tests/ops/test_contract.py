"""What every op promises apart from being right: dtypes, shapes, no mutation, any memory layout, NaN that shows."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from chainrule import ops
from tests.ops.cases import CASES, Case
from tests.ops.checking import backward, close, cotangents, jacobian

pytestmark = pytest.mark.slow  # thousands of cases

each_case = pytest.mark.parametrize("case", CASES, ids=str)
ELEMENTWISE = list({repr(c.op): c.op for c in CASES if c.roles == ["z"] and not hasattr(c.op, "axis")}.values())


def in_dtype(arrays: dict[str, Any], dtype: Any) -> dict[str, Any]:
    return {role: np.asarray(a, dtype) if a.dtype.kind == "f" else a for role, a in arrays.items()}


@each_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_shape_are_kept(case: Case, dtype: Any) -> None:
    arrays = in_dtype(case.arrays, dtype)
    y = case.op.forward(**arrays)
    assert y.dtype == dtype
    dy = np.asarray(cotangents(case)[0], dtype)
    for role, derivative in backward(case, dy, arrays).items():
        if role in case.roles:
            assert derivative.dtype == dtype
            assert derivative.shape == arrays[role].shape
            close(derivative, backward(case, cotangents(case)[0])[role], 1e-3 if dtype == np.float32 else 1e-15)


@each_case
def test_labels_and_weights_of_another_dtype_widen_nothing(case: Case) -> None:
    arrays = in_dtype(case.arrays, np.float32)
    for role in case.op.constant:
        if role in arrays and np.all(arrays[role] == np.round(arrays[role])):
            arrays[role] = arrays[role].astype(np.int64)
        elif role in arrays:
            arrays[role] = arrays[role].astype(np.float64)
    y = case.op.forward(**arrays)
    assert y.dtype == np.float32
    for role in case.roles:
        assert backward(case, np.asarray(cotangents(case)[0], np.float32), arrays)[role].dtype == np.float32


@pytest.mark.parametrize("case", [case for case in CASES if not case.note.endswith("any-sum")], ids=str)
def test_check_accepts_what_fits(case: Case) -> None:
    case.op.check("here", **case.arrays)


@each_case
def test_nothing_given_is_changed(case: Case) -> None:
    arrays = {role: a.copy() for role, a in case.arrays.items()}
    y = np.array(case.op.forward(**arrays))
    dy = cotangents(case)[0].copy()
    given = [*arrays.values(), y, dy]
    before = [a.tobytes() for a in given]
    for a in given:
        a.flags.writeable = False
    case.op.forward(**arrays)
    case.op.backward(dy, y, **arrays)
    assert [a.tobytes() for a in given] == before


@each_case
def test_a_second_call_gives_the_same_bytes(case: Case) -> None:
    dy = cotangents(case)[0]
    assert np.asarray(case.op.forward(**case.arrays)).tobytes() == np.asarray(case.op.forward(**case.arrays)).tobytes()
    first, second = backward(case, dy), backward(case, dy)
    for role in case.roles:
        assert np.asarray(first[role]).tobytes() == np.asarray(second[role]).tobytes()


@each_case
def test_backward_is_linear_in_what_comes_back(case: Case) -> None:
    one, other, *_ = cotangents(case)
    both, first, second = backward(case, 2 * one - other), backward(case, one), backward(case, other)
    nothing = backward(case, np.zeros_like(one))
    for role in case.roles:
        close(both[role], 2 * first[role] - second[role], 1e-12)
        assert not np.any(nothing[role])


def _layouts(array: Any) -> dict[str, Any]:
    """The same numbers, laid out in memory in every way NumPy knows."""
    found = {"C": np.array(array, order="C"), "F": np.array(array, order="F")}
    if array.ndim:
        wide = np.full([2 * n for n in array.shape], np.nan, array.dtype) if array.dtype.kind == "f" else None
        if wide is not None:
            every_second = (slice(None, None, 2),) * array.ndim
            wide[every_second] = array
            found["strided"] = wide[every_second]
        backwards = (slice(None, None, -1),) * array.ndim
        found["negative strides"] = array[backwards].copy()[backwards]
        found["transposed"] = np.array(array.T, order="C").T
    read_only = array.copy()
    read_only.flags.writeable = False
    return found | {"read-only": read_only}


@each_case
def test_memory_layout_does_not_matter(case: Case) -> None:
    dy = cotangents(case)[0]
    y, derivatives = case.op.forward(**case.arrays), backward(case, dy)
    for name in ("C", "F", "strided", "negative strides", "transposed", "read-only"):
        arrays = {role: _layouts(a).get(name, a) for role, a in case.arrays.items()}
        close(case.op.forward(**arrays), y, 1e-13)
        for sent in (dy, _layouts(dy).get(name, dy)):
            got = case.op.backward(sent, y, **arrays)
            for role in case.roles:
                close(got[role], derivatives[role], 1e-13)


@each_case
def test_broadcast_arrays_are_as_good_as_their_copies(case: Case) -> None:
    for role in case.roles:
        array = case.arrays[role]
        if array.ndim == 0:
            continue
        view = np.broadcast_to(array[:1], array.shape)
        dy = cotangents(case)[0]
        got = backward(case, dy, case.arrays | {role: view})
        expected = backward(case, dy, case.arrays | {role: view.copy()})
        for other in case.roles:
            close(got[other], expected[other], 1e-13)


@each_case
def test_nan_shows(case: Case) -> None:
    for role in case.roles:
        spoilt = case.arrays[role].copy()
        spoilt.reshape(-1)[int(np.argmax(np.abs(jacobian(case, role)).sum(axis=0)))] = np.nan
        assert np.isnan(case.op.forward(**(case.arrays | {role: spoilt}))).any(), role
        dy = np.full(np.shape(case.op.forward(**case.arrays)), np.nan)
        assert np.isnan(backward(case, dy)[role]).any(), role


@pytest.mark.parametrize("op", ELEMENTWISE, ids=repr)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (1,), (1, 1), ()])
def test_elementwise_ops_take_any_shape(op: Any, shape: tuple[int, ...]) -> None:
    z = np.full(shape, 0.7, np.float32)
    op.check("here", z=z)
    y = op.forward(z)
    assert np.shape(y) == np.shape(op.backward(np.ones(shape, np.float32), y, z)["z"]) == shape


NO_SAMPLES: list[tuple[Any, dict[str, tuple[int, ...]], tuple[int, ...]]] = [
    (ops.Linear(), {"x": (0, 3), "weights": (3, 2), "bias": (2,)}, (0, 2)),
    (ops.Matmul(), {"a": (0, 3), "b": (3, 2)}, (0, 2)),
    (ops.Add(), {"a": (0, 3), "b": (3,)}, (0, 3)),
    (ops.Subtract(), {"a": (3,), "b": (0, 3)}, (0, 3)),
    (ops.WeightedSum([1, 2]), {"parts0": (0, 3), "parts1": (0, 3)}, (0, 3)),
    (ops.Multiply(), {"a": (0, 3), "b": ()}, (0, 3)),
    (ops.Divide(), {"a": (0, 3), "b": (3,)}, (0, 3)),
    (ops.Power(), {"base": (0, 3), "exponent": ()}, (0, 3)),
    (ops.Maximum(), {"a": (0, 3), "b": (0, 1)}, (0, 3)),
    (ops.Minimum(), {"a": (0, 3), "b": (3,)}, (0, 3)),
    (ops.Where(), {"condition": (0, 1), "a": (0, 3), "b": ()}, (0, 3)),
    (ops.PReLU(), {"z": (0, 3), "slope": (3,)}, (0, 3)),
    (ops.Linear(), {"x": (0, 4, 3), "weights": (3, 2), "bias": (2,)}, (0, 4, 2)),
    (ops.Matmul(), {"a": (0, 4, 3), "b": (3, 2)}, (0, 4, 2)),
    (ops.Var(axis=1), {"x": (0, 3)}, (0,)),
    (ops.Norm(), {"x": (0, 3)}, ()),
    (ops.Norm(axis=0), {"x": (0, 3)}, (3,)),
    (ops.Cumsum(), {"x": (0, 3)}, (0, 3)),
    (ops.Cumsum(0), {"x": (0, 3)}, (0, 3)),
    (ops.Sum(), {"x": (0, 3)}, ()),
    (ops.Sum(axis=0), {"x": (0, 3)}, (3,)),
    (ops.Mean(axis=1), {"x": (0, 3)}, (0,)),
    (ops.Max(axis=1), {"x": (0, 3)}, (0,)),
    (ops.LogSumExp(axis=1), {"x": (0, 3)}, (0,)),
    (ops.Reshape((-1, 2, 2)), {"x": (0, 4)}, (0, 2, 2)),
    (ops.Flatten(), {"x": (0, 2, 3)}, (0, 6)),
    (ops.Transpose(), {"x": (0, 3)}, (3, 0)),
    (ops.Concatenate(), {"parts0": (0, 3), "parts1": (0, 1)}, (0, 4)),
    (ops.Slice((slice(None), 0)), {"x": (0, 3)}, (0,)),
    (ops.Gather(), {"table": (4, 3), "indices": (0,)}, (0, 3)),
    (ops.Softmax(), {"z": (0, 3)}, (0, 3)),
    (ops.LogSoftmax(), {"z": (0, 3)}, (0, 3)),
    (ops.L2Penalty(1.0), {"weights": (0, 3)}, ()),
    (ops.L1Penalty(1.0), {"weights": (0, 3)}, ()),
]


@pytest.mark.parametrize(("op", "shapes", "expected"), NO_SAMPLES, ids=lambda value: repr(value).replace(" ", ""))
def test_no_samples_are_fine(op: Any, shapes: dict[str, tuple[int, ...]], expected: tuple[int, ...]) -> None:
    arrays = {role: np.ones(shape, np.float32) for role, shape in shapes.items()}
    op.check("here", **arrays)
    y = op.forward(**arrays)
    assert np.shape(y) == expected
    derivatives = op.backward(np.ones(expected, np.float32), y, **arrays)
    for role, array in arrays.items():
        if op.differentiable(role):
            assert np.shape(derivatives[role]) == array.shape


@each_case
def test_settings_and_result_survive_a_pickle(case: Case) -> None:
    copy = pickle.loads(pickle.dumps(case.op))
    assert type(copy) is type(case.op)
    assert copy.settings() == case.op.settings()
    assert repr(copy) == repr(case.op)
    assert np.array_equal(copy.forward(**case.arrays), case.op.forward(**case.arrays))


EXTREMES = np.float32([0, -0.0, 1e-45, -1e-45, 1e-30, -1e-30, 1, -1, 88, 89, -88, -104, 1e4, -1e4, 3e38, -3e38])


@pytest.mark.parametrize("case", [case for case in CASES if not case.op.constant], ids=str)
def test_no_finite_input_makes_an_op_warn(case: Case) -> None:
    random = np.random.default_rng(0)
    for _ in range(8):
        arrays = {role: random.choice(EXTREMES, a.shape) for role, a in case.arrays.items()}
        y = case.op.forward(**arrays)
        case.op.backward(random.choice(EXTREMES, np.shape(y)), y, **arrays)


@pytest.mark.parametrize("case", [case for case in CASES if case.op.constant], ids=str)
def test_no_finite_prediction_makes_a_loss_warn(case: Case) -> None:
    role = case.roles[0]
    for z in EXTREMES:
        arrays = in_dtype(case.arrays | {role: np.full(case.arrays[role].shape, z)}, np.float32)
        y = case.op.forward(**arrays)
        case.op.backward(np.full(np.shape(y), 3e38, np.float32), y, **arrays)


def test_an_op_of_ones_own_reads_its_roles_off_forward() -> None:
    class Mix(ops.Op):
        """y = a + weight · b
        ∂a = ∂y   ∂b = ∂y · weight"""

        constant = ("weight",)

        def forward(self, a: Any, b: Any, weight: Any = None) -> Any:
            return a + b if weight is None else a + weight * b

        def backward(self, dy: Any, y: Any, a: Any, b: Any, weight: Any = None) -> Any:
            return dict(a=dy, b=dy if weight is None else dy * weight)

    class GatedUnit3(ops.Op):
        def forward(self, *parts: Any) -> Any:
            return sum(parts)

        def backward(self, dy: Any, y: Any, *parts: Any) -> Any:
            return {f"parts{i}": dy for i in range(len(parts))}

    assert Mix.name == "mix"
    assert Mix.roles == ("a", "b", "weight")
    assert Mix.optional == {"weight"}
    assert Mix.variadic is None
    assert not Mix().differentiable("weight")
    assert GatedUnit3.name == "gated_unit3"
    assert GatedUnit3.variadic == "parts"
    assert GatedUnit3().forward(parts1=2, parts0=1) == GatedUnit3().forward(1, 2) == 3
    assert set(GatedUnit3().backward(1, 3, parts0=1, parts1=2)) == {"parts0", "parts1"}
    assert np.isinf(Mix().forward(np.float32(3e38), np.float32(3e38)))  # and no warning
