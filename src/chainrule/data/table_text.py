"""Text files of rows and cells: in which encoding they are, what stands between cells, and the cells, block by block.

What a cell means is for `csv_files` and `table_files` to say. A file may be read several times, for a column may turn
out late to hold words.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from chainrule import checks
from chainrule.data.number_cells import split
from chainrule.data.opening import shown
from chainrule.data.unpacking import GZIP, UnpackedStream
from chainrule.errors import FileError, InputError, printable

Row = tuple[int, list[str]]
Take = Callable[[Sequence[str]], bool]
_DELIMITERS = ",;\t|"
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "runs of spaces"}
_LONGEST_ROW = 1 << 24  # characters: cells cost several times their length until they are numbers
_CHUNK = 1 << 16  # characters that are read at once: as many as the processor's cache holds when they are cells
_WIDEST = 1 << 21  # characters that are read at once where rows are long
_SAMPLE = 1 << 16  # characters
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # the longer before the shorter that they begin with
_OTHERS = {
    b"PK\x03\x04": "a ZIP file, such as an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x89HDF": "an HDF5 file",
    b"SQLite": "an SQLite database",
    b"\x89PNG": "a picture",
    b"\x93NUMPY": "an NPY file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"(\xb5/\xfd": "a Zstandard file",
}
_SEP = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_SPACED = re.compile(r'"((?:[^"]|"")*)"(?!\S)|(\S+)')


class Block(NamedTuple):
    """Some rows that follow on one another: their cells one after the other, and the line of each row."""

    lines: list[int]
    cells: list[str]
    underscores: bool


class TextTable:
    """The rows of a text file.

    Parameters
    ----------
    where : str
        Who speaks in errors.
    file : file
        Opened by `open_file`, plain or compressed with gzip.
    delimiter : str, optional
        What stands between cells, a space for runs of spaces; found out by default.
    encoding : str, optional
        Found out by default.
    skip_rows : int
        How many lines at the top are none of the table.

    Attributes
    ----------
    delimiter, encoding : str
    short_lines : bool
        Whether no line is longer than a mebibyte, as far as is known.
    start : int
        How many lines stand before the first row: skipped ones, comments, ``sep=;``.
    comment : str
        The last comment before the first row, which may hold the columns' names.
    comments : int
        How many lines of comment there were in what was read last, apart from those before the first row.
    notes : list of str
        What was found, a line each.

    Raises
    ------
    FileError
        If it is not text, or empty.
    InputError
        If an argument is not what it should be.
    """

    def __init__(
        self,
        where: str,
        file: io.BufferedReader,
        *,
        delimiter: str | None = None,
        encoding: str | None = None,
        skip_rows: int = 0,
    ) -> None:
        self.where, self.file, self.notes = where, file, list[str]()
        self._check(delimiter, encoding, skip_rows)
        self.compressed, self.short_lines = file.read(2) == GZIP, False
        start = self._bytes().read(8)
        for magic, what in _OTHERS.items():
            if start.startswith(magic):
                raise self._no_text(what, "Save the table as CSV, in UTF-8")
        self.encoding = encoding or self._found_encoding()
        if codecs.lookup(self.encoding).name == "utf-8":
            self.encoding = "utf-8-sig"
        self.comment, self.comments = "", 0
        self.delimiter, self.start = "", 0
        self._look_at_the_start(delimiter, skip_rows)

    def _check(self, delimiter: Any, encoding: Any, skip_rows: Any) -> None:
        where = self.where.split(" ")[0]
        if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n'):
            raise InputError(
                where,
                given=f"delimiter={delimiter!r}",
                expected="a single character",
                fix="Pass for example delimiter=';' or '\\t', or leave it out",
            )
        checks.whole(f"{where} skip_rows", skip_rows, least=0)
        if encoding is None:
            return
        try:
            known = isinstance(encoding, str) and codecs.lookup(encoding)._is_text_encoding
        except (LookupError, ValueError):
            known = False
        if not known:
            raise InputError(
                where,
                given=f"encoding={encoding!r:.60}",
                expected="the name of an encoding that Python knows",
                fix="Pass for example encoding='utf-8', 'cp1252' or 'utf-16', or leave it out",
            )

    # ------------------------------------------------------------------ bytes and characters

    def _bytes(self) -> io.BufferedReader:
        """Return the file's bytes from the start, unpacked."""
        self.file.seek(0)
        raw = UnpackedStream(self.where, self.file) if self.compressed else _Borrowed(self.file)
        return io.BufferedReader(raw, 1 << 16)

    def characters(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self._bytes(), encoding=self.encoding, newline="")

    def _found_encoding(self) -> str:
        """Return the encoding that the first bytes name; without them UTF-8 if all is, else Windows' cp1252."""
        stream = self._bytes()
        data = stream.read(1 << 20)
        for start, encoding in _BOMS.items():
            if data.startswith(start):
                if encoding != "utf-8-sig":
                    self.notes.append(f"encoding {encoding.upper()}")
                return encoding
        if b"\0" in data[:_SAMPLE]:
            little = data[1:2] == b"\0"
            fix = f"Pass encoding='utf-16-{'le' if little else 'be'}'" if b"\0" in data[:2] else "Save it as CSV"
            raise self._no_text("bytes that are no text, with zeros among them", fix)
        decoder, wide, damaged = codecs.getincrementaldecoder("utf-8")("replace"), 0, 0
        longest = line = 0
        while True:
            first = data.find(b"\n")
            longest = max(longest, line + (first if first >= 0 else len(data)))
            line = line + len(data) if first < 0 else len(data) - data.rfind(b"\n")
            if not data.isascii() or decoder.getstate()[0]:
                text = decoder.decode(data, final=not data)
                bad = text.count("\ufffd")
                damaged += bad
                wide += len(text) - len(text.encode("ascii", "ignore")) - bad
            if not data:
                break
            data = stream.read(1 << 20)
        self.short_lines = longest < 1 << 20
        if not damaged:
            return "utf-8-sig"
        if wide > damaged:
            raise FileError(
                self.where,
                given=f"UTF-8 with {damaged:,} damaged characters among {wide:,} whole ones",
                expected="a text in one encoding",
                fix="Save the table as CSV in UTF-8 again, or name its encoding, for example encoding='cp1252'",
            )
        self.notes.append("encoding cp1252 (Windows' Latin-1), for the bytes are not UTF-8")
        return "cp1252"

    def _no_text(self, given: str, fix: str) -> FileError:
        return FileError(self.where, given=given, expected="a text file with a table", fix=fix)

    def not_decoded(self, problem: UnicodeError) -> FileError:
        if self.encoding == "utf-8-sig":
            named, fix = "UTF-8", "Save the table as CSV in UTF-8"
        else:
            named, fix = self.encoding, "Name the right one, for example encoding='latin-1', which reads any byte"
        reason = getattr(problem, "reason", problem)
        return FileError(
            self.where, given=f"bytes that are not {named} ({reason})", expected=f"a text file in {named}", fix=fix
        )

    # ------------------------------------------------------------------ the dialect

    def _look_at_the_start(self, delimiter: str | None, skip_rows: int) -> None:
        """Find where the rows begin and what stands between cells."""
        try:
            stream = self.characters()
            pass_lines(stream, skip_rows)
            sample = stream.read(_SAMPLE)
        except UnicodeError as problem:
            raise self.not_decoded(problem) from None
        lines = io.StringIO(sample, newline="").readlines()
        cut = len(sample) == _SAMPLE and len(lines) > 1  # the last one is cut somewhere in the middle
        lines, self.start = lines[: len(lines) - cut], skip_rows
        said = _SEP.fullmatch(lines[0].strip("\r\n\ufeff")) if lines else None
        if said is not None and said[1] != '"':
            delimiter, lines, self.start = delimiter or said[1], lines[1:], self.start + 1
            self.notes.append(f"delimiter {said[1]!r}, as the line sep= says")
        comments = 0
        for index, line in enumerate(lines):
            if line.startswith("#"):
                comments, self.comment = index + 1, line.lstrip("#").strip()
            elif line.strip():
                break
        self.start += comments
        if comments:
            self.notes.append(f"{comments} lines of comment at the top" if comments > 1 else "a comment at the top")
        if skip_rows:
            self.notes.append(f"{skip_rows} lines skipped" if skip_rows > 1 else "a line skipped")
        rows = [line for line in lines[comments:] if line.strip()][:20]
        self.delimiter = delimiter or _guessed_delimiter(rows)
        if delimiter is None and self.delimiter != ",":
            self.notes.append(f"{_NAMES[self.delimiter]} between cells")

    def cells_of(self, line: str) -> list[str]:
        """Return the cells of a single line."""
        return cells_in(line, self.delimiter)

    # ------------------------------------------------------------------ rows

    def _rows(self, lines: _Lines) -> Iterator[Row]:
        """Yield line number and cells of every row that is not blank."""
        import csv

        try:
            if self.delimiter == " ":
                for line in lines:
                    lines.length, lines.begun = 0, lines.number
                    if cells := cells_in(line, " "):
                        yield lines.number, cells
                return
            reader = csv.reader(lines, delimiter=self.delimiter, skipinitialspace=True, strict=True)
            for cells in reader:
                lines.length, lines.begun = 0, lines.number
                if len(cells) > 1 or (cells and (cells[0].strip() or '"' in lines.last)):  # "" is a gap, no blank line
                    yield lines.number, cells
        except UnicodeError as problem:
            raise self.not_decoded(problem) from None
        except csv.Error as problem:
            first, last = lines.begun + 1, lines.number
            raise FileError(
                self.where,
                given=f"quotes or cells that can't be read ({printable(str(problem))}), in "
                + (f"line {last}" if last == first else f"lines {first} to {last}"),
                expected='cells in matching "quotes", or without any',
                fix="Correct that line",
            ) from None

    def sample(self) -> list[Row]:
        """Return the first rows, as far as they can be read: a hundred, or fewer of a wide table."""
        found, count = list[Row](), 0
        try:
            for row in self._rows(_Lines(self)):
                found.append(row)
                count += len(row[1])
                if len(found) >= 100 or (len(found) > 1 and count > 1 << 12):
                    break
        except FileError:
            if not found:
                raise
        if not found:
            raise FileError(self.where, given="an empty file", expected="rows of numbers", fix="Write the data first")
        return found

    def blocks(self, width: int, skip: int = 0, *, spare: bool = False, take: Take | None = None) -> Iterator[Block]:
        """Yield the rows behind the first `skip`, many at a time, each of `width` cells.

        Where the file can't be read on, or a row has another number of cells, the rows before come first, and then an
        error. With `spare` a row may have an empty cell more, which doesn't count. `take` may take some lines as they
        are, and returns whether it has: their block has no cells then.
        """
        source = _Lines(self)
        rows, problem = self._rows(source), None
        self.comments = 0
        for _ in range(skip):
            next(rows, None)
        while problem is None and source.look_ahead():
            if take is not None and source.short and take(source.ahead):
                first = source.number + 1
                source.skip()
                yield Block([*range(first, source.number + 1)], [], False)
                continue
            lines, cells, source.underscores = list[int](), list[str](), False
            try:
                while source.ahead and (found := next(rows, None)):
                    line, row = found
                    if len(row) != width:
                        if row[0].startswith("#"):
                            self.comments += 1
                            continue
                        if not (spare and len(row) == width + 1 and not row.pop().strip()):
                            raise self.unequal(line, len(row), width)
                    lines.append(line)
                    cells += row
            except FileError as error:
                problem = error
            if lines:
                yield Block(lines, cells, source.underscores)
        if problem is not None:
            raise problem

    def unequal(self, line: int, count: int, width: int) -> FileError:
        """Return the error for a row of another number of cells."""
        return FileError(
            self.where,
            given=f"{count} cells in line {line}",
            expected=f"{width}, as in the first row",
            fix="Correct that line, or pass the delimiter that the file uses",
        )


