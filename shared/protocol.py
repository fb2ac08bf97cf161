"""The wire protocol, version 1: every frame and close code, built without I/O.

Input: the typed content of a frame. Output: one JSON text. Each frame that changes an inbox carries the absolute `seq`
and `unread` of that inbox, so that clients never count. Frames are compact JSON with `type`, `seq` and `unread` first.
A created notification is serialized once for all its recipients (`AnnouncedFrames`); only the few bytes that differ are
inserted for each. The golden frames in `tests/contracts/golden/` show every frame.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any

from .user_keys import Key

VERSION = 1
SUBPROTOCOL = "clarion.v1"
BEARER_PREFIX = "bearer."


class Close(IntEnum):
    """Close codes; docs/protocol.md describes the reaction of a client to each."""

    NORMAL = 1000
    NO_TOKEN = 4001
    BAD_TOKEN = 4002
    REVOKED = 4003
    SILENT = 4008
    TOO_SLOW = 4009
    GOING_AWAY = 4012
    MESSAGE_TOO_LARGE = 4013
    TOO_MANY = 4029


class AuthFailure(StrEnum):
    """`reason` of AUTH_FAILED."""

    MISSING = "MISSING"
    EXPIRED = "EXPIRED"
    INVALID = "INVALID"
    USER_MISMATCH = "USER_MISMATCH"
    REVOKED = "REVOKED"

    @property
    def close_code(self) -> Close:
        """The code that the socket is closed with after this refusal."""
        if self in (AuthFailure.MISSING, AuthFailure.EXPIRED):
            return Close.NO_TOKEN
        return Close.REVOKED if self is AuthFailure.REVOKED else Close.BAD_TOKEN


class ResyncReason(StrEnum):
    """`reason` of RESYNC: the reason why the cursor could not be resumed."""

    EPOCH = "EPOCH"  # another epoch: the inbox was restored from a backup
    AHEAD = "AHEAD"  # a cursor from the future
    PURGED = "PURGED"  # the log below the floor has been purged
    BEHIND = "BEHIND"  # more changes than are replayed


def dumps(value: Any) -> str:
    """Return compact JSON, the format of every frame."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def instant(at: datetime) -> str:
    """Return ISO 8601 in UTC with microseconds, the format of all times in frames and over HTTP."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class NotificationContent:
    """The content of a notification: the part that all recipients of an audience share.

    `data` holds all values that rendering needs, without another request; ids in `refs` are strings.
    """

    kind: str
    created_at: datetime
    data: dict[str, Any]
    actor_id: Key | None = None
    actor_username: str | None = None
    topic: str | None = None
    message_id: str | None = None
    conversation_id: str | None = None
    traceparent: str | None = None

    def actor(self) -> dict[str, Any] | None:
        """Return the actor with the names of a frame."""
        return None if self.actor_id is None else {"id": str(self.actor_id), "username": self.actor_username}

    def fields(self) -> dict[str, Any]:
        """Return the fields by their names in a frame."""
        fields = {
            "notificationType": self.kind,
            "createdAt": instant(self.created_at),
            "data": self.data,
            "actor": self.actor(),
            "messageId": self.message_id,
            "conversationId": self.conversation_id,
            "topic": self.topic,
        }
        # Only if there is one, because its bytes are sent to each recipient.
        return fields if self.traceparent is None else {**fields, "traceparent": self.traceparent}


@dataclass(frozen=True, slots=True)
class Collapsed:
    """Several unread events of one kind and topic.

    `first` names the notification; `actors` are the newest three, each once, `actor_count` how many there were.
    """

    first: int
    count: int
    actors: list[dict[str, Any]]
    actor_count: int

    def fields(self) -> dict[str, Any]:
        """Return the fields by their names in a frame."""
        return {"count": self.count, "actors": self.actors, "actorCount": self.actor_count}


_JSON = {False: "false", True: "true"}


class AnnouncedFrames:
    """The frames of one announcement: each is a head of the recipient's own, and `rest`, serialized once for all."""

    def __init__(self, announced: NotificationContent) -> None:
        self.rest = dumps(announced.fields())[1:]
        self._modified = instant(announced.created_at)

    def created(self, seq: int, unread: int, *, is_read: bool = False, quiet: bool = False) -> str:
        """NOTIFICATION_CREATED, up to `rest`, for the recipient to whom this notification is `seq`."""
        name = str(seq)  # once: this is the hottest line there is
        return (
            f'{{"type":"NOTIFICATION_CREATED","seq":{name},"unread":{unread},"notificationId":"{name}",'
            f'"isRead":{_JSON[is_read]},"quiet":{_JSON[quiet]},"count":1,'
        )

    def collapsed(self, seq: int, unread: int, into: Collapsed, *, is_read: bool = False, quiet: bool = False) -> str:
        """NOTIFICATION_UPDATED, up to `rest`, for the recipient to whom it collapsed into one that was there."""
        return (
            f'{{"type":"NOTIFICATION_UPDATED","seq":{seq},"unread":{unread},"notificationId":"{into.first}",'
            f'"isRead":{_JSON[is_read]},"modified":"{self._modified}","quiet":{_JSON[quiet]},'
            f"{dumps(into.fields())[1:-1]},"
        )


