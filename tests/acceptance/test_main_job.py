"""From a posted reply to a frame on a socket: real worker, real Daphne, real sockets."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from clarion.pipeline.celery.app import app
from clarion.pipeline.inbox import marking
from clarion.pipeline.outbox.models import Event
from clarion.pipeline.outbox.timeline import lines_of
from clarion.pipeline.persons import key_of
from tests.acceptance.steps import all_done, person, post, thread, until
from tests.client import connected
from tests.factories import MessageFactory
from tests.processes import Edge, Worker

pytestmark = pytest.mark.django_db(transaction=True)


async def test_reply_mention_and_thread_reply(worker: Worker, edge: Edge) -> None:
    """A reply, a mention and a message in a user's thread arrive as frames."""
    ann, ben, cleo = await person(), await person(), await person()
    place = await thread(ann)
    async with connected(edge.url, ann) as anns, connected(edge.url, ben) as bens:
        first = await post(place, ben, "What a day.")
        (frame,) = await anns.changes(1)
        assert frame["notificationType"] == "THREAD_REPLY"
        await post(place, ann, "It is.", parent=first)
        (frame,) = await bens.changes(1)
        assert (frame["notificationType"], frame["actor"]) == ("REPLY", {"id": str(ann.pk), "username": ann.username})
        assert (frame["seq"], frame["unread"], frame["isRead"], frame["count"]) == (1, 1, False, 1)
        assert frame["conversationId"] == str(place.pk)
        # Cleo replies to Ben in a thread he takes part in, and mentions him: he gets one notification, a MENTION.
        await post(place, cleo, f"@{ben.username.upper()} look", parent=first)
        (bens_frame,) = await bens.changes(1)
        (anns_frame,) = await anns.changes(1)
        assert (bens_frame["notificationType"], anns_frame["notificationType"]) == ("MENTION", "THREAD_REPLY")
        await all_done()
        await anns.nothing_came()
        await bens.nothing_came()


async def test_metrics_of_notification(worker: Worker, edge: Edge) -> None:
    """The metrics of worker and edge count notifications and their delays."""
    names = {
        worker: ["clarion_notifications_stored_total", "clarion_work_finished_total"],
        edge: ["clarion_edge_lag_seconds_count", "clarion_edge_ack_seconds_count", "clarion_edge_lag_seconds_sum"],
    }

    def counted() -> list[float]:
        return [process.metric(name) for process, these in names.items() for name in these]

    ann, ben = await person(), await person()
    place = await thread(ann)
    before = await asyncio.to_thread(counted)
    async with connected(edge.url, ann) as anns:
        for number in range(1, 11):
            await post(place, ben, f"@{ann.username}")
            assert (await anns.changes(1))[0]["seq"] == number
            await anns.say(type="ack", seq=number)
        await anns.nothing_came()
    await all_done()
    after = await asyncio.to_thread(counted)
    stored, finished, lags, acks, lag = (now - then for now, then in zip(after, before, strict=True))
    assert (stored, finished, lags, acks) == (10, 20, 1, 10)  # events and batches; the lag of one in ten
    assert 0 < lag < 10


async def test_only_users_cause_notifications(worker: Worker, edge: Edge) -> None:
    """Messages of bots, of the system and of the user itself cause no notification."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with connected(edge.url, ann) as anns:
        for origin in ("bot", "system"):
            await sync_to_async(MessageFactory.create)(thread=place, author=ben, origin=origin)
        message = await post(place, ann, f"to myself @{ann.username}")
        await message.asave()
        await post(place, ben)
        (frame,) = await anns.changes(1)
        assert frame["seq"] == 1


async def test_own_inbox_only(worker: Worker, edge: Edge) -> None:
    """Each user receives only the notifications of their own inbox."""
    people = [await person() for _ in range(6)]
    place = await thread(people[0])
    async with connected(edge.url, people[0]) as first, connected(edge.url, people[1]) as second:
        await post(place, people[2], f"@{people[0].username}")
        await post(place, people[2], f"@{people[1].username}")
        await all_done()
        assert {frame["notificationType"] for frame in await first.changes(2)} == {"MENTION", "THREAD_REPLY"}
        assert {frame["notificationType"] for frame in await second.changes(1)} == {"MENTION"}
        await first.nothing_came()
        await second.nothing_came()


async def test_read_all_in_another_tab(worker: Worker, edge: Edge) -> None:
    """Reading all in one tab is sent to the others."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with connected(edge.url, ann) as one, connected(edge.url, ann) as other:
        for body in ("one", "two"):
            await post(place, ben, body)
        await one.changes(2)
        await other.changes(2)
        await sync_to_async(marking.read_through)(ann.pk)
        for tab in (one, other):
            (frame,) = await tab.changes(1)
            assert (frame["type"], frame["seq"], frame["unread"]) == ("NOTIFICATIONS_READ", 3, 0)
            assert (frame["through"], frame["topic"], frame["notificationType"]) == (2, None, None)


