"""Sets of people, as querysets of their ids. Who may no longer sign in is in none of them."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.db.models.functions import Lower

from examples.forum.models import Message, Thread


def active() -> "QuerySet[User]":
    """Everyone who may sign in."""
    return User.objects.filter(is_active=True)


def one(user_id: int) -> "QuerySet[User, Any]":
    """Return the audience of one user."""
    return active().filter(pk=user_id).values_list("pk")


def named(names: set[str]) -> "QuerySet[User, Any]":
    """Users of these lower-case names; served by the index on lower(username)."""
    return active().alias(name=Lower("username")).filter(name__in=sorted(names)).values_list("pk")


def participants(thread: Thread) -> "QuerySet[User, Any]":
    """Everyone who wrote in `thread`, and who started it.

    A union below `IN`, since an `OR` makes Postgres read all users.
    """
    wrote = Message.objects.filter(thread=thread).values("author")
    started = Thread.objects.filter(pk=thread.pk).values("author")
    return active().filter(pk__in=wrote.union(started)).values_list("pk")
