"""A figure that a notebook shows as a picture, whether or not pyplot has been told to."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from chainrule.plot.style import styled


class NotebookFigure(Figure):
    """matplotlib's figure, which draws itself where the last value of a cell is shown."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        with styled("figure"):
            self.savefig(picture, format="png")
        return picture.getvalue()
