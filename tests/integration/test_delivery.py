"""From an event to inboxes and frames: each recipient once, in order, despite repetitions and interruptions."""

import random
from functools import partial
from typing import Any

import msgpack
import pytest
import redis
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from clarion.pipeline import delivery, persist
from clarion.pipeline.celery.queues import redis_key
from clarion.pipeline.outbox.models import Batch, Event
from clarion.shared.inbox.models import Announcement, Inbox, Mute, Notification
from clarion.shared.settings import get_settings
from tests.factories import inbox_of
from tests.integration.conftest import Frames
from tests.integration.steps import at_once, happened
from tests.integration.things import TOPIC

pytestmark = pytest.mark.django_db(transaction=True)


def told() -> dict[Any, str]:
    """The recipients, by their primary keys, with their kinds."""
    kinds = dict(Notification.objects.values_list("recipient_id", "announcement__kind"))
    return {user.pk: kinds[inbox_of(user)] for user in User.objects.all() if inbox_of(user) in kinds}


def test_event_to_rows_and_frames(people: list[User], published: Frames) -> None:
    """An event gives each recipient a row and a frame."""
    delivery.expand(happened(first=people[:2]))
    frames = published()
    assert {user for user, _ in frames} == {people[0].pk, people[1].pk}
    row = Notification.objects.get(recipient_id=inbox_of(people[0]))
    frame = dict(frames)[people[0].pk]
    assert frame["type"] == "NOTIFICATION_CREATED"
    assert (frame["seq"], frame["unread"], frame["notificationId"]) == (1, 1, "1")
    assert frame["data"] == {"as": "FIRST"}
    assert frame["createdAt"] == row.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert Announcement.objects.count() == 1
    assert Event.objects.get().state == Batch.objects.get().state == "done"


def test_recipient_in_two_audiences(people: list[User]) -> None:
    """A recipient in two audiences is notified as the first only."""
    a, b, c, *_ = people
    delivery.expand(happened(first=[a, b], second=[b, c]))
    assert told() == {a.pk: "FIRST", b.pk: "FIRST", c.pk: "SECOND"}


def test_actor_excluded(people: list[User]) -> None:
    """The actor is not notified."""
    a, b, *_ = people
    delivery.expand(happened(actor=a, first=[a, b], second=[a]))
    assert told() == {b.pk: "FIRST"}
    assert Announcement.objects.get().actor_username == a.username


def test_mutes(people: list[User]) -> None:
    """Mutes of a kind, a topic, and a kind within a topic are respected."""
    a, b, c, d, e = people
    Mute.objects.create(user_id=inbox_of(a), kind="FIRST")
    Mute.objects.create(user_id=inbox_of(b), topic=TOPIC)
    Mute.objects.create(user_id=inbox_of(c), kind="FIRST", topic=TOPIC)
    Mute.objects.create(user_id=inbox_of(d), kind="FIRST", topic="tests.place:2")
    Mute.objects.create(user_id=inbox_of(e), kind="SECOND")
    delivery.expand(happened(first=people))
    assert told() == {d.pk: "FIRST", e.pk: "FIRST"}


def test_kind_through_mutes(people: list[User]) -> None:
    """A kind with `through_mutes` is delivered in a muted topic, unless the mute names the kind."""
    a, b, c, d, _ = people
    Mute.objects.create(user_id=inbox_of(a), topic=TOPIC)
    Mute.objects.create(user_id=inbox_of(b), kind="PERSONAL")
    Mute.objects.create(user_id=inbox_of(c), kind="PERSONAL", topic=TOPIC)
    Mute.objects.create(user_id=inbox_of(d), topic=TOPIC)
    delivery.expand(happened(personal=[a, b, c], first=[d]))
    assert told() == {a.pk: "PERSONAL"}


def test_muted_kind_and_second_audience(people: list[User]) -> None:
    """A muted kind does not prevent a notification of another kind."""
    Mute.objects.create(user_id=inbox_of(people[0]), kind="FIRST")
    delivery.expand(happened(first=people[:1], second=people[:1]))
    assert told() == {people[0].pk: "SECOND"}


