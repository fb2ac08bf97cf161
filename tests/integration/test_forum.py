"""The forum and the pipeline: messages are recorded once, and have the right audiences."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from clarion.pipeline.outbox.models import Event
from clarion.testing import assert_notified, deliver
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


def test_message_recorded_once(ann: User) -> None:
    """A user's message is recorded once, with its key and author."""
    message = MessageFactory.create(author=ann)
    event = Event.objects.get()
    assert (event.name, event.payload) == ("forum.message.posted.v1", {"message_id": message.pk})
    assert (event.key, event.actor_id) == (f"forum.message.posted:{message.pk}", ann.pk)


@pytest.mark.parametrize("origin", ["bot", "system"])
def test_message_of_bot_or_system(origin: str) -> None:
    """A message of a bot or the system records no event."""
    MessageFactory.create(origin=origin)
    assert not Event.objects.exists()


def test_changed_message() -> None:
    """Changing a message records no event."""
    message = MessageFactory.create(origin="system")
    message.origin, message.body = Message.Origin.HUMAN, "changed, @ann"
    message.save()
    assert not Event.objects.exists()


def test_message_from_fixture(ann: User) -> None:
    """A message loaded from a fixture records no event."""
    written = serializers.serialize("json", [Message(pk=1, thread=ThreadFactory.create(), author=ann, body="Hello.")])
    for row in serializers.deserialize("json", written):
        row.save()
    assert Message.objects.count() == 1
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_message_and_event_atomic(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the event cannot be recorded, the message is not stored either."""

    def fails(*_: Any, **__: Any) -> int:
        raise ConnectionError

    monkeypatch.setattr("examples.forum.receivers.record", fails)
    with pytest.raises(ConnectionError):
        MessageFactory.create()
    assert not Message.objects.exists()


def test_rolled_back_message() -> None:
    """A rolled-back message leaves no event."""
    with transaction.atomic():
        MessageFactory.create()
        transaction.set_rollback(True)
    assert not Event.objects.exists()


# Audiences


def test_thread_reply_recipients(ann: User, ben: User) -> None:
    """THREAD_REPLY goes to the author of the thread and to all authors in it."""
    thread = ThreadFactory.create(author=ann)
    MessageFactory.create(author=UserFactory.create())  # in another thread
    MessageFactory.create_batch(2, thread=thread, author=ben)
    message = MessageFactory.create(thread=thread)
    assert heard(message) == {"THREAD_REPLY": {ann.pk, ben.pk, message.author_id}}


def test_reply_recipient(ann: User, ben: User) -> None:
    """REPLY goes to the author of the parent message."""
    parent = MessageFactory.create(author=ben)
    message = MessageFactory.create(thread=parent.thread, parent=parent, author=ann)
    assert heard(message)["REPLY"] == {ben.pk}


def test_mention_ignores_case(ann: User, ben: User) -> None:
    """A mention finds its user regardless of case."""
    message = MessageFactory.create(body="@ANN and @ben and @nobody; not cleo@here.example")
    assert heard(message)["MENTION"] == {ann.pk, ben.pk}


def test_order_of_audiences(ann: User) -> None:
    """The audiences are in the order of precedence of their kinds."""
    parent = MessageFactory.create(author=ann)
    message = MessageFactory.create(thread=parent.thread, parent=parent, body="@ann yes")
    assert list(heard(message)) == ["MENTION", "REPLY", "THREAD_REPLY"]


def test_inactive_users_excluded(ann: User) -> None:
    """Inactive users are in no audience."""
    User.objects.filter(pk=ann.pk).update(is_active=False)
    parent = MessageFactory.create(author=ann, thread__author=ann)
    message = MessageFactory.create(thread=parent.thread, parent=parent, body="@ann yes")
    assert heard(message) == {"MENTION": set(), "REPLY": set(), "THREAD_REPLY": {message.author_id}}


def test_deleted_message() -> None:
    """A deleted message has no audience."""
    message = MessageFactory.create()
    gone = message.pk
    message.thread.delete()
    assert message_posted(MessagePosted(message_id=gone)) == []


def test_data_complete_for_display(ann: User) -> None:
    """The data of a notification is complete, so that it can be shown without another request."""
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


def test_audiences_read_no_users() -> None:
    """Building the audiences costs one query, and no users are read."""
    message = MessageFactory.create(body="@ann @ben", parent=MessageFactory.create())
    with CaptureQueriesContext(connection) as queries:
        message_posted(MessagePosted(message_id=message.pk))
    assert len(queries) == 1


@pytest.mark.django_db(transaction=True)
def test_single_notification_per_user(ann: User, ben: User) -> None:
    """A user in several audiences gets one notification, of the most specific kind."""
    cleo, dan = UserFactory.create(username="cleo"), UserFactory.create(username="dan")
    thread = ThreadFactory.create(author=dan)
    MessageFactory.create(thread=thread, author=ann)
    parent = MessageFactory.create(thread=thread, author=ben)
    with deliver() as delivered:
        MessageFactory.create(thread=thread, author=cleo, parent=parent, body="@ann, and myself: @cleo")
    for user, kind in ((ann, "MENTION"), (ben, "REPLY"), (dan, "THREAD_REPLY")):
        assert_notified(delivered, user, kind)
    assert len(delivered) == 3
