"""What a training shows while it goes: a bar where somebody looks, a line an epoch, and lines for Python's `logging`.

All of it looks at the events of a training from outside, as any loop over them can: nothing here is part of what is
computed, saved or repeated, and a compiled network takes as many steps at a time as when nobody looks. The bar is
tqdm's, which is loaded when one is drawn.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

import numpy as np

from chainrule.errors import FileWarning, InputError, printable
from chainrule.files.viewer import in_notebook
from chainrule.logs import logger
from chainrule.training.batch_source import ArraySource
from chainrule.training.figure_text import in_words, number, written
from chainrule.training.metrics import VALIDATION

if TYPE_CHECKING:
    from logging import Logger

    from chainrule.nn import Network
    from chainrule.training.events import Event, Training
    from chainrule.training.history import Epoch

REDRAW = 0.1  # seconds between two drawings of the bar, at least
_SELDOM = 10.0  # the same where each drawing is one more line of a file
_BESIDE = "{percentage:3.0f}%|{bar:12}| "  # the words, on a terminal
_BESIDE_WIDTH = 19
_NOTEBOOK_WIDTH = 100
_MOST_LINES = 10
_VARIABLE = "CHAINRULE_VERBOSE"

Verbose: TypeAlias = bool | int | None
Watch: TypeAlias = Callable[["Event"], None]


def as_verbose(verbose: Verbose) -> Verbose:
    """Return what `train` is to show; where it is told nothing, what the environment says."""
    named = os.environ.get(_VARIABLE) if verbose is None else None
    given: Any = {"0": 0, "1": 1, "2": 2}.get(named, named) if named else verbose
    if given is None or (isinstance(given, (int, np.integer, np.bool_)) and 0 <= given <= 2):
        return given if given is None else int(given)
    raise InputError(
        _VARIABLE if named else "train verbose",
        given=repr(given)[:80],
        expected="0 for nothing, 1 for a bar, or 2 for a line an epoch",
        fix="Leave it out to see a bar on a terminal and in a notebook alone",
    )


@contextmanager
def watching(training: Training, verbose: Verbose, *, lasting: bool = True) -> Iterator[list[Watch]]:
    """Give the functions that show a training; each is to be called with all of its events.

    Parameters
    ----------
    training : Training
        One that has not begun.
    verbose : bool, int or None
        As `as_verbose` returns it.
    lasting : bool, default True
        Whether the bar stays in the end, as the line that says what came of the training.
    """
    watches: list[Watch] = []
    with ExitStack() as stack:
        bar = None
        if training.epochs and (verbose == 1 or (verbose is None and somebody_looks())):
            bar = stack.enter_context(ProgressBar(training, lasting=lasting))
            watches.append(bar)
        elif verbose == 2:
            watches.append(print_epoch)
        if (found := logger()) is not None:
            watches.append(_telling(found, bar))
        yield watches


def somebody_looks() -> bool:
    """Tell whether a bar would be seen, on the terminal or in the notebook where Python was started.

    Other threads and processes than the first share that place with it, and a training in a callback of another one
    has the other's bar there already: none of them draws, unless it is asked to.
    """
    if ProgressBar.alive or threading.current_thread() is not threading.main_thread() or _is_child():
        return False
    return in_notebook() or _is_terminal(sys.stderr)


def _is_child() -> bool:
    """Tell whether another process has started this one to share its work."""
    processes = sys.modules.get("multiprocessing.process")
    return processes is not None and processes.parent_process() is not None


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, ValueError):  # something else took its place, or it is closed
        return False


class ProgressBar:
    """The line that says how far a training is, how good, how fast, and how long it will take.

    It is drawn on standard error, ten times a second at most; what others print on the terminal meanwhile comes above
    it. Where it can't be drawn any more, because the terminal is gone, the training goes on without it.

    Parameters
    ----------
    training : Training
        One that has not begun.
    lasting : bool
        Whether its last state stays. That of a bar below another one never does.

    Attributes
    ----------
    alive : int
        How many there are in this process.
    """

    alive = 0

    def __init__(self, training: Training, *, lasting: bool) -> None:
        self.training, self.lasting = training, lasting
        self.in_line = False  # whether somebody has printed half a line
        self._bar: Any = None
        self._drawn = self._terminal = self._widget = self._ended = False
        self._start = self._shown = 0.0  # epochs
        self._began = self._last = time.perf_counter()
        self._every = REDRAW
        self._stack = ExitStack()

    def __enter__(self) -> ProgressBar:
        ProgressBar.alive += 1
        return self

    def __exit__(self, *problem: object) -> None:
        ProgressBar.alive -= 1
        self._stack.close()
        if self._bar is not None:
            self._attempt(self._close)

    def __call__(self, event: Event) -> None:
        now = time.perf_counter()
        if event.kind == "step" and now - self._last < self._every:
            return
        if event.kind == "begin":
            self._attempt(self._open)
        elif event.kind == "end":
            self._ended = True
        elif self._bar is not None and not self.in_line and now - self._last >= self._every:
            self._last = now
            self._attempt(self._draw)

    def clear(self) -> None:
        """Make room on its line for something else, until it is drawn again."""
        if self._drawn:
            self._drawn = False
            self._attempt(self._bar.clear)

    def _attempt(self, action: Callable[[], object]) -> None:
        """Do something with the bar; go on without it where that fails."""
        try:
            action()
        except (OSError, ValueError):
            if self._bar is not None:
                self._bar.disable = True
            self._bar, self._drawn = None, False

    def _open(self) -> None:
        if sys.stderr is None:  # as in a program without a window of text
            return
        for line in _opening(self.training):
            sys.stderr.write(f"{line}\n")
        self._began = time.perf_counter()
        self._start = self._shown = self._share()
        self._widget = in_notebook() and find_spec("ipywidgets") is not None
        words, form = self._words(self._start, None)
        settings: dict[str, Any] = {
            "total": self.training.epochs,
            "initial": self._start,
            "desc": words,
            "bar_format": form,
            "leave": self.lasting,
            "mininterval": 0,
            "miniters": 0,
        }
        if self._widget:
            from tqdm.notebook import tqdm
        else:
            from tqdm.std import tqdm

            settings |= {"file": sys.stderr, "leave": None if self.lasting else False}  # None: with no bar above it
            self._terminal = _is_terminal(sys.stderr)
            if self._terminal:
                self._go_below()
            elif not in_notebook():
                self._every = _SELDOM
        # Without tqdm's thread that looks after bars, its lock for processes, and its closing of what was forgotten.
        kind: Any = type("Bar", (tqdm,), {"monitor_interval": 0, "__del__": lambda bar: None})
        kind.set_lock(threading.RLock())
        self._bar = kind(**settings)
        self._drawn = self._terminal

    def _go_below(self) -> None:
        """Have what is printed on the terminal from now on come above the bar."""
        self._stack.enter_context(redirect_stderr(_Above(sys.stderr, self)))
        if _is_terminal(sys.stdout):
            self._stack.enter_context(redirect_stdout(_Above(sys.stdout, self)))

    def _draw(self) -> None:
        self._describe()
        share = self._share()
        self._bar.update(share - self._shown)
        self._shown, self._drawn = share, self._terminal

    def _close(self) -> None:
        if self.in_line:
            self._bar.fp.write("\n")
        self._bar.n = self._share()
        self._describe()
        if self._ended and self._widget:
            self._bar.total = self._bar.n  # nothing went wrong, whatever ended it
        self._bar.close()

    def _describe(self) -> None:
        """Give the bar the words that it is drawn with."""
        words, self._bar.bar_format = self._words(self._share(), self._bar.format_dict["rate"])
        self._bar.set_description_str(words, refresh=False)

    def _width(self) -> int:
        """Return how many characters a line has."""
        if in_notebook():
            return _NOTEBOOK_WIDTH
        import shutil  # here, because it is heavy for a module that every program imports

        size = (80, 24)
        with suppress(OSError, ValueError, AttributeError):
            size = os.get_terminal_size(sys.stderr.fileno())
        return (shutil.get_terminal_size(size).columns or 80) - 1

    def _share(self) -> float:
        """Return how many epochs are done, with the share of the one that is under way."""
        at, (batches, _) = self.training.position, self._sizes()
        return at.epoch - 1 + (min(at.batches / batches, 1.0) if batches else 0.0)

    def _sizes(self) -> tuple[int | None, int | None]:
        """Return how many batches, and how many samples, an epoch has, where that is known."""
        source = self.training._source
        return source.count_batches(), source.count if isinstance(source, ArraySource) else None

    def _words(self, share: float, rate: float | None) -> tuple[str, str]:
        """Return what the line says, and tqdm's format of it: with the bar if there is room beside the words.

        `rate` is in epochs a second. While the training goes on the line must not be longer than the terminal is wide.
        """
        training, history = self.training, self.training.history
        at, epochs = training.position, training.epochs
        seconds = max(time.perf_counter() - self._began, 1e-9)
        epoch = len(history) if self._ended else min(at.epoch, epochs)
        figures = _figures(history.epochs[-1]) if history.epochs else []
        if not figures and at.weight:
            figures = [f"loss {number(at.loss / at.weight)}"]
        end: list[str] = []
        if self._ended:
            rate = (share - self._start) / seconds
            end.append(f"in {_clock(seconds, tenths=seconds < 10)}")
            if history.kept == "best" and history.best_epoch not in (None, epoch):
                end.append(f"weights of epoch {history.best_epoch}")
            if history.stopped != "finished":
                end.append(printable(history.stopped))
        elif rate:
            end.append(f"{_clock((epochs - share) / rate)} left")
        speed = _speed(rate, *self._sizes()) if rate else []
        if self._widget:
            return "  ".join([f"epoch {epoch}/{epochs}", *figures, *speed, *end]), "{bar} {desc}"
        room = self._width()
        while True:
            for beside, words in ((_BESIDE, speed), (_BESIDE, []), ("", speed), ("", [])):
                line = "  ".join([f"epoch {epoch}/{epochs}", *figures, *words, *end])
                if len(line) + (_BESIDE_WIDTH if beside else 0) <= room:
                    return line, beside + "{desc}"
            if self._ended or not (figures or end):
                return line, "{desc}"
            (figures or end).pop()


class _Above:
    """A stream of the terminal on which a bar is: what is written into it comes above that."""

    def __init__(self, stream: TextIO, bar: ProgressBar) -> None:
        self._stream, self._bar = stream, bar

    def write(self, text: str) -> int:
        if text:
            self._bar.clear()
        count = self._stream.write(text)
        if text:
            self._bar.in_line = not text.endswith("\n")
        return count

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _figures(epoch: Epoch) -> list[str]:
    """Return what was measured after an epoch, in words, what counts most first; metrics of several numbers not."""
    figures = _numbers(epoch)
    own = [name for name in figures if not name.startswith(VALIDATION)]
    ordered = ["loss", *(name for name in figures if name.startswith(VALIDATION)), *own[1:]]
    return [f"{printable(in_words(name))} {written(name, figures[name])}" for name in ordered]


def _numbers(epoch: Epoch) -> dict[str, float]:
    """Return what was measured after an epoch and is a number, by name: on the training data, then on the others."""
    left = ("epoch", "penalty", "learning_rate", "steps", "seconds")
    return {
        name: float(value)
        for name, value in epoch.as_dict().items()
        if name not in left and isinstance(value, (int, float, np.number, np.bool_))
    }


def loss_units(network: Network) -> list[str]:
    """Return, in words, which losses are not in the unit of the targets: those before `Unscale`."""
    scaled = (head for head in network.heads if head.objective.unscale is not None)
    return [
        f"{in_words(head.prefix)}loss in deviations of the target; predictions and other figures are in its own unit"
        for head in scaled
    ]


def _opening(training: Training) -> list[str]:
    """Return what is said before the first epoch."""
    began = training.history.began
    return [*([f"goes on at {began}"] if began else []), *loss_units(training.network)]


def _speed(rate: float, batches: int | None, samples: int | None) -> list[str]:
    """Return in words how fast epochs follow each other."""
    if samples is not None:
        return [f"{rate * samples:,.0f} samples/s"]
    return [f"{rate * batches:,.0f} steps/s"] if batches is not None else []


def _clock(seconds: float, tenths: bool = False) -> str:
    """Return a time as a clock shows it.

    >>> _clock(7.25), _clock(3725), _clock(7.25, tenths=True)
    ('0:07', '1:02:05', '7.2 s')
    """
    if tenths:
        return f"{seconds:.1f} s"
    minutes, second = divmod(int(min(seconds, 1e9)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def has_line(epoch: int, epochs: int) -> bool:
    """Tell whether an epoch has a line of its own in a log: the first, the last, some at even distances between.

    Examples
    --------
    >>> [epoch for epoch in range(1, 501) if has_line(epoch, 500)]
    [1, 50, 100, 150, 200, 250, 300, 350, 400, 450, 500]
    """
    return epoch in (1, epochs) or epoch % _distance(epochs) == 0


def _distance(epochs: int) -> int:
    """Return the least of 1, 2, 5, 10, 20, 50 … that gives at most `_MOST_LINES` lines."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if epochs <= _MOST_LINES * step:
                return step
        size *= 10


