"""Watching a network while it is trained: per layer, how large values, gradients and steps are, and what is dead.

A vanishing gradient, a learning rate ten times too large and a layer of dead neurons look the same from outside, as
a loss that does not fall; here they look different.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chainrule import checks
from chainrule.errors import UnknownNameError, nearest, printable
from chainrule.explain.notation import number
from chainrule.graph import Node, Parameter
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.tables import html_table, text_table
from chainrule.training.callbacks import Callback

if TYPE_CHECKING:
    from chainrule.training import Training

_MOST_SAMPLED = 4096  # of a parameter's numbers, to measure a step by
FLAT = 0.05  # a slope below it lets hardly anything through


class Watched(NamedTuple):
    """What one node looked like at one step.

    Attributes
    ----------
    step : int
    name : str
    value : float
        The root mean square of its value; of a parameter that of at most 4,096 of its numbers, evenly spaced.
    grad : float or None
        The root mean square of its gradient.
    dead : float or None
        Of an activation: the share of neurons whose slope was 0 for every sample of the batch, which learn nothing.
    saturated : float or None
        Of an activation: the share of values where its slope was below 0.05.
    update : float or None
        Of a parameter: the size of the last step divided by its own, on the same numbers. About 0.001 is usual.
    """

    step: int
    name: str
    value: float
    grad: float | None
    dead: float | None = None
    saturated: float | None = None
    update: float | None = None


@checks.keywords
def watch(every: int = 10) -> Watch:
    """Record norms, dead and saturated shares, and the ratio of update to weight, while a network is trained.

    Parameters
    ----------
    every : int, default 10
        At which steps: each tenth.

    Returns
    -------
    Watch
        To be passed among the ``callbacks`` of `train`. ``watched["dense_1"]`` gives one node's records,
        ``columns()`` all of them; it prints as the table of the last recorded step.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> watched = watch(every=5)
    >>> network = cr.Network([cr.Dense(8), cr.ReLU(), cr.Dense(1)])
    >>> history = cr.train(network, X, y, epochs=20, batch_size=4, callbacks=[watched])
    >>> len(watched["relu_1"]), sorted(watched.names())
    (4, ['dense_1', 'dense_1.bias', 'dense_1.weights', 'dense_2', 'dense_2.bias', 'dense_2.weights', 'loss', 'relu_1'])
    """
    return Watch(every)


class Watch(Callback):
    """What `watch` returns: a callback that keeps a record of the steps it saw.

    Attributes
    ----------
    records : list of Watched
        One for each node and recorded step.
    """

    def __init__(self, every: int = 10) -> None:
        self.every = checks.whole("watch every", every)
        self.records: list[Watched] = []
        self._before: dict[int, Array] = {}  # of each parameter, a sample
        self._activations: dict[int, tuple[Node, Array | None]] = {}

    def begin(self, training: Training) -> None:
        self._before, self._activations = {}, {}
        if self.every == 1 and training.network.built:
            self._remember(training.network)

    def after_step(self, training: Training) -> None:
        step, network = training.step, training.network
        if step % self.every == 0:
            self._record(step, network)
        if (step + 1) % self.every == 0:  # to know what the next step will have changed
            self._remember(network)

    def _remember(self, network: Network) -> None:
        self._before = {id(parameter): _sample(parameter.array).copy() for parameter, _ in network.vector.places}

    def _record(self, step: int, network: Network) -> None:
        for name, node in network.nodes.items():
            if node.op is not None:
                dead, saturated = self._slopes(node)
                self.records.append(Watched(step, name, _size(node._value), _size_of_grad(node), dead, saturated))
            elif isinstance(node, Parameter):
                now, before, update = _sample(node.array), self._before.get(id(node)), None
                size = _size(now)
                if before is not None:
                    update = _size(now - before) / max(size, 1e-30)
                self.records.append(Watched(step, name, size, _size_of_grad(node), update=update))

    def _slopes(self, node: Node) -> tuple[float | None, float | None]:
        """Return the dead and the saturated share of an activation."""
        value = node._value
        known = self._activations.get(id(node))
        if known is None or known[0] is not node or (known[1] is not None and known[1].shape != value.shape):
            known = node, np.ones(value.shape, value.dtype) if is_activation(node) else None
            self._activations[id(node)] = known
        ones = known[1]
        if ones is None or node.op is None:
            return None, None
        ((role, child),) = node.children.items()
        slopes = np.abs(node.op.backward(ones, value, **{role: child._value})[role])
        steepest = np.maximum.reduce(slopes, axis=0)  # of each neuron, over the samples
        return 1 - np.count_nonzero(steepest) / steepest.size, 1 - np.count_nonzero(slopes >= FLAT) / slopes.size

    def names(self) -> list[str]:
        """Return the nodes that were watched."""
        return list(dict.fromkeys(record.name for record in self.records))

    def __getitem__(self, name: str) -> list[Watched]:
        """Return the records of one node, in order."""
        found = [record for record in self.records if record.name == name]
        if not found:
            fix = nearest(name, self.names())
            if not self.records:
                fix = "Pass it to cr.train(…, callbacks=[watch]); it looks at each step if it is cr.watch(every=1)"
            raise UnknownNameError("Watch", given=repr(name), expected="a node that was watched", fix=fix)
        return found

    def columns(self) -> dict[str, list[Any]]:
        """Return all records as columns, under the names of `Watched`'s attributes."""
        return {key: [getattr(record, key) for record in self.records] for key in Watched._fields}

    def rows(self) -> list[tuple[str, ...]]:
        """Return the last recorded step as a table."""
        if not self.records:
            return []
        last = self.records[-1].step
        latest = [record for record in self.records if record.step == last]
        return [
            (printable(r.name), *(_told(v) for v in (r.value, r.grad, r.dead, r.saturated, r.update))) for r in latest
        ]

    def __str__(self) -> str:
        if not self.records:
            return f"{self!r}: nothing recorded yet"
        return "\n".join([f"step {self.records[-1].step}", *text_table(_HEAD, self.rows())])

    def _repr_html_(self) -> str:
        return html_table(_HEAD, self.rows())


_HEAD = ("node", "value", "gradient", "dead", "saturated", "update / weight")


def is_activation(node: Node) -> bool:
    """Return whether a node's op works element by element on one array with a row a sample."""
    if node.op is None or len(node.children) != 1:
        return False
    ((role, child),) = node.children.items()
    z = child._value
    if z.shape != node.shape or z.ndim < 2 or not z.size:
        return False
    row = z[:1].copy()
    row[..., -1] += 1  # a softmax would change the others as well
    moved = np.asarray(node.op.forward(**{role: row}))
    alone = np.asarray(node.op.forward(**{role: z[:1, :1].copy()}))
    same = (moved[..., :-1], node._value[:1][..., :-1]), (alone, node._value[:1, :1])
    return all(np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True) for a, b in same)


def _sample(array: Array) -> Array:
    flat = array.reshape(-1)
    return flat[:: -(-flat.size // _MOST_SAMPLED) or 1]


def _size(array: Array) -> float:
    return math.sqrt(np.vdot(array, array) / array.size) if array.size else math.nan


def _size_of_grad(node: Node) -> float | None:
    return None if node._grad is None else _size(node._grad)


def _told(value: float | None) -> str:
    return "" if value is None else number(value)
