"""One look for every picture, and the one place where matplotlib is imported and files of pictures are written.

The settings hold only while a picture is drawn or saved, and start from matplotlib's own defaults, so that a user's
matplotlibrc changes no byte of a picture, and a picture changes nothing for the user.
"""

from __future__ import annotations

import inspect
import io
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from chainrule.data.opening import FolderFile
from chainrule.errors import InputError, MissingExtraError, installing, printable
from chainrule.files.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

#: Okabe and Ito's colours, which no common colour blindness confuses; the first four also differ most in grey.
CLASS_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#F0E442", "#56B4E9", "#D55E00", "#CC79A7", "#7F7F7F")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*", "p", "h", "<")  # 11 and 8 have no common factor: 88 pairs

INK = "#222222"
FAINT = "#D9D9D9"
DPI = 150
FORMATS = (".png", ".svg")

# Blue against yellow, through grey: which side of ½ is a matter of hue, how far one of lightness. Lightness only
# rises, so the two sides differ in grey too, as they would not in the usual maps that are palest in the middle.
_TWO_SIDES = ("#08407A", "#4778AB", "#A3A5A8", "#ECC070", "#FFEC9E")

# Any, for how matplotlib types their names depends on its version.
_SETTINGS: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.dpi": DPI,
    "font.size": 9,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.bbox": "tight",  # a label that a layout has no room for makes the picture wider, and is not cut
    "savefig.dpi": DPI,
    "savefig.pad_inches": 0.06,
    "svg.hashsalt": "chainrule",  # names inside an SVG are random without one
    "text.color": INK,
    "text.parse_math": False,  # a class may be called $x$
    "xtick.color": INK,
    "ytick.color": INK,
}
_Function = TypeVar("_Function", bound=Callable[..., Any])
_lock = threading.RLock()  # matplotlib's settings are global


@contextmanager
def styled(where: str) -> Iterator[None]:
    """Draw in chainrule's style inside the block, and give matplotlib's settings back after it.

    Names are drawn as they are: dollar signs begin no formula, and a letter that the font doesn't have is a box.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as problem:
        raise MissingExtraError(
            where,
            given="no matplotlib" if isinstance(problem, ModuleNotFoundError) else f"a broken matplotlib ({problem})",
            expected="it to draw pictures with",
            fix=f"Run: {installing('plot')}",
        ) from problem
    with _lock, matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


_PATH = """
path : path, optional
    Where to save the picture; its name ends in .png or .svg.

Returns
-------
matplotlib.figure.Figure

Raises
------
"""
_RAISES = """
MissingExtraError
    If matplotlib is not installed.
FileError
    If the file can't be written.

Examples
"""


def documented(draw: _Function) -> _Function:
    """Complete the docstring of a function that returns a picture by what is the same in all of them."""
    if draw.__doc__ is not None:  # python -OO has dropped it
        text = inspect.cleandoc(draw.__doc__)
        text = text.replace("\n\nRaises\n------\n", _PATH, 1)
        draw.__doc__ = text.replace("\n\nExamples\n", _RAISES, 1)
    return draw


def diverging_colours() -> Colormap:
    """Return the map from 0 over the border at ½ to 1."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("chainrule", _TWO_SIDES, N=512)


def plain_frame(axes: Axes) -> None:
    """Frame an image: four edges, no grid across it."""
    axes.grid(False)
    axes.spines[:].set_visible(True)


def figure_path(
    where: str, path: str | os.PathLike[str] | None, formats: tuple[str, ...] = FORMATS, *, expected: bool = False
) -> Path | FolderFile | None:
    """Return where to save a picture, if anywhere, having checked that its name says what kind it is.

    Where a path is `expected`, none is refused.
    """
    if path is None and not expected:
        return None
    if isinstance(path, (str, os.PathLike)):
        checked = path if isinstance(path, FolderFile) else Path(os.fsdecode(path))
        if checked.suffix.lower() in formats:
            return checked
    raise InputError(
        where,
        given=f"path {path!r}"[:200],
        expected=f"a name that ends in {' or '.join(formats)}",
        fix=f"Pass path='picture{formats[0]}'",
    )


def save_figure(where: str, figure: Figure, path: Path | FolderFile | None) -> None:
    """Write the picture, if it has a path: the same picture gives the same bytes.

    Raises
    ------
    FileError
        If the file can't be written.
    """
    if path is None:
        return
    kind = path.suffix.lower()[1:]
    content = io.BytesIO()
    # No date and no version: they would change the bytes of a picture that hasn't changed.
    metadata = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
    with warnings.catch_warnings():
        # Names that leave no room give a picture that is less pretty, and no reason for a warning of matplotlib's.
        warnings.filterwarnings("ignore", "constrained_layout not applied")
        figure.savefig(content, format=kind, metadata=metadata)
    write_atomically(path, content.getvalue(), where=where)


def printable_names(names: Sequence[Any]) -> tuple[str, ...]:
    """Return names as they may be shown: what doesn't print is escaped, and there are at most 24 characters."""
    printed = (printable(str(name)) for name in names)
    return tuple(name if len(name) <= 24 else name[:23] + "…" for name in printed)


def printable_title(title: str | None, default: str = "") -> str:
    """Return a title as it may be shown: what doesn't print is escaped, but for the ends of lines."""
    return default if title is None else "\n".join(map(printable, str(title).split("\n")))
