"""The gallery: a page for each example, executed, with one picture of what it made, and a page with all pictures.

Code and words are the example's own. What is added is a cell that draws, from ``gallery.toml``.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

EXAMPLES = Path(__file__).parents[2] / "examples"
_INDEX = "gallery/index"
_LISTED = re.compile(r"^\| \[(\w+)\.py\]\(\w+\.py\) \| (.*) \|$", re.MULTILINE)
PICTURES: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("gallery.toml").read_text("utf-8"))
_ARGUMENTS = {"mnist": "1500"}  # what an example is given here, so that a build takes no minute longer


def listed() -> dict[str, str]:
    """Return the examples in the order of their list, with the line that it has for each."""
    return dict(_LISTED.findall((EXAMPLES / "README.md").read_text("utf-8")))


def gallery_pages(folder: Path) -> Iterator[tuple[str, str]]:
    """Return the name and the text of every page."""
    names = listed()
    for name in names:
        yield f"{name}.md", _page(name)
    entries = "\n".join(names)
    opening = (
        "The programs of the folder `examples`, each on a page with what it printed and a picture of what it made. All "
        "were run when these pages were built."
    )
    tree = f"```{{toctree}}\n:hidden:\n\n{entries}\n```"
    yield "index.md", f"# Gallery\n\n{opening}\n\n```{{examples}}\n```\n\n{tree}\n"


def titled(name: str) -> tuple[str, str, str]:
    """Return an example's title, the whole of its first sentence, and its code without them."""
    text = (EXAMPLES / f"{name}.py").read_text("utf-8")
    (docstring, *_), lines = ast.parse(text).body, text.splitlines()
    told = ast.get_docstring(ast.parse(text)) or ""
    opening = told.split("\n\n")[0]
    title = re.split(r"[:,]", opening)[0] if len(opening) > 40 else opening
    return title.rstrip("."), opening, "\n".join(lines[docstring.end_lineno or 0 :]).strip()


def _page(name: str) -> str:
    title, opening, code = titled(name)
    picture = PICTURES[name]
    given = _ARGUMENTS.get(name)
    command = f"python examples/{name}.py{f' {given}' if given else ''}"
    before = (
        f"```{{code-cell}} ipython3\n:tags: [remove-cell]\n\nimport sys\n\nsys.argv = {command.split()[1:]}\n```\n\n"
    )
    options = f'mystnb:\n  image:\n    alt: "{picture["alt"]}"\n  figure:\n    caption: "{picture["caption"]}"'
    return (
        "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n\n"
        f"# {title}\n\n{opening}\n\n```sh\n{command}\n```\n\n{before}"
        f"```{{code-cell}} ipython3\n{code}\n```\n\n"
        "And what it made, as a picture:\n\n"
        f"```{{code-cell}} ipython3\n---\n{options}\n---\n{picture['code'].strip()}\n```\n"
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the page with all pictures filled when the others have been read."""
    app.add_directive("examples", _Examples)
    app.connect("env-updated", lambda app, env: [_INDEX] if _INDEX in env.found_docs else [])
    app.connect("doctree-resolved", _show)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _Examples(Directive):
    """``{examples}``: a card for each example."""

    def run(self) -> list[nodes.Node]:
        around = nodes.container(classes=["cards"])
        for name, line in listed().items():
            card = nodes.container(classes=["card"])
            card["example"] = name
            link = addnodes.pending_xref("", refdomain="std", reftype="doc", reftarget=f"/gallery/{name}", refwarn=True)
            link["refexplicit"] = True
            link += nodes.inline("", titled(name)[0])
            card += nodes.paragraph("", "", nodes.strong("", "", link))
            card += nodes.paragraph("", f"{line[:1].upper()}{line[1:]}.")
            around += card
        return [around]


def _show(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the picture of each example upon its card."""
    if docname == _INDEX:
        for card in doctree.findall(nodes.container):
            if name := card.get("example"):
                card.insert(0, _picture(app.env, name))


def _picture(env: BuildEnvironment, name: str) -> nodes.image:
    images = list(env.get_doctree(f"gallery/{name}").findall(nodes.image))
    best = min(images, key=lambda image: not image["uri"].endswith(".svg"))
    return nodes.image(uri=best["uri"], candidates=dict(best["candidates"]), alt=best["alt"])
