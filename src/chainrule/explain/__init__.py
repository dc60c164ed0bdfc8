"""Seeing through it: explanations with real numbers, and everything that flows in a network made visible."""

from __future__ import annotations

from chainrule.explain.check import Finding, Report, check
from chainrule.explain.explaining import Explanation, explain
from chainrule.explain.showing import show
from chainrule.explain.stepping import Event, steps
from chainrule.explain.tracing import Trace, Traced, trace
from chainrule.explain.watching import Watch, Watched, watch

__all__ = [
    "Event",
    "Explanation",
    "Finding",
    "Report",
    "check",
    "Trace",
    "Traced",
    "Watch",
    "Watched",
    "explain",
    "show",
    "steps",
    "trace",
    "watch",
]
