"""chainrule: neural networks on NumPy, every derivative by hand and in sight.

import chainrule as cr

X, y = cr.data.xor()
network = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], optimizer=cr.Adam(0.05))
history = cr.train(network, X, y, epochs=500, batch_size=None)
cr.classify(network, X)
"""

from __future__ import annotations

import importlib
from typing import Any

from chainrule._version import __version__ as __version__

# Nothing is imported before it is asked for: rooms one by one, the public names at the first of them. Checkers of types
# and editors read the same names in `__init__.pyi`, which `make stubs` writes.
_ROOMS = {
    *("data", "errors", "explain", "files", "gradcheck", "graph", "nn", "ops", "optim", "plot", "recipes", "training"),
    *(
        "numpy_page",
        "onnx",
        "sklearn",
        "tensorboard",
        "torch",
    ),  # adapters: what lacks its extra says so when used
}
# Rooms that nobody types; `from chainrule import checks` asks for them here.
_INSIDE = {"checks", "generators", "memory", "public", "replay", "settings", "tables", "threads", "words"}
# Names whose rooms are heavier than the others': they read and write files, run recipes, explain, measure.
_LATER = {
    "check": "gradcheck",
    "check_gradients": "gradcheck",
    **dict.fromkeys(("save", "load", "dumps", "loads"), "files"),
    "Checkpoint": "training.checkpoint",
    **dict.fromkeys(("importance", "learning_rate_range_test", "report"), "training"),
    "resume": "recipes",
    **dict.fromkeys(("show", "trace", "watch"), "explain"),
}


def _html(part: Any) -> str:
    """Return how a notebook shows a network, its summary, a node, a graph or a history."""
    known = {"Network": "network_html", "Node": "node_html", "Graph": "graph_html", "History": "history_html"}
    known["Summary"] = "summary_html"
    name = next(known[kind.__name__] for kind in type(part).__mro__ if kind.__name__ in known)
    drawn: str = getattr(importlib.import_module("chainrule.explain.inspection"), name)(part)
    return drawn


def _node(op: Any, children: Any, name: str | None, roles: Any) -> Any:
    """Return the node of an op that is called."""
    return importlib.import_module("chainrule.graph.functions").node_of(op, children, name, roles)


def __getattr__(name: str) -> Any:
    if name in _ROOMS or name in _INSIDE:
        return importlib.import_module(f"chainrule.{name}")
    if name in _LATER:
        return getattr(importlib.import_module(f"chainrule.{_LATER[name]}"), name)
    if name == "__all__":
        return __dir__()
    public = None if name.startswith("_") else importlib.import_module("chainrule.public")
    if public is None or name not in public.__all__:
        from chainrule.words import missing_from

        raise missing_from("chainrule", name)
    globals().update({known: getattr(public, known) for known in public.__all__})
    return globals()[name]


def __dir__() -> list[str]:
    public = importlib.import_module("chainrule.public")
    return sorted({*public.__all__, *_ROOMS, *_LATER, "__version__"})