def test_event_without_recipients(people: list[User]) -> None:
    """An event without recipients is done after its expansion."""
    delivery.expand(happened())
    delivery.expand(happened("own", actor=people[0], first=people[:1]))
    assert set(Event.objects.values_list("state", flat=True)) == {"done"}
    assert not Announcement.objects.exists()


def test_seq_and_unread(people: list[User], published: Frames) -> None:
    """The seqs of an inbox have no gaps, and `unread` counts the unread notifications."""
    for number in range(3):
        delivery.expand(happened(f"thing {number}", first=people[:1]))
    assert [(frame["seq"], frame["unread"]) for _, frame in published()] == [(1, 1), (2, 2), (3, 3)]
    assert Inbox.objects.values_list("seq", "unread").get() == (3, 3)


def test_repeated_key(people: list[User]) -> None:
    """An event that is recorded twice with one key is delivered once."""
    first, second = happened(first=people), happened(first=people)
    assert first == second
    delivery.expand(first)
    delivery.expand(second)
    assert Notification.objects.count() == len(people)


def test_rolled_back_event(people: list[User], broker: redis.Redis) -> None:
    """A rolled-back event is neither stored nor enqueued."""

    def rolled_back() -> None:
        with transaction.atomic():
            happened(first=people)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        rolled_back()
    assert not Event.objects.exists()
    assert broker.llen(redis_key("events")) == 0


def test_enqueued_after_commit(people: list[User], broker: redis.Redis) -> None:
    """A recorded event is enqueued after the commit, not before."""
    with transaction.atomic():
        happened(first=people)
        assert broker.llen(redis_key("events")) == 0
    assert broker.llen(redis_key("events")) == 1


def test_cost_of_recording(people: list[User], broker: redis.Redis) -> None:
    """Recording an event costs one statement and one message."""
    happened("warm up", first=people)
    with CaptureQueriesContext(connection) as queries:
        happened(first=people)
    assert len(queries) == 1
    assert broker.llen(redis_key("events")) == 2


def test_large_event_in_batches(people: list[User], in_batches: None, broker: redis.Redis, published: Frames) -> None:
    """A large event is split into batches that are delivered separately."""
    event_id = happened(first=people)
    delivery.expand(event_id)
    batches = list(Batch.objects.order_by("pk"))
    assert [len(batch.recipients) for batch in batches] == [2, 2, 1]
    assert broker.llen(redis_key("bursts")) == 3
    assert not Notification.objects.exists()
    for batch in batches:
        assert Event.objects.get().state == "expanded"
        delivery.deliver(batch.pk)
    assert Event.objects.get().state == "done"
    assert len(published()) == len(told()) == 5


