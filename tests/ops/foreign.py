"""A strict array that is no ndarray: it knows NumPy's protocols, and refuses what another device would refuse.

It stands for an array in another memory. Nothing turns it into an ndarray without a word, and no ndarray with axes may
be mixed with it, except as an index.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Foreign(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that can be computed with, by NumPy's functions and methods, and not looked at."""

    __array_priority__ = 100

    def __init__(self, array: Any) -> None:
        self.array = array

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a foreign array was turned into an ndarray")

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if method not in ("__call__", "reduce", "reduceat"):
            raise TypeError(f"np.{function.__name__}.{method}")
        if out is not None:
            options["out"] = tuple(own(array) for array in out)
        return foreign(getattr(function, method)(*map(own, inputs), **options))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return foreign(function(*own(args), **own(kwargs)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.array, name)
        if callable(value):
            return lambda *args, **kwargs: foreign(value(*own(args), **own(kwargs)))
        return foreign(value)

    def __getitem__(self, key: Any) -> Any:
        return foreign(self.array[own(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.array[own(key)] = own(value)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Any:
        raise TypeError("a foreign array was iterated")

    def __bool__(self) -> bool:
        raise TypeError("a branch looked at a foreign array")

    __float__ = __int__ = __index__ = __bool__


def own(value: Any) -> Any:
    """Return what is inside of foreign arrays, refused where an ndarray with axes is beside them."""
    if isinstance(value, Foreign):
        return value.array
    if isinstance(value, (list, tuple)):
        return type(value)(map(own, value))
    if isinstance(value, dict):
        return {key: own(one) for key, one in value.items()}
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError(f"an ndarray of shape {value.shape} beside a foreign array")
    return value


def foreign(value: Any) -> Any:
    """Return arrays as foreign ones."""
    if isinstance(value, (np.ndarray, np.generic)):
        return Foreign(value)
    if isinstance(value, tuple) and any(isinstance(one, np.ndarray) for one in value):
        return tuple(map(foreign, value))
    return value
