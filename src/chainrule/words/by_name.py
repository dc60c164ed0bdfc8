"""Parts by name: ``loss="mse"``, ``optimizer="adam"``, ``activation="relu"``, ``initializer="he_normal"``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Folded name -> our class, and settings. Our own names need no line here.
PARTS: dict[str, str | tuple[str, dict[str, Any]]] = {
    # losses
    **dict.fromkeys(("mse", "mseloss", "mselossflat", "squaredloss"), "MeanSquaredError"),
    **dict.fromkeys(("mae", "l1loss", "l1lossflat", "absoluteerror"), "MeanAbsoluteError"),
    **dict.fromkeys(("huberloss", "smoothl1", "smoothl1loss"), "Huber"),
    **dict.fromkeys(("bce", "bceloss", "binarylogloss"), "BinaryCrossEntropy"),
    **dict.fromkeys(("bcewithlogits", "bcewithlogitsloss", "bcewithlogitslossflat"), "SigmoidBinaryCrossEntropy"),
    **dict.fromkeys(("sparsecategoricalcrossentropy", "cce", "scce"), "CategoricalCrossEntropy"),
    **dict.fromkeys(
        ("crossentropy", "crossentropyloss", "crossentropylossflat", "logloss", "nll", "nllloss"), "CrossEntropy"
    ),
    **dict.fromkeys(("pinball", "quantile", "quantileloss", "meanpinballloss"), "PinballLoss"),
    **dict.fromkeys(("focal", "focalloss", "focallossflat", "focalcrossentropy"), "FocalLoss"),
    "sigmoidfocalloss": "SigmoidFocalCrossEntropy",
    # activations
    "logistic": "Sigmoid",
    "linear": "Identity",
    "none": "Identity",
    "swish": "SiLU",
    "hardsilu": "HardSwish",
    "hardtanh": ("Clip", {"low": -1.0, "high": 1.0}),
    # optimizers
    **dict.fromkeys(("gd", "gradientdescent"), "SGD"),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    # initializers
    **dict.fromkeys(("henormal", "kaiming", "kaimingnormal"), ("He", {"distribution": "normal"})),
    **dict.fromkeys(("heuniform", "kaiminguniform"), ("He", {"distribution": "uniform"})),
    **dict.fromkeys(("glorotnormal", "xaviernormal"), ("Glorot", {"distribution": "normal"})),
    **dict.fromkeys(("glorotuniform", "xavier", "xavieruniform"), ("Glorot", {"distribution": "uniform"})),
    "lecunnormal": ("LeCun", {"distribution": "normal"}),
    "lecununiform": ("LeCun", {"distribution": "uniform"}),
    "ones": ("Constant", {"value": 1.0}),
    "zero": "Zeros",
    "randomnormal": "Normal",
    "randomuniform": "Uniform",
}


def folded(name: str) -> str:
    """Return a name without case and marks, by which names that mean the same are compared.

    >>> folded("Mean_Squared-Error") == folded("MeanSquaredError")
    True
    """
    return re.sub(r"[\W_]", "", name).casefold()


def part_named(name: str, known: Mapping[str, type[Any]]) -> Any:
    """Return the part that a name stands for, made with its defaults; None if it stands for none of the known ones.

    Parameters
    ----------
    name : str
        Ours, or another library's, in any spelling: ``"mean_squared_error"``, ``"mse"``.
    known : mapping of str to class
        The classes that will do, by their names.
    """
    ours = {folded(each): kind for each, kind in known.items()}
    told = PARTS.get(folded(name), name)
    kind, settings = told if isinstance(told, tuple) else (told, {})
    found = ours.get(folded(name)) or ours.get(folded(kind))
    return None if found is None else found(**({} if folded(name) in ours else settings))


def named_class(name: str, known: Iterable[str]) -> str | None:
    """Return the class of ours that a part's name stands for, if it is one of the known ones.

    >>> named_class("MSELoss", ["MeanSquaredError", "Huber"])
    'MeanSquaredError'
    """
    told = PARTS.get(folded(name))
    kind = told[0] if isinstance(told, tuple) else told
    return kind if kind in list(known) else None
