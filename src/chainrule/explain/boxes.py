"""Formulas as lines of text: operands stand beside each other, matrices have tall brackets.

Whatever a formula is made of stands in one row, so a long one can be broken before any operator, and a matrix wider
than the page is cut into groups of columns, with ┊ where it goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chainrule.errors import printable
from chainrule.explain.notation import Fence, Fraction, Math, Matrix, Number, Partial, Power, Root, Row, Symbol, cells
from chainrule.explain.notation import number as written

_RAISED = str.maketrans("0123456789()−-T+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁻⁻ᵀ⁺")
_BREAKS = ("+", "−", "·", "@", "/", "∧", "∨", ",", "where", "else", ", else", "if")


@dataclass(frozen=True)
class Box:
    """Lines of equal length; `base` is the one that others stand beside.

    A line of the page may end before a box that `breaks`, and between the `columns` of a matrix.
    """

    lines: tuple[str, ...]
    base: int = 0
    breaks: bool = False
    columns: tuple[tuple[str, ...], ...] = ()

    @property
    def width(self) -> int:
        return len(self.lines[0])


def text(math: Math, width: int | None = None, indent: int = 0) -> list[str]:
    """Return a formula as lines of text, its matrices drawn with tall brackets.

    Parameters
    ----------
    math : Math
    width : int, optional
        Where lines end.
    indent : int, default 0
        How far the lines after the first are moved in, if it is broken.

    Examples
    --------
    >>> import numpy as np
    >>> print("\\n".join(text(Row((Symbol("x"), "=", Matrix(np.eye(2)))))))
    x = ⎡ 1  0 ⎤
        ⎣ 0  1 ⎦
    >>> print("\\n".join(text(Row(("=", Matrix(np.arange(9.0)))), width=24, indent=2)))
    = [ 0  1  2  3  4  5 ┊
      ┊ 6  7  8 ]
    """
    boxes = list(_boxes(math))
    rows = [boxes] if width is None else _broken(boxes, width, indent)
    lines = []
    for i, row in enumerate(rows):
        lines += [" " * (indent if i else 0) + line.rstrip() for line in beside(row).lines]
    return lines


def one_line(math: Math) -> str:
    """Return a formula without matrices on one line."""
    return text(math)[0]


def _broken(boxes: list[Box], width: int, indent: int) -> list[list[Box]]:
    """Return boxes in rows no wider than the page, where that can be."""
    room = max(width - indent, 24)
    units: list[list[Box]] = [[]]
    for box in boxes:
        units += [[]] if box.breaks and units[-1] else []
        units[-1].append(box)
    rows: list[list[Box]] = [[]]
    for unit in units:
        fits = _width(unit) <= room
        for k, part in enumerate([unit] if fits else ([box] for box in _cut(unit, room - 4))):
            used, limit = _width(rows[-1]), room if len(rows) > 1 else width
            if used and (used + _width(part) > limit or (k == 0 and not fits and part[0].breaks)):
                rows.append([])
                if part[0].breaks:  # an operator leads its line
                    part = [Box((part[0].lines[0].lstrip(),)), *part[1:]]
            rows[-1] += part
    return rows


def _width(boxes: list[Box]) -> int:
    return sum(box.width for box in boxes)


def _cut(unit: list[Box], room: int) -> Iterator[Box]:
    """Yield the boxes of a unit, its matrices in groups of columns where they are wider than the page."""
    for box in unit:
        if box.width <= room or not box.columns:
            yield box
            continue
        group: list[tuple[str, ...]] = []
        first = True
        for column in box.columns:
            if group and _matrix(group, box.base).width + len(column[0]) + 2 > room:
                yield _matrix(group, box.base, starts=first, ends=False)
                group, first = [], False
            group.append(column)
        yield _matrix(group, box.base, starts=first)


def _boxes(math: Math) -> Iterator[Box]:
    match math:
        case Symbol(name, layer):
            raised = "" if layer is None else f"({layer})".translate(_RAISED)
            yield Box((printable(name) + raised,))
        case Number(name):
            yield Box((name,))
        case Matrix(array):
            if array.ndim == 0:
                yield Box((written(array[()]),))
            else:
                table = cells(array)
                widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
                columns = [tuple(row[i].rjust(width) for row in table) for i, width in enumerate(widths)]
                yield _matrix(columns, (len(table) - 1) // 2)
        case Row(items):
            for place, item in enumerate(items):
                if isinstance(item, str):
                    yield Box((_spaced(item, place),), breaks=place > 0 and item in _BREAKS)
                else:
                    yield from _boxes(item)
        case Fraction(top, bottom):
            yield from _grouped(top)
            yield Box((" / ",), breaks=True)
            yield from _grouped(bottom)
        case Power(base, exponent):
            yield from _boxes(base)
            yield from _exponent(list(_boxes(exponent)))
        case Root(inner):
            yield Box(("√",))
            yield from _grouped(inner)
        case Fence(left, inner, right):
            yield Box((left,))
            yield from _boxes(inner)
            yield Box((right,))
        case Partial(of, by):
            yield Box((f"∂{one_line(of)}/∂{one_line(by)}",))


def _spaced(operator: str, place: int) -> str:
    if place == 0:
        return f"{operator} " if operator == "=" else operator
    if not operator.strip():
        return operator
    return f"{operator} " if operator.startswith(",") else f" {operator} "


def _grouped(math: Math) -> Iterator[Box]:
    loose = isinstance(math, Fraction) or (isinstance(math, Row) and any(isinstance(i, str) and i for i in math.items))
    yield from _boxes(Fence("(", math, ")") if loose else math)


def _exponent(exponent: list[Box]) -> Iterator[Box]:
    whole = beside(exponent)
    raised = whole.lines[0]
    if len(whole.lines) == 1 and len(raised) == 1 and raised.translate(_RAISED) != raised:
        yield Box((raised.translate(_RAISED),))
        return
    simple = len(whole.lines) == 1 and not set(raised) & set(" −")
    yield Box(("^" if simple else "^(",))
    yield from exponent
    yield Box(("" if simple else ")",))


def beside(boxes: Sequence[Box]) -> Box:
    """Return boxes in a row, their base lines at one height."""
    above = max(box.base for box in boxes)
    below = max(len(box.lines) - box.base for box in boxes)
    lines = []
    for height in range(-above, below):
        parts = [
            box.lines[box.base + height] if 0 <= box.base + height < len(box.lines) else " " * box.width
            for box in boxes
        ]
        lines.append("".join(parts))
    return Box(tuple(lines), above)


def _matrix(columns: Sequence[tuple[str, ...]], base: int, *, starts: bool = True, ends: bool = True) -> Box:
    """Return columns between brackets, or ┊ where the matrix does not start or end with them."""
    rows = ["  ".join(row) for row in zip(*columns)]
    sides = [("[", "]")] if len(rows) == 1 else [("⎡", "⎤"), *[("⎢", "⎥")] * (len(rows) - 2), ("⎣", "⎦")]
    lines = (
        f"{left if starts else '┊'} {row} {right if ends else '┊'}"
        for (left, right), row in zip(sides, rows, strict=True)
    )
    return Box(tuple(lines), base, columns=tuple(columns))
