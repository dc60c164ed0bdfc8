"""Where the numbers of a compiled step lie, and what they are called in its source.

What somebody looks at afterwards stays where the program has it. A temporary gets memory only if it must be stored:
one row where one loop makes and reads it, else all of it, in the memory of its successor if it has one.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.ops.op import Array
from chainrule.replay.compiled.fusing import FusedLoops
from chainrule.replay.compiled.scalar_functions import HELPERS
from chainrule.replay.compiled.statements import Access, Uncompilable, address
from chainrule.replay.names import Identifiers
from chainrule.replay.recording import Buffer, Operand

# What the source calls by these names itself; names of nodes must not hide them.
RESERVED = {
    *("i", "j", "k", "s", "order", "steps", "scalars", "losses", "every", "copies", "sample", "run", "places"),
    *("np", "math", "njit", "types", "f4", "f8", "i4", "i8", "sgemm", "dgemm", "product", "PLAIN", "TURNED"),
    *("carray", "as_strided", "intrinsic", "pointer"),
    *("abs", "range", "bool", "type", *HELPERS),
}
_NUMBERED = re.compile(r"[vt]\d*|part(_\d+)?")  # names that the source counts up
_LONGEST_NAME = 40


class Memory:
    """Arrays and their names.

    Parameters
    ----------
    schedule : FusedLoops
    locate : callable
        Operand -> array, for what is kept.
    names : sequence of (str, ndarray)
        What arrays shall be called; the first name counts.
    free : Identifiers
        Where names come from: it knows those of other arguments.

    Attributes
    ----------
    arrays : dict of str to ndarray
        What the compiled function is called with, by name, as its loops see it.
    """

    def __init__(
        self,
        schedule: FusedLoops,
        locate: Callable[[Operand], Array],
        names: Sequence[tuple[str, Array]],
        free: Identifiers,
    ) -> None:
        self.arrays: dict[str, Array] = {}
        self._schedule, self._locate, self._free = schedule, locate, free
        self._given = {_place_of(array): identifier(name) for name, array in reversed(names)}
        self._known: dict[tuple[Any, ...], str] = {}
        self._places: dict[tuple[Any, ...], str] = {}
        self._turned: dict[tuple[Any, ...], bool] = {}
        self._own: dict[int, Array] = {}
        self._rows: dict[int, bool] = {}
        self._successors = self._merged()

    def _merged(self) -> dict[int, Buffer]:
        """Return temporary -> the kept buffer that is computed from it alone, element by element, in its place."""
        merged: dict[int, Buffer] = {}
        taken: set[int] = set()
        for events in self._schedule.events.values():
            access = events[0].access
            reads = [e for e in events if not e.writes]
            if self.kept(access.buffer) or len(reads) != 1 or len(events) != 2 or not access.operand.whole:
                continue
            reader = reads[0].statement
            target = reader.out
            writes = [e for e in self._schedule.events[id(target.buffer)] if e.writes]
            if (
                reader.kind == "each"
                and target.operand.whole
                and len(writes) == 1
                and target.buffer.temporary
                and self.kept(target.buffer)
                and id(target.buffer) not in taken
                and (target.operand.array.shape, target.dtype) == (access.operand.array.shape, access.dtype)
                and reads[0].access.key[1:] == target.key[1:]
            ):
                merged[id(access.buffer)] = target.buffer
                taken.add(id(target.buffer))
        return merged

    def kept(self, buffer: Buffer) -> bool:
        """Whether somebody looks at it afterwards."""
        return id(buffer) in self._schedule.kept or not buffer.temporary

    def one_row(self, buffer: Buffer) -> bool:
        """Whether only one row of it is kept at a time."""
        found = self._rows.get(id(buffer))
        if found is None:
            elsewhere = self.kept(buffer) or id(buffer) in self._successors  # and there it has all its rows
            found = not elsewhere and self._schedule.stays_in_one_loop(buffer)
            self._rows[id(buffer)] = found
        return found

    def name(self, access: Access) -> str:
        """Return what the array is called that an access reads or writes, reserving memory the first time."""
        known = self._known.get((access.key, access.shape))
        if known is None:
            array = self._array(access)
            self._turned[access.key, access.shape] = _turned(array)
            array = array.T if _turned(array) else array
            place = _place_of(array)
            known = self._places.get(place)
            if known is None:
                known = self._places[place] = self._new_name(array)
                self.arrays[known] = array
            self._known[access.key, access.shape] = known
        return known

    def _new_name(self, array: Array) -> str:
        """Return the name it was given, or the next of t1, t2, …"""
        given = self._given.get(_place_of(array))
        return self._free.new(given) if given else self._free.numbered("t")

    def _array(self, access: Access) -> Array:
        buffer, operand = access.buffer, access.operand
        if self.kept(buffer):
            array = self._locate(operand)
        else:
            successor = self._successors.get(id(buffer))
            if successor is not None:
                array = self._locate(Operand(successor, successor.array))
            elif self.one_row(buffer):
                array = np.zeros((1, access.shape[1]), access.dtype)
                return self._own.setdefault(id(buffer), array)
            else:
                base = self._own.setdefault(id(buffer), np.zeros_like(buffer.array))
                start = address(operand.array) - address(buffer.array)
                array = np.ndarray(operand.array.shape, access.dtype, base.data, start, operand.array.strides)
        if array.shape != access.shape and not array.flags.c_contiguous:
            raise Uncompilable("an array that lies in memory with gaps")
        return array.reshape(access.shape)

    def turned(self, access: Access) -> bool:
        """Whether the array under this name has the access's rows as its columns."""
        self.name(access)
        return self._turned[access.key, access.shape]


def identifier(name: str) -> str:
    """Return a short identifier of ASCII letters made of what may be any text, and none that the source uses."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name)[:_LONGEST_NAME].strip("_") or "array"
    plain = f"a{plain}" if plain[0].isdigit() else plain
    taken = keyword.iskeyword(plain) or plain in RESERVED or _NUMBERED.fullmatch(plain)
    return f"{plain}_" if taken else plain


def _turned(array: Array) -> bool:
    return array.ndim == 2 and not array.flags.c_contiguous and array.flags.f_contiguous


def _place_of(array: Array) -> tuple[Any, ...]:
    array = array.T if _turned(array) else array
    return address(array), array.shape, array.strides, array.dtype
