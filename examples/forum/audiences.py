"""Who hears of what happens in the forum, as what, in order of precedence.

Enters: an event. Leaves: its audiences, as querysets of user ids that are composed into SQL and never read here. A
person in several of them hears the first only: a mention says more than a reply, a reply more than a new message in
a thread. An event whose message is gone tells nobody.
"""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.db.models.functions import Lower

from examples.forum.events import MessagePosted
from examples.forum.mentions import mentioned_names
from examples.forum.models import Message, Thread
from pipeline.audiences import Audience, audiences_for

#: Fills two lines of the list in the page's header (characters).
EXCERPT_LENGTH = 140


@audiences_for(MessagePosted)
def message_posted(event: MessagePosted) -> list[Audience]:
    """Whoever is mentioned, the author of the parent, and those who take part in the thread."""
    message = Message.objects.select_related("thread", "parent").filter(pk=event.message_id).first()
    if message is None:
        return []

    def audience(kind: str, who: "QuerySet[User, Any]") -> Audience:
        return Audience(
            kind,
            who=who,
            data=_data(message),
            topic=message.thread.topic,
            message_id=str(message.pk),
            conversation_id=str(message.thread_id),
        )

    audiences = []
    if names := mentioned_names(message.body):
        audiences.append(audience("MENTION", _named(names)))
    if message.parent is not None:
        audiences.append(audience("REPLY", _active().filter(pk=message.parent.author_id).values_list("pk")))
    audiences.append(audience("THREAD_REPLY", _participants(message.thread)))
    return audiences


def _data(message: Message) -> dict[str, Any]:
    """What a page needs to show a notification of `message` without asking for more."""
    return {
        "thread_id": str(message.thread_id),
        "thread_title": message.thread.title,
        "message_id": str(message.pk),
        "excerpt": message.excerpt(EXCERPT_LENGTH),
        "url": message.get_absolute_url(),
    }


def _active() -> "QuerySet[User]":
    return User.objects.filter(is_active=True)


def _named(names: set[str]) -> "QuerySet[User, Any]":
    """Users of these lower-case names; served by the index on lower(username)."""
    return _active().alias(name=Lower("username")).filter(name__in=sorted(names)).values_list("pk")


def _participants(thread: Thread) -> "QuerySet[User, Any]":
    """Everyone who wrote in `thread`, and who started it.

    A union below `IN`, since an `OR` makes Postgres read all users.
    """
    wrote = Message.objects.filter(thread=thread).values("author")
    started = Thread.objects.filter(pk=thread.pk).values("author")
    return _active().filter(pk__in=wrote.union(started)).values_list("pk")
