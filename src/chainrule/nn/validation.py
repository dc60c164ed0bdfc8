"""What comes into a network: data are put into the form that the graph wants, or refused with one clear error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chainrule.arrays import as_numbers, counted, expect_exact, place
from chainrule.column_names import listed
from chainrule.errors import InputError, ShapeError, TrainingWarning, nearest
from chainrule.ops.op import Array, expect_integers

if TYPE_CHECKING:
    from chainrule.nn.objective import Objective


_PIECE = 1 << 20  # values of a mapped file that are read at a time
_LEVELS = 256  # so many different numbers a column may hold at least
_SMALL = 4096


def samples(where: str, X: Any, shape: tuple[int, ...] | None, name: str = "X") -> Array:
    """Return `X` as an array of samples of this shape."""
    if isinstance(X, Mapping) and not hasattr(type(X), "toarray"):  # a sparse matrix may be a mapping too
        names = [str(key) for key in X][:8]
        branches = ", ".join(f'"{key}": […]' for key in names)
        raise InputError(
            where,
            given=f"{name} with the names {', '.join(map(repr, names))}",
            expected="one array: the network has no inputs with names",
            fix=f"Let its first layer name them, cr.Branches({{{branches}}}), or pass one array",
            cause="data.shape",
        )
    array = _array(where, name, X)
    if array.ndim < 2:
        raise ShapeError(
            where,
            given=f"{name} with shape {array.shape}",
            expected="samples in rows: (samples, features)",
            fix=f"Pass np.reshape({name}, (1, -1)) if it is one sample, and np.reshape({name}, (-1, 1)) if it is one "
            "feature",
            cause="data.shape",
        )
    if shape is not None and len(shape) == 1 and array.shape[1:] == (*shape, 1):
        array = array[..., 0]  # each sample is a column, which for a network of so many features is nothing else
    if shape is not None and array.shape[1:] != shape:
        one, other = _features(array.shape[1:]), _features(shape)
        fix = "Pass the same features as in training, in the same order"
        if array.shape == (*shape, 1):
            fix = f"Pass np.reshape({name}, (1, -1)) if it is one sample, written as a column"
        elif math.prod(array.shape[1:]) == math.prod(shape):
            fix = f"Pass np.reshape({name}, (-1, {', '.join(map(str, shape))})) if the order is right"
        raise ShapeError(
            where,
            given=f"{name} with {one} (shape {array.shape})",
            expected=f"{other}, as the network was built for",
            fix=fix,
            cause="data.shape",
        )
    if 0 in array.shape:
        raise ShapeError(
            where,
            given=f"{name} with shape {array.shape}",
            expected="at least one feature",
            fix="Look at how the columns were selected",
            cause="data.shape",
        )
    return array


def cast(x: Array, dtype: npt.DTypeLike, keep_bytes: bool) -> Array:
    """Return samples in `dtype`; bytes stay bytes where the network rescales them itself."""
    if x.dtype == dtype or (keep_bytes and x.dtype == np.uint8):
        return x
    with np.errstate(over="ignore"):  # what is too large becomes inf, which `finite` refuses
        return x.astype(dtype)


def indices(x: Array, rows: int) -> Array:
    """Return samples that are indices as whole numbers, refused unless each is one of so many rows."""
    expect_integers("Network", "X", x, rows, "rows of the table that X chooses from", cause="data.range")
    return x.astype(np.intp, copy=False)


def named_indices(name: str, x: Array, rows: int) -> None:
    """Raise unless an input holds indices of so many rows, which its floats can tell apart."""
    most = 2 ** (1 + np.finfo(x.dtype).nmant)
    if rows > most:
        raise InputError(
            "Network",
            given=f"X[{name!r}], which chooses from {rows:,} rows, in {x.dtype}",
            expected=f"at most {most:,} rows: from there on not every whole number is one of {x.dtype}",
            fix="Build the network with dtype='float64'",
        )
    expect_integers("Network", f"X[{name!r}]", x, rows, f"rows of the table behind {name!r}", "data.range")


def _place_behind(name: str, start: int) -> Callable[[Sequence[int]], str]:
    """Return what names a place in a part of an array that begins at this row."""
    return lambda index: place(name, [start + index[0], *index[1:]])


def finite(where: str, name: str, array: Array, dtype: npt.DTypeLike | None = None) -> None:
    """Raise if a floating-point array holds NaN or infinity, or, mapped from a file, what is infinite in `dtype`.

    What is mapped is read once for it, in pieces, so that the error names the place in the file's array.
    """
    mapped = isinstance(array, np.memmap)
    if array.dtype.kind != "f" and not (mapped and array.dtype.itemsize == 8):
        return
    if not mapped and array.size <= _SMALL:  # where the sum of squares is finite all are: one call, for served rows
        flat = array.ravel()
        if math.isfinite(flat.dot(flat)):
            return
    size = max(1, _PIECE // max(1, array[:1].size)) if mapped else max(1, len(array))
    count, first = 0, None
    for start in range(0, len(array), size):
        part = array[start : start + size]
        if mapped:
            part = np.asarray(part)
            expect_exact(where, name, part, _place_behind(name, start))
            part = part if dtype is None or part.dtype.kind != "f" else cast(part, dtype, keep_bytes=False)
        good = np.isfinite(part)
        if good.all():
            continue
        count += good.size - int(np.count_nonzero(good))
        if first is None:
            row, *rest = np.argwhere(~good)[0].tolist()
            first = [start + row, *rest]
    if first is not None:
        raise InputError(
            where,
            given=f"{name} with {counted(count, 'value')} that {'is' if count == 1 else 'are'} NaN or infinite, "
            f"the first in {place(name, first)}",
            expected=f"finite numbers, as {np.dtype(dtype or array.dtype)} can hold them",
            fix="Drop those samples, fill the gaps, or scale what is too large",
            cause="data.nonfinite",
        )


def rounded_doubt(where: str, x: Array, dtype: npt.DTypeLike) -> TrainingWarning | None:
    """Return a warning if numbers that differ in a column of `x` are hardly told apart once they are in `dtype`.

    float32 has 7 digits: times in seconds since 1970 become multiples of 128.
    """
    wide = x.dtype.kind in "fiu" and x.dtype.itemsize > np.dtype(dtype).itemsize
    if not wide or isinstance(x, np.memmap):
        return None
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    with np.errstate(over="ignore"):
        step = np.spacing(np.maximum(np.abs(low), np.abs(high)).astype(dtype)).astype(np.float64)
    lost = np.argwhere((high > low) & (high - low < _LEVELS * step))
    if not len(lost):
        return None
    at = tuple(lost[0].tolist())
    return TrainingWarning(
        where,
        given=f"X whose column {', '.join(map(str, at))} goes from {low[at]:.17g} to {high[at]:.17g}, of which "
        f"{np.dtype(dtype)} only has multiples of {step[at]:.3g}",
        expected="numbers that it can tell apart",
        fix="Pass X / np.abs(X).max(axis=0)"
        if max(abs(low[at]), abs(high[at])) < 1
        else "Put cr.Rescale.standard(X) before the other layers: it subtracts the mean in float64",
        cause="data.precision",
    )


def targets(
    where: str,
    y: Any,
    count: int,
    output: tuple[int, ...],
    objective: Objective,
    dtype: Any,
    name: str = "y",
    classes: Sequence[str] | None = None,
) -> Array:
    """Return `y` as the loss wants it: numbers like the outputs, or class indices in their shape before the last axis.

    Parameters
    ----------
    output : tuple of int
        The shape of a sample's outputs: (outputs,), or (time, outputs).
    name : str
        What the targets are called in errors.
    classes : sequence of str, optional
        The names of the classes, which texts among the targets mean.
    """
    if isinstance(y, Mapping) and not hasattr(type(y), "toarray"):
        names = [str(key) for key in y][:8]
        heads = ", ".join(f'"{key}": […]' for key in names)
        raise InputError(
            where,
            given=f"{name} with the names {', '.join(map(repr, names))}",
            expected="one array of targets: the network has one output",
            fix=f"Let its last layer name the outputs, cr.Heads({{{heads}}}), or pass one array",
            cause="target.shape",
        )
    texts = _texts(y)
    array = _array(where, name, y if texts is None or classes is None else _by_name(where, name, texts, classes))
    if array.ndim == 0 or len(array) != count:
        of = "" if name == "y" else f" in {name}"
        raise ShapeError(
            where,
            given=f"{len(array) if array.ndim else 1} targets{of} for {count} sample{'' if count == 1 else 's'}",
            expected="one target for each sample",
            fix=f"Take X and {name} from the same rows",
            cause="target.shape",
        )
    *before, outputs = objective.target_shape(output)
    rows, whole = (count, *before), (count, *before, outputs)
    if not before and array.shape == (*whole, 1):
        array = array[..., 0]  # each target is a column
    if objective.takes_labels and array.shape == (*rows, 1) != whole:
        array = array.reshape(rows)  # class indices in a column
    if objective.takes_labels and array.shape == rows:
        labels = array if array.dtype.kind in "iu" else _whole(where, name, array)
        return labels.astype(np.intp, copy=False)
    if array.shape == rows and outputs == 1:
        array = array.reshape(whole)
    if array.shape != whole:
        raise _other_targets(where, name, array, rows, outputs, objective)
    with np.errstate(over="ignore"):
        return array.astype(dtype, copy=False)


def _other_targets(
    where: str, name: str, y: Array, rows: tuple[int, ...], outputs: int, objective: Objective
) -> ShapeError:
    """Return the error for targets of another shape than the outputs."""
    given, labels = f"{name} with shape {y.shape}", objective.takes_labels
    if objective.op.target_columns is not None:
        expected = f"{(*rows, outputs)}, which {objective.loss!r:.80} compares all outputs with"
        fix = f"Pass one column, such as {name}[:, :1]; for several targets train a network for each"
        fix = fix if outputs == 1 else f"Pass {outputs} columns"
        return ShapeError(where, given=given, expected=expected, fix=fix, cause="target.shape")
    if len(rows) > 1:
        expected = f"shape {(*rows, outputs)}, a number for each output" + (f", or {rows}, class indices" * labels)
        given += f" for outputs of shape {(*rows[1:], outputs)}"
        fix = "Pass a target for each row of outputs"
        if y.shape[1:] in ((), (1,), (outputs,), (outputs, 1)):
            fix = "Put cr.Flatten() before the first cr.Dense(…), so that each sample has one row of outputs"
            if len(rows) == 2:
                fix += f"; columns are passed as np.reshape(X, ({rows[0]}, -1)), or tell how many inputs they have"
        return ShapeError(where, given=given, expected=expected, fix=fix, cause="target.shape")
    fix = f"Pass {name} with as many columns as {'the network' if name == 'y' else 'the head'} has outputs"
    if labels:
        fix = f"Pass class indices with shape (samples,), np.ravel({name}), or one column for each class"
        if y.ndim == 2 and y.shape[1] > 1:
            fix = f"Pass class indices, or put cr.Dense({y.shape[1]}) before the end, an output for each column"
    elif y.ndim == 1:
        fix = "Class indices need a loss for classes: cr.Network(layers, loss=cr.SoftmaxCrossEntropy())"
    expected = f"{outputs} {'column' if outputs == 1 else 'columns'}, one for each output"
    return ShapeError(where, given=given, expected=expected, fix=fix, cause="target.shape")


def weights(where: str, sample_weight: Any, rows: tuple[int, ...], objective: Objective, dtype: Any) -> Array:
    """Return weights, none negative and not all zero.

    Parameters
    ----------
    rows : tuple of int
        How many samples there are, and, if a sample has several rows of outputs, in which shape. The weights are
        (samples,), or a number for each row.
    """
    if not objective.weighted:
        raise InputError(
            where,
            given=f"sample_weight with {objective.op!r}",
            expected="a loss with a sample_weight role",
            fix="Leave the weights out, or choose one of chainrule's losses",
        )
    with np.errstate(over="ignore"):
        array = _array(where, "sample_weight", sample_weight).astype(dtype, copy=False)
    fits = array.shape in (rows[:1], rows)
    if not fits or not np.isfinite(array).all() or (array < 0).any() or not array.any():
        one_each = "Pass one weight for each sample" + (f", or one for each row of outputs, {rows}" * (len(rows) > 1))
        raise InputError(
            where,
            given=f"sample_weight with shape {array.shape}"
            + (f" from {array.min():g} to {array.max():g}" if array.size else ""),
            expected=f"{rows[0]} finite numbers, none negative and not all zero",
            fix="Pass 1 for a sample that counts, and 0 for one that doesn't" if fits else one_each,
        )
    return array


def _array(where: str, name: str, value: Any) -> Array:
    array = as_numbers(where, name, value)
    if array.ndim and len(array) == 0:
        raise ShapeError(
            where, given=f"{name} with no samples", expected="at least one", fix="Look at how the data were selected"
        )
    return array


def _texts(y: Any) -> Array | None:
    """Return targets that are texts, each of them, as an array; None for others."""
    if isinstance(y, np.ndarray) and y.dtype.kind not in "UTO":
        return None
    if isinstance(y, (list, tuple)):
        first: Any = y
        while isinstance(first, (list, tuple)) and first:
            first = first[0]
        if not isinstance(first, str):
            return None
    try:
        array = np.asarray(y)
    except Exception:  # whatever it is, `as_numbers` says what is wrong with it
        return None
    if array.dtype.kind in "UT" or (array.dtype.kind == "O" and array.size and set(map(type, array.flat)) == {str}):
        return array
    return None


def _by_name(where: str, name: str, texts: Array, classes: Sequence[str]) -> Array:
    """Return the indices of the classes that these texts name."""
    places = {word: place for place, word in enumerate(classes)}
    unknown = next((index for index, text in np.ndenumerate(texts) if text not in places), None)
    if unknown is not None:
        raise InputError(
            where,
            given=f"{str(texts[unknown])!r:.60} in {place(name, unknown)}",
            expected=f"one of the classes {listed(classes)}",
            fix=f"Correct it; {nearest(str(texts[unknown]), classes)}",
            cause="target.classes",
        )
    return np.array([places[text] for text in texts.flat], np.intp).reshape(texts.shape)


def _whole(where: str, name: str, array: Array) -> Array:
    finite(where, name, array)
    if array.dtype.kind == "f" and not (array == np.floor(array)).all():
        raise InputError(
            where,
            given=f"{name} with numbers that are not whole",
            expected="class indices 0, 1, 2, …",
            fix=f"If {name} is a quantity, end the {'network' if name == 'y' else 'head'} with cr.Dense(1) and pass "
            "cr.MeanSquaredError()",
            cause="target.range",
        )
    return array.astype(np.intp)


def _features(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return f"{shape[0]} feature" + ("" if shape[0] == 1 else "s")
    return f"samples of shape {shape}"
