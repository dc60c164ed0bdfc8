"""The guide's sources: each block of Python is executed at build, and Hebrew pages run the English code.

That a page runs without an error or a warning is what ``make docs`` shows; here is what a build would not complain of.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import pytest

from tests.referees import needed

DOCS = Path(__file__).parent.parent / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

PAGES = sorted(path for folder in ("guide", "he") for path in (DOCS / folder).glob("*.md"))
CHAPTERS = sorted(path.stem for path in (DOCS / "guide").glob("*.md"))
FENCE = re.compile(r"^```(.*)$", re.MULTILINE)
PLACE = re.compile(r"^```\{cell\} (\d+)$", re.MULTILINE)


@pytest.fixture
def hebrew():
    """Return the extension that fills in and turns Hebrew pages."""
    needed("sphinx", "docs")
    import hebrew

    return hebrew


@pytest.mark.parametrize("page", PAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_block_of_python_is_one_that_the_build_executes(page):
    text = page.read_text("utf-8")
    openings = FENCE.findall(text)[::2]
    assert not {"python", "py", "pycon", "ipython3"} & set(openings)
    if any(opening.startswith(("{code-cell}", "{cell}")) for opening in openings):
        assert text.startswith("---\nfile_format: mystnb\n"), "without this the page is not executed"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_picture_is_described(page):
    cells = re.findall(r"^```\{code-cell\}.*?\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    for cell in cells:
        last = cell.strip().splitlines()[-1]
        if last == "figure" or "cr.plot." in cell or "show_digits(" in last:
            assert re.search(r'alt: "[^"]{20,}"', cell), cell


def test_every_chapter_is_there_in_hebrew_too():
    assert sorted(path.stem for path in (DOCS / "he").glob("*.md")) == CHAPTERS


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_hebrew_chapter_runs_the_english_cells_in_their_order(name, hebrew):
    text, english = ((DOCS / folder / f"{name}.md").read_text("utf-8") for folder in ("he", "guide"))
    numbers = [int(number) for number in PLACE.findall(text)]
    assert numbers == sorted(set(numbers))
    assert "{cell}" not in hebrew.filled_in(text, english)
    described = hebrew.descriptions(text, english)
    assert set(described) == set(re.findall(r'alt: "(.*)"', english))
    assert all(re.search("[א-ת]", description) for description in described.values()), described


def test_a_cell_that_is_not_there_is_named(hebrew):
    from sphinx.errors import ExtensionError

    with pytest.raises(ExtensionError, match="cell 3 is asked for, but the English page has 1"):
        hebrew.filled_in("```{cell} 3\n```\n", "```{code-cell} ipython3\n1\n```\n")


def test_a_dead_link_a_request_and_a_mute_picture_are_found(tmp_path):
    needed("sphinx", "docs")
    from whole import faults

    (tmp_path / "there.html").write_text('<p id="place"><a href="here.html">back</a>')
    (tmp_path / "here.html").write_text(
        '<a href="there.html#place"></a><a href="https://example.org"></a><a href="#top"></a>'
        '<a href="gone.html"></a><a href="there.html#nowhere"></a>'
        '<script src="https://example.org/x.js"></script><img src="there.html">'
    )
    assert faults(tmp_path) == [
        "here.html: the picture there.html has no description",
        "here.html: https://example.org/x.js is fetched from outside",
        "here.html: gone.html leads nowhere",
        "here.html: there is no place 'nowhere' in there.html#nowhere",
    ]


def test_mathjax_is_the_file_that_its_readme_names():
    content = (DOCS / "_static" / "mathjax" / "tex-svg.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == "d4295dc33744836935c1399feece5159577b34c5c8ffb9f1c6324cd82e03a882"
    assert "3.2.2" in (DOCS / "_static" / "mathjax" / "README.md").read_text("utf-8")
