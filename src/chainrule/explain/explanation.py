"""The explanation of a network or a graph, with its real numbers.

`explain` analyses one step (`analysis`), puts it into words and formulas (`builder`), and writes them in one of four
forms: text, Markdown, an HTML page, or one JSON object with all numbers in full.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, MisuseError, UnknownNameError, nearest
from chainrule.explain.analysis import Analysis, analyse_graph, analyse_network, is_random, proofs, role_name
from chainrule.explain.builder import Builder
from chainrule.explain.columns import NOTATIONS
from chainrule.explain.document import Messages, histogram, templates
from chainrule.explain.element_names import find
from chainrule.explain.html_page import to_html
from chainrule.explain.inspection import drawing
from chainrule.explain.notation import CORNER, MOST_COLUMNS, MOST_ROWS, Math
from chainrule.explain.one_weight import OneNumber, element_json
from chainrule.explain.op_formulas import Formula, typeset
from chainrule.explain.paths import Unit
from chainrule.explain.prediction_in_words import said_of, sentence_of
from chainrule.explain.text_layout import formula_line, to_markdown, to_terminal
from chainrule.explain.whole_gradient import gradient_json
from chainrule.explain.worst_sample import WORST
from chainrule.files import viewer
from chainrule.files.strict_json import printed
from chainrule.graph import Graph, Node
from chainrule.nn import Network
from chainrule.ops.op import Array, Samples
from chainrule.ops.pages import page
from chainrule.settings import Closed

FORMATS = ("terminal", "markdown", "html", "json")
_IN_LINES = ("terminal", "markdown")  # formats whose lines have a width
LINE = 100  # letters of a line, if nothing else is said
#: What a file in each format is called.
ENDINGS = {".txt": "terminal", ".md": "markdown", ".html": "html", ".json": "json"}


class Explanation(Closed):
    """An explanation, written down.

    Attributes
    ----------
    text : str
        What `str` returns.
    format, language : str
    """

    words: ClassVar[str] = "explanation"
    fixed: ClassVar[bool] = True

    def __init__(self, text: str, format: str, language: str) -> None:  # noqa: A002 -- the name users write
        self.text, self.format, self.language = text, format, language
        self.close()

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Explanation({self.format}, {self.language}, {len(self.text):,} characters)"

    def _repr_html_(self) -> str:
        if self.format != "html":
            return f"<pre>{escape(self.text)}</pre>"
        title = escape(templates(self.language)["frame"])
        page = escape(self.text)
        return f'<iframe title="{title}" style="width:100%;height:40em;border:0" srcdoc="{page}"></iframe>'

    def show(self) -> None:
        """Show the explanation: text is printed; a page appears in the notebook, or opens in the browser.

        Where there is no desktop, the line that is printed says where the page lies.
        """
        if self.format == "html":
            viewer.show(self, "explanation.html", self.text.encode("utf-8"))
        else:
            sys.stdout.write(f"{self.text}\n")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the explanation to a file, in one piece or not at all, and return its path.

        Raises
        ------
        InputError
            If the name ends as that of another format does, as text in a file that a browser opens; but not in .txt.
        FileError
            If the file can't be written.
        """
        from chainrule.files.atomic import write_atomically  # a heavy room, for who saves

        right = next(ending for ending, form in ENDINGS.items() if form == self.format)
        if not isinstance(path, (str, os.PathLike)):
            raise InputError(
                "Explanation.save", given=repr(path)[:80], expected="a path", fix=f"Pass 'explanation{right}'"
            )
        checked = Path(os.fsdecode(path))
        named = ENDINGS.get(checked.suffix.lower(), self.format)
        if named not in (self.format, "terminal"):  # whatever it is, it is text
            raise InputError(
                "Explanation.save",
                given=f"path {checked.name!r} for an explanation with format={self.format!r}",
                expected=f"a name that ends in {right}",
                fix=f"Explain with format={named!r}, or save it under such a name",
            )
        write_atomically(checked, self.text.encode("utf-8"), where="Explanation.save")
        return checked


