"""``chainrule export`` and ``import``: networks for other programs, and runs made of networks from them."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import click

import chainrule as cr
from chainrule.cli.completion import recipes, runs
from chainrule.cli.options import as_json_option, choice, column, overwrite_option, weights_option
from chainrule.cli.output import say, say_json
from chainrule.cli.pipes import STREAM, expect_new, writable
from chainrule.errors import InputError, printable

if TYPE_CHECKING:
    from chainrule.nn import Network


FORMATS = {"onnx": ".onnx", "torch": ".safetensors", "numpy_page": ".py"}  # the adapter, what its files end in


@click.command()
@click.argument("run", shell_complete=runs)
@click.option("--to", **choice(*FORMATS), help="For what; else as the ending of --out says.")
@click.option("--out", metavar="FILE", help="Where to: .onnx, .safetensors (PyTorch), .py (NumPy); - prints it.")
@click.option("--training-step", is_flag=True, help="To numpy_page: a function that trains, too.")
@click.option("--beside", is_flag=True, help="To numpy_page: the numbers in FILE.npz, not in the page.")
@click.option(
    "--inputs",
    **choice("columns", "features"),
    help="To onnx, of a network on tables: whether FILE takes a table's columns, as usual, or their features.",
)
@weights_option("Which to write.")
@overwrite_option
@as_json_option
def export(
    run: str,
    to: str | None,
    out: str | None,
    training_step: bool,
    beside: bool,
    inputs: str | None,
    weights: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the network of RUN, the folder of a run or a model file, for other programs.

    As ONNX: what it predicts, with scaling, the names of classes, and what prepares a table. As a PyTorch state dict in
    safetensors, of the layers alone; the module for it is shown, and what it takes. Or as a page of Python that
    predicts with NumPy alone.
    """
    to = to or next((name for name, ending in FORMATS.items() if (out or "").lower().endswith(ending)), None)
    if to is None:
        raise InputError(
            "export",
            given="no format" if out is None else f"--out {out!r}, which ends as no format does"[:200],
            expected=f"--to {', '.join(FORMATS)}, or a file that ends in {', '.join(FORMATS.values())}",
            fix="PyTorch loads safetensors: add --out model.safetensors"
            if (out or "").lower().endswith((".pt", ".pth", ".ckpt", ".bin"))
            else "Add --out model.onnx, for example",
        )
    if out is None:
        raise InputError("export", given="no place to write to", expected="a file", fix=f"Add --out model{FORMATS[to]}")
    if to != "numpy_page" and (training_step or beside):
        option = "--training-step" if training_step else "--beside"
        raise InputError(
            "export", given=f"{option} without a page", expected="--to numpy_page", fix="Add --out model.py"
        )
    if to != "onnx" and inputs is not None:
        raise InputError(
            "export", given=f"--inputs without ONNX, --to {to}", expected="--to onnx", fix="Add --out model.onnx"
        )
    if out == STREAM and (beside or as_json):
        option = "--beside" if beside else "--json"
        raise InputError("export", given=f"{option} with --out -", expected="one output", fix="Name a file with --out")
    files = [out, *([os.path.splitext(out)[0] + ".npz"] if beside else ())]
    expect_new("export", *files, overwrite=overwrite)
    network, _ = cr.recipes.load_run(run, weights)
    module = None
    with writable(out, f"model{FORMATS[to]}") as place:
        if to == "onnx":
            cr.onnx.save(network, place, inputs=inputs or "columns")
        elif to == "torch":
            module = cr.torch.save(network, place)
        else:
            cr.numpy_page.save(network, place, weights="beside" if beside else "inside", training_step=training_step)
    takes = _taken(network, features=to == "torch" or inputs == "features")
    if as_json:
        say_json({"run": run, "to": to, "files": files, "module": module, "takes": takes})
        return
    if out != STREAM:
        say(f"{to:<9} {', '.join(files)}")
    if takes:
        say(f"takes     {printable(', '.join(takes))}", err=out == STREAM)
    if module is not None:
        from chainrule.replay.names import literal

        file = literal(os.path.basename(out))
        say(f"          model = {module}", err=out == STREAM)
        say(f"          model.load_state_dict(safetensors.torch.load_file({file}))", err=out == STREAM)


def _taken(network: Network, *, features: bool) -> list[str]:
    """Return what the file takes of a table, by name: its columns, or their features."""
    if network.preparation is None:
        return list(network.columns or ())
    return list(network.preparation.feature_names if features else network.preparation.names)


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
@click.option(
    "--recipe",
    metavar="RECIPE",
    shell_complete=recipes,
    help="Measure and train it further as this says, its layers apart.",
)
@click.option("--data", metavar="FILE", help="On this file, instead of the recipe's data.")
@click.option("--target", metavar="COLUMN", callback=column, help="What to predict of it.")
@click.option(
    "--scaling",
    **choice("recipe", "none"),
    help="Whether the network takes the samples scaled as the recipe does, or as they are.",
)
@click.option("--activation", metavar="NAME", help="Of a state dict: after each hidden layer, such as ReLU.")
@click.option("--output", metavar="NAME", help="Of a state dict: after the last layer, such as Softmax.")
@click.option("--order", metavar="LAYER,LAYER", help="Of a state dict: its layers in the order of their use.")
@as_json_option
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
    as_json: bool,
) -> None:
    """Make a run of the network in FILE: ONNX, a PyTorch or Keras state dict in safetensors, or a chainrule model.

    Such a run answers and is exported; with --recipe or --data it is explained, checked, measured and trained
    further too.
    """
    chosen = None if recipe is None else cr.recipes.load(recipe)
    network = _read(file, activation, output, order)
    folder = cr.recipes.adopt(network, file, recipe=chosen, data=data, target=target, scaling=scaling, out=out)
    if as_json:
        say_json({"run": folder, "file": file})
        return
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
        return cr.onnx.load(path)
    return cr.load(path)


def _of_state_dict(path: str, activation: str | None, output: str | None, order: str | None) -> Network:
    """Return the network that a state dict makes with the layers named in the options."""
    from chainrule.recipes.build import part

    names = None if order is None else order.split(",")
    hidden = len(cr.torch.load_weights(path, order=names)) - 1
    if hidden and activation is None:
        raise InputError(
            f"import {path!r}",
            given=f"weights of {hidden + 1} layers alone",
            expected="to be told what stands between the layers",
            fix="Add --activation ReLU, or whatever it is (Identity for nothing)",
        )
    between = [] if activation is None else [part(activation, "a layer", "--activation") for _ in range(hidden)]
    end = None if output is None else part(output, "a layer", "--output")
    return cr.torch.load(path, [*between, end], order=names)
