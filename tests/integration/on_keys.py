"""Users whose keys are UUIDs or texts; run by tests/acceptance/test_other_keys.py, once with each type."""

import json
import uuid
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pydantic import ValidationError

from clarion.edge.reader import InboxReader
from clarion.pipeline import delivery, persons, presence, revocation
from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.errors import InvalidEvent
from clarion.pipeline.inbox import marking, mutes, personal, snapshots
from clarion.pipeline.inbox.rekey import CannotRekey, rekey
from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.outbox.recording import record
from clarion.pipeline.outbox.timeline import lines_of
from clarion.shared.inbox.models import Announcement, Collapse, Inbox, Mute, Notification, Person
from clarion.shared.settings import get_settings
from tests import environment
from tests.factories import UserFactory, inbox_of
from tests.integration.conftest import Frames
from tests.integration.steps import at_once, due_now, happened
from tests.integration.things import NOBODY, ThingHappened
from tests.keys.models import text_key

pytestmark = pytest.mark.django_db(transaction=True)

#: Keys that no user can have.
MALFORMED: list[Any] = {
    "uuid": ["7", "", "{5b0d6c2e-0f4c-4f6e-9c53-2d1f0a8d9a11}", "5b0d6c2e-0f4c-4f6e-9c53", 7, True, "x" * 36],
    "text": ["", "a\x00b", "x" * 256, "\ud800", 7, True],
}[environment.KEY]


def new_key() -> Any:
    return uuid.uuid4() if environment.KEY == "uuid" else text_key()


def test_record_is_one_statement(people: list[User]) -> None:
    """Recording takes one statement, and no row of another table."""
    with CaptureQueriesContext(connection) as queries:
        happened(actor=people[0], first=people)
    assert len(queries) == 1
    assert Event.objects.get().actor == persons.key_of(people[0].pk)
    assert not Person.objects.exists()


def test_new_persons_are_added_once(people: list[User], published: Frames) -> None:
    """The first event of a user adds their number, and the next one needs no statement more."""
    counts = []
    for number in range(3):
        event = happened(str(number), first=people)
        with CaptureQueriesContext(connection) as queries:
            delivery.expand(event)
        counts.append(
            len([one for one in queries if "clarion_person" in one["sql"] and "SET search" not in one["sql"]])
        )
    assert Person.objects.count() == len(people)
    assert counts[0] > counts[1] == counts[2]
    assert {user for user, _ in published()} == {user.pk for user in people}
    assert set(Inbox.objects.values_list("seq", flat=True)) == {3}
    assert {str(user.pk) for user in people} == set(Inbox.objects.values_list("key", flat=True))


def test_new_persons_of_concurrent_events(people: list[User], broker: redis.Redis) -> None:
    """Concurrent events to the same new users deliver all of them, each once."""
    crowd = User.objects.bulk_create(User(username=f"crowd {number}") for number in range(300))
    events = [happened(f"event {number}", actor=people[number % 5], first=crowd) for number in range(6)]
    at_once(*(lambda event=event: delivery.expand(event) for event in events))
    for _ in range(5):
        if not Event.objects.exclude(state="done").exists():
            break
        due_now()
        for batch_id in Batch.objects.filter(state="pending").values_list("pk", flat=True):
            delivery.deliver(batch_id)
        for event_id in Event.objects.filter(state="pending").values_list("pk", flat=True):
            delivery.expand(event_id)
    assert Event.objects.filter(state="done").count() == 6
    assert set(Inbox.objects.values_list("seq", "unread")) == {(6, 6)}
    assert Notification.objects.count() == 6 * 300
    assert Person.objects.count() == 305


def test_new_actors_who_notify_each_other(people: list[User], broker: redis.Redis) -> None:
    """Concurrent first events of users who are recipients of each other's do not wait for each other."""
    for number in range(15):
        Person.objects.all().delete()
        pairs = ((people[0], people[1]), (people[1], people[0]))
        events = [happened(f"{number} {one.pk}", actor=one, first=[other]) for one, other in pairs]
        at_once(*(lambda event=event: delivery.expand(event) for event in events))
        assert not Event.objects.exclude(state="done").exists()


def test_event_without_recipients(people: list[User]) -> None:
    """An event without recipients is done after its expansion."""
    delivery.expand(happened())
    delivery.expand(happened("own", actor=people[0], first=people[:1]))
    assert set(Event.objects.values_list("state", "recipients")) == {("done", 0)}


def test_actor_keeps_the_key(people: list[User], published: Frames) -> None:
    """Frames, lists and snapshots have the app's own key of the actor, also if notifications collapse."""
    me, ann, ben = people[:3]
    for number, actor in enumerate((ann, ben, ann)):
        delivery.expand(happened(str(number), actor=actor, gathered=[me]))
    frames = [frame for _, frame in published()]
    assert [frame["actor"]["id"] for frame in frames] == [str(one.pk) for one in (ann, ben, ann)]
    assert [one["id"] for one in frames[-1]["actors"]] == [str(ann.pk), str(ben.pk)]
    assert frames[-1]["actorCount"] == 2
    (shown,) = snapshots.newest(me.pk, limit=9).notifications
    assert shown["actor"] == {"id": str(ann.pk), "username": ann.username}
    assert snapshots.one(me.pk, 1) == shown
    assert sorted(Collapse.objects.get().actor_ids) == sorted([inbox_of(ann), inbox_of(ben)])


