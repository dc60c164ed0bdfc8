"""``chainrule explain``, ``check`` and ``source``: what a network computes, if its derivatives are right, as NumPy."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

import click

import chainrule as cr
from chainrule.cli.completion import subjects
from chainrule.cli.options import as_json_option, choice, overwrite_option, weights_option, whole
from chainrule.cli.output import say, say_json
from chainrule.cli.pipes import STREAM, expect_new, write_out
from chainrule.errors import InputError


@click.command()
@click.argument("subject", metavar="RUN|RECIPE", shell_complete=subjects)
@click.option(
    "--sample",
    metavar="I|all|worst",
    callback=whole(0, words=("all", "worst")),
    default="worst",
    help="Which sample, 0 the first; else the one with the largest loss.",
)
@click.option("--node", metavar="NAME", help="This node alone, such as dense_1 or dense_1.weights.")
@click.option("--weight", metavar="NAME[I,J]", help="This weight alone, or this bias: its paths to the cost.")
@click.option("--neuron", metavar="NAME[J]", help="This neuron alone, such as dense_1[2]: its sum, its paths.")
@click.option("--dropout", is_flag=True, help="Leave values out at random, as in training.")
@click.option(
    "--format",
    "form",
    **choice("terminal", "markdown", "html"),
    help="How it is written; else as the ending of --out says.",
)
@click.option("--language", **choice("en", "he"), default="en", help="English or Hebrew.")
@click.option(
    "--notation",
    **choice("rows", "columns"),
    default="rows",
    help="Samples as rows, x W + b, or as columns, W x + b with ⊙.",
)
@weights_option("Which of a run's.")
@click.option("--out", metavar="FILE", help="Write it to .txt, .md, .html or .json; -, and nothing, print it.")
@overwrite_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def explain(
    subject: str,
    sample: int | str,
    node: str | None,
    weight: str | None,
    neuron: str | None,
    dropout: bool,
    form: str | None,
    language: str,
    notation: str,
    weights: str | None,
    out: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Explain the network of RUN, or of RECIPE before it has learnt anything, on a sample it is trained on.

    One neuron, one weight with its path to the cost, and paths that add. Then everything as matrices: forward, back
    from the cost by the chain rule, the optimizer's step, and every derivative once more by finite differences.

    \b
    chainrule explain xor | less
    chainrule explain runs/xor-001 --out xor.html
    chainrule explain mnist --sample 7 --node dense_3
    chainrule explain xor --weight 'dense_1.weights[0,2]'
    """
    from chainrule.explain.subjects import network_and_samples

    if as_json and form is not None:
        raise InputError("explain", given=f"--json and --format {form}", expected="one of them", fix="Leave one out")
    alone = {"--node": node, "--weight": weight, "--neuron": neuron}
    named = [option for option, value in alone.items() if value is not None]
    if len(named) > 1:
        raise InputError("explain", given=" and ".join(named), expected="one of them", fix=f"Leave {named[1]} out")
    out = None if out == STREAM else out
    expect_new("explain", out, overwrite=overwrite)
    from chainrule.explain.explanation import ENDINGS

    ending = ENDINGS.get(os.path.splitext(out or "")[1].lower())
    form = "json" if as_json else form or ending or "terminal"
    if out is not None and ending is None and os.path.splitext(out)[1]:
        raise InputError(
            "explain --out",
            given=f"{out!r:.80}",
            expected=f"a name that ends in {', '.join(ENDINGS)}",
            fix=f"Pass --out {shlex.quote(os.path.splitext(out)[0] + '.html')}",
        )
    if ending not in (None, "terminal", form):
        right = next(end for end, known in ENDINGS.items() if known == form)
        option = "--json" if as_json else f"--format {form}"
        raise InputError(
            "explain --out",
            given=f"{out!r:.80} with {option}",
            expected=f"a name that ends in {right}",
            fix=f"Leave {option} out, or pass --out {shlex.quote(os.path.splitext(out or '')[0] + right)}",
        )
    on_screen = out is None and form == "terminal" and sys.stdout.isatty()
    width = max(shutil.get_terminal_size().columns, 40) if on_screen else None
    network, x, y = network_and_samples("explain", subject, weights, _aside)
    if weight is not None or neuron is not None:
        _expect_kind(network, weight, neuron)
    explanation = cr.explain(
        *(network, x, y),
        sample=None if sample == "all" else sample,
        node=node,
        element=weight if weight is not None else neuron,
        dropout=dropout,
        format=form,
        language=language,
        notation=notation,
        width=width,
    )
    if out is None:
        click.echo(str(explanation), nl=False)
    else:
        say(f"{form:<9} {explanation.save(out)}")


