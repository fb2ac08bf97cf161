"""ModerationAction: who did what to a thread or a message, and why. Rows are added, never changed."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from examples.forum.models.messages import Message, Thread
from examples.forum.models.transactional import Recorded

#: One sentence or two (characters).
REASON_MAX_LENGTH = 200


class ModerationAction(Recorded):
    """One action; on `message` where there is one, and on `thread` otherwise."""

    class Action(models.TextChoices):
        """The action; messages can only be deleted and restored."""

        LOCK = "lock"
        UNLOCK = "unlock"
        PIN = "pin"
        UNPIN = "unpin"
        DELETE = "delete"
        RESTORE = "restore"

    action = models.CharField(max_length=8, choices=Action.choices)
    thread = models.ForeignKey(Thread, models.CASCADE, related_name="moderation")
    message = models.ForeignKey(Message, models.CASCADE, null=True, blank=True, related_name="moderation")
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="moderation")
    reason = models.CharField(max_length=REASON_MAX_LENGTH)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(message__isnull=True) | models.Q(action__in=["delete", "restore"]),
                name="forum_messages_are_deleted_or_restored",
            )
        ]

    def __str__(self) -> str:
        what = f"thread {self.thread_id}" if self.message_id is None else f"message {self.message_id}"
        return f"{self.action} of {what}"
