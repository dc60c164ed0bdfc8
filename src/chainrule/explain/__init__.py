"""Seeing through it: explanations with real numbers, and everything that flows in a network made visible."""

from __future__ import annotations

import sys
from types import ModuleType

from chainrule.explain.explanation import Explanation, explain
from chainrule.explain.inspection import Trace, Traced, show, trace
from chainrule.explain.watching import Watch, Watched, watch

__all__ = [
    "Explanation",
    "Trace",
    "Traced",
    "Watch",
    "Watched",
    "explain",
    "show",
    "trace",
    "watch",
]


class _Room(ModuleType):
    """The room has the name of the function that users know, so it can be called: ``cr.explain(network, x, y)``."""

    __call__ = staticmethod(explain)


sys.modules[__name__].__class__ = _Room
