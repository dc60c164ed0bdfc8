"""JSON in a file is exactly JSON, and what was written comes back."""

from __future__ import annotations

from typing import Any

import pytest

from chainrule.errors import FileError
from chainrule.files import strict_json

GOOD: list[Any] = [None, True, 0, -(2**127), 0.1, 1e-320, "é\u202e\0", "\U0001f600", [], {}, {"a": [{"b": None}]}]
GOOD += ["[" * 400, {"[" * 200: ["{" * 200]}, eval("[" * 90 + "]" * 90), [[]] * 300]


@pytest.mark.parametrize("value", GOOD, ids=ascii)
def test_plain_data_come_back(value: Any) -> None:
    assert strict_json.loads("test", strict_json.dumps(value)) == value
    assert strict_json.loads("test", strict_json.dumps(value).encode()) == value


BAD = {
    "": "not JSON",
    "{": "not JSON",
    "[1,]": "not JSON",
    "{'a':1}": "not JSON",
    "1 2": "not JSON",
    "\ufeff1": "not JSON",
    '"\t"': "not JSON",
    "01": "not JSON",
    "NaN": "NaN",
    "[-Infinity]": "-Infinity",
    "1e999": "infinite",
    "[" + "9" * 41 + "]": "41 digits",
    '{"a":1,"a":1}': "'a' twice",
    '[{"b":{"a":1,"a":2}}]': "'a' twice",
    '"\\ud800"': "surrogate",
    '{"\\uDFFF":1}': "surrogate",
    "[" * 301 + " 1 " + "]" * 301: "nested too deeply",
    '{"a":[' * 151 + "]}" * 151: "nested too deeply",
    "[" * 100_000 + "]" * 100_000: "nested too deeply",
    '{"a":' * 100_000 + "1" + "}" * 100_000: "nested too deeply",
}


@pytest.mark.parametrize(("text", "message"), BAD.items(), ids=lambda text: ascii(text[:10] + text[280:310]))
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        strict_json.loads("test", text)


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(FileError, match="not UTF-8, from byte 1 on"):
        strict_json.loads("test", b'"\xff"')


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": "\ud800"}, "\udfff"], ids=ascii)
def test_what_is_no_json_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError):
        strict_json.dumps(value)
