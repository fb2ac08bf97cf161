"""The code blocks of the how-tos are run unchanged, with the forum's models in place of the reader's own."""

from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models.signals import post_save

from clarion.pipeline import delivery
from clarion.pipeline.outbox.models import Event
from clarion.shared.inbox.models import Notification
from examples.forum.events import MessagePosted
from examples.forum.models import Message
from tests.docs.blocks import Block, blocks_of
from tests.factories import MessageFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def run(written: list[Block], **names: Any) -> dict[str, Any]:
    """Run one block after the other; return their definitions."""
    for block in written:
        exec(compile(block.text, str(block), "exec"), names)  # noqa: S102 - our own documents
    return names


def test_unread_migrated_once(valkey: str) -> None:
    """The documented migration from polling brings an unread item over once."""
    ann = UserFactory.create()
    bring_over = run(blocks_of("test_unread_migrated_once"))["bring_over"]
    for _ in range(2):
        bring_over(SimpleNamespace(pk=5, user_id=ann.pk, text="Hello.", url="/"))
    delivery.expand(Event.objects.get().pk)
    told = Notification.objects.select_related("announcement").get()
    assert (told.recipient_id, told.announcement.kind, told.announcement.data["text"]) == (ann.pk, "REPLY", "Hello.")


def test_django_notifications_replaced(valkey: str) -> None:
    """The documented replacement of `notify.send` records an event with an audience."""
    ann, ben = UserFactory.create(), UserFactory.create()
    thread = SimpleNamespace(title="Bread", participants=User.objects.filter(pk__in=[ann.pk, ben.pk]))
    message = SimpleNamespace(
        pk=9, thread=thread, thread_id=3, author_id=ben.pk, body="Good.", get_absolute_url=lambda: "/9"
    )
    rows = SimpleNamespace(select_related=lambda *_: SimpleNamespace(get=lambda pk: message))
    written = blocks_of("test_django_notifications_replaced")
    run(written, Message=SimpleNamespace(objects=rows))["replied"](message)
    delivery.expand(Event.objects.get().pk)
    told = Notification.objects.select_related("announcement").get()
    assert (told.recipient_id, told.announcement.topic) == (ann.pk, "shop.thread:3")


def test_inline_fan_out_replaced(valkey: str) -> None:
    """The documented replacement of an inline fan-out records an event and returns."""
    written = blocks_of("test_inline_fan_out_replaced")
    handlers = run(written, Message=Message, MessagePosted=MessagePosted)  # Django's signal refers to them weakly
    try:
        message = MessageFactory.create(origin=Message.Origin.SYSTEM)
    finally:
        assert post_save.disconnect(sender=Message, dispatch_uid="shop.message.posted"), handlers
    assert Event.objects.get().key == f"shop.message.posted:{message.pk}"


def test_documented_channel_layer(valkey: str) -> None:
    """The documented CHANNEL_LAYERS are those of the settings."""
    names = run(blocks_of("test_documented_channel_layer"))
    assert names["CHANNEL_LAYERS"] == settings.CHANNEL_LAYERS
    async_to_sync(get_channel_layer().flush)()
