"""The schemas of requests and responses. Fields of a notification have the names of the frames."""

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Schema
from pydantic import ConfigDict, PlainSerializer, WithJsonSchema

from ...shared.protocol import instant
from ...shared.user_keys import BIGINT_MAX as MAX_BIGINT
from ..json_values import NOT_BOOLEAN
from ..persons import UserId

#: Page sizes: enough for a list, small enough for a phone.
PAGE_DEFAULT = 50
PAGE_MAX = 200

#: A seq, as a number.
Seq = Annotated[int, Field(ge=0, le=MAX_BIGINT), NOT_BOOLEAN]
#: Text that Postgres can store: without NUL.
Topic = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
KindName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]


#: A time in UTC with its offset, also in a project with USE_TZ=False.
Instant = Annotated[
    datetime,
    PlainSerializer(instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Actor(Schema):
    """The user who caused it."""

    id: str
    username: str | None


class Notification(Schema):
    """One notification, with the fields of NOTIFICATION_CREATED; `seq` is that of its last change of content."""

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
    """The inbox at one point in time: connect with its `epoch` and `seq`. `user_id` is its owner, as in CONNECTED.

    `unseen` is the number of unread notifications above the seq `seen`, at most 100.
    """

    user_id: str
    epoch: str
    seq: int
    unread: int
    seen: int
    unseen: int
    notifications: list[Notification]


class NotificationPage(Schema):
    """A page of the list, newest first; `next` is the `before` of the page after, null on the last."""

    items: list[Notification]
    next: str | None


class UnreadCount(Schema):
    """The numbers of unread notifications, and of those among them that were not seen, at most 100."""

    unread: int
    unseen: int


class InboxHead(Schema):
    """The head of the inbox after a change."""

    seq: int
    unread: int


class SeenHead(InboxHead):
    """The head of the inbox after it was seen."""

    unseen: int


class SeenThrough(Schema):
    """The seq up to which the inbox was seen; by default all of it."""

    model_config = ConfigDict(extra="forbid")

    through: Seq | None = None


class ReadThrough(Schema):
    """The notifications to mark as read: all, or those up to a seq, of a topic, of a kind."""

    model_config = ConfigDict(extra="forbid")

    through: Seq | None = None
    topic: Topic | None = None
    kind: KindName | None = None


class MuteIn(Schema):
    """The kind, the topic, or both to mute."""

    model_config = ConfigDict(extra="forbid")

    kind: KindName | None = None
    topic: Topic | None = None


class MuteOut(Schema):
    """One mute."""

    id: int
    kind: str | None
    topic: str | None
    created_at: Instant


class SocketToken(Schema):
    """A JWT for the socket, and the Unix time at which it expires."""

    token: str
    expires_at: float


class SocketTicket(Schema):
    """A ticket that opens one socket, once, within some seconds."""

    ticket: str
    expires_in_seconds: int


class EventIn(Schema):
    """An event of a service: a declared name, a payload that fits it, and an idempotency key."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=120)]
    payload: dict[str, Any]
    key: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    actor_id: UserId | None = None
    source: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] | None = None


class Recorded(Schema):
    """The id of the event; `manage.py trace` shows its timeline."""

    event_id: int


class Error(Schema):
    """The error, with the way to correct it."""

    detail: str
