"""The samples of a recipe whose data are a table: its rows, what shall become of its columns, and then the numbers.

What is held out is drawn from the rows; what fills gaps, and which words have a column, is measured on the rows that
are left to train on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from chainrule.arrays import counted
from chainrule.data.column_plans import KINDS, ColumnPlan, TablePlan, classes_of, fitted, planned
from chainrule.data.preparation import Preparation
from chainrule.data.table import Kind, Table
from chainrule.data.table_files import read_known
from chainrule.errors import InputError, nearest, printable
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.recipes.recipe import Data, Recipe

# What a reader says of a column that the plan says again, with what becomes of it.
_PLAIN_NOTE = re.compile(
    r"numbers without gaps: .*|.*: (numbers|dates|[\d,]+ different words?)(, [\d,]+ gaps? \(empty\))?", re.DOTALL
)

Part: TypeAlias = tuple[Array, Array]


@dataclass(frozen=True)
class TableRows:
    """A table that is to be cut into parts, and prepared then."""

    table: Table
    y: Array
    classes: tuple[str, ...] | None
    preparation: Preparation | None
    plan: TablePlan | None
    notes: tuple[str, ...]

    @property
    def row_numbers(self) -> Array:
        return np.arange(len(self.table))[:, None]

    def prepared(
        self, train: Part, validation: Part | None, test: Part | None, where: str
    ) -> tuple[tuple[Part, Part | None, Part | None], Preparation, dict[str, Table]]:
        """Return the samples of these row numbers, what made them, measured on the training rows, and their tables."""
        parts = {"train": train, "validation": validation, "test": test}
        tables = {name: self.table.take(part[0][:, 0]) for name, part in parts.items() if part is not None}
        preparation = self.preparation
        if preparation is None:
            assert self.plan is not None
            preparation = fitted(tables["train"], self.plan, classes=self.classes, where=where)
        x = {name: preparation.features(table, where=where) for name, table in tables.items()}
        made = (
            (x["train"], train[1]),
            validation and (x["validation"], validation[1]),
            test and (x["test"], test[1]),
        )
        return made, preparation, tables


def rows_of(spec: Data, where: str, like: Network | None) -> TableRows:
    """Return the table of a recipe, its targets, and what shall become of its columns."""
    path = str(spec.file)
    known: Any = None if like is None else like.preparation
    if spec.target is None:
        raise InputError(
            f"{where}.target",
            given="nothing",
            expected="what to predict",
            fix='Name the column: target = "price"',
        )
    table = table_of(path, spec, known)
    targets = _target_names(spec.target, table, where)
    table, notes = _with_answers(table, targets, where)
    if known is not None:
        _expect_as_known(spec, known, targets, where)
        y = known.answers(table, where=where)
        return TableRows(table, y, known.classes, known, None, (*table.notes, *notes))
    told = {name: ColumnPlan(each.use, each.fill, each.flag) for name, each in spec.columns.items()}
    plan = planned(
        table,
        targets,
        task=spec.task,
        drop=spec.drop,
        index=spec.index,
        columns=told,
        most_words=spec.categories,
        where=where,
    )
    classes = classes_of(table, targets[0]) if plan.task == "classification" else None
    answers = Preparation(["-"], target=targets, classes=classes).answers(table, where=where)
    found = [note for note in table.notes if not _PLAIN_NOTE.fullmatch(note)]
    return TableRows(table, answers, classes, None, plan, (*found, *notes, *plan.lines()))


def _expect_as_known(spec: Data, known: Preparation, targets: tuple[str, ...], where: str) -> None:
    """Raise if a recipe makes something else of a table than the preparation of the network that goes on with it."""
    found: list[tuple[str, Any, str]] = []
    for column in known.columns:
        use = spec.columns.get(column.name)
        if column.name in spec.drop:
            found.append(("drop", column.name, "uses it"))
        elif use is not None and KINDS.get(use.use) != column.kind:
            found.append(("columns", use.use, f"takes {column.name!r} for a {column.kind}"))
        elif use is not None and use.flag != getattr(column, "flag", False):
            found.append(("columns", f"flag = {str(use.flag).lower()}", f"knows {column.name!r} otherwise"))
    unused = next((name for name, use in spec.columns.items() if use.use in KINDS and name not in known.names), None)
    if unused is not None:
        found.append(("columns", unused, "doesn't use it"))
    if spec.index is not None and spec.index != known.index:
        found.append(("index", spec.index, "has no index" if known.index is None else f"has {known.index!r}"))
    if known.targets and targets != known.targets:
        found.append(("target", ", ".join(targets), f"predicts {', '.join(known.targets)!r}"))
    predicted = "regression" if known.classes is None else "classification"
    if known.targets and spec.task not in (None, predicted):
        found.append(("task", spec.task, "predicts amounts" if known.classes is None else "predicts classes"))
    for setting, value, told in found:
        raise InputError(
            f"{where}.{setting}",
            given=f"{value!r:.60}, where the network that it begins with {printable(told):.120}",
            expected="what its preparation makes of the table",
            fix=f"Leave {setting} out, or begin anew, without the weights of that network",
            cause="data.columns",
        )


def table_of(path: str, spec: Data, preparation: Any = None) -> Table:
    """Return the table in a file, read as a recipe says, and as a preparation knows its columns."""
    kinds = {name: KINDS[use.use] for name, use in spec.columns.items() if use.use in KINDS}
    if preparation is None:
        if spec.index is not None:
            kinds[spec.index] = "word"
        targets = spec.target if isinstance(spec.target, list) else [spec.target]
        return read_known(path, kinds, names=[name for name in targets if isinstance(name, str)], **_written(spec))
    return read_known(path, {**kinds, **preparation.kinds}, **_written(spec), **_usual(preparation))


def table_for(network: Network, recipe: Recipe | None, path: str, kinds: Mapping[str, Kind] | None = None) -> Table:
    """Return the table in a file that a network is asked about, its columns read as they were in training.

    Parameters
    ----------
    network : Network
    recipe : Recipe or None
        That says how its tables are written.
    path : path
    kinds : mapping of str to kind, optional
        What other columns are.
    """
    spec = Data() if recipe is None or recipe.data.file is None else recipe.data
    known: dict[str, Kind] = {} if network.preparation is None else dict(network.preparation.kinds)
    if network.preparation is None and network.columns is not None:
        known = dict.fromkeys(network.columns, "number")
    return read_known(path, {**known, **(kinds or {})}, **_written(spec), **_usual(network.preparation))


def order_notes(network: Network, table: Table) -> list[str]:
    """Return what to say of a table whose columns stand in another order than in training; nothing of others."""
    known = network.columns if network.preparation is None else network.preparation.names
    if known is None or not table.named:
        return []
    here = [name for name in table if name in known]
    return (
        ["its columns are in another order, and go by their names"] if here != [n for n in known if n in here] else []
    )


def _usual(preparation: Any) -> dict[str, Any]:
    """Return how the training's table was written, where another one leaves it open."""
    if preparation is None:
        return {}
    return {
        "usual_decimal": preparation.decimal,
        "usual_day_first": preparation.day_first,
        "unnamed": preparation.unnamed,
    }


