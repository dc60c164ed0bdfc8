"""The derivative of an op by one of its roles, twice: as `backward` gives it, and as differences do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chainrule.ops.differences import central
from chainrule.ops.op import Array, Op


@dataclass(frozen=True, eq=False)
class Jacobians:
    """The derivative of an op by one of its roles, as `backward` gives it and as differences do."""

    op: Op
    arrays: Mapping[str, Array]
    role: str

    @cached_property
    def y(self) -> Array:
        y: Array = np.asarray(self.op.forward(**self.arrays))
        return y

    @property
    def array(self) -> Array:
        return self.arrays[self.role]

    @cached_property
    def given(self) -> Array:
        """The derivative that `backward` gives of every output, (outputs, …shape of what it returns)."""
        return self.given_with(self.arrays, self.y)

    @cached_property
    def measured(self) -> Array:
        """The derivative by differences of every output, (outputs, …shape of the role)."""
        return self.measured_with(self.arrays, self.role)

    def given_with(self, arrays: Mapping[str, Array], y: Array) -> Array:
        """Return `given` for other arrays, or with something else in the place of y."""
        rows = []
        for k in range(self.y.size):
            one = np.zeros(self.y.size)
            one[k] = 1
            rows.append(np.asarray(self.op.backward(one.reshape(self.y.shape), y, **arrays)[self.role]))
        return np.array(rows)

    def measured_with(self, arrays: Mapping[str, Array], role: str) -> Array:
        """Return `measured` for other arrays, or by another role."""
        array = arrays[role].copy()
        columns = []
        for index in range(array.size):

            def moved(step: Array, index: int = index) -> Array:
                nearby = array.copy()
                nearby.flat[index] += step
                return np.array(self.op.forward(**{**arrays, role: nearby}), np.float64).reshape(-1)

            columns.append(central(moved, np.asarray(1e-4 * max(1.0, abs(float(array.flat[index]))))))
        return np.array(columns).T.reshape(-1, *array.shape)

    def sent(self, dy: Array) -> Array:
        """Return what `backward` hands on where `dy` arrives."""
        handed: Array = np.asarray(self.op.backward(dy, self.y, **self.arrays)[self.role])
        return handed

    @property
    def flat(self) -> tuple[Array, Array]:
        """Both as matrices, (outputs, inputs)."""
        return self.given.reshape(len(self.given), -1), self.measured.reshape(len(self.measured), -1)

    @property
    def square(self) -> tuple[Array, Array] | None:
        """Both as matrices where there are as many outputs as inputs."""
        return self.flat if self.y.size == self.array.size else None

    @property
    def slopes(self) -> tuple[Array, Array] | None:
        """Both as rows of one number for each input: of one output, or of an op that works element by element."""
        if self.y.size == 1:
            return self.given.reshape(-1), self.measured.reshape(-1)
        if self.square is None or not all(is_diagonal(matrix) for matrix in self.square):
            return None
        a, b = (np.diag(matrix) for matrix in self.square)
        return a, b

    def changed(self, change: Callable[[Array], Array]) -> Jacobians | None:
        """Return those of other arrays of the same kind, or None if the op doesn't take them."""
        other = Jacobians(self.op, {role: change(array) for role, array in self.arrays.items()}, self.role)
        try:
            fits = np.isfinite(other.y).all() and other.given.shape[1:] == other.array.shape
        except Exception:  # a user's op may raise anything
            return None
        return other if fits else None


def close(a: Array, b: Array) -> bool:
    """Return whether two arrays are equal, but for what differences are uncertain by."""
    if a.shape != b.shape or np.array_equal(a, b, equal_nan=True):
        return a.shape == b.shape
    scale = max(float(np.abs(b).max(initial=0)), 1e-12)
    return bool(np.abs(a - b).max(initial=0) <= 1e-5 * scale)


def is_diagonal(matrix: Array) -> bool:
    return close(np.diag(np.diag(matrix)), matrix)


def proportional(a: Array, b: Array) -> bool:
    norm = float((b * b).sum())
    return bool(norm) and bool(a.any()) and close(a, float((a * b).sum()) / norm * b)
