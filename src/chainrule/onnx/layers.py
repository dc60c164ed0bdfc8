"""What each ONNX operator is in chainrule: a layer, and the numbers that belong to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.data.opening import shown
from chainrule.errors import InputError
from chainrule.nn import Dense, Dropout, Layer, PReLU, Rescale
from chainrule.nn.layer import LayerLike
from chainrule.onnx.flow import ROWS, Flow
from chainrule.onnx.model_file import Step, StoredTensor, refusal, text
from chainrule.ops import (
    ELU,
    GELU,
    SELU,
    Array,
    Clip,
    Cumsum,
    Flatten,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    LogSoftmax,
    LogSumExp,
    Max,
    Mean,
    Mish,
    Norm,
    Op,
    Reshape,
    Sigmoid,
    SiLU,
    Slice,
    Softmax,
    Sum,
    Transpose,
    all_ops,
)
from chainrule.ops.activations import SELU_ALPHA, SELU_SCALE

SPARE = 1 << 20  # numbers that layers may have beyond those in the file: a scalar bias becomes a vector

Piece = tuple[str, list[LayerLike]]  # the value that a part of the network starts from, and its layers

_PLAIN: dict[str, type[Op]] = {kind.onnx: kind for kind in all_ops().values() if kind.onnx and kind.is_layer()}
# Layers that change each number by itself.
ELEMENTWISE: tuple[type[Op | Rescale], ...] = (
    *_PLAIN.values(),
    Clip,
    ELU,
    GELU,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    Mish,
    Rescale,
    SELU,
    SiLU,
)
_ARITHMETIC = ("Add", "Sub", "Mul", "Div")
_REDUCTIONS: dict[str, type[Sum] | type[Mean] | type[Norm] | type[Max] | type[LogSumExp]] = {
    "ReduceSum": Sum, "ReduceMean": Mean, "ReduceL2": Norm, "ReduceMax": Max, "ReduceLogSumExp": LogSumExp,
}  # fmt: skip
_MOST_INPUTS = {
    **dict.fromkeys((*_ARITHMETIC, *_REDUCTIONS, "MatMul", "Reshape", "Squeeze", "Unsqueeze", "CumSum"), 2),
    **dict.fromkeys(("PRelu", "Min", "Max", "Gather"), 2),
    **dict.fromkeys(("Gemm", "Dropout", "Clip"), 3), "Slice": 5, "BatchNormalization": 5,
}  # fmt: skip
_FLOATS = {1: np.float32, 11: np.float64}  # TensorProto.DataType


class Weighted(NamedTuple):
    """x @ weights + bias: where x comes from, the numbers, and the nodes that make it."""

    source: str
    weights: Array
    bias: Array | None
    steps: tuple[Step, ...]


class LayerMaker:
    """Turns nodes with one input that depends on the samples into layers.

    Attributes
    ----------
    dense : dict
        The dense layers that have been made, each with its weights (inputs, outputs) and its bias.
    of_rows : list of (Step, Layer)
        What works along axis 1, which must be that of the features.
    slopes : list of (PReLU, array)
        The slopes of layers that learn them.
    classes : tuple of str or None
        Names of classes that a node gives.
    made_by : dict of int to str
        Which node a layer was made of, by the layer's identity.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.dense: dict[tuple[Any, ...], tuple[Dense, Array, Array | None]] = {}
        self.of_rows: list[tuple[Step, Layer]] = []
        self.slopes: list[tuple[PReLU, Array]] = []
        self.classes: tuple[str, ...] | None = None
        self.made_by: dict[int, str] = {}
        self._left = SPARE + sum(math.prod(constant.shape) for constant in flow.model.constants.values())
        self._table: dict[str, Callable[[Step], list[LayerLike]]] = {
            **dict.fromkeys(_PLAIN, self._plain),
            **dict.fromkeys(_REDUCTIONS, self._reduction),
            **dict.fromkeys(_ARITHMETIC, self._arithmetic),
            "Gemm": lambda step: [self._dense(self._gemm_numbers(step))],
            "MatMul": lambda step: [self._dense(self._product(step))],
            "PRelu": self._prelu,
            "Celu": self._celu,
            "HardSwish": lambda step: [HardSwish()],
            "Mish": lambda step: [Mish()],
            "Min": self._bounded,
            "Max": self._bounded,
            "Gather": self._gather,
            "Concat": self._one_branch,
            "ai.onnx.ml.LinearClassifier": self._linear_model,
            "ai.onnx.ml.LinearRegressor": self._linear_model,
            "ai.onnx.ml.Normalizer": self._normalizer,
            "Elu": lambda step: [ELU(_attributes(step, alpha=1.0)["alpha"])],
            "LeakyRelu": lambda step: [LeakyReLU(_attributes(step, alpha=0.01)["alpha"])],
            "Selu": self._selu,
            "HardSigmoid": self._hard_sigmoid,
            "Clip": self._clip,
            "CumSum": self._cumsum,
            "Softmax": lambda step: [Softmax(self._axis(step))],
            "LogSoftmax": lambda step: [LogSoftmax(self._axis(step))],
            "Gelu": self._gelu,
            "Swish": self._swish,
            "Identity": lambda step: [],
            "Dropout": self._dropout,
            "Cast": self._cast,
            "Flatten": self._flatten,
            "Reshape": self._reshape,
            "Transpose": self._transpose,
            "Slice": self._slice,
            "Squeeze": self._squeeze,
            "Unsqueeze": self._unsqueeze,
            "ai.onnx.ml.Scaler": self._scaler,
            "ai.onnx.ml.ZipMap": self._zip_map,
        }

    @property
    def held(self) -> int:
        """How many numbers the layers that have been made take from the file."""
        dense = sum(weights.size + (0 if bias is None else bias.size) for _, weights, bias in self.dense.values())
        return dense + sum(slope.size for _, slope in self.slopes)

    def piece(self, step: Step) -> Piece:
        """Return a node as layers.

        Raises
        ------
        FileError
            If the operator is unknown, or used in a way that no layer has.
        """
        (source,) = self.flow.inputs(step)
        if step.op not in (*self._table, "BatchNormalization"):
            raise refusal(
                step.where,
                f"the operator {shown(step.op)}",
                "one of " + ", ".join(sorted([*self._table, "BatchNormalization"])),
                "No layer here does that: leave it out where the model comes from",
            )
        if len(step.inputs) > _MOST_INPUTS.get(step.op, 1) or (
            source != step.inputs[0] and step.op not in (*_ARITHMETIC, "Min", "Max")
        ):
            raise refusal(step.where, f"the inputs {shown(step.inputs)}", "the samples first, and as many as it takes")
        try:
            return self._piece(step, source)
        except InputError as error:  # settings that the layer refuses
            raise refusal(step.where, error.given, error.expected) from error

    def _piece(self, step: Step, source: str) -> Piece:
        if step.op == "Add":
            found = self._with_bias(step)
            if found is not None:
                return found.source, [self._dense(found)]
        if step.op == "BatchNormalization":
            return self._batch_normalization(step, source)
        return source, self._table[step.op](step)

    def _weighted(self, value: str) -> Weighted | None:
        """Return the weighted sums that a value is, if no other node reads it and it is some."""
        step = self._before(value)
        inputs = [] if step is None else self.flow.inputs(step)
        if step is None or len(inputs) != 1:
            return None
        if step.op == "Add":
            return self._with_bias(step)
        if step.op in ("Gemm", "MatMul") and step.inputs[0] == inputs[0]:
            return self._gemm_numbers(step) if step.op == "Gemm" else self._product(step)
        return None

    def _with_bias(self, step: Step) -> Weighted | None:
        """Return what an Add makes of a product with weights, if it adds a bias."""
        before = self._before(self.flow.inputs(step)[0])
        if before is None or before.op != "MatMul":
            return None
        bias, product = self._other(step), self._product(before)
        if not bias.ndim or bias.size != max(bias.shape) or bias.size != product.weights.shape[1]:
            return None
        return product._replace(bias=bias.reshape(-1), steps=(before, step))

    def _before(self, value: str) -> Step | None:
        """Return the node that makes a value which no other node reads, conversions between floats passed over."""
        while self.flow.readers[value] == 1 and value in self.flow.makers:
            step = self.flow.makers[value]
            if step.op != "Cast":
                return step
            self._cast(step)  # refuses any other conversion
            value = step.inputs[0]
        return None

    # ------------------------------------------------------------------ weighted sums

    def _gemm_numbers(self, step: Step) -> Weighted:
        attributes = _attributes(step, alpha=1.0, beta=1.0, transA=0, transB=0)
        weights, bias = self.flow.array(step, 1), self.flow.array(step, 2)
        if attributes["transA"] or weights is None or weights.ndim != 2:
            raise refusal(
                step.where, "weights that are no constant matrix, or samples in columns", "x @ weights + bias"
            )
        weights = weights.T if attributes["transB"] else weights
        weights = weights if attributes["alpha"] == 1 else weights * weights.dtype.type(attributes["alpha"])
        if bias is not None:
            bias = bias if attributes["beta"] == 1 else bias * bias.dtype.type(attributes["beta"])
            if bias.size not in (1, weights.shape[1]) or bias.size != max(bias.shape, default=1):
                raise refusal(
                    step.where, f"a bias of shape {bias.shape}", f"a number for each of {weights.shape[1]} outputs"
                )
            bias = np.broadcast_to(bias.reshape(-1), weights.shape[1:])
        return Weighted(step.inputs[0], weights, bias, (step,))

    def _product(self, step: Step) -> Weighted:
        _attributes(step)
        weights = self.flow.array(step, 1)
        if weights is None or weights.ndim != 2:
            raise refusal(step.where, "a product that is not samples times a constant matrix", "x @ weights")
        return Weighted(step.inputs[0], weights, None, (step,))

    def _dense(self, found: Weighted) -> Dense:
        """Return the dense layer with these numbers: the same one again if it is used twice."""
        _, weights, bias, steps = found
        if 0 in weights.shape or any(array is not None and array.dtype.kind != "f" for array in (weights, bias)):
            raise refusal(steps[0].where, f"weights of shape {weights.shape} and {weights.dtype}", "a matrix of floats")
        constants = [[name for name in step.inputs if not self.flow.varies(name)] or step.outputs for step in steps]
        key = (str(constants), str([sorted(step.attributes.items()) for step in steps]))
        if key not in self.dense:
            self._left -= weights.size
            if self._left < 0:
                raise refusal(
                    steps[0].where, "weights that are used in many different ways", "layers with weights of their own"
                )
            layer = Dense(weights.shape[1], inputs=weights.shape[0], use_bias=bias is not None)
            self.dense[key] = (layer, weights, bias)
        return self.dense[key][0]

    def summed(self, step: Step, ends: Sequence[LayerLike]) -> Dense | None:
        """Return the dense layer that a sum of dense layers is, fed with their inputs side by side; or None."""
        numbers = {id(layer): (weights, bias) for layer, weights, bias in self.dense.values()}
        found = [numbers[id(layer)] for layer in ends if id(layer) in numbers]
        if len(found) < len(ends) or len({weights.shape[1] for weights, _ in found}) > 1:
            return None
        biases = [bias for _, bias in found if bias is not None]
        stacked = np.concatenate([weights for weights, _ in found])
        layer = self._dense(Weighted("", stacked, np.sum(biases, axis=0) if biases else None, (step,)))
        self.of_rows = [(place, layer if old in ends else old) for place, old in self.of_rows]
        return layer

    def _batch_normalization(self, step: Step, source: str) -> Piece:
        """Return γ (x − mean) / √(var + ε) + β as part of the dense layer before it, or as scaling.

        S. Ioffe and C. Szegedy, *Batch normalization*, 2015, section 3.1.
        """
        told = _attributes(step, epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1)
        if told["training_mode"] or not told["spatial"]:
            fix = "Call model.eval() before the export"
            raise refusal(step.where, "batch normalisation as in training", "that of prediction", fix)
        arrays = [array for i in range(1, 5) if (array := self.flow.array(step, i)) is not None]
        shapes = {array.shape for array in arrays}
        if len(arrays) < 4 or len(shapes) > 1 or arrays[0].ndim != 1 or any(one.dtype.kind != "f" for one in arrays):
            raise refusal(step.where, f"numbers of shapes {sorted(shapes)}", "four for each feature")
        gamma, beta, mean, variance = (np.asarray(array, np.float64) for array in arrays)
        with np.errstate(all="ignore"):
            scale = gamma / np.sqrt(variance + told["epsilon"])
        before = self._weighted(source)
        if before is not None and before.weights.shape[1] == scale.size and np.isfinite(scale).all():
            bias = (0 if before.bias is None else before.bias) * scale + (beta - mean * scale)
            dtype = before.weights.dtype
            folded = Weighted(
                before.source, (before.weights * scale).astype(dtype), bias.astype(dtype), (*before.steps, step)
            )
            layer = self._dense(folded)
            self.of_rows.append((step, layer))
            return folded.source, [layer]
        scaling = Rescale(_settings(step, scale), _settings(step, mean))
        self.of_rows.append((step, scaling))
        return source, [scaling, *([Rescale(offset=_settings(step, -beta))] if beta.any() else [])]

    def _linear_model(self, step: Step) -> list[LayerLike]:
        """Return scikit-learn's linear models: a dense layer, and what turns its sums into probabilities."""
        told = _attributes(
            step, coefficients=(0.0,), intercepts=(0.0,), post_transform=b"NONE", targets=1, multi_class=0,
            classlabels_ints=(0,), classlabels_strings=(b"",),
        )  # fmt: skip
        intercepts = np.array(told["intercepts"], np.float32)
        rows = told["targets"] if step.op.endswith("Regressor") else len(intercepts)
        ends: dict[bytes, list[LayerLike]] = {b"NONE": [], b"LOGISTIC": [Sigmoid()], b"SOFTMAX": [Softmax()]}
        coefficients = np.array(told["coefficients"], np.float32)
        if told["post_transform"] not in ends or len(intercepts) != rows or rows < 1 or len(coefficients) % rows:
            raise refusal(
                step.where, f"{len(coefficients)} coefficients and post_transform={shown(told['post_transform'])}",
                "a number for each feature and output, and none of LOGISTIC, SOFTMAX and NONE but these",
            )  # fmt: skip
        if step.op.endswith("Classifier"):
            self._name_classes(step, "classlabels_ints")
            if rows == 1:
                raise refusal(step.where, "one row of coefficients for two classes", "a row for each class")
        weights = coefficients.reshape(rows, -1).T
        return [self._dense(Weighted(step.inputs[0], weights, intercepts, (step,))), *ends[told["post_transform"]]]

    def _normalizer(self, step: Step) -> list[LayerLike]:
        norm = _attributes(step, norm=b"MAX")["norm"]
        before = self._before(step.inputs[0])
        if norm != b"L1" or before is None or before.attributes.get("post_transform") != b"SOFTMAX":
            raise refusal(step.where, f"norm={shown(norm)}", "L1 after a softmax, of which it changes nothing")
        return []

    # ------------------------------------------------------------------ arithmetic with constants

    def _arithmetic(self, step: Step) -> list[LayerLike]:
        _attributes(step)
        constant = _settings(step, self._other(step))
        first = not self.flow.varies(step.inputs[0])
        if step.op == "Mul":
            return [Rescale(scale=constant)]
        if step.op == "Div" and not first and np.all(constant):
            return [Rescale(scale=_settings(step, 1 / np.asarray(constant)))]
        if step.op == "Add":
            return [Rescale(offset=_settings(step, -np.asarray(constant)))]
        if step.op == "Sub":
            return [Rescale(scale=-1.0 if first else 1.0, offset=constant)]
        raise refusal(
            step.where, "a division by what depends on the samples, or by 0", "arithmetic that Rescale can do"
        )

    def _other(self, step: Step) -> Array:
        """Return the constant of a node with two inputs."""
        constants = [i for i, name in enumerate(step.inputs) if not self.flow.varies(name)]
        array = self.flow.array(step, constants[0]) if len(step.inputs) == 2 and constants else None
        if array is None:
            raise refusal(step.where, f"{len(step.inputs)} inputs, of which one value", "a constant as the other one")
        return array

    def _scaler(self, step: Step) -> list[LayerLike]:
        attributes = _attributes(step, scale=(1.0,), offset=(0.0,))
        return [Rescale(*(_settings(step, np.array(attributes[key], np.float64)) for key in ("scale", "offset")))]

    # ------------------------------------------------------------------ activations

    def _plain(self, step: Step) -> list[LayerLike]:
        _attributes(step)
        return [_PLAIN[step.op]()]

    def _selu(self, step: Step) -> list[LayerLike]:
        told = _attributes(step, alpha=SELU_ALPHA, gamma=SELU_SCALE)
        if not np.allclose([told["alpha"], told["gamma"]], [SELU_ALPHA, SELU_SCALE], rtol=1e-6, atol=0):
            raise refusal(step.where, f"alpha={told['alpha']}, gamma={told['gamma']}", "those that make it SELU")
        return [SELU()]

    def _hard_sigmoid(self, step: Step) -> list[LayerLike]:
        told = _attributes(step, alpha=0.2, beta=0.5)
        if np.isclose(told["alpha"], 1 / 6, rtol=1e-6, atol=0) and told["beta"] == 0.5:
            return [HardSigmoid()]
        return [Rescale(told["alpha"]), Rescale(offset=-told["beta"]), Clip(0.0, 1.0)]  # as in Keras 2

    def _celu(self, step: Step) -> list[LayerLike]:
        alpha = _attributes(step, alpha=1.0)["alpha"]
        if not alpha > 0:
            raise refusal(step.where, f"alpha={alpha}", "a number above 0")
        return [ELU(1.0)] if alpha == 1 else [Rescale(1 / alpha), ELU(1.0), Rescale(alpha)]

    def _prelu(self, step: Step) -> list[LayerLike]:
        _attributes(step)
        array = self.flow.array(step, 1)
        slope = np.asarray(_settings(step, np.zeros(0) if array is None else array))
        layer = PReLU()
        self.slopes.append((layer, slope))
        if slope.ndim:
            self.of_rows.append((step, layer))
        return [layer]

    def _bounded(self, step: Step) -> list[LayerLike]:
        _attributes(step)
        bound = _settings(step, self._other(step))
        if not isinstance(bound, float):
            raise refusal(step.where, "a bound for each feature", "one for all")
        return [Clip(None, bound) if step.op == "Min" else Clip(bound, None)]

    def _clip(self, step: Step) -> list[LayerLike]:
        told = _attributes(step, min=-math.inf, max=math.inf)  # attributes before opset 11
        if told.keys() & step.attributes.keys() and len(step.inputs) == 1:
            return [Clip(*(told[key] if key in step.attributes else None for key in ("min", "max")))]
        bounds = [self.flow.array(step, i) for i in (1, 2)]
        if any(bound is not None and bound.size != 1 for bound in bounds) or bounds == [None, None]:
            raise refusal(step.where, "bounds that are no numbers", "a number for each, or for one of them")
        low, high = (None if bound is None else float(str(bound.reshape(-1)[0])) for bound in bounds)
        return [Clip(low, high)]

    def _cumsum(self, step: Step) -> list[LayerLike]:
        _attributes(step, exclusive=0, reverse=0)
        axis = self.flow.array(step, 1)
        if axis is None or axis.size != 1 or step.attributes.get("exclusive") or step.attributes.get("reverse"):
            raise refusal(step.where, "a sum along an unknown axis, exclusive, or in reverse", "one along a known axis")
        return [Cumsum(int(axis.reshape(-1)[0]))]

    def _gelu(self, step: Step) -> list[LayerLike]:
        kind = _attributes(step, approximate=b"none")["approximate"]
        if kind not in (b"none", b"tanh"):
            raise refusal(step.where, f"approximate={shown(kind)}", "none or tanh")
        return [GELU(approximate=kind == b"tanh")]

    def _swish(self, step: Step) -> list[LayerLike]:
        if _attributes(step, alpha=1.0)["alpha"] != 1:
            raise refusal(step.where, f"alpha={step.attributes['alpha']}", "1, which makes it SiLU")
        return [SiLU()]

    def _axis(self, step: Step) -> int:
        # Before opset 13 axis 1 was the default and all axes from it on were one: the same for rows of features.
        return int(_attributes(step, axis=-1)["axis"])

    def _reduction(self, step: Step) -> list[LayerLike]:
        attributes = _attributes(step, axes=(), keepdims=1, noop_with_empty_axes=0)
        axes = attributes["axes"] if len(step.inputs) < 2 else _whole(step, self.flow.array(step, 1))
        if not axes and attributes["noop_with_empty_axes"]:
            return []
        return [_REDUCTIONS[step.op](axes or None, bool(attributes["keepdims"]))]

    # ------------------------------------------------------------------ what changes no value, or only shapes

    def _dropout(self, step: Step) -> list[LayerLike]:
        attributes = _attributes(step, ratio=0.5, seed=None, is_test=None)
        ratio = self.flow.array(step, 1)
        rate = attributes["ratio"] if ratio is None or ratio.size != 1 else float(str(ratio.reshape(-1)[0]))
        return [Dropout(rate)]

    def _cast(self, step: Step) -> list[LayerLike]:
        if _attributes(step, to=0, saturate=1, round_mode=b"up")["to"] not in _FLOATS:
            raise refusal(step.where, f"a conversion to type {step.attributes.get('to')}", "float or double")
        return []

    def _flatten(self, step: Step) -> list[LayerLike]:
        if _attributes(step, axis=1)["axis"] != 1:
            raise refusal(step.where, f"axis={step.attributes['axis']}", "1: a row for each sample")
        return [Flatten()]

    def _reshape(self, step: Step) -> list[LayerLike]:
        attributes = _attributes(step, allowzero=0, shape=())
        shape = attributes["shape"] or _whole(step, self.flow.array(step, 1), rows=True)
        batch = self.flow.model.input.batch
        if len(shape) == 1 and (shape[0] in (-1, ROWS) or shape[0] == batch):  # refused later, if it mixes the samples
            return [Reshape((-1,))]
        rows_kept = (
            shape and (shape[0] in (0, -1, ROWS) or shape[0] == batch) and not (attributes["allowzero"] and 0 in shape)
        )
        if not rows_kept or len(shape) < 2 or 0 in shape[1:] or (shape[0] == -1 and -1 in shape[1:]):
            raise refusal(step.where, f"the shape {shown(shape)}", "a row for each sample, and how it is shaped")
        if len(shape) == 2 and shape[1] == -1:
            return [Flatten()]
        if -1 in shape[1:]:
            raise refusal(step.where, f"the shape {shown(shape)}", "each length but that of the samples told")
        return [Reshape((-1, *shape[1:]))]

    def _transpose(self, step: Step) -> list[LayerLike]:
        return [Transpose(_attributes(step, perm=())["perm"] or None)]

    def _slice(self, step: Step) -> list[LayerLike]:
        _attributes(step)
        starts, stops, axes, steps = (_whole(step, self.flow.array(step, i)) for i in range(1, 5))
        axes = axes or tuple(range(len(starts)))
        steps = steps or (1,) * len(starts)
        fits = len(starts) == len(stops) == len(axes) == len(steps)
        if not starts or not fits or not all(1 <= a < 32 for a in axes) or len(set(axes)) < len(axes):
            raise refusal(
                step.where,
                f"starts {starts}, ends {stops}, axes {axes} and steps {steps}",
                "axes counted from 1, each once, with a start, an end and a step",
            )
        if 0 in steps:
            raise refusal(step.where, "a step of 0", "another one")
        key: list[Any] = [slice(None)] * (max(axes) + 1)
        for axis, start, stop, stride in zip(axes, starts, stops, steps):
            backwards_out = stride < 0 and stop < -(2**31)
            key[axis] = slice(start, None if backwards_out or stop >= 2**31 - 1 else stop, stride)
        return [Slice(tuple(key))]

    def _squeeze(self, step: Step) -> list[LayerLike]:
        axes = _attributes(step, axes=())["axes"] or _whole(step, self.flow.array(step, 1))
        if axes == (-1,):
            return [Slice((Ellipsis, 0))]
        if not axes or min(axes) < 1 or max(axes) >= 32:
            raise refusal(step.where, f"axes {shown(axes)}", "axes counted from 1")
        return [Slice(tuple(0 if axis in axes else slice(None) for axis in range(max(axes) + 1)))]

    def _gather(self, step: Step) -> list[LayerLike]:
        axis = _attributes(step, axis=0)["axis"]
        indices = self.flow.array(step, 1)
        if indices is None or indices.size != 1 or indices.dtype.kind != "i" or not (axis == -1 or 1 <= axis < 32):
            shape = None if indices is None else indices.shape
            raise refusal(step.where, f"indices of shape {shape} along axis {axis}", "one along an axis from 1")
        index = int(indices.reshape(-1)[0])
        chosen = index if indices.ndim == 0 else slice(index, index + 1 or None)
        return [Slice((Ellipsis, chosen) if axis == -1 else (*[slice(None)] * axis, chosen))]

    def _one_branch(self, step: Step) -> list[LayerLike]:
        _attributes(step, axis=1)
        return []

    def _unsqueeze(self, step: Step) -> list[LayerLike]:
        axes = _attributes(step, axes=())["axes"] or _whole(step, self.flow.array(step, 1))
        if not axes or min(axes) < 1 or max(axes) >= 32:
            raise refusal(step.where, f"axes {shown(axes)}", "axes counted from 1")
        return [Slice(tuple(None if axis in axes else slice(None) for axis in range(max(axes) + 1)))]

    def _zip_map(self, step: Step) -> list[LayerLike]:
        _attributes(step, classlabels_strings=(b"",), classlabels_int64s=())
        self._name_classes(step, "classlabels_int64s")
        return []

    def _name_classes(self, step: Step, numbers: str) -> None:
        names = step.attributes.get(numbers) or [
            text(step.where, name) for name in step.attributes.get("classlabels_strings", ())
        ]
        if not names:
            raise refusal(step.where, "no names of classes", "one for each output")
        self.classes = tuple(map(str, names))


