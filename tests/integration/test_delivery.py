"""From an event to inboxes and frames: everyone once, in order, whatever is repeated or interrupted."""

import signal
import threading
import time
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.db import OperationalError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from pipeline import delivery, enqueue, persist, publish
from pipeline.errors import Retryable
from pipeline.outbox import sweep, work
from pipeline.outbox.models import Batch, Event
from pipeline.outbox.recording import record
from shared.inbox.models import Announcement, Inbox, Mute, Notification
from shared.settings import load
from tests import environment
from tests.factories import UserFactory
from tests.integration.conftest import Frames
from tests.integration.things import TOPIC, ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)


def happened(key: str = "thing", actor: User | None = None, **who: list[User]) -> int:
    event = ThingHappened(**{name: [person.pk for person in people] for name, people in who.items()})
    return record(event, key=key, actor_id=actor.pk if actor else None)


def told() -> dict[int, str]:
    """Who was told, as what."""
    return dict(Notification.objects.values_list("recipient_id", "announcement__kind"))


@pytest.fixture
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is delivered at once, and a batch holds two."""
    small = load().model_copy(update={"deliver_at_once": 0, "batch_size": 2})
    monkeypatch.setattr("pipeline.recipients.load", lambda: small)


def test_an_event_reaches_its_audience_as_rows_and_frames(people: list[User], published: Frames) -> None:
    delivery.expand(happened(first=people[:2]))
    frames = published()
    assert sorted(user for user, _ in frames) == [people[0].pk, people[1].pk]
    row = Notification.objects.get(recipient_id=people[0].pk)
    frame = dict(frames)[people[0].pk]
    assert frame["type"] == "NOTIFICATION_CREATED"
    assert (frame["seq"], frame["unread"], frame["notificationId"]) == (1, 1, "1")
    assert frame["data"] == {"as": "FIRST"}
    assert frame["createdAt"] == row.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert Announcement.objects.count() == 1
    assert Event.objects.get().state == Batch.objects.get().state == "done"


def test_who_is_in_two_audiences_hears_the_first(people: list[User]) -> None:
    a, b, c, *_ = people
    delivery.expand(happened(first=[a, b], second=[b, c]))
    assert told() == {a.pk: "FIRST", b.pk: "FIRST", c.pk: "SECOND"}


def test_the_actor_is_not_told(people: list[User]) -> None:
    a, b, *_ = people
    delivery.expand(happened(actor=a, first=[a, b], second=[a]))
    assert told() == {b.pk: "FIRST"}
    assert Announcement.objects.get().actor_username == a.username


def test_mutes_of_a_kind_a_topic_and_a_kind_in_a_topic_are_kept(people: list[User]) -> None:
    a, b, c, d, e = people
    Mute.objects.create(user_id=a.pk, kind="FIRST")
    Mute.objects.create(user_id=b.pk, topic=TOPIC)
    Mute.objects.create(user_id=c.pk, kind="FIRST", topic=TOPIC)
    Mute.objects.create(user_id=d.pk, kind="FIRST", topic="tests.place:2")
    Mute.objects.create(user_id=e.pk, kind="SECOND")
    delivery.expand(happened(first=people))
    assert told() == {d.pk: "FIRST", e.pk: "FIRST"}


def test_who_muted_one_kind_still_hears_as_another(people: list[User]) -> None:
    Mute.objects.create(user_id=people[0].pk, kind="FIRST")
    delivery.expand(happened(first=people[:1], second=people[:1]))
    assert told() == {people[0].pk: "SECOND"}


def test_an_event_that_concerns_nobody_is_done(people: list[User]) -> None:
    delivery.expand(happened())
    delivery.expand(happened("own", actor=people[0], first=people[:1]))
    assert set(Event.objects.values_list("state", flat=True)) == {"done"}
    assert not Announcement.objects.exists()


def test_seqs_are_gapless_and_unread_counts(people: list[User], published: Frames) -> None:
    for number in range(3):
        delivery.expand(happened(f"thing {number}", first=people[:1]))
    assert [(frame["seq"], frame["unread"]) for _, frame in published()] == [(1, 1), (2, 2), (3, 3)]
    assert Inbox.objects.values_list("seq", "unread").get() == (3, 3)


def test_the_same_key_is_the_same_event(people: list[User]) -> None:
    first, second = happened(first=people), happened(first=people)
    assert first == second
    delivery.expand(first)
    delivery.expand(second)
    assert Notification.objects.count() == len(people)


def test_a_rollback_tells_nobody(people: list[User], broker: redis.Redis) -> None:
    def rolled_back() -> None:
        with transaction.atomic():
            happened(first=people)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        rolled_back()
    assert not Event.objects.exists()
    assert broker.llen("events") == 0


def test_recording_enqueues_after_the_commit_and_not_before(people: list[User], broker: redis.Redis) -> None:
    with transaction.atomic():
        happened(first=people)
        assert broker.llen("events") == 0
    assert broker.llen("events") == 1


def test_the_request_pays_one_statement_and_one_message(people: list[User], broker: redis.Redis) -> None:
    happened("warm up", first=people)
    with CaptureQueriesContext(connection) as queries:
        happened(first=people)
    assert len(queries) == 1
    assert broker.llen("events") == 2


def test_a_large_event_is_cut_into_batches_that_are_delivered_by_themselves(
    people: list[User], in_batches: None, broker: redis.Redis, published: Frames
) -> None:
    event_id = happened(first=people)
    delivery.expand(event_id)
    batches = list(Batch.objects.order_by("pk"))
    assert [len(batch.recipients) for batch in batches] == [2, 2, 1]
    assert broker.llen("bursts") == 3
    assert not Notification.objects.exists()
    for batch in batches:
        assert Event.objects.get().state == "expanded"
        delivery.deliver(batch.pk)
    assert Event.objects.get().state == "done"
    assert len(published()) == len(told()) == 5


@pytest.mark.parametrize("count", [1, 300])
def test_a_batch_takes_the_same_number_of_statements_whatever_its_size(
    people: list[User], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr("pipeline.recipients.load", lambda: load().model_copy(update={"deliver_at_once": 0}))
    crowd = User.objects.bulk_create(User(username=f"crowd {number}") for number in range(count))
    delivery.expand(happened(first=crowd))
    batch_id = Batch.objects.get().pk
    with CaptureQueriesContext(connection) as queries:
        delivery.deliver(batch_id)
    statements = [query["sql"] for query in queries if not query["sql"].startswith(("BEGIN", "COMMIT"))]
    assert len(statements) == 9
    assert Notification.objects.count() == count


def test_a_batch_is_published_in_one_round_trip(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    trips: list[int] = []
    original = redis.client.Pipeline.execute

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.command_stack and self.command_stack[0][0][0] == "PUBLISH":
            trips.append(len(self.command_stack))
        return original(self, *args, **kwargs)

    monkeypatch.setattr(redis.client.Pipeline, "execute", counted)
    delivery.expand(happened(first=people))
    assert trips == [5]


def test_two_workers_on_one_batch_store_each_notification_once(people: list[User], in_batches: None) -> None:
    delivery.expand(happened(first=people))
    batch_ids = list(Batch.objects.values_list("pk", flat=True))
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def worker() -> None:
        try:
            barrier.wait()
            for batch_id in batch_ids:
                delivery.deliver(batch_id)
        except BaseException as failure:  # noqa: BLE001 - handed to the test
            failures.append(failure)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=worker) for _ in range(4)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert not failures
    for batch_id in batch_ids:
        delivery.deliver(batch_id)
    assert Event.objects.get().state == "done"
    assert list(Inbox.objects.values_list("seq", "unread")) == [(1, 1)] * 5
    assert Notification.objects.count() == 5


def test_batches_with_recipients_in_common_neither_deadlock_nor_leave_holes(people: list[User]) -> None:
    crowd = User.objects.bulk_create(User(username=f"crowd {number}") for number in range(100))
    events = [happened(f"thing {number}", first=crowd) for number in range(8)]
    failures: list[BaseException] = []

    def worker(mine: list[int]) -> None:
        try:
            for event_id in mine:
                delivery.expand(event_id)
        except BaseException as failure:  # noqa: BLE001 - handed to the test
            failures.append(failure)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=worker, args=(events[number::4],)) for number in range(4)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert not failures
    assert set(Inbox.objects.values_list("seq", "unread")) == {(8, 8)}
    for person in crowd[:3]:
        seqs = Notification.objects.filter(recipient_id=person.pk).order_by("seq").values_list("seq", flat=True)
        assert list(seqs) == list(range(1, 9))


def test_a_crash_before_the_commit_leaves_nothing_and_the_work_is_done_again(
    people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = happened(first=people)
    with monkeypatch.context() as patch:
        patch.setattr(persist, "persist", lambda *_: (_ for _ in ()).throw(SystemExit))
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
        patch.setattr(publish, "publish", lambda *_: (_ for _ in ()).throw(SystemExit))
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


def test_a_channel_layer_that_is_down_does_not_cost_an_attempt_and_the_batch_stays_due(
    people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise redis.ConnectionError("refused")

    with monkeypatch.context() as patch:
        patch.setattr("shared.layer.ClarionChannelLayer.publish", refused)
        with pytest.raises(Retryable):
            delivery.expand(happened(first=people))
        for _ in range(work.MAX_ATTEMPTS + 2):
            with pytest.raises(Retryable):
                delivery.deliver(Batch.objects.get().pk)
    batch = Batch.objects.get()
    assert (batch.state, batch.attempts) == ("pending", 0)
    assert "refused" in batch.error
    delivery.deliver(batch.pk)
    assert Event.objects.get().state == "done"


def test_postgres_being_away_does_not_cost_an_attempt(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = happened(first=people)
    monkeypatch.setattr(persist, "persist", lambda *_: (_ for _ in ()).throw(OperationalError("gone")))
    with pytest.raises(OperationalError):
        delivery.expand(event_id)
    event = Event.objects.get()
    assert (event.state, event.attempts) == ("pending", 0)


def test_an_event_nobody_declares_is_parked_at_once_with_its_error() -> None:
    event_id = record(ThingHappened(), key="thing")
    Event.objects.update(name="tests.unknown.v1")
    with pytest.raises(Exception, match=r"no event 'tests\.unknown\.v1' is declared"):
        delivery.expand(event_id)
    event = Event.objects.get()
    assert event.state == "failed"
    assert "UndeclaredEvent" in event.error


def test_what_keeps_failing_is_parked_with_its_traceback(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = happened(first=people)
    monkeypatch.setattr(persist, "persist", lambda *_: 1 / 0)
    for _ in range(work.MAX_ATTEMPTS):
        assert Event.objects.get().state == "pending"
        with pytest.raises(ZeroDivisionError):
            delivery.expand(event_id)
    event = Event.objects.get()
    assert event.state == "failed"
    assert "ZeroDivisionError" in event.error


def test_what_kills_its_worker_each_time_is_parked(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = happened(first=people)
    # A killed worker runs no exception handler: only its count of starts stays.
    for _ in range(work.MAX_ATTEMPTS):
        assert work.start(work.EVENT, event_id)
    delivery.expand(event_id)
    assert Event.objects.get().state == "failed"
    assert not Notification.objects.exists()


def due_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_event SET next_attempt_at = now()")
        cursor.execute("UPDATE outbox_batch SET next_attempt_at = now()")


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
    assert sweep.sweep() == 6  # batches only: the event is expanded


def test_sweeps_at_the_same_time_enqueue_each_row_once(people: list[User], broker: redis.Redis) -> None:
    for number in range(50):
        happened(f"thing {number}", first=people)
    broker.flushdb()
    due_now()
    counts: list[int] = []

    def beat() -> None:
        counts.append(sweep.sweep())
        connections.close_all()

    beats = [threading.Thread(target=beat) for _ in range(4)]
    for thread in beats:
        thread.start()
    for thread in beats:
        thread.join()
    assert sum(counts) == 50
    assert broker.llen("events") == 50


def test_a_broker_that_is_down_costs_no_error_and_the_sweep_delivers(
    people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enqueue, "_leave_alone_until", 0.0)
    environment.VALKEY.stop()
    try:
        event_id = happened(first=people)
    finally:
        environment.VALKEY.start()
    monkeypatch.setattr(enqueue, "_leave_alone_until", 0.0)
    with redis.Redis.from_url(environment.VALKEY.database_url(0)) as client:
        assert client.llen("events") == 0
        due_now()
        assert sweep.sweep() == 1
        assert client.llen("events") == 1
    delivery.expand(event_id)
    assert Notification.objects.count() == 5


def test_factories_make_people_who_can_be_told() -> None:
    person = UserFactory.create()
    delivery.expand(happened(first=[person]))
    assert told() == {person.pk: "FIRST"}


def test_a_broker_that_has_frozen_costs_a_short_bounded_wait(
    people: list[User], broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enqueue, "_leave_alone_until", 0.0)  # and as it was, after the test
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
    bound = load().broker_wait_seconds
    assert waits[0] < bound + 0.5
    assert max(waits[1:]) < 0.1  # it is left alone for a moment
    monkeypatch.setattr(enqueue, "_leave_alone_until", 0.0)
    happened("after", first=people)
    due_now()
    assert sweep.sweep() == 5
