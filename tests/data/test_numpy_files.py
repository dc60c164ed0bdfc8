"""NPY and NPZ files: what NumPy writes is read, and what only looks like it is refused before it costs anything."""

from __future__ import annotations

import contextlib
import io
import struct
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import read_npy, read_npz
from chainrule.errors import FileError, InputError

X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 1, 2, 1])


def npy(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version)
    return stream.getvalue()


def made_up(text: str | bytes, values: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    """An NPY file with any header text at all."""
    content = text.encode() if isinstance(text, str) else text
    size = (len(content) if length is None else length).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + content + values


def saying(kind: object = "'<f8'", order: object = False, shape: object = (2, 2)) -> str:
    return f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def npz(members: dict[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    pairs = members.items() if isinstance(members, dict) else members
    with zipfile.ZipFile(stream, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of the doubled names that are the point here
        for name, content in pairs:
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("memory_map", [True, False])
@pytest.mark.parametrize("kind", ["?", "i1", "<u2", ">i4", "u8", "f2", "<f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)], ids=["version 1", "version 2"])
def test_npy_is_read_as_numpy_wrote_it(
    tmp_path: Path, memory_map: bool, kind: str, order: str, version: tuple[int, int]
) -> None:
    array = np.asarray(np.arange(24).reshape(2, 3, 4), kind, order=order)
    path = tmp_path / "array.npy"
    path.write_bytes(npy(array, version))
    read = read_npy(path, memory_map)
    assert isinstance(read, np.memmap) == memory_map
    assert np.array_equal(read, array)
    assert read.dtype.newbyteorder("=") == np.dtype(kind).newbyteorder("=")
    assert memory_map or read.dtype.isnative
    assert memory_map == (not read.flags.writeable)


HOSTILE = {
    "empty": (b"", "starts with the bytes (none)"),
    "magic cut": (b"\x93NUM", "starts with the bytes"),
    "not NPY": (b"not an array at all", "starts with the bytes 6e 6f 74"),
    "version 3": (b"\x93NUMPY\x03\x00" + npy(X)[8:], "version 1 or 2"),
    "header cut": (npy(X)[:40], "damaged NPY header"),
    "header missing": (b"\x93NUMPY\x01\x00", "damaged NPY header"),
    "header of 4 GB": (made_up(saying(), version=2, length=2**32 - 1), "damaged NPY header"),
    "header of 60 kB": (made_up(saying() + " " * 60000, bytes(32)), "damaged NPY header"),
    "values cut": (npy(X)[:-1], "95 bytes of values under a header that asks for 96"),
    "values too many": (npy(X) + b"\0", "97 bytes of values"),
    "32 GiB from 128 bytes": (made_up(saying(shape=(2**32,)).ljust(118)), "asks for 34359738368"),
    "2**62 x 4": (made_up(saying(shape=(2**62, 4))), "asks for"),
    "a googol": (made_up(saying(shape=(10**100,))), "asks for"),
    "no rows": (npy(np.zeros((0, 3))), "sizes of at least 1"),
    "zero and huge": (made_up(saying(shape=(0, 2**62))), "sizes of at least 1"),
    "negative size": (made_up(saying(shape=(-2, -2)), bytes(32)), "sizes of at least 1"),
    "size is a float": (made_up(saying(shape=(2.0, 2)), bytes(32)), "sizes of at least 1"),
    "size is a bool": (made_up(saying(shape=(True, 4)), bytes(32)), "sizes of at least 1"),
    "shape is a list": (made_up(saying(shape=[2, 2]), bytes(32)), "sizes of at least 1"),
    "shape is a number": (made_up(saying(shape=4), bytes(32)), "sizes of at least 1"),
    "65 dimensions": (made_up(saying(shape=(1,) * 65), bytes(8)), "at most 32 sizes"),
    "order is a number": (made_up(saying(order=0), bytes(32)), "fortran_order 0"),
    "objects": (npy(np.array([{}, []], object)), "Python objects"),
    "structured": (npy(np.zeros(2, [("a", "f4")])), "plain numbers"),
    "strings": (npy(np.array(["a", "b"])), "plain numbers"),
    "dates": (npy(np.zeros(2, "M8[s]")), "plain numbers"),
    "complex": (npy(np.zeros(2, complex)), "plain numbers"),
    "unknown type": (made_up(saying("'<f9'"), bytes(36)), "plain numbers"),
    "type with a comma": (made_up(saying("'<f4,<f4'"), bytes(32)), "plain numbers"),
    "type is a number": (made_up(saying(8), bytes(32)), "plain numbers"),
    "field missing": (made_up("{'descr': '<f8', 'shape': (4,)}", bytes(32)), "damaged NPY header"),
    "field unknown": (made_up(saying().replace(", }", ", 'x': 1}"), bytes(32)), "damaged NPY header"),
    "a list": (made_up("['<f8', False, (4,)]", bytes(32)), "damaged NPY header"),
    "a call": (made_up(saying(shape="__import__('os').getcwd()"), bytes(32)), "damaged NPY header"),
    "no Python": (made_up("{'descr':", bytes(32)), "damaged NPY header"),
    "deep": (made_up("(" * 4000 + ")" * 90, bytes(32)), "damaged NPY header"),
    "deep minus": (made_up("-" * 4000 + "1", bytes(32)), "damaged NPY header"),
    "not ASCII": (made_up(b"\xff\xfe" * 9, bytes(32)), "damaged NPY header"),
    "escape": (made_up(saying("'\\d'"), bytes(32)), "damaged NPY header"),
    "NUL": (made_up("{\0}", bytes(32)), "damaged NPY header"),
    "a number and a word": (made_up(saying(shape="(2if True else 2, 2)"), bytes(32)), "damaged NPY header"),
    "a fraction and a word": (made_up(saying(shape="(2.if True else 2, 2)"), bytes(32)), "damaged NPY header"),
}


@pytest.mark.parametrize("memory_map", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_an_npy_file_that_is_not_what_it_says_is_refused(tmp_path: Path, name: str, memory_map: bool) -> None:
    content, said = HOSTILE[name]
    path = tmp_path / "array.npy"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"read_npy '.*array.npy': got .*, but expected .*\. .*\.") as caught:
        read_npy(path, memory_map)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "values too many"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_a_hostile_array_inside_an_npz_file_is_refused_too(tmp_path: Path, name: str, method: int) -> None:
    content, said = HOSTILE[name]
    path = tmp_path / "set.npz"
    path.write_bytes(npz({"X.npy": content}, method))
    with pytest.raises(FileError, match=r"read_npz '.*set.npz' array 'X': got .*, but expected") as caught:
        read_npz(path, y=None)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["escape", "a number and a word", "a fraction and a word"])
def test_a_header_is_refused_without_a_warning_from_python(name: str, tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    path.write_bytes(HOSTILE[name][0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(FileError):
            read_npy(path)
    assert caught == []


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (Y, ((4,), "i8")),
        (Y.astype("u1"), ((4,), "i8")),
        (Y.astype(bool), ((4,), "i8")),
        (Y / 2, ((4, 1), "f8")),
        ((Y / 2).astype("f4"), ((4, 1), "f4")),
        (np.eye(4, dtype="f4"), ((4, 4), "f4")),
        (Y[:, None], ((4, 1), "i8")),
    ],
    ids=["labels", "bytes", "bools", "values", "values in float32", "one-hot", "column"],
)
def test_npz_gives_inputs_and_targets(tmp_path: Path, save: Any, y: np.ndarray, expected: Any) -> None:
    path = tmp_path / "set.npz"
    save(path, X=np.asfortranarray(X), y=y, other=[1])
    dataset = read_npz(path)
    assert np.array_equal(dataset.X, X)
    assert dataset.X.flags.c_contiguous
    assert dataset.y is not None
    assert np.array_equal(dataset.y.ravel(), y.ravel())
    assert (dataset.y.shape, dataset.y.dtype) == expected
    assert dataset.name == "set.npz"


def test_npz_members_go_by_any_name_and_targets_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, inputs=X, answers=Y, y=np.array([object()]))
    assert read_npz(path, X="inputs", y="answers").y is not None
    assert read_npz(path, X="inputs", y=None).y is None


DAMAGED = npz({"X.npy": npy(X), "y.npy": npy(Y)})
AT_X = DAMAGED.index(X.tobytes())


def lying_about_size(size: int) -> bytes:
    """A deflated member whose directory entry names another unpacked size."""
    content = npz({"X.npy": npy(X)}, zipfile.ZIP_DEFLATED)
    entry = content.index(b"PK\x01\x02")
    return content[: entry + 24] + struct.pack("<I", size) + content[entry + 28 :]


def with_another_checksum() -> bytes:
    content = npz({"X.npy": npy(X)}, zipfile.ZIP_DEFLATED)
    entry = content.index(b"PK\x01\x02")
    return content[: entry + 16] + bytes(4) + content[entry + 20 :]


def encrypted() -> bytes:
    content = bytearray(npz({"X.npy": npy(X)}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


HOSTILE_NPZ = {
    "empty": (b"", "damaged or not NPZ"),
    "no ZIP": (b"PK, but no more", "damaged or not NPZ"),
    "an NPY file": (npy(X), "damaged or not NPZ"),
    "cut": (DAMAGED[:-30], "damaged or not NPZ"),
    "a flipped bit": (DAMAGED[:AT_X] + b"\x01" + DAMAGED[AT_X + 1 :], "damaged or not NPZ"),
    "another checksum": (with_another_checksum(), "damaged or not NPZ"),
    "no members": (npz({}), "no array called 'X'"),
    "another name": (npz({"x.npy": npy(X)}), "Known: x."),
    "doubled": (npz([("X.npy", npy(X)), ("X.npy", npy(X + 1))]), "two arrays called 'X'"),
    "doubled without its ending": (npz([("X.npy", npy(X)), ("X", npy(X + 1))]), "two arrays called 'X'"),
    "doubled elsewhere": (npz([("X.npy", npy(X)), ("a.npy", b""), ("a.npy", b"")]), "two arrays called 'a'"),
    "bzip2": (npz({"X.npy": npy(X)}, zipfile.ZIP_BZIP2), "method 12"),
    "encrypted": (encrypted(), "encrypted"),
    "claims more than it can unpack to": (lying_about_size(2**31), "2147483648 bytes of values from"),
    "claims more than it unpacks to": (lying_about_size(4000), "asks for 96"),
    "claims less than it unpacks to": (lying_about_size(100), "got"),
    "one dimension": (npz({"X.npy": npy(Y)}), "'X' of shape (4,)"),
    "no dimension": (npz({"X.npy": npy(np.array(3.0))}), "'X' of shape ()"),
    "NaN": (npz({"X.npy": npy(np.where(X == 7, np.nan, X))}), "nan at (2, 1)"),
    "infinity": (npz({"X.npy": npy(np.where(X == 0, -np.inf, X))}), "-inf at (0, 0)"),
    "a name of another kind": (npz({"\x1b[31m\u202e.npy": npy(X)}), "no array called 'X'"),
}


@pytest.mark.parametrize("name", HOSTILE_NPZ)
def test_an_npz_file_that_is_not_what_it_says_is_refused(tmp_path: Path, name: str) -> None:
    content, said = HOSTILE_NPZ[name]
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"read_npz '.*set.npz'.*: got .*, but expected .*\. .*\.") as caught:
        read_npz(path, y=None)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("y", [Y[:3], np.array(1)], ids=["too few", "a number"])
def test_targets_that_do_not_fit_the_inputs_are_refused(tmp_path: Path, y: np.ndarray) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, X=X, y=y)
    with pytest.raises(FileError, match=r"'X' of shape \(4, 3\) and 'y' of shape"):
        read_npz(path)


def test_unpacking_a_bomb_stops_at_what_its_header_says(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    path.write_bytes(npz({"X.npy": npy(X) + bytes(2**24)}, zipfile.ZIP_DEFLATED))
    huge = tmp_path / "huge.npy"
    huge.write_bytes(made_up(saying(shape=(2**32,))))
    for read in (lambda: read_npz(path, y=None), lambda: read_npy(huge, memory_map=False)):
        tracemalloc.start()
        with pytest.raises(FileError, match="under a header that asks for"):
            read()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**22


def test_an_array_unpacks_to_no_more_for_others_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    large = npy(np.zeros((2**22, 9), np.uint8))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("other.npy", np.random.default_rng(0).bytes(2**18))
        archive.writestr("X.npy", large)
    assert len(large) < 200 * path.stat().st_size
    with pytest.raises(FileError, match=r"array 'X': got 37748864 bytes of values .*without compression"):
        read_npz(path, y=None)


def test_a_damaged_file_is_never_more_than_one_error(tmp_path: Path) -> None:
    """Flip every byte in turn: the file is read, or refused in our own words."""
    path = tmp_path / "set.npz"
    for content in (DAMAGED, npz({"X.npy": npy(X), "y.npy": npy(Y)}, zipfile.ZIP_DEFLATED)):
        for place in range(0, len(content), 3):
            path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
            with contextlib.suppress(FileError):
                read_npz(path)


@pytest.mark.parametrize("read", [read_npy, read_npz])
def test_what_is_no_file_is_refused(tmp_path: Path, read: Any) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileError, match=f"{read.__name__} .*: got .*, but expected"):
            read(path)
    with pytest.raises(InputError, match="expected a path"):
        read(None)
