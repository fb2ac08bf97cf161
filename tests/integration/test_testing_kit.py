"""The test kit: it delivers in the test's own transaction, says who was notified, and contacts no server."""

import uuid
from collections.abc import Iterator
from typing import Any
from unittest import mock

import django.test
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import transaction

from clarion.pipeline import tasks
from clarion.pipeline.celery.app import app
from clarion.pipeline.celery.hints import enqueue
from clarion.pipeline.celery.queues import EXPAND
from clarion.pipeline.inbox import marking
from clarion.pipeline.outbox.models import Event
from clarion.pipeline.persons import key_of, number_for, number_of
from clarion.shared.channel_layer import channel_layer
from clarion.shared.inbox.models import Inbox, Mute, Notification
from clarion.testing import NotDelivered, assert_not_notified, assert_notified, deliver, isolated, real_servers
from clarion.testing.factories import InboxFactory, NotificationFactory
from clarion.testing.isolation import SilentLayer
from clarion.testing.kit import SHOWN
from tests.factories import UserFactory
from tests.integration.steps import happened


@pytest.fixture
def no_servers() -> Iterator[None]:
    """Every attempt to reach a Redis or a broker fails this test."""
    asked = AssertionError("a server was asked")
    pool = mock.patch("redis.connection.ConnectionPool.get_connection", side_effect=asked)
    with pool, mock.patch.object(app, "connection_for_write", side_effect=asked):
        yield


def notify(user: User, actor: User) -> None:
    """Record an event of the actor's that notifies the user."""
    happened(f"test {uuid.uuid4()}", first=[user], actor=actor)


@pytest.mark.usefixtures("no_servers")
class InTestCase(django.test.TestCase):
    """Within the transaction of a TestCase, in which nothing is ever committed."""

    def test_kit_in_test_case(self) -> None:
        """The notification is there at the end of the block, and while it is read within it."""
        ann, ben = UserFactory.create(), UserFactory.create()
        with deliver() as delivered:
            notify(ann, ben)
            assert_notified(delivered, ann, "FIRST")
            notify(ann, ben)
        assert_notified(delivered, ann, "FIRST", times=2)
        assert_not_notified(delivered, ben)
        assert (delivered[0].user_id, delivered[0].actor_id) == (key_of(ann.pk), key_of(ben.pk))


@pytest.mark.usefixtures("no_servers")
class InTransactionTestCase(django.test.TransactionTestCase):
    """Where transactions commit, hints are taken by the kit."""

    def test_kit_in_transaction_test_case(self) -> None:
        """The notification is there once, and at the commit if tasks are eager."""
        ann, ben = UserFactory.create(), UserFactory.create()
        for eager in (False, True):
            with self.settings(CELERY_TASK_ALWAYS_EAGER=eager), deliver() as delivered:
                with transaction.atomic():
                    notify(ann, ben)
                assert Notification.objects.exists() == eager
            assert_notified(delivered, ann, "FIRST")
            Notification.objects.all().delete()


@pytest.mark.django_db
@pytest.mark.usefixtures("no_servers")
def test_messages_of_assertions() -> None:
    """An assertion that fails shows what was delivered instead."""
    ann, ben = UserFactory.create(), UserFactory.create()
    with deliver() as delivered:
        notify(ann, ben)
    with pytest.raises(AssertionError) as missing:
        assert_notified(delivered, ben, "FIRST")
    assert "is notified of FIRST 1 times, but 0 times.\nDelivered were:\n" in str(missing.value)
    assert f"FIRST to {key_of(ann.pk)}: " in str(missing.value)
    with pytest.raises(AssertionError, match="is notified of any kind never, but was"):
        assert_not_notified(delivered, ann)
    with pytest.raises(AssertionError, match=r"with \{'other': 1\} 1 times, but 0 times"):
        assert_notified(delivered, ann, "FIRST", data={"other": 1})
    with deliver() as nothing:
        pass
    with pytest.raises(AssertionError, match=r"Nothing was delivered\.\nNo event was recorded\."):
        assert_notified(nothing, ann, "FIRST")


@pytest.mark.django_db
@pytest.mark.usefixtures("no_servers")
def test_recorded_without_recipients() -> None:
    """An assertion that fails shows events that notified no user, and how far they came."""
    ann = UserFactory.create()
    with deliver() as delivered:
        happened("to the actor", first=[ann], actor=ann)
    with pytest.raises(AssertionError) as missing:
        assert_notified(delivered, ann, "FIRST")
    line = "tests.thing.happened.v1 with the key 'to the actor': done, 0 recipients"
    assert str(missing.value).endswith(f"Nothing was delivered.\nRecorded were:\n  {line}")


