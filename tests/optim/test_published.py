"""The rule in an optimizer's docstring, as it was published, takes the steps that `update` takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError
from chainrule.optim.optimizer import OptimizerState
from chainrule.optim.published import published_step

RULES = [
    cr.SGD(0.1),
    cr.SGD(0.1, momentum=0.9),
    cr.SGD(0.1, momentum=0.8, nesterov=True),
    cr.SGD(0.1, clip_value=0.5),
    cr.Adagrad(0.1),
    cr.Adagrad(0.1, epsilon=0.01),
    cr.RMSProp(0.01),
    cr.RMSProp(0.01, rho=0.5, epsilon=0.1),
    cr.Adam(0.01),
    cr.Adam(0.1, beta_1=0.5, beta_2=0.6, epsilon=0.01, clip_norm=1.0),
    cr.AdamW(0.01),
    cr.AdamW(0.1, beta_1=0.0, weight_decay=0.5),
]
#: Up to where the weights may be elsewhere after a step, relative to its length.
BOUNDS = {"float64": 1e-10, "float32": 1e-3}


def worst(optimizer: Any, count: int, steps: int = 5) -> dict[str, float]:
    """Return, dtype by dtype, the largest disagreement of a step over so many random starts."""
    random = np.random.default_rng(3)
    found = dict.fromkeys(BOUNDS, 0.0)
    for start in range(count):
        for dtype in BOUNDS:
            weights = random.normal(size=(2, 3)).astype(dtype)
            decays = start % 2 == 0
            state = OptimizerState(optimizer, [weights], [weights] if decays else [])
            for step in range(1, steps + 1):
                gradient = (random.normal(size=(2, 3)) * 10 ** random.uniform(-1, 1)).astype(dtype)
                before, slots = weights.copy(), {name: kept[0].copy() for name, kept in state.slots.items()}
                lines = published_step(optimizer, before, optimizer.clip(gradient), slots, 0.05, step, decays)
                state.apply([gradient], 0.05)
                off = np.abs([line for line in lines if line.name == "W"][-1].value - weights).max()
                found[dtype] = max(found[dtype], float(off / np.abs(weights - before).max()))
    return found


def test_every_optimizer_is_tried() -> None:
    kinds = {kind for kind in vars(cr.optim).values() if isinstance(kind, type) and issubclass(kind, cr.Optimizer)}
    assert kinds - {cr.Optimizer} == {type(rule) for rule in RULES}


@pytest.mark.parametrize("optimizer", RULES, ids=str)
def test_the_published_rule_takes_the_steps_that_are_executed(optimizer: Any) -> None:
    found = worst(optimizer, 4)
    assert all(found[dtype] <= bound for dtype, bound in BOUNDS.items()), found


def test_adam_is_published_line_by_line() -> None:
    one = np.array([1.0])
    lines = published_step(cr.Adam(), one, one, {"m": 0 * one, "v": 0 * one}, 0.001, 1)
    assert [line.name for line in lines] == ["m", "v", "m̂", "v̂", "W"]
    values = {line.name: line.value.item() for line in lines}
    assert values["m"] == pytest.approx(0.1)
    assert values["v"] == pytest.approx(0.001)
    assert (values["m̂"], values["v̂"]) == (pytest.approx(1), pytest.approx(1))
    assert values["W"] == pytest.approx(0.999)


#: A wrong rule, and what is wrong in it.
PLANTED = [
    ("sign", "W ← W + η · ∂C/∂W"),
    ("no rate", "W ← W − ∂C/∂W"),
    ("the rate twice", "W ← W − η · η · ∂C/∂W"),
]


def caught(rule: str) -> bool:
    """Whether a few steps tell a wrong rule of plain descent from the right one."""
    wrong = type("Wrong", (cr.SGD,), {"__doc__": rule})
    return worst(wrong(0.1), 1)["float64"] > BOUNDS["float64"]


@pytest.mark.parametrize(("slip", "rule"), PLANTED, ids=[slip for slip, _ in PLANTED])
def test_a_wrong_rule_is_caught(slip: str, rule: str) -> None:
    assert caught(rule)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("W ← W − η · momentum_of_the_moon", "a rule that can be computed: name 'momentum_of_the_moon' is not defined"),
        ("w ← W − η · ∂C/∂W", "a line W ←"),
        ("Steps downhill.", "in a formula"),
        ("then a step of Adam", "a class it is derived from"),
    ],
)
def test_a_docstring_without_a_rule_is_refused(rule: str, expected: str) -> None:
    kind = type("Own", (cr.SGD,), {"__doc__": rule})
    with pytest.raises(InputError, match=expected):
        published_step(kind(0.1), np.ones(1), np.ones(1), {}, 0.1, 1)
