"""The classifier: labels of any name become class indices, a column of zeros and ones, or a column for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from chainrule import checks
from chainrule.data import one_hot
from chainrule.ops import LogSoftmax, Softplus
from chainrule.ops.cross_entropy import ClassLoss
from chainrule.ops.op import Array, Op
from chainrule.optim import Optimizer, Schedule
from chainrule.sklearn.class_labels import ClassLabels
from chainrule.sklearn.estimator import MultilayerPerceptron, is_stochastic
from chainrule.sklearn.inputs import Matrix, RandomState, logits, weigh_classes
from chainrule.training.events import Callbacks
from chainrule.training.metrics import Metric, predicted_classes


class MLPClassifier(ClassLabels, MultilayerPerceptron):
    """A multi-layer perceptron that tells classes apart.

    The parameters down to `max_fun` are those of scikit-learn's class of this name, and mean the same; the others
    are chainrule's.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Neurons in each hidden layer; none at all for a linear model.
    activation : str, Op, or a sequence with one for each hidden layer, default "relu"
        "identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus",
        "hard_sigmoid", "hard_swish", "softsign", "selu", "mish", or an op of your own such as
        ``cr.Activation(function, derivative)``.
    solver : {"adam", "sgd", "lbfgs"}, or Optimizer
        An optimizer, such as ``cr.AdamW(0.01)``, says its learning rate and all else itself.
    alpha : float, default 0.0001
        The L2 penalty alpha/2 · ‖W‖² of a batch, divided like its loss by what the batch weighs; biases are excluded.
    batch_size : int or "auto", default "auto"
        "auto" is 200, or all samples if they are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"}, or Schedule
        A schedule, such as ``cr.CosineDecay(0.01)``, for "sgd" and "adam"; it begins anew at each fit. For "sgd":
        "invscaling" divides it by (samples seen + 1)^power_t after each epoch, "adaptive" by 5 when
        nothing has become better for `n_iter_no_change` epochs.
    learning_rate_init : float, default 0.001
    power_t : float, default 0.5
    max_iter : int, default 200
        Epochs a fit; for "lbfgs", iterations.
    shuffle : bool, default True
    random_state : int, RandomState, Generator or None
        For the starting weights, the order of the samples, dropout, and what is held out to validate on. None is
        another one each time: NumPy's global generator is left alone.
    tol : float, default 0.0001
        What counts as better, of the loss or of the validation score.
    verbose : bool, default False
        Print a line an epoch.
    warm_start : bool, default False
        Let `fit` go on from the fit before, exactly as if it had not ended: 5 epochs and 5 more are 10.
    momentum, nesterovs_momentum : float and bool, default 0.9 and True
        For "sgd".
    early_stopping : bool, default False
        Hold out `validation_fraction` of the samples, the same share of each class, and stop by the score on these
        (or on `X_val`, if that is given to `fit`).
    validation_fraction : float, default 0.1
    beta_1, beta_2, epsilon : float
        For "adam".
    n_iter_no_change : int or inf, default 10
        Epochs without anything better before training stops.
    max_fun : int, default 15000
        For "lbfgs": evaluations of the loss.
    dropout : float, or a sequence with one for each hidden layer, default 0
        The share of each hidden layer's values that is left out in training.
    class_weight : mapping of label to float, or "balanced", optional
        How much each class counts, times the weight of the sample.
    callbacks : callback, function, or a list of them, optional
        As `chainrule.train` takes them: functions are called with (training, epoch) after each epoch.
    keep : {"best", "last"}, optional
        Which weights to have in the end. Left out: the best ones if there are validation samples, else the last.
    dtype : {"auto", "float32", "float64"}
        "auto" is that of X; whole numbers count as float64. float32 takes about half the time.
    loss : Op or str, optional
        Another loss than the cross-entropy, such as ``cr.SquaredError()`` or one of your own, on probabilities or
        on logits. `loss_` is the network's own then.
    compiled : bool, default False
        Compile whole epochs, which takes some seconds once and then saves up to a third of the time; needs
        ``pip install '.[fast]'`` in a clone.

    Attributes
    ----------
    classes_ : array, (classes,)
    network_ : chainrule.Network
        The network itself, for summaries, hidden values, gradients, explanations and saving.
    history_ : chainrule.History
        The last fit, epoch by epoch. With "lbfgs" there is none.
    coefs_, intercepts_ : list of arrays
        Weights (inputs, outputs) and bias (outputs,) of each layer: the network's own arrays.
    loss_, loss_curve_ : float and list of float
        The loss with its penalty, of the last epoch and of all.
    best_loss_ : float or None
        The smallest one; None with `early_stopping`.
    validation_scores_, validation_loss_curve_ : list of float, or None
        Accuracy (of all labels at once, if there are several) and loss on the validation samples.
    best_validation_score_ : float or None
    n_iter_ : int
        Epochs of the last fit.
    t_ : int
        FitSamples seen in training, in all fits.
    n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_
        As in scikit-learn.

    Raises
    ------
    InputError
        If a parameter, or the data, can't be used, or training leads to NaN or infinity.

    Notes
    -----
    What differs from scikit-learn: a fit that goes on keeps the optimizer's moments; each batch of an epoch has the
    same penalty, and `loss_` that of the epoch's end; `loss_` weighs samples as training does; Adam's ε is that of the
    paper's first form; for several labels at once `network_` has the mean over labels as its loss, with steps and
    `loss_` of the sum. The page "What differs from scikit-learn's perceptrons" has them all.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(16, solver="lbfgs", alpha=0.1, max_iter=1000, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    @checks.keywords
    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | int = (100,),
        activation: str | Op | Sequence[str | Op] = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float | Sequence[float] = 0.0,
        class_weight: Mapping[Any, float] | str | None = None,
        callbacks: Callbacks | None = None,
        keep: str | None = None,
        dtype: str = "auto",
        compiled: bool = False,
        loss: Op | str | None = None,
    ) -> None:
        self._store(locals())

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
        """Train on samples.

        Parameters
        ----------
        X : array, data frame or sparse matrix, (samples, features)
        y : array, (samples,), or (samples, labels) of zeros and ones where several labels may be true
        sample_weight : array, (samples,), optional
        X_val, y_val, sample_weight_val : the same for samples to validate on, optional
            Measured after each epoch, never trained on.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]  # scikit-learn has no types
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
            return self._learn(X, y, sample_weight, (), "some", goes_on=goes_on, partial=True)

    def predict_log_proba(self, X: Matrix) -> Array:
        """Return the logarithm of `predict_proba`, finite also where a probability is too small to differ from 0."""
        check_is_fitted(self)
        if self._head == "multilabel":  # their sigmoids are never 0 before e⁻⁷⁴⁵, and that there are ties stays true
            with np.errstate(divide="ignore"):
                return np.log(self.predict_proba(X))
        scores = self._logits(X)
        if self._head == "multiclass":
            return np.asarray(LogSoftmax().forward(scores))
        if len(self.classes_) == 1:
            return np.zeros_like(scores)
        return -np.asarray(Softplus().forward(np.hstack([scores, -scores])))

    def decision_function(self, X: Matrix) -> Array:
        """Return the logits: (samples,) for two classes, above 0 for the second; else (samples, classes)."""
        scores = self._logits(X)
        return scores.ravel() if self._head == "binary" else scores

    def _logits(self, X: Any) -> Array:
        check_is_fitted(self)
        samples = self._samples(X, self.network_.dtype)
        return logits(self.network_, samples)

    def _for_loss(self, target: Array, loss: Op | None) -> Array:
        labels = loss is None or isinstance(loss, ClassLoss) or loss.roles[1] == "labels"
        return target if self._head != "multiclass" or labels else one_hot(target, len(self.classes_))

    def _indices(self, target: Array) -> Array:
        return target.reshape(-1).astype(np.intp)

    def _weights_by_class(self, target: Array, weights: Array | None) -> Array | None:
        if self.class_weight is None:
            return weights
        self._expect_one_label()
        return weigh_classes(type(self).__name__, self.class_weight, self.classes_, self._indices(target), weights)

    def _n_outputs(self, target: Array) -> int:
        return 1 if self._head == "binary" else len(self.classes_)

    def _strata(self, target: Array) -> Array | None:
        return None if self._head == "multilabel" else self._indices(target)

    def _scorer(self, truth: Array, weights: Array | None) -> Metric:
        several = self._head == "multilabel"

        def accuracy(prediction: Array, target: Array) -> float:
            if not np.isfinite(prediction).all():
                return float("nan")
            given = predicted_classes(prediction, self._head)
            right = (given == truth).all(axis=1) if several else given == self._indices(truth)
            return float(np.average(right, weights=weights))

        return accuracy
