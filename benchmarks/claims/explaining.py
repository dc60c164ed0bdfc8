"""What looking inside costs and shows: watching, explaining every op, its textbook form, mistakes, pages to paste.

Networks, planted mistakes and cases are those of tests/explain, tests/gradcheck and tests/ops.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from claims.derivatives import passes
from claims.figure import Figure, Options, all_of, at_least, at_most, percent, small, stated

STEPS, BATCH = 60, 64
KINDS = (
    *("the sign", "a factor 2", "times the batch size", "divided by the batch size", "missing σ′", "transposed"),
    *("cut from the wrong side", "the sum instead of the mean", "stale value", "only the diagonal"),
    *("missing sum over rows", "the wrong side", "written in y but given z", "written in z but given y"),
    *("summed over everything", "summed along the wrong axis", "ignores the incoming gradient", "exchanged"),
)


def watching(options: Options) -> Iterator[Figure]:
    """Train 784-200-100-10 without being watched, and watched at every tenth and at every step, in turns."""
    from threadpoolctl import threadpool_limits

    import chainrule as cr

    random = np.random.default_rng(0)
    X, y = random.integers(0, 256, (STEPS * BATCH, 784), np.uint8), random.integers(0, 10, STEPS * BATCH)
    layers = [cr.Dense(200), cr.ReLU(), cr.Dense(100), cr.ReLU(), cr.Dense(10), cr.Softmax()]
    every: dict[int, cr.Callback | None] = {0: None, 10: cr.watch(every=10), 1: cr.watch(every=1)}
    network = cr.Network([cr.Rescale(1 / 255), *layers], inputs=784)
    networks = {kind: network.copy() for kind in every}
    least = dict.fromkeys(every, float("inf"))
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(options.count(60, 15)):
            for kind, watched in every.items():
                callbacks = [] if watched is None else [watched]
                began = time.perf_counter()
                cr.train(networks[kind], X, y, epochs=1, batch_size=BATCH, callbacks=callbacks)
                least[kind] = min(least[kind], time.perf_counter() - began)
    each = f" (a step of {1000 * least[0] / STEPS:.2f} ms, Adam, batches of {BATCH})"
    yield at_most("watch at every 10th step of 784-200-100-10", least[10] / least[0] - 1, 0.05, percent, each)
    told = least[1] / least[0] - 1
    yield stated("watch at every step of 784-200-100-10", percent(told), told)


def explanations(options: Options) -> Iterator[Figure]:
    """Explain networks and ops, and read what is printed back."""
    import chainrule as cr
    from chainrule.explain import explain
    from tests.explain import test_every_op as every_op
    from tests.explain import test_explain as tried

    explained: dict[str, bool] = {}
    for case in every_op.ACCEPTED:
        told = passes(every_op.test_an_op_is_explained_in_a_graph, case)
        explained[case.op.name] = explained.get(case.op.name, True) and told
    known = cr.ops.all_ops()
    yield all_of("explained: ops of the library", sum(explained.get(name, False) for name in known), len(known))
    right = [passes(tried.test_the_numbers_on_the_page_are_the_programs_own, name) for name in tried.NETWORKS]
    pages = [str(explain(make(), x, y, format="html")) for make, x, y in tried.NETWORKS.values()]
    numbers = sum(page.count("<mn>") for page in pages)
    note = f" pages, {numbers:,} numbers on them"
    yield all_of("explained: pages whose numbers are the program's own", sum(right), len(right), note=note)
    proofs: list[dict[str, Any]] = []
    for make, x, y in tried.NETWORKS.values():
        proofs += json.loads(str(explain(make(), x, y, sample=None, format="json")))["proof"]
    worst = max(proof["error"] for proof in proofs if not proof["kink"])
    name = "explained: worst finite difference beside a derivative"
    yield at_most(name, worst, 1e-6, small, f" ({len(proofs)} derivatives of XOR's and of 5-4-4-4-1's parameters)")


def textbook_forms(options: Options) -> Iterator[Figure]:
    """Compute the formulas in the docstrings of ops and optimizers, and hold them against what is executed."""
    import chainrule as cr
    from tests.ops import test_textbook as forms
    from tests.optim import test_published as rules

    inputs, starts = options.count(1000, 30), options.count(1000, 30)
    known = cr.ops.all_ops()
    of_ops = {name: forms.at_random_inputs(name, inputs) for name in known}
    of_rules = [rules.worst(rule, starts) for rule in rules.RULES]
    for dtype, bound in forms.BOUNDS.items():
        worst = max(of_ops, key=lambda name: of_ops[name][dtype])
        name = f"textbook: worst of {len(known)} ops, {inputs:,} random inputs each, {dtype}"
        yield at_most(name, of_ops[worst][dtype], bound, small, f" ({worst})")
        name = f"textbook: worst of {len(of_rules)} optimizers, {starts:,} starts of five steps each, {dtype}"
        yield at_most(name, max(found[dtype] for found in of_rules), rules.BOUNDS[dtype], small)
    planted = [*(forms.caught(*slip[1:]) for slip in forms.PLANTED), *(rules.caught(rule) for _, rule in rules.PLANTED)]
    yield all_of("textbook: wrong forms planted in ops and optimizers that are caught", sum(planted), len(planted))


def mistakes(options: Options) -> Iterator[Figure]:
    """Let `check` find the usual mistakes in ops, and call them by their names."""
    from tests.gradcheck import test_slips as formulas
    from tests.gradcheck.test_check import MISTAKES, check

    found: dict[str, bool] = {}
    named: dict[str, bool] = {}
    for op, arrays, role, name in MISTAKES:
        kind = next((kind for kind in KINDS if name.startswith(kind)), None)
        if kind is None:
            continue
        finding = next((f for f in check(op, **arrays).wrong if f.by == role), None)
        found[kind] = found.get(kind, True) and finding is not None
        calls = finding is not None and str(finding.slip).startswith(name)
        named[kind] = named.get(kind, True) and calls
    yield all_of("mistakes: planted kinds that check finds", sum(found.values()), len(KINDS))
    yield at_least(
        "mistakes: planted kinds that it calls by their name",
        sum(named.values()),
        len(KINDS) - 3,
        f"{{:.0f}} of {len(KINDS)}".format,
    )
    slips = [passes(formulas.test_a_slip_is_called_by_its_name, *row) for row in formulas.ROWS]
    yield all_of("mistakes: slips in one formula called by their name, each on four shapes", sum(slips), len(slips))
    right = [passes(formulas.test_the_right_formula_passes_without_a_word, name) for name in formulas.TABLE]
    yield all_of("mistakes: right formulas of the same functions that pass without a word", sum(right), len(right))


def pasted(options: Options) -> Iterator[Figure]:
    """Paste every block of the guide, the how-tos and the README into a plain Python prompt, page after page."""
    from tests import pasted as pages

    ran = shown = figures = blocks = 0
    told = []
    for page in pages.PAGES:
        if page.name in pages.ELSEWHERE or not pages.blocks(page):
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            for found in pages.pasted(page):
                blocks += 1
                ran += not found.wrong
                if found.made or found.shown:
                    figures += 1
                    shown += not found.mute
                if found.wrong or found.mute:
                    told.append(f"{page.name}: {found.wrong or 'a figure is not shown'}")
    note = "".join(f"; {line}"[:120] for line in told)
    yield all_of("pasted: blocks of guide, how-tos and README that run at a plain prompt", ran, blocks, note=note)
    yield all_of("pasted: blocks that make a figure or a page, and show it", shown, figures)


def one_weight_alone(options: Options) -> Iterator[Figure]:
    """Follow every path from each number of networks to the cost, and add the products of their factors up."""
    from chainrule.explain.analysis import analyse_network
    from tests.explain import test_paths as followed

    right: dict[str, int] = {}
    counts: dict[str, int] = {}
    worst, paths = 0.0, 0
    for name, (make, x, y) in followed.NETWORKS.items():
        analysis = analyse_network(make(), x, y, 1)
        for unit in followed.every_number(analysis):
            found = followed.added_paths(analysis, unit)
            weight = name == "5-4-4-4-1" and len(unit.index) == 2
            kind = "weights of 5-4-4-4-1" if weight else "others"
            counts[kind] = counts.get(kind, 0) + 1
            right[kind] = right.get(kind, 0) + (found.error <= followed.BOUND)
            worst, paths = max(worst, found.error), paths + found.count
    for kind in counts:
        name = f"one weight: sum over all paths = derivative to 1e-12, {kind}"
        yield all_of(name, right[kind], counts[kind])
    note = f" ({paths:,} paths of {sum(counts.values())} numbers of {len(followed.NETWORKS)} networks)"
    yield at_most("one weight: worst sum over its paths beside its derivative", worst, followed.BOUND, small, note)
