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
import sys
from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from chainrule.checks import expect_arguments
from chainrule.errors import InputError, MisuseError, ShapeError
from chainrule.settings import Configured

Array: TypeAlias = npt.NDArray[Any]
#: Samples, or targets: an array, or several by name.
Samples: TypeAlias = "npt.ArrayLike | Mapping[str, npt.ArrayLike]"
#: What takes part of an array.
Index: TypeAlias = "int | slice | EllipsisType | tuple[int | slice | EllipsisType | None, ...] | None"
Derivatives: TypeAlias = dict[str, Array]
Range: TypeAlias = tuple[float, float]


_OF_FORWARD = ("output_range", "increasing", "hands_on", "onnx", "torch")  # lines of a class about its forward


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
    output_range : (float, float) or None
        The lowest and the highest number that can come out; None where nobody knows.
    increasing : bool
        Whether a larger number in gives no smaller one out, element by element.
    hands_on : bool
        Whether the numbers that go in come out, perhaps in another shape.
    prediction_columns, target_columns : int or None
        Of a loss that takes a certain number of columns: how many. The target has those of the prediction if None.
    dtype : str or None
        The dtype of what comes out; that of what goes in if None.
    limit : str
        Of an op that is undefined, or infinite, for some numbers: for which it isn't.
    initializer : str
        The initializer that suits weights whose sums this op is applied to: ``"Glorot"``, ``"He"`` or ``"LeCun"``.
    onnx : str or None
        The operator of ONNX that does the same, with the same arrays and no settings.
    torch : str or None
        The module of PyTorch that does the same; settings are filled in: ``"LeakyReLU({slope})"``.
    in_files : bool
        Whether files may name it, as they may any layer or loss: False if its settings are functions.

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
    >>> Square()([3.0])
    Square(z=) (1,) float32 = [9.]
    """

    name: ClassVar[str]
    roles: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[frozenset[str]] = frozenset()
    variadic: ClassVar[str | None] = None
    constant: ClassVar[tuple[str, ...]] = ()
    integer: ClassVar[Mapping[str, str]] = {}
    output_range: Range | None = None
    increasing: ClassVar[bool] = False
    hands_on: ClassVar[bool] = False
    prediction_columns: int | None = None
    target_columns: int | None = None
    limit: ClassVar[str] = ""
    dtype: str | None = None
    initializer: ClassVar[str] = "Glorot"
    onnx: ClassVar[str | None] = None
    torch: ClassVar[str | None] = None
    in_files: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        parameters = list(inspect.signature(cls.forward).parameters.values())[1:]
        cls.roles = tuple(p.name for p in parameters)
        cls.optional = frozenset(p.name for p in parameters if p.default is None)
        cls.variadic = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        for known in _OF_FORWARD:  # not of another forward than that of the class above
            if "forward" in cls.__dict__ and known not in cls.__dict__:
                setattr(cls, known, Op.__dict__[known])
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        for method in ("forward", "backward"):
            if method in cls.__dict__:
                function = cls.__dict__[method]
                if cls.variadic:
                    function = _numbered(function, cls.variadic)
                setattr(cls, method, _quiet(function))

    def forward(self, *roles: Any, **named: Any) -> Any:
        """Return y."""
        raise NotImplementedError

    def backward(self, dy: Any, y: Any, *roles: Any, **named: Any) -> Any:
        """Return role -> derivative of the loss by that role's array."""
        raise NotImplementedError

    def __call__(self, *children: Any, name: str | None = None, **roles: Any) -> Any:
        """Return the node that this op computes, as the function of its name does: ``cr.ReLU()(x)``, ``cr.relu(x)``.

        Parameters
        ----------
        *children : Node or array_like
            What plays its roles, in their order: ``cr.MeanSquaredError()(prediction, target)``.
        name : str, optional
            What pictures, errors and graphs call the node.
        **roles : Node or array_like
            The same by role: ``cr.MeanSquaredError()(prediction=…, target=…)``.

        Returns
        -------
        Node
        """
        # What a node is, is known below this room.
        return sys.modules["chainrule"]._node(self, children, name, roles)

    def check(self, where: str, **arrays: Array) -> None:
        """Raise an `InputError` if these arrays can't be used together.

        Called when a node is built and whenever it meets new shapes, never in between: it may be slow.
        """

    @classmethod
    def is_layer(cls) -> bool:
        """Return whether it can stand in a network by itself: it takes one array, what comes from the layer before."""
        return [role for role in cls.roles if role not in cls.optional] in (["x"], ["z"])

    @classmethod
    def is_loss(cls) -> bool:
        """Return whether it compares what a network says with what is true."""
        return cls.roles[:1] in (("prediction",), ("logits",))

    def differentiable(self, role: str) -> bool:
        """Return whether `backward` returns a derivative for this role."""
        return role not in self.constant

    def range_of(self, given: Range | None) -> Range | None:
        """Return the range of what comes out where that of what goes in is `given`; None: nobody knows."""
        if self.hands_on:
            return given
        if self.increasing and given is not None:
            lowest, highest = self.forward(np.array(given)).tolist()
            return lowest, highest
        return self.output_range


def own_derivative(name: str, what: str, why: str) -> MisuseError:
    """Return the error for a class of a user's that isn't an op and has a backward."""
    return MisuseError(
        name,
        given=f"backward in the class of {what}",
        expected=f"derivatives in ops alone: {why}",
        fix=f"Write class {name}(cr.Op), with forward(self, z) and, below it, backward(self, dy, y, z), which returns "
        "dict(z=…): arrays in and out. An op of one array is a layer too, and its function of nodes is "
        f"{name}()(node)",
    )


def _quiet(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that never warns, and whose errors about its arguments are ours."""

    silenced = np.errstate(all="ignore")(method)

    @functools.wraps(method)
    def quiet(self: Op, *given: Any, **roles: Any) -> Any:
        try:
            return silenced(self, *given, **roles)
        except TypeError:
            expect_arguments(method, (self, *given), roles, f"{type(self).__name__}.{method.__name__}")
            raise

    return quiet


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
        fix = f"Reshape {role} to (-1, 1) for one column, or to (1, -1) for one row"
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


def expect_integers(where: str, role: str, array: Array, below: int, meaning: str, cause: str | None = None) -> None:
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
            cause=cause,
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
            cause="target.range",
        )
