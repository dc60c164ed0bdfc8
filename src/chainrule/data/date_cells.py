"""Cells that are dates: 2024-03-31, with or without a time, 31.3.2024, 31/3/2024, 3/31/2024, 31 Mar 2024.

Whether the day or the month stands first is decided by the cells of a column: a number above 12 is a day. Where none
is, that is for the caller to ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from chainrule.arrays import Array

_TIME = (
    r"(?:(?:[T ]| +)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d{1,9})?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?(?P<zone> ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NAME = "(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*"
_FORMS = {
    "year first": rf"(?P<year>\d{{4}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){_TIME}",
    "numbers": rf"(?P<left>\d{{1,2}})(?P<mark>[-/.]) ?(?P<right>\d{{1,2}})(?P=mark) ?(?P<year>\d{{4}}|\d\d){_TIME}",
    "day name": rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[-/. ]+{_NAME}[-/., ]+(?P<year>\d{{4}}){_TIME}",
    "name day": rf"{_NAME}[ .]+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? +(?P<year>\d{{4}}){_TIME}",
}
_PATTERNS = {name: re.compile(form, re.ASCII | re.IGNORECASE) for name, form in _FORMS.items()}


class Dates(NamedTuple):
    """Dates in some cells.

    Attributes
    ----------
    form : str
        "year first", "numbers", "day name" or "name day".
    mark : str
        What stands between the numbers.
    orders : tuple of bool
        Whether the day stands first: what the cells allow. Both, if they leave it open; of other forms one.
    short : bool
        Whether years have two digits.
    """

    form: str
    mark: str
    orders: tuple[bool, ...]
    short: bool
    zoned: bool


def look(cells: Iterable[str]) -> Dates | None:
    """Return how these cells are dates; None if one is none, or they differ.

    >>> look(["3/31/2024", "1/2/2024"]).orders, look(["1/2/2024"]).orders, look(["1/2/2024", "rose"])
    ((False,), (True, False), None)
    """
    form = mark = ""
    orders, short, zones = {True, False}, set[bool](), set[bool]()
    same = True
    for cell in cells:
        found = None
        for name in [form] if form else _PATTERNS:
            if found := _PATTERNS[name].fullmatch(cell.strip()):
                form = name
                break
        if found is None:
            return None
        parts = found.groupdict()
        if mark and parts.get("mark", mark) != mark:
            return None
        mark = parts.get("mark", "")
        short.add(len(parts["year"]) == 2)
        zones.add(bool(parts["zone"]))
        if form == "numbers":
            same &= parts["left"].lstrip("0") == parts["right"].lstrip("0")
        orders = {order for order in orders if _moment(parts, order) is not None}
        if not orders or len(short) > 1 or len(zones) > 1:
            return None
    if not form:
        return None
    if form != "numbers" or same or (mark == "." and True in orders):  # with points the day stands first
        orders = {True}
    return Dates(form, mark, tuple(sorted(orders, reverse=True)), short.pop(), zones.pop())


def moments(cells: Iterable[str], dates: Dates, day_first: bool) -> Array:
    """Return cells as datetime64[s], NaT for what is no such date."""
    found = []
    for cell in cells:
        match = _PATTERNS[dates.form].fullmatch(cell.strip())
        moment = None if match is None else _moment(match.groupdict(), day_first)
        found.append(np.datetime64("NaT", "s") if moment is None else np.datetime64(moment, "s"))
    return np.array(found, "datetime64[s]")


def _moment(parts: dict[str, Any], day_first: bool) -> datetime | None:
    """Return the moment that a cell names, in UTC where it names a zone; None if there is no such day or time."""
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 1900 if year >= 69 else 2000  # as POSIX has it
    if parts.get("name"):
        month, day = 1 + _MONTHS.index(parts["name"][:3].lower()), int(parts["day"])
    elif "left" in parts:
        day, month = int(parts["left"]), int(parts["right"])
        if not day_first:
            day, month = month, day
    else:
        month, day = int(parts["month"]), int(parts["day"])
    hour = int(parts["hour"] or 0)
    if parts["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (parts["half"] in "Pp")
    try:
        moment = datetime(year, month, day, hour, int(parts["minute"] or 0), int(parts["second"] or 0))
        if (zone := (parts["zone"] or "").strip()) and zone[0] in "+-":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            moment += -offset if zone[0] == "+" else offset
    except (ValueError, OverflowError):
        return None
    return moment
