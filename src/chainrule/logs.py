"""What the library tells Python's `logging`: lines under the name ``chainrule``, for whoever has asked for them.

At most at the level INFO, so a program that sets nothing up sees none of them; what needs attention is a warning.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


def logger() -> Logger | None:
    """Return the logger where somebody may listen; None where `logging` is not even loaded, or listens to less."""
    logging = sys.modules.get("logging")  # loading it takes milliseconds, and who wants its lines has done so
    if logging is None:
        return None
    found: Logger = logging.getLogger("chainrule")
    return found if found.isEnabledFor(logging.INFO) else None
