"""A film of learning: the decision surface while a network is trained, with the loss below it.

While training goes on only parameters are noted; the frames are chosen and drawn when it has ended. They lie closer
together where the loss falls fast: so a long wait before the fall, and the long tail after it, take little of the film.
"""

from __future__ import annotations

import io
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chainrule import checks
from chainrule.data.opening import FolderFile
from chainrule.errors import FileError, MisuseError
from chainrule.files.atomic import write_atomically
from chainrule.nn import Network
from chainrule.ops.op import Array, Samples
from chainrule.plot.axes import draw_line, fit_scale, new_figure
from chainrule.plot.style import CLASS_COLOURS, INK, figure_path, printable_names, styled
from chainrule.plot.surface import class_legend, name_inputs, paint, surface
from chainrule.training.callbacks import Callback
from chainrule.training.history import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from chainrule.training import Training

CELLS = 120  # along each axis
FORMATS = (".gif", ".mp4")
_WIDTH, _HEIGHT, _DPI = 5.4, 6.0, 100  # inches, and dots in one
_HOLD = 2.0  # seconds for which the last frame stays
_LONGEST = 10.0  # seconds, if nothing else is said
_RATE = 12.0  # frames in a second, or more in a film of many
MOST_FRAMES = 400  # what ten seconds hold at the 50 frames in a second that a GIF can have
_SPARE = 4  # times as many epochs are noted as there are frames, before they are thinned out
_OF_TIME = 0.2  # the share of the frames that is spread over the epochs, the rest over the fall of the loss


@checks.keywords
def animation(
    X: Samples,
    y: Samples,
    *,
    path: str | os.PathLike[str] | None = None,
    frames: int = 60,
    frames_per_second: float | None = None,
    classes: Sequence[str] | None = None,
    title: str | None = None,
) -> Animation:
    """Film the decision surface of a network with two inputs while it is trained: a callback for `train`.

    Parameters
    ----------
    X : array_like, (samples, 2)
    y : array_like
        The points' classes, as for `decision_surface`.
    path : path, optional
        Where the film is saved when training has ended; its name ends in .gif, or in .mp4, for which the program
        ffmpeg must be installed. Left out, call `save`.
    frames : int, default 60
        How many at most, the first and the last counted: spread over the fall of the loss, a fifth over the epochs.
    frames_per_second : float, optional
        12 if left out, and of many frames as many more as it takes for the film to end within 10 seconds.
    classes : sequence of str, optional
        The classes' names; the network's own if left out, or else their numbers.
    title : str, optional

    Returns
    -------
    Animation

    Raises
    ------
    InputError
        If something is not as it should be; from `train` if the network does not have two inputs.
    FileError
        If the film can't be written, or there is no ffmpeg for an .mp4.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> import chainrule as cr, os, tempfile
    >>> X, y = cr.data.xor()
    >>> film = animation(X, y, path=os.path.join(tempfile.mkdtemp(), "xor.gif"), frames=3)
    >>> network = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
    >>> history = cr.train(network, X, y, epochs=20, callbacks=[film])
    >>> len(film.epochs), film.epochs[0], film.epochs[-1]
    (3, 0, 20)
    """
    return Animation(X, y, path=path, frames=frames, frames_per_second=frames_per_second, classes=classes, title=title)


