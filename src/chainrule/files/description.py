"""A part as plain data, its class name and its settings down to numbers and texts, and the way back.

Model files keep a network's description as JSON, recipes theirs as TOML. It may come from a stranger, or be
written by hand: names are looked up in a closed list, settings go through the constructors, and every refusal names
its place.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.data.opening import shown
from chainrule.errors import ChainruleError, InputError, nearest
from chainrule.files.installed_parts import installed_names, installed_part
from chainrule.files.part_classes import (
    ELLIPSIS,
    ID,
    KINDS,
    MOST_DEPTH,
    MOST_PARTS,
    NAMES,
    PART,
    RESERVED,
    SAME,
    SLICE,
    TYPE,
    Part,
    parameters,
)
from chainrule.nn import Layer, Network
from chainrule.nn.layer import Kept
from chainrule.nn.network import restored
from chainrule.ops import Activation, Array, Loss


def describe(part: Part, *, where: str = "describe", brief: bool = False) -> dict[str, Any]:
    """Return a part as plain data, from which `rebuild` makes an equal one.

    A layer that is used twice is described once, with an ``id``, and referred to by it.

    Parameters
    ----------
    part : Layer, Op, Optimizer, Schedule or Initializer
        Network and all its parts, for example.
    where : str
        Who speaks in errors.
    brief : bool, default False
        Leave out settings that have their default values.

    Raises
    ------
    InputError
        If something in it is no plain data, such as a function, or a class can't be told apart from another.

    Examples
    --------
    >>> import chainrule as cr
    >>> describe(cr.Dense(16, inputs=3), brief=True)
    {'type': 'Dense', 'units': 16, 'inputs': 3}
    """
    checks.instance(where, part, PART, "cr.Dense(16), or a whole network")
    return _Describer(where, brief).part(part, "", 0)


class _Describer:
    def __init__(self, where: str, brief: bool) -> None:
        self.where, self.brief = where, brief
        self.classes: dict[str, type] = {}
        self.layers: dict[int, dict[str, Any]] = {}  # id(layer) -> its description, empty until it is finished
        self.parts = self.ids = 0

    def part(self, part: Part, place: str, depth: int) -> dict[str, Any]:
        before = self.layers.get(id(part))
        if before is not None:
            return self.again(before, place)
        self.parts += 1
        if depth > MOST_DEPTH or self.parts > MOST_PARTS:
            raise self.refusal(
                place,
                "parts nested too deeply" if depth > MOST_DEPTH else "too many parts",
                f"at most {MOST_PARTS:,} parts, {MOST_DEPTH} deep",
                "Write a layer of your own that stands for many",
            )
        if isinstance(part, Layer):
            self.layers[id(part)] = {}
        description: dict[str, Any] = {TYPE: self.name(part, place)}
        declared = parameters(type(part))
        for setting, value in self.settings(part, place).items():
            at = f"{place}.{setting}" if place else setting
            if setting in (TYPE, ID):
                raise self.refusal(at, f"a setting called {setting}", "another name", "Rename the constructor argument")
            if setting in part.mappings and isinstance(value, Mapping):
                data: Any = {key: self.value(inside, f"{at}.{key}", depth + 1) for key, inside in value.items()}
            else:
                data = self.value(value, at, depth)
            if not (self.brief and _is_default(value, declared[setting].default)):
                description[setting] = data
        if isinstance(part, Layer):
            self.layers[id(part)] = description
        return description

    def again(self, before: dict[str, Any], place: str) -> dict[str, Any]:
        if not before:
            raise self.refusal(place, "a layer that contains itself", "layers inside layers", "Take it out of itself")
        if ID not in before:
            self.ids += 1
            before[ID] = self.ids
        return {TYPE: SAME, ID: before[ID]}

    def name(self, part: Part, place: str) -> str:
        """Return what a file calls the class of a part."""
        kind = type(part)
        if kind in NAMES:
            return NAMES[kind]
        name = kind.__name__
        if kind in (Activation, Loss):
            own = _own_name(name)
            raise self.refusal(
                place,
                f"{part!r}, made of functions",
                "a class that can be named",
                f"Write class {own}(cr.{name}) with an __init__ that passes the functions on, use {own}(), and "
                f"load with custom={{'{own}': {own}}}",
            )
        if name in KINDS or name in RESERVED or not name.isidentifier():
            raise self.refusal(
                place, f"a class of your own named {name}", "a name that chainrule does not use", "Rename the class"
            )
        if self.classes.setdefault(name, kind) is not kind:
            raise self.refusal(place, f"two classes named {name}", "one of each name", "Rename one of them")
        return name

    def settings(self, part: Part, place: str) -> dict[str, Any]:
        try:
            return part.settings()
        except ChainruleError as error:
            if not isinstance(error, AttributeError):
                raise self.refusal(place, error.given, error.expected, error.fix) from error
            name = error.given.removeprefix(".")
            raise self.refusal(
                place,
                f"a {type(part).__name__} that does not keep its constructor argument {name!r}",
                "each argument in an attribute of the same name",
                f"Write self.{name} = {name} in __init__",
            ) from error
        except AttributeError as error:
            raise self.refusal(
                place,
                f"a {type(part).__name__} that does not keep a constructor argument ({error})",
                "each argument in an attribute of the same name",
                "Write for example self.rate = rate in __init__",
            ) from error

    def value(self, value: Any, place: str, depth: int) -> Any:
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, np.integer)):
            return int(value)
        if isinstance(value, (float, np.floating)) and math.isfinite(value):
            return float(value)
        if isinstance(value, (tuple, list)) and depth <= MOST_DEPTH:
            return [self.value(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(value)]
        if isinstance(value, PART):
            return self.part(value, place, depth + 1)
        if isinstance(value, slice):
            ends = {end: self.value(getattr(value, end), place, depth) for end in ("start", "stop", "step")}
            return {TYPE: SLICE, **{end: at for end, at in ends.items() if not (self.brief and at is None)}}
        if value is Ellipsis:
            return {TYPE: ELLIPSIS}
        given = f"{type(value).__name__} {shown(value)}"
        if callable(value):
            given = f"the function {getattr(value, '__name__', '')}".rstrip()
        raise self.refusal(
            place,
            given,
            "finite numbers, texts, True, False, None, tuples of them, or parts",
            "Keep plain data in the constructor's arguments, and make the rest from them",
        )

    def refusal(self, place: str, given: str, expected: str, fix: str) -> InputError:
        where = f"{self.where}: {place}" if place else self.where
        return InputError(where, given=given, expected=expected, fix=fix)


def _own_name(name: str) -> str:
    """Return what a subclass of `Activation` or `Loss` that holds its functions may be called."""
    return f"My{name.removeprefix('Custom')}"


def _is_default(value: Any, default: Any) -> bool:
    return type(value) is type(default) and not isinstance(value, PART) and bool(value == default)


BeforeNetwork = Callable[[str, dict[str, Any]], None]
_LONGEST_NAME = 100


def rebuild(
    data: Any,
    custom: Mapping[str, type] | None = None,
    *,
    where: str = "rebuild",
    error: type[ChainruleError] = InputError,
    complete: bool = False,
    before_network: BeforeNetwork | None = None,
    start: dict[str, Array] | None = None,
) -> Any:
    """Return the part that a description stands for.

    Parameters
    ----------
    data : dict
        As `describe` returns it, or read from TOML: ``{"type": "Dense", "units": 16}``.
    custom : mapping of str to class, optional
        Classes of your own by the names they have in `data`. They are called with what `data` says: pass only
        classes for which that is harmless.
    where : str
        Who speaks in errors, before the place in the description.
    error : type of ChainruleError
        What is raised.
    complete : bool, default False
        Whether `data` must hold every setting, exactly as `describe` writes it. Otherwise settings may be left out
        that have defaults.
    before_network : callable, optional
        Called with the place and the settings of each network before it is made, to refuse one by raising.
    start : dict of str to ndarray, optional
        What the parameters of the outermost network begin with, by name, instead of random numbers.

    Returns
    -------
    Layer, Op, Optimizer, Schedule or Initializer

    Raises
    ------
    InputError, or `error`
        If a type or a setting is unknown or missing, or a constructor refuses.

    Examples
    --------
    >>> rebuild({"type": "Dense", "units": 16, "initializer": {"type": "He"}})
    Dense(16, initializer=He())
    """
    return _Rebuilder(checked_classes(custom), where, error, complete, before_network, start).part(data, "", 0)


def checked_classes(custom: Mapping[str, type] | None) -> dict[str, type[Any]]:
    """Return the caller's classes by name, if a file may be allowed to name them."""
    if custom is None:
        return {}
    if not isinstance(custom, Mapping):
        raise InputError("custom", given=shown(custom), expected="names and classes", fix='Pass {"MyLayer": MyLayer}')
    for name, kind in custom.items():
        if not (isinstance(name, str) and isinstance(kind, type) and issubclass(kind, PART)):
            raise InputError(
                "custom",
                given=f"{shown(name)}: {shown(kind)}",
                expected="a name and a subclass of Layer, Op, Optimizer, Schedule or Initializer",
                fix='Pass {"MyLayer": MyLayer}, the class without parentheses',
            )
        if name in KINDS or name in RESERVED:
            raise InputError(
                "custom", given=f"the name {name!r}", expected="a name that chainrule does not use", fix="Rename it"
            )
    return dict(custom)


