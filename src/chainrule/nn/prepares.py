"""What a network asks of the preparation that it is given: numbers out of a table, and which columns they came from."""

from __future__ import annotations

from typing import Any, Protocol, Self

from chainrule.errors import InputError
from chainrule.ops.op import Array


class Prepares(Protocol):
    """What prepares a table for a network: `cr.data.Preparation`."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The classes in the column to predict; None where it holds amounts."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns to predict."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are used, in order."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the columns are called that the network gets."""

    @property
    def feature_groups(self) -> dict[str, slice]:
        """Which features each column became."""

    @property
    def index(self) -> str | None:
        """The column that says which row it is."""

    @property
    def kinds(self) -> dict[str, Any]:
        """What has to stand in each column that is used."""

    def unnamed(self, count: int) -> tuple[str, ...] | None:
        """Return what so many columns without names are called, in order; None if that leaves it open."""

    def without_target(self) -> Self:
        """Return one that prepares the same columns, for something else to predict."""

    def features(self, X: Any, *, where: str) -> Array:
        """Return the numbers that the network takes, (rows, features)."""

    def answers(self, X: Any, *, where: str) -> Array:
        """Return the targets in a table: class indices, (rows,), or amounts, (rows, targets)."""


def expect_preparation(preparation: Prepares | None) -> Prepares | None:
    """Return a preparation, if it is one."""
    if preparation is None or hasattr(type(preparation), "features"):
        return preparation
    raise InputError(
        "Network preparation",
        given=f"{preparation!r:.80}",
        expected="a cr.data.Preparation",
        fix='Pass cr.data.prepare(table, target="price")',
    )
