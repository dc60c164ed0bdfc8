"""What a gradient check found: a finding for each derivative, and the report that prints them as a table."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from chainrule.errors import printable
from chainrule.tables import html_table, text_table

_HEAD = ("what", "by", "checked", "worst error", "verdict")


@dataclass(frozen=True)
class Finding:
    """What was found about one derivative.

    Attributes
    ----------
    where : str
        The op, or the graph for a leaf.
    by : str
        The role, or the leaf: a parameter, or an input.
    worst : float
        The largest disagreement, relative to the larger of the two derivatives.
    place : tuple of int
        Where it is.
    given, measured : float
        The derivative by backward there, and by differences.
    passed : bool
    slip : str or None
        The mistake's name, where it is one of the usual ones.
    problem : str or None
        What else went wrong: an exception, a missing derivative, a shape.
    remark : str or None
        What is right, but probably not meant.
    leaf : bool
        Whether this is the derivative of the whole graph by a leaf, rather than that of one op by a role.
    elements, checked, kinks, unknown : int
        How many numbers it has; how many were checked; at how many of those the function has a kink, so that any
        slope between the one-sided ones is right; and at how many nothing could be measured, because the function
        is not finite there or jumps.
    """

    where: str
    by: str
    worst: float = 0.0
    place: tuple[int, ...] = ()
    given: float = 0.0
    measured: float = 0.0
    passed: bool = True
    slip: str | None = None
    problem: str | None = None
    remark: str | None = None
    leaf: bool = False
    elements: int = 0
    checked: int = 0
    kinks: int = 0
    unknown: int = 0

    @property
    def disagreement(self) -> str:
        """The two derivatives, yours first."""
        given, measured = f"{self.given:.6g}", f"{self.measured:.6g}"
        if given == measured:
            given, measured = f"{self.given:.12g}", f"{self.measured:.12g}"
        return f"your backward gives {given} at {list(self.place)}, differences give {measured}"

    @property
    def verdict(self) -> str:
        """The finding in words."""
        if self.passed and self.remark:
            return f"ok, but: {self.remark}"
        if self.passed:
            return f"ok, but at {self.unknown} nothing can be measured" if self.unknown else "ok"
        told = self.problem or self.disagreement
        return f"WRONG: {self.slip} ({told})" if self.slip else f"WRONG: {told}"


@dataclass(frozen=True)
class Report:
    """What a gradient check found: prints as a table.

    Attributes
    ----------
    findings : tuple of Finding
    skipped : tuple of str
        What of a file could not be checked, and why.
    """

    findings: tuple[Finding, ...]
    skipped: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings that did not pass."""
        return tuple(finding for finding in self.findings if not finding.passed)

    @property
    def leaves(self) -> tuple[Finding, ...]:
        """The findings about a whole graph's derivatives by its leaves."""
        return tuple(finding for finding in self.findings if finding.leaf)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as data that JSON can hold: what is not finite as a text."""
        told = [asdict(finding) for finding in self.findings]
        for finding in told:
            finding |= {k: str(v) for k, v in finding.items() if isinstance(v, float) and not math.isfinite(v)}
        return {"passed": self.passed, "findings": told, "skipped": list(self.skipped)}

    def rows(self) -> list[tuple[str, ...]]:
        return [
            (
                printable(f.where),
                printable(f.by),
                f"{f.checked} of {f.elements}",
                f"{f.worst:.1e}",
                printable(f.verdict),
            )
            for f in self.findings
        ]

    def __str__(self) -> str:
        wrong = len(self.wrong)
        last = f"{wrong} of {len(self.findings)} derivatives wrong" if wrong else "every derivative is right"
        unknown = sum(finding.unknown for finding in self.findings)
        if unknown and not wrong:
            last = f"every derivative that can be measured is right; {unknown} cannot"
        last += f"; {len(self.skipped)} not checked" if self.skipped else ""
        rows = [(*row[:-1], row[-1].partition(":")[0]) for row in self.rows()]
        lines = text_table(_HEAD, rows)
        told = (finding for finding in self.findings if finding.remark or not finding.passed)
        lines += [printable(f"{finding.where}, by {finding.by}, is {finding.verdict}") for finding in told]
        return "\n".join([*lines, *(f"not checked: {printable(why)}" for why in self.skipped), last])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(_HEAD, self.rows())
