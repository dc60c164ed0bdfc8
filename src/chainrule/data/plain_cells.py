"""Cells that are plain numbers, such as -12.5: those of many rows at once, without a Python object for each.

A cell's last eight characters are one integer of 64 bits, and so are the eight before. A few operations on such
integers tell whether all characters are digits, take the decimal mark out, and add up the digits (after D. Lemire,
"Quickly parsing eight digits", 2018). The digits are a whole number below 2⁵³ and are divided by a power of ten of at
most 10¹⁵: both are exact, so the quotient is the nearest float64, as `float` finds it (W. Clinger, "How to read
floating point numbers accurately", 1990).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from chainrule.arrays import Array

_POWERS = 10.0 ** np.arange(16)
_LAST = np.array([0] + [((1 << 8 * n) - 1) << (64 - 8 * n) for n in range(1, 9)], np.uint64)  # the last n characters


def _each(byte: int) -> np.uint64:
    """Return eight times this byte."""
    return np.uint64(byte * 0x0101010101010101)


_ZEROS = _each(ord("0"))
_ONE, _SEVEN, _EIGHT, _SIXTEEN, _HALF = map(np.uint64, (1, 7, 8, 16, 32))
_TENS, _PAIRS = np.uint64(10), np.uint64(0x000000FF000000FF)
_HUNDREDS, _TEN_THOUSANDS = np.uint64(100 + (1_000_000 << 32)), np.uint64(1 + (10_000 << 32))


class Cells(NamedTuple):
    """The cells of some rows: where each begins and ends in their text.

    Attributes
    ----------
    text : str or bytes
        Of all rows; bytes of UTF-8 if there is more than ASCII.
    data : array of uint8
        The same, with sixteen bytes before it.
    starts, ends : array of int, (rows, columns)
    """

    text: str | bytes
    data: Array
    starts: Array
    ends: Array

    def of(self, column: int) -> list[str]:
        """Return the cells of a column as they are."""
        places = zip(self.starts[:, column].tolist(), self.ends[:, column].tolist())
        text = self.text
        if isinstance(text, str):
            return [text[start:end] for start, end in places]
        return [text[start:end].decode() for start, end in places]


class Numbers(NamedTuple):
    """What the cells of some columns are worth.

    Attributes
    ----------
    values : array of float64, (columns, rows)
        NaN where a cell is empty.
    odd : array of bool, (columns, rows)
        Which cells are neither a plain number nor empty: their value says nothing.
    empty : array of bool, (columns, rows)
    zeroed : array of bool, (columns, rows)
        Which are digits alone and have a zero before another one.
    """

    values: Array
    odd: Array
    empty: Array
    zeroed: Array

    def columns(self) -> Iterator[tuple[Array, bool, int, bool, bool]]:
        """Yield for each column its values, whether one is odd, how many are empty, whether all are whole, one zeroed.

        What is empty is taken for whole.
        """
        whole = ((np.floor(self.values) == self.values) | self.empty).all(axis=1)
        odd, all_whole, zeroed = np.stack([self.odd.any(axis=1), whole, self.zeroed.any(axis=1)]).tolist()
        return zip(self.values, odd, np.count_nonzero(self.empty, axis=1).tolist(), all_whole, zeroed)


def cut(text: str, delimiter: str, rows: int, width: int) -> Cells | None:
    """Return the cells of so many rows of `width` cells, or None where finding them takes more than to cut.

    >>> cells = cut("1,rose\\n2,\\n", ",", 2, 2)
    >>> cells.of(0), cells.of(1)
    (['1', '2'], ['rose', ''])
    """
    if not delimiter.isascii() or '"' in text or "#" in text or "\0" in text:
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
    data = np.frombuffer(b"\0" * 16 + (written.encode() if isinstance(written, str) else written), np.uint8)
    shown = data[16:]
    lines = shown == ord("\n")
    if delimiter == " ":
        inside, tabs = shown > ord(" "), shown == ord("\t")
        if not text.isascii() or not (inside | tabs | lines | (shown == ord(" "))).all():
            return None  # there are other kinds of spaces
        edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
        if inside[0]:
            edges = np.concatenate([[0], edges])
        starts, ends = edges[::2], edges[1::2]
        before = np.searchsorted(starts, np.flatnonzero(lines))  # how many cells each line's end has before it
        right = len(starts) == rows * width and np.array_equal(before, np.arange(1, rows + 1) * width)
    else:
        ends = np.flatnonzero(lines | (shown == ord(delimiter)))
        right = len(ends) == rows * width and bool(lines[ends[width - 1 :: width]].all()) and lines.sum() == rows
        starts = np.empty_like(ends)
        starts[:1], starts[1:] = 0, ends[:-1] + 1
    if not right:
        return None
    return Cells(written, data, starts.reshape(rows, width), ends.reshape(rows, width))


def plain_numbers(cells: Cells, columns: list[int], decimal: str) -> Numbers:
    """Return what the cells of some columns are worth; `decimal` is their mark.

    >>> numbers = plain_numbers(cut("1,rose\\n-2.5,\\n", ",", 2, 2), [0, 1], ".")
    >>> numbers.values[0].tolist(), numbers.odd[1].tolist(), numbers.empty[1].tolist()
    ([1.0, -2.5], [True, False], [False, True])
    """
    starts, ends = cells.starts.T[columns], cells.ends.T[columns]
    data = cells.data
    empty = starts == ends
    first = data[starts + 16]
    negative = first == ord("-")
    signed = negative | (first == ord("+"))
    signed &= ~empty
    length = ends - starts
    length -= signed
    eights = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    tail = _Digits(eights[ends + 8], np.minimum(length, 8), decimal)
    digits, decimals, pointed, right = tail.value, tail.decimals, tail.pointed, tail.right
    if length.max(initial=0) > 8:
        head = _Digits(eights[ends], np.clip(length - 8, 0, 8), decimal)
        digits = digits + head.value * np.where(pointed, np.uint64(10**7), np.uint64(10**8))
        decimals = np.where(head.pointed, head.decimals + 8, decimals)
        right = right & head.right & ~(pointed & head.pointed) & (length <= 16)
        pointed = pointed | head.pointed
    right &= (length > pointed) & (digits < np.uint64(1 << 53))
    values = digits.astype(np.float64)
    values /= _POWERS[decimals]
    np.negative(values, out=values, where=negative)
    values[empty] = np.nan
    zeroed = right & ~pointed & (length > 1) & (data[starts + signed + 16] == ord("0"))
    return Numbers(values, ~(right | empty), empty, zeroed)


class _Digits:
    """Eight characters of each cell, of which the last `length` belong to it."""

    def __init__(self, eight: Array, length: Array, decimal: str) -> None:
        mine = _LAST[length]
        eight = (eight & mine) | (_ZEROS & ~mine)
        differs = eight ^ _each(ord(decimal))
        point = (differs - _each(1)) & ~differs & _each(0x80)
        point &= -point  # the highest bit of the first byte that is the mark
        self.pointed = point != 0
        before = (point >> _SEVEN) - _ONE
        without = ((eight & before) << _EIGHT) | (eight & ~((point << _ONE) - _ONE)) | np.uint64(ord("0"))
        eight = np.where(self.pointed, without, eight)
        high = _each(0xF0)
        self.right = ((eight & high) == _ZEROS) & (((eight + _each(6)) & high) == _ZEROS)
        self.decimals = np.where(self.pointed, 7 - np.bitwise_count(before) // 8, 0)
        eight = eight - _ZEROS
        eight = eight * _TENS + (eight >> _EIGHT)
        low, other = eight & _PAIRS, (eight >> _SIXTEEN) & _PAIRS
        self.value = (low * _HUNDREDS + other * _TEN_THOUSANDS) >> _HALF
