"""The one voice of errors: what they say can be read, whatever was given."""

from __future__ import annotations

import ast
import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule import checks, errors
from chainrule.errors import CAUSES, ChainruleError, InputError, nearest


def test_what_was_given_may_be_any_length() -> None:
    with pytest.raises(InputError) as caught:
        checks.one_of("dtype", "x" * 100_000, ("float32", "float64"))
    error = caught.value
    assert len(str(error)) < 1500
    assert error.given.endswith("xxx…")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    "check",
    [
        lambda value: checks.whole("size", value),
        lambda value: checks.number("rate", value),
        lambda value: checks.one_of("dtype", value, ("float32", "float64")),
        lambda value: checks.instance("optimizer", value, str, "cr.Adam()"),
    ],
    ids=["whole", "number", "one of", "instance"],
)
def test_a_number_that_python_does_not_write_is_told(check: Callable[[object], object]) -> None:
    with pytest.raises(InputError, match="got int that is too long to be written"):
        check(10**5000)


def test_of_many_names_the_nearest_and_some_are_told() -> None:
    told = nearest("gnee500", [f"gene{i}" for i in range(5000)])
    assert told.startswith("Did you mean 'gene500'? Known: gene0, gene1, gene10,")
    assert told.endswith(" and 4,900 more")
    assert nearest("gnee3", ["gene3", "x"]) == "Did you mean 'gene3'? Known: gene3, x"
    assert nearest("q", []) == "Known: none"


def kinds() -> list[type[ChainruleError]]:
    found = [ChainruleError]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == "chainrule.errors"]


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_of_error_has_a_cause_that_is_listed_and_survives_copies(kind: type[ChainruleError]) -> None:
    assert kind.cause in CAUSES
    told = {"given": "a", "expected": "b", "fix": "Do c"}
    for error in (kind("here", **told), kind("here", **told, cause="op.domain")):
        for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert type(twin) is kind
            assert (twin.cause, str(twin), twin.fix) == (error.cause, str(error), error.fix)
    assert error.cause == "op.domain"


def test_the_causes_that_are_raised_are_those_that_are_listed() -> None:
    raised = {kind.cause for kind in kinds()}
    for path in Path(errors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "cause":
                codes = [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
                assert all(code in CAUSES for code in codes if code is not None), (path, node.lineno, codes)
                raised |= set(codes) - {None}
    told = (Path(errors.__file__).parent / "nn/nonfinite.py").read_text(encoding="utf-8")
    raised |= {code for code in CAUSES if f'"{code}"' in told}  # returned beside what is said of them
    assert raised == set(CAUSES)


def test_every_warning_is_of_a_kind_of_ours() -> None:
    kinds = {"event.warning", "warning"}  # a TrainingWarning, and what `warn_user` is given
    kinds |= {kind.__name__ for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Warning)}
    calls, unknown = 0, []
    for path in sorted(Path(errors.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        here = {
            c.name for c in ast.walk(tree) if isinstance(c, ast.ClassDef) and kinds & set(map(ast.unparse, c.bases))
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("warnings.warn", "warn"):
                calls += 1
                if not {ast.unparse(argument) for argument in node.args[:2]} & (kinds | here):
                    unknown.append(f"{path.name}, line {node.lineno}")
    assert unknown == []
    assert calls >= 7
    assert issubclass(errors.TrainingWarning, errors.ChainruleWarning)


X, Y = np.ones((4, 3)), np.ones((4, 1))
BAD = np.array([[np.nan, 0.0, 0.0]])


def refused(call: Callable[[], object]) -> ChainruleError:
    with pytest.raises(ChainruleError) as caught:
        call()
    return caught.value


def test_a_program_can_act_upon_causes() -> None:
    network = cr.Network([cr.Dense(1, inputs=3)])
    classes = cr.Network([cr.Dense(2, inputs=3), cr.Softmax()])
    shared = cr.Dense(1, inputs=3)
    cr.Network([shared])
    causes = {
        "data.nonfinite": lambda: cr.predict(network, BAD),
        "data.shape": lambda: cr.predict(network, [[1.0]]),
        "target.shape": lambda: cr.train(network, X, np.ones((4, 2))),
        "target.range": lambda: cr.train(classes, X, [0, 1, 2, 5]),
        "head.probabilities": lambda: cr.Network([cr.ReLU()], cr.BinaryCrossEntropy()),
        "head.logits": lambda: cr.Network([cr.Sigmoid()], cr.SoftmaxCrossEntropy()),
        "layer.shared": lambda: cr.Network([shared, cr.Tanh()]),
        "memory.too_little": lambda: cr.Network([cr.Dense(2**30, inputs=2**30)]),
        "network.unbuilt": lambda: cr.Network([cr.Dense(1)]).parameters,
        "call.order": lambda: network.backward(),
        "setting.late": lambda: setattr(network, "l2", 1.0),
        "name.unknown": lambda: network["dens"],
        "argument.value": lambda: cr.Dense(0),
        "argument.unknown": lambda: cr.Dense(outputs=3),
        "argument.missing": lambda: cr.Dense(inputs=3),
        "argument.shape": lambda: cr.Input("x", X) + cr.Input("y", np.ones((2, 2))),
        "derivative.wrong": lambda: cr.activation(z=cr.Input("z", X), function=np.sin, derivative=np.sin),
        "file.unusable": lambda: cr.load("nowhere.safetensors"),
    }
    assert {cause: refused(call).cause for cause, call in causes.items()} == {cause: cause for cause in causes}
