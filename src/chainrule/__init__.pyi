"""Written by `make stubs`: names and signatures of cr, for editors and checkers of types."""

from chainrule.ops.arithmetic import Absolute as Absolute
from chainrule.ops.custom import Activation as Activation
from chainrule.optim.adaptive import Adagrad as Adagrad
from chainrule.optim.adaptive import Adam as Adam
from chainrule.optim.adaptive import AdamW as AdamW
from chainrule.ops.cross_entropy import BinaryCrossEntropy as BinaryCrossEntropy
from chainrule.ops.focal import BinaryFocalCrossEntropy as BinaryFocalCrossEntropy
from chainrule.nn.containers import Branches as Branches
from chainrule.training.callbacks import Callback as Callback
from chainrule.ops.cross_entropy import CategoricalCrossEntropy as CategoricalCrossEntropy
from chainrule.ops.focal import CategoricalFocalCrossEntropy as CategoricalFocalCrossEntropy
from chainrule.errors import ChainruleError as ChainruleError
from chainrule.training.checkpoint import Checkpoint as Checkpoint
from chainrule.ops.arithmetic import Clip as Clip
from chainrule.nn.initializers import Constant as Constant
from chainrule.ops.arithmetic import Cos as Cos
from chainrule.optim.schedules import CosineDecay as CosineDecay
from chainrule.ops.reductions import Cumsum as Cumsum
from chainrule.nn.dense import Dense as Dense
from chainrule.nn.dropout import Dropout as Dropout
from chainrule.ops.activations import ELU as ELU
from chainrule.training.callbacks import EarlyStopping as EarlyStopping
from chainrule.ops.arithmetic import Exp as Exp
from chainrule.optim.schedules import ExponentialDecay as ExponentialDecay
from chainrule.ops.shaping import Flatten as Flatten
from chainrule.ops.activations import GELU as GELU
from chainrule.nn.initializers import Glorot as Glorot
from chainrule.graph.graph import Graph as Graph
from chainrule.ops.losses import HalfSquaredError as HalfSquaredError
from chainrule.ops.activations import HardSigmoid as HardSigmoid
from chainrule.ops.activations import HardSwish as HardSwish
from chainrule.nn.initializers import He as He
from chainrule.nn.containers import Heads as Heads
from chainrule.training.history import History as History
from chainrule.ops.losses import Huber as Huber
from chainrule.ops.activations import Identity as Identity
from chainrule.nn.initializers import Initializer as Initializer
from chainrule.graph.node import Input as Input
from chainrule.nn.layer import Layer as Layer
from chainrule.nn.initializers import LeCun as LeCun
from chainrule.ops.activations import LeakyReLU as LeakyReLU
from chainrule.ops.arithmetic import Log as Log
from chainrule.ops.softmax import LogSoftmax as LogSoftmax
from chainrule.ops.reductions import LogSumExp as LogSumExp
from chainrule.ops.custom import Loss as Loss
from chainrule.ops.reductions import Max as Max
from chainrule.ops.reductions import Mean as Mean
from chainrule.ops.losses import MeanAbsoluteError as MeanAbsoluteError
from chainrule.ops.losses import MeanSquaredError as MeanSquaredError
from chainrule.ops.activations import Mish as Mish
from chainrule.ops.arithmetic import Negative as Negative
from chainrule.nn.network import Network as Network
from chainrule.graph.node import Node as Node
from chainrule.ops.reductions import Norm as Norm
from chainrule.nn.initializers import Normal as Normal
from chainrule.optim.schedules import OneCycle as OneCycle
from chainrule.ops.op import Op as Op
from chainrule.optim.optimizer import Optimizer as Optimizer
from chainrule.nn.initializers import Orthogonal as Orthogonal
from chainrule.nn.prelu import PReLU as PReLU
from chainrule.graph.node import Parameter as Parameter
from chainrule.optim.schedule_parts import Phases as Phases
from chainrule.ops.losses import PinballLoss as PinballLoss
from chainrule.optim.adaptive import RMSProp as RMSProp
from chainrule.ops.activations import ReLU as ReLU
from chainrule.optim.schedules import ReduceOnPlateau as ReduceOnPlateau
from chainrule.nn.rescale import Rescale as Rescale
from chainrule.ops.shaping import Reshape as Reshape
from chainrule.nn.containers import Residual as Residual
from chainrule.ops.activations import SELU as SELU
from chainrule.optim.gradient_descent import SGD as SGD
from chainrule.optim.schedules import Schedule as Schedule
from chainrule.ops.activations import SiLU as SiLU
from chainrule.ops.activations import Sigmoid as Sigmoid
from chainrule.ops.cross_entropy import SigmoidBinaryCrossEntropy as SigmoidBinaryCrossEntropy
from chainrule.ops.focal import SigmoidFocalCrossEntropy as SigmoidFocalCrossEntropy
from chainrule.ops.arithmetic import Sin as Sin
from chainrule.ops.shaping import Slice as Slice
from chainrule.ops.softmax import Softmax as Softmax
from chainrule.ops.cross_entropy import SoftmaxCrossEntropy as SoftmaxCrossEntropy
from chainrule.ops.focal import SoftmaxFocalCrossEntropy as SoftmaxFocalCrossEntropy
from chainrule.ops.activations import Softplus as Softplus
from chainrule.ops.activations import Softsign as Softsign
from chainrule.ops.arithmetic import Sqrt as Sqrt
from chainrule.ops.losses import SquaredError as SquaredError
from chainrule.graph.node import State as State
from chainrule.optim.schedules import StepDecay as StepDecay
from chainrule.ops.reductions import Sum as Sum
from chainrule.ops.activations import Tanh as Tanh
from chainrule.ops.shaping import Transpose as Transpose
from chainrule.nn.initializers import Uniform as Uniform
from chainrule.ops.scaling import Unscale as Unscale
from chainrule.ops.reductions import Var as Var
from chainrule.optim.schedule_parts import Warmup as Warmup
from chainrule.nn.initializers import Zeros as Zeros
from chainrule._version import __version__ as __version__
from chainrule.gradcheck.checking import check as check
from chainrule.gradcheck.checking import check_gradients as check_gradients
from chainrule.training.evaluate import classify as classify
from chainrule.training.metrics import confusion_matrix as confusion_matrix
from chainrule import data as data
from chainrule.graph.derivatives import derivative as derivative
from chainrule.files.model import dumps as dumps
from chainrule import errors as errors
from chainrule.training.evaluate import evaluate as evaluate
from chainrule.explain import explain as explain
from chainrule import files as files
from chainrule import gradcheck as gradcheck
from chainrule import graph as graph
from chainrule.training.permutation import importance as importance
from chainrule.graph.derivatives import jacobian as jacobian
from chainrule.training.rising_rate import learning_rate_range_test as learning_rate_range_test
from chainrule.files.model import load as load
from chainrule.files.model import loads as loads
from chainrule import nn as nn
from chainrule import numpy_page as numpy_page
from chainrule import onnx as onnx
from chainrule import ops as ops
from chainrule import optim as optim
from chainrule import plot as plot
from chainrule.training.evaluate import predict as predict
from chainrule import recipes as recipes
from chainrule.training.evaluation_report import report as report
from chainrule.recipes.run import resume as resume
from chainrule.files.model import save as save
from chainrule.explain.inspection import show as show
from chainrule import sklearn as sklearn
from chainrule.replay.source import source as source
from chainrule import tensorboard as tensorboard
from chainrule import torch as torch
from chainrule.explain.inspection import trace as trace
from chainrule.training.loop import train as train
from chainrule import training as training
from chainrule.explain.watching import watch as watch
from numpy.typing import ArrayLike as _ArrayLike
from chainrule.ops.reductions import Axes as _Axes
from chainrule.ops.custom import Function as _Function
from chainrule.ops.op import Index as _Index
from chainrule.graph.node import Node as _Node
from collections.abc import Sequence as _Sequence

