"""A network as one file of Python that predicts with NumPy alone: a page to read, to keep, to run anywhere.

The page is `replay.source`'s, so it is what the network itself runs.
"""

from __future__ import annotations

import base64
import io
import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.data.column_preparation import CategoryColumn, DateColumn, NumberColumn
from chainrule.errors import InputError, printable
from chainrule.files.atomic import Path, write_atomically
from chainrule.graph import Graph, Node
from chainrule.nn import Network
from chainrule.nn.dropout import Mask
from chainrule.nn.heads import Head, target_dtype
from chainrule.ops import Array
from chainrule.ops.penalties import L1Penalty
from chainrule.replay.names import Identifiers, literal
from chainrule.replay.source import USED, SourcePage, written

_WIDTH = 110
_MOST_LISTED = 2_000  # numbers of an array that are written as decimals; more are packed
# What the file calls by these names itself, and arguments of `np.savez`.
_OWN = (
    *("x", "y", "base64", "Path", "learning_rate", "generator", "CLASSES", "predict", "step", "file", "allow_pickle"),
    *("prepare", "find_gaps", "numbers", "places", "text_of", "dates"),
)


@checks.keywords
def save(network: Network, path: Path, *, weights: str = "inside", training_step: bool = False) -> None:
    """Write a network as a Python file whose ``predict(x)`` needs nothing but NumPy, for batches of any size.

    Parameters
    ----------
    network : Network
    path : path
        ``"name.py"``.
    weights : {"inside", "beside"}
        Whether the numbers stand in the file, or in ``name.npz`` beside it.
    training_step : bool, default False
        Whether to write ``step(x, y, learning_rate)`` too: the loss, every derivative, and a step of plain gradient
        descent with the network's penalties, whatever its own optimizer is. It returns the data loss before the step.

    Raises
    ------
    InputError
        If the path doesn't end in ``.py``.
    MisuseError
        If the network is not built, or an op can't be written out: one whose Python looks at values, or that does
        something else for more samples.
    FileError
        If the file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> import chainrule as cr
    >>> path = FilePath(tempfile.mkdtemp()) / "model.py"
    >>> cr.numpy_page.save(cr.Network([cr.Dense(1, inputs=2), cr.Tanh()]), path)
    >>> print(path.read_text().split("np.float32)\\n")[-1])
        dense_1 = x @ dense_1_weights + dense_1_bias
        tanh_1 = np.tanh(dense_1)
        return tanh_1
    <BLANKLINE>
    """
    where = "numpy_page.save"
    checks.instance(where, network, Network, "a cr.Network")
    checks.one_of(f"{where} weights", weights, ("inside", "beside"))
    if training_step:
        network.only_head(f"{where} training_step", "Leave training_step out, or take one of them: network.head(…)")
    if not isinstance(path, (str, os.PathLike)) or FilePath(os.fspath(path)).suffix != ".py":
        raise InputError(where, given=repr(path)[:80], expected="a path that ends in .py", fix="Pass 'model.py'")
    graphs = [network.graph("prediction"), *([network.graph("training")] if training_step else [])]
    called = _identifiers(graphs)
    numbers = {called[id(leaf)]: leaf.value for leaf in _kept(graphs)}
    functions = [*_prepare(network), _predict(network, graphs[0], called)]
    if training_step:
        functions.append(_step(network, graphs[1], called))
    if weights == "beside":
        kept = ['with np.load(Path(__file__).with_suffix(".npz")) as file:']
        kept += [f"    {name} = file[{literal(name)}]" for name in numbers]
        imports = ["from pathlib import Path", ""]
    else:
        kept = [line for name, array in numbers.items() for line in _listed(name, array)]
        packed = any("base64." in line for line in kept)
        imports = ["import base64", ""] if packed else []
    classes = []
    if isinstance(network.classes, Mapping):
        classes = ["CLASSES = {}"]
        for name, names in network.classes.items():
            classes += _texts(f"CLASSES[{literal(name)}]", names)
    elif network.classes is not None:
        classes = _texts("CLASSES", network.classes)
    draws = any("generator." in line for line in functions[-1])
    generator = ["generator = np.random.default_rng(0)"] if draws else []
    lines = [
        f'"""A network of {network.parameters.size:,} parameters, written by chainrule: it needs NumPy alone."""',
        "",
        *imports,
        "import numpy as np",
        "",
        *(kept if numbers else []),
        *classes,
        *generator,
    ]
    text = "\n".join([*lines, *(line for function in functions for line in ("", "", *function)), ""])
    if weights == "beside":  # once the page is known to be one
        npz = io.BytesIO()
        np.savez(npz, allow_pickle=False, **numbers)
        write_atomically(FilePath(os.fspath(path)).with_suffix(".npz"), npz.getvalue(), where=where)
    write_atomically(path, re.sub(r"\n{4,}", "\n\n\n", text).encode("utf-8"), where=where)


