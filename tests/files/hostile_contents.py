"""Model files that are well packed and well signed, with a description, a state or arrays that are wrong."""

from __future__ import annotations

import base64
import marshal
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.files.forge import Forgery, signed
from tests.files.hostile import parts

Change = Callable[[Any], Any]


def described(name: str, change: Change | Any) -> None:
    """A file whose description is changed, or another one."""

    def edit(forgery: Forgery) -> None:
        if callable(change):
            change(forgery.description)
        else:
            forgery.description = change

    parts(name, edit)


def layer(name: str, /, **settings: Any) -> None:
    """A file in which the first layer, Dense(3, inputs=2), has other settings."""
    described(name, lambda d: d["layers"][0].update(settings))


layer("an unknown layer", type="Conv2D")
layer("a type with a dotted path", type="chainrule.nn.Dense")
layer("a type that is a function of the system", type="os.system")
layer("a type that is a lambda", type="lambda: 0")
layer("a type that is marshalled code", type=base64.b64encode(marshal.dumps(signed.__code__)).decode())
layer("a type that is a path", type="/bin/sh")
layer("a type that is an address", type="http://example.com/layer.py")
layer("a type with two underscores", type="__import__")
layer("a type that is a built-in class", type="Op")
layer("a type that holds functions", type="Activation", function="os.system", derivative="os.system")
layer("a type that is a list", type=["Dense"])
layer("a type of a megabyte", type="D" * 300_000)
layer("more than 2^40 units", units=2**40)
layer("2^31 units", units=2**31 - 1)
layer("more units than the file has numbers for", units=30_000)
layer("inputs that don't fit", inputs=30_000)
for value in (-1, 0, 3.0, True, "3", None, [3], 10**39):
    layer(f"units {value!r}", units=value)
for value in (1, "yes", None, 0.0):
    layer(f"use_bias {value!r}", use_bias=value)
for value in ("x\0", "a.b", "x" * 600, "../x", 3, "x\u202e"):
    layer(f"a layer named {value!a:.12}", name=value)
layer("an unknown setting", safe_mode=False)
layer("a setting with two underscores", __class__="Dense")
layer("an initializer that is a layer", initializer={"type": "Tanh"})
layer("an initializer that is a text", initializer="He")
described("a missing setting", lambda d: d["layers"][0].pop("use_bias"))
for value in (-0.1, 1.0, "0.5", None, 10**39):
    described(f"a dropout of {value!r}", lambda d, value=value: d["layers"][2].update(rate=value))
for value in (0, -1.0, "fast", None, {"type": "Constant", "value": 0.1}, {"type": "Warmup"}):
    described(f"a learning rate of {value!r}", lambda d, value=value: d["optimizer"].update(learning_rate=value))
described("no layers", lambda d: d.update(layers=[]))
described("layers that are a text", lambda d: d.update(layers="Dense"))
described("a loss among the layers", lambda d: d["layers"].append({"type": "MeanSquaredError"}))
described("a layer as the loss", lambda d: d.update(loss={"type": "Tanh"}))
described("a layer as the optimizer", lambda d: d.update(optimizer={"type": "Tanh"}))
described(
    "another optimizer than the arrays'",
    lambda d: d.update(
        optimizer={
            "type": "Adagrad",
            "learning_rate": 0.1,
            "epsilon": 1e-7,
            "clip_value": None,
            "clip_norm": None,
            "ema": None,
        }
    ),
)
described("an unknown dtype", lambda d: d.update(dtype="float16"))
described("another dtype than the arrays'", lambda d: d.update(dtype="float64"))
described("a dtype with code", lambda d: d.update(dtype="O,O"))
for value in (-1, 2**64, 1.5, "0", None):
    described(f"a seed of {value!r}", lambda d, value=value: d.update(seed=value))
described("classes that are a text", lambda d: d.update(classes="abc"))
described("inputs of another shape", lambda d: d.update(inputs=[3]))
described("inputs of a terabyte", lambda d: d.update(inputs=[2**31 - 1, 2**31 - 1]))
for name, size in (("short", 1), ("long", 2**31 - 1)):
    named = {"type": "Branches", "branches": [[]], "shapes": [["a", [size]]], "name": None}
    described(f"named inputs that are too {name}", lambda d, named=named: d["layers"].insert(0, named))
