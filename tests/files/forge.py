"""Model files put together by hand, well signed, so that a test can make each part of one wrong in turn."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

import numpy as np

from chainrule.files import Contents
from chainrule.files.model import contents_of
from chainrule.nn import Dense, Dropout, Network
from chainrule.ops import Tanh
from chainrule.optim import Adam

ZEROS = "0" * 64
CODES = {"float32": "F32", "float64": "F64", "uint8": "U8", "int64": "I64"}


def small_network() -> Network:
    network = Network([Dense(3, inputs=2), Tanh(), Dropout(0.25), Dense(1)], optimizer=Adam(0.01), seed=3)
    network.compute_loss([[1.0, 2.0], [3.0, 4.0]], [[1.0], [0.0]])
    network.backward()
    network.optimize()
    return network


@cache
def _contents() -> Contents:
    return contents_of(small_network())


class Forgery:
    """The parts of a model file, to be changed and put together again."""

    def __init__(self, contents: Contents | None = None) -> None:
        contents = _contents() if contents is None else contents
        self.metadata: dict[str, Any] = dict(contents.metadata)
        self.description = json.loads(self.metadata.pop("description"))
        self.state = json.loads(self.metadata.pop("state"))
        self.arrays = {name: np.array(array) for name, array in contents.tensors.items()}

    def header(self) -> dict[str, Any]:
        """Return the header's data, its digest still zeros."""
        texts = {
            key: value if isinstance(value, str) else compact(value).decode("utf-8", "surrogatepass")
            for key, value in (("description", self.description), ("state", self.state))
        }
        table: dict[str, Any] = {"__metadata__": {**self.metadata, **texts, "sha256": ZEROS}}
        stop = 0
        for name, array in self.arrays.items():
            start, stop = stop, stop + array.nbytes
            code = CODES[str(array.dtype)]
            table[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [start, stop]}
        return table

    def data(self) -> bytes:
        return b"".join(array.tobytes() for array in self.arrays.values())

    def file(self) -> bytes:
        return signed(compact(self.header()), self.data())


def compact(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def signed(header: bytes, data: bytes) -> bytes:
    """Return a file with this header and data, its length and, if there is a place for it, its digest right."""
    header += b" " * (-len(header) % 8)
    prefix = len(header).to_bytes(8, "little")
    digest = hashlib.sha256(prefix + header + data).hexdigest()
    return prefix + header.replace(f'"sha256":"{ZEROS}"'.encode(), f'"sha256":"{digest}"'.encode(), 1) + data
