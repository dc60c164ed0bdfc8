"""Estimators of any network: it is a description from which each fit makes its own, so searches can vary all of it."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.metaestimators import available_if

from chainrule.data import one_hot
from chainrule.errors import InputError, MisuseError
from chainrule.nn import Network
from chainrule.ops import Sigmoid, Softmax
from chainrule.ops.losses import ElementwiseLoss
from chainrule.ops.op import Array
from chainrule.sklearn.base import NetworkEstimator, expect_steady, new_seed, without_data
from chainrule.sklearn.class_labels import ClassLabels
from chainrule.sklearn.inputs import Matrix, RandomState, class_factors
from chainrule.sklearn.nested import (
    PREFIX,
    arguments_of,
    changed,
    expect_settings,
    nested,
    takes_anything,
    unknown,
)
from chainrule.sklearn.quantities import Quantities
from chainrule.training import predict, train
from chainrule.training.augmenting import Augment
from chainrule.training.evaluate import probabilities
from chainrule.training.events import Callbacks
from chainrule.training.metrics import Metrics

_REDRAWN = {"layers", "seed", "dtype", "inputs"}  # settings with which a network starts from other numbers


class AnyNetwork(NetworkEstimator):
    """Base of `Classifier` and `Regressor`."""

    network: Network | Callable[..., Network] | None
    epochs: int
    batch_size: int | None
    validation_split: float
    class_weight: Mapping[Any, float] | str | None = None
    metrics: Metrics
    callbacks: Callbacks
    keep: str | None
    monitor: str | None
    shuffle: bool
    augment: Augment | None
    verbose: bool | int
    warm_start: bool
    random_state: RandomState
    accepts: ClassVar[dict[str, Any]] = {"allow_nd": True}
    _made_of: tuple[Any, str]

    def _wanted(self) -> int:
        """Return how many classes, or quantities, there are: what a function that makes the network is told."""
        raise NotImplementedError

    def _fitting(self, network: Network) -> Network:
        """Return a network that can learn these targets, or raise."""
        raise NotImplementedError

    def _index_weights(self) -> Any:
        """Return the weights of classes as `train` takes them."""
        return None

    def _store(self, given: dict[str, Any]) -> None:
        super()._store(given)
        for name, value in given["network__settings"].items():
            if not name.startswith(PREFIX):
                raise unknown(type(self).__name__, name, value, self._get_param_names())
            setattr(self, name, value)

    def _network_settings(self) -> dict[str, Any]:
        """Return what was set for the network, by name without ``network__``."""
        return {name.removeprefix(PREFIX): value for name, value in vars(self).items() if name.startswith(PREFIX)}

    def _own_settings(self) -> dict[str, Any]:
        """Return what the network, or the function that makes it, has itself."""
        return nested(self.network) if isinstance(self.network, Network) else arguments_of(self.network)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; with `deep` the settings of the network too, as ``network__optimizer``."""
        inside = self._network_settings()
        if deep and isinstance(self.network, Network):
            inside = nested(self.network, inside)
        elif deep:
            inside = {**arguments_of(self.network), **inside}
        own = {name: getattr(self, name) for name in self._get_param_names()}
        return own | {f"{PREFIX}{name}": value for name, value in inside.items()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, and settings of the network, as ``network__optimizer`` or ``network__layers``.

        The network itself is not changed: what is set for it wins, at each fit, over what it has.
        """
        own = self._get_param_names()
        for name in params:
            if name not in own and not name.startswith(PREFIX):
                raise unknown(type(self).__name__, name, params[name], own)
        for name, value in params.items():
            setattr(self, name, value)
        there = self._own_settings()
        for name, value in params.items():
            inside = name.removeprefix(PREFIX)
            if inside != name and inside in there and there[inside] is value:
                delattr(self, name)  # it has that anyway
        self._expect_settings()
        return self

    def _expect_settings(self) -> None:
        """Raise if something was set that the network, or the function that makes it, doesn't have."""
        settings = self._network_settings()
        if isinstance(self.network, Network):
            expect_settings("network", self.network, settings)
        elif callable(self.network) and not takes_anything(self.network):
            known = [f"{PREFIX}{name}" for name in arguments_of(self.network)]
            for name, value in settings.items():
                if f"{PREFIX}{name}" not in known:
                    raise unknown(type(self).__name__, f"{PREFIX}{name}", value, known)

    def fit(
        self,
        X: Matrix,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        X_val: Matrix | None = None,
        y_val: npt.ArrayLike | None = None,
        sample_weight_val: npt.ArrayLike | None = None,
    ) -> Self:
        """Train a new network on samples; with `warm_start`, the one that there is.

        Parameters
        ----------
        X : array or data frame, (samples, features), or (samples, …) as the network takes them
        y : array, (samples,) or (samples, outputs)
            Labels of any kind, or quantities.
        sample_weight : array, (samples,), optional
        X_val, y_val, sample_weight_val : the same for samples to validate on, optional
            Measured after each epoch, never trained on.

        Returns
        -------
        self
        """
        with self._training("fit"):
            goes_on = bool(self.warm_start) and hasattr(self, "network_")
            labels = "all" if goes_on else "new"
            return self._learn(X, y, sample_weight, (X_val, y_val, sample_weight_val), labels, goes_on=goes_on)

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any, Any],
        labels: str,
        *,
        goes_on: bool,
        epochs: int | None = None,
    ) -> Self:
        self._expect_settings()
        X, y = self._validated(X, y, reset=not goes_on, dtype="numeric")
        weights = None
        if sample_weight is not None:
            X, y, weights = self._weighted(X, y, sample_weight)
        if not goes_on:
            self.__dict__.pop("network_", None)  # if this one can't be made, there is none
        y = self._known(y, labels)
        made_of = (
            repr(self.network) if isinstance(self.network, Network) else self.network,
            repr(self._network_settings()),
        )
        network = self.network_ if goes_on else self._fitting(self._described(X.shape[1:]))
        if epochs is not None:
            expect_steady(f"{type(self).__name__}.partial_fit", network.optimizer)
        if not goes_on:
            self.network_, self._made_of = network, made_of
        elif made_of != self._made_of:
            raise MisuseError(
                type(self).__name__,
                given="another network, or other settings of it, than in the fit before",
                expected="the same, to go on from there",
                fix="Pass warm_start=False, or train a new estimator",
            )
        held_out = self._validation(*validation, dtype="numeric")
        history = train(
            self.network_,
            X,
            self._encoded(y),
            epochs=self.epochs if epochs is None else epochs,
            batch_size=self.batch_size,
            validation_data=None if held_out is None else [part for part in held_out if part is not None],
            validation_split=self.validation_split,
            sample_weight=weights,
            class_weight=self._index_weights(),
            metrics=self.metrics,
            callbacks=self.callbacks,
            keep=self.keep,
            monitor=self.monitor,
            shuffle=self.shuffle,
            augment=self.augment,
            verbose=self.verbose,
        )
        self.history_ = without_data(history)
        return self

    def _described(self, shape: tuple[int, ...]) -> Network:
        """Return a new network, built for samples of this shape."""
        where, settings = type(self).__name__, self._network_settings()
        if isinstance(self.network, Network):
            network, redrawn = self.network, _REDRAWN & {name.partition("__")[0] for name in settings}
            if redrawn and _was_written_to(network):
                raise _redrawn(where, f"{PREFIX}{min(redrawn)}")
            network = changed(network, settings)
        else:
            network = self._made(where, shape, copy.deepcopy(settings)).fresh()
        if self.random_state is not None:
            if _was_written_to(network):
                raise _redrawn(where, "random_state")
            network = network.fresh(seed=new_seed(self.random_state))
        if network.built and network.sample_shape != shape:
            raise InputError(
                where,
                given=f"a network that is built for samples of shape {network.sample_shape}",
                expected=f"{shape}, as X has, or one that is not built yet",
                fix="Make it without inputs, and don't train it before: each fit builds its own for the features of X",
            )
        first = network.heads[0].name
        fix = f"Pass one of them, network.head({first!r}), and fit an estimator for each target"
        network.only_head(where, fix)
        network.build(shape)
        if len(network.output_shape) != 1:
            raise InputError(
                where,
                given=f"a network with outputs of shape {network.output_shape} for a sample",
                expected="a row of outputs for each sample",
                fix="Put cr.Flatten() before the first cr.Dense(…)",
            )
        return network

    def _made(self, where: str, shape: tuple[int, ...], settings: dict[str, Any]) -> Network:
        """Return what the function makes."""
        make: Any = self.network
        if inspect.isroutine(make) and _sizes_are_settings(make):
            raise InputError(
                where,
                given=f"network={make.__name__}, whose first arguments have defaults",
                expected="a function that is called with the numbers of features and outputs first",
                fix=f"Write def {make.__name__}(n_features, {self._wanted_name}, …), or pass network={make.__name__}()",
            )
        features = shape[0] if len(shape) == 1 else shape
        try:
            inspect.signature(make).bind(features, self._wanted(), **settings)
        except TypeError as error:
            raise InputError(
                where,
                given=f"network={make!r:.80}" + (f", which can't be called so ({error})" if callable(make) else ""),
                expected="a cr.Network, or a function of features, outputs and settings that returns one",
                fix=f"Pass cr.Network([…]), or write def make(n_features, {self._wanted_name}, width=16): …",
            ) from None
        network = make(features, self._wanted(), **settings)
        if not isinstance(network, Network):
            raise InputError(
                where,
                given=f"{network!r:.60} from the function that is to make the network",
                expected="a cr.Network",
                fix="Return cr.Network([…])",
            )
        return network

    _wanted_name = "n_outputs"

    def _outputs(self, X: Any) -> Array:
        samples = self._samples(X, "numeric")
        return probabilities(self.network_, predict(self.network_, samples))