for value in ([["a"]], [[1, [2]]], [["a", [2]], ["b", [2]]], "ab", 3):
    named = {"type": "Branches", "branches": [[]], "shapes": value, "name": None}
    described(f"shapes of inputs {value!r}", lambda d, named=named: d["layers"].insert(0, named))
described("no network but a layer", {"type": "Tanh"})
described("an empty description", {})
described("a description that is a list", [])
described("a description that is null", None)
described("a reference to nothing", lambda d: d["layers"].append({"type": "same", "id": 1}))
described("an id twice", lambda d: [layer.update(id=1) for layer in (d["layers"][0], d["layers"][3])])
described("a network inside itself", lambda d: d.update(id=1, layers=[{"type": "same", "id": 1}]))
described("another layer too many", lambda d: d["layers"].append(dict(d["layers"][3])))
described("a layer missing", lambda d: d["layers"].pop())
described("3,000 layers too many", lambda d: d["layers"].extend([dict(d["layers"][3])] * 3_000))
described("70,000 layers", lambda d: d["layers"].extend([{"type": "Tanh"}] * 70_000))
described("100,000 lists", lambda d: d.update(classes=[[]] * 100_000))


def deep(depth: int) -> Any:
    data: Any = {"type": "Tanh"}
    for _ in range(depth):
        data = {"type": "Residual", "layers": [data], "name": None}
    return data


described("layers 100 deep", lambda d: d["layers"].append(deep(100)))
parts("lists 100,000 deep", lambda f: setattr(f, "description", "[" * 100_000 + "]" * 100_000))
parts(
    "layers 10,000 deep", lambda f: setattr(f, "description", '{"type":"Residual","layers":[' * 10_000 + "]}" * 10_000)
)
parts("a description with a name twice", lambda f: setattr(f, "description", '{"type":"Tanh","type":"Tanh"}'))
parts("a description with a NaN", lambda f: setattr(f, "description", '{"type":"LeakyReLU","slope":NaN}'))


def doubling(times: int) -> list[dict[str, Any]]:
    return [{"type": "Branches", "branches": [[], []], "name": None} for _ in range(times)]


described("outputs doubled 40 times", lambda d: d.update(layers=[d["layers"][0], *doubling(40)]))


def widen_and_narrow(description: Any) -> None:
    keys = [{"type": "slice", "start": 0, "stop": stop, "step": None} for stop in (1, 3)]
    description["layers"][3:3] = [*doubling(22), {"type": "Slice", "key": keys}]


described("outputs doubled 22 times, then narrow again", widen_and_narrow)


def tower(height: int) -> list[Any]:
    """Each layer is the one before it, twice."""
    layers: list[Any] = [{"type": "Residual", "id": 1, "layers": [{"type": "Tanh"}], "name": None}]
    for i in range(1, height):
        again = [{"type": "same", "id": i}, {"type": "same", "id": i}]
        layers.append({"type": "Residual", "id": i + 1, "layers": again, "name": None})
    return layers


described("a tower of references, 2^40 layers high", lambda d: d["layers"].extend(tower(40)))


def network_inside(forgery: Forgery) -> None:
    inner = dict(forgery.description)
    inner["layers"] = [{**inner["layers"][0], "inputs": 40_000, "units": 40_000}]
    inner["inputs"] = [40_000]
    forgery.description["layers"].append(inner)


parts("a network inside that is too large", network_inside)

# ------------------------------------------------------------------ the state


def state(name: str, /, **entries: Any) -> None:
    parts(name, lambda forgery: forgery.state.update(entries))


for steps in (-1, 10**30, 1.0, True, "1", None, 2**53 + 1):
    state(f"steps {steps!r}", steps=steps)
for shape in ([3], [], [0], [-2], [2.0], ["2"], [True], None, 2, "2", [2**31], [2**30, 2**30], [2] * 100):
    state(f"sample_shape {shape!r:.20}", sample_shape=shape)
