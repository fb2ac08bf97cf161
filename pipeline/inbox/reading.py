"""Reading an inbox: the snapshot, the pages of the list, the unread count.

Enters: a user and filters. Leaves: typed pages, each of one instant: the head of the inbox and its notifications are
read by one statement, so that a client may go on from a snapshot's seq without missing or repeating anything.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from ...shared.inbox.queries import NEWEST, ONE, Head
from ...shared.protocol import Collapsed, NotificationContent

_HEAD = "SELECT seq, unread FROM clarion_inbox WHERE user_id = %s"


@dataclass(frozen=True, slots=True)
class Page:
    """The newest notifications below a seq, newest first, as the wire names their fields, and the inbox's head."""

    head: Head
    notifications: Sequence[dict[str, Any]]


def newest(
    user_id: int,
    *,
    limit: int,
    before: int | None = None,
    is_read: bool | None = None,
    kind: str | None = None,
    topic: str | None = None,
) -> Page:
    """One page; `before` is the seq of the last notification of the page before."""
    params = {"user_id": user_id, "limit": limit, "before": before, "is_read": is_read, "kind": kind, "topic": topic}
    return _page(NEWEST, params)


def one(user_id: int, notification: int) -> dict[str, Any] | None:
    """Return the user's notification with that id, in its current state; None if it does not exist."""
    return next(iter(_page(ONE, {"user_id": user_id, "name": notification, "limit": 1}).notifications), None)


def _page(sql: str, params: dict[str, Any]) -> Page:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    epoch, seq, unread, floor = rows[0][:4]
    head = Head(epoch, seq or 0, unread or 0, floor or 0)
    return Page(head, [_notification(row[4:]) for row in rows if row[4] is not None])


def unread_count(user_id: int) -> int:
    """How many notifications the user has not read."""
    with connection.cursor() as cursor:
        cursor.execute(_HEAD, [user_id])
        row = cursor.fetchone()
    return int(row[1]) if row else 0


def _notification(row: Sequence[Any]) -> dict[str, Any]:
    seq, first, read_at, count, actors, actor_count, *told = row
    topic, kind, created_at, data, actor_id, actor_username, message_id, conversation_id, traceparent = told
    announced = NotificationContent(
        kind=kind,
        created_at=created_at,
        data=json.loads(data),
        actor_id=actor_id,
        actor_username=actor_username,
        topic=topic,
        message_id=message_id,
        conversation_id=conversation_id,
        traceparent=traceparent,
    )
    fields = {"seq": seq, "notificationId": str(first or seq), "isRead": read_at is not None, **announced.fields()}
    if first is None:
        return {**fields, "count": 1}
    return {**fields, **Collapsed(first, count, json.loads(actors), actor_count).fields()}
