"""What holds numbers becomes an array of them, without loss; where something would be lost, an error says where.

Lists, arrays of every kind, tensors of PyTorch, and the frames of pandas, polars and pyarrow come through here. None of
these packages is imported: what an object offers says what it is.
"""

from __future__ import annotations

import decimal
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.errors import ChainruleError, InputError, ShapeError

Array = npt.NDArray[Any]
_EXACT = 2**53  # up to here each whole number is one of float64
_TABLE = "a table of numbers"
_LAZY = {"toPandas": "toPandas()", "collect": "collect()", "compute": "compute()"}  # of frames that hold no cells yet


def as_numbers(where: str, name: str, value: Any) -> Array:
    """Return `value` as an array of real numbers: float, int, uint or bool.

    What is one already is not copied, and a memory map stays one. Numbers of types that NumPy has not, such as
    bfloat16, and numbers that are Python objects become numbers of NumPy.

    Raises
    ------
    InputError
        If something else is in it, or hidden by a mask, or a whole number is none of float64. It names the first place.

    Examples
    --------
    >>> from fractions import Fraction
    >>> as_numbers("train", "X", [[Fraction(1, 2), 1]])
    array([[0.5, 1. ]])
    """
    array = value if type(value) in (np.ndarray, np.memmap) else as_array(where, name, value)
    if array.dtype.kind in "fb":
        return array
    return _converted(where, name, array, lambda index: place(name, index))


def as_array(where: str, name: str, value: Any) -> Array:
    """Return `value` as an array of whatever it holds, without copying one that is an array already.

    Raises
    ------
    InputError
        If it can't be made one, or not without loss: masked, sparse, on another device.
    ShapeError
        If its rows have different lengths.
    """
    if value is None or isinstance(value, (str, bytes)) or hasattr(type(value), "__fspath__"):
        raise InputError(
            where,
            given=f"{name}={str(value)!r:.60}" if isinstance(value, str) else f"{name}={value!r:.60}",
            expected="an array",
            fix="Pass the numbers themselves; cr.data has readers for files",
        )
    if isinstance(value, np.ma.MaskedArray):
        return unmasked(where, name, value)
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    kind = type(value)
    if hasattr(kind, "toarray") or hasattr(kind, "todense"):
        way = "toarray" if hasattr(kind, "toarray") else "todense"
        raise InputError(
            where,
            given=f"{name} that is sparse ({kind.__name__} of shape {value.shape})",
            expected="an array with its zeros",
            fix=f"Pass {name}.{way}(); the estimators of chainrule.sklearn take it as it is, batch by batch",
        )
    if hasattr(kind, "requires_grad") and hasattr(kind, "detach"):
        return _of_tensor(where, name, value)
    if hasattr(kind, "columns") or hasattr(kind, "column_names"):
        return _of_frame(where, name, value)
    if isinstance(value, (set, frozenset)) or hasattr(kind, "__next__"):
        unordered = isinstance(value, (set, frozenset))
        raise InputError(
            where,
            given=f"{name} of type {kind.__name__}" + ", which has no order" * unordered,
            expected="an array",
            fix=f"Pass {'sorted' if unordered else 'list'}({name})",
        )
    if isinstance(value, (list, tuple)):
        if any(np.ma.isMA(row) for row in value):
            return unmasked(where, name, np.ma.stack(value))
        if any(hasattr(type(row), "detach") for row in value):
            value = [
                _of_tensor(where, name, row, in_list=True) if hasattr(type(row), "detach") else row for row in value
            ]
    try:
        return np.asarray(value)
    except ChainruleError:  # a node says what to pass in its place
        raise
    except Exception as problem:
        raise _not_arranged(where, name, value, problem) from None


def place(name: str, index: Sequence[int]) -> str:
    """Return a place in an array in words: ``"row 2, column 0 (X[2, 0])"``."""
    said = f"{name}[{', '.join(map(str, index))}]"
    if len(index) > 2 or not index:
        return said if index else name
    return f"row {index[0]}" + (f", column {index[1]}" if len(index) == 2 else "") + f" ({said})"


