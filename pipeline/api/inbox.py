"""A user's own inbox over HTTP. Someone else's id is not found."""

from dataclasses import asdict
from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Query, Router, Status
from ninja.errors import HttpError

from ..inbox import marking, mutes, snapshots
from . import schemas
from .auth import user_id

router = Router()

NotificationId = Annotated[int, Path(ge=1, le=schemas.MAX_BIGINT, description="Its `notificationId`")]
Limit = Annotated[int, Query(ge=1, le=schemas.PAGE_MAX)]
NOT_FOUND = {404: schemas.Error}


@router.get("/inbox", response=schemas.Snapshot)
def snapshot(request: HttpRequest, limit: Limit = schemas.PAGE_DEFAULT) -> dict[str, object]:
    """Return the newest notifications and the head of the inbox, of one point in time."""
    owner = user_id(request)
    page = snapshots.newest(owner, limit=limit)
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
    """Return a page of notifications, newest first."""
    page = snapshots.newest(user_id(request), limit=limit, before=before, is_read=is_read, kind=kind, topic=topic)
    more = len(page.notifications) == limit
    return {"items": page.notifications, "next": str(page.notifications[-1]["seq"]) if more else None}


@router.get("/notifications/unread-count", response=schemas.UnreadCount)
def unread_count(request: HttpRequest) -> snapshots.Counts:
    """Return the numbers of unread and of unseen notifications."""
    return snapshots.counts(user_id(request))


@router.post("/notifications/read", response=schemas.InboxHead)
def read_through(request: HttpRequest, which: schemas.ReadThrough | None = None) -> marking.Head:
    """Mark all as read, optionally up to a seq, of a topic or of a kind."""
    which = which or schemas.ReadThrough()
    return marking.read_through(user_id(request), through=which.through, topic=which.topic, kind=which.kind)


@router.post("/notifications/seen", response=schemas.SeenHead)
def seen(request: HttpRequest, which: schemas.SeenThrough | None = None) -> marking.Seen:
    """Mark all as seen, optionally up to a seq; they stay unread."""
    return marking.mark_seen(user_id(request), through=which.through if which else None)


@router.post("/notifications/{notification_id}/read", response={200: schemas.InboxHead, **NOT_FOUND})
def read(request: HttpRequest, notification_id: NotificationId) -> marking.Head:
    """Mark one notification as read."""
    return marking.mark_read(user_id(request), notification_id, read=True)


@router.post("/notifications/{notification_id}/unread", response={200: schemas.InboxHead, **NOT_FOUND})
def unread(request: HttpRequest, notification_id: NotificationId) -> marking.Head:
    """Mark one notification as unread."""
    return marking.mark_read(user_id(request), notification_id, read=False)


@router.get("/notifications/{notification_id}", response={200: schemas.Notification, **NOT_FOUND})
def notification(request: HttpRequest, notification_id: NotificationId) -> dict[str, object]:
    """Return one notification in its current form."""
    found = snapshots.one(user_id(request), notification_id)
    if found is None:
        raise marking.NoSuchNotification
    return found


@router.delete("/notifications/{notification_id}", response={200: schemas.InboxHead, **NOT_FOUND})
def delete(request: HttpRequest, notification_id: NotificationId) -> marking.Head:
    """Delete one notification."""
    return marking.delete(user_id(request), notification_id)


@router.get("/mutes", response=list[schemas.MuteOut])
def list_mutes(request: HttpRequest) -> list[object]:
    """Return your mutes."""
    return list(mutes.mutes_of(user_id(request)))


@router.post("/mutes", response=schemas.MuteOut)
def mute(request: HttpRequest, what: schemas.MuteIn) -> object:
    """Mute a kind, a topic, or a kind within a topic."""
    if what.kind is None and what.topic is None:
        raise HttpError(422, "name a kind, a topic, or both to mute")
    return mutes.mute(user_id(request), kind=what.kind, topic=what.topic)


@router.delete("/mutes/{mute_id}", response={204: None, **NOT_FOUND})
def unmute(request: HttpRequest, mute_id: Annotated[int, Path(ge=1, le=schemas.MAX_BIGINT)]) -> Status[None]:
    """Remove a mute."""
    mutes.unmute(user_id(request), mute_id)
    return Status(204, None)
