"""An inbox that is locked for long: its owner is notified later, and other recipients do not wait."""

import time
from collections.abc import Iterator

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection

from clarion.pipeline import delivery
from clarion.pipeline.outbox import busy
from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.outbox.sweep import sweep
from clarion.shared.inbox.models import Inbox, Notification
from tests import environment
from tests.integration.steps import due_now, happened

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def locked(people: list[User], monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[object]]:
    """All have an inbox, and another session has locked the first, as reading a million does."""
    monkeypatch.setattr("clarion.pipeline.outbox.work.LOCK_TIMEOUT", "200ms")
    delivery.expand(happened("before", first=people))
    url = environment.DATABASES.url.rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"
    with psycopg.connect(url) as other:
        other.execute("SELECT 1 FROM clarion_inbox WHERE user_id = %s FOR NO KEY UPDATE", [people[0].pk])
        yield other


@pytest.mark.parametrize("kind", ["first", "gathered"])
@pytest.mark.parametrize("size", ["inline", "batch"])
def test_recipients_beside_locked_inbox(
    people: list[User], locked: psycopg.Connection[object], monkeypatch: pytest.MonkeyPatch, kind: str, size: str,
    broker: object,
) -> None:  # fmt: skip
    """Other recipients are notified within the bound.

    The owner of the locked inbox gets the notification when the lock is gone, once.
    """
    if size == "batch":
        small = delivery.fanout.get_settings().model_copy(update={"deliver_at_once": 0})
        monkeypatch.setattr("clarion.pipeline.fanout.get_settings", lambda: small)
    event_id = happened("now", **{kind: people})
    begun = time.monotonic()
    delivery.expand(event_id)
    hinted = Batch.objects.filter(event_id=event_id, state="pending").exclude(recipients=[people[0].pk])
    for batch_id in list(hinted.values_list("pk", flat=True)):
        delivery.deliver(batch_id)
    assert time.monotonic() - begun < 1.5
    told = Notification.objects.filter(event_id=event_id).values_list("recipient_id", flat=True)
    assert set(told) == {person.pk for person in people[1:]}
    rest = Batch.objects.get(event_id=event_id, state="pending")
    assert rest.recipients == [people[0].pk]
    assert Event.objects.get(pk=event_id).state == "expanded"
    locked.rollback()
    due_now()
    assert sweep() == 1
    delivery.deliver(rest.pk, again=True)
    assert sorted(told.all()) == sorted(person.pk for person in people)
    assert Event.objects.get(pk=event_id).state == "done"
    assert set(Inbox.objects.values_list("seq", "unread")) == {(2, 2)}


def test_batch_of_locked_inboxes(people: list[User], locked: psycopg.Connection[object], broker: object) -> None:
    """A batch of locked inboxes only is retried, and no attempt is counted."""
    event_id = happened("now", first=people[:1])
    delivery.expand(event_id)
    batch = Batch.objects.get(event_id=event_id)
    for _ in range(3):
        with pytest.raises(OperationalError, match="lock timeout"):
            delivery.deliver(batch.pk, again=True)
    batch.refresh_from_db()
    assert (batch.state, batch.attempts, batch.recipients) == ("pending", 0, [people[0].pk])
    locked.rollback()
    delivery.deliver(batch.pk)
    assert Event.objects.get(pk=event_id).state == "done"


def batch_of(people: list[User], monkeypatch: pytest.MonkeyPatch) -> Batch:
    """A batch that is not delivered yet."""
    small = delivery.fanout.get_settings().model_copy(update={"deliver_at_once": 0})
    monkeypatch.setattr("clarion.pipeline.fanout.get_settings", lambda: small)
    event_id = happened("now", first=people)
    delivery.expand(event_id)
    return Batch.objects.get(event_id=event_id)


def lock(database: psycopg.Connection[object], people: list[User]) -> None:
    ids = [person.pk for person in people]
    database.execute("SELECT 1 FROM clarion_inbox WHERE user_id = ANY(%s) FOR NO KEY UPDATE", [ids])


def parts(event_id: int) -> list[list[int]]:
    """The recipients of each batch of an event."""
    return list(Batch.objects.filter(event_id=event_id).order_by("number").values_list("recipients", flat=True))


def test_briefly_locked_inbox(
    people: list[User], locked: psycopg.Connection[object], monkeypatch: pytest.MonkeyPatch, broker: object
) -> None:
    """An inbox that is locked for a moment is not moved to another batch.

    Other deliveries to the same user queue up behind the one that failed, and have the lock right after it.
    """
    batch = batch_of(people[:2], monkeypatch)
    locked.execute("SAVEPOINT moment")
    lock(locked, [people[1]])
    monkeypatch.setattr("time.sleep", lambda _: locked.execute("ROLLBACK TO SAVEPOINT moment"))
    assert busy.split(batch.pk)
    assert parts(batch.event_id) == [[people[1].pk], [people[0].pk]]


def test_all_inboxes_locked(
    people: list[User], locked: psycopg.Connection[object], monkeypatch: pytest.MonkeyPatch, broker: object
) -> None:
    """If all inboxes are locked, each is delivered separately when its lock is gone."""
    batch = batch_of(people[:3], monkeypatch)
    locked.execute("SAVEPOINT others")
    lock(locked, people[1:3])
    assert not busy.split(batch.pk)
    assert parts(batch.event_id) == [[people[0].pk], [people[1].pk], [people[2].pk]]
    locked.execute("ROLLBACK TO SAVEPOINT others")
    for one in Batch.objects.filter(event_id=batch.event_id).exclude(pk=batch.pk):
        delivery.deliver(one.pk)
    told = Notification.objects.filter(event_id=batch.event_id).values_list("recipient_id", flat=True)
    assert set(told) == {person.pk for person in people[1:3]}


def test_batches_of_locked_inboxes(
    people: list[User], locked: psycopg.Connection[object], monkeypatch: pytest.MonkeyPatch, broker: object
) -> None:
    """Many locked inboxes are moved to a bounded number of batches."""
    monkeypatch.setattr("clarion.pipeline.outbox.busy.PARTS_MAX", 2)
    batch = batch_of(people, monkeypatch)
    lock(locked, people[:3])
    assert busy.split(batch.pk)
    ids = [person.pk for person in people]
    assert parts(batch.event_id) == [ids[3:], ids[:2], ids[2:3]]
