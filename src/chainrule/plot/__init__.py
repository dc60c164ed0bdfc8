"""Pictures: decision surfaces, learning curves and confusion matrices, and a small surface drawn in text.

Pictures need the extra, ``pip install "chainrule[plot]"``; matplotlib is imported when one is drawn, not before.
"""

from chainrule.plot.curves import learning_curve
from chainrule.plot.matrix import confusion_matrix
from chainrule.plot.several import learning_curves
from chainrule.plot.surface import decision_surface
from chainrule.plot.terminal import surface_text

__all__ = ["confusion_matrix", "decision_surface", "learning_curve", "learning_curves", "surface_text"]
