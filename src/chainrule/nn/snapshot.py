"""Everything of a network beyond its settings, as arrays and plain data: for copies, pickles and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from chainrule.errors import ShapeError, UnknownNameError, nearest
from chainrule.graph.node import Parameter
from chainrule.ops.op import Array

if TYPE_CHECKING:
    from chainrule.nn.network import Network

AnyNetwork = TypeVar("AnyNetwork", bound="Network")


def snapshot(network: Network, *, with_slots: bool = True) -> dict[str, Any]:
    """Return shape of a sample, leaves, what is frozen, the optimizer's slots and step, the generators' states."""
    leaves = network.leaves
    return {
        "sample_shape": network.sample_shape,
        "leaves": {name: leaf.value.copy() for name, leaf in leaves.items()},
        "frozen": [n for n, leaf in leaves.items() if isinstance(leaf, Parameter) and leaf.frozen],
        "optimizer": network.optimizer_state.arrays() if with_slots else None,
        "steps": network.optimizer_state.step,
        "generators": network.generators.states(),
    }


def beginning(network: Network) -> dict[str, Any]:
    """Return what `snapshot` does, for a network that training will change: no slots that are all zero."""
    if network.optimizer_state.step:
        return snapshot(network)
    return snapshot(network, with_slots=False)


def restore(network: Network, state: dict[str, Any]) -> None:
    """Take up what `snapshot` returned."""
    network.build(state["sample_shape"])
    leaves = network.leaves
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
        network.unfreeze()
        if state["frozen"]:
            network.freeze(*state["frozen"])
    if state["optimizer"] is not None:
        network.optimizer_state.restore(state["optimizer"], state["steps"])
    network.generators.restore(state["generators"])


def restored(
    kind: type[AnyNetwork], settings: dict[str, Any], state: dict[str, Any] | None, start: dict[str, Array]
) -> AnyNetwork:
    """Return the network that was pickled or copied."""
    network = kind.__new__(kind)
    network._start = start  # first, because the constructor may build
    network.__init__(**settings)  # type: ignore[misc]  # as calling the class does
    network.settle()
    if state is not None:
        network.restore(state)
    return network
