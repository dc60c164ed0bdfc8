"""What becomes of each column of a table, decided by what stands in it; and measured, then, on the training rows.

Both are apart, because roles are decided on the whole table, as its user would look at it, and numbers such as the
median that fills a gap are taken from the training rows alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from chainrule import checks
from chainrule.arrays import counted
from chainrule.data.column_preparation import (
    OTHER,
    OWN_LEVEL,
    CategoryColumn,
    ColumnPreparation,
    DateColumn,
    NumberColumn,
    free,
    of_kind,
)
from chainrule.data.date_cells import look
from chainrule.data.labels import Task, decided_task
from chainrule.data.number_cells import is_code, styles
from chainrule.data.preparation import Preparation
from chainrule.data.table import Column, Kind, Table
from chainrule.errors import InputError, InputWarning, nearest, printable, warn_user

Use = Literal["number", "category", "date", "drop"]
Fill = float | str | None

USES: tuple[Use, ...] = ("number", "category", "date", "drop")
MOST_WORDS = 50  # that get a column each
_MOST_CLASSES = 1000
_MOST_LINES, _MOST_NAMES = 40, 12  # that are told
_NAMES_ROWS = re.compile(r"(^|[ _.-])(id|idx|index|nr|no|num|number|row|key)$|^#|^Unnamed|(?-i:I[dD]$)", re.IGNORECASE)
_PLAIN = ("number", False, "median")
KINDS: dict[str, Kind] = {"number": "number", "category": "word", "date": "date"}  # what stands in such a column
_FILLS = {
    "number": ("mean", "median", "most frequent", "refuse"),
    "category": ("own level", "most frequent", "refuse"),
    "date": ("median", "refuse"),
}


@dataclass(frozen=True)
class ColumnPlan:
    """What shall become of a column.

    Attributes
    ----------
    use : {"number", "category", "date", "drop"}
    fill : float or str, optional
        What a gap becomes: ``"mean"``, ``"median"``, ``"most frequent"``, ``"own level"`` of a category, or a value.
        ``"refuse"``: gaps are errors.
    flag : bool
        Whether a number's, or a date's, gaps have a column of their own.
    why : str
        What was seen, in words.
    """

    use: Use
    fill: Fill = None
    flag: bool = False
    why: str = ""


@dataclass(frozen=True)
class TablePlan:
    """What shall become of a table.

    Attributes
    ----------
    columns : dict of str to ColumnPlan
        Of every column but the targets and the index.
    targets : tuple of str
    index : str or None
    task : {"classification", "regression"} or None
        None: there is nothing to predict.
    why : str
        Why the targets are classes or amounts.
    most_words : int
        How many words of a column get a column each.
    """

    columns: dict[str, ColumnPlan]
    targets: tuple[str, ...]
    index: str | None
    task: Task | None
    why: str = ""
    most_words: int = MOST_WORDS

    def lines(self) -> list[str]:
        """Return in lines what becomes of the columns, and why; plain numbers together, and of many columns some."""
        plain = [name for name, plan in self.columns.items() if (plan.use, plan.flag, plan.fill) == _PLAIN]
        told = [
            f"{name}: {_in_words(plan)}{f' ({plan.why})' if plan.why else ''}"
            for name, plan in self.columns.items()
            if name not in plain
        ]
        if len(told) > _MOST_LINES:
            told = [*told[:_MOST_LINES], f"and {len(told) - _MOST_LINES:,} columns more"]
        if plain:
            some = ", ".join(plain[:_MOST_NAMES])
            more = f" and {len(plain) - _MOST_NAMES:,} more" if len(plain) > _MOST_NAMES else ""
            told.insert(0, f"numbers without gaps: {some}{more}")
        if self.index is not None:
            told.append(f"{self.index}: says which row it is, and is carried over to the answers")
        return [printable(line) for line in [*told, *([self.why] if self.why else [])]]


def _in_words(plan: ColumnPlan) -> str:
    if plan.use == "drop":
        return "not used"
    told = {"number": "a number", "category": "a column for each word", "date": "a date"}[plan.use]
    if plan.fill == "own level":
        told += "; a gap is a word of its own"
    elif plan.fill not in (None, "refuse"):
        told += f"; a gap becomes {f'the {plan.fill}' if plan.fill in _FILLS[plan.use] else plan.fill}"
    return told + ", and has a flag" * plan.flag


def planned(
    table: Table,
    target: str | Sequence[str] | None = None,
    *,
    task: Task | None = None,
    drop: Sequence[str] = (),
    index: str | None = None,
    columns: Mapping[str, ColumnPlan] | None = None,
    most_words: int = MOST_WORDS,
    where: str = "Preparation",
) -> TablePlan:
    """Return what shall become of a table, decided by what stands in it.

    Numbers stay numbers and gaps in them become the median, with a flag. Words become a column each; of more than
    `most_words` different ones the rare share a column, and a column in which most words are different is not used,
    for it names its rows. Dates become year, month, day, weekday and days. What is the same in every row, empty, or
    counts the rows is not used.

    Raises
    ------
    InputError
        If a column is named that is not there, or the target may hold classes or amounts.
    """
    targets = () if target is None else (target,) if isinstance(target, str) else _several(f"{where} target", target)
    drop = _several(f"{where} drop", drop)
    most_words = checks.whole(f"{where} most_words", most_words)
    if task is not None:
        _expect_task(where, task, targets)
    told, indices = dict(columns or {}), () if index is None else (index,)
    for setting, names in (("target", targets), ("drop", drop), ("index", indices), ("columns", tuple(told))):
        for name in names:
            if name not in table:
                known = [other for other in table if setting == "target" or other not in targets]
                raise InputError(
                    f"{where} {setting}",
                    given=f"{name!r:.80}",
                    expected=f"a column of {table.name!r:.80}",
                    fix=nearest(str(name), known),
                )
    used = tuple(name for name, plan in told.items() if plan.use != "drop" or name not in drop)
    places: dict[str, str] = {}
    for setting, names, place in (
        ("target", targets, "the target"),
        ("drop", drop, "dropped"),
        ("index", indices, "the index"),
        ("columns", used, "used"),
    ):
        twice = next((name for name in names if name in places), None)
        if twice is not None:
            raise InputError(
                f"{where} {setting}",
                given=f"{twice!r:.80}, which is {places[twice]}",
                expected="each column in one place",
                fix="Leave it out in one of them",
            )
        places |= dict.fromkeys(names, place)
    found: dict[str, ColumnPlan] = {}
    for name, column in table.columns.items():
        if name in targets or name == index:
            continue
        if name in drop:
            found[name] = ColumnPlan("drop", why="as told")
            continue
        decided = _decided(name, column, most_words)
        own = told.get(name)
        if own is None and column.kind == "word" and table.lines is None:
            _warn_of_texts(where, name, column)
        found[name] = decided if own is None else _as_told(f"{where} columns", name, own, decided, column)
    if not found:
        raise InputError(
            where,
            given=f"a table without a column beside {', '.join(map(repr, table))}"[:300],
            expected="at least one column of numbers, words or dates beside the target",
            fix="Add a column to learn from, or name another target",
        )
    if all(plan.use == "drop" for plan in found.values()):
        raise InputError(
            where,
            given="a table of which no column is left to learn from: "
            + "; ".join(f"{name}, {plan.why or 'not used'}" for name, plan in [*found.items()][:8]),
            expected="at least one column of numbers, words or dates beside the target",
            fix='Say what one is to be, columns={"name": …}, in a recipe [data.columns.name] use = "category"',
        )
    task, why = _task_of(where, table, targets, task)
    return TablePlan(found, targets, index, task, why, most_words)


def _several(where: str, names: Any) -> tuple[str, ...]:
    """Return names of columns, of which there may be several."""
    if (
        isinstance(names, (str, Mapping))
        or not isinstance(names, Collection)
        or not all(isinstance(name, str) for name in names)
    ):
        raise InputError(
            where,
            given=f"{names!r:.80}",
            expected="names of columns",
            fix=f"Pass [{names!r:.80}]" if isinstance(names, str) else 'Pass for example ["age", "fare"]',
        )
    return tuple(names)


def _expect_task(where: str, task: Any, targets: tuple[str, ...]) -> None:
    """Raise unless a task is one, and there is something that it can be said of."""
    checks.one_of(f"{where} task", task, ("classification", "regression"))
    if not targets:
        raise InputError(
            f"{where} task",
            given=f"{task!r} without a target",
            expected="what to predict, of which it says whether it holds classes",
            fix='Name it: target="price"; or leave task out',
        )


def fitted(
    table: Table, plan: TablePlan, *, classes: Sequence[str] | None = None, where: str = "Preparation"
) -> Preparation:
    """Return the preparation that a plan means, measured on these rows.

    Parameters
    ----------
    table : Table
        The training rows.
    plan : TablePlan
    classes : sequence of str, optional
        Those of the whole table, where some may have no training row.

    Raises
    ------
    InputError
        If a column can't be what is planned.
    """
    made: list[ColumnPreparation] = []
    ignored = []
    for name, each in plan.columns.items():
        if each.use == "drop":
            ignored.append(name)
        else:
            made.append(_fitted(f"{where} columns", name, each, table, plan.most_words))
    if plan.task == "classification" and classes is None:
        classes = classes_of(table, plan.targets[0])
    target = None if not plan.targets else plan.targets[0] if len(plan.targets) == 1 else plan.targets
    dated = any(isinstance(column, DateColumn) for column in made)
    return Preparation(
        made,
        target=target,
        classes=classes,
        index=plan.index,
        ignored=ignored,
        decimal="," if table.decimal == "," else None,
        day_first=table.day_first if dated else None,
    )


@checks.keywords
def prepare(
    table: Any,
    target: str | Sequence[str] | None = None,
    *,
    task: Task | None = None,
    drop: Sequence[str] = (),
    index: str | None = None,
    columns: Mapping[str, str | Mapping[str, Any] | ColumnPlan] | None = None,
    most_words: int = MOST_WORDS,
) -> Preparation:
    """Return what becomes of each column of a table before a network, decided by what stands in it.

    Numbers stay numbers; gaps in them become the median, and have a flag. Words become a column each; of more than
    `most_words` different ones the rare share a column, and a column in which most words are different is not used,
    for it names its rows. Dates become year, month, day, weekday and days since 1970. What is empty, the same in every
    row, or counts the rows is not used. ``print(preparation)`` says what was decided. Texts of a frame are words, and a
    warning says so where all of them are dates or numbers.

    Parameters
    ----------
    table : Table, frame, or mapping of name to column
        The training rows: the words, and what fills gaps, are those of this table.
    target : str or sequence of str, optional
        The column to predict, or several.
    task : {"classification", "regression"}, optional
        What the target is, where its numbers leave that open: see `read_csv`.
    drop : sequence of str
        Columns that shall not be used.
    index : str, optional
        The column that says which row it is.
    columns : mapping of str to str or mapping, optional
        What a column shall be, where that is not what would be decided: ``{"zip": "category"}``, or
        ``{"age": {"use": "number", "fill": "mean", "flag": False}}``.
    most_words : int, default 50

    Raises
    ------
    InputError
        If a column is named that is not there, the target may hold classes or amounts, or nothing is left to learn
        from.

    Examples
    --------
    >>> import chainrule as cr
    >>> columns = {
    ...     "size": [1.0, 2.0, 4.0, 3.0],
    ...     "kind": ["rose", "tulip", "rose", "rose"],
    ...     "price": [1.5, 2.0, 3.5, 2.5],
    ... }
    >>> print(cr.data.prepare(columns, target="price"))
    size: a number; a gap becomes 2.5
    kind: a column for each of 2 words (rose, tulip)
    price: predicted
    """
    rows = Table.of(table, where="prepare")
    plans = {name: as_plan("prepare columns", name, told) for name, told in (columns or {}).items()}
    plan = planned(
        rows, target, task=task, drop=drop, index=index, columns=plans, most_words=most_words, where="prepare"
    )
    return fitted(rows, plan, where="prepare")


def as_plan(where: str, name: str, told: Any) -> ColumnPlan:
    """Return the plan that a user means by a word, or by a mapping of settings."""
    if isinstance(told, ColumnPlan):
        return told
    settings: dict[str, Any] | None = (
        {"use": told} if isinstance(told, str) else dict(told) if isinstance(told, Mapping) else None
    )
    if settings is None or "use" not in settings:
        raise InputError(
            f"{where}, {name}",
            given=f"{told!r:.80}",
            expected=f"one of {', '.join(USES)}, or a mapping with a use",
            fix='Pass for example {"use": "number", "fill": "mean"}',
        )
    checks.expect_known(f"{where}, {name}", settings, ("use", "fill", "flag"))
    return ColumnPlan(**settings)


def classes_of(table: Table, target: str) -> tuple[str, ...]:
    """Return the classes in a column, sorted: numbers by their size, words by the alphabet."""
    column = table[target]
    if column.kind == "number":
        numbers = np.unique(column.values[~column.gaps])
        return tuple(Column("number", numbers).texts())
    if column.kind == "date":
        return tuple(sorted(set(column.texts()) - {""}))
    used = np.unique(column.values[column.values >= 0])
    return tuple(sorted(column.words[code] for code in used.tolist()))


def _decided(name: str, column: Column, most_words: int) -> ColumnPlan:
    gaps = column.gaps
    count = int(gaps.sum())
    present = column.values[~gaps]
    told = f", {counted(count, 'gap')}" if count else ""
    if not len(present):
        return ColumnPlan("drop", why="nothing stands in it")
    different = len(np.unique(present))
    if different == 1 and not count:
        return ColumnPlan("drop", why="the same in each row")
    if column.kind == "number":
        if not count and _NAMES_ROWS.search(name) and _counts_rows(present):
            return ColumnPlan("drop", why="it counts the rows")
        return ColumnPlan("number", "median", bool(count), f"numbers from {present.min():g} to {present.max():g}{told}")
    if column.kind == "date":
        first, last = (str(end.astype("datetime64[D]")) for end in (present.min(), present.max()))
        return ColumnPlan("date", "median" if count else "refuse", bool(count), f"dates from {first} to {last}{told}")
    if different > 20 and different > len(present) / 2:
        return ColumnPlan("drop", why=f"{different:,} different words in {len(present):,} rows: they name the rows")
    more = f", of which the {most_words} most frequent have a column" if different > most_words else ""
    return ColumnPlan(
        "category", "own level" if count else "refuse", why=f"{counted(different, 'different word')}{more}{told}"
    )


def _counts_rows(values: Any) -> bool:
    return len(values) > 2 and bool((np.diff(values) == 1).all()) and float(values[0]) in (0.0, 1.0)


def _warn_of_texts(where: str, name: str, column: Column) -> None:
    """Say that a column of a frame holds texts that are dates or amounts; in a file they would be such.

    A few whole numbers as texts are categories on purpose.
    """
    cells = [word.strip() for word in column.words]
    if look(cells) is not None:
        what, fix = "dates", f"Pass pandas.to_datetime(frame[{name!r:.40}]) in its place"
    elif styles(cells) and not any(map(is_code, cells)) and (len(cells) > 20 or not all(map(str.isdigit, cells))):
        what = "numbers"
        fix = f"Pass numbers in its place, such as frame[{name!r:.40}].astype(float) where they have points alone"
    else:
        return
    warn_user(
        InputWarning(
            where,
            given=f"the column {name!r:.60} of texts that are {what}, such as {cells[0]!r:.40}",
            expected=f"{what} as {what}; texts are taken as words",
            fix=f"{fix}, or say that words are meant: columns={{{name!r:.40}: 'category'}}",
        )
    )


def _as_told(where: str, name: str, own: ColumnPlan, decided: ColumnPlan, column: Column) -> ColumnPlan:
    """Return a plan of the user's, with what was decided for what it leaves open."""
    use = checks.one_of(f"{where}, {name}", own.use, USES)
    useless = "fill" if use == "drop" and own.fill is not None else "flag" if use in ("drop", "category") else None
    if useless is not None and getattr(own, useless):
        raise InputError(
            f"{where}, {name}",
            given=f"{useless}={getattr(own, useless)!r:.40} for a column that is "
            + ("not used" if use == "drop" else "words"),
            expected="the use alone" if use == "drop" else 'a fill: "own level" gives gaps a column of their own',
            fix=f"Leave {useless} out" + ', or write fill="own level"' * (use == "category"),
        )
    if use == "drop":
        return decided if decided.use == "drop" else ColumnPlan("drop", why="as told")
    gaps = bool(column.gaps.any())
    fill = own.fill
    if fill is None:
        usual = {
            "number": "median",
            "category": "own level" if gaps else "refuse",
            "date": "median" if gaps else "refuse",
        }
        fill = decided.fill if decided.use == use else usual[use]
    elif (
        isinstance(fill, str)
        and fill not in _FILLS[use]
        and (use == "number" or fill in {each for fills in _FILLS.values() for each in fills})
    ):
        raise InputError(
            f"{where}, {name}",
            given=f"fill={fill!r:.40} for a {use}",
            expected=", ".join(map(repr, _FILLS[use])) + ", or a value",
            fix=f"Write for example fill={_FILLS[use][0]!r}",
        )
    same = (use, fill, own.flag) == (decided.use, decided.fill, decided.flag)
    return decided if same else replace(own, fill=fill, why="as told")


