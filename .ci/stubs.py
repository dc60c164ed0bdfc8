"""What checkers of types and editors read about ops: stubs, written from the registry by `make stubs`.

At run time `chainrule.ops` and `chainrule` itself fill themselves from the registry. A checker runs nothing, so the
same names stand in their `__init__.pyi`, each function of nodes with its own signature and docstring.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

SOURCE = Path(__file__).parents[1] / "src" / "chainrule"
_HEAD = '"""Written by `make stubs`: names and signatures of {name}, for editors and checkers of types."""\n'


def stubs() -> dict[Path, str]:
    """Return path -> text of every stub."""
    return {SOURCE / "ops" / "__init__.pyi": _ops(), SOURCE / "__init__.pyi": _public()}


def _ops() -> str:
    from chainrule import ops

    lines = [_HEAD.format(name="chainrule.ops"), _imported("Array", "chainrule.ops.op")]
    lines += [_imported("Derivatives", "chainrule.ops.op"), _imported("Op", "chainrule.ops.op")]
    lines += [_imported(kind.__name__, kind.__module__) for kind in ops.all_ops().values()]
    lines += [_imported(name, "chainrule.ops.pages") for name in ("Page", "page")]
    for function in (ops.all_ops, ops.table):
        lines.append(f"\ndef {function.__name__}() -> {function.__annotations__['return']}:\n{_docstring(function)}")
    return "\n".join(lines) + "\n"


def _public() -> str:
    import chainrule as cr
    from chainrule.graph import FUNCTIONS

    # Private names, so that they are none of `cr`.
    imports = {("Node", "chainrule.graph.node", "_Node"), ("ArrayLike", "numpy.typing", "_ArrayLike")}
    lines, functions = [_HEAD.format(name="cr")], []
    for name in cr.__all__:
        thing = getattr(cr, name)
        if FUNCTIONS.get(name) is thing:
            functions.append(_function(name, thing, imports))
        elif name == "__version__":
            lines.append(_imported(name, "chainrule._version"))
        elif type(thing) is ModuleType:
            lines.append(_imported(name, "chainrule"))
        else:  # a room that can be called is its function
            lines.append(_imported(name, getattr(thing, "__module__", thing.__name__)))
    lines += [f"from {module} import {name} as {known}" for name, module, known in sorted(imports)]
    names = ["\n__all__ = [", *(f'    "{name}",' for name in cr.__all__), "]"]
    return "\n".join([*lines, *names, "\n_Operand = _Node | _ArrayLike", *functions]) + "\n"


def _imported(name: str, module: str) -> str:
    return f"from {module} import {name} as {name}"


def _function(name: str, function: Any, imports: set[tuple[str, str, str]]) -> str:
    """Return a function of nodes, its settings annotated as its op's constructor has them."""
    kind = function.__wrapped__
    settings = inspect.signature(kind.__init__).parameters
    parts, starred = [], False
    for parameter in inspect.signature(function).parameters.values():
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        if parameter.kind is parameter.KEYWORD_ONLY:
            parts += [] if starred else ["*"]
            starred = True
            told = settings[parameter.name].annotation if parameter.name in settings else "str | None"
            parts.append(f"{parameter.name}: {_annotation(told, kind, imports)}{default}")
        elif parameter.kind is parameter.VAR_POSITIONAL:
            starred = True
            parts.append(f"*{parameter.name}: _Operand")
        else:
            parts.append(f"{parameter.name}: _Operand{' | None' if default else ''}{default}")
    if kind.variadic:
        parts.append(f"**{kind.variadic}_by_number: _Operand")
    return f"\ndef {name}({', '.join(parts)}) -> _Node:  # {kind.__module__}.{kind.__name__}\n{_docstring(function)}"


def _annotation(told: str, kind: type, imports: set[tuple[str, str, str]]) -> str:
    """Return an annotation of a constructor whose names the stub imports by private ones."""
    known = vars(sys.modules[kind.__module__])
    tree = ast.parse(told, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id):
            own, module = (
                kind.__module__,
                getattr(known[node.id], "__module__", "chainrule.ops.op"),
            )  # aliases are there
            here = module if getattr(sys.modules.get(module), node.id, None) is known[node.id] else own
            imports.add((node.id, here, f"_{node.id.lstrip('_')}"))
            node.id = f"_{node.id.lstrip('_')}"
    return ast.unparse(tree)


def _docstring(function: Any) -> str:
    text = inspect.getdoc(function) or ""
    return textwrap.indent(f'"""{text}\n"""' if "\n" in text else f'"""{text}"""', "    ").replace("\\", "\\\\")


if __name__ == "__main__":
    for path, text in stubs().items():
        path.write_text(text, "utf-8")
        print(path.relative_to(SOURCE.parents[1]))