def _expect_kind(network: cr.Network, weight: str | None, neuron: str | None) -> None:
    """Raise if --weight names a neuron, or --neuron a weight."""
    from chainrule.explain.element_names import parse

    name, _ = parse(weight if weight is not None else neuron)
    is_weight = name in {parameter.name for parameter, _ in network.vector.places}
    if is_weight != (weight is not None) and (is_weight or name in network.graph().names):
        given, other = ("--weight", "--neuron") if weight is not None else ("--neuron", "--weight")
        raise InputError(
            "explain",
            given=f"{given} with {name}, a {'weight or bias' if is_weight else 'neuron'}",
            expected="a weight or a bias" if weight is not None else "a neuron",
            fix=f"Write {other} {shlex.quote(str(weight if weight is not None else neuron))}",
        )


MY_FILE = """
\b
A FILE.py may hold, at its top level:
  class Cube(cr.Op): …           an op (or cr.Layer) of your own: its class,
  cube = Cube()                  or an object of it, if it needs arguments
  sine = cr.Activation(np.sin, np.cos)       or cr.Loss(f, f_prime)
  X, y = …; network = cr.Network([…])        a network, checked on X and y
  loss = cr.mean_squared_error(…)            a graph built by hand

FILE.py is run to find them: check only a file that you would run.

Exit status: 0 if every derivative is right, 1 if one is wrong, 2 if there was nothing to check.
"""


@click.command(epilog=MY_FILE)
@click.argument("subject", metavar="RUN|RECIPE|FILE.py", shell_complete=subjects)
@as_json_option
def check(subject: str, as_json: bool) -> int:
    """Compare every derivative with finite differences, for each parameter and for each role of each op.

    Names the worst place and, where it is one of the usual ones, the mistake: a sign, a factor 2, a missing σ′, …
    """
    from chainrule.explain.subjects import check_named

    report = check_named(subject, _aside)
    if as_json:
        say_json({"subject": subject, **report.as_dict()})
    else:
        for line in str(report).splitlines():
            say(line)
    return 0 if report.passed else 1


def _aside(line: str) -> None:
    say(line, err=True)


@click.command()
@click.argument("run", shell_complete=subjects)
@click.option("--predict", is_flag=True, help="The prediction alone: no loss, no derivatives, no dropout.")
@click.option("--out", metavar="FILE", help="Write it to this file; -, and nothing, print it.")
@overwrite_option
def source(run: str, predict: bool, out: str | None, overwrite: bool) -> None:
    """Write out what the network of RUN does in a training step: forward, loss and every derivative.

    RUN is the folder of a run, a model file, the name of a built-in recipe or a TOML file. The page is a function of
    plain NumPy that runs as printed, on batches of any size. Penalties and the optimizer are no part of it.
    """
    from chainrule.recipes.parent import prepared
    from chainrule.replay import source as page_of

    expect_new("source", out, overwrite=overwrite)
    if run in cr.recipes.names() or run.endswith(".toml") or not (os.path.dirname(run) or os.path.exists(run)):
        network, *_ = prepared(cr.recipes.load(run))
    else:
        network, _ = cr.recipes.load_run(run)
    if predict:
        page = page_of(network.graph("prediction"), name="predict", gradients=False)
    else:
        page = page_of(network.graph())
    if out is None:
        click.echo(page, nl=False)
        return
    if out == STREAM:
        write_out(page.encode())
        return
    cr.files.write_atomically(out, page.encode(), where="source")
    say(f"source    {out}: {len(page.splitlines())} lines")
