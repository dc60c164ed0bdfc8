"""What is printed moves no cursor and turns no line around, and a spreadsheet reads its CSV as it was meant."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chainrule.cli.output import Streams, as_csv, print_columns, say, say_json
from tests.terminal import Terminal

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


@pytest.mark.parametrize("columns", [None, 40])
def test_a_cell_is_no_row_of_its_own_whatever_is_in_it(monkeypatch: pytest.MonkeyPatch, columns: int | None) -> None:
    stream = Terminal(columns is not None)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", str(columns or 80))
    monkeypatch.setenv("TERM", "xterm")
    print_columns(("run", "what"), [("a\nb", "\x1b[2J"), ("second", ["one\ntwo", "three"])])
    header, *lines = stream.getvalue().splitlines()
    assert [line.split() for line in lines] == [["a\\nb", "\\x1b[2J"], ["second", "one\\ntwo"], ["three"]]
    assert header == ("run     what" if columns is None else "\x1b[1mrun     what\x1b[0m")


def only_cell(value: Any) -> str:
    ((cell,),) = csv.reader(as_csv([value], []).splitlines())
    return cell


@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "@SUM(1)",
        "+1+1",
        "-1+1",
        "--",
        "-1-",
        "  =1",
        "\u00a0=1",
        "＝1",
        "＋1",
        "－x",
        "＠SUM(1)",
        "=cmd|' /C'!A0",
    ],
)
def test_a_text_that_would_be_a_formula_has_an_apostrophe_before_it(name: str) -> None:
    assert only_cell(name) == f"'{name}".replace("\u00a0", "\\xa0")


@pytest.mark.parametrize(
    "value", ["-1", "+1", "-1.5e-3", "-.5", "-inf", "-0", "-1,5", "-1.234,56", "-5%", -1, -0.5, float("-inf")], ids=repr
)
def test_a_number_is_left_alone_also_as_a_text(value: Any) -> None:
    assert only_cell(value) == str(value)


@pytest.mark.parametrize(
    "name",
    ["cat", "a=b", "don't", "a,b", 'say "hi"', "x; y", "שלום", "😀", "a-b", "3 = 3", "", "²", "-", "=", "+", "@"],
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


class Raw(io.RawIOBase):
    """A place that takes what it is given, or answers as told."""

    def __init__(self, *answers: OSError | None) -> None:
        self.taken = b""
        self.calls = 0
        self.answers = [*answers]

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int | None:
        self.calls += 1
        if self.answers:
            answer = self.answers.pop(0)
            if answer is not None:
                raise answer
            return None
        self.taken += bytes(data)
        return memoryview(data).nbytes


Begin = Callable[..., Streams]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Begin:
    """A function that begins a process's output at two places; None is one that was closed before."""

    def begun(out: io.RawIOBase | None, err: io.RawIOBase | None, encoding: str = "utf-8") -> Streams:
        for name, raw in (("stdout", out), ("stderr", err)):
            stream = None if raw is None else io.TextIOWrapper(io.BufferedWriter(raw), encoding)
            monkeypatch.setattr(sys, name, stream)
        return Streams()

    return begun


@pytest.mark.parametrize(("encoding", "written"), [("utf-8", "∂z"), ("cp1252", "\\u2202z")])
def test_output_arrives_with_what_the_terminal_lacks_escaped(begin: Begin, encoding: str, written: str) -> None:
    out, err = Raw(), Raw()
    streams = begin(out, err, encoding)
    say("∂z")
    say("a warning", err=True)
    assert streams.ended() == 0
    assert out.taken.decode(encoding) == f"{written}\n"
    assert err.taken == b"a warning\n"


def test_a_full_disk_is_said_once_and_asked_no_more(begin: Begin) -> None:
    out, err = Raw(OSError(errno.ENOSPC, "No space left on device")), Raw()
    streams = begin(out, err)
    for _ in range(3):
        say("a" * 100_000)
    assert streams.ended() == 2
    assert out.calls == 1
    assert out.taken == b""
    said = err.taken.decode()
    assert said.startswith(
        "Error: output: got a place that takes no more of it (No space left on device), but expected"
    )
    assert said.count("\n") == 1


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EBADF])
def test_a_closed_pipe_is_lost_but_no_error(begin: Begin, number: int) -> None:
    err = Raw()
    streams = begin(Raw(OSError(number, "closed")), err)
    say("nobody reads this")
    assert streams.ended() == 1
    assert err.taken == b""


def test_what_was_closed_before_takes_everything_and_loses_it(begin: Begin) -> None:
    err = Raw()
    streams = begin(None, err)
    assert streams.ended() == 0
    assert not sys.stdout.isatty()
    with pytest.raises(io.UnsupportedOperation, match="fileno"):
        sys.stdout.fileno()
    say("nobody reads this")
    assert streams.ended() == 1
    assert err.taken == b""


@pytest.mark.skipif(os.name == "nt", reason="Windows waits for sockets only")
def test_a_slow_reader_is_waited_for(begin: Begin) -> None:
    reading, writing = os.pipe()

    class Slow(Raw):
        def fileno(self) -> int:
            return writing

    out = Slow(None, None)
    streams = begin(out, Raw())
    say("in the end it arrives")
    assert sys.stdout.fileno() == writing
    assert streams.ended() == 0
    assert (out.taken, out.calls) == (b"in the end it arrives\n", 3)
    os.close(reading)
    os.close(writing)


def test_a_stream_that_another_program_put_there_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    notebook = io.StringIO()
    with open(tmp_path / "err", "w") as err:
        monkeypatch.setattr(sys, "stdout", notebook)
        monkeypatch.setattr(sys, "stderr", err)
        streams = Streams()
        say("seen there")
        assert sys.stdout is notebook
        assert sys.stderr is not err
        assert sys.stderr.fileno() == err.fileno()
        assert streams.ended() == 0
    assert notebook.getvalue() == "seen there\n"


@pytest.mark.parametrize(("opened", "moved"), [(1, []), (7, [("dup2", 7, 1), ("close", 7)])], ids=["there", "beside"])
def test_a_closed_descriptor_is_opened_so_that_no_file_takes_its_place(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, opened: int, moved: list[tuple[Any, ...]]
) -> None:
    done: list[tuple[Any, ...]] = []

    def fstat(descriptor: int) -> None:
        if descriptor == 1:
            raise OSError(errno.EBADF, "Bad file descriptor")

    def opens(path: str, flags: int) -> int:
        done.append(("open", path, flags))
        return opened

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", fstat)
        patch.setattr(os, "open", opens)
        patch.setattr(os, "dup2", lambda *told: done.append(("dup2", *told)))
        patch.setattr(os, "close", lambda *told: done.append(("close", *told)))
        begin(Raw(), Raw())
    assert done == [("open", os.devnull, os.O_RDWR), *moved]
