"""The tools of operators: trace, dead letters, purge, export and erasure."""

import json
import uuid
from io import StringIO
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from clarion.pipeline import delivery, persist, retention, tracing
from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.celery.queues import redis_key
from clarion.pipeline.inbox import marking, mutes, personal, snapshots
from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Announcement, Change, Collapse, Epoch, Inbox, Mute, Notification
from tests.docs.blocks import blocks_of
from tests.factories import UserFactory
from tests.integration.conftest import Frames
from tests.integration.steps import failing_for
from tests.integration.things import TOPIC, ThingHappened

pytestmark = pytest.mark.django_db(transaction=True)

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def happened(actor: User | None = None, **who: Any) -> int:
    event = ThingHappened.model_validate(who)
    return record(event, key=str(uuid.uuid4()), actor_id=actor.pk if actor else None)


def command(*args: str) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def age(days: int) -> None:
    """Everything that is there now happened so many days ago."""
    ago = f"interval '{days} days'"
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE clarion_event SET recorded_at = recorded_at - {ago}, finished_at = finished_at - {ago}")
        for table in ("clarion_announcement", "clarion_notification", "clarion_change"):
            cursor.execute(f"UPDATE {table} SET created_at = created_at - {ago}")


@pytest.fixture
def parked(people: list[User], monkeypatch: pytest.MonkeyPatch, valkey: str) -> Event:
    """An event that failed for longer than an hour."""
    event_id = happened(first=[person.pk for person in people])
    with monkeypatch.context() as patch:
        patch.setattr(persist, "persist", lambda *_, **__: 1 / 0)
        failing_for(hours=2)
        with pytest.raises(ZeroDivisionError):
            delivery.expand(event_id)
    return Event.objects.get(pk=event_id)


def test_trace_of_event(people: list[User], valkey: str) -> None:
    """The trace of an event lists each step, from recording to acknowledgement."""
    mutes.mute(people[0].pk, kind="FIRST", topic=None)
    with tracing.tracing(TRACEPARENT):
        event_id = happened(actor=people[4], first=[person.pk for person in people])
    delivery.expand(event_id, enqueued_at=Event.objects.get().recorded_at.timestamp() + 0.001)
    told = command("trace", str(event_id))
    lines = [line.split("ms  ", 1)[-1].strip() for line in told.splitlines()]
    assert lines[0] == f"traceparent {TRACEPARENT}"
    assert lines[1].startswith(f"recorded as event {event_id}, tests.thing.happened.v1, by user {people[4].pk}")
    assert lines[2:4] == ["enqueued on events", "expanded: 3 recipients, 1 muted"]
    assert [line.split(" ", 2)[2] for line in lines[4:6]] == [
        "(FIRST, 3 recipients) persisted: 3 new, 0 stored before",
        "(FIRST, 3 recipients) published",
    ]
    assert lines[6:] == ["done", "acknowledged on a socket by 0 of 3 recipients so far"]
    by_key = command("trace", Event.objects.get().key)
    assert by_key.splitlines()[:-1] == told.splitlines()[:-1]


def test_trace_of_unknown_event() -> None:
    """The trace of an unknown event is an error."""
    with pytest.raises(CommandError, match="No event has the id or key '17'"):
        command("trace", "17")


def test_trace_context_in_frame(people: list[User], published: Frames) -> None:
    """The trace context of a request is passed to the frame and the snapshot."""
    with tracing.tracing(TRACEPARENT):
        event_id = happened(first=[people[0].pk])
    delivery.expand(event_id)
    ((_, frame),) = published()
    assert frame["traceparent"] == TRACEPARENT
    (item,) = snapshots.newest(people[0].pk, limit=1).notifications
    assert item["traceparent"] == TRACEPARENT


@pytest.mark.parametrize("bad", ["", "x", TRACEPARENT.upper(), TRACEPARENT[:-1], "00-" + "0" * 32 + TRACEPARENT[35:]])
def test_malformed_trace_context(bad: str) -> None:
    """A malformed trace context is ignored."""
    with tracing.tracing(bad):
        assert tracing.current() is None


