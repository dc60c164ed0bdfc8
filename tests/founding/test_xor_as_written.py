"""The example is the document's program: at most six lines differ, and each says why."""

from __future__ import annotations

import difflib
from pathlib import Path

WRITTEN = Path(__file__).with_name("xor_as_written.txt")
EXAMPLE = Path(__file__).parents[2] / "examples" / "founding_xor.py"


def program(path: Path) -> list[str]:
    """Return a program's lines, without its docstring and what is a comment alone."""
    _, _, text = path.read_text("utf-8").split('"""', 2)
    return [line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def test_at_most_six_lines_of_the_documents_program_are_changed() -> None:
    before, after = program(WRITTEN), program(EXAMPLE)
    opcodes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    changed = sum(max(b - a, d - c) for kind, a, b, c, d in opcodes if kind != "equal")
    assert 1 <= changed <= 6


def test_each_changed_line_says_why() -> None:
    before, lines = program(WRITTEN), EXAMPLE.read_text("utf-8").splitlines()
    own = [i for i, line in enumerate(lines) if line in program(EXAMPLE) and line not in before]
    assert own
    assert all(lines[i - 1].strip().startswith("#") for i in own)
