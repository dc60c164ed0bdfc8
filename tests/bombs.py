"""Small files that ask for much: what each is, who reads it, and what has to become of it.

Packed zeros are put together from one packed megabyte, so that a gigabyte costs nothing to make.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MIB = 1 << 20


def packed(start: bytes, zeros: int, wbits: int) -> bytes:
    """Return some bytes and so many MiB of zeros, deflated; the checksum is not theirs."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = zlib.compressobj(9, zlib.DEFLATED, -15)
    mebibyte = piece.compress(bytes(MIB)) + piece.flush(zlib.Z_FULL_FLUSH)
    return head + mebibyte * zeros + packer.flush()


def idx(count: int) -> bytes:
    return bytes([0, 0, 8, 1]) + count.to_bytes(4, "big")


def npy(count: int) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count // 4}, 4), }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def zipped(*members: tuple[str, bytes, int]) -> bytes:
    """Return a ZIP of members: name, deflated bytes, and the size that they are said to unpack to."""
    data, directory = b"", b""
    for name, content, size in members:
        checksum = zlib.crc32(zlib.decompress(content, -15)) if content and size < 64 * MIB else 0
        told = struct.pack("<5H3I2H", 20, 0, 8, 0, 33, checksum, len(content), size, len(name), 0)
        directory += b"PK\1\2\x14\0" + told + struct.pack("<3H2I", 0, 0, 0, 0, len(data)) + name.encode()
        data += b"PK\3\4" + told + name.encode() + content
    count = min(len(members), 65_535)
    return data + directory + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(data), 0)


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *chunks: bytes, pixels: bytes | None = None) -> bytes:
    """Return a grey PNG with these chunks before its pixels."""
    pixels = zlib.compress(bytes((width + 1) * height)) if pixels is None else pixels
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", pixels) + chunk(b"IEND")


def jpeg(*segments: bytes, size: tuple[int, int] | None = None, scans: int = 1, **settings: Any) -> bytes:
    """Return a JPEG with these segments after its first mark, another size in its header, its scans many times."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(stream, "JPEG", **settings)
    data = stream.getvalue()
    frame, scan = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")), data.index(b"\xff\xda")
    if size is not None:
        data = data[: frame + 5] + struct.pack(">HH", *size) + data[frame + 9 :]
    return data[:2] + b"".join(segments) + data[2:scan] + data[scan:-2] * scans + data[-2:]


def exif(entries: int, size: int) -> bytes:
    """Return EXIF whose many entries all are the same bytes."""
    entry = b"".join(struct.pack("<HHII", 0x9000 + i % 0x6000, 7, size, 8) for i in range(entries))
    return b"II*\0" + struct.pack("<IH", 8, entries) + entry


class Bomb(NamedTuple):
    reader: str
    content: Callable[[], bytes]
    ending: str = ""
    refused: bool = True  # or read as if what is too much were not there


BOMBS = {
    "an IDX file of a GiB": Bomb("data", lambda: packed(idx(1024 * MIB), 1024, 31)),
    "an IDX file that goes on after its values": Bomb("data", lambda: packed(idx(4), 1024, 31)),
    "an IDX file that goes on after many values": Bomb("data", lambda: packed(idx(32 * MIB - 8), 1024, 31)),
    "an IDX file with a name of 8 MiB": Bomb("data", lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (8 * MIB)),
    "an IDX file of 400,000 parts": Bomb("data", lambda: packed(b"", 0, 31) * 400_000),
    "an NPZ file of a GiB": Bomb(
        "data", lambda: zipped(("X.npy", packed(npy(1024 * MIB), 1024, -15), 1024 * MIB + 128))
    ),
    "an NPZ file that goes on after its values": Bomb(
        "data", lambda: zipped(("X.npy", packed(npy(8), 1024, -15), 1024 * MIB))
    ),
    "an NPZ file of two arrays that are 62 MiB together": Bomb(
        "npz", lambda: zipped(*((name, packed(npy(31 * MIB), 31, -15), 31 * MIB + 128) for name in ("X.npy", "y.npy")))
    ),
    "an NPZ file with 20,000 names": Bomb("data", lambda: zipped(*((f"{i:040}", b"", 0) for i in range(20_000)))),
    "an NPY header that asks for 32 GiB": Bomb("data", lambda: npy(32 << 30) + bytes(64)),
    "a CSV row of 20 MB": Bomb("data", lambda: b"1," * 10_000_000 + b"1", ".csv"),
    "a PNG of a gigapixel": Bomb("picture", lambda: png(32_768, 32_768, pixels=packed(b"", 1, 15))),
    "a PNG of 5 megapixels": Bomb("picture", lambda: png(2500, 2000)),
    "a PNG that goes on after its pixels": Bomb(
        "picture", lambda: png(100, 100, pixels=packed(b"", 1024, 15)), refused=False
    ),
    "a PNG with 60 MiB of texts": Bomb(
        "picture",
        lambda: png(28, 28, *[chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(MIB - 1)))] * 60),
        refused=False,
    ),
    "a PNG with a profile of a GiB": Bomb(
        "picture", lambda: png(28, 28, chunk(b"iCCP", b"k\0\0" + packed(b"", 1024, 15))), refused=False
    ),
    "a PNG with a million chunks": Bomb("picture", lambda: png(28, 28, *[chunk(b"prVt")] * 1_000_000)),
    "a PNG with an endless EXIF": Bomb(
        "picture", lambda: png(28, 28, chunk(b"eXIf", exif(60_000, 700_000))), refused=False
    ),
    "a JPEG of four gigapixels": Bomb("picture", lambda: jpeg(size=(65_000, 65_000))),
    "a JPEG of a thousand scans": Bomb("picture", lambda: jpeg(progressive=True, scans=1000)),
    "a JPEG with 500 EXIFs": Bomb(
        "picture",
        lambda: jpeg(*[b"\xff\xe1\xff\xfeExif\0\0" + exif(5000, 65_000).ljust(65_526, b"\0")] * 500),
        refused=False,
    ),
    "a JPEG with a million comments": Bomb("picture", lambda: jpeg(*[b"\xff\xfe\0\2"] * 1_000_000)),
}

# Reads files in a process of its own, so that the peak of its memory is that of one file.
_READ = """
import json, sys, time
import numpy as np
import chainrule as cr
from chainrule.recipes.image_files import picture_as_sample

