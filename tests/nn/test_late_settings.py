"""Settings that are changed after a part was made: honoured from the next step, or refused by name; never ignored."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, ops, optim
from chainrule.errors import ChainruleError, ChainruleWarning, MisuseError, UnknownNameError
from chainrule.settings import Configured, setting_names

X = np.linspace(-1, 1, 32, dtype=np.float32).reshape(8, 4)
Y = np.linspace(0, 1, 16, dtype=np.float32).reshape(8, 2)
ENGINES: dict[str, dict[str, str]] = {
    "replayed": {},
    "dynamic": {"engine": "dynamic"},
    "compiled": {"engine": "compiled"},
}

# What constructors need to be told, by the parameter's name.
NEEDED: dict[str, Any] = {
    "units": 3, "layers": [cr.Dense(4), cr.Tanh()], "function": np.sin, "derivative": np.cos, "shape": (2, 2),
    "key": 0, "value": 0.5, "learning_rate": 0.1, "phases": [(2, 0.1), (3, 0.01)], "then": 0.1, "factor": 0.1,
    "maximum_learning_rate": 0.1, "initial_learning_rate": 0.1, "every": 2, "epochs": 2, "path": "a.safetensors",
    "size": 2.0, "deviation": 0.1, "branches": [[cr.Tanh()], [cr.ReLU()]],
    "heads": {"a": [cr.Dense(2)]}, "weights": (1.0, 0.5), "scale": 100.0,
}  # fmt: skip
# Another value of each setting, by its name; numbers are halved where nothing is said.
OTHERS: dict[str, Any] = {
    "name": "other", "initializer": cr.He(), "bias_initializer": cr.Constant(0.5), "loss": cr.Huber(), "seed": 5,
    "dtype": "float64", "classes": ("a", "b"), "optimizer": cr.SGD(0.5), "layers": [cr.Dense(4)], "clip_norm": 1.0,
    "clip_value": 1.0, "axis": 0, "axes": (1, 0), "shape": (4, 1), "key": 1, "function": np.cos, "derivative": np.sin,
    "then": 0.5, "phases": [(1, 0.5)], "path": "b.safetensors", "inputs": 4, "exponent": 3.0, "learning_rate": 0.05,
    "branches": [[cr.Tanh()]], "activation": cr.Tanh(), "heads": {"b": [cr.Dense(3)]}, "weights": (1.0, 2.0),
    "loss_weights": None,
}  # fmt: skip


def parts() -> Iterator[tuple[str, Any]]:
    """Yield an object of each public kind that has settings."""
    found = [kind for room in (ops, nn, optim) for kind in vars(room).values() if isinstance(kind, type)]
    kinds = {kind for kind in (*found, cr.EarlyStopping, cr.Checkpoint) if issubclass(kind, Configured)}
    for kind in sorted(kinds, key=lambda kind: (kind.__name__, kind.__module__)):
        if kind.__name__ in ("Op", "Layer", "Optimizer", "Schedule", "Initializer") or not setting_names(kind):
            continue
        parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
        if any(p.kind is p.VAR_POSITIONAL for p in parameters):
            continue
        told = {p.name: NEEDED[p.name] for p in parameters if p.default is p.empty}
        yield f"{kind.__module__.split('.')[1]}.{kind.__name__}", kind(**told)


PARTS = dict(parts())
SETTINGS = [(kind, name) for kind, part in PARTS.items() for name in setting_names(type(part))]


def another(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if name in OTHERS:
        return OTHERS[name]
    return max(value // 2, 1) + 1 if isinstance(value, int) else (value / 2 or 0.5) if isinstance(value, float) else 0.5


def test_every_kind_of_part_is_here() -> None:
    asked = {"nn.Dense", "nn.Network", "ops.LeakyReLU", "ops.Huber", "optim.Adam", "optim.OneCycle"}
    assert {*asked, "nn.Branches", "ops.Concatenate", "optim.ConstantRate", "nn.Constant"} <= set(PARTS)
    assert len(SETTINGS) > 90


@pytest.mark.parametrize(("kind", "name"), SETTINGS)
def test_a_setting_that_is_changed_late_is_honoured_or_refused(kind: str, name: str) -> None:
    part = pickle.loads(pickle.dumps(PARTS[kind])) if kind not in ("Activation", "Loss") else PARTS[kind]
    before, value = getattr(part, name), another(name, getattr(part, name))
    refused = None
    try:
        setattr(part, name, value)
    except ChainruleError as error:
        refused = str(error)
    if refused is not None:
        assert name in refused
        assert repr(part) == repr(PARTS[kind])
    else:
        asked_each_time = isinstance(part, cr.Callback) or name == "learning_rate"
        not_built = isinstance(part, cr.Layer) and not isinstance(part, cr.Network)
        assert asked_each_time or not_built or (kind, name) == ("nn.Network", "optimizer"), "was it ignored?"
        assert part.settings()[name] != before


def built(**told: Any) -> cr.Network:
    network = cr.Network(
        [cr.Dense(5, l2=0.1), cr.LeakyReLU(), cr.Dropout(0.2), cr.Dense(2)], optimizer=cr.Adam(0.05), seed=1, **told
    )
    cr.train(network, X, Y, epochs=2, batch_size=4)
    return network


@pytest.mark.parametrize("engine", ENGINES)
def test_a_new_optimizer_begins_anew_on_the_same_weights(engine: str, tmp_path: Path) -> None:
    network = built(**ENGINES[engine])
    twin = network.copy(optimizer=cr.SGD(0.5, momentum=0.9))
    twin.generators.restore(network.generators.states())
    with pytest.warns(ChainruleWarning, match=r"SGD\(learning_rate=0.5, momentum=0.9\) begins anew"):
        network.optimizer = cr.SGD(0.5, momentum=0.9)
    for each in (network, twin):
        cr.train(each, X, Y, epochs=3, batch_size=4)
    assert np.array_equal(network.parameters, twin.parameters)
    assert "SGD" in str(network.summary())
    cr.save(network, tmp_path / "a.safetensors")
    assert np.array_equal(cr.load(tmp_path / "a.safetensors").parameters, network.parameters)


@pytest.mark.parametrize("engine", ENGINES)
def test_another_learning_rate_is_that_of_the_next_step(engine: str) -> None:
    network = built(**ENGINES[engine])
    before = network.parameters.copy()
    network.optimizer.learning_rate = 1e-12
    cr.train(network, X, Y, epochs=1, batch_size=4)
    assert np.allclose(network.parameters, before, atol=1e-6)
    with pytest.raises(ChainruleError, match="learning_rate"):
        network.optimizer.learning_rate = -1


LATE = {
    "layer.rate": lambda network: setattr(network.layers[2], "rate", 0.0),
    "layer.l2": lambda network: setattr(network.layers[0], "l2", 0.0),
    "op.slope": lambda network: setattr(network.layers[1], "slope", 0.5),
    "optimizer.clip_norm": lambda network: setattr(network.optimizer, "clip_norm", 1.0),
    "network.l2": lambda network: setattr(network, "l2", 0.5),
    "network.loss": lambda network: setattr(network, "loss", cr.Huber()),
    "network.dtype": lambda network: setattr(network, "dtype", "float64"),
    "network.layers": lambda network: setattr(network, "layers", []),
    "layers.append": lambda network: network.layers.append(cr.Tanh()),
    "layers[0] =": lambda network: network.layers.__setitem__(0, cr.Tanh()),
    "layers.pop": lambda network: network.layers.pop(),
}


@pytest.mark.parametrize("late", LATE)
def test_what_can_not_follow_is_refused_and_nothing_has_changed(late: str) -> None:
    network, twin = built(), built()
    with pytest.raises(MisuseError):
        LATE[late](network)
    assert str(network.summary()) == str(twin.summary())
    for each in (network, twin):
        cr.train(each, X, Y, epochs=1, batch_size=4)
    assert np.array_equal(network.parameters, twin.parameters)


def test_the_advice_of_the_error_leads_there() -> None:
    network = built()
    with pytest.raises(MisuseError, match=r"network = network\.copy\(l2=0\.5\)"):
        network.l2 = 0.5
    copy = network.copy(l2=0.5)
    for name, leaf in network.leaves.items():
        assert np.array_equal(copy.leaves[name].value, leaf.value)
    assert copy.penalty() > network.penalty()


UNKNOWN = [
    ("network", "learning_rate", "Use network.optimizer"),
    ("network", "trainable", "network.freeze"),
    ("layer", "trainable", "network.freeze"),
    ("layer", "unit", "Did you mean 'units'"),
    ("op", "negative_slope", "slope"),
    ("optimizer", "learning_rat", "learning_rate"),
    ("optimizer", "lr", "learning_rate"),
]


@pytest.mark.parametrize(("of", "name", "words"), UNKNOWN)
def test_an_attribute_that_nobody_reads_is_refused_with_the_nearest(of: str, name: str, words: str) -> None:
    network = built()
    part = {"network": network, "layer": network.layers[0], "op": network.layers[1], "optimizer": network.optimizer}[of]
    with pytest.raises(UnknownNameError, match=words):
        setattr(part, name, 1)


def test_parts_of_a_users_own_may_keep_what_they_like() -> None:
    class Counting(cr.Layer):
        def __init__(self, times: int = 1) -> None:
            self.times = times

        def forward(self, x: cr.Node) -> cr.Node:
            self.seen = True
            return x * self.times

    layer = Counting()
    layer.note = "mine"
    layer.times = 3
    network = cr.Network([layer], inputs=4)
    assert layer.seen
    assert np.array_equal(cr.predict(network, X), X * 3)
    with pytest.raises(MisuseError, match=r"Counting\.times"):
        layer.times = 4