class Animation(Callback):
    """What `animation` returns.

    Attributes
    ----------
    epochs : list of int
        After which epochs there is a frame, when training has ended; while it goes on, those that are noted.
    """

    each_step = False

    def __init__(
        self,
        X: Samples,
        y: Samples,
        *,
        path: str | os.PathLike[str] | None = None,
        frames: int = 60,
        frames_per_second: float | None = None,
        classes: Sequence[str] | None = None,
        title: str | None = None,
    ) -> None:
        self.X, self.y, self.classes, self.title = X, y, classes, title
        self.path = _film_path(path)
        self.frames = checks.whole("animation frames", frames, least=2, most=MOST_FRAMES)
        if frames_per_second is not None:
            checks.number("animation frames_per_second", frames_per_second, above=0, most=50, like=12)
        self.frames_per_second = frames_per_second
        self.epochs: list[int] = []
        self._parameters: list[Array] = []
        self._losses: dict[int, float] = {}
        self._network: Network | None = None
        with styled("animation"):  # says now, not after a long training, what is not installed
            pass

    def begin(self, training: Training) -> None:
        network = training.network
        surface("animation", network, self.X, self.y, self.classes, 2, 2)
        self.epochs, self._parameters, self._losses = [], [], {}
        self._keep(training.position.epoch - 1, network)

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        self._losses[epoch.epoch] = epoch.loss
        self._keep(epoch.epoch, training.network)
        if len(self.epochs) >= _SPARE * self.frames:
            self._thin(_SPARE * self.frames // 2)

    def ending(self, training: Training) -> None:
        done = training.position.epoch - 1
        if done > self.epochs[-1]:  # stopped within an epoch
            self._keep(done, training.network)

    def end(self, training: Training) -> None:
        if not self.epochs:  # refused at the beginning
            return
        self._thin(self.frames)
        self._network = training.network.copy()
        if self.path is not None:
            self.save(self.path)

    def _keep(self, epoch: int, network: Network) -> None:
        self.epochs.append(epoch)
        self._parameters.append(network.parameters.copy())

    def _thin(self, count: int) -> None:
        """Keep so many of the noted epochs."""
        first = next(iter(self._losses.values()), 0.0)
        kept = spread(self.epochs, [self._losses.get(epoch, first) for epoch in self.epochs], count)
        self.epochs, self._parameters = [self.epochs[i] for i in kept], [self._parameters[i] for i in kept]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Draw the frames and save the film.

        Raises
        ------
        MisuseError
            If nothing has been trained with it.
        NonFiniteError
            If the network's output became NaN or infinite.
        FileError
            If the file can't be written.
        """
        checked = _film_path(path)
        if self._network is None or checked is None:
            raise MisuseError(
                "animation",
                given="an animation of nothing",
                expected="one that has been among the callbacks of a training",
                fix="Pass it to cr.train(…, callbacks=[animation])",
            )
        drawn = self._drawn(self._network)
        rate = self.frames_per_second or min(50.0, max(_RATE, len(drawn) / (_LONGEST - _HOLD)))
        times = [1 / rate] * len(drawn)
        times[-1] = max(times[-1], _HOLD)
        write_atomically(checked, (_gif if checked.suffix.lower() == ".gif" else _mp4)(drawn, times), where="animation")

    def _drawn(self, network: Network) -> list[Array]:
        """Return the frames: (rows, columns, 3) bytes each."""
        last = network.parameters.copy()
        found: list[Array] = []
        with styled("animation"):
            figure = new_figure(_WIDTH, _HEIGHT)
            above, below = figure.subplots(2, 1, height_ratios=[4, 1])
            for epoch, parameters in zip(self.epochs, self._parameters, strict=True):
                network.parameters[:] = parameters
                seen = surface("animation", network, self.X, self.y, self.classes, CELLS, CELLS)
                above.clear()
                below.clear()
                handles = paint(figure, above, seen, probability=network.objective.binary, bar=not found)
                name_inputs(above, network)
                self._written(above, below, epoch, int((seen.predicted == seen.labels).sum()), len(seen.labels))
                if not found:
                    class_legend(figure, handles, seen.labels, seen.names)
                content = io.BytesIO()
                figure.savefig(content, format="rgba", dpi=_DPI, bbox_inches=figure.bbox_inches)  # all of one size
                sides = (round(side * _DPI) for side in (_HEIGHT, _WIDTH))
                found.append(np.frombuffer(content.getvalue(), np.uint8).reshape(*sides, 4)[:, :, :3])
                figure.set_layout_engine("none")  # everything stays where the first frame has put it
        network.parameters[:] = last
        return found

    def _written(self, above: Axes, below: Axes, epoch: int, right: int, count: int) -> None:
        title = "" if self.title is None else f"{printable_names([self.title])[0]}, "
        above.set_title(f"{title}epoch {epoch:,}: {right:,} of {count:,} right")
        if self._losses:
            draw_line(below, list(self._losses), list(self._losses.values()), CLASS_COLOURS[0]).set_marker("")
            fit_scale(below)
            below.axvline(epoch, color=INK, linewidth=1.0)
        below.set(xlabel="epoch", ylabel="loss")


def spread(epochs: Sequence[int], losses: Sequence[float], count: int) -> list[int]:
    """Return the places of at most `count` epochs, the first and the last among them, spread over the fall of the loss.

    What counts is the least loss so far, so that a noisy one calls for no frames by going up and down.

    >>> spread(range(9), [1.0, 1.0, 1.0, 1.0, 0.8, 0.4, 0.1, 0.1, 0.1], 5)
    [0, 4, 5, 6, 8]
    """
    finite = [loss if math.isfinite(loss) else math.inf for loss in losses]
    least = np.minimum.accumulate(np.minimum(finite, max((v for v in finite if v < math.inf), default=0.0)))
    fallen, passed = least[0] - least, np.asarray(epochs, np.float64) - epochs[0]
    place = _OF_TIME * passed / (passed[-1] or 1.0) + (1 - _OF_TIME) * fallen / (fallen[-1] or 1.0)
    count = min(count, len(place))
    found = [int(np.abs(place - wanted).argmin()) for wanted in np.linspace(0.0, place[-1], count)]
    for i in range(1, count):  # none is shown twice: its neighbours take the place of those that would be
        found[i] = max(found[i], found[i - 1] + 1)
    found[-1] = len(place) - 1
    for i in range(count - 2, -1, -1):
        found[i] = min(found[i], found[i + 1] - 1)
    return found


def _film_path(path: str | os.PathLike[str] | None) -> Path | FolderFile | None:
    checked = figure_path("animation", path, FORMATS)
    if checked is not None and checked.suffix.lower() == ".mp4" and shutil.which("ffmpeg") is None:
        raise FileError(
            "animation",
            given=f"path {str(checked)!r}, but no program ffmpeg",
            expected="it, to write films in this format",
            fix="Save a .gif instead, or install ffmpeg",
        )
    return checked


def _gif(frames: list[Array], seconds: list[float]) -> bytes:
    """Return the frames as a GIF that runs for ever, all of them in the same 256 colours, that nothing flickers."""
    from PIL import Image

    some = frames[:: max(1, len(frames) // 6)] + frames[-1:]
    palette = Image.fromarray(np.concatenate(some)).quantize(256)
    first, *others = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    content = io.BytesIO()
    milliseconds = [round(1000 * time) for time in seconds]
    first.save(content, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0, optimize=False)
    return content.getvalue()


def _mp4(frames: list[Array], seconds: list[float]) -> bytes:
    """Return the frames as an MP4 that every player knows, written by the program ffmpeg."""
    import subprocess
    import tempfile

    rate = 1 / seconds[0]
    frames = [*frames, *[frames[-1]] * round(rate * seconds[-1] - 1)]
    rows, columns = (side - side % 2 for side in frames[0].shape[:2])  # the format has no odd sides
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "film.mp4"
        command = ["ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
        command += ["-s", f"{columns}x{rows}", "-r", f"{rate:g}", "-i", "-", "-pix_fmt", "yuv420p"]
        command += ["-fflags", "+bitexact", "-flags", "+bitexact", "-movflags", "+faststart", "-y", str(out)]
        content = b"".join(frame[:rows, :columns].tobytes() for frame in frames)
        done = subprocess.run(command, input=content, capture_output=True, check=False)
        if done.returncode or not out.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise FileError(
                "animation",
                given=f"an ffmpeg that failed: {said[-1] if said else done.returncode}"[:200],
                expected="it to write the film",
                fix="Save a .gif instead",
            )
        return out.read_bytes()
