"""The network between each two parts: slow, silent, cut."""

import pytest

from tests.faults.breakages import cut, delayed, stalled
from tests.faults.conftest import Trials
from tests.faults.stack import PAIRS
from tests.faults.trial import EMIT_BOUND_SECONDS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

#: What each packet is late by, and how long nothing comes through (seconds).
LATE_SECONDS = 0.05
STALLED_SECONDS = 2.5

#: On the way of a request itself: while it is broken, a request waits for it.
ON_THE_WAY = ("web-postgres", "load-web")


@pytest.mark.parametrize("pair", PAIRS)
def test_network_slow_silent_cut(trial: Trials, pair: str) -> None:
    """A network that is slow, then silent, then cut between two parts loses no event.

    May notice: a delay, and a reconnect if it is the network of the clients.
    """
    bound = None if pair in ON_THE_WAY else EMIT_BOUND_SECONDS
    with trial(f"network: {pair}", "a delay; of one's own way a reconnect", within=40, emit_bound=bound) as run:
        with delayed(run.stack, LATE_SECONDS, pair):
            run.some_more(10)
        with stalled(run.stack, pair):
            run.passes(STALLED_SECONDS)
        with cut(run.stack, pair):
            run.passes(1)
