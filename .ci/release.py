"""Make a release: `make release VERSION=1.2.3`. It ends before anything is published.

The changelog's Unreleased becomes the version, which is what to cite from then on; everything is checked and built, and
the result is a commit and a tag.
If something fails, the repository is as it was.
"""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[1]
CHANGELOG = ROOT / "CHANGELOG.md"
VERSION_FILE = ROOT / "src/chainrule/_version.py"
CITATION = ROOT / "CITATION.cff"
CHANGED = (str(CHANGELOG), str(VERSION_FILE), str(CITATION))
HEADING = "## [Unreleased]\n"
CHECKS = ("make check", "make wheel")


def main(version: str) -> None:
    """Release what main is now as `version`."""
    allow(version)
    before = git("rev-parse", "HEAD")
    try:
        write_version(version)
        git("commit", "--quiet", "--message", f"Version {version}", "--", *CHANGED)
        checks = [os.environ["CHECK"]] if os.environ.get("CHECK") else CHECKS
        for check in checks:  # after the commit: it is what they build
            print(f"$ {check}", flush=True)
            subprocess.run(check, shell=True, cwd=ROOT, check=True)
        git("tag", "--annotate", f"v{version}", "--message", f"Version {version}")
    except BaseException as problem:
        git("reset", "--soft", before)
        git("restore", "--staged", "--worktree", "--", *CHANGED)
        if isinstance(problem, subprocess.CalledProcessError):
            command = problem.cmd if isinstance(problem.cmd, str) else " ".join(problem.cmd)
            said = f" ({problem.stderr.strip()})" if problem.stderr else ""
            refuse(f"`{command}` failed{said}, so nothing is released: the repository is as it was")
        raise
    print(f"Version {version} is committed and tagged, after {', '.join(checks)}. To publish it:")
    print(f"  git push origin main v{version}")
    print("  .venv/bin/python -m twine upload dist/*")


def allow(version: str) -> None:
    """Stop if this is no moment, or no name, for a release."""
    now = re.findall(r'^__version__ = "(.*)"$', VERSION_FILE.read_text("utf-8"), re.MULTILINE)[0]
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        refuse(f"got VERSION={version}, but expected three numbers: make release VERSION=1.2.3")
    if numbers(version) < numbers(now):
        refuse(f"got VERSION={version}, but it is {now} already: take a larger one")
    if git("branch", "--show-current") != "main":
        refuse(f"this is the branch {git('branch', '--show-current')!r}, but releases are made from main")
    if git("status", "--porcelain"):
        refuse("there are changes that are not committed: commit them, or put them aside with git stash")
    if git("tag", "--list", f"v{version}"):
        refuse(f"there is a tag v{version} already: take a larger version")
    if not re.match(r"\s*###", CHANGELOG.read_text("utf-8").partition(HEADING)[2]):
        refuse("CHANGELOG.md has nothing under [Unreleased]: say what has changed")


def write_version(version: str) -> None:
    """Name the version and its day in the changelog, in the package and in what to cite."""
    today = datetime.date.today().isoformat()
    dated = f"{HEADING}\n## [{version}] - {today}\n"
    CHANGELOG.write_text(CHANGELOG.read_text("utf-8").replace(HEADING, dated, 1), "utf-8", newline="\n")
    text = re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', VERSION_FILE.read_text("utf-8"))
    VERSION_FILE.write_text(text, "utf-8", newline="\n")
    text = re.sub(r"(?m)^date-released: .*\n", "", CITATION.read_text("utf-8"))
    text = re.sub(r"(?m)^version: .*$", f"version: {version}\ndate-released: {today}", text)
    CITATION.write_text(text, "utf-8", newline="\n")


def numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def refuse(line: str) -> NoReturn:
    sys.exit(f"release: {line}.")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else "")
