"""Transfer learning: a trained network's layers, body, or whole, go on in another network."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, InputError, MisuseError, UnknownNameError

RNG = np.random.default_rng(8)
X = RNG.normal(2, 3, size=(24, 2)).astype("float32")
FOUR, THREE, NUMBERS = RNG.integers(0, 4, 24), RNG.integers(0, 3, 24), RNG.normal(size=(24, 1))
ENGINES = ["replay", "dynamic"]


class Center(cr.Layer):
    """y = x − the mean of all batches so far, the last ones counting most"""

    def build(self, shape):
        self.mean = self.state("mean", np.zeros(shape))

    def forward(self, x):
        self.update(self.mean, 0.9 * self.mean + 0.1 * cr.mean(x, axis=0))
        return x - self.mean


def trained(engine="replay", **settings):
    """A network with states, a frozen layer and a head for four classes."""
    network = cr.Network(
        [
            cr.Rescale.standard(X),
            cr.Dense(8, name="body"),
            Center(),
            cr.Residual([cr.Dense(8), cr.ReLU()]),
            cr.Dense(4),
            cr.Softmax(),
        ],
        engine=engine,
        l2=0.01,
        **settings,
    )
    network.build(2)
    network.freeze("body.bias")
    cr.train(network, X, FOUR, epochs=2, batch_size=8)
    return network


def of_body(network, under=""):
    """The body's leaves: name -> (bytes, frozen)."""
    return {
        name.removeprefix(under): (leaf.value.tobytes(), getattr(leaf, "frozen", False))
        for name, leaf in network.leaves.items()
        if name.startswith(under) and not name.removeprefix(under).startswith("dense_1.")
    }


