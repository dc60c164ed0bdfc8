"""Loops as source for numba, to be read as much as to be run.

A value that one reader needs is written into the reader's formula, one that several need gets a name, and memory is
written only where somebody reads it later. The order of all arithmetic is the record's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.replay.compiled.buffers import Memory
from chainrule.replay.compiled.fusing import FusedLoops, Loop, Section
from chainrule.replay.compiled.scalar_functions import EXPRESSIONS, FLOAT32_EXPRESSIONS, FOLDS
from chainrule.replay.compiled.statements import Access, LoopStatement, OutsideNumber, Uncompilable

_DTYPES = {"float32": "f4", "float64": "f8", "int32": "i4", "int64": "i8", "bool": "np.bool_"}
_LONGEST_FORMULA = 88


@dataclass(eq=False)
class Value:
    """A value on its way to its reader."""

    text: str
    loads: set[int] = field(default_factory=set)  # the ids of the buffers that reading the text reads
    pending: bool = False  # whether it has no name yet


class Writer:
    """Writes the loops of a schedule.

    Parameters
    ----------
    schedule : FusedLoops
    memory : Memory
    """

    def __init__(self, schedule: FusedLoops, memory: Memory) -> None:
        self.schedule, self.memory = schedule, memory

    def lines(self, place: int) -> list[str]:
        """Return the lines of one loop, which name nothing but arrays and what is given to all."""
        loop = self.schedule.loops[place]
        if loop.kind == "product":
            return self._product(loop.sections[0].statements[0])
        return _LoopWriter(self, loop, place).lines()

    def _product(self, statement: LoopStatement) -> list[str]:
        a, b = statement.reads
        out = statement.out
        (rows, inner), columns = a.shape, out.shape[1]
        names = [self.memory.name(access) for access in (a, b, out)]
        if rows * inner * columns > SMALL_PRODUCT:
            if not all(self.memory.arrays[name].flags.c_contiguous for name in names):
                raise Uncompilable("a matrix product of tables that lie in memory with gaps")
            ways = ["TURNED" if self.memory.turned(access) else "PLAIN" for access in (a, b)]
            return [f"product({', '.join([*names, *ways])})"]
        left = f"{names[0]}[{'k, i' if self.memory.turned(a) else 'i, k'}]"
        right = f"{names[1]}[{'j, k' if self.memory.turned(b) else 'k, j'}]"
        zero = literal(0.0, out.dtype)
        return [
            f"for i in range({rows}):",
            f"    for j in range({columns}):",
            f"        v = {zero}",
            f"        for k in range({inner}):",
            f"            v += {left} * {right}",
            f"        {names[2]}[i, j] = v",
        ]


NARROW = 32  # columns
SMALL_PRODUCT = 2000  # multiplications: up to here loops are faster than a call of BLAS


class _LoopWriter:
    """Writes one loop over rows."""

    def __init__(self, writer: Writer, loop: Loop, place: int) -> None:
        self.writer, self.memory, self.loop, self.place = writer, writer.memory, loop, place
        self.before: list[str] = []
        self.after: list[str] = []
        self.row: list[str] = []
        self.row_values: dict[Any, Value] = {}  # the same along a row
        self.loop_values: dict[Any, Value] = {}  # the same for all rows
        self.written = {id(s.out.buffer) for section in loop.sections for s in section.statements}
        self.takes_samples = False
        self.names = 0

    def new_name(self) -> str:
        """Return a name for a value."""
        self.names += 1
        return f"v{self.names}"

    def lines(self) -> list[str]:
        for i, section in enumerate(self.loop.sections):
            if section.folds:
                self._fold(section)
            else:
                self._walk(section, i)
        if self.loop.rows == 1:
            if self.takes_samples:
                self.before.insert(0, "sample = order[s]")
            return self.before + self.row + self.after
        head = [f"for i in range({self.loop.rows}):"]
        if self.takes_samples:
            head.append(f"    sample = order[s * {self.loop.rows} + i]")
        return self.before + head + ["    " + line for line in self.row] + self.after

    # sections

    def _walk(self, section: Section, place: int) -> None:
        body: list[str] = []
        values: dict[Any, Value] = {}
        for i, statement in enumerate(section.statements):
            if statement.kind in ("column", "total"):
                self._gather_up(statement, values, body)
                continue
            value = self._formula(statement, values, body)
            self._keep(statement, value, section.statements[i + 1 :], place, values, body)
        if section.columns > 1:
            body = [f"for j in range({section.columns}):", *("    " + line for line in body)]
        self.row += body

    def _keep(
        self,
        statement: LoopStatement,
        value: Value,
        rest: list[LoopStatement],
        place: int,
        values: dict[Any, Value],
        body: list[str],
    ) -> None:
        """Store a value where it is read later, name it where it is read twice, or let its reader write it."""
        out, uses, overwritten = statement.out, 0, False
        for later in rest:
            uses += sum(access.key == out.key for access in later.reads)
            if later.out.key == out.key:
                overwritten = True
                break
        elsewhere = [e for e in self._events(out) if not e.writes and (e.loop, e.section) != (self.place, place)]
        if not out.across and statement.columns == 1:  # one number for the whole row
            name = self._named(value, body)
            self.row_values[out.key] = Value(name)
            if self.memory.kept(out.buffer) or any(e.loop != self.place for e in elsewhere):
                body.append(f"{self._place(out)} = {name}")
            return
        stored = not overwritten and (self.memory.kept(out.buffer) or bool(elsewhere) or not uses)
        if stored:
            for other in values.values():  # what still reads the old numbers is computed first
                if other.pending and id(out.buffer) in other.loads:
                    self._named(other, body)
            if uses:
                self._named(value, body)
            body.append(f"{self._place(out)} = {value.text}")
        elif uses > 1 or len(value.text) > _LONGEST_FORMULA:
            self._named(value, body)
        if uses:
            values[out.key] = value
        else:
            values.pop(out.key, None)

    def _events(self, access: Access) -> list[Any]:
        return self.writer.schedule.events[id(access.buffer)]

    def _gather_up(self, statement: LoopStatement, values: dict[Any, Value], body: list[str]) -> None:
        """Fold columns: each row adds to what the rows above have left."""
        source, out = statement.reads[0], statement.out
        _, two, nothing = FOLDS[statement.function]
        part = self._cast(self._read(source, values, body), source.dtype, statement.dtypes[0]).text
        if statement.kind == "total":  # a table of one column
            name = self.new_name()
            self.before.append(f"{name} = {literal(nothing, out.dtype)}")
            self.after.append(f"{self._place(out)} = {name}")
        else:
            name = self._place(out)
            self.before.append(f"{self.memory.name(out)}[:] = {literal(nothing, out.dtype)}")
        body.append(f"{name} = {two.format(name, part)}")

    def _fold(self, section: Section) -> None:
        """Fold rows: narrow ones in a loop that the compiler unrolls, wide ones in lanes."""
        for statement in section.statements:
            source, out = statement.reads[0], statement.out
            function, two, nothing = FOLDS[statement.function]
            name = self.new_name()
            to_row = statement.kind == "row"
            (self.row if to_row else self.before).append(f"{name} = {literal(nothing, out.dtype)}")
            if statement.columns <= NARROW:
                part = self._cast(Value(self._place(source)), source.dtype, statement.dtypes[0]).text
                self.row.append(f"for j in range({statement.columns}):")
                self.row.append(f"    {name} = {two.format(name, part)}")
            else:
                self.row.append(f"{name} = {function}({self._row_of(source)}, {name})")
            if to_row:
                self.row_values[out.key] = Value(name)
            read_later = any(e.loop != self.place for e in self._events(out) if not e.writes)
            if self.memory.kept(out.buffer) or read_later or not to_row:
                (self.row if to_row else self.after).append(f"{self._place(out)} = {name}")

    def _row_of(self, access: Access) -> str:
        name = self.memory.name(access)
        if len(access.shape) < 2:
            return name
        row = "i" if access.down and not self.memory.one_row(access.buffer) else "0"
        return f"{name}[:, {row}]" if self.memory.turned(access) else f"{name}[{row}]"

    # formulas

    def _formula(self, statement: LoopStatement, values: dict[Any, Value], body: list[str]) -> Value:
        parts = []
        for given, dtype in zip(statement.inputs, statement.dtypes):
            if isinstance(given, OutsideNumber):
                part = self._cast(Value(self._source(given, statement)), given.dtype, dtype)
            elif isinstance(given, Access):
                part = self._cast(self._read(given, values, body), given.dtype, dtype)
            else:
                part = Value(literal(given, dtype))
            parts.append(part)
        function, computed = statement.function, statement.dtypes[-1]
        if function is np.copyto:
            text = parts[0].text
        elif function is np.where:
            text = f"choose({parts[0].text}, {parts[1].text}, {parts[2].text})"
        else:
            table = FLOAT32_EXPRESSIONS if computed == np.float32 and function in FLOAT32_EXPRESSIONS else EXPRESSIONS
            template = table[function]
            called = template.endswith(")")
            text = template.format(*(part.text if called else _in_brackets(part.text) for part in parts))
            if computed.kind in "iu":
                text = f"{dtype_name(computed)}({text})"
        value = Value(text, set().union(*(part.loads for part in parts)), pending=True)
        return self._cast(value, computed, statement.out.dtype)

    def _read(self, access: Access, values: dict[Any, Value], body: list[str]) -> Value:
        known = values.get(access.key) or self.row_values.get(access.key)
        if known is not None:
            if known.pending:  # its only reader is here
                del values[access.key]
            return known
        buffer = access.buffer
        if buffer.constant and access.operand.array.size == 1:
            return Value(literal(access.operand.array.item(), access.dtype))
        text = self._place(access)
        if access.across or id(buffer) in self.written:
            return Value(text, {id(buffer)})
        # the same along the row, or everywhere: read once
        at, where = (self.row_values, self.row) if access.down else (self.loop_values, self.before)
        if access.key not in at:
            name = self.new_name()
            where.append(f"{name} = {text}")
            at[access.key] = Value(name)
        return at[access.key]

    def _source(self, source: OutsideNumber, statement: LoopStatement) -> str:
        self.takes_samples = self.takes_samples or "[sample" in source.text
        return source.text.format(i="i" if statement.rows > 1 else "0", j="j" if statement.columns > 1 else "0")

    def _named(self, value: Value, body: list[str]) -> str:
        """Give a value a name, if it has none; return its text."""
        if value.pending:
            name = self.new_name()
            body.append(f"{name} = {value.text}")
            value.text, value.loads, value.pending = name, set(), False
        return value.text

    def _place(self, access: Access) -> str:
        name = self.memory.name(access)
        if not access.shape:
            return f"{name}[()]"
        index = ["i" if access.down else "0", "j" if access.across else "0"][-len(access.shape) :]
        if len(index) == 2 and self.memory.one_row(access.buffer):
            index[0] = "0"
        if self.memory.turned(access):
            index.reverse()
        return f"{name}[{', '.join(index)}]"

    def _cast(self, value: Value, given: np.dtype[Any], wanted: np.dtype[Any]) -> Value:
        if given == wanted:
            return value
        text = f"{_in_brackets(value.text)} != 0" if wanted.kind == "b" else f"{dtype_name(wanted)}({value.text})"
        return Value(text, value.loads, value.pending)


def literal(number: Any, dtype: np.dtype[Any]) -> str:
    """Return a number as the source writes it, in its dtype."""
    if dtype.kind == "b":
        return repr(bool(number))
    if dtype.kind in "iu":
        return f"{dtype_name(dtype)}({int(number)})"
    number = float(number)
    text = repr(number) if math.isfinite(number) else f"np.{number}" if number >= 0 or number != number else "-np.inf"
    return f"{dtype_name(dtype)}({text})"


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return what the source calls a dtype."""
    return _DTYPES.get(dtype.name, f"np.{dtype.name}")


def _in_brackets(text: str) -> str:
    """Return a formula in brackets, unless it is one thing."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and (character == " " or (character == "-" and i == 0)):
            return f"({text})"
    return text
