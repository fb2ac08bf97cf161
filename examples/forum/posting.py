"""Posting: start a thread, reply.

Input: a signed-in user and their text, validated by a form. Output: rows, committed together with their events.
"""

from django.contrib.auth.models import User
from django.db import transaction

from examples.forum import badges
from examples.forum.models import Message, Thread


class Closed(Exception):
    """The thread takes no more replies."""


@transaction.atomic
def start_thread(author: User, *, title: str, body: str) -> Thread:
    """Create a thread with its first message."""
    thread = Thread.objects.create(title=title, author=author)
    Message.objects.create(thread=thread, author=author, body=body)
    return thread


@transaction.atomic
def reply(author: User, thread: Thread, *, body: str, parent: Message | None = None) -> Message:
    """Create a message in `thread`, in reply to `parent` if given; raises Closed."""
    if thread.is_locked or thread.deleted_at:
        raise Closed
    message = Message.objects.create(thread=thread, author=author, body=body, parent=parent)
    badges.after_reply(author)
    return message
