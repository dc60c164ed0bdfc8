"""How a network's graphs are run: recorded once and replayed, or called anew for each batch.

Both engines do the same work on the same vectors; `Network` chooses one and hands it arrays that have been through
its door.
"""

from __future__ import annotations

import threading
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from chainrule.graph.graph import Graph
from chainrule.nn.dropout import Mask
from chainrule.nn.graphs import example_graph, graph_over
from chainrule.nn.nonfinite import nonfinite_error
from chainrule.ops.op import Array
from chainrule.replay import Program, Programs
from chainrule.replay.program import Wrap

if TYPE_CHECKING:
    from chainrule.nn.network import Network


ROWS = 512  # predicted at a time: they are copied to the cache, and computed with from there


class Engine(Protocol):
    """What a network asks of its engine. It calls `forward`, `backward` and `optimize` with warnings off."""

    graph: Graph | None
    """The graph of the last forward pass, whose nodes show values and gradients."""

    def forward(self, x: Array, y: Array, sample_weight: Array | None) -> float:
        """Run a batch forward in training and return its data loss."""

    def backward(self) -> None:
        """Send derivatives back, penalties included."""

    def optimize(self, learning_rate: float | None) -> None:
        """Take a step of the optimizer."""

    def step(
        self, x: Array, y: Array, sample_weight: Array | None, learning_rate: float | None, with_loss: bool = True
    ) -> float:
        """Do all three, unless the loss or a gradient is not finite, and return the data loss; NaN without it."""

    def compute(self, x: Array) -> Array:
        """Return the output, freshly; changes nothing."""

    def compute_with_loss(self, x: Array, y: Array, sample_weight: Array | None) -> tuple[float, Array]:
        """Return the data loss and the output, freshly; changes nothing."""

    def buffers(self, x: Array, y: Array, sample_weight: Array | None, count: int) -> dict[str, Array] | None:
        """Return arrays for a batch of `count` samples like these: what is gathered there need not be copied."""

    def describe(self) -> str:
        """Return in words how the graphs are run."""


