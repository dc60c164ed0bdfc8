"""Replay: ops are called once with recording arrays; what they noted is the program that runs from then on."""

from chainrule.replay.program import Program
from chainrule.replay.programs import Programs
from chainrule.replay.source import source

__all__ = ["Program", "Programs", "source"]