def test_batch_published_again(people: list[User], in_batches: None, published: Frames) -> None:
    """A batch that was stored before is published to the same users."""
    delivery.expand(happened(actor=people[0], first=people))
    for _ in range(2):
        Batch.objects.update(state="pending")
        for batch_id in Batch.objects.values_list("pk", flat=True):
            delivery.deliver(batch_id)
        assert {user for user, _ in published()} == {user.pk for user in people[1:]}


def test_limit_of_actor(people: list[User]) -> None:
    """A limit counts the events of an actor."""
    for number in range(4):
        delivery.expand(happened(str(number), actor=people[0], dropped=people[1:2]))
    assert Notification.objects.count() == 2
    delivery.expand(happened("other", actor=people[2], dropped=people[1:2]))
    assert Notification.objects.count() == 3


@pytest.mark.parametrize("key", MALFORMED, ids=repr)
def test_malformed_key(db: None, key: Any) -> None:
    """A malformed key is an error with a sentence everywhere, and never one of SQL."""
    with pytest.raises(InvalidEvent, match="the id of a user is a"):
        record(ThingHappened(), key="k", actor_id=key)
    with pytest.raises(ValidationError, match="the id of a user is a"):
        NoticeGiven(kind="A", recipients=(key,))
    for call in (snapshots.counts, revocation.revoke, personal.erase, mutes.mutes_of, marking.read_through):
        with pytest.raises(ValueError, match="the id of a user is a"):
            call(key)
    if isinstance(key, str):
        with pytest.raises(CommandError, match="the id of a user is a"):
            call_command("personal_data", "erase", key)
        with pytest.raises(CommandError, match="the id of a user is a"):
            call_command("clarion", "rekey", key, str(NOBODY))


