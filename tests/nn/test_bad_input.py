"""What users get wrong when they build a network: each is one error that says what was given and what to do."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from tests.mistakes import expect_one_clear_error

X = np.zeros((4, 3))


def network(*layers, **told):
    return cr.Network(list(layers) or [cr.Dense(4), cr.Tanh(), cr.Dense(2)], **told)


BAD = {
    "no layers": (lambda: cr.Network([]), ["no layers"]),
    "None": (lambda: cr.Network(None), ["got None", "[cr.Dense(8), cr.Tanh(), cr.Dense(1)]"]),
    "layers one by one": (lambda: cr.Network(cr.Dense(2), cr.Tanh()), ["Tanh() as its loss", "in one list"]),
    "layers one by one, dense": (lambda: cr.Network(cr.Tanh(), cr.Dense(2)), ["Dense(2) as its loss", "in one list"]),
    "a list inside": (lambda: network([cr.Dense(2)]), ["[Dense(2)] among the layers"]),
    "a function": (lambda: network(cr.Dense(2), np.tanh), ["ufunc 'tanh'", "cr.Activation(function, derivative)"]),
    "a name": (lambda: network(cr.Dense(2), "rellu"), ["'rellu'", "Did you mean 'ReLU'"]),
    "a class": (lambda: network(cr.Dense(2), cr.ReLU), ["the class ReLU itself", "with parentheses"]),
    "a loss as layer": (lambda: network(cr.MeanSquaredError()), ["needs 2 arrays (prediction, target)"]),
    "a loss's name": (lambda: network(loss="msee"), ["Network loss", "'msee'", "Known: Binary"]),
    "a loss's class": (lambda: network(loss=cr.Huber), ["the class Huber itself"]),
    "a loss's function": (lambda: network(loss=cr.huber), ["the function huber"]),
    "logits after softmax": (
        lambda: network(cr.Dense(2), cr.Softmax(), loss=cr.SoftmaxCrossEntropy()),
        ["takes logits", "Drop the last Softmax()"],
    ),
    "an op as loss": (lambda: network(loss=cr.ops.Add()), ["roles a, b", "cr.Loss(function, derivative)"]),
    "softmax over one": (lambda: network(cr.Dense(1, inputs=3), cr.Softmax()), ["one output", "cr.Sigmoid()"]),
    "an optimizer's name": (lambda: network(optimizer="adamax"), ["Network optimizer", "'adamax'", "cr.Adam()"]),
    "an optimizer's class": (lambda: network(optimizer=cr.SGD), ["the class SGD itself"]),
    "a number as optimizer": (lambda: network(optimizer=0), ["Network optimizer: got 0"]),
    "a scale that is infinite in float32": (
        lambda: cr.Network([cr.Rescale(1e300), cr.Dense(1, inputs=2)]),
        ["rescale_1.scale", "1e+300", "dtype='float64'"],
    ),
    "weights that are infinite in float32": (
        lambda: cr.Network([cr.Dense(1, inputs=2, initializer=cr.Normal(1e300))]),
        ["dense_1.weights", "float32 can hold"],
    ),
    "float16": (lambda: network(dtype="float16"), ["dtype", 'dtype="float32"']),
    "a dtype unknown": (lambda: network(dtype="foo"), ["'foo'"]),
    "no dtype": (lambda: network(dtype=None), ["dtype"]),
    "a seed below 0": (lambda: network(seed=-1), ["seed", "-1"]),
    "a seed with a fraction": (lambda: network(seed=1.5), ["seed", "whole number"]),
    "a penalty below 0": (lambda: network(l2=-1), ["l2", "at least 0"]),
    "a penalty in words": (lambda: network(l1="some"), ["l1", "'some'"]),
    "no inputs": (lambda: network(inputs=0), ["inputs", "from 1"]),
    "classes in one text": (lambda: network(classes="ab"), ["classes", "a list of names"]),
    "too few classes": (lambda: network(classes=["a", "b", "c"], inputs=3), ["3 names", "2 for 2 outputs"]),
    "Dense of nothing": (lambda: cr.Dense(), ["Dense: got no units", "Dense(units, …)", "Pass units=…"]),
    "Dense of 0": (lambda: cr.Dense(0), ["Dense units", "from 1"]),
    "Dense of inputs alone": (lambda: cr.Dense(inputs=8), ["Dense: got no units", "Pass units=…"]),
    "Dense of inputs and outputs": (lambda: cr.Dense(3, 16), ["Dense(3, 16)", "cr.Dense(16)", "inputs=3"]),
    "Dense of too much": (lambda: cr.Dense(3, "relu", 5), ["3 arguments", "at most 2: units, activation", "inputs=…"]),
    "an activation unknown": (lambda: cr.Dense(3, "rulu"), ["Dense activation", "'rulu'", "'ReLU'"]),
    "an activation of two arrays": (lambda: cr.Dense(3, cr.Huber()), ["needs 2 arrays (prediction, target)"]),
    "Dense in words": (lambda: cr.Dense("4"), ["'4'"]),
    "an initializer's name": (lambda: cr.Dense(4, initializer="hee"), ["initializer", "'hee'", "cr.He()"]),
    "a name with a dot": (lambda: cr.Dense(4, name="a.b"), ["'a.b'", "without dots"]),
    "a name with a colon": (lambda: cr.Dense(4, name="optimizer:m"), ["'optimizer:m'", "colons"]),
    "a name with a slash": (lambda: cr.Dropout(0.1, name="a/b"), ["'a/b'", "slashes"]),
    "a name with a backslash": (lambda: cr.Rescale(2.0, name="a\\b"), ["slashes"]),
    "a name of Python's": (lambda: network(name="__class__"), ["'__class__'", "two underscores"]),
    "an empty name": (lambda: cr.Dense(4, name=""), ["printable text"]),
    "sizes that don't meet": (
        lambda: network(cr.Dense(4, inputs=3), cr.Dense(2, inputs=5)),
        ["Dense 'dense_2'", "4 features", "Dense(2, inputs=4)"],
    ),
    "images into Dense": (
        lambda: network(cr.Dense(2), inputs=(4, 4)).compute_loss(np.ones((3, 4, 4)), np.ones((3, 2))),
        ["y with shape (3, 2)", "shape (3, 4, 2)", "cr.Flatten()"],
    ),
    "images into Dense, and classes": (
        lambda: network(cr.Dense(2), cr.Softmax(), inputs=(4, 4)).compute_loss(np.ones((3, 4, 4)), [0, 1, 1]),
        ["y with shape (3,)", "or (3, 4), class indices", "cr.Flatten()"],
    ),
    "images into Dense of their size": (
        lambda: network(cr.Dense(2, inputs=16), inputs=(4, 4)),
        ["samples of shape (4, 4) with 4 features", "16, as in Dense(2, inputs=16)", "cr.Flatten()"],
    ),
    "numbers out": (lambda: network(cr.ops.Sum(axis=1), inputs=4), ["a row of outputs", "cr.Dense(1)"]),
    "softmax over time": (
        lambda: network(cr.Dense(2), cr.Softmax(axis=1), inputs=(4, 4), loss=cr.CategoricalCrossEntropy()),
        ["Softmax(axis=1)", "along the last axis", "cr.Softmax()"],
    ),
    "a residual that narrows": (
        lambda: network(cr.Residual([cr.Dense(2)]), inputs=3),
        ["(2,)", "(3,)", "as many outputs"],
    ),
    "no branches": (lambda: cr.Branches([]), ["a list of branches"]),
    "a branch of nothing": (lambda: cr.Branches(5), ["got 5"]),
    "all dropped": (lambda: cr.Dropout(1), ["rate", "below 1"]),
    "a scale in words": (lambda: cr.Rescale("a"), ["Rescale scale", "'a'"]),
    "scales too few": (lambda: network(cr.Rescale((1.0, 2.0)), inputs=3), ["(3,)", "2 features"]),
    "scaling by NaN": (lambda: cr.Rescale.standard([[np.nan]]), ["NaN"]),
    "built twice": (lambda: network(inputs=3).build(4), ["(4,)", "(3,)", "new network"]),
    "looked at too early": (lambda: network().parameters, ["not built yet", "inputs=…"]),
    "frozen too early": (lambda: network().freeze(), ["Network.freeze", "not built"]),
    "a graph unknown": (lambda: network(inputs=3).graph("train"), ["Did you mean 'training'"]),
    "backward first": (lambda: network(inputs=3).backward(), ["network.compute_loss(x, y) first"]),
    "a rate in words": (lambda: step("a"), ["learning_rate", "'a'"]),
    "a range upside down": (lambda: cr.Uniform(1, 0), ["Uniform high", "above 1"]),
    "a deviation below 0": (lambda: cr.Normal(0, -1), ["deviation"]),
    "a distribution unknown": (lambda: cr.He("gauss"), ["'gauss'", "normal, uniform"]),
    "an initializer of another shape": (
        lambda: network(cr.Dense(2, inputs=3, initializer=Wrong())),
        ["shape (3,) to start from"],
    ),
}


class Wrong(cr.Initializer):
    def __call__(self, shape, generator):
        return np.zeros(3)


def step(rate):
    made = network(inputs=3)
    made.compute_loss(X, X[:, :2])
    made.backward()
    made.optimize(rate)


@pytest.mark.parametrize(("call", "words"), BAD.values(), ids=BAD)
def test_a_mistake_is_one_clear_error(call, words):
    expect_one_clear_error(call, words)


def test_a_built_network_is_still_one_after_it_was_applied_to_a_node():
    made = network(inputs=3)
    before = made.parameters
    y = made(cr.Input("x", X.astype(np.float32)))
    assert y.shape == (4, 2)
    assert made.parameters is before
    cr.train(made, X, X[:, :2], epochs=1)
