"""Cutting a set into batches, or in two, without ever tearing an input from its target.

There is one gather, and inputs, targets and weights all go through it with the same index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule import checks
from chainrule.arrays import as_array
from chainrule.data.dataset import Dataset, count_samples, unpacked
from chainrule.errors import InputError, ShapeError

_Pair = tuple[Any, Any]


@checks.keywords
def batches(
    X: ArrayLike | Mapping[str, ArrayLike] | Dataset,
    y: ArrayLike | Mapping[str, ArrayLike] | None = None,
    batch_size: int = 32,
    *,
    sample_weight: ArrayLike | None = None,
    shuffle: bool = True,
    generator: np.random.Generator | None = None,
    into: Callable[[int], Sequence[NDArray[Any]] | None] | None = None,
) -> Batches:
    """Return batches to go through once an epoch: every sample exactly once, each time in a new order.

    Make them once, before the loop over epochs, as in the example.

    Parameters
    ----------
    X : array, shape (samples, ...), or data set
        The inputs. A memory map is read batch by batch and never copied whole. A data set brings its targets. A
        mapping of name to array is taken row by row, and each batch of it is a mapping.
    y : array, shape (samples, ...), or mapping of name to array, optional
        The targets, taken by the same index as `X`.
    batch_size : int
        Samples per batch; the last batch holds what is left.
    sample_weight : array, shape (samples,), optional
        A weight per sample, taken by the same index.
    shuffle : bool, default True
        Take the samples in a new random order each time, as `train` does; else in the order that they have.
    generator : numpy.random.Generator, optional
        Draws the order each time that one begins to go through the batches. Left out, one that is made here and
        begins with seed 0, so that the same program takes the same batches.
    into : function, optional
        Called with the number of samples in a batch, it returns the arrays to write the batch to, or None.

    Returns
    -------
    Batches
        It can be gone through as often as one likes, and has a length. It gives ``(X_batch, y_batch)``;
        ``(X_batch, y_batch, weight_batch)`` with weights; ``X_batch`` without `y`. All are arrays of their own,
        changing one changes no data; or those that `into` returned.

    Raises
    ------
    ShapeError
        If there are no samples, or X, y and sample_weight differ in length.
    InputError
        If `batch_size` or `generator` is not what it should be, there are weights but no targets, or a generator but
        nothing to shuffle.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> X, y = np.arange(10).reshape(5, 2), np.arange(5)
    >>> batches = cr.data.batches(X, y, batch_size=2)
    >>> for epoch in range(2):
    ...     print([y_batch.tolist() for X_batch, y_batch in batches])
    [[2, 4], [3, 0], [1]]
    [[4, 1], [2, 0], [3]]
    """
    inputs, y = unpacked("batches", X, y)
    parts = [_Paired("batches", "X", inputs)]
    if y is not None:
        parts.append(_Paired("batches", "y", y))
    if sample_weight is not None:
        parts.append(_Paired("batches", "sample_weight", _weights(sample_weight, y)))
    count = _count("batches", parts)
    size = checks.whole("batches batch_size", batch_size)
    if generator is not None:
        checks.instance("batches generator", generator, np.random.Generator, "numpy.random.default_rng(0)")
        if not shuffle:
            raise InputError(
                "batches", given="a generator with shuffle=False", expected="one of them", fix="Leave one of them out"
            )
    elif shuffle:
        generator = np.random.default_rng(0)
    return Batches(parts, generator, count, size, into)


class Batches:
    """What `batches` returns."""

    def __init__(
        self,
        parts: list[_Paired],
        generator: np.random.Generator | None,
        count: int,
        size: int,
        into: Callable[[int], Sequence[NDArray[Any]] | None] | None,
    ) -> None:
        self._parts, self._generator, self._count, self._size, self._into = parts, generator, count, size, into
        self._arrays = [array for part in parts for array in part.arrays]
        self._named = any(part.names is not None for part in parts)

    def __len__(self) -> int:
        return -(-self._count // self._size)

    def __iter__(self) -> Iterator[Any]:
        order = None if self._generator is None else self._generator.permutation(self._count)
        batches = _walk(self._arrays, order, self._count, self._size, self._into)
        if self._named:
            batches = (_put_together(self._parts, arrays) for arrays in batches)
        return batches if len(self._parts) > 1 else (batch[0] for batch in batches)

    def __repr__(self) -> str:
        told = "in their order" if self._generator is None else "shuffled"
        return f"Batches({self._count} samples, {self._size} at a time, {told})"


@checks.keywords
def split(
    X: ArrayLike | Mapping[str, ArrayLike] | Dataset,
    y: ArrayLike | Mapping[str, ArrayLike] | None = None,
    fraction: float = 0.2,
    seed: int = 0,
    stratify: bool = False,
) -> tuple[_Pair, _Pair]:
    """Return the set cut in two at random: what stays, and a part held out for validation or testing.

    Parameters
    ----------
    X : array, shape (samples, ...), or data set
        The inputs. A data set brings its targets. Of a mapping of name to array both parts are mappings.
    y : array, shape (samples, ...), or mapping of name to array, optional
        The targets, taken by the same index as `X`.
    fraction : float
        The share held out, between 0 and 1: rounded to whole samples, at least one, and leaving at least one.
    seed : int
        The same seed gives the same parts.
    stratify : bool
        Hold out the same share of every class, as nearly as whole samples allow; `y` must then be labels of shape
        (samples,).

    Returns
    -------
    (X_rest, y_rest), (X_part, y_part)
        Copies, in random order. The targets are None where there are none.

    Raises
    ------
    ShapeError
        If X and y differ in length, or `stratify` is asked for without labels.
    InputError
        If there are fewer than two samples, or `fraction` or `seed` is out of its range.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, labels = cr.data.moons(samples=100)
    >>> (X_train, y_train), (X_test, y_test) = cr.data.split(X, labels, fraction=0.25, stratify=True)
    >>> len(X_train), len(X_test), int((y_test == 1).sum())
    (75, 25, 12)
    """
    samples, y = unpacked("split", X, y)
    parts = [_Paired("split", "X", samples), *([] if y is None else [_Paired("split", "y", y)])]
    count = _count("split", parts)
    if count < 2:
        raise InputError("split", given="one sample", expected="two or more", fix="Pass a larger set")
    fraction = checks.number("split fraction", fraction, above=0.0, below=1.0, like=0.2)
    rng = np.random.default_rng(checks.whole("split seed", seed, least=0))
    size = min(max(int(fraction * count + 0.5), 1), count - 1)
    order = rng.permutation(count)
    if stratify:
        order = _spread(_labels(parts[1:]), order, size)
    held_out, kept = order[:size], order[size:]
    return _rows(parts, kept), _rows(parts, held_out)


class _Paired:
    """Inputs, targets or weights: one array, or several by name, which lie in one list with those of other parts."""

    def __init__(self, where: str, name: str, given: Any) -> None:
        self.name = name
        self.names: list[str] | None = None
        if isinstance(given, Mapping):
            if not given:
                raise ShapeError(
                    where, given="an empty mapping", expected="an array for each name", fix='Pass {"table": T}'
                )
            self.names = list(given)
            self.arrays = [as_array(where, f"{name}[{key!r}]", array) for key, array in given.items()]
        else:
            self.arrays = [as_array(where, name, given)]

    @property
    def told(self) -> dict[str, NDArray[Any]]:
        """Its arrays by what they are called in errors."""
        names = [self.name] if self.names is None else [f"{self.name}[{key!r}]" for key in self.names]
        return dict(zip(names, self.arrays, strict=True))


def _count(where: str, parts: Sequence[_Paired]) -> int:
    """Return the number of samples, having checked that all have as many."""
    told = {name: array for part in parts for name, array in part.told.items() if name != "X"}
    return count_samples(where, parts[0].arrays[0], **told)


def _rows(parts: Sequence[_Paired], index: NDArray[np.int64]) -> _Pair:
    X, *y = _put_together(parts, [_gather(array, index) for part in parts for array in part.arrays])
    return X, y[0] if y else None


def _put_together(parts: Sequence[_Paired], arrays: Sequence[NDArray[Any]]) -> tuple[Any, ...]:
    """Return a value for each part, with its arrays out of those of all: one array, or a mapping."""
    found, rest = [], iter(arrays)
    for part in parts:
        own = [next(rest) for _ in part.arrays]
        found.append(own[0] if part.names is None else dict(zip(part.names, own, strict=True)))
    return tuple(found)


def _walk(
    arrays: list[NDArray[Any]],
    order: NDArray[np.int64] | None,
    count: int,
    size: int,
    into: Callable[[int], Sequence[NDArray[Any]] | None] | None,
) -> Iterator[Any]:
    for start in range(0, count, size):
        index = slice(start, start + size) if order is None else order[start : start + size]
        places = None if into is None else into(min(size, count - start))
        if places is None:
            parts = tuple(_gather(array, index) for array in arrays)
        else:
            parts = tuple(_gather(array, index, place) for array, place in zip(arrays, places, strict=True))
        yield parts


def _gather(array: NDArray[Any], index: NDArray[np.int64] | slice, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the rows of `array` named by `index`, as an array of its own or in `out`, in its dtype."""
    if isinstance(index, slice) or not (array.flags.c_contiguous and array.flags.aligned):
        rows = array[index]  # take would first copy an array whole that is not contiguous
        if out is None:
            return np.array(rows)
        np.copyto(out, rows, casting="same_kind")
        return out
    if out is not None and out.dtype != array.dtype:
        np.copyto(out, array.take(index, axis=0, mode="clip"), casting="same_kind")
        return out
    # The index is a permutation, so nothing is ever clipped: this mode only saves the check of every entry.
    return array.take(index, axis=0, out=out, mode="clip")


