"""Ops are NumPy and nothing else: they run on any array that speaks its protocols, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ops.cases import CASES, Case
from tests.ops.checking import cotangents
from tests.ops.foreign import Foreign


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_op_runs_on_foreign_arrays(case: Case) -> None:
    dy = cotangents(case)[0]
    y = np.asarray(case.op.forward(**case.arrays))
    expected = case.op.backward(dy, y, **case.arrays)
    arrays: dict[str, Any] = {role: Foreign(array.copy()) for role, array in case.arrays.items()}
    value = case.op.forward(**arrays)
    assert isinstance(value, Foreign)
    np.testing.assert_array_equal(value.array, y)
    derivatives = case.op.backward(Foreign(dy.copy()), Foreign(y.copy()), **arrays)
    for role in case.roles:
        assert isinstance(derivatives[role], Foreign), role
        np.testing.assert_array_equal(derivatives[role].array, expected[role])
