"""Samples and targets as a network is given them: out of a data set or a table, by the names of columns and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.column_names import names_of
from chainrule.data.dataset import Dataset, unpacked
from chainrule.errors import InputError
from chainrule.nn import Network


def samples_and_targets(
    where: str,
    network: Network,
    X: Any,
    y: Any,
    *,
    columns: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
) -> tuple[Any, Any]:
    """Return samples in the network's order of columns, and targets in its order of classes.

    Parameters
    ----------
    where : str
        Who speaks in errors.
    network : Network
    X : array, frame, Table, mapping of name to column, Dataset, or mapping of named inputs
        A table, a frame or a mapping has the targets too where `y` is None and the network's preparation knows their
        column.
    y : array, or None
    columns, classes : sequence of str, optional
        The order of columns and classes where the network knows none yet.

    Raises
    ------
    InputError
        If a column or a class is none that the network knows, or there are no targets.
    """
    if network.named_inputs is not None and isinstance(X, Mapping):
        return X, y
    if isinstance(X, Dataset):
        y = _by_class(where, X, unpacked(where, X, y)[1], network.classes or classes)
    elif y is None and (names_of(X) is not None or isinstance(X, Mapping)):
        if network.preparation is None:
            raise InputError(
                where,
                given=f"X of type {type(X).__name__} without y",
                expected="targets",
                fix="Pass y, as in cr.train(network, X, y); or let the network know their column: "
                'cr.Network(…, preparation=cr.data.prepare(table, target="price"))',
            )
        y = network.preparation.answers(X, where=where)
    elif y is not None and (names_of(X) is not None or isinstance(X, Mapping)):
        _expect_one_reading(where, y, network.classes or classes)
    if y is None:  # batches that come one by one
        return X, y
    return network.arranged(where, X, columns), y


def _expect_one_reading(where: str, y: Any, classes: Any) -> None:
    """Raise if numbers beside a table may be the names of classes as well as their indices, and mean others then."""
    if classes is None or isinstance(classes, Mapping):
        return
    named = {_as_number(name): i for i, name in enumerate(classes)}
    try:
        numbers = np.asarray(y)
    except (TypeError, ValueError, RuntimeError):  # which is told where it is read
        return
    if numbers.dtype.kind not in "iuf" or not numbers.size or max(numbers.shape) < numbers.size:  # rows of several
        return
    used = np.unique(numbers).tolist()
    if all(value in named and value in range(len(classes)) for value in used) and any(named[v] != v for v in used):
        value = next(int(each) for each in used if named[each] != each)
        raise InputError(
            where,
            given=f"numbers as y, and {value} is the index of the class {classes[value]!r:.40}, or the name of another",
            expected="the names of the classes, as the table has them",
            fix="Leave y out, if the table has that column; or write names: np.array(network.classes)[y] of indices, "
            "[str(each) for each in y] of names",
            cause="target.classes",
        )


def _as_number(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None


def _by_class(where: str, data: Dataset, y: Any, classes: Any) -> Any:
    """Return the labels of a data set as indices of these classes, by their names."""
    names = data.class_names
    if names is None or classes is None or isinstance(classes, Mapping) or names == tuple(classes) or np.ndim(y) != 1:
        return y
    from chainrule.data.preparation import class_indices
    from chainrule.data.table import Column, Table

    column = Column("word", np.asarray(y, np.int32), names)
    return class_indices(where, column, classes, "y", Table({"y": column}, data.name))
