"""Layers: they turn nodes into nodes and own parameters. There is no backward code here: ops have it.

A layer is a description until it is first applied to a node; only then are its parameters made, because only then
are the shape of its input, what follows it and the network's generator known. That context is the *scope*.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.errors import InputError, MisuseError, ShapeError
from chainrule.generators import Generators
from chainrule.graph.node import Node, Parameter, State, as_node, sealed
from chainrule.nn.initializers import Initializer, Zeros
from chainrule.ops import all_ops
from chainrule.ops.op import Array, Op, Range, own_derivative
from chainrule.ops.softmax import LogSoftmax, Softmax
from chainrule.settings import Configured, Fixed, FixedMapping, needed_settings, setting_names

if TYPE_CHECKING:
    from chainrule.nn.named_inputs import NamedInputs

LayerLike: TypeAlias = "Layer | Op"
MOST_NESTED = 30  # lists of layers inside of each other in a network: what can be saved, copied and printed


class Kept(NamedTuple):
    """The numbers that a leaf of a copy begins with, and whether they stay as they are."""

    array: Array
    frozen: bool = False


@dataclass
class Scope:
    """What a layer that is being applied may know of its surroundings."""

    owner: Layer | None = None
    parent: Layer | None = None
    dtype: npt.DTypeLike = np.float32
    generators: Generators = field(default_factory=Generators)
    #: Or "training", "evaluation", "sampling"; "build" while the network is built and names its layers.
    use: str = "prediction"
    live: bool = False  # whether what passes through is a batch, not an example of its shape
    example: bool = False  # whether it is an example that stands for all batches
    following: str | None = None
    start: dict[str, Kept] = field(default_factory=dict)  # by path, where copies begin
    counts: dict[str, int] = field(default_factory=dict)
    uses: dict[str, int] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    fresh: list[Layer] = field(default_factory=list)  # whose parameters were made in this scope
    updates: list[tuple[State, Node]] = field(default_factory=list)  # what states take after a step
    calls: list[tuple[Layer, Node, Node]] = field(default_factory=list)  # with what went in and came out

    @property
    def training(self) -> bool:
        """Whether the layer is applied to be trained: with dropout, and statistics of the batch."""
        return self.use == "training"

    @property
    def draws(self) -> bool:
        """Whether what is random is drawn: in training, and where samples are drawn of a prediction."""
        return self.use in ("training", "sampling")

    @property
    def prefix(self) -> str:
        """What the paths of layers begin with here."""
        return f"{self.parent.path}." if self.parent is not None and self.parent.path else ""

    def unique(self, kind: str) -> str:
        """Return the next free name of a kind: dense_1, dense_2, …"""
        path = ""
        while not path or path in self.layers:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            path = f"{self.prefix}{kind}_{self.counts[kind]}"
        return path


_scope: ContextVar[Scope | None] = ContextVar("chainrule_scope", default=None)


@contextmanager
def entered(scope: Scope) -> Iterator[Scope]:
    """Apply layers inside this scope."""
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


class Layer(Configured):
    """A part of a network.

    Subclasses write `forward`, which turns a node into a node, and, if they learn, `build`, which makes parameters
    for samples of a shape. Constructor arguments are kept in attributes of the same name.

    Examples
    --------
    >>> import chainrule as cr
    >>> class Scale(cr.Layer):
    ...     def build(self, shape):
    ...         self.gain = self.parameter("gain", shape, cr.Constant(2.0))
    ...
    ...     def forward(self, x):
    ...         return x * self.gain
    >>> Scale()(cr.Input("x", [[1.0, 2.0]])).value
    array([[2., 4.]], dtype=float32)
    """

    #: Whether what comes out has the shape of what goes in, whatever that is.
    keeps_shape: ClassVar[bool] = False
    #: Whether it brings samples to a scale, from any dtype that numbers come in.
    rescales: ClassVar[bool] = False
    name: str | None = None
    path: str
    _leaves: dict[str, Parameter | State]
    _built: bool
    _owner: Layer | None
    _parent: Layer | None
    _within: list[Layer]
    _start: dict[str, Kept]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        known = any("backward" in vars(base) for base in cls.__mro__[1:])  # as a network has one
        if "backward" in cls.__dict__ and not known and not cls.__module__.startswith("chainrule."):
            raise own_derivative(cls.__name__, "a layer", "a layer turns nodes into nodes, and owns parameters")
        # Of another forward than that of the class above nobody knows these.
        for name in ("ending", "output_op", "range_of"):
            if "forward" in cls.__dict__ and name not in cls.__dict__:
                setattr(cls, name, Layer.__dict__[name])

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        layer = super().__new__(cls)  # here, so that a subclass's __init__ need not call ours
        layer.path, layer._leaves = "", {}
        layer._built, layer._owner, layer._parent, layer._within, layer._start = False, None, None, [], {}
        return layer

    def __setattr__(self, name: str, value: Any) -> None:
        leaf = self.__dict__.get("_leaves", {}).get(name)
        if leaf is not None and value is not leaf:
            raise MisuseError(
                f"{type(self).__name__}.{name}",
                given=f"{value!r:.60} in the place of {leaf.name!r}",
                expected="it to stay: a network keeps its numbers in one vector, and changes them in place",
                fix=f"Write layer.{name}.assign(array) for other numbers, such as layer.{name}.value - 0.1 * "
                f"layer.{name}.grad; network.optimize() takes that step for all",
                cause="setting.late",
            )
        super().__setattr__(name, value)

    def late(self, name: str, value: Any) -> Any:
        if not self._built and self._owner is None:
            return self.as_if_made(name, value)
        return super().late(name, value)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make parameters for samples of this shape (without the samples' axis)."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the layer's output for a node, a node too: ``forward(self, x)``."""
        raise NotImplementedError

    @property
    def leading(self) -> str | None:
        """The name of the op that meets the layer's input first; None if it lets pass what comes, more or less."""
        return None

    def input_dtype(self, dtype: str) -> str:
        """Return the dtype in which the layer takes its input, in a network that computes in `dtype`."""
        return dtype

    @property
    def ending(self) -> LayerLike | None:
        """The layer or op that its output comes from last; None if it lets pass what comes, more or less."""
        return self

    @property
    def named_inputs(self) -> NamedInputs | None:
        """The inputs that a network has that begins with this layer, where they have names."""
        return None

    @property
    def output_op(self) -> Op | None:
        """The op that gives its output, where nothing comes after it; None: nobody knows."""
        return None

    def range_of(self, given: Range | None) -> Range | None:
        """Return the range of what comes out where that of what goes in is `given`; None: nobody knows."""
        return None

    @property
    def leaves(self) -> dict[str, Parameter | State]:
        """The layer's own parameters and states by name."""
        return self._leaves

    def __call__(self, x: Node) -> Node:
        """Apply the layer to a node, building its parameters the first time."""
        x = as_node(x)
        scope = _scope.get() or Scope(dtype=x.dtype if x.dtype.kind == "f" else np.float32)
        self._join(scope)
        start = {f"{self.path}.{name}": kept for name, kept in self._start.items()}
        inside = replace(scope, parent=self, counts={}, start={**scope.start, **start})
        with entered(inside):
            y = self._applied(x)
        if scope.owner is None:
            self._start = {}
        if not isinstance(y, Node):
            raise InputError(
                f"{type(self).__name__}.forward",
                given=f"{type(y).__name__} as its result",
                expected="a node",
                fix="Compute with nodes: cr.tanh(z=x), x @ self.weights, and so on",
            )
        scope.calls.append((self, x, y))
        return y

    def _applied(self, x: Node) -> Any:
        if not self._built:
            self.scope.fresh.append(self)
            self.build(x.shape[1:])
            self._built = True
        if self.scope.example:
            with sealed(type(self).__name__):
                return self.forward(x)
        return self.forward(x)

    def _join(self, scope: Scope) -> None:
        """Become part of the network that is being built, unless another one has the layer already."""
        if self._owner is not None and scope.owner is not None:
            home = outermost(self._owner)
            if home is not outermost(scope.owner) and not home._gives_layers():
                raise MisuseError(
                    f"{type(self).__name__} {self.path!r}",
                    given="a layer that already belongs to another network",
                    expected="each layer in one network, since a network keeps its parameters in one vector",
                    fix="Take the layers from a copy, which has numbers of its own: network.copy().layers; of one "
                    "layer, layer.copy()",
                    cause="layer.shared",
                )
        if scope.owner is not None and self is not scope.owner:
            self._owner = scope.owner
        if scope.layers.get(self.path) is self:
            return
        if scope.use == "build" or not self.path:
            self.path = f"{scope.prefix}{self.name}" if self.name else scope.unique(kind_name(self))
            self._parent, self._within = scope.parent, []
            for name, leaf in self._leaves.items():  # it may have been built before, on its own
                leaf.name = f"{self.path}.{name}"
                start = scope.start.get(leaf.name)
                leaf._value = _rounded(leaf.name, leaf._value if start is None else start.array, scope.dtype)
                if start is not None and isinstance(leaf, Parameter):
                    leaf.frozen = start.frozen
            if scope.parent is not None:
                scope.parent._within.append(self)
        if self.path in scope.layers:
            raise InputError(
                f"{type(self).__name__} {self.path!r}",
                given="the name of another layer",
                expected="a name of its own",
                fix="Pass another name=…, or none",
            )
        scope.layers[self.path] = self

    def parameter(
        self, name: str, shape: Sequence[int], initializer: Initializer | None = None, *, penalised: bool = False
    ) -> Parameter:
        """Make a learnt array; to be called from `build`.

        Parameters
        ----------
        name : str
            Its name inside the layer.
        shape : sequence of int
        initializer : Initializer, optional
            How it starts: zeros if left out.
        penalised : bool, default False
            Whether L1 and L2 penalties (and AdamW's decay) concern it. Biases are not penalised.
        """
        path = self._new_leaf(name)
        initializer = checks.instance(f"{path} initializer", initializer or Zeros(), Initializer, "cr.He()")
        start = self.scope.start.get(path)
        if start is None:  # drawn by a generator of its own, so that other layers don't shift it
            start = Kept(np.asarray(initializer(tuple(shape), self.scope.generators.fresh(path))))
        if start.array.shape != tuple(shape):
            raise ShapeError(
                path,
                given=f"shape {start.array.shape} to start from",
                expected=f"{tuple(shape)}",
                fix="Copy it for samples of the same shape, and let initializers return the shape they are asked for",
            )
        parameter = Parameter(path, _rounded(path, start.array, self.scope.dtype), penalised=penalised)
        parameter.frozen = start.frozen
        self._leaves[name] = parameter
        return parameter

    def state(self, name: str, value: Any) -> State:
        """Make an array that is kept and saved but not learnt; to be called from `build`."""
        path = self._new_leaf(name)
        start = self.scope.start.get(path)
        array = np.asarray(value) if start is None else start.array
        state = State(path, _rounded(path, array, self.scope.dtype))
        self._leaves[name] = state
        return state

    def update(self, state: State, node: Node) -> None:
        """Let a state take a node's value after each step of training; to be called from `forward`.

        Running statistics are kept so: the step is the last stage of what a network runs, in every engine. In
        prediction and evaluation nothing is updated, so `forward` need not ask.

        Parameters
        ----------
        state : State
            One of the layer's own, from `state`.
        node : Node
            Its new value, of the same shape and dtype.

        Examples
        --------
        >>> import chainrule as cr
        >>> class Center(cr.Layer):
        ...     '''y = x − the mean of all batches so far, the last ones counting most'''
        ...
        ...     def build(self, shape):
        ...         self.mean = self.state("mean", np.zeros(shape))
        ...
        ...     def forward(self, x):
        ...         self.update(self.mean, 0.9 * self.mean + 0.1 * cr.mean(x, axis=0))
        ...         return x - self.mean
        >>> network = cr.Network([Center(), cr.Dense(1)])
        >>> history = cr.train(network, [[1.0], [3.0]], [[0.0], [1.0]], epochs=1)
        >>> network.leaves["center_1.mean"].value
        array([0.2], dtype=float32)
        """
        where = f"{type(self).__name__}.update"
        if not any(state is own for own in self._leaves.values()) or not isinstance(state, State):
            raise InputError(
                where,
                given=f"{state!r:.80}",
                expected="a state of this layer",
                fix="Make it in build: self.mean = self.state('mean', value)",
            )
        node = node if isinstance(node, Node) else as_node(node, state.dtype)
        if node.shape != state.shape or node.dtype != state.dtype:
            raise ShapeError(
                where,
                given=f"{node.where} with shape {node.shape} in {node.dtype}",
                expected=f"{state.shape} in {state.dtype}, like {state.name!r}",
                fix="Take the mean over the samples, for example cr.mean(x, axis=0), which leaves a sample's shape",
            )
        if not self.scope.training:
            return
        if any(state is other for other, _ in self.scope.updates):
            raise MisuseError(
                where,
                given=f"{state.name!r} a second time in one step",
                expected="one update of a state for each step",
                fix="Use the layer once in a network, or give each place a layer of its own: layer.copy()",
            )
        self.scope.updates.append((state, node))

    def _new_leaf(self, name: str) -> str:
        if not self._built and _scope.get() is not None and name not in self._leaves:
            return f"{self.path}.{name}"
        raise MisuseError(
            f"{type(self).__name__}.{name}",
            given="a parameter or a state made outside of build, or made twice",
            expected="each made once, in build(self, shape)",
            fix=f"Write self.{name} = self.parameter({name!r}, …) in build, and use self.{name} in forward",
        )

    @property
    def scope(self) -> Scope:
        """The surroundings in which the layer is being applied: whether in training, what follows, …"""
        scope = _scope.get()
        if scope is None:
            raise MisuseError(
                type(self).__name__,
                given="a question about its surroundings",
                expected="to be asked while the layer is applied",
                fix="Read self.scope in build or forward only",
            )
        return scope

    def copy(self) -> Self:
        """Return a layer with the same settings and numbers of its own, equal to this one's, for another network.

        What is frozen stays frozen.
        """
        twin = copy.deepcopy(self)
        twin._start = self._numbers()
        return twin

    def _gives_layers(self) -> bool:
        """Return whether another network may have the layers of this one, and let them go then."""
        return False

    def _numbers(self) -> dict[str, Kept]:
        """Return a copy of every number in the layer and in layers inside it, by its path from here."""
        inside, numbers, prefix = [self], dict(self._start), f"{self.path}."
        for layer in inside:
            inside += layer._within
            for leaf in layer._leaves.values():
                numbers[leaf.name.removeprefix(prefix)] = kept(leaf)
        return numbers

    def _leave(self, fresh: bool) -> None:
        """Be on its own again, after a network that could not be built; `fresh` if it was built for that one only."""
        self._owner = None
        if fresh:
            self.path, self._leaves, self._built = "", {}, False

    def settings(self) -> dict[str, Any]:
        for name in setting_names(type(self)):
            if not hasattr(self, name):
                raise MisuseError(
                    type(self).__name__,
                    given=f"a constructor argument {name!r} that is not kept",
                    expected=f"an attribute self.{name}, from which the layer can be copied and saved",
                    fix=f"Write self.{name} = {name} in __init__",
                )
        return super().settings()

    def __getstate__(self) -> dict[str, Any]:
        # Inside a network it is the network that keeps the numbers: a layer is pickled without them then.
        return {"settings": self.settings(), "start": self._start if self._owner else self._numbers()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._start = state["start"]  # first, because a network's constructor may build
        self.__init__(**state["settings"])  # type: ignore[misc]  # as calling the class does
        self.settle()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return super().__reduce_ex__(max(protocol, 2))  # before that, pickles made objects without our __new__


def kept(leaf: Parameter | State) -> Kept:
    """Return a copy of what a leaf holds."""
    return Kept(leaf.value.copy(), isinstance(leaf, Parameter) and leaf.frozen)


def _rounded(path: str, array: Array, dtype: npt.DTypeLike) -> Array:
    """Return an array in the layer's dtype."""
    try:
        with np.errstate(over="raise"):
            return array.astype(dtype)
    except FloatingPointError:
        raise InputError(
            path,
            given=f"numbers up to {np.abs(array).max():g}",
            expected=f"numbers that {np.dtype(dtype)} can hold",
            fix="Take smaller ones, or dtype='float64'",
        ) from None


def outermost(layer: Layer) -> Layer:
    """Return the network that a layer belongs to in the end."""
    while layer._owner is not None:
        layer = layer._owner
    return layer


def kind_name(layer: LayerLike) -> str:
    """Return a layer's or an op's kind in lower case: dense, tanh."""
    if isinstance(layer, Op):
        return layer.name
    return type(layer).__name__.lower()


def apply(layer: LayerLike, x: Node) -> Node:
    """Return a layer's or a one-role op's output for the node `x`."""
    if isinstance(layer, Layer):
        return layer(x)
    scope = _scope.get() or Scope()
    return Node(layer, {layer.roles[0]: x}, scope.unique(layer.name))


def as_activation(where: str, activation: Op | str) -> Op:
    """Return an op with one role as it is, and the one that a name stands for: ``"relu"``.

    >>> as_activation("Dense activation", "leaky_relu")
    LeakyReLU()
    """
    own = "cr.Activation(function, derivative), both of NumPy arrays"
    op = checks.part(where, activation, Op, _activations(), "cr.ReLU()", own)
    needed = [role for role in op.roles if role not in op.optional]
    if len(needed) != 1:
        raise InputError(
            where,
            given=f"{op!r}, which needs {len(needed)} arrays ({', '.join(needed)})",
            expected="an op of one array",
            fix="Pass for example cr.ReLU()",
        )
    return op


@cache
def _activations() -> dict[str, type[Op]]:
    """Return the ops of one array that can be made without settings, by name."""
    return {kind.__name__: kind for kind in all_ops().values() if kind.is_layer() and not needed_settings(kind)}


def chain(layers: Sequence[LayerLike], x: Node) -> list[Node]:
    """Apply layers one after the other, each knowing which op follows it; return `x` and each one's output."""
    scope = _scope.get() or Scope(dtype=x.dtype)
    nodes = [x]
    for i, layer in enumerate(layers):
        with entered(replace(scope, following=leading(layers[i + 1 :]) or scope.following)):
            nodes.append(apply(layer, nodes[-1]))
    return nodes


def leading(layers: Sequence[LayerLike]) -> str | None:
    """Return the name of the op that meets the input of these layers first, or None if they let pass what comes."""
    for layer in layers:
        name = layer.leading if isinstance(layer, Layer) else None if layer.hands_on else layer.name
        if name is not None:
            return name
    return None


def input_dtype(layers: Sequence[LayerLike], dtype: str) -> str:
    """Return the dtype in which these layers take their input, in a network that computes in `dtype`."""
    first = next((layer for layer in layers if isinstance(layer, Layer) or not layer.hands_on), None)
    return first.input_dtype(dtype) if isinstance(first, Layer) else dtype


def ending(layers: Sequence[LayerLike]) -> LayerLike | None:
    """Return the layer or op that the output of these layers comes from last, or None if they let pass what comes."""
    for layer in reversed(layers):
        last = layer.ending if isinstance(layer, Layer) else None if layer.hands_on else layer
        if last is not None:
            return last
    return None


def output_op(layers: Sequence[LayerLike]) -> Op | None:
    """Return the op that gives the output of these layers, with nothing after it; None: nobody knows."""
    if not layers:
        return None
    last = layers[-1]
    return last.output_op if isinstance(last, Layer) else last


def range_of(layers: Sequence[LayerLike], given: Range | None = None) -> Range | None:
    """Return the range of what comes out of these layers where that of what goes in is `given`; None: nobody knows."""
    for layer in layers:
        given = layer.range_of(given)
    return given


def checked_layers(where: str, layers: Any, *, least: int = 0, deepest: int = 128) -> list[LayerLike]:
    """Return `layers` as a list if each of them is a layer or an op with one role.

    So many there are at least, and no deeper are they nested.
    """
    if isinstance(layers, (Layer, Op)):
        layers = [layers]
    if isinstance(layers, (str, bytes)) or not isinstance(layers, Sequence):
        raise InputError(
            where,
            given=repr(layers)[:80],
            expected="a list of layers",
            fix="Pass for example [cr.Dense(8), cr.Tanh(), cr.Dense(1)]",
        )
    layers = [as_activation(where, layer) if isinstance(layer, str) else layer for layer in layers]
    for layer in layers:
        if isinstance(layer, Op):
            required = [role for role in layer.roles if role not in layer.optional]
            if len(required) == 1:
                continue
            problem = f"the op {layer!r}, which needs {len(required)} arrays ({', '.join(required)})"
        elif isinstance(layer, Layer):
            continue
        elif isinstance(layer, type) and issubclass(layer, (Layer, Op)):
            problem = f"the class {layer.__name__} itself"
        else:
            problem = repr(layer)[:80]
        raise InputError(
            where,
            given=f"{problem} among the layers",
            expected="layers, or ops with one role",
            fix="Write for example cr.Dense(8) or cr.Tanh(), with parentheses; a function goes into "
            "cr.Activation(function, derivative)",
        )
    _expect_one_softmax(where, layers)
    if len(layers) < least:
        raise InputError(where, given="no layers", expected="at least one", fix="Pass [cr.Dense(1)]")
    found, depth = Fixed(layers), _depth(layers)
    if depth > deepest:
        raise too_deep(where, f"layers inside of layers, {depth} deep", deepest)
    vars(found)["depth"] = depth
    return found


def _depth(layers: Sequence[LayerLike]) -> int:
    """Return how many lists of layers are inside of each other."""
    inside = [part for layer in layers for part in vars(layer).values() if isinstance(part, (Fixed, FixedMapping))]
    lists = [part.values() if isinstance(part, FixedMapping) else part for part in inside]
    branches = [branch for part in lists for branch in part if isinstance(branch, Fixed)]
    return 1 + max((vars(part).get("depth", 0) for part in (*inside, *branches)), default=0)


def too_deep(where: str, given: str, most: int = MOST_NESTED) -> InputError:
    """Return the error for layers that are nested more deeply than Python, or a file, can follow."""
    return InputError(
        where,
        given=given,
        expected=f"at most {most}",
        fix="Write them one after the other, in one list, or stand for many by a layer of your own",
    )


def _expect_one_softmax(where: str, layers: Sequence[LayerLike]) -> None:
    """Raise if one softmax follows another, inside containers too: it would take probabilities for logits."""
    for i, layer in enumerate(layers):
        first, second = ending(layers[:i]), leading([layer])
        if isinstance(first, Softmax) and second in (Softmax.name, LogSoftmax.name):
            if isinstance(layer, (Softmax, LogSoftmax)) and layer.axis != first.axis:
                continue
            raise InputError(
                where,
                given=f"{first!r} and then {layer!r:.60}",
                expected="one softmax: a second one takes probabilities for logits, and is never sure of a class",
                fix=f"Drop the {first!r}",
                cause="head.softmax_twice",
            )


def sample_shape(shape: Any, where: str = "Network inputs") -> tuple[int, ...] | None:
    """Return the shape of a sample, given as that or as a number of features."""
    if shape is None:
        return None
    if isinstance(shape, Mapping):
        raise InputError(
            where,
            given=f"{shape!r:.80}",
            expected="the shape of one array",
            fix='Name the inputs in the first layer: cr.Branches({"picture": […], "table": […]}, '
            'shapes={"picture": (8, 8), "table": 3})',
        )
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    return tuple(checks.whole(where, size) for size in sizes)


def declared_shape(layers: Sequence[LayerLike], given: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
    """Return the shape of a sample, if it is given or the first layer that cares says it."""
    if given is not None:
        return given
    for layer in layers:
        for told in ("inputs", "sample_shape"):
            if getattr(layer, told, None) is not None:
                return sample_shape(getattr(layer, told))
        if isinstance(inside := getattr(layer, "layers", None), list):
            return declared_shape(inside)
        if not (layer.roles == ("z",) if isinstance(layer, Op) else layer.keeps_shape):
            return None
    return None


def shape_before(layers: Sequence[LayerLike]) -> tuple[int, ...] | None:
    """Return the shape of a sample in the network whose first layer the first of these was, if it was one."""
    home = layers[0]._owner if isinstance(layers[0], Layer) else None
    if home is None or layers[0] is not home.__dict__["layers"][0]:
        return None
    shape: tuple[int, ...] | None = home.__dict__["sample_shape"]
    return shape
