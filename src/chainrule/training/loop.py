"""The training loop: a function over a network, so that another routine can take its place.

The same in ten lines of your own::

    for epoch in range(epochs):
        for x, y in cr.data.batches(X, Y, batch_size, generator=generator):
            network.forward(x, y)
            network.backward()
            network.optimize()
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from chainrule import checks
from chainrule.errors import InputError
from chainrule.nn import validation
from chainrule.nn.network import Network
from chainrule.training.callbacks import Callback
from chainrule.training.history import History
from chainrule.training.metrics import Metric
from chainrule.training.source import ArraySource, Augment, IterableSource, Source, held_out, weighted_by_class
from chainrule.training.training import AfterEpoch, Training
from chainrule.training.warned import warn_of_targets


def train(
    network: Network,
    X: Any,
    y: Any = None,
    *,
    epochs: int = 100,
    batch_size: int | None = 32,
    validation_data: Sequence[Any] | None = None,
    validation_split: float = 0.0,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | Sequence[float] | str | None = None,
    metrics: Sequence[str | Metric] | str | Metric | None = (),
    callbacks: Sequence[Callback | AfterEpoch] | Callback | AfterEpoch | None = (),
    keep: str | None = None,
    monitor: str = "loss",
    shuffle: bool = True,
    augment: Augment | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> History:
    """Train a network.

    Parameters
    ----------
    network : Network
        It is changed in place. Training it again goes on from where it is.
    X : array_like, (samples, features), or iterable of batches
        The samples; an array mapped from a file is read batch by batch. Or anything that can be iterated once an
        epoch and gives (x, y) or (x, y, sample_weight); `y` is left out then.
    y : array_like
        Targets (samples, outputs), or class indices (samples,).
    epochs : int, default 100
        Passes over the data.
    batch_size : int or None, default 32
        Samples a step: 1 is per-sample training; None takes all of them at once.
    validation_data : (X, y) or (X, y, sample_weight), optional
        Measured after each epoch, never trained on.
    validation_split : float, default 0
        The share of the samples to hold out for that, chosen by the network's seed. Of samples mapped from a file
        these alone are copied into memory.
    sample_weight : array_like, (samples,), optional
        How much each sample counts.
    class_weight : mapping of class index to float, or "balanced", optional
        How much each class counts; "balanced" lets all classes count the same.
    metrics : sequence of str or function, optional
        Measured after each epoch on the validation data, or on the training data where there are none.
    callbacks : sequence of Callback or function, optional
        Functions are called with (training, epoch) after each epoch.
    keep : {"best", "last"}, optional
        Which parameters the network has in the end, whatever ended training; the history holds both. Left out:
        "best" where there are validation data, else "last".
    monitor : str, default "loss"
        What "best" means: the smallest loss on the validation data (on the training data where there are none), or
        a metric's name. Metrics that grow with quality (``accuracy``, ``r2``, ``min_confidence``) are maximised.
    shuffle : bool, default True
        Take the samples in a new random order each epoch.
    augment : function of (samples, generator), optional
        Called with each batch before it is trained on, returns what to train on instead; measured is on the samples
        as they are. ``cr.data.RandomAffine()`` turns, shifts and scales images.
    resume : path, optional
        A file of `cr.Checkpoint`, to go on from with the same network, data and settings as if training had never
        been stopped. Another learning rate of the optimizer wins over the one before; so does another number of
        epochs.

    Returns
    -------
    History

    Raises
    ------
    InputError
        If the data don't fit the network, or a setting is out of range.
    MisuseError
        If another thread is training the network, or one of its own callbacks wants to train it.
    NonFiniteError
        If a loss or a gradient is NaN or infinite, before it could spoil the weights; `history` is on the error.

    Warns
    -----
    TrainingWarning
        Of targets that the last layer can never give, or that are too large, or spread too far, to be learnt in few
        steps.

    Notes
    -----
    Ctrl-C ends training after the current step and returns what was learnt; a second one stops at once.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> network = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], optimizer=cr.Adam(learning_rate=0.05))
    >>> history = cr.train(network, X, y, epochs=500, batch_size=None)
    >>> cr.classify(network, X)
    array([0, 1, 1, 0])
    """
    training = Training(
        network,
        epochs=epochs,
        metrics=metrics,
        callbacks=callbacks,
        keep=keep,
        monitor=monitor,
    )
    with network.hold.training("train"):
        restored = None
        if resume is not None:
            from chainrule.training.checkpoint import restored_into  # it reads files, which most trainings don't

            restored = restored_into(training, resume)
        size = None if batch_size is None else checks.whole("train batch_size", batch_size)
        if y is None:
            source: Source = IterableSource(network, X)
            for name, value, instead in (
                ("sample_weight", sample_weight, "Let the iterable give (x, y, sample_weight)"),
                ("class_weight", class_weight, "Let the iterable give (x, y, sample_weight)"),
                ("validation_split", validation_split or None, "Pass validation_data=(X, y)"),
                ("augment", augment, "Let the iterable change its batches"),
            ):
                if value is not None:
                    raise InputError(
                        "train", given=f"{name} with an iterable of batches", expected="arrays X and y", fix=instead
                    )
        else:
            x, target, weights = network.as_batch("train", X, y, sample_weight, mapped=True)
            validation.finite("train", "X", x)
            validation.finite("train", "y", target)
            network.check_targets("train", target)
            warn_of_targets(network, target, weights)
            weights = weighted_by_class(network, target, weights, class_weight)
            rows = None
            share = checks.number("train validation_split", validation_split, least=0, below=1, like=0.1)
            if share:
                if validation_data is not None:
                    raise InputError(
                        "train",
                        given="validation_data and validation_split",
                        expected="one of them",
                        fix="Leave validation_split out",
                    )
                (x, target, weights), rows, validation_data = held_out(network, x, target, weights, share)
            generator = network.generators["shuffle"] if shuffle else None
            source = ArraySource(network, (x, target, weights), size, generator, augment, rows)
        training.run(source, validation_data, restored)
    return training.history
