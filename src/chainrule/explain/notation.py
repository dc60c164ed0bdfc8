"""Formulas as trees, and how to write them for a page, as MathML; `boxes` writes them as lines of text.

The trees come from `typeset`, which makes them of what is executed; matrices of numbers are leaves like any symbol.
Long matrices are shown by their corner, with dots for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import printable
from chainrule.ops.op import Array

MOST_ROWS = MOST_COLUMNS = 10  # of a matrix that is shown whole: ten classes are
CORNER = 3
BESIDE = "\u2062"  # the operator of a product that nothing stands for: invisible times


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
class Joined:
    """Operands and operators (plain strings) in a row; "@" and `BESIDE` are the matrix product, "" and " " join."""

    items: tuple[Math | str, ...]


@dataclass(frozen=True)
class Fraction:
    top: Math
    bottom: Math


@dataclass(frozen=True)
class Superscript:
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

    of: Math
    by: Math


Math: TypeAlias = "Symbol | Number | Matrix | Joined | Fraction | Superscript | Root | Fence | Partial"


def number(value: Any) -> str:
    """Return a number as explanations print it: four significant digits.

    >>> number(0.123456), number(-2.0), number(3), number(-0.0)
    ('0.1235', '-2', '3', '0')
    """
    whole = isinstance(value, (bool, np.bool_, int, np.integer))
    return str(int(value)) if whole else f"{float(value) + 0.0:.4g}"  # −0 + 0 is 0


def cells(array: Array) -> list[list[str]]:
    """Return an array as rows of printed numbers, those of a large one from its corner, with "…" for the rest.

    An empty one is ∅.
    """
    if not array.size:
        return [["∅"]]
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


def only_its_shape(array: Array) -> str | None:
    """Return how a large matrix is written whose corner is all zeros, as that of a picture: by its shape; else None.

    A vector keeps its zeros: [32] would be read as a number.

    >>> only_its_shape(np.eye(784)[-1:])
    '[1×784]'
    """
    if array.ndim < 2 or not is_large(array) or not array.any():
        return None
    zeros = all(cell in ("0", "…") for row in cells(array) for cell in row)
    return f"[{'×'.join(map(str, array.shape))}]" if zeros else None


def mathml(math: Math) -> str:
    """Return a formula as a MathML element: browsers typeset it without any script.

    >>> mathml(Superscript(Symbol("e"), Number("2")))
    '<math displaystyle="true"><msup><mi>e</mi><mn>2</mn></msup></math>'
    """
    return f'<math displaystyle="true">{_element(math)}</math>'


def _element(math: Math) -> str:
    match math:
        case Symbol(text, layer):
            name = _identifier(text)
            return name if layer is None else f"<msup>{name}{_layer(layer)}</msup>"
        case Number(text):
            return f"<mn>{escape(text.replace('-', '−'))}</mn>"
        case Matrix(array):
            return _matrix_element(array)
        case Joined(items):
            return f"<mrow>{''.join(_operator(i) if isinstance(i, str) else _element(i) for i in items)}</mrow>"
        case Fraction(top, bottom):
            return f"<mfrac>{_element(top)}{_element(bottom)}</mfrac>"
        case Superscript(base, exponent):
            return f"<msup>{_element(base)}{_element(exponent)}</msup>"
        case Root(inner):
            return f"<msqrt>{_element(inner)}</msqrt>"
        case Fence(left, inner, right):
            return f"<mrow>{_bracket(left, 'prefix')}{_element(inner)}{_bracket(right, 'postfix')}</mrow>"
        case Partial(of, by):
            parts = (f"<mrow><mo>∂</mo>{_element(symbol)}</mrow>" for symbol in (of, by))
            return f"<mfrac>{''.join(parts)}</mfrac>"


def _layer(number: int) -> str:
    opened, closed = (f'<mo stretchy="false">{bracket}</mo>' for bracket in "()")
    return f"<mrow>{opened}<mn>{number}</mn>{closed}</mrow>"


def _identifier(text: str) -> str:
    shown = escape(printable(text))
    return f"<mi>{shown}</mi>" if len(text) == 1 or not text.isascii() else f'<mi mathvariant="normal">{shown}</mi>'


def _operator(text: str) -> str:
    if text in ("@", BESIDE):  # a matrix product is written side by side
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
    shape = only_its_shape(array)
    if shape is not None:
        return _element(Symbol(shape))
    dots = "<mtd><mo>…</mo></mtd>"
    rows = (
        "".join(dots if cell == "…" else f"<mtd>{_element(Number(cell))}</mtd>" for cell in row) for row in cells(array)
    )
    # Its brackets are drawn by the page's style: not every machine has a font with tall ones.
    return f'<mtable class="matrix">{"".join(f"<mtr>{row}</mtr>" for row in rows)}</mtable>'