def _task_of(where: str, table: Table, targets: tuple[str, ...], task: Task | None) -> tuple[Task | None, str]:
    """Return whether the targets are classes or amounts, and why."""
    if not targets:
        return None, ""
    columns = [table[name] for name in targets]
    for name, column in zip(targets, columns):
        _expect_different(where, name, column)
    label = f"column {printable(targets[0])!r}"
    if len(targets) > 1:
        wrong = next((name for name, column in zip(targets, columns) if column.kind != "number"), None)
        if wrong is not None or task == "classification":
            raise InputError(
                f"{where} target",
                given="several columns of classes"
                if wrong is None
                else f"{wrong!r:.60}, which holds words, among several targets",
                expected="several columns of amounts, or one of classes",
                fix="Name one column",
            )
        return "regression", f"{', '.join(map(repr, targets))}: several columns are amounts"
    column = columns[0]
    if task is not None:
        if task == "regression":
            of_kind(where, targets[0], column, "number", table)
        with suppress(InputError):  # what leaves it open, or says something else, is why it was told
            decided, why = _task_of(where, table, targets, None)
            if decided == task:
                return task, why
        return task, f"{label}: {'classes' if task == 'classification' else 'amounts'}, as told"
    if column.kind == "number":
        present = column.values[~column.gaps]
        return decided_task(where, label, present, len(present))
    count = len(np.unique(column.values[~column.gaps]))
    if column.kind == "date" or count > _MOST_CLASSES or (count > 20 and count > len(column) / 2):
        raise InputError(
            f"{where} target",
            given=f"{label} with {counted(count, f'different {column.kind}')} in {len(column):,} rows",
            expected="classes, of which each has several rows, or numbers",
            fix='Name another column; task="classification" takes it as classes all the same',
        )
    return "classification", f"{label}: {counted(count, 'different word')} are classes"


