"""Checkpoints: a training saved between two of its steps, so that a later process goes on to the same bytes.

A checkpoint is a model file (`cr.load` reads it) with a section more: the position, what the source of batches needs
to give the rest of the epoch, the history, and the best weights. Times are not in it: the same seed, the same file.
"""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np

from chainrule import checks
from chainrule.data.limits import within_memory
from chainrule.data.opening import shown
from chainrule.errors import ChainruleError, FileError, FileWarning, InputError
from chainrule.files import Contents, check_savable, contents_of, describe, read, strict_json, write
from chainrule.files.saved_network import TRAINING, SavedNetwork
from chainrule.nn.named_inputs import NamedInputs, as_named_inputs
from chainrule.nn.network import Network
from chainrule.ops.op import Array
from chainrule.training.callbacks import Callback
from chainrule.training.events import Position, Training
from chainrule.training.history import Epoch
from chainrule.training.saved_training import BEST_STATE, COLUMNS, SavedState, check_arrays, checked_state

_SECTION = f"{TRAINING}:"


class Checkpoint(Callback):
    """Save the training every so often, before its first step, and where it ends: by itself, Ctrl-C, or an error.

    ``cr.train(…, resume=path)`` goes on from the file. It is written whole or not at all, over the one before; one
    that can't be written once training has begun is a warning, and the one before stays.

    Parameters
    ----------
    path : path
        Usually ``"name.safetensors"``.
    steps : int, default 0
        Save after so many steps; 0 leaves it to the time.
    seconds : float, default 30
        Save when so much time has passed; 0 leaves it to the steps.

    Raises
    ------
    InputError
        Before training starts, if a part of the network can't be saved.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import chainrule as cr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "xor.safetensors"
    >>> X, y = cr.data.xor()
    >>> network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1)])
    >>> history = cr.train(network, X, y, epochs=5, callbacks=[cr.Checkpoint(path)])
    >>> twin = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1)])
    >>> len(cr.train(twin, X, y, epochs=8, resume=path))
    8
    """

    each_step = False

    def __init__(self, path: str | os.PathLike[str], *, steps: int = 0, seconds: float = 30.0) -> None:
        self.path = path
        self.steps = checks.whole("Checkpoint steps", steps, least=0)
        self.seconds = checks.number("Checkpoint seconds", seconds, least=0, like=30)
        self._next_step, self._next_time = 0, 0.0

    def begin(self, training: Training) -> None:
        check_savable(training.network, where="Checkpoint")
        if training.network.built:
            self.save(training)

    def after_step(self, training: Training) -> None:
        # Not after an epoch: what other callbacks decide then belongs to it, and comes with the next step or the end.
        if self._due(training):
            self._try(training)

    def ending(self, training: Training) -> None:
        if training.network.built:
            self._try(training)

    def save(self, training: Training) -> None:
        """Save now.

        Raises
        ------
        FileError
            If the file can't be written. What was there before is untouched.
        """
        write(self.path, contents(training), where="Checkpoint")
        self._plan(training)

    def failed(self, error: FileError) -> None:
        """Hear that the file could not be written once training has begun, which is no reason to end it."""
        text = f"{error} Training goes on, and what was saved before is untouched."
        warnings.warn(text, FileWarning, stacklevel=2)

    def _due(self, training: Training) -> bool:
        return bool(
            (self.steps and training.step >= self._next_step) or (self.seconds and time.monotonic() >= self._next_time)
        )

    def _try(self, training: Training) -> None:
        try:
            self.save(training)
        except FileError as error:
            self.failed(error)
            self._plan(training)

    def _plan(self, training: Training) -> None:
        self._next_step = training.step + self.steps
        self._next_time = time.monotonic() + self.seconds


def contents(training: Training) -> Contents:
    """Return what the checkpoint of a training holds."""
    state = training.snapshot()  # first, for the network notes its learning rate then
    network = contents_of(training.network, where="Checkpoint")
    history: list[Epoch] = state["history"]
    names = list(history[0].metrics) if history else []
    plain = SavedState(
        epochs=training.epochs,
        metrics=names,
        **{key: state[key] for key in ("step", "batches_per_step", "learning_rate", "stopped", "source")},
        **state["position"],
    )
    arrays = {name: np.array([getattr(record, name) for record in history]) for name in COLUMNS}
    if history and history[0].validation_loss is not None:
        arrays["validation_loss"] = np.array([record.validation_loss for record in history], np.float64)
    for i, name in enumerate(names):
        arrays[f"metrics.{i}"] = _column(name, [record.metrics[name] for record in history])
    if state["best_parameters"] is not None:
        arrays["best"] = state["best_parameters"]
        arrays.update({f"{BEST_STATE}{name}": array for name, array in state["best_states"].items()})
    return Contents(
        {**network.metadata, TRAINING: strict_json.dumps(msgspec.to_builtins(plain))},
        {**network.tensors, **{f"{_SECTION}{name}": array for name, array in arrays.items()}},
    )


