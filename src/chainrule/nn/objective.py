"""What a network is trained for: which loss, on the last layer's output or on the logits before it.

Softmax and the logarithm of a cross-entropy cancel; computed apart they overflow. So a network that ends in softmax
or sigmoid and is trained on its cross-entropy is trained on the logits, with the fused op; its predictions stay
probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError
from chainrule.nn.layer import Layer, LayerLike
from chainrule.ops.activations import Sigmoid
from chainrule.ops.cross_entropy import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    SigmoidBinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from chainrule.ops.losses import MeanSquaredError
from chainrule.ops.op import Array, Op
from chainrule.ops.softmax import Softmax

_FUSED: dict[tuple[type, type], type[Op]] = {
    (Softmax, CategoricalCrossEntropy): SoftmaxCrossEntropy,
    (Sigmoid, BinaryCrossEntropy): SigmoidBinaryCrossEntropy,
}
_PREDICTION_ROLES = ("prediction", "logits")
_TARGET_ROLES = ("target", "labels")


@dataclass(frozen=True)
class Objective:
    """A loss and where it looks.

    Attributes
    ----------
    loss : Op
        What was asked for.
    op : Op
        What is computed: the loss, or the fused op on the logits.
    fused : bool
        Whether it takes the output of the layer before the last.
    """

    loss: Op
    op: Op
    fused: bool

    @property
    def prediction_role(self) -> str:
        return self.op.roles[0]

    @property
    def target_role(self) -> str:
        return self.op.roles[1]

    @property
    def weighted(self) -> bool:
        """Whether samples may be weighted."""
        return "sample_weight" in self.op.roles

    def check_targets(self, where: str, target: Array, output: tuple[int, ...], dtype: str) -> None:
        """Raise if the loss can't use these targets, all of them: a class that doesn't exist, no probability."""
        shape = len(target), *output
        like: Array = np.ndarray(shape, dtype, np.asarray(0.5, dtype), strides=(0,) * len(shape))  # quickly broadcast
        self.op.check(where, **{self.prediction_role: like, self.target_role: target})

    @property
    def takes_labels(self) -> bool:
        """Whether class indices may be given as the target."""
        return isinstance(self.op, (SoftmaxCrossEntropy, CategoricalCrossEntropy)) or self.target_role == "labels"

    @property
    def binary(self) -> bool:
        """Whether the target is a probability or a yes or no."""
        return isinstance(self.op, (SigmoidBinaryCrossEntropy, BinaryCrossEntropy))


def objective(layers: Sequence[LayerLike], loss: Op | None) -> Objective:
    """Return the objective of a network with these layers.

    Parameters
    ----------
    layers : sequence of layers
    loss : Op or None
        None: the cross-entropy that suits a last softmax or sigmoid, else the mean squared error.

    Raises
    ------
    InputError
        If `loss` is no loss, or takes logits where the last layer makes probabilities.
    """
    last = layers[-1] if layers else None
    if loss is None:
        matching: dict[Any, type[Op]] = {Softmax: CategoricalCrossEntropy, Sigmoid: BinaryCrossEntropy}
        loss = matching.get(type(last), MeanSquaredError)()
    told: Any = loss
    if isinstance(told, Layer) or (isinstance(loss, Op) and len(loss.roles) == 1):
        raise InputError(
            "Network",
            given=f"{loss!r} as its loss",
            expected="all layers in one list",
            fix="Write cr.Network([layer, layer, …], loss=…)",
        )
    checks.instance("Network loss", loss, Op, "cr.MeanSquaredError()")
    if len(loss.roles) < 2 or loss.roles[0] not in _PREDICTION_ROLES or loss.roles[1] not in _TARGET_ROLES:
        raise InputError(
            "Network loss",
            given=f"{loss!r}, an op with the roles {', '.join(loss.roles)}",
            expected="an op with the roles prediction (or logits) and target (or labels)",
            fix="Pass for example cr.MeanSquaredError(), or wrap a pair: cr.Loss(function, derivative)",
        )
    if loss.roles[0] == "logits" and isinstance(last, (Softmax, Sigmoid)):
        raise InputError(
            "Network loss",
            given=f"{loss!r}, which takes logits, after a last layer {last!r}",
            expected="probabilities or logits, not one applied to the other",
            fix=f"Drop the last {last!r}, or pass cr.CategoricalCrossEntropy() or cr.BinaryCrossEntropy()",
        )
    fused = _FUSED.get((type(last), type(loss)))
    if fused is not None and not (isinstance(last, Softmax) and last.axis not in (-1, 1)):
        return Objective(loss, fused(), fused=True)
    return Objective(loss, loss, fused=False)
