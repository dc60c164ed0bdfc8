"""A figure that can be looked at where it was made, whether or not pyplot has been told to."""

from __future__ import annotations

import io
import os

from matplotlib.figure import Figure

from chainrule.files import viewer
from chainrule.plot.style import figure_path, save_figure, styled


class NotebookFigure(Figure):
    """matplotlib's figure, which draws itself where the last value of a cell is shown."""

    def show(self, warn: bool = True) -> None:
        """Show the figure: in a notebook below its cell, elsewhere as a picture that the desktop opens.

        Where there is no desktop, the line that is printed says where the picture lies.
        """
        viewer.show(self, "figure.png", self._repr_png_())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the figure to a file, as PNG or SVG by the name's ending.

        Raises
        ------
        InputError
            If the name ends otherwise.
        FileError
            If the file can't be written.
        """
        with styled("Figure.save"):
            save_figure("Figure.save", self, figure_path("Figure.save", path, expected=True))

    def __repr__(self) -> str:
        width, height = self.get_size_inches()
        return f"<figure of {width:g} × {height:g} inches: .show() shows it, .save('figure.png') writes it>"

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        with styled("figure"):
            self.savefig(picture, format="png")
        return picture.getvalue()
