"""Model files as an enemy, a bad disk or another program would hand them over, by what is wrong with them."""

from __future__ import annotations

import base64
import json
import marshal
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.nn import Concatenate, Dense, Network, Residual
from chainrule.ops import Tanh
from tests.files.forge import ZEROS, Forgery, compact, signed, small_network

FILES: dict[str, Callable[[], bytes]] = {}


def file(name: str, make: Callable[[], bytes]) -> None:
    assert name not in FILES
    FILES[name] = make


def header(name: str, change: Callable[[dict[str, Any]], Any], *, data: bytes | None = None) -> None:
    """A file whose header is changed, and then signed."""

    def make() -> bytes:
        forgery = Forgery()
        table = forgery.header()
        changed = change(table)
        return signed(compact(table if changed is None else changed), forgery.data() if data is None else data)

    file(name, make)


def text(name: str, change: Callable[[str], str | bytes]) -> None:
    """A file whose header's text is changed, and then signed."""

    def make() -> bytes:
        forgery = Forgery()
        changed = change(compact(forgery.header()).decode())
        return signed(changed if isinstance(changed, bytes) else changed.encode(), forgery.data())

    file(name, make)


def parts(name: str, change: Callable[[Forgery], Any]) -> None:
    """A file with wrong contents, well packed."""

    def make() -> bytes:
        forgery = Forgery()
        change(forgery)
        return forgery.file()

    file(name, make)


