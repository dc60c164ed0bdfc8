"""From a recipe to the network it describes."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np

from chainrule.data import Mixup, RandomAffine
from chainrule.errors import InputError, nearest
from chainrule.nn import Dense, Dropout, Initializer, Layer, Network, Rescale
from chainrule.nn.heads import heads_layer
from chainrule.nn.layer import LayerLike
from chainrule.nn.room import expect_room
from chainrule.ops.op import Array, Op
from chainrule.ops.scaling import Unscale
from chainrule.optim import Optimizer, Phases, Schedule
from chainrule.recipes.recipe import Part, Recipe
from chainrule.recipes.samples import Samples
from chainrule.training.augmenting import Augment

_KINDS: dict[str, type[Any]] = {
    "a layer": Layer,
    "a loss": Op,
    "an optimizer": Optimizer,
    "a schedule": Schedule,
    "an initializer": Initializer,
}
_OUTPUTS = {
    **dict.fromkeys(("CategoricalCrossEntropy", "CategoricalFocalCrossEntropy"), "Softmax"),
    **dict.fromkeys(("BinaryCrossEntropy", "BinaryFocalCrossEntropy"), "Sigmoid"),
}


def build(recipe: Recipe, samples: Samples, like: Network | None = None) -> Network:
    """Return the network of a recipe, built for these samples and not yet trained.

    Where it is to begin with the weights of another one, `like`, it scales samples and targets as that one does.

    Raises
    ------
    InputError
        If a part is unknown or has a wrong setting, or the network's sizes don't suit the samples.

    Examples
    --------
    >>> from chainrule.recipes import load
    >>> from chainrule.recipes.samples import gather
    >>> recipe = load("xor")
    >>> [type(layer).__name__ for layer in build(recipe, gather(recipe)).layers]
    ['Dense', 'Tanh', 'Dense', 'Sigmoid']
    """
    where = f"recipe {recipe.name}"
    X, y = samples.train
    _check_sizes(recipe, samples, where)
    scaling = _scaling(recipe, samples) if like is None else _scaling_of(recipe, like)
    unit = _unit(recipe, samples, where) if like is None else _unit_of(recipe, like)
    layers, optimizer = [*scaling, *_layers(recipe, where), *unit], _optimizer(recipe, where)
    heads = heads_layer(layers)
    if heads is not None:
        raise InputError(
            f"{where}, layers",
            given=f"the heads {', '.join(map(repr, heads.heads))}",
            expected="layers with one output: a recipe's data have one target",
            fix="End with the layers of one head; in Python, cr.train(network, X, {…}) takes a target for each",
        )
    expect_room(f"{where}, layers", layers, X.shape[1:], recipe.dtype, optimizer)
    network = Network(
        layers,
        loss=part(recipe.loss, "a loss", f"{where}, loss"),
        optimizer=optimizer,
        l1=recipe.l1,
        l2=recipe.l2,
        classes=samples.classes,
        preparation=samples.preparation,
        seed=recipe.seed,
        dtype=recipe.dtype,
        engine="compiled" if recipe.compiled else "replay",
    )
    network.build(X.shape[1:])
    if samples.classes is not None and y.ndim == 1 and not network.objective.takes_labels:
        outputs = network.compute(network.as_samples(where, X[:1])).shape[1]
        if outputs != 1 or len(samples.classes) > 2:
            raise InputError(
                f"{where}, loss",
                given=f"{network.objective.loss!r} with targets that are class indices",
                expected="a column for each class",
                fix="Write one_hot = true under [data], or take the loss CategoricalCrossEntropy; if they are amounts, "
                'task = "regression" under [data]',
            )
    return network


def augmentation(recipe: Recipe, samples: Samples) -> Augment | None:
    """Return what changes samples while they are trained on, tried on one of them where it is for images.

    Raises
    ------
    InputError
        If samples that should be turned are no images, or the mixture's number is negative.
    """
    mixup = Mixup(recipe.mixup) if recipe.mixup else None
    affine = recipe.augment
    if affine is None:
        return mixup
    turn = RandomAffine(affine.rotation, affine.shift, affine.scale, affine.shear)
    turn(samples.train[0][:1], np.random.default_rng(0))
    if mixup is None:
        return turn

    def turn_and_mix(x: Array, y: Array, generator: np.random.Generator, sample_weight: Array | None = None) -> Any:
        return mixup(turn(x, generator), y, generator, sample_weight)

    return turn_and_mix


def _check_sizes(recipe: Recipe, samples: Samples, where: str) -> None:
    """Raise if the short form of the layers doesn't begin and end with the sizes of the samples."""
    X, y = samples.train
    if recipe.sizes is None or X.ndim != 2:
        return
    inputs, outputs = recipe.sizes[0], recipe.sizes[-1]
    if inputs != X.shape[1]:
        raise InputError(
            f"{where}, layers",
            given=f"{recipe.layers!r}, which takes {inputs} inputs",
            expected=f"{X.shape[1]}, the number of features in the data{_features_told(samples)}",
            fix=f"Begin with {X.shape[1]}",
        )
    sizes = {y.shape[1]} if y.ndim == 2 else set() if samples.classes is None else {len(samples.classes)}
    if y.ndim == 1 and sizes == {2}:
        sizes.add(1)  # the probability of one class says that of the other
    if sizes and outputs not in sizes:
        raise InputError(
            f"{where}, layers",
            given=f"{recipe.layers!r}, which has {outputs} outputs",
            expected=f"{max(sizes)}, {'as the targets have' if y.ndim == 2 else 'one for each class'}",
            fix=f"End with {max(sizes)}"
            + ('; if the targets are amounts, write task = "regression" under [data]' if y.ndim == 1 else ""),
        )


