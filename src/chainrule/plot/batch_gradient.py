"""The derivatives of a network's loss on a batch that is drawn, as its vector holds them."""

from __future__ import annotations

from chainrule.errors import InputError
from chainrule.nn import Network, validation
from chainrule.nn.engines import quiet
from chainrule.ops.op import Array


def fill_gradient(where: str, network: Network, batch: Array, target: Array) -> None:
    """Write the derivatives of the loss into a network's vector: penalties included, nothing dropped out.

    Raises
    ------
    InputError
        If the targets don't fit, or nothing in the network is learnt.
    """
    validation.finite(where, "y", target)
    network.check_targets(where, target)
    if not network.vector.learnt():
        raise InputError(
            where,
            given="a network in which nothing is learnt",
            expected="parameters that are not frozen",
            fix="Release them: network.unfreeze()",
        )
    with quiet():
        network.plan.graph("evaluation", batch, target).backward()
        network.vector.add_penalty_gradients()
