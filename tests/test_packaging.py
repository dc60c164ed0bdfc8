"""What the project says of itself to installers and package indexes is true, and the same wherever it is said."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from chainrule._version import __version__

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
DECLARED = {"dependencies": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
WORKFLOW = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")


def test_every_dependency_has_one_oldest_version_wherever_it_stands() -> None:
    oldest = defaultdict(set)
    for lines in DECLARED.values():
        for line in lines:
            if not line.startswith("chainrule["):
                assert re.fullmatch(r"[\w-]+[>=]=\d+(\.\d+)*", line), f"{line} has no oldest version, or more than that"
                name, version = re.split("[>=]=", line)
                oldest[name].add(version)
    assert {name: versions for name, versions in oldest.items() if len(versions) > 1} == {}


def test_checkers_of_types_see_the_oldest_versions_too() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    pinned = re.findall(r"^ +- ([\w-]+>=[\d.]+)$", hooks, re.MULTILINE)
    assert len(pinned) > 5
    assert set(pinned) <= {line for lines in DECLARED.values() for line in lines}


def test_an_index_can_show_what_the_readme_shows() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for rule in PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    pictures, pages = re.findall(r"!\[[^\]]*\]\(([^)]+)", text), re.findall(r"(?<!!)\[[^\]]*\]\(([^)]+)", text)
    assert len(pictures) >= 2
    assert len(pages) >= 5
    raw, shown = (
        "https://raw.githubusercontent.com/chainrule/chainrule/",
        "https://github.com/chainrule/chainrule/blob/",
    )
    assert [link for link in pictures if not re.match(rf"{re.escape(raw)}v\$HFPR_VERSION/\w", link)] == []
    assert [link for link in pages if not re.match(rf"{re.escape(shown)}v\$HFPR_VERSION/\w|https://", link)] == []


def test_each_licence_has_its_text_and_the_digits_their_makers() -> None:
    files = [path for pattern in PROJECT["license-files"] for path in ROOT.glob(pattern)]
    texts = "\n".join(path.read_text("utf-8") for path in files)
    assert PROJECT["license"] == "MIT AND CC-BY-4.0"
    for words in ("Permission is hereby granted", "Section 1 – Definitions", "E. Alpaydin and C. Kaynak"):
        assert words in texts, words


@pytest.mark.parametrize("minor", range(11, 15))
def test_each_python_that_is_promised_is_tried(minor: int) -> None:
    assert f"Programming Language :: Python :: 3.{minor}" in PROJECT["classifiers"]
    assert f'"3.{minor}"' in re.findall(r"python: (\[.*\])", WORKFLOW)[0]


FOR_DEVELOPERS = {"referee", "docs", "test", "dev", "release"}


def test_one_extra_has_all_that_a_user_can_want() -> None:
    (line,) = PROJECT["optional-dependencies"]["all"]
    names = re.fullmatch(r"chainrule\[(.*)\]", line)
    assert names is not None
    assert names[1].split(",") == sorted(set(PROJECT["optional-dependencies"]) - FOR_DEVELOPERS - {"all"})


def test_what_to_cite_is_what_the_package_says_of_itself() -> None:
    lines = (ROOT / "CITATION.cff").read_text("utf-8").splitlines()
    said = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(" "))
    assert said["cff-version"] == "1.2.0"
    assert said["version"] == __version__
    assert said["title"] == PROJECT["name"]
    assert said["abstract"] == PROJECT["description"]
    assert said["repository-code"] == PROJECT["urls"]["Source"]
    assert f"  - name: {PROJECT['authors'][0]['name']}" in lines
    assert [line[4:] for line in lines if line.startswith("  - ") and "name:" not in line] == PROJECT["keywords"]
