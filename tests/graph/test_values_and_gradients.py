"""Values pass forward, derivatives come back: fan-out, two roles, tied weights, skips, any node by any leaf."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import MisuseError

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)
Y = RNG.normal(size=(5, 2))


def parts():
    return cr.Input("x", X), cr.Parameter("w", W), cr.Parameter("b", B), cr.Input("y", Y)


def test_building_computes_at_once():
    x, w, b, y = parts()
    h = cr.tanh(z=cr.linear(x=x, weights=w, bias=b), name="h")
    loss = cr.mean_squared_error(prediction=h, target=y)
    assert np.array_equal(h.value, np.tanh(X @ W + B))
    assert loss.value == pytest.approx(np.mean((np.tanh(X @ W + B) - Y) ** 2), rel=1e-15)
    assert loss.children["prediction"] is h
    assert loss.children["target"] is y
    assert h.grad is None


def test_gradients_are_the_closed_forms():
    x, w, b, y = parts()
    h = cr.tanh(z=cr.linear(x=x, weights=w, bias=b))
    cr.mean_squared_error(prediction=h, target=y).backward()
    dh = 2 * (h.value - Y) / 10
    dz = dh * (1 - h.value**2)
    np.testing.assert_allclose(h.grad, dh, rtol=1e-14)
    np.testing.assert_allclose(w.grad, X.T @ dz, rtol=1e-13)
    np.testing.assert_allclose(b.grad, dz.sum(0), rtol=1e-13)
    assert x.grad is None
    assert y.grad is None


def test_backward_twice_gives_the_same_gradients():
    x, w, b, y = parts()
    loss = cr.mean_squared_error(prediction=cr.tanh(z=x @ w + b) + cr.sigmoid(z=x @ w), target=y)
    loss.backward()
    first = [node.grad.copy() for node in (w, b)]
    loss.backward()
    assert all(np.array_equal(one, node.grad) for one, node in zip(first, (w, b)))


ONE_NODE = {
    "x * x": (lambda w: w * w, lambda w: 2 * w),
    "x + x": (lambda w: w + w, lambda w: 2 + 0 * w),
    "x - x": (lambda w: w - w, lambda w: 0 * w),
    "x / x": (lambda w: w / w, lambda w: 0 * w),
    "x + x * x": (lambda w: w + w * w, lambda w: 1 + 2 * w),
    "x * x * x * x": (lambda w: (w * w) * (w * w), lambda w: 4 * w**3),
    "1 / x": (lambda w: 1 / w, lambda w: -1 / w**2),
    "2 - x": (lambda w: 2 - w, lambda w: 0 * w - 1),
    "x ** 3": (lambda w: w**3, lambda w: 3 * w**2),
    "2 ** x": (lambda w: 2**w, lambda w: np.log(2) * 2**w),
    "-x": (lambda w: -w, lambda w: 0 * w - 1),
}


@pytest.mark.parametrize(("function", "derivative"), ONE_NODE.values(), ids=ONE_NODE)
def test_one_node_in_several_roles_gets_the_sum(function, derivative):
    w = cr.Parameter("w", np.array([0.5, -1.5, 2.0]))
    cr.sum(x=function(w)).backward()
    np.testing.assert_allclose(w.grad, derivative(w.value), rtol=1e-13, atol=1e-13)


def test_a_matrix_times_itself_has_both_derivatives():
    a = cr.Parameter("a", RNG.normal(size=(4, 4)))
    cr.sum(x=a @ a).backward()
    ones = np.ones((4, 4))
    np.testing.assert_allclose(a.grad, ones @ a.value.T + a.value.T @ ones, rtol=1e-13)


def test_fan_out_adds_up_whatever_the_order():
    w = cr.Parameter("w", np.array([0.3, -0.2]))
    h = cr.tanh(z=w)
    loss = cr.sum(x=h * h + h) + cr.sum(x=h) * 3
    loss.backward()
    dh = 2 * h.value + 1 + 3
    np.testing.assert_allclose(h.grad, dh, rtol=1e-15)
    np.testing.assert_allclose(w.grad, dh * (1 - h.value**2), rtol=1e-14)


def test_tied_weights_and_skip_connections_are_exact():
    w = cr.Parameter("w", RNG.normal(size=(3, 3)))
    h = cr.Input("x", X)
    for _ in range(3):
        h = h + cr.tanh(z=h @ w)
    loss = cr.mean(x=h * h)
    assert cr.check_gradients(loss, tolerance=1e-8).passed


def test_a_gradient_is_memory_of_its_own():
    w = cr.Parameter("w", np.ones(3))
    h = cr.identity(z=w)
    loss = cr.sum(x=cr.identity(z=h))
    loss.backward()
    assert not np.shares_memory(w.grad, h.grad)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_optimizer_step_after_backward_moves_values_in_place(dtype):
    w = cr.Parameter("w", [1.0, 2.0], dtype)
    array = w.array
    w.assign([3.0, 4.0])
    assert w.array is array
    assert array.tolist() == [3.0, 4.0]
    assert array.dtype == dtype


def test_a_parameter_copies_what_it_starts_from():
    start = np.array([1.0, 2.0])
    w = cr.Parameter("w", start)
    w.assign([5.0, 6.0])
    assert start.tolist() == [1.0, 2.0]


def test_what_users_see_cannot_be_written():
    x, w, b, y = parts()
    h = x @ w + b
    cr.mean_squared_error(prediction=h, target=y).backward()
    for array in (x.value, w.value, w.grad, h.value, h.grad):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_derivative_of_any_node_by_any_node():
    x = cr.Input("x", X)
    z = x @ cr.Parameter("w", W)
    h = cr.tanh(z=z)
    by_x, by_z, by_h = cr.derivative(cr.sum(x=h), [x, z, h])
    np.testing.assert_allclose(by_z, 1 - h.value**2, rtol=1e-14)
    np.testing.assert_allclose(by_x, by_z @ W.T, rtol=1e-13)
    assert np.array_equal(by_h, np.ones((5, 2)))
    assert cr.derivative(x, x, grad=np.ones((5, 3))).shape == (5, 3)
    assert h.grad is None, "derivatives are returned, not shown"


def test_derivative_with_an_arriving_gradient():
    x = cr.Input("x", X)
    arriving = RNG.normal(size=(5, 3))
    np.testing.assert_allclose(cr.derivative(x * x, x, grad=arriving), arriving * 2 * X, rtol=1e-14)


def softmax_jacobian(z):
    p = np.exp(z - z.max())
    p /= p.sum()
    return np.diag(p) - np.outer(p, p)


JACOBIANS = {
    "square": (lambda x: x * x, lambda v: np.diag(2 * v[0])),
    "softmax": (lambda x: cr.softmax(z=x), lambda v: softmax_jacobian(v[0])),
    "matrix": (lambda x: x @ W, lambda v: W.T),
    "sum": (lambda x: cr.sum(x=x, axis=1), lambda v: np.ones((1, 3))),
}


@pytest.mark.parametrize(("function", "closed_form"), JACOBIANS.values(), ids=JACOBIANS)
def test_jacobians_are_the_closed_forms(function, closed_form):
    x = cr.Input("x", X[:1])
    y = function(x)
    found = cr.jacobian(y, x)
    assert found.shape == y.shape + x.shape
    np.testing.assert_allclose(found.reshape(y.value.size, 3), closed_form(x.value), rtol=1e-13, atol=1e-15)


def test_a_leaf_without_a_way_to_the_root_has_derivative_zero():
    w = cr.Parameter("w", np.ones((2, 2)))
    y = cr.Input("y", np.ones((2, 2)))
    loss = cr.mean_squared_error(prediction=w, target=y)
    by_y, by_w = cr.derivative(loss + cr.sum(x=w), [y, w])
    assert not by_y.any(), "targets have no derivative"
    assert by_w.all()


def test_wrt_narrows_what_backward_computes():
    x, w, b, _ = parts()
    graph = cr.Graph(cr.sum(x=cr.tanh(z=x @ w + b)), wrt=[x])
    graph.backward()
    assert x.grad is not None
    assert w.grad is None
    assert cr.Graph(cr.sum(x=x * x), wrt=x).derivatives()[0].shape == (5, 3), "a single node will do"


def test_a_graph_without_parameters_is_differentiated_by_its_inputs():
    x = cr.Input("x", X)
    labels = cr.Input("labels", np.arange(5) % 3)
    cr.softmax_cross_entropy(logits=x, target=labels).backward()
    assert x.grad is not None
    assert labels.grad is None


def test_frozen_parameters_get_no_gradient():
    x, w, b, _ = parts()
    loss = cr.sum(x=x @ w + b)
    w.frozen = True
    loss.backward()
    assert w.grad is None
    assert b.grad is not None
    b.frozen = True
    with pytest.raises(MisuseError, match="release a frozen parameter"):
        loss.backward()


def test_a_gradient_that_several_edges_write_is_no_memory_of_the_op():
    class Shift(cr.Op):
        constant_derivative = np.ones(2)

        def forward(self, z):
            return z + 1

        def backward(self, dy, y, z):
            return dict(z=self.constant_derivative)  # right where dy is 1, and always the same array

    w = cr.Parameter("w", np.zeros(2))
    loss = cr.sum(x=cr.Node(Shift(), {"z": w}) + cr.Node(Shift(), {"z": w}))
    for _ in range(2):
        loss.backward()
        assert w.grad.tolist() == [2, 2]
