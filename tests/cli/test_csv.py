"""CSV that a spreadsheet reads as it was meant: names stay names, numbers stay numbers."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from chainrule.cli.csv import as_csv


def only_cell(value: Any) -> str:
    ((cell,),) = csv.reader(as_csv([value], []).splitlines())
    return cell


@pytest.mark.parametrize(
    "name",
    ["=1+1", "@SUM(1)", "+1+1", "-1+1", "-", "=", "  =1", "\u00a0=1", "＝1", "＋1", "－x", "＠SUM(1)", "=cmd|' /C'!A0"],
)
def test_a_text_that_would_be_a_formula_has_an_apostrophe_before_it(name: str) -> None:
    assert only_cell(name) == f"'{name}".replace("\u00a0", "\\xa0")


@pytest.mark.parametrize("value", ["-1", "+1", "-1.5e-3", "-.5", "-inf", "-0", -1, -0.5, float("-inf")], ids=repr)
def test_a_number_is_left_alone_also_as_a_text(value: Any) -> None:
    assert only_cell(value) == str(value)


@pytest.mark.parametrize(
    "name", ["cat", "a=b", "don't", "a,b", 'say "hi"', "x; y", "שלום", "😀", "a-b", "3 = 3", "", "²"]
)
def test_other_texts_are_written_as_they_are(name: str) -> None:
    assert only_cell(name) == name


@pytest.mark.parametrize(
    ("name", "written"),
    [("\tx", "'\\tx"), ("\rx", "'\\rx"), ("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("a\u202eb", "a\\u202eb"),
     ("\u2028=1", "'\\u2028=1"), ("\ud800", "\\ud800"), ("\0", "\\x00"), (None, "")],
)  # fmt: skip
def test_what_does_not_print_is_escaped(name: str, written: str) -> None:
    assert only_cell(name) == written


def test_headers_are_texts_like_others() -> None:
    assert as_csv(["=a", "b"], [[1, -2.5]]) == "'=a,b\n1,-2.5\n"
