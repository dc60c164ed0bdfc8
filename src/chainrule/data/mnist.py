"""MNIST and Fashion-MNIST: looked for on this machine, otherwise downloaded, and always checked to be the real thing.

Both are four IDX files of the same names. Whatever place they come from, the SHA-256 of each *uncompressed* file must
be the known one (recompressed copies differ, their content does not), so figures measured on them can be compared.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import checks
from chainrule.caches import user_cache
from chainrule.data.dataset import Dataset, pixel_names
from chainrule.data.idx import load_idx
from chainrule.data.opening import shown
from chainrule.errors import FileError
from chainrule.logs import logger

_PATIENCE = 30  # seconds to connect, and between two arrivals of data
_MOST = 100_000_000  # bytes of a download: no file of the two sets has a third of it

_Split = Literal["train", "test"] | None

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

_CLOTHES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


class DownloadedSet(NamedTuple):
    """One of the two sets: its folder, classes and mirrors, and the SHA-256 of each uncompressed file."""

    title: str
    folder: str
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    hashes: tuple[str, ...]


MNIST = DownloadedSet(
    title="MNIST",
    folder="mnist",
    classes=tuple("0123456789"),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    hashes=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)

FASHION_MNIST = DownloadedSet(
    title="Fashion-MNIST",
    folder="fashion-mnist",
    classes=_CLOTHES,
    mirrors=(
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    hashes=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)


@checks.keywords
def mnist(split: _Split = None) -> Dataset:
    """Return the MNIST handwritten digits, 28 x 28 pixels each (LeCun, Cortes, Burges; CC BY-SA 3.0).

    The four files are looked for, each under its plain name or with the ending ``.gz``, in ``mnist/`` below and then
    directly in: the folder that ``$CHAINRULE_DATA`` names (if it is set, it must be a folder); ``data/`` of the source
    checkout that chainrule runs from; ``data/`` of the working folder; the user's cache. The first place that has all
    four is taken. If none has, they are downloaded into the cache (11 MB).

    Parameters
    ----------
    split : {"train", "test"}, optional
        60,000 samples to learn from or 10,000 to test on; None for all, in this order.

    Returns
    -------
    Dataset
        X is uint8 of shape (samples, 784), one row per image, row by row, from 0 (paper) to 255 (ink); y is int64 of
        shape (samples,), from 0 to 9.

    Raises
    ------
    InputError
        If `split` is something else.
    FileError
        If a file found is damaged or is not MNIST's; if none is found and the download fails; or if
        ``$CHAINRULE_DATA`` is not a folder.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.mnist("train")
    >>> X.shape, y[:5].tolist()
    ((60000, 784), [5, 0, 4, 1, 9])
    >>> cr.data.mnist("test")
    Dataset('MNIST (test)', X (10000, 784) uint8, y (10000,) int64, 10 classes)
    """
    return _load(MNIST, "mnist", split)


@checks.keywords
def fashion_mnist(split: _Split = None) -> Dataset:
    """Return Fashion-MNIST: Zalando's pictures of clothes in the form of MNIST (Xiao, Rasul, Vollgraf 2017; MIT).

    The files are looked for as `mnist` does, in ``fashion-mnist/``, and otherwise downloaded (31 MB). The classes are
    T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.

    Parameters
    ----------
    split : {"train", "test"}, optional
        As for `mnist`.

    Returns
    -------
    Dataset
        Like that of `mnist`; ``class_names`` has the names.

    Raises
    ------
    InputError, FileError
        As `mnist` raises them.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.fashion_mnist("train")  # doctest: +SKIP
    >>> X.shape  # not run with the tests, for it may download 31 MB  # doctest: +SKIP
    (60000, 784)
    """
    return _load(FASHION_MNIST, "fashion_mnist", split)


def _load(source: DownloadedSet, where: str, split: _Split) -> Dataset:
    if split is not None:
        checks.one_of(f"{where} split", split, ("train", "test"))
    paths = dict(zip(FILES, _paths(source), strict=True))
    parts = {"train": FILES[:2], "test": FILES[2:]}
    names = parts.values() if split is None else [parts[split]]
    arrays = [[_check(source, name, paths[name]) for name in pair] for pair in names]
    images, labels = (found[0] if len(found) == 1 else np.concatenate(found) for found in zip(*arrays, strict=True))
    return Dataset(
        images.reshape(len(images), -1),
        labels.astype(np.int64),
        source.title if split is None else f"{source.title} ({split})",
        feature_names=pixel_names(*images.shape[1:]),
        class_names=source.classes,
    )


def _paths(source: DownloadedSet) -> list[str]:
    """Return where the four files are; they are downloaded if they are nowhere."""
    folders = [folder for root in _roots() for folder in (os.path.join(root, source.folder), root)]
    for folder in folders:
        paths = [path for name in FILES if (path := _find(folder, name))]
        if len(paths) == len(FILES) and not _holds_the_other(folder, source):
            return paths
    cache = os.path.join(user_cache(), source.folder)
    return [_find(cache, name) or _download(source, name, cache, folders) for name in FILES]


def _roots() -> list[str]:
    roots = []
    named = os.environ.get("CHAINRULE_DATA")
    if named:
        if not os.path.isdir(named):
            raise FileError(
                "CHAINRULE_DATA",
                given=f"{shown(named)}, which is not a folder",
                expected="a folder that holds mnist/, fashion-mnist/ or their files",
                fix="Set the environment variable to such a folder, or unset it",
            )
        roots.append(named)
    checkout, source_folder = os.path.split(os.path.realpath(os.path.join(__file__, "..", "..", "..")))
    if source_folder == "src" and os.path.isfile(os.path.join(checkout, "pyproject.toml")):
        roots.append(os.path.join(checkout, "data"))
    with suppress(OSError):  # the working folder may be gone
        roots.append(os.path.abspath("data"))
    return list(dict.fromkeys(roots))


def _find(folder: str, name: str) -> str | None:
    """Return the file of this name as it lies there: plain before compressed, '-idx3' before '.idx3'."""
    dotted = name.replace("-idx", ".idx")
    for variant in (name, dotted, name + ".gz", dotted + ".gz"):
        path = os.path.join(folder, variant)
        if os.path.exists(path):
            return path
    return None


def _holds_the_other(folder: str, source: DownloadedSet) -> bool:
    """Tell whether a folder not named after this set holds the other one, whose files are called the same."""
    smallest = _find(folder, FILES[-1])
    if os.path.basename(os.path.abspath(folder)) == source.folder or smallest is None:
        return False
    other = FASHION_MNIST if source is MNIST else MNIST
    return _digest(smallest)[1] == other.hashes[-1]


def _digest(path: str) -> tuple[NDArray[np.uint8], str]:
    import hashlib

    digest = hashlib.sha256()
    return load_idx(path, digest.update), digest.hexdigest()


def _check(source: DownloadedSet, name: str, path: str) -> NDArray[np.uint8]:
    """Return the array in `path`, having checked that it is this set's file of that name."""
    array, found = _digest(path)
    wanted = source.hashes[FILES.index(name)]
    if found != wanted:
        raise FileError(
            f"{source.title} {shown(path)}",
            given=f"content with the SHA-256 {found[:16]}…",
            expected=f"{wanted[:16]}…, that of the original {name}",
            fix="Delete or replace the file; to read an IDX file of your own use read_idx",
        )
    return array


