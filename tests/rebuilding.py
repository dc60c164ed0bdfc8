"""Copying as skops stores: from the state that an object tells of itself, calling nothing but `__new__`."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

_PLAIN = (type(None), bool, int, float, str, bytes, np.generic, np.ndarray, np.dtype, type, types.FunctionType)


def from_states(thing: Any, memo: dict[int, Any] | None = None) -> Any:
    """Return a copy of `thing` without calling any function that its class names."""
    memo = {} if memo is None else memo
    if id(thing) not in memo:
        memo[id(thing)] = _copied(thing, memo)
    return memo[id(thing)]


def _copied(thing: Any, memo: dict[int, Any]) -> Any:
    kind = type(thing)
    if isinstance(thing, _PLAIN):
        return thing
    if isinstance(thing, dict):
        return {key: from_states(value, memo) for key, value in thing.items()}
    if isinstance(thing, (list, tuple, set)):
        parts = [from_states(part, memo) for part in thing]
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    assert not isinstance(thing, (types.MethodType, types.BuiltinMethodType)), f"{thing!r} is no plain data"
    function, arguments, *rest = thing.__reduce__()
    state = thing.__getstate__()
    memo.setdefault(0, []).append((arguments, state))  # else their ids are another object's soon
    if function is kind and not any(rest):
        return kind(*from_states(arguments, memo))
    made, state = kind.__new__(kind), from_states(state, memo)
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
    else:
        vars(made).update(state or {})
    return made
