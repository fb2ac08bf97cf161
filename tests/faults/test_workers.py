"""Workers and beat: killed at named points, frozen, gone."""

import signal
import time

import pytest

from tests.faults import worker
from tests.faults.breakages import dead, frozen
from tests.faults.conftest import Trials
from tests.faults.stack import SHORT

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

#: So many times the point is passed before the worker ends: with work of both kinds under way. Hints are given of large
#: events only, which are fewer.
NTH = 12
NTH_OF_LARGE = 3

#: Longest that a busy worker may take to end when asked to (seconds).
STOP_SECONDS = 15


@pytest.mark.parametrize("point", worker.POINTS)
def test_worker_killed(trial: Trials, point: str) -> None:
    """A worker killed at a named point delays its work and loses none.

    May notice: its work comes later, with the next sweep; nothing else.
    """
    with trial(f"worker killed {point}", "a delay of what it had in hand", within=40) as run, dead(run.stack, "alpha"):
        nth = NTH_OF_LARGE if point == "between expanding and the hints" else NTH
        with run.stack.worker("doomed", FAULTS_POINT=point, FAULTS_NTH=str(nth)) as doomed:
            run.until(lambda: doomed.exit_code() == -signal.SIGKILL, f"it never came to the point {point}")
        run.mended()


def test_worker_frozen(trial: Trials) -> None:
    """A worker frozen past every time-out repeats no notification when it continues.

    May notice: its work comes later. When it wakes, others have done it, with no visible effect.
    """
    with (
        trial("worker frozen past every time-out", "a delay of what it had in hand", within=40) as run,
        frozen(run.stack, "alpha"),
    ):
        # Redis has given its tasks to the other, and the sweep has looked, twice.
        run.passes(2 * float(SHORT["FAULTS_VISIBILITY_SECONDS"]) + 1)


def test_workers_rolled(trial: Trials) -> None:
    """Workers that are restarted one by one finish their tasks and end within seconds.

    May notice: nothing, or a moment. A pool of processes would take half a minute to end; this one does not.
    """
    with trial("workers rolled", "nothing, or a moment", within=40) as run:
        for name in ("alpha", "beta"):
            begun = time.monotonic()
            run.stack.processes[name].stop()
            assert time.monotonic() - begun < STOP_SECONDS
            run.stack.start(name)
            run.some_more(10)


def test_beat_dead(trial: Trials) -> None:
    """Without beat the hints on the broker are still worked off.

    May notice: lost work waits for beat; here a worker dies as well, so that some is lost.
    """
    with (
        trial("beat dead, and a worker killed", "a delay until beat is back, of what got lost only", within=40) as run,
        dead(run.stack, "beat", "alpha"),
    ):
        run.some_more()


def test_all_workers_dead(trial: Trials) -> None:
    """With all workers dead notifications wait, and none is lost.

    May notice: notifications wait until a worker is back; then all come, in order.
    """
    with (
        trial("all workers dead, then back", "nothing is told until they are back", within=40) as run,
        dead(run.stack, "alpha", "beta"),
    ):
        run.some_more(40)
