"""Tables as CSV, whatever is in them: a name that a spreadsheet would take for a formula stays a name."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from chainrule.errors import printable

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?inf")


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV: a line for its header, and one for each row.

    Texts that a spreadsheet takes for formulas get an apostrophe before them; numbers are written as they are, also
    where a text is one; of all texts, what doesn't print is escaped.

    >>> print(as_csv(["row", "class"], [[1, "=1+1"], [2, "-1"], [3, "@SUM(A1), \\t"]]), end="")
    row,class
    1,'=1+1
    2,-1
    3,"'@SUM(A1), \\t"
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in chain([header], rows))
    return text.getvalue()


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    told = str(value)
    begins = unicodedata.normalize("NFKC", told).lstrip()[:1]  # with ＝, too, which some take for =
    formula = begins and begins in "=+-@" and not _NUMBER.fullmatch(told)
    return f"'{printable(told)}" if formula or told[:1] in ("\t", "\r") else printable(told)