def updated(seq: int, unread: int, notification: int, *, is_read: bool, modified: datetime) -> str:
    """NOTIFICATION_UPDATED: one notification was marked read or unread."""
    return dumps(
        {
            "type": "NOTIFICATION_UPDATED",
            "seq": seq,
            "unread": unread,
            "notificationId": str(notification),
            "isRead": is_read,
            "modified": instant(modified),
        }
    )


def read_through(seq: int, unread: int, through: int, *, topic: str | None, kind: str | None) -> str:
    """NOTIFICATIONS_READ: all notifications up to `through`, of that topic and kind where given, were read."""
    return dumps(
        {
            "type": "NOTIFICATIONS_READ",
            "seq": seq,
            "unread": unread,
            "through": through,
            "topic": topic,
            "notificationType": kind,
        }
    )


def seen(seq: int, unread: int, unseen: int, through: int) -> str:
    """INBOX_SEEN: the user has seen all up to `through`; `unseen` of the unread ones lie above it."""
    return dumps({"type": "INBOX_SEEN", "seq": seq, "unread": unread, "unseen": unseen, "through": through})


def deleted(seq: int, unread: int, notification: int) -> str:
    """NOTIFICATION_DELETED."""
    return dumps({"type": "NOTIFICATION_DELETED", "seq": seq, "unread": unread, "notificationId": str(notification)})


def connected(
    *,
    user_id: Key,
    session_id: str,
    epoch: str,
    seq: int,
    unread: int,
    unseen: int,
    heartbeat_seconds: int,
    resumed: bool,
) -> str:
    """Build CONNECTED; if `resumed`, all changes since the client's cursor follow, otherwise it reads the snapshot."""
    return dumps(
        {
            "type": "CONNECTED",
            "user_id": str(user_id),
            "session_id": session_id,
            "protocol": VERSION,
            "epoch": epoch,
            "seq": seq,
            "unread": unread,
            "unseen": unseen,
            "heartbeat_seconds": heartbeat_seconds,
            "resumed": resumed,
        }
    )


def resync(*, epoch: str, seq: int, unread: int, unseen: int, reason: ResyncReason) -> str:
    """RESYNC: read the snapshot and go on from this seq."""
    head = {"epoch": epoch, "seq": seq, "unread": unread, "unseen": unseen}
    return dumps({"type": "RESYNC", **head, "reason": reason.value})


def auth_ok(*, user_id: Key, username: str, refreshed: bool) -> str:
    """AUTH_OK: a token was accepted in band."""
    return dumps({"type": "AUTH_OK", "user_id": str(user_id), "username": username, "refreshed": refreshed})


def auth_failed(reason: AuthFailure) -> str:
    """AUTH_FAILED: sent before the close, since browsers do not see a refused handshake."""
    return dumps({"type": "AUTH_FAILED", "reason": reason.value})


def auth_refresh_required(grace_seconds: int) -> str:
    """AUTH_REFRESH_REQUIRED: the token has expired or is about to; send AUTH within `grace_seconds`."""
    return dumps({"type": "AUTH_REFRESH_REQUIRED", "grace_seconds": grace_seconds})


def rate_limited(retry_after_seconds: int) -> str:
    """RATE_LIMITED: too many messages; the socket is closed after it."""
    return dumps({"type": "RATE_LIMITED", "retry_after_seconds": retry_after_seconds})


def going_away(reconnect_after_seconds: float) -> str:
    """GOING_AWAY: the edge is about to stop; reconnect after this many seconds."""
    return dumps({"type": "GOING_AWAY", "reconnect_after_seconds": round(reconnect_after_seconds, 3)})


def closed(code: Close) -> str:
    """Build CLOSED: the last event of a stream of Server-Sent Events, which has no close codes."""
    return dumps({"type": "CLOSED", "code": int(code)})


PONG = dumps({"type": "pong"})


def heartbeat_ack(session_id: str) -> str:
    """heartbeat_ack."""
    return dumps({"type": "heartbeat_ack", "session_id": session_id})
