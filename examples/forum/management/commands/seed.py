"""`manage.py seed`: the people and threads of the demo, with some votes, badges and a document.

It creates missing users and rows in one transaction; a second run changes nothing. Rows are written in bulk, past the
signals, so they cause no notifications. The users have a known password and one of them is a superuser, so it refuses
to run in production.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from examples.forum import badges, texts
from examples.forum.demo_users import MODERATOR, PASSWORD, PEOPLE
from examples.forum.models import Acceptance, Award, Collection, Document, Job, Message, Thread, Vote
from examples.forum.seed_data import AWARDED, CONVERSATIONS, DOCUMENT, Conversation


class Command(BaseCommand):
    """Seeds the demo."""

    help = "Create the people and threads of the demo; what is there already stays as it is."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create missing users and rows."""
        if not settings.FORUM_OPEN_DOORS:
            raise CommandError("seed creates users with a known password, so it runs with CLARION_DEBUG=1 only")
        with transaction.atomic():
            made = _people()
            threads = _threads()
            _awards()
            _document()
        self.stdout.write(f"Seeded {made} people and {threads} threads." if made or threads else "Already seeded.")


def _people() -> int:
    """Create the missing users; hash the password once."""
    there = set(User.objects.filter(username__in=PEOPLE).values_list("username", flat=True))
    missing = [name for name in PEOPLE if name not in there]
    if missing:
        password = make_password(PASSWORD)
        User.objects.bulk_create(
            User(username=name, password=password, is_staff=name == MODERATOR, is_superuser=name == MODERATOR)
            for name in missing
        )
    return len(missing)


def _threads() -> int:
    """Create the missing threads, identified by their titles."""
    titles = [conversation.title for conversation in CONVERSATIONS]
    there = set(Thread.objects.filter(title__in=titles).values_list("title", flat=True))
    missing = [conversation for conversation in CONVERSATIONS if conversation.title not in there]
    if missing:
        people = User.objects.in_bulk(PEOPLE, field_name="username")
        now = timezone.now()
        for conversation in missing:
            _thread(conversation, people, now)
    return len(missing)


def _thread(conversation: Conversation, people: dict[Any, User], now: datetime) -> None:
    first = conversation.messages[0]
    thread = Thread.objects.create(
        title=conversation.title,
        author=people[first.author],
        is_pinned=conversation.pinned,
        created_at=now - timedelta(hours=first.hours_ago),
    )
    messages: list[Message] = []
    for said in conversation.messages:
        message = Message(
            thread=thread,
            author=people[said.author],
            body=said.body,
            created_at=now - timedelta(hours=said.hours_ago),
        )
        messages.append(message)
    Message.objects.bulk_create(messages)
    for message, said in zip(messages, conversation.messages, strict=True):
        if said.reply_to is not None:
            message.parent = messages[said.reply_to]
    Message.objects.bulk_update(messages, ["parent"])
    Vote.objects.bulk_create(
        Vote(message=message, voter=people[voter])
        for message, said in zip(messages, conversation.messages, strict=True)
        for voter in said.votes
    )
    if conversation.accepted is not None:
        Acceptance.objects.bulk_create([Acceptance(thread=thread, message=messages[conversation.accepted])])


def _awards() -> None:
    """Create the awards for all that; existing ones are kept."""
    people = User.objects.in_bulk(PEOPLE, field_name="username")
    repliers = set(
        Message.objects.filter(author__in=people.values(), parent__isnull=False).values_list("author", flat=True)
    )
    solvers = set(
        Acceptance.objects.filter(message__author__in=people.values()).values_list("message__author", flat=True)
    )
    earned = [Award(user_id=pk, badge=badges.FIRST_REPLY.slug) for pk in sorted(repliers)]
    earned += [Award(user_id=pk, badge=badges.SOLVER.slug) for pk in sorted(solvers)]
    given = [Award(user=people[to], badge=badge, awarded_by=people[by]) for to, badge, by in AWARDED]
    Award.objects.bulk_create([*earned, *given], ignore_conflicts=True)


def _document() -> None:
    """One document in one collection, read already."""
    if Collection.objects.filter(name=DOCUMENT.collection).exists():
        return
    people = User.objects.in_bulk(PEOPLE, field_name="username")
    collection = Collection.objects.create(name=DOCUMENT.collection)
    collection.owners.set(people[name] for name in DOCUMENT.owners)
    at = timezone.now() - timedelta(hours=DOCUMENT.hours_ago)
    document = Document(
        starter=people[DOCUMENT.author],
        title=DOCUMENT.title,
        content=DOCUMENT.text.encode(),
        text=DOCUMENT.text,
        words=texts.count_words(DOCUMENT.text),
        state=Job.State.DONE,
        created_at=at,
        finished_at=at,
    )
    Document.objects.bulk_create([document])
    document.collections.add(collection)
