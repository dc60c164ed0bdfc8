"""What a network is trained for: which loss, on the last layer's output or on the logits before it; and if it can work.

Softmax and the logarithm of a cross-entropy cancel; computed apart they overflow. So a network that ends in softmax
or sigmoid and is trained on its cross-entropy is trained on the logits, with the fused op; its predictions stay
probabilities. Likewise a network that ends in `Unscale` is trained on what comes before it, with targets of the same
scale; its predictions have the targets' own unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, TrainingWarning
from chainrule.nn.layer import Layer, LayerLike, ending, output_op, range_of
from chainrule.nn.room import least_numbers
from chainrule.ops import all_ops
from chainrule.ops.activations import Sigmoid
from chainrule.ops.cross_entropy import (
    BinaryCrossEntropy,
    BinaryLoss,
    CategoricalCrossEntropy,
    ClassLoss,
    SigmoidBinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from chainrule.ops.custom import Loss
from chainrule.ops.focal import (
    BinaryFocalCrossEntropy,
    CategoricalFocalCrossEntropy,
    SigmoidFocalCrossEntropy,
    SoftmaxFocalCrossEntropy,
)
from chainrule.ops.losses import ElementwiseLoss, MeanSquaredError, expect_columns
from chainrule.ops.op import Array, Op, Range
from chainrule.ops.scaling import Unscale
from chainrule.ops.softmax import LogSoftmax, Softmax
from chainrule.settings import Configured, FixedMapping
from chainrule.words import arguments, target_first

_FUSED: dict[tuple[type, type], type[Op]] = {
    (Softmax, CategoricalCrossEntropy): SoftmaxCrossEntropy,
    (Softmax, CategoricalFocalCrossEntropy): SoftmaxFocalCrossEntropy,
    (Sigmoid, BinaryCrossEntropy): SigmoidBinaryCrossEntropy,
    (Sigmoid, BinaryFocalCrossEntropy): SigmoidFocalCrossEntropy,
}
_ON_PROBABILITIES = {fused: plain for (_, plain), fused in _FUSED.items()}
_BINARY: dict[type, type[Op]] = {
    CategoricalCrossEntropy: BinaryCrossEntropy,
    CategoricalFocalCrossEntropy: BinaryFocalCrossEntropy,
}
_SUITING: dict[type, type[Op]] = {
    Softmax: CategoricalCrossEntropy,
    Sigmoid: BinaryCrossEntropy,
    LogSoftmax: SoftmaxCrossEntropy,  # which takes logarithms of probabilities for logits, and right so
}
TASKS = ("regression", "binary", "multiclass", "multilabel")
_FOCAL: dict[type, type[Op]] = {
    CategoricalCrossEntropy: CategoricalFocalCrossEntropy,
    BinaryCrossEntropy: BinaryFocalCrossEntropy,
    SoftmaxCrossEntropy: SoftmaxFocalCrossEntropy,
}
_PREDICTION_ROLES = ("prediction", "logits")
_TARGET_ROLES = ("target", "labels")
_SURE = 3  # a logit that large is a probability of 95 %; of ends that reach no such logit none is ever sure
_MANY = 10  # rows of labels, of which each has a single one by chance only where that is how they are made
_LARGE = 30  # a mean or deviation of targets from here on takes many steps to reach from weights of about 1


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
    last : layer or op, or None
        Where the network's output comes from; where that is `Unscale`, what comes before it.
    reach : (float, float) or None
        The range of the output of `last`; None where nobody knows.
    unscale : Unscale or None
        The last layer, if it gives the outputs the unit of the targets.
    """

    loss: Op
    op: Op
    fused: bool
    last: LayerLike | None = None
    reach: Range | None = None
    unscale: Unscale | None = None

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
        target = target if self.unscale is None else self.unscale.scaled(target)
        self.op.check(where, **{self.prediction_role: like, self.target_role: target})

    def doubts(
        self, where: str, target: Array, sample_weight: Array | None = None, outputs: int = 1, name: str = "y"
    ) -> list[TrainingWarning]:
        """Return warnings of targets that count and that the network can never give, or hardly learn to.

        `name` is what they are called, as ``y["price"]``.
        """
        if self.takes_labels and target.dtype.kind in "iu" and len(target) >= _MANY and 2 * target.max() + 2 < outputs:
            return [
                TrainingWarning(
                    where,
                    given=f"classes from 0 to {target.max()}, for {outputs} outputs",
                    expected="an output for each class",
                    fix=f"Put cr.Dense({target.max() + 1}) before the end, if there are no others",
                    cause="target.classes",
                )
            ]
        if self.binary and target.shape[-1] > 1 and len(target) >= _MANY and _has_single_ones(target):
            return [
                TrainingWarning(
                    where,
                    given=f"y with a single 1 in each row, for {self.last!r:.60} and {self.loss!r}",
                    expected="rows in which several labels may be true: each output is a yes or no of its own",
                    fix="End with cr.Softmax() and take cr.CategoricalCrossEntropy() where each sample has one class",
                    cause="target.one_hot",
                )
            ]
        if self.reach is None or self.takes_labels or not isinstance(self.loss, ElementwiseLoss):
            return []
        if sample_weight is not None:
            target = target[sample_weight > 0]
        scaled = target if self.unscale is None else self.unscale.scaled(target)
        (lowest, highest), least, most = self.reach, float(scaled.min()), float(scaled.max())
        given = f"targets from {least:g} to {most:g} for a last layer {self.last!r:.60}"
        if self.unscale is not None:
            given = f"targets that are from {least:g} to {most:g} before {self.unscale!r:.60}, for {self.last!r:.60}"
        slack = 1e-3 * max(1.0, min(highest - lowest, most - least))
        if least < lowest - slack or most > highest + slack:
            can = told_range(self.reach)
            return [
                TrainingWarning(
                    where,
                    given=f"{given}, which gives {can}",
                    expected="targets that it can give",
                    fix=f"Drop the last {self.last!r:.60} to give any number"
                    + (f", or scale the targets to {can}" if self.unscale is None else ""),
                    cause="target.range",
                )
            ]
        if math.isinf(highest - lowest) and not getattr(self.last, "rescales", False):
            mean, spread = np.abs(scaled.mean(axis=0, dtype=np.float64)), scaled.std(axis=0, dtype=np.float64)
            small = self.unscale is not None and bool(((spread > 0) & (spread < 1 / _LARGE)).any())
            if small or max(mean.max(), spread.max()) > _LARGE:
                column = f"np.ravel({name})" if target.ndim > 2 and target.shape[-1] == 1 else name
                fix = f"Put cr.Unscale.standard({column})" + (" last" if self.unscale is None else " in its place")
                deviation = f"as little as {spread[spread > 0].min():.3g}" if small else f"up to {spread.max():.3g}"
                return [
                    TrainingWarning(
                        where,
                        given=f"{given}, a mean of up to {mean.max():.3g} and a deviation of {deviation}",
                        expected=f"a mean and a deviation of about 1, at most {_LARGE}: weights start that small",
                        fix=f"{fix}, with the targets of the training: predictions keep their unit, the loss is in "
                        "deviations",
                        cause="target.scale",
                    )
                ]
        return []

    @property
    def takes_labels(self) -> bool:
        """Whether class indices may be given as the target."""
        return isinstance(self.op, ClassLoss) or self.target_role == "labels"

    @property
    def binary(self) -> bool:
        """Whether the target is a probability or a yes or no."""
        return isinstance(self.op, BinaryLoss)

    def target_shape(self, output: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a sample's target that is not class indices, where the outputs have this shape."""
        columns = self.op.target_columns
        return output if columns is None else (*output[:-1], columns)

    def task(self, outputs: int, named: bool) -> str:
        """Return what so many outputs answer, one of `TASKS`; `named`: whether the network has names of classes."""
        last = self.last
        if self.unscale is not None:
            return "regression"
        if self.binary:
            return "binary" if outputs == 1 else "multilabel"
        chosen = isinstance(last, (Softmax, LogSoftmax)) and last.axis in (-1, 1)
        if self.takes_labels or chosen or named or (isinstance(last, Sigmoid) and outputs == 1):
            return "binary" if outputs == 1 else "multiclass"
        return "regression"


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
    last, named = output_op(layers), loss is not None
    if loss is None:
        loss = suiting_loss(last)
    told: Any = loss
    if isinstance(told, Layer) or (isinstance(loss, Op) and len(loss.roles) == 1):
        raise InputError(
            "Network",
            given=f"{loss!r} as its loss",
            expected="all layers in one list",
            fix="Write cr.Network([layer, layer, …], loss=…)",
        )
    advised = f"cr.{suiting_loss(ending(layers))!r}"
    own = "cr.Loss(function, derivative), both of prediction and target; or the class, with parentheses"
    checks.instance("Network loss", loss, Op, advised, own)
    if len(loss.roles) < 2 or loss.roles[0] not in _PREDICTION_ROLES or loss.roles[1] not in _TARGET_ROLES:
        raise InputError(
            "Network loss",
            given=f"{loss!r}, an op with the roles {', '.join(loss.roles)}",
            expected="an op with the roles prediction (or logits) and target (or labels)",
            fix=f"Pass for example {advised}, or wrap a pair: cr.Loss(function, derivative)",
        )
    unscale = _unscale_at_end(layers, loss)
    _expect_fitting(layers, loss)
    if named:  # else it may be meant as a layer of another network, which has an objective of its own
        shape = least_numbers(layers, None, set())[1]
        expect_outputs(layers, loss, shape[-1] if shape else None)
    if unscale is not None:
        before = _without_last(layers)
        return Objective(loss, loss, True, ending(before), range_of(before), unscale)
    fused, end = _FUSED.get((type(last), type(loss))), (ending(layers), range_of(layers))
    if fused is not None and not (isinstance(last, Softmax) and last.axis not in (-1, 1)):
        return Objective(loss, fused(**loss.settings()), True, *end)
    return Objective(loss, loss, False, *end)


def _unscale_at_end(layers: Sequence[LayerLike], loss: Op) -> Unscale | None:
    """Return the `Unscale` that these layers end in, refused where it stands elsewhere or the loss is for classes."""
    last = layers[-1] if layers else None
    for i, layer in enumerate(layers):
        if _holds_unscale(layer) and not (i == len(layers) - 1 and _ends_in_unscale(layer)):
            raise InputError(
                "Network",
                given=f"cr.Unscale before the end, or inside {layer!r:.80}"
                if isinstance(layer, Layer)
                else f"{layer!r:.80} before the end",
                expected="it as the last of the layers: the loss is computed before it",
                fix="Put it last, [cr.Dense(1), cr.Unscale.standard(y)]; of a trained network take the layers before "
                "it, [*network.copy().layers[:-1], …]; to scale elsewhere take cr.Rescale(scale, offset)",
            )
    if last is None or not _ends_in_unscale(last):
        return None
    found = output_op(layers)
    assert isinstance(found, Unscale)
    given = f"{loss!r:.80} after a last layer {found!r:.60}"
    if not suits_quantities(loss):
        raise InputError(
            "Network loss",
            given=given,
            expected="a loss for quantities: classes and probabilities have no unit",
            fix="Drop the last layer, or pass cr.MeanSquaredError()",
        )
    if loss.target_columns is not None and any(isinstance(n, tuple) for n in (found.scale, found.offset)):
        raise InputError(
            "Network loss",
            given=given,
            expected="one scale and one offset: all outputs are compared with one target",
            fix="Put cr.Unscale.standard(y) there, of the one column of targets",
        )
    return found


def suits_quantities(loss: Op) -> bool:
    """Return whether a loss compares numbers that may have a unit, and neither classes nor probabilities."""
    return not isinstance(loss, (ClassLoss, BinaryLoss)) and not {"logits", "labels"} & set(loss.roles)


def _ends_in_unscale(layer: LayerLike) -> bool:
    """Return whether it is the layer, or a network whose last layer it is."""
    if isinstance(layer, Op):
        return isinstance(layer, Unscale)
    inside: Any = getattr(layer, "layers", [])
    return layer.output_op is not None and bool(inside) and _ends_in_unscale(inside[-1])


def _holds_unscale(layer: LayerLike) -> bool:
    """Return whether it is the layer, or has it somewhere inside."""
    parts: list[Any] = [layer]
    while parts:
        part = parts.pop()
        if isinstance(part, Unscale):
            return True
        if isinstance(part, Layer):
            parts += [value for name, value in vars(part).items() if not name.startswith("_")]
        elif isinstance(part, (list, tuple)):
            parts += part
        elif isinstance(part, FixedMapping):
            parts += part.values()
    return False


def _without_last(layers: Sequence[LayerLike]) -> list[LayerLike]:
    """Return layers that end in `Unscale` without it."""
    *before, last = layers
    return before if isinstance(last, Op) else [*before, *_without_last(getattr(last, "layers", []))]


def as_loss(layers: Sequence[LayerLike], loss: Any) -> Op:
    """Return a loss as it is, and the one that a name stands for.

    ``"cross_entropy"`` and ``"focal_loss"`` are those that suit the layers.

    >>> as_loss([Sigmoid()], "cross-entropy")
    BinaryCrossEntropy()
    >>> as_loss([], "huber_loss")
    Huber()
    """
    if not isinstance(loss, str):
        told: Op = loss  # `objective` looks at what it is
        return told
    suiting = suiting_loss(ending(layers))
    known = {kind.__name__: kind for kind in all_ops().values() if kind.is_loss() and kind.in_files}
    plain = SoftmaxCrossEntropy if isinstance(suiting, MeanSquaredError) else type(suiting)
    known |= {"CrossEntropy": plain, "FocalLoss": _FOCAL[plain]}
    return checks.part("Network loss", loss, Op, known, f"cr.{suiting!r}")


def loss_of_pair(function: Any, derivative: Any) -> Op:
    """Return the loss of a pair that stands where loss and optimizer are asked: a function, and its derivative.

    Raises
    ------
    InputError
        If the names of their parameters don't say which is the target. `Loss` would take the prediction first; who
        writes a pair so comes from code that takes the truth first.
    """
    for each in (function, derivative):
        if target_first(each) is None:
            name = getattr(each, "__name__", repr(each))[:40]
            raise InputError(
                "Network loss",
                given=f"{name}({', '.join(arguments(each)[0])})",
                expected="two parameters, and names that say which is the truth and which the prediction",
                fix="Name them (y_true, y_pred), or (truth, prediction), in their order; or, if they take the "
                f"prediction first, write cr.Network(layers, cr.Loss({_named(function)}, {_named(derivative)}))",
            )
    return Loss(function, derivative)


def is_function(value: Any) -> bool:
    """Return whether it is a plain function of a user's, not an op, a class, or one of ours that builds nodes."""
    return callable(value) and not isinstance(value, (type, Configured)) and not hasattr(value, "__wrapped__")


def _named(function: Any) -> str:
    name = str(getattr(function, "__name__", ""))
    return name if name.isidentifier() else "…"


def _has_single_ones(target: Array) -> bool:
    return bool(((target == 0) | (target == 1)).all() and (target.sum(axis=-1) == 1).all())


def suiting_loss(last: LayerLike | None) -> Op:
    """Return the loss that suits a last layer."""
    return _SUITING.get(type(last), MeanSquaredError)()


def _expect_fitting(layers: Sequence[LayerLike], loss: Op) -> None:
    """Raise if the numbers that the last layer gives are none that the loss can learn from."""
    last, reach = ending(layers), range_of(layers)
    lowest, highest = (-math.inf, math.inf) if reach is None else reach
    softmax = isinstance(loss, ClassLoss)
    end = "cr.Softmax()" if softmax else "cr.Sigmoid()"
    if loss.roles[0] == "logits" and isinstance(last, (Softmax, Sigmoid)):
        raise InputError(
            "Network loss",
            given=f"{loss!r}, which takes logits, after a last layer {last!r}",
            expected="probabilities or logits, not one applied to the other",
            fix=f"Drop the last {last!r}, or pass {_on_probabilities(loss, last)}",
            cause="head.logits",
        )
    one_sided = isinstance(loss, BinaryLoss) and highest < _SURE
    if type(loss) in _ON_PROBABILITIES and (lowest > -_SURE or one_sided):
        raise InputError(
            "Network loss",
            given=f"{loss!r}, which takes logits, after a last layer {last!r}, which gives {told_range(reach)}",
            expected="any numbers, below 0 and above it: else no answer is ever ruled out",
            fix=f"End the network with cr.Dense(…): drop the last {last!r}",
            cause="head.logits",
        )
    if type(loss) in _BINARY and isinstance(last, Sigmoid):
        raise InputError(
            "Network loss",
            given=f"{loss!r} after a last layer {last!r}",
            expected="probabilities of classes, which add up to 1",
            fix=f"End the network with cr.Softmax(), or pass cr.{_BINARY[type(loss)].__name__}() where each output is "
            "a yes or no",
            cause="head.probabilities",
        )
    if type(loss) in _ON_PROBABILITIES.values() and not (reach is None or 0 <= lowest <= highest <= 1):
        raise InputError(
            "Network loss",
            given=f"{loss!r} after a last layer {last!r:.60}, which gives {told_range(reach)}",
            expected="probabilities, from 0 to 1",
            fix=f"End the network with cr.Dense(…), {end}"
            + ("" if isinstance(last, LogSoftmax) else "; for quantities pass cr.MeanSquaredError()"),
            cause="head.probabilities",
        )


def _on_probabilities(loss: Op, last: LayerLike) -> str:
    """Return, as it is written, a loss on the probabilities that the last layer gives, like this one on logits."""
    plain = _ON_PROBABILITIES.get(type(loss))
    if plain is not None and (type(last), plain) in _FUSED:
        return f"cr.{plain(**loss.settings())!r}"
    return f"cr.{suiting_loss(last)!r}"


def expect_outputs(layers: Sequence[LayerLike], loss: Op, outputs: int | None) -> None:
    """Raise if these are too few or too many outputs for the loss; None: nobody knows yet how many there are.

    There are too few if a softmax is to choose between one output and nothing.
    """
    if outputs is not None:
        expect_columns("Network", loss, outputs)
    last = ending(layers)
    if isinstance(last, (Softmax, LogSoftmax)) and last.axis in (-1, 1):
        given = f"one output for {last!r}"
    elif isinstance(loss, ClassLoss):
        given = f"one output for {loss!r}"
    else:
        return
    if outputs == 1:
        raise InputError(
            "Network",
            given=given,
            expected="an output for each class: of one alone, the softmax is always 1",
            fix="Build the last layer with as many outputs as classes, or end with cr.Sigmoid() for yes or no",
            cause="head.softmax_of_one",
        )


def told_range(reach: Range | None) -> str:
    """Return a range in words."""
    lowest, highest = (-math.inf, math.inf) if reach is None else reach
    if highest == math.inf:
        return "any number" if lowest == -math.inf else f"numbers from {lowest:g} on"
    return f"numbers up to {highest:g}" if lowest == -math.inf else f"numbers from {lowest:g} to {highest:g}"
