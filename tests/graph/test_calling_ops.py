"""An op, an activation or a loss is called on nodes as a layer is, and does what the function of its name does."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ChainruleError, DerivativeError, InputError
from tests.ops.cases import CASES

Z = [[1.0, -2.0]]


def same(called, built):
    assert called.value.tobytes() == built.value.tobytes()
    assert (called.name, called.dtype, set(called.children)) == (built.name, built.dtype, set(built.children))


FIRST = {type(case.op): case for case in reversed(CASES)}.values()  # one of each op


@pytest.mark.parametrize("case", FIRST, ids=str)
def test_every_op_is_called_in_order_and_by_role(case):
    inputs = {role: cr.Input(role, array) for role, array in case.arrays.items()}
    built = cr.Node(case.op, inputs)
    same(case.op(**inputs), built)
    if list(inputs) == list(case.op.roles[: len(inputs)]) or case.op.variadic:
        same(case.op(*inputs.values()), built)


SAME = {
    "a node": (lambda: cr.ReLU()(cr.Input("z", Z)), lambda: cr.relu(cr.Input("z", Z))),
    "a list": (lambda: cr.Tanh()(Z), lambda: cr.tanh(Z)),
    "an array": (lambda: cr.Tanh()(np.array(Z)), lambda: cr.tanh(np.array(Z))),
    "settings and a name": (
        lambda: cr.LeakyReLU(0.5)(z=Z, name="bent"),
        lambda: cr.leaky_relu(Z, slope=0.5, name="bent"),
    ),
    "two lists": (lambda: cr.MeanSquaredError()(Z, [[0, 0]]), lambda: cr.mean_squared_error(Z, [[0, 0]])),
    "by role": (lambda: cr.Huber(2.0)(target=Z, prediction=[[0, 0]]), lambda: cr.huber([[0, 0]], Z, delta=2.0)),
    "a pair": (lambda: cr.Activation(np.sin, np.cos)(Z), lambda: cr.activation(Z, function=np.sin, derivative=np.cos)),
    "nothing for an optional role": (
        lambda: cr.MeanSquaredError()(Z, Z, sample_weight=None),
        lambda: cr.mean_squared_error(Z, Z),
    ),
}


@pytest.mark.parametrize(("called", "built"), SAME.values(), ids=SAME)
def test_a_call_is_the_function_of_its_name(called, built):
    same(called(), built())


def test_a_loss_of_ones_own_is_called_and_differentiated():
    loss = cr.Loss(lambda p, t: ((p - t) ** 2).sum(), lambda p, t: 2 * (p - t))
    w = cr.Parameter("w", Z)
    found = loss(w, np.zeros((1, 2), "float32"))
    found.backward()
    np.testing.assert_array_equal(w.grad, [[2, -4]])
    with pytest.raises(DerivativeError):
        cr.Loss(lambda p, t: ((p - t) ** 2).sum(), lambda p, t: p - t)(w, np.zeros((1, 2), "float32"))


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: cr.Tanh()(Z, Z), InputError, r"tanh: got 2 arrays in order, .* at most 1: z\. Its settings were told"),
        (lambda: cr.Tanh()(x=Z), ArgumentError, r"tanh: got x=…, but expected z, name\."),
        (lambda: cr.LeakyReLU()(Z, slope=0.5), ArgumentError, "slope"),
        (lambda: cr.Tanh()(), InputError, r"Pass z=…"),
        (lambda: cr.MeanSquaredError()(Z), InputError, r"Pass target=…"),
        (lambda: cr.Tanh()(cr.Dense(3)), InputError, "numbers in rows"),
        (lambda: cr.MeanSquaredError()(Z, cr.Parameter("t", Z)), InputError, "which is learnt, as target"),
    ],
)
def test_a_call_is_checked_as_the_function_is(call, error, says):
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_a_layer_is_written_with_ops_that_are_called(engine):
    class Block(cr.Layer):
        def __init__(self, activation):
            self.activation = activation
            self.inner = cr.Dense(4)

        def forward(self, x):
            return self.activation(self.inner(x))

    X, y = cr.data.moons(20)
    settings = dict(engine=engine, inputs=2, seed=3)
    ours = cr.Network([Block(cr.LeakyReLU(0.2)), cr.Dense(1), cr.Sigmoid()], **settings)
    plain = cr.Network([cr.Dense(4), cr.LeakyReLU(0.2), cr.Dense(1), cr.Sigmoid()], **settings)
    for one, other in zip(ours.leaves.values(), plain.leaves.values(), strict=True):
        one.assign(other.value)
    losses = [cr.train(network, X, y, epochs=2, batch_size=5)["loss"] for network in (ours, plain)]
    assert list(losses[0]) == list(losses[1])
    assert cr.predict(ours.copy(), X).tobytes() == cr.predict(plain, X).tobytes()
    assert pickle.loads(pickle.dumps(cr.LeakyReLU(0.2)))(Z).value.tolist() == cr.leaky_relu(Z, slope=0.2).value.tolist()


@pytest.mark.parametrize("told", [dict(metrics=[cr.MeanSquaredError()]), dict(callbacks=cr.ReLU())], ids=str)
def test_an_op_is_neither_a_metric_nor_a_callback(told):
    network = cr.Network([cr.Dense(1)], inputs=2)
    with pytest.raises(ChainruleError, match=r"expected .*functions? of"):
        cr.train(network, np.zeros((3, 2)), np.zeros((3, 1)), epochs=1, **told)
