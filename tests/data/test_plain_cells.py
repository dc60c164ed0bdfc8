"""Numbers of many cells at once: what `float` makes of each, and tables as without them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import plain_cells, read_table, table_files, table_text
from chainrule.data.plain_cells import cut, plain_numbers
from chainrule.errors import ChainruleError
from tests.fuzz.formats import broken


def _cell(rng: random.Random) -> str:
    def some(most: int) -> str:
        return "".join(rng.choices("0123456789", k=rng.randrange(most)))

    number = rng.choice(["", "", "-", "+"]) + some(13) + rng.choice(["", ".", "." + some(20)])
    number += rng.choice(["", "", f"e{rng.choice('+-')}{rng.randrange(40):02}", "E+1"])
    few = [repr(rng.gauss(0, 1)), repr(rng.random() * 1e-5), f"{rng.gauss(0, 1):.18e}", f"{rng.gauss(0, 1e9):.17g}"]
    other = "".join(rng.choices("0123456789.-+eE_ x/:·", k=rng.randrange(0, 27)))
    return rng.choices([number, rng.choice(few), other], [8, 8, 1])[0]


@pytest.mark.parametrize("decimal", [".", ","])
def test_a_plain_number_is_what_float_makes_of_it_to_the_bit(decimal: str) -> None:
    rng = random.Random(0)
    written = [_cell(rng) for _ in range(40_000)]
    cells = cut("".join(cell.replace(".", decimal) + ";x\n" for cell in written), ";", len(written), 2)
    assert cells is not None
    found = plain_numbers(cells, [0], decimal)
    plain = 0
    for cell, value, odd, empty in zip(written, *(part[0].tolist() for part in found[:3])):
        assert empty == (cell == "")
        if not odd and not empty:
            assert np.float64(value).tobytes() == np.float64(cell).tobytes(), cell
            plain += 1
    assert plain > 20_000


def test_digits_with_a_zero_before_another_or_too_many_may_be_a_code() -> None:
    cells = cut("01\n0\n0.5\n-007\n10\n9007199254740993\n0e+01\n", ",", 7, 1)
    assert cells is not None
    assert plain_numbers(cells, [0], ".").codes[0].tolist() == [True, False, False, True, False, True, False]


@pytest.mark.parametrize(
    ("text", "delimiter", "rows", "width"),
    [
        ("1,2\n3\n", ",", 2, 2),
        ("1,2,3\n4\n", ",", 2, 2),
        ('"1,2",3\n', ",", 1, 2),
        ('"1,2"\n', ",", 1, 2),
        ('"1""",2\n', ",", 1, 2),
        ('"1" ,2\n', ",", 1, 2),
        ('1,2",3\n', ",", 1, 3),
        ("1 2\n3 4 5 6\n", " ", 2, 3),
        ("1,2\n\n", ",", 2, 1),
        ("1,2\r3,4\n", ",", 1, 2),
        ("1\n \n", ",", 2, 1),
    ],
)
def test_rows_of_other_lengths_are_left_to_the_other_way(text: str, delimiter: str, rows: int, width: int) -> None:
    assert cut(text, delimiter, rows, width) is None


def test_quotes_around_cells_are_left_out() -> None:
    cells = cut('"1","zwei"\n"",3\n', ",", 2, 2)
    assert cells is not None
    assert [cells.of(0), cells.of(1)] == [["1", ""], ["zwei", "3"]]
    assert cells.of(1, np.array([1])) == ["3"]


def test_digits_in_the_middle_between_two_numbers_are_left_to_float() -> None:
    middle = ["9007199254740993", "9007199254740993.0", "90071992547409930e-01", "0.50000000000000005551115"]
    cells = cut("".join(f"{cell}\n" for cell in middle), ",", 4, 1)
    assert cells is not None
    assert plain_numbers(cells, [0], ".").odd.all()


def test_runs_of_spaces_and_letters_of_any_alphabet_are_cut() -> None:
    for text, delimiter in (("  1   two \n three\t4\n", " "), ("1;zwölf\nשלוש;4", ";")):
        cells = cut(text, delimiter, 2, 2)
        assert cells is not None
        assert [cells.of(0), cells.of(1)] in ([["1", "three"], ["two", "4"]], [["1", "שלוש"], ["zwölf", "4"]])


def _read(path: Path) -> Any:
    try:
        found = read_table(path)
    except ChainruleError as error:
        return str(error)
    assert found.lines is not None
    columns = {name: (found[name].kind, found[name].words, list(map(repr, found[name].values))) for name in found}
    return columns, found.notes, found.lines.tolist()


def _tables(rng: random.Random) -> Iterator[bytes]:
    """Yield broken tables, and longer ones, in which a column turns out late to hold something else."""
    yield from (broken("tables", index) for index in range(700))
    cells = [["1.5", "2"], ["1,5", "7"], ["3", ""], ["NA", "2.5"], ["a", "b c"], ["0.30000000000000004", "1e-05"]]
    for _ in range(60):
        columns = [rng.choice(cells) for _ in range(4)]
        rows = [[rng.choice(column) for column in columns] for _ in range(600)]
        rows[rng.randrange(600)][rng.randrange(4)] = rng.choice(["x", "", "01", "1e400", "2024-01-31", "1_0", "ü"])
        yield "".join(";".join(row) + "\n" for row in [["a", "b", "c", "d"], *rows]).encode()


def test_tables_are_the_same_as_read_cell_by_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_text, "_CHUNK", 1 << 11)  # characters, so that the long ones are of several blocks
    path = tmp_path / "table.csv"
    for data in _tables(random.Random(1)):
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        quick = _read(path)
        with monkeypatch.context() as patched:
            patched.setattr(table_files, "cut", lambda *_: None)
            assert _read(path) == quick, data[:300]


def test_tables_are_the_same_where_no_float_has_80_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = [repr(random.Random(2).random() / 3**i) for i in range(400)]
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "".join(f"{each},1\n" for each in digits))
    here = _read(path)
    assert here[0]["a"][2] == [repr(np.float64(each)) for each in digits]
    monkeypatch.setattr(plain_cells, "_LONG", False)
    cells = cut("0.9007199254740991\n0.9007199254740993\n", ",", 2, 1)
    assert cells is not None
    assert plain_numbers(cells, [0], ".").odd[0].tolist() == [False, True]  # and `float` has the second one
    assert _read(path) == here
