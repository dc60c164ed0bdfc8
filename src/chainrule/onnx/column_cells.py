"""What each column of a matrix in an ONNX graph is made of: a number of the table, a gap's flag, a one for a word.

An operator that prepares a table takes such columns and makes others of them. `OPERATORS` has those that files of our
own and of skl2onnx use. Each returns None where it does something that no preparation does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from chainrule.data.column_preparation import OWN_LEVEL, free
from chainrule.data.opening import shown
from chainrule.onnx.model_file import Step, refusal, text
from chainrule.ops import Array

ML = "ai.onnx.ml."
_FLOATS, _WHOLE, _BOOL = (1, 11), (6, 7), 9  # TensorProto.DataType


@dataclass(frozen=True)
class Cell:
    """A column of a matrix, made of one column of the table: (what it is − offset) · scale."""

    column: str
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class NumberCell(Cell):
    """The number in a column; `fill` where there is a gap."""

    fill: float | None = None


@dataclass(frozen=True)
class GapCell(Cell):
    """1 where there is a gap in a column."""


@dataclass(frozen=True)
class WordCell(Cell):
    """1 where a word stands, one of those `known`; a gap means the word `fill`, and any other word the word `other`."""

    word: str = ""
    known: tuple[str, ...] = ()
    fill: str | None = None
    other: str | None = None


@dataclass(frozen=True)
class TextCell(Cell):
    """The word in a column; `fill` where there is a gap."""

    fill: str = ""


@dataclass(frozen=True)
class CodeCell(Cell):
    """A whole number for each word of a column; "" is a gap."""

    codes: tuple[tuple[str, int], ...] = ()
    default: int = 0


@dataclass(frozen=True)
class Cells:
    """A matrix, (samples, cells); with a `depth`, (samples, cells / depth, depth)."""

    kind: Literal["number", "whole", "cut", "text", "code", "bool"]
    cells: tuple[Cell, ...]
    depth: int = 0


Given = Sequence["Cells | Array"]


def _told(step: Step, key: str, kind: type) -> tuple[Any, ...]:
    """Return the elements of an attribute, texts decoded; none if it is missing, or has others in it."""
    values = step.attributes.get(key)
    if not isinstance(values, tuple):
        return ()
    values = tuple(text(step.where, value) if isinstance(value, bytes) else value for value in values)
    return values if all(type(value) is kind for value in values) else ()


def _one(step: Step, given: Given, *kinds: str) -> Cells | None:
    """Return the first input of an operator, if it is a matrix of one of these kinds."""
    x = given[0] if given else None
    return x if isinstance(x, Cells) and x.kind in kinds and not x.depth else None


def _cast(step: Step, given: Given) -> Cells | None:
    x, to = given[0], step.attributes.get("to")
    if not isinstance(x, Cells):
        return None
    if to in _FLOATS and x.kind in ("number", "whole", "bool"):
        return replace(x, kind="number")
    if to in _WHOLE and x.kind in ("number", "whole") and all(_is_raw(cell) for cell in x.cells):
        return replace(x, kind="whole" if x.kind == "whole" else "cut")
    if to == _BOOL and x.kind == "code":
        gaps = [cell.column for cell in x.cells if isinstance(cell, CodeCell) and _is_gap(cell)]
        return Cells("bool", tuple(map(GapCell, gaps))) if len(gaps) == len(x.cells) else None
    return None


def _is_raw(cell: Cell) -> bool:
    return type(cell) is NumberCell and cell.scale == 1 and cell.offset == 0


def _is_gap(cell: CodeCell) -> bool:
    return not cell.default and [word for word, code in cell.codes if code] == [""]


def _concat(step: Step, given: Given) -> Cells | None:
    parts = [x for x in given if isinstance(x, Cells)]
    if len(parts) < len(given) or len({x.kind for x in parts}) > 1 or len({bool(x.depth) for x in parts}) > 1:
        return None
    deep = bool(parts[0].depth)
    if step.attributes.get("axis") not in ((-1, 2) if deep else (-1, 1)):
        return None
    if any(deep and x.depth != len(x.cells) for x in parts):  # of several columns each, words would be interleaved
        return None
    cells = tuple(cell for x in parts for cell in x.cells)
    return Cells(parts[0].kind, cells, len(cells) if deep else 0)


def _reshape(step: Step, given: Given) -> Cells | None:
    x, shape = given[0], given[1] if len(given) > 1 else None
    if not isinstance(x, Cells) or not isinstance(shape, np.ndarray) or shape.tolist() not in (
        [-1, len(x.cells)], [0, len(x.cells)], [0, -1]
    ):  # fmt: skip
        return None
    return replace(x, depth=0)


def _flatten(step: Step, given: Given) -> Cells | None:
    x = given[0]
    return replace(x, depth=0) if isinstance(x, Cells) and step.attributes.get("axis", 1) == 1 else None


def _gather(step: Step, given: Given) -> Cells | None:
    x, places = given[0], given[1] if len(given) > 1 else None
    if not isinstance(x, Cells) or not isinstance(places, np.ndarray) or places.dtype.kind not in "iu":
        return None
    extracts = step.op == f"{ML}ArrayFeatureExtractor"
    axis = -1 if extracts else step.attributes.get("axis", 0)
    if (axis != -1 and axis != (2 if x.depth else 1)) or (places.ndim != 1 and not extracts):
        return None
    if x.depth not in (0, len(x.cells)) or not all(-len(x.cells) <= place < len(x.cells) for place in places.flat):
        return None
    cells = tuple(x.cells[place] for place in places.reshape(-1).tolist())
    return Cells(x.kind, cells, len(cells) if x.depth else 0)


def _row(x: Cells, constant: Any) -> list[Any] | None:
    """Return a constant as one value for each column, written as short as float32 allows; None for other shapes."""
    array = np.asarray(constant)
    if array.size not in (1, len(x.cells)) or array.size != max(array.shape, default=1):
        return None
    values = array.reshape(-1).tolist() if array.dtype != np.float32 else [float(str(value)) for value in array.flat]
    return values * len(x.cells) if len(values) == 1 else values


def _moved(x: Cells, scales: Sequence[float], added: Sequence[float]) -> Cells | None:
    """Return x · scale + added."""
    cells = []
    for cell, scale, more in zip(x.cells, scales, added, strict=True):
        total = cell.scale * scale
        offset = cell.offset - more / total if total else np.nan
        if not np.isfinite([total, offset]).all():
            return None
        cells.append(replace(cell, scale=total, offset=offset))
    return replace(x, cells=tuple(cells))


def _arithmetic(step: Step, given: Given) -> Cells | None:
    first = isinstance(given[0], Cells)
    x = _one(step, given if first else given[::-1], "number")
    row = None if x is None or len(given) != 2 else _row(x, given[1 if first else 0])
    if x is None or row is None or not all(isinstance(value, float) for value in row):
        return None
    ones, zeros = [1.0] * len(row), [0.0] * len(row)
    if step.op == "Mul":
        return _moved(x, row, zeros)
    if step.op == "Add":
        return _moved(x, ones, row)
    if step.op == "Sub":
        return _moved(x, ones, [-value for value in row]) if first else _moved(x, [-1.0] * len(row), row)
    return _moved(x, [1 / value for value in row], zeros) if first and all(row) else None


def _scaler(step: Step, given: Given) -> Cells | None:
    x = _one(step, given, "number")
    if x is None:
        return None
    scales, offsets = (_row(x, _told(step, key, float)) for key in ("scale", "offset"))
    if scales is None or offsets is None:
        return None
    return _moved(x, scales, [-offset * scale for offset, scale in zip(offsets, scales)])


def _filled(x: Cells, values: Sequence[float]) -> Cells | None:
    cells = []
    for cell, value in zip(x.cells, values, strict=True):
        if isinstance(cell, NumberCell) and cell.fill is None and not np.isnan(value):
            cell = replace(cell, fill=value / cell.scale + cell.offset)
        cells.append(cell)
    return replace(x, cells=tuple(cells))


def _imputer(step: Step, given: Given) -> Cells | None:
    x = _one(step, given, "number")
    row = None if x is None else _row(x, _told(step, "imputed_value_floats", float))
    replaced = step.attributes.get("replaced_value_float", 0.0)
    if x is None or row is None or not isinstance(replaced, float) or not np.isnan(replaced):
        return None
    return _filled(x, row)


def _where(step: Step, given: Given) -> Cells | None:
    if len(given) != 3:
        return None
    gaps, constant, x = given
    if not isinstance(gaps, Cells) or not isinstance(x, Cells) or isinstance(constant, Cells) or gaps.kind != "bool":
        return None
    row = _row(x, constant)
    if row is None or [type(gap) for gap in gaps.cells] != [GapCell] * len(x.cells):
        return None
    if [gap.column for gap in gaps.cells] != [cell.column for cell in x.cells] or gaps.depth or x.depth:
        return None
    if x.kind == "number" and all(isinstance(value, float) for value in row):
        return _filled(x, row) if all(isinstance(cell, NumberCell) for cell in x.cells) else None
    if x.kind == "text" and all(isinstance(value, str) for value in row):
        cells = [replace(cell, fill=value) for cell, value in zip(x.cells, row) if cell == TextCell(cell.column)]
        return Cells("text", tuple(cells)) if len(cells) == len(row) else None
    return None


def _is_nan(step: Step, given: Given) -> Cells | None:
    x = _one(step, given, "number")
    if x is None or not all(isinstance(cell, NumberCell) and cell.fill is None for cell in x.cells):
        return None
    return Cells("bool", tuple(GapCell(cell.column) for cell in x.cells))


def _one_hot(step: Step, given: Given) -> Cells | None:
    x = _one(step, given, "text", "whole", "cut")
    if x is None:
        return None
    key = "cats_strings" if x.kind == "text" else "cats_int64s"
    words = tuple(str(word) for word in _told(step, key, str if x.kind == "text" else int))
    if not words or len(set(words)) < len(words):
        return None
    cells = []
    for cell in x.cells:
        fill = cell.fill if isinstance(cell, TextCell) else ""
        if fill and fill not in words:
            raise refusal(step.where, f"gaps that become {shown(fill)}", "one of its words")
        names = words
        if not fill and "" in words:  # an empty text is a gap here, which gets a column of its own
            fill = free(OWN_LEVEL, words)
            names = tuple(word or fill for word in words)
        cells += [WordCell(cell.column, word=word, known=names, fill=fill or None) for word in names]
    return Cells("number", tuple(cells), len(words))


def _label_encoder(step: Step, given: Given) -> Cells | None:
    x = _one(step, given, "text")
    words, codes = _told(step, "keys_strings", str), _told(step, "values_int64s", int)
    if x is None or not words or len(words) != len(codes) or len(set(words)) < len(words):
        return None
    if any(cell != TextCell(cell.column) for cell in x.cells):
        return None
    told, default = tuple(zip(words, codes)), step.attributes.get("default_int64", -1)
    if not isinstance(default, int):
        return None
    return Cells("code", tuple(CodeCell(cell.column, codes=told, default=default) for cell in x.cells))


def _equal(step: Step, given: Given) -> Cells | None:
    x, row = (given if isinstance(given[0], Cells) else given[::-1]) if len(given) == 2 else (None, None)
    if not isinstance(x, Cells) or x.kind != "code" or len(x.cells) != 1 or not isinstance(row, np.ndarray):
        return None
    if row.dtype.kind not in "iu" or row.size != max(row.shape, default=0) or row.ndim > 2:
        return None
    (code,) = x.cells
    assert isinstance(code, CodeCell)
    word_of: dict[int, str] = {}
    for word, number in code.codes:
        first = word_of.setdefault(number, word) if word else word
        if first != word and not first.casefold() == word.casefold() in ("true", "false"):
            raise refusal(step.where, f"{shown([first, word])}, which share a column", "one for each word")
    known = tuple(word_of.values())
    fill, other = word_of.get(dict(code.codes).get("", -1)), word_of.get(code.default)
    cells = []
    for number in row.reshape(-1).tolist():
        if number not in word_of:
            raise refusal(step.where, f"{number}, which stands for no word", "the number of a word")
        cells.append(WordCell(code.column, word=word_of[number], known=known, fill=fill, other=other))
    return Cells("bool", tuple(cells))


OPERATORS: dict[str, Callable[[Step, Given], Cells | None]] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _arithmetic),
    "Cast": _cast,
    "Concat": _concat,
    "Equal": _equal,
    "Flatten": _flatten,
    "Gather": _gather,
    f"{ML}ArrayFeatureExtractor": _gather,
    "Identity": lambda step, given: given[0] if isinstance(given[0], Cells) else None,
    f"{ML}Imputer": _imputer,
    "IsNaN": _is_nan,
    f"{ML}LabelEncoder": _label_encoder,
    f"{ML}OneHotEncoder": _one_hot,
    "Reshape": _reshape,
    f"{ML}Scaler": _scaler,
    "Where": _where,
}
# What a layer does as well, behind the preparation.
OF_LAYERS = ("Add", "Sub", "Mul", "Div", "Cast", "Identity", f"{ML}Scaler")
