"""What becomes of one column of a table before a network: a number, a one for a word, the parts of a date.

Each of these is a part with settings, so that a model file holds them. What is measured, such as the median that
fills a gap, was measured on the training rows, and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import numpy as np

from chainrule import checks
from chainrule.arrays import Array, counted
from chainrule.data.table import Column, Kind, Table, word_column
from chainrule.errors import InputError, InputWarning, printable, warn_user
from chainrule.settings import Configured

OWN_LEVEL = "(missing)"  # the word for a gap, where gaps have a column of their own
OTHER = "(other)"  # the word for each that has no column of its own
PARTS = ("year", "month", "day", "weekday", "hour", "minute", "days")
_SHOWN = 5  # words that a message lists


class ColumnPreparation(Configured):
    """What becomes of a column; `NumberColumn`, `CategoryColumn` and `DateColumn` are such.

    Attributes
    ----------
    name : str
        The column's.
    kind : {"number", "word", "date"}
        What has to stand in it.
    """

    kind: ClassVar[Kind]
    name: str

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the columns are called that a network gets."""
        raise NotImplementedError

    @property
    def amounts(self) -> tuple[bool, ...]:
        """Which of them are amounts; the others are zeros and ones that stand for a word, or for a gap."""
        flag = bool(getattr(self, "flag", False))
        return (*[self.kind != "word"] * (len(self.feature_names) - flag), *[False] * flag)

    def told(self) -> str:
        """Return in words what becomes of the column."""
        raise NotImplementedError

    def write(self, where: str, column: Column, features: Array, table: Table) -> None:
        """Write what becomes of a column's rows into (rows, features); `table` says where a row stands.

        Raises
        ------
        InputError
            If something stands there that can't be prepared.
        """
        raise NotImplementedError

    def expect_filled(self, where: str, gaps: Array, fill: float | str | None, table: Table) -> None:
        """Raise if there are gaps that nothing fills."""
        if fill is None and gaps.any():
            row = int(gaps.argmax())
            raise InputError(
                where,
                given=f"a gap in {table.place(row)}, column {printable(self.name)!r}, "
                f"and {counted(int(gaps.sum()), 'gap')} in all",
                expected="a value in each row: the training had no gaps there",
                fix='Fill them, or leave those rows out; to have them filled each time, train with fill = "median" '
                '(of words "own level") for this column',
                cause="data.nonfinite",
            )


class NumberColumn(ColumnPreparation):
    """A number stays one; a gap becomes `fill`.

    Parameters
    ----------
    name : str
    fill : float, optional
        What a gap becomes. None refuses gaps.
    flag : bool, default False
        Whether a column of its own says where there was a gap: 1, else 0.
    unit : str, optional
        What stood at each number in the training's file, such as ``"%"``; ``""``: nothing. A file in which something
        else stands there is warned of: 50 % is 50, and no 0.5. None: nobody knows.

    Examples
    --------
    >>> NumberColumn("age", fill=28.0, flag=True).feature_names
    ('age', 'age is missing')
    """

    kind = "number"

    def __init__(self, name: str, *, fill: float | None = None, flag: bool = False, unit: str | None = None) -> None:
        self.name = _checked_name("NumberColumn", name)
        if unit is not None and not isinstance(unit, str):
            raise InputError("NumberColumn unit", given=f"{unit!r:.80}", expected="a text", fix='Pass "%", or None')
        self.unit = unit
        self.fill = None if fill is None else checks.number("NumberColumn fill", fill, like=0.0)
        self.flag = checked_flag("NumberColumn flag", flag)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return (self.name, f"{self.name} is missing") if self.flag else (self.name,)

    def told(self) -> str:
        gap = "" if self.fill is None else f"; a gap becomes {self.fill:g}" + ", and has a flag" * self.flag
        return f"a number{gap}"

    def write(self, where: str, column: Column, features: Array, table: Table) -> None:
        gaps = np.isnan(column.values)
        self.expect_filled(where, gaps, self.fill, table)
        if None not in (self.unit, column.unit) and self.unit != column.unit and not gaps.all():
            self._warn_of_unit(where, str(column.unit))
        features[:, 0] = column.values
        if self.fill is not None:
            features[gaps, 0] = self.fill
        if self.flag:
            features[:, 1] = gaps
        elif gaps.any():
            self._warn_of_gaps(where, gaps, table)

    def _warn_of_unit(self, where: str, unit: str) -> None:
        here, then = (f"with {printable(each)!r}" if each else "with nothing beside them" for each in (unit, self.unit))
        warn_user(
            InputWarning(
                where,
                given=f"numbers {here} in column {printable(self.name)!r}",
                expected=f"numbers {then}, as in training; they are taken as they are, 45 % as 45",
                fix="Write them in the unit of the training",
                cause="data.unseen",
            )
        )

    def _warn_of_gaps(self, where: str, gaps: Array, table: Table) -> None:
        warn_user(
            InputWarning(
                where,
                given=f"{counted(int(gaps.sum()), 'gap')} in column {printable(self.name)!r}, the first in "
                f"{table.place(int(gaps.argmax()))}, of which no flag tells the network",
                expected=f"numbers: each gap was filled with {self.fill:g}",
                fix="Look at the answers of these rows with care",
                cause="data.unseen",
            )
        )


