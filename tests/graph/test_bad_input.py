"""What users get wrong with nodes and graphs: each is one error that says what was given and what to do."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from tests.mistakes import expect_one_clear_error


def x(value=(1.0, 2.0), name="x"):
    return cr.Input(name, np.asarray(value))


def w(*value):
    return cr.Parameter("w", [*value] or [1.0, 2.0])


BAD = {
    "no value": (lambda: cr.Input("x", None), ["Input 'x'", "None"]),
    "a text as value": (lambda: cr.Input("x", "1.5"), ["'1.5'"]),
    "ragged": (lambda: cr.Input("x", [[1], [1, 2]]), ["rows of equal length"]),
    "value before name": (lambda: cr.Input([1.0], "x"), ["as its name", "Input('x', …)"]),
    "objects": (lambda: cr.Input("x", np.array([None])), ["dtype object"]),
    "complex": (lambda: cr.Input("x", np.array([1j])), ["complex128"]),
    "float16": (lambda: cr.Input("x", np.zeros(2, np.float16)), ["float16", "astype('float32')"]),
    "a dtype unknown": (lambda: cr.Input("x", [1.0], "foo"), ["dtype='foo'"]),
    "a node as value": (lambda: cr.Input("x", x()), ["Pass node.value"]),
    "whole numbers to learn": (lambda: cr.Parameter("w", [1, 2], "int64"), ["int64", "small steps"]),
    "a parameter without a name": (lambda: cr.Parameter("", [1.0]), ["''", "Parameter('x', …)"]),
    "another shape": (lambda: w().assign([1.0]), ["Parameter 'w'", "(1,)", "(2,)"]),
    "a text to add": (lambda: w() + "a", ["'a'"]),
    "None to add": (lambda: w() + None, ["None"]),
    "shapes that don't fit": (lambda: [1.0, 2.0, 3.0] * w(), ["a (3,), b (2,)"]),
    "a column and a row": (lambda: cr.Parameter("w", [[1.0], [2.0]]) - w(), ["a (2, 1), b (2,)", "reshape((2, 1))"]),
    "a name without a value": (lambda: cr.Input("x"), ["the name 'x' without a value", "cr.Input('x', [[1.0, 2.0]])"]),
    "nothing to learn from": (lambda: cr.Parameter(), ["Parameter: got no value"]),
    "feeding what has no name": (
        lambda: cr.Graph(cr.Input([1.0]) * 2)(x=[2.0]),
        ["one without a name is a constant", "cr.Input('x', …)"],
    ),
    "as a condition": (lambda: bool(w()), ["True or False", "node.value"]),
    "in a loop": (lambda: list(w()), ["a loop", "node[i:i + 1]"]),
    "picked by a list": (lambda: w()[[0, 1]], ["gather"]),
    "no op": (lambda: cr.Node(cr.Tanh, {"z": [1.0]}), ["cr.Tanh()"]),
    "an unknown role": (lambda: cr.tanh(x=[1.0]), ["x=…", "z"]),
    "an unknown role of a node": (lambda: cr.Node(cr.Tanh(), {"y": [1.0]}), ["the role 'y'"]),
    "a missing role": (lambda: cr.linear(x=[[1.0]]), ["the roles x, weights, bias", "Pass weights=…"]),
    "too many in order": (lambda: cr.tanh([1.0], [2.0]), ["2 arrays in order", "at most 1"]),
    "nothing to join": (lambda: cr.concatenate(), ["parts0"]),
    "a label too large": (
        lambda: cr.softmax_cross_entropy(logits=[[1.0, 2.0]], target=np.array([5])),
        ["target[0] = 5", "2 classes"],
    ),
    "a graph of nothing": (lambda: cr.Graph(), ["expected a node"]),
    "a graph of a number": (lambda: cr.Graph(5), ["got 5"]),
    "a stranger in wrt": (lambda: cr.Graph(w(), wrt=[x()]), ["Input 'x'", "in wrt", "below Parameter 'w'"]),
    "a name in wrt": (lambda: cr.Graph(w(), wrt="w"), ["'w' in wrt"]),
    "a number in wrt": (lambda: cr.Graph(w(), wrt=5), ["5 in wrt"]),
    "by whole numbers": (lambda: by_integers(), ["whole numbers"]),
    "two inputs of a name": (lambda: cr.Graph(x() * x()), ["two inputs named 'x'", "Rename one"]),
    "an unknown input": (lambda: cr.Graph(cr.tanh(z=x()))(z=1), ["'z'", "Known: x"]),
    "a wrong shape fed": (lambda: cr.Graph(x([[1.0]]) @ np.ones((1, 1)))(x=[[1.0, 2.0]]), ["a (1, 2), b (1, 1)"]),
    "a node fed": (lambda: cr.Graph(cr.tanh(z=x()))(x=x()), ["Pass node.value"]),
    "an unknown node": (lambda: cr.Graph(x())["y"], ["'y'", "Known: x"]),
    "many numbers backward": (lambda: cr.tanh(z=w()).backward(), ["shape (2,) and no grad", "cr.sum(x=…)"]),
    "a wrong shape backward": (lambda: cr.tanh(z=w()).backward([1.0, 2.0, 3.0]), ["grad with shape (3,)"]),
    "nothing to learn": (lambda: nothing(), ["nothing that is learnt"]),
    "by a number": (lambda: cr.derivative(x(), 5), ["5 in wrt"]),
    "of a number": (lambda: cr.jacobian(5, x()), ["got 5"]),
    "a tolerance of 0": (lambda: cr.check_gradients(w(), tolerance=0), ["tolerance", "above 0"]),
    "no elements": (lambda: cr.check_gradients(w(), elements=0), ["elements"]),
    "a check of a number": (lambda: cr.check_gradients(5), ["got 5"]),
}


def by_integers():
    indices = cr.Input("i", np.array([0]))
    cr.Graph(cr.gather(table=w(), indices=indices), wrt=[indices])


def nothing():
    cr.Graph(cr.sum(x=x()), wrt=[]).backward()


@pytest.mark.parametrize(("call", "words"), BAD.values(), ids=BAD)
def test_a_mistake_is_one_clear_error(call, words):
    expect_one_clear_error(call, words)
