"""``chainrule import``: a network of another program's becomes a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chainrule.cli.options import column, one_of

if TYPE_CHECKING:
    from chainrule.nn import Network

EXAMPLES = """
\b
Examples:
  chainrule import model.onnx --recipe mnist
  chainrule import model.safetensors --activation ReLU --output Softmax --recipe mnist --scaling recipe
  chainrule import model.onnx --data flowers.csv --target kind
"""


@click.command("import", short_help="Make a run of a network of another program's.", epilog=EXAMPLES)
@click.argument("file")
@click.option("--out", metavar="RUN", help="The folder to make; runs/FILE-001, or with the next number, if left out.")
@click.option("--recipe", metavar="RECIPE", help="Measure and train it further as this says, its layers apart.")
@click.option("--data", metavar="FILE", help="On this file, instead of the recipe's data.")
@click.option("--target", metavar="COLUMN", callback=column, help="What to predict of it.")
@click.option(
    "--scaling",
    metavar="recipe|none",
    callback=one_of("recipe", "none"),
    help="Whether the network takes the samples scaled as the recipe does, or as they are.",
)
@click.option("--activation", metavar="NAME", help="Of a state dict: after each hidden layer, such as ReLU.")
@click.option("--output", metavar="NAME", help="Of a state dict: after the last layer, such as Softmax.")
@click.option("--order", metavar="LAYER,LAYER", help="Of a state dict: its layers in the order of their use.")
def import_(
    file: str,
    out: str | None,
    recipe: str | None,
    data: str | None,
    target: str | int | None,
    scaling: str | None,
    activation: str | None,
    output: str | None,
    order: str | None,
) -> None:
    """Make a run of the network in FILE: ONNX, a PyTorch or Keras state dict in safetensors, or a chainrule model.

    Such a run answers and is exported; with --recipe or --data it is explained, checked, measured and trained
    further too.
    """
    import shlex

    import chainrule as cr
    from chainrule.cli.shown import say

    chosen = None if recipe is None else cr.recipes.load(recipe)
    network = _read(file, activation, output, order)
    folder = cr.recipes.adopt(network, file, recipe=chosen, data=data, target=target, scaling=scaling, out=out)
    for line in cr.recipes.read_story(folder):
        say(line)
    say(f"run       {folder}")
    if chosen is not None or data is not None:
        say(f"go on     chainrule resume {shlex.quote(folder)}")


def _read(path: str, activation: str | None, output: str | None, order: str | None) -> Network:
    """Return the network in a file, by what the file is."""
    import chainrule as cr
    from chainrule.data.opening import open_file
    from chainrule.errors import InputError

    if not path.lower().endswith(".onnx"):
        with open_file("import", path) as file:
            is_model = b'"format":"chainrule"' in file.read(4096)
        if not is_model:
            return _of_state_dict(path, activation, output, order)
    for option, value in {"--activation": activation, "--output": output, "--order": order}.items():
        if value is not None:
            raise InputError(
                f"import {path!r}",
                given=f"{option} with a file that says it itself",
                expected="it with a state dict only",
                fix="Leave it out",
            )
    if path.lower().endswith(".onnx"):
        from chainrule.onnx import load

        return load(path)
    return cr.load(path)


def _of_state_dict(path: str, activation: str | None, output: str | None, order: str | None) -> Network:
    """Return the network that weights and what is told of them make."""
    from chainrule.errors import InputError
    from chainrule.recipes.build import part
    from chainrule.torch_weights import load_state_dict, network_from_torch

    names = None if order is None else order.split(",")
    hidden = len(load_state_dict(path, order=names)) - 1
    if hidden and activation is None:
        raise InputError(
            f"import {path!r}",
            given=f"weights of {hidden + 1} layers alone",
            expected="to be told what stands between the layers",
            fix="Add --activation ReLU, or whatever it is (Identity for nothing)",
        )
    between = [] if activation is None else [part(activation, "a layer", "--activation") for _ in range(hidden)]
    end = None if output is None else part(output, "a layer", "--output")
    return network_from_torch(path, [*between, end], order=names)
