"""How names, keywords and values of other libraries are answered, and whether rightly.

The cases are in ``other_words.tsv``: kind, where it is written, theirs, the library, and a regular expression that a
right answer matches; ``=`` where it means the same here and simply works. Who wrote them had not seen the answers.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
import chainrule.sklearn
from chainrule.cli import status
from claims.figure import Figure, Options, at_least, percent

CASES = Path(__file__).with_suffix(".tsv")
X, Y = np.arange(12.0, dtype=np.float32).reshape(4, 3), np.array([0, 1, 1, 0])


def other_words(options: Options) -> Iterator[Figure]:
    """Ask for every case, and count the answers that the judge takes for right."""
    cases = [line.split("\t") for line in CASES.read_text("utf-8").splitlines()]
    for kind, asked in (("name", _name), ("keyword", _keyword), ("value", _value)):
        chosen = [case for case in cases if case[0] == kind]
        wrong = [
            f"{where}.{theirs}" for _, where, theirs, _, right in chosen if not _is_right(asked(where, theirs), right)
        ]
        share = 1 - len(wrong) / len(chosen)
        note = f" of {len(chosen)}" + (f"; not {', '.join(wrong[:8])}" if wrong else "")
        yield at_least(f"{kind}s of other libraries that are answered with the right word", share, 0.95, percent, note)


def _is_right(said: str, right: str) -> bool:
    """Return whether what is said to a case is right; ``=`` is said where nothing is, because it works."""
    return said == "=" if right == "=" else said != "=" and re.search(right, said) is not None


@cache
def _trained() -> tuple[cr.Network, cr.History]:
    network = cr.Network([cr.Dense(3, inputs=3), cr.Softmax()])
    return network, cr.train(network, X, Y, epochs=1)


def _said(call: Callable[[], Any]) -> str:
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()) as stderr:
        warnings.simplefilter("ignore")
        try:
            result = call()
        except cr.ChainruleError as error:
            return error.fix
        except Exception as error:
            return f"not one of ours: {error!r}"
    return stderr.getvalue() if result == 2 else "="


def _name(where: str, theirs: str) -> str:
    network, history = _trained()
    places: dict[str, Any] = {
        "module": cr,
        **{room: getattr(cr, room) for room in ("data", "nn", "optim", "ops")},
        "network": network,
        "layer": network.layers[0],
        "optimizer": cr.SGD(0.1) if hasattr(cr.SGD(0.1), theirs) else network.optimizer,
        "history": history,
        "node": cr.Parameter("w", [[1.0]]),
    }
    if where == "history" and theirs in ("loss", "learning_rate"):  # columns, which are asked for with brackets
        return f'history["{theirs}"]'
    return _said(lambda: getattr(places[where], theirs))


def _keyword(where: str, theirs: str) -> str:
    network, _ = _trained()
    if where == "cli":
        return _said(lambda: status(["train", "xor", f"--{theirs.lstrip('-')}", "3"]))
    if where == "recipe":
        return _said(lambda: cr.recipes.from_toml(f"{theirs} = 3\n" + cr.recipes.to_toml(cr.recipes.load("xor")), "a"))
    calls: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "Network": (cr.Network, ([cr.Dense(1)],)),
        "train": (cr.train, (network, X, Y)),
        "evaluate": (cr.evaluate, (network, X, Y)),
        "predict": (cr.predict, (network, X)),
        "save": (cr.save, (network, "a.safetensors")),
        "load": (cr.load, ("a.safetensors",)),
        "Dense": (cr.Dense, (3,)),
        "Dropout": (cr.Dropout, (0.5,)),
        "SGD": (cr.SGD, (0.1,)),
        "schedules": (cr.CosineDecay, (0.1,)),
        "losses": (cr.CategoricalCrossEntropy, ()),
        "ReduceOnPlateau": (cr.ReduceOnPlateau, (0.1,)),
        "MLPClassifier": (chainrule.sklearn.MLPClassifier, ()),
    }
    function, given = calls.get(where) or (getattr(cr, where), ())
    kinds = {"losses": (function, cr.Huber, cr.PinballLoss)}.get(where, (function,))  # one of which may take it
    if any(theirs in inspect.signature(kind.__init__ if isinstance(kind, type) else kind).parameters for kind in kinds):
        return "="
    return _said(lambda: function(*given, **{theirs: 1}))


def _value(where: str, theirs: str) -> str:
    def classes(**how: Any) -> Any:
        network = cr.Network([cr.Dense(3, inputs=3), cr.Softmax()])
        return cr.train(network, X, Y, epochs=1, validation_data=(X, Y), **how)

    calls: dict[str, Callable[[], Any]] = {
        "loss": lambda: cr.Network([cr.Dense(3), *_end(theirs)], theirs),
        "optimizer": lambda: cr.Network([cr.Dense(3)], optimizer=theirs),
        "activation": lambda: cr.Dense(3, theirs),
        "initializer": lambda: cr.Dense(3, initializer=theirs),
        "metric": lambda: classes(metrics=[theirs]),
        "monitor": lambda: classes(metrics=["accuracy"], monitor=theirs),
        "keep": lambda: classes(keep=theirs),
        "engine": lambda: cr.Network([cr.Dense(3)], engine=theirs),
        "dtype": lambda: cr.Network([cr.Dense(3)], dtype=theirs),
        "schedule": lambda: cr.Adam(learning_rate=theirs),
        "mode": lambda: cr.EarlyStopping(mode=theirs),
    }
    return _said(calls[where])


def _end(loss: str) -> list[str]:
    """Return the last activation that a loss of such a name goes with."""
    name = loss.casefold()
    if "logit" in name or ("loss" in name and "bce" not in name):
        return []
    if "categorical" in name:
        return ["softmax"]
    return ["sigmoid"] if "binary" in name or "bce" in name else []
