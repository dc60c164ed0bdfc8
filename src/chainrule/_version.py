"""The version, in one place: the package, its wheel and every saved file read it here."""

from __future__ import annotations

__version__ = "0.1.0"
