"""Engines: how a plan's graphs are run. Ops are called anew for each batch, recorded and replayed, or compiled.

Each does the same work, in the same stages, on the same vectors: gather, forward, backward, penalty, update, state.
Where a step has several batches, gather, forward, backward and state are run for each, penalty and update once. An
engine knows its plan and no network; what it is handed has been checked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from chainrule.errors import MissingExtraError
from chainrule.generators import Generators
from chainrule.graph.graph import Graph
from chainrule.graph.node import Drawn, Node
from chainrule.nn.nonfinite import nonfinite_error
from chainrule.nn.plan import Plan
from chainrule.ops.arithmetic import WeightedSum
from chainrule.ops.op import Array
from chainrule.replay import Program, Programs
from chainrule.replay.program import Wrap

if TYPE_CHECKING:
    from chainrule.replay.compiled import CompiledEpoch


ACCUMULATION = "gradients of several batches in a step"
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
        """Take a step of the optimizer, and let states take their new values."""

    def step(
        self, x: Array, y: Array, sample_weight: Array | None, learning_rate: float | None, with_loss: bool = True
    ) -> float:
        """Do all three, unless the loss or a gradient is not finite, and return the data loss; NaN without it."""

    def accumulate(
        self, x: Array, y: Array, sample_weight: Array | None, share: float, learning_rate: float | None
    ) -> float:
        """Take a batch into the mean gradient, of which it is this share, unless something is not finite.

        States take their new values. Returns the data loss of the batch.
        """

    def step_accumulated(self, learning_rate: float | None) -> None:
        """Take a step of the optimizer down the mean gradient, penalties included, unless it is not finite."""

    def steps(
        self,
        x: Array,
        y: Array,
        sample_weight: Array | None,
        order: Array,
        rates: Sequence[float],
        copies: Array | None = None,
    ) -> Array | None:
        """Take a step on each batch of `order` in one call, and return their losses; None if it can't be done.

        Of several heads a row for each step: the loss, and theirs.
        """
        return None

    def compute(self, x: Array) -> Array:
        """Return the output, freshly; changes nothing."""

    def sampler(self, generators: Generators) -> Callable[[Array], Array]:
        """Return a function that computes the output with dropout, drawn from these; it changes nothing else."""

    def compute_with_loss(self, x: Array, y: Array, sample_weight: Array | None) -> tuple[float, Array, list[float]]:
        """Return the data loss, the output, and the losses of several heads, freshly; changes nothing."""

    def record(self, x: Array, y: Array, sample_weight: Array | None, count: int) -> dict[str, Array] | None:
        """Get ready for batches of `count` samples like these, and return where they are read from.

        What is gathered there need not be copied. None where there is no such place.
        """
        return None

    def stepped_because(self, reason: str) -> None:
        """Note why steps are taken one by one, where that is not the engine's own way."""

    def describe(self) -> str:
        """Return in words how the graphs are run."""


