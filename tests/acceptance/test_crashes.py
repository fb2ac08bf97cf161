"""Crashes, a flush and a late worker lose and repeat nothing. Each test runs workers of its own."""

import os
import subprocess
import sys
from contextlib import AsyncExitStack

import pytest
import redis
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError, connection, connections

from clarion.pipeline.celery.app import app
from clarion.pipeline.outbox import sweep
from clarion.pipeline.outbox.models import Event
from clarion.shared.inbox.models import Notification
from examples.forum.models import Message, Thread
from tests import environment
from tests.acceptance import crash
from tests.acceptance.conftest import on_test_database
from tests.acceptance.steps import all_done, make_all_due, person, post, thread, until
from tests.client import connected
from tests.factories import MessageFactory, ThreadFactory, UserFactory
from tests.processes import Beat, Edge, Worker

pytestmark = pytest.mark.django_db(transaction=True)


def postgres_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError:
        connection.close()
        return False
    return True


def forget_everything() -> None:
    """Redis loses all it holds, and so does the broker."""
    with redis.Redis.from_url(environment.VALKEY.url) as client:
        client.flushall()
    if environment.BROKER is not environment.VALKEY:
        with app.connection_for_write() as connection:
            app.control.purge(connection)


async def test_event_of_deleted_message(edge: Edge, valkey: str) -> None:
    """The event of a deleted message is done without a notification."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    message = await post(place, ben)
    await message.adelete()
    with Worker("late", **await sync_to_async(on_test_database)()):
        await all_done()
    assert not await Notification.objects.aexists()


@pytest.mark.parametrize("point", crash.POINTS)
async def test_worker_killed_at_each_point(edge: Edge, valkey: str, point: str) -> None:
    """A worker killed at any point loses and repeats no notification."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with connected(edge.url, ann) as client:
        await post(place, ben)
        event = await Event.objects.aget()
        env = os.environ | await sync_to_async(on_test_database)()
        command = [sys.executable, "-m", "tests.acceptance.crash", point, str(event.pk)]
        died = await sync_to_async(subprocess.run)(command, env=env, check=False, capture_output=True)
        assert died.returncode == -9, died.stderr.decode()
        # Its hint is gone with it; the sweep gives another when the row is due.
        forget_everything()
        await make_all_due()
        with Worker("next", **env):
            assert await sync_to_async(sweep.sweep)() == 1
            await all_done()
        assert [frame["seq"] for frame in await client.changes(1)] == [1]
        await client.nothing_came()
    assert await Notification.objects.acount() == 1


async def test_redis_flushed_during_burst(edge: Edge, valkey: str) -> None:
    """Flushing Redis during a burst loses and repeats no notification."""
    poster, place, crowd = await crowded_thread(40)
    batches_of_five = {"CLARION_BATCH_SIZE": "5", "CLARION_DELIVER_AT_ONCE": "0"}
    async with AsyncExitStack() as sockets:
        clients = [await sockets.enter_async_context(connected(edge.url, one)) for one in crowd[:10]]
        for number in range(5):
            await post(place, poster, f"message {number}")
        with Worker("burst", **batches_of_five, **await sync_to_async(on_test_database)()):
            await until(lambda: Notification.objects.count() > 20, "the burst did not begin")
            forget_everything()
            with Beat():
                await make_all_due()
                await all_done()
        for client in clients:
            assert [frame["seq"] for frame in await client.changes(5)] == [1, 2, 3, 4, 5]
            await client.nothing_came()
    assert await Notification.objects.acount() == 5 * len(crowd)


@sync_to_async
def crowded_thread(size: int) -> tuple[User, Thread, list[User]]:
    """Someone to post, and a thread in which `size` others take part."""
    poster, place = UserFactory.create(), ThreadFactory.create()
    crowd = UserFactory.create_batch(size - 1)
    for one in crowd:
        MessageFactory.create(thread=place, author=one, origin=Message.Origin.SYSTEM)
    return poster, place, [*crowd, place.author]


async def test_postgres_restart_with_open_socket(edge: Edge, valkey: str, postgres_restarts: None) -> None:
    """A restart of Postgres delays notifications, and sockets stay open."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    with Worker("steady", **await sync_to_async(on_test_database)()):
        async with connected(edge.url, ann) as client:
            await post(place, ben, f"@{ann.username} before")
            await client.changes(1)
            await sync_to_async(connections.close_all)()
            environment.POSTGRES.restart()
            # A pooler in between may still reject all clients for a moment.
            await until(postgres_answers, "nobody is let in")
            await post(place, ben, f"@{ann.username} after")
            with Beat():
                await all_done()
            assert [frame["seq"] for frame in await client.changes(1)] == [2]
            await client.nothing_came()
        async with connected(edge.url, ann, since=1) as again:
            assert [frame["seq"] for frame in await again.changes(1)] == [2]


async def test_no_workers_and_empty_broker(edge: Edge, valkey: str) -> None:
    """Dead workers and a broker restarted empty delay notifications and lose none."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with connected(edge.url, ann) as client:
        for number in range(3):
            await post(place, ben, f"@{ann.username} {number}")
        environment.VALKEY.restart()
        environment.BROKER.restart()
        await until(edge.is_up, "the edge did not come back to Redis")
        with Worker("late", **await sync_to_async(on_test_database)()), Beat():
            await make_all_due()
            await all_done()
        assert [frame["seq"] for frame in await client.changes(3)] == [1, 2, 3]
        await client.nothing_came()