@pytest.mark.parametrize("count", [1, 300])
def test_statements_per_batch(people: list[User], monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The number of statements for a batch is independent of its size."""
    monkeypatch.setattr(
        "clarion.pipeline.fanout.get_settings", lambda: get_settings().model_copy(update={"deliver_at_once": 0})
    )
    crowd = User.objects.bulk_create(User(username=f"crowd {number}") for number in range(count))
    delivery.expand(happened(first=crowd))
    batch_id = Batch.objects.get().pk
    Inbox.objects.bulk_create(Inbox(user_id=inbox_of(one)) for one in crowd)
    with CaptureQueriesContext(connection) as queries:
        delivery.deliver(batch_id)
    # The paused kinds are read once a second, independent of the load.
    others = ("BEGIN", "COMMIT", "SELECT kind FROM clarion_pause")
    statements = [query["sql"] for query in queries if not query["sql"].startswith(others)]
    assert len(statements) == 6
    assert Notification.objects.count() == count


def test_batch_published_in_one_round_trip(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is published in one round trip.

    Everything is sent before an answer is waited for, and nothing else is sent.
    """
    trip: list[int | str] = []  # how many messages were sent, and that an answer was read
    send, read = redis.Connection.send_command, redis.Connection.read_response

    def sent(self: redis.Connection, *args: Any, **kwargs: Any) -> None:
        trip.append(len(msgpack.unpackb(args[3], raw=True)) // 2 if args[0] == "EVAL" else str(args[0]))
        send(self, *args, **kwargs)

    def answered(self: redis.Connection, *args: Any, **kwargs: Any) -> Any:
        trip.append("answer")
        return read(self, *args, **kwargs)

    crowd = User.objects.bulk_create(User(username=f"crowd {number}") for number in range(1200))
    delivery.expand(happened(first=people))
    delivery.expand(happened("another", first=crowd))
    monkeypatch.setattr(redis.Connection, "send_command", sent)
    monkeypatch.setattr(redis.Connection, "read_response", answered)
    delivery.deliver(Batch.objects.latest("pk").pk)
    assert trip == [500, 500, 200, "answer", "answer", "answer"]


def test_concurrent_workers_on_one_batch(people: list[User], in_batches: None) -> None:
    """Several workers on the same batches store each notification once."""
    delivery.expand(happened(first=people))
    batch_ids = list(Batch.objects.values_list("pk", flat=True))
    at_once(*(lambda: [delivery.deliver(batch_id) for batch_id in batch_ids] for _ in range(4)))
    for batch_id in batch_ids:
        delivery.deliver(batch_id)
    assert Event.objects.get().state == "done"
    assert list(Inbox.objects.values_list("seq", "unread")) == [(1, 1)] * 5
    assert Notification.objects.count() == 5


def test_batches_with_common_recipients(people: list[User]) -> None:
    """Concurrent batches with common recipients neither deadlock nor leave gaps."""
    crowd = User.objects.bulk_create(User(username=f"crowd {number}") for number in range(100))
    events = [happened(f"thing {number}", first=crowd) for number in range(8)]
    at_once(*(lambda mine=events[n::4]: [delivery.expand(event) for event in mine] for n in range(4)))
    assert set(Inbox.objects.values_list("seq", "unread")) == {(8, 8)}
    for person in crowd[:3]:
        seqs = Notification.objects.filter(recipient_id=inbox_of(person)).order_by("seq")
        assert list(seqs.values_list("seq", flat=True)) == list(range(1, 9))


@pytest.mark.parametrize("known", [False, True], ids=["new to the planner", "known to the planner"])
def test_lock_order_of_batch(people: list[User], in_batches: None, known: bool) -> None:
    """A batch locks its inboxes in the order of user ids, for any statistics of the table.

    This order prevents deadlocks.
    """
    delivery.expand(happened(first=people))
    batch_id = Batch.objects.earliest("pk").pk
    Inbox.objects.bulk_create(Inbox(user_id=number) for number in range(1000, 3000))
    insert, *_ = persist._statements()
    values = {"event": 1, "announcement": 1, "created_at": None, "storm_limit": 20, "storm_seconds": 60}
    with connection.cursor() as cursor:
        if known:
            cursor.execute("ANALYZE clarion_inbox")
        with transaction.atomic():
            cursor.execute(persist._ALONG_THE_INDEX)
            cursor.execute(f"EXPLAIN {insert}", values | {"batch": batch_id, "batches": [batch_id]})
            plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using clarion_inbox_pkey on clarion_inbox i" in plan, plan
    assert not any(
        other in plan for other in ("Sort", "Bitmap Heap Scan on clarion_inbox", "Seq Scan on clarion_inbox")
    ), plan


@pytest.mark.parametrize("in_small_batches", [False, True], ids=["at once", "in batches"])
def test_concurrent_batches_to_new_users(
    monkeypatch: pytest.MonkeyPatch, broker: redis.Redis, in_small_batches: bool
) -> None:
    """Concurrent batches to users without an inbox do not deadlock."""
    if in_small_batches:
        monkeypatch.setattr(
            "clarion.pipeline.fanout.get_settings", lambda: get_settings().model_copy(update={"deliver_at_once": 0})
        )
    chance = random.Random(7)
    users = User.objects.bulk_create(User(username=f"newcomer {number}") for number in range(120))
    # Few users have an inbox yet, and each event has other recipients.
    events = [happened(f"thing {number}", first=chance.sample(users, 40)) for number in range(40)]

    def worker(number: int) -> None:
        for event_id in events[number::8]:
            delivery.expand(event_id)
            for batch_id in Batch.objects.filter(event=event_id, state="pending").values_list("pk", flat=True):
                delivery.deliver(batch_id)

    at_once(*(partial(worker, number) for number in range(8)))
    assert set(Event.objects.values_list("state", flat=True)) == {"done"}
    assert Notification.objects.count() == 40 * 40