class _Lines:
    """The lines of a file from its first row on: how many were read, and which are ahead.

    Attributes
    ----------
    number, begun : int
        The line read last, and the last one of the row before.
    last : str
        The line read last.
    length : int
        Characters of the row under way, which may go over several lines.
    underscores : bool
        Whether there was one.
    ahead : deque of str
        Lines that come next.
    short : bool
        Whether each of them is whole.
    """

    def __init__(self, text: TextTable) -> None:
        self.text, self.stream, self.ahead = text, text.characters(), deque[str]()
        self.number = self.begun = text.start
        self.length, self.underscores, self.short, self.last = 0, False, True, ""
        pass_lines(self.stream, text.start)
        self.problem: UnicodeError | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.ahead.popleft() if self.ahead else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self.last = line
        self.length += len(line)
        if self.length > _LONGEST_ROW:
            raise FileError(
                self.text.where,
                given=f"a row of more than {_LONGEST_ROW:,} characters",
                expected="rows that are shorter",
                fix="Save large tables as NPY or NPZ, with numpy.save or numpy.savez; if a quote is never closed, it "
                f"is the one that opens in line {self.begun + 1}",
            )
        if "_" in line:
            self.underscores = True
        return line

    def _read(self) -> str:
        if self.problem is not None:
            raise self.text.not_decoded(self.problem)
        return self.stream.readline(_LONGEST_ROW + 1)

    def look_ahead(self) -> bool:
        """Put some lines ahead, more characters of a wide table; return False at the end."""
        read, length = self.stream.readline, 0
        most = _LONGEST_ROW + 1
        if self.problem is not None:
            raise self.text.not_decoded(self.problem)
        try:
            if self.text.short_lines:  # so that none can be longer than memory
                self.ahead.extend(self.stream.readlines(_CHUNK))
                length = _CHUNK
                while 0 < len(self.ahead) < 32 and length < _WIDEST and (line := read(most)):
                    self.ahead.append(line)
                    length += len(line)
            else:
                while (length < _CHUNK or (len(self.ahead) < 32 and length < _WIDEST)) and (line := read(most)):
                    self.ahead.append(line)
                    length += len(line)
        except UnicodeError as problem:
            if not self.ahead:
                raise self.text.not_decoded(problem) from None
            self.problem = problem
        self.short = length < _LONGEST_ROW
        return bool(self.ahead)

    def skip(self) -> None:
        """Leave out the lines ahead."""
        self.number += len(self.ahead)
        self.begun = self.number
        self.ahead.clear()


