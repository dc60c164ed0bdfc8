"""Randomness without global state: one generator for each consumer, all from one seed.

Consumers are named, so that a new one (or logging, or plotting) never shifts the numbers another one gets.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from chainrule import checks


class Generators:
    """Generators by the name of their consumer, made when they are first asked for.

    Parameters
    ----------
    seed : int, default 0

    Examples
    --------
    >>> int(Generators(seed=1)["shuffle"].integers(100)) == int(Generators(seed=1)["shuffle"].integers(100))
    True
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = checks.whole("seed", seed, least=0, most=2**63 - 1)
        self._made: dict[str, np.random.Generator] = {}

    def __getitem__(self, consumer: str) -> np.random.Generator:
        if consumer not in self._made:
            self._made[consumer] = self.fresh(consumer)
        return self._made[consumer]

    def fresh(self, consumer: str) -> np.random.Generator:
        """Return a consumer's generator as it was at the start."""
        key = zlib.crc32(consumer.encode(errors="surrogatepass"))
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=(key,))))

    def states(self) -> dict[str, Any]:
        """Return consumer -> the state of its generator, as plain data."""
        return {consumer: generator.bit_generator.state for consumer, generator in list(self._made.items())}

    def restore(self, states: dict[str, Any]) -> None:
        """Take up states that `states` returned."""
        for consumer, state in states.items():
            self[consumer].bit_generator.state = state
