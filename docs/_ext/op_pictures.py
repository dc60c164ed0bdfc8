"""Pictures of ops that work element by element: the function and its derivative over one number."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chainrule.ops import Op
from chainrule.plot.axes import new_figure
from chainrule.plot.style import CLASS_COLOURS, save_figure, styled

_PROBE = np.linspace(0.3, 3, 12).reshape(2, 3, 2)


def elementwise(op: Op) -> bool:
    """Return whether an op turns each number into a number, whatever stands beside it."""
    if len(op.roles) != 1 or op.variadic:
        return False
    (role,) = op.roles
    try:
        y = np.asarray(op.forward(**{role: _PROBE}))
        alone = [float(op.forward(**{role: np.full((1, 1, 1), value)})[0, 0, 0]) for value in _PROBE.flat]
    except (ValueError, IndexError, TypeError):
        return False
    return y.shape == _PROBE.shape and np.allclose(y.ravel(), alone)


def draw(op: Op, path: Path) -> bool:
    """Draw an op's function and derivative; return whether there was something to draw."""
    (role,) = op.roles
    z = np.linspace(-4, 4, 801)
    y = op.forward(**{role: z})
    slope = op.backward(np.ones_like(z), y, **{role: z})[role]
    steep = np.abs(slope) > 60  # beside a pole: the rest of the curve is to be seen
    y, slope = np.where(np.isfinite(y), y, np.nan), np.where(np.isfinite(slope) & ~steep, slope, np.nan)
    jump = np.abs(np.diff(slope, prepend=slope[:1])) > 0.3  # a jump is no line
    slope[jump] = np.nan
    with styled("the documentation"):
        figure = new_figure(5.2, 2.9)
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.axhline(0, color="#999999", linewidth=0.8)
        axes.axvline(0, color="#999999", linewidth=0.8)
        axes.plot(z, y, color=CLASS_COLOURS[0], label=f"{op.name}({role})")
        axes.plot(z, slope, color=CLASS_COLOURS[5], linestyle="--", label="its derivative")
        axes.set_xlabel(role)
        axes.set_ylim(*_limits(y, slope))
        axes.legend(loc="best")
        save_figure("the documentation", figure, path)
    return True


def _limits(*curves: np.ndarray) -> tuple[float, float]:
    values = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    low, high = max(values.min(), -4.2), min(values.max(), 4.2)
    margin = 0.06 * max(high - low, 0.5)
    return low - margin, high + margin
