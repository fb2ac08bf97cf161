"""The sweep and the queues: one new hint for each row that lost its own."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.contrib.auth.models import User
from django.utils import timezone

from clarion.pipeline import backlog, delivery
from clarion.pipeline.celery.hints import enqueue
from clarion.pipeline.celery.queues import BURSTS, DELIVER, redis_key
from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.outbox.sweep import sweep
from tests.integration.steps import due_now, happened

pytestmark = pytest.mark.django_db(transaction=True)


def hinted(queue: str, broker: redis.Redis) -> list[int]:
    """The ids of the rows that have a hint on the queue, the oldest first."""
    messages = (json.loads(message) for message in reversed(broker.lrange(redis_key(queue), 0, -1)))
    return [int(message["headers"]["argsrepr"].strip("(,)")) for message in messages]


def earlier(ids: list[int], minutes: int) -> None:
    """These batches were given their hints some minutes ago."""
    Batch.objects.filter(pk__in=ids).update(hinted_at=timezone.now() - timedelta(minutes=minutes))


def test_sweep_without_workers(people: list[User], in_batches: None, broker: redis.Redis) -> None:
    """An hour without workers leaves one hint for each batch.

    Each sweep sees that they are still on the queue.
    """
    for number in range(10):
        delivery.expand(happened(f"burst {number}", first=people))
    batches = list(Batch.objects.order_by("pk").values_list("pk", flat=True))
    assert hinted(BURSTS, broker) == batches
    for _ in range(60):
        due_now()
        assert sweep() == 0
    assert hinted(BURSTS, broker) == batches


def test_lost_hint(people: list[User], in_batches: None, broker: redis.Redis) -> None:
    """A lost hint is sent again when the queue has passed its time."""
    delivery.expand(happened(first=people))
    first, second, third = Batch.objects.order_by("pk").values_list("pk", flat=True)
    broker.flushdb()  # all hints are lost
    earlier([first, second], minutes=10)
    enqueue(DELIVER, third)
    due_now()
    assert sweep() == 2
    assert hinted(BURSTS, broker) == [third, first, second]
    due_now()
    assert sweep() == 0
    broker.rpop(BURSTS)  # a worker took the hint of the third
    due_now()
    assert sweep() == 0  # the oldest left is of the first, which was given later


def test_lane_of_retries(people: list[User], broker: redis.Redis) -> None:
    """The retries of a small event stay in its lane.

    The lane of bursts has one worker, which large batches keep busy.
    """
    delivery.expand(happened(first=people))
    Event.objects.update(state="expanded")
    Batch.objects.update(state="pending")
    broker.flushdb()
    due_now()
    assert sweep() == 1
    assert hinted("events", broker) == list(Batch.objects.values_list("pk", flat=True))
    assert broker.llen(redis_key(BURSTS)) == 0


@pytest.mark.parametrize("message", [b"garbage", b"[]", b'{"headers": {"enqueued_at": "soon"}}', b'{"headers": {}}'])
def test_message_without_time(people: list[User], in_batches: None, broker: redis.Redis, message: bytes) -> None:
    """A message without a valid time counts as half an hour old."""
    delivery.expand(happened(first=people))
    batches = list(Batch.objects.order_by("pk").values_list("pk", flat=True))
    broker.flushdb()
    broker.lpush(redis_key(BURSTS), message)
    earlier(batches[:1], minutes=31)
    due_now()
    assert sweep() == 1


def test_oldest_hint(broker: redis.Redis, db: None) -> None:
    """The oldest hint of each queue is found."""
    before = datetime.now(UTC)
    enqueue(DELIVER, 1)
    between = datetime.now(UTC)
    enqueue(DELIVER, 2)
    oldest = backlog.oldest_hints([BURSTS, "events"])
    assert oldest is not None
    assert oldest["events"] is None
    assert oldest[BURSTS] is not None
    assert before <= oldest[BURSTS] <= between
