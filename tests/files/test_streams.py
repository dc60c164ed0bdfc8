"""A model goes into any file object and comes out of it, byte for byte; what fails there is said in our voice."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule.errors import FileError, InputError
from chainrule.nn import Dense, Network
from chainrule.ops import Tanh

NETWORK = Network([Dense(300), Tanh(), Dense(2)], inputs=30, seed=1)
DATA = cr.dumps(NETWORK)


def same(network: Network) -> bool:
    return network.parameters.tobytes() == NETWORK.parameters.tobytes() and cr.dumps(network) == DATA


class Piecemeal(io.RawIOBase):
    """Takes and gives a few bytes at a time, as sockets and pipes do, and can't seek."""

    def __init__(self, data: bytes = b"") -> None:
        self.data, self.calls = bytearray(data), 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), 1000)
        part = self.data[:count]
        del self.data[:count]
        buffer[: len(part)] = part
        return len(part)

    def write(self, data: Any) -> int:
        self.calls += 1
        self.data += bytes(data[:50_000])
        return min(len(data), 50_000)


def test_a_file_a_buffer_and_bytes_hold_the_same(tmp_path: Path) -> None:
    cr.save(NETWORK, tmp_path / "a.safetensors")
    buffer = io.BytesIO()
    cr.save(NETWORK, buffer)
    assert (tmp_path / "a.safetensors").read_bytes() == buffer.getvalue() == DATA
    assert same(cr.loads(DATA))
    assert same(cr.loads(memoryview(bytearray(DATA))))
    assert same(cr.load(io.BytesIO(DATA)))
    with open(tmp_path / "b", "wb") as file:
        cr.save(NETWORK, file)
    with open(tmp_path / "b", "rb", buffering=0) as file:
        assert same(cr.load(file))


def test_one_write_takes_all_of_it() -> None:
    sizes: list[int] = []

    class Counted(io.BytesIO):
        def write(self, data: Any) -> int:
            sizes.append(len(data))
            return super().write(data)

    cr.save(NETWORK, Counted())
    assert sizes == [len(DATA)]


def test_streams_that_take_and_give_little_at_a_time_will_do() -> None:
    stream = Piecemeal()
    cr.save(NETWORK, stream)
    assert (bytes(stream.data), stream.calls) == (DATA, 2 + len(DATA) // 50_000 - 1)
    assert same(cr.load(stream))


def test_models_follow_each_other_in_one_stream() -> None:
    stream = io.BytesIO(DATA + DATA + b"the rest")
    assert same(cr.load(stream))
    assert same(cr.load(stream))
    assert stream.read() == b"the rest"


def test_a_compressed_file_is_a_file_object(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.gz", "wb") as file:
        cr.save(NETWORK, file)
    with gzip.open(tmp_path / "a.gz", "rb") as file:
        assert same(cr.load(file))


@pytest.mark.skipif(sys.platform == "win32", reason="its pipes have no file objects of this kind")
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_a_pipe_and_a_socket_that_stay_open_are_not_waited_for(kind: str) -> None:
    if kind == "pipe":
        ends = os.pipe()
        reading, writing = os.fdopen(ends[0], "rb", buffering=0), os.fdopen(ends[1], "wb", buffering=0)
    else:
        one, other = socket.socketpair()
        reading, writing = one.makefile("rb", buffering=0), other.makefile("wb", buffering=0)
        one.close()
        other.close()
    with reading, writing:
        thread = threading.Thread(target=cr.save, args=(NETWORK, writing))
        thread.start()
        assert same(cr.load(reading))
        thread.join()


def closed() -> io.BytesIO:
    file = io.BytesIO()
    file.close()
    return file


class Full(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


class Waiting(io.RawIOBase):
    def readable(self) -> bool:
        return True

    writable = readable

    def read(self, size: int = -1) -> None:
        return None

    def write(self, data: Any) -> None:
        return None


class Wrong:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def read(self, size: int) -> Any:
        return self.answer


NO_WRITING: dict[str, tuple[Any, type[Exception], str]] = {
    "text": (io.StringIO, InputError, "open\\(name, 'wb'\\)"),
    "for reading": (lambda: io.BufferedReader(io.BytesIO()), InputError, "open\\(name, 'wb'\\)"),
    "closed": (closed, FileError, "closed file"),
    "full": (Full, FileError, "No space left"),
    "would wait": (Waiting, FileError, "Let it block"),
}
NO_READING: dict[str, tuple[Any, type[Exception], str]] = {
    "text": (lambda: io.StringIO("{}"), InputError, "open\\(name, 'rb'\\)"),
    "for writing": (lambda: io.BufferedWriter(io.BytesIO()), InputError, "open\\(name, 'rb'\\)"),
    "closed": (closed, FileError, "closed file"),
    "would wait": (Waiting, FileError, "Let it block"),
    "gives text": (lambda: Wrong("{}"), InputError, "str of length 2"),
    "gives numbers": (lambda: Wrong(3), InputError, "got int from"),
    "gives too much": (lambda: Wrong(DATA), InputError, "at most as many"),
    "empty": (io.BytesIO, FileError, "0 bytes"),
    "cut in the header": (lambda: io.BytesIO(DATA[:100]), FileError, "end before the model does"),
    "cut in the arrays": (lambda: io.BytesIO(DATA[:-1]), FileError, "end before the model does"),
    "a bit changed": (lambda: io.BytesIO(DATA[:-1] + bytes([DATA[-1] ^ 1])), FileError, "SHA-256"),
    "a pickle": (lambda: io.BytesIO(b"\x80\x05" + bytes(100)), FileError, "a pickle"),
    "a long header": (lambda: io.BytesIO((1 << 40).to_bytes(8, "little") + bytes(100)), FileError, "1,099,511,627,776"),
    "bytes": (lambda: DATA, InputError, r"Call cr.loads\(data\)"),
}


@pytest.mark.parametrize("name", NO_WRITING)
def test_a_file_object_that_takes_no_bytes_is_refused(name: str) -> None:
    make, kind, message = NO_WRITING[name]
    with pytest.raises(kind, match=message):
        cr.save(NETWORK, make())


@pytest.mark.parametrize("name", NO_READING)
def test_a_file_object_without_a_model_is_refused(name: str) -> None:
    make, kind, message = NO_READING[name]
    with pytest.raises(kind, match=message):
        cr.load(make())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DATA + b"!", "as the header says"),
        (DATA[:-1], "as the header says"),
        (b"", "0 bytes"),
        ("a.safetensors", "for a path, cr.load"),
    ],
)
def test_bytes_that_are_no_model_are_refused(data: Any, message: str) -> None:
    with pytest.raises((FileError, InputError), match=message):
        cr.loads(data)


def test_a_model_that_promises_terabytes_is_refused_at_its_end() -> None:
    length = int.from_bytes(DATA[:8], "little")
    table = json.loads(DATA[8 : 8 + length])
    last = max(table, key=lambda name: table[name].get("data_offsets", [0, 0])[1])
    start = table[last]["data_offsets"][0]
    table[last] |= {"shape": [1 << 20, 1 << 20], "data_offsets": [start, start + (1 << 42)]}
    header = json.dumps(table, separators=(",", ":")).encode()
    with pytest.raises(FileError, match=r"end before the model does|fits into memory"):
        cr.load(io.BytesIO(len(header).to_bytes(8, "little") + header + bytes(1000)))