def _features_told(samples: Samples) -> str:
    """Return, of a table, which columns became several features, and which none."""
    preparation = samples.preparation
    if preparation is None:
        return ""
    several = [f"{column.name!r} became {n}" for column in preparation.columns if (n := len(column.feature_names)) > 1]
    told = [*several, *(f"{name!r} is not used" for name in preparation.ignored)]
    return f" ({', '.join(told[:8])}{', …' if len(told) > 8 else ''})" if told else ""


def _scaling(recipe: Recipe, samples: Samples) -> list[Layer]:
    X: Any = samples.train[0]
    if recipe.data.scale == "none":
        return []
    if recipe.data.scale == "unit" and X.dtype == np.uint8:  # pixels share one scale; and bytes stay bytes until then
        return [Rescale(1 / max(int(X.max()), 1))]
    rows = X.reshape(len(X), -1)
    scaling = Rescale.unit(rows) if recipe.data.scale == "unit" else Rescale.standard(rows)
    if samples.preparation is None:
        return [scaling]
    amounts = samples.preparation.amounts  # zeros and ones for words and gaps stay what they are
    scale, offset = (np.where(amounts, value, other) for value, other in ((scaling.scale, 1.0), (scaling.offset, 0.0)))
    return [Rescale(tuple(scale.tolist()), tuple(offset.tolist()))]


def _scaling_of(recipe: Recipe, like: Network) -> list[Layer]:
    first = like.layers[0]
    return [first.copy()] if recipe.data.scale != "none" and isinstance(first, Rescale) else []


def _unit(recipe: Recipe, samples: Samples, where: str) -> list[Unscale]:
    """Return the layer that gives predictions the unit of the training targets, where the recipe wants it."""
    if recipe.data.scale_target == "none":
        return []
    if samples.classes is not None or recipe.data.one_hot:
        raise InputError(
            f"{where}, data.scale_target",
            given='"standard" for a target that is a class',
            expected="a target that is an amount",
            fix='Leave it out; if the numbers are amounts, write task = "regression" beside it',
        )
    return [Unscale.standard(samples.train[1])]