@checks.keywords
def explain(
    of: Network | Node | Graph,
    x: Samples | None = None,
    y: Samples | None = None,
    *,
    sample: int | str | None = WORST,
    node: str | None = None,
    element: str | Sequence[str | int] | None = None,
    dropout: bool = False,
    format: str = "terminal",  # noqa: A002 -- the name users expect
    language: str = "en",
    notation: str = "rows",
    width: int | None = None,
) -> Explanation:
    """Explain what a network computes and how it learns, step by step, with its real numbers.

    Parameters
    ----------
    of : Network or Node or Graph
        A network, with data; or a graph built by hand, given by its loss.
    x, y : array_like
        Samples and targets for a network, as for `train`. What the step changes, it changes in a copy.
    sample : int or None, default "worst"
        Which of the samples to explain; None for all of them as one batch. Left out, the one with the largest loss,
        of the first 10,000.
    node : str, optional
        Explain only the node of this name.
    element : tuple or str, optional
        Explain only one number, and every path from it to the cost: the weight ``("dense_1.weights", 0, 2)``, the
        bias ``("dense_1.bias", 2)``, the neuron ``("dense_1", 2)``; or in a text, ``"dense_1.weights[0,2]"``.
        Counted from 0; a neuron's place is that in one sample.
    dropout : bool, default False
        Whether values are left out at random, as in a step of training.
    format : {"terminal", "markdown", "html", "json"}
        The HTML is a single file that asks the network for nothing.
    language : {"en", "he"}
    notation : {"rows", "columns"}
        How samples are written: as rows, a W, as the program has them, or as columns, z = W a + b with ⊙ for products
        by elements, every matrix the transpose of the program's.
    width : int, optional
        Where lines of text end, from 40 on; 100 if left out. A page and JSON have no such lines.

    Returns
    -------
    Explanation
        `str` gives its text, ``show()`` shows it, ``save(path)`` writes it.

    Raises
    ------
    InputError
        If the data are missing or don't fit; in columns, if an array has more than two axes; if `element` lies
        outside its node; if `width` is given for a page or JSON.
    UnknownNameError
        If there is no node of that name.
    MisuseError
        If a graph's root is not one number, or nothing below it can be differentiated by; if no path leads from
        `element` to the cost, or the layers on the way are too wide to follow all of them.

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Tanh()])
    >>> text = str(explain(network, [[1.0, 0.0]], [[1.0]]))
    >>> "9 weights + 4 biases = 13 parameters" in text
    True

    The derivative of one weight, along every path:

    >>> import json
    >>> told = explain(network, [[1.0, 0.0]], [[1.0]], element=("dense_1.weights", 0, 2), format="json")
    >>> json.loads(str(told))["element"]["paths"]
    1
    """
    checks.one_of("explain format", format, FORMATS)
    checks.one_of("explain notation", notation, NOTATIONS)
    if width is not None and format not in _IN_LINES:
        raise InputError(
            "explain",
            given=f"width={width!r:.40} with format={format!r}",
            expected="a width for text alone, whose lines end there",
            fix="Leave width out",
        )
    width = checks.whole("explain width", LINE if width is None else width, least=40)
    words = Messages(language)
    checks.instance("explain dropout", dropout, bool, "True or False")
    if node is not None and element is not None:
        raise InputError(
            "explain", given="node and element", expected="one of them", fix="Leave node out: element names its own"
        )
    analysis = _analysed(of, x, y, sample, dropout)
    place = None if node is None else _place(analysis, node)
    unit = None if element is None else find(analysis, element)
    builder = Builder(analysis, words, notation)
    if format == "json":
        return Explanation(to_json(analysis, builder, place, unit), format, language)
    if unit is not None:
        document = builder.element(unit)
    else:
        document = builder.whole() if place is None else builder.one(place)

    def called(node: Node, role: str) -> str:
        return role_name(analysis, analysis.graph.place(node), role, templates(language))

    def graph_drawing(width: int) -> str:
        return drawing(analysis.graph.root, width, called)

    if format == "html":
        text = to_html(document, analysis, builder.symbols, builder.written)
    else:
        text = (to_terminal if format == "terminal" else to_markdown)(document, graph_drawing, width)
    return Explanation(text, format, language)


def _analysed(of: Any, x: Any, y: Any, sample: int | str | None, dropout: bool) -> Analysis:
    if isinstance(of, Network):
        if dropout and not is_random(of):
            raise MisuseError(
                "explain",
                given="dropout for a network that leaves nothing out at random",
                expected="a network with a layer such as cr.Dropout(0.2)",
                fix="Leave dropout out",
            )
        return analyse_network(of, x, y, sample, dropout=dropout)
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
    if dropout or not (isinstance(sample, str) and sample == WORST):
        raise InputError(
            "explain",
            given=f"{'dropout=True' if dropout else f'sample={sample!r}'} with a graph built by hand",
            expected="the node alone: what it was run forward with is what is explained",
            fix=f"Leave {'dropout' if dropout else 'sample'} out",
        )
    return analyse_graph(node)


def _place(analysis: Analysis, name: str) -> int:
    if name in analysis.labels:
        return analysis.labels.index(name)
    raise UnknownNameError(
        "explain", given=repr(name)[:80], expected="the name of a node", fix=nearest(str(name), analysis.labels)
    )


