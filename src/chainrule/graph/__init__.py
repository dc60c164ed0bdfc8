"""Graphs of nodes: values pass forward, derivatives come back, and both stay to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.graph.derivatives import derivative, jacobian
from chainrule.graph.functions import FUNCTIONS
from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node, Parameter, State

if TYPE_CHECKING:
    from chainrule.graph.check import GradientCheck, LeafCheck, check_gradients

__all__ = [
    "FUNCTIONS",
    "GradientCheck",
    "Graph",
    "Input",
    "LeafCheck",
    "Node",
    "Parameter",
    "State",
    "check_gradients",
    "derivative",
    "jacobian",
]


if not TYPE_CHECKING:  # a checker that saw this would take every name for one of ours

    def __getattr__(name: str) -> Any:
        """Import the gradient check when it is asked for: not every program has derivatives to check."""
        if name in ("GradientCheck", "LeafCheck", "check_gradients"):
            from chainrule.graph import check

            return getattr(check, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
