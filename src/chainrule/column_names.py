"""Columns by their names: what has names is put into the order in which a network knows them, or refused by name.

A table whose columns were swapped is as good as an array as the right one. So names are kept from the file, or the
frame, to the answer; what has none goes by position.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.errors import InputError, InputWarning, nearest_name, printable, warn_user

_LISTED = 12  # names that a message lists


def names_of(X: Any) -> tuple[str, ...] | None:
    """Return the names of the columns of a frame, a table, a data set or a structured array; None where it has none.

    Labels that are no texts, such as the numbers that pandas gives to columns without names, are none.

    Examples
    --------
    >>> import numpy as np
    >>> names_of(np.zeros(2, [("a", float), ("b", float)])), names_of(np.zeros((2, 2)))
    (('a', 'b'), None)
    """
    if isinstance(X, np.ndarray):
        fields: tuple[str, ...] | None = X.dtype.names
        return fields
    kind = type(X)
    labels: Iterable[Any] | None = None
    if hasattr(kind, "feature_names") or hasattr(X, "feature_names"):
        labels = X.feature_names
    elif hasattr(kind, "column_names"):
        labels = X.column_names if getattr(X, "named", True) else None
    elif hasattr(kind, "columns") and not hasattr(kind, "collect"):  # of a lazy frame nobody knows them yet
        labels = X.columns
    names = None if labels is None else tuple(labels)
    return names if names and all(isinstance(name, str) for name in names) else None


def columns_of(X: Any) -> dict[str, Array] | None:
    """Return a dict of columns, or a list of dicts, one for each row, as arrays by name; None for anything else.

    >>> columns_of([{"a": 1, "b": 2.5}, {"b": 3.5, "a": 4}])
    {'a': array([1, 4]), 'b': array([2.5, 3.5])}
    """
    if isinstance(X, (list, tuple)) and X and all(isinstance(row, Mapping) for row in X):
        if any(set(row) != set(X[0]) for row in X):
            return None
        X = {name: [row[name] for row in X] for name in X[0]}
    if not isinstance(X, Mapping) or hasattr(type(X), "toarray") or not all(isinstance(name, str) for name in X):
        return None
    cells = {name: np.asarray(column) for name, column in X.items()}
    lengths = {array.shape for array in cells.values()}
    return cells if len(lengths) == 1 and len(next(iter(lengths))) == 1 else None


def in_order(where: str, X: Any, names: Sequence[str]) -> Any:
    """Return what has names with these columns alone, in this order; of a structured array a matrix.

    Raises
    ------
    InputError
        If one of them is missing, or there are two of that name.
    """
    given = tuple(X) if isinstance(X, dict) else names_of(X) or ()
    expect_columns(where, given, names)
    if isinstance(X, (np.ndarray, dict)):
        return np.stack([X[name] for name in names], axis=-1)
    if tuple(names) == given:
        return X
    twice = next((name for name in names if given.count(name) > 1), None)
    if twice is not None:
        raise InputError(
            where,
            given=f"two columns called {printable(twice)!r}",
            expected="each name once",
            fix="Rename one of them, or leave it out",
            cause="data.columns",
        )
    if hasattr(X, "feature_names"):
        return X.X[:, [given.index(name) for name in names]]
    for method in ("only", "select"):  # of our tables; of polars and pyarrow
        if hasattr(type(X), method) and not hasattr(X, "iloc"):
            return getattr(X, method)(list(names))
    return X[list(names)]


def expect_columns(where: str, given: Sequence[str], wanted: Sequence[str], known: Sequence[str] = ()) -> None:
    """Raise if a wanted column is missing; warn of those that are neither wanted nor `known` otherwise.

    Raises
    ------
    InputError
        If one is missing.
    """
    there, used = set(given), {*wanted, *known}
    missing = [name for name in wanted if name not in there]
    extra = [name for name in given if name not in used]
    if missing:
        found = (
            ", of which none is one of the network's" if len(missing) == len(wanted) else f", without {listed(missing)}"
        )
        raise InputError(
            where,
            given=f"the columns {listed(given)}{found}",
            expected=f"{listed(wanted)}, as in training",
            fix=renamed(missing, extra)
            or "Name the columns as they were in training; what has no names goes by position: pass an array",
            cause="data.columns",
        )
    if extra:
        warn_user(
            InputWarning(
                where,
                given=f"{listed(extra)}, with which the network was not trained",
                expected=f"the columns {listed(wanted)}; others are ignored",
                fix="Leave them out to hear no more of it",
                cause="data.columns",
            )
        )


def renamed(missing: Sequence[str], extra: Iterable[str]) -> str:
    """Return which of the columns there are may be meant by those that are missing, one each; "" if none may.

    >>> renamed(["age", "fare"], ["Age", "price"])
    "Rename 'Age' to 'age', if that is what is meant"
    """
    found, left = [], [*extra]
    for name in missing[:_LISTED]:
        close = nearest_name(name, left)
        if close is not None:
            left.remove(close)
            found.append(f"{printable(close)!r} to {printable(name)!r}")
    return f"Rename {', '.join(found)}, if that is what is meant" if found else ""


def listed(names: Sequence[str]) -> str:
    """Return names as a message lists them."""
    told = ", ".join(repr(printable(str(name)))[:60] for name in names[:_LISTED])
    return told + (f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else "")
