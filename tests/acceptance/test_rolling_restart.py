"""A deploy of two edges behind a load balancer, under load: real haproxy, real Daphne, real workers, real sockets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from clarion.shared.inbox.models import Inbox
from dev.programs import HAPROXY
from examples.forum.models import Thread
from tests.acceptance.conftest import on_test_database
from tests.acceptance.follower import Follower
from tests.acceptance.steps import all_done, person, post, thread, until
from tests.balancer import Balancer
from tests.factories import MessageFactory
from tests.processes import Edge, Worker
from tests.programs import needed
from tests.tasks import running

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 40


@asynccontextmanager
async def load(place: Thread, people: list[User]) -> AsyncIterator[list[int]]:
    """Post all the time, with notifications for all others; yield the number of messages."""
    posted = [0]

    async def write() -> None:
        while True:
            await post(place, people[posted[0] % len(people)], "And another thing.")
            posted[0] += 1

    async with running(write()):
        yield posted


@pytest.fixture
def workers(db: None, valkey: str) -> Iterator[None]:
    with Worker("rolling", **on_test_database()):
        yield


async def test_rolling_restart_under_load(workers: None) -> None:
    """A rolling restart of the edges under load loses and repeats no change."""
    haproxy = needed(HAPROXY)
    people = [await person() for _ in range(PEOPLE)]
    place = await thread(people[0])
    for one in people:
        await sync_to_async(MessageFactory.create)(thread=place, author=one, origin="system")
    env = {"CLARION_DRAIN_SECONDS": "1"} | await sync_to_async(on_test_database)()
    edges = [Edge("left", **env), Edge("right", **env)]
    async with AsyncExitStack() as stack:
        for process in (*edges, Balancer(haproxy, {edge.name: edge.port for edge in edges})):
            stack.enter_context(process)
        followers = [Follower(process.url, one) for one in people]
        await stack.enter_async_context(running(*(follower.follow() for follower in followers)))
        await until(lambda: all(follower.connects for follower in followers), "not everyone connected")

        async with load(place, people) as posted:
            for edge in edges:
                before = posted[0]
                assert await asyncio.to_thread(edge.stop) == 0
                await asyncio.to_thread(edge.start)
                await until(lambda since=before: posted[0] > since + 20, "nothing is written")
        await all_done()
        heads = await sync_to_async(lambda: dict(Inbox.objects.values_list("user_id", "seq")))()
        for follower in followers:
            await until(
                lambda one=follower: one.cursor == heads[one.user.pk],
                lambda one=follower: f"{one.user.pk} has {one.cursor} of {heads[one.user.pk]}",
            )
    assert posted[0] > 40
    assert [follower.connects for follower in followers if follower.connects < 2] == []
    assert sum(follower.resyncs for follower in followers) == 0
    for follower in followers:
        assert follower.seqs == list(range(1, heads[follower.user.pk] + 1))
