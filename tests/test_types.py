"""What checkers of types know of the package: its names and their types, and that there is no other name.

A page of a user's is given to mypy and to pyright; the lines that they refuse must be those that end in `# refused`.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_overloads

import pytest

import chainrule as cr
from tests.referees import absent, missing, needed

PAGE = """\
import chainrule
import chainrule as cr
import chainrule.sklearn
from chainrule import *
from chainrule import recipes
from chainrule.gradcheck import check_gradients
from chainrule.data import nosuch  # refused
from chainrule import nosuch as other  # refused

X, y = cr.data.xor()
network = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], optimizer=cr.Adam(0.05), seed=0)
history: cr.History = cr.train(network, X, y, epochs=5)
loss: float = history.final_loss
words: str = history.final_loss  # refused
cr.train(network, X, y, epoch=5)  # refused
cr.Dense(8, units_="relu")  # refused
cr.Adam(learning_rate="fast")  # refused
cr.LeakyReLU(slope="steep")  # refused
cr.Dropout(rate=0.5).nosuch  # refused
network.optimise()  # refused
after_a_typo: int = "text"  # refused
network.fit(X, y)  # refused
network.plan.nosuch  # refused
x = cr.Input("x", [[1.0, 2.0]])
h: cr.Node = cr.softmax(x, axis=-1, name="h") + cr.tanh(z=x @ cr.Parameter("w", [[1.0, 0.0], [0.0, 1.0]]))
cr.softmax(zz=x)  # refused
cr.softmax(x, axes=1)  # refused
cr.softmax(x, axis="last")  # refused
cr.tanh()  # refused
cr.leaky_relu(x, 0.1)  # refused
cr.linear(x=x, weights=[[1.0], [2.0]])
cr.concatenate(x, x, axis=1)
cr.concatenate(parts0=x, parts1=x)
cr.sum(x, axis=(0, 1)).value.shape
cr.huber(x, x, delta=0.5).children["prediction"].nosuch  # refused
number: float = cr.mean(x)  # refused
cr.ops.Tanh().forward(x.value)
cr.ops.Tahn  # refused
cr.data.iris  # refused
rows: int = cr.data.digits().X.shape[0]
cr.plot.learning_curve(history)
cr.plot.learning_curve(history, colour="red")  # refused
cr.plot.animation
cr.recipes.resume
cr.gradcheck.Report
chainrule.sklearn.MLPClassifier()
cr.explain(network, X, y)
version: str = cr.__version__
cr.nosuch  # refused
cr.onnx.save(network, "a.onnx")
cr.onnx.nosuch  # refused
cr.torch.load("a.safetensors", cr.ReLU()).layers
cr.torch.load("a.safetensors", activation=cr.ReLU())  # refused
cr.numpy_page.save(network, "a.py", weights="beside")
cr.tensorboard.TensorBoard("events")
cr.sklearn.MLPRegressor()
cr.Dens(8)  # refused
everything: Network = Network([Dense(1)])
cr.graph.nosuch  # refused
cr.plot.nosuch  # refused
cr.recipes.nosuch  # refused
chainrule.sklearn.nosuch  # refused
"""


DUNDERS = ("__init__", "__call__", "__getitem__", "__iter__", "__next__", "__enter__")
# Where a public signature says Any, and why there is no type that would say more.
UNTYPED = {
    r"\.(settings|late|as_if_made|too_late|get_params|set_params)$": "a setting is a number, a text, a part",
    r"\.(copy|fresh|head|replace_head|started|repeat) changes$": "the settings that are changed",
    r"(Classifier|Regressor)\.__init__ network__settings$": "the settings of a user's own network",
    r"\.__init__ class_weight$": "labels are of any kind",
    r"^(Layer|Op)\.(forward|backward)$": "a subclass names what it takes",
    r"^Optimizer\.update$": "a subclass names its slots and scalars",
    r"\.__call__$": "nodes, which stand below ops; cr.relu, the function, says so",
    r"^onnx\.save$": "a network, or an estimator or a pipeline of scikit-learn, which need not be installed",
    r"^(training\.)?EvaluationReport\.": "figures by name: numbers, texts, lists of numbers",
    r"^data\.(prepare|Preparation|Table|Column)\b": "the door, which looks at whatever it is given",
    r"^Network\.(as_batch|as_samples|arranged)$": "the door, which looks at whatever it is given",
    r"^Network\.(steps|beginning|snapshot|restore|started)$": "what training keeps of a network, as plain data",
    r"^Branches\.state value$": "an array, or what stands for it while it is recorded",
    r"^optim\.OptimizerState\.formulas$": "arrays, or what stands for them while they are recorded",
    r"^History\.__init__ (call|start)$": "whatever train was called with",
    r"^evaluate$|(History|Epoch)\.__getitem__$|Epoch\.__init__ metrics$": "a user's own metric returns what it likes",
    r"\.as_dict$|\.snapshot$|^files\.(describe|rebuild)$": "plain data, as JSON has it",
    r"^recipes\.(Result|RunRecord)\.|^recipes\.measure$": "figures by name: numbers, None, lists of numbers",
    r"^explain\.Watch\.columns$": "numbers, or arrays, a step",
}


def mypy() -> list[str]:
    needed("mypy", "dev")
    return [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir=.mypy",
        "--hide-error-context",
        "--no-pretty",
    ]


def pyright() -> list[str]:
    needed("pyright")
    if shutil.which("node") is None:
        missing("node, in which pyright runs,", "it is a package of the system, as in apt-get install nodejs")
    return [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]


def refused(checker: Callable[[], list[str]], text: str, folder: Path) -> set[int]:
    """Return the numbers of the lines in which the checker finds an error."""
    (folder / "page.py").write_text(text, "utf-8")
    source = Path(cr.__file__).parents[1]
    found = {} if "site-packages" in source.parts else {"MYPYPATH": str(source)}
    if found:
        (folder / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{source.as_posix()}"]}}')
    done = subprocess.run(
        [*checker(), "page.py"], cwd=folder, env={**os.environ, **found}, capture_output=True, text=True
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return {int(line) for line in re.findall(r"page\.py:(\d+)(?::\d+)?(?: -)?:? error", done.stdout)}


def every_name() -> list[str]:
    """Return lines that name all that is public, but for the rooms behind an extra."""
    rooms = {room.name for room in pkgutil.iter_modules(cr.__path__) if room.ispkg} - {"onnx", "sklearn"}
    lines = [f"cr.{name}" for name in dir(cr)]
    for room in sorted(rooms):
        names = getattr(importlib.import_module(f"chainrule.{room}"), "__all__", ())
        lines += [f"from chainrule.{room} import {name} as {room}_{name}" for name in names]
    return lines


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_checker_knows_every_public_name_and_refuses_any_other(
    checker: Callable[[], list[str]], tmp_path: Path
) -> None:
    lines = [*PAGE.splitlines(), *every_name()]
    assert len(lines) > 250
    told = {number for number, line in enumerate(lines, 1) if line.endswith("# refused")}
    assert refused(checker, "\n".join(lines), tmp_path) == told


def signatures(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield the functions of a public thing: itself, the methods of a class, and all their overloads."""
    functions: dict[str, Any] = {}
    if isinstance(thing, type):
        for member, what in inspect.getmembers_static(thing):
            plain = what.__func__ if isinstance(what, staticmethod | classmethod) else what
            plain = plain.fget if isinstance(plain, property) else plain
            if inspect.isfunction(plain) and (member[0] != "_" or member in DUNDERS):
                functions[f"{name}.{member}"] = plain
    elif inspect.isfunction(thing) and not isinstance(getattr(thing, "__wrapped__", None), type):  # those of ops: stubs
        functions[name] = thing
    for path, function in functions.items():
        if function.__module__.startswith("chainrule"):
            told = inspect.unwrap(function)
            for one in get_overloads(told) or [told]:
                yield path, one


