"""What happens in one step, taken apart: values, derivatives along every edge, the update, and difference quotients.

A network is copied first, so that being explained changes nothing in it. What is read off is what its own step left
in the nodes; only the proof is computed anew, in float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import ChainruleError, InputError, MisuseError
from chainrule.explain.worst_sample import WORST, WorstSample, worst_sample
from chainrule.generators import Generators
from chainrule.graph import Graph, Node, Parameter
from chainrule.nn import Network
from chainrule.nn.heads import Head
from chainrule.ops.differences import Compared, compare_element
from chainrule.ops.op import Array, Op
from chainrule.optim.optimizer import global_norm
from chainrule.optim.published import Line, published_step

MOST_PROVEN = 16  # numbers of one parameter
FEW_PROVEN = 4
MOST_QUICK = 200  # nodes of a graph that many numbers are proven of: it is run anew for each
MOST_QUICK_NUMBERS = 2_000_000  # in all of its values


@dataclass(frozen=True)
class Path:
    """A derivative that arrives at a node: from a parent in which it plays a role, or from a penalty."""

    parent: int | None
    role: str
    array: Array
    penalty: Op | None = None


@dataclass(frozen=True)
class DerivativeProof:
    """A derivative of one number, by the chain rule and by difference, in float64."""

    place: int
    index: tuple[int, ...]
    given: float
    slope: Compared


@dataclass(frozen=True)
class MovedNumber:
    """The number with the largest derivative, on its way through the optimizer.

    Attributes
    ----------
    read : dict of str to float
        What the rule is given: the gradient, and its numbers for this step.
    written : dict of str to (float, float)
        What it keeps, and the weight itself, before and after.
    """

    place: int
    index: tuple[int, ...]
    read: dict[str, float]
    written: dict[str, tuple[float, float]]


@dataclass
class Analysis:
    """One step of a graph.

    Attributes
    ----------
    graph : Graph
    labels : list of str
        A name for each node.
    values, gradients : list of ndarray
        What passed forward through each node, and what came back.
    paths : list of list of Path
        What arrives at each node, path by path.
    cost, loss, penalty : float
        The number that is differentiated, and the two that it is the sum of.
    network : Network or None
        The copy that took the step.
    after : dict of int to ndarray
        The parameters after the optimizer's step.
    moved : MovedNumber or None
        One of their numbers.
    published : dict of int to list of Line
        The optimizer's rule as it was published, with the numbers of each parameter; empty if its docstring has none.
    samples, sample : int or None
        How many samples took the step, and which one alone, if it was one.
    worst : WorstSample or None
        Why it is that sample, if nobody chose it.
    dropout : bool or None
        Whether values were left out at random; None of a network that leaves none out.
    batch, target, outputs : ndarray or None
        The samples and targets, as the network takes them, and what it predicts for them before the step.
    """

    graph: Graph
    labels: list[str]
    values: list[Array]
    gradients: list[Array | None]
    paths: list[list[Path]]
    cost: float
    loss: float
    penalty: float
    network: Network | None = None
    after: dict[int, Array] = field(default_factory=dict)
    moved: MovedNumber | None = None
    published: dict[int, list[Line]] = field(default_factory=dict)
    samples: int | None = None
    sample: int | None = None
    worst: WorstSample | None = None
    dropout: bool | None = None
    batch: Array | None = None
    target: Array | None = None
    outputs: Array | None = None

    @property
    def root(self) -> int:
        return self.graph.place(self.graph.root)

    def losses(self) -> dict[int, Head]:
        """Return the places of the losses of a network, each with its head."""
        if self.network is None:
            return {}
        heads = self.network.heads
        places = [self.root] if not heads[0].name else list(self.roles(self.root).values())
        return dict(zip(places, heads, strict=True))

    def roles(self, place: int) -> dict[str, int]:
        """Return role -> place of the child."""
        return {role: self.graph.place(child) for role, child in self.graph.nodes[place].children.items()}

    def arrays(self, place: int) -> dict[str, Array]:
        """Return role -> value of the child."""
        return {role: self.values[child] for role, child in self.roles(place).items()}

    @property
    def penalised(self) -> bool:
        """Whether penalties are added to the loss, be they 0."""
        return self.network is not None and bool(self.network.vector.penalties)

    def parameters(self) -> list[int]:
        """Return the places of the leaves that derivatives are asked for, in order."""
        leaves = [node for node in self.graph.wrt if node.op is None]
        if self.network is not None:  # where nothing is learnt, a graph asks for the derivative of its inputs
            leaves = [node for node in leaves if isinstance(node, Parameter)]
        return [self.graph.place(node) for node in leaves]


def analyse_network(network: Network, x: Any, y: Any, sample: int | str | None, *, dropout: bool = True) -> Analysis:
    """Return what one training step of a network on these data does; the network itself is not touched.

    Without `dropout`, the layers are as they are in prediction, and so are the derivatives of that step.
    """
    for name, given in (("x", x), ("y", y)):
        if given is None:
            raise InputError(
                "explain", given=f"a network without {name}", expected="samples and targets", fix="Pass x=X, y=Y"
            )
    network = network.copy()
    batch, target, _ = network.as_batch("explain", x, y)
    worst = None
    if isinstance(sample, str):
        checks.one_of("explain sample", sample, (WORST,))
        network.check_targets("explain", target)
        worst = worst_sample(network, batch, target)
        sample = worst.sample
    if sample is not None:
        whole = isinstance(sample, (int, np.integer)) and not isinstance(sample, bool)
        if not whole or not -len(batch) <= sample < len(batch):
            raise InputError(
                "explain",
                given=f"sample={sample!r}",
                expected=f"the number of one of {len(batch)} samples, {WORST!r}, or None for all of them",
                fix="Count from 0",
            )
        sample = int(sample) % len(batch)
        batch, target = batch[sample : sample + 1], target[sample : sample + 1]
    outputs = network.compute(network.cast(batch))
    cost = network.compute_loss(batch, network.targets_by_head(target))
    penalty = network.penalty()
    learns = bool(network.parameters.size and network.vector.learnt())
    if learns:
        network.backward()
    graph = Graph(list(network.nodes.values())[-1])
    random = is_random(network)
    if random and not dropout:
        graph = Graph(network.plan.graph("evaluation", batch, target).root)
        gradients = graph.walk.backward(
            [node._value for node in graph.nodes], graph.place(graph.root), np.ones(graph.root.shape, graph.root.dtype)
        )
        cost = float(graph.root._value) + penalty
        if learns:
            _overwrite(network, graph, gradients)
    else:
        gradients = [node.grad for node in graph.nodes]
    analysis = _analysis(graph, gradients, network)
    analysis.cost, analysis.loss, analysis.penalty = cost, cost - penalty, penalty
    analysis.samples, analysis.sample, analysis.worst = len(batch), sample, worst
    analysis.dropout = dropout if random else None
    analysis.batch, analysis.target, analysis.outputs = batch, target, outputs
    if learns:
        analysis.published = _published(network, graph)
        analysis.moved = _optimized(network, graph)
    analysis.after = {graph.place(p): p.value.copy() for p in graph.parameters}
    return analysis


def is_random(network: Network) -> bool:
    """Return whether anything is drawn at random in training, as by dropout."""
    generators = Generators(0)
    replace(network.plan, generators=generators).example_graph("sampling")
    return bool(generators.states())


def _overwrite(network: Network, graph: Graph, gradients: list[Array | None]) -> None:
    """Let these be the gradients of the network's parameters, its penalties added, here and in its vector."""
    vector = network.vector
    for parameter, place in vector.places:
        if parameter.learnt:
            i = graph.place(parameter)
            found = gradients[i]
            vector.gradient[place] = 0 if found is None else found.reshape(-1)
    vector.add_penalty_gradients()
    for parameter, place in vector.places:
        if parameter.learnt:
            gradients[graph.place(parameter)] = vector.gradient[place].reshape(parameter.shape)


