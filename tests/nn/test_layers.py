"""Layers: containers, tied ones, copies, dropout, scaling, and layers that users write."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError, MisuseError
from tests.rebuilding import from_states

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2))


class Gated(cr.Layer):
    """y = x · σ(gain · x + offset), with a dense layer inside."""

    def __init__(self, width=3, name=None):
        self.width, self.name = width, name
        self.inner = cr.Dense(width)

    def build(self, shape):
        self.gain = self.parameter("gain", shape, cr.Constant(0.5), penalised=True)
        self.offset = self.state("offset", np.full(shape, 0.25))

    def forward(self, x):
        return self.inner(x * cr.sigmoid(z=self.gain * x + self.offset))


def gradients_of(network, y=Y):
    network.compute_loss(X, y)
    network.backward()
    return network.gradients.copy()


@pytest.mark.parametrize(("layer", "first"), [(cr.Dense, "units"), (cr.Network, "layers"), (Gated, "width")])
def test_help_shows_the_arguments_of_a_layer(layer, first):
    assert next(iter(inspect.signature(layer).parameters)) == first


def test_residual_adds_its_input():
    dense = cr.Dense(3)
    network = cr.Network([cr.Residual([dense, cr.Tanh()])], inputs=3, dtype="float64")
    expected = X + np.tanh(X @ dense.weights.value + dense.bias.value)
    np.testing.assert_allclose(cr.predict(network, X), expected, rtol=1e-14)


def test_concatenate_puts_branches_side_by_side():
    one, two = cr.Dense(2), cr.Dense(4)
    network = cr.Network([cr.Branches([[], one, [two, cr.Tanh()]])], inputs=3, dtype="float64")
    parts = [X, X @ one.weights.value + one.bias.value, np.tanh(X @ two.weights.value + two.bias.value)]
    np.testing.assert_allclose(cr.predict(network, X), np.concatenate(parts, axis=1), rtol=1e-14)


CONTAINERS = {
    "residual": lambda: [cr.Residual([cr.Dense(3), cr.Tanh(), cr.Dense(3)]), cr.Dense(2)],
    "branches": lambda: [cr.Branches([[cr.Dense(4), cr.Tanh()], []]), cr.Dense(2)],
    "network": lambda: [cr.Network([cr.Dense(4), cr.Tanh()]), cr.Dense(2)],
    "network built before": lambda: [cr.Network([cr.Dense(4, inputs=3), cr.Tanh()]), cr.Dense(2)],
    "nested": lambda: [cr.Residual([cr.Network([cr.Residual([cr.Dense(3), cr.SiLU()])])]), cr.Dense(2)],
    "user layer": lambda: [Gated(), cr.Dense(2)],
    "user layer inside": lambda: [cr.Residual([Gated(), cr.Tanh()]), cr.Dense(2)],
    "tied": lambda: [(dense := cr.Dense(3)), cr.Tanh(), dense, cr.Dense(2)],
    "tied inside": lambda: [(dense := cr.Dense(3)), cr.Residual([dense, cr.Tanh()]), cr.Dense(2)],
    "dropout": lambda: [cr.Dense(6), cr.Dropout(0.3), cr.Tanh(), cr.Dense(2)],
    "dropout twice": lambda: [(drop := cr.Dropout(0.3)), cr.Dense(6), drop, cr.Dense(2)],
    "rescale": lambda: [cr.Rescale(0.5, 1.0), cr.Dense(2)],
}


@pytest.mark.parametrize("layers", CONTAINERS.values(), ids=CONTAINERS)
def test_every_kind_of_layer_has_right_gradients(layers):
    network = cr.Network(layers(), inputs=3, l2=0.1, seed=1)
    network.compute_loss(X, Y)
    assert cr.check_gradients(network.graph("training")).passed


@pytest.mark.parametrize("layers", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_copies_and_pickles_train_on_to_the_same_bytes(layers, engine):
    network = cr.Network(layers(), inputs=3, l2=0.1, seed=1, engine=engine)
    cr.train(network, X, Y, epochs=2, batch_size=3)
    twins = [network.copy(), copy.deepcopy(network), pickle.loads(pickle.dumps(network)), from_states(network)]
    for twin in twins:
        assert twin.parameters.tobytes() == network.parameters.tobytes()
        assert not np.shares_memory(twin.parameters, network.parameters)
    for each in (network, *twins):
        cr.train(each, X, Y, epochs=3, batch_size=3)
    for twin in twins:
        assert twin.parameters.tobytes() == network.parameters.tobytes()
        assert list(twin.leaves) == list(network.leaves)
        assert cr.predict(twin, X).tobytes() == cr.predict(network, X).tobytes()


@pytest.mark.parametrize("layers", CONTAINERS.values(), ids=CONTAINERS)
def test_dynamic_gives_the_same_numbers(layers):
    networks = [
        cr.Network(layers(), inputs=3, l2=0.1, l1=0.01, seed=1, engine=engine, dtype="float64")
        for engine in ("replay", "dynamic")
    ]
    for network in networks:
        cr.train(network, X, Y, epochs=3, batch_size=3, sample_weight=np.arange(8))
    np.testing.assert_allclose(networks[0].parameters, networks[1].parameters, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(cr.predict(networks[0], X), cr.predict(networks[1], X), rtol=1e-10)


@pytest.mark.parametrize("layers", CONTAINERS.values(), ids=CONTAINERS)
def test_leaves_have_names_of_their_own(layers):
    network = cr.Network(layers(), inputs=3)
    total = sum(leaf.value.size for leaf in network.leaves.values() if isinstance(leaf, cr.Parameter))
    assert total == network.parameters.size == network.summary().parameters


def test_a_layer_that_looks_at_values():
    class Largest(cr.Layer):
        def forward(self, x):
            while np.abs(x.value).max() > 1:
                x = x * 0.5
            return x

    network = cr.Network([Largest(), cr.Dense(2, inputs=3)], engine="dynamic", dtype="float64")
    for scale in (1, 100):
        network.compute_loss(X * scale, Y)
        assert np.abs(network["dense_1"].children["x"].value).max() <= 1
        assert cr.check_gradients(cr.Graph(network["loss"])).passed
    history = cr.train(network, X * 100, Y, epochs=20)
    assert history["loss"][-1] < history["loss"][0]


def test_a_tied_layer_has_the_sum_of_both_gradients():
    dense = cr.Dense(3)
    network = cr.Network([dense, cr.Tanh(), dense], inputs=3, dtype="float64")
    assert network.parameters.size == 12
    gradients_of(network, RNG.normal(size=(8, 3)))
    x, h = X, network["tanh_1"].value
    np.testing.assert_allclose(
        dense.weights.grad, h.T @ network["dense_1_2"].grad + x.T @ network["dense_1"].grad, rtol=1e-12
    )


def test_a_layer_in_two_networks_is_refused_and_a_copy_is_not():
    dense = cr.Dense(2, inputs=3)
    first = cr.Network([dense])
    with pytest.raises(MisuseError, match=r"Dense 'dense_1': got a layer that already belongs.*layer\.copy\(\)"):
        cr.Network([dense])
    second = cr.Network([dense.copy()], seed=9)
    assert np.array_equal(first.parameters, second.parameters)
    second.parameters[:] = 0
    assert first.parameters.any()


UNTIED = {name: layers for name, layers in CONTAINERS.items() if "tied" not in name and "twice" not in name}


@pytest.mark.parametrize("layers", UNTIED.values(), ids=UNTIED)
def test_a_copied_layer_keeps_every_number(layers):
    made = layers()
    first = cr.Network(made, inputs=3, seed=1)
    first.parameters[:] = RNG.normal(size=first.parameters.size)
    second = cr.Network([layer.copy() if isinstance(layer, cr.Layer) else layer for layer in made], inputs=3, seed=2)
    assert np.array_equal(first.parameters, second.parameters)
    assert list(first.leaves) == list(second.leaves)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_layer_outside_a_network_pickles_with_its_numbers(protocol):
    layer = cr.Residual([cr.Dense(3), cr.Tanh()])
    y = layer(cr.Input("x", X))
    for twin in (pickle.loads(pickle.dumps(layer, protocol)), from_states(layer)):
        assert np.array_equal(twin(cr.Input("x", X)).value, y.value)
        with pytest.raises(MisuseError, match="change of it"):
            twin.layers.append(cr.Tanh())
    assert layer(cr.Input("x", X)).children["b"].children["z"].children["weights"] is layer.layers[0].weights


def test_an_inner_network_is_the_outer_ones():
    inner = cr.Network([cr.Dense(3, inputs=3), cr.Tanh()])
    before = inner.parameters.copy()
    outer = cr.Network([inner, cr.Dense(2)], inputs=3)
    assert np.array_equal(np.sort(outer.leaves["network_1.dense_1.weights"].value.ravel()), np.sort(before[:9]))
    assert "dense_1.weights" in outer.leaves
    for use in (lambda: inner.compute_loss(X, X), lambda: cr.predict(inner, X), lambda: inner.parameters):
        with pytest.raises(MisuseError, match=r"outer network|not built"):
            use()
    twin = inner.copy()
    assert np.array_equal(cr.predict(twin, X), cr.predict(cr.Network([twin.copy()]), X))
    outer.parameters[:] = 0.25
    assert set(np.unique(cr.Network([inner.copy()], inputs=3).parameters)) == {0.25}


def test_dropout_keeps_the_mean_and_is_off_in_prediction():
    network = cr.Network([cr.Dropout(0.25), cr.Dense(1, inputs=200)], seed=3)
    ones = np.ones((500, 200))
    network.compute_loss(ones, np.zeros((500, 1)))
    dropped = network["dropout_1"].value
    assert set(np.unique(dropped)) == {0, np.float32(1 / 0.75)}
    assert dropped.mean() == pytest.approx(1, abs=0.01)
    assert (dropped == 0).mean() == pytest.approx(0.25, abs=0.01)
    exact = ones[:1] @ network.layers[1].weights.value + network.layers[1].bias.value
    np.testing.assert_allclose(cr.predict(network, ones[:1]), exact, rtol=1e-5)
    assert np.array_equal(network.forward(ones), network.forward(ones))


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_dropouts_mask_is_drawn_anew_each_step_from_the_seed(engine):
    def masks(seed):
        network = cr.Network([cr.Dense(50, inputs=3), cr.Dropout(0.5), cr.Dense(2)], seed=seed, engine=engine)
        drawn = []
        for _ in range(3):
            network.compute_loss(X, Y)
            node = network["dropout_1"]
            drawn.append(np.array(node.children["b"].value))
            assert np.array_equal(node.value, node.children["a"].value * drawn[-1])
            network.backward()
            assert np.array_equal(node.children["a"].grad, node.grad * drawn[-1])
        return drawn

    one = masks(0)
    assert not np.array_equal(one[0], one[1])
    assert all(np.array_equal(a, b) for a, b in zip(one, masks(0)))
    assert not np.array_equal(one[0], masks(1)[0])


def test_rescale_takes_bytes_as_they_are():
    pixels = RNG.integers(0, 256, size=(6, 4), dtype=np.uint8)
    for dtype in ("float32", "float64"):
        network = cr.Network([cr.Rescale(1 / 255, 128.0), cr.Dense(2, inputs=4)], dtype=dtype)
        assert network.as_samples("test", pixels) is pixels
        same = cr.predict(network, pixels.astype(dtype))
        np.testing.assert_allclose(cr.predict(network, pixels), same, rtol=1e-6)
        cr.train(network, pixels, Y[:6], epochs=2, batch_size=4)
    plain = cr.Network([cr.Rescale(), cr.Dense(2, inputs=4)], dtype="float64")
    assert cr.predict(plain, pixels).dtype == np.float64


def test_numbers_whose_squares_are_too_large_are_scaled_like_others():
    data = np.array([[1e300, 1], [3e300, 2], [2e300, 3]])
    small = cr.Rescale.standard(data / [1e300, 1])
    found = cr.Rescale.standard(data)
    np.testing.assert_allclose(np.multiply(found.scale, [1e300, 1]), small.scale, rtol=1e-12)
    np.testing.assert_allclose(np.divide(found.offset, [1e300, 1]), small.offset, rtol=1e-12)
    network = cr.Network([found, cr.Dense(1)], dtype="float64", seed=0)
    with np.errstate(over="ignore"):  # of checks that square them
        cr.train(network, np.repeat(data, 8, axis=0), np.zeros((24, 1)), epochs=1, verbose=False)
        assert np.isfinite(cr.predict(network, data[:1])).all()


def test_rescale_standard_and_unit():
    data = RNG.normal(3, 2, size=(100, 3))
    data[:, 2] = 7
    for rescale, low, high in ((cr.Rescale.standard(data), None, None), (cr.Rescale.unit(data), 0, 1)):
        scaled = cr.predict(cr.Network([rescale], inputs=3, dtype="float64"), data)
        assert not scaled[:, 2].any()
        if low is None:
            np.testing.assert_allclose(scaled[:, :2].mean(0), 0, atol=1e-12)
            np.testing.assert_allclose(scaled[:, :2].std(0), 1, rtol=1e-12)
        else:
            np.testing.assert_allclose([scaled.min(), scaled.max()], [low, high], atol=1e-12)


def test_names_are_the_users_or_counted():
    network = cr.Network([cr.Dense(name="dense_1", inputs=3, units=2), cr.Dense(2), cr.Dense(2, name="last")])
    assert {name.split(".")[0] for name in network.leaves} == {"dense_1", "dense_2", "last"}
    with pytest.raises(InputError, match=r"the name of another layer"):
        cr.Network([cr.Dense(2, inputs=3, name="a"), cr.Dense(2, name="a")])


class Stray(cr.Layer):
    def forward(self, x):
        return x * cr.Parameter("loose", 2.0)


class InForward(cr.Layer):
    def forward(self, x):
        return x * self.parameter("gain", x.shape[1:])


class InInit(cr.Layer):
    def __init__(self):
        self.gain = self.parameter("gain", (3,))


class Forgetful(cr.Layer):
    def __init__(self, width):
        pass

    def forward(self, x):
        return x


class Array(cr.Layer):
    def forward(self, x):
        return x.value * 2


USER = {
    "a parameter nobody owns": (
        lambda: cr.Network([Stray(), cr.Dense(2, inputs=3)], inputs=3).compute_loss(X, Y),
        "no layer made",
    ),
    "a parameter made in forward": (lambda: cr.Network([InForward()], inputs=3), "in build"),
    "a parameter made in __init__": (lambda: InInit(), "outside of build"),
    "a setting not kept": (lambda: cr.Network([Forgetful(3)], inputs=3).copy(), "Write self.width = width"),
    "an array as result": (lambda: cr.Network([Array()], inputs=3, engine="dynamic"), "ndarray as its result"),
    "a look at an example": (lambda: cr.Network([Array()], inputs=3), "a look at Input 'x'"),
}


@pytest.mark.parametrize(("use", "words"), USER.values(), ids=USER)
def test_mistakes_in_users_layers_are_told(use, words):
    with pytest.raises(cr.ChainruleError, match=words):
        use()


NESTED = {
    "residual": lambda layer: cr.Residual([layer]),
    "branches": lambda layer: cr.Branches([[layer]]),
    "network": lambda layer: cr.Network([layer]),
}


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
@pytest.mark.parametrize("kind", NESTED)
@pytest.mark.parametrize("depth", [3, 20, 31, 200, 2000])
def test_layers_nested_beyond_what_python_follows_are_refused_by_one_clear_error(depth, kind, engine):
    def nested():
        layer = cr.Dense(3)
        for _ in range(depth):
            layer = NESTED[kind](layer)
        return cr.Network([layer, cr.Dense(1)], inputs=3, engine=engine)

    if depth > 30:
        with pytest.raises(InputError, match=r"layers inside of layers, \d+ deep.*in one list"):
            nested()
    else:
        network = nested()
        assert cr.predict(pickle.loads(pickle.dumps(network)).copy(), np.zeros((2, 3))).shape == (2, 1)
        assert repr(network)


def test_a_layer_that_calls_itself_without_end_is_refused():
    class Endless(cr.Layer):
        def forward(self, x):
            return self.forward(x)

    with pytest.raises(InputError, match="without an end in sight"):
        cr.Network([Endless(), cr.Dense(1)], inputs=3)