async def test_acknowledgement_in_trace(worker: Worker, edge: Edge) -> None:
    """An acknowledgement of a sent frame appears in the trace of its event."""
    ann, ben = await person(), await person()
    async with connected(edge.url, ann) as client:
        await post(await thread(ann), ben)
        await client.changes(1)
        await client.say(type="ack", seq=10**6)  # frames that were never sent cannot be acknowledged
        await client.say(type="ack", seq="1")
        await client.nothing_came()
        await all_done()
        event = await Event.objects.aget()
        assert "by 0 of 1 recipients" in (await sync_to_async(lines_of)(event))[-1][1]
        await client.say(type="ack", seq=1)
        await until(lambda: "by 1 of 1 recipients" in lines_of(Event.objects.get())[-1][1], "the ack was not noted")


async def test_service_notifies_by_celery_message(worker: Worker, edge: Edge) -> None:
    """Another service notifies users by a Celery message."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    await sync_to_async(MessageFactory.create)(thread=place, author=ben, origin="system")
    by_id = {"kind": "EXPORT_COMPLETE", "recipients": [key_of(ann.pk)], "data": {"file": "a.csv"}}
    by_audience = {
        "kind": "THREAD_PINNED",
        "audience": "forum.thread.participants",
        "parameters": {"thread_id": place.pk},
    }
    async with connected(edge.url, ann) as anns, connected(edge.url, ben) as bens:
        for key, payload in (("one", by_id), ("one", by_id), ("two", by_audience)):
            message = {"name": "clarion.notice.given.v1", "payload": payload, "key": key, "actor_id": None}
            await sync_to_async(app.send_task)("pipeline.record", kwargs=message)
        kinds = {frame["notificationType"] for frame in await anns.changes(2)}
        assert kinds == {"EXPORT_COMPLETE", "THREAD_PINNED"}
        assert (await bens.changes(1))[0]["notificationType"] == "THREAD_PINNED"
        await all_done()
        await anns.nothing_came()


async def test_collapsed_replies_on_socket(worker: Worker, edge: Edge) -> None:
    """Unread replies arrive as updates of one notification."""
    ann, ben, cleo = await person(), await person(), await person()
    place = await thread(ann)
    async with connected(edge.url, ann) as client:
        await post(place, ben)
        (created,) = await client.changes(1)
        await post(place, cleo)
        (grown,) = await client.changes(1)
        assert (created["type"], grown["type"]) == ("NOTIFICATION_CREATED", "NOTIFICATION_UPDATED")
        assert grown["notificationId"] == created["notificationId"] == "1"
        assert (grown["seq"], grown["unread"], grown["count"], grown["actorCount"]) == (2, 1, 2, 2)
        assert [actor["username"] for actor in grown["actors"]] == [cleo.username, ben.username]
    async with connected(edge.url, ann, since=1) as again:
        assert await again.changes(1) == [grown]


async def test_worker_keeps_connections(worker: Worker, edge: Edge) -> None:
    """A worker keeps its connections to Postgres between tasks."""
    ann, ben = await person(), await person()
    place = await thread(ann)

    def sessions() -> set[tuple[int, str]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid, backend_start::text FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name <> 'clarion-edge'"
            )
            return set(cursor.fetchall())

    for _ in range(5):
        await post(place, ben)
    await all_done()
    before = await sync_to_async(sessions)()
    for _ in range(25):
        await post(place, ben)
    await all_done()
    # One for each thread that had not worked before, and none for each task.
    assert len(await sync_to_async(sessions)() - before) <= 4
