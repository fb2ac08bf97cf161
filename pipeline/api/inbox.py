"""A user's own inbox over HTTP. Someone else's id is not found."""

from dataclasses import asdict
from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Query, Router, Status
from ninja.errors import HttpError

from ..inbox import changes, mutes, reading
from . import schemas
from .auth import user_id

router = Router()

NotificationId = Annotated[int, Path(ge=1, le=schemas.MAX_BIGINT, description="Its `notificationId`")]
Limit = Annotated[int, Query(ge=1, le=schemas.PAGE_MAX)]
NOT_FOUND = {404: schemas.Error}


@router.get("/inbox", response=schemas.Snapshot)
def snapshot(request: HttpRequest, limit: Limit = schemas.PAGE_DEFAULT) -> dict[str, object]:
    """The newest notifications and the head of the inbox, of one instant."""
    owner = user_id(request)
    page = reading.newest(owner, limit=limit)
    return {"user_id": str(owner), **asdict(page.head), "notifications": page.notifications}


@router.get("/notifications", response=schemas.NotificationPage)
def notifications(
    request: HttpRequest,
    limit: Limit = schemas.PAGE_DEFAULT,
    before: schemas.Seq | None = None,
    is_read: bool | None = None,
    kind: schemas.KindName | None = None,
    topic: schemas.Topic | None = None,
) -> dict[str, object]:
    """A page of notifications, newest first."""
    page = reading.newest(user_id(request), limit=limit, before=before, is_read=is_read, kind=kind, topic=topic)
    more = len(page.notifications) == limit
    return {"items": page.notifications, "next": str(page.notifications[-1]["seq"]) if more else None}


@router.get("/notifications/unread-count", response=schemas.UnreadCount)
def unread_count(request: HttpRequest) -> schemas.UnreadCount:
    """How many notifications are unread."""
    return schemas.UnreadCount(unread=reading.unread_count(user_id(request)))


@router.post("/notifications/read", response=schemas.InboxHead)
def read_through(request: HttpRequest, which: schemas.ReadThrough | None = None) -> changes.Head:
    """Mark all read, or those up to a seq, of a topic, of a kind."""
    which = which or schemas.ReadThrough()
    return changes.read_through(user_id(request), through=which.through, topic=which.topic, kind=which.kind)


@router.post("/notifications/{notification_id}/read", response={200: schemas.InboxHead, **NOT_FOUND})
def read(request: HttpRequest, notification_id: NotificationId) -> changes.Head:
    """Mark one read."""
    return changes.mark_read(user_id(request), notification_id, read=True)


@router.post("/notifications/{notification_id}/unread", response={200: schemas.InboxHead, **NOT_FOUND})
def unread(request: HttpRequest, notification_id: NotificationId) -> changes.Head:
    """Mark one unread."""
    return changes.mark_read(user_id(request), notification_id, read=False)


@router.get("/notifications/{notification_id}", response={200: schemas.Notification, **NOT_FOUND})
def notification(request: HttpRequest, notification_id: NotificationId) -> dict[str, object]:
    """Return one notification as it is shown now."""
    found = reading.one(user_id(request), notification_id)
    if found is None:
        raise changes.NoSuchNotification
    return found


@router.delete("/notifications/{notification_id}", response={200: schemas.InboxHead, **NOT_FOUND})
def delete(request: HttpRequest, notification_id: NotificationId) -> changes.Head:
    """Delete one."""
    return changes.delete(user_id(request), notification_id)


@router.get("/mutes", response=list[schemas.MuteOut])
def list_mutes(request: HttpRequest) -> list[object]:
    """What you do not hear."""
    return list(mutes.mutes_of(user_id(request)))


@router.post("/mutes", response=schemas.MuteOut)
def mute(request: HttpRequest, what: schemas.MuteIn) -> object:
    """Do not hear a kind, a topic, or a kind within a topic."""
    if what.kind is None and what.topic is None:
        raise HttpError(422, "say what to mute: a kind, a topic, or both")
    return mutes.mute(user_id(request), kind=what.kind, topic=what.topic)


@router.delete("/mutes/{mute_id}", response={204: None, **NOT_FOUND})
def unmute(request: HttpRequest, mute_id: Annotated[int, Path(ge=1, le=schemas.MAX_BIGINT)]) -> Status[None]:
    """Hear it again."""
    mutes.unmute(user_id(request), mute_id)
    return Status(204, None)
