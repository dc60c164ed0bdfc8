"""The commands by name. Each is imported when it is called, so that `--help` costs none of them."""

from __future__ import annotations

import importlib

import click

from chainrule._version import __version__
from chainrule.errors import InputError, nearest

COMMANDS = {  # name: module, what it does
    "train": ("train", "Train as a recipe says, into a new run folder."),
    "init": ("init", "Write a recipe for a table of your own."),
    "resume": ("train", "Go on with a run that was stopped, or further."),
    "evaluate": ("measuring", "Measure the network of a run."),
    "importance": ("measuring", "Show which columns matter to the network of a run."),
    "predict": ("inference", "Let the network of a run answer for the samples in a file."),
    "runs": ("listings", "List the runs in a folder."),
    "compare": ("listings", "Show what differs between two runs."),
    "log": ("listings", "Show the log of a run, or export it."),
    "plot": ("pictures", "Draw pictures of a run, or the curves of several."),
    "source": ("explanations", "Write a network's step out as plain NumPy."),
    "export": ("interchange", "Write a run's network as ONNX, PyTorch weights or NumPy."),
    "import": ("interchange", "Make a run of a network from ONNX, PyTorch or Keras."),
    "explain": ("explanations", "Explain what a network computes and how it learns."),
    "check": ("explanations", "Check the derivatives of a network, or of ops of your own."),
    "ops": ("listings", "Show every function with its derivatives."),
    "recipes": ("listings", "Show the built-in recipes."),
    "words": ("listings", "Show another library's words beside ours."),
    "reproduce": ("train", "Run the founding experiments once more."),
    "help": ("commands", "Show the help of a command."),
}


class Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing:  # a shell that completes wants no errors
                return None
            raise InputError(
                "chainrule", given=f"the command {cmd_name!r}", expected="one it has", fix=nearest(cmd_name, COMMANDS)
            )
        module = importlib.import_module(f"chainrule.cli.{COMMANDS[cmd_name][0]}")
        own_name = f"{cmd_name}_" if cmd_name in ("import", "help") else cmd_name  # Python has these itself
        found: click.Command = getattr(module, own_name)
        if found.help is None:  # python -OO has dropped it
            from chainrule.ops.docstrings import docstring  # which costs NumPy

            found.help = docstring(found.callback)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in COMMANDS.items()])


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    epilog="Begin with: chainrule train xor",
    help="Neural networks on NumPy, every derivative by hand and in sight.",
)
@click.version_option(__version__, message="chainrule %(version)s")
@click.pass_context
def chainrule(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in COMMANDS if name.startswith(incomplete)]


@click.command("help")
@click.argument("command", required=False, shell_complete=_names)
@click.pass_context
def help_(ctx: click.Context, command: str | None) -> None:
    """Show the help of COMMAND, as chainrule COMMAND --help does; without it, the commands there are."""
    group = ctx.parent
    assert group is not None
    if command is None:
        click.echo(group.get_help())
        return
    found = chainrule.get_command(group, command)
    assert found is not None  # else the error that names the nearest was raised
    click.echo(found.get_help(click.Context(found, info_name=command, parent=group)))
