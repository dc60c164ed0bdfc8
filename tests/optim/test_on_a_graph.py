"""An optimizer on a graph built by hand: fit a plane through three points."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule import graph
from chainrule.errors import MisuseError
from chainrule.optim import SGD, Adam, AdamW, RMSProp


def plane_through_three_points():
    x = graph.Input("x", np.array([[0, 1], [1, 1], [2, 0]], np.float32))
    target = graph.Input("target", np.array([[1], [3], [3]], np.float32))
    w, b = graph.Parameter("w", np.zeros((2, 1), np.float32)), graph.Parameter("b", np.zeros(1, np.float32))
    linear, mean_squared_error = graph.FUNCTIONS["linear"], graph.FUNCTIONS["mean_squared_error"]
    return mean_squared_error(prediction=linear(x=x, weights=w, bias=b), target=target), w, b


@pytest.mark.parametrize(
    ("optimizer", "steps"),
    [(SGD(0.1, momentum=0.9), 500), (Adam(0.05), 1000), (RMSProp(0.002), 3000), (AdamW(0.05, weight_decay=1e-5), 1000)],
    ids=repr,
)
def test_a_plane_is_fitted(optimizer, steps):
    loss, w, b = plane_through_three_points()
    state = optimizer.start([w, b])
    below = graph.Graph(loss)
    for _ in range(steps):
        below.forward()
        below.backward()
        state.update()
    np.testing.assert_allclose(w.value, [[2], [2]], atol=0.02)
    np.testing.assert_allclose(b.value, [-1], atol=0.02)
    assert w.value.dtype == np.float32


def test_an_update_before_backward_says_so():
    _, w, b = plane_through_three_points()
    with pytest.raises(MisuseError, match=r"no gradient in parameter 'w'.*Call backward first"):
        SGD(0.1).start([w, b]).update()
