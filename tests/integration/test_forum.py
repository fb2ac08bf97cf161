"""The forum and the pipeline: what people write is recorded once, and who hears of it is right."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from clarion.pipeline import delivery
from clarion.pipeline.outbox.models import Event
from clarion.shared.inbox.models import Notification
from examples.forum.audiences import message_posted
from examples.forum.events import MessagePosted
from examples.forum.models import Message
from tests.factories import MessageFactory, ThreadFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(db: None) -> User:
    return UserFactory.create(username="ann")


@pytest.fixture
def ben(db: None) -> User:
    return UserFactory.create(username="Ben")


def heard(message: Message) -> dict[str, set[int]]:
    """The user ids of each audience of `message`, in order of precedence."""
    audiences = message_posted(MessagePosted(message_id=message.pk))
    return {audience.kind: {pk for (pk,) in audience.who} for audience in audiences}


# Recording


def test_a_persons_message_is_recorded_once(ann: User) -> None:
    message = MessageFactory.create(author=ann)
    event = Event.objects.get()
    assert (event.name, event.payload) == ("forum.message.posted.v1", {"message_id": message.pk})
    assert (event.key, event.actor_id) == (f"forum.message.posted:{message.pk}", ann.pk)


@pytest.mark.parametrize("origin", ["bot", "system"])
def test_bots_and_the_system_tell_nobody(origin: str) -> None:
    MessageFactory.create(origin=origin)
    assert not Event.objects.exists()


def test_a_change_tells_nobody() -> None:
    message = MessageFactory.create(origin="system")
    message.origin, message.body = Message.Origin.HUMAN, "changed, @ann"
    message.save()
    assert not Event.objects.exists()


def test_a_fixture_tells_nobody(ann: User) -> None:
    written = serializers.serialize("json", [Message(pk=1, thread=ThreadFactory.create(), author=ann, body="Hello.")])
    for row in serializers.deserialize("json", written):
        row.save()
    assert Message.objects.count() == 1
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_message_and_its_event_commit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> int:
        raise ConnectionError

    monkeypatch.setattr("examples.forum.receivers.record", fails)
    with pytest.raises(ConnectionError):
        MessageFactory.create()
    assert not Message.objects.exists()


def test_a_message_that_is_rolled_back_was_not_posted() -> None:
    with transaction.atomic():
        MessageFactory.create()
        transaction.set_rollback(True)
    assert not Event.objects.exists()


# Audiences


def test_a_thread_is_heard_by_who_wrote_in_it_and_who_started_it(ann: User, ben: User) -> None:
    thread = ThreadFactory.create(author=ann)
    MessageFactory.create(author=UserFactory.create())  # in another thread
    MessageFactory.create_batch(2, thread=thread, author=ben)
    message = MessageFactory.create(thread=thread)
    assert heard(message) == {"THREAD_REPLY": {ann.pk, ben.pk, message.author_id}}


def test_the_author_of_the_parent_hears_a_reply(ann: User, ben: User) -> None:
    parent = MessageFactory.create(author=ben)
    message = MessageFactory.create(thread=parent.thread, parent=parent, author=ann)
    assert heard(message)["REPLY"] == {ben.pk}


def test_names_are_found_whatever_their_case(ann: User, ben: User) -> None:
    message = MessageFactory.create(body="@ANN and @ben and @nobody; not cleo@here.example")
    assert heard(message)["MENTION"] == {ann.pk, ben.pk}


def test_kinds_stand_in_order_of_precedence(ann: User) -> None:
    parent = MessageFactory.create(author=ann)
    message = MessageFactory.create(thread=parent.thread, parent=parent, body="@ann yes")
    assert list(heard(message)) == ["MENTION", "REPLY", "THREAD_REPLY"]


def test_who_may_no_longer_sign_in_hears_nothing(ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(is_active=False)
    parent = MessageFactory.create(author=ann, thread__author=ann)
    message = MessageFactory.create(thread=parent.thread, parent=parent, body="@ann yes")
    assert heard(message) == {"MENTION": set(), "REPLY": set(), "THREAD_REPLY": {message.author_id}}


def test_a_message_that_is_gone_is_heard_by_nobody() -> None:
    message = MessageFactory.create()
    gone = message.pk
    message.thread.delete()
    assert message_posted(MessagePosted(message_id=gone)) == []


def test_a_notification_can_be_shown_without_another_request(ann: User) -> None:
    message = MessageFactory.create(body="A long\n\nstory. " * 100, thread__title="Bread")
    (audience,) = message_posted(MessagePosted(message_id=message.pk))
    thread = message.thread_id
    assert (audience.topic, audience.message_id, audience.conversation_id) == (
        f"forum.thread:{thread}",
        str(message.pk),
        str(thread),
    )
    excerpt = audience.data.pop("excerpt")
    for name in ("reply_content_preview", "mention_context"):  # as the hooks of other clients name it
        assert audience.data.pop(name, excerpt) == excerpt
    assert audience.data.pop("parent_message_id", None) is None
    assert excerpt.startswith("A long story. A long")
    assert len(excerpt) <= 140
    assert audience.data == {
        "thread_id": str(thread),
        "thread_title": "Bread",
        "message_id": str(message.pk),
        "url": f"/messages/{message.pk}/",
    }


def test_audiences_read_nobody() -> None:
    message = MessageFactory.create(body="@ann @ben", parent=MessageFactory.create())
    with CaptureQueriesContext(connection) as queries:
        message_posted(MessagePosted(message_id=message.pk))
    assert len(queries) == 1


@pytest.mark.django_db(transaction=True)
def test_a_person_is_told_once_as_what_concerns_them_most(ann: User, ben: User) -> None:
    cleo, dan = UserFactory.create(username="cleo"), UserFactory.create(username="dan")
    thread = ThreadFactory.create(author=dan)
    MessageFactory.create(thread=thread, author=ann)
    parent = MessageFactory.create(thread=thread, author=ben)
    Event.objects.all().delete()
    MessageFactory.create(thread=thread, author=cleo, parent=parent, body="@ann, and myself: @cleo")
    delivery.expand(Event.objects.get().pk)
    told = Notification.objects.values_list("recipient_id", "announcement__kind")
    assert sorted(told) == sorted([(ann.pk, "MENTION"), (ben.pk, "REPLY"), (dan.pk, "THREAD_REPLY")])
