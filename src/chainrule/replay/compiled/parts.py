"""Loops as the functions of a module: a few loops each, called one after the other in every step.

To compile a function of twice the length takes more than twice as long, so none is long; and where a network repeats
itself, one function serves again for other arrays. It finds them by their addresses, which are its argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from textwrap import indent

import numpy as np

from chainrule.replay.compiled.blas import product_source
from chainrule.replay.compiled.buffers import Memory
from chainrule.replay.compiled.fusing import FusedLoops
from chainrule.replay.compiled.scalar_functions import helpers
from chainrule.replay.compiled.statements import Uncompilable, address
from chainrule.replay.compiled.writing import Writer, dtype_name

FULL, LONGEST = 12, 60  # lines of a function, after which another one begins: at the next layer, anywhere

_HEAD = '''"""{title}

Written from the record of its NumPy calls. Arrays lie where the program has them: `places` holds their addresses.
"""

import math

import numpy as np
from numba import carray, njit, types
from numba.extending import intrinsic
from numpy.lib.stride_tricks import as_strided

f4, f8, i4, i8 = np.float32, np.float64, np.int32, np.int64


@intrinsic
def pointer(typing, address):
    def generate(context, builder, signature, arguments):
        builder.function.attributes.add("noinline")  # functions that become one again take as long as one
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(address), generate
'''
_PART = """
@njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
def {name}({arguments}):
{body}
"""
_RUN = """
@njit(cache=True, error_model="numpy", nogil=True)
def run({arguments}):
{views}
    for s in range(steps):
{body}
    return steps
"""
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


class Module:
    """A step as the source of a module, whose function `run` takes many.

    Parameters
    ----------
    title : str
    schedule : FusedLoops
    memory : Memory
    gate : sequence of str
        The lines before the update, or, if there is none, after everything else.
    last : sequence of str
        The lines at the end.
    given : sequence of str
        The arguments of `run` that loops may name: the order, the data.

    Attributes
    ----------
    source : str
    places : ndarray of int
        The addresses that `run` wants.
    lines : int
        Of all functions.
    """

    def __init__(
        self,
        title: str,
        schedule: FusedLoops,
        memory: Memory,
        gate: Sequence[str],
        last: Sequence[str],
        given: Sequence[str],
    ) -> None:
        self._memory, self._given = memory, ["s", *given]
        self._names: dict[str, str] = {}  # what functions have in common that differ in names only -> the first's name
        self._functions: list[str] = []
        self._places: list[int] = []
        calls: list[tuple[str, int]] = []
        for part in _parts(schedule, Writer(schedule, memory)):
            calls += [self._call(part)] if part else [(line, -1) for line in gate]
        calls += [(line, -1) for line in last]
        views = self._views(_words([*gate, *last]), len(self._places))
        arguments = ", ".join(["steps", *given, "places"])
        run = _RUN.format(arguments=arguments, views=_indented(views, 1), body=_indented(_in_loops(calls), 2))
        code = "\n".join([*self._functions, run])
        products = {loop.sections[0].statements[0].out.dtype for loop in schedule.loops if loop.kind == "product"}
        if len(products) > 1:
            raise Uncompilable("products of float32 and of float64 in one step")
        product = [product_source(dtype) for dtype in products if "product(" in code]
        self.source = "\n".join([_HEAD.format(title=title), helpers(code), *product, code])
        self.lines = code.count("\n")
        self.places = np.array(self._places, np.intp)

    def _call(self, lines: Sequence[str]) -> tuple[str, int]:
        """Return the call of a function that does these lines, and where its addresses begin."""
        words = _words(lines)
        given = [name for name in self._given if name in words]
        arguments, start = ", ".join([*given, "places"]), len(self._places)
        body = self._views(words, 0) + list(lines)
        arrays = {name: f"array {i}" for i, name in enumerate(w for w in words if w in self._memory.arrays)}
        alike = _WORD.sub(lambda word: arrays.get(word[0], word[0]), "\n".join(body))
        if alike not in self._names:
            name = self._names[alike] = f"part_{len(self._names) + 1}"
            self._functions.append(_PART.format(name=name, arguments=arguments, body=_indented(body, 1)))
        return f"{self._names[alike]}({arguments}", start

    def _views(self, words: Iterable[str], place: int) -> list[str]:
        """Return the lines that find the arrays among some words; note their addresses."""
        lines = []
        for name in words:
            array = self._memory.arrays.get(name)
            if array is None:
                continue
            dtype = dtype_name(array.dtype)
            if array.flags.c_contiguous:
                text = f"carray(pointer(places[{place}]), {array.shape}, {dtype})"
            else:
                text = f"as_strided(carray(pointer(places[{place}]), (1,), {dtype}), {array.shape}, {array.strides})"
            lines.append(f"{name} = {text}")
            self._places.append(address(array))
            place += 1
        return lines


def _parts(schedule: FusedLoops, writer: Writer) -> Iterator[list[str]]:
    """Yield the lines of each function; none for the gate, which is last if there is no update."""
    lines: list[str] = []
    before, gated = "", False
    for i, loop in enumerate(schedule.loops):
        gated = gated or loop.kind == "gate"
        natural = loop.kind == "product" != before  # where a layer begins
        if lines and (loop.kind == "gate" or len(lines) > (FULL if natural else LONGEST)):
            yield lines
            lines = []
        if loop.kind == "gate":
            yield []
        else:
            lines = lines + writer.lines(i)
        before = loop.kind
    if lines:
        yield lines
    if not gated:
        yield []


def _in_loops(calls: Iterable[tuple[str, int]]) -> Iterator[str]:
    """Yield the lines that make the calls; those of one function, whose addresses follow each other, in a loop."""
    for text, alike in groupby(calls, key=itemgetter(0)):
        starts = [start for _, start in alike]
        if starts[0] < 0:
            yield text
        elif len(starts) == 1:
            yield f"{text}[{starts[0]}:])"
        else:
            yield f"for k in range({starts[0]}, {starts[-1] + 1}, {starts[1] - starts[0]}):"
            yield f"    {text}[k:])"


def _words(lines: Iterable[str]) -> list[str]:
    """Return the names in some lines, each once, in the order in which they come."""
    return list(dict.fromkeys(_WORD.findall("\n".join(lines))))


def _indented(lines: Iterable[str], level: int) -> str:
    return indent("\n".join(lines), "    " * level)