def counted(count: int, thing: str) -> str:
    """Return how many of a thing there are: ``"1 value"``, ``"1,200 values"``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def unmasked(where: str, name: str, value: Any) -> Array:
    """Return a masked array's numbers if none of them is masked."""
    mask = np.ma.getmaskarray(value)
    if not mask.any():
        return np.asarray(value.data)
    rows = f"~np.ma.getmaskarray({name}).reshape(len({name}), -1).any(axis=1)"
    raise InputError(
        where,
        given=f"{name} with {counted(int(mask.sum()), 'masked value')}, the first in "
        f"{place(name, np.argwhere(mask)[0].tolist())}",
        expected="a value in each place: a network has no mask",
        fix=f"Leave their rows out of X and y, rows = {rows}, or fill them: {name}.filled(…)",
        cause="data.nonfinite",
    )


def _of_tensor(where: str, name: str, tensor: Any, in_list: bool = False) -> Array:
    """Return the numbers of one of PyTorch's tensors, which may be more than NumPy can hold."""
    on = str(tensor.device)
    if on == "meta":
        raise InputError(
            where,
            given=f"{name}, a tensor on the device meta, which has a shape and no numbers",
            expected="an array",
            fix="Make it again on another device, from its numbers",
        )
    steps = [
        step
        for step, needed in (
            ("detach()", tensor.requires_grad),
            ("cpu()", on != "cpu"),
            ("to_dense()", str(tensor.layout) != "torch.strided"),
            ("dequantize()", tensor.is_quantized),
        )
        if needed
    ]
    if steps:
        what = {
            "detach()": "that requires a gradient, which nothing here gives back to it",
            "cpu()": f"on the device {on}",
            "to_dense()": f"of layout {tensor.layout}",
            "dequantize()": "that is quantized",
        }[steps[0]]
        raise InputError(
            where,
            given=f"{name}, a tensor {what}",
            expected="numbers alone, in the CPU's memory",
            fix=f"Pass [row.{'.'.join(steps)} for row in {name}]" if in_list else f"Pass {name}.{'.'.join(steps)}",
        )
    if tensor.is_complex():
        tensor = tensor.resolve_conj()
    try:
        array: Array = tensor.resolve_neg().numpy()
    except TypeError:  # bfloat16 and those of 8 bits, each number of which is one of float32
        array = tensor.float().numpy()
    return array


def _of_frame(where: str, name: str, frame: Any) -> Array:
    """Return a frame's numbers, column by column, so that an error can name the column."""
    labels = labels_of(where, name, frame)
    columns = [_of_column(where, name, frame, i, label) for i, label in enumerate(labels)]
    dtype = np.result_type(*columns) if columns else np.dtype(np.float64)
    table = np.empty((len(frame), len(columns)), dtype)
    for i, (label, column) in enumerate(zip(labels, columns)):
        if dtype.kind == "f":
            expect_exact(where, name, column, _cell(name, frame, i, label))
        table[:, i] = column
    return table


def labels_of(where: str, name: str, frame: Any) -> list[Any]:
    """Return what the columns of a frame are called.

    Raises
    ------
    InputError
        If it holds no cells yet.
    """
    for method, call in _LAZY.items():
        if hasattr(type(frame), method):
            raise InputError(
                where,
                given=f"{name} of type {type(frame).__name__}, which has not been computed yet",
                expected="an array, or a frame that holds its cells",
                fix=f"Pass {name}.{call}",
            )
    return list(frame.column_names if hasattr(frame, "column_names") else frame.columns)


def column_of(frame: Any, i: int, label: Any) -> Any:
    """Return a column of a frame: by its place, where the frame can, for two may have one label."""
    if hasattr(frame, "iloc"):
        return frame.iloc[:, i]
    return frame.column(i) if hasattr(frame, "column") else frame[label]


