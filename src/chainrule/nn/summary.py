"""What a network consists of, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chainrule.graph.node import Node, Parameter
from chainrule.nn.layer import Layer
from chainrule.ops.op import Op
from chainrule.settings import InNotebooks

if TYPE_CHECKING:
    from chainrule.nn.heads import Head
    from chainrule.nn.network import Network


@dataclass(frozen=True)
class Row:
    """One layer: its name, what it is, the shape of its output for one sample, its weights and biases."""

    name: str
    description: str
    output: tuple[int, ...]
    weights: int
    biases: int


@dataclass(frozen=True)
class Summary(InNotebooks):
    """The layers of a network, and in all how many numbers it learns.

    A notebook shows it as a table, and the network drawn beside it.

    Attributes
    ----------
    inputs : tuple of int
        The shape of one sample.
    named_inputs : tuple of (str, tuple of int)
        Of which inputs it consists, where they have names.
    named_outputs : tuple of (str, tuple of int)
        The heads, where there are several, and the shapes of their outputs.
    rows : tuple of Row
    weights, biases, parameters : int
        Counts over the network; tied ones once.
    frozen : int
        How many of the parameters are kept as they are.
    loss, optimizer, engine : str
        In words.
    network : Network
        Of which it is, as it is now.
    """

    inputs: tuple[int, ...]
    rows: tuple[Row, ...]
    weights: int
    biases: int
    parameters: int
    frozen: int
    loss: str
    optimizer: str
    engine: str
    named_inputs: tuple[tuple[str, tuple[int, ...] | None], ...] = ()
    named_outputs: tuple[tuple[str, tuple[int, ...]], ...] = ()
    network: Network | None = field(default=None, compare=False)

    def __str__(self) -> str:
        table = [("layer", "", "output", "parameters")]
        table += [("input", name, _shape(shape or ()), "") for name, shape in self.named_inputs or [("", self.inputs)]]
        for row in self.rows:
            count = str(row.weights + row.biases) if row.weights + row.biases else ""
            table.append((row.name, row.description, _shape(row.output), count))
        table += [("output", name, _shape(shape), "") for name, shape in self.named_outputs]
        widths = [max(len(line[i]) for line in table) for i in range(4)]
        lines = [
            "  ".join((a.ljust(widths[0]), b.ljust(widths[1]), c.rjust(widths[2]), d.rjust(widths[3]))).rstrip()
            for a, b, c, d in table
        ]
        lines.insert(1, "─" * (sum(widths) + 6))
        lines.append("─" * (sum(widths) + 6))
        lines.append(f"{self.weights:,} weights + {self.biases:,} biases = {self.parameters:,} parameters")
        if self.frozen:
            lines.append(f"{self.frozen:,} of them frozen")
        lines += [f"loss       {self.loss}", f"optimizer  {self.optimizer}", f"engine     {self.engine}"]
        return "\n".join(lines)

    __repr__ = __str__


def summarise(network: Network, outputs: Sequence[Node], members: Sequence[Layer], engine: str) -> Summary:
    """Return the summary of a network, given the output of each of its layers and all layers inside it."""
    rows = []
    counted: set[int] = set()
    for layer, node in zip(network.layers, outputs, strict=True):
        name = layer.path if isinstance(layer, Layer) else node.name
        sizes = {True: 0, False: 0}
        for member in members:
            if isinstance(layer, Op) or not (member is layer or member.path.startswith(f"{name}.")):
                continue
            for leaf in member._leaves.values():
                if isinstance(leaf, Parameter) and id(leaf) not in counted:
                    counted.add(id(leaf))
                    sizes[leaf.penalised] += leaf.array.size
        description = repr(layer) if len(repr(layer)) <= 40 else f"{type(layer).__name__}(…)"
        rows.append(Row(name, description, node.shape[1:], sizes[True], sizes[False]))
    leaves = [leaf for leaf in network.leaves.values() if isinstance(leaf, Parameter)]
    return Summary(
        inputs=network.sample_shape or (),
        rows=tuple(rows),
        weights=sum(row.weights for row in rows),
        biases=sum(row.biases for row in rows),
        parameters=network.parameters.size,
        frozen=sum(leaf.array.size for leaf in leaves if leaf.frozen),
        loss=_loss(network),
        optimizer=repr(network.optimizer),
        engine=engine,
        named_inputs=network.named_inputs.shapes if network.named_inputs else (),
        named_outputs=tuple((head.name, head.shape) for head in network.heads if head.name),
        network=network,
    )


def _loss(network: Network) -> str:
    text = ("\n" + " " * 11).join(map(_loss_of, network.heads))
    if network.l1 or network.l2:
        text += f", with penalties l1={network.l1:g}, l2={network.l2:g}"
    return text


def _loss_of(head: Head) -> str:
    aim = head.objective
    text = f"{head.name}: {head.weight:g} · " if head.name else ""
    text += repr(aim.loss)
    if aim.unscale is not None:
        text += ", of targets in deviations, as before Unscale; predictions have the targets' own unit"
    elif aim.fused:
        text += f", computed on the logits as {aim.op!r}; predictions stay probabilities"
    return text


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) if shape else "1"
