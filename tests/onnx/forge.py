"""ONNX files written byte by byte, so that they can be wrong in every way; no package for ONNX would write these."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

FLOAT, INT64, DOUBLE = 1, 7, 11


def varint(number: int) -> bytes:
    number %= 1 << 64
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: int | float | str | bytes) -> bytes:
    """Return a field of a message: a number, or something with a length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def attribute(name: str, value: int | float | bytes | Sequence[int]) -> bytes:
    if isinstance(value, int):
        told = field(3, value) + field(20, 2)
    elif isinstance(value, float):
        told = field(2, value) + field(20, 1)
    elif isinstance(value, bytes):
        told = field(5, value) + field(20, 4)
    else:
        told = b"".join(field(8, number) for number in value) + field(20, 7)
    return field(1, name) + told


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], *attributes: bytes, domain: str = "") -> bytes:
    parts = [field(1, name) for name in inputs] + [field(2, name) for name in outputs] + [field(4, op)]
    parts += [field(5, given) for given in attributes] + ([field(7, domain)] if domain else [])
    return b"".join(parts)


def tensor(
    name: str, value: object, dims: Sequence[int] | None = None, kind: int | None = None, more: bytes = b""
) -> bytes:
    """Return a tensor with the bytes of an array, but dims and type as told."""
    array = np.asarray(value)
    kinds = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64, np.dtype(np.float64): DOUBLE}
    shape = array.shape if dims is None else dims
    head = b"".join(field(1, size) for size in shape) + field(2, kinds[array.dtype] if kind is None else kind)
    return head + field(8, name) + (field(9, array.tobytes()) if array.size else b"") + more


def value(name: str, *dims: int | str, kind: int = FLOAT) -> bytes:
    sizes = b"".join(field(1, field(1 if isinstance(size, int) else 2, size)) for size in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, sizes)))


def graph(
    nodes: Sequence[bytes],
    tensors: Sequence[bytes] = (),
    inputs: Sequence[bytes] = (value("input", "n", 2),),
    outputs: Sequence[bytes] = (value("output", "n", 3),),
    more: bytes = b"",
) -> bytes:
    parts = [field(1, part) for part in nodes] + [field(2, "forged")] + [field(5, part) for part in tensors]
    return b"".join([*parts, *(field(11, part) for part in inputs), *(field(12, part) for part in outputs), more])


def opset(version: int, domain: str = "") -> bytes:
    return field(1, domain) + field(2, version)


def model(inside: bytes, *, version: int = 8, opsets: Sequence[bytes] = (opset(18),), more: bytes = b"") -> bytes:
    return field(1, version) + field(7, inside) + b"".join(field(8, part) for part in opsets) + more


WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)
GEMM = node("Gemm", ["input", "w"], ["output"])
GOOD = model(graph([GEMM], [tensor("w", WEIGHTS)]))


def of(*nodes: bytes, tensors: Sequence[bytes] = (), features: int = 2, **given: Sequence[bytes]) -> bytes:
    """Return a model of these nodes, with the weights w and further constants."""
    inputs = given.get("inputs", (value("input", "n", features),))
    outputs = given.get("outputs", (value("output", "n", 3),))
    return model(graph(nodes, [tensor("w", WEIGHTS), *tensors], inputs, outputs))


def after_gemm(op: str, *attributes: bytes, tensors: Sequence[bytes] = (), inputs: Sequence[str] = ()) -> bytes:
    """Return a model of a product with weights, and then this node."""
    first = node("Gemm", ["input", "w"], ["h"])
    return of(first, node(op, ["h", *inputs], ["output"], *attributes), tensors=tensors)
