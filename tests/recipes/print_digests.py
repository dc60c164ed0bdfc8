"""Run every configuration, and print the SHA-256 of what it leaves: what a process that shares nothing would get."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from chainrule import recipes
from tests.recipes.configurations import CONFIGURATIONS, WIDE


def main() -> None:
    """Print a line for each file; ``wide`` as the first argument runs that one with so many threads."""
    out = Path(tempfile.mkdtemp())
    if sys.argv[1:2] == ["wide"]:
        chosen = [recipes.override(WIDE, threads=int(sys.argv[2]))]
    else:
        chosen = list(CONFIGURATIONS.values())
    for recipe in chosen:
        folder = Path(recipes.run(recipe, out=out).run)
        for name in ("best.safetensors", "last.safetensors"):
            print(recipe.name, name, hashlib.sha256((folder / name).read_bytes()).hexdigest())  # noqa: T201 -- its task


if __name__ == "__main__":
    main()