def _sizes_are_settings(make: Any) -> bool:
    """Return whether the first two arguments of a function have defaults: sizes would be taken for settings."""
    first = [p for p in inspect.signature(make).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][:2]
    return len(first) == 2 and all(p.default is not p.empty for p in first)


def _may_give_probabilities(model: Any) -> bool:
    """Return whether a classifier gives probabilities, as far as is known: before a fit it may."""
    return not hasattr(model, "network_") or _gives_probabilities(model.network_)


class Classifier(ClassLabels, AnyNetwork):
    """A classifier around any network: any layers, loss, optimizer and schedule.

    The network is a description: each `fit` trains one of its own, `network_`, which begins where the description was
    before its first step. So scikit-learn can clone the estimator and search over every part of it.

    Parameters
    ----------
    network : Network, or function of (n_features, n_classes, …) that returns one
        Its last layer fits the classes: ``cr.Dense(classes), cr.Softmax()``; for two also ``cr.Dense(1),
        cr.Sigmoid()``; for several labels a sample ``cr.Dense(labels), cr.Sigmoid()``. A function is told how many
        there are; its further arguments are settings.
    epochs, batch_size, validation_split, metrics, callbacks, keep, monitor, shuffle, augment
        As `chainrule.train` takes them.
    verbose : bool or int, default False
        The same, but nothing is shown where it is left out: a search fits hundreds of times.
    class_weight : mapping of label to float, or "balanced", optional
        How much each class counts in training; a label that is left out counts 1.
    warm_start : bool, default False
        Let `fit` go on from the fit before.
    random_state : int, RandomState, Generator or None
        For the starting weights, the order of the samples, and dropout. None: the network's own seed decides, so
        that each fit is the same.
    **network__settings
        Settings of the network that win over its own: ``network__optimizer=cr.SGD(0.1)``,
        ``network__optimizer__learning_rate=0.1``, ``network__layers=[…]``; or arguments of the function,
        ``network__width=8``. Searches name them the same way.

    Attributes
    ----------
    classes_ : array, (classes,)
    network_ : chainrule.Network
        The trained network, for summaries, hidden values, gradients, explanations and saving.
    history_ : chainrule.History
        The last fit, epoch by epoch.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Raises
    ------
    InputError
        If the network's outputs don't fit the classes, or a setting or the data can't be used.

    Examples
    --------
    >>> import chainrule as cr
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> network = cr.Network([cr.Rescale.standard(X), cr.Dense(8), cr.Tanh(), cr.Dense(3), cr.Softmax()])
    >>> model = Classifier(network, epochs=50, network__optimizer=cr.Adam(0.02)).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    _wanted_name = "n_classes"

    def __init__(
        self,
        network: Network | Callable[..., Network] | None = None,
        *,
        epochs: int = 100,
        batch_size: int | None = 32,
        validation_split: float = 0.0,
        class_weight: Mapping[Any, float] | str | None = None,
        metrics: Metrics = (),
        callbacks: Callbacks = (),
        keep: str | None = None,
        monitor: str | None = None,
        shuffle: bool = True,
        augment: Augment | None = None,
        verbose: bool | int = False,
        warm_start: bool = False,
        random_state: RandomState = None,
        **network__settings: Any,
    ) -> None:
        self._store(locals())

    def partial_fit(
        self,
        X: Matrix,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        classes: npt.ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch, going on from where the network is.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array, (classes,)
            All labels that will ever come; needed in the first call.

        Returns
        -------
        self
        """
        with self._training("partial_fit"):
            goes_on = hasattr(self, "network_")
            if not goes_on or classes is not None:
                self._meet_classes(y, classes, goes_on)
            return self._learn(X, y, sample_weight, (None, None, None), "some", goes_on=goes_on, epochs=1)

    @available_if(_may_give_probabilities)  # type: ignore[untyped-decorator]  # scikit-learn has no types
    def predict_proba(self, X: Matrix) -> Array:
        """Return the probability of each class, (samples, classes), in the order of `classes_`.

        There is none where the network gives no probabilities: it ends neither in softmax nor in sigmoid.
        """
        return super().predict_proba(X)

    def _wanted(self) -> int:
        return len(self.classes_)

    def _fitting(self, network: Network) -> Network:
        where, count, (outputs,) = type(self).__name__, len(self.classes_), network.output_shape
        aim, last = network.objective, network.layers[-1]
        several = self._head == "multilabel"
        end = "cr.Sigmoid()" if several else "cr.Softmax()"
        if several and aim.takes_labels:
            raise InputError(
                where,
                given=f"y with several labels a sample, for a network that chooses one: {last!r:.40}, {aim.loss!r:.40}",
                expected="a yes or no for each label",
                fix=f"End the network with cr.Dense({count}), cr.Sigmoid(), and leave its loss out",
            )
        if not (outputs == count or (outputs == 1 and count == 2 and not several)):
            names = "labels" if several else "classes"
            raise InputError(
                where,
                given=f"a network with {_counted(outputs)} for {count} {names}",
                expected=f"{count} outputs" + (", or one" if count == 2 and not several else ""),
                fix=f"End it with cr.Dense({count}), {end}, or pass a function that makes it: (n_features, n_classes)",
            )
        quantity = isinstance(aim.loss, ElementwiseLoss) and not aim.binary
        if quantity and aim.reach is not None and math.isinf(aim.reach[1] - aim.reach[0]):
            raise InputError(
                where,
                given=f"a network for quantities, with {aim.loss!r:.40} after {last!r:.40}, which gives any number",
                expected="probabilities of classes",
                fix=f"End it with cr.Dense({count}), {end}, and leave its loss out; for quantities take Regressor",
            )
        if not several:
            self._head = "binary" if outputs == 1 else "multiclass"
        return self._named(where, network)

    def _named(self, where: str, network: Network) -> Network:
        """Return the network with the names of the classes."""
        names = self._class_names()
        numbered = np.array_equal(self.classes_, np.arange(len(self.classes_)))
        if names is None or (network.classes is not None and numbered):
            return network
        if network.classes is not None and set(network.classes) != set(names):
            raise InputError(
                where,
                given=f"a network with the classes {', '.join(network.classes):.200}",
                expected=f"those of y: {', '.join(names):.200}",
                fix="Leave classes out: they are taken from y",
            )
        return network.fresh(classes=names)

    def _encoded(self, y: Array) -> Array:
        target = super()._encoded(y)
        if self._head == "multiclass" and not self.network_.objective.takes_labels:
            return one_hot(target, len(self.classes_))
        return target

    def _index_weights(self) -> Any:
        if self.class_weight is None:
            return None
        self._expect_one_label()
        if isinstance(self.class_weight, str):
            return self.class_weight
        return dict(enumerate(class_factors(type(self).__name__, self.class_weight, self.classes_).tolist()))


