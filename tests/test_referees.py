"""A referee that is missing fails its tests where all must be there: nothing is left out unseen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OWN = {ROOT / "tests/referees.py", ROOT / "tests/test_referees.py"}
FILES = sorted({*ROOT.glob("tests/**/*.py"), ROOT / "conftest.py"} - OWN)
UNASKED = re.compile(r"importorskip|pytest\.skip\(|(?<!def )find_spec\(|except \(?(ImportError|ModuleNotFoundError)")

IN_A_FILE = 'needed("nosuch")'
IN_A_TEST = "def test_it():\n    missing('nosuch', 'apt-get install nosuch')"
WHILE_COLLECTED = 'assert absent("nosuch", "pytest") == ["nosuch"]\ndef test_it():\n    pass'


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_test_that_may_lack_something_asks_the_referees(path: Path) -> None:
    found = [line.strip() for line in path.read_text("utf-8").splitlines() if UNASKED.search(line)]
    assert found == []


def ended(folder: Path, text: str, required: str) -> tuple[int, str]:
    """Run a file of tests; return how it ended and what it said."""
    (folder / "test_it.py").write_text(f"from tests.referees import absent, missing, needed\n{text}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--rootdir", folder, "-c", os.devnull],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CHAINRULE_REFEREES": required},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("text", [IN_A_FILE, IN_A_TEST], ids=["a file", "a test"])
def test_a_missing_referee_skips_or_fails_with_one_sentence(tmp_path: Path, text: str) -> None:
    code, said = ended(tmp_path, text, "0")
    assert code in (0, 5)
    assert "1 skipped" in said
    code, said = ended(tmp_path, text, "1")
    assert code in (1, 2)
    assert re.search(r"nosuch is not installed: (pip install 'chainrule\[referee\]'|apt-get install nosuch)", said)
    assert "Traceback" not in said


def test_files_left_out_for_want_of_a_package_are_an_error_too(tmp_path: Path) -> None:
    assert ended(tmp_path, WHILE_COLLECTED, "0")[0] == 0
    code, said = ended(tmp_path, WHILE_COLLECTED, "1")
    assert code != 0
    assert "nosuch not installed" in said
