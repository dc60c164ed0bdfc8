"""Every figure has a caption, a sentence that says what to see; the build refuses one that has none.

That of an executed cell is its option ``mystnb: figure: caption:``, and a ``{figure}`` has it as its text.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

_logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Have each page looked through when it has been read."""
    app.connect("doctree-read", _look_through)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def figure_around(node: nodes.Element) -> nodes.Element:
    """Return the figure that holds a picture; where there is none, the picture itself."""
    around = node
    while around.parent is not None and not isinstance(around, nodes.figure):
        around = around.parent
    return around if isinstance(around, nodes.figure) else node


def faults(doctree: nodes.document) -> list[str]:
    """Return the pictures without a caption or a description, and the captions without a picture."""
    found = []
    for image in doctree.findall(nodes.image):
        if not any(caption.astext().strip() for caption in figure_around(image).findall(nodes.caption)):
            found.append(f"a picture without a caption: {image.get('alt') or image['uri']}")
        if not image.get("alt"):  # a browser would be told the name of the file
            found.append(f"a picture without a description: {image['uri']}")
    for figure in doctree.findall(nodes.figure):
        if not any(figure.findall(nodes.image)):
            found.append(f"a caption without a picture: {figure.astext()[:80]}")
    return list(dict.fromkeys(found))


def _look_through(app: Sphinx, doctree: nodes.document) -> None:
    for fault in faults(doctree):
        _logger.warning(fault, location=app.env.docname)
