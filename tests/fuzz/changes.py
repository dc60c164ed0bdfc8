"""Ways to break a file: bytes anywhere, or a part of what it is made of, put together again so that it is looked at.

Each takes a generator, by which the change is decided: the same generator, the same change.
"""

from __future__ import annotations

import contextlib
import copy
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Rng = np.random.Generator
Change = Callable[[bytes, Rng], bytes]

WORDS = [
    "", "Tanh", "Dense", "same", "slice", "type", "id", "F32", "F64", "os.system", "__import__", "\0", "\ud800", "é",
    "\x1b[31m\u202e", "x" * 300, "1", "nan", "2-3-1", "2-999999999-1",
]  # fmt: skip
NUMBERS = [
    0, 1, -1, 2, 3, 7, 300, 2**31 - 1, 2**31, 2**40, 2**52, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, 10**100, 0.5, -0.0,
    -0.5, 1e308, -1e308, 1e-320, float("nan"), float("inf"),
]  # fmt: skip
OTHERS: list[Any] = [None, True, False, [], {}, [[]], [{}], {"type": "Tanh"}, {"type": "same", "id": 1}]
TOKENS = [
    b'"', b"'", b"\\", b"[", b"]", b"{", b"}", b",", b";", b":", b"=", b"#", b"\n", b"\r", b"\t", b" ", b"\0", b"-",
    b"_", b".", b"`", b"\\ud800", b"\xff", b"\xef\xbb\xbf", b"NaN", b"nan", b"inf", b"true", b"null", b"1e999",
    b"9" * 400, b"9" * 5000, b"0x" + b"f" * 5000, b"[" * 2000, b"2026-01-01", b"12:00:00", b'"""',
]  # fmt: skip


def one_of(options: Sequence[Any], rng: Rng) -> Any:
    return options[int(rng.integers(len(options)))]


def deep(rng: Rng) -> Any:
    """Return lists or objects inside of each other, to a depth that is found deep somewhere."""
    value: Any = 1
    for _ in range(one_of([70, 200, 290, 310], rng)):
        value = [value] if rng.random() < 0.5 else {"a": value}
    return value


def random_value(rng: Rng) -> Any:
    pool: list[Any] = one_of([WORDS, NUMBERS, OTHERS], rng)
    return deep(rng) if rng.random() < 0.02 else copy.deepcopy(one_of(pool, rng))


def data_changed(data: Any, rng: Rng) -> Any:
    """Return plain data with one thing in it changed, removed, doubled, exchanged or new."""
    if not isinstance(data, (dict, list)) or not data or rng.random() < 0.05:
        return random_value(rng)
    keys: list[Any] = list(data) if isinstance(data, dict) else list(range(len(data)))
    key = one_of(keys, rng)
    if rng.random() < 0.6:
        data[key] = data_changed(data[key], rng)
        return data
    action = rng.integers(4)
    if action == 0:
        del data[key]
    elif action == 1:
        data[key] = random_value(rng)
    elif isinstance(data, list):
        data.insert(int(rng.integers(len(data) + 1)), copy.deepcopy(data[key]) if action == 2 else random_value(rng))
    elif action == 2:
        other = one_of(keys, rng)
        data[key], data[other] = data[other], data[key]
    else:
        data[one_of(WORDS, rng)] = random_value(rng)
    return data


def several(rng: Rng) -> range:
    return range(one_of([1, 1, 1, 2, 3], rng))


def bytes_changed(data: bytes, rng: Rng) -> bytes:
    """Return bytes of which some are changed, cut out, doubled, put in, or extreme numbers; or that end too early."""
    changed = bytearray(data)
    for _ in several(rng):
        start, length = int(rng.integers(len(changed) or 1)), int(rng.integers(1, 16))
        pieces = [
            rng.bytes(length), b"", bytes(changed[start : start + length]) * 2, bytes(length), b"\xff" * 4,
            b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", (int(rng.integers(256)),), changed[: int(rng.integers(64))],
        ]  # fmt: skip
        piece = bytes(one_of(pieces, rng))
        changed[start : start + (length if rng.random() < 0.5 else len(piece))] = piece
        if rng.random() < 0.05:
            del changed[start:]
    return bytes(changed)


