"""Checks at the door: each returns what it was given, in the form the code behind it wants, or raises."""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, cast

from chainrule.errors import ArgumentError, InputError, nearest
from chainrule.words import part_named

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

# Keywords of other libraries -> ours, wherever there is one of that name.
_OURS = {
    **dict.fromkeys(("lr", "rate", "step_size", "learning_rate_init", "eta"), "learning_rate"),
    **dict.fromkeys(("n_epochs", "num_epochs", "nb_epoch", "max_iter", "iterations", "epoch"), "epochs"),
    **dict.fromkeys(("batch", "batchsize", "minibatch", "minibatch_size"), "batch_size"),
    **dict.fromkeys(("outputs", "out_features", "output_dim", "neurons", "size", "nO"), "units"),
    **dict.fromkeys(("in_features", "input_dim", "input_shape", "input_size", "features", "nI"), "inputs"),
    **dict.fromkeys(("bias", "fit_intercept"), "use_bias"),
    **dict.fromkeys(("kernel_initializer", "init", "weight_init"), "initializer"),
    **dict.fromkeys(("kernel_regularizer", "weight_decay", "alpha", "reg"), "l2"),
    **dict.fromkeys(("p", "prob", "probability", "drop"), "rate"),
    **dict.fromkeys(("eps", "eps_root"), "epsilon"),
    **dict.fromkeys(("beta1", "b1"), "beta_1"),
    **dict.fromkeys(("beta2", "b2"), "beta_2"),
    **dict.fromkeys(("n", "count", "n_samples", "num_samples", "size"), "samples"),
    **dict.fromkeys(("random_state", "random_seed", "rng"), "seed"),
    **dict.fromkeys(("validation", "val_data", "eval_set"), "validation_data"),
    **dict.fromkeys(("val_split", "validation_fraction"), "validation_split"),
    **dict.fromkeys(("weights", "sample_weights"), "sample_weight"),
    **dict.fromkeys(("filename", "file", "filepath"), "path"),
    **dict.fromkeys(("clipnorm", "max_norm", "grad_clip"), "clip_norm"),
    **dict.fromkeys(("criterion", "loss_function", "objective"), "loss"),
}
# Keywords -> where they belong, where the callable has none of that name.
_ELSEWHERE = {
    "activation": "Write the activation as a layer of its own: [cr.Dense(8), cr.Tanh(), cr.Dense(1)]",
    "dropout": "Write dropout as a layer of its own: [cr.Dense(8), cr.Tanh(), cr.Dropout(0.2), cr.Dense(1)]",
    "learning_rate": "It belongs to the optimizer: cr.Network(layers, optimizer=cr.Adam(learning_rate=0.01))",
    "momentum": "It belongs to cr.SGD(momentum=0.9): cr.Network(layers, optimizer=cr.SGD(0.1, momentum=0.9))",
    "optimizer": "It belongs to the network: cr.Network(layers, optimizer=cr.Adam())",
    "loss": "It belongs to the network: cr.Network(layers, loss=cr.MeanSquaredError())",
    "l2": "It belongs to the network: cr.Network(layers, l2=0.001)",
    "seed": "It belongs to the network: cr.Network(layers, seed=0)",
    "engine": "It belongs to the network: cr.Network(layers, engine='compiled')",
    "dynamic": "Write engine='dynamic'",
    "compiled": "Write engine='compiled'",
    "clip_norm": "It belongs to the optimizer: cr.Network(layers, optimizer=cr.Adam(clip_norm=1.0))",
    "epochs": "It belongs to training: cr.train(network, X, y, epochs=100)",
    "batch_size": "It belongs to training: cr.train(network, X, y, batch_size=32)",
    "metrics": "They belong to training: cr.train(network, X, y, metrics=['accuracy'])",
    "callbacks": "They belong to training: cr.train(network, X, y, callbacks=[cr.EarlyStopping()])",
    "validation_data": "It belongs to training: cr.train(network, X, y, validation_data=(X_val, y_val))",
    "validation_split": "It belongs to training: cr.train(network, X, y, validation_split=0.1)",
    "patience": "Pass callbacks=[cr.EarlyStopping(patience=10)] to cr.train",
    "early_stopping": "Pass callbacks=[cr.EarlyStopping(patience=10)] to cr.train",
    "verbose": "Leave it out: nothing is printed. To see epochs as they end, pass callbacks=[lambda training, epoch: "
    "print(epoch)] to cr.train",
    "device": "Leave it out: everything runs on the processor",
}


def keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that refuses arguments that it can't take by an error that says which it does.

    >>> @keywords
    ... def train(network, *, epochs=100): ...
    >>> train(None, n_epochs=3)
    Traceback (most recent call last):
    chainrule.errors.ArgumentError: train: got n_epochs=3, but expected network, epochs. Write epochs=...
    """

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError:
            made = function.__name__ == "__init__"
            expect_arguments(function, args, kwargs, type(args[0]).__name__ if made else function.__qualname__)
            raise

    return called


def _nothing() -> None:
    """Take nothing."""


def expect_keywords(function: Callable[..., Any], given: Mapping[str, Any], where: str) -> None:
    """Raise if a function doesn't take one of these keywords."""
    if function is object.__init__:  # that of a class without one of its own
        function = _nothing
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"]
    expect_known(where, given, known)