def _of_column(where: str, name: str, frame: Any, i: int, label: Any) -> Array:
    """Return a column of a frame as real and finite numbers."""
    column = column_of(frame, i, label)
    kind = str(getattr(column, "dtype", None) or getattr(column, "type", "")).lower()
    cell = _cell(name, frame, i, label)
    if kind.startswith(("categor", "enum", "dictionary")):
        raise _no_number(where, f"{name} with categories in column {label!r}", _coded(name, frame, label))
    array = np.asarray(column)
    fix: str | None = None
    if array.dtype.kind in "OUT" and any(isinstance(value, str) for value in array):
        fix = _coded(name, frame, label)
    elif array.dtype.kind in "mM":
        fix = _as_days(name, frame, label)
    array = _converted(where, name, array, cell, fix, lambda: _filled(name, frame, label, nan=False))
    if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
        row = int(finite.argmin())
        gaps = int((~finite).sum())
        raise InputError(
            where,
            given=f"{name} with {counted(gaps, 'value')} in column {label!r} missing, NaN or infinite, the first in "
            f"{cell((row,))}",
            expected="a finite number in each cell",
            fix=_filled(name, frame, label, nan=True),
            cause="data.nonfinite",
        )
    return array


def _cell(name: str, frame: Any, i: int, label: Any) -> Callable[[Sequence[int]], str]:
    """Return what names a cell of this column, as Python gets it."""

    def named(index: Sequence[int]) -> str:
        row = index[0]
        if hasattr(frame, "place"):  # a table of ours, which knows the lines of its file
            return f"{frame.place(row)}, column {label!r}"
        said = f"{name}.iloc[{row}, {i}]" if hasattr(frame, "iloc") else f"{name}[{label!r}][{row}]"
        return f"row {row}, column {label!r} ({said})"

    return named


def _coded(name: str, frame: Any, label: Any) -> str:
    """Return how words become numbers: a column for each; or, if they are targets, class indices."""
    if name.startswith("y"):
        return f"Turn them into class indices: names, y = np.unique({name}[{label!r}], return_inverse=True)"
    if hasattr(frame, "only"):  # a table of ours
        return f"Let the network prepare it: cr.Network(…, preparation=cr.data.prepare({name}, target=…))"
    if hasattr(frame, "to_dummies"):
        return f"Give each of them a column of zeros and ones: {name}.to_dummies([{label!r}])"
    table = name if hasattr(frame, "iloc") else f"{name}.to_pandas()"
    return f"Give each of them a column of zeros and ones: pandas.get_dummies({table}, columns=[{label!r}])"


def _as_days(name: str, frame: Any, label: Any) -> str:
    since = f"{name}[{label!r}] - {name}[{label!r}].min()"
    if hasattr(frame, "iloc"):
        return f"Pass the days since the first: {name}.assign(**{{{label!r}: ({since}).dt.days}})"
    if hasattr(frame, "with_columns"):
        return f"Pass the days since the first: {name}.with_columns(({since}).dt.total_days().alias({label!r}))"
    return f"Leave the column out, {name}.drop_columns({label!r}), or pass the days since the first"


def _filled(name: str, frame: Any, label: Any, nan: bool) -> str:
    column, rest = f"{name}[{label!r}]", f", or leave those rows out of {name}, and of what goes with it"
    if hasattr(frame, "iloc"):
        numbers = f"pandas.to_numeric({column})" if frame[label].dtype == object else f"{column}.astype(float)"
        return f"Fill the gaps: {name}.assign(**{{{label!r}: {numbers}.fillna({column}.mean())}}){rest}"
    if hasattr(frame, "only"):
        return _coded(name, frame, label) + rest
    if hasattr(frame, "with_columns"):
        call = "fill_nan(None).fill_null" if nan and "Float" in str(frame[label].dtype) else "fill_null"
        return f'Fill the gaps: {name}.with_columns({column}.{call}(strategy="mean")){rest}'
    return "Fill the gaps" + rest


