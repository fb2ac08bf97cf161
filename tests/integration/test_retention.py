"""Retention beside delivery: announcements that unfinished batches need are spared, however old."""

from collections.abc import Callable

import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection

from pipeline import delivery, maintenance, persist
from pipeline.outbox import pauses
from pipeline.outbox.models import Batch, Event
from pipeline.outbox.sweep import sweep
from shared.inbox.models import Announcement, Inbox, Notification
from tests.integration.steps import at_once, due_now, happened

pytestmark = pytest.mark.django_db(transaction=True)


def days_later(days: int = 3) -> None:
    """Everything that is there was recorded some days ago."""
    with connection.cursor() as cursor:
        for table, column in (("outbox_event", "recorded_at"), ("outbox_batch", "recorded_at"),
                              ("inbox_announcement", "created_at"), ("inbox_notification", "created_at")):  # fmt: skip
            cursor.execute(f"UPDATE {table} SET {column} = {column} - make_interval(days => %s)", [days])


def deliver_all() -> None:
    for batch_id in Batch.objects.filter(state="pending").values_list("pk", flat=True):
        delivery.deliver(batch_id)


@pytest.mark.parametrize("state", ["pending", "paused", "failed"])
def test_a_batch_that_waits_longer_than_its_kind_is_kept_is_delivered(
    people: list[User], in_batches: None, broker: redis.Redis, state: str
) -> None:
    """Its workers were away over a weekend, its kind was paused, or it is a dead letter."""
    delivery.expand(happened(fleeting=people[:2]))  # kept for a day
    if state == "paused":
        pauses.pause("FLEETING")
        deliver_all()
    Batch.objects.update(state=state)
    days_later()
    maintenance.purge()
    if state == "paused":
        assert pauses.resume("FLEETING") == 1
    Batch.objects.update(state="pending")
    deliver_all()
    assert Notification.objects.count() == 2
    assert Event.objects.get().state == "done"
    Notification.objects.update(read_at="2026-01-01T00:00Z")
    days_later()
    assert maintenance.purge()["notifications"] == 2
    assert not Announcement.objects.exists()


def test_a_batch_whose_announcement_is_gone_is_parked_with_that_reason(
    people: list[User], in_batches: None, broker: redis.Redis
) -> None:
    """As an earlier version could remove it."""
    delivery.expand(happened(first=people[:4]))
    Announcement.objects.all().delete()
    pending, paused = Batch.objects.order_by("pk")
    pauses.pause("FIRST")
    Batch.objects.filter(pk=paused.pk).update(state="paused")
    assert pauses.resume("FIRST") == 1
    for batch in (pending, paused):
        delivery.deliver(batch.pk)
        batch.refresh_from_db()
        assert batch.state == "failed"
        assert "Its announcement" in batch.error
        assert "was removed" in batch.error


@pytest.mark.parametrize("purges_after", ["persist", "publish"])
def test_a_purge_beside_a_delivery_leaves_no_row_without_its_announcement(
    people: list[User], in_batches: None, monkeypatch: pytest.MonkeyPatch, broker: redis.Redis, purges_after: str
) -> None:
    """Neither before the commit of the rows nor between that and the end of the batch."""
    delivery.expand(happened(fleeting=people[:2]))
    days_later()
    purged: list[dict[str, int]] = []

    def purge_in_another_session() -> None:
        at_once(lambda: purged.append(maintenance.purge()))

    _after(monkeypatch, purges_after, purge_in_another_session)
    deliver_all()
    assert len(purged) == 1
    assert Announcement.objects.count() == 1
    assert Notification.objects.filter(announcement__kind="FLEETING").count() == 2
    assert list(Inbox.objects.values_list("seq", "unread", "floor")) == [(1, 1, 0)] * 2
    due_now()
    assert sweep() == 0


def _after(monkeypatch: pytest.MonkeyPatch, stage: str, then: Callable[[], None]) -> None:
    module = persist if stage == "persist" else delivery.publish
    function = getattr(module, stage)

    def and_then(*args: object, **kwargs: object) -> object:
        done = function(*args, **kwargs)
        then()
        return done

    monkeypatch.setattr(module, stage, and_then)
