"""Everything that writes texts which may come from a stranger's file: commands on a run, and functions of Python."""

from __future__ import annotations

import contextlib
import glob
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule import onnx
from chainrule.cli import status
from chainrule.explain.inspection import graph_html, history_html, network_html, node_html
from chainrule.recipes import load, to_toml
from tests.injection.subjects import RUN, Subject
from tests.referees import absent

Page = tuple[str, str | bytes]  # its kind, what it holds


class Refused(Exception):
    """A command said what is wrong, in one line, and wrote nothing."""


@dataclass(frozen=True)
class Writer:
    """What writes pages of a subject, in its folder.

    Attributes
    ----------
    slow : bool
        Whether that takes more than a tenth of a second or so.
    needs : str
        A package that is needed.
    """

    write: Callable[[Subject], Iterator[Page]]
    slow: bool = False
    needs: str = "numpy"

    @property
    def here(self) -> bool:
        """Whether what is needed is installed."""
        return not absent(self.needs)


# A command line -> the kind of what it prints, and of each file it leaves.
COMMANDS: dict[str, tuple[str, dict[str, str]]] = {
    "source RUN": ("python", {}),
    "source RUN --predict": ("python", {}),
    "source RUN/last.safetensors --out s.py": ("text", {"s.py": "python"}),
    "export RUN --out n.py --training-step": ("text", {"n.py": "python"}),
    "export RUN --out b.py --beside": ("text", {"b.py": "python", "b.npz": "npz"}),
    "export RUN --out o.onnx": ("text", {"o.onnx": "onnx"}),
    "explain RUN": ("text", {}),
    "explain RUN --language he": ("hebrew", {}),
    "explain RUN --json": ("json", {}),
    "explain RUN --out e.html": ("text", {"e.html": "html"}),
    "explain RUN --out e.md --language he": ("text", {"e.md": "markdown"}),
    "log RUN": ("text", {}),
    "log RUN --csv log.csv": ("text", {"log.csv": "csv"}),
    "log RUN --tensorboard t": ("text", {"t/*": "events"}),
    "predict RUN points.csv": ("csv", {}),
    "predict RUN points.csv --out a.csv": ("text", {"a.csv": "csv"}),
    "evaluate RUN": ("text", {}),
    "evaluate RUN --json": ("json", {}),
    "evaluate RUN --data points.csv --target -1": ("text", {}),
    "compare RUN PLAIN": ("text", {}),
    "compare PLAIN RUN --json": ("json", {}),
    "runs": ("text", {}),
    "runs --json": ("json", {}),
    "compare PLAIN NAMED": ("text", {}),
    "evaluate NAMED --json": ("json", {}),
    "import NAMED/best.safetensors": ("text", {}),
    "check RUN": ("text", {}),
    "check RUN --json": ("json", {}),
    "import RUN/best.safetensors --out imported": ("text", {"imported/log.txt": "text"}),
    "resume NAMED --epochs 1 --no-pictures": ("text", {}),
    "train RUN/recipe.toml --out again --no-pictures --json": ("json", {"again/*/recipe.toml": "toml"}),
}
SLOW_COMMANDS: dict[str, tuple[str, dict[str, str]]] = {
    "train RUN/recipe.toml --out more": ("text", {"more/*/log.txt": "text"}),
    "plot RUN --kind all --format svg --out pictures": ("text", {"pictures/*.svg": "svg"}),
    "plot NAMED PLAIN --out two.svg": ("text", {"two.svg": "svg"}),
    "plot RUN --kind watched --out w.svg": ("text", {"w.svg": "svg"}),
    "plot RUN --kind animation --out a.gif": ("text", {"a.gif": "png"}),
}


def command(line: str, out: str, files: dict[str, str]) -> Callable[[Subject], Iterator[Page]]:
    """Return what runs a command, and yields what it says, prints and leaves."""

    def write(subject: Subject) -> Iterator[Page]:
        printed, told = io.StringIO(), io.StringIO()
        places = {"RUN": RUN, "PLAIN": f"../base/{RUN}", "NAMED": subject.named}
        words = [re.sub("RUN|PLAIN|NAMED", lambda found: places[found[0]], word) for word in line.split()]
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
            code = status(words)
        yield "text", told.getvalue()
        if code == 2:
            assert not printed.getvalue(), printed.getvalue()
            assert told.getvalue().count("\n") == 1, told.getvalue()
            raise Refused(told.getvalue().strip())
        assert code in (0, 1), code
        yield out, printed.getvalue()
        for pattern, kind in files.items():
            found = sorted(glob.glob(pattern))
            assert found, pattern
            for path in found:
                yield kind, _content(Path(path), kind)

    return write


def _content(path: Path, kind: str) -> str | bytes:
    return path.read_bytes() if kind in ("png", "onnx", "events", "npz") else path.read_bytes().decode()


