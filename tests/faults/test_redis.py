"""The broker and the channel layer: emptied, restarted, frozen, refusing, full."""

import statistics
import time
from contextlib import ExitStack
from datetime import timedelta

import pytest

from clarion.shared.breaker import SOCKET_TIMEOUT_SECONDS
from clarion.shared.groups import user_group
from tests.faults import evidence
from tests.faults.breakages import cut, flushed, full, server_dead, server_frozen
from tests.faults.conftest import Trials

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

#: Longer than a subscriber believes in a Redis that is silent (seconds).
PAST_SILENCE_SECONDS = 13
#: While it is silent: events are stored after this long at the latest, and most actions take less than the latter.
LATE_SECONDS, AT_ONCE_SECONDS = 5, 0.3
#: Longer than a request waits for the broker (seconds).
FROZEN_SECONDS = 3

BY_POSTGRES = "a delay of a second or so, by way of Postgres"


def test_broker_restarted_empty(trial: Trials) -> None:
    """A broker restarted empty delays the events of its hints and loses none.

    May notice: the work of its lost hints is done after the next sweep.
    """
    with trial("broker restarted empty", "a delay of what it held", within=40) as run, server_dead(run.stack, "broker"):
        run.some_more()


def test_broker_frozen(trial: Trials) -> None:
    """A frozen broker does not delay posting.

    May notice: events of the meantime come when it answers again. Posting waits for half a second at most.
    """
    with trial("broker frozen", "a delay until it answers", within=40) as run, server_frozen(run.stack, "broker"):
        run.passes(FROZEN_SECONDS)


def test_redis_flushed_in_burst(trial: Trials) -> None:
    """Flushing Redis during a burst delays the events of its hints and loses none.

    May notice: the work of lost hints is done after the next sweep.
    """
    with trial("FLUSHALL in mid-burst", "a delay of what the broker held", within=40) as run:
        for _ in range(5):
            with flushed(run.stack, "broker", "layer"):
                run.some_more(5)


def test_channel_layer_frozen(trial: Trials) -> None:
    """A frozen channel layer is left, and used again when it answers.

    May notice: notifications come by way of Postgres. Workers store as fast as before, and an action waits once.
    """
    with trial("channel layer frozen", BY_POSTGRES, within=40) as run, server_frozen(run.stack, "layer"):
        begun = time.monotonic()
        run.until(run.nobody_is_ready, "the edges believe in it still")
        run.passes(max(0.0, begun + PAST_SILENCE_SECONDS - time.monotonic()))
        ended = time.monotonic()
        with run.stack.database() as database:
            unstored = evidence.pending(database, run.prefix, evidence.now(database) - timedelta(seconds=LATE_SECONDS))
        waits = [seconds for since, seconds in run.load.acted if begun <= since < ended - SOCKET_TIMEOUT_SECONDS]
        assert not unstored
        assert max(waits) < SOCKET_TIMEOUT_SECONDS + 1
        assert statistics.median(waits) < AT_ONCE_SECONDS


def test_channel_layer_restart(trial: Trials) -> None:
    """After a restart of the channel layer the edges subscribe again.

    May notice: notifications of the meantime come by way of Postgres.
    """
    with trial("channel layer restarted", BY_POSTGRES, within=40) as run, server_dead(run.stack, "layer"):
        run.some_more()


def test_channel_layer_refuses_connections(trial: Trials) -> None:
    """While the channel layer refuses connections notifications come by way of Postgres.

    May notice: these notifications are a second or so late.
    """
    pairs = ("web-layer", "workers-layer", "edges-layer")
    with trial("channel layer refuses connections", BY_POSTGRES, within=40) as run, cut(run.stack, *pairs):
        run.until(run.nobody_is_ready, "the edges have the channel layer all the same")
        run.some_more(40)


def test_redis_full(trial: Trials) -> None:
    """A full Redis refuses hints, and the sweep sends them later.

    May notice: events of the meantime come when there is room again.
    """
    with (
        trial("Redis full (maxmemory)", "a delay until there is room again", within=40) as run,
        full(run.stack, "broker", "layer"),
    ):
        failed = run.stack.web.metric("clarion_enqueue_failed_total")
        run.some_more(40)
        assert run.stack.web.metric("clarion_enqueue_failed_total") > failed


def test_redis_out_of_connections(trial: Trials) -> None:
    """A Redis without free connections delays events and loses none.

    May notice: new connections wait, as with a Redis that refuses.
    """
    with trial("Redis out of connections", "a delay until there are some again", within=40) as run, ExitStack() as ours:
        for name in ("broker", "layer"):
            # One connection is ours, so that there is one to undo it with.
            client = ours.enter_context(run.stack.redis(name))
            ours.callback(client.config_set, "maxclients", client.config_get("maxclients")["maxclients"])
            client.config_set("maxclients", "1")
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        run.until(run.nobody_is_ready, "the edges have Redis all the same")
        run.some_more(40)


def test_subscriber_cut_off(trial: Trials) -> None:
    """A subscriber that Redis cuts off reconnects and reads the missed changes.

    May notice: sockets of a slow edge get their frames a second or so later, by way of Postgres.
    """
    with trial("subscriber cut off by Redis", BY_POSTGRES, within=40) as run, run.stack.redis("layer") as client:
        before = client.config_get("client-output-buffer-limit")["client-output-buffer-limit"]
        client.config_set("client-output-buffer-limit", "pubsub 1kb 1kb 1")
        try:
            back = run.counted("clarion_layer_reconnects_total")
            # Faster than anybody reads: the buffers of the system are full, and that of Redis is over its limit.
            blob = b"x" * 1_000_000
            channels = [one.decode() for one in client.pubsub_channels("clarion*__canary__*")]
            assert channels
            for _ in range(30):
                for channel in channels:
                    client.publish(channel, blob)
            run.until(lambda: run.counted("clarion_layer_reconnects_total") > back, "nobody was cut off")
            run.some_more(20)
        finally:
            client.config_set("client-output-buffer-limit", before)


def test_garbage_on_channel_layer(trial: Trials) -> None:
    """Garbage on the channel layer is dropped, and its connection stays.

    May notice: nothing.
    """
    with trial("garbage on the channel layer", "nothing", within=40) as run, run.stack.redis("layer") as client:
        back = run.counted("clarion_layer_reconnects_total")
        with run.stack.database() as database:
            beginning = evidence.channels(database)
        groups = [beginning + user_group(user) for user in run.users]
        for _ in range(20):
            for group in groups:
                client.publish(group, run.dice.randbytes(run.dice.randint(0, 60)))
            run.some_more(2)
        assert run.counted("clarion_layer_reconnects_total") == back
