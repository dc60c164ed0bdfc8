"""Nodes: one use of an op each, and the leaves they grow from.

A node is evaluated the moment it is built, so a graph can follow any Python control flow and be looked at as it
grows. It keeps its value, the derivative of the loss that came back to it, and its children by role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.arrays import unmasked
from chainrule.errors import InputError, MisuseError, ShapeError, UnknownNameError, printable
from chainrule.graph.calls import checked_forward, is_own, read_only
from chainrule.ops.arithmetic import Absolute, Add, Divide, Multiply, Negative, Power, Subtract
from chainrule.ops.linear import Matmul
from chainrule.ops.op import Array, Index, Op, own_derivative
from chainrule.ops.shaping import Cast, Slice
from chainrule.settings import Configured, InNotebooks, unknown_attribute
from chainrule.words import role_fix

if TYPE_CHECKING:
    from chainrule.graph.graph import Graph


#: What an operator or a function of ops takes beside nodes.
Operand: TypeAlias = "Node | npt.ArrayLike"
_sealed: ContextVar[str] = ContextVar("chainrule_sealed", default="")


@contextmanager
def sealed(reader: str) -> Iterator[None]:
    """Let nobody look at a node's value meanwhile: `reader` is applied once, to an example that stands for all data.

    What it decided by a value, or computed from one, would stay as it was for the example.
    """
    token = _sealed.set(reader)
    try:
        yield
    finally:
        _sealed.reset(token)


class Node(InNotebooks):
    """One use of an op.

    Parameters
    ----------
    op : Op
        The function this node computes.
    children : mapping of str to Node or array
        Role -> the node whose value plays it. Arrays and numbers become unnamed inputs. All are computed with in one
        dtype: the wider one of what is learnt among them; where nothing is, of the nodes; else of the arrays. Whole
        numbers, and True and False, are numbers like others, float32 where there are no others; labels, indices and
        masks stay what they are.
    name : str, optional
        What pictures, errors and `Graph` call the node; the op's name if left out.

    Raises
    ------
    ShapeError
        If the children's shapes or dtypes don't fit together.
    InputError
        If a role is missing or unknown, or something learnt is connected to a role without a derivative.
    """

    @checks.keywords
    def __init__(self, op: Op | None, children: Mapping[str, Operand], name: str | None = None) -> None:
        if op is not None and not isinstance(op, Op):
            raise InputError("Node", given=repr(op)[:80], expected="an op", fix="Pass an op such as cr.Tanh()")
        told: Any = children
        if not isinstance(told, Mapping):
            fix = "Pass a dictionary of them by role, or write it as a function: cr.softmax(x), cr.Softmax()(x)"
            raise InputError("Node", given=f"{told!r:.60} as its children", expected="roles with nodes", fix=fix)
        self.op = op
        self.name = name or (op.name if op else "")
        self.children: dict[str, Node] = {}
        self._grad: Array | None = None
        self._graph: Graph | None = None
        if op is None:
            return
        _check_roles(self.where, op, children)
        dtype = _dtype_of(op, children.items())
        self.children = {
            role: child
            if isinstance(child, Node) and child._value.dtype is dtype  # most are
            else as_node(child, dtype, stays="iub" if role in op.constant else "" if is_own(op) else "b")
            for role, child in children.items()
        }
        for role, child in self.children.items():
            if child.learnt and not op.differentiable(role):
                raise InputError(
                    self.where,
                    given=f"{child.where}, which is learnt, as {role}",
                    expected=f"something that is not learnt: {op.name} has no derivative by its {role}",
                    fix="Pass the value, cr.Input(name, node.value), if it is meant to stay as it is",
                )
        arrays = {role: child._value for role, child in self.children.items()}
        self._learnt = any(child.learnt for child in self.children.values())
        self._value = checked_forward(op, self.where, arrays)

    _value: Array
    _learnt = False

    @property
    def learnt(self) -> bool:
        """Whether something learnt lies below."""
        return self._learnt

    @property
    def value(self) -> Array:
        """The array that passed forward through this node (read-only)."""
        self._expect_open("its value")
        return read_only(self._value)

    @property
    def grad(self) -> Array | None:
        """The derivative of the loss by this node's value (read-only); None before `backward`."""
        self._expect_open("its gradient")
        return None if self._grad is None else read_only(self._grad)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._value.dtype

    @property
    def where(self) -> str:
        """How errors name this node: its kind and its name."""
        kind = type(self.op or self).__name__
        return kind if not self.name or (self.op is not None and self.name == self.op.name) else f"{kind} {self.name!r}"

    @checks.keywords
    def forward(self, **feeds: npt.ArrayLike) -> Array:
        """Compute this node again from its leaves; short for ``Graph(node).forward(...)``."""
        return self._own_graph().forward(**feeds)

    @checks.keywords
    def backward(self, grad: npt.ArrayLike | None = None) -> None:
        """Send the derivative back through everything below; short for ``Graph(node).backward(...)``."""
        self._own_graph().backward(grad)

    def _own_graph(self) -> Graph:
        from chainrule.graph.graph import Graph  # a graph is made of nodes: only this shortcut looks back

        if self._graph is None or self._graph.outdated:
            self._graph = Graph(self)
        return self._graph

    def __repr__(self) -> str:
        roles = ", ".join(f"{role}={child.name}" for role, child in self.children.items())
        numbers = np.array2string(self._value, precision=4, threshold=12, edgeitems=2).replace("\n", "")
        return printable(f"{self.where}({roles}) {self.shape} {self.dtype} = {numbers}")

    def __reduce__(self) -> tuple[Any, ...]:
        from chainrule.graph.flatten import flatten, root_of

        return root_of, (flatten([self]),)

    def _expect_open(self, looked_at: str) -> None:
        """Raise while a layer is applied to an example, whose values say nothing of the data."""
        if reader := _sealed.get():
            raise MisuseError(
                f"{reader}.forward",
                given=f"a look at {self.where}: {looked_at}, which is that of an example here",
                expected="nodes alone: the layer is applied once, and what it does is replayed for every batch",
                fix="Compute with operators and functions of nodes, such as x * 2 and cr.relu(z=x), or give the "
                "network engine='dynamic': its layers are then applied to every batch anew",
            )

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Node:
        """Let ``array + node`` be a node; NumPy's other functions know nothing of derivatives."""
        kind = _OPERATORS.get(function)
        if kind is None or method != "__call__" or options:
            raise self._not_numpy(f"np.{function.__name__}" + (f".{method}" if method != "__call__" else ""))
        return Node(kind(), dict(zip(kind.roles, inputs)))

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> NoReturn:
        raise self._not_numpy(f"np.{function.__name__}")

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        raise self._not_numpy("a conversion to an array")

    def __float__(self) -> NoReturn:
        raise self._not_numpy("a conversion to a number")

    __int__ = __index__ = __complex__ = __float__

    def __round__(self, digits: int | None = None) -> NoReturn:
        raise self._not_numpy("a conversion to a number")

    def __format__(self, form: str) -> str:
        if form:
            raise self._not_numpy("a conversion to a number")
        return str(self)

    def __len__(self) -> int:
        raise InputError(
            self.where, given="a question for its length", expected="a look at its shape", fix="Write node.shape[0]"
        )

    def __mod__(self, other: object) -> NoReturn:
        raise self._not_numpy("the operator % or //")

    __rmod__ = __floordiv__ = __rfloordiv__ = __mod__

    def _compared(self, other: Any) -> NoReturn:
        raise self._not_numpy("a comparison")

    __lt__ = __le__ = __gt__ = __ge__ = _compared

    def _not_numpy(self, given: str) -> InputError:
        """Return the error for what would lose the derivative, or make something else of a node than it says."""
        from chainrule.ops import all_ops

        self._expect_open(given)
        name = _OURS.get(given.removeprefix("np."), given.removeprefix("np."))
        known = {op.name for op in all_ops().values()}
        instead = f"Write cr.{name}(…)" if name in known else f"Write {name}" if "@" in name else "Take node.value"
        return InputError(
            self.where,
            given=f"{given} of a node",
            expected="operators and functions of chainrule, which have derivatives",
            fix=instead + ("" if instead.startswith("Take") else "; node.value has the numbers alone"),
        )

    def __add__(self, other: Operand) -> Node:
        return Node(Add(), {"a": self, "b": other})

    def __radd__(self, other: Operand) -> Node:
        return Node(Add(), {"a": other, "b": self})

    def __sub__(self, other: Operand) -> Node:
        return Node(Subtract(), {"a": self, "b": other})

    def __rsub__(self, other: Operand) -> Node:
        return Node(Subtract(), {"a": other, "b": self})

    def __mul__(self, other: Operand) -> Node:
        return Node(Multiply(), {"a": self, "b": other})

    def __rmul__(self, other: Operand) -> Node:
        return Node(Multiply(), {"a": other, "b": self})

    def __truediv__(self, other: Operand) -> Node:
        return Node(Divide(), {"a": self, "b": other})

    def __rtruediv__(self, other: Operand) -> Node:
        return Node(Divide(), {"a": other, "b": self})

    def __matmul__(self, other: Operand) -> Node:
        return Node(Matmul(), {"a": self, "b": other})

    def __rmatmul__(self, other: Operand) -> Node:
        return Node(Matmul(), {"a": other, "b": self})

    def __pow__(self, exponent: Operand) -> Node:
        return Node(Power(), {"base": self, "exponent": exponent})

    def __rpow__(self, base: Operand) -> Node:
        return Node(Power(), {"base": base, "exponent": self})

    def __neg__(self) -> Node:
        return Node(Negative(), {"z": self})

    def __abs__(self) -> Node:
        return Node(Absolute(), {"z": self})

    def __getitem__(self, key: Index) -> Node:
        return Node(Slice(key), {"x": self})

    if not TYPE_CHECKING:  # a checker that saw this would take any name for one of a node's

        def __getattr__(self, name: str) -> NoReturn:
            if name in self.__dict__.get("children", ()):
                fix = f'Write node.children["{name}"]'
                raise UnknownNameError(self.where, given=f".{name}", expected="something that it has", fix=fix)
            raise unknown_attribute(self, "node", name)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "backward" in cls.__dict__ and not cls.__module__.startswith("chainrule."):
            raise own_derivative(cls.__name__, "a node", "a node is one use of an op")

    def __iter__(self) -> NoReturn:
        raise InputError(
            self.where, given="a loop over its rows", expected="slices", fix="Write node[i:i + 1] for row i"
        )

    def __bool__(self) -> bool:
        self._expect_open("whether it is true")
        raise InputError(
            self.where,
            given="a node where Python wants True or False",
            expected="its value",
            fix="Compare node.value instead",
        )