@within_memory("train resume")
def restored_into(training: Training, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Give the network of a training its numbers from a checkpoint, and return what `Training.run` goes on from.

    Raises
    ------
    FileError
        If the file is missing, damaged, or no checkpoint.
    InputError
        If it is the checkpoint of another network.
    """
    where = f"train resume {shown(path)}"
    found = read(path, where="train resume")
    state = checked_state(where, found)
    saved, network = SavedNetwork.from_contents(where, found), training.network
    inputs = network.named_inputs
    if inputs is not None and not network.built:
        network.learn_shapes(_saved_inputs(where, saved.description, inputs))
    try:
        other_rate = _expect_same(where, saved.description, network)
    except ChainruleError:
        if inputs is not None and not network.built:
            network.learn_shapes(inputs)
        raise
    try:
        network.build(saved.state["sample_shape"])
        saved.expect_leaves(network)
        network.restore(saved.state)
    except FileError:
        raise
    except ChainruleError as error:
        raise FileError(f"{where}: {error.where}", given=error.given, expected=error.expected, fix=error.fix) from error
    arrays = {name.removeprefix(_SECTION): a for name, a in found.tensors.items() if name.startswith(_SECTION)}
    check_arrays(where, state, arrays, network)
    if state.epoch > 1 and set(state.metrics) != set(training.metric_names):
        raise InputError(
            where,
            given=f"the metrics {training.metric_names}",
            expected=f"{shown(state.metrics)}, as before",
            fix="Pass the same metrics",
        )
    if state.batches_per_step != training.batches_per_step:
        raise InputError(
            where,
            given=f"gradient_accumulation_steps={training.batches_per_step}",
            expected=f"gradient_accumulation_steps={state.batches_per_step}, as before",
            fix="Pass the same data and settings",
        )
    if other_rate or state.epochs != training.epochs:
        state.stopped = None  # why it ended is no reason any more
    return {
        "position": {field.name: getattr(state, field.name) for field in fields(Position)},
        **{key: getattr(state, key) for key in ("step", "learning_rate", "stopped", "source")},
        "history": _history(state, arrays),
        "best_parameters": arrays.get("best"),
        "best_states": {n.removeprefix(BEST_STATE): a for n, a in arrays.items() if n.startswith(BEST_STATE)},
    }


def _saved_inputs(where: str, description: Any, inputs: NamedInputs) -> NamedInputs:
    """Return the named inputs of the network that was saved; where it has others, those that there are."""
    first = description
    while isinstance(first, dict) and isinstance(first.get("layers"), list) and first["layers"]:
        first = first["layers"][0]
    try:
        return as_named_inputs(where, first.get("shapes") if isinstance(first, dict) else None, inputs.names)
    except ChainruleError:
        return inputs


def _expect_same(where: str, description: Any, network: Network) -> bool:
    """Raise unless this network is the one described; return whether its learning rate is another one."""
    own = describe(network, where=where)
    rates = []
    for told in (description, own):
        optimizer = told.get("optimizer") if isinstance(told, dict) else None
        rates.append(optimizer.pop("learning_rate", None) if isinstance(optimizer, dict) else None)
    different = _first_difference(description, own, "")
    if different is not None:
        place, then, now = different
        raise InputError(
            where,
            given=f"a network with {place or 'a description'} {shown(now)}",
            expected=f"the one that was saved, with {shown(then)}",
            fix="Build it as it was; only the learning rate may be another",
        )
    return bool(rates[0] != rates[1])


def _first_difference(then: Any, now: Any, place: str) -> tuple[str, Any, Any] | None:
    if isinstance(then, dict) and isinstance(now, dict) and then.keys() == now.keys():
        pairs = [(f"{place}.{key}".lstrip("."), then[key], now[key]) for key in then]
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = [(f"{place}[{i}]", a, b) for i, (a, b) in enumerate(zip(then, now))]
    else:
        return None if type(then) is type(now) and then == now else (place, then, now)
    return next((found for name, a, b in pairs if (found := _first_difference(a, b, name))), None)


def read_state(path: str | os.PathLike[str]) -> SavedState:
    """Return where the training in a checkpoint is.

    Raises
    ------
    FileError
        If the file is missing, damaged, or no checkpoint.
    """
    return checked_state(f"checkpoint {shown(path)}", read(path, where="checkpoint"))


def _history(state: SavedState, arrays: dict[str, Array]) -> list[Epoch]:
    """Return the records of the epochs, without the seconds, which no file keeps."""
    validation = arrays.get("validation_loss")
    return [
        Epoch(
            epoch=i + 1,
            loss=float(arrays["loss"][i]),
            penalty=float(arrays["penalty"][i]),
            metrics={name: _value(arrays[f"metrics.{k}"][i]) for k, name in enumerate(state.metrics)},
            validation_loss=None if validation is None else float(validation[i]),
            learning_rate=float(arrays["learning_rate"][i]),
            steps=int(arrays["steps"][i]),
            seconds=0.0,
        )
        for i in range(state.epoch - 1)
    ]


def _value(entry: Any) -> Any:
    return entry.copy() if np.ndim(entry) else entry.item()


def _column(name: str, values: list[Any]) -> Array:
    try:
        column = np.array(values)
    except ValueError:
        column = np.empty(0, object)
    if column.dtype.kind == "i":
        return column.astype(np.int64)
    if column.dtype in (np.float64, np.float32, np.uint8):
        return column
    raise InputError(
        "Checkpoint",
        given=f"the metric {name!r}, which is {shown(values[-1])}",
        expected="a number, or an array of the same shape each time",
        fix="Return one, or measure it in a callback",
    )
