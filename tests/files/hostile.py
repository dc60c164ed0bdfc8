"""Model files as an enemy, a bad disk or another program would hand them over, by what is wrong with them.

Here the container and its header are wrong; `hostile_contents` has files whose description, state or arrays are.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.files.forge import ZEROS, Forgery, compact, signed

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
DIGESTS = {"empty": "", "short": "0" * 63, "SHA-1": "0" * 40, "capital": "A" * 64, "named": "md5:" + "0" * 60}
for name, digest in DIGESTS.items():
    header(f"a digest that is {name}", lambda t, digest=digest: t["__metadata__"].update(sha256=digest))
header("a digest that is wrong", lambda t: t["__metadata__"].update(sha256="1" * 64))
header("a digest in the wrong place", lambda t: t["__metadata__"].pop("sha256") and t.update(sha256=ZEROS))
NOTHING = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
header("15,000 arrays", lambda t: t.update({f"a{i}": NOTHING for i in range(15_000)}))
header("100,000 entries", lambda t: t.update({f"{i}": 1 for i in range(100_000)}))
header("a name of a megabyte", lambda t: t.update({"x" * 1_000_000: t.pop("dense_1.bias")}))

# ------------------------------------------------------------------ names
PATHS = ["", ".", "..", "a..b", "a/../b", "/etc/passwd", "C:\\x", "C:x", "a\\b", "optimizer:../m"]
NAMES = ["x\0y", "x\ny", "x\x1b[31m", "x\u202ey", "x\u2028", "__class__", "a.__init__", "x" * 600]
for name in (*PATHS, *NAMES, ":bias", "other:bias", "training:x", "a b:c", "optimizer:"):
    spelt(f"an array called {name[:20]!a}", name)

# ------------------------------------------------------------------ tensors
CODES = ["O", "V8", "S4", "U4", "M8", "BF16", "F16", "F8_E4M3", ">f4", "f4", "I32", "C64", "BOOL", "", "F" * 10_000]
for code in (*CODES, 32, None, ["F32"], True):
    tensor(f"dtype {code!r:.20}", dtype=code)
tensor("a dtype of another size", dtype="F64")
SHAPES = [[-3], [3.0], [True, 3], ["3"], [None], [2**62, 4], [0, 2**62], [2**31], [1] * 64 + [3], [3, [1]], [4], []]
for shape in (*SHAPES, 3, None, "3", {}):
    tensor(f"shape {shape!r:.24}", shape=shape)
OFFSETS = [[12, 0], [-12, 0], [0, 11], [0, 13], [4, 16], [0, 2**63], [2**62, 2**62 + 12], [0.0, 12.0], [False, 12]]
for offsets in (*OFFSETS, [0], [0, 12, 24], 12, None, "0-12"):
    tensor(f"offsets {offsets!r:.30}", data_offsets=offsets)
tensor("an unknown key of an entry", strides=[4])
header("an entry without a shape", lambda t: t["dense_1.bias"].pop("shape") and None)
header("an entry that is a list", lambda t: {**t, "dense_1.bias": [1]})
header("two arrays in the same bytes", lambda t: t["dense_1.bias"].update(data_offsets=[0, 12]))
header("a hole", lambda t: {k: v for k, v in t.items() if k != "dense_1.weights"})
header("bytes that belong to nobody", lambda t: {k: v for k, v in t.items() if k != list(t)[-1]})
header("no data", lambda t: None, data=b"")
TERABYTE = {"dtype": "F32", "shape": [2**28, 2**10], "data_offsets": [156, 156 + 2**40]}
header("a terabyte in a few bytes", lambda t: t.update(big=TERABYTE))
