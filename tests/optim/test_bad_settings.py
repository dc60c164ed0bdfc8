"""Every wrong setting of an optimizer or a schedule is one error that says what was given and what to do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chainrule.errors import InputError
from chainrule.optim import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    ConstantRate,
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    Phases,
    ReduceOnPlateau,
    RMSProp,
    StepDecay,
    Warmup,
    as_schedule,
)

NO_RATES = [0, -0.1, math.nan, math.inf, "0.1", None, True, [0.1], np.ones(2), 1j, 10**400, CosineDecay, max]
CASES = [
    *((kind, (), dict(learning_rate=rate)) for kind in (SGD, Adagrad, RMSProp, Adam, AdamW) for rate in NO_RATES),
    *((SGD, (), {clip: bad}) for clip in ("clip_value", "clip_norm") for bad in (0, -1, math.nan, math.inf, "1")),
    (Adam, (), dict(clip_value=1.0, clip_norm=1.0)),
    *(
        (kind, (), dict(ema=bad))
        for kind in (SGD, Adagrad, RMSProp, Adam, AdamW)
        for bad in (0, 1, -0.9, math.nan, "0.9", True)
    ),
    *((SGD, (), dict(momentum=bad)) for bad in (-1, 1, 1.5, math.nan, "0.9", None)),
    (SGD, (), dict(nesterov=True)),
    (SGD, (), dict(momentum=0.9, nesterov=1)),
    (SGD, (), dict(momentum=0.9, nesterov="yes")),
    (SGD, (), dict(momentum=0.9, nesterov=None)),
    *((RMSProp, (), dict(rho=bad)) for bad in (-0.1, 1, math.nan, "0.9")),
    *((Adam, (), {beta: bad}) for beta in ("beta_1", "beta_2") for bad in (-0.1, 1.0, 1 - 1e-17, math.nan, "0.9")),
    *((kind, (), dict(epsilon=bad)) for kind in (Adagrad, RMSProp, Adam, AdamW) for bad in (0, -1e-8, 1e-30, "tiny")),
    *((AdamW, (), dict(weight_decay=bad)) for bad in (-0.01, math.nan, "0.01", None)),
    *((ConstantRate, (rate,), {}) for rate in NO_RATES),
    *((as_schedule, (rate,), {}) for rate in NO_RATES),
    *((kind, (-0.1,), {}) for kind in (StepDecay, ExponentialDecay, CosineDecay, OneCycle, ReduceOnPlateau)),
    *((StepDecay, (0.1,), dict(factor=bad)) for bad in (0, -0.5, 1.1, "0.5")),
    *((StepDecay, (0.1,), dict(every=bad)) for bad in (0, -1, 2.5, "10", True)),
    *((ExponentialDecay, (0.1,), dict(factor=bad)) for bad in (0, 1.1, math.nan)),
    *((CosineDecay, (0.1,), dict(final_learning_rate=bad)) for bad in (-0.1, 0.2, None)),
    *(
        (OneCycle, (0.1,), {end: bad})
        for end in ("initial_learning_rate", "final_learning_rate")
        for bad in (-0.1, 0.2, "0.01")
    ),
    *((OneCycle, (0.1,), dict(warmup=bad)) for bad in (0, 1, 30)),
    *((ReduceOnPlateau, (0.1,), dict(factor=bad)) for bad in (0, 1, -0.5)),
    *((ReduceOnPlateau, (0.1,), dict(patience=bad)) for bad in (0, -1, 1.5, "10")),
    *((ReduceOnPlateau, (0.1,), dict(threshold=bad)) for bad in (-1e-4, 1, math.nan)),
    *((ReduceOnPlateau, (0.1,), dict(minimum_learning_rate=bad)) for bad in (-1, 0.2)),
    *((Warmup, (bad, 0.1), {}) for bad in (0, -1, math.inf, "1")),
    *((Warmup, (1, bad), {}) for bad in (-0.1, CosineDecay, None, "cosine")),
    (Warmup, (1, 0.1), dict(initial_learning_rate=-0.1)),
    (Phases, (), {}),
    (Phases, (10, 0.1), {}),
    (Phases, ((10, 0.1, 3),), {}),
    (Phases, ("10",), {}),
    (Phases, ((0, 0.1),), {}),
    (Phases, ((2.5, 0.1),), {}),
    (Phases, ((10, 0.1), (10, -0.1)), {}),
    (Phases, ((10, CosineDecay),), {}),
    (Phases, (), dict(phases=10)),
    (Phases, (), dict(phases="ab")),
]


@pytest.mark.parametrize(
    ("kind", "told", "named"), CASES, ids=[f"{k.__name__}-{str((a, n))[:60]}-{i}" for i, (k, a, n) in enumerate(CASES)]
)
def test_a_wrong_setting_is_one_clear_error(kind, told, named):
    with pytest.raises(InputError) as caught:
        kind(*told, **named)
    error = caught.value
    assert error.where.split("(")[0].split(",")[0] in (kind.__name__, "ConstantRate")
    assert error.given
    assert error.expected
    assert error.fix
    assert "\n" not in str(error)