__all__ = [
    "Absolute",
    "Activation",
    "Adagrad",
    "Adam",
    "AdamW",
    "BinaryCrossEntropy",
    "BinaryFocalCrossEntropy",
    "Branches",
    "Callback",
    "CategoricalCrossEntropy",
    "CategoricalFocalCrossEntropy",
    "ChainruleError",
    "Checkpoint",
    "Clip",
    "Constant",
    "Cos",
    "CosineDecay",
    "Cumsum",
    "Dense",
    "Dropout",
    "ELU",
    "EarlyStopping",
    "Exp",
    "ExponentialDecay",
    "Flatten",
    "GELU",
    "Glorot",
    "Graph",
    "HalfSquaredError",
    "HardSigmoid",
    "HardSwish",
    "He",
    "Heads",
    "History",
    "Huber",
    "Identity",
    "Initializer",
    "Input",
    "Layer",
    "LeCun",
    "LeakyReLU",
    "Log",
    "LogSoftmax",
    "LogSumExp",
    "Loss",
    "Max",
    "Mean",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Mish",
    "Negative",
    "Network",
    "Node",
    "Norm",
    "Normal",
    "OneCycle",
    "Op",
    "Optimizer",
    "Orthogonal",
    "PReLU",
    "Parameter",
    "Phases",
    "PinballLoss",
    "RMSProp",
    "ReLU",
    "ReduceOnPlateau",
    "Rescale",
    "Reshape",
    "Residual",
    "SELU",
    "SGD",
    "Schedule",
    "SiLU",
    "Sigmoid",
    "SigmoidBinaryCrossEntropy",
    "SigmoidFocalCrossEntropy",
    "Sin",
    "Slice",
    "Softmax",
    "SoftmaxCrossEntropy",
    "SoftmaxFocalCrossEntropy",
    "Softplus",
    "Softsign",
    "Sqrt",
    "SquaredError",
    "State",
    "StepDecay",
    "Sum",
    "Tanh",
    "Transpose",
    "Uniform",
    "Unscale",
    "Var",
    "Warmup",
    "Zeros",
    "__version__",
    "absolute",
    "activation",
    "add",
    "binary_cross_entropy",
    "binary_focal_cross_entropy",
    "categorical_cross_entropy",
    "categorical_focal_cross_entropy",
    "check",
    "check_gradients",
    "classify",
    "clip",
    "concatenate",
    "confusion_matrix",
    "cos",
    "cumsum",
    "custom_loss",
    "data",
    "derivative",
    "divide",
    "dumps",
    "elu",
    "errors",
    "evaluate",
    "exp",
    "explain",
    "files",
    "flatten",
    "gather",
    "gelu",
    "gradcheck",
    "graph",
    "half_squared_error",
    "hard_sigmoid",
    "hard_swish",
    "huber",
    "identity",
    "importance",
    "jacobian",
    "l1_penalty",
    "l2_penalty",
    "leaky_relu",
    "learning_rate_range_test",
    "linear",
    "load",
    "loads",
    "log",
    "log_softmax",
    "log_sum_exp",
    "matmul",
    "max",
    "maximum",
    "mean",
    "mean_absolute_error",
    "mean_squared_error",
    "minimum",
    "mish",
    "multiply",
    "negative",
    "nn",
    "norm",
    "numpy_page",
    "onnx",
    "ops",
    "optim",
    "pinball_loss",
    "plot",
    "power",
    "predict",
    "prelu",
    "recipes",
    "relu",
    "report",
    "reshape",
    "resume",
    "save",
    "selu",
    "show",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "sigmoid_focal_cross_entropy",
    "silu",
    "sin",
    "sklearn",
    "slice",
    "softmax",
    "softmax_cross_entropy",
    "softmax_focal_cross_entropy",
    "softplus",
    "softsign",
    "source",
    "sqrt",
    "squared_error",
    "subtract",
    "sum",
    "tanh",
    "tensorboard",
    "torch",
    "trace",
    "train",
    "training",
    "transpose",
    "unscale",
    "var",
    "watch",
    "weighted_sum",
    "where",
]

_Operand = _Node | _ArrayLike

