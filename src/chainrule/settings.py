"""A part is what its constructor was told.

Ops, layers, optimizers, schedules and initializers keep each constructor argument in an attribute of the same
name. From that one rule come their printed form and the description that model files and recipes hold. What is
computed was made for these settings, so one that is changed later is honoured or refused, and never ignored.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeVar

from chainrule.checks import expect_arguments
from chainrule.errors import MisuseError, UnknownNameError
from chainrule.words import is_word, name_fix

T = TypeVar("T")
_SHORT = 16  # names that one can read at a glance


@cache
def _constructor(kind: Any) -> tuple[inspect.Parameter, ...]:
    if kind.__init__ is object.__init__:
        return ()
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    return tuple(p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))


def setting_names(kind: type) -> tuple[str, ...]:
    """Return the names of a class's settings: its constructor's parameters, in order."""
    return tuple(p.name for p in _constructor(kind))


def needed_settings(kind: type) -> tuple[str, ...]:
    """Return the names of the settings without which a part of this class can't be made."""
    return tuple(p.name for p in _constructor(kind) if p.default is p.empty)


class _Settling(type):
    """Makes a part, whose settings are settled from then on."""

    if not TYPE_CHECKING:  # a checker that saw this would take any arguments, and the part for anything

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            try:
                part = super().__call__(*args, **kwargs)
            except TypeError:
                cls._expect_call(args, kwargs)
                expect_arguments(cls.__init__, (cls, *args), kwargs, cls.__name__)
                raise
            part.settle()
            return part

        @property
        def __signature__(cls) -> inspect.Signature:
            """What `help` shows and notebooks complete, where they would show that of `__call__` above."""
            plain = cls.__init__ is object.__init__
            parameters = [] if plain else list(inspect.signature(cls.__init__).parameters.values())[1:]
            return inspect.Signature(parameters)


