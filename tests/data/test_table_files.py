"""Tables of any kind: what each column holds is found out, or asked for."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import Table, read_table
from chainrule.errors import FileError, InputError


@pytest.fixture
def table(tmp_path: Path) -> Any:
    """Return a function that reads a text as a table."""

    def read(content: str | bytes, name: str = "table.csv", **options: Any) -> Table:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, **options)

    return read


def test_words_gaps_dates_and_numbers_stand_beside_one_another(table: Any) -> None:
    found = table("n,word,day\n1.5,rose,2024-02-29\n,NA,\n-3,lily,2023-01-01\n")
    assert [found[name].kind for name in found] == ["number", "word", "date"]
    assert found["n"].values[[0, 2]].tolist() == [1.5, -3]
    assert np.isnan(found["n"].values[1])
    assert found["word"].words == ("rose", "lily")
    assert found["word"].values.tolist() == [0, -1, 1]
    assert found["day"].texts() == ["2024-02-29", "", "2023-01-01"]
    assert found.lines.tolist() == [2, 3, 4]
    assert found.notes == (
        "n: numbers, 1 gap (empty)",
        "word: 2 different words, 1 gap ('NA')",
        "day: dates, 1 gap (empty)",
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delimiter": ",,"}, "a single character"),
        ({"decimal": ";"}, "'.' or ','"),
        ({"header": "yes"}, "header=True or header=False"),
        ({"day_first": 1}, "day_first=True or day_first=False"),
        ({"kinds": ["n"]}, 'kinds={"zip": "word"}'),
        ({"kinds": {"n": "numbr"}}, "Did you mean 'number'"),
        ({"missing": "NA"}, "missing=['NA']"),
        ({"missing": [None]}, "texts or numbers"),
        ({"missing": {"m": ["x"]}}, "missing for the column 'm'"),
        ({"encoding": "utf-9"}, "encoding='utf-9'"),
        ({"encoding": "rot13"}, "encoding='rot13'"),
        ({"skip_rows": -1}, "skip_rows"),
        ({"decimals": ","}, "decimal"),
    ],
)
def test_a_wrong_option_is_one_clear_error(table: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=r"read_table.*: got .*, but expected .*\. .*\.") as caught:
        table("n,word\n1,x\n", **options)
    assert said in str(caught.value)


def test_the_names_of_rows_are_no_column_and_stay_with_their_rows(table: Any) -> None:
    found = table(",mpg\nMazda,21\nDatsun,22.8\n")
    assert list(found) == ["mpg"]
    assert found.take([1]).index.texts() == ["Datsun"]
    assert found.only(["mpg"]).index.texts() == ["Mazda", "Datsun"]
    assert table("1,2\n3,4\n").named is False


def test_a_typing_error_that_makes_words_of_numbers_is_named(table: Any) -> None:
    found = table("age\n" + "31\n" * 40 + "abot 30\n")
    assert found["age"].kind == "word"
    assert "words because of 'abot 30': if those are gaps, pass missing=['abot 30']" in found.notes[0]
    assert table("age\n" + "31\n" * 40 + "abot 30\n", missing=["abot 30"])["age"].gaps.sum() == 1


def test_notes_say_what_was_decided(table: Any) -> None:
    content = "sep=;\n# made today\n;p;d\n0;1.200,50 €;1/2/2020\n1;NA;13/2/2020\n".encode("cp1252")
    assert table(content).notes == (
        "encoding cp1252 (Windows' Latin-1), for the bytes are not UTF-8",
        "delimiter ';', as the line sep= says",
        "a comment at the top",
        "the first column has no name: what the rows are called, and none of the columns",
        "p: numbers, decimal comma, thousands as in '1.234', '€' left out, 1 gap ('NA')",
        "d: dates, the day first",
    )


def test_a_small_file_does_not_unpack_to_gigabytes(table: Any) -> None:
    content = gzip.compress(b"a,b\n" + b"1,2\n" * (12 << 20))
    with pytest.raises(FileError, match="unpacks to more than"):
        table(content)
    with pytest.raises(FileError, match="damaged or cut short"):
        table(gzip.compress(b"a,b\n1,2\n")[:-6])


def test_a_long_table_takes_little_more_than_its_numbers(table: Any) -> None:
    text = "a,b,c\n" + "".join(f"{i},{i / 7:.6f},{'ab'[i % 2]}\n" for i in range(50_000))
    tracemalloc.start()
    found = table(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["b"].values[-1] == 7142.714286
    assert found["c"].values.tolist() == [0, 1] * 25_000
    assert peak < 4 * len(text) + 2**22


def test_lines_read_in_one_go_are_those_read_cell_by_cell(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{rng.normal():.5f},{rng.integers(100)},{'xyz'[i % 3]},{i}" for i in range(20_000)]
    for at, row in ((9000, "1.5,,x,9000"), (15_000, ' 7, 8 ,"y",0012'), (17_000, "1,2,z,3")):
        rows[at] = row
    fast = table("\n".join(["a,b,c,d", *rows]))
    monkeypatch.setattr("chainrule.data.table_files._Reader._take", lambda *_: False)
    slow = table("\n".join(["a,b,c,d", *rows]))
    assert fast.notes == slow.notes
    assert [fast[name].texts() for name in fast] == [slow[name].texts() for name in slow]
    assert fast["d"].kind == "word"
    assert fast.lines.tolist() == slow.lines.tolist()


def test_a_gap_among_codes_is_counted_once(table: Any) -> None:
    assert table("zip,n\n01234,1\nNA,2\n").notes[1] == "zip: 1 different word (numbers that are codes), 1 gap ('NA')"


def test_a_number_that_is_infinite_in_every_way_to_read_it_is_refused(table: Any) -> None:
    with pytest.raises(FileError, match="not finite in line 2, column 'b'"):
        table("a;b;c\n1\\,5;1.231e9995;31.12.1999\n3;2;1.5.2004\n")


@pytest.mark.parametrize(("cell", "value"), [("40 %", 40), ("1 234", 1234), ("$ 7", 7)])
def test_a_single_column_of_numbers_with_a_space_is_one_column(table: Any, cell: str, value: float) -> None:
    found = table(f"share\n{cell}\n{cell}\n")
    assert list(found) == ["share"]
    assert found["share"].values.tolist() == [value, value]
