"""The user's cache lies where each operating system wants it."""

from __future__ import annotations

import os
import sys

import pytest

from chainrule.caches import user_cache

HOME = os.path.abspath("home")


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, (HOME, ".cache", "chainrule")),
        ("linux", {"XDG_CACHE_HOME": os.path.join(HOME, "mine")}, (HOME, "mine", "chainrule")),
        ("linux", {"XDG_CACHE_HOME": "relative"}, (HOME, ".cache", "chainrule")),  # which its specification ignores
        ("darwin", {"XDG_CACHE_HOME": os.path.join(HOME, "mine")}, (HOME, "Library", "Caches", "chainrule")),
        ("win32", {"LOCALAPPDATA": os.path.join(HOME, "Local")}, (HOME, "Local", "chainrule", "Cache")),
        ("win32", {}, (HOME, "AppData", "Local", "chainrule", "Cache")),
    ],
)
def test_each_system_has_its_place(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: tuple[str, ...]
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": HOME, "USERPROFILE": HOME, **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert user_cache() == os.path.join(*expected)