def expect_arguments(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], where: str) -> None:
    """Raise if a function can't be called so: with a keyword or an argument too many, or without one that it needs.

    `args` begin with ``self`` where the function does.
    """
    expect_keywords(function, kwargs, where)
    if function is object.__init__:
        return
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        pass
    else:  # it could, and what went wrong is inside of it
        return
    names = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    told = {*names[: len(args)], *kwargs}
    missing = [p.name for p in signature.parameters.values() if p.default is p.empty and p.name not in told]
    of_self = int(names[:1] == ["self"])
    if missing:
        raise ArgumentError(
            where,
            given=f"no {' and no '.join(missing)}",
            expected=f"it: {where}({_written(signature)})",
            fix=f"Pass {', '.join(f'{name}=…' for name in missing)}",
            cause="argument.missing",
        ) from None
    by_keyword = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    raise ArgumentError(
        where,
        given=f"{len(args) - of_self} arguments without a keyword, the last one {_told(args[-1]):.60}",
        expected=f"at most {len(names) - of_self}: {', '.join(names[of_self:])}",
        fix=f"Write the name before the value: {', '.join(f'{name}=…' for name in by_keyword[:8])}"
        if by_keyword
        else "Leave out the rest",
    ) from None


def _written(signature: inspect.Signature) -> str:
    """Return a signature in short: what is needed, and that there is more."""
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return ", ".join(needed) + (", …" if len(parameters) > len(needed) else "")


def expect_known(where: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise if one of these keywords is none of the known ones."""
    for name, value in given.items():
        if name not in known:
            ours = _OURS.get(name, name)
            raise ArgumentError(
                where,
                given=f"{name}={_told(value):.60}",
                expected=", ".join(known) or "no keywords",
                fix=f"Write {ours}=…" if ours in known else _ELSEWHERE.get(ours) or nearest(name, known),
            ) from None


def number(
    where: str,
    value: Any,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    least: float = -math.inf,
    most: float = math.inf,
    like: float = 0.01,
) -> float:
    """Return `value` as a finite float with above < value < below and least <= value <= most."""
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if math.isfinite(result) and above < result < below and least <= result <= most:
        return result
    bounds = []
    if above > -math.inf:
        bounds.append(f"above {above:g}")
    if least > -math.inf:
        bounds.append(f"of at least {least:g}")
    if below < math.inf:
        bounds.append(f"below {below:g}")
    if most < math.inf:
        bounds.append(f"of at most {most:g}")
    expected = "a finite number" + (" " + " and ".join(bounds) if bounds else "")
    raise InputError(where, given=_told(value), expected=expected, fix=f"Pass for example {like:g}")


def whole(where: str, value: Any, *, least: int = 1, most: int = 2**31 - 1) -> int:
    """Return `value` as an int with least <= value <= most."""
    try:
        if isinstance(value, bool):
            raise TypeError
        result = operator.index(value)
    except TypeError:
        result = least - 1
    if least <= result <= most:
        return result
    raise InputError(
        where,
        given=_told(value),
        expected=f"a whole number from {least} to {most}",
        fix=f"Pass for example {max(least, 1)}",
    )


def one_of(where: str, value: Any, known: Iterable[str]) -> str:
    """Return `value` if it is one of the known names."""
    names = list(known)
    if isinstance(value, str) and value in names:
        return value
    text = value if isinstance(value, str) else ""
    raise InputError(where, given=_told(value), expected="one of the known names", fix=nearest(text, names))


def instance(where: str, value: Any, kind: type | tuple[type, ...], like: str) -> Any:
    """Return `value` if it is an instance (not the class itself) of `kind`."""
    if isinstance(value, kind):
        return value
    if isinstance(value, type):
        given = f"the class {value.__name__} itself"
    elif callable(value) and hasattr(value, "__name__"):
        given = f"the function {value.__name__}"
    else:
        given = _told(value)[:80]
    raise InputError(where, given=given, expected=f"something like {like}", fix=f"Pass {like}")


def part(where: str, value: Any, kind: type[T], known: Mapping[str, type[Any]], like: str) -> T:
    """Return `value` if it is such a part, or the one of the `known` classes that its name stands for, in any spelling.

    >>> from chainrule.ops import Op, Tanh
    >>> part("Dense activation", "tanh", Op, {"Tanh": Tanh}, "cr.Tanh()")
    Tanh()
    """
    if not isinstance(value, str):
        return cast(T, instance(where, value, kind, like))
    found: T | None = part_named(value, known)
    if found is not None:
        return found
    raise InputError(
        where, given=f"{value!r:.80}", expected=f"the name of one that it knows, or {like}", fix=nearest(value, known)
    )


def _told(value: Any) -> str:
    """Return what was given, for a message."""
    try:
        return repr(value)
    except ValueError:  # Python doesn't write whole numbers of more than 4,300 digits
        return f"{type(value).__name__} that is too long to be written"