WAYS = {
    "layers of a copy": lambda base, **told: cr.Network([*base.copy().layers[:-2], cr.Dense(3), cr.Softmax()], **told),
    "copies of layers": lambda base, **told: cr.Network(
        [*(layer.copy() for layer in base.layers[:-2]), cr.Dense(3), cr.Softmax()], inputs=2, **told
    ),
    "replace_head": lambda base, **told: base.replace_head(cr.Dense(3), cr.Softmax(), **told),
    "replace_head, a list": lambda base, **told: base.replace_head([cr.Dense(3), cr.Softmax()], **told),
    "a copy with other layers": lambda base, **told: base.copy(
        layers=[*base.copy().layers[:-2], cr.Dense(3), cr.Softmax()], **told
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_body_under_a_new_head_keeps_its_numbers_and_what_is_frozen(way, engine):
    base = trained(engine)
    before = base.parameters.tobytes()
    network = way(base, engine=engine)
    assert of_body(network) == of_body(base)
    assert [network.leaves[f"body.{name}"].frozen for name in ("weights", "bias")] == [False, True]
    assert network.output_shape == (3,)
    assert not np.shares_memory(network.parameters, base.parameters)
    cr.train(network, X, THREE, epochs=2, batch_size=8)
    assert base.parameters.tobytes() == before, "the network that it comes from stays as it is"
    assert of_body(network)["body.weights"] != of_body(base)["body.weights"]
    assert of_body(network)["body.bias"] == of_body(base)["body.bias"]
    assert of_body(network)["center_1.mean"] != of_body(base)["center_1.mean"]
    cr.train(base, X, FOUR, epochs=1)


def test_every_engine_learns_the_same_in_a_network_of_a_network():
    body, parameters = cr.Network([Center(), cr.Dense(4), cr.Softmax()], inputs=2), []
    cr.train(body, X, FOUR, epochs=1)
    for engine in ("replay", "dynamic", "compiled"):
        network = cr.Network([body.copy(), cr.Dense(3)], loss=cr.SoftmaxCrossEntropy(), engine=engine)
        network.freeze("network_1.dense_1.weights")
        cr.train(network, X, THREE, epochs=2, batch_size=8)
        parameters.append(network.parameters)
    np.testing.assert_allclose(parameters[1], parameters[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(parameters[2], parameters[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ([cr.Dense(3), cr.Softmax()], "CategoricalCrossEntropy"),
        ([cr.Dense(1), cr.Sigmoid()], "BinaryCrossEntropy"),
        ([cr.Dense(1)], "MeanSquaredError"),
        ([], "MeanSquaredError"),
    ],
    ids=str,
)
def test_a_new_head_brings_the_loss_that_suits_it_and_other_settings_stay(head, loss):
    base = trained(classes=["a", "b", "c", "d"], optimizer=cr.SGD(0.05), seed=3, loss=cr.CategoricalCrossEntropy())
    network = base.replace_head(*(part.copy() for part in head))
    assert type(network.objective.loss).__name__ == loss
    kept = {**base.settings(), "layers": None, "loss": None, "classes": None, "inputs": (2,)}
    assert repr({**network.settings(), "layers": None}) == repr(kept)
    assert network.optimizer_state.step == 0


def test_a_new_heads_settings_are_those_that_are_told():
    network = trained().replace_head(cr.Dense(1), loss=cr.Huber(), optimizer=cr.SGD(0.1), name="tail")
    assert (repr(network.loss), repr(network.optimizer), network.name) == ("Huber()", "SGD(learning_rate=0.1)", "tail")


def test_the_head_is_the_last_layer_with_parameters_and_all_behind_it():
    base = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(3), cr.Dropout(0.1), cr.Softmax()], inputs=2)
    assert repr(base.replace_head(cr.Dense(1)).layers) == "[Dense(4), Tanh(), Dense(1)]"
    nested = cr.Network([cr.Dense(5), cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(3)])], inputs=2)
    assert repr(nested.replace_head(cr.Dense(1)).layers) == "[Dense(5), Dense(1)]"


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: cr.Network([cr.Dense(3)], inputs=2).replace_head(cr.Dense(2)), InputError, "one layer has"),
        (lambda: cr.Network([cr.Dense(3)]).replace_head(cr.Dense(2)), MisuseError, "not built"),
        (lambda: trained().replace_head(cr.Dense(2), los=cr.Huber()), ArgumentError, "Did you mean 'loss'"),
        (lambda: trained().replace_head(layers=[cr.Dense(2)]), ArgumentError, "replace_head: got layers="),
        (lambda: trained().replace_head(cr.Dense), InputError, "the class Dense itself"),
    ],
)
def test_a_head_that_cannot_be_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_layers_of_a_network_in_use_are_refused_and_what_the_error_says_works():
    base = trained()
    with pytest.raises(MisuseError, match=r"Rescale 'rescale_1'.*network\.copy\(\)\.layers") as caught:
        cr.Network([*base.layers[:2], cr.Dense(3)])
    assert caught.value.cause == "layer.shared"
    assert cr.Network([*base.copy().layers[:2], cr.Dense(3)]).built
    body = base.copy()
    cr.train(body, X, FOUR, epochs=1)
    with pytest.raises(MisuseError, match="belongs to another network"):
        cr.Network([*body.layers[:2], cr.Dense(3)])