def _weights(sample_weight: ArrayLike, y: Any) -> NDArray[Any]:
    if y is None:
        raise InputError(
            "batches",
            given="sample_weight without y",
            expected="weights only beside targets",
            fix="Pass y as well, or leave sample_weight out",
        )
    weights = as_array("batches", "sample_weight", sample_weight)
    if weights.ndim != 1 and weights.shape != np.shape(y)[: weights.ndim]:  # or one for each row of a sample's targets
        raise ShapeError(
            "batches",
            given=f"sample_weight of shape {weights.shape}",
            expected="one number per sample, shape (samples,)",
            fix="Pass for example sample_weight.ravel()",
        )
    return weights


def _labels(targets: Sequence[_Paired]) -> NDArray[Any]:
    """Return the targets, the only part if there is one, as labels."""
    given = "no y"
    if targets:
        names, array = targets[0].names, targets[0].arrays[0]
        if names is None and array.ndim == 1:
            return array
        if names is not None:
            raise ShapeError(
                "split stratify",
                given=f"y with the names {', '.join(map(repr, names))}",
                expected="labels of shape (samples,)",
                fix="Pass stratify=False",
            )
        given = f"y of shape {array.shape}"
    raise ShapeError(
        "split stratify",
        given=given,
        expected="labels of shape (samples,)",
        fix="Pass class labels (for one-hot rows: y.argmax(axis=1)), or stratify=False",
    )


def _spread(labels: NDArray[Any], order: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return `order` rearranged so that its first `size` entries hold each class's share.

    Shares are rounded down, and the samples still missing go to the classes that lost most by it (the method of
    largest remainders), so the sizes add up exactly.
    """
    _, kinds, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    share = sizes * (size / len(labels))
    quota = np.floor(share).astype(np.int64)
    missing = size - int(quota.sum())
    quota[np.argsort(quota - share, kind="stable")[:missing]] += 1
    by_class = order[np.argsort(kinds[order], kind="stable")]
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    held_out = np.zeros(len(order), bool)
    held_out[by_class] = rank < np.repeat(quota, sizes)
    return np.concatenate([order[held_out[order]], order[~held_out[order]]])
