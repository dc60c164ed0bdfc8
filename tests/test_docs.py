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

HEBREW = {"guide": "he", "mishaps": "he/mishaps"}
PAGES = sorted(path for folder in [*HEBREW, *HEBREW.values()] for path in (DOCS / folder).glob("*.md"))
CHAPTERS = sorted((folder, path.stem) for folder in HEBREW for path in (DOCS / folder).glob("*.md"))
FENCE = re.compile(r"^```(.*)$", re.MULTILINE)
CELL = r"^```\{code-cell\}.*?^```$"
ALT = re.compile(r'alt: "(.*)"')
PLACE = re.compile(r"^```\{cell\} (\d+)$", re.MULTILINE)


@pytest.fixture
def hebrew():
    """Return the extension that fills in and turns Hebrew pages."""
    needed("sphinx", "docs")
    import hebrew

    return hebrew


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_every_block_of_python_is_one_that_the_build_executes(page):
    text = page.read_text("utf-8")
    openings = FENCE.findall(text)[::2]
    assert not {"python", "py", "pycon", "ipython3"} & set(openings)
    if any(opening.startswith(("{code-cell}", "{cell}")) for opening in openings):
        assert text.startswith("---\nfile_format: mystnb\n"), "without this the page is not executed"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_every_picture_is_described(page):
    cells = re.findall(r"^```\{code-cell\}.*?\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    for cell in cells:
        last = cell.strip().splitlines()[-1]
        if last == "figure" or "cr.plot." in cell or "show_digits(" in last:
            assert re.search(r'alt: "[^"]{20,}"\n  figure:\n    caption: "[^"]{20,}[.?]"', cell), cell


CAPTION = re.compile(r'caption: "(.*)"')


@pytest.mark.parametrize(("folder", "name"), CHAPTERS)
def test_a_picture_of_a_hebrew_chapter_has_a_hebrew_caption(folder, name, hebrew):
    text, english = ((DOCS / part / f"{name}.md").read_text("utf-8") for part in (HEBREW[folder], folder))
    told = [caption for _, caption in hebrew.descriptions(text, english).values()] + CAPTION.findall(text)
    assert len(told) == len(CAPTION.findall(english))
    assert all(re.search("[א-ת]", caption) and caption.endswith((".", "?")) for caption in told), told


def test_a_picture_without_a_caption_and_a_caption_without_a_picture_are_found():
    needed("sphinx", "docs")
    from captions import faults
    from docutils import nodes
    from docutils.utils import new_document

    page = new_document("page")
    page += nodes.image(uri="bare.svg", alt="A curve")
    page += nodes.figure(
        "", nodes.container("", nodes.image(uri="whole.svg", alt="A line")), nodes.caption("", "What to see.")
    )
    page += nodes.figure("", nodes.image(uri="empty.svg"), nodes.caption("", ""))
    page += nodes.figure("", nodes.caption("", "Nothing to see."))
    assert faults(page) == [
        "a picture without a caption: A curve",
        "a picture without a caption: empty.svg",
        "a picture without a description: empty.svg",
        "a caption without a picture: Nothing to see.",
    ]


def test_every_chapter_is_there_in_hebrew_too():
    for folder, hebrew in HEBREW.items():
        names = [path.stem for path in (DOCS / hebrew).glob("*.md")]
        assert sorted(names) == [name for found, name in CHAPTERS if found == folder]


@pytest.mark.parametrize(("folder", "name"), CHAPTERS)
def test_a_hebrew_chapter_runs_the_english_cells_in_their_order(folder, name, hebrew):
    text, english = ((DOCS / part / f"{name}.md").read_text("utf-8") for part in (HEBREW[folder], folder))
    numbers = [int(number) for number in PLACE.findall(text)]
    assert numbers == sorted(set(numbers))
    assert "{cell}" not in hebrew.filled_in(text, english)
    described = {known: description for known, (description, _) in hebrew.descriptions(text, english).items()}
    drawings = [cell for cell in re.findall(CELL, english, re.DOTALL | re.MULTILINE) if "plot.network(" in cell]
    assert set(described) == set(re.findall(r'alt: "(.*)"', english)) - {ALT.search(cell)[1] for cell in drawings}
    own = [cell for cell in re.findall(CELL, text, re.DOTALL | re.MULTILINE) if "plot.network(" in cell]
    assert len(own) == len(drawings)  # with a Hebrew legend
    assert all('language="he"' in cell for cell in own)
    descriptions = [*described.values(), *(ALT.search(cell)[1] for cell in own)]
    assert all(re.search("[א-ת]", description) for description in descriptions), descriptions


MISHAPS = [name for folder, name in CHAPTERS if folder == "mishaps"]


@pytest.mark.parametrize("name", MISHAPS)
def test_a_hebrew_mishap_has_every_cell_and_every_section_of_the_english_one(name):
    text, english = ((DOCS / part / f"{name}.md").read_text("utf-8") for part in ("he/mishaps", "mishaps"))
    assert len(PLACE.findall(text)) == english.count("```{code-cell}")
    assert len(re.findall("^## ", text, re.MULTILINE)) == len(re.findall("^## ", english, re.MULTILINE))


def test_the_thirty_epochs_have_the_figures_that_were_measured():
    measured = re.findall(r"^\| thirty epochs at 0.001: .*", (DOCS / "figures.md").read_text("utf-8"), re.MULTILINE)
    assert len(measured) == 3
    for folder in ("mishaps", "he/mishaps"):
        rows = re.findall(r"^\| .*0\.\d{4}.*\|$", (DOCS / folder / "starts.md").read_text("utf-8"), re.MULTILINE)
        told = [re.findall(r"0\.\d{4}", row) for row in rows]
        assert told == [re.findall(r"0\.\d{4}", row.split("|")[3]) for row in measured]


DERIVATIONS = sorted(path.stem for path in (DOCS / "derivations").glob("*.md"))


def test_a_derivation_belongs_to_an_op_and_stands_on_its_page(tmp_path):
    import op_pages

    pages = dict(op_pages.op_pages(tmp_path))
    assert {"softmax", "categorical_cross_entropy", "softmax_cross_entropy", "l2_penalty"} <= set(DERIVATIONS)
    for name in DERIVATIONS:
        derived = (DOCS / "derivations" / f"{name}.md").read_text("utf-8").strip()
        assert f"## Line by line\n\n{derived}" in pages[f"{name}.md"]
        assert "[line by line](#line-by-line) below" in pages[f"{name}.md"]


def test_the_page_of_an_op_says_why_its_derivative_is_so_and_where_the_guide_comes_to_it(tmp_path):
    import op_pages

    from chainrule.ops import all_ops, page

    pages = dict(op_pages.op_pages(tmp_path))
    for name, kind in all_ops().items():
        told = pages[f"{name}.md"].split("## Why the derivative is so\n\n")[1].split("\n\n## ")[0]
        assert re.sub(r"\\(.)", r"\1", told.split("\n\nMore: ")[0]) == page(kind).why
        place, title = re.search(r"\.\./((?:guide|howto)/[\w-]+\.md)#?([\w-]*)", told).groups()
        headings = re.findall(r"^##+ (.*)$", (DOCS / place).read_text("utf-8"), re.MULTILINE)
        assert not title or title in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("folder", ["guide", "he"])
def test_the_guide_derives_softmax_by_cases_and_the_pair_to_s_minus_y(folder):
    text = (DOCS / folder / "softmax.md").read_text("utf-8")
    for included in re.findall(r"^```\{include\} (\S+)$", text, re.MULTILINE):
        text += (DOCS / folder / included).read_text("utf-8")
    for line in (
        r"&= s_i (1 - s_i)",
        r"&= - s_i s_j",
        r"J = \operatorname{diag}(s) - s\, s^\mathsf{T}",
        r"&= - \frac{y_i}{s_i}",
        r"&= - \sum_i y_i (\delta_{ij} - s_j) \\",
        r"&= s_j - y_j",
    ):
        assert line in text


#: What only a translation says, and how one says it; of documents 1 and 2, whose readers read the Hebrew guide first.
TRANSLATED = {
    "בדיוק כפול": "ברמת דיוק כפולה (float64)",
    "נענע": "להזיז מעט",
    "נענוע": "הזזה קטנה",
    "פרופורציונית": "פרופורציונלית",
    "להאכיל": "להזין",
    "מבטים אל": "חלקים של, באותו זיכרון",
    "היכן ש": "במקום שבו, כאשר",
    "בבקשה": "לא בכותרת",
    "תקציר": "סיכום",
    "פלטו": "מישור",
}


def test_no_hebrew_sentence_says_what_only_a_translation_says():
    sentences = Path(__file__).parents[1] / "src" / "chainrule" / "explain" / "words" / "he.toml"
    for page in [*(DOCS / "he").rglob("*.md"), sentences]:
        text = page.read_text("utf-8")
        found = [word for word in TRANSLATED if re.search(rf"(?<![א-ת]){word}", text)]
        assert not found, f"{page.name}: {found}, say {[TRANSLATED[word] for word in found]}"


def test_a_mark_stays_with_the_formula_it_follows():
    needed("docutils", "docs")
    from docutils import nodes
    from together import keep_together

    line = nodes.paragraph(
        "", "", nodes.Text("אם ה־"), nodes.math("", "x"), nodes.Text(". אז ("), nodes.literal("", "f")
    )
    line += nodes.Text("), וזה הכול.")
    whole = line.astext()
    keep_together(line)
    spans = [node.astext() for node in line.findall(nodes.inline)]
    assert spans == ["ה־x.", "(f),"]
    assert line.astext() == whole


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


OUTPUT = '<div class="output stream highlight-myst-ansi notranslate"><div class="highlight"><pre>{}\n</pre></div></div>'


@pytest.mark.parametrize(
    ("printed", "kind"),
    [
        ("ShapeError: Dense: x has 3 features but weights expects 2. Pass x with 2 columns.", "prose"),
        ("first line\nsecond line\nthird line", "prose"),
        ("epoch   loss\n1       0.5\n2       0.25", "aligned"),
        ("epoch   loss\n1       0.5\n2       0.25\nTrainingWarning: " + "a long sentence " * 9, "prose"),
        ("a ─┐\n   ├─ c\nb ─┘", "aligned"),
        ("node" + " " * 90 + "value\na  1\nb  2\n" + "a long sentence " * 9, "prose"),
        (("node" + " " * 90 + "value\n") * 3 + "a long sentence " * 9, "aligned"),
    ],
)
def test_prose_goes_on_in_the_next_line_and_what_lines_up_does_not(printed, kind):
    needed("sphinx", "docs")
    from finished import mended_page

    mended = mended_page(OUTPUT.format(printed))
    assert f'notranslate {kind}">' in mended
    assert mended_page(mended) == mended


def test_landmarks_have_names_and_a_page_has_a_title():
    needed("sphinx", "docs")
    from finished import mended_page

    page = '<html class="no-js" lang="{}"><title>Search - chainrule</title><aside class="sidebar-drawer"><article>'
    mended = mended_page(page.format("en"))
    assert '<aside class="sidebar-drawer" aria-label="All pages"><article>' in mended
    assert mended.endswith("<h1>Search</h1>")
    assert 'aria-label="כל הדפים"' in mended_page(page.format("he"))


def test_a_picture_of_lines_follows_a_page_into_the_dark_and_one_of_areas_keeps_its_paper():
    needed("sphinx", "docs")
    from finished import mended_picture

    lines = '<svg width="9"><path style="fill: #ffffff"/><path style="fill: none; stroke: #0072b2"/></svg>'
    areas = lines.replace("</svg>", '<path style="fill: #cfbd62"/></svg>')
    image = lines.replace("</svg>", '<image href="data:,"/></svg>')
    assert "#1b1c1f" in mended_picture(lines)
    for kept in (areas, image):
        assert "#1b1c1f" not in mended_picture(kept)
        assert "brightness" in mended_picture(kept)
    assert mended_picture(mended_picture(lines)) == mended_picture(lines)


def test_mathjax_is_the_file_that_its_readme_names():
    content = (DOCS / "_static" / "mathjax" / "tex-svg.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == "d4295dc33744836935c1399feece5159577b34c5c8ffb9f1c6324cd82e03a882"
    assert "3.2.2" in (DOCS / "_static" / "mathjax" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("folder", ["guide", "he"])
def test_the_page_of_the_founding_documents_names_what_there_is(folder):
    import chainrule as cr
    from chainrule.cli.commands import COMMANDS

    text = (DOCS / folder / "founding.md").read_text("utf-8")
    for name in re.findall(r"\bcr\.(\w+)", text):
        if f'"{name}"' not in text:  # the first cell asks for names that there aren't
            assert hasattr(cr, name), name
    commands = re.findall(r"(?:^|`)chainrule ([a-z]+)((?: --from)?)(?: ([\w.-]+))?", text, re.MULTILINE)
    assert {command for command, _, _ in commands} <= set(COMMANDS)
    trained = {name for command, _, name in commands if command in ("train", "reproduce") and name}
    assert trained - {"RECIPE", "RUN", "--from"} <= set(cr.recipes.names())
    assert len(trained) >= 8


def test_the_home_page_leads_to_the_founding_documents_in_both_languages():
    text = (DOCS / "index.md").read_text("utf-8")
    assert "(guide/founding.md)" in text
    assert "(he/founding.md)" in text


def test_the_gallery_has_every_example_with_its_code_and_a_picture(tmp_path):
    needed("sphinx", "docs")
    import gallery

    pages = dict(gallery.gallery_pages(tmp_path))
    names = {path.stem for path in gallery.EXAMPLES.glob("*.py")}
    assert set(pages) == {f"{name}.md" for name in names} | {"index.md"}
    assert set(gallery.PICTURES) == names
    for name in names:
        code = (gallery.EXAMPLES / f"{name}.py").read_text("utf-8").split('"""', 2)[2].strip()
        assert f"```{{code-cell}} ipython3\n{code}\n```" in pages[f"{name}.md"]
        assert re.search(r'alt: "[^"]{20,}"\n  figure:\n    caption: "[^"]{20,}\."', pages[f"{name}.md"])


def test_what_it_cannot_do_is_told_from_the_first_pages_and_is_true():
    import chainrule as cr

    text = (DOCS / "limits.md").read_text("utf-8")
    for page, link in ((DOCS / "index.md", "(limits.md)"), (DOCS.parent / "README.md", "(docs/limits.md)")):
        assert link in page.read_text("utf-8")
    names = re.findall(r'"(\w+)"', re.search(r"for name in \((.*)\)", text)[1])
    assert names
    for name in names:
        with pytest.raises(cr.ChainruleError):
            getattr(cr, name)
    for name in re.findall(r"\{named\}`cr\.([\w.]+)`", text):
        assert hasattr(cr.ops if name.startswith("ops.") else cr, name.removeprefix("ops."))


def test_the_first_page_opens_three_doors():
    text = (DOCS / "index.md").read_text("utf-8")
    doors = re.findall(r"\*\*\[.*\]\((.*)\)\*\*\n\n", text.split("## Three doors")[1])
    assert doors == ["guide/index.md", "mishaps/index.md", "howto/index.md"]
