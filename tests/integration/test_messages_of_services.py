"""Messages to the Celery task `pipeline.record`: recorded, waited for, or kept as an event that can be replayed."""

import threading
import time
from typing import Any

import pytest
import redis
from celery.exceptions import Reject
from celery.worker import state as worker_state
from django.contrib.auth.models import User
from django.db import OperationalError

from clarion.pipeline import audiences, delivery, events, inbound, tasks
from clarion.pipeline.celery.queues import redis_key
from clarion.pipeline.errors import InvalidEvent, KeyConflict, UndeclaredEvent
from clarion.pipeline.outbox import dead_letters, work
from clarion.pipeline.outbox.models import Event
from clarion.shared import metrics
from clarion.shared.inbox.models import Notification

pytestmark = pytest.mark.django_db(transaction=True)

NOTICE = "clarion.notice.given.v1"
REJECTED = "clarion.message.rejected.v1"


def notice(*people: User, **more: Any) -> dict[str, Any]:
    return {"kind": "EXPORT_COMPLETE", "recipients": [person.pk for person in people]} | more


def test_message_of_service_recorded_once(people: list[User], broker: redis.Redis) -> None:
    """A repeated message is recorded once, and keys are separate for each service."""
    first = tasks.record(NOTICE, notice(people[0]), key="one")
    assert tasks.record(name=NOTICE, payload=notice(people[0]), key="one") == first
    assert tasks.record(NOTICE, notice(people[1]), "one", service="billing") != first
    assert broker.llen(redis_key("events")) == 2
    assert list(Event.objects.order_by("pk").values_list("service", flat=True)) == ["unnamed", "billing"]


