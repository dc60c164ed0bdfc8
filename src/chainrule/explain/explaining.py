"""The explanation of a network or a graph, with its real numbers: the public thing of this room.

`explain` takes one step apart (`anatomy`), puts it into words and formulas (`building`), and writes them down in one
of four forms.
"""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import Any

from chainrule import checks
from chainrule.errors import InputError, UnknownNameError, nearest
from chainrule.explain.anatomy import Anatomy, of_network, of_node
from chainrule.explain.building import Builder
from chainrule.explain.html import to_html
from chainrule.explain.json import to_json
from chainrule.explain.showing import show
from chainrule.explain.terminal import to_markdown, to_terminal
from chainrule.explain.wording import Wording
from chainrule.graph import Graph, Node
from chainrule.nn import Network

FORMATS = ("terminal", "markdown", "html", "json")


class Explanation:
    """An explanation, written down.

    Attributes
    ----------
    text : str
        What `str` returns.
    format, language : str
    """

    def __init__(self, text: str, format: str, language: str) -> None:  # noqa: A002 -- the name users write
        self.text, self.format, self.language = text, format, language

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Explanation({self.format}, {self.language}, {len(self.text):,} characters)"

    def _repr_html_(self) -> str:
        if self.format != "html":
            return f"<pre>{escape(self.text)}</pre>"
        return f'<iframe style="width:100%;height:40em;border:0" srcdoc="{escape(self.text)}"></iframe>'

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the explanation to a file, in one piece or not at all, and return its path.

        Raises
        ------
        FileError
            If the file can't be written.
        """
        from chainrule.files.atomic import write_atomically  # a heavy room, for who saves

        if not isinstance(path, (str, os.PathLike)):
            raise InputError(
                "Explanation.save", given=repr(path)[:80], expected="a path", fix="Pass 'explanation.html'"
            )
        checked = Path(os.fsdecode(path))
        write_atomically(checked, self.text.encode("utf-8"), where="Explanation.save")
        return checked


def explain(
    of: Network | Node | Graph,
    x: Any = None,
    y: Any = None,
    *,
    sample: int | None = 0,
    node: str | None = None,
    format: str = "terminal",  # noqa: A002 -- what everybody would guess
    language: str = "en",
    width: int = 100,
) -> Explanation:
    """Explain what a network computes and how it learns, step by step, with its real numbers.

    Parameters
    ----------
    of : Network or Node or Graph
        A network, with data; or a graph built by hand, given by its loss.
    x, y : array_like
        Samples and targets for a network, as for `train`. What the step changes, it changes in a copy.
    sample : int or None, default 0
        Which of the samples to explain; None for all of them as one batch.
    node : str, optional
        Explain only the node of this name.
    format : {"terminal", "markdown", "html", "json"}
        The HTML is a single file that asks the network for nothing.
    language : {"en", "he"}
    width : int, default 100
        Where lines of text end, from 40 on.

    Returns
    -------
    Explanation
        `str` gives its text, ``save(path)`` writes it.

    Raises
    ------
    InputError
        If the data are missing or don't fit.
    UnknownNameError
        If there is no node of that name.
    MisuseError
        If a graph's root is not one number, or nothing below it can be differentiated by.

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(2, 3), cr.Tanh(), cr.Dense(1), cr.Tanh()])
    >>> text = str(explain(network, [[1.0, 0.0]], [[1.0]]))
    >>> "9 weights + 4 biases = 13 parameters" in text
    True
    """
    checks.one_of("explain format", format, FORMATS)
    width = checks.whole("explain width", width, least=40)
    words = Wording(language)
    anatomy = _anatomy(of, x, y, sample)
    place = None if node is None else _place(anatomy, node)
    builder = Builder(anatomy, words)
    document = builder.whole() if place is None else builder.one(place)

    def drawing(width: int) -> str:
        return show(anatomy.graph.root, width=width)

    if format == "html":
        text = to_html(document, anatomy, builder.symbols)
    elif format == "json":
        text = to_json(anatomy, builder, place)
    else:
        text = (to_terminal if format == "terminal" else to_markdown)(document, drawing, width)
    return Explanation(text, format, language)


def _anatomy(of: Any, x: Any, y: Any, sample: int | None) -> Anatomy:
    if isinstance(of, Network):
        return of_network(of, x, y, sample)
    if isinstance(of, Graph):
        of = of.root
    node = checks.instance("explain", of, Node, "a cr.Network, or the node of a loss")
    if x is not None or y is not None:
        raise InputError(
            "explain",
            given="x or y beside a graph built by hand",
            expected="the node alone: it has its values",
            fix="Run loss.forward(x=…, y=…) first, then explain(loss)",
        )
    return of_node(node)


def _place(anatomy: Anatomy, name: str) -> int:
    if name in anatomy.labels:
        return anatomy.labels.index(name)
    raise UnknownNameError(
        "explain", given=repr(name)[:80], expected="the name of a node", fix=nearest(str(name), anatomy.labels)
    )