def bare(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data


def tensor(name: str, /, **entries: Any) -> None:
    """A file in which the entry of the bias, 3 float32 from 0 to 12, is changed."""
    header(name, lambda table: table["dense_1.bias"].update(entries))


def spelt(name: str, other: str) -> None:
    """A file in which the bias has another name."""

    def rename(forgery: Forgery) -> None:
        forgery.arrays = {other if n == "dense_1.bias" else n: array for n, array in forgery.arrays.items()}

    parts(name, rename)


GOOD = Forgery().file()

# ------------------------------------------------------------------ the container
file("empty", lambda: b"")
file("seven bytes", lambda: GOOD[:7])
file("a length and nothing else", lambda: GOOD[:8])
file("a header of length 0", lambda: bytes(8) + GOOD[8:])
for bits in (20, 31, 32, 62, 63, 64):
    file(f"a header of 2^{bits} bytes", lambda bits=bits: (2**bits - (bits == 64)).to_bytes(8, "little") + GOOD[8:])
file("a header as long as the file", lambda: len(GOOD).to_bytes(8, "little") + GOOD[8:])
file("a header longer than the rest", lambda: (len(GOOD) - 7).to_bytes(8, "little") + GOOD[8:])
file("a header that is the whole rest", lambda: (len(GOOD) - 8).to_bytes(8, "little") + GOOD[8:])
file("a header one byte short", lambda: (int.from_bytes(GOOD[:8], "little") - 1).to_bytes(8, "little") + GOOD[8:])
file("one byte too few", lambda: GOOD[:-1])
file("one byte too many", lambda: GOOD + b"\0")
file("twice the same file", lambda: GOOD + GOOD)
file("all zeros", lambda: bytes(4096))
file("all ones", lambda: b"\xff" * 4096)
file("a byte order mark before it", lambda: b"\xef\xbb\xbf" + GOOD)
file("a byte order mark in the header", lambda: signed(b"\xef\xbb\xbf{}", b""))
file("space before the header", lambda: signed(b" {}", b""))
file("a pickle", lambda: pickle.dumps(np.ones(3)))
file("a pickle that would call something", lambda: b"cos\nsystem\n(S'echo broken'\ntR.")
file("a ZIP archive", lambda: b"PK\x03\x04" + bytes(100))
file("a gzip archive", lambda: b"\x1f\x8b\x08\x00" + bytes(100))
file("an HDF5 file", lambda: b"\x89HDF\r\n\x1a\n" + bytes(100))
file("an NPY file", lambda: b"\x93NUMPY\x01\x00v\x00" + bytes(118))
file("a flipped bit in the data", lambda: GOOD[:-5] + bytes([GOOD[-5] ^ 1]) + GOOD[-4:])
file("a description changed, not signed", lambda: GOOD.replace(b'rate\\":0.25', b'rate\\":0.75'))

# ------------------------------------------------------------------ JSON
for name, top in {"a list": "[]", "null": "null", "a number": "1", "nothing": "  ", "a text": '"{}"'}.items():
    file(f"{name} as a header", lambda top=top: signed(top.encode(), b""))
text("not JSON", lambda t: t[:-1])
text("two objects", lambda t: t + "{}")
text("a comma too many", lambda t: t[:-1] + ",}")
text("not UTF-8", lambda t: t.encode().replace(b"Tanh", b"T\xffnh"))
text("half a surrogate pair", lambda t: t.replace("Tanh", "\\ud800"))
text("half a surrogate pair in the bytes", lambda t: t.replace("Tanh", "\ud800").encode("utf-8", "surrogatepass"))
text("a NaN", lambda t: t[:-1] + ',"x":NaN}')
text("an infinity", lambda t: t[:-1] + ',"x":-Infinity}')
text("a number too large for a float", lambda t: t[:-1] + ',"x":1e999}')
text("a whole number of 5,000 digits", lambda t: t[:-1] + ',"x":' + "9" * 5000 + "}")
text("a depth of 100,000", lambda t: t[:-1] + ',"x":' + "[" * 100_000 + "]" * 100_000 + "}")
text("a depth of 150,000 objects", lambda t: t[:-1] + ',"x":' + '{"a":' * 150_000 + "1" + "}" * 150_000 + "}")
text("an array twice", lambda t: t.replace('"dense_1.weights":', '"dense_1.bias":'))
text("metadata twice", lambda t: t[:-1] + ',"__metadata__":{}}')
text("a key of an entry twice", lambda t: t.replace('"dtype":"F32"', '"dtype":"F32","dtype":"F32"', 1))
text("control characters in a text", lambda t: t.replace("Tanh", "Ta\x00nh"))
text("a million spaces", lambda t: t + " " * (1 << 20))
text("spaces almost up to the limit, then more", lambda t: "{" + " " * ((1 << 20) - len(t) - 100) + t[1:-1] + ',"x":1}')
text("a digest with a space before it", lambda t: t.replace('"sha256":', '"sha256": '))
text("a digest with an escaped name", lambda t: t.replace('"sha256":', '"sha25\\u0036":'))
header("no metadata", lambda t: {k: v for k, v in t.items() if k != "__metadata__"})
header("metadata that are a list", lambda t: {**t, "__metadata__": []})
header("metadata that are null", lambda t: {**t, "__metadata__": None})
header("metadata with a number", lambda t: t["__metadata__"].update(version=1))
header("metadata with an object", lambda t: t["__metadata__"].update(description={"type": "Tanh"}))
header("metadata with an unknown key", lambda t: t["__metadata__"].update(safe_mode="false"))
for key in ("format", "version", "description", "state", "sha256"):
    header(f"no {key}", lambda t, key=key: t["__metadata__"].pop(key) and None)
header("another program's format", lambda t: t["__metadata__"].update(format="pt"))
for name, version in {"future": "2", "zero": "0", "worded": "one", "negative": "-1", "long": "1" * 5000}.items():
    header(f"a {name} version", lambda t, version=version: t["__metadata__"].update(version=version))
for name, digest in {"empty": "", "short": "0" * 63, "SHA-1": "0" * 40, "capital": "A" * 64, "named": "md5:" + "0" * 60}.items():
    header(f"a digest that is {name}", lambda t, digest=digest: t["__metadata__"].update(sha256=digest))
header("a digest that is wrong", lambda t: t["__metadata__"].update(sha256="1" * 64))
header("a digest in the wrong place", lambda t: t["__metadata__"].pop("sha256") and t.update(sha256=ZEROS))
header("15,000 arrays", lambda t: t.update({f"a{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(15_000)}))
header("100,000 entries", lambda t: t.update({f"{i}": 1 for i in range(100_000)}))
header("a name of a megabyte", lambda t: t.update({"x" * 1_000_000: t.pop("dense_1.bias")}))

# ------------------------------------------------------------------ names
for name in ("", ".", "..", "a..b", "a/../b", "/etc/passwd", "C:\\x", "C:x", "a\\b", "x\0y", "x\ny", "x\x1b[31m", "x\u202ey"):
    spelt(f"an array called {name!a}", name)
for name in ("__class__", "dense_1.__init__", "x" * 600, ":bias", "other:bias", "optimizer:../m", "training:x", "a b:c"):
    spelt(f"an array called {name[:20]!a}", name)

# ------------------------------------------------------------------ tensors
for code in ("O", "V8", "S4", "U4", "M8", "BF16", "F16", "F8_E4M3", ">f4", "f4", "I32", "C64", "BOOL", "", "F" * 10_000, 32, None, ["F32"], True):
    tensor(f"dtype {code!r:.20}", dtype=code)
tensor("a dtype of another size", dtype="F64")
for shape in ([-3], [3.0], [True, 3], ["3"], [None], 3, None, "3", {}, [2**62, 4], [0, 2**62], [2**31], [1] * 64 + [3], [3, [1]], [4], []):
    tensor(f"shape {shape!r:.24}", shape=shape)
for offsets in ([12, 0], [-12, 0], [0, 11], [0, 13], [4, 16], [0, 2**63], [2**62, 2**62 + 12], [0.0, 12.0], [False, 12], [0], [0, 12, 24], 12, None, "0-12"):
    tensor(f"offsets {offsets!r:.30}", data_offsets=offsets)
tensor("an unknown key of an entry", strides=[4])
header("an entry without a shape", lambda t: t["dense_1.bias"].pop("shape") and None)
header("an entry that is a list", lambda t: {**t, "dense_1.bias": [1]})
header("two arrays in the same bytes", lambda t: t["dense_1.bias"].update(data_offsets=[0, 12]))
header("a hole", lambda t: {k: v for k, v in t.items() if k != "dense_1.weights"})
header("bytes that belong to nobody", lambda t: {k: v for k, v in t.items() if k != list(t)[-1]})
header("no data", lambda t: None, data=b"")
header("a terabyte in a few bytes", lambda t: t.update(big={"dtype": "F32", "shape": [2**28, 2**10], "data_offsets": [124, 124 + 2**40]}))

# ------------------------------------------------------------------ the description
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
    """A file in which the first layer, Dense(2, 3), has other settings."""
    described(name, lambda d: d["layers"][0].update(settings))


evil = lambda: print("evil")  # noqa: E731 -- code to be smuggled
layer("an unknown layer", type="Conv2D")
layer("a type with a dotted path", type="chainrule.nn.Dense")
layer("a type that is a function of the system", type="os.system")
layer("a type that is a lambda", type="lambda: 0")
layer("a type that is marshalled code", type=base64.b64encode(marshal.dumps(evil.__code__)).decode())
layer("a type that is a path", type="/bin/sh")
layer("a type that is an address", type="http://example.com/layer.py")
layer("a type with two underscores", type="__import__")
layer("a type that is a built-in class", type="Op")
layer("a type that holds functions", type="Activation", function="os.system", derivative="os.system")
layer("a type that is a list", type=["Dense"])
layer("a type of a megabyte", type="D" * 300_000)
layer("more than 2^40 units", outputs=2**40)
layer("2^31 units", outputs=2**31 - 1)
layer("more units than the file has numbers for", outputs=30_000)
layer("inputs that don't fit", inputs=30_000)
for value in (-1, 0, 3.0, True, "3", None, [3], 10**39):
    layer(f"outputs {value!r}", outputs=value)
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
described("another optimizer than the arrays'", lambda d: d.update(optimizer={"type": "Adagrad", "learning_rate": 0.1, "epsilon": 1e-7, "clip_value": None, "clip_norm": None}))
described("an unknown dtype", lambda d: d.update(dtype="float16"))
described("another dtype than the arrays'", lambda d: d.update(dtype="float64"))
described("a dtype with code", lambda d: d.update(dtype="O,O"))
for value in (-1, 2**64, 1.5, "0", None):
    described(f"a seed of {value!r}", lambda d, value=value: d.update(seed=value))
described("classes that are a text", lambda d: d.update(classes="abc"))
described("inputs of another shape", lambda d: d.update(inputs=[3]))
described("inputs of a terabyte", lambda d: d.update(inputs=[2**31 - 1, 2**31 - 1]))
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
parts("layers 10,000 deep", lambda f: setattr(f, "description", '{"type":"Residual","layers":[' * 10_000 + "]}" * 10_000))
parts("a description with a name twice", lambda f: setattr(f, "description", '{"type":"Tanh","type":"Tanh"}'))
parts("a description with a NaN", lambda f: setattr(f, "description", '{"type":"LeakyReLU","slope":NaN}'))


def doubling(times: int) -> list[dict[str, Any]]:
    return [{"type": "Concatenate", "branches": [[], []], "name": None} for _ in range(times)]


described("outputs doubled 40 times", lambda d: d.update(layers=[d["layers"][0], *doubling(40)]))


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
    inner["layers"] = [{**inner["layers"][0], "inputs": 40_000, "outputs": 40_000}]
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
state("a state with an unknown entry", learning_rate=0.1)
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
parts("an optimizer's array called otherwise", lambda f: f.arrays.update({"optimizer:n.0": f.arrays.pop("optimizer:m.0")}))
array("weights turned", "dense_1.weights", np.transpose)
array("weights too large", "dense_1.weights", lambda a: np.zeros((2, 4), np.float32))
array("weights in float64", "dense_1.weights", lambda a: a.astype(np.float64))
array("weights that are bytes", "dense_1.weights", lambda a: np.zeros(a.shape, np.uint8))
array("a bias with another axis", "dense_1.bias", lambda a: a.reshape(1, 3))
array("an optimizer's array of another network", "optimizer:v.0", lambda a: np.zeros(a.size - 1, np.float32))
array("an optimizer's array in float64", "optimizer:v.0", lambda a: a.astype(np.float64))
parts("another name of a layer", lambda f: f.arrays.update({"dense_9.bias": f.arrays.pop("dense_2.bias")}))
file("no network but its parts", lambda: Forgery(small_network()).file()[: len(GOOD) - 12])