class _Rebuilder:
    def __init__(
        self,
        custom: dict[str, type[Any]],
        where: str,
        error: type[ChainruleError],
        complete: bool,
        before_network: BeforeNetwork | None,
        start: dict[str, Array] | None,
    ) -> None:
        self.custom, self.where, self.error, self.complete = custom, where, error, complete
        self.before_network, self.start = before_network, start
        self.finished: dict[int, Layer] = {}
        self.parts = 0

    def part(self, data: Any, place: str, depth: int) -> Part:
        kind = self.kind(data, place)
        self.parts += 1
        if depth > MOST_DEPTH or self.parts > MOST_PARTS:
            given = "parts nested too deeply" if depth > MOST_DEPTH else "too many parts"
            raise self.refusal(place, given, f"at most {MOST_PARTS:,} parts, {MOST_DEPTH} deep", "Leave some out")
        settings = self.settings(kind, data, place, depth)
        if self.before_network is not None and issubclass(kind, Network):
            self.before_network(place, settings)
        try:
            begun = self.start is not None and not place and issubclass(kind, Network)
            start = {name: Kept(array) for name, array in (self.start or {}).items()}
            part: Part = restored(kind, settings, None, start) if begun else kind(**settings)
            kept = part.settings()
        except ChainruleError as problem:
            at = f"{place} ({problem.where})" if place else problem.where
            raise self.refusal(at, problem.given, problem.expected, problem.fix) from problem
        except Exception as problem:  # a class of the caller's may raise anything
            raise self.refusal(
                place,
                f"settings that {kind.__name__} refuses ({type(problem).__name__}: {shown(str(problem))})",
                "settings it takes",
                f"Look at {kind.__name__}.__init__",
            ) from problem
        for name in settings:
            if not self.same(data[name], kept[name]):
                raise self.refusal(
                    _inside(place, name),
                    shown(data[name]),
                    f"exactly what {kind.__name__} keeps, {shown(kept[name])}",
                    "Write the same, of the same type",
                )
        if ID in data:
            self.remember(data[ID], part, place)
        return part

    def kind(self, data: Any, place: str) -> type[Any]:
        """Return the class that a description names."""
        if not isinstance(data, dict) or not isinstance(data.get(TYPE), str):
            raise self.refusal(
                place,
                shown(data),
                "a part: its type and its settings",
                "Write for example {type = 'Dense', units = 16}, and 'type' before anything else",
            )
        name = data[TYPE]
        if name in KINDS:
            return KINDS[name]
        if name in self.custom:
            return self.custom[name]
        own = self.installed(name, place)
        if own is not None:
            self.custom[name] = own
            return own
        if name in (Activation.__name__, Loss.__name__):
            own_name = _own_name(name)
            fix = (
                f"Functions can't be written down: pass custom={{'{own_name}': {own_name}}}, a subclass that holds them"
            )
        elif name.isidentifier() and len(name) <= _LONGEST_NAME:
            known = nearest(name, [*KINDS, *self.custom, *installed_names()])
            fix = f"If it is a class of your own, pass custom={{{name!r}: {name}}}. {known}"
        else:
            fix = "Names of types are plain class names; nothing is ever imported"
        raise self.refusal(place, f"the type {shown(name)}", "a type that chainrule knows", fix)

    def installed(self, name: str, place: str) -> type[Any] | None:
        """Return the class that an installed package offers under a name, if one does."""
        try:
            return installed_part(name)
        except InputError as problem:
            raise self.refusal(place, problem.given, problem.expected, problem.fix) from problem

    def settings(self, kind: type[Any], data: dict[str, Any], place: str, depth: int) -> dict[str, Any]:
        declared = parameters(kind)
        for name in data:
            if name not in declared and name not in (TYPE, ID):
                hint = nearest(name[:_LONGEST_NAME], declared) if isinstance(name, str) else "Write a name"
                raise self.refusal(place, f"an unknown setting {shown(name)}", f"a setting of {kind.__name__}", hint)
        for name, parameter in declared.items():
            if name not in data and (self.complete or parameter.default is inspect.Parameter.empty):
                raise self.refusal(place, f"no {name}", f"every setting of {kind.__name__}", f"Add {name}")
        found = {}
        for name in declared:
            if name in data:
                one_or_many = self.mapping if self.is_mapping(kind, name, data[name]) else self.value
                found[name] = one_or_many(data[name], _inside(place, name), depth + 1)
        return found

    def is_mapping(self, kind: type[Any], setting: str, data: Any) -> bool:
        """Return whether this is a mapping where a setting may be one, and not a part."""
        return setting in getattr(kind, "mappings", ()) and isinstance(data, dict) and TYPE not in data

    def mapping(self, data: dict[Any, Any], place: str, depth: int) -> dict[str, Any]:
        return {name: self.value(value, f"{place}.{shown(name)}", depth + 1) for name, value in data.items()}

    def value(self, data: Any, place: str, depth: int) -> Any:
        if data is None or isinstance(data, (bool, int, float, str)):
            return data
        if isinstance(data, (list, tuple)):
            if depth > MOST_DEPTH:
                raise self.refusal(place, "lists nested too deeply", f"at most {MOST_DEPTH} deep", "Leave some out")
            return tuple(self.value(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(data))
        if isinstance(data, dict) and data.get(TYPE) == SAME:
            return self.again(data, place)
        if isinstance(data, dict) and data.get(TYPE) == SLICE:
            return self.slice(data, place)
        if isinstance(data, dict) and data == {TYPE: ELLIPSIS}:
            return Ellipsis
        if isinstance(data, dict):
            return self.part(data, place, depth)
        given = f"{type(data).__name__} {shown(data)}"
        raise self.refusal(place, given, "numbers, texts, lists and parts", "Leave it out")

    def slice(self, data: dict[str, Any], place: str) -> slice:
        ends = ("start", "stop", "step")
        good = set(data) <= {TYPE, *ends} and (not self.complete or len(data) == 4)
        if not good or any(type(data.get(end)) not in (int, type(None)) for end in ends):
            raise self.refusal(place, shown(data), "start, stop and step of a slice, whole numbers", "Correct them")
        return slice(*(data.get(end) for end in ends))

    def again(self, data: dict[str, Any], place: str) -> Layer:
        """Return the layer that came before under this id."""
        number = data.get(ID)
        if set(data) != {TYPE, ID} or type(number) is not int or number not in self.finished:
            raise self.refusal(
                place,
                f"a reference to {shown(number)}",
                "the id of a layer that is complete before it",
                f"Use one of {sorted(self.finished)[:20]}, or describe the layer here",
            )
        return self.finished[number]

    def remember(self, number: Any, part: Part, place: str) -> None:
        if type(number) is not int or not 0 < number <= MOST_PARTS or not isinstance(part, Layer):
            raise self.refusal(place, f"the id {shown(number)}", "a whole number from 1, on a layer", "Leave it out")
        if number in self.finished:
            raise self.refusal(place, f"the id {number} again", "each id once", "Give every layer an id of its own")
        self.finished[number] = part

    def same(self, data: Any, kept: Any) -> bool:
        """Return whether a setting is kept as it was given, so that it can't have been misunderstood."""
        if self.complete:
            return _equal(data, kept)
        return isinstance(data, bool) == isinstance(kept, bool) or data is None or kept is None

    def refusal(self, place: str, given: str, expected: str, fix: str) -> ChainruleError:
        where = f"{self.where}: {place}" if place else self.where
        return self.error(where, given=given, expected=expected, fix=fix)


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _equal(data: Any, kept: Any) -> bool:
    """Compare plain data with a setting, types included; parts have been compared on their own."""
    if isinstance(data, dict) and TYPE in data:
        return True
    if isinstance(data, dict):
        return isinstance(kept, dict) and list(data) == list(kept) and all(_equal(data[key], kept[key]) for key in data)
    if isinstance(data, (list, tuple)):
        return isinstance(kept, (list, tuple)) and len(data) == len(kept) and all(map(_equal, data, kept))
    kept = kept.item() if isinstance(kept, np.generic) else kept
    return type(data) is type(kept) and bool(data == kept)
