"""Crowds: 5,000 sockets in a burst, 20,000 connects, and floods of frames."""

import statistics
from collections import Counter
from functools import partial

import psutil
import pytest

from tests.faults import evidence
from tests.faults.breakages import dead
from tests.faults.conftest import Trials
from tests.faults.crowd import CHURN, FLOOD, FLOODING, FOLLOW, Crowd
from tests.faults.stack import Stack
from tests.faults.trial import GROWTH_MAX, Trial
from tests.processes import Edge

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

#: Sockets of one edge, the events that reach all of them, and the text of each (characters).
SOCKETS, EVENTS, TEXT = 5000, 8, 1000
#: Redis's default limit of a subscriber's buffer.
DEFAULT_LIMIT = "pubsub 33554432 8388608 60"
#: Connects before memory is measured, and after all of them it may have grown by this factor.
WARM_UP, CONNECTS, GROWTH = 3000, 20_000, 1.1
#: Longest wait of any client for a pong while others flood its edge, and half of all waits (seconds).
PONG_SECONDS, PONG_MEDIAN_SECONDS = 1.0, 0.1
#: Events that are recorded during the floods.
EVENTS_MEANWHILE = 60


def users(run: Trial, count: int) -> list[int]:
    """People who are not checked by the trial."""
    with run.stack.database() as database:
        return evidence.people(database, f"{run.prefix}-crowd-", count)


def memory(edge: Edge) -> int:
    assert edge.popen is not None
    return int(psutil.Process(edge.popen.pid).memory_info().rss)


def patient_edge(stack: Stack) -> Edge:
    """An edge that takes many sockets of one user, and does not miss the heartbeats that a crowd does not send."""
    settings = {"HEARTBEAT": "100", "SILENT": "600", "QUIET_LOSS": "25"}
    patience = {f"CLARION_{name}_SECONDS": value for name, value in settings.items()}
    return stack.edge("crowded", CLARION_CONNECTIONS_PER_USER="10000", **patience)


def test_burst_to_5000_sockets(trial: Trials) -> None:
    """A burst to 5,000 sockets of one edge ends none of its connections.

    May notice: nothing but the time that it takes. Redis's limit for a subscriber is its default.
    """
    with trial("a burst to 5,000 sockets of one edge", "the burst takes its time", within=40) as run, \
            patient_edge(run.stack) as edge, run.stack.redis("layer") as layer:  # fmt: skip
        before = layer.config_get("client-output-buffer-limit")["client-output-buffer-limit"]
        layer.config_set("client-output-buffer-limit", DEFAULT_LIMIT)
        crowd = users(run, SOCKETS)
        sockets = Crowd(FOLLOW, edge.port, crowd)
        try:
            with sockets, dead(run.stack, "alpha", "beta"), run.stack.worker("wide", CLARION_BATCH_SIZE="2000"):
                run.until(
                    lambda: sockets.counts()["opened"] == SOCKETS, lambda: sockets.said()[-1000:] + edge.said()[-4000:]
                )
                rss, reconnects = memory(edge), edge.metric("clarion_layer_reconnects_total")
                for number in range(EVENTS):
                    run.post(f"burst-{number}", crowd, data={"text": "x" * TEXT})
                run.until(
                    lambda: sockets.counts()["changes"] >= SOCKETS * EVENTS,
                    lambda: sockets.said()[-1000:] + edge.said()[-4000:],
                )
                assert edge.metric("clarion_layer_reconnects_total") == reconnects
                assert memory(edge) - rss < GROWTH_MAX
                assert sockets.counts() == Counter(opened=SOCKETS, changes=SOCKETS * EVENTS)
        finally:
            layer.config_set("client-output-buffer-limit", before)


def test_memory_over_20000_connects(trial: Trials) -> None:
    """The memory of an edge does not grow over 20,000 connects.

    May notice: nothing. The users of these sockets are notified meanwhile.
    """
    with trial("20,000 connects to one edge", "nothing", within=40) as run, patient_edge(run.stack) as edge:
        with Crowd(CHURN, edge.port, run.users) as churn:
            run.until(lambda: churn.counts()["opened"] >= WARM_UP, lambda: f"{churn.counts()}")
            before = memory(edge)
            run.until(lambda: churn.counts()["opened"] >= CONNECTS, lambda: f"{churn.counts()}", 120)
            assert memory(edge) < before * GROWTH
        run.until(lambda: edge.metric("clarion_edge_sockets") == 0, "sockets of nobody stay")


def begun(flood: Crowd) -> bool:
    """Whether it has begun every kind of flood, and was closed for each that is over the rate."""
    counts = flood.counts()
    return counts["unfinished"] >= FLOODING and min(counts["pings"], counts["empty continuations"]) > FLOODING


def test_frame_floods(trial: Trials) -> None:
    """Floods of frames do not delay the pongs of other clients.

    May notice: nothing. The floods are pings whose answers are not read, empty continuation frames, and unfinished
    messages.
    """
    with trial("floods of frames", "nothing", within=40) as run:
        crowd = users(run, 50)
        floods = [Crowd(FLOOD, edge.port, crowd) for edge in run.stack.edges]
        with floods[0], floods[1]:
            for one in floods:
                run.until(partial(begun, one), lambda: f"{[one.counts() for one in floods]}")
            waits = []
            for _ in range(EVENTS_MEANWHILE):
                run.some_more(1)  # so that the pings of a follower stay below the rate limit themselves
                waits.append(run.ping())
        assert max(waits) < PONG_SECONDS, sorted(waits)[-5:]
        assert statistics.median(waits) < PONG_MEDIAN_SECONDS
