"""A message, who takes part, their notifications, and the handler that makes them."""

from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone


class Participant(models.Model):
    """A recipient of the messages in a thread."""

    thread_id = models.BigIntegerField(db_index=True)
    user_id = models.BigIntegerField()

    class Meta:
        app_label = "inline"

    def __str__(self) -> str:
        return f"{self.user_id} in {self.thread_id}"


class Message(models.Model):
    """A message."""

    thread_id = models.BigIntegerField()
    body = models.TextField()

    class Meta:
        app_label = "inline"

    def __str__(self) -> str:
        return self.body


class Notification(models.Model):
    """One recipient's copy."""

    recipient_id = models.BigIntegerField(db_index=True)
    kind = models.CharField(max_length=64)
    data = models.JSONField()
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "inline"

    def __str__(self) -> str:
        return f"{self.kind} for {self.recipient_id}"


@receiver(post_save, sender=Message)
def tell_everybody(*, instance: Message, **_: Any) -> None:
    """Write all notifications, then send each."""
    data = {"message_id": instance.pk, "thread_id": instance.thread_id, "excerpt": instance.body[:100]}
    now = timezone.now()
    users = Participant._default_manager.filter(thread_id=instance.thread_id).values_list("user_id", flat=True)
    notifications = Notification._default_manager.bulk_create(
        Notification(recipient_id=user_id, kind="THREAD_REPLY", data=data, created_at=now) for user_id in users
    )
    layer: Any = get_channel_layer()
    for one in notifications:
        content = {"id": one.pk, "type": one.kind, "data": data, "created_at": now.isoformat()}
        async_to_sync(layer.group_send)(f"user_{one.recipient_id}", {"type": "notify", "content": content})
