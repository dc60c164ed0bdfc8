"""Pages below ``he/`` are Hebrew: laid out from right to left, and with the code of the English page of the same name.

A block ```` ```{cell} 3 ```` in ``he/xor.md`` becomes the third code cell of ``guide/xor.md``, and one in
``he/mishaps/data.md`` that of ``mishaps/data.md``, so that what is executed can't drift apart, and is executed once for
both. The block's text, if any, is the Hebrew description of its picture and, behind an empty line, its caption.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from captions import figure_around
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

_FOLDER = "he/"
_WORDS = {  # the theme's own
    "Back to top": "חזרה למעלה",
    "Home": "דף הבית",
    "Index": "מפתח",
    "Next": "הבא",
    "On this page": "בעמוד הזה",
    "Previous": "הקודם",
    "Search": "חיפוש",
    "Skip to content": "דילוג אל התוכן",
}
_SIDEBAR = {  # what the tree of pages says, where it is not a page's own title
    ">Learn<": ">ללמוד<",
    ">Do<": ">לעשות<",
    ">Look up<": ">לחפש<",
    "Toggle navigation of ": "פתיחה וסגירה של ",
}
_CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.DOTALL | re.MULTILINE)
_PLACE = re.compile(r"^```\{cell\} (\d+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ALT = re.compile(r'alt: "(.*)"')


def setup(app: Sphinx) -> dict[str, bool]:
    """Have cells filled in and pictures described when a page is read, and its template told the language."""
    app.connect("source-read", _fill_in)
    app.connect("doctree-read", _describe)
    app.connect("html-page-context", _turn, priority=900)  # when the theme has written its tree of pages
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def filled_in(text: str, english: str) -> str:
    """Return a Hebrew page with the cells that it names."""
    cells = _CELL.findall(english)
    return _PLACE.sub(lambda place: _cell(cells, int(place[1])), text)


def descriptions(text: str, english: str) -> dict[str, tuple[str, str]]:
    """Return the Hebrew description and caption of each picture by its English description."""
    cells = _CELL.findall(english)
    found = {}
    for number, told in _PLACE.findall(text):
        if known := _ALT.search(_cell(cells, int(number))):
            description, _, caption = told.strip().partition("\n\n")
            found[known[1]] = (description, caption)
    return found


def _cell(cells: list[str], number: int) -> str:
    if not 1 <= number <= len(cells):
        raise ExtensionError(f"cell {number} is asked for, but the English page has {len(cells)}")
    return cells[number - 1]


def _english(app: Sphinx, docname: str) -> Path:
    name = docname.removeprefix(_FOLDER) + ".md"
    return Path(app.srcdir, name if "/" in name else f"guide/{name}")


def _fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname.startswith(_FOLDER):
        english = _english(app, docname)
        app.env.note_dependency(str(english))
        source[0] = filled_in(source[0], english.read_text("utf-8"))


def _describe(app: Sphinx, doctree: nodes.document) -> None:
    docname = app.env.docname
    if docname.startswith(_FOLDER):
        hebrew = Path(app.env.doc2path(docname)).read_text("utf-8")
        known = descriptions(hebrew, _english(app, docname).read_text("utf-8"))
        for image in doctree.findall(nodes.image):
            if found := known.get(image.get("alt", "")):
                image["alt"], caption = found
                for node in figure_around(image).findall(nodes.caption):
                    node.children = []
                    node += _inline(caption)


def _inline(text: str) -> list[nodes.Node]:
    """Return a line with its formulas, which stand between dollars."""
    pieces = enumerate(text.split("$"))
    return [nodes.math(piece, piece) if i % 2 else nodes.Text(piece) for i, piece in pieces if piece]


def _turn(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if pagename.startswith(_FOLDER):
        context["language"] = 'he" dir="rtl'  # the theme writes <html lang="…"> and has no place for the direction
        context["_"] = context["gettext"] = lambda word: _WORDS.get(word, word)
        for english, hebrew in _SIDEBAR.items():
            context["furo_navigation_tree"] = context.get("furo_navigation_tree", "").replace(english, hebrew)