def _download(source: DownloadedSet, name: str, cache: str, folders: list[str]) -> str:
    """Fetch a file from the first mirror that has the right one; the cache gets it whole and checked, or not at all."""
    import tempfile
    from http.client import HTTPException

    file = name + ".gz"
    target = os.path.join(cache, file)
    problems = []
    for mirror in source.mirrors:
        if sys.stderr is not None:
            sys.stderr.write(f"Downloading {mirror}{file}\n")
        try:
            os.makedirs(cache, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                arrived = os.path.join(scratch, file)
                size = _fetch(mirror + file, arrived)
                _check(source, name, arrived)
                os.replace(arrived, target)
            if (log := logger()) is not None:
                log.info("downloaded %s%s, %.1f MB", mirror, file, size / 1e6)
            return target
        except (OSError, ValueError, HTTPException) as problem:  # a FileError is an OSError
            problems.append(f"{mirror} ({str(problem)[:200]})")
    raise FileError(
        source.title,
        given=f"no {name}: looked in {', '.join(shown(folder) for folder in [*folders, cache])}, "
        f"then tried to download it from {', '.join(problems)}",
        expected=f"the files {', '.join(FILES)}, plain or .gz",
        fix=f"Put them into the folder {shown(cache)}, or into {source.folder}/ of a folder of yours and set the "
        "environment variable CHAINRULE_DATA to that",
    )


def _fetch(url: str, path: str) -> int:
    """Download a file and return its size; OSError, ValueError or HTTPException if that can't be done."""
    import ssl
    from urllib.request import urlopen

    import certifi

    trusted = ssl.create_default_context()  # what the system trusts, and where it says nothing, as many browsers do
    trusted.load_verify_locations(certifi.where())
    with urlopen(url, timeout=_PATIENCE, context=trusted) as answer:
        content: bytes = answer.read(_MOST + 1)
    if len(content) > _MOST:
        raise ValueError(f"more than {_MOST:,} bytes")
    with open(path, "xb") as file:
        file.write(content)
    return len(content)