def epoch_line(epoch: Epoch, epochs: int, samples: int | None) -> str:
    """Return an epoch in words.

    Parameters
    ----------
    epoch : Epoch
    epochs : int
        How many are planned.
    samples : int or None
        How many an epoch has; None where nobody knows.
    """
    figures = [
        f"{printable(in_words(name))} {written(name, value, 5 if name.endswith('loss') else 4)}"
        for name, value in _numbers(epoch).items()
    ]
    if epoch.penalty:
        figures.append(f"penalty {number(epoch.penalty)}")
    rate = 1 / max(epoch.seconds, 1e-9)
    words = [f"epoch {epoch.epoch:>{len(str(epochs))}}/{epochs}", *figures, f"learning rate {epoch.learning_rate:.2g}"]
    return "  ".join([*words, *_speed(rate, epoch.steps, samples)])


def print_epoch(event: Event) -> None:
    """Print a line for an epoch that has ended, and how a network that had been trained goes on."""
    lines = _opening(event.training) if event.kind == "begin" else [] if event.epoch is None else [_line(event)]
    if lines:
        line = "".join(f"{line}\n" for line in lines)
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        try:
            sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding))
            sys.stdout.flush()
        except BrokenPipeError:  # nobody reads: Python's own way to end
            raise
        except OSError as problem:  # a full disk
            not_shown(problem)


