"""Clocks that are wrong: of one kind of process, minutes ahead and minutes behind, stepped while it runs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files

import pytest

from tests.faults.breakages import flushed
from tests.faults.conftest import Trials
from tests.faults.stack import Stack
from tests.programs import cannot_run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

#: How far a clock is stepped (seconds): more than any time-out, less than a token lives.
STEP_SECONDS = 300

Step = Callable[[int], None]


@contextmanager
def stepping(stack: Stack, *names: str) -> Iterator[Step]:
    """Processes started again with a clock that can be stepped: it is called with the seconds that it is ahead.

    The monotonic clock continues, as when the clock of a machine is set.
    """
    library = files("libfaketime") / "vendor/libfaketime/src/libfaketime.so.1"
    file = stack.folder / "clock"

    def step(seconds: int) -> None:
        file.write_text(f"{seconds:+d}s\n")

    faked = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else it waits for a condition by asking for it all the time
    }
    before = {name: stack.processes[name].environment for name in names}
    step(0)
    try:
        for name in names:
            stack.kill(name)
            stack.processes[name].environment = before[name] | faked
            stack.start(name)
        yield step
    finally:
        for name in names:
            stack.kill(name)
            stack.processes[name].environment = before[name]
            stack.start(name)


@pytest.mark.parametrize("names", [("alpha", "beta"), ("beat",), ("web",), ("left", "right")], ids="-".join)
def test_clock_stepped(trial: Trials, names: tuple[str, ...]) -> None:
    """A stepped clock of any process loses and delays no event.

    May notice: nothing. The broker loses its hints as well, so that the sweep must do its work.
    """
    if sys.platform != "linux":
        cannot_run("clocks are stepped by way of LD_PRELOAD, on Linux only")
    with trial(f"clock stepped: {', '.join(names)}", "nothing", within=40) as run, stepping(run.stack, *names) as step:
        for seconds in (STEP_SECONDS, -STEP_SECONDS):
            step(seconds)
            run.passes(1.5)  # until the processes have looked at their clock
            with flushed(run.stack, "broker"):
                run.some_more()
            run.until_told()
