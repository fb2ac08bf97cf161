"""The recipients of a message.

A mention takes precedence over a reply, a reply over a new message in a thread. A message that was deleted before its
delivery has no recipients, nor has one in a deleted thread.
"""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from clarion import Audience, Limit, Over, audiences_for, declare_kind
from examples.forum.audiences import people
from examples.forum.events import MessagePosted
from examples.forum.mentions import mentioned_names
from examples.forum.models import Message

#: Fills two lines of the list in the page's header (characters).
EXCERPT_LENGTH = 140

#: More mentions come from a script, not from a person (messages with a mention a minute).
MENTION = declare_kind("MENTION", through_mutes=True, limit=Limit(events=20, seconds=60, over=Over.DROP))
REPLY = declare_kind("REPLY")
THREAD_REPLY = declare_kind("THREAD_REPLY", collapses=True)


@audiences_for(MessagePosted)
def message_posted(event: MessagePosted) -> list[Audience]:
    """Return the mentioned users, the author of the parent, and the participants of the thread."""
    message = Message.objects.select_related("thread", "parent").filter(pk=event.message_id).first()
    if message is None or message.deleted_at or message.thread.deleted_at:
        return []

    excerpt = message.excerpt(EXCERPT_LENGTH)
    parent = None if message.parent_id is None else str(message.parent_id)
    reply = {"parent_message_id": parent, "reply_content_preview": excerpt}

    def audience(kind: str, who: "QuerySet[User, Any]", **more: str | None) -> Audience:
        return Audience(
            kind,
            who=who,
            data=about(message) | more,
            topic=message.thread.topic,
            message_id=str(message.pk),
            conversation_id=str(message.thread_id),
        )

    audiences = []
    if names := mentioned_names(message.body):
        audiences.append(audience(MENTION, people.named(names), mention_context=excerpt))
    if message.parent is not None:
        audiences.append(audience(REPLY, people.one(message.parent.author_id), **reply))
    audiences.append(audience(THREAD_REPLY, people.participants(message.thread), **reply))
    return audiences


def about(message: Message) -> dict[str, Any]:
    """Return all that a page needs to show a notification of `message`."""
    return {
        "thread_id": str(message.thread_id),
        "thread_title": message.thread.title,
        "message_id": str(message.pk),
        "excerpt": message.excerpt(EXCERPT_LENGTH),
        "url": message.get_absolute_url(),
    }