def _converted(
    where: str,
    name: str,
    array: Array,
    cell: Callable[[Sequence[int]], str],
    fix: str | None = None,
    filled: Callable[[], str] | None = None,
) -> Array:
    """Return an array of real numbers from one of anything; `fix` says what to do about what is none, if known."""
    kind = array.dtype.kind
    if kind in "fb":
        return array
    if kind in "iu":
        if not isinstance(array, np.memmap):
            expect_exact(where, name, array, cell)
        return array
    if kind == "O":
        return _of_objects(where, name, array, cell, fix, filled)
    if kind == "V" and np.can_cast(array.dtype, np.float64):  # bfloat16 and others that NumPy doesn't know
        return array.astype(np.float32 if np.can_cast(array.dtype, np.float32) else np.float64)
    at = f" in {cell((0,))}" if fix else ""
    if kind in "UST":
        first = array.flat[0] if array.size else ""
        given = f"{name} that holds texts: {str(first)!r:.40} in {cell((0,) * array.ndim)}"
        raise _no_number(where, given, fix or _of_texts(name, array))
    ways = {
        "c": f"Pass {name}.real, or both parts side by side: np.concatenate([{name}.real, {name}.imag], axis=-1)",
        "M": f"Pass the days since the first: ({name} - {name}.min()) / np.timedelta64(1, 'D')",
        "m": f"Pass how many seconds they are: {name} / np.timedelta64(1, 's')",
    }
    way = ways.get(kind, f"Make a row of numbers of each sample: np.array([[…], […]]) as {name}")
    if array.dtype.names:
        way = f"Pass its fields as columns: np.stack([{name}[field] for field in {name}.dtype.names], axis=-1)"
    raise _no_number(where, f"{name} with dtype {array.dtype}{at}", fix or way)


def _of_objects(
    where: str,
    name: str,
    array: Array,
    cell: Callable[[Sequence[int]], str],
    fix: str | None,
    filled: Callable[[], str] | None,
) -> Array:
    """Return numbers from Python objects, each of which must be one."""
    cells = array.ravel().tolist()
    kinds = set(map(type, cells))
    wrong = {k for k in kinds if not issubclass(k, (numbers.Real, np.bool_, decimal.Decimal))}
    if wrong:
        i = next(i for i, value in enumerate(cells) if type(value) in wrong)
        raise _bad_cell(where, name, array, i, cell, fix, filled)
    if kinds <= {bool, np.bool_}:
        return array.astype(bool)
    try:
        if all(issubclass(k, (numbers.Integral, np.bool_)) for k in kinds):
            whole = array.astype(np.int64)
            expect_exact(where, name, whole, cell)
            return whole
        found = array.astype(np.float64)
    except OverflowError:
        i = next(i for i, value in enumerate(cells) if not -(2**63) <= value < 2**63)
        raise _inexact(where, name, cells[i], cell(_index(i, array))) from None
    for i, (value, number) in enumerate(zip(cells, found.ravel().tolist())):
        if isinstance(value, numbers.Integral) and int(value) != number:
            raise _inexact(where, name, value, cell(_index(i, array)))
    return found


def _index(i: int, array: Array) -> list[int]:
    return [int(k) for k in np.unravel_index(i, array.shape)]


