"""What a stranger's file can't do. Its names are put into every text of a run, a network and a graph, and all that is
written of them is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from claims.figure import Figure, Options, at_least, at_most


def injection(options: Options) -> Iterator[Figure]:
    """Let every writer write hostile names; see that none is run or comes through, and that every page parses."""
    from tests.injection.names import NAMES
    from tests.injection.tally import tried
    from tests.injection.writers import WRITERS

    names = NAMES[:: options.count(2, 12)]
    writers = [name for name, writer in WRITERS.items() if writer.here]
    tally = tried((name, writers) for name in names)
    note = f", {len(writers)} writers, {tally.pages:,} pages"
    yield at_least(
        "injection: hostile names in every text field", len(names), options.count(60, 10), "{:.0f}".format, note
    )
    yield at_most("injection: run", len(tally.run), 0, "{:.0f}".format)
    yield at_most("injection: unescaped", len(tally.unescaped), 0, "{:.0f}".format)
    yield at_most("injection: pages that don't parse, run or agree", len(tally.broken), 0, "{:.0f}".format)