def _unit_of(recipe: Recipe, like: Network) -> list[Unscale]:
    last = like.layers[-1]
    return [last] if recipe.data.scale_target != "none" and isinstance(last, Unscale) else []


def _layers(recipe: Recipe, where: str) -> list[LayerLike]:
    if not isinstance(recipe.layers, str):
        return [part(layer, "a layer", f"{where}, layers[{i}]") for i, layer in enumerate(recipe.layers)]
    sizes = recipe.sizes or []
    starts = {
        name: part(given, "an initializer", f"{where}, {name}")
        for name, given in (("initializer", recipe.initializer), ("bias_initializer", recipe.bias_initializer))
        if given is not None
    }
    layers: list[LayerLike] = [Dropout(recipe.input_dropout)] if recipe.input_dropout else []
    for inputs, outputs in itertools.pairwise(sizes[:-1]):
        layers += [Dense(outputs, inputs=inputs, **starts), part(recipe.activation, "a layer", f"{where}, activation")]
        if recipe.dropout:
            layers.append(Dropout(recipe.dropout))
    layers.append(Dense(sizes[-1], inputs=sizes[-2], **starts))
    output = recipe.output
    if output is None:
        output = _OUTPUTS.get(recipe.loss if isinstance(recipe.loss, str) else str(recipe.loss.get("type")))
    if output is not None:
        layers.append(part(output, "a layer", f"{where}, output"))
    return layers


def _optimizer(recipe: Recipe, where: str) -> Optimizer:
    given = {"type": recipe.optimizer} if isinstance(recipe.optimizer, str) else dict(recipe.optimizer)
    if "learning_rate" in given:
        raise InputError(
            f"{where}, optimizer",
            given="a learning_rate",
            expected="it outside of the optimizer",
            fix="Write learning_rate = 0.01 at the top of the recipe, or in its phases",
        )
    rates = []
    for i, phase in enumerate(recipe.phases):
        rate = phase.learning_rate
        if isinstance(rate, dict):
            rate = part(rate, "a schedule", f"{where}, phases[{i}].learning_rate")
        rates.append((phase.epochs, rate))
    optimizer: Optimizer = part({**given, "learning_rate": 1.0}, "an optimizer", f"{where}, optimizer")
    settings = {**optimizer.settings(), "learning_rate": rates[0][1] if len(rates) == 1 else Phases(*rates)}
    return type(optimizer)(**settings)


def part(description: Part, kind: str, where: str) -> Any:
    """Return a part of this kind from its table, or from its name alone."""
    from chainrule.files import rebuild
    from chainrule.files.installed_parts import installed_names, installed_part

    table = {"type": description} if isinstance(description, str) else description
    name, known = table.get("type"), _names(kind)
    own = installed_part(name) if isinstance(name, str) and name not in known else None
    if name not in known and not (own is not None and _suits(own, kind)):
        folded = {other.casefold(): other for other in known}
        meant = folded.get(str(name).casefold().replace("_", ""))
        raise InputError(
            where,
            given="a table without a type" if name is None else repr(name)[:80],
            expected=kind,
            fix=nearest(str(name), [*known, *installed_names()]) if meant is None else f"Write {meant!r}",
        )
    return rebuild(table, where=where)


@cache
def _names(kind: str) -> list[str]:
    """Return the types that a recipe may name where it wants a part of this kind."""
    from chainrule.files.part_classes import KINDS

    return [name for name, part in KINDS.items() if _suits(part, kind)]


def _suits(part: type[Any], kind: str) -> bool:
    """Return whether a class is what a recipe wants at this place."""
    if not issubclass(part, Op):
        return issubclass(part, _KINDS[kind]) and part is not Network
    is_loss = part.roles[0] in ("prediction", "logits")
    return is_loss if kind == "a loss" else kind == "a layer" and not is_loss
