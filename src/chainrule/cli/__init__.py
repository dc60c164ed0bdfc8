"""The command line: thin, and quick to start. It reads options, calls the rooms above it, and shows what they return.

Every command lies in a module of its own that is imported when it is called, and every error is one line on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from chainrule.cli.commands import chainrule
from chainrule.cli.failures import (
    INTERRUPTED,
    in_commands,
    print_error,
    system_error,
    usage_error,
    warnings_in_a_line,
)
from chainrule.cli.output import Streams
from chainrule.errors import ChainruleError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 when all went well, 1 where the reader of its output went away.

    And 2 after an error, 130 after Ctrl-C, 143 after SIGTERM.
    """
    streams = Streams()
    returned = status(arguments)
    lost = streams.ended()
    sys.exit(returned or lost)


def status(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    try:
        with warnings_in_a_line():
            returned = chainrule.main(arguments, prog_name="chainrule", standalone_mode=False)
    except ChainruleError as problem:
        return print_error(str(in_commands(problem)))
    except click.UsageError as problem:
        return print_error(str(usage_error(problem)))
    except (MemoryError, RecursionError, OSError) as problem:
        return print_error(str(system_error(problem)))
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped", err=True)
        return INTERRUPTED
    return returned if isinstance(returned, int) else 0
