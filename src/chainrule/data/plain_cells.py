"""Cells that are plain numbers, such as -12.5 and 1.5e-03: those of many rows at once, not one by one.

Eight characters of a cell are one integer of 64 bits. A few operations on such integers tell whether all characters
are digits, take the decimal mark out, and add up the digits (after D. Lemire, "Quickly parsing eight digits", 2018).
What comes out is a whole number, to be multiplied or divided by a power of ten. Where both are exact, the result is the
nearest float64, as `float` finds it (W. Clinger, "How to read floating point numbers accurately", 1990). Numbers of up
to 19 digits are exact in the 80 bits that x86 processors have; what they give is rounded once more, which is right
unless it lies in the middle between two float64, and there `float` decides. It decides on all such numbers where a
processor or a compiler has no floats of 80 bits in 16 bytes: tables are the same, and take longer to read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from chainrule.arrays import Array

_POWERS = 10.0 ** np.arange(23)
_LONG_POWERS = np.cumprod(np.array([1] + [10] * 27, np.longdouble))
_EXTENDED = np.finfo(np.longdouble)
_LONG = (_EXTENDED.nmant, _EXTENDED.dtype.itemsize, sys.byteorder) == (63, 16, "little")  # 80 bits, each in 16 bytes
_LAST = np.array([0] + [((1 << 8 * n) - 1) << (64 - 8 * n) for n in range(1, 9)], np.uint64)  # the last n characters


def _each(byte: int) -> np.uint64:
    """Return eight times this byte."""
    return np.uint64(byte * 0x0101010101010101)


_ZERO = ord("0")
_ZEROS, _HIGH = _each(_ZERO), _each(0xF0)
_ONE, _SEVEN, _EIGHT, _SIXTEEN, _HALF = map(np.uint64, (1, 7, 8, 16, 32))
_TENS = np.array([10**n for n in range(17)], np.uint64)
_PAIRS = np.uint64(0x000000FF000000FF)
_HUNDREDS, _TEN_THOUSANDS = np.uint64(100 + (1_000_000 << 32)), np.uint64(1 + (10_000 << 32))
_BEYOND, _MIDDLE = np.uint64(0x7FF), np.uint64(0x400)  # the bits that float64 has not, and half of its last one
_EXACT = np.uint64(1 << 53)  # from here on float64 leaves whole numbers out
_LONGEST = 24  # characters of a number without sign and exponent


class CutCells(NamedTuple):
    """The cells of some rows: where each begins and ends in their text.

    Attributes
    ----------
    text : str or bytes
        Of all rows; bytes of UTF-8 if there is more than ASCII.
    data : array of uint8
        The same, with `_LONGEST` bytes before it.
    starts, ends : array of int, (rows, columns)
    """

    text: str | bytes
    data: Array
    starts: Array
    ends: Array

    def of(self, column: int, rows: Array | slice = slice(None)) -> list[str]:
        """Return the cells of a column, or those in some rows, as they are."""
        places = zip(self.starts[rows, column].tolist(), self.ends[rows, column].tolist())
        text = self.text
        if isinstance(text, str):
            return [text[start:end] for start, end in places]
        return [text[start:end].decode() for start, end in places]


class BlockNumbers(NamedTuple):
    """What the cells of some columns are worth.

    Attributes
    ----------
    values : array of float64, (columns, rows)
        NaN where a cell is empty.
    odd : array of bool, (columns, rows)
        Which cells are neither a plain number nor empty: their value says nothing.
    empty : array of bool, (columns, rows)
    codes : array of bool, (columns, rows)
        Which may be codes: digits alone that have a zero before another one, or are too many for float64.
    """

    values: Array
    odd: Array
    empty: Array
    codes: Array

    def columns(self) -> Iterator[ColumnNumbers]:
        """Yield what is to be known of each column."""
        whole = ((np.floor(self.values) == self.values) | self.empty).all(axis=1)
        odd, all_whole, codes = np.stack([self.odd.any(axis=1), whole, self.codes.any(axis=1)]).tolist()
        empty = np.count_nonzero(self.empty, axis=1).tolist()
        for i, values in enumerate(self.values):
            yield ColumnNumbers(
                values, np.flatnonzero(self.odd[i]) if odd[i] else None, empty[i], all_whole[i], codes[i]
            )


class ColumnNumbers(NamedTuple):
    """What the cells of a column are worth.

    Attributes
    ----------
    values : array of float64
    odd : array of int, or None
        In which rows a cell is neither a plain number nor empty.
    empty : int
        How many are empty.
    whole : bool
        Whether all are whole numbers, apart from the empty ones.
    codes : bool
        Whether some may be codes.
    """

    values: Array
    odd: Array | None
    empty: int
    whole: bool
    codes: bool


def cut(text: str, delimiter: str, rows: int, width: int) -> CutCells | None:
    """Return the cells of so many rows of `width` cells, or None where finding them takes more than to cut.

    >>> cells = cut("1,rose\\n2,\\n", ",", 2, 2)
    >>> cells.of(0), cells.of(1)
    (['1', '2'], ['rose', ''])
    """
    if not delimiter.isascii() or "\0" in text:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            return None
    if not text.endswith("\n"):
        text += "\n"
    if width == 1 and not all(map(str.strip, text.splitlines())):
        return None  # a blank line is no row
    written: str | bytes = text if text.isascii() else text.encode("utf-8", "surrogatepass")
    data = np.frombuffer(b"\0" * _LONGEST + (written.encode() if isinstance(written, str) else written), np.uint8)
    shown = data[_LONGEST:]
    lines = shown == ord("\n")
    if delimiter == " ":
        places = _spaced(shown, lines, rows, width)
    else:
        ends = np.flatnonzero(lines | (shown == ord(delimiter)))
        right = len(ends) == rows * width and lines[ends[width - 1 :: width]].all() and lines.sum() == rows
        starts = np.empty_like(ends)
        starts[:1], starts[1:] = 0, ends[:-1] + 1
        places = (starts, ends) if right else None
    if places is not None and '"' in text:
        places = _without_quotes(shown, *places) if delimiter != " " else None
    if places is None:
        return None
    starts, ends = places
    return CutCells(written, data, starts.reshape(rows, width), ends.reshape(rows, width))


def _spaced(shown: Array, lines: Array, rows: int, width: int) -> tuple[Array, Array] | None:
    """Return where cells begin and end between which are runs of spaces; None if a row has another number of them."""
    inside = shown > ord(" ")
    if not (inside | lines | (shown == ord(" ")) | (shown == ord("\t"))).all() or shown.max() >= 128:
        return None  # there may be other kinds of spaces
    edges = np.flatnonzero(np.diff(inside, prepend=False))  # the last one is the end of a line
    starts, ends = edges[::2], edges[1::2]
    before = np.searchsorted(starts, np.flatnonzero(lines))  # how many cells are before each end of a line
    right = len(starts) == rows * width and np.array_equal(before, np.arange(1, rows + 1) * width)
    return (starts, ends) if right else None


def _without_quotes(shown: Array, starts: Array, ends: Array) -> tuple[Array, Array] | None:
    """Return where cells begin and end without the quotes around some; None where a quote is anywhere else."""
    quotes = shown == ord('"')
    quoted = (ends - starts > 1) & quotes[starts] & quotes[ends - 1]
    return (starts + quoted, ends - quoted) if 2 * quoted.sum() == quotes.sum() else None


def plain_numbers(cells: CutCells, columns: list[int], decimal: str) -> BlockNumbers:
    """Return what the cells of some columns are worth; `decimal` is their mark.

    >>> numbers = plain_numbers(cut("1,rose\\n-2.5,\\n", ",", 2, 2), [0, 1], ".")
    >>> numbers.values[0].tolist(), numbers.odd[1].tolist(), numbers.empty[1].tolist()
    ([1.0, -2.5], [True, False], [False, True])
    """
    starts, ends, data = cells.starts.T[columns], cells.ends.T[columns], cells.data
    empty = starts == ends
    first = data[starts + _LONGEST]
    negative = first == ord("-")
    starts = starts + ((negative | (first == ord("+"))) & ~empty)
    exponent, behind = _exponents(data, starts, ends)
    length = ends - starts - behind
    digits, decimals, pointed, right = _digits(data, ends - behind, length, decimal)
    values, near = _scaled(digits, exponent - decimals)
    np.negative(values, out=values, where=negative)
    values[empty] = np.nan
    zeroed = (data[starts + _LONGEST] == _ZERO) & (length > 1)
    codes = right & ~pointed & (behind == 0) & (zeroed | (digits >= _EXACT))
    return BlockNumbers(values, ~((right & near) | empty), empty, codes)


def _exponents(data: Array, starts: Array, ends: Array) -> tuple[Array | int, Array | int]:
    """Return the exponents that cells end with, such as e-05, and of how many characters they are."""
    raised = ((data[ends + (_LONGEST - 4)] | 0x20) == ord("e")) & (ends - starts > 4)
    if not raised.any():
        return 0, 0
    sign, tens, ones = (data[ends + (_LONGEST - n)] for n in (3, 2, 1))
    tens, ones = tens - _ZERO, ones - _ZERO
    raised &= ((sign == ord("-")) | (sign == ord("+"))) & (tens < 10) & (ones < 10)
    exponent = np.where(raised, tens * np.intp(10) + ones, 0)
    np.negative(exponent, out=exponent, where=sign == ord("-"))
    return exponent, 4 * raised


def _digits(data: Array, ends: Array, length: Array, decimal: str) -> tuple[Array, Array, Array, Array]:
    """Return the digits of cells as whole numbers, how many stand behind the mark, whether it is there, and if all is.

    `length` is how many characters before the end belong to a cell.
    """
    eights = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    digits, decimals, pointed, right = _eight(eights[ends + (_LONGEST - 8)], np.minimum(length, 8), decimal)
    for before in range(8, min(int(length.max(initial=0)), _LONGEST), 8):
        mine = np.clip(length - before, 0, 8)
        more, behind, here, only = _eight(eights[ends + (_LONGEST - 8 - before)], mine, decimal)
        digits += more * _TENS[before - pointed.view(np.uint8)]
        decimals = np.where(here, behind + before, decimals)
        right &= only & ~(pointed & here)
        pointed |= here
        if before == 16:
            right &= more < 1000  # the sum has no more than 19 digits, which 64 bits can hold
    right &= (length > pointed) & (length <= _LONGEST)
    return digits, decimals, pointed, right


def _eight(eight: Array, length: Array, decimal: str) -> tuple[Array, Array, Array, Array]:
    """Return the same of eight characters, of which the last `length` belong to a cell."""
    mine = _LAST[length]
    eight = (eight & mine) | (_ZEROS & ~mine)
    differs = eight ^ _each(ord(decimal))
    mark = (differs - _each(1)) & ~differs & _each(0x80)
    mark &= -mark  # the highest bit of the first byte that is the mark
    pointed = mark != 0
    before = (mark >> _SEVEN) - _ONE
    without = ((eight & before) << _EIGHT) | (eight & ~((mark << _ONE) - _ONE)) | np.uint64(_ZERO)
    eight = np.where(pointed, without, eight)
    right = ((eight & _HIGH) == _ZEROS) & (((eight + _each(6)) & _HIGH) == _ZEROS)
    decimals = np.where(pointed, np.intp(7) - np.bitwise_count(before) // 8, 0)
    eight -= _ZEROS
    eight = eight * _TENS[1] + (eight >> _EIGHT)  # pairs of digits, then fours, then all
    low, high = eight & _PAIRS, (eight >> _SIXTEEN) & _PAIRS
    return (low * _HUNDREDS + high * _TEN_THOUSANDS) >> _HALF, decimals, pointed, right


def _scaled(digits: Array, scale: Array) -> tuple[Array, Array]:
    """Return digits · 10^scale, and whether that is surely the nearest float64."""
    near = (digits < _EXACT) & (np.abs(scale) < len(_POWERS))
    values = digits.astype(np.float64) * _POWERS[np.clip(scale, 0, 22)] / _POWERS[np.clip(-scale, 0, 22)]
    if _LONG and not near.all():
        rest = np.nonzero(~near)
        scale = scale[rest]
        long = digits[rest].astype(np.longdouble) * _LONG_POWERS[np.clip(scale, 0, 27)]
        long /= _LONG_POWERS[np.clip(-scale, 0, 27)]
        values[rest] = long
        near[rest] = (np.abs(scale) < len(_LONG_POWERS)) & (long.view(np.uint64)[::2] & _BEYOND != _MIDDLE)
    return values, near