class CategoryColumn(ColumnPreparation):
    """A word becomes a row of zeros with a one in the column of that word.

    Parameters
    ----------
    name : str
    categories : sequence of str
        Those that have a column each, in this order.
    fill : str, optional
        The word that a gap stands for, one of `categories`: ``"(missing)"`` where gaps have a column of their own. None
        refuses gaps.
    other : str, optional
        The word that each stands for that is none of `categories`; one of them. None gives it zeros in all columns, and
        warns.

    Examples
    --------
    >>> CategoryColumn("kind", ["rose", "tulip"]).feature_names
    ('kind = rose', 'kind = tulip')
    """

    kind = "word"

    def __init__(
        self, name: str, categories: Sequence[str], *, fill: str | None = None, other: str | None = None
    ) -> None:
        self.name = _checked_name("CategoryColumn", name)
        good = not isinstance(categories, str) and all(isinstance(word, str) for word in categories)
        if not good or not categories or len(set(categories)) < len(categories):
            raise InputError(
                "CategoryColumn categories",
                given=f"{categories!r:.80}",
                expected="different words, at least one",
                fix='Pass for example ["red", "green"]',
            )
        self.categories = tuple(categories)
        for setting, word in (("fill", fill), ("other", other)):
            if word is not None and word not in self.categories:
                raise InputError(
                    f"CategoryColumn {setting}",
                    given=f"{word!r:.80}",
                    expected="one of its categories",
                    fix=f"Add it to the categories, or leave {setting} out",
                )
        self.fill, self.other = fill, other

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name} = {word}" for word in self.categories)

    def told(self) -> str:
        listed = ", ".join(self.categories[:_SHOWN]) + (", …" if len(self.categories) > _SHOWN else "")
        gap = "" if self.fill is None else f"; a gap is {self.fill!r}"
        other = "" if self.other is None else f"; any other word is {self.other!r}"
        return f"a column for each of {counted(len(self.categories), 'word')} ({listed}){gap}{other}"

    def write(self, where: str, column: Column, features: Array, table: Table) -> None:
        codes = column.values
        self.expect_filled(where, codes < 0, self.fill, table)
        places = {word: place for place, word in enumerate(self.categories)}
        other = -1 if self.other is None else places[self.other]
        truths = {word.casefold(): place for word, place in places.items() if word.casefold() in ("true", "false")}
        place_of = np.array(
            [*(places.get(word, truths.get(word.casefold(), other)) for word in column.words), -1], np.intp
        )
        if self.fill is not None:
            place_of[-1] = places[self.fill]
        found = place_of[codes]
        features[...] = 0
        known = found >= 0
        features[np.flatnonzero(known), found[known]] = 1
        if not known.all():
            self._warn_of_unknown(where, column, np.flatnonzero(~known), table)

    def _warn_of_unknown(self, where: str, column: Column, rows: Array, table: Table) -> None:
        words = dict.fromkeys(column.words[code] for code in column.values[rows])
        listed = ", ".join(repr(printable(word))[:40] for word in [*words][:_SHOWN])
        more = f" and {len(words) - _SHOWN:,} more" if len(words) > _SHOWN else ""
        warn_user(
            InputWarning(
                where,
                given=f"{listed}{more} in column {printable(self.name)!r}, {counted(len(rows), 'row')}, the first in "
                f"{table.place(int(rows[0]))}",
                expected=f"one of the training's {counted(len(self.categories), 'word')}; these count as none of them",
                fix="Look at the answers of these rows with care",
                cause="data.unseen",
            )
        )


