"""Audiences that other services may name, without knowing the forum's tables."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from clarion import named_audience
from examples.forum.audiences.people import participants
from examples.forum.models import Thread


@named_audience("forum.thread.participants")
def thread_participants(thread_id: int) -> "QuerySet[User, Any]":
    """Return the participants of a thread; an empty queryset for an unknown thread."""
    return participants(Thread(pk=thread_id))
