"""A network: layers, a loss and an optimizer, and the only thing that changes them.

It builds one graph for training and one for prediction over the same parameters, which lie in one vector.
"""

from __future__ import annotations

import copy
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, cast, overload

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.column_names import columns_of, in_order, names_of
from chainrule.errors import (
    ChainruleWarning,
    InputError,
    InputWarning,
    MisuseError,
    ShapeError,
    UnknownNameError,
    nearest,
    warn_user,
)
from chainrule.generators import Generators
from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node, Parameter, State
from chainrule.nn import validation
from chainrule.nn.containers import Heads
from chainrule.nn.dense import checked_name
from chainrule.nn.engines import ENGINES, Engine, Replay, parts_of, quiet
from chainrule.nn.heads import Head, HeadList, as_heads, built, by_head, heads_layer, layers_to, packed_targets
from chainrule.nn.hold import Hold
from chainrule.nn.input_range import InputRange
from chainrule.nn.layer import (
    MOST_NESTED,
    Kept,
    Layer,
    LayerLike,
    Scope,
    chain,
    checked_layers,
    declared_shape,
    ending,
    entered,
    input_dtype,
    kept,
    leading,
    output_op,
    range_of,
    sample_shape,
    shape_before,
    too_deep,
)
from chainrule.nn.misuse import (
    check_backward,
    check_forward,
    check_learns,
    not_built,
    truth_and_prediction,
    unknown_node,
)
from chainrule.nn.named_inputs import NamedInputs
from chainrule.nn.objective import Objective, as_loss, expect_outputs, is_function, loss_of_pair, suiting_loss
from chainrule.nn.plan import Plan, expect_outer, rows_of_indices, scope_of
from chainrule.nn.prepares import Prepares, expect_preparation
from chainrule.nn.room import expect_room
from chainrule.nn.vector import Vector
from chainrule.ops.custom import Function
from chainrule.ops.op import Array, Op, Range, Samples
from chainrule.ops.softmax import Softmax
from chainrule.optim import Adam, Optimizer, OptimizerState, as_optimizer, as_schedule
from chainrule.settings import Configured, InNotebooks

if TYPE_CHECKING:
    from chainrule.nn.summary import Summary

AnyNetwork = TypeVar("AnyNetwork", bound="Network")


