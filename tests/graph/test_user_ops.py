"""Ops that users write: aliases and views are safe; wrong shapes, dtypes and missing roles are told."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DerivativeError, InputError, ShapeError


def op(forward=lambda self, z: z * 2, backward=lambda self, dy, y, z: dict(z=dy * 2), **attributes):
    return type("Mine", (cr.Op,), {"forward": forward, "backward": backward, **attributes})()


def loss_of(mine, **settings):
    w = cr.Parameter("w", [1.0, 2.0], **settings)
    return w, cr.sum(x=cr.Node(mine, {"z": w}))


ALIASES = {
    "dy itself": lambda self, dy, y, z: dict(z=dy),
    "a view of dy": lambda self, dy, y, z: dict(z=dy[:]),
    "its output": lambda self, dy, y, z: dict(z=y),
    "its input": lambda self, dy, y, z: dict(z=z),
    "a broadcast view": lambda self, dy, y, z: dict(z=np.broadcast_to(np.float32(1), z.shape)),
}


@pytest.mark.parametrize("backward", ALIASES.values(), ids=ALIASES)
def test_gradients_own_their_memory_whatever_an_op_returns(backward):
    w, loss = loss_of(op(lambda self, z: z, backward))
    loss = loss + cr.sum(x=w * 3)
    before = w.value.copy()
    loss.backward()
    first = w.grad.copy()
    loss.backward()
    assert np.array_equal(w.grad, first)
    assert np.array_equal(w.value, before)
    arrays = [node._grad for node in cr.Graph(loss).nodes if node._grad is not None]
    arrays += [node._value for node in cr.Graph(loss).nodes]
    assert not any(np.shares_memory(w.grad, array) for array in arrays if array is not w._grad)


BACKWARD = {
    "None": (lambda self, dy, y, z: None, "got NoneType None"),
    "a bare array": (lambda self, dy, y, z: dy, "got ndarray"),
    "no such role": (lambda self, dy, y, z: dict(x=dy), "got dict"),
    "another shape": (lambda self, dy, y, z: dict(z=dy.sum()), r"got shape \(\) in float32"),
    "a column": (lambda self, dy, y, z: dict(z=dy.reshape(-1, 1)), r"got shape \(2, 1\)"),
    "another dtype": (lambda self, dy, y, z: dict(z=dy.astype(np.float64)), "got shape .* in float64"),
    "whole numbers": (lambda self, dy, y, z: dict(z=dy.astype(np.int64)), "got shape .* in int64"),
}


@pytest.mark.parametrize(("backward", "words"), BACKWARD.values(), ids=BACKWARD)
def test_a_derivative_that_does_not_look_like_its_role_is_refused(backward, words):
    _, loss = loss_of(op(backward=backward))
    with pytest.raises(DerivativeError, match=f"Mine: {words}.* by z, but expected .*like z itself"):
        loss.backward()


FORWARD = {
    "widens": (lambda self, z: z * np.float64(2), "float64 from forward for z in float32.*Let forward keep the dtype"),
    "whole numbers": (lambda self, z: z.astype(np.int64), "int64 from forward"),
    "None": (lambda self, z: None, "object from forward"),
    "a Python number": (lambda self, z: 2.0, "float64 from forward"),
    "a text": (lambda self, z: "y", "from forward"),
}


@pytest.mark.parametrize(("forward", "words"), FORWARD.values(), ids=FORWARD)
def test_a_value_of_another_dtype_is_refused(forward, words):
    with pytest.raises(ShapeError, match=words):
        loss_of(op(forward))


def test_a_learnt_child_in_a_constant_role_is_refused():
    mine = op(lambda self, z, mask: z * mask, lambda self, dy, y, z, mask: dict(z=dy * mask), constant=("mask",))
    w = cr.Parameter("w", [1.0, 2.0])
    with pytest.raises(InputError, match="Parameter 'w', which is learnt, as mask"):
        cr.Node(mine, {"z": [1.0, 1.0], "mask": w})
    with pytest.raises(InputError, match="which is learnt, as mask"):
        cr.Node(mine, {"z": [1.0, 1.0], "mask": cr.tanh(z=w)})
    kept = cr.Node(mine, {"z": w, "mask": cr.Input(None, w.value)})
    assert kept.value.tolist() == [1, 4]


def test_optional_and_variadic_roles():
    mine = op(
        lambda self, z, scale=None: z if scale is None else z * scale,
        lambda self, dy, y, z, scale=None: dict(z=dy if scale is None else dy * scale),
    )
    assert cr.Node(mine, {"z": [3.0]}).value.tolist() == [3]
    assert cr.Node(mine, {"z": [3.0], "scale": [2.0]}).value.tolist() == [6]
    parts = [cr.Parameter(name, [[1.0]]) for name in "ab"]
    joined = cr.concatenate(*parts, parts[0])
    cr.sum(x=joined * np.array([1.0, 2.0, 4.0], np.float32)).backward()
    assert [p.grad.item() for p in parts] == [5, 2]


def test_errors_of_an_op_are_its_own():
    def forward(self, z):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        loss_of(op(forward))
