"""Checks at the door: each returns what it was given, in the form the code behind it wants, or raises."""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, cast

from chainrule.errors import ArgumentError, InputError
from chainrule.words import folded, keyword_fix, part_named, value_fix

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that refuses arguments that it can't take by an error that says which it does.

    >>> @keywords
    ... def train(network, *, epochs=100): ...
    >>> train(None, n_epochs=3)
    Traceback (most recent call last):
    chainrule.errors.ArgumentError: train: got n_epochs=3, but expected network, epochs. Write epochs=...
    """

    return _checked(function, {})


def keywords_and(**taken: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return `keywords` for a function whose arguments have second names: ``X`` may be written ``train_data``.

    >>> @keywords_and(train_data="X")
    ... def samples(X):
    ...     return len(X)
    >>> samples(train_data=[1, 2])
    2
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        return _checked(function, taken)

    return decorate


def _checked(function: Callable[P, R], taken: Mapping[str, str]) -> Callable[P, R]:
    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in taken.keys() & kwargs.keys():
            if taken[name] not in kwargs:  # one beside the first name stays, and is refused
                kwargs[taken[name]] = kwargs.pop(name)
        try:
            return function(*args, **kwargs)
        except TypeError:
            made = function.__name__ == "__init__"
            expect_arguments(function, args, kwargs, type(args[0]).__name__ if made else function.__qualname__)
            raise

    return called


def _nothing() -> None:
    """Take nothing."""


def expect_keywords(function: Callable[..., Any], given: Mapping[str, Any], where: str) -> None:
    """Raise if a function doesn't take one of these keywords."""
    if function is object.__init__:  # that of a class without one of its own
        function = _nothing
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"]
    expect_known(where, given, known)


def expect_arguments(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], where: str) -> None:
    """Raise if a function can't be called so: with a keyword or an argument too many, or without one that it needs.

    `args` begin with ``self`` where the function does.
    """
    expect_keywords(function, kwargs, where)
    if function is object.__init__:
        if len(args) > 1:
            raise ArgumentError(
                where,
                given=f"an argument, {_told(args[1]):.60}",
                expected="none",
                fix=f"Make it first, and call it then: {where}()(…)",
            ) from None
        return
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        pass
    else:  # it could, and what went wrong is inside of it
        return
    names = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    twice = [name for name in names[: len(args)] if name in kwargs]
    if twice:
        place = names.index(twice[0])
        by_place, by_name = _told(args[place]), _told(kwargs[twice[0]])
        raise ArgumentError(
            where,
            given=f"{twice[0]} twice: {by_place:.60} by its place, {by_name:.60} by its name",
            expected="it once: what stands there first is taken for it",
            fix=f"Write {where}({by_name:.30}, …): the name stands first"
            if twice[0] == "name" and not isinstance(args[place], str)
            else "Leave out one of them",
        ) from None
    told = {*names[: len(args)], *kwargs}
    missing = [p.name for p in signature.parameters.values() if p.default is p.empty and p.name not in told]
    of_self = int(names[:1] == ["self"])
    if missing:
        raise ArgumentError(
            where,
            given=f"no {' and no '.join(missing)}",
            expected=f"it: {where}({_written(signature)})",
            fix=f"Pass {', '.join(f'{name}=…' for name in missing)}",
            cause="argument.missing",
        ) from None
    by_keyword = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    raise ArgumentError(
        where,
        given=f"{len(args) - of_self} arguments without a keyword, the last one {_told(args[-1]):.60}",
        expected=f"at most {len(names) - of_self}: {', '.join(names[of_self:])}" if names[of_self:] else "none",
        fix=f"Write the name before the value: {', '.join(f'{name}=…' for name in by_keyword[:8])}"
        if by_keyword
        else "Leave out the rest",
    ) from None


def _written(signature: inspect.Signature) -> str:
    """Return a signature in short: what is needed, and that there is more."""
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return ", ".join(needed) + (", …" if len(parameters) > len(needed) else "")


