"""The gradient check: every derivative beside difference quotients, and the usual mistakes called by their names."""

from __future__ import annotations

from chainrule.gradcheck.checking import check, check_gradients
from chainrule.gradcheck.report import Finding, Report

__all__ = ["Finding", "Report", "check", "check_gradients"]
