"""The recipients of a moderator's action, with its reason; the moderator is the actor and not notified.

Locking, deleting or restoring a thread concerns its participants, pinning only its author. Actions on a message
concern its author.
"""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from clarion import Audience, audiences_for, declare_kind
from examples.forum import events
from examples.forum.audiences import people
from examples.forum.audiences.messages import EXCERPT_LENGTH
from examples.forum.models import Message, ModerationAction

_OF_THREAD = {
    "lock": declare_kind("THREAD_LOCKED"),
    "unlock": declare_kind("THREAD_UNLOCKED"),
    "pin": declare_kind("THREAD_PINNED"),
    "unpin": declare_kind("THREAD_UNPINNED"),
    "delete": declare_kind("THREAD_DELETED"),
    "restore": declare_kind("THREAD_RESTORED"),
}
_OF_MESSAGE = {"delete": declare_kind("MESSAGE_DELETED"), "restore": declare_kind("MESSAGE_RESTORED")}


@audiences_for(events.ThreadLocked)
def thread_locked(event: events.ThreadLocked) -> list[Audience]:
    """All who take part."""
    return _of_thread(event.action_id)


@audiences_for(events.ThreadUnlocked)
def thread_unlocked(event: events.ThreadUnlocked) -> list[Audience]:
    """All who take part."""
    return _of_thread(event.action_id)


@audiences_for(events.ThreadPinned)
def thread_pinned(event: events.ThreadPinned) -> list[Audience]:
    """Who started it."""
    return _of_thread(event.action_id, author_only=True)


@audiences_for(events.ThreadUnpinned)
def thread_unpinned(event: events.ThreadUnpinned) -> list[Audience]:
    """Who started it."""
    return _of_thread(event.action_id, author_only=True)


@audiences_for(events.ThreadDeleted)
def thread_deleted(event: events.ThreadDeleted) -> list[Audience]:
    """All who took part."""
    return _of_thread(event.action_id)


@audiences_for(events.ThreadRestored)
def thread_restored(event: events.ThreadRestored) -> list[Audience]:
    """All who take part."""
    return _of_thread(event.action_id)


@audiences_for(events.MessageDeleted)
def message_deleted(event: events.MessageDeleted) -> list[Audience]:
    """Who wrote it."""
    return _of_message(event.action_id)


@audiences_for(events.MessageRestored)
def message_restored(event: events.MessageRestored) -> list[Audience]:
    """Who wrote it."""
    return _of_message(event.action_id)


def _of_thread(action_id: int, *, author_only: bool = False) -> list[Audience]:
    done = _action(action_id)
    if done is None:
        return []
    who = people.one(done.thread.author_id) if author_only else people.participants(done.thread)
    return [_audience(_OF_THREAD[done.action], who, done, url=done.thread.get_absolute_url())]


def _of_message(action_id: int) -> list[Audience]:
    done = _action(action_id)
    if done is None or done.message is None:
        return []
    message = done.message
    return [
        _audience(_OF_MESSAGE[done.action], people.one(message.author_id), done, message, message.get_absolute_url())
    ]


def _action(action_id: int) -> ModerationAction | None:
    rows = ModerationAction.objects.select_related("thread", "message", "moderator")
    return rows.filter(pk=action_id).first()


def _audience(
    kind: str, who: "QuerySet[User, Any]", done: ModerationAction, message: Message | None = None, url: str = ""
) -> Audience:
    data = {
        "thread_id": str(done.thread_id),
        "thread_title": done.thread.title,
        "reason": done.reason,
        "moderator": done.moderator.username,
        # The same under the names that the hooks of other clients read.
        "moderator_username": done.moderator.username,
        "action_type": done.action,
        "url": url,
    }
    if message is not None:
        data |= {"message_id": str(message.pk), "excerpt": message.excerpt(EXCERPT_LENGTH)}
    return Audience(
        kind,
        who=who,
        data=data,
        topic=done.thread.topic,
        message_id=None if message is None else str(message.pk),
        conversation_id=str(done.thread_id),
    )
