"""Formulas as trees, and how to write them: as MathML for a page, as lines of text for a terminal.

The trees come from `typeset`, which makes them of what is executed; matrices of numbers are leaves like any symbol.
Long matrices are shown by their corner, with dots for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias

import numpy as np

from chainrule.explain.escaping import printable
from chainrule.ops.op import Array

MOST_ROWS = MOST_COLUMNS = 8  # of a matrix that is shown whole
CORNER = 3


@dataclass(frozen=True)
class Symbol:
    """A name, with a number of its layer above it: W⁽²⁾."""

    text: str
    layer: int | None = None


@dataclass(frozen=True)
class Number:
    """A number in a formula."""

    text: str


@dataclass(frozen=True, eq=False)
class Matrix:
    """An array, written out."""

    array: Array


@dataclass(frozen=True)
class Row:
    """Operands and operators (plain strings) beside each other; "@" is the matrix product, "" and " " join."""

    items: tuple[Math | str, ...]


@dataclass(frozen=True)
class Fraction:
    top: Math
    bottom: Math


@dataclass(frozen=True)
class Power:
    base: Math
    exponent: Math


@dataclass(frozen=True)
class Root:
    inner: Math


@dataclass(frozen=True)
class Fence:
    """Something between brackets or bars."""

    left: str
    inner: Math
    right: str


@dataclass(frozen=True)
class Partial:
    """∂of/∂by."""

    of: Symbol
    by: Symbol


Math: TypeAlias = "Symbol | Number | Matrix | Row | Fraction | Power | Root | Fence | Partial"

_RAISED = str.maketrans("0123456789()−-T+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁻⁻ᵀ⁺")


def number(value: Any) -> str:
    """Return a number as explanations print it: four significant digits.

    >>> number(0.123456), number(-2.0), number(3)
    ('0.1235', '-2', '3')
    """
    return str(int(value)) if isinstance(value, (bool, np.bool_, int, np.integer)) else f"{float(value):.4g}"


def cells(array: Array) -> list[list[str]]:
    """Return an array as rows of printed numbers, those of a large one from its corner, with "…" for the rest."""
    table = array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1)
    rows, columns = table.shape
    few_rows = rows if rows <= MOST_ROWS else CORNER
    few_columns = columns if columns <= MOST_COLUMNS else CORNER
    written = [[number(value) for value in row] for row in table[:few_rows, :few_columns]]
    if few_columns < columns:
        for row in written:
            row.append("…")
    if few_rows < rows:
        written.append(["…"] * len(written[0]))
    return written


def is_large(array: Array) -> bool:
    """Return whether `cells` leaves numbers out."""
    return any("…" in row for row in cells(array))


# ---------------------------------------------------------------------- MathML


def mathml(math: Math) -> str:
    """Return a formula as a MathML element: browsers typeset it without any script.

    >>> mathml(Power(Symbol("e"), Number("2")))
    '<math displaystyle="true"><msup><mi>e</mi><mn>2</mn></msup></math>'
    """
    return f'<math displaystyle="true">{_element(math)}</math>'


def _element(math: Math) -> str:
    match math:
        case Symbol(text, layer):
            name = _identifier(text)
            return name if layer is None else f"<msup>{name}<mrow><mo>(</mo><mn>{layer}</mn><mo>)</mo></mrow></msup>"
        case Number(text):
            return f"<mn>{escape(text.replace('-', '−'))}</mn>"
        case Matrix(array):
            return _matrix_element(array)
        case Row(items):
            return f"<mrow>{''.join(_operator(i) if isinstance(i, str) else _element(i) for i in items)}</mrow>"
        case Fraction(top, bottom):
            return f"<mfrac>{_element(top)}{_element(bottom)}</mfrac>"
        case Power(base, exponent):
            return f"<msup>{_element(base)}{_element(exponent)}</msup>"
        case Root(inner):
            return f"<msqrt>{_element(inner)}</msqrt>"
        case Fence(left, inner, right):
            return f"<mrow>{_bracket(left, 'prefix')}{_element(inner)}{_bracket(right, 'postfix')}</mrow>"
        case Partial(of, by):
            parts = (f"<mrow><mo>∂</mo>{_element(symbol)}</mrow>" for symbol in (of, by))
            return f"<mfrac>{''.join(parts)}</mfrac>"


def _identifier(text: str) -> str:
    shown = escape(printable(text))
    return f"<mi>{shown}</mi>" if len(text) == 1 or not text.isascii() else f'<mi mathvariant="normal">{shown}</mi>'


def _operator(text: str) -> str:
    if text == "@":  # a matrix product is written side by side
        return '<mspace width="0.25em"></mspace>'
    if not text.strip():
        return '<mspace width="0.15em"></mspace>' if text else ""
    if text[:1].isalpha() or text.startswith(", "):
        return f"<mtext>\u00a0{escape(text.strip(', '))}\u00a0</mtext>"
    return f"<mo>{escape(text)}</mo>"


def _bracket(text: str, form: str) -> str:
    return f'<mo form="{form}" stretchy="true">{escape(text)}</mo>' if text else ""


def _matrix_element(array: Array) -> str:
    if array.ndim == 0:
        return _element(Number(number(array[()])))
    dots = "<mtd><mo>…</mo></mtd>"
    rows = (
        "".join(dots if cell == "…" else f"<mtd>{_element(Number(cell))}</mtd>" for cell in row) for row in cells(array)
    )
    # Its brackets are drawn by the page's style: not every machine has a font with tall ones.
    return f'<mtable class="matrix">{"".join(f"<mtr>{row}</mtr>" for row in rows)}</mtable>'


# ---------------------------------------------------------------------- text


@dataclass(frozen=True)
class Box:
    """Lines of equal length; `base` is the one that others stand beside."""

    lines: tuple[str, ...]
    base: int = 0

    @property
    def width(self) -> int:
        return len(self.lines[0])


def text(math: Math) -> list[str]:
    """Return a formula as lines of text, its matrices drawn with tall brackets.

    >>> print("\\n".join(text(Row((Symbol("x"), "=", Matrix(np.eye(2)))))))
    x = ⎡ 1  0 ⎤
        ⎣ 0  1 ⎦
    """
    return [line.rstrip() for line in _box(math).lines]


def one_line(math: Math) -> str:
    """Return a formula without matrices on one line."""
    return text(math)[0]


def _box(math: Math) -> Box:
    match math:
        case Symbol(name, layer):
            raised = "" if layer is None else f"({layer})".translate(_RAISED)
            return Box((printable(name) + raised,))
        case Number(name):
            return Box((name,))
        case Matrix(array):
            return _matrix_box(array)
        case Row(items):
            return beside([Box((_spaced(i, n),)) if isinstance(i, str) else _box(i) for n, i in enumerate(items)])
        case Fraction(top, bottom):
            return beside([_grouped(top), Box((" / ",)), _grouped(bottom)])
        case Power(base, exponent):
            return _power_box(_box(base), _box(exponent))
        case Root(inner):
            return beside([Box(("√",)), _grouped(inner)])
        case Fence(left, inner, right):
            return beside([Box((left,)), _box(inner), Box((right,))])
        case Partial(of, by):
            return Box((f"∂{_box(of).lines[0]}/∂{_box(by).lines[0]}",))


def _spaced(operator: str, place: int) -> str:
    if place == 0:
        return f"{operator} " if operator == "=" else operator
    if not operator.strip():
        return operator
    return f"{operator} " if operator.startswith(",") else f" {operator} "


def _grouped(math: Math) -> Box:
    box = _box(math)
    loose = isinstance(math, Fraction) or (isinstance(math, Row) and any(isinstance(i, str) and i for i in math.items))
    return beside([Box(("(",)), box, Box((")",))]) if loose else box


def _power_box(base: Box, exponent: Box) -> Box:
    raised = exponent.lines[0]
    if len(exponent.lines) == 1 and len(raised) == 1 and raised.translate(_RAISED) != raised:
        return beside([base, Box((raised.translate(_RAISED),))])
    simple = len(exponent.lines) == 1 and not set(raised) & set(" −")
    parts = [exponent] if simple else [Box(("(",)), exponent, Box((")",))]
    return beside([base, Box(("^",)), *parts])


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


def _matrix_box(array: Array) -> Box:
    if array.ndim == 0:
        return Box((number(array[()]),))
    table = cells(array)
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    rows = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in table]
    if len(rows) == 1:
        return Box((f"[ {rows[0]} ]",))
    sides = [("⎡", "⎤"), *[("⎢", "⎥")] * (len(rows) - 2), ("⎣", "⎦")]
    return Box(tuple(f"{left} {row} {right}" for (left, right), row in zip(sides, rows)), (len(rows) - 1) // 2)
