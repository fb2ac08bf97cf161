"""What becomes of work that is interrupted, fails, kills its worker, or loses its hint: it is done, or parked."""

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


def test_a_crash_before_the_commit_leaves_nothing_and_the_work_is_done_again(
    people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = happened(first=people)
    with monkeypatch.context() as patch:
        patch.setattr(persist, "persist", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            delivery.expand(event_id)
    assert not Notification.objects.exists()
    assert not Batch.objects.exists()
    delivery.expand(event_id)
    assert Notification.objects.count() == 5


def test_a_crash_after_the_commit_publishes_again_what_was_stored(
    people: list[User], monkeypatch: pytest.MonkeyPatch, published: Frames
) -> None:
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


def test_a_channel_layer_that_is_down_costs_no_retry(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are stored, and edges find them in Postgres."""

    def refused(*_: object) -> None:
        raise redis.ConnectionError("refused")

    monkeypatch.setattr("clarion.shared.channel_layer.ClarionChannelLayer.publish_lots", refused)
    failed = metrics.PUBLISH_FAILED._value.get()
    delivery.expand(happened(first=people))
    assert Event.objects.get().state == Batch.objects.get().state == "done"
    assert Notification.objects.count() == len(people)
    assert metrics.PUBLISH_FAILED._value.get() == failed + 1


def test_postgres_being_away_does_not_cost_an_attempt(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_an_event_that_is_not_declared_is_tried_for_a_day_and_then_parked() -> None:
    """During a deploy old workers do not know the events of new web processes."""
    event_id = record(ThingHappened(), key="thing")
    Event.objects.update(name="tests.unknown.v1")
    for hours in (0, 2, 23):
        failing_for(hours)
        assert expand_fails(event_id, UndeclaredEvent).state == "pending"
    failing_for(hours=25)
    event = expand_fails(event_id, UndeclaredEvent)
    assert event.state == "failed"
    assert "no event 'tests.unknown.v1' is declared" in event.error


def test_work_that_keeps_failing_is_tried_for_an_hour_and_then_parked(
    people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it fails within that hour: a release can be rolled back meanwhile."""
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
def test_a_database_error_is_judged_by_its_sqlstate(
    people: list[User], monkeypatch: pytest.MonkeyPatch, sqlstate: str | None, state: str
) -> None:
    """An outage is waited for without end; a statement time-out and a refused value are failures of the work."""

    def fails(*_: object, **__: object) -> None:
        error = OperationalError("as Postgres says it")
        error.__cause__ = psycopg.errors.lookup(sqlstate)("x") if sqlstate else psycopg.OperationalError("lost")
        raise error

    event_id = happened(first=people)
    failing_for(hours=2)
    monkeypatch.setattr(persist, "persist", fails)
    assert expand_fails(event_id, OperationalError).state == state


def test_finishing_and_discarding_the_last_two_batches_concurrently_finishes_the_event(
    people: list[User], in_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever locks the event second sees the batch of the other."""
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


def test_the_sweep_finishes_an_event_without_unfinished_batches(
    people: list[User], in_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an earlier version could leave it behind."""
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


def test_what_kills_its_worker_each_time_is_parked(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = happened(first=people)
    # A killed worker runs no exception handler: only its count of starts stays.
    for _ in range(work.MAX_ATTEMPTS):
        assert work.count_restart(work.EVENT, event_id)
    delivery.expand(event_id, again=True)
    assert Event.objects.get().state == "failed"
    assert not Notification.objects.exists()


def test_the_sweep_enqueues_what_is_due_once_and_leaves_the_rest(
    people: list[User], in_batches: None, broker: redis.Redis
) -> None:
    waiting = happened("waiting", first=people)
    delivery.expand(happened("expanded", first=people))
    broker.flushdb()  # the hints are lost
    assert sweep.sweep() == 0
    due_now()
    assert sweep.sweep() == 4
    assert (broker.llen("events"), broker.llen("bursts")) == (1, 3)
    assert sweep.sweep() == 0
    delivery.expand(waiting)
    due_now()
    assert sweep.sweep() == 0  # their hints lie on the queue
    broker.flushdb()
    assert sweep.sweep() == 6  # batches only: the event is expanded


def test_sweeps_at_the_same_time_enqueue_each_row_once(people: list[User], broker: redis.Redis) -> None:
    for number in range(50):
        happened(f"thing {number}", first=people)
    broker.flushdb()
    due_now()
    counts: list[int] = []
    at_once(*(lambda: counts.append(sweep.sweep()) for _ in range(4)))
    assert sum(counts) == 50
    assert broker.llen("events") == 50


def test_a_broker_that_is_down_costs_no_error_and_the_sweep_delivers(
    people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "_leave_alone_until", 0.0)
    environment.VALKEY.stop()
    try:
        event_id = happened(first=people)
    finally:
        environment.VALKEY.start()
    monkeypatch.setattr(hints, "_leave_alone_until", 0.0)
    with redis.Redis.from_url(environment.VALKEY.database_url(0)) as client:
        assert client.llen("events") == 0
        due_now()
        assert sweep.sweep() == 1
        assert client.llen("events") == 1
    delivery.expand(event_id)
    assert Notification.objects.count() == 5


def test_a_broker_that_has_frozen_costs_a_short_bounded_wait(
    people: list[User], broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_a_hint_that_fails_costs_no_error_and_drops_no_later_hook(
    people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> bool:
        raise RuntimeError

    monkeypatch.setattr("clarion.pipeline.outbox.recording.enqueue", fails)
    ran: list[str] = []
    with transaction.atomic():
        happened(first=people)
        transaction.on_commit(lambda: ran.append("later"))
    assert ran == ["later"]
    assert Event.objects.get().state == "pending"
