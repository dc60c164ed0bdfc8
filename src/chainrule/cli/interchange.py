"""``chainrule export`` and ``import``: networks for other programs, and runs made of networks from them."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import click

import chainrule as cr
from chainrule.cli.options import column, one_of, weights_option
from chainrule.cli.output import say
from chainrule.errors import FileError, InputError

if TYPE_CHECKING:
    from chainrule.nn import Network


@click.command()
@click.argument("run")
@click.option("--onnx", metavar="FILE", help="As ONNX: what it predicts, scaling and the classes' names with it.")
@click.option("--torch", metavar="FILE", help="As a PyTorch state dict in safetensors; the module for it is shown.")
@click.option("--numpy", metavar="FILE.py", help="As a page of Python that predicts with NumPy alone.")
@click.option("--training-step", is_flag=True, help="With --numpy: a function that trains, too.")
@click.option("--beside", is_flag=True, help="With --numpy: the numbers in FILE.npz, not in the page.")
@weights_option("Which to write.")
@click.option("--overwrite", is_flag=True, help="Also over files that are there already.")
def export(
    run: str,
    onnx: str | None,
    torch: str | None,
    numpy: str | None,
    training_step: bool,
    beside: bool,
    weights: str,
    overwrite: bool,
) -> None:
    """Write the network of RUN, the folder of a run or a model file, for other programs.

    Several formats may be asked for at once.
    """
    if onnx is None and torch is None and numpy is None:
        raise InputError("export", given="no format", expected="at least one", fix="Add --onnx FILE, for example")
    if numpy is None and (training_step or beside):
        option = "--training-step" if training_step else "--beside"
        raise InputError("export", given=f"{option} without a page", expected="--numpy", fix="Add --numpy FILE.py")
    pages = () if numpy is None else (numpy, *([os.path.splitext(numpy)[0] + ".npz"] if beside else ()))
    for path in (onnx, torch, *pages):
        if path is not None and not overwrite and os.path.exists(path):
            raise FileError(
                "export", given=f"{path!r}, which is there already", expected="a new file", fix="Add --overwrite"
            )
    network, _ = cr.recipes.load_run(run, weights)
    if onnx is not None:
        from chainrule.onnx import export as export_onnx

        export_onnx(network, onnx)
        say(f"onnx      {onnx}")
    if torch is not None:
        from chainrule.replay.names import literal
        from chainrule.torch_weights import save_state_dict

        module = save_state_dict(network, torch)
        say(f"torch     {torch}")
        say(f"          model = {module}")
        say(f"          model.load_state_dict(safetensors.torch.load_file({literal(os.path.basename(torch))}))")
    if numpy is not None:
        from chainrule.export_numpy import export_numpy

        export_numpy(network, numpy, weights="beside" if beside else "inside", training_step=training_step)
        say(f"numpy     {', '.join(pages)}")


EXAMPLES = """
\b
Examples:
  chainrule import model.onnx --recipe mnist
  chainrule import model.safetensors --activation ReLU --output Softmax --recipe mnist --scaling recipe
  chainrule import model.onnx --data flowers.csv --target kind
"""


@click.command("import", epilog=EXAMPLES)
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
    from chainrule.data.opening import open_file

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
    """Return the network that a state dict makes with the layers named in the options."""
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