def pass_lines(stream: io.TextIOWrapper, count: int) -> None:
    """Read over lines, however long they are."""
    for _ in range(count):
        while (line := stream.readline(_LONGEST_ROW)) and line[-1] not in "\r\n":
            pass


class _Borrowed(io.RawIOBase):
    """A stream that stays open when who reads from it is closed."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self.stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        return self.stream.readinto1(buffer)


def cells_in(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, those between quotes without them; an empty list where quotes don't match.

    >>> cells_in('  "New York"   5', " ")
    ['New York', '5']
    """
    if delimiter == " ":
        if '"' not in line:
            return line.split()
        return [word or quoted.replace('""', '"') for quoted, word in _SPACED.findall(line)]
    import csv

    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _guessed_delimiter(lines: list[str]) -> str:
    """Return the delimiter that cuts all of these lines into as many cells each, and leaves few other ones in them.

    The first line may have another number of them than those below: R leaves the name of the first column out.
    """
    import csv

    best, most = ",", (False, 0.0, 1)
    for delimiter in _DELIMITERS:
        try:
            rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
        except csv.Error:
            continue
        widths = {len(row) for row in rows[1:] or rows}
        if len(widths) != 1 or max(widths) == 1:
            continue
        others = _DELIMITERS.replace(delimiter, "")
        cells = [cell for row in rows for cell in row]
        clean = sum(not any(mark in cell and not _comma_number(cell) for mark in others) for cell in cells)
        width, first = max(widths), rows[0]
        whole = len(first) == width
        if not (whole or len(first) == width - 1 or not first[-1] or first[1:2] == [str(width - 1)]):
            continue
        found = (whole, round(clean / len(cells), 2), width)
        if found > most:
            best, most = delimiter, found
    if most[2] > 1:
        return best
    if not lines:
        return best
    spaced = [cells_in(line, " ") for line in lines]
    widths = {len(row) for row in spaced[1:]}
    single = len(spaced[0]) == 1 and all(split(line) for line in lines[1:])  # a column of 40 %, or of 1 234
    if len(widths) == 1 and max(widths) > 1 and len(spaced[0]) - max(widths) in (0, -1) and not single:
        columns = list(zip(*spaced[1:]))
        if any(all(_comma_number(cell) or _is_number(cell) for cell in column) for column in columns):
            return " "
    return best


def _comma_number(cell: str) -> bool:
    return _is_number(cell.replace(".", "").replace(",", ".", 1))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def told(cell: str) -> str:
    """Return a cell as messages show it."""
    return shown(cell if len(cell) <= 60 else cell[:57] + "...")
