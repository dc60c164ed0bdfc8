"""What a written page may hold, by its kind: it parses, nothing in it is code or markup that a name brought, and every
character prints.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import tomllib
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import numpy as np
from markdown_it import MarkdownIt

ISOLATES = "\u2066\u2069"  # around formulas, in text that runs from right to left
_IMPORTS = {"numpy", "base64", "pathlib"}
_CALLED = {  # besides what is below np, and methods of arrays
    *("len", "Path", "base64", "file", "isinstance", "zip", "float", "int", "str", "set", "repr"),
    *("KeyError", "ValueError"),
    *("prepare", "find_gaps", "numbers", "places", "text_of", "dates"),
}
_METHODS = {
    *("sum", "max", "min", "mean", "prod", "reshape", "transpose", "astype", "with_suffix", "random", "any", "all"),
    *("b64decode", "copy", "argmax", "join"),
}
_TAGS = {
    *("html", "head", "meta", "link", "title", "style", "body", "main", "nav", "h1", "h2", "h3", "p", "ul", "li", "a"),
    *("ol", "button", "output", "div", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "b", "br", "bdi"),
    *("math", "mrow", "mi", "mn", "mo", "msup", "mfrac", "msqrt", "mspace", "mtext", "mtable", "mtr", "mtd"),
    *("svg", "g", "rect", "path", "text", "circle", "figure", "figcaption", "details", "summary"),
}
_ATTRIBUTES = {
    *("lang", "dir", "charset", "http-equiv", "content", "name", "rel", "href", "id", "class", "tabindex", "role"),
    *("aria-label", "aria-hidden", "title", "hidden", "type"),
    *("data-all", "data-said", "data-forward", "data-backward", "data-update", "data-turn"),
    *("data-node", "data-to", "data-layer"),
    *("viewbox", "width", "height", "direction", "d", "x", "y", "rx", "cx", "cy", "r", "xmlns", "transform"),
    *("stroke-width", "text-anchor", "style"),
    *("displaystyle", "mathvariant", "form", "stretchy"),
}
_SCRIPT = files("chainrule.explain").joinpath("page.js").read_text("utf-8")
_FORMULAS = "=+-@\t\r"


class Unsafe(AssertionError):
    """What a name brought into a page."""


def expect(right: object, what: object) -> None:
    if not right:
        raise Unsafe(ascii(what)[:400])


def text(page: str, more: str = "") -> None:
    """Every character prints, or ends a line."""
    unseen = {c for c in page if not (c.isprintable() or c == "\n" or c in more)}
    expect(not unseen, f"{sorted(unseen)} in {page[:300]}")


def hebrew(page: str) -> None:
    """The same, with formulas isolated: each isolate that begins ends on its line."""
    text(page, ISOLATES)
    for line in page.splitlines():
        depth = 0
        for letter in line:
            depth += (letter == ISOLATES[0]) - (letter == ISOLATES[1])
            expect(depth >= 0, line)


def python(page: str) -> None:
    """It is Python that calls NumPy, imports nothing else of note, and defines functions of plain statements."""
    text(page)
    tree = ast.parse(page)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            expect({name.name for name in node.names} <= _IMPORTS, ast.unparse(node))
        elif isinstance(node, ast.ImportFrom):
            expect(node.module in _IMPORTS, ast.unparse(node))
        elif isinstance(node, ast.Call):
            expect(_harmless(node.func), ast.unparse(node))
        elif isinstance(node, (ast.Name, ast.arg)):
            name = node.id if isinstance(node, ast.Name) else node.arg
            expect(unicodedata.normalize("NFKC", name) == name, name)
            expect(not name.startswith("__") or name == "__file__", name)
        expect(not isinstance(node, (ast.Lambda, ast.JoinedStr, ast.Global, ast.ClassDef)), ast.dump(node))


def _harmless(called: ast.expr) -> bool:
    """Return whether a function is NumPy's, or a method of an array."""
    match called:
        case ast.Name(name):
            return name in _CALLED
        case ast.Attribute(ast.Name("np") | ast.Attribute(ast.Name("np"), "random"), _):
            return True
        case ast.Attribute(_, method):
            return method in _METHODS
    return False


class _Tags(HTMLParser):
    """The tags of a page, each with the names of its attributes, and where its links lead."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.other: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs if name != "mathvariant")))
        self.links += [str(value) for name, value in attrs if name in ("href", "src", "content")]

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)

    def unknown_decl(self, data: str) -> None:
        self.other.append(data)


def tags(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the tags of a page, which are the same whatever names are."""
    parser = _Tags()
    parser.feed(page)
    parser.close()
    return parser.found


