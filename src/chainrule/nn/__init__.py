"""Layers, how they start, and the network that holds them."""

from typing import TYPE_CHECKING

from chainrule.nn.containers import Branches, Heads, Residual
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
from chainrule.words import names_of_room

if not TYPE_CHECKING:  # a checker that saw this would take any name for one of the room's
    __getattr__ = names_of_room(__name__)


__all__ = [
    "Branches",
    "Constant",
    "Dense",
    "Dropout",
    "Glorot",
    "He",
    "Heads",
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
