"""Seeing through it: explanations with real numbers, and everything that flows in a network made visible."""

from __future__ import annotations

from chainrule.explain.explaining import Explanation, explain
from chainrule.explain.showing import show

__all__ = ["Explanation", "explain", "show"]
