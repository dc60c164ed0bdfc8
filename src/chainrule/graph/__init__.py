"""Graphs of nodes: values pass forward, derivatives come back, and both stay to be looked at."""

from __future__ import annotations

from chainrule.graph.derivatives import derivative, jacobian
from chainrule.graph.functions import FUNCTIONS
from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node, Parameter, State

__all__ = ["FUNCTIONS", "Graph", "Input", "Node", "Parameter", "State", "derivative", "jacobian"]