class Regressor(Quantities, AnyNetwork):
    """A regressor around any network: any layers, loss, optimizer and schedule.

    The parameters are those of `Classifier`, without its `class_weight`; the network's last layer has an output for
    each quantity, and a function that makes the network is told (n_features, n_outputs). Targets are learnt as they
    are, unless the network ends in ``cr.Unscale.standard(y)``, or scikit-learn's ``TransformedTargetRegressor`` scales
    them.

    Attributes
    ----------
    network_ : chainrule.Network
        The trained network, for summaries, hidden values, gradients, explanations and saving.
    history_ : chainrule.History
        The last fit, epoch by epoch.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Raises
    ------
    InputError
        If the network's outputs don't fit the targets, or a setting or the data can't be used.

    Examples
    --------
    >>> import chainrule as cr
    >>> X = np.linspace(-1, 1, 100).reshape(-1, 1)
    >>> network = cr.Network([cr.Dense(16), cr.Tanh(), cr.Dense(1)], loss=cr.Huber(), optimizer=cr.Adam(0.02))
    >>> bool(Regressor(network).fit(X, np.sin(4 * X[:, 0])).score(X, np.sin(4 * X[:, 0])) > 0.95)
    True
    """

    def __init__(
        self,
        network: Network | Callable[..., Network] | None = None,
        *,
        epochs: int = 100,
        batch_size: int | None = 32,
        validation_split: float = 0.0,
        metrics: Metrics = (),
        callbacks: Callbacks = (),
        keep: str | None = None,
        monitor: str | None = None,
        shuffle: bool = True,
        augment: Augment | None = None,
        verbose: bool | int = False,
        warm_start: bool = False,
        random_state: RandomState = None,
        **network__settings: Any,
    ) -> None:
        self._store(locals())

    def partial_fit(self, X: Matrix, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Train for one epoch, going on from where the network is; X, y and sample_weight as in `fit`."""
        with self._training("partial_fit"):
            goes_on = hasattr(self, "network_")
            labels = "some" if goes_on else "new"
            return self._learn(X, y, sample_weight, (None, None, None), labels, goes_on=goes_on, epochs=1)

    def _wanted(self) -> int:
        return self._columns

    def _fitting(self, network: Network) -> Network:
        where, (outputs,) = type(self).__name__, network.output_shape
        if network.objective.takes_labels:
            raise InputError(
                where,
                given=f"a network for classes, with {network.objective.loss!r:.40}",
                expected="one for quantities",
                fix=f"End it with cr.Dense({self._columns}), without a softmax; for classes take Classifier",
            )
        if outputs != self._columns:
            raise InputError(
                where,
                given=f"a network with {_counted(outputs)} for {self._columns} targets a sample",
                expected="an output for each",
                fix=f"End it with cr.Dense({self._columns}), or pass a function that makes it: (n_features, n_outputs)",
            )
        return network


def _counted(outputs: int) -> str:
    return f"{outputs} output" + ("" if outputs == 1 else "s")


def _gives_probabilities(network: Network) -> bool:
    aim = network.objective
    knows = aim.takes_labels or aim.binary or aim.prediction_role == "logits"
    return knows or isinstance(network.ending, (Sigmoid, Softmax))


def _was_written_to(network: Network) -> bool:
    """Return whether a network starts from other numbers than its seed gives, or with something frozen."""
    start = network.fresh()
    if not start.built or start.sample_shape is None:
        return False
    drawn = start.fresh(seed=start.seed)
    drawn.build(start.sample_shape)
    one, other = start.snapshot(), drawn.snapshot()
    same = all(np.array_equal(array, other["leaves"][name]) for name, array in one["leaves"].items())
    return not same or one["frozen"] != other["frozen"]


def _redrawn(where: str, setting: str) -> InputError:
    """Return the error for a setting with which a network would lose the numbers that were written into it."""
    return InputError(
        where,
        given=f"{setting} for a network whose numbers were set, or frozen, after it was made",
        expected="a network that starts from its seed: with this setting all numbers are drawn anew",
        fix=f"Leave {setting} out, or pass a network whose numbers are as they were drawn",
    )
