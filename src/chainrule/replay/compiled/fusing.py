"""Statements into loops: what walks the same rows is computed in one walk, while the row is in the fastest memory.

Statements are placed in the order of the record, each into the earliest loop that may hold it. What nobody looks at
afterwards waits until it is read, and goes where its reader goes: so it is computed beside it, and mostly not stored.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from chainrule.replay.compiled.statements import Access, LoopStatement
from chainrule.replay.recording import Buffer

MOST_STATEMENTS = 24  # of a loop: longer ones take too long to compile


@dataclass(eq=False)
class Section:
    """Statements that share a walk along the columns of a row; those that fold rows have sections of their own."""

    columns: int
    folds: bool
    statements: list[LoopStatement] = field(default_factory=list)


@dataclass(eq=False)
class Loop:
    """A walk over rows, or a matrix product, or the gate before the update."""

    rows: int
    kind: str = "rows"
    sections: list[Section] = field(default_factory=list)

    def holds(self, statement: LoopStatement) -> bool:
        """Whether a statement walks the same rows. A vector is one row: only its like keep it company."""
        if self.kind != "rows" or statement.kind == "product" or self.rows != statement.rows:
            return False
        if sum(len(section.statements) for section in self.sections) >= MOST_STATEMENTS:
            return False
        return self.rows > 1 or self.sections[0].columns == statement.columns


@dataclass(eq=False)
class PlacedAccess:
    """A placed statement's access to a buffer, at a section of a loop."""

    access: Access
    statement: LoopStatement
    writes: bool
    loop: int
    section: int


