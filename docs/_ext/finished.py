"""What is mended in pages and pictures once the site is built: names for screen readers, outputs, the dark.

Prose that a page prints, as the message of an error, goes on in the next line; numbers and drawings that line up would
be torn apart, and scroll. A picture of lines takes the colours of a dark page; one that holds an image or filled areas
keeps its paper.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

from sphinx.application import Sphinx

from chainrule.plot.style import CLASS_COLOURS

_NAMES = {"en": ("All pages", "On this page"), "he": ("כל הדפים", "בעמוד הזה")}
_OUTPUT = re.compile(
    r'<div class="((?:output (?:stream|stderr|text_plain|traceback)|highlight-(?:text|none))[^"]*'
    r'(?<! prose)(?<! aligned))">'
    r"(<div class=\"highlight\"><pre>.*?</pre>)",
    re.DOTALL,
)
_TAG = re.compile(r"<[^>]*>")
_LINED_UP = re.compile(r"\S {2,}\S|[│┃┊─━═█▁-▇┌└├]")  # columns, or lines that draw
_TALL = 3  # rows that make a table
_FITS = 84  # characters of a line that is shown whole, where there is room
_WIDE = 100  # characters of a line that was laid out, as those of `explain`

# The ink, the paper and the grid of cr.plot.style and of matplotlibrc, on a dark page.
_DARK = """<style>@media (prefers-color-scheme: dark) {
[style="fill: #ffffff"] { fill: #1b1c1f !important; }
[style*="fill: #222222"] { fill: #e4e4e6 !important; }
[style*="stroke: #222222"] { stroke: #e4e4e6 !important; }
[style*="stroke: #d9d9d9"] { stroke: #3d3f45 !important; }
[style*="#0072b2"]:not([style*="fill: none"]):not([style*="stroke: #ffffff"]) { fill: #3b9be0 !important; }
[style*="stroke: #0072b2"] { stroke: #3b9be0 !important; }
}</style>"""
_FILL = re.compile(r"fill: (#[0-9a-f]{6})")
_PLAIN = {"#ffffff", "#222222", "#d9d9d9", "#777777", "#999999", "#aaaaaa", *map(str.lower, CLASS_COLOURS)}
_DIMMED = "<style>@media (prefers-color-scheme: dark) { svg { filter: brightness(0.86); } }</style>"
_PAPER = '<rect width="100%" height="100%" style="fill: #ffffff"/>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the site mended once it is built, before it is looked through."""
    app.connect("build-finished", _mend, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mended_page(page: str) -> str:
    """Return a page with names for its landmarks, and with the outputs marked that must not be broken."""
    pages, contents = _NAMES["he" if '<html class="no-js" lang="he"' in page else "en"]
    page = page.replace('<aside class="sidebar-drawer">', f'<aside class="sidebar-drawer" aria-label="{pages}">')
    page = re.sub(r'<aside class="(toc-drawer[^"]*)">', rf'<aside class="\1" aria-label="{contents}">', page)
    page = page.replace('role="heading">', 'role="heading" aria-level="2">')
    if "<h1" not in page and (
        title := re.search(r"<title>([^<]*?)(?: - [^<]*)?</title>", page)
    ):  # as that of the search
        page = re.sub("<article[^>]*>", rf"\g<0>\n<h1>{title[1]}</h1>", page, count=1)
    return _OUTPUT.sub(lambda o: f'<div class="{o[1]} {_kind(o[2])}">{o[2]}', page)


def _kind(output: str) -> str:
    lines = unescape(_TAG.sub("", output)).splitlines()
    rows = [line for line in lines if _LINED_UP.search(line.strip())]
    laid_out = all(len(line) <= _WIDE for line in lines if line not in rows)
    torn = sum(len(line) > _FITS for line in rows) >= _TALL  # a table that would be, whatever stands beside it
    return "aligned" if torn or (len(rows) >= _TALL and laid_out) else "prose"


def mended_picture(picture: str) -> str:
    """Return an SVG that follows the page into the dark."""
    if "prefers-color-scheme" in picture:
        return picture
    start = picture.index(">", picture.index("<svg")) + 1
    filled = "<image" in picture or not _PLAIN.issuperset(_FILL.findall(picture))
    added = _DIMMED if filled else _DARK
    return f"{picture[:start]}\n{added}{_PAPER}{picture[start:]}"


def _mend(app: Sphinx, failed: Exception | None) -> None:
    if failed is None and app.builder.format == "html":
        site = Path(app.outdir)
        for path in sorted(site.rglob("*.html")):
            _rewrite(path, mended_page)
        for path in sorted((site / "_images").glob("*.svg")):
            _rewrite(path, mended_picture)


def _rewrite(path: Path, mend: Callable[[str], str]) -> None:
    before = path.read_text("utf-8")
    if (after := mend(before)) != before:
        path.write_text(after, "utf-8")
