"""The columns of a table as inputs of an ONNX file, and the nodes that make features of them, as a `Preparation` does.

Where all columns are numbers the file takes one matrix, and its metadata names the columns. Else it has an input for
each column, by name, of shape (samples, 1): numbers, NaN where there is a gap, or words, ``""`` where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.column_names import listed
from chainrule.data.column_preparation import CategoryColumn, ColumnPreparation, NumberColumn
from chainrule.data.preparation import Preparation
from chainrule.errors import InputError, printable
from chainrule.nn import Network

if TYPE_CHECKING:
    from chainrule.onnx.exporting import GraphWriter

ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 3
TABLE_SETTINGS = ("target", "index", "ignored", "decimal", "day_first")  # of a preparation, which no graph can say
_TEXT = 8  # TensorProto.DataType


def columns_of(network: Network) -> Sequence[ColumnPreparation]:
    """Return what becomes of each column before a network; nothing where it knows of none.

    Raises
    ------
    InputError
        If ONNX has no operators for a column.
    """
    preparation = network.preparation
    if preparation is not None and not isinstance(preparation, Preparation):
        raise InputError(
            "onnx.save",
            given=f"a preparation of another kind, {preparation!r:.60}",
            expected="a cr.data.Preparation, which ONNX can say",
            fix='Pass inputs="features" for the layers alone',
        )
    columns = () if preparation is None else preparation.columns
    others = [column.name for column in columns if type(column) not in (NumberColumn, CategoryColumn)]
    if others:
        raise InputError(
            "onnx.save",
            given=f"a preparation of dates: {listed(others)}",
            expected="columns of numbers and of words, which ONNX can prepare",
            fix='Pass inputs="features", --inputs features of chainrule export, for the layers alone; or train without '
            "these columns",
        )
    for column in columns:
        expect_unicode("columns", column.name)
        words = column.categories if isinstance(column, CategoryColumn) else ()
        expect_unicode("categories", words)
        if "" in words:
            raise InputError(
                "onnx.save",
                given=f"an empty word among the categories of {printable(column.name)!r}",
                expected="words: nothing in a cell is a gap",
                fix='Write "(missing)" in its place, and fill="(missing)", which gaps become then',
            )
    return columns


def input_names(columns: Sequence[ColumnPreparation]) -> list[str]:
    """Return what the inputs of a file are called that takes these columns."""
    if all(isinstance(column, NumberColumn) for column in columns):
        return ["input"]
    return [column.name for column in columns]


def write_columns(writer: GraphWriter, columns: Sequence[ColumnPreparation], dtype: str) -> tuple[list[Any], str]:
    """Write the nodes that make features of columns; return the inputs of the file, and the name of the features."""
    values, number = writer.onnx.helper.make_tensor_value_info, _float(writer, dtype)
    names = input_names(columns)
    writer.label = "features"
    if names == ["input"]:
        return [values("input", number, ["samples", len(columns)])], _write_numbers(writer, columns, dtype)
    inputs, parts = [], []
    for name, column in zip(names, columns, strict=True):
        if isinstance(column, CategoryColumn):
            inputs.append(values(name, _TEXT, ["samples", 1]))
            parts.append(_write_words(writer, column, dtype))
        else:
            inputs.append(values(name, number, ["samples", 1]))
            parts += _write_number(writer, column, dtype)
    return inputs, parts[0] if len(parts) == 1 else writer.node("Concat", *parts, axis=1)


def _write_numbers(writer: GraphWriter, columns: Sequence[Any], dtype: str) -> str:
    """Write what becomes of a matrix of numbers: gaps filled, and after each column its flag."""
    fills = np.array([np.nan if column.fill is None else column.fill for column in columns], dtype)
    flags = [i for i, column in enumerate(columns) if column.flag]
    if np.isnan(fills).all() and not flags:
        return "input"
    gaps = writer.node("IsNaN", "input")
    filled = writer.node("Where", gaps, writer.constant("fills", fills), "input")
    if not flags:
        return filled
    both = writer.node("Concat", filled, writer.node("Cast", gaps, to=_float(writer, dtype)), axis=1)
    places = [place for i in range(len(columns)) for place in ([i, len(columns) + i] if i in flags else [i])]
    return writer.node("Gather", both, writer.integers(*places), axis=1)


def _write_number(writer: GraphWriter, column: Any, dtype: str) -> list[str]:
    """Write what becomes of a column of numbers: the number, and, if it has one, its flag."""
    if column.fill is None and not column.flag:
        return [column.name]
    gaps = writer.node("IsNaN", column.name)
    filled = (
        column.name if column.fill is None else writer.node("Where", gaps, writer.row(column.fill, dtype), column.name)
    )
    return [filled, *([writer.node("Cast", gaps, to=_float(writer, dtype))] if column.flag else [])]


def _write_words(writer: GraphWriter, column: CategoryColumn, dtype: str) -> str:
    """Write what becomes of a column of words: a one in the column of that word."""
    places = {word: place for place, word in enumerate(column.categories)}
    truths = {word: place for word, place in places.items() if word.casefold() in ("true", "false")}
    for word, place in truths.items():  # a truth is one however it is written
        for form in (word.lower(), word.capitalize(), word.upper()):
            places.setdefault(form, place)
    places[""] = -1 if column.fill is None else places[column.fill]
    code = writer.node(
        "LabelEncoder",
        column.name,
        domain=ML_DOMAIN,
        keys_strings=[*places],
        values_int64s=[*places.values()],
        default_int64=-1 if column.other is None else places[column.other],
    )
    found = writer.node("Equal", code, writer.integers(*range(len(column.categories))))
    return writer.node("Cast", found, to=_float(writer, dtype))


def _float(writer: GraphWriter, dtype: str) -> int:
    return int(writer.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def expect_unicode(what: str, value: Any) -> None:
    """Raise if there is half a character among names, which no reader of JSON takes."""
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InputError(
            "onnx.save",
            given=f"{value!r} in its {what}"[:80],
            expected="characters of Unicode",
            fix=f"Build the network with other names in {what}",
        )
    for inside in value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ():
        expect_unicode(what, inside)
