"""Reading a model file that anyone may have written: everything is checked before it is used.

The header is compared with the file's size before any array is made, the digest with the whole file before anything
in it is believed. Only the file itself is ever opened.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from chainrule.data.opening import file_size, open_file, shown
from chainrule.errors import FileError, nearest
from chainrule.files import strict_json
from chainrule.files.atomic import Path
from chainrule.files.container import (
    DTYPES,
    FORMAT,
    LONGEST_HEADER,
    MOST_AXES,
    MOST_MARKS,
    NO_DIGEST,
    VERSION,
    Contents,
    bad_name,
    digest_field,
    marks,
)

_COPY = "The file is damaged or was not written by chainrule: get another copy"
_LONGEST_AXIS = 2**31 - 1
_CHUNK = 1 << 20
_ENTRY = ("dtype", "shape", "data_offsets")

# What people pass instead of a model file, by its first bytes.
_OTHERS = {
    b"\x80": "a Python pickle, which can run code when it is opened",
    b"PK": "a ZIP archive (NPZ, Keras or PyTorch)",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "an NPY file",
    b"\xef\xbb\xbf": "text with a byte order mark",
    b"{": "JSON without the length before it",
}


@dataclass(frozen=True)
class Tensor:
    """Where an array lies: its dtype and shape, and its bytes from `start` to `stop`, counted behind the header."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Header:
    """The header of a model file, checked against its size.

    Attributes
    ----------
    metadata : mapping of str to str
    tensors : mapping of str to Tensor
        In the order of their bytes, without holes.
    raw : bytes
        The header as it is in the file, with its length before it.
    size : int
        How many bytes of arrays follow.
    """

    metadata: Mapping[str, str]
    tensors: Mapping[str, Tensor]
    raw: bytes
    size: int


def read_header(path: Path, *, where: str = "load") -> Header:
    """Return the header of a model file, without reading its arrays. Its digest has not been compared then.

    Raises
    ------
    FileError
        If the file is missing, no regular file, or its header not one that chainrule writes.
    """
    where_it_is = f"{where} {shown(path)}"
    with open_file(where, path) as file:
        return _header(where_it_is, file)


def read(path: Path, *, where: str = "load") -> Contents:
    """Return what is in a model file: the texts, and read-only arrays.

    Raises
    ------
    FileError
        If anything about the file is wrong, down to a single bit.
    """
    where_it_is = f"{where} {shown(path)}"
    with open_file(where, path) as file:
        header = _header(where_it_is, file)
        data = _data(where_it_is, file, header)
    told = header.metadata["sha256"]
    digest = hashlib.sha256(header.raw.replace(digest_field(told), digest_field(NO_DIGEST), 1))
    digest.update(data.data)
    if digest.hexdigest() != told:
        raise FileError(
            where_it_is,
            given="bytes that don't match the file's own SHA-256",
            expected="the file as it was saved",
            fix="It was damaged or changed since: get another copy",
        )
    data.flags.writeable = False
    tensors = {
        name: data[tensor.start : tensor.stop].view(tensor.dtype).reshape(tensor.shape)
        for name, tensor in header.tensors.items()
    }
    return Contents(header.metadata, tensors)


def _header(where: str, file: io.BufferedReader) -> Header:
    size = file_size(file)
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or not 0 < length <= min(size - 8, LONGEST_HEADER):
        given = next((kind for magic, kind in _OTHERS.items() if prefix.startswith(magic)), None)
        if given is None:
            given = f"a header of {length:,} bytes in a file of {size:,}" if len(prefix) == 8 else f"{size} bytes"
        _refuse(where, given, f"a model file, with a header of at most {LONGEST_HEADER:,} bytes")
    text = file.read(length)
    if len(text) != length:
        _refuse(where, "a file that became shorter while it was read", "one that stays as it is")
    if not text.startswith(b"{"):
        _refuse(where, f"a header that begins with {text[:1]!r}", "a JSON object")
    if marks(text) > MOST_MARKS:
        _refuse(where, f"{marks(text):,} lists, objects and keys in the header", f"at most {MOST_MARKS:,}")
    table = strict_json.loads(where, text.rstrip(b" "))
    metadata = table.pop("__metadata__", None)
    _expect_metadata(where, metadata)
    if text.count(digest_field(metadata["sha256"])) != 1:
        _refuse(where, "a digest that is not written as chainrule writes it", 'one "sha256":"…"')
    tensors = {name: _tensor(where, name, entry) for name, entry in table.items()}
    ordered = dict(sorted(tensors.items(), key=lambda item: (item[1].start, item[1].stop)))
    _expect_no_holes(where, ordered, size - 8 - length)
    return Header(metadata, ordered, prefix + text, size - 8 - length)


