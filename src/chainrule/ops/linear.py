"""Matrix products: the weighted sums of a layer, and the plain product of two matrices."""

from __future__ import annotations

from chainrule.errors import ShapeError
from chainrule.ops.op import Array, Derivatives, Op, expect_rank, shapes


class Linear(Op):
    """y = x @ weights + bias
    ∂x = ∂y @ weightsᵀ   ∂weights = xᵀ @ ∂y   ∂bias = Σ ∂y over samples

    x is (samples, inputs), weights (inputs, outputs), bias (outputs,) or left out.
    """

    def forward(self, x: Array, weights: Array, bias: Array | None = None) -> Array:
        y = x @ weights
        return y if bias is None else y + bias

    def backward(self, dy: Array, y: Array, x: Array, weights: Array, bias: Array | None = None) -> Derivatives:
        return dict(x=dy @ weights.T, weights=x.T @ dy, bias=dy.sum(axis=0))

    def check(self, where: str, **arrays: Array) -> None:
        x, weights, bias = arrays["x"], arrays["weights"], arrays.get("bias")
        expect_rank(where, "x", x, 2, "(samples, features)")
        expect_rank(where, "weights", weights, 2, "(inputs, outputs)")
        if x.shape[1] != weights.shape[0]:
            raise ShapeError(
                where,
                given=f"{shapes(arrays)}: x has {x.shape[1]} features",
                expected=f"{weights.shape[0]} features, a row of weights for each",
                fix=f"Pass x with {weights.shape[0]} columns, or build Dense({x.shape[1]}, {weights.shape[1]})",
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

    a is (n, k), b is (k, m).
    """

    def forward(self, a: Array, b: Array) -> Array:
        return a @ b

    def backward(self, dy: Array, y: Array, a: Array, b: Array) -> Derivatives:
        return dict(a=dy @ b.T, b=a.T @ dy)

    def check(self, where: str, **arrays: Array) -> None:
        for role in ("a", "b"):
            expect_rank(where, role, arrays[role], 2, "(rows, columns)")
        if arrays["a"].shape[1] != arrays["b"].shape[0]:
            raise ShapeError(
                where,
                given=shapes(arrays),
                expected=f"b with {arrays['a'].shape[1]} rows, one for each column of a",
                fix="Transpose one of them with cr.transpose, or swap them",
            )
