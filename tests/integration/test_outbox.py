"""Work that is interrupted, fails, kills its worker or loses its hint is done later, or parked."""

import signal
import threading
import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import redis
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from clarion.pipeline import delivery, persist, publish
from clarion.pipeline.celery import hints
from clarion.pipeline.celery.queues import redis_key
from clarion.pipeline.errors import UndeclaredEvent
from clarion.pipeline.outbox import dead_letters, sweep, work
from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.outbox.recording import record
from clarion.shared import metrics
from clarion.shared.inbox.models import Notification
from clarion.shared.settings import get_settings
from tests import environment
from tests.integration.conftest import Frames
from tests.integration.steps import at_once, due_now, failing_for, happened
from tests.integration.things import ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)


def test_crash_before_commit(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash before the commit stores nothing, and the work is done again."""
    event_id = happened(first=people)
    with monkeypatch.context() as patch:
        patch.setattr(persist, "persist", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            delivery.expand(event_id)
    assert not Notification.objects.exists()
    assert not Batch.objects.exists()
    delivery.expand(event_id)
    assert Notification.objects.count() == 5


def test_crash_after_commit(people: list[User], monkeypatch: pytest.MonkeyPatch, published: Frames) -> None:
    """After a crash between commit and publish, a retry publishes the stored notifications."""
    with monkeypatch.context() as patch:
        patch.setattr(publish, "publish", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            delivery.expand(happened(first=people))
    assert published() == []
    assert Batch.objects.get().state == "pending"
    delivery.deliver(Batch.objects.get().pk)
    frames = published()
    assert sorted(user for user, _ in frames) == sorted(person.pk for person in people)
    assert {(frame["seq"], frame["unread"]) for _, frame in frames} == {(1, 1)}
    assert Event.objects.get().state == "done"
    assert Notification.objects.count() == 5


def test_publish_without_channel_layer(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a channel layer the work is done without a retry.

    The rows are stored, and edges find them in Postgres.
    """

    def refused(*_: object) -> None:
        raise redis.ConnectionError("refused")

    monkeypatch.setattr("clarion.shared.channel_layer.ClarionChannelLayer.broadcast", refused)
    failed = metrics.PUBLISH_FAILED._value.get()
    delivery.expand(happened(first=people))
    assert Event.objects.get().state == Batch.objects.get().state == "done"
    assert Notification.objects.count() == len(people)
    assert metrics.PUBLISH_FAILED._value.get() == failed + 1


def test_attempt_without_postgres(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure while Postgres is unavailable is not counted as an attempt."""
    event_id = happened(first=people)
    monkeypatch.setattr(persist, "persist", lambda *_, **__: (_ for _ in ()).throw(OperationalError("gone")))
    with pytest.raises(OperationalError):
        delivery.expand(event_id)
    event = Event.objects.get()
    assert (event.state, event.attempts) == ("pending", 0)


def expand_fails(event_id: int, error: type[Exception], *, again: bool = False) -> Event:
    with pytest.raises(error):
        delivery.expand(event_id, again=again)
    return Event.objects.get(pk=event_id)


def test_undeclared_event() -> None:
    """An undeclared event is retried for a day and then parked.

    During a deploy old workers do not know the events of new web processes.
    """
    event_id = record(ThingHappened(), key="thing")
    Event.objects.update(name="tests.unknown.v1")
    for hours in (0, 2, 23):
        failing_for(hours)
        assert expand_fails(event_id, UndeclaredEvent).state == "pending"
    failing_for(hours=25)
    event = expand_fails(event_id, UndeclaredEvent)
    assert event.state == "failed"
    assert "no event 'tests.unknown.v1' is declared" in event.error


def test_failing_work(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that keeps failing is retried for an hour and then parked.

    The number of failures within that hour does not matter: a release can be rolled back meanwhile.
    """
    event_id = happened(first=people)
    with monkeypatch.context() as patch:
        patch.setattr(persist, "persist", lambda *_, **__: 1 / 0)
        for number in range(work.MAX_ATTEMPTS + 3):
            event = expand_fails(event_id, ZeroDivisionError, again=number > 0)
            assert (event.state, event.attempts) == ("pending", 0)
        failing_for(hours=1.1)
        event = expand_fails(event_id, ZeroDivisionError, again=True)
        assert event.state == "failed"
        assert "ZeroDivisionError" in event.error
    assert dead_letters.replay(work.EVENT, [event_id]) == 1
    assert Event.objects.get().failing_since is None
    delivery.expand(event_id, again=True)
    assert Event.objects.get().state == "done"


@pytest.mark.parametrize(
    "sqlstate,state",
    [("57014", "failed"), ("22P02", "failed"), ("23505", "failed"), ("40P01", "pending"),
     ("40001", "pending"), ("53300", "pending"), ("57P01", "pending"), ("25006", "pending"), (None, "pending")],
)  # fmt: skip
def test_sqlstate_of_failure(
    people: list[User], monkeypatch: pytest.MonkeyPatch, sqlstate: str | None, state: str
) -> None:
    """An outage is retried without end; a statement time-out or a refused value fails the work."""

    def fails(*_: object, **__: object) -> None:
        error = OperationalError("as Postgres says it")
        error.__cause__ = psycopg.errors.lookup(sqlstate)("x") if sqlstate else psycopg.OperationalError("lost")
        raise error

    event_id = happened(first=people)
    failing_for(hours=2)
    monkeypatch.setattr(persist, "persist", fails)
    assert expand_fails(event_id, OperationalError).state == state


def test_finish_beside_discard(people: list[User], in_batches: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Concurrently finishing and discarding the last two batches finishes the event.

    The transaction that locks the event second sees the batch of the other one.
    """
    delivery.expand(happened(first=people[:4]))
    one, two = Batch.objects.order_by("pk")
    Batch.objects.filter(pk=two.pk).update(state="failed")
    both_updated = threading.Barrier(2)
    execute = work._execute

    def finish_together(sql: str, params: Any) -> int:
        count = execute(sql, params)
        if "UPDATE clarion_batch" in sql:
            both_updated.wait(5)
        return count

    def wait_before_locking(run: Any, sql: str, *rest: Any) -> Any:
        if sql == dead_letters._LOCK_EVENTS:
            both_updated.wait(5)
        return run(sql, *rest)

    def discard_together() -> None:
        with connection.execute_wrapper(wait_before_locking):
            dead_letters.discard(work.BATCH, [two.pk])

    monkeypatch.setattr(work, "_execute", finish_together)
    at_once(lambda: work.finish(one.event_id, one.pk), discard_together)
    assert set(Batch.objects.values_list("state", flat=True)) == {"done"}
    assert Event.objects.get().state == "done"


def test_sweep_finishes_event(people: list[User], in_batches: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep finishes an expanded event without unfinished batches.

    An earlier version could leave one behind.
    """
    monkeypatch.setattr(sweep, "_finished_at", float("-inf"))
    delivery.expand(happened(first=people[:4]))
    Batch.objects.update(state="done")
    sweep.sweep()
    assert Event.objects.get().state == "expanded"  # a worker may be about to
    Event.objects.update(expanded_at=timezone.now() - timedelta(minutes=2))
    sweep.sweep()
    assert Event.objects.get().state == "expanded"  # it was looked for a moment ago
    monkeypatch.setattr(sweep, "_finished_at", float("-inf"))
    sweep.sweep()
    assert Event.objects.get().state == "done"


def test_work_that_kills_workers(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that kills its worker each time is parked."""
    event_id = happened(first=people)
    # A killed worker runs no exception handler: only its count of starts stays.
    for _ in range(work.MAX_ATTEMPTS):
        assert work.count_restart(work.EVENT, event_id)
    delivery.expand(event_id, again=True)
    assert Event.objects.get().state == "failed"
    assert not Notification.objects.exists()


def test_sweep_enqueues_lost_hints(people: list[User], in_batches: None, broker: redis.Redis) -> None:
    """The sweep enqueues work whose hint was lost once, and no other work."""
    waiting = happened("waiting", first=people)
    delivery.expand(happened("expanded", first=people))
    broker.flushdb()  # the hints are lost
    assert sweep.sweep() == 0
    due_now()
    assert sweep.sweep() == 4
    assert (broker.llen(redis_key("events")), broker.llen(redis_key("bursts"))) == (1, 3)
    assert sweep.sweep() == 0
    delivery.expand(waiting)
    due_now()
    assert sweep.sweep() == 0  # their hints lie on the queue
    broker.flushdb()
    assert sweep.sweep() == 6  # batches only: the event is expanded


def test_concurrent_sweeps(people: list[User], broker: redis.Redis) -> None:
    """Concurrent sweeps enqueue each row once."""
    for number in range(50):
        happened(f"thing {number}", first=people)
    broker.flushdb()
    due_now()
    counts: list[int] = []
    at_once(*(lambda: counts.append(sweep.sweep()) for _ in range(4)))
    assert sum(counts) == 50
    assert broker.llen(redis_key("events")) == 50


def test_record_without_broker(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording without a broker raises no error, and the sweep enqueues the event later."""
    monkeypatch.setattr(hints, "_leave_alone_until", 0.0)
    environment.VALKEY.stop()
    try:
        event_id = happened(first=people)
    finally:
        environment.VALKEY.start()
    monkeypatch.setattr(hints, "_leave_alone_until", 0.0)
    with redis.Redis.from_url(environment.VALKEY.database_url(0)) as client:
        assert client.llen(redis_key("events")) == 0
        due_now()
        assert sweep.sweep() == 1
        assert client.llen(redis_key("events")) == 1
    delivery.expand(event_id)
    assert Notification.objects.count() == 5


def test_record_with_frozen_broker(people: list[User], broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording with a frozen broker waits once, for a short bounded time."""
    monkeypatch.setattr(hints, "_leave_alone_until", 0.0)  # and as it was, after the test
    happened("warm up", first=people)
    environment.VALKEY.kill(signal.SIGSTOP)
    try:
        waits = []
        for number in range(3):
            begun = time.monotonic()
            happened(f"thing {number}", first=people)
            waits.append(time.monotonic() - begun)
    finally:
        environment.VALKEY.kill(signal.SIGCONT)
    assert Event.objects.count() == 4
    bound = get_settings().broker_wait_seconds
    assert waits[0] < bound + 0.5
    assert max(waits[1:]) < 0.1  # it is left alone for a moment
    monkeypatch.setattr(hints, "_leave_alone_until", 0.0)
    happened("after", first=people)
    due_now()
    assert sweep.sweep() == 0  # it waits until the hints that were taken are worked off
    with redis.Redis.from_url(environment.BROKER.url) as client:
        client.flushdb()
    assert sweep.sweep() == 5


def test_failing_hint(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing hint raises no error and does not prevent later commit hooks."""

    def fails(*_: object, **__: object) -> bool:
        raise RuntimeError

    monkeypatch.setattr("clarion.pipeline.outbox.recording.enqueue", fails)
    ran: list[str] = []
    with transaction.atomic():
        happened(first=people)
        transaction.on_commit(lambda: ran.append("later"))
    assert ran == ["later"]
    assert Event.objects.get().state == "pending"