# ---------------------------------------------------------------------- pages of Python, which have to run


def _source(subject: Subject) -> Iterator[Page]:
    """The page of a network and of a graph by hand; run, they give what the graph gives."""
    for graph in (subject.network.graph(), subject.network.graph("prediction"), subject.graph):
        page = cr.source(graph)
        yield "python", page
        space: dict[str, Any] = {}
        exec(page, space)
        leaves = [node.value for node in graph.nodes if node.op is None and node.name]
        found = space["step"](*leaves)
        expected = graph.forward()
        np.testing.assert_allclose(found[0] if isinstance(found, tuple) else found, expected, rtol=1e-4, atol=1e-6)
        if isinstance(found, tuple):
            graph.backward()
            asked = {name: node for name, node in graph.names.items() if any(node is other for other in graph.wrt)}
            assert set(asked) == set(found[1])
            for name, node in asked.items():
                np.testing.assert_allclose(found[1][name], node.grad, rtol=1e-3, atol=1e-6)


def _page(weights: str, training_step: bool) -> Callable[[Subject], Iterator[Page]]:
    """The page that predicts and trains; run, it predicts what the network predicts."""

    def write(subject: Subject) -> Iterator[Page]:
        cr.numpy_page.save(subject.network, "page.py", weights=weights, training_step=training_step)
        page = Path("page.py").read_text("utf-8")
        yield "python", page
        if weights == "beside":
            yield "npz", Path("page.npz").read_bytes()
        space: dict[str, Any] = {"__file__": "page.py"}
        exec(page, space)
        X, y = subject.samples
        np.testing.assert_allclose(space["predict"](X), cr.predict(subject.network, X), rtol=1e-4, atol=1e-6)
        assert space["CLASSES"] == subject.classes
        if training_step:
            assert np.isfinite(space["step"](X, y, 0.1))

    return write


def _torch(subject: Subject) -> Iterator[Page]:
    yield "text", cr.torch.save(subject.portable, "weights.safetensors")


def _compiled(subject: Subject) -> Iterator[Page]:
    """The compiled steps of a network: their source is run by compiling it."""
    layers = [cr.Dense(2, inputs=2, name=subject.called()), cr.Dropout(0.25, name=subject.called("2"))]
    layers += [cr.Dropout(0.25, name=subject.called("-2")), cr.Tanh(), cr.Dense(3, name=subject.called("3"))]
    network = cr.Network([*layers, cr.Softmax()], classes=subject.classes, engine="compiled")
    X, y = subject.samples
    history = cr.train(network, X, y, epochs=2, batch_size=4)
    yield "text", repr(history)
    assert "not compiled" not in network.engine, network.engine


# ---------------------------------------------------------------------- others


def _onnx(subject: Subject) -> Iterator[Page]:
    try:
        onnx.save(subject.portable, "network.onnx")
    except cr.ChainruleError as error:  # a class that is no Unicode
        raise Refused(str(error)) from error
    yield "onnx", Path("network.onnx").read_bytes()
    back = onnx.load("network.onnx")
    X = subject.samples[0]
    np.testing.assert_allclose(cr.predict(back, X), cr.predict(subject.portable, X), rtol=1e-4, atol=1e-6)
    assert list(back.classes or ()) == subject.classes


def _explained(form: str, language: str) -> Callable[[Subject], Iterator[Page]]:
    kind = {"terminal": "text" if language == "en" else "hebrew"}.get(form, form)

    def write(subject: Subject) -> Iterator[Page]:
        for of, told in ((subject.network, subject.samples), (subject.graph.root, ())):
            explanation = cr.explain(of, *told, format=form, language=language)
            yield kind, str(explanation)
            yield "notebook", explanation._repr_html_()
        node = list(subject.network.graph().names)[-2]
        yield kind, str(cr.explain(subject.network, *subject.samples, node=node, format=form, language=language))
        weights, value = next(
            (name, leaf.value) for name, leaf in subject.network.leaves.items() if leaf.value.ndim == 2
        )
        one = (weights, *(size - 1 for size in value.shape))
        yield kind, str(cr.explain(subject.network, *subject.samples, element=one, format=form, language=language))

    return write


def _tables(subject: Subject) -> Iterator[Page]:
    """What prints as a table, and looks like one in a notebook."""
    watched = cr.watch(every=1)
    cr.train(subject.network.copy(), *subject.samples, epochs=1, batch_size=6, callbacks=[watched])
    for shown in (watched, cr.trace(subject.network, *subject.samples), cr.check(subject.graph.root)):
        yield "text", str(shown)
        yield "html", shown._repr_html_()
    yield "text", str(subject.network.summary())
    yield "text", cr.show(subject.network)
    yield "text", cr.show(subject.graph)
    yield "html", network_html(subject.network)
    yield "html", graph_html(subject.graph)
    yield "html", history_html(subject.history)
    for node in subject.graph.nodes:
        yield "html", node_html(node)


