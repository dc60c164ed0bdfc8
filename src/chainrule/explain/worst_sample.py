"""Which sample to look at where nobody says: the one with the largest loss, from which the network learns most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.nn import Network
from chainrule.ops.op import Array

WORST = "worst"
MOST_LOOKED_AT = 10_000  # samples
_CHUNK = 512


@dataclass(frozen=True)
class WorstSample:
    """The sample with the largest loss.

    Attributes
    ----------
    sample : int
    loss : float
        Its own, without penalties.
    among : int
        How many samples were looked at, the first ones.
    every : bool
        Whether those are all that there are.
    alike : int
        How many of them have that loss; it is the first.
    """

    sample: int
    loss: float
    among: int
    every: bool
    alike: int


def worst_sample(network: Network, batch: Array, target: Array) -> WorstSample:
    """Return the sample with the largest loss, of equal ones the first; as in prediction, without dropout."""
    looked_at = min(len(batch), MOST_LOOKED_AT)
    losses = np.concatenate(
        [_losses(network, batch[i : i + _CHUNK], target[i : i + _CHUNK]) for i in range(0, looked_at, _CHUNK)]
    )[:looked_at]
    worst = int(losses.argmax())  # a loss that is NaN is the largest
    alike = int(np.isnan(losses).sum() if np.isnan(losses[worst]) else (losses == losses[worst]).sum())
    return WorstSample(worst, float(losses[worst]), looked_at, looked_at == len(batch), alike)


def _losses(network: Network, batch: Array, target: Array) -> Array:
    """Return the loss of each sample."""
    graph = network.plan.graph("evaluation", batch, target)
    losses = np.zeros(len(batch))
    heads = network.heads
    roots = list(graph.root.children.values()) if heads[0].name else [graph.root]
    for head, root in zip(heads, roots, strict=True):
        assert root.op is not None
        arrays = {role: child._value for role, child in root.children.items()}
        with np.errstate(all="ignore"):
            for i in range(len(batch)):
                one = {role: array[i : i + 1] for role, array in arrays.items()}
                losses[i] += (head.weight if head.name else 1.0) * float(root.op.forward(**one))
    return losses
