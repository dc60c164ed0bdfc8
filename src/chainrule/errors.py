"""One voice for what went wrong.

Every error chainrule raises on purpose says three things: what was *given*, what was *expected*, and how to
*fix* it. All of them are a `ChainruleError`, so one `except` catches them; each is also the built-in exception a
Python programmer would look for. For programs each has a `cause`, one of the codes in `CAUSES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

#: What an error's or a warning's `cause` can be: a code that stays the same from version to version, and its meaning.
CAUSES = {
    "argument.missing": "an argument that a call needs and hasn't got",
    "argument.shape": "arrays whose shapes or dtypes don't fit together",
    "argument.unknown": "a keyword that nobody reads, or more arguments than there are names for",
    "argument.value": "an argument or a setting that can't be used",
    "call.order": "a call that makes no sense now",
    "data.columns": "columns of a table that are missing, or others than those that the network was trained with",
    "data.nonfinite": "NaN or infinity in the samples, the targets or the sample weights",
    "data.other_scale": "samples far smaller, or far larger, than those that the network was trained on",
    "data.precision": "samples that differ by less than the network's dtype can tell",
    "data.range": "samples that are indices, and of no row of the table that they choose from",
    "data.scale": "samples so large that sums of them overflow, or that make training blow up",
    "data.shape": "samples of another shape than the network takes",
    "data.unseen": "a word, or a gap, in a column of a table in which the training had none such",
    "derivative.wrong": "a derivative that is not its function's, or not in the form that backpropagation takes",
    "extra.missing": "an optional package that is not installed",
    "file.unusable": "a file that is missing, damaged, or not what its name says",
    "head.logits": "a loss on logits after a layer that gives none",
    "head.probabilities": "a loss on probabilities after a layer that gives none",
    "head.softmax_of_one": "a softmax over one output, which is always 1",
    "head.softmax_twice": "a softmax after a softmax",
    "layer.shared": "a layer that belongs to another network",
    "memory.too_little": "more numbers than there is memory for",
    "name.unknown": "a name that nobody here has",
    "network.frozen": "nothing to learn: no parameters, or all of them frozen",
    "network.heads": "a network with several outputs, where one is wanted",
    "network.unbuilt": "a network whose parameters are not made yet",
    "number.nonfinite": "NaN or infinity in what was computed",
    "op.domain": "an op outside its domain, such as the logarithm of 0",
    "op.nonfinite": "an op of a user's that gives NaN or infinity for finite numbers",
    "op.overflow": "a result too large for the dtype",
    "op.replay": "an op that gives other numbers when it is replayed",
    "op.writes": "an op that writes into what it is given",
    "optimizer.rate": "weights that grew until their sums overflowed: a learning rate that is too large",
    "penalty.scale": "a penalty whose derivative is not finite",
    "schedule.again": "a schedule that starts again, at another learning rate than the training before had come to",
    "setting.late": "a setting changed after what depends on it was made",
    "target.classes": "far fewer classes among the targets than the network has outputs",
    "target.one_hot": "rows with a single 1, as of one class, for outputs that are each a yes or no",
    "target.range": "targets that the network's last layer, or the loss, can never take",
    "target.scale": "targets so large, or so spread out, that training takes long or blows up",
    "target.shape": "targets of another shape than the network gives or the loss takes",
    "training.constant": "a training that ended no better than one constant answer for all samples",
    "training.worse": "a training that ended worse than it began",
    "weights.nonfinite": "NaN or infinity in a parameter before any step was taken",
    "weights.scale": "weights so large that sums of them overflow, before any step was taken",
}

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
    fix : str or function
        What to do about it: a whole sentence, without its full stop; or a function that returns it, if asked.
    cause : str, optional
        One of `CAUSES`, for programs; the usual one of its class if left out.
    """

    cause: str = "argument.value"

    def __init__(
        self, where: str, *, given: str, expected: str, fix: str | Callable[[], str], cause: str | None = None
    ) -> None:
        self.where, self.given, self.expected = (_shortened(text) for text in (where, given, expected))
        self._fix = fix
        self.cause = cause or type(self).cause
        super().__init__(*(() if callable(fix) else (str(self),)))

    @property
    def fix(self) -> str:
        """What to do about it. What takes long to find out, such as the nearest name, is found out when asked."""
        if callable(self._fix):
            self._fix = self._fix()
        return self._fix

    def __str__(self) -> str:
        return f"{self.where}: got {self.given}, but expected {self.expected}. {self.fix}."

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.where, self.given, self.expected, self.fix, self.cause)


def _shortened(text: str) -> str:
    """Return a text that can be read: what was given may be a number of 5,000 digits."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _rebuild(kind: type[ChainruleError], where: str, given: str, expected: str, fix: str, cause: str) -> ChainruleError:
    return kind(where, given=given, expected=expected, fix=fix, cause=cause)


class InputError(ChainruleError, ValueError):
    """An argument, an array or a setting that can't be used."""

    cause = "argument.value"