class Dynamic(Engine):
    """Applies the layers anew to each batch and calls their ops: for layers whose Python looks at values."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.graph: Graph | None = None

    def forward(self, x: Array, y: Array, sample_weight: Array | None) -> float:
        self.graph = self.plan.graph("training", x, y, sample_weight)
        return float(self.graph.root._value)

    def backward(self) -> None:
        assert self.graph is not None
        self.graph.backward()
        self._finish_gradient()

    def _finish_gradient(self) -> None:
        if self.plan.after_backward is not None:
            self.plan.after_backward(self.plan.vector.gradient)
        self.plan.vector.add_penalty_gradients()

    def optimize(self, learning_rate: float | None) -> None:
        assert self.graph is not None
        self.plan.optimizer_state.apply(self.plan.vector.learnt_gradients(), learning_rate)
        self.graph.update_states()

    def step(
        self, x: Array, y: Array, sample_weight: Array | None, learning_rate: float | None, with_loss: bool = True
    ) -> float:
        loss = self.forward(x, y, sample_weight)
        self.backward()
        if not _finite(loss, self.plan.vector.gradient):
            assert self.graph is not None
            raise nonfinite_error(self.plan, self.graph, learning_rate)
        self.optimize(learning_rate)
        return loss if with_loss else nan

    def accumulate(
        self, x: Array, y: Array, sample_weight: Array | None, share: float, learning_rate: float | None
    ) -> float:
        loss = self.forward(x, y, sample_weight)
        assert self.graph is not None
        self.graph.backward()
        if not _finite(loss, self.plan.vector.gradient):
            raise nonfinite_error(self.plan, self.graph, learning_rate)
        self.plan.accumulate(share)
        self.graph.update_states()
        return loss

    def step_accumulated(self, learning_rate: float | None) -> None:
        plan = self.plan
        assert self.graph is not None
        np.copyto(plan.vector.gradient, plan.accumulated)
        self._finish_gradient()
        if not _finite(0.0, plan.vector.gradient):
            raise nonfinite_error(plan, self.graph, learning_rate)
        plan.optimizer_state.apply(plan.vector.learnt_gradients(), learning_rate)

    def compute(self, x: Array) -> Array:
        return self.plan.graph("prediction", x).compute()[0]

    def sampler(self, generators: Generators) -> Callable[[Array], Array]:
        plan, _ = self.plan.sampling(generators)
        return lambda x: plan.graph("sampling", x).compute()[0]

    def compute_with_loss(self, x: Array, y: Array, sample_weight: Array | None) -> tuple[float, Array, list[float]]:
        loss, output, *parts = self.plan.graph("evaluation", x, y, sample_weight).compute()
        return float(loss), output, list(map(float, parts))

    def describe(self) -> str:
        return "layers applied anew to each batch, ops called (dynamic)"


class Replay(Engine):
    """Builds each graph once, records it for each shape of batch, and replays the records."""

    def __init__(self, plan: Plan, *, lowering: bool = True, keep_records: bool = False) -> None:
        self.plan = plan
        self.lowering, self.keep_records = lowering, keep_records
        self.graph: Graph | None = None
        self._program: Program | None = None
        self._spent = False
        self._drawn: list[tuple[Drawn, Array]] = []
        self._places: tuple[Array | None, ...] = (None, None, None)
        self._programs: dict[str, Programs] = {}
        self._lock = threading.RLock()

    def forward(self, x: Array, y: Array, sample_weight: Array | None) -> float:
        program = self._fed(x, y, sample_weight)
        program.run("forward")
        self._spent = False
        return float(program.root)

    def _fed(self, x: Array, y: Array, sample_weight: Array | None) -> Program:
        """Return the program for a batch, which lies where the program reads it then: the stage gather."""
        program = self._program
        x_place, y_place, weight_place = self._places
        if program is None or x is not x_place or y is not y_place or sample_weight is not weight_place:
            program = self._take(x, y, sample_weight, len(x))
            program.feed(**_feeds(x, y, sample_weight))
        for node, array in self._drawn:
            array[...] = node.drawn(len(array))
        return program

    def backward(self) -> None:
        assert self._program is not None
        if self._spent:  # the first backward has written over what it no longer needed
            self._program.run("forward")
        self._back(self._program)
        self._spent = True

    def _back(self, program: Program) -> None:
        program.run("backward")
        self._finish_gradient(program)

    def _finish_gradient(self, program: Program) -> None:
        if self.plan.after_backward is not None:
            self.plan.after_backward(self.plan.vector.gradient)
        program.run("penalty")

    def optimize(self, learning_rate: float | None) -> None:
        assert self._program is not None
        self.plan.optimizer_state.advance(learning_rate)
        for function, arguments in self._program.from_update:
            function(*arguments)

    def step(
        self, x: Array, y: Array, sample_weight: Array | None, learning_rate: float | None, with_loss: bool = True
    ) -> float:
        program = self._fed(x, y, sample_weight)
        if self.plan.after_backward is not None:
            program.run("forward")
            self._back(program)
        else:
            for function, arguments in program.before_update if with_loss else program.before_update_silent:
                function(*arguments)
        self._spent = True
        if with_loss:
            loss: float = program.root.item()
        else:
            loss = 0.0
            program.root.fill(nan)  # rather than show an earlier step's
        if not _finite(loss, self._gradient):
            program.run("forward")  # the loss too: the error looks at every value
            raise nonfinite_error(self.plan, program.graph, learning_rate)
        self._state.advance(learning_rate)
        for function, arguments in program.from_update:
            function(*arguments)
        return loss if with_loss else nan

    def accumulate(
        self, x: Array, y: Array, sample_weight: Array | None, share: float, learning_rate: float | None
    ) -> float:
        program = self._fed(x, y, sample_weight)
        program.run("forward", "backward")
        self._spent = True
        loss: float = program.root.item()
        if not _finite(loss, self._gradient):
            program.run("forward")  # the error looks at every value
            raise nonfinite_error(self.plan, program.graph, learning_rate)
        self.plan.accumulate(share)
        if "state" in program.plans:
            program.run("state")
        return loss

    def step_accumulated(self, learning_rate: float | None) -> None:
        program = self._program
        assert program is not None
        np.copyto(self._gradient, self.plan.accumulated)
        self._finish_gradient(program)
        if not _finite(0.0, self._gradient):
            program.run("forward")
            raise nonfinite_error(self.plan, program.graph, learning_rate)
        self._state.advance(learning_rate)
        program.run("update")

    def compute(self, x: Array) -> Array:
        if len(x) <= ROWS:
            return self.programs("prediction").compute(x)[0]
        return np.concatenate([self.compute(x[start : start + ROWS]) for start in range(0, len(x), ROWS)])

    def sampler(self, generators: Generators) -> Callable[[Array], Array]:
        with self._lock:
            _, graph = self.plan.sampling(generators)
        programs = Programs(graph, lowering=self.lowering)
        drawn = [node for node in graph.nodes if isinstance(node, Drawn)]

        def sample(x: Array) -> Array:
            feeds = {"x": x, **{str(node.name): node.drawn(len(x)) for node in drawn}}
            program = programs.get(feeds)
            program.feed(**feeds)
            program.run_quietly("forward")
            return program.results[0].copy()

        return sample

    def compute_with_loss(self, x: Array, y: Array, sample_weight: Array | None) -> tuple[float, Array, list[float]]:
        programs = self.programs(_kind("evaluation", sample_weight))
        loss, output, *parts = programs.compute(*_feeds(x, y, sample_weight).values())
        return float(loss), output, list(map(float, parts))

    def record(self, x: Array, y: Array, sample_weight: Array | None, count: int) -> dict[str, Array] | None:
        weights = None if sample_weight is None else np.ones_like(sample_weight[:1])  # the first may be 0
        return self._take(x[:1], y[:1], weights, count).inputs

    def describe(self) -> str:
        called = sorted({where for programs in list(self._programs.values()) for where in programs.called})
        told = next((programs.update_told for programs in list(self._programs.values()) if programs.update_told), "")
        text = "recorded and replayed" + (f", the update {told}" if told else "")
        return text + (f"; called, because they can't be recorded: {', '.join(called)}" if called else "")

    def programs(self, kind: str) -> Programs:
        """Return the programs of one graph: see `Network.graph`."""
        found = self._programs.get(kind)
        if found is not None and (kind == "prediction" or not found.graph.outdated):
            return found
        with self._lock:
            found = self._programs.get(kind)
            if found is None or found.graph.outdated:
                found = self._programs[kind] = self._new_programs(kind)
            return found

    def _new_programs(self, kind: str) -> Programs:
        graph = self.plan.example_graph(kind)
        if not kind.startswith("training"):
            return Programs(graph, lowering=self.lowering)
        state, vector = self.plan.optimizer_state, self.plan.vector

        def update(wrap: Wrap) -> None:
            state.formulas([wrap(gradient) for gradient in vector.learnt_gradients()], wrap)

        slots = [array for arrays in state.slots.values() for array in arrays]
        return Programs(
            graph,
            [vector.array, vector.gradient, *slots],
            gradients=bool(graph.wrt),
            stages={"penalty": vector.add_penalty_gradients, "update": update},
            lowering=self.lowering,
            keep_record=self.keep_records,
        )

    def _take(self, x: Array, y: Array, sample_weight: Array | None, count: int) -> Program:
        """Let the nodes show the program for a batch of `count` samples like these."""
        programs = self.programs(_kind("training", sample_weight))
        examples: dict[str, Any] = _feeds(x, y, sample_weight)
        drawn = [node for node in programs.graph.nodes if isinstance(node, Drawn)]
        examples.update({str(node.name): node._value for node in drawn})
        sized = {
            name: array if len(array) == count else np.resize(array[:1], (count, *array.shape[1:]))
            for name, array in examples.items()
        }
        program = programs.get(sized)
        if program is not self._program:
            program.show()
            self._program, self.graph = program, programs.graph
            self._places = program.inputs["x"], program.inputs["y"], program.inputs.get("sample_weight")
            self._gradient, self._state = self.plan.vector.gradient, self.plan.optimizer_state
            self._drawn = [(node, program.inputs[str(node.name)]) for node in drawn]
        return program


class Compiled(Replay):
    """Replays single steps, and compiles whole runs of them: many steps in one call, from the same record.

    What can't be compiled is replayed, and the summary says so.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, keep_records=True)
        self._made: dict[int, tuple[Program, CompiledEpoch | None]] = {}
        self.refused: set[str] = set()
        self._outside = ""

    def describe(self) -> str:
        text = super().describe()
        refused = {*self.refused, self._outside} - {""}
        if refused:
            return f"{text}; not compiled, because of {', '.join(sorted(refused))}"
        return f"{text}; whole epochs compiled"

    def accumulate(
        self, x: Array, y: Array, sample_weight: Array | None, share: float, learning_rate: float | None
    ) -> float:
        self.refused.add(ACCUMULATION)
        return super().accumulate(x, y, sample_weight, share, learning_rate)

    def stepped_because(self, reason: str) -> None:
        self._outside = reason

    def steps(
        self,
        x: Array,
        y: Array,
        sample_weight: Array | None,
        order: Array,
        rates: Sequence[float],
        copies: Array | None = None,
    ) -> Array | None:
        """Take a step on each batch of `order` (steps, batch), at its rate; return their data losses.

        The parameters are copied into the rows of `copies`, each after equally many steps. None if it can't be
        compiled: nothing has been done then.

        Raises
        ------
        NonFiniteError
            If a loss or a gradient is not finite: the update of that step and all after it are left out.
        """
        weights = None if sample_weight is None else np.ones_like(sample_weight[:1])
        program = self._take(x[:1], y[:1], weights, order.shape[1])
        epoch = self._compiled(program)
        if epoch is None:
            return None
        state = self.plan.optimizer_state
        data = {"x": x, "y": y} if sample_weight is None else {"x": x, "y": y, "sample_weight": sample_weight}
        for node, array in self._drawn:
            data[str(node.name)] = np.stack([node.drawn(len(array)) for _ in rates])
        parts = parts_of(program.graph)
        losses = np.empty((len(rates), 1 + len(parts)) if parts else len(rates))
        with quiet():
            taken = epoch.run(data, order.reshape(-1), state.ahead(rates), losses, copies)
        self._spent = True
        state.went_ahead(taken)
        self.refused.discard(ACCUMULATION)  # of an earlier training
        if taken < len(rates):
            raise nonfinite_error(self.plan, program.graph, rates[taken])
        return losses

    def _compiled(self, program: Program) -> CompiledEpoch | None:
        """Return a program, compiled; None if it can't be."""
        from chainrule.replay.compiled import Uncompilable, compile_program  # numba takes its time to import

        if id(program) not in self._made:
            drawn = [str(node.name) for node, _ in self._drawn]
            state = self.plan.optimizer_state
            epoch = None
            try:
                if self.plan.after_backward is not None:
                    raise Uncompilable("what is done with the gradients between the backward pass and the update")
                epoch = compile_program(
                    program,
                    gathered=[name for name in program.inputs if name not in drawn],
                    stacked=drawn,
                    scalars=[state.rate, *state.scalars.values()],
                    gradient=self.plan.vector.gradient,
                    copied=self.plan.vector.array,
                    noted=parts_of(program.graph),
                )
            except Uncompilable as reason:
                self.refused.add(str(reason))
            except MissingExtraError as reason:  # a model file may come from a machine that has it
                self.refused.add(f"{reason.given} ({reason.fix})")
            self._made[id(program)] = program, epoch  # the program is kept, so that its id stays its own
        return self._made[id(program)][1]


ENGINES: dict[str, type[Dynamic | Replay]] = {"replay": Replay, "dynamic": Dynamic, "compiled": Compiled}


def parts_of(graph: Graph) -> list[Node]:
    """Return the losses of several heads, of which the loss of a graph is the sum; of one output there are none."""
    return list(graph.root.children.values()) if isinstance(graph.root.op, WeightedSum) else []


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
