"""Everything an op refuses, each with one clear error: what was given, what was expected, what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule import ops
from chainrule.errors import ChainruleError, InputError


def a(*shape: int) -> Any:
    return np.full(shape, 0.5, np.float32)


def with_prediction(shape: tuple[int, ...] = (4, 2), target: Any = None, **more: Any) -> dict[str, Any]:
    return {"prediction": a(*shape), "target": a(*shape) if target is None else np.asarray(target), **more}


def logits(target: Any, **more: Any) -> dict[str, Any]:
    return {"logits": a(3, 4), "target": np.asarray(target), **more}


rows = np.eye(4)[:3]

# op, arrays, words of the message.
ARRAYS: list[tuple[Any, dict[str, Any], list[str]]] = [
    # weighted sums
    (
        ops.Linear(),
        dict(x=a(64, 3), weights=a(2, 16)),
        ["x has 3 features", "(64, 3)", "(2, 16)", "Dense(16, inputs=3)"],
    ),
    (ops.Linear(), dict(x=a(3), weights=a(3, 2)), ["x with shape (3,)", "2 axes", "Reshape x to (-1, 1)"]),
    (ops.Linear(), dict(x=a(2, 3, 4), weights=a(3, 2)), ["x has 4 features", "(2, 3, 4)", "Dense(2, inputs=4)"]),
    (ops.Linear(), dict(x=a(2, 3, 4), weights=a(4, 2, 1)), ["weights with shape (4, 2, 1)", "Reshape weights"]),
    (ops.Linear(), dict(x=a(2, 3), weights=a(3)), ["weights with shape (3,)", "(inputs, outputs)"]),
    (ops.Linear(), dict(x=a(2, 3), weights=a(3, 4), bias=a(1, 4)), ["bias with shape (4,)", "for each output"]),
    (ops.Linear(), dict(x=a(2, 3), weights=a(3, 4), bias=a(3)), ["bias (3,)", "bias with shape (4,)"]),
    (ops.Matmul(), dict(a=a(2, 3), b=a(2, 3)), ["a (2, 3), b (2, 3)", "b with 3 rows", "Transpose"]),
    (ops.Matmul(), dict(a=a(3), b=a(3, 3)), ["a with shape (3,)"]),
    (ops.Matmul(), dict(a=a(2, 4, 3), b=a(2, 4, 3)), ["a (2, 4, 3), b (2, 4, 3)", "b with 3 rows", "Transpose"]),
    (ops.Matmul(), dict(a=a(2, 4, 3), b=a(5, 3, 1)), ["a (2, 4, 3), b (5, 3, 1)", "equal shapes"]),
    (ops.Matmul(), dict(a=a(5, 1, 2, 3), b=a(5, 3, 1)), ["a (5, 1, 2, 3), b (5, 3, 1)", "equal shapes"]),
    # broadcasting
    (ops.Subtract(), dict(a=a(5, 1), b=a(5)), ["a (5, 1), b (5,)", "b.reshape((5, 1))"]),
    (ops.Add(), dict(a=a(5, 2), b=a(5, 3)), ["a (5, 2), b (5, 3)", "equal shapes", "(n, k) with (k,) or (n, 1)"]),
    (ops.Add(), dict(a=a(2, 5, 3), b=a(5, 1)), ["a (2, 5, 3), b (5, 1)", "equal shapes"]),
    (ops.Add(), dict(a=a(5, 3), b=a(5)), ["a (5, 3), b (5,)", "Reshape or transpose a or b"]),
    (ops.Add(), dict(a=a(5, 3), b=a(1)), ["b (1,)", "or a number"]),
    (ops.Multiply(), dict(a=a(1, 3), b=a(5, 2)), ["a (1, 3), b (5, 2)"]),
    (ops.Divide(), dict(a=a(2, 3), b=a(3, 2)), ["a (2, 3), b (3, 2)", "b.reshape((2, 3))"]),
    (ops.Power(), dict(base=a(2, 3), exponent=a(2)), ["base (2, 3), exponent (2,)"]),
    (ops.Maximum(), dict(a=a(5, 1), b=a(5)), ["a (5, 1), b (5,)", "equal shapes"]),
    (ops.Minimum(), dict(a=a(2, 3), b=a(3, 2)), ["a (2, 3), b (3, 2)"]),
    (ops.Where(), dict(condition=a(2), a=a(2, 3), b=a(2, 3)), ["condition (2,), a (2, 3)"]),
    (ops.Where(), dict(condition=a(2, 3), a=a(2, 3), b=a(4)), ["a (2, 3), b (4,)"]),
    (ops.WeightedSum([1, 2]), dict(parts0=a(3)), ["parts0 (3,) for 2 weights", "a part for each weight"]),
    (ops.WeightedSum([1, 2]), dict(parts0=a(3), parts1=a(1)), ["parts0 (3,), parts1 (1,)", "all of one shape"]),
    (ops.PReLU(), dict(z=a(2, 3), slope=a(2)), ["slope (2,)", "slope of shape (3,)"]),
    (ops.PReLU(), dict(z=a(3), slope=a(1, 3)), ["slope (1, 3)", "a number"]),
    # reductions
    (ops.Var(axis=2), dict(x=a(2, 3)), ["axis=2", "(2, 3)"]),
    (ops.Var(), dict(x=a(0, 3)), ["(0, 3)", "at least one element"]),
    (ops.Norm(axis=0), dict(x=a()), ["axis=0", "no axis"]),
    (ops.Cumsum(axis=1), dict(x=a(3)), ["x with shape (3,)", "an axis 1"]),
    (ops.Sum(axis=2), dict(x=a(2, 3)), ["axis=2", "(2, 3)", "from -2 to 1"]),
    (ops.Sum(axis=(0, -2)), dict(x=a(2, 3)), ["axis=(0, -2)", "different axes"]),
    (ops.Sum(axis=0), dict(x=a()), ["axis=0", "no axis"]),
    (ops.Mean(), dict(x=a(0, 3)), ["(0, 3)", "at least one element"]),
    (ops.Max(axis=0), dict(x=a(0, 3)), ["(0, 3)", "at least one element"]),
    (ops.LogSumExp(axis=1), dict(x=a(3, 0)), ["(3, 0)", "at least one element"]),
    # shaping
    (ops.Reshape((2, 5)), dict(x=a(3, 4)), ["12 elements", "(2, 5)"]),
    (ops.Reshape((-1, 5)), dict(x=a(3, 4)), ["12 elements", "(-1, 5)"]),
    (ops.Flatten(), dict(x=a()), ["x with shape ()", "at least 1 axis"]),
    (ops.Transpose((0, 1)), dict(x=a(2, 3, 4)), ["axes=(0, 1)", "each axis from 0 to 2 once"]),
    (ops.Transpose((0, 0)), dict(x=a(2, 3)), ["axes=(0, 0)"]),
    (ops.Concatenate(), dict(parts0=a(2, 3), parts1=a(3, 3)), ["parts0 (2, 3), parts1 (3, 3)", "apart from axis 1"]),
    (ops.Concatenate(), dict(parts0=a(2, 3), parts1=a(2)), ["parts1 (2,)"]),
    (ops.Concatenate(2), dict(parts0=a(2, 3), parts1=a(2, 3)), ["an axis 2"]),
    (ops.Slice((0, 5)), dict(x=a(2, 3)), ["(0, 5)", "(2, 3)", "out of bounds"]),
    (ops.Slice((0, 0, 0)), dict(x=a(2, 3)), ["too many indices"]),
    (ops.Gather(), dict(table=a(4, 3), indices=np.array([1, 4])), ["indices[1] = 4", "rows of the table", "0 to 3"]),
    (ops.Gather(), dict(table=a(4, 3), indices=np.array([[-1]])), ["indices[0, 0] = -1"]),
    (ops.Gather(), dict(table=a(4, 3), indices=np.array([0.5])), ["indices[0] = 0.5", "a whole number"]),
    (ops.Gather(), dict(table=a(), indices=np.array([0])), ["table with shape ()"]),
    # activations
    (ops.Softmax(), dict(z=a()), ["z with shape ()", "(samples, classes)"]),
    (ops.Softmax(axis=1), dict(z=a(3)), ["z with shape (3,)", "axis 1"]),
    (ops.LogSoftmax(), dict(z=a(3, 0)), ["(3, 0)", "at least one class"]),
    # losses
    (ops.MeanSquaredError(), with_prediction((4, 1), a(4)), ["prediction (4, 1), target (4,)", "target.reshape"]),
    (ops.SquaredError(), with_prediction((4, 2), a(4, 3)), ["target (4, 3)", "target with shape (4, 2)"]),
    (ops.HalfSquaredError(), with_prediction((4, 2), a(4, 3)), ["target (4, 3)", "target with shape (4, 2)"]),
    (ops.MeanAbsoluteError(), with_prediction((4,), a(4)), ["prediction with shape (4,)", "2 axes", "to (-1, 1)"]),
    (ops.Huber(), with_prediction((0, 2), a(0, 2)), ["(0, 2)", "an empty batch has no mean"]),
    (ops.MeanSquaredError(), with_prediction((3, 0), a(3, 0)), ["(3, 0)", "one output"]),
    (ops.MeanSquaredError(), with_prediction(sample_weight=a(3)), ["sample_weight with shape (3,)", "shape (4,)"]),
    (ops.MeanSquaredError(), with_prediction(sample_weight=a(4, 1)), ["sample_weight with shape (4, 1)"]),
    (ops.MeanSquaredError(), with_prediction(sample_weight=np.zeros(4)), ["only zeros"]),
    (ops.MeanSquaredError(), with_prediction(sample_weight=np.array([1, -2, 1, 1])), ["-2 among them", "at least 0"]),
    (ops.MeanSquaredError(), with_prediction(sample_weight=np.array([1, np.nan, 1, 1])), ["sample_weight", "finite"]),
    (ops.BinaryCrossEntropy(), with_prediction((2, 1), [[1.0], [2.0]]), ["target[1, 0] = 2", "from 0 to 1"]),
    (ops.BinaryCrossEntropy(), with_prediction((2, 1), [[-1.0], [1.0]]), ["target[0, 0] = -1", "0 and 1"]),
    (ops.BinaryCrossEntropy(), with_prediction((1, 1), [[np.nan]]), ["target[0, 0] = nan"]),
    (ops.BinaryCrossEntropy(), dict(prediction=a(1, 1) * 5, target=a(1, 1)), ["2.5", "SigmoidBinaryCrossEntropy"]),
    (ops.SigmoidBinaryCrossEntropy(), logits(np.full((3, 4), 7)), ["target[0, 0] = 7"]),
    (ops.SigmoidBinaryCrossEntropy(), logits([0, 1, 2]), ["logits (3, 4), target (3,)", "one number for each logit"]),
    (ops.SoftmaxCrossEntropy(), logits([0, 4, 1]), ["target[1] = 4", "4 classes", "from 0 to 3"]),
    (ops.SoftmaxCrossEntropy(), logits([0, 1, -1]), ["target[2] = -1"]),
    (ops.SoftmaxCrossEntropy(), logits([0, 1, 1.5]), ["target[2] = 1.5", "a whole number"]),
    (ops.SoftmaxCrossEntropy(), logits([[0], [1], [2]]), ["target (3, 1)", "target.reshape(-1)"]),
    (ops.SoftmaxCrossEntropy(), logits([0, 1]), ["target (2,)", "shape (3,), class indices"]),
    (ops.SoftmaxCrossEntropy(), logits(np.eye(5)[:3]), ["target (3, 5)", "(3, 4), one-hot"]),
    (ops.SoftmaxCrossEntropy(), logits(2 * rows), ["target[0, 0] = 2"]),
    (ops.SoftmaxCrossEntropy(), logits(0 * rows), ["target[0] with sum 0", "add up to 1"]),
    (ops.SoftmaxCrossEntropy(), logits(np.minimum(rows + rows[::-1], 1)), ["target[0] with sum 2", "Sigmoid"]),
    (ops.SoftmaxCrossEntropy(), logits([0, 1, 2], sample_weight=np.zeros(3)), ["only zeros"]),
    (
        ops.SoftmaxCrossEntropy(),
        dict(logits=a(2, 3, 4), target=np.zeros(2)),
        ["target (2,)", "shape (2, 3), class ind"],
    ),
    (ops.SoftmaxCrossEntropy(), dict(logits=a(2, 3, 4), target=np.zeros(6)), ["target.reshape((2, 3))"]),
    (ops.SoftmaxCrossEntropy(), dict(logits=a(1, 2, 4), target=np.array([[0, 4]])), ["target[0, 1] = 4", "4 classes"]),
    (ops.SoftmaxCrossEntropy(), dict(logits=a(1, 2, 4), target=a(1, 2, 4)), ["target[0, 0] with sum 2"]),
    (ops.MeanSquaredError(), dict(prediction=a(2, 3, 4), target=a(2, 3)), ["target (2, 3)", "shape (2, 3, 4)"]),
    (
        ops.MeanSquaredError(),
        dict(prediction=a(2, 3, 4), target=a(2, 3, 4), sample_weight=a(3)),
        ["shape (2,)", "or (2, 3), one"],
    ),
    (ops.CategoricalCrossEntropy(), dict(prediction=-a(2, 3), target=np.array([0, 1])), ["-0.5", "SoftmaxCross"]),
    (ops.CategoricalCrossEntropy(), dict(prediction=a(3, 4), target=np.array([0, 1, 9])), ["target[2] = 9"]),
    (ops.PinballLoss(0.5), with_prediction((4, 2), a(4, 1)), ["target (4, 1)", "target with shape (4, 2)"]),
    (ops.PinballLoss((0.1, 0.9)), with_prediction((4, 2), a(4, 2)), ["target (4, 2)", "target.reshape(4, 1)"]),
    (ops.PinballLoss((0.1, 0.9)), with_prediction((4, 3), a(4, 1)), ["3 outputs", "2 outputs"]),
    (ops.PinballLoss((0.1, 0.9)), with_prediction((4,), a(4)), ["prediction with shape (4,)", "2 axes"]),
    (ops.PinballLoss((0.1, 0.9)), with_prediction((4, 2), a(4, 1), sample_weight=a(3)), ["shape (4,)"]),
    (ops.SigmoidFocalCrossEntropy(), logits(np.full((3, 4), 7)), ["target[0, 0] = 7"]),
    (ops.BinaryFocalCrossEntropy(), dict(prediction=a(1, 1) * 5, target=a(1, 1)), ["2.5", "SigmoidFocalCrossEntr"]),
    (ops.CategoricalFocalCrossEntropy(), dict(prediction=-a(2, 3), target=np.array([0, 1])), ["SoftmaxFocalCross"]),
    (ops.SoftmaxFocalCrossEntropy(alpha=(1, 2)), logits([0, 1, 1]), ["4 outputs for", "2 outputs"]),
    (ops.Loss(np.sum, np.cos), with_prediction(sample_weight=a(4)), ["numpy.sum", "per_sample=True"]),
    (ops.Loss(np.sum, np.cos), with_prediction((4, 2), a(3, 2)), ["as many targets as predictions"]),
]

# kind, settings, words of the message.
SETTINGS: list[tuple[Any, dict[str, Any], list[str]]] = [
    (ops.LeakyReLU, dict(slope=-0.1), ["LeakyReLU slope", "-0.1", "of at least 0"]),
    (ops.LeakyReLU, dict(slope="0.1"), ["LeakyReLU slope", "'0.1'"]),
    (ops.LeakyReLU, dict(slope=2), ["of at most 1"]),
    (ops.ELU, dict(alpha=0), ["ELU alpha", "above 0"]),
    (ops.Clip, dict(low=1, high=1), ["Clip high", "above 1"]),
    (ops.Clip, dict(low="0"), ["Clip low", "'0'"]),
    (ops.Cumsum, dict(axis=0.5), ["Cumsum axis", "0.5"]),
    (ops.Norm, dict(axis="rows"), ["Norm axis", "'rows'"]),
    (ops.Huber, dict(delta=float("nan")), ["Huber delta", "nan", "finite"]),
    (ops.PinballLoss, dict(quantiles=1), ["PinballLoss quantiles[0]", "1", "above 0 and below 1"]),
    (ops.PinballLoss, dict(quantiles=(0.1, "0.9")), ["PinballLoss quantiles[1]", "'0.9'"]),
    (ops.PinballLoss, dict(quantiles=[]), ["PinballLoss quantiles", "several numbers", "(0.1, 0.5, 0.9)"]),
    (ops.PinballLoss, dict(quantiles="0.5"), ["PinballLoss quantiles", "'0.5'"]),
    (ops.BinaryFocalCrossEntropy, dict(alpha=1), ["BinaryFocalCrossEntropy alpha", "below 1"]),
    (ops.SoftmaxFocalCrossEntropy, dict(gamma=-1), ["SoftmaxFocalCrossEntropy gamma", "of at least 0"]),
    (ops.SoftmaxFocalCrossEntropy, dict(alpha=0.25), ["SoftmaxFocalCrossEntropy alpha", "several numbers"]),
    (ops.CategoricalFocalCrossEntropy, dict(alpha=(1, 0)), ["CategoricalFocalCrossEntropy alpha[1]", "above 0"]),
    (ops.BinaryCrossEntropy, dict(label_smoothing=1), ["BinaryCrossEntropy label_smoothing", "below 1"]),
    (ops.SoftmaxCrossEntropy, dict(label_smoothing=-0.1), ["SoftmaxCrossEntropy label_smoothing", "at least 0"]),
    (ops.L1Penalty, dict(factor=-1), ["L1Penalty factor", "-1"]),
    (ops.L2Penalty, dict(factor=float("inf")), ["L2Penalty factor", "inf"]),
    (ops.Sum, dict(axis="rows"), ["Sum axis", "'rows'", "whole number"]),
    (ops.Softmax, dict(axis=1.5), ["Softmax axis", "1.5"]),
    (ops.WeightedSum, dict(weights=(1, "2")), ["WeightedSum weights", "'2'"]),
    (ops.Concatenate, dict(axis=None), ["Concatenate axis", "None"]),
    (ops.Reshape, dict(shape=(-1, -1)), ["Reshape shape", "at most one -1"]),
    (ops.Reshape, dict(shape=(2.5,)), ["Reshape shape", "2.5"]),
    (ops.Transpose, dict(axes=(0, "1")), ["Transpose axes", "'1'"]),
    (ops.Slice, dict(key=np.array([0, 1])), ["Slice key", "array([0, 1])", "gather"]),
    (ops.Slice, dict(key=([0, 1], 0)), ["Slice key", "[0, 1]", "gather"]),
    (ops.Slice, dict(key=(True,)), ["Slice key", "True", "slices"]),
    (ops.Slice, dict(key="first"), ["Slice key", "'first'"]),
]


@pytest.mark.parametrize(("op", "arrays", "words"), ARRAYS, ids=[f"{i}-{row[0].name}" for i, row in enumerate(ARRAYS)])
def test_bad_arrays_are_one_clear_error(op: Any, arrays: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        op.check(f"{type(op).__name__} 'hidden'", **arrays)
    _expect_words(str(caught.value), [f"{type(op).__name__} 'hidden': got ", *words])


@pytest.mark.parametrize(("kind", "settings", "words"), SETTINGS, ids=str)
def test_bad_settings_are_one_clear_error(kind: Any, settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ChainruleError) as caught:
        kind(**settings)
    _expect_words(str(caught.value), words)


def _expect_words(message: str, words: list[str]) -> None:
    for word in [*words, ": got ", ", but expected "]:
        assert word in message, message
    assert message.endswith(".")
    assert ".." not in message.replace("...", "")
    assert "\n" not in message
    assert len(message) < 420
