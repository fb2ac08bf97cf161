"""Reads an inbox: the snapshot, the pages of the list, the unread count.

Input: a user and filters. Output: typed pages, each of one point in time: one statement reads the head of the inbox and
its notifications, so that a client continues from a snapshot's seq without gaps or repetitions.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from ...shared.inbox.queries import HEAD_WIDTH, UNSEEN, Head, newest_sql, one_sql
from ...shared.protocol import Collapsed, NotificationContent
from ...shared.user_keys import Key
from ..persons import key_of, key_type, number_of

_COUNTS = f"SELECT head.unread, counted.unseen FROM clarion_inbox head {UNSEEN} WHERE head.user_id = %s"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Page:
    """The newest notifications below a seq, newest first, with the fields of frames, and the inbox's head."""

    head: Head
    notifications: Sequence[dict[str, Any]]


def newest(
    user_id: Key | UUID,
    *,
    limit: int,
    before: int | None = None,
    is_read: bool | None = None,
    kind: str | None = None,
    topic: str | None = None,
) -> Page:
    """Return one page; `before` is the seq of the last notification on the previous page."""
    params = {"limit": limit, "before": before, "is_read": is_read, "kind": kind, "topic": topic}
    return _page(newest_sql(key_type()), params | {"user_id": key_of(user_id)})


def one(user_id: Key | UUID, notification: int) -> dict[str, Any] | None:
    """Return the user's notification with that id, in its current state; None if it does not exist."""
    params = {"user_id": key_of(user_id), "name": notification, "limit": 1}
    return next(iter(_page(one_sql(key_type()), params).notifications), None)


def _page(sql: str, params: dict[str, Any]) -> Page:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    epoch, *counts = rows[0][:HEAD_WIDTH]
    head = Head(epoch, *(count or 0 for count in counts))
    return Page(head, [_notification(row[HEAD_WIDTH:]) for row in rows if row[HEAD_WIDTH] is not None])


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of a user's unread notifications, and of those among them that the user has not seen."""

    unread: int
    unseen: int


def counts(user_id: Key | UUID) -> Counts:
    """Return what a badge shows; see `Head`."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, [number_of(user_id)])
        row = cursor.fetchone()
    return Counts(*row) if row else Counts(0, 0)


def _notification(row: Sequence[Any]) -> dict[str, Any]:
    seq, first, is_read, count, actors, actor_count, *told = row
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
    fields = {"seq": seq, "notificationId": str(first or seq), "isRead": is_read, **announced.fields()}
    if first is None:
        return {**fields, "count": 1}
    return {**fields, **Collapsed(first, count, json.loads(actors), actor_count).fields()}
