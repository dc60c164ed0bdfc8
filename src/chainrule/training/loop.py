"""`train`: goes through the events of a training until it ends. Another routine can take its place.

The same in ten lines of your own::

    batches = cr.data.batches(X, y, batch_size)
    for epoch in range(epochs):
        for x, y in batches:
            network.compute_loss(x, y)
            network.backward()
            network.optimize()
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from signal import SIGINT

import numpy.typing as npt

from chainrule import checks
from chainrule.data.dataset import Dataset
from chainrule.nn.network import Network
from chainrule.ops.op import Samples
from chainrule.training.augmenting import Augment
from chainrule.training.events import INTERRUPTED, Callbacks, Training
from chainrule.training.history import History
from chainrule.training.interrupt import on_signal
from chainrule.training.metrics import Metrics
from chainrule.training.progress import Verbose, as_verbose, watching


@checks.keywords_and(train_data="X", true_data="y")
def train(
    network: Network,
    X: Samples | Dataset | Iterable[Sequence[npt.ArrayLike]],
    y: Samples | None = None,
    *,
    epochs: int = 100,
    batch_size: int | None = 32,
    gradient_accumulation_steps: int = 1,
    validation_data: Dataset | Sequence[Samples | None] | None = None,
    validation_split: float = 0.0,
    sample_weight: npt.ArrayLike | None = None,
    class_weight: Mapping[int, float] | Sequence[float] | str | None = None,
    metrics: Metrics | None = (),
    callbacks: Callbacks | None = (),
    keep: str | None = None,
    monitor: str | None = None,
    shuffle: bool = True,
    augment: Augment | None = None,
    resume: str | os.PathLike[str] | None = None,
    verbose: bool | int | None = None,
) -> History:
    """Train a network.

    Parameters
    ----------
    network : Network
        It is changed in place. Training it again goes on from where it is.
    X : array_like, (samples, features), or data set, or iterable of batches
        The samples, also a frame; an array mapped from a file is read once in search of gaps, and then batch by batch.
        Or samples and targets together, such as ``cr.data.digits("train")``. Or anything that can be iterated once an
        epoch and gives (x, y) or (x, y, sample_weight). `y` is left out with both.
    y : array_like
        Targets (samples, outputs), or class indices (samples,). Of several heads a mapping of name to targets.
    epochs : int, default 100
        Passes over the data.
    batch_size : int or None, default 32
        Samples a batch: 1 is per-sample training; None takes all of them at once.
    gradient_accumulation_steps : int, default 1
        How many batches a step of the optimizer has. Their gradients are averaged, each batch weighing what its
        samples do, so that the step is that of one batch as large, in the memory of a small one. Steps end with the
        epoch.
    validation_data : data set, (X, y) or (X, y, sample_weight), optional
        Measured after each epoch, never trained on.
    validation_split : float, default 0
        The share of the samples to hold out for that, chosen by the network's seed. Of samples mapped from a file
        these alone are copied into memory.
    sample_weight : array_like, (samples,), optional
        How much each sample counts.
    class_weight : mapping of class index to float, or "balanced", optional
        How much each class counts in training; "balanced" lets all count the same. The validation loss has no part in
        it. Of several heads there is none.
    metrics : sequence of str or function, optional
        Measured after each epoch, with the weights of its end: on the training data, as ``history["accuracy"]``, and
        on the validation data, as ``history["validation_accuracy"]``. Names, such as ``"accuracy"``; ask for
        ``"validation_accuracy"`` to save the pass over the training data. Or functions of (prediction, target) or of
        (y_true, y_pred), told apart by these names, that return a number or an array. Those of ``sklearn.metrics``
        are given classes where they take classes, else what `predict` gives. Of several heads a mapping of name to
        metrics, whose figures are called ``"kind_accuracy"``, beside their losses, ``"kind_loss"``.
    callbacks : sequence of Callback or function, optional
        Functions are called with (training, epoch) after each epoch.
    keep : {"best", "last"}, optional
        Which parameters the network has in the end, whatever ended training; the history holds both. Left out:
        "best" where there are validation data, else "last".
    monitor : str, optional
        What "best" means: a column of the history, such as ``"validation_accuracy"``. Left out: the smallest loss on
        the validation data, or on the training data where there are none. Metrics that grow with quality are
        maximised: ``r2``, ``f1``, ``precision``, ``recall``, ``roc_auc``, ``average_precision``, ``min_confidence``,
        and names that end in ``accuracy`` or ``_score``.
    shuffle : bool, default True
        Take the samples in a new random order each epoch.
    augment : function of (x, generator) or of (x, y, generator), optional
        Called with each batch before it is trained on, returns what to train on instead, x or (x, y); measured is on
        the samples as they are. It gets class indices as one-hot rows. One that has a parameter `sample_weight` gets
        and returns the weights too; else each stays with its row. ``cr.data.RandomAffine()`` turns, shifts and scales
        images, ``cr.data.Mixup()`` mixes samples and targets.
    resume : path, optional
        A file of `cr.Checkpoint`, to go on from with the same network, data and settings as if training had never
        been stopped. Another learning rate of the optimizer wins over the one before; so does another number of
        epochs.
    verbose : bool, int or None, optional
        True or 1 shows a bar with the epoch, the figures after the last one, the speed and the time that is left; 2
        prints a line an epoch; False or 0 shows nothing. Left out: a bar where somebody looks, which is on a terminal
        and in a notebook, and nothing elsewhere.

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
    shown = as_verbose(verbose)
    training = Training(
        network,
        X,
        y,
        epochs=epochs,
        batch_size=batch_size,
        gradient_accumulation_steps=gradient_accumulation_steps,
        validation_data=validation_data,
        validation_split=validation_split,
        sample_weight=sample_weight,
        class_weight=class_weight,
        metrics=metrics,
        callbacks=callbacks,
        keep=keep,
        monitor=monitor,
        shuffle=shuffle,
        augment=augment,
        resume=resume,
    )
    training.history.call["verbose"] = verbose
    return go_through(training, shown, stacklevel=4)


def go_through(training: Training, verbose: Verbose, *, stacklevel: int, lasting: bool = True) -> History:
    """Train to the end, showing it; Ctrl-C ends it after the current step.

    Parameters
    ----------
    training : Training
    verbose, lasting
        As `watching` takes them.
    stacklevel : int
        Of warnings: whoever called the function that the user called, counted from here.
    """
    with on_signal(SIGINT, lambda: training.stop(INTERRUPTED)), watching(training, verbose, lasting=lasting) as watches:
        for event in training.events():
            if event.warning is not None:
                warnings.warn(event.warning, stacklevel=stacklevel)
            for watch in watches:
                watch(event)
    return training.history
