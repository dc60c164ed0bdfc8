"""What the core's tests are worth: faults are planted in a copy of the package, and each must be killed by its test."""

from __future__ import annotations

from collections.abc import Iterator

from claims.figure import Figure, Options, all_of


def planted_faults(options: Options) -> Iterator[Figure]:
    """Plant each fault of the table in a copy, and run the test that is named beside it."""
    from tests.faults import FAULTS, Copy

    faults = FAULTS[::5] if options.quick else FAULTS
    with Copy() as copy:
        alive = copy.survivors(faults)
    note = f"; alive: {', '.join(alive)}" if alive else ""
    yield all_of("planted faults in the core: killed by a named test", len(faults) - len(alive), len(faults), note=note)
