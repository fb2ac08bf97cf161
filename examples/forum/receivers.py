"""Signal handlers: record the event and return.

Enters: a message that Django has just saved. Leaves: one event in the outbox, in the same transaction, where a person
wrote something new; nothing for fixtures, changes, bots and the system. Who hears of it is decided elsewhere.
"""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from examples.forum.events import MessagePosted
from examples.forum.models import Message
from pipeline.outbox.recording import record


@receiver(post_save, sender=Message, dispatch_uid="forum.message.posted")
def message_saved(*, instance: Message, created: bool, raw: bool, **_: Any) -> None:
    """Record that `instance` was posted, if a person has just posted it."""
    if raw or not created or instance.origin != Message.Origin.HUMAN:
        return
    record(
        MessagePosted(message_id=instance.pk),
        key=f"forum.message.posted:{instance.pk}",
        actor_id=instance.author_id,
    )