def _published(network: Network, graph: Graph) -> dict[int, list[Line]]:
    """Return the lines of the step to come, as the docstring of the optimizer has them."""
    vector, state, optimizer = network.vector, network.optimizer_state, network.optimizer
    norm = None if optimizer.clip_norm is None else global_norm(vector.learnt_gradients())
    told_rate = optimizer.learning_rate
    rate = told_rate if isinstance(told_rate, float) else network.rate_in_force
    found = {}
    for part, learnt in enumerate(vector.learnt()):
        for parameter, place in vector.places:
            if not learnt.start <= place.start < learnt.stop:
                continue
            inside, shape = slice(place.start - learnt.start, place.stop - learnt.start), parameter.shape
            gradient = optimizer.clip(vector.gradient[place], norm).reshape(shape)
            slots = {slot: state.slots[slot][part][inside].reshape(shape) for slot in optimizer.slots}
            told = (parameter.value, gradient, slots, rate, state.step + 1, parameter.penalised)
            try:
                found[graph.place(parameter)] = published_step(optimizer, *told)
            except (ChainruleError, ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
                return {}  # the docstring of a user's rule may say anything
    return found


def _optimized(network: Network, graph: Graph) -> MovedNumber:
    """Let the optimizer take its step, and return what it did to the number with the largest derivative."""
    vector, state = network.vector, network.optimizer_state
    slopes = [np.abs(gradient) for gradient in vector.learnt_gradients()]
    part = max(range(len(slopes)), key=lambda k: float(slopes[k].max()))
    i = int(slopes[part].argmax())
    flat = vector.learnt()[part].start + i
    parameter, place = next((p, place) for p, place in vector.places if place.start <= flat < place.stop)
    kept = {**{slot: arrays[part] for slot, arrays in state.slots.items()}, "weights": state.weights[part]}
    before = {name: float(array[i]) for name, array in kept.items()}
    network.optimize(None if isinstance(network.optimizer.learning_rate, float) else network.rate_in_force)
    read = {"gradient": vector.gradient[flat], **state.scalars}
    return MovedNumber(
        graph.place(parameter),
        tuple(int(k) for k in np.unravel_index(flat - place.start, parameter.shape)),
        {name: float(value) for name, value in read.items()},
        {name: (before[name], float(array[i])) for name, array in kept.items()},
    )


def analyse_graph(loss: Node) -> Analysis:
    """Return what a step through a graph built by hand does; what its nodes show stays as it is."""
    graph = Graph(loss)
    if loss._value.size != 1:
        raise MisuseError(
            "explain",
            given=f"{loss.where} with shape {loss.shape}",
            expected="a loss: one number",
            fix="Explain cr.sum(x=…) or cr.mean(x=…) of it",
        )
    graph.derivatives()  # says what is wrong if there is nothing to differentiate by
    values = [node._value for node in graph.nodes]
    gradients = graph.walk.backward(values, graph.place(loss), np.ones(loss.shape, loss.dtype))
    analysis = _analysis(graph, gradients, None)
    analysis.cost = analysis.loss = float(loss._value.reshape(()))
    return analysis


def _analysis(graph: Graph, gradients: list[Array | None], network: Network | None) -> Analysis:
    names = {id(node): name for name, node in graph.names.items()}
    labels = [names.get(id(node), f"constant_{i}") for i, node in enumerate(graph.nodes)]
    values = [node._value.copy() for node in graph.nodes]
    copies = [None if gradient is None else gradient.copy() for gradient in gradients]
    paths: list[list[Path]] = [[] for _ in graph.nodes]
    for (parent, role), (child, array) in graph.walk.handed(values, copies).items():
        paths[child].append(Path(parent, role, array))
    for parameter, penalty, array in _penalties(network):
        paths[graph.place(parameter)].append(Path(None, penalty.roles[0], array, penalty))
    return Analysis(graph, labels, values, copies, paths, 0.0, 0.0, 0.0, network)


def _penalties(network: Network | None) -> list[tuple[Parameter, Op, Array]]:
    """Return what each penalty adds to the derivative of each parameter."""
    if network is None:
        return []
    found = []
    for op, penalised in network.vector.penalties:
        for parameter, place in network.vector.places:
            if penalised.start <= place.start < penalised.stop and parameter.learnt:
                one = np.ones((), parameter.dtype)
                found.append((parameter, op, op.backward(one, None, weights=parameter.value)["weights"]))
    return found


def role_name(analysis: Analysis, place: int, role: str, words: Mapping[str, str]) -> str:
    """Return what a page calls a role: an op's own letter for it would mean something else there."""
    letters = [other for other in analysis.roles(place) if len(other) == 1]
    if role not in letters:
        return role
    return words["role_input" if len(letters) == 1 else "role_inputs"].format(count=letters.index(role) + 1)


def proofs(analysis: Analysis) -> list[DerivativeProof]:
    """Return the derivatives of the parameters' numbers, of large ones the steepest, beside difference quotients."""
    walk = analysis.graph.walk
    values = [v.astype(np.float64) if v.dtype.kind == "f" else v for v in analysis.values]
    walk.forward(values)
    root = analysis.root
    gradients = walk.backward(list(values), root, np.ones(values[root].shape))
    added: dict[int, Array] = {}
    penalised: dict[int, list[Op]] = {}
    for path_to, paths in enumerate(analysis.paths):
        for path in paths:
            if path.penalty is not None:
                op = path.penalty
                part = op.backward(np.ones(()), None, weights=values[path_to])["weights"]
                added[path_to] = added.get(path_to, 0.0) + part
                penalised.setdefault(path_to, []).append(op)
    found = []
    quick = len(values) <= MOST_QUICK and sum(value.size for value in values) <= MOST_QUICK_NUMBERS
    most, few = (MOST_PROVEN, FEW_PROVEN) if quick else (1, 1)
    for place in analysis.parameters():
        array = values[place]
        gradient = np.zeros(array.shape) if gradients[place] is None else gradients[place]
        gradient = gradient + added.get(place, 0)

        def cost(place: int = place, array: Array = array) -> float:
            walk.forward(values)
            extra = sum(float(op.forward(weights=array)) for op in penalised.get(place, []))
            return float(values[root].reshape(())) + extra

        for index in _chosen(gradient, most, few):
            where = tuple(int(i) for i in np.unravel_index(index, array.shape))
            given = float(gradient.flat[index])
            found.append(DerivativeProof(place, where, given, compare_element(cost, array, index, given, 1e-7)))
    return found


def _chosen(gradient: Array, most: int, few: int) -> list[int]:
    if gradient.size <= most:
        return list(range(gradient.size))
    steepest = np.argsort(-np.abs(gradient).reshape(-1), kind="stable")[:few]
    return sorted(int(i) for i in steepest)
