"""Graphs of nodes: values pass forward, derivatives come back, and both stay to be looked at."""

from chainrule.graph.check import GradientCheck, LeafCheck, check_gradients
from chainrule.graph.derivatives import derivative, jacobian
from chainrule.graph.functions import FUNCTIONS
from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node, Parameter, State

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