def text_changed(data: bytes, rng: Rng) -> bytes:
    """Return a text with marks, words and numbers put in, that mean something to those who parse it."""
    changed = bytearray(data)
    for _ in several(rng):
        start = int(rng.integers(len(changed) + 1))
        changed[start : start + int(rng.integers(3))] = one_of(TOKENS, rng)
    return bytes(changed)


def lines_changed(data: bytes, rng: Rng) -> bytes:
    """Return a text whose lines are doubled, left out, exchanged, joined, or cut."""
    lines = data.splitlines(keepends=True)
    for _ in several(rng):
        i, j = (int(rng.integers(len(lines) or 1)) for _ in range(2))
        if not lines:
            break
        action = rng.integers(5)
        if action == 0:
            lines.insert(i, lines[j])
        elif action == 1:
            del lines[i]
        elif action == 2:
            lines[i], lines[j] = lines[j], lines[i]
        elif action == 3:
            lines[i] = lines[i].rstrip()
        else:
            lines[i] = lines[i][: int(rng.integers(len(lines[i]) + 1))]
    return b"".join(lines)


def array_changed(array: np.ndarray, rng: Rng) -> np.ndarray:
    """Return an array of another shape, of another type, or with another number in it."""
    if rng.random() < 0.4 and array.size:
        changed = array.copy()
        number = one_of([0, -1, 1e30, np.nan, np.inf, 2**62, 1e-45], rng)
        with np.errstate(all="ignore"):
            changed.reshape(-1)[int(rng.integers(array.size))] = np.float64(number).astype(array.dtype)
        return changed
    others = [
        array.reshape(-1), array[..., :1], array.astype(np.float64), array.astype(np.float32), np.tile(array, 2),
        array.T * 2, array[:0], array[None], array[1:],
    ]  # fmt: skip
    return np.ascontiguousarray(one_of(others, rng)) if array.ndim else array[None]


# ------------------------------------------------------------------ protobuf: fields, each a number and a value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number, shift, at = number | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return number, at


