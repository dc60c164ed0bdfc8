"""Files broken at random: the reader refuses them with chainrule's own error, whatever is wrong, or they are whole.

``CHAINRULE_FUZZ=2000000`` makes a soak of it.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.errors import ChainruleError, FileError
from chainrule.files import load, rebuild
from tests.files.forge import Forgery, compact, signed
from tests.files.hostile import GOOD

COUNT = int(os.environ.get("CHAINRULE_FUZZ", "3000"))
WORDS = [
    "",
    "Tanh",
    "Dense",
    "same",
    "slice",
    "type",
    "id",
    "F32",
    "F64",
    "os.system",
    "__import__",
    "\0",
    "\ud800",
    "é",
    "x" * 300,
]
NUMBERS = [
    0,
    1,
    -1,
    2,
    3,
    7,
    2**31,
    2**40,
    2**63,
    2**64,
    10**30,
    10**100,
    0.5,
    -0.0,
    1e308,
    1e-320,
    float("nan"),
    float("inf"),
]
OTHERS: list[Any] = [None, True, False, [], {}, [[]], [{}], {"type": "Tanh"}, {"type": "same", "id": 1}]


def random_value(rng: np.random.Generator) -> Any:
    pool: list[Any] = [WORDS, NUMBERS, OTHERS][rng.integers(3)]
    return copy.deepcopy(pool[rng.integers(len(pool))])


def change_somewhere(data: Any, rng: np.random.Generator) -> Any:
    """Return plain data with one thing in it changed, removed, doubled, exchanged or new."""
    if not isinstance(data, (dict, list)) or not data or rng.random() < 0.05:
        return random_value(rng)
    keys: list[Any] = list(data) if isinstance(data, dict) else list(range(len(data)))
    key = keys[rng.integers(len(keys))]
    if rng.random() < 0.6:
        data[key] = change_somewhere(data[key], rng)
        return data
    action = rng.integers(4)
    if action == 0:
        del data[key]
    elif action == 1:
        data[key] = random_value(rng)
    elif isinstance(data, list):
        data.insert(int(rng.integers(len(data) + 1)), copy.deepcopy(data[key]) if action == 2 else random_value(rng))
    elif action == 2:
        other = keys[rng.integers(len(keys))]
        data[key], data[other] = data[other], data[key]
    else:
        data[WORDS[rng.integers(len(WORDS))]] = random_value(rng)
    return data


def broken_bytes(rng: np.random.Generator) -> bytes:
    """A file with bytes changed, cut out, doubled or put in."""
    data = bytearray(GOOD)
    for _ in range(rng.integers(1, 4)):
        start, length = int(rng.integers(len(data) or 1)), int(rng.integers(1, 16))
        piece = [rng.bytes(length), b"", bytes(data[start : start + length]) * 2, bytes(length)][rng.integers(4)]
        data[start : start + length] = piece
    return bytes(data)


def broken_header(rng: np.random.Generator) -> bytes:
    """A file whose header is another, with the right length and digest."""
    forgery = Forgery()
    header = forgery.header()
    for _ in range(rng.integers(1, 4)):
        header = change_somewhere(header, rng)
    return signed(compact(header), forgery.data())


def broken_text(rng: np.random.Generator) -> bytes:
    """A file whose header's text is changed, with the right length and digest."""
    forgery = Forgery()
    text = bytearray(compact(forgery.header()))
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(text)))
        tokens = [
            b'"',
            b"\\",
            b"[",
            b"]",
            b"{",
            b"}",
            b",",
            b":",
            b"\\ud800",
            b"\xff",
            b"NaN",
            b"1e999",
            b"9" * 400,
            b"-",
            b"\0",
        ]
        text[at : at + int(rng.integers(3))] = tokens[rng.integers(len(tokens))]
    return signed(bytes(text), forgery.data())


def broken_contents(rng: np.random.Generator) -> bytes:
    """A file with another description, another state or other arrays, well packed."""
    forgery = Forgery()
    for _ in range(rng.integers(1, 4)):
        part = rng.integers(3)
        if part == 0:
            forgery.description = change_somewhere(forgery.description, rng)
        elif part == 1:
            forgery.state = change_somewhere(forgery.state, rng)
        elif forgery.arrays:
            names = list(forgery.arrays)
            name = names[rng.integers(len(names))]
            array = forgery.arrays.pop(name)
            other = [array.reshape(-1), array[..., :1], array.astype(np.float64), np.tile(array, 2), array.T * np.nan]
            forgery.arrays[[name, names[0], "x.y", "optimizer:x"][rng.integers(4)]] = other[rng.integers(5)]
    return forgery.file()


def expect_ours(error: BaseException) -> None:
    """Fail if the error was another one first: chainrule's own classes must refuse by themselves."""
    cause: BaseException | None = error
    while cause is not None:
        text = f"{type(cause).__name__}: {cause}"
        assert isinstance(cause, (ChainruleError, ValueError, OSError)), text
        assert not isinstance(cause, Warning), text
        assert "can't be built" not in str(cause), text
        assert "refuses (" not in str(cause), text
        cause = cause.__cause__


def fresh(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)  # a file written over another is forced to the disk by some systems, which takes long
    path.write_bytes(data)


@pytest.mark.parametrize("make", [broken_bytes, broken_header, broken_text, broken_contents])
def test_only_our_error_ever_escapes(make: Callable[[np.random.Generator], bytes], tmp_path: Path) -> None:
    path, loaded = tmp_path / "a", 0
    for i in range(COUNT // 4):
        rng = np.random.default_rng([i, len(make.__name__)])
        data = make(rng)
        fresh(path, data)
        try:
            load(path)
        except FileError as error:
            expect_ours(error)
            continue
        except BaseException as error:
            raise AssertionError(f"{make.__name__} {i}: {type(error).__name__} escaped: {data!r:.2000}") from error
        loaded += 1  # changes that change nothing, or one setting into another good one
    assert loaded < COUNT / 4 / 4


def test_only_our_error_escapes_from_descriptions() -> None:
    for i in range(COUNT // 4):
        rng = np.random.default_rng([i, 99])
        data = Forgery().description
        for _ in range(rng.integers(1, 6)):
            data = change_somewhere(data, rng)
        try:
            rebuild(data, complete=bool(i % 2))
        except ChainruleError as error:
            expect_ours(error)
        except BaseException as error:
            raise AssertionError(f"{i}: {type(error).__name__} escaped: {data!r:.2000}") from error


def test_every_flipped_bit_is_seen(tmp_path: Path) -> None:
    path, bits = tmp_path / "a", 8 * len(GOOD)
    some = 2000 if COUNT >= 50_000 else 500
    chosen = range(bits) if COUNT > 100_000 else np.random.default_rng(7).choice(bits, some, replace=False).tolist()
    for bit in chosen:
        data = bytearray(GOOD)
        data[bit // 8] ^= 1 << bit % 8
        fresh(path, data)
        with pytest.raises(FileError):
            load(path)
