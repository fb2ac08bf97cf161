"""Retention runs in slices that continue where the last one stopped, beside deliveries, for every type of row."""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from clarion.pipeline import delivery, expiry, persist, retention
from clarion.pipeline.expiry import Chunk, Step
from clarion.pipeline.inbox import marking
from clarion.pipeline.outbox import pauses
from clarion.pipeline.outbox.models import Batch, Event, Pace, Retention
from clarion.pipeline.outbox.recording import record
from clarion.pipeline.outbox.sweep import sweep
from clarion.shared.inbox.models import Announcement, Collapse, Inbox, Notification
from clarion.shared.settings import get_settings
from tests.integration.conftest import Frames
from tests.integration.steps import at_once, due_now, happened
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)


def days_later(days: int = 3) -> None:
    """Everything that is there was recorded some days ago."""
    with connection.cursor() as cursor:
        for table, column in (
            ("clarion_event", "recorded_at"),
            ("clarion_batch", "recorded_at"),
            ("clarion_announcement", "created_at"),
            ("clarion_notification", "created_at"),
        ):
            cursor.execute(f"UPDATE {table} SET {column} = {column} - make_interval(days => %s)", [days])


def deliver_all() -> None:
    for batch_id in Batch.objects.filter(state="pending").values_list("pk", flat=True):
        delivery.deliver(batch_id)


@pytest.mark.parametrize("state", ["pending", "paused", "failed"])
def test_batch_older_than_retention(people: list[User], in_batches: None, broker: redis.Redis, state: str) -> None:
    """A batch that waited longer than the retention of its kind is delivered.

    Its workers were away over a weekend, its kind was paused, or it is a dead letter.
    """
    delivery.expand(happened(fleeting=people[:2]))  # kept for a day
    if state == "paused":
        pauses.pause("FLEETING")
        deliver_all()
    Batch.objects.update(state=state)
    days_later()
    retention.purge()
    if state == "paused":
        assert pauses.resume("FLEETING") == 1
    Batch.objects.update(state="pending")
    deliver_all()
    assert Notification.objects.count() == 2
    assert Event.objects.get().state == "done"
    Notification.objects.update(read_at="2026-01-01T00:00Z")
    days_later()
    assert retention.purge()["notifications"] == 2
    assert not Announcement.objects.exists()


def test_batch_without_announcement(people: list[User], in_batches: None, broker: redis.Redis) -> None:
    """A batch whose announcement is missing is parked with that reason.

    An earlier version could remove the announcement.
    """
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
def test_purge_beside_delivery(
    people: list[User], in_batches: None, monkeypatch: pytest.MonkeyPatch, broker: redis.Redis, purges_after: str
) -> None:
    """A purge beside a delivery keeps the announcement of its rows.

    Before the commit of the rows, and between the commit and the end of the batch.
    """
    delivery.expand(happened(fleeting=people[:2]))
    days_later()
    purged: list[dict[str, int]] = []

    def purge_in_another_session() -> None:
        at_once(lambda: purged.append(retention.purge()))

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


def tell(*people: User, kind: str = "first", count: int = 1) -> None:
    for _ in range(count):
        delivery.expand(happened(uuid.uuid4().hex, **{kind: list(people)}))


def state(step: str) -> Retention:
    return Retention.objects.get(step=step)


def test_steps_due(people: list[User], broker: redis.Redis) -> None:
    """A slice runs only the steps that are due.

    This holds however often beat is restarted: the time of the last pass is in Postgres.
    """
    tell(people[0])
    days_later(30)
    Event.objects.update(finished_at=timezone.now() - timedelta(days=30))
    assert retention.purge_slice()["events"] == 1
    assert state("events").finished_at is not None
    tell(people[0])
    Event.objects.update(
        finished_at=timezone.now() - timedelta(days=30), recorded_at=timezone.now() - timedelta(days=30)
    )
    assert retention.purge_slice()["events"] == 0
    Retention.objects.update(finished_at=timezone.now() - timedelta(minutes=61))
    assert retention.purge_slice()["events"] == 1


