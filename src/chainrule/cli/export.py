"""``chainrule export``: the network of a run for other programs."""

from __future__ import annotations

import click

from chainrule.cli.options import one_of


@click.command(short_help="Write the network of a run for other programs.")
@click.argument("run")
@click.option("--onnx", metavar="FILE", help="As ONNX: what it predicts, scaling and the classes' names with it.")
@click.option("--torch", metavar="FILE", help="As a PyTorch state dict in safetensors; the module for it is shown.")
@click.option("--numpy", metavar="FILE.py", help="As a page of Python that predicts with NumPy alone.")
@click.option("--training-step", is_flag=True, help="With --numpy: a function that trains, too.")
@click.option("--beside", is_flag=True, help="With --numpy: the numbers in FILE.npz, not in the page.")
@click.option("--weights", metavar="best|last", callback=one_of("best", "last"), default="best", help="Which to write.")
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
    import os

    import chainrule as cr
    from chainrule.cli.shown import say
    from chainrule.errors import FileError, InputError

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
