"""One voice for what went wrong.

Every error chainrule raises on purpose says three things: what was *given*, what was *expected*, and how to
*fix* it. All of them are a `ChainruleError`, so one `except` catches them; each is also the built-in exception a
Python programmer would look for.
"""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 800  # characters of a part of a message


class ChainruleError(Exception):
    """Something chainrule refuses to do, and why.

    Parameters
    ----------
    where : str
        The part that speaks, e.g. ``"Linear 'hidden'"`` or ``"train"``.
    given : str
        What was given.
    expected : str
        What would have been right.
    fix : str
        What to do about it: a whole sentence, without its full stop.
    """

    def __init__(self, where: str, *, given: str, expected: str, fix: str) -> None:
        where, given, expected = (_shortened(text) for text in (where, given, expected))
        super().__init__(f"{where}: got {given}, but expected {expected}. {fix}.")
        self.where, self.given, self.expected, self.fix = where, given, expected, fix

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.where, self.given, self.expected, self.fix)


def _shortened(text: str) -> str:
    """Return a text that can be read: what was given may be a number of 5,000 digits."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _rebuild(kind: type[ChainruleError], where: str, given: str, expected: str, fix: str) -> ChainruleError:
    return kind(where, given=given, expected=expected, fix=fix)


class InputError(ChainruleError, ValueError):
    """An argument, an array or a setting that can't be used."""


class ShapeError(InputError):
    """Arrays whose shapes or dtypes don't fit together."""


class MisuseError(ChainruleError, RuntimeError):
    """A call that makes no sense now, such as `backward` before `forward`."""


class UnknownNameError(ChainruleError, AttributeError, LookupError):
    """A name nobody here has."""


class DerivativeError(ChainruleError, ArithmeticError):
    """A derivative that disagrees with its function."""


class NonFiniteError(ChainruleError, ArithmeticError):
    """A NaN or an infinity where training can't go on."""


class FileError(ChainruleError, OSError):
    """A file that is missing, damaged, or not what its name says."""


class MissingExtraError(ChainruleError, ImportError):
    """An optional package that is not installed."""


_MOST_NAMES = 100  # that a message lists


def nearest(name: str, known: Iterable[str]) -> str:
    """Return how to go on after a wrong name: the nearest right one, and all of them, or as many as one can read."""
    import difflib  # here, because only who has made a mistake waits for it

    names = sorted(known)
    close = difflib.get_close_matches(str(name), names[:100_000], n=1)
    listed = ", ".join(map(printable, names[:_MOST_NAMES])) or "none"
    if len(names) > _MOST_NAMES:
        listed += f" and {len(names) - _MOST_NAMES:,} more"
    return (f"Did you mean {close[0]!r}? " if close else "") + f"Known: {listed}"


def printable(text: str) -> str:
    """Return text with everything that doesn't print written as an escape.

    Names come from files, and files are data: control characters could move a terminal's cursor, and direction marks
    turn a line around.

    >>> print(printable("rose\\x1b[31m\\n"))
    rose\\x1b[31m\\n
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
