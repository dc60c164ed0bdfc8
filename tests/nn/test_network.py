"""A network: its shape, its gradients against the algebra by hand, and looking at it."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import MisuseError, UnknownNameError

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2))
LABELS = np.arange(8) % 3


def test_5_4_4_4_1_has_56_weights_and_13_biases():
    layers = [cr.Dense(4, inputs=5), cr.Tanh(), cr.Dense(4), cr.Tanh(), cr.Dense(4), cr.Tanh(), cr.Dense(1), cr.Tanh()]
    summary = cr.Network(layers).summary()
    assert (summary.weights, summary.biases, summary.parameters) == (56, 13, 69)
    text = str(summary)
    assert "56 weights + 13 biases = 69 parameters" in text
    assert [line.split()[0] for line in text.splitlines()[2:11]] == [
        "input", "dense_1", "tanh_1", "dense_2", "tanh_2", "dense_3", "tanh_3", "dense_4", "tanh_4",
    ]  # fmt: skip
    assert repr(summary) == text


def test_the_summary_says_what_is_computed():
    network = cr.Network([cr.Dense(3, inputs=4, l2=0.5), cr.Softmax()], l1=0.01, optimizer=cr.SGD(0.1))
    network.freeze("dense_1.bias")
    text = str(network.summary())
    for words in ("SoftmaxCrossEntropy", "predictions stay probabilities", "l1=0.01", "SGD(learning_rate=0.1)"):
        assert words in text
    assert "3 of them frozen" in text


def test_nested_layers_are_counted_where_they_lie():
    inner = cr.Network([cr.Dense(3), cr.Tanh()])
    network = cr.Network([cr.Residual([cr.Dense(3)]), inner, cr.Branches([[], [cr.Dense(2)]]), cr.Dense(1)], inputs=3)
    rows = network.summary().rows
    assert [(row.weights, row.biases) for row in rows] == [(9, 3), (9, 3), (6, 2), (5, 1)]
    assert [row.output for row in rows] == [(3,), (3,), (5,), (1,)]


def test_2_3_1_gradients_are_document_ones_algebra():
    network = cr.Network(
        [cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Tanh()], cr.MeanSquaredError(), dtype="float64"
    )
    x, y = np.array([[1.0, 0.0]]), np.array([[1.0]])
    first, second = network.layers[0], network.layers[2]
    W1, b1, W2, b2 = (p.value.copy() for p in (first.weights, first.bias, second.weights, second.bias))
    loss = network.compute_loss(x, y)
    network.backward()
    h1 = np.tanh(x @ W1 + b1)
    h2 = np.tanh(h1 @ W2 + b2)
    assert loss == pytest.approx(((h2 - y) ** 2).item(), rel=1e-15)
    dz2 = 2 * (h2 - y) * (1 - h2**2)
    dz1 = (dz2 @ W2.T) * (1 - h1**2)
    for parameter, by_hand in (
        (second.weights, h1.T @ dz2),
        (second.bias, dz2.sum(0)),
        (first.weights, x.T @ dz1),
        (first.bias, dz1.sum(0)),
    ):
        np.testing.assert_allclose(parameter.grad, by_hand, rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(network["dense_2"].grad, dz2, rtol=1e-13)
    np.testing.assert_allclose(network["tanh_1"].value, h1, rtol=1e-14)
    np.testing.assert_allclose(network["dense_1"].grad, dz1, rtol=1e-13)
    before = network.parameters.copy()
    network.optimize(0.5)
    assert not np.array_equal(network.parameters, before)


def test_parameters_are_one_vector_of_which_layers_show_views():
    network = cr.Network([cr.Dense(4, inputs=3), cr.Tanh(), cr.Dense(2)])
    assert network.parameters.size == network.gradients.size == 26
    network.parameters[:] = np.arange(26)
    numbers = np.concatenate([leaf.value.ravel() for leaf in network.leaves.values()])
    assert sorted(numbers) == list(range(26))
    assert network.leaves["dense_1.weights"].array.base is not None
    assert list(network.leaves) == ["dense_1.weights", "dense_1.bias", "dense_2.weights", "dense_2.bias"]


FUSED = {
    "softmax": (cr.Softmax(), cr.CategoricalCrossEntropy(), LABELS, 3),
    "softmax, one-hot": (cr.Softmax(), cr.CategoricalCrossEntropy(), np.eye(3)[LABELS], 3),
    "sigmoid": (cr.Sigmoid(), cr.BinaryCrossEntropy(), (LABELS > 0)[:, None], 1),
}


@pytest.mark.parametrize(("last", "loss", "y", "outputs"), FUSED.values(), ids=FUSED)
def test_fused_is_composed(last, loss, y, outputs):
    fused = cr.Network([cr.Dense(5, inputs=3), cr.Tanh(), cr.Dense(outputs), last], loss, dtype="float64")
    assert fused.objective.fused

    # The same, composed: a layer whose last op the network does not know.
    class Composed(cr.Layer):
        def forward(self, x):
            return cr.Node(last, {"z": x})

    composed = cr.Network([cr.Dense(5, inputs=3), cr.Tanh(), cr.Dense(outputs), Composed()], loss, dtype="float64")
    assert not composed.objective.fused
    assert np.array_equal(fused.parameters, composed.parameters)
    losses = [network.compute_loss(X, y) for network in (fused, composed)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-13)
    for network in (fused, composed):
        network.backward()
    np.testing.assert_allclose(fused.gradients, composed.gradients, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(cr.predict(fused, X), cr.predict(composed, X), rtol=1e-13)


def test_the_loss_suits_the_last_layer_if_none_is_named():
    losses = [
        type(cr.Network([cr.Dense(2), *last]).objective.loss).__name__ for last in ([], [cr.Softmax()], [cr.Sigmoid()])
    ]
    assert losses == ["MeanSquaredError", "CategoricalCrossEntropy", "BinaryCrossEntropy"]


def test_inputs_are_told_or_inferred():
    for network in (
        cr.Network([cr.Dense(2, inputs=3)]),
        cr.Network([cr.Dense(2)], inputs=3),
        cr.Network([cr.Rescale(2.0), cr.Tanh(), cr.Dense(2, inputs=3)]),
        cr.Network([cr.Network([cr.Dense(2, inputs=3)])]),
    ):
        assert network.built
        assert network.sample_shape == (3,)
    network = cr.Network([cr.Flatten(), cr.Dense(2)])
    assert not network.built
    cr.predict(network, np.zeros((4, 5, 6)))
    assert network.sample_shape == (5, 6)
    assert network.leaves["dense_1.weights"].shape == (30, 2)
    built = cr.Network([cr.Dense(2)])
    built.build(7)
    assert built.parameters.size == 16


def test_a_build_that_failed_leaves_the_network_as_it_was():
    network = cr.Network([cr.Dense(4), cr.Flatten(), cr.Dense(2, inputs=4)], seed=5)
    with pytest.raises(cr.ChainruleError, match="12 features"):
        cr.predict(network, np.zeros((4, 3, 3)))
    assert not network.built
    cr.predict(network, np.zeros((4, 3)))
    fresh = cr.Network([cr.Dense(4, inputs=3), cr.Flatten(), cr.Dense(2, inputs=4)], seed=5)
    assert np.array_equal(network.parameters, fresh.parameters)


def test_layers_built_for_data_that_did_not_fit_are_built_anew():
    network = cr.Network([cr.Branches([[cr.Dense(4)], [cr.Dense(2, inputs=3)]])])
    with pytest.raises(cr.ChainruleError, match=r"got samples with 5 features, but expected 3"):
        cr.predict(network, np.zeros((2, 5)))
    assert cr.predict(network, np.zeros((2, 3))).shape == (2, 6)
    assert network.parameters.size == 3 * 4 + 4 + 3 * 2 + 2


def test_seeds_decide_the_start_and_dtypes_share_it():
    def start(**settings):
        return cr.Network([cr.Dense(4, inputs=3), cr.Tanh(), cr.Dense(2)], **settings).parameters

    assert np.array_equal(start(seed=1), start(seed=1))
    assert not np.array_equal(start(seed=1), start(seed=2))
    assert np.array_equal(start(seed=1), start(seed=1, dtype="float64").astype(np.float32))


def test_another_layer_does_not_shift_the_start_of_the_others():
    one = cr.Network([cr.Dense(4, inputs=3), cr.Tanh(), cr.Dense(2)])
    two = cr.Network([cr.Dense(4, inputs=3), cr.Tanh(), cr.Dropout(0.5), cr.Dense(2)])
    assert np.array_equal(one.parameters, two.parameters)


def test_float64_stays_float64():
    network = cr.Network(
        [cr.Rescale(0.5), cr.Dense(4, inputs=3), cr.Dropout(0.5), cr.ReLU(), cr.Dense(2)], dtype="float64", l2=0.1
    )
    network.compute_loss(X.astype(np.float32), Y)
    network.backward()
    network.optimize()
    kinds = {node.dtype for node in network.nodes.values()} | {network.parameters.dtype, network.gradients.dtype}
    assert kinds == {np.dtype("float64")}
    assert cr.predict(network, X).dtype == np.float64


def test_backward_twice_and_forward_twice_are_the_same():
    network = cr.Network([cr.Dense(4, inputs=3), cr.Tanh(), cr.Dense(2)], l2=0.1, l1=0.01)
    network.compute_loss(X, Y)
    network.backward()
    first = network.gradients.copy()
    network.backward()
    assert np.array_equal(network.gradients, first)
    network.compute_loss(X, Y)
    network.backward()
    assert np.array_equal(network.gradients, first)


def test_evaluating_and_predicting_leave_the_last_training_step_in_sight():
    network = cr.Network([cr.Dense(4, inputs=3), cr.Tanh(), cr.Dense(2)])
    network.compute_loss(X, Y)
    network.backward()
    before = {name: (node.value.copy(), node.grad) for name, node in network.nodes.items()}
    gradients = network.gradients.copy()
    cr.predict(network, X[:3] * 9)
    cr.evaluate(network, X[:5], Y[:5])
    network.forward(X[:2])
    for name, node in network.nodes.items():
        assert np.array_equal(node.value, before[name][0]), name
    assert np.array_equal(network.gradients, gradients)


def test_the_fused_layer_is_told_from_a_wrong_name():
    network = cr.Network([cr.Dense(3, inputs=3), cr.Softmax()])
    network.compute_loss(X, LABELS)
    with pytest.raises(UnknownNameError, match=r"'softmax_1', which in training is part of the loss.*'dense_1' before"):
        network["softmax_1"]
    with pytest.raises(UnknownNameError, match=r"Did you mean 'dense_1'"):
        network["dense_11"]


def test_backward_and_optimize_want_a_forward_first():
    network = cr.Network([cr.Dense(2, inputs=3)])
    with pytest.raises(MisuseError, match=r"Call network.compute_loss\(x, y\) first"):
        network.backward()
    with pytest.raises(MisuseError, match=r"then network.backward\(\)"):
        network.optimize()


ELSEWHERE = ("fit", "compile", "zero_grad", "state_dict", "predict", "evaluate", "train", "save", "add", "eval")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_names_of_other_libraries_are_answered_with_ours(name):
    network = cr.Network([cr.Dense(1)])
    with pytest.raises(UnknownNameError, match=rf"Network: got \.{name}, .* Use "):
        getattr(network, name)
    assert not hasattr(network, name)
    with pytest.raises(AttributeError, match=r"got \.nonsense, but expected something that it has"):
        network.nonsense  # noqa: B018 -- to see it fail


def test_a_network_without_anything_to_learn_says_so():
    network = cr.Network([cr.Tanh()], inputs=2)
    network.compute_loss(X[:, :2], Y)
    with pytest.raises(MisuseError, match=r"without parameters"):
        network.backward()
    network = cr.Network([cr.Dense(2, inputs=3)])
    network.freeze()
    network.compute_loss(X, Y)
    with pytest.raises(MisuseError, match=r"unfreeze"):
        network.backward()