class Configured(metaclass=_Settling):
    """A part described by its settings."""

    #: The section of the table of words that has other libraries' names for what such a part has.
    words: ClassVar[str] = "layer"
    #: Settings that may be mappings of a name to a value, in files too.
    mappings: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def _expect_call(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise an error of its own for arguments that it can't be made with, where there is more to say."""

    def settle(self) -> None:
        """Have settings that are changed from now on honoured or refused."""
        self.__dict__["_settled"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if "_settled" in self.__dict__ and not name.startswith("_"):
            if name in setting_names(type(self)):
                value = self.late(name, value)
            elif name not in self.__dict__ and not _is_known(type(self), name):
                raise UnknownNameError(
                    type(self).__name__,
                    given=f"a value for .{name}, which nobody reads",
                    expected="one of its settings",
                    fix=name_fix(self.words, name, setting_names(type(self))),
                )
        super().__setattr__(name, value)

    if not TYPE_CHECKING:  # a checker that saw this would take any name for one of a part's

        def __getattr__(self, name: str) -> NoReturn:
            raise unknown_attribute(self, self.words, name)

    def late(self, name: str, value: Any) -> Any:
        """Return what to keep of a setting that is changed after the part was made, or refuse it."""
        raise self.too_late(name, value, f"Make a new one: cr.{type(self).__name__}({name}={value!r:.60})")

    def too_late(self, name: str, value: Any, fix: str) -> MisuseError:
        """Return the error for a setting that can't be changed any more."""
        return MisuseError(
            f"{type(self).__name__}.{name}",
            given=f"{value!r:.80}, set on a part that is made already",
            expected="the setting that it was made with, for which what is computed was made",
            fix=fix,
            cause="setting.late",
        )

    def as_if_made(self, name: str, value: Any) -> Any:
        """Return a setting as the constructor checks and keeps it."""
        return getattr(type(self)(**{**self.settings(), name: value}), name)

    def settings(self) -> dict[str, Any]:
        """Return constructor argument -> value, every one of them."""
        return {name: getattr(self, name) for name in setting_names(type(self))}

    def copy(self) -> Self:
        """Return a part of its own with the same settings."""
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        kind: Any = type(self)
        defaults = {p.name: p.default for p in _constructor(kind)}
        told = (
            f"{name}={value!r}"
            for name, value in self.settings().items()
            if not _same(value, defaults.get(name, inspect.Parameter.empty))
        )
        return f"{kind.__name__}({', '.join(told)})"


def unknown_attribute(part: Any, place: str, name: str) -> AttributeError:
    """Return the error for an attribute that something of ours doesn't have: with our name for it, or the nearest.

    Parameters
    ----------
    part : object
    place : str
        The section of the table of words that holds for it.
    name : str
    """
    kind = type(part)
    if name.startswith("_") and not is_word(place, name):
        return AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")
    return UnknownNameError(
        kind.__name__,
        given=f".{name}",
        expected="something that it has",
        fix=lambda: _attribute_fix(place, name, kind, [other for other in dir(part) if not other.startswith("_")]),
    )


def _attribute_fix(place: str, name: str, kind: type, known: list[str]) -> str:
    """Return what to use for an attribute that is not there. A long list of those that are helps nobody."""
    fix = name_fix(place, name, known)
    close, listed, _ = fix.partition("Known: ")
    return f"{close}help({kind.__name__}) says what it has" if listed and len(known) > _SHORT else fix


class Closed:
    """An object that has the attributes it was made with: another one, set later, would be read by nobody."""

    #: The section of the table of words that has other libraries' names for what it has.
    words: ClassVar[str]
    #: Whether its attributes stay as they are, because what was made from them would not follow.
    fixed: ClassVar[bool] = False

    def close(self) -> None:
        """Refuse new attributes from now on, and where it is `fixed` new values too."""
        self.__dict__["_closed"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if "_closed" in self.__dict__ and not name.startswith("_"):
            kind = type(self).__name__
            if name not in self.__dict__ and not hasattr(type(self), name):
                raise UnknownNameError(
                    kind,
                    given=f"a value for .{name}, which nobody reads",
                    expected="something that it has",
                    fix=name_fix(self.words, name, [known for known in self.__dict__ if not known.startswith("_")]),
                )
            if self.fixed:
                raise MisuseError(
                    f"{kind}.{name}",
                    given="a value for it",
                    expected="it to stay as it was made",
                    fix="Make a new one",
                    cause="setting.late",
                )
        super().__setattr__(name, value)


class InNotebooks:
    """A part that notebooks draw. How, is known below all rooms, where the package's face is."""

    def _repr_html_(self) -> str:
        html: str = sys.modules["chainrule"]._html(self)
        return html


@cache
def _is_known(kind: type, name: str) -> bool:
    """Return whether instances of a class have such an attribute. What a user's own class has is the user's."""
    own = kind.__module__.startswith("chainrule.") and vars(sys.modules[kind.__module__]).get(kind.__name__) is kind
    if not own:
        return True
    return hasattr(kind, name) or any(name in vars(base).get("__annotations__", {}) for base in kind.__mro__)


class Fixed(list[T]):
    """A list that stays as it was made: what was built from it would not follow.

    >>> Fixed([1, 2]).append(3)
    Traceback (most recent call last):
    chainrule.errors.MisuseError: list: got a change of it, but expected it to stay as it was made. Make a new ...
    """

    def _stays(self, *_: Any, **__: Any) -> NoReturn:
        raise _fixed("list")

    append = extend = insert = pop = remove = clear = sort = reverse = _stays
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _stays

    if not TYPE_CHECKING:  # which knows the types of a list

        def __getitem__(self, place: Any) -> Any:
            if isinstance(place, str):
                raise UnknownNameError(
                    "list",
                    given=repr(place)[:80],
                    expected="a number: a list has no names",
                    fix=f'Write layers[0], layers[-1], or network["{place[:40]}"] for what it computed last',
                )
            return super().__getitem__(place)

    def __reduce__(self) -> tuple[type[Fixed[T]], tuple[Iterable[T]]]:
        return Fixed, (list(self),)


class FixedMapping(dict[str, T]):
    """A mapping that stays as it was made: what was built from it would not follow.

    >>> FixedMapping(a=1)["a"] = 2
    Traceback (most recent call last):
    chainrule.errors.MisuseError: mapping: got a change of it, but expected it to stay as it was made. Make a new ...
    """

    def _stays(self, *_: Any, **__: Any) -> NoReturn:
        raise _fixed("mapping")

    clear = pop = popitem = setdefault = update = _stays
    __setitem__ = __delitem__ = __ior__ = _stays

    def __reduce__(self) -> tuple[type[FixedMapping[T]], tuple[dict[str, T]]]:
        return FixedMapping, (dict(self),)


def _fixed(what: str) -> MisuseError:
    return MisuseError(
        what,
        given="a change of it",
        expected="it to stay as it was made",
        fix="Make a new network, or container, from a new list of new layers",
        cause="setting.late",
    )


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)
