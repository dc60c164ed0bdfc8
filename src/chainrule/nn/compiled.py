"""The compiled engine: many steps in one call, from the same record that is replayed.

What can't be compiled is replayed, and the summary says so. Single steps are replayed as well: compiling pays for
whole epochs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.errors import InputError, MissingExtraError
from chainrule.nn.engine import Calling, Engine, Replaying, quiet
from chainrule.nn.nonfinite import nonfinite_error
from chainrule.ops.op import Array
from chainrule.replay import Program

if TYPE_CHECKING:
    from chainrule.nn.network import Network
    from chainrule.replay.compiled import CompiledEpoch


class Compiled(Replaying):
    """Replays, and compiles whole runs of steps."""

    def __init__(self, network: Network) -> None:
        super().__init__(network, keep_records=True)
        self._made: dict[int, tuple[Program, CompiledEpoch | None]] = {}
        self.refused: set[str] = set()

    def describe(self) -> str:
        text = super().describe()
        if self.refused:
            return f"{text}; not compiled, because of {', '.join(sorted(self.refused))}"
        return f"{text}; whole epochs compiled"

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
        weights = None if sample_weight is None else np.ones(1, sample_weight.dtype)
        program = self._take("training", x[:1], y[:1], weights, order.shape[1])
        epoch = self._compiled(program)
        if epoch is None:
            return None
        state = self.network.optimizer_state
        data = {"x": x, "y": y} if sample_weight is None else {"x": x, "y": y, "sample_weight": sample_weight}
        for mask, array in self._masks:
            data[str(mask.name)] = np.stack([mask.drawn(len(array)) for _ in rates])
        losses = np.empty(len(rates))
        with quiet():
            taken = epoch.run(data, order.reshape(-1), state.ahead(rates), losses, copies)
        self._spent = True
        state.went_ahead(taken)
        if taken < len(rates):
            raise nonfinite_error(self.network, rates[taken])
        return losses

    def _compiled(self, program: Program) -> CompiledEpoch | None:
        """Return a program, compiled; None if it can't be."""
        from chainrule.replay.compiled import Uncompilable, compile_program  # numba takes its time to import

        if id(program) not in self._made:
            masks = [str(mask.name) for mask, _ in self._masks]
            state = self.network.optimizer_state
            epoch = None
            try:
                epoch = compile_program(
                    program,
                    gathered=[name for name in program.inputs if name not in masks],
                    stacked=masks,
                    scalars=[state.rate, *state.scalars.values()],
                    gradient=self.network.vector.gradient,
                    copied=self.network.vector.array,
                )
            except Uncompilable as reason:
                self.refused.add(str(reason))
            except MissingExtraError as reason:  # a model file may come from a machine that has it
                self.refused.add(f"{reason.given} ({reason.fix})")
            self._made[id(program)] = program, epoch  # the program is kept, so that its id stays its own
        return self._made[id(program)][1]


def engine_of(network: Network) -> Engine:
    """Return the engine that a network asks for."""
    if network.dynamic and network.compiled:
        raise InputError("Network", given="dynamic and compiled", expected="one of them", fix="Leave compiled out")
    if network.compiled:
        return Compiled(network)
    return Calling(network) if network.dynamic else Replaying(network)