def _expect_different(where: str, name: str, column: Column) -> None:
    """Raise unless a column to predict holds at least two different answers."""
    present = column.values[~column.gaps]
    if len(present) and (present != present[0]).any():
        return
    said = column.take(~column.gaps).texts()[:1]
    raise InputError(
        f"{where} target",
        given=f"column {printable(name)!r}, "
        + (f"which is {printable(said[0])!r:.60} in each row" if said else "in which nothing stands"),
        expected="answers that differ: else there is nothing to learn",
        fix="Name another column, or add rows with other answers",
    )


def _fitted(where: str, name: str, plan: ColumnPlan, table: Table, most_words: int) -> ColumnPreparation:
    """Return what becomes of a column, measured on these rows."""
    column = of_kind(where, name, table[name], KINDS[plan.use], table)
    present = column.values[~column.gaps]
    if plan.use == "number":
        return NumberColumn(name, fill=_number_fill(plan.fill, present), flag=plan.flag, unit=column.unit)
    if plan.use == "date":
        parts = ["year", "month", "day", "weekday", "days"]
        if len(present) and (present != present.astype("datetime64[D]")).any():
            parts.insert(4, "hour")
        return DateColumn(name, parts, fill=_date_fill(plan.fill, present), flag=plan.flag)
    counts = Counter(dict.fromkeys(column.words, 0))
    for code, count in zip(*np.unique(present, return_counts=True)):
        counts[column.words[int(code)]] = int(count)
    frequent = sorted((word for word, count in counts.items() if count), key=lambda word: (-counts[word], word))
    kept = sorted(frequent[:most_words])
    other = free(OTHER, kept) if len(frequent) > most_words else None
    fill = plan.fill
    if fill == "own level":
        fill = free(OWN_LEVEL, kept)
    elif fill == "most frequent":
        fill = frequent[0] if frequent else None
    elif fill == "refuse":
        fill = None
    extra = [word for word in (other, None if fill is None else str(fill)) if word is not None and word not in kept]
    return CategoryColumn(name, [*kept, *extra], fill=None if fill is None else str(fill), other=other)


def _date_fill(fill: Fill, present: Any) -> Any:
    """Return the date that a gap becomes; what is none is for `DateColumn` to refuse."""
    if fill == "median":
        return str(np.sort(present)[len(present) // 2]) if len(present) else "1970-01-01"
    return None if fill == "refuse" else fill


def _number_fill(fill: Fill, present: Any) -> float | None:
    if fill in (None, "refuse"):
        return None
    if not isinstance(fill, str):
        return fill
    if not len(present):
        return 0.0
    if fill == "most frequent":
        values, counts = np.unique(present, return_counts=True)
        return float(values[counts.argmax()])
    return float(np.mean(present) if fill == "mean" else np.median(present))
