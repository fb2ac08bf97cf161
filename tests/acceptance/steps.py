"""Steps of a test with sockets: actions in the web app and the outbox."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection

from clarion.pipeline.outbox.models import Batch, Event
from clarion.pipeline.persons import key_of, number_for
from clarion.pipeline.publish import publish_frames
from clarion.shared import protocol
from clarion.shared.inbox.models import Announcement, Inbox, Notification
from examples.forum.models import Message, Thread
from tests.factories import MessageFactory, ThreadFactory, UserFactory, inbox_of
from tests.processes import wait_until


@sync_to_async
def person(**fields: Any) -> User:
    return UserFactory.create(**fields)


@sync_to_async
def inbox(user: User) -> int:
    """The number of the inbox of a user."""
    return inbox_of(user)


@sync_to_async
def thread(author: User) -> Thread:
    return ThreadFactory.create(author=author)


@sync_to_async
def post(thread: Thread, author: User, body: str = "Hello.", parent: Message | None = None) -> Message:
    return MessageFactory.create(thread=thread, author=author, body=body, parent=parent)


@sync_to_async
def filled(user_id: Any, count: int, *, first: int = 1, size: int = 100, published: bool = True) -> None:
    """An inbox with so many more notifications, from seq `first` on: stored, and published unless that got lost."""
    last, number = first + count - 1, number_for(user_id)
    told = Announcement.objects.create(
        event_id=number * 1_000_000 + first, kind="TEST", data={"x": "x" * size}, created_at=datetime.now(UTC)
    )
    Notification.objects.bulk_create(
        Notification(recipient_id=number, seq=seq, announcement=told, event_id=-seq, created_at=told.created_at)
        for seq in range(first, last + 1)
    )
    Inbox.objects.update_or_create(user_id=number, defaults={"seq": last, "unread": last})
    if published:
        frames = protocol.AnnouncedFrames(protocol.NotificationContent("TEST", told.created_at, told.data))
        publish_frames(
            [(key_of(user_id), seq, frames.created(seq, seq) + frames.rest) for seq in range(first, last + 1)]
        )


@sync_to_async
def all_done() -> None:
    wait_until(
        lambda: not Event.objects.exclude(state="done").exists(),
        lambda: f"not done: {list(Event.objects.exclude(state='done').values())} {list(Batch.objects.values())}",
    )


@sync_to_async
def make_all_due() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clarion_event SET next_attempt_at = now()")
        cursor.execute("UPDATE clarion_batch SET next_attempt_at = now()")


@sync_to_async
def until(condition: Callable[[], object], why_not: Callable[[], str] | str) -> None:
    """Wait for a condition on the database."""
    wait_until(condition, why_not)
