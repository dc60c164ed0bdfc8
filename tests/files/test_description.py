"""Every part becomes plain data and comes back equal; what can't is refused, by name and place."""

from __future__ import annotations

import inspect
import json
import tomllib
from typing import Any

import numpy as np
import pytest

from chainrule import data, nn, ops, optim
from chainrule.errors import ChainruleError, FileError, InputError
from chainrule.files import describe, rebuild
from chainrule.files.part_classes import KINDS, NAMES
from chainrule.nn import Branches, Dense, Dropout, Network, Rescale, Residual
from chainrule.ops import ELU, GELU, Huber, LeakyReLU, Reshape, Slice, Softmax, Sum, Tanh, Transpose, Unscale

# One example at least of each class in the table, with settings of all kinds.
EXAMPLES = [
    Network([Dense(2), Tanh()], ops.Huber(2.0), optim.SGD(0.1), l1=0.5, inputs=2, classes=("a", "é"), seed=2**60),
    Network([Residual([Dense(2)]), Dense(1)], inputs=(2,), dtype="float64", engine="dynamic", name="net"),
    Dense(16, inputs=3),
    Dense(16, use_bias=False, initializer=nn.He("uniform"), l1=0.1, l2=0.0, name="h"),
    Dense(1, bias_initializer=nn.Constant(0.1)),
    Dropout(0.1),
    Rescale(1 / 255),
    Unscale((1e5, 0.1), (1e6, 1e-300)),
    Rescale((0.5, 0.1), (1.0, 1e-300), name="scaling"),
    Residual([Dense(3), Tanh(), Residual([Dropout(0.5)])]),
    Branches([[], [Tanh(), Dense(2)], Softmax()]),
    nn.Heads({"b": [Dense(1)], "a": [Dense(2), Softmax()]}),
    Network(
        [nn.Heads({"b": [Dense(1)], "a": [Dense(2), Softmax()]})],
        loss={"b": Huber()},
        loss_weights={"a": 0.5},
        classes={"a": ("no", "yes")},
    ),
    LeakyReLU(0.2),
    ELU(0.3),
    GELU(approximate=True),
    Softmax(axis=1),
    ops.LogSoftmax(),
    Reshape((-1, 2, 2)),
    Transpose(),
    Transpose((0, 2, 1)),
    Slice((slice(None), slice(1, None, 2), 0, None, ...)),
    Slice(3),
    Sum(axis=(1, 2), keepdims=True),
    ops.Mean(axis=1),
    ops.Max(),
    ops.LogSumExp(1),
    Huber(0.5),
    optim.SGD(0.1, momentum=0.9, nesterov=True, clip_norm=1.0),
    optim.Adagrad(),
    optim.RMSProp(rho=0.5),
    optim.Adam(optim.Warmup(2, optim.Phases((3, 0.1), (2, optim.CosineDecay(0.1, 0.01))))),
    optim.AdamW(weight_decay=0.1, clip_value=0.5),
    optim.ConstantRate(0.1),
    optim.StepDecay(0.1),
    optim.ExponentialDecay(0.1),
    optim.CosineDecay(0.1),
    optim.OneCycle(0.1),
    optim.ReduceOnPlateau(0.1),
    optim.Warmup(0.5, 0.1),
    optim.Phases((10, 1e-2), (10, 1e-3)),
    nn.Glorot("normal"),
    nn.He(),
    nn.LeCun(),
    nn.Uniform(-1, 1),
    nn.Normal(0.0, 2.0),
    nn.Orthogonal(2.0),
    nn.Constant(3.0),
    nn.Zeros(),
    data.Preparation(["age", data.CategoryColumn("town", ["Bonn"])], target="paid", classes=["no", "yes"]),
    data.NumberColumn("age", fill=28.0, flag=True),
    data.CategoryColumn("town", ["Bonn", "(missing)"], fill="(missing)"),
    data.DateColumn("since", ["year", "days"], fill="2020-02-29"),
]
EXAMPLES += [kind() for name, kind in KINDS.items() if kind not in {type(part) for part in EXAMPLES}]


