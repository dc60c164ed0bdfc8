"""What holds in every executed page: a figure is shown as SVG, always with the same bytes; a warning is an error."""

import sys
import warnings
from io import BytesIO

from IPython import get_ipython


def _svg(figure):
    from matplotlib import rc_context

    content = BytesIO()
    with rc_context({"svg.hashsalt": "chainrule"}):
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue().decode("utf-8")


get_ipython().display_formatter.formatters["image/svg+xml"].for_type_by_name("matplotlib.figure", "Figure", _svg)
warnings.filterwarnings("error", module="__main__|chainrule|matplotlib|numpy")  # the kernel's own are not ours to mend
# A training that comes to nothing is what some pages are about: they show what it says, without the kernel's files.
warnings.filterwarnings("always", message="train: got (a loss of|targets from)")
warnings.showwarning = lambda message, category, *_, **__: sys.stdout.write(f"{category.__name__}: {message}\n")