for frozen in (None, "dense_1.bias", ["nothing"], [1], ["dense_1.bias"], ["dense_1.bias"] * 2, [["dense_1.bias"]], {}):
    state(f"frozen {frozen!r}", frozen=frozen)
state("a state with an unknown entry", code="x")
for rate in (-0.1, "0.1", True, [0.1], 1):
    state(f"learning_rate {rate!r}", learning_rate=rate)
for found in (1.0, [16, 1.0], [0, 1.0, 2.0], [16, 2.0, 1.0], [16, -1.0, 1.0], [1.0, 1.0, 2.0], [16, "1", 2.0], {}):
    state(f"input_range {found!r}", input_range=found)
parts("a state with an entry missing", lambda f: f.state.pop("steps"))
parts("a state that is a list", lambda f: setattr(f, "state", []))
parts("a state that is no JSON", lambda f: setattr(f, "state", "os.system('ls')"))


def generator(name: str, /, **entries: Any) -> None:
    good = {"bit_generator": "PCG64", "state": {"state": 1, "inc": 3}, "has_uint32": 0, "uinteger": 0}
    state(f"a generator with {name}", generators={"dropout_1": {**good, **entries}})


generator("another algorithm", bit_generator="MT19937")
generator("an unknown entry", code="x")
generator("a number for a state", state=1)
generator("a state of 2^128", state={"state": 2**128, "inc": 3})
generator("a negative state", state={"state": -1, "inc": 3})
generator("a text for a state", state={"state": "1", "inc": 3})
generator("an even increment", state={"state": 1, "inc": 2})
generator("an increment missing", state={"state": 1})
generator("half a number left of 3", has_uint32=3)
generator("half a number of 2^32", uinteger=2**32)
generator("a truth for a number", uinteger=False)
state("generators that are a list", generators=[])
state("a generator that is null", generators={"dropout_1": None})

# ------------------------------------------------------------------ arrays that don't fit the description


def array(name: str, key: str, change: Callable[[np.ndarray[Any, Any]], Any]) -> None:
    parts(name, lambda forgery: forgery.arrays.update({key: change(forgery.arrays[key])}))


parts("weights missing", lambda f: f.arrays.pop("dense_1.weights"))
parts("an array too many", lambda f: f.arrays.update(extra=np.zeros(1, np.float32)))
parts("an optimizer's array missing", lambda f: f.arrays.pop("optimizer:m.0"))
parts("no optimizer's arrays", lambda f: [f.arrays.pop(n) for n in list(f.arrays) if n.startswith("optimizer")])
parts("an optimizer's array too many", lambda f: f.arrays.update({"optimizer:m.9": np.zeros(3, np.float32)}))
parts(
    "an optimizer's array called otherwise", lambda f: f.arrays.update({"optimizer:n.0": f.arrays.pop("optimizer:m.0")})
)
array("weights turned", "dense_1.weights", np.transpose)
array("weights too large", "dense_1.weights", lambda a: np.zeros((2, 4), np.float32))
array("weights in float64", "dense_1.weights", lambda a: a.astype(np.float64))
array("weights that are bytes", "dense_1.weights", lambda a: np.zeros(a.shape, np.uint8))
array("a bias with another axis", "dense_1.bias", lambda a: a.reshape(1, 3))
array("an optimizer's array of another network", "optimizer:v.0", lambda a: np.zeros(a.size - 1, np.float32))
array("an optimizer's array in float64", "optimizer:v.0", lambda a: a.astype(np.float64))
parts("another name of a layer", lambda f: f.arrays.update({"dense_9.bias": f.arrays.pop("dense_2.bias")}))


def large_without_slots(forgery: Forgery) -> None:
    """8 MB of weights, for which the optimizer would make 16 MB more."""
    forgery.description["layers"] = [{**forgery.description["layers"][0], "inputs": 1000, "units": 2000}]
    forgery.state["sample_shape"] = [1000]
    forgery.arrays = {
        "dense_1.weights": np.zeros((1000, 2000), np.float32),
        "dense_1.bias": np.zeros(2000, np.float32),
    }


parts("a large network without the optimizer's arrays", large_without_slots)