def test_service_and_its_schema(people: list[User], published: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service names users and actors by the app's own keys, and the schema says so."""
    known = get_settings().model_copy(update={"service_tokens": get_settings().jwt_keys})
    token = "a token of a service, of thirty-two bytes or more"
    known = known.model_copy(update={"service_tokens": (type(known.secret_key)(token),)})
    monkeypatch.setattr("clarion.pipeline.api.events.get_settings", lambda: known)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    actor, user = (str(one.pk) for one in people[:2])
    body = {"name": "clarion.notice.given.v1", "key": "k", "actor_id": actor}
    body["payload"] = {"kind": "EXPORT_COMPLETE", "recipients": [user], "data": {}}  # type: ignore[assignment]
    answer = client.post("/api/events", body, content_type="application/json")
    assert answer.status_code == 202, answer.content
    delivery.expand(answer.json()["event_id"])
    ((notified, frame),) = published()
    assert (notified, frame["actor"]["id"]) == (people[1].pk, actor)
    assert any(f"by user {actor}" in text for _, text in lines_of(Event.objects.get()))
    refused = client.post("/api/events", body | {"actor_id": MALFORMED[0], "key": "2"}, content_type="application/json")
    assert (refused.status_code, "the id of a user is a" in refused.content.decode()) == (422, True)
    schema = client.get("/api/events/schemas").json()["clarion.notice.given.v1"]["properties"]["recipients"]["items"]
    assert schema["type"] == "string"


def test_actions_before_the_first_notification(people: list[User]) -> None:
    """A user without a number has an empty inbox, and can mute and be revoked."""
    ann, ben, cleo = people[:3]
    assert snapshots.newest(ann.pk, limit=9).head.seq == snapshots.counts(ann.pk).unread == 0
    assert marking.read_through(ann.pk) == marking.Head(0, 0)
    with pytest.raises(marking.NoSuchNotification):
        marking.delete(ann.pk, 1)
    with pytest.raises(mutes.NoSuchMute):
        mutes.unmute(ann.pk, 1)
    assert mutes.mutes_of(ann.pk) == []
    assert not Person.objects.exists()
    mutes.mute(ann.pk, kind="FIRST", topic=None)
    revocation.revoke(ben.pk)
    delivery.expand(happened(first=[ann, ben, cleo]))
    assert snapshots.counts(ann.pk).unread == 0
    assert snapshots.counts(ben.pk).unread == snapshots.counts(cleo.pk).unread == 1
    assert Event.objects.get().muted == 1


def test_presence_by_key(people: list[User], valkey: str) -> None:
    """Presence takes and returns the app's own keys."""
    assert presence.connected([user.pk for user in people]) == set()


def test_export_and_erasure(people: list[User]) -> None:
    """The export has the app's own key. An erasure removes it if the user is deleted."""
    me, ann = people[:2]
    for number in range(2):
        delivery.expand(happened(str(number), actor=ann, gathered=[me]))
    key, number = str(me.pk), inbox_of(me)
    lines = list(personal.exported(me.pk))
    assert lines[0]["inbox"]["user"] == key
    assert personal.erase(ann.pk) == 0
    assert snapshots.newest(me.pk, limit=9).notifications[0]["actors"] == []
    assert Announcement.objects.filter(actor_id__isnull=False).count() == 0
    assert Person.objects.filter(key=str(ann.pk)).exists()
    assert personal.erase(me.pk) == 2
    me.delete()
    assert personal.erase(key) == 0
    assert not Person.objects.filter(key=key).exists()
    assert Inbox.objects.filter(user_id=number).exists()


def test_rekey(people: list[User]) -> None:
    """A new key takes over the inbox, the mutes, unfinished events and the name as an actor."""
    me, ann = people[:2]
    for number in range(2):
        delivery.expand(happened(str(number), actor=ann, gathered=[me]))
    mutes.mute(ann.pk, kind="SECOND", topic=None)
    delivery.expand(happened("own", first=[ann]))
    waiting = happened("waiting", actor=ann, gathered=[me])
    old, new = ann.pk, new_key()
    number = inbox_of(ann)
    User.objects.filter(pk=old).update(id=new)
    call_command("clarion", "rekey", str(old), str(new), verbosity=0)
    assert persons.number_of(new) == number
    assert persons.number_of(old) is None
    assert Mute.objects.get().user_id == number
    assert Inbox.objects.get(user_id=number).key == str(new)
    (shown,) = snapshots.newest(me.pk, limit=9).notifications
    assert [one["id"] for one in shown["actors"]] == [shown["actor"]["id"]] == [str(new)]
    delivery.expand(waiting)
    (shown,) = snapshots.newest(me.pk, limit=9).notifications
    assert (shown["actor"], shown["actorCount"]) == ({"id": str(new), "username": ann.username}, 1)
    assert [one["id"] for one in shown["actors"]] == [str(new)]
    call_command("clarion", "rekey", str(old), str(new), verbosity=0)  # again, after an interruption
    with pytest.raises(CannotRekey, match="has an inbox already"):
        rekey(me.pk, new)
    with pytest.raises(CannotRekey, match="No inbox has the key"):
        rekey(old, new_key())


def test_rekey_rolled_back(people: list[User]) -> None:
    """A new key is part of the caller's transaction."""
    me, ann = people[:2]
    for number in range(2):
        delivery.expand(happened(str(number), actor=ann, gathered=[me]))
    before = snapshots.newest(me.pk, limit=9).notifications

    def rolled_back() -> None:
        with transaction.atomic():
            rekey(ann.pk, new_key())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        rolled_back()
    assert snapshots.newest(me.pk, limit=9).notifications == before
    assert persons.number_of(ann.pk) is not None
    with transaction.atomic():
        rekey(ann.pk, key := new_key())
    assert snapshots.newest(me.pk, limit=9).notifications[0]["actors"][0]["id"] == str(key)


def test_admin_pages(people: list[User]) -> None:
    """The admin shows and finds inboxes, mutes and events by the app's own keys."""
    me, ann = people[:2]
    delivery.expand(happened(actor=ann, first=[me]))
    mutes.mute(me.pk, kind="SECOND", topic=None)
    client = Client()
    client.force_login(UserFactory.create(is_staff=True, is_superuser=True))
    for model in ("clarion_inbox/inbox", "clarion_inbox/mute"):
        for query, shown in ((str(me.pk), 1), (str(NOBODY), 0), ("no such key", 0)):
            page = client.get(f"/admin/{model}/", {"q": query})
            assert page.context["cl"].result_count == shown, (model, query)
    inbox = client.get(f"/admin/clarion_inbox/inbox/{inbox_of(me)}/change/")
    assert "#1 FIRST" in inbox.content.decode()
    events = client.get("/admin/clarion_pipeline/event/")
    assert [event.actor for event in events.context["cl"].result_list] == [str(ann.pk)]


@pytest.mark.parametrize("key", ["integer", "text" if environment.KEY == "uuid" else "uuid"])
async def test_edge_with_wrong_type(key: str, db: None) -> None:
    """An edge that is given another type of key is not ready, and names the setting."""
    name = connection.settings_dict["NAME"]
    url = environment.DATABASES.url.rsplit("/", 1)[0] + f"/{name}"
    settings = get_settings().model_copy(update={"database_url": url, "user_key": type(get_settings().user_key)(key)})
    reader = InboxReader(settings)
    try:
        assert await reader.ready()
        assert not reader.verified
        assert str(reader.fault).startswith("CLARION_USER_KEY:")
    finally:
        await reader._pool.close()


def test_export_is_json(people: list[User], capsys: pytest.CaptureFixture[str]) -> None:
    """`personal_data export` takes the app's own key."""
    delivery.expand(happened(first=people[:1]))
    call_command("personal_data", "export", str(people[0].pk))
    first, *_ = capsys.readouterr().out.splitlines()
    assert json.loads(first)["inbox"]["user"] == str(people[0].pk)
