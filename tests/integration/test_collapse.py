"""A kind that collapses is one notification while it is unread: its count, newest actors and seq advance."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from clarion.pipeline import delivery, persist
from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.inbox import marking, snapshots
from clarion.pipeline.outbox.models import Batch
from clarion.pipeline.outbox.recording import record
from clarion.pipeline.persons import key_of, key_type
from clarion.shared.inbox.frames import frame_of
from clarion.shared.inbox.models import Inbox, Notification
from clarion.shared.inbox.queries import HEAD_WIDTH, LogRow, log_after_sql
from clarion.shared.settings import get_settings
from tests.factories import inbox_of
from tests.integration.conftest import Frames
from tests.integration.steps import at_once
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)


def gathered(actor: User | None, *users: User, topic: str = "tests.place:1") -> int:
    event = ThingHappened(gathered=tuple(user.pk for user in users), topic=topic)
    return record(event, key=str(uuid.uuid4()), actor_id=actor.pk if actor else None)


def tell(actor: User | None, *users: User, topic: str = "tests.place:1") -> None:
    delivery.expand(gathered(actor, *users, topic=topic))


def listed(user: User) -> list[dict[str, Any]]:
    return list(snapshots.newest(user.pk, limit=50).notifications)


def test_unread_notification_grows(people: list[User], published: Frames) -> None:
    """Each further event updates the unread notification: its count, actors and seq, not its id."""
    me, ann, ben, *_ = people
    for actor in (ann, ben, ann):
        tell(actor, me)
    first, *updates = [frame for _, frame in published()]
    assert (first["type"], first["notificationId"], first["count"]) == ("NOTIFICATION_CREATED", "1", 1)
    last = updates[-1]
    assert [frame["type"] for frame in updates] == ["NOTIFICATION_UPDATED"] * 2
    assert (last["seq"], last["unread"], last["notificationId"]) == (3, 1, "1")
    assert (last["count"], last["actorCount"]) == (3, 2)
    assert [actor["username"] for actor in last["actors"]] == [ann.username, ben.username]
    assert last["actor"]["username"] == ann.username
    assert {"notificationType", "createdAt", "data", "topic", "isRead", "modified"} <= set(last)
    (item,) = listed(me)
    assert (item["notificationId"], item["seq"], item["count"], item["isRead"]) == ("1", 3, 3, False)
    assert Inbox.objects.values_list("seq", "unread").get() == (3, 1)


def test_newest_actors(people: list[User]) -> None:
    """The newest three actors are named, and all are counted."""
    me, *others = people
    for actor in [*others, others[0]]:
        tell(actor, me)
    (item,) = listed(me)
    newest = [others[0], others[3], others[2]]
    assert [actor["username"] for actor in item["actors"]] == [actor.username for actor in newest]
    assert (item["count"], item["actorCount"]) == (5, 4)


def test_collapse_without_actors(people: list[User]) -> None:
    """Events without an actor collapse, with an empty list of actors."""
    tell(None, people[0])
    tell(None, people[0])
    (item,) = listed(people[0])
    assert (item["count"], item["actors"], item["actorCount"], item["actor"]) == (2, [], 0, None)


def test_collapse_after_reading(people: list[User], published: Frames) -> None:
    """An event after reading starts a new notification."""
    me, ann, *_ = people
    tell(ann, me)
    tell(ann, me)
    assert marking.mark_read(me.pk, 1, read=True) == marking.Head(seq=3, unread=0)
    tell(ann, me)
    shown = [(item["notificationId"], item["count"], item["isRead"]) for item in listed(me)]
    assert shown == [("4", 1, False), ("1", 2, True)]
    assert published()[-1][1]["type"] == "NOTIFICATION_CREATED"


@pytest.mark.parametrize("close", [marking.read_through, lambda me: marking.delete(me, 1)])
def test_collapse_after_read_all_or_delete(people: list[User], close: Callable[[int], object]) -> None:
    """An event after reading all or deleting starts a new notification."""
    me, ann, *_ = people
    tell(ann, me)
    tell(ann, me)
    close(me.pk)
    assert Inbox.objects.values_list("unread", flat=True).get() == 0
    tell(ann, me)
    assert listed(me)[0]["count"] == 1


def replayed(user: User) -> list[dict[str, Any]]:
    """The whole log of a user as the edge would replay it."""
    with connection.cursor() as cursor:
        cursor.execute(log_after_sql(key_type()), {"user_id": key_of(user.pk), "after": 0, "limit": 100, "page": 100})
        rows = [list(row[HEAD_WIDTH:]) for row in cursor.fetchall()]
    for row in rows:  # Django reads JSON as text
        row[10], row[12] = json.loads(row[10] or "null"), json.loads(row[12] or "null")
    return [json.loads(frame_of(LogRow(*row), 0)) for row in rows]


def test_replay_of_collapsed(people: list[User]) -> None:
    """A replay shows collapsed notifications as read or deleted if they are so now."""
    me, ann, *_ = people
    for _ in range(3):
        tell(ann, me)
    marking.read_through(me.pk)
    frames = replayed(me)
    assert [frame["type"] for frame in frames][:1] == ["NOTIFICATION_CREATED"]
    assert (frames[0]["isRead"], frames[2]["isRead"]) == (True, True)
    marking.delete(me.pk, 1)
    assert [frame["type"] for frame in replayed(me)[:3]] == ["NOTIFICATION_DELETED"] * 3
    assert {frame["notificationId"] for frame in replayed(me)[:3]} == {"1"}


def test_collapse_by_topic(people: list[User]) -> None:
    """Events of another topic collapse into another notification."""
    me, ann, *_ = people
    tell(ann, me, topic="tests.place:1")
    tell(ann, me, topic="tests.place:2")
    tell(ann, me, topic="tests.place:1")
    assert [(item["topic"], item["count"]) for item in listed(me)] == [("tests.place:1", 2), ("tests.place:2", 1)]


def test_id_of_collapsed(people: list[User]) -> None:
    """A collapsed notification is addressed by its first id only."""
    me, ann, *_ = people
    tell(ann, me)
    tell(ann, me)
    with pytest.raises(marking.NoSuchNotification):
        marking.mark_read(me.pk, 2, read=True)
    marking.mark_read(me.pk, 1, read=True)
    assert marking.mark_read(me.pk, 1, read=False).unread == 1
    assert marking.delete(me.pk, 1).unread == 0
    assert listed(me) == []
    with pytest.raises(marking.NoSuchNotification):
        marking.delete(me.pk, 1)


def test_repeated_batch_of_collapsing_kind(
    people: list[User], monkeypatch: pytest.MonkeyPatch, published: Frames
) -> None:
    """A batch that is delivered again counts no event twice."""
    me, ann, *_ = people
    tell(ann, me)
    with monkeypatch.context() as patch:
        patch.setattr("clarion.pipeline.publish.publish", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            tell(ann, me)
    published()
    delivery.deliver(Batch.objects.get(state="pending").pk)
    (frame,) = [frame for _, frame in published()]
    assert (frame["type"], frame["seq"], frame["count"]) == ("NOTIFICATION_UPDATED", 2, 2)
    assert listed(me)[0]["count"] == 2


def test_collapse_by_concurrent_workers(people: list[User]) -> None:
    """Concurrent workers count each event once."""
    me, *actors = people
    events = [gathered(actor, *people) for actor in actors for _ in range(5)]
    at_once(*(lambda mine=events[n::4]: [delivery.expand(event) for event in mine] for n in range(4)))
    (item,) = listed(me)
    assert (item["count"], item["actorCount"]) == (20, 4)
    rows = list(Notification.objects.filter(recipient_id=inbox_of(me)).order_by("seq").values_list("seq", "count"))
    assert [seq for seq, _ in rows] == [count or 1 for _, count in rows] == list(range(1, 21))


def test_collapse_beside_reading(people: list[User]) -> None:
    """A concurrent read comes before or after an update, and no event is lost."""
    me, ann, *_ = people
    for _ in range(10):
        tell(ann, me)
        name = next(int(item["notificationId"]) for item in listed(me) if not item["isRead"])
        at_once(lambda: tell(ann, me), lambda name=name: marking.mark_read(me.pk, name, read=True))
        unread = [item for item in listed(me) if not item["isRead"]]
        assert len(unread) == Inbox.objects.get(user_id=inbox_of(me)).unread <= 1
        marking.read_through(me.pk)
    assert sum(item["count"] for item in listed(me)) == 20


def test_mixed_kinds_of_one_event(people: list[User]) -> None:
    """One event may notify by a collapsing kind and another kind together."""
    a, b, ann, *_ = people
    for _ in range(2):
        event = ThingHappened(first=(a.pk,), gathered=(a.pk, b.pk))
        delivery.expand(record(event, key=str(uuid.uuid4()), actor_id=ann.pk))
    assert [item["count"] for item in listed(a)] == [1, 1]
    assert [item["count"] for item in listed(b)] == [2]


def test_actor_count_limit(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of counted actors has a bound."""
    monkeypatch.setattr(persist, "ACTORS_COUNTED", 3)
    me, *actors = people
    for actor in actors:
        tell(actor, me)
    assert (listed(me)[0]["count"], listed(me)[0]["actorCount"]) == (4, 3)


@pytest.mark.parametrize("topic", [None, ""])
@pytest.mark.parametrize("in_batch", [False, True])
def test_collapse_without_topic(
    people: list[User], monkeypatch: pytest.MonkeyPatch, topic: str | None, in_batch: bool
) -> None:
    """Notifications without a topic do not collapse.

    Two of them have nothing in common, so the second does not vanish into the first.
    """
    if in_batch:
        monkeypatch.setattr(
            "clarion.pipeline.fanout.get_settings", lambda: get_settings().model_copy(update={"deliver_at_once": 0})
        )
    me = people[0]
    for item in ("Bread", "Cars"):
        notice = NoticeGiven(kind="GATHERED", recipients=(key_of(me.pk),), data={"item": item}, topic=topic)
        delivery.expand(record(notice, key=item))
        for batch_id in Batch.objects.filter(state="pending").values_list("pk", flat=True):
            delivery.deliver(batch_id)
    assert [(one["data"]["item"], one["count"]) for one in listed(me)] == [("Cars", 1), ("Bread", 1)]
    assert Inbox.objects.values_list("seq", "unread").get() == (2, 2)
