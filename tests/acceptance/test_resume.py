"""A socket that comes back: its cursor, a lost frame, another epoch; real worker, real Daphne, real sockets."""

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from clarion.pipeline import delivery, publish
from clarion.pipeline.inbox import marking
from clarion.pipeline.outbox.recording import record
from clarion.pipeline.persons import key_of
from clarion.pipeline.publish import publish_frames
from clarion.shared import protocol
from clarion.shared.inbox.models import Epoch, Inbox, Notification
from tests.acceptance.steps import all_done, filled, inbox, person, post, thread
from tests.client import connected
from tests.integration.things import ThingHappened
from tests.processes import Edge, Worker

pytestmark = pytest.mark.django_db(transaction=True)


def tell_without_publishing(user: User) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish, "publish", lambda *_, **__: None)
        # This process is the worker: the other one does not know the event.
        patch.setattr("clarion.pipeline.outbox.recording.enqueue", lambda *_, **__: True)
        delivery.expand(record(ThingHappened(first=[user.pk]), key="quiet"))


async def test_resume(worker: Worker, edge: Edge) -> None:
    """Resuming with a cursor sends the missed changes, and then new ones."""
    ann, ben = await person(), await person()
    place = await thread(ann)
    async with connected(edge.url, ann) as before:
        await post(place, ben, "one")
        (frame,) = await before.changes(1)
        epoch = before.frames[0]["epoch"]
    for body in ("two", "three"):
        await post(place, ben, f"@{ann.username} {body}")
    await all_done()
    await sync_to_async(marking.mark_read)(ann.pk, 1, read=True)
    async with connected(edge.url, ann, since=frame["seq"], epoch=epoch) as after:
        assert after.frames[0]["resumed"] is True
        missed = await after.changes(3)
        assert [frame["seq"] for frame in missed] == [2, 3, 4]
        assert [frame["type"] for frame in missed] == ["NOTIFICATION_CREATED"] * 2 + ["NOTIFICATION_UPDATED"]
        assert missed[-1]["unread"] == 2
        await post(place, ben, "four")
        assert (await after.changes(1))[0]["seq"] == 5


@pytest.mark.parametrize("since,epoch,reason", [(99, None, "AHEAD"), (1, "another", "EPOCH"), (0, None, "PURGED")])
async def test_stale_cursor(worker: Worker, edge: Edge, since: int, epoch: str | None, reason: str) -> None:
    """A stale cursor is answered with RESYNC and its reason."""
    ann, ben = await person(), await person()
    await post(await thread(ann), ben)
    await all_done()
    await Inbox.objects.filter(user_id=await inbox(ann)).aupdate(floor=1)
    async with connected(edge.url, ann, since=since, epoch=epoch) as client:
        assert client.frames[0]["resumed"] is False
        frame = await client.next()
        assert (frame["type"], frame["reason"], frame["seq"], frame["unread"]) == ("RESYNC", reason, 1, 1)


@pytest.mark.parametrize("since", ["-1", "1e3", "٣", "9" * 40, "", "x", "1%00", "1;drop"])
async def test_malformed_cursor(worker: Worker, edge: Edge, since: str) -> None:
    """A malformed cursor is ignored."""
    async with connected(edge.url, await person(), since=since) as client:  # type: ignore[arg-type]
        assert client.frames[0]["resumed"] is False
        await client.nothing_came()


async def test_quietly_lost_frame(worker: Worker, edge: Edge) -> None:
    """A frame that was stored and never published is found and sent."""
    ann = await person()
    async with connected(edge.url, ann) as client:
        # Stored but never published, and nothing comes after it.
        await sync_to_async(tell_without_publishing)(ann)
        assert (await client.changes(1))[0]["seq"] == 1


async def test_resume_after_restored_backup(worker: Worker, edge: Edge) -> None:
    """Resuming with the epoch from before a restored backup sends RESYNC."""
    ann = await person()
    await Epoch.objects.acreate(value="restored")
    async with connected(edge.url, ann, since=0, epoch="0") as client:
        assert client.frames[0]["epoch"] == "restored"
        assert (await client.next())["reason"] == "EPOCH"


async def test_new_epoch_on_open_socket(worker: Worker, edge: Edge) -> None:
    """An open socket gets RESYNC for a new epoch.

    Its edge finds the epoch at the next position check.
    """
    ann, ben = await person(), await person()
    await filled(ann.pk, 3)
    async with connected(edge.url, ann) as client:
        assert (client.frames[0]["epoch"], client.frames[0]["seq"]) == ("0", 3)
        await Notification.objects.filter(recipient_id=await inbox(ann), seq=3).adelete()
        await Inbox.objects.filter(user_id=await inbox(ann)).aupdate(seq=2, unread=2)
        await Epoch.objects.acreate(value="restored")
        resync = await client.next()
        assert (resync["type"], resync["reason"]) == ("RESYNC", "EPOCH")
        assert (resync["epoch"], resync["seq"], resync["unread"]) == ("restored", 2, 2)
        await post(await thread(ann), ben)
        assert (await client.changes(1))[0]["seq"] == 3
        await all_done()
        await client.nothing_came()


async def test_frame_of_former_epoch(worker: Worker, edge: Edge) -> None:
    """A frame of a former epoch is not forwarded.

    A late worker may publish it just before the next frame, whose seq it has.
    """
    ann, ben = await person(), await person()
    async with connected(edge.url, ann) as client:
        await sync_to_async(publish_frames)([(key_of(ann.pk), 1, protocol.deleted(1, 7, 1))], epoch="lost")
        await post(await thread(ann), ben)
        (frame,) = await client.changes(1)
        assert (frame["type"], frame["seq"], frame["unread"]) == ("NOTIFICATION_CREATED", 1, 1)
        await all_done()
        await client.nothing_came()
