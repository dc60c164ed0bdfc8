"""Options that several commands have, and checks of what options are given, in the voice of all other checks.

Each check is a callback for ``click.option(callback=…)``, or returns one; `choice` returns all there is to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import click

from chainrule import checks
from chainrule.errors import InputError

Check: TypeAlias = Callable[[click.Context, click.Parameter, str | None], Any]


def whole(least: int = 1, most: int = 2**31 - 1, words: tuple[str, ...] = ()) -> Check:
    """Take a whole number from `least` to `most`, or one of a few words."""

    def check(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        if value is None or value in words:
            return value
        converted = _converted(int, value)
        if words and isinstance(converted, str):
            expected = f"a whole number, or {', '.join(words)}"
            raise InputError(
                param.opts[0], given=repr(value)[:80], expected=expected, fix=f"Pass for example {words[0]}"
            )
        return checks.whole(param.opts[0], converted, least=least, most=most)

    return check


def number(**bounds: float) -> Check:
    """Take a finite number within bounds, which `checks.number` names."""

    def check(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        return None if value is None else checks.number(param.opts[0], _converted(float, value), **bounds)

    return check


def choice(*words: str) -> dict[str, Any]:
    """Take one of these words: what ``click.option`` is told of it, completion in a shell included."""

    def check(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
        return None if value is None else checks.one_of(param.opts[0], value, words)

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return {"metavar": "|".join(words), "callback": check, "shell_complete": complete}


def columns(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Any, ...]:
    """Take several columns, each by its index or its name; a callback itself."""
    return tuple(column(ctx, param, value) for value in values)


def column(ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Take a column by its index or its name; a callback itself."""
    return None if value is None else _converted(int, value)


def targets(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Any:
    """Take a column by its index or its name, or several by their names; a callback itself."""
    return None if not value else _converted(int, value[0]) if len(value) == 1 else list(value)


def weights_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option that chooses between the best and the last weights of a run."""
    return click.option("--weights", **choice("best", "last"), help=f"{what} Those that the run keeps where left out.")


def table_options(target: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the options that say what is what in a table to learn from; `target` is the help of the first."""
    options = [
        click.option(
            "--target",
            metavar="COLUMN",
            multiple=True,
            callback=targets,
            help=f"{target}; may be repeated for several amounts.",
        ),
        click.option("--task", **choice("classification", "regression"), help="Whether that is a class or an amount."),
        click.option(
            "--drop", metavar="COLUMN", multiple=True, help="A column that shall not be used; may be repeated."
        ),
        click.option("--index", metavar="COLUMN", help="The column that says which row it is."),
        click.option(
            "--decimal", **choice(",", "."), help="The mark of decimals, where a table leaves it open, as 1,234 does."
        ),
        click.option("--day-first/--month-first", default=None, help="What 1/2/2024 is, where a table leaves it open."),
    ]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):  # the last decorator's option comes first
            command = option(command)
        return command

    return decorate


overwrite_option = click.option("--overwrite", is_flag=True, help="Also over a file that is there already.")
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")


def _converted(kind: Callable[[str], Any], text: str) -> Any:
    """Return a text as a number, or as it is for the check to refuse."""
    try:
        return kind(text)
    except ValueError:
        return text
