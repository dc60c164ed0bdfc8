"""A release is one command: it writes version and changelog, checks, commits and tags, or leaves all as it was."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.referees import missing

ROOT = Path(__file__).parents[1]
COPIED = ("Makefile", "pyproject.toml", ".gitignore", ".ci/release.py", "CITATION.cff")
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Something.\n\n## [0.1.0] - 2026-01-01\n\n- The first.\n"


class Repository:
    """A small one with what a release touches, on main, with all committed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in (*COPIED, "src/chainrule/_version.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        (folder / "src/chainrule/_version.py").write_text('__version__ = "0.1.0"\n')
        self.changelog.write_text(CHANGELOG)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Somebody")
        self.git("config", "user.email", "somebody@example.org")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "All")
        (folder / ".venv").mkdir()
        for extra in ("dev", "release"):
            (folder / f".venv/installed-{extra}").touch()

    @property
    def changelog(self) -> Path:
        return self.folder / "CHANGELOG.md"

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=self.folder, check=True, capture_output=True, text=True, env=plain()
        ).stdout.strip()

    def release(self, version: str, check: str = "true") -> subprocess.CompletedProcess[str]:
        command = ["make", "release", f"VERSION={version}", f"CHECK={check}", f"BIN={Path(sys.executable).parent}"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=plain())

    def state(self) -> tuple[str, ...]:
        return (
            self.git("rev-parse", "HEAD"),
            self.git("status", "--porcelain"),
            self.git("tag"),
            self.changelog.read_text(),
            (self.folder / "CITATION.cff").read_text(),
        )


def plain() -> dict[str, str]:
    """Return the environment without what a make or a git around these tests has put there."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "GIT_"))}


pytestmark = pytest.mark.skipif(os.name == "nt", reason="releases are made with make, which Windows does not have")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    for program in ("git", "make"):
        if shutil.which(program) is None:
            missing(program, "it is a package of the system")
    return Repository(tmp_path)


def test_a_release_is_a_dated_changelog_a_version_a_commit_and_a_tag(repository: Repository) -> None:
    done = repository.release("0.2.0", check="grep -q 0.2.0 src/chainrule/_version.py")
    assert done.returncode == 0, done.stderr
    today = datetime.date.today().isoformat()
    dated = CHANGELOG.replace("## [Unreleased]\n", f"## [Unreleased]\n\n## [0.2.0] - {today}\n")
    assert repository.changelog.read_text() == dated
    assert (repository.folder / "src/chainrule/_version.py").read_text() == '__version__ = "0.2.0"\n'
    cited = (repository.folder / "CITATION.cff").read_text().splitlines()
    assert [line for line in cited if "version: 0" in line or "date" in line] == [
        "version: 0.2.0",
        f"date-released: {today}",
    ]
    assert repository.git("log", "-1", "--format=%s") == "Version 0.2.0"
    assert repository.git("rev-parse", "v0.2.0^{commit}") == repository.git("rev-parse", "HEAD")
    assert repository.git("cat-file", "-t", "v0.2.0") == "tag"
    assert repository.git("status", "--porcelain") == ""
    publishing = [line.strip() for line in done.stdout.splitlines()[-2:]]
    assert publishing == ["git push origin main v0.2.0", ".venv/bin/python -m twine upload dist/*"]


def test_the_day_of_the_release_before_is_not_cited_any_more(repository: Repository) -> None:
    assert repository.release("0.1.0").returncode == 0
    repository.changelog.write_text(CHANGELOG)
    repository.git("commit", "--quiet", "--all", "--message", "More")
    assert repository.release("0.2.0").returncode == 0
    assert (repository.folder / "CITATION.cff").read_text().count("date-released: ") == 1


def test_the_first_release_may_be_the_version_that_is_there(repository: Repository) -> None:
    assert repository.release("0.1.0").returncode == 0
    assert repository.git("tag") == "v0.1.0"


def changed(repository: Repository) -> None:
    (repository.folder / "new.txt").touch()


def elsewhere(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "other")


def tagged(repository: Repository) -> None:
    repository.git("tag", "v0.2.0")


def unwritten(repository: Repository) -> None:
    repository.changelog.write_text(CHANGELOG.replace("### Added\n\n- Something.\n\n", ""))
    repository.git("commit", "--quiet", "--all", "--message", "Nothing")


def nobody(repository: Repository) -> None:
    repository.git("config", "user.name", "")


def as_it_is(repository: Repository) -> None:
    pass


@pytest.mark.parametrize(
    ("prepare", "version", "check", "said"),
    [
        (as_it_is, "", "true", "expected three numbers: make release VERSION=1.2.3"),
        (as_it_is, "v0.2.0", "true", "expected three numbers"),
        (as_it_is, "0.2", "true", "expected three numbers"),
        (as_it_is, "0.0.9", "true", "it is 0.1.0 already"),
        (changed, "0.2.0", "true", "changes that are not committed"),
        (elsewhere, "0.2.0", "true", "releases are made from main"),
        (tagged, "0.2.0", "true", "there is a tag v0.2.0 already"),
        (unwritten, "0.2.0", "true", "nothing under [Unreleased]"),
        (nobody, "0.2.0", "true", "so nothing is released: the repository is as it was"),
        (as_it_is, "0.2.0", "false", "`false` failed, so nothing is released: the repository is as it was"),
    ],
)
def test_what_stops_a_release_is_said_and_changes_nothing(
    repository: Repository, prepare: object, version: str, check: str, said: str
) -> None:
    assert callable(prepare)
    prepare(repository)
    before = repository.state()
    done = repository.release(version, check)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert repository.state() == before
