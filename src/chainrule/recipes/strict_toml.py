"""Strict reading: TOML into typed tables, where a wrong key or a wrong type is one clear error.

msgspec does the checking; here its messages are put into our voice, with what was given and the nearest right key.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from chainrule.data.opening import shown
from chainrule.errors import InputError
from chainrule.words import keyword_fix

T = TypeVar("T", bound=msgspec.Struct)

_DEEPEST = 50
_MOST_POINTS = 50_000_000  # the squares of how many points there are in a line, added up
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Return what a TOML text holds: numbers of at most 64 bits, texts, lists and tables, not nested too deeply."""
    try:
        if sum(line.count(".") ** 2 for line in text.split("\n")) > _MOST_POINTS:  # tomllib's time for keys like a.b.c
            raise ValueError
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        known = isinstance(problem, tomllib.TOMLDecodeError)
        reason = str(problem) if known else "numbers, brackets or keys that are too long"
        raise InputError(
            where,
            given=f"a text that is not TOML ({reason[:120].rstrip('.')})",
            expected="a recipe in TOML",
            fix="Compare it with a built-in one: chainrule recipes xor",
        ) from None
    _check_plain(raw, where)
    return raw


def _check_plain(raw: dict[str, Any], where: str) -> None:
    """Raise if there is something in the data that no recipe has."""
    left: list[tuple[Any, str, int]] = [(raw, "", 0)]
    while left:
        table, place, depth = left.pop()
        for key, value in table.items() if isinstance(table, dict) else enumerate(table):
            given = None
            if isinstance(value, (dict, list)):
                if depth == _DEEPEST:
                    given = "tables or lists nested too deeply"
                left.append((value, _inside(place, key), depth + 1))
            elif isinstance(value, int) and not -(2**63) <= value < 2**63:
                given = "a whole number of more than 64 bits"
            elif not isinstance(value, (str, int, float)):
                given = f"a {'date' if isinstance(value, datetime.date) else 'time'}, {value}"
            if isinstance(key, str) and "`" in key and place != "data.columns":  # msgspec's messages quote with them
                given = f"the key {shown(key)}"
            if given is not None:
                raise InputError(
                    f"{where}, {shown(_inside(place, key))[1:-1]}",
                    given=given,
                    expected="numbers, texts, lists and tables as recipes have them",
                    fix="Change it, or leave it out",
                )


def _inside(place: str, key: str | int) -> str:
    return f"{place}[{key}]" if isinstance(key, int) else f"{place}.{key}".lstrip(".")


def convert(raw: dict[str, Any], kind: type[T], where: str) -> T:
    """Return the table as a struct of this kind."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as problem:
        raise _translated(str(problem), raw, kind, where) from None


def _translated(message: str, raw: dict[str, Any], kind: type[msgspec.Struct], where: str) -> InputError:
    said, _, place = message.partition(" - at `$")
    steps = re.findall(r"[^.\[\]`]+", place)
    path = place.rstrip("`").lstrip(".")
    quoted = re.findall(r"`([^`]*)`", said)
    if said.startswith("Object contains unknown field"):
        struct = _struct_at(kind, steps)
        known = [*struct.__struct_fields__, *getattr(struct, "SHORT", ())]
        inside = f" in {path}" if path else ""
        return InputError(
            where,
            given=f"the key {shown(quoted[0])}{inside}",
            expected="a key that it has",
            fix=keyword_fix("recipe", quoted[0], known),
        )
    if said.startswith("Object missing required field"):
        inside = f"{path}." if path else ""
        return InputError(
            where,
            given=f"no {inside + quoted[0]!r}",
            expected="it to be there",
            fix="Add it; chainrule recipes xor shows a whole recipe",
        )
    expected = said
    if said.startswith("Expected `"):
        expected = " or ".join(_WORDS.get(word, word) for word in quoted[0].split(" | ") if word != "null")
    elif said.startswith("Invalid enum value"):
        expected = " or ".join(_choices(kind, steps))
    given = repr(_value_at(raw, steps))[:80]
    return InputError(f"{where}, {path}", given=given, expected=expected, fix=f"Change {path}")


def _choices(kind: type[msgspec.Struct], steps: list[str]) -> list[str]:
    """Return in words what a field may hold, some of it being fixed words."""
    *way, field = steps
    words: list[str] = []
    stack = [get_type_hints(_struct_at(kind, way))[field]]
    while stack:
        hint = stack.pop()
        if get_origin(hint) is Literal:
            words += [repr(word) for word in get_args(hint)]
        elif get_origin(hint) is dict:
            words.append("a table")
        elif hint in (int, float):
            words.append(_WORDS[hint.__name__])
        else:
            stack.extend(get_args(hint))
    return words


def _value_at(value: Any, steps: list[str]) -> Any:
    for step in steps:
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, ValueError, IndexError, TypeError):
            return value
    return value


def _struct_at(kind: type[msgspec.Struct], steps: list[str]) -> type[msgspec.Struct]:
    """Return the struct that a place in a message such as ``$.phases[0]`` speaks of."""
    for step in steps:
        if step.isdigit():
            continue
        stack = [get_type_hints(kind).get(step)]
        while stack:
            hint = stack.pop()
            if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
                kind = hint
                break
            stack.extend(get_args(hint))
    return kind