def untyped(rooms: Iterable[str]) -> Iterator[str]:
    """Yield each place in a public signature that says Any, or nothing; an array's dtype may be any."""
    things = {name: getattr(cr, name) for name in dir(cr)}
    for room in rooms:
        module = importlib.import_module(f"chainrule.{room}")
        things |= {f"{room}.{name}": getattr(module, name) for name in getattr(module, "__all__", ())}
    seen = set()
    for name, thing in things.items():
        for path, function in signatures(name, thing):
            if function in seen:
                continue
            seen.add(function)
            signature = inspect.signature(function)
            told = {f" {p.name}": p.annotation for p in signature.parameters.values() if p.name not in ("self", "cls")}
            for place, annotation in {**told, "": signature.return_annotation}.items():
                text = re.sub(r"NDArray\[Any\]|np.dtype\[Any\]|tuple\[Any, \.\.\.\]", "", str(annotation))
                if annotation is inspect.Parameter.empty or re.search(r"\bAny\b", text):
                    yield path + place


def test_no_public_signature_says_any_where_there_is_a_type() -> None:
    missing_rooms = {room for room in ("onnx", "sklearn") if absent(room)}
    rooms = {room.name for room in pkgutil.iter_modules(cr.__path__) if room.ispkg} - {"cli", "words"} - missing_rooms
    used = set()
    for place in set(untyped(rooms)):
        reasons = {why for why in UNTYPED if re.search(why, place) or re.search(why, place.rpartition(" ")[0])}
        assert reasons, f"{place} has a type"
        used |= reasons
    assert missing_rooms or used == set(UNTYPED)
