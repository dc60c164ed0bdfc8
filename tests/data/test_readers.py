"""The one door: a file is known by its content, a table by its ending."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import read
from chainrule.errors import FileError, InputError

IDX = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4])
ROWS = np.array([[1, 2], [3, 4]])


def write(folder: Path, name: str) -> Path:
    path = folder / name
    if "npz" in name:
        with path.open("wb") as file:
            np.savez(file, X=ROWS, y=np.array([0, 1]), answer=np.array([1, 0]))
    elif "npy" in name:
        with path.open("wb") as file:
            np.save(file, ROWS)
    elif "idx" in name:
        path.write_bytes(gzip.compress(IDX) if "gz" in name else IDX)
    else:
        path.write_text("a,b,kind\n1,2,x\n3,4,y\n".replace(",", "\t" if "tsv" in name else ","))
    return path


@pytest.mark.parametrize("name", ["set.npz", "npz", "set.npy", "npy.data", "set-idx", "idx.gz", "idx.csv"])
def test_a_file_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    dataset = read(write(tmp_path, name))
    assert np.array_equal(dataset.X, ROWS)
    assert dataset.y is None
    assert dataset.name == name


@pytest.mark.parametrize("name", ["a.csv", "b.tsv", "c.TXT", "d.data"])
def test_a_table_is_known_by_its_ending(tmp_path: Path, name: str) -> None:
    dataset = read(write(tmp_path, name), target="kind")
    assert np.array_equal(dataset.X, ROWS)
    assert dataset.y is not None
    assert dataset.y.tolist() == [0, 1]
    assert dataset.class_names == ("x", "y")


@pytest.mark.parametrize(("target", "y"), [("y", [0, 1]), ("answer", [1, 0])])
def test_the_target_names_an_array_of_an_npz_file(tmp_path: Path, target: str, y: list[int]) -> None:
    dataset = read(write(tmp_path, "set.npz"), target)
    assert dataset.y is not None
    assert dataset.y.tolist() == y


def test_an_npy_file_stays_on_disk(tmp_path: Path) -> None:
    assert isinstance(read(write(tmp_path, "set.npy")).X, np.memmap)


@pytest.mark.parametrize(
    ("name", "target", "kind", "said"),
    [
        ("set.npy", "y", InputError, "single array"),
        ("set-idx", "y", InputError, "single array"),
        ("idx.gz", 0, InputError, "single array"),
        ("set.npz", 0, InputError, "name of an array"),
        ("set.npz", "nowhere", FileError, "Known: X, answer, y"),
        ("a.csv", "knd", InputError, "Did you mean 'kind'"),
        ("a.json", None, FileError, "an unknown kind of file"),
        ("table", None, FileError, "an unknown kind of file"),
    ],
)
def test_what_the_file_cannot_give_is_one_clear_error(
    tmp_path: Path, name: str, target: Any, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=r"read.*: got .*, but expected .*\. .*\.") as caught:
        read(write(tmp_path, name), target)
    assert said in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.csv"):
        with pytest.raises(FileError, match=r"read .*: got .*, but expected"):
            read(path)