#: NumPy's functions that operators stand for.
_OPERATORS: dict[Any, type[Op]] = {
    np.add: Add,
    np.subtract: Subtract,
    np.multiply: Multiply,
    np.true_divide: Divide,
    np.matmul: Matmul,
    np.power: Power,
    np.negative: Negative,
}
# What NumPy calls otherwise.
_OURS = {"dot": "a @ b", "inner": "a @ b", "square": "power", "amax": "max", "abs": "absolute", "ravel": "flatten"}


class Leaf(Node):
    """A node without children: it holds an array rather than computing one."""

    #: What it is called if nobody names it; graphs add ``_2``, ``_3`` … where several share a name.
    unnamed: ClassVar[str] = ""

    @overload
    def __init__(self, value: npt.ArrayLike, /, *, dtype: npt.DTypeLike | None = None) -> None: ...
    @overload
    def __init__(self, *, value: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> None: ...
    @overload
    def __init__(self, name: str | None, value: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> None: ...
    @checks.keywords
    def __init__(self, name: Any = None, value: Any = ..., dtype: npt.DTypeLike | None = None) -> None:
        name, value = _name_and_value(type(self).__name__, name, value)
        if name is not None and (not isinstance(name, str) or not name):
            raise InputError(
                type(self).__name__,
                given=f"{name!r} as its name",
                expected="a text",
                fix=f"Write {type(self).__name__}('x', …)",
            )
        super().__init__(None, {}, name or self.unnamed)
        self._value = own_array(self.where, value, dtype)
        self._settled = type(self).__module__ == __name__  # a subclass elsewhere has attributes of its own

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("value", "grad"):
            raise MisuseError(
                f"{self.where}.{name}",
                given=f"{value!r:.60}, set there",
                expected="it to be read: what is learnt is changed in place, and backward writes the gradients anew",
                fix="Write parameter.assign(parameter.value - 0.1 * parameter.grad)"
                if name == "value"
                else "Leave it out: gradients are never added to those of the last backward",
            )
        known = name[:1] == "_" or name in self.__dict__ or hasattr(type(self), name)
        if not known and self.__dict__.get("_settled"):
            raise unknown_attribute(self, "node", name)
        super().__setattr__(name, value)


class Input(Leaf):
    """A leaf that is fed: data, labels, sample weights.

    Parameters
    ----------
    name : str, optional
        The name it is fed by: ``graph.forward(x=…)``. An unnamed input, ``Input([[1.0]])``, is a constant.
    value : array_like
        Its first value. NumPy arrays keep their dtype; Python numbers become float32.
    dtype : dtype_like, optional
        Another dtype.

    Examples
    --------
    >>> x = Input("x", [[1.0, 0.0]])
    >>> x.value
    array([[1., 0.]], dtype=float32)
    >>> Input([[1.0, 0.0]], dtype="float64").dtype
    dtype('float64')
    """


class Parameter(Leaf):
    """A leaf that is learnt.

    Parameters
    ----------
    name : str, optional
        Its name: ``Parameter("w", [[0.1]])``, or ``Parameter([[0.1]])``.
    value : array_like
        Where it starts. It is copied.
    dtype : dtype_like, optional
        float32 (for Python numbers, and whole ones) or float64.
    penalised : bool, default False
        Whether L1 and L2 penalties and AdamW's decay concern it.

    Attributes
    ----------
    array : ndarray
        The live numbers: what an optimizer changes in place.
    frozen : bool
        True while it is kept as it is.
    """

    unnamed = "parameter"
    gradient_buffer: Array | None = None
    guard: Callable[[str], None] | None = None
    frozen: bool = False
    penalised: bool = False

    @overload
    def __init__(
        self, value: npt.ArrayLike, /, *, dtype: npt.DTypeLike | None = None, penalised: bool = False
    ) -> None: ...
    @overload
    def __init__(
        self, *, value: npt.ArrayLike, dtype: npt.DTypeLike | None = None, penalised: bool = False
    ) -> None: ...
    @overload
    def __init__(
        self, name: str | None, value: npt.ArrayLike, dtype: npt.DTypeLike | None = None, *, penalised: bool = False
    ) -> None: ...
    @checks.keywords
    def __init__(
        self, name: Any = None, value: Any = ..., dtype: npt.DTypeLike | None = None, *, penalised: bool = False
    ) -> None:
        super().__init__(name, value, dtype)
        if self.dtype.kind != "f":
            if dtype is not None:
                raise ShapeError(
                    self.where,
                    given=f"dtype {self.dtype}",
                    expected="float32 or float64: what is learnt moves in small steps",
                    fix="Pass dtype='float32'",
                )
            self._value = self._value.astype(np.float32)
        self.penalised = penalised

    @property
    def learnt(self) -> bool:
        return not self.frozen

    def __setitem__(self, key: object, value: object) -> NoReturn:
        self._in_place(value)

    def _in_place(self, other: object) -> NoReturn:
        raise MisuseError(
            self.where,
            given="a change in place, such as by -=",
            expected="new numbers, or a new node: w - x is a node, and the parameter would stay as it is",
            fix="Write parameter.assign(parameter.value - 0.1 * parameter.grad); for a node, w = w - x",
        )

    __iadd__ = __isub__ = __imul__ = __itruediv__ = _in_place

    @property
    def array(self) -> Array:
        return self._value

    def assign(self, value: npt.ArrayLike) -> None:
        """Write new numbers over the old ones.

        Raises
        ------
        ShapeError
            If the shape is another.
        """
        array = as_array(self.where, value, self.dtype)
        if array.shape != self.shape:
            raise ShapeError(
                self.where, given=f"shape {array.shape}", expected=f"shape {self.shape}", fix="Pass as many numbers"
            )
        if self.guard is not None:
            self.guard(self.where)
        self._value[...] = array

    def move(self, value: Array, gradient: Array, guard: Callable[[str], None]) -> None:
        """Keep the numbers in `value`, a view of somebody's vector, and gradients in `gradient`, from now on.

        `guard` is told who is about to write there, and raises if that may not be now.
        """
        value[...] = self._value
        self._value, self.gradient_buffer, self._grad, self.guard = value, gradient, None, guard


class State(Leaf):
    """A leaf that is kept and saved but not learnt: the scaling of the data, running statistics."""

    unnamed = "state"


class Drawn(Input):
    """An input that nobody feeds: it is drawn anew for each batch, as the mask of dropout is."""

    def drawn(self, samples: int) -> Array:
        """Return new values for so many samples."""
        raise NotImplementedError


def as_array(where: str, value: Any, dtype: npt.DTypeLike | None = None) -> Array:
    """Return `value` as an array of numbers: NumPy arrays keep their dtype, Python numbers become float32."""
    plain = type(value) is np.ndarray  # numpy.ma is slow to import, and only a subclass can be of it
    if not plain and isinstance(value, np.ndarray) and isinstance(value, np.ma.MaskedArray):
        value = unmasked(where, "array", value)
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.dtype.kind not in "fiub" and not isinstance(value, np.ndarray):
        raise InputError(
            where,
            given=f"{value!r:.80}",
            expected="numbers in rows of equal length",
            fix=_instead_of_array(value),
        )
    if dtype is None and not isinstance(value, (np.ndarray, np.generic)):
        dtype = np.float32
    if dtype is not None and array.dtype.kind in "fiub":
        with np.errstate(over="ignore"):
            array = array.astype(_known_dtype(where, dtype), copy=False)
    if array.dtype.kind not in "fiub" or array.dtype == np.float16 or array.dtype.itemsize > 8:
        raise InputError(
            where,
            given=f"dtype {array.dtype}",
            expected="float32 or float64, or whole numbers for labels and indices",
            fix="Convert with array.astype('float32')",
        )
    return array


def _instead_of_array(value: Any) -> str:
    if isinstance(value, Node):
        return "Pass node.value"
    if isinstance(value, Configured):
        return "Layers are listed, not called on each other: cr.Network([cr.Dense(8), cr.ReLU(), cr.Dense(1)])"
    if isinstance(value, list | tuple) and any(isinstance(each, Node) for each in value):
        return "Pass nodes one by one, as in cr.add(a, b) and cr.concatenate(a, b)"
    return "Pass a NumPy array"


def own_array(where: str, value: Any, dtype: npt.DTypeLike | None = None) -> Array:
    """Return `value` as an array of numbers that nobody else can change."""
    array = as_array(where, value, dtype)
    shared = isinstance(value, np.ndarray) and np.may_share_memory(array, value)
    return array.copy() if shared else array


def _known_dtype(where: str, dtype: npt.DTypeLike) -> np.dtype[Any]:
    try:
        return np.dtype(dtype)
    except TypeError:
        raise InputError(
            where, given=f"dtype={dtype!r}", expected="float32 or float64", fix="Pass dtype='float32'"
        ) from None


def as_node(value: Any, dtype: np.dtype[Any] | None = None, *, stays: str = "") -> Node:
    """Return a node as it is, anything else as an unnamed input.

    Parameters
    ----------
    value : Node or array_like
    dtype : dtype, optional
        That of the numbers: a node of another is cast to it, and its derivative back.
    stays : str
        The kinds of NumPy's dtypes that stay what they are: whole numbers, ``"iu"``, may be indices, and ``"b"`` masks.
    """
    of_node = isinstance(value, Node)
    if dtype is None:
        return value if of_node else Input(None, value)
    if not of_node and not isinstance(value, np.ndarray):
        return Input(None, value, dtype)
    if value.dtype == dtype or not (value.dtype in _FLOATS or value.dtype.kind in "iub") or value.dtype.kind in stays:
        return value if of_node else Input(None, value)
    return Node(Cast(dtype.name), {"x": value}) if of_node else Input(None, value, dtype)


_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def _is_learnt(node: Node) -> bool:
    return node.learnt or isinstance(node, Parameter)  # one that is frozen now is learnt at another time


def _dtype_of(op: Op, children: Iterable[tuple[str, Any]]) -> np.dtype[Any] | None:
    """Return the dtype to compute in: the widest of what is learnt, else of nodes, arrays, NumPy's scalars.

    Where all are whole numbers it is float32, as of Python's. None: nothing says it, or the op takes each as it is.
    """
    if op.dtype is not None:
        return None
    found: list[tuple[int, np.dtype[Any]]] = []
    whole = False
    for role, child in children:
        if isinstance(child, Node):
            dtype, rank = child._value.dtype, 2 if _is_learnt(child) else 1
        elif isinstance(child, (np.ndarray, np.generic)):
            dtype, rank = child.dtype, 0 if isinstance(child, np.ndarray) else -1
        else:
            continue
        if dtype in _FLOATS:
            found.append((rank, dtype))
        elif role not in op.constant:
            whole = whole or (dtype.kind in "iub" and is_own(op))
    if found:
        most = max(rank for rank, _ in found)
        return max((dtype for rank, dtype in found if rank == most), key=lambda dtype: dtype.itemsize)
    return _FLOATS[0] if whole else None


def _name_and_value(kind: str, name: Any, value: Any) -> tuple[Any, Any]:
    """Return the name and the value of a leaf, of which the name may have been left out."""
    if value is not ...:
        return name, value
    if name is None or isinstance(name, str):
        raise InputError(
            kind,
            given="no value" if name is None else f"the name {name!r:.80} without a value",
            expected="the numbers that it begins with",
            fix=f"Write cr.{kind}({name or 'x'!r:.80}, [[1.0, 2.0]])",
        )
    return None, name


def _check_roles(where: str, op: Op, children: Mapping[str, Any]) -> None:
    if op.variadic:
        expected = tuple(f"{op.variadic}{i}" for i in range(max(len(children), 1)))
    else:
        expected = op.roles
    for role in children:
        if role not in expected:
            raise InputError(
                where,
                given=f"a child in the role {role!r}",
                expected=f"the roles {', '.join(expected)}",
                fix=role_fix(role, expected),
            )
    missing = [role for role in expected if role not in children and role not in op.optional]
    if missing:
        raise InputError(
            where,
            given=f"{', '.join(children) or 'nothing'}",
            expected=f"the roles {', '.join(expected)}",
            fix=f"Pass {missing[0]}=…",
        )
