"""chainrule: neural networks on NumPy, every derivative by hand and in sight.

import chainrule as cr

X, y = cr.data.xor()
network = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], optimizer=cr.Adam(0.05))
history = cr.train(network, X, y, epochs=500, batch_size=None)
cr.classify(network, X)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from chainrule._version import __version__ as __version__

if TYPE_CHECKING:
    # What checkers of types see. `explain` is the function, though `cr.explain` is also its room.
    from chainrule import checks as checks
    from chainrule import data as data
    from chainrule import errors as errors
    from chainrule import files as files
    from chainrule import generators as generators
    from chainrule import gradcheck as gradcheck
    from chainrule import graph as graph
    from chainrule import memory as memory
    from chainrule import nn as nn
    from chainrule import ops as ops
    from chainrule import optim as optim
    from chainrule import plot as plot
    from chainrule import public as public
    from chainrule import recipes as recipes
    from chainrule import replay as replay
    from chainrule import settings as settings
    from chainrule import training as training
    from chainrule.explain import explain as explain
    from chainrule.explain import show as show
    from chainrule.explain import trace as trace
    from chainrule.explain import watch as watch
    from chainrule.files import dumps as dumps
    from chainrule.files import load as load
    from chainrule.files import loads as loads
    from chainrule.files import save as save
    from chainrule.gradcheck import check as check
    from chainrule.gradcheck import check_gradients as check_gradients
    from chainrule.public import *
    from chainrule.recipes import resume as resume
    from chainrule.training.checkpoint import Checkpoint as Checkpoint

# Nothing is imported before it is asked for: rooms one by one, the public names at the first of them.
_ROOMS = {
    *("checks", "data", "errors", "explain", "files", "generators", "gradcheck", "graph", "nn", "ops", "optim"),
    *("memory", "plot", "public", "recipes", "replay", "settings", "training"),
}
# Names whose rooms are heavier than the others': they read and write files, run recipes, explain.
_LATER = {
    "check": "gradcheck",
    "check_gradients": "gradcheck",
    **dict.fromkeys(("save", "load", "dumps", "loads"), "files"),
    "Checkpoint": "training.checkpoint",
    "resume": "recipes",
    **dict.fromkeys(("show", "trace", "watch"), "explain"),
}


def _html(part: Any) -> str:
    """Return how a notebook shows a network, a node, a graph or a history."""
    known = {"Network": "network_html", "Node": "node_html", "Graph": "graph_html", "History": "history_html"}
    name = next(known[kind.__name__] for kind in type(part).__mro__ if kind.__name__ in known)
    drawn: str = getattr(importlib.import_module("chainrule.explain.inspection"), name)(part)
    return drawn


def _node(op: Any, children: Any, name: str | None, roles: Any) -> Any:
    """Return the node of an op that is called."""
    return importlib.import_module("chainrule.graph.functions").node_of(op, children, name, roles)


if not TYPE_CHECKING:  # a checker that saw these would take every name for one of ours

    def __getattr__(name: str) -> Any:
        if name in _ROOMS:
            return importlib.import_module(f"chainrule.{name}")
        if name in _LATER:
            return getattr(importlib.import_module(f"chainrule.{_LATER[name]}"), name)
        public = None if name.startswith("_") else importlib.import_module("chainrule.public")
        if public is None or name not in public.__all__:
            from chainrule.words import missing_from

            raise missing_from("chainrule", name)
        globals().update({known: getattr(public, known) for known in public.__all__})
        return globals()[name]

    def __dir__() -> list[str]:
        public = importlib.import_module("chainrule.public")
        return sorted({*public.__all__, *_ROOMS, *_LATER, "__version__"})
