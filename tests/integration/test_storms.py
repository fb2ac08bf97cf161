"""Storms: many notifications to one person, many events of one source, too much of one actor."""

import uuid
from itertools import pairwise

import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection

from clarion.pipeline import delivery, persist
from clarion.pipeline.celery.queues import redis_key
from clarion.pipeline.kinds import DEFER_AT_MOST_SECONDS
from clarion.pipeline.outbox import sweep
from clarion.pipeline.outbox.models import Event
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Announcement, Inbox, Notification
from clarion.shared.settings import get_settings
from tests.integration.conftest import Frames
from tests.integration.steps import at_once, due_now
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)


def happened(actor: User | None = None, source: str | None = None, **who: tuple[int, ...]) -> int:
    actor_id = actor.pk if actor else None
    return record(ThingHappened.model_validate(who), key=str(uuid.uuid4()), actor_id=actor_id, source=source)


def test_quiet_notifications_in_storm(people: list[User], published: Frames) -> None:
    """Notifications beyond the storm limit are stored and counted, but quiet."""
    me, other, *_ = people
    limit = get_settings().storm_limit
    for _ in range(limit + 2):
        delivery.expand(happened(first=(me.pk,)))
    frames = [frame for _, frame in published()]
    assert [frame["quiet"] for frame in frames] == [False] * limit + [True] * 2
    assert Inbox.objects.values_list("seq", "unread").get() == (limit + 2, limit + 2)
    assert Notification.objects.filter(quiet=True).count() == 2
    delivery.expand(happened(first=(me.pk, other.pk)))
    assert {user: frame["quiet"] for user, frame in published()} == {me.pk: True, other.pk: False}


def test_end_of_storm_window(people: list[User], published: Frames) -> None:
    """After the window of a storm notifications are shown again."""
    me, *_ = people
    for _ in range(get_settings().storm_limit + 1):
        delivery.expand(happened(first=(me.pk,)))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clarion_inbox SET window_at = window_at - interval '1 hour'")
    delivery.expand(happened(first=(me.pk,)))
    assert [frame["quiet"] for _, frame in published()][-2:] == [True, False]
    assert Inbox.objects.values_list("window_count", flat=True).get() == 1


def test_lane_in_storm(people: list[User], broker: redis.Redis) -> None:
    """Events of one source beyond its limit take the slow lane, others the quick one."""
    me, ann, ben, *_ = people
    limit = get_settings().crowding_limit
    for _ in range(limit + 10):
        happened(actor=ann, source="tests.place:1", first=(me.pk,))
    assert (broker.llen(redis_key("events")), broker.llen(redis_key("bursts"))) == (limit, 10)
    happened(actor=ben, source="tests.place:2", first=(me.pk,))
    happened(actor=ben, first=(me.pk,))
    assert broker.llen(redis_key("events")) == limit + 2
    # The sweep keeps each event in its lane.
    broker.flushdb()
    due_now()
    sweep.sweep()
    assert (broker.llen(redis_key("events")), broker.llen(redis_key("bursts"))) == (limit + 2, 10)


def test_lane_after_storm(people: list[User], broker: redis.Redis) -> None:
    """A source below its limit uses the quick lane again."""
    for _ in range(get_settings().crowding_limit + 1):
        happened(actor=people[1], first=(people[0].pk,))
    Event.objects.update(recorded_at="2026-01-01T00:00Z")
    assert Event.objects.get(pk=happened(actor=people[1], first=(people[0].pk,))).lane == "events"


def test_limit_that_drops(people: list[User]) -> None:
    """Beyond a dropping limit the kind is skipped, and the event records that."""
    me, ann, ben, *_ = people
    for event in [happened(actor=ann, dropped=(me.pk,), second=(me.pk,)) for _ in range(3)]:
        delivery.expand(event)
    kinds = Notification.objects.order_by("seq").values_list("announcement__kind", flat=True)
    # A dropped kind does not count: the user is notified as the kind of the next audience.
    assert list(kinds) == ["DROPPED", "DROPPED", "SECOND"]
    assert [event.dropped for event in Event.objects.order_by("pk")] == [[], [], ["DROPPED"]]
    delivery.expand(happened(actor=ben, dropped=(me.pk,)))
    assert Announcement.objects.filter(kind="DROPPED", actor_id=ben.pk).exists()


