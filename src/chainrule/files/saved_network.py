"""What a file says about a network, each part checked before the network is made: types, names and sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from chainrule.data.opening import shown
from chainrule.errors import FileError
from chainrule.files import strict_json
from chainrule.files.bounds import Size
from chainrule.files.safetensors import Contents
from chainrule.nn import Network
from chainrule.nn.layer import declared_shape, sample_shape
from chainrule.ops import Array

SLOTS = "optimizer:"  # the section with the optimizer's arrays; those of the network are in none

_KEYS = {"format", "version", "sha256", "description", "state"}
TRAINING = "training"  # a key, and a section, that a checkpoint has besides
_STATE = {"sample_shape", "frozen", "steps", "generators", "learning_rate", "input_range", "columns"}
MOST_STEPS = 2**48  # of an optimizer: nine years of a step each microsecond


@dataclass(frozen=True)
class SavedNetwork:
    """A network as it is in a file.

    Attributes
    ----------
    where : str
        Who speaks in errors.
    description : plain data
        Not checked yet: `rebuild` does it.
    state : dict
        What `Network.restore` takes.
    """

    where: str
    description: Any
    state: dict[str, Any]

    @classmethod
    def from_contents(cls, where: str, contents: Contents) -> SavedNetwork:
        """Return what a file says.

        Raises
        ------
        FileError
            If something is missing, unknown, or of the wrong type.
        """
        keys = set(contents.metadata)
        if keys - {TRAINING} != _KEYS:
            _refuse(where, f"metadata {shown(sorted(keys))}", ", ".join(sorted(_KEYS)))
        sections = {"", SLOTS, *(f"{key}:" for key in keys & {TRAINING})}
        for name in contents.tensors:
            if name[: name.rfind(":") + 1] not in sections:
                _refuse(where, f"an array {shown(name)}", "arrays of the network and of its optimizer")
        state = _state(f"{where}: state", strict_json.loads(f"{where}: state", contents.metadata["state"]))
        state["leaves"] = {name: array for name, array in contents.tensors.items() if ":" not in name}
        state["optimizer"] = {
            name.removeprefix(SLOTS): array for name, array in contents.tensors.items() if name.startswith(SLOTS)
        }
        for name in state["frozen"]:
            if name not in state["leaves"]:
                _refuse(f"{where}: state", f"frozen {shown(name)}", "the name of an array")
        return cls(where, strict_json.loads(f"{where}: description", contents.metadata["description"]), state)

    def expect_bounded(self, place: str, settings: dict[str, Any]) -> None:
        """Raise if a network that is about to be made would need more numbers, or others, than the file holds."""
        layers, inputs, dtype = (settings.get(key) for key in ("layers", "inputs", "dtype"))
        if not isinstance(layers, tuple) or dtype not in ("float32", "float64"):
            return  # the constructor refuses them, or it is a class of the caller's
        held = sum(array.size for array in self.state["leaves"].values())
        size = Size(held)
        if place:  # a network inside another one: it is walked again with that one, from the shape that it meets there
            size.chain(layers, declared_shape(layers) if inputs is None else sample_shape(inputs), dtype)
            return
        shape: tuple[int, ...] = self.state["sample_shape"]
        if inputs not in (None, shape):
            _refuse(f"{self.where}: state", f"sample_shape {shape}", f"the network's inputs, {shown(inputs)}")
        size.chain(layers, shape, dtype)
        if not size.known:
            return
        frozen = sum(self.state["leaves"][name].size for name in self.state["frozen"])
        optimizer = settings.get("optimizer")
        slots = (size.parameters - frozen) * len(getattr(optimizer, "kept", ()))
        kept = sum(array.size for array in self.state["optimizer"].values())
        if slots != kept:
            _refuse(self.where, f"{kept:,} numbers of the optimizer's", f"{slots:,} for {shown(optimizer)}")

    def expect_leaves(self, network: Network) -> None:
        """Raise unless the file's arrays are those that the network, now built, wants."""
        given: Mapping[str, Array] = self.state["leaves"]
        wanted = network.leaves
        if set(given) != set(wanted):
            missing, extra = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
            _refuse(self.where, f"arrays {shown(extra)} too many, {shown(missing)} missing", "those described")
        for name, leaf in wanted.items():
            array = given[name]
            if array.shape != leaf.shape or array.dtype != leaf.dtype:
                where = f"{self.where}: {shown(name)}"
                _refuse(where, f"{array.dtype} {array.shape}", f"{leaf.dtype} {leaf.shape}, as described")


def _state(where: str, state: Any) -> dict[str, Any]:
    """Return the state, each entry of the right type."""
    if not isinstance(state, dict) or set(state) != _STATE:
        _refuse(where, shown(state), ", ".join(sorted(_STATE)))
    shape, frozen, steps, generators = (state[key] for key in ("sample_shape", "frozen", "steps", "generators"))
    if not isinstance(shape, list) or not all(_is_whole(size, 2**31) and size for size in shape):
        _refuse(where, f"sample_shape {shown(shape)}", "whole numbers from 1")
    if not isinstance(frozen, list) or not all(isinstance(n, str) for n in frozen) or len({*frozen}) < len(frozen):
        _refuse(where, f"frozen {shown(frozen)}", "names, each once")
    if not _is_whole(steps, MOST_STEPS):
        _refuse(where, f"steps {shown(steps)}", f"a whole number from 0 to below {MOST_STEPS}")
    if not isinstance(generators, dict) or not all(map(is_generator, generators.values())):
        _refuse(where, f"generators {shown(generators)}", "states of PCG64 generators by name")
    rate, found = state["learning_rate"], state["input_range"]
    if rate is not None and not _is_size(rate):
        _refuse(where, f"learning_rate {shown(rate)}", "a number from 0, or nothing")
    whole = isinstance(found, list) and len(found) == 3 and _is_whole(found[0], 2**63) and all(map(_is_size, found[1:]))
    if found is not None and not (whole and found[0] and found[1] <= found[2]):
        _refuse(where, f"input_range {shown(found)}", "how many samples, and between what their largest values lie")
    columns = state["columns"]
    named = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
    if columns is not None and not (named and len(set(columns)) == len(columns) == math.prod(shape)):
        _refuse(where, f"columns {shown(columns)}", "a name for each feature, or nothing")
    return {**state, "sample_shape": tuple(shape)}


def is_generator(state: Any) -> bool:
    """Return whether this is the state of a PCG64 generator."""
    return (
        isinstance(state, dict)
        and set(state) == {"bit_generator", "state", "has_uint32", "uinteger"}
        and state["bit_generator"] == "PCG64"
        and isinstance(state["state"], dict)
        and set(state["state"]) == {"state", "inc"}
        and all(_is_whole(number, 2**128) for number in state["state"].values())
        and state["state"]["inc"] % 2 == 1
        and _is_whole(state["has_uint32"], 2)
        and _is_whole(state["uinteger"], 2**32)
    )


def _is_size(number: Any) -> bool:
    return type(number) is float and 0 <= number < math.inf


def _is_whole(number: Any, below: int) -> bool:
    return type(number) is int and 0 <= number < below


def _refuse(where: str, given: str, expected: str) -> NoReturn:
    raise FileError(where, given=given, expected=expected, fix="The file was put together wrongly: get another copy")
