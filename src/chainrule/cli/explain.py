"""``chainrule explain``: what a network computes and how it learns, with its own numbers."""

from __future__ import annotations

import click

from chainrule.cli.options import one_of, whole

FORMATS = {".txt": "terminal", ".md": "markdown", ".html": "html", ".json": "json"}


@click.command(short_help="Explain what a network computes and how it learns.")
@click.argument("subject", metavar="RUN|RECIPE")
@click.option(
    "--sample", metavar="I|all", callback=whole(0, words=("all",)), default="0", help="Which sample; 0 is the first."
)
@click.option("--node", metavar="NAME", help="This node alone, such as dense_1 or dense_1.weights.")
@click.option(
    "--format",
    "form",
    metavar="terminal|markdown|html|json",
    callback=one_of(*FORMATS.values()),
    help="How it is written; else as the ending of --out says.",
)
@click.option("--language", metavar="en|he", callback=one_of("en", "he"), default="en", help="English or Hebrew.")
@click.option(
    "--weights", metavar="best|last", callback=one_of("best", "last"), default="best", help="Which of a run's."
)
@click.option("--out", metavar="FILE", help="Write it to .txt, .md, .html or .json instead of printing it.")
def explain(
    subject: str, sample: int | str, node: str | None, form: str | None, language: str, weights: str, out: str | None
) -> None:
    """Explain the network of RUN, or of RECIPE before it has learnt anything, on samples it is trained on.

    Forward, node by node: the formula, the formula with its numbers, the result. Then back from the cost by the chain
    rule, the optimizer's step, and every derivative once more by finite differences.

    \b
    chainrule explain xor | less
    chainrule explain runs/xor-001 --out xor.html
    chainrule explain mnist --sample 7 --node dense_3
    """
    import os
    import shutil
    import sys

    import chainrule as cr
    from chainrule.cli.shown import say
    from chainrule.explain.opening import network_and_samples

    if form is None:
        form = FORMATS.get(os.path.splitext(out or "")[1].lower(), "terminal")
    on_screen = out is None and form == "terminal" and sys.stdout.isatty()
    width = max(shutil.get_terminal_size().columns, 40) if on_screen else 100
    network, x, y = network_and_samples("explain", subject, weights)
    chosen = sample if isinstance(sample, int) else None
    told = cr.explain(network, x, y, sample=chosen, node=node, format=form, language=language, width=width)
    if out is None:
        click.echo(str(told), nl=False)
    else:
        say(f"{form:<9} {told.save(out)}")
