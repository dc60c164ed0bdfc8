"""Saving a network and loading it again: the same predictions, and the same further training, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from chainrule import checks
from chainrule.data.opening import Readable, shown
from chainrule.errors import ChainruleError, FileError, InputError, ShapeError
from chainrule.files import bounds, strict_json
from chainrule.files.atomic import Path
from chainrule.files.description import checked_classes, describe, rebuild
from chainrule.files.formats import expect_ending, expect_source
from chainrule.files.safetensors import (
    FORMAT,
    LONGEST_HEADER,
    VERSION,
    Contents,
    bad_name,
    from_bytes,
    from_stream,
    read,
    to_bytes,
    write,
)
from chainrule.files.saved_network import SLOTS, SavedNetwork
from chainrule.files.streams import called, is_stream, write_all
from chainrule.graph import Parameter
from chainrule.nn import Network
from chainrule.ops import Array


class Writable(Protocol):
    """What a model can be saved to, beside a path."""

    def write(self, data: Any, /) -> Any: ...


_LONGEST_DESCRIPTION = LONGEST_HEADER // 2  # the rest is for the state and the names of the arrays


@checks.keywords
def save(network: Network, path: Path | Writable) -> None:
    """Save a network: its description, its numbers, its optimizer's, and the states of its generators.

    The file is safetensors, which other programs read too. It is written whole or not at all, and the same network
    gives the same bytes.

    Parameters
    ----------
    network : Network
    path : path, or binary file object
        Usually ``"name.safetensors"``. A file object, such as ``io.BytesIO()``, gets all bytes in one ``write`` and is
        left open; what it has got when that fails, nobody knows.

    Raises
    ------
    InputError
        If a part can't be saved, see `check_savable`. Nothing has been written then.
    MisuseError
        If the network is not built.
    FileError
        If the file can't be written, or its name ends as another format's does, such as ``.pt`` or ``.onnx``. What
        was there before is untouched.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import chainrule as cr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "xor.safetensors"
    >>> network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1)])
    >>> cr.save(network, path)
    >>> bool((cr.load(path).parameters == network.parameters).all())
    True
    """
    expect_ending("save", path, ".safetensors")
    if is_stream(path):
        write_all("save", path, dumps(network))
    else:
        write(cast(Path, path), contents_of(network))


@checks.keywords
def dumps(network: Network) -> bytes:
    """Return a network as the bytes of its file, for a database or a message; `loads` takes them.

    Raises
    ------
    InputError, MisuseError
        As `save`.

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(2), cr.Tanh()], inputs=3)
    >>> cr.loads(cr.dumps(network)).parameters.tobytes() == network.parameters.tobytes()
    True
    """
    return to_bytes(contents_of(network, where="dumps"))


def check_savable(network: Network, *, where: str = "save") -> None:
    """Raise if a part of the network can't be saved; to be called before training, not after it.

    Classes of your own can be saved if their constructor's arguments are plain data, kept in attributes of the same
    names; the program that loads the file passes ``custom={"MyLayer": MyLayer}``. `Activation` and `Loss` hold
    functions, which are code: make a subclass that holds them.

    Raises
    ------
    InputError
        If something in it is no plain data, or a class can't be told apart from another by its name.
    """
    checks.instance(where, network, Network, "a cr.Network")
    _described(where, network)


@dataclass(frozen=True)
class Weights:
    """Numbers that a network had earlier, to be saved without what its optimizer and its generators have come to.

    Attributes
    ----------
    parameters : ndarray
        As one vector.
    states : dict of str to ndarray
        What was kept beside them, by name.
    learning_rate : float
        That of the step to them.
    """

    parameters: Array
    states: Mapping[str, Array]
    learning_rate: float


def contents_of(network: Network, *, weights: Weights | None = None, where: str = "save") -> Contents:
    """Return what a network's file holds; with these weights its optimizer and its generators have not begun."""
    checks.instance(where, network, Network, "a cr.Network")
    description = _described(where, network)
    state = network.snapshot()
    leaves, slots = state.pop("leaves"), state.pop("optimizer")
    if weights is not None:
        for leaf, place in network.vector.places:
            leaves[leaf.name] = weights.parameters[place].reshape(leaf.shape)
        leaves |= weights.states
        slots = {name: np.zeros_like(array) for name, array in slots.items()}
        state |= {"steps": 0, "generators": {}, "learning_rate": weights.learning_rate}
    state["generators"] = dict(sorted(state["generators"].items()))  # in whichever order they were first asked for
    learnt_or_kept = sum(array.size for array in leaves.values())
    learnt = [leaf.array.size for leaf in network.leaves.values() if isinstance(leaf, Parameter)]
    if sum(learnt) != network.parameters.size:
        raise InputError(
            where,
            given="two layers of the same name",
            expected="a name of its own for each, under which its numbers are saved",
            fix="Rename one of them",
        )
    bounds.Size(learnt_or_kept).chain(network.layers, state["sample_shape"], network.dtype)
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "description": description,
        "state": _text(where, state),
    }
    return Contents(metadata, {**leaves, **{f"{SLOTS}{name}": array for name, array in slots.items()}})