def _expect_metadata(where: str, metadata: Any) -> None:
    if not isinstance(metadata, dict) or any(not isinstance(value, str) for value in metadata.values()):
        _refuse(where, f"metadata {shown(metadata)}", "texts by name")
    if metadata.get("format") != FORMAT:
        raise FileError(
            where,
            given="a safetensors file of another program",
            expected="a model that chainrule saved",
            fix="Build the network here and copy the arrays into it: network.leaves has them by name",
        )
    version = metadata.get("version", "")
    if version != VERSION:
        newer = version.isascii() and version.isdigit() and len(version) < 9 and int(version) > int(VERSION)
        raise FileError(
            where,
            given=f"format version {shown(version)}",
            expected=f"version {VERSION}",
            fix="Upgrade chainrule: a newer one wrote this" if newer else _COPY,
        )
    digest = metadata.get("sha256", "")
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        _refuse(where, f"the digest {shown(digest)}", "a SHA-256, 64 hexadecimal digits")


def _tensor(where: str, name: str, entry: Any) -> Tensor:
    problem = bad_name(name)
    if problem:
        _refuse(where, f"an array named {shown(name)}, {problem}", "printable words with dots between them")
    where = f"{where}: {shown(name)}"
    if not isinstance(entry, dict) or set(entry) != set(_ENTRY):
        _refuse(where, shown(entry), "dtype, shape and data_offsets")
    code, shape, offsets = (entry[key] for key in _ENTRY)
    dtype = DTYPES.get(code) if isinstance(code, str) else None
    if dtype is None:
        raise FileError(
            where, given=f"dtype {shown(code)}", expected="a dtype of numbers", fix=nearest(str(code)[:20], DTYPES)
        )
    if not _whole(shape, _LONGEST_AXIS) or len(shape) > MOST_AXES:
        _refuse(where, f"shape {shown(shape)}", f"at most {MOST_AXES} whole numbers from 0 to {_LONGEST_AXIS}")
    if not _whole(offsets, 2**63) or len(offsets) != 2 or offsets[0] > offsets[1]:
        _refuse(where, f"data_offsets {shown(offsets)}", "two whole numbers, the first not above the second")
    start, stop = offsets
    if math.prod(shape) * dtype.itemsize != stop - start or math.prod(n or 1 for n in shape) > 2**60:
        _refuse(where, f"{stop - start:,} bytes for shape {shown(shape)} of {dtype}", "as many as the shape needs")
    return Tensor(dtype, tuple(shape), start, stop)


def _whole(numbers: Any, most: int) -> bool:
    return isinstance(numbers, list) and all(type(n) is int and 0 <= n <= most for n in numbers)


def _expect_no_holes(where: str, ordered: Mapping[str, Tensor], size: int) -> None:
    """Raise unless the arrays follow each other and fill the file to its end."""
    stops = [0, *(tensor.stop for tensor in ordered.values())]
    for (name, tensor), stop in zip(ordered.items(), stops):
        if tensor.start != stop:
            kind = "a hole before it" if tensor.start > stop else "bytes that another array has too"
            _refuse(f"{where}: {shown(name)}", kind, "arrays one after the other")
    if stops[-1] != size:
        _refuse(where, f"{size:,} bytes behind the header", f"{stops[-1]:,}, as the header says")


def _data(where: str, file: io.BufferedReader, header: Header) -> npt.NDArray[np.uint8]:
    try:
        data = np.empty(header.size, np.uint8)
    except MemoryError as error:
        raise FileError(
            where, given=f"{header.size:,} bytes", expected="what fits into memory", fix="Load it on a larger machine"
        ) from error
    view, done = data.data, 0
    while done < header.size:
        count = file.readinto(view[done : done + _CHUNK])
        if not count:
            _refuse(where, "a file that became shorter while it was read", "one that stays as it is")
        done += count
    if file.read(1):
        _refuse(where, "a file that became longer while it was read", "one that stays as it is")
    return data


def _refuse(where: str, given: str, expected: str) -> NoReturn:
    raise FileError(where, given=given, expected=expected, fix=_COPY)
