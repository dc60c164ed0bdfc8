"""Opening files and folders of strangers: only what is a file in that very folder, and no errors but ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chainrule.data.opening import Folder, open_file
from chainrule.errors import FileError
from chainrule.files import write_atomically

posix = pytest.mark.skipif(os.name == "nt", reason="links, pipes and devices are POSIX's")


def link(path: Path) -> None:
    (path.parent / "outside").write_bytes(b"secret")
    path.symlink_to("outside")


UNUSUAL: dict[str, Callable[[Path], object]] = {
    "a link": link,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link in a circle": lambda path: path.symlink_to(path.name),
    "a pipe": lambda path: os.mkfifo(path),
    "a folder": lambda path: path.mkdir(),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder" / "file"


@posix
@pytest.mark.parametrize("kind", UNUSUAL)
def test_what_is_no_file_in_a_folder_is_neither_read_nor_written(kind: str, place: Path) -> None:
    UNUSUAL[kind](place)
    before = sorted(os.listdir(place.parent))
    with Folder("test", place.parent) as folder:
        for attempt in (
            lambda: open_file("test", folder.file("file")),
            lambda: write_atomically(folder.file("file"), b"new"),
            lambda: folder.expect_plain(["other", "file"]),
        ):
            with pytest.raises(FileError, match=r"a link|a pipe|a folder"):
                attempt()
    assert sorted(os.listdir(place.parent)) == before
    if kind == "a link":
        assert (place.parent / "outside").read_bytes() == b"secret"


@posix
def test_a_folder_stays_the_one_that_was_opened(place: Path, tmp_path: Path) -> None:
    place.write_bytes(b"old")
    with Folder("test", place.parent) as folder:
        place.parent.rename(tmp_path / "moved")
        (tmp_path / "folder").mkdir()
        write_atomically(folder.file("file"), b"new")
        with open_file("test", folder.file("file")) as file:
            assert file.read() == b"new"
        folder.file("file").remove()
        folder.file("file").remove()  # not there any more: nothing to do
    assert os.listdir(tmp_path / "folder") == os.listdir(tmp_path / "moved") == []


@posix
def test_a_link_in_place_of_a_folder_is_followed_only_where_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for name in ("link", "link/", "link//"):
        Folder("test", str(tmp_path / name)).close()
        with pytest.raises(FileError, match=r"a link to another folder.*Name that folder: '.*real'"):
            Folder("test", str(tmp_path / name), links=False)
    Folder("test", tmp_path / "real", links=False).close()


@pytest.mark.parametrize(
    ("name", "message"), [("missing", "no folder of this name"), ("file", "a file"), ("a\0b", "can't be opened")]
)
def test_what_is_no_folder_is_one_clear_error(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match=message):
        Folder("test", str(tmp_path / name))


def test_a_file_larger_than_its_kind_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(11))
    with open_file("test", tmp_path / "large", most=11) as file:
        assert len(file.read()) == 11
    with pytest.raises(FileError, match="11 bytes, but expected at most 10"):
        open_file("test", tmp_path / "large", most=10)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="a file that can't be read though it can be opened")
@pytest.mark.parametrize("size", [-1, 10])
def test_an_error_while_reading_is_ours(size: int) -> None:
    with open_file("test", "/proc/self/mem") as file, pytest.raises(FileError, match="an error while reading"):
        file.read(size)


@posix
def test_a_working_folder_that_is_gone_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for attempt in (lambda: open_file("test", "a.csv"), lambda: Folder("test", "runs")):
        with pytest.raises(FileError, match="the working folder is gone"):
            attempt()