def not_shown(problem: OSError) -> None:
    """Warn that what is to be shown can't be, which is no reason to end a training; Python says it once a place."""
    warnings.warn(
        f"output: got a place that takes no more of it ({problem.strerror or problem}), but expected room for all. "
        "Training goes on; send the output elsewhere.",
        FileWarning,
        stacklevel=3,
    )


def _line(event: Event) -> str:
    assert event.epoch is not None
    source = event.training._source
    return epoch_line(event.epoch, event.training.epochs, getattr(source, "count", None))


def _telling(log: Logger, bar: ProgressBar | None) -> Watch:
    """Return a function that tells the logger what happens: of the epochs as many as have a line."""

    def tell(event: Event) -> None:
        training, level, words = event.training, 20, ""  # logging.INFO
        if event.kind == "begin" and training.step:
            words = (
                f"resumed in epoch {training.position.epoch}, {training.step:,} steps done: {training.history.began}"
            )
        elif event.kind == "begin":
            words = "; ".join(_opening(training))
        elif event.epoch is not None:
            level = 20 if has_line(event.epoch.epoch, training.epochs) else 10  # logging.DEBUG
            words = _line(event) if log.isEnabledFor(level) else ""
        elif event.kind == "end":
            words = f"ended after {len(training.history)} epochs: {printable(training.history.stopped)}"
        if words:
            if bar is not None:
                bar.clear()
            log.log(level, "%s", words)

    return tell
