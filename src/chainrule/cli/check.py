"""``chainrule check``: are the derivatives right, and if one is not, which mistake is it?"""

from __future__ import annotations

import click

EXAMPLE = """
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


@click.command(short_help="Check the derivatives of a network, or of ops of your own.", epilog=EXAMPLE)
@click.argument("subject", metavar="RUN|RECIPE|FILE.py")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def check(subject: str, as_json: bool) -> int:
    """Compare every derivative with finite differences, for each parameter and for each role of each op.

    Names the worst place and, where it is one of the usual ones, the mistake: a sign, a factor 2, a missing σ′, …
    """
    from chainrule.cli.shown import say, say_json
    from chainrule.explain.opening import check_named

    report = check_named(subject)
    if as_json:
        say_json({"subject": subject, **report.as_dict()})
    else:
        for line in str(report).splitlines():
            say(line)
    return 0 if report.passed else 1
