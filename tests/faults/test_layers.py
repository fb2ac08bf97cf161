"""The channel layer with one of two hosts away, and with a second installation on the same Redis."""

import functools
import signal
import time

import psycopg
import pytest
from channels_redis.utils import _consistent_hash

from clarion.shared.breaker import SOCKET_TIMEOUT_SECONDS
from clarion.shared.edge_status import edge_group
from clarion.shared.groups import user_group
from tests.faults import evidence
from tests.faults.background import Background
from tests.faults.checker import Emitted, check
from tests.faults.conftest import Trials
from tests.faults.followers import Follower
from tests.faults.stack import Stack
from tests.faults.trial import Trial
from tests.faults.variants import Staging, second_layer_host, staging

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

#: How long the second host is silent (seconds).
SILENT_SECONDS = 8
#: How long the threads of a worker wait for a silent host, once (seconds); afterwards one of them tries it at times.
FIRST_WAIT_SECONDS = SOCKET_TIMEOUT_SECONDS + 0.5
#: Longest wait of four in five notifications of the host that is there (seconds).
PROMPT_SECONDS = 0.5
#: Users of staging who follow, and the events that each installation records meanwhile.
STAGINGS_PEOPLE, EVENTS = 8, 60
#: Beginning of the groups for commands to edges.
EDGE_GROUPS = edge_group("")


def on_first_host(run: Trial) -> set[int]:
    """The users whose groups the first of two hosts has."""
    with run.stack.database() as database:
        channels = evidence.channels(database)
    return {user for user in run.users if _consistent_hash(channels + user_group(user), 2) == 0}


def most(delays: list[float]) -> int:
    """The index below which four in five are. Some never come by their key: they were collapsed or deleted."""
    return len(delays) * 4 // 5


def test_one_layer_host_away(stack: Stack, trial: Trials) -> None:
    """An outage of one of two layer hosts does not delay the notifications of the other.

    May notice: users of the host that is away are notified by way of Postgres, a second or so later; others nothing.
    """
    with (
        second_layer_host(stack) as second,
        trial("one of two layer hosts frozen, then dead", "half of the people: a second or so", within=40) as run,
    ):
        theirs = on_first_host(run)
        assert 0 < len(theirs) < len(run.users)
        for how, there_again in ((signal.SIGSTOP, signal.SIGCONT), (signal.SIGKILL, None)):
            begun = time.monotonic()
            second.kill(how)
            run.passes(SILENT_SECONDS)
            run.some_more()
            ended = time.monotonic()
            second.kill(there_again) if there_again else second.start()
            first = run.delays(begun, begun + FIRST_WAIT_SECONDS, to=theirs)
            later = run.delays(begun + FIRST_WAIT_SECONDS, ended - 1, to=theirs)
            assert first[most(first)] < FIRST_WAIT_SECONDS + PROMPT_SECONDS, first
            assert later[most(later)] < PROMPT_SECONDS, later
            run.some_more()


def test_two_installations_on_one_redis(trial: Trials, background: Background) -> None:
    """Two installations on one Redis do not affect each other.

    May notice: nothing, while the other one sends, revokes and drains. Users have the same ids in both.
    """
    with (
        trial("two installations on one Redis", "nothing", within=40) as run,
        run.stack.redis("layer") as layer,
    ):
        users = run.users[:STAGINGS_PEOPLE]
        connects = [one.connects for one in run.followers]
        with staging(run.stack, users, f"{run.prefix}-staging-") as other:
            with psycopg.connect(other.database_url) as database:
                epoch = evidence.epoch(database)
            followers = [Follower(other.edge.url, run.stack.web_url, user, epoch) for user in users]
            following = [background.begin(one.run()) for one in followers]
            until = len(other.load.recorded()) + EVENTS
            run.until(lambda: len(other.load.recorded()) >= until, lambda: other.load.said()[-2000:])
            run.some_more(EVENTS)
            assert other.load.stop() == 0
            with psycopg.connect(other.database_url, autocommit=True) as database:
                ended_at = evidence.now(database)
                undelivered = functools.partial(evidence.pending, database, f"{run.prefix}-staging-", ended_at)
                run.until(lambda: not undelivered(), lambda: f"not delivered in staging: {undelivered()}")
            run.until(lambda: not behind(other, followers), lambda: f"behind in staging: {behind(other, followers)}")
            for one in following:
                one.cancel()
            holds(other, followers, f"{run.prefix}-staging-")
            other.does(f"from clarion.pipeline import revocation\nfor user in {users}: revocation.revoke(user)")
            names = [name.decode().partition(EDGE_GROUPS)[2] for name in layer.pubsub_channels(f"*{EDGE_GROUPS}*")]
            assert len(names) >= len(run.stack.edges)
            drain = f"for edge in {names}: actions.send_command(edge, 'edge.drain')"
            other.does(f"from clarion.pipeline.dashboard import actions\n{drain}")
            run.some_more(EVENTS)
        assert [one.connects for one in run.followers] == connects


def behind(other: Staging, followers: list[Follower]) -> list[int]:
    """The users of staging who have not been sent everything."""
    with psycopg.connect(other.database_url) as database:
        heads = evidence.heads(database, [one.user for one in followers])
    return [one.user for one in followers if one.seq < heads.get(one.user, 1)]


def holds(other: Staging, followers: list[Follower], prefix: str) -> None:
    """Hold against its database what staging recorded and sent."""
    with psycopg.connect(other.database_url) as database:
        found = evidence.evidence(database, prefix, [one.user for one in followers])
    emitted = [Emitted(key, frozenset({user}), "ok") for key, user in other.load.recorded().items()]
    assert emitted
    verdict = check(emitted, found.committed, found.inboxes, [one.told() for one in followers])
    assert not verdict.broken, f"staging: {verdict}"