class DateColumn(ColumnPreparation):
    """A date becomes numbers: the year, the month, the weekday (Monday is 0), days since 1970 …

    Parameters
    ----------
    name : str
    parts : sequence of {"year", "month", "day", "weekday", "hour", "minute", "days"}
        ``"days"`` are those since 1970-01-01, with fractions where there are times.
    fill : str, optional
        The date that a gap becomes, ``"2024-02-29"``. None refuses gaps.
    flag : bool, default False
        Whether a column of its own says where there was a gap.

    Examples
    --------
    >>> DateColumn("sold", ["year", "month"]).feature_names
    ('year of sold', 'month of sold')
    """

    kind = "date"

    def __init__(
        self,
        name: str,
        parts: Sequence[str] = ("year", "month", "day", "weekday", "days"),
        *,
        fill: str | None = None,
        flag: bool = False,
    ) -> None:
        self.name = _checked_name("DateColumn", name)
        if isinstance(parts, str) or not parts or len(set(parts)) < len(parts):
            raise InputError(
                "DateColumn parts",
                given=f"{parts!r:.80}",
                expected="different parts, at least one",
                fix='Pass for example ["year", "month"]',
            )
        self.parts = tuple(checks.one_of("DateColumn parts", part, PARTS) for part in parts)
        self.fill = fill
        self._fill = None if fill is None else _date(fill)
        self.flag = checked_flag("DateColumn flag", flag)

    @property
    def feature_names(self) -> tuple[str, ...]:
        names = tuple(f"{part} of {self.name}" for part in self.parts)
        return (*names, f"{self.name} is missing") if self.flag else names

    def told(self) -> str:
        gap = "" if self.fill is None else f"; a gap becomes {self.fill}" + ", and has a flag" * self.flag
        return f"a date, of which {', '.join(self.parts)}{gap}"

    def write(self, where: str, column: Column, features: Array, table: Table) -> None:
        gaps = np.isnat(column.values)
        self.expect_filled(where, gaps, self.fill, table)
        dates = column.values if self._fill is None else np.where(gaps, self._fill, column.values)
        for i, part in enumerate(self.parts):
            features[:, i] = _part(part, dates)
        if self.flag:
            features[:, -1] = gaps


def free(word: str, taken: Collection[str]) -> str:
    """Return the word, or one like it that no column has."""
    while word in taken:
        word = f"({word})"
    return word


def of_kind(where: str, name: str, column: Column, kind: Kind, table: Table) -> Column:
    """Return a column as one of this kind, without loss.

    Raises
    ------
    InputError
        If a cell can't be of this kind; it is named.
    """
    if column.kind == kind:
        return column
    if kind == "word":
        return word_column([text or None for text in column.texts()])
    gaps = column.gaps
    if gaps.all():
        nothing: Array = (
            np.full(len(column), "NaT", "datetime64[s]") if kind == "date" else np.full(len(column), np.nan)
        )
        return Column(kind, nothing)
    converted: Array | None = None
    wrong = int((~gaps).argmax())
    if column.kind == "word":
        each = [_number(word) if kind == "number" else _date_or_none(word) for word in column.words]
        bad = np.array([value is None for value in each] + [False])[column.values]
        if not bad.any():
            blank: Any = np.nan if kind == "number" else np.datetime64("NaT", "s")
            converted = np.array([*each, blank], np.float64 if kind == "number" else "datetime64[s]")[column.values]
        wrong = int(bad.argmax())
    if converted is None:
        cell = printable(column.take([wrong]).texts()[0])
        raise InputError(
            where,
            given=f"{cell!r:.60} in {table.place(wrong)}, column {printable(name)!r}",
            expected=f"a {kind}, as in training",
            fix="Correct it, or empty that cell to make a gap of it",
        )
    return Column(kind, converted)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) and "_" not in text else None


def _date_or_none(text: str) -> np.datetime64 | None:
    try:
        return np.datetime64(text.strip(), "s")
    except ValueError:
        return None


def _date(text: Any) -> np.datetime64:
    found = _date_or_none(text) if isinstance(text, str) else None
    if found is None or np.isnat(found):
        raise InputError("DateColumn fill", given=f"{text!r:.60}", expected="a date", fix='Write it as "2024-02-29"')
    return found


def _part(part: str, dates: Array) -> Array:
    days = dates.astype("datetime64[D]")
    if part == "year":
        return np.asarray(dates.astype("datetime64[Y]").astype(np.int64) + 1970)
    if part == "month":
        return np.asarray(dates.astype("datetime64[M]").astype(np.int64) % 12 + 1)
    if part == "day":
        return np.asarray((days - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1)
    if part == "weekday":
        return np.asarray((days.astype(np.int64) + 3) % 7)  # the first of 1970 was a Thursday
    seconds = (dates - days).astype("timedelta64[s]").astype(np.int64)
    if part == "hour":
        return np.asarray(seconds // 3600)
    if part == "minute":
        return np.asarray(seconds % 3600 // 60)
    return np.asarray(days.astype(np.int64) + seconds / 86400)


def _checked_name(where: str, name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise InputError(f"{where} name", given=f"{name!r:.80}", expected="a column's name", fix='Pass "age"')
    return name


def checked_flag(where: str, flag: Any) -> bool:
    """Return a setting that is true or false."""
    if not isinstance(flag, (bool, np.bool_)):
        name = where.rpartition(" ")[2]
        raise InputError(where, given=f"{flag!r:.80}", expected="True or False", fix=f"Pass {name}=True")
    return bool(flag)
