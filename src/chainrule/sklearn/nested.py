"""Settings of a network's parts by the names that scikit-learn gives them: ``network__optimizer__learning_rate``.

A part can't be changed once it is made, so a changed setting means a new part around it, up to the network.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any

from chainrule import checks
from chainrule.errors import ArgumentError
from chainrule.nn import Network
from chainrule.settings import Configured
from chainrule.words import keyword_fix

PREFIX = "network__"

# How names of settings begin in skorch and scikeras -> here.
_BEGINNINGS = {
    **dict.fromkeys(("module__", "model__"), "network__"),
    "optimizer__": "network__optimizer__",
    **dict.fromkeys(("criterion__", "loss__"), "network__loss__"),
}


def settings_of(part: Any) -> dict[str, Any]:
    """Return a part's settings, or a list's parts by their places; nothing of anything else."""
    if isinstance(part, Configured):
        return part.settings()
    if isinstance(part, list):
        return {str(i): each for i, each in enumerate(part)}
    return {}


def nested(part: Any, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return every setting in a part by name: ``optimizer``, ``optimizer__learning_rate``, ``layers__0__use_bias``.

    With `changes`, as they are after these.
    """
    own, deeper = _by_depth(changes or {})
    found: dict[str, Any] = {}
    for name, value in settings_of(part).items():
        found[name] = own.get(name, value)
        inside = nested(found[name], deeper.get(name))
        found |= {f"{name}__{setting}": value for setting, value in inside.items()}
    return found


def expect_settings(where: str, part: Any, changes: Mapping[str, Any]) -> None:
    """Raise if one of these is no setting in a part, by the names in `nested`."""
    settings = settings_of(part)
    own, deeper = _by_depth(changes)
    checks.expect_known(where, {**own, **deeper}, list(settings))
    for head, inside in deeper.items():
        expect_settings(f"{where}__{head}", own.get(head, settings[head]), inside)


def changed(part: Any, changes: Mapping[str, Any]) -> Any:
    """Return a part like this one with some of the settings in it changed; a network is a fresh one."""
    settings = settings_of(part)
    own, deeper = _by_depth(changes)
    for head, inside in deeper.items():
        own[head] = changed(own.get(head, settings[head]), inside)
    if isinstance(part, list):
        return [own.get(place, each) for place, each in settings.items()]
    if isinstance(part, Network):
        return part.fresh(**copy.deepcopy(own))  # layers without the network that they are in
    return type(part)(**{**settings, **own})


def _by_depth(changes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the changes of a part's own settings, and those inside each of them."""
    own: dict[str, Any] = {}
    deeper: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        head, _, rest = name.partition("__")
        if rest:
            deeper.setdefault(head, {})[rest] = value
        else:
            own[head] = value
    return own, deeper


def arguments_of(function: Any) -> dict[str, Any]:
    """Return what a function that makes a network takes after features and outputs, with its defaults."""
    if not callable(function):
        return {}
    parameters = list(inspect.signature(function).parameters.values())[2:]
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return {p.name: None if p.default is p.empty else p.default for p in named}


def takes_anything(function: Any) -> bool:
    """Return whether a function takes keywords of any name."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())


def unknown(where: str, name: str, value: Any, known: list[str]) -> ArgumentError:
    """Return the error for a parameter that an estimator doesn't have, with the one that is meant."""
    fix = keyword_fix(where, name, known)
    for theirs, ours in _BEGINNINGS.items():
        if name.startswith(theirs) and fix.startswith(("Did you mean", "Known")):  # no word of its own
            fix = f"Write {ours}{name.removeprefix(theirs)}=…"
    return ArgumentError(where, given=f"{name}={value!r:.60}", expected=", ".join(known), fix=fix)
