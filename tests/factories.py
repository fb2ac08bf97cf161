"""People, threads and messages for tests."""

import factory.declarations as declare
from django.contrib.auth.models import User
from factory.django import DjangoModelFactory

from clarion.pipeline.persons import number_for
from examples.forum.models import Message, Thread


class UserFactory(DjangoModelFactory[User]):
    """Someone who can sign in."""

    class Meta:
        model = User

    username = declare.Sequence(lambda number: f"person-{number}")
    is_active = True


def inbox_of(user: User) -> int:
    """The number of the inbox of a user, who gets one if there is none."""
    return number_for(user.pk)


class ThreadFactory(DjangoModelFactory[Thread]):
    """A thread without messages."""

    class Meta:
        model = Thread

    author = declare.SubFactory(UserFactory)
    title = declare.Sequence(lambda number: f"Thread {number}")


class MessageFactory(DjangoModelFactory[Message]):
    """A message of a person; it is announced like any other."""

    class Meta:
        model = Message

    thread = declare.SubFactory(ThreadFactory)
    author = declare.SubFactory(UserFactory)
    body = "Hello."