@pytest.mark.django_db
@pytest.mark.usefixtures("no_servers")
def test_many_delivered(django_assert_max_num_queries: Any) -> None:
    """Many notifications are read together, and the message of an assertion shows the first of them."""
    users = [UserFactory.create() for _ in range(SHOWN + 2)]
    with deliver() as delivered:
        happened("to many", first=users)
    with django_assert_max_num_queries(3):
        notified = [one.user_id for one in delivered]
    assert notified == sorted((key_of(user.pk) for user in users), key=number_for)
    with pytest.raises(AssertionError, match="… and 2 more\nRecorded were:"):
        assert_not_notified(delivered, users[0])


@pytest.mark.django_db
@pytest.mark.usefixtures("no_servers")
def test_events_outside_of_block() -> None:
    """Events that are recorded before and after the block are not delivered, and not those of factories either."""
    ann, ben = UserFactory.create(), UserFactory.create()
    notify(ann, ben)
    with deliver() as delivered:
        NotificationFactory.create(user=ann, kind="FIRST")
        notify(ann, ben)
    notify(ann, ben)
    assert_notified(delivered, ann, "FIRST")
    assert len(delivered.recorded) == len(delivered) == 1
    assert Event.objects.filter(state="pending").count() == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("no_servers")
def test_read_in_open_transaction() -> None:
    """Reading within a transaction that the test has opened is refused with what to do."""
    ann, ben = UserFactory.create(), UserFactory.create()
    with deliver() as delivered:
        with transaction.atomic():
            assert list(delivered) == []
            notify(ann, ben)
            with pytest.raises(NotDelivered, match=r"outside of `transaction\.atomic\(\)`"):
                list(delivered)
        assert_notified(delivered, ann, "FIRST")


@pytest.mark.django_db
def test_failing_audience(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event whose audience fails fails the test, with the cause."""
    monkeypatch.setattr("clarion.pipeline.audiences.audiences_of", mock.Mock(side_effect=ValueError("no such book")))
    with pytest.raises(NotDelivered, match=r"tests\.thing\.happened\.v1 .* 'failing' failed: no such book"), deliver():
        happened("failing", first=[UserFactory.create()])


@pytest.mark.django_db
@pytest.mark.usefixtures("no_servers")
def test_eager_task_in_test_case() -> None:
    """An eager task leaves the connection of its caller open, and its event is delivered once."""
    ann = UserFactory.create()
    with deliver() as delivered:
        app.tasks[tasks.expand.name].apply((happened(first=[ann]),)).get()
    assert_notified(delivered, ann, "FIRST")


@pytest.mark.django_db
@pytest.mark.usefixtures("no_servers")
def test_isolated_process() -> None:
    """Hints and frames go nowhere, and a question to Redis is refused with what to do."""
    ann = UserFactory.create()
    NotificationFactory.create(user=ann)
    with isolated():
        assert enqueue(EXPAND, 1)
        marking.mark_read(ann.pk, 1, read=True)
        with pytest.raises(RuntimeError, match="clarion_real_servers"), channel_layer().client():
            pass
        for ask in (channel_layer().output_buffers, lambda: channel_layer().listening(["group"])):
            with pytest.raises(RuntimeError, match="clarion_real_servers"):
                ask()
        with pytest.raises(RuntimeError, match="clarion_real_servers"):
            async_to_sync(channel_layer().group_send)("group", {"type": "message"})
        with real_servers():
            assert not isinstance(channel_layer(), SilentLayer)
            assert not enqueue(EXPAND, 1)
        assert enqueue(EXPAND, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_servers")
def test_failing_eager_work(monkeypatch: pytest.MonkeyPatch, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The failure of eager work is logged, and later hints are worked on as before."""
    settings.CELERY_TASK_ALWAYS_EAGER = True
    ann, ben = UserFactory.create(), UserFactory.create()
    with isolated():
        with monkeypatch.context() as patched:
            patched.setattr("clarion.pipeline.audiences.audiences_of", mock.Mock(side_effect=ValueError("no book")))
            notify(ann, ben)
        assert "no book" in caplog.text
        notify(ann, ben)
    assert Notification.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("no_servers")
def test_factories_of_kit() -> None:
    """Factories store what a worker would store."""
    ann, ben = UserFactory.create(), UserFactory.create()
    one = NotificationFactory.create(user=ann, kind="REPLY", data={"title": "replied"}, actor=ben)
    assert (one.recipient_id, one.seq, one.announcement.kind) == (number_of(ann.pk), 1, "REPLY")
    assert one.announcement.actor_username == ben.username
    assert InboxFactory.create(user=ann, unread=2).unread == 3
    assert InboxFactory.create(user=ben).unread == 0
    assert Inbox.objects.count() == 2
    with pytest.raises(ValueError, match=r"NotificationFactory\(user=ann\)"):
        NotificationFactory.create()
    with pytest.raises(ValueError, match=r"InboxFactory\(user=ann\)"):
        InboxFactory.create()
    Mute.objects.create(user_id=number_of(ann.pk), kind="REPLY")
    with pytest.raises(ValueError, match=r"no notification was stored .* has muted the kind"):
        NotificationFactory.create(user=ann, kind="REPLY")
