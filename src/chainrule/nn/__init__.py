"""Layers, how they start, and the network that holds them."""

from chainrule.nn.containers import Concatenate, Residual
from chainrule.nn.dense import Dense
from chainrule.nn.dropout import Dropout
from chainrule.nn.initializers import (
    Constant,
    Glorot,
    He,
    Initializer,
    LeCun,
    Normal,
    Orthogonal,
    Uniform,
    Zeros,
)
from chainrule.nn.layer import Layer
from chainrule.nn.network import Network
from chainrule.nn.prelu import PReLU
from chainrule.nn.rescale import Rescale

__all__ = [
    "Concatenate",
    "Constant",
    "Dense",
    "Dropout",
    "Glorot",
    "He",
    "Initializer",
    "Layer",
    "LeCun",
    "Network",
    "Normal",
    "Orthogonal",
    "PReLU",
    "Rescale",
    "Residual",
    "Uniform",
    "Zeros",
]
