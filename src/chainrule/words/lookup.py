"""What an error says about a name that nobody here has: ours for it, or the nearest."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chainrule.errors import MissingNameError, UnknownNameError, nearest, nearest_name
from chainrule.words.by_name import folded, named_class
from chainrule.words.libraries import LIBRARIES
from chainrule.words.vocabulary import Word, find, words

# Callables -> the section of keywords that holds for them besides their own.
_KINDS = {
    **dict.fromkeys(("Adam", "AdamW", "SGD", "RMSProp", "Adagrad"), "optimizer"),
    **dict.fromkeys(("CosineDecay", "StepDecay", "ExponentialDecay", "OneCycle", "Warmup", "Phases"), "schedule"),
    "MLPRegressor": "MLPClassifier",
    "Regressor": "Classifier",
    **dict.fromkeys(("fit", "Training", "History.repeat"), "train"),
    **dict.fromkeys(("Network.copy", "Network.fresh", "network"), "Network"),
}
_ROLES = {"target": ("target", "labels"), "prediction": ("prediction", "logits", "x", "z"), "x": ("x", "z")}
_LOSSES = ("Error", "CrossEntropy", "Loss", "Huber")


def name_fix(place: str, name: str, known: Iterable[str]) -> str:
    """Return how to go on after a name that is not there.

    Parameters
    ----------
    place : str
        A section of the table of names.
    name : str
    known : iterable of str
        The names that are there.
    """
    word = find("names", place, name)
    return _use(word, place) if word is not None else nearest(name, known)


def is_word(place: str, name: str) -> bool:
    """Return whether another library has exactly this name, with its underscores, where something of ours is asked."""
    return not name.startswith("__") and name in words("names")[place]


def keyword_fix(where: str, name: str, known: Sequence[str]) -> str:
    """Return how to go on after a keyword that a callable doesn't take.

    Parameters
    ----------
    where : str
        The callable.
    name : str
    known : sequence of str
        The keywords that it takes.
    """
    kind = _KINDS.get(where) or ("loss" if where.endswith(_LOSSES) else "")
    ours = name
    for section in (where, kind, "anywhere"):
        word = find("keywords", section, name)
        if word is not None and (word.ours in known or not word.ours.isidentifier()):
            equals = " = " if where == "recipe" else "="  # as TOML is written
            return f"Write {word.ours}{equals}…" if word.ours in known else word.ours
        if word is not None and ours == name:  # the nearest section says it
            ours = word.ours
    elsewhere = find("keywords", "elsewhere", ours) or find("keywords", "elsewhere", name)
    return elsewhere.ours if elsewhere is not None else nearest(name, known)


def role_fix(name: str, known: Sequence[str]) -> str:
    """Return how to go on after a role that an op doesn't have.

    >>> role_fix("one_hot", ["logits", "labels", "name"])
    'Write labels=…'
    """
    word = find("keywords", "op", name)
    meant = () if word is None else _ROLES.get(word.ours, ())
    ours = next((role for role in known if role in meant), None)
    return keyword_fix("op", name, known) if ours is None else f"Write {ours}=…"


def option_fix(option: str, known: Sequence[str]) -> str:
    """Return how to go on after an option that a command doesn't have.

    >>> option_fix("--lr", ["--learning-rate", "--epochs"])
    'Write --learning-rate'
    """
    names = {name.lstrip("-").replace("-", "_"): name for name in known}
    name = option.lstrip("-").replace("-", "_")
    word = find("keywords", "cli", name)
    if word is not None:
        return f"Write {word.ours}" if word.ours.startswith(("--", "chainrule ")) else word.ours
    word = find("keywords", "anywhere", name)
    ours = word.ours if word is not None else name
    if ours in names:
        return f"Write {names[ours]}"
    return nearest(option, known)


def value_fix(name: str, known: Iterable[str], *, part: bool = False) -> str:
    """Return how to go on after a name, given as a value, that is none of the known ones; `part`: of parts.

    >>> value_fix("lion", ["Adam", "SGD"], part=True)
    'Use cr.Adam(), cr.AdamW(), cr.SGD(momentum=0.9), cr.RMSProp() or cr.Adagrad(): these are the ones there are'
    """
    bare = re.sub(r"\.v\d+$", "", name)  # registries number what they keep
    word = find("names", "value", bare) or (find("names", "module", bare) if part else None)
    return f"Use {word.ours}" if word is not None else nearest(name, known)


def names_of_room(module: str, later: Mapping[str, str] | None = None) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a room: it imports what is needed seldom, and refuses what is not there.

    Parameters
    ----------
    module : str
        The room's ``__name__``.
    later : mapping of str to str, optional
        The file of the room that has a name, for names that are imported when they are asked for.
    """
    files = {} if later is None else later

    def named(name: str) -> Any:
        if name not in files:
            raise missing_from(module, name)
        found = getattr(importlib.import_module(f"{module}.{files[name]}"), name)
        setattr(sys.modules[module], name, found)  # the next time Python doesn't ask
        return found

    return named