def public_parts() -> dict[str, type]:
    """Every public class that a file should be able to name."""
    bases = (nn.Layer, optim.Optimizer, optim.Schedule, nn.Initializer)
    parts = {
        f"{room.__name__}.{name}": kind
        for room in (nn, optim)
        for name, kind in vars(room).items()
        if inspect.isclass(kind) and issubclass(kind, bases) and kind not in bases
    }
    for kind in ops.all_ops().values():
        required = [role for role in kind.roles if role not in kind.optional and role != kind.variadic]
        loss = kind.roles[0] in ("prediction", "logits")
        if (len(required) == 1 or loss) and not kind.name.endswith("_penalty"):
            parts[f"ops.{kind.__name__}"] = kind
    return parts


@pytest.mark.parametrize(("name", "kind"), public_parts().items(), ids=public_parts())
def test_every_public_part_is_in_the_table(name: str, kind: type) -> None:
    if kind in (ops.Activation, ops.Loss):
        assert kind not in NAMES, "it holds functions, which no file may name"
    else:
        assert kind in NAMES


@pytest.mark.parametrize("part", EXAMPLES, ids=repr)
@pytest.mark.parametrize("brief", [False, True])
def test_a_part_comes_back_equal_from_json(part: Any, brief: bool) -> None:
    data = describe(part, brief=brief)
    again = rebuild(json.loads(json.dumps(data, allow_nan=False)), complete=not brief)
    assert type(again) is type(part)
    assert repr(again) == repr(part)
    assert describe(again, brief=brief) == data


def test_the_examples_cover_the_whole_table() -> None:
    assert {type(part) for part in EXAMPLES} == set(KINDS.values())


def test_a_brief_description_leaves_out_what_is_the_default() -> None:
    assert describe(Dense(16, name="h"), brief=True) == {"type": "Dense", "units": 16, "name": "h"}
    assert describe(optim.Adam(), brief=True) == {"type": "Adam"}
    assert describe(GELU(), brief=True) == {"type": "GELU"}


def test_toml_makes_parts() -> None:
    text = """
    type = "Network"
    layers = [
        { type = "Dense", units = 16, initializer = { type = "He" } },
        { type = "ReLU" },
        { type = "Dense", units = 1 },
    ]
    optimizer = { type = "SGD", learning_rate = { type = "Phases", phases = [[10, 0.1], [5, 0.01]] }, momentum = 0.9 }
    l2 = 1e-4
    """
    network = rebuild(tomllib.loads(text), where="recipe.toml: network")
    assert repr(network.layers) == "[Dense(16, initializer=He()), ReLU(), Dense(1)]"
    assert network.optimizer.learning_rate.phases == ((10, 0.1), (5, 0.01))


def test_a_tied_layer_is_described_once_and_stays_tied() -> None:
    tied = Dense(2, name="tied")
    data = describe(Residual([tied, Tanh(), Residual([tied]), Dense(2), tied]))
    assert [layer.get("id") for layer in data["layers"]] == [1, None, None, None, 1]
    assert data["layers"][4] == {"type": "same", "id": 1}
    again = rebuild(data, complete=True)
    first, _, inner, other, last = again.layers
    assert first is last
    assert first is inner.layers[0]
    assert first is not other


class Scaled(nn.Layer):
    def __init__(self, gains: tuple[float, ...], inner: nn.Layer | None = None) -> None:
        self.gains, self.inner = gains, inner

    def forward(self, x: Any) -> Any:
        return x * self.gains[0]


class Sine(ops.Activation):
    def __init__(self) -> None:
        super().__init__(np.sin, np.cos)


def test_classes_of_ones_own_come_back_when_they_are_passed() -> None:
    part = Residual([Scaled((2.0, 3.0), Dense(1)), Sine()])
    data = describe(part)
    again = rebuild(data, {"Scaled": Scaled, "Sine": Sine}, complete=True)
    assert repr(again) == repr(part)
    with pytest.raises(InputError, match=r"layers\[0\].*'Scaled'.*pass custom=\{'Scaled': Scaled\}"):
        rebuild(data)


def test_numpy_numbers_become_plain_ones() -> None:
    data = describe(Scaled((np.float32(0.5), np.int64(2))))
    assert [type(gain) for gain in data["gains"]] == [float, int]
    assert rebuild(data, {"Scaled": Scaled}, complete=True).gains == (0.5, 2)


