"""The reference, generated: pages of ops, of the API, of other libraries' words, and how docstrings become pages.

They and those of the gallery are written into folders of ``docs`` before Sphinx looks for pages, and only where they
changed, so that a second build reads none of them again.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from api_pages import api_pages, known, public_bases, subclasses
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from gallery import gallery_pages
from op_pages import op_pages
from sphinx import addnodes
from sphinx.application import Sphinx
from word_pages import word_pages

from chainrule.graph.functions import FUNCTIONS
from chainrule.ops import Op
from chainrule.ops.pages import WHY

_HERE = Path(__file__).parent
_PAGES = {"ops": op_pages, "api": lambda folder: api_pages(), "coming_from": word_pages, "gallery": gallery_pages}
_FORMULA = re.compile(r"\s*(\S+.{0,12}? [=←] |(with|where|kept undivided:) .* [=←] |then a step of \w+$)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages, and teach Sphinx to read the docstrings."""
    for extension in ("sphinx.ext.autodoc", "sphinx.ext.napoleon"):
        app.setup_extension(extension)
    app.connect("config-inited", _settle)
    app.connect("builder-inited", _write_pages)
    app.connect("autodoc-process-docstring", _as_restructured_text, priority=400)  # napoleon's is 500
    app.connect("autodoc-process-bases", _public_bases)
    app.connect("autodoc-skip-member", _skip)
    app.connect("missing-reference", _outside)
    app.add_role("named", _named)
    app.add_directive("kinds", _Kinds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _settle(app: Sphinx, config: Any) -> None:
    config.default_role = "named"
    config.autodoc_member_order = "bysource"
    config.autodoc_inherit_docstrings = False  # what a subclass doesn't say is said at its base
    config.autodoc_type_aliases = {name: name for name in ("Array", "Derivatives", "npt.ArrayLike", "Path")}
    config.autodoc_typehints = "signature"
    config.napoleon_google_docstring = False
    config.napoleon_use_param = config.napoleon_use_rtype = False  # types are prose: "array_like, (samples, features)"
    config.napoleon_custom_sections = [("Attributes", "params_style")]  # else they would be documented twice
    config.html_static_path.append(str(_HERE / "static"))
    config.html_css_files.append(("reference.css", {}))


def _write_pages(app: Sphinx) -> None:
    for name, pages in _PAGES.items():
        folder = Path(app.srcdir) / name
        folder.mkdir(exist_ok=True)
        written = {".svg"}
        for page, text in pages(folder):
            path = folder / page
            written.add(page)
            if not path.exists() or path.read_text("utf-8") != text:
                path.write_text(text, "utf-8")
        for path in folder.glob("*.md"):
            if path.name not in written:  # of an op or a room that is gone
                path.unlink()


def _as_restructured_text(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Set formulas line by line, and keep the field's |w| from being read as markup.

    Why an op's derivative is so has a section of its own on its page.
    """
    if inspect.isfunction(thing) and thing in FUNCTIONS.values():
        lines[:] = ["The same as a function of nodes. Roles may be given in order, settings by name."]
        return
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    if inspect.isclass(thing) and issubclass(thing, Op):
        paragraphs = [text for text in paragraphs if not text.startswith(WHY)]
    lines[:] = "\n\n".join(_paragraph(text) for text in paragraphs).splitlines()


def _paragraph(text: str) -> str:
    if text.lstrip().startswith(">>>"):
        return text
    text = re.sub(r"\[(\d+)\]_", r"[\1]", re.sub(r"(?m)^(\s*)\.\. (\[\d+\])", r"\1\2", text))  # pages have no footnotes
    rows = [_escaped(row) for row in text.splitlines()]
    formulas = rows[1:] if rows[0].endswith(":") else rows
    if len(rows) > 1 and all(map(_FORMULA.match, formulas)):
        return "\n".join(f"| {row.strip()}" for row in rows)
    return "\n".join(rows)


def _escaped(row: str) -> str:
    pieces = re.split(r"(``.*?``|`.*?`)", row)
    return "".join(piece if i % 2 else piece.replace("|", r"\|") for i, piece in enumerate(pieces))


def _skip(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    foreign = not str(getattr(thing, "__module__", None) or "chainrule").startswith("chainrule")
    return True if foreign or (inspect.getdoc(thing) or "").startswith("Alias for field number") else None


def _public_bases(app: Sphinx, name: str, thing: Any, options: Any, bases: list[Any]) -> None:
    """Name the nearest public classes that a class is built on, not the helpers between."""
    bases[:] = public_bases(thing)


def _outside(app: Sphinx, environment: Any, node: Any, around: nodes.Node) -> nodes.Node | None:
    """Leave names from outside as they are, and internal ones in type hints; what the text names must be found."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py":
        return None
    last = target.rsplit(".", 1)[-1]
    if last in known() and (target == last or target.startswith("chainrule.")):
        domain = environment.get_domain("py")
        found: nodes.Node | None = domain.resolve_xref(
            environment, node["refdoc"], app.builder, "obj", known()[last], node, around
        )
        return found
    return None if target.startswith("chainrule.") and node.get("reftype") != "class" else around


def _named(role: str, raw: str, text: str, line: int, inliner: Any, options: Any = None, content: Any = None) -> Any:
    """What stands between single backquotes in a docstring: a link if it is a public name, else code."""
    code = nodes.literal(raw, text)
    name = text.partition("(")[0]
    if name not in known():
        unknown = [inliner.reporter.warning(f"no public name: {text}", line=line)] if text.startswith("cr.") else []
        return [code], unknown
    link = addnodes.pending_xref(
        raw, refdomain="py", reftype="obj", reftarget=known()[name], refexplicit=True, refwarn=True
    )
    link += code
    return [link], []


class _Kinds(Directive):
    """``{kinds} Optimizer``: a table of the public subclasses of a class, each with what its docstring opens with."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        rows = ["| | |", "|---|---|"]
        for entry in subclasses(self.arguments[0]):
            name = entry.full.removeprefix("chainrule.")
            opening = (inspect.getdoc(entry.thing) or "").split("\n\n")[0].replace("|", r"\|").replace("`", "")
            rows.append(f"| {{py:obj}}`cr.{name} <{entry.full}>` | {'<br>'.join(opening.splitlines())} |")
        around = nodes.container()
        self.state.nested_parse(StringList(rows, source=self.arguments[0]), 0, around)
        return around.children
