"""Weights in a file beside the ONNX file, as PyTorch writes them: read from there alone, and only if they fit."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import FileError
from chainrule.onnx import load
from tests.onnx.forge import GEMM, WEIGHTS, field, graph, model, tensor

X = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
NOTHING = np.zeros(0, np.float32)


def outside(name: str = "w", shape: tuple[int, ...] = (2, 3), more: bytes = b"", **told: object) -> bytes:
    """Return a tensor whose numbers are said to be elsewhere."""
    entries = b"".join(field(13, field(1, key) + field(2, str(value))) for key, value in told.items())
    return tensor(name, NOTHING, shape, 1, entries + field(14, 1) + more)


def written(folder: Path, *tensors: bytes, data: bytes | None = WEIGHTS.tobytes(), name: str = "a.onnx.data") -> Path:
    (folder / "a.onnx").write_bytes(model(graph([GEMM], tensors)))
    if data is not None:
        (folder / name).write_bytes(data)
    return folder / "a.onnx"


@pytest.mark.parametrize(
    ("told", "before"),
    [
        ({"location": "a.onnx.data"}, 0),
        ({"location": "a.onnx.data", "offset": 0, "length": 24}, 0),
        ({"location": "a.onnx.data", "offset": 3}, 3),
        ({"location": "weights", "offset": 4096, "length": 24}, 4096),
    ],
)
def test_weights_are_found_beside_the_file(tmp_path: Path, told: dict[str, object], before: int) -> None:
    data = bytes(before) + WEIGHTS.tobytes() + b"more"
    path = written(tmp_path, outside(**told), data=data, name=str(told["location"]))
    np.testing.assert_allclose(cr.predict(load(path), X), X @ WEIGHTS)


def test_they_are_found_from_another_working_folder_and_under_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, outside(location="a.onnx.data"))
    monkeypatch.chdir(tmp_path)
    assert load("a.onnx").layers
    monkeypatch.chdir("/")
    assert load(path.rename(tmp_path / "b.onnx")).layers


BAD: dict[str, tuple[tuple[bytes, ...], str]] = {
    "no name": ((outside(),), "data in another file, ''"),
    "a folder above": ((outside(location="../a.onnx.data"),), "by its bare name"),
    "a folder below": ((outside(location="b/a.onnx.data"),), "by its bare name"),
    "the folder itself": ((outside(location="."),), "by its bare name"),
    "the folder above": ((outside(location=".."),), "by its bare name"),
    "an absolute path": ((outside(location="/etc/passwd"),), "by its bare name"),
    "a path of Windows": ((outside(location="C:a"),), "by its bare name"),
    "another path of Windows": ((outside(location="b\\a"),), "by its bare name"),
    "a NUL": ((outside(location="a\0b"),), "by its bare name"),
    "a long name": ((outside(location="a" * 300),), "by its bare name"),
    "a file that isn't there": ((outside(location="b.data"),), "isn't there.*external_data=False"),
    "a link": ((outside(location="link"),), "got a link, but expected a regular file"),
    "a folder": ((outside(location="folder"),), "got a folder, but expected a regular file"),
    "a pipe": ((outside(location="pipe"),), "got a pipe or a device"),
    "an offset beyond the file": ((outside(location="a.onnx.data", offset=1),), "a file of 24 bytes, but expected 25"),
    "a huge offset": ((outside(location="a.onnx.data", offset=10**17),), "a file of 24 bytes"),
    "an offset of 100 digits": ((outside(location="a.onnx.data", offset="1" * 100),), "a whole number of bytes"),
    "an offset below 0": ((outside(location="a.onnx.data", offset=-1),), "offset='-1'"),
    "an offset in words": ((outside(location="a.onnx.data", offset="one"),), "offset='one'"),
    "another length": ((outside(location="a.onnx.data", length=20),), "20 bytes in 'a.onnx.data', but expected 24"),
    "a terabyte": ((outside(shape=(2**20, 2**18), location="a.onnx.data"),), "a file of 24 bytes"),
    "an unknown entry": ((outside(location="a.onnx.data", checksum="00"),), "described by .*checksum"),
    "numbers here too": ((outside(more=field(9, WEIGHTS.tobytes()), location="a.onnx.data"),), "and in this one"),
    "the same bytes twice": (
        (outside(location="a.onnx.data"), outside("v", location="a.onnx.data")), "a file of 24 bytes, but expected 48"),
}  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("name", BAD)
def test_what_does_not_lie_beside_the_file_or_does_not_fit_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors, words = BAD[name]
    folder = tmp_path / "own"
    folder.mkdir()
    (tmp_path / "a.onnx.data").write_bytes(WEIGHTS.tobytes())
    (folder / "folder").mkdir()
    (folder / "link").symlink_to(tmp_path / "a.onnx.data")
    os.mkfifo(folder / "pipe")
    path = written(folder, *tensors)
    opened: list[str] = []
    real: Callable[..., int] = os.open
    monkeypatch.setattr(os, "open", lambda name, *more, **told: opened.append(str(name)) or real(name, *more, **told))
    with pytest.raises(FileError, match=words) as caught:
        load(path)
    assert str(caught.value).startswith(f"onnx.load {str(path)!r}") or "onnx.load" in str(caught.value)
    assert set(opened) <= {str(path), str(folder), "a.onnx.data"}