def html(page: str) -> None:
    """Its tags and attributes are those that we write, its links lead within the page, no script is but its own."""
    text(page, f"\t\u00a0{ISOLATES}")  # a space beside a word in a formula, and formulas in Hebrew legends
    parser = _Tags()
    parser.feed(page.replace(f"<script>{_SCRIPT}</script>", "", 1))
    parser.close()
    for tag, attributes in parser.found:
        expect(tag in _TAGS and {*attributes} <= _ATTRIBUTES, (tag, attributes))
    for link in parser.links:
        expect(link.startswith(("#", "data:,", "default-src 'none'", "width=", "light")), link)
    expect(not parser.other, parser.other)


def notebook(page: str) -> None:
    """It is one element: its text, or a page in a frame of its own, which is looked at too."""
    text(page, f"\u00a0{ISOLATES}")
    parser = _Tags()
    parser.feed(page)
    parser.close()
    expect(parser.found in ([("pre", ())], [("iframe", ("title", "style", "srcdoc"))]), parser.found)


def markdown(page: str) -> None:
    """A reader of Markdown finds headings, paragraphs, emphasis and code, and no link, picture or other HTML."""
    hebrew(page)
    for reader in (MarkdownIt("commonmark"), MarkdownIt("default", {"html": True}).enable("table")):
        rendered = _Tags()
        rendered.feed(reader.render(page))
        found = {tag for tag, _ in rendered.found}
        expect(found <= {"h1", "h2", "h3", "p", "em", "pre", "code", "div"}, found)
    expect(not re.search(r"(?<!\\)://|www\.", _prose(page)), "what some readers make a link of")


def _prose(page: str) -> str:
    """Return the lines of a page of Markdown that are in no fence."""
    lines, fence = [], ""
    for line in page.splitlines():
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("```"):
            fence = line.removesuffix("text")
        else:
            lines.append(line)
    expect(not fence, "a fence without end")
    return "\n".join(lines)


def json_object(page: str) -> None:
    """It is strict JSON, an object, and prints."""
    text(page)
    expect(isinstance(json.loads(page, parse_constant=_no_number), dict), page)


def _no_number(name: str) -> None:
    raise Unsafe(name)


def table(page: str) -> None:
    """It is CSV with as many cells in each row, no text of which is a formula."""
    text(page)
    rows = list(csv.reader(io.StringIO(page, newline="")))
    expect(rows and all(len(row) == len(rows[0]) for row in rows), page)
    for cell in (cell for row in rows for cell in row):
        begins = unicodedata.normalize("NFKC", cell).lstrip(" ")[:1]
        expect(not begins or begins not in _FORMULAS or _is_number(cell), cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def toml(page: str) -> None:
    text(page)
    tomllib.loads(page)


def svg(page: str) -> None:
    """It is XML without script and without links that lead elsewhere."""
    text(page, "\u200f")  # Hebrew legends begin with it
    for element in ElementTree.fromstring(page).iter():
        expect(element.tag.rpartition("}")[2] not in ("script", "foreignObject", "a"), element.tag)
        for name, value in element.attrib.items():
            expect(not name.rpartition("}")[2].startswith("on"), name)
            expect(not name.endswith("href") or value.startswith(("#", "data:image/png;base64,")), value[:80])


def png(page: bytes) -> None:
    expect(page.startswith((b"\x89PNG", b"GIF8")), page[:8])


def onnx(page: bytes) -> None:
    """The checker takes it, and every name in it prints, is there, and is given once."""
    import onnx as package

    model = package.load_model_from_string(page)
    package.checker.check_model(model, full_check=True)
    made = [name for node in model.graph.node for name in node.output] + [c.name for c in model.graph.initializer]
    expect(len({*made, "input"}) == len(made) + 1, made)
    for name in (*made, model.graph.name, *(node.name for node in model.graph.node)):
        expect(name and name.isprintable(), name)
    for entry in model.metadata_props:
        json.loads(entry.value)


def events(page: bytes) -> None:
    """Every tag of the events prints and is plain."""
    from tensorboardX.proto.event_pb2 import Event

    tags, place = [], 0
    while place < len(page):
        length = int.from_bytes(page[place : place + 8], "little")
        event = Event.FromString(page[place + 12 : place + 12 + length])
        tags += [(event.step, value.tag) for value in event.summary.value]
        place += 16 + length
    expect(tags and len({*tags}) == len(tags), tags)
    expect(all(tag and tag.isprintable() and not {*tag} & {*"<>&\"' "} for _, tag in tags), tags)


def archive(page: bytes) -> None:
    with np.load(io.BytesIO(page), allow_pickle=False) as file:
        expect(all(name.isidentifier() for name in file), list(file))


CHECKS: dict[str, Callable[[Any], None]] = {
    "text": text,
    "hebrew": hebrew,
    "python": python,
    "html": html,
    "notebook": notebook,
    "markdown": markdown,
    "json": json_object,
    "csv": table,
    "toml": toml,
    "svg": svg,
    "png": png,
    "onnx": onnx,
    "events": events,
    "npz": archive,
}