def _written(spec: Data) -> dict[str, Any]:
    """Return how a table is written, as `read_table` takes it."""
    return dict(
        delimiter=spec.delimiter,
        missing=spec.missing,
        skip_rows=spec.skip_rows,
        encoding=spec.encoding,
        decimal=spec.decimal,
        day_first=spec.day_first,
    )


def _target_names(target: str | int | list[str], table: Table, where: str) -> tuple[str, ...]:
    """Return the names of the columns to predict, one of which may be told by its place."""
    targets = target if isinstance(target, list) else [target]
    return tuple(column_name(f"{where}.target", table, each) for each in targets)


def column_name(where: str, table: Table, column: str | int, what: str = "") -> str:
    """Return the name of a column that is told by its name or by its place; `what` is what is done with it.

    Raises
    ------
    InputError
        If there is no such column.
    """
    names = table.column_names
    if str(column) in table:  # also one that is called 2020
        return str(column)
    if isinstance(column, str):
        raise InputError(
            where,
            given=f"the column {column!r:.80}{what}",
            expected=f"a column of {table.name!r:.80}",
            fix=nearest(column, names),
        )
    if not -len(names) <= column < len(names):
        raise InputError(
            where,
            given=f"the column {column}{what}",
            expected=f"one from 0 to {len(names) - 1}",
            fix="Name it, or count from 0; -1 is the last",
        )
    return names[column]


def _with_answers(table: Table, targets: tuple[str, ...], where: str) -> tuple[Table, tuple[str, ...]]:
    """Return the rows that have an answer, and what to say of those that have none."""
    gaps = np.any([table[name].gaps for name in targets], axis=0)
    count = int(gaps.sum())
    if not count:
        return table, ()
    if count == len(table):
        raise InputError(
            f"{where}.target",
            given=f"{targets[0]!r:.80}, in which nothing stands",
            expected="answers to learn",
            fix="Name another column",
        )
    named = ", ".join(map(printable, targets))
    return table.take(~gaps), (
        f"{counted(count, 'row')} without {named} left out, the first in {table.place(int(gaps.argmax()))}",
    )