class Forgetful(nn.Layer):
    def __init__(self, rate: float) -> None:
        self.speed = rate


class ForgetfulOp(ops.Tanh):
    def __init__(self, rate: float) -> None:
        self.speed = rate


class Typed(nn.Layer):
    def __init__(self, type: str = "") -> None:  # noqa: A002 -- the clash is what is tested
        self.type = type


def clone(name: str) -> nn.Layer:
    return type(name, (nn.Layer,), {})()


def nested(depth: int) -> nn.Layer:
    layer: nn.Layer = Dense(1)
    for _ in range(depth):
        layer = Residual([layer])
    return layer


def circular() -> nn.Layer:
    layer = Residual([Tanh()])
    list.append(layer.layers, Residual([layer]))  # past the list that stays as it was made
    return layer


UNDESCRIBABLE = {
    "a function as a setting": (Scaled(np.sin), r"gains.*the function sin"),
    "a dictionary": (Scaled({"a": 1}), r"gains.*dict"),
    "an array": (Scaled(np.ones(2)), r"gains.*ndarray"),
    "NaN": (Scaled((float("nan"),)), r"gains\[0\].*nan"),
    "infinity": (Scaled((1.0, float("inf"))), r"gains\[1\].*inf"),
    "bytes": (Scaled(b"x"), r"gains.*bytes"),
    "an activation of functions": (Residual([ops.Activation(np.sin, np.cos)]), r"layers\[0\].*class MyActivation"),
    "a loss of functions": (
        Network([Dense(1)], ops.Loss(np.sum, np.sign)),
        r"class MyLoss\(cr.Loss\)",
    ),
    "a constructor argument that is not kept": (Residual([Forgetful(1)]), r"layers\[0\].*'rate'"),
    "an op's argument that is not kept": (ForgetfulOp(1), "rate"),
    "a class with a built-in's name": (clone("Dense"), "named Dense.*Rename"),
    "a class with a reserved name": (clone("same"), "named same.*Rename"),
    "a class whose name is none": (clone("os.system"), "named os.system"),
    "two classes of one name": (Residual([clone("Twin"), clone("Twin")]), r"layers\[1\].*two classes named Twin"),
    "a setting called type": (Typed(), "setting called type"),
    "too deep": (nested(100), "nested too deeply"),
    "too many": (Residual([Dense(1) for _ in range(10_001)]), "too many parts"),
    "a layer inside itself": (circular(), r"layers\[1\]\.layers\[0\].*contains itself"),
    "no part": ([Dense(1)], "something like"),
    "a class": (Dense, "the class Dense itself"),
}