def test_single_slice_at_a_time(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """One slice runs at a time.

    Copies of its task, which a broker gives to several workers, end immediately.
    """
    running, go_on = threading.Event(), threading.Event()

    def slow(position: int) -> Chunk:
        running.set()
        go_on.wait(10)
        return Chunk(0, 0, done=True)

    monkeypatch.setattr(retention, "STEPS", (Step("slow", slow),))
    copies: list[float] = []

    def copy() -> None:
        running.wait(10)
        begun = time.monotonic()
        for _ in range(3):
            retention.purge_slice()
        copies.append(time.monotonic() - begun)
        go_on.set()

    at_once(retention.purge_slice, copy)
    assert copies[0] < 1
    assert state("").leased_until is None


def test_slice_continues(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice is short, and the next one continues at its position."""
    seen: list[int] = []

    def step(position: int) -> Chunk:
        seen.append(position)
        return Chunk(1, position + 1, done=position == 5)

    monkeypatch.setattr(retention, "STEPS", (Step("many", step), Step("next", lambda position: Chunk(0, 0, True))))
    monkeypatch.setattr(retention, "SLICE_SECONDS", 0.0)
    for _ in range(6):
        assert retention.purge_slice()["many"] == 1
    assert seen == [0, 1, 2, 3, 4, 5]
    assert state("many").finished_at is not None
    assert state("next").finished_at is not None
    retention.purge_slice()
    assert len(seen) == 6  # neither is due again


def test_slice_of_dead_worker(people: list[User]) -> None:
    """The slice of a dead worker is continued after its lease has expired."""
    retention.purge_slice()
    Retention.objects.filter(step="").update(leased_until=timezone.now() + timedelta(seconds=60))
    Retention.objects.update(finished_at=None)
    retention.purge_slice()
    assert state("events").finished_at is None
    Retention.objects.filter(step="").update(leased_until=timezone.now() - timedelta(seconds=1))
    retention.purge_slice()
    assert state("events").finished_at is not None


def test_pass_without_old_rows(people: list[User]) -> None:
    """Without old rows a pass reads a bounded number of young rows, for any size of the tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clarion_event (key, name, payload, next_attempt_at, state, finished_at)"
            " SELECT 'k' || n, 'x', '{}', now(), 'done', now() FROM generate_series(1, 20000) n"
        )
        cursor.execute(
            "INSERT INTO clarion_announcement (event_id, kind, data, created_at)"
            " SELECT n, 'K', '{}', now() FROM generate_series(1, 20000) n"
        )
        cursor.execute("ANALYZE clarion_event, clarion_announcement")
        retention.purge()  # plans and position
        counted = transaction.atomic()
        with counted:
            retention.purge()
            cursor.execute(
                "SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
                " WHERE relname IN ('clarion_event', 'clarion_announcement')"
            )
            read = dict(cursor.fetchall())
    assert read["clarion_event"] <= 3 * expiry.CHUNK
    assert read["clarion_announcement"] <= 3 * expiry.ANNOUNCEMENTS


def test_old_unread_rows(people: list[User], broker: redis.Redis) -> None:
    """Old unread rows are read again once a day only.

    A pass continues behind them; once a day they are read, since their owners may have read some of them.
    """
    tell(people[0], count=3)
    days_later(100)
    retention.purge_slice()
    last = Announcement.objects.latest("pk").pk
    assert state("notifications").position == last
    Notification.objects.update(read_at="2026-01-01T00:00Z")
    Retention.objects.update(finished_at=timezone.now() - timedelta(hours=2))
    assert retention.purge_slice()["notifications"] == 0
    Retention.objects.update(
        finished_at=timezone.now() - timedelta(hours=2), whole_at=timezone.now() - timedelta(hours=25)
    )
    assert retention.purge_slice()["notifications"] == 3


def test_rows_read_with_all_others(people: list[User], broker: redis.Redis) -> None:
    """Notifications that were read with all others are removed like those that were read one by one."""
    me = people[0]
    tell(me, count=3)
    marking.read_through(me.pk, through=2)
    marking.mark_read(me.pk, 1, read=False)
    days_later(100)
    assert retention.purge()["notifications"] == 1
    assert list(Notification.objects.order_by("seq").values_list("seq", flat=True)) == [1, 3]
    assert Inbox.objects.values_list("unread", flat=True).get() == 2


def test_never_read_notifications(people: list[User], broker: redis.Redis, published: Frames) -> None:
    """Notifications that were never read are removed after a year.

    The unread count falls, and an open socket gets RESYNC, because the head is beyond its last seq.
    """
    me = people[0]
    tell(me, count=2)
    days_later(364)
    retention.purge()
    assert Notification.objects.count() == 2
    tell(me)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clarion_announcement SET created_at = created_at - interval '2 days' WHERE id < %s",
                       [Announcement.objects.latest("pk").pk])  # fmt: skip
    assert retention.purge()["notifications"] == 2
    assert list(Notification.objects.values_list("seq", flat=True)) == [3]
    assert Inbox.objects.values_list("seq", "unread", "floor").get() == (4, 1, 4)


def test_unread_limit(people: list[User], broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest unread notifications beyond the limit are removed."""
    monkeypatch.setattr(expiry, "get_settings", lambda: get_settings().model_copy(update={"unread_max": 3}))
    monkeypatch.setattr(expiry, "CHUNK", 2)
    full, also_full, fine = people[:3]
    tell(full, also_full, count=8)
    tell(fine, count=3)
    marking.mark_read(full.pk, 8, read=True)
    assert retention.purge()["unread"] == 4 + 5
    left = {user: list(Notification.objects.filter(recipient_id=user.pk, read_at=None).order_by("seq")
                       .values_list("seq", flat=True)) for user in (full, also_full, fine)}  # fmt: skip
    assert left == {full: [5, 6, 7], also_full: [6, 7, 8], fine: [1, 2, 3]}
    assert set(Inbox.objects.values_list("unread", flat=True)) == {3}


def test_purge_of_collapse_rows(people: list[User], broker: redis.Redis) -> None:
    """The collapse row of a purged notification, with the names of actors, is removed too."""
    me, ann, *_ = people
    for number in range(5):
        event = ThingHappened(gathered=(me.pk,), topic=f"tests.place:{number}")
        delivery.expand(record(event, key=uuid.uuid4().hex, actor_id=ann.pk))
    marking.read_through(me.pk)
    days_later(100)
    retention.purge()
    assert not Notification.objects.exists()
    assert not Collapse.objects.exists()


def test_purge_of_paces(people: list[User], broker: redis.Redis) -> None:
    """The pace of an actor is removed when it is within its limit again."""
    me, ann, *_ = people
    delivery.expand(record(ThingHappened(deferred=(me.pk,)), key="k", actor_id=ann.pk))
    assert retention.purge()["paces"] == 0
    Pace.objects.update(reserved_until=timezone.now() - timedelta(days=2))
    assert retention.purge()["paces"] == 1
