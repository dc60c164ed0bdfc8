"""The numbers that must come out exactly: derivatives at kinks, and values where a naive formula overflows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule import ops

inf, nan = np.inf, np.nan
Z = "z"

# op, arrays, role, the derivative for an incoming derivative of ones.
KINKS: list[tuple[Any, dict[str, Any], str, Any]] = [
    (ops.ReLU(), {"z": [0.0, -0.0, 1.0, -1.0]}, Z, [0, 0, 1, 0]),
    (ops.LeakyReLU(slope=0.25), {"z": [0.0, -0.0, 1.0, -1.0]}, Z, [0.25, 0.25, 1, 0.25]),
    (ops.ELU(), {"z": [0.0, -0.0]}, Z, [1, 1]),
    (ops.ELU(alpha=0.5), {"z": [0.0, -0.0]}, Z, [1, 1]),
    (ops.Absolute(), {"z": [0.0, -0.0, 2.0, -2.0]}, Z, [0, 0, 1, -1]),
    (ops.Maximum(), {"a": [0.0, 1.0, 2.0, -0.0], "b": [0.0, 2.0, 1.0, 0.0]}, "a", [0.5, 0, 1, 0.5]),
    (ops.Maximum(), {"a": [0.0, 1.0, 2.0, inf], "b": [0.0, 2.0, 1.0, inf]}, "b", [0.5, 1, 0, 0.5]),
    (ops.Minimum(), {"a": [0.0, 1.0, 2.0], "b": [0.0, 2.0, 1.0]}, "a", [0.5, 1, 0]),
    (ops.Minimum(), {"a": [0.0, 1.0, 2.0], "b": [0.0, 2.0, 1.0]}, "b", [0.5, 0, 1]),
    (ops.Clip(-1, 2), {"z": [-1.0, 2.0, 0.0, -9.0, 9.0]}, Z, [0, 0, 1, 0, 0]),
    (ops.Clip(low=0), {"z": [0.0, -0.0, 3e38]}, Z, [0, 0, 1]),
    (ops.Norm(), {"x": [0.0, 0.0, -0.0]}, "x", [0, 0, 0]),
    (ops.Norm(axis=1), {"x": [[3.0, -4.0], [0.0, 0.0]]}, "x", np.float64([[3, -4], [0, 0]]) / [[5], [1]]),
    (ops.HardSigmoid(), {"z": [-3.0, 3.0, 9.0, -9.0]}, Z, [0, 0, 0, 0]),
    (ops.HardSwish(), {"z": [-3.0, 3.0, 9.0, -9.0, 0.0, inf, -inf, 3e38]}, Z, [0, 1, 1, 0, 0.5, 1, 0, 1]),
    (ops.SELU(), {"z": [0.0, -0.0, -1000.0]}, Z, [1.0507009873554805, 1.0507009873554805, 0]),
    (ops.PReLU(), {"z": [0.0, -0.0, 2.0, -2.0], "slope": 0.25}, Z, [0.25, 0.25, 1, 0.25]),
    (ops.PReLU(), {"z": [0.0, -0.0, 2.0, -2.0], "slope": 0.25}, "slope", -2),
    (ops.Softsign(), {"z": [0.0, -0.0, 1.0, -1.0]}, Z, [1, 1, 0.25, 0.25]),
    (ops.Mish(), {"z": [0.0, 1000.0, -1000.0, 3e38, -3e38]}, Z, [0.6, 1, 0, 1, 0]),
    (ops.Where(), {"condition": [1.0, 0.0, nan], "a": [1.0, 1.0, 1.0], "b": [inf, inf, inf]}, "a", [1, 0, 1]),
    (ops.Sqrt(), {"z": [0.0, -0.0]}, Z, [inf, inf]),
    (ops.Log(), {"z": [0.0, -0.0]}, Z, [inf, inf]),
    (ops.Sigmoid(), {"z": [0.0, -0.0]}, Z, [0.25, 0.25]),
    (ops.Tanh(), {"z": [0.0, 1000.0, -1000.0]}, Z, [1, 0, 0]),
    (ops.GELU(), {"z": [0.0, 1000.0, -1000.0]}, Z, [0.5, 1, 0]),
    (ops.GELU(approximate=True), {"z": [0.0, 1000.0, -1000.0, 3e38, -3e38]}, Z, [0.5, 1, 0, 1, 0]),
    (ops.SiLU(), {"z": [0.0, 1000.0, -1000.0]}, Z, [0.5, 1, 0]),
    (ops.Softplus(), {"z": [0.0, 1000.0, -1000.0]}, Z, [0.5, 1, 0]),
    (ops.Max(), {"x": [1.0, 3.0, 3.0]}, "x", [0, 0.5, 0.5]),
    (ops.Max(axis=1), {"x": [[2.0, 2.0, 2.0, 2.0], [0.0, -0.0, -1.0, -inf]]}, "x",
     [[0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0]]),
    (ops.LogSumExp(axis=1), {"x": [[-inf, -inf], [-inf, 0.0], [1e4, -1e4]]}, "x", [[0, 0], [0, 1], [1, 0]]),
    (ops.Power(), {"base": [0.0, 0.0, 0.0, -2.0, -0.0], "exponent": [0.0, 1.0, 0.5, 2.0, 2.0]}, "base",
     [0, 1, inf, -4, 0]),
    (ops.Power(), {"base": [0.0, 0.0, 0.0, 1.0, -2.0], "exponent": [0.0, 1.0, -1.0, 5.0, 2.0]}, "exponent",
     [0, 0, -inf, 0, nan]),
    (ops.Divide(), {"a": [1.0, 0.0], "b": [0.0, 2.0]}, "a", [inf, 0.5]),
    (ops.L1Penalty(2.0), {"weights": [0.0, -0.0, 3.0, -3.0]}, "weights", [0, 0, 2, -2]),
    (ops.MeanAbsoluteError(), {"prediction": [[0.0, 2.0]], "target": [[0.0, 1.0]]}, "prediction", [[0, 0.5]]),
    (ops.Huber(), {"prediction": [[1.0, -1.0]], "target": [[0.0, 0.0]]}, "prediction", [[0.5, -0.5]]),
    (ops.Huber(delta=0.5), {"prediction": [[0.5, 9.0]], "target": [[0.0, 0.0]]}, "prediction", [[0.25, 0.25]]),
    (ops.PinballLoss((0.2, 0.7)), {"prediction": [[1.0, 1.0], [2.0, 0.0]], "target": [[1.0], [1.0]]}, "prediction",
     [[0, 0], [0.2, -0.175]]),
    (ops.BinaryCrossEntropy(), {"prediction": [[0.0], [1.0], [0.0], [1.0]], "target": [[0.0], [1.0], [1.0], [0.0]]},
     "prediction", [[0.25], [-0.25], [-inf], [inf]]),
    (ops.CategoricalCrossEntropy(), {"prediction": [[0.0, 1.0], [0.0, 1.0]], "target": [[0.0, 1.0], [1.0, 0.0]]},
     "prediction", [[0, -0.5], [-inf, 0]]),
    (ops.SoftmaxCrossEntropy(), {"logits": [[1e4, -1e4]], "target": [1]}, "logits", [[1, -1]]),
    (ops.SigmoidBinaryCrossEntropy(), {"logits": [[1e4], [-1e4]], "target": [[0.0], [1.0]]}, "logits", [[0.5], [-0.5]]),
    (ops.SigmoidBinaryCrossEntropy(), {"logits": [[1e4], [-1e4]], "target": [[1.0], [0.0]]}, "logits", [[0], [0]]),
    (ops.BinaryFocalCrossEntropy(), {"prediction": [[0.0], [1.0], [0.0], [1.0]],
     "target": [[0.0], [1.0], [1.0], [0.0]]}, "prediction", [[0], [0], [-inf], [inf]]),
    (ops.CategoricalFocalCrossEntropy(), {"prediction": [[0.0, 1.0], [0.0, 1.0]], "target": [1, 0]}, "prediction",
     [[0, 0], [-inf, 0]]),
    (ops.SoftmaxFocalCrossEntropy(0.5), {"logits": [[1e4, -1e4]], "target": [1]}, "logits", [[1, -1]]),
    (ops.SoftmaxFocalCrossEntropy(0.5), {"logits": [[1e4, -1e4]], "target": [0]}, "logits", [[0, 0]]),
    (ops.SigmoidFocalCrossEntropy(0.5), {"logits": [[1e4], [-1e4]], "target": [[0.0], [1.0]]}, "logits",
     [[0.5], [-0.5]]),
    (ops.SigmoidFocalCrossEntropy(0.5), {"logits": [[3e38], [-3e38]], "target": [[1.0], [0.0]]}, "logits", [[0], [0]]),
    (ops.Softmax(), {"z": [[1e4, 0.0, -1e4]]}, Z, [[0, 0, 0]]),
]  # fmt: skip

# op, arrays, the value.
EXACT: list[tuple[Any, dict[str, Any], Any]] = [
    (ops.Sigmoid(), {"z": [1000.0, -1000.0, 0.0, inf, -inf]}, [1, 0, 0.5, 1, 0]),
    (ops.Tanh(), {"z": [1000.0, -1000.0, -0.0]}, [1, -1, 0]),
    (ops.Softmax(), {"z": [[1e4, 0.0, -1e4]]}, [[1, 0, 0]]),
    (ops.Softmax(), {"z": [[3e38, -3e38, 0.0]]}, [[1, 0, 0]]),
    (ops.LogSoftmax(), {"z": [[1e4, 0.0, -1e4]]}, [[0, -1e4, -2e4]]),
    (ops.LogSumExp(), {"x": [-inf, -inf]}, -inf),
    (ops.LogSumExp(), {"x": [-inf, 7.0]}, 7),
    (ops.LogSumExp(), {"x": [inf, 7.0]}, inf),
    (ops.LogSumExp(), {"x": [1e4, 1e4]}, np.float64(np.log(2)) + 1e4),
    (ops.Softplus(), {"z": [1000.0, -1000.0]}, [1000, 0]),
    (ops.GELU(), {"z": [1000.0, -1000.0, 0.0, 3e38, -3e38]}, [1000, 0, 0, 3e38, 0]),
    (ops.GELU(approximate=True), {"z": [1000.0, -1000.0, 0.0, 3e38, -3e38]}, [1000, 0, 0, 3e38, 0]),
    (ops.SiLU(), {"z": [1000.0, -1000.0, 0.0, 3e38, -3e38]}, [1000, 0, 0, 3e38, 0]),
    (ops.ELU(), {"z": [-1000.0, 3e38, 0.0]}, [-1, 3e38, 0]),
    (ops.ReLU(), {"z": [inf, -inf, -0.0]}, [inf, 0, 0]),
    (ops.HardSigmoid(), {"z": [-3.0, 0.0, 3.0, inf, -inf, 3e38]}, [0, 0.5, 1, 1, 0, 1]),
    (ops.HardSwish(), {"z": [-3.0, 0.0, 3.0, inf, -inf, 3e38, -1.5]}, [0, 0, 3, inf, 0, 3e38, -0.375]),
    (ops.Clip(-1, 2), {"z": [inf, -inf, 3.0, 0.5]}, [2, -1, 2, 0.5]),
    (ops.Mish(), {"z": [1000.0, -1000.0, 0.0, 3e38, -3e38]}, [1000, 0, 0, 3e38, 0]),
    (ops.SELU(), {"z": [0.0, -1000.0]}, [0, -1.0507009873554805 * 1.6732632423543772]),
    (ops.Softsign(), {"z": [1.0, -1.0, 3e38, 0.0]}, [0.5, -0.5, 1, 0]),
    (ops.Norm(), {"x": [3e30, -4e30]}, 5e30),
    (ops.Var(), {"x": [1e8, 1e8 + 8, 1e8 - 8, 1e8]}, 32),
    (ops.Cumsum(), {"x": [1.0, -1.0, 2.0, inf]}, [1, 0, 2, inf]),
    (ops.Where(), {"condition": [True, False], "a": [1.0, nan], "b": [nan, 2.0]}, [1, 2]),
    (ops.Exp(), {"z": [1000.0, -1000.0, 0.0]}, [inf, 0, 1]),
    (ops.Log(), {"z": [0.0, 1.0, -1.0]}, [-inf, 0, nan]),
    (ops.Sqrt(), {"z": [0.0, 4.0, -1.0]}, [0, 2, nan]),
    (ops.Divide(), {"a": [1.0, 0.0, -1.0], "b": [0.0, 0.0, 0.0]}, [inf, nan, -inf]),
    (ops.Power(), {"base": [0.0, 0.0, -2.0, -8.0], "exponent": [0.0, -1.0, 3.0, 0.5]}, [1, inf, -8, nan]),
    (ops.SoftmaxCrossEntropy(), {"logits": [[1e4, -1e4]], "target": [1]}, 20000),
    (ops.SoftmaxCrossEntropy(), {"logits": [[3e38, -3e38]], "target": [0]}, 0),
    (ops.SigmoidBinaryCrossEntropy(), {"logits": [[1e4], [-1e4]], "target": [[0.0], [1.0]]}, 10000),
    (ops.SigmoidBinaryCrossEntropy(), {"logits": [[1e4], [-1e4]], "target": [[1.0], [0.0]]}, 0),
    (ops.BinaryCrossEntropy(), {"prediction": [[0.0], [1.0]], "target": [[0.0], [1.0]]}, 0),
    (ops.BinaryCrossEntropy(), {"prediction": [[0.0]], "target": [[1.0]]}, inf),
    (ops.BinaryCrossEntropy(), {"prediction": [[1.0]], "target": [[0.0]]}, inf),
    (ops.CategoricalCrossEntropy(), {"prediction": [[1.0, 0.0]], "target": [0]}, 0),
    (ops.CategoricalCrossEntropy(), {"prediction": [[1.0, 0.0]], "target": [1]}, inf),
    (ops.SoftmaxFocalCrossEntropy(), {"logits": [[1e4, -1e4]], "target": [1]}, 20000),
    (ops.SoftmaxFocalCrossEntropy(), {"logits": [[3e38, -3e38]], "target": [0]}, 0),
    (ops.SigmoidFocalCrossEntropy(), {"logits": [[1e4], [-1e4]], "target": [[0.0], [1.0]]}, 10000),
    (ops.SigmoidFocalCrossEntropy(), {"logits": [[3e38], [-3e38]], "target": [[1.0], [0.0]]}, 0),
    (ops.BinaryFocalCrossEntropy(), {"prediction": [[0.0], [1.0]], "target": [[0.0], [1.0]]}, 0),
    (ops.BinaryFocalCrossEntropy(), {"prediction": [[1.0]], "target": [[0.0]]}, inf),
    (ops.CategoricalFocalCrossEntropy(), {"prediction": [[1.0, 0.0]], "target": [0]}, 0),
    (ops.CategoricalFocalCrossEntropy(), {"prediction": [[1.0, 0.0]], "target": [1]}, inf),
    (ops.Huber(), {"prediction": [[1e30]], "target": [[0.0]]}, 1e30),
]


def _arrays(arrays: dict[str, Any], dtype: Any) -> dict[str, Any]:
    return {r: np.asarray(a, dtype if np.asarray(a).dtype.kind == "f" else None) for r, a in arrays.items()}


def _id(value: Any) -> str | None:
    return repr(value) if isinstance(value, ops.Op) else None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("op", "arrays", "role", "expected"), KINKS, ids=_id)
def test_derivative_at_a_kink(op: Any, arrays: dict[str, Any], role: str, expected: Any, dtype: Any) -> None:
    arrays = _arrays(arrays, dtype)
    y = op.forward(**arrays)
    derivative = op.backward(np.ones(np.shape(y), dtype), y, **arrays)[role]
    np.testing.assert_array_equal(derivative, np.asarray(expected, dtype), strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("op", "arrays", "expected"), EXACT, ids=_id)
def test_value_that_must_be_exact(op: Any, arrays: dict[str, Any], expected: Any, dtype: Any) -> None:
    value = np.asarray(op.forward(**_arrays(arrays, dtype)))
    np.testing.assert_array_equal(value, np.asarray(expected, dtype), strict=True)
