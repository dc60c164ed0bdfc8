"""Matrix products: the weighted sums of a layer, and the plain product of two matrices, or of two stacks of them."""

from __future__ import annotations

import math

from chainrule.errors import ShapeError
from chainrule.ops.arithmetic import expect_broadcast, sum_to
from chainrule.ops.op import Array, Derivatives, Op, expect_rank, shapes


class Linear(Op):
    """y = x @ weights + bias
    ∂x = ∂y @ weightsᵀ   ∂weights = xᵀ @ ∂y   ∂bias = Σ ∂y over samples

    Why: Of one sample, an output is Σ xᵢ · wᵢ + b. Where a weight moves by h, the output moves by its input times h;
    over the samples of a batch that adds up, and xᵀ @ ∂y is this sum for all weights at once. An input goes into every
    output, each time with a weight, so ∂y @ weightsᵀ adds over the outputs. The bias is added to each sample as it is:
    slope 1, over all samples.

    x is (samples, …, inputs), weights (inputs, outputs), bias (outputs,) or left out. Whatever lies between samples and
    inputs, such as time, is more rows of one matrix: the sums run over all of them.
    """

    def forward(self, x: Array, weights: Array, bias: Array | None = None) -> Array:
        y = rows(x) @ weights
        y = y if bias is None else y + bias
        return y if x.ndim == 2 else y.reshape(*x.shape[:-1], weights.shape[1])

    def backward(self, dy: Array, y: Array, x: Array, weights: Array, bias: Array | None = None) -> Derivatives:
        return dict(x=product(dy, weights.T), weights=rows(x).T @ rows(dy), bias=rows(dy).sum(axis=0))

    def check(self, where: str, **arrays: Array) -> None:
        x, weights, bias = arrays["x"], arrays["weights"], arrays.get("bias")
        expect_stack(where, "x", x, "(samples, features)")
        expect_rank(where, "weights", weights, 2, "(inputs, outputs)")
        if x.shape[-1] != weights.shape[0]:
            raise ShapeError(
                where,
                given=f"{shapes(arrays)}: x has {x.shape[-1]} features",
                expected=f"{weights.shape[0]} features, a row of weights for each",
                fix=f"Pass x with {weights.shape[0]} columns, or build Dense({weights.shape[1]}, inputs={x.shape[-1]})",
            )
        if bias is not None and bias.shape != (weights.shape[1],):
            raise ShapeError(
                where,
                given=shapes(arrays),
                expected=f"bias with shape ({weights.shape[1]},), one number for each output",
                fix="Pass a bias with one axis",
            )


class Matmul(Op):
    """y = a @ b
    ∂a = ∂y @ bᵀ   ∂b = aᵀ @ ∂y

    Why: An element of y is a row of a times a column of b, Σ aₖ · bₖ. An aₖ stands in a whole row of y, each time
    beside another bₖ: its derivative is the sum of these bₖ, each times its ∂y. That is a row of ∂y times a row of b,
    so of all elements ∂y @ bᵀ. Of b the same holds, with rows and columns exchanged.

    a is (…, n, k), b is (…, k, m): the product of two matrices, or of each matrix of a stack with its partner. A
    matrix, or a stack of one, is the partner of all; it gets the sum of their derivatives.
    """

    def forward(self, a: Array, b: Array) -> Array:
        return product(a, b)

    def backward(self, dy: Array, y: Array, a: Array, b: Array) -> Derivatives:
        by_a = sum_to(a, product(dy, b.swapaxes(-1, -2)))
        return dict(a=by_a, b=rows(a).T @ rows(dy) if b.ndim == 2 else sum_to(b, a.swapaxes(-1, -2) @ dy))

    def check(self, where: str, **arrays: Array) -> None:
        a, b = arrays["a"], arrays["b"]
        for role in ("a", "b"):
            expect_stack(where, role, arrays[role], "(rows, columns)")
        if a.shape[-1] != b.shape[-2]:
            raise ShapeError(
                where,
                given=shapes(arrays),
                expected=f"b with {a.shape[-1]} rows, one for each column of a",
                fix="Transpose one of them with cr.transpose, or swap them",
            )
        expect_broadcast(where, arrays, a.shape[:-2], b.shape[:-2])


def product(a: Array, b: Array) -> Array:
    """Return a @ b; where b is one matrix, it meets all rows of a stack at once."""
    y: Array = (rows(a) @ b).reshape(*a.shape[:-1], b.shape[1]) if a.ndim > b.ndim == 2 else a @ b
    return y


def rows(x: Array) -> Array:
    """Return `x` as a matrix: all its axes but the last become one."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def expect_stack(where: str, role: str, array: Array, meaning: str) -> None:
    """Raise unless `array` is a matrix, or has further axes before."""
    if array.ndim < 2:
        expect_rank(where, role, array, 2, meaning)
