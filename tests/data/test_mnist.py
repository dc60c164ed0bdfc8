"""MNIST and Fashion-MNIST: the search order, the checks, and downloads from a server on this machine."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import importlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import Dataset, fashion_mnist, mnist
from chainrule.errors import FileError, InputError
from tests.referees import REQUIRED

MODULE = importlib.import_module("chainrule.data.mnist")  # the package shows the function of the same name
FILES: tuple[str, ...] = MODULE.FILES
REAL = Path(__file__).parents[2] / "data" / "mnist"


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def small_set(seed: int) -> dict[str, bytes]:
    """Four files like MNIST's, of six and three images."""
    rng = np.random.default_rng(seed)
    arrays = [a for n in (6, 3) for a in (rng.integers(0, 256, (n, 4, 4)), rng.integers(0, 10, n))]
    return dict(zip(FILES, map(idx, arrays), strict=True))


SETS = {"mnist": small_set(1), "fashion-mnist": small_set(2)}


class Place:
    """A machine without any data, where the sets are small, the mirrors local, and every place is below one folder."""

    def __init__(self, root: Path, mirrors: tuple[str, str]) -> None:
        self.environment, self.checkout = root / "environment", root / "checkout"
        self.working, self.cache = root / "working", root / "cache"
        self.served = root / "served", root / "served-second"
        self.mirrors = mirrors

    def put(self, folder: Path, name: str = "mnist", form: str = "{}.gz", files: tuple[str, ...] = FILES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            content = SETS[name][file]
            path = folder / form.format(file)
            path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    servers = [serve(tmp_path / name) for name in ("served", "served-second")]
    mirrors = tuple(f"http://127.0.0.1:{server.server_address[1]}/" for server in servers)
    place = Place(tmp_path, (mirrors[0], mirrors[1]))
    for constant, name in (("MNIST", "mnist"), ("FASHION_MNIST", "fashion-mnist")):
        hashes = tuple(hashlib.sha256(content).hexdigest() for content in SETS[name].values())
        source = getattr(MODULE, constant)._replace(mirrors=mirrors, hashes=hashes)
        monkeypatch.setattr(MODULE, constant, source)
    for folder in (place.working, place.checkout / "src/chainrule/data"):
        folder.mkdir(parents=True)
    (place.checkout / "pyproject.toml").touch()
    monkeypatch.setattr(MODULE, "__file__", str(place.checkout / "src/chainrule/data/mnist.py"))
    monkeypatch.setattr(MODULE, "user_cache", lambda: str(place.cache / "chainrule"))
    monkeypatch.chdir(place.working)
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield place
    for server in servers:
        server.shutdown()
        server.server_close()


def serve(folder: Path) -> http.server.ThreadingHTTPServer:
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def is_set(make: Callable[..., Dataset], name: str = "mnist") -> bool:
    (X_train, y_train), (X_test, y_test) = make("train"), make("test")
    assert (X_train.shape, y_train.shape, X_test.shape, y_test.shape) == ((6, 16), (6,), (3, 16), (3,))
    assert X_train.dtype == X_test.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == np.int64
    arrays = [X_train.reshape(6, 4, 4), y_train, X_test.reshape(3, 4, 4), y_test]
    return [idx(array) for array in arrays] == list(SETS[name].values())


def test_without_a_split_there_is_all_of_it_with_its_names(place: Place) -> None:
    place.put(place.working / "data/mnist")
    whole, train, test = mnist(), mnist("train"), mnist("test")
    assert np.array_equal(whole.X, np.concatenate([train.X, test.X]))
    assert np.array_equal(whole.y, np.concatenate([train.y, test.y]))
    assert [each.name for each in (whole, train, test)] == ["MNIST", "MNIST (train)", "MNIST (test)"]
    assert test.class_names == tuple("0123456789")
    assert test.feature_names is not None
    assert test.feature_names[5] == "row 1 column 1"
    with pytest.raises(InputError, match=r"mnist split: got 'training'.*Did you mean 'train'"):
        mnist("training")


@pytest.mark.parametrize("form", ["{}", "{}.gz"])
@pytest.mark.parametrize("dotted", [False, True])
def test_plain_compressed_and_dotted_names_are_found(place: Place, form: str, dotted: bool) -> None:
    folder = place.working / "data/mnist"
    place.put(folder, form=form)
    if dotted:
        for path in list(folder.iterdir()):
            path.rename(folder / path.name.replace("-idx", ".idx"))
    assert is_set(mnist)


@pytest.mark.parametrize("where", ["environment", "checkout/data", "working/data"])
@pytest.mark.parametrize("below", ["mnist", "."])
def test_each_place_is_searched_with_and_without_the_sets_folder(
    place: Place, where: str, below: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.working.parent / where
    place.put(folder / below)
    if where == "environment":
        monkeypatch.setenv("CHAINRULE_DATA", str(folder))
    assert is_set(mnist)
    assert not place.cache.exists()


def test_the_first_place_wins(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [place.environment / "mnist", place.checkout / "data/mnist", place.working / "data/mnist"]
    monkeypatch.setenv("CHAINRULE_DATA", str(place.environment))
    for folder in folders:
        place.put(folder)
        (folder / (FILES[0] + ".gz")).write_bytes(b"damaged")
    for folder in folders:
        with pytest.raises(FileError, match=re.escape(str(folder))):
            mnist()
        shutil.rmtree(folder)


def test_a_folder_that_lacks_a_file_is_passed_over(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_DATA", str(place.environment))
    place.put(place.environment / "mnist", files=FILES[:3])
    place.put(place.working / "data/mnist")
    assert is_set(mnist)


@pytest.mark.parametrize("below", ["", "fashion-mnist"])
def test_the_other_set_is_not_taken_for_this_one(place: Place, below: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_DATA", str(place.environment / below))
    place.put(place.environment / below, "fashion-mnist")
    place.put(place.working / "data/mnist")
    assert is_set(mnist)
    assert is_set(fashion_mnist, "fashion-mnist")


def test_files_of_another_content_are_refused(place: Place) -> None:
    place.put(place.working / "data/mnist", "fashion-mnist")
    with pytest.raises(FileError, match=r"MNIST '.*train-images.*': got content with the SHA-256 .*read_idx"):
        mnist()


def test_a_damaged_file_is_refused_by_name(place: Place) -> None:
    place.put(place.working / "data/mnist")
    damaged = place.working / "data/mnist" / (FILES[1] + ".gz")
    damaged.write_bytes(damaged.read_bytes()[:-9])
    with pytest.raises(FileError, match=r"train-labels-idx1-ubyte.gz': got compressed data that is damaged"):
        mnist()


@pytest.mark.parametrize("named", ["nowhere", "a-file"])
def test_a_variable_that_names_no_folder_is_an_error(place: Place, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put(place.working / "data/mnist")
    Path("a-file").touch()
    monkeypatch.setenv("CHAINRULE_DATA", named)
    with pytest.raises(FileError, match=f"CHAINRULE_DATA: got '{named}', which is not a folder"):
        mnist()


def test_an_empty_variable_counts_as_unset(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put(place.working / "data/mnist")
    monkeypatch.setenv("CHAINRULE_DATA", "")
    assert is_set(mnist)


def test_what_is_nowhere_is_downloaded_once(place: Place) -> None:
    place.put(place.served[0], "fashion-mnist")
    assert is_set(fashion_mnist, "fashion-mnist")
    assert sorted(os.listdir(place.cache / "chainrule/fashion-mnist")) == sorted(file + ".gz" for file in FILES)
    for path in place.served[0].iterdir():
        path.unlink()
    assert is_set(fashion_mnist, "fashion-mnist")


def test_a_download_is_told_on_standard_error_and_logged(
    place: Place, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    place.put(place.served[0])
    mnist()
    urls = [f"{place.mirrors[0]}{file}.gz" for file in FILES]
    assert capsys.readouterr() == ("", "".join(f"Downloading {url}\n" for url in urls))
    assert [record.getMessage() for record in caplog.records] == [f"downloaded {url}, 0.0 MB" for url in urls]


def test_a_mirror_without_end_is_passed_over(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put(place.served[0])
    place.put(place.served[1])
    (place.served[0] / f"{FILES[0]}.gz").write_bytes(b"0" * 2000)
    monkeypatch.setattr(MODULE, "_MOST", 1000)
    assert is_set(mnist)


def test_only_what_the_cache_lacks_is_downloaded(place: Place) -> None:
    place.put(place.cache / "chainrule/mnist", form="{}", files=FILES[:3])
    place.put(place.served[0], files=FILES[3:])
    assert is_set(mnist)


@pytest.mark.parametrize("fault", ["missing", "another content", "cut", "no gzip"])
def test_a_mirror_at_fault_is_passed_over(place: Place, fault: str) -> None:
    place.put(place.served[1])
    if fault == "another content":
        place.put(place.served[0], "fashion-mnist")
    elif fault != "missing":
        place.put(place.served[0])
        for path in place.served[0].iterdir():
            path.write_bytes(path.read_bytes()[:-5] if fault == "cut" else b"<html>404</html>")
    assert is_set(mnist)


def test_recompressed_copies_are_welcome(place: Place) -> None:
    place.put(place.served[0])
    for path in place.served[0].iterdir():
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=1))
    assert is_set(mnist)


@pytest.mark.parametrize("fault", ["missing", "another content"])
def test_when_nothing_helps_one_error_says_where_it_looked_and_what_to_do(place: Place, fault: str) -> None:
    if fault == "another content":
        for folder in place.served:
            place.put(folder, "fashion-mnist")
    with pytest.raises(FileError, match=r"MNIST: got no train-images-idx3-ubyte: looked in .*, but expected") as caught:
        mnist()
    message = str(caught.value)
    for folder in (place.checkout / "data/mnist", place.working / "data", place.cache / "chainrule/mnist"):
        assert repr(str(folder)) in message
    for part in (*place.mirrors, *FILES, "CHAINRULE_DATA", "404" if fault == "missing" else "SHA-256"):
        assert part in message
    assert os.listdir(place.cache / "chainrule/mnist") == []


def test_a_cache_that_cannot_be_written_is_one_error(place: Place) -> None:
    place.cache.write_text("in the way")
    place.put(place.served[0])
    with pytest.raises(FileError, match="MNIST: got no train-images"):
        mnist()


def test_an_installed_package_does_not_look_beside_itself(place: Place) -> None:
    (place.checkout / "pyproject.toml").unlink()
    assert MODULE._roots() == [str(place.working / "data")]


@pytest.mark.skipif(not REAL.exists() and not REQUIRED, reason="the source distribution leaves the files out")
def test_the_repository_holds_the_real_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REAL.parents[1])
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)
    (X_train, y_train), (X_test, y_test) = mnist("train"), mnist("test")
    assert (X_train.shape, X_test.shape) == ((60000, 784), (10000, 784))
    assert np.bincount(y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert round(float(X_train.mean()), 3) == 33.318