def _kept(graphs: list[Graph]) -> list[Node]:
    """Return the leaves whose numbers the file keeps: parameters and states, each once."""
    leaves = [(node, graph) for graph in graphs for node in graph.nodes if node.op is None and node.name]
    kept = {id(node): node for node, graph in leaves if not any(node is fed for fed in graph.inputs.values())}
    return list(kept.values())


def _identifiers(graphs: list[Graph]) -> dict[int, str]:
    """Return node, by its id -> what it is called in all of the file: inputs, masks, parameters and states."""
    called, names = {}, Identifiers([*USED, *_OWN])
    for graph in graphs:
        for name, leaf in graph.inputs.items():
            called[id(leaf)] = name if name in ("x", "y") else names.new(name)
    return called | {id(leaf): names.new(leaf.name) for leaf in _kept(graphs)}


def _predict(network: Network, graph: Graph, called: dict[int, str]) -> list[str]:
    """Return the lines of the function that predicts."""
    page = _page(graph, called)
    samples, outputs = (_shape(shape) for shape in (network.sample_shape or (), graph.root.shape[1:]))
    if network.heads[0].name:
        outputs = "of each head by name"
    return [
        '@np.errstate(all="ignore")',
        "def predict(x):",
        *_told(network, f"Return the outputs {outputs} for samples x {samples}"),
        f"    x = np.asarray(x, np.{network.input_dtype(network.dtype)})",
        *_body(page),
        *(_returned(network.heads, page.result) if network.heads[0].name else [f"    return {page.result}"]),
    ]


def _told(network: Network, what: str) -> list[str]:
    """Return the docstring of the function that predicts, and what it does with a table."""
    if network.preparation is None and network.columns is None:
        return [f'    """{what}."""']
    return [
        f'    """{what}; or a table: see prepare."""',
        "    if isinstance(x, dict):",
        "        x = prepare(x)",
    ]


def _prepare(network: Network) -> list[list[str]]:
    """Return the lines of the functions that make samples of a table, where the network knows its columns."""
    preparation: Any = network.preparation
    if preparation is None and network.columns is None:
        return []
    columns: Any = [NumberColumn(name) for name in network.columns or ()]
    columns = columns if preparation is None else preparation.columns
    lines = [
        "def prepare(table):",
        '    """Return the samples of a table, {column: values}, in any order; None, NaN or "" is a gap."""',
        *(f"    {line}" for line in _texts("names", [column.name for column in columns])),
        "    lost = [name for name in names if name not in table]",
        "    if lost:",
        '        raise KeyError("columns that are missing: " + ", ".join(lost))',
        "    x = []",
    ]
    for column in columns:
        name = literal(column.name)
        lines += [f"    # {printable(column.name)}: {printable(column.told())}"]
        if isinstance(column, CategoryColumn):
            lines += [f"    {line}" for line in _texts("words", column.categories)]
            lines += [f"    x += places({name}, table[{name}], words, {_word(column.fill)}, {_word(column.other)})"]
        elif isinstance(column, DateColumn):
            lines += [f"    values, gaps = dates({name}, table[{name}], {_word(column.fill)})"]
            lines += [f"    x += [{DATE_PARTS[part]}]" for part in column.parts]
        else:
            lines += [f"    values, gaps = numbers({name}, table[{name}], {column.fill!r})", "    x += [values]"]
        lines += ["    x += [gaps]"] if getattr(column, "flag", False) else []
    lines += ["    return np.stack([np.asarray(column, float) for column in x], axis=1)"]
    kinds = {type(column) for column in columns}
    helpers = [text for kind, text in _CELLS.items() if kind in kinds]
    return [*(text.strip("\n").split("\n") for text in [_GAPS, *helpers]), lines]


