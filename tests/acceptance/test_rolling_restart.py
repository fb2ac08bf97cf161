"""A deploy of two edges behind a load balancer, under load: real haproxy, real Daphne, real workers, real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import websockets
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from dev.programs import HAPROXY
from examples.forum.models import Thread
from shared.inbox.models import Inbox
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import all_done, person, post, thread, until
from tests.balancer import Balancer
from tests.client import INBOX, Client, connected
from tests.factories import MessageFactory
from tests.processes import Edge, Worker
from tests.programs import needed

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 40
#: Wait of a client before it comes back where the edge has not said when (seconds).
COME_BACK_SECONDS = 0.2


class Follower:
    """A client that keeps its cursor and always comes back, as the browser's does."""

    def __init__(self, url: str, user: User) -> None:
        self.user = user
        self.seqs: list[int] = []
        self.resyncs = 0
        self.connects = 0
        self.epoch = "0"
        self._url = url
        self._back_in = COME_BACK_SECONDS

    async def follow(self) -> None:
        """Connect, read, come back, for ever."""
        while True:
            with contextlib.suppress(websockets.ConnectionClosed, websockets.InvalidHandshake, OSError, TimeoutError):
                async with connected(self._url, self.user, since=self.cursor, epoch=self.epoch) as client:
                    self.connects += 1
                    await self._read(client)
            await asyncio.sleep(self._back_in)
            self._back_in = COME_BACK_SECONDS

    @property
    def cursor(self) -> int:
        return self.seqs[-1] if self.seqs else 0

    async def _read(self, client: Client) -> None:
        async for text in client.connection:
            frame: dict[str, Any] = client.parsed(text)
            if frame["type"] in INBOX:
                self.seqs.append(frame["seq"])
                if frame["seq"] % 20 == 0:
                    await client.say(type="ack", seq=frame["seq"])
            elif frame["type"] == "RESYNC":
                self.resyncs += 1
            elif frame["type"] == "GOING_AWAY":
                self._back_in = frame["reconnect_after_seconds"]


@asynccontextmanager
async def load(place: Thread, people: list[User]) -> AsyncIterator[list[int]]:
    """Somebody writes all the time, and everyone else is told; how many messages there were."""
    posted = [0]

    async def write() -> None:
        while True:
            await post(place, people[posted[0] % len(people)], "And another thing.")
            posted[0] += 1

    writing = asyncio.create_task(write())
    yield posted
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing


@pytest.fixture
def workers(db: None, valkey: str) -> Iterator[None]:
    with Worker("rolling", **on_test_database()):
        yield


async def test_a_rolling_restart_under_load_loses_and_repeats_nothing(workers: None) -> None:
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
        following = [asyncio.create_task(follower.follow()) for follower in followers]
        stack.callback(lambda: [task.cancel() for task in following])
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