def _described(where: str, network: Network) -> str:
    """Return the network's description as text, names included that can't be an array's."""
    description = describe(network, where=where)
    # A preparation names no arrays: its names are those of columns, which may be called "km/h".
    for name in _names({setting: part for setting, part in description.items() if setting != "preparation"}):
        problem = "with a colon in it" if ":" in name else bad_name(name)
        if problem:
            raise InputError(
                where,
                given=f"a layer named {shown(name)}, {problem}",
                expected="a printable name without colons, slashes and two underscores at the start",
                fix="Rename it",
            )
    text = _text(where, description)
    if len(text) > _LONGEST_DESCRIPTION:
        raise InputError(
            where,
            given=f"a description of {len(text):,} characters",
            expected=f"at most {_LONGEST_DESCRIPTION:,}",
            fix="Keep large settings in a layer's state: self.state(name, array)",
        )
    return text


def _names(data: Any) -> Iterator[str]:
    """Yield what layers are called, from which the names of arrays are made."""
    if isinstance(data, dict):
        if isinstance(data.get("name"), str):
            yield data["name"]
        data = list(data.values())
    if isinstance(data, list):
        for value in data:
            yield from _names(value)


def _text(where: str, data: Any) -> str:
    try:
        return strict_json.dumps(data)
    except UnicodeEncodeError as error:
        raise InputError(
            where, given=f"the text {shown(error.object[:80])}", expected="Unicode characters", fix="Correct it"
        ) from error


@checks.keywords
def load(path: Path | Readable, *, custom: Mapping[str, type] | None = None) -> Network:
    """Return the network in a model file: it predicts the same bytes, and training goes on as if never interrupted.

    Nothing in the file is executed, so a file from a stranger is safe to load. A class that is not chainrule's is found
    in `custom`, or where an installed package offers it under the entry point ``chainrule.parts``.

    Parameters
    ----------
    path : path, or binary file object
        A file object is read from where it is to the end of the model, without seeking, and left open there.
    custom : mapping of str to class, optional
        Classes of your own that the network consists of: ``{"MyLayer": MyLayer}``. Their constructors are called with
        what the file says.

    Raises
    ------
    FileError
        If the file is missing, damaged, not a model that chainrule saved, or names classes that were not passed. Of
        another format's file it says which function reads it.
    """
    expect_ending("load", path, ".safetensors")
    if isinstance(path, (bytes, bytearray, memoryview)):
        raise InputError(
            "load",
            given=f"{len(path):,} bytes",
            expected="a path, or a file object",
            fix="Call cr.loads(data); a path in bytes is os.fsdecode(path)",
        )
    expect_source("load", path, "a path, or a file object", "Pass the name of a file")
    contents = from_stream(path) if is_stream(path) else read(cast(Path, path))
    return network_from(contents, custom=custom, where=f"load {called(path)}")


@checks.keywords
def loads(data: bytes | bytearray | memoryview, *, custom: Mapping[str, type] | None = None) -> Network:
    """Return the network in the bytes that `dumps` made, or that are a whole model file, as `load` does.

    Parameters
    ----------
    data : bytes
    custom : mapping of str to class, optional
        Classes of your own that the network consists of: ``{"MyLayer": MyLayer}``.

    Raises
    ------
    FileError
        As `load`.
    """
    checks.instance("loads", data, (bytes, bytearray, memoryview), "the bytes of a model file; for a path, cr.load")
    return network_from(from_bytes(data), custom=custom, where="loads")


def network_from(contents: Contents, *, custom: Mapping[str, type] | None = None, where: str = "load") -> Network:
    """Return the network in what was read from a file."""
    saved = SavedNetwork.from_contents(where, contents)
    custom = checked_classes(custom)
    try:
        try:
            network = _made(where, saved, custom, dict(saved.state["leaves"]))
        except ChainruleError as error:
            if not isinstance(error.__cause__ or error, ShapeError):
                raise
            network = _made(where, saved, custom, {})  # arrays that don't fit are named by who compares all of them
        network.restore(saved.state)
    except FileError:
        raise
    except ChainruleError as error:
        raise FileError(f"{where}: {error.where}", given=error.given, expected=error.expected, fix=error.fix) from error
    except Exception as error:  # a class of the caller's may raise anything, and memory may run out
        raise FileError(
            where,
            given=f"a network that can't be built ({type(error).__name__}: {shown(str(error))})",
            expected="one that can",
            fix="Look at the error above this one",
        ) from error
    return network


def _made(where: str, saved: SavedNetwork, custom: dict[str, type[Any]], start: dict[str, Array]) -> Network:
    """Return the network of a file, built on these arrays: what is in none of them is drawn."""
    network = rebuild(
        saved.description,
        custom,
        where=f"{where}: description",
        error=FileError,
        complete=True,
        before_network=saved.expect_bounded,
        start=start,
    )
    if not isinstance(network, Network):
        raise FileError(
            where, given=f"the description of {shown(network)}", expected="that of a network", fix="Save a network"
        )
    network.build(saved.state["sample_shape"])
    saved.expect_leaves(network)
    return network