def to_json(analysis: Analysis, builder: Builder, place: int | None, unit: Unit | None = None) -> str:
    """Return an explanation as JSON; of one node if `place` says which, of one number if `unit` does."""
    place = place if unit is None else unit.place
    places = range(len(analysis.graph)) if place is None else [place]
    data: dict[str, Any] = {
        "language": builder.words.language,
        "notation": builder.written.name,
        "sample": analysis.sample,
        "cost": analysis.cost,
        "loss": analysis.loss,
        "penalty": analysis.penalty,
        "parameters": sum(parameter.value.size for parameter in analysis.graph.parameters),
        "nodes": [_node(analysis, builder, i) for i in places],
    }
    data["says"] = [str(sentence_of(said, builder.words)) for said in said_of(analysis)]
    data["gradient"] = gradient_json(analysis)
    if unit is not None:
        data["element"] = element_json(OneNumber(builder, unit))
    if analysis.worst is not None:
        data["worst"] = asdict(analysis.worst)
    if analysis.dropout is not None:
        data["dropout"] = analysis.dropout
    if analysis.network is not None:
        state = analysis.network.optimizer_state
        data["optimizer"] = {
            "rule": repr(analysis.network.optimizer),
            "step": state.step,
            "learning_rate": float(state.rate),
        }
    data["proof"] = [
        {
            "node": analysis.labels[proof.place],
            "index": list(builder.written.index(proof.index, proof.place)),
            "by_chain": proof.given,
            "by_difference": float(proof.slope.measured),
            "kink": bool(proof.slope.kink),
            "error": float(proof.slope.error),
        }
        for proof in proofs(analysis)
        if place in (None, proof.place)
    ]
    return printed(data, indent=1) + "\n"


def _node(analysis: Analysis, builder: Builder, place: int) -> dict[str, Any]:
    node, written = analysis.graph.nodes[place], builder.written

    def numbers(array: Array) -> Any:
        return _array(written.array(array, place))

    node_data: dict[str, Any] = {
        "name": analysis.labels[place],
        "symbol": formula_line(builder.symbols[place]),
        "op": None if node.op is None else node.op.name,
        "value": numbers(analysis.values[place]),
    }
    gradient = analysis.gradients[place]
    node_data["derivative"] = None if gradient is None else numbers(gradient)
    node_data["paths"] = [
        {
            "from": str(path.penalty) if path.parent is None else analysis.labels[path.parent],
            "role": path.role,
            "derivative": numbers(path.array),
        }
        for path in analysis.paths[place]
    ]
    if place in analysis.after and analysis.network is not None:
        node_data["after"] = numbers(analysis.after[place])
    if node.op is None:
        return node_data
    roles = analysis.roles(place)
    symbols: dict[str, Math] = {role: builder.math(child) for role, child in roles.items()}
    node_data["function"] = page(type(node.op)).function
    node_data["textbook"] = _textbook(written.textbook(place), builder.names_at(place))
    node_data["formula"] = _lines(written.forward(place), symbols)
    node_data["children"] = {role: analysis.labels[child] for role, child in roles.items()}
    if gradient is None:
        return node_data
    symbols |= {"dy": builder.partial(place), "y": builder.symbols[place]}
    node_data["local"] = page(type(node.op)).derivatives
    handed = [path for child in set(roles.values()) for path in analysis.paths[child] if path.parent == place]
    node_data["handed_textbook"] = {
        path.role: _textbook(written.textbook_backward(place, path.role), builder.names_at(place) | symbols)
        for path in sorted(handed, key=lambda path: list(roles).index(path.role))
    }
    node_data["handed"] = {
        path.role: _lines(written.backward(place, path.role), symbols)
        for child in sorted(set(roles.values()))
        for path in analysis.paths[child]
        if path.parent == place
    }
    return node_data


def _textbook(formula: Formula | None, symbols: dict[str, Math]) -> dict[str, Any] | None:
    """Return a textbook form and how far it agrees with what was executed; None where the op doesn't say."""
    if formula is None or formula.agreement is None:
        return None
    told = formula.agreement
    lines = _lines(formula, symbols)
    return {"formula": lines, "error": told.error, "undefined": told.undefined, "agrees": told.holds}


def _lines(formula: Formula, symbols: dict[str, Math]) -> list[str]:
    if formula.result is None:
        return formula.source.splitlines()
    steps = [f"{name} = {formula_line(typeset(expression, symbols))}" for name, expression in formula.steps]
    return [*steps, formula_line(typeset(formula.result, symbols))]


def _array(array: Array) -> Any:
    """Return an array as nested lists; a large one as a description with its corner."""
    rows = array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), math.prod(array.shape[1:]))
    if rows.shape[0] <= MOST_ROWS and rows.shape[1] <= MOST_COLUMNS:
        return array.tolist()
    numbers = array.astype(np.float64)
    return {
        "shape": list(array.shape),
        "norm": float(np.linalg.norm(numbers)),
        "range": [float(numbers.min()), float(numbers.max())],
        "histogram": list(histogram(numbers)),
        "corner": rows[:CORNER, :CORNER].tolist(),
    }
