"""JSON in files, strictly: no name twice, no NaN, no number that Python would spend a minute on, only real Unicode.

Nesting has an end too, far below where Python's own does: what walks or shows the data may be deep in calls itself.
What is printed for people and other programs is as strict, and nothing in it moves a terminal's cursor.
"""

from __future__ import annotations

import json
import math
from typing import Any

from chainrule.data.opening import shown
from chainrule.errors import FileError

_LONGEST_INTEGER = 40  # digits: a generator's state has 39
_SURROGATE = "\\ud"  # how an escaped one begins; those that are not escaped are no UTF-8
_DEEPEST = 300  # lists and objects inside of each other: what describes a network needs some 200
_FIX = "The file is damaged or was not written by chainrule: get another copy"


class _Refused(Exception):
    """What in the text is wrong."""


def dumps(value: Any) -> str:
    """Return plain data as JSON, compact and always the same; a NaN or a lone surrogate is a ValueError."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text.encode("utf-8")
    return text


def printed(value: Any, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """Return plain data as JSON in which all that doesn't print is escaped, and NaN and infinities are texts.

    >>> print(printed({"name": "a\\x9b\\u202e", "loss": float("nan")}))
    {"name": "a\\u009b\\u202e", "loss": "nan"}
    """
    text = json.dumps(_finite(value), ensure_ascii=ascii_only, allow_nan=False, indent=indent)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def loads(where: str, text: str | bytes) -> Any:
    """Return the data that a JSON text stands for.

    Raises
    ------
    FileError
        If it is not strict JSON in UTF-8: the first thing that is wrong.
    """
    try:
        text = text if isinstance(text, str) else text.decode("utf-8")
        value = _DECODER.decode(text)
        if _SURROGATE in text.lower():
            dumps(value)
        if text.count("[") + text.count("{") > _DEEPEST:
            _expect_shallow(value)
    except UnicodeDecodeError as error:
        given = f"bytes that are not UTF-8, from byte {error.start} on"
    except UnicodeEncodeError:
        given = "half a surrogate pair, which is no character"
    except json.JSONDecodeError as error:
        given = f"text that is not JSON from character {error.pos} on ({error.msg})"
    except _Refused as error:
        given = str(error)
    except RecursionError:
        given = "lists or objects nested too deeply"
    else:
        return value
    raise FileError(where, given=given, expected="JSON", fix=_FIX)


def _expect_shallow(value: Any) -> None:
    """Raise if data are nested so deeply that code which walks or shows them could fail."""
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [data for data in level if isinstance(data, (dict, list))]
        if not level:
            return
        level = [inside for data in level for inside in (data.values() if isinstance(data, dict) else data)]
    raise RecursionError


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise _Refused(f"the name {shown(name)} twice")
        result[name] = value
    return result


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise _Refused(f"a whole number with {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Refused(f"the number {shown(text)}, which is infinite")
    return value


def _constant(text: str) -> float:
    raise _Refused(f"{text}, which JSON doesn't have")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_constant)