class Calling:
    """Applies the layers anew to each batch and calls their ops: for layers whose Python looks at values."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.graph: Graph | None = None

    def forward(self, x: Array, y: Array, sample_weight: Array | None) -> float:
        self.graph = graph_over(self.network, x, y, sample_weight, "training")
        return float(self.graph.root._value)

    def backward(self) -> None:
        assert self.graph is not None
        self.graph.backward()
        self.network.vector.add_penalty_gradients()

    def optimize(self, learning_rate: float | None) -> None:
        self.network.optimizer_state.apply(self.network.vector.learnt_gradients(), learning_rate)

    def step(
        self, x: Array, y: Array, sample_weight: Array | None, learning_rate: float | None, with_loss: bool = True
    ) -> float:
        loss = self.forward(x, y, sample_weight)
        self.backward()
        if not _finite(loss, self.network.gradients):
            raise nonfinite_error(self.network, learning_rate)
        self.optimize(learning_rate)
        return loss if with_loss else nan

    def compute(self, x: Array) -> Array:
        return graph_over(self.network, x, None, None, "prediction").compute()[0]

    def compute_with_loss(self, x: Array, y: Array, sample_weight: Array | None) -> tuple[float, Array]:
        loss, output = graph_over(self.network, x, y, sample_weight, "evaluation").compute()
        return float(loss), output

    def buffers(self, x: Array, y: Array, sample_weight: Array | None, count: int) -> dict[str, Array] | None:
        return None

    def describe(self) -> str:
        return "layers applied anew to each batch, ops called (dynamic)"


class Replaying:
    """Builds each graph once, records it for each shape of batch, and replays the records."""

    def __init__(self, network: Network, *, lowering: bool = True, keep_records: bool = False) -> None:
        self.network = network
        self.lowering, self.keep_records = lowering, keep_records
        self.graph: Graph | None = None
        self._program: Program | None = None
        self._spent = False
        self._masks: list[tuple[Mask, Array]] = []
        self._places: tuple[Array | None, ...] = (None, None, None)
        self._programs: dict[str, Programs] = {}
        self._lock = threading.RLock()

    def forward(self, x: Array, y: Array, sample_weight: Array | None) -> float:
        program = self._fed(x, y, sample_weight)
        program.run(0)
        self._spent = False
        return float(program.root)

    def _fed(self, x: Array, y: Array, sample_weight: Array | None) -> Program:
        """Return the program for a batch, which lies where the program reads it then."""
        program = self._program
        x_place, y_place, weight_place = self._places
        if program is None or x is not x_place or y is not y_place or sample_weight is not weight_place:
            program = self._take("training", x, y, sample_weight, len(x))
            program.feed(**_feeds(x, y, sample_weight))
        for mask, array in self._masks:
            array[...] = mask.drawn(len(array))
        return program

    def backward(self) -> None:
        assert self._program is not None
        if self._spent:  # the first backward has written over what it no longer needed
            self._program.run(0)
        self._program.run(1)
        self._program.run(2)
        self._spent = True

    def optimize(self, learning_rate: float | None) -> None:
        assert self._program is not None
        self.network.optimizer_state.advance(learning_rate)
        self._program.run(3)

    def step(
        self, x: Array, y: Array, sample_weight: Array | None, learning_rate: float | None, with_loss: bool = True
    ) -> float:
        program = self._fed(x, y, sample_weight)
        for function, arguments in program.before_last if with_loss else program.before_last_silent:
            function(*arguments)
        self._spent = True
        if with_loss:
            loss: float = program.root.item()
        else:
            loss = 0.0
            program.root.fill(nan)  # rather than show an earlier step's
        if not _finite(loss, self._gradient):
            program.run(0)  # the loss too: the error looks at every value
            raise nonfinite_error(self.network, learning_rate)
        self._state.advance(learning_rate)
        for function, arguments in program.plans[3]:
            function(*arguments)
        return loss if with_loss else nan

    def compute(self, x: Array) -> Array:
        parts = []
        for start in range(0, max(len(x), 1), ROWS):
            rows = x[start : start + ROWS]
            with self.programs("prediction").lent({"x": rows}) as program:
                program.feed(x=rows)
                program.run(0)
                parts.append(program.results[0].copy())
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def compute_with_loss(self, x: Array, y: Array, sample_weight: Array | None) -> tuple[float, Array]:
        feeds = _feeds(x, y, sample_weight)
        with self.programs(_kind("evaluation", sample_weight)).lent(feeds) as program:
            program.feed(**feeds)
            program.run(0)
            loss, output = program.results
            return float(loss), output.copy()

    def buffers(self, x: Array, y: Array, sample_weight: Array | None, count: int) -> dict[str, Array] | None:
        weights = None if sample_weight is None else np.ones(1, sample_weight.dtype)  # the first may be 0
        return self._take("training", x[:1], y[:1], weights, count).inputs

    def describe(self) -> str:
        called = sorted({where for programs in list(self._programs.values()) for where in programs.called})
        text = "recorded and replayed"
        return text + (f"; called, because they can't be recorded: {', '.join(called)}" if called else "")

    def programs(self, kind: str) -> Programs:
        """Return the programs of one graph: see `Network.graph`."""
        with self._lock:
            found = self._programs.get(kind)
            if found is None or found.graph.outdated:
                found = self._programs[kind] = self._new_programs(kind)
            return found

    def _new_programs(self, kind: str) -> Programs:
        network = self.network
        graph = example_graph(network, kind)
        if not kind.startswith("training"):
            return Programs(graph, lowering=self.lowering)
        state, vector = network.optimizer_state, network.vector

        def penalties(wrap: Wrap) -> None:
            vector.add_penalty_gradients(wrap)

        def update(wrap: Wrap) -> None:
            state.formulas([wrap(gradient) for gradient in vector.learnt_gradients()], wrap)

        slots = [array for arrays in state.slots.values() for array in arrays]
        return Programs(
            graph,
            [vector.array, vector.gradient, *slots],
            gradients=bool(graph.wrt),
            stages=[penalties, update],
            lowering=self.lowering,
            keep_record=self.keep_records,
        )

    def _take(self, use: str, x: Array, y: Array, sample_weight: Array | None, count: int) -> Program:
        """Let the nodes show the program for a batch of `count` samples like these."""
        programs = self.programs(_kind(use, sample_weight))
        examples: dict[str, Any] = _feeds(x, y, sample_weight)
        masks = [node for node in programs.graph.nodes if isinstance(node, Mask)]
        examples.update({str(mask.name): mask._value for mask in masks})
        sized = {
            name: array if len(array) == count else np.resize(array[:1], (count, *array.shape[1:]))
            for name, array in examples.items()
        }
        program = programs.get(sized)
        if program is not self._program:
            program.show()
            self._program, self.graph = program, programs.graph
            self._places = program.inputs["x"], program.inputs["y"], program.inputs.get("sample_weight")
            self._gradient, self._state = self.network.vector.gradient, self.network.optimizer_state
            self._masks = [(mask, program.inputs[str(mask.name)]) for mask in masks]
        return program


def _finite(loss: float, gradient: Array) -> bool:
    """Return whether all are finite: a sum of squares is, only if every element is, or it overflows itself."""
    return isfinite(loss) and (isfinite(gradient.dot(gradient)) or bool(np.isfinite(gradient).all()))


def quiet() -> np.errstate:
    """While arithmetic may overflow: what comes of it is looked at, not warned of."""
    return np.errstate(all="ignore")


def _kind(use: str, sample_weight: Array | None) -> str:
    return use if sample_weight is None else f"{use}-weighted"


def _feeds(x: Array, y: Array, sample_weight: Array | None) -> dict[str, Array]:
    return {"x": x, "y": y} if sample_weight is None else {"x": x, "y": y, "sample_weight": sample_weight}