class Network(Layer, InNotebooks):
    """Layers in a row, what they are trained for, and how.

    Parameters
    ----------
    layers : sequence of layers
        Layers, and ops with one role such as ``cr.Tanh()``, or their names: ``"tanh"``. A network among
        them is a layer like the others: its numbers are kept and learnt on, its loss and optimizer are not used.
    loss : Op, str or function, optional
        What is minimised: an op with the roles prediction (or logits) and target, or the name of one: ``"mse"``. If
        left out, the cross-entropy that suits a last softmax or sigmoid, else the mean squared error. Where the last
        layer is `Heads`, a mapping of head to its loss: ``{"price": "mse", "kind": "cross_entropy"}``. A function and,
        in the place of the optimizer, its derivative are `Loss` of the two: ``cr.Network(layers, mse, mse_prime)``;
        their parameters' names say which is the truth, such as ``(y_true, y_pred)``.
    loss_weights : mapping of str to float, optional
        How much the loss of each head counts in their sum, 1 if left out.
    optimizer : Optimizer or str, optional
        ``cr.Adam()`` if left out, which is what ``"adam"`` stands for.
    l1, l2 : float, default 0
        Penalties l1·Σ|w| and l2/2·Σw² on the weights of all layers that name none of their own; biases excluded.
    inputs : int or tuple of int, optional
        The number of features (or the shape) of a sample, to build the network at once. A first layer such as
        ``cr.Dense(16, inputs=3)`` tells it too; otherwise the first data do.
    classes : sequence of str, optional
        The classes' names, in the order of their indices; those of the labels, where a sample may have several. A
        mapping of head to names where the last layer is `Heads`. Targets may be these names instead of the indices.
    preparation : cr.data.Preparation, optional
        What becomes of a table before the first layer: words, gaps, dates. `cr.data.prepare` makes one. It is kept and
        saved with the network, which then takes tables and frames, and prepares each in the same way.
    seed : int, default 0
        From which all randomness comes: starting weights, shuffling, dropout.
    dtype : {"float32", "float64"}
    engine : {"replay", "dynamic", "compiled"}
        How steps are run: recorded once and replayed; with the layers applied anew to each batch, for layers whose
        Python looks at values; or whole epochs compiled, which needs ``pip install '.[fast]'`` in a clone.
    name : str, optional

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Tanh()])
    >>> network.parameters.shape
    (13,)
    >>> loss = network.compute_loss([[1.0, 0.0]], [[1.0]])
    >>> network.backward()
    >>> network.optimize()
    """

    words = "network"
    mappings = ("loss", "loss_weights", "classes")
    _plan: Plan | None = None
    _engine: Engine
    _first: dict[str, Any] | None = None
    #: How large the samples were that it was trained on; None before it is, and where samples are indices.
    input_range: InputRange | None = None
    #: The names of the columns that it was trained on, where they had names: what has names is put into their order.
    columns: tuple[str, ...] | None = None
    #: The learning rate of the last step that `train` has taken it, of the step of its weights where the best are kept.
    last_learning_rate: float | None = None
    _rate_setting: Any = None  # the optimizer's `learning_rate` in that training, a schedule perhaps
    _told_range = False
    _ready = False
    _spare = False  # a copy that has taken no step: another network may have its layers
    _given_away = False
    _answer: weakref.ref[Array] | None = None  # what `forward` gave last

    def __init__(
        self,
        layers: Sequence[Configured | str],
        loss: Op | str | Function | Mapping[str, Op | str] | None = None,
        optimizer: Optimizer | str | Function | None = None,
        *,
        loss_weights: Mapping[str, float] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        inputs: int | tuple[int, ...] | None = None,
        classes: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        preparation: Prepares | None = None,
        seed: int = 0,
        dtype: str = "float32",
        engine: str = "replay",
        name: str | None = None,
    ) -> None:
        self.layers = checked_layers("Network", layers, least=1, deepest=MOST_NESTED)
        if is_function(loss) and is_function(optimizer):
            loss, optimizer = loss_of_pair(loss, optimizer), None
        self.loss = by_head("Network loss", self.layers, loss, self._as_loss, self._suiting)
        self.loss_weights = self._checked_weights(loss_weights)
        self.preparation = expect_preparation(preparation)
        if preparation is not None and preparation.classes is not None:
            classes = _classes_of(preparation, classes)
        self.classes = by_head("Network classes", self.layers, classes, class_names, lambda _: "[…]", listed=False)
        if preparation is not None and self.named_inputs is not None:
            raise InputError(
                "Network preparation",
                given="a preparation, and a first layer with named inputs",
                expected="one of them: a table becomes one array",
                fix="Leave preparation out, and pass what it makes of each part: "
                '{"table": preparation.features(table), "picture": …}',
            )
        self._heads = as_heads(self.layers, self.loss, self.loss_weights, self.classes)
        self.hold, self._lock = Hold(), RLock()
        self.optimizer = Adam() if optimizer is None else optimizer  # type: ignore[assignment]  # or refused
        self.l1 = checks.number("Network l1", l1, least=0)
        self.l2 = checks.number("Network l2", l2, least=0)
        known = getattr(dtype, "__name__", None) or str(dtype)  # np.float32 and np.dtype("float32") will do
        self.dtype = checks.one_of("Network dtype", known, ("float32", "float64"))
        self._samples_in = self.input_dtype(self.dtype)
        self.seed = checks.whole("Network seed", seed, least=0, most=2**63 - 1)
        self.engine = checks.one_of("Network engine", engine, tuple(ENGINES))
        self.name = checked_name("Network", name)
        self.generators = Generators(self.seed)
        self._chain: list[Node] = []
        self.inputs = sample_shape(inputs)
        self.sample_shape: tuple[int, ...] | None = None
        shape = declared_shape(self.layers, self.inputs)
        if (shape := shape_before(self.layers) if shape is None else shape) is not None:
            self.build(shape)

    @classmethod
    def _expect_call(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if len(args) > 2 and all(map(is_function, args[1:3])) and (len(args) > 3 or "optimizer" in kwargs):
            function, derivative = (getattr(each, "__name__", "…") for each in args[1:3])
            raise InputError(
                "Network",
                given="a loss, its derivative, and an optimizer after them",
                expected="a loss and an optimizer, or a pair in their places",
                fix=f"Write cr.Network(layers, cr.Loss({function}, {derivative}), cr.SGD(learning_rate=0.1))",
            )

    @checks.keywords
    def build(self, shape: int | tuple[int, ...]) -> None:
        """Make the parameters for samples of this shape. Training and predicting do it by themselves.

        Parameters
        ----------
        shape : int or tuple of int
            The number of features, or the shape of one sample.
        """
        sample = sample_shape(shape)
        with self._lock:
            if not self.built:
                self._expect_layers()
                nodes, members, vector = self._apply_to_an_example(sample or ())
                self.sample_shape, self._chain = sample, nodes
                self._run(
                    Plan(
                        owner=self,
                        layers=self.layers,
                        members=members,
                        heads=self.heads,
                        vector=vector,
                        optimizer=self.optimizer,
                        generators=self.generators,
                        sample_shape=sample or (),
                        dtype=self.dtype,
                        engine=self.engine,
                        input_rows=rows_of_indices(nodes[-1]),
                        named_rows=self._named_rows(nodes[-1]),
                    )
                )
            elif sample != self.sample_shape:
                raise MisuseError(
                    "Network.build",
                    given=f"samples of shape {sample}",
                    expected=f"{self.sample_shape}, for which it is built already",
                    fix="Make a new network for other data",
                )

    def _named_rows(self, output: Node) -> dict[str, int]:
        """Return of how many rows each named input holds indices, where it does."""
        names = [] if self.named_inputs is None else self.named_inputs.names
        found = {name: rows_of_indices(output, f"x.{name}") for name in names}
        return {name: rows for name, rows in found.items() if rows is not None}

    def _apply_to_an_example(self, shape: tuple[int, ...]) -> tuple[list[Node], list[Layer], Vector]:
        """Return the example's way through the layers, every layer inside the network, and their parameters."""
        expect_room("Network", self.layers, shape, self.dtype, self.optimizer)
        scope = scope_of(self, self.dtype, self.generators, "build", example=self.engine != "dynamic")
        try:
            with entered(scope):
                nodes = chain(self.layers, Input("x", np.zeros((1, *shape), self.input_dtype(self.dtype))))
            members = list(scope.layers.values())
            self._heads = self._checked_heads(nodes[-1], members)
            parameters = [entry for layer in members for entry in self._penalised(layer)]
            vector = Vector(parameters, self.dtype, self.hold.check)
        except BaseException as error:  # something didn't fit: let the layers be used again
            for layer in scope.layers.values():
                layer._leave(fresh=layer in scope.fresh)
            if isinstance(error, RecursionError):
                raise too_deep("Network", "layers that call each other without an end in sight") from None
            if isinstance(error, MemoryError):
                raise InputError(
                    "Network",
                    given="more parameters than there is memory for",
                    expected="a network that fits into memory",
                    fix="Make the layers smaller, or close other programs",
                    cause="memory.too_little",
                ) from None
            raise
        for layer in (self, *members):
            layer._start = {}
        return nodes, members, vector

    def _penalised(self, layer: Layer) -> list[tuple[Parameter, float, float]]:
        l1, l2 = (self._penalty(layer, key) for key in ("l1", "l2"))
        return [(leaf, l1, l2) for leaf in layer._leaves.values() if isinstance(leaf, Parameter)]

    def _penalty(self, layer: Layer, key: str) -> float:
        """Return the factor that the layer names, or the innermost layer or network around it that does."""
        around: Layer | None = layer
        while around is not None:
            factor = getattr(around, key, None)
            if factor is not None and not (factor == 0 and isinstance(around, Network)):  # a network's 0 says nothing
                return float(factor)
            around = around._parent
        return float(getattr(self, key))

    def _checked_heads(self, output: Node, members: Sequence[Layer]) -> HeadList:
        """Return the heads with their shapes, if the outputs are such that each can be trained."""
        if len(output.shape) < 2:
            raise ShapeError(
                "Network",
                given=f"{output.where} as its last layer, with outputs of shape {output.shape[1:]} for a sample",
                expected="a row of outputs for each sample",
                fix="End with a layer that has an axis of outputs, such as cr.Dense(1)",
            )
        for layer in members:
            if isinstance(layer, Heads) and layer is not self.layers[-1]:
                raise InputError(
                    "Network",
                    given=f"{layer!r:.80} before the end, or inside another layer",
                    expected="cr.Heads as the last of its layers",
                    fix="Put it last; of another network with heads, take the layers, [*other.copy().layers]; to join "
                    "branches inside a network take cr.Branches",
                )
        heads = built(self._heads, self.layers, output)
        for head in heads:
            self._check_head(head)
        return heads

    def _check_head(self, head: Head) -> None:
        layers = layers_to(head.name, self.layers) if head.name else self.layers
        outputs, last, aim = head.shape[-1], ending(layers), head.objective
        where = f"Network head {head.name!r}" if head.name else "Network"
        if aim.takes_labels and isinstance(last, Softmax) and last.axis not in (-1, len(head.shape)):
            raise InputError(
                where,
                given=f"{last!r} before {aim.loss!r}, for outputs of shape {head.shape}",
                expected="probabilities along the last axis, where the loss looks for the classes",
                fix="End with cr.Softmax()",
            )
        expect_outputs(layers, aim.loss, outputs)
        if head.classes is not None and aim.unscale is not None:
            raise InputError(
                f"{where} classes",
                given=f"names of classes after a last layer {aim.unscale!r:.60}",
                expected="none: its outputs are quantities",
                fix="Leave classes out, or drop that layer",
            )
        if head.classes is not None and len(head.classes) != max(outputs, 2):
            raise InputError(
                f"{where} classes",
                given=f"{len(head.classes)} names",
                expected=f"{max(outputs, 2)} for {outputs} output{'' if outputs == 1 else 's'}",
                fix="Name each class once, or build the last layer with as many outputs",
            )

    def _as_loss(self, name: str, loss: Any) -> Op:
        return as_loss(layers_to(name, self.layers) if name else self.layers, loss)

    def _suiting(self, name: str) -> str:
        return f"cr.{suiting_loss(ending(layers_to(name, self.layers)))!r}"

    def _checked_weights(self, weights: Any) -> Mapping[str, float] | None:
        """Return how much the losses of heads count."""
        where = "Network loss_weights"
        if weights is not None and heads_layer(self.layers) is None and not isinstance(weights, Mapping):
            raise InputError(
                where,
                given=f"{weights!r:.80}",
                expected="nothing: the network has one output, and one loss",
                fix="Leave loss_weights out, or name the outputs in the last layer, cr.Heads({…})",
            )
        found: Mapping[str, float] | None = by_head(
            where,
            self.layers,
            weights,
            lambda name, weight: checks.number(f"{where}[{name!r}]", weight, least=0, like=1),
            lambda _: "1.0",
        )
        container = heads_layer(self.layers)
        if found and container is not None and not any(found.get(head, 1.0) for head in container.heads):
            raise InputError(
                where,
                given=f"{dict(found)!r:.80}",
                expected="a weight above 0 among them: else there is nothing to learn",
                fix="Leave one out, which counts 1 then",
            )
        return found

    @property
    def optimizer(self) -> Optimizer:
        """The rule by which it learns. A new one begins anew, without moments and at its first step."""
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer | str) -> None:
        self.hold.check("Network.optimizer", step=True)
        self._optimizer = as_optimizer("Network optimizer", optimizer)
        if self._plan is None:
            return
        if self.optimizer_state.step:
            text = f"{self._optimizer!r} begins anew: without moments, at its first step."
            warnings.warn(text, ChainruleWarning, stacklevel=3)
        self._run(replace(self._plan, optimizer=self._optimizer))

    def late(self, name: str, value: Any) -> Any:
        if name == "optimizer":
            return value
        raise self.too_late(name, value, f"Take a copy with it: network = network.copy({name}={value!r:.60})")

    @property
    def leading(self) -> str | None:
        return leading(self.layers)

    def input_dtype(self, dtype: str) -> str:
        return input_dtype(self.layers, dtype)

    @property
    def named_inputs(self) -> NamedInputs | None:
        first = self.layers[0]
        return first.named_inputs if isinstance(first, Layer) else None

    @property
    def ending(self) -> LayerLike | None:
        return ending(self.layers)

    @property
    def output_op(self) -> Op | None:
        return output_op(self.layers)

    def range_of(self, given: Range | None) -> Range | None:
        return range_of(self.layers, given)

    def _join(self, scope: Scope) -> None:
        if scope.owner is not self:
            self.hold.check("Network")  # it is trained as a part of another one from then on
        super()._join(scope)

    def _applied(self, x: Node) -> Node:
        """As a layer of another network, whose parameters these are then."""
        if self._owner is not None:
            self._stop_running()
        return chain(self.layers, x)[-1]

    def graph(self, kind: str = "training") -> Graph:
        """Return one of the network's graphs.

        Parameters
        ----------
        kind : {"training", "evaluation", "prediction", "sampling"}
            With the loss and dropout; with the loss and the output, without dropout; the output alone; the output
            with dropout. The first two end in ``-weighted`` where samples are weighted.
        """
        plan = self._built_plan("graph")
        return self._engine.programs(kind).graph if isinstance(self._engine, Replay) else plan.example_graph(kind)

    def _run(self, plan: Plan) -> None:
        """Run this plan from now on."""
        self._plan, self._engine, self._ready = plan, ENGINES[self.engine](plan), False

    def _gives_layers(self) -> bool:
        if self._spare and not self._given_away:
            self.hold.check("Network")
            self._given_away = True
            self._stop_running()
        return self._spare

    def _stop_running(self) -> None:
        """Be without a plan: the parameters are in another network's vector from now on."""
        self._plan, self._ready = None, False
        self.__dict__.pop("_engine", None)

    def _expect_layers(self) -> None:
        """Raise if another network has taken the layers."""
        if self._given_away:
            raise MisuseError(
                "Network",
                given="a copy whose layers have become those of another network",
                expected="a network with layers of its own",
                fix="Take another copy for each network that is made of its layers",
                cause="layer.shared",
            )

    @overload
    def forward(self, x: Node) -> Node: ...  # type: ignore[overload-overlap]  # a node has __array__, to refuse it
    @overload
    def forward(self, x: Samples) -> Array: ...
    @checks.keywords
    def forward(self, x: Samples | Node) -> Array | Node:
        """Return the outputs for samples, as a prediction has them: nothing is dropped out, nothing kept.

        Parameters
        ----------
        x : array_like, (samples, features)
            A node gives a node, as the network gives it where it is a layer of another one.

        Returns
        -------
        ndarray, (samples, …, outputs)
            `predict` gives the same, in batches. Of several heads a dict of them by name.

        Examples
        --------
        >>> import chainrule as cr
        >>> network = cr.Network([cr.Dense(1), cr.Sigmoid()])
        >>> network.forward([[0.0, 0.0]])
        array([[0.5]], dtype=float32)
        """
        if isinstance(x, Node):
            return self(x)
        output = self.by_head(self.compute(self.as_samples("forward", x)))
        self._answer = weakref.ref(output) if isinstance(output, np.ndarray) else None
        return output

    def by_head(self, outputs: Array) -> Array:
        """Return outputs of `compute` as users get them: those of several heads in a mapping.

        For a checker of types it is the array that one output has.
        """
        if not self._heads[0].name:
            return outputs
        named: Any = {
            head.name: np.ascontiguousarray(head.outputs(outputs), head.output_dtype(self.dtype))
            for head in self._heads
        }
        return cast(Array, named)

    def targets_by_head(self, targets: Array) -> Array:
        """Return targets from `as_batch` as users give them: those of several heads in a mapping."""
        if not self._heads[0].name:
            return targets
        named: Any = {head.name: head.targets(targets) for head in self._heads}
        return cast(Array, named)

    def stepped_because(self, reason: str) -> None:
        """Note why the batches of a training are stepped through one by one, though the network may be compiled.

        An empty text says that nothing stands against whole runs of steps. The summary tells it.
        """
        self._engine.stepped_because(reason)

    @checks.keywords
    def compute_loss(self, x: Samples, y: Samples, sample_weight: npt.ArrayLike | None = None) -> float:
        """Run a batch forward to the loss, as training does it, and keep every value for `backward`.

        Parameters
        ----------
        x : array_like, (samples, features)
        y : array_like
            Targets like the outputs, (samples, …, outputs), or class indices (samples, …) where the loss takes them.
        sample_weight : array_like, (samples,), optional
            A weight for each sample, or for each row of its outputs.

        Returns
        -------
        float
            The loss, penalties included: the number whose derivative `backward` computes. What is dropped out in
            training is dropped out here too; `evaluate` measures the loss of a prediction.
        """
        self._expect_samples("compute_loss", x, y)
        x, y, sample_weight = self.as_batch("compute_loss", x, y, sample_weight)
        self.check_targets("compute_loss", y)
        with quiet():
            data_loss = self.hold.call("Network.compute_loss", self._engine.forward, x, y, sample_weight)
        return data_loss + self.penalty()

    def _expect_samples(self, where: str, x: Any, y: Any) -> None:
        """Raise if these are a truth and a prediction."""
        if self._answer is not None and self._answer() is y:
            given = f"{where}(…, ŷ), with the very array that network.forward returned"
        elif self.built and self.named_inputs is None and self.sample_shape != self.output_shape:
            of_outputs = self.output_shape
            if not np.shape(x)[1:] == np.shape(y)[1:] == of_outputs or np.shape(x)[1:] == self.sample_shape:
                return
            given = f"x with shape {np.shape(x)}, like the outputs"
        else:
            return
        raise truth_and_prediction(f"Network.{where}", given, self.objective.loss)

    def step(
        self,
        x: Array,
        y: Array,
        sample_weight: Array | None = None,
        learning_rate: float | None = None,
        with_loss: bool = True,
    ) -> float:
        """Take a whole step on arrays that have been through `as_batch`; return the data loss, NaN without `with_loss`.

        What overflows may warn: `train` turns NumPy's warnings off.

        Raises
        ------
        NonFiniteError
            If the loss or a gradient is NaN or infinite; the parameters are those of before then.
        """
        hold = self.hold  # as in `Hold.call`, which would take a hundredth of a small network's step
        me, before = get_ident(), hold.thread
        if before and (before != me or hold.between_steps):
            raise hold.refusal("Network.step")
        hold.thread = hold.last = me  # no call lies between this and the test, as in `Hold.call`
        try:
            if not self._ready:
                self._get_ready()
            return self._engine.step(x, y, sample_weight, learning_rate, with_loss)
        finally:
            hold.thread = before

    def accumulate(
        self, x: Array, y: Array, sample_weight: Array | None, share: float, learning_rate: float | None = None
    ) -> float:
        """Run a batch from `as_batch` forward and back, and take its gradients into a mean; return its data loss.

        Parameters
        ----------
        x, y, sample_weight : array
        share : float
            How much of the mean they are: their weight divided by that of all batches so far. 1 begins a new mean.
        learning_rate : float, optional
            Of the step to come, for errors.

        Raises
        ------
        NonFiniteError
            If the loss or a gradient is NaN or infinite.
        """
        arguments = x, y, sample_weight, share, learning_rate
        return self.hold.call("Network.accumulate", self._accumulate, *arguments, step=True)

    def _accumulate(self, *arguments: Any) -> float:
        if not self._ready:
            self._get_ready()
        return self._engine.accumulate(*arguments)

    def step_accumulated(self, learning_rate: float | None = None) -> None:
        """Take a step of the optimizer down the mean of `accumulate`, with the penalties, which count once.

        Raises
        ------
        NonFiniteError
            If a gradient is NaN or infinite; the parameters are those of before then.
        """
        check_forward("Network.step_accumulated", self._last_graph)
        self.hold.call("Network.step_accumulated", self._engine.step_accumulated, learning_rate, step=True)

    def steps(
        self, x: Array, y: Array, weights: Array | None, order: Array, rates: Sequence[float], copies: Any = None
    ) -> Array | None:
        """Take a compiled step on each batch of `order` (steps, batch), at its rate; return their data losses.

        Each row of `copies` gets the parameters, after an equal share of the steps. Of several heads a row for each
        step: the loss, and theirs. None: they can't be compiled.
        """
        self._spare = False
        return self.hold.call("Network.steps", self._engine.steps, x, y, weights, order, rates, copies, step=True)

    def record(self, x: Array, y: Array, sample_weight: Array | None, count: int) -> dict[str, Array] | None:
        """Record the step for batches of `count` samples like these, unless it is; return where they are read from.

        What is gathered there need not be copied. None where there is no such place (``engine="dynamic"``).
        """
        return self.hold.call("Network.record", self._engine.record, x, y, sample_weight, count)

    def compute(self, x: Array) -> Array:
        """Return the output for samples that have been through `as_samples`; changes nothing, safe from threads."""
        return self._engine.compute(x)

    def compute_with_loss(
        self, x: Array, y: Array, sample_weight: Array | None = None
    ) -> tuple[float, Array, list[float]]:
        """Return the data loss, the output, and the losses of several heads for a batch from `as_batch`.

        It changes nothing, and is safe from threads.
        """
        return self._engine.compute_with_loss(x, y, sample_weight)

    def head_losses(self) -> list[float]:
        """Return the losses of several heads in the last step of training; of one output there are none."""
        graph = self._last_graph
        return [] if graph is None else [float(part._value) for part in parts_of(graph)]

    def sampler(self, generators: Generators) -> Callable[[Array], Array]:
        """Return a function like `compute`, for one thread, but with dropout, drawn from these generators."""
        self._built_plan("sampler")
        return self._engine.sampler(generators)

    @checks.keywords
    def backward(self) -> None:
        """Send the derivative of the loss, penalties included, back to every parameter.

        Raises
        ------
        MisuseError
            If nothing has been run forward.
        """
        check_backward("Network.backward", self._last_graph)
        with quiet():
            self.hold.call("Network.backward", self._engine.backward, goes_on=True)

    @checks.keywords
    def optimize(self, learning_rate: float | None = None) -> None:
        """Take one step of the optimizer along the gradients of the last `backward`.

        Parameters
        ----------
        learning_rate : float, optional
            Instead of the optimizer's own.
        """
        check_forward("Network.optimize", self._last_graph)
        if isinstance(learning_rate, Optimizer):
            raise InputError(
                "Network.optimize",
                given=f"{learning_rate!r:.60}",
                expected="nothing, or a learning rate: the network has its optimizer",
                fix="Tell it to the network: network.optimizer = cr.Adam(), and call network.optimize()",
            )
        with quiet():
            self.hold.call("Network.optimize", self._optimize, learning_rate, step=True, goes_on=True)

    def _get_ready(self) -> None:
        """Make sure, before the first step of a plan, that it learns something and that the start is kept."""
        if not self._built_plan("step").learns:
            check_learns("Network.step", self.vector)
        if self._first is None:
            self.beginning()
        self._ready, self._spare = True, False

    def _optimize(self, learning_rate: float | None) -> None:
        if self._first is None:
            self.beginning()
        self._spare = False
        self._engine.optimize(learning_rate)

    @property
    def _last_graph(self) -> Graph | None:
        """The graph of the last forward pass in training."""
        return None if self._plan is None else self._engine.graph

    @property
    def optimizer_state(self) -> OptimizerState:
        """The optimizer's own vectors and its count of steps."""
        return self._built_plan("optimizer_state").optimizer_state

    def as_samples(self, where: str, X: Any, *, mapped: bool = False) -> Array:
        """Return `X` in the form the graph wants, building the network for it if it isn't yet.

        With `mapped`, arrays mapped from a file stay there; `cast` converts their batches.
        """
        inputs = self.named_inputs
        if inputs is not None and isinstance(X, Mapping):
            return self._packed(where, X, inputs)
        X = self.arranged(where, X)
        array = validation.samples(where, X, self.sample_shape) if inputs is None else inputs.matrix(where, X)
        if self._plan is None:
            self.build(array.shape[1:])
        return array if mapped and isinstance(array, np.memmap) else self.cast(array)

    def arranged(self, where: str, X: Any, columns: Sequence[str] | None = None) -> Any:
        """Return samples with the columns that the network knows, in its order, and prepared if it has a preparation.

        What has no names is returned as it is, or prepared by position. `columns` are those of a network that knows
        none yet.

        Raises
        ------
        InputError
            If a column is missing, or something in one can't be prepared.
        """
        if self.preparation is not None:
            return self.preparation.features(X, where=where)
        if type(X) is np.ndarray and X.dtype.names is None:  # each row that is served
            return X
        names, known = names_of(X), self.columns or columns
        if names is None and known is not None and (cells := columns_of(X)) is not None:
            X, names = cells, tuple(cells)
        if names is not None:
            X = in_order(where, X, known or names)
        return X.X if hasattr(X, "feature_names") else X

    def _packed(self, where: str, X: Mapping[Any, Any], inputs: NamedInputs) -> Array:
        """Return named inputs as one matrix, building the network for them if it isn't yet."""
        arrays = inputs.arrays(where, X)
        with self._lock:
            if self._plan is None:
                told = inputs.told_by(arrays)
                self.learn_shapes(told)
                try:
                    self.build(told.columns or 0)
                except BaseException:
                    self.learn_shapes(inputs)
                    raise
        return self.cast((self.named_inputs or inputs).packed(arrays, self._samples_in))

    def learn_shapes(self, inputs: NamedInputs) -> None:
        """Have its first layer take up the shapes of its named inputs, before it is built."""
        first: Any = self.layers[0]
        first.learn_shapes(inputs)

    def check_finite(self, where: str, x: Array, name: str = "X") -> None:
        """Raise if samples from `as_samples` hold NaN or infinity."""
        inputs = self.named_inputs
        arrays = {name: x}
        if inputs is not None:
            arrays = {f"{name}[{key!r}]": array for key, array in inputs.unpacked(x).items()}
        for told, array in arrays.items():
            validation.finite(where, told, array, self._samples_in)

    def check_samples(self, where: str, x: Array) -> None:
        """Raise if samples from `as_samples` hold NaN or infinity; warn, once, if they are of another scale.

        That is another one than the training samples had, see `InputRange`.
        """
        self.check_finite(where, x)
        if self.input_range is not None and not self._told_range and (told := self.other_scale(where, x)):
            self._told_range = True
            warn_user(InputWarning(**told))

    def other_scale(self, where: str, x: Array) -> dict[str, str] | None:
        """Return what to warn of where samples are far smaller, or far larger, than those of the training."""
        known = self.input_range
        usual = None if known is None else known.far_from(x)
        if known is None or usual is None:
            return None
        low, high = (f"{end:.3g}" for end in (known.low, known.high))
        times = (known.low * known.high) ** 0.5 / usual
        return dict(
            where=where,
            given=f"samples whose largest values are about {usual:.3g}",
            expected=f"{low} to {high}, as in training" if low != high else f"{low}, as in training",
            fix=f"Scale them as the training samples were: those were about {times:.3g} times as large",
        )

    def range_of_samples(self, x: Array) -> InputRange | None:
        """Return the range of samples from `as_samples`; None where some are indices, which have no scale."""
        plan = self._built_plan("range_of_samples")
        return None if plan.input_rows is not None or plan.named_rows else InputRange.of(x)

    def note_inputs(self, found: InputRange | None, *, anew: bool = False) -> None:
        """Note the range of the samples of a training: beside those before, or `anew` in their place."""
        if found is None:
            return
        known = None if anew else self.input_range
        self.input_range = found if known is None else known.with_others(found)
        self._told_range = False

    def note_columns(self, names: tuple[str, ...] | None) -> None:
        """Note the names of the columns of a training; samples without names leave those of the training before."""
        if names is not None and self.preparation is None:
            self.columns = names

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """What the columns of its samples are called, where it knows: one name for each number that it takes."""
        names = self.columns if self.preparation is None else self.preparation.feature_names
        return names if names is not None and (len(names),) == self.sample_shape else None

    def note_classes(self, names: Sequence[str] | None) -> None:
        """Note what the classes of a training are called, if the network tells so many apart and has no names yet."""
        head = self._heads[0]
        if names is None or self.classes is not None or head.name or head.task not in ("binary", "multiclass"):
            return
        if len(names) == max(head.shape[-1], 2):
            self.__dict__["classes"] = tuple(names)
            self._heads = HeadList([replace(head, classes=tuple(names))])

    def note_rate(self, learning_rate: float) -> None:
        """Note the learning rate of the last step behind its weights, and what it was set to."""
        self.last_learning_rate, self._rate_setting = learning_rate, self.optimizer.learning_rate

    @property
    def schedule_ran(self) -> bool:
        """Whether the optimizer has the very schedule, or rate, with which the network was trained before."""
        return self.last_learning_rate is not None and self._rate_setting is self.optimizer.learning_rate

    @property
    def rate_in_force(self) -> float:
        """The learning rate of the next step: where a schedule had come to in `train`, else what it begins with."""
        if self.schedule_ran and self.last_learning_rate:
            return self.last_learning_rate
        return as_schedule(self.optimizer.learning_rate).rate(0, 1, [])

    def cast(self, x: Array) -> Array:
        """Return samples as the first layer takes them: in its dtype, as bytes it rescales, or as indices."""
        plan = self._plan
        if plan is not None and plan.input_rows is not None:
            return validation.indices(x, plan.input_rows)
        x = validation.cast(x, self._samples_in, keep_bytes=getattr(self.layers[0], "rescales", False))
        inputs = self.named_inputs
        if plan is not None and plan.named_rows and inputs is not None:
            arrays = inputs.unpacked(x)
            for name, rows in plan.named_rows.items():
                validation.named_indices(name, arrays[name], rows)
        return x

    def as_batch(
        self, where: str, X: Any, y: Any, sample_weight: Any = None, *, mapped: bool = False, packed: bool = False
    ) -> tuple[Array, Array, Array | None]:
        """Return samples, targets and weights in the form the graph wants; `packed` where targets have it already."""
        x = self.as_samples(where, X, mapped=mapped)
        target = y if packed else packed_targets(where, y, len(x), self.heads, self.dtype)
        if sample_weight is not None:
            rows = len(x), *self.output_shape[:-1]
            if isinstance(sample_weight, Mapping):
                raise InputError(
                    where,
                    given=f"sample_weight with the names {', '.join(map(repr, sample_weight)):.80}",
                    expected="one array: a sample counts as much in each head",
                    fix="Pass one of them; how much a head counts, cr.Network(…, loss_weights={…}) says",
                )
            for head in self.heads:
                sample_weight = validation.weights(where, sample_weight, rows, head.objective, self.dtype)
        return x, target, sample_weight

    def check_targets(self, where: str, target: Array) -> None:
        """Raise if the loss can't use these targets, all of them: a class that doesn't exist, no probability.

        Those of several heads have been looked at before they were put side by side.
        """
        for head in self.heads:
            if not head.name:
                head.objective.check_targets(where, target, head.shape, self.dtype)

    @property
    def built(self) -> bool:
        """Whether the parameters have been made."""
        return self._plan is not None

    @property
    def heads(self) -> HeadList:
        """The outputs, each with its name, objective, task, classes and shape: one, or those of `Heads` by name too.

        ``network.heads["kind"].task``.
        """
        return self._heads

    def only_head(self, what: str, fix: str = "") -> Head:
        """Return the head of a network that has one output.

        Raises
        ------
        MisuseError
            If it has several.
        """
        if len(self._heads) == 1 and not self._heads[0].name:
            return self._heads[0]
        first = self._heads[0].name
        raise MisuseError(
            what,
            given=f"a network with the heads {', '.join(repr(head.name) for head in self._heads)}",
            expected="one with a single output",
            fix=fix or f"Take a copy with one of them, network.head({first!r})",
            cause="network.heads",
        )

    @property
    def objective(self) -> Objective:
        """The loss, and where it looks; each of `heads` has its own."""
        return self.only_head("Network.objective", self._each("objective")).objective

    def _each(self, what: str) -> str:
        return f"Look at each one's own: network.heads[{self._heads[0].name!r}].{what}"

    def head(self, name: str, **changes: Any) -> Self:
        """Return a network with one of the heads as its output, and a copy of the layers before it.

        It is for all that takes networks with a single output: scikit-learn's estimators, pictures, exports.

        Parameters
        ----------
        name : str
        **changes
            Settings of `Network`. Its loss, and the names of its classes, are those of the head unless they are told
            here; all other settings stay.

        Raises
        ------
        UnknownNameError
            If there is no such head.

        Examples
        --------
        >>> import chainrule as cr
        >>> heads = cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(3), cr.Softmax()]})
        >>> network = cr.Network([cr.Dense(8, "relu"), heads], inputs=4)
        >>> alone = network.head("kind")
        >>> alone.layers
        [Dense(8, activation=ReLU()), Dense(3), Softmax()]
        >>> bool((cr.predict(alone, np.ones((2, 4))) == cr.predict(network, np.ones((2, 4)))["kind"]).all())
        True
        """
        found = self._heads[str(name)]
        twin = self.copy()
        told = {"loss": found.objective.loss, "classes": found.classes, "loss_weights": None, **changes}
        return self.copy(layers=layers_to(name, twin.layers), inputs=self.sample_shape, **told)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of a sample's outputs: (outputs,), or (time, outputs); of several heads side by side."""
        self._built_plan("output_shape")
        return self._chain[-1].shape[1:]

    @property
    def task(self) -> str:
        """What the outputs answer; `classify`, `evaluate` and metrics go by it.

        ``"multiclass"``
            One of several classes: the network ends in softmax, or its loss takes class indices, or it has `classes`.
        ``"binary"``
            Yes or no: one output, with a binary cross-entropy, after a sigmoid, or with `classes`.
        ``"multilabel"``
            Yes or no for each output, so that several may be true: a binary cross-entropy over several outputs.
        ``"regression"``
            Numbers: everything else.

        Each of several `heads` has its own.
        """
        self._built_plan("task")
        return self.only_head("Network.task", self._each("task")).task

    @property
    def parameters(self) -> Array:
        """Every number that is learnt, as one vector (a view: writing to it changes the network)."""
        return self._built_plan("parameters").vector.array

    @property
    def averaged_parameters(self) -> Array:
        """The moving average of `parameters` that an optimizer with `ema` keeps: a copy. Before its first step, they.

        Raises
        ------
        MisuseError
            If the optimizer keeps none.
        """
        averaged = self._built_plan("averaged_parameters").averaged()
        if averaged is None:
            raise MisuseError(
                "Network.averaged_parameters",
                given=f"{self.optimizer!r}, which keeps no average",
                expected="an optimizer that does",
                fix="Pass ema=0.999 to the optimizer: cr.Adam(ema=0.999)",
            )
        return averaged

    @property
    def gradients(self) -> Array:
        """The derivative of the loss by each of `parameters`, in the same order."""
        return self._built_plan("gradients").vector.gradient

    def penalty(self) -> float:
        """Return the sum of the L1 and L2 penalties."""
        return self._built_plan("penalty").vector.penalty()

    @property
    def leaves(self) -> dict[str, Parameter | State]:
        """Every parameter and state by name: ``dense_1.weights`` …"""
        members = self._built_plan("leaves").members
        return {leaf.name: leaf for layer in members for leaf in layer._leaves.values()}

    def states(self) -> dict[str, Array]:
        """Return a copy of what is kept and not learnt, by name: the scaling of the data, running statistics."""
        return {name: leaf._value.copy() for name, leaf in self.leaves.items() if isinstance(leaf, State)}

    def set_states(self, states: Mapping[str, Array]) -> None:
        """Take up what `states` returned.

        Raises
        ------
        UnknownNameError, ShapeError
            If a name is no state's, or an array has another shape than it. Nothing has been changed then.
        """
        own = {name: leaf for name, leaf in self.leaves.items() if isinstance(leaf, State)}
        for name, array in states.items():
            if name not in own:
                raise UnknownNameError(
                    "Network.set_states", given=repr(name), expected="the name of a state", fix=nearest(name, own)
                )
            if np.shape(array) != own[name].shape:
                raise ShapeError(
                    "Network.set_states",
                    given=f"{name!r} with shape {np.shape(array)}",
                    expected=f"{own[name].shape}",
                    fix="Pass what network.states() returned",
                )
        for name, array in states.items():
            own[name]._value[...] = array

    @property
    def nodes(self) -> dict[str, Node]:
        """Every node of the last training step by name, each with its value and its gradient."""
        return (self._last_graph or self.graph("training")).names

    def __getitem__(self, name: str) -> Node:
        """Return a node of the last training step by name, e.g. ``network["dense_1"].grad``."""
        nodes = self.nodes
        if name not in nodes:
            raise unknown_node(self, name)
        return nodes[name]

    def summary(self) -> Summary:
        """Return layers, shapes, parameters, loss and optimizer: prints as a table."""
        from chainrule.nn.summary import summarise  # only who asks waits

        members = self._built_plan("summary").members
        return summarise(self, self._chain[1:], members, self._engine.describe())

    def freeze(self, *names: str) -> None:
        """Keep the parameters of these layers as they are. The optimizer's moments start anew.

        Parameters
        ----------
        *names : str
            Layers or parameters: ``"dense_1"``, ``"dense_1.bias"``. Without any, all.
        """
        self.hold.call("Network.freeze", self._set_frozen, names, True)

    def unfreeze(self, *names: str) -> None:
        """Learn the parameters of these layers again."""
        self.hold.call("Network.unfreeze", self._set_frozen, names, False)

    def _set_frozen(self, names: tuple[str, ...], frozen: bool) -> None:
        plan = self._built_plan("freeze" if frozen else "unfreeze")
        plan.vector.set_frozen(names, frozen)
        self._run(replace(plan))

    @property
    def plan(self) -> Plan:
        """What its engine runs: graphs, vector, objective, optimizer state, generators."""
        return self._built_plan("plan")

    @property
    def vector(self) -> Vector:
        """The parameters' and the gradients' vectors, and where each parameter lies in them."""
        return self._built_plan("vector").vector

    def _built_plan(self, what: str) -> Plan:
        if self._plan is None:
            expect_outer(self)
            self._expect_layers()
            raise not_built(f"Network.{what}")
        return self._plan

    def snapshot(self, *, with_slots: bool = True) -> dict[str, Any]:
        """Return everything beyond the settings, as arrays and plain data.

        That is the shape of a sample, leaves, what is frozen, the optimizer's slots (None without `with_slots`) and
        its step, the generators' states, and of earlier trainings their last learning rate, the range of samples and
        the names of their columns.
        """
        leaves = self.leaves
        return {
            "sample_shape": self.sample_shape,
            "leaves": {name: leaf.value.copy() for name, leaf in leaves.items()},
            "frozen": [n for n, leaf in leaves.items() if isinstance(leaf, Parameter) and leaf.frozen],
            "optimizer": self.optimizer_state.arrays() if with_slots else None,
            "steps": self.optimizer_state.step,
            "generators": self.generators.states(),
            "learning_rate": self.last_learning_rate,
            "input_range": None if self.input_range is None else list(self.input_range),
            "columns": None if self.columns is None else list(self.columns),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `snapshot` returned."""
        self.hold.call("Network.restore", self._restore, state)

    def _restore(self, state: dict[str, Any]) -> None:
        self.build(state["sample_shape"])
        leaves = self.leaves
        for name in {*leaves, *state["leaves"]}:
            if name not in leaves or name not in state["leaves"]:
                given = f"{name!r} " + ("missing" if name in leaves else "too many")
                raise UnknownNameError(
                    "Network.restore", given=given, expected="the network's own leaves", fix=nearest(name, leaves)
                )
            if leaves[name].shape != state["leaves"][name].shape:
                raise ShapeError(
                    "Network.restore",
                    given=f"{name!r} with shape {state['leaves'][name].shape}",
                    expected=f"{leaves[name].shape}",
                    fix="Restore the state of a network with the same layers",
                )
        for name, leaf in leaves.items():
            leaf._value[...] = state["leaves"][name]
        frozen = [leaf.name for leaf in leaves.values() if isinstance(leaf, Parameter) and leaf.frozen]
        if set(frozen) != set(state["frozen"]):
            self.unfreeze()
            if state["frozen"]:
                self.freeze(*state["frozen"])
        if state["optimizer"] is not None:
            self.optimizer_state.restore(state["optimizer"], state["steps"])
            self._rate_setting = self.optimizer.learning_rate
        self.generators.restore(state["generators"])
        self.last_learning_rate = state["learning_rate"]
        self.input_range = None if state["input_range"] is None else InputRange(*state["input_range"])
        self.columns = None if state["columns"] is None else tuple(state["columns"])

    def copy(self, **changes: Any) -> Self:
        """Return a network with numbers of its own, equal to this one's; what is frozen stays frozen.

        As long as it has taken no step, other networks may be made of its layers:
        ``cr.Network([*network.copy().layers[:-2], cr.Dense(3), cr.Softmax()])``.

        Parameters
        ----------
        **changes
            Settings of `Network` that are to be others: ``network.copy(l2=0.01)``. The optimizer begins anew then.
            Other layers keep the numbers that they have.
        """
        checks.expect_known("Network.copy", changes, list(self.settings()))
        self._expect_layers()
        if self._owner is None and not changes:
            twin = copy.deepcopy(self)
            twin._first = self._first
        else:
            start = self._numbers() if "layers" not in changes else {}
            others = {name: value for name, value in self.settings().items() if name not in changes}
            twin = restored(type(self), {**copy.deepcopy(others), **changes}, None, start)
            if self.built and self.sample_shape is not None:
                twin.build(self.sample_shape)
                twin.input_range, twin.columns = self.input_range, self.columns
                if "layers" not in changes:
                    twin.last_learning_rate = self.last_learning_rate
                if self.schedule_ran and "optimizer" not in changes:
                    twin._rate_setting = twin.optimizer.learning_rate
        twin._spare = True
        return twin

    def replace_head(self, *layers: LayerLike | Sequence[LayerLike], **changes: Any) -> Self:
        """Return a network with a copy of this one's body, and a head of its own.

        The head is the last layer that has parameters, and all that follows it: ``cr.Dense(10), cr.Softmax()``. Of a
        network, or another container, among the layers it is the whole. All before it is the body, whose numbers are
        copied; what is frozen in it stays frozen. To part them elsewhere, write
        ``cr.Network([*network.copy().layers[:3], …])``.

        Parameters
        ----------
        *layers : layers
            The new head, in order or as one list. Without any the body alone is returned, whose outputs are features.
        **changes
            Settings of `Network`. The loss is the one that suits the new head, and the classes have no names, unless
            they are told here. All other settings stay; the optimizer begins anew.

        Returns
        -------
        Network
            It is built, for samples like this one's.

        Raises
        ------
        MisuseError
            If this network is not built.
        InputError
            If only one layer has parameters, so that no body would be left, or the new layers don't fit.

        Examples
        --------
        >>> import chainrule as cr
        >>> X, y = cr.data.spirals()
        >>> base = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(3), cr.Softmax()])
        >>> history = cr.train(base, X, y, epochs=5)
        >>> network = base.replace_head(cr.Dense(1), cr.Sigmoid())
        >>> network.layers, network.loss
        ([Dense(8), Tanh(), Dense(1), Sigmoid()], None)
        >>> bool((network["dense_1.weights"].value == base["dense_1.weights"].value).all())
        True
        >>> network.freeze("dense_1")  # only the head learns
        """
        checks.expect_known("Network.replace_head", changes, [name for name in self.settings() if name != "layers"])
        names = [parameter.name for parameter, _ in self._built_plan("replace_head").vector.places]
        learning = [
            i
            for i, layer in enumerate(self.layers)
            if isinstance(layer, Layer) and any(name.startswith(f"{layer.path}.") for name in names)
        ]
        if len(learning) < 2:
            raise InputError(
                "Network.replace_head",
                given=f"a network in which {'one layer has' if learning else 'no layer has'} parameters",
                expected="two or more that have: a body, which is kept, and a head",
                fix="Make a new network: cr.Network([…])",
            )
        head = layers[0] if len(layers) == 1 and isinstance(layers[0], (list, tuple)) else layers
        told: dict[str, Any] = {"loss": None, "loss_weights": None, "classes": None, **changes}
        if self.preparation is not None:
            told.setdefault("preparation", self.preparation.without_target())
        told.setdefault("inputs", self.sample_shape)
        return self.copy(layers=[*self.copy().layers[: learning[-1]], *head], **told)

    def _numbers(self) -> dict[str, Kept]:
        return super()._numbers() if self._plan is None else {name: kept(leaf) for name, leaf in self.leaves.items()}

    def fresh(self, **changes: Any) -> Self:
        """Return this network as it was before its first step; its layers may be taken, as those of a copy.

        One that was loaded, or pickled, after its first step is built anew from its seed.

        Parameters
        ----------
        **changes
            Settings of `Network` that are to be others. With other layers, another seed or dtype it starts with
            numbers of its own.

        Examples
        --------
        >>> import chainrule as cr
        >>> X, y = cr.data.xor()
        >>> network = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
        >>> history = cr.train(network, X, y, epochs=20)
        >>> again = network.fresh()
        >>> cr.train(again, X, y, epochs=20).final_loss == history.final_loss
        True
        """
        if not self._first and self.built and not self._trained:
            self.beginning()
        return self.started(self._first, **changes)

    def started(self, start: dict[str, Any] | None, **changes: Any) -> Self:
        """Return a network like this one where `start` was, a `History.start`; with other settings, as `fresh` has."""
        checks.expect_known("Network.fresh", changes, list(self.settings()))
        twin = restored(type(self), {**copy.deepcopy(self.settings()), **changes}, None, {})
        if not start:
            if self._plan is not None and not twin.built:
                twin.build(self.plan.sample_shape)
        elif changes.keys().isdisjoint(("layers", "seed", "dtype", "inputs")):
            twin.restore(start if "optimizer" not in changes else {**start, "optimizer": None})
        twin._spare = True
        return twin

    def beginning(self) -> dict[str, Any]:
        """Return what there is now, for `started`; what there is before the first step is kept for `fresh`."""
        start = self.snapshot(with_slots=self.optimizer_state.step > 0)
        if self._first is None:
            self._first = {} if self._trained else start
        return start

    @property
    def _trained(self) -> bool:
        return bool(self.optimizer_state.step) or self.last_learning_rate is not None

    def __getstate__(self) -> dict[str, Any]:
        self._expect_layers()
        snapshot = None if self._plan is None else self.snapshot()
        return {"settings": self.settings(), "start": self._start, "snapshot": snapshot, "ran": self.schedule_ran}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if state["snapshot"] is not None:
            self.restore(state["snapshot"])
            if not state.get("ran", True):
                self._rate_setting = None

    if not TYPE_CHECKING:  # a checker that saw this would take any name for one of a network's

        def __getattr__(self, name: str) -> NoReturn:
            if name == "_engine":  # there is one where there is a plan
                self._built_plan("build")
            places = [i for i, layer in enumerate(self.__dict__.get("layers", ())) if layer.name == name]
            if places:
                raise UnknownNameError(
                    "Network",
                    given=f".{name}",
                    expected="something that it has",
                    fix=f"Use network.layers[{places[0]}]",
                )
            super().__getattr__(name)


def restored(
    kind: type[AnyNetwork], settings: dict[str, Any], snapshot: dict[str, Any] | None, start: dict[str, Kept]
) -> AnyNetwork:
    """Return the network that was copied or read."""
    network = kind.__new__(kind)
    network.__setstate__({"settings": settings, "start": start, "snapshot": snapshot})
    return network


def _classes_of(preparation: Prepares, classes: Any) -> tuple[str, ...]:
    """Return the classes of a preparation, which numbers targets by them; others beside them are refused."""
    known = preparation.classes
    assert known is not None
    if classes is not None and (isinstance(classes, Mapping) or class_names("", classes) != known):
        raise InputError(
            "Network classes",
            given=f"{classes!r:.80} beside a preparation whose classes are {known!r:.80}",
            expected="one order of classes: that of the preparation, which numbers the targets",
            fix="Leave classes out, or make the preparation with them",
        )
    return known


def class_names(head: str, classes: Any) -> tuple[str, ...]:
    """Return the names of the classes of a head."""
    if isinstance(classes, str) or not isinstance(classes, Iterable):
        raise InputError(
            "Network classes", given=repr(classes)[:80], expected="a list of names", fix="Pass ['cat', 'dog']"
        )
    return tuple(str(name) for name in classes)
