"""Storms: many notifications to one person, many events of one source, too much of one actor."""

import uuid

import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection

from pipeline import delivery
from pipeline.outbox import sweep
from pipeline.outbox.models import Event
from pipeline.outbox.recording import record
from shared.inbox.models import Announcement, Inbox, Notification
from shared.settings import load
from tests.integration.conftest import Frames
from tests.integration.steps import due_now
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)


def happened(actor: User | None = None, source: str | None = None, **who: tuple[int, ...]) -> int:
    actor_id = actor.pk if actor else None
    return record(ThingHappened.model_validate(who), key=str(uuid.uuid4()), actor_id=actor_id, source=source)


def test_in_a_storm_further_notifications_are_stored_and_counted_but_quiet(
    people: list[User], published: Frames
) -> None:
    me, other, *_ = people
    limit = load().storm_limit
    for _ in range(limit + 2):
        delivery.expand(happened(first=(me.pk,)))
    frames = [frame for _, frame in published()]
    assert [frame["quiet"] for frame in frames] == [False] * limit + [True] * 2
    assert Inbox.objects.values_list("seq", "unread").get() == (limit + 2, limit + 2)
    assert Notification.objects.filter(quiet=True).count() == 2
    delivery.expand(happened(first=(me.pk, other.pk)))
    assert {user: frame["quiet"] for user, frame in published()} == {me.pk: True, other.pk: False}


def test_when_the_window_has_passed_they_are_shown_again(people: list[User], published: Frames) -> None:
    me, *_ = people
    for _ in range(load().storm_limit + 1):
        delivery.expand(happened(first=(me.pk,)))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE inbox_inbox SET window_at = window_at - interval '1 hour'")
    delivery.expand(happened(first=(me.pk,)))
    assert [frame["quiet"] for _, frame in published()][-2:] == [True, False]
    assert Inbox.objects.values_list("window_count", flat=True).get() == 1


def test_one_sources_storm_takes_the_slow_lane_and_leaves_the_quick_one(
    people: list[User], broker: redis.Redis
) -> None:
    me, ann, ben, *_ = people
    limit = load().crowding_limit
    for _ in range(limit + 10):
        happened(actor=ann, source="tests.place:1", first=(me.pk,))
    assert (broker.llen("events"), broker.llen("bursts")) == (limit, 10)
    happened(actor=ben, source="tests.place:2", first=(me.pk,))
    happened(actor=ben, first=(me.pk,))
    assert broker.llen("events") == limit + 2
    # The sweep keeps each event in its lane.
    broker.flushdb()
    due_now()
    sweep.sweep()
    assert (broker.llen("events"), broker.llen("bursts")) == (limit + 2, 10)


def test_a_source_that_has_calmed_down_is_quick_again(people: list[User], broker: redis.Redis) -> None:
    for _ in range(load().crowding_limit + 1):
        happened(actor=people[1], first=(people[0].pk,))
    Event.objects.update(recorded_at="2026-01-01T00:00Z")
    assert Event.objects.get(pk=happened(actor=people[1], first=(people[0].pk,))).lane == "events"


def test_over_a_limit_that_drops_nobody_is_told_as_that_kind_and_the_event_says_so(people: list[User]) -> None:
    me, ann, ben, *_ = people
    for event in [happened(actor=ann, dropped=(me.pk,), second=(me.pk,)) for _ in range(3)]:
        delivery.expand(event)
    kinds = Notification.objects.order_by("seq").values_list("announcement__kind", flat=True)
    # What was dropped counts for nothing: the person hears as the next kind that they belong to.
    assert list(kinds) == ["DROPPED", "DROPPED", "SECOND"]
    assert [event.dropped for event in Event.objects.order_by("pk")] == [[], [], ["DROPPED"]]
    delivery.expand(happened(actor=ben, dropped=(me.pk,)))
    assert Announcement.objects.filter(kind="DROPPED", actor_id=ben.pk).exists()


def test_over_a_limit_that_defers_the_event_waits_and_is_told_later(people: list[User]) -> None:
    me, ann, *_ = people
    for event in [happened(actor=ann, deferred=(me.pk,)) for _ in range(3)]:
        delivery.expand(event)
    waiting = Event.objects.get(state="pending")
    assert (waiting.attempts, "over the limit" in waiting.error) == (0, True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM next_attempt_at - now()) FROM outbox_event WHERE id = %s", [waiting.pk]
        )
        assert 50 < cursor.fetchone()[0] <= 60
    Announcement.objects.update(created_at="2026-01-01T00:00Z")
    delivery.expand(waiting.pk)
    assert Event.objects.get(pk=waiting.pk).state == "done"
    assert Notification.objects.filter(recipient_id=me.pk).count() == 3


def test_what_nobody_did_has_no_limit(people: list[User]) -> None:
    for _ in range(4):
        delivery.expand(happened(dropped=(people[0].pk,)))
    assert Notification.objects.count() == 4
