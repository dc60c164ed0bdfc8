"""Training with L-BFGS: all samples at once, and a line search instead of a learning rate.

SciPy's routine minimises any function of a vector; a network's parameters and gradients are two vectors.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from chainrule.nn.network import Network
from chainrule.ops.op import Array
from chainrule.sklearn.epochs import diverged
from chainrule.sklearn.inputs import Samples
from chainrule.threads import by_size


def fit_lbfgs(estimator: Any, data: Samples) -> None:
    """Minimise the loss of an estimator's network on all samples.

    D. Liu, J. Nocedal, *On the limited memory BFGS method for large scale optimization*, 1989.
    """
    network: Network = estimator.network_
    scale = float(estimator._scale)
    x, y, weights = network.as_batch(type(estimator).__name__, *data.dense())
    curve: list[float] = []

    def loss_and_gradient(parameters: Array) -> tuple[float, Array]:
        network.parameters[:] = parameters
        loss = network.forward(x, y, weights)
        network.backward()
        return scale * loss, scale * network.gradients.astype(np.float64)

    def after_iteration(intermediate_result: Any) -> None:  # SciPy knows it by this name
        curve.append(float(intermediate_result.fun))
        if estimator.verbose:
            sys.stdout.write(f"Iteration {len(curve)}, loss = {curve[-1]:.8f}\n")

    work = 3 * network.parameters.size * len(x)
    with by_size(work), network.hold.training(f"{type(estimator).__name__}.fit"):
        result = minimize(
            loss_and_gradient,
            network.parameters.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=after_iteration,
            options={
                "maxiter": int(estimator.max_iter),
                "maxfun": int(estimator.max_fun),
                "gtol": float(estimator.tol),
            },
        )
        if not (np.isfinite(result.fun) and np.isfinite(result.x).all()):
            raise diverged(type(estimator).__name__, estimator)
        network.parameters[:] = result.x
    estimator.n_iter_ = int(result.nit)
    estimator.loss_ = float(result.fun)
    estimator.loss_curve_ = [*estimator.loss_curve_, *curve]
    if result.status != 0:
        warnings.warn(
            f"L-BFGS ended early ({result.message}): raise max_iter or max_fun, or scale the data",
            ConvergenceWarning,
            stacklevel=5,  # whoever called fit
        )