class ShapeError(InputError):
    """Arrays whose shapes or dtypes don't fit together."""

    cause = "argument.shape"


class MisuseError(ChainruleError, RuntimeError):
    """A call that makes no sense now, such as `backward` before `forward`."""

    cause = "call.order"


class UnknownNameError(ChainruleError, AttributeError, LookupError):
    """A name nobody here has."""

    cause = "name.unknown"
    # Python sets `name`, and where there is one it appends a guess of its own to the message, often a wrong one.
    name = property(lambda _: None, lambda _, __: None)


class MissingNameError(ChainruleError, ImportError):
    """A name that can't be imported, because nobody here has it."""

    cause = "name.unknown"


class ArgumentError(InputError, TypeError):
    """Arguments that a function can't be called with: a keyword that it doesn't take, one too many, or one missing."""

    cause = "argument.unknown"


class DerivativeError(ChainruleError, ArithmeticError):
    """A derivative that disagrees with its function."""

    cause = "derivative.wrong"


class NonFiniteError(ChainruleError, ArithmeticError):
    """A NaN or an infinity where training can't go on."""

    cause = "number.nonfinite"


class FileError(ChainruleError, OSError):
    """A file that is missing, damaged, or not what its name says."""

    cause = "file.unusable"


class MissingExtraError(ChainruleError, ImportError):
    """An optional package that is not installed."""

    cause = "extra.missing"


def installing(extra: str) -> str:
    """Return the command that installs an extra of ours from where chainrule itself came: a clone, a file, an index.

    >>> print(installing("plot"))
    pip install ...[plot]...
    """
    import os
    import shlex
    from importlib import metadata

    clone = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # above src/chainrule
    if os.path.isfile(os.path.join(clone, "pyproject.toml")):
        place = "." if os.path.realpath(clone) == os.path.realpath(os.curdir) else clone
        return f"pip install --editable {shlex.quote(f'{place}[{extra}]')}"
    try:
        origin = metadata.distribution("chainrule").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        origin = None
    if not origin:
        return f"pip install {shlex.quote(f'chainrule[{extra}]')}"
    import json

    return f"pip install {shlex.quote(f'chainrule[{extra}] @ ' + str(json.loads(origin)['url']))}"


class ChainruleWarning(UserWarning):
    """Something to know that stops nothing. All warnings of the library are of this kind, so one filter has them all.

    >>> import warnings
    >>> warnings.filterwarnings("error", category=ChainruleWarning)
    """


class FileWarning(ChainruleWarning):
    """A file that could not be written, while training goes on."""


class InputWarning(ChainruleError, ChainruleWarning):
    """Samples that a network answers, and hardly as it was taught. It is warned of once a network, not raised."""

    cause = "data.other_scale"


class TrainingWarning(ChainruleError, ChainruleWarning):
    """Something that training can do, and that will hardly lead to anything. It is warned of, not raised."""

    cause = "target.range"


def warn_user(warning: ChainruleWarning) -> None:
    """Warn at the line of the user's that called us, however many of our own functions lie between."""
    import sys
    import warnings

    house, depth = __file__.rpartition("errors.py")[0], 2
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(house):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(warning, stacklevel=depth)


_MOST_NAMES = 100  # that a message lists


def nearest(name: str, known: Iterable[str]) -> str:
    """Return how to go on after a wrong name: the nearest right one, and all of them, or as many as one can read."""
    names = sorted(known)
    close = nearest_name(name, names)
    listed = ", ".join(map(printable, names[:_MOST_NAMES])) or "none"
    if len(names) > _MOST_NAMES:
        listed += f" and {len(names) - _MOST_NAMES:,} more"
    return (f"Did you mean {close!r}? " if close else "") + f"Known: {listed}"


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is nearest to a wrong one, whatever its case; None if none is near.

    >>> nearest_name("rellu", ["ReLU", "relu", "Tanh"])
    'relu'
    """
    import difflib  # here, because only who has made a mistake waits for it

    wanted, names = str(name), sorted(known)[:100_000]
    folded = {other.casefold(): other for other in reversed(names)}
    close = difflib.get_close_matches(wanted.casefold(), folded, n=1)
    if not close:
        return None
    as_written = difflib.get_close_matches(wanted, [other for other in names if other.casefold() == close[0]], 1, 0.0)
    return as_written[0]


def printable(text: str) -> str:
    """Return text with everything that doesn't print written as an escape.

    Names come from files, and files are data: control characters could move a terminal's cursor, and direction marks
    turn a line around.

    >>> print(printable("rose\\x1b[31m\\n"))
    rose\\x1b[31m\\n
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
