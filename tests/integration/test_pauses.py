"""A paused kind: its events wait, none is lost, and they are delivered in order."""

import threading

import pytest
import redis
from django.contrib.auth.models import User
from django.db import transaction

from clarion.pipeline import backlog, delivery
from clarion.pipeline.celery.queues import redis_key
from clarion.pipeline.outbox import pauses, work
from clarion.pipeline.outbox.models import Batch, Event, Pause
from clarion.pipeline.outbox.sweep import sweep
from clarion.pipeline.outbox.timeline import lines_of
from clarion.shared.inbox.models import Notification
from tests.integration.steps import at_once, happened
from tests.integration.things import ThingHappened  # noqa: F401 - declares the event
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def told() -> list[int]:
    return list(Notification.objects.order_by("seq").values_list("event_id", flat=True))


def test_event_of_paused_kind(people: list[User], broker: redis.Redis) -> None:
    """An event of a paused kind waits, and other kinds are delivered."""
    assert pauses.pause("FIRST", by="mia")
    assert not pauses.pause("FIRST")
    one, other = happened("one", first=people[:1]), happened("other", second=people[1:2])
    for event_id in (one, other):
        delivery.expand(event_id)
    assert told() == [other]
    assert Event.objects.get(pk=one).state == "paused"
    assert pauses.waiting() == {"FIRST": 1}
    assert backlog.look().count("event", "paused") == 1
    assert lines_of(Event.objects.get(pk=one))[-1][1] == "held, because the kind FIRST is paused"
    # Neither the sweep nor a hint that comes late wakes it.
    broker.flushdb()
    assert sweep() == 0
    delivery.expand(one)
    delivery.expand(one, again=True)
    assert told() == [other]


def test_order_after_resume(people: list[User], broker: redis.Redis) -> None:
    """After a resume the waiting events are delivered in order."""
    pauses.pause("FIRST")
    ids = [happened(f"event {number}", first=people[:1]) for number in range(5)]
    for event_id in reversed(ids):
        delivery.expand(event_id)
    broker.flushdb()
    assert pauses.resume("FIRST") == 5
    assert sweep() == 5
    messages = reversed(broker.lrange(redis_key("events"), 0, -1))
    hints = [int(message.split(b'"argsrepr": "(')[1].split(b",")[0]) for message in messages]
    assert hints == ids
    for event_id in hints:
        delivery.expand(event_id, again=True)
    assert told() == ids
    assert not Pause.objects.exists()
    assert pauses.resume("FIRST") == 0


def test_paused_event_of_several_kinds(people: list[User], valkey: str) -> None:
    """An event of several kinds waits as a whole if one of them is paused."""
    pauses.pause("SECOND")
    event_id = happened(first=people[:1], second=people[:2])
    delivery.expand(event_id)
    assert told() == []
    pauses.resume("SECOND")
    delivery.expand(event_id)
    kinds = dict(Notification.objects.values_list("recipient_id", "announcement__kind"))
    assert kinds == {people[0].pk: "FIRST", people[1].pk: "SECOND"}


def test_batches_of_paused_kind(people: list[User], in_batches: None, broker: redis.Redis) -> None:
    """Unfinished batches of a paused kind wait too."""
    delivery.expand(happened(first=people))
    first, second, third = Batch.objects.order_by("pk").values_list("pk", flat=True)
    delivery.deliver(first)
    pauses.pause("FIRST")
    for batch_id in (second, third):
        delivery.deliver(batch_id)
    assert len(told()) == 2
    assert pauses.waiting() == {"FIRST": 2}
    assert pauses.resume("FIRST") == 2
    broker.flushdb()  # the workers took the hints
    assert sweep() == 2
    for batch_id in (second, third):
        delivery.deliver(batch_id, again=True)
    assert len(told()) == len(people)
    assert Event.objects.get().state == "done"


def test_pause_from_another_process(people: list[User], valkey: str) -> None:
    """A pause from another process is applied within its time limit."""
    delivery.expand(happened("before", first=people[:1]))  # this process asks, and knows of none
    Pause.objects.create(kind="FIRST")  # as another process does it
    wait_until(lambda: expanded_is_held(people), "nobody notices", pauses.NOTICED_WITHIN_SECONDS * 3)
    # A pause that has ended holds no work, although this process still has it in its cache.
    Pause.objects.all().delete()
    late = happened("late", first=people[:1])
    delivery.expand(late)
    assert late in told()


def expanded_is_held(people: list[User]) -> bool:
    event_id = happened(f"event {Event.objects.count()}", first=people[:1])
    delivery.expand(event_id)
    return Event.objects.get(pk=event_id).state == "paused"


def test_expand_beside_resume(people: list[User], valkey: str) -> None:
    """An event that is expanded during a resume does not stay paused."""
    pauses.pause("FIRST")
    event_id = happened(first=people[:1])
    resumed = threading.Event()

    def resume() -> None:
        with transaction.atomic():
            pauses.resume("FIRST")
            resumed.set()
            # The other has seen the pause by now, and waits to know whether it is still there.
            assert not finished.wait(0.3)

    def expand() -> None:
        assert resumed.wait(10)
        delivery.expand(event_id)
        finished.set()

    finished = threading.Event()
    at_once(resume, expand)
    assert told() == [event_id]


def test_repeated_pauses(people: list[User], broker: redis.Redis) -> None:
    """Repeated pausing and resuming does not park healthy work."""
    event_id = happened("one", first=people[:1])
    for _ in range(work.MAX_ATTEMPTS + 2):
        pauses.pause("FIRST")
        delivery.expand(event_id, again=True)
        assert Event.objects.get().state == "paused"
        pauses.resume("FIRST")
        pauses._ask_again()
    delivery.expand(event_id, again=True)
    assert Event.objects.get().state == "done"
