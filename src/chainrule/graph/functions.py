"""Ops as functions of nodes: ``cr.tanh(z=…)`` builds the node that `Tanh` computes, and so does ``cr.Tanh()(z)``.

An op's roles and its settings are the function's arguments, all by keyword; the roles may also be given in order.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from chainrule import ops
from chainrule.errors import ArgumentError, InputError
from chainrule.graph.node import Node, Operand
from chainrule.ops.op import Op
from chainrule.settings import setting_names
from chainrule.words import role_fix


class NodeFunction(Protocol):
    """A function that builds a node."""

    def __call__(self, *children: Operand, name: str | None = None, **given: Any) -> Node: ...


def function_of(kind: type[Op]) -> NodeFunction:
    """Return the function that builds nodes of this op."""
    settings = setting_names(kind)

    def build(*children: Operand, name: str | None = None, **given: Any) -> Node:
        told = {key: given.pop(key) for key in settings if key in given}
        roled = children_of(kind, children, given, ("name", *settings), "Pass settings by name")
        return Node(kind(**told), roled, name)

    build.__name__ = build.__qualname__ = kind.name
    build.__doc__ = inspect.cleandoc(kind.__doc__ or "").partition("\n\nExamples\n")[0]  # those are of the op
    build.__wrapped__ = kind  # type: ignore[attr-defined]  # where `??` and `inspect.getsource` lead
    build.__signature__ = _signature(kind)  # type: ignore[attr-defined]  # what help() shows
    return build


def node_of(op: Op, children: Sequence[Operand], name: str | None, given: Mapping[str, Any]) -> Node:
    """Return the node of an op that is called, with children in the order of its roles or by name."""
    return Node(op, children_of(type(op), children, given, ("name",), "Its settings were told when it was made"), name)


def children_of(
    kind: type[Op], children: Sequence[Operand], given: Mapping[str, Any], others: Sequence[str], fix: str
) -> dict[str, Any]:
    """Return role -> child, for children in order and by name.

    `others` may be given by name, too; `fix` is what to do about children too many.
    """
    roles = tuple(f"{kind.variadic}{i}" for i in range(len(children))) if kind.variadic else kind.roles
    if len(children) > len(roles):
        raise InputError(
            kind.name,
            given=f"{len(children)} arrays in order",
            expected=f"at most {len(roles)}: {', '.join(roles)}",
            fix=fix,
        )
    for key in given:
        if not kind.variadic and key not in kind.roles:
            known = (*kind.roles, *others)
            fix = role_fix(key, known)
            raise ArgumentError(kind.name, given=f"{key}=…", expected=", ".join(known), fix=fix)
    return dict(zip(roles, children)) | {role: child for role, child in given.items() if child is not None}


def _signature(kind: type[Op]) -> inspect.Signature:
    of_roles = list(inspect.signature(kind.forward).parameters.values())[1:]
    of_settings = list(inspect.signature(kind.__init__).parameters.values())[1:] if setting_names(kind) else []
    keyword = inspect.Parameter.KEYWORD_ONLY
    named = [p.replace(kind=keyword, annotation=inspect.Parameter.empty) for p in of_settings]
    named.append(inspect.Parameter("name", keyword, default=None))
    return inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in of_roles] + named)


FUNCTIONS: dict[str, NodeFunction] = {name: function_of(kind) for name, kind in ops.all_ops().items()}
globals().update(FUNCTIONS)  # so that they can be pickled by their names
