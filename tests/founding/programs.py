"""The programs of ``first_minute.txt``, and what each of them is answered."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr

TABLE = Path(__file__).with_name("first_minute.txt")


@dataclass(frozen=True)
class Program:
    """What is tried, and what is to come of it: nothing but its assertions, or an error that names a word."""

    title: str
    word: str  # a regular expression; empty where it runs
    text: str

    def answered(self) -> str:
        """Run it in a folder of its own; return what went wrong, and nothing where it was answered as it should be."""
        xor = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
        given: dict[str, Any] = {"__name__": "__main__", "np": np, "cr": cr, "X": xor[0], "Y": xor[1]}
        program = compile(self.text, self.title, "exec")
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), warnings.catch_warnings():
            warnings.simplefilter("ignore", cr.errors.ChainruleWarning)
            with contextlib.redirect_stdout(io.StringIO()):
                try:
                    exec(program, given)
                except cr.ChainruleError as error:
                    right = self.word and re.search(self.word, error.fix)
                    return "" if right else f"told: {error}"
                except Exception as error:
                    return f"raw {type(error).__name__}: {error}"
        return f"it runs, and doesn't tell {self.word}" if self.word else ""


def programs() -> list[Program]:
    """Return all of them."""
    found = []
    for block in TABLE.read_text("utf-8").split("\n## ")[1:]:
        title, expected, *lines = block.splitlines()
        how, _, word = expected.partition(" ")
        assert how in ("runs", "tells"), block
        assert bool(word) == (how == "tells"), block
        found.append(Program(title, word, "\n".join(lines)))
    return found
