"""Vote, Acceptance and Award: what people think of what others write. Taking one back deletes its row."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from examples.forum.models.messages import Message, Thread
from examples.forum.models.transactional import Recorded

#: The name of a badge in the catalogue (characters).
SLUG_MAX_LENGTH = 40


class Vote(Recorded):
    """One person's vote for a message."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="votes", db_index=False)
    voter = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="votes")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["message", "voter"], name="forum_one_vote_each")]

    def __str__(self) -> str:
        return f"vote {self.pk} for message {self.message_id}"


class Acceptance(Recorded):
    """The answer that the author of a thread has accepted."""

    thread = models.OneToOneField(Thread, models.CASCADE, related_name="acceptance")
    message = models.ForeignKey(Message, models.CASCADE, related_name="acceptances")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"message {self.message_id} accepted in thread {self.thread_id}"


class Award(Recorded):
    """A badge of a user, by its name in the catalogue; `awarded_by` is null for an automatic one."""

    badge = models.CharField(max_length=SLUG_MAX_LENGTH)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="awards", db_index=False)
    awarded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="awards_given"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "badge"], name="forum_one_badge_each")]

    def __str__(self) -> str:
        return f"{self.badge} of user {self.user_id}"