def _wired(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def fields_of(data: bytes) -> list[tuple[int, bytes]] | None:
    """Return the fields of a message, tag and value as they are; None if the bytes are none."""
    fields, at = [], 0
    try:
        while at < len(data):
            tag, at = _varint(data, at)
            if tag & 7 == 0:
                end = _varint(data, at)[1]
            elif tag & 7 == 2:
                length, at = _varint(data, at)
                end = at + length
            else:
                end = at + {1: 8, 5: 4}[tag & 7]
            if end > len(data) or not 0 < tag >> 3 < 30:
                return None
            fields.append((tag, data[at:end]))
            at = end
    except (IndexError, KeyError):
        return None
    return fields


def _joined(fields: list[tuple[int, bytes]]) -> bytes:
    return b"".join(_wired(tag) + (_wired(len(value)) if tag & 7 == 2 else b"") + value for tag, value in fields)


def _field_changed(data: bytes, rng: Rng) -> bytes:
    fields = fields_of(data)
    if not fields:
        return bytes_changed(data, rng)
    i = int(rng.integers(len(fields)))
    tag, value = fields[i]
    if tag & 7 == 2 and value and rng.random() < 0.75:
        fields[i] = (tag, _field_changed(value, rng))
        return _joined(fields)
    action = rng.integers(7)
    if action == 0:
        del fields[i]
    elif action == 1:
        fields.insert(int(rng.integers(len(fields) + 1)), fields[i])
    elif action == 2:
        fields[i] = ((int(rng.integers(1, 17)) << 3) | tag & 7, value)
    elif action == 3:
        fields[i] = (tag & ~7 | 2, one_of([b"", b"\xff" * 9, value, b"Relu", b"input", b"\x01" * 40], rng))
    elif action == 4:
        number = one_of([0, 1, 2, 7, 11, 2**31, 2**40, 2**63, 2**64 - 1], rng)
        fields[i] = (tag & ~7, _wired(number))
    elif action == 5:
        fields[i] = (tag & ~7 | 5, one_of([bytes(4), b"\xff" * 4, struct.pack("<f", 1e30), b"\0\0\x80\x7f"], rng))
    else:
        j = int(rng.integers(len(fields)))
        fields[i], fields[j] = fields[j], fields[i]
    return _joined(fields)


def protobuf_changed(data: bytes, rng: Rng) -> bytes:
    """Return a message with fields left out, doubled, of another number or type, or extreme, however deep inside."""
    for _ in several(rng):
        data = _field_changed(data, rng)
    return data


# ------------------------------------------------------------------ PNG and JPEG


def png_changed(data: bytes, rng: Rng) -> bytes:
    """Return a PNG with chunks left out, doubled, exchanged or changed inside, their checksums right."""
    chunks, at = [], 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    for _ in several(rng):
        i, j = (int(rng.integers(len(chunks))) for _ in range(2))
        kind, content = chunks[i]
        action = rng.integers(6)
        if action == 0 and len(chunks) > 1:
            del chunks[i]
        elif action == 1:
            chunks.insert(j, chunks[i])
        elif action == 2:
            chunks[i], chunks[j] = chunks[j], chunks[i]
        elif action == 3 and kind == b"IHDR" and len(content) >= 13:
            fields = list(struct.unpack(">IIBBBBB", content[:13]))
            fields[int(rng.integers(7))] = one_of([0, 1, 2, 3, 4, 6, 8, 16, 255], rng)
            chunks[i] = kind, struct.pack(">IIBBBBB", *fields)
        elif action == 4 and kind == b"IDAT":
            with contextlib.suppress(zlib.error):  # it may have been changed before
                content = zlib.decompressobj().decompress(content, 1 << 20)
            chunks[i] = kind, zlib.compress(bytes_changed(content, rng))
        else:
            others = [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf", b"zTXt", b"iCCP", b"acTL", b"fdAT", b"XXXX"]
            chunks[i] = (one_of(others, rng) if rng.random() < 0.3 else kind), bytes_changed(content, rng)
    return data[:8] + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def jpeg_changed(data: bytes, rng: Rng) -> bytes:
    """Return a JPEG with segments left out, doubled, exchanged or changed inside, their lengths right."""
    segments, at = [], 2
    while data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        segments.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    for _ in several(rng):
        i, j = (int(rng.integers(len(segments))) for _ in range(2))
        mark, content = segments[i]
        action = rng.integers(5)
        if action == 0 and len(segments) > 1:
            del segments[i]
        elif action == 1:
            segments.insert(j, segments[i])
        elif action == 2:
            segments[i], segments[j] = segments[j], segments[i]
        elif action == 3:
            segments[i] = int(rng.integers(0xC0, 0xFF)), content
        else:
            segments[i] = mark, bytes_changed(content, rng)[:65_000]
    head = b"".join(bytes([0xFF, m]) + struct.pack(">H", len(c) + 2) + c for m, c in segments)
    tail = data[at:] if rng.random() < 0.7 else bytes_changed(data[at:], rng)
    return data[:2] + head + tail


# ------------------------------------------------------------------ ZIP


def zip_changed(data: bytes, rng: Rng) -> bytes:
    """Return a ZIP with an extreme number in a header, in its list of members, or at its end."""
    changed = bytearray(data)
    for _ in several(rng):
        mark = one_of([b"PK\3\4", b"PK\1\2", b"PK\5\6"], rng)
        places = [at for at in range(len(changed)) if changed.startswith(mark, at)]
        if not places:
            break
        at = one_of(places, rng) + 4 + 2 * int(rng.integers(21))
        number = one_of([0, 1, 8, 12, 99, 255, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF, 46, 1 << 20], rng)
        width = 4 if rng.random() < 0.5 or number > 0xFFFF else 2
        changed[at : at + width] = number.to_bytes(width, "little")
    return bytes(changed)