@pytest.mark.parametrize(("part", "message"), UNDESCRIBABLE.values(), ids=UNDESCRIBABLE)
def test_what_is_no_plain_data_is_refused(part: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        describe(part, where="save")
    assert caught.value.where.startswith("save")


DENSE = {"type": "Dense", "units": 2}
BAD_DATA: dict[str, tuple[Any, str]] = {
    "nothing": (None, "got None"),
    "a text": ("Dense", "got 'Dense'"),
    "no type": ({"units": 2}, "its type and its settings"),
    "a type that is a number": ({"type": 1}, "its type and its settings"),
    "an unknown type": ({"type": "Dnse", "units": 2}, r"'Dnse'.*Did you mean 'Dense'\?"),
    "a class nobody passed": ({"type": "Mine"}, r"pass custom=\{'Mine': Mine\}"),
    "a dotted path": ({"type": "os.system", "command": "ls"}, "nothing is ever imported"),
    "an activation": ({"type": "Activation"}, "subclass that holds them"),
    "an unknown setting": ({**DENSE, "outputs": 2}, r"unknown setting 'outputs'.*Known: "),
    "a setting almost right": ({**DENSE, "initialiser": None}, r"Did you mean 'initializer'\?"),
    "a missing setting": ({"type": "Constant"}, "got no value"),
    "a refused setting": ({"type": "Residual", "layers": [{**DENSE, "units": -1}]}, r"layers\[0\] \(Dense units\)"),
    "a text for a number": ({"type": "Adam", "learning_rate": "0.1"}, "'0.1'"),
    "a text for a truth": ({**DENSE, "use_bias": "no"}, r"use_bias: got 'no'"),
    "a number for a truth": ({**DENSE, "use_bias": 1}, r"use_bias: got 1"),
    "a truth for a text": ({**DENSE, "name": True}, "True"),
    "a layer for an initializer": ({**DENSE, "initializer": DENSE}, "initializer"),
    "an optimizer among layers": ({"type": "Residual", "layers": [{"type": "Adam"}]}, "among the layers"),
    "an initializer for a rate": (
        {"type": "SGD", "learning_rate": {"type": "Constant", "value": 1.0}},
        "learning_rate",
    ),
    "an unknown id": ({"type": "Residual", "layers": [{"type": "same", "id": 1}]}, r"layers\[0\].*a reference to 1"),
    "a reference to itself": (
        {"type": "Residual", "id": 1, "layers": [{"type": "same", "id": 1}]},
        "complete before it",
    ),
    "a duplicate id": ({"type": "Residual", "layers": [{**DENSE, "id": 1}, {**DENSE, "id": 1}]}, "id 1 again"),
    "an id of an op": ({"type": "Tanh", "id": 1}, "on a layer"),
    "an id that is a text": ({**DENSE, "id": "1"}, "whole number from 1"),
    "a bad slice": ({"type": "Slice", "key": [{"type": "slice", "start": "1"}]}, "start, stop and step"),
    "a slice of code": ({"type": "Slice", "key": [{"type": "slice", "start": 1, "code": 2}]}, "start, stop and step"),
    "bytes": ({**DENSE, "name": b"x"}, "bytes"),
    "nothing inside": ({"type": "Residual", "layers": None}, "list of layers"),
}


@pytest.mark.parametrize(("data", "message"), BAD_DATA.values(), ids=BAD_DATA)
@pytest.mark.parametrize("kind", [InputError, FileError])
def test_bad_data_are_one_error_that_names_the_place(data: Any, message: str, kind: type[ChainruleError]) -> None:
    with pytest.raises(kind, match=message) as caught:
        rebuild(data, where="recipe.toml: layers", error=kind)
    assert type(caught.value) is kind
    assert str(caught.value).startswith("recipe.toml: layers")
    assert len(str(caught.value)) < 2000


INCOMPLETE = {
    "a default left out": ({"type": "LeakyReLU"}, "no slope"),
    "a whole number for a real one": ({"type": "LeakyReLU", "slope": 0}, "slope: got 0"),
    "a number that its class replaces": (
        {
            "type": "OneCycle",
            "maximum_learning_rate": 0.1,
            "initial_learning_rate": None,
            "final_learning_rate": 0.1,
            "warmup": 0.5,
        },
        "initial_learning_rate: got None",
    ),
}


@pytest.mark.parametrize(("data", "message"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_a_file_must_say_everything_as_it_is_kept(data: Any, message: str) -> None:
    rebuild(data)
    with pytest.raises(InputError, match=message):
        rebuild(data, complete=True)


@pytest.mark.parametrize(
    ("custom", "message"),
    [
        ([Scaled], "names and classes"),
        ({"Scaled": Scaled((1.0,))}, "without parentheses"),
        ({"run": print}, "subclass of Layer"),
        ({"Evil": dict}, "subclass of Layer"),
        ({"Dense": Scaled}, "does not use"),
        ({"same": Scaled}, "does not use"),
        ({1: Scaled}, "a name and"),
    ],
)
def test_custom_classes_are_checked(custom: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        rebuild(DENSE, custom, error=FileError)
    assert caught.value.where == "custom"


class Moody(nn.Layer):
    def __init__(self, mood: int) -> None:
        self.mood = 10 // mood


def test_what_a_class_of_ones_own_raises_is_one_error() -> None:
    with pytest.raises(FileError, match=r"layers\[0\].*Moody refuses \(ZeroDivisionError"):
        rebuild({"type": "Residual", "layers": [{"type": "Moody", "mood": 0}]}, {"Moody": Moody}, error=FileError)