def missing_from(module: str, name: str) -> Exception:
    """Return the error for a name that a module of ours doesn't have: to be raised by its ``__getattr__``.

    Python asks a module that way for whatever it looks for; what is not meant for people is answered shortly.
    """
    plain = AttributeError(f"module {module!r} has no attribute {name!r}")
    frame = sys._getframe(2)  # that of whoever asked
    if name.startswith("_") or frame.f_code.co_name == "_handle_fromlist":
        return plain
    place = "data" if module == "chainrule.data" else "module"
    ours, room = sys.modules["chainrule"], importlib.import_module(module)
    others = [other for other in dir(ours) if not other.startswith("_")]
    face = module.replace("chainrule", "cr", 1)
    given, fix = f"{face}.{name}", _answer(place, name, others)
    following = _following(frame)  # cr.callbacks.EarlyStopping: it is the last name that is meant
    if following is not None and name.islower() and (meant := _answer(place, following, others)):
        given, fix = f"{given}.{following}", meant
    if not fix:
        public = [other for other in dir(room) if not other.startswith("_")]
        close = nearest_name(name, {*public, *others})
        there = face if close in public else "cr"
        fix = (f"Did you mean {there}.{close}? " if close else "") + "dir(cr) lists what there is"
    kind_of_error: Any = MissingNameError if _is_from_import(frame) else UnknownNameError
    error: Exception = kind_of_error(module, given=given, expected="a name that it has", fix=fix)
    return error


def _answer(place: str, name: str, others: Sequence[str]) -> str | None:
    """Return what to use instead of a name, looked for among the public ones and in the table; None: nobody knows."""
    alike = [other for other in others if folded(other) == folded(name)]
    word = find("names", place, name) or find("names", "module", name)
    if name not in alike and word is not None:
        return _use(word, place)
    if alike:
        return f"Use {' or '.join(f'cr.{other}' for other in alike)}"
    kind = named_class(name, others)
    if kind is not None:
        return f"Use cr.{kind}"
    if (plain := _OF_KIND.sub("", name)) not in (name, ""):  # ReluNode, SigmoidLayer
        return _answer(place, plain, others)
    return _of_derivative(place, name, others)


_OF_KIND = re.compile(r"_?(?:node|layer|function|activation|op)$", re.IGNORECASE)
_OF_DERIVATIVE = re.compile(r"^(?:d_?|grad_)(?=[a-z])|_?(?:prime|derivative|deriv|grad|gradient)$", re.IGNORECASE)


def _of_derivative(place: str, name: str, others: Sequence[str]) -> str | None:
    """Return what to use instead of the name of a function's derivative: ``tanh_prime``, ``d_relu``."""
    function = _OF_DERIVATIVE.sub("", name, count=1)
    if function in (name, ""):
        return None
    classes = {folded(other): other for other in others if other[:1].isupper()}
    told = classes.get(folded(function)) or named_class(function, others)
    if told is None:
        word = find("names", place, function)
        return None if word is None else f"Use {word.ours}"
    return (
        f"Use cr.{told}(), which has its derivative beside it: cr.{told}().backward(dy, y, …)[role]; of nodes, "
        "cr.derivative(node, by) and cr.jacobian(node, by)"
    )


def _use(word: Word, place: str) -> str:
    """Return the answer of the table; whoever writes a whole program in a library's words is shown it in ours."""
    named = [library for library in word.libraries if library in LIBRARIES]
    if place not in ("module", "network") or not named:
        return f"Use {word.ours}"
    return f"Use {word.ours}; for a whole program in both: chainrule words {' or '.join(named[:2])}"


def _following(frame: Any) -> str | None:
    """Return the attribute that is asked of what a frame has just asked for; None if it is none."""
    import dis  # only who has made a mistake waits for it

    after = (step for step in dis.get_instructions(frame.f_code) if step.offset > frame.f_lasti)
    step = next((step for step in after if step.opname != "CACHE"), None)
    return str(step.argval) if step is not None and step.opname in ("LOAD_ATTR", "LOAD_METHOD") else None


def _is_from_import(frame: Any) -> bool:
    """Return whether a frame is at ``from module import name``, which tells of an AttributeError only that it was."""
    import dis

    return bool(frame.f_code.co_code[frame.f_lasti] == dis.opmap["IMPORT_FROM"])
