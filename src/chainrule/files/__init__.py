"""Model files: a network as plain data, written whole or not at all, and read without trust.

Nothing in a file is ever executed or opened: parts are looked up in a closed table, among the classes that the caller
passes, or among those that an installed package offers under the entry point ``chainrule.parts``.
"""

from __future__ import annotations

from chainrule.files.atomic import write_atomically
from chainrule.files.description import describe, rebuild
from chainrule.files.model import Weights, check_savable, contents_of, dumps, load, loads, network_from, save
from chainrule.files.safetensors import Contents, Header, read, read_header, write

__all__ = [
    "save",
    "load",
    "dumps",
    "loads",
    "check_savable",
    "describe",
    "rebuild",
    "write_atomically",
    "Contents",
    "Header",
    "read",
    "read_header",
    "write",
    "contents_of",
    "Weights",
    "network_from",
]
