"""The broker and the channel layer: emptied, restarted, frozen, refusing, full."""

import signal
from contextlib import ExitStack

import pytest

from tests.faults.conftest import Trials

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

#: Longer than a subscriber believes in a Redis that is silent (seconds).
PAST_SILENCE_SECONDS = 14


def test_a_broker_that_restarts_empty_delays_what_it_held(trial: Trials) -> None:
    """May notice: what it held comes when the sweep looks."""
    with trial("broker restarted empty", "a delay of what it held", within=40) as run:
        run.stack.broker.kill()
        run.some_more()
        run.stack.broker.start()


def test_flushing_redis_in_the_middle_of_a_burst_delays_what_it_held(trial: Trials) -> None:
    """May notice: what the broker held comes when the sweep looks."""
    with trial("FLUSHALL in mid-burst", "a delay of what the broker held", within=40) as run:
        for _ in range(5):
            for server in (run.stack.broker, run.stack.layer):
                with run.stack.redis(server) as client:
                    client.flushall()
            run.some_more(5)


def test_a_channel_layer_that_is_silent_is_left_and_found_again(trial: Trials) -> None:
    """May notice: what is told meanwhile comes by way of Postgres, a second or so later."""
    with trial("channel layer frozen", "a delay of a second or so, by way of Postgres", within=40) as run:
        run.stack.layer.kill(signal.SIGSTOP)
        run.passes(PAST_SILENCE_SECONDS)
        run.until(run.nobody_is_ready, "the edges believe in it still")
        run.stack.layer.kill(signal.SIGCONT)


def test_a_channel_layer_that_restarts_is_listened_to_again(trial: Trials) -> None:
    """May notice: what is told meanwhile comes by way of Postgres."""
    with trial("channel layer restarted", "a delay of a second or so, by way of Postgres", within=40) as run:
        run.stack.layer.kill()
        run.some_more()
        run.stack.layer.start()


def test_a_channel_layer_that_refuses_connections_costs_a_detour(trial: Trials) -> None:
    """May notice: what is told meanwhile comes by way of Postgres."""
    with trial("channel layer refuses connections", "a delay of a second or so, by way of Postgres", within=40) as run:
        links = [run.stack.links[name] for name in ("web-layer", "workers-layer", "edges-layer")]
        for link in links:
            link.cut()
        run.until(run.nobody_is_ready, "the edges have the channel layer all the same")
        run.some_more(40)
        for link in links:
            link.heal()


def test_a_full_redis_takes_no_hints_and_the_sweep_gives_them(trial: Trials) -> None:
    """May notice: what is recorded meanwhile comes when there is room again."""
    with trial("Redis full (maxmemory)", "a delay until there is room again", within=40) as run:
        for server in (run.stack.broker, run.stack.layer):
            with run.stack.redis(server) as client:
                client.config_set("maxmemory-policy", "noeviction")
                client.config_set("maxmemory", "1mb")
        failed = run.stack.web.metric("clarion_enqueue_failed_total")
        run.some_more(40)
        assert run.stack.web.metric("clarion_enqueue_failed_total") > failed
        for server in (run.stack.broker, run.stack.layer):
            with run.stack.redis(server) as client:
                client.config_set("maxmemory", "0")


def test_a_redis_without_a_connection_left_turns_away_whoever_is_new(trial: Trials) -> None:
    """May notice: whoever connects anew waits; as with a Redis that refuses."""
    with trial("Redis out of connections", "a delay until there are some again", within=40) as run, ExitStack() as ours:
        for server in (run.stack.broker, run.stack.layer):
            # One connection is ours, so that there is one to undo it with.
            client = ours.enter_context(run.stack.redis(server))
            ours.callback(client.config_set, "maxclients", client.config_get("maxclients")["maxclients"])
            client.config_set("maxclients", "1")
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        run.until(run.nobody_is_ready, "the edges have Redis all the same")
        run.some_more(40)
