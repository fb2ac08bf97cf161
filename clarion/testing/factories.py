"""Factories of factory-boy for notifications and inboxes, stored as a worker would store them."""

from typing import Any
from uuid import uuid4

try:
    import factory.declarations as declare
    from factory.django import DjangoModelFactory
except ImportError as error:
    raise ImportError("clarion.testing.factories needs factory-boy: pip install factory-boy") from error

from ..pipeline import persons
from ..pipeline.adhoc import NoticeGiven
from ..pipeline.outbox.recording import record
from ..shared.inbox.models import Inbox, Notification
from .kit import deliver, leave_out


class NotificationFactory(DjangoModelFactory[Notification]):
    """A notification of `user`, of a kind, by an actor: it is recorded and delivered.

    So its seq, the unread count of the inbox and the collapse of its kind are right.
    """

    class Meta:
        model = Notification

    user = None
    kind = "NOTICE"
    data: Any = declare.LazyFunction(dict)  # type: ignore[no-untyped-call]
    topic = None
    actor = None
    key: Any = declare.LazyFunction(lambda: f"clarion.testing:{uuid4()}")  # type: ignore[no-untyped-call]

    @classmethod
    def _create(cls, model_class: type[Notification], *_: Any, **given: Any) -> Notification:
        user, actor = given["user"], given["actor"]
        if user is None:
            raise ValueError("a notification needs a user: NotificationFactory(user=ann)")
        user_id, actor_id = (getattr(one, "pk", one) for one in (user, actor))
        notice = NoticeGiven(
            kind=given["kind"], data=given["data"], topic=given["topic"], recipients=(persons.key_of(user_id),)
        )
        with deliver():
            event_id = record(notice, key=given["key"], actor_id=actor_id)
        leave_out(event_id)
        stored = Notification.objects.filter(event_id=event_id).first()
        if stored is None:
            raise ValueError(
                f"no notification was stored for user {user_id}: the user is the actor, has muted the kind or topic "
                "or is missing in the user model, or the kind is over its limit or paused"
            )
        return stored


class InboxFactory(DjangoModelFactory[Inbox]):
    """The inbox of `user`, with `unread` notifications."""

    class Meta:
        model = Inbox

    user = None
    unread = 0

    @classmethod
    def _create(cls, model_class: type[Inbox], *_: Any, **given: Any) -> Inbox:
        if given["user"] is None:
            raise ValueError("an inbox needs a user: InboxFactory(user=ann)")
        for _number in range(given["unread"]):
            NotificationFactory.create(user=given["user"])
        user_id = getattr(given["user"], "pk", given["user"])
        return Inbox.objects.get_or_create(pk=persons.number_for(user_id))[0]
