"""What is printed moves no cursor and turns no line around, and a spreadsheet reads its CSV as it was meant."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import Any

import pytest

from chainrule.cli.output import as_csv, say, say_json

HOSTILE = ["\x1b[2J", "\x9b31m", "\u202eevil", "\u2028", "\u200b", "\x7f", "\ud800", "\U000e0041", "\xa0", "a\nb", "\0"]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_json_is_printable_and_says_the_same(capsys: pytest.CaptureFixture[str], text: str) -> None:
    say_json({text: [text, {"schön": text}], "😀": "שלום"})
    out = capsys.readouterr().out
    assert out.removesuffix("\n").isprintable()
    assert json.loads(out) == {text: [text, {"schön": text}], "😀": "שלום"}
    assert "😀" in out
    assert "שלום" in out


def test_json_has_texts_for_what_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"loss": float("nan"), "range": (float("-inf"), [float("inf")]), "error": 0.5})
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert told == {"loss": "nan", "range": ["-inf", ["inf"]], "error": 0.5}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_json_is_json_where_the_terminal_knows_few_characters(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding, errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", stream)
    told: dict[str, Any] = {"größe": "∂😀\ud800"}
    say_json(told)
    stream.flush()
    assert json.loads(written.getvalue()) == told


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_line_is_one_printable_line(capsys: pytest.CaptureFixture[str], text: str) -> None:
    say(f"a{text}b")
    assert capsys.readouterr().out.removesuffix("\n").isprintable()


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
