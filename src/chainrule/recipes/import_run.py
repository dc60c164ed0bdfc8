"""A network from elsewhere becomes a run: a folder that the commands open as if it had been trained here.

With a recipe it knows its data: it can be measured, and trained further. Without one it answers, and is explained.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

import msgspec

from chainrule import checks
from chainrule.data.opening import Folder, absolute
from chainrule.errors import InputError, printable
from chainrule.files import contents_of, describe, write, write_atomically
from chainrule.files.part_classes import SAME, TYPE
from chainrule.graph import Parameter
from chainrule.nn import Network, Rescale
from chainrule.ops import Sigmoid, Softmax
from chainrule.recipes.build import build
from chainrule.recipes.environment import environment
from chainrule.recipes.evaluation import expect_one_output
from chainrule.recipes.folder import BEST, ENVIRONMENT, LAST, RECIPE, STORY, new_folder, own_folder
from chainrule.recipes.log import opening_lines
from chainrule.recipes.recipe import Data, Part, Phase, Recipe, override, stored, to_toml
from chainrule.recipes.run import batching
from chainrule.recipes.samples import Samples, gather
from chainrule.training import train
from chainrule.training.checkpoint import Checkpoint

_MEAN_SQUARES, _BINARY, _CATEGORICAL = "MeanSquaredError", "BinaryCrossEntropy", "CategoricalCrossEntropy"
_ON_LOGITS = {_CATEGORICAL: "SoftmaxCrossEntropy", _BINARY: "SigmoidBinaryCrossEntropy"}
_ENDS = {_CATEGORICAL: Softmax, _BINARY: Sigmoid}


@checks.keywords
def adopt(
    network: Network,
    name: str,
    *,
    recipe: Recipe | None = None,
    data: str | os.PathLike[str] | None = None,
    target: str | int | None = None,
    scaling: str | None = None,
    out: str | os.PathLike[str] | None = None,
) -> str:
    """Make a run of a network that was not trained here, and return its folder.

    Parameters
    ----------
    network : Network
        Built, with its numbers.
    name : str
        Where it came from, such as the name of its file; the run is called after it.
    recipe : Recipe, optional
        What it is measured on, and how it is trained further: everything of it but its layers. A cross-entropy becomes
        the one that suits the network's end, probabilities or logits.
    data : path, optional
        A file, instead of the recipe's data; without a recipe, training goes on with Adam and a rate of 0.001.
    target : str or int, optional
        What to predict of it.
    scaling : {"recipe", "none"}, optional
        Whether the recipe's scaling is put in front, or the network takes the data as they are. It has to be said
        where a recipe scales, unless the network begins with a scaling of its own.
    out : path, optional
        The folder; left out, ``runs/name-001`` or with the next free number.

    Raises
    ------
    InputError
        If the network doesn't fit the recipe's data, or a recipe has no words for its layers. Nothing has been
        written then.
    FileError
        If the folder is there already, or can't be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import chainrule as cr
    >>> folder = adopt(cr.Network([cr.Dense(1, inputs=2)]), "line.onnx", out=os.path.join(tempfile.mkdtemp(), "line"))
    >>> sorted(os.listdir(folder))
    ['best.safetensors', 'environment.json', 'last.safetensors', 'log.txt']
    """
    if recipe is not None or data is not None:
        expect_one_output("import", network)
    own = re.sub(r"[^A-Za-z0-9_.-]+", "-", os.path.splitext(os.path.basename(name))[0]).strip("._-")[:64] or "imported"
    story = [f"imported from {os.path.basename(name)!r}"]
    samples = None
    if recipe is None and scaling is not None:
        raise InputError(
            "import", given=f"scaling {scaling!r} without a recipe", expected="both", fix="Add --recipe RECIPE"
        )
    if recipe is None and data is None and target is not None:
        raise InputError("import", given=f"the target {target!r} without data", expected="both", fix="Add --data FILE")
    if recipe is not None:
        recipe = override(recipe, data=data, target=target)
        samples = gather(recipe)
    elif data is not None:
        source = Data(file=absolute("import", data), target=target)
        recipe = Recipe(data=source, layers=[], loss=_MEAN_SQUARES, phases=[Phase(epochs=10, learning_rate=0.001)])
        samples = gather(recipe)
        if samples.classes is not None:
            loss = _BINARY if network.graph("prediction").root.shape[-1] == 1 else _CATEGORICAL
            recipe = msgspec.structs.replace(recipe, loss=loss)
    if recipe is not None and samples is not None:
        recipe = _recipe_of(network, recipe, samples, own, scaling)
        network = _with_numbers(build(recipe, samples), network)
        story += opening_lines(recipe, network, samples, recipe.threads or 1)
    else:
        network.graph("prediction")  # raises if the network is not built
        story += [f"network   {len(network.layers)} layers, {network.parameters.size:,} parameters, {network.dtype}"]
    model = contents_of(network, where="import")
    made = new_folder("runs", own) if out is None else own_folder(out)
    try:
        with Folder("import", made, links=False) as folder:

            def write_text(name: str, text: str) -> None:
                write_atomically(folder.file(name), text.encode(), where="run")

            last = folder.file(LAST)
            if recipe is None or samples is None:
                write(last, model, where="run")
            else:
                # No epoch: the checkpoint holds where training begins.
                train(
                    network,
                    *samples.train,
                    epochs=0,
                    validation_data=samples.validation,
                    **batching(recipe),
                    callbacks=Checkpoint(last),
                )
                write_text(RECIPE, to_toml(stored(recipe, made)))
            now = environment(compiled=recipe is not None and recipe.compiled)
            write_text(ENVIRONMENT, msgspec.json.format(msgspec.json.encode(now), indent=2).decode() + "\n")
            write_text(STORY, "".join(f"{printable(line)}\n" for line in story))
            write(folder.file(BEST), model, where="run")  # at the end: without it a folder is no run
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return made


def _recipe_of(network: Network, recipe: Recipe, samples: Samples, name: str, scaling: str | None) -> Recipe:
    """Return the recipe with the layers, the numbers and the loss of this network."""
    features, shape = network.sample_shape, samples.train[0].shape[1:]
    if features != shape:
        raise InputError(
            "import",
            given=f"a network for samples of shape {features}",
            expected=f"{shape}, as those of the data",
            fix="Choose the data that it was made for",
        )
    if network.classes is not None and samples.classes is not None and network.classes != samples.classes:
        raise InputError(
            "import",
            given=f"a network for the classes {', '.join(network.classes)}"[:200],
            expected=f"those of the data, in their order: {', '.join(samples.classes)}"[:200],
            fix="Choose the data that it was made for",
        )
    if scaling is not None:
        checks.one_of("import scaling", scaling, ("recipe", "none"))
    elif recipe.data.scale != "none" and not isinstance(network.layers[0], Rescale):
        raise InputError(
            "import",
            given=f"a recipe with scale = {recipe.data.scale!r}, and a network that doesn't begin with a scaling",
            expected="to be told whether this network takes scaled samples",
            fix="Add --scaling recipe if it does, --scaling none if it takes them as they are",
        )
    return msgspec.structs.replace(
        recipe,
        name=name,
        title="imported" if recipe.name == "recipe" else f"imported, to go on as {recipe.name} does",
        layers=_layers_in_toml(network),
        loss=_loss(network, recipe.loss),
        dtype=str(network.dtype),
        start=None,
        data=msgspec.structs.replace(
            recipe.data, scale=recipe.data.scale if scaling == "recipe" else "none", scale_target="none"
        ),
    )


def _layers_in_toml(network: Network) -> list[dict[str, Any]]:
    """Return the layers as a recipe lists them."""
    layers: list[dict[str, Any]] = describe(network, where="import", brief=True)["layers"]
    for layer in layers:
        if _is_beyond_toml(layer) or layer[TYPE] == "Network":
            raise InputError(
                "import",
                given=f"{layer[TYPE]} with settings that TOML has no word for, or used twice",
                expected="layers that a recipe can list",
                fix="Import it without data, and train it in Python",
            )
    return layers


def _is_beyond_toml(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get(TYPE) == SAME or any(map(_is_beyond_toml, value.values()))
    return value is None or (isinstance(value, list) and any(map(_is_beyond_toml, value)))


def _loss(network: Network, loss: Part) -> Part:
    """Return the recipe's loss; of a cross-entropy the form for what the network ends in."""
    on_probabilities = {logits: name for name, logits in _ON_LOGITS.items()}
    name = loss if isinstance(loss, str) else str(loss.get(TYPE))
    name = on_probabilities.get(name, name)
    if name not in _ON_LOGITS:
        return loss
    return name if isinstance(network.ending, _ENDS[name]) else _ON_LOGITS[name]


def _with_numbers(built: Network, source: Network) -> Network:
    """Return the network of the recipe with the numbers of the one that was imported."""
    pairs = zip(*([p for p in net.leaves.values() if isinstance(p, Parameter)] for net in (built, source)), strict=True)
    for ours, theirs in pairs:
        ours.assign(theirs.value)
    return built