def test_listed_dead_letters(parked: Event) -> None:
    """Dead letters are listed with their error."""
    assert f"event {parked.pk}" in command("dead_letters")
    assert "ZeroDivisionError" in command("dead_letters")
    assert "parked: ZeroDivisionError" in command("trace", str(parked.pk))


def test_replay_delivers_once(parked: Event, people: list[User], broker: redis.Redis) -> None:
    """A replay delivers a dead letter, and a second replay repeats no notification."""
    assert command("dead_letters", "replay", "event", str(parked.pk)) == "1 replayed\n"
    assert broker.llen(redis_key("events")) == 1
    delivery.expand(parked.pk)
    assert Notification.objects.count() == len(people)
    Event.objects.update(state="failed")
    Batch.objects.update(state="failed")
    command("dead_letters", "replay", "batch", "--all")
    delivery.deliver(Batch.objects.get().pk)
    assert Notification.objects.count() == len(people)
    assert set(Inbox.objects.values_list("seq", "unread")) == {(1, 1)}


def test_discarded_dead_letter(parked: Event) -> None:
    """A discarded dead letter is not delivered."""
    assert command("dead_letters", "discard", "event", "--all") == "1 discarded\n"
    delivery.expand(parked.pk)
    assert not Notification.objects.exists()
    assert command("dead_letters") == "There are no dead letters.\n"


def test_discard_last_batch(parked: Event, people: list[User], broker: redis.Redis) -> None:
    """Discarding its last unfinished batch finishes an event."""
    command("dead_letters", "replay", "event", "--all")
    delivery.expand(parked.pk)
    Event.objects.update(state="expanded")
    Batch.objects.update(state="failed")
    command("dead_letters", "discard", "batch", "--all")
    assert Event.objects.get().state == "done"


@pytest.mark.parametrize("args", [["replay"], ["replay", "event"], ["discard", "event", "1", "--all"]])
def test_dead_letters_without_selection(args: list[str]) -> None:
    """The command refuses a missing or ambiguous selection."""
    with pytest.raises(CommandError, match="name them"):
        command("dead_letters", *args)


def test_admin_pages_and_replay(parked: Event, people: list[User], admin_client: Client) -> None:
    """The admin shows each model and replays a dead letter."""
    delivery.expand(happened(first=[people[0].pk]))
    mutes.mute(people[0].pk, kind="FIRST", topic=None)
    for model in (Event, Batch, Announcement, Inbox, Mute):
        pages = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert admin_client.get(pages).status_code == 200, model
        row = model.objects.order_by("-pk").first()
        assert admin_client.get(f"{pages}{row.pk}/change/").status_code == 200, model
    action = {"action": "replay", "_selected_action": [parked.pk]}
    assert "1 replayed" in admin_client.post("/admin/clarion_pipeline/event/", action, follow=True).content.decode()
    assert Event.objects.get(pk=parked.pk).state == "pending"


def test_admin_search(people: list[User], admin_client: Client, valkey: str) -> None:
    """The search of the admin accepts numbers and malformed input."""
    delivery.expand(happened(first=[people[0].pk]))
    for model in (
        "clarion_pipeline/event",
        "clarion_pipeline/batch",
        "clarion_inbox/announcement",
        "clarion_inbox/inbox",
        "clarion_inbox/mute",
    ):
        for search in ("nonsense", "1", "%27", "-1", "9" * 30):
            assert admin_client.get(f"/admin/{model}/?q={search}").status_code == 200, (model, search)


def test_admin_inbox_by_name(people: list[User], admin_client: Client, valkey: str) -> None:
    """An inbox and its mutes are found by the name of the user, and lead to the user."""
    delivery.expand(happened(first=[one.pk for one in people[:2]]))
    mutes.mute(people[0].pk, kind="FIRST", topic=None)
    for model in ("inbox", "mute"):
        page = admin_client.get(f"/admin/clarion_inbox/{model}/?q={people[0].username}").content.decode()
        assert f'<a href="/admin/auth/user/{people[0].pk}/change/">' in page
        assert f"/admin/auth/user/{people[1].pk}/" not in page


