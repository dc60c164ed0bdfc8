"""The table of all ops: what each computes and how it is differentiated, read from the docstrings beside the code."""

from __future__ import annotations

import re
from typing import NamedTuple

from chainrule.ops.docstrings import docstring
from chainrule.ops.op import Op
from chainrule.ops.textbook import formula_lines

WHY = "Why: "  # what the paragraph begins with


class Page(NamedTuple):
    """What an op's docstring says: its function, the derivative by each of its roles, what holds in them, and why.

    The notation is that of `chainrule.ops.textbook`; why is the paragraph that begins with this word.
    """

    name: str
    kind: type[Op]
    roles: tuple[str, ...]
    function: str
    derivatives: dict[str, str]
    definitions: tuple[str, ...] = ()
    why: str = ""

    @property
    def lines(self) -> list[str]:
        """All of it, a line each."""
        return [self.function, *self.derivatives.values(), *self.definitions]


def page(kind: type[Op]) -> Page:
    """Return what an op's docstring says.

    Examples
    --------
    >>> from chainrule.ops import Tanh
    >>> page(Tanh).derivatives
    {'z': '∂z = ∂y · (1 − y²)'}
    """
    lines = docstring(kind).splitlines()
    function = next((line for line in lines if line.startswith("y = ")), f"y = {kind.name}(…)")
    derivatives = [part for line in lines if line.startswith("∂") for part in re.split(r"\s{2,}(?=∂)", line)]
    definitions = tuple(line for line in formula_lines(docstring(kind)) if line.startswith(("where ", "with ")))
    by_role = {part[1:].split(" ")[0].removesuffix("ᵢ"): part for part in derivatives}
    why = next((part for part in docstring(kind).split("\n\n") if part.startswith(WHY)), "")
    told = " ".join(why.removeprefix(WHY).split())
    return Page(kind.name, kind, kind.roles, function, by_role, definitions, told)


def format_table(kinds: list[type[Op]]) -> str:
    """Return a page of text: each op with its roles, its function and its derivatives."""
    blocks = []
    for kind in kinds:
        told = page(kind)
        roles = (f"*{r}" if r == kind.variadic else f"[{r}]" if r in kind.optional else r for r in told.roles)
        head = f"{told.name}({', '.join(roles)})"
        blocks.append("\n    ".join([head, *told.lines]))
    return "\n".join(blocks)
