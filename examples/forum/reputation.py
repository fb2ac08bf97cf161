"""Votes and accepted answers; repeating the action takes it back.

Input: a user and a message. Output: rows, committed together with their events and the badges they earn. Users cannot
vote for their own messages, and only the author of a thread accepts an answer in it, of another user.
"""

from django.contrib.auth.models import User
from django.db import transaction

from examples.forum import badges
from examples.forum.models import Acceptance, Message, Thread, Vote


class NotAllowed(Exception):
    """This is not for that person to do."""


@transaction.atomic
def vote(voter: User, message: Message) -> bool:
    """Vote for a message, or take the vote back; whether it is there now."""
    if message.author_id == voter.pk or message.deleted_at or message.thread.deleted_at:
        raise NotAllowed
    _, new = Vote.objects.get_or_create(message=message, voter=voter)
    if not new:
        Vote.objects.filter(message=message, voter=voter).delete()
        return False
    badges.after_vote(message.author)
    return True


@transaction.atomic
def accept(person: User, message: Message) -> bool:
    """Accept an answer in place of any other, or take that back; whether it is accepted now."""
    thread = message.thread
    if thread.author_id != person.pk or message.author_id == person.pk or message.deleted_at or thread.deleted_at:
        raise NotAllowed
    Thread.objects.select_for_update(no_key=True).get(pk=thread.pk)  # one answer at a time
    accepted = Acceptance.objects.filter(thread=thread).first()
    if accepted is not None:
        was_this = accepted.message_id == message.pk
        accepted.delete()
        if was_this:
            return False
    Acceptance.objects.create(thread=thread, message=message)
    badges.after_acceptance(message.author)
    return True
