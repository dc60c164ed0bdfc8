"""The README stays true: its programs run and print what it shows, its commands work, what it points to is there."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from chainrule.cli import status

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCKS if found == kind]


def matches(shown: str, printed: str) -> bool:
    """Whether `printed` is what the README shows, in which … stands for anything."""
    parts = map(re.escape, " ".join(shown.split()).split("…"))
    return re.fullmatch(".*".join(parts), " ".join(printed.split())) is not None


def run_command(line: str) -> tuple[int, str]:
    """Run a line that begins with chainrule; what it prints goes into a file where the line says so."""
    words = shlex.split(line, comments=True)
    target = words[words.index(">") + 1] if ">" in words else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = status(words[1 : words.index(">") if target else None])
    if target:
        Path(target).write_text(printed.getvalue(), "utf-8")
    return code, printed.getvalue()


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_its_programs_run_one_after_the_other_and_print_what_it_shows() -> None:
    programs, shown = blocks("python"), blocks("text")
    assert len(programs) == len(shown) > 0
    space: dict[str, object] = {}
    for program, expected in zip(programs, shown, strict=True):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(program, space)
        assert matches(expected, printed.getvalue()), printed.getvalue()


def test_its_first_program_has_at_most_ten_lines() -> None:
    assert sum(bool(line.strip()) for line in blocks("python")[0].splitlines()) <= 10


@pytest.mark.parametrize("session", blocks("console"))
def test_its_sessions_print_what_it_shows(session: str) -> None:
    for part in session.split("$ ")[1:]:
        line, _, expected = part.partition("\n")
        code, printed = run_command(line)
        assert code == 0
        assert matches(expected, printed), printed


def test_its_command_lines_work_one_after_the_other() -> None:
    Path("points.csv").write_text("a,b\n0,1\n1,1\n")
    Path("my.csv").write_text("town,price\n" + "Ulm,1.5\nBonn,2.25\n,4.5\n" * 20)
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("chainrule ")]
    assert len(lines) == 16
    for line in [*lines, "chainrule train mine.toml --epochs 1"]:
        code, printed = run_command(line)
        assert code == 0, line
        assert printed, line
    assert Path("runs/xor-001/decision-surface.png").exists()


def test_its_targets_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"\bmake (\w+)", " ".join([*blocks("sh"), *re.findall(r"`(.*?)`", README)])))
    assert targets == {"demo", "test", "figures", "docs"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_what_it_links_to_is_there_and_small() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
        assert (ROOT / link).suffix != ".png" or (ROOT / link).stat().st_size < 120_000


def test_it_says_what_every_dependency_is_for() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert listed
    for package in re.findall(r'"([\w-]+)', listed[1]):
        assert package == "numpy" or re.search(rf"^\|.*`{package}`.*\|.+\|.+\|$", README, re.MULTILINE), package