def test_event_unknown_to_old_worker(people: list[User], broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event unknown to an old worker is recorded when a new one retries it.

    During a deploy the message may reach a worker of the old release.
    """
    declared = dict(events._declared)
    with monkeypatch.context() as old_release:
        old_release.setattr(events, "_declared", {name: one for name, one in declared.items() if name != NOTICE})
        event_id = tasks.record(NOTICE, notice(people[0]), key="one")
        with pytest.raises(UndeclaredEvent):
            delivery.expand(event_id)
        kept = Event.objects.get()
        assert (kept.name, kept.state) == (REJECTED, "pending")
    delivery.expand(event_id, again=True)
    event = Event.objects.get(name=NOTICE)
    assert Event.objects.get(name=REJECTED).state == "done"
    delivery.expand(event.pk)
    assert Notification.objects.get().recipient_id == people[0].pk


@pytest.mark.parametrize(
    "args,kwargs,error,says",
    [
        ((NOTICE, {}), {"key": "k"}, InvalidEvent, "kind: Field required"),
        ((NOTICE, "text"), {"key": "k"}, InvalidEvent, "payload"),
        ((NOTICE, None), {"key": "k"}, InvalidEvent, "payload"),
        ((NOTICE, {}), {}, InvalidEvent, "missing: ['key']"),
        ((), {}, InvalidEvent, "missing: ['name', 'payload', 'key']"),
        ((NOTICE, {}), {"key": "k", "colour": 1}, InvalidEvent, "unknown: ['colour']"),
        ((NOTICE, {}, "k", 1, "s", "v", "more"), {}, InvalidEvent, "a message needs"),
        ((NOTICE, {"kind": "X", "recipients": [1]}), {"key": 7}, InvalidEvent, "an idempotency key"),
        ((NOTICE, {"kind": "X", "recipients": [1]}), {"key": "k", "actor_id": "me"}, InvalidEvent, "actor_id is 'me'"),
        ((NOTICE, {"kind": "X", "recipients": [1]}), {"key": "k", "service": 1}, InvalidEvent, "service is 1"),
        ((["a"], {}), {"key": "k"}, UndeclaredEvent, "no event ['a'] is declared"),
        ((REJECTED, {"args": [], "kwargs": {}}), {"key": "k"}, UndeclaredEvent, "cannot be sent by a service"),
    ],
)
def test_rejected_message_kept(
    people: list[User], broker: redis.Redis, args: Any, kwargs: Any, error: type[Exception], says: str
) -> None:
    """A message that cannot be recorded is kept unchanged.

    It is a dead letter after its first attempt; one whose event is not declared, after a day.
    """
    counted = metrics.MESSAGES_REJECTED._value.get()
    event_id = tasks.record(*args, **kwargs)
    assert metrics.MESSAGES_REJECTED._value.get() == counted + 1
    with pytest.raises(error):
        delivery.expand(event_id)
    event = Event.objects.get()
    assert event.state == ("pending" if error is UndeclaredEvent else "failed")
    assert says in event.error
    assert event.payload["kwargs"] == kwargs
    assert len(event.payload["args"]) == len(args)


def test_replay_of_rejected_message(people: list[User], broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rejected message is replayed and delivered after its audience was declared."""
    payload = {"kind": "EXPORT_COMPLETE", "audience": "tests.later"}
    event_id = tasks.record(NOTICE, payload, key="one")
    with pytest.raises(InvalidEvent, match=r"no audience 'tests\.later' is declared"):
        delivery.expand(event_id)
    monkeypatch.setitem(audiences._named, "tests.later", lambda: User.objects.filter(pk=people[0].pk).values_list("pk"))
    assert dead_letters.replay(work.EVENT, [event_id]) == 1
    delivery.expand(event_id)
    delivery.expand(Event.objects.get(name=NOTICE).pk)
    assert Notification.objects.get().recipient_id == people[0].pk


def test_text_refused_by_postgres(people: list[User], broker: redis.Redis) -> None:
    """Characters that Postgres refuses are replaced."""
    event_id = tasks.record(NOTICE, notice(people[0], data={"x": "\x00\ud800"}), key="one")
    delivery.expand(event_id)
    assert Event.objects.get(name=NOTICE).payload["data"] == {"x": "\ufffd\ufffd"}


def test_key_conflict_of_service(people: list[User], broker: redis.Redis) -> None:
    """A message that reuses a key with another payload is kept as rejected."""
    tasks.record(NOTICE, notice(people[0]), key="one")
    event_id = tasks.record(NOTICE, notice(people[1]), key="one")
    with pytest.raises(KeyConflict):
        delivery.expand(event_id)


def test_too_deep_message(people: list[User], broker: redis.Redis) -> None:
    """A message that is nested too deep is kept as text."""
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    event_id = tasks.record(NOTICE, {"kind": "X", "recipients": [1], "data": {"x": deep}}, key="k")
    assert "[" * 100 in Event.objects.get(pk=event_id).payload["kwargs"]["message"]


class Away:
    """Postgres fails a number of times and answers then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.left = times
        self._record = inbound.record_named
        monkeypatch.setattr(inbound, "record_named", self)
        monkeypatch.setattr(inbound, "WAIT_FIRST_SECONDS", 0.01)

    def __call__(self, *args: Any, **kwargs: Any) -> int:
        self.left -= 1
        if self.left >= 0:
            raise OperationalError("the connection was lost")
        return self._record(*args, **kwargs)


def test_message_during_outage(people: list[User], broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message is retried while Postgres is unavailable."""
    away = Away(monkeypatch, times=3)
    assert tasks.record(NOTICE, notice(people[0]), key="one") == Event.objects.get().pk
    assert away.left == -1


def test_long_wait_requeued(people: list[User], broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that has waited for long is sent to the end of its queue again.

    This is before a broker would give it to another worker too.
    """
    Away(monkeypatch, times=1000)
    monkeypatch.setattr(inbound, "KEPT_SECONDS", 0.05)
    assert tasks.record(NOTICE, notice(people[0]), key="one") is None
    assert broker.llen(redis_key("events")) == 1
    assert b"pipeline.record" in broker.lindex(redis_key("events"), 0)


def test_message_of_stopping_worker(people: list[User], broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopping worker returns its message to the queue."""
    Away(monkeypatch, times=1000)
    timer = threading.Timer(0.2, lambda: setattr(worker_state, "should_stop", 0))
    timer.start()
    begun = time.monotonic()
    try:
        with pytest.raises(Reject) as rejected:
            tasks.record(NOTICE, notice(people[0]), key="one")
    finally:
        timer.join()
        worker_state.should_stop = None
    assert rejected.value.requeue
    assert time.monotonic() - begun < 10