def _word(text: str | None) -> str:
    return "None" if text is None else literal(text)


DATE_PARTS = {
    "year": 'values.astype("M8[Y]").astype(int) + 1970',
    "month": 'values.astype("M8[M]").astype(int) % 12 + 1',
    "day": '(values.astype("M8[D]") - values.astype("M8[M]")).astype(int) + 1',
    "weekday": '(values.astype("M8[D]").astype(int) + 3) % 7',
    "hour": '(values - values.astype("M8[D]")).astype(int) // 3600',
    "minute": '(values - values.astype("M8[D]")).astype(int) % 3600 // 60',
    "days": 'values.astype("M8[s]").astype(int) / 86400',
}
_GAPS = '''
def find_gaps(name, values, fill):
    """Return where nothing stands, and refuse it where nothing fills it."""
    gaps = np.array([value is None or value == "" or value != value for value in values], bool)
    if fill is None and gaps.any():
        raise ValueError("a gap in row " + str(gaps.argmax()) + ", column " + repr(name))
    return gaps
'''
_CELLS: dict[type, str] = {
    NumberColumn: '''
def numbers(name, values, fill):
    """Return a column of numbers without gaps, and where they were."""
    gaps = find_gaps(name, values, fill)
    return np.array([fill if gap else float(value) for gap, value in zip(gaps, values)], float), gaps
''',
    CategoryColumn: '''
def places(name, values, words, fill, other):
    """Return a column for each word: 1 where it stands. True and False are known however they are written."""
    gaps = find_gaps(name, values, fill)
    texts = [fill if gap else text_of(value) for gap, value in zip(gaps, values)]
    known, truths = set(words), {word.lower(): word for word in words if word.lower() in ("true", "false")}
    texts = [text if text in known else truths.get(text.lower(), other) for text in texts]
    return [[text == word for text in texts] for word in words]


def text_of(value):
    """Return a word as it is; whole numbers are written without a decimal point."""
    return str(int(value)) if isinstance(value, (float, np.floating)) and value == int(value) else str(value)
''',
    DateColumn: '''
def dates(name, values, fill):
    """Return a column of dates without gaps, and where they were."""
    gaps = find_gaps(name, values, fill)
    return np.array([np.datetime64(fill if gap else value, "s") for gap, value in zip(gaps, values)]), gaps
''',
}


def _returned(heads: Sequence[Head], result: str) -> list[str]:
    """Return the lines that give the outputs of several heads by name, out of those of all."""
    lines = ["    return {"]
    for head in heads:
        part = f"{result}[:, {head.columns.start}:{head.columns.stop}]"
        if len(head.shape) > 1:
            part += f".reshape(-1, {', '.join(map(str, head.shape))})"
        lines.append(f"        {literal(head.name)}: {part},")
    return [*lines, "    }"]


def _step(network: Network, graph: Graph, called: dict[int, str]) -> list[str]:
    """Return the lines of the function that trains."""
    page = _page(graph, called)
    masks = [node for node in graph.nodes if isinstance(node, Mask)]
    target = "np.asarray(y, np.intp)"
    if not network.objective.takes_labels:
        target = f"np.asarray(y, np.{target_dtype(network.heads, network.dtype)}).reshape(x.shape[0], -1)"
    update, nodes = [], graph.names
    for name, derivative in page.gradients.items():
        parameter = nodes[name]
        weights = called[id(parameter)]
        penalty = _penalty(network, parameter, weights)
        gradient = f"({derivative}{penalty})" if penalty or not derivative.isidentifier() else derivative
        update.append(f"    {weights}[...] -= learning_rate * {gradient}")
    return [
        '@np.errstate(all="ignore")',
        "def step(x, y, learning_rate=0.01):",
        '    """Take a step of gradient descent on a batch; return its loss before the step, without penalties."""',
        f"    x = np.asarray(x, np.{network.input_dtype(network.dtype)})",
        f"    y = {target}",
        *(line for mask in masks for line in _drawn(called[id(mask)], mask)),
        *_body(page),
        "    # gradient descent",
        *(line for text in update for line in _wrapped(text)),
        f"    return {page.result}",
    ]


