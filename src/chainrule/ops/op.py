"""What an op is: a function and its derivative, pure NumPy.

An op knows no graph and keeps no state; it holds settings only. `forward` takes one array per *role*, named as its
parameters are; `backward` takes the derivative `dy` that came back from the loss, the output `y` and the same
roles, and returns role -> derivative. Called by hand, an op is just a function. It never warns: what is too large
becomes inf, what is undefined becomes NaN, and both show in the result.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from chainrule.errors import InputError, ShapeError
from chainrule.settings import Configured

Array: TypeAlias = npt.NDArray[Any]
Derivatives: TypeAlias = dict[str, Array]


class Op(Configured):
    """A function and its derivative.

    Subclasses write `forward` and, directly below it, `backward`. The docstring's first lines say both in the
    field's notation. A parameter of `forward` that defaults to None is an optional role; ``*parts`` stands for the
    roles ``parts0``, ``parts1``, …

    Attributes
    ----------
    roles : tuple of str
        The names of the arrays `forward` takes, read off its signature.
    optional : frozenset of str
        Roles that may be left out.
    variadic : str or None
        The role that stands for any number of arrays.
    constant : tuple of str
        Roles without a derivative: labels, indices, sample weights.
    integer : mapping of str to str
        Roles that hold whole numbers, and the role whose rows they count: ``{"indices": "table"}``. What a network is
        fed stays whole numbers where all that read it are such roles; floats would round large ones.

    Examples
    --------
    >>> class Square(Op):
    ...     '''y = z²
    ...     ∂z = ∂y · 2z'''
    ...
    ...     def forward(self, z):
    ...         return z * z
    ...
    ...     def backward(self, dy, y, z):
    ...         return dict(z=dy * 2 * z)
    >>> Square.roles
    ('z',)
    >>> Square().forward(np.array([3.0]))
    array([9.])
    """

    name: ClassVar[str]
    roles: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[frozenset[str]] = frozenset()
    variadic: ClassVar[str | None] = None
    constant: ClassVar[tuple[str, ...]] = ()
    integer: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        parameters = list(inspect.signature(cls.forward).parameters.values())[1:]
        cls.roles = tuple(p.name for p in parameters)
        cls.optional = frozenset(p.name for p in parameters if p.default is None)
        cls.variadic = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        for method in ("forward", "backward"):
            if method in cls.__dict__:
                function = cls.__dict__[method]
                if cls.variadic:
                    function = _numbered(function, cls.variadic)
                setattr(cls, method, np.errstate(all="ignore")(function))

    def forward(self, *roles: Any, **named: Any) -> Any:
        """Return y."""
        raise NotImplementedError

    def backward(self, dy: Any, y: Any, *roles: Any, **named: Any) -> Any:
        """Return role -> derivative of the loss by that role's array."""
        raise NotImplementedError

    def check(self, where: str, **arrays: Array) -> None:
        """Raise an `InputError` if these arrays can't be used together.

        Called when a node is built and whenever it meets new shapes, never in between: it may be slow.
        """

    def differentiable(self, role: str) -> bool:
        """Return whether `backward` returns a derivative for this role."""
        return role not in self.constant


def _numbered(method: Callable[..., Any], variadic: str) -> Callable[..., Any]:
    """Return a method that takes ``*parts`` also as the keywords ``parts0=``, ``parts1=``, …"""

    @functools.wraps(method)
    def numbered(self: Op, *given: Any, **roles: Any) -> Any:
        return method(self, *given, *(roles[f"{variadic}{i}"] for i in range(len(roles))))

    return numbered


def shapes(arrays: Mapping[str, Array]) -> str:
    """Return ``x (64, 3), weights (2, 16)`` for an error to quote."""
    return ", ".join(f"{role} {np.shape(array)}" for role, array in arrays.items())


def expect_rank(where: str, role: str, array: Array, rank: int, meaning: str) -> None:
    """Raise unless `array` has `rank` axes; `meaning` names them, e.g. ``(samples, features)``."""
    if array.ndim == rank:
        return
    if rank == 2 and array.ndim == 1:
        fix = f"Pass {role}.reshape(-1, 1) for one column, or {role}.reshape(1, -1) for one row"
    else:
        fix = f"Reshape {role} to {meaning}"
    raise ShapeError(where, given=f"{role} with shape {array.shape}", expected=f"{rank} axes, {meaning}", fix=fix)


def expect_axis(where: str, role: str, array: Array, axis: int) -> None:
    """Raise unless `array` has this axis."""
    if not -array.ndim <= axis < array.ndim:
        raise ShapeError(
            where,
            given=f"{role} with shape {array.shape}",
            expected=f"an axis {axis}",
            fix=f"Reshape {role}, or name another axis",
        )


def expect_integers(where: str, role: str, array: Array, below: int, meaning: str) -> None:
    """Raise unless every element is a whole number from 0 to `below` - 1 (`meaning` says of what)."""
    wrong = ~((array >= 0) & (array < below) & (np.floor(array) == array))
    if wrong.any():
        first = np.unravel_index(int(np.argmax(wrong)), array.shape)
        place = ", ".join(str(int(i)) for i in first)
        raise InputError(
            where,
            given=f"{role}[{place}] = {array[first]}",
            expected=f"one of the {below} {meaning}, a whole number from 0 to {below - 1}",
            fix=f"Number the {meaning} from 0, and make sure that there are enough of them",
        )


def expect_between(where: str, role: str, array: Array, lowest: float, highest: float, fix: str) -> None:
    """Raise unless every element lies between the two, both included."""
    wrong = ~((array >= lowest) & (array <= highest))
    if wrong.any():
        first = np.unravel_index(int(np.argmax(wrong)), array.shape)
        place = ", ".join(str(int(i)) for i in first)
        raise InputError(
            where,
            given=f"{role}[{place}] = {array[first]}",
            expected=f"numbers from {lowest:g} to {highest:g}",
            fix=fix,
        )
