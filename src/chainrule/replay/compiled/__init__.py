"""The compiled replay: a program's calls as one function of fused loops, made by numba (the extra `fast`)."""

from chainrule.replay.compiled.epoch import CompiledEpoch, compile_calls, compile_program
from chainrule.replay.compiled.statements import Uncompilable

__all__ = ["CompiledEpoch", "Uncompilable", "compile_calls", "compile_program"]
