"""A part as plain data: its name in the table and its settings, down to numbers and texts.

Model files keep a network's description as JSON, recipes theirs as TOML; `rebuild` is the way back.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.data.opening import shown
from chainrule.errors import ChainruleError, InputError
from chainrule.files.table import (
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
from chainrule.nn import Layer
from chainrule.ops import Activation, Loss


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
    >>> describe(cr.Dense(3, 16), brief=True)
    {'type': 'Dense', 'inputs': 3, 'outputs': 16}
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
            raise self.refusal(
                place,
                f"{part!r}, made of functions",
                "a class that can be named",
                f"Write class My{name}(cr.{name}) with an __init__ that passes the functions on, use My{name}(), and "
                f"load with custom={{'My{name}': My{name}}}",
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
            raise self.refusal(place, error.given, error.expected, error.fix) from error
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


def _is_default(value: Any, default: Any) -> bool:
    return type(value) is type(default) and not isinstance(value, PART) and bool(value == default)
