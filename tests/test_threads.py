"""How many threads multiply matrices: one for small networks, and what was set before comes back.

The number is set for a whole process, so each case has one of its own, with the variables that it wants.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from chainrule import threads

START = """
import numpy as np, chainrule as cr
from threadpoolctl import threadpool_limits, threadpool_info
from chainrule import threads
threads.cores = lambda: 2

def count():
    return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")

X = np.random.default_rng(0).random((64, 100), dtype=np.float32)
y = np.zeros((64, 1), np.float32)
seen = []

class Look(cr.Layer):
    def forward(self, x):
        seen.append(count())
        return x

def network(outputs=200):
    return cr.Network([cr.Dense(outputs), Look(), cr.Dense(1)], engine="dynamic")

def in_a_step(**settings):
    cr.train(network(), X, y, epochs=1, **settings)
    return seen[-1]

def in_a_prediction(rows=64):
    cr.predict(network(), X[:rows])
    return seen[-1]
"""

CASES = {
    "a training": ("in_a_step()", 1),
    "a prediction": ("in_a_prediction()", 1),
    "afterwards": ("(in_a_step(), count())[1]", 2),
    "after an error": (
        (
            "try:\n    cr.train(network(), X, y, epochs=1, callbacks=lambda *_: 1 / 0)\n"
            "except ZeroDivisionError:\n    result = count()"
        ),
        2,
    ),
    "a callback": ("[cr.train(network(), X, y, epochs=1, callbacks=lambda *_: seen.append(count())), seen[-1]][1]", 1),
    "a training that was left": (
        "next(cr.training.Training(network(), X, y, epochs=1).events()) and count()",
        2,
    ),
    "batches of one's own": ("[cr.train(network(), [(X, y)], epochs=1), seen[-1]][1]", 1),
    "large enough": ("[setattr(threads, 'LEAST_WORK', 10_000), in_a_step()][1]", 2),
    "two that overlap": (
        (
            "a = cr.training.Training(network(), X, y, epochs=1).events(); next(a)\n"
            "b = cr.training.Training(network(), X, y, epochs=1).events(); next(b)\n"
            "a.close(); one = count(); b.close(); result = (one, count())"
        ),
        (1, 2),
    ),
    "a number of the user's": ("[threadpool_limits(3, user_api='blas'), in_a_step(), count()][1:]", [3, 3]),
    "a recipe's number": ("exec('with threads.exactly(2): in_a_step()') or seen[-1]", 2),
    "nested predictions": (
        "[cr.train(network(), X, y, epochs=1, callbacks=lambda *_: in_a_prediction()), seen[-1], count()][1:]",
        [1, 2],
    ),
}


def result_of(code: str, **variables: str) -> str:
    body = code if "result =" in code else f"result = {code}"
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")} | variables
    command = [sys.executable, "-c", f"{START}\nwith threadpool_limits(2, user_api='blas'):\n" + indented(body)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in [*body.splitlines(), "print(result)"])


@pytest.mark.parametrize("case", CASES)
def test_products_are_shared_where_it_pays(case: str) -> None:
    code, expected = CASES[case]
    assert result_of(code) == str(expected)


def test_a_number_in_the_environment_is_left_alone() -> None:
    assert result_of("in_a_step()", OPENBLAS_NUM_THREADS="2") == "2"


def test_the_number_follows_from_the_size_alone() -> None:
    assert threads.suitable(threads.LEAST_WORK - 1) == 1
    assert threads.suitable(threads.LEAST_WORK) == min(threads.cores(), 4)
