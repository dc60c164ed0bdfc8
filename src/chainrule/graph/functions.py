"""Ops as functions of nodes: ``cr.tanh(z=…)`` builds the node that `Tanh` computes.

An op's roles and its settings are the function's arguments, all by keyword; the roles may also be given in order.
"""

from __future__ import annotations

import inspect
from typing import Any, Protocol

from chainrule import ops
from chainrule.errors import InputError, nearest
from chainrule.graph.node import Node
from chainrule.ops.op import Op
from chainrule.settings import setting_names


class NodeFunction(Protocol):
    """A function that builds a node."""

    def __call__(self, *children: Any, name: str | None = None, **given: Any) -> Node: ...


def function_of(kind: type[Op]) -> NodeFunction:
    """Return the function that builds nodes of this op."""
    settings = setting_names(kind)

    def build(*children: Any, name: str | None = None, **given: Any) -> Node:
        told = {key: given.pop(key) for key in settings if key in given}
        if kind.variadic:
            roles: tuple[str, ...] = tuple(f"{kind.variadic}{i}" for i in range(len(children)))
        else:
            roles = kind.roles
        if len(children) > len(roles):
            raise InputError(
                kind.name,
                given=f"{len(children)} arrays in order",
                expected=f"at most {len(roles)}: {', '.join(roles)}",
                fix="Pass settings by name",
            )
        for key in given:
            if not kind.variadic and key not in kind.roles:
                known = (*kind.roles, *settings, "name")
                raise InputError(kind.name, given=f"{key}=…", expected=f"{', '.join(known)}", fix=nearest(key, known))
        roled = dict(zip(roles, children)) | {role: child for role, child in given.items() if child is not None}
        return Node(kind(**told), roled, name)

    build.__name__ = build.__qualname__ = kind.name
    build.__doc__ = inspect.cleandoc(kind.__doc__ or "").partition("\n\nExamples\n")[0]  # those are of the op
    build.__signature__ = _signature(kind)  # type: ignore[attr-defined]  # what help() shows
    return build


def _signature(kind: type[Op]) -> inspect.Signature:
    of_roles = list(inspect.signature(kind.forward).parameters.values())[1:]
    of_settings = list(inspect.signature(kind.__init__).parameters.values())[1:] if setting_names(kind) else []
    keyword = inspect.Parameter.KEYWORD_ONLY
    named = [p.replace(kind=keyword, annotation=inspect.Parameter.empty) for p in of_settings]
    named.append(inspect.Parameter("name", keyword, default=None))
    return inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in of_roles] + named)


linear = function_of(ops.Linear)
matmul = function_of(ops.Matmul)
add = function_of(ops.Add)
subtract = function_of(ops.Subtract)
multiply = function_of(ops.Multiply)
divide = function_of(ops.Divide)
negative = function_of(ops.Negative)
power = function_of(ops.Power)
exp = function_of(ops.Exp)
log = function_of(ops.Log)
sqrt = function_of(ops.Sqrt)
absolute = function_of(ops.Absolute)
sin = function_of(ops.Sin)
cos = function_of(ops.Cos)
maximum = function_of(ops.Maximum)
minimum = function_of(ops.Minimum)
clip = function_of(ops.Clip)
where = function_of(ops.Where)
sum = function_of(ops.Sum)
mean = function_of(ops.Mean)
var = function_of(ops.Var)
norm = function_of(ops.Norm)
max = function_of(ops.Max)
log_sum_exp = function_of(ops.LogSumExp)
cumsum = function_of(ops.Cumsum)
reshape = function_of(ops.Reshape)
flatten = function_of(ops.Flatten)
transpose = function_of(ops.Transpose)
concatenate = function_of(ops.Concatenate)
slice = function_of(ops.Slice)
gather = function_of(ops.Gather)
identity = function_of(ops.Identity)
tanh = function_of(ops.Tanh)
sigmoid = function_of(ops.Sigmoid)
hard_sigmoid = function_of(ops.HardSigmoid)
softsign = function_of(ops.Softsign)
relu = function_of(ops.ReLU)
leaky_relu = function_of(ops.LeakyReLU)
prelu = function_of(ops.PReLU)
elu = function_of(ops.ELU)
selu = function_of(ops.SELU)
gelu = function_of(ops.GELU)
silu = function_of(ops.SiLU)
mish = function_of(ops.Mish)
softplus = function_of(ops.Softplus)
softmax = function_of(ops.Softmax)
log_softmax = function_of(ops.LogSoftmax)
activation = function_of(ops.Activation)
mean_squared_error = function_of(ops.MeanSquaredError)
half_squared_error = function_of(ops.HalfSquaredError)
mean_absolute_error = function_of(ops.MeanAbsoluteError)
huber = function_of(ops.Huber)
binary_cross_entropy = function_of(ops.BinaryCrossEntropy)
sigmoid_binary_cross_entropy = function_of(ops.SigmoidBinaryCrossEntropy)
categorical_cross_entropy = function_of(ops.CategoricalCrossEntropy)
softmax_cross_entropy = function_of(ops.SoftmaxCrossEntropy)
loss = function_of(ops.Loss)
l1_penalty = function_of(ops.L1Penalty)
l2_penalty = function_of(ops.L2Penalty)

FUNCTIONS: dict[str, NodeFunction] = {name: globals()[name] for name in ops.all_ops()}