def test_limit_that_defers(people: list[User]) -> None:
    """Beyond a deferring limit the event waits and is delivered later."""
    me, ann, *_ = people
    for event in [happened(actor=ann, deferred=(me.pk,)) for _ in range(3)]:
        delivery.expand(event)
    waiting = Event.objects.get(state="pending")
    assert (waiting.attempts, "over the limit" in waiting.error) == (0, True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM next_attempt_at - now()) FROM clarion_event WHERE id = %s", [waiting.pk]
        )
        assert 29 < cursor.fetchone()[0] <= 30  # two a minute
    delivery.expand(waiting.pk)
    assert Event.objects.get(pk=waiting.pk).state == "done"
    assert Notification.objects.filter(recipient_id=me.pk).count() == 3


def test_limit_without_actor(people: list[User]) -> None:
    """An event without an actor has no limit."""
    for _ in range(4):
        delivery.expand(happened(dropped=(people[0].pk,)))
    assert Notification.objects.count() == 4


def waits() -> dict[int, float]:
    """How long each deferred event waits (seconds)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, extract(epoch FROM next_attempt_at - now())::float8"
            "  FROM clarion_event WHERE slots <> '{}' AND state = 'pending' ORDER BY id"
        )
        return dict(cursor.fetchall())


def test_turns_of_deferred_events(people: list[User], broker: redis.Redis) -> None:
    """Each deferred event has its own turn, in order.

    A newer event does not overtake, and an event whose turn came is delivered without a further check.
    """
    me, ann, *_ = people
    events = [happened(actor=ann, deferred=(me.pk,)) for _ in range(12)]
    for event_id in events:
        delivery.expand(event_id)
    assert Notification.objects.count() == 2
    turns = waits()
    assert list(turns) == events[2:]
    for number, wait in enumerate(turns.values(), 1):
        assert 30 * number - 2 < wait <= 30 * number
    first = events[2]
    delivery.expand(first, again=True)  # its turn has come
    assert Event.objects.get(pk=first).state == "done"
    newer = happened(actor=ann, deferred=(me.pk,))
    delivery.expand(newer)
    assert 30 * 11 - 2 < waits()[newer] <= 30 * 11


def test_turns_from_concurrent_workers(people: list[User], broker: redis.Redis) -> None:
    """Concurrent workers assign different turns."""
    me, ann, *_ = people
    events = [happened(actor=ann, deferred=(me.pk,)) for _ in range(16)]
    at_once(*(lambda mine=events[n::4]: [delivery.expand(event) for event in mine] for n in range(4)))
    turns = sorted(waits().values())
    assert len(turns) == 14
    assert all(29 < later - sooner < 31 for sooner, later in pairwise(turns))


def test_too_distant_turn(people: list[User], broker: redis.Redis) -> None:
    """A kind whose turn would be too late is dropped."""
    me, ann, *_ = people
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clarion_pace VALUES (%s, 'DEFERRED', now() + make_interval(secs => %s))",
            [ann.pk, DEFER_AT_MOST_SECONDS + 60],
        )
    delivery.expand(happened(actor=ann, deferred=(me.pk,), second=(me.pk,)))
    assert Event.objects.get().dropped == ["DEFERRED"]
    assert Announcement.objects.get().kind == "SECOND"


def test_turn_of_failed_expansion(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed expansion releases its turn."""
    me, ann, *_ = people
    with monkeypatch.context() as patch:
        patch.setattr(persist, "persist", lambda *_, **__: 1 / 0)
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                delivery.expand(happened(actor=ann, deferred=(me.pk,)))
    delivery.expand(happened(actor=ann, deferred=(me.pk,)))
    assert Notification.objects.count() == 1
