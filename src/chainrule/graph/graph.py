"""What lies below a node, in order: run it forward on new data, send derivatives back, look up nodes by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.errors import InputError, MisuseError, ShapeError, UnknownNameError, nearest, printable
from chainrule.graph.backprop import Backpropagation, Values
from chainrule.graph.flatten import flatten, in_order, unflatten
from chainrule.graph.node import Input, Node, Parameter, State, as_array, own_array
from chainrule.ops.op import Array
from chainrule.settings import Closed, InNotebooks

if TYPE_CHECKING:
    from chainrule.graph.stepping import StepEvent


class Graph(Closed, InNotebooks):
    """A node and everything below it.

    Parameters
    ----------
    *roots : Node
        The nodes to compute. Derivatives are of the first one.
    wrt : Node or sequence of Node, optional
        The leaves (or nodes) to differentiate by: by default all parameters that are not frozen, or, in a graph
        without parameters, all its floating-point inputs.
    updates : sequence of (State, Node), optional
        States, each with the node whose value it takes after a step of training: `update_states`.

    Examples
    --------
    >>> x = Input("x", [[1.0, 2.0]])
    >>> w = Parameter("w", [[3.0], [4.0]])
    >>> graph = Graph(x @ w)
    >>> graph.forward(x=[[1.0, 1.0]])
    array([[7.]], dtype=float32)
    >>> graph.backward(grad=[[1.0]])
    >>> w.grad
    array([[1.],
           [1.]], dtype=float32)
    """

    words: ClassVar[str] = "node"
    fixed: ClassVar[bool] = True

    @checks.keywords
    def __init__(
        self,
        *roots: Node,
        wrt: Node | Sequence[Node] | None = None,
        updates: Sequence[tuple[State, Node]] = (),
    ) -> None:
        for root in roots or (None,):
            if not isinstance(root, Node):
                raise InputError("Graph", given=repr(root)[:80], expected="a node", fix="Pass the loss's node")
        self.roots = roots
        self.root = roots[0]
        self.updates = tuple(updates)
        self.nodes = tuple(in_order((*roots, *(node for _, node in self.updates))))
        self._places = {id(node): i for i, node in enumerate(self.nodes)}
        self.inputs = _inputs(self.nodes)
        self.parameters = tuple(n for n in self.nodes if isinstance(n, Parameter))
        self._asked = None if wrt is None else _listed(wrt)
        self.wrt = self._what_is_asked()
        self._frozen = tuple(p.frozen for p in self.parameters)
        self.walk = Backpropagation(self.nodes, self._places[id(self.root)], self._on_the_way())
        self._known: set[tuple[Any, ...]] = set()
        self.close()

    @property
    def names(self) -> dict[str, Node]:
        """Every named node by a name of its own: where several share one, ``_2``, ``_3`` … is appended."""
        return _by_name([node for node in self.nodes if node.name])

    @property
    def outdated(self) -> bool:
        """Whether parameters have been frozen or released since the graph was made."""
        return self._frozen != tuple(p.frozen for p in self.parameters)

    def __getitem__(self, name: str) -> Node:
        names = self.names
        if name not in names:
            raise UnknownNameError("Graph", given=repr(name), expected="the name of a node", fix=nearest(name, names))
        return names[name]

    def place(self, node: Node) -> int:
        """Return where a node stands in `nodes`."""
        return self._places[id(node)]

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        learnt = sum(parameter.array.size for parameter in self.parameters)
        told = f"{self.root.name}: {len(self)} nodes, inputs {', '.join(self.inputs)}, {learnt} parameters"
        return f"Graph({printable(told)})"

    def forward(self, **feeds: npt.ArrayLike) -> Array:
        """Compute every node from its leaves; inputs not named keep their value.

        Returns
        -------
        ndarray
            The root's value. Every node shows its own as ``node.value``.

        Raises
        ------
        InputError
            If a name is not an input's, or the values' shapes don't fit.
        """
        values = self.values_on(feeds)
        for node, value in zip(self.nodes, values, strict=True):
            node._value = value
        return self.root.value

    def __call__(self, **feeds: npt.ArrayLike) -> Array:
        """Return the root's value on these inputs; nothing that can be looked at changes (safe from threads)."""
        return self.compute(**feeds)[0]

    def compute(self, **feeds: npt.ArrayLike) -> list[Array]:
        """Return the value of every root on these inputs, as fresh arrays; nothing that can be looked at changes."""
        values = self.values_on(feeds)
        results: list[Array] = []
        # An op may pass on what it was given, or a view of it: what the caller gets belongs to nobody else.
        taken = {id(value) for value, node in zip(values, self.nodes, strict=True) if node.op is None}
        for root in self.roots:
            value = values[self._places[id(root)]]
            results.append(value if value.flags.owndata and id(value) not in taken else value.copy())
            taken.add(id(value))
        return results

    def backward(self, grad: npt.ArrayLike | None = None) -> None:
        """Send the derivative of the root back to all that `wrt` asks for.

        Parameters
        ----------
        grad : array_like, optional
            The derivative that arrives at the root, shaped like its value. 1 where the root is one number.

        Raises
        ------
        MisuseError
            If nothing below was asked for, or another thread is changing the network whose parameters these are.
        """
        buffers = {self._places[id(p)]: p.gradient_buffer for p in self.parameters if p.gradient_buffer is not None}
        for guard in {p.guard for p in self.parameters if p.guard is not None}:
            guard("backward")
        for node, gradient in zip(self.nodes, self._gradients(grad, buffers), strict=True):
            node._grad = gradient

    def update_states(self) -> None:
        """Let each state of `updates` take the value that its node has now."""
        for state, node in self.updates:
            np.copyto(state._value, node._value)

    def derivatives(self, grad: npt.ArrayLike | None = None) -> list[Array]:
        """Return the derivative of the root by each of `wrt`, as fresh arrays; what nodes show doesn't change."""
        gradients = self._gradients(grad, {})
        found = (gradients[self._places[id(node)]] for node in self.wrt)
        return [np.zeros(n.shape, n.dtype) if g is None else g for n, g in zip(self.wrt, found, strict=True)]

    def steps(
        self, *, backward: bool = True, grad: npt.ArrayLike | None = None, **feeds: npt.ArrayLike
    ) -> Iterator[StepEvent]:
        """Run the graph op by op, forward and then backward, and yield an event for each.

        What its nodes show stays as it is, so a network's graph can be stepped through while it is trained.

        Parameters
        ----------
        backward : bool, default True
            Whether derivatives go back afterwards, to all that `wrt` asks for.
        grad : array_like, optional
            The derivative that arrives at the root, as for `backward`.
        **feeds : array_like
            Inputs by name, as for `forward`; those left out keep their value.

        Examples
        --------
        >>> x, w = Input("x", [[1.0, 2.0]]), Parameter("w", [[3.0], [4.0]])
        >>> for event in Graph(x @ w).steps():
        ...     print(event)
        forward   matmul = 11
        backward  matmul: 1 arrived; handed on: b (2, 1)
        """
        from chainrule.graph.stepping import steps  # only who steps waits

        values = self.values_on(feeds)
        return steps(self, values, self._arriving(grad, values[self.place(self.root)]) if backward else None)

    def _gradients(self, grad: npt.ArrayLike | None, buffers: dict[int, Array]) -> Values:
        place = self._places[id(self.root)]
        if place not in self.walk.reached:
            raise MisuseError(
                "backward",
                given=f"{self.root.where}, which depends on nothing that is learnt or asked for",
                expected="a parameter that is not frozen, or a node of wrt=[…], below it",
                fix="Pass wrt=[the node to differentiate by], or release a frozen parameter",
            )
        values = [node._value for node in self.nodes]
        return self.walk.backward(values, place, self._arriving(grad, values[place]), self.walk.plain(buffers))

    def _arriving(self, grad: npt.ArrayLike | None, value: Array) -> Array:
        """Return the derivative that arrives at the root, which is worth `value`."""
        if grad is None:
            if value.size != 1:
                raise MisuseError(
                    "backward",
                    given=f"{self.root.where} with shape {value.shape} and no grad",
                    expected="one number, or the derivative that arrives at each of its elements",
                    fix="Pass grad=… shaped like its value, or differentiate cr.sum(x=…) or cr.mean(x=…)",
                )
            return np.ones(value.shape, value.dtype)
        dy = np.array(as_array("backward", grad, value.dtype))
        if dy.shape != value.shape and dy.ndim != 0:
            raise ShapeError(
                "backward", given=f"grad with shape {dy.shape}", expected=f"shape {value.shape}", fix="Reshape grad"
            )
        return np.array(np.broadcast_to(dy, value.shape))

    def values_on(self, feeds: Mapping[str, npt.ArrayLike]) -> Values:
        """Return the value of every node, in order, on these inputs; nothing that can be looked at changes."""
        for name in feeds:
            if name not in self.inputs:
                raise InputError(
                    "Graph",
                    given=f"a value for {name!r}",
                    expected="the name of an input" + (": one without a name is a constant" * (not self.inputs)),
                    fix=nearest(name, self.inputs) if self.inputs else f"Write cr.Input({name!r}, …) for what is fed",
                )
        values: Values = [node._value if node.op is None else None for node in self.nodes]
        for name, value in feeds.items():
            node = self.inputs[name]
            values[self._places[id(node)]] = own_array(node.where, value, self._dtype_of(node, value))
        signature = tuple((v.shape, v.dtype) for v, n in zip(values, self.nodes, strict=True) if type(n) is Input)
        new = signature not in self._known
        self.walk.forward(values, self.walk.plain(check=new))
        self._known.add(signature)
        return values

    def _dtype_of(self, node: Input, value: Any) -> np.dtype[Any] | None:
        """Return the dtype in which an input takes a value; None: in the value's own."""
        if node.dtype.kind == "f" or not isinstance(value, (np.ndarray, np.generic)):
            return node.dtype
        return self.parameters[0].dtype if self.parameters and value.dtype.kind == "f" else None

    def _what_is_asked(self) -> tuple[Node, ...]:
        if self._asked is None:
            learnt = tuple(p for p in self.parameters if not p.frozen)
            return (
                learnt
                if self.parameters
                else tuple(n for n in self.nodes if isinstance(n, Input) and n.dtype.kind == "f")
            )
        for node in self._asked:
            if not isinstance(node, Node) or id(node) not in self._places:
                raise InputError(
                    "Graph",
                    given=f"{node!r:.80} in wrt",
                    expected=f"nodes below {self.root.where}",
                    fix="Pass nodes that this graph was built from",
                )
            if node.dtype.kind != "f":
                raise InputError(
                    "Graph",
                    given=f"{node.where} in {node.dtype} in wrt",
                    expected="float32 or float64: there is no derivative by whole numbers",
                    fix="Build the input from array.astype('float32')",
                )
        return self._asked

    def _on_the_way(self) -> set[int]:
        wanted = {self._places[id(node)] for node in self.wrt}
        for i, node in enumerate(self.nodes):
            if node.op is not None and any(
                self._places[id(child)] in wanted and node.op.differentiable(role)
                for role, child in node.children.items()
            ):
                wanted.add(i)
        return wanted

    def __reduce__(self) -> tuple[Any, ...]:
        together = (*self.roots, *(node for pair in self.updates for node in pair))
        place = {id(node): i for i, node in enumerate(in_order(together))}
        roots = [place[id(root)] for root in self.roots]
        asked = None if self._asked is None else [place[id(node)] for node in self._asked]
        updates = [(place[id(state)], place[id(node)]) for state, node in self.updates]
        return _rebuild, (flatten(together), roots, asked, updates)


