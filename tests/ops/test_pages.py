"""The table of ops, and the rule that an op's docstring is the page it comes from."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest

from chainrule import ops
from chainrule.ops.scaling import Scaled
from chainrule.ops.shaping import Cast


def test_the_table_shows_every_op_with_every_role_and_derivative() -> None:
    table = ops.table()
    for name, kind in ops.all_ops().items():
        assert f"\n{name}(" in f"\n{table}"
        assert ops.page(kind).function in table
    assert max(map(len, table.splitlines())) <= 120


@pytest.mark.parametrize("kind", ops.all_ops().values(), ids=ops.all_ops())
def test_the_docstring_says_the_function_and_each_derivative(kind: Any) -> None:
    page = ops.page(kind)
    assert (page.name, page.kind, page.roles) == (kind.name, kind, kind.roles)
    assert kind.__doc__.startswith("y = ")
    assert list(page.derivatives) == [role for role in kind.roles if role not in kind.constant]
    assert all(line.startswith((f"∂{role} = ", f"∂{role}ᵢ = ")) for role, line in page.derivatives.items())
    assert all(line in page.lines for line in page.definitions)


@pytest.mark.parametrize("kind", ops.all_ops().values(), ids=ops.all_ops())
def test_the_docstring_says_why_in_a_few_lines_below_the_formulas(kind: Any) -> None:
    paragraphs = [part.split() for part in kind.__doc__.split("\n\n")]
    assert paragraphs[1][0] == "Why:", "the paragraph below the formulas begins with Why:"
    assert " ".join(paragraphs[1][1:]) == ops.page(kind).why
    assert 20 < len(ops.page(kind).why) < 520
    assert ops.page(kind).why.endswith(".")


def test_an_op_of_ones_own_need_not_say_why() -> None:
    class Quiet(ops.Op):
        """y = 2 z
        ∂z = 2 ∂y"""

        name = "quiet_for_this_test"

    assert ops.page(Quiet).why == ""


def test_no_op_is_missing_from_the_table() -> None:
    found = set()
    for module in pkgutil.iter_modules(ops.__path__):
        for value in vars(importlib.import_module(f"chainrule.ops.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, ops.Op) and value.forward is not ops.Op.forward:
                found.add(value)
    inside = {Cast, Scaled}  # a network has one dtype; only what scales has two inside
    assert found - inside == set(ops.all_ops().values())


def test_all_ops_are_public_by_their_class_names() -> None:
    for kind in ops.all_ops().values():
        assert getattr(ops, kind.__name__) is kind
        assert kind.__name__ in ops.__all__


def test_names_are_the_fields() -> None:
    assert {"linear", "relu", "leaky_relu", "elu", "gelu", "silu", "log_softmax", "l2_penalty"} <= set(ops.all_ops())


def test_an_op_without_a_docstring_has_a_page() -> None:
    class Unsaid(ops.Op):
        def forward(self, z: Any) -> Any:
            return z

    assert ops.page(Unsaid).function == "y = unsaid(…)"
    assert ops.page(Unsaid).derivatives == {}
