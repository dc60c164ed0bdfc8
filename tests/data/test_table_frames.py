"""Frames, arrays, dicts and lists come to the same table, or are refused by row and column."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pytest

from chainrule.data import Table
from chainrule.errors import InputError
from tests.referees import needed

DAY = datetime.datetime(2024, 2, 29, 12, 30)
COLUMNS: dict[str, tuple[list[Any], str, list[str]]] = {
    "n": ([1.5, None, -2.0], "number", ["1.5", "", "-2"]),
    "whole": ([1, None, 3], "number", ["1", "", "3"]),
    "word": (["rose", None, "lily"], "word", ["rose", "", "lily"]),
    "flag": ([True, None, False], "word", ["True", "", "False"]),
    "day": ([DAY, None, DAY], "date", ["2024-02-29T12:30:00", "", "2024-02-29T12:30:00"]),
    "id": ([2**62 + 1, None, 2**62 + 3], "word", [str(2**62 + 1), "", str(2**62 + 3)]),
}


def same(found: Table, names: list[str] | None = None) -> None:
    assert list(found) == (names or list(COLUMNS))
    for name in found:
        _, kind, texts = COLUMNS[name]
        assert (found[name].kind, found[name].texts()) == (kind, texts), name


def test_a_dict_of_columns_and_a_list_of_rows_are_tables() -> None:
    columns = {name: cells for name, (cells, _, _) in COLUMNS.items()}
    same(Table.of(columns))
    rows = [{name: cells[i] for name, cells in columns.items()} for i in range(3)]
    same(Table.of(rows))
    for row in rows[1:]:  # a key that is missing is a gap
        row.update({name: cell for name, cell in row.items() if cell is not None})
    same(Table.of([{k: v for k, v in row.items() if v is not None or i == 0} for i, row in enumerate(rows)]))


def test_a_table_stays_as_it_is() -> None:
    table = Table.of({"a": [1]})
    assert Table.of(table) is table


@pytest.mark.parametrize("dtypes", ["usual", "nullable", "object"])
def test_frames_of_pandas(dtypes: str) -> None:
    pandas = needed("pandas")
    columns = {name: cells for name, (cells, _, _) in COLUMNS.items() if dtypes != "usual" or name != "id"}
    if dtypes == "object":
        frame = pandas.DataFrame({name: pandas.Series(cells, dtype=object) for name, cells in columns.items()})
    else:
        frame = pandas.DataFrame(columns, index=["x", "y", "z"])
        if dtypes == "nullable":
            frame["id"] = pandas.array(columns["id"], dtype="Int64")
            frame = frame.convert_dtypes()
    same(Table.of(frame), list(columns))


def test_frames_of_pandas_with_types_of_their_own() -> None:
    pandas = needed("pandas")
    frame = pandas.DataFrame(
        {
            "category": pandas.Categorical(["b", None, "a"], categories=["a", "b"]),
            "numbered": pandas.Categorical([3, 1, 3]),
            "zoned": pandas.to_datetime(["2024-03-31T12:00+02:00"] * 3),
            "sparse": pandas.arrays.SparseArray([0.0, 1.0, 0.0]),
            "string": pandas.array(["x", None, "y"], dtype="string"),
        }
    )
    found = Table.of(frame)
    assert found["category"].texts() == ["b", "", "a"]
    assert (found["numbered"].kind, found["numbered"].texts()) == ("word", ["3", "1", "3"])
    assert found["zoned"].texts() == ["2024-03-31T10:00:00"] * 3
    assert found["sparse"].values.tolist() == [0, 1, 0]
    assert found["string"].texts() == ["x", "", "y"]
    unnamed = Table.of(pandas.DataFrame([[1, 2], [3, 4]]))
    assert (list(unnamed), unnamed.named) == (["column 0", "column 1"], False)
    assert Table.of(frame["sparse"]).column_names == ["sparse"]


def test_frames_of_polars() -> None:
    polars = needed("polars")
    columns = {name: cells for name, (cells, _, _) in COLUMNS.items()}
    frame = polars.DataFrame(columns)
    same(Table.of(frame))
    with pytest.raises(InputError, match=r"collect\(\)"):
        Table.of(frame.lazy())
    kinds = frame.select(polars.col("word").cast(polars.Categorical), polars.col("day").cast(polars.Date))
    found = Table.of(kinds)
    assert found["word"].texts() == ["rose", "", "lily"]
    assert found["day"].texts() == ["2024-02-29", "", "2024-02-29"]


def test_tables_of_pyarrow() -> None:
    pyarrow = needed("pyarrow")
    table = pyarrow.table({name: cells for name, (cells, _, _) in COLUMNS.items()})
    same(Table.of(table))
    coded = table.set_column(2, "word", table["word"].dictionary_encode())
    same(Table.of(coded))


def test_arrays_are_tables() -> None:
    records = np.array([(1.5, "rose", "2024-02-29"), (-2, "", "NaT")], [("n", "f8"), ("word", "U9"), ("day", "M8[D]")])
    found = Table.of(records)
    assert [found[name].texts() for name in found] == [["1.5", "-2"], ["rose", ""], ["2024-02-29", ""]]
    hidden = Table.of({"a": np.ma.masked_equal([1, 99, 3], 99)})
    assert hidden["a"].texts() == ["1", "", "3"]
    plain = Table.of(np.eye(2))
    assert (list(plain), plain.named) == (["column 0", "column 1"], False)
    assert Table.of([[1, "x"], [2, "y"]])["column 1"].words == ("x", "y")
    assert Table.of({"a": [decimal.Decimal("1.5"), np.float32(2)]})["a"].values.tolist() == [1.5, 2]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [1, "x"]}, "X with str 'x' in row 1, column 'a', where numbers stand above it"),
        ({"a": ["x", 1]}, "X with int 1 in row 1, column 'a', where texts stand above it"),
        ({"a": [True, 1]}, "where booleans stand above it"),
        ({"a": [1, float("inf")]}, "X with float inf in row 1, column 'a'"),
        ({"a": np.array([1, -np.inf])}, "inf in row 1, column 'a'"),
        ({"a": [1, 10**400]}, "in row 1, column 'a'"),
        ({"a": [[1], [2]]}, "X with list [1] in row 0, column 'a'"),
        ({"a": [1j]}, "Give its real and its imaginary part"),
        ({"a": [b"x"]}, "cell.decode()"),
        ({"a": [datetime.timedelta(1)]}, "such as seconds"),
        ({"a": [datetime.time(1)]}, "such as hours"),
        ({"a": [object()]}, "X with object"),
        ({"a": 3}, "Pass a list, even of a single cell"),
        ({"a": "xyz"}, "Pass a list, even of a single cell"),
        ({"a": [1], "b": [1, 2]}, "columns of different lengths: 1 in 'a', 2 in 'b'"),
        ({"a": [1], ("b", "c"): [1]}, "whose name has several levels"),
        ({1: [1], "1": [1]}, "two columns called '1'"),
        ({"a": np.eye(2)}, "column 'a' of shape (2, 2)"),
        ({"a": np.array([1], "m8[s]")}, "such as seconds"),
        (np.zeros(3), "X of shape (3,)"),
        (7, "X of shape ()"),
        ("file.csv", "cr.data has readers for files"),
        ({}, "no columns"),
        ({"a": []}, "at least one row"),
    ],
)
def test_what_a_table_can_not_hold_is_refused_by_row_and_column(value: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        Table.of(value)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