def _rebuild(flat: Any, roots: list[int], asked: list[int] | None, updates: list[tuple[int, int]]) -> Graph:
    nodes: Any = unflatten(flat)
    return Graph(
        *(nodes[i] for i in roots),
        wrt=None if asked is None else [nodes[i] for i in asked],
        updates=[(nodes[i], nodes[j]) for i, j in updates],
    )


def _listed(wrt: Node | Iterable[Node]) -> tuple[Node, ...]:
    return tuple(wrt) if isinstance(wrt, Iterable) and not isinstance(wrt, Node) else (wrt,)


def _inputs(nodes: Sequence[Node]) -> dict[str, Input]:
    inputs: dict[str, Input] = {}
    for node in nodes:
        if isinstance(node, Input) and node.name:
            if node.name in inputs:
                raise InputError(
                    "Graph",
                    given=f"two inputs named {node.name!r}",
                    expected="a name of its own for each",
                    fix="Rename one, or use the same node in both places",
                )
            inputs[node.name] = node
    return inputs


def _by_name(nodes: Sequence[Node]) -> dict[str, Node]:
    names: dict[str, Node] = {}
    counts: dict[str, int] = {}
    for node in nodes:
        name = node.name
        while name in names:
            counts[node.name] = counts.get(node.name, 1) + 1
            name = f"{node.name}_{counts[node.name]}"
        names[name] = node
    return names
