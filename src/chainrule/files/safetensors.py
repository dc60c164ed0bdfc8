"""The container of a model file: safetensors, whose metadata carry chainrule's own texts and a SHA-256.

Layout: 8 bytes with the header's length, little-endian; the header, JSON padded with spaces to a multiple of 8; the
arrays one after the other. The digest is that of the whole file with 64 zeros in its place. The header is written here
and not by the safetensors library, which orders metadata differently in every process: the same network must give the
same bytes. Every safetensors reader opens these files.

A file may come from a stranger: when it is read, its header is compared with its size before any array is made,
and the digest with the whole file before anything in it is believed. Only the file itself is ever opened.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from chainrule.data.opening import file_size, open_file, shown
from chainrule.errors import FileError, InputError, nearest
from chainrule.files import strict_json
from chainrule.files.atomic import Path, write_atomically
from chainrule.files.formats import LONGEST_START, expect_another
from chainrule.files.streams import Stream, called
from chainrule.ops import Array

FORMAT, VERSION = "chainrule", "1"
NO_DIGEST = "0" * 64
LONGEST_HEADER = 1 << 20
MOST_AXES = 32
MOST_MARKS = 100_000
LONGEST_TENSOR_NAME = 512

# safetensors' names of what chainrule stores; everything is little-endian.
DTYPES: dict[str, np.dtype[Any]] = {
    code: np.dtype(dtype) for code, dtype in (("F64", "<f8"), ("I64", "<i8"), ("F32", "<f4"), ("U8", "u1"))
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
    pieces = _pieces(where, contents)

    def pour(file: BinaryIO) -> None:
        file.writelines(pieces)

    write_atomically(path, pour, where=where)


def to_bytes(contents: Contents, *, where: str = "dumps") -> bytes:
    """Return what `write` would write.

    Raises
    ------
    InputError
        If something can't be stored.
    """
    return b"".join(_pieces(where, contents))


def _pieces(where: str, contents: Contents) -> list[bytes | memoryview]:
    """Return the header and the arrays, one after the other."""
    arrays = {name: _storable(where, name, array) for name, array in contents.tensors.items()}
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))  # keeps every array aligned
    header = _header(where, contents.metadata, [(name, arrays[name]) for name in order])
    parts = [_bytes(arrays[name]) for name in order]
    digest = hashlib.sha256(header)
    for part in parts:
        digest.update(part)
    return [header.replace(digest_field(NO_DIGEST), digest_field(digest.hexdigest()), 1), *parts]


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


_COPY = "The file is damaged or was not written by chainrule: get another copy"
_LONGEST_AXIS = 2**31 - 1
_CHUNK = 1 << 20
_ENTRY = ("dtype", "shape", "data_offsets")


class Source(Protocol):
    """What a model file is read from."""

    def read(self, count: int, /) -> bytes: ...

    def readinto(self, buffer: memoryview, /) -> int: ...


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
        return _read_header(where_it_is, file, file_size(file), path)


def read(path: Path, *, where: str = "load") -> Contents:
    """Return what is in a model file: the texts, and read-only arrays.

    Raises
    ------
    FileError
        If anything about the file is wrong, down to a single bit.
    """
    with open_file(where, path) as file:
        return _read(f"{where} {shown(path)}", file, file_size(file), path)


def from_bytes(data: bytes | bytearray | memoryview, *, where: str = "loads") -> Contents:
    """Return what is in the bytes of a model file, as `read` does."""
    return _read(where, io.BytesIO(data), memoryview(data).nbytes)


def from_stream(file: Any, *, where: str = "load") -> Contents:
    """Return what is in the model file that a file object gives from here on, as `read` does; what follows is left."""
    where = f"{where} from {called(file)}"
    return _read(where, Stream(where, file), None)


def _read(where_it_is: str, file: Source, size: int | None, path: object = "model") -> Contents:
    """Return what is in a model file of this size; None: it ends where its header says."""
    header = _read_header(where_it_is, file, size, path)
    data = _data(where_it_is, file, header, size)
    stated = header.metadata["sha256"]
    digest = hashlib.sha256(header.raw.replace(digest_field(stated), digest_field(NO_DIGEST), 1))
    digest.update(data.data)
    if digest.hexdigest() != stated:
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


def _read_header(where: str, file: Source, size: int | None, path: object = "model") -> Header:
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    most = LONGEST_HEADER if size is None else min(size - 8, LONGEST_HEADER)
    wanted = f"a model file, with a header of at most {LONGEST_HEADER:,} bytes"
    if len(prefix) < 8 or not 0 < length <= most:
        given = f"{len(prefix)} bytes"
        if len(prefix) == 8:
            given = f"a header of {length:,} bytes" + ("" if size is None else f" in a file of {size:,}")
        expect_another(where, path, prefix + file.read(LONGEST_START), "own", wanted)
        _refuse(where, given, wanted)
    text = file.read(length)
    if not text.startswith(b"{"):
        expect_another(where, path, prefix + text[:LONGEST_START], "own", wanted)
    if len(text) != length:
        _cut_short(where, size)
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
    stop = max((tensor.stop for tensor in ordered.values()), default=0)
    behind = stop if size is None else size - 8 - length
    _expect_no_holes(where, ordered, behind)
    return Header(metadata, ordered, prefix + text, behind)


def _expect_metadata(where: str, metadata: Any) -> None:
    if metadata is not None and (
        not isinstance(metadata, dict) or any(not isinstance(value, str) for value in metadata.values())
    ):
        _refuse(where, f"metadata {shown(metadata)}", "texts by name")
    if metadata is None or metadata.get("format") != FORMAT:
        raise FileError(
            where,
            given="a safetensors file of another program",
            expected="a model that chainrule saved",
            fix="Read PyTorch's and Keras' weights with cr.torch.load; others' arrays go into network.leaves, by name",
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


def _data(where: str, file: Source, header: Header, size: int | None) -> npt.NDArray[np.uint8]:
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
            _cut_short(where, size)
        done += count
    if size is not None and file.read(1):
        _refuse(where, "a file that became longer while it was read", "one that stays as it is")
    return data


def _cut_short(where: str, size: int | None) -> NoReturn:
    if size is None:
        _refuse(where, "bytes that end before the model does", "all of them")
    _refuse(where, "a file that became shorter while it was read", "one that stays as it is")


def _refuse(where: str, given: str, expected: str) -> NoReturn:
    raise FileError(where, given=given, expected=expected, fix=_COPY)
