"""Cells that are numbers, as people and programs write them: 1234.5, 1,234.5, 1.234,5, 1 234, $1,200, 45 %, (12).

How a column writes its numbers is decided by all of its cells. Where they leave it open, as 1,234 does, which is 1234
or 1.234, that is for the caller to ask.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import NamedTuple

import numpy as np

from chainrule.arrays import Array

#: Cells that mean a gap wherever numbers or dates are, in small letters.
GAPS = frozenset([
    "", "na", "n/a", "n.a.", "n.a", "#n/a", "#na", "nan", "-nan", "+nan", "nat", "null", "none", "nil", "<na>",
    "?", "-", "--", "---", "–", "—", ".", "..", "...", "*", "#null!", "#div/0!", "#value!", "#ref!", "#name?",
    "#num!",
])  # fmt: skip
_THOUSANDS = ",. '’\u00a0\u2009\u202f"
_SIGNS = "%‰$€£¥₹₽₩₺₪₫฿₴₦¢"
_CODES = frozenset([
    "USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "AUD", "CAD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF",
    "BRL", "MXN", "ZAR", "RUB", "TRY", "KRW", "US$", "A$", "C$", "NZ$", "HK$", "R$", "kr", "kr.", "Fr.", "Fr",
    "zł", "Kč", "Ft", "Rs", "Rs.", "pct",
])  # fmt: skip
_BODY = re.compile(r"(?:\d[\d.,'’ \u00a0\u2009\u202f]*\d|\d+[.,]?|[.,]\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MINUS = str.maketrans("−–", "--")  # U+2212 and the dash that stands for it


class Style(NamedTuple):
    """How a column writes its numbers: the marks of thousands and decimals, and what stands before or behind."""

    thousands: str = ""
    decimal: str = "."
    affix: str = ""

    @property
    def plain(self) -> bool:
        """Whether Python reads such numbers as they are."""
        return self == PLAIN

    def __str__(self) -> str:
        parts = [f"decimal {'comma' if self.decimal == ',' else 'point'}"] * (self.decimal != ".")
        if self.thousands:
            parts.append(f"thousands as in {f'1{self.thousands}234'!r}")
        if self.affix:
            parts.append(f"{self.affix!r} left out" + ": 45 % is 45" * (self.affix == "%"))
        return ", ".join(parts) or "plain numbers"


PLAIN = Style()
COMMA = Style("", ",")  # the usual other one


class Split(NamedTuple):
    """A cell that may be a number: its sign, its digits with the marks between them, and what stands around."""

    negative: bool
    body: str
    affix: str


def split(cell: str) -> Split | None:
    """Return the parts of a cell that may be a number; None if it is none.

    >>> split("-$1,200"), split("45 %"), split("rose")
    (Split(negative=True, body='1,200', affix='$'), Split(negative=False, body='45', affix='%'), None)
    """
    text = cell.strip().translate(_MINUS)
    found = _BODY.search(text)
    if found is None or len(text) > 200:
        return None
    before, after = text[: found.start()].strip(), text[found.end() :].strip()
    negative = False
    if before.startswith("(") and after.endswith(")"):
        negative, before, after = True, before[1:].strip(), after[:-1].strip()
    for sign in "+-":
        if before.startswith(sign) or before.endswith(sign):
            if negative:
                return None
            negative, before = sign == "-", before.strip(sign).strip()
            break
    if (before and after) or not _is_affix(before + after):
        return None
    return Split(negative, found[0], before + after)


def _is_affix(text: str) -> bool:
    return not text or text in _CODES or (len(text) == 1 and text in _SIGNS)


@cache
def _form(thousands: str, decimal: str) -> re.Pattern[str]:
    t, d = re.escape(thousands), re.escape(decimal)
    whole = rf"(?:\d+|[1-9]\d{{0,2}}(?:{t}\d{{3}})+|[1-9]\d?(?:{t}\d\d)*{t}\d{{3}})" if thousands else r"\d+"
    return re.compile(rf"(?:{whole}(?:{d}\d*)?|{d}\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def styles(cells: Iterable[str]) -> list[Style]:
    """Return in which ways these cells can be read as numbers, each once; none if one is no number.

    >>> styles(["12", "1.234,5"]), len(styles(["1,234"])), styles(["$5", "7"])
    ([Style(thousands='.', decimal=',', affix='')], 2, [])
    """
    bodies, affixes = list[str](), set[str]()
    for cell in cells:
        parts = split(cell)
        if parts is None:
            return []
        bodies.append(parts.body)
        affixes.add(parts.affix)
        if len(affixes) > 1:
            return []
    if not bodies:
        return []
    affix, found = affixes.pop(), dict[Style, None]()
    marks = set("".join(bodies)) - set("0123456789eE+-")
    for decimal in ".,":
        for thousands in ("", *_THOUSANDS):
            if thousands == decimal or (thousands and thousands not in marks):
                continue
            form = _form(thousands, decimal)
            if all(form.fullmatch(body) for body in bodies):
                found[Style(thousands, decimal if decimal in marks else ".", affix)] = None
    return list(found)


def number(cell: str, style: Style) -> float:
    """Return the number in a cell of this style, NaN if there is none.

    >>> number("1.234,5", Style(".", ",")), number("(12 %)", Style(affix="%"))
    (1234.5, -12.0)
    """
    parts = split(cell)
    if parts is None or parts.affix != style.affix or not _form(style.thousands, style.decimal).fullmatch(parts.body):
        return math.nan
    body = parts.body.replace(style.thousands, "") if style.thousands else parts.body
    value = float(body.replace(style.decimal, "."))
    return -value if parts.negative else value


def numbers(cells: Sequence[str], style: Style, gaps: frozenset[str]) -> Array | None:
    """Return these cells as float64, NaN for a gap, if each is a number of this style or a gap; else None.

    What Python alone takes for a number, such as 1_000, is for the caller to look for. `gaps` are in small letters.
    """
    if not style.plain:
        return _styled(cells, style, gaps)
    for some in (cells, [cell or "nan" for cell in cells]):  # the second for its empty cells, which are common
        with suppress(ValueError):
            return np.fromiter(map(float, some), np.float64, len(cells))
    try:
        return np.fromiter(
            [math.nan if (text := cell.strip()).lower() in gaps else float(text) for cell in cells],
            np.float64,
            len(cells),
        )
    except ValueError:
        return None


def _styled(cells: Sequence[str], style: Style, gaps: frozenset[str]) -> Array | None:
    if style == COMMA:  # at the speed of plain numbers
        text = "\n".join(cells)
        if "." not in text and text.count("\n") == len(cells) - 1:
            try:
                return np.fromiter(map(float, text.replace(",", ".").split("\n")), np.float64, len(cells))
            except ValueError:
                pass
    found = np.fromiter([number(cell, style) for cell in cells], np.float64, len(cells))
    for i in np.flatnonzero(np.isnan(found)).tolist():
        if cells[i].strip().lower() not in gaps:
            return None
    return found


def is_code(cell: str) -> bool:
    """Return whether digits are rather a code than an amount: with zeros before them, or more than float64 can hold.

    >>> is_code("01234"), is_code("12345678901234567891"), is_code("0"), is_code("1e3")
    (True, True, False, False)
    """
    digits = cell.strip().lstrip("+-")
    if not (digits.isascii() and digits.isdigit()):
        return False
    if len(digits) < 16:
        return len(digits) > 1 and digits[0] == "0"
    return digits[0] == "0" or len(digits) > 300 or int(digits) != int(float(digits))


_ZEROED = re.compile(r"\n[ \t+-]*0\d")


def is_zeroed(cells: Sequence[str]) -> bool:
    """Return whether one of these cells may begin with a zero before another digit: a quick look, for `is_code`."""
    return _ZEROED.search("\n" + "\n".join(cells)) is not None