def _bad_cell(
    where: str,
    name: str,
    array: Array,
    i: int,
    cell: Callable[[Sequence[int]], str],
    fix: str | None,
    filled: Callable[[], str] | None,
) -> InputError:
    value = array.ravel()[i]
    at = cell(_index(i, array))
    if not array.ndim:  # something in which NumPy knows no numbers
        way = f"Pass an array with a row for each sample: np.array([[…], […]]) as {name}"
        return InputError(where, given=f"{name} of type {type(value).__name__}", expected="an array", fix=way)
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        table = f"np.asarray({name}, dtype=float)"
        fix = f"Fill it, or leave its row out of X and y: {table} has NaN there" if filled is None else filled()
        return InputError(
            where,
            given=f"{name} with a gap ({value}) in {at}",
            expected="a number in each place",
            fix=fix,
            cause="data.nonfinite",
        )
    if isinstance(value, str):
        return _no_number(where, f"{name} with {value!r:.40} in {at}", fix or _of_texts(name, array))
    if isinstance(value, complex):
        return _no_number(where, f"{name} with {value!r:.40} in {at}", f"Pass np.asarray({name}, dtype=complex).real")
    if isinstance(value, dict):
        fix = f"Pass the values as columns: np.array([list(row.values()) for row in {name}])"
    fix = fix or f"Make a row of numbers of each sample: np.array([[…], […]]) as {name}"
    return _no_number(where, f"{name} with {type(value).__name__} {value!r:.40} in {at}", fix)


def _of_texts(name: str, array: Array) -> str:
    """Return what to do about an array in which there are texts."""
    try:
        array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    else:
        return f"Pass np.asarray({name}, dtype=float), if these texts are numbers"
    if name.startswith("y"):
        return f"Turn texts into class indices: names, y = np.unique({name}, return_inverse=True)"
    return (
        "Give each text of such a column a column of zeros and ones: "
        f"names, codes = np.unique(np.asarray({name})[:, column], return_inverse=True), np.eye(len(names))[codes]"
    )


def _no_number(where: str, given: str, fix: str) -> InputError:
    return InputError(where, given=given, expected="real numbers", fix=fix)


def all_near_zero(array: Array) -> bool:
    """Return whether the whole numbers in an array are all near enough to 0 that float64 has each of them."""
    if array.dtype.itemsize < 8 or not array.size:
        return True
    return bool(array.max() <= _EXACT and (array.dtype.kind == "u" or array.min() >= -_EXACT))


def expect_exact(where: str, name: str, array: Array, cell: Callable[[Sequence[int]], str]) -> None:
    """Raise if a whole number is none of float64, in which, or in less, a network computes."""
    if array.dtype.kind not in "iu" or all_near_zero(array):
        return
    for index in np.argwhere((array > _EXACT) | (array < -_EXACT if array.dtype.kind == "i" else False)):
        value = int(array[tuple(index)])
        if int(float(value)) != value:
            raise _inexact(where, name, value, cell(index.tolist()))


def _inexact(where: str, name: str, value: Any, at: str) -> InputError:
    return InputError(
        where,
        given=f"{name} with {value if abs(value) < 10**40 else 'a whole number above 1e40'} in {at}, which "
        "floating-point numbers can't hold",
        expected="whole numbers up to 2**53",
        fix="Leave the column out if it says which sample it is; where rounding doesn't matter, "
        f"pass np.asarray({name}, dtype=float)",
    )


def _not_arranged(where: str, name: str, value: Any, problem: Exception) -> InputError:
    """Return the error for what NumPy can't make an array of."""
    if isinstance(value, (list, tuple)):
        sizes = [np.shape(row)[:1] if _regular(row) else None for row in value]
        usual = max(set(sizes), key=sizes.count)
        odd = next((i for i, size in enumerate(sizes) if size != usual or size is None), 0)
        told = [f"{size[0]} values" if size else "rows inside of it that differ" if size is None else "one number"
                for size in (sizes[odd], usual)]  # fmt: skip
        return ShapeError(
            where,
            given=f"{name} with rows of different lengths: row {odd} has {told[0]}, others {told[1]}",
            expected=_TABLE,
            fix="Cut or fill the rows to one length",
        )
    return InputError(
        where,
        given=f"{name} of type {type(value).__name__}, which NumPy can't read ({str(problem).rstrip('.')[:100]})",
        expected="an array",
        fix="Turn it into an array of NumPy, with the method that its library has for that",
    )


def _regular(row: Any) -> bool:
    try:
        np.shape(row)
    except ValueError:
        return False
    return True
