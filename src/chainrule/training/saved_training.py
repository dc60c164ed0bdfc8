"""What a checkpoint says of a training, each number checked before it is used: it may have been written by anyone.

What can't have come out of a training is refused: numbers out of range, and numbers that contradict each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec
import numpy as np

from chainrule.data.opening import shown
from chainrule.errors import FileError, printable
from chainrule.files import Contents, strict_json
from chainrule.files.part_classes import KINDS
from chainrule.files.saved_network import MOST_STEPS, TRAINING, SavedNetwork, is_generator
from chainrule.nn.network import Network
from chainrule.ops.op import Array
from chainrule.training.data_digest import LENGTH

COLUMNS = ("loss", "penalty", "learning_rate", "steps")
BEST_STATE = "best."  # and the state's name
_MOST_EPOCHS = 2**31  # as `train` takes them
_ROUNDING = 1e-4  # by which a loss that can't be negative may be


class SavedState(msgspec.Struct, forbid_unknown_fields=True):
    """The plain data of the section; `loss` and `weight` are the sums of the epoch under way."""

    epochs: int
    epoch: int
    batches: int
    steps: int
    loss: float
    weight: float
    of_heads: list[float]
    step: int
    batches_per_step: int
    learning_rate: float
    stopped: str | None
    source: dict[str, Any]
    metrics: list[str]

    @property
    def ended(self) -> bool:
        """Whether nothing is left of what was planned."""
        return self.epoch > self.epochs or self.stopped is not None


def checked_state(where: str, found: Contents) -> SavedState:
    """Return the section's plain data if every number in it can be what it says."""
    if TRAINING not in found.metadata:
        rate = SavedNetwork.from_contents(where, found).state["learning_rate"]
        own = "" if rate is None else f", network.optimizer.learning_rate = {rate:g}, to which it had come,"
        raise FileError(
            where,
            given="a model without a training",
            expected="a file of cr.Checkpoint",
            fix=f"Load it and begin a training of its own: network = cr.load(path){own} and cr.train(network, X, y)",
        )
    where = f"{where}: training"
    try:
        state = msgspec.convert(strict_json.loads(where, found.metadata[TRAINING]), SavedState)
    except msgspec.ValidationError as error:
        refuse(where, printable(str(error)[:200]))
    if not (0 <= state.epochs < _MOST_EPOCHS and 1 <= state.epoch <= _MOST_EPOCHS):
        refuse(where, f"epoch {state.epoch} of {state.epochs}")
    if not 0 <= state.steps <= min(state.batches, state.step) or max(state.batches, state.step) >= MOST_STEPS:
        refuse(where, f"{state.steps} steps in {state.batches} batches, and {state.step} in all")
    if state.weight < 0 or (state.weight > 0) != (state.steps > 0) or (state.steps == 0 and state.loss != 0):
        refuse(where, f"a loss of {state.loss} over {state.weight} after {state.steps} steps of the epoch")
    if state.steps and not math.isfinite(state.loss / state.weight):
        refuse(where, f"a loss of {state.loss} over {state.weight}")
    if not 1 <= state.batches_per_step < MOST_STEPS:
        refuse(where, f"{state.batches_per_step} batches per step")
    if state.learning_rate < 0:
        refuse(where, f"a learning rate of {state.learning_rate}")
    if len(set(state.metrics)) < len(state.metrics):
        refuse(where, f"metrics {shown(state.metrics)}")
    _check_source(where, state.source)
    return state


def _check_source(where: str, source: dict[str, Any]) -> None:
    """Raise unless this is the state of arrays, or of something that is iterated."""

    def count(value: Any) -> bool:
        return type(value) is int and 0 < value < MOST_STEPS

    if source.keys() == {"samples", "batch_size", "order", "digests"}:
        samples, size, order, digests = (source[key] for key in ("samples", "batch_size", "order", "digests"))
        good = count(samples) and count(size) and (order is None or is_generator(order))
        good = good and isinstance(digests, dict) and all(map(_is_digest, digests.values()))
    else:
        good = source.keys() == {"steps"} and (source["steps"] is None or count(source["steps"]))
    if not good:
        refuse(where, f"a source {shown(source)}")


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) == LENGTH and set(value) <= set("0123456789abcdef")


def check_arrays(where: str, state: SavedState, arrays: Mapping[str, Array], network: Network) -> None:
    """Raise unless the arrays are those of which the plain data speak, and can have come out of this network."""
    where, count = f"{where}: training", state.epoch - 1
    wanted = {*COLUMNS, *(f"metrics.{i}" for i in range(len(state.metrics)))}
    states = {f"{BEST_STATE}{name}": array for name, array in network.states().items()}
    optional = {"validation_loss", "best", *states}
    best = [name in arrays for name in ("best", *states)]
    if set(arrays) - optional != wanted or any(best) != all(best) or (count and not all(best)):
        refuse(where, f"arrays {shown(sorted(arrays))}")
    for name, array in arrays.items():
        if name == "best":
            fits = array.shape == network.parameters.shape and array.dtype == network.parameters.dtype
        elif name in states:
            fits = array.shape == states[name].shape and array.dtype == states[name].dtype
        elif name.startswith("metrics."):
            fits = array.ndim >= 1 and len(array) == count
        else:
            kind = np.int64 if name == "steps" else np.float64
            fits = array.shape == (count,) and (not count or array.dtype == kind)
        if not fits:
            refuse(where, f"{name} as {array.dtype} {array.shape}")
    # Chainrule's own losses are never negative; one of the user's own may be.
    least = -_ROUNDING if all(type(head.objective.op) in KINDS.values() for head in network.heads) else -math.inf
    good = {
        "loss": (arrays["loss"] >= least) & np.isfinite(arrays["loss"]),
        "penalty": ~(arrays["penalty"] < 0),
        "learning_rate": (arrays["learning_rate"] >= 0) & np.isfinite(arrays["learning_rate"]),
        "steps": (arrays["steps"] >= 1) & (arrays["steps"] < MOST_STEPS),
    }
    if "validation_loss" in arrays:
        good["validation_loss"] = ~(arrays["validation_loss"] < least)
    for name, right in good.items():
        if not right.all():
            epoch = int(right.argmin())
            refuse(where, f"{name} {arrays[name][epoch]} in epoch {epoch + 1}")
    heads = [head for head in network.heads if head.name]
    if len(state.of_heads) != (len(heads) if state.steps else 0) or not all(map(math.isfinite, state.of_heads)):
        refuse(where, f"losses of heads {shown(state.of_heads)}")
    if state.steps and state.loss / state.weight < least:
        refuse(where, f"a loss of {state.loss} over {state.weight}")
    taken = sum(arrays["steps"].tolist()) + state.steps
    if taken != state.step:
        refuse(where, f"{state.step} steps in all, and {taken} in its epochs")


def refuse(where: str, given: str) -> NoReturn:
    """Raise the error for a checkpoint that no training wrote."""
    raise FileError(
        where,
        given=given,
        expected="what a checkpoint holds",
        fix="The file was put together wrongly: get another copy",
    )
