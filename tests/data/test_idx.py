"""IDX files: read exactly, and refused as soon as header and content disagree."""

from __future__ import annotations

import gzip
import os
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import read_idx
from chainrule.errors import FileError, InputError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def header(*sizes: int, code: int = 0x08, dimensions: int | None = None) -> bytes:
    count = len(sizes) if dimensions is None else dimensions
    return bytes([0, 0, code, count]) + b"".join(size.to_bytes(4, "big") for size in sizes)


GOOD = header(2, 3) + bytes(range(6))
PACKED = gzip.compress(GOOD)


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_type_is_read_in_the_machines_byte_order(tmp_path: Path, kind: str, pack: Callable[..., bytes]) -> None:
    values = np.array([[[1, -2], [3, 100]], [[5, 6], [7, -128]]]).astype(kind)
    path = tmp_path / "values"
    path.write_bytes(pack(header(2, 2, 2, code=CODES[kind]) + values.astype(f">{kind}").tobytes()))
    array = read_idx(path)
    assert array.dtype == np.dtype(kind)
    assert array.dtype.isnative
    assert np.array_equal(array, values)
    assert array.flags.writeable


@pytest.mark.parametrize("form", [str, Path])
def test_a_path_may_be_a_string_or_a_path(tmp_path: Path, form: Callable[[Path], str | Path]) -> None:
    path = tmp_path / "values"
    path.write_bytes(GOOD)
    assert read_idx(form(path)).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("cut", [1, 3, 7, 17])
@pytest.mark.parametrize("between", [b"", bytes(9), bytes(200_000), gzip.compress(b"")], ids=len)
def test_gzip_of_several_members_is_one_file(tmp_path: Path, between: bytes, cut: int) -> None:
    path = tmp_path / "values"
    path.write_bytes(gzip.compress(GOOD[:cut]) + between + gzip.compress(GOOD[cut:]) + between)
    assert read_idx(path).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_gzip_header_may_hold_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / "values"
    path.write_bytes(b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 300_000 + b"\0" + PACKED[10:])
    assert read_idx(path).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("level", [0, 1, 9])
def test_what_is_packed_in_many_pieces_is_unpacked(tmp_path: Path, level: int) -> None:
    path = tmp_path / "values"
    values = np.random.default_rng(level).integers(0, 3, 700_001).astype(np.uint8)
    path.write_bytes(gzip.compress(header(len(values)) + values.tobytes(), level))
    assert np.array_equal(read_idx(path), values)


HOSTILE = {
    "empty": (b"", "starts with the bytes (none)"),
    "three bytes": (b"\0\0\x08", "starts with the bytes 00 00 08"),
    "another magic": (b"\x01" + GOOD[1:], "starts with the bytes 01 00 08 02"),
    "unknown type": (header(2, 3, code=0x0A) + bytes(6), "starts with the bytes 00 00 0a 02"),
    "no dimensions": (header() + b"\0", "0 dimensions"),
    "33 dimensions": (header(*[1] * 33) + b"\0", "33 dimensions"),
    "255 dimensions": (header(dimensions=255) + bytes(20), "255 dimensions"),
    "cut in the sizes": (GOOD[:10], "ends after 6 of 8 bytes"),
    "cut in the values": (GOOD[:-1], "17 bytes whose header asks for 18"),
    "bytes after the end": (GOOD + b"\0", "19 bytes whose header asks for 18"),
    "size of zero": (header(0, 3), "without values"),
    "zero times huge": (header(0, 2**32 - 1), "without values"),
    "absurd": (header(2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(6), "asks for"),
    "absurd in 32 dimensions": (header(*[2**32 - 1] * 32) + bytes(6), "asks for"),
    "wrong width of values": (header(2, 3, code=0x0E) + bytes(6), "asks for 60"),
    "gzip of nothing": (gzip.compress(b""), "starts with the bytes (none)"),
    "gzip cut": (PACKED[:-9], "damaged or cut short"),
    "gzip cut in its header": (PACKED[:5], "damaged or cut short"),
    "gzip without its checksum": (PACKED[:-8], "damaged or cut short"),
    "gzip with a wrong checksum": (PACKED[:-8] + bytes(4) + PACKED[-4:], "damaged or cut short"),
    "gzip with damaged data": (PACKED[:10] + b"\xff\xff" + PACKED[12:], "damaged or cut short"),
    "gzip, then something else": (PACKED + b"more", "damaged or cut short"),
    "gzip, values missing": (gzip.compress(GOOD[:-1]), "ends after 5 of 6 bytes"),
    "gzip, values too many": (gzip.compress(GOOD + b"\0"), "bytes after the last value"),
    "gzip in gzip": (gzip.compress(PACKED), "starts with the bytes 1f 8b"),
    "gzip, absurd": (gzip.compress(header(2**32 - 1, 2**32 - 1) + bytes(6)), "at most 33554432"),
    "gzip with a name without end": (b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 300_000, "damaged or cut short"),
    "gzip of many parts with nothing in them": (gzip.compress(b"") * 1000, "nothing in its many parts"),
    "gzip, size of zero": (gzip.compress(header(0)), "without values"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path: Path, name: str) -> None:
    content, said = HOSTILE[name]
    path = tmp_path / "values"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"read_idx '.*values': got .*, but expected .*\. .*\.") as caught:
        read_idx(path)
    assert said in str(caught.value)


def test_sizes_are_refused_before_memory_is_reserved(tmp_path: Path) -> None:
    path = tmp_path / "values"
    for content in (header(2**31), gzip.compress(header(2**31) + bytes(1000))):
        path.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(FileError):
            read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**22


def test_unpacking_stops_where_the_header_ends(tmp_path: Path) -> None:
    bomb = zlib.compressobj(9, wbits=31)
    packed = bomb.compress(header(4)) + bomb.compress(bytes(2**26)) + bomb.flush()
    path = tmp_path / "bomb"
    path.write_bytes(packed)
    tracemalloc.start()
    with pytest.raises(FileError, match="bytes after the last value"):
        read_idx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


def test_values_that_do_not_fit_into_memory_are_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> Any:
        raise MemoryError

    path = tmp_path / "values"
    path.write_bytes(GOOD)
    monkeypatch.setattr(np, "empty", full)
    with pytest.raises(FileError, match="expected values that fit into memory"):
        read_idx(path)


@pytest.mark.parametrize("reason", ["missing", "folder", "NUL in the name"])
def test_what_is_no_file_is_refused(tmp_path: Path, reason: str) -> None:
    path = {"missing": str(tmp_path / "nowhere"), "folder": str(tmp_path), "NUL in the name": "a\0b"}[reason]
    with pytest.raises(FileError, match=r"read_idx .*: got .*, but expected"):
        read_idx(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(FileError, match="got a pipe or a device"):
        read_idx(path)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="this system has no /dev/zero")
def test_a_device_is_refused() -> None:
    with pytest.raises(FileError, match="got a pipe or a device"):
        read_idx("/dev/zero")


@pytest.mark.parametrize("path", [None, 3, b"values", ["values"]], ids=repr)
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(InputError, match=r"read_idx: got .*, but expected a path"):
        read_idx(path)


def test_a_name_is_shown_escaped(tmp_path: Path) -> None:
    path = tmp_path / "bad\nname\x1b[31m\u202e"
    path.write_bytes(b"nonsense")
    with pytest.raises(FileError) as caught:
        read_idx(path)
    assert str(caught.value).isprintable()
