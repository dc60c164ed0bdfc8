"""Errors and warnings on the command line: a line on stderr that says what was given, what was expected, what to do."""

from __future__ import annotations

import errno
import re
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from chainrule.errors import ChainruleError, ChainruleWarning, FileError, InputError, printable
from chainrule.words import option_fix

NOT_PRINTED, WRONG, INTERRUPTED, TERMINATED = 1, 2, 130, 143


def print_error(message: str) -> int:
    """Print the message of an error and return the exit status that goes with it."""
    click.echo(f"Error: {printable(message)}", err=True)
    return WRONG


@contextmanager
def warnings_in_a_line() -> Iterator[None]:
    """Print our warnings as errors are printed: a line each, without the line of Python that they come from."""
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, ChainruleWarning):
            click.echo(f"Warning: {printable(str(message))}", err=True)
        else:
            usual(message, category, *rest, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual


def system_error(problem: MemoryError | RecursionError | OSError) -> ChainruleError:
    """Return what the machine could not do, where no part of chainrule has said it."""
    if isinstance(problem, RecursionError):
        return InputError(
            "chainrule",
            given="something that is nested too deeply",
            expected="what Python can follow, some hundred levels",
            fix="Look at the files that you named: one of them may be damaged",
        )
    if isinstance(problem, MemoryError) or problem.errno == errno.ENOMEM:
        said = str(problem)  # NumPy says how much it wanted, and for what
        return InputError(
            "chainrule",
            given="not enough memory" + (f" ({said})" if said else ""),
            expected="room for the network and the samples",
            fix="Make the layers, the batch or the data smaller, or close other programs",
        )
    files = " and ".join(repr(str(name)) for name in (problem.filename, problem.filename2) if name is not None)
    return FileError(
        "chainrule",
        given=(problem.strerror or str(problem) or type(problem).__name__) + (f" at {files}" if files else ""),
        expected="files and folders that can be read and written",
        fix="Check that the place is there, that you may use it, and that it has room",
    )


# Calls that read another format, and the commands that do the same.
_COMMANDS = (
    (r"cr\.torch\.load\('([^']+)', cr\.ReLU\(\)\)", "chainrule import {} --activation ReLU"),
    (r"cr\.onnx\.load\('([^']+)'\)", "chainrule import {}"),
    (r"cr\.load\('([^']+)'\), or cr\.torch\.load where PyTorch or Keras wrote it", "chainrule import {}"),
    (r"with cr\.torch\.load;", "with chainrule import FILE --activation ReLU;"),
)


def _replaced(call: str, instead: str, fix: str) -> str:
    """Return a fix with a command in the place of a call, its arguments quoted for a shell."""
    return re.sub(call, lambda found: instead.format(*map(shlex.quote, found.groups())), fix)


def in_commands(problem: ChainruleError) -> ChainruleError:
    """Return the error whose fix says in commands what it says in calls, where there are commands for it."""
    fix = problem.fix
    for call, instead in _COMMANDS:
        fix = _replaced(call, instead, fix)
    if fix == problem.fix:
        return problem
    told = dict(given=problem.given, expected=problem.expected)
    return type(problem)(problem.where, **told, fix=fix, cause=problem.cause)


def usage_error(problem: click.UsageError) -> InputError:
    """Return what is wrong with the command line itself."""
    context = problem.ctx
    where = "chainrule" if context is None else context.command_path
    parameters = [] if context is None else context.command.params
    expected, fix = "its usage to be followed", f"See {where} --help"
    if isinstance(problem, click.NoSuchOption):
        options = [name for parameter in parameters if isinstance(parameter, click.Option) for name in parameter.opts]
        fix = option_fix(problem.option_name, options)
        return InputError(where, given=f"the option {problem.option_name}", expected="one that it has", fix=fix)
    if isinstance(problem, click.MissingParameter) and problem.param is not None:
        return InputError(
            where,
            given=f"no {problem.param.metavar or str(problem.param.name).upper()}",
            expected="it to be there",
            fix=fix,
        )
    if isinstance(problem, click.BadOptionUsage):
        valueless = "requires" in problem.message
        given, expected = ("no value", "one") if valueless else ("a value", "none")
        return InputError(f"{where} {problem.option_name}", given=given, expected=expected, fix=fix)
    message = problem.format_message().rstrip(".").removeprefix("Got ")
    return InputError(where, given=message[:1].lower() + message[1:], expected=expected, fix=fix)