USES = {
    "parameters": lambda network: network.parameters,
    "train": lambda network: cr.train(network, X, FOUR),
    "predict": lambda network: cr.predict(network, X),
    "copy": lambda network: network.copy(),
    "copy with changes": lambda network: network.copy(l2=0.1),
    "pickle": pickle.dumps,
    "freeze": lambda network: network.freeze(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_copy_whose_layers_have_gone_says_so(use):
    body = trained().copy()
    network = cr.Network([*body.layers[:-2], cr.Dense(3), cr.Softmax()])
    with pytest.raises(MisuseError, match=r"layers have become those of another network.*another copy"):
        use(body)
    cr.train(network, X, THREE, epochs=1)


def test_a_copy_that_predicts_and_is_frozen_may_still_give_its_layers():
    body = trained().copy()
    body.freeze()
    cr.predict(body, X)
    network = cr.Network([*body.layers[:-2], cr.Dense(3), cr.Softmax()])
    assert {name for name, leaf in network.leaves.items() if getattr(leaf, "frozen", True) is False} == {
        "dense_1.weights",
        "dense_1.bias",
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_a_trained_network_goes_on_as_a_layer_of_another(engine, tmp_path):
    base = trained(engine)
    network = cr.Network([base.copy(), cr.Dense(3), cr.Softmax()], optimizer=cr.Adam(0.01), engine=engine, seed=4)
    inside = of_body(network, "network_1.")
    assert inside == of_body(base)
    logits = cr.predict(cr.Network([base.copy()], loss=cr.MeanSquaredError(), engine=engine), X)
    assert logits.tobytes() == cr.predict(base, X).tobytes()
    network.freeze("network_1.residual_1", "network_1.body.weights")
    cr.train(network, X, THREE, epochs=2, batch_size=8)
    after = of_body(network, "network_1.")
    assert after["center_1.mean"] != inside["center_1.mean"]
    assert {n: v for n, (v, _) in after.items() if "mean" not in n} == {
        n: v for n, (v, _) in inside.items() if "mean" not in n
    }
    cr.save(network, tmp_path / "it.safetensors")
    twins = [
        network.copy(),
        copy.deepcopy(network),
        pickle.loads(pickle.dumps(network)),
        cr.load(tmp_path / "it.safetensors", custom={"Center": Center}),
    ]
    for each in (network, *twins):
        cr.train(each, X, THREE, epochs=2, batch_size=8)
        assert of_body(each, "network_1.") == of_body(network, "network_1.")
        assert each.parameters.tobytes() == network.parameters.tobytes()
    network.unfreeze("network_1")
    cr.train(network, X, THREE, epochs=1)
    assert of_body(network, "network_1.")["body.weights"] != of_body(twins[0], "network_1.")["body.weights"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_resumed_training_of_a_network_in_a_network_is_one_never_stopped(engine, tmp_path):
    base = trained(engine)

    def network():
        whole = cr.Network([base.copy(), cr.Dense(3), cr.Softmax()], optimizer=cr.Adam(0.01), engine=engine)
        whole.freeze("network_1.body")
        return whole

    whole, first, second = network(), network(), network()
    cr.train(whole, X, THREE, epochs=4, batch_size=8)
    cr.train(first, X, THREE, epochs=2, batch_size=8, callbacks=[cr.Checkpoint(tmp_path / "it.safetensors")])
    cr.train(second, X, THREE, epochs=4, batch_size=8, resume=tmp_path / "it.safetensors")
    assert second.parameters.tobytes() == whole.parameters.tobytes()
    assert second.states()["network_1.center_1.mean"].tobytes() == whole.states()["network_1.center_1.mean"].tobytes()


def test_a_network_of_copied_layers_begins_again_where_it_began():
    network = trained().replace_head(cr.Dense(3), cr.Softmax())
    network.freeze("body")
    start = network.parameters.tobytes()
    history = cr.train(network, X, THREE, epochs=2)
    again = network.fresh()
    assert again.parameters.tobytes() == start
    assert again.leaves["body.weights"].frozen
    assert cr.train(again, X, THREE, epochs=2).final_loss == history.final_loss
    assert of_body(cr.Network([*network.fresh().layers[:-2], cr.Dense(3)])) == of_body(network.fresh())


def test_a_copy_with_another_setting_keeps_what_is_frozen():
    assert of_body(trained().copy(l2=0.5)) == of_body(trained())
    assert trained().copy(dtype="float64").leaves["body.bias"].frozen


def test_what_is_said_of_trainable_works():
    layer = cr.Dense(3)
    network = cr.Network([layer, cr.Dense(1)])
    with pytest.raises(UnknownNameError, match=r"network\.freeze\(.dense_1.\)"):
        layer.trainable = False
    with pytest.raises(MisuseError, match=r"network\.build\(features\)"):
        network.freeze("dense_1")
    network.build(2)
    network.freeze("dense_1")
    assert layer.weights.frozen


PARTS = [
    cr.ReLU(),
    cr.LeakyReLU(0.2),
    cr.Activation(np.sin, np.cos),
    cr.Huber(2.0),
    cr.Adam(cr.OneCycle(0.1)),
    cr.SGD(0.1, momentum=0.9),
    cr.CosineDecay(0.1),
    cr.Phases((2, 0.1), (3, cr.OneCycle(0.01))),
    cr.He(),
    cr.Normal(0.3),
    cr.Dropout(0.5),
]


@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_every_part_has_a_copy(part):
    twin = part.copy()
    assert twin is not part
    assert (type(twin), repr(twin)) == (type(part), repr(part))
    with pytest.raises(UnknownNameError):
        twin.nonsense = 1  # as settled as the one that it comes from