def test_admin_links_of_event(people: list[User], admin_client: Client, valkey: str) -> None:
    """Event, batches, announcement and actor lead to each other, and each address shows a page."""
    event = Event.objects.get(pk=happened(first=[people[0].pk], actor=people[-1]))
    delivery.expand(event.pk)
    batch, announcement = Batch.objects.get(event=event), Announcement.objects.get(event_id=event.pk)
    to = {
        "event": f"/admin/clarion_pipeline/event/{event.pk}/change/",
        "batch": f"/admin/clarion_pipeline/batch/{batch.pk}/change/",
        "announcement": f"/admin/clarion_inbox/announcement/{announcement.pk}/change/",
        "user": f"/admin/auth/user/{people[-1].pk}/change/",
    }
    pages = {name: admin_client.get(address).content.decode() for name, address in to.items()}
    assert [to[name] in pages["event"] for name in ("batch", "announcement", "user")] == [True] * 3
    assert [to[name] in pages["batch"] for name in ("event", "announcement")] == [True] * 2
    assert to["event"] in pages["announcement"]
    assert pages["event"].index("Timeline") < pages["event"].index("Payload")


def test_admin_filter_by_name(people: list[User], admin_client: Client, valkey: str) -> None:
    """Events are filtered by their declared names and by date."""
    event = Event.objects.get(pk=happened(first=[people[0].pk]))
    pages = "/admin/clarion_pipeline/event/"
    assert event.key in admin_client.get(f"{pages}?name={event.name}").content.decode()
    assert event.key not in admin_client.get(f"{pages}?name=clarion.notice.given.v1").content.decode()
    assert event.key not in admin_client.get(f"{pages}?recorded_at__lt=2000-01-01T00:00:00Z").content.decode()


def test_admin_estimated_counts(
    people: list[User], admin_client: Client, monkeypatch: pytest.MonkeyPatch, valkey: str
) -> None:
    """The admin estimates the count of a large table and counts a filtered list exactly."""
    for _ in range(3):
        delivery.expand(happened(first=[people[0].pk]))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clarion_event")
    monkeypatch.setattr("clarion.pipeline.admin.COUNTED_MAX", 2)
    delivery.expand(happened(first=[people[0].pk]))
    assert "3 events" in admin_client.get("/admin/clarion_pipeline/event/").content.decode()
    assert "4 events" in admin_client.get("/admin/clarion_pipeline/event/?state=done").content.decode()


def test_admin_query_count(
    people: list[User], admin_client: Client, django_assert_max_num_queries: Any, valkey: str
) -> None:
    """A list of the admin costs at most eight queries, independent of the number of rows."""
    for _ in range(60):
        delivery.expand(happened(first=[people[0].pk]))
    for model in (
        "clarion_pipeline/event",
        "clarion_pipeline/batch",
        "clarion_inbox/announcement",
        "clarion_inbox/inbox",
    ):
        with django_assert_max_num_queries(8):
            admin_client.get(f"/admin/{model}/")


def test_purge_of_events(people: list[User], valkey: str) -> None:
    """Finished events are purged after their retention, and unfinished ones are kept."""
    delivery.expand(happened(first=[people[0].pk]))
    waiting = happened(first=[people[0].pk])
    assert retention.purge()["events"] == 0
    age(30)
    assert retention.purge()["events"] == 1
    assert list(Event.objects.values_list("pk", flat=True)) == [waiting]
    assert not Batch.objects.exists()


def test_purge_of_notifications(people: list[User], valkey: str) -> None:
    """Read and deleted notifications are purged after their retention, unread ones are kept."""
    a, b, *_ = people
    for _ in range(2):
        delivery.expand(happened(first=[a.pk, b.pk]))
    marking.mark_read(a.pk, 1, read=True)
    marking.delete(b.pk, 2)
    assert retention.purge()["notifications"] == 0
    age(100)
    assert retention.purge() == {
        "events": 2, "keys": 0, "paces": 0, "notifications": 2, "changes": 2, "unread": 0
    }  # fmt: skip
    assert set(Notification.objects.values_list("recipient_id", "seq")) == {(a.pk, 2), (b.pk, 1)}
    assert dict(Inbox.objects.values_list("user_id", "floor")) == {a.pk: 3, b.pk: 3}
    assert dict(Inbox.objects.values_list("user_id", "unread")) == {a.pk: 1, b.pk: 1}
    marking.read_through(a.pk)
    marking.read_through(b.pk)
    age(100)
    retention.purge()
    assert not Notification.objects.exists()
    assert not Announcement.objects.exists()
    assert not Change.objects.exists()


def test_retention_of_kind(people: list[User], valkey: str) -> None:
    """A kind may have its own retention."""
    delivery.expand(happened(first=[people[0].pk], fleeting=[people[1].pk]))
    for person in people[:2]:
        marking.read_through(person.pk)
    age(2)
    assert retention.purge()["notifications"] == 1
    assert Notification.objects.get().recipient_id == people[0].pk


def test_purge_of_collapsed(people: list[User], valkey: str) -> None:
    """A collapsed notification keeps its id until all its rows are purged."""
    me, ann, *_ = people
    for _ in range(3):
        delivery.expand(happened(actor=ann, gathered=[me.pk]))
    age(100)
    retention.purge()
    assert list(Notification.objects.order_by("seq").values_list("seq", flat=True)) == [1, 3]
    assert marking.mark_read(me.pk, 1, read=True).unread == 0
    age(100)
    retention.purge()
    assert not Notification.objects.filter(seq=3).exists()
    retention.purge()
    assert not Notification.objects.exists()


def test_export_personal_data(people: list[User], valkey: str) -> None:
    """The export of a user contains the inbox, the notifications and the mutes."""
    me, ann, *_ = people
    delivery.expand(happened(actor=ann, first=[me.pk]))
    mutes.mute(me.pk, kind=None, topic=TOPIC)
    lines = [json.loads(line) for line in command("personal_data", "export", str(me.pk)).splitlines()]
    assert [next(iter(line)) for line in lines] == ["inbox", "notification", "mute"]
    assert lines[1]["notification"]["actor"]["username"] == ann.username


def test_erase_personal_data(people: list[User], valkey: str, published: Frames) -> None:
    """Erasing a user empties the inbox and removes the name from all tables."""
    me, ann, ben, *_ = people
    for actor in (me, ann, me):
        delivery.expand(happened(actor=actor, gathered=[ben.pk]))
    delivery.expand(happened(actor=me, gathered=[ben.pk]))
    delivery.expand(happened(actor=ann, first=[me.pk]))
    mutes.mute(me.pk, kind="FIRST", topic=None)
    assert command("personal_data", "erase", str(me.pk)) == "1 notifications erased\n"
    assert list(personal.exported(me.pk)) == [{"inbox": {"user": str(me.pk), "seq": 2, "unread": 0, "seen": 0}}]
    with connection.cursor() as cursor:
        for table in (
            "clarion_announcement",
            "clarion_notification",
            "clarion_collapse",
            "clarion_mute",
            "clarion_change",
        ):
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{me.username}%"])
            assert cursor.fetchone() == (0,), table
    (item,) = snapshots.newest(ben.pk, limit=5).notifications
    assert [actor["username"] for actor in item["actors"]] == [ann.username]
    assert Collapse.objects.get().actors == item["actors"]
    # No seq is used twice: the next one is above all earlier ones.
    Mute.objects.all().delete()
    delivery.expand(happened(actor=ann, first=[me.pk]))
    assert published()[-1][1]["seq"] == 3


def test_new_epoch_command(db: None) -> None:
    """Each call of `new_epoch` sets a different epoch."""
    command("new_epoch")
    first = Epoch.objects.get().value
    command("new_epoch")
    assert Epoch.objects.get().value != first
    assert snapshots.newest(UserFactory.create().pk, limit=1).head.epoch == Epoch.objects.get().value


def test_remove_sent_text(people: list[User], valkey: str) -> None:
    """The documented block removes sent text from snapshots and replays, and no other text."""
    for message_id in ("17", "18"):
        notice = NoticeGiven(kind="REPLY", recipients=(people[0].pk,), data={"excerpt": "rude"}, message_id=message_id)
        delivery.expand(record(notice, key=message_id))
    (block,) = blocks_of("test_remove_sent_text")
    exec(block.text, {})  # noqa: S102 - our own document
    shown = {one["messageId"]: one["data"] for one in snapshots.newest(people[0].pk, limit=5).notifications}
    assert shown == {"17": {"removed": True}, "18": {"excerpt": "rude"}}