def expect_known(where: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise if one of these keywords is none of the known ones."""
    fixes = {name: keyword_fix(where, name, known) for name in given if name not in known}
    if not fixes:
        return
    raise ArgumentError(
        where,
        given=", ".join(f"{name}={_told(given[name]):.60}" for name in fixes),
        expected=", ".join(known) or "no keywords",
        fix="; ".join(f"{name}: {fix}" for name, fix in fixes.items()) if len(fixes) > 1 else "".join(fixes.values()),
    ) from None


def number(
    where: str,
    value: Any,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    least: float = -math.inf,
    most: float = math.inf,
    like: float = 0.01,
) -> float:
    """Return `value` as a finite float with above < value < below and least <= value <= most."""
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if math.isfinite(result) and above < result < below and least <= result <= most:
        return result
    bounds = []
    if above > -math.inf:
        bounds.append(f"above {above:g}")
    if least > -math.inf:
        bounds.append(f"of at least {least:g}")
    if below < math.inf:
        bounds.append(f"below {below:g}")
    if most < math.inf:
        bounds.append(f"of at most {most:g}")
    expected = "a finite number" + (" " + " and ".join(bounds) if bounds else "")
    raise InputError(where, given=_told(value), expected=expected, fix=f"Pass for example {like:g}")


def numbers(
    where: str, values: Any, *, above: float = -math.inf, below: float = math.inf, like: Sequence[float]
) -> tuple[float, ...]:
    """Return `values` as a tuple of finite floats, at least one, each with above < value < below."""
    try:
        found = None if isinstance(values, str) else list(values)
    except TypeError:
        found = None
    if not found:
        raise InputError(where, given=_told(values)[:80], expected="several numbers", fix=f"Pass for example {like}")
    return tuple(
        number(f"{where}[{i}]", value, above=above, below=below, like=like[0]) for i, value in enumerate(found)
    )


def whole(where: str, value: Any, *, least: int = 1, most: int = 2**31 - 1) -> int:
    """Return `value` as an int with least <= value <= most."""
    try:
        if isinstance(value, bool):
            raise TypeError
        result = operator.index(value)
    except TypeError:
        result = least - 1
    if least <= result <= most:
        return result
    raise InputError(
        where,
        given=_told(value),
        expected=f"a whole number from {least} to {most}",
        fix=f"Pass for example {max(least, 1)}",
    )


def one_of(where: str, value: Any, known: Iterable[str]) -> str:
    """Return the one of the known names that `value` is, in any spelling."""
    names = list(known)
    if isinstance(value, str):
        for name in names:
            if folded(name) == folded(value):
                return name
    text = value if isinstance(value, str) else ""
    raise InputError(where, given=_told(value), expected="one of the known names", fix=value_fix(text, names))


def instance(where: str, value: Any, kind: type | tuple[type, ...], like: str, for_function: str | None = None) -> Any:
    """Return `value` if it is an instance (not the class itself) of `kind`.

    `like` is what to pass, and `for_function` what to pass instead of a function.
    """
    if isinstance(value, kind):
        return value
    if isinstance(value, type):
        given = f"the class {value.__name__} itself"
    elif callable(value) and hasattr(value, "__name__"):
        given = f"the function {value.__name__}"
    else:
        given = _told(value)[:80]
    told = for_function if given.startswith("the function") and for_function is not None else like
    raise InputError(where, given=given, expected=f"something like {like}", fix=f"Pass {told}")


def part(
    where: str,
    value: Any,
    kind: type[T],
    known: Mapping[str, type[Any]],
    like: str,
    for_function: str | None = None,
) -> T:
    """Return `value` if it is such a part, or the one of the `known` classes that its name stands for, in any spelling.

    >>> from chainrule.ops import Op, Tanh
    >>> part("Dense activation", "tanh", Op, {"Tanh": Tanh}, "cr.Tanh()")
    Tanh()
    """
    if not isinstance(value, str):
        return cast(T, instance(where, value, kind, like, for_function))
    found: T | None = part_named(value, known)
    if found is not None:
        return found
    raise InputError(
        where,
        given=f"{value!r:.80}",
        expected=f"the name of one that it knows, or {like}",
        fix=value_fix(value, known, part=True),
    )


def _told(value: Any) -> str:
    """Return what was given, for a message."""
    try:
        return repr(value)
    except ValueError:  # Python doesn't write whole numbers of more than 4,300 digits
        return f"{type(value).__name__} that is too long to be written"
