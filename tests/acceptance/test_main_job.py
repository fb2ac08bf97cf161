"""A reply is posted, the other person's bell rings: real worker, real Daphne, real sockets."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection

from clarion.pipeline import delivery, publish
from clarion.pipeline.celery.app import app
from clarion.pipeline.inbox import changes
from clarion.pipeline.outbox.models import Event
from clarion.pipeline.outbox.recording import record
from clarion.pipeline.outbox.timeline import story
from clarion.pipeline.publish import publish_frames
from clarion.shared import protocol
from clarion.shared.inbox.models import Epoch, Inbox, Notification
from tests.acceptance.steps import all_done, filled, person, post, thread, until
from tests.client import connected
from tests.factories import MessageFactory
from tests.integration.things import ThingHappened
from tests.processes import Edge, Worker

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_reply_a_mention_and_a_message_in_ones_thread_arrive(worker: Worker, edge: Edge) -> None:
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


async def test_the_metrics_of_worker_and_edge_follow_a_notification(worker: Worker, edge: Edge) -> None:
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


async def test_only_people_tell_people(worker: Worker, edge: Edge) -> None:
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


async def test_each_user_sees_their_own_inbox_and_no_other(worker: Worker, edge: Edge) -> None:
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


async def test_a_client_that_comes_back_with_its_cursor_gets_what_it_missed(worker: Worker, edge: Edge) -> None:
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with connected(edge.url, ann) as before:
        await post(place, ben, "one")
        (frame,) = await before.changes(1)
        epoch = before.frames[0]["epoch"]
    for body in ("two", "three"):
        await post(place, ben, f"@{ann.username} {body}")
    await all_done()
    await sync_to_async(changes.mark_read)(ann.pk, 1, read=True)
    async with connected(edge.url, ann, since=frame["seq"], epoch=epoch) as after:
        assert after.frames[0]["resumed"] is True
        missed = await after.changes(3)
        assert [frame["seq"] for frame in missed] == [2, 3, 4]
        assert [frame["type"] for frame in missed] == ["NOTIFICATION_CREATED"] * 2 + ["NOTIFICATION_UPDATED"]
        assert missed[-1]["unread"] == 2
        await post(place, ben, "four")
        assert (await after.changes(1))[0]["seq"] == 5


@pytest.mark.parametrize("since,epoch,reason", [(99, None, "AHEAD"), (1, "another", "EPOCH"), (0, None, "PURGED")])
async def test_a_cursor_that_cannot_be_honoured_is_answered_with_resync(
    worker: Worker, edge: Edge, since: int, epoch: str | None, reason: str
) -> None:
    ann, ben = await person(), await person()
    await post(await thread(ann), ben)
    await all_done()
    await Inbox.objects.filter(user_id=ann.pk).aupdate(floor=1)
    async with connected(edge.url, ann, since=since, epoch=epoch) as client:
        assert client.frames[0]["resumed"] is False
        frame = await client.next()
        assert (frame["type"], frame["reason"], frame["seq"], frame["unread"]) == ("RESYNC", reason, 1, 1)


@pytest.mark.parametrize("since", ["-1", "1e3", "٣", "9" * 40, "", "x", "1%00", "1;drop"])
async def test_what_is_no_cursor_is_none(worker: Worker, edge: Edge, since: str) -> None:
    async with connected(edge.url, await person(), since=since) as client:  # type: ignore[arg-type]
        assert client.frames[0]["resumed"] is False
        await client.nothing_came()


async def test_reading_all_in_one_tab_is_seen_in_another(worker: Worker, edge: Edge) -> None:
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with connected(edge.url, ann) as one, connected(edge.url, ann) as other:
        for body in ("one", "two"):
            await post(place, ben, body)
        await one.changes(2)
        await other.changes(2)
        await sync_to_async(changes.read_through)(ann.pk)
        for tab in (one, other):
            (frame,) = await tab.changes(1)
            assert (frame["type"], frame["seq"], frame["unread"]) == ("NOTIFICATIONS_READ", 3, 0)
            assert (frame["through"], frame["topic"], frame["notificationType"]) == (2, None, None)


async def test_a_frame_that_was_lost_quietly_is_found(worker: Worker, edge: Edge) -> None:
    ann = await person()
    async with connected(edge.url, ann) as client:
        # Stored but never published, and nothing comes after it.
        await sync_to_async(tell_without_publishing)(ann)
        assert (await client.changes(1))[0]["seq"] == 1


def tell_without_publishing(user: User) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish, "publish", lambda *_, **__: None)
        # This process is the worker: the other one does not know the event.
        patch.setattr("clarion.pipeline.outbox.recording.enqueue", lambda *_, **__: True)
        delivery.expand(record(ThingHappened(first=[user.pk]), key="quiet"))


async def test_what_a_client_acknowledges_is_part_of_the_story(worker: Worker, edge: Edge) -> None:
    ann, ben = await person(), await person()
    async with connected(edge.url, ann) as client:
        await post(await thread(ann), ben)
        await client.changes(1)
        await client.say(type="ack", seq=10**6)  # frames that were never sent cannot be acknowledged
        await client.say(type="ack", seq="1")
        await client.nothing_came()
        await all_done()
        event = await Event.objects.aget()
        assert "by 0 of 1 people" in (await sync_to_async(story)(event))[-1][1]
        await client.say(type="ack", seq=1)
        await until(lambda: "by 1 of 1 people" in story(Event.objects.get())[-1][1], "the ack was not noted")


async def test_the_epoch_of_a_restored_backup_makes_clients_read_anew(worker: Worker, edge: Edge) -> None:
    ann = await person()
    await Epoch.objects.acreate(value="restored")
    async with connected(edge.url, ann, since=0, epoch="0") as client:
        assert client.frames[0]["epoch"] == "restored"
        assert (await client.next())["reason"] == "EPOCH"


async def test_open_sockets_follow_a_new_epoch_by_themselves(worker: Worker, edge: Edge) -> None:
    """Their edge sees it when it looks for quiet loss."""
    ann, ben = await person(), await person()
    await filled(ann.pk, 3)
    async with connected(edge.url, ann) as client:
        assert (client.frames[0]["epoch"], client.frames[0]["seq"]) == ("0", 3)
        await Notification.objects.filter(recipient_id=ann.pk, seq=3).adelete()
        await Inbox.objects.filter(user_id=ann.pk).aupdate(seq=2, unread=2)
        await Epoch.objects.acreate(value="restored")
        resync = await client.next()
        assert (resync["type"], resync["reason"]) == ("RESYNC", "EPOCH")
        assert (resync["epoch"], resync["seq"], resync["unread"]) == ("restored", 2, 2)
        await post(await thread(ann), ben)
        assert (await client.changes(1))[0]["seq"] == 3
        await all_done()
        await client.nothing_came()


async def test_a_frame_of_a_history_that_is_no_more_is_not_passed_on(worker: Worker, edge: Edge) -> None:
    """A worker of it may publish late, and its frame would look like the next: here it does so just before the next."""
    ann, ben = await person(), await person()
    async with connected(edge.url, ann) as client:
        await sync_to_async(publish_frames)([(ann.pk, 1, protocol.deleted(1, 7, 1))], epoch="lost")
        await post(await thread(ann), ben)
        (frame,) = await client.changes(1)
        assert (frame["type"], frame["seq"], frame["unread"]) == ("NOTIFICATION_CREATED", 1, 1)
        await all_done()
        await client.nothing_came()


async def test_another_service_tells_people_by_a_celery_message(worker: Worker, edge: Edge) -> None:
    ann, ben = await person(), await person()
    place = await thread(ann)
    await sync_to_async(MessageFactory.create)(thread=place, author=ben, origin="system")
    by_id = {"kind": "EXPORT_COMPLETE", "recipients": [ann.pk], "data": {"file": "a.csv"}}
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


async def test_replies_that_were_not_read_are_one_notification_that_grows(worker: Worker, edge: Edge) -> None:
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


async def test_a_worker_keeps_its_connections_between_tasks(worker: Worker, edge: Edge) -> None:
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
