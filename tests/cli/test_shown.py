"""What the command line prints moves no cursor and turns no line around, also as JSON."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from chainrule.cli.shown import say, say_json

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