def absolute(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Absolute
    """y = |z|
    ∂z = ∂y · sign(z)

    Why: Right of 0 it is the line z, which has slope 1; left of 0 it is the line −z, which has slope −1.

    At the kink, 0, the derivative is 0.
    """

def activation(z: _Operand, *, function: _Function, derivative: _Function, name: str | None = None) -> _Node:  # chainrule.ops.custom.Activation
    """y = function(z)
    ∂z = ∂y · derivative(z)

    Why: It is the chain rule and nothing else: what came back, times the slope of the function at z, which you give.

    Parameters
    ----------
    function, derivative : callable
        Take an array and return one of the same shape. The derivative takes z, too, not y. Without both,
        ``Activation()`` is `Sigmoid`.

    Raises
    ------
    DerivativeError
        When a node is built, if the derivative isn't the function's. At a kink, any value between the one-sided
        derivatives will do.
    """

def add(a: _Operand, b: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Add
    """y = a + b
    ∂a = ∂y   ∂b = ∂y

    Why: Where a moves a little, y moves by as much, and so with b: each gets ∂y as it came.

    What was broadcast gets the sum over its copies.
    """

def binary_cross_entropy(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, label_smoothing: float = 0.0, name: str | None = None) -> _Node:  # chainrule.ops.cross_entropy.BinaryCrossEntropy
    """y = mean(−target · log(prediction) − (1 − target) · log(1 − prediction))
    ∂prediction = ∂y · ((1 − target) / (1 − prediction) − target / prediction) / n
    with label_smoothing s: target = (1 − s) · target + s / 2

    Why: The slope of log is one over what it is taken of, so the first term gives −target / prediction. 1 − prediction
    falls where the prediction grows, so the second one gives (1 − target) / (1 − prediction). What is surely wrong,
    0.001 where the target is 1, is pulled very hard, by 1,000.

    The mean runs over all n elements. What is multiplied by 0 counts as 0, also where its
    logarithm is infinite.

    Parameters
    ----------
    label_smoothing : float, default 0
        s, from 0 to below 1. It counts in every loss, that of `evaluate` too.
    """

def binary_focal_cross_entropy(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, gamma: float = 2.0, alpha: float | None = None, name: str | None = None) -> _Node:  # chainrule.ops.focal.BinaryFocalCrossEntropy
    """y = mean(r q^gamma · u + s p^gamma · v), p = prediction, q = 1 − p, u = −log p, v = −log q
    ∂prediction = ∂y · (s p^gamma · (gamma v / p + 1 / q) − r q^gamma · (gamma u / q + 1 / p)) / n
    where r = target, s = 1 − target
    with alpha: r = alpha · target, s = (1 − alpha) · (1 − target)

    Why: Each term is a cross-entropy u with a weight q^gamma, which fades where the answer is good already. The rule
    for a product: the weight times the slope of u, −1 / p, and u times the slope of the weight, −gamma q^(gamma − 1),
    since q falls where p grows. That is −q^gamma · (gamma u / q + 1 / p); the other term is its mirror image.

    The mean runs over all n elements. u / q is 1 where q is 0, and so is v / p where p is. What is multiplied by an r
    or s of 0 counts as 0.

    Parameters
    ----------
    gamma : float, default 2
        How far it turns away from what is predicted well; 0 or more.
    alpha : float, optional
        How much a yes counts, between 0 and 1; a no counts 1 − alpha. Left out, each counts 1.
    """

def categorical_cross_entropy(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, label_smoothing: float = 0.0, name: str | None = None) -> _Node:  # chainrule.ops.cross_entropy.CategoricalCrossEntropy
    """y = mean over samples of −Σ target · log(prediction)
    ∂prediction = −∂y · target / prediction / samples
    with class indices: target = one_hot(target)
    with label_smoothing s: target = (1 − s) · target + s / classes

    Why: A prediction stands in one term only, −target · log(prediction), and the slope of log is one over what it is
    taken of. Where the target is 0, nothing comes back.

    `target` is one-hot, (samples, …, classes), or holds class indices, (samples, …). What is multiplied by a target
    of 0 counts as 0.

    Parameters
    ----------
    label_smoothing : float, default 0
        s, from 0 to below 1. It counts in every loss, that of `evaluate` too.
    """

def categorical_focal_cross_entropy(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, gamma: float = 2.0, alpha: _Sequence[float] | None = None, name: str | None = None) -> _Node:  # chainrule.ops.focal.CategoricalFocalCrossEntropy
    """y = mean over samples of Σ r q^gamma · u, p = prediction, q = 1 − p, u = −log p
    ∂prediction = −∂y · r q^gamma · (gamma u / q + 1 / p) / samples
    where r = target
    with class indices: target = one_hot(target)
    with alpha: r = alpha · target

    Why: Each term is a cross-entropy u with a weight q^gamma, which fades where the answer is good already. The rule
    for a product: the weight times the slope of u, −1 / p, and u times the slope of the weight, −gamma q^(gamma − 1),
    since q falls where p grows.

    `target` is one-hot, (samples, …, classes), or holds class indices, (samples, …). u / q is 1 where
    q is 0. What is multiplied by an r of 0 counts as 0.

    Parameters
    ----------
    gamma : float, default 2
        How far it turns away from what is predicted well; 0 or more.
    alpha : sequence of float, optional
        How much each class counts. Left out, each counts 1.
    """

def clip(z: _Operand, *, low: float | None = None, high: float | None = None, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Clip
    """y = z, cut to low … high
    ∂z = ∂y where low < z < high, else 0

    Why: Between the bounds y is z, slope 1. Beyond them y stays where it is, whatever z does: slope 0. At a bound
    itself there is a kink, and 0 is chosen.

    Parameters
    ----------
    low, high : float, optional
        None: no bound on that side.
    """

def concatenate(*parts: _Operand, axis: int = 1, name: str | None = None, **parts_by_number: _Operand) -> _Node:  # chainrule.ops.shaping.Concatenate
    """y = [partsᵢ] side by side
    ∂partsᵢ = ∂y at the place of partsᵢ

    Why: Each number only gets another place. What comes back is cut at the seams, and each part gets its piece.

    Parameters
    ----------
    axis : int
        The axis along which the parts follow each other: 1, the features, if left out.
    """

def cos(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Cos
    """y = cos(z)
    ∂z = −∂y · sin(z)

    Why: Let a point walk round a circle of radius 1: when it has walked z, it is cos(z) to the right of the middle. The
    higher it is, the more of its way leads to the left: the share is sin(z), and to the left means that y falls.

    z is in radians.
    """

def cumsum(x: _Operand, *, axis: int = -1, name: str | None = None) -> _Node:  # chainrule.ops.reductions.Cumsum
    """y = Σ x up to each place
    ∂x = Σ ∂y from each place on

    Why: An element is a part of the sum at its place and of every one behind it, with slope 1. It reaches the loss by
    all of these, and paths add.

    The places are those along the axis.

    Parameters
    ----------
    axis : int
        The last one if left out.
    """

def custom_loss(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, function: _Function, derivative: _Function, per_sample: bool = False, name: str | None = None) -> _Node:  # chainrule.ops.custom.Loss
    """y = function(prediction, target)
    ∂prediction = ∂y · derivative(prediction, target)
    with per_sample: y = mean over samples of function(prediction, target)
    with per_sample: ∂prediction = ∂y · derivative(prediction, target) / samples

    Why: It is the chain rule and nothing else: what came back, times the slope of the function by the prediction, which
    you give.

    Parameters
    ----------
    function, derivative : callable
        Take prediction and target, or, where their parameters are named so, target and prediction: ``(y_true,
        y_pred)``, ``(truth, prediction)``. The function returns the loss of the whole batch, one number; the
        derivative, by the prediction, an array like it.
    per_sample : bool
        Whether the function returns (samples,) losses instead, and the derivative, like prediction, is that of
        each sample's own loss. Their mean, weighted if there are weights, is then taken here.

    Raises
    ------
    DerivativeError
        When a node is built, if the derivative isn't the function's.
    """

def divide(a: _Operand, b: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Divide
    """y = a / b
    ∂a = ∂y / b   ∂b = −∂y · y / b

    Why: By a, y is a straight line of slope 1 / b. By b it is a · b⁻¹, and the rule for powers gives −a · b⁻²; a / b is
    y, so that is −y / b.
    """

def elu(z: _Operand, *, alpha: float = 1.0, name: str | None = None) -> _Node:  # chainrule.ops.activations.ELU
    """y = z where z > 0, else alpha · (eᶻ − 1)
    ∂z = ∂y where z ≥ 0, else ∂y · alpha · eᶻ

    Why: Right of 0 it is the line z, which has slope 1. Left of 0 it is alpha · eᶻ less a constant: a power of e is its
    own slope, and a constant has none. With alpha = 1 both sides meet with slope 1, without a kink.

    Parameters
    ----------
    alpha : float
        −alpha is where y ends for very negative z.
    """

def exp(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Exp
    """y = eᶻ
    ∂z = ∂y · y

    Why: e is the number whose powers are their own slope. Where z moves by h, y becomes eᶻ · eʰ, and eʰ is nearly 1 + h
    for a small h: y grows by y · h.
    """

def flatten(x: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.shaping.Flatten
    """y = x with one row for each sample
    ∂x = ∂y in the shape of x

    Why: Each number only gets another place. What comes back for it goes to where it was.

    (samples, …) becomes (samples, features).
    """

def gather(table: _Operand, indices: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.shaping.Gather
    """y = table[indices]
    ∂table = Σ ∂y where indices = i, for every row i

    Why: A row is copied to wherever its index stands, with slope 1. It reaches the loss by all these places, and paths
    add; a row that nobody asked for gets 0.

    An embedding, a row of the table for each index: table is (rows, …), indices whole numbers of any shape, y
    (…indices, …row).
    """

def gelu(z: _Operand, *, approximate: bool = False, name: str | None = None) -> _Node:  # chainrule.ops.activations.GELU
    """y = z · Φ(z)
    ∂z = ∂y · (Φ(z) + z · φ(z))
    with approximate: Φ(z) = ½ (1 + tanh u), φ(z) = ½ (1 − tanh(u)²) · k (1 + 3 c z²)
    with approximate: u = k (z + c z³), k = √(2 / π), c = 0.044715

    Why: The rule for a product: Φ(z), as if the second factor stood still, and z times the slope of Φ, which is φ. In
    the approximate form that slope is the chain rule's: tanh has the slope 1 − tanh(u)², and u has k (1 + 3 c z²).

    Φ is the normal distribution's cumulative function, the chance that a standard normal number is below z, and φ its
    density, the derivative of Φ.

    Parameters
    ----------
    approximate : bool
        Whether Φ(z) is replaced by ½ (1 + tanh u), which is faster and at most 0.0005 off.

    Notes
    -----
    In float32 the exact form is good to 8 units in the last place, in both tails; the derivative to as many of Φ(z),
    which counts where Φ(z) and z · φ(z) cancel, near z = −0.75. Of the approximate form that holds for z > −1.
    """

def half_squared_error(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, name: str | None = None) -> _Node:  # chainrule.ops.losses.HalfSquaredError
    """y = mean over samples of ½ Σ (prediction − target)²
    ∂prediction = ∂y · (prediction − target) / samples

    Why: The slope of a square d² is 2 d, and d = prediction − target moves as the prediction does. The ½ is there to
    cancel that 2: what comes back is how wrong the prediction is.

    The sum runs over the last axis, the outputs; where there are axes between, the mean runs over these too.
    """

def hard_sigmoid(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.HardSigmoid
    """y = z / 6 + ½, cut to 0 … 1
    ∂z = ∂y / 6 where −3 < z < 3, else 0

    Why: Between −3 and 3 it is a straight line of slope 1/6. Beyond, y stays 0 or 1, whatever z does: slope 0.
    """

def hard_swish(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.HardSwish
    """y = z · h, h = z / 6 + ½, cut to 0 … 1
    ∂z = ∂y · (0 where z ≤ −3, 1 where z ≥ 3, else z / 3 + ½)

    Why: Between −3 and 3 it is z²/6 + z/2, and the slope of that is z/3 + ½. Below −3 it stays 0, slope 0; above 3 it
    is the line z, slope 1.

    SiLU with straight lines in the place of the sigmoid. A. Howard et al., *Searching for MobileNetV3*, 2019.
    """

def huber(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, delta: float = 1.0, name: str | None = None) -> _Node:  # chainrule.ops.losses.Huber
    """y = mean(½ d² where |d| ≤ delta, else delta · (|d| − ½ delta)), d = prediction − target
    ∂prediction = ∂y · (d cut to ±delta) / n

    Why: Near the target it is half a square, of slope d. Beyond delta it goes on as a straight line with the slope it
    has there, delta, or −delta on the other side. Both in one: d, cut to ±delta. So a wild target pulls no harder than
    one that is delta away.

    The mean runs over all n elements. With c, the d cut to ±delta, both cases are c (d − ½ c).

    Parameters
    ----------
    delta : float
        From here on an error counts by its size, no longer by its square.
    """

def identity(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.Identity
    """y = z
    ∂z = ∂y

    Why: y moves as z does: slope 1.
    """

def l1_penalty(weights: _Operand, *, factor: float, name: str | None = None) -> _Node:  # chainrule.ops.penalties.L1Penalty
    """y = factor · Σ |weights|
    ∂weights = ∂y · factor · sign(weights)

    Why: The size of a weight grows with slope 1 above 0 and falls with slope −1 below. So each weight is pulled towards
    0 equally hard, small ones as well: many get there.

    Parameters
    ----------
    factor : float
        At least 0.
    """

def l2_penalty(weights: _Operand, *, factor: float, name: str | None = None) -> _Node:  # chainrule.ops.penalties.L2Penalty
    """y = factor / 2 · Σ weights²
    ∂weights = ∂y · factor · weights

    Why: The slope of a square is twice the weight, and the ½ cancels the 2. So a weight is pulled towards 0 in
    proportion to its size: large ones shrink fast, none gets there.

    Parameters
    ----------
    factor : float
        At least 0.
    """

def leaky_relu(z: _Operand, *, slope: float = 0.01, name: str | None = None) -> _Node:  # chainrule.ops.activations.LeakyReLU
    """y = z where z > 0, else slope · z
    ∂z = ∂y where z > 0, else ∂y · slope

    Why: Right of 0 it is the line z, which has slope 1; left of 0 a flatter line, whose slope is the setting of that
    name. At the kink itself the flatter one is chosen.

    Parameters
    ----------
    slope : float
        From 0 to 1.
    """

def linear(x: _Operand, weights: _Operand, bias: _Operand | None = None, *, name: str | None = None) -> _Node:  # chainrule.ops.linear.Linear
    """y = x @ weights + bias
    ∂x = ∂y @ weightsᵀ   ∂weights = xᵀ @ ∂y   ∂bias = Σ ∂y over samples

    Why: Of one sample, an output is Σ xᵢ · wᵢ + b. Where a weight moves by h, the output moves by its input times h;
    over the samples of a batch that adds up, and xᵀ @ ∂y is this sum for all weights at once. An input goes into every
    output, each time with a weight, so ∂y @ weightsᵀ adds over the outputs. The bias is added to each sample as it is:
    slope 1, over all samples.

    x is (samples, …, inputs), weights (inputs, outputs), bias (outputs,) or left out. Whatever lies between samples and
    inputs, such as time, is more rows of one matrix: the sums run over all of them.
    """

def log(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Log
    """y = log(z)
    ∂z = ∂y / z

    Why: The logarithm undoes a power of e: z = eʸ. There z moves by z · h where y moves by h, so read the other way
    round y moves by h / z where z moves by h.

    The natural logarithm. At 0 y is −inf and the derivative inf; below 0 y is NaN.
    """

def log_softmax(z: _Operand, *, axis: int = -1, name: str | None = None) -> _Node:  # chainrule.ops.softmax.LogSoftmax
    """y = z − log Σ eᶻ in each row
    ∂z = ∂y − eʸ · Σ ∂y in each row

    Why: z by itself has slope 1. log Σ eᶻ is taken away from every y of the row, and its slope by z is the share eʸ: it
    reaches the loss by the whole row, and paths add, so eʸ · Σ ∂y is taken away.
    """

def log_sum_exp(x: _Operand, *, axis: _Axes = None, keepdims: bool = False, name: str | None = None) -> _Node:  # chainrule.ops.reductions.LogSumExp
    """y = log Σ eˣ over the axes
    ∂x = ∂y · eˣ / Σ eˣ over the axes

    Why: Of the sum only one term, eˣ, moves with one x, and it is its own slope; the slope of the logarithm is 1 / Σ
    eˣ. The chain rule multiplies the two, and the product is the softmax of x.

    The largest x is subtracted first and added again, which changes nothing and keeps e from overflowing. Where all
    are −inf, so is y, and the derivative is 0.
    """

def matmul(a: _Operand, b: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.linear.Matmul
    """y = a @ b
    ∂a = ∂y @ bᵀ   ∂b = aᵀ @ ∂y

    Why: An element of y is a row of a times a column of b, Σ aₖ · bₖ. An aₖ stands in a whole row of y, each time
    beside another bₖ: its derivative is the sum of these bₖ, each times its ∂y. That is a row of ∂y times a row of b,
    so of all elements ∂y @ bᵀ. Of b the same holds, with rows and columns exchanged.

    a is (…, n, k), b is (…, k, m): the product of two matrices, or of each matrix of a stack with its partner. A
    matrix, or a stack of one, is the partner of all; it gets the sum of their derivatives.
    """

def max(x: _Operand, *, axis: _Axes = None, keepdims: bool = False, name: str | None = None) -> _Node:  # chainrule.ops.reductions.Max
    """y = max x over the axes
    ∂x = ∂y / k where x = y, else 0, k = Σ [x = y] over the axes

    Why: y is the largest element and moves with it; the others change nothing.

    Where k elements are the largest, they share ∂y equally.
    """

def maximum(a: _Operand, b: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Maximum
    """y = max(a, b)
    ∂a = ∂y where a > b, ½ ∂y where a = b, else 0   ∂b = ∂y where b > a, ½ ∂y where a = b, else 0

    Why: y is the larger of the two and moves with it; the smaller one changes nothing. Where both are equal there is a
    kink, and they share.
    """

def mean(x: _Operand, *, axis: _Axes = None, keepdims: bool = False, name: str | None = None) -> _Node:  # chainrule.ops.reductions.Mean
    """y = Σ x / n over the axes
    ∂x = ∂y / n, for every element

    Why: It is the sum divided by n: an element that moves by h moves it by h / n.

    n elements become one.
    """

def mean_absolute_error(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, name: str | None = None) -> _Node:  # chainrule.ops.losses.MeanAbsoluteError
    """y = mean(|prediction − target|)
    ∂prediction = ∂y · sign(prediction − target) / n

    Why: The size of d = prediction − target grows with slope 1 above 0 and falls with slope −1 below; the mean divides
    by n. So all are pulled equally hard, however wrong they are: a few wild targets can't take over.

    The mean runs over all n elements. Where prediction and target are equal the derivative is 0.
    """

def mean_squared_error(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, name: str | None = None) -> _Node:  # chainrule.ops.losses.MeanSquaredError
    """y = mean((prediction − target)²)
    ∂prediction = ∂y · 2 (prediction − target) / n

    Why: The slope of a square d² is 2 d, and d = prediction − target moves as the prediction does; the mean divides by
    n. What is twice as wrong is pulled twice as hard.

    The mean runs over all n elements.
    """

def minimum(a: _Operand, b: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Minimum
    """y = min(a, b)
    ∂a = ∂y where a < b, ½ ∂y where a = b, else 0   ∂b = ∂y where b < a, ½ ∂y where a = b, else 0

    Why: y is the smaller of the two and moves with it; the larger one changes nothing. Where both are equal there is a
    kink, and they share.
    """

def mish(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.Mish
    """y = z · tanh(s), s = log(1 + eᶻ)
    ∂z = ∂y · (tanh(s) + z · σ(z) (1 − tanh(s)²)), σ(z) = 1 / (1 + e⁻ᶻ)

    Why: The rule for a product: tanh(s), as if the second factor stood still, and z times the slope of tanh(s). That
    one is the chain rule's: tanh has the slope 1 − tanh(s)², and s, the softplus, has σ(z).

    1 − tanh(s)² is computed as 4e / (1 + e)² with e = e⁻²ˢ, so that it keeps its digits where it is small. In float32
    good to 6 units in the last place; the derivative to 10 of σ(z), which counts near its zero, z = −1.19.
    """

def multiply(a: _Operand, b: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Multiply
    """y = a · b
    ∂a = ∂y · b   ∂b = ∂y · a

    Why: (a + h) · b is h · b more than a · b, so the slope by a is b; and by b it is a. The slope by each factor is the
    other factor.
    """

def negative(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Negative
    """y = −z
    ∂z = −∂y

    Why: y falls as fast as z grows: slope −1.
    """

def norm(x: _Operand, *, axis: _Axes = None, keepdims: bool = False, name: str | None = None) -> _Node:  # chainrule.ops.reductions.Norm
    """y = √Σ x² over the axes
    ∂x = ∂y · x / y where y > 0, else 0

    Why: y² = Σ x². Where one x moves by h, the right side moves by 2 x · h, and the left one by 2 y times what y moves.
    So y moves by h · x / y: the share of the vector that points along this element.

    The Euclidean length. Where all are 0, so are y and the derivative.
    """

def pinball_loss(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, quantiles: float | _Sequence[float] = (0.1, 0.5, 0.9), name: str | None = None) -> _Node:  # chainrule.ops.losses.PinballLoss
    """y = mean(max(q · d, (q − 1) · d)), d = target − prediction, q = quantiles
    ∂prediction = ∂y · (1 − q where d < 0, −q where d > 0, else 0) / n

    Why: By d it is two straight lines, of slope q above 0 and q − 1 below. Where the prediction grows, d falls, which
    turns the signs: −q for a target above, 1 − q for one below. The pulls are in balance where a share q of the targets
    lies below.

    The mean runs over all n elements. The smallest loss has the prediction below which a share q of the targets lies:
    their q-quantile. Where prediction and target are equal the derivative is 0. With several quantiles the prediction
    has a column for each, and the target is one column that all of them are compared with; with a single one it is
    the quantile of every output. R. Koenker and G. Bassett, *Regression quantiles*, 1978.

    Parameters
    ----------
    quantiles : float or sequence of float, default (0.1, 0.5, 0.9)
        Each between 0 and 1. 0.5 is the median.
    """

def power(base: _Operand, exponent: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Power
    """y = base^exponent
    ∂base = ∂y · exponent · base^(exponent − 1)   ∂exponent = ∂y · y · log(base)

    Why: By the base it is school's rule for powers: the slope of x³ is 3 x². By the exponent, y is e^(exponent ·
    log(base)): a power of e is its own slope, and the chain rule multiplies it by the slope of what stands above,
    log(base).

    Where the exponent is 0, y is 1 whatever the base, so ∂base is 0 even at base 0; where the base is 0 and the
    exponent is not negative, ∂exponent is 0. A negative base has no logarithm: its ∂exponent is NaN.
    """

def prelu(z: _Operand, slope: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.PReLU
    """y = z where z > 0, else slope · z
    ∂z = ∂y where z > 0, else ∂y · slope   ∂slope = ∂y · z where z < 0, else 0

    Why: Right of 0 it is the line z, which has slope 1; left of 0 a line of the slope that is learnt. There y is slope
    · z, which moves by z times what the slope moves; right of 0 the slope changes nothing.

    slope is a number, or one for each feature, and may be learnt. K. He et al., *Delving deep into rectifiers*, 2015.
    """

def relu(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.ReLU
    """y = max(z, 0)
    ∂z = ∂y where z > 0, else 0

    Why: Right of 0 it is the line z, which has slope 1; left of 0 it stays 0, which has slope 0. At the kink itself 0
    is chosen.
    """

def reshape(x: _Operand, *, shape: int | _Sequence[int], name: str | None = None) -> _Node:  # chainrule.ops.shaping.Reshape
    """y = reshape(x, shape)
    ∂x = ∂y in the shape of x

    Why: Each number only gets another place. What comes back for it goes to where it was.

    The elements stay in the same order.

    Parameters
    ----------
    shape : int or sequence of int
        The shape of y, samples included; one length may be -1: whatever is left.
    """

def selu(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.SELU
    """y = λ · (z where z > 0, else α · (eᶻ − 1)), λ = 1.0507009873554805, α = 1.6732632423543772
    ∂z = ∂y · λ · (1 where z ≥ 0, else α · eᶻ)

    Why: Right of 0 it is a line of slope λ. Left of 0 it is λ · α · eᶻ less a constant: a power of e is its own slope,
    and a constant has none.

    With these two numbers, layer after layer keeps mean 0 and deviation 1, if weights
    start as `LeCun` has them. G. Klambauer et al., *Self-normalizing neural networks*, 2017.
    """

def sigmoid(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.Sigmoid
    """y = 1 / (1 + e⁻ᶻ)
    ∂z = ∂y · y (1 − y)

    Why: y is 1 / v with v = 1 + e⁻ᶻ, whose slope is −e⁻ᶻ. The rule for 1 / v gives e⁻ᶻ / v², that is 1 / v times e⁻ᶻ /
    v: the first is y, and the second is 1 − y.

    1 − y is computed as the sigmoid of −z: the same, but it does not become 0 as soon as y rounds to 1.
    """

def sigmoid_binary_cross_entropy(logits: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, label_smoothing: float = 0.0, name: str | None = None) -> _Node:  # chainrule.ops.cross_entropy.SigmoidBinaryCrossEntropy
    """y = mean(−target · log σ(logits) − (1 − target) · log(1 − σ(logits)))
    ∂logits = ∂y · (σ(logits) − target) / n
    with label_smoothing s: target = (1 − s) · target + s / 2

    Why: With p = σ(logits) the slope of the loss by p is (p − target) / (p (1 − p)), and the slope of the sigmoid is p
    (1 − p). The chain rule multiplies the two: what is delicate near 0 and 1 cancels, and p − target is left.

    The binary cross-entropy of σ(logits), for any logit: log(1 + e^logits) − target · logits is the same, and does not
    overflow. The mean runs over all n elements. The derivative is computed as (1 − target) · σ(logits) −
    target · σ(−logits), so that it never rounds to 0 beside 1.

    Parameters
    ----------
    label_smoothing : float, default 0
        s, from 0 to below 1. It counts in every loss, that of `evaluate` too.
    """

def sigmoid_focal_cross_entropy(logits: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, gamma: float = 2.0, alpha: float | None = None, name: str | None = None) -> _Node:  # chainrule.ops.focal.SigmoidFocalCrossEntropy
    """y = mean(r q^gamma · u + s p^gamma · v), p = σ(logits), q = σ(−logits), u = −log p, v = −log q
    ∂logits = ∂y · (s p^gamma · (p + gamma q v) − r q^gamma · (q + gamma p u)) / n
    where r = target, s = 1 − target
    with alpha: r = alpha · target, s = (1 − alpha) · (1 − target)

    Why: By p, the first term has the slope −q^gamma · (gamma u / q + 1 / p), as in `BinaryFocalCrossEntropy`; the slope
    of the sigmoid is p q. The chain rule multiplies the two, and p q cancels what was divided by: −q^gamma · (gamma p u
    + q). The other term is its mirror image.

    The binary focal loss of σ(logits), for any logit. The mean runs over all n elements. The powers are
    computed as p^gamma = e^(−gamma u).

    Parameters
    ----------
    gamma : float, default 2
        How far it turns away from what is predicted well; 0 or more.
    alpha : float, optional
        How much a yes counts, between 0 and 1; a no counts 1 − alpha. Left out, each counts 1.
    """

def silu(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.SiLU
    """y = z · σ(z), σ(z) = 1 / (1 + e⁻ᶻ)
    ∂z = ∂y · σ(z) (1 + z · σ(−z))

    Why: The rule for a product: σ(z), as if the second factor stood still, and z times the slope of the sigmoid, σ(z)
    (1 − σ(z)); 1 − σ(z) is σ(−z).

    In float32 good to 5 units in the last place; the derivative to 8 of σ(z), which counts near its zero, z = −1.28.
    """

def sin(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Sin
    """y = sin(z)
    ∂z = ∂y · cos(z)

    Why: Let a point walk round a circle of radius 1: when it has walked z, its height is sin(z). It walks straight up
    where it is farthest to the right, and level at the top: the share of its way that leads up is how far to the right
    it is, cos(z).

    z is in radians.
    """

def slice(x: _Operand, *, key: _Index, name: str | None = None) -> _Node:  # chainrule.ops.shaping.Slice
    """y = x[key]
    ∂x = ∂y at the places of key, else 0

    Why: What was taken moves y as it moves itself: slope 1. What was not taken changes nothing: 0.

    Parameters
    ----------
    key : int, slice, None, Ellipsis or tuple of them
        What NumPy calls basic indexing: each element of x comes up at most once.
    """

def softmax(z: _Operand, *, axis: int = -1, name: str | None = None) -> _Node:  # chainrule.ops.softmax.Softmax
    """y = eᶻ / Σ eᶻ in each row
    ∂z = y · (∂y − Σ ∂y · y in each row)

    Why: The shares of a row add up to 1: where one z grows, its own share grows, by the slope y (1 − y), and each other
    one falls, by that share times y. Each times its ∂y and added up, that is y times how far ∂y lies above the mean of
    the row's ∂y, weighted by the shares.

    The rounding of z minus the largest grows with the difference: a probability of e⁻⁶⁰ is good to 64 units in the
    last place in float32, one above 0.01 to 8.
    """

def softmax_cross_entropy(logits: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, label_smoothing: float = 0.0, name: str | None = None) -> _Node:  # chainrule.ops.cross_entropy.SoftmaxCrossEntropy
    """y = mean over samples of −Σ target · log softmax(logits)
    ∂logits = ∂y · (softmax(logits) − target) / samples
    with class indices: target = one_hot(target)
    with label_smoothing s: target = (1 − s) · target + s / classes

    Why: log softmax(logits) is logits − log Σ e^logits. Of −Σ target · that, the first part has slope −target. The
    second stands there as often as the targets add up to, once, and the slope of log Σ e^logits is softmax(logits). So
    what comes back is how far each share is from the one it should be.

    `target` is one-hot, (samples, …, classes), or holds class indices, (samples, …). Its rows add up to
    1; where rounding has them miss it, softmax(logits) counts that sum times.

    Parameters
    ----------
    label_smoothing : float, default 0
        s, from 0 to below 1. It counts in every loss, that of `evaluate` too.
    """

def softmax_focal_cross_entropy(logits: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, gamma: float = 2.0, alpha: _Sequence[float] | None = None, name: str | None = None) -> _Node:  # chainrule.ops.focal.SoftmaxFocalCrossEntropy
    """y = mean over samples of Σ r (1 − p)^gamma · u, p = softmax(logits), u = −log p
    ∂logits = ∂y · (p · Σ s in each row − s) / samples, s = r (1 − p)^gamma · (1 + gamma u / (e^u − 1))
    where r = target
    with class indices: target = one_hot(target)
    with alpha: r = alpha · target

    Why: By p, a term has the slope −s / p: the rule for a product, as in `CategoricalFocalCrossEntropy`. The derivative
    of a softmax is p · (g − Σ g · p) for what comes back to it, g. With g = −s / p that is p · Σ s − s. With gamma = 0,
    s is the target: how far each share is from the one it should be.

    `target` is one-hot, (samples, …, classes), or holds class indices, (samples, …). u / (e^u − 1), which
    is p u / (1 − p), is 1 where u is 0.

    Parameters
    ----------
    gamma : float, default 2
        How far it turns away from what is predicted well; 0 or more.
    alpha : sequence of float, optional
        How much each class counts. Left out, each counts 1.
    """

def softplus(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.Softplus
    """y = log(1 + eᶻ)
    ∂z = ∂y / (1 + e⁻ᶻ)

    Why: The slope of log is 1 / (1 + eᶻ), and that of what it is taken of is eᶻ. The chain rule multiplies the two: eᶻ
    / (1 + eᶻ), the sigmoid.

    Computed as max(z, 0) + log(1 + exp(−|z|)).
    """

def softsign(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.Softsign
    """y = z / (1 + |z|)
    ∂z = ∂y / (1 + |z|)²

    Why: Right of 0 it is z / (1 + z), and the rule for a quotient gives (1 + z − z) / (1 + z)². Left of 0 it is the
    same curve, turned round the origin by half a circle, which keeps its slopes.
    """

def sqrt(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Sqrt
    """y = √z
    ∂z = ∂y / 2√z

    Why: y² = z. Where y moves by h, its square moves by 2 y · h; so read the other way round y moves by h / 2y where z
    moves by h.

    At 0 the derivative is inf; below 0 y is NaN.
    """

def squared_error(prediction: _Operand, target: _Operand, sample_weight: _Operand | None = None, *, name: str | None = None) -> _Node:  # chainrule.ops.losses.SquaredError
    """y = mean over samples of Σ (prediction − target)²
    ∂prediction = ∂y · 2 (prediction − target) / samples

    Why: The slope of a square d² is 2 d, and d = prediction − target moves as the prediction does. The sum over outputs
    divides by nothing, the mean over samples by their number.

    The sum runs over the last axis, the outputs; where there are axes between, the mean runs over these too. With ten
    outputs it is ten times `MeanSquaredError`, whose mean runs over the outputs as well.
    """

def subtract(a: _Operand, b: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Subtract
    """y = a − b
    ∂a = ∂y   ∂b = −∂y

    Why: y grows as fast as a does, and falls as fast as b grows: slopes 1 and −1.
    """

def sum(x: _Operand, *, axis: _Axes = None, keepdims: bool = False, name: str | None = None) -> _Node:  # chainrule.ops.reductions.Sum
    """y = Σ x over the axes
    ∂x = ∂y, for every element

    Why: An element that moves by h moves the sum by h, whatever the others are: slope 1.
    """

def tanh(z: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.activations.Tanh
    """y = tanh(z)
    ∂z = ∂y · (1 − y²)

    Why: y is u / v with u = eᶻ − e⁻ᶻ and v = eᶻ + e⁻ᶻ, and each of the two is the other's slope. The rule for a
    quotient gives (v · v − u · u) / v², that is 1 − (u / v)².

    The textbook's derivative, two products: fast, and off by at most 1.5e-7 in float32. What it costs: where |z| is
    large and the derivative tiny, its digits go one by one, and from |z| = 9.1 on (19 in float64) it is 0.
    """

def transpose(x: _Operand, *, axes: _Sequence[int] | None = None, name: str | None = None) -> _Node:  # chainrule.ops.shaping.Transpose
    """y = transpose(x, axes)
    ∂x = transpose(∂y, inverse(axes))

    Why: Each number only gets another place. What comes back for it goes to where it was: the axes are exchanged back.

    Of a matrix, y = xᵀ and ∂x = ∂yᵀ.

    Parameters
    ----------
    axes : sequence of int, optional
        Which axis of x becomes the first, the second, …; the reverse order if left out.
    """

def unscale(x: _Operand, *, scale: float | _Sequence[float], offset: float | _Sequence[float] = 0.0, name: str | None = None) -> _Node:  # chainrule.ops.scaling.Unscale
    """y = x · scale + offset
    ∂x = ∂y · scale

    Why: It is a straight line in x, of slope scale. The offset moves every y alike and changes no slope.

    The last layer of a network whose targets have a unit of their own, such as prices. Predictions, metrics, pictures
    and exports are in that unit. The loss is computed before it, with (target − offset) / scale for the target, so
    loss, learning rate, penalties and clipping mean what they mean for targets with mean 0 and deviation 1.

    Where the offset is large beside the scale, as in times since 1970, what comes out is in float64: float32 couldn't
    tell such numbers apart.

    Parameters
    ----------
    scale : float or sequence of float
        Above 0: one number, or one for each output.
    offset : float or sequence of float, default 0
    """

def var(x: _Operand, *, axis: _Axes = None, keepdims: bool = False, name: str | None = None) -> _Node:  # chainrule.ops.reductions.Var
    """y = Σ (x − m)² / n over the axes, m = Σ x / n over the axes
    ∂x = ∂y · 2 (x − m) / n

    Why: The slope of the square (x − m)² is 2 (x − m), and the mean divides by n. x moves m as well, but that adds
    nothing: the sum of all 2 (x − m) is 0, so a small move of m leaves the sum of squares as it is.

    n elements become one; m is their mean. The mean is subtracted first, in float64: a large one costs no digits.
    """

def weighted_sum(*parts: _Operand, weights: _Sequence[float], name: str | None = None, **parts_by_number: _Operand) -> _Node:  # chainrule.ops.arithmetic.WeightedSum
    """y = Σ weightsᵢ · partsᵢ
    ∂partsᵢ = ∂y · weightsᵢ

    Why: A part that moves by h moves y by weightsᵢ · h, whatever the other parts are.

    All parts have one shape. The loss of a network with several outputs is one.

    Parameters
    ----------
    weights : sequence of float
        A number for each part.
    """

def where(condition: _Operand, a: _Operand, b: _Operand, *, name: str | None = None) -> _Node:  # chainrule.ops.arithmetic.Where
    """y = a where condition ≠ 0, else b
    ∂a = ∂y where condition ≠ 0, else 0   ∂b = ∂y where condition = 0, else 0

    Why: y is a copy of the part that was taken and moves with it; the other part changes nothing. The condition only
    chooses: a small step of it changes no choice, so it gets no derivative.

    condition holds booleans, or numbers, of which 0 is false.
    """
