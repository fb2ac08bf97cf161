"""Thread and Message: what people write. What a moderator takes down stays as a row, with the time it was deleted."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator

from examples.forum.models.transactional import Recorded

#: A title fits on two lines of a phone (characters).
TITLE_MAX_LENGTH = 120

#: Some pages of prose; longer ones belong into a document (characters).
BODY_MAX_LENGTH = 10_000


def thread_topic(pk: int) -> str:
    """Return the topic of a thread, by which its notifications are muted and marked as read."""
    return f"forum.thread:{pk}"


class Thread(models.Model):
    """A subject that people write about; its messages hang on it."""

    title = models.CharField(max_length=TITLE_MAX_LENGTH)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="threads")
    created_at = models.DateTimeField(default=timezone.now)
    is_locked = models.BooleanField(default=False)
    is_pinned = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the address of the thread's first page."""
        return reverse("thread", args=[self.pk])

    @property
    def topic(self) -> str:
        """The thread's name as a topic."""
        return thread_topic(self.pk)


class Message(Recorded):
    """One contribution to a thread, possibly in reply to another."""

    class Origin(models.TextChoices):
        """The sort of author: only messages of people cause notifications."""

        HUMAN = "human"
        BOT = "bot"
        SYSTEM = "system"

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="messages", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="replies")
    body = models.TextField(max_length=BODY_MAX_LENGTH)
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.HUMAN)
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        # The first serves the participants of a thread, the second its pages.
        indexes: ClassVar = [
            models.Index(fields=["thread", "author"], name="forum_message_participants"),
            models.Index(fields=["thread", "id"], name="forum_message_in_order"),
        ]

    def __str__(self) -> str:
        return self.excerpt(60)

    def get_absolute_url(self) -> str:
        """Return an address that redirects to the message's page of the thread."""
        return reverse("message", args=[self.pk])

    def excerpt(self, length: int) -> str:
        """Return the body on one line, truncated at `length` characters."""
        return Truncator(" ".join(self.body.split())).chars(length)
