"""Parallel runs: which worker runs which tests, and a quiet machine for tests that measure time.

The tests of a file go to one worker, because fixtures of a module start processes; so do all fault tests, which share a
stack. Each worker has servers of its own (environment.py).

A test marked `alone` runs while no other test of the run does. Every test holds a lock on the machine: shared, or
exclusive if it runs alone. Each passes a turnstile first, so that a test that waits to run alone is the next one.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import groupby
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling


class FileScheduling(LoadScopeScheduling):
    """Assigns tests to workers by runs of one file in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return self._scopes[nodeid]

    @cached_property
    def _scopes(self) -> dict[str, str]:
        """The scope of each test. A file may have several: its tests that commit come later than the others."""
        collected = next(iter(self.registered_collections.values()))
        return {
            nodeid: f"{part} {number}"
            for number, (part, run) in enumerate(groupby(collected, key=_part))
            for nodeid in run
        }


def _part(nodeid: str) -> str:
    file, _, _ = nodeid.partition("::")
    return "tests/faults" if file.startswith("tests/faults/") else file


@contextmanager
def machine(*, alone: bool) -> Iterator[None]:
    """Hold the machine for one test; does nothing unless tests run in parallel."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        yield
        return
    path = f"{tempfile.gettempdir()}/clarion-{run}"
    with Path(f"{path}-turnstile").open("w") as turnstile, Path(f"{path}-machine").open("w") as held:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(held, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield
