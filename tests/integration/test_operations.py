"""What operators do: follow an event's story, see and replay dead letters, purge, export, erase."""

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
from clarion.pipeline.inbox import changes, mutes, personal, reading
from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.outbox.recording import record
from clarion.shared.inbox.models import Announcement, Change, Collapse, Epoch, Inbox, Mute, Notification
from tests.documents import blocks_of
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


def test_the_story_of_an_event_tells_each_step(people: list[User], valkey: str) -> None:
    mutes.mute(people[0].pk, kind="FIRST", topic=None)
    with tracing.tracing(TRACEPARENT):
        event_id = happened(actor=people[4], first=[person.pk for person in people])
    delivery.expand(event_id, enqueued_at=Event.objects.get().recorded_at.timestamp() + 0.001)
    told = command("trace", str(event_id))
    lines = [line.split("ms  ", 1)[-1].strip() for line in told.splitlines()]
    assert lines[0] == f"traceparent {TRACEPARENT}"
    assert lines[1].startswith(f"recorded as event {event_id}, tests.thing.happened.v1, by user {people[4].pk}")
    assert lines[2:4] == ["enqueued on events", "expanded: 3 to tell, 1 muted"]
    assert [line.split(" ", 2)[2] for line in lines[4:6]] == [
        "(FIRST, 3 people) persisted: 3 new, 0 there before",
        "(FIRST, 3 people) published",
    ]
    assert lines[6:] == ["done", "acknowledged on a socket by 0 of 3 people so far"]
    by_key = command("trace", Event.objects.get().key)
    assert by_key.splitlines()[:-1] == told.splitlines()[:-1]


def test_a_story_that_is_not_there_says_so() -> None:
    with pytest.raises(CommandError, match="No event has the id or key '17'"):
        command("trace", "17")


def test_the_trace_context_goes_from_the_request_to_the_frame(people: list[User], published: Frames) -> None:
    with tracing.tracing(TRACEPARENT):
        event_id = happened(first=[people[0].pk])
    delivery.expand(event_id)
    ((_, frame),) = published()
    assert frame["traceparent"] == TRACEPARENT
    (item,) = reading.newest(people[0].pk, limit=1).notifications
    assert item["traceparent"] == TRACEPARENT


@pytest.mark.parametrize("bad", ["", "x", TRACEPARENT.upper(), TRACEPARENT[:-1], "00-" + "0" * 32 + TRACEPARENT[35:]])
def test_what_is_no_trace_context_is_none(bad: str) -> None:
    with tracing.tracing(bad):
        assert tracing.current() is None


def test_dead_letters_are_listed_with_their_error(parked: Event) -> None:
    assert f"event {parked.pk}" in command("dead_letters")
    assert "ZeroDivisionError" in command("dead_letters")
    assert "parked: ZeroDivisionError" in command("trace", str(parked.pk))


def test_a_replay_delivers_and_repeats_nothing(parked: Event, people: list[User], broker: redis.Redis) -> None:
    assert command("dead_letters", "replay", "event", str(parked.pk)) == "1 replayed\n"
    assert broker.llen("events") == 1
    delivery.expand(parked.pk)
    assert Notification.objects.count() == len(people)
    Event.objects.update(state="failed")
    Batch.objects.update(state="failed")
    command("dead_letters", "replay", "batch", "--all")
    delivery.deliver(Batch.objects.get().pk)
    assert Notification.objects.count() == len(people)
    assert set(Inbox.objects.values_list("seq", "unread")) == {(1, 1)}


def test_a_discarded_dead_letter_tells_nobody(parked: Event) -> None:
    assert command("dead_letters", "discard", "event", "--all") == "1 discarded\n"
    delivery.expand(parked.pk)
    assert not Notification.objects.exists()
    assert command("dead_letters") == ""


def test_discarding_its_last_batch_ends_an_event(parked: Event, people: list[User], broker: redis.Redis) -> None:
    command("dead_letters", "replay", "event", "--all")
    delivery.expand(parked.pk)
    Event.objects.update(state="expanded")
    Batch.objects.update(state="failed")
    command("dead_letters", "discard", "batch", "--all")
    assert Event.objects.get().state == "done"


@pytest.mark.parametrize("args", [["replay"], ["replay", "event"], ["discard", "event", "1", "--all"]])
def test_without_saying_which_nothing_is_done(args: list[str]) -> None:
    with pytest.raises(CommandError, match="say which"):
        command("dead_letters", *args)


def test_the_admin_shows_and_replays(parked: Event, people: list[User], admin_client: Client) -> None:
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


def test_the_admin_finds_by_number_and_says_nothing_of_nonsense(
    people: list[User], admin_client: Client, valkey: str
) -> None:
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


def test_the_admin_estimates_what_is_large(
    people: list[User], admin_client: Client, monkeypatch: pytest.MonkeyPatch, valkey: str
) -> None:
    for _ in range(3):
        delivery.expand(happened(first=[people[0].pk]))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clarion_event")
    monkeypatch.setattr("clarion.pipeline.admin.COUNTED_MAX", 2)
    delivery.expand(happened(first=[people[0].pk]))
    assert "3 events" in admin_client.get("/admin/clarion_pipeline/event/").content.decode()
    assert "4 events" in admin_client.get("/admin/clarion_pipeline/event/?state=done").content.decode()


def test_the_admin_pages_take_few_statements_however_many_rows(
    people: list[User], admin_client: Client, django_assert_max_num_queries: Any, valkey: str
) -> None:
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


def test_finished_events_go_after_their_days_and_unfinished_stay(people: list[User], valkey: str) -> None:
    delivery.expand(happened(first=[people[0].pk]))
    waiting = happened(first=[people[0].pk])
    assert retention.purge()["events"] == 0
    age(30)
    assert retention.purge()["events"] == 1
    assert list(Event.objects.values_list("pk", flat=True)) == [waiting]
    assert not Batch.objects.exists()


def test_what_was_read_goes_after_its_days_and_what_is_unread_stays(people: list[User], valkey: str) -> None:
    a, b, *_ = people
    for _ in range(2):
        delivery.expand(happened(first=[a.pk, b.pk]))
    changes.mark_read(a.pk, 1, read=True)
    changes.delete(b.pk, 2)
    assert retention.purge()["notifications"] == 0
    age(100)
    assert retention.purge() == {
        "events": 2, "keys": 0, "paces": 0, "notifications": 2, "changes": 2, "unread": 0
    }  # fmt: skip
    assert set(Notification.objects.values_list("recipient_id", "seq")) == {(a.pk, 2), (b.pk, 1)}
    assert dict(Inbox.objects.values_list("user_id", "floor")) == {a.pk: 3, b.pk: 3}
    assert dict(Inbox.objects.values_list("user_id", "unread")) == {a.pk: 1, b.pk: 1}
    changes.read_through(a.pk)
    changes.read_through(b.pk)
    age(100)
    retention.purge()
    assert not Notification.objects.exists()
    assert not Announcement.objects.exists()
    assert not Change.objects.exists()


def test_a_kind_may_have_days_of_its_own(people: list[User], valkey: str) -> None:
    delivery.expand(happened(first=[people[0].pk], fleeting=[people[1].pk]))
    for person in people[:2]:
        changes.read_through(person.pk)
    age(2)
    assert retention.purge()["notifications"] == 1
    assert Notification.objects.get().recipient_id == people[0].pk


def test_what_collapsed_keeps_its_name_until_all_of_it_goes(people: list[User], valkey: str) -> None:
    me, ann, *_ = people
    for _ in range(3):
        delivery.expand(happened(actor=ann, gathered=[me.pk]))
    age(100)
    retention.purge()
    assert list(Notification.objects.order_by("seq").values_list("seq", flat=True)) == [1, 3]
    assert changes.mark_read(me.pk, 1, read=True).unread == 0
    age(100)
    retention.purge()
    assert not Notification.objects.filter(seq=3).exists()
    retention.purge()
    assert not Notification.objects.exists()


def test_a_users_data_is_exported(people: list[User], valkey: str) -> None:
    me, ann, *_ = people
    delivery.expand(happened(actor=ann, first=[me.pk]))
    mutes.mute(me.pk, kind=None, topic=TOPIC)
    lines = [json.loads(line) for line in command("personal_data", "export", str(me.pk)).splitlines()]
    assert [next(iter(line)) for line in lines] == ["inbox", "notification", "mute"]
    assert lines[1]["notification"]["actor"]["username"] == ann.username


def test_erasing_empties_the_inbox_and_forgets_the_name(people: list[User], valkey: str, published: Frames) -> None:
    me, ann, ben, *_ = people
    for actor in (me, ann, me):
        delivery.expand(happened(actor=actor, gathered=[ben.pk]))
    delivery.expand(happened(actor=me, gathered=[ben.pk]))
    delivery.expand(happened(actor=ann, first=[me.pk]))
    mutes.mute(me.pk, kind="FIRST", topic=None)
    assert command("personal_data", "erase", str(me.pk)) == "1 notifications erased\n"
    assert list(personal.exported(me.pk)) == [{"inbox": {"user": str(me.pk), "seq": 2, "unread": 0}}]
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
    (item,) = reading.newest(ben.pk, limit=5).notifications
    assert [actor["username"] for actor in item["actors"]] == [ann.username]
    assert Collapse.objects.get().actors == item["actors"]
    # No seq is used twice: the next one is above all earlier ones.
    Mute.objects.all().delete()
    delivery.expand(happened(actor=ann, first=[me.pk]))
    assert published()[-1][1]["seq"] == 3


def test_a_new_epoch_is_another_each_time(db: None) -> None:
    command("new_epoch")
    first = Epoch.objects.get().value
    command("new_epoch")
    assert Epoch.objects.get().value != first
    assert reading.newest(UserFactory.create().pk, limit=1).head.epoch == Epoch.objects.get().value


def test_text_that_was_sent_can_be_removed(people: list[User], valkey: str) -> None:
    """By the documented block: snapshots and replays no longer have it, and others keep theirs."""
    for message_id in ("17", "18"):
        notice = NoticeGiven(kind="REPLY", recipients=(people[0].pk,), data={"excerpt": "rude"}, message_id=message_id)
        delivery.expand(record(notice, key=message_id))
    (block,) = blocks_of("test_text_that_was_sent_can_be_removed")
    exec(block.text, {})  # noqa: S102 - our own document
    shown = {one["messageId"]: one["data"] for one in reading.newest(people[0].pk, limit=5).notifications}
    assert shown == {"17": {"removed": True}, "18": {"excerpt": "rude"}}
