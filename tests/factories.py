"""People, threads and messages for tests."""

import factory.declarations as declare
from django.contrib.auth.models import User
from factory.django import DjangoModelFactory

from examples.forum.models import Message, Thread


class UserFactory(DjangoModelFactory[User]):
    """Someone who can sign in."""

    class Meta:
        model = User

    username = declare.Sequence(lambda number: f"person-{number}")
    is_active = True


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