def _page(graph: Graph, called: dict[int, str]) -> SourcePage:
    gradients = graph.root.value.ndim == 0
    return written(graph, identifiers=called, taken=_OWN, gradients=gradients, any_batch=True)


def _body(page: SourcePage) -> list[str]:
    """Return the lines of a page, its constants first."""
    lines = [f"{name} = {numbers}" for name, numbers in page.constants.items()]
    lines += [line for line in page.body if line != "# forward"]
    return [part for line in lines for part in _wrapped(f"    {line}")]


def _penalty(network: Network, parameter: Node, name: str) -> str:
    """Return the derivative of the penalties on a parameter, as it is added to that of the data loss."""
    place = next(place for leaf, place in network.vector.places if leaf is parameter)
    text = ""
    for penalty, slice_ in network.vector.penalties:
        if slice_.start <= place.start and place.stop <= slice_.stop:
            (factor,) = penalty.settings().values()
            text += f" + {factor!r} * " + (f"np.sign({name})" if isinstance(penalty, L1Penalty) else name)
    return text


def _drawn(name: str, mask: Mask) -> list[str]:
    """Return the line that draws a mask of dropout."""
    shape = ", ".join(["x.shape[0]", *map(str, mask.shape[1:])])
    kept = 1 / (1 - mask.rate)
    return _wrapped(f"    {name} = np.where(generator.random(({shape})) < {mask.rate!r}, 0, np.{mask.dtype}({kept!r}))")


def _listed(name: str, array: Array) -> list[str]:
    """Return the lines that define an array: its numbers, or, if they are many, its bytes."""
    if array.size <= _MOST_LISTED and np.isfinite(array).all():
        rows = np.array2string(
            array, separator=", ", threshold=array.size + 1, floatmode="unique", max_line_width=_WIDTH - 12
        )
        if "\n" not in rows and len(f"{name} = np.array({rows}, np.{array.dtype})") <= _WIDTH:
            return [f"{name} = np.array({rows}, np.{array.dtype})"]
        lines = [f"    {line}" for line in rows.splitlines()]
        return [f"{name} = np.array(", *lines[:-1], f"{lines[-1]},", f"    np.{array.dtype},", ")"]
    little = array.astype(array.dtype.newbyteorder("<"))
    lines = textwrap.wrap(base64.b64encode(little.tobytes()).decode(), _WIDTH)
    made = f'np.frombuffer(base64.b64decode({name}), "{little.dtype.str}").astype(np.{array.dtype})'
    return [f'{name} = """', *lines, '"""', f"{name} = {made}.reshape({_lengths(array.shape)})"]


def _texts(name: str, texts: Sequence[str]) -> list[str]:
    """Return the lines that define a list of texts."""
    literals = [literal(text) for text in texts]
    line = f"{name} = [{', '.join(literals)}]"
    return [line] if len(line) <= _WIDTH else [f"{name} = [", *(f"    {text}," for text in literals), "]"]


def _lengths(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape)) or "()"


def _shape(sample: tuple[int, ...]) -> str:
    return f"({', '.join(['samples', *map(str, sample)])})"


def _wrapped(line: str) -> list[str]:
    """Return a line as several, if it is long: broken at spaces, inside of brackets."""
    if len(line) <= _WIDTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    target, equals, formula = line.partition(" = ") if " = " in line else line.partition(" -= ")
    inside = textwrap.wrap(formula, _WIDTH - len(indent) - 4, break_long_words=False, break_on_hyphens=False)
    return [f"{target}{equals}(", *(f"{indent}    {part}" for part in inside), f"{indent})"]
