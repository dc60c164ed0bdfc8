"""Several inputs by name: arrays in one mapping, which lie side by side in one matrix inside a network.

So all that runs, saves and resumes a network with one input does it with several.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.errors import InputError, ShapeError, UnknownNameError, nearest
from chainrule.nn import validation
from chainrule.nn.dense import checked_name
from chainrule.nn.layer import sample_shape
from chainrule.ops.op import Array

Shape = tuple[int, ...]
Shapes = tuple[tuple[str, Shape | None], ...]


@dataclass(frozen=True)
class NamedInputs:
    """The names of a network's inputs, and the shape of a sample of each, in the order of their columns.

    Attributes
    ----------
    shapes : tuple of (name, shape)
        A shape is None until data tell it.
    """

    shapes: Shapes

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.shapes]

    @property
    def columns(self) -> int | None:
        """How many columns the matrix has; None until all shapes are known."""
        sizes = [None if shape is None else math.prod(shape) for _, shape in self.shapes]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def places(self) -> list[tuple[str, slice, Shape]]:
        """Return name, columns and shape of each input; all shapes are known."""
        found, start = [], 0
        for name, shape in self.shapes:
            assert shape is not None
            stop = start + math.prod(shape)
            found.append((name, slice(start, stop), shape))
            start = stop
        return found

    def arrays(self, where: str, X: Mapping[Any, Any]) -> dict[str, Array]:
        """Return the arrays of a mapping in order, each checked, with as many rows as the others.

        Raises
        ------
        UnknownNameError
            If there is a name that no input has.
        InputError, ShapeError
            If a name is missing, or an array has another shape than its input.
        """
        for name in X:
            if name not in self.names:
                told = name if isinstance(name, str) else ""
                raise UnknownNameError(
                    where,
                    given=f"X with the name {name!r:.80}",
                    expected=", ".join(map(repr, self.names)),
                    fix=nearest(told, self.names),
                )
        missing = [name for name in self.names if name not in X]
        if missing:
            raise InputError(
                where,
                given=f"X without {' and without '.join(map(repr, missing))}",
                expected=f"an array for each of {', '.join(map(repr, self.names))}",
                fix=f"Pass {self._written()}",
                cause="data.shape",
            )
        arrays = {name: validation.samples(where, X[name], shape, f"X[{name!r}]") for name, shape in self.shapes}
        rows = {name: len(array) for name, array in arrays.items()}
        if len(set(rows.values())) > 1:
            raise ShapeError(
                where,
                given=", ".join(f"{count} rows in X[{name!r}]" for name, count in rows.items()),
                expected="as many in each: row i of all of them is sample i",
                fix="Take all arrays from the same rows",
                cause="data.shape",
            )
        return arrays

    def told_by(self, arrays: Mapping[str, Array]) -> NamedInputs:
        """Return the same names with the shapes of these arrays."""
        return NamedInputs(tuple((name, array.shape[1:]) for name, array in arrays.items()))

    def packed(self, arrays: Mapping[str, Array], dtype: npt.DTypeLike) -> Array:
        """Return the arrays of all inputs side by side, (samples, columns)."""
        matrix = np.empty((len(next(iter(arrays.values()))), self.columns or 0), dtype)
        with np.errstate(over="ignore"):  # what is too large becomes inf, which `validation.finite` refuses
            for name, columns, _ in self.places():
                matrix[:, columns] = arrays[name].reshape(len(matrix), -1)
        return matrix

    def unpacked(self, matrix: Array) -> dict[str, Array]:
        """Return the input of each name from a matrix that was packed."""
        return {name: matrix[:, columns].reshape(-1, *shape) for name, columns, shape in self.places()}

    def matrix(self, where: str, X: Any) -> Array:
        """Return what is no mapping, if it is a matrix with the columns of all inputs.

        Raises
        ------
        InputError
            If it isn't.
        """
        try:
            shape, known = np.shape(X), self.columns
        except ValueError:  # arrays of several shapes in a list
            shape, known = (), self.columns
        if known is None or shape[1:] != (known,):
            told = ", ".join(f"{name!r}{'' if each is None else f' {each}'}" for name, each in self.shapes)
            also = "" if known is None else f", or a matrix with their {known} columns side by side"
            raise InputError(
                where,
                given=f"X of type {type(X).__name__}" + (f" with shape {shape}" if shape else ""),
                expected=f"an array for each input: {told}{also}",
                fix=f"Pass {self._written()}",
                cause="data.shape",
            )
        return validation.samples(where, X, (known,))

    def _written(self) -> str:
        return "{" + ", ".join(f"{name!r}: …" for name in self.names) + "}"


def as_named_inputs(where: str, shapes: Any, names: Sequence[Any] | None) -> NamedInputs:
    """Return named inputs, in the order of `names` where these are told.

    Parameters
    ----------
    shapes : mapping of name to shape, sequence of (name, shape), or None
        A shape is a tuple, a number of features, or None.
    """
    like = '{"picture": (8, 8), "table": 3}'
    try:
        told = dict.fromkeys(names or ()) if shapes is None else dict(shapes)
    except (TypeError, ValueError):
        raise InputError(
            where, given=f"{shapes!r:.80}", expected="the shape of each input", fix=f"Pass {like}"
        ) from None
    if names is not None and set(told) != set(names):
        raise InputError(
            where,
            given=f"shapes for {', '.join(map(repr, told))}",
            expected=f"one for each branch: {', '.join(map(repr, names))}",
            fix=f"Write the names of the branches, as in {like}",
        )
    for name in told:
        if checked_name(f"{where},", name, fix=f"Choose another name, as in {like}") is None:
            raise InputError(where, given=repr(name), expected="a name for each input", fix=f"Pass {like}")
    return NamedInputs(tuple((name, sample_shape(told[name], where)) for name in names or told))
