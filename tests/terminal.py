"""A terminal for tests: a stream that says it is one, and what would be seen on it."""

from __future__ import annotations

import io


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def __init__(self, is_one: bool = True) -> None:
        super().__init__(newline="")
        self.is_one = is_one

    def isatty(self) -> bool:
        return self.is_one


def screen(text: str) -> list[str]:
    """Return the lines that a terminal shows after this was written, without the spaces at their ends."""
    lines, row, column = [""], 0, 0
    for part in text.replace("\x1b[A", "\v"):
        if part == "\r":
            column = 0
        elif part == "\v":
            row -= 1
        elif part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        else:
            line = lines[row].ljust(column)
            lines[row] = line[:column] + part + line[column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]
