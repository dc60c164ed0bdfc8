"""Written by `make stubs`: names and signatures of chainrule.ops, for editors and checkers of types."""

from chainrule.ops.op import Array as Array
from chainrule.ops.op import Derivatives as Derivatives
from chainrule.ops.op import Op as Op
from chainrule.ops.linear import Linear as Linear
from chainrule.ops.linear import Matmul as Matmul
from chainrule.ops.arithmetic import Add as Add
from chainrule.ops.arithmetic import WeightedSum as WeightedSum
from chainrule.ops.arithmetic import Subtract as Subtract
from chainrule.ops.arithmetic import Multiply as Multiply
from chainrule.ops.arithmetic import Divide as Divide
from chainrule.ops.arithmetic import Negative as Negative
from chainrule.ops.arithmetic import Power as Power
from chainrule.ops.arithmetic import Exp as Exp
from chainrule.ops.arithmetic import Log as Log
from chainrule.ops.arithmetic import Sqrt as Sqrt
from chainrule.ops.arithmetic import Absolute as Absolute
from chainrule.ops.arithmetic import Sin as Sin
from chainrule.ops.arithmetic import Cos as Cos
from chainrule.ops.arithmetic import Maximum as Maximum
from chainrule.ops.arithmetic import Minimum as Minimum
from chainrule.ops.arithmetic import Clip as Clip
from chainrule.ops.arithmetic import Where as Where
from chainrule.ops.reductions import Sum as Sum
from chainrule.ops.reductions import Mean as Mean
from chainrule.ops.reductions import Var as Var
from chainrule.ops.reductions import Norm as Norm
from chainrule.ops.reductions import Max as Max
from chainrule.ops.reductions import LogSumExp as LogSumExp
from chainrule.ops.reductions import Cumsum as Cumsum
from chainrule.ops.shaping import Reshape as Reshape
from chainrule.ops.shaping import Flatten as Flatten
from chainrule.ops.shaping import Transpose as Transpose
from chainrule.ops.shaping import Concatenate as Concatenate
from chainrule.ops.shaping import Slice as Slice
from chainrule.ops.shaping import Gather as Gather
from chainrule.ops.activations import Identity as Identity
from chainrule.ops.activations import Tanh as Tanh
from chainrule.ops.activations import Sigmoid as Sigmoid
from chainrule.ops.activations import HardSigmoid as HardSigmoid
from chainrule.ops.activations import HardSwish as HardSwish
from chainrule.ops.activations import Softsign as Softsign
from chainrule.ops.activations import ReLU as ReLU
from chainrule.ops.activations import LeakyReLU as LeakyReLU
from chainrule.ops.activations import PReLU as PReLU
from chainrule.ops.activations import ELU as ELU
from chainrule.ops.activations import SELU as SELU
from chainrule.ops.activations import GELU as GELU
from chainrule.ops.activations import SiLU as SiLU
from chainrule.ops.activations import Mish as Mish
from chainrule.ops.activations import Softplus as Softplus
from chainrule.ops.softmax import Softmax as Softmax
from chainrule.ops.softmax import LogSoftmax as LogSoftmax
from chainrule.ops.custom import Activation as Activation
from chainrule.ops.scaling import Unscale as Unscale
from chainrule.ops.losses import MeanSquaredError as MeanSquaredError
from chainrule.ops.losses import SquaredError as SquaredError
from chainrule.ops.losses import HalfSquaredError as HalfSquaredError
from chainrule.ops.losses import MeanAbsoluteError as MeanAbsoluteError
from chainrule.ops.losses import Huber as Huber
from chainrule.ops.losses import PinballLoss as PinballLoss
from chainrule.ops.cross_entropy import BinaryCrossEntropy as BinaryCrossEntropy
from chainrule.ops.cross_entropy import SigmoidBinaryCrossEntropy as SigmoidBinaryCrossEntropy
from chainrule.ops.cross_entropy import CategoricalCrossEntropy as CategoricalCrossEntropy
from chainrule.ops.cross_entropy import SoftmaxCrossEntropy as SoftmaxCrossEntropy
from chainrule.ops.focal import BinaryFocalCrossEntropy as BinaryFocalCrossEntropy
from chainrule.ops.focal import SigmoidFocalCrossEntropy as SigmoidFocalCrossEntropy
from chainrule.ops.focal import CategoricalFocalCrossEntropy as CategoricalFocalCrossEntropy
from chainrule.ops.focal import SoftmaxFocalCrossEntropy as SoftmaxFocalCrossEntropy
from chainrule.ops.custom import Loss as Loss
from chainrule.ops.penalties import L1Penalty as L1Penalty
from chainrule.ops.penalties import L2Penalty as L2Penalty
from chainrule.ops.pages import Page as Page
from chainrule.ops.pages import page as page

def all_ops() -> dict[str, type[Op]]:
    """Return op name -> class, every op of chainrule, in the order of the table.

    Examples
    --------
    >>> all_ops()["leaky_relu"]
    <class 'chainrule.ops.activations.LeakyReLU'>
    """

def table() -> str:
    """Return every op with its roles, its function and its derivatives, as a page of text.

    A role in brackets may be left out.

    Examples
    --------
    >>> print(table()[:190])
    linear(x, weights, [bias])
        y = x @ weights + bias
        ∂x = ∂y @ weightsᵀ
        ∂weights = xᵀ @ ∂y
        ∂bias = Σ ∂y over samples
    matmul(a, b)
        y = a @ b
        ∂a = ∂y @ bᵀ
        ∂b = aᵀ @ ∂y
    """
