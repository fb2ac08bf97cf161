"""What goes in and out over HTTP. Fields of a notification are named as on the wire."""

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Schema
from pydantic import ConfigDict

from ..json_values import NOT_BOOLEAN

#: The largest id and seq that Postgres can hold.
MAX_BIGINT = 2**63 - 1

#: Page sizes: enough for a list, small enough for a phone.
PAGE_DEFAULT = 50
PAGE_MAX = 200

#: A seq, as a number.
Seq = Annotated[int, Field(ge=0, le=MAX_BIGINT), NOT_BOOLEAN]
#: Text that Postgres can hold: everything but NUL.
Topic = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
KindName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]


class Actor(Schema):
    """Who did it."""

    id: str
    username: str | None


class Notification(Schema):
    """One notification, with the fields of NOTIFICATION_CREATED; its `seq` is that of its last change of content."""

    seq: int
    notificationId: str
    notificationType: str
    createdAt: str
    isRead: bool
    data: dict[str, Any]
    actor: Actor | None
    messageId: str | None
    conversationId: str | None
    topic: str | None
    count: int
    actors: list[Actor] | None = None
    actorCount: int | None = None
    traceparent: str | None = None


class Snapshot(Schema):
    """The inbox at one instant: connect with its `epoch` and `seq`. `user_id` is its owner, as in CONNECTED."""

    user_id: str
    epoch: str
    seq: int
    unread: int
    notifications: list[Notification]


class NotificationPage(Schema):
    """A page of the list, newest first; `next` is the `before` of the page after, null on the last."""

    items: list[Notification]
    next: str | None


class UnreadCount(Schema):
    """How many are unread."""

    unread: int


class InboxHead(Schema):
    """Where the inbox stands after a change."""

    seq: int
    unread: int


class ReadThrough(Schema):
    """Which notifications to mark read: all, or those up to a seq, of a topic, of a kind."""

    model_config = ConfigDict(extra="forbid")

    through: Seq | None = None
    topic: Topic | None = None
    kind: KindName | None = None


class MuteIn(Schema):
    """What not to hear: at least one of kind and topic."""

    model_config = ConfigDict(extra="forbid")

    kind: KindName | None = None
    topic: Topic | None = None


class MuteOut(Schema):
    """One mute."""

    id: int
    kind: str | None
    topic: str | None
    created_at: datetime


class SocketToken(Schema):
    """A JWT for the socket, and the Unix time at which it expires."""

    token: str
    expires_at: float


class SocketTicket(Schema):
    """What opens one socket, once, within some seconds."""

    ticket: str
    expires_in_seconds: int


class EventIn(Schema):
    """An event of a service: a declared name, a payload that fits it, and an idempotency key."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=120)]
    payload: dict[str, Any]
    key: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    actor_id: Annotated[int, Field(ge=1, le=MAX_BIGINT), NOT_BOOLEAN] | None = None
    source: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] | None = None


class Recorded(Schema):
    """The event's number: ask for its story with `manage.py trace`."""

    event_id: int


class Error(Schema):
    """The error, and what to do about it."""

    detail: str