def _messages(subject: Subject) -> Iterator[Page]:
    """What objects look like at a prompt, and what errors say of them."""
    for shown in (subject.network, subject.graph, subject.history, *subject.graph.nodes, subject.network.layers):
        yield "text", repr(shown)
    for look in (
        subject.network.__getitem__,
        subject.graph.__getitem__,
        subject.history.__getitem__,
        _no_class(subject),
    ):
        try:
            look("no such name")
        except cr.ChainruleError as error:
            yield "text", str(error)


def _no_class(subject: Subject) -> Callable[[str], Any]:
    return lambda name: cr.plot.saliency(subject.network, subject.samples[0], of=name)


def _surface(subject: Subject) -> Iterator[Page]:
    yield "text", cr.plot.surface_text(subject.network, *subject.samples)
    yield "text", cr.plot.surface_text(subject.network, *subject.samples, plain=True)


def _toml(subject: Subject) -> Iterator[Page]:
    recipe = load(f"{RUN}/recipe.toml")
    page = to_toml(recipe)
    yield "toml", page
    Path("again.toml").write_bytes(page.encode())
    assert to_toml(load("again.toml")) == page


def _events(subject: Subject) -> Iterator[Page]:
    cr.tensorboard.save(subject.history, "events")
    for path in glob.glob("events/*"):
        yield "events", Path(path).read_bytes()


_PICTURES: dict[str, Callable[[Subject, str], Any]] = {
    "learning_curve": lambda s, path: cr.plot.learning_curve(s.history, path=path),
    "learning_curves": lambda s, path: cr.plot.learning_curves({s.name: s.history, "w": s.history}, path=path),
    "decision_surface": lambda s, path: cr.plot.decision_surface(s.network, *s.samples, path=path, title=s.name),
    "neuron_surfaces": lambda s, path: cr.plot.neuron_surfaces(s.network, *s.samples, layer=_a_layer(s), path=path),
    "hidden_space": lambda s, path: cr.plot.hidden_space(s.network, *s.samples, layer=_a_layer(s), path=path),
    "weights": lambda s, path: cr.plot.weights(s.network, next(iter(s.network.leaves)).rpartition(".")[0], path=path),
    "confusion_matrix": lambda s, path: cr.plot.confusion_matrix(np.eye(3), s.classes, path, title=s.name),
    "saliency": lambda s, path: cr.plot.saliency(s.network, s.samples[0][:2], features=s.classes[:2], path=path),
    "loss_along_gradient": lambda s, path: cr.plot.loss_along_gradient(s.network, *s.samples, path=path),
    "network": lambda s, path: cr.plot.network(s.network, path=path, title=s.name),
    "graph": lambda s, path: cr.plot.graph(s.graph, path=path, title=s.name),
}


def _a_layer(subject: Subject) -> str:
    return next(name for name, node in subject.network.graph("prediction").names.items() if node.op is not None)


def _picture(name: str) -> Callable[[Subject], Iterator[Page]]:
    """A picture in a file; and, of two, as a notebook shows it when matplotlib's settings are the user's again."""

    def write(subject: Subject) -> Iterator[Page]:
        figure = _PICTURES[name](subject, "picture.svg")
        yield "svg", _content(Path("picture.svg"), "svg")
        if name in ("confusion_matrix", "graph"):
            yield "png", figure._repr_png_()

    return write


def _needs(line: str) -> str:
    return "onnx" if "o.onnx" in line else "tensorboardX" if "--tensorboard" in line else "numpy"


WRITERS: dict[str, Writer] = {
    **{f"chainrule {line}": Writer(command(line, *kinds), needs=_needs(line)) for line, kinds in COMMANDS.items()},
    **{f"chainrule {line}": Writer(command(line, *kinds), slow=True) for line, kinds in SLOW_COMMANDS.items()},
    "cr.source": Writer(_source),
    "numpy_page.save": Writer(_page("inside", False)),
    "numpy_page.save, beside": Writer(_page("beside", False)),
    "numpy_page.save, training_step": Writer(_page("inside", True)),
    "torch.save": Writer(_torch),
    "onnx.save": Writer(_onnx, needs="onnx"),
    "compiled steps": Writer(_compiled, slow=True, needs="numba"),
    **{
        f"cr.explain, {form}, {language}": Writer(_explained(form, language))
        for form in ("terminal", "markdown", "html", "json")
        for language in ("en", "he")
    },
    "tables": Writer(_tables),
    "messages": Writer(_messages),
    "cr.plot.surface_text": Writer(_surface),
    "to_toml": Writer(_toml),
    "tensorboard.save": Writer(_events, needs="tensorboardX"),
    **{f"cr.plot.{name}": Writer(_picture(name), slow=True) for name in _PICTURES},
}
