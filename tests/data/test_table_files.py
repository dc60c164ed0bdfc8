"""Tables of any kind: what each column holds is found out, or asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.data import Table, read_table


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