def _attributes(step: Step, **known: Any) -> dict[str, Any]:
    """Return a node's attributes, with these defaults; unknown ones, and those of other types, are refused."""
    for name, value in step.attributes.items():
        if name not in known:
            raise refusal(step.where, f"an attribute {shown(name)}", ", ".join(known) or "none")
        default = known[name]
        inside = type(default[0]) if isinstance(default, tuple) and default else int
        good = type(value) is type(default) and (type(value) is not tuple or all(type(v) is inside for v in value))
        if isinstance(value, StoredTensor) or (default is not None and not good):
            raise refusal(step.where, f"{name}={shown(value)}", f"a value like {default!r}")
    return {**known, **step.attributes}


def _settings(step: Step, array: Any) -> float | tuple[float, ...]:
    """Return a constant as one number, or one for each feature."""
    values = np.asarray(array)
    if values.size == 0 or values.dtype.kind not in "fiu" or values.size != max(values.shape, default=1):
        raise refusal(step.where, f"a constant of shape {values.shape}", "one number, or one for each feature")
    if values.size > 1 and values.shape[-1] == 1:
        raise refusal(step.where, f"a constant of shape {values.shape}", "a number for each feature, in the last axis")
    if not np.isfinite(values).all():
        raise refusal(step.where, "a constant that is NaN or infinite", "finite numbers")
    numbers = values.reshape(-1).astype(np.float64).tolist()
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def _whole(step: Step, array: Array | None, rows: bool = False) -> tuple[int, ...]:
    """Return a constant input as whole numbers; none if it is left out. The first may be `ROWS`, if told so."""
    if array is None:
        return ()
    if array.dtype.kind != "i" or array.ndim > 1 or array.size > 32:
        raise refusal(step.where, f"a constant of {array.dtype} and shape {array.shape}", "a few whole numbers")
    numbers = tuple(int(number) for number in array.reshape(-1))
    if ROWS in (numbers[1:] if rows else numbers):
        raise refusal(step.where, "the number of samples among its settings", "numbers that are the same for any")
    return numbers