class FusedLoops:
    """The loops of some stages.

    Parameters
    ----------
    stages : iterable of list of LoopStatement
        In the order in which they run; the first fetches the data.
    kept : set of int
        The ids of the buffers that somebody looks at afterwards.
    gate : int, optional
        The place of the stage that starts behind a gate: everything before it must be done by then.

    Attributes
    ----------
    loops : list of Loop
    readers : dict of int to list of PlacedAccess
        Who reads what a buffer holds, by the buffer's id.
    """

    def __init__(self, stages: Iterable[list[LoopStatement]], kept: set[int], *, gate: int | None = None) -> None:
        self.loops: list[Loop] = []
        self.events: defaultdict[int, list[PlacedAccess]] = defaultdict(list)
        self.kept = kept
        self._floor = 0
        self._waiting: dict[int, LoopStatement] = {}  # by the id of the buffer it would write
        self._waiting_readers: defaultdict[int, list[LoopStatement]] = defaultdict(list)
        self._taken: dict[int, int] = {}  # statement -> when it came
        self._placed: set[int] = set()
        stages = list(stages)
        writers = Counter(id(s.out.buffer) for stage in stages for s in stage)
        for i, stage in enumerate(stages):
            if i == 1:  # rows of far-away data come sooner to a loop that does nothing else: 7 for 11 µs of 64 images
                self._floor = len(self.loops)
            if i == gate:
                self.loops.append(Loop(0, "gate"))
                self._floor = len(self.loops)
            for statement in stage:
                self._take(statement, writers[id(statement.out.buffer)] == 1)

    def _take(self, statement: LoopStatement, alone: bool) -> None:
        buffer = statement.out.buffer
        self._taken[id(statement)] = len(self._taken)
        free = not (id(buffer) in self.kept or not buffer.temporary) and alone and statement.kind in ("each", "row")
        if free and statement.out.operand.whole:
            self._waiting[id(buffer)] = statement
            for access in statement.reads:
                self._waiting_readers[id(access.buffer)].append(statement)
        else:
            self._place(statement)

    def _place(self, statement: LoopStatement) -> None:
        """Place a statement behind all it depends on, and what waits for it beside it."""
        waiting = self._waiting_for(statement)
        loop = max(self._earliest(s)[0] for s in (*waiting, statement))
        if statement.kind != "product":
            loop = next((i for i in range(loop, len(self.loops)) if self.loops[i].holds(statement)), len(self.loops))
        for other in waiting:
            beside = other.rows == statement.rows and (other.rows > 1 or other.columns == statement.columns)
            self._put(other, loop if beside and statement.kind != "product" else 0)
        self._put(statement, 0)

    def _waiting_for(self, statement: LoopStatement) -> list[LoopStatement]:
        """Return the waiting statements to be placed before this one, in their order."""
        found: dict[int, LoopStatement] = {}
        # what still has to read the numbers that are overwritten here, and what is read here
        todo = [s for s in self._waiting_readers.pop(id(statement.out.buffer), ()) if id(s) not in self._placed]
        todo.append(statement)
        while todo:  # no recursion: a chain of waiting statements may be long
            current = todo.pop()
            if current is not statement:
                found[id(current)] = current
            for access in current.reads:
                other = self._waiting.get(id(access.buffer))
                if other is not None and other is not statement and id(other) not in found:
                    todo.append(other)
        return sorted(found.values(), key=lambda s: self._taken[id(s)])

    def _put(self, statement: LoopStatement, floor: int) -> None:
        self._placed.add(id(statement))
        self._waiting.pop(id(statement.out.buffer), None)
        loop, section = max(self._earliest(statement), (floor, 0))
        if statement.kind == "product":
            loop, section = len(self.loops), 0
            self.loops.append(Loop(0, "product", [Section(0, False, [statement])]))
        else:
            loop, section = self._room(statement, loop, section)
            self.loops[loop].sections[section].statements.append(statement)
        for access in statement.reads:
            self.events[id(access.buffer)].append(PlacedAccess(access, statement, False, loop, section))
        self.events[id(statement.out.buffer)].append(PlacedAccess(statement.out, statement, True, loop, section))

    def _room(self, statement: LoopStatement, loop: int, section: int) -> tuple[int, int]:
        """Return the first place from there on that walks the same way, making one if there is none."""
        for i in range(loop, len(self.loops)):
            if self.loops[i].holds(statement):
                sections = self.loops[i].sections
                for j in range(section if i == loop else 0, len(sections)):
                    if sections[j].columns == statement.columns and sections[j].folds == statement.folds:
                        return i, j
                sections.append(Section(statement.columns, statement.folds))
                return i, len(sections) - 1
        self.loops.append(Loop(statement.rows, "rows", [Section(statement.columns, statement.folds)]))
        return len(self.loops) - 1, 0

    def _earliest(self, statement: LoopStatement) -> tuple[int, int]:
        """Return the first loop and section where everything it depends on is done."""
        earliest = (self._floor, 0)
        for access, writes in [*((a, False) for a in statement.reads), (statement.out, True)]:
            for event in self.events.get(id(access.buffer), ()):
                if (writes or event.writes) and event.access.overlaps(access):
                    earliest = max(earliest, self._after(event, statement, access))
        return earliest

    def _after(self, event: PlacedAccess, statement: LoopStatement, access: Access) -> tuple[int, int]:
        """Return the first place where `access` is right after an event on the same numbers."""
        loop = self.loops[event.loop]
        other = event.statement
        in_step = (
            loop.holds(statement)
            and event.access.key == access.key
            and (event.access.down, event.access.across) == (access.down, access.across)
            and (access.down or loop.rows == 1)
            and not (event.writes and other.kind in ("column", "total"))
            and not (statement.kind in ("column", "total") and access is statement.out)
        )
        if not in_step:
            return event.loop + 1, 0
        # Statements of a section keep their order; what folds, or is of another width, finds no room in this one.
        return event.loop, event.section

    def stays_in_one_loop(self, buffer: Buffer) -> bool:
        """Whether all that touch a buffer do so row by row in one loop: then one row of it is enough memory."""
        events = self.events[id(buffer)]
        return all(
            e.loop == events[0].loop and e.access.operand.whole and e.access.down and e.access.across for e in events
        )
