"""What a model file is made of: a safetensors file whose metadata carry chainrule's own texts and a SHA-256.

The header is written here and not by the safetensors library, which orders metadata differently in every process:
the same network must give the same bytes. Every safetensors reader opens these files.

Layout: 8 bytes with the header's length, little-endian; the header, JSON padded with spaces to a multiple of 8; the
arrays one after the other. The digest is that of the whole file with 64 zeros in its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from chainrule.data.opening import shown
from chainrule.errors import InputError
from chainrule.files import strict_json
from chainrule.files.atomic import Path, write_atomically
from chainrule.ops import Array

FORMAT, VERSION = "chainrule", "1"
NO_DIGEST = "0" * 64
LONGEST_HEADER = 1 << 20
MOST_AXES = 32
MOST_MARKS = 100_000
LONGEST_TENSOR_NAME = 512

# safetensors' names of what chainrule stores; everything is little-endian.
DTYPES: dict[str, np.dtype[Any]] = {
    code: np.dtype(told) for code, told in (("F64", "<f8"), ("I64", "<i8"), ("F32", "<f4"), ("U8", "u1"))
}
_CODES = {dtype: code for code, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Contents:
    """What is in a file: texts by key, arrays by name.

    Attributes
    ----------
    metadata : mapping of str to str
    tensors : mapping of str to array
        Float32, float64, int64 or uint8. Names may begin with a section, ``"optimizer:m.0"``.
    """

    metadata: Mapping[str, str]
    tensors: Mapping[str, Array]


def write(path: Path, contents: Contents, *, where: str = "save") -> None:
    """Write a file atomically; the same contents give the same bytes.

    Raises
    ------
    InputError
        If something can't be stored. Nothing has been written then.
    FileError
        If the file can't be written.
    """
    arrays = {name: _storable(where, name, array) for name, array in contents.tensors.items()}
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))  # keeps every array aligned
    header = _header(where, contents.metadata, [(name, arrays[name]) for name in order])
    digest = hashlib.sha256(header)
    for name in order:
        digest.update(_bytes(arrays[name]))
    signed = header.replace(digest_field(NO_DIGEST), digest_field(digest.hexdigest()), 1)

    def pour(file: BinaryIO) -> None:
        file.write(signed)
        for name in order:
            file.write(_bytes(arrays[name]))

    write_atomically(path, pour, where=where)


def digest_field(digest: str) -> bytes:
    """Return the place of the digest in a header: quotes inside of texts are escaped, so there is only one."""
    return f'"sha256":"{digest}"'.encode()


def marks(header: bytes) -> int:
    """Return how many lists, objects and keys a header has at most, its texts' own included, without parsing it."""
    return header.count(b"[") + header.count(b"{") + header.count(b'":')


def bad_name(name: str) -> str | None:
    """Return what is wrong with a tensor's name, or None.

    A name is an optional section and dotted words, ``"optimizer:m.0"``; it is never a path, and never unprintable.
    """
    if len(name) > LONGEST_TENSOR_NAME:
        return "too long"
    section, colon, rest = name.rpartition(":")
    if colon and not (section.isascii() and section.isidentifier()):
        return "in no section"
    if not name.isprintable() or "/" in rest or "\\" in rest:
        return "with unprintable characters or slashes in it"
    if any(not word or word.startswith("__") for word in rest.split(".")):
        return "with a dot too many, or two underscores at the start"
    return None


def _header(where: str, metadata: Mapping[str, str], tensors: list[tuple[str, Array]]) -> bytes:
    table: dict[str, object] = {"__metadata__": {**metadata, "sha256": NO_DIGEST}}
    stop = 0
    for name, array in tensors:
        start, stop = stop, stop + array.nbytes
        table[name] = {"dtype": _CODES[array.dtype], "shape": list(array.shape), "data_offsets": [start, stop]}
    try:
        text = strict_json.dumps(table).encode("utf-8")
    except ValueError as error:
        raise InputError(
            where, given="a text with half a surrogate pair in it", expected="Unicode", fix="Correct it"
        ) from error
    text += b" " * (-len(text) % 8)
    if len(text) > LONGEST_HEADER or marks(text) > MOST_MARKS:
        raise InputError(
            where,
            given=f"a description of {len(text):,} bytes with {marks(text):,} parts, keys and lists",
            expected=f"at most {LONGEST_HEADER:,} bytes and {MOST_MARKS:,} of these",
            fix="Keep large settings in a layer's state: self.state(name, array)",
        )
    return len(text).to_bytes(8, "little") + text


def _storable(where: str, name: str, array: Array) -> Array:
    problem = bad_name(name)
    if problem:
        raise InputError(
            where,
            given=f"an array named {shown(name)}, {problem}",
            expected="printable words with dots between them",
            fix="Rename the layer or its parameter",
        )
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _CODES or array.ndim > MOST_AXES:
        raise InputError(
            where,
            given=f"{shown(name)} with dtype {array.dtype} and shape {array.shape}",
            expected="float32, float64, int64 or uint8, with at most 32 axes",
            fix="Convert it",
        )
    return array.astype(dtype, copy=False)


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data  # in C order, copied where the array is in another
