"""A network: layers, a loss and an optimizer, and the only thing that changes them.

It builds one graph for training and one for prediction over the same parameters, which lie in one vector.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from typing import Any, NoReturn, Self

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, MisuseError, UnknownNameError, nearest
from chainrule.generators import Generators
from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node, Parameter, State
from chainrule.nn import doors
from chainrule.nn.dense import checked_name
from chainrule.nn.dropout import Mask
from chainrule.nn.layer import Layer, LayerLike, Scope, chain, checked_layers, entered, outermost
from chainrule.nn.objective import objective
from chainrule.nn.rescale import Rescale
from chainrule.nn.summary import Summary, summarise
from chainrule.nn.vector import Vector
from chainrule.ops.op import Array, Op
from chainrule.optim import Adam, Optimizer, OptimizerState

_ELSEWHERE = {
    "fit": "cr.train(network, X, y, epochs=…)",
    "compile": "cr.Network(layers, loss=…, optimizer=…)",
    "zero_grad": "nothing: gradients are written anew at each backward, never added to the last ones",
    "state_dict": "cr.save(network, 'model.safetensors')",
    "load_state_dict": "cr.load('model.safetensors')",
    "predict": "cr.predict(network, X)",
    "evaluate": "cr.evaluate(network, X, y)",
    "train": "cr.train(network, X, y, epochs=…)",
}


class Network(Layer):
    """Layers in a row, what they are trained for, and how.

    Parameters
    ----------
    layers : sequence of layers
        Layers, and ops with one role such as ``cr.Tanh()``.
    loss : Op, optional
        What is minimised: an op with the roles prediction (or logits) and target. If left out, the cross-entropy
        that suits a last softmax or sigmoid, else the mean squared error.
    optimizer : Optimizer, optional
        ``cr.Adam()`` if left out.
    l1, l2 : float, default 0
        Penalties l1·Σ|w| and l2/2·Σw² on the weights of all layers that name none of their own; biases excluded.
    inputs : int or tuple of int, optional
        The number of features (or the shape) of a sample, to build the network at once. A first layer such as
        ``cr.Dense(3, 16)`` tells it too; otherwise the first data do.
    classes : sequence of str, optional
        The classes' names, in the order of their indices.
    seed : int, default 0
        From which all randomness comes: starting weights, shuffling, dropout.
    dtype : {"float32", "float64"}
    dynamic : bool, default False
        Apply the layers anew to each batch, for layers whose Python looks at values.
    name : str, optional

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(2, 3), cr.Tanh(), cr.Dense(1), cr.Tanh()])
    >>> network.parameters.shape
    (13,)
    >>> loss = network.forward([[1.0, 0.0]], [[1.0]])
    >>> network.backward()
    >>> network.layers[0].weights.grad.shape
    (2, 3)
    >>> network.optimize()
    """

    def __init__(
        self,
        layers: Sequence[LayerLike],
        loss: Op | None = None,
        optimizer: Optimizer | None = None,
        *,
        l1: float = 0.0,
        l2: float = 0.0,
        inputs: int | tuple[int, ...] | None = None,
        classes: Sequence[str] | None = None,
        seed: int = 0,
        dtype: str = "float32",
        dynamic: bool = False,
        name: str | None = None,
    ) -> None:
        self.layers = checked_layers("Network", layers)
        if not self.layers:
            raise InputError("Network", given="no layers", expected="at least one", fix="Pass [cr.Dense(1)]")
        self.objective = objective(self.layers, loss)
        self.loss = loss
        self.optimizer = checks.instance("Network optimizer", optimizer or Adam(), Optimizer, "cr.Adam()")
        self.l1 = checks.number("Network l1", l1, least=0)
        self.l2 = checks.number("Network l2", l2, least=0)
        self.dtype = checks.one_of("Network dtype", str(np.dtype(dtype)), ("float32", "float64"))
        self.seed = checks.whole("Network seed", seed, least=0, most=2**63 - 1)
        self.classes = None if classes is None else tuple(str(c) for c in classes)
        self.dynamic = bool(dynamic)
        self.name = checked_name("Network", name)
        self.generators = Generators(self.seed)
        self._lock = threading.RLock()
        self._vector: Vector | None = None
        self._graphs: dict[str, Graph] = {}
        self._members: list[Layer] = []
        self._optimizer_state: OptimizerState | None = None
        self.inputs = self._shape(inputs)
        self.sample_shape: tuple[int, ...] | None = None
        shape = self.inputs if self.inputs is not None else self._told_inputs()
        if shape is not None:
            self.build(shape)

    # ------------------------------------------------------------------ building

    def build(self, shape: int | tuple[int, ...]) -> None:
        """Make the parameters for samples of this shape. Training and predicting do it by themselves.

        Parameters
        ----------
        shape : int or tuple of int
            The number of features, or the shape of one sample.
        """
        with self._lock:
            wanted = self._shape(shape)
            if self._vector is not None:
                if wanted != self.sample_shape:
                    raise MisuseError(
                        "Network.build",
                        given=f"samples of shape {wanted}",
                        expected=f"{self.sample_shape}, for which it is built already",
                        fix="Make a new network for other data",
                    )
                return
            self.sample_shape = wanted
            scope = self._new_scope(training=False)
            x = Input("x", np.zeros((1, *(self.sample_shape or ())), self.dtype))
            with entered(scope):
                self._chain = chain(self.layers, x)
            self._members = scope.layers
            self._vector = Vector([entry for layer in scope.layers for entry in self._penalised(layer)], self.dtype)

    def _applied(self, x: Node) -> Node:
        """As a layer of another network, whose parameters these are then."""
        return chain(self.layers, x)[-1]

    def _new_scope(self, training: bool) -> Scope:
        if self._owner is not None:
            raise MisuseError(
                f"Network {self.path!r}",
                given="a network that has become a layer of another one",
                expected="the outer network",
                fix="Use the outer network, or build it from network.copy()",
            )
        return Scope(owner=self, dtype=self.dtype, generators=self.generators, training=training)

    def _penalised(self, layer: Layer) -> list[tuple[Parameter, float, float]]:
        factors = []
        for key in ("l1", "l2"):
            own = getattr(layer, key, None)
            factors.append(getattr(self, key) if own is None else own)
        return [(leaf, factors[0], factors[1]) for leaf in layer.leaves.values() if isinstance(leaf, Parameter)]

    def _shape(self, shape: Any) -> tuple[int, ...] | None:
        if shape is None:
            return None
        shape = shape if isinstance(shape, (tuple, list)) else (shape,)
        return tuple(checks.whole("Network inputs", size) for size in shape)

    def _told_inputs(self) -> tuple[int, ...] | None:
        """The shape of a sample, if the first layer that cares says it."""
        for layer in self.layers:
            inputs = getattr(layer, "inputs", None)
            if inputs is not None:
                return self._shape(inputs)
            if not isinstance(layer, (Rescale, Op)) or (isinstance(layer, Op) and layer.name == "flatten"):
                return None
        return None

    # ------------------------------------------------------------------ the graphs

    def graph(self, kind: str = "training") -> Graph:
        """Return one of the network's graphs.

        Parameters
        ----------
        kind : {"training", "evaluation", "prediction"}
            With the loss and dropout; with the loss and the output, without dropout; the output alone. The first
            two end in ``-weighted`` where samples are weighted.
        """
        if self._vector is None:
            raise MisuseError(
                "Network.graph",
                given="a network that is not built",
                expected="the shape of a sample",
                fix="Call network.build(features), or train it",
            )
        with self._lock:
            found = self._graphs.get(kind)
            if found is None or found.outdated:
                found = self._graphs[kind] = self._build_graph(kind)
            return found

    def _build_graph(self, kind: str) -> Graph:
        use, _, weighted = kind.partition("-")
        checks.one_of("Network.graph", use, ("training", "evaluation", "prediction"))
        x = Input("x", np.zeros((1, *(self.sample_shape or ())), self.dtype))
        return self._graph_over(x, None, np.ones(1, self.dtype) if weighted else None, use)

    def _graph_over(self, x: Input, y: Array | None, sample_weight: Array | None, use: str) -> Graph:
        aim = self.objective
        with entered(self._new_scope(training=use == "training")):
            last = len(self.layers) - 1 if aim.fused else len(self.layers)
            prediction = chain(self.layers[:last], x)[-1]
            output = prediction
            if aim.fused and use != "training":
                output = chain(self.layers[last:], prediction)[-1]
        if use == "prediction":
            return Graph(output)
        if y is None:
            y = np.zeros(1, np.intp) if aim.takes_labels else np.zeros((1, *prediction.shape[1:]), self.dtype)
        children: dict[str, Node] = {aim.prediction_role: prediction, aim.target_role: Input("y", y)}
        if sample_weight is not None:
            children["sample_weight"] = Input("sample_weight", sample_weight)
        loss = Node(aim.op, children, "loss")
        return Graph(loss) if use == "training" else Graph(loss, output)

    # ------------------------------------------------------------------ one step

    def forward(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """Run a batch forward to the loss, as training does it, and keep every value for `backward`.

        Parameters
        ----------
        x : array_like, (samples, features)
        y : array_like
            Targets (samples, outputs), or class indices (samples,) where the loss takes them.
        sample_weight : array_like, (samples,), optional

        Returns
        -------
        float
            The loss, penalties included: the number whose derivative `backward` computes.
        """
        x, y, sample_weight = self.as_batch("forward", x, y, sample_weight)
        data_loss = self.step_forward(x, y, sample_weight)
        return data_loss + self.penalty()

    def step_forward(self, x: Array, y: Array, sample_weight: Array | None = None) -> float:
        """`forward` for arrays that have been through `as_batch`; returns the data loss alone."""
        if self.dynamic:
            graph = self._graph_over(Input("x", x), y, sample_weight, "training")
            self._graphs["training"] = graph
            self._current = graph
            return float(graph.root._value)
        graph = self.graph("training" if sample_weight is None else "training-weighted")
        for node in graph.nodes:
            if isinstance(node, Mask):
                node.refill(len(x))
        feeds = {"x": x, "y": y} if sample_weight is None else {"x": x, "y": y, "sample_weight": sample_weight}
        self._current = graph
        return float(graph.forward(**feeds))

    _current: Graph | None = None

    def compute_loss(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the loss of a batch, penalties included, as a prediction has it: nothing is dropped out or kept."""
        x, y, sample_weight = self.as_batch("compute_loss", x, y, sample_weight)
        return self.compute_with_loss(x, y, sample_weight)[0] + self.penalty()

    def compute(self, x: Array) -> Array:
        """Return the output for samples that have been through `as_samples`; changes nothing, safe from threads."""
        if self.dynamic:
            return self._graph_over(Input("x", x), None, None, "prediction").root._value
        return self.graph("prediction")(x=x)

    def compute_with_loss(self, x: Array, y: Array, sample_weight: Array | None = None) -> tuple[float, Array]:
        """Return the data loss and the output for a batch from `as_batch`; changes nothing, safe from threads."""
        if self.dynamic:
            graph = self._graph_over(Input("x", x), y, sample_weight, "evaluation")
            loss, output = (root._value for root in graph.roots)
        elif sample_weight is None:
            loss, output = self.graph("evaluation").compute(x=x, y=y)
        else:
            loss, output = self.graph("evaluation-weighted").compute(x=x, y=y, sample_weight=sample_weight)
        return float(loss), output

    def backward(self) -> None:
        """Send the derivative of the loss, penalties included, back to every parameter.

        Raises
        ------
        MisuseError
            If nothing has been run forward.
        """
        if self._current is None or self._vector is None:
            raise MisuseError(
                "Network.backward",
                given="no forward pass before it",
                expected="the values of a batch",
                fix="Call network.forward(x, y) first",
            )
        self._current.backward()
        self._vector.add_penalty_gradients()

    def optimize(self, learning_rate: float | None = None) -> None:
        """Take one step of the optimizer along the gradients of the last `backward`.

        Parameters
        ----------
        learning_rate : float, optional
            Instead of the optimizer's own.
        """
        if self._vector is None or self._current is None:
            raise MisuseError(
                "Network.optimize",
                given="no gradients",
                expected="those of a backward pass",
                fix="Call network.forward(x, y) and network.backward() first",
            )
        slices = [place for place, _ in self._vector.learnt()]
        self.optimizer_state.apply([self._vector.gradient[place] for place in slices], learning_rate)

    @property
    def optimizer_state(self) -> OptimizerState:
        """The optimizer's own vectors and its count of steps."""
        vector = self._built_vector("optimizer_state")
        if self._optimizer_state is None:
            learnt = vector.learnt()
            self._optimizer_state = OptimizerState(
                self.optimizer,
                [vector.array[place] for place, _ in learnt],
                decayed=[vector.array[place] for place, penalised in learnt if penalised],
            )
        return self._optimizer_state

    # ------------------------------------------------------------------ data at the door

    def as_samples(self, where: str, X: Any) -> Array:
        """Return `X` in the form the graph wants, building the network for it if it isn't yet."""
        keep_bytes = isinstance(self.layers[0], Rescale)
        array = doors.samples(where, X, self.sample_shape, self.dtype, keep_bytes)
        if self._vector is None:
            self.build(array.shape[1:])
        return array

    def as_batch(self, where: str, X: Any, y: Any, sample_weight: Any = None) -> tuple[Array, Array, Array | None]:
        """Return samples, targets and weights in the form the graph wants."""
        x = self.as_samples(where, X)
        target = doors.targets(where, y, len(x), self._chain[-1].shape[1:], self.objective, self.dtype)
        if sample_weight is not None:
            sample_weight = doors.weights(where, sample_weight, len(x), self.objective, self.dtype)
        return x, target, sample_weight

    def check_targets(self, where: str, target: Array) -> None:
        """Raise if the loss can't use these targets, all of them: a class that doesn't exist, no probability."""
        aim = self.objective
        like = np.broadcast_to(np.asarray(0.5, self.dtype), (len(target), *self._chain[-1].shape[1:]))
        aim.op.check(where, **{aim.prediction_role: like, aim.target_role: target})

    @property
    def built(self) -> bool:
        """Whether the parameters have been made."""
        return self._vector is not None

    # ------------------------------------------------------------------ looking at it

    @property
    def parameters(self) -> Array:
        """Every number that is learnt, as one vector (a view: writing to it changes the network)."""
        return self._built_vector("parameters").array

    @property
    def gradients(self) -> Array:
        """The derivative of the loss by each of `parameters`, in the same order."""
        return self._built_vector("gradients").gradient

    def penalty(self) -> float:
        """Return the sum of the L1 and L2 penalties."""
        return self._built_vector("penalty").penalty()

    @property
    def leaves(self) -> dict[str, Parameter | State]:
        """Every parameter and state by name: ``dense_1.weights`` …"""
        self._built_vector("leaves")
        return {leaf.name: leaf for layer in self._members for leaf in layer.leaves.values()}

    @property
    def nodes(self) -> dict[str, Node]:
        """Every node of the last training step by name, each with its value and its gradient."""
        return (self._current or self.graph("training")).names

    def __getitem__(self, name: str) -> Node:
        """Return a node of the last training step by name, e.g. ``network["dense_1"].grad``."""
        nodes = self.nodes
        if name not in nodes:
            raise UnknownNameError("Network", given=repr(name), expected="the name of a node", fix=nearest(name, nodes))
        return nodes[name]

    def summary(self) -> Summary:
        """Return layers, shapes, parameters, loss and optimizer: prints as a table."""
        self._built_vector("summary")
        return summarise(self, self._chain[1:], self._members)

    def freeze(self, *names: str) -> None:
        """Keep the parameters of these layers as they are. The optimizer's moments start anew.

        Parameters
        ----------
        *names : str
            Layers or parameters: ``"dense_1"``, ``"dense_1.bias"``. Without any, all.
        """
        self._set_frozen(names, True)

    def unfreeze(self, *names: str) -> None:
        """Learn the parameters of these layers again."""
        self._set_frozen(names, False)

    def _set_frozen(self, names: tuple[str, ...], frozen: bool) -> None:
        vector = self._built_vector("freeze")
        known = [parameter.name for parameter, _ in vector.places]
        for name in names:
            if not any(n == name or n.startswith(f"{name}.") for n in known):
                layers = {n.rsplit(".", 1)[0] for n in known}
                raise UnknownNameError(
                    "Network.freeze", given=repr(name), expected="a layer or a parameter", fix=nearest(name, layers)
                )
        for parameter, place in vector.places:
            if not names or any(parameter.name == n or parameter.name.startswith(f"{n}.") for n in names):
                parameter.frozen = frozen
                vector.gradient[place] = 0
        self._optimizer_state = None

    def _built_vector(self, what: str) -> Vector:
        if self._vector is None:
            raise MisuseError(
                f"Network.{what}",
                given="a network that is not built yet",
                expected="the shape of a sample, from which the first layer infers its inputs",
                fix="Pass inputs=… to Network, call network.build(features), or train it",
            )
        return self._vector

    # ------------------------------------------------------------------ copies

    def snapshot(self) -> dict[str, Any]:
        """Return everything beyond the settings, as arrays and plain data."""
        leaves = self.leaves
        return {
            "sample_shape": self.sample_shape,
            "leaves": {name: leaf.value.copy() for name, leaf in leaves.items()},
            "frozen": [n for n, leaf in leaves.items() if isinstance(leaf, Parameter) and leaf.frozen],
            "optimizer": {name: array.copy() for name, array in self.optimizer_state.arrays().items()},
            "steps": self.optimizer_state.step,
            "generators": self.generators.states(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `snapshot` returned."""
        self.build(state["sample_shape"])
        leaves = self.leaves
        for name, array in state["leaves"].items():
            leaves[name]._value[...] = array
        if state["frozen"]:
            self.freeze(*state["frozen"])
        self.optimizer_state.restore(state["optimizer"], state["steps"])
        self.generators.restore(state["generators"])

    def copy(self) -> Self:
        """Return a network with the same settings and numbers of its own, equal to this one's."""
        return copy.deepcopy(self)

    def __reduce__(self) -> tuple[Any, ...]:
        outer = outermost(self)
        state = None if self._vector is None or outer is not self else self.snapshot()
        return _restored, (type(self), self.settings(), state)

    def __getattr__(self, name: str) -> NoReturn:
        if name in _ELSEWHERE:
            raise UnknownNameError(
                "Network", given=f".{name}", expected="chainrule's name for it", fix=f"Use {_ELSEWHERE[name]}"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _restored(kind: type[Network], settings: dict[str, Any], state: dict[str, Any] | None) -> Network:
    network = kind(**settings)
    if state is not None:
        network.restore(state)
    return network
