"""A part is what its constructor was told.

Ops, layers, optimizers, schedules and initializers keep each constructor argument in an attribute of the same
name. From that one rule come their printed form and the description that model files and recipes hold.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any


@cache
def _constructor(kind: Any) -> tuple[inspect.Parameter, ...]:
    if kind.__init__ is object.__init__:
        return ()
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    return tuple(p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))


def setting_names(kind: type) -> tuple[str, ...]:
    """Return the names of a class's settings: its constructor's parameters, in order."""
    return tuple(p.name for p in _constructor(kind))


class Configured:
    """A part described by its settings."""

    def settings(self) -> dict[str, Any]:
        """Return constructor argument -> value, every one of them."""
        return {name: getattr(self, name) for name in setting_names(type(self))}

    def __repr__(self) -> str:
        kind: Any = type(self)
        defaults = {p.name: p.default for p in _constructor(kind)}
        told = (
            f"{name}={value!r}"
            for name, value in self.settings().items()
            if not _same(value, defaults.get(name, inspect.Parameter.empty))
        )
        return f"{kind.__name__}({', '.join(told)})"


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)