network = cr.Network([cr.Rescale(1 / 255), cr.Dense(10)], inputs=784)
READERS = {
    "data": cr.data.read,
    "npz": lambda path: cr.data.read_npz(path),
    "picture": lambda path: picture_as_sample(network, None, path),
}

def memory(kind):  # where there is no /proc, nothing is measured
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(kind))
    except FileNotFoundError:
        return 0

def forget_the_peak():
    try:
        with open("/proc/self/clear_refs", "w") as switch:
            switch.write("5")
    except OSError:
        pass

def read(reader, path):
    try:
        READERS[reader](path)
        return "read", ""
    except cr.ChainruleError as error:
        return "refused", str(error)
    except BaseException as error:
        return type(error).__name__, str(error)

told = json.load(sys.stdin)
for reader, path in told["warm"]:
    assert read(reader, path)[0] == "read", (reader, path)
for name, reader, path in told["files"]:
    forget_the_peak()
    before, start = memory("VmRSS:"), time.process_time()
    outcome, message = read(reader, path)
    print(json.dumps([name, outcome, message, time.process_time() - start, memory("VmHWM:") - before]))
"""


class Report(NamedTuple):
    outcome: str
    message: str
    seconds: float
    memory: int


def reports(folder: Path) -> dict[str, Report]:
    """Return what became of every bomb in a process of its own."""
    for name, content in (("gz", gzip.compress(idx(4) + bytes(4))), ("png", png(28, 28)), ("csv", b"1,2\n3,4\n")):
        (folder / f"good.{name}").write_bytes(content)
    np.savez(folder / "good.npz", X=np.eye(2), y=np.eye(2))
    warm = [
        ("data", "good.gz"),
        ("data", "good.npz"),
        ("npz", "good.npz"),
        ("data", "good.csv"),
        ("picture", "good.png"),
    ]
    files = []
    for i, (name, bomb) in enumerate(BOMBS.items()):
        path = folder / f"{i:02}{bomb.ending}"
        path.write_bytes(bomb.content())
        files.append((name, bomb.reader, str(path)))
    told = {"warm": [(reader, str(folder / name)) for reader, name in warm], "files": files}
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", _READ],
        input=json.dumps(told),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    if process.returncode:
        raise RuntimeError(process.stderr)
    return {name: Report(*report) for name, *report in map(json.loads, process.stdout.splitlines())}
